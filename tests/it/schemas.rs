//! Every form body sent and every answer of the stand-in, held against Stripe's
//! published schemas where the checkers are.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use till_app::view::{OutboxAction, PlaceInput, TenderKindView};
use till_tests::World;

use crate::{readers, saved_cards};

/// A day that meets every endpoint the till calls.
fn a_day_of_requests(seed: u64) -> World {
    let mut world = World::from_seed(seed);
    world.open_shift("150.00");
    let mut receipts = Vec::new();
    for customer in [
        "Ana Ortega",
        "Pieter Jansen",
        "Élodie",
        "Tom Bakker",
        "Νίκος",
        "Giulia",
    ] {
        world.online(false);
        world.ring_up(&[("Goudse kaas oud", "0.500")]);
        world.customer(customer);
        world.card(TenderKindView::SavedCard, None).unwrap();
        receipts.push(world.complete().unwrap().receipt);
    }
    for contact in ["somebody@post.example", "06 0000 0000"] {
        world.ring_up(&[("Goudse kaas oud", "0.500")]);
        world
            .till()
            .tender_pay_link(world.cashier(), None, contact, None)
            .unwrap();
        receipts.push(world.complete().unwrap().receipt);
    }
    // Made at Stripe, then lowered and cancelled before they are charged: the line
    // drops after the first two were made.
    world.online(true);
    world.make_only(2);
    world.online(false);
    world.refund_first(&receipts[0], "0.250", None).unwrap();
    world.refund_first(&receipts[1], "0.500", None).unwrap();
    world.online(true);
    world.faults(150);
    for round in 0..300 {
        if round == 150 {
            world.faults(0);
            world.refund_first(&receipts[2], "0.250", None).unwrap();
            // The customer gets their pay link's money off before paying it.
            world.refund_first(&receipts[6], "0.500", None).unwrap();
        }
        if !world.step() {
            world.till().outbox_send_now().unwrap();
            world.advance_ms(30_000);
            world.till().set_reachable(true);
        }
    }
    world.check_invariants();
    let joined = till_app::StripeSetting {
        api_base: String::new(),
        account: "acct_1".into(),
        livemode: false,
    };
    world.till().join_stripe(&joined).unwrap();
    let ledger = world.stripe.ledger();
    let mut charges = ledger.tenders.values().flat_map(|t| &t.charges);
    let charge = charges.next().unwrap().charge.clone();
    world.stripe.dispute(&charge).unwrap();
    crate::events::look(&mut world);
    assert_eq!(world.till().cases().unwrap().len(), 1);
    let found = crate::reconcile::reconcile(&mut world, None).unwrap();
    assert_eq!(found.differences, []);
    world
}

/// A shop in Canada registers its reader, takes Interac there and gives it back;
/// then saves a customer's card there.
fn a_day_at_the_reader(seed: u64) -> World {
    let mut world = World::in_canada(seed);
    let place = PlaceInput {
        line1: "1 Rue Sainte-Catherine".into(),
        city: "Montréal".into(),
        postal_code: "H2X 1K4".into(),
        state: "QC".into(),
        country: "ca".into(),
    };
    world.till().readers_place(world.manager(), &place).unwrap();
    readers::carry_on(&mut world);
    let till = world.till();
    till.reader_register(world.manager(), "simulated-s700", "Counter")
        .unwrap();
    readers::carry_on(&mut world);
    let reader = world.till().chosen_reader().unwrap().unwrap().id;
    world.open_shift("50.00");
    world.ring_up(&[("Goudse kaas oud", "0.500")]);
    world.card(TenderKindView::Reader, None).unwrap();
    readers::wait(&mut world, 4);
    world.stripe.present_card(&reader, "interac", None).unwrap();
    readers::wait(&mut world, 8);
    let receipt = world.complete().unwrap().receipt;
    world.refund_first(&receipt, "0.200", None).unwrap();
    readers::wait(&mut world, 4);
    let waiting = world.till().outbox().unwrap().waiting;
    for decision in [OutboxAction::TakeOffReader, OutboxAction::TryAgain] {
        let till = world.till();
        till.outbox_decide(world.cashier(), &waiting[0].id, decision, None)
            .unwrap();
        readers::wait(&mut world, 8);
    }
    world.stripe.present_card(&reader, "interac", None).unwrap();
    readers::wait(&mut world, 8);
    assert!(world.till().outbox().unwrap().waiting.is_empty());
    saved_cards::save_and_remove_on(&mut world, &reader);
    world.check_invariants();
    world
}

#[test]
fn what_goes_over_the_wire_is_what_stripe_publishes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for seed in 70..73 {
        let world = if seed == 72 {
            a_day_at_the_reader(seed)
        } else {
            a_day_of_requests(seed)
        };
        let part = folder.join(seed.to_string());
        std::fs::create_dir_all(&part).unwrap();
        world.stripe.write_transcript(&part).unwrap();
        for file in ["requests.tsv", "answers.jsonl"] {
            let mut all = OpenOptions::new()
                .create(true)
                .append(true)
                .open(folder.join(file))
                .unwrap();
            all.write_all(&std::fs::read(part.join(file)).unwrap())
                .unwrap();
        }
    }
    let sent = std::fs::read_to_string(folder.join("requests.tsv")).unwrap();
    for endpoint in [
        "POST /v1/payment_intents\t",
        "POST /v1/payment_intents/{intent}\t",
        "POST /v1/payment_intents/{intent}/confirm\t",
        "POST /v1/payment_intents/{intent}/cancel\t",
        "POST /v1/refunds\t",
        "POST /v1/checkout/sessions\t",
        "GET /v1/payment_intents\t",
        "GET /v1/refunds\t",
        "GET /v1/events\t",
        "GET /v1/disputes\t",
        "POST /v1/terminal/locations\t",
        "POST /v1/terminal/readers\t",
        "POST /v1/terminal/readers/{r}/process_payment_intent\t",
        "POST /v1/terminal/readers/{r}/process_setup_intent\t",
        "POST /v1/terminal/readers/{r}/refund_payment\t",
        "POST /v1/terminal/readers/{r}/cancel_action\t",
        "POST /v1/customers\t",
        "POST /v1/setup_intents\t",
    ] {
        assert!(sent.contains(endpoint), "the day never met {endpoint}");
    }
    // What a queued charge says of itself.
    for told in [
        "metadata[receipt]=1-00000",
        "metadata[shift]=1",
        "statement_descriptor_suffix=R1-",
        "receipt_email=",
        "allowed_payment_method_types[1]=interac_present",
    ] {
        assert!(sent.contains(told), "no charge said {told}");
    }
    check(folder);
}

/// Holds a folder's transcript against Stripe's published schemas. A checker that is
/// not here is skipped, by name.
pub(crate) fn check(folder: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (checker, file, strict) in [
        ("check_form.py", "requests.tsv", false),
        ("check_response.py", "answers.jsonl", true),
    ] {
        let script = root.join("../shared/stripe").join(checker);
        // The system's Python has the system's package, another may stand before it.
        let interpreter = ["python3", "/usr/bin/python3"].into_iter().find(|python| {
            Command::new(python)
                .args(["-c", "import jsonschema"])
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|s| s.success())
        });
        let (true, Some(interpreter)) = (script.exists(), interpreter) else {
            println!("skipped: {checker} (../shared/stripe or jsonschema is not here)");
            continue;
        };
        let mut python = Command::new(interpreter);
        python.arg(&script);
        if strict {
            python.arg("--strict");
        }
        let output = python
            .stdin(std::fs::File::open(folder.join(file)).unwrap())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let bad: Vec<&str> = said.lines().filter(|l| l.starts_with("bad")).collect();
        assert!(
            output.status.success() && bad.is_empty(),
            "{checker}: {bad:#?}"
        );
    }
}
