//! The seam to the wire.

use std::future::Future;

pub use till_store::StoredRequest;

/// What came back for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing was sent: no route, no name, connection refused.
    Unreachable,
    /// Something was sent, and no whole answer came.
    Lost,
    /// A whole answer.
    Http(HttpAnswer),
}

/// A whole answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpAnswer {
    /// Status code.
    pub status: u16,
    /// `Request-Id`.
    pub request_id: Option<String>,
    /// `Stripe-Should-Retry`.
    pub should_retry: Option<bool>,
    /// `Stripe-Rate-Limited-Reason`: `global-rate`, `resource-specific`, …
    pub rate_limited: Option<String>,
    /// `Retry-After`, in milliseconds.
    pub retry_after_ms: Option<i64>,
    /// `Idempotent-Replayed`.
    pub replayed: bool,
    /// Body.
    pub body: Vec<u8>,
}

impl HttpAnswer {
    /// Every request of the account goes too fast, and not only this one: a 429 about
    /// one object names that reason, and one for a lock has no `Request-Id`.
    /// Source: <https://docs.stripe.com/rate-limits>.
    #[must_use]
    pub fn slows_all(&self) -> bool {
        self.status == 429
            && self.request_id.is_some()
            && self.rate_limited.as_deref() != Some("resource-specific")
    }
}

/// Sends requests to Stripe. It adds the secret key and nothing else: the path,
/// the bytes and the idempotency key are the stored ones.
pub trait StripeTransport: Send + Sync {
    /// Sends one request; every way to fail is an [`Answer`].
    fn send(&self, request: &StoredRequest) -> impl Future<Output = Answer> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_on_one_object_slows_nobody_else() {
        let rows = [
            (429, Some("req_1"), Some("global-rate"), true),
            (429, Some("req_1"), Some("endpoint-concurrency"), true),
            (429, Some("req_1"), None, true),
            (429, Some("req_1"), Some("resource-specific"), false),
            (429, None, None, false),
            (503, Some("req_1"), None, false),
        ];
        for (status, request_id, rate_limited, slows) in rows {
            let answer = HttpAnswer {
                status,
                request_id: request_id.map(str::to_owned),
                rate_limited: rate_limited.map(str::to_owned),
                ..HttpAnswer::default()
            };
            assert_eq!(answer.slows_all(), slows, "{answer:?}");
        }
    }
}
