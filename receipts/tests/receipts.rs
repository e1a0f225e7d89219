//! Paper, from facts to bytes.
#![cfg(test)]

#[path = "receipts/decoder.rs"]
mod decoder;
#[path = "receipts/golden.rs"]
mod golden;
#[path = "receipts/paper.rs"]
mod paper;
#[path = "receipts/same_text.rs"]
mod same_text;
#[path = "receipts/samples.rs"]
mod samples;
