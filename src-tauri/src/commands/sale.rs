//! Ringing up, up to the commit.

use till_app::view::{
    ApprovalInput, DiscountInput, DoneView, ProductView, SaleSummaryView, SaleView, SuspendedView,
    WhyView,
};

use super::Shared;
use crate::state::Answer;

#[tauri::command]
pub(crate) async fn categories(shell: Shared<'_>) -> Answer<Vec<String>> {
    shell.ask(till_app::Till::categories).await
}

#[tauri::command]
pub(crate) async fn products(
    shell: Shared<'_>,
    category: Option<String>,
) -> Answer<Vec<ProductView>> {
    shell
        .ask(move |till| till.products(category.as_deref()))
        .await
}

#[tauri::command]
pub(crate) async fn search(shell: Shared<'_>, text: String) -> Answer<Vec<ProductView>> {
    shell.ask(move |till| till.search(&text)).await
}

#[tauri::command]
pub(crate) async fn sale_current(shell: Shared<'_>) -> Answer<Option<SaleView>> {
    shell.ask(till_app::Till::sale_current).await
}

#[tauri::command]
pub(crate) async fn sale_why(shell: Shared<'_>) -> Answer<Vec<WhyView>> {
    shell.ask(till_app::Till::sale_why).await
}

#[tauri::command]
pub(crate) async fn scan(shell: Shared<'_>, code: String) -> Answer<SaleView> {
    shell
        .act(move |till, session| till.scan(session, &code))
        .await
}

#[tauri::command]
pub(crate) async fn add_product(
    shell: Shared<'_>,
    product: String,
    quantity: Option<String>,
) -> Answer<SaleView> {
    shell
        .act(move |till, session| till.add_product(session, &product, quantity.as_deref()))
        .await
}

#[tauri::command]
pub(crate) async fn set_quantity(
    shell: Shared<'_>,
    line: String,
    quantity: String,
) -> Answer<SaleView> {
    shell
        .act(move |till, session| till.set_quantity(session, &line, &quantity))
        .await
}

#[tauri::command]
pub(crate) async fn override_price(
    shell: Shared<'_>,
    line: String,
    price: String,
    approval: Option<ApprovalInput>,
) -> Answer<SaleView> {
    shell
        .act(move |till, session| till.override_price(session, &line, &price, approval.as_ref()))
        .await
}

#[tauri::command]
pub(crate) async fn discount_line(
    shell: Shared<'_>,
    line: String,
    discount: Option<DiscountInput>,
    approval: Option<ApprovalInput>,
) -> Answer<SaleView> {
    shell
        .act(move |till, session| {
            till.discount_line(session, &line, discount.as_ref(), approval.as_ref())
        })
        .await
}

#[tauri::command]
pub(crate) async fn discount_sale(
    shell: Shared<'_>,
    discount: Option<DiscountInput>,
    approval: Option<ApprovalInput>,
) -> Answer<SaleView> {
    shell
        .act(move |till, session| till.discount_sale(session, discount.as_ref(), approval.as_ref()))
        .await
}

#[tauri::command]
pub(crate) async fn add_coupon(shell: Shared<'_>, code: String) -> Answer<SaleView> {
    shell
        .act(move |till, session| till.add_coupon(session, &code))
        .await
}

#[tauri::command]
pub(crate) async fn remove_coupon(shell: Shared<'_>, code: String) -> Answer<SaleView> {
    shell
        .act(move |till, session| till.remove_coupon(session, &code))
        .await
}

#[tauri::command]
pub(crate) async fn void_line(shell: Shared<'_>, line: String) -> Answer<SaleView> {
    shell
        .act(move |till, session| till.void_line(session, &line, true))
        .await
}

#[tauri::command]
pub(crate) async fn unvoid_line(shell: Shared<'_>, line: String) -> Answer<SaleView> {
    shell
        .act(move |till, session| till.void_line(session, &line, false))
        .await
}

#[tauri::command]
pub(crate) async fn void_sale(shell: Shared<'_>) -> Answer<Option<SaleView>> {
    shell
        .act_and_send(|till, session| {
            till.void_sale(session)?;
            till.sale_current()
        })
        .await
}

#[tauri::command]
pub(crate) async fn set_customer(shell: Shared<'_>, customer: Option<String>) -> Answer<SaleView> {
    shell
        .act(move |till, session| till.set_customer(session, customer.as_deref()))
        .await
}

#[tauri::command]
pub(crate) async fn suspend(shell: Shared<'_>) -> Answer<()> {
    shell.act(till_app::Till::suspend).await
}

#[tauri::command]
pub(crate) async fn suspended(shell: Shared<'_>) -> Answer<Vec<SuspendedView>> {
    shell.ask(till_app::Till::suspended).await
}

#[tauri::command]
pub(crate) async fn recall(shell: Shared<'_>, sale: String) -> Answer<SaleView> {
    shell
        .act(move |till, session| till.recall(session, &sale))
        .await
}

#[tauri::command]
pub(crate) async fn complete(shell: Shared<'_>) -> Answer<DoneView> {
    shell
        .act_and_send(|till, session| {
            let (mut done, effects) = till.complete(session)?;
            // It is on disk. Now the device may act.
            done.printer = till.perform(&effects).or(done.printer);
            Ok(done)
        })
        .await
}

#[tauri::command]
pub(crate) async fn recent_sales(shell: Shared<'_>) -> Answer<Vec<SaleSummaryView>> {
    shell.ask(till_app::Till::recent_sales).await
}
