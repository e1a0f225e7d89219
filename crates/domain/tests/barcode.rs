//! What a scan means, against published examples and laws.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use jiff::civil::{Date, date};
use proptest::prelude::*;
use rust_decimal::dec;
use till_domain::barcode::{
    Barcode, BarcodeError, Rule, ValueKind, check_digit, expand_upc_e, looks_like_card,
};
use till_domain::money::Currency;

fn today() -> Date {
    date(2026, 11, 21)
}

fn read(code: &str) -> Result<Barcode, BarcodeError> {
    Barcode::parse(code, &[], today())
}

/// `(01)09501101530003 (10)AB` → the elements as pairs.
fn elements(barcode: &Barcode) -> Vec<(&str, &str)> {
    let elements = barcode.elements.iter();
    elements.map(|e| (e.ai, e.value.as_str())).collect()
}

#[test]
fn the_examples_of_the_general_specifications_are_read() {
    // Figures of the GS1 General Specifications 21.0.1, with the check digits that the
    // figures show; the symbology identifiers are those of section 5.1.3.
    for (figure, code, symbology, found_as) in [
        ("5.2.2.1-2", "9501101531000", "ean13", "9501101531000"),
        ("5.2.2.2-1", "95012346", "ean8", "95012346"),
        ("5.2.2.3-1", "012345678905", "upca", "0012345678905"),
        ("5.2.2.4-1", "00123457", "upce", "0001234000057"),
        (
            "5.2.2.5.1-2, two digits added",
            "]E3977138452401712",
            "ean13",
            "9771384524017",
        ),
        (
            "5.2.2.5.1-2, sent apart",
            "]E09771384524017",
            "ean13",
            "9771384524017",
        ),
        ("5.1-2", "09501101530003", "itf14", "9501101530003"),
        ("5.3.2.4-1", "15400141288763", "itf14", "15400141288763"),
        ("5.1-3", "]C10109501101530003", "gs1_128", "9501101530003"),
        (
            "7.8.5.1-2",
            "]C101950123456789033102000400",
            "gs1_128",
            "95012345678903",
        ),
        (
            "4.15.1-1",
            "]C10110857674002017101152KMB",
            "gs1_128",
            "10857674002017",
        ),
        (
            "5.5.2.3.2-1",
            "]e001906141410000153202000150",
            "gs1_databar",
            "90614141000015",
        ),
        (
            "5.1-7",
            "]Q301095011015300038200http://example.com",
            "gs1_qr",
            "9501101530003",
        ),
        (
            "2.1.13.1",
            "https://example.com/01/09506000134369",
            "gs1_digital_link",
            "9506000134369",
        ),
    ] {
        let barcode = read(code).unwrap_or_else(|e| panic!("{figure} {code}: {e}"));
        assert_eq!(barcode.symbology.name(), symbology, "{figure} {code}");
        assert_eq!(barcode.lookups[0], found_as, "{figure} {code}");
    }
    for (figure, code, expected) in [
        (
            "5.4.2-1",
            "]C100395123451234567895",
            vec![("00", "395123451234567895")],
        ),
        (
            "6.6.5-6",
            "]C100395011010013000129",
            vec![("00", "395011010013000129")],
        ),
        ("7.8.5.1-1", "]C13102000400", vec![("3102", "4.00")]),
        (
            "7.8.5.1-2",
            "(01)95012345678903(3102)000400",
            vec![("01", "95012345678903"), ("3102", "4.00")],
        ),
        (
            "7.8.5.2-2",
            "]C18005000365\u{1D}10123456",
            vec![("8005", "000365"), ("10", "123456")],
        ),
        (
            "2.6.9-2",
            "(253)950110153006567890543210987",
            vec![("253", "950110153006567890543210987")],
        ),
        (
            "2.6.9-4",
            "(253)9501101530065123456",
            vec![("253", "9501101530065123456")],
        ),
        (
            "6.6.5-7",
            "(401)931234518430GR",
            vec![("401", "931234518430GR")],
        ),
        (
            "7.9.5, the worked example",
            "(8013)1987654Ad4X4bL5ttr2310c2K",
            vec![("8013", "1987654Ad4X4bL5ttr2310c2K")],
        ),
    ] {
        let barcode = read(code).unwrap_or_else(|e| panic!("{figure} {code}: {e}"));
        assert_eq!(elements(&barcode), expected, "{figure} {code}");
    }
    // Section 7.9.1 and GS1's check digit calculator.
    assert_eq!(check_digit("629104150021"), Some(3));
    assert_eq!(check_digit("37610425002123456"), Some(9));
}

#[test]
fn upc_e_is_expanded_as_the_general_specifications_say() {
    // Section 5.2.2.4.2, one row at least for each last digit that leaves other zeros
    // out; 04252614 and 01234565 are the usual examples.
    for (short, long) in [
        ("04252614", "042100005264"),
        ("01234565", "012345000065"),
        ("00123457", "001234000057"),
        ("01200003", "012000000003"),
        ("01278907", "012000007897"),
        ("01278916", "012100007896"),
        ("01278925", "012200007895"),
        ("01238935", "012300000895"),
        ("01244943", "012440000093"),
        ("11234562", "112345000062"),
    ] {
        assert_eq!(expand_upc_e(short).as_deref(), Some(long), "{short}");
    }
    assert_eq!(expand_upc_e("21234562"), None, "number systems are 0 and 1");
    assert_eq!(expand_upc_e("1234562"), None);
    // Where both check digits are right, both readings are looked up.
    let both = read("01234565").unwrap();
    assert_eq!(both.symbology.name(), "upce");
    assert!(
        both.lookups.contains(&"0012345000065".to_owned()),
        "{both:?}"
    );
    assert!(both.lookups.contains(&"01234565".to_owned()), "{both:?}");
}

#[test]
fn an_element_string_is_read_however_it_comes() {
    let expected = vec![
        ("01", "09501101530003"),
        ("3103", "1.750"),
        ("17", "2027-02-28"),
        ("10", "AB-1"),
    ];
    for code in [
        "0109501101530003310300175017270228\
         10AB-1",
        "]C1010950110153000331030017501727022810AB-1",
        "]d2010950110153000331030017501727022810AB-1",
        "]e0010950110153000331030017501727022810AB-1",
        "\u{1D}010950110153000331030017501727022810AB-1",
        "010950110153000331030017501727022810AB-1\u{1D}",
        "0109501101530003\u{1D}3103001750\u{1D}17270228\u{1D}10AB-1",
        "(01)09501101530003(3103)001750(17)270228(10)AB-1",
        "(01)09501101530003(3103)001750(17)270200(10)AB-1",
        "(01) 0 95011 01530 003 (3103) 001750 (17) 270228 (10) AB-1",
        "HTTPS://EXAMPLE.COM/01/09501101530003?3103=001750&17=270228&10=AB-1",
        "https://id.example.com/de/01/09501101530003?3103=001750&17=270228&10=AB-1&utm=x",
        "https://example.com/01/9501101530003?3103=001750&17=270228&10=AB%2D1#top",
    ] {
        let barcode = read(code).unwrap_or_else(|e| panic!("{code}: {e}"));
        assert_eq!(elements(&barcode), expected, "{code}");
        assert_eq!(barcode.weight(), Some(dec!(1.750)), "{code}");
        assert_eq!(barcode.sell_until(), Some(date(2027, 2, 28)), "{code}");
        assert_eq!(
            barcode.lookups,
            ["9501101530003", "09501101530003"],
            "{code}"
        );
    }
    let last = read("0109501101530003\u{1D}10AB-1\u{1D}21X(1)").unwrap();
    assert_eq!(elements(&last)[1..], [("10", "AB-1"), ("21", "X(1)")]);
}

#[test]
fn measures_amounts_dates_and_times_are_what_they_mean() {
    for (code, shown) in [
        ("(3100)001750", "1750"),
        ("(3105)001750", "0.01750"),
        ("(3200)000012", "12"),
        ("(3922)00499", "4.99"),
        ("(3920)1250", "1250"),
        ("(3929)123456789012345", "123456.789012345"),
        ("(3932)978499", "4.99 EUR"),
        ("(3910)3921250", "1250 JPY"),
        ("(3942)1250", "12.50"),
        ("(30)00000012", "00000012"),
        ("(37)12", "12"),
        ("(8005)000365", "000365"),
        // General Specifications 7.12: 49 years back, 50 ahead, of 2026.
        ("(17)760101", "2076-01-01"),
        ("(17)770101", "1977-01-01"),
        ("(17)991231", "1999-12-31"),
        ("(17)000101", "2000-01-01"),
        // Section 3.4.2: day 00 is the last of the month.
        ("(15)270200", "2027-02-28"),
        ("(15)280200", "2028-02-29"),
        ("(15)261100", "2026-11-30"),
        ("(11)261231", "2026-12-31"),
        ("(12)261231", "2026-12-31"),
        ("(13)261231", "2026-12-31"),
        ("(16)261231", "2026-12-31"),
        ("(7003)2612312359", "2026-12-31T23:59"),
        ("(7007)260801260915", "2026-08-01/2026-09-15"),
        ("(7007)260801", "2026-08-01"),
        ("(8008)26112117", "2026-11-21T17"),
        ("(8008)261121173059", "2026-11-21T17:30:59"),
        ("(7250)19551105", "1955-11-05"),
        ("(8020)AB/12", "AB/12"),
    ] {
        let barcode = read(code).unwrap_or_else(|e| panic!("{code}: {e}"));
        assert_eq!(barcode.elements[0].value, shown, "{code}");
    }
    let near_the_turn = |day: Date, code: &str| {
        let barcode = Barcode::parse(code, &[], day).unwrap();
        barcode.elements[0].value.clone()
    };
    let in_2090 = date(2090, 1, 1);
    assert_eq!(near_the_turn(in_2090, "(17)400101"), "2140-01-01");
    assert_eq!(near_the_turn(in_2090, "(17)410101"), "2041-01-01");
    let priced = read("(01)09501101530003(3103)000412(3932)978499").unwrap();
    assert_eq!(priced.price(), Some((dec!(4.99), Some(Currency::EUR))));
    assert_eq!(priced.weight(), Some(dec!(0.412)));
    let counted = read("(01)09501101530003(30)12").unwrap();
    assert_eq!(counted.quantity(), Some(dec!(12)));
}

#[test]
fn a_misread_is_refused_by_name() {
    for (code, wrong) in [
        ("", "nothing was scanned"),
        ("4006381333932", "check digit is 2, expected 1"),
        ("400638133393", "check digit is 3, expected 0"),
        ("036000291453", "check digit is 3, expected 2"),
        ("96385075", "check digit is 5, expected 4"),
        ("04252615", "check digit is 5, expected 0"),
        ("15400141288764", "check digit is 4, expected 3"),
        ("40063813339", "no code has 11 digits"),
        ("400638133393140", "no code has 15 digits"),
        ("]E04006381333", "no code has 10 digits"),
        ("]E397713845240171", "no code has 14 digits"),
        ("]E04006381O33931", "a character that no code has"),
        ("123", "no code has 3 digits"),
        ("melk\u{7}", "a character that no code has"),
        ("mel\u{1D}k", "`mel` begins no GS1 application identifier"),
        ("٤٠٠٦٣٨", "a character that no code has"),
        ("Frühstück", "a character that no code has"),
        ("010950110153000", "no code has 15 digits"),
        (
            "(01)0950110153000",
            "(01) GTIN: cut short, 13 characters of at least 14",
        ),
        (
            "]C1010950110153000",
            "(01) GTIN: cut short, 13 characters of at least 14",
        ),
        (
            "0109501101530003310300175",
            "(3103) NET WEIGHT (kg): cut short, 5 characters of at least 6",
        ),
        ("(01)09501101530004", "(01) GTIN: wrong check digit"),
        ("010950110153000410AB", "(01) GTIN: wrong check digit"),
        ("(00)395123451234567896", "(00) SSCC: wrong check digit"),
        ("(414)9501101530004", "(414) LOC No.: wrong check digit"),
        ("(8006)095011015300040102", "(8006) ITIP: wrong check digit"),
        (
            "(8013)1987654Ad4X4bL5ttr2310c2X",
            "(8013) GMN: wrong check digit",
        ),
        (
            "(01)095011015300031",
            "(01) GTIN: longer than 14 characters",
        ),
        (
            "(10)123456789012345678901",
            "(10) BATCH/LOT: longer than 20 characters",
        ),
        (
            "(01)09501101530003(05)1",
            "`05` begins no GS1 application identifier",
        ),
        (
            "01095011015300030512",
            "`0512` begins no GS1 application identifier",
        ),
        ("]C1", "nothing was scanned"),
        ("]C1\u{1D}", "a separator where an element should be"),
        (
            "]C110AB\u{1D}\u{1D}21X",
            "a separator where an element should be",
        ),
        ("]C110AB\u{1D}2", "`2` begins no GS1 application identifier"),
        ("(10)A^B", "(10) BATCH/LOT: a character outside its set"),
        (
            "(10)",
            "(10) BATCH/LOT: cut short, 0 characters of at least 1",
        ),
        (
            "(01)0950110153000A",
            "(01) GTIN: a character outside its set",
        ),
        ("(8010)abc123", "(8010) CPID: a character outside its set"),
        ("(17)261301", "(17) USE BY or EXPIRY: no such date"),
        ("(17)270229", "(17) USE BY or EXPIRY: no such date"),
        ("(17)260431", "(17) USE BY or EXPIRY: no such date"),
        ("(7006)260400", "(7006) FIRST FREEZE DATE: no such date"),
        ("(7003)2612312460", "(7003) EXPIRY TIME: no such date"),
        ("(3932)000499", "(3932) PRICE: not a value of this kind"),
        (
            "(8006)095011015300030302",
            "(8006) ITIP: not a value of this kind",
        ),
        (
            "(4321)2",
            "(4321) DANGEROUS GOODS: not a value of this kind",
        ),
        ("(10)A(10)B", "(10) BATCH/LOT: said twice and not the same"),
        (
            "(3103)001750(3102)001750",
            "(3102) NET WEIGHT (kg): said twice and not the same",
        ),
        (
            "https://example.com/kaas",
            "a web address without a GS1 key",
        ),
        ("https://example.com/01/", "a web address without a GS1 key"),
        (
            "https://example.com/01/09501101530003/99999/1",
            "`9999` begins no GS1 application identifier",
        ),
    ] {
        let error = read(code).map(|b| format!("{b:?}")).unwrap_err();
        assert_eq!(error.to_string(), wrong, "{code:?}");
    }
    assert_eq!(read(&"x".repeat(513)), Err(BarcodeError::TooLong));
    // Said once more, and the same, is no harm (General Specifications 4.13.1).
    assert_eq!(read("(10)A(10)A").unwrap().elements.len(), 1);
}

#[test]
fn the_shops_own_codes_are_text() {
    for code in [
        "1042",
        "2100018",
        "A-12 b",
        "melk'; DROP TABLE",
        "~",
        "10AB",
        "01-7",
        "]C0400638",
        "W{1}",
    ] {
        let barcode = read(code).unwrap();
        let text = code.strip_prefix("]C0").unwrap_or(code);
        assert_eq!(barcode.symbology.name(), "code128", "{code}");
        assert_eq!(barcode.lookups, [text], "{code}");
        assert_eq!(barcode.check_digit, None, "{code}");
    }
}

#[test]
fn a_value_is_found_by_the_first_rule_that_fits() {
    let rule = |pattern, kind| Rule::new(pattern, kind).unwrap();
    let rules = [
        rule("02.....{NNNDD}.", ValueKind::Price),
        rule("21.....{NNDDD}.", ValueKind::Weight),
        rule("2......{NNDD}.", ValueKind::Price),
    ];
    let one = |code| Barcode::parse(code, &rules[..2], today());
    // The contract's own example.
    let label = one("0298765004993").unwrap().label.unwrap();
    assert_eq!(label.rule, "02.....{NNNDD}.");
    assert_eq!(label.item_code, "0298765000001");
    assert_eq!((label.kind, label.amount), (ValueKind::Price, dec!(4.99)));
    // The same label, sent as the UPC-A that it may be printed as.
    let sent_as_upc_a = one("298765004993").unwrap();
    assert_eq!(sent_as_upc_a.symbology.name(), "upca");
    assert_eq!(sent_as_upc_a.label.as_ref(), Some(&label));
    let weighed = one("2100018004125").unwrap();
    assert_eq!(weighed.weight(), Some(dec!(0.412)));
    assert_eq!(
        weighed.lookups[0], "2100018",
        "as scales and catalogues number it"
    );
    assert!(weighed.lookups.contains(&"2100018000004".to_owned()));
    assert_eq!(
        one("2100018004126").unwrap_err().to_string(),
        "check digit is 6, expected 5"
    );
    assert_eq!(one("4006381333931").unwrap().label, None);
    assert!(matches!(
        one("210001800412"),
        Err(BarcodeError::CheckDigit { .. })
    ));
    // Twelve digits by a rule for twelve, in the order of the file.
    let label = Barcode::parse("212345604991", &rules, today())
        .unwrap()
        .label
        .unwrap();
    assert_eq!((label.kind, label.amount), (ValueKind::Price, dec!(4.99)));
}

#[test]
fn a_card_is_refused_and_goods_never_are() {
    for card in [
        "4242424242424242",
        "4242 4242 4242 4242",
        "378282246310005",
        "]C04242424242424242",
        "]C14242424242424242",
        "pay 4242-4242-4242-4242",
        "(10)4242424242424242",
        "]C1104242424242424242",
        "https://example.com/4242424242424242",
        "5555555555554444\u{1D}",
        // Right as a place's number (AI 410), and right as a document's (AI 253).
        "4108710000000031",
        "2537000000000065",
    ] {
        assert_eq!(read(card), Err(BarcodeError::Card), "{card}");
        assert!(!BarcodeError::Card.to_string().contains("4242"));
    }
    // A serial number, an SSCC, a location and a magazine's issue with a card's digits
    // are goods.
    for goods in [
        "]E3377000000009212",
        "(01)09501101530003(21)4242424242424242",
        "]C1010950110153000321\
         4242424242424242",
        "]C1\
         00395123451234567895",
        "]C14109501100000040",
    ] {
        assert!(!matches!(read(goods), Err(BarcodeError::Card)), "{goods}");
    }
}

fn with_check(body: &str) -> String {
    format!("{body}{}", check_digit(body).unwrap())
}

proptest! {
    #[test]
    fn any_gtin_is_read_and_one_wrong_digit_never_is(
        body in "[0-9]{11,13}|[2-9][0-9]{6}",
        at in any::<prop::sample::Index>(),
        off in 1_u8..=9,
    ) {
        let code = with_check(&body);
        let barcode = read(&code).unwrap();
        prop_assert_eq!(barcode.check_digit, check_digit(&body));
        prop_assert!(barcode.lookups.contains(&code), "{:?}", barcode);
        prop_assert!(!looks_like_card(&code));

        let mut digits = code.clone().into_bytes();
        let at = at.index(digits.len());
        digits[at] = b'0' + (digits[at] - b'0' + off) % 10;
        let wrong = String::from_utf8(digits).unwrap();
        // Eight digits that begin with 0 or 1 may be a UPC-E instead.
        prop_assume!(wrong.len() > 8 || !wrong.starts_with(['0', '1']));
        let is_misread = matches!(read(&wrong), Err(BarcodeError::CheckDigit { .. }));
        prop_assert!(is_misread, "{}", wrong);
    }

    #[test]
    fn the_same_gtin_is_found_however_it_is_written(body in "[0-9]{11}") {
        let upc_a = with_check(&body);
        let found = |code: String| read(&code).unwrap().lookups;
        let ean_13 = format!("0{upc_a}");
        prop_assert!(found(upc_a.clone()).contains(&ean_13));
        prop_assert!(found(ean_13.clone()).contains(&upc_a));
        for other in [format!("00{upc_a}"), format!("(01)00{upc_a}")] {
            prop_assert!(found(other).contains(&ean_13));
        }
    }

    #[test]
    fn a_label_gives_back_what_was_printed(item in "[0-9]{5}", value in 0_i64..100_000) {
        let rules = [Rule::new("02.....{NNNDD}.", ValueKind::Price).unwrap()];
        let code = with_check(&format!("02{item}{value:05}"));
        let label = Barcode::parse(&code, &rules, today()).unwrap().label.unwrap();
        prop_assert_eq!(label.amount, rust_decimal::Decimal::new(value, 2));
        prop_assert_eq!(&label.item_code, &with_check(&format!("02{item}00000")));
        // The item's code is a code, of the same item, for nothing.
        let again = Barcode::parse(&label.item_code, &rules, today()).unwrap().label.unwrap();
        prop_assert!(again.amount.is_zero());
        prop_assert_eq!(again.item_code, label.item_code);
    }

    #[test]
    fn nothing_that_is_scanned_panics(scan in any::<String>(), pattern in any::<String>()) {
        let rules: Vec<Rule> = Rule::new(pattern, ValueKind::Price).into_iter().collect();
        let _ = Barcode::parse(&scan, &rules, today());
        let _ = Barcode::parse(&format!("]C1{scan}"), &rules, today());
        let _ = Barcode::parse(&format!("https://{scan}/01/{scan}"), &rules, today());
    }
}
