//! A schedule, done: the till at its counter, the wire, Stripe and the clocks.

use std::sync::Arc;

use till_adapters::sim::{SeededIds, SimClock};
use till_app::auth::Session;
use till_app::error::{AppError, ErrorCode};
use till_app::ports::Clock;
use till_app::view::{
    ApprovalInput, CountInput, OutboxAction, RefundLineInput, SaleView, TenderKindView,
    TenderStateView,
};
use till_app::{Ports, Till};
use till_domain::ids::{Timestamp, Uuid};
use till_stand_in::{
    CardBehaviour, ClockSource, Config, Decline, FaultPlan, Method, ReaderBehaviour, RefundCourse,
    Request, StandIn, TEST_KEY,
};
use till_store::StoredRequest;
use till_sync::phases::{Claim, Claimed};
use till_sync::transport::Answer;

use super::disk::{CASHIER_PIN, Disk, Image, MANAGER_PIN, template, torn};
use super::oracle::{CARD_NUMBER, Oracle, QUIET, SURVIVES, TIP};
use super::plan::{Act, AtReader, Bank, Card, Decision, Fate, Schedule, Step};
use super::{Broken, Tally};
use crate::{NOON_MS, SimPrinter, SimSecrets, carry};

/// How often the loop tries to write an answer down.
const TRIES: u32 = 4;

/// How long something on the way keeps a request that nobody waits for any more.
const LATE_MS: i64 = 10 * 60_000;

/// How long everything may take to be decided once the line is back: several of the
/// longest delays, and less than a clock that was set back by hours is behind.
const SETTLED_MS: i64 = 2 * 3_600_000;

/// A request that was claimed.
struct InHand {
    claim: Claim,
    /// What came back, once it has.
    answer: Option<Answer>,
    /// How often the disk did not take it.
    refused: u32,
}

/// A request that is still on its way, or is going to be repeated.
struct Copy {
    request: StoredRequest,
    until_ms: i64,
}

struct World {
    disk: Disk,
    till: Option<Till>,
    clock: Arc<SimClock>,
    ids: Arc<SeededIds>,
    stripe: StandIn,
    stripe_acted: bool,
    /// The time that is right: Stripe's.
    true_ms: i64,
    line_up: bool,
    disk_full: bool,
    hand: Vec<InHand>,
    copies: Vec<Copy>,
    cashier: Session,
    manager: Session,
    oracle: Oracle,
    tally: Tally,
}

type Held<T> = Result<T, Broken>;

/// Runs a schedule; `at` tells how far it got.
pub(crate) fn run(schedule: &Schedule, at: &mut usize) -> Held<Tally> {
    let mut world = World::new(schedule);
    world.look()?;
    for step in &schedule.steps {
        world.step(*step)?;
        world.look()?;
        world.tally.steps += 1;
        *at += 1;
    }
    world.settle()?;
    // Nothing else is tried by itself.
    let retries = schedule.retries && world.oracle.was_declined();
    if retries {
        // Each attempt, and the age that ends them.
        world.days(4)?;
    }
    world.resolve()?;
    world.settle()?;
    world.oracle.all_settled()?;
    if retries {
        // What was settled another way is not tried.
        world.days(2)?;
    }
    let bytes = world.disk.bytes();
    world.oracle.no_secret("the shop's file", &bytes)?;
    let mut tally = world.tally;
    world.oracle.tally(&mut tally);
    Ok(tally)
}

/// The reader on the counter.
const READER: &str = "tmr_StandInCounter";

fn reader(is: AtReader) -> ReaderBehaviour {
    let after = |seconds: u8| ReaderBehaviour {
        taps_after_s: Some(i64::from(seconds)),
        tip_amount: TIP,
        ..ReaderBehaviour::default()
    };
    let waits = ReaderBehaviour {
        tip_amount: TIP,
        ..ReaderBehaviour::default()
    };
    match is {
        AtReader::Waits => waits,
        AtReader::Taps(s) => after(s),
        AtReader::Declines(s) => ReaderBehaviour {
            decline: Some(Decline::GenericDecline),
            ..after(s)
        },
        AtReader::Lies(s) => ReaderBehaviour {
            times_out_but_executes: true,
            ..after(s)
        },
        AtReader::TimesOut => ReaderBehaviour {
            times_out: true,
            ..waits
        },
        AtReader::Busy => ReaderBehaviour {
            busy: true,
            ..waits
        },
        AtReader::Offline => ReaderBehaviour {
            offline: true,
            ..waits
        },
        AtReader::Deaf(s) => ReaderBehaviour {
            loses_answer: true,
            ..after(s)
        },
        AtReader::Slow(s) => ReaderBehaviour {
            authorizes_for_s: 15,
            ..after(s)
        },
        AtReader::Refuses(s) => ReaderBehaviour {
            cancels_after_s: Some(i64::from(s)),
            ..waits
        },
    }
}

fn behaviour(bank: Bank, as_saved: CardBehaviour) -> CardBehaviour {
    match bank {
        Bank::Good => CardBehaviour::Succeeds,
        Bank::AsSaved => as_saved,
        Bank::Moody => CardBehaviour::DeclinesAtFirst {
            decline: Decline::InsufficientFunds,
            times: 1,
        },
        Bank::Slow => CardBehaviour::Processing {
            seconds: 40,
            decline: None,
        },
        Bank::SlowNo => CardBehaviour::Processing {
            seconds: 40,
            decline: Some(Decline::GenericDecline),
        },
        Bank::RefundsSlowly => {
            CardBehaviour::Refunded(RefundCourse::PendingThenSucceeds { seconds: 50 })
        }
        Bank::RefundsFail => {
            CardBehaviour::Refunded(RefundCourse::PendingThenFails { seconds: 50 })
        }
        Bank::RefundsAsk => CardBehaviour::Refunded(RefundCourse::RequiresAction),
    }
}

impl World {
    fn new(schedule: &Schedule) -> Self {
        let clock = Arc::new(SimClock::new(Timestamp(NOON_MS)));
        let ids = Arc::new(SeededIds::from_seed(schedule.seed.wrapping_add(1)));
        let disk = Disk::new();
        let mut stripe = StandIn::new(Config {
            seed: schedule.seed,
            clock: ClockSource::Manual {
                start: NOON_MS / 1000,
            },
            faults: FaultPlan::none(),
            ..Config::default()
        });
        for (card, bank) in till_app::sample_cards().iter().zip(schedule.banks) {
            stripe.add_test_customer(&card.customer, &card.payment_method, &card.behaves_as);
            if bank != Bank::AsSaved {
                let how = behaviour(bank, CardBehaviour::Succeeds);
                stripe.add_customer(&card.customer, &card.payment_method, how);
            }
        }
        let till = Till::open(&disk.folder(), ports(&clock, &ids)).unwrap();
        let sign_in = |id: &str, pin| till.sign_in(id.parse().unwrap(), pin).unwrap();
        let cashier = sign_in(&template().cashier, CASHIER_PIN);
        let manager = sign_in(&template().manager, MANAGER_PIN);
        if schedule.retries {
            let hours = "[offline]\nretry_after_hours = [1, 20, 40]\n";
            till.set_settings(&manager, "settings.toml", hours).unwrap();
        }
        till.set_reachable(true);
        if let Some(tips) = schedule.reader {
            stripe.set_reader(READER, ReaderBehaviour::default());
            till.readers_look().unwrap();
            while let Some(request) = till.ask().unwrap() {
                let answer = carry(&mut stripe, &request);
                till.told(&answer).unwrap();
            }
            till.reader_use(&manager, READER).unwrap();
            let tips = format!("reader_tips = {tips}\n");
            till.set_settings(&manager, "settings.toml", &tips).unwrap();
        }
        Self {
            oracle: Oracle::new(&disk.db()),
            disk,
            till: Some(till),
            clock,
            ids,
            stripe,
            stripe_acted: false,
            true_ms: NOON_MS,
            line_up: true,
            disk_full: false,
            hand: Vec::new(),
            copies: Vec::new(),
            cashier,
            manager,
            tally: Tally::default(),
        }
    }

    fn till(&self) -> &Till {
        self.till.as_ref().unwrap()
    }

    fn look(&mut self) -> Held<()> {
        let acted = std::mem::take(&mut self.stripe_acted);
        self.oracle.look(&self.stripe, acted)
    }

    // ---- the machine ----

    /// The power goes, and comes back.
    fn power_cut(&mut self, left: &Image) -> Held<()> {
        self.disk.power_cut(left);
        self.start()
    }

    fn start(&mut self) -> Held<()> {
        self.till = None;
        self.hand.clear();
        self.disk_full = false;
        self.tally.cuts += 1;
        let till = Till::open(&self.disk.folder(), ports(&self.clock, &self.ids))
            .map_err(|error| Broken::new(SURVIVES, format!("no start: {error:?}")))?;
        till.set_reachable(self.line_up);
        self.till = Some(till);
        self.oracle.restarted(&self.disk.db())?;
        // The power may have gone between the end of one shift and the next.
        self.open_shift()
    }

    fn step(&mut self, step: Step) -> Held<()> {
        match step.cut {
            None => self.act(step.act, true),
            Some(seed) => {
                // What the till says, nobody sees any more. A request leaves after its
                // claim is on disk: the power goes in the claim, or in the record.
                let mut before = self.disk.image();
                match step.act {
                    Act::Send { .. } if seed % 2 == 0 => {
                        self.claim()?;
                    }
                    Act::Send { fate } => {
                        if self.claim()? {
                            let last = self.hand.len() - 1;
                            self.deliver(last, fate)?;
                            before = self.disk.image();
                            self.record(last)?;
                        }
                    }
                    act => self.act(act, false)?,
                }
                let after = self.disk.image();
                self.tally.torn += 1;
                self.power_cut(&torn(&before, &after, seed))
            }
        }
    }

    // ---- what is done ----

    /// What the till said: done, or a refusal for a person. A fault of the till's
    /// own is none of these.
    fn said<T>(&self, said: Result<T, AppError>) -> Held<Option<T>> {
        let error = match said {
            Ok(done) => return Ok(Some(done)),
            Err(error) => error,
        };
        let words = format!("{error} {error:?} {}", error.sentence());
        self.oracle.no_secret("an error", words.as_bytes())?;
        let broken = match error.code() {
            ErrorCode::DiskFull => !self.disk_full,
            ErrorCode::Internal
            | ErrorCode::DatabaseUnreadable
            | ErrorCode::DatabaseNewer
            | ErrorCode::DataInUse
            | ErrorCode::JournalBroken
            | ErrorCode::BadInput => true,
            _ => false,
        };
        if broken {
            return Err(Broken::new("the till does not break", words));
        }
        Ok(None)
    }

    fn yes(&self, pin: &str) -> ApprovalInput {
        ApprovalInput {
            user: template().manager.clone(),
            pin: pin.into(),
            reason: "looked at it".into(),
        }
    }

    fn open_tenders(&self) -> Held<Vec<String>> {
        let sale = self.said(self.till().sale_current())?.flatten();
        Ok(sale.map_or_else(Vec::new, |s| {
            s.tenders.into_iter().rev().map(|t| t.id).collect()
        }))
    }

    #[allow(clippy::too_many_lines, reason = "one arm for each act")]
    fn act(&mut self, act: Act, seen: bool) -> Held<()> {
        let nth = |list: &[String], which: u8| -> Option<String> {
            list.get(usize::from(which) % list.len().max(1)).cloned()
        };
        match act {
            Act::RingUp { product, quantity } => {
                let products = &template().products;
                let (id, weighed) = &products[usize::from(product) % products.len()];
                let quantity = if *weighed {
                    format!("{}.{:03}", quantity % 3, 50 + u32::from(quantity) * 3)
                } else {
                    (1 + quantity % 3).to_string()
                };
                let done = self.till().add_product(&self.cashier, id, Some(&quantity));
                self.said(done)?;
            }
            Act::Customer { who } => {
                let customer = nth(&template().customers, who);
                let done = self.till().set_customer(&self.cashier, customer.as_deref());
                self.said(done)?;
            }
            Act::Cash { all } => {
                let sale = self.said(self.till().sale_current())?.flatten();
                let given = match sale {
                    Some(sale) if all => sale.cash_due.minor,
                    Some(_) | None => 200,
                };
                let given = format!("{}.{:02}", given / 100, given % 100);
                let done = self.till().tender_cash(&self.cashier, &given);
                self.said(done)?;
            }
            Act::Slip => {
                let done = self
                    .till()
                    .tender_external(&self.cashier, None, "A1B2C3", "1881");
                self.said(done)?;
            }
            Act::Card { how, half, manager } => {
                let part = if half {
                    let sale = self.said(self.till().sale_current())?.flatten();
                    sale.map(|s: SaleView| s.outstanding.minor / 2)
                        .map(|minor| format!("{}.{:02}", minor / 100, minor % 100))
                } else {
                    None
                };
                let yes = manager.then(|| self.yes(MANAGER_PIN));
                let (till, part) = (self.till(), part.as_deref());
                let done = match how {
                    Card::Saved => till.tender_card(
                        &self.cashier,
                        TenderKindView::SavedCard,
                        part,
                        yes.as_ref(),
                    ),
                    Card::Tapped => till.tender_card(
                        &self.cashier,
                        TenderKindView::SimulatedReader,
                        part,
                        yes.as_ref(),
                    ),
                    Card::Reader => {
                        till.tender_card(&self.cashier, TenderKindView::Reader, part, None)
                    }
                    Card::Link => {
                        till.tender_pay_link(&self.cashier, part, "ana@post.example", yes.as_ref())
                    }
                };
                self.said(done)?;
            }
            Act::TakeOff { tender } => {
                if let Some(id) = nth(&self.open_tenders()?, tender) {
                    let done = self.till().tender_remove(&self.cashier, &id);
                    self.said(done)?;
                }
            }
            Act::LookAgain { tender } => {
                if let Some(id) = nth(&self.open_tenders()?, tender) {
                    let done = self.till().tender_look_again(&self.cashier, &id);
                    self.said(done)?;
                }
            }
            Act::Complete => {
                let done = self.till().complete(&self.cashier);
                if let (Some((done, _)), true) = (self.said(done)?, seen) {
                    self.oracle.show(&done.receipt, done.sale.total.minor);
                }
            }
            Act::Void => {
                let done = self.till().void_sale(&self.cashier);
                self.said(done)?;
            }
            Act::Suspend => {
                let done = self.till().suspend(&self.cashier);
                self.said(done)?;
            }
            Act::Recall => {
                let suspended = self.said(self.till().suspended())?.unwrap_or_default();
                if let Some(sale) = suspended.first() {
                    let done = self.till().recall(&self.cashier, &sale.id);
                    self.said(done)?;
                }
            }
            Act::Refund {
                sale,
                line,
                part,
                manager,
            } => self.refund(sale, line, part, manager, seen)?,
            Act::Decide {
                tender,
                what,
                manager,
            } => {
                if let Some(id) = self.oracle.charge(tender).map(|c| c.tender.to_string()) {
                    self.decide(&id, what, manager)?;
                }
                // Who settles a card in cash wants to give its refund in cash, too.
                if let (Decision::Cash, Some(part)) = (what, self.oracle.refund_of(tender)) {
                    self.give_cash(part)?;
                }
            }
            Act::SendNow => {
                let done = self.till().outbox_send_now();
                self.said(done)?;
            }
            Act::PracticeOffline { on } => {
                let done = self.till().set_forced_offline(on);
                self.said(done)?;
            }
            Act::TypeCardNumber { at } => self.type_card_number(at)?,
            Act::WrongPin => {
                let wrong = self.yes("1234");
                let done = self.till().approve(&wrong);
                self.said(done)?;
            }
            Act::CloseShift => self.close_shift()?,
            Act::PayLink { tender, good } => self.pay_link(tender, good)?,
            Act::CancelAtStripe { tender } => {
                let intent = self.oracle.charge(tender).and_then(|c| c.intent());
                if let Some(intent) = intent.map(str::to_owned) {
                    let path = format!("/v1/payment_intents/{intent}/cancel");
                    self.stripe
                        .handle(&Request::new(Method::Post, &path, "").key(TEST_KEY));
                    self.stripe_acted = true;
                }
            }
            Act::Reader { is } => self.stripe.set_reader(READER, reader(is)),
            Act::Tap { good } => {
                let card = if good {
                    "pm_card_visa"
                } else {
                    "pm_card_chargeDeclined"
                };
                // Refused where it waits for none.
                let _ = self.stripe.present_card(READER, card, None);
                self.stripe_acted = true;
            }
            Act::Again { tender } => {
                if let Some(id) = nth(&self.open_tenders()?, tender) {
                    let done = self.till().tender_again(&self.cashier, &id, None);
                    self.said(done)?;
                }
            }
            Act::Line { up } => {
                self.line_up = up;
                self.till().set_reachable(up);
            }
            Act::Probe => self.till().set_reachable(self.line_up),
            Act::Send { fate } => self.send(fate)?,
            Act::Claim => {
                self.claim()?;
            }
            Act::Deliver { which, fate } => {
                let open: Vec<usize> = (0..self.hand.len())
                    .filter(|i| self.hand[*i].answer.is_none())
                    .collect();
                if let Some(i) = open.get(usize::from(which) % open.len().max(1)) {
                    self.deliver(*i, fate)?;
                }
            }
            Act::Record { which } => {
                let done: Vec<usize> = (0..self.hand.len())
                    .filter(|i| self.hand[*i].answer.is_some())
                    .collect();
                if let Some(i) = done.get(usize::from(which) % done.len().max(1)) {
                    self.record(*i)?;
                }
            }
            Act::Arrive { which } => {
                if !self.copies.is_empty() {
                    let at = usize::from(which) % self.copies.len();
                    let copy = self.copies.remove(at);
                    if copy.until_ms >= self.true_ms {
                        self.stripe_acted = true;
                        self.tally.requests += 1;
                        let _ = carry(&mut self.stripe, &copy.request);
                    }
                }
            }
            Act::Pass { ms } => self.pass(ms),
            Act::SetClock { by_ms } => self.clock.advance_ms(by_ms),
            Act::Idle => self.till().idle(),
            Act::SwitchOff => {
                self.till = None;
                self.start()?;
            }
            Act::PowerCut => {
                let left = self.disk.image();
                self.power_cut(&left)?;
            }
            Act::DiskFull { pages } => {
                if self.till().full_disk(u32::from(pages)).is_ok() {
                    self.disk_full = true;
                }
            }
            Act::FillDisk => {
                let opened = |world: &Self| world.till().no_sale(&world.cashier, "change");
                for _ in 0..if self.disk_full { 100 } else { 0 } {
                    let done = opened(self);
                    if self.said(done)?.is_none() {
                        break;
                    }
                }
            }
            Act::DiskFree => self.free_disk(),
        }
        Ok(())
    }

    fn free_disk(&mut self) {
        if self.disk_full && self.till().full_disk(u32::MAX).is_ok() {
            self.disk_full = false;
        }
    }

    fn pass(&mut self, ms: i64) {
        self.true_ms += ms;
        self.clock.advance_ms(ms);
        self.stripe.set_now(self.true_ms.div_euclid(1_000));
        self.stripe_acted = true;
        let now = self.true_ms;
        self.copies.retain(|c| c.until_ms >= now);
    }

    fn refund(&mut self, sale: u8, line: u8, part: u8, manager: bool, seen: bool) -> Held<()> {
        let receipts = self.oracle.receipts();
        let at = usize::from(sale) % receipts.len().max(1);
        let Some(number) = receipts.iter().rev().nth(at) else {
            return Ok(());
        };
        let receipt = format!("1-{number:06}");
        let Some(source) = self.said(self.till().refund_find(&receipt))? else {
            return Ok(());
        };
        let lines: Vec<RefundLineInput> = source
            .lines
            .iter()
            .filter(|l| l.left.bytes().any(|b| (b'1'..=b'9').contains(&b)))
            .enumerate()
            .filter(|(i, _)| part.is_multiple_of(5) || *i == usize::from(line))
            .map(|(_, l)| RefundLineInput {
                line: l.id.clone(),
                quantity: share(&l.left, l.weighed, part),
                restock: part.is_multiple_of(2),
            })
            .collect();
        let yes = manager.then(|| self.yes(MANAGER_PIN));
        let done =
            self.till()
                .refund_commit(&self.cashier, &receipt, &lines, "damaged", yes.as_ref());
        if let (Some((done, _)), true) = (self.said(done)?, seen) {
            self.oracle.show(&done.receipt, done.total.minor);
        }
        Ok(())
    }

    fn decide(&mut self, id: &str, what: Decision, manager: bool) -> Held<bool> {
        let action = match what {
            Decision::Cash => OutboxAction::TakeCash,
            Decision::WriteOff => OutboxAction::WriteOff,
            Decision::Again => OutboxAction::TryAgain,
            Decision::Link => OutboxAction::PayLink,
        };
        let yes = manager.then(|| self.yes(MANAGER_PIN));
        let done = self
            .till()
            .outbox_decide(&self.cashier, id, action, yes.as_ref());
        Ok(self.said(done)?.is_some())
    }

    /// A refund that Stripe could not make is asked for in cash; where it may still come
    /// the till says no.
    fn give_cash(&mut self, part: Uuid) -> Held<()> {
        let yes = self.yes(MANAGER_PIN);
        let (till, cashier) = (self.till(), &self.cashier);
        let action = OutboxAction::GiveCash;
        let done = till.outbox_decide(cashier, &part.to_string(), action, Some(&yes));
        self.said(done)?;
        Ok(())
    }

    fn type_card_number(&mut self, at: u8) -> Held<()> {
        let till = self.till();
        match at {
            0 => {
                let done = till.no_sale(&self.cashier, CARD_NUMBER);
                self.said(done)?;
            }
            1 => {
                let done = till.tender_pay_link(&self.cashier, None, CARD_NUMBER, None);
                self.said(done)?;
            }
            _ => {
                let done = till.add_customer("Somebody", Some("4242 4242 4242 4242"), None);
                self.said(done)?;
                let done = till.scan(&self.cashier, CARD_NUMBER);
                self.said(done)?;
            }
        }
        Ok(())
    }

    fn close_shift(&mut self) -> Held<()> {
        let pieces = [CountInput {
            denomination_minor: 5_000,
            pieces: 3,
        }];
        let done = self.till().count(&self.manager, &pieces, &[]);
        self.said(done)?;
        let yes = self.yes(MANAGER_PIN);
        let done = self
            .till()
            .close(&self.manager, "not counted", Some("150.00"), Some(&yes));
        if self.said(done)?.is_some() {
            self.open_shift()?;
        }
        Ok(())
    }

    /// Where one is open, the till says no.
    fn open_shift(&self) -> Held<()> {
        let done = self.till().shift_open(&self.cashier, "150.00");
        self.said(done)?;
        Ok(())
    }

    /// The customer opens the link that the shop sent, and pays or fails to.
    fn pay_link(&mut self, tender: u8, good: bool) -> Held<()> {
        let Some(charge) = self.oracle.charge(tender) else {
            return Ok(());
        };
        let id = charge.tender.to_string();
        let Some(entry) = self.said(self.till().outbox_entry(&id))? else {
            return Ok(());
        };
        let session = entry
            .link
            .as_deref()
            .and_then(|url| url.rsplit('/').next().map(str::to_owned));
        if let Some(session) = session {
            let card = if good {
                "pm_card_visa"
            } else {
                "pm_card_chargeDeclined"
            };
            let _ = self.stripe.pay_session(&session, card);
            self.stripe_acted = true;
        }
        Ok(())
    }

    // ---- the wire ----

    /// Claims as the loop does; true when a request is in hand.
    fn claim(&mut self) -> Held<bool> {
        // The loop has more workers; a schedule has few tenders.
        if self.hand.len() >= 4 {
            return Ok(false);
        }
        for _ in 0..20 {
            if !self.till().may_send() {
                return Ok(false);
            }
            match self.said(self.till().claim())? {
                Some(Claimed::Send(claim)) => {
                    self.hand.push(InHand {
                        claim: *claim,
                        answer: None,
                        refused: 0,
                    });
                    return Ok(true);
                }
                Some(Claimed::Decided) => {}
                Some(Claimed::Nothing { .. }) | None => return Ok(false),
            }
        }
        Err(Broken::new(QUIET, "entries are decided for ever"))
    }

    fn deliver(&mut self, which: usize, fate: Fate) -> Held<()> {
        let claim = &self.hand[which].claim;
        let (id, request) = (claim.id, claim.request.clone());
        self.oracle.leaves(id, &request)?;
        let copy = Copy {
            request: request.clone(),
            until_ms: self.true_ms + LATE_MS,
        };
        let write = request.method == "POST";
        let answer = match fate {
            _ if !self.line_up => Answer::Unreachable,
            Fate::Unreachable => Answer::Unreachable,
            Fate::Late => {
                if write {
                    self.copies.push(copy);
                }
                Answer::Lost
            }
            Fate::Good | Fate::Twice | Fate::Fault(_) => {
                if let Fate::Fault(fault) = fate {
                    self.stripe.fail_next(fault);
                }
                if fate == Fate::Twice && write {
                    self.copies.push(copy);
                }
                self.stripe_acted = true;
                self.tally.requests += 1;
                carry(&mut self.stripe, &request)
            }
        };
        self.hand[which].answer = Some(answer);
        Ok(())
    }

    fn record(&mut self, which: usize) -> Held<()> {
        let InHand { claim, answer, .. } = &self.hand[which];
        let Some(answer) = answer else {
            return Ok(());
        };
        let done = self.till().record(claim, answer);
        // A disk that does not take it: the loop tries four times, then leaves it to
        // the till.
        let taken = self.said(done)?.is_some();
        self.hand[which].refused += 1;
        if taken || self.hand[which].refused == TRIES {
            self.hand.remove(which);
        }
        Ok(())
    }

    /// All the tries of the loop, while nothing else happens.
    fn send(&mut self, fate: Fate) -> Held<()> {
        if self.claim()? {
            let last = self.hand.len() - 1;
            self.deliver(last, fate)?;
            for _ in 0..TRIES {
                if self.hand.len() > last {
                    self.record(last)?;
                }
            }
        }
        Ok(())
    }

    // ---- the end ----

    /// The line is back, the disk has room, nothing more goes wrong: everything that
    /// waits is decided, and the books are equal.
    fn settle(&mut self) -> Held<()> {
        self.line_up = true;
        self.free_disk();
        // The full disk may have taken the end of one shift and not the next.
        self.open_shift()?;
        for which in (0..self.hand.len()).rev() {
            if self.hand[which].answer.is_none() {
                self.deliver(which, Fate::Good)?;
            }
            self.record(which)?;
        }
        self.look()?;
        while !self.copies.is_empty() {
            self.act(Act::Arrive { which: 0 }, true)?;
            self.look()?;
        }
        // Somebody ends the practice, and has looked at a refused key. Nothing else is
        // hurried: what was put off goes on by itself.
        let connection = self.said(self.till().connection())?;
        if connection.as_ref().is_some_and(|c| c.forced_offline) {
            let done = self.till().set_forced_offline(false);
            self.said(done)?;
        }
        if connection.is_some_and(|c| c.paused.is_some()) {
            let done = self.till().outbox_send_now();
            self.said(done)?;
        }
        self.till().idle();
        let mut end = self.true_ms + SETTLED_MS;
        let mut days_waited = 0;
        loop {
            self.till().set_reachable(true);
            while self.claim()? {
                let last = self.hand.len() - 1;
                self.deliver(last, Fate::Good)?;
                self.record(last)?;
                self.look()?;
            }
            self.look()?;
            let connection = self.said(self.till().connection())?;
            // Whoever stands at the counter ends what a reader did not take: a request
            // that was late may have lit it up since.
            if connection.as_ref().is_some_and(|c| c.waiting == 0) && self.clear_counter(false)? {
                continue;
            }
            if connection.is_some_and(|c| c.waiting == 0) {
                let till = self.till.as_ref().unwrap();
                return self.oracle.quiet(till);
            }
            if days_waited < 3 && self.oracle.links_alone_wait() {
                days_waited += 1;
                // A link that nobody pays ends after a day; another may begin then.
                self.pass(25 * 3_600_000);
                end = self.true_ms + SETTLED_MS;
                continue;
            }
            // A clock that was set back makes it longer until the till knows that nobody
            // stands at the reader any more. The cashier sees it.
            let behind = self.clock.now().0 < self.true_ms;
            if self.true_ms >= end && behind && self.clear_counter(true)? {
                end = self.true_ms + SETTLED_MS;
                continue;
            }
            if self.true_ms >= end {
                return Err(Broken::new(QUIET, format!("{:#?}", self.till().outbox())));
            }
            // What is claimed here would be in nobody's hand.
            if !self.till().may_send() {
                self.pass(1_000);
                continue;
            }
            let next = self
                .said(self.till().claim())?
                .map_or(0, |claimed| match claimed {
                    Claimed::Nothing { next_at } => {
                        next_at.map_or(0, |at| at.ms_since(self.clock.now()))
                    }
                    Claimed::Send(_) | Claimed::Decided => 0,
                });
            self.pass(next.clamp(1_000, SETTLED_MS));
        }
    }

    /// Takes what a reader did not take off the open sale, and what nobody came to pay
    /// there; true where there was some.
    fn clear_counter(&mut self, nobody_comes: bool) -> Held<bool> {
        let sale = self.said(self.till().sale_current())?.flatten();
        let mut some = false;
        for tender in sale.into_iter().flat_map(|s| s.tenders) {
            let nobody_came = nobody_comes && tender.state == TenderStateView::AtReader;
            if tender.reader.is_some_and(|r| r.can_try_again) || nobody_came {
                let done = self.till().tender_remove(&self.cashier, &tender.id);
                some |= self.said(done)?.is_some();
            }
        }
        Ok(some)
    }

    /// So many days pass, one at a time, while nothing goes wrong.
    fn days(&mut self, days: u32) -> Held<()> {
        for _ in 0..days {
            self.pass(24 * 3_600_000);
            self.look()?;
            self.settle()?;
        }
        Ok(())
    }

    /// A manager goes through the cases: cash from one customer, the next is given up.
    fn resolve(&mut self) -> Held<()> {
        for (i, case) in self.oracle.cases().into_iter().enumerate() {
            let what = if i % 2 == 0 {
                Decision::Cash
            } else {
                Decision::WriteOff
            };
            let id = case.to_string();
            self.decide(&id, what, true)?;
            self.look()?;
            self.settle()?;
            // Cancelled first, and decided then.
            self.decide(&id, what, true)?;
            self.look()?;
        }
        for part in self.oracle.owed_back() {
            self.give_cash(part)?;
            self.look()?;
        }
        Ok(())
    }
}

fn ports(clock: &Arc<SimClock>, ids: &Arc<SeededIds>) -> Ports {
    Ports {
        clock: clock.clone(),
        ids: ids.clone(),
        printer: Arc::new(SimPrinter::default()),
        secrets: Arc::new(SimSecrets(Some(TEST_KEY))),
    }
}

/// A share of what is left of a line: all, half, or a little.
fn share(left: &str, weighed: bool, part: u8) -> String {
    let digits: String = left
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    let number: rust_decimal::Decimal = digits.parse().unwrap_or_default();
    let milli: i64 = (number * rust_decimal::Decimal::ONE_THOUSAND)
        .try_into()
        .unwrap_or(1_000);
    let wanted = match part % 3 {
        0 => milli,
        1 => milli / 2,
        _ => milli * 19 / 20,
    };
    if weighed {
        let wanted = wanted.max(1);
        format!("{}.{:03}", wanted / 1000, wanted % 1000)
    } else {
        (wanted / 1000).max(1).to_string()
    }
}
