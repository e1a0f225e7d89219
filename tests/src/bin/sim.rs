//! The simulation at length: `sim [SCHEDULES] [FROM]`, 20,000 from seed 1 by default.
//!
//! Prints the rate, the range of seeds and what was met in them. A seed that breaks
//! an invariant is printed and made small; the run goes on to the end and then fails.
//! `sim --seed N` runs one, `--most N` stops at the first N that fail, and `--tersely`
//! says of the first after how many schedules it came, and which rule broke.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::float_arithmetic,
    reason = "a script for a person; a rate is no money"
)]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use till_tests::sim::{Failure, Schedule, Tally, run, shrink};

/// Failures that are printed and made small; the rest is counted.
const SHOWN: u64 = 5;

struct Work {
    from: u64,
    schedules: u64,
    most: u64,
    tersely: bool,
    next: AtomicU64,
    failed: AtomicU64,
    tally: Mutex<Tally>,
    start: Instant,
}

impl Work {
    fn one_after_another(&self) {
        loop {
            let at = self.next.fetch_add(1, Relaxed);
            if at >= self.schedules || self.failed.load(Relaxed) >= self.most {
                return;
            }
            match run(&Schedule::from_seed(self.from + at)) {
                Ok(tally) => self.tally.lock().unwrap().add(&tally),
                Err(failure) => self.tell(*failure),
            }
        }
    }

    fn tell(&self, failure: Failure) {
        let before = self.failed.fetch_add(1, Relaxed);
        if self.tersely {
            if before == 0 {
                let after = failure.schedule.seed - self.from + 1;
                println!("after {after}\nrule {}", failure.broken.rule);
            }
            return;
        }
        println!(
            "seed {} breaks: {}: {}",
            failure.schedule.seed, failure.broken.rule, failure.broken.says
        );
        if before < SHOWN.min(self.most) {
            println!("made small:\n{}", shrink(failure));
        }
    }

    fn say(&self, done: u64) {
        let seconds = self.start.elapsed().as_secs_f64();
        #[allow(clippy::cast_precision_loss, reason = "a rate")]
        let rate = done as f64 / seconds;
        println!(
            "seeds {} to {}: {done} schedules in {seconds:.0} s, {rate:.0} a second, {} failed",
            self.from,
            self.from + done.saturating_sub(1),
            self.failed.load(Relaxed),
        );
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |text: Option<&String>, usual: u64| {
        text.map_or(usual, |n| n.replace('_', "").parse().expect("a number"))
    };
    let value = |name: &str| {
        args.iter()
            .position(|a| a == name)
            .and_then(|at| args.get(at + 1))
    };
    if let Some(seed) = value("--seed") {
        let schedule = Schedule::from_seed(seed.parse().expect("a seed"));
        return match run(&schedule) {
            Ok(tally) => {
                for (i, step) in schedule.steps.iter().enumerate() {
                    println!("  {i:3} {step}");
                }
                println!("nothing breaks: {tally:?}");
                ExitCode::SUCCESS
            }
            Err(failure) => {
                println!("{failure}");
                println!("made small:\n{}", shrink(*failure));
                ExitCode::FAILURE
            }
        };
    }
    let plain: Vec<&String> = args.iter().take_while(|a| !a.starts_with("--")).collect();
    let work = Work {
        schedules: number(plain.first().copied(), 20_000),
        from: number(plain.get(1).copied(), 1),
        most: number(value("--most"), u64::MAX),
        tersely: args.iter().any(|a| a == "--tersely"),
        next: AtomicU64::new(0),
        failed: AtomicU64::new(0),
        tally: Mutex::default(),
        start: Instant::now(),
    };
    // A panic of the core is a failure like another, and told once.
    std::panic::set_hook(Box::new(|_| {}));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work.one_after_another());
        }
        let mut told = Instant::now();
        while work.next.load(Relaxed) < work.schedules && work.failed.load(Relaxed) < work.most {
            std::thread::sleep(Duration::from_millis(50));
            if told.elapsed() > Duration::from_secs(60) {
                told = Instant::now();
                work.say(work.next.load(Relaxed));
            }
        }
    });
    let done = work.next.load(Relaxed).min(work.schedules);
    work.say(done);
    println!("met: {:?}", work.tally.lock().unwrap());
    if work.failed.load(Relaxed) > 0 {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
