//! The stand-in, tested from the wire.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    clippy::new_without_default,
    reason = "tests"
)]

mod cards;
mod events;
mod http;
mod keys;
mod lost;
mod pages_and_readers;
mod readers;
mod refunds;
mod refused;
mod schemas;
mod setups;

use serde_json::Value;
use till_stand_in::{Answer, Config, Method, Reply, Request, StandIn, TEST_KEY, Wire};

/// A client that counts its keys.
#[derive(Debug)]
pub struct Till {
    pub stripe: StandIn,
    sent: u32,
}

impl Till {
    pub fn new() -> Self {
        Self::with(Config {
            record: true,
            ..Config::default()
        })
    }

    pub fn with(config: Config) -> Self {
        Self {
            stripe: StandIn::new(Config {
                // Much of what is asked here is wrong on purpose.
                transcripts: None,
                ..config
            }),
            sent: 0,
        }
    }

    /// A key no request had before.
    pub fn fresh_key(&mut self) -> String {
        self.sent += 1;
        format!("till-1:tender:{}", self.sent)
    }

    pub fn send(&mut self, key: &str, path: &str, form: &str) -> Reply {
        self.stripe
            .handle(&Request::post(path, form).key(TEST_KEY).idempotency_key(key))
    }

    /// The answer of a request whose key is new.
    #[track_caller]
    pub fn post(&mut self, path: &str, form: &str) -> (u16, Value) {
        let key = self.fresh_key();
        let reply = self.send(&key, path, form);
        whole(&reply)
    }

    #[track_caller]
    pub fn get(&mut self, target: &str) -> (u16, Value) {
        let reply = self.stripe.handle(&Request::get(target).key(TEST_KEY));
        whole(&reply)
    }

    /// A new intent of a tender, not confirmed; its id.
    #[track_caller]
    pub fn intent(&mut self, tender: &str, amount: i64, card: &str) -> String {
        let form = format!(
            "amount={amount}&currency=eur&allowed_payment_method_types[]=card\
             &payment_method={card}&metadata[tender_id]={tender}"
        );
        let (status, body) = self.post("/v1/payment_intents", &form);
        assert_eq!(status, 200, "{body}");
        word(&body, "/id")
    }

    /// An intent that has been charged; its id.
    #[track_caller]
    pub fn charged(&mut self, tender: &str, amount: i64, card: &str) -> String {
        let intent = self.intent(tender, amount, card);
        let path = format!("/v1/payment_intents/{intent}/confirm");
        let (status, body) = self.post(&path, "off_session=true&error_on_requires_action=true");
        assert_eq!(
            (status, word(&body, "/status").as_str()),
            (200, "succeeded"),
            "{body}"
        );
        intent
    }

    pub fn delete(&mut self, path: &str) -> (u16, Value) {
        let request = Request::new(Method::Delete, path, "");
        whole(&self.stripe.handle(&request.key(TEST_KEY)))
    }

    pub fn status(&mut self, intent: &str) -> String {
        word(
            &self.get(&format!("/v1/payment_intents/{intent}")).1,
            "/status",
        )
    }
}

#[track_caller]
pub fn answer(reply: &Reply) -> &Answer {
    match &reply.wire {
        Wire::Answer(answer) => answer,
        other => panic!("no whole answer: {other:?}"),
    }
}

#[track_caller]
pub fn whole(reply: &Reply) -> (u16, Value) {
    let answer = answer(reply);
    (answer.status, answer.value())
}

/// The text at a JSON pointer; empty if there is none.
pub fn word(body: &Value, pointer: &str) -> String {
    body.pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
