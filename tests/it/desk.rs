//! The declined desk: why a queued card was not charged, how its customer is reached,
//! and what giving the money up or passing a limit wants.

use till_app::error::ErrorCode;
use till_app::view::{OutboxAction, OutboxDetailView, TenderKindView, TenderStateView};
use till_domain::journal::JournalEvent;
use till_tests::{MANAGER_PIN, World, refusal};

const CHEESE: &str = "Goudse kaas oud";
const PHONE: &str = "06 1234 5678";

/// The saved card of `customer`, taken offline and sent when the line is back.
fn queued(seed: u64, customer: &str) -> (World, String) {
    let mut world = World::from_seed(seed);
    world.open_shift("50.00");
    world.online(false);
    world.ring_up(&[(CHEESE, "0.500")]);
    world.customer(customer);
    let sale = world.card(TenderKindView::SavedCard, None).unwrap();
    world.complete().unwrap();
    world.online(true);
    world.run_until_quiet();
    (world, sale.tenders[0].id.clone())
}

fn shown(world: &World, tender: &str) -> OutboxDetailView {
    world.till().outbox_entry(tender).unwrap()
}

fn journal(world: &World) -> String {
    let mut journal = Vec::new();
    world.till().journal_export(&mut journal).unwrap();
    String::from_utf8(journal).unwrap()
}

/// How many rows of the outbox hold these words.
fn kept(world: &World, words: &str) -> i64 {
    let db = rusqlite::Connection::open(world.folder().join("till.db")).unwrap();
    let sql = "SELECT count(*) FROM outbox
               WHERE instr(private || ifnull(CAST(body AS TEXT), ''), ?1) > 0";
    db.query_row(sql, [words], |r| r.get(0)).unwrap()
}

fn decide(world: &World, tender: &str, what: OutboxAction) {
    let yes = world.manager_says(MANAGER_PIN);
    let till = world.till();
    till.outbox_decide(world.cashier(), tender, what, Some(&yes))
        .unwrap();
}

#[test]
fn a_card_that_only_waits_says_so_where_nothing_else_can_be_decided() {
    let mut world = World::from_seed(1_399);
    world.open_shift("50.00");
    world.online(false);
    world.ring_up(&[(CHEESE, "0.500")]);
    let sale = world.card(TenderKindView::SimulatedReader, None).unwrap();
    world.complete().unwrap();
    let off: Vec<_> = (shown(&world, &sale.tenders[0].id).actions.into_iter())
        .filter(|offered| !offered.available)
        .map(|offered| (offered.action, offered.why_not.unwrap()))
        .collect();
    let waits = "It is not charged yet, and is sent by itself.";
    assert_eq!(
        off,
        [
            OutboxAction::TryAgain,
            OutboxAction::PayLink,
            OutboxAction::WriteOff
        ]
        .map(|action| (action, waits.to_owned()))
    );
}

#[test]
fn a_declined_card_says_why_and_how_its_customer_is_reached() {
    let (world, tender) = queued(1_400, "Tom Bakker");
    let case = shown(&world, &tender);
    assert_eq!(case.entry.state, TenderStateView::Declined);
    assert_eq!(
        case.entry.reason.as_deref(),
        Some("There is not enough money on the account. It may be tried again later.")
    );
    let reach = Some("tom.bakker@post.example · 06 0000 0004");
    assert_eq!(case.entry.contact.as_deref(), reach);
    let listed = world.till().outbox().unwrap().need_a_person;
    assert_eq!(listed[0].contact.as_deref(), reach);
    assert_eq!(listed[0].reason, case.entry.reason);
    assert!(!journal(&world).contains("tom.bakker"));
    // What can be done is what is offered.
    assert_eq!(
        case.advice,
        "The goods are gone. You can try the card again, send a pay link, take cash instead, or write it off."
    );
    // Settled, nobody need be reached.
    decide(&world, &tender, OutboxAction::TakeCash);
    let settled = shown(&world, &tender).entry;
    assert_eq!((settled.reason, settled.contact), (None, None));
    world.check_invariants();
}

#[test]
fn a_card_whose_bank_wants_the_customer_can_be_asked_for_by_a_link_and_says_so() {
    let (world, tender) = queued(1_401, "Νίκος Παππάς");
    let case = shown(&world, &tender);
    assert_eq!(case.entry.state, TenderStateView::NeedsCustomer, "{case:?}");
    assert!(case.advice.contains("send a pay link"), "{}", case.advice);
    let reason = case.entry.reason.unwrap();
    assert_eq!(reason, "The bank wants the customer to confirm it.");
    world.check_invariants();
}

#[test]
fn a_telephone_number_that_was_typed_for_a_link_is_kept_until_its_customer_is_erased() {
    let mut world = World::from_seed(1_402);
    world.open_shift("50.00");
    world.online(false);
    world.ring_up(&[(CHEESE, "0.500")]);
    let maud = world.till().add_customer("Maud", None, None).unwrap();
    world.customer("Maud");
    let (till, cashier) = (world.till(), world.cashier());
    let card = "4242 4242 4242 4242";
    let refused = till.tender_pay_link(cashier, None, card, None);
    assert_eq!(refusal(refused), ErrorCode::LooksLikeCard);
    let sale = till.tender_pay_link(cashier, None, PHONE, None).unwrap();
    let tender = sale.tenders[0].id.clone();
    world.complete().unwrap();
    assert_eq!(shown(&world, &tender).entry.contact.as_deref(), Some(PHONE));
    world.online(true);
    world.run_until_quiet();
    // The link's time runs out, and nobody paid.
    world.advance_ms(80 * 3_600_000);
    world.run_until_quiet();
    let case = shown(&world, &tender);
    assert_eq!(case.entry.contact.as_deref(), Some(PHONE), "{case:?}");
    assert!(case.advice.contains("make another link"), "{}", case.advice);
    let asked = world.stripe.exchanges().iter();
    let mut sent = asked.map(|e| e.form.as_str());
    assert!(
        !sent.any(|form| form.contains("5678")),
        "Stripe is not told"
    );
    assert!(!journal(&world).contains("1234 5678"));
    decide(&world, &tender, OutboxAction::WriteOff);
    world.run_until_quiet();
    if world.till().connection().unwrap().need_a_person > 0 {
        decide(&world, &tender, OutboxAction::WriteOff);
    }
    assert_eq!(kept(&world, PHONE), 1);
    let till = world.till();
    till.erase_customer(world.manager(), &maud.id).unwrap();
    assert_eq!(kept(&world, PHONE), 0);
    assert_eq!(shown(&world, &tender).entry.contact, None);
    world.check_invariants();
}

#[test]
fn money_is_given_up_with_a_managers_pin_and_a_reason_whoever_is_signed_in() {
    let (world, tender) = queued(1_403, "Tom Bakker");
    let (till, manager) = (world.till(), world.manager());
    let write_off = |yes: Option<&till_app::view::ApprovalInput>| {
        till.outbox_decide(manager, &tender, OutboxAction::WriteOff, yes)
    };
    assert_eq!(refusal(write_off(None)), ErrorCode::NeedsManager);
    for reason in ["", "  "] {
        let mut yes = world.manager_says(MANAGER_PIN);
        yes.reason = reason.into();
        assert_eq!(refusal(write_off(Some(&yes))), ErrorCode::NeedsReason);
    }
    let mut yes = world.manager_says(MANAGER_PIN);
    yes.reason = "moved away".into();
    write_off(Some(&yes)).unwrap();
    let said = journal(&world);
    let by = said
        .lines()
        .map(|line| serde_json::from_str::<till_app::JournalLine>(line).unwrap())
        .find_map(|line| match line.event().unwrap() {
            JournalEvent::ChargeMoved {
                to: till_domain::charge::ChargeState::WrittenOff,
                by,
                ..
            } => by,
            _ => None,
        })
        .expect("in the journal");
    assert_eq!(
        (by.by, by.reason.as_str()),
        (manager.user().id, "moved away")
    );
    world.check_invariants();
}

#[test]
fn a_limit_is_passed_with_a_reason() {
    let mut world = World::from_seed(1_404);
    world.open_shift("150.00");
    world.online(false);
    world.ring_up(&[(CHEESE, "4.000")]);
    world.customer("Ana Ortega");
    let mut yes = world.manager_says(MANAGER_PIN);
    let ask = |yes: &till_app::view::ApprovalInput| {
        let (till, cashier) = (world.till(), world.cashier());
        till.tender_card(cashier, TenderKindView::SavedCard, None, Some(yes))
    };
    yes.reason = String::new();
    assert_eq!(refusal(ask(&yes)), ErrorCode::NeedsReason);
    assert!(
        world
            .till()
            .sale_current()
            .unwrap()
            .unwrap()
            .tenders
            .is_empty()
    );
    yes.reason = "known customer".into();
    ask(&yes).unwrap();
    world.complete().unwrap();
    assert!(journal(&world).contains("known customer"));
    world.check_invariants();
}
