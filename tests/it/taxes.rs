//! Other taxes than the goods' own, at the counter: for a customer who is exempt, and
//! for one sale.

use till_app::error::ErrorCode;
use till_domain::journal::JournalEvent;
use till_tests::{MANAGER_PIN, World, refusal};

use crate::manager::last_event;

/// The Dutch sample shop, with two grounds: no tax at all, and the low rate for what
/// has the high one.
fn world(seed: u64) -> World {
    let world = World::from_seed(seed);
    let grounds = r#"
        [[exempt]]
        code = "diplomat"
        name = "Diplomat, card shown"
        taxes = { high = ["zero"], low = ["zero"] }

        [[exempt]]
        code = "lower"
        name = "Hospital"
        taxes = { high = ["low"] }
    "#;
    world
        .till()
        .set_settings(world.manager(), "X", grounds)
        .unwrap();
    world.open_shift("100.00");
    world
}

fn ana(world: &World) -> String {
    world.till().customers("Ana").unwrap().remove(0).id
}

#[test]
fn an_exempt_customer_pays_prices_without_tax_and_gets_back_what_was_paid() {
    let mut world = world(90);
    let (till, ana) = (world.till(), ana(&world));
    assert_eq!(
        refusal(till.set_customer_taxes(world.cashier(), &ana, Some("diplomat"))),
        ErrorCode::NeedsManager
    );
    assert_eq!(
        refusal(till.set_customer_taxes(world.manager(), &ana, Some("nobody"))),
        ErrorCode::NotFound
    );
    till.set_customer_taxes(world.manager(), &ana, Some("diplomat"))
        .unwrap();
    let JournalEvent::CustomerChanged { tax_set, by, .. } = last_event(&world) else {
        panic!("the journal says nothing of it");
    };
    assert_eq!(tax_set.as_deref(), Some("diplomat"));
    assert_eq!(by, world.manager().user().id);

    // Rung up before the customer is known and after it: 8.75 with 21 % in it is
    // 7.23, and 1.25 with 9 % in it is 1.15.
    assert_eq!(
        world.ring_up(&[("Rioja crianza", "1")]).total.minor,
        875,
        "nobody is exempt yet"
    );
    world.customer("Ana Ortega");
    let sale = world.ring_up(&[("Rioja crianza", "1"), ("Halfvolle melk", "1")]);
    assert_eq!(sale.lines.len(), 2, "the second bottle joins the first");
    assert_eq!(sale.lines[0].unit_price.minor, 723);
    assert_eq!((sale.total.minor, sale.tax.minor), (2 * 723 + 115, 0));
    assert_eq!(sale.taxed_as.as_deref(), Some("Diplomat, card shown"));
    let why = till.sale_why().unwrap();
    let said = |what: &str| why.iter().any(|w| w.says.contains(what));
    assert!(said("set with other taxes"), "{why:?}");

    // Without her it is the marked price, and with her it is not.
    let sale = till.set_customer(world.cashier(), None).unwrap();
    assert_eq!((sale.total.minor, sale.taxed_as), (2 * 875 + 125, None));
    world.customer("Ana Ortega");
    world.cash("20.00");
    let done = world.complete().unwrap();
    let receipt = done.receipt_text.join("\n");
    assert!(
        receipt.contains("Taxed as: Diplomat, card shown"),
        "{receipt}"
    );
    assert!(
        receipt.contains("0 %") && !receipt.contains("21 %"),
        "{receipt}"
    );

    let back = world.refund_first(&done.receipt, "1", None).unwrap();
    assert_eq!(back.total.minor, 725, "7.23 in cash");

    // The ground stays while somebody has it, and is not kept of who is erased.
    let none = world
        .till()
        .set_settings(world.manager(), "X", "exempt = []");
    let said = none.unwrap_err().to_string();
    assert!(said.contains("1 customers have `diplomat`"), "{said}");
    world.run_until_quiet();
    world.till().erase_customer(world.manager(), &ana).unwrap();
    world
        .till()
        .set_settings(world.manager(), "X", "exempt = []")
        .unwrap();
    world.check_invariants();
}

#[test]
fn other_taxes_for_one_sale_take_a_manager_who_is_in_the_journal() {
    let world = world(91);
    let till = world.till();
    let sale = world.ring_up(&[("Rioja crianza", "1"), ("Halfvolle melk", "1")]);
    assert_eq!(sale.total.minor, 875 + 125);
    assert_eq!(
        refusal(till.tax_as(world.cashier(), Some("lower"), None)),
        ErrorCode::NeedsManager
    );
    let yes = world.manager_says(MANAGER_PIN);
    let sale = till
        .tax_as(world.cashier(), Some("lower"), Some(&yes))
        .unwrap();
    // 8.75 with 21 % in it is 7.88 with 9 % in it; the milk has 9 % already.
    assert_eq!(sale.total.minor, 788 + 125);
    // A customer without a ground of their own leaves it as it is.
    world.customer("Ana Ortega");
    assert_eq!(till.sale_current().unwrap().unwrap().total.minor, 913);
    // Taking it back takes nobody, and giving it again does.
    let sale = till.tax_as(world.cashier(), None, None).unwrap();
    assert_eq!(sale.total.minor, 1000);
    assert_eq!(
        refusal(till.tax_as(world.cashier(), Some("lower"), None)),
        ErrorCode::NeedsManager
    );
    till.tax_as(world.cashier(), Some("lower"), Some(&yes))
        .unwrap();
    world.cash("5.00");
    assert_eq!(
        refusal(till.tax_as(world.cashier(), None, None)),
        ErrorCode::TenderBusy
    );
    world.cash("5.00");
    world.complete().unwrap();
    let JournalEvent::SaleCommitted { sale, .. } = last_event(&world) else {
        panic!("no sale");
    };
    let set = sale.taxed_as.unwrap();
    let approval = set.approval.unwrap();
    assert_eq!(set.code, "lower");
    assert_eq!(approval.by, world.manager().user().id);
    assert_eq!(approval.reason, "looked at it");
    // The next sale is everybody's again.
    assert_eq!(world.ring_up(&[("Rioja crianza", "1")]).total.minor, 875);
    world.check_invariants();
}

#[test]
fn an_offer_is_as_much_cheaper_for_who_is_exempt_as_the_goods_are() {
    let world = world(92);
    let yes = world.manager_says(MANAGER_PIN);
    let exempt = |code: Option<&str>| {
        let till = world.till();
        till.tax_as(world.cashier(), code, Some(&yes)).unwrap()
    };
    // 3 for 2: 1.85 with 9 % in it is 1.70.
    let sale = world.ring_up(&[("Drop zoet", "3")]);
    assert_eq!(sale.total.minor, 370);
    let sale = exempt(Some("diplomat"));
    assert_eq!(sale.lines[0].promotions[0].amount.minor, 170);
    assert_eq!(sale.total.minor, 340);
    world.till().void_sale(world.cashier()).unwrap();

    // 4 cans for 4.00, of goods with 9 %: about 3.67, and each line to the cent of its
    // own price. The deposits are no turnover and stay.
    let sale = world.ring_up(&[("IJsthee groen blik", "2"), ("Gemberbier blik", "2")]);
    assert_eq!(sale.total.minor, 400 + 4 * 15);
    let sale = exempt(Some("diplomat"));
    assert!(
        (366..=368).contains(&(sale.total.minor - 4 * 15)),
        "{}",
        sale.total.minor
    );
    // What a manager typed is charged as it was typed.
    let line = sale.lines[0].id.clone();
    let sale = world
        .till()
        .override_price(world.cashier(), &line, "0.50", Some(&yes))
        .unwrap();
    assert_eq!(sale.lines[0].unit_price.minor, 50);
    assert_eq!(sale.lines[0].gross.minor, 100);
    world.check_invariants();
}

#[test]
fn the_taxes_of_a_sale_survive_a_power_cut_and_being_put_aside() {
    let mut world = world(93);
    let yes = world.manager_says(MANAGER_PIN);
    world.ring_up(&[("Rioja crianza", "1")]);
    world
        .till()
        .tax_as(world.cashier(), Some("diplomat"), Some(&yes))
        .unwrap();
    world.power_cut();
    let sale = world.till().sale_current().unwrap().unwrap();
    assert_eq!(sale.total.minor, 723);
    world.till().suspend(world.cashier()).unwrap();
    let aside = world.till().suspended().unwrap().remove(0);
    let sale = world.till().recall(world.cashier(), &aside.id).unwrap();
    assert_eq!(sale.total.minor, 723);
    assert_eq!(world.ring_up(&[("Rioja crianza", "1")]).total.minor, 1446);
}

#[test]
fn goods_of_before_and_after_a_new_rate_are_two_lines() {
    let world = World::from_seed(94);
    let rates = r#"
        [[taxes]]
        code = "low"
        rates = [{ from = "2019-01-01", rate = "9" }, { from = "2026-11-22", rate = "21" }]
    "#;
    world
        .till()
        .set_settings(world.manager(), "X", rates)
        .unwrap();
    world.open_shift("100.00");
    // Noon in Amsterdam; the sale is begun a minute before midnight.
    world.clock.advance_ms((11 * 60 + 59) * 60_000);
    world.ring_up(&[("Halfvolle melk", "1")]);
    world.clock.advance_ms(2 * 60_000);
    let sale = world.ring_up(&[("Halfvolle melk", "1")]);
    assert_eq!(sale.lines.len(), 2);
    // 9 % and 21 % in 1.25.
    assert_eq!((sale.total.minor, sale.tax.minor), (250, 10 + 22));
    world.check_invariants();
}
