//! The shop's promotions, ready to be asked what a basket gets.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::civil::DateTime;
use rust_decimal::Decimal;

use super::best::{self, Class, Deal, Grant, Member, Outside, Shape};
use super::{Goods, Kind, Off, Promotion, PromotionError};
use crate::money::{Currency, HALF_UP, Money, MoneyError, spread};
use crate::quote::{Promoted, QUANTITY_MAX, QuoteError};

/// Places beyond the currency's own in which prices are compared.
const MORE_PLACES: u32 = 6;
/// Parts of a minor unit that are counted.
const MINOR: i128 = 1_000_000;
/// Promotions on spending that are each tried before all others; see
/// [`PromotionBook::apply`].
const SPEND_MAX: usize = 4;

/// A line of a basket, as promotions see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    /// The product's id; empty where there is none.
    pub product: &'a str,
    /// The product's short code; empty where there is none.
    pub sku: &'a str,
    /// The product's category; empty where there is none.
    pub category: &'a str,
    /// Major units for one piece or kilogram; may have more places than the
    /// currency.
    pub unit_price: Decimal,
    /// How much; below zero on a return line.
    pub quantity: Decimal,
    /// Sold by the piece. Anything else, and a quantity that is not whole, is one
    /// unit that is not divided: it takes part in no set.
    pub pieces: bool,
    /// False for a price changed by hand and for a deposit.
    pub takes_part: bool,
}

/// Who buys, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shopper<'a> {
    /// The moment that counts, in the shop's local time.
    pub at: DateTime,
    /// Groups of the customer.
    pub groups: &'a [String],
    /// Codes that were scanned or typed.
    pub coupons: &'a [String],
}

/// A [`Promotion`] as it is computed with. Sums are in millionths of a major
/// unit, percentages in ten-thousandths of a per cent.
#[derive(Debug)]
struct Offer {
    promotion: Promotion,
    rule: Rule,
    /// By slot.
    except: Vec<Except>,
}

#[derive(Debug)]
enum Rule {
    Each(Cut),
    BuyGet {
        buy: u32,
        get: u32,
        percent: i128,
    },
    Sets {
        counts: Vec<u32>,
        /// By slot, where there is no sum.
        percents: Vec<Option<i128>>,
        sum: Option<i128>,
    },
    Breaks(Vec<(i64, Cut)>),
    Spend {
        at_least: i128,
        cut: Cut,
    },
}

#[derive(Debug, Clone, Copy)]
enum Cut {
    Percent(i128),
    Amount(i128),
    Price(i128),
}

#[derive(Debug, Default)]
struct Except {
    products: HashSet<String>,
    categories: HashSet<String>,
}

impl Except {
    fn holds(&self, item: &Item<'_>) -> bool {
        let nothing = self.products.is_empty() && self.categories.is_empty();
        !nothing
            && (self.products.contains(item.product)
                || self.products.contains(item.sku)
                || self.categories.contains(item.category))
    }
}

/// Offer and slot.
type Touch = (usize, usize);

/// Which offers touch a product.
#[derive(Debug, Default)]
struct Index {
    products: HashMap<String, Vec<Touch>>,
    categories: HashMap<String, Vec<Touch>>,
    all: Vec<Touch>,
}

impl Index {
    fn add(&mut self, goods: &Goods, touch: Touch) {
        if goods.all {
            self.all.push(touch);
        }
        for (names, index) in [
            (&goods.products, &mut self.products),
            (&goods.categories, &mut self.categories),
        ] {
            for name in names {
                index.entry(name.clone()).or_default().push(touch);
            }
        }
    }

    fn touching(&self, item: &Item<'_>, found: &mut Vec<Touch>) {
        found.extend(&self.all);
        for (name, index) in [
            (item.product, &self.products),
            (item.sku, &self.products),
            (item.category, &self.categories),
        ] {
            if !name.is_empty() {
                found.extend(index.get(name).into_iter().flatten());
            }
        }
    }
}

/// The promotions of a shop, indexed by what they apply to and for whom.
#[derive(Debug, Default)]
pub struct PromotionBook {
    /// By id, so that the order in which they were given says nothing.
    offers: Vec<Offer>,
    /// For everybody.
    open: Index,
    groups: HashMap<String, Index>,
    coupons: HashMap<String, Index>,
}

/// Codes are the same in upper and lower case.
fn coupon_key(code: &str) -> String {
    code.trim().to_uppercase()
}

/// In so many decimal places; digits beyond them are rounded half up.
fn fixed(value: Decimal, places: u32) -> Option<i128> {
    let value = value.round_dp_with_strategy(places, HALF_UP);
    let missing = places.checked_sub(value.scale())?;
    value.mantissa().checked_mul(10_i128.checked_pow(missing)?)
}

/// Half up, for nothing below zero.
const fn divided(value: i128, by: i128) -> i128 {
    (value + by / 2) / by
}

impl Cut {
    fn new(off: Off) -> Self {
        match off {
            Off::PercentOff(p) => Self::Percent(fixed(p, 4).unwrap_or(0)),
            Off::AmountOff(a) => Self::Amount(fixed(a, MORE_PLACES).unwrap_or(0)),
            Off::Price(p) => Self::Price(fixed(p, MORE_PLACES).unwrap_or(i128::MAX)),
        }
    }
}

impl Offer {
    fn new(promotion: Promotion) -> Self {
        let rule = match &promotion.kind {
            Kind::Each(off) => Rule::Each(Cut::new(*off)),
            Kind::BuyGet {
                buy,
                get,
                percent_off,
            } => Rule::BuyGet {
                buy: *buy,
                get: *get,
                percent: fixed(*percent_off, 4).unwrap_or(0),
            },
            Kind::Bundle { count, sum } => Rule::Sets {
                counts: vec![*count],
                percents: vec![None],
                sum: fixed(*sum, MORE_PLACES),
            },
            Kind::Sets { sets, sum } => Rule::Sets {
                counts: sets.iter().map(|s| s.count).collect(),
                percents: sets
                    .iter()
                    .map(|s| s.percent_off.and_then(|p| fixed(p, 4)))
                    .collect(),
                sum: sum.and_then(|s| fixed(s, MORE_PLACES)),
            },
            Kind::Breaks(steps) => Rule::Breaks(
                steps
                    .iter()
                    .filter_map(|step| {
                        let from = i64::try_from(fixed(step.from, 3)?).ok()?;
                        Some((from, Cut::new(step.off)))
                    })
                    .collect(),
            ),
            Kind::Spend { at_least, off } => Rule::Spend {
                at_least: fixed(*at_least, MORE_PLACES).unwrap_or(i128::MAX),
                cut: Cut::new(*off),
            },
        };
        let except = slots_of(&promotion)
            .map(|goods| Except {
                products: goods.except_products.iter().cloned().collect(),
                categories: goods.except_categories.iter().cloned().collect(),
            })
            .collect();
        Self {
            promotion,
            rule,
            except,
        }
    }
}

/// The goods of a promotion, slot by slot.
fn slots_of(promotion: &Promotion) -> impl Iterator<Item = &Goods> {
    let (sets, one) = match &promotion.kind {
        Kind::Sets { sets, .. } => (sets.as_slice(), None),
        Kind::Each(_)
        | Kind::BuyGet { .. }
        | Kind::Bundle { .. }
        | Kind::Breaks(_)
        | Kind::Spend { .. } => (&[][..], Some(&promotion.goods)),
    };
    sets.iter().map(|set| &set.goods).chain(one)
}

/// Units of a basket that are alike, with where they are and what touches them.
struct Units<'a> {
    class: Class,
    /// One of the lines they are on.
    item: Item<'a>,
    /// A percentage is rounded to a multiple of this.
    grain: i128,
    /// Sold by the piece.
    pieces: bool,
    /// Lines, and how many units of each.
    lines: Vec<(usize, u32)>,
    touches: Vec<Touch>,
}

impl Units<'_> {
    /// What a cut takes off one unit: never more than its price.
    fn cut(&self, cut: Cut, major: i128) -> i128 {
        let price = self.class.price;
        // For one piece, or for as many kilograms as the unit has.
        let each = |sum: i128| {
            let sum = sum.saturating_mul(major);
            if self.pieces {
                sum
            } else {
                let of = sum.saturating_mul(i128::from(self.class.milli));
                divided(of, 1_000 * self.grain) * self.grain
            }
        };
        let off = match cut {
            Cut::Percent(percent) => self.percent(percent),
            Cut::Amount(amount) => each(amount),
            Cut::Price(lower) => price.saturating_sub(each(lower)),
        };
        off.clamp(0, price)
    }

    /// A percentage of the price, rounded half up to the places the price has.
    fn percent(&self, percent: i128) -> i128 {
        let exact = self.class.price.saturating_mul(percent);
        divided(exact, 1_000_000 * self.grain) * self.grain
    }
}

impl PromotionBook {
    /// Checks the promotions and indexes them.
    ///
    /// # Errors
    /// The first [`PromotionError`] found. Unknown goods and groups are fine.
    pub fn new(mut promotions: Vec<Promotion>) -> Result<Self, PromotionError> {
        promotions.sort_by(|a, b| a.id.cmp(&b.id));
        let mut book = Self::default();
        for promotion in promotions {
            promotion.check().map_err(|fault| PromotionError::Faulty {
                id: promotion.id.clone(),
                fault,
            })?;
            if book
                .offers
                .last()
                .is_some_and(|o| o.promotion.id == promotion.id)
            {
                return Err(PromotionError::Twice { id: promotion.id });
            }
            let place = book.offers.len();
            for (slot, goods) in slots_of(&promotion).enumerate() {
                let touch = (place, slot);
                if let Some(code) = &promotion.coupon {
                    let index = book.coupons.entry(coupon_key(code)).or_default();
                    index.add(goods, touch);
                } else if promotion.groups.is_empty() {
                    book.open.add(goods, touch);
                } else {
                    for group in &promotion.groups {
                        let index = book.groups.entry(group.clone()).or_default();
                        index.add(goods, touch);
                    }
                }
            }
            book.offers.push(Offer::new(promotion));
        }
        Ok(book)
    }

    /// The promotions, by id.
    pub fn promotions(&self) -> impl Iterator<Item = &Promotion> {
        self.offers.iter().map(|offer| &offer.promotion)
    }

    /// A promotion by its id.
    #[must_use]
    pub fn promotion(&self, id: &str) -> Option<&Promotion> {
        self.offers
            .binary_search_by(|offer| offer.promotion.id.as_str().cmp(id))
            .ok()
            .and_then(|place| self.offers.get(place))
            .map(|offer| &offer.promotion)
    }

    /// The promotions that a code is for.
    pub fn of_coupon<'b>(&'b self, code: &str) -> impl Iterator<Item = &'b Promotion> {
        let key = coupon_key(code);
        let known = self.coupons.contains_key(&key);
        self.promotions()
            .filter(move |p| known && p.coupon.as_deref().is_some_and(|c| coupon_key(c) == key))
    }

    /// Why something was taken off a line, in words.
    #[must_use]
    pub fn reason(&self, promoted: &Promoted) -> Option<String> {
        self.promotion(&promoted.promotion).map(Promotion::reason)
    }

    /// What promotions take off each of `items`: one list a line, in the order of
    /// the promotions' ids. Amounts are in `currency`, and below zero on a return
    /// line; what sales get and what returns give back do not mix.
    ///
    /// The customer gets the combination that takes off most. That is exact among
    /// promotions that share goods of the basket, as long as the search through
    /// their combinations takes no more than 40,000 steps (forty pieces under four
    /// promotions of sets of four take about as many); beyond it they take their
    /// units one after the other, the one that gains most alone first, which is
    /// never less than any single one of them gives. A promotion on spending
    /// counts what the others leave, or takes part before all others where that is
    /// better, which is tried for the four that are worth most.
    ///
    /// # Errors
    /// As [`quote`](crate::quote::quote): a price below zero, an absurd quantity or
    /// amount.
    pub fn apply(
        &self,
        currency: Currency,
        items: &[Item<'_>],
        shopper: &Shopper<'_>,
    ) -> Result<Vec<Vec<Promoted>>, QuoteError> {
        let mut out = vec![Vec::new(); items.len()];
        for item in items {
            if item.unit_price.is_sign_negative() && !item.unit_price.is_zero() {
                return Err(QuoteError::NegativePrice);
            }
            // With it no sum of an item is past what is counted in.
            Money::rounded(item.unit_price, currency, HALF_UP)?;
            let quantity = item.quantity;
            if quantity.abs() > QUANTITY_MAX || quantity.normalize().scale() > 3 {
                return Err(QuoteError::Quantity { quantity });
            }
        }
        if self.offers.is_empty() {
            return Ok(out);
        }
        for side in [Side::Sale, Side::Return] {
            let mut paper = Paper {
                book: self,
                currency,
                items,
                side,
                out: &mut out,
            };
            let units = paper.units(shopper)?;
            if units.iter().any(|u| !u.touches.is_empty()) {
                let grants = self.choose(&units, currency);
                paper.write(&units, &grants)?;
            }
        }
        Ok(out)
    }

    /// The best grants on a basket.
    fn choose(&self, units: &[Units<'_>], currency: Currency) -> Vec<Grant> {
        let major = 10_i128.pow(currency.exponent());
        let classes: Vec<Class> = units.iter().map(|u| u.class.clone()).collect();
        let mut outside = vec![Outside::default(); units.len()];
        // Slots of every other offer that touches something.
        let mut wanted: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
        for (class, (unit, fallback)) in units.iter().zip(&mut outside).enumerate() {
            for (place, slot) in &unit.touches {
                let Some(offer) = self.offers.get(*place) else {
                    continue;
                };
                match (&offer.rule, offer.promotion.limit) {
                    (Rule::Each(cut), None) => {
                        let gain = unit.cut(*cut, major);
                        if gain > fallback.gain {
                            *fallback = Outside {
                                gain,
                                offer: *place,
                            };
                        }
                    }
                    (
                        Rule::Each(_)
                        | Rule::BuyGet { .. }
                        | Rule::Sets { .. }
                        | Rule::Breaks(_)
                        | Rule::Spend { .. },
                        _,
                    ) => wanted.entry(*place).or_default().push((class, *slot)),
                }
            }
        }
        let mut deals = Vec::with_capacity(wanted.len());
        let mut spends = Vec::new();
        for (place, touched) in wanted {
            let Some(offer) = self.offers.get(place) else {
                continue;
            };
            if let Rule::Spend { at_least, cut } = offer.rule {
                spends.push(Spend {
                    offer: place,
                    at_least: at_least.saturating_mul(major),
                    cut,
                    classes: touched.into_iter().map(|(class, _)| class).collect(),
                });
            } else if let Some(deal) = offer.deal(place, &touched, units, major) {
                deals.push(deal);
            }
        }
        let all: Vec<u32> = classes.iter().map(|c| c.count).collect();
        let worth = |grants: &[Grant]| grants.iter().map(|g| g.saving).sum::<i128>();
        spends.sort_by_cached_key(|s| {
            (
                std::cmp::Reverse(worth(&s.grants(units, &all, major))),
                s.offer,
            )
        });
        let attempt = |first: Option<&Spend>| {
            let mut left = all.clone();
            let mut grants = first.map_or_else(Vec::new, |s| s.grants(units, &left, major));
            best::take(&mut left, &grants);
            grants.extend(best::best(&classes, &left, &outside, &deals));
            let mut left = all.clone();
            best::take(&mut left, &grants);
            for spend in &spends {
                let more = spend.grants(units, &left, major);
                best::take(&mut left, &more);
                grants.extend(more);
            }
            grants
        };
        let mut best = attempt(None);
        for spend in spends.iter().take(SPEND_MAX) {
            let other = attempt(Some(spend));
            if worth(&other) > worth(&best) {
                best = other;
            }
        }
        best
    }
}

impl Offer {
    /// The offer as it competes for the units that it touches.
    fn deal(
        &self,
        place: usize,
        touched: &[(usize, usize)],
        units: &[Units<'_>],
        major: i128,
    ) -> Option<Deal> {
        let slots = match &self.rule {
            Rule::Sets { counts, .. } => counts.len(),
            Rule::Breaks(steps) => steps.len(),
            Rule::Each(_) | Rule::BuyGet { .. } | Rule::Spend { .. } => 1,
        };
        let mut members: Vec<Member> = Vec::with_capacity(touched.len());
        for (class, slot) in touched {
            let unit = units.get(*class)?;
            if members.last().is_none_or(|m| m.class != *class) {
                members.push(Member {
                    class: *class,
                    gains: vec![None; slots],
                });
            }
            let gains = &mut members.last_mut()?.gains;
            match &self.rule {
                Rule::Each(cut) => *gains.get_mut(0)? = Some(unit.cut(*cut, major)),
                Rule::BuyGet { percent, .. } if unit.pieces => {
                    *gains.get_mut(0)? = Some(unit.percent(*percent));
                }
                Rule::Sets { percents, sum, .. } if unit.pieces => {
                    let gain = match (sum, percents.get(*slot)?) {
                        (Some(_), _) => unit.class.price,
                        (None, Some(percent)) => unit.percent(*percent),
                        (None, None) => 0,
                    };
                    *gains.get_mut(*slot)? = Some(gain);
                }
                Rule::Breaks(steps) => {
                    for (gain, (_, cut)) in gains.iter_mut().zip(steps) {
                        *gain = Some(unit.cut(*cut, major));
                    }
                }
                Rule::BuyGet { .. } | Rule::Sets { .. } | Rule::Spend { .. } => {
                    members.pop();
                }
            }
        }
        let shape = match &self.rule {
            Rule::Each(_) => Shape::Each,
            Rule::BuyGet { buy, get, .. } => Shape::Pool {
                buy: *buy,
                get: *get,
            },
            Rule::Sets { counts, sum, .. } => Shape::Sets {
                counts: counts.clone(),
                cost: sum.unwrap_or(0).saturating_mul(major),
            },
            Rule::Breaks(steps) => Shape::Breaks {
                from: steps.iter().map(|(from, _)| *from).collect(),
            },
            Rule::Spend { .. } => return None,
        };
        (!members.is_empty()).then_some(Deal {
            offer: place,
            shape,
            limit: self.promotion.limit,
            members,
        })
    }
}

/// A promotion on spending.
struct Spend {
    offer: usize,
    at_least: i128,
    cut: Cut,
    classes: Vec<usize>,
}

impl Spend {
    /// What it gives on the units that are left of its goods.
    fn grants(&self, units: &[Units<'_>], left: &[u32], major: i128) -> Vec<Grant> {
        let goods = || {
            self.classes.iter().filter_map(|class| {
                let n = left.get(*class).copied().filter(|n| *n > 0)?;
                Some((*class, n, units.get(*class)?))
            })
        };
        let sum: i128 = goods()
            .map(|(_, n, unit)| unit.class.price.saturating_mul(i128::from(n)))
            .sum();
        if sum < self.at_least || sum == 0 {
            return Vec::new();
        }
        match self.cut {
            Cut::Percent(percent) => goods()
                .map(|(class, n, unit)| Grant {
                    offer: self.offer,
                    parts: vec![(class, n)],
                    saving: unit.percent(percent).saturating_mul(i128::from(n)),
                })
                .collect(),
            Cut::Amount(amount) => vec![Grant {
                offer: self.offer,
                parts: goods().map(|(class, n, _)| (class, n)).collect(),
                saving: amount.saturating_mul(major).min(sum),
            }],
            Cut::Price(_) => Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Sale,
    Return,
}

/// From lines to units and back.
struct Paper<'a, 'o> {
    book: &'a PromotionBook,
    currency: Currency,
    items: &'a [Item<'a>],
    side: Side,
    out: &'o mut [Vec<Promoted>],
}

impl<'a> Paper<'a, '_> {
    /// The units of one side of the basket, the dearest first, in an order that
    /// does not depend on the order of the lines.
    fn units(&self, shopper: &Shopper<'_>) -> Result<Vec<Units<'a>>, QuoteError> {
        let mut units = Vec::new();
        let places = self.currency.exponent() + MORE_PLACES;
        let mut lines: Vec<(usize, &Item<'a>)> = self
            .items
            .iter()
            .enumerate()
            .filter(|(_, item)| {
                let mine = match self.side {
                    Side::Sale => item.quantity > Decimal::ZERO,
                    Side::Return => item.quantity < Decimal::ZERO,
                };
                mine && item.takes_part && !item.unit_price.is_zero()
            })
            .collect();
        lines.sort_by(|(a, x), (b, y)| {
            let name = |i: &Item<'a>| (i.product, i.sku, i.category);
            name(x)
                .cmp(&name(y))
                .then(y.unit_price.cmp(&x.unit_price))
                .then(y.pieces.cmp(&x.pieces))
                .then(y.quantity.abs().cmp(&x.quantity.abs()))
                .then(a.cmp(b))
        });
        for (place, item) in lines {
            let quantity = item.quantity.abs().normalize();
            let pieces = item.pieces && quantity.scale() == 0;
            if pieces {
                let n = u32::try_from(quantity.mantissa()).unwrap_or(u32::MAX);
                if let Some(last) = units.last_mut().filter(|last: &&mut Units<'_>| {
                    last.pieces
                        && last.item.unit_price == item.unit_price
                        && last.item.product == item.product
                        && last.item.sku == item.sku
                        && last.item.category == item.category
                }) {
                    last.class.count = last.class.count.saturating_add(n);
                    last.lines.push((place, n));
                    continue;
                }
            }
            let (price, count, milli, grain) = if pieces {
                let price = fixed(item.unit_price, places).ok_or(MoneyError::TooLarge)?;
                let own = item.unit_price.normalize().scale();
                let grain =
                    10_i128.pow(places.saturating_sub(own.clamp(self.currency.exponent(), places)));
                let n = u32::try_from(quantity.mantissa()).unwrap_or(u32::MAX);
                (price, n, 1_000, grain)
            } else {
                let gross = i128::from(self.gross(item)?.minor()).saturating_mul(MINOR);
                let milli = fixed(quantity, 3).and_then(|m| i64::try_from(m).ok());
                (gross, 1, milli.unwrap_or(i64::MAX), MINOR)
            };
            units.push(Units {
                class: Class {
                    price,
                    milli,
                    count,
                },
                item: *item,
                grain,
                pieces,
                lines: vec![(place, count)],
                touches: self.touching(item, shopper),
            });
        }
        // Stable: equal prices stay in the order of their products.
        units.sort_by_key(|u| std::cmp::Reverse(u.class.price));
        Ok(units)
    }

    /// What the line costs without promotions, without its sign.
    fn gross(&self, item: &Item<'_>) -> Result<Money, MoneyError> {
        let exact = item
            .unit_price
            .checked_mul(item.quantity.abs())
            .ok_or(MoneyError::TooLarge)?;
        Money::rounded(exact, self.currency, HALF_UP)
    }

    fn touching(&self, item: &Item<'_>, shopper: &Shopper<'_>) -> Vec<Touch> {
        let book = self.book;
        let mut found = Vec::new();
        book.open.touching(item, &mut found);
        for group in shopper.groups {
            if let Some(index) = book.groups.get(group) {
                index.touching(item, &mut found);
            }
        }
        if !book.coupons.is_empty() {
            for code in shopper.coupons {
                if let Some(index) = book.coupons.get(&coupon_key(code)) {
                    index.touching(item, &mut found);
                }
            }
        }
        found.retain(|(place, slot)| {
            book.offers.get(*place).is_some_and(|offer| {
                let p = &offer.promotion;
                p.when.counts_at(shopper.at)
                    && (p.groups.is_empty() || p.groups.iter().any(|g| shopper.groups.contains(g)))
                    && !offer.except.get(*slot).is_some_and(|e| e.holds(item))
            })
        });
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Puts every grant on the lines whose units it used.
    fn write(&mut self, units: &[Units<'_>], grants: &[Grant]) -> Result<(), QuoteError> {
        // Where the units of a class that are not given out yet are.
        let mut lines: Vec<Vec<(usize, u32)>> = units
            .iter()
            .map(|u| u.lines.iter().rev().copied().collect())
            .collect();
        let mut room = BTreeMap::new();
        for (line, _) in units.iter().flat_map(|u| &u.lines) {
            if let Some(item) = self.items.get(*line) {
                room.insert(*line, self.gross(item)?);
            }
        }
        for grant in grants.iter().filter(|g| g.saving > 0) {
            let mut shares: Vec<(usize, u32, i128)> = Vec::with_capacity(grant.parts.len());
            for (class, n) in &grant.parts {
                let (Some(unit), Some(lines)) = (units.get(*class), lines.get_mut(*class)) else {
                    continue;
                };
                let mut want = *n;
                while want > 0 {
                    let Some((line, left)) = lines.last_mut() else {
                        break;
                    };
                    let n = want.min(*left);
                    let worth = unit.class.price.saturating_mul(i128::from(n));
                    shares.push((*line, n, worth));
                    want -= n;
                    *left -= n;
                    if *left == 0 {
                        lines.pop();
                    }
                }
            }
            self.share(grant, &shares, &mut room)?;
        }
        for promoted in self.out.iter_mut() {
            // A share of a cent can be nothing.
            promoted.retain(|p| !p.amount.is_zero());
            promoted.sort_by(|a, b| a.promotion.cmp(&b.promotion));
        }
        Ok(())
    }

    /// Spreads what a grant takes off over its units, in proportion to what they
    /// cost. `room` is what is left to take of each line.
    fn share(
        &mut self,
        grant: &Grant,
        shares: &[(usize, u32, i128)],
        room: &mut BTreeMap<usize, Money>,
    ) -> Result<(), QuoteError> {
        let Some(offer) = self.book.offers.get(grant.offer) else {
            return Ok(());
        };
        let places = self.currency.exponent() + MORE_PLACES;
        let decimal = |value: i128| {
            Decimal::try_from_i128_with_scale(value, places)
                .map(|d| d.normalize())
                .map_err(|_| MoneyError::TooLarge)
        };
        let saving = Money::rounded(decimal(grant.saving)?, self.currency, HALF_UP)?;
        let parts = if shares.len() == 1 {
            vec![saving]
        } else {
            let all = decimal(shares.iter().map(|(_, _, worth)| worth).sum())?;
            let exact = shares
                .iter()
                .map(|(_, _, worth)| {
                    // Multiplied before divided, so that a whole share is whole.
                    saving
                        .to_decimal()
                        .checked_mul(decimal(*worth)?)
                        .and_then(|product| product.checked_div(all))
                        .ok_or(MoneyError::TooLarge)
                })
                .collect::<Result<Vec<_>, _>>()?;
            spread(saving, &exact)?
        };
        // Only prices with more places than the currency can put more on a line
        // than it costs: ten pieces at 0.004 cost 0.04 together and nothing alone.
        // What a line has no room for goes to the next that has.
        let mut over = Money::zero(self.currency);
        let mut given = Vec::with_capacity(parts.len());
        for ((line, units, _), part) in shares.iter().zip(parts) {
            let left = room.entry(*line).or_insert(Money::zero(self.currency));
            let wanted = part.checked_add(over)?;
            let amount = wanted.min(*left);
            over = wanted.checked_sub(amount)?;
            *left = left.checked_sub(amount)?;
            given.push((*line, *units, amount));
        }
        for (line, _, amount) in &mut given {
            let left = room.entry(*line).or_insert(Money::zero(self.currency));
            let more = over.min(*left);
            over = over.checked_sub(more)?;
            *left = left.checked_sub(more)?;
            *amount = amount.checked_add(more)?;
        }
        for (line, units, amount) in given {
            let (Some(item), Some(list)) = (self.items.get(line), self.out.get_mut(line)) else {
                continue;
            };
            let quantity = if item.pieces && item.quantity.normalize().scale() == 0 {
                Decimal::from(units)
            } else {
                item.quantity.abs()
            };
            let (units, amount) = match self.side {
                Side::Sale => (quantity, amount),
                Side::Return => (-quantity, amount.negated()),
            };
            match list.iter_mut().find(|p| p.promotion == offer.promotion.id) {
                Some(same) => {
                    same.units += units;
                    same.amount = same.amount.checked_add(amount)?;
                }
                None => list.push(Promoted {
                    promotion: offer.promotion.id.clone(),
                    name: offer.promotion.name.clone(),
                    units,
                    amount,
                }),
            }
        }
        Ok(())
    }
}
