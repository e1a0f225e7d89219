//! The catalogue as a file: products in, products out.
//!
//! Invariants:
//! - a file is taken in whole or not at all, and every row that is wrong is named;
//! - a column that a file has not says nothing: a list of `sku` and `price` changes
//!   prices alone;
//! - what is exported, imported again, changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use csv::StringRecord;
use rust_decimal::Decimal;
use serde::Serialize;
use till_domain::barcode::{check_digit, expand_upc_e, hide_cards, looks_like_card, spellings};
use till_domain::catalog::{Deposit, Product, Unit};
use till_domain::ids::ProductId;
use till_domain::journal::JournalEvent;
use till_domain::money::decimal;
use till_domain::tax::{PRICE_MAX, PRICE_PLACES_MAX};
use till_store::{ProductImport, StockedProduct, StoreError, Tx};

use crate::auth::Session;
use crate::error::{AppError, ErrorCode};
use crate::{Import, Shop, Till, shop};

/// The columns, in the order they are exported.
pub const COLUMNS: [&str; 10] = [
    "sku",
    "name",
    "category",
    "price",
    "price_unit",
    "tax",
    "barcodes",
    "deposit",
    "favourite",
    "stock",
];

/// A row that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BadRow {
    /// Line of the file; the header is line 1.
    pub line: u64,
    /// Short code of the product, where there is one.
    pub sku: String,
    /// Which column.
    pub column: String,
    /// What is wrong with it.
    pub what: String,
}

/// What an import did, or why it did nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Products that are new.
    pub added: u32,
    /// Products that are otherwise now.
    pub changed: u32,
    /// Products that were so already.
    pub unchanged: u32,
    /// Every row that is wrong; if there is one, nothing was changed.
    pub bad: Vec<BadRow>,
}

/// What a row says; `None` where the file has no such column.
#[derive(Debug, Default)]
struct Row {
    line: u64,
    sku: String,
    name: Option<String>,
    category: Option<String>,
    price: Option<Decimal>,
    unit: Option<Unit>,
    tax: Option<String>,
    codes: Option<Vec<String>>,
    deposit: Option<Option<Deposit>>,
    favourite: Option<Option<i64>>,
    stock: Option<Decimal>,
}

struct Reader<'s> {
    shop: &'s Shop,
    taxes: BTreeSet<&'s str>,
    columns: Vec<String>,
    bad: Vec<BadRow>,
}

impl Reader<'_> {
    fn row(&mut self, record: &StringRecord) -> Option<Row> {
        let line = record.position().map_or(0, csv::Position::line);
        let mut row = Row {
            line,
            ..Row::default()
        };
        let mut wrong = Vec::new();
        for (column, cell) in self.columns.iter().zip(record) {
            if let Err(what) = self.cell(&mut row, column, cell.trim()) {
                wrong.push((column.clone(), what));
            }
        }
        if wrong.is_empty() {
            return Some(row);
        }
        self.bad
            .extend(wrong.into_iter().map(|(column, what)| BadRow {
                line,
                sku: row.sku.clone(),
                column,
                what,
            }));
        None
    }

    fn cell(&self, row: &mut Row, column: &str, cell: &str) -> Result<(), String> {
        match column {
            "sku" => row.sku = words(cell, 40)?,
            "name" => row.name = Some(words(cell, 200)?),
            "category" => {
                if cell.chars().count() > 80 || cell.chars().any(char::is_control) {
                    return Err("longer than 80 characters".into());
                }
                row.category = Some(cell.to_owned());
            }
            "price" => {
                let price = number(cell, PRICE_PLACES_MAX)?;
                if price.is_sign_negative() && !price.is_zero() || price > PRICE_MAX {
                    return Err(format!("{price} is no price"));
                }
                // One price is written one way, in the journal too.
                row.price = Some(price.normalize());
            }
            "price_unit" => {
                row.unit = Some(match cell {
                    "each" | "" => Unit::Each,
                    "kg" => Unit::Kilogram,
                    _ => return Err(format!("`{cell}` is neither each nor kg")),
                });
            }
            "tax" => {
                if !self.taxes.contains(cell) {
                    let known: Vec<&str> = self.taxes.iter().copied().collect();
                    return Err(format!(
                        "the shop has no tax `{cell}`; it has {}",
                        known.join(", ")
                    ));
                }
                row.tax = Some(cell.to_owned());
            }
            "barcodes" => {
                let codes: Vec<&str> = cell.split(';').map(str::trim).collect();
                let codes = codes.into_iter().filter(|c| !c.is_empty());
                row.codes = Some(codes.map(code).collect::<Result<_, _>>()?);
            }
            "deposit" => {
                row.deposit = Some(match cell {
                    "" => None,
                    name => Some(
                        self.shop
                            .deposits
                            .iter()
                            .find(|d| d.name == name)
                            .map(|d| Deposit {
                                label: d.label.clone(),
                                amount: d.amount,
                            })
                            .ok_or_else(|| format!("the shop has no deposit `{name}`"))?,
                    ),
                });
            }
            "favourite" => {
                row.favourite = Some(match cell {
                    "" => None,
                    place => Some(
                        place
                            .parse::<u16>()
                            .map(i64::from)
                            .map_err(|_| format!("`{place}` is no place among the favourites"))?,
                    ),
                });
            }
            // The header was checked: this is the stock.
            _ => {
                row.stock = match cell {
                    "" => None,
                    count => Some(number(count, 3)?),
                };
                let most = Decimal::from(1_000_000_000);
                if row.stock.is_some_and(|s| s.abs() > most) {
                    return Err("more than any stock".into());
                }
            }
        }
        Ok(())
    }
}

fn words(cell: &str, longest: usize) -> Result<String, String> {
    if looks_like_card(cell) {
        return Err("looks like a card number".into());
    }
    if cell.is_empty() {
        return Err("is missing".into());
    }
    if cell.chars().count() > longest || cell.chars().any(char::is_control) {
        return Err(format!("longer than {longest} characters"));
    }
    Ok(cell.to_owned())
}

fn number(cell: &str, places: u32) -> Result<Decimal, String> {
    if cell.contains(',') {
        return Err(format!("`{cell}` has a comma; decimals have a point"));
    }
    let value = decimal(cell).map_err(|_| format!("`{cell}` is no number"))?;
    if value.normalize().scale() > places {
        return Err(format!("{cell} has more than {places} decimal places"));
    }
    Ok(value)
}

/// A code as the catalogue keeps it: one with a check digit has the right one.
fn code(text: &str) -> Result<String, String> {
    if looks_like_card(text) {
        return Err("looks like a card number".into());
    }
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    if text.len() > 48 || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(format!("`{text}` is no code"));
    }
    if digits && matches!(text.len(), 8 | 12 | 13 | 14) {
        // Eight digits may be a UPC-E, whose check digit is its UPC-A's.
        let upc_e = || expand_upc_e(text).is_some_and(|upc_a| wrong_digit(&upc_a).is_none());
        if let Some((last, right)) = wrong_digit(text)
            && !upc_e()
        {
            return Err(format!(
                "the check digit of {text} is {last}, and should be {right}"
            ));
        }
    }
    Ok(text.to_owned())
}

/// "16.90": with the places of the currency at least.
fn price_text(price: Decimal, shop: &Shop) -> String {
    let places = usize::try_from(price.scale().max(shop.currency().exponent()));
    format!("{price:.*}", places.unwrap_or(2))
}

/// The check digit of a code and the one it should have, where they differ.
fn wrong_digit(digits: &str) -> Option<(&str, String)> {
    let (body, last) = digits.split_at_checked(digits.len().checked_sub(1)?)?;
    let right = check_digit(body)?.to_string();
    (right != last).then_some((last, right))
}

/// Reads a file; what is wrong with it as a file is an error, what is wrong with a
/// row is named in the second part.
fn read(text: &str, shop: &Shop) -> Result<(Vec<Row>, Vec<BadRow>), AppError> {
    let refused = |what: String| AppError::refused(ErrorCode::BadInput, what);
    let text = text.trim_start_matches('\u{feff}');
    let header = text.lines().next().unwrap_or_default();
    // What a spreadsheet writes where the comma is for decimals.
    let semicolons = header.contains(';') && !header.contains(',');
    let mut file = csv::ReaderBuilder::new()
        .delimiter(if semicolons { b';' } else { b',' })
        .from_reader(text.as_bytes());
    let columns: Vec<String> = file
        .headers()
        .map_err(|e| refused(e.to_string()))?
        .iter()
        .map(|c| c.trim().to_owned())
        .collect();
    let mut seen = BTreeSet::new();
    for column in &columns {
        if !COLUMNS.contains(&column.as_str()) {
            return Err(refused(format!(
                "Line 1: there is no column `{column}`; there are {}",
                COLUMNS.join(", ")
            )));
        }
        if !seen.insert(column) {
            return Err(refused(format!(
                "Line 1: the column `{column}` is there twice"
            )));
        }
    }
    if !columns.iter().any(|c| c == "sku") {
        return Err(refused("Line 1: there is no column `sku`".into()));
    }
    let mut reader = Reader {
        shop,
        taxes: shop.tax_codes().into_iter().collect(),
        columns,
        bad: Vec::new(),
    };
    let mut rows = Vec::new();
    let mut skus: BTreeMap<String, u64> = BTreeMap::new();
    let mut codes: BTreeMap<String, u64> = BTreeMap::new();
    for record in file.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                reader.bad.push(BadRow {
                    line: error.position().map_or(0, csv::Position::line),
                    sku: String::new(),
                    column: String::new(),
                    what: if let csv::ErrorKind::UnequalLengths {
                        expected_len, len, ..
                    } = error.kind()
                    {
                        format!("{len} cells where the header has {expected_len}")
                    } else {
                        error.to_string()
                    },
                });
                continue;
            }
        };
        let Some(row) = reader.row(&record) else {
            continue;
        };
        let mut twice = |column: &str, what: &str, before: u64| {
            reader.bad.push(BadRow {
                line: row.line,
                sku: row.sku.clone(),
                column: column.into(),
                what: format!("{what} is on line {before} already"),
            });
        };
        if let Some(before) = skus.insert(row.sku.clone(), row.line) {
            twice("sku", &row.sku, before);
        }
        for code in row.codes.iter().flatten() {
            let longest = spellings(code).pop().unwrap_or_default();
            if let Some(before) = codes.insert(longest, row.line) {
                twice("barcodes", code, before);
            }
        }
        rows.push(row);
    }
    Ok((rows, reader.bad))
}

/// What a row makes of a product, new or known.
fn product_of(
    row: &Row,
    known: Option<&Known>,
    new_id: impl FnOnce() -> ProductId,
) -> Result<ProductImport, (&'static str, &'static str)> {
    let was = known.map(|k| &k.product);
    let missing = "is missing, and the product is new";
    Ok(ProductImport {
        product: Product {
            id: was.map_or_else(new_id, |p| p.id),
            sku: row.sku.clone(),
            name: row
                .name
                .clone()
                .or_else(|| was.map(|p| p.name.clone()))
                .ok_or(("name", missing))?,
            category: row
                .category
                .clone()
                .or_else(|| was.map(|p| p.category.clone()))
                .unwrap_or_default(),
            unit_price: row
                .price
                .or_else(|| was.map(|p| p.unit_price))
                .ok_or(("price", missing))?,
            unit: row
                .unit
                .or_else(|| was.map(|p| p.unit))
                .unwrap_or(Unit::Each),
            tax: row
                .tax
                .clone()
                .or_else(|| was.map(|p| p.tax.clone()))
                .ok_or(("tax", missing))?,
            taxes: Vec::new(),
            deposit: match &row.deposit {
                Some(deposit) => deposit.clone(),
                None => was.and_then(|p| p.deposit.clone()),
            },
        },
        codes: row
            .codes
            .clone()
            .or_else(|| known.map(|k| k.codes.clone()))
            .unwrap_or_default(),
        stock: row
            .stock
            .or_else(|| known.map(|k| k.left))
            .unwrap_or_default(),
        favourite: match row.favourite {
            Some(place) => place,
            None => known.and_then(|k| k.favourite),
        },
    })
}

/// A product as the catalogue has it.
struct Known {
    product: Product,
    codes: Vec<String>,
    left: Decimal,
    favourite: Option<i64>,
}

impl Known {
    fn of(tx: &Tx<'_>, stocked: StockedProduct) -> Result<Self, AppError> {
        let (codes, favourite) = tx.codes_and_place(stocked.product.id)?;
        Ok(Self {
            product: stocked.product,
            codes,
            left: stocked.left,
            favourite,
        })
    }

    fn is(&self, import: &ProductImport) -> bool {
        let mut codes = import.codes.clone();
        codes.sort();
        self.product == import.product
            && self.codes == codes
            && self.left == import.stock
            && self.favourite == import.favourite
    }
}

/// Takes rows in; gives what it did. Where a row is wrong, whoever called undoes
/// the rest.
fn take_in(
    tx: &Tx<'_>,
    rows: &[Row],
    new_id: impl Fn() -> ProductId,
) -> Result<Imported, AppError> {
    let mut done = Imported::default();
    let mut work: Vec<(ProductImport, bool)> = Vec::new();
    let mut theirs: BTreeSet<ProductId> = BTreeSet::new();
    let bad = |row: &Row, column: &str, what: String| BadRow {
        line: row.line,
        sku: row.sku.clone(),
        column: column.into(),
        what,
    };
    for row in rows {
        let known = tx
            .product_by_sku(&row.sku)?
            .map(|stocked| Known::of(tx, stocked))
            .transpose()?;
        match product_of(row, known.as_ref(), &new_id) {
            Err((column, what)) => done.bad.push(bad(row, column, what.into())),
            Ok(import) => match &known {
                Some(known) if known.is(&import) => {
                    theirs.insert(import.product.id);
                    done.unchanged = done.unchanged.saturating_add(1);
                }
                Some(_) => {
                    theirs.insert(import.product.id);
                    done.changed = done.changed.saturating_add(1);
                    work.push((import, true));
                }
                None => {
                    done.added = done.added.saturating_add(1);
                    work.push((import, false));
                }
            },
        }
    }
    // A code may go from one product of the file to another, and from no product
    // that is not in it.
    for row in rows {
        for code in row.codes.iter().flatten() {
            for spelling in spellings(code) {
                if let Some(owner) = tx.owner_of_code(&spelling)?
                    && !theirs.contains(&owner)
                {
                    done.bad.push(bad(
                        row,
                        "barcodes",
                        format!("{code} is the code of another product"),
                    ));
                }
            }
        }
    }
    if !done.bad.is_empty() {
        return Ok(done);
    }
    for (import, known) in &work {
        if *known {
            tx.clear_codes(import.product.id)?;
        }
    }
    for (import, known) in &work {
        if *known {
            tx.change_product(import)?;
        } else {
            tx.add_product(import)?;
        }
    }
    Ok(done)
}

/// Why an import was undone.
enum Undone {
    Bad(Vec<BadRow>),
    Fault(AppError),
}

impl From<AppError> for Undone {
    fn from(error: AppError) -> Self {
        Self::Fault(error)
    }
}

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// The sample's products, as any file of products is read.
pub(crate) fn take_in_sample(
    tx: &Tx<'_>,
    shop: &Shop,
    text: &str,
    new_id: impl Fn() -> ProductId,
) -> Result<(), AppError> {
    let (rows, bad) = read(text, shop)?;
    let done = take_in(tx, &rows, new_id)?;
    if bad.is_empty() && done.bad.is_empty() {
        Ok(())
    } else {
        Err(AppError::internal("the sample products cannot be read"))
    }
}

/// A bad row repeats what its cells say, but no card number.
fn without_cards(row: BadRow) -> BadRow {
    BadRow {
        sku: hide_cards(&row.sku).into_owned(),
        what: hide_cards(&row.what).into_owned(),
        ..row
    }
}

impl Till {
    /// Takes a file of products in: new ones are added, known ones, by `sku`, are
    /// changed; others stay. Where a row is wrong, nothing is changed.
    ///
    /// # Errors
    /// [`ErrorCode::NeedsManager`]; [`ErrorCode::BadInput`] where it is no such file.
    pub fn import_products(
        &self,
        session: &Session,
        text: &str,
        import: Import,
    ) -> Result<Imported, AppError> {
        session.must_manage()?;
        let now = self.now();
        let shop = self.shop()?;
        let (rows, mut bad) = read(text, &shop)?;
        let new_id = || ProductId(self.new_id());
        let work = |tx: &Tx<'_>| -> Result<Imported, Undone> {
            let mut done = take_in(tx, &rows, new_id)?;
            done.bad.append(&mut bad);
            done.bad.sort_by_key(|row| row.line);
            if !done.bad.is_empty() {
                return Err(Undone::Bad(done.bad));
            }
            if import == Import::Do && (done.added > 0 || done.changed > 0) {
                tx.append(
                    JournalEvent::CatalogueImported {
                        added: done.added,
                        changed: done.changed,
                        by: session.user().id,
                    },
                    now,
                )
                .map_err(AppError::from)?;
            }
            Ok(done)
        };
        let done = match import {
            Import::Do => self.store()?.write(work),
            Import::DryRun => self.store()?.read(work),
        };
        match done {
            Ok(done) => Ok(done),
            Err(Undone::Bad(bad)) => Ok(Imported {
                bad: bad.into_iter().map(without_cards).collect(),
                ..Imported::default()
            }),
            Err(Undone::Fault(error)) => Err(error),
        }
    }

    /// The catalogue as a file of the same columns.
    ///
    /// # Errors
    /// What the store says.
    pub fn export_products(&self) -> Result<String, AppError> {
        let fault = |_| AppError::internal("the catalogue could not be written");
        let mut file = csv::Writer::from_writer(Vec::new());
        file.write_record(COLUMNS).map_err(fault)?;
        self.store()?.read(|tx| {
            let shop = shop(tx)?;
            for stocked in tx.every_product()? {
                let known = Known::of(tx, stocked)?;
                let p = &known.product;
                let deposit = p.deposit.as_ref().map(|deposit| {
                    let of_shop = shop
                        .deposits
                        .iter()
                        .find(|d| d.label == deposit.label && d.amount == deposit.amount);
                    of_shop.map_or(deposit.label.as_str(), |d| d.name.as_str())
                });
                file.write_record([
                    p.sku.as_str(),
                    &p.name,
                    &p.category,
                    &price_text(p.unit_price, &shop),
                    match p.unit {
                        Unit::Each => "each",
                        Unit::Kilogram => "kg",
                    },
                    &p.tax,
                    &known.codes.join(";"),
                    deposit.unwrap_or_default(),
                    &known.favourite.map(|n| n.to_string()).unwrap_or_default(),
                    &known.left.to_string(),
                ])
                .map_err(fault)?;
            }
            Ok::<_, AppError>(())
        })?;
        let bytes = file
            .into_inner()
            .map_err(|_| AppError::internal("the catalogue could not be written"))?;
        String::from_utf8(bytes).map_err(|_| AppError::internal("a product is no text"))
    }
}
