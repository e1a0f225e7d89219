//! What became of the cards at the shop's risk, on the report of the shift that took
//! them and of the shift that settled them.

use till_app::StripeSetting;
use till_app::view::{CountInput, OutboxAction, ReportLineView, ReportView, TenderKindView};
use till_tests::{MANAGER_PIN, World};

fn sell(world: &mut World, customer: Option<&str>) -> String {
    world.ring_up(&[("Goudse kaas oud", "0.500")]);
    let kind = match customer {
        Some(name) => {
            world.customer(name);
            TenderKindView::SavedCard
        }
        None => TenderKindView::SimulatedReader,
    };
    let sale = world.card(kind, None).unwrap();
    world.complete().unwrap();
    sale.tenders[0].id.clone()
}

pub(crate) fn close(world: &World) -> ReportView {
    let notes = [CountInput {
        denomination_minor: 5_000,
        pieces: 1,
    }];
    let till = world.till();
    till.count(world.manager(), &notes, &[]).unwrap();
    let yes = world.manager_says(MANAGER_PIN);
    let closed = till.close(world.manager(), "counted", Some("50.00"), Some(&yes));
    closed.unwrap().0
}

fn rows(lines: &[ReportLineView]) -> Vec<(&str, i64, i64)> {
    let row = |l: &ReportLineView| l.count.unwrap_or_default();
    lines
        .iter()
        .map(|l| (l.label.as_str(), row(l), l.amount.minor))
        .collect()
}

fn decide(world: &mut World, tender: &str, what: OutboxAction) {
    let yes = world.manager_says(MANAGER_PIN);
    world
        .till()
        .outbox_decide(world.cashier(), tender, what, Some(&yes))
        .unwrap();
    world.run_until_quiet();
}

fn printed(report: &ReportView, words: &str) -> bool {
    report.text.iter().any(|line| line.contains(words))
}

fn approvals(report: &ReportView) -> &str {
    let line = report.text.iter().find(|l| l.contains("PIN approvals"));
    line.unwrap().split_whitespace().last().unwrap()
}

#[test]
fn what_a_shift_took_at_risk_is_followed_into_the_shift_that_settles_it() {
    let mut world = World::from_seed(1);
    world.open_shift("50.00");
    world.online(false);
    let _charged = sell(&mut world, Some("Ana Ortega"));
    let paid = sell(&mut world, Some("Tom Bakker"));
    let given_up = sell(&mut world, Some("Tom Bakker"));
    world.online(true);
    world.run_until_quiet();
    world.online(false);
    let _later = sell(&mut world, None);
    let x = world.till().report_x(world.cashier()).unwrap();
    let first = [
        ("charged", 1, 845),
        ("to decide", 2, 1_690),
        ("waiting", 1, 845),
    ];
    assert_eq!(rows(&x.at_risk), first);
    assert_eq!((x.owed.count, x.owed.amount.minor), (Some(2), 1_690));
    assert!(printed(&x, "Cards at risk"), "{:#?}", x.text);
    assert!(printed(&x, "to decide"));
    let z = close(&world);
    assert_eq!(rows(&z.at_risk), first);

    world.open_shift("50.00");
    world.online(true);
    world.run_until_quiet();
    decide(&mut world, &paid, OutboxAction::TakeCash);
    decide(&mut world, &given_up, OutboxAction::WriteOff);
    // Cancelled at Stripe first; then it can be given up.
    if world.till().connection().unwrap().need_a_person > 0 {
        decide(&mut world, &given_up, OutboxAction::WriteOff);
    }
    let settled = [
        ("charged", 1, 845),
        ("paid in cash", 1, 845),
        ("written off", 1, 845),
    ];
    let x = world.till().report_x(world.cashier()).unwrap();
    assert_eq!(
        (rows(&x.at_risk), rows(&x.at_risk_earlier)),
        (vec![], settled.to_vec())
    );
    let z2 = close(&world);
    assert_eq!(rows(&z2.at_risk_earlier), settled);
    assert!(printed(&z2, "Cards of earlier shifts") && printed(&z2, "written off"));
    assert_eq!(z2.verdict, "Books agree.");
    // The first Z says what it said.
    let again = world.till().report_z(1).unwrap();
    assert_eq!(rows(&again.at_risk), first);
    assert_eq!(again.owed.count, Some(2));
    assert_eq!(again.verdict, "Books agree.");
    world.check_invariants();
}

/// Declined in one shift, paid in cash in the next with the line down, and cancelled at
/// Stripe in the third: one shift tells of it, the one that took the cash.
#[test]
fn a_debt_that_was_paid_in_cash_is_told_once() {
    let mut world = World::from_seed(4);
    world.open_shift("50.00");
    world.online(false);
    let tender = sell(&mut world, Some("Tom Bakker"));
    world.online(true);
    world.run_until_quiet();
    close(&world);

    world.open_shift("50.00");
    world.online(false);
    let by_herself =
        world
            .till()
            .outbox_decide(world.cashier(), &tender, OutboxAction::TakeCash, None);
    by_herself.unwrap();
    let paid = [("paid in cash", 1, 845)];
    let x = world.till().report_x(world.cashier()).unwrap();
    assert_eq!(rows(&x.at_risk_earlier), paid);
    assert_eq!(approvals(&x), "0", "nobody typed a PIN");
    let z = close(&world);
    assert_eq!(rows(&z.at_risk_earlier), paid);

    world.open_shift("50.00");
    world.online(true);
    world.run_until_quiet();
    let x = world.till().report_x(world.cashier()).unwrap();
    assert_eq!((rows(&x.at_risk_earlier), x.owed.count), (vec![], Some(0)));
    let z = close(&world);
    assert_eq!((rows(&z.at_risk_earlier), z.owed.count), (vec![], Some(0)));
    assert_eq!(z.verdict, "Books agree.");
    world.check_invariants();
}

#[test]
fn a_decision_without_a_pin_is_no_approval() {
    let mut world = World::from_seed(5);
    world.open_shift("50.00");
    world.online(false);
    let tender = sell(&mut world, Some("Tom Bakker"));
    world.online(true);
    world.run_until_quiet();
    let again = OutboxAction::TryAgain;
    let till = world.till();
    till.outbox_decide(world.cashier(), &tender, again, None)
        .unwrap();
    let x = world.till().report_x(world.cashier()).unwrap();
    assert_eq!(approvals(&x), "0");
    world.run_until_quiet();
    decide(&mut world, &tender, OutboxAction::WriteOff);
    let x = world.till().report_x(world.cashier()).unwrap();
    assert_eq!(approvals(&x), "1");
}

/// Goods come back while it is not known whether their card was charged; then it was.
#[test]
fn what_came_back_before_it_was_known_is_off_what_was_charged() {
    let mut world = World::from_seed(6);
    world.open_shift("50.00");
    world.online(false);
    world.ring_up(&[("Goudse kaas oud", "0.500")]);
    world.card(TenderKindView::SimulatedReader, None).unwrap();
    let receipt = world.complete().unwrap().receipt;
    world.online(true);
    world.step();
    world.drop_answers = 1;
    world.step();
    world.online(false);
    world.refund_first(&receipt, "0.500", None).unwrap();
    world.online(true);
    world.run_until_quiet();
    let z = close(&world);
    for line in &z.tenders {
        assert_eq!(line.amount.minor, 0, "{:#?}", z.tenders);
    }
    world.check_invariants();
}

#[test]
fn a_card_that_is_paid_by_a_link_says_so() {
    let mut world = World::from_seed(2);
    world.open_shift("50.00");
    world.online(false);
    let tender = sell(&mut world, Some("Tom Bakker"));
    world.online(true);
    world.run_until_quiet();
    let yes = world.manager_says(MANAGER_PIN);
    world
        .till()
        .outbox_decide(world.cashier(), &tender, OutboxAction::PayLink, Some(&yes))
        .unwrap();
    while world.step() {}
    let link = world.till().outbox_entry(&tender).unwrap().link.unwrap();
    let session = link.rsplit('/').next().unwrap().to_owned();
    world.stripe.pay_session(&session, "pm_card_visa").unwrap();
    world.advance_ms(60_000);
    world.run_until_quiet();
    let x = world.till().report_x(world.cashier()).unwrap();
    assert_eq!(rows(&x.at_risk), [("paid by link", 1, 845)]);
    assert_eq!(x.owed.count, Some(0));
    world.check_invariants();
}

#[test]
fn disputes_and_the_last_comparison_are_on_the_x_report_and_in_the_outbox() {
    let mut world = World::from_seed(3);
    let joined = StripeSetting {
        api_base: String::new(),
        account: "acct_1".into(),
        livemode: false,
    };
    world.till().join_stripe(&joined).unwrap();
    world.open_shift("50.00");
    world.ring_up(&[("Goudse kaas oud", "0.500")]);
    world.card(TenderKindView::SimulatedReader, None).unwrap();
    while world.step() {}
    let receipt = world.complete().unwrap().receipt;
    let x = world.till().report_x(world.cashier()).unwrap();
    assert!(x.stripe.is_empty() && world.till().outbox().unwrap().books.is_none());

    let charge = world
        .stripe
        .ledger()
        .tenders
        .values()
        .next()
        .unwrap()
        .charges[0]
        .charge
        .clone();
    world.stripe.dispute(&charge).unwrap();
    world.advance_ms(20 * 60_000);
    crate::events::look(&mut world);
    world.till().compare_now().unwrap();
    crate::events::look(&mut world);
    let outbox = world.till().outbox().unwrap();
    let books = outbox.books.unwrap();
    assert!(books.agree && books.says.ends_with("Sat 21 Nov 2026 12:20: no difference"));
    assert_eq!(outbox.cases.len(), 1);
    assert_eq!(outbox.cases[0].receipt, Some(receipt.clone()));
    assert!(outbox.cases[0].due_by.is_some());
    let x = world.till().report_x(world.cashier()).unwrap();
    assert!(
        x.stripe[0].starts_with("1 dispute, €8.45: answer by Mon 30 Nov 2026"),
        "{:?}",
        x.stripe
    );
    assert_eq!(x.stripe[1], books.says);
    assert!(printed(&x, "no difference") || printed(&x, "difference"));
    assert!(
        close(&world).stripe.is_empty(),
        "a Z is the journal's alone"
    );

    // A difference is named, with its receipt.
    world.open_shift("50.00");
    world.ring_up(&[("Goudse kaas oud", "0.500")]);
    let sale = world.card(TenderKindView::SimulatedReader, None).unwrap();
    while world.step() {}
    world.complete().unwrap();
    let ledger = world.stripe.ledger();
    let intent = &ledger.tenders[&sale.tenders[0].id].charges[0].payment_intent;
    let refund = till_store::StoredRequest {
        idempotency_key: None,
        method: "POST",
        path: "/v1/refunds".into(),
        body: Some(format!("payment_intent={intent}&amount=100").into_bytes()),
        api_version: till_sync::request::API_VERSION.into(),
        first_sent_at: None,
    };
    let _ = till_tests::carry(&mut world.stripe, &refund);
    world.till().compare_now().unwrap();
    crate::events::look(&mut world);
    let books = world.till().outbox().unwrap().books.unwrap();
    assert!(
        !books.agree && books.says.ends_with("1 DIFFERENCE"),
        "{books:?}"
    );
    assert!(
        books.differences[0].contains("Stripe has a refund"),
        "{books:?}"
    );
    world.online(false);
    assert!(
        world.till().compare_now().is_err(),
        "nothing is asked offline"
    );
}
