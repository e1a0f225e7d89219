//! Other taxes than those that products name, on one sale: for a customer who is
//! exempt, or for goods that go to another place.
//!
//! Invariants:
//! - a sale is charged other taxes because its customer is, which a manager has said
//!   and the journal knows, or because a manager says so for this sale;
//! - a marked price with tax in it is brought to the taxes that are charged; the
//!   engine does that, see `till_domain::tax::rebased`.

use till_domain::ids::{CustomerId, Timestamp};
use till_domain::journal::JournalEvent;
use till_domain::sale::{OpenSale, TaxedAs};
use till_store::Tx;

use crate::auth::Session;
use crate::error::{AppError, ErrorCode};
use crate::guard::check_text;
use crate::sale::customer_of;
use crate::view::{ApprovalInput, CustomerView, SaleView};
use crate::{Shop, Till, figures};

/// Charges the goods of a sale these taxes, at the rates of now.
fn tax_as(
    tx: &Tx<'_>,
    shop: &Shop,
    sale: &mut OpenSale,
    set: Option<TaxedAs>,
    now: Timestamp,
) -> Result<(), AppError> {
    let day = figures::day(shop, now).into();
    sale.tax_as(set, |set, product| {
        let product = tx.product(product)?.ok_or(ErrorCode::NotFound)?.product;
        shop.taxes_of(Some(shop.tax_set(&set.code)?), &product, day)
    })
}

/// Charges what was just added what the sale is charged.
pub(crate) fn follow(
    tx: &Tx<'_>,
    shop: &Shop,
    sale: &mut OpenSale,
    now: Timestamp,
) -> Result<(), AppError> {
    match sale.taxed_as.clone() {
        None => Ok(()),
        set => tax_as(tx, shop, sale, set, now),
    }
}

/// Charges what the customer is charged, where they are charged something of their
/// own; what the customer before was charged goes with them.
pub(crate) fn follow_customer(
    tx: &Tx<'_>,
    shop: &Shop,
    sale: &mut OpenSale,
    now: Timestamp,
) -> Result<(), AppError> {
    let own = customer_of(tx, sale)?.and_then(|c| c.tax_set);
    let set = match (own, &sale.taxed_as) {
        (Some(code), _) => Some(TaxedAs {
            name: shop.tax_set(&code)?.name.clone(),
            code,
            approval: None,
        }),
        (None, Some(set)) if set.approval.is_some() => return Ok(()),
        (None, _) => None,
    };
    if set == sale.taxed_as {
        return Ok(());
    }
    tax_as(tx, shop, sale, set, now)
}

impl Till {
    /// Charges the open sale other taxes, or with `None` those of its products again.
    /// It takes a manager, but for the customer's own.
    ///
    /// # Errors
    /// [`ErrorCode::NeedsManager`]; [`ErrorCode::NotFound`] where the shop has no such
    /// taxes; [`ErrorCode::TenderBusy`] once something is paid.
    pub fn tax_as(
        &self,
        session: &Session,
        set: Option<&str>,
        approval: Option<&ApprovalInput>,
    ) -> Result<SaleView, AppError> {
        let now = self.now();
        // Outside the lock: a PIN's hash is slow on purpose.
        let approval = self.managers_yes(session, approval.filter(|_| set.is_some()))?;
        self.change_sale(session, |tx, shop, sale| {
            let set = set.map(|code| shop.tax_set(code)).transpose()?;
            let set = match set {
                None => None,
                Some(set) => {
                    let customer = customer_of(tx, sale)?;
                    let own = customer.is_some_and(|c| c.tax_set.as_ref() == Some(&set.code));
                    if !own && approval.is_none() {
                        return Err(ErrorCode::NeedsManager.into());
                    }
                    Some(TaxedAs {
                        code: set.code.clone(),
                        name: set.name.clone(),
                        approval: approval.filter(|_| !own),
                    })
                }
            };
            tax_as(tx, shop, sale, set, now)
        })
    }

    /// Charges a customer other taxes from their next sale on, or with `None` those
    /// of the products again.
    ///
    /// # Errors
    /// [`ErrorCode::NeedsManager`]; [`ErrorCode::NotFound`].
    pub fn set_customer_taxes(
        &self,
        session: &Session,
        customer: &str,
        set: Option<&str>,
    ) -> Result<CustomerView, AppError> {
        self.change_customer(session, customer, |tx, shop, id| {
            let set = set.map(|code| shop.tax_set(code)).transpose()?;
            Ok(tx.set_customer_taxes(id, set.map(|set| set.code.as_str()))?)
        })
    }

    /// Puts a customer into these groups and no others.
    ///
    /// # Errors
    /// [`ErrorCode::NeedsManager`]; a name that cannot be; [`ErrorCode::NotFound`].
    pub fn set_customer_groups(
        &self,
        session: &Session,
        customer: &str,
        groups: &[String],
    ) -> Result<CustomerView, AppError> {
        for name in groups {
            check_text(name, 80)?;
        }
        self.change_customer(session, customer, |tx, _, id| {
            let groups: Vec<String> = groups.iter().map(|g| g.trim().to_owned()).collect();
            Ok(tx.set_customer_groups(id, &groups)?)
        })
    }

    /// Changes what a customer's prices depend on; the journal knows.
    fn change_customer(
        &self,
        session: &Session,
        customer: &str,
        change: impl FnOnce(&Tx<'_>, &Shop, CustomerId) -> Result<(), AppError>,
    ) -> Result<CustomerView, AppError> {
        session.must_manage()?;
        let id: CustomerId = customer.parse().map_err(|_| ErrorCode::NotFound)?;
        let now = self.now();
        self.store()?.write(|tx| {
            let known = || -> Result<_, AppError> {
                let known = tx.customer(id)?.filter(|c| !c.name.is_empty());
                Ok(known.ok_or(ErrorCode::NotFound)?)
            };
            let before = known()?;
            let shop = crate::shop(tx)?;
            change(tx, &shop, id)?;
            let after = known()?;
            if before != after {
                tx.append(
                    JournalEvent::CustomerChanged {
                        customer: id,
                        groups: after.groups.clone(),
                        tax_set: after.tax_set.clone(),
                        by: session.user().id,
                    },
                    now,
                )?;
            }
            Ok(figures::customer(&after, &shop, now))
        })
    }
}
