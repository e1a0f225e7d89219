//! The requests the till makes of Stripe, as bytes.
//!
//! Written once, stored, and sent as stored. Amounts are integers in the smallest
//! unit (Stripe API reference, "Supported currencies"); ours and Stripe's differ
//! for some, see [`stripe_minor`].

use serde::{Deserialize, Serialize};
use till_domain::ids::Timestamp;
use till_domain::money::{Currency, Money};
use till_store::StoredRequest;
use uuid::Uuid;

use crate::machine::{Charge, ChargeOp, Refund, RefundOp};

/// The version of Stripe's API that the bodies are written for.
pub const API_VERSION: &str = "2026-10-28.endive";

/// What requests need and the journal must not hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Private {
    /// Which till.
    pub till: String,
    /// Which sale.
    pub sale: String,
    /// ISO 4217 code.
    pub currency: String,
    /// `cus_…` of a saved card.
    pub customer: Option<String>,
    /// `pm_…`.
    pub payment_method: Option<String>,
    /// The customer is not there when it is charged.
    pub off_session: bool,
    /// Where a pay link goes, or Stripe's receipt of a card.
    pub email: Option<String>,
    /// How the customer is reached, as it was typed for a pay link: it goes to nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// The shift that took it.
    pub shift: Option<i64>,
    /// The receipt of the sale, where it is complete.
    pub receipt: Option<String>,
    /// What a pay link is for, as the customer reads it.
    pub description: String,
    /// When it was taken: searches look no further back.
    pub taken_at: Option<Timestamp>,
}

/// Stripe's minor units: ISK and UGX have none by ISO 4217 and two for Stripe; the
/// till's three-decimal amounts end in 0 (Stripe docs, "Currencies": special cases).
#[must_use]
pub fn stripe_factor(currency: Currency) -> i64 {
    match currency.code() {
        "ISK" | "UGX" => 100,
        _ => 1,
    }
}

/// An amount in Stripe's minor units.
#[must_use]
pub fn stripe_minor(amount: Money) -> i64 {
    amount
        .minor()
        .saturating_mul(stripe_factor(amount.currency()))
}

/// Why Stripe would not charge an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotChargeable {
    /// Below the least.
    TooSmall,
    /// Above the most.
    TooLarge,
    /// A part of a unit that Stripe does not take, or takes for another unit.
    Unit,
}

/// An amount in Stripe's minor units, where Stripe charges it: no more than eight
/// digits, twelve in IDR; the last digit of three decimals is 0; MGA has two decimals
/// by ISO 4217 and none for Stripe (Stripe docs, "Currencies").
///
/// # Errors
/// [`NotChargeable`].
pub fn chargeable(amount: Money) -> Result<i64, NotChargeable> {
    let currency = amount.currency();
    let minor = stripe_minor(amount);
    let (most, step) = match currency.code() {
        "MGA" => return Err(NotChargeable::Unit),
        "IDR" => (999_999_999_999, 1),
        "BHD" | "JOD" | "KWD" | "OMR" | "TND" => (99_999_999, 10),
        _ => (99_999_999, 1),
    };
    if minor > most {
        Err(NotChargeable::TooLarge)
    } else if minor < minimum_minor(currency) {
        Err(NotChargeable::TooSmall)
    } else if minor % step != 0 {
        Err(NotChargeable::Unit)
    } else {
        Ok(minor)
    }
}

/// What stands behind the shop's name on the customer's statement: the receipt, and of a
/// charge that is made before there is one the till and the shift. The whole is 22 characters at most, of which the account's own part takes up to ten and the joint
/// two; both parts need a letter (Stripe docs, "Statement descriptors").
#[must_use]
pub fn statement_suffix(private: &Private) -> Option<String> {
    let suffix = match private.receipt.as_deref() {
        Some(receipt) => {
            let (till, number) = receipt.split_once('-')?;
            format!("R{till}-{}", number.trim_start_matches('0'))
        }
        None => format!(
            "T{}-S{}",
            private.till.strip_prefix("till-")?,
            private.shift?
        ),
    };
    let plain = suffix
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-');
    (plain && suffix.len() <= 10).then_some(suffix)
}

/// An address that Stripe takes for one; it refuses a request for the sake of another.
#[must_use]
pub fn mail_address(text: &str) -> Option<String> {
    let text = text.trim();
    let (name, host) = text.split_once('@')?;
    let plain = |part: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || "._%+-".contains(c);
        !part.is_empty() && part.chars().all(inner)
    };
    let dots = !text.contains("..") && !host.starts_with('.') && !name.starts_with('.');
    let (_, country) = host.rsplit_once('.')?;
    let good = plain(name) && plain(host) && dots && !name.ends_with('.') && country.len() >= 2;
    good.then(|| text.to_owned())
}

/// The least Stripe charges, in its minor units, by settlement currency (Stripe
/// docs, "Minimum and maximum charge amounts").
#[must_use]
pub fn minimum_minor(currency: Currency) -> i64 {
    match currency.code() {
        "GBP" => 30,
        "JPY" => 50,
        "MXN" => 1_000,
        "SEK" | "NOK" => 300,
        "DKK" => 250,
        "HKD" => 400,
        "BGN" => 100,
        "AED" | "MYR" | "PLN" | "RON" => 200,
        "THB" => 1_000,
        "CZK" => 1_500,
        "HUF" => 17_500,
        "USD" | "EUR" | "CAD" | "AUD" | "NZD" | "CHF" | "SGD" | "BRL" | "INR" => 50,
        _ => 1,
    }
}

/// A form body in the order it was built.
#[derive(Default)]
pub(crate) struct Form(String);

impl Form {
    pub(crate) fn put(mut self, name: &str, value: &str) -> Self {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        encode(&mut self.0, name);
        self.0.push('=');
        encode(&mut self.0, value);
        self
    }

    pub(crate) fn maybe(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.put(name, value),
            None => self,
        }
    }
}

/// `application/x-www-form-urlencoded`, brackets kept readable.
fn encode(out: &mut String, text: &str) {
    use std::fmt::Write;
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'[' | b']' => {
                out.push(char::from(byte));
            }
            _ => {
                // Writing to a String cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
}

pub(crate) fn get(path: String) -> StoredRequest {
    StoredRequest {
        idempotency_key: None,
        method: "GET",
        path,
        body: None,
        api_version: API_VERSION.into(),
        first_sent_at: None,
    }
}

pub(crate) fn post(path: String, form: Form, key: String) -> StoredRequest {
    StoredRequest {
        idempotency_key: Some(key),
        method: "POST",
        path,
        body: Some(form.0.into_bytes()),
        api_version: API_VERSION.into(),
        first_sent_at: None,
    }
}

/// Cancels a PaymentIntent that nobody confirms. Written twice it is the same, bytes and
/// key.
#[must_use]
pub fn cancel_orphan(till: &str, intent: &str) -> StoredRequest {
    post(
        format!("/v1/payment_intents/{intent}/cancel"),
        Form::default().put("cancellation_reason", "abandoned"),
        format!("{till}:orphan:{intent}"),
    )
}

fn key(private: &Private, id: Uuid, op: &str, attempt: u32) -> String {
    format!("{}:{id}:{op}:{attempt}", private.till)
}

/// The list of PaymentIntents made since an hour before `taken_at`, to find ours in.
fn find_path(private: &Private) -> String {
    let since = private
        .taken_at
        .map_or(0, |t| t.0.div_euclid(1000) - 3600)
        .max(0);
    format!("/v1/payment_intents?created[gte]={since}&limit=100&expand[0]=data.latest_charge")
}

/// Canada's debit network: Canadian dollars at a reader (Stripe docs, "Interac").
fn takes_interac(charge: &Charge, private: &Private) -> bool {
    charge.reader.is_some() && private.currency == "CAD"
}

/// The request of a charge for `op`.
#[must_use]
pub fn charge(id: Uuid, charge: &Charge, private: &Private, op: ChargeOp) -> StoredRequest {
    let key = key(private, id, op.word(), charge.attempt);
    let intent = charge.intent.as_deref().unwrap_or_default();
    let session = charge.session.as_deref().unwrap_or_default();
    let reader = charge.reader.as_ref().map_or("", |r| r.id.as_str());
    let tender = id.to_string();
    let amount = charge.amount_minor.to_string();
    match op {
        ChargeOp::Create => post(
            "/v1/payment_intents".into(),
            Form::default()
                .put("amount", &amount)
                .put("currency", &private.currency.to_lowercase())
                .put(
                    "allowed_payment_method_types[0]",
                    if charge.reader.is_some() {
                        "card_present"
                    } else {
                        "card"
                    },
                )
                .maybe(
                    "allowed_payment_method_types[1]",
                    takes_interac(charge, private).then_some("interac_present"),
                )
                .maybe("customer", private.customer.as_deref())
                .maybe("payment_method", private.payment_method.as_deref())
                .maybe("receipt_email", private.email.as_deref())
                .maybe(
                    "statement_descriptor_suffix",
                    // Published for card charges; nothing is said of present cards.
                    match charge.reader {
                        Some(_) => None,
                        None => statement_suffix(private),
                    }
                    .as_deref(),
                )
                .put("metadata[tender_id]", &tender)
                .put("metadata[sale_id]", &private.sale)
                .put("metadata[till_id]", &private.till)
                .maybe("metadata[receipt]", private.receipt.as_deref())
                .maybe(
                    "metadata[shift]",
                    private.shift.map(|n| n.to_string()).as_deref(),
                )
                .put("expand[0]", "latest_charge"),
            key,
        ),
        // The sum, and the card: a decline takes it off.
        ChargeOp::Amend => post(
            format!("/v1/payment_intents/{intent}"),
            Form::default()
                .put("amount", &amount)
                .maybe("payment_method", private.payment_method.as_deref())
                .put("expand[0]", "latest_charge"),
            key,
        ),
        ChargeOp::Confirm => {
            // Neither sum nor card: `amount_to_confirm` would charge what it names
            // instead of what the PaymentIntent is for (Stripe changelog, 2026-04-22),
            // and a confirm may arrive long after it was given up.
            let form = Form::default().put("error_on_requires_action", "true");
            let form = if private.off_session {
                form.put("off_session", "true")
            } else {
                form
            };
            post(
                format!("/v1/payment_intents/{intent}/confirm"),
                form.put("expand[0]", "latest_charge"),
                key,
            )
        }
        ChargeOp::Cancel => post(
            format!("/v1/payment_intents/{intent}/cancel"),
            Form::default()
                .put("cancellation_reason", "requested_by_customer")
                .put("expand[0]", "latest_charge"),
            key,
        ),
        ChargeOp::Retrieve => get(format!(
            "/v1/payment_intents/{intent}?expand[0]=latest_charge"
        )),
        ChargeOp::Find => get(find_path(private)),
        ChargeOp::Process => {
            let form = Form::default()
                .put("payment_intent", intent)
                .put("process_config[enable_customer_cancellation]", "true");
            // A tip that was given before a card was declined is in the sum already.
            let asks = charge.reader.as_ref().is_some_and(|r| r.asks_tip) && charge.tip_minor == 0;
            let form = if asks {
                form.put("process_config[tipping][amount_eligible]", &amount)
            } else {
                form.put("process_config[skip_tipping]", "true")
            };
            post(
                format!("/v1/terminal/readers/{reader}/process_payment_intent"),
                form,
                key,
            )
        }
        ChargeOp::LookAtReader => get(format!("/v1/terminal/readers/{reader}")),
        ChargeOp::ClearReader => post(
            format!("/v1/terminal/readers/{reader}/cancel_action"),
            Form::default(),
            key,
        ),
        ChargeOp::CreateSession => post(
            "/v1/checkout/sessions".into(),
            Form::default()
                .put("mode", "payment")
                // A debit that the bank can send back for weeks is no way to pay a till.
                .put("allowed_payment_method_types[0]", "card")
                .put("line_items[0][quantity]", "1")
                .put(
                    "line_items[0][price_data][currency]",
                    &private.currency.to_lowercase(),
                )
                .put("line_items[0][price_data][unit_amount]", &amount)
                .put(
                    "line_items[0][price_data][product_data][name]",
                    &private.description,
                )
                // Where the browser goes after paying; Stripe asks for an address.
                .put("success_url", "https://stripe.com/")
                .maybe("customer_email", private.email.as_deref())
                .put("client_reference_id", &tender)
                .put("metadata[tender_id]", &tender)
                .put("payment_intent_data[metadata][tender_id]", &tender)
                .put("payment_intent_data[metadata][sale_id]", &private.sale)
                .put("payment_intent_data[metadata][till_id]", &private.till)
                .maybe(
                    "payment_intent_data[metadata][receipt]",
                    private.receipt.as_deref(),
                )
                .maybe(
                    "payment_intent_data[metadata][shift]",
                    private.shift.map(|n| n.to_string()).as_deref(),
                )
                .maybe(
                    "payment_intent_data[statement_descriptor_suffix]",
                    statement_suffix(private).as_deref(),
                ),
            key,
        ),
        ChargeOp::RetrieveSession => get(format!("/v1/checkout/sessions/{session}")),
        ChargeOp::ExpireSession => post(
            format!("/v1/checkout/sessions/{session}/expire"),
            Form::default(),
            key,
        ),
    }
}

/// The request of a refund for `op`.
#[must_use]
pub fn refund(id: Uuid, refund: &Refund, private: &Private, op: RefundOp) -> StoredRequest {
    let intent = refund.intent.as_deref().unwrap_or_default();
    let at = refund.reader.as_ref().and_then(|r| r.id.as_deref());
    let reader = at.unwrap_or_default();
    match op {
        RefundOp::OnReader => post(
            format!("/v1/terminal/readers/{reader}/refund_payment"),
            Form::default()
                .put("payment_intent", intent)
                .put("amount", &refund.amount_minor.to_string())
                .put(
                    "refund_payment_config[enable_customer_cancellation]",
                    "true",
                )
                .put("metadata[refund_id]", &id.to_string())
                .put("metadata[sale_id]", &private.sale)
                .put("metadata[till_id]", &private.till),
            key(private, id, op.word(), refund.attempt),
        ),
        RefundOp::LookAtReader => get(format!("/v1/terminal/readers/{reader}")),
        RefundOp::ClearReader => post(
            format!("/v1/terminal/readers/{reader}/cancel_action"),
            Form::default(),
            key(private, id, op.word(), refund.attempt),
        ),
        RefundOp::Create => post(
            "/v1/refunds".into(),
            Form::default()
                .put("payment_intent", intent)
                .put("amount", &refund.amount_minor.to_string())
                .put("reason", "requested_by_customer")
                .put("metadata[refund_id]", &id.to_string())
                .put("metadata[sale_id]", &private.sale)
                .put("metadata[till_id]", &private.till),
            key(private, id, op.word(), refund.attempt),
        ),
        RefundOp::Find => get(format!("/v1/refunds?payment_intent={intent}&limit=100")),
        RefundOp::Retrieve => get(format!(
            "/v1/refunds/{}",
            refund.refund.as_deref().unwrap_or_default()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use till_domain::journal::ChargeKind;

    #[test]
    fn interac_is_taken_in_canadian_dollars_at_a_reader_and_goes_back_there() {
        let text = |request: StoredRequest| String::from_utf8(request.body.unwrap()).unwrap();
        for (currency, reader, expected) in [
            ("CAD", true, true),
            ("USD", true, false),
            ("CAD", false, false),
        ] {
            let mut c = Charge::new(ChargeKind::Reader, 500, Timestamp(0));
            c.reader = reader.then(|| crate::machine::AtReader::new("tmr_1".into(), false));
            let private = Private {
                currency: currency.into(),
                ..Private::default()
            };
            let body = text(charge(Uuid::nil(), &c, &private, ChargeOp::Create));
            let taken = body.contains("allowed_payment_method_types[1]=interac_present");
            assert_eq!(taken, expected, "{body}");
        }
        let r = Refund::at_reader(500, Some("pi_1".into()), "tmr_1".into(), Timestamp(0));
        let request = refund(Uuid::nil(), &r, &Private::default(), RefundOp::OnReader);
        assert_eq!(request.path, "/v1/terminal/readers/tmr_1/refund_payment");
        let body = text(request);
        assert!(
            body.starts_with("payment_intent=pi_1&amount=500&"),
            "{body}"
        );
        assert!(body.contains("metadata[refund_id]=00000000-"), "{body}");
    }

    #[test]
    fn a_confirm_names_neither_sum_nor_card_and_the_key_names_the_try() {
        let mut c = Charge::new(ChargeKind::SavedCard, 3140, Timestamp(0));
        c.intent = Some("pi_1".into());
        c.attempt = 3;
        let private = Private {
            till: "till-1".into(),
            currency: "EUR".into(),
            payment_method: Some("pm_1".into()),
            off_session: true,
            ..Private::default()
        };
        let request = charge(Uuid::nil(), &c, &private, ChargeOp::Confirm);
        assert_eq!(request.path, "/v1/payment_intents/pi_1/confirm");
        assert_eq!(
            String::from_utf8(request.body.unwrap()).unwrap(),
            "error_on_requires_action=true&off_session=true&expand[0]=latest_charge"
        );
        assert_eq!(
            request.idempotency_key.unwrap(),
            "till-1:00000000-0000-0000-0000-000000000000:confirm:3"
        );
    }

    #[test]
    fn what_stripe_would_not_charge_is_known_before_it_is_asked() {
        use NotChargeable::{TooLarge, TooSmall, Unit};
        for (amount, currency, expected) in [
            ("0.50", "EUR", Ok(50)),
            ("0.49", "EUR", Err(TooSmall)),
            ("0.30", "GBP", Ok(30)),
            ("0.29", "GBP", Err(TooSmall)),
            ("50", "JPY", Ok(50)),
            ("49", "JPY", Err(TooSmall)),
            ("1.99", "PLN", Err(TooSmall)),
            ("175.00", "HUF", Ok(17_500)),
            ("999999.99", "EUR", Ok(99_999_999)),
            ("1000000.00", "EUR", Err(TooLarge)),
            ("1000000.00", "IDR", Ok(100_000_000)),
            ("100", "ISK", Ok(10_000)),
            ("1000000", "ISK", Err(TooLarge)),
            ("5000", "UGX", Ok(500_000)),
            ("1.230", "KWD", Ok(1_230)),
            ("1.234", "KWD", Err(Unit)),
            ("5.00", "MGA", Err(Unit)),
        ] {
            let amount = Money::parse(amount, currency.parse().unwrap()).unwrap();
            assert_eq!(chargeable(amount), expected, "{amount} {currency}");
        }
        let rupiah = "IDR".parse().unwrap();
        let most = Money::from_minor(1_000_000_000_000, rupiah);
        assert_eq!(chargeable(most), Err(TooLarge));
    }

    /// A wrong number of decimals is a charge of a hundred times as much. Stripe's own
    /// lists stand here (Stripe docs, "Currencies": zero-decimal, three-decimal and special
    /// cases), so that an update of ISO's cannot change what is charged.
    #[test]
    fn a_currency_is_charged_in_stripes_unit_and_not_in_isos() {
        let zero = "BIF CLP DJF GNF JPY KMF KRW PYG RWF VND VUV XAF XOF XPF";
        let three = "BHD JOD KWD OMR TND";
        // Two for Stripe; by ISO 4217 none for the first two.
        let two = "ISK UGX HUF TWD EUR USD GBP CHF CAD AUD NZD SEK NOK DKK PLN CZK IDR INR MXN BRL";
        for (list, expected) in [(zero, 5_000), (two, 500_000), (three, 5_000_000)] {
            for code in list.split(' ') {
                let amount = Money::parse("5000", code.parse().unwrap()).unwrap();
                assert_eq!(stripe_minor(amount), expected, "{code}");
                assert_eq!(chargeable(amount), Ok(expected), "{code}");
            }
        }
    }

    #[test]
    fn a_statement_names_the_receipt_within_what_banks_print() {
        for (receipt, expected) in [
            ("1-000042", Some("R1-42")),
            ("12-999999", Some("R12-999999")),
            ("999-999999", None),
            ("1-1000000", Some("R1-1000000")),
            ("nothing", None),
        ] {
            let private = Private {
                receipt: Some(receipt.into()),
                ..Private::default()
            };
            assert_eq!(statement_suffix(&private).as_deref(), expected, "{receipt}");
        }
        assert_eq!(statement_suffix(&Private::default()), None);
        for (till, shift, expected) in [
            ("till-1", 213, Some("T1-S213")),
            ("till-12", 34_567, Some("T12-S34567")),
            ("till-12", 345_678, None),
            ("1", 213, None),
        ] {
            let private = Private {
                till: till.into(),
                shift: Some(shift),
                ..Private::default()
            };
            assert_eq!(statement_suffix(&private).as_deref(), expected, "{till}");
        }
    }

    #[test]
    fn an_address_that_stripe_would_refuse_is_left_out() {
        for (text, good) in [
            ("ana@post.example", true),
            (" ana.o+till@post.co.example ", true),
            ("ana", false),
            ("ana@post", false),
            ("ana@@post.example", false),
            ("ana@post..example", false),
            (".ana@post.example", false),
            ("ana o@post.example", false),
            ("@post.example", false),
            ("ana@.example", false),
        ] {
            assert_eq!(mail_address(text).is_some(), good, "{text}");
        }
    }

    #[test]
    fn what_is_not_plain_is_escaped() {
        let form = Form::default().put("a[b]", "é &=%+").0;
        assert_eq!(form, "a[b]=%C3%A9%20%26%3D%25%2B");
    }
}
