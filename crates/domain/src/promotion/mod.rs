//! Promotions: what a shop may offer, and what a basket gets of it.
//!
//! Invariants:
//! - a unit of a line is used by at most one promotion; a price changed by hand
//!   and a deposit take part in none;
//! - where promotions compete, the customer gets the combination that takes off
//!   most: see [`PromotionBook::apply`] for how far that is exact;
//! - no promotion raises a price or takes it below zero;
//! - the order of the lines, and how a quantity is split over lines, change no
//!   total; a return line gets the mirror of what a sale gets;
//! - the cost grows with the promotions that touch the basket, not with the book.
//!
//! A promotion works on the price of one unit: a piece, or the whole of a weighed
//! line. A percentage of it is rounded half up to the places that price has, as
//! the price on a shelf would be. What a set takes off is spread over its units in
//! proportion to their prices, by largest remainder, so that a returned unit is
//! worth what was paid for it.

mod best;
mod book;

use std::fmt;

use jiff::civil::{Date, DateTime, Time, Weekday};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::money::{Currency, Money, MoneyError};
use crate::quote::Promoted;
pub use book::{Item, PromotionBook, Shopper};

/// Version of the form in which promotions are written to files and stored.
pub const VERSION: u32 = 1;

/// More pieces than any set of a promotion has.
pub const COUNT_MAX: u32 = 100;
/// Longest id, name, code, group or name of goods, in characters.
const TEXT_MAX: usize = 80;
/// More than any sum in a promotion.
const SUM_MAX: Decimal = Decimal::from_parts(100_000_000, 0, 0, false, 0);

/// An offer of the shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promotion {
    /// Names it in the journal; stays when the name changes.
    pub id: String,
    /// What the customer reads on the line and the receipt.
    pub name: String,
    /// What it takes off.
    pub kind: Kind,
    /// What it applies to; empty for [`Kind::Sets`], whose sets name their own.
    #[serde(default, skip_serializing_if = "Goods::is_empty")]
    pub goods: Goods,
    /// When it counts: by the moment the sale was begun, in the shop's zone.
    #[serde(default, skip_serializing_if = "When::is_always")]
    pub when: When,
    /// For customers of any of these groups; empty is for everybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Given for this code alone. Upper and lower case are the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon: Option<String>,
    /// At most so often in one sale: sets of a promotion with sets, units of
    /// [`Kind::Each`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// What a promotion takes off. Sums are in major units of the shop's currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Kind {
    /// Off each unit.
    Each(Off),
    /// Of every `buy + get` pieces the `get` cheapest cost `percent_off` less:
    /// 2 and 1 is "3 for 2", 1 and 1 at 50 is "the second at half price".
    BuyGet {
        /// At full price.
        buy: u32,
        /// At the lower price.
        get: u32,
        /// Per cent off those; 100 is free.
        #[serde(default = "free", with = "number")]
        percent_off: Decimal,
    },
    /// Any `count` pieces for a sum.
    Bundle {
        /// How many.
        count: u32,
        /// What they cost together.
        #[serde(with = "number")]
        sum: Decimal,
    },
    /// So many pieces from each of several sets, for a sum together or with a
    /// percentage off what some of the sets give.
    Sets {
        /// Two or more.
        sets: Vec<Set>,
        /// What they cost together; absent where the sets say what is off.
        #[serde(
            default,
            with = "number::optional",
            skip_serializing_if = "Option::is_none"
        )]
        sum: Option<Decimal>,
    },
    /// Off each unit, by how many pieces or kilograms are bought together.
    Breaks(Vec<Break>),
    /// Off the goods together, once they come to `at_least`. It counts what no
    /// other promotion of the sale used.
    Spend {
        /// What the goods come to before any discount.
        #[serde(with = "number")]
        at_least: Decimal,
        /// A percentage or an amount.
        off: Off,
    },
}

/// How a price is lowered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Off {
    /// So many per cent less.
    PercentOff(#[serde(with = "number")] Decimal),
    /// So much less; for one piece or kilogram.
    AmountOff(#[serde(with = "number")] Decimal),
    /// This instead; for one piece or kilogram. A lower price stays.
    Price(#[serde(with = "number")] Decimal),
}

/// A set of [`Kind::Sets`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// What is in it.
    pub goods: Goods,
    /// How many pieces from it.
    #[serde(default = "one")]
    pub count: u32,
    /// Per cent off these pieces.
    #[serde(
        default,
        with = "number::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub percent_off: Option<Decimal>,
}

/// A step of [`Kind::Breaks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Break {
    /// From so many pieces or kilograms.
    #[serde(with = "number")]
    pub from: Decimal,
    /// What is off each.
    pub off: Off,
}

/// What a promotion applies to: anything that is named, less the exceptions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Goods {
    /// Everything the shop sells.
    #[serde(skip_serializing_if = "is_false")]
    pub all: bool,
    /// Products by id or short code.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub products: Vec<String>,
    /// Categories by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// Not these products.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub except_products: Vec<String>,
    /// Not these categories.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub except_categories: Vec<String>,
}

impl Goods {
    /// Nothing is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        self.products
            .iter()
            .chain(&self.categories)
            .chain(&self.except_products)
            .chain(&self.except_categories)
    }
}

/// When a promotion counts, in the shop's local time. What is left out does not
/// restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// First day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// Last day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// Days of the week; empty is every day.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<Day>,
    /// Times of the day; empty is all day.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<Hours>,
}

/// A time of the day. One that ends before it begins goes past midnight and
/// belongs to the day on which it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// From this minute on.
    pub from: Time,
    /// Up to this minute, which is no longer in it.
    pub until: Time,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "days are days")]
pub enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Day {
    const fn of(day: Weekday) -> Self {
        match day {
            Weekday::Monday => Self::Monday,
            Weekday::Tuesday => Self::Tuesday,
            Weekday::Wednesday => Self::Wednesday,
            Weekday::Thursday => Self::Thursday,
            Weekday::Friday => Self::Friday,
            Weekday::Saturday => Self::Saturday,
            Weekday::Sunday => Self::Sunday,
        }
    }
}

impl When {
    /// No restriction.
    #[must_use]
    pub fn is_always(&self) -> bool {
        *self == Self::default()
    }

    fn day_counts(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day)
            && self.until.is_none_or(|until| day <= until)
            && (self.weekdays.is_empty() || self.weekdays.contains(&Day::of(day.weekday())))
    }

    /// True at `at`, a moment of the shop's local time.
    #[must_use]
    pub fn counts_at(&self, at: DateTime) -> bool {
        let (day, time) = (at.date(), at.time());
        if self.hours.is_empty() {
            return self.day_counts(day);
        }
        self.hours.iter().any(|hours| {
            if hours.from < hours.until {
                hours.from <= time && time < hours.until && self.day_counts(day)
            } else if time >= hours.from {
                self.day_counts(day)
            } else {
                // After midnight: yesterday's.
                time < hours.until && day.yesterday().is_ok_and(|d| self.day_counts(d))
            }
        })
    }
}

/// What is wrong with a promotion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each says itself")]
pub enum Fault {
    #[error("`{field}` is empty")]
    Empty { field: &'static str },
    #[error("`{field}` is longer than {TEXT_MAX} characters or holds a control character")]
    Text { field: &'static str },
    #[error("`{field}`: {percent} % is not above 0 and up to 100")]
    Percent {
        field: &'static str,
        percent: Decimal,
    },
    #[error("`{field}`: {sum} is below zero, absurd or has more than six places")]
    Sum { field: &'static str, sum: Decimal },
    #[error("`{field}`: {count} is not from 1 to {COUNT_MAX}")]
    Count { field: &'static str, count: u32 },
    #[error("it names no goods")]
    NoGoods,
    #[error("its sets name their own goods, so `goods` says nothing")]
    GoodsBesideSets,
    #[error("it has fewer than two sets")]
    TooFewSets,
    #[error("its sets have either a `sum` together or a `percent_off` of their own")]
    SumOrPercent,
    #[error("its breaks do not rise, or a larger quantity gets less off")]
    Breaks,
    #[error("a promotion on spending takes a percentage or an amount off, it sets no price")]
    SpendPrice,
    #[error("a `limit` says nothing here")]
    Limit,
    #[error("it ends before it begins")]
    Dates,
    #[error("a time of the day is as long as nothing")]
    Hours,
}

/// Why there is no book.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromotionError {
    /// A promotion that cannot be.
    #[error("promotion {id:?}: {fault}")]
    Faulty {
        /// Which.
        id: String,
        /// Why.
        fault: Fault,
    },
    /// Two promotions of one id.
    #[error("two promotions have the id {id:?}")]
    Twice {
        /// Which.
        id: String,
    },
}

/// What promotions took off a line, with the sign of its gross.
///
/// # Errors
/// As [`Money::checked_add`].
pub fn taken_off(promotions: &[Promoted], currency: Currency) -> Result<Money, MoneyError> {
    Money::sum(promotions.iter().map(|p| p.amount), currency)
}

fn text(field: &'static str, text: &str) -> Result<(), Fault> {
    if text.trim().is_empty() {
        return Err(Fault::Empty { field });
    }
    if text.chars().count() > TEXT_MAX || text.chars().any(char::is_control) {
        return Err(Fault::Text { field });
    }
    Ok(())
}

fn percent(field: &'static str, percent: Decimal) -> Result<(), Fault> {
    let possible = percent > Decimal::ZERO
        && percent <= Decimal::ONE_HUNDRED
        && percent.normalize().scale() <= 4;
    possible
        .then_some(())
        .ok_or(Fault::Percent { field, percent })
}

fn sum(field: &'static str, sum: Decimal) -> Result<(), Fault> {
    let possible = sum >= Decimal::ZERO && sum <= SUM_MAX && sum.normalize().scale() <= 6;
    possible.then_some(()).ok_or(Fault::Sum { field, sum })
}

fn more_than_nothing(field: &'static str, value: Decimal) -> Result<(), Fault> {
    sum(field, value)?;
    if value.is_zero() {
        return Err(Fault::Sum { field, sum: value });
    }
    Ok(())
}

fn count(field: &'static str, count: u32) -> Result<(), Fault> {
    if (1..=COUNT_MAX).contains(&count) {
        Ok(())
    } else {
        Err(Fault::Count { field, count })
    }
}

impl Goods {
    fn check(&self) -> Result<(), Fault> {
        if !self.all && self.products.is_empty() && self.categories.is_empty() {
            return Err(Fault::NoGoods);
        }
        self.names().try_for_each(|name| text("goods", name))
    }
}

impl Off {
    fn check(self) -> Result<(), Fault> {
        match self {
            Self::PercentOff(p) => percent("percent_off", p),
            Self::AmountOff(a) => more_than_nothing("amount_off", a),
            Self::Price(p) => sum("price", p),
        }
    }

    /// As much off as `other`, or more. Two ways of lowering a price cannot be
    /// compared.
    fn is_no_less_than(self, other: Self) -> bool {
        match (self, other) {
            (Self::PercentOff(a), Self::PercentOff(b))
            | (Self::AmountOff(a), Self::AmountOff(b))
            | (Self::Price(b), Self::Price(a)) => a >= b,
            (Self::PercentOff(_) | Self::AmountOff(_) | Self::Price(_), _) => false,
        }
    }
}

impl Promotion {
    /// Looks for what cannot be. Goods and groups that nobody knows are fine.
    ///
    /// # Errors
    /// The first [`Fault`] found.
    pub fn check(&self) -> Result<(), Fault> {
        text("id", &self.id)?;
        text("name", &self.name)?;
        if let Some(code) = &self.coupon {
            text("coupon", code)?;
        }
        self.groups.iter().try_for_each(|g| text("groups", g))?;
        if self.limit == Some(0) {
            return Err(Fault::Count {
                field: "limit",
                count: 0,
            });
        }
        match &self.kind {
            Kind::Sets { .. } if !self.goods.is_empty() => return Err(Fault::GoodsBesideSets),
            Kind::Sets { .. } => {}
            Kind::Each(_)
            | Kind::BuyGet { .. }
            | Kind::Bundle { .. }
            | Kind::Breaks(_)
            | Kind::Spend { .. } => self.goods.check()?,
        }
        self.check_kind()?;
        let When {
            from, until, hours, ..
        } = &self.when;
        if from.zip(*until).is_some_and(|(from, until)| until < from) {
            return Err(Fault::Dates);
        }
        if hours.iter().any(|h| h.from == h.until) {
            return Err(Fault::Hours);
        }
        Ok(())
    }

    fn check_kind(&self) -> Result<(), Fault> {
        match &self.kind {
            Kind::Each(off) => off.check(),
            Kind::BuyGet {
                buy,
                get,
                percent_off,
            } => {
                count("buy", *buy)?;
                count("get", *get)?;
                percent("percent_off", *percent_off)
            }
            Kind::Bundle { count: n, sum: s } => {
                count("count", *n)?;
                sum("sum", *s)
            }
            Kind::Sets { sets, sum: s } => {
                if sets.len() < 2 {
                    return Err(Fault::TooFewSets);
                }
                for set in sets {
                    set.goods.check()?;
                    count("count", set.count)?;
                    if let Some(p) = set.percent_off {
                        percent("percent_off", p)?;
                    }
                }
                let all = sets.iter().map(|s| s.count).fold(0, u32::saturating_add);
                count("count", all)?;
                if s.is_some() == sets.iter().any(|s| s.percent_off.is_some()) {
                    return Err(Fault::SumOrPercent);
                }
                s.map_or(Ok(()), |s| sum("sum", s))
            }
            Kind::Breaks(breaks) => {
                if self.limit.is_some() {
                    return Err(Fault::Limit);
                }
                let Some((first, _)) = breaks.split_first() else {
                    return Err(Fault::Breaks);
                };
                for step in breaks {
                    more_than_nothing("from", step.from)?;
                    step.off.check()?;
                }
                let rises = breaks.windows(2).all(|pair| {
                    matches!(pair, [a, b] if a.from < b.from && b.off.is_no_less_than(a.off))
                });
                if !rises || first.from.normalize().scale() > 3 {
                    return Err(Fault::Breaks);
                }
                Ok(())
            }
            Kind::Spend { at_least, off } => {
                if self.limit.is_some() {
                    return Err(Fault::Limit);
                }
                more_than_nothing("at_least", *at_least)?;
                off.check()?;
                if matches!(off, Off::Price(_)) {
                    return Err(Fault::SpendPrice);
                }
                Ok(())
            }
        }
    }

    /// Why it takes something off, as a cashier would say it.
    #[must_use]
    pub fn reason(&self) -> String {
        let said = match &self.kind {
            Kind::Each(off) => format!("each {off}"),
            Kind::BuyGet {
                buy,
                get,
                percent_off,
            } => {
                let all = buy.saturating_add(*get);
                let which = match (get, all) {
                    (1, 2) => "the cheaper one".to_owned(),
                    (1, _) => "the cheapest".to_owned(),
                    (n, _) => format!("the {n} cheapest"),
                };
                let verb = if *get == 1 { "is" } else { "are" };
                if *percent_off == Decimal::ONE_HUNDRED {
                    format!("of every {all}, {which} {verb} free")
                } else {
                    let percent = percent_off.normalize();
                    format!("of every {all}, {which} {verb} {percent} % less")
                }
            }
            Kind::Bundle { count, sum } => format!("any {count} for {sum}"),
            Kind::Sets { sets, sum } => {
                let counts: Vec<String> = sets
                    .iter()
                    .map(|set| match set.percent_off {
                        Some(p) => format!("{} at {} % less", set.count, p.normalize()),
                        None => set.count.to_string(),
                    })
                    .collect();
                let together = sum.map_or_else(String::new, |s| format!(" for {s}"));
                format!("{} of different sets{together}", counts.join(" and "))
            }
            Kind::Breaks(breaks) => breaks
                .iter()
                .map(|step| format!("from {}, each {}", step.from.normalize(), step.off))
                .collect::<Vec<_>>()
                .join("; "),
            Kind::Spend { at_least, off } => format!("for {at_least} or more, {off}"),
        };
        format!("{}: {said}", self.name)
    }
}

impl fmt::Display for Off {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PercentOff(p) => write!(f, "{} % less", p.normalize()),
            Self::AmountOff(a) => write!(f, "{a} less"),
            Self::Price(p) => write!(f, "for {p}"),
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

const fn free() -> Decimal {
    Decimal::ONE_HUNDRED
}

const fn one() -> u32 {
    1
}

/// A decimal as text, `"2.50"`, or as a whole number. No fraction is read from a
/// binary number.
mod number {
    use std::fmt;

    use rust_decimal::Decimal;
    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    use crate::money::decimal;

    pub(super) fn serialize<S: Serializer>(value: &Decimal, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Decimal, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Decimal;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal in quotes, such as \"2.50\"")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Decimal, E> {
                decimal(text).map_err(E::custom)
            }
            fn visit_i64<E: Error>(self, whole: i64) -> Result<Decimal, E> {
                Ok(whole.into())
            }
            fn visit_u64<E: Error>(self, whole: u64) -> Result<Decimal, E> {
                Ok(whole.into())
            }
        }
        from.deserialize_any(Number)
    }

    pub(super) mod optional {
        use super::{Decimal, Deserializer, Serializer};

        #[allow(clippy::ref_option, reason = "serde gives a reference")]
        pub(in super::super) fn serialize<S: Serializer>(
            value: &Option<Decimal>,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            match value {
                Some(value) => super::serialize(value, to),
                None => to.serialize_none(),
            }
        }

        pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<Decimal>, D::Error> {
            super::deserialize(from).map(Some)
        }
    }
}
