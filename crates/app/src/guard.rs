//! What people type, on its way in.
//!
//! Invariant: nothing that looks like a card number is recorded, shown again or
//! logged. Every text that a person can type or scan comes through here before it is
//! stored ([`check_text`], [`check_note`], [`check_all`]) or looked for ([`no_card`]);
//! `tests/it/card_guard.rs` knows each way in by name.

use serde::Serialize;
use serde_json::Value;
use till_domain::barcode::looks_like_card;

use crate::error::{AppError, ErrorCode};

/// Anything but a card number.
pub(crate) fn no_card(text: &str) -> Result<(), AppError> {
    if looks_like_card(text) {
        return Err(ErrorCode::LooksLikeCard.into());
    }
    Ok(())
}

/// A word from a person: not empty, not a page, and no card number.
pub(crate) fn check_text(text: &str, longest: usize) -> Result<(), AppError> {
    no_card(text)?;
    let length = text.trim().chars().count();
    if length == 0 || length > longest || text.chars().any(char::is_control) {
        return Err(ErrorCode::BadText.into());
    }
    Ok(())
}

/// As [`check_text`], of what may be left empty; without the spaces around it.
pub(crate) fn check_note(text: &str, longest: usize) -> Result<&str, AppError> {
    let text = text.trim();
    if !text.is_empty() {
        check_text(text, longest)?;
    }
    Ok(text)
}

/// No card number in any text of a record, its names included.
pub(crate) fn check_all(record: &impl Serialize) -> Result<(), AppError> {
    let record = serde_json::to_value(record)
        .map_err(|_| AppError::internal("a record could not be read"))?;
    check_value(&record)
}

fn check_value(value: &Value) -> Result<(), AppError> {
    match value {
        Value::String(text) => no_card(text),
        Value::Array(items) => items.iter().try_for_each(check_value),
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            no_card(name)?;
            check_value(value)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}
