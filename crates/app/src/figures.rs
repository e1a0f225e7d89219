//! Domain values → what a person reads. No decision is made here.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use till_domain::catalog::{Customer, KeptCard, Role, Unit, User};
use till_domain::charge::ChargeState;
use till_domain::ids::{Timestamp, UserId};
use till_domain::journal::ChargeFacts;
use till_domain::money::{HALF_UP, Money};
use till_domain::promotion::{PromotionBook, taken_off};
use till_domain::quote::{Discount, LineQuote, Promoted, Quote};
use till_domain::sale::{CardCapture, OpenSale, SaleLine, Tender, TenderKind};
use till_domain::settle::in_cash;
use till_store::{StockedProduct, Tx};

use crate::error::AppError;
use crate::paper::mask;
use crate::shop::{Shop, brand_name};
use crate::view::{
    CardView, CouponView, CustomerView, LineView, MoneyView, ProductView, PromotedView, RoleView,
    SaleView, StockLevel, TenderKindView, TenderReaderView, TenderStateView, TenderView, UserView,
};

pub(crate) fn money(amount: Money) -> MoneyView {
    MoneyView {
        minor: amount.minor(),
        currency: amount.currency().code().to_owned(),
        exponent: u8::try_from(amount.currency().exponent()).unwrap_or(0),
    }
}

/// Brings a price to whole minor units, to be looked at.
pub(crate) fn shown(price: Decimal, shop: &Shop) -> MoneyView {
    money(Money::rounded(price, shop.currency(), HALF_UP).unwrap_or_else(|_| shop.zero()))
}

/// "€1,234.50", "−€1.29".
pub(crate) fn spoken(amount: Money) -> String {
    amount.spoken()
}

pub(crate) fn zoned(shop: &Shop, at: Timestamp) -> jiff::Zoned {
    let zone = TimeZone::get(&shop.timezone).unwrap_or(TimeZone::UTC);
    jiff::Timestamp::from_millisecond(at.0)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_zoned(zone)
}

/// The day in the shop's zone.
pub(crate) fn day(shop: &Shop, at: Timestamp) -> Date {
    zoned(shop, at).date()
}

/// RFC 3339 in the shop's zone.
pub(crate) fn local(shop: &Shop, at: Timestamp) -> String {
    zoned(shop, at).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// "17:44".
pub(crate) fn short_time(shop: &Shop, at: Timestamp) -> String {
    zoned(shop, at).strftime("%H:%M").to_string()
}

/// "Sat 21 Nov 2026 17:44".
pub(crate) fn stamp(shop: &Shop, at: Timestamp) -> String {
    zoned(shop, at).strftime("%a %-d %b %Y %H:%M").to_string()
}

/// 0 to 23.
pub(crate) fn hour_of_day(shop: &Shop, at: Timestamp) -> usize {
    usize::try_from(zoned(shop, at).hour()).unwrap_or(0)
}

/// "3 h 25 min".
pub(crate) fn age(ms: i64) -> String {
    let minutes = ms.max(0) / 60_000;
    if minutes < 60 {
        format!("{minutes} min")
    } else {
        format!("{} h {:02} min", minutes / 60, minutes % 60)
    }
}

pub(crate) fn user_name(tx: &Tx<'_>, id: UserId) -> Result<String, AppError> {
    Ok(tx
        .users()?
        .into_iter()
        .find(|u| u.user.id == id)
        .map_or_else(|| "somebody unknown".to_owned(), |u| u.user.name))
}

const fn role(role: Role) -> RoleView {
    match role {
        Role::Cashier => RoleView::Cashier,
        Role::Manager => RoleView::Manager,
        Role::Owner => RoleView::Owner,
    }
}

pub(crate) fn user(user: &User, locked_until: Option<String>) -> UserView {
    UserView {
        id: user.id.to_string(),
        name: user.name.clone(),
        role: role(user.role),
        locked_until,
    }
}

/// The month of "12/2030" is over in the shop's zone; what cannot be read is not.
pub(crate) fn is_expired(expires: &str, shop: &Shop, now: Timestamp) -> bool {
    let Some((month, year)) = expires.split_once('/') else {
        return false;
    };
    let (Ok(month), Ok(year)) = (month.trim().parse::<i8>(), year.trim().parse::<i16>()) else {
        return false;
    };
    let today = day(shop, now);
    (year, month) < (today.year(), today.month())
}

fn card(kept: &KeptCard, shop: &Shop, now: Timestamp) -> CardView {
    CardView {
        id: kept.id.to_string(),
        brand: kept.card.brand.clone(),
        last4: kept.card.last4.clone(),
        expires: kept.card.expires.clone(),
        expired: is_expired(&kept.card.expires, shop, now),
        is_default: kept.is_default,
        agreed_at: local(shop, kept.consent.at),
        agreed_to: kept.consent.words.clone(),
    }
}

pub(crate) fn customer(customer: &Customer, shop: &Shop, now: Timestamp) -> CustomerView {
    CustomerView {
        id: customer.id.to_string(),
        name: customer.name.clone(),
        contact: customer
            .email
            .as_deref()
            .or(customer.phone.as_deref())
            .map(mask),
        groups: customer.groups.clone(),
        card: customer.default_card().map(|kept| card(kept, shop, now)),
        cards: customer
            .cards
            .iter()
            .map(|kept| card(kept, shop, now))
            .collect(),
    }
}

pub(crate) fn product(stocked: &StockedProduct, shop: &Shop) -> ProductView {
    let p = &stocked.product;
    let left = stocked.left;
    ProductView {
        id: p.id.to_string(),
        sku: p.sku.clone(),
        name: p.name.clone(),
        category: p.category.clone(),
        price: shown(p.unit_price, shop),
        weighed: p.unit == Unit::Kilogram,
        deposit: p.deposit.as_ref().map(|d| shown(d.amount, shop)),
        stock: match p.unit {
            Unit::Each => left.round().to_string(),
            Unit::Kilogram => format!("{left:.3} kg"),
        },
        stock_level: if left <= Decimal::ZERO {
            StockLevel::None
        } else if left <= Decimal::TWO {
            StockLevel::Low
        } else {
            StockLevel::Enough
        },
    }
}

pub(crate) fn quantity(quantity: Decimal, unit: Unit) -> String {
    match unit {
        Unit::Each => quantity.normalize().to_string(),
        Unit::Kilogram => format!("{quantity:.3}"),
    }
}

pub(crate) fn discount_words(discount: &Discount) -> String {
    match discount {
        Discount::Percent(percent) => format!("{} %", percent.normalize()),
        Discount::Amount(amount) => spoken(*amount),
    }
}

/// "Cash", "Visa •••• 4242", "Pay link".
pub(crate) fn tender_label(tender: &Tender, facts: Option<&ChargeFacts>) -> String {
    match &tender.kind {
        TenderKind::Cash => "Cash".into(),
        TenderKind::ForeignCash { given, .. } => format!("Cash {} {given}", given.currency()),
        TenderKind::Voucher { number, .. } => format!("Voucher {number}"),
        TenderKind::ExternalTerminal { last4, .. } => format!("Card machine •••• {last4}"),
        TenderKind::Card { capture, .. } => match capture {
            CardCapture::SavedCard(card) => format!("{} •••• {}", card.brand, card.last4),
            CardCapture::PayLink => "Pay link".into(),
            CardCapture::Reader { label, .. } => match facts {
                Some(ChargeFacts {
                    brand: Some(brand),
                    last4: Some(last4),
                    ..
                }) => format!("{} •••• {last4}", brand_name(brand)),
                _ => format!("Card reader {label}"),
            },
            CardCapture::SimulatedReader { .. } => match facts {
                Some(ChargeFacts {
                    brand: Some(brand),
                    last4: Some(last4),
                    ..
                }) => format!("{} •••• {last4}", brand_name(brand)),
                _ => "Test card".into(),
            },
        },
    }
}

pub(crate) const fn tender_kind(tender: &Tender) -> TenderKindView {
    match &tender.kind {
        TenderKind::Cash => TenderKindView::Cash,
        TenderKind::ForeignCash { .. } => TenderKindView::ForeignCash,
        TenderKind::Voucher { .. } => TenderKindView::Voucher,
        TenderKind::ExternalTerminal { .. } => TenderKindView::ExternalTerminal,
        TenderKind::Card { capture, .. } => match capture {
            CardCapture::SimulatedReader { .. } => TenderKindView::SimulatedReader,
            CardCapture::SavedCard(_) => TenderKindView::SavedCard,
            CardCapture::PayLink => TenderKindView::PayLink,
            CardCapture::Reader { .. } => TenderKindView::Reader,
        },
    }
}

/// What a charge's state is to a person. A charge at the shop's risk waits; one
/// that a customer stands in front of works.
pub(crate) const fn tender_state(state: ChargeState, at_risk: bool) -> TenderStateView {
    match state {
        ChargeState::Succeeded => TenderStateView::Certain,
        ChargeState::AtReader => TenderStateView::AtReader,
        ChargeState::Queued
        | ChargeState::Creating
        | ChargeState::Created
        | ChargeState::Confirming => {
            if at_risk {
                TenderStateView::Queued
            } else {
                TenderStateView::Working
            }
        }
        ChargeState::AwaitingCustomer => {
            if at_risk {
                TenderStateView::Queued
            } else {
                TenderStateView::NeedsCustomer
            }
        }
        ChargeState::Unknown => TenderStateView::Unknown,
        ChargeState::Declined => TenderStateView::Declined,
        ChargeState::NeedsCustomer => TenderStateView::NeedsCustomer,
        ChargeState::NeedsAttention => TenderStateView::NeedsAttention,
        ChargeState::Canceled => TenderStateView::Canceled,
        ChargeState::Expired => TenderStateView::Expired,
        ChargeState::WrittenOff => TenderStateView::Closed,
    }
}

/// The state of a tender in the till's voice.
pub(crate) const fn says(state: TenderStateView) -> &'static str {
    match state {
        TenderStateView::Certain => "Charged.",
        TenderStateView::Working => "Charging the card now.",
        TenderStateView::AtReader => {
            "The customer taps, inserts or swipes the card at the reader. Nothing is charged yet."
        }
        TenderStateView::Queued => "Queued, not yet charged. At the shop's risk.",
        TenderStateView::Unknown => {
            "Not known yet if the card was charged. It cannot be charged twice. Wait, or look again."
        }
        TenderStateView::Declined => {
            "The card was declined. Nothing was charged. Take another tender."
        }
        TenderStateView::NeedsCustomer => "Nothing was charged yet. The customer must act.",
        TenderStateView::NeedsAttention => {
            "Nothing more is sent by itself. A manager must look at it in the outbox."
        }
        TenderStateView::Canceled => "Cancelled. Nothing was charged.",
        TenderStateView::Expired => "It waited too long, so nothing was sent. A manager decides.",
        TenderStateView::Closed => "Given up by a manager. Nothing was charged.",
    }
}

/// Why a card reader took nothing, by Stripe's word; none for what every card shares.
fn reader_says(code: &str) -> Option<&'static str> {
    Some(match code {
        "terminal_reader_busy" => {
            "Nothing was charged. The reader is busy with something else. Try again in a moment, or take another tender."
        }
        "terminal_reader_offline" => {
            "Nothing was charged. The reader has no network. Look at it and try again, or take another tender."
        }
        "not_at_reader" => {
            "Nothing was charged. The reader does not show it any more. Try again, or take another tender."
        }
        "customer_canceled" => {
            "Nothing was charged. The customer cancelled at the reader. Try again, or take another tender."
        }
        _ => return None,
    })
}

/// A charge as the open sale shows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct LiveCharge {
    pub(crate) state: Option<ChargeState>,
    pub(crate) facts: ChargeFacts,
    pub(crate) link: Option<String>,
    /// A cancellation is asked for and not confirmed.
    pub(crate) canceling: bool,
}

fn tender(tender: &Tender, charge: &LiveCharge) -> TenderView {
    let state = match (&tender.kind, charge.state) {
        (
            TenderKind::Cash
            | TenderKind::ForeignCash { .. }
            | TenderKind::Voucher { .. }
            | TenderKind::ExternalTerminal { .. },
            _,
        ) => TenderStateView::Certain,
        (TenderKind::Card { at_risk, .. }, Some(state)) => tender_state(state, *at_risk),
        (TenderKind::Card { .. }, None) => TenderStateView::NeedsAttention,
    };
    let text = match (&tender.kind, charge.canceling) {
        (_, true) => "Asking Stripe to cancel it. It cannot be charged twice. Wait, or look again.",
        (TenderKind::Cash | TenderKind::ForeignCash { .. } | TenderKind::Voucher { .. }, false) => {
            "Taken."
        }
        (TenderKind::ExternalTerminal { .. }, false) => "Certain: the slip is printed.",
        (TenderKind::Card { .. }, false) => (charge.facts.decline_code.as_deref())
            .filter(|_| charge.state.is_some_and(ChargeState::needs_a_person))
            .and_then(reader_says)
            .unwrap_or_else(|| says(state)),
    };
    let reader = match &tender.kind {
        TenderKind::Card {
            capture: CardCapture::Reader { label, tip, .. },
            ..
        } => Some(TenderReaderView {
            label: label.clone(),
            tip: tip.or(charge.facts.tip).map(money),
            can_try_again: !charge.canceling
                && charge.state.is_some_and(ChargeState::needs_a_person),
        }),
        TenderKind::Card { .. }
        | TenderKind::Cash
        | TenderKind::ForeignCash { .. }
        | TenderKind::Voucher { .. }
        | TenderKind::ExternalTerminal { .. } => None,
    };
    TenderView {
        id: tender.id.to_string(),
        kind: tender_kind(tender),
        label: tender_label(tender, Some(&charge.facts)),
        amount: money(tender.amount),
        given: match &tender.kind {
            TenderKind::Cash => Some(money(tender.amount)),
            TenderKind::ForeignCash { given, .. } => Some(money(*given)),
            TenderKind::Voucher { worth, .. } => Some(money(*worth)),
            TenderKind::ExternalTerminal { .. } | TenderKind::Card { .. } => None,
        },
        state,
        says: text.to_owned(),
        can_remove: !charge.canceling,
        can_look_again: charge.state.is_some_and(ChargeState::is_waiting),
        link: charge.link.clone(),
        reader,
    }
}

fn promoted_view(promoted: &Promoted, book: &PromotionBook) -> PromotedView {
    PromotedView {
        name: promoted.name.clone(),
        amount: money(promoted.amount),
        says: book
            .reason(promoted)
            .unwrap_or_else(|| promoted.name.clone()),
    }
}

/// Codes on the sale, and what each is worth now.
fn coupons(sale: &OpenSale, quote: &Quote, book: &PromotionBook) -> Vec<CouponView> {
    sale.coupons
        .iter()
        .map(|code| {
            let names: Vec<String> = book.of_coupon(code).map(|p| p.name.clone()).collect();
            let used = book.of_coupon(code).any(|p| {
                let mut promoted = quote.lines.iter().flat_map(|l| &l.promotions);
                promoted.any(|q| q.promotion == p.id)
            });
            CouponView {
                code: code.clone(),
                name: names.join(", "),
                used,
            }
        })
        .collect()
}

fn line(
    line: &SaleLine,
    figures: Option<&LineQuote>,
    book: &PromotionBook,
    shop: &Shop,
) -> LineView {
    let zero = shop.zero();
    let (gross, discount) = figures.map_or((zero, zero), |f| (f.gross, f.discount));
    let promotions = figures.map_or(&[][..], |f| &f.promotions);
    let promoted = taken_off(promotions, shop.currency()).unwrap_or(zero);
    LineView {
        id: line.id.to_string(),
        product: line.product.map(|p| p.to_string()),
        name: line.name.clone(),
        quantity: quantity(line.quantity, line.unit),
        weighed: line.unit == Unit::Kilogram,
        unit_price: shown(
            line.charged_unit_price(shop.currency())
                .unwrap_or(line.unit_price),
            shop,
        ),
        list_price: line.price_by.map(|_| shown(line.list_price, shop)),
        gross: money(gross),
        discount: money(discount.checked_sub(promoted).unwrap_or(zero)),
        discounts: line.discounts.iter().map(discount_words).collect(),
        promotions: promotions.iter().map(|p| promoted_view(p, book)).collect(),
        amount: money(gross.checked_sub(discount).unwrap_or(zero)),
        is_deposit: line.deposit_of.is_some(),
        voided: line.voided,
    }
}

/// A sale as the window shows it.
pub(crate) fn sale(
    sale: &OpenSale,
    quote: &Quote,
    book: &PromotionBook,
    customer: Option<CustomerView>,
    charges: &[LiveCharge],
    shop: &Shop,
) -> Result<SaleView, AppError> {
    let currency = shop.currency();
    let gross = Money::sum(quote.lines.iter().map(|l| l.gross), currency)?;
    let discount = Money::sum(
        quote
            .lines
            .iter()
            .flat_map(|l| [l.discount, l.sale_discount]),
        currency,
    )?;
    let mut figures = quote.lines.iter();
    let lines = sale
        .lines
        .iter()
        .map(|l| {
            let figures = if l.voided { None } else { figures.next() };
            line(l, figures, book, shop)
        })
        .collect();
    let tenders: Vec<TenderView> = sale
        .tenders
        .iter()
        .zip(charges)
        .map(|(t, c)| tender(t, c))
        .collect();
    let settled = sale.tenders.iter().zip(charges).all(|(t, c)| match t.kind {
        TenderKind::Card { at_risk, .. } => match c.state {
            Some(ChargeState::Succeeded) => true,
            Some(state) => at_risk && state.is_waiting() && !c.canceling,
            None => false,
        },
        TenderKind::Cash
        | TenderKind::ForeignCash { .. }
        | TenderKind::Voucher { .. }
        | TenderKind::ExternalTerminal { .. } => true,
    });
    let busy = sale.tenders.iter().zip(charges).any(|(t, c)| {
        matches!(t.kind, TenderKind::Card { at_risk: false, .. })
            && c.state.is_some_and(ChargeState::is_waiting)
            || c.canceling
    });
    Ok(SaleView {
        id: sale.id.to_string(),
        lines,
        customer,
        gross: money(gross),
        discount: money(discount),
        coupons: coupons(sale, quote, book),
        taxed_as: sale.taxed_as.as_ref().map(|set| set.name.clone()),
        sale_discounts: sale.discounts.iter().map(discount_words).collect(),
        tax: money(quote.tax),
        tax_included: shop.price_includes_tax,
        total: money(quote.total),
        outstanding: money(quote.outstanding),
        cash_due: money(cash_left(sale, quote, shop)?),
        cash_rounding: money(quote.cash_rounding),
        change: money(quote.change),
        tenders,
        can_complete: settled && quote.outstanding.is_zero() && sale.live_lines().next().is_some(),
        busy,
    })
}

/// What is left to pay if it is paid in the shop's own coins; below nothing where
/// there is change.
pub(crate) fn cash_left(sale: &OpenSale, quote: &Quote, shop: &Shop) -> Result<Money, AppError> {
    let foreign = |t: &Tender| matches!(t.kind, TenderKind::ForeignCash { .. });
    if sale.tenders.iter().any(foreign) && quote.outstanding.is_positive() {
        return Ok(in_cash(quote.outstanding, shop.pricing.cash_rounding)?);
    }
    let given = sale.tenders.iter().filter(|t| t.is_cash());
    let given = Money::sum(given.map(|t| t.amount), shop.currency())?;
    Ok(quote.cash_due.checked_sub(given)?)
}
