//! The journal held against Stripe, both ways.

use till_app::ReconciledView;
use till_app::error::{AppError, ErrorCode};
use till_app::ports::Clock as _;
use till_app::profile::Day;
use till_app::view::TenderKindView;
use till_stand_in::{EventFaults, Fault, FaultPlan, Operation, RefundCourse};
use till_store::StoredRequest;
use till_sync::phases::Claimed;
use till_sync::reconcile::{Kind, What};
use till_sync::transport::Answer;
use till_tests::{World, carry, refusal};

use crate::events::{DAY_MS, MINUTE_MS, by_hand, charge, look, sold};

const HOUR_MS: i64 = 3_600_000;

pub(crate) fn reconcile(
    world: &mut World,
    days: Option<(&str, &str)>,
) -> Result<ReconciledView, AppError> {
    let days = days.map(|(a, b)| (Day::parse(a).unwrap(), Day::parse(b).unwrap()));
    let mut reading = world.till().reconcile(days)?;
    let mut put_off = 0;
    while let Some(request) = reading.ask() {
        assert_eq!(request.method, "GET", "it changes nothing");
        let answer = world.wire(&request);
        put_off += i64::from(reading.told(&answer)? > 0);
        assert!(put_off < 1_000, "it ends");
    }
    world.till().reconciled(&reading)
}

/// The day by the till's clock, where the shop is.
fn today(world: &World) -> String {
    let now = jiff::Timestamp::from_millisecond(world.clock.now().0).unwrap();
    let there = now.in_tz("Europe/Amsterdam").unwrap();
    there.date().to_string()
}

fn post(world: &mut World, path: &str, body: &str) -> serde_json::Value {
    let request = StoredRequest {
        idempotency_key: None,
        method: "POST",
        path: path.into(),
        body: Some(body.as_bytes().to_vec()),
        api_version: till_sync::request::API_VERSION.into(),
        first_sent_at: None,
    };
    let Answer::Http(http) = carry(&mut world.stripe, &request) else {
        panic!("no answer");
    };
    assert_eq!(http.status, 200, "{}", String::from_utf8_lossy(&http.body));
    serde_json::from_slice(&http.body).unwrap()
}

/// A card sale; gives its receipt.
fn card_sale(world: &mut World) -> String {
    world.ring_up(&[("Goudse kaas oud", "0.500")]);
    world.card(TenderKindView::SimulatedReader, None).unwrap();
    while world.step() {}
    world.complete().unwrap().receipt
}

fn intents(world: &World) -> Vec<String> {
    let ledger = world.stripe.ledger();
    let tenders = ledger.tenders.values();
    tenders
        .flat_map(|t| t.charges.iter().map(|c| c.payment_intent.clone()))
        .collect()
}

#[test]
fn a_day_of_cards_agrees_whatever_was_lost_on_the_way() {
    for seed in 0..4 {
        let mut world = World::from_seed(800 + seed);
        world.open_shift("50.00");
        let mut receipts = Vec::new();
        for n in 0..3 {
            receipts.push(card_sale(&mut world));
            world.online(false);
            world.ring_up(&[("Halfvolle melk", "3")]);
            world.card(TenderKindView::SimulatedReader, None).unwrap();
            world.complete().unwrap();
            world.online(true);
            world.drop_answers = n;
            world.faults(150);
            world.run_until_quiet();
            world.faults(0);
        }
        world.refund_first(&receipts[0], "0.200", None).unwrap();
        world.refund_first(&receipts[1], "0.500", None).unwrap();
        world.run_until_quiet();
        let day = today(&world);
        let found = reconcile(&mut world, Some(("2026-11-21", &day))).unwrap();
        assert_eq!(found.differences, [], "seed {seed}");
        assert_eq!((found.charges, found.refunds, found.under_way), (6, 2, 0));
        assert_eq!(world.till().last_reconciled().unwrap(), Some(found));
        world.check_invariants();
    }
}

#[test]
fn what_is_on_its_way_is_no_difference_and_no_agreement() {
    let mut world = World::from_seed(810);
    world.open_shift("50.00");
    world.online(false);
    for _ in 0..3 {
        world.ring_up(&[("Goudse kaas oud", "0.500")]);
        world.card(TenderKindView::SimulatedReader, None).unwrap();
        world.complete().unwrap();
    }
    world.online(true);
    // One is made at Stripe and no more; the answer of another is lost.
    world.make_only(1);
    world.power_cut_in_flight();
    let found = reconcile(&mut world, None).unwrap();
    assert_eq!((found.charges, found.under_way), (0, 3));
    assert_eq!(found.differences, []);
    world.run_until_quiet();
    let day = today(&world);
    let found = reconcile(&mut world, Some(("2026-11-21", &day))).unwrap();
    assert_eq!((found.charges, found.under_way), (3, 0));
    world.check_invariants();
}

#[test]
fn every_difference_is_named() {
    let mut world = World::from_seed(820);
    world.open_shift("50.00");
    let receipt = card_sale(&mut world);
    let intent = intents(&world).pop().unwrap();
    // Somebody refunds in the dashboard, somebody makes a charge by hand, another till
    // of the account charges, and a till that was restored from an old backup has
    // forgotten one of its own.
    post(
        &mut world,
        "/v1/refunds",
        &format!("payment_intent={intent}&amount=100"),
    );
    let by_hand = "amount=500&currency=eur&confirm=true&payment_method=pm_card_visa\
                   &allowed_payment_method_types[0]=card";
    post(&mut world, "/v1/payment_intents", by_hand);
    post(
        &mut world,
        "/v1/payment_intents",
        &format!("{by_hand}&metadata[till_id]=till-2"),
    );
    let forgotten = post(
        &mut world,
        "/v1/payment_intents",
        &format!("{by_hand}&metadata[till_id]=till-1&metadata[tender_id]=forgotten"),
    );
    let found = reconcile(&mut world, None).unwrap();
    let named: Vec<(What, Kind, Option<&str>)> = found
        .differences
        .iter()
        .map(|d| (d.what, d.kind, d.stripe.as_deref()))
        .collect();
    assert_eq!(named.len(), 2, "{named:#?}");
    assert_eq!(
        named[0],
        (What::Charge, Kind::NotHere, forgotten["id"].as_str())
    );
    assert_eq!((named[1].0, named[1].1), (What::Refund, Kind::NotHere));
    assert!(
        found.differences[0].says.contains("€5.00 succeeded"),
        "{}",
        found.differences[0].says
    );
    assert_eq!(found.not_ours.len(), 2);
    assert_eq!(found.charges, 1);

    // Stripe has nothing of it at all: another account's.
    world.stripe = World::from_seed(821).stripe;
    let found = reconcile(&mut world, None).unwrap();
    assert_eq!(found.differences.len(), 1);
    assert_eq!(found.differences[0].kind, Kind::NotAtStripe);
    assert_eq!(found.differences[0].receipt, Some(receipt));
}

#[test]
fn clocks_that_do_not_agree_make_no_difference() {
    for ahead_ms in [
        -40 * HOUR_MS,
        -2 * HOUR_MS,
        -61_000,
        61_000,
        2 * HOUR_MS,
        40 * HOUR_MS,
    ] {
        let mut world = World::from_seed(830);
        // A second before midnight in Amsterdam, and on into the next day.
        world.advance_ms(12 * HOUR_MS - 1_000);
        world.stripe.set_now(world.stripe.now() + ahead_ms / 1_000);
        world.open_shift("50.00");
        let first = today(&world);
        let receipts: Vec<String> = (0..4)
            .map(|_| {
                world.clock.advance_ms(700);
                world.stripe.advance(1);
                card_sale(&mut world)
            })
            .collect();
        world.refund_first(&receipts[0], "0.100", None).unwrap();
        while world.step() {}
        let next = today(&world);
        assert_ne!(first, next, "it is past midnight");
        for days in [(&first, &first), (&next, &next), (&first, &next)] {
            let found = reconcile(&mut world, Some((days.0, days.1))).unwrap();
            assert_eq!(found.differences, [], "{ahead_ms} {days:?}");
            assert_eq!(found.not_ours, [], "{ahead_ms} {days:?}");
        }
        let both = reconcile(&mut world, Some((&first, &next))).unwrap();
        assert_eq!((both.charges, both.refunds), (4, 1), "{ahead_ms}");
    }
}

#[test]
fn a_card_queued_on_friday_and_charged_on_monday_agrees_on_both_days() {
    let mut world = World::from_seed(840);
    world.open_shift("50.00");
    world.online(false);
    world.ring_up(&[("Goudse kaas oud", "0.500")]);
    world.card(TenderKindView::SimulatedReader, None).unwrap();
    world.complete().unwrap();
    world.advance_ms(60 * HOUR_MS);
    world.online(true);
    world.run_until_quiet();
    for day in ["2026-11-21", "2026-11-24"] {
        let found = reconcile(&mut world, Some((day, day))).unwrap();
        assert_eq!((found.charges, found.differences.len()), (1, 0), "{day}");
    }
    let between = reconcile(&mut world, Some(("2026-11-22", "2026-11-22"))).unwrap();
    assert_eq!(between.differences, []);
}

#[test]
fn a_comparison_that_was_cut_short_has_no_result() {
    let mut world = World::from_seed(850);
    world.open_shift("50.00");
    card_sale(&mut world);
    world.online(false);
    assert_eq!(refusal(reconcile(&mut world, None)), ErrorCode::Offline);
    assert_eq!(world.till().last_reconciled().unwrap(), None);
    world.online(true);
    for (from, until) in [("2026-11-22", "2026-11-22"), ("2026-11-21", "2026-11-20")] {
        let refused = refusal(reconcile(&mut world, Some((from, until))));
        assert_eq!(refused, ErrorCode::BadInput, "{from} {until}");
    }
    assert_eq!(reconcile(&mut world, None).unwrap().charges, 1);
}

#[test]
fn a_charge_that_was_made_late_beside_another_is_found_and_cancelled() {
    let mut world = World::from_seed(811);
    world.open_shift("50.00");
    card_sale(&mut world);
    world.online(false);
    world.ring_up(&[("Halfvolle melk", "3")]);
    let sale = world.card(TenderKindView::SimulatedReader, None).unwrap();
    world.complete().unwrap();
    world.online(true);
    // The request that makes it is lost for so long that Stripe is asked, has none, and
    // is given another.
    let Claimed::Send(late) = world.till().claim().unwrap() else {
        panic!("nothing is due");
    };
    assert_eq!(late.request.path, "/v1/payment_intents");
    world.till().record(&late, &Answer::Lost).unwrap();
    world.advance_ms(24 * HOUR_MS);
    world.run_until_quiet();
    let Answer::Http(made) = world.wire(&late.request) else {
        panic!("it comes after all");
    };
    let made: serde_json::Value = serde_json::from_slice(&made.body).unwrap();
    let orphan = made["id"].as_str().unwrap().to_owned();
    assert!(!intents(&world).contains(&orphan), "it charges nothing");
    let status = |world: &mut World| {
        let request = StoredRequest {
            idempotency_key: None,
            method: "GET",
            path: format!("/v1/payment_intents/{orphan}"),
            body: None,
            api_version: till_sync::request::API_VERSION.into(),
            first_sent_at: None,
        };
        let Answer::Http(http) = carry(&mut world.stripe, &request) else {
            panic!("no answer");
        };
        let intent: serde_json::Value = serde_json::from_slice(&http.body).unwrap();
        intent["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(status(&mut world), "requires_confirmation");

    let found = reconcile(&mut world, None).unwrap();
    assert_eq!(
        (found.differences.len(), found.orphans),
        (0, 1),
        "{found:?}"
    );
    // A comparison of another day does not meet it, and does not forget it.
    let day = Some(("2026-11-20", "2026-11-20"));
    assert_eq!(reconcile(&mut world, day).unwrap().orphans, 0);
    // The answer is lost: the same is sent again, later.
    let first = world.till().ask().unwrap().unwrap();
    world.till().told(&Answer::Lost).unwrap();
    assert_ne!(
        world.till().ask().unwrap().map(|r| r.path),
        Some(first.path.clone())
    );
    world.advance_ms(HOUR_MS);
    let again = world.till().ask().unwrap().unwrap();
    assert_eq!(again, first);
    let answer = world.wire(&again);
    world.till().told(&answer).unwrap();
    assert_eq!(status(&mut world), "canceled");
    let found = reconcile(&mut world, None).unwrap();
    assert_eq!(
        (found.differences.len(), found.orphans),
        (0, 0),
        "{found:?}"
    );
    assert_ne!(
        world.till().ask().unwrap().map(|r| r.path),
        Some(first.path)
    );
    assert_eq!(world.charges_of(&sale.tenders[0].id), 1);
    world.check_invariants();
}

/// Half an hour past the next midnight, the day is over.
fn pass_midnight(world: &mut World) {
    world.advance_ms(DAY_MS / 2 + 31 * MINUTE_MS);
}

fn last(world: &World) -> ReconciledView {
    world.till().last_reconciled().unwrap().expect("compared")
}

#[track_caller]
fn nothing_but_events(world: &mut World) {
    world.advance_ms(20 * MINUTE_MS);
    let asked = look(world);
    assert!(
        !asked.is_empty() && asked.iter().all(|path| path.starts_with("/v1/events?")),
        "{asked:#?}"
    );
}

#[test]
fn a_till_that_was_away_for_longer_than_a_comparison_reaches_compares_once() {
    for (seed, days, from, until) in [
        (860, 33, "2026-11-23", "2026-12-23"),
        (861, 70, "2026-12-30", "2027-01-29"),
    ] {
        let (mut world, _) = sold(seed);
        look(&mut world);
        world.advance_ms(days * DAY_MS);
        look(&mut world);
        let found = last(&world);
        assert_eq!((found.from.as_str(), found.until.as_str()), (from, until));
        nothing_but_events(&mut world);
    }
}

#[test]
fn a_clock_that_was_ahead_for_a_night_does_not_stop_the_comparisons() {
    for (seed, days) in [(862, 20), (863, 60)] {
        let (mut world, _) = sold(seed);
        look(&mut world);
        world.clock.advance_ms(days * DAY_MS);
        look(&mut world);
        world.clock.advance_ms(-days * DAY_MS);
        look(&mut world);
        pass_midnight(&mut world);
        look(&mut world);
        let found = last(&world);
        assert_eq!((found.until.as_str(), found.charges), ("2026-11-21", 1));
        nothing_but_events(&mut world);
        world.advance_ms(DAY_MS);
        look(&mut world);
        let found = last(&world);
        assert_eq!(
            (found.from, found.until),
            ("2026-11-22".into(), "2026-11-22".into())
        );
    }
}

const BY_HAND: &str = "amount=500&currency=eur&confirm=true&payment_method=pm_card_visa\
                       &allowed_payment_method_types[0]=card";

#[test]
fn what_another_program_of_the_account_does_strangely_does_not_stop_the_books() {
    let (mut world, _) = sold(864);
    world.stripe.dispute_elsewhere(700, "eur");
    let other = by_hand(&mut world, "POST", "/v1/payment_intents", BY_HAND);
    world.stripe.next_refund(RefundCourse::Unsaid);
    let refund = format!("payment_intent={}", other["id"].as_str().unwrap());
    let made = by_hand(&mut world, "POST", "/v1/refunds", &refund);
    assert!(made["status"].is_null(), "{made}");
    pass_midnight(&mut world);
    look(&mut world);
    let found = last(&world);
    assert_eq!((found.until.as_str(), found.charges), ("2026-11-21", 1));
    assert_eq!(found.differences, []);
    let others: Vec<What> = found.not_ours.iter().map(|o| o.what).collect();
    assert_eq!(others, [What::Charge, What::Refund, What::Dispute]);
}

#[test]
fn an_object_that_cannot_be_read_does_not_stop_the_events() {
    let (mut world, _) = sold(865);
    let (id, intent) = charge(&world);
    world.stripe.next_refund(RefundCourse::Unsaid);
    let refund = format!("payment_intent={intent}&amount=100");
    by_hand(&mut world, "POST", "/v1/refunds", &refund);
    world.stripe.dispute(&id).unwrap();
    world.advance_ms(20 * MINUTE_MS);
    look(&mut world);
    let cases = world.till().cases().unwrap();
    assert_eq!(cases.len(), 1, "the dispute: {cases:?}");
    world.advance_ms(20 * MINUTE_MS);
    let asked = look(&mut world);
    assert!(
        asked.iter().all(|path| !path.contains("/v1/refunds/")),
        "it is asked for once: {asked:#?}"
    );
}

#[test]
fn a_comparison_that_fails_again_and_again_is_tried_more_and_more_seldom() {
    let (mut world, _) = sold(866);
    look(&mut world);
    pass_midnight(&mut world);
    let mut tried = 0;
    for _ in 0..(24 * 12) {
        if world.stripe.faults_waiting() == 0 {
            world
                .stripe
                .fail_next_for(Operation::ListRefunds, Fault::Garbage);
        }
        let asked = look(&mut world);
        tried += asked
            .iter()
            .filter(|p| p.starts_with("/v1/refunds?"))
            .count();
        world.advance_ms(5 * MINUTE_MS);
    }
    assert!((4..=8).contains(&tried), "{tried} in a day");
    world.stripe.set_faults(FaultPlan::none());
    world.advance_ms(DAY_MS);
    look(&mut world);
    assert_eq!(last(&world).from, "2026-11-21");
    nothing_but_events(&mut world);
}

#[test]
fn an_open_dispute_is_asked_for_until_it_is_decided() {
    let (mut world, _) = sold(867);
    look(&mut world);
    let (id, _) = charge(&world);
    world.stripe.dispute(&id).unwrap();
    world.advance_ms(20 * MINUTE_MS);
    look(&mut world);
    pass_midnight(&mut world);
    look(&mut world);
    // No event tells how it ended.
    world.stripe.set_faults(FaultPlan {
        events: EventFaults {
            late_permille: 1_000,
            late_s: 90 * 86_400,
            ..EventFaults::default()
        },
        ..FaultPlan::none()
    });
    world.advance_ms(12 * DAY_MS);
    look(&mut world);
    let cases = world.till().cases().unwrap();
    assert_eq!((cases[0].state.as_str(), cases[0].open), ("lost", false));
    world.advance_ms(DAY_MS);
    let asked = look(&mut world);
    assert!(
        asked
            .iter()
            .all(|path| !path.contains("disputes?payment_intent")),
        "it is over: {asked:#?}"
    );
    assert_eq!(last(&world).differences, [], "it is settled");
    world.check_invariants();
}

#[test]
fn a_refund_that_failed_while_the_till_was_away_is_owed_again() {
    let (mut world, receipt) = sold(868);
    world.stripe.next_refund(RefundCourse::SucceedsThenFails {
        seconds: 5 * 86_400,
    });
    world.refund_first(&receipt, "0.500", None).unwrap();
    world.run_until_quiet();
    look(&mut world);
    pass_midnight(&mut world);
    look(&mut world);
    assert_eq!(
        (last(&world).refunds, last(&world).differences.len()),
        (1, 0)
    );
    world.advance_ms(50 * DAY_MS);
    look(&mut world);
    assert_eq!(world.till().connection().unwrap().need_a_person, 1);
    world.advance_ms(DAY_MS);
    let asked = look(&mut world);
    assert!(
        asked.iter().all(|path| !path.contains("/v1/refunds/")),
        "once: {asked:#?}"
    );
    assert_eq!(last(&world).differences, [], "it is settled");
    world.check_invariants();
}

#[test]
fn a_difference_stands_until_its_day_is_compared_without_it() {
    let (mut world, _) = sold(869);
    look(&mut world);
    let forgotten = format!("{BY_HAND}&metadata[till_id]=till-1&metadata[tender_id]=forgotten");
    by_hand(&mut world, "POST", "/v1/payment_intents", &forgotten);
    pass_midnight(&mut world);
    look(&mut world);
    let [first] = &last(&world).differences[..] else {
        panic!("{:?}", last(&world));
    };
    assert_eq!(
        (first.kind, first.from.as_str()),
        (Kind::NotHere, "2026-11-21")
    );
    let one = |world: &World| {
        let found = last(world);
        let [one] = &found.differences[..] else {
            panic!("{found:?}");
        };
        assert_eq!(
            (one.from.as_str(), &one.stripe),
            ("2026-11-21", &first.stripe)
        );
        assert!(
            one.says.starts_with("Of 2026-11-21: Stripe has"),
            "{}",
            one.says
        );
        let books = world.till().outbox().unwrap().books.unwrap();
        assert!(
            !books.agree && books.says.ends_with("1 DIFFERENCE"),
            "{books:?}"
        );
        assert_eq!(books.differences, std::slice::from_ref(&one.says));
    };
    // Two nights and a look by day later.
    for _ in 0..2 {
        world.advance_ms(DAY_MS);
        look(&mut world);
        one(&world);
    }
    world.till().compare_now().unwrap();
    look(&mut world);
    one(&world);
    world.power_cut();
    one(&world);
    // Found again, it is one.
    let day = Some(("2026-11-21", "2026-11-21"));
    let again = reconcile(&mut world, day).unwrap();
    assert_eq!(again.differences.len(), 1);
    assert!(again.differences[0].says.starts_with("Stripe has"));
    // Not found any more.
    world.stripe = World::from_seed(821).stripe;
    let gone = reconcile(&mut world, day).unwrap();
    assert!(
        gone.differences.iter().all(|d| d.kind == Kind::NotAtStripe),
        "{gone:?}"
    );
}

#[test]
fn a_difference_that_was_shown_for_a_month_is_shown_no_longer() {
    let (mut world, _) = sold(870);
    look(&mut world);
    let forgotten = format!("{BY_HAND}&metadata[till_id]=till-1&metadata[tender_id]=forgotten");
    by_hand(&mut world, "POST", "/v1/payment_intents", &forgotten);
    pass_midnight(&mut world);
    look(&mut world);
    // Nobody sees it while the till is off.
    for _ in 0..2 {
        world.advance_ms(40 * DAY_MS);
        look(&mut world);
        assert_eq!(last(&world).differences.len(), 1);
        world.advance_ms(DAY_MS);
        look(&mut world);
        if last(&world).differences.is_empty() {
            return;
        }
    }
    panic!("{:?}", last(&world));
}

#[test]
fn more_differences_than_there_is_room_for_are_counted() {
    let (mut world, _) = sold(873);
    look(&mut world);
    let forgotten = format!("{BY_HAND}&metadata[till_id]=till-1&metadata[tender_id]=forgotten");
    for _ in 0..210 {
        by_hand(&mut world, "POST", "/v1/payment_intents", &forgotten);
    }
    pass_midnight(&mut world);
    look(&mut world);
    assert_eq!(
        (last(&world).differences.len(), last(&world).more),
        (210, 0)
    );
    for _ in 0..2 {
        world.advance_ms(DAY_MS);
        look(&mut world);
        assert_eq!(
            (last(&world).differences.len(), last(&world).more),
            (200, 10)
        );
        let books = world.till().outbox().unwrap().books.unwrap();
        assert!(books.says.ends_with("210 DIFFERENCES"), "{}", books.says);
    }
}

#[test]
fn what_is_sold_and_given_back_during_a_comparison_is_no_difference() {
    let (mut world, receipt) = sold(871);
    let mut reading = world.till().reconcile(None).unwrap();
    card_sale(&mut world);
    world.refund_first(&receipt, "0.100", None).unwrap();
    while world.step() {}
    while let Some(request) = reading.ask() {
        let answer = world.wire(&request);
        assert_eq!(reading.told(&answer).unwrap(), 0);
    }
    let found = world.till().reconciled(&reading).unwrap();
    assert_eq!(found.differences, []);
    assert_eq!((found.charges, found.under_way), (1, 2));
    let found = reconcile(&mut world, None).unwrap();
    assert_eq!(
        (found.charges, found.refunds, found.differences.len()),
        (2, 1, 0)
    );
}

#[test]
fn a_leftover_that_was_taken_up_meanwhile_is_not_cancelled() {
    let (mut world, _) = sold(872);
    look(&mut world);
    let (id, intent) = charge(&world);
    let ledger = world.stripe.ledger();
    let tender = ledger
        .tenders
        .iter()
        .find(|(_, t)| t.charges.iter().any(|c| c.charge == id))
        .unwrap();
    let db = rusqlite::Connection::open(world.folder().join("till.db")).unwrap();
    let left = serde_json::json!([{"intent": intent, "tender": tender.0}]).to_string();
    let set = "INSERT OR REPLACE INTO setting (name, value) VALUES ('orphans', ?1)";
    assert_eq!(db.execute(set, [left]).unwrap(), 1);
    drop(db);
    world.power_cut();
    world.advance_ms(20 * MINUTE_MS);
    look(&mut world);
}
