//! What a shop relies on when goods come back.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};
use rust_decimal::{Decimal, dec};
use till_domain::catalog::{Deposit, Product, Unit};
use till_domain::charge::ChargeState;
use till_domain::ids::{LineId, ProductId, SaleId, TenderId, Timestamp, UserId, Uuid};
use till_domain::money::{Currency, HALF_UP, Money, RoundingMode};
use till_domain::quote::{Basket, BasketLine, Discount, LineTax, Promoted, TaxRounding, quote};
use till_domain::refund::{
    GiveBack, RefundError, RefundQuote, ReturnedLine, SaleSoFar, TakeBack, TenderLeft, quote_refund,
};
use till_domain::sale::{
    CardCapture, CommittedSale, Offers, OpenSale, Pricing, SaleLine, SoldLine, Tender, TenderKind,
};
use till_domain::settle::{BasketTender, CashRounding};
use till_domain::tax::{Tax, TaxKind};

const EUR: Currency = Currency::EUR;

fn eur(minor: i64) -> Money {
    Money::from_minor(minor, EUR)
}

fn pricing(increment: i64) -> Pricing {
    Pricing {
        currency: EUR,
        tax_rounding: TaxRounding::PerDocument,
        tax_rounding_mode: RoundingMode::HalfUp,
        cash_rounding: Some(CashRounding {
            increment_minor: increment,
            mode: RoundingMode::HalfUp,
            change_mode: None,
            exact_accepted: false,
        }),
    }
}

fn product(n: u128, cents: i64, rate: Decimal, deposit: bool) -> Product {
    Product {
        id: ProductId(Uuid::from_u128(n)),
        sku: n.to_string(),
        name: format!("product {n}"),
        category: "Pantry".into(),
        unit_price: Decimal::new(cents, 2),
        unit: Unit::Each,
        tax: format!("r{rate}"),
        taxes: vec![Tax {
            code: format!("r{rate}"),
            kind: TaxKind::Percent(rate),
            price_included: true,
            in_base_of_next: false,
            base_affected_by_previous: true,
        }],
        deposit: deposit.then(|| Deposit {
            label: "deposit".into(),
            amount: dec!(0.15),
        }),
    }
}

const CARD: TenderId = TenderId(Uuid::from_u128(900));

fn no_offers() -> Offers {
    Offers {
        book: Arc::default(),
        at: jiff::civil::date(2026, 11, 20).at(12, 0, 0, 0),
        groups: vec![],
    }
}

/// A committed sale: so much on a card, the rest in cash.
fn sold(lines: &[(i64, i64, bool)], percent_off: i64, card_share: i64) -> (CommittedSale, Pricing) {
    let pricing = pricing(5);
    let mut sale = OpenSale::new(
        SaleId(Uuid::from_u128(1)),
        UserId(Uuid::from_u128(2)),
        Timestamp(0),
    );
    let mut next = 100_u128;
    for (i, (cents, quantity, deposit)) in lines.iter().enumerate() {
        let rate = if i % 2 == 0 { dec!(9) } else { dec!(21) };
        sale.add_product(
            &product(i as u128, *cents, rate, *deposit),
            Decimal::from(*quantity),
            || {
                next += 1;
                LineId(Uuid::from_u128(next))
            },
        )
        .unwrap();
    }
    sale.discount_sale(Some(Discount::Percent(Decimal::from(percent_off))))
        .unwrap();
    let total = sale.quote(&pricing, &no_offers()).unwrap().total;
    let card = eur(total.minor() * card_share / 100);
    if card.is_positive() {
        sale.tenders.push(Tender {
            id: CARD,
            kind: TenderKind::Card {
                capture: CardCapture::PayLink,
                at_risk: false,
                approval: None,
            },
            amount: card,
        });
    }
    let quote = sale.quote(&pricing, &no_offers()).unwrap();
    if quote.outstanding.is_positive() {
        // A cent or two round to nothing: cash of nothing settles them.
        let given = match quote.cash_due.minor() {
            0 => 0,
            due => due + 500,
        };
        sale.tenders.push(Tender {
            id: TenderId(Uuid::from_u128(901)),
            kind: TenderKind::Cash,
            amount: eur(given),
        });
    }
    let sale = sale
        .commit(&pricing, &no_offers(), |_| Some(ChargeState::Succeeded))
        .unwrap();
    (sale, pricing)
}

#[derive(Default)]
struct SoFar {
    returned: Vec<ReturnedLine>,
    card: i64,
    cash: i64,
    rounding: i64,
    total: i64,
    tax: i64,
}

fn take(
    sale: &CommittedSale,
    pricing: &Pricing,
    so_far: &mut SoFar,
    takes: &[TakeBack],
    charge: ChargeState,
) -> Result<RefundQuote, RefundError> {
    let paid: i64 = sale
        .tenders
        .iter()
        .filter(|t| t.is_card())
        .map(|t| t.amount.minor())
        .sum();
    let state = SaleSoFar {
        sale,
        returned: so_far.returned.clone(),
        tenders: vec![TenderLeft {
            tender: CARD,
            left: eur(paid - so_far.card),
            charge: Some(charge),
        }],
        debts_paid: eur(0),
        cash_returned: eur(so_far.cash),
        refunded: eur(so_far.total),
    };
    let quote = quote_refund(&state, takes, pricing)?;
    for (tender, _, amount) in &quote.parts {
        if tender.is_some() {
            so_far.card += amount.minor();
        } else {
            so_far.cash += amount.minor();
        }
    }
    so_far.total += quote.total.minor();
    so_far.tax += quote.tax.minor();
    so_far.rounding += quote.cash_rounding.minor();
    for take in takes {
        match so_far.returned.iter_mut().find(|r| r.line == take.line) {
            Some(r) => r.quantity += take.quantity,
            None => so_far.returned.push(ReturnedLine {
                line: take.line,
                quantity: take.quantity,
            }),
        }
    }
    Ok(quote)
}

/// 10,000 cases where `PROPTEST_CASES` says nothing.
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

/// A line of a sale that any shop could have made: pieces or kilograms, promotions,
/// discounts, taxes in the price and on top, one on the other.
#[derive(Debug, Clone)]
struct Sold {
    cents: i64,
    weighed: bool,
    quantity: i64,
    promoted: i64,
    percent_off: i64,
    taxes: Vec<(usize, bool, bool, bool)>,
}

prop_compose! {
    fn any_sold()(
        cents in prop_oneof![3 => 1_i64..3_000, 1 => 0_i64..10],
        weighed in prop::bool::weighted(0.3),
        quantity in 1_i64..8,
        promoted in prop_oneof![2 => Just(0_i64), 1 => 0_i64..=100],
        percent_off in prop_oneof![2 => Just(0_i64), 1 => 0_i64..=100],
        taxes in prop::collection::vec((0_usize..6, any::<bool>(), any::<bool>(), any::<bool>()), 0..4),
    ) -> Sold {
        Sold { cents, weighed, quantity, promoted, percent_off, taxes }
    }
}

impl Sold {
    /// Kilograms have three places.
    fn quantity(&self) -> Decimal {
        if self.weighed {
            Decimal::new(self.quantity * 137, 3)
        } else {
            Decimal::from(self.quantity)
        }
    }

    fn basket_line(&self) -> BasketLine {
        let kinds = [
            TaxKind::Percent(dec!(21)),
            TaxKind::Percent(dec!(9)),
            TaxKind::Percent(dec!(0)),
            TaxKind::Percent(dec!(9.975)),
            TaxKind::FixedPerUnit(dec!(0.05)),
            TaxKind::Percent(dec!(5)),
        ];
        let taxes = self
            .taxes
            .iter()
            .map(|(kind, price_included, next, previous)| Tax {
                code: kind.to_string(),
                kind: kinds[*kind],
                price_included: *price_included,
                in_base_of_next: *next,
                base_affected_by_previous: *previous,
            });
        let mut line = BasketLine::new(
            Decimal::new(self.cents, 2),
            self.quantity(),
            taxes.collect(),
        );
        let gross = Money::rounded(line.unit_price * line.quantity, EUR, HALF_UP).unwrap();
        line.promotions = vec![Promoted {
            promotion: "p".into(),
            name: "3 for 2".into(),
            units: line.quantity,
            amount: eur(gross.minor() * self.promoted / 100),
        }];
        line.discounts = vec![Discount::Percent(Decimal::from(self.percent_off))];
        line
    }
}

/// A sale of these, paid in cash.
fn sold_for_cash(sold: &[Sold], amount_off: i64, per_document: bool) -> (CommittedSale, Pricing) {
    let mut pricing = pricing(5);
    if !per_document {
        pricing.tax_rounding = TaxRounding::PerLine;
    }
    let basket = Basket {
        currency: EUR,
        tax_rounding: pricing.tax_rounding,
        tax_rounding_mode: pricing.tax_rounding_mode,
        cash_rounding: pricing.cash_rounding,
        lines: sold.iter().map(Sold::basket_line).collect(),
        discounts: vec![Discount::Amount(eur(amount_off))],
        tenders: vec![BasketTender::Cash(None)],
    };
    let figures = quote(&basket).unwrap();
    let lines = sold
        .iter()
        .zip(&basket.lines)
        .zip(&figures.lines)
        .enumerate();
    let sale = CommittedSale {
        id: SaleId(Uuid::from_u128(1)),
        cashier: UserId(Uuid::from_u128(2)),
        started_at: Timestamp(0),
        customer: None,
        lines: lines
            .map(|(i, ((sold, line), figures))| SoldLine {
                line: SaleLine {
                    id: LineId(Uuid::from_u128(100 + i as u128)),
                    product: None,
                    sku: String::new(),
                    name: String::new(),
                    category: String::new(),
                    unit: if sold.weighed {
                        Unit::Kilogram
                    } else {
                        Unit::Each
                    },
                    list_price: line.unit_price,
                    unit_price: line.unit_price,
                    price_by: None,
                    quantity: line.quantity,
                    discounts: line.discounts.clone(),
                    taxes: line.taxes.clone(),
                    priced_with: line.priced_with.clone(),
                    deposit_of: None,
                    voided: false,
                },
                figures: figures.clone(),
            })
            .collect(),
        voided: vec![],
        discounts: basket.discounts,
        coupons: Vec::new(),
        taxed_as: None,
        tenders: vec![Tender {
            id: TenderId(Uuid::from_u128(901)),
            kind: TenderKind::Cash,
            amount: figures.tenders[0].amount,
        }],
        taxes: figures.taxes,
        net: figures.net,
        tax: figures.tax,
        total: figures.total,
        cash_rounding: figures.cash_rounding,
        change: figures.change,
    };
    (sale, pricing)
}

/// A line in so many goes: whole pieces, or thousandths of a kilogram.
fn goes(line: &SoldLine, cuts: &[u32]) -> Vec<Decimal> {
    let step = if line.line.unit == Unit::Each {
        dec!(1)
    } else {
        dec!(0.001)
    };
    let mut left = line.line.quantity;
    let mut goes = Vec::new();
    for cut in cuts {
        let steps = (left / step).trunc();
        if steps <= dec!(1) {
            break;
        }
        let part = step * (Decimal::from(*cut) % steps);
        if part > dec!(0) {
            goes.push(part);
            left -= part;
        }
    }
    goes.push(left);
    goes
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn refunds_in_any_parts_give_back_line_tax_and_total_to_the_cent(
        sold in prop::collection::vec(any_sold(), 1..5),
        amount_off in prop_oneof![Just(0_i64), 0_i64..2_000],
        per_document in any::<bool>(),
        cuts in prop::collection::vec(any::<u32>(), 0..5),
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..20),
    ) {
        let (sale, pricing) = sold_for_cash(&sold, amount_off, per_document);
        // A tax that is withheld or fixed may leave less than nothing: no sale of a till.
        prop_assume!(sale.lines.iter().all(|l| !l.figures.total.is_negative()));
        let mut left: Vec<(LineId, Decimal)> = sale.lines.iter()
            .flat_map(|l| goes(l, &cuts).into_iter().map(|q| (l.line.id, q)))
            .collect();
        let mut so_far = SoFar::default();
        let mut totals = vec![0_i64; sale.lines.len()];
        let mut taxes: Vec<Vec<(i64, i64)>> = sale.lines.iter()
            .map(|l| vec![(0, 0); l.figures.taxes.len()])
            .collect();
        let mut picks = order.iter().cycle();
        while !left.is_empty() {
            let (line, quantity) = left.swap_remove(picks.next().unwrap().index(left.len()));
            let takes = [TakeBack { line, quantity, restock: true }];
            let quote = take(&sale, &pricing, &mut so_far, &takes, ChargeState::Succeeded).unwrap();
            let at = sale.lines.iter().position(|l| l.line.id == line).unwrap();
            let back = &quote.lines[0];
            let whole = &sale.lines[at];
            totals[at] += back.total.minor();
            prop_assert!(!back.total.is_negative());
            // Not a cent more than the part that came back, until all of it has.
            let returned = so_far.returned.iter().find(|r| r.line == line).unwrap().quantity;
            let part = whole.figures.total.to_decimal() * returned / whole.line.quantity;
            prop_assert!(eur(totals[at]).to_decimal() <= part);
            prop_assert!(eur(totals[at] + 1).to_decimal() > part);
            for (sum, LineTax { base, amount, .. }) in taxes[at].iter_mut().zip(&back.taxes) {
                sum.0 += base.minor();
                sum.1 += amount.minor();
            }
            if let ([tax], [back_tax]) = (whole.line.taxes.as_slice(), back.taxes.as_slice()) {
                // Base and tax are what is given back, and no tax passes it.
                prop_assert_eq!(back_tax.base.checked_add(back_tax.amount).unwrap(), back.total);
                if matches!(tax.kind, TaxKind::Percent(_)) {
                    prop_assert!(!back_tax.amount.is_negative() && !back_tax.base.is_negative());
                }
            }
        }
        for (at, line) in sale.lines.iter().enumerate() {
            prop_assert_eq!(totals[at], line.figures.total.minor());
            let sold: Vec<(i64, i64)> = line.figures.taxes.iter()
                .map(|t| (t.base.minor(), t.amount.minor()))
                .collect();
            prop_assert_eq!(&taxes[at], &sold);
        }
        prop_assert_eq!(so_far.total, sale.total.minor());
        prop_assert_eq!(so_far.tax, sale.tax.minor());
        prop_assert_eq!(so_far.cash, sale.cash_kept().unwrap().minor());
        prop_assert_eq!(so_far.rounding, sale.cash_rounding.minor());
    }

    #[test]
    fn any_partition_of_a_refund_sums_to_the_sale(
        lines in prop::collection::vec((1_i64..3_000, 1_i64..6, any::<bool>()), 1..6),
        percent_off in 0_i64..40,
        card_share in 0_i64..=100,
        order in prop::collection::vec(any::<prop::sample::Index>(), 60),
    ) {
        let (sale, pricing) = sold(&lines, percent_off, card_share);
        let mut units: Vec<LineId> = sale.lines.iter().flat_map(|l| {
            std::iter::repeat_n(l.line.id, usize::try_from(l.line.quantity).unwrap())
        }).collect();
        let mut so_far = SoFar::default();
        let mut picks = order.iter().cycle();
        while !units.is_empty() {
            let line = units.swap_remove(picks.next().unwrap().index(units.len()));
            take(&sale, &pricing, &mut so_far, &[TakeBack { line, quantity: dec!(1), restock: true }], ChargeState::Succeeded).unwrap();
            let kept = sale.cash_kept().unwrap().minor();
            prop_assert!(so_far.cash <= kept, "more cash than was kept: {} of {kept}", so_far.cash);
        }
        prop_assert_eq!(so_far.total, sale.total.minor());
        prop_assert_eq!(so_far.tax, sale.tax.minor());
        let card: i64 = sale.tenders.iter().filter(|t| t.is_card()).map(|t| t.amount.minor()).sum();
        prop_assert_eq!(so_far.card + so_far.cash, sale.total.minor() + so_far.rounding);
        prop_assert!(so_far.card <= card);
        // One more of anything is refused.
        let line = sale.lines[0].line.id;
        let more = take(&sale, &pricing, &mut so_far, &[TakeBack { line, quantity: dec!(1), restock: true }], ChargeState::Succeeded);
        let refused = matches!(more, Err(RefundError::MoreThanSold { .. }));
        prop_assert!(refused, "took back more than was sold");
    }

    #[test]
    fn a_whole_refund_gives_back_what_was_kept(
        lines in prop::collection::vec((1_i64..3_000, 1_i64..6, any::<bool>()), 1..6),
        percent_off in 0_i64..40,
        card_share in 0_i64..=100,
    ) {
        let (sale, pricing) = sold(&lines, percent_off, card_share);
        let all: Vec<TakeBack> = sale.lines.iter().map(|l| TakeBack {
            line: l.line.id, quantity: l.line.quantity, restock: false,
        }).collect();
        let mut so_far = SoFar::default();
        take(&sale, &pricing, &mut so_far, &all, ChargeState::Succeeded).unwrap();
        prop_assert_eq!(so_far.cash, sale.cash_kept().unwrap().minor());
        prop_assert_eq!(so_far.rounding, sale.cash_rounding.minor());
    }
}

#[test]
fn money_goes_back_the_way_it_can() {
    let (sale, pricing) = sold(&[(1_000, 2, false)], 0, 100);
    let line = sale.lines[0].line.id;
    for (state, expected) in [
        (ChargeState::Succeeded, Some(GiveBack::StripeRefund)),
        (ChargeState::Queued, Some(GiveBack::LowerCharge)),
        (ChargeState::Creating, Some(GiveBack::LowerCharge)),
        (ChargeState::Created, Some(GiveBack::LowerCharge)),
        (ChargeState::Confirming, Some(GiveBack::WhenKnown)),
        (ChargeState::Unknown, Some(GiveBack::WhenKnown)),
        (ChargeState::AwaitingCustomer, Some(GiveBack::WhenKnown)),
        (ChargeState::Declined, Some(GiveBack::LowerCharge)),
        (ChargeState::NeedsCustomer, Some(GiveBack::LowerCharge)),
        (ChargeState::NeedsAttention, Some(GiveBack::LowerCharge)),
        (ChargeState::Expired, Some(GiveBack::LowerCharge)),
        (ChargeState::Canceled, Some(GiveBack::LowerCharge)),
        (ChargeState::WrittenOff, Some(GiveBack::LowerCharge)),
    ] {
        let so_far = SaleSoFar {
            sale: &sale,
            returned: vec![],
            tenders: vec![TenderLeft {
                tender: CARD,
                left: sale.total,
                charge: Some(state),
            }],
            debts_paid: eur(0),
            cash_returned: eur(0),
            refunded: eur(0),
        };
        let takes = [TakeBack {
            line,
            quantity: dec!(1),
            restock: true,
        }];
        let quote = quote_refund(&so_far, &takes, &pricing).unwrap();
        let how = quote.parts.first().map(|(_, how, _)| *how);
        assert_eq!(how, expected, "{state:?}");
    }
}

#[test]
fn a_sale_that_is_not_paid_is_not_committed() {
    let pricing = pricing(1);
    let mut sale = OpenSale::new(
        SaleId(Uuid::from_u128(1)),
        UserId(Uuid::from_u128(2)),
        Timestamp(0),
    );
    let empty = sale
        .clone()
        .commit(&pricing, &no_offers(), |_| None)
        .unwrap_err();
    assert_eq!(empty.to_string(), "the sale is empty");
    sale.add_product(&product(1, 1_000, dec!(9), false), dec!(1), || {
        LineId(Uuid::from_u128(7))
    })
    .unwrap();
    let unpaid = sale
        .clone()
        .commit(&pricing, &no_offers(), |_| None)
        .unwrap_err();
    assert_eq!(unpaid.to_string(), "10.00 is not paid");
    let card = |at_risk| Tender {
        id: CARD,
        kind: TenderKind::Card {
            capture: CardCapture::PayLink,
            at_risk,
            approval: None,
        },
        amount: eur(1_000),
    };
    for (at_risk, state, settled) in [
        (false, Some(ChargeState::Succeeded), true),
        (false, Some(ChargeState::Unknown), false),
        (false, Some(ChargeState::Queued), false),
        (false, None, false),
        (true, Some(ChargeState::Queued), true),
        (true, Some(ChargeState::Declined), false),
        (true, Some(ChargeState::Canceled), false),
    ] {
        let mut paid = sale.clone();
        paid.tenders = vec![card(at_risk)];
        let committed = paid.commit(&pricing, &no_offers(), |_| state).is_ok();
        assert_eq!(committed, settled, "at_risk {at_risk}, {state:?}");
    }
}

#[test]
fn the_odd_cents_of_a_line_are_in_its_last_unit() {
    for (cents, quantity, percent_off, expected) in [
        // 1.00 for three.
        (50, 3, 33, vec![33, 33, 34]),
        (100, 3, 0, vec![100, 100, 100]),
        (111, 3, 50, vec![55, 55, 56]),
        (1, 3, 50, vec![0, 0, 1]),
    ] {
        let (sale, pricing) = sold(&[(cents, quantity, false)], percent_off, 100);
        let line = sale.lines[0].line.id;
        let mut so_far = SoFar::default();
        let mut units = Vec::new();
        for _ in 0..quantity {
            let takes = [TakeBack {
                line,
                quantity: dec!(1),
                restock: true,
            }];
            let back = take(&sale, &pricing, &mut so_far, &takes, ChargeState::Succeeded);
            units.push(back.unwrap().total.minor());
        }
        assert_eq!(units, expected, "{quantity} × {cents} less {percent_off} %");
    }
}
