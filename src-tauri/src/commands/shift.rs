//! The drawer from its float to its Z report.

use till_app::view::{
    ApprovalInput, BootView, CompareView, CountInput, CountView, ForeignCountInput, ReportView,
    ZSummaryView,
};

use super::Shared;
use crate::state::Answer;

#[tauri::command]
pub(crate) async fn shift_open(shell: Shared<'_>, float: String) -> Answer<BootView> {
    shell
        .act(move |till, session| {
            till.shift_open(session, &float)?;
            till.boot(Some(session))
        })
        .await
}

// What the printer says of a slip is in the log: the money is in or out already.

#[tauri::command]
pub(crate) async fn paid_in(shell: Shared<'_>, amount: String, reason: String) -> Answer<()> {
    shell
        .act(move |till, session| {
            let effects = till.paid_in(session, &amount, &reason)?;
            let _said_in_the_log = till.perform(&effects);
            Ok(())
        })
        .await
}

#[tauri::command]
pub(crate) async fn paid_out(
    shell: Shared<'_>,
    amount: String,
    reason: String,
    approval: Option<ApprovalInput>,
) -> Answer<()> {
    shell
        .act(move |till, session| {
            let effects = till.paid_out(session, &amount, &reason, approval.as_ref())?;
            let _said_in_the_log = till.perform(&effects);
            Ok(())
        })
        .await
}

#[tauri::command]
pub(crate) async fn no_sale(shell: Shared<'_>, reason: String) -> Answer<()> {
    shell
        .act(move |till, session| {
            let effects = till.no_sale(session, &reason)?;
            let _said_in_the_log = till.perform(&effects);
            Ok(())
        })
        .await
}

#[tauri::command]
pub(crate) async fn count_view(shell: Shared<'_>) -> Answer<CountView> {
    shell.act(till_app::Till::count_view).await
}

#[tauri::command]
pub(crate) async fn count(
    shell: Shared<'_>,
    pieces: Vec<CountInput>,
    foreign: Vec<ForeignCountInput>,
) -> Answer<CompareView> {
    shell
        .act(move |till, session| till.count(session, &pieces, &foreign))
        .await
}

#[tauri::command]
pub(crate) async fn recount(shell: Shared<'_>) -> Answer<CountView> {
    shell.act(till_app::Till::recount).await
}

#[tauri::command]
pub(crate) async fn close(
    shell: Shared<'_>,
    note: String,
    next_float: Option<String>,
    approval: Option<ApprovalInput>,
) -> Answer<ReportView> {
    shell
        .act(move |till, session| {
            let (mut report, effects) =
                till.close(session, &note, next_float.as_deref(), approval.as_ref())?;
            report.printer = till.perform(&effects);
            Ok(report)
        })
        .await
}

#[tauri::command]
pub(crate) async fn report_x(shell: Shared<'_>) -> Answer<ReportView> {
    shell.act(till_app::Till::report_x).await
}

#[tauri::command]
pub(crate) async fn report_z(shell: Shared<'_>, number: i64) -> Answer<ReportView> {
    shell.act(move |till, _| till.report_z(number)).await
}

/// Where the file was written; `None` is the open shift so far.
#[tauri::command]
pub(crate) async fn report_pdf(shell: Shared<'_>, number: Option<i64>) -> Answer<String> {
    shell
        .act(move |till, session| {
            let path = match number {
                Some(number) => till.report_pdf(number)?,
                None => till.report_x_pdf(session)?,
            };
            Ok(path.display().to_string())
        })
        .await
}

#[tauri::command]
pub(crate) async fn reports(shell: Shared<'_>) -> Answer<Vec<ZSummaryView>> {
    shell.act(|till, _| till.reports()).await
}
