//! Promotions at the counter: on the screen, the paper, the report and a refund.

use till_app::error::ErrorCode;
use till_app::view::SaleView;
use till_app::{FileForm, Import, Others};
use till_domain::journal::JournalEvent;
use till_tests::{World, refusal};

/// "name −amount" of every line, and the total.
fn shown(sale: &SaleView) -> (Vec<String>, i64) {
    let lines = sale
        .lines
        .iter()
        .filter(|l| !l.is_deposit)
        .map(|l| {
            let promotions: Vec<String> = l
                .promotions
                .iter()
                .map(|p| format!("{} -{}", p.name, p.amount.minor))
                .collect();
            promotions.join(", ")
        })
        .collect();
    (lines, sale.total.minor)
}

#[test]
fn a_promotion_is_on_the_line_the_receipt_the_report_and_in_a_refund() {
    let mut world = World::from_seed(70);
    world.open_shift("100.00");
    world.ring_up(&[("Drop zoet", "2")]);
    let sale = world.ring_up(&[("Drop zoet", "1"), ("Halfvolle melk", "1")]);
    assert_eq!(
        shown(&sale),
        (vec!["3 for 2 liquorice -185".into(), String::new()], 495)
    );
    assert_eq!(
        sale.lines[0].promotions[0].says,
        "3 for 2 liquorice: of every 3, the cheapest is free"
    );
    assert_eq!(sale.discount.minor, 185);
    world.cash("4.95");
    let done = world.complete().unwrap();
    let receipt = done.receipt_text.join("\n");
    assert!(receipt.contains("3 for 2 liquorice"), "{receipt}");
    assert!(receipt.contains("1.85"), "{receipt}");

    // Two thirds of the price were paid for each.
    let source = world.till().refund_find(&done.receipt).unwrap();
    assert_eq!(source.lines[0].paid.minor, 370);
    assert_eq!(source.lines[0].paid_each.minor, 123);
    let back = world.refund_first(&done.receipt, "3", None).unwrap();
    assert_eq!(back.total.minor, 370);
    let x = world.till().report_x(world.cashier()).unwrap();
    let text = x.text.join("\n");
    let line = x.text.iter().find(|l| l.contains("Promotions"));
    assert!(line.is_some_and(|l| l.contains("1.85")), "{text}");
    assert!(!text.contains("Discounts on lines"), "{text}");
    assert_eq!(x.takings.minor, 125);
    assert_eq!(x.verdict, "Books agree.");
    world.run_until_quiet();
    world.check_invariants();
}

#[test]
fn four_cans_of_three_kinds_cost_their_sum_and_keep_their_deposit() {
    let world = World::from_seed(71);
    world.open_shift("100.00");
    let sale = world.ring_up(&[
        ("IJsthee groen blik", "2"),
        ("Gemberbier blik", "2"),
        ("Vlierbloesem", "1"),
    ]);
    // The dearest four: 2 × 1.35, 1.29, 0.89 are 4.88 and cost 4.00; a can of
    // tea stays at 0.89; five deposits of 0.15.
    let (lines, total) = shown(&sale);
    assert_eq!(
        lines,
        [
            "4 cans for 4.00 -16",
            "4 cans for 4.00 -49",
            "4 cans for 4.00 -23"
        ]
    );
    assert_eq!(total, 400 + 89 + 75);
}

#[test]
fn a_price_changed_by_hand_takes_no_part() {
    let world = World::from_seed(72);
    world.open_shift("100.00");
    let sale = world.ring_up(&[("Shampoo", "2")]);
    assert_eq!(shown(&sale).0, ["Second at half price -173"]);
    let line = sale.lines[0].id.clone();
    let sale = world
        .till()
        .override_price(world.manager(), &line, "3.00", None)
        .unwrap();
    assert_eq!(shown(&sale), (vec![String::new()], 600));
}

#[test]
fn a_coupon_is_scanned_or_typed_and_says_whether_it_counts() {
    let world = World::from_seed(73);
    let (till, who) = (world.till(), world.cashier());
    world.open_shift("100.00");
    world.ring_up(&[("Halfvolle melk", "2")]);
    assert_eq!(
        refusal(till.add_coupon(who, "GRATIS")),
        ErrorCode::CouponUnknown
    );
    let sale = till.scan(who, " welkom ").unwrap();
    assert_eq!(sale.coupons.len(), 1);
    assert_eq!(sale.coupons[0].code, "WELKOM");
    assert!(!sale.coupons[0].used, "twenty euros are not reached");
    assert_eq!(sale.total.minor, 250);
    // 2.50 and 22.90 come to 25.40; 2.50 off, spread over both.
    let sale = world.ring_up(&[("Rosbief gesneden", "1.000")]);
    assert!(sale.coupons[0].used);
    assert_eq!(
        shown(&sale),
        (
            vec!["Welcome coupon -25".into(), "Welcome coupon -225".into()],
            2_290
        )
    );
    let sale = till.remove_coupon(who, "WELKOM").unwrap();
    assert_eq!((sale.coupons.len(), sale.total.minor), (0, 2_540));
    till.add_coupon(who, "Welkom").unwrap();
    world.cash("10.00");
    assert_eq!(
        refusal(till.remove_coupon(who, "WELKOM")),
        ErrorCode::TenderBusy,
        "no price changes while it is paid"
    );
    world.cash("12.90");
    world.complete().unwrap();
    let mut journal = Vec::new();
    till.journal_export(&mut journal).unwrap();
    let journal = String::from_utf8(journal).unwrap();
    assert!(
        journal.contains(r#""coupons":["WELKOM"]"#)
            || journal.contains(r#"\"coupons\":[\"WELKOM\"]"#),
        "{journal}"
    );
    world.check_invariants();
}

#[test]
fn a_member_gets_the_members_price_until_erased() {
    let world = World::from_seed(74);
    let till = world.till();
    world.open_shift("100.00");
    let sale = world.ring_up(&[("Koffiebonen", "1")]);
    assert_eq!(sale.total.minor, 895);
    world.customer("Ana Ortega");
    assert_eq!(till.sale_current().unwrap().unwrap().total.minor, 895);
    world.customer("Fatma");
    let sale = till.sale_current().unwrap().unwrap();
    assert_eq!(shown(&sale), (vec!["Members' coffee -100".into()], 795));

    // A manager says who is a member.
    let ana = till.customers("Ana").unwrap().remove(0).id;
    let members = ["members".to_owned()];
    assert_eq!(
        refusal(till.set_customer_groups(world.cashier(), &ana, &members)),
        ErrorCode::NeedsManager
    );
    till.set_customer_groups(world.manager(), &ana, &members)
        .unwrap();
    world.customer("Ana Ortega");
    assert_eq!(till.sale_current().unwrap().unwrap().total.minor, 795);
    till.erase_customer(world.manager(), &ana).unwrap();
    assert_eq!(till.sale_current().unwrap().unwrap().total.minor, 895);
}

#[test]
fn the_evening_price_is_that_of_the_moment_the_sale_was_begun() {
    let mut world = World::from_seed(75);
    let hour = 3_600_000;
    world.open_shift("100.00");
    // Begun in the afternoon, paid in the evening.
    world.advance_ms(5 * hour);
    let before = world.ring_up(&[("Baguette", "1")]);
    assert_eq!(before.total.minor, 165);
    world.advance_ms(3 * hour);
    let sale = world.ring_up(&[("Baguette", "1")]);
    assert_eq!(sale.total.minor, 330);
    world.cash("3.30");
    world.complete().unwrap();
    let sale = world.ring_up(&[("Baguette", "2")]);
    assert_eq!(shown(&sale), (vec!["Evening bread -100".into()], 230));
    // Past midnight the offer is over, and the sale that was begun keeps it.
    world.advance_ms(8 * hour);
    assert_eq!(
        world.till().sale_current().unwrap().unwrap().total.minor,
        230
    );
}

#[test]
fn a_file_of_promotions_is_taken_as_a_whole_or_not_at_all() {
    let world = World::from_seed(76);
    let (till, manager) = (world.till(), world.manager());
    let promotions = |rows: &str| format!(r#"{{"version": 1, "promotions": [{rows}]}}"#);
    let milk = |percent: &str| {
        format!(
            r#"{{"id":"milk","name":"Milk week","kind":{{"each":{{"percent_off":"{percent}"}}}},"goods":{{"products":["1201"]}}}}"#
        )
    };
    let import = |text: &str, others, import| {
        till.import_promotions(manager, text, FileForm::Json, others, import)
    };
    world.open_shift("100.00");
    assert_eq!(world.ring_up(&[("Halfvolle melk", "1")]).total.minor, 125);

    assert_eq!(
        refusal(till.import_promotions(
            world.cashier(),
            &promotions(&milk("20")),
            FileForm::Json,
            Others::Keep,
            Import::Do
        )),
        ErrorCode::NeedsManager
    );
    // Every bad row is named, and the good one is not taken either.
    let bad = promotions(&format!(
        "{}, {}, {}",
        milk("20"),
        milk("200").replace("\"milk\"", "\"a\""),
        r#"{"id":"b","name":"B","kind":{"each":{"percent_of":"2"}}}"#
    ));
    let refused = import(&bad, Others::Keep, Import::Do)
        .unwrap_err()
        .sentence();
    for said in [
        r#"row 2 ("a"): `percent_off`: 200 % is not above 0 and up to 100"#,
        r#"row 3 ("b"): unknown variant `percent_of`"#,
        "Nothing was changed.",
    ] {
        assert!(refused.contains(said), "{refused}");
    }
    let dry = import(&promotions(&milk("20")), Others::Keep, Import::DryRun).unwrap();
    assert_eq!(dry.added, ["milk"]);
    assert_eq!(till.sale_current().unwrap().unwrap().total.minor, 125);

    // It counts at once, also for the sale that is open, but not while it is paid.
    import(&promotions(&milk("20")), Others::Keep, Import::Do).unwrap();
    assert_eq!(till.sale_current().unwrap().unwrap().total.minor, 100);
    world.cash("0.50");
    assert_eq!(
        refusal(import(&promotions(&milk("40")), Others::Keep, Import::Do)),
        ErrorCode::TenderBusy
    );
    world.cash("0.50");
    world.complete().unwrap();
    let changed = import(&promotions(&milk("40")), Others::Remove, Import::Do).unwrap();
    assert_eq!(changed.changed, ["milk"]);
    assert_eq!(changed.removed.len(), 6, "the sample shop's");
    let expected = JournalEvent::PromotionsImported {
        added: 0,
        changed: 1,
        removed: 6,
        by: manager.user().id,
    };
    assert_eq!(crate::manager::last_event(&world), expected);
    assert_eq!(world.ring_up(&[("Halfvolle melk", "1")]).total.minor, 75);

    // What is written out is read in as the same.
    let text = serde_json::to_string(&till.promotions().unwrap()).unwrap();
    let same = import(&text, Others::Remove, Import::Do).unwrap();
    assert_eq!((same.unchanged.len(), same.removed.len()), (1, 0));
}

#[test]
fn the_offers_survive_a_power_cut() {
    let mut world = World::from_seed(77);
    world.open_shift("100.00");
    world.ring_up(&[("Drop zoet", "3")]);
    world.till().add_coupon(world.cashier(), "WELKOM").unwrap();
    world.power_cut();
    let sale = world.till().sale_current().unwrap().unwrap();
    assert_eq!(sale.total.minor, 370);
    assert_eq!(sale.coupons[0].code, "WELKOM");
}
