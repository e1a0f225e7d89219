//! X and Z reports: to look at, as paper, as a page.
//!
//! Invariant: a Z report is made from the journal alone and is final; an X resets
//! nothing and does not tell what the drawer should hold.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rust_decimal::prelude::ToPrimitive;
use till_domain::ids::{ShiftNumber, Timestamp};
use till_domain::journal::JournalEvent;
use till_domain::money::{Money, MoneyError};
use till_domain::outcome::Outcome;
use till_domain::report::Tally;
use till_receipts::data::{Copy, Document};
use till_store::Tx;

use crate::asking::is_open;
use crate::auth::Session;
use crate::books::Summary;
use crate::error::{AppError, ErrorCode};
use crate::figures::{local, money, spoken, stamp};
use crate::paper::{pdf, print, rate_words, shift_document, tax_name, write_file};
use crate::reconcile::books_view;
use crate::shift::open_shift;
use crate::view::{ReportLineView, ReportView, ZSummaryView};
use crate::{Shop, Till, shop};

/// Z reports in the list.
const REPORTS_MAX: u32 = 1_000;

pub(crate) fn line_view(
    label: impl Into<String>,
    count: Option<i64>,
    amount: Money,
) -> ReportLineView {
    ReportLineView {
        label: label.into(),
        count,
        amount: money(amount),
    }
}

fn tax_views(shop: &Shop, sums: &Summary) -> Result<Vec<ReportLineView>, MoneyError> {
    sums.totals
        .taxes
        .iter()
        .map(|((code, rate), t)| {
            // Two codes may have no tax for different reasons: named, not rated.
            let label = match rate {
                Some(rate) if rate.is_zero() => tax_name(shop, code),
                Some(_) | None => rate_words(shop, code, *rate),
            };
            Ok(line_view(label, None, t.tax.checked_sub(t.refunded_tax)?))
        })
        .collect()
}

fn tender_views(sums: &Summary) -> Result<Vec<ReportLineView>, MoneyError> {
    let mut views = Vec::new();
    for (label, t) in [
        ("Card, settled", sums.card_settled()?),
        ("Cash", sums.totals.cash()),
        ("Foreign cash", sums.foreign_cash()),
        ("Vouchers", sums.vouchers()),
        ("External terminal", sums.external_terminal()),
        ("Card, not yet charged", sums.card_waiting()?),
    ] {
        // Change for a voucher is cash without a cash tender.
        if t.taken.count != 0 || t.refunded.count != 0 || !t.taken.amount.is_zero() {
            let net = t.taken.amount.checked_sub(t.refunded.amount)?;
            views.push(line_view(label, Some(t.taken.count), net));
        }
    }
    Ok(views)
}

/// What the shop must know of Stripe beside its own books: disputes with the day to
/// answer by, and when the books were compared.
pub(crate) fn stripe_lines(tx: &Tx<'_>, shop: &Shop) -> Result<Vec<String>, AppError> {
    let mut lines = Vec::new();
    let open: Vec<_> = tx.stripe_cases()?.into_iter().filter(is_open).collect();
    if !open.is_empty() {
        let minor = open.iter().map(|case| case.amount_minor).sum();
        let noun = if open.len() == 1 {
            "dispute"
        } else {
            "disputes"
        };
        let amount = spoken(Money::from_minor(minor, shop.currency()));
        let mut line = format!("{} {noun}, {amount}", open.len());
        if let Some(due_by) = open.iter().filter_map(|case| case.due_by).min() {
            line.push_str(&format!(": answer by {}", stamp(shop, due_by)));
        }
        lines.push(line);
    }
    lines.extend(books_view(tx, shop)?.map(|books| books.says));
    Ok(lines)
}

fn outcome_views(tallies: &BTreeMap<Outcome, Tally>) -> Vec<ReportLineView> {
    let rows = tallies.iter();
    rows.map(|(outcome, tally)| line_view(outcome.label(), Some(tally.count), tally.amount))
        .collect()
}

pub(crate) fn report_view(
    shop: &Shop,
    sums: &Summary,
    stripe: Vec<String>,
    text: Vec<String>,
    pdf: Option<String>,
) -> Result<ReportView, AppError> {
    let totals = &sums.totals;
    let closing = sums.closing.as_ref();
    Ok(ReportView {
        title: match closing {
            Some(_) => format!("Z report {}", sums.number),
            None => "X report".into(),
        },
        number: closing.map(|_| sums.number.0),
        from: local(shop, sums.opened.0),
        to: local(shop, sums.to),
        takings: money(totals.takings()?),
        sales: totals.sales.count,
        average: money(sums.average()?),
        tenders: tender_views(sums)?,
        taxes: tax_views(shop, sums)?,
        categories: totals
            .categories
            .iter()
            .map(|(name, c)| {
                // Kilograms are no count.
                let pieces = c.quantity.normalize();
                let count = if pieces.scale() == 0 {
                    pieces.to_i64()
                } else {
                    None
                };
                line_view(name, count, c.amount)
            })
            .collect(),
        hours: sums.hours.iter().map(|m| money(*m)).collect(),
        pending: line_view(
            "Not yet charged",
            Some(i64::from(sums.pending.count)),
            sums.pending.amount,
        ),
        at_risk: outcome_views(&sums.outcomes.of_this_shift),
        at_risk_earlier: outcome_views(&sums.outcomes.of_earlier),
        owed: line_view("To decide", Some(sums.owed.count), sums.owed.amount),
        stripe,
        difference: closing
            .map(|c| c.counted.checked_sub(c.expected))
            .transpose()?
            .map(money),
        text,
        pdf,
        printer: None,
        verdict: sums.audit.verdict(),
    })
}

/// The open shift added up, and its paper.
fn so_far(tx: &Tx<'_>, shop: &Shop, now: Timestamp) -> Result<(Summary, Document), AppError> {
    let shift = open_shift(tx)?;
    let entries = tx.entries_of_shift(shift.number)?;
    let sums = Summary::open(tx, shop, &shift, &entries, now)?;
    let document = shift_document(tx, shop, &sums, Copy::Original)?;
    Ok((sums, document))
}

impl Till {
    fn z_name(number: i64) -> String {
        format!("z-{number:06}.pdf")
    }

    pub(crate) fn write_z(&self, number: i64, bytes: &[u8]) -> Result<PathBuf, AppError> {
        write_file(&self.folder.join("reports"), &Self::z_name(number), bytes)
    }

    // ---- reports ----

    /// The open shift so far. Resets nothing, and does not tell what the drawer
    /// should hold.
    ///
    /// # Errors
    /// [`ErrorCode::ShiftNotOpen`], and what the store says.
    pub fn report_x(&self, _: &Session) -> Result<ReportView, AppError> {
        let now = self.now();
        self.store()?.read(|tx| {
            let shop = shop(tx)?;
            let (sums, document) = so_far(tx, &shop, now)?;
            report_view(
                &shop,
                &sums,
                stripe_lines(tx, &shop)?,
                print(&document)?.text,
                None,
            )
        })
    }

    /// Writes the open shift so far as a page, over the one before; gives its path.
    ///
    /// # Errors
    /// As [`Till::report_x`]; a file that cannot be written.
    pub fn report_x_pdf(&self, _: &Session) -> Result<PathBuf, AppError> {
        let now = self.now();
        let document = self.store()?.read(|tx| {
            let (_, document) = so_far(tx, &shop(tx)?, now)?;
            Ok::<_, AppError>(document)
        })?;
        write_file(&self.folder.join("reports"), "x.pdf", &pdf(&document)?)
    }

    /// The Z report of a closed shift, from the journal alone. Its paper is a
    /// duplicate.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], and what the store says.
    pub fn report_z(&self, number: i64) -> Result<ReportView, AppError> {
        let path = self.folder.join("reports").join(Self::z_name(number));
        let file = path.is_file().then(|| path.display().to_string());
        self.store()?.read(|tx| {
            let (shop, sums) = closed(tx, number)?;
            let document = shift_document(tx, &shop, &sums, Copy::Duplicate)?;
            report_view(&shop, &sums, Vec::new(), print(&document)?.text, file)
        })
    }

    /// The page of a Z report: as written at the close, or a duplicate where it
    /// is gone.
    ///
    /// # Errors
    /// As [`Till::report_z`]; a file that cannot be written.
    pub fn report_pdf(&self, number: i64) -> Result<PathBuf, AppError> {
        let document = self.store()?.read(|tx| {
            let (shop, sums) = closed(tx, number)?;
            shift_document(tx, &shop, &sums, Copy::Duplicate)
        })?;
        let path = self.folder.join("reports").join(Self::z_name(number));
        if path.is_file() {
            return Ok(path);
        }
        self.write_z(number, &pdf(&document)?)
    }

    /// Closed shifts, the newest first.
    ///
    /// # Errors
    /// What the store says.
    pub fn reports(&self) -> Result<Vec<ZSummaryView>, AppError> {
        self.store()?.read(|tx| {
            let shop = shop(tx)?;
            // The grand total only ever grows by a shift's takings, so takings
            // are the step from the one before.
            let mut before = None;
            let mut views: Vec<ZSummaryView> = Vec::new();
            for shift in tx.closed_shifts(REPORTS_MAX)?.into_iter().rev() {
                let Some((at, seq)) = shift.closed else {
                    continue;
                };
                let entry = tx.entry(seq)?;
                let JournalEvent::ShiftClosed {
                    expected,
                    counted,
                    grand_total,
                    ..
                } = &entry.event
                else {
                    return Err(AppError::internal("a close that is none"));
                };
                let base = match before {
                    Some(before) => before,
                    None => closed_before(tx, shift.number)?.unwrap_or(shop.zero()),
                };
                before = Some(*grand_total);
                views.push(ZSummaryView {
                    number: shift.number.0,
                    closed_at: local(&shop, at),
                    takings: money(grand_total.checked_sub(base)?),
                    difference: money(counted.checked_sub(*expected)?),
                });
            }
            views.reverse();
            Ok(views)
        })
    }
}

pub(crate) fn grand_total_at(tx: &Tx<'_>, seq: i64) -> Result<Money, AppError> {
    if let JournalEvent::ShiftClosed { grand_total, .. } = tx.entry(seq)?.event {
        Ok(grand_total)
    } else {
        Err(AppError::internal("a close that is none"))
    }
}

/// The grand total of the shift before `number`.
pub(crate) fn closed_before(tx: &Tx<'_>, number: ShiftNumber) -> Result<Option<Money>, AppError> {
    let before = tx.shift(ShiftNumber(number.0 - 1))?;
    before
        .and_then(|s| s.closed)
        .map(|(_, seq)| grand_total_at(tx, seq))
        .transpose()
}

fn closed(tx: &Tx<'_>, number: i64) -> Result<(Shop, Summary), AppError> {
    let shop = shop(tx)?;
    let shift = tx
        .shift(ShiftNumber(number))?
        .filter(|s| s.closed.is_some())
        .ok_or(ErrorCode::NotFound)?;
    let entries = tx.entries_of_shift(shift.number)?;
    let sums = Summary::closed(tx, &shop, &shift, &entries)?;
    Ok((shop, sums))
}
