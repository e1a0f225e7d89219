//! The outbox as people see it: what waits, why, at what risk, and what a person
//! may decide.

use till_domain::catalog::User;
use till_domain::charge::{ChargeState, RefundState};
use till_domain::ids::{ReceiptNumber, RefundPartId, TenderId, Timestamp};
use till_domain::journal::{ChargeKind, JournalEvent, Pending};
use till_domain::money::Money;
use till_domain::sale::Approval;
use till_store::{CaseKind, ChargeRow, HistoryRow, PartRow, Tx};
use till_sync::machine::{Charge, Goal};
use till_sync::phases;
use till_sync::request::mail_address;
use till_sync::retry::is_never_again;

use crate::asking::{cases, is_open, is_shown};
use crate::auth::{Session, with_reason};
use crate::declined::charge_reason;
use crate::error::{AppError, ErrorCode};
use crate::figures::{local, money, spoken, tender_label, tender_state};
use crate::reconcile::books_view;
use crate::refund::still_owed;
use crate::sale::tender_id;
use crate::tender::READER_WAITS_MS;
use crate::view::{
    ApprovalInput, HistoryView, OutboxAction, OutboxActionView, OutboxDetailView, OutboxEntryView,
    OutboxMoreView, OutboxView, TenderStateView,
};
use crate::{Shop, Till, presented, readers, shop};

/// Charges accepted at the shop's risk that wait.
pub(crate) fn exposure(tx: &Tx<'_>, shop: &Shop) -> Result<Pending, AppError> {
    let (count, minor, oldest_at) = tx.waiting_at_risk()?;
    Ok(Pending {
        count,
        amount: Money::from_minor(minor, shop.currency()),
        oldest_at,
    })
}

/// Entries of a list at most: what a person must decide first, then what waits.
const LIST_MAX: u32 = 200;

/// Who is who, read once for a whole list.
struct People<'a> {
    tx: &'a Tx<'a>,
    shop: &'a Shop,
    users: Vec<User>,
}

/// The sale that a charge or a refund is of, once it is complete.
struct Sold {
    receipt: String,
    card: String,
    cashier: String,
}

impl<'a> People<'a> {
    fn new(tx: &'a Tx<'a>, shop: &'a Shop) -> Result<Self, AppError> {
        let users = tx.users()?.into_iter().map(|known| known.user).collect();
        Ok(Self { tx, shop, users })
    }

    fn sold(&self, charge: &ChargeRow) -> Result<Option<Sold>, AppError> {
        let Some(row) = self.tx.sold(charge.sale)? else {
            return Ok(None);
        };
        let receipt = ReceiptNumber {
            till: self.shop.till,
            number: row.receipt_number,
        };
        let tender = row.tenders.iter().find(|t| t.id == charge.tender);
        let cashier = self.users.iter().find(|u| u.id == row.cashier);
        Ok(tender.map(|tender| Sold {
            receipt: receipt.to_string(),
            card: tender_label(tender, Some(&charge.facts)),
            cashier: cashier.map_or_else(|| "somebody unknown".into(), |u| u.name.clone()),
        }))
    }

    fn customer(&self, charge: &ChargeRow) -> Result<Option<String>, AppError> {
        let Some(id) = charge.customer else {
            return Ok(None);
        };
        let found = self.tx.customer(id)?;
        Ok(found.map(|c| c.name).filter(|name| !name.is_empty()))
    }

    /// How the customer is reached: as their record says, and as was typed for a pay link.
    fn contact(&self, charge: &ChargeRow) -> Result<Option<String>, AppError> {
        let customer = match charge.customer {
            Some(id) => self.tx.customer(id)?,
            None => None,
        };
        let mut ways: Vec<String> = customer
            .into_iter()
            .flat_map(|c| [c.email, c.phone])
            .flatten()
            .collect();
        // One entry that cannot be read hides no other.
        let kept = phases::readable(phases::private(self.tx, charge.tender.0))?;
        let typed = kept.and_then(|kept| kept.contact.or(kept.email));
        if let Some(typed) = typed.filter(|typed| !ways.contains(typed)) {
            ways.push(typed);
        }
        Ok((!ways.is_empty()).then(|| ways.join(" · ")))
    }
}

fn charge_state(tx: &Tx<'_>, charge: &ChargeRow) -> Result<(ChargeState, bool), AppError> {
    Ok(
        phases::readable(phases::charge(tx, charge.tender))?
            .map_or((charge.state, false), |live| {
                (live.state, is_canceling(&live))
            }),
    )
}

fn is_canceling(live: &Charge) -> bool {
    live.goal == Goal::Cancel && live.state.is_waiting()
}

/// A charge as decisions are made about it.
struct Case {
    charge: ChargeRow,
    live: Charge,
    /// The sale is complete: the goods are gone.
    sold: bool,
    /// On the sale being rung up.
    on_open_sale: bool,
    /// What its requests are made of can be read.
    requests_read: bool,
}

impl Case {
    fn find(tx: &Tx<'_>, tender: TenderId) -> Result<Self, AppError> {
        let charge = tx.charge(tender)?.ok_or(ErrorCode::NotFound)?;
        let live = phases::charge(tx, tender)?.ok_or(ErrorCode::NotFound)?;
        Self::new(tx, charge, live)
    }

    fn new(tx: &Tx<'_>, charge: ChargeRow, live: Charge) -> Result<Self, AppError> {
        let tender = charge.tender;
        Ok(Self {
            sold: tx.sale(charge.sale)?.is_some(),
            on_open_sale: tx
                .open_sale()?
                .is_some_and(|s| s.sale.tenders.iter().any(|t| t.id == tender)),
            requests_read: phases::readable(phases::private(tx, tender.0))?.is_some(),
            charge,
            live,
        })
    }

    /// Stripe was asked to cancel it and will not, or the till cannot ask: no asking again
    /// helps.
    fn cannot_be_canceled(&self) -> bool {
        !self.requests_read || (self.live.goal == Goal::Cancel && self.live.state.needs_a_person())
    }
}

fn charge_entry(people: &People<'_>, charge: &ChargeRow) -> Result<OutboxEntryView, AppError> {
    let (tx, shop) = (people.tx, people.shop);
    let (state, canceling) = charge_state(tx, charge)?;
    let sold = people.sold(charge)?;
    let customer = people.customer(charge)?;
    let card = sold.as_ref().map_or("Card", |s| &s.card).to_owned();
    let retry_at = if state == ChargeState::Declined {
        tx.retry_at(charge.tender.0)?
    } else {
        None
    };
    let mut shown = tender_state(state, true);
    if charge.debt_paid {
        shown = TenderStateView::Closed;
    }
    Ok(OutboxEntryView {
        id: charge.tender.to_string(),
        is_refund: false,
        who: customer.unwrap_or_else(|| card.clone()),
        card,
        receipt: sold.as_ref().map(|s| s.receipt.clone()),
        cashier: sold.map(|s| s.cashier).unwrap_or_default(),
        at: local(shop, charge.at),
        amount: money(Money::from_minor(charge.amount_minor, shop.currency())),
        state: shown,
        says: if charge.debt_paid {
            "Paid in cash instead"
        } else if canceling {
            "Being cancelled at Stripe"
        } else {
            match state {
                ChargeState::Queued | ChargeState::Creating | ChargeState::Created => {
                    "Waiting for the network"
                }
                ChargeState::Confirming => "Being charged",
                ChargeState::AtReader => "At the card reader, waiting for the card",
                ChargeState::AwaitingCustomer => "Pay link, waiting for the customer",
                ChargeState::Unknown => "Sent, no answer yet",
                ChargeState::Succeeded => "Charged",
                ChargeState::Declined if retry_at.is_some() => "Declined; tried again by itself",
                ChargeState::Declined => "Declined",
                ChargeState::NeedsCustomer => "The bank wants the customer to confirm it",
                ChargeState::NeedsAttention => "Stripe refused the request",
                ChargeState::Canceled => "Cancelled, still owed",
                ChargeState::Expired => "Waited too long",
                ChargeState::WrittenOff => "Written off",
            }
        }
        .to_owned(),
        retry_at: retry_at.map(|at| local(shop, at)),
        reason: (state.needs_a_person() && !charge.debt_paid)
            .then(|| charge_reason(&charge.facts))
            .flatten(),
        // Of what is settled nobody need be reached.
        contact: if matches!(shown, TenderStateView::Certain | TenderStateView::Closed) {
            None
        } else {
            people.contact(charge)?
        },
    })
}

fn refund_entry(people: &People<'_>, part: &PartRow) -> Result<OutboxEntryView, AppError> {
    let (tx, shop) = (people.tx, people.shop);
    let live = phases::readable(phases::refund(tx, part.id))?;
    let state = live.as_ref().map_or(part.state, |r| r.state);
    let charge = match part.tender {
        Some(id) => tx.charge(id)?,
        None => None,
    };
    let (sold, customer) = match &charge {
        Some(charge) => (people.sold(charge)?, people.customer(charge)?),
        None => (None, None),
    };
    let card = sold.as_ref().map_or("Card", |s| &s.card).to_owned();
    let (shown, says) = match state {
        RefundState::Queued => (TenderStateView::Queued, "Refund, waiting for the network"),
        RefundState::Sending => (TenderStateView::Working, "Refund, being sent"),
        RefundState::AtReader => (TenderStateView::AtReader, "Refund, at the card reader"),
        RefundState::Unknown => (TenderStateView::Unknown, "Refund sent, no answer yet"),
        RefundState::Pending => (TenderStateView::Working, "Refund, with the bank"),
        RefundState::Succeeded => (TenderStateView::Certain, "Refunded"),
        RefundState::Failed => (
            TenderStateView::Declined,
            "The bank refused the refund: still owed",
        ),
        RefundState::NeedsAttention => {
            (TenderStateView::NeedsAttention, "Stripe refused the refund")
        }
        RefundState::Canceled => (TenderStateView::Canceled, "Not needed: never charged"),
    };
    let at_reader = match &live {
        Some(refund) => presented::says(tx, refund)?,
        None => None,
    };
    let (shown, says) = if part.paid_in_cash {
        let rest = part.amount_minor != part.cash_minor;
        let gave = Money::from_minor(part.cash_minor, shop.currency());
        let says = if rest {
            format!("{} given in cash, the rest at Stripe", spoken(gave))
        } else {
            "Given in cash instead".to_owned()
        };
        (TenderStateView::Closed, says)
    } else if part.settled_elsewhere {
        (TenderStateView::Closed, "Settled in another way".to_owned())
    } else {
        at_reader.unwrap_or((shown, says.to_owned()))
    };
    Ok(OutboxEntryView {
        id: part.id.to_string(),
        is_refund: true,
        who: customer.unwrap_or_else(|| card.clone()),
        card,
        receipt: sold.as_ref().map(|s| s.receipt.clone()),
        cashier: sold.map(|s| s.cashier).unwrap_or_default(),
        at: local(shop, part.at),
        amount: money(Money::from_minor(part.amount_minor, shop.currency()).negated()),
        state: shown,
        says,
        retry_at: None,
        reason: None,
        contact: match &charge {
            Some(charge) if state.needs_a_person() && !part.is_closed() => {
                people.contact(charge)?
            }
            Some(_) | None => None,
        },
    })
}

fn verdict(state: TenderStateView, is_refund: bool) -> (&'static str, &'static str) {
    match (state, is_refund) {
        (TenderStateView::Certain, false) => ("The card was charged.", "Nothing to do."),
        (TenderStateView::Certain, true) => ("The money went back.", "Nothing to do."),
        (TenderStateView::AtReader, _) => (
            "Not charged yet. The reader waits for the card.",
            "The customer presents the card; or take it off the sale, and nothing is charged.",
        ),
        (TenderStateView::Queued | TenderStateView::Working, false) => (
            "Queued, not yet charged. The sale stands.",
            "It is sent by itself when the till is online. Nothing to do.",
        ),
        (TenderStateView::Queued | TenderStateView::Working, true) => (
            "The refund is on its way. It cannot be given twice.",
            "It is sent by itself when the till is online. Nothing to do.",
        ),
        (TenderStateView::Unknown, false) => (
            "Not known yet if the card was charged. It cannot be charged twice.",
            "When back online Stripe is asked first, and nothing is charged again. Nothing to do.",
        ),
        (TenderStateView::Unknown, true) => (
            "Not known yet if the refund was given. It cannot be given twice.",
            "When back online Stripe is asked first. Nothing to do.",
        ),
        (TenderStateView::Declined, false) => (
            "The card was declined. Nothing was charged.",
            "The goods are gone.",
        ),
        (TenderStateView::Declined, true) => (
            "The bank refused the refund. The customer is still owed.",
            "When the customer comes, give it in cash.",
        ),
        (TenderStateView::NeedsCustomer, _) => (
            "Nothing was charged. The bank wants the customer to confirm it.",
            "Reach the customer.",
        ),
        (TenderStateView::NeedsAttention, true) => (
            "Nothing more is sent by itself, so nothing can be given twice.",
            "Stripe refused the refund. Look at the charge in Stripe's dashboard: what the customer did not get there, give in cash. Where that is off, a manager who looked says that it is settled.",
        ),
        (TenderStateView::NeedsAttention, false) => (
            "Nothing more is sent by itself, so nothing can happen twice.",
            "Stripe refused the request.",
        ),
        (TenderStateView::Canceled, false) => (
            "Cancelled at Stripe. Nothing was charged, and nothing can be.",
            "It is still owed.",
        ),
        (TenderStateView::Canceled, true) => (
            "Nothing was given back, because nothing was charged.",
            "Nothing to do.",
        ),
        (TenderStateView::Expired, _) => (
            "Nothing was charged.",
            "It waited longer than the shop allows.",
        ),
        (TenderStateView::Closed, _) => ("It is settled another way.", "Nothing to do."),
    }
}

/// What a person can do about a charge, of what is offered now.
fn ways_out(case: &Case, offered: &[OutboxActionView]) -> Option<String> {
    let state = case.live.state;
    if is_canceling(&case.live) || !(state.needs_a_person() || state == ChargeState::Canceled) {
        return None;
    }
    let by_link = case.live.how == ChargeKind::PayLink;
    let ways: Vec<&str> = offered
        .iter()
        .filter(|each| each.available)
        .filter_map(|each| match each.action {
            OutboxAction::TryAgain if by_link => Some("make another link"),
            OutboxAction::TryAgain => Some("try the card again"),
            OutboxAction::PayLink => Some("send a pay link"),
            OutboxAction::TakeCash => Some("take cash instead"),
            OutboxAction::WriteOff => Some("write it off"),
            OutboxAction::SendNow
            | OutboxAction::TakeOffReader
            | OutboxAction::GiveCash
            | OutboxAction::Settled => None,
        })
        .collect();
    match ways.as_slice() {
        [] => None,
        [one] => Some(format!("You can {one}.")),
        [first @ .., last] => Some(format!("You can {}, or {last}.", first.join(", "))),
    }
}

fn happened(line: &HistoryRow) -> (&'static str, TenderStateView) {
    match line.what.as_str() {
        "queued" => ("Asked for.", TenderStateView::Queued),
        "created" => (
            "Stripe knows of it. Nothing is charged yet.",
            TenderStateView::Queued,
        ),
        "charged" => match line.detail.as_deref() {
            Some("succeeded") => ("Stripe says: charged.", TenderStateView::Certain),
            _ => (
                "Stripe answered, and it is not charged.",
                TenderStateView::Unknown,
            ),
        },
        "refunded" => ("Stripe took the refund.", TenderStateView::Certain),
        "amended" | "lowered" => ("The charge was lowered.", TenderStateView::Queued),
        "cancel_wanted" => ("Asked to be cancelled.", TenderStateView::Queued),
        "canceled" => ("Stripe says: cancelled.", TenderStateView::Canceled),
        "looked_up" => match line.detail.as_deref() {
            Some("succeeded") => ("Asked Stripe: it is done.", TenderStateView::Certain),
            _ => ("Asked Stripe.", TenderStateView::Unknown),
        },
        "no_network" => ("No network. Nothing was sent.", TenderStateView::Queued),
        "no_answer" => (
            "Sent, and the line dropped before the answer.",
            TenderStateView::Unknown,
        ),
        "restarted" => (
            "The till stopped while it was sent. It is looked up.",
            TenderStateView::Unknown,
        ),
        "put_off" => ("Stripe asked to try later.", TenderStateView::Queued),
        "declined" => ("Declined.", TenderStateView::Declined),
        "needs_customer" => (
            "The bank wants the customer.",
            TenderStateView::NeedsCustomer,
        ),
        "at_reader" => ("The reader waits for the card.", TenderStateView::AtReader),
        "taken_off_reader" => ("Taken off the reader.", TenderStateView::Working),
        "reader_refused" => (
            "The reader was busy or had no network.",
            TenderStateView::NeedsAttention,
        ),
        "present_card" => (
            "Nobody presented the card.",
            TenderStateView::NeedsAttention,
        ),
        "refused" => (
            "Stripe refused the request.",
            TenderStateView::NeedsAttention,
        ),
        "key_refused" => ("Stripe refused the key.", TenderStateView::NeedsAttention),
        "retried" => (
            "Tried again by itself, as the shop's schedule says.",
            TenderStateView::Queued,
        ),
        "try_again" => ("Somebody decided to try again.", TenderStateView::Queued),
        "link_wanted" => (
            "Somebody decided to ask for it by a link.",
            TenderStateView::Queued,
        ),
        "written_off" => ("A manager wrote it off.", TenderStateView::Closed),
        "debt_paid" => ("Paid in cash instead.", TenderStateView::Closed),
        "refund_paid" => ("Given in cash instead.", TenderStateView::Closed),
        "refund_settled" => (
            "A manager looked: it is settled in another way.",
            TenderStateView::Closed,
        ),
        "expired" => ("Waited too long.", TenderStateView::Expired),
        "unreadable" => ("It could not be read.", TenderStateView::NeedsAttention),
        _ => ("Something happened.", TenderStateView::Unknown),
    }
}

impl Till {
    /// The outbox screen.
    ///
    /// # Errors
    /// What the store says.
    pub fn outbox(&self) -> Result<OutboxView, AppError> {
        let offline_since = self.offline_since();
        let (view, waiting) = self.store()?.read(|tx| {
            let shop = shop(tx)?;
            let people = People::new(tx, &shop)?;
            let shift = tx.current_shift()?;
            let left = |taken: &[OutboxEntryView]| LIST_MAX.saturating_sub(count_of(taken));
            let mut need = Vec::new();
            for charge in tx.charges_that_need_a_person(LIST_MAX)? {
                need.push(charge_entry(&people, &charge)?);
            }
            for part in tx.open_parts(false, left(&need))? {
                need.push(refund_entry(&people, &part)?);
            }
            let room = left(&need);
            let mut waiting = Vec::new();
            for charge in tx.charges_waiting(room)? {
                waiting.push(charge_entry(&people, &charge)?);
            }
            for part in tx.open_parts(true, room.saturating_sub(count_of(&waiting)))? {
                waiting.push(refund_entry(&people, &part)?);
            }
            let mut settled = Vec::new();
            for charge in tx.charges_settled_in(shift, LIST_MAX)? {
                settled.push(charge_entry(&people, &charge)?);
            }
            let (charges_wait, charges_need) = tx.charges_open_count()?;
            let waiting_in_all = charges_wait.saturating_add(tx.open_parts_count(true)?);
            let need_in_all = charges_need.saturating_add(tx.open_parts_count(false)?);
            let settled_in_all = tx.charges_settled_count(shift)?;
            Ok::<_, AppError>((
                OutboxView {
                    more: OutboxMoreView {
                        waiting: waiting_in_all.saturating_sub(count_of(&waiting)),
                        need_a_person: need_in_all.saturating_sub(count_of(&need)),
                        settled: settled_in_all.saturating_sub(count_of(&settled)),
                    },
                    cases: cases(tx, &shop, shift, |case| is_shown(case, shift))?,
                    books: books_view(tx, &shop)?,
                    waiting,
                    need_a_person: need,
                    settled,
                    at_risk: money(exposure(tx, &shop)?.amount),
                    limit: money(shop.limits.on_till),
                    offline_since: offline_since.map(|t| local(&shop, t)),
                    progress: None,
                },
                tx.outbox_waiting_count()?,
            ))
        })?;
        Ok(OutboxView {
            progress: self.progress(waiting),
            ..view
        })
    }

    /// One entry with its history.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub fn outbox_entry(&self, id: &str) -> Result<OutboxDetailView, AppError> {
        let tender = tender_id(id)?;
        let online = self.is_online();
        self.store()?.read(|tx| {
            let shop = shop(tx)?;
            let (entry, actions, link, advised, ways) = match tx.charge(tender)? {
                Some(charge) => {
                    let entry = charge_entry(&People::new(tx, &shop)?, &charge)?;
                    match phases::readable(phases::charge(tx, tender))? {
                        Some(live) => {
                            let case = Case::new(tx, charge, live)?;
                            let actions = actions(&case);
                            let ways = ways_out(&case, &actions);
                            (entry, actions, case.live.url, None, ways)
                        }
                        None => {
                            let actions = actions_unread(tx, &charge)?;
                            (entry, actions, None, unread(&charge), None)
                        }
                    }
                }
                None => {
                    let part = tx
                        .part(RefundPartId(tender.0))?
                        .ok_or(ErrorCode::NotFound)?;
                    let live = phases::readable(phases::refund(tx, part.id))?;
                    let advised = match &live {
                        Some(refund) if !part.is_closed() => match owed_less(tx, &shop, &part)? {
                            None => presented::advice(tx, refund)?,
                            less => less,
                        },
                        Some(_) | None => None,
                    };
                    (
                        refund_entry(&People::new(tx, &shop)?, &part)?,
                        refund_case(tx, &shop, part.id, online)?,
                        None,
                        advised,
                        None,
                    )
                }
            };
            let (verdict, advice) = match advised {
                Some(advised) => advised,
                None => {
                    let (verdict, advice) = verdict(entry.state, entry.is_refund);
                    let advice = match ways {
                        Some(ways) => format!("{advice} {ways}"),
                        None => advice.to_owned(),
                    };
                    (verdict.to_owned(), advice)
                }
            };
            let history = tx
                .history(tender.0)?
                .iter()
                .map(|line| {
                    let (says, state) = happened(line);
                    HistoryView {
                        at: local(&shop, line.at),
                        says: says.to_owned(),
                        state,
                    }
                })
                .collect();
            Ok(OutboxDetailView {
                entry,
                verdict,
                advice,
                history,
                actions,
                link,
            })
        })
    }

    /// Makes everything that waits due now, and lifts a pause: the key may have
    /// been mended.
    ///
    /// # Errors
    /// What the store says.
    pub fn outbox_send_now(&self) -> Result<OutboxView, AppError> {
        self.set_paused(None);
        self.hurry()?;
        self.outbox()
    }

    /// A person decides about a charge or a refund.
    ///
    /// # Errors
    /// [`ErrorCode::NotNow`] where the state does not allow it;
    /// [`ErrorCode::NeedsManager`], and to give money up [`ErrorCode::NeedsReason`].
    pub fn outbox_decide(
        &self,
        session: &Session,
        id: &str,
        decision: OutboxAction,
        approval: Option<&ApprovalInput>,
    ) -> Result<OutboxDetailView, AppError> {
        let tender = tender_id(id)?;
        if decision == OutboxAction::SendNow {
            self.outbox_send_now()?;
            return self.outbox_entry(id);
        }
        let yes = approval.map(|input| self.approve(input)).transpose()?;
        let may_approve = yes.is_some() || session.user().role.may_approve();
        let by = yes.clone().unwrap_or_else(|| Approval {
            by: session.user().id,
            reason: String::new(),
        });
        let now = self.now();
        let online = self.is_online();
        self.store()?.write(|tx| {
            let shop = shop(tx)?;
            if tx.charge(tender)?.is_none() {
                let part = RefundPartId(tender.0);
                let possible = refund_case(tx, &shop, part, online)?;
                let chosen = possible.into_iter().find(|a| a.action == decision);
                let chosen = chosen.filter(|a| a.available).ok_or(ErrorCode::NotNow)?;
                if decision == OutboxAction::Settled {
                    let by = with_reason(yes.as_ref())?.clone();
                    return settle(tx, &shop, part, by, now);
                }
                if decision != OutboxAction::GiveCash {
                    return presented::decide(tx, part, decision, session.user().id, now);
                }
                let approval = chosen.needs_manager.then_some(by);
                if approval.is_some() && !may_approve {
                    return Err(ErrorCode::NeedsManager.into());
                }
                return give_cash(tx, &shop, part, session, approval, now);
            }
            if let Some(charge) = tx.charge(tender)?
                && phases::readable(phases::charge(tx, tender))?.is_none()
            {
                let possible = actions_unread(tx, &charge)?;
                if !possible.iter().any(|a| a.action == decision && a.available) {
                    return Err(ErrorCode::NotNow.into());
                }
                let by = with_reason(yes.as_ref())?.clone();
                return write_off_unread(tx, &charge, by, now);
            }
            // A refund that waits to know whether the card was charged makes the debt
            // smaller: before it is settled, not after.
            phases::decide_refunds(tx, tender, now)?;
            let case = Case::find(tx, tender)?;
            let possible = actions(&case)
                .into_iter()
                .any(|a| a.action == decision && a.available);
            if !possible {
                return Err(AppError::from(ErrorCode::NotNow));
            }
            match decision {
                OutboxAction::TryAgain => {
                    let by = Some(by);
                    let (reader, until) = match case.live.how {
                        ChargeKind::Reader => (
                            readers::chosen(tx)?.map(|r| r.id),
                            now.plus_ms(READER_WAITS_MS),
                        ),
                        ChargeKind::SimulatedReader
                        | ChargeKind::SavedCard
                        | ChargeKind::PayLink => (None, expires_at(&shop, now)),
                    };
                    phases::try_again(tx, tender, reader, until, by, now)?;
                }
                OutboxAction::PayLink => {
                    let customer = match case.charge.customer {
                        Some(id) => tx.customer(id)?,
                        None => None,
                    };
                    // Stripe refuses a link for the sake of an address that is none.
                    let email =
                        (customer.and_then(|c| c.email)).and_then(|email| mail_address(&email));
                    phases::offer_link(tx, tender, email, expires_at(&shop, now), by, now)?;
                }
                OutboxAction::TakeCash => {
                    crate::sale::need_shift(tx)?;
                    // Cancelled first: before the cash is taken nothing at Stripe may
                    // be left that can charge the card. A decline leaves nothing.
                    let canceled = case.live.state == ChargeState::Canceled
                        || phases::want_cancel(tx, tender, now)?;
                    if canceled {
                        phases::decide_refunds(tx, tender, now)?;
                    }
                    let owed = Case::find(tx, tender)?.charge.amount_minor;
                    let amount = Money::from_minor(owed, shop.currency());
                    if (canceled || case.live.is_free()) && amount.is_positive() {
                        tx.append(
                            JournalEvent::DebtPaid {
                                tender,
                                amount,
                                by: session.user().id,
                            },
                            now,
                        )?;
                        tx.add_history(
                            tender.0,
                            &HistoryRow {
                                at: now,
                                what: "debt_paid".into(),
                                detail: None,
                                request_id: None,
                            },
                        )?;
                    }
                }
                OutboxAction::WriteOff => {
                    // Whoever is signed in: it is money given up.
                    let by = with_reason(yes.as_ref())?.clone();
                    // The same: first nothing can charge it any more.
                    if case.live.is_free()
                        || case.cannot_be_canceled()
                        || phases::want_cancel(tx, tender, now)?
                    {
                        phases::write_off(tx, tender, by, now)?;
                    }
                }
                OutboxAction::SendNow
                | OutboxAction::TakeOffReader
                | OutboxAction::GiveCash
                | OutboxAction::Settled => {
                    return Err(ErrorCode::NotNow.into());
                }
            }
            Ok(())
        })?;
        self.outbox_entry(id)
    }
}

/// A refund of which others gave back a part at Stripe: what is owed of it still.
fn owed_less(
    tx: &Tx<'_>,
    shop: &Shop,
    part: &PartRow,
) -> Result<Option<(String, String)>, AppError> {
    let owed = still_owed(tx, part)?;
    if owed == part.amount_minor || !part.state.needs_a_person() {
        return Ok(None);
    }
    let of = |minor| spoken(Money::from_minor(minor, shop.currency()));
    let gave = of(part.amount_minor.saturating_sub(owed));
    let advice = if owed == 0 {
        "Look at the charge there. Nothing is to give in cash; a manager says that it is settled."
            .to_owned()
    } else {
        format!(
            "Look at the charge there. When the customer comes, give {} in cash.",
            of(owed)
        )
    };
    Ok(Some((
        format!("{gave} of it was given back in Stripe's dashboard already."),
        advice,
    )))
}

/// A manager looked, and nothing more is owed of a refund that Stripe refused.
fn settle(
    tx: &Tx<'_>,
    shop: &Shop,
    part: RefundPartId,
    by: Approval,
    now: Timestamp,
) -> Result<(), AppError> {
    let row = tx.part(part)?.ok_or(ErrorCode::NotFound)?;
    let gave = row.amount_minor.saturating_sub(still_owed(tx, &row)?);
    let elsewhere = (gave > 0).then(|| Money::from_minor(gave, shop.currency()));
    tx.append(
        JournalEvent::RefundSettled {
            part,
            elsewhere,
            by,
        },
        now,
    )?;
    tx.add_history(
        part.0,
        &HistoryRow {
            at: now,
            what: "refund_settled".into(),
            detail: None,
            request_id: None,
        },
    )?;
    Ok(())
}

/// Gives what a refund could not, out of the drawer: what is left of it, and once.
fn give_cash(
    tx: &Tx<'_>,
    shop: &Shop,
    part: RefundPartId,
    session: &Session,
    approval: Option<Approval>,
    now: Timestamp,
) -> Result<(), AppError> {
    crate::sale::need_shift(tx)?;
    let row = tx.part(part)?.ok_or(ErrorCode::NotFound)?;
    tx.append(
        JournalEvent::RefundPaid {
            part,
            amount: Money::from_minor(still_owed(tx, &row)?, shop.currency()),
            by: session.user().id,
            approval,
        },
        now,
    )?;
    tx.add_history(
        part.0,
        &HistoryRow {
            at: now,
            what: "refund_paid".into(),
            detail: None,
            request_id: None,
        },
    )?;
    Ok(())
}

fn count_of(entries: &[OutboxEntryView]) -> u32 {
    u32::try_from(entries.len()).unwrap_or(u32::MAX)
}

/// Until when it is sent without another word of a person.
fn expires_at(shop: &Shop, now: Timestamp) -> Timestamp {
    let hours = i64::from(shop.limits.oldest_hours);
    now.plus_ms(hours.saturating_mul(3_600_000))
}

pub(crate) fn action(action: OutboxAction, available: bool, why_not: &str) -> OutboxActionView {
    OutboxActionView {
        action,
        available,
        why_not: (!available).then(|| why_not.to_owned()),
        needs_manager: matches!(action, OutboxAction::WriteOff | OutboxAction::Settled),
    }
}

/// What may be decided about a charge now. While it is not known whether the card
/// was charged, nothing that could make the customer pay twice.
fn actions(case: &Case) -> Vec<OutboxActionView> {
    let (state, canceling) = (case.live.state, is_canceling(&case.live));
    let done = case.charge.debt_paid
        || matches!(state, ChargeState::Succeeded | ChargeState::WrittenOff)
        || (case.sold && case.charge.amount_minor == 0);
    let refused = state.needs_a_person() && !canceling;
    let owed = state == ChargeState::Canceled && case.charge.at_risk;
    let unsent = matches!(
        state,
        ChargeState::Queued | ChargeState::Created | ChargeState::AwaitingCustomer
    ) && !canceling;
    let never = is_never_again(&case.charge.facts);
    let unknown = "Off until it is known: otherwise the customer could pay twice.";
    let why = if done {
        "It is settled."
    } else if canceling {
        "It is being cancelled at Stripe."
    } else if state == ChargeState::AwaitingCustomer {
        "The customer has the link."
    } else if unsent {
        "It is not charged yet, and is sent by itself."
    } else {
        unknown
    };
    vec![
        action(OutboxAction::SendNow, state.is_waiting(), "Nothing waits."),
        action(
            OutboxAction::TryAgain,
            refused && !never && !done && case.requests_read && (case.sold || case.on_open_sale),
            if never {
                "The bank says never to try this card again."
            } else {
                why
            },
        ),
        action(
            OutboxAction::PayLink,
            refused
                && !done
                && case.sold
                && case.requests_read
                && case.live.how != ChargeKind::PayLink,
            why,
        ),
        action(
            OutboxAction::TakeCash,
            (refused || owed || unsent) && !done && case.sold,
            why,
        ),
        action(
            OutboxAction::WriteOff,
            (refused || owed) && !done && case.sold,
            why,
        ),
    ]
}

/// What may be decided about a charge that the till cannot read: it may have been charged
/// or not, so nothing is sent, and nothing is taken in its place but a manager's word.
fn actions_unread(tx: &Tx<'_>, charge: &ChargeRow) -> Result<Vec<OutboxActionView>, AppError> {
    let open = charge.state.needs_a_person() && !charge.debt_paid;
    Ok(vec![action(
        OutboxAction::WriteOff,
        open && tx.sale(charge.sale)?.is_some(),
        if open {
            "The sale is not complete."
        } else {
            "It is settled."
        },
    )])
}

fn unread(charge: &ChargeRow) -> Option<(String, String)> {
    (charge.state.needs_a_person() && !charge.debt_paid).then(|| {
        (
            "Nothing more is sent by itself, so nothing can happen twice.".to_owned(),
            "The till cannot read what it wrote down of this card. Look in Stripe's dashboard \
             whether it was charged. A manager who looked writes it off here."
                .to_owned(),
        )
    })
}

/// As [`phases::write_off`], of what that cannot read.
fn write_off_unread(
    tx: &Tx<'_>,
    charge: &ChargeRow,
    by: Approval,
    now: Timestamp,
) -> Result<(), AppError> {
    tx.append(
        JournalEvent::ChargeMoved {
            tender: charge.tender,
            to: ChargeState::WrittenOff,
            facts: charge.facts.clone(),
            by: Some(by),
        },
        now,
    )?;
    tx.add_history(
        charge.tender.0,
        &HistoryRow {
            at: now,
            what: "written_off".into(),
            detail: None,
            request_id: None,
        },
    )?;
    Ok(())
}

/// The bank took the charge back for the customer, or may.
fn is_disputed(tx: &Tx<'_>, tender: Option<TenderId>) -> Result<bool, AppError> {
    Ok(tx.stripe_cases()?.iter().any(|case| {
        case.kind == CaseKind::Dispute
            && Some(case.tender) == tender
            && (is_open(case) || case.state == "lost")
    }))
}

/// What may be decided about a refund now.
fn refund_case(
    tx: &Tx<'_>,
    shop: &Shop,
    part: RefundPartId,
    online: bool,
) -> Result<Vec<OutboxActionView>, AppError> {
    let row = tx.part(part)?.ok_or(ErrorCode::NotFound)?;
    let live = phases::readable(phases::refund(tx, part))?;
    let state = live.as_ref().map_or(row.state, |r| r.state);
    let waits = state.is_waiting();
    let mut actions = match live.as_ref().filter(|r| r.reader.is_some()) {
        Some(refund) if !row.is_closed() => presented::actions(tx, refund, online)?,
        Some(_) | None => vec![action(OutboxAction::SendNow, waits, "It is done.")],
    };
    let why_not = match &live {
        Some(_) if row.paid_in_cash => "It was given in cash.",
        Some(_) if row.settled_elsewhere => "It is settled.",
        Some(refund) if refund.is_free() && still_owed(tx, &row)? == 0 => {
            "It was given back in Stripe's dashboard already."
        }
        Some(refund) if refund.is_free() && is_disputed(tx, row.tender)? => {
            "The customer disputes the charge, and their bank may give it back: look at the dispute in Stripe's dashboard."
        }
        Some(refund) if refund.is_free() => "",
        Some(refund) if refund.state.is_waiting() => {
            "Off until it is known: otherwise the customer could get it twice."
        }
        Some(refund) if !refund.state.needs_a_person() => "It is done.",
        Some(refund) if refund.refused => {
            "Stripe says that it was given back already, or is disputed: look at the charge in its dashboard."
        }
        Some(refund) if refund.refund.is_some() => {
            "Stripe has the refund still, and may give it: look at it in Stripe's dashboard."
        }
        Some(_) => "A request got lost on its way, so it may still be given at Stripe.",
        None if state.needs_a_person() => {
            "It cannot be read here: look at the charge in Stripe's dashboard."
        }
        None => "It is done.",
    };
    actions.push(OutboxActionView {
        // A refund over the threshold was approved when it was made. A card that was
        // taken off its sale was not: to the card that paid, nobody need approve.
        needs_manager: !row.of_refund && row.amount_minor > shop.refund_threshold.minor(),
        ..action(OutboxAction::GiveCash, why_not.is_empty(), why_not)
    });
    // The way out of what nothing at Stripe can decide any more.
    if state.needs_a_person() && !row.is_closed() {
        actions.push(action(OutboxAction::Settled, true, ""));
    }
    Ok(actions)
}
