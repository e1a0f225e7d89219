//! Amounts of money.
//!
//! Invariants:
//! - an amount is a whole number of minor units of one currency;
//! - sums never mix currencies and never wrap;
//! - [`Money::rounded`] is the only place where a fraction becomes an amount,
//!   and it is told how.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
pub use rust_decimal::RoundingStrategy;
use serde::{Deserialize, Serialize};

/// Halves go away from zero: what a shop, and most tax offices, call "commercial"
/// rounding. The same for a sale and for its refund.
pub const HALF_UP: RoundingStrategy = RoundingStrategy::MidpointAwayFromZero;

/// Which way a fraction goes. Every mode is the same on both sides of zero, so
/// that a refund rounds as its sale did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoundingMode {
    /// To the nearest; a tie away from zero.
    #[default]
    HalfUp,
    /// To the nearest; a tie towards zero.
    HalfDown,
    /// To the nearest; a tie to the even one.
    HalfEven,
    /// Away from zero.
    Up,
    /// Towards zero.
    Down,
}

impl RoundingMode {
    /// As [`Money::rounded`] takes it.
    #[must_use]
    pub const fn strategy(self) -> RoundingStrategy {
        match self {
            Self::HalfUp => RoundingStrategy::MidpointAwayFromZero,
            Self::HalfDown => RoundingStrategy::MidpointTowardZero,
            Self::HalfEven => RoundingStrategy::MidpointNearestEven,
            Self::Up => RoundingStrategy::AwayFromZero,
            Self::Down => RoundingStrategy::ToZero,
        }
    }
}

/// Larger than any amount a till meets; refused as absurd. In minor units.
pub const AMOUNT_MAX_MINOR: i64 = 99_999_999_999;

/// An ISO 4217 currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The euro.
    pub const EUR: Self = Self(iso_currency::Currency::EUR);

    /// The ISO 4217 code, such as `EUR`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// The currency with this numeric code of ISO 4217: 978 for EUR.
    #[must_use]
    pub fn from_numeric(code: u16) -> Option<Self> {
        iso_currency::Currency::from_numeric(code)
            .filter(|c| c.exponent().is_some())
            .map(Self)
    }

    /// Decimal places of the currency by ISO 4217: 2 for EUR, 0 for JPY, 3 for BHD.
    #[must_use]
    pub fn exponent(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }

    /// The sign printed before an amount, such as `€`.
    #[must_use]
    pub fn symbol(self) -> String {
        self.0.symbol().symbol
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = MoneyError;
    fn from_str(code: &str) -> Result<Self, MoneyError> {
        iso_currency::Currency::from_code(code)
            .filter(|c| c.exponent().is_some())
            .map(Self)
            .ok_or(MoneyError::UnknownCurrency)
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let code = std::borrow::Cow::<'de, str>::deserialize(d)?;
        code.parse().map_err(serde::de::Error::custom)
    }
}

/// Why an amount could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a code of ISO 4217 with minor units.
    #[error("not a currency of ISO 4217")]
    UnknownCurrency,
    /// Two currencies in one sum.
    #[error("amounts of {left} and {right} cannot be added")]
    CurrencyMismatch {
        /// The first.
        left: Currency,
        /// The second.
        right: Currency,
    },
    /// Larger than [`AMOUNT_MAX_MINOR`].
    #[error("amount is larger than a till takes")]
    TooLarge,
    /// More decimal places than the currency has.
    #[error("{places} decimal places where {currency} has {exponent}", exponent = currency.exponent())]
    TooManyPlaces {
        /// Places found.
        places: u32,
        /// The currency.
        currency: Currency,
    },
    /// Not a decimal number.
    #[error("not a decimal number")]
    NotANumber,
}

/// A whole number of minor units of one currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// So many minor units.
    #[must_use]
    pub const fn from_minor(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// Minor units.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Neither more nor less than nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// More than nothing.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.minor > 0
    }

    /// Less than nothing.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.minor < 0
    }

    /// In major units, exact.
    #[must_use]
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.minor, self.currency.exponent())
    }

    /// Reads `"15.70"`; refuses more places than the currency has.
    ///
    /// # Errors
    /// [`MoneyError::NotANumber`], [`MoneyError::TooManyPlaces`], [`MoneyError::TooLarge`].
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let value = decimal(text)?;
        let places = value.normalize().scale();
        if places > currency.exponent() {
            return Err(MoneyError::TooManyPlaces { places, currency });
        }
        Self::rounded(value, currency, RoundingStrategy::ToZero)
    }

    /// Brings a fraction of major units to whole minor units: the one rounding
    /// in the till. The caller names the rule.
    ///
    /// # Errors
    /// [`MoneyError::TooLarge`].
    pub fn rounded(
        major: Decimal,
        currency: Currency,
        strategy: RoundingStrategy,
    ) -> Result<Self, MoneyError> {
        let exponent = currency.exponent();
        let mut rounded = major.round_dp_with_strategy(exponent, strategy);
        rounded.rescale(exponent);
        let minor = i64::try_from(rounded.mantissa())
            .ok()
            // A number too large for its places is left with fewer of them.
            .filter(|m| {
                let small = m.unsigned_abs() <= AMOUNT_MAX_MINOR.unsigned_abs();
                small && rounded.scale() == exponent
            })
            .ok_or(MoneyError::TooLarge)?;
        Ok(Self { minor, currency })
    }

    /// The sum.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::TooLarge`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch {
                left: self.currency,
                right: other.currency,
            });
        }
        let minor = self
            .minor
            .checked_add(other.minor)
            .ok_or(MoneyError::TooLarge)?;
        Ok(Self { minor, ..self })
    }

    /// The difference.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::TooLarge`].
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.checked_add(other.negated())
    }

    /// The same amount the other way.
    #[must_use]
    pub const fn negated(self) -> Self {
        // i64::MIN cannot be reached: `rounded` caps, sums are checked.
        Self {
            minor: self.minor.saturating_neg(),
            ..self
        }
    }

    /// Without its sign.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self {
            minor: self.minor.saturating_abs(),
            ..self
        }
    }

    /// As it is told to a person: "€1,234.50", "−€1.29".
    #[must_use]
    pub fn spoken(self) -> String {
        let digits = self.abs().to_string();
        let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
        let mut grouped = String::new();
        for (i, digit) in whole.chars().enumerate() {
            if i > 0 && (whole.len() - i).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        let sign = if self.is_negative() { "−" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        let symbol = self.currency.symbol();
        format!("{sign}{symbol}{grouped}{point}{fraction}")
    }

    /// The smaller of two amounts of one currency.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        if other.minor < self.minor {
            other
        } else {
            self
        }
    }

    /// Adds up; nothing is zero of `currency`.
    ///
    /// # Errors
    /// As [`Money::checked_add`].
    pub fn sum(
        amounts: impl IntoIterator<Item = Self>,
        currency: Currency,
    ) -> Result<Self, MoneyError> {
        amounts
            .into_iter()
            .try_fold(Self::zero(currency), Self::checked_add)
    }
}

/// Reads a decimal number as people write it: digits, one point, a sign. The
/// library's own parser takes underscores too, and `1_0` is no sum of money.
///
/// # Errors
/// [`MoneyError::NotANumber`].
pub fn decimal(text: &str) -> Result<Decimal, MoneyError> {
    if text
        .bytes()
        .any(|b| !matches!(b, b'0'..=b'9' | b'.' | b'-' | b'+'))
    {
        return Err(MoneyError::NotANumber);
    }
    Decimal::from_str_exact(text).map_err(|_| MoneyError::NotANumber)
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_decimal(), f)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal(), self.currency)
    }
}

/// Splits `total` over `exact` shares: each is rounded towards zero, and the minor
/// units that are left go to the largest remainders; of equal remainders to the
/// larger share, then to the earlier one. The parts add up to `total`, each within
/// a minor unit of its share where the shares add up to `total` but for rounding.
/// The mirror of the shares is spread into the mirror of the parts.
///
/// # Errors
/// [`MoneyError::TooLarge`].
pub fn spread(total: Money, exact: &[Decimal]) -> Result<Vec<Money>, MoneyError> {
    spread_by(total, exact, |_, _| Ordering::Equal)
}

/// As [`spread`]; `tie` orders the positions of shares that are the same, before
/// their position does. So the order in which lines were rung up need not matter.
pub(crate) fn spread_by(
    total: Money,
    exact: &[Decimal],
    tie: impl Fn(usize, usize) -> Ordering,
) -> Result<Vec<Money>, MoneyError> {
    let currency = total.currency();
    let mut parts = exact
        .iter()
        .map(|share| Money::rounded(*share, currency, RoundingStrategy::ToZero))
        .collect::<Result<Vec<_>, _>>()?;
    let placed = Money::sum(parts.iter().copied(), currency)?;
    let left = total.checked_sub(placed)?.minor();
    let Ok(count) = i64::try_from(parts.len()) else {
        return Err(MoneyError::TooLarge);
    };
    if left == 0 || count == 0 {
        return Ok(parts);
    }
    // Nothing, unless the shares were not those of the total.
    let all = left / count;
    if all != 0 {
        for part in &mut parts {
            *part = part.checked_add(Money::from_minor(all, currency))?;
        }
    }
    let few = usize::try_from((left % count).abs()).unwrap_or(0);
    if few == 0 {
        return Ok(parts);
    }
    // The remainder towards `left`, the share, the position.
    let towards = Decimal::from(left.signum());
    let mut order: Vec<(Decimal, Decimal, usize)> = exact
        .iter()
        .enumerate()
        .map(|(at, share)| {
            let places = currency.exponent();
            let whole = share.round_dp_with_strategy(places, RoundingStrategy::ToZero);
            ((share - whole) * towards, share * towards, at)
        })
        .collect();
    let first = |a: &(Decimal, Decimal, usize), b: &(Decimal, Decimal, usize)| {
        b.0.cmp(&a.0)
            .then(b.1.cmp(&a.1))
            .then_with(|| tie(a.2, b.2))
            .then(a.2.cmp(&b.2))
    };
    if few < order.len() {
        order.select_nth_unstable_by(few, first);
    }
    for (_, _, at) in order.iter().take(few) {
        if let Some(part) = parts.get_mut(*at) {
            *part = part.checked_add(Money::from_minor(left.signum(), currency))?;
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_decimal::dec;

    fn eur(minor: i64) -> Money {
        Money::from_minor(minor, Currency::EUR)
    }

    #[test]
    fn text_becomes_minor_units_or_is_refused_by_name() {
        for (text, expected) in [
            ("15.70", Ok(eur(1570))),
            ("15.7", Ok(eur(1570))),
            ("-0.01", Ok(eur(-1))),
            ("15.700", Ok(eur(1570))),
            ("15.705", Err("3 decimal places where EUR has 2")),
            ("1e3", Err("not a decimal number")),
            ("NaN", Err("not a decimal number")),
            ("1_0", Err("not a decimal number")),
            ("", Err("not a decimal number")),
            ("1,50", Err("not a decimal number")),
            (
                "99999999999999999999",
                Err("amount is larger than a till takes"),
            ),
            // The least number there is: it has no other sign.
            (
                "-92233720368547758.08",
                Err("amount is larger than a till takes"),
            ),
        ] {
            let got = Money::parse(text, Currency::EUR).map_err(|e| e.to_string());
            assert_eq!(got, expected.map_err(str::to_owned), "{text}");
        }
    }

    #[test]
    fn spreading_adds_up_and_prefers_large_remainders() {
        for (total, exact, expected) in [
            (
                200,
                vec![dec!(0.666), dec!(0.667), dec!(0.667)],
                vec![66, 67, 67],
            ),
            (
                100,
                vec![dec!(0.3334), dec!(0.3333), dec!(0.3333)],
                vec![34, 33, 33],
            ),
            (-100, vec![dec!(-0.5), dec!(-0.5)], vec![-50, -50]),
            (1, vec![dec!(0.005), dec!(0.005)], vec![1, 0]),
            (-1, vec![dec!(-0.005), dec!(-0.005)], vec![-1, 0]),
            // Of equal remainders the larger share.
            (2, vec![dec!(0.005), dec!(0.015)], vec![0, 2]),
            // A sale and a return in one: both sides of zero are the same.
            (
                0,
                vec![dec!(0.006), dec!(0.006), dec!(-0.012)],
                vec![1, 0, -1],
            ),
            (
                0,
                vec![dec!(-0.006), dec!(-0.006), dec!(0.012)],
                vec![-1, 0, 1],
            ),
            (1, vec![dec!(0.016), dec!(-0.012)], vec![2, -1]),
            (-1, vec![dec!(-0.016), dec!(0.012)], vec![-2, 1]),
            // Shares that are not those of the total still give parts that are.
            (100, vec![dec!(0), dec!(0), dec!(0)], vec![34, 33, 33]),
            (0, vec![], vec![]),
        ] {
            let parts = spread(eur(total), &exact).unwrap();
            let minor: Vec<i64> = parts.iter().map(|p| p.minor()).collect();
            assert_eq!(minor, expected, "{total} over {exact:?}");
        }
    }

    #[test]
    fn currencies_do_not_mix() {
        let jpy: Currency = "JPY".parse().unwrap();
        assert!(eur(1).checked_add(Money::from_minor(1, jpy)).is_err());
        assert_eq!(Money::parse("120", jpy).unwrap().minor(), 120);
        assert!(Money::parse("1.5", jpy).is_err());
        assert_eq!("XXX".parse::<Currency>(), Err(MoneyError::UnknownCurrency));
    }
}
