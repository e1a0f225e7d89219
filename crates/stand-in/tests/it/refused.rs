//! Forms Stripe would not take.

use crate::{Till, word};

/// Posts a form; the error's code (or type where it has none) and its parameter.
#[track_caller]
fn check(path: &str, form: &str, expected: &str) {
    let mut till = Till::new();
    let (http, body) = till.post(path, form);
    let code = word(&body, "/error/code");
    let code = if code.is_empty() {
        word(&body, "/error/type")
    } else {
        code
    };
    let found = format!("{http} {code} {}", word(&body, "/error/param"));
    assert_eq!(found.trim(), expected, "{path} {form}: {body}");
    assert_eq!(
        till.get("/v1/payment_intents").1["data"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
}

pub const FORMS: [(&str, &str); 21] = [
    ("", "400 parameter_missing amount"),
    ("amount=500", "400 parameter_missing currency"),
    (
        "amount=500&currency=eur&colour=red",
        "400 parameter_unknown colour",
    ),
    (
        "amount=5.00&currency=eur",
        "400 parameter_invalid_integer amount",
    ),
    (
        "amount=%2B5&currency=eur",
        "400 parameter_invalid_integer amount",
    ),
    (
        "amount=&currency=eur",
        "400 parameter_invalid_integer amount",
    ),
    (
        "amount[x]=5&currency=eur",
        "400 parameter_invalid_integer amount",
    ),
    (
        "amount=500&amount=600&currency=eur",
        "400 invalid_request_error amount",
    ),
    (
        "amount=500&currency=eur&confirm=yes",
        "400 invalid_request_error confirm",
    ),
    (
        "amount=500&currency=eur&expand=x",
        "400 invalid_request_error expand",
    ),
    (
        "amount=500&currency=eur&metadata=x",
        "400 invalid_request_error metadata",
    ),
    (
        "amount=500&currency=eur&automatic_payment_methods[allow_redirects]=never",
        "400 parameter_missing automatic_payment_methods[enabled]",
    ),
    (
        "amount=500&currency=eur&automatic_payment_methods[on]=true",
        "400 parameter_missing automatic_payment_methods[enabled]",
    ),
    (
        "amount=500&currency=eur&payment_method_options[card][colour]=red",
        "400 parameter_unknown payment_method_options[card][colour]",
    ),
    (
        "amount=500&currency=eur&description=",
        "400 parameter_invalid_empty description",
    ),
    (
        "amount=500&currency=eur&payment_method_types[]=card",
        "400 payment_methods_types_no_longer_supported payment_method_types",
    ),
    (
        "amount=500&currency=eur&capture_method=later",
        "400 invalid_request_error capture_method",
    ),
    (
        "amount=500&currency=xxx",
        "400 invalid_request_error currency",
    ),
    ("amount=49&currency=eur", "400 amount_too_small amount"),
    (
        "amount=100000000&currency=eur",
        "400 amount_too_large amount",
    ),
    (
        "amount=500&currency=eur&off_session=true",
        "400 invalid_request_error off_session",
    ),
];

#[test]
fn a_form_that_is_wrong_is_refused_by_name() {
    for (form, expected) in FORMS {
        check("/v1/payment_intents", form, expected);
    }
    check(
        "/v1/payment_intents",
        "amount=500&currency=eur&customer=cus_gone",
        "400 resource_missing customer",
    );
    check(
        "/v1/payment_intents/pi_gone",
        "",
        "404 resource_missing intent",
    );
    check(
        "/v1/payment_intents/pi_gone/confirm",
        "",
        "404 resource_missing intent",
    );
    check("/v1/nothing", "", "404 invalid_request_error");
}

#[test]
fn metadata_is_held_to_its_limits_merged_and_unset() {
    let mut till = Till::new();
    let long = "k".repeat(41);
    let many: String = (0..51).map(|n| format!("&metadata[k{n}]=v")).collect();
    for (form, http) in [
        (
            format!("amount=500&currency=eur&metadata[{}]=v", &long[..40]),
            200,
        ),
        (format!("amount=500&currency=eur&metadata[{long}]=v"), 400),
        (
            format!("amount=500&currency=eur&metadata[k]={}", "v".repeat(500)),
            200,
        ),
        (
            format!("amount=500&currency=eur&metadata[k]={}", "v".repeat(501)),
            400,
        ),
        (format!("amount=500&currency=eur{many}"), 400),
    ] {
        assert_eq!(till.post("/v1/payment_intents", &form).0, http, "{form}");
    }
    let id = till.intent("t", 500, "pm_card_visa");
    let path = format!("/v1/payment_intents/{id}");
    for (form, expected) in [
        ("metadata[a]=1", r#"{"a":"1","tender_id":"t"}"#),
        ("metadata[a]=&metadata[b]=2", r#"{"b":"2","tender_id":"t"}"#),
        ("metadata=", "{}"),
    ] {
        assert_eq!(
            till.post(&path, form).1["metadata"].to_string(),
            expected,
            "{form}"
        );
    }
}

#[test]
fn a_confirm_wants_to_know_where_to_send_the_customer_unless_nobody_is_there() {
    for (create, confirm, http) in [
        ("", "", 400),
        ("", "return_url=https://shop.example", 200),
        ("", "off_session=true", 200),
        (
            "&automatic_payment_methods[enabled]=true&automatic_payment_methods[allow_redirects]=never",
            "",
            200,
        ),
        ("&allowed_payment_method_types[]=card", "", 200),
        (
            "&allowed_payment_method_types[]=card_present",
            "off_session=true",
            400,
        ),
    ] {
        let mut till = Till::new();
        let form = format!("amount=500&currency=eur&payment_method=pm_card_visa{create}");
        let id = word(&till.post("/v1/payment_intents", &form).1, "/id");
        let path = format!("/v1/payment_intents/{id}/confirm");
        assert_eq!(till.post(&path, confirm).0, http, "{create} {confirm}");
    }
}
