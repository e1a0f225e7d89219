//! API keys, and idempotency keys.

use serde_json::json;
use till_stand_in::{Fault, KEY_LIFETIME_S, RateLimitReason, Request, TEST_KEY};

use crate::{Till, answer, word};

const INTENTS: &str = "/v1/payment_intents";

#[test]
fn a_key_that_is_not_accepted_is_refused_and_not_repeated_in_full() {
    let mut till = Till::new();
    for (key, status) in [
        (Some(TEST_KEY), 200),
        (Some("sk_test_somebody_else"), 401),
        (Some("sk_live_0000000000000000"), 401),
        (None, 401),
    ] {
        let request = Request::get("/v1/account");
        let request = match key {
            Some(key) => request.key(key),
            None => request,
        };
        let reply = till.stripe.handle(&request);
        let answer = answer(&reply);
        assert_eq!(answer.status, status, "{key:?}");
        assert!(
            status == 200 || !String::from_utf8_lossy(&answer.body).contains(key.unwrap_or("?"))
        );
    }
}

#[test]
fn a_rolled_key_is_refused_from_then_on() {
    let mut till = Till::new();
    till.stripe.set_keys(vec!["rk_test_new".to_owned()]);
    assert_eq!(till.get("/v1/account").0, 401);
    let reply = till
        .stripe
        .handle(&Request::get("/v1/account").key("rk_test_new"));
    assert_eq!(answer(&reply).status, 200);
}

#[test]
fn another_api_version_is_refused() {
    let mut till = Till::new();
    for (version, status) in [("2026-10-28.endive", 200), ("2019-01-01", 400)] {
        let request = Request::get("/v1/account")
            .key(TEST_KEY)
            .header("Stripe-Version", version);
        assert_eq!(
            answer(&till.stripe.handle(&request)).status,
            status,
            "{version}"
        );
    }
}

/// Sends one form, then another under the same key after some time, and says
/// what became of the second.
#[track_caller]
fn check(first: &str, wait_s: i64, second: &str, expected: &str) {
    let mut till = Till::new();
    let one = till.send("key", INTENTS, first);
    till.stripe.advance(wait_s);
    let two = till.send("key", INTENTS, second);
    let (one, two) = (answer(&one), answer(&two));
    let found = if two.status >= 400 {
        format!("{} {}", two.status, word(&two.value(), "/error/type"))
    } else if one.value() == two.value() && two.header_value("Idempotent-Replayed") == Some("true")
    {
        "replayed".to_owned()
    } else {
        "new".to_owned()
    };
    assert_eq!(found, expected, "{first} then {second} after {wait_s} s");
}

#[test]
fn a_key_is_replayed_compared_and_pruned() {
    let form = "amount=500&currency=eur";
    check(form, 0, form, "replayed");
    check(form, KEY_LIFETIME_S - 1, form, "replayed");
    check(form, KEY_LIFETIME_S, form, "new");
    check(form, 0, "currency=eur&amount=500", "replayed");
    check(form, 0, "amount=501&currency=eur", "400 idempotency_error");
    // Nothing had begun, so nothing was kept.
    check("amount=5&currency=eur", 0, form, "new");
    check("amount=500&currency=eur&colour=red", 0, form, "new");
}

#[test]
fn one_key_on_two_endpoints_is_a_mismatch() {
    let mut till = Till::new();
    let intent = till.intent("t", 500, "pm_card_visa");
    till.send("key", &format!("{INTENTS}/{intent}/confirm"), "");
    let reply = till.send("key", &format!("{INTENTS}/{intent}/cancel"), "");
    assert_eq!(
        word(&answer(&reply).value(), "/error/type"),
        "idempotency_error"
    );
}

#[test]
fn a_decline_is_kept_under_its_key() {
    let mut till = Till::new();
    let intent = till.intent("t", 500, "pm_card_chargeDeclined");
    let path = format!("{INTENTS}/{intent}/confirm");
    let one = till.send("key", &path, "off_session=true");
    let two = till.send("key", &path, "off_session=true");
    assert_eq!(answer(&one).value(), answer(&two).value());
    assert_eq!(
        answer(&two).header_value("Idempotent-Replayed"),
        Some("true")
    );
}

#[test]
fn what_was_turned_away_is_not_kept() {
    for fault in [
        Fault::InUse409,
        Fault::RateLimited429 {
            reason: RateLimitReason::EndpointRate,
        },
        Fault::LockTimeout429,
        Fault::Unavailable503,
        Fault::RolledKey401,
        Fault::ShouldRetry {
            retry: true,
            charged: false,
        },
    ] {
        let mut till = Till::new();
        till.stripe.fail_next(fault);
        till.send("key", INTENTS, "amount=500&currency=eur");
        let reply = till.send("key", INTENTS, "amount=500&currency=eur");
        let answer = answer(&reply);
        assert_eq!(
            (answer.status, answer.header_value("Idempotent-Replayed")),
            (200, None),
            "{fault:?}"
        );
    }
}

#[test]
fn every_answer_says_who_asked() {
    let mut till = Till::new();
    let reply = till.send("key-9", INTENTS, "amount=500&currency=eur");
    let first = answer(&reply).clone();
    let reply = till.send("key-9", INTENTS, "amount=500&currency=eur");
    let again = answer(&reply);
    assert_eq!(first.header_value("Idempotency-Key"), Some("key-9"));
    assert_eq!(
        first.header_value("Request-Id"),
        first.header_value("Original-Request")
    );
    assert_eq!(
        again.header_value("Original-Request"),
        first.header_value("Request-Id")
    );
    assert_ne!(
        again.header_value("Request-Id"),
        first.header_value("Request-Id")
    );
    let (_, events) = till.get("/v1/events?types[]=payment_intent.created");
    assert_eq!(
        events["data"][0]["request"]["idempotency_key"],
        json!("key-9")
    );
}
