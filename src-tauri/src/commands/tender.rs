//! What the customer hands over.

use till_app::view::{ApprovalInput, SaleView, TenderKindView, TenderOptionsView};

use super::Shared;
use crate::state::Answer;

#[tauri::command]
pub(crate) async fn tender_options(shell: Shared<'_>) -> Answer<TenderOptionsView> {
    shell.ask(till_app::Till::tender_options).await
}

#[tauri::command]
pub(crate) async fn tender_cash(shell: Shared<'_>, given: String) -> Answer<SaleView> {
    shell
        .act(move |till, session| till.tender_cash(session, &given))
        .await
}

#[tauri::command]
pub(crate) async fn tender_foreign_cash(
    shell: Shared<'_>,
    currency: String,
    given: String,
) -> Answer<SaleView> {
    shell
        .act(move |till, session| till.tender_foreign_cash(session, &currency, &given))
        .await
}

#[tauri::command]
pub(crate) async fn tender_voucher(
    shell: Shared<'_>,
    number: String,
    worth: String,
) -> Answer<SaleView> {
    shell
        .act(move |till, session| till.tender_voucher(session, &number, &worth))
        .await
}

#[tauri::command]
pub(crate) async fn tender_card(
    shell: Shared<'_>,
    kind: TenderKindView,
    amount: Option<String>,
    approval: Option<ApprovalInput>,
) -> Answer<SaleView> {
    shell
        .act_and_send(move |till, session| {
            till.tender_card(session, kind, amount.as_deref(), approval.as_ref())
        })
        .await
}

#[tauri::command]
pub(crate) async fn tender_saved_card(
    shell: Shared<'_>,
    card: String,
    amount: Option<String>,
    approval: Option<ApprovalInput>,
) -> Answer<SaleView> {
    shell
        .act_and_send(move |till, session| {
            till.tender_saved_card(session, &card, amount.as_deref(), approval.as_ref())
        })
        .await
}

#[tauri::command]
pub(crate) async fn tender_pay_link(
    shell: Shared<'_>,
    amount: Option<String>,
    contact: String,
    approval: Option<ApprovalInput>,
) -> Answer<SaleView> {
    shell
        .act_and_send(move |till, session| {
            till.tender_pay_link(session, amount.as_deref(), &contact, approval.as_ref())
        })
        .await
}

#[tauri::command]
pub(crate) async fn tender_external(
    shell: Shared<'_>,
    amount: Option<String>,
    approval_code: String,
    last4: String,
) -> Answer<SaleView> {
    shell
        .act(move |till, session| {
            till.tender_external(session, amount.as_deref(), &approval_code, &last4)
        })
        .await
}

#[tauri::command]
pub(crate) async fn tender_remove(shell: Shared<'_>, tender: String) -> Answer<SaleView> {
    shell
        .act_and_send(move |till, session| till.tender_remove(session, &tender))
        .await
}

#[tauri::command]
pub(crate) async fn tender_look_again(shell: Shared<'_>, tender: String) -> Answer<SaleView> {
    shell
        .act_and_send(move |till, session| till.tender_look_again(session, &tender))
        .await
}

#[tauri::command]
pub(crate) async fn tender_again(
    shell: Shared<'_>,
    tender: String,
    reader: Option<String>,
) -> Answer<SaleView> {
    shell
        .act_and_send(move |till, session| till.tender_again(session, &tender, reader.as_deref()))
        .await
}
