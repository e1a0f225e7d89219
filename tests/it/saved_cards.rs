//! Customers' saved cards: agreed to, saved on Stripe's page or at a reader, charged
//! once, removed; with answers lost and the power cut on the way.

use till_app::error::ErrorCode;
use till_app::view::{
    CardView, CustomerDetailView, SaveCardOn, SavingStateView, SavingView, TenderKindView,
    TenderStateView,
};
use till_domain::journal::JournalEvent;
use till_stand_in::{Decline, Operation, ReaderBehaviour};
use till_tests::{World, refusal};

const NAME: &str = "Wilhelmina Quackenbosch";
const EMAIL: &str = "wilhelmina@quackenbosch.example";

/// A shift is open, and the customer is new.
fn shop(seed: u64) -> (World, String) {
    let world = World::from_seed(seed);
    world.open_shift("100.00");
    let customer = world
        .till()
        .add_customer(NAME, Some(EMAIL), Some("06 555 0142"))
        .unwrap();
    (world, customer.id)
}

fn words(world: &World) -> String {
    world.till().card_consent().unwrap().version
}

fn save(world: &World, customer: &str) -> SavingView {
    let page = SaveCardOn::Page;
    world
        .till()
        .save_card(world.cashier(), customer, &page, &words(world))
        .unwrap()
}

fn saving(world: &World, id: &str) -> SavingView {
    world.till().card_saving(id).unwrap()
}

fn detail(world: &World, customer: &str) -> CustomerDetailView {
    world.till().customer(world.cashier(), customer).unwrap()
}

fn cards(world: &World, customer: &str) -> Vec<CardView> {
    detail(world, customer).customer.cards
}

/// Carries one request about a card, where one is due; gives its method and path.
fn step(world: &mut World) -> Option<String> {
    let request = world.till().ask().unwrap()?;
    let answer = world.wire(&request);
    world.till().told(&answer).unwrap();
    Some(format!("{} {}", request.method, request.path))
}

/// Goes on, the clock with it, until it is so.
fn until(world: &mut World, is_so: impl Fn(&World) -> bool) -> Vec<String> {
    let mut asked = Vec::new();
    while !is_so(world) {
        match step(world) {
            Some(request) => asked.push(request),
            None => world.advance_ms(1_000),
        }
        world.till().set_reachable(!world.unplugged);
        assert!(asked.len() < 200, "it ends: {asked:#?}");
    }
    asked
}

fn until_state(world: &mut World, id: &str, state: SavingStateView) -> Vec<String> {
    until(world, |w| saving(w, id).state == state)
}

/// The page's own id, from its address.
fn session(world: &World, id: &str) -> String {
    let url = saving(world, id).url.expect("the page is open");
    url.rsplit('/').next().unwrap().to_owned()
}

/// A customer with a saved card; gives the customer.
fn with_card(seed: u64) -> (World, String) {
    let (mut world, customer) = shop(seed);
    save_one(&mut world, &customer, "pm_card_visa");
    (world, customer)
}

pub(crate) fn save_one(world: &mut World, customer: &str, card: &str) -> String {
    let id = save(world, customer).id;
    until_state(world, &id, SavingStateView::PageOpen);
    let page = session(world, &id);
    world.stripe.save_on_page(&page, card).unwrap();
    until_state(world, &id, SavingStateView::Saved);
    id
}

/// Stripe's names of the cards it has for a customer, who may have been erased here.
fn at_stripe(world: &World, stripe_customer: &str) -> Vec<String> {
    world.stripe.cards_of(stripe_customer)
}

/// Stripe's customer, as the till knows it.
fn stripe_customer(world: &World, customer: &str) -> String {
    let db = rusqlite::Connection::open_with_flags(
        world.folder().join("till.db"),
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
    )
    .unwrap();
    let id: till_domain::ids::Uuid = customer.parse().unwrap();
    db.query_row(
        "SELECT stripe_customer FROM customer WHERE id = ?1",
        [id.as_bytes()],
        |r| r.get(0),
    )
    .unwrap()
}

fn events(world: &World) -> Vec<JournalEvent> {
    let mut export = Vec::new();
    world.till().journal_export(&mut export).unwrap();
    String::from_utf8(export)
        .unwrap()
        .lines()
        .map(|line| {
            let line: till_app::JournalLine = serde_json::from_str(line).unwrap();
            line.event().unwrap()
        })
        .collect()
}

fn count(world: &World, kind: &str) -> usize {
    events(world).iter().filter(|e| e.kind() == kind).count()
}

/// Rings up, and takes this card of the customer's.
fn tender(world: &World, customer: &str, card: Option<&str>) -> String {
    world.ring_up(&[("Goudse kaas oud", "0.500")]);
    world
        .till()
        .set_customer(world.cashier(), Some(customer))
        .unwrap();
    let sale = match card {
        Some(card) => world
            .till()
            .tender_saved_card(world.cashier(), card, None, None),
        None => world.card(TenderKindView::SavedCard, None),
    };
    sale.unwrap().tenders[0].id.clone()
}

#[test]
fn a_card_saved_on_the_page_is_charged_once() {
    let (mut world, customer) = shop(301);
    let begun = save(&world, &customer);
    assert_eq!(begun.state, SavingStateView::Preparing);
    let asked = until_state(&mut world, &begun.id, SavingStateView::PageOpen);
    assert_eq!(asked, ["POST /v1/customers", "POST /v1/checkout/sessions"]);
    let open = saving(&world, &begun.id);
    assert!(open.may_open, "{open:?}");
    let url = world.till().card_page(world.cashier(), &open.id).unwrap();
    assert!(url.starts_with("https://checkout.stripe.com/"), "{url}");
    // A declined card leaves the page open.
    let page = session(&world, &begun.id);
    let declined = world.stripe.save_on_page(&page, "pm_card_chargeDeclined");
    assert!(declined.is_err());
    until(&mut world, |w| w.stripe.exchanges().len() > 4);
    assert_eq!(saving(&world, &begun.id).state, SavingStateView::PageOpen);
    assert!(cards(&world, &customer).is_empty());

    world
        .stripe
        .save_on_page(&page, "pm_card_mastercard")
        .unwrap();
    until_state(&mut world, &begun.id, SavingStateView::Saved);
    let kept = cards(&world, &customer);
    let told: Vec<_> = kept
        .iter()
        .map(|c| {
            (
                c.brand.as_str(),
                c.last4.as_str(),
                c.expires.as_str(),
                c.expired,
                c.is_default,
            )
        })
        .collect();
    assert_eq!(told, [("Mastercard", "4444", "12/2034", false, true)]);
    assert_eq!(kept[0].agreed_to, words(&world));
    assert!(kept[0].agreed_at.starts_with("2026-11-21T12:"), "{kept:?}");
    assert_eq!(
        saving(&world, &begun.id).url,
        None,
        "nobody needs the page any more"
    );

    let tender = tender(&world, &customer, None);
    world.run_until_quiet();
    assert_eq!(world.tender_state(&tender), TenderStateView::Certain);
    world.complete().unwrap();
    assert_eq!(world.charges_of(&tender), 1);
    assert_eq!(count(&world, "card_saved"), 1);
    world.check_invariants();
}

#[test]
fn nothing_is_saved_without_consent_to_the_words_that_are_shown() {
    let (mut world, customer) = shop(302);
    let shown = world.till().card_consent().unwrap();
    // Another wording is another version: what somebody agreed to stays known.
    assert_eq!(
        (shown.version.as_str(), shown.words.as_str()),
        (
            "1-72",
            "I agree that De Groene Hoek has my card kept by Stripe, its payment service, and \
             charges it for what I buy here when I say so, for that sum and no other. When the \
             shop has no connection it may be charged up to 72 hours later. The shop sees the \
             brand, the last four digits and the expiry, never the number. I can have the card \
             removed here at any time."
        )
    );
    for agreed in ["", "0", "yes", "1", "1-24", "2-72"] {
        let refused = world
            .till()
            .save_card(world.cashier(), &customer, &SaveCardOn::Page, agreed);
        assert_eq!(refusal(refused), ErrorCode::ConsentMissing, "{agreed:?}");
    }
    assert_eq!(step(&mut world), None, "Stripe hears nothing");
    assert_eq!(detail(&world, &customer).saving, None);
    // The page shows the same words.
    let id = save(&world, &customer).id;
    until_state(&mut world, &id, SavingStateView::PageOpen);
    let mut asked = world
        .stripe
        .exchanges()
        .iter()
        .map(|e| e.form.replace("%20", " "));
    let page = asked.rfind(|form| form.contains("mode=setup")).unwrap();
    let start: String = shown.words.chars().take(30).collect();
    assert!(page.contains(&start), "{page}");
}

#[test]
fn offline_no_card_is_saved_and_a_second_one_waits_for_the_first() {
    let (mut world, customer) = shop(303);
    world.online(false);
    let page = SaveCardOn::Page;
    let agreed = words(&world);
    let refused = world
        .till()
        .save_card(world.cashier(), &customer, &page, &agreed);
    assert_eq!(refusal(refused), ErrorCode::Offline);
    world.online(true);
    let first = save(&world, &customer);
    let refused = world
        .till()
        .save_card(world.cashier(), &customer, &page, &agreed);
    assert_eq!(refusal(refused), ErrorCode::SavingUnderWay);
    assert_eq!(detail(&world, &customer).saving.unwrap().id, first.id);
}

#[test]
fn an_answer_lost_at_each_step_saves_one_card_and_makes_one_customer() {
    for lost_at in 0..4 {
        let (mut world, customer) = shop(310 + lost_at);
        let id = save(&world, &customer).id;
        let mut completed = false;
        let mut asked: Vec<String> = Vec::new();
        let mut steps = 0;
        while saving(&world, &id).state != SavingStateView::Saved {
            if !completed && saving(&world, &id).state == SavingStateView::PageOpen {
                let page = session(&world, &id);
                world.stripe.save_on_page(&page, "pm_card_visa").unwrap();
                completed = true;
            }
            world.drop_answers = u32::from(steps == lost_at);
            match step(&mut world) {
                Some(request) => {
                    asked.push(request);
                    steps += 1;
                }
                None => world.advance_ms(1_000),
            }
            assert!(asked.len() < 50, "{asked:#?}");
        }
        let stripe = stripe_customer(&world, &customer);
        assert_eq!(at_stripe(&world, &stripe).len(), 1, "lost at {lost_at}");
        assert_eq!(cards(&world, &customer).len(), 1);
        let created = world
            .stripe
            .exchanges()
            .iter()
            .filter_map(|e| e.answer.as_ref())
            .filter(|a| a["object"] == "customer")
            .map(|a| a["id"].clone())
            .collect::<Vec<_>>();
        assert!(created.iter().all(|id| *id == stripe), "{created:?}");
        assert_eq!(count(&world, "card_saved"), 1);
        world.check_invariants();
    }
}

#[test]
fn a_power_cut_at_each_step_goes_on_where_it_was() {
    for cut_at in 0..5 {
        let (mut world, customer) = shop(320 + cut_at);
        let id = save(&world, &customer).id;
        let mut completed = false;
        for at in 0.. {
            assert!(at < 50, "it ends");
            match saving(&world, &id).state {
                SavingStateView::Saved => break,
                SavingStateView::PageOpen if !completed => {
                    let page = session(&world, &id);
                    world.stripe.save_on_page(&page, "pm_card_visa").unwrap();
                    completed = true;
                }
                _ => {}
            }
            let Some(request) = world.till().ask().unwrap() else {
                world.advance_ms(1_000);
                continue;
            };
            let answer = world.wire(&request);
            if at == cut_at {
                // Stripe acted, and nobody wrote it down.
                world.power_cut();
                let again = world.till().ask().unwrap();
                if request.method == "POST" {
                    assert_eq!(again.as_ref(), Some(&request), "the same key and bytes");
                }
            } else {
                world.till().told(&answer).unwrap();
            }
        }
        let stripe = stripe_customer(&world, &customer);
        assert_eq!(at_stripe(&world, &stripe).len(), 1, "cut at {cut_at}");
        assert_eq!(cards(&world, &customer).len(), 1);
        world.check_invariants();
    }
}

#[test]
fn what_a_weekend_outlives_is_made_anew_and_no_card_is_doubled() {
    for lost_at in 0..2 {
        let (mut world, customer) = shop(330 + lost_at);
        let id = save(&world, &customer).id;
        for _ in 0..lost_at {
            step(&mut world);
        }
        // Sent, the answer lost, and the shop closed over a weekend.
        world.drop_answers = 1;
        step(&mut world);
        world.till = None;
        world.advance_ms(60 * 3_600_000);
        world.start();
        world.online(true);
        until(&mut world, |w| {
            saving(w, &id).state != SavingStateView::Preparing
        });
        // The hour in which a card was waited for is over: the new page is closed again.
        until_state(&mut world, &id, SavingStateView::Expired);
        let stripe = stripe_customer(&world, &customer);
        assert_eq!(at_stripe(&world, &stripe), Vec::<String>::new());
        // And the next one is saved.
        save_one(&mut world, &customer, "pm_card_visa");
        assert_eq!(at_stripe(&world, &stripe).len(), 1);
    }
}

#[test]
fn a_page_that_expires_saves_nothing_and_another_can_be_made() {
    let (mut world, customer) = shop(340);
    let id = save(&world, &customer).id;
    until_state(&mut world, &id, SavingStateView::PageOpen);
    let page = session(&world, &id);
    world.advance_ms(61 * 60_000);
    let asked = until_state(&mut world, &id, SavingStateView::Expired);
    assert_eq!(
        asked[0],
        format!("POST /v1/checkout/sessions/{page}/expire")
    );
    assert!(world.stripe.save_on_page(&page, "pm_card_visa").is_err());
    save_one(&mut world, &customer, "pm_card_visa");
    assert_eq!(cards(&world, &customer).len(), 1);
    // Stripe itself closes a page after a day, also while the till is off.
    let id = save(&world, &customer).id;
    until_state(&mut world, &id, SavingStateView::PageOpen);
    world.till = None;
    world.advance_ms(25 * 3_600_000);
    world.start();
    world.online(true);
    until_state(&mut world, &id, SavingStateView::Expired);
    assert_eq!(cards(&world, &customer).len(), 1);
}

#[test]
fn given_up_is_given_up_also_where_the_customer_was_faster() {
    let (mut world, customer) = shop(350);
    // Before anything was asked.
    let first = save(&world, &customer).id;
    let given_up = world.till().cancel_card_saving(world.cashier(), &first);
    assert_eq!(given_up.unwrap().state, SavingStateView::Canceled);
    assert_eq!(step(&mut world), None, "Stripe hears nothing");
    // While the page is open.
    let second = save(&world, &customer).id;
    until_state(&mut world, &second, SavingStateView::PageOpen);
    let page = session(&world, &second);
    let given_up = world.till().cancel_card_saving(world.cashier(), &second);
    assert_eq!(given_up.unwrap().state, SavingStateView::Canceling);
    assert_eq!(saving(&world, &second).url, None);
    until_state(&mut world, &second, SavingStateView::Canceled);
    assert!(world.stripe.save_on_page(&page, "pm_card_visa").is_err());
    // The customer has finished, and the till does not know yet.
    let third = save(&world, &customer).id;
    until_state(&mut world, &third, SavingStateView::PageOpen);
    let page = session(&world, &third);
    world.stripe.save_on_page(&page, "pm_card_visa").unwrap();
    let stripe = stripe_customer(&world, &customer);
    assert_eq!(at_stripe(&world, &stripe).len(), 1);
    world
        .till()
        .cancel_card_saving(world.cashier(), &third)
        .unwrap();
    until_state(&mut world, &third, SavingStateView::Canceled);
    assert_eq!(
        at_stripe(&world, &stripe),
        Vec::<String>::new(),
        "taken away again"
    );
    assert_eq!(cards(&world, &customer), []);
    assert_eq!(count(&world, "card_saved"), 0);
    // What is saved is removed, not given up.
    let fourth = save_one(&mut world, &customer, "pm_card_visa");
    let late = world.till().cancel_card_saving(world.cashier(), &fourth);
    assert_eq!(refusal(late), ErrorCode::AlreadyDone);
}

#[test]
fn of_two_cards_the_default_one_is_charged_unless_another_is_chosen() {
    let (mut world, customer) = with_card(360);
    let second = save_one(&mut world, &customer, "pm_card_mastercard");
    let first = cards(&world, &customer)[0].clone();
    assert_eq!((first.last4.as_str(), first.is_default), ("4242", true));
    // Both are offered.
    world.ring_up(&[("Goudse kaas oud", "0.500")]);
    world
        .till()
        .set_customer(world.cashier(), Some(&customer))
        .unwrap();
    let options = world.till().tender_options().unwrap().others;
    let offered: Vec<_> = options.iter().filter_map(|o| o.card.clone()).collect();
    assert_eq!(offered, [first.id.clone(), second.clone()]);
    world.till().void_sale(world.cashier()).unwrap();

    let charged = |world: &mut World, card: Option<&str>| {
        let id = tender(world, &customer, card);
        world.run_until_quiet();
        let label = world.till().sale_current().unwrap().unwrap().tenders[0]
            .label
            .clone();
        world.complete().unwrap();
        assert_eq!(world.charges_of(&id), 1);
        label
    };
    assert!(charged(&mut world, None).ends_with("4242"));
    assert!(charged(&mut world, Some(&second)).ends_with("4444"));
    let after = world
        .till()
        .set_default_card(world.cashier(), &customer, &second)
        .unwrap();
    assert_eq!(after.customer.card.unwrap().id, second);
    assert!(charged(&mut world, None).ends_with("4444"));
    // The default one is removed: the other takes its place.
    world
        .till()
        .remove_card(world.cashier(), &customer, &second)
        .unwrap();
    let left = cards(&world, &customer);
    assert_eq!(left.len(), 1);
    assert!(left[0].is_default);
    // A card of somebody else's is not taken.
    let other = world.till().customers("Ana Ortega").unwrap().remove(0);
    world.ring_up(&[("Goudse kaas oud", "0.500")]);
    world
        .till()
        .set_customer(world.cashier(), Some(&customer))
        .unwrap();
    let foreign = other.card.unwrap().id;
    let taken = world
        .till()
        .tender_saved_card(world.cashier(), &foreign, None, None);
    assert_eq!(refusal(taken), ErrorCode::NoSavedCard);
    world.check_invariants();
}

#[test]
fn a_card_is_removed_here_at_once_and_at_stripe_when_it_can_be_told() {
    let (mut world, customer) = with_card(370);
    let stripe = stripe_customer(&world, &customer);
    let card = cards(&world, &customer)[0].id.clone();
    world.online(false);
    let after = world
        .till()
        .remove_card(world.cashier(), &customer, &card)
        .unwrap();
    assert_eq!((after.customer.cards.len(), after.removing), (0, 1));
    assert_eq!(at_stripe(&world, &stripe).len(), 1);
    world.power_cut();
    assert_eq!(step(&mut world), None, "there is no line");
    world.online(true);
    // The answer is lost, and asked for again under the same key.
    world.drop_answers = 1;
    until(&mut world, |w| detail(w, &customer).removing == 0);
    assert_eq!(at_stripe(&world, &stripe), Vec::<String>::new());
    let removed: Vec<_> = events(&world)
        .into_iter()
        .filter(|e| e.kind() == "card_removed")
        .collect();
    let by = world.cashier().user().id;
    assert!(
        matches!(removed.as_slice(), [JournalEvent::CardRemoved { by: Some(who), .. }] if *who == by),
        "{removed:?}"
    );
    let again = world.till().remove_card(world.cashier(), &customer, &card);
    assert_eq!(refusal(again), ErrorCode::NotFound);
    world.check_invariants();
}

#[test]
fn a_card_that_a_charge_needs_stays_until_the_charge_is_settled() {
    let (mut world, customer) = with_card(380);
    let card = cards(&world, &customer)[0].id.clone();
    let remove = |world: &World| world.till().remove_card(world.cashier(), &customer, &card);
    // On the open sale, at risk: nothing was asked of Stripe yet.
    world.online(false);
    let id = tender(&world, &customer, None);
    assert_eq!(refusal(remove(&world)), ErrorCode::CardInUse);
    let erased = world.till().erase_customer(world.manager(), &customer);
    assert_eq!(refusal(erased), ErrorCode::NotNow);
    // Queued.
    world.complete().unwrap();
    assert_eq!(refusal(remove(&world)), ErrorCode::CardInUse);
    let said = remove(&world).unwrap_err().sentence();
    assert!(said.contains("not settled"), "{said}");
    world.online(true);
    world.run_until_quiet();
    assert_eq!(world.charges_of(&id), 1);
    remove(&world).unwrap();
    world.check_invariants();
}

#[test]
fn an_erased_customer_leaves_no_card_here_nor_at_stripe() {
    let (mut world, customer) = with_card(390);
    save_one(&mut world, &customer, "pm_card_mastercard");
    let stripe = stripe_customer(&world, &customer);
    // And a third is being given.
    let third = save(&world, &customer).id;
    until_state(&mut world, &third, SavingStateView::PageOpen);
    let page = session(&world, &third);
    world.stripe.save_on_page(&page, "pm_card_amex").unwrap();
    assert_eq!(at_stripe(&world, &stripe).len(), 3);
    world
        .till()
        .erase_customer(world.manager(), &customer)
        .unwrap();
    until(&mut world, |w| {
        w.stripe.cards_of(&stripe).is_empty() && !matches!(w.till().ask_at(), Ok(Some(_)))
    });
    assert_eq!(count(&world, "card_saved"), 2);
    assert_eq!(count(&world, "card_removed"), 2);
    world.check_invariants();
}

#[test]
fn a_card_that_is_gone_at_stripe_goes_here_too() {
    let (mut world, customer) = with_card(400);
    let stripe = stripe_customer(&world, &customer);
    let method = at_stripe(&world, &stripe).remove(0);
    assert!(world.stripe.detach(&method), "in the dashboard");
    let id = tender(&world, &customer, None);
    world.run_until_quiet();
    assert_eq!(world.charges_of(&id), 0);
    assert_eq!(cards(&world, &customer), [], "it is not offered again");
    let gone = events(&world)
        .into_iter()
        .any(|e| matches!(e, JournalEvent::CardRemoved { by: None, .. }));
    assert!(gone);
    world.check_invariants();
}

#[test]
fn what_becomes_of_a_card_in_the_dashboard_is_seen() {
    let (mut world, customer) = with_card(405);
    save_one(&mut world, &customer, "pm_card_mastercard");
    let joined = till_app::StripeSetting {
        api_base: String::new(),
        account: "acct_1".into(),
        livemode: false,
    };
    world.till().join_stripe(&joined).unwrap();
    let stripe = stripe_customer(&world, &customer);
    // The newest first: the second card goes, the first one is replaced by its bank.
    let methods = at_stripe(&world, &stripe);
    assert!(world.stripe.detach(&methods[0]));
    assert!(world.stripe.renew(&methods[1], 3, 2037));
    world.advance_ms(20 * 60_000);
    crate::events::look(&mut world);
    let left = cards(&world, &customer);
    let told: Vec<_> = left
        .iter()
        .map(|c| (c.last4.as_str(), c.expires.as_str()))
        .collect();
    assert_eq!(told, [("4242", "03/2037")]);
    assert_eq!(count(&world, "card_removed"), 1);
    // Read again, it is no news.
    world.advance_ms(20 * 60_000);
    crate::events::look(&mut world);
    assert_eq!(count(&world, "card_removed"), 1);
    world.check_invariants();
}

#[test]
fn the_journal_and_stripe_are_told_no_name_and_no_address() {
    let (mut world, customer) = with_card(410);
    let second = save_one(&mut world, &customer, "pm_card_mastercard");
    world
        .till()
        .remove_card(world.cashier(), &customer, &second)
        .unwrap();
    until(&mut world, |w| detail(w, &customer).removing == 0);
    let mut export = Vec::new();
    world.till().journal_export(&mut export).unwrap();
    let export = String::from_utf8(export).unwrap();
    let sent: String = world
        .stripe
        .exchanges()
        .iter()
        .map(|e| e.form.clone() + "\n")
        .collect();
    for personal in [
        "Wilhelmina",
        "quackenbosch",
        "555 0142",
        "pm_",
        "cus_",
        "4444",
    ] {
        assert!(!export.contains(personal), "the journal has {personal}");
    }
    for personal in ["Wilhelmina", "quackenbosch", "555"] {
        assert!(!sent.contains(personal), "Stripe was told {personal}");
    }
    assert!(export.contains("card_saved") && export.contains("card_removed"));
}

#[test]
fn what_is_saved_and_removed_is_asked_as_stripe_publishes() {
    let (mut world, customer) = with_card(420);
    let card = cards(&world, &customer)[0].id.clone();
    world
        .till()
        .remove_card(world.cashier(), &customer, &card)
        .unwrap();
    until(&mut world, |w| detail(w, &customer).removing == 0);
    let id = save(&world, &customer).id;
    until_state(&mut world, &id, SavingStateView::PageOpen);
    world
        .till()
        .cancel_card_saving(world.cashier(), &id)
        .unwrap();
    until_state(&mut world, &id, SavingStateView::Canceled);
    let folder = tempfile::tempdir().unwrap();
    world.stripe.write_transcript(folder.path()).unwrap();
    let sent = std::fs::read_to_string(folder.path().join("requests.tsv")).unwrap();
    // `POST /v1/payment_methods/{pm}/detach` takes no parameters, and the published file
    // has no entry for it: its answer alone is held against a schema.
    for endpoint in ["POST /v1/customers\t", "POST /v1/checkout/sessions\t"] {
        assert!(sent.contains(endpoint), "{endpoint} was never asked");
    }
    crate::schemas::check(folder.path());
}

const READER: &str = "tmr_counter";

fn save_on_reader(world: &World, customer: &str) -> String {
    save_on(world, customer, READER)
}

/// A new customer's card is saved at `reader`, and removed.
pub(crate) fn save_and_remove_on(world: &mut World, reader: &str) {
    let till = world.till();
    let customer = till.add_customer(NAME, Some(EMAIL), None).unwrap().id;
    let id = save_on(world, &customer, reader);
    until_state(world, &id, SavingStateView::AtReader);
    world
        .stripe
        .present_card(reader, "pm_card_visa", None)
        .unwrap();
    until_state(world, &id, SavingStateView::Saved);
    let card = cards(world, &customer)[0].id.clone();
    let till = world.till();
    till.remove_card(world.cashier(), &customer, &card).unwrap();
    until(world, |w| detail(w, &customer).removing == 0);
}

fn save_on(world: &World, customer: &str, reader: &str) -> String {
    let on = SaveCardOn::Reader(reader.into());
    world
        .till()
        .save_card(world.cashier(), customer, &on, &words(world))
        .unwrap()
        .id
}

#[test]
fn a_card_saved_at_a_reader_is_charged_without_it() {
    let tap = ReaderBehaviour {
        taps_after_s: Some(4),
        ..ReaderBehaviour::default()
    };
    // As it should be; and with the request that the reader got all the same.
    for (seed, times_out_but_executes) in [(430, false), (431, true)] {
        let (mut world, customer) = shop(seed);
        let behaviour = ReaderBehaviour {
            times_out_but_executes,
            ..tap
        };
        world.stripe.set_reader(READER, behaviour);
        let id = save_on_reader(&world, &customer);
        let asked = until_state(&mut world, &id, SavingStateView::AtReader);
        assert_eq!(
            asked,
            [
                "POST /v1/customers".to_owned(),
                "POST /v1/setup_intents".to_owned(),
                format!("POST /v1/terminal/readers/{READER}/process_setup_intent"),
            ]
        );
        assert_eq!(saving(&world, &id).url, None);
        until_state(&mut world, &id, SavingStateView::Saved);
        assert_eq!(cards(&world, &customer)[0].last4, "4242");
        let tender = tender(&world, &customer, None);
        world.run_until_quiet();
        world.complete().unwrap();
        assert_eq!(world.charges_of(&tender), 1);
        let stripe = stripe_customer(&world, &customer);
        assert_eq!(at_stripe(&world, &stripe).len(), 1);
        let folder = tempfile::tempdir().unwrap();
        world.stripe.write_transcript(folder.path()).unwrap();
        crate::schemas::check(folder.path());
        world.check_invariants();
    }
}

#[test]
fn a_reader_that_cannot_or_a_bank_that_will_not_saves_nothing_and_says_why() {
    let reader = ReaderBehaviour::default();
    for (seed, behaviour, says) in [
        (
            440,
            ReaderBehaviour {
                offline: true,
                ..reader
            },
            "cannot be reached",
        ),
        (
            441,
            ReaderBehaviour {
                busy: true,
                ..reader
            },
            "busy",
        ),
        (
            442,
            ReaderBehaviour {
                taps_after_s: Some(2),
                decline: Some(Decline::LostCard),
                ..reader
            },
            "refused",
        ),
    ] {
        let (mut world, customer) = shop(seed);
        world.stripe.set_reader(READER, behaviour);
        let id = save_on_reader(&world, &customer);
        until_state(&mut world, &id, SavingStateView::Failed);
        let said = saving(&world, &id).says;
        assert!(
            said.contains(says) && said.contains("nothing was charged"),
            "{said}"
        );
        assert_eq!(cards(&world, &customer), []);
    }
}

#[test]
fn a_reader_is_let_go_where_nobody_gives_a_card_or_somebody_gives_up() {
    for (seed, give_up) in [(450, false), (451, true)] {
        let (mut world, customer) = shop(seed);
        world.stripe.set_reader(READER, ReaderBehaviour::default());
        let id = save_on_reader(&world, &customer);
        until_state(&mut world, &id, SavingStateView::AtReader);
        let end = if give_up {
            world
                .till()
                .cancel_card_saving(world.cashier(), &id)
                .unwrap();
            SavingStateView::Canceled
        } else {
            world.advance_ms(6 * 60_000);
            SavingStateView::Expired
        };
        let asked = until_state(&mut world, &id, end);
        let cancel = format!("POST /v1/terminal/readers/{READER}/cancel_action");
        assert!(asked.contains(&cancel), "{asked:#?}");
        assert_eq!(cards(&world, &customer), []);
        // The reader is free for the next customer.
        let tap = ReaderBehaviour {
            taps_after_s: Some(1),
            ..ReaderBehaviour::default()
        };
        world.stripe.set_reader(READER, tap);
        let next = save_on_reader(&world, &customer);
        until_state(&mut world, &next, SavingStateView::Saved);
    }
}

#[test]
fn an_answer_that_the_reader_acted_on_is_lost_and_the_card_is_saved_once() {
    let (mut world, customer) = shop(460);
    let tap = ReaderBehaviour {
        taps_after_s: Some(4),
        ..ReaderBehaviour::default()
    };
    world.stripe.set_reader(READER, tap);
    let id = save_on_reader(&world, &customer);
    until(&mut world, |w| {
        w.stripe
            .exchanges()
            .iter()
            .any(|e| e.operation == Operation::CreateSetup)
    });
    world.drop_answers = 1;
    step(&mut world);
    assert_eq!(saving(&world, &id).state, SavingStateView::Preparing);
    world.power_cut();
    until_state(&mut world, &id, SavingStateView::Saved);
    let stripe = stripe_customer(&world, &customer);
    assert_eq!(at_stripe(&world, &stripe).len(), 1);
    assert_eq!(count(&world, "card_saved"), 1);
}

#[test]
fn a_reader_does_not_save_a_card_and_take_a_payment_at_once() {
    let (mut world, customer) = shop(470);
    world.stripe.set_reader(READER, ReaderBehaviour::default());
    world.till().readers_look().unwrap();
    while step(&mut world).is_some() {}
    world.till().reader_use(world.manager(), READER).unwrap();
    let saving_first = save_on_reader(&world, &customer);
    until_state(&mut world, &saving_first, SavingStateView::AtReader);
    world.ring_up(&[("Goudse kaas oud", "0.500")]);
    let refused = world.card(TenderKindView::Reader, None);
    assert_eq!(refusal(refused), ErrorCode::SavingUnderWay);
    world
        .till()
        .cancel_card_saving(world.cashier(), &saving_first)
        .unwrap();
    until_state(&mut world, &saving_first, SavingStateView::Canceled);
    // And the other way round.
    world.card(TenderKindView::Reader, None).unwrap();
    while world.step() {}
    let on = SaveCardOn::Reader(READER.into());
    let refused = world
        .till()
        .save_card(world.cashier(), &customer, &on, &words(&world));
    assert_eq!(refusal(refused), ErrorCode::TenderBusy);
    // The page needs no reader.
    save(&world, &customer);
}
