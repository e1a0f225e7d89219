//! What can be wrong with the shop's file.

/// Why the store could not do what was asked. Nothing is changed in part: every
/// write is one transaction.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the folder.
    #[error("the data folder is in use by another process")]
    InUse,
    /// The file is not a database, or is damaged.
    #[error("the database cannot be read")]
    Unreadable(#[source] rusqlite::Error),
    /// Written by a newer program.
    #[error("the database has schema {found}, this program knows {known}")]
    SchemaTooNew {
        /// In the file.
        found: u32,
        /// Known here.
        known: u32,
    },
    /// A migration that was applied differs from the one in the program.
    #[error("migration {number} is not the one that was applied")]
    MigrationChanged {
        /// Its number.
        number: u32,
    },
    /// No room.
    #[error("the disk is full")]
    DiskFull,
    /// A journal entry is not what was written.
    #[error("journal entry {seq} does not verify: {what}")]
    Broken {
        /// Which.
        seq: i64,
        /// In what way.
        what: &'static str,
    },
    /// A stored value cannot be read back.
    #[error("a stored {what} cannot be read")]
    Corrupt {
        /// Which.
        what: &'static str,
    },
    /// The folder cannot be made or opened.
    #[error("the data folder cannot be opened")]
    Folder(#[source] std::io::Error),
    /// Anything else of SQLite's.
    #[error("the database refused")]
    Sqlite(#[source] rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::DiskFull,
            Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
                Self::Unreadable(error)
            }
            Some(rusqlite::ErrorCode::DatabaseLocked | rusqlite::ErrorCode::DatabaseBusy) => {
                Self::InUse
            }
            _ => Self::Sqlite(error),
        }
    }
}

/// The result of the store.
pub type Result<T> = std::result::Result<T, StoreError>;
