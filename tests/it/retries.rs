//! A card that was declined for now, tried again by itself as the shop wants it.

use till_app::error::ErrorCode;
use till_app::view::{OutboxAction, OutboxEntryView, TenderKindView};
use till_domain::journal::JournalEvent;
use till_stand_in::{CardBehaviour, Decline};
use till_tests::{World, refusal};

const HOUR_MS: i64 = 3_600_000;

/// Tom's card, taken offline and declined once the line is back.
fn declined(seed: u64, schedule: &str, decline: Decline, times: u32) -> (World, String) {
    let mut world = World::from_seed(seed);
    let how = CardBehaviour::DeclinesAtFirst { decline, times };
    world
        .stripe
        .add_customer("cus_sample_04", "pm_sample_04", how);
    let settings = format!("[offline]\nretry_after_hours = {schedule}\n");
    world
        .till()
        .set_settings(world.manager(), "settings.toml", &settings)
        .unwrap();
    world.open_shift("50.00");
    world.online(false);
    world.ring_up(&[("Goudse kaas oud", "0.500")]);
    world.customer("Tom Bakker");
    let sale = world.card(TenderKindView::SavedCard, None).unwrap();
    world.complete().unwrap();
    world.online(true);
    world.run_until_quiet();
    (world, sale.tenders[0].id.clone())
}

/// The case, while it is one.
fn case(world: &World) -> Option<OutboxEntryView> {
    world.till().outbox().unwrap().need_a_person.pop()
}

/// How often Stripe was told to charge it, and answered.
fn attempts(world: &World, tender: &str) -> usize {
    let detail = world.till().outbox_entry(tender).unwrap();
    let ended = |says: &str| says == "Declined." || says == "Stripe says: charged.";
    detail.history.iter().filter(|h| ended(&h.says)).count()
}

fn later(world: &mut World, hours: i64) {
    world.advance_ms(hours * HOUR_MS);
    world.run_until_quiet();
}

fn retries(world: &World) -> Vec<(Option<u32>, bool)> {
    let mut journal = Vec::new();
    world.till().journal_export(&mut journal).unwrap();
    let text = String::from_utf8(journal).unwrap();
    text.lines()
        .map(|line| serde_json::from_str::<till_app::JournalLine>(line).unwrap())
        .filter_map(|line| match line.event().unwrap() {
            JournalEvent::ChargeMoved { facts, by, .. } if facts.retry.is_some() => {
                Some((facts.retry, by.is_none()))
            }
            _ => None,
        })
        .collect()
}

#[test]
fn a_card_declined_for_now_is_tried_again_as_the_shop_wants_it() {
    let (mut world, tender) = declined(1, "[4, 24]", Decline::InsufficientFunds, 2);
    assert!(
        case(&world)
            .unwrap()
            .retry_at
            .unwrap()
            .starts_with("2026-11-21T16:")
    );
    world.advance_ms(4 * HOUR_MS - 120_000);
    world.run_until_quiet();
    assert_eq!(attempts(&world, &tender), 1, "not before its time");
    later(&mut world, 1);
    assert_eq!(attempts(&world, &tender), 2);
    // Twenty hours after that, and a case meanwhile.
    assert!(
        case(&world)
            .unwrap()
            .retry_at
            .unwrap()
            .starts_with("2026-11-22T12:")
    );
    later(&mut world, 20);
    assert!(case(&world).is_none());
    assert_eq!(world.charges_of(&tender), 1);
    assert_eq!(
        retries(&world),
        [(Some(1), true), (Some(2), true)],
        "nobody did it"
    );
    world.check_invariants();
}

#[test]
fn what_the_bank_forbids_or_the_shop_did_not_ask_for_is_not_tried_again() {
    for (seed, schedule, decline) in [
        (10, "[1]", Decline::LostCard),
        (11, "[1]", Decline::Fraudulent),
        (12, "[1]", Decline::ExpiredCard),
        (13, "[1]", Decline::IncorrectCvc),
        (14, "[1]", Decline::DoNotTryAgain),
        // Off, and past the age at which a person decides.
        (15, "[]", Decline::InsufficientFunds),
        (16, "[100]", Decline::InsufficientFunds),
    ] {
        let (mut world, tender) = declined(seed, schedule, decline, 1);
        assert_eq!(
            case(&world).unwrap().retry_at,
            None,
            "{decline:?} {schedule}"
        );
        for _ in 0..5 {
            later(&mut world, 24);
        }
        assert_eq!(attempts(&world, &tender), 1, "{decline:?} {schedule}");
        assert_eq!(world.charges_of(&tender), 0);
        assert!(case(&world).is_some(), "still a person's");
        world.check_invariants();
    }
    let world = World::from_seed(17);
    let set = |text: &str| {
        world
            .till()
            .set_settings(world.manager(), "settings.toml", text)
    };
    for wrong in ["[24, 4]", "[0]", "[1000]"] {
        let text = format!("[offline]\nretry_after_hours = {wrong}\n");
        assert_eq!(refusal(set(&text)), ErrorCode::BadInput, "{wrong}");
    }
}

#[test]
fn what_a_person_decides_ends_the_schedule() {
    for (seed, decision) in (20..).zip([
        OutboxAction::TakeCash,
        OutboxAction::WriteOff,
        OutboxAction::PayLink,
        OutboxAction::TryAgain,
    ]) {
        // The second attempt is declined as well: a third would be the schedule's.
        let (mut world, tender) = declined(seed, "[4, 24]", Decline::InsufficientFunds, 2);
        assert!(case(&world).unwrap().retry_at.is_some());
        let yes = world.manager_says(till_tests::MANAGER_PIN);
        world
            .till()
            .outbox_decide(world.cashier(), &tender, decision, Some(&yes))
            .unwrap();
        // The power goes before anything is sent: what was decided is decided.
        world.power_cut();
        for _ in 0..3 {
            while world.step() {}
            world.advance_ms(25 * HOUR_MS);
        }
        assert_eq!(retries(&world), [], "{decision:?}");
        assert_eq!(world.charges_of(&tender), 0, "{decision:?}");
        world.check_invariants();
    }
}

#[test]
fn a_clock_set_forward_makes_one_attempt_early_and_not_all() {
    let (mut world, tender) = declined(30, "[4, 10, 24]", Decline::InsufficientFunds, 9);
    later(&mut world, 30);
    assert_eq!(attempts(&world, &tender), 2);
    later(&mut world, 5);
    assert_eq!(
        attempts(&world, &tender),
        2,
        "six hours after the one before"
    );
    later(&mut world, 1);
    assert_eq!(attempts(&world, &tender), 3);
    // Set back by two days: what is planned is not lost, and nothing is hurried.
    world.clock.advance_ms(-48 * HOUR_MS);
    world.run_until_quiet();
    assert_eq!(attempts(&world, &tender), 3);
    assert!(case(&world).unwrap().retry_at.is_some());
    world.check_invariants();
}

#[test]
fn while_offline_it_stays_a_case_and_a_power_cut_loses_or_doubles_nothing() {
    let (mut world, tender) = declined(40, "[4]", Decline::InsufficientFunds, 1);
    world.online(false);
    world.advance_ms(5 * HOUR_MS);
    while world.step() {}
    assert!(case(&world).is_some(), "a person may decide meanwhile");
    world.online(true);
    // Cut at every request of the attempt, with the answer lost each time.
    for _ in 0..4 {
        world.power_cut_in_flight();
    }
    world.run_until_quiet();
    assert_eq!(world.charges_of(&tender), 1);
    assert_eq!(retries(&world).len(), 1);
    assert!(case(&world).is_none());
    world.check_invariants();
}

#[test]
fn a_declined_card_at_the_counter_is_the_cashiers() {
    let mut world = World::from_seed(50);
    let text = "[offline]\nretry_after_hours = [1]\n";
    world
        .till()
        .set_settings(world.manager(), "settings.toml", text)
        .unwrap();
    world.open_shift("50.00");
    world.ring_up(&[("Goudse kaas oud", "0.500")]);
    world.customer("Tom Bakker");
    let sale = world.card(TenderKindView::SavedCard, None).unwrap();
    while world.step() {}
    world.advance_ms(2 * HOUR_MS);
    while world.step() {}
    assert_eq!(attempts(&world, &sale.tenders[0].id), 1);
    world.check_invariants();
}
