//! Every endpoint and every fault, held against the published schemas.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use till_stand_in::{
    CardBehaviour, Decline, Exchange, Fault, Operation, ReaderBehaviour, RefundCourse,
};

use crate::pages_and_readers::SESSION;
use crate::{Till, refused, word};

/// The folder of the checkers, if it and what it needs are on this machine.
fn checkers(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/stripe");
    let python = Command::new("python3")
        .args(["-c", "import jsonschema"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if python && folder.join(name).exists() {
        return Some(folder.join(name));
    }
    println!("skipped: {name} (../shared/stripe or python3 with jsonschema is not here)");
    None
}

/// What a checker says of each line.
fn run(checker: &Path, strict: bool, lines: &str) -> Vec<String> {
    let mut command = Command::new("python3");
    command.arg(checker);
    if strict {
        command.arg("--strict");
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines = lines.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// Every event there is: read to know their kinds, too many to check each.
const WALK: &str = "/v1/events?limit=100";

/// The first two answers that say the same: the checker takes its time.
fn worth_checking(exchanges: &[Exchange]) -> String {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut lines = String::new();
    for exchange in exchanges {
        let (Some(line), Some(answer)) = (exchange.answer_line(), &exchange.answer) else {
            continue;
        };
        let query = match exchange.operation {
            Operation::ListEvents | Operation::RetrieveIntent => exchange.form.as_str(),
            _ => "",
        };
        let says = [
            "/object",
            "/status",
            "/error/code",
            "/error/decline_code",
            "/action/status",
            "/action/type",
            "/latest_charge/payment_method_details/type",
        ]
        .map(|at| word(answer, at));
        let says = format!(
            "{:?} {:?} {query} {says:?}",
            exchange.operation, exchange.status
        );
        let count = seen.entry(says).or_default();
        *count += 1;
        if *count <= 2 && !exchange.form.starts_with("limit=100") {
            lines += &line;
            lines.push('\n');
        }
    }
    lines
}

fn every_endpoint() -> Till {
    let mut till = Till::new();
    till.get("/v1/account");
    // Every card, and every way an intent can end.
    for card in [
        "pm_card_visa",
        "pm_card_mastercard",
        "pm_card_createDispute",
        "pm_card_chargeDeclined",
        "pm_card_radarBlock",
        "pm_card_authenticationRequired",
        "pm_card_refundFail",
        "pm_card_pendingRefund",
    ] {
        let id = till.intent(card, 500, card);
        till.post(
            &format!("/v1/payment_intents/{id}"),
            "amount=600&metadata[a]=b&description=A",
        );
        let path = format!("/v1/payment_intents/{id}/confirm");
        till.post(&path, "off_session=true&error_on_requires_action=true");
        till.post(&path, "off_session=true");
        till.post(
            "/v1/refunds",
            &format!("payment_intent={id}&amount=100&metadata[refund_id]=r"),
        );
        till.get(&format!(
            "/v1/payment_intents/{id}?expand[]=latest_charge&expand[]=payment_method"
        ));
        till.get(&format!("/v1/refunds?payment_intent={id}&limit=3"));
    }
    for decline in Decline::ALL {
        let pm = format!("pm_{decline:?}");
        till.stripe
            .add_customer("cus_Ana", &pm, CardBehaviour::Declines(decline));
        let form = format!(
            "amount=500&currency=eur&customer=cus_Ana&payment_method={pm}&confirm=true&off_session=true"
        );
        till.post("/v1/payment_intents", &form);
    }
    till.stripe.add_customer(
        "cus_Ana",
        "pm_slow",
        CardBehaviour::Processing {
            seconds: 60,
            decline: None,
        },
    );
    till.post(
        "/v1/payment_intents",
        "amount=500&currency=eur&customer=cus_Ana&payment_method=pm_slow&confirm=true&off_session=true",
    );
    let asked = till.intent("asked", 500, "pm_card_authenticationRequired");
    till.post(
        &format!("/v1/payment_intents/{asked}/confirm"),
        "return_url=https://shop.example",
    );
    let asked = till.intent("asked", 500, "pm_card_authenticationRequired");
    till.post(&format!("/v1/payment_intents/{asked}/confirm"), "");
    till.stripe.authenticate(&asked, false).unwrap();
    let manual = "amount=500&currency=eur&payment_method=pm_card_visa&capture_method=manual\
                  &confirm=true&off_session=true";
    for end in ["capture", "cancel"] {
        let id = word(&till.post("/v1/payment_intents", manual).1, "/id");
        till.post(&format!("/v1/payment_intents/{id}/{end}"), "");
        till.post(&format!("/v1/payment_intents/{id}/{end}"), "");
    }
    for course in [
        RefundCourse::PendingThenSucceedsThenFails { seconds: 60 },
        RefundCourse::PendingThenFails { seconds: 60 },
        RefundCourse::RequiresAction,
    ] {
        let id = till.charged("refunded", 500, "pm_card_visa");
        till.stripe.next_refund(course);
        let refund = till
            .post(
                "/v1/refunds",
                &format!("payment_intent={id}&reason=duplicate"),
            )
            .1;
        till.stripe.advance(200);
        till.get(&format!(
            "/v1/refunds/{}?expand[]=charge&expand[]=payment_intent",
            word(&refund, "/id")
        ));
        let charge = word(&refund, "/charge");
        till.get(&format!(
            "/v1/charges/{charge}?expand[]=balance_transaction"
        ));
        till.post("/v1/refunds", &format!("charge={charge}&amount=9999"));
    }
    let customer = till
        .post(
            "/v1/customers",
            "name=Ana&email=a@b.example&payment_method=pm_card_visa",
        )
        .1;
    till.get(&format!("/v1/customers/{}", word(&customer, "/id")));
    till.get("/v1/payment_methods/pm_slow?expand[]=customer");
    for _ in 0..3 {
        let session = word(&till.post("/v1/checkout/sessions", SESSION).1, "/id");
        till.get(&format!("/v1/checkout/sessions/{session}"));
        till.stripe.pay_session(&session, "pm_card_visa").ok();
        till.get(&format!(
            "/v1/checkout/sessions/{session}?expand[]=payment_intent"
        ));
        till.post(&format!("/v1/checkout/sessions/{session}/expire"), "");
    }
    let session = word(&till.post("/v1/checkout/sessions", SESSION).1, "/id");
    till.post(&format!("/v1/checkout/sessions/{session}/expire"), "");
    for decline in [None, Some(Decline::LostCard)] {
        let behaviour = ReaderBehaviour {
            decline,
            ..ReaderBehaviour::default()
        };
        till.stripe.set_reader("tmr_1", behaviour);
        let form = "amount=500&currency=eur&allowed_payment_method_types[]=card_present";
        let id = word(&till.post("/v1/payment_intents", form).1, "/id");
        let reader = "/v1/terminal/readers/tmr_1";
        let intent = format!("payment_intent={id}");
        till.post(&format!("{reader}/process_payment_intent"), &intent);
        till.get(reader);
        till.post(
            "/v1/test_helpers/terminal/readers/tmr_1/present_payment_method",
            "amount_tip=50",
        );
        till.get(reader);
        till.get(&format!(
            "/v1/payment_intents/{id}?expand[]=latest_charge&expand[]=payment_method"
        ));
        till.post(&format!("{reader}/cancel_action"), "");
        till.stripe.set_reader(
            "tmr_1",
            ReaderBehaviour {
                offline: true,
                ..behaviour
            },
        );
        till.post(&format!("{reader}/process_payment_intent"), &intent);
    }
    readers(&mut till);
    saved_cards(&mut till);
    till.get("/v1/terminal/readers?limit=5");
    // Every fault, on a write and on a read.
    for fault in Fault::every() {
        let id = till.intent("fault", 500, "pm_card_visa");
        for operation in [Operation::ConfirmIntent, Operation::RetrieveIntent] {
            till.stripe.fail_next_for(operation, fault);
        }
        let key = till.fresh_key();
        till.send(
            &key,
            &format!("/v1/payment_intents/{id}/confirm"),
            "off_session=true",
        );
        till.send(
            &key,
            &format!("/v1/payment_intents/{id}/confirm"),
            "off_session=true",
        );
        let get = till_stand_in::Request::get(&format!("/v1/payment_intents/{id}"));
        till.stripe.handle(&get.key(till_stand_in::TEST_KEY));
    }
    // Balance transactions arrive, disputes close, sessions expire.
    till.stripe.advance(10 * 86_400);
    till.get("/v1/disputes?limit=2");
    till.get("/v1/payment_intents?limit=3&expand[]=data.latest_charge");
    till.get("/v1/payment_intents/pi_gone");
    let mut kinds = BTreeSet::new();
    let mut target = WALK.to_owned();
    loop {
        let (_, page) = till.get(&target);
        let data = page["data"].as_array().unwrap();
        kinds.extend(data.iter().map(|event| word(event, "/type")));
        let last = word(data.last().unwrap(), "/id");
        if page["has_more"] != serde_json::json!(true) {
            till.get(&format!("/v1/events/{last}"));
            break;
        }
        target = format!("{WALK}&starting_after={last}");
    }
    for kind in &kinds {
        till.get(&format!("/v1/events?types[]={kind}&limit=2"));
    }
    assert!(kinds.len() > 15, "{kinds:?}");
    assert_eq!(till.stripe.faults_waiting(), 0);
    till
}

/// Cards that are saved on a page and at a reader, and taken away again.
fn saved_cards(till: &mut Till) {
    let (session, customer) = crate::setups::page(till);
    till.stripe
        .save_on_page(&session, "pm_card_chargeDeclined")
        .ok();
    let path = format!("/v1/checkout/sessions/{session}?expand[]=setup_intent.payment_method");
    till.get(&path);
    till.stripe.save_on_page(&session, "pm_card_visa").unwrap();
    till.get(&path);
    till.get(&format!("/v1/payment_methods?customer={customer}&limit=3"));
    let method = till.stripe.cards_of(&customer).remove(0);
    till.post(&format!("/v1/payment_methods/{method}/detach"), "");
    till.post(&format!("/v1/payment_methods/{method}/detach"), "");
    for decline in [None, Some(Decline::LostCard)] {
        crate::setups::at_reader(till, decline);
    }
}

/// Readers that are registered, paid at in both ways, and refunded at.
fn readers(till: &mut Till) {
    let place = "display_name=Counter&address[line1]=1%20Main&address[country]=CA&metadata[a]=b";
    let location = word(&till.post("/v1/terminal/locations", place).1, "/id");
    till.post("/v1/terminal/locations", "address[country]=CA");
    till.get("/v1/terminal/locations?limit=3");
    till.get(&format!("/v1/terminal/locations/{location}"));
    let register = "/v1/terminal/readers";
    till.post(register, "registration_code=puppies-plug-could");
    let form = format!("registration_code=simulated-s700&label=Till%201&location={location}");
    let reader = word(&till.post(register, &form).1, "/id");
    let reader = format!("/v1/terminal/readers/{reader}");
    let present = reader.replace("/v1/", "/v1/test_helpers/") + "/present_payment_method";
    till.get(&format!("{reader}?expand[]=location"));
    let form = "amount=500&currency=cad&allowed_payment_method_types[]=card_present\
                &allowed_payment_method_types[]=interac_present&metadata[tender_id]=t";
    let mut last = String::new();
    for card in [
        "type=card_present&amount_tip=75",
        "type=interac_present&interac_present[number]=4506445006931933",
    ] {
        last = word(&till.post("/v1/payment_intents", form).1, "/id");
        let process = format!(
            "payment_intent={last}&process_config[enable_customer_cancellation]=true\
             &process_config[skip_tipping]=false&process_config[tipping][amount_eligible]=400"
        );
        till.post(&format!("{reader}/process_payment_intent"), &process);
        till.post(&present, card);
        till.get(&format!(
            "/v1/payment_intents/{last}?expand[]=latest_charge&expand[]=payment_method"
        ));
    }
    till.post(
        &format!("{reader}/process_payment_intent"),
        &format!("payment_intent={last}"),
    );
    till.post("/v1/refunds", &format!("payment_intent={last}"));
    for card in ["type=card_present", "type=interac_present"] {
        let refund = format!(
            "payment_intent={last}&amount=200&metadata[refund_id]=r\
             &refund_payment_config[enable_customer_cancellation]=true"
        );
        till.post(&format!("{reader}/refund_payment"), &refund);
        till.post(&present, card);
    }
    till.get(&format!("{reader}?expand[]=action.refund_payment.refund"));
    till.get(&format!("/v1/refunds?payment_intent={last}"));
    till.delete(&reader);
    till.get(&reader);
}

#[test]
fn every_answer_is_one_stripe_publishes() {
    let till = every_endpoint();
    let seen: BTreeSet<Operation> = till
        .stripe
        .exchanges()
        .iter()
        .map(|e| e.operation)
        .collect();
    let missed: Vec<_> = Operation::ALL
        .into_iter()
        .filter(|o| !seen.contains(o))
        .collect();
    assert_eq!(missed, [], "every endpoint was asked");
    let folder = tempfile::tempdir().unwrap();
    till.stripe.write_transcript(folder.path()).unwrap();
    let requests = std::fs::read_to_string(folder.path().join("requests.tsv")).unwrap();
    let answers = std::fs::read_to_string(folder.path().join("answers.jsonl")).unwrap();
    assert!(requests.lines().count() > 100 && answers.lines().count() > 100);
    let answers = worth_checking(till.stripe.exchanges());
    // One form for each set of parameters.
    let mut seen = BTreeSet::new();
    let names = |line: &str| -> String {
        line.split('&')
            .map(|pair| pair.split('=').next().unwrap_or_default())
            .collect()
    };
    let requests: String = requests
        .lines()
        .filter(|line| seen.insert(names(line)))
        .map(|line| line.to_owned() + "\n")
        .collect();
    for (name, lines, strict) in [
        ("check_form.py", requests, false),
        ("check_response.py", answers, true),
    ] {
        let Some(checker) = checkers(name) else {
            continue;
        };
        let said = run(&checker, strict, &lines);
        assert_eq!(said.len(), lines.lines().count(), "{name}");
        let bad: Vec<_> = said
            .into_iter()
            .filter(|line| !line.starts_with("ok"))
            .collect();
        assert_eq!(bad, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn what_the_published_schemas_refuse_is_refused_here() {
    let Some(checker) = checkers("check_form.py") else {
        return;
    };
    let mut lines = String::new();
    for (form, _) in refused::FORMS {
        writeln!(lines, "POST /v1/payment_intents\t{form}").unwrap();
    }
    // The table holds nothing that is taken; what the checker takes of it are
    // rules no schema can write: limits, closed words, and one asking another.
    let beyond = [
        "amount=500&currency=eur&capture_method=later",
        "amount=500&currency=eur&description=",
        "amount=500&currency=xxx",
        "amount=49&currency=eur",
        "amount=100000000&currency=eur",
        "amount=500&currency=eur&off_session=true",
    ];
    for ((form, _), said) in refused::FORMS.iter().zip(run(&checker, false, &lines)) {
        assert_eq!(
            said.starts_with("ok"),
            beyond.contains(form),
            "{form}: {said}"
        );
    }
}
