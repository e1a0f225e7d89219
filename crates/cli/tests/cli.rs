//! The binary from outside: arguments, standard input, exit codes, JSON.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

fn till(folder: &Path, args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_till"))
        .args(args)
        .env("TILL_DATA", folder)
        .env_remove("TILL_LOG")
        .env_remove("TILL_PROFILES")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that reads nothing may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn exit(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs with `--json`; gives the exit code and the document.
fn asked(folder: &Path, args: &[&str], input: &str) -> (i32, Value) {
    let mut all = vec!["--json"];
    all.extend(args);
    let output = till(folder, &all, input);
    let document = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{args:?}: {}{}", text(&output.stdout), text(&output.stderr)));
    (exit(&output), document)
}

fn code(document: &Value) -> &str {
    document["error"]["code"].as_str().unwrap_or("no error")
}

fn shop() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(exit(&till(folder.path(), &["init", "--sample"], "")), 0);
    let opened = till(
        folder.path(),
        &["shift", "open", "150.00", "--user", "Inés Núñez"],
        "1111\n",
    );
    assert_eq!(exit(&opened), 0, "{}", text(&opened.stderr));
    folder
}

fn sale(lines: Value, tenders: Value) -> String {
    json!({ "user": "Inés Núñez", "pin": "1111", "lines": lines, "tenders": tenders }).to_string()
}

// ---- price ----

const EXAMPLE: &str = r#"{
  "currency": "EUR",
  "tax_rounding": "per_line",
  "cash_rounding": { "increment": "0.05", "mode": "half_up" },
  "lines": [
    {
      "id": "a",
      "unit_price": "11.80",
      "quantity": "6",
      "discounts": [ { "percent": "5" } ],
      "taxes": [ { "code": "V21", "kind": "percent", "rate": "21", "price_included": true } ]
    }
  ],
  "discounts": [ { "amount": "2.00" } ],
  "tenders": [ { "kind": "cash", "amount": "50.00" }, { "kind": "card", "amount": "15.00" } ]
}"#;

#[test]
fn the_example_of_the_contract_is_priced_to_the_cent() {
    let nowhere = tempfile::tempdir().unwrap();
    let (exit, quote) = asked(nowhere.path(), &["price"], EXAMPLE);
    assert_eq!(exit, 0);
    assert_eq!(
        quote,
        json!({
            "currency": "EUR",
            "lines": [{
                "id": "a", "gross": "70.80", "discount": "3.54", "sale_discount": "2.00",
                "net": "53.93", "tax": "11.33", "total": "65.26",
                "taxes": [{ "code": "V21", "base": "53.93", "amount": "11.33" }],
            }],
            "taxes": [{ "code": "V21", "rate": "21", "base": "53.93", "amount": "11.33" }],
            "net": "53.93", "tax": "11.33", "total": "65.26",
            "cash_due": "50.25",
            "tenders": [{ "kind": "cash", "amount": "50.00" }, { "kind": "card", "amount": "15.00" }],
            "cash_rounding": "0.00", "change": "0.00", "outstanding": "0.26",
        })
    );
    assert!(!nowhere.path().join("till.db").exists(), "no shop is made");
}

/// A basket of one line, with more of its top level.
fn basket(line: Value, more: Value) -> String {
    let mut basket = json!({
        "currency": "EUR", "tax_rounding": "per_line", "lines": [line],
    });
    for (name, value) in more.as_object().unwrap() {
        basket[name] = value.clone();
    }
    basket.to_string()
}

#[test]
fn baskets_come_to_their_totals() {
    let line = |price: &str, quantity: &str, taxes: Value| json!({ "unit_price": price, "quantity": quantity, "taxes": taxes });
    let on_top = json!([{ "code": "T", "kind": "percent", "rate": "10" }]);
    let five = json!({ "cash_rounding": { "increment": "0.05", "mode": "half_up" },
                       "tenders": [{ "kind": "cash" }] });
    let with = |mode: &str, given: &str| {
        json!({ "cash_rounding": { "increment": "0.05", "mode": mode },
                "tenders": [{ "kind": "cash", "amount": given }] })
    };
    let rows = [
        (
            "tax on top",
            line("10.00", "1", on_top.clone()),
            json!({}),
            "total",
            "11.00",
        ),
        (
            "a half goes up",
            line("0.05", "1", on_top.clone()),
            json!({}),
            "tax",
            "0.01",
        ),
        (
            "more places than the currency",
            line("0.3333", "3", json!([])),
            json!({}),
            "total",
            "1.00",
        ),
        (
            "kilograms",
            line("2.35", "0.412", json!([])),
            json!({}),
            "total",
            "0.97",
        ),
        (
            "a return",
            line("2.00", "-3", on_top),
            json!({}),
            "total",
            "-6.60",
        ),
        (
            "exact cash",
            line("1.02", "1", json!([])),
            five.clone(),
            "cash_due",
            "1.00",
        ),
        (
            "exact cash rounds",
            line("1.03", "1", json!([])),
            five,
            "cash_rounding",
            "0.02",
        ),
        (
            "change",
            line("1.02", "1", json!([])),
            with("half_up", "5.00"),
            "change",
            "4.00",
        ),
        (
            "always up",
            line("1.01", "1", json!([])),
            with("up", "5.00"),
            "change",
            "3.95",
        ),
        (
            "always down",
            line("1.04", "1", json!([])),
            with("down", "5.00"),
            "change",
            "4.00",
        ),
        (
            "too little",
            line("9.00", "1", json!([])),
            with("half_up", "5.00"),
            "outstanding",
            "4.00",
        ),
        (
            "a fee for each",
            line(
                "1.00",
                "3",
                json!([{ "code": "F", "kind": "fixed_per_unit", "amount": "0.10" }]),
            ),
            json!({}),
            "tax",
            "0.30",
        ),
        (
            "no more than is left",
            line("1.00", "1", json!([])),
            json!({ "discounts": [{ "amount": "5.00" }] }),
            "total",
            "0.00",
        ),
        (
            "yen have no sen",
            line("120", "3", json!([])),
            json!({ "currency": "JPY" }),
            "total",
            "360",
        ),
    ];
    let nowhere = tempfile::tempdir().unwrap();
    for (what, line, more, field, expected) in rows {
        let (exit, quote) = asked(nowhere.path(), &["price"], &basket(line, more));
        assert_eq!(
            (exit, quote[field].as_str()),
            (0, Some(expected)),
            "{what}: {quote}"
        );
    }
}

#[test]
fn the_sale_s_discount_adds_up_over_the_lines() {
    let lines: Vec<Value> = (0..3)
        .map(|i| json!({ "id": i.to_string(), "unit_price": "1.00", "quantity": "1" }))
        .collect();
    let input = json!({ "currency": "EUR", "tax_rounding": "per_document", "lines": lines,
                        "discounts": [{ "amount": "1.00" }] });
    let nowhere = tempfile::tempdir().unwrap();
    let (_, quote) = asked(nowhere.path(), &["price"], &input.to_string());
    let shares: Vec<&str> = quote["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l["sale_discount"].as_str().unwrap())
        .collect();
    assert_eq!(shares, ["0.34", "0.33", "0.33"]);
}

#[test]
fn what_cannot_be_priced_is_refused_by_name_and_place() {
    let rows = [
        ("{", 2, "bad_input", "line 1, column 1"),
        ("", 2, "bad_input", "line 1, column 0"),
        ("[]", 2, "bad_input", "column 2"),
        (
            "{\n \"currency\": \"EUR\",\n \"colour\": 1, \"lines\": []}",
            2,
            "bad_input",
            "line 3, column 9: unknown field `colour`",
        ),
        (
            r#"{"currency":"EUR","lines":[{"unit_price":"1","quantity":"1","taxes":[{"code":"T","kind":"percent","rate":"1","ratio":"2"}]}]}"#,
            2,
            "bad_input",
            "unknown field `ratio`",
        ),
        (
            r#"{"currency":"EUR","lines":[{"unit_price":1.5,"quantity":"1"}]}"#,
            2,
            "bad_input",
            "floating point `1.5`, expected a decimal string",
        ),
        (
            r#"{"currency":"EUR","lines":[{"unit_price":"1e3","quantity":"1"}]}"#,
            2,
            "bad_input",
            "\"1e3\" is not a decimal",
        ),
        (
            r#"{"currency":"XXX","lines":[]}"#,
            2,
            "bad_input",
            "ISO 4217",
        ),
        (
            r#"{"lines":[]}"#,
            2,
            "bad_input",
            "missing field `currency`",
        ),
        (
            r#"{"currency":"EUR","lines":[{"unit_price":"1","quantity":"1","taxes":[{"code":"T","kind":"percent"}]}]}"#,
            2,
            "bad_input",
            "`rate`",
        ),
        (
            r#"{"currency":"EUR","lines":[],"tenders":[{"kind":"shells"}]}"#,
            2,
            "bad_input",
            "unknown word `shells`",
        ),
        (
            r#"{"currency":"EUR","lines":[{"id":"tea","unit_price":"-1","quantity":"1"}]}"#,
            1,
            "negative",
            "Line \"tea\"",
        ),
        (
            r#"{"currency":"EUR","lines":[{"id":"tea","unit_price":"999999999999","quantity":"99"}]}"#,
            1,
            "absurd",
            "Line \"tea\"",
        ),
        (
            r#"{"currency":"EUR","lines":[{"id":"tea","unit_price":"1","quantity":"1.2345"}]}"#,
            1,
            "absurd",
            "three places",
        ),
        (
            r#"{"currency":"EUR","lines":[{"id":"tea","unit_price":"1","quantity":"1","discounts":[{"percent":"101"}]}]}"#,
            1,
            "percent_over100",
            "101",
        ),
        (
            r#"{"currency":"EUR","lines":[{"unit_price":"1","quantity":"1"}],"tenders":[{"kind":"card","amount":"2.00"}]}"#,
            1,
            "over_due",
            "1.00",
        ),
        (
            r#"{"currency":"EUR","lines":[],"discounts":[{"amount":"0.005"}]}"#,
            1,
            "not_a_number",
            "discounts[0].amount",
        ),
    ];
    let nowhere = tempfile::tempdir().unwrap();
    for (input, expected, word, part) in rows {
        let (exit, document) = asked(nowhere.path(), &["price"], input);
        let message = document["error"]["message"].as_str().unwrap_or_default();
        assert_eq!(
            (exit, code(&document)),
            (expected, word),
            "{input}: {message}"
        );
        assert!(message.contains(part), "{input}: {message}");
        let plain = till(nowhere.path(), &["price"], input);
        assert_eq!(exit, plain.status.code().unwrap());
        assert!(plain.stdout.is_empty(), "{input}");
        assert!(text(&plain.stderr).contains(part), "{input}");
    }
}

// ---- the day, by command ----

#[test]
fn a_day_by_command() {
    let folder = shop();
    let at = folder.path();
    let lines = json!([{ "code": "8700000012011", "quantity": "2" }, { "code": "2100001", "quantity": "0.412" }]);
    let (exit_code, sold) = asked(
        at,
        &["sell"],
        &sale(lines, json!([{ "kind": "cash", "amount": "10.00" }])),
    );
    assert_eq!(exit_code, 0, "{sold}");
    assert_eq!(sold["receipt"], "1-000001");
    assert_eq!(sold["sale"]["total"], "3.47");
    assert_eq!(sold["change"], "6.55", "3.47 is 3.45 in cash");

    let refund = json!({
        "user": "Inés Núñez", "pin": "1111", "receipt": "1-000001", "reason": "damaged",
        "lines": [{ "product": "1201", "quantity": "1", "restock": true }],
    });
    let (exit_code, back) = asked(at, &["refund"], &refund.to_string());
    assert_eq!((exit_code, &back["total"]), (0, &json!("1.25")), "{back}");
    let mut twice = refund;
    twice["lines"][0]["quantity"] = json!("2");
    let (exit_code, document) = asked(at, &["refund"], &twice.to_string());
    assert_eq!((exit_code, code(&document)), (1, "more_than_sold"));

    let who = ["--user", "Inés Núñez"];
    let x_page = at.join("x.pdf");
    let x_out = x_page.to_str().unwrap();
    for (args, input, expected) in [
        (&["shift", "paid-in", "20.00", "coins"][..], "1111\n", 0),
        (&["shift", "paid-out", "150.00", "rent"], "1111\n", 1),
        (
            &[
                "shift",
                "paid-out",
                "150.00",
                "rent",
                "--manager",
                "Marta Peña",
            ],
            "1111\n9876\n",
            0,
        ),
        (&["shift", "no-sale", "meter"], "1111\n", 0),
        (&["report", "x"], "1111\n", 0),
        (
            &["report", "x", "--format", "pdf", "--out", x_out],
            "1111\n",
            0,
        ),
        (&["shift", "count", "20.00=1", "0.20=11"], "1111\n", 0),
        (&["shift", "close"], "1111\n", 0),
    ] {
        let mut all = args.to_vec();
        all.extend(who);
        let output = till(at, &all, input);
        assert_eq!(
            exit(&output),
            expected,
            "{all:?}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
    }
    let (exit_code, z) = asked(at, &["report", "z"], "");
    assert_eq!((exit_code, &z["title"]), (0, &json!("Z report 1")), "{z}");
    let page = at.join("z.pdf");
    let output = till(
        at,
        &[
            "report",
            "z",
            "1",
            "--format",
            "pdf",
            "--out",
            page.to_str().unwrap(),
        ],
        "",
    );
    assert_eq!(exit(&output), 0, "{}", text(&output.stderr));
    for page in [page, x_page] {
        assert!(std::fs::read(page).unwrap().starts_with(b"%PDF"));
    }
    let slip = till(at, &["receipt", "1-000001"], "");
    assert!(
        text(&slip.stdout).to_uppercase().contains("DUPLICATE"),
        "{}",
        text(&slip.stdout)
    );
    let (exit_code, found) = asked(at, &["receipt", "1-000009"], "");
    assert_eq!((exit_code, code(&found)), (1, "not_found"));
}

#[test]
fn dollars_and_a_voucher_by_command() {
    let folder = shop();
    let at = folder.path();
    let milk = json!([{ "code": "8700000012011", "quantity": "2" }]);
    let dollars = json!([{ "kind": "foreign_cash", "currency": "USD", "amount": "20.00" }]);
    let (exit_code, sold) = asked(at, &["sell"], &sale(milk.clone(), dollars));
    assert_eq!(exit_code, 0, "{sold}");
    assert_eq!(sold["change"], "14.50");
    assert_eq!(sold["sale"]["tenders"][0]["given"], "20.00", "{sold}");
    let voucher = json!([
        { "kind": "voucher", "number": "GV-1", "amount": "1.00" },
        { "kind": "cash" },
    ]);
    let (exit_code, sold) = asked(at, &["sell"], &sale(milk.clone(), voucher));
    assert_eq!((exit_code, &sold["change"]), (0, &json!("0.00")), "{sold}");
    for (tender, exit_code, says) in [
        (
            json!({ "kind": "foreign_cash", "amount": "5.00" }),
            2,
            "`currency`",
        ),
        (
            json!({ "kind": "foreign_cash", "currency": "USD" }),
            2,
            "`amount`",
        ),
        (
            json!({ "kind": "foreign_cash", "currency": "CHF", "amount": "5.00" }),
            1,
            "not possible",
        ),
        (
            json!({ "kind": "voucher", "amount": "5.00" }),
            2,
            "`number`",
        ),
    ] {
        let (exit, refused) = asked(at, &["sell"], &sale(milk.clone(), json!([tender])));
        assert_eq!(exit, exit_code, "{refused}");
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(message.contains(says), "{message}");
    }
    // €150.00 − €14.50 + €1.50.
    let who = ["--user", "Inés Núñez"];
    for (args, words) in [
        (
            &[
                "shift",
                "count",
                "50.00=2",
                "20.00=1",
                "10.00=1",
                "5.00=1",
                "2.00=1",
                "--foreign",
                "USD=20.00",
            ][..],
            "difference $0.00",
        ),
        (&["shift", "close"], "USD AGREES"),
    ] {
        let output = till(at, &[args, &who].concat(), "1111\n");
        let said = text(&output.stdout);
        assert_eq!(exit(&output), 0, "{said}{}", text(&output.stderr));
        assert!(said.contains(words), "{said}");
    }
    let (exit_code, z) = asked(at, &["report", "z"], "");
    assert_eq!(
        (exit_code, &z["verdict"]),
        (0, &json!("Books agree.")),
        "{z}"
    );
}

#[test]
fn a_refused_sale_leaves_nothing_on_the_counter() {
    let folder = shop();
    let milk = json!([{ "code": "8700000012011" }]);
    let rows = [
        (
            sale(json!([{ "code": "8700000012012" }]), json!([])),
            "barcode_check_digit",
        ),
        (
            sale(json!([{ "code": "4242424242424242" }]), json!([])),
            "looks_like_card",
        ),
        (sale(milk.clone(), json!([])), "underpaid"),
        (
            sale(
                milk.clone(),
                json!([{ "kind": "cash", "amount": "99999999.00" }]),
            ),
            "absurd",
        ),
        (
            sale(milk.clone(), json!([{ "kind": "saved_card" }])),
            "no_saved_card",
        ),
        (
            sale(json!([]), json!([{ "kind": "cash", "amount": "1.00" }])),
            "sale_empty",
        ),
        (
            sale(
                json!([{ "product": "1437", "quantity": "3" }]),
                json!([{ "kind": "simulated_reader" }]),
            ),
            "over_limit",
        ),
    ];
    for (input, expected) in rows {
        let (exit, document) = asked(folder.path(), &["sell"], &input);
        assert_eq!(
            (exit, code(&document)),
            (1, expected),
            "{input}: {document}"
        );
    }
    // The next sale is not in the way of what was left of one before.
    let (exit, sold) = asked(
        folder.path(),
        &["sell"],
        &sale(milk, json!([{ "kind": "cash", "amount": "1.25" }])),
    );
    assert_eq!((exit, &sold["receipt"]), (0, &json!("1-000001")), "{sold}");
}

#[test]
fn a_card_is_charged_through_the_stand_in_and_a_declined_one_is_not() {
    let folder = shop();
    let mut child = Command::new(env!("CARGO_BIN_EXE_till"))
        .args(["stand-in", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut url = String::new();
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(child.stdout.take().unwrap()),
        &mut url,
    )
    .unwrap();
    let url = url.trim();
    let key = "rk_test_standin0000000000000000\n";
    let connect = ["stripe", "connect", "--without-keyring", "--api-base", url];
    let (exit, document) = asked(folder.path(), &connect, "rk_live_1\n");
    assert_eq!((exit, code(&document)), (1, "live_key_refused"));
    let (exit, document) = asked(folder.path(), &connect, "rk_test_wrong\n");
    assert_eq!((exit, code(&document)), (1, "stripe_key_refused"));
    let (exit, joined) = asked(folder.path(), &connect, key);
    assert_eq!((exit, &joined["livemode"]), (0, &json!(false)), "{joined}");

    let milk = json!([{ "code": "8700000012011", "quantity": "2" }]);
    let card = sale(milk, json!([{ "kind": "saved_card" }]));
    let of = |customer: &str| {
        let mut sale: Value = serde_json::from_str(&card).unwrap();
        sale["customer"] = json!(customer);
        format!("{key}{sale}")
    };
    let sell = ["sell", "--key-from-stdin"];
    let (exit, sold) = asked(folder.path(), &sell, &of("Ana Ortega"));
    assert_eq!(
        (exit, &sold["sale"]["tenders"][0]["state"]),
        (0, &json!("certain")),
        "{sold}"
    );
    let (exit, declined) = asked(folder.path(), &sell, &of("Tom Bakker"));
    assert_eq!(
        (exit, code(&declined)),
        (1, "tender_unavailable"),
        "{declined}"
    );
    let (exit, offline) = asked(
        folder.path(),
        &["sell"],
        of("Ana Ortega").trim_start_matches(key),
    );
    assert_eq!(
        (exit, &offline["at_risk"]),
        (0, &json!("2.50")),
        "no keyring, no key: queued"
    );
    let (exit, sent) = asked(
        folder.path(),
        &["outbox", "send", "--until-quiet", "--key-from-stdin"],
        key,
    );
    assert_eq!(
        (exit, &sent["outbox"]["waiting"]),
        (0, &json!([])),
        "{sent}"
    );
    assert_eq!(sent["outbox"]["at_risk"], "0.00");

    // A key of real money: refused before it is used.
    let (exit, refused) = asked(
        folder.path(),
        &["outbox", "send", "--key-from-stdin"],
        "rk_live_of_another_day\n",
    );
    assert_eq!(
        (exit, code(&refused)),
        (1, "stripe_account_differs"),
        "{refused}"
    );

    let compare = ["reconcile", "--key-from-stdin"];
    let (exit, found) = asked(folder.path(), &compare, key);
    assert_eq!((exit, &found["differences"]), (0, &json!([])), "{found}");
    assert!(found["charges"].as_u64() >= Some(2), "{found}");
    // A charge that says it is of this till, and the journal has not.
    let form = "amount=500&currency=eur&metadata[till_id]=till-1&metadata[tender_id]=x";
    let port = url.rsplit(':').next().unwrap();
    let mut line = std::net::TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    write!(
        line,
        "POST /v1/payment_intents HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Authorization: Bearer {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{form}",
        key.trim(),
        form.len()
    )
    .unwrap();
    let mut made = String::new();
    std::io::Read::read_to_string(&mut line, &mut made).unwrap();
    assert!(made.contains("200 OK"), "{made}");
    for args in [&compare[..], &["reconcile", "--last"]] {
        let (exit, found) = asked(folder.path(), args, key);
        assert_eq!(exit, 3, "{found}");
        assert_eq!(found["differences"][0]["kind"], "not_here");
        assert_eq!(found["differences"][0]["there"]["amount"], "5.00");
    }

    let (exit, document) = asked(
        folder.path(),
        &["stand-in", "--listen", &format!("127.0.0.1:{port}")],
        "",
    );
    assert_eq!((exit, code(&document)), (1, "port_taken"));
    child.kill().unwrap();
    child.wait().unwrap();
    for args in [&connect[..], &compare] {
        let (exit, document) = asked(folder.path(), args, key);
        assert_eq!((exit, code(&document)), (5, "offline"));
    }
}

#[test]
fn a_pin_that_is_guessed_locks() {
    let folder = shop();
    let guess = |pin: &str| {
        asked(
            folder.path(),
            &["report", "x", "--user", "Daan de Wit"],
            &format!("{pin}\n"),
        )
    };
    for left in ["4 tries left", "3 tries left", "2 tries left", "1 try left"] {
        let (exit, document) = guess("0000");
        assert_eq!((exit, code(&document)), (1, "pin_wrong"));
        let message = document["error"]["message"].as_str().unwrap();
        assert!(message.contains(left), "{message}");
    }
    for pin in ["0000", "2222"] {
        let (exit, document) = guess(pin);
        assert_eq!(
            (exit, code(&document)),
            (1, "pin_locked"),
            "also the right one"
        );
    }
    let (exit, document) = asked(folder.path(), &["report", "x", "--user", "Daan de Wit"], "");
    assert_eq!((exit, code(&document)), (2, "bad_input"), "no PIN at all");
}

// ---- folders that cannot be used ----

#[test]
fn a_folder_that_cannot_be_used_is_said_to_be() {
    let folder = shop();
    let lock = File::options()
        .write(true)
        .open(folder.path().join("till.lock"))
        .unwrap();
    lock.lock().unwrap();
    let (exit, document) = asked(folder.path(), &["outbox", "list"], "");
    assert_eq!((exit, code(&document)), (4, "data_in_use"));
    drop(lock);

    let broken = tempfile::tempdir().unwrap();
    std::fs::write(
        broken.path().join("till.db"),
        "not a database at all".repeat(400),
    )
    .unwrap();
    let (exit, document) = asked(broken.path(), &["outbox", "list"], "");
    assert_eq!((exit, code(&document)), (1, "database_unreadable"));
    assert!(
        std::fs::read_to_string(broken.path().join("till.db"))
            .unwrap()
            .starts_with("not a database"),
        "it was not changed"
    );

    let empty = tempfile::tempdir().unwrap();
    let (exit, document) = asked(empty.path(), &["outbox", "list"], "");
    assert_eq!((exit, code(&document)), (1, "no_shop"));
    assert!(!empty.path().join("till.db").exists(), "and none was made");
}

#[test]
fn mistakes_in_the_arguments_exit_2() {
    let nowhere = tempfile::tempdir().unwrap();
    for args in [
        &["sel"][..],
        &["demo", "--faults", "2"],
        &["demo", "--sales", "1"],
        &["init"],
        &["sell", "--pin", "1111"],
        &["stripe", "connect", "--key", "sk_test_1"],
        &["stand-in", "--listen", "0.0.0.0:12111"],
    ] {
        let (exit, document) = asked(nowhere.path(), args, "");
        assert_eq!((exit, code(&document)), (2, "bad_input"), "{args:?}");
    }
    for args in [
        &["--help"][..],
        &["sell", "--help"],
        &["--version"],
        &["man"],
        &["completions", "bash"],
    ] {
        let output = till(nowhere.path(), args, "");
        assert_eq!(exit(&output), 0, "{args:?}");
        assert!(!output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn a_new_shop_has_a_manager_whose_pin_was_typed() {
    let folder = tempfile::tempdir().unwrap();
    let init = [
        "init",
        "--profile",
        "NL",
        "--name",
        "De Hoek",
        "--manager",
        "Marta",
    ];
    let (exit, document) = asked(folder.path(), &init, "12\n");
    assert_eq!(
        (exit, code(&document)),
        (1, "bad_text"),
        "two digits are no PIN"
    );
    let (exit, shop) = asked(folder.path(), &init, "482917\n");
    assert_eq!((exit, &shop["currency"]), (0, &json!("EUR")));
    let (exit, document) = asked(folder.path(), &init, "482917\n");
    assert_eq!((exit, code(&document)), (1, "shop_exists"));
}

#[test]
fn a_new_shop_in_a_country_of_provinces_names_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let init = |place: &[&str]| {
        let mut args = vec!["init", "--profile", "ca", "--name", "Chez Marta"];
        args.extend(place);
        asked(folder.path(), &args, "482917\n")
    };
    let (exit, document) = init(&[]);
    assert_eq!((exit, code(&document)), (2, "bad_input"));
    let said = document["error"]["message"].as_str().unwrap();
    assert!(said.contains("CA-QC"), "{said}");
    let (exit, document) = init(&["--place", "CA-XX"]);
    assert_eq!((exit, code(&document)), (1, "not_found"));
    let (exit, shop) = init(&["--place", "CA-QC", "--currency", "CAD"]);
    assert_eq!((exit, &shop["currency"]), (0, &json!("CAD")), "{shop}");
}

// ---- settings, staff, products ----

#[test]
fn an_empty_shop_gets_its_settings_staff_and_products_and_sells() {
    let folder = tempfile::tempdir().unwrap();
    let (exit, _) = asked(
        folder.path(),
        &[
            "init",
            "--profile",
            "US",
            "--place",
            "US-OWN",
            "--name",
            "Corner",
            "--manager",
            "Ada",
        ],
        "482917\n",
    );
    assert_eq!(exit, 0);
    // The shop's own rate, on standard input after the PIN.
    let rate = "482917\n[[taxes]]\ncode = \"own\"\n\
                rates = [{ from = \"2026-01-01\", rate = \"8.625\" }]\n";
    let (exit, set) = asked(
        folder.path(),
        &["settings", "set", "-", "--user", "Ada"],
        rate,
    );
    assert_eq!(exit, 0, "{set}");
    assert_eq!(set["changed"][0]["setting"], json!("taxes.own.rates"));
    let (exit, refused) = asked(
        folder.path(),
        &["settings", "set", "-", "--user", "Ada"],
        "482917\nfooter = 7\n",
    );
    assert_eq!((exit, code(&refused)), (2, "bad_input"));
    let said = refused["error"]["message"].as_str().unwrap();
    assert!(said.contains("standard input, line 1, column 10"), "{said}");

    // What is shown can be set.
    let shown = till(folder.path(), &["settings", "show"], "");
    let file = folder.path().join("shop.toml");
    std::fs::write(&file, &shown.stdout).unwrap();
    let (exit, set) = asked(
        folder.path(),
        &["settings", "set", file.to_str().unwrap(), "--user", "Ada"],
        "482917\n",
    );
    assert_eq!((exit, &set["changed"]), (0, &json!([])));

    let (exit, _) = asked(
        folder.path(),
        &["users", "add", "Bob", "--role", "cashier", "--user", "Ada"],
        "482917\n1357\n",
    );
    assert_eq!(exit, 0);
    let (_, staff) = asked(folder.path(), &["users", "list"], "");
    assert_eq!(staff[1]["name"], json!("Bob"));
    assert_eq!(staff[1]["role"], json!("cashier"));

    let products = folder.path().join("products.csv");
    std::fs::write(
        &products,
        "sku,name,price,tax\n1,Mug,10.00,standard\n2,Milk,x,grocery\n",
    )
    .unwrap();
    let import = |who: &str, pin: &str| {
        asked(
            folder.path(),
            &[
                "products",
                "import",
                products.to_str().unwrap(),
                "--user",
                who,
            ],
            pin,
        )
    };
    let (exit, done) = import("Ada", "482917\n");
    assert_eq!(exit, 2, "{done}");
    assert_eq!(done["bad"][0]["line"], json!(3));
    let (exit, found) = asked(folder.path(), &["products", "find", "Mug"], "");
    assert_eq!((exit, found), (0, json!([])), "nothing was added");
    std::fs::write(
        &products,
        "sku,name,price,tax\n1,Mug,10.00,standard\n2,Milk,2.00,grocery\n",
    )
    .unwrap();
    let (exit, refused) = import("Bob", "1357\n");
    assert_eq!((exit, code(&refused)), (1, "needs_manager"));
    let (exit, done) = import("Ada", "482917\n");
    assert_eq!((exit, &done["added"]), (0, &json!(2)));
    let exported = till(folder.path(), &["products", "export"], "");
    assert!(text(&exported.stdout).contains("\n1,Mug,,10.00,each,standard,,,,0\n"));

    let opened = till(
        folder.path(),
        &["shift", "open", "100.00", "--user", "Bob"],
        "1357\n",
    );
    assert_eq!(opened.status.code(), Some(0), "{}", text(&opened.stderr));
    let sale = json!({
        "user": "Bob", "pin": "1357",
        "lines": [{ "code": "1" }],
        "tenders": [{ "kind": "cash", "amount": "20.00" }],
    });
    let (exit, sold) = asked(folder.path(), &["sell"], &sale.to_string());
    assert_eq!(exit, 0, "{sold}");
    assert_eq!(
        sold["sale"]["total"],
        json!("10.86"),
        "8.625 % on top, half a cent up"
    );

    // Who buys to sell again pays no tax, once a manager has seen the certificate.
    let mut resale = sale.clone();
    resale["tax_set"] = json!("certificate");
    let (exit, refused) = asked(folder.path(), &["sell"], &resale.to_string());
    assert_eq!((exit, code(&refused)), (1, "needs_manager"));
    resale["manager"] = json!({ "user": "Ada", "pin": "482917", "reason": "certificate 17" });
    let (exit, sold) = asked(folder.path(), &["sell"], &resale.to_string());
    assert_eq!(
        (exit, &sold["sale"]["total"]),
        (0, &json!("10.00")),
        "{sold}"
    );

    let (exit, _) = asked(
        folder.path(),
        &["users", "disable", "Bob", "--user", "Ada"],
        "482917\n",
    );
    assert_eq!(exit, 0);
    let (exit, refused) = asked(folder.path(), &["sell"], &sale.to_string());
    assert_eq!((exit, code(&refused)), (1, "not_found"));
    let (exit, _) = asked(folder.path(), &["journal", "verify"], "");
    assert_eq!(exit, 0);
}

// ---- profiles ----

#[test]
fn profiles_are_listed_shown_and_checked_without_a_shop() {
    let nowhere = tempfile::tempdir().unwrap();
    let (exit, list) = asked(nowhere.path(), &["profiles", "list"], "");
    assert_eq!(exit, 0, "{list}");
    assert_eq!(list["profiles"].as_array().unwrap().len(), 21);
    assert_eq!(list["unreadable"], json!([]));

    let shown = till(
        nowhere.path(),
        &["profiles", "show", "fi", "--on", "2024-08-31"],
        "",
    );
    assert_eq!(shown.status.code(), Some(0));
    assert!(
        text(&shown.stdout).contains(" 24 %"),
        "{}",
        text(&shown.stdout)
    );
    let (exit, shown) = asked(nowhere.path(), &["profiles", "show", "FI"], "");
    assert_eq!(exit, 0);
    assert_eq!(
        shown["profile"]["taxes"][0]["rates"][1],
        json!({ "from": "2024-09-01", "rate": "25.5" })
    );
    let (exit, document) = asked(nowhere.path(), &["profiles", "show", "ZZ"], "");
    assert_eq!((exit, code(&document)), (1, "not_found"));
    assert!(!nowhere.path().join("till.db").exists(), "no shop is made");
}

#[test]
fn another_folder_of_profiles_is_used_and_what_is_wrong_in_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let named = folder.path().join("mine");
    std::fs::create_dir(&named).unwrap();
    let dir = named.to_str().unwrap();
    let (exit, document) = asked(
        folder.path(),
        &[
            "--profiles",
            dir,
            "init",
            "--profile",
            "NL",
            "--name",
            "De Hoek",
        ],
        "482917\n",
    );
    assert_eq!((exit, code(&document)), (1, "no_profiles"));
    assert!(document["error"]["message"].as_str().unwrap().contains(dir));

    let (_, list) = asked(folder.path(), &["profiles", "list"], "");
    let source = Path::new(list["folder"].as_str().unwrap()).join("NL.toml");
    let good = std::fs::read_to_string(source).unwrap();
    std::fs::write(named.join("NL.toml"), good.replace("\"21\"", "\"22\"")).unwrap();
    std::fs::write(named.join("BE.toml"), good.replace("\"21\"", "21")).unwrap();
    let (exit, list) = asked(folder.path(), &["--profiles", dir, "profiles", "list"], "");
    assert_eq!((exit, list["profiles"].as_array().unwrap().len()), (1, 1));
    let wrong = list["unreadable"][0].as_str().unwrap();
    assert!(
        wrong.contains("BE.toml, line ") && wrong.contains("`taxes.rate`"),
        "{wrong}"
    );
    let file = named.join("BE.toml");
    let (exit, document) = asked(
        folder.path(),
        &["profiles", "check", file.to_str().unwrap()],
        "",
    );
    assert_eq!((exit, code(&document)), (2, "bad_input"));

    let (exit, _) = asked(
        folder.path(),
        &[
            "--profiles",
            dir,
            "init",
            "--profile",
            "NL",
            "--name",
            "De Hoek",
        ],
        "482917\n",
    );
    assert_eq!(exit, 0);
}

// ---- the journal ----

#[test]
fn an_exported_journal_verifies_alone_and_a_changed_byte_is_found() {
    let folder = shop();
    for _ in 0..3 {
        let sold = till(
            folder.path(),
            &["sell"],
            &sale(
                json!([{ "code": "8700000012011" }]),
                json!([{ "kind": "cash" }]),
            ),
        );
        assert_eq!(exit(&sold), 0, "{}", text(&sold.stderr));
    }
    let (exit_code, verified) = asked(folder.path(), &["journal", "verify"], "");
    assert_eq!((exit_code, &verified["verifies"]), (0, &json!(true)));
    let (exit_code, rebuilt) = asked(folder.path(), &["journal", "rebuild"], "");
    assert_eq!((exit_code, &rebuilt["differing"]), (0, &json!([])));

    let exported = till(folder.path(), &["journal", "export"], "").stdout;
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("journal.jsonl");
    let verify = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        asked(
            elsewhere.path(),
            &["journal", "verify", "--from", file.to_str().unwrap()],
            "",
        )
    };
    let (exit_code, alone) = verify(&exported);
    assert_eq!((exit_code, &alone["head"]), (0, &verified["head"]));
    // Every so many bytes: the whole file is covered over the run of positions.
    for at in (0..exported.len()).step_by(97) {
        let mut changed = exported.clone();
        changed[at] ^= 1;
        if changed[at] == b'\n' || exported[at] == b'\n' {
            continue;
        }
        let (exit_code, document) = verify(&changed);
        assert_eq!(
            (exit_code, code(&document)),
            (3, "journal_broken"),
            "byte {at}"
        );
    }
    let without_first: Vec<u8> = exported.splitn(2, |b| *b == b'\n').nth(1).unwrap().to_vec();
    let (exit_code, _) = verify(&without_first);
    assert_eq!(exit_code, 3, "an entry is missing");
}

// ---- the demo ----

#[test]
fn a_seed_is_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("pages");
    let play = |seed: &str, data: &str| {
        till(
            &folder.path().join(data),
            &[
                "demo",
                "--sales",
                "40",
                "--seed",
                seed,
                "--faults",
                "0.3",
                "--out",
                out.to_str().unwrap(),
            ],
            "",
        )
    };
    let first = play("7", "a");
    assert_eq!(
        exit(&first),
        0,
        "{}{}",
        text(&first.stdout),
        text(&first.stderr)
    );
    let second = play("7", "b");
    assert_eq!(text(&first.stdout), text(&second.stdout));
    let other = play("8", "c");
    assert_eq!(exit(&other), 0, "{}", text(&other.stderr));
    assert_ne!(text(&first.stdout), text(&other.stdout));
    let said = text(&first.stdout);
    assert!(said.contains("Books agree."), "{said}");
    let difference = said
        .lines()
        .find(|l| l.trim_start().starts_with("Difference"))
        .unwrap();
    assert!(difference.ends_with("0.00"), "{difference}");
    assert!(out.join("z-000001.pdf").exists());
    // What it leaves behind is a shop like any other.
    let left = folder.path().join("a");
    let (exit_code, _) = asked(&left, &["journal", "verify"], "");
    assert_eq!(exit_code, 0);
    let (exit_code, z) = asked(&left, &["report", "z"], "");
    assert_eq!((exit_code, &z["verdict"]), (0, &json!("Books agree.")));
    let again = till(&left, &["demo", "--sales", "40"], "");
    assert_eq!(exit(&again), 1, "a folder with a shop is not played in");
}

/// One code's answer.
fn scanned(folder: &Path, more: &[&str], code: &str) -> (i32, Value) {
    let mut args = vec!["barcode"];
    args.extend(more);
    args.push(code);
    let (exit, mut all) = asked(folder, &args, "");
    (exit, all[0].take())
}

#[test]
fn a_barcode_is_answered_as_the_contract_says() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let rules = at.join("rules.json");
    std::fs::write(
        &rules,
        r#"[{"pattern": "02.....{NNNDD}.", "kind": "price"}]"#,
    )
    .unwrap();
    let by_rules = ["--rules", rules.to_str().unwrap()];
    assert_eq!(
        scanned(at, &by_rules, "0298765004993"),
        (
            0,
            json!({
                "code": "0298765004993", "symbology": "ean13", "valid": true, "check_digit": 3,
                "rule": "02.....{NNNDD}.", "item_code": "0298765000001",
                "value": { "kind": "price", "amount": "4.99" },
                "gs1": null, "product": null, "error": null
            })
        )
    );
    let gs1 = json!({"01": "09501101530003", "3103": "1.750", "17": "2027-02-28", "10": "AB-1"});
    for code in [
        "010950110153000331030017501727022810AB-1",
        "]C1010950110153000331030017501727020010AB-1",
        "0109501101530003310300175010AB-1\u{1D}17270200",
        "(01)09501101530003(3103)001750(17)270228(10)AB-1",
    ] {
        let (exit, answer) = scanned(at, &by_rules, code);
        assert_eq!((exit, &answer["gs1"]), (0, &gs1), "{code}");
        assert_eq!(answer["code"], *code);
        for field in [
            "rule",
            "item_code",
            "value",
            "product",
            "error",
            "check_digit",
        ] {
            assert_eq!(answer[field], Value::Null, "{code}: {field}");
        }
    }
    for (code, symbology, digit) in [
        ("4006381333931", "ean13", json!(1)),
        ("96385074", "ean8", json!(4)),
        ("036000291452", "upca", json!(2)),
        ("04252614", "upce", json!(4)),
        ("15400141288763", "itf14", json!(3)),
        ("KAAS-17 b", "code128", json!(null)),
    ] {
        let (exit, answer) = scanned(at, &[], code);
        assert_eq!(exit, 0, "{answer}");
        assert_eq!(answer["symbology"], symbology);
        assert_eq!(
            (&answer["valid"], &answer["check_digit"]),
            (&json!(true), &digit)
        );
    }
    for (scan, refused) in [
        ("4006381333932", "barcode_check_digit"),
        ("40063813339", "barcode_truncated"),
        ("40063813339314006381333931", "barcode_length"),
        ("(01)0950110153000", "barcode_truncated"),
        ("(10)123456789012345678901", "barcode_length"),
        ("(01)09501101530003(05)1", "barcode_unknown_ai"),
        ("(01)09501101530003(17)271301", "barcode_date"),
        ("(01)09501101530003(10)a^b", "barcode_characters"),
        ("]C1\u{1D}\u{1D}", "barcode_malformed"),
        ("Brötchen", "barcode_characters"),
    ] {
        let (exit, answer) = scanned(at, &[], scan);
        assert_eq!((exit, code(&answer)), (1, refused), "{answer}");
        assert_eq!(
            (&answer["valid"], &answer["code"]),
            (&json!(false), &json!(scan))
        );
        let sentence = answer["error"]["message"].as_str().unwrap();
        assert!(sentence.contains("Nothing was added."), "{sentence}");
    }
    // A card is not repeated, anywhere.
    let output = till(
        at,
        &["--json", "barcode", "4242424242424242", "4006381333931"],
        "",
    );
    assert_eq!(exit(&output), 1);
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(
        said.contains("looks_like_card") && !said.contains("4242"),
        "{said}"
    );
    let plain = till(at, &["barcode", "4242424242424242"], "");
    assert_eq!(exit(&plain), 1);
    assert!(!text(&plain.stdout).contains("4242"));
}

#[test]
fn codes_come_on_standard_input_too_and_bad_rules_are_named() {
    let folder = shop();
    let at = folder.path();
    let codes = "8700000012011\n2100001004125\r\nnothing\n]C101087000000120123103000412\n";
    for args in [&["barcode"][..], &["barcode", "-"]] {
        let (exit, all) = asked(at, args, codes);
        assert_eq!(
            exit, 1,
            "the third is a text that is read, the fourth is misread"
        );
        let all = all.as_array().unwrap();
        assert_eq!(all.len(), 4);
        assert_eq!(all[0]["product"]["sku"], "1201");
        assert_eq!(
            all[1]["value"],
            json!({ "kind": "weight", "amount": "0.412" })
        );
        assert_eq!(all[1]["rule"], "21.....{NNDDD}.");
        assert_eq!(all[1]["product"]["name"], "Bananen");
        assert_eq!(
            (&all[2]["valid"], &all[2]["product"]),
            (&json!(true), &json!(null))
        );
        assert_eq!(code(&all[3]), "barcode_check_digit");
    }
    let rules = at.join("rules.json");
    for (file, named) in [
        (
            r#"[{"pattern": "02.....{NNNDD.", "kind": "price"}]"#,
            "02.....{NNNDD.",
        ),
        (
            r#"[{"pattern": "02.....{NNNDD}.", "kind": "colour"}]"#,
            "colour",
        ),
        (
            r#"[{"pattern": "02.....NNNDD.", "kind": "price"}]"#,
            "one value",
        ),
        (
            r#"[{"pattern": "02.....{NNNDD}.", "kind": "price", "x": 1}]"#,
            "`x`",
        ),
        ("{}", "line 1"),
        ("[", "line 1"),
    ] {
        std::fs::write(&rules, file).unwrap();
        let args = ["barcode", "--rules", rules.to_str().unwrap(), "1042"];
        let (exit, answer) = asked(at, &args, "");
        let said = answer["error"]["message"].as_str().unwrap().to_owned();
        assert_eq!((exit, said.contains(named)), (2, true), "{file}: {said}");
    }
    let (exit, answer) = asked(
        at,
        &["barcode", "--rules", "/nowhere/rules.json", "1042"],
        "",
    );
    assert_eq!((exit, code(&answer)), (2, "bad_input"));
}

// ---- a card number ----

#[test]
fn no_command_repeats_a_card_number_in_what_it_says_or_logs() {
    let folder = shop();
    let at = folder.path();
    const CARD: &str = "4242 4242 4242 4242";
    let who = ["--user", "Inés Núñez"];
    let with_card = sale(
        json!([{ "code": CARD }]),
        json!([{ "kind": CARD, "amount": CARD }]),
    );
    let amount = sale(json!([]), json!([{ "kind": "cash", "amount": CARD }]));
    let reason = json!({ "user": "Inés Núñez", "pin": "1111", "receipt": CARD,
                         "lines": [], "reason": CARD })
    .to_string();
    let basket = basket(json!({ "unit_price": CARD }), json!({ "currency": CARD }));
    let promotions = at.join("promotions.json");
    let rows = json!({ "version": 1, "promotions": [{ "id": CARD, "name": CARD }] });
    std::fs::write(&promotions, rows.to_string()).unwrap();
    let promotions = promotions.display().to_string();
    for (args, input) in [
        (vec![CARD], ""),
        (vec!["demo", "--sales", CARD], ""),
        (vec!["shift", "paid-in", "1.00", CARD], "1111\n"),
        (vec!["shift", "paid-in", CARD, "x"], "1111\n"),
        (vec!["shift", "paid-out", "1.00", CARD], "1111\n"),
        (vec!["shift", "no-sale", CARD], "1111\n"),
        (vec!["shift", "count", CARD], "1111\n"),
        (vec!["shift", "close", "--note", CARD], "1111\n"),
        (vec!["recall", CARD], "1111\n"),
        (vec!["receipt", CARD], ""),
        (vec!["outbox", "show", CARD], ""),
        (vec!["reconcile", "--day", CARD], ""),
        (vec!["profiles", "show", CARD], ""),
        (vec!["barcode", CARD], ""),
        (vec!["report", "z", CARD], ""),
        (vec!["stand-in", "--listen", CARD], ""),
        (vec!["promotions", "import", &promotions], "9876\n"),
        (vec!["sell"], with_card.as_str()),
        (vec!["sell"], amount.as_str()),
        (vec!["refund"], reason.as_str()),
        (vec!["price"], basket.as_str()),
    ] {
        for json in [false, true] {
            let mut all = if json { vec!["--json"] } else { vec![] };
            all.extend(&args);
            if args.first() == Some(&"shift") || args.first() == Some(&"recall") {
                all.extend(who);
            }
            if args.first() == Some(&"promotions") {
                all.extend(["--user", "Marta Peña"]);
            }
            let mut child = Command::new(env!("CARGO_BIN_EXE_till"))
                .args(&all)
                .env("TILL_DATA", at)
                .env("TILL_LOG", "trace")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
            let output = child.wait_with_output().unwrap();
            assert_ne!(exit(&output), 0, "{all:?}");
            let said = text(&output.stdout) + &text(&output.stderr);
            assert!(!said.contains("4242"), "{all:?}: {said}");
        }
    }
}

// ---- saved cards ----

/// One request to the stand-in's own pages and controls.
fn browse(url: &str, method: &str, path: &str, body: &str) -> String {
    use std::io::Read as _;
    let address = url.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut seen = String::new();
    stream.read_to_string(&mut seen).unwrap();
    seen
}

#[test]
fn a_customer_saves_a_card_is_charged_and_has_it_removed() {
    let folder = shop();
    let mut child = Command::new(env!("CARGO_BIN_EXE_till"))
        .args(["stand-in", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut url = String::new();
    std::io::BufRead::read_line(
        &mut std::io::BufReader::new(child.stdout.take().unwrap()),
        &mut url,
    )
    .unwrap();
    let url = url.trim();
    let key = "rk_test_standin0000000000000000\n";
    let pin = "1111\n";
    let signed = format!("{key}{pin}");
    let connect = ["stripe", "connect", "--without-keyring", "--api-base", url];
    assert_eq!(asked(folder.path(), &connect, key).0, 0);
    let who = ["--user", "Inés Núñez"];
    let customers = |args: &[&str], input: &str| {
        let all = [&["customers"], args, &who].concat();
        asked(folder.path(), &all, input)
    };

    let new = ["add", "Lena Brandt", "--email", "lena@post.example"];
    let (exit, added) = customers(&new, pin);
    assert_eq!((exit, &added["card"]), (0, &Value::Null), "{added}");
    // The words first: nothing is asked of Stripe.
    let save = ["save-card", "Lena Brandt", "--key-from-stdin"];
    let (exit, refused) = customers(&save, &signed);
    assert_eq!((exit, code(&refused)), (1, "consent_missing"));
    let words = refused["error"]["message"].as_str().unwrap();
    assert!(
        words.contains("--agreed 1-72") && words.contains("I agree"),
        "{words}"
    );
    let agreed = [&save[..], &["--agreed", "1-72"]].concat();
    let (exit, saving) = customers(&agreed, &signed);
    assert_eq!(
        (exit, &saving["state"]),
        (0, &json!("page_open")),
        "{saving}"
    );
    let page = saving["url"].as_str().unwrap();
    assert!(page.starts_with(url), "a browser finds it: {page}");
    let page = page.trim_start_matches(url);
    let seen = browse(url, "GET", page, "");
    assert!(
        seen.contains("I agree that") && seen.contains("no money moves"),
        "{seen}"
    );
    let declined = browse(url, "POST", page, "card=pm_card_chargeDeclined");
    assert!(declined.contains("declined"), "{declined}");
    assert!(browse(url, "POST", page, "card=pm_card_mastercard").contains("Done"));
    // Another process finds out.
    let look = ["cards", "Lena Brandt", "--look", "--key-from-stdin"];
    let mut shown = Value::Null;
    for _ in 0..50 {
        let (exit, detail) = customers(&look, &signed);
        assert_eq!(exit, 0, "{detail}");
        shown = detail;
        if shown["saving"]["state"] == "saved" {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    assert_eq!(shown["customer"]["cards"][0]["last4"], "4444", "{shown}");

    let milk = json!([{ "code": "8700000012011", "quantity": "2" }]);
    let mut card: Value =
        serde_json::from_str(&sale(milk, json!([{ "kind": "saved_card" }]))).unwrap();
    card["customer"] = json!("Lena Brandt");
    let sell = ["sell", "--key-from-stdin"];
    let (exit, sold) = asked(folder.path(), &sell, &format!("{key}{card}"));
    assert_eq!(
        (exit, &sold["sale"]["tenders"][0]["state"]),
        (0, &json!("certain")),
        "{sold}"
    );
    // Here at once; Stripe is told as soon as there is a key to tell it with.
    let remove = ["remove-card", "Lena Brandt", "4444"];
    let (exit, left) = customers(&remove, pin);
    assert_eq!(
        (exit, &left["customer"]["cards"], &left["removing"]),
        (0, &json!([]), &json!(1)),
        "{left}"
    );
    let send = ["outbox", "send", "--key-from-stdin"];
    assert_eq!(asked(folder.path(), &send, key).0, 0);
    let (_, told) = customers(&["cards", "Lena Brandt"], pin);
    assert_eq!(told["removing"], json!(0), "{told}");
    let (exit, found) = asked(folder.path(), &["customers", "list", "lena"], "");
    assert_eq!((exit, &found[0]["card"]), (0, &Value::Null), "{found}");
    child.kill().unwrap();
    child.wait().unwrap();
}
