//! Readers: where they stand, what they are asked, and what the customer does there.

use serde_json::{Value, json};
use till_stand_in::ReaderBehaviour;

use crate::{Till, word};

/// A reader at a location of a country, and an intent for it.
struct Counter {
    till: Till,
    reader: String,
    intent: String,
}

const ONCE: &str = "&process_config[enable_customer_cancellation]=true";

impl Counter {
    #[track_caller]
    fn new(country: &str, currency: &str, behaviour: ReaderBehaviour) -> Self {
        let mut till = Till::new();
        let place = format!("display_name=Shop&address[country]={country}");
        let (http, location) = till.post("/v1/terminal/locations", &place);
        assert_eq!(http, 200, "{location}");
        let form = format!(
            "registration_code=simulated-wpe&label=Till%201&location={}",
            word(&location, "/id")
        );
        let (http, reader) = till.post("/v1/terminal/readers", &form);
        assert_eq!(http, 200, "{reader}");
        let reader = word(&reader, "/id");
        till.stripe.set_reader(&reader, behaviour);
        let mut counter = Self {
            till,
            reader,
            intent: String::new(),
        };
        counter.intent = counter.intent(currency, "t");
        counter
    }

    fn intent(&mut self, currency: &str, tender: &str) -> String {
        let form = format!(
            "amount=500&currency={currency}&allowed_payment_method_types[]=card_present\
             &allowed_payment_method_types[]=interac_present&metadata[tender_id]={tender}"
        );
        word(&self.till.post("/v1/payment_intents", &form).1, "/id")
    }

    /// `process_payment_intent` of the intent: what is wrong, or what the action does.
    fn process(&mut self, more: &str) -> String {
        let form = format!("payment_intent={}{more}", self.intent);
        self.ask("process_payment_intent", &form)
    }

    fn refund(&mut self, more: &str) -> String {
        let form = format!("payment_intent={}{more}", self.intent);
        self.ask("refund_payment", &form)
    }

    fn ask(&mut self, what: &str, form: &str) -> String {
        let path = format!("/v1/terminal/readers/{}/{what}", self.reader);
        let (http, body) = self.till.post(&path, form);
        if http == 200 {
            word(&body, "/action/status")
        } else {
            word(&body, "/error/code")
        }
    }

    /// `status failure_code` of what the reader does, as Stripe has it now.
    fn action(&mut self) -> String {
        let path = format!("/v1/terminal/readers/{}", self.reader);
        let (_, body) = self.till.get(&path);
        let failure = word(&body, "/action/failure_code");
        format!("{} {failure}", word(&body, "/action/status"))
            .trim()
            .to_owned()
    }

    fn present(&mut self, card: &str) -> bool {
        self.till
            .stripe
            .present_card(&self.reader, card, None)
            .is_ok()
    }

    fn net(&self) -> i64 {
        self.till.stripe.ledger().net_of("t")
    }

    fn chargeable(&self) -> usize {
        let ledger = self.till.stripe.ledger();
        ledger.tenders.get("t").map_or(0, |l| l.chargeable.len())
    }
}

#[test]
fn a_reader_is_registered_by_its_code_at_a_location_of_the_account() {
    let mut till = Till::new();
    let place = "display_name=Shop&address[line1]=Main%20Street%201&address[country]=NL";
    let (_, location) = till.post("/v1/terminal/locations", place);
    let location = word(&location, "/id");
    for (form, http, code) in [
        (
            format!("registration_code=simulated-wpe&label=Bar&location={location}"),
            200,
            "",
        ),
        (
            format!("registration_code=simulated-s710&location={location}"),
            200,
            "",
        ),
        ("registration_code=simulated-s700".to_owned(), 200, ""),
        (
            format!("label=Bar&location={location}"),
            400,
            "parameter_missing",
        ),
        ("registration_code=puppies-plug-could".to_owned(), 400, ""),
        (
            "registration_code=simulated-wpe&location=tml_gone".to_owned(),
            400,
            "resource_missing",
        ),
    ] {
        let (found, body) = till.post("/v1/terminal/readers", &form);
        assert_eq!(
            (found, word(&body, "/error/code").as_str()),
            (http, code),
            "{form}: {body}"
        );
    }
    for (filter, count) in [
        (String::new(), 3),
        (format!("?location={location}"), 2),
        (format!("?location={location}&status=offline"), 0),
        ("?device_type=simulated_stripe_s700".to_owned(), 1),
    ] {
        let (_, list) = till.get(&format!("/v1/terminal/readers{filter}"));
        assert_eq!(
            list["data"].as_array().map(Vec::len),
            Some(count),
            "{filter}"
        );
    }
    let (_, list) = till.get(&format!("/v1/terminal/readers?location={location}"));
    let labels = |list: &Value| -> Vec<String> {
        let data = list["data"].as_array().unwrap();
        data.iter().map(|r| word(r, "/label")).collect()
    };
    assert!(labels(&list)[0].starts_with("simulated-s710-"));
    assert_eq!(labels(&list)[1], "Bar");
    let bar = word(&list, "/data/1/id");
    assert_eq!(
        till.delete(&format!("/v1/terminal/readers/{bar}")).1["deleted"],
        json!(true)
    );
    let (_, list) = till.get(&format!("/v1/terminal/readers?location={location}"));
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1));
    for (form, code) in [
        ("display_name=Shop", "parameter_missing"),
        ("address[country]=NL", "parameter_missing"),
        (
            "display_name=Shop&address[country]=AQ",
            "terminal_location_country_unsupported",
        ),
    ] {
        let (http, body) = till.post("/v1/terminal/locations", form);
        assert_eq!((http, word(&body, "/error/code").as_str()), (400, code));
    }
}

#[test]
fn a_tap_charges_once_and_until_then_the_ledger_names_the_intent() {
    let mut counter = Counter::new("NL", "eur", ReaderBehaviour::default());
    assert_eq!(
        (counter.chargeable(), counter.present("pm_card_visa")),
        (1, false),
        "a request that is on its way can put it there"
    );
    assert_eq!(counter.process(""), "in_progress");
    assert_eq!((counter.chargeable(), counter.net()), (1, 0));
    assert!(counter.present("pm_card_chargeDeclinedInsufficientFunds"));
    assert_eq!(counter.action(), "failed card_declined");
    assert_eq!(
        (counter.chargeable(), counter.net()),
        (1, 0),
        "the next card"
    );
    assert_eq!(counter.process(""), "in_progress");
    assert!(counter.present("pm_card_mastercard"));
    assert_eq!(counter.action(), "succeeded");
    assert_eq!((counter.chargeable(), counter.net()), (0, 500));
    assert!(!counter.present("pm_card_mastercard"), "nothing waits");
    assert_eq!(counter.process(""), "intent_invalid_state");
    assert_eq!(counter.till.stripe.ledger().charges_of("t"), 1);
}

#[test]
fn a_card_that_is_with_the_bank_can_be_neither_cancelled_nor_replaced() {
    let slow = ReaderBehaviour {
        authorizes_for_s: 4,
        ..ReaderBehaviour::default()
    };
    let mut counter = Counter::new("NL", "eur", slow);
    counter.process("");
    assert!(counter.present("pm_card_visa"));
    assert_eq!(counter.ask("cancel_action", ""), "terminal_reader_busy");
    assert_eq!(counter.process(""), "terminal_reader_busy");
    assert_eq!((counter.chargeable(), counter.net()), (1, 0));
    counter.till.stripe.advance(4);
    assert_eq!(
        (counter.action().as_str(), counter.net()),
        ("succeeded", 500)
    );
}

#[test]
fn a_tap_meant_for_a_cancelled_action_is_not_taken_for_the_next() {
    let taps = ReaderBehaviour {
        taps_after_s: Some(10),
        ..ReaderBehaviour::default()
    };
    let mut counter = Counter::new("NL", "eur", taps);
    counter.process("");
    counter.till.stripe.advance(6);
    assert_eq!(counter.ask("cancel_action", ""), "");
    assert_eq!(counter.chargeable(), 1, "off the reader is not cancelled");
    counter.process("");
    counter.till.stripe.advance(6);
    assert_eq!(counter.net(), 0);
    counter.till.stripe.advance(4);
    assert_eq!(counter.net(), 500);
}

#[test]
fn a_customer_cancels_at_the_reader_only_where_it_was_allowed() {
    for (config, press, action) in [
        (ONCE, true, "failed customer_canceled"),
        ("", false, "in_progress"),
    ] {
        let mut counter = Counter::new("NL", "eur", ReaderBehaviour::default());
        counter.process(config);
        let reader = counter.reader.clone();
        assert_eq!(counter.till.stripe.cancel_at_reader(&reader).is_ok(), press);
        assert_eq!(counter.action(), action);
    }
    let leaves = ReaderBehaviour {
        cancels_after_s: Some(5),
        taps_after_s: Some(7),
        ..ReaderBehaviour::default()
    };
    let mut counter = Counter::new("NL", "eur", leaves);
    counter.process(ONCE);
    counter.till.stripe.advance(9);
    assert_eq!(counter.action(), "failed customer_canceled");
    assert_eq!((counter.net(), counter.chargeable()), (0, 1));
    let cancel = format!("/v1/payment_intents/{}/cancel", counter.intent);
    counter.till.post(&cancel, "");
    assert_eq!(counter.chargeable(), 0);
    assert_eq!(counter.process(""), "intent_invalid_state");
}

#[test]
fn an_answer_the_reader_does_not_get_is_told_by_the_intent_alone() {
    let lost = ReaderBehaviour {
        loses_answer: true,
        ..ReaderBehaviour::default()
    };
    let mut counter = Counter::new("NL", "eur", lost);
    counter.process("");
    counter.present("pm_card_visa");
    assert_eq!(counter.action(), "failed connection_error");
    let intent = counter.intent.clone();
    assert_eq!(counter.till.status(&intent), "succeeded");
    assert_eq!(counter.net(), 500);

    // Cut off before the card: Stripe hears nothing, and says "in progress".
    let mut counter = Counter::new("NL", "eur", ReaderBehaviour::default());
    counter.process("");
    let off = ReaderBehaviour {
        offline: true,
        ..ReaderBehaviour::default()
    };
    let reader = counter.reader.clone();
    counter.till.stripe.set_reader(&reader, off);
    assert!(counter.present("pm_card_visa"));
    assert_eq!(
        (counter.action().as_str(), counter.net()),
        ("in_progress", 0)
    );
    assert_eq!(counter.ask("cancel_action", ""), "terminal_reader_offline");
}

#[test]
fn a_time_out_is_true_or_a_lie_of_every_request_to_a_reader() {
    for (executes, charged) in [(false, 0), (true, 500)] {
        let late = ReaderBehaviour {
            times_out: !executes,
            times_out_but_executes: executes,
            interac: true,
            taps_after_s: Some(1),
            ..ReaderBehaviour::default()
        };
        let mut counter = Counter::new("CA", "cad", late);
        assert_eq!(counter.process(""), "terminal_reader_timeout");
        assert_eq!(counter.chargeable(), 1);
        counter.till.stripe.advance(2);
        assert_eq!(counter.net(), charged);

        let mut counter = Counter::new("CA", "cad", ReaderBehaviour::default());
        counter.process("");
        let reader = counter.reader.clone();
        counter.till.stripe.set_reader(&reader, late);
        assert_eq!(counter.ask("cancel_action", ""), "terminal_reader_timeout");
        let action = if executes { "" } else { "in_progress" };
        assert_eq!(counter.action(), action);
        counter
            .till
            .stripe
            .set_reader(&reader, ReaderBehaviour::default());
        if executes {
            counter.process("");
        }
        assert!(counter.present("interac"));
        counter.till.stripe.set_reader(&reader, late);
        assert_eq!(counter.refund(""), "terminal_reader_timeout");
        counter.till.stripe.advance(2);
        assert_eq!(counter.net(), if executes { 0 } else { 500 });
    }
}

#[track_caller]
fn tip(config: &str, tip: Option<i64>, card: &str, expected: (i64, i64)) {
    let generous = ReaderBehaviour {
        tip_amount: 40,
        ..ReaderBehaviour::default()
    };
    let mut counter = Counter::new("NL", "eur", generous);
    counter.process(config);
    let reader = counter.reader.clone();
    counter
        .till
        .stripe
        .present_card(&reader, card, tip)
        .unwrap();
    let path = format!(
        "/v1/payment_intents/{}?expand[]=latest_charge",
        counter.intent
    );
    let (_, body) = counter.till.get(&path);
    let found = (
        body["amount"].as_i64().unwrap(),
        body["amount_details"]["tip"]["amount"]
            .as_i64()
            .unwrap_or(0),
    );
    assert_eq!(found, expected, "{config}: {body}");
    let ledger = counter.till.stripe.ledger();
    let line = &ledger.tenders["t"];
    if let Some(charge) = line.charges.first() {
        assert_eq!((charge.amount, charge.tip), expected);
        assert_eq!(charge.reader.as_deref(), Some(reader.as_str()));
    }
}

#[test]
fn a_tip_is_part_of_the_amount_where_it_is_asked_and_the_card_is_charged() {
    let visa = "pm_card_visa";
    tip("", None, visa, (540, 40));
    tip("", Some(75), visa, (575, 75));
    tip(
        "&process_config[skip_tipping]=true",
        Some(75),
        visa,
        (500, 0),
    );
    let eligible = "&process_config[tipping][amount_eligible]";
    tip(&format!("{eligible}=300"), None, visa, (540, 40));
    tip(&format!("{eligible}=0"), None, visa, (500, 0));
    tip("", Some(75), "pm_card_chargeDeclinedLostCard", (500, 0));
}

#[test]
fn a_reader_takes_the_currency_of_its_country() {
    for (country, currency, expected) in [
        ("NL", "eur", "in_progress"),
        ("NL", "usd", "terminal_reader_invalid_location_for_payment"),
        ("US", "usd", "in_progress"),
        ("CA", "cad", "in_progress"),
        ("GB", "eur", "terminal_reader_invalid_location_for_payment"),
    ] {
        let mut counter = Counter::new(country, currency, ReaderBehaviour::default());
        assert_eq!(counter.process(""), expected, "{country} {currency}");
    }
}

/// A charge of 5.00 on an Interac card, then refunds at the reader.
#[track_caller]
fn interac(refunds: &[(&str, &str, &str)], net: i64) {
    let mut counter = Counter::new("CA", "cad", ReaderBehaviour::default());
    counter.process("");
    assert!(counter.present("interac"));
    assert_eq!(counter.net(), 500);
    for (form, card, expected) in refunds {
        let mut said = counter.refund(form);
        if said == "in_progress" {
            assert!(counter.present(card));
            said = counter.action();
        }
        assert_eq!(said, *expected, "{form} {card}");
    }
    assert_eq!(counter.net(), net, "{refunds:?}");
}

#[test]
fn a_canadian_debit_card_is_refunded_in_person_with_the_card_that_paid() {
    interac(&[("", "interac", "succeeded")], 0);
    interac(&[("&amount=200", "interac", "succeeded")], 300);
    interac(
        &[
            ("&amount=200", "interac", "succeeded"),
            ("&amount=301", "interac", ""),
            ("", "interac", "succeeded"),
            ("", "interac", "charge_already_refunded"),
        ],
        0,
    );
    interac(
        &[("", "pm_card_visa", "failed charge_invalid_parameter")],
        500,
    );

    let mut counter = Counter::new("CA", "cad", ReaderBehaviour::default());
    counter.process("");
    counter.present("interac");
    let intent = counter.intent.clone();
    let online = format!("payment_intent={intent}");
    let (http, body) = counter.till.post("/v1/refunds", &online);
    assert_eq!(
        (http, word(&body, "/error/code").as_str()),
        (400, "charge_not_refundable")
    );
    counter.refund("&amount=200&metadata[refund_id]=r1");
    assert_eq!(counter.ask("cancel_action", ""), "");
    assert!(!counter.present("interac"), "cancelled");
    counter.refund("&amount=200&metadata[refund_id]=r1");
    counter.present("interac");
    let path = format!("/v1/terminal/readers/{}", counter.reader);
    let made = word(&counter.till.get(&path).1, "/action/refund_payment/refund");
    let (_, list) = counter
        .till
        .get(&format!("/v1/refunds?payment_intent={intent}"));
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (
            word(&list, "/data/0/id"),
            word(&list, "/data/0/metadata/refund_id")
        ),
        (made, "r1".to_owned())
    );
}

#[test]
fn a_canadian_debit_card_is_taken_where_the_intent_allows_it_in_its_own_currency() {
    for (currency, types, manual, expected) in [
        ("cad", "interac_present", "", "succeeded"),
        (
            "cad",
            "card_present",
            "",
            "failed payment_intent_incompatible_payment_method",
        ),
        (
            "usd",
            "interac_present",
            "",
            "failed payment_intent_incompatible_payment_method",
        ),
        (
            "cad",
            "interac_present",
            "&capture_method=manual",
            "failed card_declined",
        ),
    ] {
        let mut counter = Counter::new("CA", currency, ReaderBehaviour::default());
        let form = format!(
            "amount=500&currency={currency}&allowed_payment_method_types[]={types}{manual}"
        );
        counter.intent = word(&counter.till.post("/v1/payment_intents", &form).1, "/id");
        assert_eq!(counter.process(""), "in_progress");
        counter.present("interac");
        assert_eq!(counter.action(), expected, "{currency} {types} {manual}");
    }
}
