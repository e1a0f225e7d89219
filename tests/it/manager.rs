//! What a manager changes without a sale: settings, staff, the catalogue.

use till_app::Import;
use till_app::error::ErrorCode;
use till_domain::catalog::Role;
use till_domain::journal::JournalEvent;
use till_tests::World;

/// The journal's last entry.
pub(crate) fn last_event(world: &World) -> JournalEvent {
    let mut export = Vec::new();
    world.till().journal_export(&mut export).unwrap();
    let export = String::from_utf8(export).unwrap();
    let line: till_app::JournalLine = serde_json::from_str(export.lines().last().unwrap()).unwrap();
    line.event().unwrap()
}

fn set(world: &World, text: &str) -> Result<Vec<String>, till_app::error::AppError> {
    let changes = world.till().set_settings(world.manager(), "X", text)?;
    Ok(changes
        .into_iter()
        .map(|c| {
            format!(
                "{}: {} -> {}",
                c.setting,
                c.from.unwrap_or_else(|| "?".into()),
                c.to.unwrap_or_else(|| "?".into())
            )
        })
        .collect())
}

// ---- settings ----

#[test]
fn settings_that_are_shown_and_set_again_change_nothing() {
    let world = World::from_seed(1);
    let text = world.till().settings_text().unwrap();
    assert_eq!(set(&world, &text).unwrap(), Vec::<String>::new());
    assert_eq!(world.till().settings_text().unwrap(), text);
    assert_eq!(set(&world, "").unwrap(), Vec::<String>::new());
}

#[test]
fn a_part_of_the_settings_is_set_and_journalled_and_the_rest_stays() {
    let world = World::from_seed(1);
    let changed = set(
        &world,
        r#"
        phone = "020 000 0099"
        footer = ""
        [needs_manager]
        refund_over = "20.00"
        [cash_rounding]
        increment = "0"
        [[taxes]]
        code = "bag"
        name = "Plastictas"
        letter = "P"
        rates = [{ from = "2026-01-01", amount = "0.10" }]
        "#,
    )
    .unwrap();
    assert_eq!(
        changed,
        [
            "cash_rounding.exact_accepted: true -> ?",
            "cash_rounding.increment: 0.05 -> 0",
            "cash_rounding.mode: half_up -> ?",
            "footer: Tot ziens! Thank you for shopping with us. -> ",
            "needs_manager.refund_over: 50.00 -> 20.00",
            "phone: ? -> ?",
            "taxes.bag.code: ? -> bag",
            "taxes.bag.in_base_of_next: ? -> false",
            "taxes.bag.letter: ? -> P",
            "taxes.bag.name: ? -> Plastictas",
            "taxes.bag.rates: ? -> [{\"amount\":\"0.10\",\"from\":\"2026-01-01\"}]",
        ]
    );
    let JournalEvent::SettingsChanged { changes, by } = last_event(&world) else {
        panic!("the journal says nothing of it");
    };
    assert_eq!(
        (changes.len(), by),
        (changed.len(), world.manager().user().id)
    );
    let shop = world.till().shop().unwrap();
    assert_eq!(shop.footer, None);
    assert_eq!(shop.pricing.cash_rounding, None);
    assert_eq!(shop.name, "De Groene Hoek");
    assert_eq!(shop.refund_threshold.to_string(), "20.00");
    world.check_invariants();
}

#[test]
fn settings_that_cannot_be_are_refused_by_name_and_none_of_them_is_kept() {
    let world = World::from_seed(1);
    let before = world.till().settings_text().unwrap();
    for (text, expected) in [
        (
            "wibble = \"x\"",
            "X, line 1, column 1: unknown field `wibble`",
        ),
        ("name = \"\"", "The setting `name`: empty, too long"),
        ("name = 7", "X, line 1, column 8: invalid type: integer `7`"),
        (
            "currency = \"USD\"",
            "The setting `currency`: a shop keeps its currency",
        ),
        (
            "name = \"Y\"\nname = \"Z\"",
            "X, line 2, column 1: duplicate key",
        ),
        ("till = 0", "The setting `till`: not a number from 1 to 999"),
        (
            "timezone = \"Mars/Base\"",
            "The setting `timezone`: `Mars/Base` is no time zone",
        ),
        (
            "printer = \"lpt1\"",
            "The setting `printer`: `lpt1` is not none",
        ),
        (
            "denominations = [5, 10]",
            "The setting `denominations`: not whole minor units",
        ),
        (
            "address = [\"4242 4242 4242 4242\"]",
            "The setting `address`",
        ),
        (
            "[needs_manager]\nrefund_over = 20.0",
            "X, line 2, column 15: invalid type: floating point `20.0`",
        ),
        (
            "[needs_manager]\nrefund_over = \"20.005\"",
            "The setting `needs_manager.refund_over`: 3 decimal places where EUR has 2",
        ),
        (
            "[needs_manager]\ndiscount_percent_over = \"101\"",
            "The setting `needs_manager.discount_percent_over`: 101 is not from 0 to 100",
        ),
        (
            "[offline]\nper_tender = \"-1\"",
            "The setting `offline.per_tender`: below zero",
        ),
        (
            "[cash_rounding]\nmode = \"sideways\"",
            "X, line 2, column 8: unknown variant `sideways`",
        ),
        (
            "[[taxes]]\ncode = \"high\"\nrates = []",
            "The setting `taxes.high`: there is no rate",
        ),
        (
            "[[taxes]]\ncode = \"high\"\nletter = \"A\"",
            "The setting `taxes`: `high` and `low` have one letter, `A`",
        ),
        (
            "[[taxes]]\ncode = \"new\"\nname = \"New\"",
            "The setting `taxes.new`: a new tax has a `rates`",
        ),
        (
            "[[taxes]]\ncode = \"high\"\nrates = [{ from = \"2026-01-01\", rate = \"120\" }]",
            "X, line 3, column 40: 120 % is not from 0 to 100",
        ),
        (
            "[[taxes]]\ncode = \"low\"\nremove = true",
            "The setting `taxes.low`: 162 products name it",
        ),
        (
            "[place]\ncode = \"X\"\nname = \"X\"\ntaxes = { low = [\"nix\"] }",
            "The setting `place`: the shop has no tax `nix`",
        ),
        (
            "[[barcode_rules]]\npattern = \"21\"\nkind = \"weight\"",
            "X, line 1, column 1: the pattern `21` does not have one value",
        ),
        (
            "[[deposits]]\nname = \"a\"\nlabel = \"A\"\namount = \"-0.10\"",
            "The setting `deposits`: -0.10 is no deposit",
        ),
    ] {
        let text = format!("{text}\n");
        let error = world
            .till()
            .set_settings(world.manager(), "X", &text)
            .unwrap_err();
        assert_eq!(error.code(), ErrorCode::BadInput, "{text}");
        assert!(error.to_string().starts_with(expected), "{text}: {error}");
    }
    assert_eq!(world.till().settings_text().unwrap(), before);
    let error = world
        .till()
        .set_settings(world.cashier(), "X", "footer = \"Mine\"")
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::NeedsManager);
    assert_eq!(world.till().settings_text().unwrap(), before);
}

#[test]
fn a_rate_that_is_set_ahead_holds_from_its_midnight_in_the_shop_on() {
    let world = World::from_seed(1);
    world.open_shift("150.00");
    set(
        &world,
        r#"
        [[taxes]]
        code = "low"
        rates = [{ from = "2019-01-01", rate = "9" }, { from = "2026-11-22", rate = "21" }]
        "#,
    )
    .unwrap();
    // Noon in Amsterdam: 11 hours, 59 minutes to midnight, then two minutes more.
    let taxed_at = |world: &World| -> String {
        world.ring_up(&[("Halfvolle melk", "1")]);
        world.cash("50.00");
        let done = world.complete().unwrap();
        world.till().receipt_text(&done.receipt).unwrap().join("\n")
    };
    world.clock.advance_ms((11 * 60 + 59) * 60_000);
    let before = taxed_at(&world);
    assert!(
        before.contains("9 %") && !before.contains("21 %"),
        "{before}"
    );
    world.clock.advance_ms(2 * 60_000);
    let after = taxed_at(&world);
    assert!(after.contains("21 %") && !after.contains("9 %"), "{after}");
    world.check_invariants();
}

// ---- the catalogue ----

fn import(world: &World, text: &str) -> till_app::catalogue::Imported {
    world
        .till()
        .import_products(world.manager(), text, Import::Do)
        .unwrap()
}

fn counts(done: &till_app::catalogue::Imported) -> (u32, u32, u32) {
    assert_eq!(done.bad, [], "nothing is wrong");
    (done.added, done.changed, done.unchanged)
}

#[test]
fn an_exported_catalogue_taken_in_again_changes_nothing() {
    let world = World::from_seed(1);
    world.open_shift("150.00");
    // What was sold is off the stock that is exported.
    world.ring_up(&[("Halfvolle melk", "3")]);
    world.cash("50.00");
    world.complete().unwrap();
    let text = world.till().export_products().unwrap();
    let milk = "1201,Halfvolle melk 1 L,Dairy,1.25,each,low,8700000012011;8700000912014,,2,45";
    assert!(text.lines().any(|l| l == milk), "{text}");
    assert_eq!(counts(&import(&world, &text)), (0, 0, 210));
    assert_eq!(world.till().export_products().unwrap(), text);
    world.check_invariants();
}

#[test]
fn a_list_of_prices_changes_prices_alone() {
    let world = World::from_seed(1);
    let before = world.till().export_products().unwrap();
    assert_eq!(
        counts(&import(&world, "sku,price\n1201,1.29\n1202,1.35\n")),
        (0, 1, 1)
    );
    let after = world.till().export_products().unwrap();
    let differing: Vec<(&str, &str)> = before
        .lines()
        .zip(after.lines())
        .filter(|(a, b)| a != b)
        .collect();
    assert_eq!(
        differing,
        [(
            "1201,Halfvolle melk 1 L,Dairy,1.25,each,low,8700000012011;8700000912014,,2,48",
            "1201,Halfvolle melk 1 L,Dairy,1.29,each,low,8700000012011;8700000912014,,2,48",
        )]
    );
    let JournalEvent::CatalogueImported { added, changed, by } = last_event(&world) else {
        panic!("the journal says nothing of it");
    };
    assert_eq!((added, changed, by), (0, 1, world.manager().user().id));
    // A spreadsheet of a country with a decimal comma separates with semicolons.
    assert_eq!(
        counts(&import(&world, "\u{feff}sku;price\n1201;1.31\n")),
        (0, 1, 0)
    );
}

#[test]
fn a_new_product_is_found_by_its_code_and_its_name_and_sold_with_its_tax() {
    let world = World::from_seed(1);
    world.open_shift("150.00");
    let file = "sku,name,price,tax,barcodes,deposit\n\
                9001,Quince syrup 0.33 L,1.10,low,5012345678900;04252614,0.15\n";
    assert_eq!(counts(&import(&world, file)), (1, 0, 0));
    let sale = world.till().scan(world.cashier(), "04252614").unwrap();
    assert_eq!(sale.total.minor, 125, "a UPC-E is no misread EAN-8");
    world.till().void_sale(world.cashier()).unwrap();
    let sale = world.till().scan(world.cashier(), "5012345678900").unwrap();
    assert_eq!(sale.total.minor, 125, "with its deposit");
    assert_eq!(world.till().search("quince").unwrap()[0].sku, "9001");
    // Renamed, it is found under its new name alone.
    import(&world, "sku,name\n9001,Medlar syrup 0.33 L\n");
    assert!(world.till().search("quince").unwrap().is_empty());
    assert_eq!(world.till().search("medlar").unwrap()[0].sku, "9001");
    world.check_invariants();
}

#[test]
fn every_bad_row_is_named_and_the_catalogue_stays_as_it_was() {
    let world = World::from_seed(1);
    let before = world.till().export_products().unwrap();
    let file = "sku,name,price,price_unit,tax,barcodes,deposit,favourite,stock\n\
        1201,Melk,1.30,each,low,,,,48\n\
        9001,,1.00,each,low,,,,1\n\
        9002,Price,abc,each,low,,,,1\n\
        9003,Comma,\"1,00\",each,low,,,,1\n\
        9004,Below,-1.00,each,low,,,,1\n\
        9005,Unit,1.00,litre,low,,,,1\n\
        9006,Tax,1.00,each,luxury,,,,1\n\
        9007,Misread,1.00,each,low,5012345678901,,,1\n\
        9008,Taken,1.00,each,low,8700000012028,,,1\n\
        9009,Twice,1.00,each,low,5012345678900,,,1\n\
        9010,Twice,1.00,each,low,5012345678900,,,1\n\
        9010,Again,1.00,each,low,,,,1\n\
        9011,Deposit,1.00,each,low,,0.99,,1\n\
        9012,Place,1.00,each,low,,,first,1\n\
        9013,Grams,1.00,kg,low,,,,1.2345\n\
        9014,Short,1.00,each\n\
        4242 4242 4242 4242,Card,1.00,each,low,,,,1\n\
        9016,Case,1.00,each,low,08700000012035,,,1\n";
    let done = import(&world, file);
    let said: Vec<String> = done
        .bad
        .iter()
        .map(|b| format!("{} {} {}: {}", b.line, b.sku, b.column, b.what))
        .collect();
    assert_eq!(
        said,
        [
            "3 9001 name: is missing",
            "4 9002 price: `abc` is no number",
            "5 9003 price: `1,00` has a comma; decimals have a point",
            "6 9004 price: -1.00 is no price",
            "7 9005 price_unit: `litre` is neither each nor kg",
            "8 9006 tax: the shop has no tax `luxury`; it has high, low, none, zero",
            "9 9007 barcodes: the check digit of 5012345678901 is 1, and should be 0",
            "10 9008 barcodes: 8700000012028 is the code of another product",
            "12 9010 barcodes: 5012345678900 is on line 11 already",
            "13 9010 sku: 9010 is on line 12 already",
            "14 9011 deposit: the shop has no deposit `0.99`",
            "15 9012 favourite: `first` is no place among the favourites",
            "16 9013 stock: 1.2345 has more than 3 decimal places",
            "17  : 4 cells where the header has 9",
            "18  sku: looks like a card number",
            "19 9016 barcodes: 08700000012035 is the code of another product",
        ]
    );
    assert_eq!((done.added, done.changed, done.unchanged), (0, 0, 0));
    assert_eq!(world.till().export_products().unwrap(), before);
    for (file, expected) in [
        ("", "Line 1: there is no column `sku`"),
        (
            "sku,prise\n",
            "Line 1: there is no column `prise`; there are sku, name",
        ),
        (
            "sku,price,price\n",
            "Line 1: the column `price` is there twice",
        ),
    ] {
        let error = world
            .till()
            .import_products(world.manager(), file, Import::Do)
            .unwrap_err();
        assert_eq!(error.code(), ErrorCode::BadInput);
        assert!(error.to_string().starts_with(expected), "{error}");
    }
    let error = world
        .till()
        .import_products(world.cashier(), "sku,price\n1201,0.01\n", Import::Do)
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::NeedsManager);
    let dry = world
        .till()
        .import_products(world.manager(), "sku,price\n1201,0.01\n", Import::DryRun)
        .unwrap();
    assert_eq!(counts(&dry), (0, 1, 0));
    assert_eq!(world.till().export_products().unwrap(), before);
}

#[test]
fn a_code_goes_from_one_product_of_a_file_to_another() {
    let world = World::from_seed(1);
    let file = "sku,barcodes\n1202,8700000012011\n1201,8700000012028;8700000912014\n";
    assert_eq!(counts(&import(&world, file)), (0, 2, 0));
    world.open_shift("150.00");
    let sale = world.till().scan(world.cashier(), "8700000012011").unwrap();
    assert_eq!(sale.lines[0].name, "Volle melk 1 L");
    // Taken from a product that the file does not have: refused.
    let done = import(&world, "sku,barcodes\n1203,8700000012011\n");
    assert_eq!(done.bad.len(), 1);
}

// ---- staff ----

#[test]
fn staff_is_added_changed_and_shut_out_by_those_who_may() {
    let world = World::from_seed(1);
    let till = world.till();
    let refused = |error: till_app::error::AppError| error.code();
    let added = |by, name: &str, role, pin: &str| till.add_user(by, name, role, pin);
    let manager = world.manager();
    assert_eq!(
        added(world.cashier(), "Kees", Role::Cashier, "5566").map_err(refused),
        Err(ErrorCode::NeedsManager)
    );
    assert_eq!(
        added(manager, "Kees", Role::Owner, "5566").map_err(refused),
        Err(ErrorCode::NeedsManager),
        "a manager makes no owner"
    );
    for (name, pin) in [
        ("Inés Núñez", "5566"),
        ("inés núñez", "5566"),
        ("", "5566"),
        ("Kees", "55"),
    ] {
        assert_eq!(
            added(manager, name, Role::Cashier, pin).map_err(refused),
            Err(ErrorCode::BadText),
            "{name:?} {pin}"
        );
    }
    let kees = added(manager, " Kees ", Role::Cashier, "5566").unwrap();
    let session = till.sign_in(kees, "5566").unwrap();
    assert_eq!(session.user().name, "Kees");

    // His own PIN, but nobody else's.
    till.set_pin(&session, kees, "7788").unwrap();
    assert!(till.sign_in(kees, "5566").is_err());
    let other = world.cashier().user().id;
    assert_eq!(
        till.set_pin(&session, other, "7788").map_err(refused),
        Err(ErrorCode::NeedsManager)
    );
    // Five wrong ones lock him; a new one from a manager opens the lock.
    for _ in 0..5 {
        assert!(till.sign_in(kees, "0000").is_err());
    }
    assert_eq!(
        till.sign_in(kees, "7788").map_err(refused).err(),
        Some(ErrorCode::PinLocked)
    );
    till.set_pin(manager, kees, "9900").unwrap();
    till.sign_in(kees, "9900").unwrap();

    till.set_user_enabled(manager, kees, false).unwrap();
    assert_eq!(
        till.sign_in(kees, "9900").map_err(refused).err(),
        Some(ErrorCode::NotFound)
    );
    assert!(till.users().unwrap().iter().all(|u| u.name != "Kees"));
    till.set_user_enabled(manager, kees, true).unwrap();
    till.sign_in(kees, "9900").unwrap();
    assert_eq!(
        till.set_user_enabled(manager, manager.user().id, false)
            .map_err(refused),
        Err(ErrorCode::NeedsManager),
        "nobody shuts themselves out"
    );
    let owner = till
        .staff()
        .unwrap()
        .iter()
        .find(|u| u.user.role == Role::Owner)
        .unwrap()
        .user
        .id;
    for refusal in [
        till.set_user_enabled(manager, owner, false),
        till.set_pin(manager, owner, "1234"),
    ] {
        assert_eq!(refusal.map_err(refused), Err(ErrorCode::NeedsManager));
    }
    world.check_invariants();
}
