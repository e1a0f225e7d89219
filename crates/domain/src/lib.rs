//! The rules of a till: no I/O, no clock, no async.
//!
//! What is decided here is decided from its arguments alone, so the same
//! basket gives the same quote at the counter, in a test and on a replay.
#![warn(missing_docs)]

pub mod barcode;
pub mod catalog;
pub mod charge;
pub mod explain;
pub mod ids;
pub mod journal;
pub mod limits;
pub mod measure;
pub mod money;
pub mod outcome;
pub mod promotion;
pub mod quote;
pub mod refund;
pub mod report;
pub mod sale;
pub mod settle;
pub mod tax;
