//! Ringing up: from the first scan to the receipt.

use jiff::civil::Date;
use rust_decimal::Decimal;
use till_domain::barcode::{Barcode, BarcodeError, Rule};
use till_domain::catalog::{Customer, Product, Unit};
use till_domain::charge::ChargeState;
use till_domain::explain::{Why, explain};
use till_domain::ids::{CustomerId, LineId, ProductId, ReceiptNumber, SaleId, TenderId, Timestamp};
use till_domain::journal::{Entry, JournalEvent};
use till_domain::money::{HALF_UP, Money};
use till_domain::quote::{Discount, quote};
use till_domain::sale::{CardCapture, CommittedSale, OpenSale, Tender, TenderKind};
use till_receipts::data::{Copy, Document};
use till_store::{OpenState, StockedProduct, StoreError, Tx};
use till_sync::machine::Goal;
use till_sync::phases;

use crate::auth::Session;
use crate::error::{AppError, ErrorCode};
use crate::figures::{self, LiveCharge, local, money, tender_label};
use crate::guard::no_card;
use crate::taxes;
use crate::tender::ask_for_charge;
use crate::view::{
    ApprovalInput, BootView, DiscountInput, DoneView, PlaceView, ProductView, ProfileView,
    SaleSummaryView, SaleView, ShiftView, ShopView, SuspendedView, UserView, WhyView,
};
use crate::{Effects, OPEN_DRAWER, Shop, Till, amount, number, paper, shop};

pub(crate) fn line_id(text: &str) -> Result<LineId, AppError> {
    text.parse().map_err(|_| ErrorCode::NotFound.into())
}

pub(crate) fn tender_id(text: &str) -> Result<TenderId, AppError> {
    text.parse().map_err(|_| ErrorCode::NotFound.into())
}

/// The open shift, or the refusal.
pub(crate) fn need_shift(tx: &Tx<'_>) -> Result<(), AppError> {
    tx.open_shift()?
        .map(|_| ())
        .ok_or_else(|| ErrorCode::ShiftNotOpen.into())
}

/// Where each tender of an open sale stands.
pub(crate) fn live_charges(tx: &Tx<'_>, sale: &OpenSale) -> Result<Vec<LiveCharge>, AppError> {
    sale.tenders
        .iter()
        .map(|tender| live_charge(tx, tender))
        .collect()
}

pub(crate) fn live_charge(tx: &Tx<'_>, tender: &Tender) -> Result<LiveCharge, AppError> {
    if !tender.is_card() {
        return Ok(LiveCharge::default());
    }
    let known = tx.charge(tender.id)?;
    let live = match phases::charge(tx, tender.id) {
        // One that cannot be read counts as the journal has it: not as nothing.
        Err(StoreError::Corrupt { .. }) if known.is_some() => {
            return Ok(LiveCharge {
                state: known.as_ref().map(|charge| charge.state),
                facts: known.map(|charge| charge.facts).unwrap_or_default(),
                ..LiveCharge::default()
            });
        }
        live => live?,
    };
    let Some(charge) = live else {
        // Accepted at risk on a sale that is not complete: nothing was asked yet.
        let at_risk = matches!(tender.kind, TenderKind::Card { at_risk: true, .. });
        return Ok(LiveCharge {
            state: at_risk.then_some(ChargeState::Queued),
            ..LiveCharge::default()
        });
    };
    Ok(LiveCharge {
        state: Some(charge.state),
        facts: known.map(|c| c.facts).unwrap_or_default(),
        canceling: charge.goal == Goal::Cancel && charge.state.is_waiting(),
        link: charge.url,
    })
}

pub(crate) fn customer_of(tx: &Tx<'_>, sale: &OpenSale) -> Result<Option<Customer>, AppError> {
    Ok(match sale.customer {
        Some(id) => tx.customer(id)?,
        None => None,
    })
}

/// Reads a code, and looks for what the catalogue knows under it. Digits of a length
/// that no product's code has are good where the shop has given them out itself.
fn find_code(
    tx: &Tx<'_>,
    code: &str,
    rules: &[Rule],
    today: Date,
) -> Result<(Barcode, Option<StockedProduct>), AppError> {
    match Barcode::parse(code, rules, today) {
        Ok(scan) => {
            for lookup in &scan.lookups {
                if let Some(product) = tx.product_by_code(lookup)? {
                    return Ok((scan, Some(product)));
                }
            }
            Ok((scan, None))
        }
        Err(error @ BarcodeError::Length { .. }) => match tx.product_by_code(code.trim())? {
            Some(product) => Ok((Barcode::in_store(code.trim()), Some(product))),
            None => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}

/// How much of the product a code stands for, and the product at the price that the
/// code says: the customer has read that price on the label.
fn as_labelled(
    mut product: Product,
    scan: &Barcode,
    shop: &Shop,
) -> Result<(Product, Decimal), AppError> {
    let price = match scan.price() {
        None => None,
        // For nothing, or in other money: that label was not printed for this shop.
        Some((price, currency))
            if price.is_zero() || currency.is_some_and(|c| c != shop.currency()) =>
        {
            return Err(ErrorCode::BarcodeMalformed.into());
        }
        Some((price, _)) => Some(price),
    };
    let quantity = match (product.unit, scan.weight(), price) {
        (Unit::Kilogram, Some(weight), _) => weight,
        (Unit::Kilogram, None, Some(price)) => {
            let weight = price.checked_div(product.unit_price);
            let weight = weight.ok_or(ErrorCode::QuantityKind)?;
            weight.round_dp_with_strategy(3, HALF_UP)
        }
        (Unit::Each, None, _) | (Unit::Each, Some(_), Some(_)) => {
            scan.quantity().unwrap_or(Decimal::ONE)
        }
        // A scan of loose goods without a weight: the window asks for it.
        (Unit::Kilogram, None, None) | (Unit::Each, Some(_), None) => {
            return Err(ErrorCode::QuantityKind.into());
        }
    };
    if let Some(price) = price {
        let comes_to = |unit_price: Decimal| {
            let exact = unit_price.checked_mul(quantity)?;
            Money::rounded(exact, shop.currency(), HALF_UP).ok()
        };
        let labelled = Money::rounded(price, shop.currency(), HALF_UP)?;
        if comes_to(product.unit_price) != Some(labelled) {
            // So many places that the line comes to the label's price again.
            let unit_price = price.checked_div(quantity);
            let unit_price = unit_price.ok_or(ErrorCode::QuantityKind)?;
            product.unit_price = unit_price.round_dp_with_strategy(9, HALF_UP);
        }
    }
    Ok((product, quantity))
}

/// Cards that were cancelled leave the open sale: their part can be paid another way.
pub(crate) fn drop_canceled(tx: &Tx<'_>, now: Timestamp) -> Result<(), AppError> {
    let Some(stored) = tx.open_sale()? else {
        return Ok(());
    };
    let mut sale = stored.sale;
    let before = sale.tenders.len();
    let mut kept = Vec::with_capacity(before);
    for tender in sale.tenders.drain(..) {
        let gone = live_charge(tx, &tender)?.state == Some(ChargeState::Canceled);
        if !gone {
            kept.push(tender);
        }
    }
    sale.tenders = kept;
    if sale.tenders.len() != before {
        tx.save_open_sale(&sale, OpenState::Open, now)?;
    }
    Ok(())
}

impl Till {
    /// A sale as the window shows it.
    pub(crate) fn view(
        &self,
        tx: &Tx<'_>,
        shop: &Shop,
        sale: &OpenSale,
    ) -> Result<SaleView, AppError> {
        let offers = self.offers(tx, shop, sale)?;
        let quote = sale.quote(&shop.pricing, &offers)?;
        let customer = customer_of(tx, sale)?;
        figures::sale(
            sale,
            &quote,
            &offers.book,
            customer.map(|c| figures::customer(&c, shop, self.now())),
            &live_charges(tx, sale)?,
            shop,
        )
    }

    /// Everything the window needs when it starts.
    ///
    /// # Errors
    /// What the store says.
    pub fn boot(&self, session: Option<&Session>) -> Result<BootView, AppError> {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        if !self.has_shop()? {
            let profiles = self.profile_views()?;
            return Ok(BootView {
                shop: None,
                users: Vec::new(),
                session: None,
                shift: None,
                connection: crate::view::ConnectionView::none(),
                version,
                profiles,
            });
        }
        let connection = self.connection()?;
        let users = self.users()?;
        self.store()?.read(|tx| {
            let shop = shop(tx)?;
            let shift = match tx.open_shift()? {
                Some(row) => Some(ShiftView {
                    number: row.number.0,
                    opened_at: local(&shop, row.opened_at),
                    opened_by: figures::user_name(tx, row.opened_by)?,
                    suspended: tx.suspended_count()?,
                }),
                None => None,
            };
            Ok(BootView {
                shop: Some(ShopView {
                    name: shop.name.clone(),
                    till: shop.till_name(),
                    currency: shop.currency().code().to_owned(),
                    locale: shop.locale.clone(),
                    timezone: shop.timezone.clone(),
                    test_mode: shop.test_mode,
                    refund_threshold: money(shop.refund_threshold),
                }),
                users,
                session: session.map(|s| figures::user(s.user(), None)),
                shift,
                connection,
                version,
                profiles: Vec::new(),
            })
        })
    }

    /// What the first-run screen offers. A file that cannot be read hides no other.
    fn profile_views(&self) -> Result<Vec<ProfileView>, AppError> {
        let mut views = Vec::new();
        for profile in self.profiles()?.all()? {
            match profile {
                Ok(profile) => views.push(ProfileView {
                    code: profile.code,
                    name: profile.name,
                    currency: profile.currency.code().to_owned(),
                    places: profile
                        .places
                        .into_iter()
                        .map(|place| PlaceView {
                            code: place.code.into_inner(),
                            name: place.name,
                        })
                        .collect(),
                    place_required: profile.place_required,
                }),
                Err(error) => tracing::warn!(%error, "a country profile is left out"),
            }
        }
        Ok(views)
    }

    /// The staff who can sign in.
    ///
    /// # Errors
    /// What the store says.
    pub fn users(&self) -> Result<Vec<UserView>, AppError> {
        let now = self.now();
        self.store()?.read(|tx| {
            let shop = shop(tx)?;
            Ok(tx
                .users()?
                .into_iter()
                .filter(|u| !u.disabled)
                .map(|u| {
                    let locked = u.locked_until.filter(|t| *t > now);
                    figures::user(&u.user, locked.map(|t| local(&shop, t)))
                })
                .collect())
        })
    }

    /// Those of the staff who can approve.
    ///
    /// # Errors
    /// What the store says.
    pub fn managers(&self) -> Result<Vec<UserView>, AppError> {
        let mut users = self.users()?;
        users.retain(|u| u.role != crate::view::RoleView::Cashier);
        Ok(users)
    }

    /// Names of the categories.
    ///
    /// # Errors
    /// What the store says.
    pub fn categories(&self) -> Result<Vec<String>, AppError> {
        Ok(self.store()?.read(|tx| tx.categories())?)
    }

    /// The tiles of a category, or the favourites.
    ///
    /// # Errors
    /// What the store says.
    pub fn products(&self, category: Option<&str>) -> Result<Vec<ProductView>, AppError> {
        self.store()?.read(|tx| {
            let shop = shop(tx)?;
            let found = tx.products_of(category)?;
            Ok(found.iter().map(|p| figures::product(p, &shop)).collect())
        })
    }

    /// Products by name or code.
    ///
    /// # Errors
    /// [`ErrorCode::LooksLikeCard`], and what the store says.
    pub fn search(&self, text: &str) -> Result<Vec<ProductView>, AppError> {
        no_card(text)?;
        self.store()?.read(|tx| {
            let shop = shop(tx)?;
            let found = tx.search_products(text, 40)?;
            Ok(found.iter().map(|p| figures::product(p, &shop)).collect())
        })
    }

    /// The sale being rung up.
    ///
    /// # Errors
    /// What the store says.
    pub fn sale_current(&self) -> Result<Option<SaleView>, AppError> {
        self.store()?.read(|tx| {
            let shop = shop(tx)?;
            match tx.open_sale()? {
                Some(stored) => self.view(tx, &shop, &stored.sale).map(Some),
                None => Ok(None),
            }
        })
    }

    /// Why the open sale comes to what it comes to, step by step.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] where no sale is open, and what the store says.
    pub fn sale_why(&self) -> Result<Vec<WhyView>, AppError> {
        self.store()?.read(|tx| {
            let shop = shop(tx)?;
            let sale = tx.open_sale()?.ok_or(ErrorCode::NotFound)?.sale;
            let offers = self.offers(tx, &shop, &sale)?;
            let basket = sale.basket(&shop.pricing, &offers)?;
            let lines: Vec<LineId> = sale.live_lines().map(|l| l.id).collect();
            let steps = explain(&basket, &quote(&basket)?)?;
            // The promotions of a line, in the order in which its steps name them.
            let mut promoted: Vec<_> = basket.lines.iter().map(|l| l.promotions.iter()).collect();
            Ok(steps
                .into_iter()
                .map(|step| {
                    let line = step.line;
                    let reason = match (step.why, line.and_then(|at| promoted.get_mut(at))) {
                        (Why::Promotion, Some(of_line)) => {
                            of_line.next().and_then(|p| offers.book.reason(p))
                        }
                        _ => None,
                    };
                    WhyView {
                        line: line.and_then(|at| lines.get(at)).map(ToString::to_string),
                        amount: figures::money(step.amount),
                        counts: step.counts,
                        says: match reason {
                            Some(reason) => format!("{reason}."),
                            None => step.says,
                        },
                    }
                })
                .collect())
        })
    }

    /// Changes the open sale, beginning one where there is none, and saves it: what
    /// was rung up survives a power cut.
    pub(crate) fn change_sale(
        &self,
        session: &Session,
        change: impl FnOnce(&Tx<'_>, &Shop, &mut OpenSale) -> Result<(), AppError>,
    ) -> Result<SaleView, AppError> {
        let now = self.now();
        let id = SaleId(self.new_id());
        self.store()?.write(|tx| {
            let shop = shop(tx)?;
            need_shift(tx)?;
            let mut sale = match tx.open_sale()? {
                Some(stored) => stored.sale,
                None => OpenSale::new(id, session.user().id, now),
            };
            change(tx, &shop, &mut sale)?;
            // What cannot be priced is not kept.
            let shown = self.view(tx, &shop, &sale)?;
            tx.save_open_sale(&sale, OpenState::Open, now)?;
            Ok(shown)
        })
    }

    /// Adds what was scanned: a product, or a coupon. Goods that are past the date in their code are not
    /// added: whoever sells them all the same says so by choosing them.
    ///
    /// # Errors
    /// What is wrong with the code, or with the sale.
    pub fn scan(&self, session: &Session, code: &str) -> Result<SaleView, AppError> {
        let now = self.now();
        self.change_sale(session, |tx, shop, sale| {
            if self.is_coupon(tx, shop, sale, code)? {
                return Ok(sale.add_coupon(code)?);
            }
            let today = figures::day(shop, now);
            let (scan, product) = find_code(tx, code, &shop.barcode_rules, today)?;
            let product = product.ok_or(ErrorCode::BarcodeUnknown)?.product;
            if scan.sell_until().is_some_and(|last| last < today) {
                return Err(ErrorCode::PastItsDate.into());
            }
            let (product, quantity) = as_labelled(product, &scan, shop)?;
            self.add(tx, shop, sale, product, quantity, now)
        })
    }

    /// What a code says, by these rules or the shop's own, and the product it is of.
    ///
    /// # Errors
    /// What is wrong with the code.
    pub fn read_code(
        &self,
        code: &str,
        rules: Option<&[Rule]>,
    ) -> Result<(Barcode, Option<ProductView>), AppError> {
        let now = self.now();
        self.store()?.read(|tx| {
            let shop = shop(tx)?;
            let rules = rules.unwrap_or(&shop.barcode_rules);
            let (scan, product) = find_code(tx, code, rules, figures::day(&shop, now))?;
            Ok((scan, product.map(|p| figures::product(&p, &shop))))
        })
    }

    /// Adds a product; weighed goods with their weight.
    ///
    /// # Errors
    /// A quantity that does not fit, or what is wrong with the sale.
    pub fn add_product(
        &self,
        session: &Session,
        product: &str,
        quantity: Option<&str>,
    ) -> Result<SaleView, AppError> {
        let id: ProductId = product.parse().map_err(|_| ErrorCode::NotFound)?;
        let now = self.now();
        self.change_sale(session, |tx, shop, sale| {
            let product = tx.product(id)?.ok_or(ErrorCode::NotFound)?.product;
            let quantity = match quantity {
                Some(text) => number(text)?,
                None if product.unit == Unit::Kilogram => {
                    return Err(ErrorCode::QuantityKind.into());
                }
                None => Decimal::ONE,
            };
            self.add(tx, shop, sale, product, quantity, now)
        })
    }

    /// Adds a product with the taxes of the day, or those the sale is charged.
    fn add(
        &self,
        tx: &Tx<'_>,
        shop: &Shop,
        sale: &mut OpenSale,
        mut product: Product,
        quantity: Decimal,
        now: Timestamp,
    ) -> Result<(), AppError> {
        product.taxes = shop.taxes_of(None, &product, figures::day(shop, now).into())?;
        sale.add_product(&product, quantity, || LineId(self.new_id()))?;
        taxes::follow(tx, shop, sale, now)
    }

    /// Changes how much of a line.
    ///
    /// # Errors
    /// A quantity that does not fit, or what is wrong with the sale.
    pub fn set_quantity(
        &self,
        session: &Session,
        line: &str,
        quantity: &str,
    ) -> Result<SaleView, AppError> {
        let (line, quantity) = (line_id(line)?, number(quantity)?);
        self.change_sale(session, |_, _, sale| Ok(sale.set_quantity(line, quantity)?))
    }

    /// Changes the price of one. A cashier needs a manager for it.
    ///
    /// # Errors
    /// [`ErrorCode::NeedsManager`], or what is wrong with the price.
    pub fn override_price(
        &self,
        session: &Session,
        line: &str,
        price: &str,
        approval: Option<&ApprovalInput>,
    ) -> Result<SaleView, AppError> {
        let line = line_id(line)?;
        let price = amount(price, &self.shop()?)?;
        let by = self
            .managers_yes(session, approval)?
            .ok_or(ErrorCode::NeedsManager)?
            .by;
        self.change_sale(session, |_, _, sale| {
            Ok(sale.override_price(line, price.to_decimal(), by)?)
        })
    }

    /// Reads a discount; one above the shop's limit needs a manager.
    fn discount(
        &self,
        session: &Session,
        discount: Option<&DiscountInput>,
        on: impl FnOnce(&Shop) -> Result<Money, AppError>,
        approval: Option<&ApprovalInput>,
    ) -> Result<Option<Discount>, AppError> {
        let Some(discount) = discount else {
            return Ok(None);
        };
        let shop = self.shop()?;
        let (discount, percent) = match discount {
            DiscountInput::Percent(text) => {
                let percent = number(text)?;
                if percent.is_sign_negative() {
                    return Err(ErrorCode::Negative.into());
                }
                if percent > Decimal::ONE_HUNDRED {
                    return Err(ErrorCode::PercentOver100.into());
                }
                (Discount::Percent(percent), percent)
            }
            DiscountInput::Amount(text) => {
                let off = amount(text, &shop)?;
                let whole = on(&shop)?;
                let percent = if whole.is_positive() {
                    off.to_decimal() * Decimal::ONE_HUNDRED / whole.to_decimal()
                } else {
                    Decimal::ONE_HUNDRED
                };
                (Discount::Amount(off), percent)
            }
        };
        if percent > shop.discount_percent_max && self.managers_yes(session, approval)?.is_none() {
            return Err(ErrorCode::NeedsManager.into());
        }
        Ok(Some(discount))
    }

    /// Sets, or with `None` takes off, a line's discount.
    ///
    /// # Errors
    /// [`ErrorCode::NeedsManager`], or what is wrong with the discount.
    pub fn discount_line(
        &self,
        session: &Session,
        line: &str,
        discount: Option<&DiscountInput>,
        approval: Option<&ApprovalInput>,
    ) -> Result<SaleView, AppError> {
        let id = line_id(line)?;
        let on = |shop: &Shop| {
            let gross = self.sale_current()?.and_then(|sale| {
                sale.lines
                    .into_iter()
                    .find(|l| l.id == line)
                    .map(|l| l.gross.minor)
            });
            Ok(Money::from_minor(gross.unwrap_or(0), shop.currency()))
        };
        let discount = self.discount(session, discount, on, approval)?;
        self.change_sale(session, |_, _, sale| Ok(sale.discount_line(id, discount)?))
    }

    /// Sets, or with `None` takes off, the sale's discount.
    ///
    /// # Errors
    /// [`ErrorCode::NeedsManager`], or what is wrong with the discount.
    pub fn discount_sale(
        &self,
        session: &Session,
        discount: Option<&DiscountInput>,
        approval: Option<&ApprovalInput>,
    ) -> Result<SaleView, AppError> {
        let on = |shop: &Shop| {
            let gross = self.sale_current()?.map_or(0, |sale| sale.gross.minor);
            Ok(Money::from_minor(gross, shop.currency()))
        };
        let discount = self.discount(session, discount, on, approval)?;
        self.change_sale(session, |_, _, sale| Ok(sale.discount_sale(discount)?))
    }

    /// Takes a line off, or back on.
    ///
    /// # Errors
    /// What is wrong with the sale.
    pub fn void_line(
        &self,
        session: &Session,
        line: &str,
        voided: bool,
    ) -> Result<SaleView, AppError> {
        let line = line_id(line)?;
        self.change_sale(session, |_, _, sale| Ok(sale.void_line(line, voided)?))
    }

    /// Undoes the open sale as a whole. Its card tenders must have been taken back.
    ///
    /// # Errors
    /// [`ErrorCode::TenderBusy`] while a tender is on the sale.
    pub fn void_sale(&self, session: &Session) -> Result<(), AppError> {
        let now = self.now();
        self.store()?.write(|tx| {
            let shop = shop(tx)?;
            let Some(mut stored) = tx.open_sale()? else {
                return Ok(());
            };
            // Cash and slips are handed back; a card must be cancelled first.
            if stored
                .sale
                .tenders
                .iter()
                .any(|t| matches!(t.kind, TenderKind::Card { at_risk: false, .. }))
            {
                return Err(AppError::from(ErrorCode::TenderBusy));
            }
            for line in &mut stored.sale.lines {
                line.voided = true;
            }
            let lines = stored.sale.voided_lines(&shop.pricing)?;
            if !lines.is_empty() {
                tx.append(
                    JournalEvent::SaleVoided {
                        sale: stored.sale.id,
                        lines,
                        by: session.user().id,
                    },
                    now,
                )?;
            }
            Ok(tx.remove_open_sale(stored.sale.id)?)
        })
    }

    /// Puts a customer on the sale, or takes them off.
    ///
    /// # Errors
    /// What is wrong with the sale.
    pub fn set_customer(
        &self,
        session: &Session,
        customer: Option<&str>,
    ) -> Result<SaleView, AppError> {
        let id = customer
            .map(|text| text.parse::<CustomerId>().map_err(|_| ErrorCode::NotFound))
            .transpose()?;
        let now = self.now();
        self.change_sale(session, |tx, shop, sale| {
            if sale.tenders.iter().any(Tender::is_card) {
                return Err(ErrorCode::TenderBusy.into());
            }
            if let Some(id) = id
                && tx.customer(id)?.is_none_or(|c| c.name.is_empty())
            {
                return Err(ErrorCode::NotFound.into());
            }
            sale.customer = id;
            taxes::follow_customer(tx, shop, sale, now)
        })
    }

    /// Puts the open sale aside.
    ///
    /// # Errors
    /// [`ErrorCode::SaleEmpty`]; [`ErrorCode::TenderBusy`] with tenders on it.
    pub fn suspend(&self, _: &Session) -> Result<(), AppError> {
        let now = self.now();
        self.store()?.write(|tx| {
            let stored = tx.open_sale()?.ok_or(ErrorCode::SaleEmpty)?;
            if stored.sale.live_lines().next().is_none() {
                return Err(AppError::from(ErrorCode::SaleEmpty));
            }
            if !stored.sale.tenders.is_empty() {
                return Err(ErrorCode::TenderBusy.into());
            }
            Ok(tx.save_open_sale(&stored.sale, OpenState::Suspended, now)?)
        })
    }

    /// The suspended sales, the newest first.
    ///
    /// # Errors
    /// What the store says.
    pub fn suspended(&self) -> Result<Vec<SuspendedView>, AppError> {
        self.store()?.read(|tx| {
            let shop = shop(tx)?;
            tx.suspended_sales()?
                .iter()
                .map(|stored| {
                    let sale = &stored.sale;
                    let lines = sale.live_lines().filter(|l| l.deposit_of.is_none()).count();
                    Ok(SuspendedView {
                        id: sale.id.to_string(),
                        at: local(&shop, stored.changed_at),
                        cashier: figures::user_name(tx, sale.cashier)?,
                        lines: u32::try_from(lines).unwrap_or(u32::MAX),
                        total: money(
                            sale.quote(&shop.pricing, &self.offers(tx, &shop, sale)?)?
                                .total,
                        ),
                        customer: customer_of(tx, sale)?.map(|c| c.name),
                    })
                })
                .collect()
        })
    }

    /// Takes a suspended sale up again; an open one with lines is in the way.
    ///
    /// # Errors
    /// [`ErrorCode::SalesUnfinished`]; [`ErrorCode::NotFound`].
    pub fn recall(&self, _: &Session, sale: &str) -> Result<SaleView, AppError> {
        let id: SaleId = sale.parse().map_err(|_| ErrorCode::NotFound)?;
        let now = self.now();
        self.store()?.write(|tx| {
            let shop = shop(tx)?;
            need_shift(tx)?;
            if let Some(open) = tx.open_sale()? {
                if open.sale.live_lines().next().is_some() {
                    return Err(AppError::from(ErrorCode::SalesUnfinished));
                }
                tx.remove_open_sale(open.sale.id)?;
            }
            let stored = tx
                .suspended_sales()?
                .into_iter()
                .find(|s| s.sale.id == id)
                .ok_or(ErrorCode::NotFound)?;
            tx.save_open_sale(&stored.sale, OpenState::Open, now)?;
            self.view(tx, &shop, &stored.sale)
        })
    }

    /// Completes the open sale: journal, projections and outbox in one transaction,
    /// on disk when this returns. The device acts after that.
    ///
    /// # Errors
    /// What is missing; the sale stays open.
    pub fn complete(&self, session: &Session) -> Result<(DoneView, Effects), AppError> {
        let (entry, shown) = self.commit_sale(session)?;
        let JournalEvent::SaleCommitted { receipt, sale } = &entry.event else {
            return Err(AppError::internal("a sale was committed as something else"));
        };
        // The sale is complete: whatever is wrong with its paper is said beside it,
        // never instead of it.
        let (paper, printer) =
            self.paper_of(|tx, shop| paper::sale_document(tx, shop, &entry, Copy::Original));
        let mut at_risk = Money::zero(sale.currency());
        for tender in &sale.tenders {
            if matches!(tender.kind, TenderKind::Card { at_risk: true, .. }) {
                at_risk = at_risk.checked_add(tender.amount)?;
            }
        }
        let mut print = paper.escpos;
        if sale.tenders.iter().any(Tender::is_cash) {
            print.extend(OPEN_DRAWER);
        }
        Ok((
            DoneView {
                receipt: receipt.to_string(),
                sale: shown,
                change: money(sale.change),
                at_risk: money(at_risk),
                receipt_text: paper.text,
                printer,
                pdf: None,
            },
            Effects { print },
        ))
    }

    /// The paper of something that is committed; none, and the sentence for the
    /// cashier, where it cannot be laid out.
    pub(crate) fn paper_of(
        &self,
        document: impl FnOnce(&Tx<'_>, &Shop) -> Result<Document, AppError>,
    ) -> (paper::Paper, Option<String>) {
        let laid_out = self.store().and_then(|mut store| {
            store.read(|tx| {
                let shop = shop(tx)?;
                paper::print(&document(tx, &shop)?)
            })
        });
        match laid_out {
            Ok(paper) => (paper, None),
            Err(error) => {
                tracing::error!(%error, "a committed document has no paper");
                let none = paper::Paper {
                    text: Vec::new(),
                    escpos: Vec::new(),
                };
                (none, Some(ErrorCode::Printer.sentence().to_owned()))
            }
        }
    }

    fn commit_sale(&self, session: &Session) -> Result<(Entry, SaleView), AppError> {
        let now = self.now();
        self.store()?.write(|tx| {
            let shop = shop(tx)?;
            need_shift(tx)?;
            let mut sale = tx.open_sale()?.ok_or(ErrorCode::SaleEmpty)?.sale;
            sale.cashier = session.user().id;
            let shown = self.view(tx, &shop, &sale)?;
            let charges = live_charges(tx, &sale)?;
            for (tender, charge) in sale.tenders.iter_mut().zip(&charges) {
                if let TenderKind::Card {
                    capture: CardCapture::Reader { tip, .. },
                    ..
                } = &mut tender.kind
                {
                    *tip = charge.facts.tip;
                }
            }
            let states: Vec<_> = sale
                .tenders
                .iter()
                .map(|t| t.id)
                .zip(charges)
                .map(|(id, c)| (id, c.state.filter(|_| !c.canceling)))
                .collect();
            for tender in &sale.tenders {
                if matches!(tender.kind, TenderKind::Card { at_risk: true, .. }) {
                    ask_for_charge(tx, &shop, tender, &sale, now)?;
                }
            }
            let offers = self.offers(tx, &shop, &sale)?;
            let committed = sale.commit(&shop.pricing, &offers, |id| {
                states.iter().find(|(t, _)| *t == id).and_then(|(_, s)| *s)
            })?;
            let receipt = ReceiptNumber {
                till: shop.till,
                number: tx.next_receipt_number()?,
            };
            let id = committed.id;
            let entry = tx.append(
                JournalEvent::SaleCommitted {
                    receipt,
                    sale: Box::new(committed),
                },
                now,
            )?;
            tx.remove_open_sale(id)?;
            Ok((entry, shown))
        })
    }

    /// The newest sales first.
    ///
    /// # Errors
    /// What the store says.
    pub fn recent_sales(&self) -> Result<Vec<SaleSummaryView>, AppError> {
        self.store()?.read(|tx| {
            let shop = shop(tx)?;
            tx.recent_sales(50)?
                .iter()
                .map(|row| {
                    let (receipt, sale) = sale_at(tx, row.seq)?;
                    let tenders: Vec<String> = sale
                        .tenders
                        .iter()
                        .map(|t| {
                            let facts = tx.charge(t.id)?.map(|c| c.facts);
                            Ok(tender_label(t, facts.as_ref()))
                        })
                        .collect::<Result<_, AppError>>()?;
                    Ok(SaleSummaryView {
                        receipt: receipt.to_string(),
                        at: local(&shop, row.at),
                        cashier: figures::user_name(tx, sale.cashier)?,
                        total: money(sale.total),
                        tenders: tenders.join(", "),
                        pending: row.pending,
                        refunded: money(Money::from_minor(row.refunded_minor, shop.currency())),
                    })
                })
                .collect()
        })
    }

    /// How many receipts the till has given out.
    ///
    /// # Errors
    /// What the store says.
    pub fn receipts_so_far(&self) -> Result<usize, AppError> {
        let next = self.store()?.read(|tx| tx.next_receipt_number())?;
        Ok(usize::try_from(next.saturating_sub(1)).unwrap_or(0))
    }
}

/// The sale that a journal entry committed.
pub(crate) fn sale_at(
    tx: &Tx<'_>,
    seq: i64,
) -> Result<(ReceiptNumber, Box<CommittedSale>), AppError> {
    let event = tx.entry(seq)?.event;
    if let JournalEvent::SaleCommitted { receipt, sale } = event {
        Ok((receipt, sale))
    } else {
        Err(AppError::internal("a sale's entry is something else"))
    }
}
