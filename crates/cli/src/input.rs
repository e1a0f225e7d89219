//! What a command is given: JSON on standard input, secrets from anywhere but the
//! arguments.
//!
//! Invariants:
//! - an unknown field is refused by name, with line and column;
//! - a decimal is a string of digits: no float is ever read as money;
//! - a secret is never echoed, and an error never repeats one.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::path::Path;

use rust_decimal::Decimal;
use secrecy::SecretString;
use serde::de::{DeserializeOwned, Error as _, Visitor};
use serde::{Deserialize, Deserializer};

use crate::answer::Refusal;

/// More than any basket; a larger input is a mistake.
const INPUT_BYTES_MAX: u64 = 8 << 20;

/// A decimal written as a string: `"15.70"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number(pub Decimal);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Digits;
        impl Visitor<'_> for Digits {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal string such as \"15.70\"")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
                decimal(text).map(Number).ok_or_else(|| {
                    E::custom(format!(
                        "{text:?} is not a decimal string such as \"15.70\""
                    ))
                })
            }
        }
        input.deserialize_str(Digits)
    }
}

/// Digits, a point and a sign: not `1e3`, `1_000`, `.5` or 30 digits.
pub(crate) fn decimal(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    Decimal::from_str_exact(text).ok()
}

/// A word that is checked when it is read, so that an error knows its place.
pub(crate) fn refuse_word<'de, D: Deserializer<'de>, T>(
    word: &str,
    known: &[&str],
) -> Result<T, D::Error> {
    Err(D::Error::custom(format!(
        "unknown word `{word}`, expected one of {}",
        known.join(", ")
    )))
}

/// Standard input, read at most once, lines first.
#[derive(Debug, Default)]
pub(crate) struct Input;

impl Input {
    /// A secret: from a file, from a prompt without echo where somebody sits
    /// there, or the next line of standard input.
    pub(crate) fn secret(&self, what: &str, file: Option<&Path>) -> Result<SecretString, Refusal> {
        let text = match file {
            Some(path) => {
                let mut text = String::new();
                File::open(path)
                    .and_then(|f| f.take(4_096).read_to_string(&mut text))
                    .map_err(|error| {
                        Refusal::input(format!(
                            "{} cannot be read ({error}). Nothing was changed.",
                            path.display()
                        ))
                    })?;
                text
            }
            None if io::stdin().is_terminal() => rpassword::prompt_password(format!("{what}: "))
                .map_err(|error| Refusal::input(format!("{what} could not be read ({error}).")))?,
            None => {
                let mut line = String::new();
                io::stdin().lock().read_line(&mut line).map_err(|error| {
                    Refusal::input(format!("{what} could not be read ({error})."))
                })?;
                line
            }
        };
        let text = text.trim();
        if text.is_empty() {
            return Err(Refusal::input(format!(
                "{what} is missing. Nothing was changed. Type it when asked, or give it on a \
                 line of standard input; it is never an argument."
            )));
        }
        Ok(SecretString::from(text.to_owned()))
    }

    /// All that is left of standard input, as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        parse("standard input", &self.text()?)
    }

    /// All that is left of standard input.
    pub(crate) fn text(&self) -> Result<String, Refusal> {
        let mut text = String::new();
        io::stdin()
            .lock()
            .take(INPUT_BYTES_MAX + 1)
            .read_to_string(&mut text)
            .map_err(|error| {
                Refusal::input(format!(
                    "Standard input cannot be read ({error}). Nothing was changed."
                ))
            })?;
        if text.len() as u64 > INPUT_BYTES_MAX {
            return Err(Refusal::input(
                "Standard input is larger than any basket. Nothing was changed.",
            ));
        }
        Ok(text)
    }
}

/// More than any list of products or promotions; a larger file is a mistake.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// A file that is named on the command line.
pub(crate) fn read_text(path: &Path) -> Result<String, Refusal> {
    let cannot = |why: String| {
        Refusal::input(format!(
            "{} cannot be read ({why}). Nothing was changed.",
            path.display()
        ))
    };
    let size = fs::metadata(path).map_err(|e| cannot(e.to_string()))?.len();
    if size > FILE_BYTES_MAX {
        return Err(cannot("it is larger than any list the till takes".into()));
    }
    fs::read_to_string(path).map_err(|e| cannot(e.to_string()))
}

/// Reads a JSON document.
pub(crate) fn parse<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, Refusal> {
    serde_json::from_str(text).map_err(|error| {
        let place = if error.line() == 0 {
            String::new()
        } else {
            format!(" at line {}, column {}", error.line(), error.column())
        };
        let said = error.to_string();
        let said = said
            .rsplit_once(" at line ")
            .map_or(said.as_str(), |(what, _)| what);
        Refusal::input(format!("{name}{place}: {said}. Nothing was changed."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_digits_and_a_point() {
        for (text, expected) in [
            ("15.70", true),
            ("-2", true),
            ("0.0001", true),
            ("1e3", false),
            ("1_000", false),
            (".5", false),
            ("5.", false),
            ("+5", false),
            ("NaN", false),
            ("", false),
            (" 5", false),
            ("٥", false),
            ("99999999999999999999999999999999", false),
        ] {
            assert_eq!(decimal(text).is_some(), expected, "{text}");
        }
    }
}
