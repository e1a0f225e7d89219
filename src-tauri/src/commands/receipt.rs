//! Receipts once more: to look at, on paper, as a file.

use super::Shared;
use crate::state::Answer;

#[tauri::command]
pub(crate) async fn receipt_text(shell: Shared<'_>, receipt: String) -> Answer<Vec<String>> {
    shell.act(move |till, _| till.receipt_text(&receipt)).await
}

/// The printer's complaint, if it has one.
#[tauri::command]
pub(crate) async fn receipt_print(shell: Shared<'_>, receipt: String) -> Answer<Option<String>> {
    shell
        .act(move |till, session| {
            let effects = till.receipt_print(session, &receipt)?;
            Ok(till.perform(&effects))
        })
        .await
}

/// Where the file was written.
#[tauri::command]
pub(crate) async fn receipt_pdf(shell: Shared<'_>, receipt: String) -> Answer<String> {
    shell
        .act(move |till, session| {
            let path = till.receipt_pdf(session, &receipt)?;
            Ok(path.display().to_string())
        })
        .await
}
