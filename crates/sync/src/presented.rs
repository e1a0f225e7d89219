//! A refund that the card must be presented for: Interac's.
//!
//! Invariants:
//! - it is never sent to `/v1/refunds`, which refuses it, but to a reader, and only
//!   while it is less than a few minutes ago that a person asked for it;
//! - what became of it is known from the PaymentIntent's refunds, asked after the
//!   reader was: a lost answer, a time-out and the reader's own word decide nothing;
//! - nothing is sent again before both were asked. A request whose answer was lost is
//!   sent again under its own key, one that was answered under a new one;
//! - what is taken off a reader is looked at first: it may show another customer.
//!
//! Source: Stripe docs, "Refund an Interac payment".

use serde::{Deserialize, Serialize};
use till_domain::charge::RefundState;
use till_domain::ids::Timestamp;
use till_domain::journal::ChargeFacts;

use crate::machine::{
    BACKOFF_FIRST_MS, Change, Event, LOOKS_FOR_AN_INTENT, NOT_AT_READER, Next, READER_TRIES,
    Reader, Refund, RefundOp, reader_poll_ms,
};

/// Why a refund waits for a person: nobody has presented the card.
pub const PRESENT_CARD: &str = "present_card";

/// What the reader showed of a refund when it was last looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundShown {
    /// Not looked at since it was told.
    #[default]
    NotAsked,
    /// Ours, waiting for the card.
    Ours,
    /// Ours, made, as the reader says.
    Made,
    /// Ours, and why it failed.
    Failed(String),
    /// Nothing of ours.
    Nothing,
}

/// Where the card is to be presented.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundAtReader {
    /// `tmr_…`; none before a person has asked for it.
    pub id: Option<String>,
    /// Until when the customer is taken to stand there.
    pub expires_at: Timestamp,
    /// To be taken off the reader.
    #[serde(default)]
    pub canceling: bool,
    /// A request may have reached a reader, and it is not known that it did nothing.
    #[serde(default)]
    pub told: bool,
    /// What it showed last.
    #[serde(default)]
    pub shown: RefundShown,
    /// Looks at it since the refunds were asked.
    #[serde(default)]
    pub looks: u32,
    /// It showed ours since it was told last.
    #[serde(default)]
    pub seen: bool,
    /// Why it took nothing when it was told last.
    #[serde(default)]
    pub busy: Option<String>,
    /// How often it was told since a person asked for it.
    #[serde(default)]
    pub tries: u32,
    /// Why it is for a person: [`PRESENT_CARD`], [`NOT_AT_READER`] or Stripe's code.
    #[serde(default)]
    pub why: Option<String>,
}

impl RefundAtReader {
    const fn new(id: Option<String>, expires_at: Timestamp) -> Self {
        Self {
            id,
            expires_at,
            canceling: false,
            told: false,
            shown: RefundShown::NotAsked,
            looks: 0,
            seen: false,
            busy: None,
            tries: 0,
            why: None,
        }
    }
}

impl Refund {
    /// A refund whose card waits at the reader `reader` until `expires_at`.
    #[must_use]
    pub fn at_reader(
        amount_minor: i64,
        intent: Option<String>,
        reader: String,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            reader: Some(RefundAtReader::new(Some(reader), expires_at)),
            ..Self::new(amount_minor, intent)
        }
    }

    /// A refund whose card nobody can present now: a case for a person.
    #[must_use]
    pub fn to_present(amount_minor: i64, intent: Option<String>) -> Self {
        let mut reader = RefundAtReader::new(None, Timestamp(0));
        reader.why = Some(PRESENT_CARD.to_owned());
        Self {
            state: RefundState::NeedsAttention,
            reader: Some(reader),
            ..Self::new(amount_minor, intent)
        }
    }

    /// A person asks for it at `reader`, where the customer stands now. Stripe is asked
    /// first whether it was made after all.
    pub fn present_at(&mut self, reader: String, expires_at: Timestamp) {
        let before = self.reader.as_ref().and_then(|r| r.id.as_ref());
        // The path is another one, and a key is of one path.
        if before.is_some_and(|id| *id != reader) {
            self.attempt = self.attempt.saturating_add(1);
        }
        self.reader = Some(RefundAtReader {
            told: self.reader.as_ref().is_some_and(|r| r.told),
            shown: RefundShown::Nothing,
            ..RefundAtReader::new(Some(reader), expires_at)
        });
        self.state = RefundState::Queued;
        self.op = Some(RefundOp::Find);
        self.maybe_sent = false;
        self.refused = false;
        self.failures = 0;
        self.polls = 0;
    }

    /// Somebody wants it off the reader.
    pub fn take_off(&mut self) {
        if let Some(reader) = &mut self.reader {
            reader.canceling = true;
        }
    }

    /// What to do now that it is due.
    pub(crate) fn next_at_reader(&mut self, now: Timestamp) -> Next<RefundOp> {
        let Some(reader) = &mut self.reader else {
            return Next::Rest;
        };
        if now >= reader.expires_at {
            reader.canceling = true;
        }
        let (told, canceling) = (reader.told, reader.canceling);
        match self.op {
            Some(RefundOp::OnReader) if self.maybe_sent => {
                return Next::Send(RefundOp::LookAtReader);
            }
            Some(RefundOp::ClearReader) => return Next::Send(RefundOp::LookAtReader),
            Some(op @ (RefundOp::Find | RefundOp::Retrieve | RefundOp::LookAtReader)) => {
                return Next::Send(op);
            }
            // Never left this machine.
            Some(RefundOp::OnReader | RefundOp::Create) | None => self.op = None,
        }
        if canceling && told && reader.shown == RefundShown::Ours {
            return Next::Send(RefundOp::ClearReader);
        }
        if self.refund.is_some() {
            return Next::Send(RefundOp::Retrieve);
        }
        if canceling && told {
            return Next::Send(match reader.shown {
                RefundShown::NotAsked => RefundOp::LookAtReader,
                RefundShown::Ours
                | RefundShown::Made
                | RefundShown::Failed(_)
                | RefundShown::Nothing => RefundOp::Find,
            });
        }
        if canceling || reader.id.is_none() {
            reader.why = Some(PRESENT_CARD.to_owned());
            self.state = RefundState::NeedsAttention;
            return Next::Decided;
        }
        self.state = RefundState::Sending;
        Next::Send(RefundOp::OnReader)
    }

    /// A reader has a say in what this event means.
    pub(crate) fn is_about_a_reader(&self, op: RefundOp, event: &Event) -> bool {
        let not_found = *event == Event::FoundRefund(None) && !self.refused;
        let shows_it = self
            .reader
            .as_ref()
            .is_some_and(|r| r.shown == RefundShown::Ours);
        let found = matches!(event, Event::FoundRefund(Some(_))) && shows_it;
        let refused = *event == Event::UnexpectedState;
        let key_refused = *event == Event::Unauthorised;
        self.reader.is_some()
            && match op {
                RefundOp::Find => not_found || found,
                RefundOp::Create | RefundOp::Retrieve => false,
                RefundOp::OnReader => !refused && !key_refused,
                RefundOp::LookAtReader | RefundOp::ClearReader => !key_refused,
            }
    }

    /// Takes in what came back where a reader has a say in it.
    pub(crate) fn on_at_reader(&mut self, op: RefundOp, event: Event, seed: u128) -> Change {
        let gone = matches!(event, Event::UnexpectedState | Event::Refused { .. });
        let refused = matches!(event, Event::ReaderRefused { .. });
        match (op, event) {
            (RefundOp::OnReader, event) => self.on_told(event, seed),
            (RefundOp::LookAtReader, Event::Reader(answer)) => {
                self.shows(shown(&answer), refund_of(answer))
            }
            // The refunds say what is so all the same.
            (RefundOp::LookAtReader, _) if gone || refused => {
                self.shows(RefundShown::Nothing, None)
            }
            (RefundOp::ClearReader, Event::Reader(_)) => {
                self.final_answer();
                self.shows(RefundShown::Nothing, None)
            }
            (RefundOp::ClearReader, _) if gone => {
                self.final_answer();
                self.shows(RefundShown::Nothing, None)
            }
            // The card was read in that moment, or it has no network, or it timed out.
            (RefundOp::ClearReader, event) if refused || matches!(event, Event::LookUp { .. }) => {
                if let Some(reader) = &mut self.reader {
                    reader.shown = RefundShown::NotAsked;
                }
                self.final_answer();
                self.op = Some(RefundOp::LookAtReader);
                dropped(self.later(None, seed))
            }
            (RefundOp::Find, Event::FoundRefund(None)) => self.not_made(seed),
            // Made, and the reader asks for the card all the same: another tap would
            // give it back again.
            (RefundOp::Find, Event::FoundRefund(Some(found))) => {
                if let Some(reader) = &mut self.reader {
                    reader.canceling = true;
                    reader.shown = RefundShown::NotAsked;
                }
                self.refund = Some(found.id);
                self.state = RefundState::Unknown;
                self.op = Some(RefundOp::LookAtReader);
                dropped(Change::default())
            }
            (_, Event::Retry { after_ms, .. }) => self.later(after_ms, seed),
            (_, _) => self.later(None, seed),
        }
    }

    /// The reader was told, or not.
    fn on_told(&mut self, event: Event, seed: u128) -> Change {
        let Some(reader) = &mut self.reader else {
            return Change::default();
        };
        if event != Event::Unreachable {
            reader.told = true;
            reader.shown = RefundShown::NotAsked;
            reader.seen = false;
            reader.busy = None;
            reader.tries = reader.tries.saturating_add(1);
        }
        match event {
            Event::Unreachable => {
                if !self.maybe_sent {
                    self.state = RefundState::Queued;
                }
                self.later(None, seed)
            }
            Event::Reader(answer) => {
                self.final_answer();
                self.shows(shown(&answer), refund_of(answer))
            }
            // Answered, and it may have acted: its key is used up.
            Event::LookUp { .. } => {
                self.state = RefundState::Unknown;
                self.final_answer();
                self.op = Some(RefundOp::LookAtReader);
                dropped(self.later(None, seed))
            }
            // What keeps it busy may be an earlier request of ours that was late.
            Event::ReaderRefused { code } => {
                reader.busy = Some(code);
                self.state = RefundState::Unknown;
                self.final_answer();
                self.op = Some(RefundOp::LookAtReader);
                dropped(Change::default())
            }
            Event::Refused { code } => self.is_refused(code),
            Event::Declined(why) => {
                self.is_refused(why.decline_code.or(why.code).unwrap_or_default())
            }
            Event::Retry { after_ms, .. } => {
                self.maybe_sent = true;
                self.later(after_ms, seed)
            }
            // Lost, or an answer of another kind than was asked for.
            Event::Ambiguous
            | Event::Restarted
            | Event::UnexpectedState
            | Event::Unauthorised
            | Event::NeedsCustomer
            | Event::Intent(_)
            | Event::Found(_)
            | Event::Session(_)
            | Event::Refund(_)
            | Event::FoundRefund(_) => {
                self.maybe_sent = true;
                self.state = RefundState::Unknown;
                let first = self.failures == 0;
                let mut change = self.later(None, seed);
                if first {
                    change.after_ms = BACKOFF_FIRST_MS;
                }
                change
            }
        }
    }

    /// Stripe refuses it; an earlier request may have made it all the same.
    fn is_refused(&mut self, code: String) -> Change {
        self.final_answer();
        self.state = RefundState::Unknown;
        if let Some(reader) = &mut self.reader {
            reader.busy = Some(code);
            reader.shown = RefundShown::Nothing;
        }
        self.op = Some(RefundOp::Find);
        dropped(Change::default())
    }

    /// The reader shows this; the refunds are asked next where that decides.
    fn shows(&mut self, shown: RefundShown, made: Option<String>) -> Change {
        let Some(reader) = &mut self.reader else {
            return Change::default();
        };
        // A request whose answer was lost has been executed: its key is used up.
        if shown != RefundShown::Nothing && self.maybe_sent {
            self.maybe_sent = false;
            self.attempt = self.attempt.saturating_add(1);
        }
        let mut change = dropped(Change::default());
        self.op = self.refund.is_none().then_some(RefundOp::Find);
        match &shown {
            RefundShown::Ours => {
                reader.seen = true;
                reader.busy = None;
                reader.looks = reader.looks.saturating_add(1);
                if self.refund.is_none() {
                    self.state = RefundState::AtReader;
                }
                if reader.canceling {
                    self.op = None;
                } else {
                    self.failures = 0;
                    if !reader.looks.is_multiple_of(LOOKS_FOR_AN_INTENT) {
                        self.op = Some(RefundOp::LookAtReader);
                        change.after_ms = reader_poll_ms(&mut self.polls);
                    }
                }
            }
            RefundShown::Made => {
                if made.is_some() && self.refund.is_none() {
                    self.refund = made;
                    self.op = None;
                }
            }
            RefundShown::NotAsked | RefundShown::Failed(_) | RefundShown::Nothing => {}
        }
        reader.shown = shown;
        change
    }

    /// The PaymentIntent has no refund of ours. Asked after the reader was, it is the
    /// truth about whatever the reader had done by then.
    fn not_made(&mut self, seed: u128) -> Change {
        let Some(reader) = &mut self.reader else {
            return Change::default();
        };
        let mut change = dropped(Change::default());
        match std::mem::take(&mut reader.shown) {
            RefundShown::NotAsked if reader.told => self.op = Some(RefundOp::LookAtReader),
            RefundShown::Ours => {
                self.op = Some(RefundOp::LookAtReader);
                change.after_ms = reader_poll_ms(&mut self.polls);
            }
            // It says that it was made, and it is not there yet.
            RefundShown::Made => {
                reader.shown = RefundShown::Made;
                self.state = RefundState::Unknown;
                self.op = Some(RefundOp::Find);
                return dropped(self.later(None, seed));
            }
            RefundShown::Failed(code) => return self.for_a_person(code),
            RefundShown::NotAsked | RefundShown::Nothing => {
                let why = reader.busy.take().or(if reader.canceling {
                    Some(PRESENT_CARD.to_owned())
                } else if reader.seen || reader.tries >= READER_TRIES {
                    Some(NOT_AT_READER.to_owned())
                } else {
                    None
                });
                if let Some(why) = why {
                    return self.for_a_person(why);
                }
                // The customer stands there: told again.
                reader.told = false;
                if reader.tries > 0 {
                    change.after_ms = BACKOFF_FIRST_MS;
                }
                self.op = None;
                self.maybe_sent = false;
                self.state = RefundState::Queued;
            }
        }
        change
    }

    /// Nothing was given back, and nothing more is sent before a person says so. The
    /// key stays: what got lost on its way may have it.
    fn for_a_person(&mut self, why: String) -> Change {
        self.op = None;
        self.maybe_sent = false;
        self.failures = 0;
        self.state = RefundState::NeedsAttention;
        if let Some(reader) = &mut self.reader {
            reader.told = false;
            reader.why = Some(why.clone());
        }
        dropped(Change {
            journal: Some(ChargeFacts {
                decline_code: Some(why),
                ..ChargeFacts::default()
            }),
            ..Change::default()
        })
    }
}

fn dropped(change: Change) -> Change {
    Change {
        drop_request: true,
        ..change
    }
}

/// What a reader shows of this refund: `answer` has no action but its own.
fn shown(answer: &Reader) -> RefundShown {
    let Some(action) = &answer.action else {
        return RefundShown::Nothing;
    };
    match action.status.as_str() {
        "in_progress" => RefundShown::Ours,
        "succeeded" => RefundShown::Made,
        "failed" => {
            let why = action.failure.clone();
            let code = why.decline_code.or(why.code);
            RefundShown::Failed(code.unwrap_or_else(|| NOT_AT_READER.to_owned()))
        }
        _ => RefundShown::Nothing,
    }
}

fn refund_of(answer: Reader) -> Option<String> {
    answer.action.and_then(|action| action.refund)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{Decline, ReaderAction, StripeRefund};

    const MINUTE_MS: i64 = 60_000;

    /// A step of a refund: it is due so long after the start and must ask this; or
    /// something came back and it must stand so; or a person decides.
    #[allow(clippy::large_enum_variant, reason = "rows of a table")]
    enum Step {
        Due(i64, &'static str),
        Got(Event, RefundState),
        TakeOff,
        /// At this reader, until so long after the start.
        Again(&'static str, i64),
        /// The key's number.
        Key(u32),
    }
    use Step::{Again, Due, Got, Key, TakeOff};

    fn shows(status: &str) -> Event {
        Event::Reader(Reader {
            action: Some(ReaderAction {
                status: status.into(),
                failure: Decline {
                    code: Some("customer_canceled".into()),
                    ..Decline::default()
                },
                ..ReaderAction::default()
            }),
        })
    }

    fn nothing() -> Event {
        Event::Reader(Reader::default())
    }

    fn none() -> Event {
        Event::FoundRefund(None)
    }

    fn stripe_has(status: &str) -> StripeRefund {
        StripeRefund {
            id: "re_1".into(),
            status: status.into(),
            failure_reason: None,
        }
    }

    fn found(status: &str) -> Event {
        Event::FoundRefund(Some(stripe_has(status)))
    }

    fn is(status: &str) -> Event {
        Event::Refund(stripe_has(status))
    }

    fn busy() -> Event {
        Event::ReaderRefused {
            code: "terminal_reader_busy".into(),
        }
    }

    #[track_caller]
    fn check(name: &str, steps: Vec<Step>) {
        let until = Timestamp(10 * MINUTE_MS);
        let intent = Some("pi_1".to_owned());
        let mut refund = Refund::at_reader(500, intent, "tmr_1".into(), until);
        let mut op = RefundOp::OnReader;
        for (i, step) in steps.into_iter().enumerate() {
            match step {
                Due(at, expected) => {
                    let asked = match refund.next_step(Timestamp(at)) {
                        Next::Resend(o) | Next::Send(o) => {
                            op = o;
                            refund.op = Some(o);
                            o.word()
                        }
                        Next::Decided => "decided",
                        Next::Rest => "rest",
                    };
                    assert_eq!(asked, expected, "{name}, step {i}");
                }
                Got(event, expected) => {
                    refund.on(op, event, 7);
                    assert_eq!(refund.state, expected, "{name}, step {i}");
                }
                TakeOff => refund.take_off(),
                Again(reader, until) => refund.present_at(reader.into(), Timestamp(until)),
                Key(expected) => assert_eq!(refund.attempt, expected, "{name}, step {i}"),
            }
        }
    }

    #[test]
    fn a_refund_at_a_reader_moves_as_the_table_says() {
        use RefundState as S;
        check(
            "a good day: the refunds are asked after the reader",
            vec![
                Due(0, "refund_on_reader"),
                Got(shows("in_progress"), S::AtReader),
                Due(1, "look_for_refund"),
                Got(shows("succeeded"), S::AtReader),
                Due(2, "find_refund"),
                Got(found("succeeded"), S::Succeeded),
                Due(3, "rest"),
            ],
        );
        check(
            "a reader that says in progress for too long is not believed",
            vec![
                Due(0, "refund_on_reader"),
                Got(shows("in_progress"), S::AtReader),
                Due(1, "look_for_refund"),
                Got(shows("in_progress"), S::AtReader),
                Due(2, "look_for_refund"),
                Got(shows("in_progress"), S::AtReader),
                Due(3, "look_for_refund"),
                Got(shows("in_progress"), S::AtReader),
                Due(4, "find_refund"),
                Got(found("succeeded"), S::Unknown),
                Due(5, "look_for_refund"),
                Got(shows("succeeded"), S::Unknown),
                Due(6, "retrieve_refund"),
                Got(is("succeeded"), S::Succeeded),
            ],
        );
        check(
            "one that asks for the card once more is cleared first",
            vec![
                Due(0, "refund_on_reader"),
                Got(Event::LookUp { spent: false }, S::Unknown),
                Due(1, "look_for_refund"),
                Got(nothing(), S::Unknown),
                Due(2, "find_refund"),
                Got(none(), S::Queued),
                Due(3, "refund_on_reader"),
                Got(shows("in_progress"), S::AtReader),
                Due(4, "look_for_refund"),
                Got(shows("in_progress"), S::AtReader),
                Due(5, "look_for_refund"),
                Got(shows("in_progress"), S::AtReader),
                Due(6, "look_for_refund"),
                Got(shows("in_progress"), S::AtReader),
                Due(7, "find_refund"),
                Got(found("succeeded"), S::Unknown),
                Due(8, "look_for_refund"),
                Got(shows("in_progress"), S::Unknown),
                Due(9, "clear_refund"),
                Got(busy(), S::Unknown),
                Due(10, "look_for_refund"),
                Got(shows("in_progress"), S::Unknown),
                Due(11, "clear_refund"),
                Got(nothing(), S::Unknown),
                Due(12, "retrieve_refund"),
                Got(is("succeeded"), S::Succeeded),
            ],
        );
        check(
            "nor one that says failed",
            vec![
                Due(0, "refund_on_reader"),
                Got(shows("in_progress"), S::AtReader),
                Due(1, "look_for_refund"),
                Got(shows("failed"), S::AtReader),
                Due(2, "find_refund"),
                Got(found("succeeded"), S::Succeeded),
            ],
        );
        check(
            "the customer cancels: a person, and again under a new key",
            vec![
                Key(1),
                Due(0, "refund_on_reader"),
                Got(shows("in_progress"), S::AtReader),
                Due(1, "look_for_refund"),
                Got(shows("failed"), S::AtReader),
                Due(2, "find_refund"),
                Got(none(), S::NeedsAttention),
                Due(3, "rest"),
                Again("tmr_1", 10 * MINUTE_MS),
                Due(4, "find_refund"),
                Got(none(), S::Queued),
                Key(2),
                Due(5, "refund_on_reader"),
                Got(shows("in_progress"), S::AtReader),
            ],
        );
        check(
            "a lost answer that was executed",
            vec![
                Due(0, "refund_on_reader"),
                Got(Event::Ambiguous, S::Unknown),
                Due(1, "look_for_refund"),
                Got(shows("in_progress"), S::AtReader),
                Key(2),
                Due(2, "look_for_refund"),
                Got(nothing(), S::AtReader),
                Due(3, "find_refund"),
                Got(found("pending"), S::Pending),
                Due(4, "retrieve_refund"),
            ],
        );
        check(
            "one that was not is sent again under its key, and only after both were asked",
            vec![
                Due(0, "refund_on_reader"),
                Got(Event::Restarted, S::Unknown),
                Due(1, "look_for_refund"),
                Got(Event::Ambiguous, S::Unknown),
                Due(2, "look_for_refund"),
                Got(nothing(), S::Unknown),
                Due(3, "find_refund"),
                Got(Event::Unreachable, S::Unknown),
                Due(4, "find_refund"),
                Got(none(), S::Queued),
                Key(1),
                Due(5, "refund_on_reader"),
                Key(1),
            ],
        );
        let timed_out = |at: i64| {
            vec![
                Due(at, "refund_on_reader"),
                Got(Event::LookUp { spent: false }, S::Unknown),
                Due(at + 1, "look_for_refund"),
                Got(nothing(), S::Unknown),
                Due(at + 2, "find_refund"),
            ]
        };
        let mut steps = timed_out(0);
        steps.extend([Got(none(), S::Queued), Key(2)]);
        steps.extend(timed_out(5));
        steps.extend([Got(none(), S::Queued), Key(3)]);
        steps.extend(timed_out(10));
        steps.extend([Got(none(), S::NeedsAttention), Due(20, "rest")]);
        check(
            "a time-out is told again under a new key, thrice, then asks a person",
            steps,
        );
        check(
            "busy is for a person",
            vec![
                Due(0, "refund_on_reader"),
                Got(busy(), S::Unknown),
                Due(1, "look_for_refund"),
                Got(nothing(), S::Unknown),
                Due(2, "find_refund"),
                Got(none(), S::NeedsAttention),
            ],
        );
        check(
            "busy with an earlier request of ours that was late",
            vec![
                Due(0, "refund_on_reader"),
                Got(busy(), S::Unknown),
                Due(1, "look_for_refund"),
                Got(shows("in_progress"), S::AtReader),
            ],
        );
        check(
            "taken off: looked at, cleared where it is ours, then the refunds are asked",
            vec![
                Due(0, "refund_on_reader"),
                Got(shows("in_progress"), S::AtReader),
                TakeOff,
                Due(1, "look_for_refund"),
                Got(shows("in_progress"), S::AtReader),
                Due(2, "clear_refund"),
                Got(nothing(), S::AtReader),
                Due(3, "find_refund"),
                Got(none(), S::NeedsAttention),
            ],
        );
        check(
            "another's is not taken off, and what was made by then counts",
            vec![
                Due(0, "refund_on_reader"),
                Got(shows("in_progress"), S::AtReader),
                TakeOff,
                Due(1, "look_for_refund"),
                Got(nothing(), S::AtReader),
                Due(2, "find_refund"),
                Got(found("succeeded"), S::Succeeded),
            ],
        );
        check(
            "the card was read in the moment of taking off",
            vec![
                Due(0, "refund_on_reader"),
                Got(shows("in_progress"), S::AtReader),
                TakeOff,
                Due(1, "look_for_refund"),
                Got(shows("in_progress"), S::AtReader),
                Due(2, "clear_refund"),
                Got(busy(), S::AtReader),
                Due(3, "look_for_refund"),
                Got(shows("succeeded"), S::AtReader),
                Due(4, "find_refund"),
                Got(found("succeeded"), S::Succeeded),
            ],
        );
        check(
            "nobody came",
            vec![
                Due(0, "refund_on_reader"),
                Got(shows("in_progress"), S::AtReader),
                Due(10 * MINUTE_MS, "look_for_refund"),
                Got(shows("in_progress"), S::AtReader),
                Due(10 * MINUTE_MS, "clear_refund"),
                Got(Event::Ambiguous, S::AtReader),
                Due(10 * MINUTE_MS, "look_for_refund"),
                Got(nothing(), S::AtReader),
                Due(10 * MINUTE_MS, "find_refund"),
                Got(none(), S::NeedsAttention),
            ],
        );
        check(
            "no line until everybody has gone: nothing is sent any more",
            vec![
                Due(0, "refund_on_reader"),
                Got(Event::Unreachable, S::Queued),
                Due(72 * 60 * MINUTE_MS, "decided"),
                Due(73 * 60 * MINUTE_MS, "rest"),
            ],
        );
        check(
            "another reader is another request",
            vec![
                Due(0, "refund_on_reader"),
                Got(Event::Ambiguous, S::Unknown),
                TakeOff,
                Due(1, "look_for_refund"),
                Got(nothing(), S::Unknown),
                Due(2, "find_refund"),
                Got(none(), S::NeedsAttention),
                Again("tmr_1", 10 * MINUTE_MS),
                Key(1),
                Again("tmr_2", 10 * MINUTE_MS),
                Key(2),
            ],
        );
        check(
            "given back by somebody else",
            vec![
                Due(0, "refund_on_reader"),
                Got(Event::UnexpectedState, S::Unknown),
                Due(1, "find_refund"),
                Got(none(), S::NeedsAttention),
            ],
        );
    }

    #[test]
    fn a_refund_that_nobody_asked_a_reader_for_is_a_case() {
        let mut refund = Refund::to_present(500, Some("pi_1".into()));
        assert_eq!(refund.next_step(Timestamp(0)), Next::Rest);
        // Known only when the charge was: it is one as well.
        refund.state = RefundState::Queued;
        assert_eq!(refund.next_step(Timestamp(0)), Next::Decided);
        assert_eq!(refund.state, RefundState::NeedsAttention);
    }
}
