//! Time and ids of a simulation: a clock that is moved by hand, ids from a seed.
//!
//! Invariants:
//! - the same seed and the same steps give the same times and the same ids;
//! - ids ascend in the order they were made, also within a millisecond.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use till_app::ports::{Clock, Ids};
use till_domain::ids::{Timestamp, Uuid};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct SimClock(AtomicI64);

impl SimClock {
    /// Shows `start`.
    #[must_use]
    pub const fn new(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.0))
    }

    /// Moves it on, or back.
    pub fn advance_ms(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// UUIDs of version 7: the time that is given, a count, and a number of the seed.
#[derive(Debug)]
pub struct SeededIds {
    seed: u64,
    made: AtomicU64,
}

impl SeededIds {
    /// Ids that another seed does not give.
    #[must_use]
    pub const fn from_seed(seed: u64) -> Self {
        Self {
            seed,
            made: AtomicU64::new(0),
        }
    }
}

/// SplitMix64's output function (Steele, Lea and Flood, 2014).
const fn mixed(state: u64) -> u64 {
    let mut z = state.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Ids for SeededIds {
    fn new_id(&self, now: Timestamp) -> Uuid {
        let count = self.made.fetch_add(1, Ordering::SeqCst);
        let chance = mixed(mixed(self.seed.wrapping_add(1)).wrapping_add(count));
        let ms = u128::try_from(now.0.max(0)).unwrap_or_default() & ((1 << 48) - 1);
        // 74 bits beside time, version and variant: 42 of the count, 32 of chance.
        let rest = (u128::from(count & ((1 << 42) - 1)) << 32) | u128::from(chance >> 32);
        let (high, low) = (rest >> 62, rest & ((1 << 62) - 1));
        Uuid::from_u128((ms << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_ids_and_they_ascend() {
        let clock = SimClock::new(Timestamp(1_795_246_200_000));
        let (one, same, other) = (
            SeededIds::from_seed(7),
            SeededIds::from_seed(7),
            SeededIds::from_seed(8),
        );
        let mut before = Uuid::nil();
        for step in 0..10_000 {
            let id = one.new_id(clock.now());
            assert_eq!(id, same.new_id(clock.now()));
            assert_ne!(id, other.new_id(clock.now()));
            assert!(id > before, "{before} then {id}");
            assert_eq!(id.get_version_num(), 7);
            assert_eq!(id.as_bytes()[8] >> 6, 0b10, "variant of {id}");
            before = id;
            if step % 3 == 0 {
                clock.advance_ms(1);
            }
        }
    }
}
