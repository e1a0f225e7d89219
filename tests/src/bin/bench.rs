//! What the till costs, beside bare SQLite in the same process on the same disk.
//!
//! `bench [ROUNDS] [SALES]`: rounds of a five-line sale (300), and sales under the
//! Z report (10,000). The till and the bare statements take turns, so that what
//! else the machine does falls on both: ratios and flushes travel between
//! machines, milliseconds do not. Nothing is asserted about time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "a measurement that cannot go on is none, and statistics are no money"
)]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Statement, params_from_iter};
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};
use till_app::view::{CountInput, TenderKindView};
use till_domain::catalog::{Product, Unit};
use till_domain::ids::{ProductId, Uuid};
use till_domain::money::{Currency, Money, RoundingMode};
use till_domain::promotion::{
    Break, Goods, Item, Kind, Off, Promotion, PromotionBook, Set, Shopper, When,
};
use till_domain::quote::{Basket, BasketLine, TaxRounding, quote};
use till_domain::tax::{Tax, TaxKind};
use till_store::{ProductImport, Store, StoreError};
use till_tests::World;

/// Lines of a measured sale.
const LINES: usize = 5;
/// Sales between two moments in which nobody is at the counter.
const IDLE_EVERY: usize = 25;
/// Sales in which flushes are counted.
const FLUSH_ROUNDS: usize = 20;
/// Products in the large catalogue.
const LARGE: u64 = 100_000;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, usual: usize| args.get(at).map_or(usual, |n| n.parse().unwrap());
    match args.first().map(String::as_str) {
        // In a process of its own, under strace.
        Some("--marked") => drop(measure_sales(FLUSH_ROUNDS, true)),
        // Needs no disk and no tracer.
        Some("--promotions") => print_promotions(),
        // Sales alone, for a profiler.
        Some("--sales") => drop(measure_sales(number(1, 300), false)),
        _ => {
            let (rounds, sales) = (number(0, 300), number(1, 10_000));
            let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            println!("load {} on {cores} processors", load.trim());
            print_sales(&measure_sales(rounds, false));
            print_flushes();
            print_lookups();
            print_promotions();
            print_report(sales);
        }
    }
}

// ---- figures ----

/// Durations of one thing, done often.
#[derive(Debug, Default)]
struct Times(Vec<u64>);

impl Times {
    fn take<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        self.0.push(start.elapsed().as_nanos() as u64);
        done
    }

    /// Microseconds that so many thousandths of them do not pass.
    fn at(&self, permille: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let place = (sorted.len() * permille).div_ceil(1_000).max(1) - 1;
        sorted[place] as f64 / 1_000.0
    }
}

fn heading(what: &str, unit: &str) {
    println!(
        "\n{:<58}{:>10}{:>10}",
        what,
        format!("p50 {unit}"),
        format!("p99 {unit}")
    );
}

/// One row of a table; `unit` in microseconds.
fn row(what: &str, times: &Times, unit: f64) {
    println!(
        "  {what:<56}{:>10.3}{:>10.3}",
        times.at(500) / unit,
        times.at(990) / unit
    );
}

fn ratio(what: &str, one: &Times, other: &Times, aim: &str) {
    println!(
        "  {what:<56}{:>10.2}{:>10.2}  {aim}",
        one.at(500) / other.at(500),
        one.at(990) / other.at(990)
    );
}

const MS: f64 = 1_000.0;
const US: f64 = 1.0;

// ---- bare SQLite ----

type Row = Vec<Value>;

/// The till's own pragmas.
fn bare(path: &Path) -> Connection {
    let conn = Connection::open(path).unwrap();
    for (name, value) in [
        ("journal_mode", "WAL"),
        ("synchronous", "FULL"),
        ("foreign_keys", "ON"),
        ("recursive_triggers", "ON"),
        ("temp_store", "MEMORY"),
        ("wal_autocheckpoint", "20000"),
    ] {
        conn.pragma_update(None, name, value).unwrap();
    }
    conn
}

/// The till's file as another reader sees it.
fn reader(folder: &Path) -> Connection {
    Connection::open_with_flags(folder.join("till.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

/// The same tables, with the same products and the same beginning of the journal.
fn copy_shop(conn: &Connection, folder: &Path) {
    let tables: Vec<(String, String)> = {
        let till = reader(folder);
        let mut all = till
            .prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'product_name%' ORDER BY rowid")
            .unwrap();
        all.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect()
    };
    for (_, sql) in &tables {
        conn.execute_batch(sql).unwrap();
    }
    conn.execute(
        "ATTACH ?1 AS till",
        [folder.join("till.db").to_str().unwrap()],
    )
    .unwrap();
    for table in ["product", "product_code", "journal"] {
        conn.execute_batch(&format!("INSERT INTO {table} SELECT * FROM till.{table}"))
            .unwrap();
    }
    conn.execute_batch("DETACH till").unwrap();
}

fn rows(conn: &Connection, sql: &str, of: impl rusqlite::ToSql) -> Vec<Row> {
    let mut statement = conn.prepare_cached(sql).unwrap();
    let columns = statement.column_count();
    statement
        .query_map([of], |r| (0..columns).map(|c| r.get(c)).collect())
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

/// Every row that the newest sale left in the till's file.
struct LeftBehind {
    journal: Vec<Row>,
    /// Table by table, in the order they were written.
    others: [(&'static str, Vec<Row>); 6],
    /// Product and thousandths.
    stock: Vec<(Value, Value)>,
}

impl LeftBehind {
    fn read(till: &Connection, journal_before: i64) -> Self {
        let of_sale = |table: &str| {
            let sql = format!(
                "SELECT * FROM {table} WHERE sale =
                 (SELECT id FROM sale ORDER BY receipt_number DESC LIMIT ?1)"
            );
            rows(till, &sql, 1)
        };
        let charges = of_sale("charge");
        let of_charge = |sql: &str| rows(till, sql, charges[0][0].clone());
        let lines = of_sale("sale_line");
        Self {
            journal: rows(
                till,
                "SELECT * FROM journal WHERE seq > ?1 ORDER BY seq",
                journal_before,
            ),
            stock: lines.iter().map(|l| (l[3].clone(), l[4].clone())).collect(),
            others: [
                ("outbox", of_charge("SELECT * FROM outbox WHERE id = ?1")),
                (
                    "outbox_history",
                    of_charge("SELECT * FROM outbox_history WHERE outbox = ?1"),
                ),
                (
                    "sale",
                    rows(
                        till,
                        "SELECT * FROM sale ORDER BY receipt_number DESC LIMIT ?1",
                        1,
                    ),
                ),
                ("sale_line", lines),
                ("tender", of_sale("tender")),
                ("charge", charges),
            ],
        }
    }

    fn count(&self) -> usize {
        let others: usize = self.others.iter().map(|(_, rows)| rows.len()).sum();
        self.journal.len() + self.stock.len() + others
    }
}

/// The statements of a sale, prepared before the first.
struct Bare<'c> {
    begin: Statement<'c>,
    commit: Statement<'c>,
    journal: Statement<'c>,
    others: Vec<(&'static str, Statement<'c>)>,
    stock: Statement<'c>,
    open_sale: Statement<'c>,
    by_code: Statement<'c>,
}

fn insert<'c>(conn: &'c Connection, table: &str) -> Statement<'c> {
    let columns = conn
        .prepare(&format!("SELECT * FROM {table}"))
        .unwrap()
        .column_count();
    let marks = vec!["?"; columns].join(", ");
    conn.prepare(&format!("INSERT INTO {table} VALUES ({marks})"))
        .unwrap()
}

const BY_CODE: &str = "SELECT p.id, p.sku, p.name, p.category, p.unit_price, p.unit, p.tax,
     p.deposit, p.stock_milli - ifnull((SELECT m.milli FROM stock_moved m WHERE m.product = p.id), 0)
     FROM product_code c JOIN product p ON p.id = c.product WHERE c.code = ?1";

impl<'c> Bare<'c> {
    fn new(conn: &'c Connection) -> Self {
        let prepare = |sql: &str| conn.prepare(sql).unwrap();
        Self {
            begin: prepare("BEGIN IMMEDIATE"),
            commit: prepare("COMMIT"),
            journal: insert(conn, "journal"),
            others: [
                "outbox",
                "outbox_history",
                "sale",
                "sale_line",
                "tender",
                "charge",
            ]
            .map(|table| (table, insert(conn, table)))
            .into(),
            stock: prepare(
                "INSERT INTO stock_moved (product, milli) VALUES (?1, ?2)
                 ON CONFLICT (product) DO UPDATE SET milli = milli + excluded.milli",
            ),
            open_sale: prepare(
                "INSERT INTO open_sale VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (id) DO UPDATE SET changed_at = excluded.changed_at,
                     body = excluded.body",
            ),
            by_code: prepare(BY_CODE),
        }
    }

    /// The rows of a sale in one transaction, the hashes of the journal made anew.
    #[inline(never)] // A profiler finds it by its name.
    fn sale(&mut self, sale: &LeftBehind) {
        self.begin.execute([]).unwrap();
        for entry in &sale.journal {
            let hash = chain_hash(entry);
            let stored = entry[..8]
                .iter()
                .cloned()
                .chain([Value::Blob(hash.to_vec())]);
            self.journal.execute(params_from_iter(stored)).unwrap();
        }
        for ((table, rows), (same, statement)) in sale.others.iter().zip(&mut self.others) {
            assert_eq!(table, same);
            for row in rows {
                statement.execute(params_from_iter(row)).unwrap();
            }
        }
        for (product, milli) in &sale.stock {
            self.stock.execute((product, milli)).unwrap();
        }
        self.commit.execute([]).unwrap();
    }

    /// The sale being rung up, after a change.
    fn save_open_sale(&mut self, row: &Row) {
        self.begin.execute([]).unwrap();
        self.open_sale.execute(params_from_iter(row)).unwrap();
        self.commit.execute([]).unwrap();
    }

    /// The product behind a code, every column read.
    fn product(&mut self, code: &str) -> usize {
        look_up(&mut self.by_code, code)
    }
}

fn look_up(statement: &mut Statement<'_>, code: &str) -> usize {
    statement
        .query_row([code], |r| {
            let id: [u8; 16] = r.get(0)?;
            let mut read = id.len();
            for column in 1..7 {
                read += r.get::<_, String>(column)?.len();
            }
            let _: Option<String> = r.get(7)?;
            let _: i64 = r.get(8)?;
            Ok(read)
        })
        .unwrap()
}

fn bytes(row: &Row, column: usize) -> &[u8] {
    match &row[column] {
        Value::Text(text) => text.as_bytes(),
        Value::Blob(bytes) => bytes,
        Value::Null | Value::Integer(_) | Value::Real(_) => panic!("column {column}"),
    }
}

/// As the till computes it: the entry before, the numbers, and the texts.
fn chain_hash(entry: &Row) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(bytes(entry, 7));
    for column in [0, 1, 2, 3, 5] {
        let Value::Integer(number) = entry[column] else {
            panic!("column {column}");
        };
        hash.update(number.to_be_bytes());
    }
    for text in [bytes(entry, 4), bytes(entry, 6)] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}

// ---- a sale ----

#[derive(Default)]
struct Sales {
    complete: Times,
    bare: Times,
    journey: Times,
    scan: Times,
    bare_scan: Times,
    bare_look_up: Times,
    /// Rows of the last sale, and bytes of its journal entries.
    rows: usize,
    body: usize,
}

/// What the process does, told to a tracer by where it is: a system call that
/// nothing else in here makes.
fn mark(marked: bool, place: &str) {
    if marked {
        std::env::set_current_dir(place).unwrap();
    }
}
const JOURNEY: &str = "/proc";
const COMPLETE: &str = "/sys";
const BARE: &str = "/dev";
const NOTHING: &str = "/";

/// A shop that lets any number of cards wait, with its line down.
fn shop_offline(seed: u64) -> World {
    let mut world = World::from_seed(seed);
    let limits = r#"
        [offline]
        per_tender = "999999.99"
        per_customer = "999999.99"
        on_till = "999999.99"
        oldest_hours = 720
    "#;
    world
        .till()
        .set_settings(world.manager(), "limits", limits)
        .unwrap();
    world.open_shift("150.00");
    world.online(false);
    world
}

/// EAN-13s of goods sold by the piece, without a deposit.
fn codes(till: &Connection) -> Vec<String> {
    let mut all = till
        .prepare(
            "SELECT min(c.code) FROM product_code c JOIN product p ON p.id = c.product
             WHERE p.unit = 'each' AND p.deposit IS NULL AND length(c.code) = 13
             GROUP BY p.id ORDER BY p.sku",
        )
        .unwrap();
    all.query_map([], |r| r.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

fn measure_sales(rounds: usize, marked: bool) -> Sales {
    let world = shop_offline(1);
    let (till, cashier) = (world.till(), world.cashier());
    let beside = tempfile::tempdir().unwrap();
    let conn = bare(&beside.path().join("bare.db"));
    let file = reader(&world.folder());
    copy_shop(&conn, &world.folder());
    // Both begin with an empty log.
    let checkpoint = || {
        till.idle();
        conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
            .unwrap();
    };
    checkpoint();
    let mut bare = Bare::new(&conn);
    let codes = codes(&file);
    let customer = till.customers("Ana Ortega").unwrap().remove(0).id;
    let head = || {
        file.query_row("SELECT max(seq) FROM journal", [], |r| r.get(0))
            .unwrap()
    };

    let mut done = Sales::default();
    for round in 0..rounds {
        let journal_before: i64 = head();
        let mut journey = Times::default();
        mark(marked, JOURNEY);
        for at in 0..LINES {
            let code = &codes[(round * LINES + at) % codes.len()];
            done.scan.take(|| till.scan(cashier, code)).unwrap();
            journey.0.push(*done.scan.0.last().unwrap());
            mark(marked, NOTHING);
            let open = rows(&file, "SELECT * FROM open_sale WHERE state = ?1", "open").remove(0);
            done.bare_look_up.take(|| bare.product(code));
            done.bare_scan.take(|| {
                bare.product(code);
                bare.save_open_sale(&open);
            });
            mark(marked, JOURNEY);
        }
        journey
            .take(|| till.set_customer(cashier, Some(&customer)))
            .unwrap();
        journey.take(|| till.tender_cash(cashier, "2.00")).unwrap();
        let sale = journey
            .take(|| till.tender_card(cashier, TenderKindView::SavedCard, None, None))
            .unwrap();
        assert_eq!((sale.lines.len(), sale.tenders.len()), (LINES, 2));
        mark(marked, COMPLETE);
        done.complete.take(|| till.complete(cashier)).unwrap();
        mark(marked, NOTHING);
        journey.0.push(*done.complete.0.last().unwrap());
        done.journey.0.push(journey.0.iter().sum());

        let left = LeftBehind::read(&file, journal_before);
        mark(marked, BARE);
        done.bare.take(|| bare.sale(&left));
        mark(marked, NOTHING);
        for entry in &left.journal {
            assert_eq!(
                entry[8],
                Value::Blob(chain_hash(entry).to_vec()),
                "not the till's hash"
            );
        }
        conn.execute("DELETE FROM open_sale", []).unwrap();
        done.rows = left.count();
        done.body = left.journal.iter().map(|e| bytes(e, 6).len()).sum();
        world.clock.advance_ms(60_000);
        if round % IDLE_EVERY == IDLE_EVERY - 1 {
            checkpoint();
        }
    }
    till.journal_verify().unwrap();
    done
}

fn print_sales(sales: &Sales) {
    let rounds = sales.complete.0.len();
    heading(
        &format!("Sale of {LINES} lines, cash and a queued card, {rounds} rounds"),
        "ms",
    );
    row(
        "till: complete, with the receipt laid out",
        &sales.complete,
        MS,
    );
    let what = format!(
        "bare SQLite: its {} rows, {} B of journal",
        sales.rows, sales.body
    );
    row(&what, &sales.bare, MS);
    ratio("ratio", &sales.complete, &sales.bare, "aim 1.5");
    println!(
        "  {:<56}{:>10.2}{:>10}  aim 5",
        "till: its p99 over its own p50",
        sales.complete.at(990) / sales.complete.at(500),
        ""
    );
    row("till: whole journey, 9 commands", &sales.journey, MS);

    heading(
        &format!("Scan to line, on disk, {} scans", sales.scan.0.len()),
        "ms",
    );
    row("till: scan", &sales.scan, MS);
    row(
        "bare SQLite: look-up, and the open sale's row",
        &sales.bare_scan,
        MS,
    );
    ratio("ratio", &sales.scan, &sales.bare_scan, "");
    row("bare SQLite: look-up alone", &sales.bare_look_up, MS);
}

// ---- flushes ----

fn print_flushes() {
    println!("\nFlushes (fsync and fdatasync)");
    let log = tempfile::NamedTempFile::new().unwrap();
    let traced = Command::new("strace")
        .args(["-f", "-e", "trace=fsync,fdatasync,chdir", "-o"])
        .arg(log.path())
        .arg(std::env::current_exe().unwrap())
        .arg("--marked")
        .status();
    match traced {
        Ok(status) if status.success() => {}
        Ok(status) => return println!("  strace ended with {status}: flushes not counted"),
        Err(_) => return println!("  strace not installed: flushes not counted"),
    }
    let (mut journey, mut complete, mut bare, mut other) = (0_u32, 0_u32, 0_u32, 0_u32);
    let mut place = String::new();
    for line in std::fs::read_to_string(log.path()).unwrap().lines() {
        if let Some((_, rest)) = line.split_once("chdir(\"") {
            place = rest.split('"').next().unwrap_or_default().to_owned();
        } else if line.contains("sync(") {
            match place.as_str() {
                JOURNEY => journey += 1,
                COMPLETE => complete += 1,
                BARE => bare += 1,
                _ => other += 1,
            }
        }
    }
    let each = |n: u32| f64::from(n) / FLUSH_ROUNDS as f64;
    println!(
        "  {:<56}{:>10.2}{:>10}  aim 1",
        "till: complete",
        each(complete),
        ""
    );
    println!("  {:<56}{:>10.2}", "bare SQLite", each(bare));
    println!(
        "  {:<56}{:>10.2}",
        "till: whole journey",
        each(journey + complete)
    );
    assert!(other > 0, "setting up a shop is flushed too");
}

// ---- a scan, in the core ----

fn large_catalogue(folder: &Path) {
    let mut store = Store::open(folder).unwrap();
    store
        .write(|tx| {
            for n in 0..LARGE {
                tx.add_product(&ProductImport {
                    product: Product {
                        id: ProductId(Uuid::from_u64_pair(
                            0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(n),
                            n,
                        )),
                        sku: format!("{n:06}"),
                        name: format!("Halfvolle melk {n}"),
                        category: format!("Category {}", n % 12),
                        unit_price: "1.25".parse().unwrap(),
                        unit: Unit::Each,
                        tax: String::new(),
                        taxes: Vec::new(),
                        deposit: None,
                    },
                    codes: vec![large_code(n)],
                    stock: 10.into(),
                    favourite: None,
                })?;
            }
            Ok::<_, StoreError>(())
        })
        .unwrap();
}

fn large_code(n: u64) -> String {
    format!("{}", 8_710_000_000_000_u64 + n * 13)
}

/// The till's own look-up in a store beside the bare statement.
fn look_ups(folder: &Path, codes: &[String]) -> (Times, Times) {
    let (mut ours, mut theirs) = (Times::default(), Times::default());
    let mut store = Store::open(folder).unwrap();
    let conn = reader(folder);
    let mut bare = conn.prepare(BY_CODE).unwrap();
    // Out of order, as customers take things to the counter.
    for n in 0..5_000_usize {
        let code = &codes[n.wrapping_mul(7_919) % codes.len()];
        ours.take(|| store.read(|tx| tx.product_by_code(code)))
            .unwrap()
            .unwrap();
        theirs.take(|| look_up(&mut bare, code));
    }
    (ours, theirs)
}

fn print_lookups() {
    heading("Barcode to product, in the core, 5,000 look-ups", "us");
    let mut world = shop_offline(2);
    world.till = None;
    let sample = codes(&reader(&world.folder()));
    let large = tempfile::tempdir().unwrap();
    large_catalogue(large.path());
    let many: Vec<String> = (0..LARGE).map(large_code).collect();
    for (size, folder, codes) in [
        ("sample shop", world.folder(), &sample),
        ("100,000", large.path().to_owned(), &many),
    ] {
        let (ours, theirs) = look_ups(&folder, codes);
        row(&format!("till, {size}"), &ours, US);
        row(&format!("bare SQLite, {size}"), &theirs, US);
        ratio("ratio", &ours, &theirs, "aim 3");
    }
}

// ---- promotions ----

/// A basket of a grocery: one to three pieces of a product a line, every tenth
/// line weighed.
fn grocery(lines: usize) -> Vec<(String, String, Decimal, Decimal)> {
    (0..lines)
        .map(|n| {
            let cents = 49 + n as i64 * 37 % 900;
            let quantity = if n % 10 == 9 {
                Decimal::new(412 + n as i64, 3)
            } else {
                Decimal::from(1 + n % 3)
            };
            let price = Decimal::new(cents, 2);
            (product(n), format!("Category {}", n % 8), price, quantity)
        })
        .collect()
}

fn product(n: usize) -> String {
    format!("{n:06}")
}

fn goods(first: usize, of: usize, products: usize) -> Goods {
    Goods {
        products: (0..of).map(|n| product((first + n) % products)).collect(),
        ..Goods::default()
    }
}

/// One promotion over some of `products` from `first` on, of every kind in turn.
fn offer(n: usize, first: usize, products: usize) -> Promotion {
    let goods = |of| goods(first, of, products);
    let set = |skip, count| Set {
        goods: self::goods(first + skip, 2, products),
        count,
        percent_off: None,
    };
    let step = |from: u32, percent: u32| Break {
        from: from.into(),
        off: Off::PercentOff(percent.into()),
    };
    let buy_get = |buy, get, percent: u32| Kind::BuyGet {
        buy,
        get,
        percent_off: percent.into(),
    };
    let (kind, goods) = match n % 6 {
        0 => (
            Kind::Each(Off::PercentOff((5 + n as u32 % 20).into())),
            goods(4),
        ),
        1 => (buy_get(2, 1, 100), goods(3)),
        2 => (buy_get(1, 1, 50), goods(2)),
        3 => (
            Kind::Bundle {
                count: 4,
                sum: Decimal::new(500 + n as i64 % 300, 2),
            },
            goods(5),
        ),
        4 => (Kind::Breaks(vec![step(3, 5), step(6, 10)]), goods(2)),
        _ => (
            Kind::Sets {
                sets: vec![set(0, 1), set(2, 1)],
                sum: Some(Decimal::new(399, 2)),
            },
            Goods::default(),
        ),
    };
    Promotion {
        id: format!("{n:06}"),
        name: format!("Promotion {n}"),
        kind,
        goods,
        when: When::default(),
        groups: Vec::new(),
        coupon: None,
        limit: None,
    }
}

/// So many promotions, of which `touching` name products of the basket.
fn book(size: usize, touching: usize, lines: usize) -> PromotionBook {
    let offers = (0..size).map(|n| {
        if n < touching {
            offer(n, n * 7, lines)
        } else {
            // On shelves where this customer took nothing.
            let mut other = offer(n, 0, 1);
            let away = |goods: &mut Goods| {
                for (k, name) in goods.products.iter_mut().enumerate() {
                    *name = product(100_000 + n * 5 + k);
                }
            };
            away(&mut other.goods);
            if let Kind::Sets { sets, .. } = &mut other.kind {
                sets.iter_mut().for_each(|set| away(&mut set.goods));
            }
            other
        }
    });
    PromotionBook::new(offers.collect()).unwrap()
}

/// Promotions and quote of a basket, as a scan makes them.
fn priced(book: &PromotionBook, basket: &[(String, String, Decimal, Decimal)]) -> (Money, Money) {
    let items: Vec<Item<'_>> = basket
        .iter()
        .map(|(product, category, unit_price, quantity)| Item {
            product,
            sku: "",
            category,
            unit_price: *unit_price,
            quantity: *quantity,
            pieces: true,
            takes_part: true,
        })
        .collect();
    let shopper = Shopper {
        at: jiff::civil::date(2026, 11, 20).at(18, 0, 0, 0),
        groups: &["members".to_owned()],
        coupons: &[],
    };
    let promotions = book.apply(Currency::EUR, &items, &shopper).unwrap();
    let vat = |rate: u32| Tax {
        code: "vat".into(),
        kind: TaxKind::Percent(rate.into()),
        price_included: true,
        in_base_of_next: false,
        base_affected_by_previous: true,
    };
    let lines = items
        .iter()
        .zip(promotions)
        .enumerate()
        .map(|(n, (item, promotions))| {
            let taxes = vec![vat(if n % 4 == 0 { 21 } else { 9 })];
            BasketLine {
                promotions,
                ..BasketLine::new(item.unit_price, item.quantity, taxes)
            }
        })
        .collect();
    let quote = quote(&Basket {
        currency: Currency::EUR,
        tax_rounding: TaxRounding::PerLine,
        tax_rounding_mode: RoundingMode::default(),
        cash_rounding: None,
        lines,
        discounts: Vec::new(),
        tenders: Vec::new(),
    })
    .unwrap();
    let off = Money::sum(quote.lines.iter().map(|l| l.discount), Currency::EUR).unwrap();
    (quote.total, off)
}

fn print_promotions() {
    heading("Promotions and quote of a basket", "us");
    for (lines, size, touching, rounds) in [
        (50, 0, 0, 2_000),
        (50, 60, 60, 2_000),
        (50, 2_000, 60, 2_000),
        (50, 20_000, 60, 2_000),
        (10, 2_000, 12, 2_000),
        (100, 2_000, 120, 2_000),
        (200, 2_000, 240, 1_000),
        (50, 2_000, 2_000, 200),
    ] {
        let book = book(size, touching, lines);
        let basket = grocery(lines);
        let mut times = Times::default();
        let mut off = Money::zero(Currency::EUR);
        for _ in 0..rounds {
            (_, off) = times.take(|| priced(&book, &basket));
        }
        assert_eq!(off.is_positive(), touching > 0);
        let what = format!("{lines} lines, {size} promotions, {touching} touch ({off} off)");
        row(&what, &times, US);
    }
    println!("  aim: 50 lines with 2,000 promotions under 1,000 at p99");
}

// ---- a Z report ----

fn print_report(sales: usize) {
    let mut world = World::from_seed(3);
    world.open_shift("0.00");
    let codes = codes(&reader(&world.folder()));
    let made = Instant::now();
    let mut drawer = 0;
    for n in 0..sales {
        let (till, cashier) = (world.till(), world.cashier());
        till.scan(cashier, &codes[n % codes.len()]).unwrap();
        till.tender_cash(cashier, "50.00").unwrap();
        let (done, _) = till.complete(cashier).unwrap();
        drawer += 5_000 - done.change.minor;
        world.clock.advance_ms(3_500);
        if n % 500 == 499 {
            till.idle();
        }
    }
    let made = made.elapsed();
    let section = |what: &str, time: Duration, more: &str| {
        println!("  {what:<56}{:>10.3}  {more}", time.as_secs_f64());
    };
    println!(
        "\n{:<58}{:>10}",
        format!("Z report over {sales} sales"),
        "s"
    );

    let start = Instant::now();
    world.till = None;
    world.start();
    section(
        "start of the core on the open shift, its chain verified",
        start.elapsed(),
        "",
    );

    let (till, cashier) = (world.till(), world.cashier());
    let start = Instant::now();
    till.journal_verify().unwrap();
    let verify = start.elapsed();
    let start = Instant::now();
    till.report_x(cashier).unwrap();
    let fold = start.elapsed();
    // The smallest piece there is, so that any sum can be counted.
    let pieces = [CountInput {
        denomination_minor: 5,
        pieces: u32::try_from(drawer / 5).unwrap(),
    }];
    till.count(cashier, &pieces, &[]).unwrap();
    let start = Instant::now();
    let (z, _) = till.close(world.manager(), "", None, None).unwrap();
    let close = start.elapsed();
    assert_eq!(z.verdict, "Books agree.");
    assert_eq!(z.sales, i64::try_from(sales).unwrap());
    let number = z.number.unwrap();
    let start = Instant::now();
    till.report_z(number).unwrap();
    let again = start.elapsed();
    std::fs::remove_file(z.pdf.unwrap()).unwrap();
    let start = Instant::now();
    till.report_pdf(number).unwrap();
    let pdf = start.elapsed().saturating_sub(again);

    section(
        "close: verified, folded, printed, its PDF on disk",
        close,
        "",
    );
    let share = |part: Duration| {
        format!(
            "{:.0} % of the close",
            100.0 * part.as_secs_f64() / close.as_secs_f64()
        )
    };
    section("of that: the chain verified", verify, &share(verify));
    section(
        "of that: shift read and folded for what is expected",
        fold,
        &share(fold),
    );
    section("of that: PDF", pdf, &share(pdf));
    section("the Z report read again, from the journal alone", again, "");
    section(
        "(the sales themselves, made for this, not counted)",
        made,
        "",
    );
}
