//! Card charges and refunds that wait, and what a person decides about them.

use till_app::view::{ApprovalInput, OutboxAction, OutboxDetailView, OutboxView};

use super::Shared;
use crate::state::Answer;

#[tauri::command]
pub(crate) async fn outbox(shell: Shared<'_>) -> Answer<OutboxView> {
    shell.act(|till, _| till.outbox()).await
}

#[tauri::command]
pub(crate) async fn outbox_entry(shell: Shared<'_>, id: String) -> Answer<OutboxDetailView> {
    shell.act(move |till, _| till.outbox_entry(&id)).await
}

#[tauri::command]
pub(crate) async fn outbox_send_now(shell: Shared<'_>) -> Answer<OutboxView> {
    shell.act_and_send(|till, _| till.outbox_send_now()).await
}

/// The books against Stripe's; what was found is in the outbox once it is read.
#[tauri::command]
pub(crate) async fn compare_now(shell: Shared<'_>) -> Answer<()> {
    shell.act_and_send(|till, _| till.compare_now()).await
}

#[tauri::command]
pub(crate) async fn outbox_decide(
    shell: Shared<'_>,
    id: String,
    action: OutboxAction,
    approval: Option<ApprovalInput>,
) -> Answer<OutboxDetailView> {
    shell
        .act_and_send(move |till, session| {
            till.outbox_decide(session, &id, action, approval.as_ref())
        })
        .await
}
