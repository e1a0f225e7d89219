//! Disputes: a bank takes a charge back.
//! Source: "Disputes" in Stripe's API reference.

use serde_json::{Value, json};

use crate::forms;
use crate::lists;
use crate::state::{Job, State};
use crate::wire::Outcome;

/// How long a dispute stays open unless evidence is sent, in seconds.
const ANSWER_BY_S: i64 = 9 * 86_400;

#[derive(Debug, Clone)]
pub(crate) struct Dispute {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) charge: String,
    /// None of a charge that a program made without one.
    pub(crate) intent: Option<String>,
    pub(crate) amount: i64,
    currency: String,
    status: &'static str,
    due: i64,
    brand: &'static str,
}

impl State {
    pub(crate) fn open_dispute(&mut self, charge: &str) -> Option<String> {
        let found = self.charges.get(charge)?.clone();
        let dispute = Dispute {
            id: self.id("dp_1", 23),
            created: self.now,
            charge: charge.to_owned(),
            intent: Some(found.intent),
            amount: found.captured,
            currency: found.currency,
            status: "needs_response",
            due: self.now.saturating_add(ANSWER_BY_S),
            brand: found.face.brand,
        };
        if let Some(charge) = self.charges.get_mut(charge) {
            charge.disputed = true;
        }
        Some(self.put_dispute(dispute))
    }

    /// Of a charge that another program made over the Charges API: it has no
    /// PaymentIntent, and is not kept here.
    pub(crate) fn open_dispute_elsewhere(&mut self, amount: i64, currency: &str) -> String {
        let dispute = Dispute {
            id: self.id("dp_1", 23),
            created: self.now,
            charge: self.id("ch_3", 23),
            intent: None,
            amount,
            currency: currency.to_owned(),
            status: "needs_response",
            due: self.now.saturating_add(ANSWER_BY_S),
            brand: "visa",
        };
        self.put_dispute(dispute)
    }

    fn put_dispute(&mut self, dispute: Dispute) -> String {
        let id = dispute.id.clone();
        let value = self.dispute_value(&dispute);
        self.disputes.put(&id, dispute);
        self.emit("charge.dispute.created", value.clone());
        self.emit("charge.dispute.funds_withdrawn", value);
        self.later(ANSWER_BY_S, Job::DisputeCloses(id.clone()));
        id
    }

    /// Nobody sent evidence: the shop has lost.
    pub(crate) fn dispute_closes(&mut self, id: &str) {
        let Some(dispute) = self.disputes.get_mut(id) else {
            return;
        };
        dispute.status = "lost";
        let dispute = dispute.clone();
        let value = self.dispute_value(&dispute);
        self.emit("charge.dispute.closed", value);
    }

    pub(crate) fn list_disputes(&self, params: &Value) -> Outcome {
        let charge = forms::text(params, "charge");
        let intent = forms::text(params, "payment_intent");
        let all = self
            .disputes
            .newest_first()
            .into_iter()
            .filter(|d| charge.is_none_or(|c| c == d.charge))
            .filter(|d| intent.is_none_or(|i| d.intent.as_deref() == Some(i)))
            .map(|d| (d.id.clone(), d.created))
            .collect();
        let page = lists::page(all, params, "dispute")?;
        let data = page
            .ids
            .iter()
            .filter_map(|id| self.disputes.get(id))
            .map(|d| self.dispute_value(d))
            .collect();
        Ok(lists::list("/v1/disputes", data, page.has_more))
    }

    pub(crate) fn dispute_value(&self, dispute: &Dispute) -> Value {
        json!({
            "id": dispute.id,
            "object": "dispute",
            "amount": dispute.amount,
            "balance_transactions": [],
            "charge": dispute.charge,
            "created": dispute.created,
            "currency": dispute.currency,
            "enhanced_eligibility_types": [],
            "evidence": { "enhanced_evidence": {} },
            "evidence_details": {
                "due_by": dispute.due,
                "enhanced_eligibility": {},
                "has_evidence": false,
                "past_due": self.now >= dispute.due,
                "submission_count": 0,
                "submission_method": "not_submitted",
            },
            "is_charge_refundable": false,
            "livemode": self.livemode,
            "metadata": {},
            "payment_intent": dispute.intent,
            "payment_method_details": {
                "card": {
                    "brand": dispute.brand,
                    "case_type": "chargeback",
                    "network": dispute.brand,
                    "network_reason_code": "83",
                },
                "type": "card",
            },
            "reason": "fraudulent",
            "status": dispute.status,
        })
    }
}
