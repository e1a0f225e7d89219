//! The time, and ids that sort by it.
//!
//! Invariant: ids that one [`RandomIds`] gives for the same millisecond ascend.

use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use till_app::ports::{Clock, Ids};
use till_domain::ids::{Timestamp, Uuid};

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let ms = |d: std::time::Duration| i64::try_from(d.as_millis()).unwrap_or(i64::MAX);
        Timestamp(match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => ms(since),
            Err(before) => ms(before.duration()).saturating_neg(),
        })
    }
}

/// Bits of a version 7 UUID that are not time, version or variant.
const RANDOM_BITS: u32 = 74;

/// UUIDs of version 7: the time that is given, then chance.
#[derive(Debug, Default)]
pub struct RandomIds {
    /// The last id's time and the rest of it.
    last: Mutex<Option<(u128, u128)>>,
}

impl Ids for RandomIds {
    fn new_id(&self, now: Timestamp) -> Uuid {
        let ms = u128::try_from(now.0.max(0)).unwrap_or_default() & ((1 << 48) - 1);
        let chance = Uuid::new_v4().as_u128();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = match *last {
            Some((at, before)) if at == ms => before + 1 + (chance & 0xFFFF_FFFF),
            // The top bit stays free for what is added within the millisecond. A
            // version 4 UUID has its own fixed bits at 62 to 63 and 76 to 79.
            _ => (chance & ((1 << 62) - 1)) | (((chance >> 80) & 0x7FF) << 62),
        } & ((1 << RANDOM_BITS) - 1);
        *last = Some((ms, rest));
        let (high, low) = (rest >> 62, rest & ((1 << 62) - 1));
        Uuid::from_u128((ms << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_carry_the_time_that_was_given_and_ascend_within_it() {
        let ids = RandomIds::default();
        let now = Timestamp(1_795_230_000_123);
        let mut before = ids.new_id(now);
        for _ in 0..10_000 {
            let id = ids.new_id(now);
            assert!(id > before, "{before} then {id}");
            assert_eq!(id.get_version_num(), 7);
            assert_eq!(id.as_bytes()[8] >> 6, 0b10, "variant of {id}");
            assert_eq!(id.as_u128() >> 80, 1_795_230_000_123);
            before = id;
        }
        assert!(ids.new_id(now.plus_ms(1)) > before);
    }

    #[test]
    fn a_clock_that_went_back_is_believed() {
        let ids = RandomIds::default();
        ids.new_id(Timestamp(2_000));
        assert_eq!(ids.new_id(Timestamp(1_000)).as_u128() >> 80, 1_000);
        assert_eq!(ids.new_id(Timestamp(-5)).as_u128() >> 80, 0);
    }

    #[test]
    fn the_clock_is_in_this_century() {
        assert!(SystemClock.now() > Timestamp(1_700_000_000_000));
    }
}
