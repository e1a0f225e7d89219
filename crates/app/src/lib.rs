//! What a cashier can do, one method each.
#![warn(missing_docs)]

pub mod error;
pub mod view;
