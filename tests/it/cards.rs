//! Cards: charged at once while the line is up, queued while it is down, and
//! never twice.

use till_app::error::ErrorCode;
use till_app::view::{OutboxAction, TenderKindView, TenderStateView};
use till_tests::{World, refusal};

const HOUR_MS: i64 = 3_600_000;
/// €16.90 a kilogram.
const CHEESE: &str = "Goudse kaas oud";

/// A sale of `kilograms` of cheese on Ana's saved card, taken offline.
fn queued_sale(world: &mut World, kilograms: &str) -> (String, String) {
    world.online(false);
    world.ring_up(&[(CHEESE, kilograms)]);
    world.customer("Ana Ortega");
    let sale = world.card(TenderKindView::SavedCard, None).unwrap();
    assert_eq!(sale.tenders[0].state, TenderStateView::Queued);
    let done = world.complete().unwrap();
    (done.receipt, sale.tenders[0].id.clone())
}

#[test]
fn an_online_card_is_charged_before_the_sale_completes() {
    let mut world = World::from_seed(1);
    world.open_shift("150.00");
    world.ring_up(&[(CHEESE, "1.000")]);
    let sale = world.card(TenderKindView::SimulatedReader, None).unwrap();
    assert_eq!(sale.tenders[0].state, TenderStateView::Working);
    assert!(!sale.can_complete, "nothing is paid before Stripe said so");
    assert_eq!(refusal(world.complete()), ErrorCode::TenderBusy);

    world.run_until_quiet();

    let sale = world.till().sale_current().unwrap().unwrap();
    assert_eq!(sale.tenders[0].state, TenderStateView::Certain);
    assert!(sale.can_complete);
    let done = world.complete().unwrap();
    assert_eq!(done.at_risk.minor, 0);
    assert_eq!(world.charges_of(&sale.tenders[0].id), 1);
    world.check_invariants();
}

#[test]
fn a_line_that_fails_in_the_middle_makes_it_unknown_and_never_queued() {
    let mut world = World::from_seed(2);
    world.open_shift("150.00");
    world.ring_up(&[(CHEESE, "1.000")]);
    let sale = world.card(TenderKindView::SimulatedReader, None).unwrap();
    let tender = sale.tenders[0].id.clone();
    assert!(world.step(), "created");
    world.drop_answers = 1;
    assert!(world.step(), "confirmed, and the answer is lost");
    world.online(false);

    let sale = world.till().sale_current().unwrap().unwrap();
    assert_eq!(sale.tenders[0].state, TenderStateView::Unknown);
    assert!(sale.busy && !sale.can_complete);
    assert_eq!(refusal(world.complete()), ErrorCode::TenderBusy);
    // Asking for it back does not free the money: it may have been charged.
    let sale = world
        .till()
        .tender_remove(world.cashier(), &tender)
        .unwrap();
    assert_eq!(sale.tenders.len(), 1, "it stays until Stripe has said");

    world.online(true);
    world.run_until_quiet();
    let sale = world.till().sale_current().unwrap().unwrap();
    assert_eq!(
        sale.tenders[0].state,
        TenderStateView::Certain,
        "it was charged"
    );
    assert_eq!(world.charges_of(&tender), 1);
    // Now it can be taken back: a refund.
    let sale = world
        .till()
        .tender_remove(world.cashier(), &tender)
        .unwrap();
    assert!(sale.tenders.is_empty());
    world.run_until_quiet();
    assert_eq!(world.stripe.ledger().net_of(&tender), 0);
    world.check_invariants();
}

#[test]
fn an_online_card_that_was_never_sent_is_free_at_once() {
    let mut world = World::from_seed(3);
    world.open_shift("150.00");
    world.ring_up(&[(CHEESE, "1.000")]);
    world.unplugged = true;
    let sale = world.card(TenderKindView::SimulatedReader, None).unwrap();
    assert!(world.step(), "no route");
    let sale = world
        .till()
        .tender_remove(world.cashier(), &sale.tenders[0].id)
        .unwrap();
    assert!(sale.tenders.is_empty(), "nothing reached Stripe");
    world.cash("20.00");
    world.complete().unwrap();
    world.online(true);
    world.run_until_quiet();
    assert_eq!(world.stripe.ledger().totals.len(), 0, "nothing was charged");
    world.check_invariants();
}

#[test]
fn a_queued_card_is_charged_once_when_the_line_returns() {
    let mut world = World::from_seed(4);
    world.open_shift("150.00");
    let (_, tender) = queued_sale(&mut world, "1.500");
    assert_eq!(world.tender_state(&tender), TenderStateView::Queued);
    assert_eq!(world.till().connection().unwrap().at_risk.minor, 2_535);

    world.online(true);
    world.drop_answers = 2;
    world.run_until_quiet();

    assert_eq!(world.tender_state(&tender), TenderStateView::Certain);
    assert_eq!(world.charges_of(&tender), 1);
    assert_eq!(world.till().connection().unwrap().at_risk.minor, 0);
    world.check_invariants();
}

#[test]
fn a_weekend_does_not_make_a_lost_confirm_a_second_charge() {
    let mut world = World::from_seed(5);
    world.open_shift("150.00");
    let (_, tender) = queued_sale(&mut world, "1.000");
    world.online(true);
    assert!(world.step(), "created");
    world.drop_answers = 1;
    assert!(world.step(), "confirmed, and the answer is lost");
    world.online(false);
    assert_eq!(world.tender_state(&tender), TenderStateView::Unknown);

    // Stripe has forgotten the key when the shop opens again.
    world.advance_ms(62 * HOUR_MS);
    world.online(true);
    world.run_until_quiet();

    assert_eq!(world.charges_of(&tender), 1);
    assert_eq!(world.tender_state(&tender), TenderStateView::Certain);
    world.check_invariants();
}

#[test]
fn a_create_lost_over_a_weekend_is_found_and_not_made_again() {
    let mut world = World::from_seed(6);
    world.open_shift("150.00");
    let (_, tender) = queued_sale(&mut world, "1.000");
    world.online(true);
    world.drop_answers = 1;
    assert!(world.step(), "created, and the answer is lost");
    world.online(false);
    world.advance_ms(50 * HOUR_MS);
    world.online(true);
    world.run_until_quiet();
    assert_eq!(world.charges_of(&tender), 1);
    let line = &world.stripe.ledger().tenders[&tender];
    assert_eq!(line.payment_intents, 1, "the first one was found");
    world.check_invariants();
}

#[test]
fn a_power_cut_in_flight_is_a_lost_answer() {
    for cut_after in 0..3 {
        let mut world = World::from_seed(10 + cut_after);
        world.open_shift("150.00");
        let (receipt, tender) = queued_sale(&mut world, "1.000");
        world.online(true);
        for _ in 0..cut_after {
            world.step();
        }
        world.power_cut_in_flight();
        world.run_until_quiet();
        assert_eq!(world.charges_of(&tender), 1, "cut after {cut_after} steps");
        assert!(world.till().receipt_text(&receipt).is_ok());
        world.check_invariants();
    }
}

#[test]
fn a_charge_says_whose_it_is_also_when_there_is_no_receipt_yet() {
    let mut world = World::from_seed(21);
    world.open_shift("150.00");
    // At once: the receipt's number is given when the sale completes, after the charge.
    for customer in [Some("Ana Ortega"), None] {
        world.ring_up(&[(CHEESE, "0.500")]);
        let kind = match customer {
            Some(_) => TenderKindView::SavedCard,
            None => TenderKindView::SimulatedReader,
        };
        if let Some(name) = customer {
            world.customer(name);
        }
        let sale = world.card(kind, None).unwrap();
        world.run_until_quiet();
        let form = asked_for(&world, &sale.tenders[0].id);
        for told in [
            "metadata[till_id]=till-1",
            "metadata[shift]=1",
            "metadata[sale_id]=",
            "statement_descriptor_suffix=T1-S1",
        ] {
            assert!(form.contains(told), "{customer:?}: {told} in {form}");
        }
        assert!(!form.contains("metadata[receipt]"), "{form}");
        let to_ana = form.contains("receipt_email=ana.ortega%40correo.example");
        assert_eq!(to_ana, customer.is_some(), "{form}");
        assert_eq!(form.contains("receipt_email"), customer.is_some(), "{form}");
        world.complete().unwrap();
    }
    // Later: with the receipt.
    let (receipt, tender) = queued_sale(&mut world, "0.500");
    world.online(true);
    world.run_until_quiet();
    let form = asked_for(&world, &tender);
    let number = receipt.trim_start_matches("1-").trim_start_matches('0');
    for told in [
        format!("metadata[receipt]={receipt}"),
        format!("statement_descriptor_suffix=R1-{number}&"),
        "receipt_email=ana.ortega%40correo.example".into(),
    ] {
        assert!(form.contains(&told), "{told} in {form}");
    }
    world.check_invariants();
}

/// The form that made a tender's PaymentIntent.
fn asked_for(world: &World, tender: &str) -> String {
    let asked = world.stripe.exchanges().iter().map(|e| e.form.clone());
    let made = format!("metadata[tender_id]={tender}");
    asked
        .into_iter()
        .find(|form| form.contains(&made) && form.contains("amount="))
        .unwrap()
}

#[test]
fn over_a_limit_needs_a_manager_and_a_small_split_does_not() {
    let mut world = World::from_seed(20);
    world.open_shift("150.00");
    world.online(false);
    world.ring_up(&[(CHEESE, "4.000")]);
    world.customer("Ana Ortega");
    // €67.60 is over the €50.00 of one tender.
    assert_eq!(
        refusal(world.card(TenderKindView::SavedCard, None)),
        ErrorCode::OverLimit
    );
    let wrong = world.manager_says("0000");
    let refused = world.till().tender_card(
        world.cashier(),
        TenderKindView::SavedCard,
        None,
        Some(&wrong),
    );
    assert_eq!(refusal(refused), ErrorCode::PinWrong);
    // Part in cash, the rest within the limit.
    world.cash("20.00");
    let sale = world.card(TenderKindView::SavedCard, None).unwrap();
    assert_eq!(sale.outstanding.minor, 0);
    let done = world.complete().unwrap();
    assert_eq!(done.at_risk.minor, 4_760);
    assert!(
        done.receipt_text
            .iter()
            .any(|l| l.contains("CARD PAYMENT PENDING")),
        "{:#?}",
        done.receipt_text
    );
    // The next one of this customer passes €75.00.
    world.ring_up(&[(CHEESE, "2.000")]);
    world.customer("Ana Ortega");
    assert_eq!(
        refusal(world.card(TenderKindView::SavedCard, None)),
        ErrorCode::OverLimit
    );
    let yes = world.manager_says(till_tests::MANAGER_PIN);
    world
        .till()
        .tender_card(world.cashier(), TenderKindView::SavedCard, None, Some(&yes))
        .unwrap();
    world.complete().unwrap();
    world.online(true);
    world.run_until_quiet();
    world.check_invariants();
}

#[test]
fn a_declined_queued_card_becomes_a_case_with_a_way_out() {
    let mut world = World::from_seed(30);
    world.open_shift("150.00");
    world.online(false);
    world.ring_up(&[(CHEESE, "1.000")]);
    world.customer("Tom Bakker");
    let sale = world.card(TenderKindView::SavedCard, None).unwrap();
    let tender = sale.tenders[0].id.clone();
    world.complete().unwrap();
    world.online(true);
    world.run_until_quiet();
    assert_eq!(world.tender_state(&tender), TenderStateView::Declined);
    assert_eq!(world.charges_of(&tender), 0);
    assert_eq!(world.till().connection().unwrap().need_a_person, 1);

    let decide = |world: &World, action, approval| {
        world
            .till()
            .outbox_decide(world.cashier(), &tender, action, approval)
    };
    assert_eq!(
        refusal(decide(&world, OutboxAction::WriteOff, None)),
        ErrorCode::NeedsManager
    );
    decide(&world, OutboxAction::TakeCash, None).unwrap();
    assert_eq!(
        refusal(decide(&world, OutboxAction::TakeCash, None)),
        ErrorCode::NotNow,
        "a debt is paid once"
    );
    world.run_until_quiet();
    assert_eq!(world.till().connection().unwrap().need_a_person, 0);
    assert_eq!(world.charges_of(&tender), 0);
    world.check_invariants();
}

#[test]
fn a_declined_card_is_asked_for_by_a_link_once_it_is_cancelled() {
    let mut world = World::from_seed(31);
    world.open_shift("150.00");
    world.online(false);
    world.ring_up(&[(CHEESE, "1.000")]);
    world.customer("Tom Bakker");
    let sale = world.card(TenderKindView::SavedCard, None).unwrap();
    let tender = sale.tenders[0].id.clone();
    world.complete().unwrap();
    world.online(true);
    world.run_until_quiet();
    assert_eq!(world.tender_state(&tender), TenderStateView::Declined);

    let ask = |world: &World, action| {
        world
            .till()
            .outbox_decide(world.cashier(), &tender, action, None)
    };
    let asked = ask(&world, OutboxAction::PayLink).unwrap();
    assert_eq!(
        (asked.entry.state, asked.link),
        (TenderStateView::Queued, None),
        "no link before Stripe has cancelled the card"
    );
    assert_eq!(
        refusal(ask(&world, OutboxAction::WriteOff)),
        ErrorCode::NotNow
    );
    world.make_only(1);
    world.power_cut_in_flight();
    for _ in 0..40 {
        world.step();
        world.advance_ms(2_000);
    }
    let shown = world.till().outbox_entry(&tender).unwrap();
    assert_eq!(shown.entry.says, "Pay link, waiting for the customer");
    let link = shown.link.unwrap();
    let session = link.rsplit('/').next().unwrap();
    world.stripe.pay_session(session, "pm_card_visa").unwrap();
    world.advance_ms(60_000);
    world.run_until_quiet();
    assert_eq!(world.tender_state(&tender), TenderStateView::Certain);
    assert_eq!(world.charges_of(&tender), 1);
    assert_eq!(world.till().connection().unwrap().need_a_person, 0);
    world.check_invariants();
}

#[test]
fn a_refund_of_a_queued_charge_lowers_it_and_a_whole_one_cancels_it() {
    let mut world = World::from_seed(40);
    world.open_shift("150.00");
    let (receipt, tender) = queued_sale(&mut world, "2.000");
    world.refund_first(&receipt, "0.500", None).unwrap();
    assert_eq!(world.till().connection().unwrap().at_risk.minor, 2_535);
    let (whole, canceled) = queued_sale(&mut world, "1.000");
    world.refund_first(&whole, "1.000", None).unwrap();
    world.online(true);
    world.run_until_quiet();
    assert_eq!(world.stripe.ledger().net_of(&tender), 2_535);
    assert_eq!(world.charges_of(&canceled), 0);
    assert_eq!(
        world.stripe.ledger().totals["eur"].refunded,
        0,
        "lowered, not refunded"
    );
    world.check_invariants();
}

#[test]
fn a_charge_is_not_lowered_to_less_than_stripe_charges() {
    let mut world = World::from_seed(45);
    world.open_shift("150.00");
    let (receipt, tender) = queued_sale(&mut world, "0.500");
    // €8.45 less €8.11 leaves 34 cents, which Stripe refuses.
    world.refund_first(&receipt, "0.480", None).unwrap();
    world.online(true);
    world.run_until_quiet();
    assert_eq!(world.tender_state(&tender), TenderStateView::Certain);
    assert_eq!(world.stripe.ledger().net_of(&tender), 34);
    world.check_invariants();
}

#[test]
fn a_refund_while_the_charge_is_unknown_waits_for_the_truth() {
    let mut world = World::from_seed(50);
    world.open_shift("150.00");
    let (receipt, tender) = queued_sale(&mut world, "2.000");
    world.online(true);
    world.step();
    world.drop_answers = 1;
    world.step();
    world.online(false);
    assert_eq!(world.tender_state(&tender), TenderStateView::Unknown);
    world.refund_first(&receipt, "0.500", None).unwrap();
    world.online(true);
    world.run_until_quiet();
    assert_eq!(world.charges_of(&tender), 1);
    assert_eq!(world.stripe.ledger().net_of(&tender), 2_535);
    world.check_invariants();
}

#[test]
fn every_fault_ends_with_every_tender_decided_and_the_books_equal() {
    for seed in 100..112 {
        let mut world = World::from_seed(seed);
        world.open_shift("150.00");
        let mut tenders = Vec::new();
        let mut receipts = Vec::new();
        for _ in 0..5 {
            let (receipt, tender) = queued_sale(&mut world, "0.500");
            receipts.push(receipt);
            tenders.push(tender);
        }
        world.faults(400);
        world.online(true);
        for _ in 0..7 {
            world.step();
        }
        // Somebody comes back while the queue drains.
        world.refund_first(&receipts[1], "0.250", None).unwrap();
        world.refund_first(&receipts[3], "0.500", None).unwrap();
        world.power_cut_in_flight();
        world.online(true);
        for _ in 0..2_000 {
            if !world.step() {
                if world.till().connection().unwrap().waiting == 0 {
                    break;
                }
                // A key refused by a fault: somebody presses Send now.
                world.till().outbox_send_now().unwrap();
                world.advance_ms(60_000);
                world.till().set_reachable(true);
            }
        }
        world.faults(0);
        world.till().outbox_send_now().unwrap();
        world.run_until_quiet();
        for (i, tender) in tenders.iter().enumerate() {
            let state = world.tender_state(tender);
            let charged = world.charges_of(tender);
            match state {
                TenderStateView::Certain => assert_eq!(charged, 1, "seed {seed}, tender {i}"),
                TenderStateView::Canceled
                | TenderStateView::Declined
                | TenderStateView::NeedsAttention
                | TenderStateView::NeedsCustomer => {
                    assert_eq!(charged, 0, "seed {seed}, tender {i} is {state:?}");
                }
                _ => panic!(
                    "seed {seed}: tender {i} ended as {state:?}: {:#?}",
                    world.till().outbox_entry(tender).unwrap()
                ),
            }
        }
        world.check_invariants();
    }
}
