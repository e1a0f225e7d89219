//! The shop's card readers at Stripe: where they stand, registering one, listing them.
//!
//! Invariants:
//! - none of these moves money, and none is in the outbox: they are asked while
//!   somebody waits for them;
//! - what makes something has a key that is on disk with the errand, and its bytes
//!   follow from the errand: asked again after a crash it is the same request.
//!
//! Source: Stripe API reference, "Terminal Locations" and "Terminal Readers".

use serde::{Deserialize, Serialize};
use serde_json::Value;
use till_store::StoredRequest;

use crate::machine::DELAY_MAX_MS;
use crate::request::{Form, get, post};
use crate::transport::Answer;

/// Where a shop is, as Stripe wants it. Empty is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// The shop's name.
    pub name: String,
    /// Street and number.
    pub line1: String,
    /// Town.
    pub city: String,
    /// Postal code.
    pub postal_code: String,
    /// State or province.
    pub state: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

/// What is asked about readers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Errand {
    /// Which readers stand in the shop.
    List {
        /// `tml_…`; none lists those of the whole account.
        location: Option<String>,
    },
    /// Make the shop's location.
    Locate(Place),
    /// Register a reader.
    Register {
        /// Shown on the reader.
        code: String,
        /// What the shop calls it.
        label: String,
        /// `tml_…`.
        location: String,
    },
}

/// A reader as Stripe lists it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedReader {
    /// `tmr_…`.
    pub id: String,
    /// What the shop calls it.
    pub label: String,
    /// The device, in Stripe's word.
    pub device: String,
    /// It has a network.
    pub online: bool,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// The readers.
    Listed(Vec<ListedReader>),
    /// `tml_…` of the new location.
    Located(String),
    /// The new reader.
    Registered(ListedReader),
    /// Not now: the same again, not before so many milliseconds.
    Again {
        /// From now.
        after_ms: i64,
    },
    /// Stripe cannot be reached, or its answer was lost: the same again when it can.
    Lost,
    /// Stripe refuses the key, or the key lacks the right.
    Unauthorised,
    /// Stripe refuses it.
    Refused {
        /// Stripe's code.
        code: String,
    },
}

/// The request of an errand.
#[must_use]
pub fn request(errand: &Errand, key: &str) -> StoredRequest {
    match errand {
        Errand::List { location } => {
            let place = location
                .as_ref()
                .map_or_else(String::new, |l| format!("location={l}&"));
            get(format!("/v1/terminal/readers?{place}limit=100"))
        }
        Errand::Locate(place) => {
            let some = |text: &str| Some(text.trim().to_owned()).filter(|t| !t.is_empty());
            let form = Form::default()
                .put("display_name", &place.name)
                .put("address[country]", &place.country);
            let form = [
                ("address[line1]", &place.line1),
                ("address[city]", &place.city),
                ("address[postal_code]", &place.postal_code),
                ("address[state]", &place.state),
            ]
            .into_iter()
            .fold(form, |form, (name, text)| {
                form.maybe(name, some(text).as_deref())
            });
            post("/v1/terminal/locations".into(), form, key.to_owned())
        }
        Errand::Register {
            code,
            label,
            location,
        } => post(
            "/v1/terminal/readers".into(),
            Form::default()
                .put("registration_code", code)
                .put("label", label)
                .put("location", location),
            key.to_owned(),
        ),
    }
}

fn text(value: &Value, name: &str) -> String {
    let text = value.get(name).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

fn listed(value: &Value) -> Option<ListedReader> {
    let id = text(value, "id");
    let gone = value.get("deleted").and_then(Value::as_bool) == Some(true);
    (!id.is_empty() && !gone).then(|| ListedReader {
        id,
        label: text(value, "label"),
        device: text(value, "device_type"),
        online: text(value, "status") == "online",
    })
}

/// Reads an answer to `errand`.
#[must_use]
pub fn told(errand: &Errand, answer: &Answer) -> Told {
    let http = match answer {
        Answer::Unreachable | Answer::Lost => return Told::Lost,
        Answer::Http(http) => http,
    };
    let body: Option<Value> = serde_json::from_slice(&http.body).ok();
    match http.status {
        200..=299 => {}
        401 | 403 => return Told::Unauthorised,
        409 | 424 | 429 | 500.. => {
            let after_ms = http.retry_after_ms.unwrap_or(1_000);
            return Told::Again {
                after_ms: after_ms.clamp(1_000, DELAY_MAX_MS),
            };
        }
        _ => {
            let error = body.as_ref().and_then(|b| b.get("error"));
            let code = error.map(|e| (text(e, "code"), text(e, "type")));
            return match code {
                None => Told::Lost,
                Some((code, kind)) if code.is_empty() => Told::Refused { code: kind },
                Some((code, _)) => Told::Refused { code },
            };
        }
    }
    let read = body.as_ref().and_then(|value| match errand {
        Errand::List { .. } => {
            let data = value.get("data")?.as_array()?;
            Some(Told::Listed(data.iter().filter_map(listed).collect()))
        }
        Errand::Locate(_) => Some(text(value, "id"))
            .filter(|id| !id.is_empty())
            .map(Told::Located),
        Errand::Register { .. } => listed(value).map(Told::Registered),
    });
    read.unwrap_or(Told::Lost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::HttpAnswer;

    #[test]
    fn an_answer_about_readers_is_read_as_the_table_says() {
        let list = Errand::List { location: None };
        let place = Errand::Locate(Place::default());
        for (name, errand, status, body, expected) in [
            (
                "readers",
                &list,
                200,
                r#"{"data":[{"id":"tmr_1","label":"Counter","device_type":"stripe_s700","status":"online"},{"id":"tmr_2","deleted":true}]}"#,
                Told::Listed(vec![ListedReader {
                    id: "tmr_1".into(),
                    label: "Counter".into(),
                    device: "stripe_s700".into(),
                    online: true,
                }]),
            ),
            (
                "a location",
                &place,
                200,
                r#"{"id":"tml_1"}"#,
                Told::Located("tml_1".into()),
            ),
            ("cut short", &list, 200, r#"{"data":[{"#, Told::Lost),
            ("another object", &place, 200, "{}", Told::Lost),
            ("key", &list, 403, "{}", Told::Unauthorised),
            ("busy", &list, 429, "{}", Told::Again { after_ms: 1_000 }),
            ("down", &place, 500, "", Told::Again { after_ms: 1_000 }),
            (
                "refused",
                &place,
                400,
                r#"{"error":{"code":"parameter_missing"}}"#,
                Told::Refused {
                    code: "parameter_missing".into(),
                },
            ),
            ("a proxy's page", &place, 400, "<html>", Told::Lost),
        ] {
            let answer = Answer::Http(HttpAnswer {
                status,
                body: body.as_bytes().to_vec(),
                ..HttpAnswer::default()
            });
            assert_eq!(told(errand, &answer), expected, "{name}");
        }
    }
}
