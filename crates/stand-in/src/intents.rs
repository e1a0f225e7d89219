//! PaymentIntents and the charges they make.
//!
//! Invariants:
//! - an intent that was never confirmed has moved no money;
//! - an intent has at most one charge that succeeded.
//!
//! Sources: "PaymentIntents" and "Charges" in Stripe's API reference; "How
//! PaymentIntents work" for the statuses.

use serde_json::{Value, json};

use crate::cards::{CardBehaviour, Decline, DeclineFacts, Face, MethodKind};
use crate::currencies;
use crate::customers::{PaymentMethod, billing_details};
use crate::forms::{self, Metadata};
use crate::lists;
use crate::state::{Job, State};
use crate::wire::{Outcome, Refusal};

/// How long an authorisation waits to be captured, in seconds.
const CAPTURE_WITHIN_S: i64 = 7 * 86_400;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IntentStatus {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Processing,
    RequiresCapture,
    Succeeded,
    Canceled,
}

impl Intent {
    /// Whether it allows a kind of payment method; a page's are the dashboard's.
    pub(crate) fn allows(&self, kind: MethodKind) -> bool {
        match &self.types {
            Some(types) => types.iter().any(|t| t == kind.as_str()),
            None => kind == MethodKind::Card,
        }
    }

    /// A request that is on its way, a card at a reader, or what is under way at the
    /// bank, can charge it.
    pub(crate) fn is_chargeable(&self) -> bool {
        match self.status {
            IntentStatus::RequiresPaymentMethod => {
                self.allows(MethodKind::CardPresent) || self.allows(MethodKind::InteracPresent)
            }
            IntentStatus::RequiresConfirmation
            | IntentStatus::RequiresAction
            | IntentStatus::Processing
            | IntentStatus::RequiresCapture => true,
            IntentStatus::Succeeded | IntentStatus::Canceled => false,
        }
    }
}

impl IntentStatus {
    fn as_str(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::Processing => "processing",
            Self::RequiresCapture => "requires_capture",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Intent {
    pub(crate) id: String,
    pub(crate) amount: i64,
    pub(crate) tip: i64,
    pub(crate) currency: String,
    pub(crate) status: IntentStatus,
    pub(crate) metadata: Metadata,
    pub(crate) customer: Option<String>,
    pub(crate) latest_charge: Option<String>,
    /// What `allowed_payment_method_types` named; absent for the dashboard's.
    pub(crate) types: Option<Vec<String>>,
    created: i64,
    method: Option<String>,
    pub(crate) capture_method: String,
    confirmation_method: String,
    allow_redirects: String,
    client_secret: String,
    amount_received: i64,
    amount_capturable: i64,
    description: Option<String>,
    receipt_email: Option<String>,
    setup_future_usage: Option<String>,
    statement_descriptor: Option<String>,
    statement_descriptor_suffix: Option<String>,
    canceled_at: Option<i64>,
    cancellation_reason: Option<String>,
    last_error: Option<Value>,
    next_action: Option<Value>,
}

#[derive(Debug, Clone)]
pub(crate) struct Charge {
    pub(crate) id: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) intent: String,
    pub(crate) metadata: Metadata,
    /// What was taken; 0 until it is captured.
    pub(crate) captured: i64,
    pub(crate) is_captured: bool,
    pub(crate) succeeded: bool,
    pub(crate) disputed: bool,
    pub(crate) face: Face,
    pub(crate) behaviour: CardBehaviour,
    pub(crate) method: String,
    created: i64,
    pending: bool,
    /// An authorisation given back without being captured.
    released: bool,
    customer: Option<String>,
    description: Option<String>,
    receipt_email: Option<String>,
    decline: Option<Decline>,
    pub(crate) kind: MethodKind,
    /// What the customer added at the reader; part of the amount.
    pub(crate) tip: i64,
    /// Where the card was presented.
    pub(crate) present: Option<At>,
    authorization: String,
    balance: Option<(String, i64)>,
}

/// How a customer is there to be asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct How {
    pub(crate) off_session: bool,
    pub(crate) error_on_action: bool,
    pub(crate) return_url: Option<String>,
    /// The reader the card was tapped on.
    pub(crate) reader: Option<At>,
}

/// Where a card was presented.
#[derive(Debug, Clone)]
pub(crate) struct At {
    pub(crate) reader: String,
    pub(crate) location: Option<String>,
}

impl How {
    fn read(params: &Value) -> Self {
        let off_session = match params.get("off_session") {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(word)) => word != "false",
            Some(Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_)) | None => {
                false
            }
        };
        Self {
            off_session,
            error_on_action: forms::flag(params, "error_on_requires_action").unwrap_or(false),
            return_url: forms::owned(params, "return_url"),
            reader: None,
        }
    }
}

fn outcome(charge: &Charge) -> Value {
    let facts = charge.decline.map(Decline::facts);
    match facts {
        None => json!({
            "advice_code": null,
            "network_advice_code": null,
            "network_decline_code": null,
            "network_status": "approved_by_network",
            "reason": null,
            "risk_level": "normal",
            "risk_score": 12,
            "seller_message": "Payment complete.",
            "type": "authorized",
        }),
        Some(facts) => json!({
            "advice_code": facts.advice_code,
            "network_advice_code": null,
            "network_decline_code": facts.network_decline_code,
            "network_status": if facts.blocked { "not_sent_to_network" } else { "declined_by_network" },
            "reason": if facts.blocked { Some("highest_risk_level") } else { facts.decline_code },
            "risk_level": if facts.blocked { "highest" } else { "normal" },
            "risk_score": if facts.blocked { 92 } else { 12 },
            "seller_message": if facts.blocked {
                "Stripe blocked this payment as too risky."
            } else {
                "The bank did not return any further details with this decline."
            },
            "type": if facts.blocked { "blocked" } else { "issuer_declined" },
        }),
    }
}

/// The slip of a card that was presented: what a receipt must show of it.
/// Source: "Receipts" in Stripe's Terminal documentation.
fn slip(charge: &Charge) -> Value {
    let face = charge.face;
    let interac = charge.kind == MethodKind::InteracPresent;
    let file = match face.brand {
        "interac" => "A0000002771010",
        "mastercard" => "A0000000041010",
        "amex" => "A000000025010801",
        "discover" => "A0000001523010",
        _ => "A0000000031010",
    };
    let account = match face.funding {
        "debit" => "checking",
        "prepaid" => "prepaid",
        _ => "credit",
    };
    json!({
        "account_type": account,
        "application_cryptogram": "AC1D5E2F90B3C477",
        "application_preferred_name": face.brand.to_ascii_uppercase(),
        "authorization_code": if charge.succeeded { Some(&charge.authorization) } else { None },
        "authorization_response_code": if charge.succeeded { "3030" } else { "3035" },
        "cardholder_verification_method": if interac { "offline_pin" } else { "approval" },
        "dedicated_file_name": file,
        "terminal_verification_results": "0000000000",
        "transaction_status_information": "0000",
    })
}

fn present_details(charge: &Charge, at: &At) -> Value {
    let face = charge.face;
    let kind = charge.kind.as_str();
    let details = match charge.kind {
        MethodKind::InteracPresent => json!({
            "brand": face.brand,
            "cardholder_name": null,
            "country": "CA",
            "description": null,
            "emv_auth_data": null,
            "exp_month": 12,
            "exp_year": 2034,
            "fingerprint": "Xt5EWLLDS7FJjR1c",
            "funding": face.funding,
            "generated_card": null,
            "issuer": null,
            "last4": face.last4,
            "location": at.location,
            "network": face.brand,
            "network_transaction_id": null,
            "preferred_locales": ["en"],
            "read_method": "contact_emv",
            "reader": at.reader,
            "receipt": slip(charge),
        }),
        MethodKind::Card | MethodKind::CardPresent => json!({
                "amount_authorized": charge.amount,
                "brand": face.brand,
                "brand_product": null,
                "capture_before": null,
                "cardholder_name": null,
                "country": "US",
                "description": null,
                "emv_auth_data": null,
                "exp_month": 12,
                "exp_year": 2034,
                "fingerprint": "Xt5EWLLDS7FJjR1c",
                "funding": face.funding,
                "generated_card": null,
                "incremental_authorization_supported": false,
                "issuer": null,
                "last4": face.last4,
                "location": at.location,
                "network": face.brand,
                "network_transaction_id": null,
                "offline": { "stored_at": null, "type": null },
                "overcapture_supported": false,
                "preferred_locales": ["en"],
                "read_method": "contactless_emv",
                "reader": at.reader,
                "receipt": slip(charge),
                "wallet": null,
        }),
    };
    json!({ kind: details, "type": kind })
}

fn card_details(charge: &Charge) -> Value {
    let face = charge.face;
    if let Some(at) = &charge.present {
        return present_details(charge, at);
    }
    json!({
        "card": {
            "amount_authorized": charge.amount,
            "authorization_code": if charge.succeeded { Some(&charge.authorization) } else { None },
            "brand": face.brand,
            "capture_before": if charge.succeeded && !charge.is_captured {
                Some(charge.created.saturating_add(CAPTURE_WITHIN_S))
            } else {
                None
            },
            "checks": {
                "address_line1_check": null,
                "address_postal_code_check": null,
                "cvc_check": null,
            },
            "country": "US",
            "exp_month": 12,
            "exp_year": 2034,
            "extended_authorization": { "status": "disabled" },
            "fingerprint": "Xt5EWLLDS7FJjR1c",
            "funding": face.funding,
            "incremental_authorization": { "status": "unavailable" },
            "installments": null,
            "last4": face.last4,
            "mandate": null,
            "multicapture": { "status": "unavailable" },
            "network": face.brand,
            "network_token": { "used": false },
            "network_transaction_id": "104102978678771",
            "overcapture": { "maximum_amount_capturable": charge.amount, "status": "unavailable" },
            "regulated_status": "unregulated",
            "three_d_secure": null,
            "wallet": null,
        },
        "type": "card",
    })
}

/// The error of a decline, without the intent it belongs to.
fn decline_refusal(facts: DeclineFacts) -> Box<Refusal> {
    let mut refusal = Refusal::invalid(facts.message)
        .status(402)
        .kind("card_error")
        .code(facts.code)
        .began();
    for (name, value) in [
        ("decline_code", facts.decline_code),
        ("advice_code", facts.advice_code),
        ("network_decline_code", facts.network_decline_code),
    ] {
        if let Some(value) = value {
            refusal = refusal.with(name, value.into());
        }
    }
    refusal
}

impl State {
    pub(crate) fn create_intent(&mut self, params: &Value) -> Outcome {
        let given = forms::text(params, "currency").unwrap_or_default();
        let currency = currencies::currency(given)?;
        let amount = forms::whole(params, "amount").unwrap_or_default();
        currencies::chargeable(amount, &currency)?;
        let confirm = forms::flag(params, "confirm").unwrap_or(false);
        if !confirm {
            for name in ["off_session", "error_on_requires_action", "return_url"] {
                if params.get(name).is_some() {
                    return Err(Refusal::invalid(format!(
                        "The parameter `{name}` cannot be passed when creating a PaymentIntent \
                         unless `confirm` is set to true."
                    ))
                    .param(name));
                }
            }
        }
        let customer = forms::owned(params, "customer");
        if let Some(id) = customer
            .as_deref()
            .filter(|id| self.customers.get(id).is_none())
        {
            return Err(Refusal::missing_object("customer", id, "customer"));
        }
        let automatic = params.get("automatic_payment_methods");
        let types = forms::words(params, "allowed_payment_method_types");
        if types.is_some() && automatic.and_then(|a| forms::flag(a, "enabled")) == Some(true) {
            return Err(Refusal::invalid(
                "You may only specify one of these parameters: automatic_payment_methods, \
                 allowed_payment_method_types.",
            )
            .code("parameters_exclusive"));
        }
        let metadata = forms::merge_metadata(&Metadata::new(), params, "metadata")?;
        let method = match forms::text(params, "payment_method") {
            Some(given) => Some(self.method_for(given, customer.as_deref())?),
            None => None,
        };
        let id = self.id("pi_3", 23);
        let secret = self.id("secret_", 25);
        let intent = Intent {
            amount,
            tip: 0,
            currency,
            status: match method {
                Some(_) => IntentStatus::RequiresConfirmation,
                None => IntentStatus::RequiresPaymentMethod,
            },
            metadata,
            customer,
            latest_charge: None,
            types,
            created: self.now,
            method,
            capture_method: forms::owned(params, "capture_method")
                .unwrap_or_else(|| "automatic_async".to_owned()),
            confirmation_method: forms::owned(params, "confirmation_method")
                .unwrap_or_else(|| "automatic".to_owned()),
            allow_redirects: automatic
                .and_then(|a| forms::owned(a, "allow_redirects"))
                .unwrap_or_else(|| "always".to_owned()),
            client_secret: format!("{id}_{secret}"),
            amount_received: 0,
            amount_capturable: 0,
            description: forms::owned(params, "description"),
            receipt_email: forms::owned(params, "receipt_email"),
            setup_future_usage: forms::owned(params, "setup_future_usage"),
            statement_descriptor: forms::owned(params, "statement_descriptor"),
            statement_descriptor_suffix: forms::owned(params, "statement_descriptor_suffix"),
            canceled_at: None,
            cancellation_reason: None,
            last_error: None,
            next_action: None,
            id: id.clone(),
        };
        let value = self.intent_value(&intent);
        if confirm {
            self.ready(&intent, &How::read(params))?;
        }
        self.intents.put(&id, intent);
        self.emit("payment_intent.created", value.clone());
        if confirm {
            return self.confirm_intent(&id, params);
        }
        Ok(value)
    }

    /// A page the customer pays on makes its intent when the customer pays.
    pub(crate) fn intent_for_session(
        &mut self,
        amount: i64,
        currency: &str,
        data: &Value,
        customer: Option<&str>,
    ) -> Option<String> {
        let mut params = json!({
            "amount": amount,
            "currency": currency,
            "allowed_payment_method_types": ["card"],
        });
        if let (Value::Object(to), Some(customer)) = (&mut params, customer) {
            to.insert("customer".to_owned(), customer.into());
        }
        if let (Value::Object(to), Value::Object(from)) = (&mut params, data) {
            for (name, value) in from {
                to.insert(name.clone(), value.clone());
            }
        }
        let made = self.create_intent(&params).ok()?;
        forms::owned(&made, "id")
    }

    fn found(&self, id: &str) -> Result<Intent, Box<Refusal>> {
        self.intents
            .get(id)
            .cloned()
            .ok_or_else(|| Refusal::missing_object("payment_intent", id, "intent").status(404))
    }

    pub(crate) fn unexpected(&self, intent: &Intent, message: String) -> Box<Refusal> {
        Refusal::invalid(message)
            .code("payment_intent_unexpected_state")
            .with("payment_intent", self.intent_value(intent))
            .began()
    }

    pub(crate) fn retrieve_intent(&self, id: &str) -> Outcome {
        self.found(id).map(|i| self.intent_value(&i))
    }

    pub(crate) fn list_intents(&self, params: &Value) -> Outcome {
        let customer = forms::text(params, "customer");
        let all = self
            .intents
            .newest_first()
            .into_iter()
            .filter(|i| customer.is_none() || i.customer.as_deref() == customer)
            .map(|i| (i.id.clone(), i.created))
            .collect();
        let page = lists::page(all, params, "payment_intent")?;
        let data = page
            .ids
            .iter()
            .filter_map(|id| self.intents.get(id))
            .map(|i| self.intent_value(i))
            .collect();
        Ok(lists::list("/v1/payment_intents", data, page.has_more))
    }

    pub(crate) fn update_intent(&mut self, id: &str, params: &Value) -> Outcome {
        let mut intent = self.found(id)?;
        let open = match intent.status {
            IntentStatus::RequiresPaymentMethod
            | IntentStatus::RequiresConfirmation
            | IntentStatus::RequiresAction => true,
            IntentStatus::Processing
            | IntentStatus::RequiresCapture
            | IntentStatus::Succeeded
            | IntentStatus::Canceled => false,
        };
        let late = [
            "amount",
            "currency",
            "customer",
            "payment_method",
            "capture_method",
        ];
        if let Some(name) = late.iter().find(|n| !open && params.get(**n).is_some()) {
            let status = intent.status.as_str();
            return Err(self
                .unexpected(
                    &intent,
                    format!(
                        "This PaymentIntent's {name} could not be updated because it has a \
                         status of {status}. You may only update the {name} of a PaymentIntent \
                         with one of the following statuses: requires_payment_method, \
                         requires_confirmation, requires_action."
                    ),
                )
                .param(name));
        }
        if let Some(given) = forms::text(params, "currency") {
            intent.currency = currencies::currency(given)?;
        }
        if let Some(amount) = forms::whole(params, "amount") {
            intent.amount = amount;
        }
        currencies::chargeable(intent.amount, &intent.currency)?;
        intent.metadata = forms::merge_metadata(&intent.metadata, params, "metadata")?;
        if let Some(customer) = forms::text(params, "customer") {
            if self.customers.get(customer).is_none() {
                return Err(Refusal::missing_object("customer", customer, "customer"));
            }
            intent.customer = Some(customer.to_owned());
        }
        if let Some(given) = forms::text(params, "payment_method") {
            intent.method = Some(self.method_for(given, intent.customer.as_deref())?);
            intent.status = IntentStatus::RequiresConfirmation;
        }
        if let Some(types) = forms::words(params, "allowed_payment_method_types") {
            intent.types = Some(types);
        }
        for (name, field) in [
            ("description", &mut intent.description),
            ("receipt_email", &mut intent.receipt_email),
            ("setup_future_usage", &mut intent.setup_future_usage),
            ("statement_descriptor", &mut intent.statement_descriptor),
            (
                "statement_descriptor_suffix",
                &mut intent.statement_descriptor_suffix,
            ),
        ] {
            if params.get(name).is_some() {
                *field = forms::owned(params, name);
            }
        }
        if let Some(method) = forms::owned(params, "capture_method") {
            intent.capture_method = method;
        }
        let value = self.intent_value(&intent);
        self.intents.put(id, intent);
        Ok(value)
    }

    /// Whether an intent may be confirmed, but for its card.
    fn ready(&self, intent: &Intent, how: &How) -> Result<(), Box<Refusal>> {
        match intent.status {
            IntentStatus::RequiresPaymentMethod
            | IntentStatus::RequiresConfirmation
            | IntentStatus::RequiresAction => {}
            IntentStatus::Succeeded => {
                return Err(self.unexpected(
                    intent,
                    "You cannot confirm this PaymentIntent because it has already succeeded \
                     after being previously confirmed."
                        .to_owned(),
                ));
            }
            IntentStatus::Processing | IntentStatus::RequiresCapture | IntentStatus::Canceled => {
                let status = intent.status.as_str();
                return Err(self.unexpected(
                    intent,
                    format!(
                        "You cannot confirm this PaymentIntent because it has a status of \
                         {status}. Only a PaymentIntent with one of the following statuses may \
                         be confirmed: requires_confirmation, requires_action."
                    ),
                ));
            }
        }
        // Methods that redirect are on in the dashboard, so Stripe wants to
        // know where to, unless nobody is there to be sent.
        let may_redirect = intent.types.is_none() && intent.allow_redirects != "never";
        if may_redirect && !how.off_session && how.return_url.is_none() && how.reader.is_none() {
            return Err(Refusal::invalid(
                "This PaymentIntent is configured to accept payment methods enabled in your \
                 Dashboard. Because some of these payment methods might redirect your customer \
                 off of your page, you must provide a `return_url`. If you don't want to accept \
                 redirect-based payment methods, set `automatic_payment_methods[enabled]` to \
                 `true` and `automatic_payment_methods[allow_redirects]` to `never` when creating \
                 Setup Intents and Payment Intents.",
            )
            .param("return_url"));
        }
        Ok(())
    }

    pub(crate) fn confirm_intent(&mut self, id: &str, params: &Value) -> Outcome {
        let mut intent = self.found(id)?;
        let how = How::read(params);
        self.ready(&intent, &how)?;
        if let Some(given) = forms::text(params, "payment_method") {
            intent.method = Some(self.method_for(given, intent.customer.as_deref())?);
        }
        let Some(method) = intent.method.clone() else {
            return Err(self.unexpected(
                &intent,
                "You cannot confirm this PaymentIntent because it's missing a payment method. You \
                 can either update the PaymentIntent with a payment method and then confirm it \
                 again, or confirm it again directly with a payment method or ConfirmationToken."
                    .to_owned(),
            ));
        };
        if !intent.allows(MethodKind::Card) {
            return Err(Refusal::invalid(
                "The PaymentMethod provided (card) is not allowed for this PaymentIntent.",
            )
            .param("payment_method"));
        }
        for (name, field) in [
            ("receipt_email", &mut intent.receipt_email),
            ("setup_future_usage", &mut intent.setup_future_usage),
        ] {
            if params.get(name).is_some() {
                *field = forms::owned(params, name);
            }
        }
        if let Some(method) = forms::owned(params, "capture_method") {
            intent.capture_method = method;
        }
        // It does not check the amount, it is the amount.
        // Source: Stripe changelog 2026-04-22, "Adds an amount confirmation parameter".
        if let Some(amount) = forms::whole(params, "amount_to_confirm") {
            currencies::chargeable(amount, &intent.currency)?;
            intent.amount = amount;
        }
        self.intents.put(id, intent);
        self.attempt(id, &method, &how)?;
        self.retrieve_intent(id)
    }

    /// Asks the bank. A decline is the `Err`, with the intent as it is then.
    pub(crate) fn attempt(
        &mut self,
        id: &str,
        method: &str,
        how: &How,
    ) -> Result<(), Box<Refusal>> {
        let mut intent = self.found(id)?;
        let Some(card) = self.methods.get_mut(method) else {
            return Err(Refusal::missing_object(
                "PaymentMethod",
                method,
                "payment_method",
            ));
        };
        card.attempts = card.attempts.saturating_add(1);
        let card = card.clone();
        intent.method = Some(method.to_owned());
        intent.next_action = None;
        intent.last_error = None;
        match card.behaviour {
            CardBehaviour::Succeeds | CardBehaviour::Disputed | CardBehaviour::Refunded(_) => {}
            CardBehaviour::Declines(decline) => {
                return Err(self.declined(intent, &card, decline, how));
            }
            CardBehaviour::DeclinesAtFirst { decline, times } => {
                if card.attempts <= times {
                    return Err(self.declined(intent, &card, decline, how));
                }
            }
            CardBehaviour::NeedsCustomer => return self.needs_customer(intent, &card, how),
            CardBehaviour::NeedsCustomerUnlessSaved => {
                if card.customer.is_none() {
                    return self.needs_customer(intent, &card, how);
                }
            }
            CardBehaviour::Processing { seconds, decline } => {
                let charge = self.new_charge(&intent, &card, how, None);
                if let Some(charge) = self.charges.get_mut(&charge) {
                    charge.pending = true;
                    charge.succeeded = false;
                }
                intent.latest_charge = Some(charge);
                intent.status = IntentStatus::Processing;
                let value = self.intent_value(&intent);
                self.intents.put(id, intent);
                self.emit("payment_intent.processing", value);
                self.later(seconds, Job::IntentFinishes(id.to_owned(), decline));
                return Ok(());
            }
        }
        self.approved(intent, &card, how);
        Ok(())
    }

    fn new_charge(
        &mut self,
        intent: &Intent,
        card: &PaymentMethod,
        how: &How,
        decline: Option<Decline>,
    ) -> String {
        let id = self.id("ch_3", 23);
        let charge = Charge {
            id: id.clone(),
            amount: intent.amount,
            currency: intent.currency.clone(),
            intent: intent.id.clone(),
            metadata: intent.metadata.clone(),
            captured: 0,
            is_captured: false,
            succeeded: decline.is_none(),
            disputed: false,
            face: card.face,
            behaviour: card.behaviour,
            method: card.id.clone(),
            created: self.now,
            pending: false,
            released: false,
            customer: intent.customer.clone(),
            description: intent.description.clone(),
            receipt_email: intent.receipt_email.clone(),
            decline,
            kind: card.kind,
            tip: if how.reader.is_some() { intent.tip } else { 0 },
            present: how.reader.clone(),
            authorization: self.id("", 6).to_ascii_uppercase(),
            balance: None,
        };
        self.charges.put(&id, charge);
        id
    }

    fn approved(&mut self, mut intent: Intent, card: &PaymentMethod, how: &How) {
        let charge = self.new_charge(&intent, card, how, None);
        intent.latest_charge = Some(charge.clone());
        let id = intent.id.clone();
        if intent.capture_method == "manual" {
            intent.status = IntentStatus::RequiresCapture;
            intent.amount_capturable = intent.amount;
            let value = self.intent_value(&intent);
            self.intents.put(&id, intent);
            self.emit_charge("charge.succeeded", &charge);
            self.emit("payment_intent.amount_capturable_updated", value);
            self.later(CAPTURE_WITHIN_S, Job::AuthorizationExpires(id));
        } else {
            let amount = intent.amount;
            self.intents.put(&id, intent);
            self.take(&id, &charge, amount, "charge.succeeded");
        }
        if card.behaviour == CardBehaviour::Disputed {
            self.open_dispute(&charge);
        }
    }

    /// Money moves here and nowhere else.
    fn take(&mut self, id: &str, charge: &str, amount: i64, event: &str) {
        if let Some(charge) = self.charges.get_mut(charge) {
            charge.pending = false;
            charge.succeeded = true;
            charge.captured = amount;
            charge.is_captured = true;
        }
        if let Some(intent) = self.intents.get_mut(id) {
            intent.status = IntentStatus::Succeeded;
            intent.amount_received = amount;
            intent.amount_capturable = 0;
            intent.last_error = None;
        }
        self.emit_charge(event, charge);
        self.emit_intent("payment_intent.succeeded", id);
        self.later(self.balance_delay_s, Job::BalanceArrives(charge.to_owned()));
    }

    fn emit_charge(&mut self, event: &str, id: &str) {
        if let Some(value) = self.charges.get(id).map(|c| self.charge_value(c)) {
            self.emit(event, value);
        }
    }

    fn emit_intent(&mut self, event: &str, id: &str) {
        if let Some(value) = self.intents.get(id).map(|i| self.intent_value(i)) {
            self.emit(event, value);
        }
    }

    fn declined(
        &mut self,
        intent: Intent,
        card: &PaymentMethod,
        decline: Decline,
        how: &How,
    ) -> Box<Refusal> {
        let charge = self.new_charge(&intent, card, how, Some(decline));
        self.failed(intent, card, decline, Some(charge))
    }

    /// Leaves the intent ready for another card, and says why in its words.
    fn failed(
        &mut self,
        mut intent: Intent,
        card: &PaymentMethod,
        decline: Decline,
        charge: Option<String>,
    ) -> Box<Refusal> {
        let mut refusal =
            decline_refusal(decline.facts()).with("payment_method", self.method_value(card));
        if let Some(charge) = &charge {
            refusal = refusal.with("charge", charge.as_str().into());
            intent.latest_charge = Some(charge.clone());
        }
        intent.method = None;
        intent.status = IntentStatus::RequiresPaymentMethod;
        intent.last_error = Some(refusal.error());
        let id = intent.id.clone();
        let value = self.intent_value(&intent);
        self.intents.put(&id, intent);
        if let Some(charge) = charge {
            self.emit_charge("charge.failed", &charge);
        }
        self.emit("payment_intent.payment_failed", value.clone());
        refusal.with("payment_intent", value)
    }

    fn needs_customer(
        &mut self,
        mut intent: Intent,
        card: &PaymentMethod,
        how: &How,
    ) -> Result<(), Box<Refusal>> {
        if how.off_session {
            return Err(self.declined(intent, card, Decline::AuthenticationRequired, how));
        }
        if how.error_on_action {
            // No bank was asked, so there is no charge.
            return Err(self.failed(intent, card, Decline::AuthenticationRequired, None));
        }
        intent.status = IntentStatus::RequiresAction;
        intent.next_action = Some(match &how.return_url {
            Some(url) => json!({
                "redirect_to_url": {
                    "return_url": url,
                    "url": format!("https://hooks.stripe.com/3d_secure_2/hosted?payment_intent={}", intent.id),
                },
                "type": "redirect_to_url",
            }),
            None => json!({ "type": "use_stripe_sdk", "use_stripe_sdk": {} }),
        });
        let id = intent.id.clone();
        let value = self.intent_value(&intent);
        self.intents.put(&id, intent);
        self.emit("payment_intent.requires_action", value);
        Ok(())
    }

    /// The customer authenticates an intent that `requires_action`, or fails to.
    pub(crate) fn authenticate(&mut self, id: &str, passes: bool) -> Result<(), Box<Refusal>> {
        let intent = self.found(id)?;
        let card = intent
            .method
            .as_deref()
            .and_then(|m| self.methods.get(m))
            .cloned();
        match (intent.status, card) {
            (IntentStatus::RequiresAction, Some(card)) if passes => {
                let mut intent = intent;
                intent.next_action = None;
                self.approved(intent, &card, &How::default());
                Ok(())
            }
            (IntentStatus::RequiresAction, Some(card)) => {
                let mut intent = intent;
                intent.next_action = None;
                self.failed(intent, &card, Decline::AuthenticationRequired, None);
                Ok(())
            }
            _ => Err(self.unexpected(&intent, "The customer has nothing to do.".to_owned())),
        }
    }

    pub(crate) fn intent_finishes(&mut self, id: &str, decline: Option<Decline>) {
        let Some(intent) = self.intents.get(id).cloned() else {
            return;
        };
        let Some(charge) = intent.latest_charge.clone() else {
            return;
        };
        if intent.status != IntentStatus::Processing {
            return;
        }
        let card = intent
            .method
            .as_deref()
            .and_then(|m| self.methods.get(m))
            .cloned();
        match (decline, card) {
            (Some(decline), Some(card)) => {
                if let Some(charge) = self.charges.get_mut(&charge) {
                    charge.pending = false;
                    charge.decline = Some(decline);
                }
                self.failed(intent, &card, decline, Some(charge));
            }
            _ => self.take(id, &charge, intent.amount, "charge.succeeded"),
        }
    }

    pub(crate) fn capture_intent(&mut self, id: &str, params: &Value) -> Outcome {
        let intent = self.found(id)?;
        let charge = intent.latest_charge.clone();
        let (IntentStatus::RequiresCapture, Some(charge)) = (intent.status, charge) else {
            let status = intent.status.as_str();
            return Err(self.unexpected(
                &intent,
                format!(
                    "This PaymentIntent could not be captured because it has a status of \
                     {status}. Only a PaymentIntent with one of the following statuses may be \
                     captured: requires_capture."
                ),
            ));
        };
        let amount = forms::whole(params, "amount_to_capture").unwrap_or(intent.amount_capturable);
        if amount < 1 {
            return Err(
                Refusal::invalid("This value must be greater than or equal to 1.")
                    .code("parameter_invalid_integer")
                    .param("amount_to_capture"),
            );
        }
        if amount > intent.amount_capturable {
            return Err(Refusal::invalid(format!(
                "The requested capture amount ({}) is greater than the amount you can capture for \
                 this charge ({}).",
                currencies::shown(amount, &intent.currency),
                currencies::shown(intent.amount_capturable, &intent.currency),
            ))
            .code("amount_too_large")
            .param("amount_to_capture"));
        }
        if forms::flag(params, "final_capture") == Some(false) {
            return Err(
                Refusal::invalid("This payment does not support multiple captures.")
                    .param("final_capture"),
            );
        }
        let metadata = forms::merge_metadata(&intent.metadata, params, "metadata")?;
        if let Some(intent) = self.intents.get_mut(id) {
            intent.metadata = metadata;
        }
        self.take(id, &charge, amount, "charge.captured");
        self.retrieve_intent(id)
    }

    pub(crate) fn cancel_intent(&mut self, id: &str, params: &Value) -> Outcome {
        let intent = self.found(id)?;
        match intent.status {
            IntentStatus::RequiresPaymentMethod
            | IntentStatus::RequiresConfirmation
            | IntentStatus::RequiresAction
            | IntentStatus::RequiresCapture => {}
            IntentStatus::Processing | IntentStatus::Succeeded | IntentStatus::Canceled => {
                let status = intent.status.as_str();
                return Err(self.unexpected(
                    &intent,
                    format!(
                        "You cannot cancel this PaymentIntent because it has a status of \
                         {status}. Only a PaymentIntent with one of the following statuses may be \
                         canceled: requires_payment_method, requires_capture, \
                         requires_confirmation, requires_action, processing."
                    ),
                ));
            }
        }
        self.release(id, forms::owned(params, "cancellation_reason"));
        self.retrieve_intent(id)
    }

    fn release(&mut self, id: &str, reason: Option<String>) {
        let now = self.now;
        let Some(intent) = self.intents.get_mut(id) else {
            return;
        };
        let held = intent.status == IntentStatus::RequiresCapture;
        intent.status = IntentStatus::Canceled;
        intent.canceled_at = Some(now);
        intent.cancellation_reason = reason;
        intent.amount_capturable = 0;
        intent.next_action = None;
        let charge = intent.latest_charge.clone().filter(|_| held);
        if let Some(charge) = charge {
            if let Some(charge) = self.charges.get_mut(&charge) {
                charge.released = true;
            }
            self.emit_charge("charge.refunded", &charge);
        }
        self.emit_intent("payment_intent.canceled", id);
    }

    pub(crate) fn authorization_expires(&mut self, id: &str) {
        if self
            .intents
            .get(id)
            .is_some_and(|i| i.status == IntentStatus::RequiresCapture)
        {
            self.release(id, Some("automatic".to_owned()));
        }
    }

    pub(crate) fn balance_arrives(&mut self, id: &str) {
        let txn = self.id("txn_3", 23);
        let now = self.now;
        if let Some(charge) = self.charges.get_mut(id) {
            charge.balance = Some((txn, now));
        }
        self.emit_charge("charge.updated", id);
    }

    pub(crate) fn retrieve_charge(&self, id: &str) -> Outcome {
        self.charges
            .get(id)
            .map(|c| self.charge_value(c))
            .ok_or_else(|| Refusal::missing_object("charge", id, "id").status(404))
    }

    pub(crate) fn balance_transaction_value(&self, id: &str) -> Option<Value> {
        let all = self.charges.oldest_first();
        let (charge, at) = all.into_iter().find_map(|c| {
            c.balance
                .as_ref()
                .filter(|(txn, _)| txn == id)
                .map(|(_, at)| (c, *at))
        })?;
        // A round figure for a fee: 2.9 % and 0.30, rounded down.
        let fee = charge.captured.saturating_mul(29) / 1_000;
        let fee = fee.saturating_add(30).min(charge.captured);
        Some(json!({
            "id": id,
            "object": "balance_transaction",
            "amount": charge.captured,
            "available_on": at.saturating_add(2 * 86_400),
            "balance_type": "payments",
            "created": at,
            "currency": charge.currency,
            "description": charge.description,
            "exchange_rate": null,
            "fee": fee,
            "fee_details": [],
            "net": charge.captured.saturating_sub(fee),
            "reporting_category": "charge",
            "source": charge.id,
            "status": "pending",
            "type": "charge",
        }))
    }

    pub(crate) fn intent_value(&self, intent: &Intent) -> Value {
        let automatic = match intent.types {
            Some(_) => Value::Null,
            None => json!({ "allow_redirects": intent.allow_redirects, "enabled": true }),
        };
        let processing = match intent.status {
            IntentStatus::Processing => json!({ "card": {}, "type": "card" }),
            IntentStatus::RequiresPaymentMethod
            | IntentStatus::RequiresConfirmation
            | IntentStatus::RequiresAction
            | IntentStatus::RequiresCapture
            | IntentStatus::Succeeded
            | IntentStatus::Canceled => Value::Null,
        };
        let tip = if intent.tip > 0 {
            json!({ "amount": intent.tip })
        } else {
            json!({})
        };
        let types = intent
            .types
            .clone()
            .unwrap_or_else(|| vec!["card".to_owned()]);
        let mut options = serde_json::Map::new();
        for kind in &types {
            match kind.as_str() {
                "card" => {
                    options.insert(
                        kind.clone(),
                        json!({
                            "installments": null,
                            "mandate_options": null,
                            "network": null,
                            "request_three_d_secure": "automatic",
                        }),
                    );
                }
                "card_present" => {
                    options.insert(
                        kind.clone(),
                        json!({
                            "request_extended_authorization": false,
                            "request_incremental_authorization_support": false,
                        }),
                    );
                }
                "interac_present" => {
                    options.insert(kind.clone(), json!({}));
                }
                _ => {}
            }
        }
        json!({
            "id": intent.id,
            "object": "payment_intent",
            "allowed_payment_method_types": intent.types,
            "amount": intent.amount,
            "amount_capturable": intent.amount_capturable,
            "amount_details": { "tip": tip },
            "amount_received": intent.amount_received,
            "application": null,
            "application_fee_amount": null,
            "automatic_payment_methods": automatic,
            "canceled_at": intent.canceled_at,
            "cancellation_reason": intent.cancellation_reason,
            "capture_method": intent.capture_method,
            "client_secret": intent.client_secret,
            "confirmation_method": intent.confirmation_method,
            "created": intent.created,
            "currency": intent.currency,
            "customer": intent.customer,
            "description": intent.description,
            "last_payment_error": intent.last_error,
            "latest_charge": intent.latest_charge,
            "livemode": self.livemode,
            "metadata": intent.metadata,
            "next_action": intent.next_action,
            "on_behalf_of": null,
            "payment_method": intent.method,
            "payment_method_configuration_details": null,
            "payment_method_options": options,
            "payment_method_types": types,
            "processing": processing,
            "receipt_email": intent.receipt_email,
            "review": null,
            "setup_future_usage": intent.setup_future_usage,
            "shipping": null,
            "source": null,
            "statement_descriptor": intent.statement_descriptor,
            "statement_descriptor_suffix": intent.statement_descriptor_suffix,
            "status": intent.status.as_str(),
            "transfer_data": null,
            "transfer_group": null,
        })
    }

    pub(crate) fn charge_value(&self, charge: &Charge) -> Value {
        let refunded = if charge.released {
            charge.amount
        } else {
            self.refunded_of(&charge.id)
        };
        let facts = charge.decline.map(Decline::facts);
        let whole = if charge.is_captured {
            charge.captured
        } else {
            charge.amount
        };
        json!({
            "id": charge.id,
            "object": "charge",
            "amount": charge.amount,
            "amount_captured": charge.captured,
            "amount_refunded": refunded,
            "application": null,
            "application_fee": null,
            "application_fee_amount": null,
            "balance_transaction": charge.balance.as_ref().map(|(id, _)| id),
            "billing_details": billing_details(),
            "calculated_statement_descriptor": "SAMPLE SHOP",
            "captured": charge.is_captured,
            "created": charge.created,
            "currency": charge.currency,
            "customer": charge.customer,
            "description": charge.description,
            "disputed": charge.disputed,
            "failure_balance_transaction": null,
            "failure_code": facts.map(|f| f.code),
            "failure_message": facts.map(|f| f.message),
            "fraud_details": {},
            "livemode": self.livemode,
            "metadata": charge.metadata,
            "on_behalf_of": null,
            "outcome": if charge.pending { Value::Null } else { outcome(charge) },
            "paid": charge.succeeded,
            "payment_intent": charge.intent,
            "payment_method": charge.method,
            "payment_method_details": card_details(charge),
            "receipt_email": charge.receipt_email,
            "receipt_number": null,
            "receipt_url": null,
            "refunded": refunded >= whole && refunded > 0,
            "review": null,
            "shipping": null,
            "source_transfer": null,
            "statement_descriptor": null,
            "statement_descriptor_suffix": null,
            "status": if charge.pending {
                "pending"
            } else if charge.succeeded {
                "succeeded"
            } else {
                "failed"
            },
            "transfer_data": null,
            "transfer_group": null,
        })
    }
}
