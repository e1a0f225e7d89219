//! The journal: append, read, verify.

use rusqlite::OptionalExtension;
use sha2::{Digest, Sha256};
use till_domain::ids::{ShiftNumber, Timestamp};
use till_domain::journal::{Entry, JournalEvent, VERSION};

use crate::error::{Result, StoreError};
use crate::{Tx, projection};

/// The end of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainHead {
    /// Last entry; 0 before the first.
    pub seq: i64,
    /// Its hash; zeroes before the first.
    pub hash: [u8; 32],
}

impl ChainHead {
    /// Before the first entry.
    pub const GENESIS: Self = Self {
        seq: 0,
        hash: [0; 32],
    };

    /// The first bytes of the hash, as printed on a Z report: `5C0E-77B1-D24A`.
    #[must_use]
    pub fn short(&self) -> String {
        let [a, b, c, d, e, f, ..] = self.hash;
        format!("{a:02X}{b:02X}-{c:02X}{d:02X}-{e:02X}{f:02X}")
    }
}

/// A journal entry as stored and as exported: one JSON object a line, enough to
/// verify the chain from the export alone.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalLine {
    /// Place in the chain.
    pub seq: i64,
    /// Times the journal was continued from a copy.
    pub epoch: i64,
    /// Milliseconds since the Unix epoch.
    pub at: i64,
    /// Shift.
    pub shift: i64,
    /// Word of the event.
    pub kind: String,
    /// Version of the stored shape.
    pub version: u32,
    /// The event's bytes, as text: the very text that is hashed.
    pub body: String,
    /// Hash of the entry before, hexadecimal.
    pub prev_hash: String,
    /// Hash of this entry, hexadecimal.
    pub hash: String,
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, b| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{b:02x}");
        text
    })
}

impl JournalLine {
    /// SHA-256 over the entry before and every stored field of this one, each
    /// number as eight big-endian bytes and each text after its length.
    fn compute(&self, prev: &[u8; 32]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(prev);
        for number in [
            self.seq,
            self.epoch,
            self.at,
            self.shift,
            i64::from(self.version),
        ] {
            hash.update(number.to_be_bytes());
        }
        for text in [&self.kind, &self.body] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        }
        hash.finalize().into()
    }

    /// The event.
    ///
    /// # Errors
    /// [`StoreError::Broken`] where the bytes are of no known shape.
    pub fn event(&self) -> Result<JournalEvent> {
        if self.version != VERSION {
            return Err(StoreError::Broken {
                seq: self.seq,
                what: "its version is not known",
            });
        }
        serde_json::from_str(&self.body).map_err(|_| StoreError::Broken {
            seq: self.seq,
            what: "its bytes are of no known shape",
        })
    }

    fn entry(&self) -> Result<Entry> {
        Ok(Entry {
            seq: self.seq,
            at: Timestamp(self.at),
            shift: ShiftNumber(self.shift),
            event: self.event()?,
        })
    }

    /// Checks this entry against the one before.
    ///
    /// # Errors
    /// [`StoreError::Broken`], saying in what way.
    pub fn follows(&self, head: &ChainHead) -> Result<ChainHead> {
        let broken = |what| StoreError::Broken {
            seq: self.seq,
            what,
        };
        if self.seq != head.seq + 1 {
            return Err(broken("an entry is missing before it"));
        }
        if self.prev_hash != hex(&head.hash) {
            return Err(broken("it does not follow the entry before it"));
        }
        let hash = self.compute(&head.hash);
        if self.hash != hex(&hash) {
            return Err(broken("it is not what was written"));
        }
        if self.event()?.kind() != self.kind {
            return Err(broken("its kind is not the one of its bytes"));
        }
        Ok(ChainHead {
            seq: self.seq,
            hash,
        })
    }
}

/// Verifies exported lines alone, from the first entry.
///
/// # Errors
/// [`StoreError::Broken`] for the first entry that does not verify.
pub fn verify_lines(lines: impl IntoIterator<Item = JournalLine>) -> Result<ChainHead> {
    lines
        .into_iter()
        .try_fold(ChainHead::GENESIS, |head, line| line.follows(&head))
}

fn line(row: &rusqlite::Row<'_>) -> rusqlite::Result<JournalLine> {
    let body: Vec<u8> = row.get(6)?;
    let prev: Vec<u8> = row.get(7)?;
    let hash: Vec<u8> = row.get(8)?;
    Ok(JournalLine {
        seq: row.get(0)?,
        epoch: row.get(1)?,
        at: row.get(2)?,
        shift: row.get(3)?,
        kind: row.get(4)?,
        version: row.get(5)?,
        body: String::from_utf8_lossy(&body).into_owned(),
        prev_hash: hex(&prev),
        hash: hex(&hash),
    })
}

const COLUMNS: &str = "seq, epoch, at, shift, kind, version, body, prev_hash, hash";

impl Tx<'_> {
    /// Appends an event and brings the projections up to it.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction is then of no use.
    pub fn append(&self, event: JournalEvent, at: Timestamp) -> Result<Entry> {
        let head = self.chain_head()?;
        let shift = self.current_shift()?;
        let body =
            serde_json::to_string(&event).map_err(|_| StoreError::Corrupt { what: "event" })?;
        let new = JournalLine {
            seq: head.seq + 1,
            epoch: 1,
            at: at.0,
            shift: shift.0,
            kind: event.kind().to_owned(),
            version: VERSION,
            body,
            prev_hash: String::new(),
            hash: String::new(),
        };
        let hash = new.compute(&head.hash);
        self.conn
            .prepare_cached(
                "INSERT INTO journal (seq, epoch, at, shift, kind, version, body, prev_hash, hash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute((
                new.seq,
                new.epoch,
                new.at,
                new.shift,
                &new.kind,
                new.version,
                new.body.as_bytes(),
                head.hash.as_slice(),
                hash.as_slice(),
            ))?;
        let entry = Entry {
            seq: new.seq,
            at,
            shift,
            event,
        };
        projection::apply(self, &entry)?;
        Ok(entry)
    }

    /// The end of the chain.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn chain_head(&self) -> Result<ChainHead> {
        Ok(self
            .conn
            .prepare_cached("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1")?
            .query_row([], |r| {
                Ok(ChainHead {
                    seq: r.get(0)?,
                    hash: r.get(1)?,
                })
            })
            .optional()?
            .unwrap_or(ChainHead::GENESIS))
    }

    /// Calls `each` with every line from the first, in order.
    ///
    /// # Errors
    /// [`StoreError`], or what `each` gives.
    pub fn journal_lines(&self, mut each: impl FnMut(JournalLine) -> Result<()>) -> Result<()> {
        let mut statement = self
            .conn
            .prepare(&format!("SELECT {COLUMNS} FROM journal ORDER BY seq"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            each(line(row)?)?;
        }
        Ok(())
    }

    /// Verifies the whole chain; gives its end.
    ///
    /// # Errors
    /// [`StoreError::Broken`] for the first entry that does not verify.
    pub fn verify_chain(&self) -> Result<ChainHead> {
        let mut head = ChainHead::GENESIS;
        self.journal_lines(|line| {
            head = line.follows(&head)?;
            Ok(())
        })?;
        Ok(head)
    }

    /// Verifies the chain from the last closed shift on: what a start checks.
    ///
    /// # Errors
    /// [`StoreError::Broken`].
    pub fn verify_recent(&self) -> Result<ChainHead> {
        let from: i64 =
            self.conn
                .query_row("SELECT ifnull(max(closed_seq), 0) FROM shift", [], |r| {
                    r.get(0)
                })?;
        let mut statement = self.conn.prepare(&format!(
            "SELECT {COLUMNS} FROM journal WHERE seq >= ?1 ORDER BY seq"
        ))?;
        let mut rows = statement.query([from])?;
        let mut head = ChainHead::GENESIS;
        while let Some(row) = rows.next()? {
            let line = line(row)?;
            if from > 0 && line.seq == from {
                head = ChainHead {
                    seq: from,
                    hash: row.get(8)?,
                };
            } else {
                head = line.follows(&head)?;
            }
        }
        Ok(head)
    }

    /// The entry at `seq`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn entry(&self, seq: i64) -> Result<Entry> {
        self.conn
            .prepare_cached(&format!("SELECT {COLUMNS} FROM journal WHERE seq = ?1"))?
            .query_row([seq], line)?
            .entry()
    }

    /// The entries of a shift, in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn entries_of_shift(&self, shift: ShiftNumber) -> Result<Vec<Entry>> {
        let mut statement = self.conn.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM journal WHERE shift = ?1 ORDER BY seq"
        ))?;
        let mut rows = statement.query([shift.0])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            entries.push(line(row)?.entry()?);
        }
        Ok(entries)
    }

    /// All entries after `seq`, in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn entries_after(&self, seq: i64) -> Result<Vec<Entry>> {
        let mut statement = self.conn.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM journal WHERE seq > ?1 ORDER BY seq"
        ))?;
        let mut rows = statement.query([seq])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            entries.push(line(row)?.entry()?);
        }
        Ok(entries)
    }
}
