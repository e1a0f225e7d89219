//! What happened at Stripe without us: the list of events, read often while something is
//! open and seldom else.
//!
//! Invariants:
//! - an event says where to look, never what is so: the object it names is fetched, and
//!   that is believed. So events may repeat, come late and out of order;
//! - the list is read again from an hour before the newest event known, and an event is
//!   acted on once; every six hours from a day before, so that what comes up to a day
//!   late is not missed. Later ones the daily comparison of the books finds;
//! - one object that says nothing does not stop the others: it is left out, and logged;
//! - reads stay within what Stripe grants a till that sells nothing: 10,000 a month,
//!   those of the outbox and of the books among them.
//!
//! Sources: Stripe API reference, "List all events" (30 days are kept, newest first);
//! Stripe docs, "Event delivery behaviors", "Rate limits: API read request allocations".

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use till_domain::charge::RefundState;
use till_domain::ids::{RefundPartId, TenderId, Timestamp};
use till_domain::journal::JournalEvent;
use till_store::{Result, StoredRequest, Tx};

use crate::cards::{self, CardFacts};
use crate::classify::{self, Op};
use crate::machine::{ChargeOp, Event, Intent, RefundOp, StripeRefund};
use crate::phases;
use crate::reconcile::{Taken, Unread};
use crate::request::get;
use crate::transport::Answer;

/// What is asked for.
const KINDS: [&str; 14] = [
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "payment_method.detached",
    "payment_method.updated",
    "payment_method.automatically_updated",
];

/// How far behind the newest event known the list is read again, in seconds.
const OVERLAP_S: i64 = 3_600;
/// How far behind it a whole day is read again, and how often, in seconds.
const DAY_BACK_S: i64 = DAY_S;
const DAY_EVERY_S: i64 = 6 * 3_600;
/// Stripe keeps events for 30 days; a day is left for clocks.
pub const KEPT_S: i64 = 29 * 86_400;
/// How far back a till looks that has never looked.
const FIRST_S: i64 = 86_400;
/// Reads a month that Stripe grants whatever is sold.
pub const READS_A_MONTH: u32 = 10_000;
const DAY_S: i64 = 86_400;
/// A list of more pages than this is a list that does not end.
const PAGES_MAX: u32 = 300;

/// How far the list was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// When the newest event known happened, in Stripe's seconds.
    pub newest_s: Option<i64>,
    /// The events of the last hour before it that were acted on, with their times.
    pub seen: Vec<(String, i64)>,
    /// When a whole day was last read again, in the till's seconds.
    #[serde(default)]
    pub day_read_s: Option<i64>,
}

impl Cursor {
    /// A whole day is to be read again: it was not for hours, or by a clock that has
    /// been set back since.
    fn is_day_due(&self, now_s: i64) -> bool {
        self.day_read_s
            .is_none_or(|at| !(0..DAY_EVERY_S).contains(&(now_s - at)))
    }
}

/// What was read of Stripe, by whichever part of the till: each day's requests that
/// change nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reads {
    /// Days since the Unix epoch, and how many.
    days: Vec<(i64, u32)>,
}

impl Reads {
    /// Reads in the thirty days before.
    #[must_use]
    pub fn of_month(&self, now: Timestamp) -> u32 {
        let today = now.0.div_euclid(1_000 * DAY_S);
        self.days
            .iter()
            .filter(|(day, _)| (today - 29..=today).contains(day))
            .fold(0, |sum, (_, n)| sum.saturating_add(*n))
    }

    /// Counts reads.
    pub fn count(&mut self, reads: u32, now: Timestamp) {
        let today = now.0.div_euclid(1_000 * DAY_S);
        self.days
            .retain(|(day, _)| (today - 29..=today).contains(day));
        match self.days.iter_mut().find(|(day, _)| *day == today) {
            Some((_, n)) => *n = n.saturating_add(reads),
            None => self.days.push((today, reads)),
        }
    }

    /// How long until the list is read again, in milliseconds: soon while something is
    /// open, and seldom when the month's reads are nearly used up.
    #[must_use]
    pub fn pause_ms(&self, open: bool, now: Timestamp) -> i64 {
        const MINUTE: i64 = 60_000;
        let used = self.of_month(now);
        match (open, used.saturating_mul(10) / READS_A_MONTH) {
            (true, 0..=4) => MINUTE,
            (true, 5..=7) => 5 * MINUTE,
            (false, 0..=7) => 15 * MINUTE,
            (_, 8) => 60 * MINUTE,
            (_, 9) => 6 * 60 * MINUTE,
            (_, _) => 24 * 60 * MINUTE,
        }
    }
}

/// An event, as far as it says where to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// `evt_…`.
    pub id: String,
    /// When, in Stripe's seconds.
    pub created_s: i64,
    /// What to look at.
    pub about: About,
    /// The PaymentIntent it belongs to; empty where it is about a card.
    pub intent: String,
    /// What the object said at the time, in Stripe's word.
    pub status: String,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// A PaymentIntent.
    Intent(String),
    /// A refund.
    Refund(String),
    /// The disputes of a PaymentIntent.
    Disputes(String),
    /// A saved card, `pm_…`.
    Method(String),
}

/// What was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A PaymentIntent.
    Intent(Intent),
    /// A refund, and of which PaymentIntent.
    Refund {
        /// As the machine takes it.
        refund: StripeRefund,
        /// `pi_…`.
        intent: String,
        /// `refund_id` in its metadata.
        part: Option<String>,
        /// In Stripe's minor units.
        amount_minor: i64,
    },
    /// A saved card.
    Method {
        /// `pm_…`.
        id: String,
        /// What is on it now; none where it is nobody's any more.
        card: Option<CardFacts>,
    },
    /// A dispute.
    Dispute {
        /// `dp_…`.
        id: String,
        /// `pi_…`.
        intent: String,
        /// In Stripe's minor units.
        amount_minor: i64,
        /// In Stripe's word.
        status: String,
        /// In Stripe's word.
        reason: String,
        /// Until when evidence can be sent.
        due_by: Option<Timestamp>,
    },
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}

fn id_of(value: &Value, name: &str) -> Option<String> {
    let field = value.get(name)?;
    field.as_str().map(str::to_owned).or(text(field, "id"))
}

/// Reads one event; none for one that is about nothing of a till's.
#[must_use]
pub fn told(event: &Value) -> Option<Told> {
    if event.get("object")?.as_str()? != "event" {
        return None;
    }
    let object = event.get("data")?.get("object")?;
    let id = text(object, "id")?;
    let (about, intent) = match object.get("object")?.as_str()? {
        "payment_intent" => (About::Intent(id.clone()), id),
        "refund" => (About::Refund(id), id_of(object, "payment_intent")?),
        "dispute" => {
            let intent = id_of(object, "payment_intent")?;
            (About::Disputes(intent.clone()), intent)
        }
        "payment_method" => (About::Method(id), String::new()),
        _ => return None,
    };
    Some(Told {
        id: text(event, "id")?,
        created_s: event.get("created")?.as_i64()?,
        about,
        intent,
        status: text(object, "status").unwrap_or_default(),
    })
}

pub(crate) fn found_refund(value: &Value) -> Option<Found> {
    Some(Found::Refund {
        refund: classify::refund(value)?,
        intent: id_of(value, "payment_intent")?,
        part: value.get("metadata").and_then(|m| text(m, "refund_id")),
        amount_minor: value.get("amount")?.as_i64()?,
    })
}

/// A payment method that is on no customer.
fn is_nobodys(value: &Value) -> bool {
    value.get("customer").is_none_or(Value::is_null)
}

pub(crate) fn found_dispute(value: &Value) -> Option<Found> {
    if value.get("object")?.as_str()? != "dispute" {
        return None;
    }
    let due_by = value
        .get("evidence_details")
        .and_then(|d| d.get("due_by"))
        .and_then(Value::as_i64);
    Some(Found::Dispute {
        id: text(value, "id")?,
        intent: id_of(value, "payment_intent")?,
        amount_minor: value.get("amount")?.as_i64()?,
        status: text(value, "status")?,
        reason: text(value, "reason").unwrap_or_default(),
        due_by: due_by.map(|s| Timestamp(s.saturating_mul(1_000))),
    })
}

/// One reading of the list, and of what it points at.
#[derive(Debug)]
pub struct Polling {
    cursor: Cursor,
    now: Timestamp,
    whole_day: bool,
    after: Option<String>,
    pages: u32,
    reads: u32,
    listed: bool,
    told: Vec<Told>,
    wanted: VecDeque<About>,
    found: Vec<Found>,
    left_out: Vec<About>,
}

impl Polling {
    /// From where the last reading ended.
    #[must_use]
    pub fn new(cursor: Cursor, now: Timestamp) -> Self {
        Self {
            whole_day: cursor.is_day_due(now.0.div_euclid(1_000)),
            cursor,
            now,
            after: None,
            pages: 0,
            reads: 0,
            listed: false,
            told: Vec::new(),
            wanted: VecDeque::new(),
            found: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// What one event names, which a webhook told of instead of the list. The list is
    /// read on from where it was.
    #[must_use]
    pub fn of(told: Told, now: Timestamp) -> Self {
        Self {
            listed: true,
            wanted: [told.about].into(),
            whole_day: false,
            ..Self::new(Cursor::default(), now)
        }
    }

    /// What was fetched.
    #[must_use]
    pub fn found(self) -> Vec<Found> {
        self.found
    }

    /// The next request; the same one until its answer was taken. `None`: all is read.
    #[must_use]
    pub fn ask(&self) -> Option<StoredRequest> {
        if !self.listed {
            let now_s = self.now.0.div_euclid(1_000);
            let since = match self.cursor.newest_s {
                Some(newest) => {
                    let back = if self.whole_day {
                        DAY_BACK_S
                    } else {
                        OVERLAP_S
                    };
                    (newest - back).max(now_s - KEPT_S)
                }
                None => now_s - FIRST_S,
            };
            let mut path = format!("/v1/events?created[gte]={since}&limit=100");
            for (n, kind) in KINDS.iter().enumerate() {
                path.push_str(&format!("&types[{n}]={kind}"));
            }
            if let Some(after) = &self.after {
                path.push_str("&starting_after=");
                path.push_str(after);
            }
            return Some(get(path));
        }
        Some(get(match self.wanted.front()? {
            About::Intent(id) => {
                format!("/v1/payment_intents/{id}?expand[0]=latest_charge")
            }
            About::Refund(id) => format!("/v1/refunds/{id}"),
            About::Method(id) => format!("/v1/payment_methods/{id}"),
            About::Disputes(intent) => {
                format!("/v1/disputes?payment_intent={intent}&limit=100")
            }
        }))
    }

    /// Takes in what came back. `worth` says whether an event is worth a look: it is
    /// about something of ours, and the journal does not say so yet.
    pub fn take(&mut self, answer: &Answer, worth: impl Fn(&Told) -> bool) -> Taken {
        let Answer::Http(http) = answer else {
            return Taken::Stop(Unread::Unreachable);
        };
        self.reads = self.reads.saturating_add(1);
        // No JSON is not of Stripe: something on the way answered.
        let value: Option<Value> = serde_json::from_slice(&http.body).ok();
        match http.status {
            200..=299 => {}
            400 if value.is_some() && self.skip() => return Taken::GoOn,
            // Gone, or not ours to see: no more is to be learnt of it.
            404 if self.listed => {
                self.wanted.pop_front();
                return Taken::GoOn;
            }
            401 | 403 => return Taken::Stop(Unread::Unauthorised),
            409 | 424 | 429 | 500..=599 => {
                return Taken::Again {
                    after_ms: http.retry_after_ms.unwrap_or(1_000).max(1_000),
                };
            }
            _ => return Taken::Stop(Unread::Unreadable),
        }
        let Some(value) = value else {
            return Taken::Stop(Unread::Unreadable);
        };
        match self.take_value(&value, worth) {
            Some(()) => Taken::GoOn,
            None if self.skip() => Taken::GoOn,
            None => Taken::Stop(Unread::Unreadable),
        }
    }

    /// Leaves out an object that cannot be read, so that what comes after it is learnt;
    /// false where it is the list, or what a webhook told of: Stripe sends that again.
    fn skip(&mut self) -> bool {
        if !self.listed || self.told.is_empty() {
            return false;
        }
        let about = self.wanted.pop_front();
        let skips = about.is_some();
        self.left_out.extend(about);
        skips
    }

    /// What could not be read.
    #[must_use]
    pub fn left_out(&self) -> &[About] {
        &self.left_out
    }

    fn take_value(&mut self, value: &Value, worth: impl Fn(&Told) -> bool) -> Option<()> {
        if !self.listed {
            let data = value.get("data")?.as_array()?;
            self.told.extend(data.iter().filter_map(told));
            self.pages += 1;
            if value.get("has_more")?.as_bool()? {
                let last = data.last().and_then(|event| text(event, "id"));
                self.after = Some(last.filter(|_| self.pages < PAGES_MAX)?);
                return Some(());
            }
            self.listed = true;
            let seen: BTreeSet<&str> = self.cursor.seen.iter().map(|(id, _)| id.as_str()).collect();
            let wanted: BTreeSet<About> = (self.told.iter())
                .filter(|t| !seen.contains(t.id.as_str()) && worth(t))
                .map(|t| t.about.clone())
                .collect();
            self.wanted = wanted.into_iter().collect();
            return Some(());
        }
        match self.wanted.front()? {
            About::Intent(_) => self.found.push(Found::Intent(classify::intent(value)?)),
            About::Refund(_) => self.found.push(found_refund(value)?),
            About::Method(id) => {
                let object = text(value, "object")?;
                let card = cards::facts(value);
                // One that is somebody's and cannot be read is left as it is known.
                if object == "payment_method" && (card.is_some() || is_nobodys(value)) {
                    let id = id.clone();
                    self.found.push(Found::Method { id, card });
                }
            }
            About::Disputes(_) => {
                let disputes = value.get("data")?.as_array()?.iter();
                self.found.extend(disputes.filter_map(found_dispute));
            }
        }
        self.wanted.pop_front();
        Some(())
    }

    /// Reads so far, of a reading that ended too soon as well.
    #[must_use]
    pub const fn reads(&self) -> u32 {
        self.reads
    }

    /// What was fetched, and where the next reading begins once that is written down.
    #[must_use]
    pub fn end(self) -> (Vec<Found>, Cursor) {
        let mut cursor = self.cursor;
        if self.whole_day {
            cursor.day_read_s = Some(self.now.0.div_euclid(1_000));
        }
        let newest = self.told.iter().map(|t| t.created_s).max();
        cursor.newest_s = newest.max(cursor.newest_s);
        let mut seen: Vec<(String, i64)> = cursor.seen;
        seen.extend(self.told.into_iter().map(|t| (t.id, t.created_s)));
        seen.sort_unstable();
        seen.dedup();
        if let Some(newest) = cursor.newest_s {
            seen.retain(|(_, at)| *at >= newest - OVERLAP_S);
        }
        cursor.seen = seen;
        (self.found, cursor)
    }
}

/// Takes a charge that Stripe made after the till had given it up to a person. One
/// whose debt was paid otherwise stays: the comparison of the books names it.
///
/// # Errors
/// [`StoreError`](till_store::StoreError).
pub fn learn_charge(tx: &Tx<'_>, tender: TenderId, intent: Intent, now: Timestamp) -> Result<bool> {
    let Some(row) = tx.outbox(tender.0)?.filter(|row| !row.in_flight) else {
        return Ok(false);
    };
    let Some(charge) = phases::readable(phases::charge(tx, tender))? else {
        return Ok(false);
    };
    let same = charge.intent.as_ref() == Some(&intent.id);
    let owed = tx.charge(tender)?.is_some_and(|c| !c.debt_paid);
    if !same || !owed || !charge.state.needs_a_person() || intent.status != "succeeded" {
        return Ok(false);
    }
    let op = Op::Charge(ChargeOp::Retrieve);
    phases::take_in(tx, row, op, Event::Intent(intent), None, now)?;
    Ok(true)
}

/// Takes a refund that failed after Stripe had said that it succeeded: the debt to the
/// customer is open again; and one that a reader made after a person was told that it
/// had not. One that is on its way is looked at now; one that was given in cash stays.
///
/// # Errors
/// [`StoreError`](till_store::StoreError).
pub fn learn_refund(
    tx: &Tx<'_>,
    part: RefundPartId,
    refund: StripeRefund,
    now: Timestamp,
) -> Result<bool> {
    let Some(mut row) = tx.outbox(part.0)?.filter(|row| !row.in_flight) else {
        return Ok(false);
    };
    let known = tx.part(part)?;
    if known.as_ref().is_some_and(|p| p.is_closed()) {
        return Ok(false);
    }
    let failed = refund.is_over();
    let Some(ours) = phases::readable(phases::refund(tx, part))? else {
        // Its entry cannot be read; that the money is owed again is news all the same.
        let news = failed && known.is_some_and(|p| p.state != RefundState::Failed);
        if news {
            let moved = JournalEvent::RefundMoved {
                part,
                to: RefundState::Failed,
                stripe_refund: Some(refund.id),
                reason: refund.failure_reason,
                by: None,
            };
            tx.append(moved, now)?;
        }
        return Ok(news);
    };
    if ours.state.is_waiting() && row.next_at > now {
        row.next_at = now;
        tx.save_outbox(&row)?;
    }
    // A reader that was taken for idle made it after all.
    let late = ours.state == RefundState::NeedsAttention && ours.reader.is_some();
    // Stripe waited for somebody to act, and has given it up.
    let given_up = ours.state == RefundState::NeedsAttention && ours.refund.is_some();
    let news = if failed {
        ours.state == RefundState::Succeeded || given_up
    } else {
        late
    };
    if !news {
        return Ok(false);
    }
    let op = Op::Refund(RefundOp::Retrieve);
    phases::take_in(tx, row, op, Event::Refund(refund), None, now)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::HttpAnswer;
    use serde_json::json;

    const NOW: Timestamp = Timestamp(1_795_258_800_000);

    fn event(id: &str, created: i64, object: &Value) -> Value {
        json!({"id": id, "object": "event", "created": created, "type": "x",
               "data": {"object": object}})
    }

    fn refund(id: &str, status: &str) -> Value {
        json!({"id": id, "object": "refund", "status": status, "amount": 100,
               "currency": "eur", "payment_intent": "pi_1", "metadata": {}})
    }

    fn http(status: u16, body: &Value) -> Answer {
        Answer::Http(HttpAnswer {
            status,
            body: body.to_string().into_bytes(),
            ..HttpAnswer::default()
        })
    }

    fn list(events: &[Value], more: bool) -> Answer {
        http(
            200,
            &json!({"object": "list", "data": events, "has_more": more}),
        )
    }

    #[test]
    fn an_object_is_fetched_once_however_often_and_in_what_order_it_is_told_of() {
        let mut poll = Polling::new(Cursor::default(), NOW);
        let at = NOW.0 / 1_000;
        let first = [
            event("evt_3", at, &refund("re_1", "failed")),
            event("evt_2", at - 5, &refund("re_1", "succeeded")),
        ];
        assert_eq!(poll.take(&list(&first, true), |_| true), Taken::GoOn);
        assert!(poll.ask().unwrap().path.ends_with("&starting_after=evt_2"));
        let rest = [
            event("evt_9", at - 9, &refund("re_1", "pending")),
            event("evt_8", at - 9, &json!({"id": "po_1", "object": "payout"})),
        ];
        assert_eq!(poll.take(&list(&rest, false), |_| true), Taken::GoOn);
        assert_eq!(poll.ask().unwrap().path, "/v1/refunds/re_1");
        // Fetched, it says something else than every event did.
        assert_eq!(
            poll.take(&http(200, &refund("re_1", "canceled")), |_| true),
            Taken::GoOn
        );
        assert_eq!(poll.ask(), None);
        assert_eq!(poll.reads(), 3);
        let (found, cursor) = poll.end();
        assert!(
            matches!(&found[..], [Found::Refund { refund, .. }] if refund.status == "canceled"),
            "{found:?}"
        );
        assert_eq!(cursor.newest_s, Some(at));

        // The same events again, and a late one from before them.
        let mut again = Polling::new(cursor, NOW);
        let since = format!("/v1/events?created[gte]={}&limit=100&types[0]=", at - 3_600);
        assert!(again.ask().unwrap().path.starts_with(&since));
        let mut all = first.to_vec();
        all.extend(rest);
        all.push(event("evt_late", at - 60, &refund("re_2", "failed")));
        assert_eq!(again.take(&list(&all, false), |_| true), Taken::GoOn);
        assert_eq!(again.ask().unwrap().path, "/v1/refunds/re_2");
        assert_eq!(again.take(&http(404, &json!({})), |_| true), Taken::GoOn);
        assert_eq!(again.ask(), None, "gone");
    }

    #[test]
    fn what_is_not_worth_a_look_costs_no_read() {
        let mut poll = Polling::new(Cursor::default(), NOW);
        let told = [event("evt_1", NOW.0 / 1_000, &refund("re_1", "failed"))];
        assert_eq!(
            poll.take(&list(&told, false), |t| t.intent != "pi_1"),
            Taken::GoOn
        );
        assert_eq!(poll.ask(), None);
        assert_eq!(poll.end().1.seen.len(), 1);
    }

    #[test]
    fn a_whole_day_is_read_again_every_six_hours_and_by_a_clock_that_was_set_back() {
        let at = NOW.0 / 1_000;
        let since = |poll: &Polling| {
            let path = poll.ask().unwrap().path;
            let from = path.split(['=', '&']).nth(1).unwrap().to_owned();
            at - from.parse::<i64>().unwrap()
        };
        let event = [event("evt_1", at, &refund("re_1", "failed"))];
        let mut poll = Polling::new(Cursor::default(), NOW);
        assert_eq!(poll.take(&list(&event, false), |_| false), Taken::GoOn);
        let (_, cursor) = poll.end();
        for (hours, back) in [(0, 3_600), (5, 3_600), (6, 86_400), (-1, 86_400)] {
            let now = NOW.plus_ms(hours * 3_600_000);
            let poll = Polling::new(cursor.clone(), now);
            assert_eq!(since(&poll), back, "{hours} hours later");
        }
    }

    #[test]
    fn a_month_of_polling_stays_within_what_stripe_grants() {
        for open in [true, false] {
            let mut reads = Reads::default();
            let (mut now, mut most) = (NOW, 0);
            for _ in 0..200_000 {
                reads.count(1, now);
                most = most.max(reads.of_month(now));
                now = now.plus_ms(reads.pause_ms(open, now));
                if now.ms_since(NOW) > 90 * 86_400_000 {
                    break;
                }
            }
            assert!(most < READS_A_MONTH, "open {open}: {most}");
            assert!(now.ms_since(NOW) > 90 * 86_400_000, "three months pass");
        }
        let fresh = Reads::default();
        assert!(fresh.pause_ms(true, NOW) < fresh.pause_ms(false, NOW));
    }

    #[test]
    fn an_answer_that_says_nothing_ends_the_reading() {
        for (name, answer, expected) in [
            ("lost", Answer::Lost, Taken::Stop(Unread::Unreachable)),
            (
                "key",
                http(403, &json!({})),
                Taken::Stop(Unread::Unauthorised),
            ),
            (
                "busy",
                http(429, &json!({})),
                Taken::Again { after_ms: 1_000 },
            ),
            (
                "no list",
                http(200, &json!([])),
                Taken::Stop(Unread::Unreadable),
            ),
            (
                "refused",
                http(400, &json!({})),
                Taken::Stop(Unread::Unreadable),
            ),
        ] {
            let mut poll = Polling::new(Cursor::default(), NOW);
            assert_eq!(poll.take(&answer, |_| true), expected, "{name}");
        }
    }

    #[test]
    fn an_object_that_says_nothing_is_left_out_and_the_next_is_asked_for() {
        let at = NOW.0 / 1_000;
        let events = [
            event("evt_1", at, &refund("re_1", "failed")),
            event("evt_2", at, &refund("re_2", "failed")),
        ];
        let no_status = json!({"id": "re_1", "object": "refund", "status": null});
        let page = Answer::Http(HttpAnswer {
            status: 200,
            body: b"<html>".to_vec(),
            ..HttpAnswer::default()
        });
        for (name, answer, goes_on) in [
            ("refused", http(400, &json!({"error": {}})), true),
            ("unread", http(200, &no_status), true),
            ("not of Stripe", page, false),
        ] {
            let mut poll = Polling::new(Cursor::default(), NOW);
            assert_eq!(poll.take(&list(&events, false), |_| true), Taken::GoOn);
            let taken = poll.take(&answer, |_| true);
            let asked = poll.ask().unwrap().path;
            if goes_on {
                assert_eq!(
                    (taken, asked.as_str()),
                    (Taken::GoOn, "/v1/refunds/re_2"),
                    "{name}"
                );
            } else {
                let stop = Taken::Stop(Unread::Unreadable);
                assert_eq!(
                    (taken, asked.as_str()),
                    (stop, "/v1/refunds/re_1"),
                    "{name}"
                );
            }
            // A webhook is answered so that Stripe sends it again.
            let told = told(&events[0]).unwrap();
            let mut one = Polling::of(told, NOW);
            let stop = Taken::Stop(Unread::Unreadable);
            assert_eq!(one.take(&answer, |_| true), stop, "{name}");
        }
    }
}
