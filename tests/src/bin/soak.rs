//! A long queue, drained over HTTP while the counter goes on selling: `soak [TENDERS]
//! [FAULTS] [RATE]`, 10,000 queued tenders, 300 requests of 1,000 going wrong and 100
//! requests a second by default.
//!
//! The stand-in is another process, with the limit that Stripe has. Prints what the
//! limit permitted and what was used of it, memory, and how long the window's commands
//! took meanwhile. Fails when a tender was charged twice or not at all, when the books
//! differ, or when a figure is past the limits below.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a script for a person; a rate is no money"
)]

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use till_adapters::drive::{self, Wire};
use till_adapters::stripe_http::TransportError;
use till_adapters::{MemorySecrets, NoPrinter, RandomIds, ReqwestTransport, SystemClock};
use till_app::auth::Session;
use till_app::ports::SecretStore;
use till_app::{Ports, Till};
use till_stand_in::{ClockSource, Config, FaultPlan, StandIn, TEST_KEY, bind};
use till_store::StoredRequest;
use till_sync::transport::{Answer, StripeTransport};
use till_tests::{lift_limits, sell_offline};
use tokio::sync::Notify;

/// Drained, but for those that wait for their next try.
const NEARLY: f64 = 0.99;
/// Of what the limit permits.
const USED_AT_LEAST: f64 = 0.8;
/// The window's commands, the slowest in a hundred.
const COMMAND_MS_MOST: f64 = 50.0;
/// Memory with 99 in 100 drained, against a tenth. What comes after that is the
/// allocator's: each thread that waits for the store for the first time gets a heap of
/// its own, and keeps it (with `MALLOC_ARENA_MAX=1` there is no growth to the end).
const GROWN_AT_MOST: f64 = 1.2;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, usual: u64| {
        args.get(at)
            .map_or(usual, |n| n.replace('_', "").parse().expect("a number"))
    };
    if args.first().is_some_and(|a| a == "stand-in") {
        stand_in(number(1, 0), number(2, 0));
        return ExitCode::SUCCESS;
    }
    soak(number(0, 10_000), number(1, 300), number(2, 100))
}

// ---- the other process ----

/// Answers until its standard input ends.
fn stand_in(permille: u64, rate: u64) {
    let runtime = runtime();
    let server = runtime
        .block_on(bind(
            StandIn::new(Config {
                seed: 4,
                clock: ClockSource::System,
                faults: FaultPlan::mixed(u16::try_from(permille).unwrap()),
                rate_per_s: Some(u32::try_from(rate).unwrap()),
                ..Config::default()
            }),
            0,
        ))
        .unwrap();
    println!("{}", server.url());
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

/// It ends with this process: its standard input does.
struct OtherProcess {
    child: Child,
    url: String,
}

impl OtherProcess {
    fn start(permille: u64, rate: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["stand-in", &permille.to_string(), &rate.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut url)
            .unwrap();
        Self {
            child,
            url: url.trim().to_owned(),
        }
    }

    fn ledger(&self) -> Value {
        let host = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).unwrap();
        write!(
            stream,
            "GET /_stand_in/ledger HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }
}

impl Drop for OtherProcess {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

// ---- the wire, counted ----

/// How long Stripe asked for silence, all together.
struct Silence {
    until: Instant,
    total: Duration,
}

impl Silence {
    /// Silence for so long from now on; what overlaps counts once.
    fn add(&mut self, wait: Duration) {
        let now = Instant::now();
        let until = self.until.max(now + wait);
        self.total += until - self.until.max(now);
        self.until = until;
    }
}

struct Counted {
    wire: ReqwestTransport,
    silence: Mutex<Silence>,
    sent: AtomicU64,
    too_fast: AtomicU64,
    unreachable: AtomicU64,
    wrong: AtomicU64,
}

impl StripeTransport for Counted {
    async fn send(&self, request: &StoredRequest) -> Answer {
        let answer = self.wire.send(request).await;
        self.sent.fetch_add(1, Relaxed);
        match &answer {
            Answer::Http(http) if http.slows_all() => {
                self.too_fast.fetch_add(1, Relaxed);
                let ms = http.retry_after_ms.unwrap_or(1_000).max(1_000);
                let wait = Duration::from_millis(ms.unsigned_abs());
                self.silence.lock().unwrap().add(wait);
            }
            Answer::Http(http) if matches!(http.status, 200 | 402) => {}
            Answer::Unreachable => {
                self.unreachable.fetch_add(1, Relaxed);
            }
            Answer::Http(_) | Answer::Lost => {
                self.wrong.fetch_add(1, Relaxed);
            }
        }
        answer
    }
}

impl Wire for Counted {
    fn ready(&self) -> impl Future<Output = Result<(), TransportError>> + Send {
        self.wire.ready()
    }

    fn probe(&self) -> impl Future<Output = bool> + Send {
        self.wire.probe()
    }

    fn per_second(&self) -> Option<u32> {
        self.wire.per_second()
    }
}

// ---- the counter ----

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// How long each of the window's commands took.
#[derive(Default)]
struct Timed(BTreeMap<&'static str, Vec<f64>>);

impl Timed {
    fn take<T>(&mut self, name: &'static str, command: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = command();
        let ms = begun.elapsed().as_secs_f64() * 1_000.0;
        self.0.entry(name).or_default().push(ms);
        done
    }

    /// Prints the table; gives the 99th percentile of the slowest command.
    fn tell(self) -> f64 {
        println!("{:<16} {:>6} {:>9} {:>9}", "command", "times", "p50", "p99");
        let mut slowest: f64 = 0.0;
        for (name, mut times) in self.0 {
            times.sort_by(f64::total_cmp);
            let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
            println!(
                "{name:<16} {:>6} {:>6.1} ms {:>6.1} ms",
                times.len(),
                at(0.5),
                at(0.99)
            );
            slowest = slowest.max(at(0.99));
        }
        slowest
    }
}

/// Sells for cash until the queue is drained, as fast as a cashier at their best.
fn sell_on(till: &Till, cashier: &Session, product: &str, stop: &AtomicBool) -> Timed {
    let mut timed = Timed::default();
    while !stop.load(Relaxed) {
        for _ in 0..3 {
            timed
                .take("add_product", || {
                    till.add_product(cashier, product, Some("0.500"))
                })
                .unwrap();
            std::thread::sleep(Duration::from_millis(100));
        }
        timed.take("sale_current", || till.sale_current()).unwrap();
        timed.take("connection", || till.connection()).unwrap();
        timed.take("search", || till.search("melk")).unwrap();
        let outbox = timed.take("outbox", || till.outbox()).unwrap();
        if let Some(first) = outbox.waiting.first() {
            timed
                .take("outbox_entry", || till.outbox_entry(&first.id))
                .unwrap();
        }
        timed
            .take("tender_cash", || till.tender_cash(cashier, "50.00"))
            .unwrap();
        timed.take("complete", || till.complete(cashier)).unwrap();
        std::thread::sleep(Duration::from_millis(200));
    }
    timed
}

/// Resident memory of this process in MiB. Source: proc(5), `statm`, in pages.
fn memory_mib() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: f64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4_096.0 / 1_048_576.0
}

fn soak(tenders: u64, permille: u64, rate: u64) -> ExitCode {
    let folder = tempfile::tempdir().unwrap();
    let secrets: Arc<dyn SecretStore> = Arc::new(MemorySecrets::with_stripe_key(TEST_KEY));
    let till = Arc::new(
        Till::open(
            folder.path(),
            Ports {
                clock: Arc::new(SystemClock),
                ids: Arc::new(RandomIds::default()),
                printer: Arc::new(NoPrinter),
                secrets: secrets.clone(),
            },
        )
        .unwrap(),
    );
    till.setup_sample().unwrap();
    lift_limits(folder.path());
    let cashier_id = till.users().unwrap()[0].id.parse().unwrap();
    let cashier = till.sign_in(cashier_id, "1111").unwrap();
    till.shift_open(&cashier, "150.00").unwrap();
    let product = till.search("kaas").unwrap()[0].id.clone();

    let begun = Instant::now();
    sell_offline(&till, &cashier, tenders);
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{tenders} sales on a card while offline, in {seconds:.0} s: {:.0} a second",
        tenders as f64 / seconds
    );

    let stripe = OtherProcess::start(permille, rate);
    // A tenth less than the limit, as for Stripe's own.
    let pace = u32::try_from(rate * 9 / 10).unwrap();
    let wire = Arc::new(Counted {
        wire: ReqwestTransport::new(&stripe.url, secrets)
            .unwrap()
            .at_most(pace),
        silence: Mutex::new(Silence {
            until: Instant::now(),
            total: Duration::ZERO,
        }),
        sent: AtomicU64::new(0),
        too_fast: AtomicU64::new(0),
        unreachable: AtomicU64::new(0),
        wrong: AtomicU64::new(0),
    });
    till.set_forced_offline(false).unwrap();
    let runtime = runtime();
    let begun = Instant::now();
    runtime.spawn(drive::run(
        till.clone(),
        wire.clone(),
        Arc::new(Notify::new()),
        || {},
    ));
    let stop = AtomicBool::new(false);
    let mut nearly = None;
    // With each tenth drained.
    let mut tenths: Vec<f64> = Vec::new();
    let timed = std::thread::scope(|scope| {
        let counter = scope.spawn(|| sell_on(&till, &cashier, &product, &stop));
        let mut told = Instant::now();
        loop {
            let waiting = u64::from(till.connection().unwrap().waiting);
            let drained = 1.0 - waiting as f64 / tenders as f64;
            while tenths.len() < (drained * 10.0) as usize {
                tenths.push(memory_mib());
            }
            if drained >= NEARLY {
                let silent = wire.silence.lock().unwrap().total.as_secs_f64();
                let took = begun.elapsed().as_secs_f64();
                let sent = wire.sent.load(Relaxed);
                nearly.get_or_insert_with(|| (took, took - silent, sent, memory_mib()));
            }
            if waiting == 0 {
                break;
            }
            if told.elapsed() > Duration::from_secs(15) {
                told = Instant::now();
                println!(
                    "  {:.0} s: {waiting} wait, {} requests, {} too fast, {} unreachable, {} wrong, {:.0} MiB",
                    begun.elapsed().as_secs_f64(),
                    wire.sent.load(Relaxed),
                    wire.too_fast.load(Relaxed),
                    wire.unreachable.load(Relaxed),
                    wire.wrong.load(Relaxed),
                    memory_mib()
                );
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        stop.store(true, Relaxed);
        counter.join().unwrap()
    });
    let whole = begun.elapsed().as_secs_f64();
    let (seconds, permitted, sent, late) = nearly.unwrap();
    // Nothing is permitted while Stripe asks for silence.
    let used = sent as f64 / permitted / rate as f64;
    println!(
        "99 in 100 drained in {seconds:.0} s with {sent} requests, {:.0} s of it in the silence \
         that \"too fast\" asked for: {:.1} a second in the rest, {:.0} % of the {rate} that the \
         limit permits",
        seconds - permitted,
        sent as f64 / permitted,
        used * 100.0
    );
    println!(
        "all in {whole:.0} s with {} requests, of which {} answered wrongly or not, and {} \
         with \"too fast\"",
        wire.sent.load(Relaxed),
        wire.wrong.load(Relaxed),
        wire.too_fast.load(Relaxed)
    );
    let tenths_told: Vec<_> = tenths.iter().map(|mib| format!("{mib:.0}")).collect();
    let early = tenths[0];
    println!(
        "memory with each tenth drained: {} MiB; {late:.0} with 99 in 100",
        tenths_told.join(", ")
    );
    let p99 = timed.tell();

    let once = charged_once(&till, &stripe.ledger(), tenders);
    let held = [
        ("exactly once, and the books agree", once),
        ("80 % of what the limit permits", used >= USED_AT_LEAST),
        ("memory is flat", late <= early * GROWN_AT_MOST),
        (
            "each command within 50 ms, 99 in 100",
            p99 <= COMMAND_MS_MOST,
        ),
    ];
    for (what, held) in held {
        println!("{} {what}", if held { "held:  " } else { "BROKEN:" });
    }
    if held.iter().all(|(_, held)| *held) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Every tender at Stripe once, for what the journal says.
fn charged_once(till: &Till, ledger: &Value, tenders: u64) -> bool {
    let books = till.card_books().unwrap();
    let at_stripe = ledger["tenders"].as_object().unwrap();
    let mut charged = 0;
    for (tender, line) in at_stripe {
        let charges = line["charges"].as_array().unwrap().len();
        let ours = books.charged.get(tender).copied().unwrap_or(0);
        if charges != 1 || line["net"].as_i64() != Some(ours) {
            println!(
                "tender {tender}: {charges} charges of {} , {ours} by us",
                line["net"]
            );
            return false;
        }
        charged += 1;
    }
    till.journal_verify().unwrap();
    println!("{charged} tenders charged once each, for what the journal says");
    charged == tenders && books.charged.len() as u64 == tenders
}
