//! The list of events: what is in it, and how it misleads.

use serde_json::Value;
use till_stand_in::{Config, EVENT_LIFETIME_S, EventFaults, FaultPlan};

use crate::{Till, word};

fn kinds(list: &Value) -> Vec<String> {
    list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| word(e, "/type"))
        .collect()
}

#[test]
fn what_happens_is_told_newest_first() {
    let mut till = Till::new();
    let id = till.charged("t", 500, "pm_card_visa");
    till.post("/v1/refunds", &format!("payment_intent={id}"));
    assert_eq!(
        kinds(&till.get("/v1/events").1),
        [
            "charge.refunded",
            "refund.created",
            "payment_intent.succeeded",
            "charge.succeeded",
            "payment_intent.created",
        ]
    );
    let (_, two) = till.get("/v1/events?types[]=refund.created&types[]=payment_intent.succeeded");
    assert_eq!(kinds(&two), ["refund.created", "payment_intent.succeeded"]);
    let (_, one) = till.get("/v1/events?type=refund.*");
    assert_eq!(kinds(&one), ["refund.created"]);
    let id = word(&one, "/data/0/id");
    assert_eq!(till.get(&format!("/v1/events/{id}")).0, 200);
    assert_eq!(till.get("/v1/events?type=a&types[]=b").0, 400);
    assert_eq!(till.get("/v1/events?colour=red").0, 400);
}

#[test]
fn an_event_shows_its_object_as_it_was() {
    let mut till = Till::new();
    let id = till.intent("t", 500, "pm_card_visa");
    till.post(&format!("/v1/payment_intents/{id}/cancel"), "");
    let (_, list) = till.get("/v1/events");
    assert_eq!(
        word(&list, "/data/1/data/object/status"),
        "requires_confirmation"
    );
    assert_eq!(word(&list, "/data/0/data/object/status"), "canceled");
}

#[test]
fn an_event_is_gone_after_thirty_days() {
    let mut till = Till::new();
    till.intent("t", 500, "pm_card_visa");
    let id = word(&till.get("/v1/events").1, "/data/0/id");
    for (wait, http, listed) in [(EVENT_LIFETIME_S, 200, 1), (1, 404, 0)] {
        till.stripe.advance(wait);
        assert_eq!(till.get(&format!("/v1/events/{id}")).0, http, "{wait}");
        assert_eq!(kinds(&till.get("/v1/events").1).len(), listed, "{wait}");
    }
    assert_eq!(till.get(&format!("/v1/events?ending_before={id}")).0, 400);
}

#[test]
fn events_repeat_under_another_id() {
    let plan = FaultPlan {
        events: EventFaults {
            repeat_permille: 1_000,
            ..EventFaults::default()
        },
        ..FaultPlan::none()
    };
    let mut till = Till::with(Config {
        faults: plan,
        ..Config::default()
    });
    till.intent("t", 500, "pm_card_visa");
    let (_, list) = till.get("/v1/events");
    assert_eq!(
        kinds(&list),
        ["payment_intent.created", "payment_intent.created"]
    );
    assert_ne!(word(&list, "/data/0/id"), word(&list, "/data/1/id"));
    assert_eq!(
        word(&list, "/data/0/data/object/id"),
        word(&list, "/data/1/data/object/id")
    );
}

#[test]
fn a_late_event_appears_behind_the_cursor() {
    let late = EventFaults {
        late_permille: 1_000,
        late_s: 60,
        ..EventFaults::default()
    };
    let mut till = Till::with(Config {
        faults: FaultPlan {
            events: late,
            ..FaultPlan::none()
        },
        ..Config::default()
    });
    till.intent("late", 500, "pm_card_visa");
    till.stripe.advance(5);
    till.stripe.set_faults(FaultPlan::none());
    till.intent("prompt", 500, "pm_card_visa");
    let tenders = |list: &Value| -> Vec<String> {
        let data = list["data"].as_array().unwrap();
        data.iter()
            .map(|e| word(e, "/data/object/metadata/tender_id"))
            .collect()
    };
    let (_, list) = till.get("/v1/events");
    assert_eq!(tenders(&list), ["prompt"]);
    let cursor = word(&list, "/data/0/id");
    till.stripe.advance(60);
    assert_eq!(
        tenders(&till.get(&format!("/v1/events?ending_before={cursor}")).1).len(),
        0
    );
    assert_eq!(tenders(&till.get("/v1/events").1), ["prompt", "late"]);
}

#[test]
fn a_list_can_be_walked_to_its_end() {
    let mut till = Till::new();
    for n in 0..25 {
        till.intent(&format!("t{n}"), 500, "pm_card_visa");
        till.stripe.advance(10);
    }
    let mut seen = Vec::new();
    let mut target = "/v1/payment_intents?limit=7".to_owned();
    loop {
        let (_, page) = till.get(&target);
        for item in page["data"].as_array().unwrap() {
            seen.push(word(item, "/metadata/tender_id"));
        }
        if page["has_more"] != Value::Bool(true) {
            break;
        }
        let last = word(page["data"].as_array().unwrap().last().unwrap(), "/id");
        target = format!("/v1/payment_intents?limit=7&starting_after={last}");
    }
    let expected: Vec<String> = (0..25).rev().map(|n| format!("t{n}")).collect();
    assert_eq!(seen, expected);
    let since = till.stripe.now() - 30;
    let (_, few) = till.get(&format!("/v1/payment_intents?created[gte]={since}"));
    assert_eq!(few["data"].as_array().unwrap().len(), 3);
}
