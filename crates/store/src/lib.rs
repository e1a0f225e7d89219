//! The SQLite file of a till: the only crate that knows SQL.
//!
//! Invariants:
//! - one process writes a folder, and one connection writes the file;
//! - every write is one IMMEDIATE transaction at full durability;
//! - the projections are written by [`Tx::append`] alone, in the transaction of
//!   the journal entry they follow from.
#![warn(missing_docs)]

mod cards;
mod cases;
mod catalog;
mod error;
mod journal;
mod migrate;
mod open_sale;
mod outbox;
mod people;
mod projection;
mod promotion;
mod reads;

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, TransactionBehavior};

pub use cards::CardTaskRow;
pub use cases::{CaseKind, CaseRow};
pub use catalog::{ProductImport, StockedProduct};
pub use error::{Result, StoreError};
pub use journal::{ChainHead, JournalLine, verify_lines};
pub use open_sale::{OpenState, StoredOpenSale};
pub use outbox::{HistoryRow, OutboxRow, StoredRequest, Subject};
pub use people::{UserRow, UserSecrets};
pub use projection::Rebuilt;
pub use reads::{ChargeRow, PartRow, RefundRow, SaleRow, ShiftRow, SoldRow};

/// The shop's file, and the lock on its folder.
#[derive(Debug)]
pub struct Store {
    conn: Connection,
    path: PathBuf,
    /// Held until the store is dropped.
    _lock: File,
}

/// A transaction: every query is a method of it.
#[derive(Debug)]
pub struct Tx<'c> {
    pub(crate) conn: &'c Connection,
}

impl Store {
    /// Opens, or makes, `till.db` in `folder`.
    ///
    /// # Errors
    /// [`StoreError`]; the file is not changed by a refusal.
    pub fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(StoreError::Folder)?;
        let lock = private(&folder.join("till.lock")).map_err(StoreError::Folder)?;
        if lock.try_lock().is_err() {
            return Err(StoreError::InUse);
        }
        let path = folder.join("till.db");
        private(&path).map_err(StoreError::Folder)?;
        let mut conn = Connection::open(&path)?;
        conn.busy_timeout(std::time::Duration::from_secs(2))?;
        // The first read of the file: what is no database is found out here,
        // before a pragma could write to it.
        let _: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))?;
        conn.pragma_update(None, "journal_mode", "WAL")?;
        // Under NORMAL a commit the customer has walked away with can vanish in
        // a power cut.
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.pragma_update(None, "foreign_keys", "ON")?;
        // Without it INSERT OR REPLACE deletes a journal row past its trigger.
        conn.pragma_update(None, "recursive_triggers", "ON")?;
        conn.pragma_update(None, "temp_store", "MEMORY")?;
        // A checkpoint is work for an idle moment, not for the sale that happens
        // to fill the page count; see `checkpoint`.
        conn.pragma_update(None, "wal_autocheckpoint", 20_000)?;
        conn.set_prepared_statement_cache_capacity(128);
        let copy = path.with_extension("before-migration.db");
        migrate::migrate(&mut conn, |conn| {
            private(&copy).map_err(StoreError::Folder)?;
            conn.backup("main", &copy, None::<fn(rusqlite::backup::Progress)>)
                .map_err(Into::into)
        })?;
        Ok(Self {
            conn,
            path,
            _lock: lock,
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` in one transaction that is on disk when this returns.
    ///
    /// # Errors
    /// What `work` gives, or what the commit gives: then nothing was written.
    pub fn write<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&Tx<'_>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let tx = self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StoreError::from)?;
        let done = work(&Tx { conn: &tx })?;
        tx.commit().map_err(StoreError::from)?;
        Ok(done)
    }

    /// Runs `work` on one consistent state, and writes nothing.
    ///
    /// # Errors
    /// What `work` gives.
    pub fn read<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&Tx<'_>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let tx = self.conn.transaction().map_err(StoreError::from)?;
        work(&Tx { conn: &tx })
    }

    /// Moves the write-ahead log into the file. For an idle moment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn checkpoint(&mut self) -> Result<()> {
        self.conn
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
            .map_err(Into::into)
    }

    /// Lets the file grow by no more than `pages`: a full disk, for a test.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn limit_growth(&mut self, pages: u32) -> Result<()> {
        let now: u32 = self
            .conn
            .pragma_query_value(None, "page_count", |r| r.get(0))?;
        self.conn
            .query_row(
                &format!("PRAGMA max_page_count = {}", now.saturating_add(pages)),
                [],
                |_| Ok(()),
            )
            .map_err(Into::into)
    }
}

/// Opens, or makes, a file that the other users of the machine cannot read: it
/// names customers and staff. SQLite gives `-wal` and `-shm` the same mode.
fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Sixteen bytes of a UUID, and back.
pub(crate) mod blob {
    use rusqlite::Row;
    use uuid::Uuid;

    pub(crate) fn get(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
        row.get::<_, [u8; 16]>(column).map(Uuid::from_bytes)
    }

    pub(crate) fn get_opt(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Uuid>> {
        Ok(row
            .get::<_, Option<[u8; 16]>>(column)?
            .map(Uuid::from_bytes))
    }

    pub(crate) fn of(id: Uuid) -> [u8; 16] {
        *id.as_bytes()
    }
}

/// A quantity in thousandths, as the database keeps it.
pub(crate) fn milli(quantity: rust_decimal::Decimal) -> Result<i64> {
    use rust_decimal::prelude::ToPrimitive;
    (quantity * rust_decimal::Decimal::ONE_THOUSAND)
        .to_i64()
        .ok_or(StoreError::Corrupt { what: "quantity" })
}
