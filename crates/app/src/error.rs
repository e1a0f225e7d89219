//! What can go wrong at the counter, as a code and a sentence.
//!
//! The sentences live in one table, [`ErrorCode::sentence`]: first whether the
//! money is all right, then what to do. The window and the headless till show
//! the same words.

use serde::Serialize;
use till_domain::barcode::{BarcodeError, Fault, Gs1Error, hide_cards};
use till_domain::ids::Timestamp;
use till_domain::limits::OverLimit;
use till_domain::money::MoneyError;
use till_domain::quote::QuoteError;
use till_domain::refund::RefundError;
use till_domain::sale::{CommitError, SaleError};
use till_domain::tax::TaxError;
use till_store::StoreError;
use ts_rs::TS;

use crate::ports::SecretError;

/// A refusal that somebody acts on. A code is added when a screen or a script
/// does something different because of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, TS)]
#[ts(export)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// No shop in this folder yet.
    NoShop,
    /// There is a shop already.
    ShopExists,
    /// The country profiles are nowhere.
    NoProfiles,
    /// Nobody is signed in.
    NotSignedIn,
    /// The PIN is wrong.
    PinWrong,
    /// Too many wrong PINs.
    PinLocked,
    /// The person may not do this; a manager's PIN lets it pass.
    NeedsManager,
    /// A manager said yes and not why.
    NeedsReason,
    /// No shift is open.
    ShiftNotOpen,
    /// A shift is open already.
    ShiftOpen,
    /// Suspended or open sales are in the way of closing.
    SalesUnfinished,
    /// The drawer has not been counted.
    NotCounted,
    /// Nothing is known under this code.
    BarcodeUnknown,
    /// The scan's check digit is wrong.
    BarcodeCheckDigit,
    /// What was scanned is not a code.
    BarcodeMalformed,
    /// The scan ends too soon.
    BarcodeTruncated,
    /// The scan, or a part of it, is too long.
    BarcodeLength,
    /// The scan has a character that it cannot have.
    BarcodeCharacters,
    /// A GS1 code with an application identifier that nobody knows.
    BarcodeUnknownAi,
    /// A GS1 code with a day that is not in the calendar.
    BarcodeDate,
    /// The code says that the goods are past their date.
    PastItsDate,
    /// No promotion is for this coupon now.
    CouponUnknown,
    /// Looks like a card number; refused and not kept.
    LooksLikeCard,
    /// No such product, line, sale, customer or entry.
    NotFound,
    /// Not a number, or too many places.
    NotANumber,
    /// Below zero where that makes no sense.
    Negative,
    /// Larger than any sale.
    Absurd,
    /// Weighed goods need a weight; others a whole number.
    QuantityKind,
    /// The shop has no such tax, or no rate of it yet.
    NoTax,
    /// A percentage over 100.
    PercentOver100,
    /// The sale is empty.
    SaleEmpty,
    /// Part of the sum has no tender.
    Underpaid,
    /// A card may not be charged more than is due.
    OverDue,
    /// A tender is on its way or not known; wait for it.
    TenderBusy,
    /// This kind of tender is not possible now.
    TenderUnavailable,
    /// Below Stripe's least amount.
    BelowMinimum,
    /// Over an offline limit.
    OverLimit,
    /// The customer has no saved card with consent.
    NoSavedCard,
    /// Nobody has said that the customer agreed to these words.
    ConsentMissing,
    /// A charge on the card is not settled.
    CardInUse,
    /// A card is being saved already, for this customer or at this reader.
    SavingUnderWay,
    /// No card reader is chosen for this till.
    NoReader,
    /// The card reader waits for the card of a refund.
    ReaderRefunding,
    /// A card reader is driven by Stripe, which cannot be reached.
    ReaderNeedsStripe,
    /// More than was sold less what was returned.
    MoreThanSold,
    /// Part of it was given back at Stripe by somebody else.
    RefundedElsewhere,
    /// The sale has been completed or undone already.
    AlreadyDone,
    /// Nothing to refund.
    NothingToRefund,
    /// This decision is not possible in this state.
    NotNow,
    /// The system has no keyring.
    KeyringMissing,
    /// No Stripe key is set.
    StripeNotConnected,
    /// Stripe refuses the key.
    StripeKeyRefused,
    /// The key is of another account or mode while charges wait.
    StripeAccountDiffers,
    /// A test tender with a live key.
    LiveKeyRefused,
    /// Stripe cannot be reached.
    Offline,
    /// The printer did not take the receipt.
    Printer,
    /// The system opened no browser.
    NoBrowser,
    /// Another process has this data folder.
    DataInUse,
    /// The database cannot be read.
    DatabaseUnreadable,
    /// The database was written by a newer Evertill.
    DatabaseNewer,
    /// The disk is full.
    DiskFull,
    /// The journal does not verify.
    JournalBroken,
    /// A port is taken.
    PortTaken,
    /// The input is not what was asked for.
    BadInput,
    /// A free text, reason or name is empty or too long.
    BadText,
    /// A fault of ours.
    Internal,
}

impl ErrorCode {
    /// The sentence a person is shown. `{…}` stands for a fact of the error.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NoShop => "There is no shop in this folder yet. Set one up first.",
            Self::ShopExists => "There is a shop in this folder already. Nothing was changed.",
            Self::NoProfiles => {
                "The country profiles are missing. Nothing was changed. Install the till again, or name their folder with --profiles."
            }
            Self::NotSignedIn => "Nobody is signed in. Nothing was changed. Sign in with a PIN.",
            Self::PinWrong => "Wrong PIN. Nothing was changed.",
            Self::PinLocked => "Too many wrong PINs. Nothing was changed. Wait, or ask a manager.",
            Self::NeedsManager => "Nothing was changed. This needs a manager's PIN.",
            Self::NeedsReason => {
                "Nothing was changed. This needs a manager's PIN and a reason: say why."
            }
            Self::ShiftNotOpen => "No shift is open. Nothing was taken. Open one with its float.",
            Self::ShiftOpen => "A shift is open already. Nothing was changed.",
            Self::SalesUnfinished => {
                "The shift stays open and nothing is lost. Finish or void the open and suspended sales first."
            }
            Self::NotCounted => "The shift stays open. Count the drawer first.",
            Self::BarcodeUnknown => "No product has this code. Nothing was added. Type its name.",
            Self::BarcodeCheckDigit => {
                "The code was misread: its check digit is wrong. Nothing was added. Scan again."
            }
            Self::BarcodeMalformed => "That is not a product code. Nothing was added. Scan again.",
            Self::BarcodeTruncated => {
                "Only a part of the code was read. Nothing was added. Scan again."
            }
            Self::BarcodeLength => "The code is too long. Nothing was added. Scan again.",
            Self::BarcodeCharacters => {
                "The code was misread: no code has such characters. Nothing was added. Scan again."
            }
            Self::BarcodeUnknownAi => {
                "The code has a part that no GS1 code has. Nothing was added. Scan again, or type its name."
            }
            Self::BarcodeDate => {
                "The code has a date that does not exist. Nothing was added. Scan again, or type its name."
            }
            Self::PastItsDate => {
                "This is past its date. Nothing was added. Put it aside; to sell it all the same, choose it by name."
            }
            Self::CouponUnknown => {
                "No offer of the shop is for this coupon now. Nothing was changed. Check the code and its dates."
            }
            Self::LooksLikeCard => {
                "That looks like a card number. It was not kept. Never type a card number here."
            }
            Self::NotFound => "That is not here any more. Nothing was changed.",
            Self::NotANumber => "That is not a number the till can use. Nothing was changed.",
            Self::Negative => "The number must not be below zero. Nothing was changed.",
            Self::Absurd => "The number is larger than any sale. Nothing was changed. Check it.",
            Self::QuantityKind => {
                "Goods sold by weight need a weight, others a whole number. Nothing was changed."
            }
            Self::NoTax => {
                "The shop has no rate of this product's tax for today. Nothing was added. Set it with: till settings set"
            }
            Self::PercentOver100 => "A discount is 100 % at most. Nothing was changed.",
            Self::SaleEmpty => "There is nothing on the sale. Nothing was taken.",
            Self::Underpaid => "The sale is not paid yet. It stays open. Take the rest.",
            Self::OverDue => "A card cannot be charged more than is due. Nothing was charged.",
            Self::TenderBusy => {
                "A card tender is on its way or not known yet. It cannot be charged twice. Wait, or look again."
            }
            Self::TenderUnavailable => {
                "That is not possible now. Nothing was charged. Take another tender."
            }
            Self::BelowMinimum => {
                "Stripe does not charge so little. Nothing was charged. Take another tender."
            }
            Self::OverLimit => {
                "Over the limit for cards while offline. Nothing was taken. Take the rest in cash, or ask a manager."
            }
            Self::NoSavedCard => {
                "This customer has no saved card. Nothing was charged. Take another tender."
            }
            Self::ConsentMissing => {
                "No card was saved and nothing was charged. Show the customer the words as they are now, and ask whether they agree."
            }
            Self::CardInUse => {
                "A charge on this card is not settled yet, so the card stays. Settle it first: in the outbox, or by completing the sale."
            }
            Self::SavingUnderWay => {
                "A card is being saved already, for this customer or at this reader. Nothing was charged. Finish or cancel that first."
            }
            Self::NoReader => {
                "No card reader is chosen for this till. Nothing was charged. Take another tender, or ask a manager to choose a reader."
            }
            Self::ReaderRefunding => {
                "The card reader waits for the card of a refund. Nothing was charged. Let the customer present it, or take it off the reader in the outbox."
            }
            Self::ReaderNeedsStripe => {
                "A card reader works only while Stripe can be reached. Nothing was charged and nothing is queued. Take another tender."
            }
            Self::MoreThanSold => "More than was sold and not yet returned. Nothing was refunded.",
            Self::RefundedElsewhere => {
                "Nothing was refunded. Part of this sale was given back in Stripe's dashboard already, and less than this is left. Ask who it was, and take back less."
            }
            Self::AlreadyDone => "That is done already. It was not done twice.",
            Self::NothingToRefund => "Nothing is chosen. Nothing was refunded.",
            Self::NotNow => {
                "That cannot be decided while the charge is not known. Nothing was changed."
            }
            Self::KeyringMissing => {
                "The till sells on; queued cards are kept and wait. This system has no keyring, and a key is never written to disk. Start or install one, such as gnome-keyring."
            }
            Self::StripeNotConnected => {
                "The till sells on; queued cards are kept and wait. No Stripe key is set. Run: till stripe connect"
            }
            Self::StripeKeyRefused => {
                "Queued cards are kept and wait; nothing was charged. Stripe refuses the key. Run: till stripe connect"
            }
            Self::StripeAccountDiffers => {
                "Nothing was changed. Cards queued for another Stripe account or mode still wait; send or resolve them first."
            }
            Self::LiveKeyRefused => "Nothing was charged. Test cards are refused with a live key.",
            Self::Offline => {
                "Stripe cannot be reached. Nothing is lost; what waits is sent when it can be."
            }
            Self::Printer => {
                "The printer did not take it. The sale is complete. Look at the printer, then reprint from Recent sales."
            }
            Self::NoBrowser => {
                "No browser could be opened here, and nothing is lost. Let the customer scan the code with their phone."
            }
            Self::DataInUse => {
                "Another Evertill has this folder open. Nothing was changed. Close it first."
            }
            Self::DatabaseUnreadable => {
                "The shop's file cannot be read, and it was not changed. Do not delete it: copy the folder away, then restore the last backup."
            }
            Self::DatabaseNewer => {
                "The shop's file was written by a newer Evertill. It was not changed. Install that version."
            }
            Self::DiskFull => {
                "The disk is full. Nothing was recorded, so nothing was sold. What was complete before is safe. Free some space, then do it again."
            }
            Self::JournalBroken => {
                "The journal does not verify, so the till takes no money. Nothing was changed. Copy the folder away and ask for help."
            }
            Self::PortTaken => {
                "That port is taken by another program. Nothing was started. Choose another."
            }
            Self::BadInput => "The input cannot be used. Nothing was changed.",
            Self::BadText => "A word is missing or far too long. Nothing was changed.",
            Self::Internal => {
                "Something in the till is wrong; it is in the log. What was complete is safe. Restart the till."
            }
        }
    }
}

/// Why the till refused, with its facts.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A code says it all.
    #[error("{}", .0.sentence())]
    Code(ErrorCode),
    /// A code, and what it is about.
    #[error("{detail}")]
    Refused {
        /// Which.
        code: ErrorCode,
        /// What it is about, for the log and for `--json`.
        detail: String,
    },
    /// A wrong PIN, or a locked one.
    #[error("wrong PIN, {tries_left} tries left")]
    Pin {
        /// Before it is locked.
        tries_left: u32,
        /// Locked until then.
        locked_until: Option<Timestamp>,
    },
    /// A limit.
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
    /// A scan.
    #[error(transparent)]
    Barcode(#[from] BarcodeError),
    /// An amount.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// A price.
    #[error(transparent)]
    Quote(#[from] QuoteError),
    /// A change to a sale.
    #[error(transparent)]
    Sale(#[from] SaleError),
    /// Completing a sale.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A refund.
    #[error(transparent)]
    Refund(#[from] RefundError),
    /// The shop's file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keyring.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl From<ErrorCode> for AppError {
    fn from(code: ErrorCode) -> Self {
        Self::Code(code)
    }
}

impl AppError {
    /// A code with what it is about.
    #[must_use]
    pub fn refused(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self::Refused {
            code,
            // It may repeat what somebody typed.
            detail: hide_cards(&detail.into()).into_owned(),
        }
    }

    /// A fault of ours.
    #[must_use]
    pub fn internal(detail: &'static str) -> Self {
        Self::refused(ErrorCode::Internal, detail)
    }

    /// What the window or a script may act on.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Code(code) | Self::Refused { code, .. } => *code,
            Self::Pin {
                locked_until: Some(_),
                ..
            } => ErrorCode::PinLocked,
            Self::Pin {
                locked_until: None, ..
            } => ErrorCode::PinWrong,
            Self::OverLimit(_) => ErrorCode::OverLimit,
            Self::Barcode(error) => match error {
                BarcodeError::Empty => ErrorCode::BarcodeMalformed,
                BarcodeError::Length { digits: 0..14 } => ErrorCode::BarcodeTruncated,
                BarcodeError::Length { .. } | BarcodeError::TooLong => ErrorCode::BarcodeLength,
                BarcodeError::Characters => ErrorCode::BarcodeCharacters,
                BarcodeError::CheckDigit { .. } => ErrorCode::BarcodeCheckDigit,
                BarcodeError::Card => ErrorCode::LooksLikeCard,
                BarcodeError::Gs1(error) => gs1_code(error),
            },
            Self::Money(error) => money_code(error),
            Self::Quote(error)
            | Self::Sale(SaleError::Quote(error))
            | Self::Commit(CommitError::Quote(error)) => match error {
                QuoteError::Money(error) => money_code(error),
                // Nothing but a rate below zero makes a set that cannot be taken out.
                QuoteError::Tax(TaxError::NotInvertible) => ErrorCode::Negative,
                QuoteError::Tax(
                    TaxError::Rate { .. } | TaxError::Amount { .. } | TaxError::TooLarge,
                ) => ErrorCode::Absurd,
                QuoteError::Promotions { .. } => ErrorCode::BadInput,
                QuoteError::Percent { .. } => ErrorCode::PercentOver100,
                QuoteError::Negative { .. } | QuoteError::NegativePrice => ErrorCode::Negative,
                QuoteError::Quantity { .. }
                | QuoteError::PricePlaces { .. }
                | QuoteError::TooMany { .. }
                | QuoteError::ForeignRate { .. } => ErrorCode::Absurd,
                QuoteError::Pieces { .. } => ErrorCode::QuantityKind,
                QuoteError::CashBack { .. } => ErrorCode::TenderUnavailable,
                QuoteError::OverDue { .. } => ErrorCode::OverDue,
            },
            Self::Sale(SaleError::NotFound) => ErrorCode::NotFound,
            Self::Sale(SaleError::QuantityKind) => ErrorCode::QuantityKind,
            Self::Sale(SaleError::NotPositive) => ErrorCode::Negative,
            Self::Sale(SaleError::Tendered) => ErrorCode::TenderBusy,
            Self::Commit(CommitError::Empty) => ErrorCode::SaleEmpty,
            Self::Commit(CommitError::Underpaid { .. }) => ErrorCode::Underpaid,
            Self::Commit(CommitError::Unsettled) => ErrorCode::TenderBusy,
            Self::Refund(error) => match error {
                RefundError::Nothing => ErrorCode::NothingToRefund,
                RefundError::NotFound => ErrorCode::NotFound,
                RefundError::Twice => ErrorCode::BadInput,
                RefundError::MoreThanSold { .. } => ErrorCode::MoreThanSold,
                RefundError::QuantityKind => ErrorCode::QuantityKind,
                RefundError::Money(error) => money_code(error),
            },
            Self::Store(error) => match error {
                StoreError::InUse => ErrorCode::DataInUse,
                StoreError::Unreadable(_)
                | StoreError::MigrationChanged { .. }
                | StoreError::Corrupt { .. }
                | StoreError::Folder(_) => ErrorCode::DatabaseUnreadable,
                StoreError::SchemaTooNew { .. } => ErrorCode::DatabaseNewer,
                StoreError::DiskFull => ErrorCode::DiskFull,
                StoreError::Broken { .. } => ErrorCode::JournalBroken,
                StoreError::Sqlite(_) => ErrorCode::Internal,
            },
            Self::Secret(SecretError::NoKeyring) => ErrorCode::KeyringMissing,
            Self::Secret(SecretError::Refused(_)) => ErrorCode::KeyringMissing,
        }
    }

    /// The sentence a person is shown: whether the money is all right, what to do.
    #[must_use]
    pub fn sentence(&self) -> String {
        let sentence = self.code().sentence();
        match self {
            Self::Pin {
                locked_until: None,
                tries_left,
            } => {
                let tries = if *tries_left == 1 { "try" } else { "tries" };
                format!("{sentence} {tries_left} {tries} left.")
            }
            Self::OverLimit(limit) => format!("{sentence} ({limit}.)"),
            Self::Refused {
                code: ErrorCode::BadInput,
                detail,
            } => format!("{sentence} {detail}."),
            Self::Code(_)
            | Self::Refused { .. }
            | Self::Pin { .. }
            | Self::Barcode(_)
            | Self::Money(_)
            | Self::Quote(_)
            | Self::Sale(_)
            | Self::Commit(_)
            | Self::Refund(_)
            | Self::Store(_)
            | Self::Secret(_) => sentence.to_owned(),
        }
    }
}

const fn gs1_code(error: &Gs1Error) -> ErrorCode {
    match error {
        Gs1Error::UnknownAi { .. } => ErrorCode::BarcodeUnknownAi,
        Gs1Error::Separator | Gs1Error::Link => ErrorCode::BarcodeMalformed,
        Gs1Error::Element { fault, .. } => match fault {
            Fault::Truncated { .. } => ErrorCode::BarcodeTruncated,
            Fault::TooLong { .. } => ErrorCode::BarcodeLength,
            Fault::Characters => ErrorCode::BarcodeCharacters,
            Fault::CheckDigit => ErrorCode::BarcodeCheckDigit,
            Fault::Date => ErrorCode::BarcodeDate,
            Fault::Content | Fault::Repeated => ErrorCode::BarcodeMalformed,
        },
    }
}

const fn money_code(error: &MoneyError) -> ErrorCode {
    match error {
        MoneyError::UnknownCurrency | MoneyError::CurrencyMismatch { .. } => ErrorCode::BadInput,
        MoneyError::TooLarge => ErrorCode::Absurd,
        MoneyError::TooManyPlaces { .. } | MoneyError::NotANumber => ErrorCode::NotANumber,
    }
}
