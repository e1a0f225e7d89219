//! Notes of other currencies and vouchers: at the counter, on paper, in the drawer,
//! in the books and given back.

use till_app::error::{AppError, ErrorCode};
use till_app::view::{CountInput, ForeignCountInput, ReportView, TenderKindView};
use till_tests::{World, refusal};

fn pieces(pieces: &[(i64, u32)]) -> Vec<CountInput> {
    let piece = |(face, pieces): &(i64, u32)| CountInput {
        denomination_minor: *face,
        pieces: *pieces,
    };
    pieces.iter().map(piece).collect()
}

fn dollars(amount: &str) -> ForeignCountInput {
    ForeignCountInput {
        currency: "USD".into(),
        amount: amount.into(),
    }
}

/// "Cash 1 -1200" of every kind of tender in a report.
fn tenders(report: &ReportView) -> Vec<String> {
    report
        .tenders
        .iter()
        .map(|t| {
            let count = t.count.unwrap_or_default();
            format!("{} {count} {}", t.label, t.amount.minor)
        })
        .collect()
}

/// The rows of a paper that have these words, with single spaces.
fn rows(paper: &[String], words: &str) -> Vec<String> {
    paper
        .iter()
        .map(|row| row.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|row| row.contains(words))
        .collect()
}

#[test]
fn dollars_are_taken_at_the_shops_rate_and_counted_apart() {
    let world = World::from_seed(90);
    let (till, who) = (world.till(), world.cashier());
    world.open_shift("150.00");
    world.ring_up(&[("Halfvolle melk", "2")]);
    // What pays €2.50 at 0.85: two dollars 95, for two 94 would be a cent too little.
    let options = till.tender_options().unwrap();
    let usd = options.foreign.iter().find(|f| f.due.currency == "USD");
    let usd = usd.expect("the sample shop takes dollars");
    assert_eq!((usd.due.minor, &*usd.says), (295, "1 USD is 0.85 EUR"));
    let sale = till.tender_foreign_cash(who, "usd", "20.00").unwrap();
    assert_eq!((sale.change.minor, sale.outstanding.minor), (1_450, 0));
    assert_eq!(sale.tenders[0].kind, TenderKindView::ForeignCash);
    assert_eq!(sale.tenders[0].given.as_ref().unwrap().currency, "USD");
    assert_eq!(sale.tenders[0].amount.minor, 1_700);
    let done = world.complete().unwrap();
    let paper = &done.receipt_text;
    assert_eq!(rows(paper, "USD 20.00"), ["Cash USD 20.00 given 17.00"]);
    assert_eq!(rows(paper, "Rate"), ["Rate 1 USD = 0.85 EUR"]);
    assert_eq!(rows(paper, "Change"), ["Change -14.50"]);
    world.ring_up(&[("Halfvolle melk", "2")]);
    world.cash("2.50");
    world.complete().unwrap();

    let x = till.report_x(who).unwrap();
    assert_eq!(tenders(&x), ["Cash 1 -1200", "Foreign cash 1 1700"]);
    assert_eq!(x.takings.minor, 500);
    assert_eq!(rows(&x.text, "USD notes"), ["USD notes taken 1 20.00"]);
    assert!(
        rows(&x.text, "USD counted").is_empty(),
        "the count is blind"
    );

    // €150 − €14.50 + €2.50, and the dollars forgotten: they are worth a manager.
    let view = till.count_view(who).unwrap();
    let codes: Vec<_> = view
        .foreign
        .iter()
        .map(|m| (&*m.currency, m.minor))
        .collect();
    assert_eq!(codes, [("GBP", 0), ("USD", 0)]);
    let cash = pieces(&[
        (5_000, 2),
        (2_000, 1),
        (1_000, 1),
        (500, 1),
        (200, 1),
        (100, 1),
    ]);
    let compare = till.count(who, &cash, &[]).unwrap();
    assert_eq!(
        (compare.expected.minor, compare.difference.minor),
        (13_800, 0)
    );
    assert_eq!(compare.foreign[0].difference.minor, -2_000);
    assert!(compare.needs_manager && compare.can_recount);
    assert_eq!(
        refusal(till.close(who, "", None, None)),
        ErrorCode::NeedsManager
    );
    let compare = till.count(who, &cash, &[dollars("20.00")]).unwrap();
    assert_eq!(compare.foreign[0].difference.minor, 0);
    assert!(!compare.needs_manager);
    let (z, _) = till.close(who, "", Some("100.00"), None).unwrap();
    assert_eq!(z.verdict, "Books agree.");
    assert_eq!(tenders(&z), tenders(&x));
    assert_eq!(
        rows(&z.text, "USD"),
        [
            "USD notes taken 1 20.00",
            "USD counted 20.00",
            "USD AGREES 0.00"
        ]
    );
    let again = till.report_z(1).unwrap();
    assert_eq!(rows(&again.text, "USD"), rows(&z.text, "USD"));

    // The dollars left with the close: the next shift has none.
    world.open_shift("100.00");
    let compare = till.count(who, &pieces(&[(5_000, 2)]), &[]).unwrap();
    assert!(compare.foreign.is_empty());
    world.check_invariants();
}

#[test]
fn a_count_no_longer_counts_once_dollars_have_come_in() {
    let world = World::from_seed(91);
    let (till, who) = (world.till(), world.cashier());
    world.open_shift("0.00");
    till.count(who, &[], &[]).unwrap();
    // Exactly paid: the euros in the drawer are what they were.
    world.ring_up(&[("Drop zoet", "1")]);
    let sale = till.tender_foreign_cash(who, "USD", "2.18").unwrap();
    assert_eq!((sale.outstanding.minor, sale.change.minor), (0, 0));
    world.complete().unwrap();
    assert_eq!(
        refusal(till.close(who, "", None, None)),
        ErrorCode::NotCounted
    );
    let compare = till.count(who, &[], &[dollars("2.00")]).unwrap();
    assert_eq!(compare.foreign[0].difference.minor, -18);
    assert!(!compare.needs_manager, "under five euros");
    let (z, _) = till.close(who, "Not found", None, None).unwrap();
    assert_eq!(rows(&z.text, "USD SHORT"), ["USD SHORT -0.18"]);
    world.check_invariants();
}

#[test]
fn what_was_paid_in_dollars_goes_back_in_euros() {
    let mut world = World::from_seed(92);
    world.open_shift("50.00");
    world.ring_up(&[("Halfvolle melk", "2")]);
    let till = world.till();
    till.tender_foreign_cash(world.cashier(), "GBP", "5.00")
        .unwrap();
    let done = world.complete().unwrap();
    assert_eq!(done.change.minor, 300);
    let back = world.refund_first(&done.receipt, "2", None).unwrap();
    assert_eq!(back.total.minor, 250);
    assert_eq!(back.goes_to[0].kind, TenderKindView::Cash);
    // €50 − €3.00 − €2.50; the pounds stay.
    let count = pieces(&[(2_000, 2), (200, 2), (50, 1)]);
    let compare = world.till().count(world.cashier(), &count, &[]).unwrap();
    assert_eq!(
        (compare.expected.minor, compare.difference.minor),
        (4_450, 0)
    );
    assert_eq!(compare.foreign[0].expected.minor, 500);
    world.run_until_quiet();
    world.check_invariants();
}

#[test]
fn a_voucher_gives_change_and_its_goods_go_back_as_a_voucher() {
    let mut world = World::from_seed(93);
    world.open_shift("50.00");
    world.ring_up(&[("Halfvolle melk", "2")]);
    let (till, who) = (world.till(), world.cashier());
    let options = till.tender_options().unwrap();
    assert_eq!(
        options.voucher.as_deref(),
        Some("What is not needed of it is given back in cash.")
    );
    let sale = till.tender_voucher(who, " GV-0017 ", "2.00").unwrap();
    assert_eq!(sale.outstanding.minor, 50);
    assert_eq!(
        refusal(till.tender_voucher(who, "GV-0017", "5.00")),
        ErrorCode::AlreadyDone
    );
    let sale = till.tender_voucher(who, "GV-0018", "10.00").unwrap();
    assert_eq!((sale.outstanding.minor, sale.change.minor), (0, 950));
    let done = world.complete().unwrap();
    let paper = &done.receipt_text;
    assert_eq!(
        rows(paper, "Voucher GV-0018"),
        ["Voucher GV-0018 given 10.00"]
    );
    assert!(rows(paper, "Not given back").is_empty());
    let x = world.till().report_x(world.cashier()).unwrap();
    assert_eq!(tenders(&x), ["Cash 0 -950", "Vouchers 2 1200"]);
    assert_eq!((x.takings.minor, &*x.verdict), (250, "Books agree."));

    let back = world.refund_first(&done.receipt, "1", None).unwrap();
    assert_eq!(back.total.minor, 125);
    assert_eq!(back.goes_to[0].says, "As a voucher, written by hand.");
    let x = world.till().report_x(world.cashier()).unwrap();
    assert_eq!(tenders(&x), ["Cash 0 -950", "Vouchers 2 1075"]);
    assert_eq!(x.verdict, "Books agree.");
    world.run_until_quiet();
    world.check_invariants();
}

/// Sets it as a manager does.
fn set(world: &World, settings: &str) -> Result<(), AppError> {
    let till = world.till();
    till.set_settings(world.manager(), "settings.toml", settings)?;
    Ok(())
}

#[test]
fn a_shop_that_gives_no_change_on_vouchers_says_what_is_lost() {
    let mut world = World::from_seed(95);
    world.open_shift("50.00");
    set(&world, "vouchers = \"forfeited\"").unwrap();
    world.ring_up(&[("Halfvolle melk", "2")]);
    let (till, who) = (world.till(), world.cashier());
    let options = till.tender_options().unwrap();
    assert!(options.voucher.unwrap().contains("is lost"));
    let sale = till.tender_voucher(who, "GV-0019", "10.00").unwrap();
    assert_eq!((sale.outstanding.minor, sale.change.minor), (0, 0));
    let done = world.complete().unwrap();
    let paper = &done.receipt_text;
    assert_eq!(
        rows(paper, "Voucher GV-0019"),
        ["Voucher GV-0019 given 10.00"]
    );
    assert_eq!(rows(paper, "Not given back"), ["Not given back 7.50"]);
    let x = world.till().report_x(world.cashier()).unwrap();
    assert_eq!(tenders(&x), ["Vouchers 1 250"]);
    assert_eq!(
        rows(&x.text, "not given back"),
        ["Vouchers, not given back 1 7.50"]
    );
    assert_eq!(x.verdict, "Books agree.");
    // What was lost does not come back with the goods.
    let back = world.refund_first(&done.receipt, "2", None).unwrap();
    assert_eq!(back.total.minor, 250);
    assert_eq!(back.goes_to[0].kind, TenderKindView::Voucher);

    set(&world, "vouchers = \"\"").unwrap();
    world.ring_up(&[("Halfvolle melk", "2")]);
    let (till, who) = (world.till(), world.cashier());
    assert!(till.tender_options().unwrap().voucher.is_none());
    assert_eq!(
        refusal(till.tender_voucher(who, "GV-0020", "10.00")),
        ErrorCode::TenderUnavailable
    );
    world.cash("2.50");
    world.complete().unwrap();
    world.run_until_quiet();
    world.check_invariants();
}

#[test]
fn a_rate_is_the_shops_and_a_sale_keeps_the_one_it_was_told() {
    let world = World::from_seed(96);
    let (till, who) = (world.till(), world.cashier());
    world.open_shift("50.00");
    let yen = "foreign_cash = [{ currency = \"JPY\", rate = \"0.0062\" }]";
    set(&world, yen).unwrap();
    world.ring_up(&[("Halfvolle melk", "2")]);
    let options = till.tender_options().unwrap();
    assert_eq!(options.foreign.len(), 1);
    // 404 yen are €2.5048, and 403 are €2.4986.
    assert_eq!(options.foreign[0].due.minor, 404);
    assert_eq!(
        refusal(till.tender_foreign_cash(who, "USD", "5.00")),
        ErrorCode::TenderUnavailable
    );
    till.tender_foreign_cash(who, "JPY", "200").unwrap();
    set(&world, "foreign_cash = []").unwrap();
    let sale = till.sale_current().unwrap().unwrap();
    assert_eq!(sale.outstanding.minor, 126, "€1.24 for 200 yen");
    world.cash("1.25");
    let done = world.complete().unwrap();
    assert_eq!(
        rows(&done.receipt_text, "Rate"),
        ["Rate 1 JPY = 0.0062 EUR"]
    );
    // No rate any more, and yen in the drawer: a manager looks at any difference.
    let compare = till.count(who, &[], &[]).unwrap();
    assert_eq!(compare.foreign[0].difference.minor, -200);
    assert!(compare.needs_manager);

    for (settings, says) in [
        (
            "foreign_cash = [{ currency = \"USD\", rate = \"0\" }]",
            "not a rate",
        ),
        (
            "foreign_cash = [{ currency = \"EUR\", rate = \"1\" }]",
            "not a rate",
        ),
        (
            "foreign_cash = [{ currency = \"USD\", rate = \"1\" }, { currency = \"USD\", rate = \"2\" }]",
            "twice",
        ),
        ("vouchers = \"some\"", "not change, forfeited or empty"),
    ] {
        let error = set(&world, settings).unwrap_err();
        assert_eq!(error.code(), ErrorCode::BadInput, "{settings}");
        assert!(error.to_string().contains(says), "{settings}: {error}");
    }
    world.check_invariants();
}

#[test]
fn what_is_no_note_and_no_voucher_is_refused_by_name() {
    let world = World::from_seed(94);
    let (till, who) = (world.till(), world.cashier());
    world.open_shift("50.00");
    assert_eq!(
        refusal(till.tender_foreign_cash(who, "USD", "5.00")),
        ErrorCode::SaleEmpty
    );
    world.ring_up(&[("Halfvolle melk", "2")]);
    let foreign = |currency, given| refusal(till.tender_foreign_cash(who, currency, given));
    let voucher = |number, worth| refusal(till.tender_voucher(who, number, worth));
    for (what, got, expected) in [
        (
            "no rate",
            foreign("CHF", "5.00"),
            ErrorCode::TenderUnavailable,
        ),
        (
            "the shop's own",
            foreign("EUR", "5.00"),
            ErrorCode::TenderUnavailable,
        ),
        ("nothing", foreign("USD", "0.00"), ErrorCode::Negative),
        (
            "below nothing",
            foreign("USD", "-5.00"),
            ErrorCode::Negative,
        ),
        (
            "half a cent",
            foreign("USD", "5.005"),
            ErrorCode::NotANumber,
        ),
        (
            "a typed receipt",
            foreign("USD", "20261121"),
            ErrorCode::Absurd,
        ),
        ("no number", voucher("", "5.00"), ErrorCode::BadText),
        (
            "a card",
            voucher("4242424242424242", "5.00"),
            ErrorCode::LooksLikeCard,
        ),
        ("worth nothing", voucher("GV-1", "0"), ErrorCode::Negative),
        ("worth a shop", voucher("GV-1", "90000"), ErrorCode::Absurd),
    ] {
        assert_eq!(got, expected, "{what}");
    }
    assert!(till.sale_current().unwrap().unwrap().tenders.is_empty());
    assert_eq!(
        refusal(till.count(who, &[], &[dollars("1"), dollars("1")])),
        ErrorCode::BadInput
    );
    world.check_invariants();
}
