//! Refunds whose card must be presented at a reader, as people see them: where the card
//! is wanted, why it was not, and what a person may decide.
//!
//! Invariant: a reader is told of a refund only because somebody asked for it while the
//! customer stands there. What is said of its money is what Stripe said.

use till_domain::charge::RefundState;
use till_domain::ids::{RefundPartId, Timestamp, UserId};
use till_store::Tx;
use till_sync::machine::Refund;
use till_sync::phases;

use crate::error::{AppError, ErrorCode};
use crate::outbox::action;
use crate::readers;
use crate::refund::free_reader;
use crate::tender::READER_WAITS_MS;
use crate::view::{OutboxAction, OutboxActionView, TenderStateView};

/// The name of the reader that a refund is at.
fn label(tx: &Tx<'_>, refund: &Refund) -> Result<String, AppError> {
    let id = refund.reader.as_ref().and_then(|r| r.id.as_deref());
    let known = match id {
        Some(id) => readers::known(tx, id)?,
        None => None,
    };
    Ok(known.map_or_else(|| "the card reader".to_owned(), |r| r.label))
}

/// The card is wanted at a reader, or will be in a moment.
fn is_wanted(refund: &Refund) -> bool {
    let canceling = refund.reader.as_ref().is_some_and(|r| r.canceling);
    !canceling
        && refund.refund.is_none()
        && matches!(
            refund.state,
            RefundState::Queued | RefundState::Sending | RefundState::AtReader
        )
}

/// It is being taken off a reader, and Stripe has not said yet what became of it.
fn is_taken_off(refund: &Refund) -> bool {
    let canceling = refund.reader.as_ref().is_some_and(|r| r.canceling);
    canceling && refund.refund.is_none() && refund.state.is_waiting()
}

/// Why it is for a person: in short, and what to do.
fn problem(why: Option<&str>) -> (&'static str, &'static str) {
    match why {
        Some("terminal_reader_busy") => (
            "Present the card: the reader was busy",
            "Try again in a moment, with the card.",
        ),
        Some("terminal_reader_offline") => (
            "Present the card: the reader has no network",
            "Look at the reader, then try again with the card.",
        ),
        Some("customer_canceled") => (
            "Present the card: the customer cancelled at the reader",
            "Try again with the card, when the customer wants it.",
        ),
        Some("not_at_reader") => (
            "Present the card: the reader does not show it any more",
            "Try again with the card.",
        ),
        Some("refunded_at_stripe") => (
            "Stripe says that it was given back already",
            "Look at the charge in Stripe's dashboard before giving anything back.",
        ),
        Some("present_card") | None => (
            "Present the card",
            "With the customer and the card there: present the card. A refund of this card works at a reader only. If the card is lost, give it in cash.",
        ),
        Some(_) => (
            "Present the card: it was not taken",
            "Only the card that paid is taken, at a reader. Try again with that card.",
        ),
    }
}

/// How a refund at a reader looks in a list; none where it is as any other.
pub(crate) fn says(
    tx: &Tx<'_>,
    refund: &Refund,
) -> Result<Option<(TenderStateView, String)>, AppError> {
    let Some(reader) = &refund.reader else {
        return Ok(None);
    };
    Ok(if is_wanted(refund) {
        let says = format!("Present the card at {}", label(tx, refund)?);
        Some((TenderStateView::AtReader, says))
    } else if is_taken_off(refund) {
        let says = "Refund, being taken off the reader".to_owned();
        Some((TenderStateView::Working, says))
    } else if refund.state == RefundState::NeedsAttention && refund.refund.is_none() {
        let why = if refund.refused {
            Some("refunded_at_stripe")
        } else {
            reader.why.as_deref()
        };
        let (says, _) = problem(why);
        Some((TenderStateView::NeedsAttention, says.to_owned()))
    } else {
        None
    })
}

/// Is the money all right, and what to do; none where it is as of any other refund.
pub(crate) fn advice(tx: &Tx<'_>, refund: &Refund) -> Result<Option<(String, String)>, AppError> {
    let Some(reader) = &refund.reader else {
        return Ok(None);
    };
    Ok(if is_wanted(refund) {
        let at = label(tx, refund)?;
        Some((
            "Nothing is given back yet. It cannot be given twice.".to_owned(),
            format!("The customer presents the card that paid at {at}; or take it off the reader."),
        ))
    } else if is_taken_off(refund) {
        Some((
            "Not known yet if it was given back: the reader is being asked.".to_owned(),
            "Give nothing in another way before it is known. Nothing to do but wait.".to_owned(),
        ))
    } else if refund.state == RefundState::NeedsAttention
        && refund.refund.is_none()
        && !refund.refused
    {
        let (_, advice) = problem(reader.why.as_deref());
        Some((
            "Nothing was given back. The customer is still owed.".to_owned(),
            advice.to_owned(),
        ))
    } else {
        None
    })
}

/// What may be decided about a refund at a reader now.
pub(crate) fn actions(
    tx: &Tx<'_>,
    refund: &Refund,
    online: bool,
) -> Result<Vec<OutboxActionView>, AppError> {
    let waits = refund.state.is_waiting();
    let send = action(OutboxAction::SendNow, waits, "It is done.");
    if refund.refund.is_some() || !(waits || refund.state.needs_a_person()) {
        return Ok(vec![send]);
    }
    if waits {
        let off = action(
            OutboxAction::TakeOffReader,
            !is_taken_off(refund),
            "It is being taken off.",
        );
        return Ok(vec![send, off]);
    }
    let why_not = if !online {
        "A card reader works only while Stripe can be reached."
    } else if readers::chosen(tx)?.is_none() {
        "No card reader is chosen for this till."
    } else if free_reader(tx)?.is_none() {
        "The card reader has something else in hand."
    } else {
        ""
    };
    let again = action(OutboxAction::TryAgain, why_not.is_empty(), why_not);
    Ok(vec![again])
}

/// A person decides about a refund that wants its card; what is possible was looked at.
///
/// # Errors
/// [`ErrorCode::NotNow`] where it is nothing of a reader's; [`ErrorCode::NoReader`].
pub(crate) fn decide(
    tx: &Tx<'_>,
    part: RefundPartId,
    decision: OutboxAction,
    by: UserId,
    now: Timestamp,
) -> Result<(), AppError> {
    match decision {
        OutboxAction::TakeOffReader => phases::take_off_reader(tx, part, now)?,
        OutboxAction::TryAgain => {
            let at = free_reader(tx)?.ok_or(ErrorCode::NoReader)?;
            let until = now.plus_ms(READER_WAITS_MS);
            phases::present_at(tx, part, at.id, until, by, now)?;
        }
        OutboxAction::SendNow
        | OutboxAction::TakeCash
        | OutboxAction::PayLink
        | OutboxAction::WriteOff
        | OutboxAction::GiveCash
        | OutboxAction::Settled => return Err(ErrorCode::NotNow.into()),
    }
    Ok(())
}
