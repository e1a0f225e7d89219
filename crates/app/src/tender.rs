//! Taking money: cash of any currency, vouchers, slips, and cards charged at once or
//! queued.
//!
//! Invariants:
//! - while Stripe can be reached a card is charged before the sale completes; a
//!   line that fails in the middle makes it *not known*, never queued;
//! - what is queued is within the shop's limits, or a manager said yes;
//! - a tender leaves the sale when its money is known to be free, not before.

use till_domain::charge::ChargeState;
use till_domain::ids::{CardId, ReceiptNumber, RefundPartId, TenderId, Timestamp};
use till_domain::journal::{ChargeKind, JournalEvent};
use till_domain::limits::Exposure;
use till_domain::money::Money;
use till_domain::sale::{CardCapture, OpenSale, Tender, TenderKind};
use till_domain::settle::{Surplus, worth};
use till_store::Tx;
use till_sync::machine::{AtReader, Charge, Goal};
use till_sync::phases;
use till_sync::request::{NotChargeable, Private, chargeable, mail_address, stripe_minor};

use crate::auth::{Session, with_reason};
use crate::error::{AppError, ErrorCode};
use crate::figures::{cash_left, is_expired, money};
use crate::guard::check_text;
use crate::outbox::exposure;
use crate::refund::{free_reader, refund_of};
use crate::sale::{customer_of, live_charge, tender_id};
use crate::shop::ForeignRate;
use crate::view::{
    ApprovalInput, CashOptionView, ForeignOptionView, LimitsView, OtherOptionView, SaleView,
    TenderKindView, TenderOptionsView,
};
use crate::{Shop, Till, amount, amount_in, cards, readers, shop};

/// How long a reader waits for a card before the payment is taken off it: whoever wanted
/// to pay has gone.
pub(crate) const READER_WAITS_MS: i64 = 10 * 60_000;

/// The test card that the simulated reader hands over.
const TEST_CARD: &str = "pm_card_visa";

/// What a queued tender is held against.
fn exposure_of(
    tx: &Tx<'_>,
    shop: &Shop,
    sale: &OpenSale,
    now: Timestamp,
) -> Result<Exposure, AppError> {
    let waiting = exposure(tx, shop)?;
    let mut on_sale = shop.zero();
    for tender in &sale.tenders {
        // On this sale already, and in no outbox before it completes.
        if matches!(tender.kind, TenderKind::Card { at_risk: true, .. }) {
            on_sale = on_sale.checked_add(tender.amount)?;
        }
    }
    let of_customer = match sale.customer {
        Some(id) => tx
            .waiting_of_customer(id, shop.currency())?
            .checked_add(on_sale)?,
        None => shop.zero(),
    };
    Ok(Exposure {
        on_till: waiting.amount.checked_add(on_sale)?,
        of_customer,
        oldest_ms: waiting.oldest_at.map_or(0, |t| now.ms_since(t)),
    })
}

const fn charge_kind(capture: &CardCapture) -> ChargeKind {
    match capture {
        CardCapture::SimulatedReader { .. } => ChargeKind::SimulatedReader,
        CardCapture::SavedCard(_) => ChargeKind::SavedCard,
        CardCapture::PayLink => ChargeKind::PayLink,
        CardCapture::Reader { .. } => ChargeKind::Reader,
    }
}

/// The next notes above a sum: each with its change.
fn cash_options(due: Money, shop: &Shop) -> Vec<CashOptionView> {
    let mut given = vec![due.minor()];
    // The nearest handful of round sums a customer would hand over: the next
    // multiple of each note, from the smallest up.
    for note in shop.denominations.iter().rev().filter(|d| **d >= 500) {
        let next = due
            .minor()
            .div_euclid(*note)
            .saturating_add(1)
            .saturating_mul(*note);
        let exact = due.minor().rem_euclid(*note) == 0;
        let sum = if exact { due.minor() } else { next };
        if !given.contains(&sum) {
            given.push(sum);
        }
    }
    given.sort_unstable();
    given
        .into_iter()
        .take(4)
        .map(|minor| CashOptionView {
            given: money(Money::from_minor(minor, due.currency())),
            change: money(Money::from_minor(minor - due.minor(), due.currency())),
        })
        .collect()
}

/// What Stripe's objects of this till say in their metadata.
pub(crate) fn till_id(shop: &Shop) -> String {
    format!("till-{}", shop.till)
}

/// What each other currency is taken at, and how much of it pays what is due.
fn foreign_options(due: Money, shop: &Shop) -> Vec<ForeignOptionView> {
    shop.foreign_cash
        .iter()
        .filter_map(|foreign| {
            let exact = due.to_decimal().checked_div(foreign.rate)?;
            // Up to the next cent of theirs: less would not pay it.
            let up = till_domain::money::RoundingStrategy::AwayFromZero;
            let due = Money::rounded(exact, foreign.currency, up).ok()?;
            Some(ForeignOptionView {
                due: money(due),
                says: rate_words(*foreign, shop),
            })
        })
        .collect()
}

/// "1 USD is 0.92 EUR".
fn rate_words(foreign: ForeignRate, shop: &Shop) -> String {
    format!(
        "1 {} is {} {}",
        foreign.currency,
        foreign.rate.normalize(),
        shop.currency()
    )
}

/// A typed receipt number is no banknote, and no voucher.
fn not_absurd(given: Money, rest: Money) -> Result<(), AppError> {
    if given.minor() > rest.minor().saturating_add(100_000) {
        return Err(ErrorCode::Absurd.into());
    }
    Ok(())
}

/// Journals that a charge is asked for and puts it into the outbox.
pub(crate) fn ask_for_charge(
    tx: &Tx<'_>,
    shop: &Shop,
    tender: &Tender,
    sale: &OpenSale,
    now: Timestamp,
) -> Result<(), AppError> {
    let TenderKind::Card {
        capture,
        at_risk,
        approval,
    } = &tender.kind
    else {
        return Err(AppError::internal("a charge is asked for what is no card"));
    };
    let how = charge_kind(capture);
    tx.append(
        JournalEvent::ChargeRequested {
            tender: tender.id,
            sale: sale.id,
            how,
            amount: tender.amount,
            customer: sale.customer,
            at_risk: *at_risk,
            approval: approval.clone(),
        },
        now,
    )?;
    let (card_customer, payment_method, off_session) = match capture {
        CardCapture::SimulatedReader { payment_method } => {
            (None, Some(payment_method.clone()), false)
        }
        CardCapture::SavedCard(card) => (
            Some(card.stripe_customer.clone()),
            Some(card.payment_method.clone()),
            true,
        ),
        CardCapture::PayLink | CardCapture::Reader { .. } => (None, None, false),
    };
    // A pay link's contact; of any other card the customer's own.
    let customer = match (how, sale.customer) {
        (ChargeKind::PayLink, _) | (_, None) => None,
        (_, Some(id)) => tx.customer(id)?,
    };
    let contact = sale.contact_of(tender.id).map(str::to_owned);
    let email = contact.clone().or(customer.and_then(|c| c.email));
    // A charge at risk is asked for in the transaction that completes the sale.
    let receipt = if *at_risk {
        Some(ReceiptNumber {
            till: shop.till,
            number: tx.next_receipt_number()?,
        })
    } else {
        None
    };
    let private = Private {
        till: till_id(shop),
        sale: sale.id.to_string(),
        currency: shop.currency().code().to_owned(),
        customer: card_customer,
        payment_method,
        off_session,
        email: email.as_deref().and_then(mail_address),
        contact,
        shift: Some(tx.current_shift()?.0),
        receipt: receipt.map(|r| r.to_string()),
        description: shop.name.clone(),
        taken_at: Some(now),
    };
    let expires_at = match how {
        ChargeKind::Reader => now.plus_ms(READER_WAITS_MS),
        ChargeKind::SimulatedReader | ChargeKind::SavedCard | ChargeKind::PayLink => {
            now.plus_ms(i64::from(shop.limits.oldest_hours).saturating_mul(3_600_000))
        }
    };
    let mut charge = Charge::new(how, stripe_minor(tender.amount), expires_at);
    if let CardCapture::Reader { reader, .. } = capture {
        charge.reader = Some(AtReader::new(reader.clone(), shop.reader_tips));
    }
    phases::enqueue_charge(tx, tender.id, &charge, &private, now)?;
    Ok(())
}

/// What one way of paying by card needs to know beside the amount.
#[derive(Debug, Clone, Copy)]
enum Extra<'a> {
    /// Nothing: of a saved card, the customer's default one.
    None,
    /// Where a pay link goes.
    Contact(&'a str),
    /// Which saved card.
    Card(CardId),
}

impl Till {
    /// The ways to pay the rest, now.
    ///
    /// # Errors
    /// [`ErrorCode::SaleEmpty`], and what the store says.
    pub fn tender_options(&self) -> Result<TenderOptionsView, AppError> {
        let online = self.is_online();
        let now = self.now();
        self.store()?.read(|tx| {
            let shop = shop(tx)?;
            let sale = tx.open_sale()?.ok_or(ErrorCode::SaleEmpty)?.sale;
            let quote = sale.quote(&shop.pricing, &self.offers(tx, &shop, &sale)?)?;
            let due = cash_left(&sale, &quote, &shop)?;
            let due = if due.is_negative() { shop.zero() } else { due };
            let rest = quote.outstanding;
            let exposure = exposure_of(tx, &shop, &sale, now)?;
            let room = shop.limits.room(&exposure)?;
            // A part that Stripe would not charge is none.
            let most = chargeable(room).map_or(shop.zero(), |_| room);
            let customer = customer_of(tx, &sale)?;
            let too_little = chargeable(rest) == Err(NotChargeable::TooSmall);
            let mut others = Vec::new();
            let mut offer = |kind,
                             title: String,
                             mut says: String,
                             possible: bool,
                             last4: &str,
                             saved: Option<CardId>| {
                let card = kind != TenderKindView::ExternalTerminal;
                // A reader's payment is never queued.
                let certain = online || !card || kind == TenderKindView::Reader;
                if card && too_little {
                    says = ErrorCode::BelowMinimum.sentence().to_owned();
                }
                let receipt_says = if certain {
                    Vec::new()
                } else if kind == TenderKindView::PayLink {
                    vec![
                        "CARD PAYMENT PENDING".into(),
                        "Pay with the link we send you.".into(),
                    ]
                } else {
                    vec![
                        "CARD PAYMENT PENDING".into(),
                        format!(
                            "We will charge {rest} {} to the card ending {last4}",
                            rest.currency()
                        ),
                        "when this till is back online.".into(),
                    ]
                };
                others.push(OtherOptionView {
                    kind,
                    title,
                    says,
                    available: possible && !(card && too_little) && rest.is_positive(),
                    certain,
                    most: (!certain).then(|| money(most)),
                    needs_manager: !certain && rest.minor() > room.minor(),
                    receipt_says,
                    card: saved.map(|id| id.to_string()),
                });
            };
            let cards = customer.as_ref().map(|c| (&c.name, c.cards.as_slice()));
            match cards {
                Some((name, cards)) if !cards.is_empty() => {
                    for kept in cards {
                        let expired = is_expired(&kept.card.expires, &shop, now);
                        let mut says = match (online, expired) {
                            (true, _) => format!("{name}. Charged now."),
                            (false, false) => format!("{name}. Charged when back online."),
                            (false, true) => name.clone(),
                        };
                        if expired {
                            says.push_str(&format!(
                                " Expired {}: {}",
                                kept.card.expires,
                                if online {
                                    "the bank may refuse it."
                                } else {
                                    "not taken while offline."
                                }
                            ));
                        }
                        offer(
                            TenderKindView::SavedCard,
                            format!("Saved card · {} •••• {}", kept.card.brand, kept.card.last4),
                            says,
                            online || !expired,
                            &kept.card.last4,
                            Some(kept.id),
                        );
                    }
                }
                Some(_) | None => offer(
                    TenderKindView::SavedCard,
                    "Saved card".into(),
                    "Choose a customer with a saved card first.".into(),
                    false,
                    "",
                    None,
                ),
            }
            if shop.test_mode {
                offer(
                    TenderKindView::SimulatedReader,
                    "Test card".into(),
                    if online {
                        "As if tapped. Charged now.".into()
                    } else {
                        "As if tapped. Charged when back online.".into()
                    },
                    true,
                    "4242",
                    None,
                );
            }
            if let Some(reader) = readers::offered(tx)? {
                offer(
                    TenderKindView::Reader,
                    match &reader {
                        Some(reader) => format!("Card reader · {}", reader.label),
                        None => "Card reader".into(),
                    },
                    match (&reader, online) {
                        (None, _) => "No reader is chosen for this till. A manager chooses one.",
                        (_, false) => "Works only while Stripe can be reached.",
                        (Some(_), true) => "The customer taps, inserts or swipes. Charged now.",
                    }
                    .to_owned(),
                    reader.is_some() && online,
                    "",
                    None,
                );
            }
            offer(
                TenderKindView::PayLink,
                "Pay link".into(),
                if online {
                    "The customer pays by phone.".into()
                } else {
                    "Made when back online; then send it on from the outbox.".into()
                },
                true,
                "",
                None,
            );
            offer(
                TenderKindView::ExternalTerminal,
                "External terminal".into(),
                "Charge on the other machine, type its slip number.".into(),
                true,
                "",
                None,
            );
            let limits = if online {
                None
            } else {
                let room = shop
                    .limits
                    .on_till
                    .checked_sub(exposure.on_till)?
                    .checked_sub(rest)?;
                let on_sale = exposure.on_till;
                Some(LimitsView {
                    this_tender: money(rest),
                    per_tender: money(shop.limits.per_tender),
                    customer_waiting: money(exposure.of_customer),
                    per_customer: money(shop.limits.per_customer),
                    waiting: money(on_sale),
                    on_till: money(shop.limits.on_till),
                    room: money(if room.is_negative() {
                        shop.zero()
                    } else {
                        room
                    }),
                })
            };
            Ok(TenderOptionsView {
                outstanding: money(rest),
                cash: cash_options(due, &shop),
                foreign: foreign_options(due, &shop),
                voucher: shop.vouchers.map(|surplus| {
                    match surplus {
                        Surplus::Change => "What is not needed of it is given back in cash.",
                        Surplus::Forfeited => "What is not needed of it is lost: say so first.",
                    }
                    .to_owned()
                }),
                others,
                limits,
            })
        })
    }

    /// Takes cash.
    ///
    /// # Errors
    /// What is wrong with the amount; [`ErrorCode::AlreadyDone`] with nothing due.
    pub fn tender_cash(&self, session: &Session, given: &str) -> Result<SaleView, AppError> {
        let given = amount(given, &self.shop()?)?;
        let id = TenderId(self.new_id());
        self.change_sale(session, |tx, shop, sale| {
            let rest = self.rest(tx, shop, sale)?;
            let quote = sale.quote(&shop.pricing, &self.offers(tx, shop, sale)?)?;
            // A cent or two that round to nothing are settled by cash of nothing.
            if given.is_zero() && !cash_left(sale, &quote, shop)?.is_zero() {
                return Err(ErrorCode::Negative.into());
            }
            not_absurd(given, rest)?;
            sale.tenders.push(Tender {
                id,
                kind: TenderKind::Cash,
                amount: given,
            });
            Ok(())
        })
    }

    /// Takes notes of another currency, at the shop's rate. Change is in the shop's.
    ///
    /// # Errors
    /// [`ErrorCode::TenderUnavailable`] without a rate; otherwise as
    /// [`Till::tender_cash`].
    pub fn tender_foreign_cash(
        &self,
        session: &Session,
        currency: &str,
        given: &str,
    ) -> Result<SaleView, AppError> {
        let id = TenderId(self.new_id());
        self.change_sale(session, |tx, shop, sale| {
            let mut rates = shop.foreign_cash.iter();
            let foreign = rates
                .find(|foreign| {
                    foreign
                        .currency
                        .code()
                        .eq_ignore_ascii_case(currency.trim())
                })
                .ok_or(ErrorCode::TenderUnavailable)?;
            let given = amount_in(given, foreign.currency)?;
            let rest = self.rest(tx, shop, sale)?;
            let amount = worth(given, foreign.rate, shop.currency())?;
            if !amount.is_positive() {
                return Err(ErrorCode::Negative.into());
            }
            not_absurd(amount, rest)?;
            sale.tenders.push(Tender {
                id,
                kind: TenderKind::ForeignCash {
                    given,
                    rate: foreign.rate,
                },
                amount,
            });
            Ok(())
        })
    }

    /// Takes a voucher. The till keeps no list of vouchers: whether it is good is for
    /// the cashier to see.
    ///
    /// # Errors
    /// [`ErrorCode::TenderUnavailable`] where the shop takes none;
    /// [`ErrorCode::AlreadyDone`] for one that is on the sale; what is wrong with
    /// its number or its worth.
    pub fn tender_voucher(
        &self,
        session: &Session,
        number: &str,
        worth: &str,
    ) -> Result<SaleView, AppError> {
        check_text(number, 40)?;
        let number = number.trim();
        let id = TenderId(self.new_id());
        self.change_sale(session, |tx, shop, sale| {
            let surplus = shop.vouchers.ok_or(ErrorCode::TenderUnavailable)?;
            let worth = amount(worth, shop)?;
            if !worth.is_positive() {
                return Err(ErrorCode::Negative.into());
            }
            not_absurd(worth, self.rest(tx, shop, sale)?)?;
            let same = |t: &Tender| {
                matches!(&t.kind, TenderKind::Voucher { number: taken, .. } if taken == number)
            };
            if sale.tenders.iter().any(same) {
                return Err(ErrorCode::AlreadyDone.into());
            }
            sale.tenders.push(Tender {
                id,
                kind: TenderKind::Voucher {
                    number: number.to_owned(),
                    worth,
                    surplus,
                },
                amount: worth,
            });
            Ok(())
        })
    }

    /// What is left to pay; a sale with nothing on it, or nothing due, is refused.
    fn rest(&self, tx: &Tx<'_>, shop: &Shop, sale: &OpenSale) -> Result<Money, AppError> {
        if sale.live_lines().next().is_none() {
            return Err(ErrorCode::SaleEmpty.into());
        }
        let quote = sale.quote(&shop.pricing, &self.offers(tx, shop, sale)?)?;
        let rest = quote.outstanding;
        if !rest.is_positive() {
            return Err(ErrorCode::AlreadyDone.into());
        }
        Ok(rest)
    }

    /// Takes a card machine's slip.
    ///
    /// # Errors
    /// What is wrong with the amount or the slip.
    pub fn tender_external(
        &self,
        session: &Session,
        asked: Option<&str>,
        approval_code: &str,
        last4: &str,
    ) -> Result<SaleView, AppError> {
        check_text(approval_code, 20)?;
        if last4.len() != 4 || !last4.bytes().all(|b| b.is_ascii_digit()) {
            return Err(AppError::refused(
                ErrorCode::BadText,
                "four digits are wanted",
            ));
        }
        let id = TenderId(self.new_id());
        self.change_sale(session, |tx, shop, sale| {
            let amount = self.part(tx, shop, sale, asked)?;
            sale.tenders.push(Tender {
                id,
                kind: TenderKind::ExternalTerminal {
                    approval_code: approval_code.trim().to_owned(),
                    last4: last4.to_owned(),
                },
                amount,
            });
            Ok(())
        })
    }

    /// The part of the rest that a tender pays; `None` is all of it.
    fn part(
        &self,
        tx: &Tx<'_>,
        shop: &Shop,
        sale: &OpenSale,
        asked: Option<&str>,
    ) -> Result<Money, AppError> {
        let rest = self.rest(tx, shop, sale)?;
        let Some(text) = asked else {
            return Ok(rest);
        };
        let part = amount(text, shop)?;
        if !part.is_positive() {
            return Err(ErrorCode::Negative.into());
        }
        if part.minor() > rest.minor() {
            return Err(ErrorCode::OverDue.into());
        }
        Ok(part)
    }

    /// Takes a card: charged now while Stripe can be reached, else queued at the
    /// shop's risk within the limits, or past them with a manager's PIN.
    ///
    /// # Errors
    /// [`AppError::OverLimit`], [`ErrorCode::NoSavedCard`], and others by name;
    /// nothing has been charged then.
    pub fn tender_card(
        &self,
        session: &Session,
        kind: TenderKindView,
        asked: Option<&str>,
        approval: Option<&ApprovalInput>,
    ) -> Result<SaleView, AppError> {
        self.tender_by_card(session, kind, asked, Extra::None, approval)
    }

    /// Takes one of the customer's saved cards, by its id here.
    ///
    /// # Errors
    /// As [`Till::tender_card`].
    pub fn tender_saved_card(
        &self,
        session: &Session,
        card: &str,
        asked: Option<&str>,
        approval: Option<&ApprovalInput>,
    ) -> Result<SaleView, AppError> {
        let card = card.parse().map_err(|_| ErrorCode::NotFound)?;
        self.tender_by_card(
            session,
            TenderKindView::SavedCard,
            asked,
            Extra::Card(card),
            approval,
        )
    }

    /// Takes a pay link; `contact` is where it goes.
    ///
    /// # Errors
    /// As [`Till::tender_card`].
    pub fn tender_pay_link(
        &self,
        session: &Session,
        asked: Option<&str>,
        contact: &str,
        approval: Option<&ApprovalInput>,
    ) -> Result<SaleView, AppError> {
        check_text(contact, 120)?;
        self.tender_by_card(
            session,
            TenderKindView::PayLink,
            asked,
            Extra::Contact(contact),
            approval,
        )
    }

    fn tender_by_card(
        &self,
        session: &Session,
        kind: TenderKindView,
        asked: Option<&str>,
        extra: Extra<'_>,
        approval: Option<&ApprovalInput>,
    ) -> Result<SaleView, AppError> {
        let approval = approval.map(|input| self.approve(input)).transpose()?;
        let online = self.is_online();
        let id = TenderId(self.new_id());
        let now = self.now();
        self.change_sale(session, |tx, shop, sale| {
            let amount = self.part(tx, shop, sale, asked)?;
            for tender in &sale.tenders {
                let busy = live_charge(tx, tender)?
                    .state
                    .is_some_and(ChargeState::is_waiting);
                if busy && matches!(tender.kind, TenderKind::Card { at_risk: false, .. }) {
                    return Err(ErrorCode::TenderBusy.into());
                }
            }
            chargeable(amount).map_err(|why| match why {
                NotChargeable::TooSmall => ErrorCode::BelowMinimum,
                NotChargeable::TooLarge => ErrorCode::Absurd,
                NotChargeable::Unit => ErrorCode::TenderUnavailable,
            })?;
            let capture = match kind {
                TenderKindView::SavedCard => {
                    let customer = customer_of(tx, sale)?.ok_or(ErrorCode::NoSavedCard)?;
                    let kept = match extra {
                        Extra::Card(id) => customer.cards.iter().find(|c| c.id == id),
                        Extra::None | Extra::Contact(_) => customer.default_card(),
                    };
                    let kept = kept.ok_or(ErrorCode::NoSavedCard)?;
                    // A promise on a card that the bank has replaced is worth little.
                    if !online && is_expired(&kept.card.expires, shop, now) {
                        return Err(ErrorCode::TenderUnavailable.into());
                    }
                    CardCapture::SavedCard(kept.card.clone())
                }
                TenderKindView::SimulatedReader if shop.test_mode => CardCapture::SimulatedReader {
                    payment_method: TEST_CARD.into(),
                },
                TenderKindView::SimulatedReader => return Err(ErrorCode::LiveKeyRefused.into()),
                TenderKindView::PayLink => CardCapture::PayLink,
                TenderKindView::Reader if !online => {
                    return Err(ErrorCode::ReaderNeedsStripe.into());
                }
                TenderKindView::Reader => {
                    let reader = readers::chosen(tx)?.ok_or(ErrorCode::NoReader)?;
                    if cards::is_saving(tx, &reader.id)? {
                        return Err(ErrorCode::SavingUnderWay.into());
                    }
                    if phases::is_refunding(tx, &reader.id)? {
                        return Err(ErrorCode::ReaderRefunding.into());
                    }
                    CardCapture::Reader {
                        reader: reader.id,
                        label: reader.label,
                        tip: None,
                    }
                }
                TenderKindView::Cash
                | TenderKindView::ForeignCash
                | TenderKindView::Voucher
                | TenderKindView::ExternalTerminal => {
                    return Err(ErrorCode::TenderUnavailable.into());
                }
            };
            if !online {
                let exposure = exposure_of(tx, shop, sale, now)?;
                if let Some(over) = shop.limits.check(amount, &exposure)? {
                    if approval.is_none() {
                        return Err(over.into());
                    }
                    with_reason(approval.as_ref())?;
                }
            }
            let tender = Tender {
                id,
                kind: TenderKind::Card {
                    capture,
                    at_risk: !online,
                    approval: approval.clone().filter(|_| !online),
                },
                amount,
            };
            if let Extra::Contact(contact) = extra {
                sale.contacts.push((id, contact.trim().to_owned()));
            }
            if online {
                ask_for_charge(tx, shop, &tender, sale, now)?;
            }
            sale.tenders.push(tender);
            Ok(())
        })
    }

    /// Takes a tender back. Cash and slips leave at once; a card that Stripe may
    /// know of stays on the sale until Stripe says that it is cancelled; a card
    /// that was charged is refunded.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], and what the store says.
    pub fn tender_remove(&self, session: &Session, tender: &str) -> Result<SaleView, AppError> {
        let id = tender_id(tender)?;
        let part = RefundPartId(self.new_id());
        let now = self.now();
        let online = self.is_online();
        self.change_sale(session, |tx, shop, sale| {
            let tender = sale
                .tenders
                .iter()
                .find(|t| t.id == id)
                .cloned()
                .ok_or(ErrorCode::NotFound)?;
            let Some(charge) = phases::charge(tx, id)? else {
                sale.remove_tender(id)?;
                return Ok(());
            };
            match charge.state {
                ChargeState::Succeeded => {
                    // All of it, a tip as well: there is no sale.
                    let tip = tx.charge(id)?.and_then(|c| c.facts.tip);
                    let amount = tender.amount.checked_add(tip.unwrap_or(shop.zero()))?;
                    tx.append(
                        JournalEvent::TenderReturned {
                            tender: id,
                            part,
                            amount,
                            by: session.user().id,
                        },
                        now,
                    )?;
                    let private = phases::private(tx, id.0)?.unwrap_or_default();
                    let at = if online { free_reader(tx)? } else { None };
                    let refund = refund_of(stripe_minor(amount), &charge, at, now);
                    phases::enqueue_refund(tx, part, &refund, id, &private, now)?;
                    if refund.state.needs_a_person() {
                        phases::present_later(tx, part, now)?;
                    }
                    sale.remove_tender(id)?;
                }
                ChargeState::Canceled | ChargeState::WrittenOff => {
                    sale.remove_tender(id)?;
                }
                // Stripe's word is final: nothing was charged, and nothing will be,
                // for it is cancelled too. A reader could still take the next card.
                ChargeState::Declined if charge.is_free() => {
                    phases::want_cancel(tx, id, now)?;
                    sale.remove_tender(id)?;
                }
                ChargeState::Queued
                | ChargeState::Creating
                | ChargeState::Created
                | ChargeState::Confirming
                | ChargeState::AtReader
                | ChargeState::AwaitingCustomer
                | ChargeState::Unknown
                | ChargeState::Declined
                | ChargeState::NeedsCustomer
                | ChargeState::NeedsAttention
                | ChargeState::Expired => {
                    if phases::want_cancel(tx, id, now)? {
                        sale.remove_tender(id)?;
                    }
                }
            }
            Ok(())
        })
    }

    /// Takes a card at a reader once more: at `reader`, or at the till's own.
    ///
    /// # Errors
    /// [`ErrorCode::NotNow`] while it waits for something or is charged;
    /// [`ErrorCode::ReaderNeedsStripe`]; [`ErrorCode::NoReader`]. Nothing has been
    /// charged then.
    pub fn tender_again(
        &self,
        session: &Session,
        tender: &str,
        reader: Option<&str>,
    ) -> Result<SaleView, AppError> {
        let id = tender_id(tender)?;
        let now = self.now();
        let online = self.is_online();
        self.change_sale(session, |tx, _, sale| {
            let tender = sale.tenders.iter_mut().find(|t| t.id == id);
            let Some(TenderKind::Card {
                capture:
                    CardCapture::Reader {
                        reader: at, label, ..
                    },
                ..
            }) = tender.map(|t| &mut t.kind)
            else {
                return Err(ErrorCode::NotFound.into());
            };
            let charge = phases::charge(tx, id)?.ok_or(ErrorCode::NotFound)?;
            if !charge.state.needs_a_person() || charge.goal == Goal::Cancel {
                return Err(ErrorCode::NotNow.into());
            }
            if !online {
                return Err(ErrorCode::ReaderNeedsStripe.into());
            }
            let chosen = match reader {
                Some(id) => readers::known(tx, id)?,
                None => readers::chosen(tx)?,
            };
            let chosen = chosen.ok_or(ErrorCode::NoReader)?;
            if cards::is_saving(tx, &chosen.id)? {
                return Err(ErrorCode::SavingUnderWay.into());
            }
            if phases::is_refunding(tx, &chosen.id)? {
                return Err(ErrorCode::ReaderRefunding.into());
            }
            at.clone_from(&chosen.id);
            *label = chosen.label;
            let until = now.plus_ms(READER_WAITS_MS);
            phases::try_again(tx, id, Some(chosen.id), until, None, now)?;
            Ok(())
        })
    }

    /// Looks a tender up at Stripe now.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], and what the store says.
    pub fn tender_look_again(&self, session: &Session, tender: &str) -> Result<SaleView, AppError> {
        let id = tender_id(tender)?;
        let now = self.now();
        self.change_sale(session, |tx, _, sale| {
            if !sale.tenders.iter().any(|t| t.id == id) {
                return Err(ErrorCode::NotFound.into());
            }
            if let Some(mut row) = tx.outbox(id.0)?
                && !row.in_flight
            {
                row.next_at = now;
                tx.save_outbox(&row)?;
            }
            Ok(())
        })
    }
}
