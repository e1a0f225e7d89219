//! What was asked and what was answered, for checking against published schemas.
//!
//! Invariants:
//! - no header is recorded, so no key is;
//! - of what is kept in a folder, one of each shape is: ids and numbers do not make
//!   another.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::forms;
use crate::routes::Operation;
use crate::wire::{Answer, Method, Request};

/// One request to an endpoint, and the answer that was composed for it, whether
/// or not the client saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// The endpoint.
    pub operation: Operation,
    /// The form: the body of a `POST`, the query of a `GET`.
    pub form: String,
    /// The status; absent if nothing was answered.
    pub status: Option<u16>,
    /// The JSON answer; absent if there was none.
    pub answer: Option<Value>,
}

impl Exchange {
    pub(crate) fn new(operation: Operation, request: &Request, answer: Option<&Answer>) -> Self {
        let form = match request.method {
            Method::Post => String::from_utf8_lossy(&request.body).into_owned(),
            Method::Get | Method::Delete | Method::Other => request.query.clone(),
        };
        Self {
            operation,
            form,
            status: answer.map(|a| a.status),
            answer: answer.and_then(|a| serde_json::from_slice(&a.body).ok()),
        }
    }

    /// `METHOD PATH<TAB>FORM`, if there is a published schema for the request.
    #[must_use]
    pub fn request_line(&self) -> Option<String> {
        forms::schema(self.operation.template())?;
        Some(format!("{}\t{}", self.operation.template(), self.form))
    }

    /// The answer on one line, if there is a published schema for it.
    #[must_use]
    pub fn answer_line(&self) -> Option<String> {
        let answer = self.answer.as_ref()?;
        if answer.get("object").and_then(Value::as_str) == Some("account") {
            return None;
        }
        Some(answer.to_string())
    }
}

/// What this process has kept so far, and where.
static KEPT: Mutex<Option<(File, HashSet<u64>)>> = Mutex::new(None);

/// Keeps an exchange in a file of this process: `request` or `answer`, its shape and
/// its line, with tabs between. One of each shape.
pub(crate) fn keep(folder: &Path, exchange: &Exchange) -> std::io::Result<()> {
    let lines = [
        ("request", exchange.request_line()),
        ("answer", exchange.answer_line()),
    ];
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let (file, shapes) = match kept.as_mut() {
        Some(kept) => kept,
        None => {
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(folder.join(format!("{}.tsv", std::process::id())))?;
            kept.insert((file, HashSet::new()))
        }
    };
    for (kind, line) in lines {
        let Some(line) = line else { continue };
        let shape = shape(kind, &line);
        if shapes.insert(shape) {
            // In one write: another thread of a process that is killed leaves no half.
            file.write_all(format!("{kind}\t{shape:016x}\t{line}\n").as_bytes())?;
        }
    }
    Ok(())
}

/// The same for lines that differ in ids and numbers alone.
fn shape(kind: &str, line: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    kind.hash(&mut hasher);
    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    for part in line.split_inclusive(|c| !word(c)) {
        let (text, rest) = part.split_at(part.find(|c| !word(c)).unwrap_or(part.len()));
        let digits = text.trim_start_matches('-');
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            (text.len() - digits.len(), 0).hash(&mut hasher);
        } else if text.len() >= 8 && text.bytes().any(|b| b.is_ascii_digit()) {
            // `pi_…` is told from `ch_…`, and one UUID not from another.
            text.split_once('_').map(|(kind, _)| kind).hash(&mut hasher);
        } else {
            text.hash(&mut hasher);
        }
        rest.hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_numbers_make_no_other_shape_and_words_do() {
        let of = |line| shape("answer", line);
        let one = of(r#"{"id":"pi_0a1B2c3D4e5F","amount":1250,"status":"succeeded"}"#);
        assert_eq!(
            one,
            of(r#"{"id":"pi_9z8Y7x6W5v4U","amount":7,"status":"succeeded"}"#)
        );
        for other in [
            r#"{"id":"pi_9z8Y7x6W5v4U","amount":7,"status":"canceled"}"#,
            r#"{"id":"ch_9z8Y7x6W5v4U","amount":7,"status":"succeeded"}"#,
            r#"{"id":"pi_9z8Y7x6W5v4U","amount":-7,"status":"succeeded"}"#,
            r#"{"id":"pi_9z8Y7x6W5v4U","amount":null,"status":"succeeded"}"#,
            r#"{"id":"pi_9z8Y7x6W5v4U","status":"succeeded"}"#,
        ] {
            assert_ne!(one, of(other), "{other}");
        }
    }
}
