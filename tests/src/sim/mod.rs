//! The deterministic simulation: people, network, Stripe, clock and disk around the
//! real core, and what must hold after every step.
//!
//! Invariants:
//! - a schedule is its seed: the same seed gives the same steps, the same times, the
//!   same ids and the same end, on any machine;
//! - the core is the shipped one: the store on a SQLite file, the outbox, the
//!   requests' bytes and the reading of answers; only clock, ids, wire, Stripe and
//!   the moment of a power cut are the simulation's;
//! - a step names what goes wrong in it, so that a schedule with a step left out is a
//!   schedule too: that is how a failure is made small.
//!
//! What is believed of a disk: what a commit returned for is there after a power cut
//! (`synchronous = FULL`); of what had not returned, any part may be there, in
//! sectors and in any order.
#![allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::wildcard_enum_match_arm,
    reason = "drawn numbers are small, and a simulation that cannot go on is a failed test"
)]

mod disk;
mod oracle;
mod plan;
mod world;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use plan::{Act, Fate, Schedule, Step};

/// SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) const fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(crate) const fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// What did not hold.
#[derive(Debug, Clone)]
pub struct Broken {
    /// The invariant, by its number in the specification and a word.
    pub rule: &'static str,
    /// In what way.
    pub says: String,
}

impl Broken {
    pub(crate) fn new(rule: &'static str, says: impl Into<String>) -> Self {
        Self {
            rule,
            says: says.into(),
        }
    }
}

/// A schedule that broke an invariant.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What did not hold.
    pub broken: Broken,
    /// After which step; the number of steps for the end.
    pub at: usize,
    /// The steps.
    pub schedule: Schedule,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seed {}: {}: {}",
            self.schedule.seed, self.broken.rule, self.broken.says
        )?;
        for (i, step) in self.schedule.steps.iter().enumerate() {
            let here = if i == self.at { ">" } else { " " };
            writeln!(f, "{here} {i:3} {step}")?;
        }
        if self.at >= self.schedule.steps.len() {
            writeln!(f, ">     the line is back, and nothing waits any more")?;
        }
        Ok(())
    }
}

/// What happened in a schedule, for the sums of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Steps done.
    pub steps: u64,
    /// Requests that reached Stripe.
    pub requests: u64,
    /// Power cuts.
    pub cuts: u64,
    /// Of these, inside a commit.
    pub torn: u64,
    /// Sales completed.
    pub sales: u64,
    /// Tenders charged.
    pub charged: u64,
    /// Refund documents.
    pub refunds: u64,
    /// Debts paid in cash or written off.
    pub settled: u64,
    /// A digest of the end: the same for the same seed.
    pub digest: u64,
}

impl Tally {
    /// Adds another's sums; the digests are mixed in an order that does not matter.
    pub fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.requests += other.requests;
        self.cuts += other.cuts;
        self.torn += other.torn;
        self.sales += other.sales;
        self.charged += other.charged;
        self.refunds += other.refunds;
        self.settled += other.settled;
        self.digest = self.digest.wrapping_add(other.digest);
    }

    /// Its numbers on a line, in the order of the fields: from one process to another.
    #[must_use]
    pub fn to_line(&self) -> String {
        format!(
            "{} {} {} {} {} {} {} {} {}",
            self.steps,
            self.requests,
            self.cuts,
            self.torn,
            self.sales,
            self.charged,
            self.refunds,
            self.settled,
            self.digest
        )
    }

    /// What `to_line` said; none where it is not that.
    #[must_use]
    pub fn from_line(line: &str) -> Option<Self> {
        let numbers: Result<Vec<u64>, _> = line.split(' ').map(str::parse).collect();
        let numbers: [u64; 9] = numbers.ok()?.try_into().ok()?;
        let [
            steps,
            requests,
            cuts,
            torn,
            sales,
            charged,
            refunds,
            settled,
            digest,
        ] = numbers;
        Some(Self {
            steps,
            requests,
            cuts,
            torn,
            sales,
            charged,
            refunds,
            settled,
            digest,
        })
    }
}

/// Runs a schedule to its end.
///
/// # Errors
/// The first invariant that did not hold.
pub fn run(schedule: &Schedule) -> Result<Tally, Box<Failure>> {
    let mut at = 0;
    let ran = catch_unwind(AssertUnwindSafe(|| world::run(schedule, &mut at)));
    let broken = match ran {
        Ok(Ok(tally)) => return Ok(tally),
        Ok(Err(broken)) => broken,
        Err(panic) => {
            let says = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("a panic");
            Broken::new("nothing panics", says)
        }
    };
    Err(Box::new(Failure {
        broken,
        at,
        schedule: schedule.clone(),
    }))
}

/// Leaves out steps, and what goes wrong in them, for as long as the same rule
/// still breaks.
#[must_use]
pub fn shrink(failure: Failure) -> Failure {
    let rule = failure.broken.rule;
    let mut best = failure;
    best.schedule.steps.truncate(best.at + 1);
    if let Some(smaller) = fails(&best.schedule, rule) {
        best = smaller;
    } else {
        // It is the end that fails, after all steps.
        best.schedule.steps.truncate(best.at);
    }
    let mut chunk = best.schedule.steps.len() / 2;
    while chunk > 0 {
        let mut from = 0;
        while from < best.schedule.steps.len() {
            let mut tried = best.schedule.clone();
            let to = (from + chunk).min(tried.steps.len());
            tried.steps.drain(from..to);
            match fails(&tried, rule) {
                Some(smaller) => best = smaller,
                None => from += chunk,
            }
        }
        chunk /= 2;
    }
    for i in 0..best.schedule.steps.len() {
        for simpler in best.schedule.steps[i].simpler() {
            let mut tried = best.schedule.clone();
            tried.steps[i] = simpler;
            if let Some(smaller) = fails(&tried, rule) {
                best = smaller;
            }
        }
    }
    best
}

fn fails(schedule: &Schedule, rule: &str) -> Option<Failure> {
    match run(schedule) {
        Err(failure) if failure.broken.rule == rule => Some(*failure),
        Ok(_) | Err(_) => None,
    }
}
