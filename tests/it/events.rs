//! What happens at Stripe without the till: disputes, refunds that fail days later,
//! refunds in the dashboard, and the books once a day.

use till_app::view::{OutboxAction, TenderKindView};
use till_app::{CaseView, StripeSetting};
use till_stand_in::{EventFaults, FaultPlan, RefundCourse};
use till_store::StoredRequest;
use till_sync::transport::Answer;
use till_tests::{World, carry};

pub(crate) const MINUTE_MS: i64 = 60_000;
pub(crate) const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// A till that is joined to its Stripe, with one card sale; gives its receipt.
pub(crate) fn sold(seed: u64) -> (World, String) {
    let mut world = World::from_seed(seed);
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
    (world, receipt)
}

/// Asks what is to be asked beside the outbox; gives the paths.
pub(crate) fn look(world: &mut World) -> Vec<String> {
    let mut asked = Vec::new();
    while let Some(request) = world.till().ask().unwrap() {
        assert_eq!(request.method, "GET", "it changes nothing");
        let answer = world.wire(&request);
        world.till().told(&answer).unwrap();
        asked.push(request.path);
        assert!(asked.len() < 500, "it ends: {asked:#?}");
    }
    asked
}

pub(crate) fn charge(world: &World) -> (String, String) {
    let ledger = world.stripe.ledger();
    let charge = ledger.tenders.values().find_map(|t| t.charges.first());
    let charge = charge.unwrap();
    (charge.charge.clone(), charge.payment_intent.clone())
}

fn one(cases: Vec<CaseView>) -> CaseView {
    assert_eq!(cases.len(), 1, "{cases:#?}");
    cases.into_iter().next().unwrap()
}

fn entries(world: &World, kind: &str) -> usize {
    let mut journal = Vec::new();
    world.till().journal_export(&mut journal).unwrap();
    let text = String::from_utf8(journal).unwrap();
    text.lines().filter(|line| line.contains(kind)).count()
}

/// Every way in which the list of events misleads.
fn misleading() -> [EventFaults; 3] {
    [
        EventFaults::default(),
        EventFaults {
            repeat_permille: 1_000,
            ..EventFaults::default()
        },
        EventFaults {
            repeat_permille: 500,
            late_permille: 700,
            late_s: 1_800,
        },
    ]
}

#[test]
fn a_dispute_is_a_case_with_its_deadline_until_it_is_over() {
    for (seed, events) in (900..).zip(misleading()) {
        let (mut world, receipt) = sold(seed);
        world.stripe.set_faults(FaultPlan {
            events,
            ..FaultPlan::none()
        });
        assert_eq!(world.till().cases().unwrap(), []);
        let dispute = world.stripe.dispute(&charge(&world).0).unwrap();
        for _ in 0..5 {
            world.advance_ms(20 * MINUTE_MS);
            look(&mut world);
        }
        let case = one(world.till().cases().unwrap());
        assert_eq!((case.id.as_str(), case.open), (dispute.as_str(), true));
        assert_eq!(case.receipt, Some(receipt));
        assert_eq!(case.state, "needs_response");
        // Nine days to answer, by Stripe's own word.
        assert!(case.due_by.unwrap().starts_with("2026-11-30T12:"));
        assert_eq!(entries(&world, "dispute_moved"), 1, "seed {seed}");
        world.advance_ms(9 * DAY_MS);
        for _ in 0..5 {
            world.advance_ms(20 * MINUTE_MS);
            look(&mut world);
        }
        let case = one(world.till().cases().unwrap());
        assert_eq!((case.state.as_str(), case.open), ("lost", false));
        assert_eq!(entries(&world, "dispute_moved"), 2, "seed {seed}");
        world.check_invariants();
    }
}

#[test]
fn a_dispute_wants_a_person_until_it_is_over() {
    let (mut world, receipt) = sold(980);
    look(&mut world);
    assert_eq!(world.till().connection().unwrap().need_a_person, 0);
    world.stripe.dispute(&charge(&world).0).unwrap();
    world.advance_ms(20 * MINUTE_MS);
    look(&mut world);
    assert_eq!(world.till().connection().unwrap().need_a_person, 1);
    let case = one(world.till().outbox().unwrap().cases);
    assert!(case.needs_a_person && case.open && case.due_by.is_some());
    assert_eq!(case.receipt, Some(receipt));
    // Another shift and a restart change nothing: the day to answer by does.
    crate::outcomes::close(&world);
    world.power_cut();
    world.online(true);
    world.open_shift("50.00");
    assert_eq!(world.till().connection().unwrap().need_a_person, 1);
    world.advance_ms(9 * DAY_MS);
    for _ in 0..5 {
        world.advance_ms(20 * MINUTE_MS);
        look(&mut world);
    }
    assert_eq!(world.till().connection().unwrap().need_a_person, 0);
    assert_eq!(world.till().outbox().unwrap().cases, []);
    assert!(!one(world.till().cases().unwrap()).needs_a_person);
    world.check_invariants();
}

#[test]
fn a_refund_in_the_dashboard_wants_a_person_until_the_shift_is_closed() {
    let (mut world, receipt) = sold(981);
    look(&mut world);
    let (_, intent) = charge(&world);
    let refund = format!("payment_intent={intent}&amount=100");
    by_hand(&mut world, "POST", "/v1/refunds", &refund);
    world.advance_ms(20 * MINUTE_MS);
    look(&mut world);
    assert_eq!(world.till().connection().unwrap().need_a_person, 1);
    let case = one(world.till().outbox().unwrap().cases);
    assert_eq!((case.receipt, case.amount.minor), (Some(receipt), 100));
    assert!(
        case.says
            .starts_with("It was refunded in Stripe's dashboard")
    );
    crate::outcomes::close(&world);
    assert_eq!(world.till().connection().unwrap().need_a_person, 0);
    assert_eq!(world.till().outbox().unwrap().cases, []);
    assert!(!one(world.till().cases().unwrap()).needs_a_person, "kept");
}

#[test]
fn what_comes_hours_late_is_not_missed() {
    let (mut world, _) = sold(950);
    look(&mut world);
    world.stripe.set_faults(FaultPlan {
        events: EventFaults {
            late_permille: 1_000,
            late_s: 12 * 3_600,
            ..EventFaults::default()
        },
        ..FaultPlan::none()
    });
    world.stripe.dispute(&charge(&world).0).unwrap();
    world.stripe.set_faults(FaultPlan::none());
    // Meanwhile other things happen, and the list is read past them.
    for _ in 0..6 {
        world.advance_ms(2 * 60 * MINUTE_MS);
        world.ring_up(&[("Goudse kaas oud", "0.500")]);
        world.card(TenderKindView::SimulatedReader, None).unwrap();
        while world.step() {}
        world.complete().unwrap();
        look(&mut world);
    }
    for _ in 0..7 {
        world.advance_ms(60 * MINUTE_MS);
        look(&mut world);
    }
    assert_eq!(one(world.till().cases().unwrap()).state, "needs_response");
    assert_eq!(entries(&world, "dispute_moved"), 1, "and once");
    world.check_invariants();
}

#[test]
fn a_dispute_that_no_event_tells_of_is_found_by_the_books() {
    let (mut world, receipt) = sold(960);
    look(&mut world);
    world.stripe.set_faults(FaultPlan {
        events: EventFaults {
            late_permille: 1_000,
            late_s: 90 * 86_400,
            ..EventFaults::default()
        },
        ..FaultPlan::none()
    });
    let dispute = world.stripe.dispute(&charge(&world).0).unwrap();
    world.advance_ms(DAY_MS / 2 + 31 * MINUTE_MS);
    let asked = look(&mut world);
    assert!(
        asked
            .iter()
            .any(|path| path.starts_with("/v1/disputes?created")),
        "{asked:#?}"
    );
    let found = world.till().last_reconciled().unwrap().unwrap();
    assert_eq!(found.differences.len(), 1, "{found:#?}");
    assert!(
        found.differences[0]
            .says
            .starts_with("Stripe has a dispute")
    );
    assert_eq!(found.differences[0].receipt, Some(receipt));
    // It is a case now, with its deadline, and no difference any more.
    let case = one(world.till().cases().unwrap());
    assert_eq!((case.id, case.open), (dispute, true));
    assert!(case.due_by.is_some());
    world.till().compare_now().unwrap();
    look(&mut world);
    let found = world.till().last_reconciled().unwrap().unwrap();
    assert_eq!(found.differences, []);
    assert_eq!(entries(&world, "dispute_moved"), 1);
    world.check_invariants();
}

#[test]
fn every_read_is_counted_and_the_list_is_read_seldom_near_the_end_of_the_allowance() {
    let (mut world, _) = sold(970);
    let before = world.till().reads_of_month().unwrap();
    let asked = look(&mut world).len();
    let after = world.till().reads_of_month().unwrap();
    assert_eq!(
        after - before,
        u32::try_from(asked).unwrap(),
        "events and books"
    );
    // A lost confirm is looked up: that is a read as well.
    world.ring_up(&[("Goudse kaas oud", "0.500")]);
    world.card(TenderKindView::SimulatedReader, None).unwrap();
    world.step();
    world.drop_answers = 1;
    world.step();
    world.run_until_quiet();
    assert_eq!(world.till().reads_of_month().unwrap(), after + 1);
    world.complete().unwrap();
    world.power_cut();
    assert_eq!(world.till().reads_of_month().unwrap(), after + 1, "kept");
    // Nine in ten are used: an hour passes, and nothing is asked.
    let today = world.till().time().0.div_euclid(DAY_MS);
    let db = rusqlite::Connection::open(world.folder().join("till.db")).unwrap();
    let used = format!(r#"{{"days":[[{today},9100]]}}"#);
    let set = "UPDATE setting SET value = ?1 WHERE name = 'stripe_reads'";
    assert_eq!(db.execute(set, [used]).unwrap(), 1);
    world.power_cut();
    look(&mut world);
    for _ in 0..5 {
        world.advance_ms(60 * MINUTE_MS);
        assert_eq!(look(&mut world), Vec::<String>::new());
    }
    world.advance_ms(61 * MINUTE_MS);
    assert!(!look(&mut world).is_empty());
    // A month on, there are reads again.
    world.advance_ms(30 * DAY_MS);
    look(&mut world);
    assert!(world.till().reads_of_month().unwrap() < 100);
}

#[test]
fn a_refund_that_fails_days_later_opens_the_debt_again() {
    for (seed, events) in (910..).zip(misleading()) {
        let (mut world, receipt) = sold(seed);
        world.stripe.next_refund(RefundCourse::SucceedsThenFails {
            seconds: 3 * 86_400,
        });
        world.refund_first(&receipt, "0.500", None).unwrap();
        world.run_until_quiet();
        look(&mut world);
        assert_eq!(world.till().connection().unwrap().need_a_person, 0);
        world.stripe.set_faults(FaultPlan {
            events,
            ..FaultPlan::none()
        });
        world.advance_ms(3 * DAY_MS + MINUTE_MS);
        for _ in 0..5 {
            world.advance_ms(20 * MINUTE_MS);
            look(&mut world);
        }
        assert_eq!(world.till().connection().unwrap().need_a_person, 1);
        assert_eq!(
            world.till().cases().unwrap(),
            [],
            "it is a refund of the till's own"
        );
        world.check_invariants();
    }
}

/// The refund's own entry is damaged: that its money is owed again is learnt, and
/// everything else that happened.
#[test]
fn an_entry_that_cannot_be_read_does_not_stop_the_till_from_learning() {
    let (mut world, receipt) = sold(917);
    world.stripe.next_refund(RefundCourse::SucceedsThenFails {
        seconds: 3 * 86_400,
    });
    world.refund_first(&receipt, "0.500", None).unwrap();
    world.run_until_quiet();
    let db = rusqlite::Connection::open(world.folder().join("till.db")).unwrap();
    let sql = "UPDATE outbox SET machine = '{' WHERE subject = 'refund'";
    assert_eq!(db.execute(sql, []).unwrap(), 1);
    drop(db);
    let (id, _) = charge(&world);
    world.advance_ms(3 * DAY_MS + MINUTE_MS);
    world.stripe.dispute(&id).unwrap();
    for _ in 0..5 {
        world.advance_ms(20 * MINUTE_MS);
        look(&mut world);
    }
    let cases = world.till().cases().unwrap();
    assert_eq!(cases.len(), 1, "the dispute: {cases:?}");
    let outbox = world.till().outbox().unwrap();
    let [owed] = &outbox.need_a_person[..] else {
        panic!("{:#?}", outbox.need_a_person);
    };
    assert!(
        owed.is_refund && owed.says.contains("still owed"),
        "{owed:?}"
    );
}

/// Somebody does it at Stripe; gives the answer.
pub(crate) fn by_hand(
    world: &mut World,
    method: &'static str,
    path: &str,
    body: &str,
) -> serde_json::Value {
    let request = StoredRequest {
        idempotency_key: None,
        method,
        path: path.into(),
        body: (method == "POST").then(|| body.as_bytes().to_vec()),
        api_version: till_sync::request::API_VERSION.into(),
        first_sent_at: None,
    };
    let Answer::Http(http) = carry(&mut world.stripe, &request) else {
        panic!("no answer");
    };
    assert_eq!(http.status, 200, "{}", String::from_utf8_lossy(&http.body));
    serde_json::from_slice(&http.body).unwrap()
}

/// Gives the world, and the tender of a queued card that was declined and then charged
/// with another card in the dashboard; `meanwhile` comes between the two.
fn charged_by_hand(seed: u64, meanwhile: impl FnOnce(&mut World, &str)) -> (World, String) {
    let (mut world, _) = sold(seed);
    world.online(false);
    world.ring_up(&[("Goudse kaas oud", "0.500")]);
    world.customer("Tom Bakker");
    let sale = world.card(TenderKindView::SavedCard, None).unwrap();
    let tender = sale.tenders[0].id.clone();
    world.complete().unwrap();
    world.online(true);
    world.run_until_quiet();
    look(&mut world);
    assert_eq!(world.till().connection().unwrap().need_a_person, 1);
    meanwhile(&mut world, &tender);
    // The customer rings up, and somebody takes another card in the dashboard.
    let list = by_hand(&mut world, "GET", "/v1/payment_intents?limit=100", "");
    let intents = list["data"].as_array().unwrap();
    let declined = intents
        .iter()
        .find(|i| i["metadata"]["tender_id"] == tender.as_str())
        .unwrap();
    let confirm = format!(
        "/v1/payment_intents/{}/confirm",
        declined["id"].as_str().unwrap()
    );
    by_hand(&mut world, "POST", &confirm, "payment_method=pm_card_visa");
    world.advance_ms(20 * MINUTE_MS);
    (world, tender)
}

/// The customer had paid in cash: two people did not know of each other, and the books
/// say so.
#[test]
fn a_debt_paid_in_cash_whose_card_is_charged_by_hand_is_a_difference() {
    let (mut world, _) = charged_by_hand(941, |world, tender| {
        world.online(false);
        let till = world.till();
        till.outbox_decide(world.cashier(), tender, OutboxAction::TakeCash, None)
            .unwrap();
    });
    world.online(true);
    world.run_until_quiet();
    world.advance_ms(DAY_MS);
    look(&mut world);
    let books = world.till().outbox().unwrap().books.expect("compared");
    let [one] = &books.differences[..] else {
        panic!("{books:?}");
    };
    assert!(one.contains("paid twice"), "{one}");
}

#[test]
fn a_declined_card_that_was_charged_at_stripe_after_all_is_settled() {
    let (mut world, tender) = charged_by_hand(940, |_, _| {});
    look(&mut world);
    assert_eq!(world.till().connection().unwrap().need_a_person, 0);
    assert_eq!(world.charges_of(&tender), 1);
    world.check_invariants();
}

#[test]
fn a_refund_in_the_dashboard_is_seen_once() {
    let (mut world, receipt) = sold(920);
    let (_, intent) = charge(&world);
    let refund = format!("payment_intent={intent}&amount=100");
    by_hand(&mut world, "POST", "/v1/refunds", &refund);
    // The power goes between what is asked and what is written down, at every step.
    for steps in 0..4 {
        for _ in 0..steps {
            if let Some(request) = world.till().ask().unwrap() {
                let answer = world.wire(&request);
                world.till().told(&answer).unwrap();
            }
        }
        world.power_cut();
    }
    for _ in 0..3 {
        world.advance_ms(20 * MINUTE_MS);
        look(&mut world);
        world.power_cut();
    }
    let case = one(world.till().cases().unwrap());
    assert_eq!((case.receipt, case.open), (Some(receipt), false));
    assert_eq!(case.amount.minor, 100);
    assert_eq!(entries(&world, "refund_elsewhere"), 1);
    world.till().journal_verify().unwrap();
    assert!(world.till().journal_rebuild().unwrap().differing.is_empty());
}

#[test]
fn the_books_are_compared_once_a_day_and_nothing_is_asked_offline() {
    let (mut world, _) = sold(930);
    world.online(false);
    assert_eq!(look(&mut world), Vec::<String>::new());
    world.online(true);
    look(&mut world);
    let first = world.till().last_reconciled().unwrap().unwrap();
    assert_eq!((first.from.as_str(), first.charges), ("2026-11-20", 0));
    // Half an hour past midnight the day is over.
    world.advance_ms(DAY_MS / 2 + 31 * MINUTE_MS);
    let asked = look(&mut world);
    assert!(
        asked.iter().any(|path| path.starts_with("/v1/refunds?")),
        "{asked:#?}"
    );
    let found = world.till().last_reconciled().unwrap().unwrap();
    assert_eq!(
        (found.from.as_str(), found.until.as_str()),
        ("2026-11-21", "2026-11-21")
    );
    assert_eq!((found.charges, found.differences.len()), (1, 0));
    for _ in 0..10 {
        world.advance_ms(20 * MINUTE_MS);
        let asked = look(&mut world);
        assert!(
            asked.iter().all(|path| path.starts_with("/v1/events?")),
            "once a day: {asked:#?}"
        );
    }
    // Three days away: all of them are compared.
    world.advance_ms(3 * DAY_MS);
    look(&mut world);
    let found = world.till().last_reconciled().unwrap().unwrap();
    assert_eq!(
        (found.from.as_str(), found.until.as_str()),
        ("2026-11-22", "2026-11-24")
    );
}
