//! The counter of a simulation: a real till on a real folder, a clock that is moved
//! by what happens, ids from a seed, and a Stripe in the same thread.
//!
//! Invariants:
//! - nothing reads the machine's clock or chance, so a seed is a day;
//! - a power cut drops the till where it stands: nothing is closed or said first.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use till_adapters::{MemorySecrets, NoPrinter, SeededIds, SimClock};
use till_app::auth::Session;
use till_app::error::{AppError, ErrorCode};
use till_app::ports::Clock as _;
use till_app::view::{ApprovalInput, SaleView, TenderStateView, TenderView};
use till_app::{Ports, Till};
use till_domain::ids::Timestamp;
use till_domain::money::{Currency, Money};
use till_stand_in::{ClockSource, Config, FaultPlan, Method, Request, StandIn, TEST_KEY, Wire};
use till_sync::phases::{Claim, Claimed};
use till_sync::transport::{Answer, HttpAnswer};

use crate::answer::Refusal;
use crate::shop::sign_in;
use crate::stand_in::add_sample_cards;

/// Half past eight in Amsterdam on 21 November 2026.
const MORNING: Timestamp = Timestamp(1_795_246_200_000);
/// What a request and its answer take when nothing is wrong.
const ROUND_TRIP_MS: i64 = 180;
/// Nothing waits longer than that for Stripe, in a simulation or in life.
const PATIENCE_MS: i64 = 48 * 3_600_000;

pub(super) const CASHIER: (&str, &str) = ("Inés Núñez", "1111");
pub(super) const MANAGER: (&str, &str) = ("Marta Peña", "9876");

/// What went over the wire.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Traffic {
    /// Requests that left the till.
    pub sent: u64,
    /// Answers that were lost, cut, garbled, slow or refused for no fault of ours.
    pub went_wrong: u64,
    /// Requests that found no network.
    pub no_network: u64,
}

/// What one step of the outbox did.
enum Step {
    Moved,
    /// Stripe asked to go slowly.
    Held,
    Idle(Option<Timestamp>),
}

pub(super) struct World {
    till: Option<Till>,
    folder: PathBuf,
    profiles: Option<PathBuf>,
    clock: Arc<SimClock>,
    ids: Arc<SeededIds>,
    pub(super) stripe: StandIn,
    pub(super) traffic: Traffic,
    pub(super) currency: Currency,
    connected: bool,
    cashier: Option<Session>,
}

impl World {
    /// The sample shop in `folder`, the cashier signed in, the network there.
    pub(super) fn open(
        folder: &Path,
        profiles: Option<&Path>,
        seed: u64,
        permille: u16,
    ) -> Result<Self, Refusal> {
        let mut stripe = StandIn::new(Config {
            seed,
            clock: ClockSource::Manual {
                start: MORNING.0 / 1_000,
            },
            faults: FaultPlan::mixed(permille),
            ..Config::default()
        });
        add_sample_cards(&mut stripe);
        let mut world = Self {
            till: None,
            folder: folder.to_owned(),
            profiles: profiles.map(Path::to_owned),
            clock: Arc::new(SimClock::new(MORNING)),
            ids: Arc::new(SeededIds::from_seed(seed)),
            stripe,
            traffic: Traffic::default(),
            currency: Currency::EUR,
            connected: true,
            cashier: None,
        };
        world.start()?;
        world.till()?.setup_sample()?;
        world.currency = world.till()?.shop()?.currency();
        world.sign_in()?;
        world.till()?.set_reachable(true);
        Ok(world)
    }

    fn start(&mut self) -> Result<(), Refusal> {
        let till = Till::open(
            &self.folder,
            Ports {
                clock: Arc::clone(&self.clock) as _,
                ids: Arc::clone(&self.ids) as _,
                printer: Arc::new(NoPrinter),
                secrets: Arc::new(MemorySecrets::with_stripe_key(TEST_KEY)),
            },
        )?;
        self.till = Some(till.with_profiles(self.profiles.clone()));
        Ok(())
    }

    fn sign_in(&mut self) -> Result<(), Refusal> {
        self.cashier = Some(sign_in(self.till()?, CASHIER.0, CASHIER.1)?);
        Ok(())
    }

    /// The power goes and comes back; the cashier signs in again.
    pub(super) fn power_cut(&mut self) -> Result<(), Refusal> {
        self.till = None;
        self.cashier = None;
        self.wait_ms(90_000);
        self.start()?;
        self.sign_in()?;
        self.till()?.set_reachable(self.connected);
        Ok(())
    }

    pub(super) fn till(&self) -> Result<&Till, Refusal> {
        self.till
            .as_ref()
            .ok_or_else(|| AppError::internal("the till is switched off").into())
    }

    pub(super) fn cashier(&self) -> Result<&Session, Refusal> {
        self.cashier
            .as_ref()
            .ok_or_else(|| ErrorCode::NotSignedIn.into())
    }

    pub(super) fn manager_says(&self, pin: &str, reason: &str) -> Result<ApprovalInput, Refusal> {
        Ok(ApprovalInput {
            user: crate::shop::find_user(self.till()?, MANAGER.0)?.id,
            pin: pin.into(),
            reason: reason.into(),
        })
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Time passes, here and at Stripe.
    pub(super) fn wait_ms(&mut self, ms: i64) {
        self.clock.advance_ms(ms);
        self.stripe.set_now(self.now().0 / 1_000);
    }

    /// Pulls the plug. The till finds out when it next asks.
    pub(super) fn unplug(&mut self) {
        self.connected = false;
        self.stripe.set_outage(true);
    }

    /// The network is back, and a probe has found it.
    pub(super) fn plug_in(&mut self) -> Result<(), Refusal> {
        self.connected = true;
        self.stripe.set_outage(false);
        self.till()?.set_reachable(true);
        self.till()?.hurry()?;
        Ok(())
    }

    pub(super) const fn is_connected(&self) -> bool {
        self.connected
    }

    /// The sale on the counter.
    pub(super) fn sale(&self) -> Result<SaleView, Refusal> {
        self.till()?
            .sale_current()?
            .ok_or_else(|| ErrorCode::SaleEmpty.into())
    }

    pub(super) fn tender(&self, id: &str) -> Result<Option<TenderView>, Refusal> {
        let sale = self.till()?.sale_current()?;
        Ok(sale.and_then(|s| s.tenders.into_iter().find(|t| t.id == id)))
    }

    /// Carries a claimed request to Stripe and its answer back.
    fn wire(&mut self, claim: &Claim) -> Answer {
        let stored = &claim.request;
        let body = stored.body.as_deref().unwrap_or_default();
        let mut request = Request::new(
            Method::parse(stored.method),
            &stored.path,
            &String::from_utf8_lossy(body),
        )
        .key(TEST_KEY)
        .header("Stripe-Version", &stored.api_version);
        if let Some(key) = &stored.idempotency_key {
            request = request.idempotency_key(key);
        }
        let reply = self.stripe.handle(&request);
        let delay_ms = i64::try_from(reply.delay_ms).unwrap_or(0);
        self.wait_ms(ROUND_TRIP_MS.saturating_add(delay_ms));
        let (answer, wrong) = match reply.wire {
            Wire::NoRoute => {
                self.traffic.no_network += 1;
                return Answer::Unreachable;
            }
            Wire::DropBeforeAct | Wire::DropAfterAct | Wire::Truncated { .. } => {
                (Answer::Lost, true)
            }
            Wire::Answer(answer) => {
                let wrong = delay_ms > 0
                    || matches!(answer.status, 409 | 424 | 429 | 500..)
                    || answer.body.first() != Some(&b'{');
                let whole = HttpAnswer {
                    status: answer.status,
                    request_id: answer.header_value("Request-Id").map(str::to_owned),
                    should_retry: answer
                        .header_value("Stripe-Should-Retry")
                        .map(|value| value == "true"),
                    rate_limited: answer
                        .header_value("Stripe-Rate-Limited-Reason")
                        .map(str::to_owned),
                    retry_after_ms: answer
                        .header_value("Retry-After")
                        .and_then(|value| value.parse::<i64>().ok())
                        .map(|seconds| seconds.saturating_mul(1_000)),
                    replayed: answer.header_value("Idempotent-Replayed") == Some("true"),
                    body: answer.body,
                };
                (Answer::Http(whole), wrong)
            }
        };
        self.traffic.sent += 1;
        self.traffic.went_wrong += u64::from(wrong);
        answer
    }

    /// Claim, send, record: one request, if one is due.
    fn step(&mut self) -> Result<Step, Refusal> {
        if !self.till()?.may_send() {
            return Ok(Step::Held);
        }
        match self.till()?.claim()? {
            Claimed::Send(claim) => {
                let answer = self.wire(&claim);
                self.till()?.record(&claim, &answer)?;
                Ok(Step::Moved)
            }
            Claimed::Decided => Ok(Step::Moved),
            Claimed::Nothing { next_at } => Ok(Step::Idle(next_at)),
        }
    }

    /// Drives the outbox until `done`, or for so long. True when it is done.
    pub(super) fn drive(
        &mut self,
        ms: i64,
        done: impl Fn(&Self) -> Result<bool, Refusal>,
    ) -> Result<bool, Refusal> {
        let end = self.now().plus_ms(ms);
        loop {
            if done(self)? {
                return Ok(true);
            }
            if self.now() >= end {
                return Ok(false);
            }
            match self.step()? {
                Step::Moved => {}
                Step::Held => self.wait_ms(1_000),
                Step::Idle(None) => return done(self),
                Step::Idle(Some(next)) => {
                    let until_end = end.ms_since(self.now());
                    self.wait_ms(next.ms_since(self.now()).clamp(250, until_end.max(250)));
                }
            }
        }
    }

    /// Sends what is due now, as the loop behind a counter does between customers.
    pub(super) fn drive_due(&mut self) -> Result<(), Refusal> {
        for _ in 0..64 {
            match self.step()? {
                Step::Moved => {}
                Step::Held | Step::Idle(_) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Drives the outbox until nothing waits.
    pub(super) fn drive_until_quiet(&mut self) -> Result<(), Refusal> {
        let quiet = self.drive(PATIENCE_MS, |world| {
            Ok(world.till()?.connection()?.waiting == 0)
        })?;
        if quiet {
            Ok(())
        } else {
            Err(Refusal::difference(
                "outbox_not_quiet",
                "The outbox did not become quiet in two days. Nothing is lost; it still waits.",
            ))
        }
    }

    /// Lets Stripe act on the entry that is due and loses the power before the
    /// answer is written down. False when nothing was due.
    pub(super) fn power_cut_in_flight(&mut self) -> Result<bool, Refusal> {
        let claimed = loop {
            match self.till()?.claim()? {
                Claimed::Send(claim) => break Some(claim),
                Claimed::Decided => {}
                Claimed::Nothing { .. } => break None,
            }
        };
        let in_flight = claimed.is_some();
        if let Some(claim) = claimed {
            let _ = self.wire(&claim);
        }
        self.power_cut()?;
        Ok(in_flight)
    }

    /// Waits beside a card tender as a cashier does: until it is known, else asks
    /// for it to be cancelled. True when the card was charged; otherwise the tender
    /// is off the sale.
    pub(super) fn settle(&mut self, id: &str) -> Result<bool, Refusal> {
        let known = |world: &Self| {
            Ok(world.tender(id)?.is_none_or(|t| match t.state {
                TenderStateView::Working | TenderStateView::AtReader | TenderStateView::Unknown => {
                    false
                }
                TenderStateView::Certain
                | TenderStateView::Queued
                | TenderStateView::Declined
                | TenderStateView::NeedsCustomer
                | TenderStateView::NeedsAttention
                | TenderStateView::Canceled
                | TenderStateView::Expired
                | TenderStateView::Closed => true,
            }))
        };
        self.drive(60_000, known)?;
        let state = |world: &Self| Ok::<_, Refusal>(world.tender(id)?.map(|t| t.state));
        match state(self)? {
            Some(TenderStateView::Certain) => return Ok(true),
            Some(_) => {
                self.till()?.tender_remove(self.cashier()?, id)?;
            }
            None => return Ok(false),
        }
        // It leaves the sale when Stripe has said that it is cancelled, and stays
        // when it turns out to have been charged.
        self.drive(PATIENCE_MS, |world| {
            Ok(world
                .tender(id)?
                .is_none_or(|t| t.state == TenderStateView::Certain))
        })?;
        match state(self)? {
            Some(TenderStateView::Certain) => Ok(true),
            None => Ok(false),
            Some(_) => Err(Refusal::difference(
                "tender_not_known",
                "A card was not known to be charged or free after two days.",
            )),
        }
    }

    pub(super) const fn zero(&self) -> Money {
        Money::zero(self.currency)
    }
}
