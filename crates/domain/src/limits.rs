//! How much card money the shop lets wait.

use serde::{Deserialize, Serialize};

use crate::money::{Money, MoneyError};

/// The limits, from the shop's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Most of one tender.
    pub per_tender: Money,
    /// Most of one customer.
    pub per_customer: Money,
    /// Most on the till in all.
    pub on_till: Money,
    /// Greatest age of the oldest queued tender, in hours.
    pub oldest_hours: u32,
}

/// What waits already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exposure {
    /// On the till in all.
    pub on_till: Money,
    /// Of this customer.
    pub of_customer: Money,
    /// Age of the oldest, in milliseconds.
    pub oldest_ms: i64,
}

/// Which limit a tender passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OverLimit {
    /// One tender.
    #[error("a tender of {asked} is over the {limit} that one may be while offline")]
    PerTender {
        /// Asked for.
        asked: Money,
        /// Allowed.
        limit: Money,
    },
    /// One customer.
    #[error("{would_wait} would wait for this customer, over the limit of {limit}")]
    PerCustomer {
        /// With this tender.
        would_wait: Money,
        /// Allowed.
        limit: Money,
    },
    /// The till.
    #[error("{would_wait} would wait on this till, over the limit of {limit}")]
    OnTill {
        /// With this tender.
        would_wait: Money,
        /// Allowed.
        limit: Money,
    },
    /// The oldest waits too long.
    #[error("a card has waited {hours} hours, over the limit of {limit}")]
    TooOld {
        /// Its age.
        hours: i64,
        /// Allowed.
        limit: u32,
    },
}

impl Limits {
    /// The first limit that queueing `amount` would pass.
    ///
    /// # Errors
    /// As [`Money::checked_add`].
    pub fn check(
        &self,
        amount: Money,
        exposure: &Exposure,
    ) -> Result<Option<OverLimit>, MoneyError> {
        let on_till = exposure.on_till.checked_add(amount)?;
        let of_customer = exposure.of_customer.checked_add(amount)?;
        let hours = exposure.oldest_ms / 3_600_000;
        Ok(if amount.minor() > self.per_tender.minor() {
            Some(OverLimit::PerTender {
                asked: amount,
                limit: self.per_tender,
            })
        } else if of_customer.minor() > self.per_customer.minor() {
            Some(OverLimit::PerCustomer {
                would_wait: of_customer,
                limit: self.per_customer,
            })
        } else if on_till.minor() > self.on_till.minor() {
            Some(OverLimit::OnTill {
                would_wait: on_till,
                limit: self.on_till,
            })
        } else if hours >= i64::from(self.oldest_hours) {
            Some(OverLimit::TooOld {
                hours,
                limit: self.oldest_hours,
            })
        } else {
            None
        })
    }
}
