//! Disputes, and refunds made at Stripe.

use rusqlite::OptionalExtension;
use rusqlite::Row;
use serde::Serialize;
use till_domain::ids::{ShiftNumber, TenderId, Timestamp};

use crate::error::{Result, StoreError};
use crate::{Tx, blob};

/// What a case is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseKind {
    /// A bank takes a charge back.
    Dispute,
    /// A refund that no request of the till made.
    Refund,
}

impl CaseKind {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Dispute => "dispute",
            Self::Refund => "refund",
        }
    }
}

/// A case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseRow {
    /// `dp_…` or `re_…`.
    pub id: String,
    /// What it is.
    pub kind: CaseKind,
    /// Whose charge.
    pub tender: TenderId,
    /// How much.
    pub amount_minor: i64,
    /// In Stripe's word.
    pub state: String,
    /// Why, in Stripe's word.
    pub reason: Option<String>,
    /// Until when evidence can be sent.
    pub due_by: Option<Timestamp>,
    /// When the till was first told.
    pub at: Timestamp,
    /// The shift in which it was told last.
    pub moved_in: ShiftNumber,
}

const CASE: &str = "id, kind, tender, amount_minor, state, reason, due_by, at, moved_shift";

fn case(r: &Row<'_>) -> rusqlite::Result<(CaseRow, String)> {
    Ok((
        CaseRow {
            id: r.get(0)?,
            kind: CaseKind::Dispute,
            tender: TenderId(blob::get(r, 2)?),
            amount_minor: r.get(3)?,
            state: r.get(4)?,
            reason: r.get(5)?,
            due_by: r.get::<_, Option<i64>>(6)?.map(Timestamp),
            at: Timestamp(r.get(7)?),
            moved_in: ShiftNumber(r.get(8)?),
        },
        r.get(1)?,
    ))
}

fn read_case((row, kind): (CaseRow, String)) -> Result<CaseRow> {
    let kind = [CaseKind::Dispute, CaseKind::Refund]
        .into_iter()
        .find(|k| k.word() == kind)
        .ok_or(StoreError::corrupt("case"))?;
    Ok(CaseRow { kind, ..row })
}

impl Tx<'_> {
    /// A case by Stripe's id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn stripe_case(&self, id: &str) -> Result<Option<CaseRow>> {
        self.conn
            .prepare_cached(&format!("SELECT {CASE} FROM stripe_case WHERE id = ?1"))?
            .query_row([id], case)
            .optional()?
            .map(read_case)
            .transpose()
    }

    /// Every case.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn stripe_cases(&self) -> Result<Vec<CaseRow>> {
        let rows: Vec<_> = self
            .conn
            .prepare_cached(&format!("SELECT {CASE} FROM stripe_case ORDER BY at, id"))?
            .query_map([], case)?
            .collect::<rusqlite::Result<_>>()?;
        rows.into_iter().map(read_case).collect()
    }
}
