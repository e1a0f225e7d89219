//! What a basket comes to: lines, promotions, discounts, taxes, cash rounding,
//! tenders.
//!
//! Invariants:
//! - the totals equal the sum of their parts at every level;
//! - a tax that is included in a price never changes that price;
//! - no promotion and no discount takes a price below zero;
//! - the order of the lines changes no total;
//! - the mirror of a basket (every quantity and tender negated) has the mirrored
//!   quote;
//! - cash rounding touches the cash part and change, nothing else: see
//!   [`crate::settle`];
//! - the cost grows with the lines, and no faster.

use std::cmp::Ordering;
use std::collections::HashMap;

use rust_decimal::{Decimal, dec};
use serde::{Deserialize, Serialize};

use crate::measure::Measure;
use crate::money::{
    AMOUNT_MAX_MINOR, Currency, HALF_UP, Money, MoneyError, RoundingMode, spread_by,
};
use crate::settle::{BasketTender, CashRounding, Settled, TenderQuote, settle};
use crate::tax::{
    PRICE_PLACES_MAX, RATE_PLACES_MAX, Tax, TaxError, TaxKind, exact_taxes, more_places, rebased,
};

/// More units than any line has; refused as absurd.
pub const QUANTITY_MAX: Decimal = Decimal::from_parts(100_000, 0, 0, false, 0);

/// More lines than any sale has.
pub const LINES_MAX: usize = 10_000;

/// More discounts, taxes or promotions than any line has, and more discounts than
/// any sale.
pub const PER_LINE_MAX: usize = 100;

/// Where a tax is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxRounding {
    /// Each tax of each line. A tax on another is charged on what that one was
    /// rounded to.
    PerLine,
    /// Each tax once, over the sale. A tax on another is charged on what that one
    /// is before it is rounded.
    PerDocument,
}

/// A discount on a line or on the sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Discount {
    /// Per cent of what is left after the discounts before it.
    Percent(Decimal),
    /// An amount; never more than what is left.
    Amount(Money),
}

/// What a promotion takes off a line. [`quote`] is told; how promotions are
/// chosen is not its affair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promoted {
    /// Id of the promotion.
    pub promotion: String,
    /// Name, as the customer sees it on the line and the receipt.
    pub name: String,
    /// How much of the line's quantity it was given for.
    pub units: Decimal,
    /// Taken off the gross, before the line's own discounts: zero or more on a
    /// line that is sold, zero or less on a return line.
    pub amount: Money,
}

/// A line to be priced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasketLine {
    /// Major units for one; may have more places than the currency.
    pub unit_price: Decimal,
    /// The taxes that the unit price was set with, where they are not those that
    /// are charged: the price is then brought to `taxes`, see [`rebased`].
    pub priced_with: Option<Vec<Tax>>,
    /// How much; negative on a return line.
    pub quantity: Decimal,
    /// What the quantity counts; pieces are whole. `None` says nothing of it.
    pub unit: Option<Measure>,
    /// What promotions take off, before the discounts.
    pub promotions: Vec<Promoted>,
    /// In order.
    pub discounts: Vec<Discount>,
    /// In order.
    pub taxes: Vec<Tax>,
    /// Deposits take no part in the sale's discount.
    pub discountable: bool,
    /// A deposit, or a fee collected for somebody else, is not turnover.
    pub turnover: bool,
}

impl BasketLine {
    /// A line without promotions and discounts, which is turnover.
    #[must_use]
    pub const fn new(unit_price: Decimal, quantity: Decimal, taxes: Vec<Tax>) -> Self {
        Self {
            unit_price,
            priced_with: None,
            quantity,
            unit: None,
            promotions: Vec::new(),
            discounts: Vec::new(),
            taxes,
            discountable: true,
            turnover: true,
        }
    }

    /// The unit price with the taxes that are charged.
    ///
    /// # Errors
    /// [`TaxError`].
    pub fn charged_unit_price(&self, currency: Currency) -> Result<Decimal, TaxError> {
        match &self.priced_with {
            None => Ok(self.unit_price),
            Some(before) => rebased(self.unit_price, before, &self.taxes, currency),
        }
    }
}

/// What is priced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basket {
    /// The shop's currency.
    pub currency: Currency,
    /// Where tax is rounded.
    pub tax_rounding: TaxRounding,
    /// Which way tax is rounded.
    pub tax_rounding_mode: RoundingMode,
    /// Cash rounding, where the shop has one.
    pub cash_rounding: Option<CashRounding>,
    /// Lines.
    pub lines: Vec<BasketLine>,
    /// The sale's own discounts, in order.
    pub discounts: Vec<Discount>,
    /// Tenders, in the order they were taken.
    pub tenders: Vec<BasketTender>,
}

/// One tax of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineTax {
    /// Code.
    pub code: String,
    /// What it was charged on.
    pub base: Money,
    /// How much.
    pub amount: Money,
}

/// A priced line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineQuote {
    /// Price times quantity.
    pub gross: Money,
    /// Its promotions and its own discounts.
    pub discount: Money,
    /// Its share of the sale's discounts.
    pub sale_discount: Money,
    /// Without tax.
    pub net: Money,
    /// Tax.
    pub tax: Money,
    /// To pay: net and tax.
    pub total: Money,
    /// Each tax.
    pub taxes: Vec<LineTax>,
    /// The promotions in `discount`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub promotions: Vec<Promoted>,
}

/// One tax over the sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxTotal {
    /// Code.
    pub code: String,
    /// Per cent; `None` for a fixed tax.
    pub rate: Option<Decimal>,
    /// What it was charged on.
    pub base: Money,
    /// How much.
    pub amount: Money,
}

/// Net, tax and total of some of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// Without tax.
    pub net: Money,
    /// Tax.
    pub tax: Money,
    /// To pay: net and tax.
    pub total: Money,
}

impl Sums {
    const fn zero(currency: Currency) -> Self {
        let zero = Money::zero(currency);
        Self {
            net: zero,
            tax: zero,
            total: zero,
        }
    }

    fn add(&mut self, line: &LineQuote) -> Result<(), MoneyError> {
        self.net = self.net.checked_add(line.net)?;
        self.tax = self.tax.checked_add(line.tax)?;
        self.total = self.total.checked_add(line.total)?;
        Ok(())
    }
}

/// What the basket comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Lines, in order.
    pub lines: Vec<LineQuote>,
    /// Taxes, in order of first appearance.
    pub taxes: Vec<TaxTotal>,
    /// Without tax.
    pub net: Money,
    /// Tax.
    pub tax: Money,
    /// To pay.
    pub total: Money,
    /// The lines that are turnover.
    pub turnover: Sums,
    /// The lines that are not: deposits, and fees collected for somebody else.
    pub not_turnover: Sums,
    /// What the cash part comes to, rounded, if all that no other tender pays is
    /// paid in cash.
    pub cash_due: Money,
    /// Tenders with their amounts filled in.
    pub tenders: Vec<TenderQuote>,
    /// What cash rounding added to (or took off) the sum, once cash settles it.
    pub cash_rounding: Money,
    /// Handed over beyond what was due, to give back in cash.
    pub change: Money,
    /// Asked for on a card, to give in cash.
    pub cash_back: Money,
    /// Vouchers' worth that is lost.
    pub forfeited: Money,
    /// Still to pay.
    pub outstanding: Money,
}

/// Why a basket has no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// An amount cannot be.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// A tax set cannot be.
    #[error(transparent)]
    Tax(#[from] TaxError),
    /// Over 100 % or below 0 %, or with more than [`RATE_PLACES_MAX`] places.
    #[error("a discount of {percent} % is not between 0 and 100")]
    Percent {
        /// What was asked.
        percent: Decimal,
    },
    /// A discount or a tender below zero.
    #[error("{what} is below zero")]
    Negative {
        /// Which.
        what: &'static str,
    },
    /// A price below zero.
    #[error("a unit price is below zero")]
    NegativePrice,
    /// A unit price with more than [`PRICE_PLACES_MAX`] places.
    #[error("a unit price of {unit_price} has more than {PRICE_PLACES_MAX} places")]
    PricePlaces {
        /// What was asked.
        unit_price: Decimal,
    },
    /// Over [`QUANTITY_MAX`], or with more than three places.
    #[error("quantity {quantity} is absurd or has more than three places")]
    Quantity {
        /// What was asked.
        quantity: Decimal,
    },
    /// Promotions that take more off a line than it costs, or a promotion of the
    /// wrong sign.
    #[error("promotions take {off} off a line of {gross}")]
    Promotions {
        /// What they take, all together; or the one of the wrong sign.
        off: Money,
        /// What there is to take.
        gross: Money,
    },
    /// A card for more than is due.
    #[error("a tender other than cash is {over} more than is due")]
    OverDue {
        /// By how much.
        over: Money,
    },
    /// Pieces that are not whole.
    #[error("pieces are whole, and {quantity} is not")]
    Pieces {
        /// What was asked.
        quantity: Decimal,
    },
    /// More of something than any sale has.
    #[error("more than {most} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The most.
        most: usize,
    },
    /// A rate that is not above zero, is absurd, or is for the shop's own currency.
    #[error("{rate} is not a rate from another currency into the shop's")]
    ForeignRate {
        /// What was asked.
        rate: Decimal,
    },
    /// Cash back that cannot be given.
    #[error("cash back of {cash_back} {why}")]
    CashBack {
        /// What was asked.
        cash_back: Money,
        /// Why not.
        why: &'static str,
    },
}

/// What one discount takes off `left`, with the sign of it.
fn one_discount(left: Money, discount: Discount) -> Result<Money, QuoteError> {
    match discount {
        Discount::Percent(percent) => {
            let out = percent < Decimal::ZERO || percent > Decimal::ONE_HUNDRED;
            if out || more_places(percent, RATE_PLACES_MAX) {
                return Err(QuoteError::Percent { percent });
            }
            let exact = left.to_decimal() * percent * PER_CENT;
            Ok(Money::rounded(exact, left.currency(), HALF_UP)?)
        }
        Discount::Amount(amount) => {
            if amount.currency() != left.currency() {
                return Err(MoneyError::CurrencyMismatch {
                    left: left.currency(),
                    right: amount.currency(),
                }
                .into());
            }
            if amount.is_negative() {
                return Err(QuoteError::Negative { what: "a discount" });
            }
            let capped = amount.min(left.abs());
            Ok(if left.is_negative() {
                capped.negated()
            } else {
                capped
            })
        }
    }
}

/// One per cent.
const PER_CENT: Decimal = dec!(0.01);

/// Takes `discounts` off `price` in order; gives what each takes.
pub(crate) fn line_discounts(
    price: Money,
    discounts: &[Discount],
) -> Result<Vec<Money>, QuoteError> {
    let mut left = price;
    discounts
        .iter()
        .map(|discount| {
            let off = one_discount(left, *discount)?;
            left = left.checked_sub(off)?;
            Ok(off)
        })
        .collect()
}

/// What the promotions of a line come to, with the sign of its gross.
fn promotions_of(gross: Money, promotions: &[Promoted]) -> Result<Money, QuoteError> {
    let mut off = Money::zero(gross.currency());
    for promoted in promotions {
        off = off.checked_add(promoted.amount)?;
        let against = promoted.amount.minor().signum() * gross.minor().signum() < 0;
        if against || off.abs().minor() > gross.abs().minor() {
            return Err(QuoteError::Promotions { off, gross });
        }
    }
    Ok(off)
}

/// Of two shares that are the same, which gets the odd cent: told by what the lines
/// are, so that the order in which they were rung up changes no total.
fn tie(a: Option<&BasketLine>, b: Option<&BasketLine>) -> Ordering {
    let (Some(a), Some(b)) = (a, b) else {
        return Ordering::Equal;
    };
    a.taxes
        .cmp(&b.taxes)
        .then_with(|| a.quantity.abs().cmp(&b.quantity.abs()))
        .then_with(|| a.turnover.cmp(&b.turnover))
}

/// Spreads the sale's discounts over the lines' prices: for each discount in
/// order, the share of each line.
pub(crate) fn sale_discounts(
    prices: &[Money],
    basket: &Basket,
) -> Result<Vec<Vec<Money>>, QuoteError> {
    let currency = basket.currency;
    let zero = Money::zero(currency);
    let mut left: Vec<Money> = prices
        .iter()
        .zip(&basket.lines)
        .map(|(price, line)| if line.discountable { *price } else { zero })
        .collect();
    let mut all = Vec::with_capacity(basket.discounts.len());
    for discount in &basket.discounts {
        let sum = Money::sum(left.iter().copied(), currency)?;
        let off = one_discount(sum, *discount)?;
        let exact: Vec<Decimal> = match *discount {
            // A percentage is each line's own, so a return line gives its part back.
            Discount::Percent(percent) => left
                .iter()
                .map(|l| l.to_decimal() * percent * PER_CENT)
                .collect(),
            // An amount goes to the lines on the sum's side only: a share of a
            // return line could otherwise pass what the line is worth.
            Discount::Amount(_) => {
                let side = sum.minor().signum();
                let weight = |l: &Money| {
                    if l.minor().signum() == side {
                        l.to_decimal()
                    } else {
                        Decimal::ZERO
                    }
                };
                let weights: Decimal = left.iter().map(weight).sum();
                let off = off.to_decimal();
                left.iter()
                    .map(|l| {
                        (off * weight(l))
                            .checked_div(weights)
                            .unwrap_or(Decimal::ZERO)
                    })
                    .collect()
            }
        };
        let shares = spread_by(off, &exact, |a, b| {
            tie(basket.lines.get(a), basket.lines.get(b))
        })?;
        for (left, share) in left.iter_mut().zip(&shares) {
            *left = left.checked_sub(*share)?;
        }
        all.push(shares);
    }
    Ok(all)
}

/// Refuses what no line has.
fn check_line(line: &BasketLine) -> Result<(), QuoteError> {
    let quantity = line.quantity;
    if quantity.abs() > QUANTITY_MAX || more_places(quantity, 3) {
        return Err(QuoteError::Quantity { quantity });
    }
    if line.unit == Some(Measure::Each) && more_places(quantity, 0) {
        return Err(QuoteError::Pieces { quantity });
    }
    let unit_price = line.unit_price;
    if unit_price < Decimal::ZERO {
        return Err(QuoteError::NegativePrice);
    }
    if more_places(unit_price, PRICE_PLACES_MAX) {
        return Err(QuoteError::PricePlaces { unit_price });
    }
    let before = line.priced_with.as_ref().map_or(0, Vec::len);
    for (what, count) in [
        ("promotions on a line", line.promotions.len()),
        ("discounts on a line", line.discounts.len()),
        ("taxes on a line", line.taxes.len().max(before)),
    ] {
        if count > PER_LINE_MAX {
            return Err(QuoteError::TooMany {
                what,
                most: PER_LINE_MAX,
            });
        }
    }
    Ok(())
}

/// What a line comes to before anything is taken off.
fn gross_of(line: &BasketLine, currency: Currency) -> Result<Money, QuoteError> {
    check_line(line)?;
    let unit_price = line.charged_unit_price(currency)?;
    // What one costs is an amount as well, though none of it is sold.
    for price in [line.unit_price, unit_price] {
        Money::rounded(price, currency, HALF_UP)?;
    }
    if unit_price < Decimal::ZERO {
        return Err(QuoteError::NegativePrice);
    }
    Ok(gross(unit_price, line.quantity, currency)?)
}

/// Price times quantity.
pub(crate) fn gross(
    unit_price: Decimal,
    quantity: Decimal,
    currency: Currency,
) -> Result<Money, MoneyError> {
    let exact = unit_price
        .checked_mul(quantity)
        .ok_or(MoneyError::TooLarge)?;
    Money::rounded(exact, currency, HALF_UP)
}

/// A tax, rounded as the shop rounds it.
pub(crate) fn rounded_tax(exact: Decimal, basket: &Basket) -> Result<Money, MoneyError> {
    Money::rounded(exact, basket.currency, basket.tax_rounding_mode.strategy())
}

/// The taxes of a line from its value without tax and the amount of each tax: so
/// that base and amounts always add up to what is paid.
///
/// # Errors
/// As [`Money::checked_add`].
pub(crate) fn line_taxes(
    net: Money,
    taxes: &[Tax],
    amounts: &[Money],
) -> Result<Vec<LineTax>, MoneyError> {
    let mut carried = Money::zero(net.currency());
    taxes
        .iter()
        .zip(amounts)
        .map(|(tax, amount)| {
            let base = if tax.base_affected_by_previous {
                net.checked_add(carried)?
            } else {
                net
            };
            if tax.in_base_of_next {
                carried = carried.checked_add(*amount)?;
            }
            Ok(LineTax {
                code: tax.code.clone(),
                base,
                amount: *amount,
            })
        })
        .collect()
}

/// Prices a basket.
///
/// # Errors
/// A [`QuoteError`] naming what cannot be; nothing is priced in part.
pub fn quote(basket: &Basket) -> Result<Quote, QuoteError> {
    let currency = basket.currency;
    let zero = Money::zero(currency);
    for (what, count, most) in [
        ("lines", basket.lines.len(), LINES_MAX),
        (
            "discounts on the sale",
            basket.discounts.len(),
            PER_LINE_MAX,
        ),
    ] {
        if count > most {
            return Err(QuoteError::TooMany { what, most });
        }
    }

    let mut lines: Vec<LineQuote> = Vec::with_capacity(basket.lines.len());
    let mut prices = Vec::with_capacity(basket.lines.len());
    for line in &basket.lines {
        let gross = gross_of(line, currency)?;
        let promoted = promotions_of(gross, &line.promotions)?;
        let own = line_discounts(gross.checked_sub(promoted)?, &line.discounts)?;
        let discount = Money::sum(own, currency)?.checked_add(promoted)?;
        prices.push(gross.checked_sub(discount)?);
        lines.push(LineQuote {
            gross,
            discount,
            sale_discount: zero,
            net: zero,
            tax: zero,
            total: zero,
            taxes: Vec::new(),
            promotions: line.promotions.clone(),
        });
    }
    for shares in sale_discounts(&prices, basket)? {
        for ((line, price), share) in lines.iter_mut().zip(&mut prices).zip(shares) {
            line.sale_discount = line.sale_discount.checked_add(share)?;
            *price = price.checked_sub(share)?;
        }
    }

    // All taxes of all lines, one after the other.
    let mut exact = Vec::with_capacity(basket.lines.len());
    for (line, price) in basket.lines.iter().zip(&prices) {
        exact_taxes(price.to_decimal(), line.quantity, &line.taxes, &mut exact)?;
    }
    let (group_of, mut taxes) = tax_groups(basket);
    let amounts = match basket.tax_rounding {
        TaxRounding::PerLine => round_each_line(basket, &prices, &exact)?,
        TaxRounding::PerDocument => {
            round_over_the_document(basket, &prices, &exact, &group_of, taxes.len())?
        }
    };

    let mut turnover = Sums::zero(currency);
    let mut not_turnover = turnover;
    let mut amounts = amounts.as_slice();
    let mut groups = group_of.iter();
    for ((source, line), price) in basket.lines.iter().zip(&mut lines).zip(&prices) {
        let (own, others) = amounts
            .split_at_checked(source.taxes.len())
            .unwrap_or_default();
        amounts = others;
        let mut included = zero;
        for (tax, amount) in source.taxes.iter().zip(own) {
            line.tax = line.tax.checked_add(*amount)?;
            if tax.price_included {
                included = included.checked_add(*amount)?;
            }
        }
        line.net = price.checked_sub(included)?;
        line.total = line.net.checked_add(line.tax)?;
        line.taxes = line_taxes(line.net, &source.taxes, own)?;
        for (tax, group) in line.taxes.iter().zip(&mut groups) {
            if let Some(sum) = taxes.get_mut(*group) {
                sum.base = sum.base.checked_add(tax.base)?;
                sum.amount = sum.amount.checked_add(tax.amount)?;
            }
        }
        if source.turnover {
            turnover.add(line)?;
        } else {
            not_turnover.add(line)?;
        }
    }

    let net = turnover.net.checked_add(not_turnover.net)?;
    let tax = turnover.tax.checked_add(not_turnover.tax)?;
    let total = net.checked_add(tax)?;
    if total.abs().minor() > AMOUNT_MAX_MINOR {
        return Err(MoneyError::TooLarge.into());
    }
    let Settled {
        cash_due,
        tenders,
        cash_rounding,
        change,
        cash_back,
        forfeited,
        outstanding,
    } = settle(total, basket.cash_rounding, &basket.tenders)?;
    Ok(Quote {
        lines,
        taxes,
        net,
        tax,
        total,
        turnover,
        not_turnover,
        cash_due,
        tenders,
        cash_rounding,
        change,
        cash_back,
        forfeited,
        outstanding,
    })
}

/// Below this a sum of exact taxes is not looked at: dividing an included price
/// leaves dust in the last of 28 digits, and a tie must stay a tie.
const EXACT_PLACES: u32 = 12;

/// Rounds each tax of each line. An added tax is charged on the base that is told:
/// the price without the included taxes as they were rounded, and with the earlier
/// added taxes as they were rounded where it is charged on them.
fn round_each_line(
    basket: &Basket,
    prices: &[Money],
    exact: &[Decimal],
) -> Result<Vec<Money>, QuoteError> {
    let mut amounts = Vec::with_capacity(exact.len());
    let mut exact = exact.iter();
    for (line, price) in basket.lines.iter().zip(prices) {
        let first = amounts.len();
        let mut net = *price;
        for (tax, exact) in line.taxes.iter().zip(&mut exact) {
            let amount = rounded_tax(*exact, basket)?;
            if tax.price_included {
                net = net.checked_sub(amount)?;
            }
            amounts.push(amount);
        }
        let mut carried = Money::zero(basket.currency);
        for (tax, amount) in line.taxes.iter().zip(amounts.iter_mut().skip(first)) {
            if let (TaxKind::Percent(rate), false) = (tax.kind, tax.price_included) {
                let base = net.checked_add(if tax.base_affected_by_previous {
                    carried
                } else {
                    Money::zero(basket.currency)
                })?;
                *amount = rounded_tax(base.to_decimal() * rate * PER_CENT, basket)?;
            }
            if tax.in_base_of_next {
                carried = carried.checked_add(*amount)?;
            }
        }
    }
    Ok(amounts)
}

/// Rounds each tax once over the sale, and spreads the sum over its lines.
fn round_over_the_document(
    basket: &Basket,
    prices: &[Money],
    exact: &[Decimal],
    group_of: &[usize],
    groups: usize,
) -> Result<Vec<Money>, QuoteError> {
    let mut amounts = vec![Money::zero(basket.currency); exact.len()];
    // (tax, line) by position, for each group.
    let mut members: Vec<Vec<(usize, usize)>> = vec![Vec::new(); groups];
    let lines = basket
        .lines
        .iter()
        .enumerate()
        .flat_map(|(at, line)| std::iter::repeat_n(at, line.taxes.len()));
    for ((at, line), group) in lines.enumerate().zip(group_of) {
        if let Some(members) = members.get_mut(*group) {
            members.push((at, line));
        }
    }
    for members in members {
        let shares: Vec<Decimal> = members
            .iter()
            .filter_map(|(at, _)| exact.get(*at).copied())
            .collect();
        let mut sum = Decimal::ZERO;
        for share in &shares {
            sum = sum.checked_add(*share).ok_or(TaxError::TooLarge)?;
        }
        let sum = rounded_tax(sum.round_dp(EXACT_PLACES), basket)?;
        let parts = spread_by(sum, &shares, |a, b| {
            let of = |member: usize| members.get(member).map(|(_, line)| *line);
            let (Some(a), Some(b)) = (of(a), of(b)) else {
                return Ordering::Equal;
            };
            let price = |line: usize| prices.get(line).map(|p| p.abs().minor());
            tie(basket.lines.get(a), basket.lines.get(b)).then_with(|| price(a).cmp(&price(b)))
        })?;
        for ((at, _), part) in members.iter().zip(parts) {
            if let Some(amount) = amounts.get_mut(*at) {
                *amount = part;
            }
        }
    }
    Ok(amounts)
}

/// Taxes of one code and rate, in order of first appearance; and for every tax of
/// every line, in order, which of them it is.
fn tax_groups(basket: &Basket) -> (Vec<usize>, Vec<TaxTotal>) {
    let zero = Money::zero(basket.currency);
    let mut totals: Vec<TaxTotal> = Vec::new();
    let mut known: HashMap<(&str, Option<Decimal>), usize> = HashMap::new();
    let group_of = basket
        .lines
        .iter()
        .flat_map(|line| &line.taxes)
        .map(|tax| {
            let rate = match tax.kind {
                TaxKind::Percent(rate) => Some(rate),
                TaxKind::FixedPerUnit(_) => None,
            };
            *known.entry((&tax.code, rate)).or_insert_with(|| {
                totals.push(TaxTotal {
                    code: tax.code.clone(),
                    rate,
                    base: zero,
                    amount: zero,
                });
                totals.len().saturating_sub(1)
            })
        })
        .collect();
    (group_of, totals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tax::TaxKind;
    use rust_decimal::dec;

    const EUR: Currency = Currency::EUR;

    fn percent(code: &str, rate: Decimal, price_included: bool) -> Tax {
        Tax {
            code: code.into(),
            kind: TaxKind::Percent(rate),
            price_included,
            in_base_of_next: false,
            base_affected_by_previous: true,
        }
    }

    fn line(unit_price: Decimal, quantity: Decimal, taxes: Vec<Tax>) -> BasketLine {
        BasketLine::new(unit_price, quantity, taxes)
    }

    fn basket(lines: Vec<BasketLine>) -> Basket {
        Basket {
            currency: EUR,
            tax_rounding: TaxRounding::PerLine,
            tax_rounding_mode: RoundingMode::HalfUp,
            cash_rounding: Some(CashRounding {
                increment_minor: 5,
                mode: RoundingMode::HalfUp,
                change_mode: None,
                exact_accepted: false,
            }),
            lines,
            discounts: vec![],
            tenders: vec![],
        }
    }

    fn eur(minor: i64) -> Money {
        Money::from_minor(minor, EUR)
    }

    #[test]
    fn an_included_tax_leaves_the_price_alone() {
        for (price, rate, net, tax) in [
            (dec!(1.21), dec!(21), 100, 21),
            (dec!(0.99), dec!(9), 91, 8),
            (dec!(2.30), dec!(15), 200, 30),
            (dec!(0.01), dec!(21), 1, 0),
        ] {
            let q = quote(&basket(vec![line(
                price,
                dec!(1),
                vec![percent("t", rate, true)],
            )]))
            .unwrap();
            assert_eq!((q.net, q.tax), (eur(net), eur(tax)), "{price} at {rate} %");
            assert_eq!(q.total.to_decimal(), price);
        }
    }

    #[test]
    fn tax_on_tax_and_fixed_fees() {
        // Quebec before 2013: GST 5 %, then QST 9.5 % on price plus GST.
        let mut gst = percent("gst", dec!(5), false);
        gst.in_base_of_next = true;
        let qst = percent("qst", dec!(9.5), false);
        let q = quote(&basket(vec![line(dec!(100), dec!(1), vec![gst, qst])])).unwrap();
        assert_eq!(q.tax, eur(500 + 998));
        // A fixed fee of 0.10 a unit inside the price, VAT on price and fee.
        let fee = Tax {
            kind: TaxKind::FixedPerUnit(dec!(0.10)),
            in_base_of_next: true,
            ..percent("fee", dec!(0), true)
        };
        let q = quote(&basket(vec![line(
            dec!(1.21),
            dec!(3),
            vec![fee, percent("vat", dec!(21), true)],
        )]))
        .unwrap();
        assert_eq!((q.net, q.tax, q.total), (eur(270), eur(93), eur(363)));
    }

    #[test]
    fn the_document_rounds_once_where_the_shop_says_so() {
        let lines = vec![line(dec!(0.05), dec!(1), vec![percent("t", dec!(10), false)]); 3];
        let mut b = basket(lines);
        assert_eq!(quote(&b).unwrap().tax, eur(3), "0.005 up, three times");
        b.tax_rounding = TaxRounding::PerDocument;
        let q = quote(&b).unwrap();
        assert_eq!(q.tax, eur(2), "0.015 up, once");
        assert_eq!(q.lines.iter().map(|l| l.tax.minor()).sum::<i64>(), 2);
    }

    #[test]
    fn promotions_come_off_before_the_line_s_discounts_and_never_pass_the_gross() {
        let promoted = |minor| Promoted {
            promotion: "p".into(),
            name: "3 for 2".into(),
            units: dec!(3),
            amount: eur(minor),
        };
        // quantity, promotions, expected (gross, discount, total)
        for (quantity, off, expected) in [
            (dec!(3), vec![200], Ok((600, 240, 360))),
            (dec!(-3), vec![-200], Ok((-600, -240, -360))),
            (dec!(3), vec![200, 400], Ok((600, 600, 0))),
            (
                dec!(3),
                vec![200, 401],
                Err("promotions take 6.01 off a line of 6.00"),
            ),
            (
                dec!(3),
                vec![-1],
                Err("promotions take -0.01 off a line of 6.00"),
            ),
            (
                dec!(-3),
                vec![1],
                Err("promotions take 0.01 off a line of -6.00"),
            ),
            (
                dec!(0),
                vec![1],
                Err("promotions take 0.01 off a line of 0.00"),
            ),
        ] {
            let mut l = line(dec!(2), quantity, vec![percent("t", dec!(21), true)]);
            l.promotions = off.iter().copied().map(promoted).collect();
            l.discounts = vec![Discount::Percent(dec!(10))];
            let got = quote(&basket(vec![l.clone()]))
                .map(|q| {
                    assert_eq!(q.lines[0].promotions, l.promotions);
                    let f = &q.lines[0];
                    (f.gross.minor(), f.discount.minor(), f.total.minor())
                })
                .map_err(|e| e.to_string());
            assert_eq!(got, expected.map_err(str::to_owned), "{quantity} {off:?}");
        }
    }

    #[test]
    fn cash_is_rounded_on_the_cash_part_alone() {
        // total, tenders, expected (due, rounding, change, outstanding)
        let cash = |m| BasketTender::Cash(Some(eur(m)));
        let card = |m| BasketTender::Other(Some(eur(m)));
        for (total, tenders, expected) in [
            (1002, vec![], (1000, 0, 0, 1002)),
            (1002, vec![cash(1000)], (1000, -2, 0, 0)),
            (1003, vec![cash(2000)], (1005, 2, 995, 0)),
            (1003, vec![card(1003)], (0, 0, 0, 0)),
            (1003, vec![card(500), cash(505)], (505, 2, 0, 0)),
            (1003, vec![cash(500), card(503)], (500, 0, 0, 0)),
            (1003, vec![cash(500)], (1005, 0, 0, 503)),
            (1003, vec![BasketTender::Cash(None)], (1005, 2, 0, 0)),
            (
                1003,
                vec![cash(500), BasketTender::Other(None)],
                (500, 0, 0, 0),
            ),
        ] {
            let mut b = basket(vec![line(eur(total).to_decimal(), dec!(1), vec![])]);
            b.tenders.clone_from(&tenders);
            let q = quote(&b).unwrap();
            assert_eq!(
                (
                    q.cash_due.minor(),
                    q.cash_rounding.minor(),
                    q.change.minor(),
                    q.outstanding.minor()
                ),
                expected,
                "{total} paid with {tenders:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let one = || line(dec!(1), dec!(1), vec![]);
        let mut over = basket(vec![one()]);
        over.discounts = vec![Discount::Percent(dec!(101))];
        let mut card = basket(vec![one()]);
        card.tenders = vec![BasketTender::Other(Some(eur(101)))];
        let mut mixed = basket(vec![one()]);
        mixed.tenders = vec![BasketTender::Other(Some(Money::from_minor(
            1,
            "JPY".parse().unwrap(),
        )))];
        for (basket, says) in [
            (over, "a discount of 101 % is not between 0 and 100"),
            (card, "a tender other than cash is 0.01 more than is due"),
            (mixed, "amounts of EUR and JPY cannot be added"),
            (
                basket(vec![line(dec!(-1), dec!(1), vec![])]),
                "a unit price is below zero",
            ),
            (
                basket(vec![line(dec!(1), dec!(1.0001), vec![])]),
                "quantity 1.0001 is absurd or has more than three places",
            ),
            (
                basket(vec![line(dec!(99999999), dec!(99999), vec![])]),
                "amount is larger than a till takes",
            ),
            (
                basket(vec![line(
                    dec!(1),
                    dec!(1),
                    vec![percent("t", dec!(-100), true)],
                )]),
                "the included taxes cannot be taken out of a price",
            ),
        ] {
            assert_eq!(quote(&basket).unwrap_err().to_string(), says);
        }
    }
}
