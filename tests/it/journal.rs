//! The journal's stored shapes: what is in a file in the field stays readable.

use till_app::view::{CountInput, OutboxAction, TenderKindView};
use till_app::{FileForm, Import, Others, StripeSetting};
use till_domain::catalog::Role;
use till_domain::journal::JournalEvent;
use till_tests::{MANAGER_PIN, World};

/// A file, and the day that it is the journal of. Written once and for ever: a new kind
/// gets a file of its own.
type Golden = (&'static str, fn() -> World);

const GOLDEN: [Golden; 4] = [
    ("journal_v1.jsonl", a_day_of_everything),
    ("journal_v1_owner.jsonl", a_day_of_the_owner),
    (
        "journal_v1_refunds.jsonl",
        crate::interac::a_day_of_refunds_in_cash,
    ),
    (
        "journal_v1_settled.jsonl",
        crate::refunds_elsewhere::a_day_of_a_refund_in_doubt,
    ),
];

/// A short day that meets every kind of event at the counter.
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
    world.check_invariants();
    world
}

/// What a manager changes, what happens at Stripe by itself, and what other tenders
/// leave in the journal.
fn a_day_of_the_owner() -> World {
    let mut world = World::from_seed(2);
    world.open_shift("150.00");
    let settings = "footer = \"Thank you\"\n\
                    [offline]\nretry_after_hours = [4, 24]\n\
                    [[exempt]]\ncode = \"diplomat\"\nname = \"Diplomat\"\ntaxes = { high = [\"zero\"] }\n";
    let till = world.till();
    let manager = world.manager();
    till.set_settings(manager, "settings.toml", settings)
        .unwrap();
    let kees = till
        .add_user(manager, "Kees", Role::Cashier, "5566")
        .unwrap();
    till.set_pin(manager, kees, "7788").unwrap();
    till.set_user_enabled(manager, kees, false).unwrap();
    till.set_user_enabled(manager, kees, true).unwrap();
    till.import_products(manager, "sku,price\n1201,1.30\n", Import::Do)
        .unwrap();
    let offers = r#"{"version": 1, "promotions": [{"id":"milk","name":"Milk week",
        "kind":{"each":{"percent_off":"10"}},"goods":{"products":["1201"]}}]}"#;
    till.import_promotions(manager, offers, FileForm::Json, Others::Keep, Import::Do)
        .unwrap();
    let ana = till.customers("Ana Ortega").unwrap()[0].id.clone();
    till.set_customer_groups(manager, &ana, &["members".into()])
        .unwrap();
    till.set_customer_taxes(manager, &ana, Some("diplomat"))
        .unwrap();
    let joined = StripeSetting {
        api_base: String::new(),
        account: "acct_1".into(),
        livemode: false,
    };
    till.join_stripe(&joined).unwrap();
    // Declined for now, and tried again by the schedule.
    world.online(false);
    world.ring_up(&[("Goudse kaas oud", "0.500")]);
    world.customer("Tom Bakker");
    world.card(TenderKindView::SavedCard, None).unwrap();
    world.complete().unwrap();
    world.online(true);
    world.run_until_quiet();
    world.advance_ms(4 * 3_600_000);
    world.run_until_quiet();
    // Disputed, and refunded in the dashboard.
    let mut sell = || {
        world.ring_up(&[("Halfvolle melk", "1")]);
        let sale = world.card(TenderKindView::SimulatedReader, None).unwrap();
        world.run_until_quiet();
        world.complete().unwrap();
        let ledger = world.stripe.ledger();
        ledger.tenders[&sale.tenders[0].id].charges[0].clone()
    };
    let (disputed, refunded) = (sell(), sell());
    world.stripe.dispute(&disputed.charge).unwrap();
    let refund = till_store::StoredRequest {
        idempotency_key: None,
        method: "POST",
        path: "/v1/refunds".into(),
        body: Some(format!("payment_intent={}&amount=100", refunded.payment_intent).into_bytes()),
        api_version: till_sync::request::API_VERSION.into(),
        first_sent_at: None,
    };
    let _ = till_tests::carry(&mut world.stripe, &refund);
    world.advance_ms(20 * 60_000);
    crate::events::look(&mut world);
    // A card that is saved, and one that is removed.
    crate::saved_cards::save_one(&mut world, &ana, "pm_card_visa");
    let card = world.till().customer(world.manager(), &ana).unwrap();
    let card = card.customer.cards[0].id.clone();
    world
        .till()
        .remove_card(world.manager(), &ana, &card)
        .unwrap();
    world
}

/// A line with its event's bytes, less what differs with every request the till makes:
/// Stripe's ids, and with them the hashes.
fn without_stripe_ids(line: &str) -> String {
    let line: till_app::JournalLine = serde_json::from_str(line).unwrap();
    let mut words = line.body.split('"').map(|word| {
        ["pi_", "ch_", "re_", "cs_", "dp_"]
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

/// The words of [`JournalEvent::kind`], which names every kind there is.
fn every_kind() -> Vec<&'static str> {
    let source = include_str!("../../crates/domain/src/journal.rs");
    let (_, list) = source.split_once("pub const fn kind(&self)").unwrap();
    let (list, _) = list.split_once("/// An event in its place.").unwrap();
    let kinds: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    assert!(
        kinds.len() >= 26 && kinds.contains(&"dispute_moved"),
        "{kinds:?}"
    );
    kinds
}

#[test]
fn every_kind_of_event_is_stored_as_it_always_was() {
    let mut events: Vec<JournalEvent> = Vec::new();
    for (file, day) in GOLDEN {
        let world = day();
        let rebuilt = world.till().journal_rebuild().unwrap();
        assert_eq!(rebuilt.differing, Vec::<&str>::new());
        let mut export = Vec::new();
        world.till().journal_export(&mut export).unwrap();
        let export = String::from_utf8(export).unwrap();
        let file = format!("{}/golden/{file}", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("TILL_BLESS").is_some() && !std::path::Path::new(&file).exists() {
            std::fs::write(&file, &export).unwrap();
        }
        let golden = std::fs::read_to_string(&file).unwrap();
        // What was written once verifies and is read for ever.
        let lines: Vec<till_app::JournalLine> = golden
            .lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect();
        events.extend(lines.iter().map(|l| l.event().unwrap()));
        till_app::verify_lines(lines).unwrap();
        // And is written the same way today, but for the ids that Stripe gives.
        for (ours, was) in export.lines().zip(golden.lines()) {
            assert_eq!(without_stripe_ids(ours), without_stripe_ids(was));
        }
        assert_eq!(export.lines().count(), golden.lines().count());
    }
    for kind in every_kind() {
        assert!(
            events.iter().any(|e| e.kind() == kind),
            "the golden days have no {kind}"
        );
    }
    let retried = |e: &JournalEvent| matches!(e, JournalEvent::ChargeMoved { facts, .. } if facts.retry.is_some());
    assert!(events.iter().any(retried), "the golden days have no retry");
    let presented = |e: &JournalEvent| matches!(e, JournalEvent::RefundMoved { by: Some(_), .. });
    assert!(
        events.iter().any(presented),
        "nobody asked for a card again"
    );
    let approved = |e: &JournalEvent| {
        matches!(
            e,
            JournalEvent::RefundPaid {
                approval: Some(_),
                ..
            }
        )
    };
    assert!(events.iter().any(approved), "no manager said yes");
}
