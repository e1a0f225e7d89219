//! SIGKILL at random moments: of a scripted day, and of a long queue being drained.
//! Nothing completed is lost or doubled, the chain verifies, the outbox drains.

use std::fs::{File, OpenOptions};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use till_app::Till;
use till_domain::journal::JournalEvent;
use till_stand_in::{ClockSource, Config, FaultPlan, Server, StandIn, bind};
use till_tests::{lift_limits, open_till, sell_offline};
use tokio::runtime::Runtime;

/// A shop's folder, a stand-in at a socket, and what the killed processes said.
struct Bench {
    folder: TempDir,
    server: Server,
    seed: u32,
    _runtime: Runtime,
}

/// When a kill came.
enum Killed {
    /// Before it was ready.
    Starting,
    /// While it sold or sent.
    AtWork,
    /// It had ended by itself.
    TooLate,
}

impl Bench {
    fn new(permille: u16) -> Self {
        let runtime = Runtime::new().unwrap();
        let mut stripe = StandIn::new(Config {
            seed: 9,
            clock: ClockSource::System,
            faults: FaultPlan::mixed(permille),
            ..Config::default()
        });
        for card in till_app::sample_cards() {
            let known =
                stripe.add_test_customer(&card.customer, &card.payment_method, &card.behaves_as);
            assert!(known, "{card:?}");
        }
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
            server: runtime.block_on(bind(stripe, 0)).unwrap(),
            seed: 0,
            _runtime: runtime,
        };
        File::create(bench.said_path()).unwrap();
        bench
    }

    fn said_path(&self) -> PathBuf {
        self.folder.path().join("said.txt")
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.said_path()).unwrap()
    }

    fn start(&mut self, receipts: &str) -> Child {
        self.seed += 1;
        let said = OpenOptions::new()
            .append(true)
            .open(self.said_path())
            .unwrap();
        Command::new(env!("CARGO_BIN_EXE_day"))
            .arg(self.folder.path())
            .arg(self.server.url())
            .arg(receipts)
            .arg(self.seed.to_string())
            .stdout(said)
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap()
    }

    /// Kills it: one in eight while it starts, the others within `spread_ms` of their
    /// being ready.
    fn kill(&mut self, receipts: &str, spread_ms: u64) -> Killed {
        let ready = self.said().matches("ready").count();
        let first = self.seed == 0;
        let mut child = self.start(receipts);
        let drawn = u64::from(self.seed.wrapping_mul(2_654_435_761) >> 16);
        let starting = drawn.is_multiple_of(8) && !first;
        if starting {
            std::thread::sleep(Duration::from_millis(drawn % 60));
        } else {
            let begun = Instant::now();
            while self.said().matches("ready").count() == ready
                && begun.elapsed() < Duration::from_secs(60)
            {
                std::thread::sleep(Duration::from_millis(2));
            }
            std::thread::sleep(Duration::from_millis(drawn % spread_ms));
        }
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert!(
            !status.success() || self.said().contains("quiet"),
            "it failed by itself"
        );
        match (status.success(), starting) {
            (true, _) => Killed::TooLate,
            (false, true) => Killed::Starting,
            (false, false) => Killed::AtWork,
        }
    }

    /// The last run, which nobody kills and nothing disturbs; then everything that a
    /// shop relies on. Gives the charges.
    fn end(mut self, receipts: &str) -> usize {
        self.server.set_faults(FaultPlan::none());
        let status = self.start(receipts).wait().unwrap();
        assert!(status.success(), "the last run ends by itself");
        let till = open_till(self.folder.path());
        receipts_are_whole(&till, &self.said());
        till.journal_verify().unwrap();
        assert!(till.journal_rebuild().unwrap().differing.is_empty());
        assert_eq!(
            till.connection().unwrap().waiting,
            0,
            "the outbox is drained"
        );
        let ledger = self.server.lock().ledger();
        assert_eq!(ledger.charged_twice(), Vec::<&str>::new());
        let books = till.card_books().unwrap();
        for (tender, line) in &ledger.tenders {
            let charged = books.charged.get(tender).copied().unwrap_or(0);
            let refunded = books.refunded.get(tender).copied().unwrap_or(0);
            assert_eq!(line.net, charged - refunded, "tender {tender}");
        }
        books.charged.len()
    }
}

/// What was said to be complete is there, once, and nothing else is missing.
fn receipts_are_whole(till: &Till, said: &str) {
    let mut completed = std::collections::BTreeMap::new();
    let mut export = Vec::new();
    till.journal_export(&mut export).unwrap();
    for line in String::from_utf8(export).unwrap().lines() {
        let line: till_app::JournalLine = serde_json::from_str(line).unwrap();
        let (receipt, words) = match line.event().unwrap() {
            JournalEvent::SaleCommitted { receipt, sale } => {
                (receipt, format!("sale {receipt} {}", sale.total.minor()))
            }
            JournalEvent::RefundCommitted { receipt, refund } => {
                let given = refund.total.minor() + refund.cash_rounding.minor();
                (receipt, format!("refund {receipt} {given}"))
            }
            _ => continue,
        };
        let before = completed.insert(receipt.number, words);
        assert_eq!(before, None, "receipt {receipt} is there twice");
    }
    let numbers: Vec<i64> = completed.keys().copied().collect();
    let expected: Vec<i64> = (1..=i64::try_from(numbers.len()).unwrap()).collect();
    assert_eq!(numbers, expected, "receipt numbers have no gaps");
    for line in said.lines().filter(|l| l.contains("1-0")) {
        assert!(
            completed.values().any(|words| words == line),
            "said to be complete, and lost: {line}"
        );
    }
}

#[test]
fn a_day_killed_two_hundred_times_loses_and_doubles_nothing() {
    const RECEIPTS: &str = "300";
    let mut bench = Bench::new(50);
    for _ in 0..200 {
        bench.kill(RECEIPTS, 125);
    }
    let charges = bench.end(RECEIPTS);
    assert!(charges > 50, "a day of cards: {charges}");
}

#[test]
fn a_drain_killed_five_hundred_times_charges_each_tender_once() {
    // No more receipts: it drains what waits, and ends.
    const NONE: &str = "0";
    let mut bench = Bench::new(100);
    let mut queued = 0;
    let queue = |bench: &Bench, sales: u64| {
        let till = open_till(bench.folder.path());
        if !till.has_shop().unwrap() {
            till.setup_sample().unwrap();
            lift_limits(bench.folder.path());
        }
        let cashier = till.users().unwrap()[0].id.parse().unwrap();
        let cashier = till.sign_in(cashier, "1111").unwrap();
        if till.boot(None).unwrap().shift.is_none() {
            till.shift_open(&cashier, "150.00").unwrap();
        }
        sell_offline(&till, &cashier, sales);
        usize::try_from(sales).unwrap()
    };
    queued += queue(&bench, 400);
    let mut killed = 0;
    while killed < 500 {
        match bench.kill(NONE, 40) {
            // It was too quick: that was no kill, and there must be more to drain.
            Killed::TooLate => queued += queue(&bench, 200),
            Killed::AtWork => killed += 1,
            // Killed as well, and not in the middle of a drain.
            Killed::Starting => {}
        }
    }
    assert_eq!(bench.end(NONE), queued, "each tender, once");
}
