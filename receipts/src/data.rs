//! The facts on a piece of paper, unformatted.
//!
//! Amounts are [`Money`]; dates, rates and quantities come as text, because the
//! one who knows the zone, the tax table and the scale has written them already.
//! Text may be anything a person typed: it is cleaned when it is laid out.

use till_domain::ids::ReceiptNumber;
use till_domain::money::Money;

/// Anything this till prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// A sale.
    Sale(SaleReceipt),
    /// A refund.
    Refund(RefundReceipt),
    /// An X or a Z report.
    Shift(Box<ShiftReport>),
    /// Cash into or out of the drawer, or the drawer opened without a sale.
    Slip(Slip),
}

/// A label and its amount.
pub type Labelled = (String, Money);

/// The head and the foot of every paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shop {
    /// Trade name.
    pub name: String,
    /// Lines of the address.
    pub address: Vec<String>,
    /// What the tax number is called here: `NIF`, `VAT no.`
    pub tax_number_label: String,
    /// The tax number; empty where there is none.
    pub tax_number: String,
    /// Telephone.
    pub phone: Option<String>,
    /// `Returns within 15 days with this receipt.`
    pub return_policy: Option<String>,
    /// The last line: thanks.
    pub footer: Option<String>,
    /// The shop is connected to Stripe's test mode: no money moves.
    pub test_mode: bool,
    /// Over the tax table of a sale: `Tax included`, or `Tax` where it is added.
    pub tax_included_title: String,
}

/// When, where and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// In the shop's zone: `Sat 21 Nov 2026 17:44`.
    pub date_time: String,
    /// `Till 1`.
    pub till: String,
    /// The shift.
    pub shift: i64,
    /// Who served.
    pub served_by: String,
}

/// The first print, or one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copy {
    /// The first.
    Original,
    /// Any after it.
    Duplicate,
}

/// What else must be said over the head of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Nothing.
    None,
    /// Made in training: no sale.
    Training,
    /// Voided.
    Void,
}

/// How much of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity {
    /// `2`, `0.930`.
    pub amount: String,
    /// From a scale: always printed, with its unit.
    pub weighed: bool,
    /// `kg`; empty for pieces.
    pub unit: String,
}

/// A receipt for a sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleReceipt {
    /// The shop.
    pub shop: Shop,
    /// When, where, who.
    pub stamp: Stamp,
    /// Its number.
    pub number: ReceiptNumber,
    /// What was sold.
    pub lines: Vec<ReceiptLine>,
    /// Over the lines: printed where given (discounts on the sale, tax added).
    pub subtotal: Option<Money>,
    /// Discounts on the whole sale, negative.
    pub sale_discounts: Vec<Labelled>,
    /// Tax added to the lines; empty where prices include it.
    pub tax_added: Vec<Labelled>,
    /// Due, before cash rounding.
    pub total: Money,
    /// What rounding the cash leg added; zero is not printed.
    pub cash_rounding: Money,
    /// What it was paid with.
    pub tenders: Vec<ReceiptTender>,
    /// Tax by rate.
    pub taxes: Vec<TaxRow>,
    /// Why other taxes were charged than those of the goods, such as an exemption.
    pub taxed_as: Option<String>,
    /// Original or duplicate.
    pub copy: Copy,
    /// Training or void.
    pub mark: Mark,
    /// Behind the QR code that shows the receipt is genuine.
    pub qr: Option<String>,
}

/// A line of a sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptLine {
    /// The product.
    pub name: String,
    /// How much.
    pub quantity: Quantity,
    /// For one, or for a unit of weight.
    pub unit_price: Money,
    /// Quantity times price.
    pub gross: Money,
    /// Discounts on this line, negative.
    pub discounts: Vec<Labelled>,
    /// Letter of the tax row; may be empty.
    pub tax_letter: String,
    /// A deposit, printed under the line it belongs to.
    pub is_deposit: bool,
}

/// A tender of a sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptTender {
    /// `Cash`, `Card  Visa **** 4242`.
    pub label: String,
    /// What it paid of this sale.
    pub amount: Money,
    /// Cash handed over.
    pub given: Option<Money>,
    /// Cash handed back, positive.
    pub change: Option<Money>,
    /// The card has not been charged yet.
    pub pending: Option<PendingCard>,
    /// Approval code, AID and their kind.
    pub details: Vec<(String, String)>,
}

/// A card payment that has not happened yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingCard {
    /// How it will.
    pub how: PendingHow,
    /// How much.
    pub amount: Money,
}

/// How a pending card payment will happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PendingHow {
    /// By the till, from a card the customer keeps with the shop.
    SavedCard {
        /// Last four digits.
        last4: String,
        /// Masked address to write to on a decline.
        write_to: Option<String>,
    },
    /// By the customer, with a link.
    PayLink {
        /// Masked address the link goes to.
        send_to: Option<String>,
        /// The link, where there is one already: printed as a QR code.
        url: Option<String>,
    },
}

/// One rate of tax.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxRow {
    /// `A`.
    pub letter: String,
    /// Printed where there is room; may be empty.
    pub name: String,
    /// `4 %`.
    pub rate: String,
    /// Without the tax.
    pub net: Money,
    /// The tax.
    pub tax: Money,
    /// With it.
    pub gross: Money,
}

/// A receipt for a refund. Amounts are positive: the title says which way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundReceipt {
    /// The shop.
    pub shop: Shop,
    /// When, where, who.
    pub stamp: Stamp,
    /// Its number.
    pub number: ReceiptNumber,
    /// The sale it refunds; none for a return without a receipt.
    pub original: Option<ReceiptNumber>,
    /// What came back.
    pub lines: Vec<RefundLine>,
    /// Why.
    pub reason: String,
    /// What was refunded, before cash rounding.
    pub total: Money,
    /// What rounding the cash leg added; zero is not printed.
    pub cash_rounding: Money,
    /// What it goes back to.
    pub tenders: Vec<RefundTender>,
    /// Tax by rate.
    pub taxes: Vec<TaxRow>,
    /// The manager, where one was needed.
    pub approved_by: Option<String>,
    /// Original or duplicate.
    pub copy: Copy,
    /// Training or void.
    pub mark: Mark,
    /// Behind the QR code.
    pub qr: Option<String>,
}

/// A line of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundLine {
    /// The product.
    pub name: String,
    /// How much came back.
    pub quantity: Quantity,
    /// What was paid for that, after discounts.
    pub value: Money,
    /// Letter of the tax row; may be empty.
    pub tax_letter: String,
}

/// Where refunded money goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundTender {
    /// `Cash`, `Card  Visa **** 4242`.
    pub label: String,
    /// How much.
    pub amount: Money,
    /// `Cancelled before it was charged.`, `On the card in 5 to 10 days.`
    pub note: Option<String>,
}

/// How many and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub count: i64,
    /// How much.
    pub amount: Money,
}

/// X shows and resets nothing; Z closes the shift and has a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportKind {
    /// Any number of times.
    X,
    /// Once a shift, with its number.
    Z(i64),
}

/// An X or a Z report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShiftReport {
    /// The shop.
    pub shop: Shop,
    /// X or Z.
    pub kind: ReportKind,
    /// Original or duplicate.
    pub copy: Copy,
    /// Training or void.
    pub mark: Mark,
    /// `Till 1`.
    pub till: String,
    /// The shift.
    pub shift: i64,
    /// Start of the period, local: `Sat 21 Nov 2026 08:02`.
    pub from: String,
    /// End of the period: the time alone on the same day, or a date and time.
    pub to: String,
    /// Who opened the shift.
    pub opened_by: String,
    /// Who closed it; none on an X.
    pub closed_by: Option<String>,
    /// First number used.
    pub first_receipt: Option<ReceiptNumber>,
    /// Last number used.
    pub last_receipt: Option<ReceiptNumber>,

    /// Sales before discounts.
    pub sales_before_discounts: Tally,
    /// Discounts by kind, negative.
    pub discounts: Vec<(String, Tally)>,
    /// Sales after discounts.
    pub sales: Money,
    /// Refunds, negative.
    pub refunds: Tally,
    /// What is left.
    pub takings: Money,
    /// Tax by rate, refunds taken off.
    pub taxes: Vec<TaxRow>,
    /// Tax in the refunds, negative; by rate.
    pub refunded_taxes: Vec<TaxRow>,
    /// Deposits charged.
    pub deposits_charged: Option<Tally>,
    /// Deposits given back, negative.
    pub deposits_returned: Option<Tally>,
    /// Sum of cash roundings; zero is not printed.
    pub cash_rounding: Money,
    /// By category.
    pub categories: Vec<CategoryRow>,

    /// By tender.
    pub tenders: Vec<TenderRow>,
    /// What customers added on card readers: in the tenders.
    pub tips: Option<Tally>,
    /// Their sum, less refunds.
    pub tenders_total: Money,
    /// Worth of vouchers that was not needed and not given back; in no other figure.
    pub vouchers_lost: Option<Tally>,
    /// Card payments not charged at this moment.
    pub pending: Option<PendingCards>,
    /// Cards taken at the shop's risk in this shift: all of them, then how they stand.
    pub at_risk: Vec<(String, Tally)>,
    /// Cards that earlier shifts took at risk, and what this one learnt of them.
    pub at_risk_earlier: Vec<(String, Tally)>,
    /// Owed to the shop, of whichever shift: a person must decide.
    pub owed: Option<Tally>,
    /// Disputes, and when the books were compared with Stripe's; none on a Z.
    pub stripe: Vec<String>,

    /// The drawer.
    pub cash: CashUp,

    /// Lines voided before payment.
    pub voided_lines: Tally,
    /// Sales voided before payment.
    pub voided_sales: Tally,
    /// Prices changed by hand, with the difference made.
    pub price_overrides: Tally,
    /// Drawer opened without a sale.
    pub no_sale: i64,
    /// Approved with a manager's PIN.
    pub pin_approvals: i64,
    /// Refused: a wrong PIN, or one without the right.
    pub pin_refusals: i64,
    /// Sales completed.
    pub customers: i64,
    /// Takings by customer.
    pub average_basket: Option<Money>,
    /// Made in training; in no other figure.
    pub training: Option<Tally>,

    /// Never reset.
    pub grand_totals: Option<GrandTotals>,
    /// The check of the journal; none on an X.
    pub journal: Option<JournalCheck>,
}

/// A category of products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryRow {
    /// Its name.
    pub name: String,
    /// `14`, `3.210 kg`.
    pub quantity: String,
    /// How much.
    pub amount: Money,
}

/// A kind of tender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenderRow {
    /// `Cash`, `Card, settled`, `Card, NOT YET CHARGED`.
    pub label: String,
    /// How many, and how much less refunds.
    pub net: Tally,
    /// Refunds in it, negative.
    pub refunds: Option<Tally>,
}

/// Card payments not charged yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingCards {
    /// How many.
    pub count: i64,
    /// How much.
    pub amount: Money,
    /// Age of the oldest: `6 h 56 min`.
    pub oldest: String,
}

/// Movements of cash that are no sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movements {
    /// How many and how much; paid-out is negative.
    pub total: Tally,
    /// Each with its reason.
    pub reasons: Vec<Labelled>,
}

/// The drawer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CashUp {
    /// At the opening.
    pub opening_float: Money,
    /// From sales, after change.
    pub sales: Money,
    /// For refunds, negative.
    pub refunds: Money,
    /// Paid in.
    pub paid_in: Movements,
    /// Paid out, negative.
    pub paid_out: Movements,
    /// What should be there; none while the count is blind.
    pub expected: Option<Money>,
    /// What was counted.
    pub counted: Option<Money>,
    /// Counted less expected.
    pub difference: Option<Money>,
    /// Why it differs.
    pub difference_reason: Option<String>,
    /// Left in the drawer.
    pub next_float: Option<Money>,
    /// Taken to the bank.
    pub to_bank: Option<ToBank>,
    /// Notes of other currencies.
    pub foreign: Vec<ForeignRow>,
}

/// Notes of another currency, in that currency but for their worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignRow {
    /// `USD`.
    pub code: String,
    /// Taken.
    pub taken: Option<Tally>,
    /// What they were worth in the shop's currency.
    pub worth: Option<Money>,
    /// What was counted.
    pub counted: Option<Money>,
    /// Counted less taken.
    pub difference: Option<Money>,
}

/// Cash for the bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToBank {
    /// Number of the bag.
    pub bag: Option<String>,
    /// How much.
    pub amount: Money,
}

/// Totals that are never reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrandTotals {
    /// Plus and minus together.
    pub net: Money,
    /// Everything sold.
    pub plus: Money,
    /// Everything refunded, negative.
    pub minus: Money,
}

/// What the check of the journal said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalCheck {
    /// Entries read.
    pub entries: i64,
    /// Gaps found.
    pub gaps: i64,
    /// Do reports and journal say the same?
    pub books: Books,
    /// Hash of the last entry, shortened for people: `5C0E-77B1-D24A`.
    pub head: String,
    /// The same on the Z before.
    pub previous_head: Option<String>,
    /// Behind the QR code: the whole hash.
    pub qr: Option<String>,
}

/// Whether the reports and the journal say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Books {
    /// They do.
    Agree,
    /// They do not, and this is where.
    Disagree(String),
}

/// What a slip is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlipKind {
    /// Cash into the drawer.
    PaidIn,
    /// Cash out of it.
    PaidOut,
    /// The drawer opened without a sale.
    NoSale,
}

/// A slip for the drawer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slip {
    /// The shop.
    pub shop: Shop,
    /// When, where, who.
    pub stamp: Stamp,
    /// What for.
    pub kind: SlipKind,
    /// How much, positive; none for no sale.
    pub amount: Option<Money>,
    /// Why.
    pub reason: String,
    /// The manager, where one was needed.
    pub approved_by: Option<String>,
    /// Original or duplicate.
    pub copy: Copy,
}
