//! The seam to the wire.

use std::future::Future;

use till_store::StoredRequest;

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
    /// `Retry-After`, in milliseconds.
    pub retry_after_ms: Option<i64>,
    /// `Idempotent-Replayed`.
    pub replayed: bool,
    /// Body.
    pub body: Vec<u8>,
}

/// Sends requests to Stripe. It adds the secret key and nothing else: the path,
/// the bytes and the idempotency key are the stored ones.
pub trait StripeTransport: Send + Sync {
    /// Sends one request; every way to fail is an [`Answer`].
    fn send(&self, request: &StoredRequest) -> impl Future<Output = Answer> + Send;
}
