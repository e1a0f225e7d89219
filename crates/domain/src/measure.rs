//! What goods are measured in, and the price per measure that the law wants beside
//! the price of a packet.
//!
//! Article 2(b) of Directive 98/6/EC: the unit price is the final price, all taxes
//! in it, for one kilogram, litre, metre, square metre or cubic metre, or for
//! another single quantity that is customary for the goods, such as 100 g. Which
//! one is the country's: Germany allows 100 g for loose goods alone (§ 5 PAngV).
//! The Directive names no rounding; the Price Marking Order 2004 of the United
//! Kingdom does (article 13).

use std::fmt;

use rust_decimal::{Decimal, dec};
use serde::{Deserialize, Serialize};

use crate::money::{Currency, HALF_UP};

/// What a quantity counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Measure {
    /// Whole pieces.
    #[serde(rename = "each")]
    Each,
    /// Kilograms.
    #[serde(rename = "kg")]
    Kilogram,
    /// Grams.
    #[serde(rename = "g")]
    Gram,
    /// Litres.
    #[serde(rename = "l")]
    Litre,
    /// Centilitres.
    #[serde(rename = "cl")]
    Centilitre,
    /// Millilitres.
    #[serde(rename = "ml")]
    Millilitre,
    /// Metres.
    #[serde(rename = "m")]
    Metre,
    /// Centimetres.
    #[serde(rename = "cm")]
    Centimetre,
    /// Square metres.
    #[serde(rename = "m2")]
    SquareMetre,
    /// Cubic metres.
    #[serde(rename = "m3")]
    CubicMetre,
    /// Hours.
    #[serde(rename = "h")]
    Hour,
    /// Minutes.
    #[serde(rename = "min")]
    Minute,
}

impl Measure {
    /// The unit that the law compares by, and how much of it one of these is.
    const fn in_base(self) -> (Self, Decimal) {
        match self {
            Self::Each => (Self::Each, Decimal::ONE),
            Self::Kilogram => (Self::Kilogram, Decimal::ONE),
            Self::Gram => (Self::Kilogram, dec!(0.001)),
            Self::Litre => (Self::Litre, Decimal::ONE),
            Self::Centilitre => (Self::Litre, dec!(0.01)),
            Self::Millilitre => (Self::Litre, dec!(0.001)),
            Self::Metre => (Self::Metre, Decimal::ONE),
            Self::Centimetre => (Self::Metre, dec!(0.01)),
            Self::SquareMetre => (Self::SquareMetre, Decimal::ONE),
            Self::CubicMetre => (Self::CubicMetre, Decimal::ONE),
            Self::Hour => (Self::Hour, Decimal::ONE),
            // In sixtieths of an hour nothing would be exact: minutes stand alone.
            Self::Minute => (Self::Minute, Decimal::ONE),
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Each => "each",
            Self::Kilogram => "kg",
            Self::Gram => "g",
            Self::Litre => "l",
            Self::Centilitre => "cl",
            Self::Millilitre => "ml",
            Self::Metre => "m",
            Self::Centimetre => "cm",
            Self::SquareMetre => "m²",
            Self::CubicMetre => "m³",
            Self::Hour => "h",
            Self::Minute => "min",
        })
    }
}

/// So much of a measure: what is in a packet, or what a price is shown for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// How much.
    pub quantity: Decimal,
    /// Of what.
    pub unit: Measure,
}

impl Content {
    /// What a price is shown for where nothing else is customary: one kilogram for
    /// what is in grams.
    #[must_use]
    pub const fn usual(unit: Measure) -> Self {
        Self {
            quantity: Decimal::ONE,
            unit: unit.in_base().0,
        }
    }
}

/// "kg", "100 g".
impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.quantity == Decimal::ONE {
            write!(f, "{}", self.unit)
        } else {
            write!(f, "{} {}", self.quantity.normalize(), self.unit)
        }
    }
}

/// How many places a price per measure is shown with. It is always rounded half up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShownPlaces {
    /// The currency's.
    #[default]
    Currency,
    /// One more below one major unit: "where the unit price falls below £1 it shall
    /// be expressed to the nearest 0.1p", Price Marking Order 2004, article 13.
    TenthBelowOne,
}

/// Why there is no price per measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MeasureError {
    /// Kilograms into litres.
    #[error("{from} cannot be told in {to}")]
    OtherKind {
        /// What the packet holds.
        from: Measure,
        /// What the price is wanted for.
        to: Measure,
    },
    /// Nothing, less, more than 10,000,000, or more than six places.
    #[error("a content of {quantity} is absurd")]
    Quantity {
        /// What was asked.
        quantity: Decimal,
    },
    /// Larger than numbers go.
    #[error("the price per measure is larger than a till computes")]
    TooLarge,
}

/// The price of `per`, for a packet that holds `content` and costs `price` (major
/// units, as it is marked). 250 g for 1.99 are 7.96 a kilogram and 0.80 a 100 g.
///
/// # Errors
/// [`MeasureError`].
pub fn price_per(
    price: Decimal,
    content: Content,
    per: Content,
    currency: Currency,
    places: ShownPlaces,
) -> Result<Decimal, MeasureError> {
    let (base, in_base) = content.unit.in_base();
    let (per_base, per_in_base) = per.unit.in_base();
    if base != per_base {
        return Err(MeasureError::OtherKind {
            from: content.unit,
            to: per.unit,
        });
    }
    for quantity in [content.quantity, per.quantity] {
        let absurd = quantity <= Decimal::ZERO || quantity > dec!(10_000_000);
        if absurd || crate::tax::more_places(quantity, 6) {
            return Err(MeasureError::Quantity { quantity });
        }
    }
    // Multiplied before divided, so that what is exact stays it.
    let exact = price
        .checked_mul(per.quantity * per_in_base)
        .and_then(|p| p.checked_div(content.quantity * in_base))
        .ok_or(MeasureError::TooLarge)?;
    let exponent = currency.exponent();
    let places = match places {
        ShownPlaces::TenthBelowOne if exact < Decimal::ONE => exponent.saturating_add(1),
        ShownPlaces::TenthBelowOne | ShownPlaces::Currency => exponent,
    };
    let mut shown = exact.round_dp_with_strategy(places, HALF_UP);
    // "8.00" and not "8": it is shown as it is.
    shown.rescale(places);
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_has_a_price_per_measure() {
        use Measure::{Centilitre, Each, Gram, Kilogram, Litre, Metre, Millilitre};
        let of = |quantity, unit| Content { quantity, unit };
        // price, content, per, below-one rule, expected
        let rows = [
            (dec!(1.99), of(dec!(250), Gram), None, "7.96 a kg"),
            (
                dec!(1.99),
                of(dec!(250), Gram),
                Some(of(dec!(100), Gram)),
                "0.80 a 100 g",
            ),
            (dec!(0.89), of(dec!(0.75), Litre), None, "1.19 a l"),
            (dec!(2.49), of(dec!(33), Centilitre), None, "7.55 a l"),
            (
                dec!(1.00),
                of(dec!(1), Litre),
                Some(of(dec!(100), Millilitre)),
                "0.10 a 100 ml",
            ),
            (dec!(12), of(dec!(2.5), Metre), None, "4.80 a m"),
            (dec!(3.20), of(dec!(6), Each), None, "0.53 a each"),
            (dec!(4), of(dec!(0.5), Kilogram), None, "8.00 a kg"),
        ];
        for (price, content, per, expected) in rows {
            let per = per.unwrap_or(Content::usual(content.unit));
            let got = price_per(price, content, per, Currency::EUR, ShownPlaces::Currency).unwrap();
            assert_eq!(format!("{got} a {per}"), expected, "{price} for {content}");
        }
    }

    #[test]
    fn a_price_below_one_pound_is_shown_to_a_tenth_of_a_penny() {
        let gbp: Currency = "GBP".parse().unwrap();
        let grams = |quantity| Content {
            quantity,
            unit: Measure::Gram,
        };
        for (price, content, expected) in [
            (dec!(1.25), dec!(400), "0.313"),
            (dec!(3.999), dec!(400), "1.00"),
            (dec!(4.01), dec!(400), "1.00"),
            (dec!(0.65), dec!(130), "0.500"),
        ] {
            let got = price_per(
                price,
                grams(content),
                grams(dec!(100)),
                gbp,
                ShownPlaces::TenthBelowOne,
            );
            // 0.99975 is below £1 and rounds to it: 1.000.
            let got = got.unwrap().to_string();
            assert_eq!(
                got.trim_end_matches('0'),
                expected.trim_end_matches('0'),
                "{price} for {content} g"
            );
        }
    }

    #[test]
    fn what_has_no_price_per_measure_is_refused_by_name() {
        let of = |quantity, unit| Content { quantity, unit };
        for (content, per, says) in [
            (
                of(dec!(1), Measure::Litre),
                of(dec!(1), Measure::Kilogram),
                "l cannot be told in kg",
            ),
            (
                of(dec!(0), Measure::Gram),
                of(dec!(1), Measure::Kilogram),
                "a content of 0 is absurd",
            ),
            (
                of(dec!(1), Measure::Gram),
                of(dec!(-1), Measure::Kilogram),
                "a content of -1 is absurd",
            ),
        ] {
            let got = price_per(dec!(1), content, per, Currency::EUR, ShownPlaces::Currency);
            assert_eq!(got.unwrap_err().to_string(), says);
        }
        let most = price_per(
            Decimal::MAX,
            of(dec!(0.000001), Measure::Millilitre),
            of(dec!(1), Measure::Litre),
            Currency::EUR,
            ShownPlaces::Currency,
        );
        assert_eq!(most, Err(MeasureError::TooLarge));
    }
}
