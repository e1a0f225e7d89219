//! Tenders against what is to pay: cash rounding, change, what is still owed.
//!
//! Invariants:
//! - cash rounding touches cash alone: the part that no other tender pays, and
//!   change;
//! - once nothing is owed, what was handed over less change, cash back and what a
//!   voucher forfeits is the total plus the cash rounding;
//! - no card pays more than is due, but for cash back that was asked for;
//! - nothing depends on the order of the tenders, nor on how the sum of one kind
//!   was split over several, but what a tender without an amount comes to;
//! - a sale that gives money back is counted in its mirror;
//! - what other currencies are worth is no whole number of the shop's coins: what is
//!   left after it, and change for it, go to the next coin by themselves.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::money::{AMOUNT_MAX_MINOR, Currency, HALF_UP, Money, MoneyError, RoundingMode};
use crate::quote::QuoteError;
use crate::tax::more_places;

/// More tenders than any sale has.
pub const TENDERS_MAX: usize = 100;

/// More than one unit of any currency is worth in another.
const RATE_MAX: Decimal = Decimal::from_parts(100_000_000, 0, 0, false, 0);

/// Cash goes to the next coin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CashRounding {
    /// The smallest coin, in minor units.
    pub increment_minor: i64,
    /// Which way.
    pub mode: RoundingMode,
    /// Which way for change, where the law says another.
    pub change_mode: Option<RoundingMode>,
    /// Smaller coins are still legal tender: whoever hands over exactly what is
    /// due before rounding owes nothing, and nothing is rounded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exact_accepted: bool,
}

impl CashRounding {
    fn apply(self, amount: Money, mode: RoundingMode) -> Result<Money, MoneyError> {
        if self.increment_minor <= 1 {
            return Ok(amount);
        }
        let coin = self.increment_minor;
        let (whole, rest) = (amount.minor() / coin, (amount.minor() % coin).abs());
        let against_half = rest.cmp(&coin.saturating_sub(rest));
        let away = match mode {
            RoundingMode::HalfUp => against_half.is_ge(),
            RoundingMode::HalfDown => against_half.is_gt(),
            RoundingMode::HalfEven => {
                against_half.is_gt() || against_half.is_eq() && whole % 2 != 0
            }
            RoundingMode::Up => rest > 0,
            RoundingMode::Down => false,
        };
        let more = if away { amount.minor().signum() } else { 0 };
        let minor = whole
            .checked_add(more)
            .and_then(|coins| coins.checked_mul(coin))
            .filter(|minor| minor.unsigned_abs() <= AMOUNT_MAX_MINOR.unsigned_abs())
            .ok_or(MoneyError::TooLarge)?;
        Ok(Money::from_minor(minor, amount.currency()))
    }
}

/// What an amount due is in cash.
///
/// # Errors
/// [`MoneyError::TooLarge`].
pub fn in_cash(amount: Money, rounding: Option<CashRounding>) -> Result<Money, MoneyError> {
    rounding.map_or(Ok(amount), |r| r.apply(amount, r.mode))
}

/// What becomes of a voucher's worth that is not needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Surplus {
    /// Given back in cash.
    Change,
    /// Lost to the customer, and said so.
    Forfeited,
}

/// A tender to be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BasketTender {
    /// Cash handed over; `None` is exactly what is due.
    Cash(Option<Money>),
    /// Notes of another currency, change in the shop's. Worth the amount times the
    /// rate, rounded half up to the shop's minor unit, each tender by itself: it
    /// is what the customer was told when the notes were taken.
    ForeignCash {
        /// In the other currency.
        amount: Money,
        /// Major units of the shop's currency for one of the other.
        rate: Decimal,
    },
    /// A voucher that may be worth more than is due.
    Voucher {
        /// Its worth; `None` is all that is left.
        amount: Option<Money>,
        /// What becomes of the rest.
        surplus: Surplus,
    },
    /// A card that is charged for the goods and for cash out of the drawer.
    CashBack {
        /// What it is charged, cash back in it; `None` is all that is left and the
        /// cash back.
        amount: Option<Money>,
        /// Given to the customer.
        cash_back: Money,
    },
    /// Anything else, for its exact amount; `None` is all that is left.
    Other(Option<Money>),
}

/// A tender as it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenderQuote {
    /// Cash, or anything else.
    pub is_cash: bool,
    /// Handed over or charged, in the shop's currency.
    pub amount: Money,
    /// Of it: given to the customer in cash.
    pub cash_back: Money,
    /// Of it: a voucher's worth that is lost.
    pub forfeited: Money,
}

/// What is counted against what is to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// What the cash part comes to, rounded, if all that no other tender pays is
    /// paid in cash.
    pub cash_due: Money,
    /// Tenders with their amounts filled in.
    pub tenders: Vec<TenderQuote>,
    /// What cash rounding added to (or took off) the sum, once cash settles it.
    pub cash_rounding: Money,
    /// Handed over beyond what was due, to give back in cash.
    pub change: Money,
    /// Asked for on a card, to give in cash.
    pub cash_back: Money,
    /// Vouchers' worth that is lost.
    pub forfeited: Money,
    /// Still to pay.
    pub outstanding: Money,
}

/// An amount in the mirror, where the sale gives money back.
#[derive(Clone, Copy)]
struct Mirror(bool);

impl Mirror {
    const fn turn(self, amount: Money) -> Money {
        if self.0 { amount.negated() } else { amount }
    }

    /// An amount that was handed over: never less than nothing.
    fn given(self, amount: Money, what: &'static str) -> Result<Money, QuoteError> {
        let amount = self.turn(amount);
        if amount.minor() > AMOUNT_MAX_MINOR {
            return Err(MoneyError::TooLarge.into());
        }
        if amount.is_negative() {
            return Err(QuoteError::Negative { what });
        }
        Ok(amount)
    }
}

/// What has been given so far, by how it counts.
struct Given {
    cash: Money,
    /// Some of the cash is of another currency.
    foreign: bool,
    /// Cards and the like, without cash back.
    exact: Money,
    /// Vouchers whose surplus is change.
    change: Money,
    /// Vouchers whose surplus is lost.
    forfeited: Money,
    cash_back: Money,
}

impl Given {
    const fn nothing(currency: Currency) -> Self {
        let zero = Money::zero(currency);
        Self {
            cash: zero,
            foreign: false,
            exact: zero,
            change: zero,
            forfeited: zero,
            cash_back: zero,
        }
    }

    /// What no card and no voucher pays. Below nothing where vouchers give change.
    fn rest(&self, total: Money) -> Result<Money, MoneyError> {
        let rest = total.checked_sub(self.exact)?;
        rest.checked_sub(self.forfeited.min(rest))?
            .checked_sub(self.change)
    }
}

fn or_zero(amount: Money) -> Money {
    if amount.is_negative() {
        Money::zero(amount.currency())
    } else {
        amount
    }
}

/// Worth of notes of another currency, in `currency`, at `rate` of its major units
/// for one of the other's, rounded half up.
///
/// # Errors
/// [`QuoteError::ForeignRate`]; an amount larger than a till takes.
pub fn worth(amount: Money, rate: Decimal, currency: Currency) -> Result<Money, QuoteError> {
    let absurd = rate <= Decimal::ZERO || rate > RATE_MAX || more_places(rate, 12);
    if absurd || amount.currency() == currency {
        return Err(QuoteError::ForeignRate { rate });
    }
    let exact = amount
        .to_decimal()
        .checked_mul(rate)
        .ok_or(MoneyError::TooLarge)?;
    Ok(Money::rounded(exact, currency, HALF_UP)?)
}

/// What is known of a tender before the rest is: the amounts that were named.
fn named(
    tender: &BasketTender,
    mirror: Mirror,
    rounding: Option<CashRounding>,
    given: &mut Given,
) -> Result<(), QuoteError> {
    let currency = given.cash.currency();
    match *tender {
        BasketTender::Cash(None)
        | BasketTender::Other(None)
        | BasketTender::Voucher { amount: None, .. } => {}
        BasketTender::Cash(Some(amount)) => {
            let amount = mirror.given(amount, "a tender")?;
            given.cash = given.cash.checked_add(amount)?;
        }
        BasketTender::ForeignCash { amount, rate } => {
            let amount = mirror.given(worth(amount, rate, currency)?, "a tender")?;
            given.cash = given.cash.checked_add(amount)?;
            given.foreign = true;
        }
        BasketTender::Voucher {
            amount: Some(amount),
            surplus,
        } => {
            let amount = mirror.given(amount, "a tender")?;
            // No voucher is worth more than is given back on it.
            let sum = if mirror.0 {
                &mut given.exact
            } else {
                match surplus {
                    Surplus::Change => &mut given.change,
                    Surplus::Forfeited => &mut given.forfeited,
                }
            };
            *sum = sum.checked_add(amount)?;
        }
        BasketTender::Other(Some(amount)) => {
            let amount = mirror.given(amount, "a tender")?;
            given.exact = given.exact.checked_add(amount)?;
        }
        BasketTender::CashBack { amount, cash_back } => {
            let refused = |why| QuoteError::CashBack { cash_back, why };
            if mirror.0 {
                return Err(refused("is not given on a refund"));
            }
            mirror.given(cash_back, "cash back")?;
            let coins = rounding.is_none_or(|r| {
                r.exact_accepted || r.apply(cash_back, r.mode).is_ok_and(|c| c == cash_back)
            });
            if !coins {
                return Err(refused("cannot be given in the shop's coins"));
            }
            given.cash_back = given.cash_back.checked_add(cash_back)?;
            if let Some(amount) = amount {
                let goods = mirror.given(amount, "a tender")?.checked_sub(cash_back)?;
                if goods.is_negative() {
                    return Err(refused("is more than the card is charged"));
                }
                given.exact = given.exact.checked_add(goods)?;
            }
        }
    }
    Ok(())
}

/// Counts the tenders against `total`.
///
/// # Errors
/// [`QuoteError`].
pub fn settle(
    total: Money,
    rounding: Option<CashRounding>,
    tenders: &[BasketTender],
) -> Result<Settled, QuoteError> {
    if tenders.len() > TENDERS_MAX {
        return Err(QuoteError::TooMany {
            what: "tenders",
            most: TENDERS_MAX,
        });
    }
    let currency = total.currency();
    let zero = Money::zero(currency);
    let mirror = Mirror(total.is_negative());
    let total = mirror.turn(total);
    let mut given = Given::nothing(currency);
    for tender in tenders {
        named(tender, mirror, rounding, &mut given)?;
    }

    // Tenders without an amount take what is left, in their order.
    let mut filled = Vec::with_capacity(tenders.len());
    let mut has_cash = false;
    for tender in tenders {
        let left = |given: &Given| -> Result<Money, MoneyError> {
            Ok(or_zero(given.rest(total)?.checked_sub(given.cash)?))
        };
        let mut is_cash = false;
        let mut cash_back = zero;
        let amount = match *tender {
            BasketTender::Cash(amount) => {
                is_cash = true;
                match amount {
                    Some(amount) => mirror.turn(amount),
                    None => {
                        let rest = or_zero(given.rest(total)?);
                        let amount = if given.foreign {
                            in_cash(or_zero(rest.checked_sub(given.cash)?), rounding)?
                        } else {
                            or_zero(or_zero(in_cash(rest, rounding)?).checked_sub(given.cash)?)
                        };
                        given.cash = given.cash.checked_add(amount)?;
                        amount
                    }
                }
            }
            BasketTender::ForeignCash { amount, rate } => {
                is_cash = true;
                mirror.turn(worth(amount, rate, currency)?)
            }
            BasketTender::Voucher {
                amount: Some(amount),
                ..
            }
            | BasketTender::Other(Some(amount)) => mirror.turn(amount),
            BasketTender::Voucher { amount: None, .. } | BasketTender::Other(None) => {
                let amount = left(&given)?;
                given.exact = given.exact.checked_add(amount)?;
                amount
            }
            BasketTender::CashBack {
                amount: asked,
                cash_back: back,
            } => {
                cash_back = back;
                match asked {
                    Some(amount) => amount,
                    None => {
                        let goods = left(&given)?;
                        given.exact = given.exact.checked_add(goods)?;
                        goods.checked_add(back)?
                    }
                }
            }
        };
        has_cash |= is_cash;
        filled.push(TenderQuote {
            is_cash,
            amount: mirror.turn(amount),
            cash_back,
            forfeited: zero,
        });
    }

    let over = given.exact.checked_sub(total)?;
    if over.is_positive() {
        return Err(QuoteError::OverDue {
            over: mirror.turn(over),
        });
    }
    let forfeited = or_zero(
        given
            .forfeited
            .checked_sub(total.checked_sub(given.exact)?)?,
    );
    say_forfeited(tenders, &mut filled, forfeited, mirror)?;

    let rest = given.rest(total)?;
    let cash_due = or_zero(in_cash(or_zero(rest), rounding)?);
    let cash = given.cash;
    let exactly = rounding.is_some_and(|r| r.exact_accepted) && cash == rest;
    // Whoever hands over the price itself owes nothing, whatever it is in coins.
    let enough = cash_due.min(rest);
    let no_coin_left =
        given.foreign && in_cash(or_zero(rest.checked_sub(cash)?), rounding)?.is_zero();
    let settled =
        !rest.is_positive() || has_cash && (cash.minor() >= enough.minor() || no_coin_left);
    let (cash_rounding, change, outstanding) = if !settled {
        (zero, zero, rest.checked_sub(cash)?)
    } else if exactly || !has_cash && rest.is_zero() {
        (zero, zero, zero)
    } else {
        let change = if given.foreign {
            change_of_foreign(cash, rest, rounding)?
        } else {
            change_of(cash, rest, cash_due, rounding)?
        };
        (cash.checked_sub(change)?.checked_sub(rest)?, change, zero)
    };
    Ok(Settled {
        cash_due: mirror.turn(cash_due),
        tenders: filled,
        cash_rounding: mirror.turn(cash_rounding),
        change: mirror.turn(change),
        cash_back: given.cash_back,
        forfeited,
        outstanding: mirror.turn(outstanding),
    })
}

/// What goes back of `cash` for a `rest` that is `cash_due` in cash.
fn change_of(
    cash: Money,
    rest: Money,
    cash_due: Money,
    rounding: Option<CashRounding>,
) -> Result<Money, MoneyError> {
    let Some(rounding) = rounding else {
        return cash.checked_sub(rest);
    };
    if let Some(mode) = rounding.change_mode
        && cash.minor() > cash_due.minor()
    {
        return rounding.apply(or_zero(cash.checked_sub(rest)?), mode);
    }
    if rest.is_negative() {
        // A voucher's surplus goes to the next coin, as an amount due does.
        return cash.checked_sub(rounding.apply(rest, rounding.mode)?);
    }
    Ok(or_zero(cash.checked_sub(cash_due)?))
}

/// The same where some of `cash` is of another currency: to the next coin.
fn change_of_foreign(
    cash: Money,
    rest: Money,
    rounding: Option<CashRounding>,
) -> Result<Money, MoneyError> {
    let change = or_zero(cash.checked_sub(rest)?);
    rounding.map_or(Ok(change), |r| {
        r.apply(change, r.change_mode.unwrap_or(r.mode))
    })
}

/// Puts what is lost on the vouchers that lose it, the last one first.
fn say_forfeited(
    tenders: &[BasketTender],
    filled: &mut [TenderQuote],
    forfeited: Money,
    mirror: Mirror,
) -> Result<(), MoneyError> {
    let mut left = forfeited;
    for (tender, quote) in tenders.iter().zip(filled).rev() {
        let loses = matches!(
            tender,
            BasketTender::Voucher {
                surplus: Surplus::Forfeited,
                ..
            }
        );
        if loses && !mirror.0 {
            quote.forfeited = left.min(quote.amount);
            left = left.checked_sub(quote.forfeited)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_decimal::dec;

    const EUR: Currency = Currency::EUR;

    fn eur(minor: i64) -> Money {
        Money::from_minor(minor, EUR)
    }

    fn cash(minor: i64) -> BasketTender {
        BasketTender::Cash(Some(eur(minor)))
    }

    fn card(minor: i64) -> BasketTender {
        BasketTender::Other(Some(eur(minor)))
    }

    const fn five_cents(mode: RoundingMode) -> CashRounding {
        CashRounding {
            increment_minor: 5,
            mode,
            change_mode: None,
            exact_accepted: false,
        }
    }

    /// Due in cash, rounding, change, outstanding.
    fn told(settled: &Settled) -> [i64; 4] {
        [
            settled.cash_due.minor(),
            settled.cash_rounding.minor(),
            settled.change.minor(),
            settled.outstanding.minor(),
        ]
    }

    #[test]
    fn cash_goes_to_the_next_coin_each_way() {
        use RoundingMode::{Down, HalfDown, HalfEven, HalfUp, Up};
        // Amount, coin, and what it comes to by each mode.
        for (amount, coin, expected) in [
            (1002, 5, [1000, 1000, 1000, 1005, 1000]),
            (1003, 5, [1005, 1005, 1005, 1005, 1000]),
            (1005, 5, [1005; 5]),
            (1005, 10, [1010, 1000, 1000, 1010, 1000]),
            (1015, 10, [1020, 1010, 1020, 1020, 1010]),
            (1025, 50, [1050, 1000, 1000, 1050, 1000]),
            (1050, 100, [1100, 1000, 1000, 1100, 1000]),
            (1007, 1, [1007; 5]),
        ] {
            for (mode, expected) in [HalfUp, HalfDown, HalfEven, Up, Down].iter().zip(expected) {
                let rounding = CashRounding {
                    increment_minor: coin,
                    ..five_cents(*mode)
                };
                let got = in_cash(eur(amount), Some(rounding)).unwrap();
                assert_eq!(got, eur(expected), "{amount} to {coin} {mode:?}");
                let back = in_cash(eur(-amount), Some(rounding)).unwrap();
                assert_eq!(back, eur(-expected), "{amount} back, to {coin} {mode:?}");
            }
        }
    }

    /// Denmark and Sweden break the tie of change the other way than that of a sum.
    #[test]
    fn change_has_a_rule_of_its_own_where_the_law_has_one() {
        let rounding = CashRounding {
            increment_minor: 50,
            change_mode: Some(RoundingMode::HalfDown),
            ..five_cents(RoundingMode::HalfUp)
        };
        for (total, given, expected) in [
            // A tie due goes up; the tie of the change goes down: the same for both.
            (1025, 1050, [1050, 25, 0, 0]),
            (1025, 2000, [1050, 25, 950, 0]),
            (1075, 2000, [1100, 25, 900, 0]),
            (1020, 2000, [1000, -20, 1000, 0]),
        ] {
            let got = settle(eur(total), Some(rounding), &[cash(given)]).unwrap();
            assert_eq!(told(&got), expected, "{total} with {given}");
        }
    }

    #[test]
    fn exact_coins_are_taken_where_small_coins_are_legal() {
        let rounding = CashRounding {
            exact_accepted: true,
            ..five_cents(RoundingMode::HalfUp)
        };
        for (total, tenders, expected) in [
            (1002, vec![cash(1002)], [1000, 0, 0, 0]),
            (1003, vec![cash(1003)], [1005, 0, 0, 0]),
            (1003, vec![card(500), cash(503)], [505, 0, 0, 0]),
            (1003, vec![cash(1000), cash(3)], [1005, 0, 0, 0]),
            (1003, vec![cash(1005)], [1005, 2, 0, 0]),
            (1002, vec![cash(1000)], [1000, -2, 0, 0]),
            (1003, vec![cash(1002)], [1005, 0, 0, 1]),
            (-1003, vec![cash(-1003)], [-1005, 0, 0, 0]),
        ] {
            let got = settle(eur(total), Some(rounding), &tenders).unwrap();
            assert_eq!(told(&got), expected, "{total} with {tenders:?}");
        }
    }

    #[test]
    fn a_voucher_gives_change_or_says_what_is_lost() {
        let voucher = |minor, surplus| BasketTender::Voucher {
            amount: Some(eur(minor)),
            surplus,
        };
        let (back, lost) = (Surplus::Change, Surplus::Forfeited);
        for (total, tenders, expected, forfeited) in [
            (1003, vec![voucher(2000, back)], [0, 2, 995, 0], 0),
            (1003, vec![voucher(2000, lost)], [0, 0, 0, 0], 997),
            (1003, vec![voucher(500, lost)], [505, 0, 0, 503], 0),
            (
                1003,
                vec![voucher(500, back), cash(1000)],
                [505, 2, 495, 0],
                0,
            ),
            // What would be lost is used up first: the customer keeps the most.
            (
                1000,
                vec![voucher(600, back), voucher(800, lost)],
                [0, 0, 400, 0],
                0,
            ),
            (
                1000,
                vec![voucher(600, back), voucher(1200, lost)],
                [0, 0, 600, 0],
                200,
            ),
            (1000, vec![card(400), voucher(700, lost)], [0, 0, 0, 0], 100),
            (
                1000,
                vec![BasketTender::Voucher {
                    amount: None,
                    surplus: lost,
                }],
                [0, 0, 0, 0],
                0,
            ),
        ] {
            let rounding = five_cents(RoundingMode::HalfUp);
            let got = settle(eur(total), Some(rounding), &tenders).unwrap();
            assert_eq!(told(&got), expected, "{total} with {tenders:?}");
            assert_eq!(got.forfeited, eur(forfeited), "{total} with {tenders:?}");
        }
    }

    #[test]
    fn a_card_gives_cash_back_and_never_more() {
        let card = |amount: Option<i64>, back: i64| BasketTender::CashBack {
            amount: amount.map(eur),
            cash_back: eur(back),
        };
        let rounding = Some(five_cents(RoundingMode::HalfUp));
        let got = settle(eur(1003), rounding, &[card(Some(3003), 2000)]).unwrap();
        assert_eq!(told(&got), [0, 0, 0, 0]);
        assert_eq!(
            (got.cash_back, got.tenders[0].amount),
            (eur(2000), eur(3003))
        );
        let got = settle(eur(1003), rounding, &[card(None, 2000)]).unwrap();
        assert_eq!(
            got.tenders[0].amount,
            eur(3003),
            "all that is left, and the cash"
        );
        for (total, tender, says) in [
            (
                1003,
                card(Some(3004), 2000),
                "a tender other than cash is 0.01 more than is due",
            ),
            (
                1003,
                card(Some(1000), 2000),
                "cash back of 20.00 is more than the card is charged",
            ),
            (
                1003,
                card(None, 2002),
                "cash back of 20.02 cannot be given in the shop's coins",
            ),
            (1003, card(None, -5), "cash back is below zero"),
            (
                -1003,
                card(None, 2000),
                "cash back of 20.00 is not given on a refund",
            ),
        ] {
            let got = settle(eur(total), rounding, &[tender]);
            assert_eq!(got.unwrap_err().to_string(), says);
        }
    }

    #[test]
    fn notes_of_another_currency_are_worth_their_rate() {
        let notes = |minor, code: &str, rate| BasketTender::ForeignCash {
            amount: Money::from_minor(minor, code.parse().unwrap()),
            rate,
        };
        for (total, tender, worth, expected) in [
            (
                1002,
                notes(2000, "USD", dec!(0.92)),
                1840,
                [1000, -2, 840, 0],
            ),
            (
                1000,
                notes(2000, "JPY", dec!(0.00617)),
                1234,
                [1000, -1, 235, 0],
            ),
            (
                1000,
                notes(5000, "BHD", dec!(2.4456)),
                1223,
                [1000, -2, 225, 0],
            ),
            (1000, notes(500, "USD", dec!(0.925)), 463, [1000, 0, 0, 537]),
            (
                -1000,
                notes(-2000, "USD", dec!(0.92)),
                -1840,
                [-1000, 0, -840, 0],
            ),
        ] {
            let rounding = Some(five_cents(RoundingMode::HalfUp));
            let got = settle(eur(total), rounding, &[tender]).unwrap();
            assert_eq!(got.tenders[0].amount, eur(worth), "{tender:?}");
            assert_eq!(told(&got), expected, "{total} with {tender:?}");
        }
        // Three dollars are €2.76: what is left of €5.00 is €2.25 in coins, and change
        // for six, €5.52, is 50 cents, not 52.
        let rounding = Some(five_cents(RoundingMode::HalfUp));
        for (tenders, expected) in [
            (vec![notes(300, "USD", dec!(0.92))], [500, 0, 0, 224]),
            (
                vec![notes(300, "USD", dec!(0.92)), cash(225)],
                [500, 1, 0, 0],
            ),
            (
                vec![notes(300, "USD", dec!(0.92)), BasketTender::Cash(None)],
                [500, 1, 0, 0],
            ),
            (
                vec![cash(225), notes(300, "USD", dec!(0.92))],
                [500, 1, 0, 0],
            ),
            (
                vec![notes(300, "USD", dec!(0.92)), cash(220)],
                [500, 0, 0, 4],
            ),
            (vec![notes(600, "USD", dec!(0.92))], [500, 2, 50, 0]),
            (vec![notes(542, "USD", dec!(0.92))], [500, -1, 0, 0]),
        ] {
            let got = settle(eur(500), rounding, &tenders).unwrap();
            assert_eq!(told(&got), expected, "{tenders:?}");
        }
        for (tender, says) in [
            (
                notes(1, "USD", dec!(0)),
                "0 is not a rate from another currency into the shop's",
            ),
            (
                notes(1, "USD", dec!(-1)),
                "-1 is not a rate from another currency into the shop's",
            ),
            (
                notes(1, "EUR", dec!(1)),
                "1 is not a rate from another currency into the shop's",
            ),
            (
                notes(99_999_999_999, "USD", dec!(100_000)),
                "amount is larger than a till takes",
            ),
            (notes(-1, "USD", dec!(1)), "a tender is below zero"),
        ] {
            let got = settle(eur(1000), None, &[tender]);
            assert_eq!(got.unwrap_err().to_string(), says);
        }
        let many = settle(eur(1000), None, &[cash(1); TENDERS_MAX + 1]);
        assert_eq!(many.unwrap_err().to_string(), "more than 100 tenders");
    }
}
