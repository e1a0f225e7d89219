//! The outside world, one file a port.
//!
//! Invariants:
//! - nothing here decides about sales, tenders or shifts;
//! - a Stripe key is in the keyring and in memory, and in no file, log or `Debug`.
#![warn(missing_docs)]

pub mod clock;
pub mod drive;
pub mod keyring;
pub mod listen;
pub mod printer;
pub mod sim;
pub mod stripe_http;

pub use crate::clock::{RandomIds, SystemClock};
pub use crate::keyring::{LateSecrets, MemorySecrets, OsKeyring};
pub use crate::printer::{FilePrinter, NoPrinter, TcpPrinter, printer_from};
pub use crate::sim::{SeededIds, SimClock};
pub use crate::stripe_http::{ReqwestTransport, TransportError};
