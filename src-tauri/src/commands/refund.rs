//! Giving money back against a committed sale.

use till_app::view::{
    ApprovalInput, RefundDoneView, RefundLineInput, RefundQuoteView, RefundSourceView,
};

use super::Shared;
use crate::state::Answer;

#[tauri::command]
pub(crate) async fn refund_find(shell: Shared<'_>, receipt: String) -> Answer<RefundSourceView> {
    shell.act(move |till, _| till.refund_find(&receipt)).await
}

#[tauri::command]
pub(crate) async fn refund_quote(
    shell: Shared<'_>,
    receipt: String,
    lines: Vec<RefundLineInput>,
) -> Answer<RefundQuoteView> {
    shell
        .act(move |till, _| till.refund_quote(&receipt, &lines))
        .await
}

#[tauri::command]
pub(crate) async fn refund_commit(
    shell: Shared<'_>,
    receipt: String,
    lines: Vec<RefundLineInput>,
    reason: String,
    approval: Option<ApprovalInput>,
) -> Answer<RefundDoneView> {
    shell
        .act_and_send(move |till, session| {
            let (mut done, effects) =
                till.refund_commit(session, &receipt, &lines, &reason, approval.as_ref())?;
            done.printer = till.perform(&effects).or(done.printer);
            Ok(done)
        })
        .await
}
