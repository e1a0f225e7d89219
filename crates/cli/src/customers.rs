//! Customers' data.

use std::path::Path;

use serde_json::json;

use crate::answer::{Answer, Done};
use crate::args::CustomersCommand;
use crate::input::Input;
use crate::sell::find_customer;
use crate::shop;

pub(crate) fn run(folder: &Path, command: &CustomersCommand, input: &Input) -> Done {
    let till = shop::open_existing(folder)?;
    match command {
        CustomersCommand::Groups { id, groups, who } => {
            let session = shop::sign_in_as(&till, who, input)?;
            let id = find_customer(&till, id)?;
            let customer = till.set_customer_groups(&session, &id, groups)?;
            let text = if customer.groups.is_empty() {
                format!("{} is in no group.", customer.name)
            } else {
                format!("{} is in {}.", customer.name, customer.groups.join(", "))
            };
            Answer::new(json!({ "id": id, "groups": customer.groups }), text)
        }
        CustomersCommand::Taxes { id, set, who } => {
            let session = shop::sign_in_as(&till, who, input)?;
            let id = find_customer(&till, id)?;
            let customer = till.set_customer_taxes(&session, &id, set.as_deref())?;
            let text = match set {
                Some(set) => format!("{} is charged {set}.", customer.name),
                None => format!("{} is charged what everybody is.", customer.name),
            };
            Answer::new(json!({ "id": id, "tax_set": set }), text)
        }
        CustomersCommand::Erase { id, who } => {
            let session = shop::sign_in_as(&till, who, input)?;
            let id = find_customer(&till, id)?;
            till.erase_customer(&session, &id)?;
            let head = till.journal_verify()?;
            Answer::new(
                json!({ "erased": id, "entries": head.entries, "head": head.head }),
                "Erased. The journal held their id alone, and still verifies.",
            )
        }
    }
}
