//! What became of the cards that were taken at the shop's risk: of those that a shift
//! took, and of those that earlier shifts took and this one settled.
//!
//! Invariants:
//! - a tender is counted once in a shift, as it stood at the shift's end: what the
//!   shift took adds up to its outcomes;
//! - a debt that was paid in cash stays paid, whatever is said of the card after it.

use std::collections::BTreeMap;

use crate::charge::ChargeState;
use crate::ids::TenderId;
use crate::journal::{ChargeKind, Entry, JournalEvent};
use crate::money::{Currency, Money, MoneyError};
use crate::refund::GiveBack;
use crate::report::Tally;

/// How a card that was taken at risk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Stripe charged it.
    Charged,
    /// The customer paid by a link.
    PaidByLink,
    /// The customer paid in cash instead.
    PaidInCash,
    /// A manager gave it up.
    WrittenOff,
    /// Declined, expired or stuck: a person must decide.
    Open,
    /// Not charged yet.
    Waiting,
}

impl Outcome {
    /// In a list.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Charged => "charged",
            Self::PaidByLink => "paid by link",
            Self::PaidInCash => "paid in cash",
            Self::WrittenOff => "written off",
            Self::Open => "to decide",
            Self::Waiting => "waiting",
        }
    }
}

/// What became of them in one shift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardOutcomes {
    /// Taken at risk in this shift; what was given back before it was charged is off.
    pub taken: Tally,
    /// How those stand.
    pub of_this_shift: BTreeMap<Outcome, Tally>,
    /// Taken by earlier shifts, and moved in this one.
    pub of_earlier: BTreeMap<Outcome, Tally>,
}

/// A tender, as far as the entries of a shift tell of it.
#[derive(Debug)]
struct Fate {
    /// Taken in this shift, and whether at risk.
    at_risk_here: Option<bool>,
    /// Asked for less what was lowered, of one that this shift took.
    amount: Money,
    link: bool,
    state: Option<ChargeState>,
    paid: Option<Money>,
}

impl CardOutcomes {
    /// Folds the entries of a shift. `earlier` tells of a charge of an earlier shift
    /// what it comes to, and none where it was not at risk.
    ///
    /// # Errors
    /// As [`Money::checked_add`].
    pub fn fold<'a>(
        currency: Currency,
        entries: impl IntoIterator<Item = &'a Entry>,
        earlier: impl Fn(TenderId) -> Option<Money>,
    ) -> Result<Self, MoneyError> {
        let zero = Money::zero(currency);
        let mut fates: BTreeMap<TenderId, Fate> = BTreeMap::new();
        for entry in entries {
            follow(&mut fates, zero, &entry.event)?;
        }
        let mut outcomes = Self {
            taken: Tally::zero(currency),
            of_this_shift: BTreeMap::new(),
            of_earlier: BTreeMap::new(),
        };
        for (tender, fate) in &fates {
            let (here, amount) = match fate.at_risk_here {
                Some(false) => continue,
                Some(true) => (true, fate.amount),
                None => match earlier(*tender) {
                    Some(amount) => (false, amount),
                    None => continue,
                },
            };
            // Given back whole before it was charged: nothing is owed.
            if !amount.is_positive() {
                continue;
            }
            if here {
                outcomes.taken.add(amount)?;
            }
            let Some(outcome) = fate.outcome().filter(|o| here || *o != Outcome::Waiting) else {
                continue;
            };
            let tallies = if here {
                &mut outcomes.of_this_shift
            } else {
                &mut outcomes.of_earlier
            };
            let tally = tallies.entry(outcome).or_insert(Tally::zero(currency));
            tally.add(amount)?;
        }
        Ok(outcomes)
    }
}

fn fate_of(fates: &mut BTreeMap<TenderId, Fate>, zero: Money, tender: TenderId) -> &mut Fate {
    fates.entry(tender).or_insert(Fate {
        at_risk_here: None,
        amount: zero,
        link: false,
        state: None,
        paid: None,
    })
}

fn follow(
    fates: &mut BTreeMap<TenderId, Fate>,
    zero: Money,
    event: &JournalEvent,
) -> Result<(), MoneyError> {
    if let JournalEvent::ChargeRequested {
        tender,
        how,
        amount,
        at_risk,
        ..
    } = event
    {
        let fate = fate_of(fates, zero, *tender);
        fate.at_risk_here = Some(*at_risk);
        fate.amount = *amount;
        fate.link = *how == ChargeKind::PayLink;
        fate.state = Some(ChargeState::Queued);
    } else if let JournalEvent::ChargeMoved {
        tender, to, facts, ..
    } = event
    {
        let fate = fate_of(fates, zero, *tender);
        fate.link |= facts.session.is_some();
        fate.state = Some(*to);
    } else if let JournalEvent::ChargeLowered { tender, by } = event {
        let fate = fate_of(fates, zero, *tender);
        fate.amount = fate.amount.checked_sub(*by)?;
    } else if let JournalEvent::RefundCommitted { refund, .. } = event {
        for part in &refund.parts {
            if let (GiveBack::LowerCharge, Some(tender)) = (part.how, part.tender) {
                let fate = fate_of(fates, zero, tender);
                fate.amount = fate.amount.checked_sub(part.amount)?;
            }
        }
    } else if let JournalEvent::DebtPaid { tender, amount, .. } = event {
        fate_of(fates, zero, *tender).paid = Some(*amount);
    }
    Ok(())
}

impl Fate {
    fn outcome(&self) -> Option<Outcome> {
        if self.paid.is_some() {
            return Some(Outcome::PaidInCash);
        }
        let state = self.state?;
        Some(match state {
            ChargeState::Succeeded if self.link => Outcome::PaidByLink,
            ChargeState::Succeeded => Outcome::Charged,
            ChargeState::WrittenOff => Outcome::WrittenOff,
            ChargeState::Declined
            | ChargeState::NeedsCustomer
            | ChargeState::NeedsAttention
            | ChargeState::Canceled
            | ChargeState::Expired => Outcome::Open,
            ChargeState::Queued
            | ChargeState::Creating
            | ChargeState::Created
            | ChargeState::Confirming
            | ChargeState::AtReader
            | ChargeState::AwaitingCustomer
            | ChargeState::Unknown => Outcome::Waiting,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{SaleId, ShiftNumber, Timestamp, UserId, Uuid};
    use crate::journal::ChargeFacts;

    fn eur(minor: i64) -> Money {
        Money::from_minor(minor, "EUR".parse().unwrap())
    }

    fn tender(n: u128) -> TenderId {
        TenderId(Uuid::from_u128(n))
    }

    fn asked(n: u128, how: ChargeKind, at_risk: bool) -> JournalEvent {
        JournalEvent::ChargeRequested {
            tender: tender(n),
            sale: SaleId(Uuid::nil()),
            how,
            amount: eur(1_000),
            customer: None,
            at_risk,
            approval: None,
        }
    }

    fn moved(n: u128, to: ChargeState) -> JournalEvent {
        JournalEvent::ChargeMoved {
            tender: tender(n),
            to,
            facts: ChargeFacts::default(),
            by: None,
        }
    }

    fn paid(n: u128) -> JournalEvent {
        JournalEvent::DebtPaid {
            tender: tender(n),
            amount: eur(1_000),
            by: UserId(Uuid::nil()),
        }
    }

    fn fold(events: Vec<JournalEvent>) -> CardOutcomes {
        let entries: Vec<Entry> = (1..)
            .zip(events)
            .map(|(seq, event)| Entry {
                seq,
                at: Timestamp(seq),
                shift: ShiftNumber(1),
                event,
            })
            .collect();
        let earlier = |t: TenderId| (t.0.as_u128() >= 100).then(|| eur(70));
        CardOutcomes::fold("EUR".parse().unwrap(), &entries, earlier).unwrap()
    }

    fn counted(tallies: &BTreeMap<Outcome, Tally>) -> Vec<(Outcome, i64, i64)> {
        let rows = tallies.iter();
        rows.map(|(o, t)| (*o, t.count, t.amount.minor())).collect()
    }

    #[test]
    fn every_card_at_risk_is_counted_once_as_it_stood_at_the_end() {
        use ChargeState as S;
        let card = |n| asked(n, ChargeKind::SavedCard, true);
        let outcomes = fold(vec![
            card(1),
            // Charged while the customer stood there: not at risk.
            asked(2, ChargeKind::SavedCard, false),
            moved(2, S::Succeeded),
            card(3),
            asked(4, ChargeKind::PayLink, true),
            card(5),
            card(6),
            moved(3, S::Declined),
            moved(3, S::Created),
            moved(3, S::Succeeded),
            moved(4, S::Succeeded),
            moved(5, S::Declined),
            paid(5),
            moved(5, S::Canceled),
            moved(6, S::Declined),
            JournalEvent::ChargeLowered {
                tender: tender(6),
                by: eur(400),
            },
            card(7),
            JournalEvent::ChargeLowered {
                tender: tender(7),
                by: eur(1_000),
            },
            moved(7, S::Canceled),
            // Of earlier shifts, one of them never at risk.
            moved(100, S::Succeeded),
            moved(101, S::WrittenOff),
            moved(102, S::Created),
            paid(103),
            moved(50, S::Succeeded),
        ]);
        assert_eq!(
            (outcomes.taken.count, outcomes.taken.amount),
            (5, eur(4_600))
        );
        assert_eq!(
            counted(&outcomes.of_this_shift),
            [
                (Outcome::Charged, 1, 1_000),
                (Outcome::PaidByLink, 1, 1_000),
                (Outcome::PaidInCash, 1, 1_000),
                (Outcome::Open, 1, 600),
                (Outcome::Waiting, 1, 1_000),
            ]
        );
        assert_eq!(
            counted(&outcomes.of_earlier),
            [
                (Outcome::Charged, 1, 70),
                (Outcome::PaidInCash, 1, 70),
                (Outcome::WrittenOff, 1, 70),
            ]
        );
    }
}
