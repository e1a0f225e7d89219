//! Card money that waits while offline: its limits, and the alarm of the pill.

use till_app::error::AppError;
use till_app::view::TenderKindView;
use till_domain::limits::OverLimit;
use till_tests::World;

const HOUR_MS: i64 = 3_600_000;
/// €16.90 a kilogram.
const CHEESE: &str = "Goudse kaas oud";

fn ring_up(world: &World, customer: Option<&str>, kilograms: &str) {
    world.ring_up(&[(CHEESE, kilograms)]);
    if let Some(name) = customer {
        world.customer(name);
    }
}

/// A card that waits.
fn queue(world: &World, customer: &str, kilograms: &str) {
    ring_up(world, Some(customer), kilograms);
    world.card(TenderKindView::SavedCard, None).unwrap();
    world.complete().unwrap();
}

/// The most of a test card, and whether it takes a manager.
fn offered(world: &World) -> (Option<i64>, bool) {
    let options = world.till().tender_options().unwrap();
    let mut others = options.others.into_iter();
    let test = others.find(|o| o.kind == TenderKindView::SimulatedReader);
    let test = test.unwrap();
    (test.most.map(|most| most.minor), test.needs_manager)
}

fn refused_for(world: &World, kind: TenderKindView) -> OverLimit {
    match world.card(kind, None) {
        Err(AppError::OverLimit(limit)) => limit,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_pill_is_an_alarm_from_the_shops_hours_on() {
    let mut world = World::from_seed(1_000);
    world.open_shift("50.00");
    world.online(false);
    queue(&world, "Ana Ortega", "1.000");
    let since = world.till().connection().unwrap().oldest_at;
    assert!(since.is_some());
    for (hours, too_old) in [(71, false), (2, true)] {
        world.advance_ms(hours * HOUR_MS);
        let pill = world.till().connection().unwrap();
        assert_eq!((pill.too_old, &pill.oldest_at), (too_old, &since));
    }
    // A restart does not call it off.
    world.power_cut();
    world.online(false);
    assert!(world.till().connection().unwrap().too_old);
    // Back online it is sent by nobody without a word: no alarm, and somebody is wanted.
    world.online(true);
    world.run_until_quiet();
    let pill = world.till().connection().unwrap();
    assert_eq!((pill.too_old, pill.need_a_person), (false, 1));
    world.check_invariants();
}

#[test]
fn past_the_age_no_card_is_queued_without_a_manager() {
    let mut world = World::from_seed(1_001);
    world.open_shift("50.00");
    world.online(false);
    queue(&world, "Ana Ortega", "0.100");
    ring_up(&world, None, "0.100");
    world.advance_ms(71 * HOUR_MS);
    assert_eq!(offered(&world), (Some(5_000), false));
    world.advance_ms(2 * HOUR_MS);
    let limit = refused_for(&world, TenderKindView::SimulatedReader);
    assert!(
        matches!(
            limit,
            OverLimit::TooOld {
                hours: 73,
                limit: 72
            }
        ),
        "{limit:?}"
    );
    assert_eq!(offered(&world), (Some(0), true));
    let yes = world.manager_says(till_tests::MANAGER_PIN);
    world
        .till()
        .tender_card(
            world.cashier(),
            TenderKindView::SimulatedReader,
            None,
            Some(&yes),
        )
        .unwrap();
    world.complete().unwrap();
    world.check_invariants();
}

#[test]
fn the_till_in_all_has_a_limit_whoever_the_customers_are() {
    let mut world = World::from_seed(1_002);
    world.open_shift("50.00");
    world.online(false);
    // Three of €42.25, each of another customer or of none: €126.75 of €150.00.
    queue(&world, "Ana Ortega", "2.500");
    queue(&world, "Tom Bakker", "2.500");
    ring_up(&world, None, "2.500");
    world.card(TenderKindView::SimulatedReader, None).unwrap();
    world.complete().unwrap();
    ring_up(&world, None, "1.400");
    let limit = refused_for(&world, TenderKindView::SimulatedReader);
    let OverLimit::OnTill { would_wait, limit } = limit else {
        panic!("{limit:?}");
    };
    assert_eq!((would_wait.minor(), limit.minor()), (15_041, 15_000));
    assert_eq!(offered(&world), (Some(2_325), true));
    // What there is room for is taken, and the rest in cash.
    world.cash("0.41");
    assert_eq!(offered(&world), (Some(2_325), false));
    world.card(TenderKindView::SimulatedReader, None).unwrap();
    world.complete().unwrap();
    assert_eq!(world.till().connection().unwrap().at_risk.minor, 15_000);
    world.online(true);
    world.run_until_quiet();
    world.check_invariants();
}
