//! What happens in a schedule, drawn from its seed.
//!
//! Invariants:
//! - a step says what is done, to which of what is there (counted from the newest),
//!   and what goes wrong in it; it needs no step before it;
//! - each schedule has a character of its own, drawn first: some things happen
//!   often in it and others never, so that rare meetings are not rare in all.

use std::fmt;

use till_stand_in::Fault;

use super::Random;

/// What becomes of a request on its way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fate {
    /// Answered.
    Good,
    /// The line is dead at this moment: nothing is sent.
    Unreachable,
    /// Answered wrongly, or not.
    Fault(Fault),
    /// Given up; it reaches Stripe later, when nobody waits for it any more.
    Late,
    /// Answered, and repeated by something on the way, later.
    Twice,
}

/// What a person decides about a charge that is stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The customer pays cash.
    Cash,
    /// A manager gives it up.
    WriteOff,
    /// The card once more.
    Again,
    /// A link instead of the card.
    Link,
}

/// How a card is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Card {
    /// A saved one.
    Saved,
    /// As if tapped.
    Tapped,
    /// By a link.
    Link,
    /// At the reader on the counter.
    Reader,
}

/// How a reader behaves from now on, and the customer at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtReader {
    /// Nobody taps by themselves.
    Waits,
    /// The customer taps after so many seconds.
    Taps(u8),
    /// And the bank says no.
    Declines(u8),
    /// It says that it timed out, and acts.
    Lies(u8),
    /// It says that it timed out, and does nothing.
    TimesOut,
    /// Somebody else has it.
    Busy,
    /// It has no network.
    Offline,
    /// The bank's answer does not reach it.
    Deaf(u8),
    /// The bank takes its time.
    Slow(u8),
    /// The customer cancels on it.
    Refuses(u8),
}

/// One thing that happens. Numbers say which of what is there, the newest first.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "each is named after what happens")]
pub enum Act {
    // The counter.
    RingUp {
        product: u8,
        quantity: u8,
    },
    Customer {
        who: u8,
    },
    Cash {
        all: bool,
    },
    Slip,
    Card {
        how: Card,
        half: bool,
        manager: bool,
    },
    TakeOff {
        tender: u8,
    },
    LookAgain {
        tender: u8,
    },
    Complete,
    Void,
    Suspend,
    Recall,
    Refund {
        sale: u8,
        line: u8,
        part: u8,
        manager: bool,
    },
    Decide {
        tender: u8,
        what: Decision,
        manager: bool,
    },
    SendNow,
    PracticeOffline {
        on: bool,
    },
    TypeCardNumber {
        at: u8,
    },
    WrongPin,
    CloseShift,
    // The customer at home, and the owner at Stripe's own pages.
    PayLink {
        tender: u8,
        good: bool,
    },
    CancelAtStripe {
        tender: u8,
    },
    // At the reader.
    Reader {
        is: AtReader,
    },
    Tap {
        good: bool,
    },
    Again {
        tender: u8,
    },
    // The wire.
    Line {
        up: bool,
    },
    Probe,
    Send {
        fate: Fate,
    },
    Claim,
    Deliver {
        which: u8,
        fate: Fate,
    },
    Record {
        which: u8,
    },
    Arrive {
        which: u8,
    },
    // Time.
    Pass {
        ms: i64,
    },
    SetClock {
        by_ms: i64,
    },
    // The machine.
    Idle,
    SwitchOff,
    PowerCut,
    DiskFull {
        pages: u8,
    },
    /// The drawer is opened until that cannot be written down any more.
    FillDisk,
    DiskFree,
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// What happens.
    pub act: Act,
    /// The power goes while it is written: what is left is drawn from this.
    pub cut: Option<u64>,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.act)?;
        match self.cut {
            Some(seed) => write!(f, ", and the power goes while it is written ({seed})"),
            None => Ok(()),
        }
    }
}

impl Step {
    /// The same step with less going wrong.
    pub(crate) fn simpler(self) -> Vec<Self> {
        let mut simpler = Vec::new();
        let with = |act| Self { act, cut: self.cut };
        match self.act {
            Act::Send { fate } if fate != Fate::Good => {
                simpler.push(with(Act::Send { fate: Fate::Good }));
            }
            Act::Deliver { which, fate } if fate != Fate::Good => {
                let fate = Fate::Good;
                simpler.push(with(Act::Deliver { which, fate }));
            }
            _ => {}
        }
        if self.cut.is_some() {
            simpler.push(Self { cut: None, ..self });
        }
        simpler
    }
}

/// How the cards of a schedule behave at Stripe: one for each saved card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bank {
    /// Succeeds.
    Good,
    /// As the sample shop says.
    AsSaved,
    /// Declined once, good after.
    Moody,
    /// `processing` for a while, then good.
    Slow,
    /// `processing` for a while, then declined.
    SlowNo,
    /// Good; its refunds are pending for a while.
    RefundsSlowly,
    /// Good; its refunds fail after a while.
    RefundsFail,
    /// Good; its refunds need an action.
    RefundsAsk,
}

/// A schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Where it came from; ids and what Stripe draws come from it too.
    pub seed: u64,
    /// How the saved cards behave.
    pub banks: [Bank; 6],
    /// The shop tries declined cards again by itself.
    pub retries: bool,
    /// A card reader is on the counter, and asks for a tip or not.
    pub reader: Option<bool>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// What happens often in one schedule and never in another.
struct Character {
    /// Requests in a hundred that go wrong.
    wrong: u64,
    /// Steps in a hundred that the power goes in.
    cut: u64,
    /// Requests are taken apart: others come between.
    apart: bool,
    clock: bool,
    weekend: bool,
    disk: bool,
    people: u64,
    links: bool,
    outside: bool,
    manager: bool,
    /// The line, as far as it is known beforehand.
    up: bool,
}

impl Character {
    fn draw(random: &mut Random) -> Self {
        Self {
            wrong: random.pick(&[0, 10, 25, 40, 60]),
            cut: random.pick(&[0, 0, 3, 8]),
            apart: random.one_in(2),
            clock: random.one_in(4),
            weekend: random.one_in(2),
            disk: random.one_in(8),
            people: random.pick(&[1, 2, 4]),
            links: random.one_in(3),
            outside: random.one_in(6),
            manager: random.one_in(2),
            up: true,
        }
    }

    fn line(&mut self, up: bool, steps: &mut Vec<Act>) {
        self.up = up;
        steps.push(Act::Line { up });
    }

    fn fate(&self, random: &mut Random) -> Fate {
        if random.below(100) >= self.wrong {
            return Fate::Good;
        }
        match random.below(20) {
            0..=1 => Fate::Unreachable,
            2..=4 => Fate::Late,
            5..=6 => Fate::Twice,
            // The commonest of all: done, and the answer is lost.
            7..=9 => Fate::Fault(Fault::DropAfter),
            10 => Fate::Fault(Fault::DropBefore),
            _ => {
                let every = Fault::every();
                let fault = random.pick(&every);
                // A refused key holds everything up until a person looks.
                let holds = matches!(fault, Fault::RolledKey401 | Fault::Forbidden403);
                if holds && !random.one_in(3) {
                    Fate::Fault(Fault::Truncate)
                } else {
                    Fate::Fault(fault)
                }
            }
        }
    }

    fn card(&self, random: &mut Random) -> Card {
        if self.links && random.one_in(3) {
            Card::Link
        } else if random.one_in(3) {
            Card::Tapped
        } else {
            Card::Saved
        }
    }

    fn sends(&self, requests: u64, random: &mut Random, steps: &mut Vec<Act>) {
        for _ in 0..requests {
            let fate = self.fate(random);
            if self.disk && random.one_in(5) {
                // There was room for the request, and is none for the answer.
                steps.extend([
                    Act::Claim,
                    Act::DiskFull { pages: 0 },
                    Act::Deliver { which: 0, fate },
                ]);
                steps.extend([Act::Record { which: 0 }; 4]);
                steps.push(Act::DiskFree);
            } else if self.apart && random.one_in(3) {
                steps.push(Act::Claim);
                if random.one_in(3) {
                    steps.push(Act::Claim);
                }
                let which = random.byte() % 2;
                steps.push(Act::Deliver { which, fate });
                let which = random.byte() % 2;
                steps.push(Act::Record { which });
            } else {
                steps.push(Act::Send { fate });
            }
        }
    }

    /// A sale, most often on a card.
    fn sale(&self, random: &mut Random, steps: &mut Vec<Act>) {
        // What was left open, if it can be ended by now.
        if !steps.is_empty() && random.one_in(2) {
            steps.push(Act::Complete);
        }
        for _ in 0..random.pick(&[1, 1, 2]) {
            steps.push(Act::RingUp {
                product: random.byte(),
                quantity: random.byte(),
            });
        }
        let how = self.card(random);
        if how == Card::Saved || random.one_in(4) {
            steps.push(Act::Customer { who: random.byte() });
        }
        if random.one_in(5) {
            steps.push(Act::Cash { all: false });
        }
        let half = random.one_in(5);
        let manager = self.manager && random.one_in(2);
        steps.push(Act::Card { how, half, manager });
        // While the line is up it is charged before the sale completes.
        let requests = if self.up && !random.one_in(4) {
            2 + random.below(2)
        } else {
            random.pick(&[0, 0, 1])
        };
        self.sends(requests, random, steps);
        if half || random.one_in(6) {
            steps.push(match random.below(3) {
                0 => Act::Slip,
                1 => Act::Card {
                    how: self.card(random),
                    half: false,
                    manager,
                },
                _ => Act::Cash { all: true },
            });
        }
        if random.one_in(8) {
            steps.push(Act::TakeOff {
                tender: random.byte() % 2,
            });
            steps.push(Act::Cash { all: true });
        }
        steps.push(Act::Complete);
        // Somebody comes back at once.
        if random.one_in(3) {
            self.person(random, steps);
        }
    }

    fn person(&self, random: &mut Random, steps: &mut Vec<Act>) {
        let few = |random: &mut Random| random.byte() % 4;
        steps.push(match random.below(24) {
            0..=6 => Act::Refund {
                sale: few(random),
                line: random.byte() % 2,
                part: random.byte(),
                manager: random.one_in(2),
            },
            7..=10 => Act::Decide {
                tender: few(random),
                what: Decision::Cash,
                manager: false,
            },
            11..=12 => Act::Decide {
                tender: few(random),
                what: Decision::WriteOff,
                manager: !random.one_in(4),
            },
            13..=14 => Act::Decide {
                tender: few(random),
                what: random.pick(&[Decision::Again, Decision::Link]),
                manager: false,
            },
            15..=17 => Act::TakeOff {
                tender: few(random),
            },
            18 => Act::LookAgain {
                tender: few(random),
            },
            19 => Act::SendNow,
            20 => Act::Void,
            21 => random.pick(&[Act::Suspend, Act::Recall]),
            22 => random.pick(&[
                Act::WrongPin,
                Act::TypeCardNumber { at: 0 },
                Act::TypeCardNumber { at: 1 },
                Act::TypeCardNumber { at: 2 },
            ]),
            _ => Act::PracticeOffline {
                on: random.one_in(2),
            },
        });
    }

    fn time(&self, random: &mut Random, steps: &mut Vec<Act>) {
        steps.push(Act::Pass {
            ms: match random.below(10) {
                0..=4 => random.pick(&[500, 1_500, 5_000, 20_000]),
                5..=7 => random.pick(&[MINUTE, 5 * MINUTE, 20 * MINUTE, 2 * HOUR]),
                8 if self.weekend => random.pick(&[20 * HOUR, 23 * HOUR + 30 * MINUTE, 26 * HOUR]),
                9 if self.weekend => random.pick(&[62 * HOUR, 75 * HOUR]),
                _ => 3 * SECOND,
            },
        });
    }

    fn anything(&mut self, random: &mut Random, steps: &mut Vec<Act>) {
        match random.below(30) {
            0..=5 => self.sale(random, steps),
            6..=12 => self.sends(1 + random.below(3), random, steps),
            13..=15 => self.time(random, steps),
            16..=18 => self.line(!random.one_in(2), steps),
            19 => steps.push(Act::Arrive {
                which: random.byte() % 2,
            }),
            20 => steps.push(if random.one_in(6) {
                Act::SwitchOff
            } else {
                Act::PowerCut
            }),
            21 => steps.push(random.pick(&[Act::Idle, Act::Probe, Act::Probe])),
            22 if self.clock => steps.push(Act::SetClock {
                by_ms: random.pick(&[
                    -30 * HOUR,
                    -3 * HOUR,
                    -10 * MINUTE,
                    -SECOND,
                    2 * HOUR,
                    30 * HOUR,
                    80 * HOUR,
                ]),
            }),
            23 if self.disk => steps.push(if random.one_in(2) {
                Act::DiskFull {
                    pages: random.byte() % 4,
                }
            } else {
                Act::DiskFree
            }),
            24 if self.links => steps.push(Act::PayLink {
                tender: random.byte() % 3,
                good: !random.one_in(3),
            }),
            25 if self.outside => steps.push(Act::CancelAtStripe {
                tender: random.byte() % 3,
            }),
            26 if random.one_in(20) => steps.push(Act::CloseShift),
            _ => {
                for _ in 0..random.below(self.people + 1) {
                    self.person(random, steps);
                }
            }
        }
    }
}

/// The same steps with a reader on the counter: most cards are taken there, and what
/// happens at it comes between.
fn with_reader(steps: Vec<Step>, character: &Character, random: &mut Random) -> Vec<Step> {
    let mut with = Vec::with_capacity(steps.len() * 2);
    for mut step in steps {
        let mut add = |act| with.push(Step { act, cut: None });
        let card = matches!(step.act, Act::Card { .. });
        if card && random.one_in(2) {
            let after = random.pick(&[0, 2, 5, 30]);
            add(Act::Reader {
                is: random.pick(&[
                    AtReader::Waits,
                    AtReader::Taps(after),
                    AtReader::Declines(after),
                    AtReader::Lies(after),
                    AtReader::TimesOut,
                    AtReader::Busy,
                    AtReader::Offline,
                    AtReader::Deaf(after),
                    AtReader::Slow(after),
                    AtReader::Refuses(after),
                ]),
            });
        }
        if let Act::Card { half, .. } = step.act
            && !random.one_in(4)
        {
            step.act = Act::Card {
                how: Card::Reader,
                half,
                manager: false,
            };
        }
        with.push(step);
        let mut add = |act| with.push(Step { act, cut: None });
        if card {
            // The customer stands there, and the till asks.
            for _ in 0..2 + random.below(8) {
                let fate = character.fate(random);
                add(Act::Send { fate });
                if random.one_in(2) {
                    add(Act::Pass {
                        ms: random.pick(&[500, 2_000, 2_000, 6_000, 40_000]),
                    });
                }
                if random.one_in(6) {
                    add(Act::Tap {
                        good: !random.one_in(3),
                    });
                }
            }
        } else if random.one_in(4) {
            let tender = random.byte() % 2;
            add(match random.below(5) {
                0 => Act::Tap { good: true },
                1 => Act::Again { tender },
                2 => Act::TakeOff { tender },
                3 => Act::Arrive { which: 0 },
                _ => Act::Reader {
                    is: AtReader::Taps(3),
                },
            });
        }
    }
    with
}

/// A card at the reader while a request to it is late, lied about or taken off again:
/// what would seldom meet by itself. Two streams run into each other in an order of
/// their own: what the people at the counter do, and what the wire and the reader do.
fn meeting(character: &Character, random: &mut Random) -> Vec<Act> {
    let after = random.pick(&[0, 0, 2, 5]);
    let good = Fate::Good;
    // How the reader is, and what becomes of the request that tells it.
    let (is, told) = random.pick(&[
        // The request is late, and finds the payment given up.
        (AtReader::Waits, Fate::Late),
        (AtReader::Taps(after), Fate::Late),
        // It keeps the reader busy when the till tells it again.
        (AtReader::Slow(0), Fate::Late),
        // The next card pays what the first did not.
        (AtReader::Declines(after), good),
        (AtReader::Declines(after), Fate::Twice),
        (AtReader::Refuses(after), Fate::Twice),
        // It says that it timed out, and did not.
        (AtReader::Lies(after), good),
        (AtReader::Lies(after), Fate::Twice),
        (AtReader::TimesOut, Fate::Late),
        // The card is read while the payment is taken off.
        (AtReader::Waits, good),
        (AtReader::Slow(after), good),
        (AtReader::Deaf(after), good),
        (AtReader::Busy, Fate::Late),
    ]);
    let mut acts = vec![
        Act::Line { up: true },
        Act::Complete,
        Act::RingUp {
            product: random.byte(),
            quantity: random.byte(),
        },
        Act::Reader { is },
        Act::Card {
            how: Card::Reader,
            half: random.one_in(4),
            manager: false,
        },
        Act::Send { fate: good },
        Act::Send { fate: told },
    ];
    if random.one_in(2) {
        // The till goes on asking before anybody loses patience.
        acts.push(Act::Pass { ms: 2_000 });
        for _ in 0..1 + random.below(4) {
            acts.push(Act::Send { fate: good });
        }
    }
    let off = Act::TakeOff { tender: 0 };
    let mut people = vec![off, off, Act::Cash { all: true }, Act::Complete];
    if random.one_in(4) {
        people.insert(0, Act::Again { tender: 0 });
    }
    let mut rest = Vec::new();
    for _ in 0..4 + random.below(7) {
        match random.below(12) {
            0..=3 => rest.push(Act::Send { fate: good }),
            4 => rest.push(Act::Send {
                fate: character.fate(random),
            }),
            5 => rest.extend([
                Act::Claim,
                Act::Tap { good: true },
                Act::Deliver {
                    which: 0,
                    fate: good,
                },
                Act::Record { which: 0 },
            ]),
            6..=7 => rest.push(Act::Arrive { which: 0 }),
            8 => rest.push(Act::Reader {
                is: AtReader::Waits,
            }),
            9 => rest.push(Act::Tap { good: true }),
            10 => rest.extend([Act::Arrive { which: 0 }, Act::Tap { good: true }]),
            _ => rest.push(Act::Pass {
                ms: random.pick(&[500, 2_000, 2_000, 20_000]),
            }),
        }
    }
    let (mut people, mut rest) = (people.into_iter().peekable(), rest.into_iter().peekable());
    while people.peek().is_some() || rest.peek().is_some() {
        // The first patience is the shortest.
        let from_people = rest.peek().is_none() || random.one_in(3);
        acts.extend(if from_people {
            people.next()
        } else {
            rest.next()
        });
    }
    // Whatever is still on its way arrives, and the next customer holds a card there.
    acts.extend([
        Act::Reader {
            is: AtReader::Waits,
        },
        Act::Arrive { which: 0 },
        Act::Tap { good: true },
    ]);
    acts
}

/// A confirm or a refund that is late, and what people and the till do before it
/// arrives: what would seldom meet by itself either.
fn late(random: &mut Random) -> Vec<Act> {
    let good = Act::Send { fate: Fate::Good };
    let late = Act::Send { fate: Fate::Late };
    let wait = |random: &mut Random| Act::Pass {
        ms: random.pick(&[2_000, 6_000, 20_000]),
    };
    let refund = |random: &mut Random| Act::Refund {
        sale: 0,
        line: 0,
        part: random.byte(),
        manager: true,
    };
    let offline = random.one_in(2);
    let mut acts = vec![
        Act::Complete,
        Act::Line { up: !offline },
        Act::RingUp {
            product: random.byte(),
            quantity: random.byte(),
        },
        Act::Customer { who: random.byte() },
        Act::Card {
            how: Card::Saved,
            half: false,
            manager: true,
        },
    ];
    if offline {
        // The confirm is late, and the goods come back meanwhile.
        acts.extend([Act::Complete, Act::Line { up: true }, good, late]);
        acts.push(wait(random));
    } else {
        // It is the refund that is late.
        acts.extend([good, good, Act::Complete, refund(random), late]);
        acts.push(wait(random));
    }
    let mut rest = vec![good, Act::Arrive { which: 0 }, good, good];
    if random.one_in(3) {
        // Stripe has trouble with what is asked meanwhile.
        acts.push(Act::Send {
            fate: Fate::Fault(Fault::Error500 { charged: false }),
        });
        acts.push(wait(random));
        rest.insert(0, good);
    }
    if offline {
        rest.insert(random.below(3) as usize, refund(random));
    }
    for act in rest {
        acts.push(act);
        if matches!(act, Act::Arrive { .. }) && random.one_in(4) {
            // Nobody is there for a day, and Stripe forgets the key.
            acts.push(Act::Pass { ms: 30 * HOUR });
        } else if random.one_in(3) {
            acts.push(wait(random));
        }
        if random.one_in(3) {
            acts.push(good);
        }
    }
    acts
}

/// An answer that the disk refuses is offered again when the till has written it down
/// already and the next request of the charge is out; goods come back meanwhile.
fn offered_again(random: &mut Random) -> Vec<Act> {
    let deliver = Act::Deliver {
        which: 0,
        fate: Fate::Good,
    };
    vec![
        Act::Complete,
        Act::Line { up: false },
        Act::RingUp {
            product: random.byte(),
            quantity: random.byte(),
        },
        Act::Customer { who: random.byte() },
        Act::Card {
            how: Card::Saved,
            half: false,
            manager: true,
        },
        Act::Complete,
        Act::Line { up: true },
        Act::Claim,
        deliver,
        Act::DiskFull { pages: 0 },
        Act::FillDisk,
        Act::Record { which: 0 },
        Act::DiskFree,
        Act::Claim,
        Act::Record { which: 0 },
        Act::Refund {
            sale: 0,
            line: 0,
            part: random.byte(),
            manager: true,
        },
        deliver,
        Act::Record { which: 0 },
        Act::Record { which: 0 },
    ]
}

impl Schedule {
    /// The schedule of a seed.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        let mut random = Random::from_seed(seed ^ 0x7363_6865_6475_6c65);
        let mut character = Character::draw(&mut random);
        let mut banks = [Bank::Good; 6];
        for bank in &mut banks {
            *bank = random.pick(&[
                Bank::Good,
                Bank::Good,
                Bank::Good,
                Bank::AsSaved,
                Bank::Moody,
                Bank::Moody,
                Bank::Slow,
                Bank::SlowNo,
                Bank::RefundsSlowly,
                Bank::RefundsFail,
                Bank::RefundsAsk,
            ]);
        }
        // Drawn apart, like the schedule of retries.
        let mut apart = Random::from_seed(seed ^ 0x7265_6164_6572_7321);
        let reader = apart.one_in(3).then(|| apart.one_in(2));
        let mut wanted = random.pick(&[8, 15, 25, 40]) as usize;
        if reader.is_some() {
            // What happens at the reader comes between, and makes it as long again.
            wanted /= 2;
        }
        let mut acts = Vec::with_capacity(wanted + 16);
        if random.one_in(2) {
            character.line(false, &mut acts);
        }
        character.sale(&mut random, &mut acts);
        if random.one_in(2) {
            character.line(true, &mut acts);
        }
        while acts.len() < wanted {
            character.anything(&mut random, &mut acts);
        }
        let mut steps: Vec<Step> = acts
            .into_iter()
            .map(|act| Step {
                act,
                cut: (random.below(100) < character.cut).then(|| random.next() >> 40),
            })
            .collect();
        if reader.is_some() {
            steps = with_reader(steps, &character, &mut apart);
            for _ in 0..apart.pick(&[0, 1, 1, 2]) {
                let at = apart.below(steps.len() as u64 + 1) as usize;
                let met = meeting(&character, &mut apart);
                let met = met.into_iter().map(|act| Step { act, cut: None });
                steps.splice(at..at, met);
            }
        }
        let mut apart = Random::from_seed(seed ^ 0x6c61_7465_2121_2121);
        if reader.is_none() && apart.one_in(6) {
            let at = apart.below(steps.len() as u64 + 1) as usize;
            let met = late(&mut apart);
            steps.splice(at..at, met.into_iter().map(|act| Step { act, cut: None }));
        }
        let mut apart = Random::from_seed(seed ^ 0x6f66_6665_7265_6421);
        if reader.is_none() && apart.one_in(10) {
            let at = apart.below(steps.len() as u64 + 1) as usize;
            let met = offered_again(&mut apart);
            steps.splice(at..at, met.into_iter().map(|act| Step { act, cut: None }));
        }
        // Drawn apart: with or without it, the rest of a seed is the same.
        let retries = Random::from_seed(seed ^ 0x7265_7472_6965_7321).one_in(2);
        Self {
            seed,
            banks,
            retries,
            reader,
            steps,
        }
    }
}
