//! Refunds.
//!
//! Invariants:
//! - what is refunded of a charge never exceeds what was captured;
//! - a refund that failed gives its amount back to be refunded again.
//!
//! Source: "Refunds" in Stripe's API reference and "Refund and cancel payments".

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cards::{CardBehaviour, MethodKind};
use crate::currencies;
use crate::forms::{self, Metadata};
use crate::lists;
use crate::state::{Job, State};
use crate::wire::{Outcome, Refusal};

/// How a refund goes on after it is made. Times are seconds of the stand-in's
/// clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundCourse {
    /// `succeeded` at once.
    Succeeds,
    /// `pending`, then `succeeded`.
    PendingThenSucceeds {
        /// How long it is pending.
        seconds: i64,
    },
    /// `succeeded` at once, and `failed` days later.
    SucceedsThenFails {
        /// How long until it fails.
        seconds: i64,
    },
    /// `pending`, then `failed`.
    PendingThenFails {
        /// How long it is pending.
        seconds: i64,
    },
    /// `pending`, then `succeeded`, then `failed`.
    PendingThenSucceedsThenFails {
        /// How long it is pending, and how long it has succeeded.
        seconds: i64,
    },
    /// `requires_action`, and nobody acts.
    RequiresAction,
    /// Its status is null, which the published schema allows.
    Unsaid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefundStatus {
    Pending,
    RequiresAction,
    Succeeded,
    Failed,
    Unsaid,
}

impl RefundStatus {
    /// None for a status that is null.
    pub(crate) fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Pending => Some("pending"),
            Self::RequiresAction => Some("requires_action"),
            Self::Succeeded => Some("succeeded"),
            Self::Failed => Some("failed"),
            Self::Unsaid => None,
        }
    }

    /// Whether the money counts as given back.
    pub(crate) fn counts(self) -> bool {
        match self {
            Self::Pending | Self::RequiresAction | Self::Succeeded | Self::Unsaid => true,
            Self::Failed => false,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) amount: i64,
    pub(crate) charge: String,
    pub(crate) intent: String,
    pub(crate) metadata: Metadata,
    pub(crate) status: RefundStatus,
    created: i64,
    currency: String,
    reason: Option<String>,
}

/// A refund that may be made.
#[derive(Debug, Clone)]
pub(crate) struct AskedRefund {
    pub(crate) charge: String,
    pub(crate) kind: MethodKind,
    intent: String,
    currency: String,
    behaviour: CardBehaviour,
    amount: i64,
    metadata: Metadata,
    reason: Option<String>,
}

impl State {
    pub(crate) fn refunded_of(&self, charge: &str) -> i64 {
        self.refunds
            .oldest_first()
            .into_iter()
            .filter(|r| r.charge == charge && r.status.counts())
            .fold(0, |sum, r| sum.saturating_add(r.amount))
    }

    pub(crate) fn create_refund(&mut self, params: &Value) -> Outcome {
        let asked = self.asked_refund(params)?;
        // Source: "Refund an Interac payment" in Stripe's Terminal documentation,
        // which says that it is refused and not in which words.
        if asked.kind == MethodKind::InteracPresent {
            return Err(Refusal::invalid(format!(
                "Charge {} was made with interac_present and can only be refunded in person, on a \
                 reader.",
                asked.charge
            ))
            .code("charge_not_refundable")
            .began());
        }
        let id = self.make_refund(asked);
        self.retrieve_refund(&id)
    }

    /// What a request asks to give back, if it may be.
    pub(crate) fn asked_refund(&self, params: &Value) -> Result<AskedRefund, Box<Refusal>> {
        let (charge_id, intent_id) = (
            forms::text(params, "charge"),
            forms::text(params, "payment_intent"),
        );
        let charge = match (charge_id, intent_id) {
            (None, None) => {
                return Err(Refusal::invalid(
                    "One of the following params should be provided for this request: \
                     payment_intent or charge.",
                )
                .code("parameter_missing"));
            }
            (Some(id), _) => self
                .charges
                .get(id)
                .ok_or_else(|| Refusal::missing_object("charge", id, "charge"))?,
            (None, Some(id)) => {
                let intent = self.intents.get(id).ok_or_else(|| {
                    Refusal::missing_object("payment_intent", id, "payment_intent")
                })?;
                let charge = intent
                    .latest_charge
                    .as_deref()
                    .and_then(|c| self.charges.get(c));
                charge.filter(|c| c.succeeded).ok_or_else(|| {
                    Refusal::invalid(format!(
                        "This PaymentIntent ({id}) does not have a successful charge to refund."
                    ))
                    .began()
                })?
            }
        };
        if intent_id.is_some_and(|id| id != charge.intent) {
            return Err(
                Refusal::invalid("The charge does not belong to the PaymentIntent.")
                    .param("charge"),
            );
        }
        if !charge.succeeded || !charge.is_captured {
            return Err(Refusal::invalid(format!(
                "Charge {} cannot be refunded: it took no money.",
                charge.id
            ))
            .code("charge_not_refundable")
            .began());
        }
        if charge.disputed {
            return Err(Refusal::invalid(format!(
                "Charge {} has been charged back; cannot issue a refund.",
                charge.id
            ))
            .code("charge_disputed")
            .began());
        }
        let left = charge.captured.saturating_sub(self.refunded_of(&charge.id));
        if left <= 0 {
            return Err(Refusal::invalid(format!(
                "Charge {} has already been refunded.",
                charge.id
            ))
            .code("charge_already_refunded")
            .began());
        }
        let amount = forms::whole(params, "amount").unwrap_or(left);
        currencies::positive(amount)?;
        if amount > left {
            return Err(Refusal::invalid(format!(
                "Refund amount ({}) is greater than unrefunded amount on charge ({})",
                currencies::shown(amount, &charge.currency),
                currencies::shown(left, &charge.currency),
            ))
            .param("amount")
            .began());
        }
        Ok(AskedRefund {
            charge: charge.id.clone(),
            intent: charge.intent.clone(),
            currency: charge.currency.clone(),
            behaviour: charge.behaviour,
            kind: charge.kind,
            amount,
            metadata: forms::merge_metadata(&Metadata::new(), params, "metadata")?,
            reason: forms::owned(params, "reason"),
        })
    }

    /// Gives back what was asked for; the id of the refund.
    pub(crate) fn make_refund(&mut self, asked: AskedRefund) -> String {
        let AskedRefund {
            charge,
            intent,
            currency,
            behaviour,
            kind: _,
            amount,
            metadata,
            reason,
        } = asked;
        let course = self.refund_courses.pop_front().unwrap_or(match behaviour {
            CardBehaviour::Refunded(course) => course,
            CardBehaviour::Succeeds
            | CardBehaviour::Declines(_)
            | CardBehaviour::DeclinesAtFirst { .. }
            | CardBehaviour::NeedsCustomer
            | CardBehaviour::NeedsCustomerUnlessSaved
            | CardBehaviour::Processing { .. }
            | CardBehaviour::Disputed => RefundCourse::Succeeds,
        });
        let id = self.id("re_3", 23);
        let status = match course {
            RefundCourse::Succeeds | RefundCourse::SucceedsThenFails { .. } => {
                RefundStatus::Succeeded
            }
            RefundCourse::PendingThenSucceeds { .. }
            | RefundCourse::PendingThenFails { .. }
            | RefundCourse::PendingThenSucceedsThenFails { .. } => RefundStatus::Pending,
            RefundCourse::RequiresAction => RefundStatus::RequiresAction,
            RefundCourse::Unsaid => RefundStatus::Unsaid,
        };
        let refund = Refund {
            id: id.clone(),
            amount,
            charge: charge.clone(),
            intent,
            metadata,
            status,
            created: self.now,
            currency,
            reason,
        };
        let value = self.refund_value(&refund);
        self.refunds.put(&id, refund);
        match course {
            RefundCourse::Succeeds | RefundCourse::RequiresAction | RefundCourse::Unsaid => {}
            RefundCourse::PendingThenSucceeds { seconds } => {
                self.later(seconds, Job::RefundSucceeds(id.clone()));
            }
            RefundCourse::SucceedsThenFails { seconds }
            | RefundCourse::PendingThenFails { seconds } => {
                self.later(seconds, Job::RefundFails(id.clone()));
            }
            RefundCourse::PendingThenSucceedsThenFails { seconds } => {
                self.later(seconds, Job::RefundSucceeds(id.clone()));
                self.later(seconds.saturating_mul(2), Job::RefundFails(id.clone()));
            }
        }
        self.emit("refund.created", value);
        if let Some(charge) = self.charges.get(&charge).map(|c| self.charge_value(c)) {
            self.emit("charge.refunded", charge);
        }
        id
    }

    pub(crate) fn refund_succeeds(&mut self, id: &str) {
        let Some(refund) = self.refunds.get_mut(id) else {
            return;
        };
        if refund.status != RefundStatus::Pending {
            return;
        }
        refund.status = RefundStatus::Succeeded;
        let refund = refund.clone();
        let value = self.refund_value(&refund);
        self.emit("refund.updated", value.clone());
        self.emit("charge.refund.updated", value);
    }

    pub(crate) fn refund_fails(&mut self, id: &str) {
        let Some(refund) = self.refunds.get_mut(id) else {
            return;
        };
        refund.status = RefundStatus::Failed;
        let refund = refund.clone();
        let value = self.refund_value(&refund);
        self.emit("refund.failed", value.clone());
        self.emit("charge.refund.updated", value);
    }

    pub(crate) fn retrieve_refund(&self, id: &str) -> Outcome {
        self.refunds
            .get(id)
            .map(|r| self.refund_value(r))
            .ok_or_else(|| Refusal::missing_object("refund", id, "id").status(404))
    }

    pub(crate) fn list_refunds(&self, params: &Value) -> Outcome {
        let charge = forms::text(params, "charge");
        let intent = forms::text(params, "payment_intent");
        let all = self
            .refunds
            .newest_first()
            .into_iter()
            .filter(|r| charge.is_none_or(|c| c == r.charge))
            .filter(|r| intent.is_none_or(|i| i == r.intent))
            .map(|r| (r.id.clone(), r.created))
            .collect();
        let page = lists::page(all, params, "refund")?;
        let data = page
            .ids
            .iter()
            .filter_map(|id| self.refunds.get(id))
            .map(|r| self.refund_value(r))
            .collect();
        Ok(lists::list("/v1/refunds", data, page.has_more))
    }

    pub(crate) fn refund_value(&self, refund: &Refund) -> Value {
        let mut value = json!({
            "id": refund.id,
            "object": "refund",
            "amount": refund.amount,
            "balance_transaction": null,
            "charge": refund.charge,
            "created": refund.created,
            "currency": refund.currency,
            "destination_details": {
                "card": {
                    "reference_status": "pending",
                    "reference_type": "acquirer_reference_number",
                    "type": "refund",
                },
                "type": "card",
            },
            "metadata": refund.metadata,
            "payment_intent": refund.intent,
            "reason": refund.reason,
            "receipt_number": null,
            "source_transfer_reversal": null,
            "status": refund.status.as_str(),
            "transfer_reversal": null,
        });
        // Stripe sends these only with the status they belong to.
        let extra = match refund.status {
            RefundStatus::Pending => Some(("pending_reason", "processing")),
            RefundStatus::Failed => Some(("failure_reason", "expired_or_canceled_card")),
            RefundStatus::RequiresAction | RefundStatus::Succeeded | RefundStatus::Unsaid => None,
        };
        if let (Value::Object(fields), Some((name, word))) = (&mut value, extra) {
            fields.insert(name.to_owned(), word.into());
        }
        value
    }
}
