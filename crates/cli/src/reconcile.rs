//! The journal against Stripe.

use std::path::Path;

use serde_json::json;
use till_app::profile::Day;
use till_app::{ReconciledView, SideView};
use till_domain::barcode::hide_cards;

use crate::answer::{Answer, Done, Refusal, exit};
use crate::args::ReconcileArgs;
use crate::input::Input;
use crate::net::Net;
use crate::shop;
use crate::words::spoken_view;

/// Compares, or says what the last comparison found.
pub(crate) fn run(folder: &Path, args: &ReconcileArgs, input: &Input) -> Done {
    if args.last {
        let last = shop::open_existing(folder)?.last_reconciled()?;
        return match last {
            Some(found) => answer(&found),
            None => Answer::new(
                json!({ "compared": false }),
                "The journal has not been held against Stripe yet.",
            ),
        };
    }
    let day = args.day.as_deref().map(parse).transpose()?;
    let until = args.until.as_deref().map(parse).transpose()?;
    let net = Net::open(folder, &args.key, input)?;
    let days = day.map(|from| (from, until.unwrap_or(from)));
    let mut reading = net.till.reconcile(days)?;
    net.read(&mut reading)?;
    answer(&net.till.reconciled(&reading)?)
}

fn parse(text: &str) -> Result<Day, Refusal> {
    Day::parse(text).ok_or_else(|| {
        Refusal::input(format!(
            "`{}` is no day such as 2026-11-21. Nothing was asked.",
            hide_cards(text)
        ))
    })
}

fn answer(found: &ReconciledView) -> Done {
    let mut answer = Answer::new(found, text(found))?;
    if !found.differences.is_empty() {
        answer.exit = exit::DIFFERENCE;
    }
    Ok(answer)
}

fn side(side: Option<&SideView>) -> String {
    side.map_or_else(
        || "-".to_owned(),
        |s| {
            let amount = s.amount.as_ref().map(spoken_view).unwrap_or_default();
            format!("{amount} {}", s.state)
        },
    )
}

fn text(found: &ReconciledView) -> String {
    let mut text = format!(
        "{} to {}, read {}\n{} charges, {} refunds and {} disputes agree; {} on their way.\n",
        found.from,
        found.until,
        found.at,
        found.charges,
        found.refunds,
        found.disputes,
        found.under_way
    );
    if found.differences.is_empty() {
        text.push_str("No difference.\n");
    } else {
        text.push_str(&format!(
            "{} differences:\n  {:<10} {:<34} {:<28} {}\n",
            found.differences.len(),
            "Receipt",
            "At Stripe",
            "Here",
            "There"
        ));
        for difference in &found.differences {
            text.push_str(&format!(
                "  {:<10} {:<34} {:<28} {}\n    {}\n",
                difference.receipt.as_deref().unwrap_or("-"),
                difference.stripe.as_deref().unwrap_or("-"),
                side(difference.here.as_ref()),
                side(difference.there.as_ref()),
                difference.says
            ));
        }
    }
    if found.orphans > 0 {
        text.push_str(&format!(
            "{} unpaid leftovers of requests that came late: they charge nothing, and are \
             cancelled while the till is online.\n",
            found.orphans
        ));
    }
    if !found.not_ours.is_empty() {
        text.push_str("Not of this till, and not compared:\n");
        for other in &found.not_ours {
            let there = side(Some(&other.there));
            text.push_str(&format!("  {:<34} {there}\n", other.stripe));
        }
    }
    text
}
