//! What was done to each tender: charged how often, for how much.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::state::State;

/// A charge that took money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChargeLine {
    /// `ch_…`
    pub charge: String,
    /// `pi_…`
    pub payment_intent: String,
    /// What was captured, in the currency's smallest unit at Stripe.
    pub amount: i64,
    /// In lower case.
    pub currency: String,
    /// How much of it is a tip that the customer added at a reader.
    pub tip: i64,
    /// The reader the card was presented at, if it was: `tmr_…`
    pub reader: Option<String>,
    /// Whether a bank has taken it back.
    pub disputed: bool,
}

/// A refund that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefundLine {
    /// `re_…`
    pub refund: String,
    /// The metadata key `refund_id`, if the request carried one.
    pub refund_id: Option<String>,
    /// In the currency's smallest unit at Stripe.
    pub amount: i64,
    /// Stripe's word.
    pub status: String,
}

/// Everything done under one tender.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct TenderLine {
    /// More than one is a customer charged twice.
    pub charges: Vec<ChargeLine>,
    /// Failed ones too.
    pub refunds: Vec<RefundLine>,
    /// The sum of the charges.
    pub charged: i64,
    /// The sum of the refunds that have not failed.
    pub refunded: i64,
    /// Charged less refunded.
    pub net: i64,
    /// How many PaymentIntents carry this tender, charged or not.
    pub payment_intents: usize,
    /// Those of them, and of the pay links, that a request on its way, a card at a
    /// reader or the customer could still charge: `pi_…`, `cs_…`. One that a reader may
    /// take is among them until it is cancelled, for a late request can put it there.
    pub chargeable: Vec<String>,
}

/// Sums of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    /// What was captured.
    pub charged: i64,
    /// What was refunded and has not failed.
    pub refunded: i64,
    /// Charged less refunded. Disputes are not taken off.
    pub net: i64,
    /// What banks have taken back.
    pub disputed: i64,
}

/// What the stand-in did, by the metadata key `tender_id`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Ledger {
    /// By tender; an intent without one stands under its own `pi_…`.
    pub tenders: BTreeMap<String, TenderLine>,
    /// By currency.
    pub totals: BTreeMap<String, Totals>,
}

impl Ledger {
    /// The tenders charged more than once.
    #[must_use]
    pub fn charged_twice(&self) -> Vec<&str> {
        self.tenders
            .iter()
            .filter(|(_, line)| line.charges.len() > 1)
            .map(|(tender, _)| tender.as_str())
            .collect()
    }

    /// How often a tender was charged; 0 if it is unknown.
    #[must_use]
    pub fn charges_of(&self, tender: &str) -> usize {
        self.tenders
            .get(tender)
            .map_or(0, |line| line.charges.len())
    }

    /// Charged less refunded of a tender; 0 if it is unknown.
    #[must_use]
    pub fn net_of(&self, tender: &str) -> i64 {
        self.tenders.get(tender).map_or(0, |line| line.net)
    }
}

impl State {
    pub(crate) fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        let name = |intent: &str| {
            let found = self
                .intents
                .get(intent)
                .and_then(|i| i.metadata.get("tender_id"));
            found.cloned().unwrap_or_else(|| intent.to_owned())
        };
        for intent in self.intents.oldest_first() {
            let line = ledger.tenders.entry(name(&intent.id)).or_default();
            line.payment_intents = line.payment_intents.saturating_add(1);
            if intent.is_chargeable() {
                line.chargeable.push(intent.id.clone());
            }
        }
        for session in self.sessions.oldest_first() {
            if let Some(tender) = session.payable_tender(self.now) {
                let line = ledger.tenders.entry(tender).or_default();
                line.chargeable.push(session.id.clone());
            }
        }
        for charge in self
            .charges
            .oldest_first()
            .into_iter()
            .filter(|c| c.is_captured)
        {
            let line = ledger.tenders.entry(name(&charge.intent)).or_default();
            line.charged = line.charged.saturating_add(charge.captured);
            line.charges.push(ChargeLine {
                charge: charge.id.clone(),
                payment_intent: charge.intent.clone(),
                amount: charge.captured,
                currency: charge.currency.clone(),
                tip: charge.tip,
                reader: charge.present.as_ref().map(|at| at.reader.clone()),
                disputed: charge.disputed,
            });
            let totals = ledger.totals.entry(charge.currency.clone()).or_default();
            totals.charged = totals.charged.saturating_add(charge.captured);
            if charge.disputed {
                totals.disputed = totals.disputed.saturating_add(charge.captured);
            }
        }
        for refund in self.refunds.oldest_first() {
            let line = ledger.tenders.entry(name(&refund.intent)).or_default();
            line.refunds.push(RefundLine {
                refund: refund.id.clone(),
                refund_id: refund.metadata.get("refund_id").cloned(),
                amount: refund.amount,
                status: refund.status.as_str().unwrap_or_default().to_owned(),
            });
            if refund.status.counts() {
                line.refunded = line.refunded.saturating_add(refund.amount);
                let currency = self.charges.get(&refund.charge).map(|c| c.currency.clone());
                let totals = ledger
                    .totals
                    .entry(currency.unwrap_or_default())
                    .or_default();
                totals.refunded = totals.refunded.saturating_add(refund.amount);
            }
        }
        for line in ledger.tenders.values_mut() {
            line.net = line.charged.saturating_sub(line.refunded);
        }
        for totals in ledger.totals.values_mut() {
            totals.net = totals.charged.saturating_sub(totals.refunded);
        }
        ledger
    }
}
