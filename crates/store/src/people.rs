//! Staff and customers: the only personal data in the file.

use rusqlite::{OptionalExtension, Row};
use till_domain::catalog::{Customer, Role, User};
use till_domain::ids::{CustomerId, Timestamp, UserId};

use crate::error::{Result, StoreError};
use crate::{Tx, blob};

/// A member of staff, and whether their PIN is locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// Who.
    pub user: User,
    /// Locked until then.
    pub locked_until: Option<Timestamp>,
    /// May not sign in any more.
    pub disabled: bool,
}

/// What checking a PIN needs.
#[derive(Clone)]
pub struct UserSecrets {
    /// Who.
    pub user: User,
    /// Argon2id, in PHC form.
    pub pin_hash: String,
    /// Wrong PINs since the last right one.
    pub wrong_pins: u32,
    /// Locked until then.
    pub locked_until: Option<Timestamp>,
}

impl std::fmt::Debug for UserSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserSecrets")
            .field("user", &self.user.id)
            .finish_non_exhaustive()
    }
}

const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Cashier => "cashier",
        Role::Manager => "manager",
        Role::Owner => "owner",
    }
}

fn user(row: &Row<'_>) -> rusqlite::Result<(UserId, String, String)> {
    Ok((UserId(blob::get(row, 0)?), row.get(1)?, row.get(2)?))
}

fn with_role((id, name, role): (UserId, String, String)) -> Result<User> {
    let role = match role.as_str() {
        "cashier" => Role::Cashier,
        "manager" => Role::Manager,
        "owner" => Role::Owner,
        _ => return Err(StoreError::Corrupt { what: "role" }),
    };
    Ok(User { id, name, role })
}

fn customer(row: &Row<'_>) -> rusqlite::Result<(Customer, String)> {
    let customer = Customer {
        id: CustomerId(blob::get(row, 0)?),
        name: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
        email: row.get(2)?,
        phone: row.get(3)?,
        stripe_customer: row.get(4)?,
        cards: Vec::new(),
        groups: Vec::new(),
        tax_set: row.get(5)?,
    };
    Ok((customer, row.get(6)?))
}

const CUSTOMER: &str = "id, name, email, phone, stripe_customer, tax_set,
     (SELECT json_group_array(g.name ORDER BY g.name) FROM customer_group g WHERE g.customer = id)";

impl Tx<'_> {
    /// The staff, in the order they were added.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn users(&self) -> Result<Vec<UserRow>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT id, name, role, locked_until, disabled FROM user ORDER BY position",
        )?;
        let mut rows = statement.query([])?;
        let mut users = Vec::new();
        while let Some(row) = rows.next()? {
            users.push(UserRow {
                user: with_role(user(row)?)?,
                locked_until: row.get::<_, Option<i64>>(3)?.map(Timestamp),
                disabled: row.get(4)?,
            });
        }
        Ok(users)
    }

    /// What checking a PIN needs; none for someone unknown or disabled.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn user_secrets(&self, id: UserId) -> Result<Option<UserSecrets>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT id, name, role, pin_hash, wrong_pins, locked_until FROM user
             WHERE id = ?1 AND disabled = 0",
        )?;
        let mut rows = statement.query([blob::of(id.0)])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        Ok(Some(UserSecrets {
            user: with_role(user(row)?)?,
            pin_hash: row.get(3)?,
            wrong_pins: row.get(4)?,
            locked_until: row.get::<_, Option<i64>>(5)?.map(Timestamp),
        }))
    }

    /// Counts wrong PINs.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_wrong_pins(
        &self,
        id: UserId,
        wrong_pins: u32,
        locked_until: Option<Timestamp>,
    ) -> Result<()> {
        self.conn
            .prepare_cached("UPDATE user SET wrong_pins = ?2, locked_until = ?3 WHERE id = ?1")?
            .execute((blob::of(id.0), wrong_pins, locked_until.map(|t| t.0)))?;
        Ok(())
    }

    /// Adds a member of staff.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn add_user(&self, user: &User, pin_hash: &str) -> Result<()> {
        self.conn
            .prepare_cached(
                "INSERT INTO user (id, name, role, pin_hash, position)
                 VALUES (?1, ?2, ?3, ?4, (SELECT ifnull(max(position), 0) + 1 FROM user))",
            )?
            .execute((
                blob::of(user.id.0),
                &user.name,
                role_word(user.role),
                pin_hash,
            ))?;
        Ok(())
    }

    /// Gives somebody another PIN, and opens a lock.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_pin(&self, id: UserId, pin_hash: &str) -> Result<()> {
        self.conn
            .prepare_cached(
                "UPDATE user SET pin_hash = ?2, wrong_pins = 0, locked_until = NULL WHERE id = ?1",
            )?
            .execute((blob::of(id.0), pin_hash))?;
        Ok(())
    }

    /// Lets somebody sign in no more, or again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_disabled(&self, id: UserId, disabled: bool) -> Result<()> {
        self.conn
            .prepare_cached("UPDATE user SET disabled = ?2 WHERE id = ?1")?
            .execute((blob::of(id.0), disabled))?;
        Ok(())
    }

    fn whole(&self, (customer, groups): (Customer, String)) -> Result<Customer> {
        let groups = serde_json::from_str(&groups).map_err(|_| StoreError::Corrupt {
            what: "customer's groups",
        })?;
        let cards = match &customer.stripe_customer {
            Some(stripe_customer) => self.cards_of(customer.id, stripe_customer)?,
            None => Vec::new(),
        };
        Ok(Customer {
            groups,
            cards,
            ..customer
        })
    }

    /// A customer.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn customer(&self, id: CustomerId) -> Result<Option<Customer>> {
        self.conn
            .prepare_cached(&format!("SELECT {CUSTOMER} FROM customer WHERE id = ?1"))?
            .query_row([blob::of(id.0)], customer)
            .optional()?
            .map(|found| self.whole(found))
            .transpose()
    }

    /// Customers whose name holds `text`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn customers(&self, text: &str, limit: u32) -> Result<Vec<Customer>> {
        let rows: Vec<(Customer, String)> = self
            .conn
            .prepare_cached(&format!(
                "SELECT {CUSTOMER} FROM customer WHERE name IS NOT NULL AND instr(lower(name), lower(?1)) > 0
                 ORDER BY name COLLATE NOCASE LIMIT ?2"
            ))?
            .query_map((text.trim(), limit), customer)?
            .collect::<rusqlite::Result<_>>()?;
        rows.into_iter().map(|found| self.whole(found)).collect()
    }

    /// Adds a customer with their cards.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn add_customer(&self, customer: &Customer) -> Result<()> {
        self.conn
            .prepare_cached(
                "INSERT INTO customer (id, name, email, phone, stripe_customer, tax_set)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute((
                blob::of(customer.id.0),
                &customer.name,
                &customer.email,
                &customer.phone,
                &customer.stripe_customer,
                &customer.tax_set,
            ))?;
        for card in &customer.cards {
            self.add_card(customer.id, card)?;
        }
        self.set_customer_groups(customer.id, &customer.groups)
    }

    /// Changes what a customer is called and how they are reached.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_customer_contact(
        &self,
        id: CustomerId,
        name: &str,
        email: Option<&str>,
        phone: Option<&str>,
    ) -> Result<()> {
        self.conn
            .prepare_cached("UPDATE customer SET name = ?2, email = ?3, phone = ?4 WHERE id = ?1")?
            .execute((blob::of(id.0), name, email, phone))?;
        Ok(())
    }

    /// Notes Stripe's name of a customer, or that it has none any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_stripe_customer(&self, id: CustomerId, name: Option<&str>) -> Result<()> {
        self.conn
            .prepare_cached("UPDATE customer SET stripe_customer = ?2 WHERE id = ?1")?
            .execute((blob::of(id.0), name))?;
        Ok(())
    }

    /// Puts a customer into these groups and no others.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_customer_groups(&self, id: CustomerId, groups: &[String]) -> Result<()> {
        self.conn
            .prepare_cached("DELETE FROM customer_group WHERE customer = ?1")?
            .execute([blob::of(id.0)])?;
        for name in groups {
            self.conn
                .prepare_cached(
                    "INSERT INTO customer_group (customer, name) VALUES (?1, ?2)
                     ON CONFLICT (customer, name) DO NOTHING",
                )?
                .execute((blob::of(id.0), name))?;
        }
        Ok(())
    }

    /// Charges a customer these taxes instead of the products' own, or those again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_customer_taxes(&self, id: CustomerId, tax_set: Option<&str>) -> Result<()> {
        self.conn
            .prepare_cached("UPDATE customer SET tax_set = ?2 WHERE id = ?1")?
            .execute((blob::of(id.0), tax_set))?;
        Ok(())
    }

    /// How many customers are charged these taxes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn customers_taxed(&self, tax_set: &str) -> Result<i64> {
        let sql = "SELECT count(*) FROM customer WHERE tax_set = ?1";
        Ok(self.conn.query_row(sql, [tax_set], |r| r.get(0))?)
    }

    /// Empties a customer's row, and what the outbox keeps of their charges; the id
    /// stays. False where there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn erase_customer(&self, id: CustomerId) -> Result<bool> {
        self.conn.execute(
            "UPDATE outbox SET private = json_remove(private, '$.email', '$.contact',
                    '$.customer', '$.payment_method')
             WHERE id IN (SELECT tender FROM charge WHERE customer = ?1)
                OR id IN (SELECT p.id FROM refund_part p JOIN charge c ON c.tender = p.tender
                          WHERE c.customer = ?1)",
            [blob::of(id.0)],
        )?;
        self.set_customer_groups(id, &[])?;
        self.conn
            .prepare_cached("DELETE FROM customer_card WHERE customer = ?1")?
            .execute([blob::of(id.0)])?;
        let changed = self.conn.execute(
            "UPDATE customer SET name = NULL, email = NULL, phone = NULL, stripe_customer = NULL,
                    tax_set = NULL
             WHERE id = ?1",
            [blob::of(id.0)],
        )?;
        Ok(changed > 0)
    }
}
