//! The shop's promotions, in and out of files.

use std::path::Path;

use till_app::{FileForm, Import, Others};
use till_domain::promotion::Promotion;

use crate::answer::{Answer, Done};
use crate::args::PromotionsCommand;
use crate::input::{Input, read_text};
use crate::shop;

pub(crate) fn run(folder: &Path, command: &PromotionsCommand, input: &Input) -> Done {
    let till = shop::open_existing(folder)?;
    match command {
        PromotionsCommand::List => {
            let file = till.promotions()?;
            let lines: Vec<String> = file.promotions.iter().map(said).collect();
            Answer::new(&file.promotions, lines.join("\n"))
        }
        PromotionsCommand::Export => {
            let file = till.promotions()?;
            let text = serde_json::to_string_pretty(&file).unwrap_or_default();
            Answer::new(&file, text)
        }
        PromotionsCommand::Import {
            file,
            dry_run,
            replace,
            who,
        } => {
            let text = read_text(file)?;
            let form = if file.extension().is_some_and(|e| e == "toml") {
                FileForm::Toml
            } else {
                FileForm::Json
            };
            let others = if *replace {
                Others::Remove
            } else {
                Others::Keep
            };
            let import = if *dry_run { Import::DryRun } else { Import::Do };
            let session = shop::sign_in_as(&till, who, input)?;
            let done = till.import_promotions(&session, &text, form, others, import)?;
            let counts = format!(
                "{} added, {} changed, {} unchanged, {} removed.",
                done.added.len(),
                done.changed.len(),
                done.unchanged.len(),
                done.removed.len()
            );
            let text = match import {
                Import::Do => counts,
                Import::DryRun => format!("Nothing was changed. It would be: {counts}"),
            };
            Answer::new(&done, text)
        }
    }
}

/// "drop-3-for-2  3 for 2 liquorice: of every 3, the cheapest is free".
fn said(promotion: &Promotion) -> String {
    let mut text = format!("{}  {}", promotion.id, promotion.reason());
    if let Some(code) = &promotion.coupon {
        text.push_str(&format!(" (with {code})"));
    }
    if !promotion.groups.is_empty() {
        text.push_str(&format!(" (for {})", promotion.groups.join(", ")));
    }
    text
}
