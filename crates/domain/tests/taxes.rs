//! Taxes against cases that others have published.
//!
//! The rows are those of Odoo's `addons/account/tests/test_taxes_computation.py`
//! and `test_taxes_tax_totals_summary.py` (19.0) that use percent and fixed taxes,
//! with the values that they expect. Where Odoo's `round_globally` makes an included
//! price a cent dearer there is no row: here a price that includes its tax stays.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use rust_decimal::{Decimal, dec};
use till_domain::money::{Currency, HALF_UP, Money, RoundingMode};
use till_domain::quote::{Basket, BasketLine, Quote, TaxRounding, quote};
use till_domain::tax::{Tax, TaxKind, rebased};

const EUR: Currency = Currency::EUR;

/// The marks of a tax, as the tables of Odoo's tests write them.
const INCL: u8 = 1; // price_include
const BASE: u8 = 2; // include_base_amount
const FREE: u8 = 4; // not is_base_affected

fn tax(kind: TaxKind, marks: u8) -> Tax {
    Tax {
        code: format!("{kind:?}{marks}"),
        kind,
        price_included: marks & INCL != 0,
        in_base_of_next: marks & BASE != 0,
        base_affected_by_previous: marks & FREE == 0,
    }
}

fn percent(rate: Decimal, marks: u8) -> Tax {
    tax(TaxKind::Percent(rate), marks)
}

fn fixed(amount: Decimal, marks: u8) -> Tax {
    tax(TaxKind::FixedPerUnit(amount), marks)
}

fn basket(lines: Vec<BasketLine>, tax_rounding: TaxRounding) -> Basket {
    Basket {
        currency: EUR,
        tax_rounding,
        tax_rounding_mode: RoundingMode::HalfUp,
        cash_rounding: None,
        lines,
        discounts: vec![],
        tenders: vec![],
    }
}

fn one(price: Decimal, quantity: Decimal, taxes: Vec<Tax>, rounding: TaxRounding) -> Quote {
    quote(&basket(
        vec![BasketLine::new(price, quantity, taxes)],
        rounding,
    ))
    .unwrap()
}

fn eur(value: Decimal) -> Money {
    Money::rounded(value, EUR, HALF_UP).unwrap()
}

struct Row {
    what: &'static str,
    taxes: Vec<Tax>,
    price: Decimal,
    quantity: Decimal,
    /// Total included, total excluded.
    totals: (Decimal, Decimal),
    /// Base and amount of each tax.
    each: Vec<(Decimal, Decimal)>,
}

fn rows() -> Vec<Row> {
    let row = |what, taxes, price, quantity, totals, each| Row {
        what,
        taxes,
        price,
        quantity,
        totals,
        each,
    };
    vec![
        row(
            "random_case_1",
            vec![percent(dec!(8), INCL), percent(dec!(0), INCL)],
            dec!(124.40),
            dec!(1),
            (dec!(124.40), dec!(115.19)),
            vec![(dec!(115.19), dec!(9.21)), (dec!(115.19), dec!(0))],
        ),
        row(
            "random_case_3",
            vec![percent(dec!(15), 0), percent(dec!(5.5), INCL)],
            dec!(2300),
            dec!(1),
            (dec!(2627.01), dec!(2180.09)),
            vec![(dec!(2180.09), dec!(327.01)), (dec!(2180.09), dec!(119.91))],
        ),
        row(
            "random_case_4",
            vec![percent(dec!(12), INCL)],
            dec!(52.50),
            dec!(1),
            (dec!(52.50), dec!(46.87)),
            vec![(dec!(46.87), dec!(5.63))],
        ),
        row(
            "random_case_7, 11.90",
            vec![percent(dec!(21), INCL)],
            dec!(11.90),
            dec!(1),
            (dec!(11.90), dec!(9.83)),
            vec![(dec!(9.83), dec!(2.07))],
        ),
        row(
            "random_case_7, 2.80",
            vec![percent(dec!(21), INCL)],
            dec!(2.80),
            dec!(1),
            (dec!(2.80), dec!(2.31)),
            vec![(dec!(2.31), dec!(0.49))],
        ),
        row(
            "random_case_8, a tax that is withheld",
            vec![
                percent(dec!(-20), 0),
                percent(dec!(4), BASE),
                percent(dec!(22), 0),
            ],
            dec!(50),
            dec!(1),
            (dec!(53.44), dec!(50)),
            vec![
                (dec!(50), dec!(-10)),
                (dec!(50), dec!(2)),
                (dec!(52), dec!(11.44)),
            ],
        ),
        row(
            "fixed_tax_price_included_affect_base_on_0",
            vec![fixed(dec!(0.05), INCL | BASE)],
            dec!(0),
            dec!(1),
            (dec!(0), dec!(-0.05)),
            vec![(dec!(-0.05), dec!(0.05))],
        ),
        row(
            "l10n_in, nothing affects anything",
            vec![
                percent(dec!(6), 0),
                percent(dec!(6), 0),
                percent(dec!(3), 0),
            ],
            dec!(100),
            dec!(1),
            (dec!(115), dec!(100)),
            vec![
                (dec!(100), dec!(6)),
                (dec!(100), dec!(6)),
                (dec!(100), dec!(3)),
            ],
        ),
        row(
            "l10n_in, the first affects both",
            vec![
                percent(dec!(6), BASE),
                percent(dec!(6), 0),
                percent(dec!(3), 0),
            ],
            dec!(100),
            dec!(1),
            (dec!(115.54), dec!(100)),
            vec![
                (dec!(100), dec!(6)),
                (dec!(106), dec!(6.36)),
                (dec!(106), dec!(3.18)),
            ],
        ),
        row(
            "l10n_in, the second is not affected",
            vec![
                percent(dec!(6), BASE),
                percent(dec!(6), FREE),
                percent(dec!(3), 0),
            ],
            dec!(100),
            dec!(1),
            (dec!(115.18), dec!(100)),
            vec![
                (dec!(100), dec!(6)),
                (dec!(100), dec!(6)),
                (dec!(106), dec!(3.18)),
            ],
        ),
        row(
            "l10n_in, both affect the third, the second is affected",
            vec![
                percent(dec!(6), BASE),
                percent(dec!(6), BASE),
                percent(dec!(3), 0),
            ],
            dec!(100),
            dec!(1),
            (dec!(115.73), dec!(100)),
            vec![
                (dec!(100), dec!(6)),
                (dec!(106), dec!(6.36)),
                (dec!(112.36), dec!(3.37)),
            ],
        ),
        row(
            "l10n_in, both affect the third alone",
            vec![
                percent(dec!(6), BASE),
                percent(dec!(6), BASE | FREE),
                percent(dec!(3), 0),
            ],
            dec!(100),
            dec!(1),
            (dec!(115.36), dec!(100)),
            vec![
                (dec!(100), dec!(6)),
                (dec!(100), dec!(6)),
                (dec!(112), dec!(3.36)),
            ],
        ),
        row(
            "l10n_in, both in the price",
            vec![
                percent(dec!(6), INCL | BASE),
                percent(dec!(6), INCL | BASE | FREE),
                percent(dec!(3), 0),
            ],
            dec!(112),
            dec!(1),
            (dec!(115.36), dec!(100)),
            vec![
                (dec!(100), dec!(6)),
                (dec!(100), dec!(6)),
                (dec!(112), dec!(3.36)),
            ],
        ),
        row(
            "l10n_in, the two always give the same",
            vec![
                percent(dec!(6), INCL | BASE),
                percent(dec!(6), INCL | BASE | FREE),
            ],
            dec!(17.79),
            dec!(1),
            // 15.883929 and 0.953036 twice: what is left of the price is the base.
            (dec!(17.79), dec!(15.89)),
            vec![(dec!(15.89), dec!(0.95)), (dec!(15.89), dec!(0.95))],
        ),
        row(
            "l10n_in, the first in the price, the second not affected",
            vec![
                percent(dec!(6), INCL | BASE),
                percent(dec!(6), FREE),
                percent(dec!(3), 0),
            ],
            dec!(106),
            dec!(1),
            (dec!(115.18), dec!(100)),
            vec![
                (dec!(100), dec!(6)),
                (dec!(100), dec!(6)),
                (dec!(106), dec!(3.18)),
            ],
        ),
        row(
            "l10n_in, the first in the price affects both",
            vec![
                percent(dec!(6), INCL | BASE),
                percent(dec!(6), 0),
                percent(dec!(3), 0),
            ],
            dec!(106),
            dec!(1),
            (dec!(115.54), dec!(100)),
            vec![
                (dec!(100), dec!(6)),
                (dec!(106), dec!(6.36)),
                (dec!(106), dec!(3.18)),
            ],
        ),
        row(
            "l10n_in, the first in the price affects none",
            vec![
                percent(dec!(6), INCL),
                percent(dec!(6), FREE),
                percent(dec!(3), 0),
            ],
            dec!(106),
            dec!(1),
            (dec!(115), dec!(100)),
            vec![
                (dec!(100), dec!(6)),
                (dec!(100), dec!(6)),
                (dec!(100), dec!(3)),
            ],
        ),
        row(
            "l10n_be, fixed taxes for five",
            vec![fixed(dec!(1), 0), percent(dec!(21), 0), fixed(dec!(2), 0)],
            dec!(20),
            dec!(5),
            (dec!(136), dec!(100)),
            vec![
                (dec!(100), dec!(5)),
                (dec!(100), dec!(21)),
                (dec!(100), dec!(10)),
            ],
        ),
        row(
            "l10n_be, the fixed tax is taxed",
            vec![
                fixed(dec!(1), BASE),
                percent(dec!(21), 0),
                // Odoo's third tax is not told what the second adds.
                fixed(dec!(2), 0),
            ],
            dec!(19),
            dec!(5),
            (dec!(131), dec!(95)),
            vec![
                (dec!(95), dec!(5)),
                (dec!(100), dec!(21)),
                (dec!(100), dec!(10)),
            ],
        ),
        row(
            "l10n_be, a fixed tax on top of a price with tax in it",
            vec![
                fixed(dec!(1), BASE),
                percent(dec!(21), INCL),
                fixed(dec!(2), 0),
            ],
            dec!(120),
            dec!(1),
            (dec!(123), dec!(99)),
            vec![
                (dec!(99), dec!(1)),
                (dec!(100), dec!(21)),
                (dec!(100), dec!(2)),
            ],
        ),
        row(
            "l10n_be, and both in the base of the last",
            vec![
                fixed(dec!(1), BASE),
                percent(dec!(21), INCL | BASE),
                fixed(dec!(2), 0),
            ],
            dec!(120),
            dec!(1),
            (dec!(123), dec!(99)),
            vec![
                (dec!(99), dec!(1)),
                (dec!(100), dec!(21)),
                (dec!(121), dec!(2)),
            ],
        ),
        row(
            "l10n_be, the percentage alone in the base of the last",
            vec![
                fixed(dec!(1), 0),
                percent(dec!(21), INCL | BASE),
                fixed(dec!(2), 0),
            ],
            dec!(121),
            dec!(1),
            (dec!(124), dec!(100)),
            vec![
                (dec!(100), dec!(1)),
                (dec!(100), dec!(21)),
                (dec!(121), dec!(2)),
            ],
        ),
        row(
            "l10n_be, the same with nothing in the price",
            vec![
                fixed(dec!(1), 0),
                percent(dec!(21), BASE),
                fixed(dec!(2), 0),
            ],
            dec!(100),
            dec!(1),
            (dec!(124), dec!(100)),
            vec![
                (dec!(100), dec!(1)),
                (dec!(100), dec!(21)),
                (dec!(121), dec!(2)),
            ],
        ),
        row(
            "l10n_be, fixed and percent in the price",
            vec![
                fixed(dec!(1), INCL),
                percent(dec!(21), INCL | BASE),
                fixed(dec!(2), 0),
            ],
            dec!(122),
            dec!(1),
            (dec!(124), dec!(100)),
            vec![
                (dec!(100), dec!(1)),
                (dec!(100), dec!(21)),
                (dec!(121), dec!(2)),
            ],
        ),
        row(
            "l10n_be, and none in a base",
            vec![
                fixed(dec!(1), INCL),
                percent(dec!(21), INCL),
                fixed(dec!(2), 0),
            ],
            dec!(122),
            dec!(1),
            (dec!(124), dec!(100)),
            vec![
                (dec!(100), dec!(1)),
                (dec!(100), dec!(21)),
                (dec!(100), dec!(2)),
            ],
        ),
        row(
            "l10n_be, and both in the base of the next",
            vec![
                fixed(dec!(1), INCL | BASE),
                percent(dec!(21), INCL | BASE),
                fixed(dec!(2), 0),
            ],
            dec!(121),
            dec!(1),
            (dec!(123), dec!(99)),
            vec![
                (dec!(99), dec!(1)),
                (dec!(100), dec!(21)),
                (dec!(121), dec!(2)),
            ],
        ),
        row(
            "l10n_be, nothing to pay for, and a fixed tax on its return",
            vec![fixed(dec!(1), 0)],
            dec!(0),
            dec!(-1),
            (dec!(-1), dec!(0)),
            vec![(dec!(0), dec!(-1))],
        ),
    ]
}

#[test]
fn taxes_are_those_that_others_have_published() {
    for Row {
        what,
        taxes,
        price,
        quantity,
        totals,
        each,
    } in rows()
    {
        for rounding in [TaxRounding::PerLine, TaxRounding::PerDocument] {
            let q = one(price, quantity, taxes.clone(), rounding);
            assert_eq!((q.total, q.net), (eur(totals.0), eur(totals.1)), "{what}");
            let got: Vec<(Money, Money)> = q.lines[0]
                .taxes
                .iter()
                .map(|t| (t.base, t.amount))
                .collect();
            let expected: Vec<(Money, Money)> =
                each.iter().map(|(b, a)| (eur(*b), eur(*a))).collect();
            assert_eq!(got, expected, "{what}");
        }
    }
}

/// Sales of several lines: net, tax and total, and each tax over the sale, by the
/// line and by the document.
#[test]
fn sales_are_taxed_as_others_have_published() {
    type Sale = Vec<(Decimal, Vec<Tax>)>;
    type Sums = (Decimal, Decimal, Decimal, Vec<Decimal>);
    let twice = |price, taxes: Vec<Tax>| vec![(price, taxes.clone()), (price, taxes)];
    let named = |code: &str, mut tax: Tax| {
        tax.code = code.into();
        tax
    };
    let gst = |marks| {
        vec![
            named("1", percent(dec!(6), marks | BASE)),
            named("2", percent(dec!(6), marks | BASE | FREE)),
            named("3", percent(dec!(3), 0)),
        ]
    };
    let fee = |marks| vec![fixed(dec!(1), marks | BASE), percent(dec!(21), marks)];
    let pesos = [1199, 1999, 1699, 11999, 11999, 11999, 10999];
    let ten = || percent(dec!(10), 0);
    let ten_base = || percent(dec!(10), BASE);
    let twenty = || percent(dec!(20), 0);
    let thirty = || percent(dec!(30), 0);
    let minus = || percent(dec!(-25), 0);
    let rows: Vec<(&str, Sale, Sums, Option<Sums>)> = vec![
        (
            "l10n_in",
            twice(dec!(15.89), gst(0)),
            (
                dec!(31.78),
                dec!(4.86),
                dec!(36.64),
                vec![dec!(1.90), dec!(1.90), dec!(1.06)],
            ),
            Some((
                dec!(31.78),
                dec!(4.89),
                dec!(36.67),
                vec![dec!(1.91), dec!(1.91), dec!(1.07)],
            )),
        ),
        (
            "l10n_in, two of them in the price",
            twice(dec!(17.79), gst(INCL)),
            (
                dec!(31.78),
                dec!(4.86),
                dec!(36.64),
                vec![dec!(1.90), dec!(1.90), dec!(1.06)],
            ),
            None,
        ),
        (
            "l10n_be",
            twice(dec!(16.79), fee(0)),
            (
                dec!(33.58),
                dec!(9.48),
                dec!(43.06),
                vec![dec!(2.00), dec!(7.48)],
            ),
            Some((
                dec!(33.58),
                dec!(9.47),
                dec!(43.05),
                vec![dec!(2.00), dec!(7.47)],
            )),
        ),
        (
            "l10n_be, in the price",
            twice(dec!(21.53), fee(INCL)),
            (
                dec!(33.58),
                dec!(9.48),
                dec!(43.06),
                vec![dec!(2.00), dec!(7.48)],
            ),
            Some((
                dec!(33.59),
                dec!(9.47),
                dec!(43.06),
                vec![dec!(2.00), dec!(7.47)],
            )),
        ),
        (
            "l10n_mx",
            pesos
                .iter()
                .map(|p| (Decimal::from(*p), vec![percent(dec!(16), INCL)]))
                .collect(),
            (
                dec!(44735.37),
                dec!(7157.63),
                dec!(51893.00),
                vec![dec!(7157.63)],
            ),
            Some((
                dec!(44735.34),
                dec!(7157.66),
                dec!(51893.00),
                vec![dec!(7157.66)],
            )),
        ),
        (
            "mixed_combined_standalone_taxes",
            vec![
                (dec!(1000), vec![ten(), twenty()]),
                (dec!(1000), vec![ten()]),
                (dec!(1000), vec![twenty()]),
            ],
            (
                dec!(3000),
                dec!(600),
                dec!(3600),
                vec![dec!(200), dec!(400)],
            ),
            Some((
                dec!(3000),
                dec!(600),
                dec!(3600),
                vec![dec!(200), dec!(400)],
            )),
        ),
        (
            "mixed_combined_standalone_taxes, one on the other",
            vec![
                (dec!(1000), vec![ten_base(), twenty()]),
                (dec!(1000), vec![ten_base()]),
                (dec!(1000), vec![twenty()]),
            ],
            (
                dec!(3000),
                dec!(620),
                dec!(3620),
                vec![dec!(200), dec!(420)],
            ),
            Some((
                dec!(3000),
                dec!(620),
                dec!(3620),
                vec![dec!(200), dec!(420)],
            )),
        ),
        (
            "preceding_subtotal",
            vec![
                (dec!(1000), vec![]),
                (dec!(1000), vec![ten()]),
                (dec!(1000), vec![percent(dec!(25), 0)]),
                (dec!(100), vec![percent(dec!(42), 0)]),
                (
                    dec!(200),
                    vec![percent(dec!(42), 0), ten(), percent(dec!(25), 0)],
                ),
            ],
            (
                dec!(3300),
                dec!(546),
                dec!(3846),
                vec![dec!(120), dec!(300), dec!(126)],
            ),
            Some((
                dec!(3300),
                dec!(546),
                dec!(3846),
                vec![dec!(120), dec!(300), dec!(126)],
            )),
        ),
        (
            "preceding_subtotal, with a tax that is withheld",
            vec![
                (dec!(100), vec![ten()]),
                (dec!(100), vec![minus(), percent(dec!(42), 0), thirty()]),
                (dec!(200), vec![ten(), minus()]),
                (dec!(1000), vec![thirty()]),
                (dec!(100), vec![thirty(), ten()]),
            ],
            (
                dec!(1500),
                dec!(367),
                dec!(1867),
                vec![dec!(40), dec!(-75), dec!(42), dec!(360)],
            ),
            Some((
                dec!(1500),
                dec!(367),
                dec!(1867),
                vec![dec!(40), dec!(-75), dec!(42), dec!(360)],
            )),
        ),
    ];
    for (what, sale, per_line, per_document) in rows {
        let lines: Vec<BasketLine> = sale
            .into_iter()
            .map(|(price, taxes)| BasketLine::new(price, dec!(1), taxes))
            .collect();
        for (rounding, expected) in [
            (TaxRounding::PerLine, Some(per_line)),
            (TaxRounding::PerDocument, per_document),
        ] {
            let Some((net, tax, total, each)) = expected else {
                continue;
            };
            let q = quote(&basket(lines.clone(), rounding)).unwrap();
            let got = (q.net, q.tax, q.total);
            assert_eq!(got, (eur(net), eur(tax), eur(total)), "{what} {rounding:?}");
            let got: Vec<Money> = q.taxes.iter().map(|t| t.amount).collect();
            let each: Vec<Money> = each.into_iter().map(eur).collect();
            assert_eq!(got, each, "{what} {rounding:?}");
        }
    }
}

/// By the line a tax on a tax is charged on what the first was rounded to: 5 % of
/// 0.90 is 0.05, and 10 % of 0.95 is 0.10. By the document nothing is rounded before
/// the end: 10 % of 0.945 is 0.09.
#[test]
fn a_tax_on_a_tax_is_charged_on_what_the_receipt_says() {
    let taxes = vec![percent(dec!(5), BASE), percent(dec!(10), 0)];
    for (rounding, expected) in [(TaxRounding::PerLine, 10), (TaxRounding::PerDocument, 9)] {
        let q = one(dec!(0.90), dec!(1), taxes.clone(), rounding);
        assert_eq!(q.lines[0].taxes[1].base, eur(dec!(0.95)), "{rounding:?}");
        assert_eq!(q.lines[0].taxes[1].amount.minor(), expected, "{rounding:?}");
    }
}

/// Odoo's `random_case_5`: Chilean pesos have no cents.
#[test]
fn pesos_have_no_cents() {
    let clp: Currency = "CLP".parse().unwrap();
    for (included, price, total, net, tax) in [
        (0, dec!(22689), 27_000, 22_689, 4_311),
        (0, dec!(9176), 10_919, 9_176, 1_743),
        (INCL, dec!(27000), 27_000, 22_689, 4_311),
        (INCL, dec!(10920), 10_920, 9_176, 1_744),
    ] {
        let mut b = basket(
            vec![BasketLine::new(
                price,
                dec!(1),
                vec![percent(dec!(19), included)],
            )],
            TaxRounding::PerLine,
        );
        b.currency = clp;
        let q = quote(&b).unwrap();
        let got = (q.total.minor(), q.net.minor(), q.tax.minor());
        assert_eq!(got, (total, net, tax), "{price}");
    }
}

/// Odoo's `test_adapt_price_unit_to_another_taxes`, and what it leaves open.
#[test]
fn a_price_is_worth_the_same_with_other_taxes() {
    let fee = || fixed(dec!(0.10), INCL | BASE);
    for (what, price, before, after, expected) in [
        (
            "21 % in it to 6 % in it",
            dec!(121),
            vec![percent(dec!(21), INCL)],
            vec![percent(dec!(6), INCL)],
            dec!(106),
        ),
        (
            "the same, a hundred times smaller",
            dec!(1.21),
            vec![percent(dec!(21), INCL)],
            vec![percent(dec!(6), INCL)],
            dec!(1.06),
        ),
        (
            "in it to added",
            dec!(121),
            vec![percent(dec!(21), INCL)],
            vec![percent(dec!(21), 0)],
            dec!(100),
        ),
        (
            "added to added",
            dec!(100),
            vec![percent(dec!(15), 0)],
            vec![percent(dec!(21), 0)],
            dec!(100),
        ),
        (
            "added to in it: the customer pays the tax",
            dec!(100),
            vec![percent(dec!(15), 0)],
            vec![percent(dec!(6), INCL)],
            dec!(106),
        ),
        (
            "to a customer who is exempt",
            dec!(1.21),
            vec![percent(dec!(21), INCL)],
            vec![],
            dec!(1.00),
        ),
        (
            "a fee that is in both",
            dec!(1.21),
            vec![fee(), percent(dec!(21), INCL)],
            vec![fee(), percent(dec!(6), INCL)],
            dec!(1.06),
        ),
        (
            "a shelf shows whole cents",
            dec!(9.99),
            vec![percent(dec!(21), INCL)],
            vec![percent(dec!(9), INCL)],
            // 8.99925…
            dec!(9.00),
        ),
        (
            "petrol keeps its places",
            dec!(1.899),
            vec![percent(dec!(19), INCL)],
            vec![percent(dec!(16), INCL)],
            // 1.85112…
            dec!(1.851),
        ),
        (
            "the same taxes touch nothing",
            dec!(0.3333),
            vec![percent(dec!(21), INCL)],
            vec![percent(dec!(21), INCL)],
            dec!(0.3333),
        ),
    ] {
        let got = rebased(price, &before, &after, EUR).unwrap();
        assert_eq!(got, expected, "{what}");
        let line = BasketLine {
            priced_with: Some(before),
            ..BasketLine::new(price, dec!(2), after)
        };
        let q = quote(&basket(vec![line], TaxRounding::PerLine)).unwrap();
        assert_eq!(q.lines[0].gross, eur(expected * dec!(2)), "{what}");
    }
}

#[test]
fn there_and_back_is_the_price_again() {
    // Where neither way rounds more than the cent that comes back.
    for cents in (1..3_000).map(|c| Decimal::new(c * 121, 2)) {
        let high = [percent(dec!(21), INCL)];
        let low = [percent(dec!(6), INCL)];
        let there = rebased(cents, &high, &low, EUR).unwrap();
        assert_eq!(rebased(there, &low, &high, EUR).unwrap(), cents);
    }
}

#[test]
fn a_zero_rate_is_listed_with_its_base() {
    let exempt = vec![percent(dec!(0), INCL)];
    let q = one(dec!(12.34), dec!(2), exempt, TaxRounding::PerLine);
    assert_eq!(q.taxes[0].base, eur(dec!(24.68)));
    assert!(q.taxes[0].amount.is_zero());
    assert_eq!(q.taxes[0].rate, Some(dec!(0)));
}

#[test]
fn taxes_of_one_code_are_told_apart_by_their_rate_and_add_up() {
    let mut low = percent(dec!(9), INCL);
    let mut high = percent(dec!(21), INCL);
    let mut fee = fixed(dec!(0.05), 0);
    for tax in [&mut low, &mut high, &mut fee] {
        tax.code = "VAT".into();
    }
    let lines = [&low, &high, &low]
        .map(|tax| BasketLine::new(dec!(1), dec!(1), vec![tax.clone(), fee.clone()]));
    let q = quote(&basket(lines.to_vec(), TaxRounding::PerDocument)).unwrap();
    let got: Vec<_> = q
        .taxes
        .iter()
        .map(|t| (t.code.as_str(), t.rate, t.amount.minor()))
        .collect();
    assert_eq!(
        got,
        [
            ("VAT", Some(dec!(9)), 17),
            ("VAT", None, 15),
            ("VAT", Some(dec!(21)), 17),
        ]
    );
}

/// Seven times 0.05 with 20 % in it: 0.00833 each. The document rounds the sum once,
/// 0.0583; and the lines of the sale carry it.
#[test]
fn each_way_to_round_tax_has_its_name() {
    for (mode, per_line, per_document) in [
        (RoundingMode::HalfUp, 7, 6),
        (RoundingMode::Up, 7, 6),
        (RoundingMode::Down, 0, 5),
    ] {
        let lines = vec![BasketLine::new(dec!(0.05), dec!(1), vec![percent(dec!(20), INCL)]); 7];
        let mut b = basket(lines, TaxRounding::PerLine);
        b.tax_rounding_mode = mode;
        assert_eq!(quote(&b).unwrap().tax.minor(), per_line, "{mode:?}");
        b.tax_rounding = TaxRounding::PerDocument;
        assert_eq!(quote(&b).unwrap().tax.minor(), per_document, "{mode:?}");
        assert_eq!(quote(&b).unwrap().total.minor(), 35, "{mode:?}");
    }
    // A tie: 2.5 cents.
    for (mode, expected) in [
        (RoundingMode::HalfUp, 3),
        (RoundingMode::HalfDown, 2),
        (RoundingMode::HalfEven, 2),
        (RoundingMode::Up, 3),
        (RoundingMode::Down, 2),
    ] {
        let line = |quantity| BasketLine::new(dec!(0.25), quantity, vec![percent(dec!(10), 0)]);
        let mut b = basket(vec![line(dec!(1))], TaxRounding::PerLine);
        b.tax_rounding_mode = mode;
        assert_eq!(quote(&b).unwrap().tax.minor(), expected, "{mode:?}");
        b.lines = vec![line(dec!(-1))];
        assert_eq!(quote(&b).unwrap().tax.minor(), -expected, "{mode:?}");
    }
}

/// Dividing leaves dust in the last digit, and a tie must stay a tie: with 20 % in
/// it a sixth of a price is tax, an endless fraction; of 9 cents it is a tie.
#[test]
fn endless_fractions_that_add_up_to_a_tie_are_a_tie() {
    for a in 1..40_i64 {
        for b in 1..40 {
            let c = 6 + (3 - (a + b) % 6).rem_euclid(6);
            let lines = [a, b, c].map(|cents| {
                let taxes = vec![percent(dec!(20), INCL)];
                BasketLine::new(Decimal::new(cents, 2), dec!(1), taxes)
            });
            let q = quote(&basket(lines.to_vec(), TaxRounding::PerDocument)).unwrap();
            let sum = a + b + c;
            assert_eq!(sum % 6, 3, "a tie");
            assert_eq!(q.tax.minor(), (sum + 3) / 6, "{a} {b} {c}");
        }
    }
}

#[test]
fn taxes_that_cannot_be_are_refused_by_name() {
    let huge = dec!(79228162514264337593543950335);
    let compound: Vec<Tax> = (0..100).map(|_| percent(dec!(1000), BASE)).collect();
    for (taxes, says) in [
        (
            vec![percent(dec!(-100), INCL)],
            "the included taxes cannot be taken out of a price",
        ),
        (
            vec![percent(dec!(-60), INCL), percent(dec!(-60), INCL)],
            "the included taxes cannot be taken out of a price",
        ),
        (
            vec![percent(huge, 0)],
            "a tax of 79228162514264337593543950335 % is absurd or has more than 8 places",
        ),
        (
            vec![percent(dec!(1.123456789), 0)],
            "a tax of 1.123456789 % is absurd or has more than 8 places",
        ),
        (
            vec![fixed(huge, 0)],
            "a tax of 79228162514264337593543950335 a unit is absurd or has more than 12 places",
        ),
        (compound, "tax is larger than a till computes"),
        (
            vec![percent(dec!(1), 0); 101],
            "more than 100 taxes on a line",
        ),
    ] {
        let line = BasketLine::new(dec!(1), dec!(1), taxes);
        let got = quote(&basket(vec![line.clone()], TaxRounding::PerLine));
        assert_eq!(got.unwrap_err().to_string(), says);
        // And the same of the taxes that the price was set with.
        let line = BasketLine {
            priced_with: Some(line.taxes),
            ..BasketLine::new(dec!(1), dec!(1), vec![])
        };
        let got = quote(&basket(vec![line], TaxRounding::PerLine));
        let got = got.map_or_else(|e| e.to_string(), |_| String::new());
        assert_eq!(got, says);
    }
}
