//! Simulated card readers, driven as a smart reader is: over the API.
//!
//! Invariants:
//! - a reader does one thing at a time;
//! - a request that timed out may have reached the reader all the same.
//!
//! Sources: "Terminal Readers" in Stripe's API reference; "Collect card
//! payments" for server-driven integrations.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cards::{self, CardBehaviour, DEFAULT_FACE, Decline, Face};
use crate::forms;
use crate::intents::{How, IntentStatus};
use crate::lists;
use crate::state::{Job, State};
use crate::wire::{Outcome, Refusal};

/// How a reader, and the customer at it, behave from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct ReaderBehaviour {
    /// The reader has no network.
    pub offline: bool,
    /// Somebody else is using it.
    pub busy: bool,
    /// The request answers `terminal_reader_timeout`, and the reader acts.
    pub times_out_but_executes: bool,
    /// The request answers `terminal_reader_timeout`, and nothing happens.
    pub times_out: bool,
    /// The customer taps by itself after so many seconds of the stand-in's
    /// clock; absent if a test presents the card.
    pub taps_after_s: Option<i64>,
    /// A tip the customer adds, in the currency's smallest unit.
    pub tip_amount: i64,
    /// How the card is declined, if it is.
    pub decline: Option<Decline>,
}

#[derive(Debug, Clone)]
struct Action {
    intent: String,
    status: &'static str,
    failure: Option<(String, String)>,
    error: Option<Value>,
}

#[derive(Debug, Clone)]
pub(crate) struct Reader {
    id: String,
    label: String,
    pub(crate) behaviour: ReaderBehaviour,
    action: Option<Action>,
    seen: i64,
}

impl State {
    pub(crate) fn add_reader(&mut self, id: &str, label: &str, behaviour: ReaderBehaviour) {
        let reader = Reader {
            id: id.to_owned(),
            label: label.to_owned(),
            behaviour,
            action: None,
            seen: self.now,
        };
        self.readers.put(id, reader);
    }

    fn reader(&self, id: &str) -> Result<Reader, Box<Refusal>> {
        self.readers
            .get(id)
            .cloned()
            .ok_or_else(|| Refusal::missing_object("terminal.reader", id, "reader").status(404))
    }

    pub(crate) fn list_readers(&self, params: &Value) -> Outcome {
        let all = self
            .readers
            .newest_first()
            .into_iter()
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
        self.reader(id).map(|r| self.reader_value(&r))
    }

    fn reachable(reader: &Reader) -> Result<(), Box<Refusal>> {
        if reader.behaviour.offline {
            return Err(Refusal::invalid(
                "Reader is currently offline, please ensure the reader is powered on and \
                 connected to the internet before retrying your request.",
            )
            .code("terminal_reader_offline")
            .began());
        }
        let busy = reader
            .action
            .as_ref()
            .is_some_and(|a| a.status == "in_progress");
        if busy || reader.behaviour.busy {
            return Err(Refusal::invalid(
                "Reader is currently busy processing another request, please reference the \
                 integration guide at https://docs.stripe.com/terminal/payments/collect-card-payment \
                 for details on how to handle this error.",
            )
            .code("terminal_reader_busy")
            .began());
        }
        Ok(())
    }

    pub(crate) fn process_on_reader(&mut self, id: &str, params: &Value) -> Outcome {
        let mut reader = self.reader(id)?;
        let given = forms::text(params, "payment_intent").unwrap_or_default();
        let Some(intent) = self.intents.get(given) else {
            return Err(Refusal::missing_object(
                "payment_intent",
                given,
                "payment_intent",
            ));
        };
        if !intent
            .types
            .as_ref()
            .is_some_and(|t| t.iter().any(|w| w == "card_present"))
        {
            return Err(Refusal::invalid(
                "The PaymentIntent must allow the payment method type card_present to be \
                 processed on a reader.",
            )
            .code("payment_intent_invalid_parameter")
            .param("payment_intent"));
        }
        if intent.status != IntentStatus::RequiresPaymentMethod {
            let intent = intent.clone();
            return Err(self.unexpected(
                &intent,
                "The PaymentIntent must be in the requires_payment_method state to be processed \
                 on a reader."
                    .to_owned(),
            ));
        }
        Self::reachable(&reader)?;
        let timeout = || {
            Refusal::invalid(
                "There was a timeout when sending this command to the reader. Check the status \
                 of the reader and of the PaymentIntent before retrying.",
            )
            .code("terminal_reader_timeout")
            .began()
        };
        if reader.behaviour.times_out {
            return Err(timeout());
        }
        reader.action = Some(Action {
            intent: given.to_owned(),
            status: "in_progress",
            failure: None,
            error: None,
        });
        let value = self.reader_value(&reader);
        if let Some(seconds) = reader.behaviour.taps_after_s {
            self.later(seconds, Job::ReaderTaps(id.to_owned()));
        }
        let late = reader.behaviour.times_out_but_executes;
        self.readers.put(id, reader);
        if late { Err(timeout()) } else { Ok(value) }
    }

    pub(crate) fn cancel_reader_action(&mut self, id: &str) -> Outcome {
        let mut reader = self.reader(id)?;
        if reader.behaviour.offline {
            Self::reachable(&reader)?;
        }
        reader.action = None;
        let value = self.reader_value(&reader);
        self.readers.put(id, reader);
        Ok(value)
    }

    pub(crate) fn present_card(&mut self, id: &str, params: &Value) -> Outcome {
        let reader = self.reader(id)?;
        if reader
            .action
            .as_ref()
            .is_none_or(|a| a.status != "in_progress")
        {
            return Err(Refusal::invalid("The reader is not waiting for a card.").began());
        }
        let number = ["card_present", "card", "interac_present"]
            .iter()
            .find_map(|kind| params.get(*kind).and_then(|k| forms::text(k, "number")));
        let (face, behaviour) = number.map_or((DEFAULT_FACE, CardBehaviour::Succeeds), by_number);
        self.tap(id, face, behaviour, forms::whole(params, "amount_tip"));
        self.retrieve_reader(id)
    }

    pub(crate) fn reader_taps(&mut self, id: &str) {
        self.tap(id, DEFAULT_FACE, CardBehaviour::Succeeds, None);
    }

    fn tap(&mut self, id: &str, face: Face, card: CardBehaviour, tip: Option<i64>) {
        let Ok(mut reader) = self.reader(id) else {
            return;
        };
        let Some(mut action) = reader.action.take().filter(|a| a.status == "in_progress") else {
            return;
        };
        let card = reader
            .behaviour
            .decline
            .map_or(card, CardBehaviour::Declines);
        let tip = tip.unwrap_or(reader.behaviour.tip_amount).max(0);
        if let Some(intent) = self.intents.get_mut(&action.intent)
            && tip > 0
            && intent.tip == 0
        {
            intent.tip = tip;
            intent.amount = intent.amount.saturating_add(tip);
        }
        let still = self
            .intents
            .get(&action.intent)
            .is_some_and(|i| i.status == IntentStatus::RequiresPaymentMethod);
        let outcome = if still {
            let method = self.new_method(face, card, true);
            // Authentication is the reader's own affair: it asks for the PIN.
            let how = How {
                off_session: true,
                reader: Some(id.to_owned()),
                ..How::default()
            };
            self.attempt(&action.intent, &method, &how)
        } else {
            // Cancelled meanwhile: the reader finds out when it confirms.
            Err(
                Refusal::invalid("The PaymentIntent cannot be confirmed any more.")
                    .code("payment_intent_unexpected_state"),
            )
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
                let mut error = why.error();
                if let Value::Object(fields) = &mut error {
                    // The intent is named by the action already.
                    fields.remove("payment_intent");
                }
                action.error = Some(error);
                "terminal.reader.action_failed"
            }
        };
        reader.action = Some(action);
        reader.seen = self.now;
        let value = self.reader_value(&reader);
        self.readers.put(id, reader);
        self.emit(event, value);
    }

    pub(crate) fn reader_value(&self, reader: &Reader) -> Value {
        let action = reader.action.as_ref().map(|action| {
            let mut value = json!({
                "failure_code": action.failure.as_ref().map(|(code, _)| code),
                "failure_message": action.failure.as_ref().map(|(_, message)| message),
                "process_payment_intent": { "payment_intent": action.intent },
                "status": action.status,
                "type": "process_payment_intent",
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
            "device_type": "simulated_wisepos_e",
            "ip_address": "192.0.2.10",
            "label": reader.label,
            "last_seen_at": reader.seen.saturating_mul(1_000),
            "livemode": self.livemode,
            "location": "tml_StandInCounter",
            "metadata": {},
            "serial_number": reader.id.trim_start_matches("tmr_"),
            "status": if reader.behaviour.offline { "offline" } else { "online" },
        })
    }
}

/// Stripe's test card numbers, by what their bank says.
/// Source: "Testing" in Stripe's Terminal documentation.
fn by_number(number: &str) -> (Face, CardBehaviour) {
    let name = match number {
        "4000000000000002" => "pm_card_chargeDeclined",
        "4000000000009995" => "pm_card_chargeDeclinedInsufficientFunds",
        "4000000000009987" => "pm_card_chargeDeclinedLostCard",
        "4000000000009979" => "pm_card_chargeDeclinedStolenCard",
        "4000000000000069" => "pm_card_chargeDeclinedExpiredCard",
        "5555555555554444" => "pm_card_mastercard",
        "378282246310005" => "pm_card_amex",
        _ => "pm_card_visa",
    };
    cards::test_card(name).unwrap_or((DEFAULT_FACE, CardBehaviour::Succeeds))
}
