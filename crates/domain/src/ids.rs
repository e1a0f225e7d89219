//! Names of things: newtypes over UUID, so that a sale is never passed for a tender.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
pub use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }
    )*};
}

ids! {
    /// One sale.
    SaleId;
    /// One line of a sale.
    LineId;
    /// One tender of a sale.
    TenderId;
    /// One refund document.
    RefundId;
    /// One part of a refund: what goes back to one tender.
    RefundPartId;
    /// A member of staff.
    UserId;
    /// A customer. The journal knows a customer by this alone.
    CustomerId;
    /// A card that is kept at Stripe for a customer.
    CardId;
    /// A product.
    ProductId;
}

/// Counts shifts from 1 without gaps; also the number of the shift's Z report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShiftNumber(pub i64);

impl fmt::Display for ShiftNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The number on a receipt, counted from 1 by each till without gaps, for sales
/// and refunds alike. Written `1-000123`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReceiptNumber {
    /// Which till.
    pub till: u16,
    /// Which receipt.
    pub number: i64,
}

impl fmt::Display for ReceiptNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:06}", self.till, self.number)
    }
}

/// The text is not a receipt number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a receipt number such as 1-000123")]
pub struct NotAReceiptNumber;

impl FromStr for ReceiptNumber {
    type Err = NotAReceiptNumber;
    fn from_str(text: &str) -> Result<Self, NotAReceiptNumber> {
        let (till, number) = text.trim().split_once('-').ok_or(NotAReceiptNumber)?;
        match (till.parse(), number.parse()) {
            (Ok(till), Ok(number)) if till > 0 && number > 0 => Ok(Self { till, number }),
            _ => Err(NotAReceiptNumber),
        }
    }
}

/// Milliseconds since the Unix epoch: a value, never a reading of a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Milliseconds later.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to here; negative where the clock went back.
    #[must_use]
    pub const fn ms_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}
