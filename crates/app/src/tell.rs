//! An [`AppError`] as the window is told it.

use crate::Till;
use crate::error::AppError;
use crate::figures::local;
use crate::view::CommandError;

impl Till {
    /// What the window is told: the code to act on, the sentence to show, and
    /// until when a PIN is locked, by the shop's clock.
    #[must_use]
    pub fn command_error(&self, error: &AppError) -> CommandError {
        let mut told = CommandError {
            code: error.code(),
            message: error.sentence(),
            tries_left: None,
            locked_until: None,
        };
        if let AppError::Pin {
            tries_left,
            locked_until,
        } = error
        {
            told.tries_left = Some(*tries_left);
            told.locked_until =
                locked_until.and_then(|until| self.shop().ok().map(|shop| local(&shop, until)));
        }
        told
    }
}
