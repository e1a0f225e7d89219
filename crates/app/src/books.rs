//! The books of a shift: its journal entries added up, and added up a second way.
//!
//! Invariants:
//! - a figure of a report is a fold over journal entries; none is kept beside them;
//! - a closed shift looked at later says what it said at the close.

use std::collections::{HashMap, HashSet};

use rust_decimal::Decimal;
use serde::Deserialize;
use till_domain::charge::ChargeState;
use till_domain::ids::{SaleId, ShiftNumber, TenderId, Timestamp, UserId};
use till_domain::journal::{Entry, ForeignCount, JournalEvent, Pending};
use till_domain::money::{HALF_UP, Money, MoneyError};
use till_domain::outcome::CardOutcomes;
use till_domain::refund::{CommittedRefund, GiveBack, RefundPart};
use till_domain::report::{ReportTender, ShiftTotals, Tally, TenderTally};
use till_domain::sale::{CommittedSale, Tender, TenderKind};
use till_domain::settle::{Surplus, worth};
use till_store::{JournalLine, ShiftRow, StoreError, Tx};

use crate::Shop;
use crate::error::AppError;
use crate::figures::hour_of_day;
use crate::outbox::exposure;
use crate::sale::sale_at;

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
    let misjudged = |t: &Tender| match &t.kind {
        TenderKind::ForeignCash { given, rate } => {
            worth(*given, *rate, currency).ok() != Some(t.amount)
        }
        TenderKind::Voucher { worth, surplus, .. } => {
            *surplus == Surplus::Change && *worth != t.amount || worth.minor() < t.amount.minor()
        }
        TenderKind::Cash | TenderKind::ExternalTerminal { .. } | TenderKind::Card { .. } => false,
    };
    Ok(if sale.tenders.iter().any(misjudged) {
        Some("a tender of it counts for another sum than it is worth")
    } else if lines != sale.total {
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
        let mut tips = zero;
        let mut foreign: HashMap<&str, Money> = HashMap::new();
        let mut expected_receipt = None;
        for entry in entries {
            let (receipt, differs) =
                if let JournalEvent::SaleCommitted { receipt, sale } = &entry.event {
                    audit.sales += 1;
                    sold = sold.checked_add(sale.total)?;
                    rounding = rounding.checked_add(sale.cash_rounding)?;
                    for tender in &sale.tenders {
                        moved = moved.checked_add(tender.with_tip()?)?;
                        tips = tips.checked_add(tender.tip().unwrap_or(zero))?;
                        if let TenderKind::ForeignCash { given, .. } = tender.kind {
                            let sum = foreign.entry(given.currency().code());
                            let sum = sum.or_insert(Money::zero(given.currency()));
                            *sum = sum.checked_add(given)?;
                        }
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
            ("Tips", tips == totals.tips.amount),
            ("The tenders", moved == tenders && totals.balances()?),
            (
                "Notes of other currencies",
                foreign.len() == totals.foreign.len()
                    && totals
                        .foreign
                        .iter()
                        .all(|(code, f)| foreign.get(code) == Some(&f.given.amount)),
            ),
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
    /// What became of the cards that were taken at risk.
    pub outcomes: CardOutcomes,
    /// Card money at the shop's risk, at `to`.
    pub pending: Pending,
    /// Card money that was not had, at `to`: a person must decide.
    pub owed: Tally,
    pub deposits_charged: Tally,
    pub deposits_returned: Tally,
    /// Takings by hour of the day, in the shop's zone.
    pub hours: Vec<Money>,
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
    /// Notes of other currencies.
    pub foreign: Vec<ForeignCount>,
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

/// A charge of whichever shift, as it stood at the end of the one that is summed up.
#[derive(Debug, Clone, Copy)]
struct Known {
    amount: Money,
    /// It was accepted before it was charged.
    at_risk: bool,
    /// Its debt was paid in cash.
    paid: bool,
}

type Amounts = HashMap<TenderId, Known>;

/// The charges that `entries` tell of, as they stand now.
fn amounts_now(tx: &Tx<'_>, shop: &Shop, entries: &[Entry]) -> Result<Amounts, AppError> {
    let mut amounts = HashMap::new();
    for entry in entries {
        if let JournalEvent::ChargeMoved { tender, .. } | JournalEvent::DebtPaid { tender, .. } =
            &entry.event
            && !amounts.contains_key(tender)
            && let Some(charge) = tx.charge(*tender)?
        {
            let known = Known {
                amount: Money::from_minor(charge.amount_minor, shop.currency()),
                at_risk: charge.at_risk,
                paid: charge.debt_paid,
            };
            amounts.insert(*tender, known);
        }
    }
    Ok(amounts)
}

fn owed_now(tx: &Tx<'_>, shop: &Shop) -> Result<Tally, AppError> {
    let mut owed = tally(shop.zero());
    for charge in tx.charges_that_need_a_person(u32::MAX)? {
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
        amounts: &Amounts,
        (to, pending, owed): (Timestamp, Pending, Tally),
    ) -> Result<Self, AppError> {
        let zero = shop.zero();
        let sales = refunded_sales(tx, entries)?;
        let amount_of = |tender: TenderId| amounts.get(&tender).map(|known| known.amount);
        let (mut charged, mut paid_here) = (HashSet::new(), HashSet::new());
        for entry in entries {
            if let JournalEvent::ChargeMoved {
                tender,
                to: ChargeState::Succeeded,
                ..
            } = &entry.event
            {
                charged.insert(*tender);
            } else if let JournalEvent::DebtPaid { tender, .. } = &entry.event {
                paid_here.insert(*tender);
            }
        }
        // What was paid in cash before was told by the shift that took the cash.
        let at_risk = |tender: TenderId| {
            let known = amounts
                .get(&tender)
                .filter(|known| known.at_risk && (!known.paid || paid_here.contains(&tender)));
            known.map(|known| known.amount)
        };
        let totals = ShiftTotals::fold(shop.currency(), entries, |id| sales.get(&id).cloned())?;
        let mut sums = Self {
            number: shift.number,
            opened: (shift.opened_at, shift.opened_by),
            to,
            audit: Audit::of(&totals, entries)?,
            totals,
            outcomes: CardOutcomes::fold(shop.currency(), entries, at_risk)?,
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
                    sums.gave_back(sale, refund, &charged)?;
                }
            }
        }
        for tender in charged.intersection(&at_risk) {
            count_in(&mut sums.settled, amount_of(*tender).unwrap_or(zero))?;
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
        charged: &HashSet<TenderId>,
    ) -> Result<(), MoneyError> {
        for line in &refund.lines {
            let sold = sale.lines.iter().find(|l| l.line.id == line.line);
            if sold.is_some_and(|l| l.line.deposit_of.is_some()) {
                count_in(&mut self.deposits_returned, line.total)?;
            }
        }
        for part in &refund.parts {
            let of = sale.tenders.iter().find(|t| Some(t.id) == part.tender);
            let of_settled = match part.how {
                GiveBack::StripeRefund => true,
                // It was not known then, and is now.
                GiveBack::WhenKnown => part.tender.is_some_and(|t| charged.contains(&t)),
                GiveBack::Cash
                | GiveBack::ExternalTerminal
                | GiveBack::Voucher
                | GiveBack::LowerCharge => false,
            };
            if of_settled && of.is_some_and(|t| ReportTender::of(t) == ReportTender::CardAtRisk) {
                count_in(&mut self.refunds_of_settled, part.amount)?;
            }
        }
        Ok(())
    }

    /// The open shift, up to now.
    pub fn open(
        tx: &Tx<'_>,
        shop: &Shop,
        shift: &ShiftRow,
        entries: &[Entry],
        now: Timestamp,
    ) -> Result<Self, AppError> {
        let amounts = amounts_now(tx, shop, entries)?;
        let then = (now, exposure(tx, shop)?, owed_now(tx, shop)?);
        Self::of(tx, shop, shift, entries, &amounts, then)
    }

    /// A closed shift, as it was when it closed.
    pub fn closed(
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
            foreign,
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
            .map(|(tender, charge)| {
                let known = Known {
                    amount: charge.amount,
                    at_risk: charge.at_risk,
                    paid: charge.paid,
                };
                (*tender, known)
            })
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
            foreign: foreign.clone(),
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

    /// Notes of other currencies, at what they were worth.
    pub fn foreign_cash(&self) -> TenderTally {
        self.kind(ReportTender::ForeignCash)
    }

    /// Vouchers, less what was lost of them.
    pub fn vouchers(&self) -> TenderTally {
        self.kind(ReportTender::Voucher)
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
    /// In cash instead.
    paid: bool,
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
            "charge_requested" | "charge_moved" | "charge_lowered" | "debt_paid" => {
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
                    paid: false,
                },
            );
        } else if let JournalEvent::ChargeMoved { tender, to, .. } = event {
            if let Some(charge) = self.charges.get_mut(tender) {
                charge.state = *to;
            }
        } else if let JournalEvent::ChargeLowered { tender, by } = event {
            self.lower(*tender, *by)?;
        } else if let JournalEvent::DebtPaid { tender, .. } = event
            && let Some(charge) = self.charges.get_mut(tender)
        {
            charge.paid = true;
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
        let open = |s: ChargeState| s.needs_a_person() || s == ChargeState::Canceled;
        self.sum(|c| !c.paid && open(c.state) && c.amount.is_positive())
    }

    fn waiting(&self) -> Result<Tally, MoneyError> {
        self.sum(|c| c.state.is_waiting())
    }
}

// ---- views ----
