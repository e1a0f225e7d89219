//! What a scan puts on the sale.

use till_app::Import;
use till_app::error::ErrorCode;
use till_app::view::{LineView, SaleView};
use till_domain::barcode::{Rule, ValueKind, check_digit};
use till_tests::{World, refusal};

/// Fixed figures of a test shop.
const GOODS: &str = "\
sku,name,category,price,price_unit,tax,barcodes,stock
T1,Jonge kaas,Test,12.50,kg,none,9501101530003,10
T2,Appeltaart,Test,3.95,each,none,9501101531000;0298765000001,10
T3,Forel,Test,16.90,kg,none,2300077,10
T4,Cola,Test,1.10,each,none,0042100005264,10
T5,Kaars,Test,2.00,each,none,1234567890;KAARS-1,10
";

/// The sample shop with five products of ours and its rules.
fn shop() -> World {
    let world = World::from_seed(8);
    let done = world
        .till()
        .import_products(world.manager(), GOODS, Import::Do)
        .unwrap();
    assert_eq!((done.added, done.bad), (5, Vec::new()));
    let rules = r#"
        barcode_rules = [
            { pattern = "21.....{NNDDD}.", kind = "weight" },
            { pattern = "02.....{NNNDD}.", kind = "price" },
            { pattern = "23.....{NNNDD}.", kind = "price" },
            { pattern = "24.....{NNNNN}.", kind = "quantity" },
        ]
    "#;
    world
        .till()
        .set_settings(world.manager(), "rules", rules)
        .unwrap();
    world.open_shift("0.00");
    world
}

/// Name, how much, what it comes to in cents.
fn line(line: &LineView) -> (&str, &str, i64) {
    (&line.name, &line.quantity, line.amount.minor)
}

fn newest(sale: &SaleView) -> (&str, &str, i64) {
    line(sale.lines.last().unwrap())
}

fn checked(body: &str) -> String {
    format!("{body}{}", check_digit(body).unwrap())
}

#[test]
fn a_scan_rings_up_what_its_code_says() {
    let world = shop();
    // The world's clock stands at 21 November 2026.
    for (code, name, quantity, cents) in [
        // A weight in a GS1 code: 0.412 kg at 12.50.
        ("]C101095011015300033103000412", "Jonge kaas", "0.412", 515),
        (
            "(01)09501101530003(3102)000041(15)261121(10)L1",
            "Jonge kaas",
            "0.410",
            513,
        ),
        // A price beside it counts, whatever the list says.
        (
            "(01)09501101530003(3103)000412(3922)499",
            "Jonge kaas",
            "0.412",
            499,
        ),
        (
            "(01)09501101530003(3103)000412(3932)978499",
            "Jonge kaas",
            "0.412",
            499,
        ),
        // A price alone, and the weight that it stands for.
        ("(01)09501101530003(3922)499", "Jonge kaas", "0.399", 499),
        ("(01)09501101531000(3922)299", "Appeltaart", "1", 299),
        ("(01)09501101531000(30)3", "Appeltaart", "3", 1_185),
        (
            "https://example.com/01/09501101531000?17=261122",
            "Appeltaart",
            "4",
            1_580,
        ),
        // Labels of the shop's own scale.
        (&checked("029876500499"), "Appeltaart", "1", 499),
        (&checked("230007700500"), "Forel", "0.296", 500),
        (&checked("210000100250"), "Bananen", "0.250", 59),
        // UPC-E, UPC-A, and EAN-13 are one product.
        ("04252614", "Cola", "1", 110),
        ("042100005264", "Cola", "2", 220),
        ("0042100005264", "Cola", "3", 330),
        ("00042100005264", "Cola", "4", 440),
        // The shop's own codes, also long ones.
        ("KAARS-1", "Kaars", "1", 200),
        ("]C0KAARS-1", "Kaars", "2", 400),
        ("1234567890", "Kaars", "3", 600),
    ] {
        let sale = world.till().scan(world.cashier(), code);
        let sale = sale.unwrap_or_else(|error| panic!("{code}: {error}"));
        let expected = (name, quantity, cents);
        let lines: Vec<_> = sale.lines.iter().map(line).collect();
        assert!(
            lines.contains(&expected),
            "{code}: {expected:?} in {lines:?}"
        );
    }
    // What the label said is what is paid.
    let sale = world.till().sale_current().unwrap().unwrap();
    let lines: i64 = sale.lines.iter().map(|l| l.amount.minor).sum();
    assert_eq!(sale.total.minor, lines);
    world.cash("100.00");
    world.complete().unwrap();
    world.check_invariants();
}

#[test]
fn goods_past_their_date_are_not_sold_in_silence() {
    let world = shop();
    for code in [
        "(01)09501101531000(17)261120",
        "(01)09501101531000(15)261120",
        "(01)09501101531000(16)261031",
        "(01)09501101531000(15)261000",
        "(01)09501101531000(7003)2611202359",
        "(01)09501101531000(15)271231(17)261120",
    ] {
        let refused = refusal(world.till().scan(world.cashier(), code));
        assert_eq!(refused, ErrorCode::PastItsDate, "{code}");
    }
    assert!(world.till().sale_current().unwrap().is_none());
    // On its last day it is sold; after it, by somebody who chooses it.
    let sale = world
        .till()
        .scan(world.cashier(), "(01)09501101531000(17)261121");
    assert_eq!(newest(&sale.unwrap()), ("Appeltaart", "1", 395));
    assert_eq!(
        newest(&world.ring_up(&[("Appeltaart", "1")])),
        ("Appeltaart", "2", 790)
    );
}

#[test]
fn a_code_that_cannot_be_sold_adds_nothing() {
    let world = shop();
    for (code, expected) in [
        // No weight where one is sold by it, and the other way round.
        ("9501101530003", ErrorCode::QuantityKind),
        ("(01)09501101531000(3103)000412", ErrorCode::QuantityKind),
        ("(01)09501101530003(3105)041234", ErrorCode::QuantityKind),
        ("(01)09501101530003(3103)000000", ErrorCode::Negative),
        // Another country's money, and nothing for nothing.
        (
            "(01)09501101531000(3932)840499",
            ErrorCode::BarcodeMalformed,
        ),
        ("(01)09501101531000(3922)0", ErrorCode::BarcodeMalformed),
        ("(00)395123451234567895", ErrorCode::BarcodeUnknown),
        ("(02)09501101531000(37)12", ErrorCode::BarcodeUnknown),
        ("15400141288763", ErrorCode::BarcodeUnknown),
        ("KAARS-2", ErrorCode::BarcodeUnknown),
        ("12345678901", ErrorCode::BarcodeTruncated),
        ("1234567890123456", ErrorCode::BarcodeLength),
        ("(01)095011015310", ErrorCode::BarcodeTruncated),
        ("(01)09501101531001", ErrorCode::BarcodeCheckDigit),
        ("(01)09501101531000(17)261301", ErrorCode::BarcodeDate),
        ("(01)09501101531000(05)1", ErrorCode::BarcodeUnknownAi),
        ("(01)09501101531000(10)a^b", ErrorCode::BarcodeCharacters),
        ("(01)09501101531000(10)a(10)b", ErrorCode::BarcodeMalformed),
        ("https://example.com/kaas", ErrorCode::BarcodeMalformed),
        ("(10)4242424242424242", ErrorCode::LooksLikeCard),
    ] {
        let refused = refusal(world.till().scan(world.cashier(), code));
        assert_eq!(refused, expected, "{code}");
    }
    assert!(world.till().sale_current().unwrap().is_none());
}

#[test]
fn a_shop_from_before_there_were_rules_keeps_its_scale() {
    let mut world = World::from_seed(8);
    world.till = None;
    // As the settings were written then.
    let db = rusqlite::Connection::open(world.folder().join("till.db")).unwrap();
    let changed = db
        .execute(
            "UPDATE setting SET value = json_set(json_remove(value, '$.barcode_rules'),
                                                 '$.weight_prefix', '21')
             WHERE name = 'shop'",
            [],
        )
        .unwrap();
    assert_eq!(changed, 1);
    drop(db);
    world.start();
    let rules = world.till().shop().unwrap().barcode_rules;
    assert_eq!(
        rules,
        [Rule::new("21.....{NNDDD}.", ValueKind::Weight).unwrap()]
    );
    world.till = None;
    let db = rusqlite::Connection::open(world.folder().join("till.db")).unwrap();
    db.execute(
        "UPDATE setting SET value = json_remove(value, '$.weight_prefix') WHERE name = 'shop'",
        [],
    )
    .unwrap();
    drop(db);
    world.start();
    assert!(world.till().shop().unwrap().barcode_rules.is_empty());
}
