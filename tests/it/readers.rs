//! Smart card readers, driven over Stripe's API: whatever the reader says, the
//! PaymentIntent is asked, and a tender is charged once or not at all.

use till_app::error::ErrorCode;
use till_app::view::{PlaceInput, SaleView, TenderKindView, TenderStateView, TenderView};
use till_stand_in::{Decline, ReaderBehaviour};
use till_tests::{World, refusal};

pub(crate) const READER: &str = "tmr_StandInCounter";

/// Lets Stripe answer what was asked of it about readers.
pub(crate) fn carry_on(world: &mut World) {
    for _ in 0..50 {
        let Some(request) = world.till().ask().unwrap() else {
            return;
        };
        let answer = world.wire(&request);
        world.till().told(&answer).unwrap();
    }
    panic!("it does not end");
}

/// A till with a reader on its counter, and a sale of 8.45 rung up.
fn at_the_counter(seed: u64, behaviour: ReaderBehaviour) -> World {
    with_a_reader(World::from_seed(seed), behaviour)
}

/// Puts a reader on the counter, and rings up a sale of 8.45.
pub(crate) fn with_a_reader(mut world: World, behaviour: ReaderBehaviour) -> World {
    world.stripe.set_reader(READER, behaviour);
    world.till().readers_look().unwrap();
    let before = world.till().reads_of_month().unwrap();
    let first = world.till().ask().unwrap().unwrap();
    assert!(first.path.starts_with("/v1/terminal/readers"));
    let answer = world.wire(&first);
    world.till().told(&answer).unwrap();
    let after = world.till().reads_of_month().unwrap();
    assert_eq!(after, before + 1, "it counts like any other read");
    carry_on(&mut world);
    world.till().reader_use(world.manager(), READER).unwrap();
    world.open_shift("50.00");
    world.ring_up(&[("Goudse kaas oud", "0.500")]);
    world
}

pub(crate) fn tap_after(seconds: i64) -> ReaderBehaviour {
    ReaderBehaviour {
        taps_after_s: Some(seconds),
        ..ReaderBehaviour::default()
    }
}

pub(crate) fn tender(world: &World) -> TenderView {
    let sale: SaleView = world.till().sale_current().unwrap().unwrap();
    assert_eq!(sale.tenders.len(), 1, "{:?}", sale.tenders);
    sale.tenders.into_iter().next().unwrap()
}

/// Sends what is due for so long.
pub(crate) fn wait(world: &mut World, seconds: i64) {
    for _ in 0..seconds {
        while world.step() {}
        world.advance_ms(1_000);
    }
    while world.step() {}
}

#[test]
fn a_card_at_the_reader_is_charged_before_the_sale_completes() {
    let mut world = at_the_counter(901, tap_after(7));
    let sale = world.card(TenderKindView::Reader, None).unwrap();
    let id = sale.tenders[0].id.clone();
    wait(&mut world, 3);
    assert_eq!(tender(&world).state, TenderStateView::AtReader);
    assert_eq!(refusal(world.complete()), ErrorCode::TenderBusy);
    wait(&mut world, 12);
    let paid = tender(&world);
    assert_eq!(paid.state, TenderStateView::Certain, "{paid:?}");
    world.complete().unwrap();
    assert_eq!(world.charges_of(&id), 1);
    world.check_invariants();
}

/// Takes the card at the reader; gives the tender's id.
fn present(world: &World) -> String {
    let sale = world.card(TenderKindView::Reader, None).unwrap();
    sale.tenders[0].id.clone()
}

/// Takes the tender off and waits until Stripe has said that it is cancelled.
fn take_off(world: &mut World, id: &str) {
    let sale = world.till().tender_remove(world.cashier(), id).unwrap();
    assert_eq!(sale.tenders.len(), 1, "not before Stripe says so");
    wait(world, 30);
    let sale = world.till().sale_current().unwrap().unwrap();
    assert_eq!(sale.tenders.len(), 0, "{:?}", sale.tenders);
}

/// Pays in cash and checks that nothing was charged at Stripe.
fn in_cash(world: &World, id: &str) {
    world.cash("50.00");
    world.complete().unwrap();
    assert_eq!(world.charges_of(id), 0);
    world.check_invariants();
}

#[test]
fn a_card_declined_at_the_reader_is_paid_in_cash_once_stripe_has_cancelled_it() {
    let behaviour = ReaderBehaviour {
        decline: Some(Decline::InsufficientFunds),
        ..tap_after(5)
    };
    let mut world = at_the_counter(902, behaviour);
    let id = present(&world);
    wait(&mut world, 15);
    let declined = tender(&world);
    assert_eq!(declined.state, TenderStateView::Declined, "{declined:?}");
    assert!(declined.reader.unwrap().can_try_again);
    take_off(&mut world, &id);
    in_cash(&world, &id);
}

#[test]
fn a_reader_that_is_busy_or_has_no_network_took_nothing_and_another_may() {
    for (seed, busy, says) in [(903, true, "busy"), (904, false, "no network")] {
        let mut world = at_the_counter(
            seed,
            ReaderBehaviour {
                busy,
                offline: !busy,
                ..ReaderBehaviour::default()
            },
        );
        world.stripe.set_reader("tmr_Second", tap_after(4));
        world.till().readers_look().unwrap();
        carry_on(&mut world);
        let id = present(&world);
        wait(&mut world, 8);
        let refused = tender(&world);
        assert_eq!(refused.state, TenderStateView::NeedsAttention);
        assert!(refused.says.contains(says), "{}", refused.says);
        assert!(
            !world.stripe.waits_for_a_card(READER),
            "it is not asked by itself"
        );
        // The tender stays; another reader takes it.
        let till = world.till();
        till.tender_again(world.cashier(), &id, Some("tmr_Second"))
            .unwrap();
        wait(&mut world, 15);
        assert_eq!(tender(&world).state, TenderStateView::Certain);
        world.complete().unwrap();
        assert_eq!(world.charges_of(&id), 1);
        world.check_invariants();
    }
}

#[test]
fn a_time_out_that_was_executed_is_found_out_by_asking() {
    let behaviour = ReaderBehaviour {
        times_out_but_executes: true,
        ..tap_after(9)
    };
    let mut world = at_the_counter(905, behaviour);
    let id = present(&world);
    wait(&mut world, 4);
    assert_eq!(
        tender(&world).state,
        TenderStateView::AtReader,
        "it is asked"
    );
    wait(&mut world, 15);
    assert_eq!(tender(&world).state, TenderStateView::Certain);
    world.complete().unwrap();
    assert_eq!(world.charges_of(&id), 1);
    world.check_invariants();
}

#[test]
fn a_time_out_that_was_not_executed_is_tried_again_and_then_asks_a_person() {
    let behaviour = ReaderBehaviour {
        times_out: true,
        ..ReaderBehaviour::default()
    };
    let mut world = at_the_counter(906, behaviour);
    let id = present(&world);
    wait(&mut world, 30);
    let given_up = tender(&world);
    assert_eq!(given_up.state, TenderStateView::NeedsAttention);
    assert!(given_up.reader.unwrap().can_try_again);
    world.stripe.set_reader(READER, tap_after(3));
    world
        .till()
        .tender_again(world.cashier(), &id, None)
        .unwrap();
    wait(&mut world, 15);
    assert_eq!(tender(&world).state, TenderStateView::Certain);
    world.complete().unwrap();
    assert_eq!(world.charges_of(&id), 1);
    world.check_invariants();
}

#[test]
fn a_reader_that_says_failed_is_not_believed_where_the_bank_said_yes() {
    let behaviour = ReaderBehaviour {
        loses_answer: true,
        ..tap_after(5)
    };
    let mut world = at_the_counter(907, behaviour);
    let id = present(&world);
    wait(&mut world, 20);
    assert_eq!(tender(&world).state, TenderStateView::Certain);
    world.complete().unwrap();
    assert_eq!(world.charges_of(&id), 1);
    world.check_invariants();
}

#[test]
fn a_customer_who_walks_away_owes_nothing() {
    let mut world = at_the_counter(908, ReaderBehaviour::default());
    let id = present(&world);
    wait(&mut world, 20);
    assert!(world.stripe.waits_for_a_card(READER));
    take_off(&mut world, &id);
    assert!(
        !world.stripe.waits_for_a_card(READER),
        "it is off the reader"
    );
    in_cash(&world, &id);
}

#[test]
fn nobody_taps_for_ten_minutes_and_it_is_taken_off_by_itself() {
    let mut world = at_the_counter(909, ReaderBehaviour::default());
    let id = present(&world);
    wait(&mut world, 11 * 60);
    assert_eq!(tender(&world).state, TenderStateView::Expired);
    assert!(!world.stripe.waits_for_a_card(READER));
    world.till().tender_remove(world.cashier(), &id).unwrap();
    wait(&mut world, 5);
    in_cash(&world, &id);
    let reads = world.stripe.exchanges().len();
    assert!(
        reads < 350,
        "{reads} requests for one customer who went away"
    );
}

#[test]
fn the_readers_own_cancel_button_is_the_customers_no() {
    let behaviour = ReaderBehaviour {
        cancels_after_s: Some(5),
        ..ReaderBehaviour::default()
    };
    let mut world = at_the_counter(910, behaviour);
    let id = present(&world);
    wait(&mut world, 12);
    let refused = tender(&world);
    assert_eq!(refused.state, TenderStateView::Declined);
    assert!(
        refused.says.contains("cancelled at the reader"),
        "{}",
        refused.says
    );
    take_off(&mut world, &id);
    in_cash(&world, &id);
}

#[test]
fn a_tap_in_the_moment_of_cancelling_is_charged_and_then_refunded() {
    let mut world = at_the_counter(911, ReaderBehaviour::default());
    let id = present(&world);
    wait(&mut world, 6);
    world.till().tender_remove(world.cashier(), &id).unwrap();
    world
        .stripe
        .present_card(READER, "pm_card_visa", None)
        .unwrap();
    wait(&mut world, 20);
    assert_eq!(tender(&world).state, TenderStateView::Certain);
    assert_eq!(world.charges_of(&id), 1);
    // It is money now: taken off, it goes back.
    world.till().tender_remove(world.cashier(), &id).unwrap();
    world.run_until_quiet();
    world.cash("50.00");
    world.complete().unwrap();
    assert_eq!(world.stripe.ledger().net_of(&id), 0);
    world.check_invariants();
}

#[test]
fn another_tills_customer_is_not_taken_off_the_reader() {
    let mut world = at_the_counter(912, ReaderBehaviour::default());
    let id = present(&world);
    wait(&mut world, 6);
    // Another till of the shop gives the reader its own customer.
    let other = till_stand_in::Request::new(
        till_stand_in::Method::parse("POST"),
        "/v1/payment_intents",
        "amount=700&currency=eur&allowed_payment_method_types[0]=card_present",
    );
    let other = other.key(till_stand_in::TEST_KEY);
    let made = world.stripe.handle(&other);
    let till_stand_in::Wire::Answer(made) = made.wire else {
        panic!("no answer")
    };
    let made: serde_json::Value = serde_json::from_slice(&made.body).unwrap();
    let process = till_stand_in::Request::new(
        till_stand_in::Method::parse("POST"),
        &format!("/v1/terminal/readers/{READER}/process_payment_intent"),
        &format!("payment_intent={}", made["id"].as_str().unwrap()),
    );
    world.stripe.handle(&process.key(till_stand_in::TEST_KEY));
    take_off(&mut world, &id);
    assert!(
        world.stripe.waits_for_a_card(READER),
        "the other customer's"
    );
    in_cash(&world, &id);
}

#[test]
fn a_power_cut_at_the_reader_is_found_out_by_asking() {
    // In each request's flight, and whether the customer taps before the next start.
    for (seed, requests, taps) in [
        (921, 0, false),
        (922, 1, false),
        (923, 1, true),
        (924, 2, true),
        (925, 3, false),
        (926, 3, true),
    ] {
        let mut world = at_the_counter(seed, ReaderBehaviour::default());
        let id = present(&world);
        for _ in 0..requests {
            if !world.step() {
                world.advance_ms(2_500);
                assert!(world.step());
            }
        }
        world.advance_ms(2_500);
        world.power_cut_in_flight();
        if taps {
            let waits = world.stripe.waits_for_a_card(READER);
            if waits {
                world
                    .stripe
                    .present_card(READER, "pm_card_visa", None)
                    .unwrap();
            }
        }
        wait(&mut world, 12);
        if world.stripe.waits_for_a_card(READER) {
            assert_eq!(
                tender(&world).state,
                TenderStateView::AtReader,
                "seed {seed}"
            );
            world
                .stripe
                .present_card(READER, "pm_card_visa", None)
                .unwrap();
            wait(&mut world, 12);
        }
        assert_eq!(
            tender(&world).state,
            TenderStateView::Certain,
            "seed {seed}"
        );
        world.complete().unwrap();
        assert_eq!(world.charges_of(&id), 1, "seed {seed}");
        world.check_invariants();
    }
}

#[test]
fn a_reader_takes_nothing_while_stripe_cannot_be_reached_and_nothing_is_queued() {
    let mut world = at_the_counter(913, tap_after(3));
    world.online(false);
    let option = |world: &World| {
        let options = world.till().tender_options().unwrap();
        let mut others = options.others.into_iter();
        others.find(|o| o.kind == TenderKindView::Reader).unwrap()
    };
    assert!(!option(&world).available);
    assert_eq!(
        refusal(world.card(TenderKindView::Reader, None)),
        ErrorCode::ReaderNeedsStripe
    );
    world.online(true);
    world.till().set_forced_offline(true).unwrap();
    assert_eq!(
        refusal(world.card(TenderKindView::Reader, None)),
        ErrorCode::ReaderNeedsStripe
    );
    world.till().set_forced_offline(false).unwrap();
    assert!(option(&world).available);
    world.till().reader_forget(world.manager(), READER).unwrap();
    assert_eq!(
        refusal(world.card(TenderKindView::Reader, None)),
        ErrorCode::NoReader
    );
    assert_eq!(world.till().connection().unwrap().waiting, 0);
    world.cash("50.00");
    world.complete().unwrap();
    world.check_invariants();
}

#[test]
fn readers_are_registered_chosen_and_forgotten_by_a_manager_and_the_journal_says_so() {
    let mut world = World::from_seed(914);
    let place = PlaceInput {
        line1: "Oude Gracht 12".into(),
        city: "Utrecht".into(),
        postal_code: "3511 AB".into(),
        country: "nl".into(),
        ..PlaceInput::default()
    };
    let till = world.till();
    let cashier = world.cashier();
    for refused in [
        refusal(till.readers_place(cashier, &place)),
        refusal(till.readers_at(cashier, "tml_1")),
        refusal(till.reader_register(cashier, "simulated-wpe", "Counter")),
        refusal(till.reader_use(cashier, READER)),
        refusal(till.reader_forget(cashier, READER)),
    ] {
        assert_eq!(refused, ErrorCode::NeedsManager);
    }
    let manager = world.manager();
    assert_eq!(
        refusal(till.reader_register(manager, "simulated-wpe", "Counter")),
        ErrorCode::NotNow,
        "there is no location yet"
    );
    till.readers_place(manager, &place).unwrap();
    assert_eq!(
        refusal(till.readers_place(manager, &place)),
        ErrorCode::AlreadyDone
    );
    assert!(till.readers().unwrap().working.is_some());
    // The answer to the first request is lost, and the power goes: it is the same
    // request again, and there is one location.
    world.drop_answers = 1;
    let request = world.till().ask().unwrap().unwrap();
    let lost = world.wire(&request);
    world.till().told(&lost).unwrap();
    world.power_cut();
    assert_eq!(
        world.till().ask().unwrap().unwrap(),
        request,
        "same key, same bytes"
    );
    carry_on(&mut world);
    let location = world.till().readers().unwrap().location.unwrap();
    assert!(location.starts_with("tml_"), "{location}");

    world
        .till()
        .reader_register(world.manager(), "no-such-code", "Counter")
        .unwrap();
    carry_on(&mut world);
    let readers = world.till().readers().unwrap();
    assert!(
        readers.problem.is_some() && readers.readers.is_empty(),
        "{readers:?}"
    );
    world
        .till()
        .reader_register(world.manager(), "simulated-s700", "Counter")
        .unwrap();
    carry_on(&mut world);
    let readers = world.till().readers().unwrap();
    assert_eq!(readers.problem, None);
    let [reader] = readers.readers.as_slice() else {
        panic!("{readers:?}")
    };
    assert_eq!((reader.label.as_str(), reader.chosen), ("Counter", true));
    let id = reader.id.clone();
    let left = world.till().reader_forget(world.manager(), &id).unwrap();
    assert!(left.readers.is_empty());
    world.till().readers_look().unwrap();
    carry_on(&mut world);
    assert!(
        world.till().readers().unwrap().readers.is_empty(),
        "it stays forgotten"
    );
    world.till().reader_use(world.manager(), &id).unwrap();
    assert_eq!(world.till().chosen_reader().unwrap().unwrap().id, id);

    let mut journal = Vec::new();
    world.till().journal_export(&mut journal).unwrap();
    let text = String::from_utf8(journal).unwrap();
    for named in [
        "readers.location",
        "readers.chosen",
        &format!("readers.{id}"),
    ] {
        assert!(text.contains(named), "the journal does not say {named}");
    }
    world.check_invariants();
}

#[test]
fn a_tip_is_charged_with_the_tender_and_told_on_paper_and_in_the_report() {
    let behaviour = ReaderBehaviour {
        tip_amount: 125,
        ..tap_after(4)
    };
    let mut world = at_the_counter(915, behaviour);
    world
        .till()
        .set_settings(world.manager(), "shop.toml", "reader_tips = true")
        .unwrap();
    let sale = world.card(TenderKindView::Reader, None).unwrap();
    let (id, due) = (sale.tenders[0].id.clone(), sale.total.minor);
    wait(&mut world, 12);
    let paid = tender(&world);
    assert_eq!(paid.state, TenderStateView::Certain);
    assert_eq!(paid.amount.minor, due, "a tip is no part of it");
    assert_eq!(paid.reader.unwrap().tip.unwrap().minor, 125);
    let done = world.complete().unwrap();
    assert_eq!(world.stripe.ledger().net_of(&id), due + 125);
    let receipt = done.receipt_text.join("\n");
    for said in ["Tip", "1.25", "Charged to the card", "AID", "Authorisation"] {
        assert!(receipt.contains(said), "{said} is not on\n{receipt}");
    }
    world.check_invariants();

    // The sale comes back whole: the tender does, the tip stays.
    world
        .refund_first(
            &done.receipt,
            "0.500",
            Some(&world.manager_says(till_tests::MANAGER_PIN)),
        )
        .unwrap();
    world.run_until_quiet();
    assert_eq!(world.stripe.ledger().net_of(&id), 125);
    world.check_invariants();

    world.till().count(world.manager(), &[], &[]).unwrap();
    let yes = world.manager_says(till_tests::MANAGER_PIN);
    world
        .till()
        .close(world.manager(), "empty", None, Some(&yes))
        .unwrap();
    let z = world.till().report_z(1).unwrap();
    let paper = format!("{z:?}");
    assert!(paper.contains("tips"), "{paper}");
}
