//! Pay links and readers: where the customer does something.

use serde_json::Value;
use till_stand_in::{Decline, ReaderBehaviour};

use crate::{Till, word};

pub const SESSION: &str = "mode=payment&success_url=https://shop.example/thanks\
    &line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amount]=250\
    &line_items[0][price_data][product_data][name]=Goudse%20kaas&line_items[0][quantity]=2\
    &payment_intent_data[metadata][tender_id]=t&metadata[tender_id]=t&customer_email=ana@post.example";

#[test]
fn a_page_is_paid_once() {
    let mut till = Till::new();
    let (_, made) = till.post("/v1/checkout/sessions", SESSION);
    let id = word(&made, "/id");
    assert_eq!(
        (word(&made, "/status").as_str(), &made["payment_intent"]),
        ("open", &Value::Null)
    );
    assert_eq!(made["amount_total"], 500);
    assert!(
        till.stripe
            .pay_session(&id, "pm_card_chargeDeclined")
            .is_err()
    );
    assert_eq!(till.stripe.ledger().charges_of("t"), 0);
    till.stripe.pay_session(&id, "pm_card_visa").unwrap();
    assert!(till.stripe.pay_session(&id, "pm_card_visa").is_err());
    let (_, paid) = till.get(&format!("/v1/checkout/sessions/{id}"));
    assert_eq!(word(&paid, "/payment_status"), "paid");
    let (_, intent) = till.get(&format!(
        "/v1/payment_intents/{}",
        word(&paid, "/payment_intent")
    ));
    assert_eq!(word(&intent, "/metadata/tender_id"), "t");
    let ledger = till.stripe.ledger();
    assert_eq!((ledger.charges_of("t"), ledger.net_of("t")), (1, 500));
    let (http, _) = till.post(&format!("/v1/checkout/sessions/{id}/expire"), "");
    assert_eq!(http, 400);
}

#[test]
fn a_page_expires_when_told_to_and_by_itself() {
    for told in [true, false] {
        let mut till = Till::new();
        let id = word(&till.post("/v1/checkout/sessions", SESSION).1, "/id");
        if told {
            assert_eq!(
                till.post(&format!("/v1/checkout/sessions/{id}/expire"), "")
                    .0,
                200
            );
        } else {
            till.stripe.advance(86_400);
        }
        let (_, session) = till.get(&format!("/v1/checkout/sessions/{id}"));
        assert_eq!(word(&session, "/status"), "expired");
        assert!(till.stripe.pay_session(&id, "pm_card_visa").is_err());
        assert_eq!(till.stripe.ledger().charges_of("t"), 0);
    }
}

#[test]
fn a_page_that_cannot_be_made_is_refused() {
    let mut till = Till::new();
    let now = till.stripe.now();
    for (from, to, code) in [
        ("mode=payment&", "", "parameter_missing"),
        (
            "success_url=https://shop.example/thanks",
            "locale=en",
            "parameter_missing",
        ),
        (
            "[unit_amount]=250",
            "[unit_amount]=-1",
            "parameter_invalid_integer",
        ),
        ("[unit_amount]=250", "[unit_amount]=1", "amount_too_small"),
        ("[quantity]=2", "[quantity]=0", "parameter_invalid_integer"),
        (
            "mode=payment",
            "mode=payment&payment_method_types[]=card",
            "payment_methods_types_no_longer_supported",
        ),
        (
            "mode=payment",
            "mode=payment&customer=cus_gone",
            "resource_missing",
        ),
    ] {
        let form = SESSION.replace(from, to);
        let (http, body) = till.post("/v1/checkout/sessions", &form);
        assert_eq!(
            (http, word(&body, "/error/code").as_str()),
            (400, code),
            "{to}: {body}"
        );
    }
    for (ahead, http) in [(1_799, 400), (1_800, 200), (86_400, 200), (86_401, 400)] {
        let form = format!("{SESSION}&expires_at={}", now + ahead);
        assert_eq!(till.post("/v1/checkout/sessions", &form).0, http, "{ahead}");
    }
}

/// A reader, and an intent sent to it: the error's code or the action's status.
#[track_caller]
fn at_reader(
    behaviour: ReaderBehaviour,
    wait_s: i64,
    expected: &str,
    intent_status: &str,
    net: i64,
) {
    let mut till = Till::new();
    till.stripe.set_reader("tmr_1", behaviour);
    let form =
        "amount=500&currency=eur&allowed_payment_method_types[]=card_present&metadata[tender_id]=t";
    let id = word(&till.post("/v1/payment_intents", form).1, "/id");
    let (http, body) = till.post(
        "/v1/terminal/readers/tmr_1/process_payment_intent",
        &format!("payment_intent={id}"),
    );
    let found = if http == 200 {
        word(&body, "/action/status")
    } else {
        word(&body, "/error/code")
    };
    assert_eq!(found, expected, "{behaviour:?}");
    till.stripe.advance(wait_s);
    assert_eq!(till.status(&id), intent_status, "{behaviour:?}");
    assert_eq!(till.stripe.ledger().net_of("t"), net, "{behaviour:?}");
}

#[test]
fn a_reader_is_busy_offline_slow_or_late_and_the_intent_tells_the_truth() {
    let open = "requires_payment_method";
    let taps = ReaderBehaviour {
        taps_after_s: Some(5),
        ..ReaderBehaviour::default()
    };
    at_reader(taps, 4, "in_progress", open, 0);
    at_reader(taps, 5, "in_progress", "succeeded", 500);
    at_reader(
        ReaderBehaviour { busy: true, ..taps },
        9,
        "terminal_reader_busy",
        open,
        0,
    );
    at_reader(
        ReaderBehaviour {
            offline: true,
            ..taps
        },
        9,
        "terminal_reader_offline",
        open,
        0,
    );
    at_reader(
        ReaderBehaviour {
            times_out: true,
            ..taps
        },
        9,
        "terminal_reader_timeout",
        open,
        0,
    );
    at_reader(
        ReaderBehaviour {
            times_out_but_executes: true,
            ..taps
        },
        9,
        "terminal_reader_timeout",
        "succeeded",
        500,
    );
    at_reader(
        ReaderBehaviour {
            tip_amount: 75,
            ..taps
        },
        9,
        "in_progress",
        "succeeded",
        575,
    );
    at_reader(
        ReaderBehaviour {
            decline: Some(Decline::LostCard),
            ..taps
        },
        9,
        "in_progress",
        open,
        0,
    );
}

#[test]
fn a_reader_does_one_thing_at_a_time_until_it_is_cancelled() {
    let mut till = Till::new();
    till.stripe.set_reader("tmr_1", ReaderBehaviour::default());
    let form =
        "amount=500&currency=eur&allowed_payment_method_types[]=card_present&metadata[tender_id]=t";
    let id = word(&till.post("/v1/payment_intents", form).1, "/id");
    let process = "/v1/terminal/readers/tmr_1/process_payment_intent";
    let present = "/v1/test_helpers/terminal/readers/tmr_1/present_payment_method";
    let intent = format!("payment_intent={id}");
    for (path, form, http, code) in [
        (present, "", 400, ""),
        (process, intent.as_str(), 200, ""),
        // What waits for a card can be replaced, as at Stripe.
        (process, intent.as_str(), 200, ""),
        ("/v1/terminal/readers/tmr_1/cancel_action", "", 200, ""),
        (present, "", 400, ""),
        (process, intent.as_str(), 200, ""),
        (present, "amount_tip=50", 200, ""),
        (process, intent.as_str(), 400, "intent_invalid_state"),
        (
            "/v1/terminal/readers/tmr_2/cancel_action",
            "",
            404,
            "resource_missing",
        ),
    ] {
        let (found, body) = till.post(path, form);
        assert_eq!(
            (found, word(&body, "/error/code").as_str()),
            (http, code),
            "{path}: {body}"
        );
    }
    let (_, body) = till.get(&format!("/v1/payment_intents/{id}?expand[]=latest_charge"));
    assert_eq!(body["amount_details"]["tip"]["amount"], 50);
    let receipt = &body["latest_charge"]["payment_method_details"]["card_present"]["receipt"];
    for name in [
        "dedicated_file_name",
        "application_cryptogram",
        "authorization_code",
    ] {
        assert!(receipt[name].is_string(), "{name}");
    }
    assert_eq!(till.stripe.ledger().net_of("t"), 550);
    let wrong = till.intent("u", 500, "pm_card_visa");
    assert_eq!(
        till.post(process, &format!("payment_intent={wrong}")).0,
        400
    );
}
