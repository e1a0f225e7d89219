//! A small Stripe with memory, a clock that can be moved, and a seeded fault plan.
//!
//! Invariants:
//! - [`StandIn::handle`] is the whole of it: no sleep, no socket, and with
//!   [`ClockSource::Manual`] the same seed and requests give the same replies;
//! - it refuses what the published schemas refuse, and shares no line with the
//!   client it judges;
//! - money moves once per confirmed intent, however often it is asked to;
//! - it can be asked what it did: [`StandIn::ledger`].
#![warn(missing_docs)]
// A Checkout Session has more fields than `json!` unfolds by default.
#![recursion_limit = "256"]

mod cards;
mod control;
mod currencies;
mod customers;
mod disputes;
mod events;
mod faults;
mod forms;
mod http;
mod idempotency;
mod intents;
mod ledger;
mod lists;
mod locations;
mod page;
mod readers;
mod refunds;
mod routes;
mod sessions;
mod setups;
mod state;
mod transcript;
mod wire;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

pub use cards::{CardBehaviour, Decline};
pub use events::EVENT_LIFETIME_S;
pub use faults::{
    EventFaults, Fault, FaultFileError, FaultPlan, RateLimitReason, Scripted, Weights,
};
pub use http::{BindError, Server, bind, serve};
pub use idempotency::KEY_LIFETIME_S;
pub use ledger::{ChargeLine, Ledger, RefundLine, TenderLine, Totals};
pub use readers::ReaderBehaviour;
pub use refunds::RefundCourse;
pub use routes::Operation;
pub use transcript::Exchange;
pub use wire::{API_VERSION, Answer, Method, Reply, Request, Wire};

use faults::{Faults, Random};
use idempotency::Keys;
use state::State;
use wire::{Outcome, Refusal};

/// The key every new stand-in accepts.
pub const TEST_KEY: &str = "rk_test_standin0000000000000000";

/// The environment's name for [`Config::transcripts`]: the tests of the whole project
/// set it, and hold what is there against Stripe's published schemas.
pub const TRANSCRIPTS: &str = "TILL_TRANSCRIPTS";

/// Where Stripe's own pages are.
pub(crate) const CHECKOUT: &str = "https://checkout.stripe.com/c/pay/";

/// Where the time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockSource {
    /// It stands until it is moved.
    Manual {
        /// Seconds since the Unix epoch.
        start: i64,
    },
    /// The machine's, plus whatever it is moved by.
    System,
}

/// How a stand-in starts.
#[derive(Clone)]
pub struct Config {
    /// Decides every id and every fault drawn by chance.
    pub seed: u64,
    /// Where the time comes from.
    pub clock: ClockSource,
    /// What goes wrong.
    pub faults: FaultPlan,
    /// The keys it accepts.
    pub keys: Vec<String>,
    /// What its objects say of themselves. Live keys are refused while it is false.
    pub livemode: bool,
    /// The most requests in one second of its clock; absent for no limit.
    /// Stripe's test mode allows 25.
    pub rate_per_s: Option<u32>,
    /// How long after a charge its balance transaction arrives, in seconds.
    pub balance_delay_s: i64,
    /// What comes before the session's id in the URL of a page; over HTTP, where it is
    /// left as it is, a page of the stand-in's own.
    pub checkout_base: String,
    /// Whether requests and answers are remembered for [`StandIn::exchanges`].
    pub record: bool,
    /// Where one of each shape of request and answer is kept, in a file of this
    /// process; by default the folder that [`TRANSCRIPTS`] names.
    pub transcripts: Option<PathBuf>,
}

// The keys stay out of logs.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("seed", &self.seed)
            .field("clock", &self.clock)
            .field("faults", &self.faults)
            .field("livemode", &self.livemode)
            .finish_non_exhaustive()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            clock: ClockSource::Manual {
                start: 1_793_185_200,
            },
            faults: FaultPlan::none(),
            keys: vec![TEST_KEY.to_owned()],
            livemode: false,
            rate_per_s: None,
            balance_delay_s: 2,
            checkout_base: CHECKOUT.to_owned(),
            record: false,
            transcripts: std::env::var_os(TRANSCRIPTS).map(PathBuf::from),
        }
    }
}

/// Why a control was refused: the object is not there, or not in a state for it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ControlError {
    /// Stripe's error code, if it has one.
    pub code: Option<String>,
    /// What a client would have been told.
    pub message: String,
}

impl From<Box<Refusal>> for ControlError {
    fn from(why: Box<Refusal>) -> Self {
        Self {
            code: why.code,
            message: why.message,
        }
    }
}

/// A small Stripe.
pub struct StandIn {
    config: Config,
    state: State,
    keys: Keys,
    faults: Faults,
    outage: bool,
    /// What the system clock is moved by.
    offset_s: i64,
    requests: Random,
    /// When the requests of the last second came.
    recent: VecDeque<i64>,
    exchanges: Vec<Exchange>,
    /// What was last composed, for an answer that is lost.
    composed: Option<Answer>,
}

impl std::fmt::Debug for StandIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StandIn")
            .field("config", &self.config)
            .field("now", &self.state.now)
            .field("outage", &self.outage)
            .finish_non_exhaustive()
    }
}

/// What became of a request inside.
struct Acted {
    answer: Answer,
    /// The endpoint had begun to act; the answer of a write is kept under its key.
    began: bool,
}

/// How far a request goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// All the way.
    Act,
    /// Up to the point where it would act; then everything is rolled back.
    RollBack,
}

fn system_now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .unwrap_or_default()
}

impl StandIn {
    /// A Stripe with an empty account.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let now = match config.clock {
            ClockSource::Manual { start } => start,
            ClockSource::System => system_now(),
        };
        let mut state = State::new(config.seed, now);
        state.livemode = config.livemode;
        state.checkout_base.clone_from(&config.checkout_base);
        state.balance_delay_s = config.balance_delay_s;
        state.event_faults = config.faults.events;
        Self {
            state,
            keys: Keys::default(),
            faults: Faults::new(config.faults.clone(), config.seed),
            outage: false,
            offset_s: 0,
            requests: Random::from_seed(config.seed ^ 0x7265_715f),
            recent: VecDeque::new(),
            exchanges: Vec::new(),
            composed: None,
            config,
        }
    }

    // The clock.

    /// Its time, in seconds since the Unix epoch.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.state.now
    }

    /// Lets time pass, and does what falls due meanwhile.
    pub fn advance(&mut self, seconds: i64) {
        self.set_now(self.state.now.saturating_add(seconds));
    }

    /// Moves the clock. A clock moved back undoes nothing.
    pub fn set_now(&mut self, now: i64) {
        if self.config.clock == ClockSource::System {
            self.offset_s = now.saturating_sub(system_now());
        }
        self.state.move_to(now);
    }

    fn tick(&mut self) {
        if self.config.clock == ClockSource::System {
            self.state
                .move_to(system_now().saturating_add(self.offset_s));
        }
    }

    // What goes wrong.

    /// Replaces the plan and its script. Chance goes on where it was.
    pub fn set_faults(&mut self, plan: FaultPlan) {
        self.state.event_faults = plan.events;
        self.faults.replace(plan);
    }

    /// The next request goes wrong this way.
    pub fn fail_next(&mut self, fault: Fault) {
        self.faults.push(Scripted {
            fault,
            operation: None,
        });
    }

    /// The next request to an endpoint goes wrong this way.
    pub fn fail_next_for(&mut self, operation: Operation, fault: Fault) {
        self.faults.push(Scripted {
            fault,
            operation: Some(operation),
        });
    }

    /// How many scripted faults have not happened yet.
    #[must_use]
    pub fn faults_waiting(&self) -> usize {
        self.faults.waiting()
    }

    /// Takes the network away, or gives it back.
    pub fn set_outage(&mut self, on: bool) {
        self.outage = on;
    }

    /// From now on these keys are accepted and no other: the old one was rolled.
    pub fn set_keys(&mut self, keys: Vec<String>) {
        self.config.keys = keys;
    }

    // Cards, customers, readers.

    /// Saves a card with a customer; both ids are the caller's.
    pub fn add_customer(&mut self, customer: &str, payment_method: &str, how: CardBehaviour) {
        self.state
            .add_saved_card(customer, payment_method, how, cards::DEFAULT_FACE);
    }

    /// Saves one of Stripe's test cards, such as `pm_card_visa`, with a customer
    /// under ids of the caller's. False where there is no such test card.
    pub fn add_test_customer(&mut self, customer: &str, payment_method: &str, card: &str) -> bool {
        let Some((face, how)) = cards::test_card(card) else {
            return false;
        };
        self.state
            .add_saved_card(customer, payment_method, how, face);
        true
    }

    /// The next refund made goes this way, whatever its card says.
    pub fn next_refund(&mut self, course: RefundCourse) {
        self.state.refund_courses.push_back(course);
    }

    /// Puts a reader on the counter, or changes how it behaves. A reader keeps
    /// what it is doing.
    pub fn set_reader(&mut self, reader: &str, behaviour: ReaderBehaviour) {
        match self.state.readers.get_mut(reader) {
            Some(found) => found.behaviour = behaviour,
            None => self.state.add_reader(reader, "Counter", behaviour),
        }
    }

    /// The customer holds a card to a reader that waits for one: a test card's number,
    /// a test payment method such as `pm_card_visa`, or `interac`. A tip is added
    /// where the reader asks for one; absent for what the reader's behaviour says.
    ///
    /// # Errors
    /// When there is no such card, or the reader does not wait for one. A card that is
    /// declined is no error: the reader's action says so.
    pub fn present_card(
        &mut self,
        reader: &str,
        card: &str,
        tip: Option<i64>,
    ) -> Result<(), ControlError> {
        self.tick();
        let card = cards::Presented::by_name(card)
            .ok_or_else(|| Refusal::invalid(format!("No such test card: {card}.")))?;
        self.state.present(reader, card, tip)?;
        Ok(())
    }

    /// The customer presses the cancel button of a reader that shows one.
    ///
    /// # Errors
    /// When it shows none: the request did not allow it, or a card was presented.
    pub fn cancel_at_reader(&mut self, reader: &str) -> Result<(), ControlError> {
        self.tick();
        self.state.customer_cancels(reader)?;
        Ok(())
    }

    /// Whether a reader waits for a card.
    #[must_use]
    pub fn waits_for_a_card(&self, reader: &str) -> bool {
        self.state.waits_for_a_card(reader)
    }

    /// The customer pays on the page of a session, with a test payment method
    /// such as `pm_card_visa`.
    ///
    /// # Errors
    /// When the session is not open, or the card is declined.
    pub fn pay_session(&mut self, session: &str, payment_method: &str) -> Result<(), ControlError> {
        self.tick();
        self.state.pay_session(session, payment_method)?;
        Ok(())
    }

    /// A browser finds the pages of sessions here, where nobody said where else.
    pub(crate) fn serve_pages(&mut self, url: &str) {
        if self.state.checkout_base == CHECKOUT {
            self.state.checkout_base = format!("{url}{}", page::PATH);
        }
    }

    /// The customer gives a card on the page of a session in the mode `setup`.
    ///
    /// # Errors
    /// When the session is not open, pays something, or the card is declined.
    pub fn save_on_page(&mut self, session: &str, card: &str) -> Result<(), ControlError> {
        self.tick();
        self.state.save_on_page(session, card)?;
        Ok(())
    }

    /// Somebody takes a card off its customer in the dashboard. False where it is not
    /// a customer's.
    pub fn detach(&mut self, payment_method: &str) -> bool {
        self.tick();
        self.state.detach_method(payment_method).is_ok()
    }

    /// A bank replaces a saved card by one with another expiry. False where there is
    /// no such card.
    pub fn renew(&mut self, payment_method: &str, month: u32, year: u32) -> bool {
        self.tick();
        self.state.renew_method(payment_method, month, year)
    }

    /// The cards a customer has, the newest first.
    #[must_use]
    pub fn cards_of(&self, customer: &str) -> Vec<String> {
        self.state.cards_of(customer)
    }

    /// The customer answers an intent that `requires_action`.
    ///
    /// # Errors
    /// When the intent waits for nothing.
    pub fn authenticate(&mut self, intent: &str, passes: bool) -> Result<(), ControlError> {
        self.tick();
        self.state.authenticate(intent, passes)?;
        Ok(())
    }

    /// A bank takes a charge back. The id of the dispute, if there is the charge.
    pub fn dispute(&mut self, charge: &str) -> Option<String> {
        self.tick();
        self.state.open_dispute(charge)
    }

    /// A bank takes a charge back that another program of the account made without a
    /// PaymentIntent. The id of the dispute.
    pub fn dispute_elsewhere(&mut self, amount: i64, currency: &str) -> String {
        self.tick();
        self.state.open_dispute_elsewhere(amount, currency)
    }

    // What it did.

    /// What was done to each tender.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.state.ledger()
    }

    /// What was asked and answered since [`Config::record`] was set.
    #[must_use]
    pub fn exchanges(&self) -> &[Exchange] {
        &self.exchanges
    }

    /// Writes `requests.tsv` (`METHOD PATH<TAB>FORM`) and `answers.jsonl` into a
    /// folder, one line for each exchange that has a published schema.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write_transcript(&self, folder: &Path) -> std::io::Result<()> {
        let lines = |each: fn(&Exchange) -> Option<String>| -> String {
            self.exchanges
                .iter()
                .filter_map(each)
                .map(|line| line + "\n")
                .collect()
        };
        std::fs::write(folder.join("requests.tsv"), lines(Exchange::request_line))?;
        std::fs::write(folder.join("answers.jsonl"), lines(Exchange::answer_line))
    }

    // Requests.

    /// Answers one request, to Stripe's API or to the controls under
    /// `/_stand_in/`.
    pub fn handle(&mut self, request: &Request) -> Reply {
        self.tick();
        if let Some(rest) = request.path.strip_prefix("/_stand_in/") {
            let rest = rest.to_owned();
            return Reply::now(control::answer(self, request, &rest));
        }
        if let Some(session) = request.path.strip_prefix(page::PATH) {
            let session = session.to_owned();
            return Reply::now(page::answer(self, request, &session));
        }
        if self.outage {
            return Reply {
                wire: Wire::NoRoute,
                delay_ms: 0,
            };
        }
        let route = routes::route(request.method, &request.path);
        let operation = route.as_ref().map(|(operation, _)| *operation);
        let fault = self.faults.draw(operation);
        self.composed = None;
        let reply = self.reply(request, route, fault);
        let recorded = self.config.record || self.config.transcripts.is_some();
        if let (true, Some(operation)) = (recorded, operation) {
            let answer = match &reply.wire {
                Wire::Answer(answer) | Wire::Truncated { answer, .. } => Some(answer),
                Wire::DropAfterAct => self.composed.as_ref(),
                Wire::NoRoute | Wire::DropBeforeAct => None,
            };
            let exchange = Exchange::new(operation, request, answer);
            if let Some(folder) = &self.config.transcripts {
                // Those who look there notice when nothing is; a request has its answer.
                let _ = transcript::keep(folder, &exchange);
            }
            if self.config.record {
                self.exchanges.push(exchange);
            }
        }
        reply
    }

    /// 409 for a request whose key is being used by one not yet answered. The
    /// synchronous core has one request at a time; the server has more.
    pub(crate) fn in_use(&mut self) -> Reply {
        let id = self.request_id();
        Reply::now(finish(in_use().answer(), Some(&id)))
    }

    fn request_id(&mut self) -> String {
        let mut id = "req_".to_owned();
        for _ in 0..14 {
            let digit = u32::try_from(self.requests.below(36)).unwrap_or(0);
            id.push(char::from_digit(digit, 36).unwrap_or('0'));
        }
        id
    }

    fn reply(
        &mut self,
        request: &Request,
        route: Option<(Operation, Option<String>)>,
        fault: Option<Fault>,
    ) -> Reply {
        let id = self.request_id();
        let act = |this: &mut Self, reach| this.act(request, &route, &id, reach);
        let all = Reach::Act;
        let none = Reach::RollBack;
        match fault {
            None => Reply::now(act(self, all).answer),
            Some(Fault::DropBefore) => Reply {
                wire: Wire::DropBeforeAct,
                delay_ms: 0,
            },
            Some(Fault::DropAfter) => {
                self.composed = Some(act(self, all).answer);
                Reply {
                    wire: Wire::DropAfterAct,
                    delay_ms: 0,
                }
            }
            Some(Fault::Truncate) => {
                let answer = act(self, all).answer;
                let sent = answer.body.len() / 2;
                Reply {
                    wire: Wire::Truncated { answer, sent },
                    delay_ms: 0,
                }
            }
            Some(Fault::Garbage) => {
                let mut answer = act(self, all).answer;
                answer.status = 200;
                answer.body = b"<html><body>Sign in to this network</body></html>".to_vec();
                answer.set("Content-Type", "text/html");
                Reply::now(answer)
            }
            Some(Fault::Slow { ms }) => {
                let answer = act(self, all).answer;
                Reply {
                    wire: Wire::Answer(answer),
                    delay_ms: ms,
                }
            }
            Some(Fault::InUse409) => Reply::now(finish(in_use().answer(), Some(&id))),
            Some(Fault::FailedDependency424) => {
                let why = Refusal::invalid("An external dependency failed. Please retry.")
                    .status(424)
                    .kind("api_error");
                Reply::now(finish(why.answer(), Some(&id)))
            }
            Some(Fault::RateLimited429 { reason }) => {
                Reply::now(finish(rate_limited(reason), Some(&id)))
            }
            Some(Fault::LockTimeout429) => {
                let why = Refusal::invalid(
                    "This object cannot be accessed right now because another API request or \
                     Stripe process is currently accessing it. If you see this error \
                     intermittently, retry the request.",
                )
                .status(429)
                .code("lock_timeout");
                Reply::now(finish(why.answer(), None))
            }
            Some(Fault::Error500 { charged }) => {
                let acted = act(self, if charged { all } else { none });
                Reply::now(self.kept_500(request, acted, &id, None))
            }
            Some(Fault::ShouldRetry {
                retry: false,
                charged,
            }) => {
                let acted = act(self, if charged { all } else { none });
                Reply::now(self.kept_500(request, acted, &id, Some("false")))
            }
            Some(Fault::ShouldRetry {
                retry: true,
                charged,
            }) => {
                if charged {
                    act(self, all);
                }
                let mut answer = finish(server_error().answer(), Some(&id));
                answer.set("Stripe-Should-Retry", "true");
                Reply::now(answer)
            }
            Some(Fault::BadGateway502 { acted }) => {
                if acted {
                    act(self, all);
                }
                Reply::now(gateway(502, "Bad Gateway"))
            }
            Some(Fault::GatewayTimeout504 { acted }) => {
                if acted {
                    act(self, all);
                }
                Reply::now(gateway(504, "Gateway Timeout"))
            }
            Some(Fault::Unavailable503) => {
                let why = Refusal::invalid("Stripe is temporarily unavailable. Please retry.")
                    .status(503)
                    .kind("api_error");
                let mut answer = finish(why.answer(), Some(&id));
                answer.set("Retry-After", "2");
                Reply::now(answer)
            }
            Some(Fault::RolledKey401) => {
                let why = Refusal::invalid("Expired API Key provided.")
                    .status(401)
                    .code("api_key_expired");
                Reply::now(finish(why.answer(), Some(&id)))
            }
            Some(Fault::Forbidden403) => {
                let why = Refusal::invalid(
                    "The provided key does not have the required permissions for this endpoint.",
                )
                .status(403);
                Reply::now(finish(why.answer(), Some(&id)))
            }
        }
    }

    /// Puts a 500 in the place of an answer, for the client and under the key.
    /// What was refused before anything began is still refused.
    fn kept_500(
        &mut self,
        request: &Request,
        acted: Acted,
        id: &str,
        should_retry: Option<&str>,
    ) -> Answer {
        let replayed = acted.answer.header_value("Idempotent-Replayed").is_some();
        if !acted.began || replayed {
            return acted.answer;
        }
        let mut answer = finish(server_error().answer(), Some(id));
        if let Some(value) = should_retry {
            answer.set("Stripe-Should-Retry", value);
        }
        if let Some(key) = idempotency_key(request) {
            answer.set("Idempotency-Key", key);
            answer.set("Original-Request", id);
            self.keys.keep(key, request, &answer, self.state.now);
        }
        answer
    }

    fn act(
        &mut self,
        request: &Request,
        route: &Option<(Operation, Option<String>)>,
        id: &str,
        reach: Reach,
    ) -> Acted {
        let key = idempotency_key(request);
        let refused = |why: Box<Refusal>| Acted {
            answer: finish(why.answer(), Some(id)),
            began: false,
        };
        if let Err(why) = self.authorised(request) {
            return refused(why);
        }
        if self.too_many() {
            let answer = finish(rate_limited(RateLimitReason::GlobalRate), Some(id));
            return Acted {
                answer,
                began: false,
            };
        }
        let Some((operation, object)) = route else {
            let why = Refusal::invalid(format!(
                "Unrecognized request URL ({}: {}). Please see https://stripe.com/docs or we can \
                 help at https://support.stripe.com/.",
                request.method.as_str(),
                request.path
            ))
            .status(404);
            return refused(why);
        };
        if let Some(key) = key {
            match self.keys.look_up(key, request, self.state.now) {
                Ok(Some(mut answer)) => {
                    answer.set("Request-Id", id);
                    return Acted {
                        answer,
                        began: true,
                    };
                }
                Ok(None) => {}
                Err(why) => return refused(why),
            }
        }
        let read = self.read(request, *operation);
        let params = match read {
            Ok(params) => params,
            Err(why) => return refused(why),
        };
        if reach == Reach::RollBack {
            let answer = finish(server_error().answer(), Some(id));
            return Acted {
                answer,
                began: true,
            };
        }
        self.state.request = Some((id.to_owned(), key.map(str::to_owned)));
        let outcome = self.execute(*operation, object.as_deref().unwrap_or_default(), &params);
        self.state.request = None;
        let (answer, began) = match outcome {
            Ok(value) => (Answer::json(200, &value), true),
            Err(why) => (why.answer(), why.began),
        };
        let mut answer = finish(answer, Some(id));
        if let Some(key) = key {
            answer.set("Idempotency-Key", key);
            answer.set("Original-Request", id);
            if began {
                self.keys.keep(key, request, &answer, self.state.now);
            }
        }
        Acted { answer, began }
    }

    fn authorised(&self, request: &Request) -> Result<(), Box<Refusal>> {
        let refused = |message: String| Refusal::invalid(message).status(401);
        let given = request
            .header_value("Authorization")
            .and_then(|value| value.strip_prefix("Bearer "))
            .map(str::trim)
            .filter(|key| !key.is_empty());
        let Some(given) = given else {
            return Err(refused(
                "You did not provide an API key. You need to provide your API key in the \
                 Authorization header, using Bearer auth (e.g. 'Authorization: Bearer \
                 YOUR_SECRET_KEY')."
                    .to_owned(),
            ));
        };
        let known = self.config.keys.iter().any(|key| key == given);
        let live = given.starts_with("sk_live_") || given.starts_with("rk_live_");
        if !known || (live && !self.config.livemode) {
            let tail: String = given.chars().rev().take(4).collect();
            let tail: String = tail.chars().rev().collect();
            return Err(refused(format!("Invalid API Key provided: ****{tail}")));
        }
        match request.header_value("Stripe-Version") {
            None | Some(API_VERSION) => Ok(()),
            Some(other) => Err(Refusal::invalid(format!(
                "Invalid Stripe API version: {other}. The stand-in speaks {API_VERSION}."
            ))),
        }
    }

    fn too_many(&mut self) -> bool {
        let Some(limit) = self.config.rate_per_s else {
            return false;
        };
        let now = self.state.now;
        self.recent.retain(|at| *at == now);
        if self.recent.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
            return true;
        }
        self.recent.push_back(now);
        false
    }

    fn read(&self, request: &Request, operation: Operation) -> Outcome {
        let form = match request.method {
            Method::Get | Method::Delete | Method::Other => request.query.as_str(),
            Method::Post => std::str::from_utf8(&request.body)
                .map_err(|_| Refusal::invalid("Invalid request: the body is not a valid form."))?,
        };
        match forms::schema(operation.template()) {
            Some(schema) => forms::read(form, schema),
            None => forms::read(form, &unpublished(operation)),
        }
    }

    fn execute(&mut self, operation: Operation, id: &str, params: &Value) -> Outcome {
        let state = &mut self.state;
        let mut value = match operation {
            Operation::RetrieveAccount => Ok(state.account_value()),
            Operation::CreateIntent => state.create_intent(params),
            Operation::ListIntents => state.list_intents(params),
            Operation::RetrieveIntent => state.retrieve_intent(id),
            Operation::UpdateIntent => state.update_intent(id, params),
            Operation::ConfirmIntent => state.confirm_intent(id, params),
            Operation::CaptureIntent => state.capture_intent(id, params),
            Operation::CancelIntent => state.cancel_intent(id, params),
            Operation::CreateRefund => state.create_refund(params),
            Operation::ListRefunds => state.list_refunds(params),
            Operation::RetrieveRefund => state.retrieve_refund(id),
            Operation::ListEvents => state.list_events(params),
            Operation::RetrieveEvent => state.retrieve_event(id),
            Operation::CreateCustomer => state.create_customer(params),
            Operation::RetrieveCustomer => state.retrieve_customer(id),
            Operation::RetrievePaymentMethod => state.retrieve_method(id),
            Operation::ListPaymentMethods => state.list_methods(params),
            Operation::DetachPaymentMethod => state.detach_method(id),
            Operation::CreateSetup => state.create_setup(params),
            Operation::RetrieveSetup => state.retrieve_setup(id),
            Operation::CreateSession => state.create_session(params),
            Operation::RetrieveSession => state.retrieve_session(id),
            Operation::ExpireSession => state.expire_session(id),
            Operation::RetrieveCharge => state.retrieve_charge(id),
            Operation::ListDisputes => state.list_disputes(params),
            Operation::CreateLocation => state.create_location(params),
            Operation::ListLocations => state.list_locations(params),
            Operation::RetrieveLocation => state.retrieve_location(id),
            Operation::RegisterReader => state.register_reader(params),
            Operation::ListReaders => state.list_readers(params),
            Operation::RetrieveReader => state.retrieve_reader(id),
            Operation::DeleteReader => state.delete_reader(id),
            Operation::ProcessOnReader => state.process_on_reader(id, params),
            Operation::RefundOnReader => state.refund_on_reader(id, params),
            Operation::SetUpOnReader => state.set_up_on_reader(id, params),
            Operation::CancelReaderAction => state.cancel_reader_action(id),
            Operation::PresentCard => state.present_card(id, params),
        }?;
        if let Some(paths) = forms::words(params, "expand") {
            // By now it has acted, so the refusal is what the key remembers.
            state.expand(&mut value, &paths).map_err(Refusal::began)?;
        }
        Ok(value)
    }
}

/// Requests the published file has no schema for: they take `expand`, and a list
/// its page.
fn unpublished(operation: Operation) -> Value {
    let mut properties = serde_json::json!({
        "expand": { "type": "array", "items": { "type": "string" } },
    });
    let of_readers = operation == Operation::ListReaders;
    let of_methods = operation == Operation::ListPaymentMethods;
    let filters: &[&str] = if of_readers {
        &["device_type", "location", "serial_number", "status"]
    } else if of_methods {
        &["customer", "type"]
    } else {
        &[]
    };
    let is_list = of_readers || of_methods || operation == Operation::ListLocations;
    if let (true, Value::Object(all)) = (is_list, &mut properties) {
        for name in ["starting_after", "ending_before"].iter().chain(filters) {
            all.insert((*name).to_owned(), serde_json::json!({ "type": "string" }));
        }
        all.insert("limit".to_owned(), serde_json::json!({ "type": "integer" }));
    }
    serde_json::json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

/// Only a write has a key; Stripe ignores one on a `GET`.
fn idempotency_key(request: &Request) -> Option<&str> {
    match request.method {
        Method::Post => request.header_value("Idempotency-Key"),
        Method::Get | Method::Delete | Method::Other => None,
    }
}

/// The headers every answer has.
fn finish(mut answer: Answer, id: Option<&str>) -> Answer {
    answer.set("Stripe-Version", API_VERSION);
    if let Some(id) = id {
        answer.set("Request-Id", id);
    }
    answer
}

fn server_error() -> Box<Refusal> {
    Refusal::invalid("An unknown error occurred.")
        .status(500)
        .kind("api_error")
}

fn in_use() -> Box<Refusal> {
    Refusal::invalid(
        "There is currently another in-progress request using this idempotency key (that \
         probably means you submitted twice, and the other request is still going through). \
         Please try again later.",
    )
    .status(409)
    .code("idempotency_key_in_use")
}

fn rate_limited(reason: RateLimitReason) -> Answer {
    let why = Refusal::invalid("Request rate limit exceeded.")
        .status(429)
        .code("rate_limit");
    let mut answer = why.answer();
    answer.set("Stripe-Rate-Limited-Reason", reason.as_str());
    answer.set("Retry-After", "1");
    answer
}

fn gateway(status: u16, words: &str) -> Answer {
    Answer {
        status,
        headers: vec![("Content-Type".to_owned(), "text/html".to_owned())],
        body: format!("<html><head><title>{status} {words}</title></head></html>").into_bytes(),
    }
}
