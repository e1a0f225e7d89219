//! Getting one entry a step forward: claim, (send), record. Each is one short
//! transaction, and nothing is locked in between.
//!
//! Invariants:
//! - a request's key and bytes are on disk before [`claim`] gives them out;
//! - what the journal must know is written in the transaction that learns it;
//! - an entry that nobody can read is set aside and never blocks the queue.

use till_domain::charge::{ChargeState, RefundState};
use till_domain::ids::{RefundPartId, TenderId, Timestamp, UserId};
use till_domain::journal::{ChargeFacts, JournalEvent};
use till_domain::money::{Currency, Money};
use till_domain::sale::Approval;
use till_store::{HistoryRow, OutboxRow, Result, StoreError, StoredRequest, Subject, Tx};
use uuid::Uuid;

use crate::classify::{self, Op};
use crate::machine::{
    AtReader, Change, Charge, ChargeOp, DELAY_MAX_MS, Event, FirstSent, Goal, Next, Refund,
    RefundOp,
};
use crate::presented::PRESENT_CARD;
use crate::request::{self, Private};
use crate::transport::Answer;

/// A request that is to be sent now.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The entry.
    pub id: Uuid,
    /// What is asked.
    pub op: Op,
    /// To be sent byte for byte.
    pub request: StoredRequest,
}

/// What [`claim`] found.
#[derive(Debug, Clone)]
pub enum Claimed {
    /// Send this.
    Send(Box<Claim>),
    /// An entry was decided without asking; claim again.
    Decided,
    /// Nothing is due; the next entry is due then.
    Nothing {
        /// `None`: nothing waits.
        next_at: Option<Timestamp>,
    },
}

/// What [`record`] learnt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Stripe refuses the key: nothing may be sent until a person has looked.
    pub pause: bool,
    /// Stripe could not be reached.
    pub unreachable: bool,
    /// Stripe asks the whole queue to slow down for so long.
    pub slow_ms: Option<i64>,
}

pub(crate) fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|_| StoreError::Corrupt {
        what: "outbox entry",
    })
}

pub(crate) fn text<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|_| StoreError::Corrupt {
        what: "outbox entry",
    })
}

pub(crate) fn note(
    tx: &Tx<'_>,
    id: Uuid,
    at: Timestamp,
    what: &str,
    detail: Option<String>,
    request_id: Option<String>,
) -> Result<()> {
    tx.add_history(
        id,
        &HistoryRow {
            at,
            what: what.into(),
            detail,
            request_id,
        },
    )
}

/// Puts a charge into the outbox, due now.
///
/// # Errors
/// [`StoreError`].
pub fn enqueue_charge(
    tx: &Tx<'_>,
    tender: TenderId,
    charge: &Charge,
    private: &Private,
    now: Timestamp,
) -> Result<()> {
    tx.save_outbox(&OutboxRow {
        id: tender.0,
        subject: Subject::Charge,
        state: charge.state.word().into(),
        machine: text(charge)?,
        request: None,
        in_flight: false,
        waiting: true,
        next_at: now,
        private: text(private)?,
    })?;
    note(tx, tender.0, now, "queued", None, None)
}

/// Puts a refund into the outbox, due now.
///
/// # Errors
/// [`StoreError`].
pub fn enqueue_refund(
    tx: &Tx<'_>,
    part: RefundPartId,
    refund: &Refund,
    of: TenderId,
    private: &Private,
    now: Timestamp,
) -> Result<()> {
    let private = Private {
        description: of.to_string(),
        ..private.clone()
    };
    tx.save_outbox(&OutboxRow {
        id: part.0,
        subject: Subject::Refund,
        state: refund.state.word().into(),
        machine: text(refund)?,
        request: None,
        in_flight: false,
        waiting: refund.state.is_waiting(),
        next_at: now,
        private: text(&private)?,
    })?;
    note(tx, part.0, now, "queued", None, None)
}

/// Says in the journal that a refund waits for a person with the card.
///
/// # Errors
/// [`StoreError`].
pub fn present_later(tx: &Tx<'_>, part: RefundPartId, now: Timestamp) -> Result<()> {
    let moved = JournalEvent::RefundMoved {
        part,
        to: RefundState::NeedsAttention,
        stripe_refund: None,
        reason: Some(PRESENT_CARD.into()),
        by: None,
    };
    tx.append(moved, now)?;
    Ok(())
}

fn change_refund(
    tx: &Tx<'_>,
    part: RefundPartId,
    now: Timestamp,
    what: &str,
    change: impl FnOnce(&mut Refund),
) -> Result<()> {
    let Some(mut row) = tx.outbox(part.0)?.filter(|r| r.subject == Subject::Refund) else {
        return Ok(());
    };
    let mut refund: Refund = read(&row.machine)?;
    change(&mut refund);
    row.state = refund.state.word().into();
    row.machine = text(&refund)?;
    row.waiting = refund.state.is_waiting();
    row.next_at = now;
    tx.save_outbox(&row)?;
    note(tx, part.0, now, what, None, None)
}

/// Asks for the card of a refund at `reader`; `by` decided so, and the customer is there
/// until `expires_at`.
///
/// # Errors
/// [`StoreError`].
pub fn present_at(
    tx: &Tx<'_>,
    part: RefundPartId,
    reader: String,
    expires_at: Timestamp,
    by: UserId,
    now: Timestamp,
) -> Result<()> {
    change_refund(tx, part, now, "try_again", |refund| {
        refund.present_at(reader, expires_at);
    })?;
    tx.append(
        JournalEvent::RefundMoved {
            part,
            to: RefundState::Queued,
            stripe_refund: None,
            reason: None,
            by: Some(by),
        },
        now,
    )?;
    Ok(())
}

/// Asks for a refund to be taken off its reader. What the reader did by then counts.
///
/// # Errors
/// [`StoreError`].
pub fn take_off_reader(tx: &Tx<'_>, part: RefundPartId, now: Timestamp) -> Result<()> {
    change_refund(tx, part, now, "cancel_wanted", Refund::take_off)
}

/// True while a refund is at `reader`: it can be given nothing else meanwhile.
///
/// # Errors
/// [`StoreError`].
pub fn is_refunding(tx: &Tx<'_>, reader: &str) -> Result<bool> {
    Ok(tx.outbox_waiting()?.iter().any(|row| {
        let refund = (row.subject == Subject::Refund).then(|| read::<Refund>(&row.machine).ok());
        // What is with the bank is at no reader any more.
        let under_way = refund.flatten().filter(|r| r.state != RefundState::Pending);
        let at = under_way.and_then(|r| r.reader);
        at.is_some_and(|at| at.id.as_deref() == Some(reader))
    }))
}

/// The live charge of a tender, as the outbox has it.
///
/// # Errors
/// [`StoreError`].
pub fn charge(tx: &Tx<'_>, tender: TenderId) -> Result<Option<Charge>> {
    tx.outbox(tender.0)?
        .filter(|row| row.subject == Subject::Charge)
        .map(|row| read(&row.machine))
        .transpose()
}

/// For a list: what cannot be read is shown there as the journal has it.
///
/// # Errors
/// [`StoreError`].
pub fn readable<T>(live: Result<Option<T>>) -> Result<Option<T>> {
    match live {
        Err(StoreError::Corrupt { .. }) => Ok(None),
        live => live,
    }
}

/// The live refund of a part, as the outbox has it.
///
/// # Errors
/// [`StoreError`].
pub fn refund(tx: &Tx<'_>, part: RefundPartId) -> Result<Option<Refund>> {
    tx.outbox(part.0)?
        .filter(|row| row.subject == Subject::Refund)
        .map(|row| read(&row.machine))
        .transpose()
}

/// What the requests of an entry need.
///
/// # Errors
/// [`StoreError`].
pub fn private(tx: &Tx<'_>, id: Uuid) -> Result<Option<Private>> {
    tx.outbox(id)?.map(|row| read(&row.private)).transpose()
}

fn change_charge(
    tx: &Tx<'_>,
    tender: TenderId,
    now: Timestamp,
    what: &str,
    change: impl FnOnce(&mut Charge),
) -> Result<Option<Charge>> {
    let Some(mut row) = tx.outbox(tender.0)? else {
        return Ok(None);
    };
    let mut charge: Charge = read(&row.machine)?;
    change(&mut charge);
    row.state = charge.state.word().into();
    row.machine = text(&charge)?;
    row.waiting = charge.state.is_waiting();
    row.next_at = now;
    tx.save_outbox(&row)?;
    note(tx, tender.0, now, what, None, None)?;
    Ok(Some(charge))
}

/// Asks for a charge to be cancelled. True when its money is free at once: nothing
/// was ever sent. Else Stripe is asked, and the money is free when the charge's
/// state is `canceled`, not before.
///
/// # Errors
/// [`StoreError`].
pub fn want_cancel(tx: &Tx<'_>, tender: TenderId, now: Timestamp) -> Result<bool> {
    let in_flight = tx.outbox(tender.0)?.is_some_and(|row| row.in_flight);
    let charge = change_charge(tx, tender, now, "cancel_wanted", |c| {
        c.goal = Goal::Cancel;
        c.by_hand = true;
        c.link_next = false;
        if c.is_unknown_to_stripe() && !in_flight {
            c.op = None;
            c.state = ChargeState::Canceled;
        } else if c.state.needs_a_person() {
            // Waiting again, for Stripe's word that it is cancelled.
            c.state = ChargeState::Created;
        }
    })?;
    let Some(charge) = charge.filter(|c| c.state == ChargeState::Canceled) else {
        return Ok(false);
    };
    tx.append(
        JournalEvent::ChargeMoved {
            tender,
            to: ChargeState::Canceled,
            facts: charge.facts(),
            by: None,
        },
        now,
    )?;
    Ok(true)
}

/// Lowers a charge that has not been told to charge; to nothing is to cancel. What
/// is cancelled or written off is owed that much less.
///
/// # Errors
/// [`StoreError`].
pub fn lower(tx: &Tx<'_>, tender: TenderId, by_minor: i64, now: Timestamp) -> Result<()> {
    let charge = change_charge(tx, tender, now, "lowered", |c| {
        c.amount_minor -= by_minor;
    })?;
    let over = |c: &Charge| matches!(c.state, ChargeState::Canceled | ChargeState::WrittenOff);
    if charge.is_some_and(|c| c.amount_minor <= 0 && !over(&c)) {
        want_cancel(tx, tender, now)?;
    }
    Ok(())
}

/// A person decided what becomes of a charge now.
fn decided(
    tx: &Tx<'_>,
    tender: TenderId,
    charge: &Charge,
    by: Option<Approval>,
    now: Timestamp,
) -> Result<()> {
    tx.append(
        JournalEvent::ChargeMoved {
            tender,
            to: charge.state,
            facts: charge.facts(),
            by,
        },
        now,
    )?;
    Ok(())
}

/// Tries a refused charge once more, of a smart reader on `reader`; a person decided
/// so.
///
/// # Errors
/// [`StoreError`].
pub fn try_again(
    tx: &Tx<'_>,
    tender: TenderId,
    reader: Option<String>,
    expires_at: Timestamp,
    by: Option<Approval>,
    now: Timestamp,
) -> Result<()> {
    let charge = change_charge(tx, tender, now, "try_again", |c| {
        c.goal = Goal::Collect;
        c.by_hand = true;
        c.giving_up = false;
        c.link_next = false;
        c.failures = 0;
        c.polls = 0;
        c.expires_at = expires_at;
        if let Some(id) = reader {
            let asks_tip = c.reader.as_ref().is_some_and(|r| r.asks_tip);
            c.reader = Some(AtReader::new(id, asks_tip));
        }
        c.state = if c.intent.is_some() {
            ChargeState::Created
        } else {
            ChargeState::Queued
        };
    })?;
    charge.map_or(Ok(()), |c| decided(tx, tender, &c, by, now))
}

/// Asks the customer to pay by a link what a card did not; a person decided so. What
/// is left of the card is cancelled at Stripe before the link is made.
///
/// # Errors
/// [`StoreError`].
pub fn offer_link(
    tx: &Tx<'_>,
    tender: TenderId,
    email: Option<String>,
    expires_at: Timestamp,
    by: Approval,
    now: Timestamp,
) -> Result<()> {
    let charge = change_charge(tx, tender, now, "link_wanted", |c| {
        c.goal = Goal::Collect;
        c.by_hand = true;
        c.giving_up = false;
        c.link_next = true;
        c.failures = 0;
        c.polls = 0;
        c.expires_at = expires_at;
        c.state = ChargeState::Created;
    })?;
    if let Some(mut row) = tx.outbox(tender.0)? {
        let mut private: Private = read(&row.private)?;
        private.email = email.or(private.email);
        row.private = text(&private)?;
        tx.save_outbox(&row)?;
    }
    charge.map_or(Ok(()), |c| decided(tx, tender, &c, Some(by), now))
}

/// A manager gives the money up. Nothing may be under way.
///
/// # Errors
/// [`StoreError`].
pub fn write_off(tx: &Tx<'_>, tender: TenderId, by: Approval, now: Timestamp) -> Result<()> {
    let charge = change_charge(tx, tender, now, "written_off", |c| {
        c.by_hand = true;
        c.state = ChargeState::WrittenOff;
    })?;
    tx.append(
        JournalEvent::ChargeMoved {
            tender,
            to: ChargeState::WrittenOff,
            facts: charge.map(|c| c.facts()).unwrap_or_default(),
            by: Some(by),
        },
        now,
    )?;
    Ok(())
}

/// Why an entry waits for a person that the till itself cannot read.
pub const UNREADABLE: &str = "unreadable";

/// Takes the entry that has been due longest, writes down what is going to be
/// sent, and gives it out.
///
/// # Errors
/// [`StoreError`].
pub fn claim(tx: &Tx<'_>, now: Timestamp) -> Result<Claimed> {
    let Some(mut row) = tx.outbox_due(now, now.plus_ms(DELAY_MAX_MS))? else {
        return Ok(Claimed::Nothing {
            next_at: tx.outbox_next_at()?,
        });
    };
    let first_sent_at = row.request.as_ref().and_then(|r| r.first_sent_at);
    let claimed = match row.subject {
        Subject::Charge => {
            let (Ok(mut charge), Ok(private)) =
                (read::<Charge>(&row.machine), read::<Private>(&row.private))
            else {
                return set_aside(tx, row, now);
            };
            match charge.next_step(first_sent_at, now) {
                Next::Rest => None,
                Next::Decided => {
                    let tender = TenderId(row.id);
                    tx.append(
                        JournalEvent::ChargeMoved {
                            tender,
                            to: charge.state,
                            facts: charge.facts(),
                            by: None,
                        },
                        now,
                    )?;
                    note(tx, row.id, now, charge.state.word(), None, None)?;
                    save(tx, &mut row, charge.state.word(), &charge, false)?;
                    return Ok(Claimed::Decided);
                }
                Next::Resend(op) => Some((Op::Charge(op), text(&charge)?, charge.state.word())),
                Next::Send(op) => {
                    charge.op = Some(op);
                    row.request = Some(request::charge(row.id, &charge, &private, op));
                    Some((Op::Charge(op), text(&charge)?, charge.state.word()))
                }
            }
        }
        Subject::Refund => {
            let (Ok(mut refund), Ok(private)) =
                (read::<Refund>(&row.machine), read::<Private>(&row.private))
            else {
                return set_aside(tx, row, now);
            };
            if refund.intent.is_none()
                && let Some(done) = wait_for_charge(tx, &mut row, &mut refund, &private, now)?
            {
                return Ok(done);
            }
            match refund.next_step(now) {
                Next::Rest => None,
                // Nobody presented the card, and no reader was told.
                Next::Decided => {
                    present_later(tx, RefundPartId(row.id), now)?;
                    note(tx, row.id, now, PRESENT_CARD, None, None)?;
                    save(tx, &mut row, refund.state.word(), &refund, false)?;
                    return Ok(Claimed::Decided);
                }
                Next::Resend(op) => Some((Op::Refund(op), text(&refund)?, refund.state.word())),
                Next::Send(op) => {
                    refund.op = Some(op);
                    let mut request = request::refund(row.id, &refund, &private, op);
                    if op == RefundOp::Create {
                        as_first_sent(&mut request, &mut refund.first);
                    }
                    row.request = Some(request);
                    Some((Op::Refund(op), text(&refund)?, refund.state.word()))
                }
            }
        }
    };
    let Some((op, machine, state)) = claimed else {
        row.waiting = false;
        tx.save_outbox(&row)?;
        return Ok(Claimed::Decided);
    };
    row.machine = machine;
    row.state = state.into();
    row.in_flight = true;
    let Some(request) = row.request.as_mut() else {
        return set_aside(tx, row, now);
    };
    request.first_sent_at.get_or_insert(now);
    let request = request.clone();
    tx.save_outbox(&row)?;
    Ok(Claimed::Send(Box::new(Claim {
        id: row.id,
        op,
        request,
    })))
}

/// What was sent under this key before, where something was.
fn as_first_sent(request: &mut StoredRequest, first: &mut Option<FirstSent>) {
    let (Some(key), Some(body)) = (&request.idempotency_key, &request.body) else {
        return;
    };
    match first {
        Some(first) if first.key == *key => {
            request.body = Some(first.body.clone().into_bytes());
            request.api_version.clone_from(&first.api_version);
        }
        Some(_) | None => {
            *first = Some(FirstSent {
                key: key.clone(),
                body: String::from_utf8_lossy(body).into_owned(),
                api_version: request.api_version.clone(),
            });
        }
    }
}

fn save<T: serde::Serialize>(
    tx: &Tx<'_>,
    row: &mut OutboxRow,
    state: &str,
    machine: &T,
    waiting: bool,
) -> Result<()> {
    row.state = state.into();
    row.machine = text(machine)?;
    row.waiting = waiting;
    row.in_flight = false;
    tx.save_outbox(row)
}

/// An entry that cannot be read waits for a person, not the queue for it.
fn set_aside(tx: &Tx<'_>, mut row: OutboxRow, now: Timestamp) -> Result<Claimed> {
    row.waiting = false;
    row.in_flight = false;
    row.state = ChargeState::NeedsAttention.word().into();
    let reason = Some(UNREADABLE.to_owned());
    // Where it is not the machine that cannot be read, it says so too.
    let moved = match row.subject {
        Subject::Charge => {
            if let Ok(mut charge) = read::<Charge>(&row.machine) {
                charge.state = ChargeState::NeedsAttention;
                row.machine = text(&charge)?;
            }
            JournalEvent::ChargeMoved {
                tender: TenderId(row.id),
                to: ChargeState::NeedsAttention,
                facts: ChargeFacts {
                    decline_code: reason,
                    ..ChargeFacts::default()
                },
                by: None,
            }
        }
        Subject::Refund => {
            if let Ok(mut refund) = read::<Refund>(&row.machine) {
                refund.state = RefundState::NeedsAttention;
                row.machine = text(&refund)?;
            }
            JournalEvent::RefundMoved {
                part: RefundPartId(row.id),
                to: RefundState::NeedsAttention,
                stripe_refund: None,
                reason,
                by: None,
            }
        }
    };
    tx.save_outbox(&row)?;
    tx.append(moved, now)?;
    note(tx, row.id, now, UNREADABLE, None, None)?;
    Ok(Claimed::Decided)
}

/// A refund of a charge that is not certain yet. Gives `Some` while there is
/// nothing to send.
fn wait_for_charge(
    tx: &Tx<'_>,
    row: &mut OutboxRow,
    refund: &mut Refund,
    private: &Private,
    now: Timestamp,
) -> Result<Option<Claimed>> {
    let part = RefundPartId(row.id);
    let tender: Option<TenderId> = private.description.parse().ok();
    let charge = match tender.map(|tender| charge(tx, tender)) {
        None | Some(Err(StoreError::Corrupt { .. })) => None,
        Some(charge) => charge?,
    };
    let (Some(tender), Some(charge)) = (tender, charge) else {
        return set_aside(tx, row.clone(), now).map(Some);
    };
    match charge.state {
        ChargeState::Succeeded => {
            refund.intent.clone_from(&charge.intent);
            if charge.interac && refund.reader.is_none() {
                let state = refund.state;
                *refund = Refund::to_present(refund.amount_minor, charge.intent);
                refund.state = state;
            }
            Ok(None)
        }
        ChargeState::Queued
        | ChargeState::Creating
        | ChargeState::Created
        | ChargeState::Confirming
        | ChargeState::AtReader
        | ChargeState::AwaitingCustomer
        | ChargeState::Unknown => {
            row.next_at = now.plus_ms(1_000);
            tx.save_outbox(row)?;
            Ok(Some(Claimed::Decided))
        }
        // It was never charged: the customer owes that much less, and nothing is
        // given back.
        ChargeState::Declined
        | ChargeState::NeedsCustomer
        | ChargeState::NeedsAttention
        | ChargeState::Canceled
        | ChargeState::Expired
        | ChargeState::WrittenOff => {
            refund.state = RefundState::Canceled;
            let by = shop_money(row, refund.amount_minor)?;
            tx.append(JournalEvent::ChargeLowered { tender, by }, now)?;
            tx.append(
                JournalEvent::RefundMoved {
                    part,
                    to: RefundState::Canceled,
                    stripe_refund: None,
                    reason: None,
                    by: None,
                },
                now,
            )?;
            lower(tx, tender, refund.amount_minor, now)?;
            note(tx, row.id, now, "canceled", None, None)?;
            save(tx, row, refund.state.word(), refund, false)?;
            Ok(Some(Claimed::Decided))
        }
    }
}

/// Decides the refunds that wait to know whether `tender` was charged, where that is
/// known by now. A person who settles a debt another way settles what is left of it.
///
/// # Errors
/// [`StoreError`].
pub fn decide_refunds(tx: &Tx<'_>, tender: TenderId, now: Timestamp) -> Result<()> {
    for mut row in tx.outbox_waiting()? {
        if row.subject != Subject::Refund || row.in_flight {
            continue;
        }
        let (Ok(mut refund), Ok(private)) =
            (read::<Refund>(&row.machine), read::<Private>(&row.private))
        else {
            continue;
        };
        if refund.intent.is_none() && private.description == tender.to_string() {
            wait_for_charge(tx, &mut row, &mut refund, &private, now)?;
        }
    }
    Ok(())
}

/// Writes down what came back.
///
/// # Errors
/// [`StoreError`].
pub fn record(tx: &Tx<'_>, claim: &Claim, answer: &Answer, now: Timestamp) -> Result<Recorded> {
    // An answer that the disk refused is offered twice: by the loop, and by whoever kept
    // it meanwhile. By then the next request of the same entry may be out.
    let is_out = |row: &OutboxRow| row.in_flight && row.request.as_ref() == Some(&claim.request);
    let Some(row) = tx.outbox(claim.id)?.filter(is_out) else {
        return Ok(Recorded::default());
    };
    let event = classify::answer(claim.op, &claim.id.to_string(), answer);
    let recorded = Recorded {
        pause: event == Event::Unauthorised,
        unreachable: event == Event::Unreachable,
        slow_ms: match answer {
            Answer::Http(http) if http.slows_all() => Some(
                http.retry_after_ms
                    .unwrap_or(1_000)
                    .clamp(1_000, DELAY_MAX_MS),
            ),
            Answer::Http(_) | Answer::Unreachable | Answer::Lost => None,
        },
    };
    let request_id = match answer {
        Answer::Http(http) => http.request_id.clone(),
        Answer::Unreachable | Answer::Lost => None,
    };
    take_in_or_set_aside(tx, row, claim.op, event, request_id, now)?;
    Ok(recorded)
}

/// Gives [`Event::Restarted`] to everything a process left in hand.
///
/// # Errors
/// [`StoreError`].
pub fn recover(tx: &Tx<'_>, now: Timestamp) -> Result<u32> {
    let left = tx.outbox_in_flight()?;
    let count = u32::try_from(left.len()).unwrap_or(u32::MAX);
    for row in left {
        let op = match row.subject {
            Subject::Charge => read::<Charge>(&row.machine)
                .ok()
                .and_then(|c| c.op)
                .map(Op::Charge),
            Subject::Refund => read::<Refund>(&row.machine)
                .ok()
                .and_then(|r| r.op)
                .map(Op::Refund),
        };
        match op {
            Some(op) => take_in_or_set_aside(tx, row, op, Event::Restarted, None, now)?,
            None => {
                set_aside(tx, row, now)?;
            }
        }
    }
    Ok(count)
}

/// One that cannot be read holds up neither the others nor the start of the till.
fn take_in_or_set_aside(
    tx: &Tx<'_>,
    row: OutboxRow,
    op: Op,
    event: Event,
    request_id: Option<String>,
    now: Timestamp,
) -> Result<()> {
    match take_in(tx, row.clone(), op, event, request_id, now) {
        Err(StoreError::Corrupt { .. }) => set_aside(tx, row, now).map(drop),
        taken => taken,
    }
}

pub(crate) fn take_in(
    tx: &Tx<'_>,
    mut row: OutboxRow,
    op: Op,
    event: Event,
    request_id: Option<String>,
    now: Timestamp,
) -> Result<()> {
    let seed = row.id.as_u128();
    let what = history_word(op, &event);
    let not_sent = event == Event::Unreachable;
    let change = match (row.subject, op) {
        (Subject::Charge, Op::Charge(op)) => {
            let mut charge: Charge = read(&row.machine)?;
            let change = charge.on(op, event, seed);
            row.state = charge.state.word().into();
            row.machine = text(&charge)?;
            row.waiting = charge.state.is_waiting();
            if not_sent && !charge.maybe_sent {
                forget_send(&mut row);
            }
            if let Some(facts) = &change.journal {
                let tip = if charge.tip_minor == 0 {
                    None
                } else {
                    Some(shop_money(&row, charge.tip_minor)?)
                };
                tx.append(
                    JournalEvent::ChargeMoved {
                        tender: TenderId(row.id),
                        to: charge.state,
                        facts: ChargeFacts {
                            tip,
                            ..facts.clone()
                        },
                        by: None,
                    },
                    now,
                )?;
            }
            change
        }
        (Subject::Refund, Op::Refund(op)) => {
            let mut refund: Refund = read(&row.machine)?;
            let change = refund.on(op, event, seed);
            row.state = refund.state.word().into();
            row.machine = text(&refund)?;
            row.waiting = refund.state.is_waiting();
            if not_sent && !refund.maybe_sent {
                forget_send(&mut row);
            }
            if let Some(ChargeFacts { decline_code, .. }) = &change.journal {
                tx.append(
                    JournalEvent::RefundMoved {
                        part: RefundPartId(row.id),
                        to: refund.state,
                        stripe_refund: refund.refund.clone(),
                        reason: decline_code.clone(),
                        by: None,
                    },
                    now,
                )?;
            }
            change
        }
        (Subject::Charge, Op::Refund(_)) | (Subject::Refund, Op::Charge(_)) => Change::default(),
    };
    if change.drop_request {
        row.request = None;
    }
    row.in_flight = false;
    row.next_at = now.plus_ms(change.after_ms);
    tx.save_outbox(&row)?;
    note(tx, row.id, now, what, Some(row.state.clone()), request_id)
}

/// Stripe's minor units as the shop's money.
fn shop_money(row: &OutboxRow, minor: i64) -> Result<Money> {
    let private: Private = read(&row.private)?;
    let currency: Currency = private
        .currency
        .parse()
        .map_err(|_| StoreError::Corrupt { what: "currency" })?;
    Ok(Money::from_minor(
        minor / request::stripe_factor(currency),
        currency,
    ))
}

/// A request that never left does not age.
const fn forget_send(row: &mut OutboxRow) {
    if let Some(request) = &mut row.request {
        request.first_sent_at = None;
    }
}

const fn history_word(op: Op, event: &Event) -> &'static str {
    match event {
        Event::Unreachable => "no_network",
        Event::Ambiguous => "no_answer",
        Event::Restarted => "restarted",
        Event::Retry { .. } => "put_off",
        Event::LookUp { .. } | Event::UnexpectedState => "looked_up",
        Event::Declined(_) => "declined",
        Event::NeedsCustomer => "needs_customer",
        Event::Refused { .. } => "refused",
        Event::ReaderRefused { .. } => "reader_refused",
        Event::Unauthorised => "key_refused",
        Event::Intent(_)
        | Event::Found(_)
        | Event::Session(_)
        | Event::Reader(_)
        | Event::Refund(_)
        | Event::FoundRefund(_) => match op {
            Op::Charge(ChargeOp::Create | ChargeOp::CreateSession) => "created",
            Op::Charge(ChargeOp::Confirm) => "charged",
            Op::Charge(ChargeOp::Amend) => "amended",
            Op::Charge(ChargeOp::Cancel | ChargeOp::ExpireSession) => "canceled",
            Op::Charge(ChargeOp::Process) => "at_reader",
            Op::Charge(ChargeOp::ClearReader) => "taken_off_reader",
            Op::Charge(
                ChargeOp::Retrieve
                | ChargeOp::Find
                | ChargeOp::RetrieveSession
                | ChargeOp::LookAtReader,
            ) => "looked_up",
            Op::Refund(RefundOp::Create) => "refunded",
            Op::Refund(RefundOp::OnReader) => "at_reader",
            Op::Refund(RefundOp::ClearReader) => "taken_off_reader",
            Op::Refund(RefundOp::Find | RefundOp::Retrieve | RefundOp::LookAtReader) => "looked_up",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_goes_again_is_the_one_that_went_first() {
        let request = |key: &str, body: &str, version: &str| StoredRequest {
            idempotency_key: Some(key.into()),
            method: "POST",
            path: "/v1/refunds".into(),
            body: Some(body.into()),
            api_version: version.into(),
            first_sent_at: None,
        };
        let mut first = None;
        let mut sent = request("a:1", "amount=5", "old");
        as_first_sent(&mut sent, &mut first);
        assert_eq!(sent, request("a:1", "amount=5", "old"));
        // Another version of the till would write it differently.
        let mut sent = request("a:1", "amount=5&reason=x", "new");
        as_first_sent(&mut sent, &mut first);
        assert_eq!(sent, request("a:1", "amount=5", "old"));
        for _ in 0..2 {
            let mut sent = request("a:2", "amount=5&reason=x", "new");
            as_first_sent(&mut sent, &mut first);
            assert_eq!(sent, request("a:2", "amount=5&reason=x", "new"));
        }
    }
}
