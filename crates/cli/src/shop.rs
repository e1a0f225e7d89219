//! From a folder to an open till, and from a name and a PIN to a session.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::ExposeSecret as _;
use till_adapters::{LateSecrets, NoPrinter, OsKeyring, RandomIds, SystemClock, printer_from};
use till_app::auth::Session;
use till_app::error::{AppError, ErrorCode};
use till_app::ports::SecretStore;
use till_app::view::{ApprovalInput, ProductView, UserView};
use till_app::{Effects, Ports, Till};
use till_domain::ids::UserId;

use crate::answer::{Refusal, note};
use crate::args::{Approver, Who};
use crate::input::Input;

/// The folder that is meant when none is named.
pub(crate) fn folder(named: Option<&Path>) -> Result<PathBuf, Refusal> {
    match named {
        Some(folder) => Ok(folder.to_owned()),
        None => std::env::home_dir()
            .map(|home| till_app::default_folder(&home))
            .ok_or_else(|| {
                Refusal::input(
                    "The system names no home folder. Nothing was changed. Say where the shop \
                     is, with --data.",
                )
            }),
    }
}

/// Opens a folder with the machine's clock and keyring, and no printer: paper is
/// handed over by [`print`], once the shop has said to what.
pub(crate) fn open(folder: &Path) -> Result<Till, Refusal> {
    let secrets = Arc::new(LateSecrets::default());
    let till = open_with(folder, Arc::clone(&secrets) as _)?;
    if let Some(setting) = till.stripe_setting()? {
        secrets.set(OsKeyring::of_account(folder, &setting));
    }
    Ok(till)
}

/// [`open`], with a key from elsewhere.
pub(crate) fn open_with(folder: &Path, secrets: Arc<dyn SecretStore>) -> Result<Till, Refusal> {
    Ok(Till::open(
        folder,
        Ports {
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds::default()),
            printer: Arc::new(NoPrinter),
            secrets,
        },
    )?)
}

/// An existing shop: a mistyped folder is not made into a new one.
pub(crate) fn open_existing(folder: &Path) -> Result<Till, Refusal> {
    if !folder.join("till.db").exists() {
        return Err(AppError::refused(
            ErrorCode::NoShop,
            format!("{} holds none", folder.display()),
        )
        .into());
    }
    open(folder)
}

/// Hands paper to the shop's printer. The sale is complete whatever it says.
pub(crate) fn print(till: &Till, effects: &Effects) -> Result<Option<String>, Refusal> {
    if effects.print.is_empty() {
        return Ok(None);
    }
    let setting = till.shop()?.printer;
    let complaint = printer_from(&setting)
        .map_err(|error| error.to_string())
        .and_then(|printer| printer.print(&effects.print).map_err(|e| e.to_string()));
    Ok(complaint.err().map(|error| {
        tracing::warn!(%error, "the printer did not take it");
        ErrorCode::Printer.sentence().to_owned()
    }))
}

/// Says what the printer complained of, where a person reads it.
pub(crate) fn print_or_note(till: &Till, effects: &Effects) -> Result<(), Refusal> {
    if let Some(complaint) = print(till, effects)? {
        note(&complaint);
    }
    Ok(())
}

/// Somebody of the staff, by id or by name.
pub(crate) fn find_user(till: &Till, name: &str) -> Result<UserView, Refusal> {
    let wanted = name.trim().to_lowercase();
    let users = till.users()?;
    let known: Vec<&str> = users.iter().map(|u| u.name.as_str()).collect();
    let found = users
        .iter()
        .find(|u| u.id == name.trim() || u.name.to_lowercase() == wanted)
        .cloned();
    found.ok_or_else(|| {
        AppError::refused(
            ErrorCode::NotFound,
            format!(
                "nobody here is called {name:?}; there are {}",
                known.join(", ")
            ),
        )
        .into()
    })
}

/// Signs somebody in.
pub(crate) fn sign_in(till: &Till, name: &str, pin: &str) -> Result<Session, Refusal> {
    let user = find_user(till, name)?;
    let id: UserId = user
        .id
        .parse()
        .map_err(|_| AppError::internal("an id of a person cannot be read"))?;
    Ok(till.sign_in(id, pin)?)
}

/// Signs in who is named on the command line; the PIN comes from elsewhere.
pub(crate) fn sign_in_as(till: &Till, who: &Who, input: &Input) -> Result<Session, Refusal> {
    let user = find_user(till, &who.user)?;
    let pin = input.secret(&format!("PIN of {}", user.name), who.pin_file.as_deref())?;
    sign_in(till, &user.id, pin.expose_secret())
}

/// The yes of a manager who is named on the command line.
pub(crate) fn approval(
    till: &Till,
    approver: &Approver,
    reason: &str,
    input: &Input,
) -> Result<Option<ApprovalInput>, Refusal> {
    let Some(name) = &approver.manager else {
        return Ok(None);
    };
    let user = find_user(till, name)?;
    let pin = input.secret(
        &format!("PIN of {}", user.name),
        approver.manager_pin_file.as_deref(),
    )?;
    Ok(Some(ApprovalInput {
        user: user.id,
        pin: pin.expose_secret().to_owned(),
        reason: reason.to_owned(),
    }))
}

/// A product by id, short code or whole name.
pub(crate) fn find_product(till: &Till, text: &str) -> Result<ProductView, Refusal> {
    let wanted = text.trim().to_lowercase();
    let is = |p: &ProductView| {
        p.id == wanted || p.sku.to_lowercase() == wanted || p.name.to_lowercase() == wanted
    };
    let mut found = till.search(text)?;
    if !found.iter().any(is) {
        found.clear();
        for category in till.categories()? {
            found.extend(till.products(Some(&category))?);
        }
    }
    found.into_iter().find(is).ok_or_else(|| {
        AppError::refused(
            ErrorCode::NotFound,
            format!("no product is called {text:?}"),
        )
        .into()
    })
}
