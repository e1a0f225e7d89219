//! SIGKILL at random moments of a scripted day: nothing completed is lost or
//! doubled, the chain verifies, the outbox drains.

use std::fs::{File, OpenOptions};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use till_domain::journal::JournalEvent;
use till_stand_in::{ClockSource, Config, FaultPlan, StandIn, bind};
use till_tests::open_till;

/// Times the process is killed.
const KILLS: u32 = 200;
/// Receipts in the day.
const RECEIPTS: &str = "300";

#[test]
fn a_day_killed_two_hundred_times_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let said_path = folder.path().join("said.txt");
    File::create(&said_path).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut stripe = StandIn::new(Config {
        seed: 9,
        clock: ClockSource::System,
        faults: FaultPlan::mixed(50),
        record: true,
        ..Config::default()
    });
    for card in till_app::sample_cards() {
        assert!(stripe.add_test_customer(&card.customer, &card.payment_method, &card.behaves_as));
    }
    let server = runtime.block_on(bind(stripe, 0)).unwrap();
    let start = |seed: u32| {
        let said = OpenOptions::new().append(true).open(&said_path).unwrap();
        Command::new(env!("CARGO_BIN_EXE_day"))
            .arg(folder.path())
            .arg(server.url())
            .arg(RECEIPTS)
            .arg(seed.to_string())
            .stdout(said)
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap()
    };
    let said = || std::fs::read_to_string(&said_path).unwrap();

    let mut killed = 0;
    let mut seed = 1_u32;
    while killed < KILLS {
        let ready = said().matches("ready").count();
        let mut child = start(seed);
        // One in eight is killed while it starts, the others within the next
        // eighth of a second of selling.
        let spread = u64::from(seed.wrapping_mul(2_654_435_761) >> 16);
        if spread.is_multiple_of(8) && seed > 1 {
            std::thread::sleep(Duration::from_millis(spread % 60));
        } else {
            let begun = Instant::now();
            while said().matches("ready").count() == ready
                && begun.elapsed() < Duration::from_secs(60)
            {
                std::thread::sleep(Duration::from_millis(2));
            }
            std::thread::sleep(Duration::from_millis(spread % 125));
        }
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert!(
            !status.success() || said().contains("quiet"),
            "it failed by itself"
        );
        killed += 1;
        seed += 1;
    }
    server.set_faults(FaultPlan::none());
    let status = start(seed).wait().unwrap();
    assert!(status.success(), "the last run ends by itself");

    // What was said to be complete is there, once, and nothing else is missing.
    let till = open_till(folder.path());
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
    for line in said().lines().filter(|l| l.contains("1-0")) {
        assert!(
            completed.values().any(|words| words == line),
            "said to be complete, and lost: {line}"
        );
    }
    till.journal_verify().unwrap();
    assert!(till.journal_rebuild().unwrap().differing.is_empty());
    assert_eq!(
        till.connection().unwrap().waiting,
        0,
        "the outbox is drained"
    );
    let transcript = tempfile::tempdir().unwrap();
    server.lock().write_transcript(transcript.path()).unwrap();
    crate::schemas::check(transcript.path());
    let ledger = server.lock().ledger();
    assert_eq!(ledger.charged_twice(), Vec::<&str>::new());
    let books = till.card_books().unwrap();
    for (tender, line) in &ledger.tenders {
        let charged = books.charged.get(tender).copied().unwrap_or(0);
        let refunded = books.refunded.get(tender).copied().unwrap_or(0);
        assert_eq!(line.net, charged - refunded, "tender {tender}");
    }
    assert!(
        books.charged.len() > 50,
        "a day of cards: {}",
        books.charged.len()
    );
}
