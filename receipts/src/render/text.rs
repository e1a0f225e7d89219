//! Text: for logs, tests, golden files and the accessible view of a receipt.

use super::{placed, rule};
use crate::layout::{Layout, Row};

/// Lines of text, without spaces at their ends. A QR code is not text and is
/// left out.
#[must_use]
pub fn to_text(layout: &Layout) -> Vec<String> {
    let mut lines = Vec::new();
    for row in &layout.rows {
        match row {
            Row::Text { cells, .. } => lines.push(placed(cells, layout.columns, 1)),
            Row::Rule => lines.push(rule(layout.columns)),
            Row::Feed(count) => lines.extend((0..*count).map(|_| String::new())),
            Row::Qr { .. } | Row::Cut => {}
        }
    }
    lines
}
