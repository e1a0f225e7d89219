//! Interac: paid at a reader in Canadian dollars, and given back at a reader alone, with
//! the card there. Whatever the reader says, Stripe's refunds are asked, and money goes
//! back once or not at all.

use till_app::error::ErrorCode;
use till_app::view::{
    OutboxAction, OutboxDetailView, OutboxEntryView, TenderKindView, TenderStateView,
};
use till_stand_in::{Operation, ReaderBehaviour, RefundCourse};
use till_tests::{MANAGER_PIN, World, refusal};

use crate::readers::{READER, tap_after, tender, wait, with_a_reader};

/// A sale of 8.45 that was paid by Interac.
struct Paid {
    world: World,
    receipt: String,
    tender: String,
}

fn paid(seed: u64) -> Paid {
    let taps = ReaderBehaviour {
        interac: true,
        ..tap_after(3)
    };
    let mut world = with_a_reader(World::in_canada(seed), taps);
    world.card(TenderKindView::Reader, None).unwrap();
    wait(&mut world, 12);
    let paid = tender(&world);
    assert_eq!(paid.state, TenderStateView::Certain, "{paid:?}");
    let receipt = world.complete().unwrap().receipt;
    world.stripe.set_reader(READER, ReaderBehaviour::default());
    Paid {
        tender: paid.id,
        receipt,
        world,
    }
}

impl Paid {
    fn reader(&mut self, behaviour: ReaderBehaviour) {
        self.world.stripe.set_reader(READER, behaviour);
    }

    /// Takes so much back; gives what the screen says of the card.
    fn refund(&mut self, quantity: &str) -> String {
        let done = self.world.refund_first(&self.receipt, quantity, None);
        let mut done = done.unwrap();
        let paper = done.receipt_text.join(" ");
        assert!(paper.contains("When the card is presented"), "{paper}");
        let part = done.goes_to.remove(0);
        assert!(
            part.presented,
            "the screen does not say that it is given back"
        );
        part.says
    }

    fn waits(&mut self, seconds: i64) {
        wait(&mut self.world, seconds);
    }

    fn present(&mut self, card: &str) {
        self.world.stripe.present_card(READER, card, None).unwrap();
    }

    /// The youngest refund in the outbox.
    fn entry(&self) -> OutboxEntryView {
        let outbox = self.world.till().outbox().unwrap();
        let mut all = outbox.waiting.into_iter().chain(outbox.need_a_person);
        all.find(|e| e.is_refund).expect("a refund in the outbox")
    }

    fn decide(&self, action: OutboxAction) -> OutboxDetailView {
        let (id, cashier) = (self.entry().id, self.world.cashier());
        let till = self.world.till();
        till.outbox_decide(cashier, &id, action, None).unwrap()
    }

    /// What should be in the drawer.
    fn drawer(&self) -> i64 {
        let (till, manager) = (self.world.till(), self.world.manager());
        till.count(manager, &[], &[]).unwrap().expected.minor
    }

    fn is_open(&self) -> bool {
        let outbox = self.world.till().outbox().unwrap();
        let mut all = outbox.waiting.iter().chain(&outbox.need_a_person);
        all.any(|e| e.is_refund)
    }

    /// A case for a person that says so, while nothing was given back.
    #[track_caller]
    fn needs_a_person(&self, says: &str) {
        let entry = self.entry();
        assert_eq!(entry.state, TenderStateView::NeedsAttention, "{entry:?}");
        assert!(entry.says.contains(says), "{}", entry.says);
        let outbox = self.world.till().outbox().unwrap();
        assert!(
            outbox.need_a_person.iter().any(|e| e.id == entry.id),
            "it is on the list of those that need a person"
        );
        let detail = self.world.till().outbox_entry(&entry.id).unwrap();
        assert!(
            detail.verdict.starts_with("Nothing was given back"),
            "{}",
            detail.verdict
        );
        assert!(!self.world.stripe.waits_for_a_card(READER));
        self.world.check_invariants();
    }

    /// So much went back, in so many refunds, and no refund of a card was asked for
    /// that needs none.
    #[track_caller]
    fn went_back(&self, minor: i64, refunds: usize) {
        let ledger = self.world.stripe.ledger();
        let line = &ledger.tenders[&self.tender];
        assert_eq!(line.refunded, minor, "{line:?}");
        assert_eq!(line.refunds.len(), refunds, "{line:?}");
        assert_eq!(self.sent(Operation::CreateRefund), 0);
        self.world.check_invariants();
    }

    fn sent(&self, endpoint: Operation) -> usize {
        let all = self.world.stripe.exchanges().iter();
        all.filter(|e| e.operation == endpoint).count()
    }
}

const TOLD: Operation = Operation::RefundOnReader;

#[test]
fn what_interac_paid_goes_back_to_the_card_at_the_reader_in_full_and_in_part() {
    for (seed, parts) in [
        (1_101, vec![("0.500", 845)]),
        (1_102, vec![("0.200", 338), ("0.300", 507)]),
    ] {
        let mut shop = paid(seed);
        let mut sum = 0;
        for (i, (quantity, minor)) in parts.iter().enumerate() {
            let says = shop.refund(quantity);
            assert!(says.starts_with("Present the card at Counter"), "{says}");
            shop.waits(5);
            let entry = shop.entry();
            assert_eq!(entry.state, TenderStateView::AtReader);
            assert_eq!(entry.says, "Present the card at Counter");
            shop.went_back(sum, i);
            shop.present("interac");
            shop.waits(12);
            sum += minor;
            assert!(!shop.is_open(), "it is settled");
            shop.went_back(sum, i + 1);
        }
    }
}

#[test]
fn a_refund_that_timed_out_and_was_executed_is_given_once() {
    let mut shop = paid(1_103);
    shop.reader(ReaderBehaviour {
        times_out_but_executes: true,
        ..ReaderBehaviour::default()
    });
    shop.refund("0.200");
    shop.waits(4);
    assert_eq!(shop.entry().state, TenderStateView::AtReader);
    shop.present("interac");
    shop.waits(12);
    shop.went_back(338, 1);
    assert_eq!(shop.sent(TOLD), 1);
    assert!(!shop.is_open());
}

#[test]
fn a_refund_that_timed_out_and_was_not_executed_asks_a_person_and_is_given_once() {
    let mut shop = paid(1_104);
    shop.reader(ReaderBehaviour {
        times_out: true,
        ..ReaderBehaviour::default()
    });
    shop.refund("0.200");
    shop.waits(40);
    shop.needs_a_person("Present the card");
    shop.went_back(0, 0);
    shop.reader(ReaderBehaviour::default());
    let asked = shop.decide(OutboxAction::TryAgain);
    assert_eq!(asked.entry.says, "Present the card at Counter");
    shop.waits(5);
    shop.present("interac");
    shop.waits(12);
    shop.went_back(338, 1);
    assert!(!shop.is_open());
}

#[test]
fn an_answer_that_is_lost_is_looked_up_before_anything_is_sent_again() {
    // Before the reader shows it, or after the customer presented the card.
    for (seed, taps) in [(1_105, false), (1_106, true)] {
        let mut shop = paid(seed);
        shop.refund("0.200");
        shop.world.drop_answers = 1;
        shop.world.step();
        if taps {
            shop.present("interac");
        }
        shop.waits(6);
        if !taps {
            assert_eq!(shop.entry().state, TenderStateView::AtReader);
            shop.present("interac");
            shop.waits(12);
        }
        assert_eq!(shop.sent(TOLD), 1, "seed {seed}");
        shop.went_back(338, 1);
    }
}

#[test]
fn a_reader_that_says_failed_is_not_believed_where_the_money_went_back() {
    let mut shop = paid(1_107);
    shop.reader(ReaderBehaviour {
        loses_answer: true,
        ..ReaderBehaviour::default()
    });
    shop.refund("0.500");
    shop.waits(3);
    shop.present("interac");
    shop.waits(12);
    shop.went_back(845, 1);
    assert!(!shop.is_open());
}

#[test]
fn a_refund_is_taken_off_the_reader_and_asked_for_again() {
    let mut shop = paid(1_108);
    shop.refund("0.200");
    shop.waits(5);
    assert!(shop.world.stripe.waits_for_a_card(READER));
    let going = shop.decide(OutboxAction::TakeOffReader);
    assert!(
        going.verdict.starts_with("Not known yet"),
        "{}",
        going.verdict
    );
    shop.waits(8);
    shop.needs_a_person("Present the card");
    shop.went_back(0, 0);
    shop.decide(OutboxAction::TryAgain);
    shop.waits(5);
    shop.present("interac");
    shop.waits(12);
    shop.went_back(338, 1);
}

#[test]
fn a_card_that_is_presented_in_the_moment_of_taking_off_is_given_back() {
    let mut shop = paid(1_109);
    shop.refund("0.200");
    shop.waits(5);
    shop.decide(OutboxAction::TakeOffReader);
    shop.present("interac");
    shop.waits(12);
    shop.went_back(338, 1);
    assert!(!shop.is_open());
}

#[test]
fn another_card_gets_nothing() {
    let mut shop = paid(1_110);
    shop.refund("0.500");
    shop.waits(4);
    shop.present("pm_card_visa");
    shop.waits(8);
    shop.needs_a_person("it was not taken");
    shop.went_back(0, 0);
    shop.decide(OutboxAction::TryAgain);
    shop.waits(4);
    shop.present("interac");
    shop.waits(12);
    shop.went_back(845, 1);
}

#[test]
fn a_power_cut_in_the_middle_gives_back_once() {
    // In each request's flight, and whether the customer taps before the next start.
    for (seed, requests, taps) in [
        (1_111, 0, false),
        (1_112, 0, true),
        (1_113, 1, false),
        (1_114, 1, true),
        (1_115, 4, true),
    ] {
        let mut shop = paid(seed);
        shop.refund("0.200");
        for _ in 0..requests {
            if !shop.world.step() {
                shop.world.advance_ms(2_500);
                assert!(shop.world.step());
            }
        }
        shop.world.advance_ms(2_500);
        shop.world.power_cut_in_flight();
        if taps && shop.world.stripe.waits_for_a_card(READER) {
            shop.present("interac");
        }
        shop.waits(12);
        if shop.world.stripe.waits_for_a_card(READER) {
            shop.present("interac");
            shop.waits(12);
        }
        assert_eq!(shop.sent(TOLD), 1, "seed {seed}");
        shop.went_back(338, 1);
        assert!(!shop.is_open(), "seed {seed}");
    }
}

#[test]
fn a_refund_that_nobody_stands_there_for_waits_for_a_person_and_is_never_sent_by_itself() {
    for (seed, offline) in [(1_116, true), (1_117, false)] {
        let mut shop = paid(seed);
        if offline {
            shop.world.online(false);
        } else {
            let till = shop.world.till();
            till.reader_forget(shop.world.manager(), READER).unwrap();
        }
        let says = shop.refund("0.200");
        assert!(says.contains("must be presented at a reader"), "{says}");
        shop.needs_a_person("Present the card");
        shop.world.online(true);
        for _ in 0..3 {
            shop.world.advance_ms(24 * 3_600_000);
            shop.world.till().outbox_send_now().unwrap();
            shop.waits(5);
        }
        assert_eq!(shop.sent(TOLD), 0);
        if !offline {
            let (id, cashier) = (shop.entry().id, shop.world.cashier());
            let again = OutboxAction::TryAgain;
            let till = shop.world.till();
            assert_eq!(
                refusal(till.outbox_decide(cashier, &id, again, None)),
                ErrorCode::NotNow,
                "there is no reader"
            );
            till.reader_use(shop.world.manager(), READER).unwrap();
        }
        shop.decide(OutboxAction::TryAgain);
        shop.waits(4);
        shop.present("interac");
        shop.waits(12);
        shop.went_back(338, 1);
    }
}

#[test]
fn nobody_presents_the_card_for_ten_minutes_and_it_is_taken_off_the_reader() {
    let mut shop = paid(1_118);
    shop.refund("0.200");
    shop.waits(11 * 60);
    shop.needs_a_person("Present the card");
    let sent = shop.world.stripe.exchanges().len();
    assert!(sent < 400, "{sent} requests for one who went away");
    shop.waits(3_600);
    assert_eq!(shop.sent(TOLD), 1);
    assert_eq!(shop.world.stripe.exchanges().len(), sent, "it is quiet");
    shop.went_back(0, 0);
}

#[test]
fn a_reader_that_is_busy_or_has_no_network_asks_a_person() {
    for (seed, busy, says) in [(1_119, true, "busy"), (1_120, false, "no network")] {
        let mut shop = paid(seed);
        shop.reader(ReaderBehaviour {
            busy,
            offline: !busy,
            ..ReaderBehaviour::default()
        });
        shop.refund("0.200");
        shop.waits(10);
        shop.needs_a_person(says);
        assert_eq!(shop.sent(TOLD), 1, "it is not asked by itself");
        shop.reader(ReaderBehaviour::default());
        shop.decide(OutboxAction::TryAgain);
        shop.waits(4);
        shop.present("interac");
        shop.waits(12);
        shop.went_back(338, 1);
    }
}

#[test]
fn a_reader_that_waits_for_a_refunds_card_takes_no_payment() {
    let mut shop = paid(1_121);
    shop.refund("0.200");
    shop.waits(4);
    shop.world.ring_up(&[("Goudse kaas oud", "0.500")]);
    assert_eq!(
        refusal(shop.world.card(TenderKindView::Reader, None)),
        ErrorCode::ReaderRefunding
    );
    shop.present("interac");
    shop.waits(12);
    shop.world.card(TenderKindView::Reader, None).unwrap();
    shop.went_back(338, 1);
}

#[test]
fn a_card_taken_off_an_open_sale_is_given_back_at_the_reader() {
    let taps = ReaderBehaviour {
        interac: true,
        ..tap_after(3)
    };
    let mut world = with_a_reader(World::in_canada(1_122), taps);
    world.card(TenderKindView::Reader, None).unwrap();
    wait(&mut world, 12);
    let id = tender(&world).id;
    world.stripe.set_reader(READER, ReaderBehaviour::default());
    let sale = world.till().tender_remove(world.cashier(), &id).unwrap();
    assert_eq!(sale.tenders.len(), 0);
    wait(&mut world, 4);
    world.stripe.present_card(READER, "interac", None).unwrap();
    wait(&mut world, 12);
    world.cash("50.00");
    world.complete().unwrap();
    let shop = Paid {
        world,
        receipt: String::new(),
        tender: id,
    };
    shop.went_back(845, 1);
}

#[test]
fn a_customer_who_lost_the_card_gets_cash_and_no_reader_asks_for_the_card_any_more() {
    let mut shop = paid(1_130);
    shop.world.online(false);
    shop.refund("0.200");
    shop.world.online(true);
    let id = shop.entry().id;
    let before = shop.drawer();
    let detail = shop.decide(OutboxAction::GiveCash);
    assert_eq!(detail.entry.state, TenderStateView::Closed);
    assert_eq!(shop.drawer(), before - 338);
    let (till, cashier) = (shop.world.till(), shop.world.cashier());
    for again in [OutboxAction::TryAgain, OutboxAction::GiveCash] {
        assert_eq!(
            refusal(till.outbox_decide(cashier, &id, again, None)),
            ErrorCode::NotNow
        );
    }
    shop.world.advance_ms(24 * 3_600_000);
    shop.world.till().outbox_send_now().unwrap();
    shop.waits(5);
    assert!(!shop.is_open());
    assert_eq!(shop.sent(TOLD), 0);
    shop.went_back(0, 0);
}

#[test]
fn cash_is_given_for_a_refund_only_once_it_is_off_the_reader_for_certain() {
    let cash = |shop: &Paid| {
        let detail = shop.world.till().outbox_entry(&shop.entry().id).unwrap();
        let mut actions = detail.actions.into_iter();
        actions
            .find(|a| a.action == OutboxAction::GiveCash)
            .unwrap()
            .available
    };
    // At the reader: no. Taken off, every request answered: yes.
    let mut shop = paid(1_131);
    shop.refund("0.200");
    shop.waits(5);
    assert!(!cash(&shop));
    shop.decide(OutboxAction::TakeOffReader);
    assert!(!cash(&shop), "it is not known yet what the reader did");
    shop.waits(12);
    shop.needs_a_person("Present the card");
    assert!(cash(&shop));
    shop.decide(OutboxAction::GiveCash);
    assert!(!shop.is_open());
    shop.went_back(0, 0);

    // The answer of the reader's request got lost: it may light up late.
    let mut shop = paid(1_132);
    shop.refund("0.200");
    shop.world.drop_answers = 1;
    shop.waits(5);
    shop.decide(OutboxAction::TakeOffReader);
    shop.waits(12);
    shop.needs_a_person("Present the card");
    assert!(!cash(&shop));
    // Presented after all, it is given back.
    shop.decide(OutboxAction::TryAgain);
    shop.waits(4);
    shop.present("interac");
    shop.waits(12);
    shop.went_back(338, 1);
}

/// A refund that a person asked for at the reader, and that was given in cash; and one
/// for which a manager had to say yes.
pub(crate) fn a_day_of_refunds_in_cash() -> World {
    let mut shop = paid(3);
    shop.world.online(false);
    shop.refund("0.200");
    shop.world.online(true);
    shop.decide(OutboxAction::TryAgain);
    shop.waits(4);
    shop.decide(OutboxAction::TakeOffReader);
    shop.waits(12);
    shop.decide(OutboxAction::GiveCash);
    let mut world = shop.world;
    world.ring_up(&[("Goudse kaas oud", "4.000")]);
    let sale = world.card(TenderKindView::SimulatedReader, None).unwrap();
    while world.step() {}
    world
        .stripe
        .next_refund(RefundCourse::PendingThenFails { seconds: 60 });
    let (till, cashier) = (world.till(), world.cashier());
    till.tender_remove(cashier, &sale.tenders[0].id).unwrap();
    till.void_sale(cashier).unwrap();
    world.run_until_quiet();
    let id = world.till().outbox().unwrap().need_a_person.remove(0).id;
    let yes = world.manager_says(MANAGER_PIN);
    let (till, cashier) = (world.till(), world.cashier());
    till.outbox_decide(cashier, &id, OutboxAction::GiveCash, Some(&yes))
        .unwrap();
    world.check_invariants();
    world
}
