//! The catalogue, as a file.

use std::fmt::Write as _;
use std::path::Path;

use till_app::Import;

use crate::answer::{Answer, Done, exit};
use crate::args::ProductsCommand;
use crate::input::{Input, read_text};
use crate::shop;

/// Imports, exports or finds.
pub(crate) fn run(folder: &Path, command: &ProductsCommand, input: &Input) -> Done {
    let till = shop::open_existing(folder)?;
    match command {
        ProductsCommand::Import { file, dry_run, who } => {
            let session = shop::sign_in_as(&till, who, input)?;
            let import = if *dry_run { Import::DryRun } else { Import::Do };
            let done = till.import_products(&session, &read_text(file)?, import)?;
            let mut text = String::new();
            for row in &done.bad {
                let _ = writeln!(
                    text,
                    "line {}, {}, {}: {}",
                    row.line, row.sku, row.column, row.what
                );
            }
            let _ = match (done.bad.len(), import) {
                (0, Import::DryRun) => writeln!(
                    text,
                    "Would add {}, change {}, leave {} as they are. Nothing was changed.",
                    done.added, done.changed, done.unchanged
                ),
                (0, Import::Do) => writeln!(
                    text,
                    "{} added, {} changed, {} were so already.",
                    done.added, done.changed, done.unchanged
                ),
                (bad, _) => writeln!(text, "{bad} to put right. Nothing was changed."),
            };
            let refused = !done.bad.is_empty();
            let mut answer = Answer::new(&done, text)?;
            if refused {
                answer.exit = exit::INPUT;
            }
            Ok(answer)
        }
        ProductsCommand::Export => {
            let text = till.export_products()?;
            Answer::new(&text, text.as_str())
        }
        ProductsCommand::Find { text } => {
            let found = till.search(text)?;
            let lines: Vec<String> = found
                .iter()
                .map(|p| format!("{:<8} {}", p.sku, p.name))
                .collect();
            Answer::new(&found, lines.join("\n"))
        }
    }
}
