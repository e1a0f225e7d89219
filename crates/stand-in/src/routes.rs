//! Which endpoint a request is for.

use serde::{Deserialize, Serialize};

use crate::wire::Method;

/// An endpoint of Stripe's that the stand-in serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(
    missing_docs,
    reason = "each is named after its endpoint; see `template`"
)]
pub enum Operation {
    RetrieveAccount,
    CreateIntent,
    ListIntents,
    RetrieveIntent,
    UpdateIntent,
    ConfirmIntent,
    CaptureIntent,
    CancelIntent,
    CreateRefund,
    ListRefunds,
    RetrieveRefund,
    ListEvents,
    RetrieveEvent,
    CreateCustomer,
    RetrieveCustomer,
    RetrievePaymentMethod,
    ListPaymentMethods,
    DetachPaymentMethod,
    CreateSetup,
    RetrieveSetup,
    CreateSession,
    RetrieveSession,
    ExpireSession,
    RetrieveCharge,
    ListDisputes,
    CreateLocation,
    ListLocations,
    RetrieveLocation,
    RegisterReader,
    ListReaders,
    RetrieveReader,
    DeleteReader,
    ProcessOnReader,
    SetUpOnReader,
    RefundOnReader,
    CancelReaderAction,
    PresentCard,
}

impl Operation {
    /// Every endpoint, in the order of the enum.
    pub const ALL: [Self; 37] = [
        Self::RetrieveAccount,
        Self::CreateIntent,
        Self::ListIntents,
        Self::RetrieveIntent,
        Self::UpdateIntent,
        Self::ConfirmIntent,
        Self::CaptureIntent,
        Self::CancelIntent,
        Self::CreateRefund,
        Self::ListRefunds,
        Self::RetrieveRefund,
        Self::ListEvents,
        Self::RetrieveEvent,
        Self::CreateCustomer,
        Self::RetrieveCustomer,
        Self::RetrievePaymentMethod,
        Self::ListPaymentMethods,
        Self::DetachPaymentMethod,
        Self::CreateSetup,
        Self::RetrieveSetup,
        Self::CreateSession,
        Self::RetrieveSession,
        Self::ExpireSession,
        Self::RetrieveCharge,
        Self::ListDisputes,
        Self::CreateLocation,
        Self::ListLocations,
        Self::RetrieveLocation,
        Self::RegisterReader,
        Self::ListReaders,
        Self::RetrieveReader,
        Self::DeleteReader,
        Self::ProcessOnReader,
        Self::SetUpOnReader,
        Self::RefundOnReader,
        Self::CancelReaderAction,
        Self::PresentCard,
    ];

    /// `METHOD PATH`, as the published request schemas write it.
    #[must_use]
    pub fn template(self) -> &'static str {
        match self {
            Self::RetrieveAccount => "GET /v1/account",
            Self::CreateIntent => "POST /v1/payment_intents",
            Self::ListIntents => "GET /v1/payment_intents",
            Self::RetrieveIntent => "GET /v1/payment_intents/{intent}",
            Self::UpdateIntent => "POST /v1/payment_intents/{intent}",
            Self::ConfirmIntent => "POST /v1/payment_intents/{intent}/confirm",
            Self::CaptureIntent => "POST /v1/payment_intents/{intent}/capture",
            Self::CancelIntent => "POST /v1/payment_intents/{intent}/cancel",
            Self::CreateRefund => "POST /v1/refunds",
            Self::ListRefunds => "GET /v1/refunds",
            Self::RetrieveRefund => "GET /v1/refunds/{refund}",
            Self::ListEvents => "GET /v1/events",
            Self::RetrieveEvent => "GET /v1/events/{event}",
            Self::CreateCustomer => "POST /v1/customers",
            Self::RetrieveCustomer => "GET /v1/customers/{customer}",
            Self::RetrievePaymentMethod => "GET /v1/payment_methods/{pm}",
            Self::ListPaymentMethods => "GET /v1/payment_methods",
            Self::DetachPaymentMethod => "POST /v1/payment_methods/{pm}/detach",
            Self::CreateSetup => "POST /v1/setup_intents",
            Self::RetrieveSetup => "GET /v1/setup_intents/{intent}",
            Self::CreateSession => "POST /v1/checkout/sessions",
            Self::RetrieveSession => "GET /v1/checkout/sessions/{session}",
            Self::ExpireSession => "POST /v1/checkout/sessions/{session}/expire",
            Self::RetrieveCharge => "GET /v1/charges/{charge}",
            Self::ListDisputes => "GET /v1/disputes",
            Self::CreateLocation => "POST /v1/terminal/locations",
            Self::ListLocations => "GET /v1/terminal/locations",
            Self::RetrieveLocation => "GET /v1/terminal/locations/{location}",
            Self::RegisterReader => "POST /v1/terminal/readers",
            Self::ListReaders => "GET /v1/terminal/readers",
            Self::RetrieveReader => "GET /v1/terminal/readers/{r}",
            Self::DeleteReader => "DELETE /v1/terminal/readers/{r}",
            Self::ProcessOnReader => "POST /v1/terminal/readers/{r}/process_payment_intent",
            Self::RefundOnReader => "POST /v1/terminal/readers/{r}/refund_payment",
            Self::SetUpOnReader => "POST /v1/terminal/readers/{r}/process_setup_intent",
            Self::CancelReaderAction => "POST /v1/terminal/readers/{r}/cancel_action",
            Self::PresentCard => {
                "POST /v1/test_helpers/terminal/readers/{r}/present_payment_method"
            }
        }
    }

    /// Whether the request can change anything.
    #[must_use]
    pub fn writes(self) -> bool {
        !self.template().starts_with("GET")
    }
}

/// The endpoint of a path, and the id in it if it has one.
pub(crate) fn route(method: Method, path: &str) -> Option<(Operation, Option<String>)> {
    let asked: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    Operation::ALL.into_iter().find_map(|operation| {
        let (word, template) = operation.template().split_once(' ')?;
        let known: Vec<&str> = template.split('/').collect();
        if word != method.as_str() || known.len() != asked.len() {
            return None;
        }
        let mut id = None;
        for (expected, found) in known.iter().zip(&asked) {
            if expected.starts_with('{') && !found.is_empty() {
                id = Some((*found).to_owned());
            } else if expected != found {
                return None;
            }
        }
        Some((operation, id))
    })
}
