//! What happens on the day: the plot, and the customers between its scenes.
//!
//! Invariants:
//! - what the drawer should hold is added up here, from what passed over the
//!   counter, and not asked of the till;
//! - a refusal that the plot waits for must come, with its code; any other ends
//!   the day.

use rust_decimal::Decimal;
use till_app::error::{AppError, ErrorCode};
use till_app::view::{
    ApprovalInput, CountInput, DiscountInput, DoneView, LineView, OutboxAction, ProductView,
    RefundLineInput, ReportView, SaleView, TenderKindView, TenderStateView,
};
use till_domain::barcode::check_digit;
use till_domain::money::Money;

use super::random::Random;
use super::world::{CASHIER, MANAGER, World};
use crate::answer::Refusal;
use crate::words::{money, spoken, spoken_view};

/// Codes on things that are scanned: goods by the piece, and by weight.
const PIECES: [&str; 8] = [
    "8700000012011",
    "8700000011014",
    "8700000014015",
    "8700000014053",
    "8700000012059",
    "8400000015059",
    "8700000011168",
    "8400000014243",
];
const BY_WEIGHT: [&str; 6] = [
    "2100001", "2100002", "2100003", "2100016", "2100019", "2100025",
];
/// Customers whose card is good.
const CUSTOMERS: [&str; 3] = ["Ana Ortega", "Pieter Jansen", "Élodie Lefèvre"];
/// What the shop sells dearest: three of it are over every threshold.
const DEAR: &str = "Gin Wadden 500 ml";
const FLOAT: &str = "150.00";

/// How many, and how much.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tally {
    pub count: u32,
    pub amount: Money,
}

impl Tally {
    pub(super) fn add(&mut self, amount: Money) -> Result<(), Refusal> {
        self.count = self.count.saturating_add(1);
        self.amount = self.amount.checked_add(amount).map_err(AppError::from)?;
        Ok(())
    }
}

/// What the day came to, as the counter saw it.
#[derive(Debug)]
pub(super) struct Tallies {
    pub sales: Tally,
    pub refunds: Tally,
    pub cash: Tally,
    pub saved_card: Tally,
    pub reader: Tally,
    pub external: Tally,
    pub queued: Tally,
    pub queued_charged: Tally,
    pub queued_lowered: Tally,
    pub declined: Tally,
    pub paid_in_cash: Tally,
    pub written_off: Tally,
    pub split_sales: u32,
    pub over_limit: u32,
    pub wrong_pins: u32,
    pub power_cuts: u32,
    pub cards_taken_back: u32,
}

impl Tallies {
    fn new(zero: Money) -> Self {
        let none = Tally {
            count: 0,
            amount: zero,
        };
        Self {
            sales: none,
            refunds: none,
            cash: none,
            saved_card: none,
            reader: none,
            external: none,
            queued: none,
            queued_charged: none,
            queued_lowered: none,
            declined: none,
            paid_in_cash: none,
            written_off: none,
            split_sales: 0,
            over_limit: 0,
            wrong_pins: 0,
            power_cuts: 0,
            cards_taken_back: 0,
        }
    }
}

/// How a customer pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pays {
    Cash,
    Reader,
    SavedCard,
    External,
    Split,
}

pub(super) struct Day<'w> {
    pub world: &'w mut World,
    random: Random,
    sales_total: u32,
    products: Vec<ProductView>,
    pub tallies: Tallies,
    /// What passed over the counter into the drawer, less what went out.
    drawer: Money,
    /// What is told, with its time.
    pub story: Vec<(String, String)>,
    /// Receipts worth a page.
    pub handful: Vec<(String, &'static str)>,
    /// Tenders queued at risk: id, amount, whose.
    queued: Vec<(String, Money)>,
    cash_receipt: Option<String>,
    card_receipt: Option<String>,
    queued_receipt: Option<String>,
    dear_receipt: Option<String>,
    zone: jiff::tz::TimeZone,
}

/// Must be refused, and so.
fn refused<T>(what: &str, result: Result<T, AppError>, code: ErrorCode) -> Result<(), Refusal> {
    match result {
        Err(error) if error.code() == code => Ok(()),
        Err(error) => Err(Refusal::about(&error, what)),
        Ok(_) => Err(Refusal::difference(
            "not_refused",
            format!("{what} was not refused, and should have been."),
        )),
    }
}

fn differs(what: impl Into<String>) -> Refusal {
    Refusal::difference("demo_differs", what)
}

fn amount(view: &till_app::view::MoneyView) -> Result<Money, Refusal> {
    money(view).ok_or_else(|| differs("an amount is in no known currency"))
}

/// A line that can be changed: neither voided nor a deposit.
fn changeable(sale: &SaleView) -> Option<&LineView> {
    sale.lines.iter().rev().find(|l| !l.voided && !l.is_deposit)
}

impl<'w> Day<'w> {
    pub(super) fn new(world: &'w mut World, sales: u32, seed: u64) -> Result<Self, Refusal> {
        let mut products = Vec::new();
        for category in world.till()?.categories()? {
            products.extend(world.till()?.products(Some(&category))?);
        }
        let zone = world.till()?.shop()?.timezone;
        Ok(Self {
            tallies: Tallies::new(world.zero()),
            drawer: world.zero(),
            random: Random::from_seed(seed ^ 0x6461_795f),
            sales_total: sales,
            products,
            story: Vec::new(),
            handful: Vec::new(),
            queued: Vec::new(),
            cash_receipt: None,
            card_receipt: None,
            queued_receipt: None,
            dear_receipt: None,
            zone: jiff::tz::TimeZone::get(&zone).unwrap_or(jiff::tz::TimeZone::UTC),
            world,
        })
    }

    fn tell(&mut self, what: impl Into<String>) {
        let at = jiff::Timestamp::from_millisecond(self.world.now().0)
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
            .to_zoned(self.zone.clone())
            .strftime("%H:%M")
            .to_string();
        self.story.push((at, what.into()));
    }

    fn drawer_in(&mut self, amount: Money) -> Result<(), Refusal> {
        self.drawer = self.drawer.checked_add(amount).map_err(AppError::from)?;
        Ok(())
    }

    fn euros(&self, text: &str) -> Result<Money, Refusal> {
        Ok(Money::parse(text, self.world.currency).map_err(AppError::from)?)
    }

    /// A cashier's hand takes a second or three.
    fn hand(&mut self) {
        let ms = 800 + i64::from(self.random.below(2_200));
        self.world.wait_ms(ms);
    }

    // ---- ringing up ----

    fn scan(&mut self, code: &str) -> Result<SaleView, Refusal> {
        self.hand();
        Ok(self.world.till()?.scan(self.world.cashier()?, code)?)
    }

    fn scan_weight(&mut self, item: &str, grams: u32) -> Result<SaleView, Refusal> {
        let body = format!("{item}{grams:05}");
        let digit = check_digit(&body).ok_or_else(|| differs("a code has no check digit"))?;
        self.scan(&format!("{body}{digit}"))
    }

    fn add(&mut self, product: &ProductView, quantity: &str) -> Result<SaleView, Refusal> {
        self.hand();
        Ok(self
            .world
            .till()?
            .add_product(self.world.cashier()?, &product.id, Some(quantity))?)
    }

    fn add_dear(&mut self, quantity: &str) -> Result<SaleView, Refusal> {
        let product = self
            .products
            .iter()
            .find(|p| p.name == DEAR)
            .cloned()
            .ok_or_else(|| differs("the sample shop sells no gin"))?;
        self.add(&product, quantity)
    }

    /// A basket of one to five things.
    fn ring_up(&mut self) -> Result<SaleView, Refusal> {
        let things = 1 + self.random.below(5);
        let mut shown = None;
        for _ in 0..things {
            let sale = match self.random.below(10) {
                0..=2 => {
                    let code = self.random.one_of(&PIECES).copied().unwrap_or_default();
                    self.scan(code)?
                }
                3..=4 => {
                    let item = self.random.one_of(&BY_WEIGHT).copied().unwrap_or_default();
                    let grams = 120 + self.random.below(900);
                    self.scan_weight(item, grams)?
                }
                _ => {
                    let product = self
                        .random
                        .one_of(&self.products)
                        .cloned()
                        .ok_or_else(|| differs("the sample shop sells nothing"))?;
                    let quantity = if product.weighed {
                        Decimal::new(i64::from(100 + self.random.below(700)), 3).to_string()
                    } else {
                        (1 + self.random.below(3)).to_string()
                    };
                    self.add(&product, &quantity)?
                }
            };
            shown = Some(sale);
        }
        shown.ok_or_else(|| ErrorCode::SaleEmpty.into())
    }

    /// Things that happen to a basket now and then.
    fn change(&mut self, number: u32) -> Result<(), Refusal> {
        let sale = self.world.sale()?;
        let Some(line) = changeable(&sale).map(|l| l.id.clone()) else {
            return Ok(());
        };
        let live = sale
            .lines
            .iter()
            .filter(|l| !l.voided && !l.is_deposit)
            .count();
        match number % 10 {
            3 => {
                self.hand();
                let ten = DiscountInput::Percent("10".into());
                let (till, who) = (self.world.till()?, self.world.cashier()?);
                till.discount_line(who, &line, Some(&ten), None)?;
            }
            5 => {
                self.hand();
                let one = DiscountInput::Amount("0.50".into());
                // Of a small sale it would be over what a cashier may give.
                if amount(&sale.gross)?.minor() >= 500 {
                    let (till, who) = (self.world.till()?, self.world.cashier()?);
                    till.discount_sale(who, Some(&one), None)?;
                }
            }
            7 if live > 1 => {
                self.hand();
                let (till, who) = (self.world.till()?, self.world.cashier()?);
                till.void_line(who, &line, true)?;
            }
            8 if live > 1 => {
                self.hand();
                let (till, who) = (self.world.till()?, self.world.cashier()?);
                till.void_line(who, &line, true)?;
                till.void_line(who, &line, false)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn customer(&mut self, name: &str) -> Result<(), Refusal> {
        let found = self.world.till()?.customers(name)?;
        let id = found
            .first()
            .map(|c| c.id.clone())
            .ok_or_else(|| differs(format!("{name} is no customer of the sample shop")))?;
        self.hand();
        self.world
            .till()?
            .set_customer(self.world.cashier()?, Some(&id))?;
        Ok(())
    }

    // ---- tenders ----

    /// Takes what is left in cash: exactly, or with a note.
    fn cash_rest(&mut self) -> Result<(), Refusal> {
        if amount(&self.world.sale()?.outstanding)?.is_zero() {
            return Ok(());
        }
        self.hand();
        let options = self.world.till()?.tender_options()?;
        let given = self
            .random
            .one_of(&options.cash)
            .map(|option| amount(&option.given))
            .transpose()?
            .ok_or_else(|| differs("there is no way to pay cash"))?;
        let (till, who) = (self.world.till()?, self.world.cashier()?);
        // A sale of a cent or two is nothing in cash, and is paid with a coin.
        let given = if given.is_positive() {
            given
        } else {
            Money::from_minor(5, given.currency())
        };
        till.tender_cash(who, &given.to_string())?;
        Ok(())
    }

    fn external_rest(&mut self) -> Result<(), Refusal> {
        self.hand();
        let code = format!("{:06}", self.random.below(1_000_000));
        let last4 = format!("{:04}", self.random.below(10_000));
        let (till, who) = (self.world.till()?, self.world.cashier()?);
        till.tender_external(who, None, &code, &last4)?;
        Ok(())
    }

    /// Asks for a card. `None`: over the limit, or too little for a card.
    fn card(
        &mut self,
        kind: TenderKindView,
        part: Option<&str>,
        approval: Option<&ApprovalInput>,
    ) -> Result<Option<String>, Refusal> {
        self.hand();
        let (till, who) = (self.world.till()?, self.world.cashier()?);
        match till.tender_card(who, kind, part, approval) {
            Ok(sale) => {
                let id = sale.tenders.last().map(|t| t.id.clone());
                Ok(Some(id.ok_or_else(|| differs("a tender was not taken"))?))
            }
            Err(error) if error.code() == ErrorCode::OverLimit => {
                self.tallies.over_limit += 1;
                Ok(None)
            }
            Err(error) if error.code() == ErrorCode::BelowMinimum => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A card while the till is online: charged before the sale completes. What
    /// was not charged is paid in cash.
    fn card_online(&mut self, kind: TenderKindView, part: Option<&str>) -> Result<(), Refusal> {
        if let Some(id) = self.card(kind, part, None)?
            && !self.world.settle(&id)?
        {
            self.tallies.cards_taken_back += 1;
        }
        self.cash_rest()
    }

    /// A card while the till is offline: queued within the limits, else cash.
    fn card_offline(&mut self, kind: TenderKindView, part: Option<&str>) -> Result<(), Refusal> {
        self.card(kind, part, None)?;
        self.cash_rest()
    }

    fn card_any(&mut self, kind: TenderKindView, part: Option<&str>) -> Result<(), Refusal> {
        if self.world.till()?.is_online() {
            self.card_online(kind, part)
        } else {
            self.card_offline(kind, part)
        }
    }

    /// Completes the sale and writes down what it did to the drawer.
    fn complete(&mut self) -> Result<DoneView, Refusal> {
        self.hand();
        let (done, _) = self.world.till()?.complete(self.world.cashier()?)?;
        let change = amount(&done.change)?;
        self.tallies.sales.add(amount(&done.sale.total)?)?;
        let cash: Vec<Money> = done
            .sale
            .tenders
            .iter()
            .filter(|t| t.kind == TenderKindView::Cash)
            .map(|t| amount(&t.amount))
            .collect::<Result<_, _>>()?;
        if !cash.is_empty() {
            let kept = Money::sum(cash, self.world.currency)
                .and_then(|sum| sum.checked_sub(change))
                .map_err(AppError::from)?;
            self.tallies.cash.add(kept)?;
            self.drawer_in(kept)?;
        }
        for tender in &done.sale.tenders {
            let paid = amount(&tender.amount)?;
            let queued = tender.state == TenderStateView::Queued;
            if queued {
                self.tallies.queued.add(paid)?;
                self.queued.push((tender.id.clone(), paid));
            }
            match tender.kind {
                // The day pays with none of the last four.
                TenderKindView::Cash
                | TenderKindView::Reader
                | TenderKindView::ForeignCash
                | TenderKindView::Voucher
                | TenderKindView::PayLink => {}
                TenderKindView::SavedCard => self.tallies.saved_card.add(paid)?,
                TenderKindView::SimulatedReader => self.tallies.reader.add(paid)?,
                TenderKindView::ExternalTerminal => self.tallies.external.add(paid)?,
            }
        }
        if done.sale.tenders.len() > 1 {
            self.tallies.split_sales += 1;
        }
        Ok(done)
    }

    /// One customer from the first scan to the receipt.
    fn serve(&mut self, number: u32) -> Result<DoneView, Refusal> {
        self.ring_up()?;
        self.change(number)?;
        self.pay(number)
    }

    fn pay(&mut self, number: u32) -> Result<DoneView, Refusal> {
        let drawn = self.random.below(100);
        let pays = match drawn {
            // Each at least once, whatever chance says.
            _ if number == 2 => Pays::External,
            _ if number == 4 => Pays::Split,
            0..45 => Pays::Cash,
            45..63 => Pays::Reader,
            63..77 => Pays::SavedCard,
            77..87 => Pays::External,
            _ => Pays::Split,
        };
        if pays == Pays::SavedCard || pays == Pays::Split && self.random.percent(50) {
            let name = self.random.one_of(&CUSTOMERS).copied().unwrap_or_default();
            self.customer(name)?;
        }
        match pays {
            Pays::Cash => self.cash_rest()?,
            Pays::External => self.external_rest()?,
            Pays::Reader => self.card_any(TenderKindView::SimulatedReader, None)?,
            Pays::SavedCard => self.card_any(TenderKindView::SavedCard, None)?,
            Pays::Split => {
                let sale = self.world.sale()?;
                let half =
                    Money::from_minor(amount(&sale.outstanding)?.minor() / 2, self.world.currency);
                let kind = if sale.customer.is_some_and(|c| c.card.is_some()) {
                    TenderKindView::SavedCard
                } else {
                    TenderKindView::SimulatedReader
                };
                if half.is_positive() {
                    self.card_any(kind, Some(&half.to_string()))?;
                } else {
                    self.cash_rest()?;
                }
            }
        }
        let done = self.complete()?;
        self.remember(pays, number, &done);
        Ok(done)
    }

    /// Receipts that a later scene comes back to, or that are worth a page.
    fn remember(&mut self, pays: Pays, number: u32, done: &DoneView) {
        let receipt = || Some(done.receipt.clone());
        let by = |kind: TenderKindView, state: TenderStateView| {
            done.sale.tenders.len() == 1
                && done
                    .sale
                    .tenders
                    .iter()
                    .any(|t| t.kind == kind && t.state == state)
        };
        if by(TenderKindView::Cash, TenderStateView::Certain) && self.cash_receipt.is_none() {
            self.cash_receipt = receipt();
            self.handful.push((done.receipt.clone(), "cash"));
        }
        if by(TenderKindView::SimulatedReader, TenderStateView::Certain)
            && self.card_receipt.is_none()
        {
            self.card_receipt = receipt();
            self.handful.push((done.receipt.clone(), "card"));
        }
        if pays == Pays::Split && !self.handful.iter().any(|(_, what)| *what == "split") {
            self.handful.push((done.receipt.clone(), "split"));
        }
        if number % 10 == 3 && !self.handful.iter().any(|(_, what)| *what == "discount") {
            self.handful.push((done.receipt.clone(), "discount"));
        }
    }

    /// Customers come at the pace of a day from half past eight to six.
    fn next_customer(&mut self) -> Result<(), Refusal> {
        let pace = 34_200_000_i64 / i64::from(self.sales_total.max(1));
        let left = pace.saturating_sub(25_000).max(500);
        self.world.wait_ms(left);
        if self.world.is_connected() {
            self.world.drive_due()?;
        }
        Ok(())
    }

    // ---- scenes ----

    pub(super) fn open(&mut self) -> Result<(), Refusal> {
        self.world
            .till()?
            .shift_open(self.world.cashier()?, FLOAT)?;
        self.drawer_in(self.euros(FLOAT)?)?;
        self.tell(format!(
            "{} opens the shift with a float of {}.",
            CASHIER.0,
            spoken(self.euros(FLOAT)?)
        ));
        Ok(())
    }

    pub(super) fn paid_in(&mut self) -> Result<(), Refusal> {
        self.hand();
        let (till, who) = (self.world.till()?, self.world.cashier()?);
        let _ = till.paid_in(who, "20.00", "coins from the bank")?;
        self.drawer_in(self.euros("20.00")?)?;
        self.tell("Paid in: €20.00, coins from the bank.");
        Ok(())
    }

    pub(super) fn paid_out(&mut self) -> Result<(), Refusal> {
        self.hand();
        let (till, who) = (self.world.till()?, self.world.cashier()?);
        let _ = till.paid_out(who, "12.50", "window cleaner", None)?;
        self.drawer_in(self.euros("12.50")?.negated())?;
        self.tell("Paid out: €12.50, window cleaner.");
        Ok(())
    }

    pub(super) fn no_sale(&mut self) -> Result<(), Refusal> {
        self.hand();
        let (till, who) = (self.world.till()?, self.world.cashier()?);
        let _ = till.no_sale(who, "change for the meter")?;
        self.tell("The drawer is opened for no sale: change for the meter.");
        Ok(())
    }

    /// A sale is put aside, another is sold, and the first is taken up again.
    pub(super) fn suspend_and_recall(&mut self) -> Result<(), Refusal> {
        let before = self.ring_up()?;
        let (till, who) = (self.world.till()?, self.world.cashier()?);
        till.suspend(who)?;
        self.serve(0)?;
        self.next_customer()?;
        let (till, who) = (self.world.till()?, self.world.cashier()?);
        let suspended = till.suspended()?;
        let id = &suspended
            .first()
            .ok_or_else(|| differs("a suspended sale is gone"))?
            .id;
        let after = till.recall(who, id)?;
        if amount(&after.total)? != amount(&before.total)? {
            return Err(differs("a recalled sale is not what was suspended"));
        }
        self.pay(0)?;
        self.tell("A forgotten purse: a sale is suspended, the next is sold, the first recalled.");
        Ok(())
    }

    /// A saved card is declined while online: nothing was charged, cash is.
    pub(super) fn declined_at_the_counter(&mut self) -> Result<(), Refusal> {
        self.ring_up()?;
        self.add_small()?;
        self.customer("Tom Bakker")?;
        if let Some(id) = self.card(TenderKindView::SavedCard, None, None)? {
            if self.world.settle(&id)? {
                return Err(differs("a card without money was charged"));
            }
            self.tallies.cards_taken_back += 1;
        }
        self.cash_rest()?;
        self.complete()?;
        self.tell("A saved card is declined. Nothing was charged; the customer pays cash.");
        Ok(())
    }

    /// Makes sure that a sale is large enough for a card.
    fn add_small(&mut self) -> Result<(), Refusal> {
        for _ in 0..2 {
            self.scan("8700000012011")?;
        }
        Ok(())
    }

    /// Three bottles by card: over every threshold.
    pub(super) fn dear_sale(&mut self) -> Result<(), Refusal> {
        self.add_dear("3")?;
        self.card_online(TenderKindView::SimulatedReader, None)?;
        let done = self.complete()?;
        self.tell(format!(
            "Three bottles by card: {}.",
            spoken_view(&done.sale.total)
        ));
        self.dear_receipt = Some(done.receipt);
        Ok(())
    }

    /// Refunds a quantity of the first line of a receipt.
    fn refund_line(
        &mut self,
        receipt: &str,
        quantity: Option<&str>,
        approval: Option<&ApprovalInput>,
    ) -> Result<Result<till_app::view::RefundDoneView, AppError>, Refusal> {
        self.hand();
        let source = self.world.till()?.refund_find(receipt)?;
        let line = source
            .lines
            .first()
            .ok_or_else(|| differs("a receipt has no line"))?;
        let lines = [RefundLineInput {
            line: line.id.clone(),
            quantity: quantity.unwrap_or(&line.left).to_owned(),
            restock: true,
        }];
        let (till, who) = (self.world.till()?, self.world.cashier()?);
        Ok(till
            .refund_commit(who, receipt, &lines, "unwanted", approval)
            .map(|(done, _)| done))
    }

    fn refunded(&mut self, done: &till_app::view::RefundDoneView) -> Result<(), Refusal> {
        self.tallies.refunds.add(amount(&done.total)?)?;
        for part in &done.goes_to {
            if part.kind == TenderKindView::Cash {
                self.drawer_in(amount(&part.amount)?.negated())?;
            }
        }
        if self
            .handful
            .iter()
            .filter(|(_, what)| *what == "refund")
            .count()
            < 2
        {
            self.handful.push((done.receipt.clone(), "refund"));
        }
        Ok(())
    }

    /// A refund of what was bought with cash, and one of what a card paid.
    pub(super) fn small_refunds(&mut self) -> Result<(), Refusal> {
        for receipt in [self.cash_receipt.clone(), self.card_receipt.clone()] {
            let Some(receipt) = receipt else {
                continue;
            };
            let done = match self.refund_line(&receipt, None, None)? {
                Ok(done) => done,
                // A large line by chance: a manager says yes.
                Err(error) if error.code() == ErrorCode::NeedsManager => {
                    let yes = self
                        .world
                        .manager_says(MANAGER.1, "the customer is known")?;
                    self.refund_line(&receipt, None, Some(&yes))??
                }
                Err(error) => return Err(error.into()),
            };
            self.refunded(&done)?;
            self.tell(format!(
                "Refund on receipt {receipt}: {}, to {}.",
                spoken_view(&done.total),
                done.goes_to
                    .iter()
                    .map(|p| p.label.as_str())
                    .collect::<Vec<_>>()
                    .join(" and "),
            ));
        }
        Ok(())
    }

    /// Over the threshold: refused without a manager, with a wrong PIN, and given
    /// with the right one.
    pub(super) fn large_refund(&mut self) -> Result<(), Refusal> {
        let Some(receipt) = self.dear_receipt.clone() else {
            return Ok(());
        };
        let result = self.refund_line(&receipt, Some("2"), None)?;
        refused(
            "A refund over the threshold",
            result,
            ErrorCode::NeedsManager,
        )?;
        let guess = self.world.manager_says("0000", "unopened")?;
        let result = self.refund_line(&receipt, Some("2"), Some(&guess))?;
        refused("A wrong PIN", result, ErrorCode::PinWrong)?;
        self.tallies.wrong_pins += 1;
        let yes = self.world.manager_says(MANAGER.1, "unopened")?;
        let done = self.refund_line(&receipt, Some("2"), Some(&yes))??;
        self.refunded(&done)?;
        self.tell(format!(
            "Refund of {} is over the threshold: refused, refused again with a wrong PIN, given \
             when {} types hers.",
            spoken_view(&done.total),
            MANAGER.0
        ));
        Ok(())
    }

    /// The line drops while a card is on its way. It was not sent, so it is taken
    /// off and queued at the shop's risk instead.
    pub(super) fn lose_the_network(&mut self) -> Result<(), Refusal> {
        self.ring_up()?;
        self.add_small()?;
        self.world.unplug();
        // What waited for its turn finds it out, as the card does.
        let id = self.card(TenderKindView::SimulatedReader, Some("2.00"), None)?;
        let id = id.ok_or_else(|| differs("a card of two euros was not taken"))?;
        self.world
            .drive(30_000, |world| Ok(!world.till()?.is_online()))?;
        if self.world.till()?.is_online() {
            return Err(differs("the till did not notice that the network is gone"));
        }
        self.tell("The network is lost while a card is asked for. Nothing was sent.");
        let (till, who) = (self.world.till()?, self.world.cashier()?);
        let sale = till.tender_remove(who, &id)?;
        if sale.tenders.iter().any(|t| t.id == id) {
            return Err(differs("a card that was never sent did not leave the sale"));
        }
        self.card(TenderKindView::SimulatedReader, Some("2.00"), None)?;
        self.cash_rest()?;
        let done = self.complete()?;
        self.handful.push((done.receipt, "offline"));
        self.tell("The same card is queued at the shop's risk, the rest is paid in cash.");
        Ok(())
    }

    /// A customer whose card is good buys while nobody can know, and two whose
    /// cards will be declined.
    pub(super) fn saved_cards_offline(&mut self) -> Result<(), Refusal> {
        self.add_small()?;
        self.scan("8700000011014")?;
        self.customer("Ana Ortega")?;
        self.card(TenderKindView::SavedCard, None, None)?
            .ok_or_else(|| differs("a small card was refused while offline"))?;
        let done = self.complete()?;
        self.handful.push((done.receipt.clone(), "queued"));
        self.queued_receipt = Some(done.receipt);
        self.next_customer()?;
        for (name, part) in [("Tom Bakker", "3.00"), ("Giulia Ferrè", "2.50")] {
            self.ring_up()?;
            self.add_small()?;
            self.add_small()?;
            self.customer(name)?;
            self.card(TenderKindView::SavedCard, Some(part), None)?
                .ok_or_else(|| differs("a small card was refused while offline"))?;
            self.cash_rest()?;
            self.complete()?;
            self.next_customer()?;
        }
        Ok(())
    }

    /// Over the limit: refused, refused with a wrong PIN, accepted with the right one.
    pub(super) fn over_the_limit(&mut self) -> Result<(), Refusal> {
        let sale = self.add_dear("2")?;
        let (till, who) = (self.world.till()?, self.world.cashier()?);
        let take = |approval: Option<&ApprovalInput>| {
            till.tender_card(who, TenderKindView::SimulatedReader, None, approval)
        };
        refused("A card over the limit", take(None), ErrorCode::OverLimit)?;
        let guess = self.world.manager_says("1234", "a regular")?;
        refused("A wrong PIN", take(Some(&guess)), ErrorCode::PinWrong)?;
        let yes = self.world.manager_says(MANAGER.1, "a regular")?;
        take(Some(&yes))?;
        self.tallies.over_limit += 1;
        self.tallies.wrong_pins += 1;
        self.cash_rest()?;
        self.complete()?;
        self.tell(format!(
            "A card of {} is over the offline limit: refused, refused with a wrong PIN, taken \
             when {} says yes.",
            spoken_view(&sale.total),
            MANAGER.0
        ));
        Ok(())
    }

    /// The power goes in the middle of a sale that has a queued card on it.
    pub(super) fn power_cut_mid_sale(&mut self) -> Result<(), Refusal> {
        self.ring_up()?;
        self.add_small()?;
        self.card(TenderKindView::SimulatedReader, Some("1.00"), None)?;
        let before = self.world.sale()?;
        let (_, last) = self.standing()?;
        self.world.power_cut()?;
        self.tallies.power_cuts += 1;
        let after = self.world.sale()?;
        let same = before.id == after.id
            && before.lines.len() == after.lines.len()
            && before.total == after.total
            && before.outstanding == after.outstanding
            && before.tenders.len() == after.tenders.len();
        if !same || self.standing()?.1 != last {
            return Err(differs("a sale was not the same after a power cut"));
        }
        self.cash_rest()?;
        self.complete()?;
        self.tell("The power goes in the middle of a sale. Every line and tender is still there.");
        Ok(())
    }

    /// Entries that wait, and the last receipt.
    fn standing(&self) -> Result<(u32, Option<String>), Refusal> {
        let till = self.world.till()?;
        let last = till.recent_sales()?.into_iter().next().map(|s| s.receipt);
        Ok((till.connection()?.waiting, last))
    }

    /// What is still queued is taken back: the charge shrinks, nothing is refunded.
    pub(super) fn refund_of_a_queued_card(&mut self) -> Result<(), Refusal> {
        let Some(receipt) = self.queued_receipt.clone() else {
            return Ok(());
        };
        let done = self.refund_line(&receipt, None, None)?;
        let done = match done {
            Err(error) if error.code() == ErrorCode::NeedsManager => {
                let yes = self.world.manager_says(MANAGER.1, "not charged yet")?;
                self.refund_line(&receipt, None, Some(&yes))??
            }
            other => other?,
        };
        self.refunded(&done)?;
        self.tallies.queued_lowered.add(amount(&done.total)?)?;
        self.tell(format!(
            "Refund of {} on a card that waits: its charge is lowered, nothing is sent twice.",
            spoken_view(&done.total)
        ));
        Ok(())
    }

    /// The network is back: the power goes with a request in flight, and the rest
    /// is sent under faults.
    pub(super) fn network_back(&mut self) -> Result<(), Refusal> {
        let (waiting, last) = self.standing()?;
        self.world.plug_in()?;
        self.tell(format!("The network is back. {waiting} requests wait."));
        if self.world.power_cut_in_flight()? {
            self.tallies.power_cuts += 1;
            if self.standing()?.1 != last {
                return Err(differs("a receipt was lost in a power cut"));
            }
            self.tell("The power goes with a charge on the wire. It is looked up, not sent again.");
        }
        self.world.drive_until_quiet()?;
        for (id, _) in &self.queued {
            let entry = self.world.till()?.outbox_entry(id)?.entry;
            let paid = amount(&entry.amount)?;
            match entry.state {
                TenderStateView::Certain => self.tallies.queued_charged.add(paid)?,
                TenderStateView::Declined => self.tallies.declined.add(paid)?,
                TenderStateView::Canceled | TenderStateView::Closed => {}
                TenderStateView::Working
                | TenderStateView::AtReader
                | TenderStateView::Queued
                | TenderStateView::Unknown
                | TenderStateView::NeedsCustomer
                | TenderStateView::NeedsAttention
                | TenderStateView::Expired => {
                    return Err(differs(format!(
                        "a queued card of {} ended as {:?}",
                        spoken_view(&entry.amount),
                        entry.state
                    )));
                }
            }
        }
        self.tell(format!(
            "The outbox is empty: {} charged, {} declined.",
            self.tallies.queued_charged.count, self.tallies.declined.count
        ));
        Ok(())
    }

    /// Declined after the goods were gone: one customer comes back with cash, the
    /// other is written off by a manager.
    pub(super) fn ways_out(&mut self) -> Result<(), Refusal> {
        let need = self.world.till()?.outbox()?.need_a_person;
        for (i, entry) in need.iter().filter(|e| !e.is_refund).enumerate() {
            self.hand();
            let owed = amount(&entry.amount)?;
            let (till, who) = (self.world.till()?, self.world.cashier()?);
            if i == 0 {
                till.outbox_decide(who, &entry.id, OutboxAction::TakeCash, None)?;
                self.drawer_in(owed)?;
                self.tallies.paid_in_cash.add(owed)?;
                self.tell(format!(
                    "{} comes back and pays the {} in cash.",
                    entry.who,
                    spoken(owed)
                ));
            } else {
                let decide = |approval: Option<&ApprovalInput>| {
                    till.outbox_decide(who, &entry.id, OutboxAction::WriteOff, approval)
                };
                refused(
                    "A write-off by a cashier",
                    decide(None),
                    ErrorCode::NeedsManager,
                )?;
                let yes = self.world.manager_says(MANAGER.1, "moved away")?;
                decide(Some(&yes))?;
                self.tallies.written_off.add(owed)?;
                self.tell(format!("{} writes off {}.", MANAGER.0, spoken(owed)));
            }
        }
        Ok(())
    }

    /// So many ordinary customers.
    pub(super) fn customers(
        &mut self,
        numbers: std::ops::Range<u32>,
        progress: &mut dyn FnMut(u32),
    ) -> Result<(), Refusal> {
        for number in numbers {
            // The scenes sell too.
            if self.tallies.sales.count >= self.sales_total {
                break;
            }
            self.serve(number)?;
            self.next_customer()?;
            progress(self.tallies.sales.count);
        }
        Ok(())
    }

    /// Up to so many sales in all.
    pub(super) fn sell_until(
        &mut self,
        sales: u32,
        progress: &mut dyn FnMut(u32),
    ) -> Result<(), Refusal> {
        let from = self.tallies.sales.count;
        self.customers(from..sales.max(from), progress)
    }

    // ---- the evening ----

    pub(super) fn report_x(&mut self) -> Result<ReportView, Refusal> {
        self.tell("X report: nothing is reset.");
        Ok(self.world.till()?.report_x(self.world.cashier()?)?)
    }

    /// Notes and coins that make a sum, the largest first.
    fn pieces(&self, sum: Money) -> Result<Vec<CountInput>, Refusal> {
        let view = self.world.till()?.count_view(self.world.cashier()?)?;
        let mut left = sum.minor();
        let mut pieces = Vec::new();
        for denomination in view.denominations {
            let count = left.checked_div(denomination.minor).unwrap_or(0);
            left -= count.saturating_mul(denomination.minor);
            pieces.push(CountInput {
                denomination_minor: denomination.minor,
                pieces: u32::try_from(count).map_err(|_| differs("the drawer is below nothing"))?,
            });
        }
        Ok(pieces)
    }

    /// Counts the drawer blind, one coin short; counts again; closes.
    pub(super) fn close(&mut self) -> Result<ReportView, Refusal> {
        let coin = self.euros("2.00")?;
        let short = self.drawer.checked_sub(coin).map_err(AppError::from)?;
        let pieces = self.pieces(short)?;
        self.world.wait_ms(240_000);
        let (till, who) = (self.world.till()?, self.world.cashier()?);
        let first = till.count(who, &pieces, &[])?;
        if amount(&first.difference)? != coin.negated() {
            return Err(differs(format!(
                "the drawer holds {}, one coin of it was left uncounted, and the till says the \
                 difference is {}",
                spoken(self.drawer),
                spoken_view(&first.difference)
            )));
        }
        let hint = first.hints.first().map(|h| h.title.clone());
        self.tell(format!(
            "Blind count: {}, {} short. The till's hint: {}.",
            spoken_view(&first.counted),
            spoken(coin),
            hint.as_deref().unwrap_or("none")
        ));
        let pieces = self.pieces(self.drawer)?;
        self.world.wait_ms(120_000);
        let (till, who) = (self.world.till()?, self.world.cashier()?);
        till.recount(who)?;
        let second = till.count(who, &pieces, &[])?;
        if !amount(&second.difference)?.is_zero() {
            return Err(differs(format!(
                "the drawer holds {} and the till expects {}",
                spoken(self.drawer),
                spoken_view(&second.expected)
            )));
        }
        let (report, _) = till.close(who, "", Some(FLOAT), None)?;
        self.tell(format!(
            "Counted again: {}, to the cent. {}. {}",
            spoken_view(&second.counted),
            report.title,
            report.verdict
        ));
        Ok(report)
    }
}
