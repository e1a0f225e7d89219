//! What happens next to one card that is being saved, or removed, at Stripe.
//!
//! Invariants:
//! - no card number comes here: Stripe's page or a reader takes it, and what is told
//!   is brand, last four digits and expiry;
//! - a card is kept only when Stripe says that it is the customer's, and only where it
//!   is still wanted: one that comes in after somebody gave up is taken away again;
//! - a POST goes again under its own key and bytes. Past [`KEY_LIFETIME_MS`] it goes
//!   under a new key: a second customer, page or SetupIntent is empty and harms nobody.
//!   What was sent to a reader is asked about instead;
//! - a removal ends when Stripe says that the card is nobody's any more, or not there.
//!
//! Source: Stripe docs, "Save and reuse" (Checkout in setup mode) and "Save directly
//! without charging" (readers).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use till_domain::catalog::Consent;
use till_domain::ids::{CardId, CustomerId, Timestamp};
use till_store::StoredRequest;

use crate::machine::KEY_LIFETIME_MS;
use crate::request::{Form, get, post};
use crate::transport::{Answer, HttpAnswer};

/// How long a page waits for its customer before it is closed.
const PAGE_LIFETIME_MS: i64 = 60 * 60_000;
/// How long a reader does.
const READER_LIFETIME_MS: i64 = 5 * 60_000;
const BACKOFF_FIRST_MS: i64 = 500;
/// Somebody stands at the counter.
const BACKOFF_SAVE_MS: i64 = 30_000;
const BACKOFF_REMOVE_MS: i64 = 15 * 60_000;

/// Where a customer gives their card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SaveOn {
    /// Stripe's page.
    Page,
    /// A reader, `tmr_…`.
    Reader(String),
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Stripe is to make the customer.
    Customer,
    /// Stripe is to make the page.
    Page,
    /// The page waits for the customer.
    Open,
    /// Stripe is to make the SetupIntent.
    Setup,
    /// It is to be handed to the reader.
    Send,
    /// The reader has it, or may have.
    AtReader,
    /// The card is to be taken off Stripe's customer.
    Detach,
    /// It is over.
    Ended(End),
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The card is kept.
    Saved,
    /// The card is kept no more.
    Removed,
    /// Nobody gave a card in time.
    Expired,
    /// Somebody gave up.
    Canceled,
    /// Stripe, the bank or the reader said no.
    Failed,
}

/// A request of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardOp {
    /// Make Stripe's customer.
    CreateCustomer,
    /// Make the page.
    CreateSession,
    /// Look at it.
    RetrieveSession,
    /// Close it.
    ExpireSession,
    /// Make the SetupIntent of a reader.
    CreateSetup,
    /// Hand it to the reader.
    Process,
    /// Look at it.
    RetrieveSetup,
    /// Take it off the reader.
    CancelAction,
    /// Take the card off the customer.
    Detach,
}

impl CardOp {
    const fn word(self) -> &'static str {
        match self {
            Self::CreateCustomer => "customer",
            Self::CreateSession => "session",
            Self::RetrieveSession => "retrieve_session",
            Self::ExpireSession => "expire",
            Self::CreateSetup => "setup",
            Self::Process => "process",
            Self::RetrieveSetup => "retrieve_setup",
            Self::CancelAction => "cancel_action",
            Self::Detach => "detach",
        }
    }

    /// It changes nothing at Stripe, and is written anew each time.
    #[must_use]
    pub const fn is_read(self) -> bool {
        match self {
            Self::RetrieveSession | Self::RetrieveSetup => true,
            Self::CreateCustomer
            | Self::CreateSession
            | Self::ExpireSession
            | Self::CreateSetup
            | Self::Process
            | Self::CancelAction
            | Self::Detach => false,
        }
    }
}

/// A card that is being saved or removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardTask {
    /// How far it is.
    pub stage: Stage,
    /// Where the customer gives the card; none for a removal.
    pub on: Option<SaveOn>,
    /// What the customer agreed to; none for a removal.
    pub consent: Option<Consent>,
    /// How it is to end, where it is no longer wanted.
    pub give_up: Option<End>,
    /// The page was closed, or the reader told to stop.
    pub closed: bool,
    /// Stripe's customer.
    pub stripe_customer: Option<String>,
    /// `cs_…`.
    pub session: Option<String>,
    /// Where the page is.
    pub url: Option<String>,
    /// `seti_…`.
    pub setup: Option<String>,
    /// `pm_…`, of a removal.
    pub method: Option<String>,
    /// The request that may have reached Stripe.
    pub asked: Option<CardOp>,
    /// Until when a card is waited for.
    pub until: Timestamp,
    /// Names the keys: it goes up with each new request.
    pub attempt: u32,
    /// Answers in a row that said nothing.
    pub misses: u32,
    /// How often the page or the SetupIntent was looked at.
    pub polls: u32,
    /// Why it failed, in Stripe's word.
    pub why: Option<String>,
}

/// What the requests need beside the task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About<'a> {
    /// Which till.
    pub till: &'a str,
    /// The task, and the card once there is one.
    pub id: CardId,
    /// Whose.
    pub customer: CustomerId,
    /// ISO 4217 code.
    pub currency: &'a str,
    /// What the customer agrees to, for the page to show.
    pub words: &'a str,
}

/// A card as Stripe described it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardFacts {
    /// `pm_…`.
    pub method: String,
    /// Stripe's word, such as `visa`.
    pub brand: String,
    /// Last four digits.
    pub last4: String,
    /// "12/2030".
    pub expires: String,
}

/// What an answer came to, beside the stage it moved to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heard {
    /// The request is settled: the next one is a new one.
    pub settled: bool,
    /// When to go on, in milliseconds from now.
    pub after_ms: i64,
    /// Stripe has a customer of this name now.
    pub made_customer: Option<String>,
    /// Stripe has no such customer any more, and none of its cards.
    pub customer_gone: bool,
    /// The card to keep.
    pub saved: Option<CardFacts>,
    /// Stripe refused the key.
    pub pause: bool,
    /// There is no way to Stripe.
    pub unreachable: bool,
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer)?.as_str().map(str::to_owned)
}

/// A `payment_method` of a card that is the customer's.
pub(crate) fn facts(method: &Value) -> Option<CardFacts> {
    let card = method.get("card")?;
    method.get("customer")?.as_str()?;
    let month = card.get("exp_month")?.as_i64()?;
    let year = card.get("exp_year")?.as_i64()?;
    let last4 = text(card, "/last4")?;
    if last4.len() != 4 || !last4.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(CardFacts {
        method: text(method, "/id")?,
        brand: text(card, "/brand")?,
        last4,
        expires: format!("{month:02}/{year}"),
    })
}

impl CardTask {
    fn new(stage: Stage, until: Timestamp) -> Self {
        Self {
            stage,
            on: None,
            consent: None,
            give_up: None,
            closed: false,
            stripe_customer: None,
            session: None,
            url: None,
            setup: None,
            method: None,
            asked: None,
            until,
            attempt: 0,
            misses: 0,
            polls: 0,
            why: None,
        }
    }

    /// A card to be saved; `stripe_customer` where there is one already.
    #[must_use]
    pub fn save(
        on: SaveOn,
        consent: Consent,
        stripe_customer: Option<String>,
        now: Timestamp,
    ) -> Self {
        let lifetime = match on {
            SaveOn::Page => PAGE_LIFETIME_MS,
            SaveOn::Reader(_) => READER_LIFETIME_MS,
        };
        let mut task = Self::new(Stage::Customer, now.plus_ms(lifetime));
        task.on = Some(on);
        task.consent = Some(consent);
        if stripe_customer.is_some() {
            task.stripe_customer = stripe_customer;
            task.stage = task.after_customer();
        }
        task
    }

    /// A card to be removed.
    #[must_use]
    pub fn remove(method: String, now: Timestamp) -> Self {
        let mut task = Self::new(Stage::Detach, now);
        task.method = Some(method);
        task
    }

    const fn after_customer(&self) -> Stage {
        match self.on {
            Some(SaveOn::Reader(_)) => Stage::Setup,
            Some(SaveOn::Page) | None => Stage::Page,
        }
    }

    /// How it ended, once it has.
    #[must_use]
    pub const fn ended(&self) -> Option<End> {
        match self.stage {
            Stage::Ended(end) => Some(end),
            Stage::Customer
            | Stage::Page
            | Stage::Open
            | Stage::Setup
            | Stage::Send
            | Stage::AtReader
            | Stage::Detach => None,
        }
    }

    fn end(&mut self, end: End) {
        self.stage = Stage::Ended(end);
        // Nobody needs the page any more.
        self.url = None;
    }

    /// It is no longer wanted. What a customer or a reader may have in hand is closed
    /// at Stripe first; of the rest nothing is known to anybody.
    pub fn give_up(&mut self, end: End) {
        match self.stage {
            Stage::Customer | Stage::Page | Stage::Setup => self.end(end),
            Stage::Send if self.asked.is_none() => self.end(end),
            Stage::Open | Stage::Send | Stage::AtReader => {
                self.give_up.get_or_insert(end);
            }
            Stage::Detach | Stage::Ended(_) => {}
        }
    }

    /// What is to be asked at `now`; none once it is over.
    #[must_use]
    pub fn op(&mut self, now: Timestamp) -> Option<CardOp> {
        let late = now.ms_since(self.until) > 0;
        if late && matches!(self.stage, Stage::Open | Stage::AtReader) {
            self.give_up.get_or_insert(End::Expired);
        }
        let close = self.give_up.is_some() && !self.closed;
        Some(match self.stage {
            Stage::Customer => CardOp::CreateCustomer,
            Stage::Page => CardOp::CreateSession,
            Stage::Open if close => CardOp::ExpireSession,
            Stage::Open => CardOp::RetrieveSession,
            Stage::Setup => CardOp::CreateSetup,
            Stage::Send => CardOp::Process,
            Stage::AtReader if close => CardOp::CancelAction,
            Stage::AtReader => CardOp::RetrieveSetup,
            Stage::Detach => CardOp::Detach,
            Stage::Ended(_) => return None,
        })
    }

    /// Whether a stored request may go again: its key still names it.
    #[must_use]
    pub fn may_resend(request: &StoredRequest, now: Timestamp) -> bool {
        request
            .first_sent_at
            .is_some_and(|sent| (0..KEY_LIFETIME_MS).contains(&now.ms_since(sent)))
    }

    /// What was sent under a key that names nothing any more: a reader is asked about,
    /// all else is sent anew.
    pub fn outlived(&mut self) {
        if self.stage == Stage::Send {
            self.stage = Stage::AtReader;
        }
    }

    /// A new request.
    #[must_use]
    pub fn request(&mut self, op: CardOp, about: &About<'_>) -> StoredRequest {
        let session = self.session.as_deref().unwrap_or_default();
        let setup = self.setup.as_deref().unwrap_or_default();
        let reader = match &self.on {
            Some(SaveOn::Reader(reader)) => reader.as_str(),
            Some(SaveOn::Page) | None => "",
        };
        let customer = about.customer.to_string();
        let card = about.id.to_string();
        let (path, form) = match op {
            // No name and no address: the shop's own books have them.
            CardOp::CreateCustomer => (
                "/v1/customers".to_owned(),
                Form::default()
                    .put("metadata[customer_id]", &customer)
                    .put("metadata[till_id]", about.till),
            ),
            CardOp::CreateSession => (
                "/v1/checkout/sessions".to_owned(),
                Form::default()
                    .put("mode", "setup")
                    .maybe("customer", self.stripe_customer.as_deref())
                    .put("currency", &about.currency.to_lowercase())
                    .put("allowed_payment_method_types[0]", "card")
                    // Where the browser goes after it; Stripe asks for an address.
                    .put("success_url", "https://stripe.com/")
                    .put("custom_text[submit][message]", about.words)
                    .put("client_reference_id", &card)
                    .put("metadata[card_id]", &card)
                    .put("setup_intent_data[metadata][card_id]", &card)
                    .put("setup_intent_data[metadata][till_id]", about.till),
            ),
            CardOp::RetrieveSession => {
                return get(format!(
                    "/v1/checkout/sessions/{session}?expand[0]=setup_intent.payment_method"
                ));
            }
            CardOp::ExpireSession => (
                format!("/v1/checkout/sessions/{session}/expire"),
                Form::default(),
            ),
            CardOp::CreateSetup => (
                "/v1/setup_intents".to_owned(),
                Form::default()
                    .maybe("customer", self.stripe_customer.as_deref())
                    .put("usage", "off_session")
                    .put("allowed_payment_method_types[0]", "card_present")
                    .put("metadata[card_id]", &card)
                    .put("metadata[till_id]", about.till),
            ),
            CardOp::Process => (
                format!("/v1/terminal/readers/{reader}/process_setup_intent"),
                Form::default()
                    .put("setup_intent", setup)
                    // They may see it again where they pay: they agreed to have it kept.
                    .put("allow_redisplay", "always"),
            ),
            CardOp::RetrieveSetup => {
                return get(format!(
                    "/v1/setup_intents/{setup}?expand[0]=latest_attempt.payment_method_details.\
                     card_present.generated_card"
                ));
            }
            CardOp::CancelAction => (
                format!("/v1/terminal/readers/{reader}/cancel_action"),
                Form::default(),
            ),
            CardOp::Detach => (
                format!(
                    "/v1/payment_methods/{}/detach",
                    self.method.as_deref().unwrap_or_default()
                ),
                Form::default(),
            ),
        };
        self.attempt = self.attempt.saturating_add(1);
        let key = format!("{}:{card}:{}:{}", about.till, op.word(), self.attempt);
        post(path, form, key)
    }

    /// Not known: the same again, ever later.
    fn again(&mut self, settled: bool, at_least_ms: i64) -> Heard {
        let most = match self.stage {
            Stage::Detach => BACKOFF_REMOVE_MS,
            Stage::Customer
            | Stage::Page
            | Stage::Open
            | Stage::Setup
            | Stage::Send
            | Stage::AtReader
            | Stage::Ended(_) => BACKOFF_SAVE_MS,
        };
        let doubled = BACKOFF_FIRST_MS.saturating_mul(1 << self.misses.min(16));
        self.misses = self.misses.saturating_add(1);
        Heard {
            settled,
            after_ms: doubled.min(most).max(at_least_ms),
            ..Heard::default()
        }
    }

    /// Takes in what came back for `op`.
    pub fn on(&mut self, op: CardOp, answer: &Answer) -> Heard {
        let http = match answer {
            Answer::Unreachable => {
                return Heard {
                    unreachable: true,
                    ..self.again(false, 0)
                };
            }
            Answer::Lost => return self.again(false, 0),
            Answer::Http(http) => http,
        };
        let wait = http.retry_after_ms.unwrap_or(0).max(0);
        let Ok(body) = serde_json::from_slice::<Value>(&http.body) else {
            return self.again(false, wait);
        };
        match http.status {
            401 | 403 => Heard {
                pause: true,
                ..self.again(false, wait)
            },
            409 | 424 | 429 => self.again(false, wait),
            500.. => {
                // The stored answer of a key does not change. Only what a reader was
                // given is asked about: nothing else is doubled by a second.
                let kept = http.replayed || http.status == 500 || http.should_retry == Some(false);
                if kept && op == CardOp::Process {
                    self.stage = Stage::AtReader;
                }
                self.again(kept, wait)
            }
            200..=299 => {
                let misses = std::mem::take(&mut self.misses);
                let stage = self.stage;
                let mut heard = self.told(op, &body);
                // An answer that is none of Stripe's objects moved nothing.
                heard.settled = self.stage != stage || op.is_read() || self.closed;
                if !heard.settled {
                    self.misses = misses;
                    return self.again(false, wait);
                }
                heard
            }
            _ => {
                self.misses = 0;
                let mut heard = self.refused(op, http, &body);
                heard.settled = true;
                heard
            }
        }
    }

    fn told(&mut self, op: CardOp, body: &Value) -> Heard {
        let mut heard = Heard::default();
        match op {
            CardOp::CreateCustomer => {
                if let Some(id) = text(body, "/id") {
                    self.stripe_customer = Some(id.clone());
                    self.stage = self.after_customer();
                    heard.made_customer = Some(id);
                }
            }
            CardOp::CreateSession => {
                if let (Some(id), Some(url)) = (text(body, "/id"), text(body, "/url")) {
                    self.session = Some(id);
                    self.url = Some(url);
                    self.stage = Stage::Open;
                    heard.after_ms = self.poll_ms();
                }
            }
            CardOp::RetrieveSession => return self.session(body),
            CardOp::ExpireSession => {
                self.closed = true;
            }
            CardOp::CreateSetup => {
                if let Some(id) = text(body, "/id") {
                    self.setup = Some(id);
                    self.stage = Stage::Send;
                }
            }
            CardOp::Process => {
                self.stage = Stage::AtReader;
                heard.after_ms = self.poll_ms();
            }
            CardOp::RetrieveSetup => return self.setup(body),
            CardOp::CancelAction => {
                self.closed = true;
            }
            CardOp::Detach if text(body, "/object").as_deref() == Some("payment_method") => {
                self.detached();
            }
            CardOp::Detach => {}
        }
        heard
    }

    fn detached(&mut self) {
        self.end(self.give_up.unwrap_or(End::Removed));
    }

    fn failed(&mut self, why: Option<String>) -> Heard {
        self.why = why;
        self.end(self.give_up.unwrap_or(End::Failed));
        Heard::default()
    }

    /// The card came in.
    fn came_in(&mut self, method: Option<&Value>) -> Heard {
        match method.and_then(facts) {
            // Stripe takes a card that its own checks refuse off the customer at once.
            None => self.failed(Some("not_kept".to_owned())),
            Some(facts) if self.give_up.is_some() => {
                self.method = Some(facts.method);
                self.stage = Stage::Detach;
                self.url = None;
                Heard::default()
            }
            Some(facts) => {
                self.end(End::Saved);
                Heard {
                    saved: Some(facts),
                    ..Heard::default()
                }
            }
        }
    }

    fn session(&mut self, body: &Value) -> Heard {
        match body.get("status").and_then(Value::as_str) {
            Some("complete") => self.came_in(body.pointer("/setup_intent/payment_method")),
            Some("expired") => {
                self.end(self.give_up.unwrap_or(End::Expired));
                Heard::default()
            }
            _ => Heard {
                after_ms: self.poll_ms(),
                ..Heard::default()
            },
        }
    }

    fn setup(&mut self, body: &Value) -> Heard {
        match body.get("status").and_then(Value::as_str) {
            Some("succeeded") => self.came_in(
                body.pointer("/latest_attempt/payment_method_details/card_present/generated_card"),
            ),
            Some("canceled") => {
                self.end(self.give_up.unwrap_or(End::Canceled));
                Heard::default()
            }
            Some("requires_payment_method") if self.closed => {
                self.end(self.give_up.unwrap_or(End::Canceled));
                Heard::default()
            }
            Some("requires_payment_method") if body.pointer("/last_setup_error/code").is_some() => {
                let decline = text(body, "/last_setup_error/decline_code");
                self.failed(decline.or_else(|| text(body, "/last_setup_error/code")))
            }
            _ => Heard {
                after_ms: self.poll_ms(),
                ..Heard::default()
            },
        }
    }

    fn refused(&mut self, op: CardOp, http: &HttpAnswer, body: &Value) -> Heard {
        let code = text(body, "/error/code");
        let param = text(body, "/error/param");
        let missing = http.status == 404 || code.as_deref() == Some("resource_missing");
        match op {
            CardOp::CreateSession | CardOp::CreateSetup
                if missing && param.as_deref() == Some("customer") =>
            {
                self.stripe_customer = None;
                self.stage = Stage::Customer;
                Heard {
                    customer_gone: true,
                    ..Heard::default()
                }
            }
            // It is nobody's already, or not there: what was wanted.
            CardOp::Detach => {
                self.detached();
                Heard::default()
            }
            // Completed meanwhile, or expired: looking says which.
            CardOp::ExpireSession | CardOp::CancelAction => {
                self.closed = true;
                Heard::default()
            }
            // The reader may have it all the same.
            CardOp::Process if code.as_deref() == Some("terminal_reader_timeout") => {
                self.stage = Stage::AtReader;
                Heard {
                    after_ms: self.poll_ms(),
                    ..Heard::default()
                }
            }
            CardOp::CreateCustomer
            | CardOp::CreateSession
            | CardOp::RetrieveSession
            | CardOp::CreateSetup
            | CardOp::Process
            | CardOp::RetrieveSetup => self.failed(code),
        }
    }

    /// At first often, because somebody stands there, then seldom, because reads are
    /// rationed.
    const fn poll_ms(&mut self) -> i64 {
        self.polls = self.polls.saturating_add(1);
        match self.polls {
            0..=60 => 2_000,
            61..=120 => 10_000,
            _ => 60_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use till_domain::catalog::ConsentWay;
    use till_domain::ids::{UserId, Uuid};

    const HOUR_MS: i64 = 3_600_000;

    fn about() -> About<'static> {
        About {
            till: "till-1",
            id: CardId(Uuid::nil()),
            customer: CustomerId(Uuid::nil()),
            currency: "EUR",
            words: "I agree",
        }
    }

    fn saving(on: SaveOn) -> CardTask {
        let consent = Consent {
            at: Timestamp(0),
            by: Some(UserId(Uuid::nil())),
            way: ConsentWay::Page,
            words: "1".into(),
        };
        CardTask::save(on, consent, Some("cus_1".into()), Timestamp(0))
    }

    fn http(status: u16, body: &str) -> Answer {
        Answer::Http(HttpAnswer {
            status,
            body: body.into(),
            ..HttpAnswer::default()
        })
    }

    const PAGE: &str = r#"{"id":"cs_1","url":"https://checkout.stripe.com/c/pay/cs_1"}"#;
    const SETI: &str = r#"{"id":"seti_1"}"#;
    const READER: &str = r#"{"id":"tmr_1","object":"terminal.reader"}"#;
    const GONE: &str = r#"{"object":"payment_method","customer":null}"#;
    const OPEN: &str = r#"{"status":"open"}"#;
    const DONE: &str = r#"{"status":"complete","setup_intent":{"payment_method":{"id":"pm_1",
        "customer":"cus_1","card":{"brand":"visa","last4":"4242","exp_month":3,"exp_year":2030}}}}"#;
    const NOBODYS: &str = r#"{"status":"complete","setup_intent":{"payment_method":{"id":"pm_1",
        "customer":null,"card":{"brand":"visa","last4":"4242","exp_month":3,"exp_year":2030}}}}"#;
    const TIMEOUT: &str = r#"{"error":{"code":"terminal_reader_timeout"}}"#;
    const OFFLINE: &str = r#"{"error":{"code":"terminal_reader_offline"}}"#;
    const NO_CUSTOMER: &str = r#"{"error":{"code":"resource_missing","param":"customer"}}"#;

    #[test]
    fn each_answer_moves_it_where_the_table_says() {
        use CardOp as O;
        let page = SaveOn::Page;
        let reader = SaveOn::Reader("tmr_1".into());
        let end = Stage::Ended;
        // From, in which way, asked, answered, and where it stands then: whether the
        // request is settled, and whether a card is kept.
        #[rustfmt::skip]
        let rows = [
            (Stage::Page, &page, O::CreateSession, http(200, PAGE), Stage::Open, true, false),
            (Stage::Page, &page, O::CreateSession, Answer::Lost, Stage::Page, false, false),
            (Stage::Page, &page, O::CreateSession, Answer::Unreachable, Stage::Page, false, false),
            (Stage::Page, &page, O::CreateSession, http(200, "<html>"), Stage::Page, false, false),
            (Stage::Page, &page, O::CreateSession, http(200, "{}"), Stage::Page, false, false),
            (Stage::Page, &page, O::CreateSession, http(429, "{}"), Stage::Page, false, false),
            (Stage::Page, &page, O::CreateSession, http(503, "{}"), Stage::Page, false, false),
            (Stage::Page, &page, O::CreateSession, http(500, "{}"), Stage::Page, true, false),
            (Stage::Page, &page, O::CreateSession, http(401, "{}"), Stage::Page, false, false),
            (Stage::Page, &page, O::CreateSession, http(400, NO_CUSTOMER), Stage::Customer, true, false),
            (Stage::Page, &page, O::CreateSession, http(400, "{}"), end(End::Failed), true, false),
            (Stage::Open, &page, O::RetrieveSession, http(200, OPEN), Stage::Open, true, false),
            (Stage::Open, &page, O::RetrieveSession, http(200, DONE), end(End::Saved), true, true),
            (Stage::Open, &page, O::RetrieveSession, http(200, NOBODYS), end(End::Failed), true, false),
            (Stage::Open, &page, O::RetrieveSession, Answer::Lost, Stage::Open, false, false),
            (Stage::Open, &page, O::RetrieveSession, http(200, r#"{"status":"expired"}"#), end(End::Expired), true, false),
            (Stage::Open, &page, O::ExpireSession, http(400, "{}"), Stage::Open, true, false),
            (Stage::Setup, &reader, O::CreateSetup, http(200, SETI), Stage::Send, true, false),
            (Stage::Send, &reader, O::Process, http(200, READER), Stage::AtReader, true, false),
            (Stage::Send, &reader, O::Process, http(400, TIMEOUT), Stage::AtReader, true, false),
            (Stage::Send, &reader, O::Process, http(500, "{}"), Stage::AtReader, true, false),
            (Stage::Send, &reader, O::Process, Answer::Lost, Stage::Send, false, false),
            (Stage::Send, &reader, O::Process, http(400, OFFLINE), end(End::Failed), true, false),
            (Stage::Detach, &page, O::Detach, http(200, GONE), end(End::Removed), true, false),
            (Stage::Detach, &page, O::Detach, http(200, "{}"), Stage::Detach, false, false),
            (Stage::Detach, &page, O::Detach, http(400, "{}"), end(End::Removed), true, false),
            (Stage::Detach, &page, O::Detach, http(404, "{}"), end(End::Removed), true, false),
            (Stage::Detach, &page, O::Detach, http(403, "{}"), Stage::Detach, false, false),
        ];
        for (from, on, op, answer, to, settled, saved) in rows {
            let mut task = saving(on.clone());
            task.stage = from;
            let heard = task.on(op, &answer);
            assert_eq!(
                (task.stage, heard.settled, heard.saved.is_some()),
                (to, settled, saved),
                "{from:?} {op:?} {answer:?}"
            );
        }
    }

    #[test]
    fn a_card_that_comes_in_after_it_was_given_up_is_taken_away_again() {
        let mut task = saving(SaveOn::Page);
        task.stage = Stage::Open;
        task.give_up(End::Canceled);
        assert_eq!(task.op(Timestamp(0)), Some(CardOp::ExpireSession));
        assert!(task.on(CardOp::ExpireSession, &http(400, "{}")).settled);
        assert_eq!(task.op(Timestamp(0)), Some(CardOp::RetrieveSession));
        let heard = task.on(CardOp::RetrieveSession, &http(200, DONE));
        assert_eq!((task.stage, heard.saved), (Stage::Detach, None));
        let request = task.request(CardOp::Detach, &about());
        assert_eq!(request.path, "/v1/payment_methods/pm_1/detach");
        task.on(CardOp::Detach, &http(200, GONE));
        assert_eq!(task.ended(), Some(End::Canceled));
    }

    #[test]
    fn a_key_is_used_again_for_a_day_and_a_new_request_has_a_new_one() {
        let mut task = saving(SaveOn::Reader("tmr_1".into()));
        let mut first = task.request(CardOp::CreateSetup, &about());
        first.first_sent_at = Some(Timestamp(0));
        for (hours, may) in [(0, true), (22, true), (23, false), (-1, false)] {
            let now = Timestamp(hours * HOUR_MS);
            assert_eq!(CardTask::may_resend(&first, now), may, "{hours} h");
        }
        let second = task.request(CardOp::CreateSetup, &about());
        assert_ne!(first.idempotency_key, second.idempotency_key);
        assert_eq!(first.body, second.body);
        // What a reader may have in hand is asked about, whatever the key is worth.
        task.stage = Stage::Send;
        task.outlived();
        assert_eq!(task.op(Timestamp(0)), Some(CardOp::RetrieveSetup));
    }

    #[test]
    fn nobody_is_waited_for_for_ever() {
        let mut page = saving(SaveOn::Page);
        page.stage = Stage::Open;
        assert_eq!(page.op(Timestamp(HOUR_MS)), Some(CardOp::RetrieveSession));
        assert_eq!(page.op(Timestamp(HOUR_MS + 1)), Some(CardOp::ExpireSession));
        let mut reader = saving(SaveOn::Reader("tmr_1".into()));
        reader.stage = Stage::AtReader;
        let late = Timestamp(READER_LIFETIME_MS + 1);
        assert_eq!(reader.op(late), Some(CardOp::CancelAction));
    }
}
