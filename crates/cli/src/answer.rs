//! What a command answers: one JSON document, or text for people, and an exit code.
//!
//! Invariants:
//! - standard output carries the answer and nothing else;
//! - a refusal has a code to act on and a sentence that says whether the money is
//!   all right;
//! - money leaves as decimal strings of major units.

use std::io::{self, Write as _};
use std::process::ExitCode;

use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Value, json};
use till_app::error::{AppError, ErrorCode};
use till_domain::barcode::hide_cards;

/// Exit codes, as CLI.md promises them.
pub(crate) mod exit {
    pub(crate) const DONE: u8 = 0;
    pub(crate) const REFUSED: u8 = 1;
    pub(crate) const INPUT: u8 = 2;
    pub(crate) const DIFFERENCE: u8 = 3;
    pub(crate) const IN_USE: u8 = 4;
    pub(crate) const OUTSIDE: u8 = 5;
}

/// What goes to standard output.
#[derive(Debug)]
pub(crate) struct Answer {
    /// For scripts.
    pub json: Value,
    /// For people.
    pub text: String,
    /// 0, or why not.
    pub exit: u8,
}

impl Answer {
    /// Done, with both forms of what there is to say.
    pub(crate) fn new(json: impl Serialize, text: impl Into<String>) -> Result<Self, Refusal> {
        let json = serde_json::to_value(json)
            .map_err(|_| Refusal::from(AppError::internal("an answer could not be written")))?;
        Ok(Self {
            json: plain(json),
            text: text.into(),
            exit: exit::DONE,
        })
    }

    /// Said already, or nothing to say.
    pub(crate) const fn none() -> Self {
        Self {
            json: Value::Null,
            text: String::new(),
            exit: exit::DONE,
        }
    }

    /// Says it; gives the exit code.
    pub(crate) fn say(&self, as_json: bool) -> ExitCode {
        let text = if as_json {
            if self.json.is_null() {
                String::new()
            } else {
                format!("{:#}\n", self.json)
            }
        } else if self.text.is_empty() || self.text.ends_with('\n') {
            self.text.clone()
        } else {
            format!("{}\n", self.text)
        };
        match to_stdout(text.as_bytes()) {
            Ok(()) => ExitCode::from(self.exit),
            Err(_) => ExitCode::from(exit::OUTSIDE),
        }
    }
}

/// Writes to standard output. A reader that has seen enough is no failure.
pub(crate) fn to_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Writes a line to standard error; nobody is told if nobody listens there. It may
/// repeat what was typed, but no card number.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", hide_cards(text));
}

/// Amounts as decimal strings, wherever they are.
pub(crate) fn plain(value: Value) -> Value {
    match value {
        Value::Object(fields) => match amount(&fields) {
            Some(text) => Value::String(text),
            None => Value::Object(fields.into_iter().map(|(k, v)| (k, plain(v))).collect()),
        },
        Value::Array(items) => items.into_iter().map(plain).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// The text of a `MoneyView`.
fn amount(fields: &serde_json::Map<String, Value>) -> Option<String> {
    if fields.len() != 3 || !fields.contains_key("currency") {
        return None;
    }
    let minor = fields.get("minor")?.as_i64()?;
    let exponent = u32::try_from(fields.get("exponent")?.as_u64()?).ok()?;
    Some(Decimal::try_new(minor, exponent).ok()?.to_string())
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Refusal {
    code: String,
    message: String,
    exit: u8,
}

impl Refusal {
    /// Input that cannot be read or used.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self {
            code: "bad_input".into(),
            message: message.into(),
            exit: exit::INPUT,
        }
    }

    /// A rule, in the words of a view.
    pub(crate) fn rule(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code: word(code),
            message: message.into(),
            exit: exit_of(code),
        }
    }

    /// A verification found a difference.
    pub(crate) fn difference(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            exit: exit::DIFFERENCE,
        }
    }

    /// The outside world failed; nothing is lost.
    pub(crate) fn outside(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code: word(code),
            message: message.into(),
            exit: exit::OUTSIDE,
        }
    }

    /// A rule, and what it is about.
    pub(crate) fn about(error: &AppError, what: &str) -> Self {
        let mut refusal = Self::of(error);
        refusal.message = format!("{what}: {}", refusal.message);
        refusal
    }

    fn of(error: &AppError) -> Self {
        let code = error.code();
        let mut message = error.sentence();
        let fact = match error {
            // The sentence of a fault of ours is enough; the rest is in the log.
            AppError::Refused { detail, .. } => {
                let said = matches!(code, ErrorCode::BadInput | ErrorCode::Internal);
                (!said).then(|| detail.clone())
            }
            AppError::Store(error) => (code != ErrorCode::DataInUse).then(|| error.to_string()),
            AppError::Quote(error) => Some(error.to_string()),
            AppError::Money(error) => Some(error.to_string()),
            AppError::Barcode(error) => Some(error.to_string()),
            AppError::Code(_)
            | AppError::Pin { .. }
            | AppError::OverLimit(_)
            | AppError::Sale(_)
            | AppError::Commit(_)
            | AppError::Refund(_)
            | AppError::Secret(_) => None,
        };
        if let Some(fact) = fact {
            message = format!("{message} ({fact}.)");
        }
        Self {
            code: word(code),
            message,
            exit: exit_of(code),
        }
    }

    /// The code and the sentence, as they stand under `error`.
    pub(crate) fn json(&self) -> Value {
        json!({ "code": self.code, "message": hide_cards(&self.message) })
    }

    /// Says it; gives the exit code.
    pub(crate) fn say(&self, as_json: bool) -> ExitCode {
        if as_json {
            let error = json!({ "error": self.json() });
            let _ = to_stdout(format!("{error:#}\n").as_bytes());
        } else {
            note(&self.message);
        }
        ExitCode::from(self.exit)
    }
}

impl From<AppError> for Refusal {
    fn from(error: AppError) -> Self {
        tracing::debug!(%error, "refused");
        Self::of(&error)
    }
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        AppError::from(code).into()
    }
}

/// The code as scripts know it.
pub(crate) fn word(code: ErrorCode) -> String {
    serde_json::to_value(code)
        .ok()
        .and_then(|name| name.as_str().map(str::to_owned))
        .unwrap_or_default()
}

const fn exit_of(code: ErrorCode) -> u8 {
    if matches!(code, ErrorCode::DataInUse) {
        exit::IN_USE
    } else if matches!(code, ErrorCode::BadInput) {
        exit::INPUT
    } else if matches!(code, ErrorCode::JournalBroken) {
        exit::DIFFERENCE
    } else if matches!(
        code,
        ErrorCode::Offline | ErrorCode::Printer | ErrorCode::KeyringMissing
    ) {
        exit::OUTSIDE
    } else {
        exit::REFUSED
    }
}

/// What a command gives.
pub(crate) type Done = Result<Answer, Refusal>;
