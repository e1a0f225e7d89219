//! How each card ends, and what the intent says then.

use serde_json::Value;
use till_stand_in::{CardBehaviour, Decline};

use crate::{Till, word};

const OFF: &str = "off_session=true&error_on_requires_action=true";

/// Confirms an intent of 5.00 with a card; `status code decline advice network`.
#[track_caller]
fn check(card: &str, form: &str, expected: &str) {
    let mut till = Till::new();
    let intent = till.intent("t", 500, card);
    let (http, body) = till.post(&format!("/v1/payment_intents/{intent}/confirm"), form);
    let found = match body.get("error") {
        None => format!("{http} {}", word(&body, "/status")),
        Some(error) => {
            assert_eq!(
                word(error, "/payment_intent/status"),
                "requires_payment_method",
                "{card}"
            );
            assert_eq!(
                error["payment_intent"]["payment_method"],
                Value::Null,
                "{card}"
            );
            assert_eq!(
                error
                    .as_object()
                    .unwrap()
                    .values()
                    .filter(|v| v.is_null())
                    .count(),
                0
            );
            [http.to_string()]
                .into_iter()
                .chain(
                    [
                        "/code",
                        "/decline_code",
                        "/advice_code",
                        "/network_decline_code",
                    ]
                    .map(|at| word(error, at)),
                )
                .filter(|w| !w.is_empty())
                .collect::<Vec<_>>()
                .join(" ")
        }
    };
    assert_eq!(found, expected, "{card} {form}");
    let paid = expected == "200 succeeded";
    assert_eq!(
        till.stripe.ledger().charges_of("t"),
        usize::from(paid),
        "{card}"
    );
}

#[test]
fn a_test_card_does_what_its_name_says() {
    check("pm_card_visa", OFF, "200 succeeded");
    check("pm_card_mastercard", OFF, "200 succeeded");
    check("pm_card_amex", OFF, "200 succeeded");
    let again = "try_again_later";
    let never = "do_not_try_again";
    check(
        "pm_card_visa_chargeDeclined",
        OFF,
        &format!("402 card_declined generic_decline {again} 05"),
    );
    check(
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        OFF,
        &format!("402 card_declined insufficient_funds {again} 51"),
    );
    check(
        "pm_card_visa_chargeDeclinedLostCard",
        OFF,
        &format!("402 card_declined lost_card {never} 41"),
    );
    check(
        "pm_card_visa_chargeDeclinedStolenCard",
        OFF,
        &format!("402 card_declined stolen_card {never} 43"),
    );
    check(
        "pm_card_chargeDeclinedExpiredCard",
        OFF,
        &format!("402 expired_card expired_card {never} 54"),
    );
    check(
        "pm_card_radarBlock",
        OFF,
        &format!("402 card_declined fraudulent {never}"),
    );
    check(
        "pm_card_authenticationRequired",
        OFF,
        "402 authentication_required authentication_required 65",
    );
    check("pm_card_authenticationRequired", "", "200 requires_action");
    check(
        "pm_card_authenticationRequiredOnSetup",
        "",
        "200 requires_action",
    );
    check(
        "pm_card_authenticationRequired",
        "error_on_requires_action=true",
        "402 authentication_required authentication_required 65",
    );
    check("pm_card_createDispute", OFF, "200 succeeded");
}

#[test]
fn every_decline_reaches_the_client() {
    for decline in Decline::ALL {
        let mut till = Till::new();
        till.stripe
            .add_customer("cus_A", "pm_A", CardBehaviour::Declines(decline));
        let form = "amount=500&currency=eur&customer=cus_A&payment_method=pm_A&confirm=true\
                    &off_session=true&metadata[tender_id]=t";
        let (http, body) = till.post("/v1/payment_intents", form);
        assert_eq!(
            (http, word(&body, "/error/type").as_str()),
            (402, "card_error"),
            "{decline:?}"
        );
        let charge = word(&body, "/error/charge");
        let (_, charge) = till.get(&format!("/v1/charges/{charge}"));
        assert_eq!(word(&charge, "/status"), "failed", "{decline:?}");
        assert_eq!(till.stripe.ledger().charges_of("t"), 0, "{decline:?}");
    }
}

#[test]
fn a_saved_card_belongs_to_its_customer() {
    let mut till = Till::new();
    till.stripe
        .add_customer("cus_A", "pm_A", CardBehaviour::Succeeds);
    till.stripe
        .add_customer("cus_B", "pm_B", CardBehaviour::NeedsCustomerUnlessSaved);
    for (customer, method, status) in [
        ("customer=cus_A", "pm_A", 200),
        ("customer=cus_B", "pm_B", 200),
        ("customer=cus_A", "pm_B", 400),
        ("description=none", "pm_A", 400),
        ("customer=cus_C", "pm_A", 400),
        ("customer=cus_A", "pm_gone", 400),
    ] {
        let form = format!(
            "amount=500&currency=eur&{customer}&payment_method={method}&confirm=true&off_session=true"
        );
        assert_eq!(
            till.post("/v1/payment_intents", &form).0,
            status,
            "{customer} {method}"
        );
    }
}

#[test]
fn a_card_declined_at_first_succeeds_when_asked_again() {
    let mut till = Till::new();
    let how = CardBehaviour::DeclinesAtFirst {
        decline: Decline::InsufficientFunds,
        times: 2,
    };
    till.stripe.add_customer("cus_A", "pm_A", how);
    let form = "amount=500&currency=eur&customer=cus_A&metadata[tender_id]=t";
    let (_, made) = till.post("/v1/payment_intents", form);
    let path = format!("/v1/payment_intents/{}/confirm", word(&made, "/id"));
    let found: Vec<u16> = (0..3)
        .map(|_| till.post(&path, "payment_method=pm_A&off_session=true").0)
        .collect();
    assert_eq!(found, [402, 402, 200]);
    assert_eq!(till.stripe.ledger().charges_of("t"), 1);
}

#[test]
fn a_payment_in_processing_finishes_when_its_time_comes() {
    for (decline, end) in [
        (None, "succeeded"),
        (Some(Decline::GenericDecline), "requires_payment_method"),
    ] {
        let mut till = Till::new();
        let how = CardBehaviour::Processing {
            seconds: 60,
            decline,
        };
        till.stripe.add_customer("cus_A", "pm_A", how);
        let form = "amount=500&currency=eur&customer=cus_A&payment_method=pm_A&confirm=true&off_session=true";
        let (_, body) = till.post("/v1/payment_intents", form);
        let id = word(&body, "/id");
        for (wait, expected) in [(0, "processing"), (59, "processing"), (1, end)] {
            till.stripe.advance(wait);
            assert_eq!(till.status(&id), expected, "{decline:?} after {wait}");
        }
        assert_eq!(
            till.post(&format!("/v1/payment_intents/{id}/cancel"), "").0,
            if end == "succeeded" { 400 } else { 200 }
        );
    }
}

#[test]
fn a_customer_who_is_asked_authenticates_or_does_not() {
    for (passes, end) in [(true, "succeeded"), (false, "requires_payment_method")] {
        let mut till = Till::new();
        let id = till.intent("t", 500, "pm_card_authenticationRequired");
        till.post(
            &format!("/v1/payment_intents/{id}/confirm"),
            "return_url=https://shop.example",
        );
        assert_eq!(till.status(&id), "requires_action");
        till.stripe.authenticate(&id, passes).unwrap();
        assert_eq!(till.status(&id), end);
        assert!(till.stripe.authenticate(&id, true).is_err());
    }
}

/// Does things to an intent in turn; the status code of each.
#[track_caller]
fn walk(create: &str, steps: &[(&str, &str, u16, &str)], net: i64) {
    let mut till = Till::new();
    let form = format!(
        "amount=500&currency=eur&allowed_payment_method_types[]=card&metadata[tender_id]=t&{create}"
    );
    let (_, made) = till.post("/v1/payment_intents", &form);
    let id = word(&made, "/id");
    for (step, form, http, expected) in steps {
        let path = format!("/v1/payment_intents/{id}{step}");
        let (found, body) = till.post(&path, form);
        let said = if found == 200 {
            word(&body, "/status")
        } else {
            word(&body, "/error/code")
        };
        assert_eq!(
            (found, said.as_str()),
            (*http, *expected),
            "{step} {form}: {body}"
        );
        if *expected == "payment_intent_unexpected_state" {
            assert_eq!(word(&body, "/error/payment_intent/id"), id, "{step}");
        }
    }
    assert_eq!(till.stripe.ledger().net_of("t"), net, "{steps:?}");
}

#[test]
fn an_intent_goes_from_state_to_state_and_nowhere_else() {
    let card = "payment_method=pm_card_visa";
    let wrong = "payment_intent_unexpected_state";
    walk(
        card,
        &[
            ("/confirm", "", 200, "succeeded"),
            ("/confirm", "", 400, wrong),
        ],
        500,
    );
    walk(
        card,
        &[
            ("/cancel", "", 200, "canceled"),
            ("/confirm", "", 400, wrong),
        ],
        0,
    );
    walk(
        card,
        &[
            ("/cancel", "", 200, "canceled"),
            ("/cancel", "", 400, wrong),
        ],
        0,
    );
    walk(
        card,
        &[
            ("/confirm", "", 200, "succeeded"),
            ("/cancel", "", 400, wrong),
        ],
        500,
    );
    walk(
        "",
        &[
            ("/confirm", "", 400, wrong),
            ("/confirm", card, 200, "succeeded"),
        ],
        500,
    );
    walk(
        card,
        &[
            ("", "amount=300", 200, "requires_confirmation"),
            ("/confirm", "", 200, "succeeded"),
            ("", "amount=200", 400, wrong),
            ("", "metadata[note]=late", 200, "succeeded"),
        ],
        300,
    );
    walk(
        "payment_method=pm_card_chargeDeclined",
        &[
            ("/confirm", "", 402, "card_declined"),
            ("/confirm", "", 400, wrong),
            ("/confirm", card, 200, "succeeded"),
        ],
        500,
    );
    let manual = "payment_method=pm_card_visa&capture_method=manual";
    walk(
        manual,
        &[
            ("/capture", "", 400, wrong),
            ("/confirm", "", 200, "requires_capture"),
            ("/capture", "amount_to_capture=501", 400, "amount_too_large"),
            (
                "/capture",
                "amount_to_capture=0",
                400,
                "parameter_invalid_integer",
            ),
            ("/capture", "amount_to_capture=400", 200, "succeeded"),
            ("/capture", "", 400, wrong),
        ],
        400,
    );
    walk(
        manual,
        &[
            ("/confirm", "", 200, "requires_capture"),
            ("/cancel", "", 200, "canceled"),
        ],
        0,
    );
}

#[test]
fn an_authorisation_not_captured_in_a_week_is_given_back() {
    let mut till = Till::new();
    let form = "amount=500&currency=eur&payment_method=pm_card_visa&capture_method=manual\
                &confirm=true&off_session=true";
    let (_, body) = till.post("/v1/payment_intents", form);
    let id = word(&body, "/id");
    till.stripe.advance(7 * 86_400 - 1);
    assert_eq!(till.status(&id), "requires_capture");
    till.stripe.advance(1);
    assert_eq!(till.status(&id), "canceled");
}

#[test]
fn a_charge_has_no_balance_transaction_at_first() {
    let mut till = Till::new();
    let id = till.charged("t", 500, "pm_card_visa");
    let target = format!("/v1/payment_intents/{id}?expand[]=latest_charge.balance_transaction");
    assert_eq!(
        till.get(&target).1["latest_charge"]["balance_transaction"],
        Value::Null
    );
    till.stripe.advance(2);
    let (_, body) = till.get(&target);
    assert_eq!(
        word(&body, "/latest_charge/balance_transaction/object"),
        "balance_transaction"
    );
    assert_eq!(
        till.get(&format!("/v1/payment_intents/{id}?expand[]=colour"))
            .0,
        400
    );
}

#[test]
fn a_disputed_charge_is_taken_back_and_cannot_be_refunded() {
    let mut till = Till::new();
    let id = till.charged("t", 500, "pm_card_createDispute");
    let (_, list) = till.get(&format!("/v1/disputes?payment_intent={id}"));
    assert_eq!(word(&list, "/data/0/status"), "needs_response");
    let (http, body) = till.post("/v1/refunds", &format!("payment_intent={id}"));
    assert_eq!(
        (http, word(&body, "/error/code").as_str()),
        (400, "charge_disputed")
    );
    till.stripe.advance(9 * 86_400);
    let (_, list) = till.get("/v1/disputes");
    assert_eq!(word(&list, "/data/0/status"), "lost");
    assert_eq!(till.stripe.ledger().totals["eur"].disputed, 500);
}
