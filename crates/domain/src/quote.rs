//! What a basket comes to: lines, discounts, taxes, cash rounding, tenders.
//!
//! Invariants:
//! - the totals equal the sum of their parts at every level;
//! - a tax that is included in a price never changes that price;
//! - a discount never takes a price below zero;
//! - cash rounding touches the cash part and change, nothing else;
//! - the mirror of a basket (every quantity negated) has the mirrored quote.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::money::{Currency, HALF_UP, Money, MoneyError, RoundingStrategy, spread};
use crate::tax::{Tax, TaxError, exact_taxes};

/// More units than any line has; refused as absurd.
pub const QUANTITY_MAX: Decimal = Decimal::from_parts(100_000, 0, 0, false, 0);

/// Where a tax is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxRounding {
    /// Each tax of each line.
    PerLine,
    /// Each tax once, over the sale.
    PerDocument,
}

/// Which way an amount goes to the next coin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CashMode {
    /// To the nearest; a tie away from zero.
    HalfUp,
    /// To the nearest; a tie towards zero.
    HalfDown,
    /// To the nearest; a tie to the even coin.
    HalfEven,
    /// Away from zero.
    Up,
    /// Towards zero.
    Down,
}

impl CashMode {
    const fn strategy(self) -> RoundingStrategy {
        match self {
            Self::HalfUp => RoundingStrategy::MidpointAwayFromZero,
            Self::HalfDown => RoundingStrategy::MidpointTowardZero,
            Self::HalfEven => RoundingStrategy::MidpointNearestEven,
            Self::Up => RoundingStrategy::AwayFromZero,
            Self::Down => RoundingStrategy::ToZero,
        }
    }
}

/// Cash goes to the next coin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CashRounding {
    /// The smallest coin, in minor units.
    pub increment_minor: i64,
    /// Which way.
    pub mode: CashMode,
    /// Which way for change, where the law says another.
    pub change_mode: Option<CashMode>,
}

impl CashRounding {
    fn apply(self, amount: Money, mode: CashMode) -> Result<Money, MoneyError> {
        if self.increment_minor <= 1 {
            return Ok(amount);
        }
        let coins = (Decimal::from(amount.minor()) / Decimal::from(self.increment_minor))
            .round_dp_with_strategy(0, mode.strategy());
        let minor = rust_decimal::prelude::ToPrimitive::to_i64(&coins)
            .and_then(|c| c.checked_mul(self.increment_minor))
            .ok_or(MoneyError::TooLarge)?;
        Ok(Money::from_minor(minor, amount.currency()))
    }
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
    /// Units or kilograms; negative on a return line.
    pub quantity: Decimal,
    /// What promotions take off, before the discounts.
    pub promotions: Vec<Promoted>,
    /// In order.
    pub discounts: Vec<Discount>,
    /// In order.
    pub taxes: Vec<Tax>,
    /// Deposits take no part in the sale's discount.
    pub discountable: bool,
}

/// A tender to be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BasketTender {
    /// Cash handed over; `None` is exactly what is due.
    Cash(Option<Money>),
    /// Anything else, for its exact amount; `None` is all that is left.
    Other(Option<Money>),
}

/// What is priced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basket {
    /// The shop's currency.
    pub currency: Currency,
    /// Where tax is rounded.
    pub tax_rounding: TaxRounding,
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

/// A tender as it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenderQuote {
    /// Cash, or anything else.
    pub is_cash: bool,
    /// Handed over.
    pub amount: Money,
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
    /// What the cash part comes to, rounded, if all that no other tender pays is
    /// paid in cash.
    pub cash_due: Money,
    /// Tenders with their amounts filled in.
    pub tenders: Vec<TenderQuote>,
    /// What cash rounding added to (or took off) the sum, once cash settles it.
    pub cash_rounding: Money,
    /// To give back.
    pub change: Money,
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
    /// Over 100 % or below 0 %.
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
}

/// Takes `discounts` off `price` in order; gives what they come to, with the
/// sign of the price.
fn discount_of(price: Money, discounts: &[Discount]) -> Result<Money, QuoteError> {
    let currency = price.currency();
    let mut left = price;
    for discount in discounts {
        let off = match *discount {
            Discount::Percent(percent) => {
                if percent < Decimal::ZERO || percent > Decimal::ONE_HUNDRED {
                    return Err(QuoteError::Percent { percent });
                }
                let exact = left.to_decimal() * percent / Decimal::ONE_HUNDRED;
                Money::rounded(exact, currency, HALF_UP)?
            }
            Discount::Amount(amount) => {
                if amount.is_negative() {
                    return Err(QuoteError::Negative { what: "a discount" });
                }
                let capped = amount.min(left.abs());
                if left.is_negative() {
                    capped.negated()
                } else {
                    capped
                }
            }
        };
        left = left.checked_sub(off)?;
    }
    Ok(price.checked_sub(left)?)
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

/// Spreads the sale's discounts over the lines' prices.
fn sale_discounts(prices: &[Money], basket: &Basket) -> Result<Vec<Money>, QuoteError> {
    let currency = basket.currency;
    let zero = Money::zero(currency);
    let mut shares = vec![zero; prices.len()];
    for discount in &basket.discounts {
        let left: Vec<Money> = prices
            .iter()
            .zip(&shares)
            .zip(&basket.lines)
            .map(|((price, share), line)| {
                if line.discountable {
                    price.checked_sub(*share)
                } else {
                    Ok(zero)
                }
            })
            .collect::<Result<_, _>>()?;
        let sum = Money::sum(left.iter().copied(), currency)?;
        let off = discount_of(sum, std::slice::from_ref(discount))?;
        let exact: Vec<Decimal> = match *discount {
            // A percentage is each line's own, so a return line gives its part back.
            Discount::Percent(percent) => left
                .iter()
                .map(|l| l.to_decimal() * percent / Decimal::ONE_HUNDRED)
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
                left.iter()
                    .map(|l| {
                        if weights.is_zero() {
                            Decimal::ZERO
                        } else {
                            off.to_decimal() * weight(l) / weights
                        }
                    })
                    .collect()
            }
        };
        for (share, part) in shares.iter_mut().zip(spread_signed(off, &exact)?) {
            *share = share.checked_add(part)?;
        }
    }
    Ok(shares)
}

/// [`spread`], mirrored below zero, so that a refund spreads as its sale did.
fn spread_signed(total: Money, exact: &[Decimal]) -> Result<Vec<Money>, MoneyError> {
    if total.is_negative() {
        let mirrored: Vec<Decimal> = exact.iter().map(|e| -e).collect();
        Ok(spread(total.negated(), &mirrored)?
            .into_iter()
            .map(Money::negated)
            .collect())
    } else {
        spread(total, exact)
    }
}

/// Prices a basket.
///
/// # Errors
/// A [`QuoteError`] naming what cannot be; nothing is priced in part.
pub fn quote(basket: &Basket) -> Result<Quote, QuoteError> {
    let currency = basket.currency;
    let zero = Money::zero(currency);

    let mut grosses = Vec::with_capacity(basket.lines.len());
    let mut discounts = Vec::with_capacity(basket.lines.len());
    let mut prices = Vec::with_capacity(basket.lines.len());
    for line in &basket.lines {
        if line.unit_price.is_sign_negative() && !line.unit_price.is_zero() {
            return Err(QuoteError::NegativePrice);
        }
        let quantity = line.quantity;
        if quantity.abs() > QUANTITY_MAX || quantity.normalize().scale() > 3 {
            return Err(QuoteError::Quantity { quantity });
        }
        let exact = line
            .unit_price
            .checked_mul(quantity)
            .ok_or(MoneyError::TooLarge)?;
        let gross = Money::rounded(exact, currency, HALF_UP)?;
        let promoted = promotions_of(gross, &line.promotions)?;
        let own = discount_of(gross.checked_sub(promoted)?, &line.discounts)?;
        let discount = promoted.checked_add(own)?;
        prices.push(gross.checked_sub(discount)?);
        grosses.push(gross);
        discounts.push(discount);
    }
    let sale_discounts = sale_discounts(&prices, basket)?;

    // Exact taxes of every line, then rounded by the line or by the document.
    let mut exact = Vec::with_capacity(basket.lines.len());
    let mut due = Vec::with_capacity(basket.lines.len());
    for ((line, price), share) in basket.lines.iter().zip(&prices).zip(&sale_discounts) {
        let price = price.checked_sub(*share)?;
        exact.push(exact_taxes(price.to_decimal(), line.quantity, &line.taxes)?);
        due.push(price);
    }
    let mut amounts: Vec<Vec<Money>> = exact
        .iter()
        .map(|taxes| {
            taxes
                .iter()
                .map(|t| Money::rounded(t.amount, currency, HALF_UP))
                .collect()
        })
        .collect::<Result<_, _>>()?;
    let groups = tax_groups(&basket.lines);
    if basket.tax_rounding == TaxRounding::PerDocument {
        for group in &groups {
            let shares: Vec<Decimal> = group
                .members
                .iter()
                .filter_map(|(l, t)| exact.get(*l)?.get(*t).map(|e| e.amount))
                .collect();
            let sum = Money::rounded(shares.iter().copied().sum(), currency, HALF_UP)?;
            let parts = spread_signed(sum, &shares)?;
            for ((l, t), part) in group.members.iter().zip(parts) {
                if let Some(amount) = amounts.get_mut(*l).and_then(|a| a.get_mut(*t)) {
                    *amount = part;
                }
            }
        }
    }

    let mut lines = Vec::with_capacity(basket.lines.len());
    for (i, line) in basket.lines.iter().enumerate() {
        let price = due.get(i).copied().unwrap_or(zero);
        let amounts = amounts.get(i).map_or(&[][..], Vec::as_slice);
        let pairs = || line.taxes.iter().zip(amounts);
        let included = Money::sum(
            pairs().filter(|(t, _)| t.price_included).map(|(_, a)| *a),
            currency,
        )?;
        let net = price.checked_sub(included)?;
        let tax = Money::sum(amounts.iter().copied(), currency)?;
        let mut carried = zero;
        let mut taxes = Vec::with_capacity(line.taxes.len());
        for (t, amount) in pairs() {
            let base = if t.base_affected_by_previous {
                net.checked_add(carried)?
            } else {
                net
            };
            taxes.push(LineTax {
                code: t.code.clone(),
                base,
                amount: *amount,
            });
            if t.in_base_of_next {
                carried = carried.checked_add(*amount)?;
            }
        }
        lines.push(LineQuote {
            gross: grosses.get(i).copied().unwrap_or(zero),
            discount: discounts.get(i).copied().unwrap_or(zero),
            sale_discount: sale_discounts.get(i).copied().unwrap_or(zero),
            net,
            tax,
            total: net.checked_add(tax)?,
            taxes,
            promotions: line.promotions.clone(),
        });
    }

    let mut taxes = Vec::with_capacity(groups.len());
    for group in groups {
        let (mut base, mut amount) = (zero, zero);
        for (l, t) in &group.members {
            if let Some(tax) = lines.get(*l).and_then(|line| line.taxes.get(*t)) {
                base = base.checked_add(tax.base)?;
                amount = amount.checked_add(tax.amount)?;
            }
        }
        taxes.push(TaxTotal {
            code: group.code,
            rate: group.rate,
            base,
            amount,
        });
    }

    let net = Money::sum(lines.iter().map(|l| l.net), currency)?;
    let tax = Money::sum(lines.iter().map(|l| l.tax), currency)?;
    let total = net.checked_add(tax)?;
    let paid = pay(basket, total)?;
    Ok(Quote {
        lines,
        taxes,
        net,
        tax,
        total,
        cash_due: paid.cash_due,
        tenders: paid.tenders,
        cash_rounding: paid.cash_rounding,
        change: paid.change,
        outstanding: paid.outstanding,
    })
}

struct Paid {
    cash_due: Money,
    tenders: Vec<TenderQuote>,
    cash_rounding: Money,
    change: Money,
    outstanding: Money,
}

/// Counts the tenders against `total`.
fn pay(basket: &Basket, total: Money) -> Result<Paid, QuoteError> {
    let currency = basket.currency;
    let zero = Money::zero(currency);
    let round = |amount: Money| -> Result<Money, MoneyError> {
        basket
            .cash_rounding
            .map_or(Ok(amount), |r| r.apply(amount, r.mode))
    };
    // A sale that gives money back is counted in its mirror, so that a refund
    // rounds as its sale did.
    let mirrored = total.is_negative();
    let turn = |m: Money| if mirrored { m.negated() } else { m };
    let total = turn(total);

    for tender in &basket.tenders {
        if let BasketTender::Cash(Some(amount)) | BasketTender::Other(Some(amount)) = tender
            && turn(*amount).is_negative()
        {
            return Err(QuoteError::Negative { what: "a tender" });
        }
    }
    let named = |cash: bool| {
        Money::sum(
            basket.tenders.iter().filter_map(|t| match t {
                BasketTender::Cash(Some(a)) if cash => Some(turn(*a)),
                BasketTender::Other(Some(a)) if !cash => Some(turn(*a)),
                BasketTender::Cash(_) | BasketTender::Other(_) => None,
            }),
            currency,
        )
    };
    let (mut other, mut cash) = (named(false)?, named(true)?);
    let has_cash = basket
        .tenders
        .iter()
        .any(|t| matches!(t, BasketTender::Cash(_)));
    let mut tenders = Vec::with_capacity(basket.tenders.len());
    for tender in &basket.tenders {
        let (is_cash, amount) = match *tender {
            BasketTender::Cash(Some(amount)) => (true, turn(amount)),
            BasketTender::Other(Some(amount)) => (false, turn(amount)),
            BasketTender::Other(None) => {
                let rest = total.checked_sub(other)?.checked_sub(cash)?;
                let rest = if rest.is_negative() { zero } else { rest };
                other = other.checked_add(rest)?;
                (false, rest)
            }
            BasketTender::Cash(None) => {
                let rest = round(total.checked_sub(other)?)?.checked_sub(cash)?;
                let rest = if rest.is_negative() { zero } else { rest };
                cash = cash.checked_add(rest)?;
                (true, rest)
            }
        };
        tenders.push(TenderQuote {
            is_cash,
            amount: turn(amount),
        });
    }

    let rest = total.checked_sub(other)?;
    if rest.is_negative() {
        return Err(QuoteError::OverDue {
            over: turn(rest.negated()),
        });
    }
    let cash_due = round(rest)?;
    let settled = (has_cash && cash.minor() >= cash_due.minor()) || rest.is_zero();
    let (cash_rounding, change, outstanding) = if !settled {
        (zero, zero, rest.checked_sub(cash)?)
    } else if !has_cash {
        (zero, zero, zero)
    } else {
        let change = match basket.cash_rounding {
            Some(CashRounding {
                change_mode: Some(mode),
                increment_minor,
                ..
            }) if cash.minor() > cash_due.minor() => CashRounding {
                increment_minor,
                mode,
                change_mode: None,
            }
            .apply(cash.checked_sub(rest)?, mode)?,
            Some(_) | None => cash.checked_sub(cash_due)?,
        };
        (cash.checked_sub(change)?.checked_sub(rest)?, change, zero)
    };
    Ok(Paid {
        cash_due: turn(cash_due),
        tenders,
        cash_rounding: turn(cash_rounding),
        change: turn(change),
        outstanding: turn(outstanding),
    })
}

struct TaxGroup {
    code: String,
    rate: Option<Decimal>,
    /// Line and tax, by position.
    members: Vec<(usize, usize)>,
}

/// Taxes of one code and rate, in order of first appearance.
fn tax_groups(lines: &[BasketLine]) -> Vec<TaxGroup> {
    let mut groups: Vec<TaxGroup> = Vec::new();
    for (l, line) in lines.iter().enumerate() {
        for (t, tax) in line.taxes.iter().enumerate() {
            let rate = match tax.kind {
                crate::tax::TaxKind::Percent(rate) => Some(rate),
                crate::tax::TaxKind::FixedPerUnit(_) => None,
            };
            match groups
                .iter_mut()
                .find(|g| g.code == tax.code && g.rate == rate)
            {
                Some(group) => group.members.push((l, t)),
                None => groups.push(TaxGroup {
                    code: tax.code.clone(),
                    rate,
                    members: vec![(l, t)],
                }),
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tax::TaxKind;
    use proptest::prelude::*;
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
        BasketLine {
            unit_price,
            quantity,
            promotions: vec![],
            discounts: vec![],
            taxes,
            discountable: true,
        }
    }

    fn basket(lines: Vec<BasketLine>) -> Basket {
        Basket {
            currency: EUR,
            tax_rounding: TaxRounding::PerLine,
            cash_rounding: Some(CashRounding {
                increment_minor: 5,
                mode: CashMode::HalfUp,
                change_mode: None,
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

    prop_compose! {
        fn any_line()(
            cents in 0_i64..50_000,
            thousandths in 1_i64..20_000,
            whole in any::<bool>(),
            percent_off in prop::option::of(0_i64..=100),
            rates in prop::collection::vec((0_usize..4, any::<bool>(), any::<bool>()), 0..3),
        ) -> BasketLine {
            let table = [dec!(21), dec!(9), dec!(5.5), dec!(8.875)];
            let quantity = if whole { Decimal::from(thousandths % 20 + 1) } else { Decimal::new(thousandths, 3) };
            BasketLine {
                unit_price: Decimal::new(cents, 2),
                quantity,
                promotions: vec![],
                discounts: percent_off.map(|p| Discount::Percent(Decimal::from(p))).into_iter().collect(),
                taxes: rates.into_iter().map(|(i, price_included, in_base_of_next)| Tax {
                    in_base_of_next,
                    ..percent(["a", "b", "c", "d"][i], table[i], price_included)
                }).collect(),
                discountable: true,
            }
        }
    }

    prop_compose! {
        fn any_basket()(
            lines in prop::collection::vec(any_line(), 1..8),
            per_document in any::<bool>(),
            percent_off in prop::option::of(0_i64..=100),
            amount_off in prop::option::of(0_i64..5_000),
        ) -> Basket {
            let mut b = basket(lines);
            b.tax_rounding = if per_document { TaxRounding::PerDocument } else { TaxRounding::PerLine };
            b.discounts = percent_off.map(|p| Discount::Percent(Decimal::from(p))).into_iter()
                .chain(amount_off.map(|m| Discount::Amount(eur(m)))).collect();
            b
        }
    }

    proptest! {
        #[test]
        fn totals_equal_the_sum_of_their_parts(b in any_basket()) {
            let q = quote(&b).unwrap();
            let sum = |f: fn(&LineQuote) -> Money| Money::sum(q.lines.iter().map(f), EUR).unwrap();
            prop_assert_eq!(sum(|l| l.total), q.total);
            prop_assert_eq!(sum(|l| l.tax), q.tax);
            prop_assert_eq!(Money::sum(q.taxes.iter().map(|t| t.amount), EUR).unwrap(), q.tax);
            prop_assert_eq!(q.net.checked_add(q.tax).unwrap(), q.total);
            for (l, source) in q.lines.iter().zip(&b.lines) {
                prop_assert_eq!(l.net.checked_add(l.tax).unwrap(), l.total);
                let price = l.gross.checked_sub(l.discount).unwrap().checked_sub(l.sale_discount).unwrap();
                prop_assert!(!price.is_negative());
                if source.taxes.iter().all(|t| t.price_included) {
                    prop_assert_eq!(l.total, price, "an included tax changed a price");
                }
            }
        }

        #[test]
        fn the_mirror_of_a_sale_is_its_refund(b in any_basket()) {
            let mut mirror = b.clone();
            for l in &mut mirror.lines {
                l.quantity = -l.quantity;
            }
            let (q, m) = (quote(&b).unwrap(), quote(&mirror).unwrap());
            prop_assert_eq!(m.total, q.total.negated());
            prop_assert_eq!(m.tax, q.tax.negated());
            prop_assert_eq!(m.cash_due, q.cash_due.negated());
        }

        #[test]
        fn permuting_lines_changes_no_total(b in any_basket()) {
            let mut turned = b.clone();
            turned.lines.reverse();
            let (q, t) = (quote(&b).unwrap(), quote(&turned).unwrap());
            // A sale discount's last cents go to other lines, and tax with them;
            // what the customer pays where tax is included never moves.
            if b.discounts.is_empty() || b.lines.iter().all(|l| l.taxes.iter().all(|t| t.price_included)) {
                prop_assert_eq!(q.total, t.total);
            }
            prop_assert_eq!(
                Money::sum(q.lines.iter().map(|l| l.sale_discount), EUR).unwrap(),
                Money::sum(t.lines.iter().map(|l| l.sale_discount), EUR).unwrap()
            );
        }

        #[test]
        fn a_paid_sale_balances(b in any_basket(), card in 0_i64..10_000, extra in 0_i64..10_000) {
            let mut b = b;
            let total = quote(&b).unwrap().total;
            let card = eur(card).min(total);
            b.tenders = vec![BasketTender::Other(Some(card)), BasketTender::Cash(None)];
            let exact = quote(&b).unwrap().tenders[1].amount;
            b.tenders[1] = BasketTender::Cash(Some(exact.checked_add(eur(extra)).unwrap()));
            let q = quote(&b).unwrap();
            prop_assert!(q.outstanding.is_zero());
            let tendered = Money::sum(q.tenders.iter().map(|t| t.amount), EUR).unwrap();
            prop_assert_eq!(
                tendered.checked_sub(q.change).unwrap(),
                q.total.checked_add(q.cash_rounding).unwrap()
            );
        }
    }
}
