//! The stand-in on a socket, asked with bare bytes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;
use till_stand_in::{BindError, Config, Fault, StandIn, TEST_KEY, bind};

/// What came of one request: everything until the connection closed.
fn exchange(address: SocketAddr, method: &str, path: &str, key: &str, body: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: stripe\r\nAuthorization: Bearer {TEST_KEY}\r\n\
         Idempotency-Key: {key}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut seen = Vec::new();
    let mut part = [0; 4096];
    // A reset is an end as well.
    while let Ok(count @ 1..) = stream.read(&mut part) {
        seen.extend_from_slice(&part[..count]);
    }
    seen
}

/// The status, the length declared, and the body that came.
fn split(seen: &[u8]) -> (u16, usize, Vec<u8>) {
    let text = String::from_utf8_lossy(seen).into_owned();
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length: ")?
                .parse()
                .ok()
        })
        .unwrap_or_default();
    (status, length, seen[head.len() + 4..].to_vec())
}

async fn ask(address: SocketAddr, method: &str, path: &str, key: &str, body: &str) -> Vec<u8> {
    let (method, path, key, body) = (
        method.to_owned(),
        path.to_owned(),
        key.to_owned(),
        body.to_owned(),
    );
    tokio::task::spawn_blocking(move || exchange(address, &method, &path, &key, &body))
        .await
        .unwrap()
}

const FORM: &str = "amount=500&currency=eur&payment_method=pm_card_visa&confirm=true\
    &off_session=true&metadata[tender_id]=t";
const INTENTS: &str = "/v1/payment_intents";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_answered_and_its_key_replayed() {
    let server = bind(StandIn::new(Config::default()), 0).await.unwrap();
    for _ in 0..2 {
        let seen = ask(server.address(), "POST", INTENTS, "k", FORM).await;
        let (status, length, body) = split(&seen);
        assert_eq!((status, length), (200, body.len()));
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["status"], "succeeded");
    }
    assert_eq!(server.lock().ledger().charges_of("t"), 1);
    server.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_connection_is_broken_on_the_socket() {
    let server = bind(StandIn::new(Config::default()), 0).await.unwrap();
    for (fault, charged) in [(Fault::DropBefore, 0), (Fault::DropAfter, 1)] {
        server.lock().fail_next(fault);
        let seen = ask(server.address(), "POST", INTENTS, "k", FORM).await;
        assert_eq!(seen, b"", "{fault:?}");
        assert_eq!(server.lock().ledger().charges_of("t"), charged, "{fault:?}");
    }
    server.lock().fail_next(Fault::Truncate);
    let (status, length, body) = split(&ask(server.address(), "POST", INTENTS, "k", FORM).await);
    assert_eq!(status, 200);
    assert!(
        !body.is_empty() && body.len() < length,
        "{} of {length}",
        body.len()
    );
    let (status, length, body) = split(&ask(server.address(), "POST", INTENTS, "k", FORM).await);
    assert_eq!((status, body.len()), (200, length));
    assert_eq!(server.lock().ledger().charges_of("t"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_in_use_while_its_answer_is_slow() {
    let server = bind(StandIn::new(Config::default()), 0).await.unwrap();
    server.lock().fail_next(Fault::Slow { ms: 400 });
    let address = server.address();
    let slow = tokio::spawn(ask(address, "POST", INTENTS, "k", FORM));
    while server.lock().ledger().charges_of("t") == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        split(&ask(address, "POST", INTENTS, "k", FORM).await).0,
        409
    );
    assert_eq!(split(&slow.await.unwrap()).0, 200);
    assert_eq!(
        split(&ask(address, "POST", INTENTS, "k", FORM).await).0,
        200
    );
    assert_eq!(server.lock().ledger().charges_of("t"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_taken_is_named() {
    let server = bind(StandIn::new(Config::default()), 0).await.unwrap();
    let taken = server.address().port();
    match bind(StandIn::new(Config::default()), taken).await {
        Err(BindError::PortTaken { port }) => assert_eq!(port, taken),
        other => panic!("{other:?}"),
    }
    server.shut_down().await.unwrap();
    bind(StandIn::new(Config::default()), taken).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_controls_do_what_the_methods_do() {
    let server = bind(
        StandIn::new(Config {
            record: true,
            ..Config::default()
        }),
        0,
    )
    .await
    .unwrap();
    let address = server.address();
    let session = crate::pages_and_readers::SESSION;
    let (_, _, made) = split(&ask(address, "POST", "/v1/checkout/sessions", "s", session).await);
    let made: Value = serde_json::from_slice(&made).unwrap();
    let pay = format!("/_stand_in/pay/{}", made["id"].as_str().unwrap());
    for (method, path, body, status, holds) in [
        ("GET", "/_stand_in/health", "", 200, r#""ok": true"#),
        ("POST", "/_stand_in/clock", r#"{"advance": 60}"#, 200, "now"),
        (
            "POST",
            "/_stand_in/clock",
            r#"{"forward": 60}"#,
            400,
            "unknown field",
        ),
        (
            "POST",
            "/_stand_in/faults",
            r#"{"permille": 0}"#,
            200,
            "done",
        ),
        (
            "POST",
            "/_stand_in/faults",
            r#"{"rate": 0}"#,
            400,
            "unknown field",
        ),
        (
            "POST",
            "/_stand_in/faults/next",
            r#"{"fault": "drop_after"}"#,
            200,
            r#""waiting": 1"#,
        ),
        ("POST", "/_stand_in/faults", "{}", 200, "done"),
        (
            "POST",
            "/_stand_in/cards",
            r#"{"customer":"cus_A","payment_method":"pm_A","behaviour":{"declines":"lost_card"}}"#,
            200,
            "done",
        ),
        (
            "POST",
            "/_stand_in/readers/tmr_1",
            r#"{"busy": true}"#,
            200,
            "done",
        ),
        (
            "POST",
            "/_stand_in/readers/tmr_1/present",
            r#"{"card": "pm_card_visa", "tip": 50}"#,
            409,
            "not waiting",
        ),
        (
            "POST",
            "/_stand_in/readers/tmr_1/cancel",
            "",
            409,
            "no cancel button",
        ),
        (
            "POST",
            "/_stand_in/refunds/next",
            r#"{"pending_then_fails":{"seconds":5}}"#,
            200,
            "done",
        ),
        ("GET", pay.as_str(), "", 200, "Goudse kaas"),
        ("POST", pay.as_str(), "", 200, "done"),
        ("POST", pay.as_str(), "", 409, "complete"),
        ("GET", "/_stand_in/ledger", "", 200, r#""charged": 500"#),
        (
            "GET",
            "/_stand_in/transcript",
            "",
            200,
            "POST /v1/checkout/sessions",
        ),
        ("POST", "/_stand_in/outage", r#"{"on": true}"#, 200, "true"),
        ("GET", "/_stand_in/nothing", "", 404, "no such control"),
    ] {
        let (found, _, body) = split(&ask(address, method, path, "", body).await);
        let body = String::from_utf8(body).unwrap();
        assert_eq!(found, status, "{path}: {body}");
        assert!(body.contains(holds), "{path}: {body}");
    }
    assert_eq!(
        ask(address, "GET", "/v1/account", "", "").await,
        b"",
        "the line is down"
    );
    assert_eq!(
        split(&ask(address, "POST", "/_stand_in/outage", "", r#"{"on":false}"#).await).0,
        200
    );
    assert_eq!(
        split(&ask(address, "GET", "/v1/account", "", "").await).0,
        200
    );
}
