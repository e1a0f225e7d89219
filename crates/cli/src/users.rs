//! The staff.

use std::path::Path;

use secrecy::ExposeSecret as _;
use serde_json::json;
use till_app::Till;
use till_app::error::{AppError, ErrorCode};
use till_domain::catalog::Role;
use till_domain::ids::UserId;

use crate::answer::{Answer, Done, Refusal};
use crate::args::{RoleWord, UsersCommand};
use crate::input::Input;
use crate::shop;

/// One of them by id or name, those too who may not sign in.
fn find(till: &Till, name: &str) -> Result<UserId, Refusal> {
    let wanted = name.trim().to_lowercase();
    let found = till
        .staff()?
        .into_iter()
        .find(|row| row.user.id.to_string() == wanted || row.user.name.to_lowercase() == wanted);
    found.map(|row| row.user.id).ok_or_else(|| {
        AppError::refused(
            ErrorCode::NotFound,
            format!("nobody here is called {name:?}"),
        )
        .into()
    })
}

/// Lists or changes.
pub(crate) fn run(folder: &Path, command: &UsersCommand, input: &Input) -> Done {
    let till = shop::open_existing(folder)?;
    let said = match command {
        UsersCommand::List => {
            let staff = till.staff()?;
            let text: Vec<String> = staff
                .iter()
                .map(|row| {
                    let state = if row.disabled { "  disabled" } else { "" };
                    format!("{:<8} {}{state}", word(row.user.role), row.user.name)
                })
                .collect();
            let rows: Vec<_> = staff
                .iter()
                .map(|row| {
                    json!({
                        "id": row.user.id,
                        "name": row.user.name,
                        "role": word(row.user.role),
                        "disabled": row.disabled,
                    })
                })
                .collect();
            return Answer::new(rows, text.join("\n"));
        }
        UsersCommand::Add {
            name,
            role,
            who,
            new_pin_file,
        } => {
            let session = shop::sign_in_as(&till, who, input)?;
            let pin = input.secret(&format!("New PIN of {name}"), new_pin_file.as_deref())?;
            let role = match role {
                RoleWord::Cashier => Role::Cashier,
                RoleWord::Manager => Role::Manager,
                RoleWord::Owner => Role::Owner,
            };
            let id = till.add_user(&session, name, role, pin.expose_secret())?;
            return Answer::new(
                json!({ "id": id, "name": name.trim(), "role": word(role) }),
                format!("{} can sign in.", name.trim()),
            );
        }
        UsersCommand::Pin {
            name,
            who,
            new_pin_file,
        } => {
            let session = shop::sign_in_as(&till, who, input)?;
            let id = find(&till, name)?;
            let pin = input.secret(&format!("New PIN of {name}"), new_pin_file.as_deref())?;
            till.set_pin(&session, id, pin.expose_secret())?;
            format!("{name} has another PIN.")
        }
        UsersCommand::Disable { name, who } => {
            let session = shop::sign_in_as(&till, who, input)?;
            till.set_user_enabled(&session, find(&till, name)?, false)?;
            format!("{name} signs in no more.")
        }
        UsersCommand::Enable { name, who } => {
            let session = shop::sign_in_as(&till, who, input)?;
            till.set_user_enabled(&session, find(&till, name)?, true)?;
            format!("{name} may sign in again.")
        }
    };
    Answer::new(json!({ "done": true }), said)
}

const fn word(role: Role) -> &'static str {
    match role {
        Role::Cashier => "cashier",
        Role::Manager => "manager",
        Role::Owner => "owner",
    }
}
