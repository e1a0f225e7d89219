//! The outbox's rows. What they mean is in `till-sync`.

use rusqlite::{OptionalExtension, Row};
use till_domain::ids::Timestamp;
use uuid::Uuid;

use crate::error::{Result, StoreError};
use crate::{Tx, blob};

/// What a row collects or gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A charge; the row's id is the tender's.
    Charge,
    /// A refund; the row's id is the part's.
    Refund,
}

/// A request with its key, on disk before it is first sent and sent byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRequest {
    /// The name Stripe knows it by; `None` for a GET.
    pub idempotency_key: Option<String>,
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Path and query.
    pub path: String,
    /// Form body; `None` for a GET.
    pub body: Option<Vec<u8>>,
    /// The API version it was written for.
    pub api_version: String,
    /// When it was first sent.
    pub first_sent_at: Option<Timestamp>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Id.
    pub id: Uuid,
    /// What it is.
    pub subject: Subject,
    /// Word of the machine's state.
    pub state: String,
    /// The machine's bookkeeping, JSON.
    pub machine: String,
    /// What may have reached Stripe.
    pub request: Option<StoredRequest>,
    /// A worker has it in hand.
    pub in_flight: bool,
    /// The machine still moves it.
    pub waiting: bool,
    /// Not before then.
    pub next_at: Timestamp,
    /// What the requests need and the journal must not hold, JSON.
    pub private: String,
}

/// A line of an entry's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    /// When.
    pub at: Timestamp,
    /// A word of the machine.
    pub what: String,
    /// More.
    pub detail: Option<String>,
    /// What Stripe's support asks for.
    pub request_id: Option<String>,
}

const COLUMNS: &str = "id, subject, state, machine, idempotency_key, method, path, body, \
     api_version, first_sent_at, in_flight, waiting, next_at, private";

fn row(r: &Row<'_>) -> rusqlite::Result<OutboxRow> {
    let method: Option<String> = r.get(5)?;
    let request = match (method.as_deref(), r.get::<_, Option<String>>(6)?) {
        (Some(method), Some(path)) => Some(StoredRequest {
            idempotency_key: r.get(4)?,
            method: if method == "GET" { "GET" } else { "POST" },
            path,
            body: r.get(7)?,
            api_version: r.get::<_, Option<String>>(8)?.unwrap_or_default(),
            first_sent_at: r.get::<_, Option<i64>>(9)?.map(Timestamp),
        }),
        _ => None,
    };
    Ok(OutboxRow {
        id: blob::get(r, 0)?,
        subject: if r.get::<_, String>(1)? == "charge" {
            Subject::Charge
        } else {
            Subject::Refund
        },
        state: r.get(2)?,
        machine: r.get(3)?,
        request,
        in_flight: r.get(10)?,
        waiting: r.get(11)?,
        next_at: Timestamp(r.get(12)?),
        private: r.get(13)?,
    })
}

impl Tx<'_> {
    /// Writes a row whole. A retry that was planned is planned no more.
    ///
    /// # Errors
    /// [`StoreError`]: a key that is taken, among others.
    pub fn save_outbox(&self, entry: &OutboxRow) -> Result<()> {
        let request = entry.request.as_ref();
        self.conn
            .prepare_cached(
                "INSERT INTO outbox (id, subject, state, machine, idempotency_key, method, path,
                                     body, api_version, first_sent_at, in_flight, waiting, next_at,
                                     private)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
                 ON CONFLICT (id) DO UPDATE SET state = excluded.state, machine = excluded.machine,
                     idempotency_key = excluded.idempotency_key, method = excluded.method,
                     path = excluded.path, body = excluded.body,
                     api_version = excluded.api_version, first_sent_at = excluded.first_sent_at,
                     in_flight = excluded.in_flight, waiting = excluded.waiting,
                     next_at = excluded.next_at, private = excluded.private,
                     retry_at = NULL",
            )?
            .execute((
                blob::of(entry.id),
                match entry.subject {
                    Subject::Charge => "charge",
                    Subject::Refund => "refund",
                },
                &entry.state,
                &entry.machine,
                request.and_then(|r| r.idempotency_key.as_deref()),
                request.map(|r| r.method),
                request.map(|r| r.path.as_str()),
                request.and_then(|r| r.body.as_deref()),
                request.map(|r| r.api_version.as_str()),
                request.and_then(|r| r.first_sent_at.map(|t| t.0)),
                entry.in_flight,
                entry.waiting,
                entry.next_at.0,
                &entry.private,
            ))?;
        Ok(())
    }

    /// A row.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn outbox(&self, id: Uuid) -> Result<Option<OutboxRow>> {
        Ok(self
            .conn
            .prepare_cached(&format!("SELECT {COLUMNS} FROM outbox WHERE id = ?1"))?
            .query_row([blob::of(id)], row)
            .optional()?)
    }

    /// The row that has been due longest and that nobody has in hand. One that is due
    /// after `latest` was put off by a clock that has been set back since: it is due.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn outbox_due(&self, now: Timestamp, latest: Timestamp) -> Result<Option<OutboxRow>> {
        Ok(self
            .conn
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM outbox
                 WHERE waiting = 1 AND in_flight = 0 AND (next_at <= ?1 OR next_at > ?2)
                 ORDER BY next_at, id LIMIT 1"
            ))?
            .query_row([now.0, latest.0], row)
            .optional()?)
    }

    /// Plans a retry of a row that does not wait; the next [`Tx::save_outbox`] of it
    /// ends the plan.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn plan_retry(&self, id: Uuid, at: Option<Timestamp>) -> Result<()> {
        self.conn
            .prepare_cached("UPDATE outbox SET retry_at = ?2 WHERE id = ?1")?
            .execute((blob::of(id), at.map(|t| t.0)))?;
        Ok(())
    }

    /// Ends every plan: another account's card is not tried.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn forget_retries(&self) -> Result<()> {
        let sql = "UPDATE outbox SET retry_at = NULL WHERE retry_at IS NOT NULL";
        self.conn.execute(sql, [])?;
        Ok(())
    }

    /// When a row is tried again by itself.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn retry_at(&self, id: Uuid) -> Result<Option<Timestamp>> {
        Ok(self
            .conn
            .prepare_cached("SELECT retry_at FROM outbox WHERE id = ?1")?
            .query_row([blob::of(id)], |r| r.get::<_, Option<i64>>(0))
            .optional()?
            .flatten()
            .map(Timestamp))
    }

    /// The row whose retry has been due longest. One planned for after `latest` was
    /// planned by a clock that has been set back since: it is due.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn outbox_retry_due(&self, now: Timestamp, latest: Timestamp) -> Result<Option<OutboxRow>> {
        Ok(self
            .conn
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM outbox
                 WHERE retry_at IS NOT NULL AND (retry_at <= ?1 OR retry_at > ?2)
                 ORDER BY retry_at, id LIMIT 1"
            ))?
            .query_row([now.0, latest.0], row)
            .optional()?)
    }

    /// When the next row is due.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn outbox_next_at(&self) -> Result<Option<Timestamp>> {
        Ok(self
            .conn
            .prepare_cached("SELECT min(next_at) FROM outbox WHERE waiting = 1 AND in_flight = 0")?
            .query_row([], |r| r.get::<_, Option<i64>>(0))?
            .map(Timestamp))
    }

    /// Rows left in hand by a process that ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn outbox_in_flight(&self) -> Result<Vec<OutboxRow>> {
        Ok(self
            .conn
            .prepare_cached(&format!("SELECT {COLUMNS} FROM outbox WHERE in_flight = 1"))?
            .query_map([], row)?
            .collect::<rusqlite::Result<_>>()?)
    }

    /// Every row that waits, by when it is due.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn outbox_waiting(&self) -> Result<Vec<OutboxRow>> {
        Ok(self
            .conn
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM outbox WHERE waiting = 1 ORDER BY next_at, id"
            ))?
            .query_map([], row)?
            .collect::<rusqlite::Result<_>>()?)
    }

    /// How many rows wait.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn outbox_waiting_count(&self) -> Result<u32> {
        Ok(self
            .conn
            .prepare_cached("SELECT count(*) FROM outbox WHERE waiting = 1")?
            .query_row([], |r| r.get(0))?)
    }

    /// Makes everything that waits due now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn outbox_hurry(&self, now: Timestamp) -> Result<()> {
        self.conn.execute(
            "UPDATE outbox SET next_at = ?1 WHERE waiting = 1 AND in_flight = 0 AND next_at > ?1",
            [now.0],
        )?;
        Ok(())
    }

    /// Writes a line of history.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn add_history(&self, id: Uuid, line: &HistoryRow) -> Result<()> {
        self.conn
            .prepare_cached(
                "INSERT INTO outbox_history (outbox, at, what, detail, request_id)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((
                blob::of(id),
                line.at.0,
                &line.what,
                &line.detail,
                &line.request_id,
            ))?;
        Ok(())
    }

    /// An entry's history, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn history(&self, id: Uuid) -> Result<Vec<HistoryRow>> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT at, what, detail, request_id FROM outbox_history
                 WHERE outbox = ?1 ORDER BY rowid",
            )?
            .query_map([blob::of(id)], |r| {
                Ok(HistoryRow {
                    at: Timestamp(r.get(0)?),
                    what: r.get(1)?,
                    detail: r.get(2)?,
                    request_id: r.get(3)?,
                })
            })?
            .collect::<rusqlite::Result<_>>()?)
    }
}

impl StoreError {
    pub(crate) const fn corrupt(what: &'static str) -> Self {
        Self::Corrupt { what }
    }
}
