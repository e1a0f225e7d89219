//! X and Z reports: folds over the journal entries of one shift.
//!
//! Invariant: net + tax + deposits + tips + rounding = the sum of the tenders, for any
//! set of sales and refunds ([`ShiftTotals::balances`]).

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::charge::ChargeState;
use crate::ids::{ReceiptNumber, Timestamp, UserId};
use crate::journal::{Entry, JournalEvent};
use crate::money::{Currency, Money, MoneyError};
use crate::promotion::taken_off;
use crate::refund::GiveBack;
use crate::sale::{SoldLine, Tender, TenderKind};

/// How many, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub count: i64,
    /// How much.
    pub amount: Money,
}

impl Tally {
    pub(crate) const fn zero(currency: Currency) -> Self {
        Self {
            count: 0,
            amount: Money::zero(currency),
        }
    }

    pub(crate) fn add(&mut self, amount: Money) -> Result<(), MoneyError> {
        self.count += 1;
        self.amount = self.amount.checked_add(amount)?;
        Ok(())
    }
}

/// One tax rate over a shift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaxTally {
    /// What sales were taxed on.
    pub base: Money,
    /// Tax of sales.
    pub tax: Money,
    /// What refunds were taxed on.
    pub refunded_base: Money,
    /// Tax of refunds.
    pub refunded_tax: Money,
}

/// What a kind of tender took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenderTally {
    /// Taken, change off.
    pub taken: Tally,
    /// Given back.
    pub refunded: Tally,
}

/// A kind of tender in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReportTender {
    /// Notes and coins.
    Cash,
    /// Charged by Stripe before the sale was completed.
    CardCharged,
    /// Accepted at the shop's risk.
    CardAtRisk,
    /// By hand on a stand-alone machine.
    ExternalTerminal,
    /// Notes of other currencies, at what they were worth; change for them is cash.
    ForeignCash,
    /// Vouchers, less what was lost of them; change for them is cash.
    Voucher,
}

impl ReportTender {
    /// Where a tender is counted.
    #[must_use]
    pub const fn of(tender: &Tender) -> Self {
        match tender.kind {
            TenderKind::Cash => Self::Cash,
            TenderKind::ForeignCash { .. } => Self::ForeignCash,
            TenderKind::Voucher { .. } => Self::Voucher,
            TenderKind::ExternalTerminal { .. } => Self::ExternalTerminal,
            TenderKind::Card { at_risk: true, .. } => Self::CardAtRisk,
            TenderKind::Card { at_risk: false, .. } => Self::CardCharged,
        }
    }
}

/// Notes of one other currency over a shift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForeignTally {
    /// Handed over, in that currency. None go back: change and refunds are in the
    /// shop's.
    pub given: Tally,
    /// What they were worth, at the rate of each sale.
    pub worth: Money,
}

/// A category over a shift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CategoryTally {
    /// Pieces and kilograms.
    pub quantity: Decimal,
    /// Worth, refunds off.
    pub amount: Money,
}

/// All totals of one shift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShiftTotals {
    /// The shop's currency.
    pub currency: Currency,
    /// When the shift opened and who opened it.
    pub opened: Option<(Timestamp, UserId)>,
    /// Cash at the opening.
    pub float: Money,
    /// First and last receipt.
    pub receipts: Option<(ReceiptNumber, ReceiptNumber)>,
    /// Sales before discounts.
    pub gross: Tally,
    /// What promotions took off, as positive amounts.
    pub promotions: Tally,
    /// Discounts on lines, as positive amounts; promotions are not among them.
    pub line_discounts: Tally,
    /// Discounts on sales, as positive amounts.
    pub sale_discounts: Tally,
    /// Sales.
    pub sales: Tally,
    /// Refunds, as positive amounts.
    pub refunds: Tally,
    /// By tax code and rate.
    pub taxes: BTreeMap<(String, Option<Decimal>), TaxTally>,
    /// Goods that no tax is charged on; deposits among them.
    pub deposits: Tally,
    /// Cash rounding, signed.
    pub rounding: Money,
    /// What customers added on card readers: in the tenders, and in no sale.
    pub tips: Tally,
    /// By category.
    pub categories: BTreeMap<String, CategoryTally>,
    /// By kind of tender.
    pub tenders: BTreeMap<ReportTender, TenderTally>,
    /// Notes of other currencies, by the currency's code.
    pub foreign: BTreeMap<&'static str, ForeignTally>,
    /// Vouchers' worth that was lost to customers.
    pub forfeited: Tally,
    /// Cash put in.
    pub paid_in: Vec<(Money, String)>,
    /// Cash taken out.
    pub paid_out: Vec<(Money, String)>,
    /// Times the drawer opened for neither, with reasons.
    pub no_sales: Vec<(Timestamp, String)>,
    /// Lines taken off.
    pub voided_lines: Tally,
    /// Sales undone.
    pub voided_sales: Tally,
    /// Prices changed by hand: how many, and how much less was asked.
    pub price_overrides: Tally,
    /// Approvals by a manager.
    pub approvals: i64,
    /// Wrong PINs.
    pub pin_refusals: i64,
    /// Debts of declined cards paid in cash.
    pub debts_paid: Tally,
    /// Refunds that failed at Stripe and were given in cash.
    pub refunds_paid: Tally,
    /// Charged tenders taken off open sales.
    pub tenders_returned: Tally,
    /// Units sold.
    pub units: Decimal,
    /// Takings by hour since the shift's first event, in the order of the hours.
    pub by_hour: BTreeMap<i64, Money>,
    /// Times the drawer was counted.
    pub counts: Vec<Money>,
    /// Receipts printed again.
    pub reprints: i64,
    /// Entries folded.
    pub entries: i64,
}

impl ShiftTotals {
    /// Nothing happened yet.
    #[must_use]
    pub const fn new(currency: Currency) -> Self {
        let zero = Tally::zero(currency);
        Self {
            currency,
            opened: None,
            float: Money::zero(currency),
            receipts: None,
            gross: zero,
            promotions: zero,
            line_discounts: zero,
            sale_discounts: zero,
            sales: zero,
            refunds: zero,
            taxes: BTreeMap::new(),
            deposits: zero,
            rounding: Money::zero(currency),
            tips: zero,
            categories: BTreeMap::new(),
            tenders: BTreeMap::new(),
            foreign: BTreeMap::new(),
            forfeited: zero,
            paid_in: Vec::new(),
            paid_out: Vec::new(),
            no_sales: Vec::new(),
            voided_lines: zero,
            voided_sales: zero,
            price_overrides: zero,
            approvals: 0,
            pin_refusals: 0,
            debts_paid: zero,
            refunds_paid: zero,
            tenders_returned: zero,
            units: Decimal::ZERO,
            by_hour: BTreeMap::new(),
            counts: Vec::new(),
            reprints: 0,
            entries: 0,
        }
    }

    /// Folds the entries of a shift. `sale_of` gives the sale that a refund goes back to.
    ///
    /// # Errors
    /// As [`Money::checked_add`].
    pub fn fold<'a>(
        currency: Currency,
        entries: impl IntoIterator<Item = &'a Entry>,
        sale_of: impl Fn(crate::ids::SaleId) -> Option<crate::sale::CommittedSale>,
    ) -> Result<Self, MoneyError> {
        let mut totals = Self::new(currency);
        for entry in entries {
            totals.add(entry, &sale_of)?;
        }
        Ok(totals)
    }

    fn tender(&mut self, kind: ReportTender) -> &mut TenderTally {
        let currency = self.currency;
        self.tenders.entry(kind).or_insert(TenderTally {
            taken: Tally::zero(currency),
            refunded: Tally::zero(currency),
        })
    }

    fn tax(&mut self, code: &str, rate: Option<Decimal>) -> &mut TaxTally {
        let zero = Money::zero(self.currency);
        self.taxes
            .entry((code.to_owned(), rate))
            .or_insert(TaxTally {
                base: zero,
                tax: zero,
                refunded_base: zero,
                refunded_tax: zero,
            })
    }

    fn receipt(&mut self, receipt: ReceiptNumber) {
        self.receipts = Some(match self.receipts {
            None => (receipt, receipt),
            Some((first, _)) => (first, receipt),
        });
    }

    fn category(
        &mut self,
        line: &SoldLine,
        quantity: Decimal,
        amount: Money,
    ) -> Result<(), MoneyError> {
        let zero = Money::zero(self.currency);
        let tally = self
            .categories
            .entry(line.line.category.clone())
            .or_insert(CategoryTally {
                quantity: Decimal::ZERO,
                amount: zero,
            });
        tally.quantity += quantity;
        tally.amount = tally.amount.checked_add(amount)?;
        Ok(())
    }

    /// What only tenders of some kinds are counted for.
    fn tendered(&mut self, tender: &Tender) -> Result<(), MoneyError> {
        match &tender.kind {
            TenderKind::ForeignCash { given, .. } => {
                let nothing = ForeignTally {
                    given: Tally::zero(given.currency()),
                    worth: Money::zero(self.currency),
                };
                let code = given.currency().code();
                let tally = self.foreign.entry(code).or_insert(nothing);
                tally.given.add(*given)?;
                tally.worth = tally.worth.checked_add(tender.amount)?;
            }
            TenderKind::Voucher { worth, .. } => {
                let lost = worth.checked_sub(tender.amount)?;
                if !lost.is_zero() {
                    self.forfeited.add(lost)?;
                }
            }
            TenderKind::Card {
                approval: Some(_), ..
            } => self.approvals += 1,
            TenderKind::Cash
            | TenderKind::ExternalTerminal { .. }
            | TenderKind::Card { approval: None, .. } => {}
        }
        Ok(())
    }

    fn add(
        &mut self,
        entry: &Entry,
        sale_of: &impl Fn(crate::ids::SaleId) -> Option<crate::sale::CommittedSale>,
    ) -> Result<(), MoneyError> {
        let currency = self.currency;
        let zero = Money::zero(currency);
        self.entries += 1;
        match &entry.event {
            JournalEvent::ShiftOpened { float, by } => {
                self.opened = Some((entry.at, *by));
                self.float = *float;
            }
            JournalEvent::SaleCommitted { receipt, sale } => {
                self.receipt(*receipt);
                let mut promotions = zero;
                let mut line_discount = zero;
                let mut sale_discount = zero;
                for sold in &sale.lines {
                    let f = &sold.figures;
                    let promoted = taken_off(&f.promotions, currency)?;
                    promotions = promotions.checked_add(promoted)?;
                    let by_hand = f.discount.checked_sub(promoted)?;
                    line_discount = line_discount.checked_add(by_hand)?;
                    sale_discount = sale_discount.checked_add(f.sale_discount)?;
                    if sold.line.deposit_of.is_some() {
                        self.deposits.add(f.total)?;
                    } else {
                        self.category(sold, sold.line.quantity, f.total)?;
                        self.units += sold.line.quantity;
                    }
                    if sold.line.price_by.is_some() {
                        let less =
                            (sold.line.list_price - sold.line.unit_price) * sold.line.quantity;
                        let less = Money::rounded(less, currency, crate::money::HALF_UP)?;
                        self.price_overrides.add(less)?;
                    }
                }
                let gross = sale
                    .total
                    .checked_add(promotions)?
                    .checked_add(line_discount)?
                    .checked_add(sale_discount)?;
                self.gross.add(gross)?;
                if !promotions.is_zero() {
                    self.promotions.add(promotions)?;
                }
                if !line_discount.is_zero() {
                    self.line_discounts.add(line_discount)?;
                }
                if !sale_discount.is_zero() {
                    self.sale_discounts.add(sale_discount)?;
                }
                self.sales.add(sale.total)?;
                for t in &sale.taxes {
                    let tally = self.tax(&t.code, t.rate);
                    tally.base = tally.base.checked_add(t.base)?;
                    tally.tax = tally.tax.checked_add(t.amount)?;
                }
                self.rounding = self.rounding.checked_add(sale.cash_rounding)?;
                for void in &sale.voided {
                    self.voided_lines.add(void.amount)?;
                }
                for tender in &sale.tenders {
                    self.tender(ReportTender::of(tender))
                        .taken
                        .add(tender.with_tip()?)?;
                    if let Some(tip) = tender.tip() {
                        self.tips.add(tip)?;
                    }
                    self.tendered(tender)?;
                }
                if !sale.change.is_zero() {
                    // Change is the shop's own notes and coins, whatever it is given for.
                    let cash = &mut self.tender(ReportTender::Cash).taken;
                    cash.amount = cash.amount.checked_sub(sale.change)?;
                }
                let hour = entry.at.0.div_euclid(3_600_000);
                let at = self.by_hour.entry(hour).or_insert(zero);
                *at = at.checked_add(sale.total)?;
            }
            JournalEvent::RefundCommitted { receipt, refund } => {
                self.receipt(*receipt);
                self.refunds.add(refund.total)?;
                self.rounding = self.rounding.checked_sub(refund.cash_rounding)?;
                if refund.approval.is_some() {
                    self.approvals += 1;
                }
                let sale = sale_of(refund.sale);
                for line in &refund.lines {
                    let sold = sale
                        .as_ref()
                        .and_then(|s| s.lines.iter().find(|l| l.line.id == line.line));
                    if let Some(sold) = sold {
                        if sold.line.deposit_of.is_some() {
                            self.deposits.amount = self.deposits.amount.checked_sub(line.total)?;
                        } else {
                            self.category(sold, -line.quantity, line.total.negated())?;
                        }
                    }
                    for t in &line.taxes {
                        let rate = sale.as_ref().and_then(|s| {
                            s.taxes
                                .iter()
                                .find(|x| x.code == t.code)
                                .and_then(|x| x.rate)
                        });
                        let tally = self.tax(&t.code, rate);
                        tally.refunded_base = tally.refunded_base.checked_add(t.base)?;
                        tally.refunded_tax = tally.refunded_tax.checked_add(t.amount)?;
                    }
                }
                for part in &refund.parts {
                    let kind = match part.how {
                        GiveBack::Cash => ReportTender::Cash,
                        GiveBack::ExternalTerminal => ReportTender::ExternalTerminal,
                        GiveBack::Voucher => ReportTender::Voucher,
                        GiveBack::StripeRefund | GiveBack::LowerCharge | GiveBack::WhenKnown => {
                            sale.as_ref()
                                .and_then(|s| s.tenders.iter().find(|t| Some(t.id) == part.tender))
                                .map_or(ReportTender::CardCharged, ReportTender::of)
                        }
                    };
                    self.tender(kind).refunded.add(part.amount)?;
                }
                let hour = entry.at.0.div_euclid(3_600_000);
                let at = self.by_hour.entry(hour).or_insert(zero);
                *at = at.checked_sub(refund.total)?;
            }
            // The other decisions about a charge take no PIN.
            JournalEvent::ChargeMoved {
                by: Some(_),
                to: ChargeState::WrittenOff,
                ..
            }
            | JournalEvent::RefundSettled { .. } => self.approvals += 1,
            JournalEvent::SaleVoided { lines, .. } => {
                let sum = Money::sum(lines.iter().map(|l| l.amount), currency)?;
                self.voided_sales.add(sum)?;
            }
            JournalEvent::TenderReturned { amount, .. } => self.tenders_returned.add(*amount)?,
            JournalEvent::DebtPaid { amount, .. } => self.debts_paid.add(*amount)?,
            JournalEvent::RefundPaid {
                amount, approval, ..
            } => {
                self.refunds_paid.add(*amount)?;
                if approval.is_some() {
                    self.approvals += 1;
                }
            }
            JournalEvent::PaidIn { amount, reason, .. } => {
                self.paid_in.push((*amount, reason.clone()));
            }
            JournalEvent::PaidOut {
                amount,
                reason,
                approval,
                ..
            } => {
                self.paid_out.push((*amount, reason.clone()));
                if approval.is_some() {
                    self.approvals += 1;
                }
            }
            JournalEvent::NoSale { reason, .. } => self.no_sales.push((entry.at, reason.clone())),
            JournalEvent::PinRefused { .. } => self.pin_refusals += 1,
            JournalEvent::DrawerCounted { counted, .. } => self.counts.push(*counted),
            JournalEvent::Reprinted { .. } => self.reprints += 1,
            // What became of cards at risk is added up in `outcome`.
            JournalEvent::ChargeRequested { .. }
            | JournalEvent::ChargeMoved { .. }
            | JournalEvent::ChargeLowered { .. }
            | JournalEvent::RefundMoved { .. }
            | JournalEvent::CustomerErased { .. }
            | JournalEvent::CustomerChanged { .. }
            | JournalEvent::CardSaved { .. }
            | JournalEvent::CardRemoved { .. }
            | JournalEvent::SettingsChanged { .. }
            | JournalEvent::StaffChanged { .. }
            | JournalEvent::CatalogueImported { .. }
            | JournalEvent::PromotionsImported { .. }
            | JournalEvent::DisputeMoved { .. }
            | JournalEvent::RefundElsewhere { .. }
            | JournalEvent::StripeConnected { .. }
            | JournalEvent::ShiftClosed { .. } => {}
        }
        Ok(())
    }

    /// What the shop took: sales less refunds.
    ///
    /// # Errors
    /// As [`Money::checked_add`].
    pub fn takings(&self) -> Result<Money, MoneyError> {
        self.sales.amount.checked_sub(self.refunds.amount)
    }

    /// Cash sales, change off; cash refunds.
    #[must_use]
    pub fn cash(&self) -> TenderTally {
        self.tenders
            .get(&ReportTender::Cash)
            .copied()
            .unwrap_or(TenderTally {
                taken: Tally::zero(self.currency),
                refunded: Tally::zero(self.currency),
            })
    }

    /// What should be in the drawer: float + cash sales − cash refunds + paid-in
    /// − paid-out + debts paid − failed refunds paid.
    ///
    /// # Errors
    /// As [`Money::checked_add`].
    pub fn expected_cash(&self) -> Result<Money, MoneyError> {
        let cash = self.cash();
        let sum =
            |list: &[(Money, String)]| Money::sum(list.iter().map(|(m, _)| *m), self.currency);
        self.float
            .checked_add(cash.taken.amount)?
            .checked_sub(cash.refunded.amount)?
            .checked_add(sum(&self.paid_in)?)?
            .checked_sub(sum(&self.paid_out)?)?
            .checked_add(self.debts_paid.amount)?
            .checked_sub(self.refunds_paid.amount)
    }

    /// Takings, tips and rounding: what the tenders come to, less what went back.
    ///
    /// # Errors
    /// As [`Money::checked_add`].
    pub fn tendered_in_all(&self) -> Result<Money, MoneyError> {
        self.takings()?
            .checked_add(self.tips.amount)?
            .checked_add(self.rounding)
    }

    /// [`Self::tendered_in_all`] is what the tenders say.
    ///
    /// # Errors
    /// As [`Money::checked_add`].
    pub fn balances(&self) -> Result<bool, MoneyError> {
        let mut tenders = Money::zero(self.currency);
        for t in self.tenders.values() {
            tenders = tenders
                .checked_add(t.taken.amount)?
                .checked_sub(t.refunded.amount)?;
        }
        Ok(tenders == self.tendered_in_all()?)
    }
}
