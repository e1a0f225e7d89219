//! Journal entries → facts on paper → text, printer bytes and pages.
//!
//! Invariants:
//! - a paper is made of its journal entry, the shop's facts and people's names; of
//!   what came later a duplicate says one thing: whether a card was charged;
//! - every print after the first is a duplicate, and handing one out is journalled;
//! - nothing personal is on it but a masked address;
//! - a file is there whole or not at all.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rust_decimal::Decimal;
use till_domain::catalog::Unit;
use till_domain::charge::ChargeState;
use till_domain::ids::{CustomerId, ReceiptNumber, SaleId, ShiftNumber, Timestamp, UserId};
use till_domain::journal::{CardSlip, ChargeFacts, Entry, JournalEvent};
use till_domain::money::{HALF_UP, Money};
use till_domain::outcome::Outcome;
use till_domain::promotion::taken_off as taken_off_by;
use till_domain::quote::TaxTotal;
use till_domain::refund::{GiveBack, RefundPart};
use till_domain::report::{TaxTally, TenderTally};
use till_domain::sale::{Approval, CardCapture, CommittedSale, SoldLine, Tender, TenderKind};
use till_domain::settle::Surplus;
use till_receipts::data::{
    Books, CashUp, CategoryRow, Copy, ForeignRow, GrandTotals, JournalCheck, Labelled, Mark,
    Movements, PendingCard, PendingCards, PendingHow, Quantity, ReceiptLine, ReceiptTender,
    RefundLine, RefundReceipt, RefundTender, ReportKind, SaleReceipt, ShiftReport, Slip, SlipKind,
    Stamp, Tally, TaxRow, TenderRow, ToBank,
};
use till_receipts::{COLUMNS_80MM, Document, RenderError, lay_out, to_escpos, to_pdf, to_text};
use till_store::{ChargeRow, Tx};
use till_sync::phases;

use crate::auth::Session;
use crate::books::Summary;
use crate::error::{AppError, ErrorCode};
use crate::figures::{
    age, discount_words, local, quantity, short_time, stamp, tender_label, user_name,
};
use crate::sale::sale_at;
use crate::{Effects, Shop, Till, shop};

/// A document for the screen and for the printer.
#[derive(Debug, Clone)]
pub(crate) struct Paper {
    /// Rows of 42 columns.
    pub text: Vec<String>,
    /// For the printer.
    pub escpos: Vec<u8>,
}

fn unrendered(error: RenderError) -> AppError {
    tracing::error!(%error, "a document could not be rendered");
    AppError::internal("a document could not be rendered")
}

/// The text and the printer's bytes of a document.
pub(crate) fn print(document: &Document) -> Result<Paper, AppError> {
    let layout = lay_out(document, COLUMNS_80MM);
    Ok(Paper {
        text: to_text(&layout),
        escpos: to_escpos(&layout).map_err(unrendered)?,
    })
}

/// The page of a document.
pub(crate) fn pdf(document: &Document) -> Result<Vec<u8>, AppError> {
    to_pdf(&lay_out(document, COLUMNS_80MM)).map_err(unrendered)
}

/// Writes a file whole: a power cut leaves the old one, or none.
pub(crate) fn write_file(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, AppError> {
    let path = folder.join(name);
    let write = || {
        std::fs::create_dir_all(folder)?;
        let part = folder.join(format!(".{name}.part"));
        let mut file = std::fs::File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&part, &path)
    };
    write().map_err(unwritten)?;
    Ok(path)
}

pub(crate) fn unwritten(error: std::io::Error) -> AppError {
    tracing::warn!(%error, "a file could not be written");
    if error.kind() == std::io::ErrorKind::StorageFull {
        ErrorCode::DiskFull.into()
    } else {
        AppError::refused(ErrorCode::BadInput, "The file could not be written")
    }
}

/// "ana.o*****@correo.example", "*****678": enough to know one's own.
pub(crate) fn mask(contact: &str) -> String {
    match contact.rsplit_once('@') {
        Some((name, domain)) => {
            // Half of a short name, so that some of it is always hidden.
            let shown = (name.chars().count() / 2).min(5);
            let start: String = name.chars().take(shown).collect();
            format!("{start}*****@{domain}")
        }
        None => {
            let hidden = contact.chars().count().saturating_sub(3);
            let end: String = contact.chars().skip(hidden).collect();
            format!("*****{end}")
        }
    }
}

fn contact_of(tx: &Tx<'_>, customer: Option<CustomerId>) -> Result<Option<String>, AppError> {
    let Some(id) = customer else {
        return Ok(None);
    };
    Ok(tx
        .customer(id)?
        .and_then(|c| c.email.or(c.phone))
        .as_deref()
        .map(mask))
}

fn head(shop: &Shop) -> till_receipts::data::Shop {
    till_receipts::data::Shop {
        name: shop.name.clone(),
        address: shop.address.clone(),
        tax_number_label: shop.tax_number_label.clone(),
        tax_number: shop.tax_number.clone(),
        phone: shop.phone.clone(),
        return_policy: shop.return_policy.clone(),
        footer: shop.footer.clone(),
        test_mode: shop.test_mode,
        tax_included_title: if shop.price_includes_tax {
            "Tax included".into()
        } else {
            "Tax".into()
        },
    }
}

fn stamp_of(
    tx: &Tx<'_>,
    shop: &Shop,
    shift: ShiftNumber,
    at: Timestamp,
    by: UserId,
) -> Result<Stamp, AppError> {
    Ok(Stamp {
        date_time: stamp(shop, at),
        till: shop.till_name(),
        shift: shift.0,
        served_by: user_name(tx, by)?,
    })
}

fn approver(tx: &Tx<'_>, approval: Option<&Approval>) -> Result<Option<String>, AppError> {
    approval.map(|a| user_name(tx, a.by)).transpose()
}

fn quantity_of(amount: Decimal, unit: Unit) -> Quantity {
    let weighed = unit == Unit::Kilogram;
    Quantity {
        amount: quantity(amount, unit),
        weighed,
        unit: if weighed { "kg".into() } else { String::new() },
    }
}

fn letter<'s>(shop: &'s Shop, code: &str) -> &'s str {
    shop.taxes
        .iter()
        .find(|t| t.code == code)
        .map_or("", |t| t.letter.as_str())
}

/// Letters of a line's taxes, each once.
fn letters(shop: &Shop, sold: &SoldLine) -> String {
    let mut letters = String::new();
    for tax in &sold.figures.taxes {
        let letter = letter(shop, &tax.code);
        if !letters.contains(letter) {
            letters.push_str(letter);
        }
    }
    letters
}

/// "21 %"; the name of a tax that is no percentage.
pub(crate) fn rate_words(shop: &Shop, code: &str, rate: Option<Decimal>) -> String {
    match rate {
        Some(rate) => format!("{} %", rate.normalize()),
        None => tax_name(shop, code),
    }
}

/// What a tax is called; its code where the shop's table no longer has it.
pub(crate) fn tax_name(shop: &Shop, code: &str) -> String {
    shop.taxes
        .iter()
        .find(|t| t.code == code)
        .map_or_else(|| code.to_owned(), |t| t.name.clone())
}

fn tax_row(
    shop: &Shop,
    code: &str,
    rate: Option<Decimal>,
    base: Money,
    tax: Money,
) -> Result<TaxRow, AppError> {
    Ok(TaxRow {
        letter: letter(shop, code).to_owned(),
        name: String::new(),
        rate: rate_words(shop, code, rate),
        net: base,
        tax,
        gross: base.checked_add(tax)?,
    })
}

fn tax_rows(shop: &Shop, taxes: &[TaxTotal]) -> Result<Vec<TaxRow>, AppError> {
    let mut rows = taxes
        .iter()
        .map(|t| tax_row(shop, &t.code, t.rate, t.base, t.amount))
        .collect::<Result<Vec<_>, _>>()?;
    rows.sort_by(|a, b| a.letter.cmp(&b.letter));
    Ok(rows)
}

/// "Card  Visa **** 4242": printers have no bullet.
fn printed_label(tender: &Tender, facts: Option<&ChargeFacts>) -> String {
    let label = tender_label(tender, facts).replace('•', "*");
    match &tender.kind {
        TenderKind::Cash
        | TenderKind::ForeignCash { .. }
        | TenderKind::Voucher { .. }
        | TenderKind::ExternalTerminal { .. } => label,
        TenderKind::Card { capture, .. } => match capture {
            CardCapture::SavedCard(_)
            | CardCapture::SimulatedReader { .. }
            | CardCapture::Reader { .. } => format!("Card  {label}"),
            CardCapture::PayLink => "Card, by link".into(),
        },
    }
}

fn sale_of(tx: &Tx<'_>, id: SaleId) -> Result<CommittedSale, AppError> {
    let row = tx.sale(id)?.ok_or(ErrorCode::NotFound)?;
    Ok(*sale_at(tx, row.seq)?.1)
}

// ---- a sale ----

fn receipt_line(shop: &Shop, sold: &SoldLine) -> Result<ReceiptLine, AppError> {
    let line = &sold.line;
    let promotions = &sold.figures.promotions;
    let mut discounts: Vec<Labelled> = promotions
        .iter()
        .map(|p| (p.name.clone(), p.amount.negated()))
        .collect();
    let promoted = taken_off_by(promotions, shop.currency())?;
    let by_hand = sold.figures.discount.checked_sub(promoted)?;
    if !by_hand.is_zero() {
        discounts.push((discount_label(&line.discounts), by_hand.negated()));
    }
    Ok(ReceiptLine {
        name: line.name.clone(),
        quantity: quantity_of(line.quantity, line.unit),
        unit_price: Money::rounded(
            line.charged_unit_price(shop.currency())?,
            shop.currency(),
            HALF_UP,
        )?,
        gross: sold.figures.gross,
        discounts,
        tax_letter: letters(shop, sold),
        is_deposit: line.deposit_of.is_some(),
    })
}

/// "Discount 10 %".
fn discount_label(discounts: &[till_domain::quote::Discount]) -> String {
    let words: Vec<String> = discounts.iter().map(discount_words).collect();
    format!("Discount {}", words.join(", "))
}

/// Taxes that came on top of the marked prices.
fn tax_added(shop: &Shop, sale: &CommittedSale) -> Vec<Labelled> {
    sale.taxes
        .iter()
        .filter(|total| {
            !total.amount.is_zero()
                && sale
                    .lines
                    .iter()
                    .flat_map(|l| &l.line.taxes)
                    .any(|t| t.code == total.code && !t.price_included)
        })
        .map(|total| {
            let name = tax_name(shop, &total.code);
            let label = match total.rate {
                Some(rate) => format!("{name} {} %", rate.normalize()),
                None => name,
            };
            (label, total.amount)
        })
        .collect()
}

/// What became of a charge since the first print.
fn later(shop: &Shop, charge: &ChargeRow) -> Option<(String, String)> {
    let (label, value) = match charge.state {
        ChargeState::Succeeded => ("Charged", stamp(shop, charge.moved_at)),
        ChargeState::Declined
        | ChargeState::NeedsCustomer
        | ChargeState::NeedsAttention
        | ChargeState::Expired => ("Not charged", "still owed".into()),
        ChargeState::Canceled => ("Not charged", "cancelled".into()),
        ChargeState::WrittenOff => ("Not charged", "closed by the shop".into()),
        ChargeState::Queued
        | ChargeState::Creating
        | ChargeState::Created
        | ChargeState::Confirming
        | ChargeState::AtReader
        | ChargeState::AwaitingCustomer
        | ChargeState::Unknown => return None,
    };
    Some((label.into(), value))
}

fn pending_card(
    tx: &Tx<'_>,
    sale: &CommittedSale,
    tender: &Tender,
    capture: &CardCapture,
    charge: Option<&ChargeRow>,
    amount: Money,
) -> Result<PendingCard, AppError> {
    let contact = contact_of(tx, sale.customer)?;
    let how = match capture {
        CardCapture::SavedCard(card) => PendingHow::SavedCard {
            last4: card.last4.clone(),
            write_to: contact,
        },
        CardCapture::SimulatedReader { .. } | CardCapture::Reader { .. } => PendingHow::SavedCard {
            last4: charge
                .and_then(|c| c.facts.last4.clone())
                .unwrap_or_default(),
            write_to: contact,
        },
        CardCapture::PayLink => PendingHow::PayLink {
            send_to: contact,
            url: phases::charge(tx, tender.id)?.and_then(|c| c.url),
        },
    };
    Ok(PendingCard { how, amount })
}

/// What the card schemes want on a slip, as it is called on one.
fn slip_lines(slip: &CardSlip) -> Vec<(String, String)> {
    let verified = slip.verification.as_deref().map(|word| match word {
        "offline_pin" | "online_pin" => "PIN".to_owned(),
        "signature" => "signature".to_owned(),
        "on_device" | "consumer_device" => "on the device".to_owned(),
        "none" | "approval" | "no_cvm" => "none needed".to_owned(),
        other => other.replace('_', " "),
    });
    [
        ("Application", slip.application.clone()),
        ("AID", slip.aid.clone()),
        ("Authorisation", slip.authorisation_code.clone()),
        ("Verified by", verified),
        (
            "Account",
            slip.account_type.clone().filter(|word| word != "unknown"),
        ),
        ("Cryptogram", slip.cryptogram.clone()),
        ("TVR", slip.tvr.clone()),
        ("TSI", slip.tsi.clone()),
    ]
    .into_iter()
    .filter_map(|(label, value)| Some((label.to_owned(), value?)))
    .collect()
}

fn receipt_tender(
    tx: &Tx<'_>,
    shop: &Shop,
    sale: &CommittedSale,
    tender: &Tender,
    change: Money,
    copy: Copy,
) -> Result<ReceiptTender, AppError> {
    let charge = if tender.is_card() {
        tx.charge(tender.id)?
    } else {
        None
    };
    let mut printed = ReceiptTender {
        label: printed_label(tender, charge.as_ref().map(|c| &c.facts)),
        amount: tender.amount.checked_sub(change)?,
        given: None,
        change: None,
        pending: None,
        details: Vec::new(),
    };
    match &tender.kind {
        TenderKind::Cash => {
            printed.given = Some(tender.amount);
            printed.change = change.is_positive().then_some(change);
        }
        TenderKind::ForeignCash { given, rate } => {
            printed.given = Some(tender.amount);
            printed.change = change.is_positive().then_some(change);
            let (theirs, ours) = (given.currency(), shop.currency());
            let rate = format!("1 {theirs} = {} {ours}", rate.normalize());
            printed.details.push(("Rate".to_owned(), rate));
        }
        TenderKind::Voucher { worth, .. } => {
            printed.given = Some(*worth);
            printed.change = change.is_positive().then_some(change);
            let lost = worth.checked_sub(tender.amount)?;
            if !lost.is_zero() {
                printed
                    .details
                    .push(("Not given back".to_owned(), lost.to_string()));
            }
        }
        TenderKind::ExternalTerminal { approval_code, .. } => {
            if !approval_code.is_empty() {
                let code = ("Approval code".to_owned(), approval_code.clone());
                printed.details.push(code);
            }
        }
        TenderKind::Card { at_risk: false, .. } => {
            if let Some(tip) = tender.tip() {
                printed.details.push(("Tip".into(), tip.to_string()));
                let charged = tender.with_tip()?.to_string();
                printed
                    .details
                    .push(("Charged to the card".into(), charged));
            }
            let slip = charge.as_ref().and_then(|c| c.facts.slip.as_deref());
            printed
                .details
                .extend(slip.map(slip_lines).unwrap_or_default());
        }
        TenderKind::Card {
            at_risk: true,
            capture,
            ..
        } => {
            let waits = match (copy, &charge) {
                (Copy::Original, _) => Some(tender.amount),
                (Copy::Duplicate, Some(c)) if c.state.is_waiting() && c.amount_minor > 0 => {
                    Some(Money::from_minor(c.amount_minor, tender.amount.currency()))
                }
                (Copy::Duplicate, _) => None,
            };
            if let Some(amount) = waits {
                printed.pending = Some(pending_card(
                    tx,
                    sale,
                    tender,
                    capture,
                    charge.as_ref(),
                    amount,
                )?);
            } else {
                printed
                    .details
                    .extend(charge.as_ref().and_then(|c| later(shop, c)));
            }
        }
    }
    Ok(printed)
}

/// The receipt of a sale.
pub(crate) fn sale_document(
    tx: &Tx<'_>,
    shop: &Shop,
    entry: &Entry,
    copy: Copy,
) -> Result<Document, AppError> {
    let JournalEvent::SaleCommitted { receipt, sale } = &entry.event else {
        return Err(AppError::internal("a receipt of what is no sale"));
    };
    let currency = sale.currency();
    let gross = Money::sum(sale.lines.iter().map(|l| l.figures.gross), currency)?;
    let on_lines = Money::sum(sale.lines.iter().map(|l| l.figures.discount), currency)?;
    let on_sale = Money::sum(sale.lines.iter().map(|l| l.figures.sale_discount), currency)?;
    let sale_discounts = if on_sale.is_zero() {
        Vec::new()
    } else {
        vec![(discount_label(&sale.discounts), on_sale.negated())]
    };
    let tax_added = tax_added(shop, sale);
    let subtotal = if sale_discounts.is_empty() && tax_added.is_empty() {
        None
    } else {
        Some(gross.checked_sub(on_lines)?)
    };
    // Change is told under the tender it was given for: cash before vouchers, which
    // are counted towards the sale first.
    let mut change = sale.change;
    let mut off = vec![Money::zero(currency); sale.tenders.len()];
    let vouchers = |t: &Tender| {
        matches!(
            t.kind,
            TenderKind::Voucher {
                surplus: Surplus::Change,
                ..
            }
        )
    };
    for gives_change in [Tender::is_cash, vouchers] {
        for (tender, off) in sale.tenders.iter().zip(&mut off) {
            if gives_change(tender) {
                *off = change.min(tender.amount);
                change = change.checked_sub(*off)?;
            }
        }
    }
    let tenders = sale
        .tenders
        .iter()
        .zip(off)
        .map(|(tender, off)| receipt_tender(tx, shop, sale, tender, off, copy))
        .collect::<Result<_, _>>()?;
    Ok(Document::Sale(SaleReceipt {
        shop: head(shop),
        stamp: stamp_of(tx, shop, entry.shift, entry.at, sale.cashier)?,
        number: *receipt,
        lines: sale
            .lines
            .iter()
            .map(|l| receipt_line(shop, l))
            .collect::<Result<_, _>>()?,
        subtotal,
        sale_discounts,
        tax_added,
        total: sale.total,
        cash_rounding: sale.cash_rounding,
        tenders,
        taxes: tax_rows(shop, &sale.taxes)?,
        taxed_as: sale.taxed_as.as_ref().map(|set| set.name.clone()),
        copy,
        mark: Mark::None,
        qr: None,
    }))
}

// ---- a refund ----

fn refund_tender(
    tx: &Tx<'_>,
    sale: &CommittedSale,
    part: &RefundPart,
) -> Result<RefundTender, AppError> {
    let mut interac = false;
    let label = match part.tender {
        None => "Cash".to_owned(),
        Some(id) => {
            let facts = tx.charge(id)?.map(|c| c.facts);
            interac = facts.as_ref().is_some_and(|f| f.interac);
            sale.tenders
                .iter()
                .find(|t| t.id == id)
                .map(|t| printed_label(t, facts.as_ref()))
                .ok_or_else(|| AppError::internal("a refund to a tender the sale has not"))?
        }
    };
    let note = match part.how {
        GiveBack::Cash => None,
        GiveBack::ExternalTerminal => Some("By hand, on the card machine."),
        GiveBack::Voucher => Some("As a voucher, written by hand."),
        GiveBack::StripeRefund if interac => Some("When the card is presented at the reader."),
        GiveBack::StripeRefund => Some("On the card in 5 to 10 days."),
        GiveBack::LowerCharge => Some("Not charged yet: it is charged that much less."),
        GiveBack::WhenKnown => Some("Not known yet if it was charged: if it was, it comes back."),
    };
    Ok(RefundTender {
        label,
        amount: part.amount,
        note: note.map(str::to_owned),
    })
}

/// The slip of a refund.
pub(crate) fn refund_document(
    tx: &Tx<'_>,
    shop: &Shop,
    entry: &Entry,
    copy: Copy,
) -> Result<Document, AppError> {
    let JournalEvent::RefundCommitted { receipt, refund } = &entry.event else {
        return Err(AppError::internal("a slip of what is no refund"));
    };
    let sale = sale_of(tx, refund.sale)?;
    let mut lines = Vec::with_capacity(refund.lines.len());
    let mut taxes: Vec<TaxTotal> = Vec::new();
    for line in &refund.lines {
        let sold = sale
            .lines
            .iter()
            .find(|l| l.line.id == line.line)
            .ok_or_else(|| AppError::internal("a refund of a line the sale has not"))?;
        lines.push(RefundLine {
            name: sold.line.name.clone(),
            quantity: quantity_of(line.quantity, sold.line.unit),
            value: line.total,
            tax_letter: letters(shop, sold),
        });
        for tax in &line.taxes {
            if let Some(total) = taxes.iter_mut().find(|t| t.code == tax.code) {
                total.base = total.base.checked_add(tax.base)?;
                total.amount = total.amount.checked_add(tax.amount)?;
            } else {
                taxes.push(TaxTotal {
                    code: tax.code.clone(),
                    rate: sale
                        .taxes
                        .iter()
                        .find(|t| t.code == tax.code)
                        .and_then(|t| t.rate),
                    base: tax.base,
                    amount: tax.amount,
                });
            }
        }
    }
    Ok(Document::Refund(RefundReceipt {
        shop: head(shop),
        stamp: stamp_of(tx, shop, entry.shift, entry.at, refund.cashier)?,
        number: *receipt,
        original: Some(refund.sale_receipt),
        lines,
        reason: refund.reason.clone(),
        total: refund.total,
        cash_rounding: refund.cash_rounding,
        tenders: refund
            .parts
            .iter()
            .map(|p| refund_tender(tx, &sale, p))
            .collect::<Result<_, _>>()?,
        taxes: tax_rows(shop, &taxes)?,
        approved_by: approver(tx, refund.approval.as_ref())?,
        copy,
        mark: Mark::None,
        qr: None,
    }))
}

// ---- a slip ----

/// The slip of cash in or out, or of a drawer opened for neither.
pub(crate) fn slip_document(
    tx: &Tx<'_>,
    shop: &Shop,
    entry: &Entry,
    copy: Copy,
) -> Result<Document, AppError> {
    let slip = |kind, amount, reason: &str, by, approval| {
        Ok(Document::Slip(Slip {
            shop: head(shop),
            stamp: stamp_of(tx, shop, entry.shift, entry.at, by)?,
            kind,
            amount,
            reason: reason.to_owned(),
            approved_by: approver(tx, approval)?,
            copy,
        }))
    };
    if let JournalEvent::PaidIn { amount, reason, by } = &entry.event {
        slip(SlipKind::PaidIn, Some(*amount), reason, *by, None)
    } else if let JournalEvent::PaidOut {
        amount,
        reason,
        by,
        approval,
    } = &entry.event
    {
        slip(
            SlipKind::PaidOut,
            Some(*amount),
            reason,
            *by,
            approval.as_ref(),
        )
    } else if let JournalEvent::NoSale { reason, by } = &entry.event {
        slip(SlipKind::NoSale, None, reason, *by, None)
    } else {
        Err(AppError::internal("a slip of what moved no cash"))
    }
}

// ---- a shift ----

const fn printed(tally: till_domain::report::Tally) -> Tally {
    Tally {
        count: tally.count,
        amount: tally.amount,
    }
}

const fn taken_off(tally: till_domain::report::Tally) -> Tally {
    Tally {
        count: tally.count,
        amount: tally.amount.negated(),
    }
}

fn some(tally: Tally) -> Option<Tally> {
    (tally.count != 0 || !tally.amount.is_zero()).then_some(tally)
}

fn tender_row(label: &str, tally: &TenderTally) -> Result<Option<TenderRow>, AppError> {
    // Change for a voucher is cash without a cash tender.
    let nothing = tally.taken.count == 0 && tally.taken.amount.is_zero();
    if nothing && tally.refunded.count == 0 {
        return Ok(None);
    }
    Ok(Some(TenderRow {
        label: label.to_owned(),
        net: Tally {
            count: tally.taken.count,
            amount: tally.taken.amount.checked_sub(tally.refunded.amount)?,
        },
        refunds: some(taken_off(tally.refunded)),
    }))
}

fn movements(list: &[(Money, String)], zero: Money, out: bool) -> Result<Movements, AppError> {
    let turn = |m: Money| if out { m.negated() } else { m };
    let amount = Money::sum(list.iter().map(|(m, _)| turn(*m)), zero.currency())?;
    Ok(Movements {
        total: Tally {
            count: i64::try_from(list.len()).unwrap_or(i64::MAX),
            amount,
        },
        reasons: list
            .iter()
            .map(|(m, reason)| (reason.clone(), turn(*m)))
            .collect(),
    })
}

/// Notes of other currencies: taken, and once they are counted, what was found.
fn foreign_rows(sums: &Summary) -> Result<Vec<ForeignRow>, AppError> {
    let counts = sums.closing.as_ref().map_or(&[][..], |c| &c.foreign);
    let mut codes: Vec<&str> = sums.totals.foreign.keys().copied().collect();
    codes.extend(counts.iter().map(|f| f.counted.currency().code()));
    codes.sort_unstable();
    codes.dedup();
    codes
        .into_iter()
        .map(|code| {
            let taken = sums.totals.foreign.get(code);
            let count = counts.iter().find(|f| f.counted.currency().code() == code);
            Ok(ForeignRow {
                code: code.to_owned(),
                taken: taken.map(|f| printed(f.given)),
                worth: taken.map(|f| f.worth),
                counted: count.map(|f| f.counted),
                difference: count
                    .map(|f| f.counted.checked_sub(f.expected))
                    .transpose()?,
            })
        })
        .collect()
}

/// Cash for refunds that failed at Stripe, on every report.
pub(crate) const REFUNDS_PAID: &str = "Failed card refunds paid in cash";

fn cash_up(sums: &Summary) -> Result<CashUp, AppError> {
    let totals = &sums.totals;
    let zero = Money::zero(totals.currency);
    let cash = totals.cash();
    let mut paid_in = totals.paid_in.clone();
    if !totals.debts_paid.amount.is_zero() {
        // Cash for a card that was declined: no sale of this shift, and in the drawer.
        paid_in.push((
            totals.debts_paid.amount,
            "Declined cards paid in cash".into(),
        ));
    }
    let mut paid_out = totals.paid_out.clone();
    if !totals.refunds_paid.amount.is_zero() {
        // Cash for a card refund that failed: it is among the refunds of the card.
        paid_out.push((totals.refunds_paid.amount, REFUNDS_PAID.into()));
    }
    let closing = sums.closing.as_ref();
    let to_bank = closing
        .map(|c| c.counted.checked_sub(c.next_float))
        .transpose()?
        .filter(|m| m.is_positive())
        .map(|amount| ToBank { bag: None, amount });
    Ok(CashUp {
        opening_float: totals.float,
        sales: cash.taken.amount,
        refunds: cash.refunded.amount.negated(),
        paid_in: movements(&paid_in, zero, false)?,
        paid_out: movements(&paid_out, zero, true)?,
        expected: closing.map(|c| c.expected),
        counted: closing.map(|c| c.counted),
        difference: closing
            .map(|c| c.counted.checked_sub(c.expected))
            .transpose()?,
        difference_reason: closing.map(|c| c.note.clone()).filter(|n| !n.is_empty()),
        next_float: closing.map(|c| c.next_float),
        to_bank,
        foreign: foreign_rows(sums)?,
    })
}

/// Rows by tax; `of` picks what is printed of each.
fn shift_taxes(
    shop: &Shop,
    sums: &Summary,
    of: impl Fn(&TaxTally) -> Result<(Money, Money), AppError>,
) -> Result<Vec<TaxRow>, AppError> {
    let mut rows = Vec::new();
    for ((code, rate), tally) in &sums.totals.taxes {
        let (base, tax) = of(tally)?;
        if !base.is_zero() || !tax.is_zero() {
            rows.push(tax_row(shop, code, *rate, base, tax)?);
        }
    }
    rows.sort_by(|a, b| a.letter.cmp(&b.letter));
    Ok(rows)
}

/// "08:02 to 20:36" on one day; the day again where it is another.
fn end_of(shop: &Shop, from: Timestamp, to: Timestamp) -> String {
    let day = |at| local(shop, at).get(..10).map(str::to_owned);
    if day(from) == day(to) {
        short_time(shop, to)
    } else {
        stamp(shop, to)
    }
}

fn outcome_rows(tallies: &BTreeMap<Outcome, till_domain::report::Tally>) -> Vec<(String, Tally)> {
    let rows = tallies.iter();
    rows.map(|(outcome, tally)| (outcome.label().to_owned(), printed(*tally)))
        .collect()
}

/// Cards taken at the shop's risk: all of them, then how they stand.
fn at_risk_rows(sums: &Summary) -> Vec<(String, Tally)> {
    let outcomes = &sums.outcomes;
    if outcomes.taken.count == 0 {
        return Vec::new();
    }
    let mut rows = vec![("Cards at risk".to_owned(), printed(outcomes.taken))];
    rows.extend(outcome_rows(&outcomes.of_this_shift));
    rows
}

/// An X report, a Z report, or a look at the Z report before the close.
pub(crate) fn shift_document(
    tx: &Tx<'_>,
    shop: &Shop,
    sums: &Summary,
    copy: Copy,
) -> Result<Document, AppError> {
    let totals = &sums.totals;
    let (opened_at, opened_by) = sums.opened;
    let closing = sums.closing.as_ref();
    let sealed = closing.and_then(|c| c.sealed.as_ref());
    let tenders = [
        ("Cash", totals.cash()),
        ("Foreign cash", sums.foreign_cash()),
        ("Vouchers", sums.vouchers()),
        ("Card, settled", sums.card_settled()?),
        ("External terminal", sums.external_terminal()),
        ("Card, NOT YET CHARGED", sums.card_waiting()?),
    ]
    .iter()
    .filter_map(|(label, tally)| tender_row(label, tally).transpose())
    .collect::<Result<Vec<_>, _>>()?;
    let discounts = [
        ("Promotions", totals.promotions),
        ("Discounts on lines", totals.line_discounts),
        ("Discounts on sales", totals.sale_discounts),
    ]
    .into_iter()
    .filter_map(|(label, tally)| some(taken_off(tally)).map(|t| (label.to_owned(), t)))
    .collect();
    Ok(Document::Shift(Box::new(ShiftReport {
        shop: head(shop),
        kind: if closing.is_some() {
            ReportKind::Z(sums.number.0)
        } else {
            ReportKind::X
        },
        copy,
        mark: Mark::None,
        till: shop.till_name(),
        shift: sums.number.0,
        from: stamp(shop, opened_at),
        to: end_of(shop, opened_at, sums.to),
        opened_by: user_name(tx, opened_by)?,
        closed_by: closing.map(|c| user_name(tx, c.by)).transpose()?,
        first_receipt: totals.receipts.map(|(first, _)| first),
        last_receipt: totals.receipts.map(|(_, last)| last),
        sales_before_discounts: printed(totals.gross),
        discounts,
        sales: totals.sales.amount,
        refunds: taken_off(totals.refunds),
        takings: totals.takings()?,
        taxes: shift_taxes(shop, sums, |t| {
            Ok((
                t.base.checked_sub(t.refunded_base)?,
                t.tax.checked_sub(t.refunded_tax)?,
            ))
        })?,
        refunded_taxes: shift_taxes(shop, sums, |t| {
            Ok((t.refunded_base.negated(), t.refunded_tax.negated()))
        })?,
        deposits_charged: some(printed(sums.deposits_charged)),
        deposits_returned: some(taken_off(sums.deposits_returned)),
        cash_rounding: totals.rounding,
        categories: totals
            .categories
            .iter()
            .map(|(name, c)| CategoryRow {
                name: name.clone(),
                quantity: if c.quantity.normalize().scale() == 0 {
                    c.quantity.normalize().to_string()
                } else {
                    format!("{:.3}", c.quantity)
                },
                amount: c.amount,
            })
            .collect(),
        tenders,
        tips: some(printed(totals.tips)),
        tenders_total: totals.tendered_in_all()?,
        vouchers_lost: some(printed(totals.forfeited)),
        pending: (sums.pending.count > 0).then(|| PendingCards {
            count: i64::from(sums.pending.count),
            amount: sums.pending.amount,
            oldest: age(sums.pending.oldest_at.map_or(0, |t| sums.to.ms_since(t))),
        }),
        at_risk: at_risk_rows(sums),
        at_risk_earlier: outcome_rows(&sums.outcomes.of_earlier),
        owed: some(printed(sums.owed)),
        stripe: match closing {
            // A Z report is made from the journal alone.
            Some(_) => Vec::new(),
            None => crate::report::stripe_lines(tx, shop)?,
        },
        cash: cash_up(sums)?,
        voided_lines: printed(totals.voided_lines),
        voided_sales: printed(totals.voided_sales),
        price_overrides: taken_off(totals.price_overrides),
        no_sale: i64::try_from(totals.no_sales.len()).unwrap_or(i64::MAX),
        pin_approvals: totals.approvals,
        pin_refusals: totals.pin_refusals,
        customers: totals.sales.count,
        average_basket: (totals.sales.count > 0)
            .then(|| sums.average())
            .transpose()?,
        training: None,
        grand_totals: sealed.map(|s| GrandTotals {
            net: s.grand_total,
            plus: s.plus,
            minus: s.minus.negated(),
        }),
        journal: sealed.map(|s| JournalCheck {
            entries: s.entries,
            gaps: 0,
            books: match &sums.audit.differs {
                None => Books::Agree,
                Some(what) => Books::Disagree(what.clone()),
            },
            head: short_hash(&s.head),
            previous_head: s.previous_head.as_deref().map(short_hash),
            qr: Some(s.head.clone()),
        }),
    })))
}

/// "5C0E-77B1-D24A", of a hash in hexadecimal.
fn short_hash(hash: &str) -> String {
    let digits: Vec<char> = hash.chars().take(12).flat_map(char::to_uppercase).collect();
    digits
        .chunks(4)
        .map(|four| four.iter().collect::<String>())
        .collect::<Vec<_>>()
        .join("-")
}

// ---- by number ----

/// A duplicate of the receipt that has this number: of a sale or of a refund.
fn duplicate(tx: &Tx<'_>, receipt: &str) -> Result<(ReceiptNumber, Document), AppError> {
    let shop = shop(tx)?;
    let number: ReceiptNumber = receipt.parse().map_err(|_| ErrorCode::NotFound)?;
    if number.till != shop.till {
        return Err(ErrorCode::NotFound.into());
    }
    let document = if let Some(row) = tx.sale_by_receipt(number.number)? {
        sale_document(tx, &shop, &tx.entry(row.seq)?, Copy::Duplicate)?
    } else if let Some(row) = tx.refund_by_receipt(number.number)? {
        refund_document(tx, &shop, &tx.entry(row.seq)?, Copy::Duplicate)?
    } else {
        return Err(ErrorCode::NotFound.into());
    };
    Ok((number, document))
}

impl Till {
    fn reprint(
        &self,
        session: &Session,
        receipt: &str,
    ) -> Result<(ReceiptNumber, Document), AppError> {
        let now = self.now();
        self.store()?.write(|tx| {
            let (receipt, document) = duplicate(tx, receipt)?;
            tx.append(
                JournalEvent::Reprinted {
                    receipt,
                    by: session.user().id,
                },
                now,
            )?;
            Ok((receipt, document))
        })
    }

    /// The rows of a duplicate, to be looked at.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], and what the store says.
    pub fn receipt_text(&self, receipt: &str) -> Result<Vec<String>, AppError> {
        let (_, document) = self.store()?.read(|tx| duplicate(tx, receipt))?;
        Ok(print(&document)?.text)
    }

    /// The printer's bytes of a duplicate, to be looked at.
    ///
    /// # Errors
    /// As [`Till::receipt_text`].
    pub fn receipt_escpos(&self, receipt: &str) -> Result<Vec<u8>, AppError> {
        let (_, document) = self.store()?.read(|tx| duplicate(tx, receipt))?;
        Ok(print(&document)?.escpos)
    }

    /// Writes a duplicate as a PDF; gives its path.
    ///
    /// # Errors
    /// As [`Till::receipt_text`]; a file that cannot be written.
    pub fn receipt_pdf(&self, session: &Session, receipt: &str) -> Result<PathBuf, AppError> {
        let (number, document) = self.reprint(session, receipt)?;
        write_file(
            &self.folder.join("receipts"),
            &format!("{number}.pdf"),
            &pdf(&document)?,
        )
    }

    /// Prints a duplicate.
    ///
    /// # Errors
    /// As [`Till::receipt_text`].
    pub fn receipt_print(&self, session: &Session, receipt: &str) -> Result<Effects, AppError> {
        let (_, document) = self.reprint(session, receipt)?;
        Ok(Effects {
            print: print(&document)?.escpos,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_known_to_its_owner_alone() {
        for (contact, expected) in [
            ("ana.ortega@correo.example", "ana.o*****@correo.example"),
            ("jo@b.example", "j*****@b.example"),
            ("x@b.example", "*****@b.example"),
            ("+31 6 1234 5678", "*****678"),
            ("", "*****"),
        ] {
            assert_eq!(mask(contact), expected, "{contact}");
        }
    }

    #[test]
    fn a_hash_is_shortened_as_the_store_does() {
        assert_eq!(short_hash("5c0e77b1d24affff"), "5C0E-77B1-D24A");
    }

    #[test]
    fn a_file_is_written_whole_and_over_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        for bytes in [b"one".as_slice(), b"two"] {
            let path = write_file(&folder.path().join("receipts"), "1-000001.pdf", bytes).unwrap();
            assert_eq!(std::fs::read(path).unwrap(), bytes);
        }
        let left = std::fs::read_dir(folder.path().join("receipts"))
            .unwrap()
            .count();
        assert_eq!(left, 1, "no part is left behind");
    }
}
