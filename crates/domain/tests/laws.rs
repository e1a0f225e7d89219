//! The laws of pricing, over baskets made from dice.
//!
//! `PROPTEST_CASES` says how many; 10,000 where it says nothing. `make laws
//! CASES=10000000` runs ten million of each.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};
use rust_decimal::{Decimal, dec};
use till_domain::explain::{Why, explain};
use till_domain::measure::Measure;
use till_domain::money::{Currency, HALF_UP, Money, RoundingMode, spread};
use till_domain::quote::{
    Basket, BasketLine, Discount, LineQuote, Promoted, Quote, Sums, TaxRounding, TaxTotal, quote,
};
use till_domain::settle::{BasketTender, CashRounding, Surplus, in_cash};
use till_domain::tax::{Tax, TaxKind};

fn config() -> Config {
    let mut config = Config {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource(
            "proptest-regressions",
        ))),
        max_global_rejects: u32::MAX,
        ..Config::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 10_000;
    }
    config
}

/// Any number that can be written in 28 digits.
fn any_number(dice: &mut Dice<'_>) -> Decimal {
    let mut part = || {
        let [sign, low] = [dice.throw(8), dice.throw(4)];
        match low {
            0 => dice.throw(100),
            1 => u32::MAX - dice.throw(3),
            _ => dice.throw(u32::MAX) ^ sign,
        }
    };
    let (low, middle, high) = (part(), part(), part());
    let (middle, high) = match dice.throw(4) {
        0 | 1 => (0, 0),
        2 => (middle, 0),
        _ => (middle, high),
    };
    Decimal::from_parts(low, middle, high, dice.once_in(3), dice.throw(29))
}

/// An amount of any size, mostly of the basket's currency.
fn any_money(dice: &mut Dice<'_>, currency: Currency) -> Money {
    let minor = match dice.throw(6) {
        0 => i64::MAX,
        1 => i64::MIN,
        2 => 99_999_999_999,
        _ => i64::from(dice.throw(u32::MAX)) - 1_000_000,
    };
    let other = dice.once_in(10);
    Money::from_minor(
        minor,
        if other {
            "USD".parse().unwrap()
        } else {
            currency
        },
    )
}

/// Makes some of a basket absurd.
fn spoiled(mut b: Basket, dice: &mut Dice<'_>) -> Basket {
    let currency = b.currency;
    for line in &mut b.lines {
        match dice.throw(9) {
            0 => line.unit_price = any_number(dice),
            1 => line.quantity = any_number(dice),
            2 => line.discounts.push(Discount::Percent(any_number(dice))),
            3 => line
                .discounts
                .push(Discount::Amount(any_money(dice, currency))),
            4 => line.promotions.push(Promoted {
                promotion: String::new(),
                name: String::new(),
                units: any_number(dice),
                amount: any_money(dice, currency),
            }),
            5 => {
                let mut tax = tax(dice);
                tax.kind = match dice.throw(2) {
                    0 => TaxKind::Percent(any_number(dice)),
                    _ => TaxKind::FixedPerUnit(any_number(dice)),
                };
                line.taxes = vec![tax; 1 + dice.throw(30) as usize];
            }
            6 => line.priced_with = Some(line.taxes.iter().rev().cloned().collect()),
            _ => {}
        }
    }
    match dice.throw(6) {
        0 => b
            .discounts
            .push(Discount::Amount(any_money(dice, currency))),
        1 => b.discounts.push(Discount::Percent(any_number(dice))),
        2 => {
            if let Some(rounding) = &mut b.cash_rounding {
                rounding.increment_minor = any_money(dice, currency).minor();
            }
        }
        3 => b
            .tenders
            .push(BasketTender::Cash(Some(any_money(dice, currency)))),
        4 => b.tenders.push(BasketTender::ForeignCash {
            amount: any_money(dice, "BHD".parse().unwrap()),
            rate: any_number(dice),
        }),
        _ => b.tenders.push(BasketTender::CashBack {
            amount: dice.once_in(2).then(|| any_money(dice, currency)),
            cash_back: any_money(dice, currency),
        }),
    }
    b
}

/// Numbers to make a basket of. When they run out every throw is 0, the plainest
/// choice: so shrinking the numbers shrinks the basket.
struct Dice<'a>(std::slice::Iter<'a, u32>);

impl Dice<'_> {
    /// 0 to `sides` less one.
    fn throw(&mut self, sides: u32) -> u32 {
        self.0.next().map_or(0, |n| n % sides)
    }

    /// Once in so many throws.
    fn once_in(&mut self, many: u32) -> bool {
        self.throw(many) == many - 1
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.throw(u32::try_from(choices.len()).unwrap()) as usize]
    }

    fn up_to(&mut self, most: i64) -> i64 {
        i64::from(self.throw(u32::try_from(most).unwrap()))
    }
}

const MODES: [RoundingMode; 5] = [
    RoundingMode::HalfUp,
    RoundingMode::HalfDown,
    RoundingMode::HalfEven,
    RoundingMode::Up,
    RoundingMode::Down,
];

fn tax(dice: &mut Dice<'_>) -> Tax {
    const RATES: [Decimal; 8] = [
        dec!(21),
        dec!(9),
        dec!(0),
        dec!(5.5),
        dec!(8.875),
        dec!(9.975),
        dec!(20),
        dec!(-15),
    ];
    let kind = if dice.once_in(6) {
        TaxKind::FixedPerUnit(dice.of(&[dec!(0.10), dec!(0.025), dec!(1)]))
    } else {
        TaxKind::Percent(dice.of(&RATES))
    };
    Tax {
        code: dice.of(&["a", "b", "c"]).to_owned(),
        kind,
        price_included: dice.throw(2) == 0,
        in_base_of_next: dice.once_in(3),
        base_affected_by_previous: !dice.once_in(3),
    }
}

fn taxes(dice: &mut Dice<'_>) -> Vec<Tax> {
    let count = dice.of(&[1, 1, 0, 1, 2, 3]);
    (0..count).map(|_| tax(dice)).collect()
}

fn discounts(dice: &mut Dice<'_>, currency: Currency) -> Vec<Discount> {
    let count = dice.of(&[0, 0, 1, 0, 1, 2]);
    (0..count)
        .map(|_| {
            if dice.throw(2) == 0 {
                Discount::Percent(Decimal::new(dice.up_to(1_001), 1))
            } else {
                Discount::Amount(Money::from_minor(dice.up_to(3_000), currency))
            }
        })
        .collect()
}

/// Promotions that take no more than there is.
fn promotions(dice: &mut Dice<'_>, line: &BasketLine, currency: Currency) -> Vec<Promoted> {
    let gross = line.unit_price * line.quantity;
    let gross = Money::rounded(gross, currency, HALF_UP).unwrap().minor();
    let mut left = gross;
    (0..dice.of(&[0, 0, 0, 1, 2]))
        .map(|n| {
            let part = left * dice.up_to(101) / 100;
            left -= part;
            Promoted {
                promotion: n.to_string(),
                name: "3 for 2".into(),
                units: line.quantity,
                amount: Money::from_minor(part, currency),
            }
        })
        .collect()
}

fn line(dice: &mut Dice<'_>, currency: Currency) -> BasketLine {
    let most = dice.of(&[5_000, 5_000, 5_000, 1_000_000]);
    let minor = dice.up_to(most);
    let more = dice.of(&[0, 0, 0, 2, 4]);
    let unit_price = Decimal::new(minor, currency.exponent() + more);
    let (unit, quantity) = match dice.throw(5) {
        0..=2 => (Measure::Each, Decimal::from(dice.up_to(20) + 1)),
        3 => (Measure::Kilogram, Decimal::new(dice.up_to(20_000), 3)),
        _ => (Measure::Hour, Decimal::new(dice.up_to(1_000), 2)),
    };
    let quantity = if dice.once_in(5) { -quantity } else { quantity };
    let mut line = BasketLine {
        unit: Some(unit),
        ..BasketLine::new(unit_price, quantity, taxes(dice))
    };
    line.discounts = discounts(dice, currency);
    line.discountable = !dice.once_in(6);
    line.turnover = !dice.once_in(6);
    if dice.once_in(8) {
        line.priced_with = Some(taxes(dice));
        // A price that is less than the fixed tax in it cannot be brought to others.
        if line.charged_unit_price(currency).unwrap() < dec!(0) {
            line.priced_with = None;
        }
    } else {
        line.promotions = promotions(dice, &line, currency);
    }
    line
}

fn cash_rounding(dice: &mut Dice<'_>) -> Option<CashRounding> {
    (dice.throw(3) != 0).then(|| CashRounding {
        increment_minor: dice.of(&[5, 10, 50, 100, 1]),
        mode: dice.of(&MODES),
        change_mode: dice.once_in(3).then(|| dice.of(&MODES)),
        exact_accepted: dice.once_in(3),
    })
}

/// A basket without tenders.
fn basket(dice: &mut Dice<'_>) -> Basket {
    let code = dice.of(&["EUR", "EUR", "JPY", "BHD"]);
    let currency: Currency = code.parse().unwrap();
    let tax_rounding = dice.of(&[TaxRounding::PerLine, TaxRounding::PerDocument]);
    let tax_rounding_mode = if dice.throw(2) == 0 {
        RoundingMode::HalfUp
    } else {
        dice.of(&MODES)
    };
    let cash_rounding = cash_rounding(dice);
    let discounts = discounts(dice, currency);
    let count = dice.throw(8);
    Basket {
        currency,
        tax_rounding,
        tax_rounding_mode,
        cash_rounding,
        lines: (0..count).map(|_| line(dice, currency)).collect(),
        discounts,
        tenders: vec![],
    }
}

/// Tenders for a total: parts of it, more than it, none, in any mix.
fn tenders(dice: &mut Dice<'_>, total: Money) -> Vec<BasketTender> {
    let side = if total.is_negative() { -1 } else { 1 };
    let currency = total.currency();
    let sum = |dice: &mut Dice<'_>| {
        let most = total.minor().abs() * dice.of(&[1, 1, 2]) / dice.of(&[1, 2, 3]);
        let part = most * dice.up_to(101) / 100;
        Money::from_minor(side * part, currency)
    };
    (0..dice.of(&[1, 2, 3, 0]))
        .map(|_| {
            let named = !dice.once_in(4);
            let amount = sum(dice);
            match dice.throw(8) {
                0..=2 => BasketTender::Cash(named.then_some(amount)),
                3 => BasketTender::ForeignCash {
                    amount: Money::from_minor(amount.minor() / 2, "USD".parse().unwrap()),
                    rate: dice.of(&[dec!(0.92), dec!(1.5), dec!(147.31)]),
                },
                4 => BasketTender::Voucher {
                    amount: named.then_some(amount),
                    surplus: dice.of(&[Surplus::Change, Surplus::Forfeited]),
                },
                5 if side > 0 => BasketTender::CashBack {
                    amount: None,
                    cash_back: Money::from_minor(100 * dice.up_to(5), currency),
                },
                _ => BasketTender::Other(named.then_some(amount)),
            }
        })
        .collect()
}

prop_compose! {
    fn any_basket()(numbers in prop::collection::vec(any::<u32>(), 20..160)) -> Basket {
        basket(&mut Dice(numbers.iter()))
    }
}

prop_compose! {
    /// A basket with tenders that may be refused.
    fn any_sale()(
        numbers in prop::collection::vec(any::<u32>(), 20..160),
        more in prop::collection::vec(any::<u32>(), 4..24),
    ) -> Basket {
        let mut basket = basket(&mut Dice(numbers.iter()));
        if let Ok(priced) = quote(&basket) {
            basket.tenders = tenders(&mut Dice(more.iter()), priced.total);
        }
        basket
    }
}

fn sum(currency: Currency, amounts: impl IntoIterator<Item = Money>) -> Money {
    Money::sum(amounts, currency).unwrap()
}

fn is_between_zero_and(part: Money, whole: Money) -> bool {
    part.abs().minor() <= whole.abs().minor() && part.minor().signum() * whole.minor().signum() >= 0
}

fn mirrored(basket: &Basket) -> Basket {
    let mut mirror = basket.clone();
    for line in &mut mirror.lines {
        line.quantity = -line.quantity;
        for promoted in &mut line.promotions {
            promoted.amount = promoted.amount.negated();
            promoted.units = -promoted.units;
        }
    }
    for tender in &mut mirror.tenders {
        match tender {
            BasketTender::Cash(amount) | BasketTender::Other(amount) => {
                *amount = amount.map(Money::negated);
            }
            BasketTender::ForeignCash { amount, .. } => *amount = amount.negated(),
            BasketTender::Voucher { .. } | BasketTender::CashBack { .. } => unreachable!(),
        }
    }
    mirror
}

fn turned(quote: &Quote) -> Quote {
    let sums = |s: Sums| Sums {
        net: s.net.negated(),
        tax: s.tax.negated(),
        total: s.total.negated(),
    };
    let mut turned = quote.clone();
    for line in &mut turned.lines {
        for amount in [
            &mut line.gross,
            &mut line.discount,
            &mut line.sale_discount,
            &mut line.net,
            &mut line.tax,
            &mut line.total,
        ] {
            *amount = amount.negated();
        }
        for tax in &mut line.taxes {
            tax.base = tax.base.negated();
            tax.amount = tax.amount.negated();
        }
        for promoted in &mut line.promotions {
            promoted.amount = promoted.amount.negated();
            promoted.units = -promoted.units;
        }
    }
    for tax in &mut turned.taxes {
        tax.base = tax.base.negated();
        tax.amount = tax.amount.negated();
    }
    for tender in &mut turned.tenders {
        tender.amount = tender.amount.negated();
    }
    turned.turnover = sums(quote.turnover);
    turned.not_turnover = sums(quote.not_turnover);
    for amount in [
        &mut turned.net,
        &mut turned.tax,
        &mut turned.total,
        &mut turned.cash_due,
        &mut turned.cash_rounding,
        &mut turned.change,
        &mut turned.outstanding,
    ] {
        *amount = amount.negated();
    }
    turned
}

/// Everything about a sale that does not name a line.
fn totals(quote: &Quote) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut taxes: Vec<TaxTotal> = quote.taxes.clone();
    taxes.sort_by(|a, b| (&a.code, a.rate).cmp(&(&b.code, b.rate)));
    (
        (taxes, quote.net, quote.tax, quote.total),
        (quote.turnover, quote.not_turnover),
        (quote.cash_due, quote.cash_rounding),
        (quote.change, quote.cash_back, quote.forfeited),
        quote.outstanding,
    )
}

/// A tender in two.
fn split(tender: BasketTender, at: i64) -> Vec<BasketTender> {
    let halves = |amount: Money| {
        let first = Money::from_minor(amount.minor() * at / 100, amount.currency());
        [first, amount.checked_sub(first).unwrap()]
    };
    match tender {
        BasketTender::Cash(Some(amount)) => {
            halves(amount).map(|a| BasketTender::Cash(Some(a))).to_vec()
        }
        BasketTender::Other(Some(amount)) => halves(amount)
            .map(|a| BasketTender::Other(Some(a)))
            .to_vec(),
        BasketTender::Voucher {
            amount: Some(amount),
            surplus,
        } => halves(amount)
            .map(|a| BasketTender::Voucher {
                amount: Some(a),
                surplus,
            })
            .to_vec(),
        // Each is worth what it was told to be; an amount that is not named is one.
        BasketTender::Cash(None)
        | BasketTender::Other(None)
        | BasketTender::Voucher { amount: None, .. }
        | BasketTender::ForeignCash { .. }
        | BasketTender::CashBack { .. } => vec![tender],
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn totals_equal_the_sum_of_their_parts_at_every_level(b in any_basket()) {
        let q = quote(&b).unwrap();
        let of = |f: fn(&LineQuote) -> Money| sum(b.currency, q.lines.iter().map(f));
        prop_assert_eq!(of(|l| l.net), q.net);
        prop_assert_eq!(of(|l| l.tax), q.tax);
        prop_assert_eq!(of(|l| l.total), q.total);
        prop_assert_eq!(q.net.checked_add(q.tax).unwrap(), q.total);
        prop_assert_eq!(q.turnover.total.checked_add(q.not_turnover.total).unwrap(), q.total);
        prop_assert_eq!(q.turnover.net.checked_add(q.turnover.tax).unwrap(), q.turnover.total);
        prop_assert_eq!(sum(b.currency, q.taxes.iter().map(|t| t.amount)), q.tax);
        let bases = q.lines.iter().flat_map(|l| l.taxes.iter().map(|t| t.base));
        prop_assert_eq!(sum(b.currency, bases), sum(b.currency, q.taxes.iter().map(|t| t.base)));
        for l in &q.lines {
            prop_assert_eq!(l.net.checked_add(l.tax).unwrap(), l.total);
            prop_assert_eq!(sum(b.currency, l.taxes.iter().map(|t| t.amount)), l.tax);
        }
    }

    #[test]
    fn an_included_tax_never_changes_a_price(b in any_basket()) {
        let q = quote(&b).unwrap();
        let mut without = b.clone();
        for (l, source) in q.lines.iter().zip(&mut without.lines) {
            // The taxes that a price was set with say what the price is.
            source.unit_price = source.charged_unit_price(b.currency).unwrap();
            source.priced_with = None;
            let price = l.gross.checked_sub(l.discount).unwrap().checked_sub(l.sale_discount).unwrap();
            let added = source.taxes.iter().zip(&l.taxes).filter(|(t, _)| !t.price_included);
            let added = sum(b.currency, added.map(|(_, t)| t.amount));
            prop_assert_eq!(l.total, price.checked_add(added).unwrap());
            // Base and included tax are the price: for a tax that no other touches.
            if let ([tax], [charged]) = (source.taxes.as_slice(), l.taxes.as_slice())
                && tax.price_included
            {
                prop_assert_eq!(charged.base.checked_add(charged.amount).unwrap(), price);
            }
            source.taxes.retain(|t| !t.price_included && !t.in_base_of_next);
        }
        if b.lines.iter().all(|l| l.taxes.iter().all(|t| t.price_included)) {
            prop_assert_eq!(quote(&without).unwrap().total, q.total);
        }
    }

    #[test]
    fn discounts_and_promotions_add_up_and_never_pass_the_price(b in any_basket()) {
        let q = quote(&b).unwrap();
        for (l, source) in q.lines.iter().zip(&b.lines) {
            let left = l.gross.checked_sub(l.discount).unwrap();
            prop_assert!(is_between_zero_and(l.discount, l.gross));
            prop_assert!(is_between_zero_and(l.sale_discount, left));
            if !source.discountable {
                prop_assert!(l.sale_discount.is_zero());
            }
        }
        // The sale's discounts are those of one sum, spread.
        let discountable = q.lines.iter().zip(&b.lines).filter(|(_, s)| s.discountable);
        let mut left = sum(b.currency, discountable.map(|(l, _)| l.gross.checked_sub(l.discount).unwrap()));
        let whole = left;
        for discount in &b.discounts {
            let off = match *discount {
                Discount::Percent(p) => Money::rounded(left.to_decimal() * p / dec!(100), b.currency, HALF_UP).unwrap(),
                Discount::Amount(a) => {
                    let a = a.min(left.abs());
                    if left.is_negative() { a.negated() } else { a }
                }
            };
            left = left.checked_sub(off).unwrap();
        }
        let off = sum(b.currency, q.lines.iter().map(|l| l.sale_discount));
        prop_assert_eq!(off, whole.checked_sub(left).unwrap());
    }

    #[test]
    fn spreading_adds_up_within_a_cent_of_each_share(
        shares in prop::collection::vec(-1_000_000_i64..1_000_000, 0..40),
        mode in 0_usize..5,
        places in 2_u32..6,
    ) {
        let shares: Vec<Decimal> = shares.iter().map(|s| Decimal::new(*s, places)).collect();
        let eur = Currency::EUR;
        let total = Money::rounded(shares.iter().copied().sum(), eur, MODES[mode].strategy()).unwrap();
        let parts = spread(total, &shares).unwrap();
        prop_assert_eq!(sum(eur, parts.iter().copied()), if shares.is_empty() { Money::zero(eur) } else { total });
        for (part, share) in parts.iter().zip(&shares) {
            prop_assert!((part.to_decimal() - share).abs() < dec!(0.01), "{} for {}", part, share);
        }
        let turned: Vec<Decimal> = shares.iter().map(|s| -s).collect();
        let mirror = spread(total.negated(), &turned).unwrap();
        prop_assert!(parts.iter().zip(&mirror).all(|(a, b)| a.negated() == *b));
    }

    #[test]
    fn the_mirror_of_a_sale_is_its_refund_rounding_included(b in any_sale()) {
        let mut b = b;
        // Vouchers and cash back are of sales alone, and of a sale of nothing it
        // cannot be told which way its tenders go.
        let nothing = quote(&Basket { tenders: vec![], ..b.clone() }).unwrap().total.is_zero();
        b.tenders.retain(|t| !nothing && !matches!(
            t,
            BasketTender::Voucher { .. } | BasketTender::CashBack { .. }
        ));
        match (quote(&b), quote(&mirrored(&b))) {
            (Ok(q), Ok(m)) => prop_assert_eq!(turned(&q), m),
            (q, m) => prop_assert!(q.is_err() && m.is_err(), "{:?} but {:?}", q, m),
        }
    }

    #[test]
    fn the_order_of_the_lines_changes_no_total(b in any_sale(), order in any::<prop::sample::Index>()) {
        let mut other = b.clone();
        if !b.lines.is_empty() {
            let at = order.index(b.lines.len());
            other.lines.rotate_left(at);
            if at % 2 == 1 {
                other.lines.reverse();
            }
        }
        match (quote(&b), quote(&other)) {
            (Ok(q), Ok(o)) => prop_assert_eq!(totals(&q), totals(&o)),
            (q, o) => prop_assert_eq!(q.is_err(), o.is_err()),
        }
    }

    #[test]
    fn splitting_a_tender_changes_nothing(b in any_sale(), at in 0_i64..=100, turn in any::<bool>()) {
        let Ok(q) = quote(&b) else { return Ok(()) };
        let mut other = b.clone();
        other.tenders = b.tenders.iter().flat_map(|t| split(*t, at)).collect();
        // Tenders that take what is left come in their order; the others in any.
        let named = |t: &BasketTender| !matches!(
            t,
            BasketTender::Cash(None) | BasketTender::Other(None)
                | BasketTender::Voucher { amount: None, .. }
                | BasketTender::CashBack { amount: None, .. }
        );
        if turn && other.tenders.iter().all(named) {
            other.tenders.reverse();
        }
        prop_assert_eq!(totals(&q), totals(&quote(&other).unwrap()));
    }

    #[test]
    fn a_sale_balances_and_rounding_touches_cash_alone(b in any_sale()) {
        let Ok(q) = quote(&b) else { return Ok(()) };
        let given = sum(b.currency, q.tenders.iter().map(|t| t.amount));
        let back = sum(b.currency, [q.change, q.cash_back, q.forfeited]);
        let kept = given.checked_sub(back).unwrap();
        let due = q.total.checked_add(q.cash_rounding).unwrap();
        prop_assert_eq!(kept.checked_add(q.outstanding).unwrap(), due);
        prop_assert!(is_between_zero_and(q.outstanding, q.total));
        if !q.outstanding.is_zero() {
            prop_assert!(q.change.is_zero() && q.cash_rounding.is_zero() && q.forfeited.is_zero());
        }
        // A voucher's change may be less than a coin.
        let change = |t: &BasketTender| matches!(t, BasketTender::Voucher { surplus: Surplus::Change, .. });
        let cash = q.tenders.iter().any(|t| t.is_cash) || b.tenders.iter().any(change);
        prop_assert!(cash || q.cash_rounding.is_zero(), "no cash, and rounded");
        let coin = b.cash_rounding.map_or(1, |r| r.increment_minor);
        prop_assert!(q.cash_rounding.minor().abs() < coin);
        let lost = sum(b.currency, q.tenders.iter().map(|t| t.forfeited));
        prop_assert_eq!(lost, q.forfeited);
        // What is rounded is coins.
        let in_coins = b.cash_rounding.is_none_or(|r| !r.exact_accepted);
        let cash_given = sum(b.currency, q.tenders.iter().filter(|t| t.is_cash).map(|t| t.amount));
        if in_coins && q.outstanding.is_zero() && cash_given.minor() % coin == 0 {
            prop_assert_eq!(q.change.minor() % coin, 0, "change in coins");
        }
        prop_assert_eq!(q.cash_due.minor() % coin, 0);
    }

    #[test]
    fn cash_of_what_is_due_settles_a_sale(b in any_basket(), card in 0_i64..=100) {
        let total = quote(&b).unwrap().total;
        let card = Money::from_minor(total.minor() * card / 100, b.currency);
        let mut paid = b.clone();
        paid.tenders = vec![BasketTender::Other(Some(card)), BasketTender::Cash(None)];
        let q = quote(&paid).unwrap();
        prop_assert!(q.outstanding.is_zero());
        prop_assert!(q.change.is_zero());
        let rest = total.checked_sub(card).unwrap();
        prop_assert_eq!(q.cash_due, in_cash(rest, b.cash_rounding).unwrap());
        prop_assert_eq!(q.tenders[1].amount, q.cash_due);
        // The exact rest, where small coins are legal.
        paid.tenders = vec![BasketTender::Other(Some(card)), BasketTender::Cash(Some(rest))];
        if let Some(rounding) = &mut paid.cash_rounding {
            rounding.exact_accepted = true;
        }
        let q = quote(&paid).unwrap();
        prop_assert!(q.outstanding.is_zero() && q.cash_rounding.is_zero() && q.change.is_zero());
    }

    #[test]
    fn every_explanation_adds_up(b in any_sale()) {
        let Ok(q) = quote(&b) else { return Ok(()) };
        let steps = explain(&b, &q).unwrap();
        let counted = |keep: &dyn Fn(&till_domain::explain::Step) -> bool| {
            sum(b.currency, steps.iter().filter(|s| s.counts && keep(s)).map(|s| s.amount))
        };
        for (i, l) in q.lines.iter().enumerate() {
            prop_assert_eq!(counted(&|s| s.line == Some(i)), l.total);
            let told = steps.iter().find(|s| s.line == Some(i) && s.why == Why::LineTotal).unwrap();
            prop_assert_eq!(told.amount, l.total);
            let tax = steps.iter().filter(|s| s.line == Some(i) && matches!(
                s.why,
                Why::TaxIncluded | Why::TaxAdded | Why::DocumentRounding
            ));
            prop_assert_eq!(sum(b.currency, tax.map(|s| s.amount)), l.tax);
        }
        prop_assert_eq!(counted(&|s| s.line.is_some()), q.total);
        prop_assert_eq!(counted(&|_| true), q.outstanding);
        for (i, t) in q.tenders.iter().enumerate() {
            let worth = t.amount.checked_sub(t.cash_back).unwrap().checked_sub(t.forfeited).unwrap();
            prop_assert_eq!(counted(&|s| s.tender == Some(i)), worth.negated());
        }
        prop_assert!(steps.iter().all(|s| s.says.ends_with('.')));
    }

    /// What is put on a price and what is taken out of the sum are the same taxes.
    #[test]
    fn tax_that_is_added_is_the_tax_that_is_in_it(
        minor in 1_i64..1_000_000,
        numbers in prop::collection::vec(any::<u32>(), 20),
    ) {
        let mut dice = Dice(numbers.iter());
        let mut all: Vec<Tax> = (0..1 + dice.throw(3)).map(|_| tax(&mut dice)).collect();
        for tax in &mut all {
            tax.price_included = false;
        }
        let of = |price: Decimal, taxes: Vec<Tax>| quote(&Basket {
            currency: Currency::EUR,
            tax_rounding: TaxRounding::PerLine,
            tax_rounding_mode: RoundingMode::HalfUp,
            cash_rounding: None,
            lines: vec![BasketLine::new(price, dec!(1), taxes)],
            discounts: vec![],
            tenders: vec![],
        }).unwrap();
        let added = of(Decimal::new(minor, 2), all.clone());
        prop_assume!(added.total.is_positive());
        for tax in &mut all {
            tax.price_included = true;
        }
        let within = of(added.total.to_decimal(), all);
        // Each of up to three taxes was rounded by half a cent at most, and the sum
        // that is taken apart is off by as much: less than two cents, to the cent.
        for (a, w) in added.lines[0].taxes.iter().zip(&within.lines[0].taxes) {
            let off = a.amount.checked_sub(w.amount).unwrap().minor().abs();
            prop_assert!(off <= 2, "{:?} and {:?}", a, w);
        }
    }

    /// Whatever is asked, it is priced or refused, and what is priced adds up.
    #[test]
    fn nothing_panics(
        b in any_sale(),
        numbers in prop::collection::vec(any::<u32>(), 60),
    ) {
        let b = spoiled(b, &mut Dice(numbers.iter()));
        match quote(&b) {
            Err(error) => prop_assert!(!error.to_string().is_empty()),
            Ok(q) => {
                let lines = sum(b.currency, q.lines.iter().map(|l| l.total));
                prop_assert_eq!(lines, q.total);
                let steps = explain(&b, &q).unwrap();
                let counts = steps.iter().filter(|s| s.counts).map(|s| s.amount);
                prop_assert_eq!(sum(b.currency, counts), q.outstanding);
            }
        }
    }

    /// One tax, against whole numbers: no decimal, no division but one.
    #[test]
    fn one_tax_is_what_whole_numbers_say(
        prices in prop::collection::vec(-100_000_i64..100_000, 1..12),
        rate in 0_i64..10_000,
        included in any::<bool>(),
        mode in 0_usize..5,
    ) {
        // amount = price · rate / (10,000 + rate), or / 10,000 where it is added.
        let below = i128::from(if included { 10_000 + rate } else { 10_000 });
        let round = |above: i128| -> i64 {
            let (whole, rest) = ((above / below), (above % below).abs() * 2);
            let away = match MODES[mode] {
                RoundingMode::HalfUp => rest >= below,
                RoundingMode::HalfDown => rest > below,
                RoundingMode::HalfEven => rest > below || rest == below && whole % 2 != 0,
                RoundingMode::Up => rest > 0,
                RoundingMode::Down => false,
            };
            i64::try_from(whole + if away { above.signum() } else { 0 }).unwrap()
        };
        let tax = Tax {
            code: "v".into(),
            kind: TaxKind::Percent(Decimal::new(rate, 2)),
            price_included: included,
            in_base_of_next: false,
            base_affected_by_previous: true,
        };
        let mut b = Basket {
            currency: Currency::EUR,
            tax_rounding: TaxRounding::PerLine,
            tax_rounding_mode: MODES[mode],
            cash_rounding: None,
            lines: prices.iter().map(|p| {
                let side = if *p < 0 { dec!(-1) } else { dec!(1) };
                BasketLine::new(Decimal::new(p.abs(), 2), side, vec![tax.clone()])
            }).collect(),
            discounts: vec![],
            tenders: vec![],
        };
        let per_line: i64 = prices.iter().map(|p| round(i128::from(*p) * i128::from(rate))).sum();
        prop_assert_eq!(quote(&b).unwrap().tax.minor(), per_line);
        b.tax_rounding = TaxRounding::PerDocument;
        let sum: i64 = prices.iter().sum();
        let once = round(i128::from(sum) * i128::from(rate));
        prop_assert_eq!(quote(&b).unwrap().tax.minor(), once);
    }
}
