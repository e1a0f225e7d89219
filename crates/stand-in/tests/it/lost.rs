//! Whatever happens to an answer, the ledger says what was done.

use till_stand_in::{Config, Fault, FaultPlan, KEY_LIFETIME_S, Operation, Request, TEST_KEY, Wire};

use crate::{Till, word};

#[test]
fn an_intent_that_was_never_confirmed_moves_no_money() {
    let mut till = Till::new();
    till.intent("t1", 500, "pm_card_visa");
    let ledger = till.stripe.ledger();
    assert_eq!((ledger.charges_of("t1"), ledger.net_of("t1")), (0, 0));
    assert_eq!(ledger.tenders["t1"].payment_intents, 1);
}

#[test]
fn a_confirm_is_charged_once_whatever_becomes_of_its_answer() {
    for fault in Fault::every() {
        let mut till = Till::new();
        let intent = till.intent("t1", 500, "pm_card_visa");
        let path = format!("/v1/payment_intents/{intent}/confirm");
        till.stripe.fail_next_for(Operation::ConfirmIntent, fault);
        for _ in 0..3 {
            till.send("key-1", &path, "off_session=true");
        }
        // A 500 that was rolled back is what its key remembers: look, then
        // confirm under another.
        if till.status(&intent) != "succeeded" {
            till.send("key-2", &path, "off_session=true");
        }
        assert_eq!(till.status(&intent), "succeeded", "{fault:?}");
        let ledger = till.stripe.ledger();
        assert_eq!(
            (ledger.charges_of("t1"), ledger.net_of("t1")),
            (1, 500),
            "{fault:?}"
        );
    }
}

#[test]
fn a_refund_is_made_at_most_once_under_one_key() {
    for fault in Fault::every() {
        let mut till = Till::new();
        let intent = till.charged("t1", 500, "pm_card_visa");
        till.stripe.fail_next(fault);
        let form = format!("payment_intent={intent}&amount=200&metadata[refund_id]=r1");
        for _ in 0..3 {
            till.send("key-r", "/v1/refunds", &form);
        }
        let rolled_back = matches!(
            fault,
            Fault::Error500 { charged: false }
                | Fault::ShouldRetry {
                    retry: false,
                    charged: false
                }
        );
        let ledger = till.stripe.ledger();
        let expected = if rolled_back { 0 } else { 1 };
        assert_eq!(ledger.tenders["t1"].refunds.len(), expected, "{fault:?}");
        assert_eq!(
            ledger.net_of("t1"),
            if rolled_back { 500 } else { 300 },
            "{fault:?}"
        );
    }
}

#[test]
fn a_create_sent_again_after_its_key_was_pruned_is_an_orphan_that_charges_nothing() {
    let mut till = Till::new();
    let form = "amount=500&currency=eur&metadata[tender_id]=t1";
    till.stripe.fail_next(Fault::DropAfter);
    till.send("key", "/v1/payment_intents", form);
    till.stripe.advance(KEY_LIFETIME_S);
    till.send("key", "/v1/payment_intents", form);
    let ledger = till.stripe.ledger();
    assert_eq!(ledger.tenders["t1"].payment_intents, 2);
    assert_eq!(ledger.charges_of("t1"), 0);
}

#[test]
fn a_refund_sent_again_after_its_key_was_pruned_is_made_twice() {
    // The trap the till must not fall into: the stand-in does fall.
    let mut till = Till::new();
    let intent = till.charged("t1", 500, "pm_card_visa");
    let form = format!("payment_intent={intent}&amount=100");
    till.send("key", "/v1/refunds", &form);
    till.stripe.advance(KEY_LIFETIME_S);
    till.send("key", "/v1/refunds", &form);
    assert_eq!(till.stripe.ledger().net_of("t1"), 300);
}

#[test]
fn what_a_client_sees_of_each_fault() {
    for (fault, status, headers) in [
        (Fault::InUse409, 409, "Request-Id"),
        (Fault::FailedDependency424, 424, "Request-Id"),
        (Fault::Unavailable503, 503, "Retry-After"),
        (Fault::LockTimeout429, 429, "Stripe-Version"),
        (Fault::Error500 { charged: true }, 500, "Request-Id"),
        (Fault::BadGateway502 { acted: true }, 502, "Content-Type"),
        (
            Fault::GatewayTimeout504 { acted: false },
            504,
            "Content-Type",
        ),
        (
            Fault::ShouldRetry {
                retry: true,
                charged: true,
            },
            500,
            "Stripe-Should-Retry",
        ),
        (
            Fault::ShouldRetry {
                retry: false,
                charged: true,
            },
            500,
            "Stripe-Should-Retry",
        ),
        (Fault::RolledKey401, 401, "Request-Id"),
        (Fault::Forbidden403, 403, "Request-Id"),
    ] {
        let mut till = Till::new();
        let intent = till.intent("t1", 500, "pm_card_visa");
        till.stripe.fail_next(fault);
        let reply = till.send(
            "key",
            &format!("/v1/payment_intents/{intent}/confirm"),
            "off_session=true",
        );
        let answer = crate::answer(&reply);
        assert_eq!(answer.status, status, "{fault:?}");
        assert!(
            answer.header_value(headers).is_some(),
            "{fault:?}: {headers}"
        );
        let lock = fault == Fault::LockTimeout429;
        let gateway = answer.value().is_null();
        assert_eq!(
            answer.header_value("Request-Id").is_none(),
            lock || gateway,
            "{fault:?}"
        );
    }
}

#[test]
fn a_body_cut_short_is_shorter_than_it_says() {
    let mut till = Till::new();
    till.stripe.fail_next(Fault::Truncate);
    let reply = till.send("key", "/v1/payment_intents", "amount=500&currency=eur");
    match reply.wire {
        Wire::Truncated { answer, sent } => assert!(sent < answer.body.len()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stored_500_is_replayed_and_says_so() {
    let mut till = Till::new();
    let intent = till.intent("t1", 500, "pm_card_visa");
    till.stripe.fail_next(Fault::Error500 { charged: true });
    let path = format!("/v1/payment_intents/{intent}/confirm");
    for (at, replayed) in [(0, None), (1, Some("true")), (2, Some("true"))] {
        let reply = till.send("key", &path, "off_session=true");
        let answer = crate::answer(&reply);
        assert_eq!(
            (answer.status, answer.header_value("Idempotent-Replayed")),
            (500, replayed),
            "{at}"
        );
    }
    assert_eq!(till.status(&intent), "succeeded");
}

#[test]
fn an_outage_answers_nothing_and_does_nothing() {
    let mut till = Till::new();
    till.stripe.set_outage(true);
    let reply = till.send("key", "/v1/payment_intents", "amount=500&currency=eur");
    assert_eq!(reply.wire, Wire::NoRoute);
    till.stripe.set_outage(false);
    assert_eq!(
        till.get("/v1/payment_intents").1["data"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
}

#[test]
fn one_seed_gives_one_run() {
    let run = |seed| -> Vec<String> {
        let mut till = Till::with(Config {
            seed,
            faults: FaultPlan::mixed(400),
            ..Config::default()
        });
        (0..120)
            .map(|n| {
                let key = format!("k{}", n / 2);
                let form = format!("amount={}&currency=eur", 500 + n / 2);
                format!("{:?}", till.send(&key, "/v1/payment_intents", &form))
            })
            .collect()
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn many_faults_never_charge_twice() {
    for seed in 0..40 {
        let mut till = Till::with(Config {
            seed,
            faults: FaultPlan::mixed(500),
            ..Config::default()
        });
        let card = "off_session=true";
        let mut done = 0;
        for n in 0..10 {
            let form = format!(
                "amount=500&currency=eur&payment_method=pm_card_visa&metadata[tender_id]=t{n}"
            );
            let created = (0..60).find_map(|_| {
                let reply = till.send(&format!("c{n}"), "/v1/payment_intents", &form);
                let id = reply.answer().map(|a| word(&a.value(), "/id"));
                id.filter(|id| id.starts_with("pi_"))
            });
            // A kept 500 never turns into an answer; a till would list.
            let Some(id) = created else { continue };
            for attempt in 0..60 {
                // A new key each time, as careless as a client can be.
                let key = format!("x{n}-{attempt}");
                till.send(&key, &format!("/v1/payment_intents/{id}/confirm"), card);
            }
            done += 1;
        }
        let ledger = till.stripe.ledger();
        assert!(done > 5, "seed {seed}");
        assert_eq!(ledger.charged_twice(), Vec::<&str>::new(), "seed {seed}");
        assert_eq!(ledger.totals["eur"].charged, 500 * done, "seed {seed}");
    }
}

#[test]
fn more_requests_than_the_limit_in_one_second_are_turned_away() {
    let mut till = Till::with(Config {
        rate_per_s: Some(3),
        ..Config::default()
    });
    let ask = |till: &mut Till| {
        let reply = till
            .stripe
            .handle(&Request::get("/v1/account").key(TEST_KEY));
        crate::answer(&reply).status
    };
    let first: Vec<u16> = (0..5).map(|_| ask(&mut till)).collect();
    assert_eq!(first, [200, 200, 200, 429, 429]);
    till.stripe.advance(1);
    assert_eq!(ask(&mut till), 200);
}

#[test]
fn a_read_goes_wrong_like_a_write_and_is_kept_under_no_key() {
    for (fault, status) in [
        (Fault::Error500 { charged: true }, 500),
        (Fault::Error500 { charged: false }, 500),
        (
            Fault::ShouldRetry {
                retry: false,
                charged: true,
            },
            500,
        ),
        (Fault::Unavailable503, 503),
        (Fault::RolledKey401, 401),
    ] {
        let mut till = Till::new();
        let id = till.intent("t", 500, "pm_card_visa");
        till.stripe.fail_next(fault);
        let path = format!("/v1/payment_intents/{id}");
        assert_eq!(till.get(&path).0, status, "{fault:?}");
        assert_eq!(till.get(&path).0, 200, "{fault:?}");
    }
}
