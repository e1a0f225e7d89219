//! Refunds: against the original sale, to the original tenders first, with a
//! manager's PIN above the shop's threshold.

use rust_decimal::Decimal;
use till_domain::charge::RefundState;
use till_domain::ids::{ReceiptNumber, RefundId, RefundPartId, TenderId, Timestamp};
use till_domain::journal::{Entry, JournalEvent};
use till_domain::money::Money;
use till_domain::refund::{
    CommittedRefund, GiveBack, RefundPart, RefundQuote, SaleSoFar, TakeBack, TenderLeft,
    needs_manager, quote_refund,
};
use till_domain::sale::CommittedSale;
use till_receipts::data::Copy;
use till_store::{CaseKind, PartRow, Tx};
use till_sync::machine::{Charge, Refund};
use till_sync::phases;
use till_sync::readers::ListedReader;
use till_sync::request::{minimum_minor, stripe_minor};

use crate::auth::Session;
use crate::error::{AppError, ErrorCode};
use crate::figures::{local, money, quantity, spoken, tender_kind, tender_label, user_name};
use crate::guard::no_card;
use crate::sale::{line_id, live_charge, need_shift, sale_at};
use crate::tender::READER_WAITS_MS;
use crate::view::{
    ApprovalInput, ReasonView, RefundDoneView, RefundLineInput, RefundLineView, RefundQuoteView,
    RefundSourceView, RefundTenderView, TenderKindView,
};
use crate::{Effects, OPEN_DRAWER, Shop, Till, cards, number, paper, readers, shop};

/// This till's reader, where it has nothing else in hand.
pub(crate) fn free_reader(tx: &Tx<'_>) -> Result<Option<ListedReader>, AppError> {
    let Some(reader) = readers::chosen(tx)? else {
        return Ok(None);
    };
    let busy = cards::is_saving(tx, &reader.id)?
        || cards::is_paying(tx, &reader.id)?
        || phases::is_refunding(tx, &reader.id)?;
    Ok((!busy).then_some(reader))
}

/// The refund of a charge that is made. Of a card that must be presented for it: at the
/// reader `at`, where the customer stands now; or, without one, a case for a person.
pub(crate) fn refund_of(
    minor: i64,
    charge: &Charge,
    at: Option<ListedReader>,
    now: Timestamp,
) -> Refund {
    let intent = charge.intent.clone();
    match (charge.interac, at) {
        (false, _) => Refund::new(minor, intent),
        (true, Some(at)) => Refund::at_reader(minor, intent, at.id, now.plus_ms(READER_WAITS_MS)),
        (true, None) => Refund::to_present(minor, intent),
    }
}

/// Reasons offered, with their codes.
const REASONS: [(&str, &str); 5] = [
    ("damaged", "Damaged"),
    ("wrong_product", "Wrong product"),
    ("out_of_date", "Out of date"),
    ("unwanted", "Unwanted"),
    ("wrong_price", "Wrong price"),
];

/// Of a card that nobody can present now.
const PRESENT_LATER: &str =
    "The card that paid must be presented at a reader. It waits in the outbox, Need a person.";

/// A sale with its refunds so far.
struct Source {
    receipt: ReceiptNumber,
    sale: Box<CommittedSale>,
    refunded: Money,
    sold_at: Timestamp,
}

fn source(tx: &Tx<'_>, shop: &Shop, receipt: &str) -> Result<Source, AppError> {
    let number: ReceiptNumber = receipt.parse().map_err(|_| ErrorCode::NotFound)?;
    let row = tx
        .sale_by_receipt(number.number)?
        .filter(|_| number.till == shop.till)
        .ok_or(ErrorCode::NotFound)?;
    let (receipt, sale) = sale_at(tx, row.seq)?;
    Ok(Source {
        receipt,
        sale,
        refunded: Money::from_minor(row.refunded_minor, shop.currency()),
        sold_at: row.at,
    })
}

/// What refunds made at Stripe by others gave back of a tender, as far as the till knows,
/// less what refused refunds were found to be given with them.
fn elsewhere(tx: &Tx<'_>, tender: TenderId, parts: &[PartRow]) -> Result<i64, AppError> {
    let gave: i64 = tx
        .stripe_cases()?
        .iter()
        .filter(|c| c.kind == CaseKind::Refund && c.tender == tender)
        .filter(|c| c.state != "failed" && c.state != "canceled")
        .map(|c| c.amount_minor)
        .sum();
    let settled: i64 = parts
        .iter()
        .filter(|p| p.settled_elsewhere && p.tender == Some(tender))
        .map(|p| p.amount_minor - p.cash_minor)
        .sum();
    Ok(gave.saturating_sub(settled).max(0))
}

/// The part of [`elsewhere`] that the goods were paid with. The tip goes first: no refund
/// of the till gives it back, so there is that much more than the goods at Stripe.
fn goods_elsewhere(tx: &Tx<'_>, tender: TenderId, parts: &[PartRow]) -> Result<i64, AppError> {
    let gave = elsewhere(tx, tender, parts)?;
    if gave == 0 {
        return Ok(0);
    }
    let tip = tx.charge(tender)?.and_then(|charge| charge.facts.tip);
    Ok((gave - tip.map_or(0, Money::minor)).max(0))
}

/// How much of a refused refund is still owed, in minor units: less than all of it where
/// part of the charge was given back at Stripe by others.
pub(crate) fn still_owed(tx: &Tx<'_>, row: &PartRow) -> Result<i64, AppError> {
    let Some(tender) = row.tender else {
        return Ok(row.amount_minor);
    };
    let parts = tx.parts_of_sale(row.sale)?;
    let elsewhere = elsewhere(tx, tender, &parts)?;
    if elsewhere == 0 {
        return Ok(row.amount_minor);
    }
    let charge = tx.charge(tender)?.ok_or(ErrorCode::NotFound)?;
    let tip = charge.facts.tip.map_or(0, Money::minor);
    let mut left = charge
        .amount_minor
        .saturating_add(tip)
        .saturating_sub(elsewhere);
    for part in parts.iter().filter(|p| p.tender == Some(tender)) {
        let lowered = part.how == GiveBack::LowerCharge || part.state == RefundState::Canceled;
        let gave = if part.id == row.id || lowered {
            0
        } else if part.paid_in_cash {
            part.cash_minor
        } else if !part.settled_elsewhere
            && phases::refund(tx, part.id)?.is_some_and(|r| r.is_free())
        {
            0
        } else {
            part.amount_minor
        };
        left = left.saturating_sub(gave);
    }
    Ok(left.clamp(0, row.amount_minor))
}

/// What refunds by others leave of a sale for the till to give back.
fn not_given_elsewhere(
    tx: &Tx<'_>,
    shop: &Shop,
    source: &Source,
    total: Money,
) -> Result<(), AppError> {
    let parts = tx.parts_of_sale(source.sale.id)?;
    let mut gave = 0;
    for tender in &source.sale.tenders {
        gave += goods_elsewhere(tx, tender.id, &parts)?;
    }
    if gave == 0 {
        return Ok(());
    }
    // What a failed refund came to in cash is less where others had given the rest.
    let short: i64 = parts
        .iter()
        .filter(|p| p.paid_in_cash)
        .map(|p| p.amount_minor - p.cash_minor)
        .sum();
    let left = source
        .sale
        .total
        .checked_sub(source.refunded)?
        .checked_sub(Money::from_minor(gave - short, shop.currency()))?;
    if total.checked_sub(left)?.is_positive() {
        return Err(ErrorCode::RefundedElsewhere.into());
    }
    Ok(())
}

/// All that refunds of the sale depend on, as it stands now.
fn so_far<'a>(tx: &Tx<'_>, shop: &Shop, source: &'a Source) -> Result<SaleSoFar<'a>, AppError> {
    let currency = shop.currency();
    let parts = tx.parts_of_sale(source.sale.id)?;
    let back = |tender: Option<TenderId>| -> Result<Money, AppError> {
        Ok(Money::sum(
            parts
                .iter()
                // What the bank refused is owed still, or went out of the drawer.
                .filter(|p| p.tender == tender)
                .filter(|p| {
                    p.settled_elsewhere || (p.state != RefundState::Failed && !p.paid_in_cash)
                })
                .map(|p| Money::from_minor(p.amount_minor, currency)),
            currency,
        )?)
    };
    let of_sale = |p: &PartRow| source.sale.tenders.iter().any(|t| p.tender == Some(t.id));
    let paid_in_cash = Money::sum(
        (parts.iter().filter(|p| p.paid_in_cash && of_sale(p)))
            .map(|p| Money::from_minor(p.cash_minor, currency)),
        currency,
    )?;
    let mut tenders = Vec::new();
    let mut debts_paid = shop.zero();
    for tender in source.sale.tenders.iter().filter(|t| !t.is_cash()) {
        if let Some(paid) = tx.charge(tender.id)?.filter(|c| c.debt_paid) {
            debts_paid = debts_paid.checked_add(Money::from_minor(paid.amount_minor, currency))?;
            continue;
        }
        let charge = live_charge(tx, tender)?.state;
        let elsewhere = Money::from_minor(goods_elsewhere(tx, tender.id, &parts)?, currency);
        let left = tender.amount.checked_sub(back(Some(tender.id))?)?;
        tenders.push(TenderLeft {
            tender: tender.id,
            left: left.checked_sub(elsewhere)?,
            charge: tender.is_card().then_some(charge).flatten(),
        });
    }
    Ok(SaleSoFar {
        sale: &source.sale,
        returned: tx.returned_lines(source.sale.id)?,
        tenders,
        debts_paid,
        cash_returned: back(None)?.checked_add(paid_in_cash)?,
        refunded: source.refunded,
    })
}

/// What a refund would be. A charge that may have been told to charge is not lowered,
/// nor one to less than Stripe charges: then it is made whole, and the part goes back
/// after it.
fn quote_back(
    tx: &Tx<'_>,
    shop: &Shop,
    source: &Source,
    take: &[TakeBack],
) -> Result<RefundQuote, AppError> {
    let so_far = so_far(tx, shop, source)?;
    let mut quote = quote_refund(&so_far, take, &shop.pricing)?;
    not_given_elsewhere(tx, shop, source, quote.total)?;
    for (tender, how, amount) in &mut quote.parts {
        let left = so_far.tenders.iter().find(|t| Some(t.tender) == *tender);
        if let (GiveBack::LowerCharge, Some(left)) = (&how, left) {
            let rest = left.left.checked_sub(*amount)?;
            let waits = left.charge.is_some_and(|state| state.is_waiting());
            let too_little =
                rest.is_positive() && stripe_minor(rest) < minimum_minor(shop.currency());
            let too_late = phases::charge(tx, left.tender)?.is_some_and(|c| !c.can_be_lowered());
            if waits && (too_little || too_late) {
                *how = GiveBack::WhenKnown;
            }
        }
    }
    Ok(quote)
}

fn take_back(lines: &[RefundLineInput]) -> Result<Vec<TakeBack>, AppError> {
    lines
        .iter()
        .map(|l| {
            Ok(TakeBack {
                line: line_id(&l.line)?,
                quantity: number(&l.quantity)?,
                restock: l.restock,
            })
        })
        .filter(|l: &Result<TakeBack, AppError>| l.as_ref().map_or(true, |l| !l.quantity.is_zero()))
        .collect()
}

/// `at` is the reader where the first card that must be presented is: none, and it
/// waits for a person.
fn goes_to(
    tx: &Tx<'_>,
    sale: &CommittedSale,
    parts: &[(Option<TenderId>, GiveBack, Money)],
    mut at: Option<ListedReader>,
) -> Result<Vec<RefundTenderView>, AppError> {
    parts
        .iter()
        .map(|(tender, how, amount)| {
            let tender = tender.and_then(|id| sale.tenders.iter().find(|t| t.id == id));
            let presented = match tender {
                Some(t) if *how == GiveBack::StripeRefund => {
                    phases::charge(tx, t.id)?.is_some_and(|c| c.interac)
                }
                Some(_) | None => false,
            };
            let (label, kind) = match tender {
                Some(t) => {
                    let facts = tx.charge(t.id)?.map(|c| c.facts);
                    (tender_label(t, facts.as_ref()), tender_kind(t))
                }
                None => ("Cash".to_owned(), TenderKindView::Cash),
            };
            Ok(RefundTenderView {
                label,
                kind,
                amount: money(*amount),
                presented,
                says: match how {
                    GiveBack::Cash => "Out of the drawer.".to_owned(),
                    GiveBack::ExternalTerminal => "On the other machine, by hand.".to_owned(),
                    GiveBack::Voucher => "As a voucher, written by hand.".to_owned(),
                    GiveBack::StripeRefund if presented => match at.take() {
                        Some(at) => format!("Present the card at {}.", at.label),
                        None => PRESENT_LATER.to_owned(),
                    },
                    GiveBack::StripeRefund => "Back to the card that paid.".to_owned(),
                    GiveBack::LowerCharge => {
                        "Not charged yet: the charge is lowered by this much, or cancelled."
                            .to_owned()
                    }
                    GiveBack::WhenKnown => {
                        "Not known yet if the card was charged. Refunded if it was.".to_owned()
                    }
                },
            })
        })
        .collect()
}

impl Till {
    /// The sale of a receipt, with what can still be taken back.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::LooksLikeCard`].
    pub fn refund_find(&self, receipt: &str) -> Result<RefundSourceView, AppError> {
        no_card(receipt)?;
        self.store()?.read(|tx| {
            let shop = shop(tx)?;
            let source = source(tx, &shop, receipt)?;
            let sale = &source.sale;
            let returned = tx.returned_lines(sale.id)?;
            let lines = sale
                .lines
                .iter()
                .map(|sold| {
                    let back = returned
                        .iter()
                        .find(|r| r.line == sold.line.id)
                        .map_or(Decimal::ZERO, |r| r.quantity);
                    let words = |q| quantity(q, sold.line.unit);
                    let total = sold.figures.total;
                    RefundLineView {
                        id: sold.line.id.to_string(),
                        name: sold.line.name.clone(),
                        sold: words(sold.line.quantity),
                        returned: words(back),
                        left: words(sold.line.quantity - back),
                        weighed: sold.line.unit == till_domain::catalog::Unit::Kilogram,
                        paid: money(total),
                        paid_each: crate::figures::shown(
                            total.to_decimal() / sold.line.quantity,
                            &shop,
                        ),
                        is_deposit: sold.line.deposit_of.is_some(),
                    }
                })
                .collect();
            let tenders: Vec<String> = sale
                .tenders
                .iter()
                .map(|t| {
                    let facts = tx.charge(t.id)?.map(|c| c.facts);
                    let says = format!("{} {}", tender_label(t, facts.as_ref()), spoken(t.amount));
                    let gave = elsewhere(tx, t.id, &tx.parts_of_sale(sale.id)?)?;
                    if gave == 0 {
                        return Ok(says);
                    }
                    let gave = spoken(Money::from_minor(gave, shop.currency()));
                    Ok(format!("{says} ({gave} given back at Stripe already)"))
                })
                .collect::<Result<_, AppError>>()?;
            Ok(RefundSourceView {
                receipt: source.receipt.to_string(),
                sold_at: local(&shop, source.sold_at),
                cashier: user_name(tx, sale.cashier)?,
                total: money(sale.total),
                tenders: tenders.join(" · "),
                lines,
                reasons: REASONS
                    .iter()
                    .map(|(code, name)| ReasonView {
                        code: (*code).to_owned(),
                        name: (*name).to_owned(),
                    })
                    .collect(),
            })
        })
    }

    /// What a refund would come to. Changes nothing.
    ///
    /// # Errors
    /// What is wrong with the lines.
    pub fn refund_quote(
        &self,
        receipt: &str,
        lines: &[RefundLineInput],
    ) -> Result<RefundQuoteView, AppError> {
        let take = take_back(lines)?;
        let managers = self.managers()?;
        let online = self.is_online();
        self.store()?.read(|tx| {
            let shop = shop(tx)?;
            let at = if online { free_reader(tx)? } else { None };
            let source = source(tx, &shop, receipt)?;
            let quote = quote_back(tx, &shop, &source, &take)?;
            let needs = needs_manager(quote.total, source.refunded, shop.refund_threshold)?;
            Ok(RefundQuoteView {
                total: money(quote.total.checked_add(quote.cash_rounding)?),
                tax: money(quote.tax),
                cash_rounding: money(quote.cash_rounding),
                lines: quote.lines.iter().map(|l| money(l.total)).collect(),
                goes_to: goes_to(tx, &source.sale, &quote.parts, at)?,
                needs_manager: needs,
                says: needs.then(|| {
                    format!(
                        "Over {}, so a manager approves it with a PIN.",
                        spoken(shop.refund_threshold)
                    )
                }),
                managers,
            })
        })
    }

    /// Gives money back: journal, projections and outbox in one transaction.
    ///
    /// # Errors
    /// What is wrong with the lines; [`ErrorCode::NeedsManager`] above the
    /// threshold. Nothing has been refunded then.
    pub fn refund_commit(
        &self,
        session: &Session,
        receipt: &str,
        lines: &[RefundLineInput],
        reason: &str,
        approval: Option<&ApprovalInput>,
    ) -> Result<(RefundDoneView, Effects), AppError> {
        let take = take_back(lines)?;
        let reason = REASONS
            .iter()
            .find(|(code, name)| *code == reason || *name == reason)
            .map(|(_, name)| (*name).to_owned())
            .ok_or(ErrorCode::BadText)?;
        let approval = approval.map(|input| self.approve(input)).transpose()?;
        let now = self.now();
        let id = RefundId(self.new_id());
        let online = self.is_online();
        let (entry, quote, sale, at) = self.store()?.write(|tx| {
            let shop = shop(tx)?;
            need_shift(tx)?;
            let at = if online { free_reader(tx)? } else { None };
            let source = source(tx, &shop, receipt)?;
            let quote = quote_back(tx, &shop, &source, &take)?;
            let needs = needs_manager(quote.total, source.refunded, shop.refund_threshold)?;
            if needs && approval.is_none() {
                return Err(AppError::from(ErrorCode::NeedsManager));
            }
            let parts: Vec<RefundPart> = quote
                .parts
                .iter()
                .map(|(tender, how, amount)| RefundPart {
                    id: RefundPartId(self.new_id()),
                    tender: *tender,
                    how: *how,
                    amount: *amount,
                })
                .collect();
            let entry = Self::record_refund(
                tx,
                &shop,
                CommittedRefund {
                    id,
                    sale: source.sale.id,
                    sale_receipt: source.receipt,
                    lines: quote.lines.clone(),
                    parts,
                    total: quote.total,
                    tax: quote.tax,
                    cash_rounding: quote.cash_rounding,
                    reason,
                    cashier: session.user().id,
                    approval: approval.clone().filter(|_| needs),
                },
                at.clone(),
                now,
            )?;
            Ok((entry, quote, source.sale, at))
        })?;
        self.refund_done(&entry, &quote, &sale, at)
    }

    fn record_refund(
        tx: &Tx<'_>,
        shop: &Shop,
        refund: CommittedRefund,
        mut at: Option<ListedReader>,
        now: Timestamp,
    ) -> Result<Entry, AppError> {
        let mut to_present = Vec::new();
        for part in &refund.parts {
            let Some(tender) = part.tender else {
                continue;
            };
            match part.how {
                GiveBack::Cash | GiveBack::ExternalTerminal | GiveBack::Voucher => {}
                GiveBack::LowerCharge => {
                    phases::lower(tx, tender, stripe_minor(part.amount), now)?;
                }
                GiveBack::StripeRefund | GiveBack::WhenKnown => {
                    let charge =
                        phases::charge(tx, tender)?.filter(|_| part.how == GiveBack::StripeRefund);
                    let private = phases::private(tx, tender.0)?.unwrap_or_default();
                    let minor = stripe_minor(part.amount);
                    let entry = match charge {
                        // A reader asks for one card at a time.
                        Some(charge) => {
                            let at = if charge.interac { at.take() } else { None };
                            refund_of(minor, &charge, at, now)
                        }
                        None => Refund::new(minor, None),
                    };
                    if entry.state.needs_a_person() {
                        to_present.push(part.id);
                    }
                    phases::enqueue_refund(tx, part.id, &entry, tender, &private, now)?;
                }
            }
        }
        let receipt = ReceiptNumber {
            till: shop.till,
            number: tx.next_receipt_number()?,
        };
        let entry = tx.append(
            JournalEvent::RefundCommitted {
                receipt,
                refund: Box::new(refund),
            },
            now,
        )?;
        for part in to_present {
            phases::present_later(tx, part, now)?;
        }
        Ok(entry)
    }

    fn refund_done(
        &self,
        entry: &Entry,
        quote: &RefundQuote,
        sale: &CommittedSale,
        at: Option<ListedReader>,
    ) -> Result<(RefundDoneView, Effects), AppError> {
        let JournalEvent::RefundCommitted { receipt, refund } = &entry.event else {
            return Err(AppError::internal(
                "a refund was committed as something else",
            ));
        };
        let (paper, printer) =
            self.paper_of(|tx, shop| paper::refund_document(tx, shop, entry, Copy::Original));
        let mut print = paper.escpos;
        if refund.parts.iter().any(|p| p.how == GiveBack::Cash) {
            print.extend(OPEN_DRAWER);
        }
        self.store()?.read(|tx| {
            let approved_by = match &refund.approval {
                Some(approval) => Some(user_name(tx, approval.by)?),
                None => None,
            };
            Ok((
                RefundDoneView {
                    receipt: receipt.to_string(),
                    total: money(refund.total.checked_add(refund.cash_rounding)?),
                    goes_to: goes_to(tx, sale, &quote.parts, at)?,
                    approved_by,
                    receipt_text: paper.text,
                    printer,
                    pdf: None,
                },
                Effects { print },
            ))
        })
    }
}
