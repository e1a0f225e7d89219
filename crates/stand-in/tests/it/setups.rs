//! Cards that are kept without charging them, on a page and at a reader.

use till_stand_in::{Decline, ReaderBehaviour};

use crate::{Till, word};

/// A page that saves a card for a customer, and the customer.
pub fn page(till: &mut Till) -> (String, String) {
    let customer = word(&till.post("/v1/customers", "metadata[a]=b").1, "/id");
    let form = format!(
        "mode=setup&customer={customer}&currency=eur&allowed_payment_method_types[]=card\
         &success_url=https://shop.example&custom_text[submit][message]=I%20agree\
         &setup_intent_data[metadata][card_id]=k"
    );
    let (status, made) = till.post("/v1/checkout/sessions", &form);
    assert_eq!(status, 200, "{made}");
    (word(&made, "/id"), customer)
}

const SETUP: &str = "expand[]=setup_intent.payment_method";

#[test]
fn a_page_saves_one_card_and_charges_nothing() {
    let mut till = Till::new();
    let (session, customer) = page(&mut till);
    let open = till
        .get(&format!("/v1/checkout/sessions/{session}?{SETUP}"))
        .1;
    assert_eq!(
        word(&open, "/setup_intent/status"),
        "requires_payment_method"
    );
    assert_eq!(word(&open, "/payment_status"), "no_payment_required");
    assert_eq!(word(&open, "/custom_text/submit/message"), "I agree");
    assert!(till.stripe.pay_session(&session, "pm_card_visa").is_err());
    let declined = till.stripe.save_on_page(&session, "pm_card_chargeDeclined");
    assert!(declined.is_err());
    till.stripe.save_on_page(&session, "pm_card_amex").unwrap();
    assert!(till.stripe.save_on_page(&session, "pm_card_visa").is_err());
    let done = till
        .get(&format!("/v1/checkout/sessions/{session}?{SETUP}"))
        .1;
    let method = "/setup_intent/payment_method";
    assert_eq!(word(&done, "/status"), "complete");
    assert_eq!(word(&done, &format!("{method}/customer")), customer);
    assert_eq!(word(&done, &format!("{method}/card/brand")), "amex");
    let list = till.get(&format!(
        "/v1/payment_methods?customer={customer}&type=card&limit=5"
    ));
    assert_eq!(list.1["data"].as_array().unwrap().len(), 1);
    assert_eq!(till.stripe.ledger().tenders.len(), 0);
}

#[test]
fn a_card_that_was_taken_off_its_customer_is_charged_no_more() {
    let mut till = Till::new();
    let (session, customer) = page(&mut till);
    till.stripe.save_on_page(&session, "pm_card_visa").unwrap();
    let method = till.stripe.cards_of(&customer).remove(0);
    let detach = format!("/v1/payment_methods/{method}/detach");
    let (status, gone) = till.post(&detach, "");
    assert_eq!((status, &gone["customer"]), (200, &serde_json::Value::Null));
    assert_eq!(till.post(&detach, "").0, 400);
    assert_eq!(till.post("/v1/payment_methods/pm_none/detach", "").0, 404);
    let form = format!("amount=500&currency=eur&customer={customer}&payment_method={method}");
    let (status, refused) = till.post("/v1/payment_intents", &form);
    assert_eq!(
        (status, word(&refused, "/error/code").as_str()),
        (400, "resource_missing")
    );
    assert_eq!(word(&refused, "/error/param"), "payment_method");
}

/// Hands a SetupIntent to a reader and holds a card to it; gives the reader and the
/// SetupIntent after that.
pub fn at_reader(
    till: &mut Till,
    decline: Option<Decline>,
) -> (serde_json::Value, serde_json::Value) {
    let customer = word(&till.post("/v1/customers", "metadata[a]=b").1, "/id");
    let behaviour = ReaderBehaviour {
        decline,
        ..ReaderBehaviour::default()
    };
    till.stripe.set_reader("tmr_setup", behaviour);
    let form = format!(
        "customer={customer}&usage=off_session&allowed_payment_method_types[]=card_present"
    );
    let setup = word(&till.post("/v1/setup_intents", &form).1, "/id");
    let reader = "/v1/terminal/readers/tmr_setup";
    let form = format!("setup_intent={setup}&allow_redisplay=always");
    let (status, given) = till.post(&format!("{reader}/process_setup_intent"), &form);
    assert_eq!(status, 200, "{given}");
    till.post(
        "/v1/test_helpers/terminal/readers/tmr_setup/present_payment_method",
        "type=card_present",
    );
    let generated = "latest_attempt.payment_method_details.card_present.generated_card";
    let path = format!("/v1/setup_intents/{setup}");
    let setup = match decline {
        None => till.get(&format!("{path}?expand[]={generated}")).1,
        Some(_) => till.get(&path).1,
    };
    (till.get(reader).1, setup)
}

#[test]
fn a_reader_gives_a_card_that_can_be_charged_without_it() {
    let mut till = Till::new();
    let (reader, setup) = at_reader(&mut till, None);
    assert_eq!(word(&setup, "/status"), "succeeded");
    let generated = "/latest_attempt/payment_method_details/card_present/generated_card";
    assert_eq!(word(&setup, &format!("{generated}/type")), "card");
    assert_eq!(
        word(&setup, &format!("{generated}/customer")),
        word(&setup, "/customer")
    );
    let action = "/action/process_setup_intent/generated_card";
    assert_eq!(
        word(&reader, action),
        word(&setup, &format!("{generated}/id"))
    );
    let (reader, setup) = at_reader(&mut till, Some(Decline::LostCard));
    assert_eq!(word(&setup, "/last_setup_error/decline_code"), "lost_card");
    assert_eq!(word(&reader, "/action/status"), "failed");
}
