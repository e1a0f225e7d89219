//! Who the customers are, and their saved cards.

use till_app::error::{AppError, ErrorCode};
use till_app::view::{CardConsentView, CustomerDetailView, CustomerView, SaveCardOn, SavingView};

use super::Shared;
use crate::state::Answer;

#[tauri::command]
pub(crate) async fn customers(shell: Shared<'_>, text: String) -> Answer<Vec<CustomerView>> {
    shell.act(move |till, _| till.customers(&text)).await
}

#[tauri::command]
pub(crate) async fn customer(shell: Shared<'_>, customer: String) -> Answer<CustomerDetailView> {
    shell
        .act(move |till, session| till.customer(session, &customer))
        .await
}

#[tauri::command]
pub(crate) async fn add_customer(
    shell: Shared<'_>,
    name: String,
    email: Option<String>,
    phone: Option<String>,
) -> Answer<CustomerView> {
    shell
        .act(move |till, _| till.add_customer(&name, email.as_deref(), phone.as_deref()))
        .await
}

#[tauri::command]
pub(crate) async fn edit_customer(
    shell: Shared<'_>,
    customer: String,
    name: String,
    email: Option<String>,
    phone: Option<String>,
) -> Answer<CustomerDetailView> {
    shell
        .act(move |till, session| {
            till.edit_customer(
                session,
                &customer,
                &name,
                email.as_deref(),
                phone.as_deref(),
            )
        })
        .await
}

#[tauri::command]
pub(crate) async fn card_consent(shell: Shared<'_>) -> Answer<CardConsentView> {
    shell.act(|till, _| till.card_consent()).await
}

#[tauri::command]
pub(crate) async fn save_card(
    shell: Shared<'_>,
    customer: String,
    on: SaveCardOn,
    agreed_to: String,
) -> Answer<SavingView> {
    shell
        .act_and_send(move |till, session| till.save_card(session, &customer, &on, &agreed_to))
        .await
}

#[tauri::command]
pub(crate) async fn cancel_card_saving(shell: Shared<'_>, saving: String) -> Answer<SavingView> {
    shell
        .act_and_send(move |till, session| till.cancel_card_saving(session, &saving))
        .await
}

/// Opens the page in the system's browser. Which page, the till decides: the window
/// names the saving and no address.
#[tauri::command]
pub(crate) async fn open_card_page(shell: Shared<'_>, saving: String) -> Answer<()> {
    shell
        .act(move |till, session| {
            let page = till.card_page(session, &saving)?;
            open::that_detached(page).map_err(|error| {
                tracing::warn!(%error, "no browser");
                AppError::from(ErrorCode::NoBrowser)
            })
        })
        .await
}

#[tauri::command]
pub(crate) async fn set_default_card(
    shell: Shared<'_>,
    customer: String,
    card: String,
) -> Answer<CustomerDetailView> {
    shell
        .act(move |till, session| till.set_default_card(session, &customer, &card))
        .await
}

#[tauri::command]
pub(crate) async fn remove_card(
    shell: Shared<'_>,
    customer: String,
    card: String,
) -> Answer<CustomerDetailView> {
    shell
        .act_and_send(move |till, session| till.remove_card(session, &customer, &card))
        .await
}
