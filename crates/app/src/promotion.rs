//! Promotions: brought in from a file, kept at hand, given to the open sale.
//!
//! Invariants:
//! - a file is taken as a whole or not at all, and every row that cannot be is named;
//! - the book of promotions is made once and kept until they change, not at every
//!   scan;
//! - the moment that counts is when the sale was begun, in the shop's zone: no
//!   price changes between the first scan and the receipt.

use std::sync::{Arc, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use till_domain::journal::JournalEvent;
use till_domain::promotion::{Promotion, PromotionBook, VERSION};
use till_domain::sale::{Offers, OpenSale};
use till_store::Tx;

use crate::auth::Session;
use crate::error::{AppError, ErrorCode};
use crate::figures::zoned;
use crate::guard::{check_all, check_text};
use crate::view::SaleView;
use crate::{Shop, Till};

/// How a file of promotions is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileForm {
    /// `{"version": 1, "promotions": [ … ]}`.
    Json,
    /// `version = 1`, then `[[promotions]]`.
    Toml,
}

/// What becomes of promotions that a file does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// They stay.
    Keep,
    /// They are taken away: the file is the whole list.
    Remove,
}

/// Whether an import is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Import {
    /// It is.
    Do,
    /// It is tried, and nothing is changed.
    DryRun,
}

/// Promotions as they are written to a file.
#[derive(Debug, Clone, Serialize)]
pub struct PromotionFile {
    /// Of the form of the promotions.
    pub version: u32,
    /// By id.
    pub promotions: Vec<Promotion>,
}

/// What an import did, or would do: ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// New.
    pub added: Vec<String>,
    /// Were there and are different now.
    pub changed: Vec<String>,
    /// Were there and are the same.
    pub unchanged: Vec<String>,
    /// Taken away.
    pub removed: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RowsFile<T> {
    version: u32,
    promotions: Vec<T>,
}

fn bad(detail: impl Into<String>) -> AppError {
    AppError::refused(ErrorCode::BadInput, detail)
}

/// Reads a file; every row that cannot be is named.
fn read(text: &str, form: FileForm) -> Result<Vec<Promotion>, AppError> {
    // A toml row is read on as what it holds: dates are text in both forms.
    let file: RowsFile<Value> = match form {
        FileForm::Json => serde_json::from_str(text).map_err(|error| bad(error.to_string()))?,
        FileForm::Toml => toml::from_str(text).map_err(|error| bad(error.to_string().trim()))?,
    };
    if file.version != VERSION {
        return Err(bad(format!(
            "It is of version {}, and this till reads version {VERSION}",
            file.version
        )));
    }
    let mut faults = Vec::new();
    let mut promotions: Vec<Promotion> = Vec::with_capacity(file.promotions.len());
    for (row, value) in (1..).zip(file.promotions) {
        let id = value.get("id").and_then(Value::as_str).unwrap_or_default();
        let place = format!("row {row} ({id:?})");
        match serde_json::from_value::<Promotion>(value) {
            Err(error) => faults.push(format!("{place}: {error}")),
            Ok(promotion) => {
                if let Err(fault) = promotion.check() {
                    faults.push(format!("{place}: {fault}"));
                } else if promotions.iter().any(|p| p.id == promotion.id) {
                    faults.push(format!("{place}: another row has this id"));
                } else {
                    promotions.push(promotion);
                }
            }
        }
    }
    if faults.is_empty() {
        Ok(promotions)
    } else {
        Err(bad(faults.join("; ")))
    }
}

/// The promotions of the sample shop.
pub(crate) fn sample() -> Result<Vec<Promotion>, AppError> {
    read(
        include_str!("../data/sample/promotions.toml"),
        FileForm::Toml,
    )
}

impl Till {
    /// The shop's promotions, made ready once.
    fn book(&self, tx: &Tx<'_>) -> Result<Arc<PromotionBook>, AppError> {
        // A book is whole or absent: one that a panic left is as good as any.
        let mut kept = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(book) = &*kept {
            return Ok(Arc::clone(book));
        }
        let book = PromotionBook::new(tx.promotions()?).map_err(|error| {
            tracing::error!(%error, "a stored promotion cannot be");
            AppError::internal("a stored promotion cannot be")
        })?;
        let book = Arc::new(book);
        *kept = Some(Arc::clone(&book));
        Ok(book)
    }

    /// What an open sale is priced with.
    pub(crate) fn offers(
        &self,
        tx: &Tx<'_>,
        shop: &Shop,
        sale: &OpenSale,
    ) -> Result<Offers, AppError> {
        let customer = crate::sale::customer_of(tx, sale)?;
        Ok(Offers {
            book: self.book(tx)?,
            at: zoned(shop, sale.started_at).datetime(),
            groups: customer.map(|c| c.groups).unwrap_or_default(),
        })
    }

    /// The shop's promotions, by id.
    ///
    /// # Errors
    /// What the store says.
    pub fn promotions(&self) -> Result<PromotionFile, AppError> {
        Ok(PromotionFile {
            version: VERSION,
            promotions: self.store()?.read(|tx| tx.promotions())?,
        })
    }

    /// Takes promotions in from a file: a row of a known id replaces it.
    ///
    /// # Errors
    /// [`ErrorCode::NeedsManager`]; [`ErrorCode::BadInput`] naming every bad row;
    /// [`ErrorCode::TenderBusy`] while tenders are on the open sale, whose price
    /// would change. Nothing is changed then.
    pub fn import_promotions(
        &self,
        session: &Session,
        text: &str,
        form: FileForm,
        others: Others,
        import: Import,
    ) -> Result<Imported, AppError> {
        session.must_manage()?;
        let promotions = read(text, form)?;
        check_all(&promotions)?;
        let now = self.now();
        let mut store = self.store()?;
        let imported = store.write(|tx| {
            let tendered = tx.open_sale()?.is_some_and(|o| !o.sale.tenders.is_empty());
            if tendered && import == Import::Do {
                return Err(AppError::from(ErrorCode::TenderBusy));
            }
            let before = tx.promotions()?;
            let mut imported = Imported {
                added: Vec::new(),
                changed: Vec::new(),
                unchanged: Vec::new(),
                removed: Vec::new(),
            };
            for promotion in &promotions {
                let id = promotion.id.clone();
                match before.iter().find(|p| p.id == id) {
                    None => imported.added.push(id),
                    Some(same) if same == promotion => imported.unchanged.push(id),
                    Some(_) => imported.changed.push(id),
                }
            }
            if others == Others::Remove {
                imported.removed = before
                    .iter()
                    .filter(|was| promotions.iter().all(|p| p.id != was.id))
                    .map(|was| was.id.clone())
                    .collect();
            }
            if import == Import::Do {
                for promotion in &promotions {
                    tx.put_promotion(promotion)?;
                }
                for id in &imported.removed {
                    tx.remove_promotion(id)?;
                }
                let count = |ids: &[String]| u32::try_from(ids.len()).unwrap_or(u32::MAX);
                let (added, changed, removed) = (
                    count(&imported.added),
                    count(&imported.changed),
                    count(&imported.removed),
                );
                if (added, changed, removed) != (0, 0, 0) {
                    let by = session.user().id;
                    let event = JournalEvent::PromotionsImported {
                        added,
                        changed,
                        removed,
                        by,
                    };
                    tx.append(event, now)?;
                }
            }
            Ok(imported)
        })?;
        // While the store is held: nobody reads the old book after this.
        *self.book.lock().unwrap_or_else(PoisonError::into_inner) = None;
        drop(store);
        Ok(imported)
    }

    /// Puts a coupon on the sale, by the code that was scanned or typed.
    ///
    /// # Errors
    /// [`ErrorCode::CouponUnknown`], or what is wrong with the sale.
    pub fn add_coupon(&self, session: &Session, code: &str) -> Result<SaleView, AppError> {
        check_text(code, 80)?;
        self.change_sale(session, |tx, shop, sale| {
            if self.is_coupon(tx, shop, sale, code)? {
                Ok(sale.add_coupon(code)?)
            } else {
                Err(ErrorCode::CouponUnknown.into())
            }
        })
    }

    /// Some promotion is for this code at the moment that counts for the sale.
    pub(crate) fn is_coupon(
        &self,
        tx: &Tx<'_>,
        shop: &Shop,
        sale: &OpenSale,
        code: &str,
    ) -> Result<bool, AppError> {
        let at = zoned(shop, sale.started_at).datetime();
        let book = self.book(tx)?;
        Ok(book.of_coupon(code).any(|p| p.when.counts_at(at)))
    }

    /// Takes a coupon off the sale.
    ///
    /// # Errors
    /// What is wrong with the sale.
    pub fn remove_coupon(&self, session: &Session, code: &str) -> Result<SaleView, AppError> {
        self.change_sale(session, |_, _, sale| Ok(sale.remove_coupon(code)?))
    }
}
