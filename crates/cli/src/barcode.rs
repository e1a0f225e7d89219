//! What a scan means, with the product where there is a shop.
//!
//! Invariants:
//! - every code is answered, in order, also behind one that cannot be read;
//! - what looks like a card number is not repeated.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};
use std::path::Path;

use serde_json::{Value, json};
use till_app::error::AppError;
use till_app::view::ProductView;
use till_domain::barcode::{Barcode, BarcodeError, Rule};

use crate::answer::{Answer, Done, Refusal, exit, note};
use crate::args::BarcodeArgs;
use crate::input::{self, Input};
use crate::shop;

type Read = Result<(Barcode, Option<ProductView>), AppError>;

/// The answer to one code, for scripts.
fn document(code: &str, read: &Result<(Barcode, Option<ProductView>), BarcodeError>) -> Value {
    let (scan, product) = match read {
        Ok(read) => read,
        Err(error) => {
            let is_card = matches!(error, BarcodeError::Card);
            let expected = match error {
                BarcodeError::CheckDigit { expected, .. } => Some(expected),
                BarcodeError::Empty
                | BarcodeError::Length { .. }
                | BarcodeError::TooLong
                | BarcodeError::Characters
                | BarcodeError::Card
                | BarcodeError::Gs1(_) => None,
            };
            return json!({
                "code": (!is_card).then_some(code),
                "symbology": null,
                "valid": false,
                "check_digit": expected,
                "rule": null,
                "item_code": null,
                "value": null,
                "gs1": null,
                "product": null,
                "error": Refusal::from(AppError::from(error.clone())).json(),
            });
        }
    };
    let label = scan.label.as_ref();
    let elements = scan.elements.iter();
    let elements: serde_json::Map<String, Value> = elements
        .map(|e| (e.ai.to_owned(), Value::from(e.value.as_str())))
        .collect();
    json!({
        "code": code,
        "symbology": scan.symbology.name(),
        "valid": true,
        "check_digit": scan.check_digit,
        "rule": label.map(|l| &l.rule),
        "item_code": label.map(|l| &l.item_code),
        "value": label.map(|l| json!({ "kind": l.kind, "amount": l.amount.to_string() })),
        "gs1": (!elements.is_empty()).then_some(elements),
        "product": product,
        "error": null,
    })
}

/// The answer to one code, for people.
fn sentence(code: &str, read: &Result<(Barcode, Option<ProductView>), BarcodeError>) -> String {
    let (scan, product) = match read {
        Ok(read) => read,
        Err(error) => {
            let code = if matches!(error, BarcodeError::Card) {
                "(not repeated)"
            } else {
                code
            };
            let error = AppError::from(error.clone());
            return format!("{}: {}\n", code.escape_debug(), error.sentence());
        }
    };
    let mut text = format!("{}: {}", code.escape_debug(), scan.symbology.name());
    if let Some(label) = &scan.label {
        let _ = write!(
            text,
            ", {} {} of {}",
            label.kind, label.amount, label.item_code
        );
    }
    if let Some(product) = product {
        let _ = write!(text, ", {} {}", product.sku, product.name);
    }
    text.push('\n');
    for element in &scan.elements {
        let _ = writeln!(
            text,
            "  ({}) {}: {}",
            element.ai, element.title, element.value
        );
    }
    text
}

fn rules_of(file: &Path) -> Result<Vec<Rule>, Refusal> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Refusal::input(format!("{} cannot be read ({error}).", file.display())))?;
    input::parse(&file.display().to_string(), &text)
}

/// Reads every code; exit 1 when one could not be read.
pub(crate) fn run(args: &BarcodeArgs, data: Option<&Path>, input: &Input) -> Done {
    let from_input = match args.codes.as_slice() {
        [] => true,
        [code] => code == "-",
        _ => false,
    };
    if args.codes.is_empty() && io::stdin().is_terminal() {
        return Err(Refusal::input(
            "No code: give one as an argument, or several on standard input, one a line.",
        ));
    }
    let text = if from_input {
        input.text()?
    } else {
        String::new()
    };
    let codes: Vec<&str> = if from_input {
        text.lines().filter(|line| !line.is_empty()).collect()
    } else {
        args.codes.iter().map(String::as_str).collect()
    };
    let rules = args.rules.as_deref().map(rules_of).transpose()?;
    // A folder is not needed, so one without a shop is in nobody's way.
    let has_shop = |folder: &&Path| folder.join("till.db").exists();
    if let Some(folder) = data.filter(|folder| !has_shop(folder)) {
        note(&format!(
            "{} holds no shop: no product is looked up",
            folder.display()
        ));
    }
    let till = data.filter(has_shop).map(shop::open_existing).transpose()?;
    let today = jiff::Zoned::now().date();
    let read = |code: &str| -> Read {
        match &till {
            Some(till) => till.read_code(code, rules.as_deref()),
            None => {
                let scan = Barcode::parse(code, rules.as_deref().unwrap_or_default(), today);
                Ok((scan?, None))
            }
        }
    };
    let (mut documents, mut text, mut exit) = (Vec::new(), String::new(), exit::DONE);
    for code in codes {
        let read = match read(code) {
            Ok(read) => Ok(read),
            Err(AppError::Barcode(error)) => {
                exit = exit::REFUSED;
                Err(error)
            }
            Err(error) => return Err(error.into()),
        };
        documents.push(document(code, &read));
        text.push_str(&sentence(code, &read));
    }
    let mut answer = Answer::new(documents, text)?;
    answer.exit = exit;
    Ok(answer)
}
