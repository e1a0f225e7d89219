//! The simulation, as far as it goes within minutes. `make sim` goes on for as long
//! as one likes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use till_tests::sim::{Failure, Schedule, Tally, run, shrink};

const SCHEDULES: u64 = 20_000;

#[test]
fn twenty_thousand_schedules_break_nothing() {
    let next = AtomicU64::new(1);
    let failed: Mutex<Option<Failure>> = Mutex::new(None);
    let tally: Mutex<Tally> = Mutex::default();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while failed.lock().unwrap().is_none() {
                    let seed = next.fetch_add(1, Relaxed);
                    if seed > SCHEDULES {
                        return;
                    }
                    match run(&Schedule::from_seed(seed)) {
                        Ok(met) => tally.lock().unwrap().add(&met),
                        Err(failure) => *failed.lock().unwrap() = Some(*failure),
                    }
                }
            });
        }
    });
    if let Some(failure) = failed.into_inner().unwrap() {
        panic!("{failure}\nmade small: {}", shrink(failure.clone()));
    }
    let met = tally.into_inner().unwrap();
    println!("{SCHEDULES} schedules from seed 1: {met:?}");
    // Days in which nothing happens prove nothing.
    for (what, seen) in [
        ("requests", met.requests),
        ("power cuts", met.cuts),
        ("torn commits", met.torn),
        ("sales", met.sales),
        ("charges", met.charged),
        ("refunds", met.refunds),
        ("settled debts", met.settled),
    ] {
        assert!(
            seen > SCHEDULES / 8,
            "{seen} {what} in {SCHEDULES} schedules"
        );
    }
}

#[test]
fn a_seed_is_its_schedule() {
    for seed in 1..60 {
        let schedule = Schedule::from_seed(seed);
        assert_eq!(schedule, Schedule::from_seed(seed));
        let (one, other) = (run(&schedule).unwrap(), run(&schedule).unwrap());
        assert_eq!(one, other, "seed {seed} does not replay");
    }
}
