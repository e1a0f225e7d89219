//! Customers' data, and their saved cards.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use till_app::Till;
use till_app::auth::Session;
use till_app::error::{AppError, ErrorCode};
use till_app::view::{CardView, CustomerDetailView, CustomerView, SaveCardOn, SavingStateView};

use crate::answer::{Answer, Done, Refusal, note};
use crate::args::CustomersCommand;
use crate::input::Input;
use crate::net::Net;
use crate::sell::find_customer;
use crate::shop;

/// How long Stripe may take to make a page.
const PREPARING: Duration = Duration::from_secs(60);
/// How long `--wait` waits: longer than a page is open.
const WAITING: Duration = Duration::from_secs(2 * 3_600);

pub(crate) fn run(folder: &Path, command: &CustomersCommand, input: &Input) -> Done {
    match command {
        CustomersCommand::SaveCard {
            id,
            agreed,
            reader,
            wait,
            key,
            who,
        } => {
            let net = Net::open(folder, key, input)?;
            let session = shop::sign_in_as(&net.till, who, input)?;
            let id = find_customer(&net.till, id)?;
            let on = reader.clone().map_or(SaveCardOn::Page, SaveCardOn::Reader);
            save(&net, &session, &id, &on, agreed.as_deref(), *wait)
        }
        CustomersCommand::CancelCard { id, key, who } => {
            let net = Net::open(folder, key, input)?;
            let session = shop::sign_in_as(&net.till, who, input)?;
            let id = find_customer(&net.till, id)?;
            let saving = net.till.customer(&session, &id)?.saving;
            let saving = saving.ok_or(ErrorCode::NotFound)?;
            net.till.cancel_card_saving(&session, &saving.id)?;
            tell(&net, &session, &id)
        }
        CustomersCommand::RemoveCard { id, card, key, who } => {
            let net = Net::open(folder, key, input)?;
            let session = shop::sign_in_as(&net.till, who, input)?;
            let id = find_customer(&net.till, id)?;
            let card = find_card(&net.till, &session, &id, card)?;
            net.till.remove_card(&session, &id, &card)?;
            tell(&net, &session, &id)
        }
        CustomersCommand::Show {
            id,
            look: true,
            key,
            who,
        } => {
            let net = Net::open(folder, key, input)?;
            let session = shop::sign_in_as(&net.till, who, input)?;
            let id = find_customer(&net.till, id)?;
            tell(&net, &session, &id)
        }
        CustomersCommand::Show { id, who, .. } => {
            let till = shop::open_existing(folder)?;
            let session = shop::sign_in_as(&till, who, input)?;
            let id = find_customer(&till, id)?;
            show(&till.customer(&session, &id)?)
        }
        CustomersCommand::Add { name, contact, who } => {
            let till = shop::open_existing(folder)?;
            shop::sign_in_as(&till, who, input)?;
            let customer =
                till.add_customer(name, contact.email.as_deref(), contact.phone.as_deref())?;
            let text = format!("{} is a customer: {}", customer.name, customer.id);
            Answer::new(&customer, text)
        }
        CustomersCommand::Edit {
            id,
            name,
            contact,
            who,
        } => {
            let till = shop::open_existing(folder)?;
            let session = shop::sign_in_as(&till, who, input)?;
            let id = find_customer(&till, id)?;
            let (email, phone) = (contact.email.as_deref(), contact.phone.as_deref());
            show(&till.edit_customer(&session, &id, name, email, phone)?)
        }
        CustomersCommand::List { text } => {
            let found = shop::open_existing(folder)?.customers(text)?;
            let lines: Vec<String> = found.iter().map(line).collect();
            Answer::new(&found, lines.join("\n"))
        }
        CustomersCommand::DefaultCard { id, card, who } => {
            let till = shop::open_existing(folder)?;
            let session = shop::sign_in_as(&till, who, input)?;
            let id = find_customer(&till, id)?;
            let card = find_card(&till, &session, &id, card)?;
            show(&till.set_default_card(&session, &id, &card)?)
        }
        CustomersCommand::Groups { id, groups, who } => {
            let till = shop::open_existing(folder)?;
            let session = shop::sign_in_as(&till, who, input)?;
            let id = find_customer(&till, id)?;
            let customer = till.set_customer_groups(&session, &id, groups)?;
            let text = if customer.groups.is_empty() {
                format!("{} is in no group.", customer.name)
            } else {
                format!("{} is in {}.", customer.name, customer.groups.join(", "))
            };
            Answer::new(json!({ "id": id, "groups": customer.groups }), text)
        }
        CustomersCommand::Taxes { id, set, who } => {
            let till = shop::open_existing(folder)?;
            let session = shop::sign_in_as(&till, who, input)?;
            let id = find_customer(&till, id)?;
            let customer = till.set_customer_taxes(&session, &id, set.as_deref())?;
            let text = match set {
                Some(set) => format!("{} is charged {set}.", customer.name),
                None => format!("{} is charged what everybody is.", customer.name),
            };
            Answer::new(json!({ "id": id, "tax_set": set }), text)
        }
        CustomersCommand::Erase { id, who } => {
            let till = shop::open_existing(folder)?;
            let session = shop::sign_in_as(&till, who, input)?;
            let id = find_customer(&till, id)?;
            till.erase_customer(&session, &id)?;
            let head = till.journal_verify()?;
            Answer::new(
                json!({ "erased": id, "entries": head.entries, "head": head.head }),
                "Erased. The journal held their id alone, and still verifies.",
            )
        }
    }
}

fn save(
    net: &Net,
    session: &Session,
    customer: &str,
    on: &SaveCardOn,
    agreed: Option<&str>,
    wait: bool,
) -> Done {
    let Some(agreed) = agreed else {
        let consent = net.till.card_consent()?;
        return Err(Refusal::rule(
            ErrorCode::ConsentMissing,
            format!(
                "No card was saved. Show the customer these words, and say `--agreed {}` if they \
                 agree:\n\n{}",
                consent.version, consent.words
            ),
        ));
    };
    net.look();
    let begun = net.till.save_card(session, customer, on, agreed)?;
    let is_prepared = |till: &Till| {
        let state = till.card_saving(&begun.id)?.state;
        Ok(state != SavingStateView::Preparing)
    };
    net.ask_until(PREPARING, is_prepared)?;
    let now = net.till.card_saving(&begun.id)?;
    if wait {
        note(&format!("{}\n{}", now.says, now.url.unwrap_or_default()));
        net.ask_until(WAITING, |till| {
            let state = till.card_saving(&begun.id)?.state;
            Ok(matches!(
                state,
                SavingStateView::Saved
                    | SavingStateView::Expired
                    | SavingStateView::Canceled
                    | SavingStateView::Failed
            ))
        })?;
    }
    let end = net.till.card_saving(&begun.id)?;
    if matches!(
        end.state,
        SavingStateView::Failed | SavingStateView::Expired | SavingStateView::Canceled
    ) {
        return Err(Refusal::rule(ErrorCode::NoSavedCard, end.says));
    }
    let text = match &end.url {
        Some(url) => format!("{}\n{url}", end.says),
        None => end.says.clone(),
    };
    Answer::new(&end, text)
}

/// Tells Stripe, where it can be reached, and shows the customer.
fn tell(net: &Net, session: &Session, customer: &str) -> Done {
    if net.look() {
        net.ask_until(Duration::ZERO, |_| Ok(false))?;
    }
    show(&net.till.customer(session, customer)?)
}

/// A card by its id, or by its last four digits where only one has them.
fn find_card(
    till: &Till,
    session: &Session,
    customer: &str,
    text: &str,
) -> Result<String, Refusal> {
    let cards = till.customer(session, customer)?.customer.cards;
    let mut found = cards
        .iter()
        .filter(|card| card.id == text.trim() || card.last4 == text.trim());
    match (found.next(), found.next()) {
        (Some(card), None) => Ok(card.id.clone()),
        (Some(_), Some(_)) => Err(AppError::refused(
            ErrorCode::NotFound,
            "two cards end like that: name one by its id",
        )
        .into()),
        (None, _) => Err(ErrorCode::NotFound.into()),
    }
}

fn card_line(card: &CardView) -> String {
    let mut line = format!("{} •••• {} {}", card.brand, card.last4, card.expires);
    if card.expired {
        line.push_str(", expired");
    }
    if card.is_default {
        line.push_str(", charged where no other is chosen");
    }
    line
}

fn line(customer: &CustomerView) -> String {
    let cards: Vec<String> = customer.cards.iter().map(card_line).collect();
    let contact = customer.contact.as_deref().unwrap_or("no contact");
    format!("{}  {contact}  {}", customer.name, cards.join("; "))
}

fn show(detail: &CustomerDetailView) -> Done {
    let customer = &detail.customer;
    let mut text = format!("{}\n{}\n", customer.name, customer.id);
    for (what, value) in [
        ("E-mail", &detail.email),
        ("Telephone", &detail.phone),
        ("Charged", &detail.tax_set),
    ] {
        if let Some(value) = value {
            text.push_str(&format!("{what}: {value}\n"));
        }
    }
    for card in &customer.cards {
        text.push_str(&format!(
            "{}\n  {}, agreed {}\n",
            card_line(card),
            card.id,
            card.agreed_at
        ));
    }
    if let Some(saving) = &detail.saving {
        text.push_str(&format!("A card being saved: {}\n", saving.says));
        if let Some(url) = &saving.url {
            text.push_str(&format!("{url}\n"));
        }
    }
    if detail.removing > 0 {
        text.push_str(&format!(
            "Removed, and Stripe is yet to be told: {}\n",
            detail.removing
        ));
    }
    Answer::new(detail, text)
}
