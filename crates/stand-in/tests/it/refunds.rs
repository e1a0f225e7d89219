//! Refunds: how much, and how they go on.

use till_stand_in::RefundCourse;

use crate::{Till, word};

/// Refunds a charge of 5.00 in turn; `status code` of each, then what is left.
#[track_caller]
fn check(refunds: &[(&str, &str)], net: i64) {
    let mut till = Till::new();
    let intent = till.charged("t", 500, "pm_card_visa");
    for (form, expected) in refunds {
        let form = form.replace("PI", &intent);
        let (http, body) = till.post("/v1/refunds", &form);
        let said = if http == 200 {
            word(&body, "/status")
        } else {
            word(&body, "/error/code")
        };
        assert_eq!(format!("{http} {said}").trim(), *expected, "{form}: {body}");
    }
    assert_eq!(till.stripe.ledger().net_of("t"), net, "{refunds:?}");
}

#[test]
fn a_charge_is_refunded_up_to_what_it_took() {
    let all = "payment_intent=PI";
    check(&[(all, "200 succeeded")], 0);
    check(
        &[(all, "200 succeeded"), (all, "400 charge_already_refunded")],
        0,
    );
    check(
        &[
            ("payment_intent=PI&amount=300", "200 succeeded"),
            ("payment_intent=PI&amount=201", "400"),
            ("payment_intent=PI&amount=200", "200 succeeded"),
            ("payment_intent=PI&amount=1", "400 charge_already_refunded"),
        ],
        0,
    );
    check(&[("payment_intent=PI&amount=501", "400")], 500);
    check(
        &[(
            "payment_intent=PI&amount=0",
            "400 parameter_invalid_integer",
        )],
        500,
    );
    check(
        &[(
            "payment_intent=PI&amount=-5",
            "400 parameter_invalid_integer",
        )],
        500,
    );
    check(
        &[(
            "payment_intent=PI&amount=1.50",
            "400 parameter_invalid_integer",
        )],
        500,
    );
    check(&[("amount=100", "400 parameter_missing")], 500);
    check(&[("payment_intent=pi_gone", "400 resource_missing")], 500);
    check(&[("payment_intent=PI&reason=because", "400")], 500);
    check(
        &[(
            "payment_intent=PI&reason=requested_by_customer",
            "200 succeeded",
        )],
        0,
    );
}

#[test]
fn what_took_no_money_cannot_be_refunded() {
    let mut till = Till::new();
    let open = till.intent("t", 500, "pm_card_visa");
    assert_eq!(
        till.post("/v1/refunds", &format!("payment_intent={open}"))
            .0,
        400
    );
    let declined = till.intent("u", 500, "pm_card_chargeDeclined");
    till.post(
        &format!("/v1/payment_intents/{declined}/confirm"),
        "off_session=true",
    );
    assert_eq!(
        till.post("/v1/refunds", &format!("payment_intent={declined}"))
            .0,
        400
    );
}

/// The status of a refund after each wait, and the net of the tender.
#[track_caller]
fn course(course: Option<RefundCourse>, card: &str, steps: &[(i64, &str, i64)]) {
    let mut till = Till::new();
    let intent = till.charged("t", 500, card);
    if let Some(course) = course {
        till.stripe.next_refund(course);
    }
    let (_, made) = till.post(
        "/v1/refunds",
        &format!("payment_intent={intent}&amount=200"),
    );
    let id = word(&made, "/id");
    for (wait, status, net) in steps {
        till.stripe.advance(*wait);
        let (_, refund) = till.get(&format!("/v1/refunds/{id}"));
        let found = (word(&refund, "/status"), till.stripe.ledger().net_of("t"));
        assert_eq!(
            found,
            ((*status).to_owned(), *net),
            "{course:?} {card} after {wait}"
        );
    }
}

#[test]
fn a_refund_goes_on_after_it_was_made() {
    let visa = "pm_card_visa";
    course(
        None,
        visa,
        &[(0, "succeeded", 300), (90 * 86_400, "succeeded", 300)],
    );
    course(
        Some(RefundCourse::PendingThenSucceeds { seconds: 60 }),
        visa,
        &[
            (0, "pending", 300),
            (59, "pending", 300),
            (1, "succeeded", 300),
        ],
    );
    course(
        Some(RefundCourse::PendingThenSucceedsThenFails { seconds: 60 }),
        visa,
        &[
            (0, "pending", 300),
            (60, "succeeded", 300),
            (60, "failed", 500),
        ],
    );
    course(
        Some(RefundCourse::PendingThenFails { seconds: 60 }),
        visa,
        &[(0, "pending", 300), (60, "failed", 500)],
    );
    course(
        Some(RefundCourse::RequiresAction),
        visa,
        &[(0, "requires_action", 300)],
    );
    course(
        None,
        "pm_card_pendingRefund",
        &[(0, "pending", 300), (3_600, "succeeded", 300)],
    );
    course(
        None,
        "pm_card_refundFail",
        &[(0, "succeeded", 300), (3 * 86_400, "failed", 500)],
    );
}

#[test]
fn a_refund_that_failed_can_be_made_again() {
    let mut till = Till::new();
    let intent = till.charged("t", 500, "pm_card_visa");
    till.stripe
        .next_refund(RefundCourse::SucceedsThenFails { seconds: 60 });
    let form = format!("payment_intent={intent}&metadata[refund_id]=r");
    till.post("/v1/refunds", &form);
    till.stripe.advance(60);
    assert_eq!(till.post("/v1/refunds", &form).0, 200);
    let (_, list) = till.get(&format!("/v1/refunds?payment_intent={intent}"));
    let found: Vec<_> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| word(r, "/status"))
        .collect();
    assert_eq!(found, ["succeeded", "failed"]);
    assert_eq!(word(&list, "/data/0/metadata/refund_id"), "r");
}
