//! Promotions, as the shop's file of them said it.

use till_domain::promotion::{Promotion, VERSION};

use crate::Tx;
use crate::error::{Result, StoreError};

const CORRUPT: StoreError = StoreError::Corrupt { what: "promotion" };

impl Tx<'_> {
    /// All promotions, by id.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where one is not of a known form.
    pub fn promotions(&self) -> Result<Vec<Promotion>> {
        let rows: Vec<(u32, String)> = self
            .conn
            .prepare_cached("SELECT version, body FROM promotion ORDER BY id")?
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        rows.into_iter()
            .map(|(version, body)| match version {
                VERSION => serde_json::from_str(&body).map_err(|_| CORRUPT),
                _ => Err(CORRUPT),
            })
            .collect()
    }

    /// Adds a promotion, or replaces the one of its id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_promotion(&self, promotion: &Promotion) -> Result<()> {
        let body = serde_json::to_string(promotion).map_err(|_| CORRUPT)?;
        self.conn
            .prepare_cached(
                "INSERT INTO promotion (id, version, body) VALUES (?1, ?2, ?3)
                 ON CONFLICT (id) DO UPDATE SET version = excluded.version,
                     body = excluded.body",
            )?
            .execute((&promotion.id, VERSION, body))?;
        Ok(())
    }

    /// Takes a promotion away.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_promotion(&self, id: &str) -> Result<()> {
        self.conn
            .prepare_cached("DELETE FROM promotion WHERE id = ?1")?
            .execute([id])?;
        Ok(())
    }
}
