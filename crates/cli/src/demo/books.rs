//! The end of the day: the journal's card money against Stripe's, tender by tender,
//! the chain, and the projections.

use std::io::Write as _;

use serde::Serialize;
use till_app::error::AppError;
use till_app::{JournalLine, verify_lines};
use till_domain::money::Money;

use super::world::World;
use crate::answer::Refusal;

/// What the checks found.
#[derive(Debug, Serialize)]
pub(super) struct Books {
    /// Charged at Stripe.
    pub stripe_charged: String,
    /// Given back by Stripe.
    pub stripe_refunded: String,
    /// What is left of it.
    pub stripe_net: String,
    /// The same, by the journal.
    pub journal_net: String,
    /// Stripe's less the journal's.
    pub difference: String,
    /// Tenders that were charged more than once.
    pub charged_twice: usize,
    /// Entries of the journal.
    pub entries: i64,
    /// The end of its chain.
    pub head: String,
    /// Tables that a fold of the journal does not give.
    pub projections_differing: usize,
    /// What does not agree, in words. Empty when all is well.
    pub differences: Vec<String>,
}

/// Compares everything with everything.
pub(super) fn check(world: &World) -> Result<Books, Refusal> {
    let till = world.till()?;
    let mut differences = Vec::new();
    let head = till.journal_verify()?;
    let rebuilt = till.journal_rebuild()?;
    for table in &rebuilt.differing {
        differences.push(format!("the table {table} is not what the journal says"));
    }
    let exported = exported(world)?;
    if let Err(error) = verify_lines(exported) {
        differences.push(format!("the exported journal does not verify: {error}"));
    }

    let ledger = world.stripe.ledger();
    let books = till.card_books()?;
    let twice = ledger.charged_twice();
    for tender in &twice {
        differences.push(format!("tender {tender} was charged more than once"));
    }
    let tenders: std::collections::BTreeSet<&String> = ledger
        .tenders
        .keys()
        .chain(books.charged.keys())
        .chain(books.refunded.keys())
        .collect();
    let (mut journal_charged, mut journal_refunded) = (0_i64, 0_i64);
    for tender in tenders {
        let charged = books.charged.get(tender).copied().unwrap_or(0);
        let refunded = books.refunded.get(tender).copied().unwrap_or(0);
        journal_charged = journal_charged.saturating_add(charged);
        journal_refunded = journal_refunded.saturating_add(refunded);
        let there = ledger.tenders.get(tender);
        let (there_charged, there_refunded) = there.map_or((0, 0), |t| (t.charged, t.refunded));
        if (charged, refunded) != (there_charged, there_refunded) {
            differences.push(format!(
                "tender {tender}: the journal says {charged} charged and {refunded} given back, \
                 Stripe says {there_charged} and {there_refunded}"
            ));
        }
    }
    let total =
        |of: fn(&till_stand_in::Totals) -> i64| -> i64 { ledger.totals.values().map(of).sum() };
    let shown = |minor: i64| Money::from_minor(minor, world.currency).to_string();
    let stripe_net = total(|t| t.net);
    let journal_net = journal_charged.saturating_sub(journal_refunded);
    let difference = stripe_net.saturating_sub(journal_net);
    Ok(Books {
        stripe_charged: shown(total(|t| t.charged)),
        stripe_refunded: shown(total(|t| t.refunded)),
        stripe_net: shown(stripe_net),
        journal_net: shown(journal_net),
        difference: shown(difference),
        charged_twice: twice.len(),
        entries: head.entries,
        head: head.head,
        projections_differing: rebuilt.differing.len(),
        differences,
    })
}

/// The journal as it leaves the folder.
fn exported(world: &World) -> Result<Vec<JournalLine>, Refusal> {
    let mut text = Vec::new();
    world.till()?.journal_export(&mut text)?;
    text.flush()
        .map_err(|_| AppError::internal("the journal was not exported"))?;
    text.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| {
            serde_json::from_slice(line)
                .map_err(|_| AppError::internal("an exported line cannot be read").into())
        })
        .collect()
}
