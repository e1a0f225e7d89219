//! What happens next to one charge or one refund.
//!
//! Invariants:
//! - [`Charge::next_step`], [`Charge::on`] and their twins of [`Refund`] are pure: the
//!   same state, event and time give the same answer;
//! - what may have reached Stripe is sent again only under the same key with the
//!   same bytes, or after Stripe was asked and said that it did not act;
//! - past [`KEY_LIFETIME_MS`] a key protects nothing: a `create` sent under it is
//!   looked for. A refund is looked for at any age, because no clock is trusted with
//!   a second payment;
//! - only `confirm` moves a customer's money, and it names neither sum nor card:
//!   both are the PaymentIntent's. A confirm that arrives late charges what was last
//!   agreed on, and after a decline, which takes the card away, nothing;
//! - a cancelled charge is believed when Stripe says `canceled`, not before, and one
//!   that waited too long is cancelled there before anybody is told so;
//! - what a reader did is known from the PaymentIntent alone, asked after the reader
//!   was: a reader's own word, a time-out among them, decides nothing. As long as the
//!   PaymentIntent can be charged a lost request may still light the reader up, so a
//!   decline on a reader frees no money; `canceled` does.

use serde::{Deserialize, Serialize};
use till_domain::charge::{ChargeState, RefundState};
use till_domain::ids::Timestamp;
use till_domain::journal::{CardSlip, ChargeFacts, ChargeKind};

use crate::presented::RefundAtReader;

/// Stripe may forget a key after 24 hours; an hour is left for slow clocks.
/// Source: Stripe API reference, "Idempotent requests".
pub const KEY_LIFETIME_MS: i64 = 23 * 3_600_000;

/// How long it counts that a refund was not found at Stripe. Far below the life of a key,
/// since this machine's clock may be wrong.
const LOOK_LASTS_MS: i64 = 10 * 60_000;

pub(crate) const BACKOFF_FIRST_MS: i64 = 500;
const BACKOFF_LAST_MS: i64 = 15 * 60_000;
/// Nothing is put off for longer, whatever it was asked to: what is due later than
/// this was put off by a clock that was wrong.
pub const DELAY_MAX_MS: i64 = 20 * 60_000;
/// How often a pay link, a slow payment or a pending refund is looked at: at first
/// often, because somebody may stand there, then seldom, because reads are rationed
/// (<https://docs.stripe.com/rate-limits>: about 500 for each charge in 30 days).
const fn poll_ms(polls: &mut u32) -> i64 {
    *polls = polls.saturating_add(1);
    if *polls <= 40 { 15_000 } else { 10 * 60_000 }
}

/// How often a reader is looked at while a customer stands there: every two seconds
/// for two minutes, then less often.
pub(crate) const fn reader_poll_ms(polls: &mut u32) -> i64 {
    *polls = polls.saturating_add(1);
    if *polls <= 60 { 2_000 } else { 6_000 }
}
/// While the reader says that it waits for a card, the PaymentIntent is asked every so
/// many looks all the same: a reader may say so too long.
pub(crate) const LOOKS_FOR_AN_INTENT: u32 = 4;
/// How often a reader is told without another word of a person, and how often it is
/// asked to take it off again.
pub(crate) const READER_TRIES: u32 = 3;
/// Stripe's word for a key that was used with another body.
/// Source: Stripe API reference, "Errors", `type`.
const MISMATCH: &str = "idempotency_error";
/// Why a payment is for a person again that the reader does not show any more.
pub const NOT_AT_READER: &str = "not_at_reader";

/// What is wanted of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Its money.
    Collect,
    /// That it never happens.
    Cancel,
}

/// A request of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeOp {
    /// Make the unconfirmed PaymentIntent.
    Create,
    /// Change its amount.
    Amend,
    /// Charge it.
    Confirm,
    /// Cancel it.
    Cancel,
    /// Look at it.
    Retrieve,
    /// Find it by our tender id: the answer to `create` is lost and its key is old.
    Find,
    /// Make the Checkout Session of a pay link.
    CreateSession,
    /// Look at it.
    RetrieveSession,
    /// Close it, so that nobody can pay it any more.
    ExpireSession,
    /// Tell the reader to take the card.
    Process,
    /// Look at the reader.
    LookAtReader,
    /// Take the payment off the reader, which shows it.
    ClearReader,
}

impl ChargeOp {
    /// The word in a key.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Amend => "amend",
            Self::Confirm => "confirm",
            Self::Cancel => "cancel",
            Self::Retrieve => "retrieve",
            Self::Find => "find",
            Self::CreateSession => "session",
            Self::RetrieveSession => "look_at_session",
            Self::ExpireSession => "expire_session",
            Self::Process => "process",
            Self::LookAtReader => "look_at_reader",
            Self::ClearReader => "clear_reader",
        }
    }

    /// It can move a customer's money: what became of it is asked, at any age.
    #[must_use]
    pub const fn charges(self) -> bool {
        matches!(self, Self::Confirm | Self::Process)
    }

    /// A read: no key, and nothing to be afraid of.
    #[must_use]
    pub const fn is_read(self) -> bool {
        match self {
            Self::Retrieve | Self::Find | Self::RetrieveSession | Self::LookAtReader => true,
            Self::Create
            | Self::Amend
            | Self::Confirm
            | Self::Cancel
            | Self::CreateSession
            | Self::ExpireSession
            | Self::Process
            | Self::ClearReader => false,
        }
    }
}

/// A request of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundOp {
    /// Make it.
    Create,
    /// List the PaymentIntent's refunds and find ours.
    Find,
    /// Look at it.
    Retrieve,
    /// Tell the reader to ask for the card and make it.
    OnReader,
    /// Look at the reader.
    LookAtReader,
    /// Take it off the reader, which shows it.
    ClearReader,
}

impl RefundOp {
    /// The word in a key.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Create => "refund",
            Self::Find => "find_refund",
            Self::Retrieve => "retrieve_refund",
            Self::OnReader => "refund_on_reader",
            Self::LookAtReader => "look_for_refund",
            Self::ClearReader => "clear_refund",
        }
    }

    /// It can move money: what became of it is asked, at any age.
    #[must_use]
    pub const fn pays(self) -> bool {
        matches!(self, Self::Create | Self::OnReader)
    }
}

/// A PaymentIntent as an answer tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Intent {
    /// `pi_…`.
    pub id: String,
    /// Its status, in Stripe's word.
    pub status: String,
    /// Its amount in minor units; a tip is in it.
    pub amount_minor: i64,
    /// What the customer added on a reader, in minor units.
    pub tip_minor: i64,
    /// The customer was charged by Interac.
    pub interac: bool,
    /// Of a card that was presented.
    pub slip: Option<Box<CardSlip>>,
    /// `ch_…`.
    pub charge: Option<String>,
    /// Brand of the card.
    pub brand: Option<String>,
    /// Its last four digits.
    pub last4: Option<String>,
    /// Why the last attempt failed.
    pub last_error: Option<Decline>,
}

/// Why a card was refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decline {
    /// Stripe's error code.
    pub code: Option<String>,
    /// The issuer's reason.
    pub decline_code: Option<String>,
    /// What Stripe advises.
    pub advice_code: Option<String>,
}

/// A Checkout Session as an answer tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Session {
    /// `cs_…`.
    pub id: String,
    /// Where the customer pays.
    pub url: Option<String>,
    /// `open`, `complete` or `expired`.
    pub status: String,
    /// It is paid.
    pub paid: bool,
    /// The PaymentIntent it made.
    pub intent: Option<String>,
}

/// A reader as an answer tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reader {
    /// What it does, or did last; none where it shows nothing.
    pub action: Option<ReaderAction>,
}

/// What a reader does, or did last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReaderAction {
    /// The PaymentIntent it is about.
    pub intent: Option<String>,
    /// The refund it made.
    pub refund: Option<String>,
    /// Our own id of that refund.
    pub refund_id: Option<String>,
    /// `in_progress`, `succeeded` or `failed`.
    pub status: String,
    /// Why it failed.
    pub failure: Decline,
}

/// What the reader showed when it was last looked at, before the PaymentIntent is
/// asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// Not looked at since.
    #[default]
    NotAsked,
    /// Our payment, waiting for a card.
    Ours,
    /// Our payment, and why it failed.
    Failed(Box<ShownFailure>),
    /// Nothing of ours that still goes on.
    Nothing,
}

/// Why a payment failed on a reader, in Stripe's words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownFailure {
    /// The reader's, or the issuer's.
    pub code: Option<String>,
    /// What Stripe advises.
    pub advice: Option<String>,
}

/// Which reader takes a card, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtReader {
    /// `tmr_…`.
    pub id: String,
    /// The customer is asked for a tip.
    pub asks_tip: bool,
    /// What it showed last.
    #[serde(default)]
    pub shown: Shown,
    /// Looks at it since the PaymentIntent was asked.
    #[serde(default)]
    pub looks: u32,
    /// It showed our payment since it was told last.
    #[serde(default)]
    pub seen: bool,
    /// Why it took nothing when it was told last.
    #[serde(default)]
    pub refused: Option<String>,
    /// How often it was told since a person decided.
    #[serde(default)]
    pub tries: u32,
    /// How often it was asked to take off what it was told last.
    #[serde(default)]
    pub clears: u32,
}

impl AtReader {
    /// A reader that has been told nothing.
    #[must_use]
    pub const fn new(id: String, asks_tip: bool) -> Self {
        Self {
            id,
            asks_tip,
            shown: Shown::NotAsked,
            looks: 0,
            seen: false,
            refused: None,
            tries: 0,
            clears: 0,
        }
    }
}

/// A refund as an answer tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StripeRefund {
    /// `re_…`.
    pub id: String,
    /// Its status, in Stripe's word.
    pub status: String,
    /// Why it failed.
    pub failure_reason: Option<String>,
}

impl StripeRefund {
    /// It gave nothing back and never will. Source: Stripe API, the Refund object.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "failed" | "canceled")
    }
}

/// What came back, or did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// No route, no name, connection refused: nothing was sent.
    Unreachable,
    /// Sent, and no answer that can be read.
    Ambiguous,
    /// The process ended while the request was out: no better than a lost answer.
    Restarted,
    /// The same bytes under the same key, later.
    Retry {
        /// Not before so many milliseconds.
        after_ms: Option<i64>,
        /// Turned away at the door: this one did nothing and will do nothing.
        untouched: bool,
    },
    /// An answer that says nothing of what was done: look it up.
    LookUp {
        /// It is kept under the key: nothing that bears this key acts any more.
        spent: bool,
    },
    /// Not possible in this state: Stripe's truth counts.
    UnexpectedState,
    /// A PaymentIntent.
    Intent(Intent),
    /// What a search by our tender id found.
    Found(Option<Intent>),
    /// A Checkout Session.
    Session(Session),
    /// A reader.
    Reader(Reader),
    /// The reader is busy or has no network: it was told nothing.
    ReaderRefused {
        /// Stripe's code.
        code: String,
    },
    /// A refund.
    Refund(StripeRefund),
    /// What a search by our refund id found.
    FoundRefund(Option<StripeRefund>),
    /// The card was refused.
    Declined(Decline),
    /// The customer must authenticate.
    NeedsCustomer,
    /// Stripe refuses the request itself, for good.
    Refused {
        /// Stripe's code.
        code: String,
    },
    /// Stripe refuses the key.
    Unauthorised,
}

/// One charge: what the outbox keeps of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Where it stands.
    pub state: ChargeState,
    /// How it is made.
    pub how: ChargeKind,
    /// What is wanted.
    pub goal: Goal,
    /// To be collected, in minor units.
    pub amount_minor: i64,
    /// Nothing is sent on its own after this: a person decides.
    pub expires_at: Timestamp,
    /// `pi_…`.
    pub intent: Option<String>,
    /// What the PaymentIntent is for, in minor units.
    pub intent_amount_minor: Option<i64>,
    /// The PaymentIntent has no card: a decline took it away.
    #[serde(default)]
    pub card_gone: bool,
    /// Paid by Interac: its refund wants the card at a reader.
    #[serde(default)]
    pub interac: bool,
    /// Told to charge: such a confirm may be on its way still, and charges whatever card
    /// is on the PaymentIntent then.
    #[serde(default)]
    pub told: bool,
    /// Too old: cancelled at Stripe before it is given to a person.
    #[serde(default)]
    pub giving_up: bool,
    /// To be paid by a link instead of the card: cancelled at Stripe first.
    #[serde(default)]
    pub link_next: bool,
    /// Of a smart reader: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reader: Option<AtReader>,
    /// What the customer added on it, in minor units.
    #[serde(default)]
    pub tip_minor: i64,
    /// `cs_…`.
    pub session: Option<String>,
    /// Where the customer pays.
    pub url: Option<String>,
    /// Sent, or to be sent again; cleared by a final answer.
    pub op: Option<ChargeOp>,
    /// The stored request may have reached Stripe.
    pub maybe_sent: bool,
    /// Numbers the keys; goes up after a final answer alone.
    pub attempt: u32,
    /// Failures in a row, for the delay.
    pub failures: u32,
    /// How often it was looked at while nothing had happened.
    #[serde(default)]
    pub polls: u32,
    /// How often the shop's schedule tried it again after a decline.
    #[serde(default)]
    pub retried: u32,
    /// A person has decided about it: no schedule does any more.
    #[serde(default)]
    pub by_hand: bool,
}

/// A request that goes again after something else was asked between.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstSent {
    /// Its idempotency key.
    pub key: String,
    /// Its form.
    pub body: String,
    /// The API version it was written for.
    pub api_version: String,
}

/// One refund: what the outbox keeps of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Where it stands.
    pub state: RefundState,
    /// `pi_…` of the charge; known once it is certain.
    pub intent: Option<String>,
    /// To be given back, in minor units.
    pub amount_minor: i64,
    /// `re_…`.
    pub refund: Option<String>,
    /// Sent, or to be sent again; cleared by a final answer.
    pub op: Option<RefundOp>,
    /// The stored request may have reached Stripe.
    pub maybe_sent: bool,
    /// Numbers the keys; goes up after a final answer alone.
    pub attempt: u32,
    /// Failures in a row, for the delay.
    pub failures: u32,
    /// How often it was looked at while nothing had happened.
    #[serde(default)]
    pub polls: u32,
    /// Stripe said that there is nothing to give back: found among its refunds, or a
    /// person must look; the charge may be disputed.
    #[serde(default)]
    pub refused: bool,
    /// Whatever was sent to make it has had an answer that says what it did: nothing is
    /// on its way to Stripe that could make it.
    #[serde(default)]
    pub answered: bool,
    /// When it was looked for last among what Stripe has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<Timestamp>,
    /// The request that makes it, as it was first sent under the key of this attempt:
    /// after a look it goes again, byte for byte, whichever version of the till sends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<FirstSent>,
    /// Of a card that must be presented for it: where, see [`crate::presented`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reader: Option<RefundAtReader>,
}

/// What to do with an entry that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next<Op> {
    /// Send the stored request again, byte for byte.
    Resend(Op),
    /// Write a new request and send it.
    Send(Op),
    /// It is decided without asking: nothing was ever sent.
    Decided,
    /// Nothing to do.
    Rest,
}

/// What an event changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Due again after so many milliseconds.
    pub after_ms: i64,
    /// Drop the stored request: it had its final answer.
    pub drop_request: bool,
    /// Nothing may be sent at all: the key is refused.
    pub pause: bool,
    /// Something the journal must know.
    pub journal: Option<ChargeFacts>,
}

/// The delay after so many failures in a row: doubling from half a second to a
/// quarter of an hour, with up to a quarter more drawn from `seed`, so that two
/// runs of one scenario agree and two tills do not knock together.
#[must_use]
pub fn backoff_ms(failures: u32, seed: u128) -> i64 {
    let doubled = BACKOFF_FIRST_MS
        .checked_shl(failures.saturating_sub(1).min(20))
        .unwrap_or(BACKOFF_LAST_MS)
        .clamp(BACKOFF_FIRST_MS, BACKOFF_LAST_MS);
    let mixed =
        (seed ^ u128::from(failures)).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    let jitter = i64::try_from(mixed >> 64 & 0xFFFF).unwrap_or(0) * (doubled / 4) / 0x1_0000;
    doubled + jitter
}

/// The delay that was asked for, or the usual one where that is longer.
fn put_off(after_ms: Option<i64>, failures: u32, seed: u128) -> i64 {
    after_ms
        .unwrap_or(0)
        .max(backoff_ms(failures, seed))
        .min(DELAY_MAX_MS)
}

impl Charge {
    /// A charge that nothing has been sent of.
    #[must_use]
    pub const fn new(how: ChargeKind, amount_minor: i64, expires_at: Timestamp) -> Self {
        Self {
            state: ChargeState::Queued,
            how,
            goal: Goal::Collect,
            amount_minor,
            expires_at,
            intent: None,
            intent_amount_minor: None,
            card_gone: false,
            interac: false,
            told: false,
            giving_up: false,
            link_next: false,
            reader: None,
            tip_minor: 0,
            session: None,
            url: None,
            op: None,
            maybe_sent: false,
            attempt: 1,
            failures: 0,
            polls: 0,
            retried: 0,
            by_hand: false,
        }
    }

    /// What Stripe said, as the journal keeps it.
    #[must_use]
    pub fn facts(&self) -> ChargeFacts {
        ChargeFacts {
            intent: self.intent.clone(),
            session: self.session.clone(),
            ..ChargeFacts::default()
        }
    }

    /// What to do now that it is due. `first_sent_at` is of the stored request.
    pub fn next_step(
        &mut self,
        first_sent_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Next<ChargeOp> {
        if !self.state.is_waiting() {
            return Next::Rest;
        }
        if let Some(op) = self.op {
            let old = first_sent_at.is_some_and(|t| {
                let age = now.ms_since(t);
                // A clock set back makes an age of nothing: as good as too old.
                !(0..KEY_LIFETIME_MS).contains(&age)
            });
            // Nobody stands there any more.
            if self.reader.is_some() && self.goal == Goal::Collect && self.is_old(now) {
                self.giving_up = true;
            }
            // A read has no key: it is written anew.
            if op.is_read() {
                return Next::Send(op);
            }
            let makes = matches!(op, ChargeOp::Create | ChargeOp::CreateSession);
            if !self.maybe_sent {
                // Never left this machine: what is wanted may have changed since.
                self.op = None;
            } else if op.charges() || op == ChargeOp::ClearReader || (makes && old) {
                // What charges is settled by asking, at any age; what makes something
                // when its key is too old to name it. A reader is looked at before it
                // is cleared: by now it may show another till's customer. To change or
                // cancel twice is to do it once, so that is sent until it is answered.
                return Next::Send(self.look_up());
            } else {
                return Next::Resend(op);
            }
        }
        if self.how == ChargeKind::PayLink {
            return self.next_of_link(now);
        }
        match (self.goal, &self.intent) {
            (Goal::Cancel, None) => {
                self.state = ChargeState::Canceled;
                Next::Decided
            }
            (Goal::Cancel, Some(_)) => Next::Send(self.cancel_step()),
            (Goal::Collect, None) if self.link_next => {
                self.become_link();
                self.next_of_link(now)
            }
            (Goal::Collect, Some(_)) if self.link_next => Next::Send(self.cancel_step()),
            (Goal::Collect, None) if self.is_old(now) => {
                self.state = ChargeState::Expired;
                Next::Decided
            }
            (Goal::Collect, None) => {
                self.state = ChargeState::Creating;
                Next::Send(ChargeOp::Create)
            }
            (Goal::Collect, Some(_)) if self.giving_up || self.is_old(now) => {
                self.giving_up = true;
                Next::Send(self.cancel_step())
            }
            (Goal::Collect, Some(_))
                if self.card_gone || self.intent_amount_minor != Some(self.amount_minor) =>
            {
                Next::Send(ChargeOp::Amend)
            }
            (Goal::Collect, Some(_)) if self.reader.is_some() => {
                self.state = ChargeState::AtReader;
                Next::Send(ChargeOp::Process)
            }
            (Goal::Collect, Some(_)) => {
                self.state = ChargeState::Confirming;
                Next::Send(ChargeOp::Confirm)
            }
        }
    }

    fn next_of_link(&mut self, now: Timestamp) -> Next<ChargeOp> {
        match (self.goal, &self.session) {
            (Goal::Cancel, None) => {
                self.state = ChargeState::Canceled;
                Next::Decided
            }
            (Goal::Cancel, Some(_)) => Next::Send(ChargeOp::ExpireSession),
            (Goal::Collect, None) if self.is_old(now) => {
                self.state = ChargeState::Expired;
                Next::Decided
            }
            (Goal::Collect, None) => {
                self.state = ChargeState::Creating;
                Next::Send(ChargeOp::CreateSession)
            }
            (Goal::Collect, Some(_)) => Next::Send(ChargeOp::RetrieveSession),
        }
    }

    /// How a PaymentIntent is cancelled: one that a reader was told of is taken off it
    /// first, where it still shows it. A reader that does not let go is left to find
    /// out: what is cancelled no card can pay.
    fn cancel_step(&self) -> ChargeOp {
        match &self.reader {
            Some(reader) if self.told => match reader.shown {
                Shown::NotAsked => ChargeOp::LookAtReader,
                Shown::Ours if reader.clears < READER_TRIES => ChargeOp::ClearReader,
                Shown::Ours | Shown::Failed(_) | Shown::Nothing => ChargeOp::Cancel,
            },
            Some(_) | None => ChargeOp::Cancel,
        }
    }

    /// From here on the customer pays it by a link. Nothing of the card is left.
    fn become_link(&mut self) {
        self.how = ChargeKind::PayLink;
        self.reader = None;
        self.link_next = false;
        self.intent = None;
        self.intent_amount_minor = None;
        self.card_gone = false;
        self.told = false;
        self.state = ChargeState::Queued;
    }

    const fn is_old(&self, now: Timestamp) -> bool {
        now.0 >= self.expires_at.0
    }

    /// The sum may be changed here: Stripe can charge none but the new one.
    #[must_use]
    pub fn can_be_lowered(&self) -> bool {
        let open_link = self.how == ChargeKind::PayLink
            && self.state.is_waiting()
            && (self.op.is_some() || self.session.is_some());
        (self.card_gone || !self.told) && !open_link
    }

    /// Nothing at Stripe can charge it any more, or ever could: what it was to pay may
    /// be paid another way.
    #[must_use]
    pub fn is_free(&self) -> bool {
        let never_asked = self.is_unknown_to_stripe();
        match self.state {
            ChargeState::Canceled => true,
            // A reader that a lost request reaches takes the next card.
            ChargeState::Declined => self.reader.is_none() || self.intent.is_none(),
            ChargeState::NeedsCustomer => self.card_gone,
            ChargeState::NeedsAttention | ChargeState::Expired | ChargeState::Queued => never_asked,
            ChargeState::Creating
            | ChargeState::Created
            | ChargeState::Confirming
            | ChargeState::AtReader
            | ChargeState::AwaitingCustomer
            | ChargeState::Unknown
            | ChargeState::Succeeded
            | ChargeState::WrittenOff => false,
        }
    }

    /// For whatever reason, and whatever comes after it.
    fn is_being_canceled(&self) -> bool {
        self.goal == Goal::Cancel || self.giving_up || self.link_next
    }

    /// Nothing of it was ever made there, as far as can be known without asking.
    #[must_use]
    pub fn is_unknown_to_stripe(&self) -> bool {
        let sought = self.op == Some(ChargeOp::Find);
        self.intent.is_none() && self.session.is_none() && !self.maybe_sent && !sought
    }

    /// How the truth about this charge is asked for.
    fn look_up(&self) -> ChargeOp {
        match (&self.intent, &self.session) {
            // The reader first: what the PaymentIntent says after it, is so.
            (Some(_), _) if self.reader.is_some() && self.told => ChargeOp::LookAtReader,
            (_, Some(_)) => ChargeOp::RetrieveSession,
            (Some(_), None) => ChargeOp::Retrieve,
            // A session whose answer is lost and whose key is old was never shown
            // to anyone: nobody can pay it, and a new one may be made.
            (None, None) if self.how == ChargeKind::PayLink => ChargeOp::CreateSession,
            (None, None) => ChargeOp::Find,
        }
    }

    /// Where it stands while nothing is under way.
    const fn rest(&mut self) {
        self.state = if self.intent.is_some() {
            ChargeState::Created
        } else {
            ChargeState::Queued
        };
    }

    /// Takes in what came back for `op`.
    pub fn on(&mut self, op: ChargeOp, event: Event, seed: u128) -> Change {
        let left = !matches!(event, Event::Unreachable | Event::Unauthorised);
        self.told |= op.charges() && left;
        if op == ChargeOp::Process
            && left
            && let Some(reader) = &mut self.reader
        {
            reader.shown = Shown::NotAsked;
            reader.seen = false;
            reader.refused = None;
            reader.tries = reader.tries.saturating_add(1);
            reader.clears = 0;
        }
        if op == ChargeOp::ClearReader
            && left
            && let Some(reader) = &mut self.reader
        {
            reader.clears = reader.clears.saturating_add(1);
        }
        let later = |charge: &mut Self, after_ms: Option<i64>| {
            charge.failures = charge.failures.saturating_add(1);
            Change {
                after_ms: put_off(after_ms, charge.failures, seed),
                ..Change::default()
            }
        };
        match event {
            Event::Unreachable => {
                if !self.maybe_sent && !op.is_read() {
                    self.rest();
                }
                later(self, None)
            }
            Event::Ambiguous | Event::Restarted => {
                if !op.is_read() {
                    self.maybe_sent = true;
                }
                if op.charges() {
                    self.state = ChargeState::Unknown;
                }
                let first = self.failures == 0;
                let mut change = later(self, None);
                if first {
                    change.after_ms = BACKOFF_FIRST_MS;
                }
                change
            }
            Event::Retry { after_ms, .. } => {
                // A confirm that Stripe put off is looked up like a lost one: it
                // may have been put off after it acted.
                if !op.is_read() {
                    self.maybe_sent = true;
                }
                later(self, after_ms)
            }
            // The reader is gone, or cannot be cleared any more: the PaymentIntent says
            // what is so all the same.
            Event::UnexpectedState | Event::Refused { .. } | Event::ReaderRefused { .. }
                if matches!(op, ChargeOp::LookAtReader | ChargeOp::ClearReader) =>
            {
                self.shows(Shown::Nothing)
            }
            Event::LookUp { .. } if op == ChargeOp::LookAtReader => later(self, None),
            Event::LookUp { .. } if op == ChargeOp::ClearReader => {
                self.final_answer();
                self.forget_shown();
                let mut change = later(self, None);
                change.drop_request = true;
                change
            }
            Event::LookUp { .. } | Event::UnexpectedState => {
                if op.charges() {
                    self.state = ChargeState::Unknown;
                }
                // It says itself why it is not to be cancelled.
                if op == ChargeOp::Cancel && self.intent.is_some() {
                    self.final_answer();
                    self.op = Some(ChargeOp::Retrieve);
                    let mut change = later(self, None);
                    change.drop_request = true;
                    return change;
                }
                let look_up = self.look_up();
                self.final_answer();
                // A `create` that answered nothing is looked for by our tender id.
                self.op = Some(look_up).filter(|op| op.is_read());
                let mut change = later(self, None);
                change.drop_request = true;
                change
            }
            Event::Intent(intent) => self.adopt(op, intent),
            Event::Found(Some(intent)) => self.adopt(op, intent),
            Event::Found(None) => {
                self.final_answer();
                self.rest();
                Change {
                    drop_request: true,
                    ..Change::default()
                }
            }
            Event::Session(session) => self.adopt_session(session),
            Event::Reader(reader) => self.on_reader(op, &reader),
            // It took nothing; but what keeps it busy may be an earlier request of ours
            // that was late.
            Event::ReaderRefused { code } => {
                self.final_answer();
                self.state = ChargeState::Unknown;
                if let Some(reader) = &mut self.reader {
                    reader.refused = Some(code);
                }
                self.op = Some(self.look_up());
                Change {
                    drop_request: true,
                    ..Change::default()
                }
            }
            Event::Declined(decline) => {
                self.final_answer();
                self.card_is_gone();
                self.to(
                    ChargeState::Declined,
                    ChargeFacts {
                        decline_code: decline.decline_code.or(decline.code),
                        advice_code: decline.advice_code,
                        ..self.facts()
                    },
                )
            }
            Event::NeedsCustomer => {
                self.final_answer();
                self.card_is_gone();
                self.to(
                    ChargeState::NeedsCustomer,
                    ChargeFacts {
                        decline_code: Some("authentication_required".into()),
                        ..self.facts()
                    },
                )
            }
            Event::Refused { code } => {
                self.final_answer();
                self.to(
                    ChargeState::NeedsAttention,
                    ChargeFacts {
                        decline_code: Some(code),
                        ..self.facts()
                    },
                )
            }
            Event::Unauthorised => {
                if !self.maybe_sent && !op.is_read() {
                    self.rest();
                }
                Change {
                    pause: true,
                    after_ms: BACKOFF_FIRST_MS,
                    ..Change::default()
                }
            }
            // An answer of another kind than was asked for.
            Event::Refund(_) | Event::FoundRefund(_) => {
                self.maybe_sent = self.maybe_sent || !op.is_read();
                later(self, None)
            }
        }
    }

    /// The stored request had its final answer: the next one has a new key.
    fn final_answer(&mut self) {
        self.op = None;
        self.maybe_sent = false;
        self.attempt = self.attempt.saturating_add(1);
    }

    /// A decline takes the card off the PaymentIntent: no confirm that is still on its
    /// way can charge it before a card is on it again. On a reader the next card can.
    const fn card_is_gone(&mut self) {
        if self.reader.is_none() {
            self.card_gone = true;
        }
    }

    fn forget_shown(&mut self) {
        if let Some(reader) = &mut self.reader {
            reader.shown = Shown::NotAsked;
            reader.looks = 0;
        }
    }

    /// What came back from the reader: told, looked at or cleared.
    fn on_reader(&mut self, op: ChargeOp, answer: &Reader) -> Change {
        let ours = answer
            .action
            .as_ref()
            .filter(|a| a.intent.is_some() && a.intent == self.intent);
        let shown = match ours.map(|a| (a.status.as_str(), a)) {
            _ if op == ChargeOp::ClearReader => Shown::Nothing,
            Some(("in_progress", _)) => Shown::Ours,
            Some(("failed", action)) => Shown::Failed(Box::new(ShownFailure {
                code: (action.failure.decline_code.clone()).or(action.failure.code.clone()),
                advice: action.failure.advice_code.clone(),
            })),
            Some(_) | None => Shown::Nothing,
        };
        self.shows(shown)
    }

    /// The reader shows this, and the PaymentIntent is asked next where that decides.
    fn shows(&mut self, shown: Shown) -> Change {
        self.final_answer();
        self.failures = 0;
        let canceling = self.is_being_canceled();
        let mut after_ms = 0;
        let mut next = (!canceling).then_some(ChargeOp::Retrieve);
        if let Some(reader) = &mut self.reader {
            if shown == Shown::Ours {
                reader.seen = true;
                reader.refused = None;
                reader.looks = reader.looks.saturating_add(1);
                self.state = ChargeState::AtReader;
                if !canceling && reader.looks % LOOKS_FOR_AN_INTENT != 0 {
                    after_ms = reader_poll_ms(&mut self.polls);
                    next = Some(ChargeOp::LookAtReader);
                }
            }
            reader.shown = shown;
        }
        self.op = next;
        Change {
            after_ms,
            drop_request: true,
            ..Change::default()
        }
    }

    /// The PaymentIntent has no card. Asked after the reader was, it is the truth about
    /// whatever the reader had done by then.
    fn nobody_paid(&mut self, is_new: bool, facts: ChargeFacts) -> Change {
        let told = self.told;
        let Some(reader) = &mut self.reader else {
            return Change::default();
        };
        let quietly = |after_ms| Change {
            after_ms,
            drop_request: true,
            ..Change::default()
        };
        if !told {
            self.state = ChargeState::Created;
            return Change {
                journal: is_new.then_some(facts),
                ..quietly(0)
            };
        }
        match std::mem::take(&mut reader.shown) {
            Shown::NotAsked => {
                self.op = Some(ChargeOp::LookAtReader);
                quietly(0)
            }
            Shown::Ours => {
                self.state = ChargeState::AtReader;
                self.op = Some(ChargeOp::LookAtReader);
                quietly(reader_poll_ms(&mut self.polls))
            }
            Shown::Failed(why) => self.to(
                ChargeState::Declined,
                ChargeFacts {
                    decline_code: why.code.or_else(|| Some("no_payment_method".into())),
                    advice_code: why.advice,
                    ..facts
                },
            ),
            // A request that got lost is told again, for the customer stands there; one
            // that was taken off the reader is not.
            Shown::Nothing
                if reader.refused.is_none() && !reader.seen && reader.tries < READER_TRIES =>
            {
                self.state = ChargeState::Created;
                quietly(BACKOFF_FIRST_MS)
            }
            Shown::Nothing => {
                let why = reader.refused.take();
                self.to(
                    ChargeState::NeedsAttention,
                    ChargeFacts {
                        decline_code: why.or_else(|| Some(NOT_AT_READER.into())),
                        ..facts
                    },
                )
            }
        }
    }

    fn to(&mut self, state: ChargeState, facts: ChargeFacts) -> Change {
        self.state = state;
        self.failures = 0;
        Change {
            drop_request: true,
            journal: Some(facts),
            ..Change::default()
        }
    }

    fn adopt(&mut self, op: ChargeOp, intent: Intent) -> Change {
        self.final_answer();
        let is_new = self.intent.is_none();
        self.intent = Some(intent.id);
        self.intent_amount_minor = Some(intent.amount_minor.saturating_sub(intent.tip_minor));
        self.tip_minor = intent.tip_minor;
        self.interac = intent.interac;
        self.failures = 0;
        let facts = ChargeFacts {
            charge: intent.charge,
            brand: intent.brand,
            last4: intent.last4,
            interac: intent.interac,
            slip: intent.slip,
            ..self.facts()
        };
        match intent.status.as_str() {
            "succeeded" => self.to(ChargeState::Succeeded, facts),
            "canceled" => self.is_canceled(facts),
            "requires_confirmation" if self.reader.is_none() => {
                self.state = ChargeState::Created;
                self.card_gone = false;
                Change {
                    drop_request: true,
                    // The id is recorded before anything is charged under it.
                    journal: is_new.then_some(facts),
                    ..Change::default()
                }
            }
            "requires_payment_method" if self.is_being_canceled() => {
                self.state = ChargeState::Created;
                self.card_is_gone();
                // Looked at anew: by now the reader may show another till's customer.
                self.forget_shown();
                Change {
                    drop_request: true,
                    ..Change::default()
                }
            }
            "requires_payment_method" if self.reader.is_some() => self.nobody_paid(is_new, facts),
            "requires_payment_method" => {
                self.card_is_gone();
                let decline = intent.last_error.unwrap_or_default();
                if decline.code.as_deref() == Some("authentication_required") {
                    return self.to(
                        ChargeState::NeedsCustomer,
                        ChargeFacts {
                            decline_code: Some("authentication_required".into()),
                            ..facts
                        },
                    );
                }
                self.to(
                    ChargeState::Declined,
                    ChargeFacts {
                        decline_code: decline
                            .decline_code
                            .or(decline.code)
                            .or_else(|| Some("no_payment_method".into())),
                        advice_code: decline.advice_code,
                        ..facts
                    },
                )
            }
            "requires_action" if self.is_being_canceled() => {
                self.state = ChargeState::Created;
                Change {
                    drop_request: true,
                    ..Change::default()
                }
            }
            "requires_action" => self.to(ChargeState::NeedsCustomer, facts),
            // `processing`, `requires_capture` and words that are not known yet:
            // looked at again, and never an error that stops the queue.
            _ => {
                self.state = if op == ChargeOp::Create {
                    ChargeState::Created
                } else {
                    ChargeState::Unknown
                };
                self.op = Some(ChargeOp::Retrieve);
                let after_ms = if self.reader.is_some() {
                    reader_poll_ms(&mut self.polls)
                } else {
                    poll_ms(&mut self.polls)
                };
                Change {
                    after_ms,
                    drop_request: true,
                    ..Change::default()
                }
            }
        }
    }

    /// Cancelled at Stripe: as we asked, because it waited too long, or by somebody
    /// else. It can never be charged; a new try is a new PaymentIntent.
    fn is_canceled(&mut self, facts: ChargeFacts) -> Change {
        self.intent = None;
        self.intent_amount_minor = None;
        self.card_gone = false;
        self.told = false;
        self.tip_minor = 0;
        self.forget_shown();
        let giving_up = std::mem::take(&mut self.giving_up);
        let link_next = std::mem::take(&mut self.link_next);
        match (self.goal, giving_up) {
            (Goal::Cancel, _) => self.to(ChargeState::Canceled, facts),
            (Goal::Collect, _) if link_next => {
                self.become_link();
                self.to(ChargeState::Queued, facts)
            }
            (Goal::Collect, true) => self.to(ChargeState::Expired, facts),
            // The goods may be gone.
            (Goal::Collect, false) => self.to(
                ChargeState::NeedsAttention,
                ChargeFacts {
                    decline_code: Some("canceled_at_stripe".into()),
                    ..facts
                },
            ),
        }
    }

    fn adopt_session(&mut self, session: Session) -> Change {
        self.final_answer();
        let is_new = self.session.is_none();
        self.session = Some(session.id);
        self.url = session.url.or(self.url.take());
        self.intent = session.intent.or(self.intent.take());
        self.failures = 0;
        let facts = self.facts();
        match (session.paid, session.status.as_str(), self.goal) {
            (true, _, _) => self.to(ChargeState::Succeeded, facts),
            // It can never be paid; a new try is a new link.
            (false, "expired", goal) => {
                self.session = None;
                self.url = None;
                self.intent = None;
                match goal {
                    Goal::Cancel => self.to(ChargeState::Canceled, facts),
                    Goal::Collect => self.to(ChargeState::Expired, facts),
                }
            }
            (false, status, Goal::Cancel) => {
                self.state = ChargeState::AwaitingCustomer;
                // The customer is through and the bank is not: it can be closed no more,
                // and ends by itself.
                let after_ms = if status == "complete" {
                    poll_ms(&mut self.polls)
                } else {
                    0
                };
                Change {
                    after_ms,
                    drop_request: true,
                    ..Change::default()
                }
            }
            (false, _, Goal::Collect) => {
                self.state = ChargeState::AwaitingCustomer;
                Change {
                    after_ms: poll_ms(&mut self.polls),
                    drop_request: true,
                    journal: is_new.then_some(facts),
                    ..Change::default()
                }
            }
        }
    }
}

impl Refund {
    /// A refund that nothing has been sent of.
    #[must_use]
    pub const fn new(amount_minor: i64, intent: Option<String>) -> Self {
        Self {
            state: RefundState::Queued,
            intent,
            amount_minor,
            refund: None,
            op: None,
            maybe_sent: false,
            attempt: 1,
            failures: 0,
            polls: 0,
            refused: false,
            answered: true,
            looked_at: None,
            first: None,
            reader: None,
        }
    }

    /// Stripe has nothing of it and can come to have nothing of it by anything that was
    /// sent: what is owed may be given another way. `failed` is final at Stripe. One that
    /// Stripe calls given back already is not free, nor one of which a request got lost.
    ///
    /// Source: Stripe API, the Refund object, `status`.
    #[must_use]
    pub fn is_free(&self) -> bool {
        match self.state {
            RefundState::Failed => true,
            RefundState::NeedsAttention => self.refund.is_none() && !self.refused && self.answered,
            RefundState::Queued
            | RefundState::Sending
            | RefundState::AtReader
            | RefundState::Unknown
            | RefundState::Pending
            | RefundState::Succeeded
            | RefundState::Canceled => false,
        }
    }

    /// What to do now that it is due; the charge is known to be made.
    ///
    /// A refund has no unconfirmed state, so one whose answer was lost is looked for
    /// first, however young its key is by this machine's clock; where Stripe has none,
    /// it is sent again under the same key, at once. What could not be sent at once is
    /// looked for again: the lost one may have arrived since, and its key be forgotten.
    pub fn next_step(&mut self, now: Timestamp) -> Next<RefundOp> {
        if !self.state.is_waiting() {
            return Next::Rest;
        }
        if self.reader.is_some() {
            return self.next_at_reader(now);
        }
        if let Some(op) = self.op {
            if op == RefundOp::Find || (op == RefundOp::Create && self.maybe_sent) {
                return self.look_for(now);
            }
            if op != RefundOp::Create {
                return Next::Send(op);
            }
            self.op = None;
        }
        if self.refund.is_some() {
            Next::Send(RefundOp::Retrieve)
        } else if self.answered || self.was_looked_for(now) {
            self.state = RefundState::Sending;
            Next::Send(RefundOp::Create)
        } else {
            self.look_for(now)
        }
    }

    const fn look_for(&mut self, now: Timestamp) -> Next<RefundOp> {
        self.looked_at = Some(now);
        Next::Send(RefundOp::Find)
    }

    /// Lately enough: whatever arrived after it bears a key that Stripe knows still.
    fn was_looked_for(&self, now: Timestamp) -> bool {
        self.looked_at
            .is_some_and(|at| (0..LOOK_LASTS_MS).contains(&now.ms_since(at)))
    }

    /// Takes in what came back for `op`. The journal is told where `moved` is set;
    /// its facts carry no card.
    pub fn on(&mut self, op: RefundOp, event: Event, seed: u128) -> Change {
        let later = |refund: &mut Self, after_ms: Option<i64>| refund.later(after_ms, seed);
        self.answered = self.answered && !(op.pays() && leaves_doubt(op, &event));
        // The customer's bank has taken it back, or is about to; or the key has done
        // something at Stripe that is not what this request asks for.
        let is_no_end = |code: &str| matches!(code, "charge_disputed" | MISMATCH);
        self.refused |= matches!(&event, Event::Refused { code } if is_no_end(code));
        if self.is_about_a_reader(op, &event) {
            return self.on_at_reader(op, event, seed);
        }
        match event {
            Event::Unreachable => {
                if op == RefundOp::Create && !self.maybe_sent {
                    self.state = RefundState::Queued;
                }
                later(self, None)
            }
            Event::Ambiguous | Event::Restarted | Event::Retry { .. } => {
                if op == RefundOp::Create {
                    self.maybe_sent = true;
                    if !matches!(event, Event::Retry { .. }) {
                        self.state = RefundState::Unknown;
                    }
                }
                let after = if let Event::Retry { after_ms, .. } = event {
                    after_ms
                } else {
                    None
                };
                later(self, after)
            }
            // A question that was not answered says nothing about what is asked for.
            Event::LookUp { .. } | Event::UnexpectedState if !op.pays() => later(self, None),
            Event::LookUp { .. } | Event::UnexpectedState => {
                self.state = RefundState::Unknown;
                self.refused |= event == Event::UnexpectedState;
                // Only a spent key is done with: an earlier request may still be late
                // under any other.
                if event == (Event::LookUp { spent: true }) {
                    self.final_answer();
                }
                self.maybe_sent = false;
                self.op = Some(RefundOp::Find);
                let mut change = later(self, None);
                change.drop_request = true;
                change
            }
            Event::Refund(refund) | Event::FoundRefund(Some(refund)) => {
                self.final_answer();
                self.failures = 0;
                let moved_from = self.state;
                self.refund = Some(refund.id);
                let facts = || ChargeFacts {
                    decline_code: refund.failure_reason.clone(),
                    ..ChargeFacts::default()
                };
                self.state = match refund.status.as_str() {
                    "succeeded" => RefundState::Succeeded,
                    "failed" | "canceled" => RefundState::Failed,
                    "requires_action" => RefundState::NeedsAttention,
                    _ => RefundState::Pending,
                };
                Change {
                    after_ms: poll_ms(&mut self.polls),
                    drop_request: true,
                    journal: (self.state != moved_from).then(facts),
                    ..Change::default()
                }
            }
            // Given back by somebody else: none of it is left.
            Event::FoundRefund(None) if self.refused => {
                self.final_answer();
                self.state = RefundState::NeedsAttention;
                Change {
                    drop_request: true,
                    journal: Some(ChargeFacts {
                        decline_code: Some("refunded_at_stripe".into()),
                        ..ChargeFacts::default()
                    }),
                    ..Change::default()
                }
            }
            // The same key again: whatever is still on its way bears it too.
            Event::FoundRefund(None) => {
                self.op = None;
                self.maybe_sent = false;
                self.state = RefundState::Queued;
                Change {
                    drop_request: true,
                    ..Change::default()
                }
            }
            Event::Refused { code } => {
                self.is_refused_for_now();
                self.state = RefundState::NeedsAttention;
                Change {
                    drop_request: true,
                    journal: Some(ChargeFacts {
                        decline_code: Some(code),
                        ..ChargeFacts::default()
                    }),
                    ..Change::default()
                }
            }
            Event::Declined(decline) => {
                self.is_refused_for_now();
                self.state = RefundState::NeedsAttention;
                Change {
                    drop_request: true,
                    journal: Some(ChargeFacts {
                        decline_code: decline.decline_code.or(decline.code),
                        ..ChargeFacts::default()
                    }),
                    ..Change::default()
                }
            }
            Event::Unauthorised => Change {
                pause: true,
                after_ms: BACKOFF_FIRST_MS,
                ..Change::default()
            },
            // An answer of another kind than was asked for.
            Event::Intent(_)
            | Event::Found(_)
            | Event::Session(_)
            | Event::Reader(_)
            | Event::ReaderRefused { .. }
            | Event::NeedsCustomer => {
                self.maybe_sent = self.maybe_sent || op == RefundOp::Create;
                later(self, None)
            }
        }
    }

    pub(crate) fn later(&mut self, after_ms: Option<i64>, seed: u128) -> Change {
        self.failures = self.failures.saturating_add(1);
        Change {
            after_ms: put_off(after_ms, self.failures, seed),
            ..Change::default()
        }
    }

    pub(crate) fn final_answer(&mut self) {
        self.op = None;
        self.maybe_sent = false;
        self.attempt = self.attempt.saturating_add(1);
    }

    /// An end for this request. While another one may be late under the key, whatever
    /// comes next has this key too.
    fn is_refused_for_now(&mut self) {
        if self.answered {
            self.final_answer();
        } else {
            self.op = None;
            self.maybe_sent = false;
        }
    }
}

/// After this the request `op`, which pays, may still be on its way or have acted.
const fn leaves_doubt(op: RefundOp, event: &Event) -> bool {
    match event {
        // It never left, or was turned away or refused for certain.
        Event::Unreachable
        | Event::Unauthorised
        | Event::UnexpectedState
        | Event::Retry {
            untouched: true, ..
        }
        | Event::ReaderRefused { .. }
        | Event::Refused { .. }
        | Event::Declined(_)
        | Event::Refund(_) => false,
        Event::Reader(_) => !matches!(op, RefundOp::OnReader),
        Event::Ambiguous
        | Event::Restarted
        | Event::Retry {
            untouched: false, ..
        }
        | Event::LookUp { .. }
        | Event::Intent(_)
        | Event::Found(_)
        | Event::Session(_)
        | Event::FoundRefund(_)
        | Event::NeedsCustomer => true,
    }
}

#[cfg(test)]
mod tests;
