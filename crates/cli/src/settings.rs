//! The shop's settings, as a file.

use std::path::Path;

use serde_json::json;
use till_adapters::printer_from;

use crate::answer::{Answer, Done, note};
use crate::args::SettingsCommand;
use crate::input::{Input, read_text};
use crate::shop;

/// Shows or sets.
pub(crate) fn run(folder: &Path, command: &SettingsCommand, input: &Input) -> Done {
    let till = shop::open_existing(folder)?;
    match command {
        SettingsCommand::Show => Answer::new(till.settings_json()?, till.settings_text()?),
        SettingsCommand::Set { file, who } => {
            let session = shop::sign_in_as(&till, who, input)?;
            let (name, text) = if file.as_os_str() == "-" {
                ("standard input".to_owned(), input.text()?)
            } else {
                (file.display().to_string(), read_text(file)?)
            };
            let changes = till.set_settings(&session, &name, &text)?;
            let lines: Vec<String> = changes
                .iter()
                .map(|change| {
                    let said = |text: &Option<String>| text.clone().unwrap_or_else(|| "…".into());
                    match (&change.from, &change.to) {
                        (None, None) => change.setting.clone(),
                        (from, to) => {
                            format!("{}: {} → {}", change.setting, said(from), said(to))
                        }
                    }
                })
                .collect();
            // The till knows the forms; which of them this machine can do is known here.
            let printer = till.shop()?.printer;
            let complaint = printer_from(&printer).err().map(|error| error.to_string());
            if let Some(error) = &complaint {
                note(&format!("The printer {printer} cannot be used: {error}"));
            }
            Answer::new(
                json!({ "changed": changes, "printer": complaint }),
                if lines.is_empty() {
                    "Everything was so already.".to_owned()
                } else {
                    lines.join("\n")
                },
            )
        }
    }
}
