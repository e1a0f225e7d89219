//! The journal's stored shapes: what is in a file in the field stays readable.

use till_app::view::{CountInput, OutboxAction, TenderKindView};
use till_domain::journal::JournalEvent;
use till_tests::{MANAGER_PIN, World};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/journal_v1.jsonl");

/// A short day that meets every kind of event but the joining of Stripe.
fn a_day_of_everything() -> World {
    let mut world = World::from_seed(1);
    let cheese = [("Goudse kaas oud", "1.000")];
    world.open_shift("150.00");
    // Charged at once, and taken off the sale again.
    world.ring_up(&cheese);
    let sale = world.card(TenderKindView::SimulatedReader, None).unwrap();
    world.run_until_quiet();
    let tender = sale.tenders[0].id.clone();
    world
        .till()
        .tender_remove(world.cashier(), &tender)
        .unwrap();
    world.till().void_sale(world.cashier()).unwrap();
    // Queued, and partly given back while it is not known.
    world.online(false);
    world.ring_up(&cheese);
    world.customer("Ana Ortega");
    world.card(TenderKindView::SavedCard, None).unwrap();
    let done = world.complete().unwrap();
    // Queued, and declined; half of it is given back while nobody knows.
    world.ring_up(&cheese);
    world.customer("Tom Bakker");
    let declined = world.card(TenderKindView::SavedCard, None).unwrap().tenders[0]
        .id
        .clone();
    let second = world.complete().unwrap();
    world.online(true);
    while world.tender_state(&declined) != till_app::view::TenderStateView::Unknown {
        world.drop_answers = 0;
        if world.charges_of(&declined) == 0 && world.is_confirming(&declined) {
            world.drop_answers = 1;
        }
        assert!(world.step());
    }
    world.refund_first(&second.receipt, "0.500", None).unwrap();
    world.run_until_quiet();
    world.refund_first(&done.receipt, "0.500", None).unwrap();
    world.run_until_quiet();
    world
        .till()
        .outbox_decide(world.cashier(), &declined, OutboxAction::TakeCash, None)
        .unwrap();
    world.run_until_quiet();
    world
        .till()
        .paid_in(world.cashier(), "1.00", "coins")
        .unwrap();
    world
        .till()
        .paid_out(world.cashier(), "1.00", "bread", None)
        .unwrap();
    world.till().no_sale(world.cashier(), "change").unwrap();
    world
        .till()
        .receipt_print(world.cashier(), &done.receipt)
        .unwrap();
    let wrong = world.manager_says("0000");
    assert!(world.till().approve(&wrong).is_err());
    let kaethe = world.till().customers("Käthe").unwrap()[0].id.clone();
    world
        .till()
        .erase_customer(world.manager(), &kaethe)
        .unwrap();
    let pieces = [CountInput {
        denomination_minor: 5_000,
        pieces: 3,
    }];
    world.till().count(world.cashier(), &pieces, &[]).unwrap();
    let yes = world.manager_says(MANAGER_PIN);
    world
        .till()
        .close(world.cashier(), "Not found", Some("150.00"), Some(&yes))
        .unwrap();
    world
}

/// A line with its event's bytes, less what differs with every request the till makes:
/// Stripe's ids, and with them the hashes.
fn without_stripe_ids(line: &str) -> String {
    let line: till_app::JournalLine = serde_json::from_str(line).unwrap();
    let mut words = line.body.split('"').map(|word| {
        ["pi_", "ch_", "re_", "cs_"]
            .into_iter()
            .find(|prefix| word.starts_with(prefix))
            .unwrap_or(word)
    });
    let first = words.next().unwrap_or_default().to_owned();
    let body = words.fold(first, |body, word| body + "\"" + word);
    format!(
        "{} {} {} {} {} {} {body}",
        line.seq, line.epoch, line.at, line.shift, line.kind, line.version
    )
}

#[test]
fn every_kind_of_event_is_stored_as_it_always_was() {
    let world = a_day_of_everything();
    world.check_invariants();
    let mut export = Vec::new();
    world.till().journal_export(&mut export).unwrap();
    let export = String::from_utf8(export).unwrap();
    if std::env::var_os("TILL_BLESS").is_some() {
        std::fs::write(GOLDEN, &export).unwrap();
    }
    let golden = std::fs::read_to_string(GOLDEN).unwrap();
    // What was written once verifies and is read for ever.
    let lines: Vec<till_app::JournalLine> = golden
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let events: Vec<JournalEvent> = lines.iter().map(|l| l.event().unwrap()).collect();
    till_app::verify_lines(lines).unwrap();
    for kind in [
        "shift_opened",
        "charge_requested",
        "charge_moved",
        "charge_lowered",
        "sale_committed",
        "sale_voided",
        "tender_returned",
        "refund_committed",
        "refund_moved",
        "debt_paid",
        "paid_in",
        "paid_out",
        "no_sale",
        "pin_refused",
        "drawer_counted",
        "reprinted",
        "customer_erased",
        "shift_closed",
    ] {
        assert!(
            events.iter().any(|e| e.kind() == kind),
            "the golden day has no {kind}"
        );
    }
    // And is written the same way today, but for the ids that Stripe gives.
    for (ours, was) in export.lines().zip(golden.lines()) {
        assert_eq!(without_stripe_ids(ours), without_stripe_ids(was));
    }
    assert_eq!(export.lines().count(), golden.lines().count());
}
