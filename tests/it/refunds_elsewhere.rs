//! Refunds that others made in Stripe's dashboard, beside the till's: what they gave is not
//! given again; and a refused refund that nothing can decide any more is settled by a
//! manager.

use till_app::error::ErrorCode;
use till_app::view::{ApprovalInput, OutboxAction, OutboxEntryView, TenderStateView};
use till_domain::journal::JournalEvent;
use till_stand_in::{Fault, Operation, RefundCourse};
use till_tests::{MANAGER_PIN, World, refusal};

use crate::events::{MINUTE_MS, by_hand, charge, look, sold};

/// Somebody gives back `cents` of the only charge, in the dashboard.
fn in_dashboard(world: &mut World, cents: i64) {
    let (_, intent) = charge(world);
    let form = format!("payment_intent={intent}&amount={cents}");
    by_hand(world, "POST", "/v1/refunds", &form);
}

/// The till reads what happened at Stripe.
fn hear(world: &mut World) {
    world.advance_ms(20 * MINUTE_MS);
    look(world);
    world.run_until_quiet();
}

fn entry(world: &World) -> OutboxEntryView {
    let all = world.till().outbox().unwrap().need_a_person;
    all.into_iter().find(|e| e.is_refund).expect("a case")
}

/// Entries that a person must decide; the dashboard's refund is a case beside them.
fn undecided(world: &World) -> usize {
    world.till().outbox().unwrap().need_a_person.len()
}

fn decide(
    world: &World,
    id: &str,
    what: OutboxAction,
    yes: Option<&ApprovalInput>,
) -> Result<TenderStateView, till_app::error::AppError> {
    let till = world.till();
    let done = till.outbox_decide(world.cashier(), id, what, yes)?;
    Ok(done.entry.state)
}

/// Is it offered, and if not, why.
fn offered(world: &World, id: &str, what: OutboxAction) -> Result<(), String> {
    let detail = world.till().outbox_entry(id).unwrap();
    let mut all = detail.actions.into_iter();
    let found = all.find(|a| a.action == what).ok_or("not there")?;
    found.why_not.map_or(Ok(()), Err)
}

/// Cash that went out of the drawer.
fn gone(world: &World) -> i64 {
    let till = world.till();
    let counted = till.count(world.manager(), &[], &[]).unwrap();
    5_000 - counted.expected.minor
}

/// What the customer has not got back, in the drawer's cash or at Stripe.
fn kept(world: &World) -> i64 {
    let ledger = world.stripe.ledger();
    let net: i64 = ledger.tenders.values().map(|t| t.net).sum();
    net - gone(world)
}

fn sound(world: &World) {
    world.till().journal_verify().unwrap();
    assert!(world.till().journal_rebuild().unwrap().differing.is_empty());
}

fn sent(world: &World) -> usize {
    let all = world.stripe.exchanges().iter();
    all.filter(|e| e.operation == Operation::CreateRefund)
        .count()
}

#[test]
fn what_was_given_back_in_the_dashboard_is_not_given_again_in_cash() {
    for (seed, cents) in [(1_500, 100), (1_501, 400), (1_502, 844)] {
        let (mut world, receipt) = sold(seed);
        in_dashboard(&mut world, cents);
        // The till has not heard of it, and Stripe refuses.
        world.refund_first(&receipt, "0.500", None).unwrap();
        world.run_until_quiet();
        let id = entry(&world).id;
        hear(&mut world);
        let case = world.till().outbox_entry(&id).unwrap();
        let of = |cents: i64| format!("€{}.{:02}", cents / 100, cents % 100);
        assert!(case.verdict.starts_with(&of(cents)), "{case:?}");
        assert!(case.advice.contains(&of(845 - cents)), "{case:?}");
        decide(&world, &id, OutboxAction::GiveCash, None).unwrap();
        assert_eq!((gone(&world), kept(&world)), (845 - cents, 0));
        let says = world.till().outbox_entry(&id).unwrap().entry.says;
        assert!(says.contains("the rest at Stripe"), "{says}");
        let again = decide(&world, &id, OutboxAction::GiveCash, None);
        assert_eq!(refusal(again), ErrorCode::NotNow);
        sound(&world);
    }
}

#[test]
fn a_refund_that_failed_is_off_where_the_dashboard_gave_it_meanwhile() {
    let (mut world, receipt) = sold(1_503);
    world
        .stripe
        .next_refund(RefundCourse::PendingThenFails { seconds: 60 });
    world.refund_first(&receipt, "0.500", None).unwrap();
    world.run_until_quiet();
    let id = entry(&world).id;
    offered(&world, &id, OutboxAction::GiveCash).unwrap();
    in_dashboard(&mut world, 845);
    hear(&mut world);
    let why = offered(&world, &id, OutboxAction::GiveCash).unwrap_err();
    assert!(why.contains("dashboard already"), "{why}");
    let refused = decide(&world, &id, OutboxAction::GiveCash, None);
    assert_eq!(refusal(refused), ErrorCode::NotNow);
    assert_eq!((gone(&world), kept(&world)), (0, 0));
    // The way out is a manager who looked.
    let yes = world.manager_says(MANAGER_PIN);
    let state = decide(&world, &id, OutboxAction::Settled, Some(&yes)).unwrap();
    assert_eq!(state, TenderStateView::Closed);
    assert_eq!(undecided(&world), 0);
    sound(&world);
}

#[test]
fn a_refund_above_what_the_dashboard_left_is_refused_and_one_below_is_not() {
    let (mut world, _) = sold(1_504);
    let receipt = {
        world.ring_up(&[("Goudse kaas oud", "1.000")]);
        world
            .card(till_app::view::TenderKindView::SimulatedReader, None)
            .unwrap();
        while world.step() {}
        world.complete().unwrap().receipt
    };
    let second = |world: &World| {
        let ledger = world.stripe.ledger();
        let all = ledger.tenders.values().filter_map(|t| t.charges.first());
        let mut all = all.filter(|c| c.amount == 1_690);
        all.next().unwrap().payment_intent.clone()
    };
    let intent = second(&world);
    let ten = format!("payment_intent={intent}&amount=1000");
    by_hand(&mut world, "POST", "/v1/refunds", &ten);
    hear(&mut world);
    let before = sent(&world);
    let refused = world.refund_first(&receipt, "0.500", None);
    assert_eq!(refusal(refused), ErrorCode::RefundedElsewhere);
    let found = world.till().refund_find(&receipt).unwrap();
    assert!(
        found
            .tenders
            .contains("€10.00 given back at Stripe already"),
        "{}",
        found.tenders
    );
    assert_eq!(sent(&world), before, "nothing was asked for");
    // 16.90 less 10.00 is 6.90.
    world.refund_first(&receipt, "0.400", None).unwrap();
    world.run_until_quiet();
    assert_eq!(undecided(&world), 0);
    let refused = world.refund_first(&receipt, "0.100", None);
    assert_eq!(refusal(refused), ErrorCode::RefundedElsewhere);
    assert_eq!(gone(&world), 0);
    sound(&world);

    // One that failed there gave nothing.
    let (mut world, receipt) = sold(1_505);
    world
        .stripe
        .next_refund(RefundCourse::PendingThenFails { seconds: 60 });
    in_dashboard(&mut world, 845);
    hear(&mut world);
    hear(&mut world);
    world.refund_first(&receipt, "0.500", None).unwrap();
    world.run_until_quiet();
    assert_eq!(kept(&world), 0);
    sound(&world);
}

/// A refused refund that may still come: its first request got lost.
pub(crate) fn a_day_of_a_refund_in_doubt() -> World {
    let (mut world, receipt) = sold(1_506);
    in_dashboard(&mut world, 100);
    world.stripe.fail_next(Fault::DropBefore);
    world.refund_first(&receipt, "0.500", None).unwrap();
    world.run_until_quiet();
    let id = entry(&world).id;
    let before = sent(&world);
    offered(&world, &id, OutboxAction::GiveCash).unwrap_err();
    let none = decide(&world, &id, OutboxAction::Settled, None);
    assert_eq!(refusal(none), ErrorCode::NeedsManager);
    let mut yes = world.manager_says(MANAGER_PIN);
    yes.reason = String::new();
    let why = decide(&world, &id, OutboxAction::Settled, Some(&yes));
    assert_eq!(refusal(why), ErrorCode::NeedsReason);
    yes.reason = "the rest by bank transfer".into();
    decide(&world, &id, OutboxAction::Settled, Some(&yes)).unwrap();
    for what in [OutboxAction::Settled, OutboxAction::GiveCash] {
        let again = decide(&world, &id, what, Some(&yes));
        assert_eq!(refusal(again), ErrorCode::NotNow);
    }
    world.run_until_quiet();
    assert_eq!(sent(&world), before, "it sends nothing");
    world
}

#[test]
fn a_refund_in_doubt_is_settled_by_a_manager_with_a_reason_and_sends_nothing() {
    let mut world = a_day_of_a_refund_in_doubt();
    assert_eq!(undecided(&world), 0);
    assert_eq!(gone(&world), 0);
    let mut journal = Vec::new();
    world.till().journal_export(&mut journal).unwrap();
    let text = String::from_utf8(journal).unwrap();
    let settled: Vec<_> = text
        .lines()
        .map(|line| serde_json::from_str::<till_app::JournalLine>(line).unwrap())
        .filter_map(|line| match line.event().unwrap() {
            JournalEvent::RefundSettled { by, .. } => Some(by.reason),
            _ => None,
        })
        .collect();
    assert_eq!(settled, ["the rest by bank transfer"]);
    // What is found in the dashboard afterwards was settled with it, and opens nothing.
    hear(&mut world);
    assert_eq!(world.till().cases().unwrap().len(), 1);
    assert_eq!(undecided(&world), 0);
    world.power_cut();
    assert_eq!(undecided(&world), 0);
    sound(&world);
}

/// What a manager gave in another way is beside what the dashboard gave, and the card gives
/// no more than the rest.
#[test]
fn what_was_settled_and_what_the_dashboard_gave_are_never_more_than_was_charged() {
    let (mut world, receipt) = sold(1_508);
    in_dashboard(&mut world, 300);
    hear(&mut world);
    world.stripe.next_refund(RefundCourse::RequiresAction);
    world.refund_first(&receipt, "0.250", None).unwrap();
    world.run_until_quiet();
    let id = entry(&world).id;
    let yes = world.manager_says(MANAGER_PIN);
    decide(&world, &id, OutboxAction::Settled, Some(&yes)).unwrap();
    // 845 less 300 of the dashboard and 423 that the manager gave.
    let rest = world.refund_first(&receipt, "0.250", None);
    assert_eq!(refusal(rest), ErrorCode::RefundedElsewhere);
    world.power_cut();
    sound(&world);
}

/// The bank takes back, days later, what a manager was shown as given.
#[test]
fn a_settled_refund_that_stripe_gave_and_the_bank_took_back_is_a_case() {
    let mut world = a_day_of_a_refund_in_doubt();
    let (_, intent) = charge(&world);
    let db = rusqlite::Connection::open(world.folder().join("till.db")).unwrap();
    let id: Vec<u8> = db
        .query_row("SELECT id FROM refund_part", [], |r| r.get(0))
        .unwrap();
    drop(db);
    let id = till_domain::ids::Uuid::from_slice(&id).unwrap();
    world.stripe.next_refund(RefundCourse::SucceedsThenFails {
        seconds: 3 * 86_400,
    });
    let late = format!("payment_intent={intent}&amount=645&metadata[refund_id]={id}");
    by_hand(&mut world, "POST", "/v1/refunds", &late);
    let failed = |world: &World| {
        let all = world.till().cases().unwrap();
        all.iter().filter(|c| c.says.contains("failed")).count()
    };
    hear(&mut world);
    assert_eq!(failed(&world), 0);
    for _ in 0..4 {
        world.advance_ms(24 * 60 * MINUTE_MS);
        hear(&mut world);
    }
    assert_eq!(failed(&world), 1, "{:#?}", world.till().cases().unwrap());
    sound(&world);
}

#[test]
fn a_refund_whose_entry_cannot_be_read_has_a_way_out_as_well() {
    let (mut world, receipt) = sold(1_507);
    world.refund_first(&receipt, "0.500", None).unwrap();
    let db = rusqlite::Connection::open(world.folder().join("till.db")).unwrap();
    let sql = "UPDATE outbox SET machine = '{}' WHERE subject = 'refund'";
    assert_eq!(db.execute(sql, []).unwrap(), 1);
    drop(db);
    world.run_until_quiet();
    let id = entry(&world).id;
    let why = offered(&world, &id, OutboxAction::GiveCash).unwrap_err();
    assert!(why.contains("cannot be read"), "{why}");
    let yes = world.manager_says(MANAGER_PIN);
    let state = decide(&world, &id, OutboxAction::Settled, Some(&yes)).unwrap();
    assert_eq!(state, TenderStateView::Closed);
    assert_eq!(undecided(&world), 0);
    sound(&world);
}
