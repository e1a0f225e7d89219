//! What a customer adds at a card reader: charged with the sale, and no part of it.

use till_app::StripeSetting;
use till_app::error::ErrorCode;
use till_app::view::TenderKindView;
use till_stand_in::ReaderBehaviour;
use till_tests::{World, refusal};

const READER: &str = "tmr_StandInCounter";

/// A sale of 8.45 whose customer would add 1.50 at the reader.
fn at_the_counter(seed: u64, asked: bool) -> World {
    let mut world = World::from_seed(seed);
    let joined = StripeSetting {
        api_base: String::new(),
        account: "acct_1".into(),
        livemode: false,
    };
    world.till().join_stripe(&joined).unwrap();
    let behaviour = ReaderBehaviour {
        taps_after_s: Some(3),
        tip_amount: 150,
        ..ReaderBehaviour::default()
    };
    world.stripe.set_reader(READER, behaviour);
    world.till().readers_look().unwrap();
    while let Some(request) = world.till().ask().unwrap() {
        let answer = world.wire(&request);
        world.till().told(&answer).unwrap();
    }
    let till = world.till();
    till.reader_use(world.manager(), READER).unwrap();
    let readers = till.readers_tips(world.manager(), asked).unwrap();
    assert_eq!(readers.tips, asked);
    world.open_shift("50.00");
    world.ring_up(&[("Goudse kaas oud", "0.500")]);
    world
}

/// The tender's id and the receipt's number and text, paid.
fn paid(world: &mut World) -> (String, String, String) {
    let sale = world.card(TenderKindView::Reader, None).unwrap();
    let id = sale.tenders[0].id.clone();
    world.run_until_quiet();
    let done = world.complete().unwrap();
    (id, done.receipt, done.receipt_text.join("\n"))
}

/// `amount tip` of what was charged under a tender, in cents.
fn charged(world: &World, tender: &str) -> String {
    let ledger = world.stripe.ledger();
    let charges = &ledger.tenders[tender].charges;
    assert_eq!(charges.len(), 1);
    format!("{} {}", charges[0].amount, charges[0].tip)
}

#[test]
fn a_tip_is_charged_with_the_sale_counted_apart_and_not_refunded_with_it() {
    let mut world = at_the_counter(921, true);
    let (id, receipt, text) = paid(&mut world);
    assert_eq!(charged(&world, &id), "995 150");
    assert!(text.contains("Tip") && text.contains("1.50"), "{text}");
    let report = world.till().report_x(world.cashier()).unwrap();
    assert_eq!(report.takings.minor, 845, "a tip is not the shop's taking");
    let lines = report.text.join("\n");
    assert!(lines.contains("tips") && lines.contains("1.50"), "{lines}");
    assert!(report.verdict.contains("agree"), "{}", report.verdict);

    world.refund_first(&receipt, "0.500", None).unwrap();
    world.run_until_quiet();
    assert_eq!(
        world.stripe.ledger().net_of(&id),
        150,
        "the goods went back"
    );
    let found = crate::reconcile::reconcile(&mut world, None).unwrap();
    assert_eq!(found.differences, []);
    world.check_invariants();
}

#[test]
fn goods_go_back_whole_though_the_dashboard_gave_the_tip_back() {
    for (seed, in_dashboard, refused) in [(930, 150, false), (931, 151, true)] {
        let mut world = at_the_counter(seed, true);
        let (id, receipt, _) = paid(&mut world);
        let (_, intent) = crate::events::charge(&world);
        let form = format!("payment_intent={intent}&amount={in_dashboard}");
        crate::events::by_hand(&mut world, "POST", "/v1/refunds", &form);
        world.advance_ms(20 * crate::events::MINUTE_MS);
        crate::events::look(&mut world);
        let done = world.refund_first(&receipt, "0.500", None);
        if refused {
            assert_eq!(refusal(done), ErrorCode::RefundedElsewhere);
            continue;
        }
        done.unwrap();
        world.run_until_quiet();
        assert_eq!(world.stripe.ledger().net_of(&id), 0, "all, and no more");
        let till = world.till();
        assert_eq!(
            till.count(world.manager(), &[], &[])
                .unwrap()
                .expected
                .minor,
            5_000
        );
        assert_eq!(
            till.connection().unwrap().need_a_person,
            1,
            "the dashboard's refund"
        );
        till.journal_verify().unwrap();
    }
}

#[test]
fn a_customer_is_asked_for_a_tip_only_where_a_manager_said_so() {
    let mut world = at_the_counter(922, false);
    assert_eq!(
        refusal(world.till().readers_tips(world.cashier(), true)),
        ErrorCode::NeedsManager
    );
    let (id, _, text) = paid(&mut world);
    assert_eq!(charged(&world, &id), "845 0");
    assert!(!text.contains("Tip"), "{text}");
    world.check_invariants();
}

#[test]
fn the_slip_of_a_card_that_was_presented_is_on_its_receipt() {
    let mut world = at_the_counter(923, false);
    let (_, _, text) = paid(&mut world);
    for told in [
        "Visa **** 4242",
        "A0000000031010",
        "AC1D5E2F90B3C477",
        "0000000000",
    ] {
        assert!(text.contains(told), "no {told}: {text}");
    }
}
