//! The journal held against Stripe: on demand, and once a day while online.
//!
//! Invariants:
//! - nothing but the result is written, and the result is no part of the books; a
//!   dispute that no event told of becomes a case, and a refund that failed unheard is
//!   owed again, as if one had;
//! - a difference stands until its days are compared without it, the journal has learnt
//!   of it, or it was shown for a month;
//! - a day that could not be read to its end has no result.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use till_domain::charge::{ChargeState, RefundState};
use till_domain::ids::{RefundPartId, TenderId, Timestamp};
use till_domain::journal::ChargeKind;
use till_domain::money::{Currency, Money};
use till_store::{CaseKind, CaseRow, ChargeRow, PartRow, StoredRequest, Tx};
use till_sync::events::KEPT_S;
use till_sync::reconcile::{
    Books, Comparison, Difference, Kind, Orphan, OurCharge, OurDispute, OurRefund, Reconciliation,
    Side, Taken, Unread, What,
};
use till_sync::request::stripe_factor;
use till_sync::transport::Answer;

use crate::asking::{count_reads, is_open};
use crate::error::{AppError, ErrorCode};
use crate::figures::{self, local, money, spoken, stamp};
use crate::profile::Day;
use crate::view::{BooksView, MoneyView};
use crate::{Shop, Till, shop};

/// The days before today that a daily comparison reaches back at most.
const DAYS_MAX: i64 = 30;
/// How long a difference is shown.
const SHOWN_MS: i64 = 30 * 86_400_000;
/// Differences of earlier comparisons that are kept; the others are counted.
const EARLIER_MAX: usize = 200;
/// How long before an absence a refund may have been given that failed in it.
const MAY_FAIL_MS: i64 = 60 * 86_400_000;
/// How long after midnight yesterday is compared: its last charges have settled.
const AFTER_MIDNIGHT_MS: i64 = 30 * 60_000;

/// The setting `reconciled_through`: the last day that was compared after it was over,
/// with all days before it that were asked for.
const THROUGH: &str = "reconciled_through";

/// The setting `orphans`: what comparisons found to cancel, as far as Stripe has not
/// answered yet.
pub(crate) const ORPHANS: &str = "orphans";

/// The setting `reconciled`: the last comparison.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Reconciled {
    from: Day,
    until: Day,
    at: Timestamp,
    found: Comparison,
    /// Of days that it did not cover, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    earlier: Vec<Earlier>,
    /// Earlier ones that there was no room for, until none is left.
    #[serde(default, skip_serializing_if = "is_none")]
    more: usize,
}

/// A difference that a comparison before the last one found.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Earlier {
    from: Day,
    until: Day,
    at: Timestamp,
    difference: Difference,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
const fn is_none(count: &usize) -> bool {
    *count == 0
}

impl Reconciled {
    /// Its own differences and those that stand from before, with the days they are of.
    fn differences(&self) -> impl Iterator<Item = (Day, Day, &Difference)> {
        let own = self.found.differences.iter();
        let earlier = self.earlier.iter();
        own.map(|d| (self.from, self.until, d))
            .chain(earlier.map(|e| (e.from, e.until, &e.difference)))
    }

    fn count(&self) -> usize {
        let kept = self.found.differences.len() + self.earlier.len();
        kept.saturating_add(self.more)
    }

    /// Of which days a difference is, where they are others than its own.
    fn of(&self, from: Day, until: Day) -> String {
        if (from, until) == (self.from, self.until) {
            String::new()
        } else if from == until {
            format!("Of {from}: ")
        } else {
            format!("Of {from} to {until}: ")
        }
    }

    /// Takes over from the comparison before what still stands.
    fn carry(&mut self, tx: &Tx<'_>, before: Self) -> Result<(), AppError> {
        let shown_until = before.at;
        let own = before
            .found
            .differences
            .into_iter()
            .map(|difference| Earlier {
                from: before.from,
                until: before.until,
                at: before.at,
                difference,
            });
        for one in own.chain(before.earlier) {
            let covered = self.from <= one.from && one.until <= self.until;
            let again = self
                .found
                .differences
                .iter()
                .any(|d| is_same(d, &one.difference));
            // What was found before the till was off for long is shown afterwards.
            let old = shown_until.ms_since(one.at) > SHOWN_MS;
            let over = covered || again || old;
            if !over && !is_known_by_now(tx, &one.difference)? && !is_learnt(tx, &one.difference)? {
                self.earlier.push(one);
            }
        }
        let over = self.earlier.len().saturating_sub(EARLIER_MAX);
        self.earlier.truncate(EARLIER_MAX);
        self.more = if self.earlier.is_empty() {
            0
        } else {
            before.more.saturating_add(over)
        };
        Ok(())
    }
}

/// Whether two comparisons found the same thing.
fn is_same(a: &Difference, b: &Difference) -> bool {
    (a.kind, a.what, &a.id, &a.stripe) == (b.kind, b.what, &b.id, &b.stripe)
}

/// What was sold, given back or told of after the comparison had begun: Stripe listed
/// it, and the journal as it was then had it not.
fn is_known_by_now(tx: &Tx<'_>, difference: &Difference) -> Result<bool, AppError> {
    if difference.kind != Kind::NotHere || difference.here.is_some() {
        return Ok(false);
    }
    Ok(match difference.what {
        What::Charge => charge(tx, difference)?.is_some(),
        What::Refund => part(tx, difference)?.is_some(),
        What::Dispute => case(tx, difference)?.is_some(),
    })
}

/// What the journal has learnt since: it says what Stripe said, or it is a case.
fn is_learnt(tx: &Tx<'_>, difference: &Difference) -> Result<bool, AppError> {
    let there = difference.there.as_ref().map(|side| &side.state);
    let is_case = match difference.kind {
        Kind::NotHere | Kind::State => {
            case(tx, difference)?.is_some_and(|case| Some(&case.state) == there)
        }
        Kind::NotAtStripe | Kind::Amount | Kind::Currency | Kind::Twice => false,
    };
    Ok(is_case
        || match difference.what {
            What::Charge => charge(tx, difference)?.is_some_and(|c| {
                difference.is_learnt_charge(c.state, c.how == ChargeKind::PayLink)
            }),
            What::Refund => {
                part(tx, difference)?.is_some_and(|p| difference.is_learnt_refund(p.state))
            }
            What::Dispute => false,
        })
}

fn charge(tx: &Tx<'_>, difference: &Difference) -> Result<Option<ChargeRow>, AppError> {
    let tender = difference
        .id
        .as_ref()
        .and_then(|id| id.parse::<TenderId>().ok());
    Ok(tender
        .map(|tender| tx.charge(tender))
        .transpose()?
        .flatten())
}

fn part(tx: &Tx<'_>, difference: &Difference) -> Result<Option<PartRow>, AppError> {
    let id = difference
        .id
        .as_ref()
        .and_then(|id| id.parse::<RefundPartId>().ok());
    let Some(id) = id else {
        return Ok(None);
    };
    Ok(tx.all_stripe_parts()?.into_iter().find(|p| p.id == id))
}

fn case(tx: &Tx<'_>, difference: &Difference) -> Result<Option<CaseRow>, AppError> {
    let id = difference.stripe.as_ref();
    Ok(id.map(|id| tx.stripe_case(id)).transpose()?.flatten())
}

/// A comparison under way: asks, and is told.
#[derive(Debug)]
pub struct Reconciling {
    from: Day,
    until: Day,
    reading: Reconciliation,
    reads: u32,
}

impl Reconciling {
    /// The next request; `None` when all is read.
    #[must_use]
    pub fn ask(&self) -> Option<StoredRequest> {
        self.reading.ask()
    }

    /// Reads so far.
    pub(crate) const fn reads(&self) -> u32 {
        self.reads
    }

    /// Takes in what came back; gives how long to wait, in milliseconds.
    ///
    /// # Errors
    /// [`ErrorCode::Offline`], [`ErrorCode::StripeKeyRefused`].
    pub fn told(&mut self, answer: &Answer) -> Result<i64, AppError> {
        if matches!(answer, Answer::Http(_)) {
            self.reads = self.reads.saturating_add(1);
        }
        match self.reading.take(answer) {
            Taken::GoOn => Ok(0),
            Taken::Again { after_ms } => Ok(after_ms),
            Taken::Stop(Unread::Unreachable) => Err(ErrorCode::Offline.into()),
            Taken::Stop(Unread::Unauthorised) => Err(ErrorCode::StripeKeyRefused.into()),
            Taken::Stop(Unread::Unreadable) => Err(AppError::refused(
                ErrorCode::Offline,
                "an answer of Stripe's could not be read",
            )),
        }
    }
}

/// One side of a difference, as people read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SideView {
    /// How much; none in a currency that the till does not know.
    pub amount: Option<MoneyView>,
    /// The journal's word, or Stripe's.
    pub state: String,
}

/// One difference, as people read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DifferenceView {
    /// First day of the comparison that found it.
    pub from: String,
    /// Last day of it.
    pub until: String,
    /// How the two sides differ.
    pub kind: Kind,
    /// Of what.
    pub what: What,
    /// The receipt of the sale, where it is complete.
    pub receipt: Option<String>,
    /// Our id: of a tender, or of a part of a refund.
    pub id: Option<String>,
    /// `pi_…` or `re_…`.
    pub stripe: Option<String>,
    /// In the journal.
    pub here: Option<SideView>,
    /// At Stripe.
    pub there: Option<SideView>,
    /// In a sentence.
    pub says: String,
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReconciledView {
    /// First day.
    pub from: String,
    /// Last day.
    pub until: String,
    /// When it was read.
    pub at: String,
    /// Charges that agree.
    pub charges: u32,
    /// Refunds that agree.
    pub refunds: u32,
    /// Disputes that agree.
    pub disputes: u32,
    /// On their way.
    pub under_way: u32,
    /// Unpaid leftovers of requests that came late: they charge nothing, and the till
    /// cancels them.
    pub orphans: usize,
    /// Every difference: its own, and those of days before that it did not cover.
    pub differences: Vec<DifferenceView>,
    /// Differences of days before that there was no room for.
    pub more: usize,
    /// At Stripe, and not asked for by this till.
    pub not_ours: Vec<NotOursView>,
}

/// Something at Stripe that this till did not ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotOursView {
    /// Of what kind.
    pub what: What,
    /// `pi_…` or `re_…`.
    pub stripe: String,
    /// What it says.
    pub there: SideView,
}

fn days_later(day: Day, days: i64) -> Result<Day, AppError> {
    let span = jiff::Span::new()
        .try_days(days)
        .map_err(|_| AppError::internal("no such day"))?;
    let date = day.date().checked_add(span);
    date.map(Day::from)
        .map_err(|_| AppError::internal("the day is outside the calendar"))
}

/// When a day begins in the shop's zone.
fn start_of(shop: &Shop, day: Day) -> Result<Timestamp, AppError> {
    let zone = jiff::tz::TimeZone::get(&shop.timezone).unwrap_or(jiff::tz::TimeZone::UTC);
    let start = day.date().to_zoned(zone);
    start
        .map(|zoned| Timestamp(zoned.timestamp().as_millisecond()))
        .map_err(|_| AppError::internal("the day is outside the calendar"))
}

/// The last day that is over, with half an hour for its last charges.
fn last_over(shop: &Shop, now: Timestamp) -> Result<Day, AppError> {
    days_later(
        figures::day(shop, now.plus_ms(-AFTER_MIDNIGHT_MS)).into(),
        -1,
    )
}

/// The first day that a daily comparison is due for: the one after those that were
/// compared, as far as one reaches back. A day to come was compared by a clock that was
/// ahead: what it left out is not known, so all is compared.
fn due_from(through: Option<Day>, last: Day) -> Result<Day, AppError> {
    let farthest = days_later(last, -DAYS_MAX)?;
    match through {
        Some(through) if through <= last => Ok(days_later(through, 1)?.max(farthest)),
        Some(_) => Ok(farthest),
        None => Ok(last),
    }
}

fn amount(side: &Side) -> Option<Money> {
    let currency: Currency = side.currency.parse().ok()?;
    let factor = stripe_factor(currency);
    Some(Money::from_minor(
        side.amount_minor.checked_div(factor)?,
        currency,
    ))
}

fn side(side: &Side) -> SideView {
    SideView {
        amount: amount(side).map(money),
        state: side.state.clone(),
    }
}

fn words(side: Option<&Side>) -> String {
    side.map_or_else(String::new, |s| match amount(s) {
        Some(amount) => format!("{} {}", spoken(amount), s.state),
        None => format!("{} {} {}", s.amount_minor, s.currency, s.state),
    })
}

fn says(difference: &Difference) -> String {
    let here = words(difference.here.as_ref());
    let there = words(difference.there.as_ref());
    let what = match difference.what {
        What::Charge => "charge",
        What::Refund => "refund",
        What::Dispute => "dispute",
    };
    match difference.kind {
        Kind::NotHere => format!("Stripe has a {what} that this till's journal has not: {there}."),
        Kind::NotAtStripe => format!("The journal has a {what} that Stripe has not: {here}."),
        Kind::Amount => format!("Another amount. Here: {here}. At Stripe: {there}."),
        Kind::Currency => format!("Another currency. Here: {here}. At Stripe: {there}."),
        Kind::State => format!("It went otherwise. Here: {here}. At Stripe: {there}."),
        Kind::Twice => format!("A tender is paid twice: a second {what} at Stripe, {there}."),
    }
}

fn receipt(tx: &Tx<'_>, shop: &Shop, difference: &Difference) -> Result<Option<String>, AppError> {
    let id = match difference.what {
        What::Charge | What::Refund => &difference.id,
        What::Dispute => &difference.stripe,
    };
    let Some(id) = id else {
        return Ok(None);
    };
    let sale = match difference.what {
        What::Charge => match id.parse::<TenderId>() {
            Ok(tender) => tx.charge(tender)?.map(|c| c.sale),
            Err(_) => None,
        },
        What::Refund => match id.parse::<RefundPartId>() {
            Ok(part) => tx.all_stripe_parts()?.into_iter().find(|p| p.id == part),
            Err(_) => None,
        }
        .map(|p| p.sale),
        What::Dispute => match tx.stripe_case(id)? {
            Some(case) => tx.charge(case.tender)?.map(|c| c.sale),
            None => None,
        },
    };
    let row = sale.map(|sale| tx.sale(sale)).transpose()?.flatten();
    Ok(row.map(|row| {
        till_domain::ids::ReceiptNumber {
            till: shop.till,
            number: row.receipt_number,
        }
        .to_string()
    }))
}

fn view(tx: &Tx<'_>, shop: &Shop, done: &Reconciled) -> Result<ReconciledView, AppError> {
    let differences = done.differences().map(|(from, until, difference)| {
        Ok(DifferenceView {
            from: from.to_string(),
            until: until.to_string(),
            kind: difference.kind,
            what: difference.what,
            receipt: receipt(tx, shop, difference)?,
            id: difference.id.clone(),
            stripe: difference.stripe.clone(),
            here: difference.here.as_ref().map(side),
            there: difference.there.as_ref().map(side),
            says: format!("{}{}", done.of(from, until), says(difference)),
        })
    });
    Ok(ReconciledView {
        from: done.from.to_string(),
        until: done.until.to_string(),
        at: local(shop, done.at),
        charges: done.found.charges,
        refunds: done.found.refunds,
        disputes: done.found.disputes,
        under_way: done.found.under_way,
        orphans: done.found.orphans.len(),
        differences: differences.collect::<Result<_, AppError>>()?,
        more: done.more,
        not_ours: (done.found.not_ours.iter())
            .map(|other| NotOursView {
                what: other.what,
                stripe: other.stripe.clone(),
                there: side(&other.there),
            })
            .collect(),
    })
}

/// What Stripe's charge comes to: the tender and the tip.
pub(crate) fn with_tip(charge: &ChargeRow) -> i64 {
    let tip = charge.facts.tip.map_or(0, Money::minor);
    charge.amount_minor.saturating_add(tip)
}

/// The last comparison in a sentence.
pub(crate) fn books_view(tx: &Tx<'_>, shop: &Shop) -> Result<Option<BooksView>, AppError> {
    let Some(done) = tx.setting::<Reconciled>("reconciled")? else {
        return Ok(None);
    };
    let found = match done.count() {
        0 => "no difference".to_owned(),
        1 => "1 DIFFERENCE".to_owned(),
        more => format!("{more} DIFFERENCES"),
    };
    Ok(Some(BooksView {
        at: local(shop, done.at),
        agree: done.count() == 0,
        says: format!(
            "Books compared with Stripe {}: {found}",
            stamp(shop, done.at)
        ),
        differences: done
            .differences()
            .map(|(from, until, difference)| {
                let receipt = receipt(tx, shop, difference)?;
                let receipt = receipt.map_or_else(String::new, |r| format!("Receipt {r}. "));
                let of = done.of(from, until);
                Ok(format!("{receipt}{of}{}", says(difference)))
            })
            .collect::<Result<_, AppError>>()?,
    }))
}

/// From when refunds are asked for that may have failed unheard; none where the till was
/// not away for longer than Stripe keeps events. Until the days are caught up with.
fn unheard_since(tx: &Tx<'_>, shop: &Shop, now: Timestamp) -> Result<Option<Timestamp>, AppError> {
    let Some(through) = tx.setting::<Day>(THROUGH)? else {
        return Ok(None);
    };
    let away = start_of(shop, days_later(through, 1)?)?;
    let long = now.ms_since(away) > KEPT_S.saturating_mul(1_000);
    Ok(long.then(|| away.plus_ms(-MAY_FAIL_MS)))
}

fn books(
    tx: &Tx<'_>,
    shop: &Shop,
    from: Timestamp,
    until: Timestamp,
    unheard_since: Option<Timestamp>,
) -> Result<Books, AppError> {
    let factor = stripe_factor(shop.currency());
    let within = |at: Timestamp| (from..until).contains(&at);
    let mut last = until;
    let mut charges = Vec::new();
    let mut intents = BTreeMap::new();
    for charge in tx.all_charges()? {
        if let Some(intent) = &charge.facts.intent {
            intents.insert(charge.tender, intent.clone());
        }
        let asked = within(charge.at) || within(charge.moved_at);
        // Taken offline, and made at Stripe days later.
        if asked && charge.state != ChargeState::Queued {
            last = last.max(charge.moved_at);
        }
        charges.push(OurCharge {
            tender: charge.tender.to_string(),
            amount_minor: with_tip(&charge).saturating_mul(factor),
            state: charge.state,
            link: charge.how == ChargeKind::PayLink,
            intent: charge.facts.intent,
            paid: charge.debt_paid,
            asked,
        });
    }
    let refunds = tx.all_stripe_parts()?.into_iter().map(|part| OurRefund {
        part: part.id.to_string(),
        amount_minor: part.amount_minor.saturating_mul(factor),
        state: part.state,
        refund: part.stripe_refund,
        asked: within(part.at)
            || (part.state == RefundState::Succeeded
                && unheard_since.is_some_and(|since| part.at >= since)),
    });
    let cases = tx.stripe_cases()?.into_iter();
    let disputes = cases
        .filter(|case| case.kind == CaseKind::Dispute)
        .filter_map(|case| {
            Some(OurDispute {
                // Decided while the till was off, it is told of nowhere else.
                asked: within(case.at) || is_open(&case),
                intent: intents.get(&case.tender)?.clone(),
                amount_minor: case.amount_minor.saturating_mul(factor),
                state: case.state,
                dispute: case.id,
            })
        });
    Ok(Books {
        disputes: disputes.collect(),
        till: crate::tender::till_id(shop),
        currency: shop.currency().code().to_owned(),
        from,
        until: last,
        refunds: refunds.collect(),
        charges,
    })
}

impl Till {
    /// Begins to compare the days from `from` to `until`, both included; today, where
    /// none is named.
    ///
    /// # Errors
    /// [`ErrorCode::BadInput`] for days that are not in order, or to come.
    pub fn reconcile(&self, days: Option<(Day, Day)>) -> Result<Reconciling, AppError> {
        let now = self.now();
        self.store()?.read(|tx| {
            let shop = shop(tx)?;
            let today = Day::from(figures::day(&shop, now));
            let (from, until) = days.unwrap_or((today, today));
            if from > until || until > today {
                return Err(AppError::refused(
                    ErrorCode::BadInput,
                    "The day is not over, or has not begun",
                ));
            }
            let start = start_of(&shop, from)?;
            let end = start_of(&shop, days_later(until, 1)?)?.min(now.plus_ms(1));
            let unheard = unheard_since(tx, &shop, now)?;
            let books = books(tx, &shop, start, end, unheard)?;
            Ok(Reconciling {
                from,
                until,
                reading: Reconciliation::new(books),
                reads: 0,
            })
        })
    }

    /// Keeps what was found, once all is read.
    ///
    /// # Errors
    /// What the store says.
    pub fn reconciled(&self, asked: &Reconciling) -> Result<ReconciledView, AppError> {
        let mut done = Reconciled {
            from: asked.from,
            until: asked.until,
            at: self.now(),
            found: Comparison::default(),
            earlier: Vec::new(),
            more: 0,
        };
        let (mut found, met) = (asked.reading.compare(), asked.reading.met());
        self.store()?.write(|tx| {
            let shop = shop(tx)?;
            for difference in std::mem::take(&mut found.differences) {
                if is_known_by_now(tx, &difference)? {
                    found.under_way = found.under_way.saturating_add(1);
                    continue;
                }
                tracing::warn!(
                    kind = ?difference.kind,
                    stripe = difference.stripe.as_deref().unwrap_or_default(),
                    "the journal and Stripe differ"
                );
                found.differences.push(difference);
            }
            done.found = found;
            Self::learn_met(tx, &shop, met, done.at)?;
            count_reads(tx, asked.reads, done.at)?;
            if let Some(before) = tx.setting::<Reconciled>("reconciled")? {
                done.carry(tx, before)?;
            }
            tx.set_setting("reconciled", &done)?;
            let mut orphans: Vec<Orphan> = tx.setting(ORPHANS)?.unwrap_or_default();
            for orphan in &done.found.orphans {
                if !orphans.contains(orphan) {
                    orphans.push(orphan.clone());
                }
            }
            tx.set_setting(ORPHANS, &orphans)?;
            let last = last_over(&shop, done.at)?;
            let due = due_from(tx.setting(THROUGH)?, last)?;
            if done.from <= due && (due..=last).contains(&done.until) {
                tx.set_setting(THROUGH, &done.until)?;
            }
            view(tx, &shop, &done)
        })
    }

    /// The last comparison.
    ///
    /// # Errors
    /// What the store says.
    pub fn last_reconciled(&self) -> Result<Option<ReconciledView>, AppError> {
        self.store()?.read(|tx| {
            let shop = shop(tx)?;
            let last: Option<Reconciled> = tx.setting("reconciled")?;
            last.map(|done| view(tx, &shop, &done)).transpose()
        })
    }

    /// The days that the daily comparison is due for: those that are over and were not
    /// compared to their end.
    ///
    /// # Errors
    /// What the store says.
    pub(crate) fn days_to_reconcile(&self) -> Result<Option<(Day, Day)>, AppError> {
        let now = self.now();
        self.store()?.read(|tx| {
            let Some(shop) = tx.setting::<Shop>("shop")? else {
                return Ok(None);
            };
            if tx.setting::<crate::StripeSetting>("stripe")?.is_none() {
                return Ok(None);
            }
            let last = last_over(&shop, now)?;
            let from = due_from(tx.setting(THROUGH)?, last)?;
            Ok((from <= last).then_some((from, last)))
        })
    }
}
