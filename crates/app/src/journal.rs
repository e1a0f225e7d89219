//! The journal, looked at: verified, exported, rebuilt from.

use std::io::Write;

use till_store::{Rebuilt, StoreError};

use crate::Till;
use crate::error::AppError;
use crate::paper::unwritten;

impl Till {
    /// Verifies the journal from its first entry.
    ///
    /// # Errors
    /// [`ErrorCode::JournalBroken`], with the first entry that does not verify.
    pub fn journal_verify(&self) -> Result<JournalHead, AppError> {
        let head = self.store()?.read(|tx| tx.verify_chain())?;
        Ok(JournalHead {
            entries: head.seq,
            head: head.short(),
        })
    }

    /// Writes the journal as JSON Lines; gives how many.
    ///
    /// # Errors
    /// What the store says; a file that cannot be written.
    pub fn journal_export(&self, out: &mut dyn Write) -> Result<i64, AppError> {
        let mut lines = 0;
        let mut failed = None;
        let read = self.store()?.read(|tx| {
            tx.journal_lines(|line| {
                let written = serde_json::to_string(&line)
                    .map_err(std::io::Error::from)
                    .and_then(|text| writeln!(out, "{text}"));
                if let Err(error) = written {
                    failed = Some(error);
                    // Ends the reading; what is reported is `failed`.
                    return Err(StoreError::Corrupt { what: "export" });
                }
                lines += 1;
                Ok(())
            })
        });
        match failed {
            Some(error) => Err(unwritten(error)),
            None => {
                read?;
                out.flush().map_err(unwritten)?;
                Ok(lines)
            }
        }
    }

    /// Makes everything that follows from the journal again, and says what was
    /// not as the journal has it.
    ///
    /// # Errors
    /// What the store says.
    pub fn journal_rebuild(&self) -> Result<Rebuilt, AppError> {
        Ok(self.store()?.write(|tx| tx.rebuild())?)
    }
}

/// The end of a journal that verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalHead {
    /// Entries.
    pub entries: i64,
    /// Hash of the last, shortened for people: "5C0E-77B1-D24A".
    pub head: String,
}
