//! Customers' saved cards: agreed to, saved, chosen, removed.
//!
//! Invariants:
//! - no card number comes into the till: Stripe's page or a reader takes it;
//! - nothing is saved without the customer's consent to words that were shown, and the
//!   card is kept with when, to which words, and who heard it;
//! - what Stripe is asked is on disk before it is sent, and goes on after a restart;
//! - a card that a charge still needs is not removed; one that is removed is charged no
//!   more from that moment, whatever Stripe has been told by then.

use till_domain::catalog::{Consent, ConsentWay, KeptCard, SavedCard};
use till_domain::ids::{CardId, CustomerId, Timestamp};
use till_domain::journal::JournalEvent;
use till_domain::sale::{CardCapture, TenderKind};
use till_store::{CardTaskRow, StoredRequest, Tx};
use till_sync::cards::{About, CardFacts, CardOp, CardTask, End, SaveOn, Stage};
use till_sync::classify::Op;
use till_sync::machine::DELAY_MAX_MS;
use till_sync::phases::{self, Claim};
use till_sync::transport::Answer;

use crate::auth::Session;
use crate::customers::{customer_id, detail, known};
use crate::error::{AppError, ErrorCode};
use crate::tender::till_id;
use crate::view::{CardConsentView, CustomerDetailView, SaveCardOn, SavingStateView, SavingView};
use crate::{Shop, StripeSetting, Till, brand_name, shop};

/// The version of the words below: the wording's own, and the hours that they name.
/// Another wording is another version.
fn version(shop: &Shop) -> String {
    format!("1-{}", shop.limits.oldest_hours)
}

/// What a customer agrees to. It names what Stripe and the card networks ask for: who
/// keeps the card, what it is charged for, when, how much, and how to end it (Stripe
/// docs, "Save and reuse", compliance).
fn words(shop: &Shop) -> String {
    format!(
        "I agree that {name} has my card kept by Stripe, its payment service, and charges it \
         for what I buy here when I say so, for that sum and no other. When the shop has no \
         connection it may be charged up to {hours} hours later. The shop sees the brand, the \
         last four digits and the expiry, never the number. I can have the card removed here at \
         any time.",
        name = shop.name,
        hours = shop.limits.oldest_hours,
    )
}

/// A request about a card that is on its way.
#[derive(Debug)]
pub(crate) struct Asked {
    id: CardId,
    op: CardOp,
    pub(crate) request: StoredRequest,
}

fn card_id(text: &str) -> Result<CardId, AppError> {
    text.parse().map_err(|_| ErrorCode::NotFound.into())
}

fn machine(row: &CardTaskRow) -> Result<CardTask, AppError> {
    serde_json::from_str(&row.machine)
        .map_err(|_| AppError::internal("a card's task is unreadable"))
}

fn put_back(
    tx: &Tx<'_>,
    mut row: CardTaskRow,
    task: &CardTask,
    now: Timestamp,
) -> Result<(), AppError> {
    row.machine = serde_json::to_string(task)
        .map_err(|_| AppError::internal("a card's task cannot be written"))?;
    row.waiting = task.ended().is_none();
    row.changed_at = now;
    if !row.waiting {
        row.request = None;
    }
    Ok(tx.save_card_task(&row)?)
}

fn begin(
    tx: &Tx<'_>,
    id: CardId,
    customer: CustomerId,
    task: &CardTask,
    now: Timestamp,
) -> Result<(), AppError> {
    let row = CardTaskRow {
        id,
        customer,
        machine: String::new(),
        request: None,
        waiting: true,
        next_at: now,
        changed_at: now,
    };
    put_back(tx, row, task, now)
}

/// The till has a Stripe of its own, to practise with.
pub(crate) fn practises(tx: &Tx<'_>) -> Result<bool, AppError> {
    let setting: Option<StripeSetting> = tx.setting("stripe")?;
    Ok(setting.is_none_or(|s| !s.livemode && is_loopback(&s.api_base)))
}

fn is_loopback(url: &str) -> bool {
    let rest = url.strip_prefix("http://127.0.0.1:");
    rest.is_some_and(|rest| {
        let port = rest.split('/').next().unwrap_or_default();
        !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
    })
}

/// Stripe's own page, and when practising the stand-in's, may be opened in a browser;
/// nothing else, whatever an answer names, and nothing that a shell would read otherwise.
fn may_open(url: &str, practice: bool) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#@!$&*+,;=%".contains(&b);
    let plain = url.bytes().all(plain);
    plain && (url.starts_with("https://checkout.stripe.com/") || practice && is_loopback(url))
}

fn says(task: &CardTask) -> (SavingStateView, String) {
    let reader = matches!(task.on, Some(SaveOn::Reader(_)));
    let (state, says) = match task.stage {
        Stage::Ended(End::Saved) => (SavingStateView::Saved, "The card is saved."),
        Stage::Ended(End::Expired) => (
            SavingStateView::Expired,
            "Nobody gave a card in time. No card was saved. Begin again if it is still wanted.",
        ),
        Stage::Ended(End::Canceled | End::Removed) => {
            (SavingStateView::Canceled, "Given up. No card was saved.")
        }
        Stage::Ended(End::Failed) => {
            let why = match task.why.as_deref() {
                Some("terminal_reader_offline") => "The reader cannot be reached.",
                Some("terminal_reader_busy") => "The reader is busy with something else.",
                Some(_) | None => "The card was refused.",
            };
            return (
                SavingStateView::Failed,
                format!("{why} No card was saved, and nothing was charged."),
            );
        }
        Stage::Open | Stage::Send | Stage::AtReader | Stage::Detach if task.give_up.is_some() => (
            SavingStateView::Canceling,
            "Given up. A card that comes in now is not kept.",
        ),
        Stage::Open => (
            SavingStateView::PageOpen,
            "The customer gives the card on Stripe's page: here, or on their own phone.",
        ),
        Stage::AtReader => (
            SavingStateView::AtReader,
            "The reader asks the customer for the card.",
        ),
        Stage::Customer | Stage::Page | Stage::Setup | Stage::Send | Stage::Detach => (
            SavingStateView::Preparing,
            if reader {
                "The reader is being asked."
            } else {
                "The page is being made."
            },
        ),
    };
    (state, says.to_owned())
}

fn view(row: &CardTaskRow, task: &CardTask, practice: bool) -> SavingView {
    let (state, says) = says(task);
    let url = task.url.clone().filter(|_| task.give_up.is_none());
    SavingView {
        id: row.id.to_string(),
        customer: row.customer.to_string(),
        state,
        says,
        may_open: url.as_deref().is_some_and(|url| may_open(url, practice)),
        url,
    }
}

/// The newest card being saved, and how many removals Stripe has yet to be told of.
pub(crate) fn under_way(
    tx: &Tx<'_>,
    customer: CustomerId,
    practice: bool,
) -> Result<(Option<SavingView>, u32), AppError> {
    let mut saving = None;
    let mut removing: u32 = 0;
    for row in tx.card_tasks_of(customer)? {
        let task = machine(&row)?;
        if task.consent.is_none() {
            removing = removing.saturating_add(u32::from(row.waiting));
        } else if saving.is_none() {
            saving = Some(view(&row, &task, practice));
        }
    }
    Ok((saving, removing))
}

/// Takes in a card that Stripe has.
fn keep(
    tx: &Tx<'_>,
    row: &CardTaskRow,
    task: &CardTask,
    facts: CardFacts,
    now: Timestamp,
) -> Result<(), AppError> {
    let (Some(consent), Some(stripe_customer)) = (&task.consent, &task.stripe_customer) else {
        return Err(AppError::internal("a card came in that nobody agreed to"));
    };
    let customer = known(tx, row.customer)?;
    if tx.card_by_method(&facts.method)?.is_some() {
        return Ok(());
    }
    let kept = KeptCard {
        id: row.id,
        card: SavedCard {
            stripe_customer: stripe_customer.clone(),
            payment_method: facts.method,
            brand: brand_name(&facts.brand),
            last4: facts.last4,
            expires: facts.expires,
        },
        consent: consent.clone(),
        is_default: customer.cards.is_empty(),
    };
    tx.add_card(row.customer, &kept)?;
    let by = consent
        .by
        .ok_or_else(|| AppError::internal("nobody heard a consent"))?;
    tx.append(
        JournalEvent::CardSaved {
            customer: row.customer,
            card: row.id,
            way: consent.way,
            words: consent.words.clone(),
            by,
        },
        now,
    )?;
    Ok(())
}

/// A reader has a payment of the open sale in hand: another task would take it off.
pub(crate) fn is_paying(tx: &Tx<'_>, reader: &str) -> Result<bool, AppError> {
    let open = tx.open_sale()?.map(|open| open.sale.tenders);
    for tender in open.unwrap_or_default() {
        let at_it = matches!(
            &tender.kind,
            TenderKind::Card { capture: CardCapture::Reader { reader: at, .. }, .. } if at == reader
        );
        let charge = phases::charge(tx, tender.id)?;
        if at_it && charge.is_some_and(|c| c.state.is_waiting()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A reader is asking a customer for a card to save: no payment takes its place.
pub(crate) fn is_saving(tx: &Tx<'_>, reader: &str) -> Result<bool, AppError> {
    for row in tx.card_tasks_waiting()? {
        let task = machine(&row)?;
        if matches!(&task.on, Some(SaveOn::Reader(at)) if at == reader) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes in what Stripe has of a card now; true where it is news.
pub(crate) fn learn(
    tx: &Tx<'_>,
    method: &str,
    card: Option<&CardFacts>,
    now: Timestamp,
) -> Result<bool, AppError> {
    let Some((customer, id)) = tx.card_by_method(method)? else {
        return Ok(false);
    };
    match card {
        Some(card) => Ok(tx.renew_card(id, &card.last4, &card.expires)?),
        None => {
            is_gone(tx, customer, id, now)?;
            Ok(true)
        }
    }
}

/// Stripe does not have a card any more.
fn is_gone(
    tx: &Tx<'_>,
    customer: CustomerId,
    card: CardId,
    now: Timestamp,
) -> Result<(), AppError> {
    tx.remove_card(customer, card)?;
    tx.append(
        JournalEvent::CardRemoved {
            customer,
            card,
            by: None,
        },
        now,
    )?;
    Ok(())
}

/// Takes the next request about a card that is due, and writes it down first.
fn claim(tx: &Tx<'_>, now: Timestamp) -> Result<Option<Asked>, AppError> {
    for mut row in tx.card_tasks_waiting()? {
        // What is due later than anything is put off was put off by a wrong clock.
        if (1..=DELAY_MAX_MS).contains(&row.next_at.ms_since(now)) {
            continue;
        }
        // One that cannot be read holds up no other.
        let mut task = match machine(&row) {
            Ok(task) => task,
            Err(error) => {
                tracing::error!(task = %row.id, %error, "a card's task is left");
                continue;
            }
        };
        if let (Some(op), Some(request)) = (task.asked, &row.request) {
            if CardTask::may_resend(request, now) {
                return Ok(Some(Asked {
                    id: row.id,
                    op,
                    request: request.clone(),
                }));
            }
            task.outlived();
            task.asked = None;
            row.request = None;
        }
        let shop = shop(tx)?;
        let Some(op) = task.op(now) else {
            put_back(tx, row, &task, now)?;
            continue;
        };
        let about = About {
            till: &till_id(&shop),
            id: row.id,
            customer: row.customer,
            currency: shop.currency().code(),
            words: &words(&shop),
        };
        let mut request = task.request(op, &about);
        if !op.is_read() {
            request.first_sent_at = Some(now);
            task.asked = Some(op);
            row.request = Some(request.clone());
        }
        let id = row.id;
        put_back(tx, row, &task, now)?;
        return Ok(Some(Asked { id, op, request }));
    }
    Ok(None)
}

impl Till {
    /// What a customer is shown before their card is saved.
    ///
    /// # Errors
    /// What the store says.
    pub fn card_consent(&self) -> Result<CardConsentView, AppError> {
        let shop = self.shop()?;
        Ok(CardConsentView {
            version: version(&shop),
            words: words(&shop),
        })
    }

    /// Saves a card: Stripe is asked for a page, or a reader for the card. `agreed_to`
    /// is the version of the words that the customer was shown and agreed to.
    ///
    /// # Errors
    /// [`ErrorCode::ConsentMissing`], [`ErrorCode::Offline`],
    /// [`ErrorCode::SavingUnderWay`]; nothing was saved then.
    pub fn save_card(
        &self,
        session: &Session,
        customer: &str,
        on: &SaveCardOn,
        agreed_to: &str,
    ) -> Result<SavingView, AppError> {
        let customer = customer_id(customer)?;
        let online = self.is_online();
        let (on, way) = match on {
            SaveCardOn::Page => (SaveOn::Page, ConsentWay::Page),
            SaveCardOn::Reader(reader) => {
                let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
                let known = reader
                    .strip_prefix("tmr_")
                    .is_some_and(|rest| (1..=80).contains(&rest.len()) && rest.bytes().all(plain));
                if !known {
                    return Err(ErrorCode::NotFound.into());
                }
                (SaveOn::Reader(reader.clone()), ConsentWay::Reader)
            }
        };
        let id = CardId(self.new_id());
        let now = self.now();
        self.store()?.write(|tx| {
            let version = version(&shop(tx)?);
            if agreed_to != version {
                return Err(AppError::from(ErrorCode::ConsentMissing));
            }
            if !online {
                return Err(ErrorCode::Offline.into());
            }
            if let SaveOn::Reader(reader) = &on
                && is_paying(tx, reader)?
            {
                return Err(ErrorCode::TenderBusy.into());
            }
            if let SaveOn::Reader(reader) = &on
                && phases::is_refunding(tx, reader)?
            {
                return Err(ErrorCode::ReaderRefunding.into());
            }
            let known = known(tx, customer)?;
            for row in tx.card_tasks_of(customer)? {
                if machine(&row)?.consent.is_none() {
                    continue;
                }
                if row.waiting {
                    return Err(ErrorCode::SavingUnderWay.into());
                }
                tx.remove_card_task(row.id.0)?;
            }
            let consent = Consent {
                at: now,
                by: Some(session.user().id),
                way,
                words: version,
            };
            let task = CardTask::save(on, consent, known.stripe_customer, now);
            begin(tx, id, customer, &task, now)?;
            let row = tx.card_task(id)?.ok_or(ErrorCode::NotFound)?;
            Ok(view(&row, &task, practises(tx)?))
        })
    }

    /// How far saving a card is.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], and what the store says.
    pub fn card_saving(&self, saving: &str) -> Result<SavingView, AppError> {
        let id = card_id(saving)?;
        self.store()?.read(|tx| {
            let row = tx.card_task(id)?.ok_or(ErrorCode::NotFound)?;
            Ok(view(&row, &machine(&row)?, practises(tx)?))
        })
    }

    /// Gives up saving a card. What the customer has in hand is closed at Stripe first,
    /// and a card that came in meanwhile is taken away again.
    ///
    /// # Errors
    /// [`ErrorCode::AlreadyDone`] once it is saved; [`ErrorCode::NotFound`].
    pub fn cancel_card_saving(&self, _: &Session, saving: &str) -> Result<SavingView, AppError> {
        let id = card_id(saving)?;
        let now = self.now();
        self.store()?.write(|tx| {
            let mut row = tx.card_task(id)?.ok_or(ErrorCode::NotFound)?;
            let mut task = machine(&row)?;
            if task.consent.is_none() || task.ended() == Some(End::Saved) {
                return Err(AppError::from(ErrorCode::AlreadyDone));
            }
            task.give_up(End::Canceled);
            row.next_at = now;
            put_back(tx, row, &task, now)?;
            let row = tx.card_task(id)?.ok_or(ErrorCode::NotFound)?;
            Ok(view(&row, &task, practises(tx)?))
        })
    }

    /// Where the page of a saving is, for the system's browser: Stripe's own address,
    /// or the stand-in's while practising.
    ///
    /// # Errors
    /// [`ErrorCode::NotNow`] where there is none, or another's.
    pub fn card_page(&self, _: &Session, saving: &str) -> Result<String, AppError> {
        let view = self.card_saving(saving)?;
        match view.url {
            Some(url) if view.may_open => Ok(url),
            Some(_) | None => Err(ErrorCode::NotNow.into()),
        }
    }

    /// Makes a card the one that is charged where no other is chosen.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], and what the store says.
    pub fn set_default_card(
        &self,
        _: &Session,
        customer: &str,
        card: &str,
    ) -> Result<CustomerDetailView, AppError> {
        let (customer, card) = (customer_id(customer)?, card_id(card)?);
        let now = self.now();
        self.store()?.write(|tx| {
            if !known(tx, customer)?.cards.iter().any(|c| c.id == card) {
                return Err(ErrorCode::NotFound.into());
            }
            tx.set_default_card(customer, card)?;
            detail(tx, &shop(tx)?, customer, practises(tx)?, now)
        })
    }

    /// Removes a card: it is charged no more from now on, and Stripe is told as soon as
    /// it can be reached. Whoever may save one may remove one, at the customer's word.
    ///
    /// # Errors
    /// [`ErrorCode::CardInUse`] while a charge on it is not settled;
    /// [`ErrorCode::NotFound`].
    pub fn remove_card(
        &self,
        session: &Session,
        customer: &str,
        card: &str,
    ) -> Result<CustomerDetailView, AppError> {
        let (customer, card) = (customer_id(customer)?, card_id(card)?);
        let now = self.now();
        self.store()?.write(|tx| {
            let known = known(tx, customer)?;
            let kept = known.cards.iter().find(|c| c.id == card);
            let kept = kept.ok_or(ErrorCode::NotFound)?;
            let method = &kept.card.payment_method;
            let open = tx.open_sale()?.map(|open| open.sale.tenders);
            let on_sale = open.unwrap_or_default().iter().any(|t| {
                matches!(
                    &t.kind,
                    TenderKind::Card { capture: CardCapture::SavedCard(card), .. }
                        if card.payment_method == *method
                )
            });
            if on_sale || tx.card_is_needed(method)? {
                return Err(AppError::from(ErrorCode::CardInUse));
            }
            self.let_go(tx, session, customer, kept, now)?;
            detail(tx, &shop(tx)?, customer, practises(tx)?, now)
        })
    }

    fn let_go(
        &self,
        tx: &Tx<'_>,
        session: &Session,
        customer: CustomerId,
        kept: &KeptCard,
        now: Timestamp,
    ) -> Result<(), AppError> {
        tx.remove_card(customer, kept.id)?;
        tx.append(
            JournalEvent::CardRemoved {
                customer,
                card: kept.id,
                by: Some(session.user().id),
            },
            now,
        )?;
        let task = CardTask::remove(kept.card.payment_method.clone(), now);
        begin(tx, CardId(self.new_id()), customer, &task, now)
    }

    /// A customer is erased: their cards go, and what is being saved is given up.
    pub(crate) fn let_go_of_cards(
        &self,
        tx: &Tx<'_>,
        session: &Session,
        customer: CustomerId,
        now: Timestamp,
    ) -> Result<(), AppError> {
        for mut row in tx.card_tasks_of(customer)? {
            let mut task = machine(&row)?;
            if row.waiting && task.consent.is_some() {
                task.give_up(End::Canceled);
                row.next_at = now;
                put_back(tx, row, &task, now)?;
            }
        }
        let cards = tx.customer(customer)?.map(|c| c.cards);
        for kept in cards.unwrap_or_default() {
            self.let_go(tx, session, customer, &kept, now)?;
        }
        Ok(())
    }

    /// The next request about a card, the same until it is answered.
    pub(crate) fn next_card_request(&self, now: Timestamp) -> Result<Option<Asked>, AppError> {
        let mut store = self.store()?;
        if store.read(|tx| tx.card_tasks_waiting())?.is_empty() {
            return Ok(None);
        }
        store.write(|tx| claim(tx, now))
    }

    /// When the next request about a card is due; none where none waits.
    pub(crate) fn next_card_at(&self) -> Result<Option<Timestamp>, AppError> {
        let waiting = self.store()?.read(|tx| tx.card_tasks_waiting())?;
        Ok(waiting.first().map(|row| row.next_at))
    }

    /// Takes in what came back; true where there is something new to show.
    pub(crate) fn card_answered(
        &self,
        asked: &Asked,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<bool, AppError> {
        let heard = self.store()?.write(|tx| {
            let Some(mut row) = tx.card_task(asked.id)?.filter(|row| row.waiting) else {
                // Given up meanwhile, when nothing of it was in anybody's hand.
                return Ok::<_, AppError>(None);
            };
            let mut task = machine(&row)?;
            let before = task.clone();
            let heard = task.on(asked.op, answer);
            if heard.settled && task.asked == Some(asked.op) {
                task.asked = None;
                row.request = None;
            }
            row.next_at = now.plus_ms(heard.after_ms);
            if heard.customer_gone {
                let customer = tx.customer(row.customer)?;
                for kept in customer.map(|c| c.cards).unwrap_or_default() {
                    is_gone(tx, row.customer, kept.id, now)?;
                }
                tx.set_stripe_customer(row.customer, None)?;
            }
            if let Some(made) = &heard.made_customer {
                known(tx, row.customer)?;
                tx.set_stripe_customer(row.customer, Some(made))?;
            }
            if let Some(facts) = heard.saved.clone() {
                keep(tx, &row, &task, facts, now)?;
            }
            let news = task.stage != before.stage || task.give_up != before.give_up;
            put_back(tx, row, &task, now)?;
            Ok(Some((news, heard.pause, heard.unreachable)))
        })?;
        let Some((news, pause, unreachable)) = heard else {
            return Ok(false);
        };
        if pause {
            self.set_paused(Some(ErrorCode::StripeKeyRefused));
        }
        if unreachable {
            self.set_reachable(false);
        }
        Ok(news)
    }
}

/// A charge was refused because Stripe does not have the card any more: it is not kept
/// here either.
pub(crate) fn learn_gone(
    tx: &Tx<'_>,
    claim: &Claim,
    answer: &Answer,
    now: Timestamp,
) -> Result<(), AppError> {
    let (Op::Charge(_), Answer::Http(http)) = (&claim.op, answer) else {
        return Ok(());
    };
    if !matches!(http.status, 400 | 404) {
        return Ok(());
    }
    let body: serde_json::Value = serde_json::from_slice(&http.body).unwrap_or_default();
    let word = |name: &str| body.pointer(name).and_then(serde_json::Value::as_str);
    if word("/error/code") != Some("resource_missing")
        || word("/error/param") != Some("payment_method")
    {
        return Ok(());
    }
    let private = phases::private(tx, claim.id)?.unwrap_or_default();
    let method = private.payment_method.unwrap_or_default();
    if let Some((customer, card)) = tx.card_by_method(&method)? {
        is_gone(tx, customer, card, now)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_given_stripes_page_alone_and_the_stand_ins_while_practising() {
        for (url, live, practice) in [
            (
                "https://checkout.stripe.com/c/pay/cs_test_1#fid%2F",
                true,
                true,
            ),
            ("http://127.0.0.1:4242/pay/cs_test_1", false, true),
            ("http://127.0.0.1:4242", false, true),
            ("http://127.0.0.1/pay/cs_test_1", false, false),
            ("http://127.0.0.1:80@evil.example/", false, false),
            ("http://127.0.0.1:4242.evil.example/", false, false),
            ("http://checkout.stripe.com/c/pay/cs_1", false, false),
            ("https://checkout.stripe.com.evil.example/", false, false),
            ("https://checkout.stripe.com@evil.example/", false, false),
            (
                "https://evil.example/https://checkout.stripe.com/",
                false,
                false,
            ),
            ("https://checkout.stripe.com/\"&calc", false, false),
            ("https://checkout.stripe.com/a b", false, false),
            ("file:///etc/passwd", false, false),
            ("", false, false),
        ] {
            assert_eq!(may_open(url, false), live, "{url}");
            assert_eq!(may_open(url, true), practice, "{url}");
        }
    }
}
