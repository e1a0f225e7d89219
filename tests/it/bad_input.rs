//! What goes wrong at a counter: each refused by name, with nothing lost.

use till_app::error::ErrorCode;
use till_app::view::{OutboxAction, TenderKindView, TenderStateView};
use till_sync::phases::Claimed;
use till_tests::{MANAGER_PIN, World, refusal};

#[test]
fn a_pin_guessed_six_times_is_locked_for_five_minutes() {
    let mut world = World::from_seed(1);
    world.open_shift("0.00");
    let id = world.manager().user().id;
    for left in [4, 3, 2, 1] {
        let error = world.till().sign_in(id, "0000").unwrap_err();
        assert_eq!(error.code(), ErrorCode::PinWrong);
        assert!(
            error.sentence().contains(&format!("{left} tr")),
            "{}",
            error.sentence()
        );
    }
    for _ in 5..=6 {
        assert_eq!(
            refusal(world.till().sign_in(id, "0000")),
            ErrorCode::PinLocked
        );
    }
    assert_eq!(
        refusal(world.till().sign_in(id, MANAGER_PIN)),
        ErrorCode::PinLocked,
        "the right PIN does not open a lock either"
    );
    world.power_cut();
    assert_eq!(
        refusal(world.till().sign_in(id, MANAGER_PIN)),
        ErrorCode::PinLocked
    );
    world.advance_ms(5 * 60_000 + 1);
    assert!(world.till().sign_in(id, MANAGER_PIN).is_ok());
}

#[test]
fn amounts_and_codes_that_cannot_be_change_nothing() {
    let world = World::from_seed(2);
    world.open_shift("0.00");
    let sale = world.ring_up(&[("Halfvolle melk", "1")]);
    let line = sale.lines[0].id.clone();
    let till = world.till();
    let c = world.cashier();
    for (what, code, refused) in [
        (
            "check digit",
            ErrorCode::BarcodeCheckDigit,
            refusal(till.scan(c, "8700000012012")),
        ),
        (
            "no such code",
            ErrorCode::BarcodeUnknown,
            refusal(till.scan(c, "4006381333931")),
        ),
        (
            "letters",
            ErrorCode::BarcodeUnknown,
            refusal(till.scan(c, "melk'; DROP TABLE")),
        ),
        (
            "a card",
            ErrorCode::LooksLikeCard,
            refusal(till.scan(c, "4242424242424242")),
        ),
        (
            "quantity below zero",
            ErrorCode::Negative,
            refusal(till.set_quantity(c, &line, "-1")),
        ),
        (
            "nothing",
            ErrorCode::Negative,
            refusal(till.set_quantity(c, &line, "0")),
        ),
        (
            "half a bottle",
            ErrorCode::QuantityKind,
            refusal(till.set_quantity(c, &line, "0.5")),
        ),
        (
            "absurd quantity",
            ErrorCode::Absurd,
            refusal(till.set_quantity(c, &line, "1000000")),
        ),
        (
            "not a number",
            ErrorCode::NotANumber,
            refusal(till.set_quantity(c, &line, "two")),
        ),
        (
            "cash below zero",
            ErrorCode::Negative,
            refusal(till.tender_cash(c, "-5.00")),
        ),
        (
            "absurd cash",
            ErrorCode::Absurd,
            refusal(till.tender_cash(c, "999999999.00")),
        ),
        (
            "a barcode as cash",
            ErrorCode::Absurd,
            refusal(till.tender_cash(c, "87000000.00")),
        ),
        (
            "tenths of a cent",
            ErrorCode::NotANumber,
            refusal(till.tender_cash(c, "1.005")),
        ),
        (
            "overflow",
            ErrorCode::Absurd,
            refusal(till.tender_cash(c, "99999999999999999999")),
        ),
        (
            "too little for Stripe",
            ErrorCode::BelowMinimum,
            refusal(till.tender_card(c, TenderKindView::SimulatedReader, Some("0.10"), None)),
        ),
        (
            "more than is due",
            ErrorCode::OverDue,
            refusal(till.tender_external(c, Some("99.00"), "A1", "4242")),
        ),
        (
            "no saved card",
            ErrorCode::NoSavedCard,
            refusal(till.tender_card(c, TenderKindView::SavedCard, None, None)),
        ),
        (
            "no such line",
            ErrorCode::NotFound,
            refusal(till.void_line(c, "7", true)),
        ),
        ("unpaid", ErrorCode::Underpaid, refusal(till.complete(c))),
        (
            "no such receipt",
            ErrorCode::NotFound,
            refusal(till.refund_find("1-000099")),
        ),
        (
            "no receipt at all",
            ErrorCode::NotFound,
            refusal(till.refund_find("x")),
        ),
        (
            "paid out below zero",
            ErrorCode::Negative,
            refusal(till.paid_out(c, "-1.00", "x", None)),
        ),
        (
            "a card in a reason",
            ErrorCode::LooksLikeCard,
            refusal(till.paid_in(c, "1.00", "4242 4242 4242 4242")),
        ),
    ] {
        assert_eq!(refused, code, "{what}");
        assert!(!code.sentence().is_empty());
    }
    let after = till.sale_current().unwrap().unwrap();
    assert_eq!(after.total, sale.total);
    assert_eq!(after.lines.len(), sale.lines.len());
    assert!(after.tenders.is_empty());
    world.check_invariants();
}

#[test]
fn nothing_is_sold_without_a_shift() {
    let world = World::from_seed(3);
    assert_eq!(
        refusal(world.till().scan(world.cashier(), "8700000012011")),
        ErrorCode::ShiftNotOpen
    );
    world.open_shift("0.00");
    assert_eq!(
        refusal(world.till().shift_open(world.cashier(), "0.00")),
        ErrorCode::ShiftOpen
    );
}

#[test]
fn a_folder_in_use_an_unreadable_file_and_a_newer_one_are_refused_unchanged() {
    let mut world = World::from_seed(4);
    world.open_shift("0.00");
    let file = world.folder().join("till.db");
    assert_eq!(refusal(world.try_start()), ErrorCode::DataInUse);

    world.till = None;
    let good = std::fs::read(&file).unwrap();
    std::fs::write(&file, b"this is not a database, it is a shopping list").unwrap();
    assert_eq!(refusal(world.try_start()), ErrorCode::DatabaseUnreadable);
    assert_eq!(
        std::fs::read(&file).unwrap(),
        b"this is not a database, it is a shopping list"
    );

    std::fs::write(&file, &good).unwrap();
    let db = rusqlite::Connection::open(&file).unwrap();
    let ours: u32 = db
        .pragma_query_value(None, "user_version", |r| r.get(0))
        .unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    assert_eq!(refusal(world.try_start()), ErrorCode::DatabaseNewer);
    let db = rusqlite::Connection::open(&file).unwrap();
    db.pragma_update(None, "user_version", ours).unwrap();
    drop(db);
    world.start();
    world.check_invariants();
}

#[test]
fn a_changed_journal_is_found_at_the_start() {
    let mut world = World::from_seed(5);
    world.open_shift("10.00");
    let file = world.folder().join("till.db");
    world.till = None;
    let db = rusqlite::Connection::open(&file).unwrap();
    db.execute("UPDATE journal SET at = at", []).unwrap_err();
    db.execute("DELETE FROM journal", []).unwrap_err();
    db.pragma_update(None, "recursive_triggers", "OFF").unwrap();
    db.execute_batch("DROP TRIGGER journal_no_update").unwrap();
    db.execute(
        "UPDATE journal SET body = CAST(replace(CAST(body AS TEXT), '1000', '9000') AS BLOB)",
        [],
    )
    .unwrap();
    drop(db);
    assert_eq!(refusal(world.try_start()), ErrorCode::JournalBroken);
}

#[test]
fn a_full_disk_sells_nothing_and_loses_nothing() {
    let world = World::from_seed(6);
    world.open_shift("0.00");
    world.ring_up(&[("Halfvolle melk", "1")]);
    world.till().full_disk(0).unwrap();
    let mut refused = None;
    for _ in 0..200 {
        match world
            .till()
            .no_sale(world.cashier(), "a long reason to fill a page of the disk")
        {
            Ok(_) => {}
            Err(error) => {
                refused = Some(error.code());
                break;
            }
        }
    }
    assert_eq!(refused, Some(ErrorCode::DiskFull));
    world.till().full_disk(100_000).unwrap();
    world.cash("1.25");
    world.complete().unwrap();
    world.check_invariants();
}

#[test]
fn an_answer_that_the_disk_refused_is_kept_and_taken_once() {
    let mut world = World::from_seed(61);
    world.open_shift("0.00");
    world.ring_up(&[("Goudse kaas oud", "0.500")]);
    let sale = world.card(TenderKindView::SimulatedReader, None).unwrap();
    let tender = sale.tenders[0].id.clone();
    let claimed = |world: &World| match world.till().claim().unwrap() {
        Claimed::Send(claim) => claim,
        other => panic!("{other:?}"),
    };
    let first = claimed(&world);
    let answer = world.wire(&first.request);
    world.till().full_disk(0).unwrap();
    while world
        .till()
        .no_sale(world.cashier(), "fills a page")
        .is_ok()
    {}
    let refused = world.till().record(&first, &answer);
    assert_eq!(refusal(refused), ErrorCode::DiskFull);
    world.till().full_disk(100_000).unwrap();
    // Before anything else is claimed it is written down; the loop offers it again.
    let second = claimed(&world);
    assert_ne!(second.request, first.request, "the charge went on");
    let history = |world: &World| world.till().outbox_entry(&tender).unwrap().history.len();
    let before = history(&world);
    world.till().record(&first, &answer).unwrap();
    assert_eq!(
        history(&world),
        before,
        "not for the request that is out now"
    );
    let answer = world.wire(&second.request);
    world.till().record(&second, &answer).unwrap();
    assert_eq!(history(&world), before + 1);
    world.till().record(&second, &answer).unwrap();
    assert_eq!(history(&world), before + 1, "taken once");
    world.run_until_quiet();
    assert_eq!(world.charges_of(&tender), 1);
    world.complete().unwrap();
    world.check_invariants();
}

#[test]
fn a_wrong_key_pauses_the_queue_and_loses_nothing() {
    let mut world = World::from_seed(7);
    world.open_shift("0.00");
    world.online(false);
    let mut tenders = Vec::new();
    for _ in 0..3 {
        world.ring_up(&[("Goudse kaas oud", "0.500")]);
        let sale = world.card(TenderKindView::SimulatedReader, None).unwrap();
        tenders.push(sale.tenders[0].id.clone());
        world.complete().unwrap();
    }
    world.stripe.set_keys(vec!["rk_test_another".into()]);
    world.online(true);
    assert!(world.step(), "the first request is refused");
    assert!(!world.step(), "and the others are not sent");
    let connection = world.till().connection().unwrap();
    assert_eq!(connection.waiting, 3);
    assert!(!connection.online);
    let says = connection.paused.expect("says why");
    assert_eq!(says, ErrorCode::StripeKeyRefused.sentence());
    // The till sells on.
    world.ring_up(&[("Halfvolle melk", "1")]);
    world.cash("1.25");
    world.complete().unwrap();
    // The key is mended, and somebody presses Send now.
    world.stripe.set_keys(vec![till_stand_in::TEST_KEY.into()]);
    world.till().outbox_send_now().unwrap();
    world.run_until_quiet();
    for tender in tenders {
        assert_eq!(world.charges_of(&tender), 1);
    }
    world.check_invariants();
}

#[test]
fn no_key_and_no_pin_is_in_the_folder_and_it_is_nobody_elses_to_read() {
    let mut world = World::from_seed(8);
    world.open_shift("0.00");
    world.ring_up(&[("Goudse kaas oud", "1.000")]);
    world.card(TenderKindView::SimulatedReader, None).unwrap();
    world.run_until_quiet();
    world.complete().unwrap();
    let wrong = world.manager_says("73570042");
    assert!(world.till().approve(&wrong).is_err());
    world.till().idle();
    let mut read = 0;
    for file in std::fs::read_dir(world.folder()).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            read += bytes.len();
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                let mode = path.metadata().unwrap().permissions().mode();
                assert_eq!(mode & 0o077, 0, "{}: {mode:o}", path.display());
            }
            for secret in [till_stand_in::TEST_KEY, "73570042"] {
                let found = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
                assert!(!found, "{} holds a secret", path.display());
            }
        }
    }
    assert!(read > 100_000, "the shop's file was read");
}

#[test]
fn an_entry_that_cannot_be_read_holds_up_nobody_and_is_for_a_person() {
    for damaged in ["machine", "private"] {
        for in_flight in [false, true] {
            let mut world = World::from_seed(62);
            world.open_shift("0.00");
            world.online(false);
            let mut tenders = Vec::new();
            for _ in 0..3 {
                world.ring_up(&[("Goudse kaas oud", "0.500")]);
                let sale = world.card(TenderKindView::SimulatedReader, None).unwrap();
                tenders.push(sale.tenders[0].id.clone());
                world.complete().unwrap();
            }
            world.online(true);
            let claimed = in_flight.then(|| match world.till().claim().unwrap() {
                Claimed::Send(claim) => claim,
                other => panic!("{other:?}"),
            });
            let broken = claimed
                .as_ref()
                .map_or(tenders[1].clone(), |claim| claim.id.to_string());
            let db = rusqlite::Connection::open(world.folder().join("till.db")).unwrap();
            let changed = db.execute(
                &format!("UPDATE outbox SET {damaged} = '{{' WHERE id = ?1"),
                [till_domain::ids::Uuid::parse_str(&broken)
                    .unwrap()
                    .as_bytes()],
            );
            assert_eq!(changed.unwrap(), 1);
            if let Some(claim) = claimed {
                let answer = world.wire(&claim.request);
                world.till().record(&claim, &answer).unwrap();
            }
            world.power_cut();
            world.run_until_quiet();
            for tender in tenders.iter().filter(|t| **t != broken) {
                assert_eq!(world.charges_of(tender), 1, "{damaged} {in_flight}");
            }
            assert_eq!(world.charges_of(&broken), 0);
            let outbox = world.till().outbox().unwrap();
            let person: Vec<_> = outbox.need_a_person.iter().map(|e| &e.id).collect();
            assert_eq!(person, [&broken], "{damaged} {in_flight}");
            let why = outbox.need_a_person[0].reason.as_deref().unwrap();
            assert!(why.contains("cannot read"), "{why}");
            assert!(outbox.waiting.is_empty());
            a_manager_writes_it_off(&world, &broken);
        }
    }
}

/// The one way out of what the till cannot read: it may have been charged, so it is
/// neither tried again nor paid another way.
fn a_manager_writes_it_off(world: &World, broken: &str) {
    let till = world.till();
    let offered = till.outbox_entry(broken).unwrap();
    assert!(!offered.advice.is_empty());
    let open: Vec<_> = (offered.actions.iter())
        .filter(|each| each.available)
        .map(|each| each.action)
        .collect();
    assert!(open.contains(&OutboxAction::WriteOff), "{open:?}");
    let yes = world.manager_says(MANAGER_PIN);
    let decide = |what, yes| till.outbox_decide(world.cashier(), broken, what, yes);
    for what in [OutboxAction::TryAgain, OutboxAction::PayLink] {
        assert_eq!(refusal(decide(what, Some(&yes))), ErrorCode::NotNow);
    }
    let reason = refusal(decide(OutboxAction::WriteOff, None));
    assert!(matches!(
        reason,
        ErrorCode::NeedsManager | ErrorCode::NeedsReason
    ));
    let after = decide(OutboxAction::WriteOff, Some(&yes)).unwrap();
    assert_eq!(after.entry.state, TenderStateView::Closed);
    assert!(after.actions.iter().all(|each| !each.available));
    assert!(till.outbox().unwrap().need_a_person.is_empty());
    till.journal_verify().unwrap();
    assert!(till.journal_rebuild().unwrap().differing.is_empty());
    let mut journal = Vec::new();
    till.journal_export(&mut journal).unwrap();
    let journal = String::from_utf8(journal).unwrap();
    assert!(journal.contains("looked at it"), "the reason is kept");
}
