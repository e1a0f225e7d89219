//! Taxes on a line: percent or fixed per unit, included in the price or added,
//! compound where one tax is charged on another.
//!
//! Invariants:
//! - the taxes of a line are charged in order; the base of a tax is the value
//!   without tax, plus every earlier tax marked `in_base_of_next` where the tax is
//!   marked `base_affected_by_previous`. It does not matter which of them are in
//!   the price;
//! - an included tax is taken out of the price, an added one put on top of it;
//! - what comes back is exact but for the last of 28 digits; rounding is the
//!   caller's.
//!
//! Every tax of a line is a linear function of the line's value without tax `x`:
//! `amount = factor · x + constant`. So an included price can be taken apart
//! whatever the mix: `price = x + Σ included`, solved for `x`.
//!
//! The model is that of Odoo's `account.tax` (`price_include`,
//! `include_base_amount`, `is_base_affected`); its published test cases for percent
//! and fixed taxes are run in `tests/taxes.rs`.

use rust_decimal::{Decimal, dec};
use serde::{Deserialize, Serialize};

use crate::money::{Currency, HALF_UP};

/// A rate above this is a mistake, such as 2100 for 21.00. In per cent.
pub const RATE_MAX: Decimal = dec!(1000);

/// More places than any published rate has; Quebec's 9.975 has three.
pub const RATE_PLACES_MAX: u32 = 8;

/// More places than any unit price or fixed tax has. With it, a price times a
/// quantity is exact.
pub const PRICE_PLACES_MAX: u32 = 12;

/// More than any unit price or fixed tax, in major units.
pub const PRICE_MAX: Decimal = dec!(999_999_999_999);

/// How a tax is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxKind {
    /// Per cent of the base: 21 is 21 %.
    Percent(Decimal),
    /// Major units for each unit of quantity.
    FixedPerUnit(Decimal),
}

/// One tax.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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

/// Why taxes cannot be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TaxError {
    /// The included rates come to −100 % or less.
    #[error("the included taxes cannot be taken out of a price")]
    NotInvertible,
    /// Over [`RATE_MAX`] either way, or with more than [`RATE_PLACES_MAX`] places.
    #[error("a tax of {rate} % is absurd or has more than {RATE_PLACES_MAX} places")]
    Rate {
        /// What was asked.
        rate: Decimal,
    },
    /// Over [`PRICE_MAX`] either way, or with more than [`PRICE_PLACES_MAX`] places.
    #[error("a tax of {amount} a unit is absurd or has more than {PRICE_PLACES_MAX} places")]
    Amount {
        /// What was asked.
        amount: Decimal,
    },
    /// Larger than numbers go.
    #[error("tax is larger than a till computes")]
    TooLarge,
}

/// A tax as `factor · x + constant`, or a sum of such.
#[derive(Clone, Copy)]
struct Linear {
    factor: Decimal,
    constant: Decimal,
}

impl Linear {
    const ZERO: Self = Self {
        factor: Decimal::ZERO,
        constant: Decimal::ZERO,
    };

    fn plus(self, other: Self) -> Result<Self, TaxError> {
        Ok(Self {
            factor: checked(self.factor.checked_add(other.factor))?,
            constant: checked(self.constant.checked_add(other.constant))?,
        })
    }
}

/// More decimal places than `most`, trailing zeros not counted.
pub(crate) fn more_places(value: Decimal, most: u32) -> bool {
    value.scale() > most && value.normalize().scale() > most
}

fn checked(value: Option<Decimal>) -> Result<Decimal, TaxError> {
    value.ok_or(TaxError::TooLarge)
}

/// Each tax in order, and the sum of the included ones.
fn linear(quantity: Decimal, taxes: &[Tax]) -> Result<(Vec<Linear>, Linear), TaxError> {
    let mut each = Vec::with_capacity(taxes.len());
    let mut carried = Linear::ZERO;
    let mut included = Linear::ZERO;
    for tax in taxes {
        let this = match tax.kind {
            TaxKind::Percent(rate) => {
                if rate.abs() > RATE_MAX || more_places(rate, RATE_PLACES_MAX) {
                    return Err(TaxError::Rate { rate });
                }
                let part = rate * dec!(0.01);
                if tax.base_affected_by_previous {
                    let base = checked(Decimal::ONE.checked_add(carried.factor))?;
                    Linear {
                        factor: checked(part.checked_mul(base))?,
                        constant: checked(part.checked_mul(carried.constant))?,
                    }
                } else {
                    Linear {
                        factor: part,
                        constant: Decimal::ZERO,
                    }
                }
            }
            TaxKind::FixedPerUnit(amount) => {
                if amount.abs() > PRICE_MAX || more_places(amount, PRICE_PLACES_MAX) {
                    return Err(TaxError::Amount { amount });
                }
                Linear {
                    factor: Decimal::ZERO,
                    constant: checked(amount.checked_mul(quantity))?,
                }
            }
        };
        if tax.in_base_of_next {
            carried = carried.plus(this)?;
        }
        if tax.price_included {
            included = included.plus(this)?;
        }
        each.push(this);
    }
    Ok((each, included))
}

/// 1 + what is included, for each unit of value without tax.
fn divisor(included: Linear) -> Result<Decimal, TaxError> {
    let divisor = checked(Decimal::ONE.checked_add(included.factor))?;
    if divisor <= Decimal::ZERO {
        return Err(TaxError::NotInvertible);
    }
    Ok(divisor)
}

/// Takes `price` (after every discount, in major units) apart. Puts the exact
/// amount of each tax, in order, at the end of `amounts`.
pub(crate) fn exact_taxes(
    price: Decimal,
    quantity: Decimal,
    taxes: &[Tax],
    amounts: &mut Vec<Decimal>,
) -> Result<(), TaxError> {
    if taxes.is_empty() {
        return Ok(());
    }
    let (each, included) = linear(quantity, taxes)?;
    let divisor = divisor(included)?;
    let dividend = checked(price.checked_sub(included.constant))?;
    for tax in each {
        // Multiplied before divided: 2.30 at 15 % included is 0.3 and not
        // 0.29999…, which a rounding would see.
        let mut amount = checked(tax.factor.checked_mul(dividend))?;
        if divisor != Decimal::ONE {
            amount = checked(amount.checked_div(divisor))?;
        }
        amounts.push(checked(amount.checked_add(tax.constant))?);
    }
    Ok(())
}

/// The unit price that is worth the same without tax: a price that was set with
/// one set of taxes and is charged with another, for a customer who is exempt or
/// at another place. 1.21 with 21 % in it is 1.06 with 6 % in it, and 1.00 with no
/// tax or with a tax that is added.
///
/// Rounded half up to as many places as the price has, and at least to the
/// currency's: it is a price that is shown and multiplied, and a shelf shows whole
/// cents. Where the sets are the same the price is not touched.
///
/// Odoo's `_adapt_price_unit_to_another_taxes` gives the same where every tax of
/// the first set is in the price; where one is added it leaves the price alone,
/// and this does not.
///
/// # Errors
/// [`TaxError`].
pub fn rebased(
    unit_price: Decimal,
    priced_with: &[Tax],
    charged: &[Tax],
    currency: Currency,
) -> Result<Decimal, TaxError> {
    if priced_with == charged {
        return Ok(unit_price);
    }
    let (_, before) = linear(Decimal::ONE, priced_with)?;
    let (_, after) = linear(Decimal::ONE, charged)?;
    let untaxed = checked(unit_price.checked_sub(before.constant))?;
    let times = divisor(after)?;
    let price = checked(untaxed.checked_mul(times))?;
    let price = checked(price.checked_div(divisor(before)?))?;
    let price = checked(price.checked_add(after.constant))?;
    let places = unit_price.normalize().scale().max(currency.exponent());
    Ok(price.round_dp_with_strategy(places, HALF_UP))
}
