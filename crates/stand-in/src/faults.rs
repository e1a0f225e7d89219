//! What goes wrong, and when: by chance from a seed, or by script.
//!
//! Invariants:
//! - the same seed and the same requests give the same faults;
//! - a scripted fault comes before chance, and each happens once;
//! - a card that is declined is no fault: cards decide that.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::routes::Operation;

/// One thing that goes wrong with one request.
/// Sources: "Advanced error handling", "Low-level error handling" and "Rate
/// limits" in Stripe's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The connection closes; nothing was done.
    DropBefore,
    /// Everything was done; the connection closes without an answer.
    DropAfter,
    /// Everything was done; the body is cut short.
    Truncate,
    /// Everything was done; the answer is 200 and no JSON.
    Garbage,
    /// Everything was done; the answer is late.
    Slow {
        /// By how many milliseconds.
        ms: u64,
    },
    /// 409: the idempotency key is in use; nothing was done.
    #[serde(rename = "in_use_409")]
    InUse409,
    /// 424: something Stripe relies on failed; nothing was done.
    #[serde(rename = "failed_dependency_424")]
    FailedDependency424,
    /// 429 with `Stripe-Rate-Limited-Reason`; nothing was done.
    #[serde(rename = "rate_limited_429")]
    RateLimited429 {
        /// Which limit.
        reason: RateLimitReason,
    },
    /// 429 because the object is locked; there is no `Request-Id`.
    #[serde(rename = "lock_timeout_429")]
    LockTimeout429,
    /// 500, kept under the idempotency key.
    #[serde(rename = "error_500")]
    Error500 {
        /// Whether everything had been done, or rolled back.
        charged: bool,
    },
    /// 502 with a page that is no JSON.
    #[serde(rename = "bad_gateway_502")]
    BadGateway502 {
        /// Whether everything had been done behind the gateway.
        acted: bool,
    },
    /// 503 with `Retry-After`; nothing was done.
    #[serde(rename = "unavailable_503")]
    Unavailable503,
    /// 504 with a page that is no JSON.
    #[serde(rename = "gateway_timeout_504")]
    GatewayTimeout504 {
        /// Whether everything had been done behind the gateway.
        acted: bool,
    },
    /// 500 with `Stripe-Should-Retry`. With `retry` the true answer is found
    /// under the key; without, the 500 is.
    ShouldRetry {
        /// The header's value.
        retry: bool,
        /// Whether everything had been done.
        charged: bool,
    },
    /// 401: the key was rolled; nothing was done.
    #[serde(rename = "rolled_key_401")]
    RolledKey401,
    /// 403: the key may not do this; nothing was done.
    #[serde(rename = "forbidden_403")]
    Forbidden403,
}

/// Which of Stripe's limits was hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each is Stripe's own word in the header")]
pub enum RateLimitReason {
    GlobalRate,
    GlobalConcurrency,
    EndpointRate,
    EndpointConcurrency,
    ResourceSpecific,
}

impl RateLimitReason {
    /// The header's value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GlobalRate => "global-rate",
            Self::GlobalConcurrency => "global-concurrency",
            Self::EndpointRate => "endpoint-rate",
            Self::EndpointConcurrency => "endpoint-concurrency",
            Self::ResourceSpecific => "resource-specific",
        }
    }
}

impl Fault {
    /// One of each fault, every switch in both positions.
    #[must_use]
    pub fn every() -> Vec<Self> {
        vec![
            Self::DropBefore,
            Self::DropAfter,
            Self::Truncate,
            Self::Garbage,
            Self::Slow { ms: 1_500 },
            Self::InUse409,
            Self::FailedDependency424,
            Self::RateLimited429 {
                reason: RateLimitReason::GlobalRate,
            },
            Self::RateLimited429 {
                reason: RateLimitReason::ResourceSpecific,
            },
            Self::LockTimeout429,
            Self::Error500 { charged: false },
            Self::Error500 { charged: true },
            Self::BadGateway502 { acted: false },
            Self::BadGateway502 { acted: true },
            Self::Unavailable503,
            Self::GatewayTimeout504 { acted: false },
            Self::GatewayTimeout504 { acted: true },
            Self::ShouldRetry {
                retry: true,
                charged: false,
            },
            Self::ShouldRetry {
                retry: true,
                charged: true,
            },
            Self::ShouldRetry {
                retry: false,
                charged: false,
            },
            Self::ShouldRetry {
                retry: false,
                charged: true,
            },
            Self::RolledKey401,
            Self::Forbidden403,
        ]
    }
}

/// How often each kind of fault is drawn, relative to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs, reason = "each is named after its fault")]
pub struct Weights {
    pub drop_before: u32,
    pub drop_after: u32,
    pub truncate: u32,
    pub garbage: u32,
    pub slow: u32,
    pub in_use_409: u32,
    pub failed_dependency_424: u32,
    pub rate_limited_429: u32,
    pub lock_timeout_429: u32,
    pub error_500: u32,
    pub bad_gateway_502: u32,
    pub unavailable_503: u32,
    pub gateway_timeout_504: u32,
    pub should_retry: u32,
    pub rolled_key_401: u32,
    pub forbidden_403: u32,
}

impl Default for Weights {
    /// What a network does, and no refused key: that stops a queue until a
    /// person acts, so it is scripted.
    fn default() -> Self {
        Self {
            drop_before: 4,
            drop_after: 6,
            truncate: 3,
            garbage: 1,
            slow: 2,
            in_use_409: 2,
            failed_dependency_424: 1,
            rate_limited_429: 2,
            lock_timeout_429: 1,
            error_500: 4,
            bad_gateway_502: 2,
            unavailable_503: 2,
            gateway_timeout_504: 1,
            should_retry: 2,
            rolled_key_401: 0,
            forbidden_403: 0,
        }
    }
}

/// A fault that waits for its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scripted {
    /// What goes wrong.
    pub fault: Fault,
    /// With which endpoint; absent for the next request of any.
    #[serde(default)]
    pub operation: Option<Operation>,
}

/// How the list of events misbehaves.
/// Source: "Event delivery behaviors" in Stripe's webhook documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventFaults {
    /// How many in a thousand happen twice, under two ids.
    pub repeat_permille: u16,
    /// How many in a thousand are listed late, behind newer ones.
    pub late_permille: u16,
    /// How late, in seconds.
    pub late_s: i64,
}

/// What goes wrong over a whole run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultPlan {
    /// How many requests in a thousand go wrong by chance.
    pub permille: u16,
    /// Which way they go wrong.
    pub weights: Weights,
    /// The longest a slow answer waits, in milliseconds; 0 stands for 2 000.
    pub slow_ms: u64,
    /// Faults in the order they are to happen.
    pub script: Vec<Scripted>,
    /// What goes wrong with events.
    pub events: EventFaults,
}

/// Why a fault file was not read.
#[derive(Debug, thiserror::Error)]
pub enum FaultFileError {
    /// Not JSON, or a field the format does not know; with line and column.
    #[error("fault plan at line {line}, column {column}: {reason}")]
    Unreadable {
        /// Counted from one.
        line: usize,
        /// Counted from one.
        column: usize,
        /// What was found and what was expected.
        reason: String,
    },
    /// More than a thousand in a thousand.
    #[error("{field} is {found}, at most 1000")]
    Permille {
        /// Which field.
        field: &'static str,
        /// What it held.
        found: u16,
    },
}

impl FaultPlan {
    /// Nothing goes wrong.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// So many requests in a thousand go wrong, in the usual mixture.
    #[must_use]
    pub fn mixed(permille: u16) -> Self {
        Self {
            permille,
            ..Self::default()
        }
    }

    /// Reads the file of `--faults FILE`. Unknown fields are refused.
    ///
    /// # Errors
    /// When the text is no plan.
    pub fn parse(text: &str) -> Result<Self, FaultFileError> {
        let plan: Self = serde_json::from_str(text).map_err(|why| FaultFileError::Unreadable {
            line: why.line(),
            column: why.column(),
            reason: why.to_string(),
        })?;
        for (field, found) in [
            ("permille", plan.permille),
            ("events.repeat_permille", plan.events.repeat_permille),
            ("events.late_permille", plan.events.late_permille),
        ] {
            if found > 1_000 {
                return Err(FaultFileError::Permille { field, found });
            }
        }
        Ok(plan)
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): small, seedable, and the same on
/// every machine. Nothing here needs to be unpredictable.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 if the bound is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let drawn = self.next();
        drawn.checked_rem(bound).unwrap_or(0)
    }

    pub(crate) fn hits(&mut self, permille: u16) -> bool {
        self.below(1_000) < u64::from(permille)
    }

    fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }
}

/// The plan, and where it has got to.
#[derive(Debug)]
pub(crate) struct Faults {
    pub(crate) plan: FaultPlan,
    script: VecDeque<Scripted>,
    random: Random,
}

impl Faults {
    pub(crate) fn new(plan: FaultPlan, seed: u64) -> Self {
        let script = plan.script.iter().copied().collect();
        Self {
            plan,
            script,
            random: Random::from_seed(seed),
        }
    }

    /// A new plan continues the old one's chance, and replaces its script.
    pub(crate) fn replace(&mut self, plan: FaultPlan) {
        self.script = plan.script.iter().copied().collect();
        self.plan = plan;
    }

    pub(crate) fn push(&mut self, scripted: Scripted) {
        self.script.push_back(scripted);
    }

    pub(crate) fn waiting(&self) -> usize {
        self.script.len()
    }

    pub(crate) fn draw(&mut self, operation: Option<Operation>) -> Option<Fault> {
        let due = self
            .script
            .iter()
            .position(|s| s.operation.is_none() || s.operation == operation);
        // Drawn even when scripted, so a script does not shift what follows.
        let hit = self.random.hits(self.plan.permille);
        let drawn = if hit { self.chance() } else { None };
        match due {
            Some(at) => self.script.remove(at).map(|s| s.fault),
            // A test helper stands for the customer's hand, not for a request.
            None if operation == Some(Operation::PresentCard) => None,
            None => drawn,
        }
    }

    fn chance(&mut self) -> Option<Fault> {
        let w = self.plan.weights;
        let slow_max = if self.plan.slow_ms == 0 {
            2_000
        } else {
            self.plan.slow_ms
        };
        let coin = self.random.coin();
        let other = self.random.coin();
        let ms = self.random.below(slow_max).saturating_add(1);
        let reason = if coin {
            RateLimitReason::GlobalRate
        } else {
            RateLimitReason::ResourceSpecific
        };
        let table = [
            (w.drop_before, Fault::DropBefore),
            (w.drop_after, Fault::DropAfter),
            (w.truncate, Fault::Truncate),
            (w.garbage, Fault::Garbage),
            (w.slow, Fault::Slow { ms }),
            (w.in_use_409, Fault::InUse409),
            (w.failed_dependency_424, Fault::FailedDependency424),
            (w.rate_limited_429, Fault::RateLimited429 { reason }),
            (w.lock_timeout_429, Fault::LockTimeout429),
            (w.error_500, Fault::Error500 { charged: coin }),
            (w.bad_gateway_502, Fault::BadGateway502 { acted: coin }),
            (w.unavailable_503, Fault::Unavailable503),
            (
                w.gateway_timeout_504,
                Fault::GatewayTimeout504 { acted: coin },
            ),
            (
                w.should_retry,
                Fault::ShouldRetry {
                    retry: other,
                    charged: coin,
                },
            ),
            (w.rolled_key_401, Fault::RolledKey401),
            (w.forbidden_403, Fault::Forbidden403),
        ];
        let total = table.iter().map(|(weight, _)| u64::from(*weight)).sum();
        let mut left = self.random.below(total);
        for (weight, fault) in table {
            let weight = u64::from(weight);
            if left < weight {
                return Some(fault);
            }
            left = left.saturating_sub(weight);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_sequence_and_another_seed_another() {
        let run = |seed| -> Vec<_> {
            let mut faults = Faults::new(FaultPlan::mixed(300), seed);
            (0..200)
                .map(|_| faults.draw(Some(Operation::ConfirmIntent)))
                .collect()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        let hits = run(7).into_iter().flatten().count();
        assert!(
            (30..90).contains(&hits),
            "{hits} of 200 at 300 in a thousand"
        );
    }

    #[test]
    fn a_scripted_fault_waits_for_its_endpoint_and_happens_once() {
        let plan = FaultPlan {
            script: vec![
                Scripted {
                    fault: Fault::DropAfter,
                    operation: Some(Operation::ConfirmIntent),
                },
                Scripted {
                    fault: Fault::InUse409,
                    operation: None,
                },
            ],
            ..FaultPlan::none()
        };
        let mut faults = Faults::new(plan, 1);
        for (operation, expected) in [
            (Operation::CreateIntent, Some(Fault::InUse409)),
            (Operation::CreateIntent, None),
            (Operation::ConfirmIntent, Some(Fault::DropAfter)),
            (Operation::ConfirmIntent, None),
        ] {
            assert_eq!(faults.draw(Some(operation)), expected, "{operation:?}");
        }
    }

    #[test]
    fn a_fault_file_is_read_and_an_unknown_field_is_refused() {
        for (text, expected) in [
            (r#"{}"#, Ok(0)),
            (r#"{"permille": 50, "weights": {"drop_after": 9}}"#, Ok(0)),
            (
                r#"{"script": [{"fault": "drop_after", "operation": "confirm_intent"}]}"#,
                Ok(1),
            ),
            (
                r#"{"script": [{"fault": {"error_500": {"charged": true}}}]}"#,
                Ok(1),
            ),
            (r#"{"rate": 1}"#, Err("unknown field `rate`")),
            (
                r#"{"script": [{"fault": {"slow": {"s": 1}}}]}"#,
                Err("unknown field `s`"),
            ),
            (r#"{"weights": {"402": 1}}"#, Err("unknown field `402`")),
            (r#"{"permille": 1001}"#, Err("permille is 1001")),
            (r#"{"permille""#, Err("line 1")),
        ] {
            match (FaultPlan::parse(text), expected) {
                (Ok(plan), Ok(n)) => assert_eq!(plan.script.len(), n, "{text}"),
                (Err(why), Err(part)) => assert!(why.to_string().contains(part), "{text}: {why}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }

    #[test]
    fn every_fault_can_be_written_in_a_file() {
        for fault in Fault::every() {
            let text = serde_json::to_string(&Scripted {
                fault,
                operation: None,
            })
            .unwrap();
            let back: Scripted = serde_json::from_str(&text).unwrap();
            assert_eq!(back.fault, fault, "{text}");
        }
    }
}
