//! `till profiles`: what country profiles there are, and what one says.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;
use till_app::error::AppError;
use till_app::profile::{DatedRate, Day, Profile, Profiles, TaxSetRule};

use crate::answer::{Answer, Done, Refusal, exit};
use crate::args::ProfilesCommand;

/// Lists, shows or checks.
pub(crate) fn run(command: &ProfilesCommand, named: Option<&Path>) -> Done {
    match command {
        ProfilesCommand::List => list(&Profiles::find(named)?),
        ProfilesCommand::Show { code, on } => {
            let profile = Profiles::find(named)?.load(code)?;
            let day = match on {
                Some(text) => Day::parse(text).ok_or_else(|| {
                    Refusal::input(format!("{text} is no day such as 2026-11-21."))
                })?,
                None => profile.as_of,
            };
            show(&profile, day)
        }
        ProfilesCommand::Check { file } => {
            let profile = Profile::read(file).map_err(AppError::from)?;
            Answer::new(
                json!({
                    "code": profile.code,
                    "name": profile.name,
                    "unverified": profile.unverified(),
                }),
                format!("{} is a profile of {}.", file.display(), profile.name),
            )
        }
    }
}

fn list(profiles: &Profiles) -> Done {
    let (mut rows, mut broken) = (Vec::new(), Vec::new());
    let mut text = String::new();
    for profile in profiles.all()? {
        match profile {
            Ok(p) => {
                let places = match p.places.len() {
                    0 => String::new(),
                    n if p.place_required => format!("{n} places, one of them to be named"),
                    n => format!("{n} places"),
                };
                let _ = writeln!(
                    text,
                    "{:<3} {:<16} {:<4} {}  {places}",
                    p.code, p.name, p.currency, p.as_of
                );
                rows.push(json!({
                    "code": p.code,
                    "name": p.name,
                    "currency": p.currency,
                    "as_of": p.as_of,
                    "place_required": p.place_required,
                    "places": p.places.iter().map(named_set).collect::<Vec<_>>(),
                }));
            }
            Err(error) => {
                let _ = writeln!(text, "{error}");
                broken.push(error.to_string());
            }
        }
    }
    let refused = !broken.is_empty();
    let mut answer = Answer::new(
        json!({
            "folder": profiles.folder(),
            "profiles": rows,
            "unreadable": broken,
        }),
        text,
    )?;
    if refused {
        answer.exit = exit::REFUSED;
    }
    Ok(answer)
}

fn named_set(set: &TaxSetRule) -> serde_json::Value {
    json!({ "code": set.code, "name": set.name })
}

/// "21 %", "0.25 each", or why not.
fn rate_words(rates: &[DatedRate], day: Day) -> String {
    match rates.iter().rev().find(|r| r.from <= day) {
        Some(DatedRate {
            rate: Some(rate), ..
        }) => format!("{} %", rate.normalize()),
        Some(DatedRate {
            amount: Some(amount),
            ..
        }) => format!("{amount} each"),
        Some(_) | None => "not yet".into(),
    }
}

fn show(profile: &Profile, day: Day) -> Done {
    let mut text = String::new();
    let p = profile;
    let _ = writeln!(text, "{} ({}), {}, on {day}", p.name, p.code, p.currency);
    let _ = writeln!(
        text,
        "Marked prices {} tax. {}",
        if p.pricing.price_includes_tax {
            "include"
        } else {
            "are without"
        },
        p.pricing.source
    );
    let _ = writeln!(text, "\nTaxes");
    for tax in &p.taxes {
        let _ = writeln!(
            text,
            "  {:<22} {:>9}  {}",
            tax.code.get_ref(),
            rate_words(tax.rates.get_ref(), day),
            tax.source
        );
    }
    for (title, sets) in [("Places", &p.places), ("Exempt customers", &p.exempt)] {
        if sets.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{title}");
        for set in sets {
            let taxes: Vec<String> = set
                .taxes
                .iter()
                .map(|(code, taxes)| {
                    let taxes: Vec<&str> = taxes.iter().map(|t| t.get_ref().as_str()).collect();
                    format!("{code}: {}", taxes.join(" + "))
                })
                .collect();
            let _ = writeln!(
                text,
                "  {:<10} {}  ({})",
                set.code.get_ref(),
                set.name,
                taxes.join(", ")
            );
        }
    }
    let _ = match &p.cash_rounding {
        Some(cash) => writeln!(
            text,
            "\nCash to the nearest {}. {}",
            cash.increment, cash.source
        ),
        None => writeln!(text, "\nCash is not rounded."),
    };
    let unverified = p.unverified();
    if !unverified.is_empty() {
        let _ = writeln!(text, "\nNot verified");
        for what in &unverified {
            let _ = writeln!(text, "  {what}");
        }
    }
    Answer::new(
        json!({ "profile": p, "on": day, "unverified": unverified }),
        text,
    )
}
