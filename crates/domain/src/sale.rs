//! A sale: rung up, tendered, committed once.
//!
//! Invariants:
//! - the figures of an open sale are always a [`quote`] of its lines; none is kept;
//! - a committed sale balances: tendered − change = total + cash rounding;
//! - [`OpenSale::commit`] takes the sale, so it cannot be committed twice.

use std::sync::Arc;

use jiff::civil::DateTime;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::catalog::{Product, SavedCard, Unit};
use crate::charge::ChargeState;
use crate::ids::{CustomerId, LineId, ProductId, SaleId, TenderId, Timestamp, UserId};
use crate::measure::Measure;
use crate::money::{Currency, HALF_UP, Money, MoneyError, RoundingMode};
use crate::promotion::{Item, PromotionBook, Shopper};
use crate::quote::{
    Basket, BasketLine, Discount, LineQuote, Quote, QuoteError, TaxRounding, TaxTotal, gross, quote,
};
use crate::settle::{BasketTender, CashRounding, Surplus};
use crate::tax::Tax;

/// How the shop prices: from its country profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pricing {
    /// The shop's currency.
    pub currency: Currency,
    /// Where tax is rounded.
    pub tax_rounding: TaxRounding,
    /// Which way tax is rounded.
    #[serde(default)]
    pub tax_rounding_mode: RoundingMode,
    /// Cash rounding, where there is one.
    pub cash_rounding: Option<CashRounding>,
}

/// The promotions that a sale is priced with, and whom and when they look at. The
/// moment is when the sale was begun, so that no price changes while it is paid.
#[derive(Debug, Clone)]
pub struct Offers {
    /// The shop's promotions.
    pub book: Arc<PromotionBook>,
    /// When the sale was begun, in the shop's local time.
    pub at: DateTime,
    /// Groups of the customer.
    pub groups: Vec<String>,
}

/// One product and quantity on a sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleLine {
    /// Id.
    pub id: LineId,
    /// The product; none for a deposit.
    pub product: Option<ProductId>,
    /// Its short code while the sale is open, for promotions; a deposit has none.
    /// Of a committed sale the journal knows the product's id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sku: String,
    /// Name as sold.
    pub name: String,
    /// Category as sold.
    pub category: String,
    /// Pieces or kilograms.
    pub unit: Unit,
    /// The catalogue's price when it was rung up.
    pub list_price: Decimal,
    /// The price that counts.
    pub unit_price: Decimal,
    /// Who changed the price.
    pub price_by: Option<UserId>,
    /// How much.
    pub quantity: Decimal,
    /// The line's own discounts.
    pub discounts: Vec<Discount>,
    /// Taxes as they were.
    pub taxes: Vec<Tax>,
    /// The taxes that the price was set with, where others are charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priced_with: Option<Vec<Tax>>,
    /// A deposit belongs to this line.
    pub deposit_of: Option<LineId>,
    /// Taken off before the commit; kept for the report.
    pub voided: bool,
}

impl SaleLine {
    /// The price of one with the taxes that are charged.
    ///
    /// # Errors
    /// As [`BasketLine::charged_unit_price`].
    pub fn charged_unit_price(&self, currency: Currency) -> Result<Decimal, QuoteError> {
        Ok(basket_line(self).charged_unit_price(currency)?)
    }

    /// The taxes of its product.
    fn own_taxes(&self) -> &[Tax] {
        self.priced_with.as_deref().unwrap_or(&self.taxes)
    }
}

/// Other taxes than those that products name, for one sale: the customer is exempt,
/// or the goods go to another place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxedAs {
    /// Code of the shop's set.
    pub code: String,
    /// Its name, as on the receipt.
    pub name: String,
    /// Who allowed it for this sale; none where it is the customer's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
}

/// A manager's yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub by: UserId,
    /// Why.
    pub reason: String,
}

/// How a card is charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardCapture {
    /// A test card as if tapped: test mode and training alone.
    SimulatedReader {
        /// One of Stripe's test payment methods, such as `pm_card_visa`.
        payment_method: String,
    },
    /// The customer's stored card.
    SavedCard(SavedCard),
    /// A hosted Checkout link. Where it was sent is not kept.
    PayLink,
    /// A smart reader on the counter.
    Reader {
        /// `tmr_…`.
        reader: String,
        /// Its name here.
        label: String,
        /// What the customer added there; known when the sale is complete.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tip: Option<Money>,
    },
}

/// What is handed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenderKind {
    /// Notes and coins; the amount is what was handed over, change comes off it.
    Cash,
    /// Notes of another currency. The amount is what they are worth in the shop's;
    /// change is in the shop's.
    ForeignCash {
        /// Handed over, in the other currency.
        given: Money,
        /// Major units of the shop's currency for one of the other, as the customer
        /// was told.
        rate: Decimal,
    },
    /// A voucher on paper. The amount is what it pays: its worth, and once the sale
    /// is complete its worth less what is lost; change comes off it.
    Voucher {
        /// As printed on it.
        number: String,
        /// What it says it is worth.
        worth: Money,
        /// What becomes of what is not needed of it.
        surplus: Surplus,
    },
    /// A stand-alone card machine printed a slip.
    ExternalTerminal {
        /// From the slip.
        approval_code: String,
        /// From the slip.
        last4: String,
    },
    /// Charged by Stripe.
    Card {
        /// How.
        capture: CardCapture,
        /// Accepted at the shop's risk before it was charged.
        at_risk: bool,
        /// Who let it pass a limit.
        approval: Option<Approval>,
    },
}

/// One tender on a sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tender {
    /// Id; Stripe's metadata carries it too.
    pub id: TenderId,
    /// What it is.
    pub kind: TenderKind,
    /// Handed over (cash) or to be charged.
    pub amount: Money,
}

impl Tender {
    /// Notes and coins, of whichever currency.
    #[must_use]
    pub const fn is_cash(&self) -> bool {
        matches!(self.kind, TenderKind::Cash | TenderKind::ForeignCash { .. })
    }

    /// Charged by Stripe.
    #[must_use]
    pub const fn is_card(&self) -> bool {
        matches!(self.kind, TenderKind::Card { .. })
    }

    /// What the customer added on a reader: charged with the tender, and no part of
    /// what it pays of the sale.
    #[must_use]
    pub const fn tip(&self) -> Option<Money> {
        match self.kind {
            TenderKind::Card {
                capture: CardCapture::Reader { tip, .. },
                ..
            } => tip,
            TenderKind::Card { .. }
            | TenderKind::Cash
            | TenderKind::ForeignCash { .. }
            | TenderKind::Voucher { .. }
            | TenderKind::ExternalTerminal { .. } => None,
        }
    }

    /// The amount and the tip.
    ///
    /// # Errors
    /// As [`Money::checked_add`].
    pub fn with_tip(&self) -> Result<Money, crate::money::MoneyError> {
        self.tip()
            .map_or(Ok(self.amount), |tip| self.amount.checked_add(tip))
    }
}

/// A sale being rung up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenSale {
    /// Id.
    pub id: SaleId,
    /// Who rings it up.
    pub cashier: UserId,
    /// When it was begun.
    pub started_at: Timestamp,
    /// Who buys.
    pub customer: Option<CustomerId>,
    /// Lines, voided ones among them.
    pub lines: Vec<SaleLine>,
    /// The sale's own discounts.
    pub discounts: Vec<Discount>,
    /// Coupon codes, in upper case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coupons: Vec<String>,
    /// Other taxes than those that products name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taxed_as: Option<TaxedAs>,
    /// Tenders so far.
    pub tenders: Vec<Tender>,
    /// Where pay links go. Personal data: it ends with the open sale and is never
    /// in the journal.
    pub contacts: Vec<(TenderId, String)>,
}

/// A line as sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoldLine {
    /// The line.
    pub line: SaleLine,
    /// Its figures.
    pub figures: LineQuote,
}

/// A line that was taken off, for the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoidedLine {
    /// Name.
    pub name: String,
    /// What it came to.
    pub amount: Money,
}

/// A sale that is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommittedSale {
    /// Id.
    pub id: SaleId,
    /// Who rang it up.
    pub cashier: UserId,
    /// When it was begun.
    pub started_at: Timestamp,
    /// Who bought.
    pub customer: Option<CustomerId>,
    /// Lines as sold.
    pub lines: Vec<SoldLine>,
    /// Lines taken off.
    pub voided: Vec<VoidedLine>,
    /// The sale's own discounts.
    pub discounts: Vec<Discount>,
    /// Coupon codes that were given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coupons: Vec<String>,
    /// Other taxes than those that products name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taxed_as: Option<TaxedAs>,
    /// Tenders.
    pub tenders: Vec<Tender>,
    /// Taxes over the sale.
    pub taxes: Vec<TaxTotal>,
    /// Without tax.
    pub net: Money,
    /// Tax.
    pub tax: Money,
    /// Net and tax.
    pub total: Money,
    /// What cash rounding added.
    pub cash_rounding: Money,
    /// Given back.
    pub change: Money,
}

/// Why a change to an open sale is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SaleError {
    /// It cannot be priced.
    #[error(transparent)]
    Quote(#[from] QuoteError),
    /// No such line or tender.
    #[error("no such line or tender on this sale")]
    NotFound,
    /// A weight where pieces are sold, or the other way round.
    #[error("the quantity does not fit how the product is sold")]
    QuantityKind,
    /// Nothing, or less.
    #[error("the quantity must be more than nothing")]
    NotPositive,
    /// Tenders are on the sale; they must be taken back before lines change.
    #[error("tenders have been taken")]
    Tendered,
}

/// Why a sale cannot be committed; the sale comes back with it.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// It cannot be priced.
    #[error(transparent)]
    Quote(#[from] QuoteError),
    /// No line.
    #[error("the sale is empty")]
    Empty,
    /// Part of the sum has no tender.
    #[error("{outstanding} is not paid")]
    Underpaid {
        /// How much.
        outstanding: Money,
    },
    /// A card tender is neither charged nor accepted at risk.
    #[error("a card tender is not settled")]
    Unsettled,
}

impl OpenSale {
    /// An empty sale.
    #[must_use]
    pub const fn new(id: SaleId, cashier: UserId, started_at: Timestamp) -> Self {
        Self {
            id,
            cashier,
            started_at,
            customer: None,
            lines: Vec::new(),
            discounts: Vec::new(),
            coupons: Vec::new(),
            taxed_as: None,
            tenders: Vec::new(),
            contacts: Vec::new(),
        }
    }

    /// Where the pay link of a tender goes.
    #[must_use]
    pub fn contact_of(&self, tender: TenderId) -> Option<&str> {
        self.contacts
            .iter()
            .find(|(id, _)| *id == tender)
            .map(|(_, contact)| contact.as_str())
    }

    /// Lines that count.
    pub fn live_lines(&self) -> impl Iterator<Item = &SaleLine> {
        self.lines.iter().filter(|l| !l.voided)
    }

    /// What it is priced as: its lines with what promotions take off them.
    ///
    /// # Errors
    /// As [`PromotionBook::apply`].
    pub fn basket(&self, pricing: &Pricing, offers: &Offers) -> Result<Basket, QuoteError> {
        let ids: Vec<String> = self
            .live_lines()
            .map(|l| l.product.map(|p| p.to_string()).unwrap_or_default())
            .collect();
        let items: Vec<Item<'_>> = self
            .live_lines()
            .zip(&ids)
            .map(|(line, product)| Item {
                product,
                sku: &line.sku,
                category: &line.category,
                unit_price: line.unit_price,
                quantity: line.quantity,
                pieces: line.unit == Unit::Each,
                takes_part: line.price_by.is_none() && line.deposit_of.is_none(),
            })
            .collect();
        let promotions = offers.book.apply(
            pricing.currency,
            &items,
            &Shopper {
                at: offers.at,
                groups: &offers.groups,
                coupons: &self.coupons,
            },
        )?;
        Ok(Basket {
            currency: pricing.currency,
            tax_rounding: pricing.tax_rounding,
            tax_rounding_mode: pricing.tax_rounding_mode,
            cash_rounding: pricing.cash_rounding,
            lines: self
                .live_lines()
                .zip(promotions)
                .map(|(line, promotions)| {
                    let mut line = basket_line(line);
                    line.promotions = promotions;
                    rebase_promotions(&mut line, pricing.currency)?;
                    Ok(line)
                })
                .collect::<Result<_, QuoteError>>()?,
            discounts: self.discounts.clone(),
            tenders: self
                .tenders
                .iter()
                .map(|t| match t.kind {
                    TenderKind::Cash => BasketTender::Cash(Some(t.amount)),
                    TenderKind::ForeignCash { given, rate } => BasketTender::ForeignCash {
                        amount: given,
                        rate,
                    },
                    TenderKind::Voucher { worth, surplus, .. } => BasketTender::Voucher {
                        amount: Some(worth),
                        surplus,
                    },
                    TenderKind::ExternalTerminal { .. } | TenderKind::Card { .. } => {
                        BasketTender::Other(Some(t.amount))
                    }
                })
                .collect(),
        })
    }

    /// What it comes to now.
    ///
    /// # Errors
    /// As [`quote`].
    pub fn quote(&self, pricing: &Pricing, offers: &Offers) -> Result<Quote, QuoteError> {
        quote(&self.basket(pricing, offers)?)
    }

    fn untendered(&self) -> Result<(), SaleError> {
        if self.tenders.is_empty() {
            Ok(())
        } else {
            Err(SaleError::Tendered)
        }
    }

    /// Adds a product, and its deposit as a line of its own. A second piece of
    /// the same product at the same price and taxes joins its line.
    ///
    /// # Errors
    /// [`SaleError`].
    pub fn add_product(
        &mut self,
        product: &Product,
        quantity: Decimal,
        mut new_id: impl FnMut() -> LineId,
    ) -> Result<LineId, SaleError> {
        self.untendered()?;
        check_quantity(product.unit, quantity)?;
        let joins = product.unit == Unit::Each;
        let same = self.lines.iter().position(|l| {
            joins
                && !l.voided
                && l.product == Some(product.id)
                && l.unit_price == product.unit_price
                && l.own_taxes() == product.taxes
                && l.price_by.is_none()
                && l.discounts.is_empty()
        });
        if let Some(line) = same.and_then(|i| self.lines.get(i)) {
            let (id, more) = (line.id, line.quantity + quantity);
            self.set_quantity(id, more)?;
            return Ok(id);
        }
        let id = new_id();
        self.lines.push(SaleLine {
            id,
            product: Some(product.id),
            sku: product.sku.clone(),
            name: product.name.clone(),
            category: product.category.clone(),
            unit: product.unit,
            list_price: product.unit_price,
            unit_price: product.unit_price,
            price_by: None,
            quantity,
            discounts: Vec::new(),
            taxes: product.taxes.clone(),
            priced_with: None,
            deposit_of: None,
            voided: false,
        });
        if let Some(deposit) = &product.deposit {
            self.lines.push(SaleLine {
                id: new_id(),
                product: None,
                sku: String::new(),
                name: deposit.label.clone(),
                category: product.category.clone(),
                unit: Unit::Each,
                list_price: deposit.amount,
                unit_price: deposit.amount,
                price_by: None,
                quantity,
                discounts: Vec::new(),
                // A deposit is not turnover: no tax, no discount.
                taxes: Vec::new(),
                priced_with: None,
                deposit_of: Some(id),
                voided: false,
            });
        }
        Ok(id)
    }

    fn line_mut(&mut self, id: LineId) -> Result<&mut SaleLine, SaleError> {
        self.lines
            .iter_mut()
            .find(|l| l.id == id && l.deposit_of.is_none())
            .ok_or(SaleError::NotFound)
    }

    fn deposits_of(&mut self, id: LineId) -> impl Iterator<Item = &mut SaleLine> {
        self.lines
            .iter_mut()
            .filter(move |l| l.deposit_of == Some(id))
    }

    /// Changes how much of a line; its deposit follows.
    ///
    /// # Errors
    /// [`SaleError`].
    pub fn set_quantity(&mut self, id: LineId, quantity: Decimal) -> Result<(), SaleError> {
        self.untendered()?;
        let line = self.line_mut(id)?;
        check_quantity(line.unit, quantity)?;
        line.quantity = quantity;
        for deposit in self.deposits_of(id) {
            deposit.quantity = quantity;
        }
        Ok(())
    }

    /// Charges other taxes than those of the products, or with `None` those again;
    /// `taxes` tells what is charged on a product then. Prices are brought to them,
    /// but for those that a person typed.
    ///
    /// # Errors
    /// [`SaleError::Tendered`], and what `taxes` says.
    pub fn tax_as<E: From<SaleError>>(
        &mut self,
        set: Option<TaxedAs>,
        taxes: impl Fn(&TaxedAs, ProductId) -> Result<Vec<Tax>, E>,
    ) -> Result<(), E> {
        self.untendered()?;
        for line in &mut self.lines {
            let Some(product) = line.product else {
                continue;
            };
            let own = line.priced_with.take();
            let own = own.unwrap_or_else(|| std::mem::take(&mut line.taxes));
            line.taxes = match &set {
                Some(set) => taxes(set, product)?,
                None => own.clone(),
            };
            line.priced_with = (line.taxes != own).then_some(own);
        }
        self.taxed_as = set;
        Ok(())
    }

    /// Changes the price of one.
    ///
    /// # Errors
    /// [`SaleError`].
    pub fn override_price(
        &mut self,
        id: LineId,
        unit_price: Decimal,
        by: UserId,
    ) -> Result<(), SaleError> {
        self.untendered()?;
        if unit_price.is_sign_negative() && !unit_price.is_zero() {
            return Err(QuoteError::NegativePrice.into());
        }
        let line = self.line_mut(id)?;
        line.unit_price = unit_price;
        line.price_by = (unit_price != line.list_price).then_some(by);
        Ok(())
    }

    /// Sets, or with `None` takes off, the line's own discount.
    ///
    /// # Errors
    /// [`SaleError`].
    pub fn discount_line(
        &mut self,
        id: LineId,
        discount: Option<Discount>,
    ) -> Result<(), SaleError> {
        self.untendered()?;
        self.line_mut(id)?.discounts = discount.into_iter().collect();
        Ok(())
    }

    /// Sets, or with `None` takes off, the sale's own discount.
    ///
    /// # Errors
    /// [`SaleError`].
    pub fn discount_sale(&mut self, discount: Option<Discount>) -> Result<(), SaleError> {
        self.untendered()?;
        self.discounts = discount.into_iter().collect();
        Ok(())
    }

    /// Puts a coupon's code on the sale. What it is for is the shop's to know.
    ///
    /// # Errors
    /// [`SaleError::Tendered`].
    pub fn add_coupon(&mut self, code: &str) -> Result<(), SaleError> {
        self.untendered()?;
        let code = code.trim().to_uppercase();
        if !self.coupons.contains(&code) {
            self.coupons.push(code);
        }
        Ok(())
    }

    /// Takes a coupon's code off the sale.
    ///
    /// # Errors
    /// [`SaleError::Tendered`]; [`SaleError::NotFound`].
    pub fn remove_coupon(&mut self, code: &str) -> Result<(), SaleError> {
        self.untendered()?;
        let at = self
            .coupons
            .iter()
            .position(|c| c == code)
            .ok_or(SaleError::NotFound)?;
        self.coupons.remove(at);
        Ok(())
    }

    /// Takes a line off, or with `voided` false takes that back. Its deposit follows.
    ///
    /// # Errors
    /// [`SaleError`].
    pub fn void_line(&mut self, id: LineId, voided: bool) -> Result<(), SaleError> {
        self.untendered()?;
        self.line_mut(id)?.voided = voided;
        for deposit in self.deposits_of(id) {
            deposit.voided = voided;
        }
        Ok(())
    }

    /// Takes a tender off the sale. Whether its money is free is for the caller
    /// to know first.
    ///
    /// # Errors
    /// [`SaleError::NotFound`].
    pub fn remove_tender(&mut self, id: TenderId) -> Result<Tender, SaleError> {
        let at = self
            .tenders
            .iter()
            .position(|t| t.id == id)
            .ok_or(SaleError::NotFound)?;
        Ok(self.tenders.remove(at))
    }

    /// What the voided lines came to.
    ///
    /// # Errors
    /// As [`quote`].
    pub fn voided_lines(&self, pricing: &Pricing) -> Result<Vec<VoidedLine>, QuoteError> {
        let lines: Vec<&SaleLine> = self.lines.iter().filter(|l| l.voided).collect();
        let figures = quote(&Basket {
            currency: pricing.currency,
            tax_rounding: pricing.tax_rounding,
            tax_rounding_mode: pricing.tax_rounding_mode,
            cash_rounding: None,
            lines: lines.iter().map(|l| basket_line(l)).collect(),
            discounts: Vec::new(),
            tenders: Vec::new(),
        })?;
        Ok(lines
            .iter()
            .zip(figures.lines)
            .map(|(line, figures)| VoidedLine {
                name: line.name.clone(),
                amount: figures.total,
            })
            .collect())
    }

    /// Completes the sale. `charge_of` tells where the charge of a card tender
    /// stands; a tender accepted at risk may still wait, any other must be charged.
    ///
    /// # Errors
    /// [`CommitError`].
    pub fn commit(
        self,
        pricing: &Pricing,
        offers: &Offers,
        charge_of: impl Fn(TenderId) -> Option<ChargeState>,
    ) -> Result<CommittedSale, CommitError> {
        if self.live_lines().next().is_none() {
            return Err(CommitError::Empty);
        }
        for tender in &self.tenders {
            if let TenderKind::Card { at_risk, .. } = tender.kind {
                let settled = match charge_of(tender.id) {
                    Some(ChargeState::Succeeded) => true,
                    Some(state) => at_risk && state.is_waiting(),
                    None => false,
                };
                if !settled {
                    return Err(CommitError::Unsettled);
                }
            }
        }
        let figures = self.quote(pricing, offers)?;
        if !figures.outstanding.is_zero() {
            return Err(CommitError::Underpaid {
                outstanding: figures.outstanding,
            });
        }
        let voided = self.voided_lines(pricing)?;
        let mut tenders = Vec::with_capacity(self.tenders.len());
        for (tender, quoted) in self.tenders.into_iter().zip(&figures.tenders) {
            tenders.push(without_card_ids(Tender {
                amount: quoted
                    .amount
                    .checked_sub(quoted.forfeited)
                    .map_err(QuoteError::from)?,
                ..tender
            }));
        }
        let lines = self.lines.into_iter().filter(|l| !l.voided);
        let lines = lines.map(|line| SaleLine {
            sku: String::new(),
            ..line
        });
        Ok(CommittedSale {
            id: self.id,
            cashier: self.cashier,
            started_at: self.started_at,
            customer: self.customer,
            lines: lines
                .zip(figures.lines)
                .map(|(line, figures)| SoldLine { line, figures })
                .collect(),
            voided,
            discounts: self.discounts,
            coupons: self.coupons,
            taxed_as: self.taxed_as,
            tenders,
            taxes: figures.taxes,
            net: figures.net,
            tax: figures.tax,
            total: figures.total,
            cash_rounding: figures.cash_rounding,
            change: figures.change,
        })
    }
}

impl CommittedSale {
    /// Cash that stayed in the drawer.
    ///
    /// # Errors
    /// As [`Money::checked_add`].
    pub fn cash_kept(&self) -> Result<Money, crate::money::MoneyError> {
        Money::sum(
            self.tenders
                .iter()
                .filter(|t| t.is_cash())
                .map(|t| t.amount),
            self.total.currency(),
        )?
        .checked_sub(self.change)
    }

    /// The currency.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.total.currency()
    }
}

/// What names a customer's card at Stripe stays out of the journal: the outbox has
/// it while it is needed, and an erased customer takes it along.
fn without_card_ids(mut tender: Tender) -> Tender {
    if let TenderKind::Card {
        capture: CardCapture::SavedCard(card),
        ..
    } = &mut tender.kind
    {
        card.stripe_customer.clear();
        card.payment_method.clear();
        card.expires.clear();
    }
    tender
}

fn check_quantity(unit: Unit, quantity: Decimal) -> Result<(), SaleError> {
    if quantity <= Decimal::ZERO {
        return Err(SaleError::NotPositive);
    }
    if quantity > crate::quote::QUANTITY_MAX {
        return Err(QuoteError::Quantity { quantity }.into());
    }
    let places = quantity.normalize().scale();
    match unit {
        Unit::Each if places > 0 => Err(SaleError::QuantityKind),
        Unit::Kilogram if places > 3 => Err(SaleError::QuantityKind),
        Unit::Each | Unit::Kilogram => Ok(()),
    }
}

fn basket_line(line: &SaleLine) -> BasketLine {
    let goods = line.deposit_of.is_none();
    BasketLine {
        unit: Some(match line.unit {
            Unit::Each => Measure::Each,
            Unit::Kilogram => Measure::Kilogram,
        }),
        discounts: line.discounts.clone(),
        discountable: goods,
        turnover: goods,
        // What a person typed is what is charged.
        priced_with: line.priced_with.clone().filter(|_| line.price_by.is_none()),
        ..BasketLine::new(line.unit_price, line.quantity, line.taxes.clone())
    }
}

/// Brings what promotions take off to the taxes that are charged: three for €5.00 are
/// as much cheaper for a customer who is exempt as the goods are. Each is worth the
/// difference of two running values, so what was for nothing stays so.
fn rebase_promotions(line: &mut BasketLine, currency: Currency) -> Result<(), QuoteError> {
    if line.priced_with.is_none() || line.promotions.is_empty() {
        return Ok(());
    }
    let marked = gross(line.unit_price, line.quantity, currency)?;
    let charged = gross(line.charged_unit_price(currency)?, line.quantity, currency)?;
    let mut marked_off = Money::zero(currency);
    let mut charged_off = Money::zero(currency);
    for promoted in &mut line.promotions {
        marked_off = marked_off.checked_add(promoted.amount)?;
        let all = charged
            .to_decimal()
            .checked_mul(marked_off.to_decimal())
            .and_then(|worth| worth.checked_div(marked.to_decimal()))
            .ok_or(MoneyError::TooLarge)?;
        let all = Money::rounded(all, currency, HALF_UP)?;
        promoted.amount = all.checked_sub(charged_off)?;
        charged_off = all;
    }
    Ok(())
}
