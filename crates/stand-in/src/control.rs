//! The controls under `/_stand_in/`: JSON in, JSON out, no key asked for.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::cards::CardBehaviour;
use crate::faults::{FaultPlan, Scripted};
use crate::readers::ReaderBehaviour;
use crate::refunds::RefundCourse;
use crate::transcript::Exchange;
use crate::wire::{Answer, Method, Request};
use crate::{ControlError, StandIn};

/// A control refused: what is wrong with it.
fn refused(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({ "error": { "message": message } }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clock {
    now: Option<i64>,
    advance: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    on: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKeys {
    keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedCard {
    customer: String,
    payment_method: String,
    behaviour: CardBehaviour,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pay {
    #[serde(default = "visa")]
    payment_method: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Present {
    #[serde(default = "visa")]
    card: String,
    tip: Option<i64>,
}

fn visa() -> String {
    "pm_card_visa".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Authenticate {
    passes: bool,
}

fn body<T: DeserializeOwned>(request: &Request) -> Result<T, Answer> {
    let text: &[u8] = if request.body.is_empty() {
        b"{}"
    } else {
        &request.body
    };
    serde_json::from_slice(text).map_err(|why| refused(400, &why.to_string()))
}

fn done(outcome: Result<(), ControlError>) -> Result<Value, Answer> {
    match outcome {
        Ok(()) => Ok(json!({ "done": true })),
        Err(why) => Err(refused(409, &why.message)),
    }
}

pub(crate) fn answer(this: &mut StandIn, request: &Request, rest: &str) -> Answer {
    match control(this, request, rest) {
        Ok(value) => Answer::json(200, &value),
        Err(answer) => answer,
    }
}

fn control(this: &mut StandIn, request: &Request, rest: &str) -> Result<Value, Answer> {
    let path: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
    match (request.method, path.as_slice()) {
        (Method::Get, ["health"]) => {
            Ok(json!({ "ok": true, "now": this.now(), "outage": this.outage }))
        }
        (Method::Get, ["ledger"]) => {
            serde_json::to_value(this.ledger()).map_err(|why| refused(500, &why.to_string()))
        }
        (Method::Get, ["transcript"]) => {
            let lines = |each: fn(&Exchange) -> Option<String>| -> Vec<String> {
                this.exchanges.iter().filter_map(each).collect()
            };
            Ok(json!({
                "requests": lines(Exchange::request_line),
                "answers": lines(Exchange::answer_line),
            }))
        }
        (Method::Post, ["record"]) => {
            let switch: Switch = body(request)?;
            this.config.record = switch.on;
            Ok(json!({ "record": switch.on }))
        }
        (Method::Post, ["faults"]) => {
            let text = String::from_utf8_lossy(&request.body).into_owned();
            let plan = FaultPlan::parse(&text).map_err(|why| refused(400, &why.to_string()))?;
            this.set_faults(plan);
            Ok(json!({ "done": true }))
        }
        (Method::Post, ["faults", "next"]) => {
            let scripted: Scripted = body(request)?;
            this.faults.push(scripted);
            Ok(json!({ "waiting": this.faults_waiting() }))
        }
        (Method::Post, ["clock"]) => {
            let clock: Clock = body(request)?;
            if let Some(now) = clock.now {
                this.set_now(now);
            }
            if let Some(seconds) = clock.advance {
                this.advance(seconds);
            }
            Ok(json!({ "now": this.now() }))
        }
        (Method::Post, ["outage"]) => {
            let switch: Switch = body(request)?;
            this.set_outage(switch.on);
            Ok(json!({ "outage": switch.on }))
        }
        (Method::Post, ["keys"]) => {
            let new: NewKeys = body(request)?;
            this.set_keys(new.keys);
            Ok(json!({ "done": true }))
        }
        (Method::Post, ["cards"]) => {
            let card: SavedCard = body(request)?;
            this.add_customer(&card.customer, &card.payment_method, card.behaviour);
            Ok(json!({ "done": true }))
        }
        (Method::Post, ["refunds", "next"]) => {
            let course: RefundCourse = body(request)?;
            this.next_refund(course);
            Ok(json!({ "done": true }))
        }
        (Method::Post, ["readers", id]) => {
            let behaviour: ReaderBehaviour = body(request)?;
            this.set_reader(id, behaviour);
            Ok(json!({ "done": true }))
        }
        (Method::Post, ["readers", id, "present"]) => {
            let present: Present = body(request)?;
            done(this.present_card(id, &present.card, present.tip))
        }
        (Method::Post, ["readers", id, "cancel"]) => done(this.cancel_at_reader(id)),
        (Method::Get, ["pay", session]) => this
            .state
            .session_lines(session)
            .ok_or_else(|| refused(404, "no such session")),
        (Method::Post, ["pay", session]) => {
            let pay: Pay = body(request)?;
            done(this.pay_session(session, &pay.payment_method))
        }
        (Method::Post, ["save", session]) => {
            let pay: Pay = body(request)?;
            done(this.save_on_page(session, &pay.payment_method))
        }
        (Method::Post, ["authenticate", intent]) => {
            let answer: Authenticate = body(request)?;
            done(this.authenticate(intent, answer.passes))
        }
        (Method::Post, ["dispute", charge]) => match this.dispute(charge) {
            Some(id) => Ok(json!({ "dispute": id })),
            None => Err(refused(404, "no such charge")),
        },
        _ => Err(refused(404, "no such control")),
    }
}
