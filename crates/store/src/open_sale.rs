//! Sales being rung up and suspended ones, whole, after every change.

use rusqlite::OptionalExtension;
use till_domain::ids::{SaleId, Timestamp};
use till_domain::sale::OpenSale;

use crate::error::{Result, StoreError};
use crate::{Tx, blob};

/// Rung up, or put aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenState {
    /// Being rung up; one at a time.
    Open,
    /// Put aside.
    Suspended,
}

/// A sale as it was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredOpenSale {
    /// The sale.
    pub sale: OpenSale,
    /// When it was saved.
    pub changed_at: Timestamp,
}

const fn word(state: OpenState) -> &'static str {
    match state {
        OpenState::Open => "open",
        OpenState::Suspended => "suspended",
    }
}

fn read((body, changed_at): (String, i64)) -> Result<StoredOpenSale> {
    Ok(StoredOpenSale {
        sale: serde_json::from_str(&body).map_err(|_| StoreError::Corrupt { what: "open sale" })?,
        changed_at: Timestamp(changed_at),
    })
}

impl Tx<'_> {
    /// Saves a sale in its state.
    ///
    /// # Errors
    /// [`StoreError`]: a second open sale, among others.
    pub fn save_open_sale(&self, sale: &OpenSale, state: OpenState, at: Timestamp) -> Result<()> {
        let body =
            serde_json::to_string(sale).map_err(|_| StoreError::Corrupt { what: "open sale" })?;
        self.conn
            .prepare_cached(
                "INSERT INTO open_sale (id, state, changed_at, body) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (id) DO UPDATE SET state = excluded.state,
                     changed_at = excluded.changed_at, body = excluded.body",
            )?
            .execute((blob::of(sale.id.0), word(state), at.0, body))?;
        Ok(())
    }

    /// The sale being rung up.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open_sale(&self) -> Result<Option<StoredOpenSale>> {
        self.conn
            .prepare_cached("SELECT body, changed_at FROM open_sale WHERE state = 'open'")?
            .query_row([], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?
            .map(read)
            .transpose()
    }

    /// Suspended sales, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn suspended_sales(&self) -> Result<Vec<StoredOpenSale>> {
        let rows: Vec<(String, i64)> = self
            .conn
            .prepare_cached(
                "SELECT body, changed_at FROM open_sale WHERE state = 'suspended'
                 ORDER BY changed_at DESC, id DESC",
            )?
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        rows.into_iter().map(read).collect()
    }

    /// How many sales are suspended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn suspended_count(&self) -> Result<u32> {
        Ok(self
            .conn
            .prepare_cached("SELECT count(*) FROM open_sale WHERE state = 'suspended'")?
            .query_row([], |r| r.get(0))?)
    }

    /// Takes a sale out: it was committed or voided.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_open_sale(&self, id: SaleId) -> Result<()> {
        self.conn
            .prepare_cached("DELETE FROM open_sale WHERE id = ?1")?
            .execute([blob::of(id.0)])?;
        Ok(())
    }
}
