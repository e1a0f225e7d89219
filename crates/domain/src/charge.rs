//! Where a card charge or a refund stands. What moves it is in `till-sync`.

use serde::{Deserialize, Serialize};

/// A charge: money that Stripe is to collect for one tender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeState {
    /// Recorded here; nothing has been sent.
    Queued,
    /// The unconfirmed PaymentIntent (or Checkout Session) is being made.
    Creating,
    /// It exists and has charged nothing.
    Created,
    /// Told to charge; no answer yet.
    Confirming,
    /// A card reader was told to take it; the customer stands there.
    AtReader,
    /// A pay link is with the customer.
    AwaitingCustomer,
    /// Sent, and the answer is lost or unclear: looked up until known.
    Unknown,
    /// Stripe says the money is collected.
    Succeeded,
    /// Stripe says it is not, and why.
    Declined,
    /// The customer must authenticate.
    NeedsCustomer,
    /// A person must look.
    NeedsAttention,
    /// Cancelled at Stripe, or never sent.
    Canceled,
    /// Older than the limit allows; a person decides.
    Expired,
    /// A manager gave the money up.
    WrittenOff,
}

impl ChargeState {
    /// Every state, for checks that must not forget one.
    pub const ALL: [Self; 14] = [
        Self::Queued,
        Self::Creating,
        Self::Created,
        Self::Confirming,
        Self::AtReader,
        Self::AwaitingCustomer,
        Self::Unknown,
        Self::Succeeded,
        Self::Declined,
        Self::NeedsCustomer,
        Self::NeedsAttention,
        Self::Canceled,
        Self::Expired,
        Self::WrittenOff,
    ];

    /// The word in the database and the journal.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Creating => "creating",
            Self::Created => "created",
            Self::Confirming => "confirming",
            Self::AtReader => "at_reader",
            Self::AwaitingCustomer => "awaiting_customer",
            Self::Unknown => "unknown",
            Self::Succeeded => "succeeded",
            Self::Declined => "declined",
            Self::NeedsCustomer => "needs_customer",
            Self::NeedsAttention => "needs_attention",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
            Self::WrittenOff => "written_off",
        }
    }

    /// Reads [`ChargeState::word`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word() == word)
    }

    /// The machine still moves it: it waits for Stripe or the customer.
    #[must_use]
    pub const fn is_waiting(self) -> bool {
        match self {
            Self::Queued
            | Self::Creating
            | Self::Created
            | Self::Confirming
            | Self::AtReader
            | Self::AwaitingCustomer
            | Self::Unknown => true,
            Self::Succeeded
            | Self::Declined
            | Self::NeedsCustomer
            | Self::NeedsAttention
            | Self::Canceled
            | Self::Expired
            | Self::WrittenOff => false,
        }
    }

    /// A named person must decide.
    #[must_use]
    pub const fn needs_a_person(self) -> bool {
        match self {
            Self::Declined | Self::NeedsCustomer | Self::NeedsAttention | Self::Expired => true,
            Self::Queued
            | Self::Creating
            | Self::Created
            | Self::Confirming
            | Self::AtReader
            | Self::AwaitingCustomer
            | Self::Unknown
            | Self::Succeeded
            | Self::Canceled
            | Self::WrittenOff => false,
        }
    }
}

/// A refund at Stripe: money that goes back to one card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    /// Recorded here; nothing has been sent.
    Queued,
    /// Sent; no answer yet.
    Sending,
    /// A card reader was told to ask for the card; the customer stands there.
    AtReader,
    /// The answer is lost or unclear: looked up before it is sent again.
    Unknown,
    /// Stripe has it; the bank has not confirmed.
    Pending,
    /// Done.
    Succeeded,
    /// The bank refused, perhaps days later: the debt to the customer is open.
    Failed,
    /// A person must look.
    NeedsAttention,
    /// Not needed: the charge was cancelled or lowered instead.
    Canceled,
}

impl RefundState {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Sending,
        Self::AtReader,
        Self::Unknown,
        Self::Pending,
        Self::Succeeded,
        Self::Failed,
        Self::NeedsAttention,
        Self::Canceled,
    ];

    /// The word in the database and the journal.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::AtReader => "at_reader",
            Self::Unknown => "unknown",
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::NeedsAttention => "needs_attention",
            Self::Canceled => "canceled",
        }
    }

    /// Reads [`RefundState::word`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word() == word)
    }

    /// The machine still moves it.
    #[must_use]
    pub const fn is_waiting(self) -> bool {
        match self {
            Self::Queued | Self::Sending | Self::AtReader | Self::Unknown | Self::Pending => true,
            Self::Succeeded | Self::Failed | Self::NeedsAttention | Self::Canceled => false,
        }
    }

    /// A named person must decide.
    #[must_use]
    pub const fn needs_a_person(self) -> bool {
        matches!(self, Self::Failed | Self::NeedsAttention)
    }
}
