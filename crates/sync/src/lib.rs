//! Getting the outbox to Stripe, exactly once.
//!
//! No clock, no sleeping, no network: it is told the time, says what to send and
//! is told what came back. See `docs` in [`machine`] for what always holds.
#![warn(missing_docs)]

pub mod classify;
pub mod machine;
pub mod phases;
pub mod request;
pub mod transport;
