//! What the window may ask: a function a command, by the names in
//! `ui/src/ipc/commands.ts`. Each unpacks, asks the till, and maps the error.

pub(crate) mod customer;
pub(crate) mod outbox;
pub(crate) mod readers;
pub(crate) mod receipt;
pub(crate) mod refund;
pub(crate) mod sale;
pub(crate) mod shift;
pub(crate) mod shop;
pub(crate) mod tender;

use std::sync::Arc;

use crate::state::Shell;

/// The shell, as Tauri hands it to a command.
type Shared<'a> = tauri::State<'a, Arc<Shell>>;

/// Every command, once: for Tauri, and for the test that compares them with the
/// window's.
macro_rules! commands {
    ($($module:ident: $($name:ident)*;)*) => {
        /// Answers the window.
        pub(crate) fn handler<R: tauri::Runtime>()
        -> impl Fn(tauri::ipc::Invoke<R>) -> bool + Send + Sync + 'static {
            tauri::generate_handler![$($($module::$name),*),*]
        }

        /// Their names.
        #[cfg(test)]
        pub(crate) const NAMES: &[&str] = &[$($(stringify!($name)),*),*];
    };
}

commands! {
    shop: boot setup_sample setup_shop sign_in sign_out managers connection
        set_forced_offline stripe_status;
    sale: categories products search sale_current sale_why scan add_product set_quantity
        override_price discount_line discount_sale add_coupon remove_coupon void_line unvoid_line void_sale
        set_customer suspend suspended recall complete recent_sales;
    customer: customers customer add_customer edit_customer card_consent save_card
        cancel_card_saving open_card_page set_default_card remove_card;
    tender: tender_options tender_cash tender_foreign_cash tender_voucher tender_card tender_saved_card
        tender_pay_link tender_external tender_remove tender_look_again tender_again;
    receipt: receipt_text receipt_print receipt_pdf;
    refund: refund_find refund_quote refund_commit;
    outbox: outbox outbox_entry outbox_send_now outbox_decide compare_now;
    readers: readers readers_look readers_place readers_at readers_tips reader_register reader_use reader_forget;
    shift: shift_open paid_in paid_out no_sale count_view count recount close
        report_x report_z report_pdf reports;
}
