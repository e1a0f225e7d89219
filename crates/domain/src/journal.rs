//! The closed list of things that happen at a till.
//!
//! Invariants:
//! - an event holds no personal data: customers and staff are ids;
//! - the stored form of an event is its serialised form here, under [`VERSION`];
//!   a golden file pins it, and a change of shape raises the version.

use serde::{Deserialize, Serialize};

use crate::catalog::{ConsentWay, Role};
use crate::charge::{ChargeState, RefundState};
use crate::ids::{
    CardId, CustomerId, ReceiptNumber, RefundPartId, SaleId, ShiftNumber, TenderId, Timestamp,
    UserId,
};
use crate::money::Money;
use crate::refund::CommittedRefund;
use crate::sale::{Approval, CommittedSale, VoidedLine};

/// Version of the stored shapes.
pub const VERSION: u32 = 1;

/// How a charge is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeKind {
    /// A test card as if tapped.
    SimulatedReader,
    /// A stored card.
    SavedCard,
    /// A Checkout link.
    PayLink,
    /// A smart reader on the counter.
    Reader,
}

/// What the card schemes want on the slip of a card that was presented: no number of
/// it. Source: Stripe docs, "Terminal receipts"; EMV Book 3 names the fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardSlip {
    /// The application's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// The application (AID), hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aid: Option<String>,
    /// The issuer's authorisation code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorisation_code: Option<String>,
    /// How the holder was verified, in Stripe's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<String>,
    /// `credit`, `checking` and such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_type: Option<String>,
    /// The application cryptogram, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cryptogram: Option<String>,
    /// Terminal verification results (TVR), hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tvr: Option<String>,
    /// Transaction status information (TSI), hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tsi: Option<String>,
}

/// What Stripe said of a charge, as far as it is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargeFacts {
    /// `pi_…`.
    pub intent: Option<String>,
    /// `cs_…`, of a pay link.
    pub session: Option<String>,
    /// `ch_…`.
    pub charge: Option<String>,
    /// Brand, such as "visa".
    pub brand: Option<String>,
    /// Last four digits.
    pub last4: Option<String>,
    /// Why not, in Stripe's word.
    pub decline_code: Option<String>,
    /// What Stripe advises, in its word.
    pub advice_code: Option<String>,
    /// The shop's schedule tries it again, nobody else: which of its times this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<u32>,
    /// What the customer added on the reader; charged with the tender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tip: Option<Money>,
    /// Paid by Interac: its refund wants the card on a reader.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interac: bool,
    /// Of a card that was presented.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slip: Option<Box<CardSlip>>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum JournalEvent {
    /// A shift opened with its float.
    ShiftOpened {
        /// Cash in the drawer.
        float: Money,
        /// Who.
        by: UserId,
    },
    /// A card tender was asked of Stripe: at once, or queued at the shop's risk.
    ChargeRequested {
        /// Tender.
        tender: TenderId,
        /// Sale.
        sale: SaleId,
        /// How.
        how: ChargeKind,
        /// How much.
        amount: Money,
        /// Whose card.
        customer: Option<CustomerId>,
        /// Accepted before it was charged.
        at_risk: bool,
        /// Who let it pass a limit.
        approval: Option<Approval>,
    },
    /// A charge moved to a state that matters to the books.
    ChargeMoved {
        /// Tender.
        tender: TenderId,
        /// Where it stands now.
        to: ChargeState,
        /// What Stripe said.
        facts: ChargeFacts,
        /// Who decided, where a person did.
        by: Option<Approval>,
    },
    /// A charge that had not been made was lowered.
    ChargeLowered {
        /// Tender.
        tender: TenderId,
        /// By how much.
        by: Money,
    },
    /// A sale was completed.
    SaleCommitted {
        /// Its receipt.
        receipt: ReceiptNumber,
        /// The sale.
        sale: Box<CommittedSale>,
    },
    /// An open sale was undone as a whole.
    SaleVoided {
        /// The sale.
        sale: SaleId,
        /// Its lines.
        lines: Vec<VoidedLine>,
        /// Who.
        by: UserId,
    },
    /// A charged tender was taken off an open sale: its money goes back.
    TenderReturned {
        /// Tender.
        tender: TenderId,
        /// The part that gives it back.
        part: RefundPartId,
        /// How much.
        amount: Money,
        /// Who.
        by: UserId,
    },
    /// A refund was completed.
    RefundCommitted {
        /// Its receipt.
        receipt: ReceiptNumber,
        /// The refund.
        refund: Box<CommittedRefund>,
    },
    /// A refund at Stripe moved to a state that matters to the books.
    RefundMoved {
        /// Which part.
        part: RefundPartId,
        /// Where it stands now.
        to: RefundState,
        /// `re_…`.
        stripe_refund: Option<String>,
        /// Why not, in Stripe's word.
        reason: Option<String>,
        /// Who asked for the card again; none where Stripe moved it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<UserId>,
    },
    /// A refund that Stripe could not make was given in cash: what was left of it.
    RefundPaid {
        /// Which part.
        part: RefundPartId,
        /// Cash handed over.
        amount: Money,
        /// Who gave it.
        by: UserId,
        /// Who approved, where nobody had approved the refund.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approval: Option<Approval>,
    },
    /// A manager looked, and a refund that Stripe refused is settled in another way:
    /// nothing more is owed of it, and nothing is sent.
    RefundSettled {
        /// Which part.
        part: RefundPartId,
        /// What others had given of it at Stripe, as far as the till knew.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        elsewhere: Option<Money>,
        /// Who looked, and what they found.
        by: Approval,
    },
    /// A debt that was declined was paid in cash.
    DebtPaid {
        /// The tender that failed.
        tender: TenderId,
        /// Cash handed over, change off.
        amount: Money,
        /// Who took it.
        by: UserId,
    },
    /// Cash put in without a sale.
    PaidIn {
        /// How much.
        amount: Money,
        /// Why.
        reason: String,
        /// Who.
        by: UserId,
    },
    /// Cash taken out without a sale.
    PaidOut {
        /// How much.
        amount: Money,
        /// Why.
        reason: String,
        /// Who.
        by: UserId,
        /// Who approved.
        approval: Option<Approval>,
    },
    /// The drawer opened for neither.
    NoSale {
        /// Why.
        reason: String,
        /// Who.
        by: UserId,
    },
    /// A wrong PIN.
    PinRefused {
        /// Whose PIN was asked for.
        user: UserId,
        /// Locked by it.
        locked: bool,
    },
    /// The drawer was counted.
    DrawerCounted {
        /// What was found.
        counted: Money,
        /// What was expected.
        expected: Money,
        /// Notes of other currencies.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        foreign: Vec<ForeignCount>,
        /// Who.
        by: UserId,
    },
    /// A receipt was printed again.
    Reprinted {
        /// Which.
        receipt: ReceiptNumber,
        /// Who.
        by: UserId,
    },
    /// A customer's personal data was erased; the id stays.
    CustomerErased {
        /// Who was erased.
        customer: CustomerId,
        /// Who did it.
        by: UserId,
    },
    /// What a customer's prices depend on was changed.
    CustomerChanged {
        /// Whose.
        customer: CustomerId,
        /// Groups they belong to now.
        groups: Vec<String>,
        /// Code of the taxes that they are charged instead of the products' own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tax_set: Option<String>,
        /// Who did it.
        by: UserId,
    },
    /// A customer agreed to have a card kept at Stripe, and it is.
    CardSaved {
        /// Whose.
        customer: CustomerId,
        /// Which.
        card: CardId,
        /// How they agreed.
        way: ConsentWay,
        /// To which words, by their version.
        words: String,
        /// Who heard them agree.
        by: UserId,
    },
    /// A customer's card is kept no more.
    CardRemoved {
        /// Whose.
        customer: CustomerId,
        /// Which.
        card: CardId,
        /// Who removed it; none where Stripe says that it is gone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<UserId>,
    },
    /// The shop's settings were changed.
    SettingsChanged {
        /// Each of them.
        changes: Vec<SettingChange>,
        /// Who.
        by: UserId,
    },
    /// Somebody of the staff was added or changed.
    StaffChanged {
        /// Whom it is about.
        user: UserId,
        /// What became of them.
        change: StaffChange,
        /// Who did it.
        by: UserId,
    },
    /// The catalogue was changed from a file.
    CatalogueImported {
        /// Products that were new.
        added: u32,
        /// Products that are otherwise now.
        changed: u32,
        /// Who.
        by: UserId,
    },
    /// The promotions were changed from a file.
    PromotionsImported {
        /// Promotions that were new.
        added: u32,
        /// Promotions that are otherwise now.
        changed: u32,
        /// Promotions that were taken away.
        removed: u32,
        /// Who.
        by: UserId,
    },
    /// The till was joined to a Stripe account.
    StripeConnected {
        /// `acct_…`.
        account: String,
        /// Real money.
        livemode: bool,
    },
    /// Stripe told of a dispute, or of what became of one.
    DisputeMoved {
        /// `dp_…`.
        dispute: String,
        /// Whose charge.
        tender: TenderId,
        /// How much.
        amount: Money,
        /// In Stripe's word.
        status: String,
        /// In Stripe's word.
        reason: String,
        /// Until when evidence can be sent.
        due_by: Option<Timestamp>,
    },
    /// Money went back at Stripe by no request of this till.
    RefundElsewhere {
        /// `re_…`.
        refund: String,
        /// Whose charge.
        tender: TenderId,
        /// How much.
        amount: Money,
        /// In Stripe's word.
        status: String,
    },
    /// The shift closed with its Z report.
    ShiftClosed {
        /// When it opened.
        opened_at: Timestamp,
        /// Expected in the drawer.
        expected: Money,
        /// Found in the drawer.
        counted: Money,
        /// Left as the next float.
        next_float: Money,
        /// What the difference is put down to.
        note: String,
        /// Who closed.
        by: UserId,
        /// Who approved the difference.
        approval: Option<Approval>,
        /// Sum of all takings since the first shift: never reset.
        grand_total: Money,
        /// Card money that waited at the close: count, sum, oldest.
        pending: Pending,
        /// Notes of other currencies. They all leave the drawer.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        foreign: Vec<ForeignCount>,
    },
}

/// A setting that is otherwise now. What it says is left out where it could be
/// somebody's own address or number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingChange {
    /// Such as `taxes.high.rates` or `cash_rounding.mode`.
    pub setting: String,
    /// Before; none where there was nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// After; none where there is nothing any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// What became of somebody of the staff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaffChange {
    /// They are new.
    Added(Role),
    /// They have another PIN.
    Pin,
    /// They may not sign in any more.
    Disabled,
    /// They may again.
    Enabled,
}

/// Notes of another currency in the drawer, in that currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignCount {
    /// Found.
    pub counted: Money,
    /// Taken in the shift.
    pub expected: Money,
}

/// Card money that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// How many charges.
    pub count: u32,
    /// What they are worth.
    pub amount: Money,
    /// When the oldest was taken.
    pub oldest_at: Option<Timestamp>,
}

impl JournalEvent {
    /// The word in the database.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ShiftOpened { .. } => "shift_opened",
            Self::ChargeRequested { .. } => "charge_requested",
            Self::ChargeMoved { .. } => "charge_moved",
            Self::ChargeLowered { .. } => "charge_lowered",
            Self::SaleCommitted { .. } => "sale_committed",
            Self::SaleVoided { .. } => "sale_voided",
            Self::TenderReturned { .. } => "tender_returned",
            Self::RefundCommitted { .. } => "refund_committed",
            Self::RefundMoved { .. } => "refund_moved",
            Self::RefundPaid { .. } => "refund_paid",
            Self::RefundSettled { .. } => "refund_settled",
            Self::DebtPaid { .. } => "debt_paid",
            Self::PaidIn { .. } => "paid_in",
            Self::PaidOut { .. } => "paid_out",
            Self::NoSale { .. } => "no_sale",
            Self::PinRefused { .. } => "pin_refused",
            Self::DrawerCounted { .. } => "drawer_counted",
            Self::Reprinted { .. } => "reprinted",
            Self::CustomerErased { .. } => "customer_erased",
            Self::CustomerChanged { .. } => "customer_changed",
            Self::CardSaved { .. } => "card_saved",
            Self::CardRemoved { .. } => "card_removed",
            Self::SettingsChanged { .. } => "settings_changed",
            Self::StaffChanged { .. } => "staff_changed",
            Self::CatalogueImported { .. } => "catalogue_imported",
            Self::PromotionsImported { .. } => "promotions_imported",
            Self::StripeConnected { .. } => "stripe_connected",
            Self::DisputeMoved { .. } => "dispute_moved",
            Self::RefundElsewhere { .. } => "refund_elsewhere",
            Self::ShiftClosed { .. } => "shift_closed",
        }
    }
}

/// An event in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Counts from 1 without gaps.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// In which shift; what happens between two shifts belongs to the next.
    pub shift: ShiftNumber,
    /// What.
    pub event: JournalEvent,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Uuid;

    #[test]
    fn what_a_manager_changed_is_stored_as_it_always_was() {
        let by = UserId(Uuid::nil());
        let nil = "00000000-0000-0000-0000-000000000000";
        let change = |setting: &str, from: Option<&str>, to: Option<&str>| SettingChange {
            setting: setting.into(),
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
        };
        for (event, stored) in [
            (
                JournalEvent::CustomerChanged {
                    customer: CustomerId(Uuid::nil()),
                    groups: vec!["members".into()],
                    tax_set: Some("forces".into()),
                    by,
                },
                format!(
                    r#"{{"kind":"customer_changed","customer":"{nil}","groups":["members"],"tax_set":"forces","by":"{nil}"}}"#
                ),
            ),
            (
                JournalEvent::CardSaved {
                    customer: CustomerId(Uuid::nil()),
                    card: CardId(Uuid::nil()),
                    way: ConsentWay::Page,
                    words: "1".into(),
                    by,
                },
                format!(
                    r#"{{"kind":"card_saved","customer":"{nil}","card":"{nil}","way":"page","words":"1","by":"{nil}"}}"#
                ),
            ),
            (
                JournalEvent::CardRemoved {
                    customer: CustomerId(Uuid::nil()),
                    card: CardId(Uuid::nil()),
                    by: None,
                },
                format!(r#"{{"kind":"card_removed","customer":"{nil}","card":"{nil}"}}"#),
            ),
            (
                JournalEvent::RefundPaid {
                    part: RefundPartId(Uuid::nil()),
                    amount: Money::from_minor(845, "EUR".parse().unwrap()),
                    by,
                    approval: None,
                },
                format!(
                    r#"{{"kind":"refund_paid","part":"{nil}","amount":{{"minor":845,"currency":"EUR"}},"by":"{nil}"}}"#
                ),
            ),
            (
                JournalEvent::RefundSettled {
                    part: RefundPartId(Uuid::nil()),
                    elsewhere: None,
                    by: Approval {
                        by,
                        reason: "by bank".into(),
                    },
                },
                format!(
                    r#"{{"kind":"refund_settled","part":"{nil}","by":{{"by":"{nil}","reason":"by bank"}}}}"#
                ),
            ),
            (
                JournalEvent::RefundMoved {
                    part: RefundPartId(Uuid::nil()),
                    to: RefundState::Failed,
                    stripe_refund: None,
                    reason: None,
                    by: None,
                },
                format!(
                    r#"{{"kind":"refund_moved","part":"{nil}","to":"failed","stripe_refund":null,"reason":null}}"#
                ),
            ),
            (
                JournalEvent::SettingsChanged {
                    changes: vec![
                        change("taxes.high.rates", Some("21"), Some("22")),
                        change("address", None, None),
                    ],
                    by,
                },
                format!(
                    r#"{{"kind":"settings_changed","changes":[{{"setting":"taxes.high.rates","from":"21","to":"22"}},{{"setting":"address"}}],"by":"{nil}"}}"#
                ),
            ),
            (
                JournalEvent::StaffChanged {
                    user: by,
                    change: StaffChange::Added(Role::Cashier),
                    by,
                },
                format!(
                    r#"{{"kind":"staff_changed","user":"{nil}","change":{{"added":"cashier"}},"by":"{nil}"}}"#
                ),
            ),
            (
                JournalEvent::StaffChanged {
                    user: by,
                    change: StaffChange::Disabled,
                    by,
                },
                format!(
                    r#"{{"kind":"staff_changed","user":"{nil}","change":"disabled","by":"{nil}"}}"#
                ),
            ),
            (
                JournalEvent::CatalogueImported {
                    added: 2,
                    changed: 1,
                    by,
                },
                format!(r#"{{"kind":"catalogue_imported","added":2,"changed":1,"by":"{nil}"}}"#),
            ),
            (
                JournalEvent::PromotionsImported {
                    added: 3,
                    changed: 0,
                    removed: 1,
                    by,
                },
                format!(
                    r#"{{"kind":"promotions_imported","added":3,"changed":0,"removed":1,"by":"{nil}"}}"#
                ),
            ),
        ] {
            assert_eq!(serde_json::to_string(&event).unwrap(), stored);
            assert_eq!(
                serde_json::from_str::<JournalEvent>(&stored).unwrap(),
                event
            );
        }
    }
}
