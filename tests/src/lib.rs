//! A till at a counter, with a Stripe that can be asked what it did, a clock that
//! is moved by hand and ids from a seed: everything a scenario needs, and no
//! network.
//!
//! [`World`] drives the real core: the real store on a real SQLite file, the real
//! outbox, the real requests, against the stand-in's own core.
#![warn(missing_docs)]
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a scenario that cannot go on is a failed test"
)]

pub mod sim;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use secrecy::SecretString;
use till_adapters::sim::{SeededIds, SimClock};
use till_app::auth::Session;
use till_app::error::{AppError, ErrorCode};
use till_app::ports::{Clock, PrinterError, ReceiptPrinter, SecretError, SecretStore};
use till_app::view::{
    ApprovalInput, DoneView, RefundLineInput, SaleView, TenderKindView, TenderStateView,
};
use till_app::{Ports, Till};
use till_domain::ids::Timestamp;
use till_stand_in::{ClockSource, Config, FaultPlan, StandIn, TEST_KEY};
use till_store::StoredRequest;
use till_sync::phases::Claimed;
use till_sync::transport::{Answer, HttpAnswer};

/// Paper that can be read, and a printer that can be switched off.
#[derive(Debug, Default)]
pub struct SimPrinter {
    /// What was printed, a document each.
    pub printed: Mutex<Vec<Vec<u8>>>,
    /// Switched off.
    pub off: AtomicBool,
}

impl ReceiptPrinter for SimPrinter {
    fn print(&self, escpos: &[u8]) -> Result<(), PrinterError> {
        if self.off.load(Ordering::SeqCst) {
            return Err(PrinterError::Unreachable(std::io::Error::other("off")));
        }
        self.printed.lock().unwrap().push(escpos.to_vec());
        Ok(())
    }
}

/// A keyring in memory, or none at all.
#[derive(Debug)]
pub struct SimSecrets(pub Option<&'static str>);

impl SecretStore for SimSecrets {
    fn stripe_key(&self) -> Result<Option<SecretString>, SecretError> {
        self.0.map(|k| Some(k.into())).ok_or(SecretError::NoKeyring)
    }

    fn set_stripe_key(&self, _: &SecretString) -> Result<(), SecretError> {
        Err(SecretError::NoKeyring)
    }
}

/// Noon in Amsterdam on 21 November 2026.
pub const NOON_MS: i64 = 1_795_258_800_000;

/// A shop with its till and its Stripe.
pub struct World {
    /// The till; `None` between a power cut and the next start.
    pub till: Option<Till>,
    /// Its clock.
    pub clock: Arc<SimClock>,
    /// Its paper.
    pub printer: Arc<SimPrinter>,
    /// Its Stripe.
    pub stripe: StandIn,
    /// Answers lost on the way back, one by one.
    pub drop_answers: u32,
    /// No route at all.
    pub unplugged: bool,
    ids: Arc<SeededIds>,
    folder: tempfile::TempDir,
    cashier: Option<Session>,
    manager: Option<Session>,
    /// Bodies and answers, for the checkers.
    requests_sent: u64,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

/// PIN of the sample shop's manager.
pub const MANAGER_PIN: &str = "9876";

impl World {
    /// The sample shop, a cashier signed in, the line up.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        let clock = Arc::new(SimClock::new(Timestamp(NOON_MS)));
        let mut world = Self {
            till: None,
            printer: Arc::default(),
            stripe: StandIn::new(Config {
                seed,
                clock: ClockSource::Manual {
                    start: NOON_MS / 1000,
                },
                record: true,
                ..Config::default()
            }),
            drop_answers: 0,
            unplugged: false,
            ids: Arc::new(SeededIds::from_seed(seed)),
            folder: tempfile::tempdir().unwrap(),
            cashier: None,
            manager: None,
            requests_sent: 0,
            clock,
        };
        for card in till_app::sample_cards() {
            let known = world.stripe.add_test_customer(
                &card.customer,
                &card.payment_method,
                &card.behaves_as,
            );
            assert!(known, "{card:?}");
        }
        world.start();
        world.till().setup_sample().unwrap();
        world.sign_in();
        world.online(true);
        world
    }

    /// The sample shop in Canadian dollars: Interac is taken at its reader.
    #[must_use]
    pub fn in_canada(seed: u64) -> Self {
        let mut world = Self::from_seed(seed);
        world.till = None;
        let db = rusqlite::Connection::open(world.folder.path().join("till.db")).unwrap();
        let changed = db
            .execute(
                r#"UPDATE setting SET value = replace(value, '"EUR"', '"CAD"')
                 WHERE name = 'shop'"#,
                [],
            )
            .unwrap();
        assert_eq!(changed, 1);
        drop(db);
        world.start();
        world.online(true);
        world
    }

    fn ports(&self) -> Ports {
        Ports {
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            printer: self.printer.clone(),
            secrets: Arc::new(SimSecrets(Some(TEST_KEY))),
        }
    }

    /// Starts the till on its folder.
    pub fn start(&mut self) {
        let mut tries = 0;
        // Where tests are threads of one process, a program that another one is starting
        // has this folder's lock as well until it runs.
        while let Err(error) = self.try_start() {
            assert!(
                error.code() == ErrorCode::DataInUse && tries < 100,
                "{error:?}"
            );
            tries += 1;
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// Starts the till, or says why not.
    ///
    /// # Errors
    /// What the till says.
    pub fn try_start(&mut self) -> Result<(), AppError> {
        self.till = Some(Till::open(self.folder.path(), self.ports())?);
        Ok(())
    }

    /// The power goes: nothing is closed, nothing is said.
    pub fn power_cut(&mut self) {
        self.till = None;
        self.start();
        self.online(!self.unplugged);
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// The till.
    #[must_use]
    pub fn till(&self) -> &Till {
        self.till.as_ref().expect("the till is switched on")
    }

    fn sign_in(&mut self) {
        let users = self.till().users().unwrap();
        let id = |name: &str| {
            users
                .iter()
                .find(|u| u.name == name)
                .expect("of the sample shop")
                .id
                .parse()
                .unwrap()
        };
        self.cashier = Some(self.till().sign_in(id("Inés Núñez"), "1111").unwrap());
        self.manager = Some(self.till().sign_in(id("Marta Peña"), MANAGER_PIN).unwrap());
    }

    /// The cashier.
    #[must_use]
    pub fn cashier(&self) -> &Session {
        self.cashier.as_ref().expect("signed in")
    }

    /// The manager.
    #[must_use]
    pub fn manager(&self) -> &Session {
        self.manager.as_ref().expect("signed in")
    }

    /// The manager's PIN, typed by the cashier's side.
    #[must_use]
    pub fn manager_says(&self, pin: &str) -> ApprovalInput {
        ApprovalInput {
            user: self.manager().user().id.to_string(),
            pin: pin.into(),
            reason: "looked at it".into(),
        }
    }

    /// Plugs the line in or out.
    pub fn online(&mut self, online: bool) {
        self.unplugged = !online;
        self.till().set_reachable(online);
    }

    /// Opens a shift.
    pub fn open_shift(&self, float: &str) {
        self.till().shift_open(self.cashier(), float).unwrap();
    }

    /// Rings up products by name and quantity.
    pub fn ring_up(&self, lines: &[(&str, &str)]) -> SaleView {
        let mut sale = None;
        for (name, quantity) in lines {
            let product = self
                .till()
                .search(name)
                .unwrap()
                .into_iter()
                .next()
                .unwrap_or_else(|| panic!("no product {name}"));
            sale = Some(
                self.till()
                    .add_product(self.cashier(), &product.id, Some(quantity))
                    .unwrap(),
            );
        }
        sale.expect("something was rung up")
    }

    /// Puts a customer of the sample shop on the sale.
    pub fn customer(&self, name: &str) {
        let found = self.till().customers(name).unwrap();
        let id = &found.first().expect("a customer of the sample shop").id;
        self.till().set_customer(self.cashier(), Some(id)).unwrap();
    }

    /// Takes cash.
    pub fn cash(&self, given: &str) -> SaleView {
        self.till().tender_cash(self.cashier(), given).unwrap()
    }

    /// Takes a card for a part, or with `None` for the rest.
    ///
    /// # Errors
    /// What the till says.
    pub fn card(&self, kind: TenderKindView, amount: Option<&str>) -> Result<SaleView, AppError> {
        self.till().tender_card(self.cashier(), kind, amount, None)
    }

    /// Completes the sale.
    ///
    /// # Errors
    /// What the till says.
    pub fn complete(&self) -> Result<DoneView, AppError> {
        let (done, effects) = self.till().complete(self.cashier())?;
        let _ = self.till().perform(&effects);
        Ok(done)
    }

    /// Refunds so many of the first line of a receipt.
    ///
    /// # Errors
    /// What the till says.
    pub fn refund_first(
        &self,
        receipt: &str,
        quantity: &str,
        approval: Option<&ApprovalInput>,
    ) -> Result<till_app::view::RefundDoneView, AppError> {
        let source = self.till().refund_find(receipt)?;
        let line = source.lines.first().expect("a sale has a line");
        let lines = [RefundLineInput {
            line: line.id.clone(),
            quantity: quantity.into(),
            restock: true,
        }];
        self.till()
            .refund_commit(self.cashier(), receipt, &lines, "damaged", approval)
            .map(|(done, _)| done)
    }

    /// Sends one request of the outbox, if one is due. False when nothing is.
    pub fn step(&mut self) -> bool {
        if !self.till().may_send() {
            return false;
        }
        match self.till().claim().unwrap() {
            Claimed::Send(claim) => {
                let answer = self.wire(&claim.request);
                self.till().record(&claim, &answer).unwrap();
                true
            }
            Claimed::Decided => true,
            Claimed::Nothing { .. } => false,
        }
    }

    /// Lets so many entries be made at Stripe, and none charged: each is put off
    /// for an hour by a busy Stripe right after.
    pub fn make_only(&mut self, entries: usize) {
        let mut made = Vec::new();
        while made.len() < entries {
            if let Claimed::Send(claim) = self.till().claim().unwrap() {
                let answer = if made.contains(&claim.id) {
                    Answer::Unreachable
                } else {
                    made.push(claim.id);
                    self.wire(&claim.request)
                };
                self.till().record(&claim, &answer).unwrap();
            }
        }
    }

    /// Claims a request, lets Stripe act on it, and loses the power before the
    /// answer is written down.
    pub fn power_cut_in_flight(&mut self) {
        if let Claimed::Send(claim) = self.till().claim().unwrap() {
            let _ = self.wire(&claim.request);
        }
        self.power_cut();
    }

    /// Sends until nothing waits, moving the clock from one due time to the next.
    ///
    /// # Panics
    /// When it does not become quiet in a day of the till's time.
    pub fn run_until_quiet(&mut self) {
        let end = self.clock.now().plus_ms(48 * 3_600_000);
        loop {
            while self.step() {}
            self.till().set_reachable(!self.unplugged);
            match self.till().claim().unwrap() {
                Claimed::Nothing { next_at: None } => return,
                Claimed::Nothing {
                    next_at: Some(next),
                } => {
                    let ms = next.ms_since(self.clock.now()).max(1_000);
                    self.advance_ms(ms);
                }
                Claimed::Decided => {}
                Claimed::Send(claim) => {
                    let answer = self.wire(&claim.request);
                    self.till().record(&claim, &answer).unwrap();
                }
            }
            assert!(self.clock.now() < end, "the outbox does not become quiet");
        }
    }

    /// Moves the till's clock and Stripe's.
    pub fn advance_ms(&mut self, ms: i64) {
        self.clock.advance_ms(ms);
        self.stripe.set_now(self.clock.now().0 / 1000);
    }

    /// Carries one request to Stripe and its answer back, or loses one of them.
    pub fn wire(&mut self, request: &StoredRequest) -> Answer {
        self.requests_sent += 1;
        if self.unplugged {
            return Answer::Unreachable;
        }
        let answer = carry(&mut self.stripe, request);
        if self.drop_answers > 0 && matches!(answer, Answer::Http(_)) {
            self.drop_answers -= 1;
            return Answer::Lost;
        }
        answer
    }

    /// The next request of this tender tells Stripe to charge it.
    #[must_use]
    pub fn is_confirming(&self, tender: &str) -> bool {
        let detail = self.till().outbox_entry(tender).unwrap();
        detail
            .history
            .iter()
            .any(|h| h.says.starts_with("Stripe knows of it"))
    }

    /// How often a tender was charged at Stripe.
    #[must_use]
    pub fn charges_of(&self, tender: &str) -> usize {
        self.stripe.ledger().charges_of(tender)
    }

    /// Sets a share of requests that go wrong, in thousandths.
    pub fn faults(&mut self, permille: u16) {
        self.stripe.set_faults(FaultPlan::mixed(permille));
    }

    /// What every scenario must leave true: the chain verifies, the projections
    /// follow from the journal, no tender was charged twice, and Stripe's money is
    /// the journal's.
    pub fn check_invariants(&self) {
        let till = self.till();
        till.journal_verify().unwrap();
        let rebuilt = till.journal_rebuild().unwrap();
        assert_eq!(rebuilt.differing, Vec::<&str>::new(), "projections differ");
        let ledger = self.stripe.ledger();
        assert_eq!(ledger.charged_twice(), Vec::<&str>::new(), "charged twice");
        let books = till.card_books().unwrap();
        for (tender, minor) in &books.charged {
            assert_eq!(
                ledger.net_of(tender),
                minor - books.refunded.get(tender).copied().unwrap_or(0),
                "tender {tender}: Stripe's money is not the journal's"
            );
        }
        for (tender, line) in &ledger.tenders {
            assert!(
                books.charged.contains_key(tender) || line.charges.is_empty(),
                "tender {tender} is charged at Stripe and not in the journal"
            );
        }
    }

    /// The state of a tender, as the outbox screen shows it.
    #[must_use]
    pub fn tender_state(&self, tender: &str) -> TenderStateView {
        self.till().outbox_entry(tender).unwrap().entry.state
    }
}

/// Carries a stored request to a stand-in, as the wire would.
pub fn carry(stripe: &mut StandIn, request: &StoredRequest) -> Answer {
    use till_stand_in::{Method, Request, Wire};
    let body = request.body.as_deref().unwrap_or_default();
    let mut sent = Request::new(
        Method::parse(request.method),
        &request.path,
        &String::from_utf8_lossy(body),
    )
    .key(TEST_KEY)
    .header("Stripe-Version", &request.api_version);
    if let Some(key) = &request.idempotency_key {
        sent = sent.idempotency_key(key);
    }
    let reply = stripe.handle(&sent);
    match reply.wire {
        Wire::Answer(answer) => Answer::Http(HttpAnswer {
            status: answer.status,
            request_id: answer.header_value("Request-Id").map(str::to_owned),
            should_retry: answer
                .header_value("Stripe-Should-Retry")
                .map(|v| v == "true"),
            rate_limited: answer
                .header_value("Stripe-Rate-Limited-Reason")
                .map(str::to_owned),
            retry_after_ms: answer
                .header_value("Retry-After")
                .and_then(|v| v.parse::<i64>().ok())
                .map(|s| s * 1000),
            replayed: answer.header_value("Idempotent-Replayed") == Some("true"),
            body: answer.body,
        }),
        Wire::NoRoute => Answer::Unreachable,
        Wire::DropBeforeAct | Wire::DropAfterAct | Wire::Truncated { .. } => Answer::Lost,
    }
}

/// A till on a folder that another process worked in.
#[must_use]
pub fn open_till(folder: &std::path::Path) -> Till {
    let now = i64::try_from(
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_millis(),
    )
    .unwrap();
    Till::open(
        folder,
        Ports {
            clock: Arc::new(SimClock::new(Timestamp(now))),
            ids: Arc::new(SeededIds::from_seed(now.unsigned_abs())),
            printer: Arc::new(SimPrinter::default()),
            secrets: Arc::new(SimSecrets(Some(TEST_KEY))),
        },
    )
    .unwrap()
}

/// The code of a refusal.
///
/// # Panics
/// When it was not refused.
pub fn refusal<T: std::fmt::Debug>(result: Result<T, AppError>) -> ErrorCode {
    result.expect_err("refused").code()
}

/// Lets as much wait as anybody asks for, where a test is about a long queue.
pub fn lift_limits(folder: &std::path::Path) {
    let db = rusqlite::Connection::open(folder.join("till.db")).unwrap();
    let changed = db
        .execute(
            "UPDATE setting SET value = json_set(value,
               '$.limits.per_tender.minor', 1000000000000,
               '$.limits.on_till.minor', 1000000000000)
             WHERE name = 'shop'",
            [],
        )
        .unwrap();
    assert_eq!(changed, 1);
}

/// So many sales on a card each, while the till practises offline.
pub fn sell_offline(till: &Till, cashier: &Session, sales: u64) {
    till.set_forced_offline(true).unwrap();
    let product = till.search("kaas").unwrap().swap_remove(0).id;
    for _ in 0..sales {
        till.add_product(cashier, &product, Some("0.500")).unwrap();
        till.tender_card(cashier, TenderKindView::SimulatedReader, None, None)
            .unwrap();
        till.complete(cashier).unwrap();
    }
    till.set_forced_offline(false).unwrap();
}
