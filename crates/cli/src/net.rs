//! The line to Stripe: the same loop as the window's, for as long as a command
//! waits for it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use till_adapters::drive::{Quiet, WORKERS, send_until_quiet};
use till_adapters::listen::{Ear, Listener};
use till_adapters::stripe_http::{STRIPE_API, is_live};
use till_adapters::{LateSecrets, MemorySecrets, OsKeyring, ReqwestTransport, TransportError};
use till_app::error::{AppError, ErrorCode};
use till_app::{Reconciling, Till};
use till_sync::transport::StripeTransport as _;
use tokio::runtime::Runtime;

use crate::answer::{Answer, Done, Refusal, note};
use crate::args::KeyArgs;
use crate::input::Input;
use crate::shop;

/// How often a read that Stripe puts off is asked again.
const PUT_OFF_MAX: u32 = 8;

/// One thread that waits, and others for what blocks.
pub(crate) fn runtime() -> Result<Runtime, Refusal> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|_| AppError::internal("no threads can be had").into())
}

/// A till with its line.
pub(crate) struct Net {
    pub(crate) till: Arc<Till>,
    transport: Option<Arc<ReqwestTransport>>,
    runtime: Runtime,
}

/// What a send came to.
#[derive(Debug)]
pub(crate) struct Sent {
    /// Requests sent and recorded.
    pub requests: u64,
    /// Why it ended.
    pub why: Option<ErrorCode>,
    /// When the next entry is due, in milliseconds from now.
    pub next_ms: Option<i64>,
}

pub(crate) const fn missing(error: &TransportError) -> ErrorCode {
    match error {
        TransportError::NoKeyring | TransportError::Keyring(_) => ErrorCode::KeyringMissing,
        TransportError::LiveKeyOverHttp => ErrorCode::LiveKeyRefused,
        TransportError::NoKey
        | TransportError::BadKey
        | TransportError::BadAddress
        | TransportError::PlainHttp => ErrorCode::StripeNotConnected,
        TransportError::Client(_) => ErrorCode::Internal,
    }
}

impl Net {
    /// Opens the folder with the key of the keyring, or of standard input.
    pub(crate) fn open(folder: &Path, key: &KeyArgs, input: &Input) -> Result<Self, Refusal> {
        if !folder.join("till.db").exists() {
            return Err(ErrorCode::NoShop.into());
        }
        let given = key
            .key_from_stdin
            .then(|| input.secret("Stripe key", None))
            .transpose()?;
        let secrets = Arc::new(LateSecrets::default());
        let till = Arc::new(shop::open_with(folder, Arc::clone(&secrets) as _)?);
        let setting = till.stripe_setting()?;
        let transport = match setting {
            None => None,
            Some(setting) => {
                match given {
                    // Whose it is was not asked; its mode it says itself.
                    Some(key) if is_live(&key) != setting.livemode => {
                        return Err(AppError::refused(
                            ErrorCode::StripeAccountDiffers,
                            "the key is of another mode than the till was connected in",
                        )
                        .into());
                    }
                    Some(key) => secrets.set(MemorySecrets::with_stripe_key(key)),
                    None => secrets.set(OsKeyring::of_account(folder, &setting)),
                }
                let base = if setting.api_base.is_empty() {
                    STRIPE_API.to_owned()
                } else {
                    setting.api_base
                };
                let made = ReqwestTransport::new(&base, secrets)
                    .map_err(|error| Refusal::from(missing(&error)))?;
                Some(Arc::new(made))
            }
        };
        Ok(Self {
            till,
            transport,
            runtime: runtime()?,
        })
    }

    /// Finds out whether Stripe can be reached, with a key to send with.
    pub(crate) fn look(&self) -> bool {
        let reachable = self.transport.as_ref().is_some_and(|transport| {
            self.runtime
                .block_on(async { transport.ready().await.is_ok() && transport.probe().await })
        });
        self.till.set_reachable(reachable);
        reachable
    }

    /// Reads Stripe's side of a comparison to its end. Nothing is changed by it.
    pub(crate) fn read(&self, reading: &mut Reconciling) -> Result<(), Refusal> {
        let transport = self
            .transport
            .as_ref()
            .ok_or(ErrorCode::StripeNotConnected)?;
        let ready = self.runtime.block_on(transport.ready());
        ready.map_err(|error| Refusal::from(missing(&error)))?;
        let mut put_off = 0;
        while let Some(request) = reading.ask() {
            let answer = self.runtime.block_on(transport.send(&request));
            let wait_ms = reading.told(&answer)?;
            put_off = if wait_ms > 0 { put_off + 1 } else { 0 };
            if put_off > PUT_OFF_MAX {
                return Err(ErrorCode::Offline.into());
            }
            std::thread::sleep(Duration::from_millis(
                u64::try_from(wait_ms).unwrap_or_default(),
            ));
        }
        Ok(())
    }

    /// Reads the events at Stripe, and the books where they are due.
    pub(crate) fn look_around(&self) -> Result<(), Refusal> {
        let transport = self
            .transport
            .as_ref()
            .ok_or(ErrorCode::StripeNotConnected)?;
        if !self.look() {
            return Err(ErrorCode::Offline.into());
        }
        while self.till.ask()?.is_some() {
            self.runtime
                .block_on(till_adapters::drive::look_around(&self.till, &**transport));
        }
        Ok(())
    }

    /// Tells Stripe of the cards that customers took back, and what else is due about
    /// saved cards.
    pub(crate) fn send_card_tasks(&self) -> Result<(), Refusal> {
        let Some(transport) = self.transport.as_ref().filter(|_| self.look()) else {
            return Ok(());
        };
        let now = till_app::ports::Clock::now(&till_adapters::SystemClock);
        if self.till.ask_at()?.is_some_and(|at| at <= now) {
            self.runtime
                .block_on(till_adapters::drive::look_around(&self.till, &**transport));
        }
        Ok(())
    }

    /// Asks Stripe about saved cards until `done`, for at most so long; what is due is
    /// asked in any case.
    pub(crate) fn ask_until(
        &self,
        longest: Duration,
        done: impl Fn(&Till) -> Result<bool, Refusal>,
    ) -> Result<bool, Refusal> {
        let transport = self
            .transport
            .as_ref()
            .ok_or(ErrorCode::StripeNotConnected)?;
        let end = Instant::now() + longest;
        loop {
            self.runtime
                .block_on(till_adapters::drive::look_around(&self.till, &**transport));
            if done(&self.till)? {
                return Ok(true);
            }
            if Instant::now() >= end {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(250));
            if !self.till.is_online() {
                self.look();
            }
        }
    }

    /// Hears webhooks until the process is stopped.
    pub(crate) fn listen(self, port: u16, secret: SecretString) -> Done {
        let wire = self.transport.ok_or(ErrorCode::StripeNotConnected)?;
        let ready = self.runtime.block_on(wire.ready());
        ready.map_err(|error| Refusal::from(missing(&error)))?;
        let ear = Ear {
            till: self.till,
            wire,
            secrets: vec![secret],
        };
        self.runtime
            .block_on(async {
                let listener = Listener::bind(port).await?;
                note(&format!(
                    "Webhooks are heard on http://{}. Stop with Ctrl-C.",
                    listener.address()?
                ));
                listener.serve(Arc::new(ear)).await
            })
            .map_err(|error| {
                Refusal::outside(
                    ErrorCode::Offline,
                    format!("Port {port} of this machine cannot be listened to ({error})."),
                )
            })?;
        Answer::new(serde_json::json!({ "listened": true }), "Stopped.")
    }

    /// Sends what is due.
    pub(crate) fn send(&self) -> Result<Sent, Refusal> {
        let Some(transport) = &self.transport else {
            return Ok(Sent {
                requests: 0,
                why: Some(ErrorCode::StripeNotConnected),
                next_ms: None,
            });
        };
        let drained = self
            .runtime
            .block_on(send_until_quiet(&self.till, transport, WORKERS))
            .map_err(|error| {
                tracing::error!(%error, "the outbox was not driven on");
                Refusal::from(ErrorCode::Internal)
            })?;
        let now = till_app::ports::Clock::now(&till_adapters::SystemClock);
        Ok(Sent {
            requests: drained.sent,
            why: match &drained.quiet {
                Quiet::Done | Quiet::NotAllowed => None,
                Quiet::NotReady(error) => Some(missing(error)),
                Quiet::Paused => Some(ErrorCode::StripeKeyRefused),
                Quiet::Unreachable => Some(ErrorCode::Offline),
            },
            next_ms: drained.next_at.map(|at| at.ms_since(now)),
        })
    }

    /// Drives the outbox until `done`, for at most so long. True when it is done.
    pub(crate) fn drive(
        &self,
        longest: Duration,
        done: impl Fn(&Till) -> Result<bool, Refusal>,
    ) -> Result<bool, Refusal> {
        let end = Instant::now() + longest;
        loop {
            if done(&self.till)? {
                return Ok(true);
            }
            let sent = self.send()?;
            if done(&self.till)? {
                return Ok(true);
            }
            if sent.why.is_some() || Instant::now() >= end {
                return Ok(false);
            }
            let wait = u64::try_from(sent.next_ms.unwrap_or(500)).unwrap_or(0);
            std::thread::sleep(Duration::from_millis(wait.clamp(100, 1_000)));
        }
    }
}
