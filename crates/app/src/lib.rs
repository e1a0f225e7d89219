//! What a cashier can do, one method each.
//!
//! Invariants:
//! - whoever acts has a [`Session`](auth::Session), which a right PIN alone gives;
//! - a method decides, records in one transaction, and returns; the device acts
//!   after that ([`Effects`]);
//! - no lock is held while a PIN is checked, paper is printed or Stripe is asked.
#![warn(missing_docs)]

mod asking;
pub mod auth;
mod books;
mod cards;
pub mod catalogue;
mod customers;
mod declined;
pub mod error;
mod figures;
mod guard;
mod hearing;
mod journal;
mod outbox;
mod paper;
pub mod ports;
mod presented;
pub mod profile;
mod promotion;
mod readers;
mod reconcile;
mod refund;
mod report;
mod sale;
mod settings;
mod shift;
mod shop;
mod sync;
mod taxes;
mod tell;
mod tender;
pub mod view;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use rust_decimal::Decimal;
use till_domain::ids::{Timestamp, Uuid};
use till_domain::money::{Currency, Money, decimal};
use till_domain::promotion::PromotionBook;
use till_store::{Store, Tx};
use till_sync::phases::Claim;
use till_sync::transport::Answer;

use crate::asking::Asking;
pub use crate::books::Audit;
use crate::error::{AppError, ErrorCode};
use crate::guard::no_card;
pub use crate::hearing::Hearing;
pub use crate::journal::JournalHead;
use crate::ports::{Clock, Ids, ReceiptPrinter, SecretStore};
pub use crate::promotion::{FileForm, Import, Imported, Others, PromotionFile};
pub use crate::reconcile::{DifferenceView, NotOursView, ReconciledView, Reconciling, SideView};
pub use crate::shop::{
    SampleSavedCard, Shop, ShopDeposit, TaxRate, TaxSet, brand_name, default_folder, sample_cards,
};
pub use crate::sync::{CardBooks, Line, StripeSetting};
pub use crate::view::CaseView;
pub use till_store::{JournalLine, Rebuilt, verify_lines};

/// The outside world of a till.
#[allow(missing_debug_implementations, reason = "ports are the outside world")]
pub struct Ports {
    /// Reads the time.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub ids: Arc<dyn Ids>,
    /// Prints.
    pub printer: Arc<dyn ReceiptPrinter>,
    /// Keeps the Stripe key.
    pub secrets: Arc<dyn SecretStore>,
}

/// A till.
pub struct Till {
    store: Mutex<Store>,
    ports: Ports,
    folder: PathBuf,
    profiles: Option<PathBuf>,
    line: Mutex<Line>,
    /// The promotions made ready, until they change.
    book: Mutex<Option<Arc<PromotionBook>>>,
    /// Answers that the disk did not take.
    unrecorded: Mutex<Vec<(Claim, Answer)>>,
    asking: Mutex<Asking>,
}

impl std::fmt::Debug for Till {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Till")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// What the device does after the commit. Losing it loses paper, not money.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effects {
    /// ESC/POS bytes, the drawer's kick among them.
    pub print: Vec<u8>,
}

/// Pulse on the drawer's pin 2: ESC p 0 25 250.
pub(crate) const OPEN_DRAWER: [u8; 5] = [0x1B, b'p', 0, 25, 250];

impl Till {
    /// Opens the till's folder, takes up what a crash left, and checks the journal
    /// since the last Z report.
    ///
    /// # Errors
    /// What the store says; the folder is not changed by a refusal.
    pub fn open(folder: &Path, ports: Ports) -> Result<Self, AppError> {
        let mut store = Store::open(folder)?;
        let now = ports.clock.now();
        store.read(|tx| tx.verify_recent())?;
        store.write(|tx| till_sync::phases::recover(tx, now))?;
        Ok(Self {
            store: Mutex::new(store),
            ports,
            folder: folder.to_owned(),
            profiles: None,
            line: Mutex::new(Line::default()),
            book: Mutex::new(None),
            unrecorded: Mutex::default(),
            asking: Mutex::default(),
        })
    }

    /// The folder of the country profiles, where it is not the usual one.
    #[must_use]
    pub fn with_profiles(mut self, folder: Option<PathBuf>) -> Self {
        self.profiles = folder;
        self
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn store(&self) -> Result<MutexGuard<'_, Store>, AppError> {
        // A thread that panicked while it held the store left no half transaction:
        // SQLite rolled it back. But what it meant to do is not known.
        self.store
            .lock()
            .map_err(|_| AppError::internal("a command failed while it held the store"))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    pub(crate) fn new_id(&self) -> Uuid {
        self.ports.ids.new_id(self.now())
    }

    /// The shop's facts; [`ErrorCode::NoShop`] before there is one.
    ///
    /// # Errors
    /// What the store says.
    pub fn shop(&self) -> Result<Shop, AppError> {
        self.store()?.read(shop)
    }

    /// True when there is a shop in the folder.
    ///
    /// # Errors
    /// What the store says.
    pub fn has_shop(&self) -> Result<bool, AppError> {
        self.store()?
            .read(|tx| Ok::<_, AppError>(tx.setting::<Shop>("shop")?.is_some()))
    }

    /// Performs what follows a commit. Gives the sentence for the cashier where
    /// the printer did not take it.
    #[must_use]
    pub fn perform(&self, effects: &Effects) -> Option<String> {
        if effects.print.is_empty() {
            return None;
        }
        self.ports.printer.print(&effects.print).err().map(|error| {
            tracing::warn!(%error, "the printer did not take it");
            ErrorCode::Printer.sentence().to_owned()
        })
    }

    /// Lets the shop's file grow by no more than `pages` of the disk: what a full
    /// disk does, for a test.
    ///
    /// # Errors
    /// What the store says.
    #[doc(hidden)]
    pub fn full_disk(&self, pages: u32) -> Result<(), AppError> {
        Ok(self.store()?.limit_growth(pages)?)
    }

    /// Moves the write-ahead log into the file. For an idle moment.
    pub fn idle(&self) {
        if let Ok(mut store) = self.store()
            && let Err(error) = store.checkpoint()
        {
            tracing::warn!(%error, "no checkpoint");
        }
    }
}

pub(crate) fn shop(tx: &Tx<'_>) -> Result<Shop, AppError> {
    tx.setting::<Shop>("shop")?
        .ok_or_else(|| ErrorCode::NoShop.into())
}

/// A quantity or a rate typed by a person.
pub(crate) fn number(text: &str) -> Result<Decimal, AppError> {
    no_card(text)?;
    Ok(decimal(text.trim())?)
}

/// An amount typed by a person: not below zero, and not absurd.
pub(crate) fn amount(text: &str, shop: &Shop) -> Result<Money, AppError> {
    amount_in(text, shop.currency())
}

/// The same, of whichever currency.
pub(crate) fn amount_in(text: &str, currency: Currency) -> Result<Money, AppError> {
    no_card(text)?;
    let amount = Money::parse(text.trim(), currency)?;
    if amount.is_negative() {
        return Err(ErrorCode::Negative.into());
    }
    if amount.minor() > ABSURD_MINOR {
        return Err(ErrorCode::Absurd.into());
    }
    Ok(amount)
}

/// No sale of a shop is larger: Stripe's own limit of eight digits.
const ABSURD_MINOR: i64 = 99_999_999;
