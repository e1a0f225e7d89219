//! Shifts: the drawer from its float to its count and its close.
//!
//! Invariants:
//! - what the drawer should hold is told after it was counted, not before, and a
//!   count counts until cash moves again;
//! - a shift closes on a journal that verified from its first entry, in the same
//!   transaction.

use std::collections::HashSet;

use till_domain::ids::{Timestamp, UserId};
use till_domain::journal::{Entry, ForeignCount, JournalEvent};
use till_domain::money::{Currency, Money, MoneyError};
use till_domain::report::ShiftTotals;
use till_domain::sale::Approval;
use till_domain::settle::worth;
use till_receipts::data::Copy;
use till_store::{ShiftRow, Tx};

use crate::auth::Session;
use crate::books::{Closing, Summary};
use crate::error::{AppError, ErrorCode};
use crate::figures::{money, short_time, spoken, user_name};
use crate::guard::{check_note, check_text, no_card};
use crate::paper::{Paper, REFUNDS_PAID, pdf, print, shift_document, slip_document};
use crate::report::{grand_total_at, line_view, report_view};
use crate::view::{
    ApprovalInput, CompareView, CountInput, CountView, ForeignCompareView, ForeignCountInput,
    HintView, ReportLineView, ReportView,
};
use crate::{Effects, OPEN_DRAWER, Shop, Till, amount, amount_in, shop};

/// Characters of a reason or a note.
const REASON_MAX: usize = 200;
/// A count and one recount.
const COUNTS_MAX: usize = 2;

/// Why so much is expected.
fn why(shop: &Shop, sums: &Summary) -> Result<Vec<ReportLineView>, AppError> {
    let totals = &sums.totals;
    let cash = totals.cash();
    let listed = |list: &[(Money, String)]| -> Result<(Option<i64>, Money), MoneyError> {
        let sum = Money::sum(list.iter().map(|(m, _)| *m), totals.currency)?;
        Ok((i64::try_from(list.len()).ok(), sum))
    };
    let (ins, paid_in) = listed(&totals.paid_in)?;
    let (outs, paid_out) = listed(&totals.paid_out)?;
    let opened = short_time(shop, sums.opened.0);
    let mut lines = vec![
        line_view(format!("Float, {opened}"), None, totals.float),
        line_view("Cash sales", Some(cash.taken.count), cash.taken.amount),
        line_view(
            "Cash refunds",
            Some(cash.refunded.count),
            cash.refunded.amount.negated(),
        ),
        line_view("Paid-in", ins, paid_in),
        line_view("Paid-out", outs, paid_out.negated()),
    ];
    let refunds = totals.refunds_paid;
    if refunds.count > 0 {
        lines.push(line_view(
            REFUNDS_PAID,
            Some(refunds.count),
            refunds.amount.negated(),
        ));
    }
    let debts = totals.debts_paid;
    if debts.count > 0 {
        lines.push(line_view(
            "Declined cards paid in cash",
            Some(debts.count),
            debts.amount,
        ));
    }
    Ok(lines)
}

/// "€2", "€0.50": as it is called at the counter.
fn face(value: Money) -> String {
    let text = spoken(value);
    match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|b| b == b'0') => whole.to_owned(),
        Some(_) | None => text,
    }
}

/// What may explain a difference, the likeliest first.
fn hints(
    tx: &Tx<'_>,
    shop: &Shop,
    entries: &[Entry],
    difference: Money,
) -> Result<Vec<HintView>, AppError> {
    let off = difference.abs();
    let mut hints = Vec::new();
    if off.is_zero() {
        return Ok(hints);
    }
    if shop.denominations.contains(&off.minor()) {
        // Notes begin at five whole units in the currencies of the profiles, or
        // near enough for a hint.
        let five = 5 * 10_i64.pow(shop.currency().exponent());
        let piece = if off.minor() >= five { "note" } else { "coin" };
        hints.push(HintView {
            title: format!("One {} {piece}", face(off)),
            says: format!("A single {piece} miscounted makes exactly this"),
        });
    }
    for entry in entries {
        let found = if let JournalEvent::PaidOut { amount, reason, .. } = &entry.event {
            Some(("Paid-out", *amount, reason))
        } else if let JournalEvent::PaidIn { amount, reason, .. } = &entry.event {
            Some(("Paid-in", *amount, reason))
        } else {
            None
        };
        if let Some((what, amount, reason)) = found.filter(|(_, amount, _)| *amount == off) {
            hints.push(HintView {
                title: format!(
                    "{what} {} at {}",
                    spoken(amount),
                    short_time(shop, entry.at)
                ),
                says: format!("{reason}: exactly this sum"),
            });
        }
    }
    for entry in entries {
        if let JournalEvent::NoSale { reason, by } = &entry.event
            && reason.is_empty()
        {
            hints.push(HintView {
                title: format!("No-sale at {}", short_time(shop, entry.at)),
                says: format!("{}, no reason given", user_name(tx, *by)?),
            });
        }
    }
    if off.minor() % 9 == 0 {
        hints.push(HintView {
            title: "Two digits the wrong way round".into(),
            says: "54 typed for 45 makes a difference that 9 divides, as it does this one".into(),
        });
    }
    Ok(hints)
}

// ---- the drawer ----

pub(crate) fn open_shift(tx: &Tx<'_>) -> Result<ShiftRow, AppError> {
    tx.open_shift()?
        .ok_or_else(|| ErrorCode::ShiftNotOpen.into())
}

/// Cash that a person says: some.
fn cash(text: &str, shop: &Shop) -> Result<Money, AppError> {
    let cash = amount(text, shop)?;
    if cash.is_zero() {
        return Err(AppError::refused(
            ErrorCode::BadInput,
            "The amount is nothing",
        ));
    }
    Ok(cash)
}

/// What is `needed` of a manager: who is signed in is one, or one approved it.
fn allowed(
    session: &Session,
    approval: Option<Approval>,
    needed: bool,
    reason: &str,
) -> Result<Option<Approval>, AppError> {
    if !needed {
        return Ok(None);
    }
    if approval.is_some() {
        return Ok(approval);
    }
    if session.user().role.may_approve() {
        return Ok(Some(Approval {
            by: session.user().id,
            reason: reason.to_owned(),
        }));
    }
    Err(ErrorCode::NeedsManager.into())
}

/// What was found in the drawer.
struct Found {
    cash: Money,
    foreign: Vec<ForeignCount>,
}

/// The counts that still count: no cash has moved since, of any currency.
fn counts(entries: &[Entry], totals: &ShiftTotals) -> Result<Vec<Found>, MoneyError> {
    let expected_now = totals.expected_cash()?;
    let taken = |foreign: &[ForeignCount]| {
        let there = foreign.iter().filter(|f| !f.expected.is_zero());
        there.map(|f| f.expected).collect::<Vec<_>>()
    };
    let taken_now: Vec<Money> = totals.foreign.values().map(|f| f.given.amount).collect();
    let mut counts = Vec::new();
    for entry in entries {
        if let JournalEvent::DrawerCounted {
            counted,
            expected,
            foreign,
            ..
        } = &entry.event
            && *expected == expected_now
            && taken(foreign) == taken_now
        {
            counts.push(Found {
                cash: *counted,
                foreign: foreign.clone(),
            });
        }
    }
    Ok(counts)
}

/// The other currencies that may be in the drawer, by code: those that the shop
/// takes, and those that were taken.
fn foreign_of(shop: &Shop, totals: &ShiftTotals) -> Vec<Currency> {
    let taken = totals.foreign.values().map(|f| f.given.amount.currency());
    let mut all: Vec<Currency> = shop.foreign_cash.iter().map(|f| f.currency).collect();
    all.extend(taken);
    all.sort_unstable_by_key(|c| c.code());
    all.dedup();
    all
}

/// Notes of other currencies, counted; of those that nobody names there are none.
fn counted_foreign(
    given: &[ForeignCountInput],
    shop: &Shop,
    totals: &ShiftTotals,
) -> Result<Vec<ForeignCount>, AppError> {
    let known = foreign_of(shop, totals);
    let mut counted: Vec<Money> = Vec::with_capacity(given.len());
    for input in given {
        let code = input.currency.trim();
        no_card(code)?;
        let currency = known
            .iter()
            .find(|c| c.code().eq_ignore_ascii_case(code))
            .filter(|c| counted.iter().all(|m| m.currency() != **c))
            .ok_or_else(|| {
                AppError::refused(
                    ErrorCode::BadInput,
                    format!("{code:?} is no currency that this till takes, or is there twice"),
                )
            })?;
        counted.push(amount_in(&input.amount, *currency)?);
    }
    let mut found = Vec::new();
    for currency in known {
        let nothing = Money::zero(currency);
        let taken = totals.foreign.get(currency.code());
        let count = ForeignCount {
            counted: counted
                .iter()
                .find(|m| m.currency() == currency)
                .copied()
                .unwrap_or(nothing),
            expected: taken.map_or(nothing, |f| f.given.amount),
        };
        if !count.counted.is_zero() || !count.expected.is_zero() {
            found.push(count);
        }
    }
    Ok(found)
}

fn foreign_views(foreign: &[ForeignCount]) -> Result<Vec<ForeignCompareView>, MoneyError> {
    foreign
        .iter()
        .map(|f| {
            Ok(ForeignCompareView {
                expected: money(f.expected),
                counted: money(f.counted),
                difference: money(f.counted.checked_sub(f.expected)?),
            })
        })
        .collect()
}

fn counted_sum(pieces: &[CountInput], shop: &Shop) -> Result<Money, AppError> {
    let mut seen = HashSet::new();
    let mut minor: i64 = 0;
    for piece in pieces {
        let face = piece.denomination_minor;
        if !shop.denominations.contains(&face) || !seen.insert(face) {
            return Err(AppError::refused(
                ErrorCode::BadInput,
                "A note or coin is not the shop's, or is there twice",
            ));
        }
        minor = face
            .checked_mul(i64::from(piece.pieces))
            .and_then(|worth| minor.checked_add(worth))
            .filter(|sum| *sum <= till_domain::money::AMOUNT_MAX_MINOR)
            .ok_or(ErrorCode::Absurd)?;
    }
    Ok(Money::from_minor(minor, shop.currency()))
}

/// The float left for the next shift where nobody says another.
fn usual_float(totals: &ShiftTotals, counted: Money) -> Money {
    totals.float.min(counted)
}

fn drawer_and(paper: Option<Paper>) -> Effects {
    let mut print = OPEN_DRAWER.to_vec();
    print.extend(paper.into_iter().flat_map(|p| p.escpos));
    Effects { print }
}

impl Till {
    /// Opens a shift with what is in the drawer.
    ///
    /// # Errors
    /// [`ErrorCode::ShiftOpen`], an amount that cannot be, and what the store says.
    pub fn shift_open(&self, session: &Session, float: &str) -> Result<(), AppError> {
        let now = self.now();
        self.store()?.write(|tx| {
            let shop = shop(tx)?;
            if tx.open_shift()?.is_some() {
                return Err(AppError::from(ErrorCode::ShiftOpen));
            }
            tx.append(
                JournalEvent::ShiftOpened {
                    float: amount(float, &shop)?,
                    by: session.user().id,
                },
                now,
            )?;
            Ok(())
        })
    }

    /// Puts cash into the drawer without a sale.
    ///
    /// # Errors
    /// [`ErrorCode::ShiftNotOpen`], an amount or a reason that cannot be.
    pub fn paid_in(
        &self,
        session: &Session,
        amount: &str,
        reason: &str,
    ) -> Result<Effects, AppError> {
        let now = self.now();
        check_text(reason, REASON_MAX)?;
        self.store()?.write(|tx| {
            let shop = shop(tx)?;
            open_shift(tx)?;
            let entry = tx.append(
                JournalEvent::PaidIn {
                    amount: cash(amount, &shop)?,
                    reason: reason.trim().to_owned(),
                    by: session.user().id,
                },
                now,
            )?;
            let slip = slip_document(tx, &shop, &entry, Copy::Original)?;
            Ok(drawer_and(Some(print(&slip)?)))
        })
    }

    /// Takes cash out of the drawer without a sale.
    ///
    /// # Errors
    /// [`ErrorCode::NeedsManager`] over the shop's threshold; more than the drawer
    /// should hold; otherwise as [`Till::paid_in`].
    pub fn paid_out(
        &self,
        session: &Session,
        amount: &str,
        reason: &str,
        approval: Option<&ApprovalInput>,
    ) -> Result<Effects, AppError> {
        let now = self.now();
        check_text(reason, REASON_MAX)?;
        let approval = approval.map(|input| self.approve(input)).transpose()?;
        self.store()?.write(|tx| {
            let shop = shop(tx)?;
            let shift = open_shift(tx)?;
            let amount = cash(amount, &shop)?;
            let needed = amount.minor() > shop.paid_out_threshold.minor();
            let approval = allowed(session, approval, needed, reason.trim())?;
            let entries = tx.entries_of_shift(shift.number)?;
            let sums = Summary::open(tx, &shop, &shift, &entries, now)?;
            if amount.minor() > sums.totals.expected_cash()?.minor() {
                return Err(AppError::refused(
                    ErrorCode::BadInput,
                    "The drawer should not hold that much",
                ));
            }
            let entry = tx.append(
                JournalEvent::PaidOut {
                    amount,
                    reason: reason.trim().to_owned(),
                    by: session.user().id,
                    approval,
                },
                now,
            )?;
            let slip = slip_document(tx, &shop, &entry, Copy::Original)?;
            Ok(drawer_and(Some(print(&slip)?)))
        })
    }

    /// Opens the drawer for neither. The reason may be empty; the report says so.
    ///
    /// # Errors
    /// [`ErrorCode::ShiftNotOpen`], a reason that cannot be.
    pub fn no_sale(&self, session: &Session, reason: &str) -> Result<Effects, AppError> {
        let now = self.now();
        let reason = reason.trim();
        if !reason.is_empty() {
            check_text(reason, REASON_MAX)?;
        }
        self.store()?.write(|tx| {
            open_shift(tx)?;
            tx.append(
                JournalEvent::NoSale {
                    reason: reason.to_owned(),
                    by: session.user().id,
                },
                now,
            )?;
            Ok(drawer_and(None))
        })
    }

    // ---- counting ----

    /// What a count begins with: nothing of what is expected.
    ///
    /// # Errors
    /// [`ErrorCode::ShiftNotOpen`], and what the store says.
    pub fn count_view(&self, _: &Session) -> Result<CountView, AppError> {
        let now = self.now();
        self.store()?.read(|tx| {
            let shop = shop(tx)?;
            let shift = open_shift(tx)?;
            let entries = tx.entries_of_shift(shift.number)?;
            let sums = Summary::open(tx, &shop, &shift, &entries, now)?;
            let counts = counts(&entries, &sums.totals)?;
            Ok(CountView {
                foreign: foreign_of(&shop, &sums.totals)
                    .into_iter()
                    .map(|currency| money(Money::zero(currency)))
                    .collect(),
                denominations: shop
                    .denominations
                    .iter()
                    .map(|minor| money(Money::from_minor(*minor, shop.currency())))
                    .collect(),
                suspended: tx.suspended_count()?,
                waiting: sums.pending.count,
                at_risk: money(sums.pending.amount),
                recounted: !counts.is_empty(),
            })
        })
    }

    /// The same, once more: allowed after one count.
    ///
    /// # Errors
    /// [`ErrorCode::NotNow`] where a recount was made, or nothing was counted.
    pub fn recount(&self, session: &Session) -> Result<CountView, AppError> {
        let now = self.now();
        let made = self.store()?.read(|tx| {
            let shop = shop(tx)?;
            let shift = open_shift(tx)?;
            let entries = tx.entries_of_shift(shift.number)?;
            let sums = Summary::open(tx, &shop, &shift, &entries, now)?;
            Ok::<_, AppError>(counts(&entries, &sums.totals)?.len())
        })?;
        if made == 0 || made >= COUNTS_MAX {
            return Err(ErrorCode::NotNow.into());
        }
        self.count_view(session)
    }

    /// Writes down what is in the drawer, and tells what should be.
    ///
    /// # Errors
    /// A note or coin that is not the shop's, a currency it does not take;
    /// [`ErrorCode::NotNow`] for a third count while no cash has moved.
    pub fn count(
        &self,
        session: &Session,
        pieces: &[CountInput],
        foreign: &[ForeignCountInput],
    ) -> Result<CompareView, AppError> {
        let now = self.now();
        self.store()?.write(|tx| {
            let shop = shop(tx)?;
            let shift = open_shift(tx)?;
            let counted = counted_sum(pieces, &shop)?;
            let mut entries = tx.entries_of_shift(shift.number)?;
            let mut sums = Summary::open(tx, &shop, &shift, &entries, now)?;
            let expected = sums.totals.expected_cash()?;
            let foreign = counted_foreign(foreign, &shop, &sums.totals)?;
            let made = counts(&entries, &sums.totals)?.len();
            if made >= COUNTS_MAX {
                return Err(AppError::from(ErrorCode::NotNow));
            }
            entries.push(tx.append(
                JournalEvent::DrawerCounted {
                    counted,
                    expected,
                    foreign: foreign.clone(),
                    by: session.user().id,
                },
                now,
            )?);
            let difference = counted.checked_sub(expected)?;
            let agrees = difference.is_zero() && foreign.iter().all(|f| f.counted == f.expected);
            sums.closing = Some(Closing {
                by: session.user().id,
                expected,
                counted,
                next_float: usual_float(&sums.totals, counted),
                note: String::new(),
                foreign: foreign.clone(),
                sealed: None,
            });
            let preview = shift_document(tx, &shop, &sums, Copy::Original)?;
            Ok(CompareView {
                why: why(&shop, &sums)?,
                expected: money(expected),
                counted: money(counted),
                difference: money(difference),
                foreign: foreign_views(&foreign)?,
                hints: hints(tx, &shop, &entries, difference)?,
                can_recount: made + 1 < COUNTS_MAX && !agrees,
                needs_manager: over_threshold(difference, &foreign, &shop)
                    && !session.user().role.may_approve(),
                preview: print(&preview)?.text,
                z_number: shift.number.0,
            })
        })
    }

    // ---- closing ----

    /// Closes the shift with its Z report. `note` says what a difference is put
    /// down to; `next_float` stays in the drawer, the rest goes to the bank.
    ///
    /// # Errors
    /// [`ErrorCode::NotCounted`], [`ErrorCode::SalesUnfinished`],
    /// [`ErrorCode::NeedsManager`] for a difference over the threshold,
    /// [`ErrorCode::JournalBroken`]: the shift stays open.
    pub fn close(
        &self,
        session: &Session,
        note: &str,
        next_float: Option<&str>,
        approval: Option<&ApprovalInput>,
    ) -> Result<(ReportView, Effects), AppError> {
        let now = self.now();
        let note = check_note(note, REASON_MAX)?;
        let approval = approval.map(|input| self.approve(input)).transpose()?;
        let by = session.user().id;
        let (mut view, paper, document) = self.store()?.write(|tx| {
            let shop = shop(tx)?;
            let shift = open_shift(tx)?;
            clear_open_sale(tx, &shop, by, now)?;
            // Before the close is written: a chain that does not verify gets no
            // Z report on top of it.
            tx.verify_chain()?;
            let mut entries = tx.entries_of_shift(shift.number)?;
            let sums = Summary::open(tx, &shop, &shift, &entries, now)?;
            let expected = sums.totals.expected_cash()?;
            let Found {
                cash: counted,
                foreign,
            } = counts(&entries, &sums.totals)?
                .pop()
                .ok_or(ErrorCode::NotCounted)?;
            let difference = counted.checked_sub(expected)?;
            let needed = over_threshold(difference, &foreign, &shop);
            let approval = allowed(session, approval, needed, note)?;
            let next_float = match next_float {
                Some(text) => amount(text, &shop)?,
                None => usual_float(&sums.totals, counted),
            };
            if next_float.minor() > counted.minor() {
                return Err(AppError::refused(
                    ErrorCode::BadInput,
                    "The next float is more than was counted",
                ));
            }
            entries.push(tx.append(
                JournalEvent::ShiftClosed {
                    opened_at: shift.opened_at,
                    expected,
                    counted,
                    next_float,
                    note: note.to_owned(),
                    by,
                    approval,
                    grand_total: grand_total(tx, &shop)?.checked_add(sums.totals.takings()?)?,
                    pending: sums.pending,
                    foreign,
                },
                now,
            )?);
            let sums = Summary::closed(tx, &shop, &shift, &entries)?;
            if let Some(what) = &sums.audit.differs {
                tracing::error!(shift = shift.number.0, what, "the books do not agree");
            }
            let document = shift_document(tx, &shop, &sums, Copy::Original)?;
            let paper = print(&document)?;
            let view = report_view(&shop, &sums, Vec::new(), paper.text.clone(), None)?;
            Ok::<_, AppError>((view, paper, document))
        })?;
        // The shift is closed whatever becomes of its page: it can be made again.
        view.pdf = pdf(&document)
            .and_then(|bytes| self.write_z(view.number.unwrap_or_default(), &bytes))
            .map(|path| path.display().to_string())
            .ok();
        Ok((
            view,
            Effects {
                print: paper.escpos,
            },
        ))
    }
}

/// A difference that a manager must see: of the shop's own money, or of another
/// currency at the shop's rate. One that no rate is known for is always seen.
fn over_threshold(difference: Money, foreign: &[ForeignCount], shop: &Shop) -> bool {
    let over = |amount: Money| amount.abs().minor() > shop.difference_threshold.minor();
    over(difference)
        || foreign.iter().any(|f| {
            let rate = shop.foreign_cash.iter();
            let mut rate = rate.filter(|r| r.currency == f.counted.currency());
            let off = f.counted.checked_sub(f.expected);
            match (off, rate.next()) {
                (Ok(off), _) if off.is_zero() => false,
                (Ok(off), Some(foreign)) => {
                    worth(off.abs(), foreign.rate, shop.currency()).map_or(true, over)
                }
                (Ok(_), None) | (Err(_), _) => true,
            }
        })
}

/// Takings of all shifts that are closed.
fn grand_total(tx: &Tx<'_>, shop: &Shop) -> Result<Money, AppError> {
    match tx.closed_shifts(1)?.first().and_then(|s| s.closed) {
        Some((_, seq)) => grand_total_at(tx, seq),
        None => Ok(shop.zero()),
    }
}

/// Nothing unfinished may go into the next shift. An open sale on which nothing
/// is left goes; what was rung up on it and taken off stays in the journal.
fn clear_open_sale(tx: &Tx<'_>, shop: &Shop, by: UserId, now: Timestamp) -> Result<(), AppError> {
    if tx.suspended_count()? > 0 {
        return Err(ErrorCode::SalesUnfinished.into());
    }
    let Some(stored) = tx.open_sale()? else {
        return Ok(());
    };
    let sale = stored.sale;
    if sale.live_lines().next().is_some() || !sale.tenders.is_empty() {
        return Err(ErrorCode::SalesUnfinished.into());
    }
    if !sale.lines.is_empty() {
        tx.append(
            JournalEvent::SaleVoided {
                sale: sale.id,
                lines: sale.voided_lines(&shop.pricing)?,
                by,
            },
            now,
        )?;
    }
    tx.remove_open_sale(sale.id)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use till_domain::money::Currency;

    #[test]
    fn a_piece_of_money_is_called_as_at_the_counter() {
        for (minor, expected) in [(200, "€2"), (50, "€0.50"), (50_000, "€500")] {
            assert_eq!(face(Money::from_minor(minor, Currency::EUR)), expected);
        }
    }
}
