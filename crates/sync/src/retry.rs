//! Trying a declined card again by itself: where the bank advises it, and as often as
//! the shop's schedule says.
//!
//! Invariants:
//! - only what stays declined is tried again: whatever a person decides, and whatever
//!   else moves an entry, writes its row, and that ends its schedule in the same
//!   transaction ([`Tx::save_outbox`]); after a person's decision there is none;
//! - each time counts from the attempt before, so that a clock that is set forward
//!   makes one attempt early and not all of them;
//! - nothing is tried after the age at which a queued charge is given to a person.
//!
//! Source: Stripe docs, "Card declines": `advice_code` `try_again_later`,
//! `do_not_try_again`, `confirm_card_data`.

use till_domain::charge::ChargeState;
use till_domain::ids::{TenderId, Timestamp};
use till_domain::journal::{ChargeFacts, ChargeKind, JournalEvent};
use till_store::{OutboxRow, Result, Subject, Tx};
use uuid::Uuid;

use crate::machine::{Charge, Goal};
use crate::phases::{note, read, text};

/// The longest schedule: the networks count the attempts of 30 days.
pub const HOURS_MAX: u32 = 30 * 24;
/// The most attempts of a schedule; Visa allows fifteen in 30 days.
pub const TIMES_MAX: usize = 10;

const HOUR_MS: i64 = 3_600_000;

/// Words of an issuer after which a card is not tried again by itself or by a
/// person here (Stripe docs, "Decline codes").
const NEVER_AGAIN: [&str; 5] = [
    "lost_card",
    "stolen_card",
    "fraudulent",
    "pickup_card",
    "do_not_try_again",
];

/// The bank says that this card is never to be tried again.
#[must_use]
pub fn is_never_again(facts: &ChargeFacts) -> bool {
    let said = facts.decline_code.iter().chain(&facts.advice_code);
    said.into_iter()
        .any(|code| NEVER_AGAIN.contains(&code.as_str()))
}

/// The schedule of a shop can be kept: hours after the first decline, rising.
#[must_use]
pub fn is_schedule(after_hours: &[u32]) -> bool {
    let rising = after_hours.is_sorted_by(|a, b| a < b);
    let within = after_hours.iter().all(|h| (1..=HOURS_MAX).contains(h));
    rising && within && after_hours.len() <= TIMES_MAX
}

/// How long after this decline the next attempt is; none where the schedule is over.
fn gap_ms(after_hours: &[u32], retried: u32) -> Option<i64> {
    let at = usize::try_from(retried).ok()?;
    let next = *after_hours.get(at)?;
    let before = match at.checked_sub(1) {
        Some(before) => *after_hours.get(before)?,
        None => 0,
    };
    Some(i64::from(next.checked_sub(before)?) * HOUR_MS)
}

/// The charge, where it may be tried again by itself.
fn retriable(tx: &Tx<'_>, row: &OutboxRow) -> Result<Option<Charge>> {
    if row.subject != Subject::Charge || row.in_flight {
        return Ok(None);
    }
    let Ok(charge) = read::<Charge>(&row.machine) else {
        return Ok(None);
    };
    let asked_here = charge.state == ChargeState::Declined
        && charge.goal == Goal::Collect
        && !charge.by_hand
        && matches!(
            charge.how,
            ChargeKind::SavedCard | ChargeKind::SimulatedReader
        );
    if !asked_here {
        return Ok(None);
    }
    let Some(known) = tx.charge(TenderId(row.id))? else {
        return Ok(None);
    };
    let advised = known.facts.advice_code.as_deref() == Some("try_again_later");
    let owed = known.at_risk && !known.debt_paid && known.amount_minor > 0;
    Ok((owed && advised && !is_never_again(&known.facts)).then_some(charge))
}

/// Plans the next attempt of a charge that has just been declined. `after_hours` is the
/// shop's schedule, asked for only where it matters.
///
/// # Errors
/// What the store says, or `after_hours`.
pub fn plan<E: From<till_store::StoreError>>(
    tx: &Tx<'_>,
    id: Uuid,
    after_hours: impl FnOnce() -> std::result::Result<Vec<u32>, E>,
    now: Timestamp,
) -> std::result::Result<(), E> {
    let declined = ChargeState::Declined.word();
    let Some(row) = tx.outbox(id)?.filter(|row| row.state == declined) else {
        return Ok(());
    };
    let Some(charge) = retriable(tx, &row)? else {
        return Ok(());
    };
    let at = gap_ms(&after_hours()?, charge.retried).map(|gap| now.plus_ms(gap));
    if let Some(at) = at.filter(|at| *at < charge.expires_at) {
        tx.plan_retry(id, Some(at))?;
    }
    Ok(())
}

/// Begins the attempt that has been due longest: the card is named again, and the
/// charge confirmed, each under a new key. True where there was one.
///
/// # Errors
/// [`StoreError`](till_store::StoreError).
pub fn begin(tx: &Tx<'_>, now: Timestamp) -> Result<bool> {
    let latest = now.plus_ms(i64::from(HOURS_MAX) * HOUR_MS);
    let Some(mut row) = tx.outbox_retry_due(now, latest)? else {
        return Ok(false);
    };
    let charge = retriable(tx, &row)?.filter(|c| now < c.expires_at);
    let Some(mut charge) = charge else {
        tx.plan_retry(row.id, None)?;
        return Ok(true);
    };
    charge.retried = charge.retried.saturating_add(1);
    charge.failures = 0;
    charge.polls = 0;
    charge.state = if charge.intent.is_some() {
        ChargeState::Created
    } else {
        ChargeState::Queued
    };
    row.state = charge.state.word().into();
    row.machine = text(&charge)?;
    row.waiting = true;
    row.next_at = now;
    tx.save_outbox(&row)?;
    note(tx, row.id, now, "retried", None, None)?;
    tx.append(
        JournalEvent::ChargeMoved {
            tender: TenderId(row.id),
            to: charge.state,
            facts: ChargeFacts {
                retry: Some(charge.retried),
                ..charge.facts()
            },
            by: None,
        },
        now,
    )?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_counts_from_the_attempt_before() {
        let schedule = [4, 24, 72];
        let gaps: Vec<Option<i64>> = (0..4).map(|n| gap_ms(&schedule, n)).collect();
        let hours = |h: i64| Some(h * HOUR_MS);
        assert_eq!(gaps, [hours(4), hours(20), hours(48), None]);
        assert_eq!(gap_ms(&[], 0), None, "off");
    }

    #[test]
    fn a_schedule_rises_and_is_short() {
        for (hours, good) in [
            (&[][..], true),
            (&[4, 24, 72], true),
            (&[720], true),
            (&[0, 4], false),
            (&[24, 4], false),
            (&[4, 4], false),
            (&[721], false),
            (&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], false),
        ] {
            assert_eq!(is_schedule(hours), good, "{hours:?}");
        }
    }

    #[test]
    fn what_the_bank_says_is_obeyed() {
        for (decline, advice, never) in [
            ("insufficient_funds", "try_again_later", false),
            ("lost_card", "try_again_later", true),
            ("generic_decline", "do_not_try_again", true),
            ("fraudulent", "", true),
        ] {
            let facts = ChargeFacts {
                decline_code: Some(decline.into()),
                advice_code: Some(advice.into()),
                ..ChargeFacts::default()
            };
            assert_eq!(is_never_again(&facts), never, "{decline} {advice}");
        }
    }
}
