//! Why a basket comes to what it comes to, step by step, in words.
//!
//! Invariants:
//! - the amounts of the steps that count, in order, add up: those of a line to its
//!   total, those of all lines to the sale's total, and all of them to what is
//!   still to pay;
//! - nothing is priced anew: the figures are the quote's, and a step that the quote
//!   does not hold (one discount of several) is computed by the same function;
//! - a sentence is for the customer at the counter: no code, no rule's name.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::measure::Measure;
use crate::money::{Currency, HALF_UP, Money, RoundingMode};
use crate::quote::{
    Basket, BasketLine, Discount, LineQuote, Quote, QuoteError, TaxRounding, line_discounts,
    rounded_tax, sale_discounts,
};
use crate::settle::{BasketTender, TenderQuote, in_cash};
use crate::tax::{Tax, TaxKind, exact_taxes};

/// What a step is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The unit price was set with other taxes, and was brought to those charged.
    Rebased,
    /// Unit price times quantity.
    Price,
    /// A promotion.
    Promotion,
    /// A discount of the line.
    LineDiscount,
    /// The line's share of a discount on the sale.
    SaleDiscount,
    /// A tax that is in the price.
    TaxIncluded,
    /// A tax on top of the price.
    TaxAdded,
    /// The line's cent of a tax that is rounded once over the sale.
    DocumentRounding,
    /// What the line comes to.
    LineTotal,
    /// The line is a deposit or a fee, and not turnover.
    NotTurnover,
    /// What the sale comes to.
    Total,
    /// What cash rounding adds or takes off.
    CashRounding,
    /// The exact sum was handed over, and nothing was rounded.
    ExactCash,
    /// What was handed over or charged.
    Tender,
    /// A voucher's worth that is lost.
    Forfeited,
    /// Cash given on a card.
    CashBack,
    /// Cash given back.
    Change,
    /// Still to pay.
    Outstanding,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What it is about, for programs.
    pub why: Why,
    /// The line, by its position in the basket.
    pub line: Option<usize>,
    /// The tender, by its position in the basket.
    pub tender: Option<usize>,
    /// What it changes, or what it says where it changes nothing.
    pub amount: Money,
    /// The amount changes what is still to pay. Without it, it is there to be read.
    pub counts: bool,
    /// For the customer.
    pub says: String,
}

/// Steps as they are told.
struct Told {
    currency: Currency,
    line: Option<usize>,
    steps: Vec<Step>,
}

impl Told {
    fn step(&mut self, why: Why, amount: Money, counts: bool, says: String) {
        self.steps.push(Step {
            why,
            line: self.line,
            tender: None,
            amount,
            counts,
            says,
        });
    }

    /// A price with all its places, at least the currency's.
    fn price(&self, price: Decimal) -> String {
        let symbol = self.currency.symbol();
        let mut shown = price.normalize();
        if shown.scale() < self.currency.exponent() {
            shown.rescale(self.currency.exponent());
        }
        format!("{symbol}{shown}")
    }
}

/// Every step from the prices to what is still to pay.
///
/// # Errors
/// What [`quote`](crate::quote::quote) says of the basket; none where `quote` is
/// its quote.
pub fn explain(basket: &Basket, quote: &Quote) -> Result<Vec<Step>, QuoteError> {
    let prices = quote
        .lines
        .iter()
        .map(|l| l.gross.checked_sub(l.discount))
        .collect::<Result<Vec<_>, _>>()?;
    let shares = sale_discounts(&prices, basket)?;
    let mut told = Told {
        currency: basket.currency,
        line: None,
        steps: Vec::with_capacity(basket.lines.len() * 4 + 4),
    };
    for (at, (line, figures)) in basket.lines.iter().zip(&quote.lines).enumerate() {
        told.line = Some(at);
        price(&mut told, line, figures)?;
        for (discount, shares) in basket.discounts.iter().zip(&shares) {
            if let Some(share) = shares.get(at).filter(|share| !share.is_zero()) {
                let says = match discount {
                    Discount::Percent(percent) => {
                        format!("{} % off the sale.", percent.normalize())
                    }
                    Discount::Amount(amount) => {
                        format!("Its share of {} off the sale.", amount.spoken())
                    }
                };
                told.step(Why::SaleDiscount, share.negated(), true, says);
            }
        }
        taxes(&mut told, basket, line, figures)?;
        let says = format!("The line comes to {}.", figures.total.spoken());
        told.step(Why::LineTotal, figures.total, false, says);
        if !line.turnover {
            let says = "This is a deposit or a fee, and not turnover of the shop.".to_owned();
            told.step(Why::NotTurnover, figures.total, false, says);
        }
    }
    told.line = None;
    let says = format!("The sale comes to {}.", quote.total.spoken());
    told.step(Why::Total, quote.total, false, says);
    settlement(&mut told, basket, quote)?;
    Ok(told.steps)
}

/// "6 × €11.80", "0.412 kg at €2.35 a kg".
fn times(told: &Told, line: &BasketLine, unit_price: Decimal) -> String {
    let quantity = line.quantity.normalize();
    let unit_price = told.price(unit_price);
    match line.unit {
        None | Some(Measure::Each) => format!("{quantity} × {unit_price}."),
        Some(unit) => format!("{quantity} {unit} at {unit_price} per {unit}."),
    }
}

fn price(told: &mut Told, line: &BasketLine, figures: &LineQuote) -> Result<(), QuoteError> {
    let unit_price = line.charged_unit_price(told.currency)?;
    if unit_price != line.unit_price {
        let says = format!(
            "The price of {} was set with other taxes; with those charged here it is {}.",
            told.price(line.unit_price),
            told.price(unit_price)
        );
        let amount = Money::rounded(unit_price, told.currency, HALF_UP)?;
        told.step(Why::Rebased, amount, false, says);
    }
    let says = times(told, line, unit_price);
    told.step(Why::Price, figures.gross, true, says);
    let mut left = figures.gross;
    for promoted in &figures.promotions {
        left = left.checked_sub(promoted.amount)?;
        let says = format!("{}: {} off.", promoted.name, promoted.amount.abs().spoken());
        told.step(Why::Promotion, promoted.amount.negated(), true, says);
    }
    let offs = line_discounts(left, &line.discounts)?;
    for (discount, off) in line.discounts.iter().zip(offs) {
        let says = match discount {
            Discount::Percent(percent) => {
                format!("{} % off {}.", percent.normalize(), left.abs().spoken())
            }
            Discount::Amount(amount) if *amount == off.abs() => {
                format!("{} off.", amount.spoken())
            }
            Discount::Amount(amount) => {
                let (amount, off) = (amount.spoken(), off.abs().spoken());
                format!("{amount} off, of which {off} could be taken.")
            }
        };
        left = left.checked_sub(off)?;
        told.step(Why::LineDiscount, off.negated(), true, says);
    }
    Ok(())
}

/// "V21, 21 % of €53.93", "fee, €0.10 for each of 3".
fn tax_words(told: &Told, line: &BasketLine, tax: &Tax, base: Money, net: Money) -> String {
    match tax.kind {
        TaxKind::Percent(rate) => {
            let on = if base == net {
                ""
            } else {
                " (with the taxes before it)"
            };
            let rate = rate.normalize();
            format!("{}, {rate} % of {}{on}", tax.code, base.spoken())
        }
        TaxKind::FixedPerUnit(amount) => {
            let quantity = line.quantity.normalize();
            format!("{}, {quantity} × {}", tax.code, told.price(amount))
        }
    }
}

fn taxes(
    told: &mut Told,
    basket: &Basket,
    line: &BasketLine,
    figures: &LineQuote,
) -> Result<(), QuoteError> {
    let price = figures
        .gross
        .checked_sub(figures.discount)?
        .checked_sub(figures.sale_discount)?;
    let mut exact = Vec::with_capacity(line.taxes.len());
    exact_taxes(price.to_decimal(), line.quantity, &line.taxes, &mut exact)?;
    for ((tax, charged), exact) in line.taxes.iter().zip(&figures.taxes).zip(exact) {
        let own = match basket.tax_rounding {
            TaxRounding::PerLine => charged.amount,
            TaxRounding::PerDocument => rounded_tax(exact, basket)?,
        };
        let cent = charged.amount.checked_sub(own)?;
        let words = tax_words(told, line, tax, charged.base, figures.net);
        let added = !tax.price_included;
        let (why, says) = match (added, own.is_zero() && cent.is_zero()) {
            (true, true) => (Why::TaxAdded, format!("{words}: no tax.")),
            (false, true) => (Why::TaxIncluded, format!("{words}: no tax in it.")),
            (true, false) => (Why::TaxAdded, format!("{words}, is added.")),
            (false, false) => (Why::TaxIncluded, format!("{words}, is in the price.")),
        };
        told.step(why, own, added, says);
        if !cent.is_zero() {
            let side = charged.amount.minor().signum();
            let more = if cent.minor().signum() == side {
                "more"
            } else {
                "less"
            };
            let says = format!(
                "{} is rounded once over the sale: {} {more} on this line.",
                tax.code,
                cent.abs().spoken()
            );
            told.step(Why::DocumentRounding, cent, added, says);
        }
    }
    Ok(())
}

const fn mode_words(mode: RoundingMode) -> &'static str {
    match mode {
        RoundingMode::HalfUp => "to the nearest, a half up",
        RoundingMode::HalfDown => "to the nearest, a half down",
        RoundingMode::HalfEven => "to the nearest, a half to the even one",
        RoundingMode::Up => "always up",
        RoundingMode::Down => "always down",
    }
}

/// What the cash part was before it was rounded.
fn cash_part(quote: &Quote) -> Result<Money, QuoteError> {
    let mut rest = quote.total;
    for tender in quote.tenders.iter().filter(|t| !t.is_cash) {
        rest = rest
            .checked_sub(tender.amount)?
            .checked_add(tender.cash_back)?
            .checked_add(tender.forfeited)?;
    }
    Ok(rest)
}

fn settlement(told: &mut Told, basket: &Basket, quote: &Quote) -> Result<(), QuoteError> {
    let rest = cash_part(quote)?;
    if let Some(rounding) = basket.cash_rounding {
        let coin = Money::from_minor(rounding.increment_minor, told.currency).spoken();
        let by_cash = quote.tenders.iter().any(|t| t.is_cash);
        if !quote.cash_rounding.is_zero() {
            let mode = mode_words(rounding.mode);
            let says = match rounding.change_mode {
                Some(change) if !quote.change.is_zero() => format!(
                    "{} in cash: the change goes to {coin}, {}.",
                    rest.spoken(),
                    mode_words(change)
                ),
                Some(_) | None => format!(
                    "{} in cash goes to {coin}, {mode}: {}.",
                    rest.spoken(),
                    rest.checked_add(quote.cash_rounding)?.spoken()
                ),
            };
            told.step(Why::CashRounding, quote.cash_rounding, true, says);
        } else if by_cash && quote.outstanding.is_zero() && in_cash(rest, Some(rounding))? != rest {
            let says = format!(
                "{} was handed over in coins: nothing is rounded.",
                rest.spoken()
            );
            told.step(Why::ExactCash, quote.cash_rounding, false, says);
        }
    }
    for (at, (tender, counted)) in basket.tenders.iter().zip(&quote.tenders).enumerate() {
        let before = told.steps.len();
        one_tender(told, *tender, *counted);
        for step in told.steps.iter_mut().skip(before) {
            step.tender = Some(at);
        }
    }
    if !quote.change.is_zero() {
        let says = format!("{} goes back in cash.", quote.change.spoken());
        told.step(Why::Change, quote.change, true, says);
    }
    let says = if quote.outstanding.is_zero() {
        "Nothing is left to pay.".to_owned()
    } else {
        format!("{} is left to pay.", quote.outstanding.spoken())
    };
    told.step(Why::Outstanding, quote.outstanding, false, says);
    Ok(())
}

fn one_tender(told: &mut Told, tender: BasketTender, counted: TenderQuote) {
    let amount = counted.amount.spoken();
    let says = match tender {
        BasketTender::Cash(_) => format!("{amount} in cash."),
        BasketTender::ForeignCash {
            amount: notes,
            rate,
        } => format!(
            "{} in cash at {}: {amount}.",
            notes.spoken(),
            rate.normalize()
        ),
        BasketTender::Voucher { .. } => format!("A voucher of {amount}."),
        BasketTender::CashBack { .. } | BasketTender::Other(_) => {
            format!("{amount} by card or otherwise.")
        }
    };
    told.step(Why::Tender, counted.amount.negated(), true, says);
    if !counted.forfeited.is_zero() {
        let says = format!(
            "{} of the voucher is not needed and is not given back.",
            counted.forfeited.spoken()
        );
        told.step(Why::Forfeited, counted.forfeited, true, says);
    }
    if !counted.cash_back.is_zero() {
        let says = format!("{} of it is given in cash.", counted.cash_back.spoken());
        told.step(Why::CashBack, counted.cash_back, true, says);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quote::{Promoted, quote};
    use crate::settle::{CashRounding, Surplus};
    use rust_decimal::dec;

    const EUR: Currency = Currency::EUR;

    fn eur(minor: i64) -> Money {
        Money::from_minor(minor, EUR)
    }

    fn percent(code: &str, rate: Decimal, price_included: bool) -> Tax {
        Tax {
            code: code.into(),
            kind: TaxKind::Percent(rate),
            price_included,
            in_base_of_next: true,
            base_affected_by_previous: true,
        }
    }

    #[test]
    fn a_sale_is_told_step_by_step() {
        let tea = BasketLine {
            unit: Some(Measure::Each),
            promotions: vec![Promoted {
                promotion: "tea".into(),
                name: "3 for 2".into(),
                units: dec!(3),
                amount: eur(1180),
            }],
            discounts: vec![Discount::Percent(dec!(5)), Discount::Amount(eur(5000))],
            ..BasketLine::new(dec!(11.80), dec!(3), vec![percent("V21", dec!(21), true)])
        };
        let nuts = BasketLine {
            unit: Some(Measure::Kilogram),
            priced_with: Some(vec![percent("V21", dec!(21), true)]),
            ..BasketLine::new(dec!(12.10), dec!(0.412), vec![percent("V6", dec!(6), true)])
        };
        let bottle = BasketLine {
            discountable: false,
            turnover: false,
            ..BasketLine::new(dec!(0.15), dec!(2), vec![])
        };
        let basket = Basket {
            currency: EUR,
            tax_rounding: TaxRounding::PerLine,
            tax_rounding_mode: RoundingMode::HalfUp,
            cash_rounding: Some(CashRounding {
                increment_minor: 5,
                mode: RoundingMode::HalfUp,
                change_mode: None,
                exact_accepted: false,
            }),
            lines: vec![tea, nuts, bottle],
            discounts: vec![Discount::Amount(eur(100))],
            tenders: vec![
                BasketTender::Voucher {
                    amount: Some(eur(100)),
                    surplus: Surplus::Forfeited,
                },
                BasketTender::ForeignCash {
                    amount: Money::from_minor(500, "USD".parse().unwrap()),
                    rate: dec!(0.92),
                },
            ],
        };
        let steps = explain(&basket, &quote(&basket).unwrap()).unwrap();
        let told: Vec<String> = steps
            .iter()
            .map(|s| {
                let mark = if s.counts { "+" } else { "=" };
                let place = match (s.line, s.tender) {
                    (Some(line), _) => line.to_string(),
                    (None, Some(tender)) => format!("t{tender}"),
                    (None, None) => "-".into(),
                };
                format!("{place} {mark} {} | {}", s.amount, s.says)
            })
            .collect();
        assert_eq!(
            told,
            [
                "0 + 35.40 | 3 × €11.80.",
                "0 + -11.80 | 3 for 2: €11.80 off.",
                "0 + -1.18 | 5 % off €23.60.",
                "0 + -22.42 | €50.00 off, of which €22.42 could be taken.",
                "0 = 0.00 | V21, 21 % of €0.00: no tax in it.",
                "0 = 0.00 | The line comes to €0.00.",
                "1 = 10.60 | The price of €12.10 was set with other taxes; with those charged here it is €10.60.",
                "1 + 4.37 | 0.412 kg at €10.60 per kg.",
                "1 + -1.00 | Its share of €1.00 off the sale.",
                "1 = 0.19 | V6, 6 % of €3.18, is in the price.",
                "1 = 3.37 | The line comes to €3.37.",
                "2 + 0.30 | 2 × €0.15.",
                "2 = 0.30 | The line comes to €0.30.",
                "2 = 0.30 | This is a deposit or a fee, and not turnover of the shop.",
                "- = 3.67 | The sale comes to €3.67.",
                "- + -0.02 | €2.67 in cash goes to €0.05, to the nearest, a half up: €2.65.",
                "t0 + -1.00 | A voucher of €1.00.",
                "t1 + -4.60 | $5.00 in cash at 0.92: €4.60.",
                "- + 1.95 | €1.95 goes back in cash.",
                "- = 0.00 | Nothing is left to pay.",
            ]
        );
    }

    #[test]
    fn tax_on_tax_and_the_document_s_cent_are_told() {
        let gst = percent("GST", dec!(5), false);
        let qst = percent("QST", dec!(9.975), false);
        let line = BasketLine::new(dec!(0.33), dec!(1), vec![gst, qst]);
        let basket = Basket {
            currency: "CAD".parse().unwrap(),
            tax_rounding: TaxRounding::PerDocument,
            tax_rounding_mode: RoundingMode::HalfUp,
            cash_rounding: None,
            lines: vec![line.clone(), line],
            discounts: vec![],
            tenders: vec![],
        };
        let steps = explain(&basket, &quote(&basket).unwrap()).unwrap();
        let told: Vec<&str> = steps
            .iter()
            .filter(|s| s.line == Some(1) && s.why != Why::LineTotal)
            .map(|s| s.says.as_str())
            .collect();
        assert_eq!(
            told,
            [
                "1 × $0.33.",
                "GST, 5 % of $0.33, is added.",
                "GST is rounded once over the sale: $0.01 less on this line.",
                "QST, 9.975 % of $0.34 (with the taxes before it), is added.",
            ]
        );
    }
}
