//! The shop, who is signed in, and the line to Stripe.

use till_app::error::ErrorCode;
use till_app::view::{BootView, ConnectionView, StripeView, UserView};
use till_domain::ids::UserId;

use super::Shared;
use crate::line;
use crate::state::{Answer, Shell};

async fn booted(shell: &Shell) -> Answer<BootView> {
    let session = shell.session();
    shell.ask(move |till| till.boot(session.as_ref())).await
}

/// A shop was made: its line is opened, as at a start.
async fn opened(shell: &Shell) -> Answer<BootView> {
    if let Err(error) = line::join(shell).await {
        tracing::error!(%error, "the line to Stripe was not opened");
    }
    booted(shell).await
}

#[tauri::command]
pub(crate) async fn boot(shell: Shared<'_>) -> Answer<BootView> {
    booted(&shell).await
}

#[tauri::command]
pub(crate) async fn setup_sample(shell: Shared<'_>) -> Answer<BootView> {
    shell.ask(till_app::Till::setup_sample).await?;
    opened(&shell).await
}

#[tauri::command]
pub(crate) async fn setup_shop(
    shell: Shared<'_>,
    profile: String,
    place: Option<String>,
    name: String,
    manager_name: String,
    manager_pin: String,
) -> Answer<BootView> {
    shell
        .ask(move |till| {
            till.setup_shop(
                &profile,
                place.as_deref(),
                &name,
                &manager_name,
                &manager_pin,
            )
        })
        .await?;
    opened(&shell).await
}

#[tauri::command]
pub(crate) async fn sign_in(shell: Shared<'_>, user: String, pin: String) -> Answer<BootView> {
    let session = shell
        .ask(move |till| {
            let user = user.parse().map(UserId).map_err(|_| ErrorCode::NotFound)?;
            till.sign_in(user, &pin)
        })
        .await?;
    shell.set_session(Some(session));
    booted(&shell).await
}

#[tauri::command]
pub(crate) async fn sign_out(shell: Shared<'_>) -> Answer<BootView> {
    shell.set_session(None);
    booted(&shell).await
}

#[tauri::command]
pub(crate) async fn managers(shell: Shared<'_>) -> Answer<Vec<UserView>> {
    shell.ask(till_app::Till::managers).await
}

#[tauri::command]
pub(crate) async fn connection(shell: Shared<'_>) -> Answer<ConnectionView> {
    shell.ask(till_app::Till::connection).await
}

#[tauri::command]
pub(crate) async fn set_forced_offline(shell: Shared<'_>, offline: bool) -> Answer<ConnectionView> {
    let view = shell
        .act(move |till, _| till.set_forced_offline(offline))
        .await?;
    shell.line.force_offline(offline);
    shell.line.wake();
    shell.changed.notify_one();
    Ok(view)
}

#[tauri::command]
pub(crate) async fn stripe_status(shell: Shared<'_>) -> Answer<StripeView> {
    shell.ask(till_app::Till::stripe_status).await
}
