//! Simulated card readers, driven as a smart reader is: over the API.
//!
//! Invariants:
//! - a reader does one thing at a time: what waits for a card can be replaced, what
//!   has read one cannot;
//! - a request that timed out may have reached the reader all the same;
//! - money moves when a card is presented, and never because a request was sent.
//!
//! Sources: "Terminal Readers" in Stripe's API reference; "Collect card payments"
//! and "Refund an Interac payment" for server-driven integrations; "Test Stripe
//! Terminal" for registration codes and cards.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cards::{CardBehaviour, Decline, MethodKind, Presented};
use crate::forms::{self, Metadata};
use crate::intents::{At, How, IntentStatus};
use crate::lists;
use crate::setups::SetupStatus;
use crate::state::{Job, State};
use crate::wire::{Outcome, Refusal};

/// How a reader, and the customer at it, behave from now on. Times are seconds of
/// the stand-in's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct ReaderBehaviour {
    /// The reader has no network: it can be told nothing, and a card presented
    /// meanwhile does nothing.
    pub offline: bool,
    /// Somebody else is using it.
    pub busy: bool,
    /// The request answers `terminal_reader_timeout`, and the reader acts.
    pub times_out_but_executes: bool,
    /// The request answers `terminal_reader_timeout`, and nothing happens.
    pub times_out: bool,
    /// The customer taps by itself after so long; absent if a test presents the card.
    pub taps_after_s: Option<i64>,
    /// The customer presses the reader's own cancel button after so long, where the
    /// request allowed one.
    pub cancels_after_s: Option<i64>,
    /// How long the bank takes once the card is read. Until then the reader can be
    /// given nothing else, and not be cancelled.
    pub authorizes_for_s: i64,
    /// The bank's answer does not reach the reader: its action fails with
    /// `connection_error`, whatever the bank said.
    pub loses_answer: bool,
    /// A tip the customer adds, in the currency's smallest unit, where it is asked.
    pub tip_amount: i64,
    /// The card that taps by itself is a Canadian debit card.
    pub interac: bool,
    /// How the card is declined, if it is.
    pub decline: Option<Decline>,
}

/// What the reader was asked to do with the next card.
#[derive(Debug, Clone)]
enum Task {
    Payment {
        intent: String,
        /// As it was asked for, to be shown again.
        config: Option<Value>,
    },
    Refund {
        /// As it was asked for: `charge` or `payment_intent`, `amount`, `metadata`.
        params: Value,
        /// Once it is made.
        refund: Option<String>,
    },
    Setup {
        setup: String,
        /// What can be charged later, once there is one.
        generated: Option<String>,
        config: Option<Value>,
    },
}

impl Task {
    fn kind(&self) -> &'static str {
        match self {
            Self::Payment { .. } => "process_payment_intent",
            Self::Refund { .. } => "refund_payment",
            Self::Setup { .. } => "process_setup_intent",
        }
    }

    /// What the customer may do at the reader besides presenting a card.
    fn config(&self) -> Option<&Value> {
        match self {
            Self::Payment { config, .. } | Self::Setup { config, .. } => config.as_ref(),
            Self::Refund { params, .. } => params.get("refund_payment_config"),
        }
    }

    fn value(&self) -> Value {
        match self {
            Self::Payment { intent, config } => {
                let mut value = json!({ "payment_intent": intent });
                if let (Value::Object(fields), Some(config)) = (&mut value, config) {
                    fields.insert("process_config".to_owned(), config.clone());
                }
                value
            }
            Self::Setup {
                setup,
                generated,
                config,
            } => {
                let mut value = json!({ "setup_intent": setup });
                if let Value::Object(fields) = &mut value {
                    if let Some(generated) = generated {
                        fields.insert("generated_card".to_owned(), generated.as_str().into());
                    }
                    if let Some(config) = config {
                        fields.insert("process_config".to_owned(), config.clone());
                    }
                }
                value
            }
            Self::Refund { params, refund } => {
                let mut value = params.clone();
                if let Value::Object(fields) = &mut value {
                    fields.remove("expand");
                    if let Some(refund) = refund {
                        fields.insert("refund".to_owned(), refund.as_str().into());
                    }
                }
                value
            }
        }
    }

    fn allows_cancelling(&self) -> bool {
        self.config()
            .and_then(|c| forms::flag(c, "enable_customer_cancellation"))
            == Some(true)
    }

    /// Whether the customer is asked for a tip.
    /// Source: "Collect on-reader tips"; nothing eligible is nothing asked.
    fn asks_for_a_tip(&self) -> bool {
        let Self::Payment { config, .. } = self else {
            return false;
        };
        let Some(config) = config else { return true };
        let eligible = config
            .get("tipping")
            .and_then(|t| forms::whole(t, "amount_eligible"));
        forms::flag(config, "skip_tipping") != Some(true) && eligible != Some(0)
    }
}

#[derive(Debug, Clone)]
struct Action {
    task: Task,
    status: &'static str,
    /// Read, and with the bank; the tip that was chosen.
    presented: Option<(Presented, i64)>,
    failure: Option<(String, String)>,
    error: Option<Value>,
}

impl Action {
    fn waits(&self) -> bool {
        self.status == "in_progress" && self.presented.is_none()
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Reader {
    id: String,
    label: String,
    device_type: &'static str,
    serial: String,
    location: Option<String>,
    metadata: Metadata,
    deleted: bool,
    pub(crate) behaviour: ReaderBehaviour,
    action: Option<Action>,
    /// Counts what it was asked, so that a tap meant for one action is not taken
    /// for the next.
    turn: u64,
    seen: i64,
}

fn timed_out() -> Box<Refusal> {
    Refusal::invalid(
        "There was a timeout when sending this command to the reader. Please reference the \
         integration guide at \
         https://stripe.com/docs/terminal/payments/collect-card-payment?terminal-sdk-platform=server-driven#handle-errors \
         for details on how to handle this error.",
    )
    .code("terminal_reader_timeout")
    .began()
}

fn busy() -> Box<Refusal> {
    Refusal::invalid(
        "Reader is currently busy processing another request. Please reference the integration \
         guide at \
         https://stripe.com/docs/terminal/payments/collect-card-payment?terminal-sdk-platform=server-driven#handle-errors \
         for details on how to handle this error.",
    )
    .code("terminal_reader_busy")
    .began()
}

fn offline() -> Box<Refusal> {
    Refusal::invalid(
        "Reader is currently offline, please ensure the reader is powered on and connected to the \
         internet before retrying your request.",
    )
    .code("terminal_reader_offline")
    .began()
}

impl State {
    /// A reader that nobody registered: it takes every currency.
    pub(crate) fn add_reader(&mut self, id: &str, label: &str, behaviour: ReaderBehaviour) {
        let reader = Reader {
            id: id.to_owned(),
            label: label.to_owned(),
            device_type: "simulated_wisepos_e",
            serial: id.trim_start_matches("tmr_").to_owned(),
            location: None,
            metadata: Metadata::new(),
            deleted: false,
            behaviour,
            action: None,
            turn: 0,
            seen: self.now,
        };
        self.readers.put(id, reader);
    }

    pub(crate) fn register_reader(&mut self, params: &Value) -> Outcome {
        let code = forms::text(params, "registration_code").unwrap_or_default();
        let device_type = match code {
            "simulated-wpe" => "simulated_wisepos_e",
            "simulated-s700" => "simulated_stripe_s700",
            "simulated-s710" => "simulated_stripe_s710",
            _ => "",
        };
        // There is no device here that shows a code of its own.
        if self.livemode || device_type.is_empty() {
            return Err(Refusal::invalid(
                "The registration code is not valid or has expired. Generate a new one on the \
                 reader.",
            )
            .param("registration_code"));
        }
        let location = forms::owned(params, "location");
        if let Some(id) = location
            .as_deref()
            .filter(|id| self.locations.get(id).is_none())
        {
            return Err(Refusal::missing_object("location", id, "location"));
        }
        let id = self.id("tmr_", 14);
        let tail = self.id("", 12).to_ascii_lowercase();
        let serial = format!("{code}-{tail}");
        let reader = Reader {
            id: id.clone(),
            label: forms::owned(params, "label").unwrap_or_else(|| serial.clone()),
            device_type,
            serial,
            location,
            metadata: forms::merge_metadata(&Metadata::new(), params, "metadata")?,
            deleted: false,
            behaviour: ReaderBehaviour::default(),
            action: None,
            turn: 0,
            seen: self.now,
        };
        let value = self.reader_value(&reader);
        self.readers.put(&id, reader);
        Ok(value)
    }

    fn reader(&self, id: &str) -> Result<Reader, Box<Refusal>> {
        self.readers
            .get(id)
            .filter(|r| !r.deleted)
            .cloned()
            .ok_or_else(|| Refusal::missing_object("terminal.reader", id, "reader").status(404))
    }

    pub(crate) fn list_readers(&self, params: &Value) -> Outcome {
        let fits = |reader: &Reader| {
            let asked = |name: &str, is: Option<&str>| {
                forms::text(params, name).is_none_or(|asked| is == Some(asked))
            };
            !reader.deleted
                && asked("location", reader.location.as_deref())
                && asked("status", Some(reader.status()))
                && asked("device_type", Some(reader.device_type))
                && asked("serial_number", Some(&reader.serial))
        };
        let all = self
            .readers
            .newest_first()
            .into_iter()
            .filter(|r| fits(r))
            .map(|r| (r.id.clone(), r.seen))
            .collect();
        let page = lists::page(all, params, "terminal.reader")?;
        let data = page
            .ids
            .iter()
            .filter_map(|id| self.readers.get(id))
            .map(|r| self.reader_value(r))
            .collect();
        Ok(lists::list("/v1/terminal/readers", data, page.has_more))
    }

    pub(crate) fn retrieve_reader(&self, id: &str) -> Outcome {
        if self.readers.get(id).is_some_and(|r| r.deleted) {
            return Ok(deleted(id));
        }
        self.reader(id).map(|r| self.reader_value(&r))
    }

    pub(crate) fn delete_reader(&mut self, id: &str) -> Outcome {
        let mut reader = self.reader(id)?;
        reader.deleted = true;
        reader.action = None;
        self.readers.put(id, reader);
        Ok(deleted(id))
    }

    pub(crate) fn process_on_reader(&mut self, id: &str, params: &Value) -> Outcome {
        let reader = self.reader(id)?;
        let given = forms::text(params, "payment_intent").unwrap_or_default();
        let Some(intent) = self.intents.get(given) else {
            return Err(Refusal::missing_object(
                "payment_intent",
                given,
                "payment_intent",
            ));
        };
        if !intent.allows(MethodKind::CardPresent) && !intent.allows(MethodKind::InteracPresent) {
            return Err(Refusal::invalid(
                "The PaymentIntent must allow the payment method type card_present to be \
                 processed on a reader.",
            )
            .code("payment_intent_invalid_parameter")
            .param("payment_intent"));
        }
        if intent.status != IntentStatus::RequiresPaymentMethod {
            return Err(Refusal::invalid(
                "Payment intent must be in the requires_payment_method state to be processed by a \
                 reader.",
            )
            .code("intent_invalid_state")
            .began());
        }
        let location = reader
            .location
            .as_deref()
            .and_then(|l| self.locations.get(l));
        if location.is_some_and(|l| !l.takes(&intent.currency)) {
            return Err(Refusal::invalid(format!(
                "The reader's location does not take payments in {}.",
                intent.currency
            ))
            .code("terminal_reader_invalid_location_for_payment")
            .began());
        }
        let task = Task::Payment {
            intent: given.to_owned(),
            config: params.get("process_config").cloned(),
        };
        self.give(reader, task)
    }

    pub(crate) fn set_up_on_reader(&mut self, id: &str, params: &Value) -> Outcome {
        let reader = self.reader(id)?;
        let given = forms::text(params, "setup_intent").unwrap_or_default();
        let Some(setup) = self.setups.get(given) else {
            return Err(Refusal::missing_object(
                "setup_intent",
                given,
                "setup_intent",
            ));
        };
        if !setup.allows("card_present") {
            return Err(Refusal::invalid(
                "The SetupIntent must allow the payment method type card_present to be processed \
                 on a reader.",
            )
            .code("setup_intent_invalid_parameter")
            .param("setup_intent"));
        }
        if setup.status != SetupStatus::RequiresPaymentMethod {
            return Err(Refusal::invalid(
                "Setup intent must be in the requires_payment_method state to be processed by a \
                 reader.",
            )
            .code("intent_invalid_state")
            .began());
        }
        let task = Task::Setup {
            setup: given.to_owned(),
            generated: None,
            config: params.get("process_config").cloned(),
        };
        self.give(reader, task)
    }

    pub(crate) fn refund_on_reader(&mut self, id: &str, params: &Value) -> Outcome {
        let reader = self.reader(id)?;
        self.asked_refund(params)?;
        let task = Task::Refund {
            params: params.clone(),
            refund: None,
        };
        self.give(reader, task)
    }

    /// Gives a reader something to do with the next card.
    fn give(&mut self, mut reader: Reader, task: Task) -> Outcome {
        let how = reader.behaviour;
        if how.offline {
            return Err(offline());
        }
        let authorizing = reader
            .action
            .as_ref()
            .is_some_and(|a| a.presented.is_some());
        if how.busy || authorizing {
            return Err(busy());
        }
        if how.times_out {
            return Err(timed_out());
        }
        let id = reader.id.clone();
        let may_cancel = task.allows_cancelling();
        reader.turn = reader.turn.saturating_add(1);
        reader.action = Some(Action {
            task,
            status: "in_progress",
            presented: None,
            failure: None,
            error: None,
        });
        let turn = reader.turn;
        let value = self.reader_value(&reader);
        self.readers.put(&id, reader);
        if let Some(seconds) = how.taps_after_s {
            self.later(seconds, Job::ReaderTaps(id.clone(), turn));
        }
        if let Some(seconds) = how.cancels_after_s.filter(|_| may_cancel) {
            self.later(seconds, Job::ReaderCustomerCancels(id, turn));
        }
        if how.times_out_but_executes {
            Err(timed_out())
        } else {
            Ok(value)
        }
    }

    pub(crate) fn cancel_reader_action(&mut self, id: &str) -> Outcome {
        let mut reader = self.reader(id)?;
        if reader.behaviour.offline {
            return Err(offline());
        }
        if reader
            .action
            .as_ref()
            .is_some_and(|a| a.presented.is_some())
        {
            return Err(busy());
        }
        if reader.behaviour.times_out {
            return Err(timed_out());
        }
        reader.action = None;
        let late = reader.behaviour.times_out_but_executes;
        let value = self.reader_value(&reader);
        self.readers.put(id, reader);
        if late { Err(timed_out()) } else { Ok(value) }
    }

    /// The test helper of Stripe's own.
    pub(crate) fn present_card(&mut self, id: &str, params: &Value) -> Outcome {
        let number = ["card_present", "card", "interac_present"]
            .iter()
            .find_map(|kind| params.get(*kind).and_then(|k| forms::text(k, "number")));
        let card = match (number, forms::text(params, "type")) {
            (Some(number), _) => Presented::by_name(number).ok_or_else(|| {
                Refusal::invalid("Your card number is not that of a test card.")
                    .code("invalid_number")
            })?,
            (None, Some("interac_present")) => Presented::INTERAC,
            (None, _) => Presented::VISA,
        };
        self.present(id, card, forms::whole(params, "amount_tip"))?;
        self.retrieve_reader(id)
    }

    /// Holds a card to a reader that waits for one.
    pub(crate) fn present(
        &mut self,
        id: &str,
        card: Presented,
        tip: Option<i64>,
    ) -> Result<(), Box<Refusal>> {
        let mut reader = self.reader(id)?;
        let how = reader.behaviour;
        let Some(action) = reader.action.as_mut().filter(|a| a.waits()) else {
            return Err(Refusal::invalid("The reader is not waiting for a card.").began());
        };
        if how.offline {
            // The reader shows an error, and Stripe hears of nothing.
            return Ok(());
        }
        let tip = tip.unwrap_or(how.tip_amount).max(0);
        let tip = if action.task.asks_for_a_tip() { tip } else { 0 };
        action.presented = Some((card, tip));
        let turn = reader.turn;
        self.readers.put(id, reader);
        if how.authorizes_for_s > 0 {
            self.later(
                how.authorizes_for_s,
                Job::ReaderIsAnswered(id.to_owned(), turn),
            );
        } else {
            self.reader_is_answered(id, turn);
        }
        Ok(())
    }

    /// The customer presses the reader's own cancel button.
    pub(crate) fn customer_cancels(&mut self, id: &str) -> Result<(), Box<Refusal>> {
        let mut reader = self.reader(id)?;
        let action = reader.action.take().filter(Action::waits);
        let Some(action) = action.filter(|a| a.task.allows_cancelling()) else {
            return Err(Refusal::invalid("The reader shows no cancel button.").began());
        };
        let why = Refusal::invalid(
            "This action could not be completed due to an error on the card reader.",
        )
        .code("customer_canceled");
        self.finish(reader, action, Err(why), false);
        Ok(())
    }

    pub(crate) fn reader_customer_cancels(&mut self, id: &str, turn: u64) {
        if self.readers.get(id).is_some_and(|r| r.turn == turn) {
            // Too late if the card was presented first.
            let _ = self.customer_cancels(id);
        }
    }

    pub(crate) fn reader_taps(&mut self, id: &str, turn: u64) {
        let Some(reader) = self.readers.get(id).filter(|r| r.turn == turn) else {
            return;
        };
        let card = if reader.behaviour.interac {
            Presented::INTERAC
        } else {
            Presented::VISA
        };
        // Cancelled or finished meanwhile: the customer puts the card away.
        let _ = self.present(id, card, None);
    }

    /// The bank has said yes or no to the card that was presented.
    pub(crate) fn reader_is_answered(&mut self, id: &str, turn: u64) {
        let Some(mut reader) = self.readers.get(id).filter(|r| r.turn == turn).cloned() else {
            return;
        };
        let Some(mut action) = reader.action.take() else {
            return;
        };
        let Some((mut card, tip)) = action.presented.take() else {
            return;
        };
        if let Some(decline) = reader.behaviour.decline {
            card.behaviour = CardBehaviour::Declines(decline);
        }
        let at = At {
            reader: id.to_owned(),
            location: reader.location.clone(),
        };
        let outcome = match &mut action.task {
            Task::Payment { intent, .. } => self.pay_on_reader(intent, card, tip, at),
            Task::Refund { params, refund } => self.refund_with_card(params, card).map(|made| {
                *refund = Some(made);
            }),
            Task::Setup {
                setup, generated, ..
            } => self.set_up_with_card(setup, card).map(|made| {
                *generated = Some(made);
            }),
        };
        let lost = reader.behaviour.loses_answer;
        self.finish(reader, action, outcome, lost);
    }

    fn finish(
        &mut self,
        mut reader: Reader,
        mut action: Action,
        outcome: Result<(), Box<Refusal>>,
        lost: bool,
    ) {
        let outcome = if lost {
            // Whatever became of it, the reader does not know.
            match &mut action.task {
                Task::Refund { refund: made, .. }
                | Task::Setup {
                    generated: made, ..
                } => {
                    *made = None;
                }
                Task::Payment { .. } => {}
            }
            Err(Refusal::invalid("Could not connect to Stripe.").code("connection_error"))
        } else {
            outcome
        };
        let event = match outcome {
            Ok(()) => {
                action.status = "succeeded";
                "terminal.reader.action_succeeded"
            }
            Err(why) => {
                action.status = "failed";
                let code = why.code.clone().unwrap_or_default();
                action.failure = Some((code, why.message.clone()));
                if !lost && why.kind == "card_error" {
                    let mut error = why.error();
                    if let Value::Object(fields) = &mut error {
                        // The intent is named by the action already.
                        fields.remove("payment_intent");
                    }
                    action.error = Some(error);
                }
                "terminal.reader.action_failed"
            }
        };
        reader.action = Some(action);
        reader.seen = self.now;
        let value = self.reader_value(&reader);
        let id = reader.id.clone();
        self.readers.put(&id, reader);
        self.emit(event, value);
    }

    fn pay_on_reader(
        &mut self,
        intent: &str,
        card: Presented,
        tip: i64,
        at: At,
    ) -> Result<(), Box<Refusal>> {
        let Some(found) = self.intents.get_mut(intent) else {
            return Err(Refusal::missing_object(
                "payment_intent",
                intent,
                "payment_intent",
            ));
        };
        if found.status != IntentStatus::RequiresPaymentMethod {
            // Cancelled meanwhile: the reader finds out when it confirms.
            return Err(
                Refusal::invalid("The PaymentIntent cannot be confirmed any more.")
                    .code("payment_intent_unexpected_state"),
            );
        }
        let interac = card.kind == MethodKind::InteracPresent;
        // Canada's debit network takes Canadian dollars, and captures at once.
        if !found.allows(card.kind) || (interac && found.currency != "cad") {
            return Err(Refusal::invalid(
                "The PaymentIntent expected a payment method with different properties than what \
                 was provided.",
            )
            .code("payment_intent_incompatible_payment_method"));
        }
        let behaviour = if interac && found.capture_method == "manual" {
            CardBehaviour::Declines(Decline::GenericDecline)
        } else {
            card.behaviour
        };
        let before = (found.amount, found.tip);
        if found.tip == 0 {
            found.tip = tip;
            found.amount = found.amount.saturating_add(tip);
        }
        let method = self.new_method(card.face, behaviour, card.kind);
        // Authentication is the reader's own affair: it asks for the PIN.
        let how = How {
            off_session: true,
            reader: Some(at),
            ..How::default()
        };
        let outcome = self.attempt(intent, &method, &how);
        if let (Err(_), Some(found)) = (&outcome, self.intents.get_mut(intent)) {
            // The next card's owner chooses a tip of their own.
            (found.amount, found.tip) = before;
        }
        outcome
    }

    /// Keeps a card that was presented; the id of the one that can be charged later.
    fn set_up_with_card(&mut self, setup: &str, card: Presented) -> Result<String, Box<Refusal>> {
        // Canada's debit cards cannot be kept by their own network.
        if card.kind == MethodKind::InteracPresent {
            return Err(Refusal::invalid(
                "The SetupIntent expected a payment method with different properties than what \
                 was provided.",
            )
            .code("setup_attempt_failed"));
        }
        let presented = self.new_method(card.face, card.behaviour, card.kind);
        let generated = self.new_method(card.face, card.behaviour, MethodKind::Card);
        self.give_card(setup, &presented, Some(&generated))?;
        Ok(generated)
    }

    /// Gives money back to a card that was presented; the id of the refund.
    ///
    /// Stripe says that another card fails, and not with which code.
    fn refund_with_card(
        &mut self,
        params: &Value,
        card: Presented,
    ) -> Result<String, Box<Refusal>> {
        let asked = self.asked_refund(params)?;
        let charge = self.charges.get(&asked.charge);
        let interac = MethodKind::InteracPresent;
        if card.kind != interac || asked.kind != interac {
            return Err(Refusal::invalid(
                "The charge to be refunded and the PaymentMethod provided for the refund must be \
                 interac_present type.",
            )
            .code("charge_invalid_parameter"));
        }
        if charge.is_none_or(|c| c.face != card.face) {
            return Err(
                Refusal::invalid("The card presented is not the card that was charged.")
                    .code("charge_invalid_parameter"),
            );
        }
        if let CardBehaviour::Declines(decline) = card.behaviour {
            let facts = decline.facts();
            return Err(Refusal::invalid(facts.message).code(facts.code));
        }
        Ok(self.make_refund(asked))
    }

    /// Whether a reader waits for a card.
    pub(crate) fn waits_for_a_card(&self, id: &str) -> bool {
        let action = self.readers.get(id).and_then(|r| r.action.as_ref());
        action.is_some_and(Action::waits)
    }

    fn reader_value(&self, reader: &Reader) -> Value {
        let action = reader.action.as_ref().map(|action| {
            let kind = action.task.kind();
            let mut value = json!({
                "failure_code": action.failure.as_ref().map(|(code, _)| code),
                "failure_message": action.failure.as_ref().map(|(_, message)| message),
                kind: action.task.value(),
                "status": action.status,
                "type": kind,
            });
            if let (Value::Object(fields), Some(error)) = (&mut value, &action.error) {
                fields.insert("api_error".to_owned(), error.clone());
            }
            value
        });
        json!({
            "id": reader.id,
            "object": "terminal.reader",
            "action": action,
            "device_sw_version": "2.30.0.12",
            "device_type": reader.device_type,
            "ip_address": "192.0.2.10",
            "label": reader.label,
            "last_seen_at": reader.seen.saturating_mul(1_000),
            "livemode": self.livemode,
            "location": reader.location,
            "metadata": reader.metadata,
            "serial_number": reader.serial,
            "status": reader.status(),
        })
    }
}

impl Reader {
    fn status(&self) -> &'static str {
        if self.behaviour.offline {
            "offline"
        } else {
            "online"
        }
    }
}

fn deleted(id: &str) -> Value {
    json!({ "id": id, "object": "terminal.reader", "deleted": true })
}
