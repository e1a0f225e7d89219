//! Checkout Sessions: the page behind a pay link.
//!
//! Invariant: a session is paid at most once, and only while it is open.
//!
//! Source: "Checkout Sessions" in Stripe's API reference.

use serde_json::{Value, json};

use crate::currencies;
use crate::forms::{self, Metadata};
use crate::intents::How;
use crate::state::{Job, State};
use crate::wire::{Outcome, Refusal};

const DAY_S: i64 = 86_400;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SessionStatus {
    Open,
    Complete,
    Expired,
}

#[derive(Debug, Clone)]
struct Item {
    name: String,
    quantity: i64,
    unit: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) id: String,
    created: i64,
    expires_at: i64,
    amount: i64,
    /// Absent where a page collects a card and was told of no currency.
    currency: Option<String>,
    items: Vec<Item>,
    status: SessionStatus,
    intent: Option<String>,
    intent_data: Value,
    metadata: Metadata,
    customer: Option<String>,
    customer_email: Option<String>,
    client_reference_id: Option<String>,
    success_url: Option<String>,
    cancel_url: Option<String>,
    locale: Option<String>,
    types: Option<Vec<String>>,
    /// The SetupIntent of a page that collects a card and charges nothing.
    pub(crate) setup: Option<String>,
    /// What the page says over its button.
    says: Option<String>,
}

/// What a person sees of a session.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    /// It saves a card, and charges nothing.
    pub(crate) saves: bool,
    pub(crate) is_open: bool,
    pub(crate) says: Option<String>,
}

/// What the page is to say over its button.
fn says(params: &Value) -> Option<String> {
    forms::owned(params.get("custom_text")?.get("submit")?, "message")
}

impl Session {
    /// A page that collects a card.
    pub(crate) fn for_setup(
        id: String,
        now: i64,
        setup: &str,
        currency: Option<String>,
        types: Option<Vec<String>>,
        metadata: Metadata,
        params: &Value,
    ) -> Self {
        Self {
            id,
            created: now,
            expires_at: now.saturating_add(DAY_S),
            amount: 0,
            currency,
            items: Vec::new(),
            status: SessionStatus::Open,
            intent: None,
            intent_data: Value::Null,
            metadata,
            customer: forms::owned(params, "customer"),
            customer_email: None,
            client_reference_id: forms::owned(params, "client_reference_id"),
            success_url: forms::owned(params, "success_url"),
            cancel_url: forms::owned(params, "cancel_url"),
            locale: forms::owned(params, "locale"),
            types,
            setup: Some(setup.to_owned()),
            says: says(params),
        }
    }

    /// The tender it is for, while a customer could still pay it.
    pub(crate) fn payable_tender(&self, now: i64) -> Option<String> {
        let open = matches!(self.status, SessionStatus::Open) && now < self.expires_at;
        self.metadata.get("tender_id").filter(|_| open).cloned()
    }
}

impl State {
    pub(crate) fn create_session(&mut self, params: &Value) -> Outcome {
        let missing = |name: &str| {
            Refusal::invalid(format!("Missing required param: {name}."))
                .code("parameter_missing")
                .param(name)
        };
        match forms::text(params, "mode") {
            None => return Err(missing("mode")),
            Some("payment") => {}
            Some("setup") => return self.create_setup_session(params),
            Some(_) => {
                return Err(Refusal::invalid(
                    "The stand-in has no other mode than payment and setup.",
                )
                .param("mode"));
            }
        }
        let hosted = forms::text(params, "ui_mode").is_none_or(|m| m == "hosted_page");
        if hosted && forms::text(params, "success_url").is_none() {
            return Err(missing("success_url"));
        }
        let given = params.get("line_items").and_then(Value::as_array);
        let given = given
            .filter(|items| !items.is_empty())
            .ok_or_else(|| missing("line_items"))?;
        let mut items = Vec::new();
        let mut amount: i64 = 0;
        let mut currency: Option<String> = None;
        for (at, item) in given.iter().enumerate() {
            let path = |rest: &str| format!("line_items[{at}]{rest}");
            let price = item
                .get("price_data")
                .ok_or_else(|| missing(&path("[price_data]")))?;
            let unit = forms::whole(price, "unit_amount")
                .ok_or_else(|| missing(&path("[price_data][unit_amount]")))?;
            if unit < 0 {
                return Err(
                    Refusal::invalid("This value must be greater than or equal to 0.")
                        .code("parameter_invalid_integer")
                        .param(&path("[price_data][unit_amount]")),
                );
            }
            let quantity =
                forms::whole(item, "quantity").ok_or_else(|| missing(&path("[quantity]")))?;
            if quantity < 1 {
                return Err(
                    Refusal::invalid("This value must be greater than or equal to 1.")
                        .code("parameter_invalid_integer")
                        .param(&path("[quantity]")),
                );
            }
            let named = price
                .get("product_data")
                .and_then(|p| forms::owned(p, "name"));
            let name = named
                .or_else(|| forms::owned(price, "product"))
                .ok_or_else(|| missing(&path("[price_data][product]")))?;
            let this = currencies::currency(forms::text(price, "currency").unwrap_or_default())?;
            if currency.as_ref().is_some_and(|c| *c != this) {
                return Err(Refusal::invalid(
                    "All line items must have the same currency in one Checkout Session.",
                )
                .param("line_items"));
            }
            currency = Some(this);
            amount = amount.saturating_add(unit.saturating_mul(quantity));
            items.push(Item {
                name,
                quantity,
                unit,
            });
        }
        let currency = currency.ok_or_else(|| missing("line_items"))?;
        currencies::chargeable(amount, &currency)?;
        let expires_at =
            forms::whole(params, "expires_at").unwrap_or_else(|| self.now.saturating_add(DAY_S));
        let ahead = expires_at.saturating_sub(self.now);
        if !(1_800..=DAY_S).contains(&ahead) {
            return Err(Refusal::invalid(
                "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from \
                 Checkout Session creation.",
            )
            .param("expires_at"));
        }
        let customer = forms::owned(params, "customer");
        if let Some(id) = customer
            .as_deref()
            .filter(|id| self.customers.get(id).is_none())
        {
            return Err(Refusal::missing_object("customer", id, "customer"));
        }
        if customer.is_some() && forms::text(params, "customer_email").is_some() {
            return Err(Refusal::invalid(
                "You may only specify one of these parameters: customer, customer_email.",
            )
            .code("parameters_exclusive"));
        }
        let metadata = forms::merge_metadata(&Metadata::new(), params, "metadata")?;
        let intent_data = params
            .get("payment_intent_data")
            .cloned()
            .unwrap_or(Value::Null);
        forms::merge_metadata(&Metadata::new(), &intent_data, "metadata")?;
        let id = self.id("cs_test_", 58);
        let session = Session {
            id: id.clone(),
            created: self.now,
            expires_at,
            amount,
            currency: Some(currency),
            items,
            status: SessionStatus::Open,
            intent: None,
            intent_data,
            metadata,
            customer,
            customer_email: forms::owned(params, "customer_email"),
            client_reference_id: forms::owned(params, "client_reference_id"),
            success_url: forms::owned(params, "success_url"),
            cancel_url: forms::owned(params, "cancel_url"),
            locale: forms::owned(params, "locale"),
            types: forms::words(params, "allowed_payment_method_types"),
            setup: None,
            says: says(params),
        };
        let value = self.session_value(&session);
        self.sessions.put(&id, session);
        self.later(ahead, Job::SessionExpires(id));
        Ok(value)
    }

    fn session(&self, id: &str) -> Result<Session, Box<Refusal>> {
        self.sessions
            .get(id)
            .cloned()
            .ok_or_else(|| Refusal::missing_object("checkout.session", id, "session").status(404))
    }

    pub(crate) fn retrieve_session(&self, id: &str) -> Outcome {
        self.session(id).map(|s| self.session_value(&s))
    }

    pub(crate) fn open_session(&self, id: &str, done: &str) -> Result<Session, Box<Refusal>> {
        let session = self.session(id)?;
        let word = match session.status {
            SessionStatus::Open => return Ok(session),
            SessionStatus::Complete => "complete",
            SessionStatus::Expired => "expired",
        };
        Err(Refusal::invalid(format!(
            "Only Checkout Sessions with a status in [\"open\"] can be {done}. This Checkout \
             Session has a status of {word}."
        ))
        .began())
    }

    pub(crate) fn expire_session(&mut self, id: &str) -> Outcome {
        self.open_session(id, "expired")?;
        self.session_expires(id);
        self.retrieve_session(id)
    }

    pub(crate) fn session_expires(&mut self, id: &str) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        if session.status != SessionStatus::Open {
            return;
        }
        session.status = SessionStatus::Expired;
        let session = session.clone();
        let value = self.session_value(&session);
        self.emit("checkout.session.expired", value);
    }

    /// The customer pays on the page. A declined card leaves the page open.
    pub(crate) fn pay_session(&mut self, id: &str, method: &str) -> Outcome {
        let mut session = self.open_session(id, "paid")?;
        if session.setup.is_some() {
            return Err(Refusal::invalid(
                "This Checkout Session is in `setup` mode: there is nothing to pay.",
            ));
        }
        let intent = match session.intent.clone() {
            Some(intent) => intent,
            None => self
                .intent_for_session(
                    session.amount,
                    session.currency.as_deref().unwrap_or_default(),
                    &session.intent_data,
                    session.customer.as_deref(),
                )
                .ok_or_else(|| Refusal::invalid("This Checkout Session cannot be paid."))?,
        };
        session.intent = Some(intent.clone());
        self.sessions.put(id, session.clone());
        let method = self.method_for(method, session.customer.as_deref())?;
        // On the page the customer is there, and authenticates when asked.
        let how = How {
            return_url: session.success_url.clone(),
            ..How::default()
        };
        self.attempt(&intent, &method, &how)?;
        // Only an intent that waits for its customer has anything to do here.
        let _nothing_to_do = self.authenticate(&intent, true);
        session.status = SessionStatus::Complete;
        let value = self.session_value(&session);
        self.sessions.put(id, session);
        self.emit("checkout.session.completed", value.clone());
        Ok(value)
    }

    pub(crate) fn open_setup_session(&mut self, session: Session) -> Value {
        let value = self.session_value(&session);
        let id = session.id.clone();
        let ahead = session.expires_at.saturating_sub(self.now);
        self.sessions.put(&id, session);
        self.later(ahead, Job::SessionExpires(id));
        value
    }

    pub(crate) fn complete_session(&mut self, mut session: Session) -> Value {
        session.status = SessionStatus::Complete;
        let value = self.session_value(&session);
        let id = session.id.clone();
        self.sessions.put(&id, session);
        self.emit("checkout.session.completed", value.clone());
        value
    }

    fn session_value(&self, session: &Session) -> Value {
        let (status, paid) = match session.status {
            SessionStatus::Open => ("open", "unpaid"),
            SessionStatus::Complete => ("complete", "paid"),
            SessionStatus::Expired => ("expired", "unpaid"),
        };
        // Until it is paid, Stripe shows no intent.
        let intent = session.intent.as_ref().filter(|_| paid == "paid");
        let url = match session.status {
            SessionStatus::Open => Some(format!("{}{}", self.checkout_base, session.id)),
            SessionStatus::Complete | SessionStatus::Expired => None,
        };
        let email = session.customer_email.as_deref();
        let saves = session.setup.is_some();
        let amount = Some(session.amount).filter(|_| !saves);
        let collection = if saves { "always" } else { "if_required" };
        let made = if saves || session.customer.is_some() {
            None
        } else {
            Some("if_required")
        };
        let totals = json!({ "amount_discount": 0, "amount_shipping": 0, "amount_tax": 0 });
        json!({
            "id": session.id,
            "object": "checkout.session",
            "adaptive_pricing": { "enabled": false },
            "after_expiration": null,
            "allow_promotion_codes": null,
            "allowed_payment_method_types": session.types,
            "amount_subtotal": amount,
            "amount_total": amount,
            "automatic_tax": { "enabled": false, "liability": null, "provider": null, "status": null },
            "billing_address_collection": null,
            "cancel_url": session.cancel_url,
            "client_reference_id": session.client_reference_id,
            "client_secret": null,
            "consent": null,
            "consent_collection": null,
            "created": session.created,
            "currency": session.currency,
            "currency_conversion": null,
            "custom_fields": [],
            "custom_text": {
                "after_submit": null,
                "shipping_address": null,
                "submit": session.says.as_ref().map(|message| json!({ "message": message })),
                "terms_of_service_acceptance": null,
            },
            "customer": session.customer,
            "customer_creation": made,
            "customer_details": email.map(|email| json!({
                "address": null,
                "email": email,
                "name": null,
                "phone": null,
                "tax_exempt": "none",
                "tax_ids": null,
            })),
            "customer_email": email,
            "discounts": null,
            "expires_at": session.expires_at,
            "invoice": null,
            "invoice_creation": null,
            "livemode": self.livemode,
            "locale": session.locale,
            "metadata": session.metadata,
            "mode": if saves { "setup" } else { "payment" },
            "payment_intent": intent,
            "payment_link": null,
            "payment_method_collection": collection,
            "payment_method_configuration_details": null,
            "payment_method_options": {},
            "payment_method_types": session.types.clone().unwrap_or_else(|| vec!["card".to_owned()]),
            "payment_status": if saves { "no_payment_required" } else { paid },
            "permissions": null,
            "phone_number_collection": { "enabled": false },
            "recovered_from": null,
            "saved_payment_method_options": null,
            "setup_intent": session.setup,
            "shipping_address_collection": null,
            "shipping_cost": null,
            "shipping_options": [],
            "status": status,
            "submit_type": null,
            "subscription": null,
            "success_url": session.success_url,
            "total_details": Some(totals).filter(|_| !saves),
            "ui_mode": "hosted_page",
            "url": url,
            "wallet_options": null,
        })
    }

    /// A page as a person sees it.
    pub(crate) fn page(&self, id: &str) -> Option<Page> {
        let session = self.sessions.get(id)?;
        Some(Page {
            saves: session.setup.is_some(),
            is_open: session.status == SessionStatus::Open && self.now < session.expires_at,
            says: session.says.clone(),
        })
    }

    /// What the page shows: what, how many, how much each.
    pub(crate) fn session_lines(&self, id: &str) -> Option<Value> {
        let session = self.sessions.get(id)?;
        let lines: Vec<Value> = session
            .items
            .iter()
            .map(|i| json!({ "name": i.name, "quantity": i.quantity, "unit_amount": i.unit }))
            .collect();
        Some(json!({
            "session": session.id,
            "amount": session.amount,
            "currency": session.currency,
            "lines": lines,
        }))
    }
}
