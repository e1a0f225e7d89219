//! What a scan means, with the product where there is a shop.

use std::path::Path;

use serde_json::{Value, json};
use till_app::error::AppError;
use till_domain::barcode::{Barcode, check_digit};

use crate::answer::{Answer, Done, exit, word};
use crate::args::BarcodeArgs;
use crate::shop;

fn symbology(code: &str) -> &'static str {
    match code.len() {
        8 => "ean8",
        12 => "upca",
        13 => "ean13",
        14 => "gtin14",
        _ => "short",
    }
}

fn one(code: &str, prefix: Option<&str>) -> (Value, bool) {
    let digits = code.split_at_checked(code.len().saturating_sub(1));
    let has_check = matches!(code.len(), 8 | 12 | 13 | 14);
    let check = digits
        .filter(|_| has_check)
        .and_then(|(body, _)| check_digit(body));
    match Barcode::parse(code, prefix) {
        Ok(scan) => (
            json!({
                "code": code,
                "symbology": symbology(code),
                "valid": true,
                "check_digit": check,
                "rule": null,
                "item_code": scan.lookup,
                "value": scan.weight.map(|w| json!({ "kind": "weight", "amount": w.to_string() })),
                "gs1": null,
                "product": null,
                "error": null,
            }),
            true,
        ),
        Err(error) => {
            let error = AppError::from(error);
            (
                json!({
                    "code": code,
                    "symbology": null,
                    "valid": false,
                    "check_digit": check,
                    "rule": null,
                    "item_code": null,
                    "value": null,
                    "gs1": null,
                    "product": null,
                    "error": { "code": word(error.code()), "message": error.sentence() },
                }),
                false,
            )
        }
    }
}

/// Reads every code; exit 1 when one could not be read.
pub(crate) fn run(args: &BarcodeArgs, data: Option<&Path>) -> Done {
    let prefix = match data {
        Some(folder) => shop::open_existing(folder)?.shop()?.weight_prefix,
        None => None,
    };
    let read: Vec<(Value, bool)> = args
        .codes
        .iter()
        .map(|code| one(code, prefix.as_deref()))
        .collect();
    let all_valid = read.iter().all(|(_, valid)| *valid);
    let json: Vec<Value> = read.into_iter().map(|(json, _)| json).collect();
    let text = serde_json::to_string_pretty(&json).unwrap_or_default();
    let mut answer = Answer::new(json, text)?;
    if !all_valid {
        answer.exit = exit::REFUSED;
    }
    Ok(answer)
}
