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

    /// The most that [`check`](Self::check) lets pass; nothing once the oldest waits too
    /// long.
    ///
    /// # Errors
    /// As [`Money::checked_sub`].
    pub fn room(&self, exposure: &Exposure) -> Result<Money, MoneyError> {
        let nothing = Money::zero(self.per_tender.currency());
        if exposure.oldest_ms / 3_600_000 >= i64::from(self.oldest_hours) {
            return Ok(nothing);
        }
        let of_customer = self.per_customer.checked_sub(exposure.of_customer)?;
        let on_till = self.on_till.checked_sub(exposure.on_till)?;
        let least = [self.per_tender, of_customer, on_till]
            .into_iter()
            .min_by_key(|room| room.minor());
        Ok(least.filter(|room| room.is_positive()).unwrap_or(nothing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    const HOUR_MS: i64 = 3_600_000;

    fn eur(minor: i64) -> Money {
        Money::from_minor(minor, Currency::EUR)
    }

    fn limits() -> Limits {
        Limits {
            per_tender: eur(5_000),
            per_customer: eur(7_500),
            on_till: eur(15_000),
            oldest_hours: 72,
        }
    }

    /// Which limit, and the figure that passes it.
    fn word(over: Option<OverLimit>) -> (&'static str, i64) {
        match over {
            None => ("within", 0),
            Some(OverLimit::PerTender { asked, .. }) => ("tender", asked.minor()),
            Some(OverLimit::PerCustomer { would_wait, .. }) => ("customer", would_wait.minor()),
            Some(OverLimit::OnTill { would_wait, .. }) => ("till", would_wait.minor()),
            Some(OverLimit::TooOld { hours, .. }) => ("age", hours),
        }
    }

    #[test]
    fn the_first_limit_that_is_passed_is_named_and_up_to_the_room_none_is() {
        // Asked; waiting on the till, of the customer; age of the oldest; over; room.
        for (asked, on_till, of_customer, oldest_ms, over, room) in [
            (5_000, 0, 0, 0, ("within", 0), 5_000),
            (5_001, 0, 0, 0, ("tender", 5_001), 5_000),
            (2_500, 5_000, 5_000, 0, ("within", 0), 2_500),
            (2_501, 5_000, 5_000, 0, ("customer", 7_501), 2_500),
            (5_000, 10_000, 0, 0, ("within", 0), 5_000),
            (5_000, 10_001, 0, 0, ("till", 15_001), 4_999),
            (1, 15_000, 0, 0, ("till", 15_001), 0),
            // A manager let more pass before.
            (1, 20_000, 0, 0, ("till", 20_001), 0),
            (1, 1, 1, 72 * HOUR_MS - 1, ("within", 0), 5_000),
            (1, 1, 1, 72 * HOUR_MS, ("age", 72), 0),
            (1, 1, 1, 100 * HOUR_MS, ("age", 100), 0),
            // The largest first, whatever else is passed.
            (5_001, 15_000, 7_500, 100 * HOUR_MS, ("tender", 5_001), 0),
            (1, 15_000, 7_500, 100 * HOUR_MS, ("customer", 7_501), 0),
        ] {
            let exposure = Exposure {
                on_till: eur(on_till),
                of_customer: eur(of_customer),
                oldest_ms,
            };
            let limits = limits();
            let check = |minor| word(limits.check(eur(minor), &exposure).unwrap());
            let case = (asked, on_till, of_customer, oldest_ms);
            assert_eq!(check(asked), over, "{case:?}");
            assert_eq!(limits.room(&exposure).unwrap(), eur(room), "{case:?}");
            assert_eq!(
                check(room).0 == "within",
                oldest_ms < 72 * HOUR_MS && on_till <= 15_000
            );
            assert_ne!(check(room + 1).0, "within", "{case:?}");
        }
    }
}
