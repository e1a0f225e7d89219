//! Test payment methods, and how the bank behind each one answers.
//! Sources: "Test payment methods", "Decline codes" and "Advanced error
//! handling" in Stripe's documentation.

use serde::{Deserialize, Serialize};

use crate::refunds::RefundCourse;

/// Why a bank, or Stripe for it, says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each is Stripe's own word; see `facts`")]
pub enum Decline {
    GenericDecline,
    InsufficientFunds,
    LostCard,
    StolenCard,
    PickupCard,
    ExpiredCard,
    IncorrectCvc,
    ProcessingError,
    CardVelocityExceeded,
    Fraudulent,
    BlockedByRadar,
    DoNotHonor,
    DoNotTryAgain,
    TryAgainLater,
    IssuerNotAvailable,
    AuthenticationRequired,
}

/// What an error, a charge and its outcome say of a decline.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeclineFacts {
    pub(crate) code: &'static str,
    /// Absent where the code says it all.
    pub(crate) decline_code: Option<&'static str>,
    pub(crate) advice_code: Option<&'static str>,
    pub(crate) network_decline_code: Option<&'static str>,
    pub(crate) message: &'static str,
    pub(crate) blocked: bool,
}

impl Decline {
    /// Every decline.
    pub const ALL: [Self; 16] = [
        Self::GenericDecline,
        Self::InsufficientFunds,
        Self::LostCard,
        Self::StolenCard,
        Self::PickupCard,
        Self::ExpiredCard,
        Self::IncorrectCvc,
        Self::ProcessingError,
        Self::CardVelocityExceeded,
        Self::Fraudulent,
        Self::BlockedByRadar,
        Self::DoNotHonor,
        Self::DoNotTryAgain,
        Self::TryAgainLater,
        Self::IssuerNotAvailable,
        Self::AuthenticationRequired,
    ];

    pub(crate) fn facts(self) -> DeclineFacts {
        let declined = |decline_code, advice_code, network_decline_code| DeclineFacts {
            code: "card_declined",
            decline_code: Some(decline_code),
            advice_code: Some(advice_code),
            network_decline_code: Some(network_decline_code),
            message: "Your card was declined.",
            blocked: false,
        };
        let again = "try_again_later";
        let never = "do_not_try_again";
        let data = "confirm_card_data";
        match self {
            Self::GenericDecline => declined("generic_decline", again, "05"),
            Self::InsufficientFunds => DeclineFacts {
                message: "Your card has insufficient funds.",
                ..declined("insufficient_funds", again, "51")
            },
            Self::LostCard => declined("lost_card", never, "41"),
            Self::StolenCard => declined("stolen_card", never, "43"),
            Self::PickupCard => declined("pickup_card", never, "04"),
            Self::ExpiredCard => DeclineFacts {
                code: "expired_card",
                decline_code: Some("expired_card"),
                message: "Your card has expired.",
                ..declined("", never, "54")
            },
            Self::IncorrectCvc => DeclineFacts {
                code: "incorrect_cvc",
                decline_code: Some("incorrect_cvc"),
                message: "Your card's security code is incorrect.",
                ..declined("", data, "N7")
            },
            Self::ProcessingError => DeclineFacts {
                code: "processing_error",
                decline_code: Some("processing_error"),
                message: "An error occurred while processing your card. Try again in a little bit.",
                ..declined("", again, "96")
            },
            Self::CardVelocityExceeded => DeclineFacts {
                message: "Your card was declined for making repeated attempts too frequently or \
                          exceeding its amount limit.",
                ..declined("card_velocity_exceeded", again, "65")
            },
            Self::Fraudulent => declined("fraudulent", never, "59"),
            // Stripe itself says no: no bank was asked, so none has a code.
            Self::BlockedByRadar => DeclineFacts {
                network_decline_code: None,
                blocked: true,
                ..declined("fraudulent", never, "")
            },
            Self::DoNotHonor => declined("do_not_honor", again, "05"),
            Self::DoNotTryAgain => declined("do_not_try_again", never, "03"),
            Self::TryAgainLater => declined("try_again_later", again, "19"),
            Self::IssuerNotAvailable => declined("issuer_not_available", again, "91"),
            Self::AuthenticationRequired => DeclineFacts {
                code: "authentication_required",
                advice_code: None,
                message: "Your card was declined. This transaction requires authentication.",
                ..declined("authentication_required", "", "65")
            },
        }
    }
}

/// What happens when a card is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardBehaviour {
    /// The charge succeeds.
    Succeeds,
    /// Every charge is declined.
    Declines(Decline),
    /// The first charges are declined, later ones succeed.
    DeclinesAtFirst {
        /// How the first are declined.
        decline: Decline,
        /// How many.
        times: u32,
    },
    /// The customer must authenticate, every time.
    NeedsCustomer,
    /// The customer must authenticate unless the card is saved with a customer.
    NeedsCustomerUnlessSaved,
    /// The intent is `processing` for a while.
    Processing {
        /// For how long, in seconds of the stand-in's clock.
        seconds: i64,
        /// How it ends; absent for success.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decline: Option<Decline>,
    },
    /// The charge succeeds and is disputed at once.
    Disputed,
    /// The charge succeeds; its refunds go this way.
    Refunded(RefundCourse),
}

/// How a card is given, in Stripe's words for a payment method's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MethodKind {
    /// On a page, or saved with a customer.
    Card,
    /// At a reader.
    CardPresent,
    /// At a reader, over Canada's debit network.
    InteracPresent,
}

impl MethodKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::CardPresent => "card_present",
            Self::InteracPresent => "interac_present",
        }
    }
}

/// What is printed on a card, and all of it that is ever shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Face {
    pub(crate) brand: &'static str,
    pub(crate) last4: &'static str,
    pub(crate) funding: &'static str,
}

const VISA: Face = Face {
    brand: "visa",
    last4: "4242",
    funding: "credit",
};

pub(crate) const DEFAULT_FACE: Face = VISA;

/// What a customer holds to a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Presented {
    pub(crate) face: Face,
    pub(crate) behaviour: CardBehaviour,
    pub(crate) kind: MethodKind,
}

impl Presented {
    pub(crate) const VISA: Self = Self {
        face: VISA,
        behaviour: CardBehaviour::Succeeds,
        kind: MethodKind::CardPresent,
    };

    pub(crate) const INTERAC: Self = Self {
        face: Face {
            brand: "interac",
            last4: "1933",
            funding: "debit",
        },
        behaviour: CardBehaviour::Succeeds,
        kind: MethodKind::InteracPresent,
    };

    /// A card by its test number, by its test payment method, or `interac`.
    /// Source: "Test Stripe Terminal", simulated test cards.
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        let known = match name {
            "interac" | "4506445006931933" => return Some(Self::INTERAC),
            "4242424242424242" => "pm_card_visa",
            "4000056655665556" => "pm_card_debit",
            "5555555555554444" => "pm_card_mastercard",
            "378282246310005" => "pm_card_amex",
            "4000000000000002" => "pm_card_chargeDeclined",
            "4000000000009995" => "pm_card_chargeDeclinedInsufficientFunds",
            "4000000000009987" => "pm_card_chargeDeclinedLostCard",
            "4000000000009979" => "pm_card_chargeDeclinedStolenCard",
            "4000000000000069" => "pm_card_chargeDeclinedExpiredCard",
            "4000000000000119" => "pm_card_chargeDeclinedProcessingError",
            other => other,
        };
        test_card(known).map(|(face, behaviour)| Self {
            face,
            behaviour,
            kind: MethodKind::CardPresent,
        })
    }
}

/// The card behind a test payment method such as `pm_card_visa`.
pub(crate) fn test_card(id: &str) -> Option<(Face, CardBehaviour)> {
    let name = id.strip_prefix("pm_card_")?;
    let plain = |brand, last4, funding| {
        Some((
            Face {
                brand,
                last4,
                funding,
            },
            CardBehaviour::Succeeds,
        ))
    };
    let visa = |last4, behaviour| Some((Face { last4, ..VISA }, behaviour));
    let declined = |last4, decline| visa(last4, CardBehaviour::Declines(decline));
    // Stripe writes most declines with the brand and some without.
    match name.strip_prefix("visa_").unwrap_or(name) {
        "visa" => plain("visa", "4242", "credit"),
        "debit" => plain("visa", "5556", "debit"),
        "mastercard" => plain("mastercard", "4444", "credit"),
        "mastercard_debit" => plain("mastercard", "3222", "debit"),
        "mastercard_prepaid" => plain("mastercard", "5100", "prepaid"),
        "amex" => plain("amex", "8431", "credit"),
        "discover" => plain("discover", "9424", "credit"),
        "diners" => plain("diners", "0004", "credit"),
        "jcb" => plain("jcb", "0505", "credit"),
        "unionpay" => plain("unionpay", "0005", "credit"),
        "chargeDeclined" => declined("0002", Decline::GenericDecline),
        "chargeDeclinedInsufficientFunds" => declined("9995", Decline::InsufficientFunds),
        "chargeDeclinedLostCard" => declined("9987", Decline::LostCard),
        "chargeDeclinedStolenCard" => declined("9979", Decline::StolenCard),
        "chargeDeclinedExpiredCard" => declined("0069", Decline::ExpiredCard),
        "chargeDeclinedIncorrectCvc" => declined("0127", Decline::IncorrectCvc),
        "chargeDeclinedProcessingError" => declined("0119", Decline::ProcessingError),
        "chargeDeclinedVelocityLimitExceeded" => declined("6975", Decline::CardVelocityExceeded),
        "chargeDeclinedFraudulent" | "FraudDeclined" => declined("0019", Decline::Fraudulent),
        "radarBlock" => declined("0019", Decline::BlockedByRadar),
        "chargeCustomerFail" => declined("0341", Decline::GenericDecline),
        "authenticationRequired" => visa("3184", CardBehaviour::NeedsCustomer),
        "authenticationRequiredOnSetup" => visa("3155", CardBehaviour::NeedsCustomerUnlessSaved),
        "createDispute" | "createDisputeProductNotReceived" => {
            visa("0259", CardBehaviour::Disputed)
        }
        "pendingRefund" => visa(
            "7726",
            CardBehaviour::Refunded(RefundCourse::PendingThenSucceeds { seconds: 3_600 }),
        ),
        "refundFail" => visa(
            "5126",
            CardBehaviour::Refunded(RefundCourse::SucceedsThenFails {
                seconds: 3 * 86_400,
            }),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_card_is_known_with_and_without_its_brand() {
        for (id, expected) in [
            ("pm_card_visa", Some(CardBehaviour::Succeeds)),
            ("pm_card_amex", Some(CardBehaviour::Succeeds)),
            (
                "pm_card_visa_chargeDeclinedLostCard",
                Some(CardBehaviour::Declines(Decline::LostCard)),
            ),
            (
                "pm_card_chargeDeclinedExpiredCard",
                Some(CardBehaviour::Declines(Decline::ExpiredCard)),
            ),
            ("pm_card_nonsense", None),
            ("visa", None),
        ] {
            assert_eq!(test_card(id).map(|(_, b)| b), expected, "{id}");
        }
    }
}
