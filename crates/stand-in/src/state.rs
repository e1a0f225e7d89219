//! What this small Stripe remembers, and what it does when time passes.
//!
//! Invariants:
//! - the clock here is the only clock;
//! - work that falls due is done at the time it fell due, in order, however far
//!   the clock is moved at once.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cards::Decline;
use crate::customers::{Customer, PaymentMethod};
use crate::disputes::Dispute;
use crate::events::Event;
use crate::faults::{EventFaults, Random};
use crate::intents::{Charge, Intent};
use crate::locations::Location;
use crate::readers::Reader;
use crate::refunds::{Refund, RefundCourse};
use crate::sessions::Session;
use crate::setups::{Attempt, Setup};
use crate::wire::Refusal;

/// Objects by id, in the order they were made.
#[derive(Debug)]
pub(crate) struct Shelf<T> {
    items: BTreeMap<String, (u64, T)>,
    next: u64,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self {
            items: BTreeMap::new(),
            next: 0,
        }
    }
}

impl<T> Shelf<T> {
    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.items.get(id).map(|(_, item)| item)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.items.get_mut(id).map(|(_, item)| item)
    }

    /// Puts an object in its place, or behind all others if it is new.
    pub(crate) fn put(&mut self, id: &str, item: T) {
        if let Some(place) = self.get_mut(id) {
            *place = item;
            return;
        }
        self.items.insert(id.to_owned(), (self.next, item));
        self.next = self.next.saturating_add(1);
    }

    /// Oldest first.
    pub(crate) fn oldest_first(&self) -> Vec<&T> {
        let mut all: Vec<&(u64, T)> = self.items.values().collect();
        all.sort_by_key(|(order, _)| *order);
        all.into_iter().map(|(_, item)| item).collect()
    }

    /// Newest first, as Stripe lists.
    pub(crate) fn newest_first(&self) -> Vec<&T> {
        let mut all = self.oldest_first();
        all.reverse();
        all
    }
}

/// Something that happens by itself when its time comes.
#[derive(Debug, Clone)]
pub(crate) enum Job {
    RefundSucceeds(String),
    RefundFails(String),
    BalanceArrives(String),
    IntentFinishes(String, Option<Decline>),
    AuthorizationExpires(String),
    DisputeCloses(String),
    SessionExpires(String),
    ReaderTaps(String, u64),
    ReaderIsAnswered(String, u64),
    ReaderCustomerCancels(String, u64),
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) now: i64,
    pub(crate) livemode: bool,
    pub(crate) account: String,
    pub(crate) checkout_base: String,
    pub(crate) balance_delay_s: i64,
    pub(crate) event_faults: EventFaults,
    /// The request being answered, for the events it causes.
    pub(crate) request: Option<(String, Option<String>)>,
    /// How the next refunds go, before what their cards say.
    pub(crate) refund_courses: std::collections::VecDeque<RefundCourse>,
    pub(crate) intents: Shelf<Intent>,
    pub(crate) charges: Shelf<Charge>,
    pub(crate) refunds: Shelf<Refund>,
    pub(crate) customers: Shelf<Customer>,
    pub(crate) methods: Shelf<PaymentMethod>,
    pub(crate) sessions: Shelf<Session>,
    pub(crate) setups: Shelf<Setup>,
    pub(crate) attempts: Shelf<Attempt>,
    pub(crate) disputes: Shelf<Dispute>,
    pub(crate) locations: Shelf<Location>,
    pub(crate) readers: Shelf<Reader>,
    pub(crate) events: Vec<Event>,
    pub(crate) random: Random,
    ids: Random,
    jobs: BTreeMap<(i64, u64), Job>,
    job_next: u64,
}

impl State {
    pub(crate) fn new(seed: u64, now: i64) -> Self {
        let mut state = Self {
            now,
            livemode: false,
            account: String::new(),
            checkout_base: crate::CHECKOUT.to_owned(),
            balance_delay_s: 2,
            event_faults: EventFaults::default(),
            request: None,
            refund_courses: std::collections::VecDeque::new(),
            intents: Shelf::default(),
            charges: Shelf::default(),
            refunds: Shelf::default(),
            customers: Shelf::default(),
            methods: Shelf::default(),
            sessions: Shelf::default(),
            setups: Shelf::default(),
            attempts: Shelf::default(),
            disputes: Shelf::default(),
            locations: Shelf::default(),
            readers: Shelf::default(),
            events: Vec::new(),
            random: Random::from_seed(seed ^ 0x6576_656e_7473),
            ids: Random::from_seed(seed ^ 0x0069_6473),
            jobs: BTreeMap::new(),
            job_next: 0,
        };
        state.account = state.id("acct_1", 15);
        state
    }

    /// A prefix and so many letters and digits.
    pub(crate) fn id(&mut self, prefix: &str, length: usize) -> String {
        const LETTERS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut id = prefix.to_owned();
        for _ in 0..length {
            let at = usize::try_from(self.ids.below(62)).unwrap_or(0);
            id.push(char::from(LETTERS.get(at).copied().unwrap_or(b'0')));
        }
        id
    }

    pub(crate) fn later(&mut self, seconds: i64, job: Job) {
        let at = self.now.saturating_add(seconds.max(0));
        self.jobs.insert((at, self.job_next), job);
        self.job_next = self.job_next.saturating_add(1);
    }

    /// Moves the clock, doing on the way what falls due.
    ///
    /// A clock that is moved back undoes nothing.
    pub(crate) fn move_to(&mut self, to: i64) {
        while let Some(((at, _), job)) = self.next_due(to) {
            self.now = self.now.max(at);
            self.work(job);
        }
        self.now = to;
    }

    fn next_due(&mut self, to: i64) -> Option<((i64, u64), Job)> {
        let (key, _) = self
            .jobs
            .first_key_value()
            .filter(|((at, _), _)| *at <= to)?;
        let key = *key;
        self.jobs.remove(&key).map(|job| (key, job))
    }

    fn work(&mut self, job: Job) {
        // What happens by itself was asked for by no request.
        let request = self.request.take();
        match job {
            Job::RefundSucceeds(id) => self.refund_succeeds(&id),
            Job::RefundFails(id) => self.refund_fails(&id),
            Job::BalanceArrives(id) => self.balance_arrives(&id),
            Job::IntentFinishes(id, decline) => self.intent_finishes(&id, decline),
            Job::AuthorizationExpires(id) => self.authorization_expires(&id),
            Job::DisputeCloses(id) => self.dispute_closes(&id),
            Job::SessionExpires(id) => self.session_expires(&id),
            Job::ReaderTaps(id, turn) => self.reader_taps(&id, turn),
            Job::ReaderIsAnswered(id, turn) => self.reader_is_answered(&id, turn),
            Job::ReaderCustomerCancels(id, turn) => self.reader_customer_cancels(&id, turn),
        }
        self.request = request;
    }

    pub(crate) fn account_value(&self) -> Value {
        json!({
            "id": self.account,
            "object": "account",
            "business_type": "company",
            "capabilities": { "card_payments": "active", "transfers": "active" },
            "charges_enabled": true,
            "country": "US",
            "created": 1_700_000_000,
            "default_currency": "usd",
            "details_submitted": true,
            "email": null,
            "metadata": {},
            "payouts_enabled": true,
            "settings": { "dashboard": { "display_name": "Sample shop", "timezone": "Etc/UTC" } },
            "type": "standard",
        })
    }

    /// The object of an id, whatever it is.
    fn find(&self, id: &str) -> Option<Value> {
        match id.split('_').next()? {
            "pi" => self.intents.get(id).map(|x| self.intent_value(x)),
            "ch" => self.charges.get(id).map(|x| self.charge_value(x)),
            "re" => self.refunds.get(id).map(|x| self.refund_value(x)),
            "cus" => self.customers.get(id).map(|x| self.customer_value(x)),
            "pm" => self.methods.get(id).map(|x| self.method_value(x)),
            "tml" => self.locations.get(id).map(|x| self.location_value(x)),
            "seti" => self.setups.get(id).map(|x| self.setup_value(x)),
            "setatt" => self.attempts.get(id).map(|x| self.attempt_value(x)),
            "dp" => self.disputes.get(id).map(|x| self.dispute_value(x)),
            "txn" => self.balance_transaction_value(id),
            _ => None,
        }
    }

    /// Puts objects in the place of their ids.
    /// Source: "Expanding responses" in Stripe's API reference.
    pub(crate) fn expand(&self, body: &mut Value, paths: &[String]) -> Result<(), Box<Refusal>> {
        for path in paths {
            let parts: Vec<&str> = path.split('.').collect();
            if parts.len() > 4 || !self.expand_at(body, &parts) {
                return Err(Refusal::invalid(format!(
                    "This property cannot be expanded ({path})."
                ))
                .param("expand"));
            }
        }
        Ok(())
    }

    fn expand_at(&self, at: &mut Value, path: &[&str]) -> bool {
        let [name, rest @ ..] = path else { return true };
        let Some(field) = at.get_mut(*name) else {
            return false;
        };
        if let Value::String(id) = field {
            match self.find(id) {
                Some(object) => *field = object,
                None => return false,
            }
        }
        match field {
            Value::Array(items) => items.iter_mut().all(|item| self.expand_at(item, rest)),
            Value::Null => true,
            Value::Object(_) => self.expand_at(field, rest),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
    }
}
