//! What the window is told: plain values, exported to TypeScript.
//!
//! Invariants:
//! - nothing secret is in a view: no PIN, no hash, no key, no full e-mail;
//! - every amount is already computed; the window formats it and adds nothing up;
//! - a view says what may be done now (`can_…`, `why_not`), the window does not guess.

use serde::{Deserialize, Serialize};
use till_store::CaseKind;
use ts_rs::TS;

/// An amount of money: a whole number of minor units of one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct MoneyView {
    /// Minor units (cents); guarded to the range JavaScript holds exactly.
    #[ts(type = "number")]
    pub minor: i64,
    /// ISO 4217 code, such as `EUR`.
    pub currency: String,
    /// Decimal places of the currency: 2 for EUR, 0 for JPY.
    pub exponent: u8,
}

/// Why a command was refused: a code to act on and a sentence to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[ts(export)]
pub struct CommandError {
    /// What the window may act on.
    pub code: crate::error::ErrorCode,
    /// First whether the money is all right, then what to do.
    pub message: String,
    /// Wrong-PIN answers say how many tries are left.
    pub tries_left: Option<u32>,
    /// A locked PIN says until when (RFC 3339).
    pub locked_until: Option<String>,
}

/// Everything the window needs when it starts or after a change of screen.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct BootView {
    /// `None`: no shop yet, show the first-run screen.
    pub shop: Option<ShopView>,
    /// The staff who can sign in.
    pub users: Vec<UserView>,
    /// Who is signed in.
    pub session: Option<UserView>,
    /// The open shift, if one is open.
    pub shift: Option<ShiftView>,
    /// Network and outbox.
    pub connection: ConnectionView,
    /// The program's version.
    pub version: String,
    /// Country profiles that the first-run screen offers.
    pub profiles: Vec<ProfileView>,
}

/// A country profile to choose from.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct ProfileView {
    /// ISO 3166 code, such as `NL`.
    pub code: String,
    /// The country's name.
    pub name: String,
    /// Its currency.
    pub currency: String,
    /// Places with taxes of their own.
    pub places: Vec<PlaceView>,
    /// The shop must say which of them it stands in.
    pub place_required: bool,
}

/// A place with taxes of its own.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct PlaceView {
    /// Such as `CA-QC`.
    pub code: String,
    /// Such as `Québec`.
    pub name: String,
}

/// The shop and this till.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct ShopView {
    /// Trade name.
    pub name: String,
    /// "Till 1".
    pub till: String,
    /// ISO 4217 code.
    pub currency: String,
    /// BCP 47 tag for dates and numbers, such as `en-NL`.
    pub locale: String,
    /// IANA zone of the shop's times, such as `Europe/Amsterdam`.
    pub timezone: String,
    /// Test-mode money: the stand-in or a Stripe test key. Shown as a mark.
    pub test_mode: bool,
    /// Refunds above this need a manager.
    pub refund_threshold: MoneyView,
}

/// A member of staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[ts(export)]
pub struct UserView {
    /// Id.
    pub id: String,
    /// Name as shown.
    pub name: String,
    /// What they may do.
    pub role: RoleView,
    /// PIN locked until then (RFC 3339).
    pub locked_until: Option<String>,
}

/// Roles, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[ts(export)]
#[serde(rename_all = "snake_case")]
pub enum RoleView {
    /// Sells; refunds up to the threshold.
    Cashier,
    /// Approves.
    Manager,
    /// A manager who owns the shop.
    Owner,
}

/// The open shift.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct ShiftView {
    /// Counts up from 1; also the number of its Z report.
    #[ts(type = "number")]
    pub number: i64,
    /// RFC 3339, in the shop's zone.
    pub opened_at: String,
    /// Who opened it.
    pub opened_by: String,
    /// Suspended sales.
    pub suspended: u32,
}

/// The connection pill.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct ConnectionView {
    /// What the last probe of Stripe found.
    pub online: bool,
    /// Offline on purpose, by the training switch.
    pub forced_offline: bool,
    /// RFC 3339; when the till went offline.
    pub offline_since: Option<String>,
    /// Card charges and refunds that wait for Stripe.
    pub waiting: u32,
    /// What the waiting charges are worth: the shop's risk.
    pub at_risk: MoneyView,
    /// Charges and refunds a person must decide, and cases that want somebody.
    pub need_a_person: u32,
    /// RFC 3339; oldest waiting charge.
    pub oldest_at: Option<String>,
    /// It waits longer than the shop's limit allows: somebody must look.
    pub too_old: bool,
    /// A send is running now.
    pub sending: bool,
    /// Why nothing can be sent although the network is there: no keyring,
    /// no key, key refused. A sentence.
    pub paused: Option<String>,
}

impl ConnectionView {
    /// Before there is a shop.
    pub(crate) fn none() -> Self {
        Self {
            online: false,
            forced_offline: false,
            offline_since: None,
            waiting: 0,
            at_risk: MoneyView {
                minor: 0,
                currency: "EUR".into(),
                exponent: 2,
            },
            need_a_person: 0,
            oldest_at: None,
            too_old: false,
            sending: false,
            paused: None,
        }
    }
}

/// A product tile or a search hit.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct ProductView {
    /// Id.
    pub id: String,
    /// Short code.
    pub sku: String,
    /// Name.
    pub name: String,
    /// Category.
    pub category: String,
    /// Price of one unit or one kilogram, tax included where the shop says so.
    pub price: MoneyView,
    /// Sold by weight: the window asks for kilograms.
    pub weighed: bool,
    /// Deposit charged with it.
    pub deposit: Option<MoneyView>,
    /// What is left, as text: "14", "3.250 kg".
    pub stock: String,
    /// None left, a few, or enough.
    pub stock_level: StockLevel,
}

/// How much is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[ts(export)]
#[serde(rename_all = "snake_case")]
pub enum StockLevel {
    /// Enough.
    Enough,
    /// Two or fewer.
    Low,
    /// None; still sellable.
    None,
}

/// The sale being rung up, or one that was.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct SaleView {
    /// Id.
    pub id: String,
    /// Lines in the order of ringing up.
    pub lines: Vec<LineView>,
    /// Customer on the sale.
    pub customer: Option<CustomerView>,
    /// Coupons on the sale.
    pub coupons: Vec<CouponView>,
    /// Name of the taxes charged instead of the products' own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub taxed_as: Option<String>,
    /// Sum of the lines before any discount.
    pub gross: MoneyView,
    /// All discounts, promotions among them, as a positive amount.
    pub discount: MoneyView,
    /// The sale's own discounts, in words: "10 %", "€2.00".
    pub sale_discounts: Vec<String>,
    /// Tax in the total.
    pub tax: MoneyView,
    /// True where prices include the tax.
    pub tax_included: bool,
    /// To pay.
    pub total: MoneyView,
    /// Still to pay after the tenders.
    pub outstanding: MoneyView,
    /// What is to pay if the rest is paid in cash, after cash rounding.
    pub cash_due: MoneyView,
    /// Cash rounding that applies, signed.
    pub cash_rounding: MoneyView,
    /// Change to give.
    pub change: MoneyView,
    /// Tenders taken so far.
    pub tenders: Vec<TenderView>,
    /// Everything is paid or accepted: `complete` will succeed.
    pub can_complete: bool,
    /// A tender is on its way to Stripe or not known yet: no other tender for
    /// its part of the sum, and no leaving the sale.
    pub busy: bool,
}

/// A step of how a price comes about.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct WhyView {
    /// The line's id; none for the sale as a whole.
    pub line: Option<String>,
    /// What it changes, or comes to.
    pub amount: MoneyView,
    /// It changes what is to pay; without it, it is there to be read.
    pub counts: bool,
    /// For the customer.
    pub says: String,
}

/// One line.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct LineView {
    /// Id.
    pub id: String,
    /// The product's id; none for a deposit.
    pub product: Option<String>,
    /// Name.
    pub name: String,
    /// "2", "0.412".
    pub quantity: String,
    /// Sold by weight.
    pub weighed: bool,
    /// Price of one.
    pub unit_price: MoneyView,
    /// The list price, where a person changed the price.
    pub list_price: Option<MoneyView>,
    /// Before discounts.
    pub gross: MoneyView,
    /// What promotions take off, each by name.
    pub promotions: Vec<PromotedView>,
    /// The line's own discounts, as a positive amount.
    pub discount: MoneyView,
    /// The line's own discounts in words: "10 %".
    pub discounts: Vec<String>,
    /// What the line comes to, before the sale's own discount.
    pub amount: MoneyView,
    /// Deposit lines follow the line they belong to and are not edited.
    pub is_deposit: bool,
    /// Lines voided stay in view, struck, and can be taken back with Undo.
    pub voided: bool,
}

/// What a promotion takes off a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[ts(export)]
pub struct PromotedView {
    /// Its name, as on the receipt.
    pub name: String,
    /// How much, as a positive amount.
    pub amount: MoneyView,
    /// Why, in words: "3 for 2: of every 3, the cheapest is free".
    pub says: String,
}

/// A coupon on the sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[ts(export)]
pub struct CouponView {
    /// Its code.
    pub code: String,
    /// What it is for.
    pub name: String,
    /// It takes something off now. One that does not may want other goods, or
    /// something better applies.
    pub used: bool,
}

/// A tender on the open or the completed sale.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct TenderView {
    /// Id.
    pub id: String,
    /// What it is.
    pub kind: TenderKindView,
    /// "Cash", "Visa •••• 4242", "Pay link".
    pub label: String,
    /// What it pays of the sale.
    pub amount: MoneyView,
    /// Cash handed over, in its own currency, or what a voucher is worth.
    pub given: Option<MoneyView>,
    /// Where it stands.
    pub state: TenderStateView,
    /// The state in the till's voice.
    pub says: String,
    /// It may be taken back now.
    pub can_remove: bool,
    /// Look again at Stripe (not known yet).
    pub can_look_again: bool,
    /// The pay link's address, once there is one.
    pub link: Option<String>,
    /// Of a card reader: which, and what it came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub reader: Option<TenderReaderView>,
}

/// What a tender at a card reader adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[ts(export)]
pub struct TenderReaderView {
    /// The reader's name: "Counter".
    pub label: String,
    /// What the customer added; charged with the tender, and not part of its amount.
    pub tip: Option<MoneyView>,
    /// It can be taken on a reader again: `tender_again`.
    pub can_try_again: bool,
}

/// The shop's card readers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[ts(export)]
pub struct ReadersView {
    /// As Stripe listed them last; forgotten ones are not among them.
    pub readers: Vec<ReaderView>,
    /// `tml_…`: where they stand, once Stripe knows the shop.
    pub location: Option<String>,
    /// Where Stripe will be told that the shop is, while it does not know.
    pub place: PlaceInput,
    /// RFC 3339: when they were listed.
    pub listed_at: Option<String>,
    /// What is being asked of Stripe now.
    pub working: Option<String>,
    /// Why the last thing asked came to nothing.
    pub problem: Option<String>,
    /// The readers ask the customer for a tip.
    pub tips: bool,
}

/// A card reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[ts(export)]
pub struct ReaderView {
    /// `tmr_…`.
    pub id: String,
    /// What the shop calls it: "Counter".
    pub label: String,
    /// "Stripe S700".
    pub device: String,
    /// It had a network when it was listed.
    pub online: bool,
    /// This till's cards go to it.
    pub chosen: bool,
}

/// Where the shop is, as Stripe wants to know it for its readers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
#[serde(default)]
pub struct PlaceInput {
    /// Street and number.
    pub line1: String,
    /// Town.
    pub city: String,
    /// Postal code.
    pub postal_code: String,
    /// State or province, where addresses have one.
    pub state: String,
    /// Two letters: "NL".
    pub country: String,
}

/// Kinds of tender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
#[serde(rename_all = "snake_case")]
pub enum TenderKindView {
    /// Notes and coins.
    Cash,
    /// Notes of another currency.
    ForeignCash,
    /// A voucher on paper.
    Voucher,
    /// Test mode and training: a test card as if tapped.
    SimulatedReader,
    /// The customer's stored card.
    SavedCard,
    /// A hosted Checkout link.
    PayLink,
    /// A stand-alone card machine.
    ExternalTerminal,
    /// A smart card reader on the counter.
    Reader,
}

/// Where a tender stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
#[serde(rename_all = "snake_case")]
pub enum TenderStateView {
    /// Money that is certain: cash, a slip, a charge Stripe confirmed.
    Certain,
    /// On its way now.
    Working,
    /// The customer is to present the card at the reader.
    AtReader,
    /// Accepted at the shop's risk, not yet charged.
    Queued,
    /// Sent, not known yet.
    Unknown,
    /// Refused; nothing was charged.
    Declined,
    /// The customer must act: pay link or authentication.
    NeedsCustomer,
    /// A person must look.
    NeedsAttention,
    /// Cancelled at Stripe or never sent.
    Canceled,
    /// Older than the limit; a person decides.
    Expired,
    /// A manager wrote it off, or it was paid another way.
    Closed,
}

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[ts(export)]
pub struct CustomerView {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Masked: "ana.o*****@correo.example".
    pub contact: Option<String>,
    /// Groups that promotions can be for.
    pub groups: Vec<String>,
    /// The saved card that is charged where no other is chosen.
    pub card: Option<CardView>,
    /// Every saved card, that one first.
    pub cards: Vec<CardView>,
}

/// All that is ever kept of a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[ts(export)]
pub struct CardView {
    /// Id of the saved card here.
    pub id: String,
    /// "Visa".
    pub brand: String,
    /// "4242".
    pub last4: String,
    /// "12/2030".
    pub expires: String,
    /// The month in which it expires is over.
    pub expired: bool,
    /// Charged where no other is chosen.
    pub is_default: bool,
    /// When its customer agreed.
    pub agreed_at: String,
    /// To which words, by their version; empty where the till was not there.
    pub agreed_to: String,
}

/// One customer, with all that is kept of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[ts(export)]
pub struct CustomerDetailView {
    /// As in a list.
    pub customer: CustomerView,
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone.
    pub phone: Option<String>,
    /// Code of the taxes that they are charged instead of the products' own.
    pub tax_set: Option<String>,
    /// A card that is being saved, or was a moment ago.
    pub saving: Option<SavingView>,
    /// Cards that Stripe has yet to be told of: they are kept no more.
    pub removing: u32,
}

/// What a customer agrees to before their card is saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[ts(export)]
pub struct CardConsentView {
    /// Which words: recorded with the card.
    pub version: String,
    /// The words.
    pub words: String,
}

/// Where the customer gives their card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize, TS)]
#[ts(export)]
#[serde(rename_all = "snake_case")]
pub enum SaveCardOn {
    /// Stripe's page: here in the browser, or on the customer's phone.
    Page,
    /// The reader of this name of Stripe's.
    Reader(String),
}

/// How far saving a card is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[ts(export)]
#[serde(rename_all = "snake_case")]
pub enum SavingStateView {
    /// Stripe is being asked for the page, or the reader.
    Preparing,
    /// The page is there.
    PageOpen,
    /// The reader asks for the card.
    AtReader,
    /// Given up; Stripe is being told.
    Canceling,
    /// The card is kept.
    Saved,
    /// Nobody gave a card in time.
    Expired,
    /// Given up.
    Canceled,
    /// It was refused.
    Failed,
}

/// A card that is being saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[ts(export)]
pub struct SavingView {
    /// Id; also the card's, once it is kept.
    pub id: String,
    /// Whose.
    pub customer: String,
    /// How far it is.
    pub state: SavingStateView,
    /// What a person should know or do.
    pub says: String,
    /// Where the page is, while it waits: for the customer's phone.
    pub url: Option<String>,
    /// The page may be opened here, in the system's browser.
    pub may_open: bool,
}

/// The ways to pay the rest, now.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct TenderOptionsView {
    /// Left to pay.
    pub outstanding: MoneyView,
    /// Exact cash first, then the next notes, each with its change.
    pub cash: Vec<CashOptionView>,
    /// Other currencies whose notes are taken.
    pub foreign: Vec<ForeignOptionView>,
    /// What becomes of the rest of a voucher; none: no voucher is taken.
    pub voucher: Option<String>,
    /// Card and other ways; those that are off say why.
    pub others: Vec<OtherOptionView>,
    /// Offline meters, present while card tenders would be queued.
    pub limits: Option<LimitsView>,
}

/// A cash button.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct CashOptionView {
    /// Handed over.
    pub given: MoneyView,
    /// Given back.
    pub change: MoneyView,
}

/// Notes of another currency.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct ForeignOptionView {
    /// How much of it pays what is left in cash.
    pub due: MoneyView,
    /// "1 USD is 0.92 EUR".
    pub says: String,
}

/// A card or other way to pay.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct OtherOptionView {
    /// Which.
    pub kind: TenderKindView,
    /// "Saved card · Visa •••• 4242".
    pub title: String,
    /// One sentence.
    pub says: String,
    /// Can be taken now.
    pub available: bool,
    /// Money that is certain when taken, else at the shop's risk.
    pub certain: bool,
    /// Most that may be taken this way now; none: no limit.
    pub most: Option<MoneyView>,
    /// Over a limit: a manager's PIN and a reason let it pass.
    pub needs_manager: bool,
    /// What the receipt will say about it, line by line.
    pub receipt_says: Vec<String>,
    /// Which of the customer's cards, where they have several.
    pub card: Option<String>,
}

/// Offline risk against its limits.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct LimitsView {
    /// This sale's part.
    pub this_tender: MoneyView,
    /// Most of one tender.
    pub per_tender: MoneyView,
    /// Waiting for this customer now.
    pub customer_waiting: MoneyView,
    /// Most per customer.
    pub per_customer: MoneyView,
    /// Waiting on the till now.
    pub waiting: MoneyView,
    /// Most on the till.
    pub on_till: MoneyView,
    /// Room left after this sale.
    pub room: MoneyView,
}

/// Somebody's PIN, typed now, for one act.
#[derive(Clone, Deserialize, TS)]
#[ts(export)]
pub struct ApprovalInput {
    /// Who approves.
    pub user: String,
    /// Their PIN. Never stored, logged or echoed.
    pub pin: String,
    /// Why.
    pub reason: String,
}

impl std::fmt::Debug for ApprovalInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApprovalInput")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// A discount asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
#[serde(rename_all = "snake_case")]
pub enum DiscountInput {
    /// "10" is ten per cent.
    Percent(String),
    /// "2.00" in the shop's currency.
    Amount(String),
}

/// The sale is complete.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct DoneView {
    /// "1-000123".
    pub receipt: String,
    /// As committed.
    pub sale: SaleView,
    /// Change to give.
    pub change: MoneyView,
    /// Sum of tenders not yet charged; zero when all money is certain.
    pub at_risk: MoneyView,
    /// The receipt as 42-column text.
    pub receipt_text: Vec<String>,
    /// What happened on the printer: none, or a sentence.
    pub printer: Option<String>,
    /// Where the receipt's PDF was written.
    pub pdf: Option<String>,
}

/// A completed sale in a list.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct SaleSummaryView {
    /// "1-000123".
    pub receipt: String,
    /// RFC 3339.
    pub at: String,
    /// Who sold.
    pub cashier: String,
    /// Sum.
    pub total: MoneyView,
    /// "Cash, Visa •••• 4242".
    pub tenders: String,
    /// Some card money is not charged yet.
    pub pending: bool,
    /// Given back so far.
    pub refunded: MoneyView,
}

/// A suspended sale.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct SuspendedView {
    /// Id of the sale.
    pub id: String,
    /// RFC 3339.
    pub at: String,
    /// Who suspended it.
    pub cashier: String,
    /// "3 lines".
    pub lines: u32,
    /// Sum.
    pub total: MoneyView,
    /// Customer's name.
    pub customer: Option<String>,
}

/// A sale to refund from.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct RefundSourceView {
    /// "1-000123".
    pub receipt: String,
    /// RFC 3339.
    pub sold_at: String,
    /// Who sold.
    pub cashier: String,
    /// Sum.
    pub total: MoneyView,
    /// "Visa •••• 4242 €31.40 · Cash €20.00".
    pub tenders: String,
    /// Lines that were sold.
    pub lines: Vec<RefundLineView>,
    /// Reasons offered.
    pub reasons: Vec<ReasonView>,
}

/// A reason for a refund.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct ReasonView {
    /// Code, sent back.
    pub code: String,
    /// In words.
    pub name: String,
}

/// A line that can be taken back.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct RefundLineView {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// "2", "0.412".
    pub sold: String,
    /// Already taken back.
    pub returned: String,
    /// What can still be taken back.
    pub left: String,
    /// Sold by weight.
    pub weighed: bool,
    /// What was paid for the whole line.
    pub paid: MoneyView,
    /// What was paid for one, as text, rounded for show.
    pub paid_each: MoneyView,
    /// A deposit that came with another line.
    pub is_deposit: bool,
}

/// How much of a line is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct RefundLineInput {
    /// The line.
    pub line: String,
    /// "1", "0.250".
    pub quantity: String,
    /// Put back in stock.
    pub restock: bool,
}

/// What a refund would come to.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct RefundQuoteView {
    /// To give back.
    pub total: MoneyView,
    /// Tax in it.
    pub tax: MoneyView,
    /// Cash rounding in it, signed.
    pub cash_rounding: MoneyView,
    /// Value by line, in the order asked.
    pub lines: Vec<MoneyView>,
    /// Where the money goes.
    pub goes_to: Vec<RefundTenderView>,
    /// A manager's PIN is needed.
    pub needs_manager: bool,
    /// "Over €50.00, so a manager approves it with a PIN."
    pub says: Option<String>,
    /// Managers who can approve.
    pub managers: Vec<UserView>,
}

/// A part of a refund.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct RefundTenderView {
    /// "Cash", "Visa •••• 4242".
    pub label: String,
    /// What it is.
    pub kind: TenderKindView,
    /// How much.
    pub amount: MoneyView,
    /// "Not charged yet: the charge is lowered by this much."
    pub says: String,
    /// It is given back only when the card is presented at a reader.
    pub presented: bool,
}

/// The refund is committed.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct RefundDoneView {
    /// "1-000124".
    pub receipt: String,
    /// Sum given back.
    pub total: MoneyView,
    /// Where it went.
    pub goes_to: Vec<RefundTenderView>,
    /// Who approved.
    pub approved_by: Option<String>,
    /// The slip as text.
    pub receipt_text: Vec<String>,
    /// What happened on the printer.
    pub printer: Option<String>,
    /// Where the PDF was written.
    pub pdf: Option<String>,
}

/// The outbox screen.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct OutboxView {
    /// Waiting for Stripe.
    pub waiting: Vec<OutboxEntryView>,
    /// A person must decide.
    pub need_a_person: Vec<OutboxEntryView>,
    /// Settled in this shift.
    pub settled: Vec<OutboxEntryView>,
    /// How many more there are than are listed.
    pub more: OutboxMoreView,
    /// Disputes that are not over, the nearest deadline first; then what was refunded at
    /// Stripe by somebody else, as this shift learnt of it.
    pub cases: Vec<CaseView>,
    /// The books against Stripe's; none before the first comparison.
    pub books: Option<BooksView>,
    /// Worth of what waits.
    pub at_risk: MoneyView,
    /// Most allowed on the till.
    pub limit: MoneyView,
    /// RFC 3339.
    pub offline_since: Option<String>,
    /// 0 to 100 while a send runs.
    pub progress: Option<u32>,
}

/// Money at Stripe that is no request of this till.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[ts(export)]
pub struct CaseView {
    /// `dp_…` or `re_…`.
    pub id: String,
    /// A dispute, or a refund made at Stripe.
    #[ts(type = "\"dispute\" | \"refund\"")]
    pub kind: CaseKind,
    /// The receipt of the sale, where it is complete.
    pub receipt: Option<String>,
    /// How much.
    pub amount: MoneyView,
    /// In Stripe's word.
    pub state: String,
    /// Why, in Stripe's word.
    pub reason: Option<String>,
    /// Until when evidence can be sent.
    pub due_by: Option<String>,
    /// When the till was told.
    pub at: String,
    /// A dispute that is not over.
    pub open: bool,
    /// Somebody must do something.
    pub needs_a_person: bool,
    /// What, in a sentence.
    pub says: String,
}

/// The last time that the journal was held against Stripe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[ts(export)]
pub struct BooksView {
    /// RFC 3339.
    pub at: String,
    /// There was no difference.
    pub agree: bool,
    /// When, and how many differences, in a sentence.
    pub says: String,
    /// Each difference in a sentence.
    pub differences: Vec<String>,
}

/// How many entries of the outbox are not listed.
#[derive(Debug, Clone, Copy, Serialize, TS)]
#[ts(export)]
pub struct OutboxMoreView {
    /// Waiting for Stripe.
    pub waiting: u32,
    /// For a person to decide.
    pub need_a_person: u32,
    /// Settled in this shift.
    pub settled: u32,
}

/// One charge or refund on its way.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct OutboxEntryView {
    /// Id: the tender's or the refund part's.
    pub id: String,
    /// A refund rather than a charge.
    pub is_refund: bool,
    /// Customer's name, or the kind of card.
    pub who: String,
    /// "Visa •••• 4242".
    pub card: String,
    /// "1-000123"; none while the sale is still open.
    pub receipt: Option<String>,
    /// Who sold.
    pub cashier: String,
    /// RFC 3339.
    pub at: String,
    /// How much.
    pub amount: MoneyView,
    /// Where it stands.
    pub state: TenderStateView,
    /// In short: "Waiting for the network".
    pub says: String,
    /// When the card is tried again by itself, where the shop's schedule says so.
    pub retry_at: Option<String>,
    /// Why it was not charged: the bank's reason in plain words. None of what goes its way.
    pub reason: Option<String>,
    /// How the customer is reached, where that is known: "ana@post.example · 600 111 222".
    pub contact: Option<String>,
}

/// One entry with its history.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct OutboxDetailView {
    /// The entry.
    pub entry: OutboxEntryView,
    /// Is the money all right? One sentence.
    pub verdict: String,
    /// What to do.
    pub advice: String,
    /// What happened, oldest first.
    pub history: Vec<HistoryView>,
    /// What may be decided now.
    pub actions: Vec<OutboxActionView>,
    /// The pay link's address, once there is one.
    pub link: Option<String>,
}

/// A decision about an entry.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct OutboxActionView {
    /// Which.
    pub action: OutboxAction,
    /// It may be taken now.
    pub available: bool,
    /// Why not, in words.
    pub why_not: Option<String>,
    /// Asks for a manager's PIN.
    pub needs_manager: bool,
}

/// Decisions about an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
#[serde(rename_all = "snake_case")]
pub enum OutboxAction {
    /// Send or look up now.
    SendNow,
    /// Try the same card once more under a new attempt; of a refund: ask for the card at
    /// this till's reader.
    TryAgain,
    /// The customer paid cash instead; cancelled at Stripe first.
    TakeCash,
    /// A pay link for the sum instead; cancelled at Stripe first.
    PayLink,
    /// A manager gives the money up.
    WriteOff,
    /// Take the refund off the card reader; what the reader did by then counts.
    TakeOffReader,
    /// A refund that Stripe could not make is given out of the drawer: what is left of it.
    GiveCash,
    /// A manager looked, in Stripe's dashboard say, and it is settled: nothing is sent.
    Settled,
}

/// One line of history.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct HistoryView {
    /// RFC 3339.
    pub at: String,
    /// A sentence.
    pub says: String,
    /// How it looks.
    pub state: TenderStateView,
}

/// A drawer count by denomination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct CountInput {
    /// Minor units of the note or coin.
    #[ts(type = "number")]
    pub denomination_minor: i64,
    /// How many.
    pub pieces: u32,
}

/// Notes of another currency, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct ForeignCountInput {
    /// "USD".
    pub currency: String,
    /// "40.00".
    pub amount: String,
}

/// What the count screen shows before counting: nothing that is expected.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct CountView {
    /// Notes and coins of the currency, largest first.
    pub denominations: Vec<MoneyView>,
    /// Other currencies to be counted: nothing of each.
    pub foreign: Vec<MoneyView>,
    /// Suspended sales to finish first.
    pub suspended: u32,
    /// Card charges that still wait.
    pub waiting: u32,
    /// Worth of them.
    pub at_risk: MoneyView,
    /// A recount has been used.
    pub recounted: bool,
}

/// Expected and counted.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct CompareView {
    /// Lines that make up the expected sum.
    pub why: Vec<ReportLineView>,
    /// Expected in the drawer.
    pub expected: MoneyView,
    /// Counted.
    pub counted: MoneyView,
    /// Counted less expected, signed.
    pub difference: MoneyView,
    /// Notes of other currencies.
    pub foreign: Vec<ForeignCompareView>,
    /// What may explain it, likeliest first.
    pub hints: Vec<HintView>,
    /// One recount is allowed.
    pub can_recount: bool,
    /// The difference needs a manager's PIN.
    pub needs_manager: bool,
    /// The Z report as it will print.
    pub preview: Vec<String>,
    /// Number of the Z report.
    #[ts(type = "number")]
    pub z_number: i64,
}

/// Expected and counted of another currency.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct ForeignCompareView {
    /// Taken in the shift.
    pub expected: MoneyView,
    /// Counted.
    pub counted: MoneyView,
    /// Counted less expected, signed.
    pub difference: MoneyView,
}

/// Something that may explain a difference.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct HintView {
    /// "One €2 coin".
    pub title: String,
    /// "A single coin miscounted makes exactly this".
    pub says: String,
}

/// A label with a sum.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct ReportLineView {
    /// Label.
    pub label: String,
    /// How many, where that says something.
    #[ts(type = "number | null")]
    pub count: Option<i64>,
    /// Sum.
    pub amount: MoneyView,
}

/// An X or Z report.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct ReportView {
    /// "X report", "Z report 214".
    pub title: String,
    /// The report's number; none for an X.
    #[ts(type = "number | null")]
    pub number: Option<i64>,
    /// RFC 3339.
    pub from: String,
    /// RFC 3339.
    pub to: String,
    /// What the shop took, refunds off, tax included.
    pub takings: MoneyView,
    /// Number of sales.
    #[ts(type = "number")]
    pub sales: i64,
    /// Average sale.
    pub average: MoneyView,
    /// Tenders, less refunds.
    pub tenders: Vec<ReportLineView>,
    /// Tax by rate.
    pub taxes: Vec<ReportLineView>,
    /// By category.
    pub categories: Vec<ReportLineView>,
    /// Takings by hour of the day, 24 figures.
    pub hours: Vec<MoneyView>,
    /// Not yet charged.
    pub pending: ReportLineView,
    /// Cards that this shift took at the shop's risk, by what became of them.
    pub at_risk: Vec<ReportLineView>,
    /// Cards that earlier shifts took at risk, by what this one learnt of them.
    pub at_risk_earlier: Vec<ReportLineView>,
    /// Card money of whichever shift that a person must decide about.
    pub owed: ReportLineView,
    /// Disputes, and when the books were compared with Stripe's; none for a Z.
    pub stripe: Vec<String>,
    /// Over or short; none for an X.
    pub difference: Option<MoneyView>,
    /// The report as 42-column text.
    pub text: Vec<String>,
    /// Where its PDF was written.
    pub pdf: Option<String>,
    /// The printer's complaint.
    pub printer: Option<String>,
    /// "Books agree." or what does not.
    pub verdict: String,
}

/// A closed shift in a list.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct ZSummaryView {
    /// Number.
    #[ts(type = "number")]
    pub number: i64,
    /// RFC 3339.
    pub closed_at: String,
    /// Takings.
    pub takings: MoneyView,
    /// Over or short.
    pub difference: MoneyView,
}

/// What is known of Stripe on this machine. Never the key.
#[derive(Debug, Clone, Serialize, TS)]
#[ts(export)]
pub struct StripeView {
    /// A key is in the keyring.
    pub connected: bool,
    /// The account it belongs to.
    pub account: Option<String>,
    /// Test or live.
    pub livemode: bool,
    /// What it says.
    pub says: String,
}
