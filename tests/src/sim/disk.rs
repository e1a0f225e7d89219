//! The disk: a template that every schedule starts from, and what a power cut
//! leaves of a commit.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use argon2::password_hash::SaltString;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use rusqlite::Connection;
use till_adapters::sim::{SeededIds, SimClock};
use till_app::{Ports, Till};
use till_domain::ids::Timestamp;
use till_stand_in::TEST_KEY;

use crate::{NOON_MS, SimPrinter, SimSecrets};

/// The manager's PIN in every schedule: long, so that it is found if it is anywhere.
pub(crate) const MANAGER_PIN: &str = "864209753186";
/// The cashier's.
pub(crate) const CASHIER_PIN: &str = "975318642097";

/// A PIN as argon2id with the least work there is (8 KiB, one pass): the path is the
/// real one, and takes microseconds.
fn cheap_hash(pin: &str) -> String {
    let params = Params::new(Params::MIN_M_COST, 1, 1, None).unwrap();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password(pin.as_bytes(), &SaltString::encode_b64(&[7; 16]).unwrap())
        .unwrap()
        .to_string()
}

/// What every schedule starts from.
#[derive(Debug)]
pub(crate) struct Template {
    db: Vec<u8>,
    pub(crate) cashier: String,
    pub(crate) manager: String,
    /// Id, and sold by weight.
    pub(crate) products: Vec<(String, bool)>,
    pub(crate) customers: Vec<String>,
}

/// Products that are kept: sums from cents to over the limits, pieces and weights, a
/// deposit, an odd price.
const KEPT: [&str; 10] = [
    "Goudse kaas oud",
    "Zalmfilet met huid",
    "Halfvolle melk 1 L",
    "Roomboter ongezouten",
    "Cola 1.5 L",
    "Cola blik 330",
    "Koffiebonen espresso",
    "Krentenbollen",
    "Aluminiumfolie",
    "Boerenkaas",
];

/// The sample shop with an open shift and few products.
pub(crate) fn template() -> &'static Template {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let till = Till::open(
            folder.path(),
            Ports {
                clock: Arc::new(SimClock::new(Timestamp(NOON_MS - 3_600_000))),
                ids: Arc::new(SeededIds::from_seed(0)),
                printer: Arc::new(SimPrinter::default()),
                secrets: Arc::new(SimSecrets(Some(TEST_KEY))),
            },
        )
        .unwrap();
        till.setup_sample().unwrap();
        let users = till.users().unwrap();
        let user = |name: &str| users.iter().find(|u| u.name == name).unwrap().id.clone();
        let (cashier, manager) = (user("Inés Núñez"), user("Marta Peña"));
        let session = till.sign_in(cashier.parse().unwrap(), "1111").unwrap();
        till.shift_open(&session, "150.00").unwrap();
        let products: Vec<(String, bool)> = KEPT
            .iter()
            .filter_map(|name| till.search(name).unwrap().into_iter().next())
            .map(|p| (p.id, p.weighed))
            .collect();
        assert!(products.len() >= 8, "the sample shop has these products");
        let customers = till
            .customers("")
            .unwrap()
            .into_iter()
            .filter(|c| c.card.is_some())
            .map(|c| c.id)
            .collect();
        drop(till);
        let path = folder.path().join("till.db");
        let db = Connection::open(&path).unwrap();
        for (user, pin) in [(&cashier, CASHIER_PIN), (&manager, MANAGER_PIN)] {
            let id: till_domain::ids::Uuid = user.parse().unwrap();
            db.execute(
                "UPDATE user SET pin_hash = ?2 WHERE id = ?1",
                (id.as_bytes(), cheap_hash(pin)),
            )
            .unwrap();
        }
        let kept: Vec<String> = products
            .iter()
            .map(|(id, _)| format!("x'{}'", id.replace('-', "")))
            .collect();
        let kept = kept.join(",");
        db.execute_batch(&format!(
            "DELETE FROM product WHERE id NOT IN ({kept});
             DELETE FROM product_code WHERE product NOT IN ({kept});
             DELETE FROM product_name;
             INSERT INTO product_name (product_name) VALUES ('optimize');
             VACUUM;
             PRAGMA wal_checkpoint(TRUNCATE);"
        ))
        .unwrap();
        drop(db);
        Template {
            db: std::fs::read(&path).unwrap(),
            cashier,
            manager,
            products,
            customers,
        }
    })
}

/// The bytes on a disk at one moment.
#[derive(Debug)]
pub(crate) struct Image {
    db: Vec<u8>,
    wal: Vec<u8>,
}

/// A disk, in memory where the machine has a folder for that.
#[derive(Debug)]
pub(crate) struct Disk {
    root: tempfile::TempDir,
    starts: u32,
}

impl Disk {
    pub(crate) fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let mut builder = tempfile::Builder::new();
        builder.prefix("till-sim-");
        let root = if memory.is_dir() {
            builder.tempdir_in(memory)
        } else {
            builder.tempdir()
        };
        let disk = Self {
            root: root.unwrap(),
            starts: 0,
        };
        std::fs::create_dir(disk.folder()).unwrap();
        std::fs::write(disk.db(), &template().db).unwrap();
        disk
    }

    /// Where the till works.
    pub(crate) fn folder(&self) -> PathBuf {
        self.root.path().join(self.starts.to_string())
    }

    /// Its database.
    pub(crate) fn db(&self) -> PathBuf {
        self.folder().join("till.db")
    }

    /// What is there now.
    pub(crate) fn image(&self) -> Image {
        Image {
            db: std::fs::read(self.db()).unwrap(),
            wal: std::fs::read(self.folder().join("till.db-wal")).unwrap_or_default(),
        }
    }

    /// What was there when the power went is what the next start finds.
    pub(crate) fn power_cut(&mut self, left: &Image) {
        let before = self.folder();
        self.starts += 1;
        std::fs::create_dir(self.folder()).unwrap();
        std::fs::write(self.db(), &left.db).unwrap();
        std::fs::write(self.folder().join("till.db-wal"), &left.wal).unwrap();
        let _ = std::fs::remove_dir_all(before);
    }

    /// Every byte of the database and its log.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let image = self.image();
        [image.db, image.wal].concat()
    }
}

const SECTOR: usize = 512;
const WAL_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// SQLite's own checksum over a stretch of the log.
/// Source: "WAL-mode file format" in SQLite's documentation.
fn checksum(bytes: &[u8], little: bool, (mut a, mut b): (u32, u32)) -> (u32, u32) {
    let read = |chunk: &[u8]| {
        let word: [u8; 4] = chunk.try_into().unwrap();
        if little {
            u32::from_le_bytes(word)
        } else {
            u32::from_be_bytes(word)
        }
    };
    for pair in bytes.chunks_exact(8) {
        a = a.wrapping_add(read(&pair[..4])).wrapping_add(b);
        b = b.wrapping_add(read(&pair[4..])).wrapping_add(a);
    }
    (a, b)
}

/// Where each commit of a log ends.
fn commits(wal: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    if wal.len() < WAL_HEADER {
        return ends;
    }
    let little = word(wal, 0) & 1 == 0;
    let page = word(wal, 8) as usize;
    let mut sum = checksum(&wal[..24], little, (0, 0));
    if sum != (word(wal, 24), word(wal, 28)) {
        return ends;
    }
    let mut at = WAL_HEADER;
    while at + FRAME_HEADER + page <= wal.len() {
        let frame = &wal[at..at + FRAME_HEADER + page];
        if frame[8..16] != wal[16..24] {
            break;
        }
        sum = checksum(&frame[..8], little, sum);
        sum = checksum(&frame[FRAME_HEADER..], little, sum);
        if sum != (word(frame, 16), word(frame, 20)) {
            break;
        }
        at += FRAME_HEADER + page;
        if word(frame, 4) != 0 {
            ends.push(at);
        }
    }
    ends
}

/// What a power cut leaves that came somewhere between two moments: some of the
/// commits between them whole, and of the next one any of its sectors.
pub(crate) fn torn(before: &Image, after: &Image, seed: u64) -> Image {
    let mut random = super::Random::from_seed(seed);
    if before.wal == after.wal {
        // The log was moved into the file: any of the pages, and the log is whole.
        let mut db = after.db.clone();
        for (at, page) in before.db.chunks(4096).enumerate() {
            if random.one_in(2) {
                db[at * 4096..at * 4096 + page.len()].copy_from_slice(page);
            }
        }
        return Image {
            db,
            wal: after.wal.clone(),
        };
    }
    let same_log = before.wal.len() >= WAL_HEADER && before.wal[..24] == after.wal[..24];
    let start = if same_log {
        commits(&before.wal).last().copied().unwrap_or(WAL_HEADER)
    } else {
        0
    };
    let ends: Vec<usize> = commits(&after.wal)
        .into_iter()
        .filter(|end| *end > start)
        .collect();
    let whole = random.below(ends.len() as u64 + 1) as usize;
    let from = whole.checked_sub(1).map_or(start, |last| ends[last]);
    let to = ends.get(whole).copied().unwrap_or(from);
    let mut wal = after.wal[..from].to_vec();
    wal.extend(before.wal.get(from..).unwrap_or_default());
    // Sectors in order up to a point, or any of them.
    let sectors = (to - from).div_ceil(SECTOR) as u64;
    let in_order = random.one_in(2);
    let reached = if sectors > 0 {
        random.below(sectors)
    } else {
        0
    };
    for sector in 0..sectors {
        let written = if in_order {
            sector <= reached
        } else {
            !random.one_in(4)
        };
        if written {
            let a = from + sector as usize * SECTOR;
            let b = (a + SECTOR).min(to);
            if wal.len() < b {
                wal.resize(b, 0);
            }
            wal[a..b].copy_from_slice(&after.wal[a..b]);
        }
    }
    Image {
        db: before.db.clone(),
        wal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_commit_is_there_or_not_and_those_before_it_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("till.db");
        let db = Connection::open(&path).unwrap();
        db.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (n INTEGER);")
            .unwrap();
        let image = || Image {
            db: std::fs::read(&path).unwrap(),
            wal: std::fs::read(folder.path().join("till.db-wal")).unwrap(),
        };
        for n in 0..3 {
            db.execute("INSERT INTO t VALUES (?1)", [n]).unwrap();
        }
        let before = image();
        assert_eq!(commits(&before.wal).len(), 4);
        for n in 3..6 {
            db.execute("INSERT INTO t VALUES (?1)", [n]).unwrap();
        }
        let after = image();
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let left = torn(&before, &after, seed);
            let copy = folder.path().join("copy.db");
            std::fs::write(&copy, &left.db).unwrap();
            std::fs::write(folder.path().join("copy.db-wal"), &left.wal).unwrap();
            let _ = std::fs::remove_file(folder.path().join("copy.db-shm"));
            let db = Connection::open(&copy).unwrap();
            let rows: i64 = db
                .query_row("SELECT count(*) FROM t", [], |r| r.get(0))
                .unwrap();
            seen.insert(rows);
            drop(db);
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [3, 4, 5, 6]);
    }
}
