//! What a shop relies on when a sale is charged other taxes than its goods have.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use rust_decimal::{Decimal, dec};
use serde_json::json;
use till_domain::catalog::{Product, Unit};
use till_domain::ids::{LineId, ProductId, SaleId, Timestamp, UserId, Uuid};
use till_domain::money::{Currency, RoundingMode};
use till_domain::promotion::PromotionBook;
use till_domain::quote::{Quote, TaxRounding};
use till_domain::sale::{Offers, OpenSale, Pricing, SaleError, TaxedAs};
use till_domain::tax::{Tax, TaxKind};

const PRICING: Pricing = Pricing {
    currency: Currency::EUR,
    tax_rounding: TaxRounding::PerLine,
    tax_rounding_mode: RoundingMode::HalfUp,
    cash_rounding: None,
};

fn taxes(rate: Decimal) -> Vec<Tax> {
    vec![Tax {
        code: format!("r{rate}"),
        kind: TaxKind::Percent(rate),
        price_included: true,
        in_base_of_next: false,
        base_affected_by_previous: true,
    }]
}

fn offers(kinds: &[serde_json::Value]) -> Offers {
    let promotions = kinds.iter().enumerate().map(|(n, kind)| {
        let id = format!("p{n}");
        let all = json!({ "id": id, "name": id, "kind": kind, "goods": { "all": true } });
        serde_json::from_value(all).unwrap()
    });
    Offers {
        book: Arc::new(PromotionBook::new(promotions.collect()).unwrap()),
        at: jiff::civil::date(2026, 11, 21).at(12, 0, 0, 0),
        groups: Vec::new(),
    }
}

fn sale(cents: i64, rate: Decimal, quantity: i64) -> OpenSale {
    let ids = |n| Uuid::from_u128(n);
    let mut sale = OpenSale::new(SaleId(ids(1)), UserId(ids(2)), Timestamp(0));
    let product = Product {
        id: ProductId(ids(3)),
        sku: "1".into(),
        name: "goods".into(),
        category: "goods".into(),
        unit_price: Decimal::new(cents, 2),
        unit: Unit::Each,
        tax: format!("r{rate}"),
        taxes: taxes(rate),
        deposit: None,
    };
    sale.add_product(&product, quantity.into(), || LineId(ids(4)))
        .unwrap();
    sale
}

fn tax_as(sale: &mut OpenSale, rate: Option<Decimal>) {
    let set = rate.map(|rate| TaxedAs {
        code: rate.to_string(),
        name: "other".into(),
        approval: None,
    });
    sale.tax_as(set, |set, _| {
        Ok::<_, SaleError>(taxes(set.code.parse().unwrap()))
    })
    .unwrap();
}

/// Price, rate of the goods, rate that is charged, and how many.
fn cases() -> impl Iterator<Item = (i64, Decimal, Decimal, i64)> {
    let rates = [dec!(0), dec!(5.5), dec!(9), dec!(21)];
    (1..=250)
        .chain([999, 1999, 123_456])
        .flat_map(move |cents| {
            rates.into_iter().flat_map(move |own| {
                let others = rates.into_iter().filter(move |other| *other != own);
                others.flat_map(move |other| (1..=5).map(move |n| (cents, own, other, n)))
            })
        })
}

#[test]
fn an_offer_is_never_more_than_its_goods_and_what_is_free_stays_free() {
    let free = offers(&[json!({ "each": { "percent_off": "100" } })]);
    let others = offers(&[
        json!({ "buy_get": { "buy": 2, "get": 1 } }),
        json!({ "bundle": { "count": 4, "sum": "4.00" } }),
    ]);
    for (cents, own, other, quantity) in cases() {
        let mut sale = sale(cents, own, quantity);
        tax_as(&mut sale, Some(other));
        let case = format!("{quantity} of {cents} cents, {own} % charged at {other} %");
        let total = |offers: &Offers| {
            let quote = sale.quote(&PRICING, offers);
            quote
                .unwrap_or_else(|e| panic!("{case}: {e}"))
                .total
                .minor()
        };
        let all = total(&offers(&[]));
        assert_eq!(total(&free), 0, "{case}");
        assert!((0..=all).contains(&total(&others)), "{case}");
    }
}

#[test]
fn the_goods_own_taxes_come_back_as_they_were() {
    let offers = offers(&[json!({ "bundle": { "count": 4, "sum": "4.00" } })]);
    let quote = |sale: &OpenSale| -> Quote { sale.quote(&PRICING, &offers).unwrap() };
    for (cents, own, other, quantity) in cases() {
        let mut sale = sale(cents, own, quantity);
        let before = (sale.clone(), quote(&sale));
        tax_as(&mut sale, Some(other));
        // From one set to another there is no way back but through the marked price.
        tax_as(&mut sale, Some(dec!(13)));
        tax_as(&mut sale, Some(own));
        assert_eq!(quote(&sale), before.1, "{cents} {own} {other} {quantity}");
        tax_as(&mut sale, None);
        assert_eq!((quote(&sale), sale), (before.1, before.0));
    }
}
