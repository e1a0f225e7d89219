//! A card number typed, pasted, scanned or swiped anywhere at the counter: refused,
//! and nowhere in the shop's folder, in an error or in what is asked of Stripe after.

use std::path::Path;

use till_app::error::{AppError, ErrorCode};
use till_app::view::{
    DiscountInput, ForeignCountInput, OutboxAction, RefundLineInput, SaveCardOn, TenderKindView,
};
use till_app::{FileForm, Import, Others};
use till_domain::catalog::Role;
use till_tests::{MANAGER_PIN, World};

/// As people write one; a swipe of track 1 and of track 2; a card each of 15, 16 and
/// 19 digits.
const CARDS: [&str; 7] = [
    "4242424242424242",
    "card 4242 4242-4242 4242 12/28 123",
    "3782 822463 10005",
    "6205500000000000004",
    ";4242424242424242=28121010000012345678?",
    "%B4242424242424242^DOE/JANE^2812101?",
    "４２４２ ４２４２ ４２４２ ４２４２",
];

/// What of them must not be found anywhere.
const DIGITS: [&str; 8] = [
    "4242424242424242",
    "4242 4242",
    "4242-4242",
    "3782 822463",
    "378282246310005",
    "6205500000000000004",
    "28121010000012345678",
    "４２４２",
];

/// One way into the till.
struct Way {
    /// The method, and which of its texts.
    name: &'static str,
    /// It is free text: the refusal says why. Else a name or an amount, of which none
    /// can be like that.
    free: bool,
    go: fn(&World, &str) -> Result<(), AppError>,
}

const fn free(name: &'static str, go: fn(&World, &str) -> Result<(), AppError>) -> Way {
    Way {
        name,
        free: true,
        go,
    }
}

const fn named(name: &'static str, go: fn(&World, &str) -> Result<(), AppError>) -> Way {
    Way {
        name,
        free: false,
        go,
    }
}

fn line_of(w: &World) -> String {
    let sale = w.till().sale_current().unwrap().unwrap();
    sale.lines.first().unwrap().id.clone()
}

fn counted(w: &World, currency: &str, amount: &str) -> Result<(), AppError> {
    let foreign = ForeignCountInput {
        currency: currency.into(),
        amount: amount.into(),
    };
    w.till().count(w.cashier(), &[], &[foreign]).map(drop)
}

fn customer_id(w: &World) -> String {
    let found = w.till().customers("").unwrap();
    found.first().unwrap().id.clone()
}

fn promotion(id: &str, name: &str, coupon: &str) -> String {
    format!(
        r#"{{"version":1,"promotions":[{{"id":"{id}","name":"{name}","coupon":"{coupon}",
            "kind":{{"each":{{"percent_off":"30"}}}},"goods":{{"all":true}}}}]}}"#
    )
}

#[rustfmt::skip]
const WAYS: &[Way] = &[
    // Words.
    free("approve reason", |w, t| w.till().approve(&till_app::view::ApprovalInput {
        reason: t.into(), ..w.manager_says(MANAGER_PIN)
    }).map(drop)),
    named("set_settings", settings),
    named("set_settings name", |w, t| settings(w, &format!("name = \"{t}\""))),
    named("set_settings address", |w, t| settings(w, &format!("address = [\"Kade 1\", \"{t}\"]"))),
    named("set_settings phone", |w, t| settings(w, &format!("phone = \"{t}\""))),
    named("set_settings footer", |w, t| settings(w, &format!("footer = \"{t}\""))),
    named("set_settings tax number", |w, t| settings(w, &format!("tax_number = \"{t}\""))),
    named("set_settings printer", |w, t| settings(w, &format!("printer = \"{t}\""))),
    named("set_settings key", |w, t| settings(w, &format!("\"{t}\" = 1"))),
    free("add_user name", |w, t| w.till().add_user(w.manager(), t, Role::Cashier, "4711").map(drop)),
    named("add_user pin", |w, t| w.till().add_user(w.manager(), "Bo", Role::Cashier, t).map(drop)),
    named("set_pin", |w, t| w.till().set_pin(w.manager(), w.cashier().user().id, t)),
    free("add_coupon", |w, t| w.till().add_coupon(w.cashier(), t).map(drop)),
    free("set_customer_groups", |w, t| {
        w.till().set_customer_groups(w.manager(), &customer_id(w), &[t.into()]).map(drop)
    }),
    free("add_customer name", |w, t| w.till().add_customer(t, None, None).map(drop)),
    free("add_customer email", |w, t| w.till().add_customer("Ana", Some(t), None).map(drop)),
    free("add_customer phone", |w, t| w.till().add_customer("Ana", None, Some(t)).map(drop)),
    free("paid_in reason", |w, t| w.till().paid_in(w.cashier(), "1.00", t).map(drop)),
    free("paid_out reason", |w, t| w.till().paid_out(w.cashier(), "1.00", t, None).map(drop)),
    free("no_sale reason", |w, t| w.till().no_sale(w.cashier(), t).map(drop)),
    free("close note", |w, t| w.till().close(w.cashier(), t, None, None).map(drop)),
    free("tender_external slip", |w, t| w.till().tender_external(w.cashier(), None, t, "4242").map(drop)),
    free("tender_pay_link contact", |w, t| w.till().tender_pay_link(w.cashier(), None, t, None).map(drop)),
    // Scans, and what a reader with a keyboard plug types wherever the cursor is.
    free("scan", |w, t| w.till().scan(w.cashier(), t).map(drop)),
    free("read_code", |w, t| w.till().read_code(t, None).map(drop)),
    free("search", |w, t| w.till().search(t).map(drop)),
    free("edit_customer name", |w, t| {
        w.till().edit_customer(w.cashier(), &customer_id(w), t, None, None).map(drop)
    }),
    free("edit_customer email", |w, t| {
        w.till().edit_customer(w.cashier(), &customer_id(w), "Ana", Some(t), None).map(drop)
    }),
    free("edit_customer phone", |w, t| {
        w.till().edit_customer(w.cashier(), &customer_id(w), "Ana", None, Some(t)).map(drop)
    }),
    named("edit_customer", |w, t| {
        w.till().edit_customer(w.cashier(), t, "Ana", None, None).map(drop)
    }),
    named("customer", |w, t| w.till().customer(w.cashier(), t).map(drop)),
    named("save_card customer", |w, t| {
        w.till().save_card(w.cashier(), t, &SaveCardOn::Page, "1-72").map(drop)
    }),
    named("save_card reader", |w, t| {
        let on = SaveCardOn::Reader(t.into());
        w.till().save_card(w.cashier(), &customer_id(w), &on, "1-72").map(drop)
    }),
    named("save_card agreed_to", |w, t| {
        w.till().save_card(w.cashier(), &customer_id(w), &SaveCardOn::Page, t).map(drop)
    }),
    named("card_saving", |w, t| w.till().card_saving(t).map(drop)),
    named("cancel_card_saving", |w, t| w.till().cancel_card_saving(w.cashier(), t).map(drop)),
    named("card_page", |w, t| w.till().card_page(w.cashier(), t).map(drop)),
    named("set_default_card", |w, t| {
        w.till().set_default_card(w.cashier(), &customer_id(w), t).map(drop)
    }),
    named("remove_card", |w, t| w.till().remove_card(w.cashier(), &customer_id(w), t).map(drop)),
    named("tender_saved_card", |w, t| {
        w.till().tender_saved_card(w.cashier(), t, None, None).map(drop)
    }),
    free("customers", |w, t| w.till().customers(t).map(drop)),
    free("refund_find", |w, t| w.till().refund_find(t).map(drop)),
    // Amounts.
    named("shift_open", |w, t| w.till().shift_open(w.cashier(), t)),
    free("tender_cash", |w, t| w.till().tender_cash(w.cashier(), t).map(drop)),
    free("tender_foreign_cash amount", |w, t| w.till().tender_foreign_cash(w.cashier(), "USD", t).map(drop)),
    named("tender_foreign_cash currency", |w, t| w.till().tender_foreign_cash(w.cashier(), t, "5.00").map(drop)),
    free("tender_voucher number", |w, t| w.till().tender_voucher(w.cashier(), t, "5.00").map(drop)),
    free("tender_voucher worth", |w, t| w.till().tender_voucher(w.cashier(), "GV-1", t).map(drop)),
    free("count foreign amount", |w, t| counted(w, "USD", t)),
    free("count foreign currency", |w, t| counted(w, t, "5.00")),
    free("override_price", |w, t| w.till().override_price(w.manager(), &line_of(w), t, None).map(drop)),
    free("paid_in amount", |w, t| w.till().paid_in(w.cashier(), t, "x").map(drop)),
    free("paid_out amount", |w, t| w.till().paid_out(w.cashier(), t, "x", None).map(drop)),
    named("close next float", |w, t| w.till().close(w.cashier(), "", Some(t), None).map(drop)),
    free("tender_card amount", |w, t| {
        w.till().tender_card(w.cashier(), TenderKindView::SimulatedReader, Some(t), None).map(drop)
    }),
    free("tender_pay_link amount", |w, t| w.till().tender_pay_link(w.cashier(), Some(t), "a@b.nl", None).map(drop)),
    free("tender_external amount", |w, t| w.till().tender_external(w.cashier(), Some(t), "A1", "4242").map(drop)),
    free("discount_line amount", |w, t| {
        w.till().discount_line(w.manager(), &line_of(w), Some(&DiscountInput::Amount(t.into())), None).map(drop)
    }),
    free("discount_sale amount", |w, t| {
        w.till().discount_sale(w.manager(), Some(&DiscountInput::Amount(t.into())), None).map(drop)
    }),
    free("discount_sale percent", |w, t| {
        w.till().discount_sale(w.manager(), Some(&DiscountInput::Percent(t.into())), None).map(drop)
    }),
    free("set_quantity", |w, t| w.till().set_quantity(w.cashier(), &line_of(w), t).map(drop)),
    // What must name something that is there.
    named("sign_in", |w, t| w.till().sign_in(w.manager().user().id, t).map(drop)),
    named("hear", |w, t| {
        let heard = w.till().hear(&["whsec_x"], t, t.as_bytes())?;
        heard.map(drop).map_err(|_| ErrorCode::BadInput.into())
    }),
    named("outbox_entry", |w, t| w.till().outbox_entry(t).map(drop)),
    named("outbox_decide", |w, t| w.till().outbox_decide(w.manager(), t, OutboxAction::WriteOff, None).map(drop)),
    named("receipt_text", |w, t| w.till().receipt_text(t).map(drop)),
    named("receipt_escpos", |w, t| w.till().receipt_escpos(t).map(drop)),
    named("receipt_pdf", |w, t| w.till().receipt_pdf(w.cashier(), t).map(drop)),
    named("receipt_print", |w, t| w.till().receipt_print(w.cashier(), t).map(drop)),
    named("remove_coupon", |w, t| w.till().remove_coupon(w.cashier(), t).map(drop)),
    named("refund_quote", |w, t| w.till().refund_quote(t, &[]).map(drop)),
    named("refund_commit receipt", |w, t| w.till().refund_commit(w.cashier(), t, &[], "damaged", None).map(drop)),
    named("refund_commit reason", |w, t| {
        let line = RefundLineInput { line: "1".into(), quantity: "1".into(), restock: true };
        w.till().refund_commit(w.cashier(), "1-000001", &[line], t, None).map(drop)
    }),
    named("add_product", |w, t| w.till().add_product(w.cashier(), t, None).map(drop)),
    named("void_line", |w, t| w.till().void_line(w.cashier(), t, true).map(drop)),
    named("set_customer", |w, t| w.till().set_customer(w.cashier(), Some(t)).map(drop)),
    named("erase_customer", |w, t| w.till().erase_customer(w.manager(), t)),
    named("recall", |w, t| w.till().recall(w.cashier(), t).map(drop)),
    named("tender_remove", |w, t| w.till().tender_remove(w.cashier(), t).map(drop)),
    named("tender_look_again", |w, t| w.till().tender_look_again(w.cashier(), t).map(drop)),
    free("readers_place", |w, t| {
        let place = till_app::view::PlaceInput { line1: t.into(), country: "NL".into(), ..Default::default() };
        w.till().readers_place(w.manager(), &place).map(drop)
    }),
    free("readers_at", |w, t| w.till().readers_at(w.manager(), t).map(drop)),
    free("reader_register code", |w, t| w.till().reader_register(w.manager(), t, "Counter").map(drop)),
    free("reader_register label", |w, t| w.till().reader_register(w.manager(), "simulated-wpe", t).map(drop)),
    named("reader_use", |w, t| w.till().reader_use(w.manager(), t).map(drop)),
    named("reader_forget", |w, t| w.till().reader_forget(w.manager(), t).map(drop)),
    named("tender_again", |w, t| w.till().tender_again(w.cashier(), t, None).map(drop)),
    named("tender_again reader", |w, t| w.till().tender_again(w.cashier(), "1", Some(t)).map(drop)),
    named("setup_shop", |w, t| w.till().setup_shop(t, None, "Shop", "Marta", "9876")),
    free("setup_shop name", |w, t| w.till().setup_shop("NL", None, t, "Marta", "9876")),
    free("setup_shop manager", |w, t| w.till().setup_shop("NL", None, "Shop", t, "9876")),
    // Files.
    named("tax_as", |w, t| w.till().tax_as(w.manager(), Some(t), None).map(drop)),
    named("set_customer_taxes", |w, t| {
        w.till().set_customer_taxes(w.manager(), &customer_id(w), Some(t)).map(drop)
    }),
    named("set_customer_taxes customer", |w, t| w.till().set_customer_taxes(w.manager(), t, None).map(drop)),
    named("import_products", products),
    named("import_products sku", |w, t| products(w, &row(t, "Tin", "1.00", ""))),
    named("import_products name", |w, t| products(w, &row("9001", t, "1.00", ""))),
    named("import_products price", |w, t| products(w, &row("9001", "Tin", t, ""))),
    named("import_products barcodes", |w, t| products(w, &row("9001", "Tin", "1.00", t))),
    named("import_promotions", import),
    free("import_promotions id", |w, t| import(w, &promotion(t, "Ten off", "TEN"))),
    free("import_promotions name", |w, t| import(w, &promotion("ten", t, "TEN"))),
    free("import_promotions coupon", |w, t| import(w, &promotion("ten", "Ten off", t))),
];

fn settings(w: &World, text: &str) -> Result<(), AppError> {
    w.till()
        .set_settings(w.manager(), "shop.toml", text)
        .map(drop)
}

fn row(sku: &str, name: &str, price: &str, codes: &str) -> String {
    format!("sku,name,price,tax,barcodes\n{sku},{name},{price},V9,{codes}\n")
}

/// A row that is refused is named in what is answered, which is shown.
fn products(w: &World, text: &str) -> Result<(), AppError> {
    let done = w.till().import_products(w.manager(), text, Import::Do)?;
    if done.bad.is_empty() {
        return Ok(());
    }
    Err(AppError::Refused {
        code: ErrorCode::BadInput,
        detail: format!("{:?}", done.bad),
    })
}

fn import(w: &World, text: &str) -> Result<(), AppError> {
    let done =
        w.till()
            .import_promotions(w.manager(), text, FileForm::Json, Others::Keep, Import::Do);
    done.map(drop)
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    found
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|w| w == text.as_bytes())
}

#[test]
fn a_card_number_gets_in_by_no_way_and_is_repeated_nowhere() {
    let mut world = World::from_seed(41);
    world.open_shift("100.00");
    world.ring_up(&[("Halfvolle melk", "2")]);
    let on_screen = |w: &World| format!("{:?}", w.till().sale_current().unwrap());
    let before = on_screen(&world);
    let mut wrong = Vec::new();
    for way in WAYS {
        for card in CARDS {
            let Err(error) = (way.go)(&world, card) else {
                wrong.push(format!("{} took {card}", way.name));
                continue;
            };
            if way.free && error.code() != ErrorCode::LooksLikeCard {
                wrong.push(format!("{} {card}: {:?}", way.name, error.code()));
            }
            for said in [error.to_string(), error.sentence(), format!("{error:?}")] {
                if DIGITS.iter().any(|digits| said.contains(digits)) {
                    wrong.push(format!("{} repeats it: {said}", way.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(on_screen(&world), before);
    // What a person at Stripe would see, and what is on the disk, in the log of the
    // database and in its file.
    world.cash("50.00");
    world.complete().unwrap();
    for when in ["in the log of the database", "in its file"] {
        for (file, bytes) in files(&world.folder()) {
            for digits in DIGITS {
                assert!(!holds(&bytes, digits), "{digits} is {when}: {file}");
            }
        }
        world.till().idle();
    }
    world.run_until_quiet();
    world.check_invariants();
}

#[test]
fn a_customer_or_a_reason_that_is_no_card_number_is_taken_as_typed() {
    let world = World::from_seed(42);
    world.open_shift("100.00");
    for (name, phone) in [
        ("4-daagse Nijmegen", "+31 6 12 34 56 78"),
        ("Slagerij 4242", "0031 20 1234567 or 06 12345678"),
    ] {
        let kept = world.till().add_customer(name, None, Some(phone)).unwrap();
        assert_eq!(kept.name, name);
    }
    // A product's code and what came with it, sixteen digits that pass Luhn.
    world
        .till()
        .paid_out(world.manager(), "1.00", "4006381333931 103 broken", None)
        .unwrap();
    world.check_invariants();
}

/// Every method of the till that takes text must be one of [`WAYS`].
#[test]
fn no_way_in_is_forgotten() {
    // Given numbers alone, or a word of the program's own.
    let inner = ["count", "products", "place", "load", "taxes_on"];
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/app/src");
    let mut missing = Vec::new();
    for (file, text) in files(&sources) {
        let text = String::from_utf8(text).unwrap();
        for method in text.split("\n    pub fn ").skip(1) {
            let Some((head, _)) = method.split_once(" {\n") else {
                continue;
            };
            let name: String = head
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            let given = head.split("->").next().unwrap_or_default();
            let takes_text = ["&str", "String", "Input"]
                .iter()
                .any(|kind| given.contains(kind));
            let known = inner.contains(&name.as_str())
                || WAYS.iter().any(|w| w.name.split(' ').next() == Some(&name));
            if given.contains("&self") && takes_text && !known {
                missing.push(format!("{file}: {name}"));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "texts that no test tries a card number on; guard them (crates/app/src/guard.rs) \
         and add them to WAYS: {missing:#?}"
    );
    assert!(WAYS.len() > 50, "the methods are found");
}
