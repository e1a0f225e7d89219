//! Refunds: money given back against a committed sale.
//!
//! Invariants:
//! - never more of a line than was sold less what was returned;
//! - the parts of any sequence of refunds add up to the sale, by line, by tax and
//!   in total: each refund is worth the difference of two running values, and the
//!   running value of everything is everything;
//! - a returned unit is worth what was paid for it after every promotion and
//!   discount, taxed as it was sold; the odd cents of a line are in its last unit;
//! - never more to a tender than it paid;
//! - a charge that Stripe has not been told to make is lowered, not refunded.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::charge::ChargeState;
use crate::ids::{LineId, ReceiptNumber, RefundId, RefundPartId, SaleId, TenderId, UserId};
use crate::money::{HALF_UP, Money, MoneyError, RoundingStrategy};
use crate::quote::{LineTax, line_taxes};
use crate::sale::{Approval, CommittedSale, Pricing, SoldLine, Tender, TenderKind};

/// What was taken back of a line before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnedLine {
    /// The line.
    pub line: LineId,
    /// How much, over all refunds.
    pub quantity: Decimal,
}

/// What a tender of the sale can still give back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenderLeft {
    /// The tender.
    pub tender: TenderId,
    /// What it paid less what went back to it.
    pub left: Money,
    /// Where its charge stands; `None` for what Stripe does not charge.
    pub charge: Option<ChargeState>,
}

/// All that refunds of a sale depend on.
#[derive(Debug, Clone)]
pub struct SaleSoFar<'a> {
    /// The sale.
    pub sale: &'a CommittedSale,
    /// Lines returned before.
    pub returned: Vec<ReturnedLine>,
    /// Tenders other than cash, in the order they were taken.
    pub tenders: Vec<TenderLeft>,
    /// Cash that came after the sale for charges that failed. Those tenders are not in
    /// `tenders` any more: cash came for them, and cash goes back.
    pub debts_paid: Money,
    /// Cash that went back before.
    pub cash_returned: Money,
    /// Cash rounding in those refunds.
    pub refunded: Money,
}

/// How much of a line is to be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeBack {
    /// The line.
    pub line: LineId,
    /// How much.
    pub quantity: Decimal,
    /// Put back in stock.
    pub restock: bool,
}

/// A line of a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundedLine {
    /// The line of the sale.
    pub line: LineId,
    /// How much.
    pub quantity: Decimal,
    /// Put back in stock.
    pub restock: bool,
    /// Worth of it, tax in it.
    pub total: Money,
    /// Tax in it.
    pub taxes: Vec<LineTax>,
}

/// How money goes back to a tender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GiveBack {
    /// Out of the drawer.
    Cash,
    /// On the stand-alone card machine, by hand.
    ExternalTerminal,
    /// As a voucher written by hand: what was paid with one is no cash.
    Voucher,
    /// A refund at Stripe.
    StripeRefund,
    /// The charge has not been made: it is lowered by this much, or cancelled.
    LowerCharge,
    /// The charge may be on its way: refunded if it is made, not owed if it is not.
    WhenKnown,
}

/// A part of a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundPart {
    /// Id; Stripe's metadata carries it too.
    pub id: RefundPartId,
    /// Which tender; `None` for cash.
    pub tender: Option<TenderId>,
    /// How.
    pub how: GiveBack,
    /// How much.
    pub amount: Money,
}

/// What a refund would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundQuote {
    /// Lines.
    pub lines: Vec<RefundedLine>,
    /// Worth of the lines.
    pub total: Money,
    /// Tax in it.
    pub tax: Money,
    /// What cash rounding adds to what is given back.
    pub cash_rounding: Money,
    /// Where it goes: `(tender, how, amount)`.
    pub parts: Vec<(Option<TenderId>, GiveBack, Money)>,
}

/// A refund that is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommittedRefund {
    /// Id.
    pub id: RefundId,
    /// The sale.
    pub sale: SaleId,
    /// The sale's receipt.
    pub sale_receipt: ReceiptNumber,
    /// Lines.
    pub lines: Vec<RefundedLine>,
    /// Parts.
    pub parts: Vec<RefundPart>,
    /// Worth of the lines.
    pub total: Money,
    /// Tax in it.
    pub tax: Money,
    /// What cash rounding added.
    pub cash_rounding: Money,
    /// Why.
    pub reason: String,
    /// Who.
    pub cashier: UserId,
    /// Who approved.
    pub approval: Option<Approval>,
}

/// Why a refund is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefundError {
    /// Nothing chosen.
    #[error("nothing is taken back")]
    Nothing,
    /// No such line.
    #[error("no such line on this sale")]
    NotFound,
    /// The same line twice.
    #[error("a line is named twice")]
    Twice,
    /// More than was sold less what was returned.
    #[error("{asked} is more than the {left} that can be taken back")]
    MoreThanSold {
        /// Asked for.
        asked: Decimal,
        /// Possible.
        left: Decimal,
    },
    /// Nothing, less than nothing, or a part of a piece.
    #[error("the quantity does not fit how the product was sold")]
    QuantityKind,
    /// An amount cannot be.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// Value of the first `quantity` of a line: rounded towards zero, so that nobody
/// gets more than their part before the last unit, and the last unit gets the
/// cents that are left.
fn running(whole: Money, quantity: Decimal, sold: Decimal) -> Result<Money, MoneyError> {
    if quantity == sold {
        return Ok(whole);
    }
    let exact = whole.to_decimal() * quantity / sold;
    Money::rounded(exact, whole.currency(), RoundingStrategy::ToZero)
}

/// The tax in the first `value` of a line that came to `whole`: its part of the
/// money, rounded half up. So tax never passes the money it is in.
fn tax_in(tax: Money, value: Money, whole: Money) -> Result<Money, MoneyError> {
    let exact = tax.to_decimal() * value.to_decimal() / whole.to_decimal();
    Money::rounded(exact, tax.currency(), HALF_UP)
}

fn refunded_line(
    sold: &SoldLine,
    before: Decimal,
    take: &TakeBack,
) -> Result<RefundedLine, RefundError> {
    let quantity = sold.line.quantity;
    let left = quantity - before;
    if take.quantity <= Decimal::ZERO {
        return Err(RefundError::QuantityKind);
    }
    if take.quantity > left {
        return Err(RefundError::MoreThanSold {
            asked: take.quantity,
            left,
        });
    }
    let places = take.quantity.normalize().scale();
    if places > 3 || (places > 0 && sold.line.unit == crate::catalog::Unit::Each) {
        return Err(RefundError::QuantityKind);
    }
    let after = before + take.quantity;
    let whole = sold.figures.total;
    let worth_before = running(whole, before, quantity)?;
    let worth_after = running(whole, after, quantity)?;
    let total = worth_after.checked_sub(worth_before)?;
    let amounts = sold
        .figures
        .taxes
        .iter()
        .map(|tax| {
            let tax = tax.amount;
            if whole.is_zero() {
                running(tax, after, quantity)?.checked_sub(running(tax, before, quantity)?)
            } else {
                tax_in(tax, worth_after, whole)?.checked_sub(tax_in(tax, worth_before, whole)?)
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    let net = total.checked_sub(Money::sum(amounts.iter().copied(), total.currency())?)?;
    Ok(RefundedLine {
        line: take.line,
        quantity: take.quantity,
        restock: take.restock,
        total,
        taxes: line_taxes(net, &sold.line.taxes, &amounts)?,
    })
}

/// What taking `take` back comes to, and where the money goes: first to the
/// tenders that are not cash, in order, up to what each can give; the rest in cash.
///
/// # Errors
/// [`RefundError`].
pub fn quote_refund(
    so_far: &SaleSoFar<'_>,
    take: &[TakeBack],
    pricing: &Pricing,
) -> Result<RefundQuote, RefundError> {
    let currency = pricing.currency;
    let zero = Money::zero(currency);
    if take.is_empty() {
        return Err(RefundError::Nothing);
    }
    let before = |line: LineId| {
        so_far
            .returned
            .iter()
            .find(|r| r.line == line)
            .map_or(Decimal::ZERO, |r| r.quantity)
    };
    let mut lines = Vec::with_capacity(take.len());
    for (i, t) in take.iter().enumerate() {
        if take.iter().take(i).any(|other| other.line == t.line) {
            return Err(RefundError::Twice);
        }
        let sold = so_far
            .sale
            .lines
            .iter()
            .find(|l| l.line.id == t.line)
            .ok_or(RefundError::NotFound)?;
        lines.push(refunded_line(sold, before(t.line), t)?);
    }
    let total = Money::sum(lines.iter().map(|l| l.total), currency)?;
    let tax = Money::sum(
        lines.iter().flat_map(|l| l.taxes.iter().map(|t| t.amount)),
        currency,
    )?;

    let mut rest = total;
    let mut parts = Vec::new();
    for tender in &so_far.tenders {
        let amount = tender.left.min(rest);
        if !amount.is_positive() {
            continue;
        }
        let paid = so_far.sale.tenders.iter().find(|t| t.id == tender.tender);
        let by_voucher = paid.is_some_and(|t| matches!(t.kind, TenderKind::Voucher { .. }));
        let how = match tender.charge {
            None if by_voucher => GiveBack::Voucher,
            None => GiveBack::ExternalTerminal,
            Some(ChargeState::Succeeded) => GiveBack::StripeRefund,
            Some(
                ChargeState::Confirming
                | ChargeState::AtReader
                | ChargeState::Unknown
                | ChargeState::AwaitingCustomer,
            ) => GiveBack::WhenKnown,
            // The money has not come, or never will: that much less is owed, and
            // nothing is given back.
            Some(
                ChargeState::Queued
                | ChargeState::Creating
                | ChargeState::Created
                | ChargeState::Declined
                | ChargeState::NeedsCustomer
                | ChargeState::NeedsAttention
                | ChargeState::Expired
                | ChargeState::Canceled
                | ChargeState::WrittenOff,
            ) => GiveBack::LowerCharge,
        };
        parts.push((Some(tender.tender), how, amount));
        rest = rest.checked_sub(amount)?;
    }

    // The last refund of a sale gives back the very cash that was kept, so that
    // the rounding of the sale and of its refunds cancel out.
    let everything = so_far.sale.lines.iter().all(|l| {
        let now = lines
            .iter()
            .find(|r| r.line == l.line.id)
            .map_or(Decimal::ZERO, |r| r.quantity);
        before(l.line.id) + now == l.line.quantity
    });
    let cash_left = so_far
        .sale
        .cash_kept()?
        .checked_add(so_far.debts_paid)?
        .checked_sub(so_far.cash_returned)?;
    let mut cash_rounding = zero;
    if everything && cash_left.is_positive() && rest_is_cash(so_far, rest, cash_left) {
        cash_rounding = cash_left.checked_sub(rest)?;
        parts.push((None, GiveBack::Cash, cash_left));
    } else if rest.is_positive() {
        // A card's refund that failed may have taken more cash than there was.
        let cash_left = if cash_left.is_positive() {
            cash_left
        } else {
            zero
        };
        let cash = crate::settle::in_cash(rest, pricing.cash_rounding)?.min(cash_left);
        cash_rounding = cash.checked_sub(rest)?;
        if cash.is_positive() {
            parts.push((None, GiveBack::Cash, cash));
        }
    }
    Ok(RefundQuote {
        lines,
        total,
        tax,
        cash_rounding,
        parts,
    })
}

/// True where what is left to give and the cash that is left differ by rounding
/// alone.
fn rest_is_cash(so_far: &SaleSoFar<'_>, rest: Money, cash_left: Money) -> bool {
    let off = so_far.sale.tenders.iter().any(Tender::is_cash);
    // Half a coin on each of a handful of refunds; far below any price.
    off && cash_left
        .checked_sub(rest)
        .is_ok_and(|d| d.abs().minor() <= 100)
}

/// A refund, or all refunds of the sale together, above this need a manager.
///
/// # Errors
/// As [`Money::checked_add`].
pub fn needs_manager(
    total: Money,
    refunded_before: Money,
    threshold: Money,
) -> Result<bool, MoneyError> {
    let cumulative = total.checked_add(refunded_before)?;
    Ok(cumulative.minor() > threshold.minor())
}
