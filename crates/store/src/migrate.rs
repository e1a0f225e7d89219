//! Applies `migrations/` in order, each in one transaction with the bump of
//! `user_version`. A file edited after it was applied is refused, and so is a
//! database newer than the program.

use rusqlite::Connection;
use sha2::{Digest, Sha256};

use crate::error::{Result, StoreError};

/// The migrations, in order. A test holds this against the folder.
pub(crate) const MIGRATIONS: [&str; 15] = [
    include_str!("../../../migrations/0001_journal.sql"),
    include_str!("../../../migrations/0002_projections.sql"),
    include_str!("../../../migrations/0003_reference.sql"),
    include_str!("../../../migrations/0004_working.sql"),
    include_str!("../../../migrations/0005_promotions.sql"),
    include_str!("../../../migrations/0006_product_tax.sql"),
    include_str!("../../../migrations/0007_customer_taxes.sql"),
    include_str!("../../../migrations/0008_stripe_cases.sql"),
    include_str!("../../../migrations/0009_tenders.sql"),
    include_str!("../../../migrations/0010_retries.sql"),
    include_str!("../../../migrations/0011_saved_cards.sql"),
    include_str!("../../../migrations/0012_readers.sql"),
    include_str!("../../../migrations/0013_refunds_paid.sql"),
    include_str!("../../../migrations/0014_refunds_settled.sql"),
    include_str!("../../../migrations/0015_settled_in_another_way.sql"),
];

/// Brings the database to this program's schema. Before the first new migration
/// of a database that holds something, `backup` is called.
pub(crate) fn migrate(
    conn: &mut Connection,
    backup: impl FnOnce(&Connection) -> Result<()>,
) -> Result<()> {
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    let found: u32 = conn.pragma_query_value(None, "user_version", |r| r.get(0))?;
    if found > known {
        return Err(StoreError::SchemaTooNew { found, known });
    }
    if found > 0 {
        let applied: Vec<(u32, Vec<u8>)> = conn
            .prepare("SELECT number, checksum FROM migration ORDER BY number")?
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (number, checksum) in applied {
            let ours = usize::try_from(number)
                .ok()
                .and_then(|n| MIGRATIONS.get(n.checked_sub(1)?))
                .map(|sql| Sha256::digest(sql.as_bytes()).to_vec());
            if ours != Some(checksum) {
                return Err(StoreError::MigrationChanged { number });
            }
        }
        if found < known {
            backup(conn)?;
        }
    }
    for (number, sql) in (1_u32..).zip(MIGRATIONS) {
        if number <= found {
            continue;
        }
        let tx = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        tx.execute_batch(
            "CREATE TABLE IF NOT EXISTS migration (
                number    INTEGER NOT NULL PRIMARY KEY,
                checksum  BLOB    NOT NULL CHECK (length(checksum) = 32)
            ) STRICT",
        )?;
        tx.execute_batch(sql)?;
        tx.execute(
            "INSERT INTO migration (number, checksum) VALUES (?1, ?2)",
            (number, Sha256::digest(sql.as_bytes()).as_slice()),
        )?;
        tx.pragma_update(None, "user_version", number)?;
        tx.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_folder_and_the_list_are_equal() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|f| f.unwrap().path())
            .filter(|f| f.extension().is_some_and(|e| e == "sql"))
            .collect();
        files.sort();
        let on_disk: Vec<String> = files
            .iter()
            .map(|f| std::fs::read_to_string(f).unwrap())
            .collect();
        assert_eq!(on_disk, super::MIGRATIONS);
        for (i, file) in files.iter().enumerate() {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            assert!(name.starts_with(&format!("{:04}_", i + 1)), "{name}");
        }
    }

    #[test]
    fn a_card_of_before_is_the_default_one_of_its_customer() {
        let mut conn = rusqlite::Connection::open_in_memory().unwrap();
        for sql in super::MIGRATIONS.iter().take(10) {
            conn.execute_batch(sql).unwrap();
        }
        conn.execute_batch(
            "CREATE TABLE migration (number INTEGER PRIMARY KEY, checksum BLOB NOT NULL) STRICT;
             PRAGMA user_version = 10;
             INSERT INTO customer (id, name, email, tax_set) VALUES
                 (zeroblob(16), 'Ana', 'ana@post.example', 'forces');
             INSERT INTO customer (id, name, stripe_customer, payment_method, brand, last4,
                                   expires, consent_at)
             VALUES (randomblob(16), 'Tom', 'cus_1', 'pm_1', 'Visa', '4242', '12/2030',
                     '2026-03-14T10:22:00+01:00');",
        )
        .unwrap();
        super::migrate(&mut conn, |_| Ok(())).unwrap();
        let told: String = conn
            .query_row(
                "SELECT json_group_array(json_array(c.name, c.email, c.tax_set, c.stripe_customer,
                        k.payment_method, k.last4, k.expires, k.consent_at, k.consent_way,
                        k.is_default) ORDER BY c.name)
                 FROM customer c LEFT JOIN customer_card k ON k.customer = c.id",
                [],
                |r| r.get(0),
            )
            .unwrap();
        assert_eq!(
            told,
            r#"[["Ana","ana@post.example","forces",null,null,null,null,null,null,null],"#
                .to_owned()
                + r#"["Tom",null,null,"cus_1","pm_1","4242","12/2030",1773480120000,"earlier",1]]"#
        );
    }

    #[test]
    fn a_product_of_before_keeps_its_tax_by_code() {
        let mut conn = rusqlite::Connection::open_in_memory().unwrap();
        for sql in super::MIGRATIONS.iter().take(5) {
            conn.execute_batch(sql).unwrap();
        }
        conn.execute_batch(
            "CREATE TABLE migration (number INTEGER PRIMARY KEY, checksum BLOB NOT NULL) STRICT;
             PRAGMA user_version = 5;
             INSERT INTO product (id, sku, name, category, unit_price, unit, taxes)
             VALUES (zeroblob(16), '1', 'Kaas', 'Dairy', '16.90', 'kilogram',
                     '[{\"code\":\"low\",\"kind\":{\"percent\":\"9\"}}]'),
                    (randomblob(16), '2', 'Bon', 'None', '1.00', 'each', '[]');",
        )
        .unwrap();
        super::migrate(&mut conn, |_| Ok(())).unwrap();
        let taxes: Vec<String> = conn
            .prepare("SELECT tax FROM product ORDER BY sku")
            .unwrap()
            .query_map([], |r| r.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(taxes, ["low", ""]);
    }
}
