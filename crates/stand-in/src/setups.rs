//! Cards that are kept without charging them: SetupIntents, the page that collects a
//! card for one, and taking a card off its customer again.
//!
//! Invariants:
//! - a SetupIntent that succeeded has one card, and it is its customer's;
//! - a card that was taken off its customer is never charged again.
//!
//! Sources: "SetupIntents", "SetupAttempts" and "Payment Methods" in Stripe's API
//! reference.

use serde_json::{Value, json};

use crate::cards::{CardBehaviour, Decline};
use crate::currencies;
use crate::forms::{self, Metadata};
use crate::lists;
use crate::sessions::Session;
use crate::state::State;
use crate::wire::{Outcome, Refusal};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetupStatus {
    RequiresPaymentMethod,
    Succeeded,
}

#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) id: String,
    pub(crate) status: SetupStatus,
    created: i64,
    customer: Option<String>,
    usage: String,
    types: Vec<String>,
    metadata: Metadata,
    description: Option<String>,
    method: Option<String>,
    attempt: Option<String>,
    last_error: Option<Value>,
}

/// One try to give a card.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    id: String,
    created: i64,
    setup: String,
    /// What was given.
    method: String,
    /// The reusable card of one that was given at a reader.
    generated: Option<String>,
    error: Option<Value>,
}

impl Setup {
    pub(crate) fn allows(&self, kind: &str) -> bool {
        self.types.iter().any(|t| t == kind)
    }
}

fn missing(name: &str) -> Box<Refusal> {
    Refusal::invalid(format!("Missing required param: {name}."))
        .code("parameter_missing")
        .param(name)
}

impl State {
    fn new_setup(&mut self, params: &Value, types: Vec<String>, data: &Value) -> Outcome {
        let customer = forms::owned(params, "customer");
        if let Some(id) = customer
            .as_deref()
            .filter(|id| self.customers.get(id).is_none())
        {
            return Err(Refusal::missing_object("customer", id, "customer"));
        }
        let metadata = forms::merge_metadata(&Metadata::new(), data, "metadata")?;
        let id = self.id("seti_1", 23);
        let setup = Setup {
            id: id.clone(),
            status: SetupStatus::RequiresPaymentMethod,
            created: self.now,
            customer,
            usage: forms::owned(params, "usage").unwrap_or_else(|| "off_session".to_owned()),
            types,
            metadata,
            description: forms::owned(data, "description"),
            method: None,
            attempt: None,
            last_error: None,
        };
        let value = self.setup_value(&setup);
        self.setups.put(&id, setup);
        self.emit("setup_intent.created", value.clone());
        Ok(value)
    }

    pub(crate) fn create_setup(&mut self, params: &Value) -> Outcome {
        let types = forms::words(params, "allowed_payment_method_types")
            .unwrap_or_else(|| vec!["card".to_owned()]);
        self.new_setup(params, types, params)
    }

    pub(crate) fn retrieve_setup(&self, id: &str) -> Outcome {
        self.setups
            .get(id)
            .map(|s| self.setup_value(s))
            .ok_or_else(|| Refusal::missing_object("setup_intent", id, "intent").status(404))
    }

    /// A page that collects a card and charges nothing.
    pub(crate) fn create_setup_session(&mut self, params: &Value) -> Outcome {
        if forms::text(params, "success_url").is_none() {
            return Err(missing("success_url"));
        }
        for only in ["line_items", "payment_intent_data"] {
            if params.get(only).is_some() {
                return Err(Refusal::invalid(format!(
                    "You can not pass `{only}` in `setup` mode."
                ))
                .param(only));
            }
        }
        let types = forms::words(params, "allowed_payment_method_types");
        let currency = match forms::text(params, "currency") {
            Some(word) => Some(currencies::currency(word)?),
            None if types.is_none() => return Err(missing("currency")),
            None => None,
        };
        let nothing = json!({});
        let data = params.get("setup_intent_data").unwrap_or(&nothing).clone();
        let kinds = types.clone().unwrap_or_else(|| vec!["card".to_owned()]);
        let setup = self.new_setup(params, kinds, &data)?;
        let metadata = forms::merge_metadata(&Metadata::new(), params, "metadata")?;
        let id = self.id("cs_test_", 58);
        let session = Session::for_setup(
            id,
            self.now,
            setup.get("id").and_then(Value::as_str).unwrap_or_default(),
            currency,
            types,
            metadata,
            params,
        );
        Ok(self.open_setup_session(session))
    }

    /// The customer gives a card on the page of a session. A card that is declined
    /// leaves the page open.
    pub(crate) fn save_on_page(&mut self, id: &str, card: &str) -> Outcome {
        let session = self.open_session(id, "completed")?;
        let Some(setup) = session.setup.clone() else {
            return Err(Refusal::invalid(
                "This Checkout Session is to be paid: it saves no card.",
            ));
        };
        let method = self.method_for(card, None)?;
        self.give_card(&setup, &method, None)?;
        Ok(self.complete_session(session))
    }

    /// A card is given for a SetupIntent; `generated` is what can be charged later where
    /// it was given at a reader.
    pub(crate) fn give_card(
        &mut self,
        id: &str,
        method: &str,
        generated: Option<&str>,
    ) -> Result<(), Box<Refusal>> {
        let Some(mut setup) = self.setups.get(id).cloned() else {
            return Err(Refusal::missing_object("setup_intent", id, "setup_intent"));
        };
        if setup.status == SetupStatus::Succeeded {
            return Err(Refusal::invalid(
                "You cannot confirm this SetupIntent because it has already succeeded.",
            )
            .code("setup_intent_unexpected_state")
            .began());
        }
        let decline = match self.methods.get(method).map(|m| m.behaviour) {
            Some(CardBehaviour::Declines(decline)) => Some(decline),
            Some(_) | None => None,
        };
        let refused = decline.map(declined);
        let attempt = Attempt {
            id: self.id("setatt_1", 23),
            created: self.now,
            setup: id.to_owned(),
            method: method.to_owned(),
            generated: generated.filter(|_| decline.is_none()).map(str::to_owned),
            error: refused.as_ref().map(|why| why.error()),
        };
        setup.attempt = Some(attempt.id.clone());
        setup.last_error = attempt.error.clone();
        let id_of_attempt = attempt.id.clone();
        self.attempts.put(&id_of_attempt, attempt);
        if let Some(why) = refused {
            let value = self.setup_value(&setup);
            self.setups.put(id, setup);
            self.emit("setup_intent.setup_failed", value);
            return Err(why);
        }
        setup.status = SetupStatus::Succeeded;
        setup.method = Some(method.to_owned());
        let kept = generated.unwrap_or(method);
        if let Some(card) = self.methods.get_mut(kept) {
            card.customer.clone_from(&setup.customer);
        }
        if let Some(card) = self.methods.get(kept).map(|m| self.method_value(m)) {
            self.emit("payment_method.attached", card);
        }
        let value = self.setup_value(&setup);
        self.setups.put(id, setup);
        self.emit("setup_intent.succeeded", value);
        Ok(())
    }

    pub(crate) fn detach_method(&mut self, id: &str) -> Outcome {
        let Some(method) = self.methods.get_mut(id) else {
            return Err(Refusal::missing_object("PaymentMethod", id, "payment_method").status(404));
        };
        if method.customer.is_none() {
            return Err(Refusal::invalid(
                "The payment method you provided is not attached to a customer so detachment is \
                 impossible.",
            )
            .began());
        }
        method.customer = None;
        method.detached = true;
        let value = self.retrieve_method(id)?;
        self.emit("payment_method.detached", value.clone());
        Ok(value)
    }

    /// The bank replaces a card: another expiry, and the card network says so.
    pub(crate) fn renew_method(&mut self, id: &str, month: u32, year: u32) -> bool {
        let Some(method) = self.methods.get_mut(id) else {
            return false;
        };
        method.expires = (month, year);
        if let Ok(value) = self.retrieve_method(id) {
            self.emit("payment_method.automatically_updated", value);
        }
        true
    }

    pub(crate) fn cards_of(&self, customer: &str) -> Vec<String> {
        let cards = self.methods.newest_first().into_iter();
        cards
            .filter(|m| m.customer.as_deref() == Some(customer))
            .map(|m| m.id.clone())
            .collect()
    }

    pub(crate) fn list_methods(&self, params: &Value) -> Outcome {
        let customer = forms::text(params, "customer");
        let all = self
            .methods
            .newest_first()
            .into_iter()
            .filter(|m| customer.is_some() && m.customer.as_deref() == customer)
            .map(|m| (m.id.clone(), m.created))
            .collect();
        let page = lists::page(all, params, "payment_method")?;
        let data = page
            .ids
            .iter()
            .filter_map(|id| self.methods.get(id))
            .map(|m| self.method_value(m))
            .collect();
        Ok(lists::list("/v1/payment_methods", data, page.has_more))
    }

    pub(crate) fn setup_value(&self, setup: &Setup) -> Value {
        let status = match setup.status {
            SetupStatus::RequiresPaymentMethod => "requires_payment_method",
            SetupStatus::Succeeded => "succeeded",
        };
        json!({
            "id": setup.id,
            "object": "setup_intent",
            "allowed_payment_method_types": setup.types,
            "application": null,
            "automatic_payment_methods": null,
            "cancellation_reason": null,
            "client_secret": format!("{}_secret_standin", setup.id),
            "created": setup.created,
            "customer": setup.customer,
            "description": setup.description,
            "excluded_payment_method_types": null,
            "flow_directions": null,
            "last_setup_error": setup.last_error,
            "latest_attempt": setup.attempt,
            "livemode": self.livemode,
            "mandate": null,
            "metadata": setup.metadata,
            "next_action": null,
            "on_behalf_of": null,
            "payment_method": setup.method,
            "payment_method_configuration_details": null,
            "payment_method_options": {},
            "payment_method_types": setup.types,
            "single_use_mandate": null,
            "status": status,
            "usage": setup.usage,
        })
    }

    pub(crate) fn attempt_value(&self, attempt: &Attempt) -> Value {
        let details = match &attempt.generated {
            Some(generated) => json!({
                "card_present": { "generated_card": generated, "offline": null },
                "type": "card_present",
            }),
            None => json!({ "card": {}, "type": "card" }),
        };
        json!({
            "id": attempt.id,
            "object": "setup_attempt",
            "application": null,
            "attach_to_self": false,
            "created": attempt.created,
            "customer": self.setups.get(&attempt.setup).and_then(|s| s.customer.clone()),
            "flow_directions": null,
            "livemode": self.livemode,
            "on_behalf_of": null,
            "payment_method": attempt.method,
            "payment_method_details": details,
            "setup_error": attempt.error,
            "setup_intent": attempt.setup,
            "status": if attempt.error.is_some() { "failed" } else { "succeeded" },
            "usage": "off_session",
        })
    }
}

fn declined(decline: Decline) -> Box<Refusal> {
    let facts = decline.facts();
    Refusal::invalid(facts.message)
        .status(402)
        .kind("card_error")
        .code(facts.code)
        .with("decline_code", facts.decline_code.into())
        .began()
}
