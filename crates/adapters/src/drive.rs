//! The loop that drives the outbox: claim, send, record, and when to do it again.
//!
//! Invariants:
//! - nothing is held while a request is under way: claim and record are one short
//!   transaction each, on a blocking thread;
//! - what was claimed is recorded, also when the caller of [`send_until_quiet`]
//!   has gone away;
//! - nothing is claimed while there is no key, or once Stripe refused it.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use till_app::Till;
use till_app::error::{AppError, ErrorCode};
use till_domain::ids::Timestamp;
use till_store::StoredRequest;
use till_sync::phases::{Claim, Claimed, Recorded};
use till_sync::transport::{Answer, StripeTransport};
use tokio::sync::{Mutex as AsyncMutex, Notify, watch};
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::{Instant, sleep, sleep_until};

use crate::stripe_http::{ReqwestTransport, TransportError};

/// How many requests are under way at once: as many as keep Stripe's pace when an
/// answer takes a third of a second.
pub const WORKERS: usize = 32;
/// How often Stripe is looked for while it cannot be reached.
pub const PROBE_OFFLINE: Duration = Duration::from_secs(5);
/// How often while it can.
pub const PROBE_ONLINE: Duration = Duration::from_secs(30);

/// Never spins, whatever the clock does.
const SLEEP_MIN: Duration = Duration::from_millis(50);
/// How long an answer waits for a disk that does not take it.
const RECORD_AGAIN: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(5),
];

/// The till, as the loop sees it.
pub trait Outbox: Send + Sync + 'static {
    /// Why the outbox cannot be read or written.
    type Error: std::error::Error + Send + Sync + 'static;

    /// [`till_sync::phases::claim`] in a transaction. May block.
    ///
    /// # Errors
    /// Nothing was claimed.
    fn claim(&self) -> Result<Claimed, Self::Error>;

    /// [`till_sync::phases::record`] in a transaction. May block.
    ///
    /// # Errors
    /// Nothing was recorded; it is tried again.
    fn record(&self, claim: &Claim, answer: &Answer) -> Result<Recorded, Self::Error>;

    /// What a probe or a send found. Must not block.
    fn online(&self, reachable: bool);

    /// Not paused, not offline on purpose. Must not block.
    fn may_send(&self) -> bool;

    /// Stripe asked for slowness: [`may_send`](Self::may_send) is false until then and
    /// for this reason alone. Must not block.
    fn slow_until(&self) -> Option<Timestamp>;

    /// Whether Stripe may be looked for, which sends no key. Must not block.
    fn may_probe(&self) -> bool;

    /// What is missing to send with, for the screen; `None` once nothing is. Must
    /// not block.
    fn missing(&self, what: Option<&TransportError>);

    /// Now.
    fn now(&self) -> Timestamp;

    /// Nothing is due: time for a checkpoint. May block.
    fn idle(&self);

    /// What is to be asked beside the outbox, and asked again until its answer was
    /// [taken](Outbox::told). May block.
    ///
    /// # Errors
    /// Nothing is asked.
    fn ask(&self) -> Result<Option<StoredRequest>, Self::Error>;

    /// When something is to be asked beside the outbox that somebody waits for. May
    /// block.
    ///
    /// # Errors
    /// It is asked in its turn.
    fn ask_at(&self) -> Result<Option<Timestamp>, Self::Error>;

    /// What came back; true where there is something new to show. May block.
    ///
    /// # Errors
    /// It is asked again.
    fn told(&self, answer: &Answer) -> Result<bool, Self::Error>;
}

impl Outbox for Till {
    type Error = AppError;

    fn claim(&self) -> Result<Claimed, AppError> {
        Self::claim(self)
    }

    fn record(&self, claim: &Claim, answer: &Answer) -> Result<Recorded, AppError> {
        Self::record(self, claim, answer)
    }

    fn online(&self, reachable: bool) {
        self.set_reachable(reachable);
    }

    fn may_send(&self) -> bool {
        Self::may_send(self)
    }

    fn slow_until(&self) -> Option<Timestamp> {
        Self::slow_until(self)
    }

    fn may_probe(&self) -> bool {
        // Practising offline is offline to the eye as well.
        !self.is_forced_offline()
    }

    fn missing(&self, what: Option<&TransportError>) {
        self.set_key_missing(what.map(|error| match error {
            TransportError::NoKeyring | TransportError::Keyring(_) => ErrorCode::KeyringMissing,
            TransportError::NoKey
            | TransportError::BadKey
            | TransportError::BadAddress
            | TransportError::PlainHttp
            | TransportError::LiveKeyOverHttp
            | TransportError::Client(_) => ErrorCode::StripeNotConnected,
        }));
    }

    fn now(&self) -> Timestamp {
        Self::time(self)
    }

    fn idle(&self) {
        Self::idle(self);
    }

    fn ask(&self) -> Result<Option<StoredRequest>, AppError> {
        Self::ask(self)
    }

    fn ask_at(&self) -> Result<Option<Timestamp>, AppError> {
        Self::ask_at(self)
    }

    fn told(&self, answer: &Answer) -> Result<bool, AppError> {
        Self::told(self, answer)
    }
}

/// A transport that can say whether sending makes sense.
pub trait Wire: StripeTransport + 'static {
    /// Whether there is a key.
    fn ready(&self) -> impl Future<Output = Result<(), TransportError>> + Send {
        async { Ok(()) }
    }

    /// Stripe refused the key.
    fn key_refused(&self) {}

    /// Whether Stripe can be reached.
    fn probe(&self) -> impl Future<Output = bool> + Send {
        async { true }
    }

    /// The most requests in a second, where there is a limit.
    fn per_second(&self) -> Option<u32> {
        None
    }
}

impl Wire for ReqwestTransport {
    async fn ready(&self) -> Result<(), TransportError> {
        Self::ready(self).await
    }

    fn key_refused(&self) {
        // Another one may be in the keyring by the time somebody has looked.
        self.forget_key();
    }

    async fn probe(&self) -> bool {
        Self::probe(self).await
    }

    fn per_second(&self) -> Option<u32> {
        Self::per_second(self)
    }
}

/// Why sending ended.
#[derive(Debug)]
pub enum Quiet {
    /// Nothing is due.
    Done,
    /// The till is paused or offline on purpose.
    NotAllowed,
    /// There is no key to send with.
    NotReady(TransportError),
    /// Stripe refused the key.
    Paused,
    /// Stripe could not be reached.
    Unreachable,
}

/// What [`send_until_quiet`] did.
#[derive(Debug)]
pub struct Drained {
    /// Requests sent and recorded, whatever came back.
    pub sent: u64,
    /// Entries decided without asking.
    pub decided: u64,
    /// Why it ended.
    pub quiet: Quiet,
    /// When the next entry is due, where that was found out.
    pub next_at: Option<Timestamp>,
}

/// Why the outbox could not be driven on.
#[derive(Debug, thiserror::Error)]
pub enum DriveError<E: std::error::Error + 'static> {
    /// The outbox cannot be read or written.
    #[error("the outbox cannot be read or written")]
    Outbox(#[source] E),
    /// A step ended in a bug.
    #[error("a step of the outbox failed")]
    Broken(#[source] JoinError),
}

/// Why no worker goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    NotAllowed,
    Paused,
    Unreachable,
    Failed,
    /// Nobody waits for the outcome any more.
    Abandoned,
}

/// What the workers tell each other.
#[derive(Debug, Clone, Copy, Default)]
struct Signals {
    stop: Option<Stop>,
    slow_until: Option<Instant>,
}

#[derive(Debug, Default)]
struct Tally {
    sent: u64,
    decided: u64,
    next_at: Option<Timestamp>,
}

/// Tells the workers when nobody waits for them any more.
struct Abandon(watch::Sender<Signals>);

impl Drop for Abandon {
    fn drop(&mut self) {
        stop(&self.0, Stop::Abandoned);
    }
}

/// The first reason stands.
fn stop(signals: &watch::Sender<Signals>, why: Stop) {
    signals.send_if_modified(|s| {
        let first = s.stop.is_none();
        s.stop.get_or_insert(why);
        first
    });
}

/// Requests leave one after another at an even pace, whoever sends them.
#[derive(Debug)]
struct Pace {
    gap: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    fn new(per_second: Option<u32>) -> Self {
        let gap = per_second.map_or(Duration::ZERO, |n| Duration::from_secs(1) / n.max(1));
        Self {
            gap,
            next: Mutex::new(Instant::now()),
        }
    }

    /// Waits for the next place in the line.
    async fn turn(&self) {
        if self.gap.is_zero() {
            return;
        }
        let at = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let at = (*next).max(Instant::now());
            *next = at + self.gap;
            at
        };
        sleep_until(at).await;
    }
}

/// What the workers of one drain share.
struct Shared {
    pace: Pace,
    signals: watch::Sender<Signals>,
    /// Held for each step at the store. It takes one at a time in any case, and a thread
    /// for everyone who waits for it is memory, and a line in front of the counter.
    step: AsyncMutex<()>,
}

/// Sends what is due until nothing is, with up to `workers` requests at once.
///
/// # Errors
/// [`DriveError`]. What was under way is recorded all the same, where it can be.
pub async fn send_until_quiet<O: Outbox, W: Wire>(
    outbox: &Arc<O>,
    transport: &Arc<W>,
    workers: usize,
) -> Result<Drained, DriveError<O::Error>> {
    let mut drained = Drained {
        sent: 0,
        decided: 0,
        quiet: Quiet::Done,
        next_at: None,
    };
    if outbox.slow_until().is_none() && !outbox.may_send() {
        drained.quiet = Quiet::NotAllowed;
        return Ok(drained);
    }
    let ready = transport.ready().await;
    outbox.missing(ready.as_ref().err());
    if let Err(missing) = ready {
        drained.quiet = Quiet::NotReady(missing);
        return Ok(drained);
    }
    let abandon = Abandon(watch::Sender::new(Signals::default()));
    let shared = Arc::new(Shared {
        pace: Pace::new(transport.per_second()),
        signals: abandon.0.clone(),
        step: AsyncMutex::new(()),
    });
    // Tasks, so that a caller who goes away does not take an answer along.
    let tasks: Vec<_> = (0..workers.max(1))
        .map(|_| {
            tokio::spawn(work(
                Arc::clone(outbox),
                Arc::clone(transport),
                Arc::clone(&shared),
            ))
        })
        .collect();
    let mut failure = None;
    for task in tasks {
        match task.await {
            Ok(Ok(tally)) => {
                drained.sent += tally.sent;
                drained.decided += tally.decided;
                drained.next_at = match (drained.next_at, tally.next_at) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
            }
            Ok(Err(error)) => failure = failure.or(Some(error)),
            Err(error) => {
                stop(&abandon.0, Stop::Failed);
                failure = failure.or(Some(DriveError::Broken(error)));
            }
        }
    }
    if let Some(error) = failure {
        return Err(error);
    }
    let stopped = abandon.0.borrow().stop;
    drained.quiet = match stopped {
        None | Some(Stop::Failed | Stop::Abandoned) => Quiet::Done,
        Some(Stop::NotAllowed) => Quiet::NotAllowed,
        Some(Stop::Paused) => Quiet::Paused,
        Some(Stop::Unreachable) => Quiet::Unreachable,
    };
    Ok(drained)
}

/// One worker: one entry in hand at a time.
async fn work<O: Outbox, W: Wire>(
    outbox: Arc<O>,
    transport: Arc<W>,
    shared: Arc<Shared>,
) -> Result<Tally, DriveError<O::Error>> {
    let done = work_on(&outbox, &*transport, &shared).await;
    if done.is_err() {
        stop(&shared.signals, Stop::Failed);
    }
    done
}

async fn work_on<O: Outbox, W: Wire>(
    outbox: &Arc<O>,
    transport: &W,
    shared: &Shared,
) -> Result<Tally, DriveError<O::Error>> {
    let signals = &shared.signals;
    let mut tally = Tally::default();
    loop {
        look_at_leave(&**outbox, signals);
        // The silence first, the place in the line after it: with places from before it,
        // everybody would go at its end, all at once.
        if wait_for_leave(signals).await.is_some() {
            return Ok(tally);
        }
        shared.pace.turn().await;
        look_at_leave(&**outbox, signals);
        if must_wait(&signals.borrow()) {
            continue;
        }
        let claim = match step(outbox, shared, |o| o.claim()).await? {
            Claimed::Send(claim) => Arc::new(*claim),
            Claimed::Decided => {
                tally.decided += 1;
                continue;
            }
            Claimed::Nothing { next_at } => {
                tally.next_at = next_at;
                return Ok(tally);
            }
        };
        let answer = Arc::new(transport.send(&claim.request).await);
        if matches!(*answer, Answer::Http(_)) {
            outbox.online(true);
        }
        let recorded = record(outbox, shared, &claim, &answer).await?;
        tally.sent += 1;
        if let Some(slow_ms) = recorded.slow_ms {
            slow_down(signals, slow_ms);
        }
        if recorded.pause {
            transport.key_refused();
            stop(signals, Stop::Paused);
        } else if recorded.unreachable {
            outbox.online(false);
            stop(signals, Stop::Unreachable);
        }
    }
}

/// Tells the others where nothing may go out, or not yet.
fn look_at_leave<O: Outbox>(outbox: &O, signals: &watch::Sender<Signals>) {
    if outbox.may_send() {
        return;
    }
    match outbox.slow_until() {
        // Also what an earlier drain was asked to wait for.
        Some(at) => slow_down(signals, at.ms_since(outbox.now())),
        // It ended between the two questions.
        None if outbox.may_send() => {}
        None => stop(signals, Stop::NotAllowed),
    }
}

/// Nobody claims now.
fn must_wait(signals: &Signals) -> bool {
    let silent = signals.slow_until.is_some_and(|at| at > Instant::now());
    signals.stop.is_some() || silent
}

/// Nobody claims for so long.
fn slow_down(signals: &watch::Sender<Signals>, ms: i64) {
    let wait = Duration::from_millis(u64::try_from(ms).unwrap_or_default());
    let until = Instant::now() + wait;
    signals.send_modify(|s| s.slow_until = s.slow_until.max(Some(until)));
}

/// Waits until nobody asks to go slowly; gives why to stop.
async fn wait_for_leave(signals: &watch::Sender<Signals>) -> Option<Stop> {
    let mut changes = signals.subscribe();
    loop {
        let now = *changes.borrow_and_update();
        match now.slow_until {
            Some(until) if now.stop.is_none() && until > Instant::now() => {
                tokio::select! {
                    () = sleep_until(until) => {}
                    // It cannot be closed: `signals` is a sender of it.
                    _ = changes.changed() => {}
                }
            }
            Some(_) | None => return now.stop,
        }
    }
}

/// A step at the store, after those who came before.
async fn step<O: Outbox, T: Send + 'static>(
    outbox: &Arc<O>,
    shared: &Shared,
    step: impl FnOnce(&O) -> Result<T, O::Error> + Send + 'static,
) -> Result<T, DriveError<O::Error>> {
    let _turn = shared.step.lock().await;
    blocking(outbox, step).await
}

async fn blocking<O: Outbox, T: Send + 'static>(
    outbox: &Arc<O>,
    step: impl FnOnce(&O) -> Result<T, O::Error> + Send + 'static,
) -> Result<T, DriveError<O::Error>> {
    let outbox = Arc::clone(outbox);
    spawn_blocking(move || step(&outbox))
        .await
        .map_err(DriveError::Broken)?
        .map_err(DriveError::Outbox)
}

/// An answer is worth a few tries: lost, it has to be asked for again.
async fn record<O: Outbox>(
    outbox: &Arc<O>,
    shared: &Shared,
    claim: &Arc<Claim>,
    answer: &Arc<Answer>,
) -> Result<Recorded, DriveError<O::Error>> {
    let attempt = || {
        let (claim, answer) = (Arc::clone(claim), Arc::clone(answer));
        step(outbox, shared, move |o| o.record(&claim, &answer))
    };
    for wait in RECORD_AGAIN {
        match attempt().await {
            Err(DriveError::Outbox(error)) => {
                tracing::warn!(entry = %claim.id, %error, "an answer was not recorded; once more");
                sleep(wait).await;
            }
            recorded => return recorded,
        }
    }
    attempt().await
}

/// What [`run`] knows between two rounds.
#[derive(Debug, Clone, Copy)]
struct Known {
    reachable: Option<bool>,
    /// Stripe refused the key, and nobody has woken us since.
    held: bool,
    /// There was no key the last time.
    keyless: bool,
    probe_at: Instant,
    idle_at: Instant,
}

/// Drives the outbox for ever: looks for Stripe, sends what is due, sleeps until
/// something is or until `wake`. Calls `on_change` when there is something new to
/// show; it must not block.
pub async fn run<O: Outbox, W: Wire>(
    outbox: Arc<O>,
    transport: Arc<W>,
    wake: Arc<Notify>,
    on_change: impl Fn() + Send + Sync,
) {
    let mut known = Known {
        reachable: None,
        held: false,
        keyless: false,
        probe_at: Instant::now(),
        idle_at: Instant::now(),
    };
    loop {
        let next_at = round(&outbox, &transport, &mut known, &on_change).await;
        let until_probe = known.probe_at.saturating_duration_since(Instant::now());
        let until_due = next_at.map_or(until_probe, |at| {
            let ms = at.ms_since(outbox.now());
            Duration::from_millis(u64::try_from(ms).unwrap_or_default())
        });
        let wait = until_due.min(until_probe).max(SLEEP_MIN);
        tokio::select! {
            () = sleep(wait) => {}
            () = wake.notified() => {
                known.held = false;
                if known.reachable != Some(true) {
                    known.probe_at = Instant::now();
                }
            }
        }
    }
}

/// One round; gives when the next entry is due, where it may be sent then.
async fn round<O: Outbox, W: Wire>(
    outbox: &Arc<O>,
    transport: &Arc<W>,
    known: &mut Known,
    on_change: &(impl Fn() + Send + Sync),
) -> Option<Timestamp> {
    if Instant::now() >= known.probe_at {
        if outbox.may_probe() {
            let reachable = transport.probe().await;
            outbox.online(reachable);
            if known.reachable.replace(reachable) != Some(reachable) {
                on_change();
            }
            // A keyring that was locked when the till started may be open by now: nobody
            // should have to press anything.
            if reachable && known.keyless {
                let ready = transport.ready().await;
                outbox.missing(ready.as_ref().err());
                known.keyless = ready.is_err();
                if !known.keyless {
                    on_change();
                }
            }
        }
        known.probe_at = Instant::now()
            + if known.reachable == Some(true) {
                PROBE_ONLINE
            } else {
                PROBE_OFFLINE
            };
    }
    if known.held || known.reachable != Some(true) {
        nothing_can_go(outbox, known, on_change).await;
        return None;
    }
    let drained = match send_until_quiet(outbox, transport, WORKERS).await {
        Ok(drained) => drained,
        Err(error) => {
            tracing::error!(%error, "the outbox was not driven on");
            on_change();
            return None;
        }
    };
    let mut changed = drained.sent + drained.decided > 0;
    let mut next_at = None;
    match drained.quiet {
        Quiet::Done => {
            next_at = drained.next_at;
            changed |= look_around(outbox, &**transport).await;
            match blocking(outbox, |o| o.ask_at()).await {
                Ok(ask_at) => next_at = next_at.into_iter().chain(ask_at).min(),
                Err(error) => tracing::error!(%error, "not known when to ask again"),
            }
            let outbox = Arc::clone(outbox);
            if let Err(error) = spawn_blocking(move || outbox.idle()).await {
                tracing::error!(%error, "no checkpoint");
            }
        }
        Quiet::NotAllowed => nothing_can_go(outbox, known, on_change).await,
        Quiet::NotReady(missing) => {
            known.keyless = true;
            tracing::info!(%missing, "nothing can be sent");
        }
        Quiet::Paused => {
            known.held = true;
            changed = true;
        }
        Quiet::Unreachable => {
            known.reachable = Some(false);
            known.probe_at = Instant::now() + PROBE_OFFLINE;
            changed = true;
        }
    }
    if changed {
        on_change();
    }
    next_at
}

/// What is to be done, now and then, while nothing can be sent. An offline day has idle
/// moments too: without one the log of the database grows until it is moved in the middle
/// of a sale. And what waits gets older: there is something new to show, with nobody doing
/// anything.
async fn nothing_can_go<O: Outbox>(
    outbox: &Arc<O>,
    known: &mut Known,
    on_change: &(impl Fn() + Send + Sync),
) {
    if Instant::now() < known.idle_at {
        return;
    }
    known.idle_at = Instant::now() + PROBE_ONLINE;
    let outbox = Arc::clone(outbox);
    if let Err(error) = spawn_blocking(move || outbox.idle()).await {
        tracing::error!(%error, "no checkpoint");
    }
    on_change();
}

/// How many reads go out between two looks at the outbox.
const READS_A_ROUND: u32 = 8;

/// Asks what is to be asked beside the outbox; true where there is something new.
pub async fn look_around<O: Outbox, W: Wire>(outbox: &Arc<O>, transport: &W) -> bool {
    let mut news = false;
    for _ in 0..READS_A_ROUND {
        let request = match blocking(outbox, |o| o.ask()).await {
            Ok(Some(request)) => request,
            Ok(None) => return news,
            Err(error) => {
                tracing::error!(%error, "nothing is asked of Stripe");
                return news;
            }
        };
        let answer = transport.send(&request).await;
        match blocking(outbox, move |o| o.told(&answer)).await {
            Ok(new) => news |= new,
            Err(error) => {
                tracing::error!(%error, "an answer of Stripe's was not taken in");
                return news;
            }
        }
    }
    news
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

    use till_domain::ids::Uuid;
    use till_sync::classify::Op;
    use till_sync::machine::ChargeOp;
    use till_sync::transport::HttpAnswer;

    #[derive(Debug, thiserror::Error)]
    #[error("the disk is full")]
    struct Full;

    /// Entries by when they are due, and what was seen of the loop.
    struct Shop {
        started: Instant,
        due: Mutex<Vec<(Uuid, Timestamp)>>,
        in_hand: Mutex<Vec<Uuid>>,
        recorded: Mutex<Vec<(Uuid, u128)>>,
        online: Mutex<Vec<bool>>,
        missing: Mutex<Vec<Option<String>>>,
        allowed: AtomicBool,
        /// Asked to be slow until then, as the till remembers it.
        slow: Mutex<Option<Timestamp>>,
        full: AtomicU32,
        idle: AtomicU32,
        /// What is to be asked beside the outbox, still.
        questions: AtomicU32,
    }

    impl Shop {
        fn with(due_ms: &[i64]) -> Arc<Self> {
            let due = (1_u128..)
                .zip(due_ms)
                .map(|(id, at)| (Uuid::from_u128(id), Timestamp(*at)))
                .collect();
            Arc::new(Self {
                started: Instant::now(),
                due: Mutex::new(due),
                in_hand: Mutex::default(),
                recorded: Mutex::default(),
                online: Mutex::default(),
                missing: Mutex::default(),
                allowed: AtomicBool::new(true),
                slow: Mutex::default(),
                full: AtomicU32::new(0),
                idle: AtomicU32::new(0),
                questions: AtomicU32::new(0),
            })
        }

        /// When each was recorded, in milliseconds.
        fn times(&self) -> Vec<u128> {
            self.recorded.lock().unwrap().iter().map(|r| r.1).collect()
        }
    }

    impl Outbox for Shop {
        type Error = Full;

        fn claim(&self) -> Result<Claimed, Full> {
            let now = self.now();
            let mut due = self.due.lock().unwrap();
            let Some(at) = due.iter().position(|d| d.1 <= now) else {
                return Ok(Claimed::Nothing {
                    next_at: due.iter().map(|d| d.1).min(),
                });
            };
            let (id, _) = due.remove(at);
            let mut in_hand = self.in_hand.lock().unwrap();
            assert!(!in_hand.contains(&id));
            in_hand.push(id);
            Ok(Claimed::Send(Box::new(Claim {
                id,
                op: Op::Charge(ChargeOp::Retrieve),
                request: get(&id.to_string()),
            })))
        }

        fn record(&self, claim: &Claim, answer: &Answer) -> Result<Recorded, Full> {
            if self.full.load(SeqCst) > 0 {
                self.full.fetch_sub(1, SeqCst);
                return Err(Full);
            }
            self.in_hand.lock().unwrap().retain(|id| *id != claim.id);
            let ms = self.started.elapsed().as_millis();
            self.recorded.lock().unwrap().push((claim.id, ms));
            let status = match answer {
                Answer::Http(http) => http.status,
                Answer::Unreachable | Answer::Lost => 0,
            };
            if status == 429 {
                *self.slow.lock().unwrap() = Some(self.now().plus_ms(5_000));
            }
            Ok(Recorded {
                pause: status == 401,
                unreachable: *answer == Answer::Unreachable,
                slow_ms: (status == 429).then_some(5_000),
            })
        }

        fn online(&self, reachable: bool) {
            self.online.lock().unwrap().push(reachable);
        }

        fn may_send(&self) -> bool {
            self.allowed.load(SeqCst) && self.slow_until().is_none()
        }

        fn slow_until(&self) -> Option<Timestamp> {
            self.slow.lock().unwrap().filter(|at| *at > self.now())
        }

        fn may_probe(&self) -> bool {
            true
        }

        fn missing(&self, what: Option<&TransportError>) {
            let what = what.map(ToString::to_string);
            // As the till: it is paused, and it is not.
            self.allowed.store(what.is_none(), SeqCst);
            self.missing.lock().unwrap().push(what);
        }

        fn now(&self) -> Timestamp {
            Timestamp(i64::try_from(self.started.elapsed().as_millis()).unwrap())
        }

        fn idle(&self) {
            self.idle.fetch_add(1, SeqCst);
        }

        fn ask(&self) -> Result<Option<StoredRequest>, Full> {
            Ok((self.questions.load(SeqCst) > 0).then(|| get("/v1/events")))
        }

        fn ask_at(&self) -> Result<Option<Timestamp>, Full> {
            Ok(None)
        }

        fn told(&self, _: &Answer) -> Result<bool, Full> {
            self.questions.fetch_sub(1, SeqCst);
            Ok(true)
        }
    }

    fn get(path: &str) -> StoredRequest {
        StoredRequest {
            idempotency_key: None,
            method: "GET",
            path: path.into(),
            body: None,
            api_version: String::new(),
            first_sent_at: None,
        }
    }

    /// Takes 100 ms for each answer.
    #[derive(Default)]
    struct Stripe {
        /// The first answers; then 200.
        first: Mutex<Vec<Answer>>,
        under_way: AtomicU32,
        most: AtomicU32,
        /// The answers of the first probes; then true.
        probes: Mutex<Vec<bool>>,
        no_key: AtomicBool,
        refused: AtomicU32,
        per_second: Option<u32>,
    }

    fn status(status: u16) -> Answer {
        Answer::Http(HttpAnswer {
            status,
            ..HttpAnswer::default()
        })
    }

    impl Stripe {
        fn answering(first: &[Answer]) -> Arc<Self> {
            Arc::new(Self {
                first: Mutex::new(first.to_vec()),
                ..Self::default()
            })
        }
    }

    impl StripeTransport for Stripe {
        async fn send(&self, _: &StoredRequest) -> Answer {
            self.most
                .fetch_max(self.under_way.fetch_add(1, SeqCst) + 1, SeqCst);
            sleep(Duration::from_millis(100)).await;
            self.under_way.fetch_sub(1, SeqCst);
            let mut first = self.first.lock().unwrap();
            if first.is_empty() {
                status(200)
            } else {
                first.remove(0)
            }
        }
    }

    impl Wire for Stripe {
        async fn ready(&self) -> Result<(), TransportError> {
            if self.no_key.load(SeqCst) {
                return Err(TransportError::NoKey);
            }
            Ok(())
        }

        fn key_refused(&self) {
            self.refused.fetch_add(1, SeqCst);
        }

        async fn probe(&self) -> bool {
            let mut probes = self.probes.lock().unwrap();
            probes.is_empty() || probes.remove(0)
        }

        fn per_second(&self) -> Option<u32> {
            self.per_second
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_due_is_sent_once_four_at_a_time() {
        let shop = Shop::with(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 60_000]);
        let stripe = Stripe::answering(&[]);
        let drained = send_until_quiet(&shop, &stripe, 4).await.unwrap();
        assert!(matches!(drained.quiet, Quiet::Done), "{drained:?}");
        assert_eq!(drained.sent, 10);
        assert_eq!(drained.next_at, Some(Timestamp(60_000)));
        assert_eq!(stripe.most.load(SeqCst), 4);
        let mut ids: Vec<_> = shop.recorded.lock().unwrap().iter().map(|r| r.0).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 10, "each once");
        assert!(
            shop.times().iter().all(|ms| *ms < 400),
            "{:?}",
            shop.times()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_queue_leaves_at_the_pace_that_is_allowed() {
        let shop = Shop::with(&[0; 40]);
        let stripe = Arc::new(Stripe {
            per_second: Some(20),
            ..Stripe::default()
        });
        let drained = send_until_quiet(&shop, &stripe, WORKERS).await.unwrap();
        assert_eq!(drained.sent, 40);
        let times = shop.times();
        for (at, ms) in times.iter().enumerate() {
            let later = times.iter().skip(at).filter(|t| **t < ms + 1_000).count();
            assert!(later <= 21, "{later} in one second: {times:?}");
        }
        assert!(
            times.iter().all(|ms| *ms < 40 * 60),
            "and no slower: {times:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_answer_429_slows_every_worker() {
        let shop = Shop::with(&[0; 6]);
        let stripe = Stripe::answering(&[status(429)]);
        let drained = send_until_quiet(&shop, &stripe, 2).await.unwrap();
        assert_eq!(drained.sent, 6);
        let times = shop.times();
        let before = times.iter().filter(|ms| **ms < 5_000).count();
        assert!(before <= 3, "what was under way, and no more: {times:?}");
        assert!(times.iter().any(|ms| *ms >= 5_100), "{times:?}");
        assert!(
            times.iter().all(|ms| *ms < 6_000),
            "and no longer: {times:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_silence_requests_leave_at_the_pace_and_not_all_at_once() {
        let shop = Shop::with(&[0; 60]);
        let stripe = Arc::new(Stripe {
            per_second: Some(20),
            ..Arc::into_inner(Stripe::answering(&[status(200), status(429)])).unwrap()
        });
        let drained = send_until_quiet(&shop, &stripe, WORKERS).await.unwrap();
        assert_eq!(drained.sent, 60);
        let times = shop.times();
        let (before, after): (Vec<u128>, Vec<u128>) = times.iter().partition(|ms| **ms < 5_000);
        assert!(
            before.len() <= 4,
            "what was under way, and no more: {times:?}"
        );
        for ms in &after {
            let second = *ms..*ms + 1_000;
            let later = after.iter().filter(|t| second.contains(*t)).count();
            assert!(later <= 21, "{later} in one second: {times:?}");
        }
        assert!(
            times.iter().all(|ms| *ms < 5_300 + 60 * 51),
            "and no slower: {times:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn sending_ends_where_stripe_or_the_shop_says_so() {
        let rows = [
            (status(401), "Paused", 1, vec![true]),
            (Answer::Unreachable, "Unreachable", 0, vec![false]),
        ];
        for (answer, quiet, refused, online) in rows {
            let shop = Shop::with(&[0; 6]);
            let stripe = Stripe::answering(&[answer]);
            let drained = send_until_quiet(&shop, &stripe, 1).await.unwrap();
            assert_eq!(format!("{:?}", drained.quiet), quiet);
            assert_eq!(drained.sent, 1, "{quiet}");
            assert_eq!(stripe.refused.load(SeqCst), refused, "{quiet}");
            assert_eq!(*shop.online.lock().unwrap(), online, "{quiet}");
        }

        let shop = Shop::with(&[0]);
        let stripe = Stripe::answering(&[]);
        stripe.no_key.store(true, SeqCst);
        let drained = send_until_quiet(&shop, &stripe, 1).await.unwrap();
        assert!(matches!(
            drained.quiet,
            Quiet::NotReady(TransportError::NoKey)
        ));
        shop.allowed.store(false, SeqCst);
        let drained = send_until_quiet(&shop, &stripe, 1).await.unwrap();
        assert!(matches!(drained.quiet, Quiet::NotAllowed));
        shop.allowed.store(true, SeqCst);
        stripe.no_key.store(false, SeqCst);
        assert!(shop.times().is_empty() && shop.in_hand.lock().unwrap().is_empty());
        send_until_quiet(&shop, &stripe, 1).await.unwrap();
        let missing = shop.missing.lock().unwrap();
        assert_eq!(*missing, [Some("no Stripe key is set".into()), None]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_comes_late_is_found_by_itself() {
        let shop = Shop::with(&[0]);
        let stripe = Stripe::answering(&[]);
        stripe.no_key.store(true, SeqCst);
        let wake = Arc::new(Notify::new());
        let running = tokio::spawn(run(Arc::clone(&shop), Arc::clone(&stripe), wake, || {}));
        sleep(PROBE_ONLINE * 3).await;
        assert!(shop.times().is_empty());
        // The keyring is unlocked, and nobody presses anything.
        stripe.no_key.store(false, SeqCst);
        sleep(PROBE_ONLINE * 2).await;
        assert_eq!(shop.times().len(), 1);
        running.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_recorded_though_nobody_waits_for_it() {
        let shop = Shop::with(&[0; 6]);
        let stripe = Stripe::answering(&[]);
        let gone = tokio::time::timeout(
            Duration::from_millis(50),
            send_until_quiet(&shop, &stripe, 2),
        );
        assert!(gone.await.is_err());
        sleep(Duration::from_secs(1)).await;
        assert_eq!(shop.times().len(), 2, "what was under way, and no more");
        assert!(shop.in_hand.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_waits_for_a_disk_that_is_full_for_a_while() {
        let shop = Shop::with(&[0]);
        shop.full.store(3, SeqCst);
        let stripe = Stripe::answering(&[]);
        let drained = send_until_quiet(&shop, &stripe, 1).await.unwrap();
        assert_eq!((drained.sent, shop.times().len()), (1, 1));

        let shop = Shop::with(&[0, 0]);
        shop.full.store(99, SeqCst);
        let failed = send_until_quiet(&shop, &stripe, 1).await;
        assert!(matches!(failed, Err(DriveError::Outbox(Full))));
        assert_eq!(shop.due.lock().unwrap().len(), 1, "nothing more is claimed");
    }

    #[tokio::test(start_paused = true)]
    async fn the_loop_looks_for_stripe_and_sends_when_it_is_time() {
        let shop = Shop::with(&[0, 61_000]);
        shop.questions.store(11, SeqCst);
        let stripe = Stripe::answering(&[]);
        *stripe.probes.lock().unwrap() = vec![false, false];
        let wake = Arc::new(Notify::new());
        let changes = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&changes);
        let task = tokio::spawn(run(
            Arc::clone(&shop),
            Arc::clone(&stripe),
            Arc::clone(&wake),
            move || {
                seen.fetch_add(1, SeqCst);
            },
        ));
        sleep(Duration::from_secs(90)).await;
        let times = shop.times();
        assert!((10_000..10_500).contains(&times[0]), "{times:?}");
        assert!((61_000..61_500).contains(&times[1]), "{times:?}");
        assert_eq!(shop.online.lock().unwrap()[..3], [false, false, true]);
        assert!(shop.idle.load(SeqCst) > 0);
        assert_eq!(shop.questions.load(SeqCst), 0, "asked while it was quiet");
        assert!(changes.load(SeqCst) >= 4, "offline, online, sent, sent");

        let now = shop.now();
        shop.due.lock().unwrap().push((Uuid::from_u128(9), now));
        wake.notify_one();
        sleep(Duration::from_millis(200)).await;
        assert_eq!(shop.times().len(), 3, "woken");
        task.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn while_nothing_can_go_the_screen_is_told_that_time_passes() {
        let out_of_reach = Stripe::answering(&[]);
        *out_of_reach.probes.lock().unwrap() = vec![false; 200];
        for (why, stripe) in [
            ("out of reach", out_of_reach),
            ("offline on purpose", Stripe::answering(&[])),
            ("a refused key", Stripe::answering(&[status(401)])),
        ] {
            let shop = Shop::with(&[0]);
            let changes = Arc::new(AtomicU32::new(0));
            let seen = Arc::clone(&changes);
            let task = tokio::spawn(run(
                Arc::clone(&shop),
                stripe,
                Arc::new(Notify::new()),
                move || {
                    seen.fetch_add(1, SeqCst);
                },
            ));
            sleep(Duration::from_secs(10)).await;
            shop.allowed.store(why != "offline on purpose", SeqCst);
            sleep(Duration::from_secs(60)).await;
            let before = changes.load(SeqCst);
            sleep(Duration::from_secs(300)).await;
            let told = changes.load(SeqCst) - before;
            assert!((9..=11).contains(&told), "{why}: {told} times");
            task.abort();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_refused_key_the_loop_rests_until_it_is_woken() {
        let shop = Shop::with(&[0]);
        let stripe = Stripe::answering(&[status(401)]);
        let wake = Arc::new(Notify::new());
        let task = tokio::spawn(run(
            Arc::clone(&shop),
            Arc::clone(&stripe),
            Arc::clone(&wake),
            || {},
        ));
        sleep(Duration::from_secs(1)).await;
        shop.due
            .lock()
            .unwrap()
            .push((Uuid::from_u128(9), Timestamp(0)));
        sleep(Duration::from_secs(300)).await;
        assert_eq!(shop.times().len(), 1, "held");
        wake.notify_one();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(shop.times().len(), 2, "woken");
        task.abort();
    }
}
