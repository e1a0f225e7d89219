//! Saved cards, and what Stripe is being asked about them.

use rusqlite::{OptionalExtension, Row};
use till_domain::catalog::{Consent, ConsentWay, KeptCard, SavedCard};
use till_domain::ids::{CardId, CustomerId, Timestamp, UserId, Uuid};

use crate::error::{Result, StoreError};
use crate::outbox::StoredRequest;
use crate::reads::{NEEDS_A_PERSON, WAITING};
use crate::{Tx, blob};

/// What Stripe is being asked about one card. What it means is in `till-sync`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardTaskRow {
    /// Id; also the card's, once there is one.
    pub id: CardId,
    /// Whose card.
    pub customer: CustomerId,
    /// The machine's bookkeeping, JSON.
    pub machine: String,
    /// What may have reached Stripe. Reads are not kept.
    pub request: Option<StoredRequest>,
    /// The machine still moves it.
    pub waiting: bool,
    /// Not before then.
    pub next_at: Timestamp,
    /// When it last moved.
    pub changed_at: Timestamp,
}

const TASK: &str = "id, customer, machine, idempotency_key, path, body, api_version, \
     first_sent_at, waiting, next_at, changed_at";

fn task(r: &Row<'_>) -> rusqlite::Result<CardTaskRow> {
    let key: Option<String> = r.get(3)?;
    let request = match (key, r.get::<_, Option<String>>(4)?) {
        (Some(key), Some(path)) => Some(StoredRequest {
            idempotency_key: Some(key),
            method: "POST",
            path,
            body: r.get(5)?,
            api_version: r.get::<_, Option<String>>(6)?.unwrap_or_default(),
            first_sent_at: r.get::<_, Option<i64>>(7)?.map(Timestamp),
        }),
        _ => None,
    };
    Ok(CardTaskRow {
        id: CardId(blob::get(r, 0)?),
        customer: CustomerId(blob::get(r, 1)?),
        machine: r.get(2)?,
        request,
        waiting: r.get(8)?,
        next_at: Timestamp(r.get(9)?),
        changed_at: Timestamp(r.get(10)?),
    })
}

const fn way_word(way: ConsentWay) -> &'static str {
    match way {
        ConsentWay::Page => "page",
        ConsentWay::Reader => "reader",
        ConsentWay::Earlier => "earlier",
    }
}

const CARD: &str = "id, payment_method, brand, last4, expires, consent_at, consent_by, \
     consent_words, is_default, consent_way";

fn card(r: &Row<'_>, stripe_customer: &str) -> rusqlite::Result<(KeptCard, String)> {
    let card = KeptCard {
        id: CardId(blob::get(r, 0)?),
        card: SavedCard {
            stripe_customer: stripe_customer.to_owned(),
            payment_method: r.get(1)?,
            brand: r.get(2)?,
            last4: r.get(3)?,
            expires: r.get(4)?,
        },
        consent: Consent {
            at: Timestamp(r.get(5)?),
            by: blob::get_opt(r, 6)?.map(UserId),
            way: ConsentWay::Earlier,
            words: r.get(7)?,
        },
        is_default: r.get(8)?,
    };
    Ok((card, r.get(9)?))
}

fn with_way((mut card, way): (KeptCard, String)) -> Result<KeptCard> {
    card.consent.way = [ConsentWay::Page, ConsentWay::Reader, ConsentWay::Earlier]
        .into_iter()
        .find(|w| way_word(*w) == way)
        .ok_or(StoreError::corrupt("consent"))?;
    Ok(card)
}

impl Tx<'_> {
    /// A customer's cards, the default one first, then as they were agreed to.
    pub(crate) fn cards_of(
        &self,
        customer: CustomerId,
        stripe_customer: &str,
    ) -> Result<Vec<KeptCard>> {
        let rows: Vec<_> = self
            .conn
            .prepare_cached(&format!(
                "SELECT {CARD} FROM customer_card WHERE customer = ?1
                 ORDER BY is_default DESC, consent_at, id"
            ))?
            .query_map([blob::of(customer.0)], |r| card(r, stripe_customer))?
            .collect::<rusqlite::Result<_>>()?;
        rows.into_iter().map(with_way).collect()
    }

    /// Keeps a card. One that is kept already stays as it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn add_card(&self, customer: CustomerId, kept: &KeptCard) -> Result<()> {
        self.conn
            .prepare_cached(
                "INSERT INTO customer_card (id, customer, payment_method, brand, last4, expires,
                                            consent_at, consent_by, consent_way, consent_words,
                                            is_default)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
                 ON CONFLICT (payment_method) DO NOTHING",
            )?
            .execute((
                blob::of(kept.id.0),
                blob::of(customer.0),
                &kept.card.payment_method,
                &kept.card.brand,
                &kept.card.last4,
                &kept.card.expires,
                kept.consent.at.0,
                kept.consent.by.map(|u| blob::of(u.0)),
                way_word(kept.consent.way),
                &kept.consent.words,
                kept.is_default,
            ))?;
        Ok(())
    }

    /// Notes that a card has other digits or another expiry now: the bank replaced it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn renew_card(&self, id: CardId, last4: &str, expires: &str) -> Result<bool> {
        let changed = self
            .conn
            .prepare_cached(
                "UPDATE customer_card SET last4 = ?2, expires = ?3
                 WHERE id = ?1 AND (last4 <> ?2 OR expires <> ?3)",
            )?
            .execute((blob::of(id.0), last4, expires))?;
        Ok(changed > 0)
    }

    /// Makes a card the one that is charged where no other was chosen.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_default_card(&self, customer: CustomerId, id: CardId) -> Result<()> {
        // In two steps: no more than one is the default after either.
        self.conn
            .prepare_cached("UPDATE customer_card SET is_default = 0 WHERE customer = ?1")?
            .execute([blob::of(customer.0)])?;
        self.conn
            .prepare_cached(
                "UPDATE customer_card SET is_default = 1 WHERE customer = ?1 AND id = ?2",
            )?
            .execute((blob::of(customer.0), blob::of(id.0)))?;
        Ok(())
    }

    /// Keeps a card no more; another becomes the default one where it was that.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_card(&self, customer: CustomerId, id: CardId) -> Result<()> {
        self.conn
            .prepare_cached("DELETE FROM customer_card WHERE customer = ?1 AND id = ?2")?
            .execute((blob::of(customer.0), blob::of(id.0)))?;
        self.conn
            .prepare_cached(
                "UPDATE customer_card SET is_default = 1
                 WHERE id = (SELECT id FROM customer_card WHERE customer = ?1
                             ORDER BY consent_at, id LIMIT 1)
                   AND NOT EXISTS (SELECT 1 FROM customer_card
                                   WHERE customer = ?1 AND is_default = 1)",
            )?
            .execute([blob::of(customer.0)])?;
        Ok(())
    }

    /// Whose card this is of Stripe's payment methods, if it is kept here.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn card_by_method(&self, method: &str) -> Result<Option<(CustomerId, CardId)>> {
        let ids = self
            .conn
            .prepare_cached("SELECT customer, id FROM customer_card WHERE payment_method = ?1")?
            .query_row([method], |r| {
                Ok((CustomerId(blob::get(r, 0)?), CardId(blob::get(r, 1)?)))
            })
            .optional()?;
        Ok(ids)
    }

    /// Every saved card, by Stripe's name of it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn card_methods(&self) -> Result<Vec<String>> {
        let methods = self
            .conn
            .prepare_cached("SELECT payment_method FROM customer_card")?
            .query_map([], |r| r.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(methods)
    }

    /// Whether a charge of this payment method is not settled: it waits, or a person has
    /// to decide about it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn card_is_needed(&self, method: &str) -> Result<bool> {
        let needed = self
            .conn
            .prepare_cached(&format!(
                "SELECT EXISTS (
                     SELECT 1 FROM charge WHERE (({WAITING}) OR ({NEEDS_A_PERSON}))
                       AND tender IN (SELECT id FROM outbox
                                      WHERE private ->> '$.payment_method' = ?1))"
            ))?
            .query_row([method], |r| r.get(0))?;
        Ok(needed)
    }

    /// Writes a task whole, and forgets those that ended a day before.
    ///
    /// # Errors
    /// [`StoreError`]: a key that is taken, among others.
    pub fn save_card_task(&self, task: &CardTaskRow) -> Result<()> {
        const DAY_MS: i64 = 86_400_000;
        let request = task.request.as_ref();
        self.conn
            .prepare_cached(
                "INSERT INTO card_task (id, customer, machine, idempotency_key, path, body,
                                        api_version, first_sent_at, waiting, next_at, changed_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
                 ON CONFLICT (id) DO UPDATE SET machine = excluded.machine,
                     idempotency_key = excluded.idempotency_key, path = excluded.path,
                     body = excluded.body, api_version = excluded.api_version,
                     first_sent_at = excluded.first_sent_at, waiting = excluded.waiting,
                     next_at = excluded.next_at, changed_at = excluded.changed_at",
            )?
            .execute((
                blob::of(task.id.0),
                blob::of(task.customer.0),
                &task.machine,
                request.and_then(|r| r.idempotency_key.as_deref()),
                request.map(|r| &r.path),
                request.and_then(|r| r.body.as_deref()),
                request.map(|r| &r.api_version),
                request.and_then(|r| r.first_sent_at).map(|t| t.0),
                task.waiting,
                task.next_at.0,
                task.changed_at.0,
            ))?;
        self.conn
            .prepare_cached("DELETE FROM card_task WHERE waiting = 0 AND changed_at < ?1")?
            .execute([task.changed_at.0.saturating_sub(DAY_MS)])?;
        Ok(())
    }

    /// A task.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn card_task(&self, id: CardId) -> Result<Option<CardTaskRow>> {
        Ok(self
            .conn
            .prepare_cached(&format!("SELECT {TASK} FROM card_task WHERE id = ?1"))?
            .query_row([blob::of(id.0)], task)
            .optional()?)
    }

    /// Forgets a task.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_card_task(&self, id: Uuid) -> Result<()> {
        self.conn
            .prepare_cached("DELETE FROM card_task WHERE id = ?1")?
            .execute([blob::of(id)])?;
        Ok(())
    }

    /// The tasks that wait, the one that has been due longest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn card_tasks_waiting(&self) -> Result<Vec<CardTaskRow>> {
        let tasks = self
            .conn
            .prepare_cached(&format!(
                "SELECT {TASK} FROM card_task WHERE waiting = 1 ORDER BY next_at, id"
            ))?
            .query_map([], task)?
            .collect::<rusqlite::Result<_>>()?;
        Ok(tasks)
    }

    /// A customer's tasks, the newest first; ended ones are kept for a day.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn card_tasks_of(&self, customer: CustomerId) -> Result<Vec<CardTaskRow>> {
        let tasks = self
            .conn
            .prepare_cached(&format!(
                "SELECT {TASK} FROM card_task WHERE customer = ?1 ORDER BY id DESC"
            ))?
            .query_map([blob::of(customer.0)], task)?
            .collect::<rusqlite::Result<_>>()?;
        Ok(tasks)
    }
}
