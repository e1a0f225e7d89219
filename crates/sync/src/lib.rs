//! Getting the outbox to Stripe, exactly once.
//!
//! No clock, no sleeping, no network: it is told the time, says what to send and
//! is told what came back. What always holds is at the head of [`machine`].
#![warn(missing_docs)]

pub mod cards;
pub mod classify;
pub mod events;
pub mod machine;
pub mod phases;
pub mod presented;
pub mod readers;
pub mod reconcile;
pub mod request;
pub mod retry;
pub mod transport;
pub mod webhook;
