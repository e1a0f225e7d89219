//! What was asked and what was answered, for checking against published schemas.
//!
//! Invariant: no header is recorded, so no key is.

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
