//! The till from the counter and from the wire.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "tests"
)]

mod account;
mod at_risk;
mod bad_input;
mod card_guard;
mod cards;
mod day;
mod desk;
mod events;
mod interac;
mod journal;
mod kill;
mod listen;
mod long_outbox;
mod manager;
mod outcomes;
mod promotions;
mod published;
mod readers;
mod reconcile;
mod refunds_elsewhere;
mod refunds_paid;
mod retries;
mod saved_cards;
mod scan;
mod schemas;
mod simulation;
mod taxes;
mod tenders;
mod tidy;
mod tips;
