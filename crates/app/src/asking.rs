//! What the till asks of Stripe beside the outbox: for a card that is being saved or
//! removed, for the events, often while something is open, and once a day the books; and
//! what it cancels there, because a comparison of the books found that nobody confirms it.
//!
//! Invariants:
//! - nothing is asked while Stripe cannot be reached, and one request at a time;
//! - how far the events were read is written in the transaction that acts on them: a
//!   crash reads them again, and acting on them again changes nothing;
//! - what an event names is believed as it was fetched;
//! - which leftovers are to be cancelled is on disk with the comparison that found them.
//!   The request is not: it is made of the id alone, and to cancel twice is to do it once.

use std::cell::{Cell, OnceCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{MutexGuard, PoisonError};

use till_domain::charge::{ChargeState, RefundState};
use till_domain::ids::{RefundPartId, ShiftNumber, TenderId, Timestamp};
use till_domain::journal::JournalEvent;
use till_domain::money::Money;
use till_store::{CaseKind, CaseRow, ChargeRow, StoredRequest, Tx};
use till_sync::events::{About, Cursor, Found, Polling, Reads, Told, learn_charge, learn_refund};
use till_sync::reconcile::{Orphan, Taken, Unread};
use till_sync::request::cancel_orphan;
use till_sync::request::stripe_factor;
use till_sync::transport::Answer;

use crate::cards::Asked;
use crate::error::{AppError, ErrorCode};
use crate::figures::{local, money};
use crate::reconcile::{ORPHANS, Reconciling};
use crate::view::CaseView;
use crate::{Shop, StripeSetting, Till, shop};

/// How long after a reading that ended too soon the next one begins.
const AGAIN_MS: i64 = 15 * 60_000;
const DAY_MS: i64 = 86_400_000;
/// The setting `stripe_reads`: what was read of Stripe, by day.
const READS: &str = "stripe_reads";
/// How often it is seen whether the books are due.
const LOOK_MS: i64 = 60_000;

/// What the journal says of what events are about.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Charges by their PaymentIntent.
    charges: BTreeMap<String, (TenderId, ChargeState)>,
    /// Refunds by Stripe's id, the till's own and others, in Stripe's word.
    refunds: BTreeMap<String, String>,
    /// Disputes by the tender, in Stripe's word.
    disputes: BTreeSet<(TenderId, String)>,
    /// Saved cards, by Stripe's name of them.
    cards: BTreeSet<String>,
}

impl Known {
    pub(crate) fn read(tx: &Tx<'_>) -> Result<Self, AppError> {
        let mut known = Self {
            cards: tx.card_methods()?.into_iter().collect(),
            ..Self::default()
        };
        for charge in tx.all_charges()? {
            if let Some(intent) = charge.facts.intent {
                known.charges.insert(intent, (charge.tender, charge.state));
            }
        }
        for part in tx.all_stripe_parts()? {
            if let Some(refund) = part.stripe_refund {
                known.refunds.insert(refund, part.state.word().into());
            }
        }
        for case in tx.stripe_cases()? {
            match case.kind {
                CaseKind::Refund => {
                    known.refunds.insert(case.id, case.state);
                }
                CaseKind::Dispute => {
                    known.disputes.insert((case.tender, case.state));
                }
            }
        }
        Ok(known)
    }
}

#[derive(Debug)]
enum Reading {
    /// With the charges, once there is an event to hold against them: a shop has many,
    /// and most readings find nothing.
    Events(Box<Polling>, OnceCell<Known>),
    Books(Box<Reconciling>),
}

/// What is being asked, and when more is. Not on disk: a start asks anew.
#[derive(Debug, Default)]
pub(crate) struct Asking {
    /// About a saved card; before all else, because somebody stands there.
    card: Option<Asked>,
    reading: Option<Reading>,
    not_before: Option<Timestamp>,
    events_at: Option<Timestamp>,
    books_at: Option<Timestamp>,
    /// Comparisons that ended too soon, one after the other.
    books_failed: u32,
    /// What was given out last, where it is about readers.
    errand: Option<StoredRequest>,
    errand_not_before: Option<Timestamp>,
    /// The PaymentIntent that is being cancelled because nobody confirms it.
    orphan: Option<String>,
    orphan_not_before: Option<Timestamp>,
    /// Somebody asked for the books.
    compare_now: bool,
}

/// Counts what was read of Stripe, for the month's allowance.
pub(crate) fn count_reads(tx: &Tx<'_>, reads: u32, now: Timestamp) -> Result<Reads, AppError> {
    let mut all: Reads = tx.setting(READS)?.unwrap_or_default();
    all.count(reads, now);
    tx.set_setting(READS, &all)?;
    Ok(all)
}

/// A time that is to come; one that is far off is of a clock that was set back.
fn is_ahead(at: Option<Timestamp>, now: Timestamp) -> bool {
    at.is_some_and(|at| (1..=DAY_MS).contains(&at.ms_since(now)))
}

/// A dispute that is not over.
pub(crate) fn is_open(case: &CaseRow) -> bool {
    match case.kind {
        CaseKind::Dispute => !matches!(
            case.state.as_str(),
            "won" | "lost" | "warning_closed" | "prevented"
        ),
        CaseKind::Refund => false,
    }
}

/// Somebody must answer a dispute; or ask who refunded in the dashboard, which nothing
/// here can settle: it is shown until the shift that learnt of it is closed.
pub(crate) fn needs_a_person(case: &CaseRow, shift: ShiftNumber) -> bool {
    match case.kind {
        // Also for a word of Stripe's that is new: somebody looks, rather than nobody.
        CaseKind::Dispute => is_open(case) && !case.state.ends_with("under_review"),
        CaseKind::Refund => case.moved_in == shift,
    }
}

/// Shown where people decide.
pub(crate) fn is_shown(case: &CaseRow, shift: ShiftNumber) -> bool {
    is_open(case) || needs_a_person(case, shift)
}

fn says(case: &CaseRow) -> &'static str {
    match (case.kind, case.state.as_str()) {
        (CaseKind::Dispute, state) if state.ends_with("needs_response") => {
            "The bank took the money back. Send evidence in Stripe's dashboard before the day named."
        }
        (CaseKind::Dispute, "won") => "The bank gave the money back to the shop.",
        (CaseKind::Dispute, "lost") => "The money stays with the customer.",
        (CaseKind::Dispute, "warning_closed" | "prevented") => "It is over; no money was taken.",
        (CaseKind::Dispute, state) if state.ends_with("under_review") => {
            "The bank is deciding. Nothing to do but wait."
        }
        (CaseKind::Dispute, _) => {
            "Stripe has a new word for where it stands. Look at it in Stripe's dashboard."
        }
        (CaseKind::Refund, "failed" | "canceled") => {
            "It was refunded in Stripe's dashboard, and that failed: the customer has nothing back."
        }
        (CaseKind::Refund, _) => {
            "It was refunded in Stripe's dashboard, or given in cash here as well. Ask who it was; the goods are not booked back."
        }
    }
}

/// Whether the journal does not say so yet.
pub(crate) fn worth(known: &Known, told: &Told) -> bool {
    if let About::Method(id) = &told.about {
        return known.cards.contains(id);
    }
    let Some((tender, state)) = known.charges.get(&told.intent) else {
        return false;
    };
    match &told.about {
        // The outbox asks for itself.
        About::Intent(_) => state.needs_a_person() && told.status == "succeeded",
        About::Refund(id) => known.refunds.get(id) != Some(&told.status),
        About::Disputes(_) => !known.disputes.contains(&(*tender, told.status.clone())),
        // Asked before: it belongs to no charge.
        About::Method(_) => false,
    }
}

/// Acts on what was fetched; true where it was news.
pub(crate) fn learn(
    tx: &Tx<'_>,
    shop: &Shop,
    known: &Known,
    found: Found,
    now: Timestamp,
) -> Result<bool, AppError> {
    let sum = |minor: i64| {
        let minor = minor.checked_div(stripe_factor(shop.currency()));
        Money::from_minor(minor.unwrap_or(0), shop.currency())
    };
    match found {
        Found::Intent(intent) => match known.charges.get(&intent.id) {
            Some((tender, _)) => Ok(learn_charge(tx, *tender, intent, now)?),
            None => Ok(false),
        },
        Found::Refund {
            refund,
            intent,
            part,
            amount_minor,
        } => {
            let part = part.and_then(|part| part.parse::<RefundPartId>().ok());
            if let Some(part) = part
                && tx.outbox(part.0)?.is_some()
            {
                let row = tx.part(part)?;
                let closed = row.as_ref().is_some_and(|p| p.is_closed());
                // A manager had found it given there, say, and the bank took it back.
                let undone = row.is_some_and(|p| {
                    p.settled_elsewhere && p.state != RefundState::Failed && refund.is_over()
                });
                if !undone && (!closed || refund.is_over()) {
                    return Ok(learn_refund(tx, part, refund, now)?);
                }
                // It is settled another way, and back at Stripe all the same, or not any
                // more: a case.
            }
            let before = tx.stripe_case(&refund.id)?;
            let Some((tender, _)) = known.charges.get(&intent) else {
                return Ok(false);
            };
            if before.is_some_and(|case| case.state == refund.status) {
                return Ok(false);
            }
            tx.append(
                JournalEvent::RefundElsewhere {
                    refund: refund.id,
                    tender: *tender,
                    amount: sum(amount_minor),
                    status: refund.status,
                },
                now,
            )?;
            Ok(true)
        }
        Found::Method { id, card } => crate::cards::learn(tx, &id, card.as_ref(), now),
        Found::Dispute {
            id,
            intent,
            amount_minor,
            status,
            reason,
            due_by,
        } => {
            let before = tx.stripe_case(&id)?;
            let Some((tender, _)) = known.charges.get(&intent) else {
                return Ok(false);
            };
            if before.is_some_and(|case| case.state == status && case.due_by == due_by) {
                return Ok(false);
            }
            tx.append(
                JournalEvent::DisputeMoved {
                    dispute: id,
                    tender: *tender,
                    amount: sum(amount_minor),
                    status,
                    reason,
                    due_by,
                },
                now,
            )?;
            Ok(true)
        }
    }
}

impl Till {
    fn asking(&self) -> MutexGuard<'_, Asking> {
        // A reading that a panic left is asked anew by a start.
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be asked now, beside the outbox; the same until it is
    /// [told](Till::told).
    ///
    /// # Errors
    /// What the store says.
    pub fn ask(&self) -> Result<Option<StoredRequest>, AppError> {
        let now = self.now();
        let mut asking = self.asking();
        asking.errand = None;
        asking.orphan = None;
        if !self.is_online() {
            return Ok(None);
        }
        if asking.card.is_none() {
            asking.card = self.next_card_request(now)?;
        }
        if let Some(asked) = &asking.card {
            return Ok(Some(asked.request.clone()));
        }
        // Somebody waits for it.
        if !is_ahead(asking.errand_not_before, now)
            && let Some(request) = self.readers_ask()?
        {
            asking.errand = Some(request.clone());
            return Ok(Some(request));
        }
        if !is_ahead(asking.orphan_not_before, now)
            && let Some((intent, request)) = self.next_orphan()?
        {
            asking.orphan = Some(intent);
            return Ok(Some(request));
        }
        if is_ahead(asking.not_before, now) {
            return Ok(None);
        }
        if asking.reading.is_none() {
            asking.reading = if std::mem::take(&mut asking.compare_now) {
                Some(Reading::Books(Box::new(self.reconcile(None)?)))
            } else {
                self.next_reading(&asking, now)?
            };
            if asking.reading.is_none() {
                asking.not_before = Some(now.plus_ms(LOOK_MS));
            }
        }
        Ok(match &asking.reading {
            Some(Reading::Events(polling, _)) => polling.ask(),
            Some(Reading::Books(reading)) => reading.ask(),
            None => None,
        })
    }

    /// When something is to be asked next that somebody waits for.
    ///
    /// # Errors
    /// What the store says.
    pub fn ask_at(&self) -> Result<Option<Timestamp>, AppError> {
        if !self.is_online() {
            return Ok(None);
        }
        self.next_card_at()
    }

    fn known(&self) -> Result<Known, AppError> {
        self.store()?.read(Known::read)
    }

    fn next_reading(&self, asking: &Asking, now: Timestamp) -> Result<Option<Reading>, AppError> {
        if !is_ahead(asking.events_at, now) {
            let begun = self.store()?.read(|tx| {
                if tx.setting::<StripeSetting>("stripe")?.is_none() {
                    return Ok::<_, AppError>(None);
                }
                let cursor: Cursor = tx.setting("stripe_events")?.unwrap_or_default();
                Ok(Some(Polling::new(cursor, now)))
            })?;
            return Ok(begun.map(|p| Reading::Events(Box::new(p), OnceCell::new())));
        }
        if is_ahead(asking.books_at, now) {
            return Ok(None);
        }
        match self.days_to_reconcile()? {
            Some(days) => Ok(Some(Reading::Books(Box::new(self.reconcile(Some(days))?)))),
            None => Ok(None),
        }
    }

    /// Takes in what came back; true where there is something new to show.
    ///
    /// # Errors
    /// What the store says.
    pub fn told(&self, answer: &Answer) -> Result<bool, AppError> {
        let now = self.now();
        let mut asking = self.asking();
        if let Some(asked) = asking.card.take() {
            self.count_read(&asked.request, answer, now)?;
            return self.card_answered(&asked, answer, now);
        }
        if let Some(request) = asking.errand.take() {
            self.count_read(&request, answer, now)?;
            let wait_ms = self.readers_told(answer)?;
            asking.errand_not_before = (wait_ms > 0).then(|| now.plus_ms(wait_ms));
            return Ok(true);
        }
        if let Some(intent) = asking.orphan.take() {
            let wait_ms = self.orphan_told(&intent, answer)?;
            asking.orphan_not_before = (wait_ms > 0).then(|| now.plus_ms(wait_ms));
            return Ok(false);
        }
        match asking.reading.take() {
            None => Ok(false),
            Some(Reading::Events(mut polling, known)) => {
                let failed = Cell::new(None);
                let taken = polling.take(answer, |told| {
                    if known.get().is_none() {
                        match self.known() {
                            Ok(charges) => drop(known.set(charges)),
                            Err(error) => failed.set(Some(error)),
                        }
                    }
                    known.get().is_some_and(|known| worth(known, told))
                });
                // The reading is dropped with it, and begins again where the last ended.
                if let Some(error) = failed.take() {
                    return Err(error);
                }
                match taken {
                    Taken::GoOn if polling.ask().is_none() => {
                        let known = known.into_inner().unwrap_or_default();
                        let (news, pause_ms) = self.learnt(*polling, &known, now)?;
                        asking.events_at = Some(now.plus_ms(pause_ms));
                        return Ok(news);
                    }
                    Taken::GoOn => {}
                    Taken::Again { after_ms } => asking.not_before = Some(now.plus_ms(after_ms)),
                    Taken::Stop(why) => {
                        asking.events_at = Some(now.plus_ms(AGAIN_MS));
                        if why == Unread::Unauthorised {
                            self.set_paused(Some(ErrorCode::StripeKeyRefused));
                        }
                        let reads = polling.reads();
                        self.store()?.write(|tx| count_reads(tx, reads, now))?;
                        return Ok(false);
                    }
                }
                asking.reading = Some(Reading::Events(polling, known));
                Ok(false)
            }
            Some(Reading::Books(mut reading)) => {
                match reading.told(answer) {
                    Ok(0) if reading.ask().is_none() => {
                        self.reconciled(&reading)?;
                        asking.books_at = Some(now.plus_ms(AGAIN_MS));
                        asking.books_failed = 0;
                        return Ok(true);
                    }
                    Ok(0) => {}
                    Ok(wait_ms) => asking.not_before = Some(now.plus_ms(wait_ms)),
                    Err(error) => {
                        tracing::info!(%error, "the books were not compared");
                        let reads = reading.reads();
                        self.store()?.write(|tx| count_reads(tx, reads, now))?;
                        // What cannot be read is likely to be there the next time, and
                        // all before it is read again.
                        let longer = 1_i64 << asking.books_failed.min(7);
                        let pause_ms = AGAIN_MS.saturating_mul(longer).min(DAY_MS);
                        asking.books_at = Some(now.plus_ms(pause_ms));
                        asking.books_failed = asking.books_failed.saturating_add(1);
                        return Ok(false);
                    }
                }
                asking.reading = Some(Reading::Books(reading));
                Ok(false)
            }
        }
    }

    /// What a comparison found that nobody confirms, and how it is cancelled. One of a
    /// tender that moves again is left alone: it may be looked for and taken up.
    fn next_orphan(&self) -> Result<Option<(String, StoredRequest)>, AppError> {
        self.store()?.read(|tx| {
            let orphans: Vec<Orphan> = tx.setting(ORPHANS)?.unwrap_or_default();
            for orphan in orphans {
                let tender = orphan.tender.parse().ok();
                let charge = tender.map(|t| tx.charge(t)).transpose()?.flatten();
                // It may have been taken up since, and be the one of its charge.
                let left = |c: &ChargeRow| c.facts.intent.as_ref() != Some(&orphan.intent);
                if charge.is_some_and(|c| !c.state.is_waiting() && left(&c)) {
                    let till = crate::tender::till_id(&shop(tx)?);
                    let request = cancel_orphan(&till, &orphan.intent);
                    return Ok(Some((orphan.intent, request)));
                }
            }
            Ok(None)
        })
    }

    /// Gives how long to wait for the next one, in milliseconds. What Stripe says it will
    /// not cancel the next comparison looks at again.
    fn orphan_told(&self, intent: &str, answer: &Answer) -> Result<i64, AppError> {
        let Answer::Http(http) = answer else {
            return Ok(AGAIN_MS);
        };
        match http.status {
            200..=299 | 400 | 404 => {
                self.store()?.write(|tx| {
                    let mut orphans: Vec<Orphan> = tx.setting(ORPHANS)?.unwrap_or_default();
                    orphans.retain(|orphan| orphan.intent != intent);
                    tx.set_setting(ORPHANS, &orphans)
                })?;
                Ok(0)
            }
            401 | 403 => {
                self.set_paused(Some(ErrorCode::StripeKeyRefused));
                Ok(AGAIN_MS)
            }
            _ => Ok(http.retry_after_ms.unwrap_or(0).max(AGAIN_MS)),
        }
    }

    /// What was asked about a saved card or a reader is a read like the others.
    fn count_read(
        &self,
        request: &StoredRequest,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<(), AppError> {
        if request.method == "GET" && matches!(answer, Answer::Http(_)) {
            self.store()?.write(|tx| count_reads(tx, 1, now))?;
        }
        Ok(())
    }

    /// Writes down what a reading of the events found; gives how long to pause.
    fn learnt(
        &self,
        polling: Polling,
        known: &Known,
        now: Timestamp,
    ) -> Result<(bool, i64), AppError> {
        let reads = polling.reads();
        for about in polling.left_out() {
            tracing::warn!(?about, "what an event names could not be read");
        }
        let (found, cursor) = polling.end();
        self.store()?.write(|tx| {
            let shop = shop(tx)?;
            let mut news = false;
            for found in found {
                news |= learn(tx, &shop, known, found, now)?;
            }
            tx.set_setting("stripe_events", &cursor)?;
            let open = tx.outbox_waiting_count()? > 0 || tx.stripe_cases()?.iter().any(is_open);
            let reads = count_reads(tx, reads, now)?;
            Ok((news, reads.pause_ms(open, now)))
        })
    }

    /// What was read of Stripe in the thirty days before, by whichever part of the till.
    ///
    /// # Errors
    /// What the store says.
    pub fn reads_of_month(&self) -> Result<u32, AppError> {
        let now = self.now();
        let reads: Option<Reads> = self.store()?.read(|tx| tx.setting(READS))?;
        Ok(reads.unwrap_or_default().of_month(now))
    }

    /// Takes in what a comparison of the books met, disputes and refunds that failed, as
    /// an event would have told of them.
    pub(crate) fn learn_met(
        tx: &Tx<'_>,
        shop: &Shop,
        met: Vec<Found>,
        now: Timestamp,
    ) -> Result<(), AppError> {
        if !met.is_empty() {
            let known = Known::read(tx)?;
            for found in met {
                learn(tx, shop, &known, found, now)?;
            }
        }
        Ok(())
    }

    /// Compares today's books with Stripe's as soon as Stripe can be asked; the answer is
    /// in [`Till::last_reconciled`].
    ///
    /// # Errors
    /// [`ErrorCode::StripeNotConnected`]; [`ErrorCode::Offline`].
    pub fn compare_now(&self) -> Result<(), AppError> {
        if self.stripe_setting()?.is_none() {
            return Err(ErrorCode::StripeNotConnected.into());
        }
        if !self.is_online() {
            return Err(ErrorCode::Offline.into());
        }
        let mut asking = self.asking();
        asking.compare_now = true;
        asking.not_before = None;
        Ok(())
    }

    /// Disputes, and refunds made at Stripe: the open ones first, the nearest deadline
    /// before the others.
    ///
    /// # Errors
    /// What the store says.
    pub fn cases(&self) -> Result<Vec<CaseView>, AppError> {
        self.store()?
            .read(|tx| cases(tx, &shop(tx)?, tx.current_shift()?, |_| true))
    }
}

/// Those cases that are `wanted`, the open ones first.
pub(crate) fn cases(
    tx: &Tx<'_>,
    shop: &Shop,
    shift: ShiftNumber,
    wanted: impl Fn(&CaseRow) -> bool,
) -> Result<Vec<CaseView>, AppError> {
    let mut cases = tx.stripe_cases()?;
    cases.retain(wanted);
    cases.sort_by_key(|case| (!is_open(case), case.due_by, case.at));
    cases
        .iter()
        .map(|case| {
            let sale = tx.charge(case.tender)?.map(|charge| tx.sale(charge.sale));
            let receipt = sale.transpose()?.flatten().map(|sale| {
                till_domain::ids::ReceiptNumber {
                    till: shop.till,
                    number: sale.receipt_number,
                }
                .to_string()
            });
            Ok(CaseView {
                id: case.id.clone(),
                kind: case.kind,
                receipt,
                amount: money(Money::from_minor(case.amount_minor, shop.currency())),
                state: case.state.clone(),
                reason: case.reason.clone(),
                due_by: case.due_by.map(|at| local(shop, at)),
                at: local(shop, case.at),
                open: is_open(case),
                needs_a_person: needs_a_person(case, shift),
                says: says(case).to_owned(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_wanted_for_a_case_and_until_when() {
        // What, in Stripe's word, learnt in shift 3: for a person in shifts 3 and 4, and
        // shown in 4.
        for (kind, state, now, later, shown) in [
            (CaseKind::Dispute, "needs_response", true, true, true),
            (
                CaseKind::Dispute,
                "warning_needs_response",
                true,
                true,
                true,
            ),
            // The bank decides, for weeks.
            (CaseKind::Dispute, "under_review", false, false, true),
            (
                CaseKind::Dispute,
                "warning_under_review",
                false,
                false,
                true,
            ),
            (CaseKind::Dispute, "appeal_needs_response", true, true, true),
            (CaseKind::Dispute, "appeal_under_review", false, false, true),
            (CaseKind::Dispute, "a_new_word", true, true, true),
            (CaseKind::Dispute, "won", false, false, false),
            (CaseKind::Dispute, "lost", false, false, false),
            (CaseKind::Dispute, "warning_closed", false, false, false),
            (CaseKind::Dispute, "prevented", false, false, false),
            (CaseKind::Refund, "succeeded", true, false, false),
            (CaseKind::Refund, "pending", true, false, false),
            (CaseKind::Refund, "failed", true, false, false),
        ] {
            let case = CaseRow {
                id: "dp_1".into(),
                kind,
                tender: "018f6f7e-0000-7000-8000-000000000001".parse().unwrap(),
                amount_minor: 100,
                state: state.into(),
                reason: None,
                due_by: None,
                at: Timestamp(0),
                moved_in: ShiftNumber(3),
            };
            let (this, next) = (ShiftNumber(3), ShiftNumber(4));
            assert_eq!(needs_a_person(&case, this), now, "{kind:?} {state}");
            assert_eq!(needs_a_person(&case, next), later, "{kind:?} {state}");
            assert_eq!(is_shown(&case, next), shown, "{kind:?} {state}");
        }
    }
}
