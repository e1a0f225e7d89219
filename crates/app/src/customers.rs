//! Who the shop's customers are.

use till_domain::catalog::Customer;
use till_domain::ids::{CustomerId, Timestamp};
use till_domain::journal::JournalEvent;
use till_store::Tx;

use crate::auth::Session;
use crate::cards;
use crate::error::{AppError, ErrorCode};
use crate::guard::{check_text, no_card};
use crate::view::{CustomerDetailView, CustomerView};
use crate::{Shop, Till, figures, shop};

pub(crate) fn customer_id(text: &str) -> Result<CustomerId, AppError> {
    text.parse().map_err(|_| ErrorCode::NotFound.into())
}

/// A customer that has not been erased.
pub(crate) fn known(tx: &Tx<'_>, id: CustomerId) -> Result<Customer, AppError> {
    let known = tx.customer(id)?.filter(|c| !c.name.is_empty());
    known.ok_or_else(|| ErrorCode::NotFound.into())
}

/// A name, and an address and a number that may be missing.
fn contact<'a>(
    name: &'a str,
    email: Option<&'a str>,
    phone: Option<&'a str>,
) -> Result<(&'a str, Option<&'a str>, Option<&'a str>), AppError> {
    check_text(name, 80)?;
    for text in [email, phone].into_iter().flatten() {
        check_text(text, 120)?;
    }
    Ok((name.trim(), email.map(str::trim), phone.map(str::trim)))
}

pub(crate) fn detail(
    tx: &Tx<'_>,
    shop: &Shop,
    id: CustomerId,
    practice: bool,
    now: Timestamp,
) -> Result<CustomerDetailView, AppError> {
    let customer = known(tx, id)?;
    let (saving, removing) = cards::under_way(tx, id, practice)?;
    Ok(CustomerDetailView {
        email: customer.email.clone(),
        phone: customer.phone.clone(),
        tax_set: customer.tax_set.clone(),
        saving,
        removing,
        customer: figures::customer(&customer, shop, now),
    })
}

impl Till {
    /// Customers by name.
    ///
    /// # Errors
    /// [`ErrorCode::LooksLikeCard`], and what the store says.
    pub fn customers(&self, text: &str) -> Result<Vec<CustomerView>, AppError> {
        no_card(text)?;
        let now = self.now();
        self.store()?.read(|tx| {
            let shop = shop(tx)?;
            let found = tx.customers(text, 50)?;
            Ok(found
                .iter()
                .map(|c| figures::customer(c, &shop, now))
                .collect())
        })
    }

    /// One customer, with all that is kept of them.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], and what the store says.
    pub fn customer(&self, _: &Session, customer: &str) -> Result<CustomerDetailView, AppError> {
        let id = customer_id(customer)?;
        let now = self.now();
        self.store()?
            .read(|tx| detail(tx, &shop(tx)?, id, cards::practises(tx)?, now))
    }

    /// Adds a customer without a card.
    ///
    /// # Errors
    /// A name that cannot be, or looks like a card number.
    pub fn add_customer(
        &self,
        name: &str,
        email: Option<&str>,
        phone: Option<&str>,
    ) -> Result<CustomerView, AppError> {
        let (name, email, phone) = contact(name, email, phone)?;
        let customer = Customer {
            id: CustomerId(self.new_id()),
            name: name.to_owned(),
            email: email.map(str::to_owned),
            phone: phone.map(str::to_owned),
            stripe_customer: None,
            cards: Vec::new(),
            groups: Vec::new(),
            tax_set: None,
        };
        let now = self.now();
        self.store()?.write(|tx| {
            tx.add_customer(&customer)?;
            Ok(figures::customer(&customer, &shop(tx)?, now))
        })
    }

    /// Changes what a customer is called and how they are reached. The journal knows
    /// people by ids, and has nothing to note.
    ///
    /// # Errors
    /// As [`Till::add_customer`]; [`ErrorCode::NotFound`].
    pub fn edit_customer(
        &self,
        _: &Session,
        customer: &str,
        name: &str,
        email: Option<&str>,
        phone: Option<&str>,
    ) -> Result<CustomerDetailView, AppError> {
        let id = customer_id(customer)?;
        let (name, email, phone) = contact(name, email, phone)?;
        let now = self.now();
        self.store()?.write(|tx| {
            known(tx, id)?;
            tx.set_customer_contact(id, name, email, phone)?;
            detail(tx, &shop(tx)?, id, cards::practises(tx)?, now)
        })
    }

    /// Erases a customer's personal data and their cards, which are taken off Stripe's
    /// customer as well. The journal holds their id alone and still verifies.
    ///
    /// # Errors
    /// [`ErrorCode::NotNow`] while a card of theirs is not settled.
    pub fn erase_customer(&self, session: &Session, customer: &str) -> Result<(), AppError> {
        session.must_manage()?;
        let id = customer_id(customer)?;
        let now = self.now();
        self.store()?.write(|tx| {
            let open = tx.open_sale()?.map(|open| open.sale);
            let on_sale = open
                .is_some_and(|s| s.customer == Some(id) && s.tenders.iter().any(|t| t.is_card()));
            if on_sale || tx.has_open_charge(id)? {
                return Err(AppError::from(ErrorCode::NotNow));
            }
            self.let_go_of_cards(tx, session, id, now)?;
            if !tx.erase_customer(id)? {
                return Err(ErrorCode::NotFound.into());
            }
            tx.append(
                JournalEvent::CustomerErased {
                    customer: id,
                    by: session.user().id,
                },
                now,
            )?;
            Ok(())
        })
    }
}
