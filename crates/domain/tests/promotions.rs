//! What promotions give: examples a shop would check by hand, and the laws that
//! hold for any basket and any book.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use jiff::civil::{DateTime, date};
use proptest::prelude::*;
use rust_decimal::{Decimal, dec};
use till_domain::money::{Currency, HALF_UP, Money};
use till_domain::promotion::{
    Break, Goods, Hours, Item, Kind, Off, Promotion, PromotionBook, Set, Shopper, When,
};
use till_domain::quote::Promoted;

const EUR: Currency = Currency::EUR;

fn goods(products: &[&str]) -> Goods {
    Goods {
        products: products.iter().map(|p| (*p).to_owned()).collect(),
        ..Goods::default()
    }
}

fn everything() -> Goods {
    Goods {
        all: true,
        ..Goods::default()
    }
}

fn promotion(id: &str, kind: Kind, goods: Goods) -> Promotion {
    Promotion {
        id: id.into(),
        name: format!("Promotion {id}"),
        kind,
        goods,
        when: When::default(),
        groups: vec![],
        coupon: None,
        limit: None,
    }
}

fn buy_get(buy: u32, get: u32, percent_off: Decimal) -> Kind {
    Kind::BuyGet {
        buy,
        get,
        percent_off,
    }
}

fn item<'a>(product: &'a str, price: Decimal, quantity: Decimal) -> Item<'a> {
    Item {
        product,
        sku: "",
        category: if product < "c" { "drinks" } else { "bread" },
        unit_price: price,
        quantity,
        pieces: true,
        takes_part: true,
    }
}

fn noon() -> DateTime {
    // A Friday.
    date(2026, 11, 20).at(12, 0, 0, 0)
}

fn given(book: Vec<Promotion>, items: &[Item<'_>], shopper: &Shopper<'_>) -> Vec<Vec<Promoted>> {
    PromotionBook::new(book)
        .unwrap()
        .apply(EUR, items, shopper)
        .unwrap()
}

fn anybody<'a>() -> Shopper<'a> {
    Shopper {
        at: noon(),
        groups: &[],
        coupons: &[],
    }
}

fn sum(lines: &[Vec<Promoted>]) -> i64 {
    lines.iter().flatten().map(|p| p.amount.minor()).sum()
}

/// "a 3 -1.00; b 1 -0.50" of a line.
fn shown(line: &[Promoted]) -> String {
    line.iter()
        .map(|p| format!("{} {} {}", p.promotion, p.units, p.amount))
        .collect::<Vec<_>>()
        .join("; ")
}

#[test]
fn what_each_kind_takes_off() {
    let three_for_two = || promotion("3for2", buy_get(2, 1, dec!(100)), goods(&["a", "b"]));
    let half = || promotion("half", buy_get(1, 1, dec!(50)), goods(&["a", "b"]));
    let four = |sum| promotion("four", Kind::Bundle { count: 4, sum }, goods(&["a", "b"]));
    let each = |off| promotion("each", Kind::Each(off), goods(&["a"]));
    let mut weighed = item("a", dec!(2.99), dec!(1.234));
    weighed.pieces = false;
    let breaks = || {
        let step = |from, off| Break {
            from,
            off: Off::PercentOff(off),
        };
        let kind = Kind::Breaks(vec![step(dec!(3), dec!(10)), step(dec!(6), dec!(20))]);
        promotion("breaks", kind, goods(&["a", "b"]))
    };
    let meal = || {
        let set = |products: &[&str], percent_off| Set {
            goods: goods(products),
            count: 1,
            percent_off,
        };
        let sets = vec![set(&["a", "b"], None), set(&["c"], None)];
        let kind = Kind::Sets {
            sets,
            sum: Some(dec!(4.50)),
        };
        promotion("meal", kind, Goods::default())
    };
    let croissant = || {
        let set = |product, percent_off| Set {
            goods: goods(&[product]),
            count: 1,
            percent_off,
        };
        let sets = vec![set("a", None), set("c", Some(dec!(50)))];
        promotion(
            "croissant",
            Kind::Sets { sets, sum: None },
            Goods::default(),
        )
    };
    let spend = |off| {
        let at_least = dec!(10);
        promotion("spend", Kind::Spend { at_least, off }, everything())
    };
    for (case, book, items, expected) in [
        (
            "3 for 2",
            three_for_two(),
            vec![item("a", dec!(1.99), dec!(7))],
            vec!["3for2 6 3.98"],
        ),
        (
            "3 for 2, not enough",
            three_for_two(),
            vec![item("a", dec!(1.99), dec!(2))],
            vec![""],
        ),
        (
            "3 for 2 over two lines: the cheapest is free, spread over all three",
            three_for_two(),
            vec![item("a", dec!(3), dec!(2)), item("b", dec!(2), dec!(1))],
            vec!["3for2 2 1.50", "3for2 1 0.50"],
        ),
        (
            "3 for 2, six of different prices: 3 is free and 1, not 1 and 1",
            three_for_two(),
            vec![item("a", dec!(3), dec!(3)), item("b", dec!(1), dec!(3))],
            vec!["3for2 3 3.00", "3for2 3 1.00"],
        ),
        (
            "second at half price, rounded half up as a discount is",
            half(),
            vec![item("a", dec!(0.99), dec!(3))],
            vec!["half 2 0.50"],
        ),
        (
            "4 for a sum, the dearest four",
            four(dec!(5)),
            vec![
                item("a", dec!(1.79), dec!(3)),
                item("b", dec!(1.49), dec!(2)),
            ],
            vec!["four 3 1.46", "four 1 0.40"],
        ),
        (
            "4 for a sum that is no gain",
            four(dec!(8)),
            vec![item("a", dec!(1.79), dec!(4))],
            vec![""],
        ),
        (
            "per cent, each piece rounded as its price tag would be",
            each(Off::PercentOff(dec!(10))),
            vec![item("a", dec!(0.95), dec!(3))],
            vec!["each 3 0.30"],
        ),
        (
            "per cent off a weighed line, rounded once",
            each(Off::PercentOff(dec!(10))),
            vec![weighed],
            vec!["each 1.234 0.37"],
        ),
        (
            "a lower price a kilogram: 3.69 less 2.46",
            each(Off::Price(dec!(1.99))),
            vec![weighed],
            vec!["each 1.234 1.23"],
        ),
        (
            "an amount off is never more than the price",
            each(Off::AmountOff(dec!(2))),
            vec![item("a", dec!(1.50), dec!(2))],
            vec!["each 2 3.00"],
        ),
        (
            "a price above the price changes nothing",
            each(Off::Price(dec!(2))),
            vec![item("a", dec!(1.50), dec!(2))],
            vec![""],
        ),
        (
            "a price of less than a cent is rounded once for the line",
            each(Off::PercentOff(dec!(50))),
            vec![item("a", dec!(0.0045), dec!(100))],
            vec!["each 100 0.23"],
        ),
        (
            "price breaks: five get 10 %",
            breaks(),
            vec![item("a", dec!(1), dec!(3)), item("b", dec!(2), dec!(2))],
            vec!["breaks 3 0.30", "breaks 2 0.40"],
        ),
        (
            "price breaks: six get 20 %",
            breaks(),
            vec![item("a", dec!(1), dec!(3)), item("b", dec!(2), dec!(3))],
            vec!["breaks 3 0.60", "breaks 3 1.20"],
        ),
        (
            "one from each of two sets for a sum",
            meal(),
            vec![
                item("a", dec!(3), dec!(1)),
                item("b", dec!(4), dec!(1)),
                item("c", dec!(2), dec!(1)),
            ],
            vec!["", "meal 1 1.00", "meal 1 0.50"],
        ),
        (
            "with a coffee, a croissant at half price",
            croissant(),
            vec![item("a", dec!(3), dec!(2)), item("c", dec!(2), dec!(1))],
            vec!["croissant 1 0.60", "croissant 1 0.40"],
        ),
        (
            "spend 10, get 1.00 off, spread by price",
            spend(Off::AmountOff(dec!(1))),
            vec![item("a", dec!(3), dec!(3)), item("c", dec!(1), dec!(1))],
            vec!["spend 3 0.90", "spend 1 0.10"],
        ),
        (
            "spend 10, not reached",
            spend(Off::AmountOff(dec!(1))),
            vec![item("a", dec!(3), dec!(3))],
            vec![""],
        ),
        (
            "a return gives back what the sale got",
            three_for_two(),
            vec![item("a", dec!(1.99), dec!(-3))],
            vec!["3for2 -3 -1.99"],
        ),
        (
            "a sale and a return do not make a set",
            three_for_two(),
            vec![item("a", dec!(1), dec!(2)), item("a", dec!(1), dec!(-1))],
            vec!["", ""],
        ),
    ] {
        let lines = given(vec![book], &items, &anybody());
        let lines: Vec<String> = lines.iter().map(|l| shown(l)).collect();
        assert_eq!(lines, expected, "{case}");
    }
}

#[test]
fn the_best_for_the_customer_wins() {
    let a = || item("a", dec!(2), dec!(5));
    let members = |mut p: Promotion| {
        p.groups = vec!["members".into()];
        p
    };
    let limited = |mut p: Promotion, n| {
        p.limit = Some(n);
        p
    };
    let coupon = |mut p: Promotion| {
        p.coupon = Some("Save5".into());
        p
    };
    let three = || promotion("3for2", buy_get(2, 1, dec!(100)), goods(&["a"]));
    let ten = || promotion("ten", Kind::Each(Off::PercentOff(dec!(10))), everything());
    let two = || {
        promotion(
            "two",
            Kind::Bundle {
                count: 2,
                sum: dec!(2),
            },
            goods(&["a"]),
        )
    };
    let code = ["SAVE5".to_owned()];
    let groups = ["members".to_owned()];
    let known = Shopper {
        groups: &groups,
        coupons: &code,
        ..anybody()
    };
    for (case, book, shopper, expected) in [
        (
            "3 for 2 on three, 10 % on the two that are left",
            vec![three(), ten()],
            anybody(),
            "3for2 3 2.00; ten 2 0.40",
        ),
        (
            "two for 2.00 twice beats 3 for 2, and the fifth gets 10 %",
            vec![three(), two(), ten()],
            anybody(),
            "ten 1 0.20; two 4 4.00",
        ),
        (
            "one such set only",
            vec![three(), limited(two(), 1), ten()],
            anybody(),
            "3for2 3 2.00; two 2 2.00",
        ),
        (
            "for members alone: a stranger",
            vec![members(two())],
            anybody(),
            "",
        ),
        (
            "for members alone: a member",
            vec![members(two())],
            known,
            "two 4 4.00",
        ),
        ("with a code alone", vec![coupon(ten())], anybody(), ""),
        ("with the code", vec![coupon(ten())], known, "ten 5 1.00"),
        (
            "three pieces at most",
            vec![limited(ten(), 3)],
            anybody(),
            "ten 3 0.60",
        ),
        (
            "a code and a group",
            vec![members(coupon(ten()))],
            Shopper {
                coupons: &code,
                ..anybody()
            },
            "",
        ),
    ] {
        let lines = given(book, &[a()], &shopper);
        assert_eq!(shown(&lines[0]), expected, "{case}");
    }
}

#[test]
fn by_hand_deposits_and_exceptions_take_no_part() {
    let mut by_hand = item("a", dec!(2), dec!(3));
    by_hand.takes_part = false;
    let mut goods = everything();
    goods.except_products = vec!["b".into()];
    goods.except_categories = vec!["bread".into()];
    let book = vec![promotion(
        "ten",
        Kind::Each(Off::PercentOff(dec!(10))),
        goods,
    )];
    let items = [
        by_hand,
        item("b", dec!(2), dec!(1)),
        item("c", dec!(2), dec!(1)),
        item("aa", dec!(2), dec!(1)),
    ];
    let lines = given(book, &items, &anybody());
    let lines: Vec<String> = lines.iter().map(|l| shown(l)).collect();
    assert_eq!(lines, ["", "", "", "ten 1 0.20"]);
}

#[test]
fn a_promotion_counts_at_its_times() {
    let hours = |from: (i8, i8), until: (i8, i8)| Hours {
        from: jiff::civil::time(from.0, from.1, 0, 0),
        until: jiff::civil::time(until.0, until.1, 0, 0),
    };
    let friday = When {
        weekdays: vec![till_domain::promotion::Day::Friday],
        hours: vec![hours((22, 0), (2, 0))],
        ..When::default()
    };
    let happy = When {
        hours: vec![hours((18, 0), (20, 0))],
        ..When::default()
    };
    let november = When {
        from: Some(date(2026, 11, 1)),
        until: Some(date(2026, 11, 30)),
        ..When::default()
    };
    let on = |d: i8, h: i8, m: i8| date(2026, 11, d).at(h, m, 0, 0);
    for (case, when, at, expected) in [
        ("before", &happy, on(20, 17, 59), false),
        ("the first minute", &happy, on(20, 18, 0), true),
        ("the last minute", &happy, on(20, 19, 59), true),
        ("over", &happy, on(20, 20, 0), false),
        ("Friday night", &friday, on(20, 23, 0), true),
        ("Friday night, after midnight", &friday, on(21, 1, 59), true),
        ("Saturday night", &friday, on(21, 23, 0), false),
        (
            "Thursday night, after midnight",
            &friday,
            on(20, 1, 0),
            false,
        ),
        ("the first day", &november, on(1, 0, 0), true),
        ("the last day", &november, on(30, 23, 59), true),
        (
            "the day after",
            &november,
            date(2026, 12, 1).at(0, 0, 0, 0),
            false,
        ),
    ] {
        assert_eq!(when.counts_at(at), expected, "{case}");
    }
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let each = |off| promotion("x", Kind::Each(off), goods(&["a"]));
    let mut no_id = each(Off::PercentOff(dec!(10)));
    no_id.id = " ".into();
    let mut none = each(Off::PercentOff(dec!(10)));
    none.limit = Some(0);
    let mut ends = each(Off::PercentOff(dec!(10)));
    ends.when.from = Some(date(2026, 2, 1));
    ends.when.until = Some(date(2026, 1, 31));
    let set = |product, percent_off| Set {
        goods: goods(&[product]),
        count: 1,
        percent_off,
    };
    let sets = |sets, sum| promotion("x", Kind::Sets { sets, sum }, Goods::default());
    let step = |from, off| Break { from, off };
    for (promotion, says) in [
        (
            each(Off::PercentOff(dec!(101))),
            r#"promotion "x": `percent_off`: 101 % is not above 0 and up to 100"#,
        ),
        (
            each(Off::AmountOff(dec!(0))),
            r#"promotion "x": `amount_off`: 0 is below zero, absurd or has more than six places"#,
        ),
        (
            each(Off::Price(dec!(-1))),
            r#"promotion "x": `price`: -1 is below zero, absurd or has more than six places"#,
        ),
        (
            promotion("x", buy_get(2, 0, dec!(100)), goods(&["a"])),
            r#"promotion "x": `get`: 0 is not from 1 to 100"#,
        ),
        (
            promotion(
                "x",
                Kind::Bundle {
                    count: 101,
                    sum: dec!(1),
                },
                goods(&["a"]),
            ),
            r#"promotion "x": `count`: 101 is not from 1 to 100"#,
        ),
        (
            promotion("x", Kind::Each(Off::Price(dec!(1))), Goods::default()),
            r#"promotion "x": it names no goods"#,
        ),
        (
            sets(vec![set("a", None)], Some(dec!(1))),
            r#"promotion "x": it has fewer than two sets"#,
        ),
        (
            sets(vec![set("a", None), set("b", None)], None),
            r#"promotion "x": its sets have either a `sum` together or a `percent_off` of their own"#,
        ),
        (
            promotion(
                "x",
                Kind::Breaks(vec![
                    step(dec!(6), Off::PercentOff(dec!(10))),
                    step(dec!(12), Off::PercentOff(dec!(5))),
                ]),
                goods(&["a"]),
            ),
            r#"promotion "x": its breaks do not rise, or a larger quantity gets less off"#,
        ),
        (
            promotion(
                "x",
                Kind::Spend {
                    at_least: dec!(5),
                    off: Off::Price(dec!(1)),
                },
                goods(&["a"]),
            ),
            r#"promotion "x": a promotion on spending takes a percentage or an amount off, it sets no price"#,
        ),
        (no_id, r#"promotion " ": `id` is empty"#),
        (none, r#"promotion "x": `limit`: 0 is not from 1 to 100"#),
        (ends, r#"promotion "x": it ends before it begins"#),
    ] {
        let refused = PromotionBook::new(vec![promotion]).unwrap_err();
        assert_eq!(refused.to_string(), says);
    }
    let twice = vec![each(Off::Price(dec!(1))), each(Off::Price(dec!(2)))];
    assert_eq!(
        PromotionBook::new(twice).unwrap_err().to_string(),
        r#"two promotions have the id "x""#
    );
}

#[test]
fn a_promotion_is_written_as_it_is_read() {
    for text in [
        r#"{"id":"a","name":"A","kind":{"each":{"percent_off":"20"}},"goods":{"products":["1001"]}}"#,
        r#"{"id":"a","name":"A","kind":{"buy_get":{"buy":2,"get":1,"percent_off":"100"}},"goods":{"categories":["Drinks"],"except_products":["7"]},"limit":2}"#,
        r#"{"id":"a","name":"A","kind":{"bundle":{"count":4,"sum":"5.00"}},"goods":{"all":true},"groups":["members"],"coupon":"X"}"#,
        r#"{"id":"a","name":"A","kind":{"sets":{"sets":[{"goods":{"products":["1"]},"count":1},{"goods":{"products":["2"]},"count":2}],"sum":"5.00"}}}"#,
        r#"{"id":"a","name":"A","kind":{"breaks":[{"from":"1.5","off":{"price":"2.49"}}]},"goods":{"all":true},"when":{"from":"2026-11-01","until":"2026-11-30","weekdays":["friday"],"hours":[{"from":"18:00:00","until":"20:00:00"}]}}"#,
        r#"{"id":"a","name":"A","kind":{"spend":{"at_least":"50.00","off":{"amount_off":"5.00"}}},"goods":{"all":true}}"#,
    ] {
        let read: Promotion = serde_json::from_str(text).unwrap();
        read.check().unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }
    for (text, says) in [
        (
            r#"{"id":"a","name":"A","kind":{"each":{"percent_off":20.5}}}"#,
            "invalid type: floating point `20.5`, expected a decimal in quotes",
        ),
        (
            r#"{"id":"a","name":"A","kind":{"each":{"percent_off":"20"}},"colour":1}"#,
            "unknown field `colour`",
        ),
    ] {
        let refused = serde_json::from_str::<Promotion>(text).unwrap_err();
        assert!(refused.to_string().starts_with(says), "{refused}");
    }
}

// ---- laws ----

const PRODUCTS: [&str; 4] = ["a", "b", "c", "d"];

fn any_goods() -> impl Strategy<Value = Goods> {
    prop::sample::subsequence(PRODUCTS.to_vec(), 1..=3).prop_map(|names| goods(&names))
}

fn any_off() -> impl Strategy<Value = Off> {
    prop_oneof![
        (1_i64..=100).prop_map(|p| Off::PercentOff(p.into())),
        (1_i64..300).prop_map(|m| Off::AmountOff(Decimal::new(m, 2))),
        (0_i64..300).prop_map(|m| Off::Price(Decimal::new(m, 2))),
    ]
}

fn any_kind() -> impl Strategy<Value = (Kind, bool)> {
    let sets = prop::collection::vec((any_goods(), 1_u32..=2, 1_i64..=100), 2..=3);
    prop_oneof![
        3 => any_off().prop_map(|off| (Kind::Each(off), true)),
        3 => (1_u32..=3, 1_u32..=2, 1_i64..=100)
            .prop_map(|(buy, get, p)| (buy_get(buy, get, p.into()), true)),
        3 => (1_u32..=4, 0_i64..900)
            .prop_map(|(count, m)| (Kind::Bundle { count, sum: Decimal::new(m, 2) }, true)),
        3 => (sets, prop::option::of(0_i64..900)).prop_map(|(sets, sum)| {
            let sets = sets
                .into_iter()
                .enumerate()
                .map(|(i, (goods, count, p))| Set {
                    goods,
                    count,
                    percent_off: (sum.is_none() && i > 0).then(|| p.into()),
                })
                .collect();
            (Kind::Sets { sets, sum: sum.map(|m| Decimal::new(m, 2)) }, true)
        }),
        2 => (1_u32..4, 1_u32..4, 1_i64..50, 0_i64..50).prop_map(|(from, more, p, q)| {
            let step = |from: u32, p: i64| Break {
                from: from.into(),
                off: Off::PercentOff(p.into()),
            };
            (Kind::Breaks(vec![step(from, p), step(from + more, p + q)]), false)
        }),
    ]
}

prop_compose! {
    fn any_promotion()(
        (kind, limitable) in any_kind(),
        goods in any_goods(),
        limit in prop::option::weighted(0.3, 1_u32..3),
    ) -> Promotion {
        let goods = if matches!(kind, Kind::Sets { .. }) { Goods::default() } else { goods };
        Promotion {
            limit: limit.filter(|_| limitable),
            ..promotion("", kind, goods)
        }
    }
}

fn any_spend() -> impl Strategy<Value = Promotion> {
    (any_goods(), 1_i64..1_500, 1_i64..=100, any::<bool>()).prop_map(|(goods, m, p, amount)| {
        let off = if amount {
            Off::AmountOff(Decimal::new(p * 10, 2))
        } else {
            Off::PercentOff(p.into())
        };
        let at_least = Decimal::new(m, 2);
        promotion("", Kind::Spend { at_least, off }, goods)
    })
}

fn any_book(most: usize, spends: u32) -> impl Strategy<Value = Vec<Promotion>> {
    let one = prop_oneof![4 => any_promotion(), spends => any_spend()];
    prop::collection::vec(one, 1..=most).prop_map(|mut book| {
        for (i, promotion) in book.iter_mut().enumerate() {
            promotion.id = format!("p{i:02}");
        }
        book
    })
}

/// Product, cents.
type Unit = (usize, i64);

/// Product, cents, pieces.
type Row = (usize, i64, i64);

fn any_rows(lines: usize, pieces: i64) -> impl Strategy<Value = Vec<Row>> {
    // Few prices, so that equal ones are common.
    let price = prop_oneof![Just(99_i64), Just(100), Just(150), Just(299), 1_i64..500];
    prop::collection::vec((0..PRODUCTS.len(), price, 1..=pieces), 1..=lines)
}

fn items(rows: &[Row]) -> Vec<Item<'static>> {
    rows.iter()
        .map(|(p, cents, n)| item(PRODUCTS[*p], Decimal::new(*cents, 2), (*n).into()))
        .collect()
}

/// The most that can be taken off, found by trying every way to deal out the
/// units, and every way to group what a promotion got.
fn by_trying_all(book: &[Promotion], rows: &[Row]) -> i64 {
    let units: Vec<Unit> = rows
        .iter()
        .flat_map(|(p, cents, n)| (0..*n).map(|_| (*p, *cents)))
        .collect();
    let ways = (book.len() + 1).pow(u32::try_from(units.len()).unwrap());
    let mut best = 0;
    for way in 0..ways {
        let mut to: Vec<Vec<Unit>> = vec![Vec::new(); book.len()];
        let mut rest = way;
        for unit in &units {
            let at = rest % (book.len() + 1);
            rest /= book.len() + 1;
            if let Some(to) = to.get_mut(at) {
                to.push(*unit);
            }
        }
        let worth: Option<i64> = book.iter().zip(&to).map(|(p, got)| worth(p, got)).sum();
        best = best.max(worth.unwrap_or(0));
    }
    best
}

fn off_price(off: Off, cents: i64) -> i64 {
    let price = Decimal::new(cents, 2);
    let less = match off {
        Off::PercentOff(p) => price * p / dec!(100),
        Off::AmountOff(a) => a.min(price),
        Off::Price(lower) => (price - lower).max(Decimal::ZERO),
    };
    Money::rounded(less, EUR, HALF_UP).unwrap().minor()
}

/// What a promotion takes off exactly these units; none where it cannot use all.
fn worth(p: &Promotion, units: &[Unit]) -> Option<i64> {
    if units.is_empty() {
        return Some(0);
    }
    let fits = |goods: &Goods, (product, _): Unit| {
        goods.products.iter().any(|name| name == PRODUCTS[product])
    };
    let all_fit = units.iter().all(|u| fits(&p.goods, *u));
    let limit = usize::try_from(p.limit.unwrap_or(u32::MAX)).unwrap();
    let major = |sum: Decimal| {
        i64::try_from((sum * dec!(100)).mantissa() / 10_i128.pow((sum * dec!(100)).scale()))
            .unwrap()
    };
    match &p.kind {
        Kind::Each(off) => (all_fit && units.len() <= limit)
            .then(|| units.iter().map(|(_, c)| off_price(*off, *c)).sum()),
        Kind::BuyGet {
            buy,
            get,
            percent_off,
        } => {
            let size = usize::try_from(buy + get).unwrap();
            let of_set = |set: &[Unit]| {
                let mut prices: Vec<i64> = set.iter().map(|(_, c)| *c).collect();
                prices.sort_unstable();
                let cheap = prices.iter().take(usize::try_from(*get).unwrap());
                Some(
                    cheap
                        .map(|c| off_price(Off::PercentOff(*percent_off), *c))
                        .sum(),
                )
            };
            all_fit
                .then(|| grouped(units, size, limit, &of_set))
                .flatten()
        }
        Kind::Bundle { count, sum } => {
            let of_set = |set: &[Unit]| Some(set.iter().map(|(_, c)| c).sum::<i64>() - major(*sum));
            all_fit
                .then(|| grouped(units, usize::try_from(*count).unwrap(), limit, &of_set))
                .flatten()
        }
        Kind::Sets { sets, sum } => {
            let size = sets.iter().map(|s| usize::try_from(s.count).unwrap()).sum();
            let of_set = |set: &[Unit]| {
                let slots: Vec<&Set> = sets
                    .iter()
                    .flat_map(|s| (0..s.count).map(move |_| s))
                    .collect();
                orders(set)
                    .into_iter()
                    .filter(|order| {
                        order
                            .iter()
                            .zip(&slots)
                            .all(|(u, slot)| fits(&slot.goods, *u))
                    })
                    .map(|order| match sum {
                        Some(sum) => order.iter().map(|(_, c)| c).sum::<i64>() - major(*sum),
                        None => order
                            .iter()
                            .zip(&slots)
                            .filter_map(|((_, c), slot)| {
                                Some(off_price(Off::PercentOff(slot.percent_off?), *c))
                            })
                            .sum(),
                    })
                    .max()
            };
            grouped(units, size, limit, &of_set)
        }
        Kind::Breaks(steps) => {
            let n = Decimal::from(units.len());
            let step = steps.iter().rfind(|s| s.from <= n)?;
            all_fit.then(|| units.iter().map(|(_, c)| off_price(step.off, *c)).sum())
        }
        Kind::Spend { .. } => panic!("not exact"),
    }
}

/// The best partition into sets of `size`.
fn grouped(
    units: &[Unit],
    size: usize,
    limit: usize,
    of_set: &dyn Fn(&[Unit]) -> Option<i64>,
) -> Option<i64> {
    let Some((first, rest)) = units.split_first() else {
        return Some(0);
    };
    if !units.len().is_multiple_of(size) || units.len() / size > limit {
        return None;
    }
    let mut best = None;
    for mask in 0..1_u32 << rest.len() {
        if usize::try_from(mask.count_ones()).unwrap() + 1 != size {
            continue;
        }
        let (mut set, mut others) = (vec![*first], Vec::new());
        for (i, unit) in rest.iter().enumerate() {
            if mask >> i & 1 == 1 {
                set.push(*unit);
            } else {
                others.push(*unit);
            }
        }
        let worth = of_set(&set)
            .zip(grouped(&others, size, limit.saturating_sub(1), of_set))
            .map(|(a, b)| a + b);
        best = best.max(worth);
    }
    best
}

fn orders(set: &[Unit]) -> Vec<Vec<Unit>> {
    if set.is_empty() {
        return vec![Vec::new()];
    }
    (0..set.len())
        .flat_map(|i| {
            let mut rest = set.to_vec();
            let first = rest.remove(i);
            orders(&rest).into_iter().map(move |mut order| {
                order.insert(0, first);
                order
            })
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]
    #[test]
    fn nothing_better_is_found_by_trying_all(
        book in any_book(3, 0),
        rows in any_rows(4, 2),
    ) {
        // Units that can be dealt out in all ways.
        let mut rows = rows;
        while rows.iter().map(|r| r.2).sum::<i64>() > 6 {
            rows.pop();
        }
        let found = sum(&given(book.clone(), &items(&rows), &anybody()));
        prop_assert_eq!(found, by_trying_all(&book, &rows));
    }
}

proptest! {
    #[test]
    fn the_best_is_as_good_as_every_single_promotion(
        // Up to twelve that compete: far beyond what is searched exactly.
        book in prop_oneof![any_book(4, 1), any_book(12, 1)],
        rows in any_rows(12, 9),
    ) {
        let items = items(&rows);
        let together = sum(&given(book.clone(), &items, &anybody()));
        for one in book {
            let alone = sum(&given(vec![one.clone()], &items, &anybody()));
            prop_assert!(together >= alone, "{together} with all, {alone} with {one:?}");
        }
    }

    #[test]
    fn permuting_lines_and_promotions_changes_no_total(
        book in prop_oneof![any_book(4, 1), any_book(12, 1)],
        rows in any_rows(8, 6).prop_shuffle(),
        seed in any::<u64>(),
    ) {
        let mut turned = rows.clone();
        let len = turned.len();
        for i in 0..len {
            turned.swap(i, usize::try_from(seed.rotate_left(u32::try_from(i).unwrap()) % len as u64).unwrap());
        }
        let mut backwards = book.clone();
        backwards.reverse();
        let by_promotion = |lines: &[Vec<Promoted>]| {
            let mut sums = std::collections::BTreeMap::new();
            for p in lines.iter().flatten() {
                let (amount, units) = sums.entry(p.promotion.clone()).or_insert((0, Decimal::ZERO));
                *amount += p.amount.minor();
                *units += p.units;
            }
            sums
        };
        prop_assert_eq!(
            by_promotion(&given(book, &items(&rows), &anybody())),
            by_promotion(&given(backwards, &items(&turned), &anybody()))
        );
    }

    #[test]
    fn splitting_a_line_changes_no_total(
        book in any_book(4, 1),
        rows in any_rows(5, 8),
        cut in 1_i64..8,
    ) {
        let whole = sum(&given(book.clone(), &items(&rows), &anybody()));
        let mut split = rows.clone();
        let (product, cents, n) = split[0];
        if n > cut {
            split[0].2 = cut;
            split.push((product, cents, n - cut));
        }
        prop_assert_eq!(whole, sum(&given(book, &items(&split), &anybody())));
    }

    #[test]
    fn no_unit_is_used_twice_and_no_price_passes_zero(
        book in any_book(4, 1),
        rows in any_rows(10, 9),
    ) {
        let items = items(&rows);
        for (line, item) in given(book, &items, &anybody()).iter().zip(&items) {
            let units: Decimal = line.iter().map(|p| p.units).sum();
            prop_assert!(units <= item.quantity, "{units} of {}", item.quantity);
            prop_assert!(line.iter().all(|p| p.amount.is_positive()));
            let off: i64 = line.iter().map(|p| p.amount.minor()).sum();
            let gross = item.unit_price * item.quantity;
            prop_assert!(off <= Money::rounded(gross, EUR, HALF_UP).unwrap().minor());
        }
    }

    #[test]
    fn a_return_mirrors_a_sale(book in any_book(4, 1), rows in any_rows(6, 6)) {
        let sale = items(&rows);
        let mut back = sale.clone();
        for item in &mut back {
            item.quantity = -item.quantity;
        }
        let mut mirrored = given(book.clone(), &back, &anybody());
        for p in mirrored.iter_mut().flatten() {
            p.units = -p.units;
            p.amount = p.amount.negated();
        }
        prop_assert_eq!(mirrored, given(book, &sale, &anybody()));
    }

    #[test]
    fn prices_below_a_cent_and_weights_stay_within_their_lines(
        book in any_book(4, 1),
        rows in prop::collection::vec(
            (0..PRODUCTS.len(), 1_i64..100_000, 1_i64..30_000, any::<bool>()), 1..8),
    ) {
        let items: Vec<Item<'_>> = rows
            .iter()
            .map(|(p, price, milli, pieces)| {
                let quantity = if *pieces {
                    Decimal::from(milli % 30 + 1)
                } else {
                    Decimal::new(*milli, 3)
                };
                Item {
                    pieces: *pieces,
                    ..item(PRODUCTS[*p], Decimal::new(*price, 5), quantity)
                }
            })
            .collect();
        for (line, item) in given(book, &items, &anybody()).iter().zip(&items) {
            let off: i64 = line.iter().map(|p| p.amount.minor()).sum();
            let gross = Money::rounded(item.unit_price * item.quantity, EUR, HALF_UP).unwrap();
            prop_assert!(0 <= off && off <= gross.minor(), "{off} off {gross}");
            let units: Decimal = line.iter().map(|p| p.units).sum();
            prop_assert!(units <= item.quantity);
        }
    }
}
