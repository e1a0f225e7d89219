//! The line to Stripe: where it is, with what key, and the loop that drives it.
//!
//! Invariants:
//! - a till that was never connected to a Stripe account sends nothing to Stripe;
//!   the sample shop's cards go to a stand-in inside this program;
//! - the key is in the keyring and in no file: without a keyring the till sells
//!   on, and says why cards wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use till_adapters::drive::{self, Outbox};
use till_adapters::stripe_http::STRIPE_API;
use till_adapters::{
    MemorySecrets, NoPrinter, OsKeyring, ReqwestTransport, SystemClock, TransportError,
    printer_from,
};
use till_app::Till;
use till_app::error::{AppError, ErrorCode};
use till_app::ports::{Clock, PrinterError, ReceiptPrinter, SecretStore};
use till_domain::ids::Timestamp;
use till_stand_in::{ClockSource, Config, Server, StandIn, TEST_KEY, bind};
use till_sync::phases::{Claim, Claimed, Recorded};
use till_sync::transport::{Answer, StoredRequest};
use tokio::sync::Notify;

use crate::state::Shell;

/// The till, as the loop sees it.
pub(crate) struct Line {
    till: Arc<Till>,
    wake: Arc<Notify>,
    changed: Arc<Notify>,
    forced_offline: AtomicBool,
}

impl Line {
    pub(crate) fn new(till: Arc<Till>, changed: Arc<Notify>) -> Self {
        Self {
            till,
            wake: Arc::new(Notify::new()),
            changed,
            forced_offline: AtomicBool::new(false),
        }
    }

    /// There may be something to send.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Offline on purpose, or not.
    pub(crate) fn force_offline(&self, offline: bool) {
        self.forced_offline.store(offline, Ordering::SeqCst);
    }
}

impl Outbox for Line {
    type Error = AppError;

    fn claim(&self) -> Result<Claimed, AppError> {
        let claimed = self.till.claim()?;
        if matches!(claimed, Claimed::Send(_)) {
            self.till.set_sending(true)?;
        }
        Ok(claimed)
    }

    fn record(&self, claim: &Claim, answer: &Answer) -> Result<Recorded, AppError> {
        let recorded = self.till.record(claim, answer)?;
        self.changed.notify_one();
        Ok(recorded)
    }

    fn online(&self, reachable: bool) {
        self.till.set_reachable(reachable);
    }

    fn may_send(&self) -> bool {
        self.till.may_send()
    }

    fn slow_until(&self) -> Option<Timestamp> {
        self.till.slow_until()
    }

    fn may_probe(&self) -> bool {
        !self.forced_offline.load(Ordering::SeqCst)
    }

    fn missing(&self, what: Option<&TransportError>) {
        self.till.set_key_missing(what.map(why));
        if what.is_some() {
            self.changed.notify_one();
        }
    }

    fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    fn idle(&self) {
        self.till.idle();
    }

    fn ask(&self) -> Result<Option<StoredRequest>, AppError> {
        self.till.ask()
    }

    fn ask_at(&self) -> Result<Option<Timestamp>, AppError> {
        self.till.ask_at()
    }

    fn told(&self, answer: &Answer) -> Result<bool, AppError> {
        self.till.told(answer)
    }
}

/// What the pill says of something that is missing.
fn why(missing: &TransportError) -> ErrorCode {
    match missing {
        TransportError::NoKeyring | TransportError::Keyring(_) => ErrorCode::KeyringMissing,
        TransportError::NoKey
        | TransportError::BadKey
        | TransportError::BadAddress
        | TransportError::PlainHttp => ErrorCode::StripeNotConnected,
        TransportError::LiveKeyOverHttp => ErrorCode::LiveKeyRefused,
        TransportError::Client(_) => ErrorCode::Internal,
    }
}

/// Opens the line of a shop, once; does nothing where there is no shop yet.
pub(crate) async fn join(shell: &Shell) -> Result<(), AppError> {
    let till = Arc::clone(&shell.till);
    let found = tauri::async_runtime::spawn_blocking(move || {
        if !till.has_shop()? {
            return Ok(None);
        }
        Ok::<_, AppError>(Some((till.shop()?, till.stripe_setting()?)))
    })
    .await
    .map_err(|_| AppError::internal("the shop was not read"))??;
    let Some((shop, setting)) = found else {
        return Ok(());
    };
    if !shell.joins_now() {
        return Ok(());
    }
    shell.printer.set(&shop.printer);
    let practice = setting.is_none() && shop.test_mode;
    let (api_base, stand_in) = if practice {
        match practice_stripe().await {
            Ok(server) => {
                shell.secrets.set(MemorySecrets::with_stripe_key(TEST_KEY));
                (server.url(), Some(server))
            }
            Err(error) => {
                tracing::error!(%error, "no practice Stripe");
                shell.till.set_paused(Some(ErrorCode::StripeNotConnected));
                return Ok(());
            }
        }
    } else {
        // Without an account there is no key, whatever the keyring holds.
        let base = setting.map_or_else(
            || STRIPE_API.to_owned(),
            |setting| {
                let key = OsKeyring::of_account(shell.till.folder(), &setting);
                shell.secrets.set(key);
                setting.api_base
            },
        );
        (base, None)
    };
    let secrets: Arc<dyn SecretStore> = Arc::clone(&shell.secrets) as _;
    let transport = match ReqwestTransport::new(&api_base, secrets) {
        Ok(transport) => transport,
        Err(error) => {
            tracing::error!(%error, "no way to Stripe");
            shell.till.set_paused(Some(why(&error)));
            return Ok(());
        }
    };
    let line = Arc::clone(&shell.line);
    tauri::async_runtime::spawn(async move {
        // Lives as long as the loop.
        let _stand_in = stand_in;
        let (wake, changed) = (Arc::clone(&line.wake), Arc::clone(&line.changed));
        let till = Arc::clone(&line.till);
        let on_change = move || {
            let (till, changed) = (Arc::clone(&till), Arc::clone(&changed));
            // On a thread that may wait for the disk: the loop must not.
            drop(tauri::async_runtime::spawn_blocking(move || {
                if let Err(error) = till.set_sending(false) {
                    tracing::warn!(%error, "the end of a send was not noted");
                }
                changed.notify_one();
            }));
        };
        drive::run(line, Arc::new(transport), wake, on_change).await;
    });
    Ok(())
}

/// A Stripe to practise with, on this machine and for this run alone.
async fn practice_stripe() -> Result<Server, till_stand_in::BindError> {
    let mut stripe = StandIn::new(Config {
        // Ids of an earlier run must not come again: they are in the journal.
        seed: u64::try_from(SystemClock.now().0).unwrap_or(1),
        clock: ClockSource::System,
        ..Config::default()
    });
    for card in till_app::sample_cards() {
        stripe.add_test_customer(&card.customer, &card.payment_method, &card.behaves_as);
    }
    let server = bind(stripe, 0).await?;
    tracing::info!(url = server.url(), "a practice Stripe answers");
    Ok(server)
}

/// No printer, until the shop has said which.
pub(crate) struct LatePrinter(RwLock<Arc<dyn ReceiptPrinter>>);

impl LatePrinter {
    pub(crate) fn new() -> Self {
        Self(RwLock::new(Arc::new(NoPrinter)))
    }

    fn set(&self, setting: &str) {
        match printer_from(setting) {
            Ok(printer) => *self.0.write().unwrap_or_else(PoisonError::into_inner) = printer.into(),
            Err(error) => tracing::error!(%error, "no printer"),
        }
    }
}

impl ReceiptPrinter for LatePrinter {
    fn print(&self, escpos: &[u8]) -> Result<(), PrinterError> {
        let printer = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        printer.print(escpos)
    }
}
