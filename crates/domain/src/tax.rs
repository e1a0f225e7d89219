//! Taxes on a line: percent or fixed per unit, included in the price or added,
//! compound where one tax is charged on another.
//!
//! Every tax of a line is a linear function of the line's tax-free value `x`:
//! `amount = factor · x + constant`. So an included price can be taken apart
//! whatever the mix: `price = x + Σ included`, solved for `x`.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// How a tax is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxKind {
    /// Per cent of the base: 21 is 21 %.
    Percent(Decimal),
    /// Major units for each unit of quantity.
    FixedPerUnit(Decimal),
}

/// One tax.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tax {
    /// Code of the shop's tax table, such as `high`.
    pub code: String,
    /// Percent or fixed.
    pub kind: TaxKind,
    /// The price holds it already.
    pub price_included: bool,
    /// Later taxes are charged on the price plus this one.
    pub in_base_of_next: bool,
    /// Earlier taxes marked `in_base_of_next` count in this one's base.
    pub base_affected_by_previous: bool,
}

/// A tax set that no price can be taken apart into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TaxError {
    /// The included rates come to −100 % or less.
    #[error("the included taxes cannot be taken out of a price")]
    NotInvertible,
    /// Larger than numbers go.
    #[error("tax is larger than a till computes")]
    TooLarge,
}

/// One tax of one line, exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExactTax {
    /// Major units, not rounded.
    pub amount: Decimal,
}

/// Takes `price` (after every discount, in major units) apart. Gives the exact
/// amount of each tax, in order.
pub(crate) fn exact_taxes(
    price: Decimal,
    quantity: Decimal,
    taxes: &[Tax],
) -> Result<Vec<ExactTax>, TaxError> {
    // (factor, constant) of each tax, and of what a later tax counts in.
    let mut linear: Vec<(Decimal, Decimal)> = Vec::with_capacity(taxes.len());
    let (mut carried_factor, mut carried_constant) = (Decimal::ZERO, Decimal::ZERO);
    let (mut included_factor, mut included_constant) = (Decimal::ZERO, Decimal::ZERO);
    let big = || TaxError::TooLarge;
    for tax in taxes {
        let (factor, constant) = match tax.kind {
            TaxKind::Percent(rate) => {
                let rate = rate.checked_div(Decimal::ONE_HUNDRED).ok_or_else(big)?;
                let (f, c) = if tax.base_affected_by_previous {
                    (Decimal::ONE + carried_factor, carried_constant)
                } else {
                    (Decimal::ONE, Decimal::ZERO)
                };
                (
                    rate.checked_mul(f).ok_or_else(big)?,
                    rate.checked_mul(c).ok_or_else(big)?,
                )
            }
            TaxKind::FixedPerUnit(amount) => {
                (Decimal::ZERO, amount.checked_mul(quantity).ok_or_else(big)?)
            }
        };
        if tax.in_base_of_next {
            carried_factor += factor;
            carried_constant = carried_constant.checked_add(constant).ok_or_else(big)?;
        }
        if tax.price_included {
            included_factor += factor;
            included_constant = included_constant.checked_add(constant).ok_or_else(big)?;
        }
        linear.push((factor, constant));
    }
    let divisor = Decimal::ONE + included_factor;
    if divisor <= Decimal::ZERO {
        return Err(TaxError::NotInvertible);
    }
    let dividend = price.checked_sub(included_constant).ok_or_else(big)?;
    linear
        .into_iter()
        .map(|(factor, constant)| {
            // Multiplied before divided: 2.30 at 15 % included is 0.3 and not
            // 0.29999…, which a rounding would see.
            let amount = factor
                .checked_mul(dividend)
                .and_then(|a| a.checked_div(divisor))
                .and_then(|a| a.checked_add(constant))
                .ok_or_else(big)?;
            Ok(ExactTax { amount })
        })
        .collect()
}
