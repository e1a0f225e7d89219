//! The chained record: verified, exported, folded anew.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;

use serde_json::json;
use till_app::{JournalLine, verify_lines};

use crate::answer::{Answer, Done, Refusal};
use crate::args::JournalCommand;
use crate::shop;

/// One of the commands that open the folder.
pub(crate) fn run(folder: &Path, command: &JournalCommand) -> Done {
    let till = shop::open_existing(folder)?;
    match command {
        JournalCommand::Verify { from: Some(file) } => verify_file(file),
        JournalCommand::Verify { from: None } => {
            let head = till.journal_verify()?;
            verified(head.entries, &head.head)
        }
        JournalCommand::Export => {
            let mut out = BufWriter::new(io::stdout().lock());
            till.journal_export(&mut out)?;
            let _ = out.flush();
            Ok(Answer::none())
        }
        JournalCommand::Rebuild => {
            let rebuilt = till.journal_rebuild()?;
            if !rebuilt.differing.is_empty() {
                return Err(Refusal::difference(
                    "projections_differ",
                    format!(
                        "These tables were not what the journal says, and have been made anew \
                         from it: {}. The journal itself is unchanged.",
                        rebuilt.differing.join(", ")
                    ),
                ));
            }
            Answer::new(
                json!({ "entries": rebuilt.entries, "differing": rebuilt.differing }),
                format!(
                    "{} entries folded. Every projection is what the journal says.",
                    rebuilt.entries
                ),
            )
        }
    }
}

fn verified(entries: i64, head: &str) -> Done {
    Answer::new(
        json!({ "entries": entries, "head": head, "verifies": true }),
        format!("{entries} entries, and the chain verifies. It ends in {head}."),
    )
}

/// Verifies an export alone: no shop, no database.
pub(crate) fn verify_file(path: &Path) -> Done {
    let name = path.display();
    let file = File::open(path)
        .map_err(|error| Refusal::input(format!("{name} cannot be read ({error}).")))?;
    let mut lines: Vec<JournalLine> = Vec::new();
    for (at, line) in BufReader::new(file).lines().enumerate() {
        let at = at + 1;
        // A changed byte may leave no JSON, or no text: a difference, not bad usage.
        let broken = |what: String| {
            Refusal::difference(
                "journal_broken",
                format!("{name}, line {at}: {what}. It is not what was exported."),
            )
        };
        let line = line.map_err(|error| broken(error.to_string()))?;
        if line.trim().is_empty() {
            continue;
        }
        lines.push(serde_json::from_str(&line).map_err(|error| {
            broken(format!("column {}: it is no journal entry", error.column()))
        })?);
    }
    if lines.is_empty() {
        return Err(Refusal::input(format!("{name} holds no journal.")));
    }
    match verify_lines(lines) {
        Ok(head) => verified(head.seq, &head.short()),
        Err(error) => Err(Refusal::difference(
            "journal_broken",
            format!("{name}: {error}."),
        )),
    }
}
