//! What the till needs of the outside world, each with two implementations.

use secrecy::SecretString;
use till_domain::ids::{Timestamp, Uuid};

/// Reads the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Makes ids. Version 7, so that they sort by time; from a seed in a simulation.
pub trait Ids: Send + Sync {
    /// A new id, not used before.
    fn new_id(&self, now: Timestamp) -> Uuid;
}

/// Why a printer did not take its bytes.
#[derive(Debug, thiserror::Error)]
pub enum PrinterError {
    /// Off, out of paper, not there.
    #[error("the printer cannot be reached")]
    Unreachable(#[source] std::io::Error),
    /// It stopped half-way.
    #[error("the printer stopped")]
    Stopped(#[source] std::io::Error),
}

/// Takes ESC/POS bytes.
pub trait ReceiptPrinter: Send + Sync {
    /// Prints; returns when the bytes are out of our hands.
    ///
    /// # Errors
    /// [`PrinterError`]; the sale is complete all the same.
    fn print(&self, escpos: &[u8]) -> Result<(), PrinterError>;
}

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The system has no keyring, or none that answers.
    #[error("the system has no keyring")]
    NoKeyring,
    /// The keyring refused.
    #[error("the keyring refused")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Keeps the Stripe key. Never a file, never the database.
pub trait SecretStore: Send + Sync {
    /// The key; `None` where none was set.
    ///
    /// # Errors
    /// [`SecretError`].
    fn stripe_key(&self) -> Result<Option<SecretString>, SecretError>;

    /// Sets the key.
    ///
    /// # Errors
    /// [`SecretError`]; then nothing was written anywhere.
    fn set_stripe_key(&self, key: &SecretString) -> Result<(), SecretError>;
}
