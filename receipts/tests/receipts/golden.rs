//! Text of every sample, reviewed like code. `TILL_BLESS=1` writes it anew.

use std::path::Path;

use till_receipts::{COLUMNS_58MM, COLUMNS_80MM, lay_out, to_text};

use crate::samples;

#[test]
fn papers_read_as_their_golden_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let bless = std::env::var_os("TILL_BLESS").is_some();
    let mut differing = Vec::new();
    for (name, document) in samples::all() {
        for columns in [COLUMNS_80MM, COLUMNS_58MM] {
            let text = to_text(&lay_out(&document, columns)).join("\n") + "\n";
            let path = folder.join(format!("{name}.{columns}.txt"));
            if bless {
                std::fs::write(&path, &text).unwrap();
            } else if std::fs::read_to_string(&path).unwrap_or_default() != text {
                differing.push(format!("--- {}\n{text}", path.display()));
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
