//! Shifts: the drawer from its float to its count, and the X and Z reports.
//!
//! Invariants:
//! - a figure of a report is a fold over journal entries; none is kept beside them;
//! - a Z report looked at later says what it said at the close;
//! - what the drawer should hold is told after it was counted, not before, and a
//!   count counts until cash moves again;
//! - a shift closes on a journal that verified from its first entry, in the same
//!   transaction.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::PathBuf;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Deserialize;
use till_domain::charge::ChargeState;
use till_domain::ids::{SaleId, ShiftNumber, TenderId, Timestamp, UserId};
use till_domain::journal::{Entry, JournalEvent, Pending};
use till_domain::money::{HALF_UP, Money, MoneyError};
use till_domain::refund::{CommittedRefund, GiveBack, RefundPart};
use till_domain::report::{ReportTender, ShiftTotals, Tally, TenderTally};
use till_domain::sale::{Approval, CommittedSale};
use till_receipts::data::Copy;
use till_store::{JournalLine, Rebuilt, ShiftRow, StoreError, Tx};

use crate::auth::Session;
use crate::error::{AppError, ErrorCode};
use crate::figures::{hour_of_day, local, money, short_time, spoken, user_name};
use crate::outbox::exposure;
use crate::paper::{
    Paper, pdf, print, rate_words, shift_document, slip_document, tax_name, unwritten, write_file,
};
use crate::sale::sale_at;
use crate::view::{
    ApprovalInput, CompareView, CountInput, CountView, HintView, ReportLineView, ReportView,
    ZSummaryView,
};
use crate::{Effects, OPEN_DRAWER, Shop, Till, amount, check_text, shop};

/// Z reports in the list.
const REPORTS_MAX: u32 = 1_000;
/// Characters of a reason or a note.
const REASON_MAX: usize = 200;
/// A count and one recount.
const COUNTS_MAX: usize = 2;

// ---- the audit ----

/// The books added up a second way, from the entries alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Sales that were looked at.
    pub sales: i64,
    /// Refunds that were looked at.
    pub refunds: i64,
    /// The first thing that does not agree, and where.
    pub differs: Option<String>,
}

/// What does not add up in a sale.
fn sale_differs(sale: &CommittedSale) -> Result<Option<&'static str>, MoneyError> {
    let currency = sale.currency();
    let lines = Money::sum(sale.lines.iter().map(|l| l.figures.total), currency)?;
    let taxes = Money::sum(sale.taxes.iter().map(|t| t.amount), currency)?;
    let tendered = Money::sum(sale.tenders.iter().map(|t| t.amount), currency)?;
    Ok(if lines != sale.total {
        Some("its lines are not its total")
    } else if sale.net.checked_add(sale.tax)? != sale.total {
        Some("net and tax are not its total")
    } else if taxes != sale.tax {
        Some("its taxes by rate are not its tax")
    } else if tendered.checked_sub(sale.change)? != sale.total.checked_add(sale.cash_rounding)? {
        Some("its tenders are not its total")
    } else {
        None
    })
}

/// What does not add up in a refund.
fn refund_differs(refund: &CommittedRefund) -> Result<Option<&'static str>, MoneyError> {
    let currency = refund.total.currency();
    let lines = Money::sum(refund.lines.iter().map(|l| l.total), currency)?;
    let parts = Money::sum(refund.parts.iter().map(|p| p.amount), currency)?;
    Ok(if lines != refund.total {
        Some("its lines are not its total")
    } else if parts != refund.total.checked_add(refund.cash_rounding)? {
        Some("what went back is not its total")
    } else {
        None
    })
}

impl Audit {
    /// Adds up every sale and refund by itself, and their sums against `totals`,
    /// with none of the code that made `totals`.
    fn of(totals: &ShiftTotals, entries: &[Entry]) -> Result<Self, MoneyError> {
        let zero = Money::zero(totals.currency);
        let mut audit = Self {
            sales: 0,
            refunds: 0,
            differs: None,
        };
        let (mut sold, mut refunded, mut moved, mut rounding) = (zero, zero, zero, zero);
        let mut expected_receipt = None;
        for entry in entries {
            let (receipt, differs) =
                if let JournalEvent::SaleCommitted { receipt, sale } = &entry.event {
                    audit.sales += 1;
                    sold = sold.checked_add(sale.total)?;
                    rounding = rounding.checked_add(sale.cash_rounding)?;
                    for tender in &sale.tenders {
                        moved = moved.checked_add(tender.amount)?;
                    }
                    moved = moved.checked_sub(sale.change)?;
                    (*receipt, sale_differs(sale)?)
                } else if let JournalEvent::RefundCommitted { receipt, refund } = &entry.event {
                    audit.refunds += 1;
                    refunded = refunded.checked_add(refund.total)?;
                    rounding = rounding.checked_sub(refund.cash_rounding)?;
                    for part in &refund.parts {
                        moved = moved.checked_sub(part.amount)?;
                    }
                    (*receipt, refund_differs(refund)?)
                } else {
                    continue;
                };
            if expected_receipt.is_some_and(|n| n != receipt.number) {
                audit.note(|| format!("A receipt before {receipt} is missing"));
            }
            expected_receipt = Some(receipt.number + 1);
            if let Some(what) = differs {
                audit.note(|| format!("Receipt {receipt}: {what}"));
            }
        }
        let mut tenders = zero;
        for tally in totals.tenders.values() {
            tenders = tenders
                .checked_add(tally.taken.amount)?
                .checked_sub(tally.refunded.amount)?;
        }
        for (what, agrees) in [
            (
                "The sales",
                sold == totals.sales.amount && audit.sales == totals.sales.count,
            ),
            (
                "The refunds",
                refunded == totals.refunds.amount && audit.refunds == totals.refunds.count,
            ),
            ("Cash rounding", rounding == totals.rounding),
            ("The tenders", moved == tenders && totals.balances()?),
        ] {
            if !agrees {
                audit.note(|| format!("{what} of the report and of the journal differ"));
            }
        }
        Ok(audit)
    }

    /// Keeps the first finding: what follows is often the same fault.
    fn note(&mut self, what: impl FnOnce() -> String) {
        if self.differs.is_none() {
            self.differs = Some(what());
        }
    }

    /// Everything adds up.
    #[must_use]
    pub const fn agrees(&self) -> bool {
        self.differs.is_none()
    }

    /// "Books agree.", or what does not.
    #[must_use]
    pub fn verdict(&self) -> String {
        match &self.differs {
            None => "Books agree.".into(),
            Some(what) => format!("Books do not agree. {what}."),
        }
    }
}

// ---- a shift, added up ----

/// A shift added up, for a screen or for paper.
#[derive(Debug)]
pub(crate) struct Summary {
    pub number: ShiftNumber,
    /// When, and by whom.
    pub opened: (Timestamp, UserId),
    /// The close, or now.
    pub to: Timestamp,
    pub totals: ShiftTotals,
    pub audit: Audit,
    /// Card money at the shop's risk, at `to`.
    pub pending: Pending,
    /// Card money that was not had, at `to`: a person must decide.
    pub owed: Tally,
    pub deposits_charged: Tally,
    pub deposits_returned: Tally,
    /// Takings by hour of the day, in the shop's zone.
    hours: Vec<Money>,
    /// Taken at risk in this shift and charged in it.
    settled: Tally,
    /// Given back on cards that were taken at risk and had been charged.
    refunds_of_settled: Tally,
    /// None for an X.
    pub closing: Option<Closing>,
}

/// The end of a shift.
#[derive(Debug, Clone)]
pub(crate) struct Closing {
    pub by: UserId,
    pub expected: Money,
    pub counted: Money,
    pub next_float: Money,
    pub note: String,
    /// None while it is only looked at.
    pub sealed: Option<Sealed>,
}

/// What only a closed shift has.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    /// Takings since the first shift.
    pub grand_total: Money,
    pub plus: Money,
    pub minus: Money,
    /// Entries before the closing one.
    pub entries: i64,
    /// Hash of the last of them, hexadecimal.
    pub head: String,
    /// The same on the Z before.
    pub previous_head: Option<String>,
}

fn tally(zero: Money) -> Tally {
    Tally {
        count: 0,
        amount: zero,
    }
}

fn count_in(tally: &mut Tally, amount: Money) -> Result<(), MoneyError> {
    tally.count += 1;
    tally.amount = tally.amount.checked_add(amount)?;
    Ok(())
}

fn tally_less(whole: Tally, part: Tally) -> Result<Tally, MoneyError> {
    Ok(Tally {
        count: whole.count - part.count,
        amount: whole.amount.checked_sub(part.amount)?,
    })
}

fn tally_more(whole: Tally, part: Tally) -> Result<Tally, MoneyError> {
    Ok(Tally {
        count: whole.count + part.count,
        amount: whole.amount.checked_add(part.amount)?,
    })
}

/// The sales that refunds among `entries` go back to.
fn refunded_sales(
    tx: &Tx<'_>,
    entries: &[Entry],
) -> Result<HashMap<SaleId, CommittedSale>, AppError> {
    let mut wanted = HashSet::new();
    for entry in entries {
        if let JournalEvent::RefundCommitted { refund, .. } = &entry.event {
            wanted.insert(refund.sale);
        }
    }
    let mut sales = HashMap::new();
    for entry in entries {
        if let JournalEvent::SaleCommitted { sale, .. } = &entry.event
            && wanted.remove(&sale.id)
        {
            sales.insert(sale.id, (**sale).clone());
        }
    }
    for id in wanted {
        if let Some(row) = tx.sale(id)? {
            sales.insert(id, *sale_at(tx, row.seq)?.1);
        }
    }
    Ok(sales)
}

/// What the charges that moved among `entries` come to now.
fn amounts_now(
    tx: &Tx<'_>,
    shop: &Shop,
    entries: &[Entry],
) -> Result<HashMap<TenderId, Money>, AppError> {
    let mut amounts = HashMap::new();
    for entry in entries {
        if let JournalEvent::ChargeMoved { tender, .. } = &entry.event
            && !amounts.contains_key(tender)
            && let Some(charge) = tx.charge(*tender)?
        {
            let amount = Money::from_minor(charge.amount_minor, shop.currency());
            amounts.insert(*tender, amount);
        }
    }
    Ok(amounts)
}

fn owed_now(tx: &Tx<'_>, shop: &Shop) -> Result<Tally, AppError> {
    let mut owed = tally(shop.zero());
    for charge in tx.charges_that_need_a_person()? {
        if charge.at_risk && charge.amount_minor > 0 {
            count_in(
                &mut owed,
                Money::from_minor(charge.amount_minor, shop.currency()),
            )?;
        }
    }
    Ok(owed)
}

impl Summary {
    /// Adds up a shift. What waits and what is owed the caller knows, now or then.
    fn of(
        tx: &Tx<'_>,
        shop: &Shop,
        shift: &ShiftRow,
        entries: &[Entry],
        amounts: &HashMap<TenderId, Money>,
        (to, pending, owed): (Timestamp, Pending, Tally),
    ) -> Result<Self, AppError> {
        let zero = shop.zero();
        let sales = refunded_sales(tx, entries)?;
        let amount_of = |tender: TenderId| amounts.get(&tender).copied();
        let totals = ShiftTotals::fold(shop.currency(), entries, amount_of, |id| {
            sales.get(&id).cloned()
        })?;
        let mut sums = Self {
            number: shift.number,
            opened: (shift.opened_at, shift.opened_by),
            to,
            audit: Audit::of(&totals, entries)?,
            totals,
            pending,
            owed,
            deposits_charged: tally(zero),
            deposits_returned: tally(zero),
            hours: vec![zero; 24],
            settled: tally(zero),
            refunds_of_settled: tally(zero),
            closing: None,
        };
        let mut at_risk = HashSet::new();
        for entry in entries {
            if let JournalEvent::SaleCommitted { sale, .. } = &entry.event {
                sums.took(shop, entry.at, sale.total)?;
                for sold in sale.lines.iter().filter(|l| l.line.deposit_of.is_some()) {
                    count_in(&mut sums.deposits_charged, sold.figures.total)?;
                }
                at_risk.extend(
                    sale.tenders
                        .iter()
                        .filter(|t| ReportTender::of(t) == ReportTender::CardAtRisk)
                        .map(|t| t.id),
                );
            } else if let JournalEvent::RefundCommitted { refund, .. } = &entry.event {
                sums.took(shop, entry.at, refund.total.negated())?;
                if let Some(sale) = sales.get(&refund.sale) {
                    sums.gave_back(sale, refund)?;
                }
            }
        }
        for entry in entries {
            if let JournalEvent::ChargeMoved {
                tender,
                to: ChargeState::Succeeded,
                ..
            } = &entry.event
                && at_risk.contains(tender)
            {
                count_in(&mut sums.settled, amount_of(*tender).unwrap_or(zero))?;
            }
        }
        Ok(sums)
    }

    fn took(&mut self, shop: &Shop, at: Timestamp, amount: Money) -> Result<(), MoneyError> {
        if let Some(hour) = self.hours.get_mut(hour_of_day(shop, at)) {
            *hour = hour.checked_add(amount)?;
        }
        Ok(())
    }

    fn gave_back(
        &mut self,
        sale: &CommittedSale,
        refund: &CommittedRefund,
    ) -> Result<(), MoneyError> {
        for line in &refund.lines {
            let sold = sale.lines.iter().find(|l| l.line.id == line.line);
            if sold.is_some_and(|l| l.line.deposit_of.is_some()) {
                count_in(&mut self.deposits_returned, line.total)?;
            }
        }
        for part in &refund.parts {
            let of = sale.tenders.iter().find(|t| Some(t.id) == part.tender);
            if part.how == GiveBack::StripeRefund
                && of.is_some_and(|t| ReportTender::of(t) == ReportTender::CardAtRisk)
            {
                count_in(&mut self.refunds_of_settled, part.amount)?;
            }
        }
        Ok(())
    }

    /// The open shift, up to now.
    fn open(
        tx: &Tx<'_>,
        shop: &Shop,
        shift: &ShiftRow,
        entries: &[Entry],
        now: Timestamp,
    ) -> Result<Self, AppError> {
        let amounts = amounts_now(tx, shop, entries)?;
        let then = (now, exposure(tx, shop, now)?, owed_now(tx, shop)?);
        Self::of(tx, shop, shift, entries, &amounts, then)
    }

    /// A closed shift, as it was when it closed.
    fn closed(
        tx: &Tx<'_>,
        shop: &Shop,
        shift: &ShiftRow,
        entries: &[Entry],
    ) -> Result<Self, AppError> {
        let entry = entries
            .last()
            .ok_or_else(|| AppError::internal("a closed shift without entries"))?;
        let JournalEvent::ShiftClosed {
            expected,
            counted,
            next_float,
            note,
            by,
            grand_total,
            pending,
            ..
        } = &entry.event
        else {
            return Err(AppError::internal(
                "a closed shift that does not end with its close",
            ));
        };
        let ledger = Ledger::up_to(tx, shop, entry.seq)?;
        let amounts = ledger
            .charges
            .iter()
            .map(|(tender, charge)| (*tender, charge.amount))
            .collect();
        let then = (entry.at, *pending, ledger.owed()?);
        let mut sums = Self::of(tx, shop, shift, entries, &amounts, then)?;
        if ledger.plus.checked_sub(ledger.minus)? != *grand_total {
            sums.audit
                .note(|| "The grand total and the journal's first entry on differ".into());
        }
        let waiting = ledger.waiting()?;
        if waiting.amount != pending.amount || waiting.count != i64::from(pending.count) {
            sums.audit
                .note(|| "The cards that wait and the journal differ".into());
        }
        sums.closing = Some(Closing {
            by: *by,
            expected: *expected,
            counted: *counted,
            next_float: *next_float,
            note: note.clone(),
            sealed: Some(Sealed {
                grand_total: *grand_total,
                plus: ledger.plus,
                minus: ledger.minus,
                entries: entry.seq - 1,
                head: ledger.head,
                previous_head: ledger.previous_head,
            }),
        });
        Ok(sums)
    }

    fn kind(&self, kind: ReportTender) -> TenderTally {
        let zero = tally(Money::zero(self.totals.currency));
        self.totals
            .tenders
            .get(&kind)
            .copied()
            .unwrap_or(TenderTally {
                taken: zero,
                refunded: zero,
            })
    }

    /// By hand on a stand-alone machine.
    pub fn external_terminal(&self) -> TenderTally {
        self.kind(ReportTender::ExternalTerminal)
    }

    /// Cards that have been charged: at the counter, or later in this shift.
    pub fn card_settled(&self) -> Result<TenderTally, MoneyError> {
        let charged = self.kind(ReportTender::CardCharged);
        Ok(TenderTally {
            taken: tally_more(charged.taken, self.settled)?,
            refunded: tally_more(charged.refunded, self.refunds_of_settled)?,
        })
    }

    /// Cards taken at risk in this shift that it ended without having charged.
    pub fn card_waiting(&self) -> Result<TenderTally, MoneyError> {
        let at_risk = self.kind(ReportTender::CardAtRisk);
        Ok(TenderTally {
            taken: tally_less(at_risk.taken, self.settled)?,
            refunded: tally_less(at_risk.refunded, self.refunds_of_settled)?,
        })
    }

    /// What a sale came to, one with another.
    pub fn average(&self) -> Result<Money, MoneyError> {
        let sales = self.totals.sales;
        if sales.count == 0 {
            return Ok(sales.amount);
        }
        let exact = sales.amount.to_decimal() / Decimal::from(sales.count);
        Money::rounded(exact, sales.amount.currency(), HALF_UP)
    }
}

// ---- the journal from its first entry ----

/// A charge, as far as the books know it.
#[derive(Debug)]
struct LedgerCharge {
    amount: Money,
    at_risk: bool,
    state: ChargeState,
}

/// What all shifts up to a closing entry left behind, read from the journal's
/// own text: neither projections nor totals have a part in it.
#[derive(Debug)]
struct Ledger {
    /// Everything sold.
    plus: Money,
    /// Everything refunded.
    minus: Money,
    /// Hash before the last closing entry, and before the one before that.
    head: String,
    previous_head: Option<String>,
    charges: HashMap<TenderId, LedgerCharge>,
}

/// The only things of a sale that a ledger needs: most of a journal is lines.
#[derive(Deserialize)]
struct LedgerSale {
    sale: LedgerTotal,
}

#[derive(Deserialize)]
struct LedgerTotal {
    total: Money,
}

#[derive(Deserialize)]
struct LedgerRefund {
    refund: LedgerRefundBody,
}

#[derive(Deserialize)]
struct LedgerRefundBody {
    total: Money,
    parts: Vec<RefundPart>,
}

impl Ledger {
    fn up_to(tx: &Tx<'_>, shop: &Shop, seq: i64) -> Result<Self, AppError> {
        let mut ledger = Self {
            plus: shop.zero(),
            minus: shop.zero(),
            head: String::new(),
            previous_head: None,
            charges: HashMap::new(),
        };
        tx.journal_lines(|line| {
            if line.seq <= seq {
                ledger.add(line)?;
            }
            Ok(())
        })?;
        Ok(ledger)
    }

    fn add(&mut self, line: JournalLine) -> Result<(), StoreError> {
        let seq = line.seq;
        let broken = |what| StoreError::Broken { seq, what };
        let sum = |_: MoneyError| broken("its amounts cannot be added up");
        let shape = |_: serde_json::Error| broken("its bytes are of no known shape");
        match line.kind.as_str() {
            "sale_committed" => {
                let read: LedgerSale = serde_json::from_str(&line.body).map_err(shape)?;
                self.plus = self.plus.checked_add(read.sale.total).map_err(sum)?;
            }
            "refund_committed" => {
                let read: LedgerRefund = serde_json::from_str(&line.body).map_err(shape)?;
                self.minus = self.minus.checked_add(read.refund.total).map_err(sum)?;
                for part in &read.refund.parts {
                    if let (GiveBack::LowerCharge, Some(tender)) = (part.how, part.tender) {
                        self.lower(tender, part.amount).map_err(sum)?;
                    }
                }
            }
            "charge_requested" | "charge_moved" | "charge_lowered" => {
                self.charge(&line.event()?).map_err(sum)?;
            }
            "shift_closed" => {
                let before = std::mem::replace(&mut self.head, line.prev_hash);
                self.previous_head = Some(before).filter(|h| !h.is_empty());
            }
            _ => {}
        }
        Ok(())
    }

    fn charge(&mut self, event: &JournalEvent) -> Result<(), MoneyError> {
        if let JournalEvent::ChargeRequested {
            tender,
            amount,
            at_risk,
            ..
        } = event
        {
            self.charges.insert(
                *tender,
                LedgerCharge {
                    amount: *amount,
                    at_risk: *at_risk,
                    state: ChargeState::Queued,
                },
            );
        } else if let JournalEvent::ChargeMoved { tender, to, .. } = event {
            if let Some(charge) = self.charges.get_mut(tender) {
                charge.state = *to;
            }
        } else if let JournalEvent::ChargeLowered { tender, by } = event {
            self.lower(*tender, *by)?;
        }
        Ok(())
    }

    fn lower(&mut self, tender: TenderId, by: Money) -> Result<(), MoneyError> {
        if let Some(charge) = self.charges.get_mut(&tender) {
            charge.amount = charge.amount.checked_sub(by)?;
        }
        Ok(())
    }

    fn sum(&self, which: impl Fn(&LedgerCharge) -> bool) -> Result<Tally, MoneyError> {
        let mut sum = tally(Money::zero(self.plus.currency()));
        for charge in self.charges.values().filter(|c| c.at_risk && which(c)) {
            count_in(&mut sum, charge.amount)?;
        }
        Ok(sum)
    }

    fn owed(&self) -> Result<Tally, MoneyError> {
        self.sum(|c| c.state.needs_a_person() && c.amount.is_positive())
    }

    fn waiting(&self) -> Result<Tally, MoneyError> {
        self.sum(|c| c.state.is_waiting())
    }
}

// ---- views ----

fn line_view(label: impl Into<String>, count: Option<i64>, amount: Money) -> ReportLineView {
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
        ("External terminal", sums.external_terminal()),
        ("Card, not yet charged", sums.card_waiting()?),
    ] {
        if t.taken.count != 0 || t.refunded.count != 0 {
            let net = t.taken.amount.checked_sub(t.refunded.amount)?;
            views.push(line_view(label, Some(t.taken.count), net));
        }
    }
    Ok(views)
}

fn report_view(
    shop: &Shop,
    sums: &Summary,
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

fn open_shift(tx: &Tx<'_>) -> Result<ShiftRow, AppError> {
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

/// The counts that still count: cash has not moved since.
fn counts(entries: &[Entry], expected_now: Money) -> Vec<Money> {
    let mut counts = Vec::new();
    for entry in entries {
        if let JournalEvent::DrawerCounted {
            counted, expected, ..
        } = &entry.event
            && *expected == expected_now
        {
            counts.push(*counted);
        }
    }
    counts
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
            let counts = counts(&entries, sums.totals.expected_cash()?);
            Ok(CountView {
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
            Ok::<_, AppError>(counts(&entries, sums.totals.expected_cash()?).len())
        })?;
        if made == 0 || made >= COUNTS_MAX {
            return Err(ErrorCode::NotNow.into());
        }
        self.count_view(session)
    }

    /// Writes down what is in the drawer, and tells what should be.
    ///
    /// # Errors
    /// A note or coin that is not the shop's; [`ErrorCode::NotNow`] for a third
    /// count while no cash has moved.
    pub fn count(&self, session: &Session, pieces: &[CountInput]) -> Result<CompareView, AppError> {
        let now = self.now();
        self.store()?.write(|tx| {
            let shop = shop(tx)?;
            let shift = open_shift(tx)?;
            let counted = counted_sum(pieces, &shop)?;
            let mut entries = tx.entries_of_shift(shift.number)?;
            let mut sums = Summary::open(tx, &shop, &shift, &entries, now)?;
            let expected = sums.totals.expected_cash()?;
            let made = counts(&entries, expected).len();
            if made >= COUNTS_MAX {
                return Err(AppError::from(ErrorCode::NotNow));
            }
            entries.push(tx.append(
                JournalEvent::DrawerCounted {
                    counted,
                    expected,
                    by: session.user().id,
                },
                now,
            )?);
            let difference = counted.checked_sub(expected)?;
            sums.closing = Some(Closing {
                by: session.user().id,
                expected,
                counted,
                next_float: usual_float(&sums.totals, counted),
                note: String::new(),
                sealed: None,
            });
            let preview = shift_document(tx, &shop, &sums, Copy::Original)?;
            Ok(CompareView {
                why: why(&shop, &sums)?,
                expected: money(expected),
                counted: money(counted),
                difference: money(difference),
                hints: hints(tx, &shop, &entries, difference)?,
                can_recount: made + 1 < COUNTS_MAX && !difference.is_zero(),
                needs_manager: over_threshold(difference, &shop)
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
        let note = note.trim();
        if !note.is_empty() {
            check_text(note, REASON_MAX)?;
        }
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
            let counted = *counts(&entries, expected)
                .last()
                .ok_or(ErrorCode::NotCounted)?;
            let difference = counted.checked_sub(expected)?;
            let approval = allowed(session, approval, over_threshold(difference, &shop), note)?;
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
                },
                now,
            )?);
            let sums = Summary::closed(tx, &shop, &shift, &entries)?;
            if let Some(what) = &sums.audit.differs {
                tracing::error!(shift = shift.number.0, what, "the books do not agree");
            }
            let document = shift_document(tx, &shop, &sums, Copy::Original)?;
            let paper = print(&document)?;
            let view = report_view(&shop, &sums, paper.text.clone(), None)?;
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

    fn z_name(number: i64) -> String {
        format!("z-{number:06}.pdf")
    }

    fn write_z(&self, number: i64, bytes: &[u8]) -> Result<PathBuf, AppError> {
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
            let shift = open_shift(tx)?;
            let entries = tx.entries_of_shift(shift.number)?;
            let sums = Summary::open(tx, &shop, &shift, &entries, now)?;
            let document = shift_document(tx, &shop, &sums, Copy::Original)?;
            report_view(&shop, &sums, print(&document)?.text, None)
        })
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
            report_view(&shop, &sums, print(&document)?.text, file)
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

    // ---- the journal ----

    /// Verifies the journal from its first entry.
    ///
    /// # Errors
    /// [`ErrorCode::JournalBroken`], with the first entry that does not verify.
    pub fn journal_verify(&self) -> Result<JournalHead, AppError> {
        let head = self.store()?.read(|tx| tx.verify_chain())?;
        Ok(JournalHead {
            entries: head.seq,
            head: head.short(),
        })
    }

    /// Writes the journal as JSON Lines; gives how many.
    ///
    /// # Errors
    /// What the store says; a file that cannot be written.
    pub fn journal_export(&self, out: &mut dyn Write) -> Result<i64, AppError> {
        let mut lines = 0;
        let mut failed = None;
        let read = self.store()?.read(|tx| {
            tx.journal_lines(|line| {
                let written = serde_json::to_string(&line)
                    .map_err(std::io::Error::from)
                    .and_then(|text| writeln!(out, "{text}"));
                if let Err(error) = written {
                    failed = Some(error);
                    // Ends the reading; what is reported is `failed`.
                    return Err(StoreError::Corrupt { what: "export" });
                }
                lines += 1;
                Ok(())
            })
        });
        match failed {
            Some(error) => Err(unwritten(error)),
            None => {
                read?;
                out.flush().map_err(unwritten)?;
                Ok(lines)
            }
        }
    }

    /// Makes everything that follows from the journal again, and says what was
    /// not as the journal has it.
    ///
    /// # Errors
    /// What the store says.
    pub fn journal_rebuild(&self) -> Result<Rebuilt, AppError> {
        Ok(self.store()?.write(|tx| tx.rebuild())?)
    }
}

/// The end of a journal that verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalHead {
    /// Entries.
    pub entries: i64,
    /// Hash of the last, shortened for people: "5C0E-77B1-D24A".
    pub head: String,
}

fn over_threshold(difference: Money, shop: &Shop) -> bool {
    difference.abs().minor() > shop.difference_threshold.minor()
}

/// Takings of all shifts that are closed.
fn grand_total(tx: &Tx<'_>, shop: &Shop) -> Result<Money, AppError> {
    match tx.closed_shifts(1)?.first().and_then(|s| s.closed) {
        Some((_, seq)) => grand_total_at(tx, seq),
        None => Ok(shop.zero()),
    }
}

fn grand_total_at(tx: &Tx<'_>, seq: i64) -> Result<Money, AppError> {
    if let JournalEvent::ShiftClosed { grand_total, .. } = tx.entry(seq)?.event {
        Ok(grand_total)
    } else {
        Err(AppError::internal("a close that is none"))
    }
}

/// The grand total of the shift before `number`.
fn closed_before(tx: &Tx<'_>, number: ShiftNumber) -> Result<Option<Money>, AppError> {
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
