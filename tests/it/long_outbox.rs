//! A long queue is listed in part and counted in full.

use till_domain::charge::ChargeState;
use till_tests::{World, lift_limits, sell_offline};

#[test]
fn a_long_queue_is_listed_in_part_and_counted_in_full() {
    let mut world = World::from_seed(1);
    world.open_shift("50.00");
    lift_limits(&world.folder());
    sell_offline(world.till(), world.cashier(), 230);
    world.online(false);
    let outbox = world.till().outbox().unwrap();
    assert_eq!((outbox.waiting.len(), outbox.more.waiting), (200, 30));
    assert!(
        outbox.waiting.is_sorted_by_key(|e| e.receipt.clone()),
        "the oldest first"
    );
    let first = &outbox.waiting[0];
    assert_eq!(first.receipt.as_deref(), Some("1-000001"));
    assert_eq!(
        (first.cashier.as_str(), first.card.as_str()),
        ("Inés Núñez", "Test card")
    );
    let risk = world.till().connection().unwrap();
    assert_eq!((risk.waiting, risk.at_risk.minor), (230, 230 * 595));
    assert_eq!(outbox.at_risk.minor, risk.at_risk.minor);

    // What a person must decide comes before what waits.
    let db = rusqlite::Connection::open(world.folder().join("till.db")).unwrap();
    let expired = ChargeState::Expired.word();
    let marked = db
        .execute(
            "UPDATE charge SET state = ?1 WHERE tender IN
             (SELECT tender FROM charge ORDER BY at DESC, tender DESC LIMIT 3)",
            [expired],
        )
        .unwrap();
    assert_eq!(marked, 3);
    let outbox = world.till().outbox().unwrap();
    assert_eq!(
        (outbox.need_a_person.len(), outbox.more.need_a_person),
        (3, 0)
    );
    assert_eq!((outbox.waiting.len(), outbox.more.waiting), (197, 30));
    assert_eq!(world.till().connection().unwrap().need_a_person, 3);
}

#[test]
fn the_lists_of_the_outbox_come_from_their_indexes() {
    let world = World::from_seed(2);
    let db = rusqlite::Connection::open(world.folder().join("till.db")).unwrap();
    let store = include_str!("../../crates/store/src/reads.rs");
    for (table, index, condition) in [
        (
            "charge",
            "charge_waiting",
            "state IN ('queued', 'created', 'awaiting_customer')",
        ),
        (
            "charge",
            "charge_needs_a_person",
            "debt_paid = 0 AND amount_minor > 0
  AND (state IN ('declined', 'needs_customer', 'needs_attention', 'expired')
       OR (state = 'canceled' AND at_risk = 1))",
        ),
        (
            "refund_part",
            "refund_part_open",
            "paid_in_cash = 0 AND settled_elsewhere = 0
  AND state IN ('queued', 'pending', 'failed', 'needs_attention')
         AND state IN ('failed', 'needs_attention')",
        ),
    ] {
        assert!(store.contains(condition), "the store asks so: {condition}");
        for what in ["count(*)", "*"] {
            let plan: String = db
                .prepare(&format!(
                    "EXPLAIN QUERY PLAN SELECT {what} FROM {table} WHERE {condition}"
                ))
                .unwrap()
                .query_map([], |r| r.get::<_, String>(3))
                .unwrap()
                .map(Result::unwrap)
                .collect();
            assert!(plan.contains(index), "{plan}");
        }
    }
}
