//! What a shop relies on when goods come back.
#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use rust_decimal::{Decimal, dec};
use till_domain::catalog::{Deposit, Product, Unit};
use till_domain::charge::ChargeState;
use till_domain::ids::{LineId, ProductId, SaleId, TenderId, Timestamp, UserId, Uuid};
use till_domain::money::{Currency, Money};
use till_domain::quote::{CashMode, CashRounding, Discount, TaxRounding};
use till_domain::refund::{
    GiveBack, RefundError, ReturnedLine, SaleSoFar, TakeBack, TenderLeft, quote_refund,
};
use till_domain::sale::{CardCapture, CommittedSale, OpenSale, Pricing, Tender, TenderKind};
use till_domain::tax::{Tax, TaxKind};

const EUR: Currency = Currency::EUR;

fn eur(minor: i64) -> Money {
    Money::from_minor(minor, EUR)
}

fn pricing(increment: i64) -> Pricing {
    Pricing {
        currency: EUR,
        tax_rounding: TaxRounding::PerDocument,
        cash_rounding: Some(CashRounding {
            increment_minor: increment,
            mode: CashMode::HalfUp,
            change_mode: None,
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
    let total = sale.quote(&pricing).unwrap().total;
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
    let quote = sale.quote(&pricing).unwrap();
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
        .commit(&pricing, |_| Some(ChargeState::Succeeded))
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
) -> Result<(), RefundError> {
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
    Ok(())
}

proptest! {
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
        (ChargeState::Canceled, None),
        (ChargeState::WrittenOff, None),
    ] {
        let so_far = SaleSoFar {
            sale: &sale,
            returned: vec![],
            tenders: vec![TenderLeft {
                tender: CARD,
                left: sale.total,
                charge: Some(state),
            }],
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
    let empty = sale.clone().commit(&pricing, |_| None).unwrap_err();
    assert_eq!(empty.to_string(), "the sale is empty");
    sale.add_product(&product(1, 1_000, dec!(9), false), dec!(1), || {
        LineId(Uuid::from_u128(7))
    })
    .unwrap();
    let unpaid = sale.clone().commit(&pricing, |_| None).unwrap_err();
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
        let committed = paid.commit(&pricing, |_| state).is_ok();
        assert_eq!(committed, settled, "at_risk {at_risk}, {state:?}");
    }
}
