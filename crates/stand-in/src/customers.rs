//! Customers, their saved cards, and the test cards anyone can use.
//! Sources: "Customers" and "Payment Methods" in Stripe's API reference.

use serde_json::{Value, json};

use crate::cards::{self, CardBehaviour, Face, MethodKind};
use crate::forms::{self, Metadata};
use crate::state::State;
use crate::wire::{Outcome, Refusal};

#[derive(Debug, Clone)]
pub(crate) struct Customer {
    id: String,
    created: i64,
    name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    description: Option<String>,
    metadata: Metadata,
    default_method: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct PaymentMethod {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) customer: Option<String>,
    pub(crate) face: Face,
    pub(crate) behaviour: CardBehaviour,
    /// How often it has been charged, for a card that declines at first.
    pub(crate) attempts: u32,
    pub(crate) kind: MethodKind,
    /// Taken off its customer: charged no more.
    pub(crate) detached: bool,
    /// Month and year.
    pub(crate) expires: (u32, u32),
}

impl State {
    /// Puts a saved card on the shelf, and its customer if there is none yet.
    pub(crate) fn add_saved_card(
        &mut self,
        customer: &str,
        method: &str,
        how: CardBehaviour,
        face: Face,
    ) {
        if self.customers.get(customer).is_none() {
            let new = Customer {
                id: customer.to_owned(),
                created: self.now,
                name: None,
                email: None,
                phone: None,
                description: None,
                metadata: Metadata::new(),
                default_method: Some(method.to_owned()),
            };
            self.customers.put(customer, new);
        }
        let card = PaymentMethod {
            id: method.to_owned(),
            created: self.now,
            customer: Some(customer.to_owned()),
            face,
            behaviour: how,
            attempts: 0,
            kind: MethodKind::Card,
            detached: false,
            expires: (12, 2034),
        };
        self.methods.put(method, card);
    }

    /// The payment method a request names: a test card becomes one of its own,
    /// as at Stripe.
    pub(crate) fn method_for(
        &mut self,
        given: &str,
        customer: Option<&str>,
    ) -> Result<String, Box<Refusal>> {
        if let Some((face, behaviour)) = cards::test_card(given) {
            return Ok(self.new_method(face, behaviour, MethodKind::Card));
        }
        let Some(found) = self.methods.get(given) else {
            return Err(Refusal::missing_object(
                "PaymentMethod",
                given,
                "payment_method",
            ));
        };
        if found.detached {
            // As at Stripe: it is there to look at, and belongs to nobody.
            return Err(Refusal::invalid(match customer {
                Some(_) => format!(
                    "The customer does not have a payment method with the ID {given}. The \
                     payment method must be attached to the customer."
                ),
                None => format!("The payment method {given} was detached; it may not be used."),
            })
            .code("resource_missing")
            .param("payment_method"));
        }
        match (found.customer.as_deref(), customer) {
            (Some(owner), asked) if asked != Some(owner) => Err(Refusal::invalid(format!(
                "The payment method supplied ({given}) belongs to a different Customer. Please \
                 include the Customer in the `customer` parameter on the PaymentIntent."
            ))
            .param("payment_method")),
            (Some(_) | None, _) => Ok(given.to_owned()),
        }
    }

    pub(crate) fn new_method(
        &mut self,
        face: Face,
        behaviour: CardBehaviour,
        kind: MethodKind,
    ) -> String {
        let id = self.id("pm_1", 23);
        let method = PaymentMethod {
            id: id.clone(),
            created: self.now,
            customer: None,
            face,
            behaviour,
            attempts: 0,
            kind,
            detached: false,
            expires: (12, 2034),
        };
        self.methods.put(&id, method);
        id
    }

    pub(crate) fn create_customer(&mut self, params: &Value) -> Outcome {
        let metadata = forms::merge_metadata(&Metadata::new(), params, "metadata")?;
        let method = match forms::text(params, "payment_method") {
            Some(given) => Some(self.method_for(given, None)?),
            None => None,
        };
        let id = self.id("cus_", 14);
        if let Some(method) = method.as_deref().and_then(|m| self.methods.get_mut(m)) {
            method.customer = Some(id.clone());
        }
        let customer = Customer {
            id: id.clone(),
            created: self.now,
            name: forms::owned(params, "name"),
            email: forms::owned(params, "email"),
            phone: forms::owned(params, "phone"),
            description: forms::owned(params, "description"),
            metadata,
            default_method: None,
        };
        let value = self.customer_value(&customer);
        self.customers.put(&id, customer);
        self.emit("customer.created", value.clone());
        Ok(value)
    }

    pub(crate) fn retrieve_customer(&self, id: &str) -> Outcome {
        self.customers
            .get(id)
            .map(|c| self.customer_value(c))
            .ok_or_else(|| Refusal::missing_object("customer", id, "id").status(404))
    }

    pub(crate) fn retrieve_method(&self, id: &str) -> Outcome {
        self.methods
            .get(id)
            .map(|m| self.method_value(m))
            .ok_or_else(|| {
                Refusal::missing_object("PaymentMethod", id, "payment_method").status(404)
            })
    }

    pub(crate) fn customer_value(&self, customer: &Customer) -> Value {
        json!({
            "id": customer.id,
            "object": "customer",
            "address": null,
            "balance": 0,
            "created": customer.created,
            "currency": null,
            "default_source": null,
            "delinquent": false,
            "description": customer.description,
            "email": customer.email,
            "invoice_prefix": customer.id.get(4..12).map(str::to_ascii_uppercase),
            "invoice_settings": {
                "custom_fields": null,
                "default_payment_method": customer.default_method,
                "footer": null,
                "rendering_options": null,
            },
            "livemode": self.livemode,
            "metadata": customer.metadata,
            "name": customer.name,
            "next_invoice_sequence": 1,
            "phone": customer.phone,
            "preferred_locales": [],
            "shipping": null,
            "tax_exempt": "none",
            "test_clock": null,
        })
    }

    pub(crate) fn method_value(&self, method: &PaymentMethod) -> Value {
        let face = method.face;
        let mut value = json!({
            "id": method.id,
            "object": "payment_method",
            "allow_redisplay": "unspecified",
            "billing_details": billing_details(),
            "created": method.created,
            "customer": method.customer,
            "livemode": self.livemode,
            "metadata": {},
        });
        let card = match method.kind {
            MethodKind::InteracPresent => json!({
                "brand": face.brand,
                "cardholder_name": null,
                "country": "CA",
                "description": null,
                "exp_month": method.expires.0,
                "exp_year": method.expires.1,
                "fingerprint": "Xt5EWLLDS7FJjR1c",
                "funding": face.funding,
                "issuer": null,
                "last4": face.last4,
                "networks": { "available": [face.brand], "preferred": null },
                "preferred_locales": ["en"],
                "read_method": "contact_emv",
            }),
            MethodKind::CardPresent => json!({
                "brand": face.brand,
                "brand_product": null,
                "cardholder_name": null,
                "country": "US",
                "description": null,
                "exp_month": method.expires.0,
                "exp_year": method.expires.1,
                "fingerprint": "Xt5EWLLDS7FJjR1c",
                "funding": face.funding,
                "issuer": null,
                "last4": face.last4,
                "networks": { "available": [face.brand], "preferred": null },
                "offline": { "stored_at": null, "type": null },
                "preferred_locales": ["en"],
                "read_method": "contactless_emv",
                "wallet": null,
            }),
            MethodKind::Card => json!({
                "brand": face.brand,
                "checks": {
                    "address_line1_check": null,
                    "address_postal_code_check": null,
                    "cvc_check": "unchecked",
                },
                "country": "US",
                "display_brand": face.brand,
                "exp_month": method.expires.0,
                "exp_year": method.expires.1,
                "fingerprint": "Xt5EWLLDS7FJjR1c",
                "funding": face.funding,
                "generated_from": null,
                "last4": face.last4,
                "networks": { "available": [face.brand], "preferred": null },
                "regulated_status": "unregulated",
                "three_d_secure_usage": { "supported": true },
                "wallet": null,
            }),
        };
        let kind = method.kind.as_str();
        if let Value::Object(fields) = &mut value {
            fields.insert("type".to_owned(), kind.into());
            fields.insert(kind.to_owned(), card);
        }
        value
    }
}

pub(crate) fn billing_details() -> Value {
    json!({
        "address": {
            "city": null, "country": null, "line1": null,
            "line2": null, "postal_code": null, "state": null,
        },
        "email": null,
        "name": null,
        "phone": null,
        "tax_id": null,
    })
}
