//! Paper: facts → one [`Layout`] → PDF, ESC/POS bytes or text.
//!
//! Invariants:
//! - every string on the paper is decided by [`lay_out`]; the renderers place
//!   strings and draw, they format and add up nothing;
//! - so the three renderings of a document carry the same text;
//! - a duplicate is the original with the word *duplicate* on it;
//! - an amount is never cut: where room is short, names are.
//!
//! Opening the drawer is not here: it follows a commit, not a piece of paper.
#![warn(missing_docs)]

pub mod data;
mod format;
pub mod layout;
pub mod render;

pub use data::Document;
pub use layout::{Layout, lay_out};
pub use render::{RenderError, to_escpos, to_pdf, to_text};

/// Columns of 80 mm paper in a printer's font A.
pub const COLUMNS_80MM: usize = 42;
/// Columns of 58 mm paper in a printer's font A.
pub const COLUMNS_58MM: usize = 32;
