//! An answer of Stripe's → an [`Event`] of the machine.
//!
//! What is not understood is never taken for success and never for failure: it is
//! ambiguous, and is asked again.

use serde::Deserialize;
use serde_json::Value;

use till_domain::journal::CardSlip;

use crate::machine::{
    ChargeOp, Decline, Event, Intent, Reader, ReaderAction, RefundOp, Session, StripeRefund,
};
use crate::transport::{Answer, HttpAnswer};

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Of a charge.
    Charge(ChargeOp),
    /// Of a refund.
    Refund(RefundOp),
}

#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorFields,
}

#[derive(Deserialize)]
struct ErrorFields {
    #[serde(rename = "type")]
    kind: Option<String>,
    code: Option<String>,
    decline_code: Option<String>,
    advice_code: Option<String>,
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}

pub(crate) fn intent(value: &Value) -> Option<Intent> {
    if value.get("object")?.as_str()? != "payment_intent" {
        return None;
    }
    let charge = value.get("latest_charge");
    let details = charge.and_then(|c| c.get("payment_method_details"));
    let interac = details.and_then(|d| d.get("interac_present"));
    let present = details.and_then(|d| d.get("card_present")).or(interac);
    let card = details.and_then(|d| d.get("card")).or(present);
    let tip = (value.get("amount_details"))
        .and_then(|d| d.get("tip")?.get("amount")?.as_i64())
        .unwrap_or(0);
    let error = value.get("last_payment_error").filter(|e| e.is_object());
    Some(Intent {
        id: text(value, "id")?,
        status: text(value, "status")?,
        amount_minor: value.get("amount")?.as_i64()?,
        tip_minor: tip,
        interac: interac.is_some(),
        slip: present.and_then(|p| p.get("receipt")).and_then(slip),
        // An id, or the object where it was expanded.
        charge: charge.and_then(|c| c.as_str().map(str::to_owned).or_else(|| text(c, "id"))),
        brand: card.and_then(|c| text(c, "brand")),
        last4: card.and_then(|c| text(c, "last4")),
        last_error: error.map(decline),
    })
}

fn decline(error: &Value) -> Decline {
    Decline {
        code: text(error, "code"),
        decline_code: text(error, "decline_code"),
        advice_code: text(error, "advice_code"),
    }
}

/// What must be on the slip of a card that was presented.
fn slip(receipt: &Value) -> Option<Box<CardSlip>> {
    let slip = CardSlip {
        application: text(receipt, "application_preferred_name")
            .filter(|name| !name.trim().is_empty()),
        aid: text(receipt, "dedicated_file_name"),
        authorisation_code: text(receipt, "authorization_code"),
        verification: text(receipt, "cardholder_verification_method"),
        account_type: text(receipt, "account_type"),
        cryptogram: text(receipt, "application_cryptogram"),
        tvr: text(receipt, "terminal_verification_results"),
        tsi: text(receipt, "transaction_status_information"),
    };
    (slip != CardSlip::default()).then(|| Box::new(slip))
}

fn id_of(value: &Value) -> Option<String> {
    value
        .as_str()
        .map(str::to_owned)
        .or_else(|| text(value, "id"))
}

fn reader(value: &Value) -> Option<Reader> {
    if value.get("object")?.as_str()? != "terminal.reader" {
        return None;
    }
    let action = value.get("action").filter(|a| a.is_object());
    Some(Reader {
        action: action.map(|action| {
            let about = [
                "process_payment_intent",
                "refund_payment",
                "collect_payment_method",
                "confirm_payment_intent",
            ]
            .into_iter()
            .find_map(|kind| action.get(kind).filter(|a| a.is_object()));
            let failure = (action.get("api_error").filter(|e| e.is_object()))
                .map(decline)
                .unwrap_or_default();
            ReaderAction {
                intent: about.and_then(|a| id_of(a.get("payment_intent")?)),
                refund: about.and_then(|a| id_of(a.get("refund")?)),
                refund_id: about.and_then(|a| text(a.get("metadata")?, "refund_id")),
                status: text(action, "status").unwrap_or_default(),
                failure: Decline {
                    code: text(action, "failure_code").or(failure.code),
                    ..failure
                },
            }
        }),
    })
}

/// A reader as one refund sees it: what it does for others is nothing.
fn of_refund(reader: Reader, id: &str) -> Reader {
    let ours = |action: &ReaderAction| action.refund_id.as_deref() == Some(id);
    Reader {
        action: reader.action.filter(ours),
    }
}

fn session(value: &Value) -> Option<Session> {
    if value.get("object")?.as_str()? != "checkout.session" {
        return None;
    }
    Some(Session {
        id: text(value, "id")?,
        url: text(value, "url"),
        status: text(value, "status").unwrap_or_default(),
        paid: text(value, "payment_status").as_deref() == Some("paid"),
        intent: value
            .get("payment_intent")
            .and_then(|i| i.as_str().map(str::to_owned).or_else(|| text(i, "id"))),
    })
}

pub(crate) fn refund(value: &Value) -> Option<StripeRefund> {
    if value.get("object")?.as_str()? != "refund" {
        return None;
    }
    Some(StripeRefund {
        id: text(value, "id")?,
        status: text(value, "status")?,
        failure_reason: text(value, "failure_reason"),
    })
}

/// The one of a list whose metadata carries our id. `None` for a list that cannot
/// be read, or that goes on and has not shown it.
fn find<T>(
    value: &Value,
    name: &str,
    id: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Option<Option<T>> {
    let data = value.get("data")?.as_array()?;
    let ours = data.iter().find(|item| {
        let found = item
            .get("metadata")
            .and_then(|m| m.get(name))
            .and_then(Value::as_str)
            == Some(id);
        // A PaymentIntent of an earlier try, cancelled, is not what is looked for.
        let dead = item.get("object").and_then(Value::as_str) == Some("payment_intent")
            && text(item, "status").as_deref() == Some("canceled");
        found && !dead
    });
    match ours {
        Some(item) => read(item).map(Some),
        None if value.get("has_more").and_then(Value::as_bool) == Some(true) => None,
        None => Some(None),
    }
}

fn success(op: Op, id: &str, body: &[u8]) -> Option<Event> {
    let value: Value = serde_json::from_slice(body).ok()?;
    match op {
        // A list that goes on may hold ours further down. An intent that nobody
        // confirms charges nothing, so a new one may be made all the same.
        Op::Charge(ChargeOp::Find) => value
            .get("data")
            .is_some()
            .then(|| Event::Found(find(&value, "tender_id", id, intent).flatten())),
        Op::Refund(RefundOp::Find) => find(&value, "refund_id", id, refund).map(Event::FoundRefund),
        Op::Charge(
            ChargeOp::CreateSession | ChargeOp::RetrieveSession | ChargeOp::ExpireSession,
        ) => session(&value).map(Event::Session),
        Op::Charge(
            ChargeOp::Create
            | ChargeOp::Amend
            | ChargeOp::Confirm
            | ChargeOp::Cancel
            | ChargeOp::Retrieve,
        ) => intent(&value).map(Event::Intent),
        Op::Charge(ChargeOp::Process | ChargeOp::LookAtReader | ChargeOp::ClearReader) => {
            reader(&value).map(Event::Reader)
        }
        Op::Refund(RefundOp::Create | RefundOp::Retrieve) => refund(&value).map(Event::Refund),
        Op::Refund(RefundOp::OnReader | RefundOp::LookAtReader | RefundOp::ClearReader) => {
            reader(&value).map(|reader| Event::Reader(of_refund(reader, id)))
        }
    }
}

/// Reads an answer to `op` of the entry `id`.
#[must_use]
pub fn answer(op: Op, id: &str, answer: &Answer) -> Event {
    match answer {
        Answer::Unreachable => Event::Unreachable,
        Answer::Lost => Event::Ambiguous,
        Answer::Http(http) => read(op, id, http),
    }
}

fn read(op: Op, id: &str, http: &HttpAnswer) -> Event {
    if (200..300).contains(&http.status) {
        return success(op, id, &http.body).unwrap_or(Event::Ambiguous);
    }
    let retry = |untouched| Event::Retry {
        after_ms: http.retry_after_ms,
        untouched,
    };
    if http.status >= 500 {
        return match (http.replayed, http.should_retry) {
            // The stored answer will not change.
            (true, _) => Event::LookUp { spent: true },
            (false, Some(true)) => retry(false),
            (false, None) if matches!(http.status, 502..=504) => retry(false),
            // Indeterminate, or Stripe asks for no other try: it may have come from in
            // front of the place where keys are kept.
            (false, None | Some(false)) => Event::LookUp { spent: false },
        };
    }
    let read: Option<ErrorBody> = serde_json::from_slice(&http.body).ok();
    let told = read.as_ref().and_then(|e| e.error.code.as_deref());
    match told {
        // Definite, and it took nothing; Stripe does not queue for readers.
        Some(code @ ("terminal_reader_busy" | "terminal_reader_offline")) => {
            return Event::ReaderRefused { code: code.into() };
        }
        // It may have acted all the same (Stripe docs, "Terminal error codes").
        Some("terminal_reader_timeout") if matches!(op, Op::Refund(_)) => {
            return Event::LookUp { spent: true };
        }
        Some("terminal_reader_timeout") => return Event::Ambiguous,
        Some(_) | None => {}
    }
    match (http.status, http.should_retry) {
        // Another one under this key is being worked on, or it was too fast.
        (409 | 429, None | Some(true)) => return retry(true),
        (424, None) | (_, Some(true)) => return retry(false),
        (409 | 424 | 429, Some(false)) => return Event::LookUp { spent: false },
        (_, None | Some(false)) => {}
    }
    if matches!(http.status, 401 | 403) {
        return Event::Unauthorised;
    }
    let Some(ErrorBody { error }) = read else {
        return Event::Ambiguous;
    };
    let code = error
        .code
        .clone()
        .or(error.kind.clone())
        .unwrap_or_default();
    match (http.status, code.as_str()) {
        (402, "authentication_required") => Event::NeedsCustomer,
        (402, _) if error.decline_code.as_deref() == Some("authentication_required") => {
            Event::NeedsCustomer
        }
        (402, _) => Event::Declined(Decline {
            code: error.code,
            decline_code: error.decline_code,
            advice_code: error.advice_code,
        }),
        (
            400,
            "payment_intent_unexpected_state"
            | "charge_already_refunded"
            | "intent_invalid_state"
            | "checkout_session_not_open",
        ) => Event::UnexpectedState,
        (400, _) if matches!(op, Op::Charge(ChargeOp::ExpireSession)) => Event::UnexpectedState,
        (400..=499, _) => Event::Refused { code },
        _ => Event::Ambiguous,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(status: u16, body: &str) -> HttpAnswer {
        HttpAnswer {
            status,
            body: body.as_bytes().to_vec(),
            ..HttpAnswer::default()
        }
    }

    #[test]
    fn every_answer_is_read_as_the_table_says() {
        let confirm = Op::Charge(ChargeOp::Confirm);
        let error = |code: &str| {
            format!(r#"{{"error":{{"type":"invalid_request_error","code":"{code}"}}}}"#)
        };
        let retry = Event::Retry {
            after_ms: None,
            untouched: false,
        };
        let turned_away = |after_ms| Event::Retry {
            after_ms,
            untouched: true,
        };
        for (name, answer_, expected) in [
            ("no route", Answer::Unreachable, Event::Unreachable),
            ("reset", Answer::Lost, Event::Ambiguous),
            (
                "cut short",
                Answer::Http(http(200, r#"{"id":"pi_1","obj"#)),
                Event::Ambiguous,
            ),
            (
                "another object",
                Answer::Http(http(200, r#"{"id":"re_1","object":"refund"}"#)),
                Event::Ambiguous,
            ),
            (
                "key in use",
                Answer::Http(http(409, "{}")),
                turned_away(None),
            ),
            ("dependency", Answer::Http(http(424, "{}")), retry.clone()),
            (
                "too many",
                Answer::Http(HttpAnswer {
                    retry_after_ms: Some(2000),
                    ..http(429, "{}")
                }),
                turned_away(Some(2000)),
            ),
            (
                "too many, and no other try is wanted",
                Answer::Http(HttpAnswer {
                    should_retry: Some(false),
                    ..http(429, "{}")
                }),
                Event::LookUp { spent: false },
            ),
            ("bad gateway", Answer::Http(http(502, "")), retry.clone()),
            ("unavailable", Answer::Http(http(503, "")), retry.clone()),
            (
                "gateway time-out",
                Answer::Http(http(504, "")),
                retry.clone(),
            ),
            (
                "indeterminate",
                Answer::Http(http(500, "{}")),
                Event::LookUp { spent: false },
            ),
            (
                "replayed 503",
                Answer::Http(HttpAnswer {
                    replayed: true,
                    ..http(503, "")
                }),
                Event::LookUp { spent: true },
            ),
            (
                "do not retry",
                Answer::Http(HttpAnswer {
                    should_retry: Some(false),
                    ..http(503, "")
                }),
                Event::LookUp { spent: false },
            ),
            (
                "retry a 500",
                Answer::Http(HttpAnswer {
                    should_retry: Some(true),
                    ..http(500, "")
                }),
                retry.clone(),
            ),
            (
                "retry a 400",
                Answer::Http(HttpAnswer {
                    should_retry: Some(true),
                    ..http(400, "")
                }),
                retry,
            ),
            (
                "authentication",
                Answer::Http(http(402, &error("authentication_required"))),
                Event::NeedsCustomer,
            ),
            (
                "declined",
                Answer::Http(http(
                    402,
                    r#"{"error":{"code":"card_declined","decline_code":"lost_card","advice_code":"do_not_try_again"}}"#,
                )),
                Event::Declined(Decline {
                    code: Some("card_declined".into()),
                    decline_code: Some("lost_card".into()),
                    advice_code: Some("do_not_try_again".into()),
                }),
            ),
            (
                "mismatch",
                Answer::Http(http(400, r#"{"error":{"type":"idempotency_error"}}"#)),
                Event::Refused {
                    code: "idempotency_error".into(),
                },
            ),
            (
                "state",
                Answer::Http(http(400, &error("payment_intent_unexpected_state"))),
                Event::UnexpectedState,
            ),
            (
                "bad request",
                Answer::Http(http(400, &error("parameter_unknown"))),
                Event::Refused {
                    code: "parameter_unknown".into(),
                },
            ),
            (
                "reader busy",
                Answer::Http(http(400, &error("terminal_reader_busy"))),
                Event::ReaderRefused {
                    code: "terminal_reader_busy".into(),
                },
            ),
            (
                "reader offline",
                Answer::Http(http(400, &error("terminal_reader_offline"))),
                Event::ReaderRefused {
                    code: "terminal_reader_offline".into(),
                },
            ),
            (
                "reader timed out",
                Answer::Http(http(400, &error("terminal_reader_timeout"))),
                Event::Ambiguous,
            ),
            (
                "missing",
                Answer::Http(http(404, &error("resource_missing"))),
                Event::Refused {
                    code: "resource_missing".into(),
                },
            ),
            ("key", Answer::Http(http(401, "{}")), Event::Unauthorised),
            ("rights", Answer::Http(http(403, "{}")), Event::Unauthorised),
            (
                "a proxy's page",
                Answer::Http(http(400, "<html>")),
                Event::Ambiguous,
            ),
        ] {
            assert_eq!(answer(confirm, "t", &answer_), expected, "{name}");
        }
    }

    #[test]
    fn a_list_that_goes_on_has_not_said_no() {
        let list = |more: bool| {
            Answer::Http(http(
                200,
                &format!(r#"{{"object":"list","data":[],"has_more":{more}}}"#),
            ))
        };
        let find = Op::Refund(RefundOp::Find);
        assert_eq!(answer(find, "t", &list(false)), Event::FoundRefund(None));
        assert_eq!(answer(find, "t", &list(true)), Event::Ambiguous);
    }
}
