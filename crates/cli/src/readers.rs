//! The shop's card readers.

use std::path::Path;

use till_app::Till;
use till_app::error::{AppError, ErrorCode};
use till_app::view::{PlaceInput, ReadersView};

use crate::answer::{Answer, Done, Refusal};
use crate::args::ReadersCommand;
use crate::input::Input;
use crate::net::Net;
use crate::shop;

pub(crate) fn run(folder: &Path, command: &ReadersCommand, input: &Input) -> Done {
    let readers = match command {
        ReadersCommand::List { look: false, .. } => shop::open_existing(folder)?.readers()?,
        ReadersCommand::List { look: true, key } => {
            let net = Net::open(folder, key, input)?;
            reach(&net)?;
            net.till.readers_look()?;
            carried(&net)?
        }
        ReadersCommand::Location {
            id,
            line1,
            city,
            postal_code,
            state,
            country,
            who,
            key,
        } => {
            let net = Net::open(folder, key, input)?;
            let session = shop::sign_in_as(&net.till, who, input)?;
            reach(&net)?;
            if let Some(id) = id {
                net.till.readers_at(&session, id)?;
            } else {
                let known = net.till.readers()?.place;
                let or = |given: &Option<String>, known: String| given.clone().unwrap_or(known);
                let place = PlaceInput {
                    line1: or(line1, known.line1),
                    city: or(city, known.city),
                    postal_code: or(postal_code, known.postal_code),
                    state: or(state, known.state),
                    country: or(country, known.country),
                };
                net.till.readers_place(&session, &place)?;
            }
            carried(&net)?
        }
        ReadersCommand::Register {
            code,
            label,
            who,
            key,
        } => {
            let net = Net::open(folder, key, input)?;
            let session = shop::sign_in_as(&net.till, who, input)?;
            reach(&net)?;
            net.till.reader_register(&session, code, label)?;
            carried(&net)?
        }
        ReadersCommand::Use { reader, who } => {
            let till = shop::open_existing(folder)?;
            let session = shop::sign_in_as(&till, who, input)?;
            till.reader_use(&session, &named(&till, reader)?)?
        }
        ReadersCommand::Forget { reader, who } => {
            let till = shop::open_existing(folder)?;
            let session = shop::sign_in_as(&till, who, input)?;
            till.reader_forget(&session, &named(&till, reader)?)?
        }
    };
    let text = said(&readers);
    Answer::new(&readers, text)
}

fn reach(net: &Net) -> Result<(), Refusal> {
    if net.look() {
        Ok(())
    } else {
        Err(ErrorCode::Offline.into())
    }
}

/// Lets Stripe answer what was asked of it.
fn carried(net: &Net) -> Result<ReadersView, Refusal> {
    for _ in 0..PUT_OFF_MAX {
        net.look_around()?;
        let readers = net.till.readers()?;
        if let Some(problem) = readers.problem {
            return Err(Refusal::rule(ErrorCode::NotNow, problem));
        }
        if readers.working.is_none() {
            return Ok(readers);
        }
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
    Err(ErrorCode::Offline.into())
}

/// How often what Stripe puts off is asked again.
const PUT_OFF_MAX: u32 = 8;

/// A reader by its id or its name.
fn named(till: &Till, reader: &str) -> Result<String, Refusal> {
    if reader.starts_with("tmr_") {
        return Ok(reader.to_owned());
    }
    let wanted = reader.trim().to_lowercase();
    let mut found = till.readers()?.readers.into_iter();
    found
        .find(|r| r.label.to_lowercase() == wanted)
        .map(|r| r.id)
        .ok_or_else(|| {
            AppError::refused(
                ErrorCode::NotFound,
                format!("no card reader is called {reader:?}"),
            )
            .into()
        })
}

fn said(readers: &ReadersView) -> String {
    let mut text = match &readers.location {
        Some(location) => format!("Location {location}\n"),
        None => "Stripe has not been told where the shop is: till readers location\n".to_owned(),
    };
    if readers.readers.is_empty() {
        text.push_str("No card reader. Register one: till readers register CODE --label NAME");
    }
    for reader in &readers.readers {
        let line = if reader.online { "online" } else { "offline" };
        let chosen = if reader.chosen { "  this till's" } else { "" };
        text.push_str(&format!(
            "{}  {:<20} {:<24} {line}{chosen}\n",
            reader.id, reader.label, reader.device
        ));
    }
    text
}
