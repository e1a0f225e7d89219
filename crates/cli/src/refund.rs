//! `till refund`: a refund as JSON on standard input.

use std::path::Path;

use serde::Deserialize;
use till_app::error::{AppError, ErrorCode};
use till_app::view::{RefundLineInput, RefundSourceView};

use crate::answer::{Answer, Done, Refusal};
use crate::input::{Input, Number};
use crate::sell::ManagerInput;
use crate::shop;
use crate::words::spoken_view;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefundInput {
    user: String,
    pin: String,
    receipt: String,
    lines: Vec<LineInput>,
    reason: String,
    #[serde(default)]
    manager: Option<ManagerInput>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineInput {
    #[serde(default)]
    line: Option<String>,
    #[serde(default)]
    product: Option<String>,
    quantity: Number,
    restock: bool,
}

/// The line of a receipt that is meant.
fn line_of(
    till: &till_app::Till,
    source: &RefundSourceView,
    at: usize,
    given: &LineInput,
) -> Result<String, Refusal> {
    let found = match (&given.line, &given.product) {
        (Some(id), None) => source.lines.iter().find(|l| l.id == *id),
        (None, Some(product)) => {
            let by_name = |name: &str| {
                source
                    .lines
                    .iter()
                    .find(|l| l.name.to_lowercase() == name.trim().to_lowercase())
            };
            match by_name(product) {
                Some(line) => Some(line),
                None => by_name(&shop::find_product(till, product)?.name),
            }
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(Refusal::input(format!(
                "lines[{at}] has either `line` or `product`. Nothing was refunded."
            )));
        }
    };
    found.map(|line| line.id.clone()).ok_or_else(|| {
        Refusal::about(
            &AppError::refused(ErrorCode::NotFound, "the receipt has no such line"),
            &format!("lines[{at}]"),
        )
    })
}

/// Gives money back.
pub(crate) fn run(folder: &Path, input: &Input) -> Done {
    let given: RefundInput = input.json()?;
    let till = shop::open_existing(folder)?;
    let session = shop::sign_in(&till, &given.user, &given.pin)?;
    let source = till.refund_find(&given.receipt)?;
    let lines = given
        .lines
        .iter()
        .enumerate()
        .map(|(at, line)| {
            Ok(RefundLineInput {
                line: line_of(&till, &source, at, line)?,
                quantity: line.quantity.0.to_string(),
                restock: line.restock,
            })
        })
        .collect::<Result<Vec<_>, Refusal>>()?;
    let approval = given
        .manager
        .as_ref()
        .map(|m| m.approval(&till))
        .transpose()?;
    let (mut done, effects) = till.refund_commit(
        &session,
        &given.receipt,
        &lines,
        &given.reason,
        approval.as_ref(),
    )?;
    done.printer = shop::print(&till, &effects)?.or(done.printer);
    let mut text = done.receipt_text.join("\n");
    text.push_str(&format!(
        "\n\nRefund {}: {}",
        done.receipt,
        spoken_view(&done.total)
    ));
    for part in &done.goes_to {
        text.push_str(&format!(
            "\n{} {}: {}",
            part.label,
            spoken_view(&part.amount),
            part.says
        ));
    }
    if let Some(complaint) = &done.printer {
        text.push_str(&format!("\n{complaint}"));
    }
    Answer::new(&done, text)
}
