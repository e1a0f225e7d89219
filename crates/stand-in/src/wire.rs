//! What comes in on the wire and what goes out.
//!
//! Invariants:
//! - an [`Answer`] is complete before it is cut: what a client does not see was
//!   still decided;
//! - an error body leaves out what is null, as Stripe's does.

use serde_json::{Map, Value};

/// The API version the stand-in speaks.
/// Source: "Versioning" in Stripe's API reference.
pub const API_VERSION: &str = "2026-10-28.endive";

/// An HTTP method the stand-in knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `DELETE`
    Delete,
    /// Any other; no endpoint answers to it.
    Other,
}

impl Method {
    /// Reads the method of a request line.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        match word {
            "GET" => Self::Get,
            "POST" => Self::Post,
            "DELETE" => Self::Delete,
            _ => Self::Other,
        }
    }

    /// The word of the request line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
            Self::Other => "OTHER",
        }
    }
}

/// One HTTP request, as bytes a client would send.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path without the query, for example `/v1/payment_intents`.
    pub path: String,
    /// What follows the `?`, still encoded; empty if nothing does.
    pub query: String,
    /// Names in any case, values as sent.
    pub headers: Vec<(String, String)>,
    /// The form body of a `POST`.
    pub body: Vec<u8>,
}

// Headers hold the key and bodies hold customers; neither belongs in a log.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// A `GET` of a path, which may carry a query after `?`.
    #[must_use]
    pub fn get(target: &str) -> Self {
        Self::new(Method::Get, target, "")
    }

    /// A `POST` of a form body.
    #[must_use]
    pub fn post(target: &str, body: &str) -> Self {
        Self::new(Method::Post, target, body)
    }

    /// A request without headers.
    #[must_use]
    pub fn new(method: Method, target: &str, body: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds `Authorization: Bearer …`.
    #[must_use]
    pub fn key(self, secret: &str) -> Self {
        let value = format!("Bearer {secret}");
        self.header("Authorization", &value)
    }

    /// Adds `Idempotency-Key`.
    #[must_use]
    pub fn idempotency_key(self, key: &str) -> Self {
        self.header("Idempotency-Key", key)
    }

    /// The value of a header, whatever the case of its name.
    #[must_use]
    pub fn header_value(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }
}

/// A complete HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names as Stripe writes them.
    pub headers: Vec<(String, String)>,
    /// JSON, but for a gateway's own error page.
    pub body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        // A `Value` always serialises: its keys are strings.
        let body = serde_json::to_vec_pretty(body).unwrap_or_default();
        Self {
            status,
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body,
        }
    }

    /// The value of a header, whatever the case of its name.
    #[must_use]
    pub fn header_value(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    /// The body as JSON, or null if it is none.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
    }
}

/// What a client sees of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wire {
    /// All of it.
    Answer(Answer),
    /// No connection is made: the outage switch is on. Over HTTP the connection
    /// is closed instead, since a bound port cannot refuse one.
    NoRoute,
    /// The connection closes and nothing has been done.
    DropBeforeAct,
    /// The connection closes after everything has been done.
    DropAfterAct,
    /// The head promises the whole body, and only `sent` bytes of it come.
    Truncated {
        /// What was to be sent; its length is the one declared.
        answer: Answer,
        /// How many bytes of the body come; fewer than it has.
        sent: usize,
    },
}

/// What happens on the wire, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// What the client sees.
    pub wire: Wire,
    /// How long it waits first, in milliseconds. The synchronous core never
    /// sleeps: a simulation decides what to make of it.
    pub delay_ms: u64,
}

impl Reply {
    pub(crate) fn now(answer: Answer) -> Self {
        Self {
            wire: Wire::Answer(answer),
            delay_ms: 0,
        }
    }

    /// The answer, if the client sees all of it.
    #[must_use]
    pub fn answer(&self) -> Option<&Answer> {
        match &self.wire {
            Wire::Answer(answer) => Some(answer),
            Wire::NoRoute | Wire::DropBeforeAct | Wire::DropAfterAct | Wire::Truncated { .. } => {
                None
            }
        }
    }
}

/// Why Stripe refuses a request.
/// Source: "Errors" and "Error codes" in Stripe's API reference.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) message: String,
    pub(crate) code: Option<String>,
    pub(crate) param: Option<String>,
    /// What a declined card or an unexpected state adds to the error.
    pub(crate) more: Map<String, Value>,
    /// Whether the endpoint had begun to act: only then is the answer kept
    /// under the idempotency key.
    pub(crate) began: bool,
}

pub(crate) type Outcome = Result<Value, Box<Refusal>>;

impl Refusal {
    pub(crate) fn invalid(message: impl Into<String>) -> Box<Self> {
        Box::new(Self {
            status: 400,
            kind: "invalid_request_error",
            message: message.into(),
            code: None,
            param: None,
            more: Map::new(),
            began: false,
        })
    }

    pub(crate) fn missing_object(kind: &str, id: &str, param: &str) -> Box<Self> {
        Self::invalid(format!("No such {kind}: '{id}'"))
            .code("resource_missing")
            .param(param)
    }

    pub(crate) fn code(mut self: Box<Self>, code: &str) -> Box<Self> {
        self.code = Some(code.to_owned());
        self
    }

    pub(crate) fn param(mut self: Box<Self>, param: &str) -> Box<Self> {
        self.param = Some(param.to_owned());
        self
    }

    pub(crate) fn status(mut self: Box<Self>, status: u16) -> Box<Self> {
        self.status = status;
        self
    }

    pub(crate) fn kind(mut self: Box<Self>, kind: &'static str) -> Box<Self> {
        self.kind = kind;
        self
    }

    pub(crate) fn began(mut self: Box<Self>) -> Box<Self> {
        self.began = true;
        self
    }

    pub(crate) fn with(mut self: Box<Self>, name: &str, value: Value) -> Box<Self> {
        self.more.insert(name.to_owned(), value);
        self
    }

    /// The object under `error`, without nulls.
    pub(crate) fn error(&self) -> Value {
        let mut error = self.more.clone();
        error.insert("type".to_owned(), self.kind.into());
        error.insert("message".to_owned(), self.message.as_str().into());
        if let Some(code) = &self.code {
            error.insert("code".to_owned(), code.as_str().into());
            let url = format!(
                "https://docs.stripe.com/error-codes#{}",
                code.replace('_', "-")
            );
            error.insert("doc_url".to_owned(), url.into());
        }
        if let Some(param) = &self.param {
            error.insert("param".to_owned(), param.as_str().into());
        }
        error.retain(|_, v| !v.is_null());
        Value::Object(error)
    }

    pub(crate) fn body(&self) -> Value {
        serde_json::json!({ "error": self.error() })
    }

    pub(crate) fn answer(&self) -> Answer {
        Answer::json(self.status, &self.body())
    }
}
