//! `till sell`: a sale as JSON on standard input, committed through the same
//! methods as the window's. Either the whole sale is committed or nothing is.

use std::path::Path;
use std::time::Duration;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::json;
use till_app::Till;
use till_app::auth::Session;
use till_app::error::{AppError, ErrorCode};
use till_app::view::{
    ApprovalInput, DiscountInput, LineView, SaleView, TenderKindView, TenderStateView,
};
use till_domain::barcode::check_digit;

use crate::answer::{Answer, Done, Refusal};
use crate::args::{KeyArgs, RecallArgs, Who};
use crate::input::{Input, Number, decimal};
use crate::net::Net;
use crate::shop;
use crate::words::spoken_view;

/// How long a card in front of a customer may take.
const CARD_WAIT: Duration = Duration::from_secs(30);
/// How long a customer may take at a card reader before it is taken off again.
const READER_WAIT: Duration = Duration::from_secs(120);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SaleInput {
    user: String,
    pin: String,
    #[serde(default)]
    customer: Option<String>,
    lines: Vec<LineInput>,
    #[serde(default)]
    tax_set: Option<String>,
    #[serde(default)]
    coupons: Vec<String>,
    #[serde(default)]
    discount: Option<Off>,
    tenders: Vec<TenderInput>,
    #[serde(default)]
    manager: Option<ManagerInput>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineInput {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    product: Option<String>,
    #[serde(default)]
    quantity: Option<Number>,
    #[serde(default)]
    price: Option<Number>,
    #[serde(default)]
    discount: Option<Off>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Off {
    #[serde(default)]
    percent: Option<Number>,
    #[serde(default)]
    amount: Option<Number>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TenderInput {
    kind: TenderKindView,
    #[serde(default)]
    amount: Option<Number>,
    /// Of foreign cash.
    #[serde(default)]
    currency: Option<String>,
    /// Of a voucher.
    #[serde(default)]
    number: Option<String>,
    #[serde(default)]
    approval_code: Option<String>,
    #[serde(default)]
    last4: Option<String>,
    #[serde(default)]
    contact: Option<String>,
}

/// A manager's yes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ManagerInput {
    user: String,
    pin: String,
    #[serde(default)]
    reason: String,
}

impl ManagerInput {
    /// The yes, with the manager's id.
    pub(crate) fn approval(&self, till: &Till) -> Result<ApprovalInput, Refusal> {
        Ok(ApprovalInput {
            user: shop::find_user(till, &self.user)?.id,
            pin: self.pin.clone(),
            reason: self.reason.clone(),
        })
    }
}

fn off(what: &str, given: &Off) -> Result<DiscountInput, Refusal> {
    match (&given.percent, &given.amount) {
        (Some(percent), None) => Ok(DiscountInput::Percent(percent.0.to_string())),
        (None, Some(amount)) => Ok(DiscountInput::Amount(amount.0.to_string())),
        (Some(_), Some(_)) | (None, None) => Err(Refusal::input(format!(
            "{what}: a discount has either `percent` or `amount`. Nothing was sold."
        ))),
    }
}

fn line_of(sale: &SaleView, product: Option<&str>) -> Option<LineView> {
    sale.lines
        .iter()
        .rev()
        .find(|l| {
            !l.voided && !l.is_deposit && product.is_none_or(|p| l.product.as_deref() == Some(p))
        })
        .cloned()
}

/// A sale under way, undone where it does not come to its end.
struct Counter<'n> {
    net: &'n Net,
    session: Session,
    approval: Option<ApprovalInput>,
}

impl Counter<'_> {
    fn till(&self) -> &Till {
        &self.net.till
    }

    /// The line that a scan added to, with what was on it before.
    fn scan(&self, code: &str, quantity: Option<Decimal>) -> Result<LineView, AppError> {
        let before = self.till().sale_current()?;
        let first = self.till().scan(&self.session, code);
        let sale = match (first, quantity) {
            // Loose goods by their short code: the weight was said apart.
            (Err(error), Some(kilograms)) if error.code() == ErrorCode::QuantityKind => {
                let code = weighed(code, kilograms).ok_or(error)?;
                return self.scan(&code, None);
            }
            (sale, _) => sale?,
        };
        let held = |line: &LineView| {
            before
                .as_ref()
                .and_then(|s| s.lines.iter().find(|l| l.id == line.id))
                .map_or(Some(Decimal::ZERO), |l| decimal(&l.quantity))
        };
        let line = sale
            .lines
            .iter()
            .rev()
            .find(|l| !l.is_deposit && !l.voided && held(l) != decimal(&l.quantity))
            .cloned()
            .ok_or_else(|| AppError::internal("a scan added no line"))?;
        if let Some(quantity) = quantity {
            let all = held(&line).unwrap_or_default() + quantity;
            self.till()
                .set_quantity(&self.session, &line.id, &all.to_string())?;
        }
        Ok(line)
    }

    fn line(&self, at: usize, given: &LineInput) -> Result<(), Refusal> {
        let what = format!("lines[{at}]");
        let quantity = given.quantity.map(|q| q.0);
        let line = match (&given.code, &given.product) {
            (Some(code), None) => self
                .scan(code, quantity)
                .map_err(|error| Refusal::about(&error, &what))?,
            (None, Some(product)) => {
                let product = shop::find_product(self.till(), product)?;
                let quantity = quantity.map(|q| q.to_string());
                let sale = self
                    .till()
                    .add_product(&self.session, &product.id, quantity.as_deref())
                    .map_err(|error| Refusal::about(&error, &what))?;
                line_of(&sale, Some(&product.id))
                    .ok_or_else(|| Refusal::from(AppError::internal("no line was added")))?
            }
            (Some(_), Some(_)) | (None, None) => {
                return Err(Refusal::input(format!(
                    "{what} has either `code` or `product`. Nothing was sold."
                )));
            }
        };
        let about = |error: AppError| Refusal::about(&error, &what);
        if let Some(price) = given.price {
            self.till()
                .override_price(
                    &self.session,
                    &line.id,
                    &price.0.to_string(),
                    self.approval.as_ref(),
                )
                .map_err(about)?;
        }
        if let Some(discount) = &given.discount {
            let discount = off(&what, discount)?;
            self.till()
                .discount_line(
                    &self.session,
                    &line.id,
                    Some(&discount),
                    self.approval.as_ref(),
                )
                .map_err(about)?;
        }
        Ok(())
    }

    fn tender(&self, at: usize, given: &TenderInput) -> Result<(), Refusal> {
        let what = format!("tenders[{at}]");
        let about = |error: AppError| Refusal::about(&error, &what);
        let amount = given.amount.map(|a| a.0.to_string());
        let (till, who) = (self.till(), &self.session);
        let missing = |of: &str, field: &str| {
            Refusal::input(format!("{what}: {of} has `{field}`. Nothing was sold."))
        };
        match given.kind {
            TenderKindView::Cash => {
                let amount = match amount {
                    Some(amount) => amount,
                    None => {
                        let due = till.sale_current()?.map(|s| s.cash_due);
                        due.and_then(|m| crate::words::money(&m))
                            .map(|m| m.to_string())
                            .unwrap_or_default()
                    }
                };
                till.tender_cash(who, &amount).map_err(about)?;
            }
            TenderKindView::ForeignCash => {
                let lacks = |field| missing("cash of another currency", field);
                let currency = given.currency.as_deref();
                till.tender_foreign_cash(
                    who,
                    currency.ok_or_else(|| lacks("currency"))?,
                    &amount.ok_or_else(|| lacks("amount"))?,
                )
                .map_err(about)?;
            }
            TenderKindView::Voucher => {
                let lacks = |field| missing("a voucher", field);
                let number = given.number.as_deref();
                till.tender_voucher(
                    who,
                    number.ok_or_else(|| lacks("number"))?,
                    &amount.ok_or_else(|| lacks("amount"))?,
                )
                .map_err(about)?;
            }
            TenderKindView::ExternalTerminal => {
                let lacks = |field| missing("an external terminal's slip", field);
                let code = given.approval_code.as_deref();
                let last4 = given.last4.as_deref();
                till.tender_external(
                    who,
                    amount.as_deref(),
                    code.ok_or_else(|| lacks("approval_code"))?,
                    last4.ok_or_else(|| lacks("last4"))?,
                )
                .map_err(about)?;
            }
            TenderKindView::SavedCard
            | TenderKindView::SimulatedReader
            | TenderKindView::Reader => {
                let sale = till
                    .tender_card(who, given.kind, amount.as_deref(), self.approval.as_ref())
                    .map_err(about)?;
                self.wait_for_card(&what, &sale)?;
            }
            TenderKindView::PayLink => {
                let contact = given.contact.as_deref().unwrap_or_default();
                till.tender_pay_link(who, amount.as_deref(), contact, self.approval.as_ref())
                    .map_err(about)?;
            }
        }
        Ok(())
    }

    /// A card that is charged now is driven until it is known.
    fn wait_for_card(&self, what: &str, sale: &SaleView) -> Result<(), Refusal> {
        let Some(id) = sale.tenders.last().map(|t| t.id.clone()) else {
            return Err(AppError::internal("a tender was not taken").into());
        };
        let tender = |till: &Till| -> Result<_, Refusal> {
            let sale = till.sale_current()?;
            Ok(sale.and_then(|s| s.tenders.into_iter().find(|t| t.id == id)))
        };
        let works = |till: &Till| {
            Ok(!tender(till)?.is_some_and(|t| {
                matches!(
                    t.state,
                    TenderStateView::Working | TenderStateView::AtReader | TenderStateView::Unknown
                )
            }))
        };
        let longest = if sale.tenders.last().is_some_and(|t| t.reader.is_some()) {
            READER_WAIT
        } else {
            CARD_WAIT
        };
        self.net.drive(longest, works)?;
        match tender(self.till())? {
            Some(t) if matches!(t.state, TenderStateView::Certain | TenderStateView::Queued) => {
                Ok(())
            }
            Some(t) => Err(Refusal::rule(
                ErrorCode::TenderUnavailable,
                format!("{what}: {}", t.says),
            )),
            None => Err(Refusal::about(
                &AppError::from(ErrorCode::TenderUnavailable),
                what,
            )),
        }
    }

    fn ring_up(&self, given: &SaleInput) -> Result<(), Refusal> {
        if let Some(name) = &given.customer {
            let id = find_customer(self.till(), name)?;
            self.till().set_customer(&self.session, Some(&id))?;
        }
        if let Some(set) = &given.tax_set {
            self.till()
                .tax_as(&self.session, Some(set), self.approval.as_ref())
                .map_err(|error| Refusal::about(&error, "tax_set"))?;
        }
        for (at, line) in given.lines.iter().enumerate() {
            self.line(at, line)?;
        }
        for (at, code) in given.coupons.iter().enumerate() {
            self.till()
                .add_coupon(&self.session, code)
                .map_err(|error| Refusal::about(&error, &format!("coupons[{at}]")))?;
        }
        if let Some(discount) = &given.discount {
            let discount = off("discount", discount)?;
            self.till()
                .discount_sale(&self.session, Some(&discount), self.approval.as_ref())?;
        }
        for (at, tender) in given.tenders.iter().enumerate() {
            self.tender(at, tender)?;
        }
        Ok(())
    }

    /// Takes everything back. What Stripe may have charged stays on the open sale
    /// until it is known.
    fn undo(&self) -> Result<(), Refusal> {
        let Some(sale) = self.till().sale_current()? else {
            return Ok(());
        };
        for tender in &sale.tenders {
            self.till().tender_remove(&self.session, &tender.id)?;
        }
        // Also what left the sale already may still have to be cancelled at Stripe.
        self.net.drive(Duration::from_secs(5), |till| {
            let on_sale = till.sale_current()?.is_some_and(|s| !s.tenders.is_empty());
            Ok(!on_sale && till.connection()?.waiting == 0)
        })?;
        self.till().void_sale(&self.session)?;
        Ok(())
    }
}

/// The EAN-13 of loose goods: item, grams and check digit.
fn weighed(item: &str, kilograms: Decimal) -> Option<String> {
    let grams = kilograms.checked_mul(Decimal::ONE_THOUSAND)?.normalize();
    if item.len() != 7 || grams.scale() != 0 || grams.is_sign_negative() {
        return None;
    }
    let body = format!(
        "{item}{:05}",
        u32::try_from(grams).ok().filter(|g| *g < 100_000)?
    );
    Some(format!("{body}{}", check_digit(&body)?))
}

/// A customer by id or whole name.
pub(crate) fn find_customer(till: &Till, name: &str) -> Result<String, Refusal> {
    let wanted = name.trim().to_lowercase();
    let is_id = till_domain::ids::Uuid::parse_str(name.trim()).is_ok();
    if is_id {
        return Ok(name.trim().to_owned());
    }
    let found = till.customers(name.trim())?;
    found
        .into_iter()
        .find(|c| c.name.to_lowercase() == wanted)
        .map(|c| c.id)
        .ok_or_else(|| {
            AppError::refused(
                ErrorCode::NotFound,
                format!("no customer is called {name:?}"),
            )
            .into()
        })
}

/// Sells.
pub(crate) fn run(folder: &Path, key: &KeyArgs, input: &Input) -> Done {
    let net = Net::open(folder, key, input)?;
    let given: SaleInput = input.json()?;
    let till = &net.till;
    let session = shop::sign_in(till, &given.user, &given.pin)?;
    if till
        .sale_current()?
        .is_some_and(|s| s.lines.iter().any(|l| !l.voided))
    {
        return Err(AppError::refused(
            ErrorCode::SalesUnfinished,
            "a sale is open on this till; void or suspend it",
        )
        .into());
    }
    let approval = given
        .manager
        .as_ref()
        .map(|m| m.approval(till))
        .transpose()?;
    let by_card = given.tenders.iter().any(|t| match t.kind {
        TenderKindView::SavedCard
        | TenderKindView::SimulatedReader
        | TenderKindView::Reader
        | TenderKindView::PayLink => true,
        TenderKindView::Cash
        | TenderKindView::ForeignCash
        | TenderKindView::Voucher
        | TenderKindView::ExternalTerminal => false,
    });
    if by_card {
        net.look();
    }
    let counter = Counter {
        net: &net,
        session,
        approval,
    };
    let sold = counter
        .ring_up(&given)
        .and_then(|()| Ok(till.complete(&counter.session)?));
    let (mut done, effects) = match sold {
        Ok(done) => done,
        Err(refusal) => {
            if counter.undo().is_err() {
                crate::answer::note(
                    "The open sale could not be undone yet: a card on it is not known. Look at \
                     it with: till outbox list",
                );
            }
            return Err(refusal);
        }
    };
    done.printer = shop::print(till, &effects)?.or(done.printer);
    // What was queued while nobody looked goes out with the next send.
    let text = sale_text(&done);
    Answer::new(&done, text)
}

fn sale_text(done: &till_app::view::DoneView) -> String {
    let mut text = done.receipt_text.join("\n");
    text.push_str(&format!(
        "\n\nReceipt {}: {}",
        done.receipt,
        spoken_view(&done.sale.total)
    ));
    if done.change.minor > 0 {
        text.push_str(&format!(", change {}", spoken_view(&done.change)));
    }
    if done.at_risk.minor > 0 {
        text.push_str(&format!(
            ". {} is queued, not yet charged. The sale stands.",
            spoken_view(&done.at_risk)
        ));
    }
    if let Some(complaint) = &done.printer {
        text.push_str(&format!("\n{complaint}"));
    }
    text
}

/// Puts the open sale aside.
pub(crate) fn suspend(folder: &Path, who: &Who, input: &Input) -> Done {
    let till = shop::open_existing(folder)?;
    let session = shop::sign_in_as(&till, who, input)?;
    till.suspend(&session)?;
    let suspended = till.suspended()?;
    Answer::new(&suspended, format!("{} suspended.", suspended.len()))
}

/// Takes a suspended sale up again.
pub(crate) fn recall(folder: &Path, args: &RecallArgs, input: &Input) -> Done {
    let till = shop::open_existing(folder)?;
    let session = shop::sign_in_as(&till, &args.who, input)?;
    let id = match &args.sale {
        Some(id) => id.clone(),
        None => till
            .suspended()?
            .into_iter()
            .next()
            .map(|s| s.id)
            .ok_or_else(|| {
                Refusal::from(AppError::refused(
                    ErrorCode::NotFound,
                    "no sale is suspended",
                ))
            })?,
    };
    let sale = till.recall(&session, &id)?;
    let text = format!("{} on the counter.", spoken_view(&sale.total));
    Answer::new(&sale, text)
}

/// Undoes the open sale.
pub(crate) fn void(folder: &Path, who: &Who, input: &Input) -> Done {
    let till = shop::open_existing(folder)?;
    let session = shop::sign_in_as(&till, who, input)?;
    till.void_sale(&session)?;
    Answer::new(
        json!({ "voided": true }),
        "The open sale is undone. Nothing was taken.",
    )
}
