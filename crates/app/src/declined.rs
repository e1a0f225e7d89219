//! Why a charge was not made, in words for the person who settles it.
//!
//! Source: Stripe docs, "Decline codes" and "Card declines" (`advice_code`).

use till_domain::journal::ChargeFacts;

/// What is said to the customer of a card that its bank holds for stolen, and no more
/// (Stripe docs, "Decline codes").
const TELL_NO_MORE: &str = "Tell the customer only that it was declined.";

fn sentence(code: &str) -> Option<&'static str> {
    Some(match code {
        "insufficient_funds" => "There is not enough money on the account.",
        "withdrawal_count_limit_exceeded" | "card_velocity_exceeded" => {
            "The card is over its limit."
        }
        "expired_card" => "The card has expired, or was replaced.",
        "lost_card" => "The bank has the card for lost.",
        "stolen_card" => "The bank has the card for stolen.",
        "fraudulent" | "pickup_card" | "merchant_blacklist" => "The bank suspects a fraud.",
        "incorrect_cvc"
        | "invalid_cvc"
        | "incorrect_number"
        | "invalid_number"
        | "invalid_expiry_month"
        | "invalid_expiry_year"
        | "incorrect_zip" => "The card's data are wrong.",
        "authentication_required" | "authentication_not_handled" => {
            "The bank wants the customer to confirm it."
        }
        "incorrect_pin" | "invalid_pin" | "pin_try_exceeded" => "The PIN was wrong.",
        "offline_pin_required" | "online_or_offline_pin_required" => "The bank wants the PIN.",
        "invalid_account" | "new_account_information_available" => {
            "The card or its account is closed."
        }
        "card_not_supported"
        | "currency_not_supported"
        | "service_not_allowed"
        | "transaction_not_allowed"
        | "not_permitted" => "The card does not allow such a payment.",
        "processing_error" | "issuer_not_available" | "reenter_transaction" | "try_again_later" => {
            "The bank could not decide: a fault that passes."
        }
        "do_not_try_again"
        | "stop_payment_order"
        | "revocation_of_authorization"
        | "revocation_of_all_authorizations" => "The bank says not to try this card again.",
        "generic_decline" | "card_declined" | "do_not_honor" | "call_issuer"
        | "no_action_taken" | "security_violation" | "restricted_card" | "testmode_decline" => {
            "The bank gave no reason. The customer can ask it."
        }
        "resource_missing" | "no_payment_method" | "payment_method_unactivated" => {
            "The card is not at Stripe any more."
        }
        "canceled_at_stripe" => "It was cancelled in Stripe's dashboard.",
        "unreadable" => "The till cannot read its own record of it: look in Stripe's dashboard.",
        "terminal_reader_busy" => "The card reader was busy.",
        "terminal_reader_offline" => "The card reader had no network.",
        "not_at_reader" => "The card reader does not show it any more.",
        "customer_canceled" => "The customer cancelled at the card reader.",
        _ => return None,
    })
}

fn advice(code: &str) -> Option<&'static str> {
    Some(match code {
        "try_again_later" => "It may be tried again later.",
        "do_not_try_again" => "It is not to be tried again.",
        "confirm_card_data" => "The card's data may have changed: ask the customer.",
        _ => return None,
    })
}

/// Why, from Stripe's word: a sentence, or the word itself where it has none here.
fn words(code: &str) -> String {
    sentence(code).map_or_else(
        || format!("Stripe says: {}.", code.replace('_', " ")),
        str::to_owned,
    )
}

/// Why a charge was not made, and what its bank advises.
pub(crate) fn charge_reason(facts: &ChargeFacts) -> Option<String> {
    let code = facts.decline_code.as_deref()?;
    let mut says = words(code);
    let secret = ["lost_card", "stolen_card", "fraudulent", "pickup_card"];
    if secret.contains(&code) {
        says = format!("{says} {TELL_NO_MORE}");
    }
    let advised = facts.advice_code.as_deref().filter(|a| *a != code);
    if let Some(advised) = advised.and_then(advice) {
        says = format!("{says} {advised}");
    }
    Some(says)
}
