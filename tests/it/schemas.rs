//! Every form body sent and every answer of the stand-in, held against Stripe's
//! published schemas where the checkers are.

use std::process::{Command, Stdio};

use till_app::view::TenderKindView;
use till_tests::World;

/// A day that meets every endpoint the till calls.
fn a_day_of_requests() -> World {
    let mut world = World::from_seed(77);
    world.open_shift("150.00");
    world.faults(200);
    let customers = [
        "Ana Ortega",
        "Pieter Jansen",
        "Tom Bakker",
        "Νίκος",
        "Giulia",
    ];
    let mut receipts = Vec::new();
    for customer in customers {
        world.online(false);
        world.ring_up(&[("Goudse kaas oud", "0.500")]);
        world.customer(customer);
        world.card(TenderKindView::SavedCard, None).unwrap();
        receipts.push(world.complete().unwrap().receipt);
    }
    world.ring_up(&[("Goudse kaas oud", "0.500")]);
    world
        .till()
        .tender_pay_link(world.cashier(), None, "somebody@post.example", None)
        .unwrap();
    receipts.push(world.complete().unwrap().receipt);
    world.refund_first(&receipts[0], "0.250", None).unwrap();
    world.refund_first(&receipts[1], "0.500", None).unwrap();
    world.online(true);
    for _ in 0..400 {
        if !world.step() {
            world.till().outbox_send_now().unwrap();
            world.advance_ms(30_000);
            world.till().set_reachable(true);
        }
    }
    world.refund_first(&receipts[0], "0.250", None).unwrap();
    world.faults(0);
    for _ in 0..50 {
        if !world.step() {
            world.till().outbox_send_now().unwrap();
            world.advance_ms(30_000);
        }
    }
    world.check_invariants();
    world
}

#[test]
fn what_goes_over_the_wire_is_what_stripe_publishes() {
    let world = a_day_of_requests();
    let folder = world.folder().join("transcript");
    std::fs::create_dir_all(&folder).unwrap();
    world.stripe.write_transcript(&folder).unwrap();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (checker, file, strict) in [
        ("check_form.py", "requests.tsv", false),
        ("check_response.py", "answers.jsonl", true),
    ] {
        let script = root.join("../shared/stripe").join(checker);
        let lines = std::fs::read_to_string(folder.join(file)).unwrap();
        let count = lines.lines().count();
        assert!(count > 20, "{file} holds {count} lines, less than a day");
        let has_jsonschema = Command::new("python3")
            .args(["-c", "import jsonschema"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|s| s.success());
        if !script.exists() || !has_jsonschema {
            println!("skipped: {checker} (../shared/stripe or jsonschema is not here)");
            continue;
        }
        let mut python = Command::new("python3");
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
        assert!(output.status.success() && bad.is_empty(), "{checker}: {bad:#?}");
    }
}
