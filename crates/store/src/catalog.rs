//! Products: by code, by name, by category; and the shop's settings.

use rusqlite::{OptionalExtension, Row};
use rust_decimal::Decimal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use till_domain::catalog::{Deposit, Product, Unit};
use till_domain::ids::ProductId;

use crate::error::{Result, StoreError};
use crate::{Tx, blob, milli};

/// A product with what is left of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockedProduct {
    /// The product.
    pub product: Product,
    /// Pieces or kilograms left; below zero where more was sold than counted.
    pub left: Decimal,
}

/// A product as it comes in.
#[derive(Debug, Clone)]
pub struct ProductImport {
    /// The product.
    pub product: Product,
    /// Codes a scan finds it by.
    pub codes: Vec<String>,
    /// Counted.
    pub stock: Decimal,
    /// Place among the favourites.
    pub favourite: Option<i64>,
}

const COLUMNS: &str = "p.id, p.sku, p.name, p.category, p.unit_price, p.unit, p.tax, p.deposit, \
     p.stock_milli - ifnull((SELECT m.milli FROM stock_moved m WHERE m.product = p.id), 0)";

fn json<T: DeserializeOwned>(text: &str, what: &'static str) -> Result<T> {
    serde_json::from_str(text).map_err(|_| StoreError::Corrupt { what })
}

struct Raw {
    id: ProductId,
    text: [String; 6],
    deposit: Option<String>,
    left_milli: i64,
}

fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok(Raw {
        id: ProductId(blob::get(row, 0)?),
        text: [
            row.get(1)?,
            row.get(2)?,
            row.get(3)?,
            row.get(4)?,
            row.get(5)?,
            row.get(6)?,
        ],
        deposit: row.get(7)?,
        left_milli: row.get(8)?,
    })
}

impl Raw {
    fn product(self) -> Result<StockedProduct> {
        let [sku, name, category, unit_price, unit, tax] = self.text;
        let corrupt = |what| StoreError::Corrupt { what };
        Ok(StockedProduct {
            product: Product {
                id: self.id,
                sku,
                name,
                category,
                unit_price: unit_price.parse().map_err(|_| corrupt("price"))?,
                unit: match unit.as_str() {
                    "each" => Unit::Each,
                    "kilogram" => Unit::Kilogram,
                    _ => return Err(corrupt("unit")),
                },
                tax,
                taxes: Vec::new(),
                deposit: self
                    .deposit
                    .map(|d| json::<Deposit>(&d, "deposit"))
                    .transpose()?,
            },
            left: Decimal::new(self.left_milli, 3).normalize(),
        })
    }
}

impl Tx<'_> {
    fn products(
        &self,
        sql_tail: &str,
        params: impl rusqlite::Params,
    ) -> Result<Vec<StockedProduct>> {
        let raws: Vec<Raw> = self
            .conn
            .prepare_cached(&format!("SELECT {COLUMNS} FROM product p {sql_tail}"))?
            .query_map(params, raw)?
            .collect::<rusqlite::Result<_>>()?;
        raws.into_iter().map(Raw::product).collect()
    }

    /// The product a scan's code, or a short code, belongs to.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn product_by_code(&self, code: &str) -> Result<Option<StockedProduct>> {
        let raw = self
            .conn
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM product_code c JOIN product p ON p.id = c.product
                 WHERE c.code = ?1"
            ))?
            .query_row([code], raw)
            .optional()?;
        match raw {
            Some(raw) => raw.product().map(Some),
            None => Ok(self.products("WHERE p.sku = ?1", [code])?.pop()),
        }
    }

    /// The product with this id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn product(&self, id: ProductId) -> Result<Option<StockedProduct>> {
        Ok(self.products("WHERE p.id = ?1", [blob::of(id.0)])?.pop())
    }

    /// Names of the categories.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn categories(&self) -> Result<Vec<String>> {
        Ok(self
            .conn
            .prepare_cached("SELECT category FROM product GROUP BY category ORDER BY min(sku)")?
            .query_map([], |r| r.get(0))?
            .collect::<rusqlite::Result<_>>()?)
    }

    /// The products of a category, or the favourites.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn products_of(&self, category: Option<&str>) -> Result<Vec<StockedProduct>> {
        match category {
            Some(category) => self.products(
                "WHERE p.category = ?1 ORDER BY p.name LIMIT 500",
                [category],
            ),
            None => self.products(
                "WHERE p.favourite IS NOT NULL ORDER BY p.favourite LIMIT 100",
                [],
            ),
        }
    }

    /// Products whose name or short code holds `text`; accents do not matter.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn search_products(&self, text: &str, limit: u32) -> Result<Vec<StockedProduct>> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Vec::new());
        }
        if text.chars().count() < 3 {
            // Trigrams need three letters; fewer are the beginning of a name or code.
            let prefix = format!(
                "{}%",
                text.replace('\\', "\\\\")
                    .replace('%', "\\%")
                    .replace('_', "\\_")
            );
            return self.products(
                "WHERE p.name LIKE ?1 ESCAPE '\\' OR p.sku LIKE ?1 ESCAPE '\\'
                 ORDER BY p.name LIMIT ?2",
                (prefix, limit),
            );
        }
        // Each word as a quoted phrase: nothing a cashier types is FTS5 syntax.
        let words: Vec<String> = text
            .split_whitespace()
            .filter(|w| w.chars().count() >= 3)
            .map(|w| format!("\"{}\"", w.replace('"', "\"\"")))
            .collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        self.products(
            // A name that begins with what was typed comes first.
            "JOIN product_name n ON n.product = p.id WHERE product_name MATCH ?1
             ORDER BY instr(lower(p.name), lower(?3)) <> 1, n.rowid LIMIT ?2",
            (words.join(" AND "), limit, text),
        )
    }

    /// How many products there are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn product_count(&self) -> Result<i64> {
        Ok(self
            .conn
            .query_row("SELECT count(*) FROM product", [], |r| r.get(0))?)
    }

    /// How many products name a tax by this code.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn products_taxed(&self, code: &str) -> Result<i64> {
        Ok(self
            .conn
            .query_row("SELECT count(*) FROM product WHERE tax = ?1", [code], |r| {
                r.get(0)
            })?)
    }

    /// The product with this short code.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn product_by_sku(&self, sku: &str) -> Result<Option<StockedProduct>> {
        Ok(self.products("WHERE p.sku = ?1", [sku])?.pop())
    }

    /// Whose code this is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn owner_of_code(&self, code: &str) -> Result<Option<ProductId>> {
        Ok(self
            .conn
            .prepare_cached("SELECT product FROM product_code WHERE code = ?1")?
            .query_row([code], |r| blob::get(r, 0))
            .optional()?
            .map(ProductId))
    }

    /// Codes of a product, and its place among the favourites.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn codes_and_place(&self, id: ProductId) -> Result<(Vec<String>, Option<i64>)> {
        let codes = self
            .conn
            .prepare_cached("SELECT code FROM product_code WHERE product = ?1 ORDER BY code")?
            .query_map([blob::of(id.0)], |r| r.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        let place = self
            .conn
            .prepare_cached("SELECT favourite FROM product WHERE id = ?1")?
            .query_row([blob::of(id.0)], |r| r.get(0))?;
        Ok((codes, place))
    }

    /// Every product, by short code.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn every_product(&self) -> Result<Vec<StockedProduct>> {
        self.products("ORDER BY p.sku", [])
    }

    /// Adds a product with its codes.
    ///
    /// # Errors
    /// [`StoreError`]: a short code or a code that is taken, among others.
    pub fn add_product(&self, import: &ProductImport) -> Result<()> {
        let p = &import.product;
        self.conn
            .prepare_cached(
                "INSERT INTO product (id, sku, name, category, unit_price, unit, tax, deposit,
                                      stock_milli, favourite)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute((
                blob::of(p.id.0),
                &p.sku,
                &p.name,
                &p.category,
                p.unit_price.to_string(),
                unit_word(p.unit),
                &p.tax,
                deposit_text(p)?,
                milli(import.stock)?,
                import.favourite,
            ))?;
        self.add_codes(import)?;
        self.add_name(p)
    }

    /// Takes a product's codes off it, before another takes one of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn clear_codes(&self, id: ProductId) -> Result<()> {
        self.conn
            .prepare_cached("DELETE FROM product_code WHERE product = ?1")?
            .execute([blob::of(id.0)])?;
        Ok(())
    }

    /// Makes a product what the import says. Its stock is what is left now.
    ///
    /// # Errors
    /// [`StoreError`]: a short code or a code that is taken, among others.
    pub fn change_product(&self, import: &ProductImport) -> Result<()> {
        let p = &import.product;
        let id = blob::of(p.id.0);
        let was: (String, String) = self
            .conn
            .prepare_cached("SELECT sku, name FROM product WHERE id = ?1")?
            .query_row([id], |r| Ok((r.get(0)?, r.get(1)?)))?;
        self.conn
            .prepare_cached(
                "UPDATE product SET sku = ?2, name = ?3, category = ?4, unit_price = ?5,
                        unit = ?6, tax = ?7, deposit = ?8, favourite = ?10,
                        stock_milli = ?9 + ifnull(
                            (SELECT m.milli FROM stock_moved m WHERE m.product = ?1), 0)
                 WHERE id = ?1",
            )?
            .execute((
                id,
                &p.sku,
                &p.name,
                &p.category,
                p.unit_price.to_string(),
                unit_word(p.unit),
                &p.tax,
                deposit_text(p)?,
                milli(import.stock)?,
                import.favourite,
            ))?;
        self.clear_codes(p.id)?;
        self.add_codes(import)?;
        // The index of names has no index by product: it is gone through for a new
        // name alone, and a list of new prices is taken in quickly.
        if was != (p.sku.clone(), p.name.clone()) {
            self.conn
                .prepare_cached("DELETE FROM product_name WHERE product = ?1")?
                .execute([id])?;
            self.add_name(p)?;
        }
        Ok(())
    }

    fn add_codes(&self, import: &ProductImport) -> Result<()> {
        for code in &import.codes {
            self.conn
                .prepare_cached("INSERT INTO product_code (code, product) VALUES (?1, ?2)")?
                .execute((code, blob::of(import.product.id.0)))?;
        }
        Ok(())
    }

    fn add_name(&self, product: &Product) -> Result<()> {
        self.conn
            .prepare_cached("INSERT INTO product_name (name, sku, product) VALUES (?1, ?2, ?3)")?
            .execute((&product.name, &product.sku, blob::of(product.id.0)))?;
        Ok(())
    }

    /// A setting.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where it is not of the asked shape.
    pub fn setting<T: DeserializeOwned>(&self, name: &'static str) -> Result<Option<T>> {
        self.conn
            .prepare_cached("SELECT value FROM setting WHERE name = ?1")?
            .query_row([name], |r| r.get::<_, String>(0))
            .optional()?
            .map(|text| json(&text, name))
            .transpose()
    }

    /// Sets a setting.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_setting<T: Serialize>(&self, name: &'static str, value: &T) -> Result<()> {
        let value = serde_json::to_string(value).map_err(|_| StoreError::Corrupt { what: name })?;
        self.conn
            .prepare_cached(
                "INSERT INTO setting (name, value) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )?
            .execute((name, value))?;
        Ok(())
    }
}

const fn unit_word(unit: Unit) -> &'static str {
    match unit {
        Unit::Each => "each",
        Unit::Kilogram => "kilogram",
    }
}

fn deposit_text(product: &Product) -> Result<Option<String>> {
    product
        .deposit
        .as_ref()
        .map(|d| serde_json::to_string(d).map_err(|_| StoreError::Corrupt { what: "product" }))
        .transpose()
}
