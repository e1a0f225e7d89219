//! What Stripe remembers of a key.
//!
//! Invariants:
//! - an answer is kept only once the endpoint had begun to act;
//! - after [`KEY_LIFETIME_S`] the same key is a new request.
//!
//! Source: "Idempotent requests" in Stripe's API reference.

use std::collections::BTreeMap;

use crate::forms;
use crate::wire::{Answer, Refusal, Request};

/// How long a key is kept, in seconds of the stand-in's clock.
pub const KEY_LIFETIME_S: i64 = 24 * 3_600;

#[derive(Debug)]
struct Kept {
    at: i64,
    params: String,
    answer: Answer,
}

#[derive(Debug, Default)]
pub(crate) struct Keys {
    kept: BTreeMap<String, Kept>,
}

impl Keys {
    /// The kept answer of a key, if there is one for the same parameters.
    pub(crate) fn look_up(
        &mut self,
        key: &str,
        request: &Request,
        now: i64,
    ) -> Result<Option<Answer>, Box<Refusal>> {
        if key.is_empty() || key.len() > 255 {
            return Err(Refusal::invalid(
                "Idempotency keys must be between 1 and 255 characters long.",
            )
            .kind("idempotency_error"));
        }
        self.kept
            .retain(|_, kept| now.saturating_sub(kept.at) < KEY_LIFETIME_S);
        let Some(kept) = self.kept.get(key) else {
            return Ok(None);
        };
        if kept.params != fingerprint(request) {
            return Err(Refusal::invalid(format!(
                "Keys for idempotent requests can only be used with the same parameters they \
                 were first used with. Try using a key other than '{key}' if you meant to \
                 execute a different request."
            ))
            .kind("idempotency_error"));
        }
        let mut answer = kept.answer.clone();
        answer.set("Idempotent-Replayed", "true");
        Ok(Some(answer))
    }

    pub(crate) fn keep(&mut self, key: &str, request: &Request, answer: &Answer, now: i64) {
        let kept = Kept {
            at: now,
            params: fingerprint(request),
            answer: answer.clone(),
        };
        self.kept.insert(key.to_owned(), kept);
    }
}

/// Stripe compares parameters, not bytes: their order is free.
fn fingerprint(request: &Request) -> String {
    let body = String::from_utf8_lossy(&request.body);
    let mut pairs = forms::pairs(&body).unwrap_or_default();
    pairs.sort();
    format!("{} {} {pairs:?}", request.method.as_str(), request.path)
}
