//! The simulation at length: `sim [SCHEDULES] [FROM]`, 20,000 from seed 1 by default.
//!
//! Prints the rate, the range of seeds and what was met in them. A seed that breaks
//! an invariant is printed and made small; the run goes on to the end and then fails.
//! `sim --seed N` runs one, `--most N` stops at the first N that fail, and `--tersely`
//! says of the first after how many schedules it came, and which rule broke.
//!
//! Every processor has a process of its own (`--worker`): in one process SQLite's few
//! locks of the whole library made two threads wait for a quarter of their time.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::float_arithmetic,
    reason = "a script for a person; a rate is no money"
)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use till_tests::sim::{Schedule, Tally, run, shrink};

/// Failures that are printed and made small; the rest is counted.
const SHOWN: u64 = 5;

fn number(text: &str) -> u64 {
    text.replace('_', "").parse().expect("a number")
}

fn one(seed: u64) -> ExitCode {
    let schedule = Schedule::from_seed(seed);
    match run(&schedule) {
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
    }
}

/// Every `step`th seed from `from` to before `end`: a line each, with what was met in
/// it, or with the seed alone where something broke.
fn work(from: u64, end: u64, step: u64) -> ExitCode {
    let mut out = std::io::stdout().lock();
    for seed in (from..end).step_by(usize::try_from(step).expect("few processors")) {
        let line = match run(&Schedule::from_seed(seed)) {
            Ok(met) => format!("{seed} {}", met.to_line()),
            Err(_) => seed.to_string(),
        };
        // Nobody reads any more: enough has failed.
        if writeln!(out, "{line}").is_err() {
            break;
        }
    }
    ExitCode::SUCCESS
}

/// The workers, and what they say.
fn start(from: u64, end: u64) -> (Vec<Child>, mpsc::Receiver<String>) {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let (says, said) = mpsc::channel();
    let me = std::env::current_exe().expect("this program");
    let started = (0..workers as u64)
        .map(|worker| {
            let numbers = [from + worker, end, workers as u64].map(|n| n.to_string());
            let mut child = Command::new(&me)
                .arg("--worker")
                .args(numbers)
                .stdout(Stdio::piped())
                .spawn()
                .expect("a process");
            let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
            let says = says.clone();
            std::thread::spawn(move || {
                for line in lines.map_while(Result::ok) {
                    if says.send(line).is_err() {
                        return;
                    }
                }
            });
            child
        })
        .collect();
    (started, said)
}

struct Sums {
    from: u64,
    done: u64,
    failed: u64,
    met: Tally,
    start: Instant,
}

impl Sums {
    fn say(&self) {
        let seconds = self.start.elapsed().as_secs_f64();
        #[allow(clippy::cast_precision_loss, reason = "a rate")]
        let rate = self.done as f64 / seconds;
        println!(
            "seeds {} to {}: {} schedules in {seconds:.0} s, {rate:.0} a second, {} failed",
            self.from,
            self.from + self.done.saturating_sub(1),
            self.done,
            self.failed,
        );
    }
}

fn main() -> ExitCode {
    // A panic of the core is a failure like another, and told once.
    std::panic::set_hook(Box::new(|_| {}));
    let args: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = args.iter().position(|a| a == name)?;
        args.get(at + 1).map(|n| number(n))
    };
    let known = ["--seed", "--most", "--tersely", "--worker"];
    let is_unknown = |a: &&String| a.starts_with('-') && !known.contains(&a.as_str());
    if let Some(unknown) = args.iter().find(is_unknown) {
        println!("{unknown}? sim [SCHEDULES] [FROM] [--most N] [--tersely], or sim --seed N");
        return ExitCode::FAILURE;
    }
    if let Some(seed) = value("--seed") {
        return one(seed);
    }
    let numbers: Vec<u64> = match args.split_first() {
        Some((first, rest)) if first == "--worker" => {
            let numbers: Vec<u64> = rest.iter().map(|n| number(n)).collect();
            let [from, end, step] = numbers.try_into().expect("three numbers");
            return work(from, end, step);
        }
        _ => args
            .iter()
            .take_while(|a| !a.starts_with("--"))
            .map(|n| number(n))
            .collect(),
    };
    let schedules = numbers.first().copied().unwrap_or(20_000);
    let from = numbers.get(1).copied().unwrap_or(1);
    let most = value("--most").unwrap_or(u64::MAX);
    let tersely = args.iter().any(|a| a == "--tersely");
    let (mut workers, said) = start(from, from + schedules);
    let mut sums = Sums {
        from,
        done: 0,
        failed: 0,
        met: Tally::default(),
        start: Instant::now(),
    };
    let mut told = Instant::now();
    while sums.done < schedules && sums.failed < most {
        // None: every worker has ended.
        let Ok(line) = said.recv() else { break };
        sums.done += 1;
        match line.split_once(' ') {
            Some((_, met)) => sums
                .met
                .add(&Tally::from_line(met).expect("a line of numbers")),
            None => {
                sums.failed += 1;
                tell(number(&line), &sums, tersely, most);
            }
        }
        if told.elapsed() > Duration::from_secs(60) {
            told = Instant::now();
            sums.say();
        }
    }
    // Nobody hears them any more: they end after the schedule in hand, and clear away
    // its disk.
    drop(said);
    for worker in &mut workers {
        let _ = worker.wait();
    }
    sums.say();
    println!("met: {:?}", sums.met);
    if sums.failed < most && sums.done < schedules {
        println!("a worker ended before its work did");
        return ExitCode::FAILURE;
    }
    if sums.failed > 0 {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Says what broke. A seed is its schedule: it breaks here as it did there.
fn tell(seed: u64, sums: &Sums, tersely: bool, most: u64) {
    let Err(failure) = run(&Schedule::from_seed(seed)) else {
        println!("seed {seed} breaks, and not again");
        return;
    };
    if tersely {
        if sums.failed == 1 {
            println!("after {}\nrule {}", sums.done, failure.broken.rule);
        }
        return;
    }
    println!(
        "seed {seed} breaks: {}: {}",
        failure.broken.rule, failure.broken.says
    );
    if sums.failed <= SHOWN.min(most) {
        println!("made small:\n{}", shrink(*failure));
    }
}
