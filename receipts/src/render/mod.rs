//! A [`Layout`] becomes text, printer bytes or a page. Nothing is decided here.

mod escpos;
mod pdf;
mod text;

pub use self::escpos::to_escpos;
pub use self::pdf::to_pdf;
pub use self::text::to_text;

use crate::format::width;
use crate::layout::{Anchor, Cell};

/// Why a layout could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// One of the fonts in the program is damaged.
    #[error("the font {name} cannot be read")]
    Font {
        /// Which.
        name: &'static str,
    },
    /// Too much for a QR code.
    #[error("{bytes} bytes do not fit in a QR code")]
    Qr {
        /// How much.
        bytes: usize,
    },
    /// The printer's command set has no such command.
    #[error("printer command: {0}")]
    Printer(#[from] ::escpos::errors::PrinterError),
}

/// A row as one string, each character taking `scale` columns.
fn placed(cells: &[Cell], columns: usize, scale: usize) -> String {
    let columns = columns.checked_div(scale).unwrap_or(columns);
    let mut line = String::new();
    for cell in cells {
        let taken = width(&cell.text);
        let start = match cell.anchor {
            Anchor::Start(at) => at.checked_div(scale).unwrap_or(at),
            Anchor::Centre => columns.saturating_sub(taken) >> 1,
            Anchor::End(at) => at.checked_div(scale).unwrap_or(at).saturating_sub(taken),
        };
        let gap = start.saturating_sub(width(&line));
        line.extend(std::iter::repeat_n(' ', gap));
        line.push_str(&cell.text);
    }
    line
}

/// The string of a rule.
fn rule(columns: usize) -> String {
    "-".repeat(columns)
}
