//! A refund that Stripe could not make is given out of the drawer: once, all of it, and
//! only when nothing of it can come to the card any more.

use till_app::error::ErrorCode;
use till_app::view::{
    CountInput, OutboxAction, OutboxActionView, OutboxDetailView, OutboxEntryView, ReportView,
    TenderKindView, TenderStateView,
};
use till_stand_in::{Fault, Operation, RefundCourse};
use till_tests::{MANAGER_PIN, World, refusal};

use crate::events::{DAY_MS, MINUTE_MS, by_hand, charge, look, sold};

const LINE: &str = "Failed card refunds paid in cash";

/// The youngest refund that is with Stripe or a person.
fn entry(world: &World) -> OutboxEntryView {
    let outbox = world.till().outbox().unwrap();
    let mut all = outbox.need_a_person.into_iter().chain(outbox.waiting);
    all.find(|e| e.is_refund).expect("a refund in the outbox")
}

fn offered(world: &World, id: &str) -> OutboxActionView {
    let detail = world.till().outbox_entry(id).unwrap();
    let mut all = detail.actions.into_iter();
    all.find(|a| a.action == OutboxAction::GiveCash)
        .expect("a refund can be given in cash, or it says why not")
}

fn give(world: &World, id: &str) -> Result<OutboxDetailView, till_app::error::AppError> {
    let till = world.till();
    till.outbox_decide(world.cashier(), id, OutboxAction::GiveCash, None)
}

/// It cannot be given in cash, and a person is told why.
#[track_caller]
fn not_now(world: &World, id: &str, why: &str) {
    let offered = offered(world, id);
    assert!(!offered.available, "{offered:?}");
    assert!(
        offered.why_not.as_deref().unwrap().contains(why),
        "{offered:?}"
    );
    assert_eq!(refusal(give(world, id)), ErrorCode::NotNow);
}

fn expected(world: &World) -> i64 {
    let till = world.till();
    till.count(world.manager(), &notes(), &[])
        .unwrap()
        .expected
        .minor
}

fn notes() -> [CountInput; 1] {
    [CountInput {
        denomination_minor: 5_000,
        pieces: 1,
    }]
}

fn close(world: &World) -> ReportView {
    let till = world.till();
    till.count(world.manager(), &notes(), &[]).unwrap();
    let yes = world.manager_says(MANAGER_PIN);
    let closed = till.close(world.manager(), "counted", Some("50.00"), Some(&yes));
    closed.unwrap().0
}

fn printed(report: &ReportView, words: &str) -> bool {
    report.text.iter().any(|line| line.contains(words))
}

fn days(world: &mut World, days: i64) {
    world.advance_ms(days * DAY_MS + MINUTE_MS);
    for _ in 0..2 {
        world.advance_ms(20 * MINUTE_MS);
        look(world);
        world.run_until_quiet();
    }
}

fn sent(world: &World) -> usize {
    let all = world.stripe.exchanges().iter();
    all.filter(|e| e.operation == Operation::CreateRefund)
        .count()
}

#[test]
fn a_refund_that_failed_days_later_is_given_in_cash_once_and_stands_on_the_reports() {
    for (seed, course) in [
        (
            1_300,
            RefundCourse::SucceedsThenFails {
                seconds: 2 * 86_400,
            },
        ),
        (
            1_301,
            RefundCourse::PendingThenFails {
                seconds: 2 * 86_400,
            },
        ),
    ] {
        let (mut world, receipt) = sold(seed);
        world.stripe.next_refund(course);
        world.refund_first(&receipt, "0.500", None).unwrap();
        while world.step() {}
        look(&mut world);
        let outbox = world.till().outbox().unwrap();
        if let Some(pending) = outbox.waiting.first() {
            not_now(&world, &pending.id, "could get it twice");
        }
        assert_eq!(world.till().connection().unwrap().need_a_person, 0);
        let z1 = close(&world);
        assert!(!printed(&z1, LINE), "nothing was given in cash yet");

        days(&mut world, 2);
        assert_eq!(world.till().connection().unwrap().need_a_person, 1);
        let id = entry(&world).id;
        assert_eq!(refusal(give(&world, &id)), ErrorCode::ShiftNotOpen);
        world.open_shift("50.00");
        assert_eq!(expected(&world), 5_000);
        let offer = offered(&world, &id);
        assert!(offer.available && !offer.needs_manager, "{offer:?}");
        let requests = sent(&world);
        let detail = give(&world, &id).unwrap();
        assert_eq!(detail.entry.state, TenderStateView::Closed);
        assert_eq!(detail.entry.says, "Given in cash instead");
        assert_eq!(detail.verdict, "It is settled another way.");

        // Once, also after the power was gone.
        assert_eq!(expected(&world), 5_000 - 845);
        for _ in 0..2 {
            not_now(&world, &id, "was given in cash");
            let (till, cashier) = (world.till(), world.cashier());
            for other in [OutboxAction::TryAgain, OutboxAction::TakeCash] {
                let done = till.outbox_decide(cashier, &id, other, None);
                assert_eq!(refusal(done), ErrorCode::NotNow);
            }
            assert_eq!(till.connection().unwrap().need_a_person, 0);
            assert_eq!(till.outbox().unwrap().need_a_person.len(), 0);
            world.power_cut();
        }
        days(&mut world, 1);
        assert_eq!(sent(&world), requests, "Stripe is told nothing");
        assert_eq!(world.till().cases().unwrap(), []);
        world.till().compare_now().unwrap();
        look(&mut world);
        let books = world.till().last_reconciled().unwrap().unwrap();
        assert_eq!(books.differences, [], "and the books are equal");

        let x = world.till().report_x(world.cashier()).unwrap();
        assert!(printed(&x, LINE), "{:#?}", x.text);
        assert_eq!(x.verdict, "Books agree.");
        let z2 = close(&world);
        assert!(printed(&z2, LINE), "{:#?}", z2.text);
        assert!(printed(&z2, "-8.45"), "{:#?}", z2.text);
        assert_eq!(z2.verdict, "Books agree.");
        assert!(!printed(&world.till().report_z(1).unwrap(), LINE));
        world.check_invariants();
    }
}

#[test]
fn a_refund_that_stripe_gave_after_the_cash_is_a_case() {
    // Stripe calls `failed` final. Were it otherwise, nobody may overlook it.
    let (mut world, receipt) = sold(1_302);
    world
        .stripe
        .next_refund(RefundCourse::SucceedsThenFails { seconds: 86_400 });
    world.refund_first(&receipt, "0.500", None).unwrap();
    world.run_until_quiet();
    days(&mut world, 1);
    let id = entry(&world).id;
    give(&world, &id).unwrap();
    let (_, intent) = charge(&world);
    let again = format!("payment_intent={intent}&amount=845&metadata[refund_id]={id}");
    by_hand(&mut world, "POST", "/v1/refunds", &again);
    days(&mut world, 1);
    let cases = world.till().cases().unwrap();
    assert_eq!(cases.len(), 1, "{cases:#?}");
    assert_eq!(
        (cases[0].amount.minor, &cases[0].receipt),
        (845, &Some(receipt))
    );
    assert!(cases[0].says.contains("in cash here as well"), "{cases:#?}");
    let books = world.till().last_reconciled().unwrap().unwrap();
    assert_eq!(books.differences.len(), 1, "{books:#?}");
    world.till().journal_verify().unwrap();
    assert!(world.till().journal_rebuild().unwrap().differing.is_empty());
}

#[test]
fn what_stripe_refused_for_good_is_given_in_cash_unless_it_may_still_come() {
    // Stripe refuses, as part of the charge was given back in the dashboard.
    let refused = |seed: u64, first: Option<Fault>| {
        let (mut world, receipt) = sold(seed);
        let (_, intent) = charge(&world);
        let part = format!("payment_intent={intent}&amount=100");
        by_hand(&mut world, "POST", "/v1/refunds", &part);
        if let Some(fault) = first {
            world.stripe.fail_next(fault);
        }
        world.refund_first(&receipt, "0.500", None).unwrap();
        world.run_until_quiet();
        let entry = entry(&world);
        assert_eq!(entry.state, TenderStateView::NeedsAttention, "{entry:?}");
        (world, entry.id)
    };
    let (mut world, id) = refused(1_303, None);
    world.advance_ms(20 * MINUTE_MS);
    look(&mut world);
    give(&world, &id).unwrap();
    assert_eq!(expected(&world), 5_000 - 745, "1.00 of it went back there");
    world.till().journal_verify().unwrap();
    assert!(world.till().journal_rebuild().unwrap().differing.is_empty());

    // The first request got lost: it may arrive when there is more to give back.
    let (world, id) = refused(1_304, Some(Fault::DropBefore));
    not_now(&world, &id, "got lost on its way");

    // All of it was given back by somebody else.
    let (mut world, receipt) = sold(1_305);
    let (_, intent) = charge(&world);
    let all = format!("payment_intent={intent}");
    by_hand(&mut world, "POST", "/v1/refunds", &all);
    world.refund_first(&receipt, "0.500", None).unwrap();
    world.run_until_quiet();
    not_now(&world, &entry(&world).id, "given back already");

    // The customer's bank takes it back.
    let (mut world, receipt) = sold(1_306);
    let (disputed, _) = charge(&world);
    world.stripe.dispute(&disputed).unwrap();
    world.refund_first(&receipt, "0.500", None).unwrap();
    world.run_until_quiet();
    not_now(&world, &entry(&world).id, "disputed");
    assert_eq!(expected(&world), 5_000, "nothing left the drawer");
}

#[test]
fn what_the_bank_takes_back_for_the_customer_is_not_given_in_cash_as_well() {
    let (mut world, receipt) = sold(1_320);
    let (disputed, _) = charge(&world);
    let course = RefundCourse::SucceedsThenFails {
        seconds: 2 * 86_400,
    };
    world.stripe.next_refund(course);
    world.refund_first(&receipt, "0.500", None).unwrap();
    while world.step() {}
    look(&mut world);
    days(&mut world, 2);
    let id = entry(&world).id;
    assert!(offered(&world, &id).available);
    // The customer has seen nothing of it, and goes to the bank.
    world.stripe.dispute(&disputed).unwrap();
    days(&mut world, 1);
    not_now(&world, &id, "disputes the charge");
    let ways = world.till().outbox_entry(&id).unwrap().actions;
    assert!(
        ways.iter()
            .any(|a| a.action == OutboxAction::Settled && a.available)
    );
    assert_eq!(expected(&world), 5_000, "nothing left the drawer");
}

#[test]
fn what_was_given_in_cash_is_no_more_to_give_back_in_cash() {
    let mut world = World::from_seed(1_307);
    world.open_shift("50.00");
    world.ring_up(&[("Goudse kaas oud", "1.500")]);
    world
        .card(TenderKindView::SimulatedReader, Some("8.45"))
        .unwrap();
    while world.step() {}
    world.cash("16.90");
    let receipt = world.complete().unwrap().receipt;
    assert_eq!(expected(&world), 5_000 + 1_690);
    // To the card, and it fails.
    world
        .stripe
        .next_refund(RefundCourse::PendingThenFails { seconds: 60 });
    world.refund_first(&receipt, "0.500", None).unwrap();
    world.run_until_quiet();
    give(&world, &entry(&world).id).unwrap();
    assert_eq!(expected(&world), 5_000 + 845);
    // The card has not had its part, so the next goes there; then the rest of the cash.
    world.refund_first(&receipt, "0.500", None).unwrap();
    world.run_until_quiet();
    assert_eq!(expected(&world), 5_000 + 845);
    let done = world.refund_first(&receipt, "0.500", None).unwrap();
    assert_eq!((done.goes_to.len(), done.goes_to[0].amount.minor), (1, 845));
    assert_eq!(expected(&world), 5_000);
    let ledger = world.stripe.ledger();
    let nets: Vec<i64> = ledger.tenders.values().map(|t| t.net).collect();
    assert_eq!(nets, [0]);
    assert_eq!(
        world.till().report_x(world.cashier()).unwrap().verdict,
        "Books agree."
    );
    world.check_invariants();
}

#[test]
fn a_card_taken_off_its_sale_was_approved_by_nobody_and_asks_for_a_manager() {
    for (seed, quantity, needs) in [(1_308, "1.000", false), (1_309, "4.000", true)] {
        let mut world = World::from_seed(seed);
        world.open_shift("150.00");
        world.ring_up(&[("Goudse kaas oud", quantity)]);
        let sale = world.card(TenderKindView::SimulatedReader, None).unwrap();
        while world.step() {}
        world
            .stripe
            .next_refund(RefundCourse::PendingThenFails { seconds: 60 });
        let (till, cashier) = (world.till(), world.cashier());
        till.tender_remove(cashier, &sale.tenders[0].id).unwrap();
        till.void_sale(cashier).unwrap();
        world.run_until_quiet();
        let id = entry(&world).id;
        assert_eq!(offered(&world, &id).needs_manager, needs, "{quantity}");
        if needs {
            assert_eq!(refusal(give(&world, &id)), ErrorCode::NeedsManager);
            let yes = world.manager_says(MANAGER_PIN);
            let (till, cashier) = (world.till(), world.cashier());
            till.outbox_decide(cashier, &id, OutboxAction::GiveCash, Some(&yes))
                .unwrap();
        } else {
            give(&world, &id).unwrap();
        }
        assert_eq!(world.till().connection().unwrap().need_a_person, 0);
        world.check_invariants();
    }
    // Over the threshold a refund has its manager when it is made, and no second one.
    let mut world = World::from_seed(1_310);
    world.open_shift("150.00");
    world.ring_up(&[("Goudse kaas oud", "4.000")]);
    world.card(TenderKindView::SimulatedReader, None).unwrap();
    while world.step() {}
    let receipt = world.complete().unwrap().receipt;
    world
        .stripe
        .next_refund(RefundCourse::PendingThenFails { seconds: 60 });
    let yes = world.manager_says(MANAGER_PIN);
    world.refund_first(&receipt, "4.000", Some(&yes)).unwrap();
    world.run_until_quiet();
    give(&world, &entry(&world).id).unwrap();
    world.check_invariants();
}
