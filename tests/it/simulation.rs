//! The simulation, as far as it goes within minutes. `make sim` goes on for as long
//! as one likes.

use std::process::Command;

use till_tests::sim::{Schedule, run};

const SCHEDULES: u64 = 20_000;

#[test]
fn twenty_thousand_schedules_break_nothing() {
    let sim = Command::new(env!("CARGO_BIN_EXE_sim"))
        .args([SCHEDULES.to_string(), "1".into()])
        .output()
        .unwrap();
    let said = String::from_utf8(sim.stdout).unwrap();
    println!("{said}");
    assert!(sim.status.success(), "a schedule breaks an invariant");
    assert!(said.contains("seeds 1 to 20000: 20000 schedules"));
    // Days in which nothing happens prove nothing.
    for what in [
        "requests", "cuts", "torn", "sales", "charged", "refunds", "settled",
    ] {
        let (_, rest) = said.split_once(&format!(" {what}: ")).unwrap();
        let met: u64 = rest.split(',').next().unwrap().parse().unwrap();
        assert!(
            met > SCHEDULES / 8,
            "{what}: {met} in {SCHEDULES} schedules"
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
