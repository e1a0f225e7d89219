//! Customers' data.

use std::path::Path;

use serde_json::json;

use crate::answer::{Answer, Done};
use crate::args::CustomersCommand;
use crate::input::Input;
use crate::sell::find_customer;
use crate::shop;

/// The one command there is.
pub(crate) fn run(folder: &Path, command: &CustomersCommand, input: &Input) -> Done {
    let CustomersCommand::Erase { id, who } = command;
    let till = shop::open_existing(folder)?;
    let session = shop::sign_in_as(&till, who, input)?;
    let id = find_customer(&till, id)?;
    till.erase_customer(&session, &id)?;
    let head = till.journal_verify()?;
    Answer::new(
        json!({ "erased": id, "entries": head.entries, "head": head.head }),
        "Erased. The journal held their id alone, and still verifies.",
    )
}
