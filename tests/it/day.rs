//! A day at the counter, without a window.

use till_app::error::ErrorCode;
use till_app::view::{CountInput, DiscountInput, TenderKindView};
use till_tests::{MANAGER_PIN, World, refusal};

fn count(pieces: &[(i64, u32)]) -> Vec<CountInput> {
    pieces
        .iter()
        .map(|(denomination_minor, pieces)| CountInput {
            denomination_minor: *denomination_minor,
            pieces: *pieces,
        })
        .collect()
}

#[test]
fn what_was_rung_up_survives_a_power_cut_line_by_line() {
    let mut world = World::from_seed(1);
    world.open_shift("150.00");
    world.ring_up(&[("Goudse kaas oud", "0.412")]);
    world.power_cut();
    world.ring_up(&[("Halfvolle melk", "2")]);
    world.cash("5.00");
    world.power_cut();
    let sale = world.till().sale_current().unwrap().unwrap();
    assert_eq!(sale.lines.len(), 2);
    assert_eq!(sale.tenders.len(), 1);
    assert_eq!(sale.lines[0].quantity, "0.412");
    world.check_invariants();
}

#[test]
fn why_an_open_sale_costs_what_it_costs_adds_up_line_by_line_and_in_all() {
    let world = World::from_seed(3);
    world.open_shift("150.00");
    let sale = world.ring_up(&[("Goudse kaas oud", "0.412"), ("Halfvolle melk", "3")]);
    let five_percent = DiscountInput::Percent("5".into());
    world
        .till()
        .discount_line(
            world.cashier(),
            &sale.lines[0].id,
            Some(&five_percent),
            None,
        )
        .unwrap();
    world
        .till()
        .discount_sale(world.cashier(), Some(&five_percent), None)
        .unwrap();
    let sale = world.cash("5.00");
    let steps = world.till().sale_why().unwrap();
    let sum = |line: Option<&str>| -> i64 {
        steps
            .iter()
            .filter(|s| s.counts && (line.is_none() || s.line.as_deref() == line))
            .map(|s| s.amount.minor)
            .sum()
    };
    let lines: i64 = sale.lines.iter().map(|l| sum(Some(&l.id))).sum();
    assert_eq!(lines, sale.total.minor);
    assert!(sale.outstanding.minor > 0);
    assert_eq!(sum(None), sale.outstanding.minor);
    assert!(steps.iter().any(|s| s.says.contains("5 %")));
}

#[test]
fn a_shift_closes_with_its_books_in_order() {
    let world = World::from_seed(2);
    world.open_shift("150.00");
    // €1.25 twice: €2.50 in cash of €10.00.
    world.ring_up(&[("Halfvolle melk", "2")]);
    world.cash("10.00");
    let done = world.complete().unwrap();
    assert_eq!(done.change.minor, 750);
    assert_eq!(done.receipt, "1-000001");
    world
        .till()
        .paid_in(world.cashier(), "40.00", "coins")
        .unwrap();
    world
        .till()
        .paid_out(world.cashier(), "12.50", "bread", None)
        .unwrap();
    world
        .till()
        .no_sale(world.cashier(), "change for a customer")
        .unwrap();

    let x = world.till().report_x(world.cashier()).unwrap();
    assert_eq!(x.takings.minor, 250);
    assert_eq!(x.sales, 1);

    assert_eq!(
        refusal(world.till().close(world.cashier(), "", None, None)),
        ErrorCode::NotCounted
    );
    // Expected 150 + 2.50 + 40 − 12.50 = 180.00; two euros are missing.
    let compare = world
        .till()
        .count(
            world.cashier(),
            &count(&[(5_000, 3), (2_000, 1), (200, 4)]),
            &[],
        )
        .unwrap();
    assert_eq!(compare.expected.minor, 18_000);
    assert_eq!(compare.counted.minor, 17_800);
    assert_eq!(compare.difference.minor, -200);
    assert!(!compare.needs_manager, "under five euros");
    let (z, _) = world
        .till()
        .close(world.cashier(), "Not found", Some("150.00"), None)
        .unwrap();
    assert_eq!(z.number, Some(1));
    assert_eq!(z.difference.unwrap().minor, -200);
    assert_eq!(z.verdict, "Books agree.");
    let pdf = z.pdf.expect("a PDF");
    assert!(std::fs::read(pdf).unwrap().starts_with(b"%PDF"));
    assert_eq!(
        refusal(world.till().paid_in(world.cashier(), "1.00", "late")),
        ErrorCode::ShiftNotOpen
    );
    // The next shift counts on; the report stays as it was.
    world.open_shift("150.00");
    assert_eq!(world.till().report_z(1).unwrap().takings.minor, 250);
    world.check_invariants();
}

#[test]
fn a_shift_with_a_suspended_sale_stays_open() {
    let world = World::from_seed(3);
    world.open_shift("0.00");
    world.ring_up(&[("Halfvolle melk", "1")]);
    world.till().suspend(world.cashier()).unwrap();
    world
        .till()
        .count(world.cashier(), &count(&[]), &[])
        .unwrap();
    assert_eq!(
        refusal(world.till().close(world.cashier(), "", None, None)),
        ErrorCode::SalesUnfinished
    );
    let id = world.till().suspended().unwrap()[0].id.clone();
    world.till().recall(world.cashier(), &id).unwrap();
    world.cash("1.25");
    world.complete().unwrap();
}

#[test]
fn a_discount_over_the_limit_and_a_price_need_a_manager() {
    let world = World::from_seed(4);
    world.open_shift("0.00");
    let sale = world.ring_up(&[("Goudse kaas oud", "1.000")]);
    let line = sale.lines[0].id.clone();
    let ten = DiscountInput::Percent("10".into());
    let half = DiscountInput::Percent("50".into());
    let sale = world
        .till()
        .discount_line(world.cashier(), &line, Some(&ten), None)
        .unwrap();
    assert_eq!(sale.total.minor, 1_521);
    assert_eq!(
        refusal(
            world
                .till()
                .discount_sale(world.cashier(), Some(&half), None)
        ),
        ErrorCode::NeedsManager
    );
    assert_eq!(
        refusal(
            world
                .till()
                .override_price(world.cashier(), &line, "1.00", None)
        ),
        ErrorCode::NeedsManager
    );
    let yes = world.manager_says(MANAGER_PIN);
    let sale = world
        .till()
        .override_price(world.cashier(), &line, "10.00", Some(&yes))
        .unwrap();
    assert_eq!(sale.total.minor, 900);
}

#[test]
fn a_refund_over_the_threshold_asks_for_a_manager_also_in_small_parts() {
    let world = World::from_seed(5);
    world.open_shift("150.00");
    world.ring_up(&[("Goudse kaas oud", "5.000")]);
    world.cash("100.00");
    let receipt = world.complete().unwrap().receipt;
    // €33.80 passes, the next €33.80 is over €50.00 together.
    world.refund_first(&receipt, "2.000", None).unwrap();
    assert_eq!(
        refusal(world.refund_first(&receipt, "2.000", None)),
        ErrorCode::NeedsManager
    );
    let wrong = world.manager_says("1234");
    assert_eq!(
        refusal(world.refund_first(&receipt, "2.000", Some(&wrong))),
        ErrorCode::PinWrong
    );
    let yes = world.manager_says(MANAGER_PIN);
    let done = world.refund_first(&receipt, "2.000", Some(&yes)).unwrap();
    assert_eq!(done.approved_by.as_deref(), Some("Marta Peña"));
    assert_eq!(
        refusal(world.refund_first(&receipt, "1.001", Some(&yes))),
        ErrorCode::MoreThanSold
    );
    world.refund_first(&receipt, "1.000", Some(&yes)).unwrap();
    world.check_invariants();
}

#[test]
fn a_reprint_says_duplicate_and_a_printer_that_is_off_loses_paper_alone() {
    let world = World::from_seed(6);
    world.open_shift("0.00");
    world
        .printer
        .off
        .store(true, std::sync::atomic::Ordering::SeqCst);
    world.ring_up(&[("Halfvolle melk", "1")]);
    world.cash("1.25");
    let (done, effects) = world.till().complete(world.cashier()).unwrap();
    let complaint = world.till().perform(&effects).expect("the printer is off");
    assert!(complaint.contains("The sale is complete"), "{complaint}");
    world
        .printer
        .off
        .store(false, std::sync::atomic::Ordering::SeqCst);
    let effects = world
        .till()
        .receipt_print(world.cashier(), &done.receipt)
        .unwrap();
    assert_eq!(world.till().perform(&effects), None);
    let pdf = world
        .till()
        .receipt_pdf(world.cashier(), &done.receipt)
        .unwrap();
    assert!(std::fs::read(pdf).unwrap().starts_with(b"%PDF"));
    let paper = world.printer.printed.lock().unwrap();
    let text = String::from_utf8_lossy(&paper[0]).to_uppercase();
    assert!(text.contains("DUPLICATE"), "{text}");
}

#[test]
fn an_erased_customer_leaves_a_chain_that_verifies() {
    let mut world = World::from_seed(7);
    world.open_shift("0.00");
    world.ring_up(&[("Goudse kaas oud", "1.000")]);
    world.customer("Ana Ortega");
    world.card(TenderKindView::SavedCard, None).unwrap();
    world.run_until_quiet();
    world.complete().unwrap();
    let mut export = Vec::new();
    world.till().journal_export(&mut export).unwrap();
    let export = String::from_utf8(export).unwrap();
    for personal in ["Ana", "Ortega", "correo.example", "0000 0001", "Inés"] {
        assert!(!export.contains(personal), "{personal} is in the journal");
    }
    let ana = world.till().customers("Ana Ortega").unwrap()[0].id.clone();
    assert_eq!(
        refusal(world.till().erase_customer(world.cashier(), &ana)),
        ErrorCode::NeedsManager
    );
    world.till().erase_customer(world.manager(), &ana).unwrap();
    assert!(world.till().customers("Ana Ortega").unwrap().is_empty());
    let db = std::fs::read(world.folder().join("till.db")).unwrap();
    let _ = db;
    world.check_invariants();
}
