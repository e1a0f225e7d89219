//! The journal against Stripe, both ways.
//!
//! Invariants:
//! - nothing is changed, here or there: every request is a `GET`;
//! - what Stripe lists is looked for in the whole journal, and what the journal has of
//!   the days asked about and the list does not show is asked for by its id, so neither
//!   clock decides whether something is missing;
//! - what is still on its way is no difference: the outbox will know.
//!
//! Sources: Stripe API reference, "List all PaymentIntents", "List all refunds", "List
//! all disputes", "Pagination".

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use till_domain::charge::{ChargeState, RefundState};
use till_domain::ids::Timestamp;
use till_store::StoredRequest;

use crate::events::{Found, found_dispute, found_refund};
use crate::request::get;
use crate::transport::{Answer, HttpAnswer};

/// How far the list goes beyond what is asked about, in seconds: for clocks that do not
/// agree.
const MARGIN_S: i64 = 3_600;
/// A list of more pages than this is a list that does not end.
const PAGES_MAX: u32 = 2_000;

/// A charge as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OurCharge {
    /// Tender.
    pub tender: String,
    /// In Stripe's minor units.
    pub amount_minor: i64,
    /// As the journal knows it.
    pub state: ChargeState,
    /// It is a pay link's.
    pub link: bool,
    /// `pi_…`, where one is recorded.
    pub intent: Option<String>,
    /// Its debt was paid in cash.
    pub paid: bool,
    /// It is of the days asked about: Stripe must have it.
    pub asked: bool,
}

/// A refund over Stripe as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OurRefund {
    /// The part of the refund.
    pub part: String,
    /// In Stripe's minor units.
    pub amount_minor: i64,
    /// As the journal knows it.
    pub state: RefundState,
    /// `re_…`, where one is recorded.
    pub refund: Option<String>,
    /// It is of the days asked about: Stripe must have it.
    pub asked: bool,
}

/// A dispute as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OurDispute {
    /// `dp_…`.
    pub dispute: String,
    /// The PaymentIntent of its charge.
    pub intent: String,
    /// In Stripe's minor units.
    pub amount_minor: i64,
    /// In Stripe's word.
    pub state: String,
    /// It is of the days asked about: Stripe must have it.
    pub asked: bool,
}

/// The journal's side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Books {
    /// `till_id` in the metadata of what is ours.
    pub till: String,
    /// ISO 4217 code.
    pub currency: String,
    /// From when Stripe's list is read.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Every charge there is.
    pub charges: Vec<OurCharge>,
    /// Every refund over Stripe there is.
    pub refunds: Vec<OurRefund>,
    /// Every dispute there is.
    pub disputes: Vec<OurDispute>,
}

/// What a difference is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A charge.
    Charge,
    /// A refund.
    Refund,
    /// A dispute.
    Dispute,
}

/// How the two sides differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Stripe has it, the journal does not.
    NotHere,
    /// The journal has it, Stripe does not.
    NotAtStripe,
    /// Another amount.
    Amount,
    /// Another currency.
    Currency,
    /// It went otherwise there than here.
    State,
    /// Two charges of one tender.
    Twice,
}

/// One side of a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// In Stripe's minor units.
    pub amount_minor: i64,
    /// ISO 4217 code, in capitals.
    pub currency: String,
    /// The journal's word, or Stripe's.
    pub state: String,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// How.
    pub kind: Kind,
    /// Of what.
    pub what: What,
    /// Our id: of a tender, or of a part of a refund.
    pub id: Option<String>,
    /// `pi_…` or `re_…`.
    pub stripe: Option<String>,
    /// In the journal.
    pub here: Option<Side>,
    /// At Stripe.
    pub there: Option<Side>,
}

/// Something at Stripe that this till did not ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotOurs {
    /// Of what kind.
    pub what: What,
    /// `pi_…` or `re_…`.
    pub stripe: String,
    /// What it says.
    pub there: Side,
}

/// An unpaid PaymentIntent of a request that was lost and came late: its tender was
/// decided with another one, or without. Nobody confirms it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orphan {
    /// `pi_…`.
    pub intent: String,
    /// Tender.
    pub tender: String,
}

/// What the comparison found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// Charges that agree.
    pub charges: u32,
    /// Refunds that agree.
    pub refunds: u32,
    /// Disputes that agree.
    #[serde(default)]
    pub disputes: u32,
    /// On their way: not compared.
    pub under_way: u32,
    /// Every difference.
    pub differences: Vec<Difference>,
    /// To be cancelled: no difference, for they charge nothing.
    #[serde(default)]
    pub orphans: Vec<Orphan>,
    /// Of others, or made by hand: listed, and not compared.
    pub not_ours: Vec<NotOurs>,
}

/// Why it could not be read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// Stripe could not be reached, or the answer was lost.
    Unreachable,
    /// Stripe refuses the key.
    Unauthorised,
    /// An answer that says nothing.
    Unreadable,
}

/// What to do after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Ask for more.
    GoOn,
    /// The same again, not before so many milliseconds.
    Again {
        /// At least so long.
        after_ms: i64,
    },
    /// It ends here.
    Stop(Unread),
}

#[derive(Debug, Clone)]
struct Theirs {
    side: Side,
    /// What is counted against the journal: received, where that is said.
    till: Option<String>,
    /// Tender or part, in the metadata.
    ours: Option<String>,
    /// Of a refund.
    intent: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Intents,
    Refunds,
    Disputes,
    Lookups,
}

/// Reads Stripe's side, request by request, and compares.
#[derive(Debug)]
pub struct Reconciliation {
    books: Books,
    step: Step,
    after: Option<String>,
    pages: u32,
    lookups: VecDeque<(What, String)>,
    intents: BTreeMap<String, Theirs>,
    refunds: BTreeMap<String, Theirs>,
    disputes: BTreeMap<String, Theirs>,
    met: Vec<Found>,
    done: bool,
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}

/// An id, or the object where it was expanded.
fn id_of(value: &Value, name: &str) -> Option<String> {
    let field = value.get(name)?;
    field.as_str().map(str::to_owned).or(text(field, "id"))
}

fn theirs(what: What, value: &Value) -> Option<(String, Theirs)> {
    let (object, ours) = match what {
        What::Charge => ("payment_intent", "tender_id"),
        What::Refund => ("refund", "refund_id"),
        // Nobody gives a dispute metadata: it is known by its PaymentIntent.
        What::Dispute => ("dispute", ""),
    };
    if value.get("object")?.as_str()? != object {
        return None;
    }
    // The published schema lets a refund have none.
    let state = text(value, "status").unwrap_or_else(|| "unknown".into());
    let received = value.get("amount_received").and_then(Value::as_i64);
    let amount = value.get("amount")?.as_i64()?;
    let none = Value::Null;
    let metadata = value.get("metadata").unwrap_or(&none);
    let side = Side {
        amount_minor: match received {
            Some(received) if state == "succeeded" => received,
            Some(_) | None => amount,
        },
        currency: text(value, "currency")?.to_uppercase(),
        state,
    };
    let theirs = Theirs {
        side,
        till: text(metadata, "till_id"),
        ours: text(metadata, ours),
        intent: id_of(value, "payment_intent"),
    };
    Some((text(value, "id")?, theirs))
}

/// Whether the two words mean one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Same,
    UnderWay,
    Differs,
}

const fn verdict(same: bool) -> Verdict {
    if same {
        Verdict::Same
    } else {
        Verdict::Differs
    }
}

fn charge_verdict(state: ChargeState, link: bool, status: &str) -> Verdict {
    // Money has not moved, and nothing is moving it.
    let idle = matches!(
        status,
        "requires_payment_method" | "requires_confirmation" | "requires_action" | "canceled"
    );
    match state {
        ChargeState::Queued
        | ChargeState::Creating
        | ChargeState::Created
        | ChargeState::Confirming
        | ChargeState::AtReader
        | ChargeState::AwaitingCustomer
        | ChargeState::Unknown => Verdict::UnderWay,
        ChargeState::Succeeded => verdict(status == "succeeded"),
        ChargeState::Declined
        | ChargeState::NeedsCustomer
        | ChargeState::NeedsAttention
        | ChargeState::Expired
        | ChargeState::WrittenOff => verdict(idle),
        // An expired session's intent can be paid by nobody.
        ChargeState::Canceled => verdict(status == "canceled" || (link && idle)),
    }
}

fn refund_verdict(state: RefundState, status: &str) -> Verdict {
    let waits = matches!(status, "pending" | "requires_action");
    let failed = matches!(status, "failed" | "canceled");
    match state {
        RefundState::Queued
        | RefundState::Sending
        | RefundState::AtReader
        | RefundState::Unknown => Verdict::UnderWay,
        RefundState::Pending if waits => Verdict::Same,
        RefundState::Pending => Verdict::UnderWay,
        RefundState::Succeeded if waits => Verdict::UnderWay,
        RefundState::Succeeded => verdict(status == "succeeded"),
        RefundState::Failed | RefundState::NeedsAttention | RefundState::Canceled => {
            verdict(failed)
        }
    }
}

impl Difference {
    /// Whether a charge went otherwise, and the journal has learnt of it since.
    #[must_use]
    pub fn is_learnt_charge(&self, state: ChargeState, link: bool) -> bool {
        let there = self.there.as_ref();
        self.kind == Kind::State
            && there.is_some_and(|t| charge_verdict(state, link, &t.state) == Verdict::Same)
    }

    /// Whether a refund went otherwise, and the journal has learnt of it since.
    #[must_use]
    pub fn is_learnt_refund(&self, state: RefundState) -> bool {
        let there = self.there.as_ref();
        self.kind == Kind::State
            && there.is_some_and(|t| refund_verdict(state, &t.state) == Verdict::Same)
    }
}

impl Reconciliation {
    /// Nothing is asked yet.
    #[must_use]
    pub const fn new(books: Books) -> Self {
        Self {
            books,
            step: Step::Intents,
            after: None,
            pages: 0,
            lookups: VecDeque::new(),
            intents: BTreeMap::new(),
            refunds: BTreeMap::new(),
            disputes: BTreeMap::new(),
            met: Vec::new(),
            done: false,
        }
    }

    /// The next request; the same one until its answer was taken. `None`: all is read.
    #[must_use]
    pub fn ask(&self) -> Option<StoredRequest> {
        if self.done {
            return None;
        }
        let path = match self.step {
            Step::Intents => self.list("payment_intents"),
            Step::Refunds => self.list("refunds"),
            Step::Disputes => self.list("disputes"),
            Step::Lookups => match self.lookups.front()? {
                (What::Charge, id) => format!("/v1/payment_intents/{id}"),
                (What::Refund, id) => format!("/v1/refunds/{id}"),
                (What::Dispute, intent) => {
                    format!("/v1/disputes?payment_intent={intent}&limit=100")
                }
            },
        };
        Some(get(path))
    }

    fn list(&self, objects: &str) -> String {
        let from = self.books.from.0.div_euclid(1_000) - MARGIN_S;
        let until = self.books.until.0.div_euclid(1_000) + MARGIN_S;
        let mut path = format!("/v1/{objects}?created[gte]={from}&created[lte]={until}&limit=100");
        if let Some(after) = &self.after {
            path.push_str("&starting_after=");
            path.push_str(after);
        }
        path
    }

    /// Takes in what came back.
    pub fn take(&mut self, answer: &Answer) -> Taken {
        let http = match answer {
            Answer::Http(http) => http,
            // A read: whether it was sent makes no odds.
            Answer::Unreachable | Answer::Lost => return Taken::Stop(Unread::Unreachable),
        };
        match http.status {
            200..=299 => match self.take_page(http) {
                Some(()) => Taken::GoOn,
                None => Taken::Stop(Unread::Unreadable),
            },
            // It is not there: the comparison says so.
            404 if self.step == Step::Lookups => {
                self.looked_up();
                Taken::GoOn
            }
            401 | 403 => Taken::Stop(Unread::Unauthorised),
            409 | 424 | 429 | 500..=599 => Taken::Again {
                after_ms: http.retry_after_ms.unwrap_or(1_000).max(1_000),
            },
            _ => Taken::Stop(Unread::Unreadable),
        }
    }

    fn looked_up(&mut self) {
        self.lookups.pop_front();
        self.done = self.lookups.is_empty();
    }

    fn take_page(&mut self, http: &HttpAnswer) -> Option<()> {
        let value: Value = serde_json::from_slice(&http.body).ok()?;
        let what = match self.step {
            Step::Intents => What::Charge,
            Step::Refunds => What::Refund,
            Step::Disputes => What::Dispute,
            Step::Lookups => {
                let (what, id) = self.lookups.front()?.clone();
                if what == What::Dispute {
                    for item in value.get("data")?.as_array()? {
                        let (id, dispute) = theirs(what, item)?;
                        self.meet(what, item);
                        self.keep(what, id, dispute);
                    }
                    self.looked_up();
                    return Some(());
                }
                let (found, theirs) = theirs(what, &value)?;
                if found != id {
                    return None;
                }
                self.meet(what, &value);
                self.keep(what, found, theirs);
                self.looked_up();
                return Some(());
            }
        };
        let data = value.get("data")?.as_array()?;
        let mut last = None;
        for item in data {
            let (id, theirs) = theirs(what, item)?;
            self.meet(what, item);
            last = Some(id.clone());
            self.keep(what, id, theirs);
        }
        self.pages += 1;
        if value.get("has_more")?.as_bool()? {
            // A page of nothing that goes on would be asked for for ever.
            self.after = Some(last.filter(|_| self.pages < PAGES_MAX)?);
            return Some(());
        }
        (self.after, self.pages) = (None, 0);
        match self.step {
            Step::Intents => self.step = Step::Refunds,
            Step::Refunds => self.step = Step::Disputes,
            Step::Disputes | Step::Lookups => {
                self.step = Step::Lookups;
                self.lookups = self.unseen();
                self.done = self.lookups.is_empty();
            }
        }
        Some(())
    }

    /// Keeps what the journal is to learn: a dispute, and that a refund of its own failed
    /// after it had been given.
    fn meet(&mut self, what: What, item: &Value) {
        match what {
            What::Charge => {}
            What::Refund => {
                let found = found_refund(item).filter(|found| self.is_undone(found));
                self.met.extend(found);
            }
            // One without a PaymentIntent is of another program of the account.
            What::Dispute => self.met.extend(found_dispute(item)),
        }
    }

    fn is_undone(&self, found: &Found) -> bool {
        match found {
            Found::Refund { refund, part, .. } => {
                let given = |r: &OurRefund| {
                    r.state == RefundState::Succeeded && Some(&r.part) == part.as_ref()
                };
                refund.is_over() && self.books.refunds.iter().any(given)
            }
            Found::Intent(_) | Found::Method { .. } | Found::Dispute { .. } => false,
        }
    }

    fn keep(&mut self, what: What, id: String, theirs: Theirs) {
        match what {
            What::Charge => self.intents.insert(id, theirs),
            What::Refund => self.refunds.insert(id, theirs),
            What::Dispute => self.disputes.insert(id, theirs),
        };
    }

    /// What the journal has, and the lists did not show.
    fn unseen(&self) -> VecDeque<(What, String)> {
        let charges = self.books.charges.iter().filter(|c| c.asked);
        let refunds = self.books.refunds.iter().filter(|r| r.asked);
        let charges = charges
            .filter_map(|c| c.intent.as_ref())
            .filter(|id| !self.intents.contains_key(*id))
            .map(|id| (What::Charge, id.clone()));
        let refunds = refunds
            .filter_map(|r| r.refund.as_ref())
            .filter(|id| !self.refunds.contains_key(*id))
            .map(|id| (What::Refund, id.clone()));
        let disputes = self.books.disputes.iter().filter(|d| d.asked);
        let disputes = disputes
            .filter(|d| !self.disputes.contains_key(&d.dispute))
            .map(|d| (What::Dispute, d.intent.clone()));
        charges.chain(refunds).chain(disputes).collect()
    }

    /// What was met that the journal is to learn, as it was fetched.
    #[must_use]
    pub fn met(&self) -> Vec<Found> {
        self.met.clone()
    }

    /// Compares what was read.
    #[must_use]
    pub fn compare(&self) -> Comparison {
        let mut found = Comparison::default();
        self.compare_charges(&mut found);
        self.compare_refunds(&mut found);
        self.compare_disputes(&mut found);
        found.differences.sort_by(|a, b| {
            (a.what, a.kind, &a.stripe, &a.id).cmp(&(b.what, b.kind, &b.stripe, &b.id))
        });
        found
    }

    fn here(&self, amount_minor: i64, state: &str) -> Side {
        Side {
            amount_minor,
            currency: self.books.currency.to_uppercase(),
            state: state.to_owned(),
        }
    }

    fn compare_charges(&self, found: &mut Comparison) {
        let by_tender: BTreeMap<&str, &OurCharge> = (self.books.charges.iter())
            .map(|c| (c.tender.as_str(), c))
            .collect();
        let by_intent: BTreeMap<&str, &OurCharge> = (self.books.charges.iter())
            .filter_map(|c| Some((c.intent.as_deref()?, c)))
            .collect();
        let mut seen = BTreeSet::new();
        for (id, theirs) in &self.intents {
            let named = theirs.ours.as_deref().and_then(|t| by_tender.get(t));
            let Some(ours) = by_intent.get(id.as_str()).or(named) else {
                if theirs.till.as_ref() == Some(&self.books.till) {
                    found.differences.push(Difference {
                        kind: Kind::NotHere,
                        what: What::Charge,
                        id: theirs.ours.clone(),
                        stripe: Some(id.clone()),
                        here: None,
                        there: Some(theirs.side.clone()),
                    });
                } else {
                    found.not_ours.push(NotOurs {
                        what: What::Charge,
                        stripe: id.clone(),
                        there: theirs.side.clone(),
                    });
                }
                continue;
            };
            let side = self.here(ours.amount_minor, ours.state.word());
            let difference = |kind| Difference {
                kind,
                what: What::Charge,
                id: Some(ours.tender.clone()),
                stripe: Some(id.clone()),
                here: Some(side.clone()),
                there: Some(theirs.side.clone()),
            };
            if ours.intent.as_ref() != Some(id) {
                match (theirs.side.state.as_str(), &ours.intent) {
                    // Its id is not recorded yet.
                    (_, None) if ours.state.is_waiting() => {
                        seen.insert(ours.tender.as_str());
                        found.under_way += 1;
                    }
                    // An orphan of a lost answer: it charged nothing, and never will.
                    ("canceled", _) => {}
                    (
                        "requires_payment_method" | "requires_confirmation" | "requires_action",
                        _,
                    ) if !ours.link => {
                        if ours.state.is_waiting() {
                            found.under_way += 1;
                        } else {
                            found.orphans.push(Orphan {
                                intent: id.clone(),
                                tender: ours.tender.clone(),
                            });
                        }
                    }
                    ("succeeded" | "processing" | "requires_capture", Some(_)) => {
                        found.differences.push(difference(Kind::Twice));
                    }
                    _ => found.differences.push(difference(Kind::NotHere)),
                }
                continue;
            }
            seen.insert(ours.tender.as_str());
            match charge_verdict(ours.state, ours.link, &theirs.side.state) {
                Verdict::UnderWay => found.under_way += 1,
                Verdict::Differs => found.differences.push(difference(Kind::State)),
                // In cash, and by the card after all.
                Verdict::Same if ours.paid && ours.state == ChargeState::Succeeded => {
                    found.differences.push(difference(Kind::Twice));
                }
                Verdict::Same if theirs.side.currency != side.currency => {
                    found.differences.push(difference(Kind::Currency));
                }
                Verdict::Same
                    if ours.state == ChargeState::Succeeded
                        && theirs.side.amount_minor != ours.amount_minor =>
                {
                    found.differences.push(difference(Kind::Amount));
                }
                Verdict::Same => found.charges += 1,
            }
        }
        for ours in self.books.charges.iter().filter(|c| c.asked) {
            let expected = ours.intent.is_some() || ours.state == ChargeState::Succeeded;
            if seen.contains(ours.tender.as_str()) {
                continue;
            }
            if ours.state.is_waiting() {
                found.under_way += 1;
            } else if expected {
                found.differences.push(Difference {
                    kind: Kind::NotAtStripe,
                    what: What::Charge,
                    id: Some(ours.tender.clone()),
                    stripe: ours.intent.clone(),
                    here: Some(self.here(ours.amount_minor, ours.state.word())),
                    there: None,
                });
            }
        }
    }

    fn compare_disputes(&self, found: &mut Comparison) {
        let our_intents: BTreeSet<&str> = (self.books.charges.iter())
            .filter_map(|c| c.intent.as_deref())
            .collect();
        let difference =
            |kind, id: &str, ours: Option<&OurDispute>, there: Option<&Side>| Difference {
                kind,
                what: What::Dispute,
                id: None,
                stripe: Some(id.to_owned()),
                here: ours.map(|d| self.here(d.amount_minor, &d.state)),
                there: there.cloned(),
            };
        for (id, theirs) in &self.disputes {
            let ours = self.books.disputes.iter().find(|d| d.dispute == *id);
            let side = &theirs.side;
            let of_ours = (theirs.intent.as_deref()).is_some_and(|i| our_intents.contains(i));
            match ours {
                None if of_ours => {
                    let missed = difference(Kind::NotHere, id, None, Some(side));
                    found.differences.push(missed);
                }
                None => found.not_ours.push(NotOurs {
                    what: What::Dispute,
                    stripe: id.clone(),
                    there: side.clone(),
                }),
                Some(ours) if ours.state != side.state => {
                    let moved = difference(Kind::State, id, Some(ours), Some(side));
                    found.differences.push(moved);
                }
                Some(ours) if ours.amount_minor != side.amount_minor => {
                    let other = difference(Kind::Amount, id, Some(ours), Some(side));
                    found.differences.push(other);
                }
                Some(_) => found.disputes += 1,
            }
        }
        for ours in self.books.disputes.iter().filter(|d| d.asked) {
            if !self.disputes.contains_key(&ours.dispute) {
                let gone = difference(Kind::NotAtStripe, &ours.dispute, Some(ours), None);
                found.differences.push(gone);
            }
        }
    }

    fn compare_refunds(&self, found: &mut Comparison) {
        let our_intents: BTreeSet<&str> = (self.books.charges.iter())
            .filter_map(|c| c.intent.as_deref())
            .collect();
        let by_part: BTreeMap<&str, &OurRefund> = (self.books.refunds.iter())
            .map(|r| (r.part.as_str(), r))
            .collect();
        let by_refund: BTreeMap<&str, &OurRefund> = (self.books.refunds.iter())
            .filter_map(|r| Some((r.refund.as_deref()?, r)))
            .collect();
        let mut seen = BTreeSet::new();
        for (id, theirs) in &self.refunds {
            let named = theirs.ours.as_deref().and_then(|part| by_part.get(part));
            let Some(ours) = by_refund.get(id.as_str()).or(named) else {
                let of_ours = theirs.till.as_ref() == Some(&self.books.till)
                    || (theirs.intent.as_deref()).is_some_and(|i| our_intents.contains(i));
                let moved = !matches!(theirs.side.state.as_str(), "failed" | "canceled");
                if of_ours && moved {
                    found.differences.push(Difference {
                        kind: Kind::NotHere,
                        what: What::Refund,
                        id: theirs.ours.clone(),
                        stripe: Some(id.clone()),
                        here: None,
                        there: Some(theirs.side.clone()),
                    });
                } else if !of_ours {
                    found.not_ours.push(NotOurs {
                        what: What::Refund,
                        stripe: id.clone(),
                        there: theirs.side.clone(),
                    });
                }
                continue;
            };
            let side = self.here(ours.amount_minor, ours.state.word());
            let difference = |kind| Difference {
                kind,
                what: What::Refund,
                id: Some(ours.part.clone()),
                stripe: Some(id.clone()),
                here: Some(side.clone()),
                there: Some(theirs.side.clone()),
            };
            if !seen.insert(ours.part.as_str()) {
                found.differences.push(difference(Kind::Twice));
                continue;
            }
            match refund_verdict(ours.state, &theirs.side.state) {
                Verdict::UnderWay => found.under_way += 1,
                Verdict::Differs => found.differences.push(difference(Kind::State)),
                Verdict::Same if theirs.side.currency != side.currency => {
                    found.differences.push(difference(Kind::Currency));
                }
                Verdict::Same if theirs.side.amount_minor != ours.amount_minor => {
                    found.differences.push(difference(Kind::Amount));
                }
                Verdict::Same => found.refunds += 1,
            }
        }
        for ours in self.books.refunds.iter().filter(|r| r.asked) {
            let expected = ours.refund.is_some()
                || matches!(ours.state, RefundState::Succeeded | RefundState::Pending);
            if seen.contains(ours.part.as_str()) {
                continue;
            }
            if matches!(
                ours.state,
                RefundState::Queued
                    | RefundState::Sending
                    | RefundState::AtReader
                    | RefundState::Unknown
            ) {
                found.under_way += 1;
            } else if expected {
                found.differences.push(Difference {
                    kind: Kind::NotAtStripe,
                    what: What::Refund,
                    id: Some(ours.part.clone()),
                    stripe: ours.refund.clone(),
                    here: Some(self.here(ours.amount_minor, ours.state.word())),
                    there: None,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn charge(tender: &str, state: ChargeState, intent: Option<&str>) -> OurCharge {
        OurCharge {
            tender: tender.into(),
            amount_minor: 1_000,
            state,
            link: false,
            intent: intent.map(str::to_owned),
            paid: false,
            asked: true,
        }
    }

    fn refund(part: &str, state: RefundState, refund: Option<&str>) -> OurRefund {
        OurRefund {
            part: part.into(),
            amount_minor: 400,
            state,
            refund: refund.map(str::to_owned),
            asked: true,
        }
    }

    fn books(charges: Vec<OurCharge>, refunds: Vec<OurRefund>) -> Books {
        Books {
            till: "till-1".into(),
            currency: "EUR".into(),
            from: Timestamp(1_000_000_000),
            until: Timestamp(1_086_400_000),
            charges,
            refunds,
            disputes: Vec::new(),
        }
    }

    fn pi(id: &str, tender: &str, status: &str, amount: i64) -> Value {
        json!({"id": id, "object": "payment_intent", "status": status, "amount": amount,
               "amount_received": if status == "succeeded" { amount } else { 0 },
               "currency": "eur",
               "metadata": {"tender_id": tender, "till_id": "till-1"}})
    }

    fn re(id: &str, part: &str, status: &str, amount: i64) -> Value {
        json!({"id": id, "object": "refund", "status": status, "amount": amount,
               "currency": "eur", "payment_intent": "pi_1",
               "metadata": {"refund_id": part, "till_id": "till-1"}})
    }

    fn http(status: u16, body: &Value) -> Answer {
        Answer::Http(HttpAnswer {
            status,
            body: body.to_string().into_bytes(),
            ..HttpAnswer::default()
        })
    }

    fn page(data: &[Value]) -> Answer {
        http(
            200,
            &json!({"object": "list", "data": data, "has_more": false}),
        )
    }

    /// Answers everything, lookups with what is not there.
    fn compare(books: Books, intents: &[Value], refunds: &[Value]) -> Comparison {
        let mut r = Reconciliation::new(books);
        assert_eq!(r.take(&page(intents)), Taken::GoOn);
        assert_eq!(r.take(&page(refunds)), Taken::GoOn);
        assert_eq!(r.take(&page(&[])), Taken::GoOn);
        while r.ask().is_some() {
            assert_eq!(r.take(&http(404, &json!({}))), Taken::GoOn);
        }
        r.compare()
    }

    fn dp(id: &str, intent: &str, status: &str) -> Value {
        json!({"id": id, "object": "dispute", "status": status, "amount": 1_000,
               "currency": "eur", "payment_intent": intent, "reason": "fraudulent",
               "evidence_details": {"due_by": 1_100_000}})
    }

    #[test]
    fn a_dispute_is_compared_both_ways_and_handed_on_as_it_was_fetched() {
        let charge = OurCharge {
            tender: "t1".into(),
            amount_minor: 1_000,
            state: ChargeState::Succeeded,
            link: false,
            intent: Some("pi_1".into()),
            paid: false,
            asked: false,
        };
        let known = |dispute: &str, state: &str| OurDispute {
            dispute: dispute.into(),
            intent: "pi_1".into(),
            amount_minor: 1_000,
            state: state.into(),
            asked: true,
        };
        for (name, ours, theirs, expected) in [
            (
                "agreed",
                Some("lost"),
                vec![dp("dp_1", "pi_1", "lost")],
                None,
            ),
            (
                "not here",
                None,
                vec![dp("dp_1", "pi_1", "needs_response")],
                Some(Kind::NotHere),
            ),
            (
                "another state",
                Some("needs_response"),
                vec![dp("dp_1", "pi_1", "lost")],
                Some(Kind::State),
            ),
            (
                "not at Stripe",
                Some("lost"),
                vec![],
                Some(Kind::NotAtStripe),
            ),
            (
                "somebody else's",
                None,
                vec![dp("dp_2", "pi_9", "lost")],
                None,
            ),
        ] {
            let books = Books {
                disputes: ours.map(|state| known("dp_1", state)).into_iter().collect(),
                ..books(vec![charge.clone()], vec![])
            };
            let mut r = Reconciliation::new(books);
            for list in [&[][..], &[], &theirs] {
                assert_eq!(r.take(&page(list)), Taken::GoOn, "{name}");
            }
            if let Some(request) = r.ask() {
                let looked = "/v1/disputes?payment_intent=pi_1&limit=100";
                assert_eq!(request.path, looked, "{name}");
                assert_eq!(r.take(&page(&[])), Taken::GoOn, "{name}");
            }
            assert_eq!(r.ask(), None, "{name}");
            let found = r.compare();
            let kinds: Vec<Kind> = found.differences.iter().map(|d| d.kind).collect();
            assert_eq!(kinds, expected.into_iter().collect::<Vec<_>>(), "{name}");
            assert_eq!(r.met().len(), theirs.len(), "{name}");
        }
    }

    #[test]
    fn every_way_to_differ_is_named() {
        use ChargeState as C;
        for (name, ours, theirs, expected) in [
            (
                "agreed",
                Some((C::Succeeded, Some("pi_1"))),
                Some(("succeeded", 1_000)),
                None,
            ),
            (
                "another amount",
                Some((C::Succeeded, Some("pi_1"))),
                Some(("succeeded", 900)),
                Some(Kind::Amount),
            ),
            (
                "charged there, declined here",
                Some((C::Declined, Some("pi_1"))),
                Some(("succeeded", 1_000)),
                Some(Kind::State),
            ),
            (
                "charged here, not there",
                Some((C::Succeeded, Some("pi_1"))),
                Some(("canceled", 1_000)),
                Some(Kind::State),
            ),
            (
                "not at Stripe",
                Some((C::Succeeded, Some("pi_1"))),
                None,
                Some(Kind::NotAtStripe),
            ),
            (
                "not here",
                None,
                Some(("succeeded", 1_000)),
                Some(Kind::NotHere),
            ),
            (
                "a second charge",
                Some((C::Succeeded, Some("pi_0"))),
                Some(("succeeded", 1_000)),
                Some(Kind::Twice),
            ),
            (
                "declined on both sides",
                Some((C::Declined, Some("pi_1"))),
                Some(("requires_payment_method", 1_000)),
                None,
            ),
            (
                "on its way",
                Some((C::Created, Some("pi_1"))),
                Some(("succeeded", 1_000)),
                None,
            ),
            (
                "made, and its id not recorded yet",
                Some((C::Queued, None)),
                Some(("requires_confirmation", 1_000)),
                None,
            ),
            ("never sent", Some((C::Queued, None)), None, None),
            ("given up unsent", Some((C::Expired, None)), None, None),
            (
                "cancelled here, alive there",
                Some((C::Canceled, Some("pi_1"))),
                Some(("requires_confirmation", 1_000)),
                Some(Kind::State),
            ),
        ] {
            let charges: Vec<OurCharge> = ours
                .into_iter()
                .map(|(state, intent)| charge("t1", state, intent))
                .collect();
            let mut intents: Vec<Value> = theirs
                .into_iter()
                .map(|(status, amount)| pi("pi_1", "t1", status, amount))
                .collect();
            if charges.iter().any(|c| c.intent.as_deref() == Some("pi_0")) {
                intents.push(pi("pi_0", "t1", "succeeded", 1_000));
            }
            let found = compare(books(charges, vec![]), &intents, &[]);
            let kinds: Vec<Kind> = found.differences.iter().map(|d| d.kind).collect();
            assert_eq!(kinds, expected.into_iter().collect::<Vec<_>>(), "{name}");
        }
    }

    #[test]
    fn refunds_are_compared_both_ways() {
        use RefundState as R;
        let charged = || vec![charge("t1", ChargeState::Succeeded, Some("pi_1"))];
        let paid = [pi("pi_1", "t1", "succeeded", 1_000)];
        for (name, ours, theirs, expected) in [
            (
                "agreed",
                Some((R::Succeeded, Some("re_1"))),
                Some(("r1", "succeeded", 400)),
                None,
            ),
            (
                "failed days later",
                Some((R::Succeeded, Some("re_1"))),
                Some(("r1", "failed", 400)),
                Some(Kind::State),
            ),
            (
                "on its way",
                Some((R::Queued, None)),
                Some(("r1", "succeeded", 400)),
                None,
            ),
            (
                "made in the dashboard",
                None,
                Some(("", "succeeded", 400)),
                Some(Kind::NotHere),
            ),
            (
                "tried in the dashboard, and failed",
                None,
                Some(("", "failed", 400)),
                None,
            ),
            (
                "another amount",
                Some((R::Succeeded, Some("re_1"))),
                Some(("r1", "succeeded", 401)),
                Some(Kind::Amount),
            ),
            (
                "not at Stripe",
                Some((R::Succeeded, Some("re_1"))),
                None,
                Some(Kind::NotAtStripe),
            ),
        ] {
            let ours = ours
                .into_iter()
                .map(|(s, id)| refund("r1", s, id))
                .collect();
            let theirs: Vec<Value> = theirs
                .into_iter()
                .map(|(part, status, amount)| re("re_1", part, status, amount))
                .collect();
            let found = compare(books(charged(), ours), &paid, &theirs);
            let kinds: Vec<Kind> = found.differences.iter().map(|d| d.kind).collect();
            assert_eq!(kinds, expected.into_iter().collect::<Vec<_>>(), "{name}");
            assert_eq!(found.charges, 1, "{name}");
        }
    }

    #[test]
    fn what_others_made_is_listed_and_is_no_difference() {
        let mut other = pi("pi_9", "x", "succeeded", 5);
        other["metadata"] = json!({"till_id": "till-2"});
        let mut by_hand = pi("pi_8", "x", "succeeded", 5);
        by_hand["metadata"] = json!({});
        let found = compare(books(vec![], vec![]), &[other, by_hand], &[]);
        assert_eq!(found.differences, []);
        assert_eq!(found.not_ours.len(), 2);
    }

    #[test]
    fn a_list_is_read_to_its_end_and_a_busy_stripe_is_asked_again() {
        let ours = vec![
            charge("t1", ChargeState::Succeeded, Some("pi_1")),
            charge("t2", ChargeState::Succeeded, Some("pi_2")),
            charge("t3", ChargeState::Succeeded, Some("pi_3")),
        ];
        let mut r = Reconciliation::new(books(ours, vec![]));
        let first = r.ask().unwrap();
        assert_eq!(
            (first.method, first.path.as_str()),
            (
                "GET",
                "/v1/payment_intents?created[gte]=996400&created[lte]=1090000&limit=100"
            )
        );
        let more = json!({"data": [pi("pi_1", "t1", "succeeded", 1_000)], "has_more": true});
        assert_eq!(r.take(&http(200, &more)), Taken::GoOn);
        let second = r.ask().unwrap();
        assert!(
            second.path.ends_with("&starting_after=pi_1"),
            "{}",
            second.path
        );
        assert_eq!(
            r.take(&http(429, &json!({}))),
            Taken::Again { after_ms: 1_000 }
        );
        assert_eq!(r.ask().unwrap(), second, "the same again");
        assert_eq!(
            r.take(&page(&[pi("pi_2", "t2", "succeeded", 1_000)])),
            Taken::GoOn
        );
        // No refund, and no dispute.
        assert_eq!(r.take(&page(&[])), Taken::GoOn);
        assert_eq!(r.take(&page(&[])), Taken::GoOn);
        // Made outside the list: a clock is wrong, or it was sent days later.
        assert_eq!(r.ask().unwrap().path, "/v1/payment_intents/pi_3");
        assert_eq!(
            r.take(&http(200, &pi("pi_3", "t3", "succeeded", 1_000))),
            Taken::GoOn
        );
        assert_eq!(r.ask(), None);
        let found = r.compare();
        assert_eq!((found.charges, found.differences.len()), (3, 0));
    }

    #[test]
    fn an_answer_that_says_nothing_is_no_clean_book() {
        for (name, answer, expected) in [
            ("no route", Answer::Unreachable, Unread::Unreachable),
            ("lost", Answer::Lost, Unread::Unreachable),
            ("key", http(401, &json!({})), Unread::Unauthorised),
            (
                "not a list",
                http(200, &json!({"data": 1})),
                Unread::Unreadable,
            ),
            (
                "an endless page",
                http(200, &json!({"data": [], "has_more": true})),
                Unread::Unreadable,
            ),
            ("gone", http(404, &json!({})), Unread::Unreadable),
        ] {
            let mut r = Reconciliation::new(books(vec![], vec![]));
            assert_eq!(r.take(&answer), Taken::Stop(expected), "{name}");
        }
    }
}
