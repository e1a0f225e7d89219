//! What waits for Stripe: looked at, sent, decided.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use till_app::error::ErrorCode;
use till_app::view::{OutboxAction, OutboxDetailView, OutboxEntryView, OutboxView};

use crate::answer::{Answer, Done, exit, word};
use crate::args::{Action, KeyArgs, OutboxCommand};
use crate::cases;
use crate::input::Input;
use crate::net::Net;
use crate::shop;
use crate::words::spoken_view;

/// How long `--until-quiet` goes on while nothing changes.
const STANDSTILL: Duration = Duration::from_secs(120);

/// One of the commands.
pub(crate) fn run(folder: &Path, command: &OutboxCommand, input: &Input) -> Done {
    match command {
        OutboxCommand::List => {
            let till = shop::open_existing(folder)?;
            let outbox = till.outbox()?;
            let mut text = list(&outbox);
            if !outbox.cases.is_empty() {
                text = format!("Cases at Stripe\n{}{text}", cases::list(&outbox.cases));
            }
            Answer::new(&outbox, text)
        }
        OutboxCommand::Send { until_quiet, key } => send(folder, *until_quiet, key, input),
        OutboxCommand::Show { id } => {
            let entry = shop::open_existing(folder)?.outbox_entry(id)?;
            let text = detail(&entry);
            Answer::new(&entry, text)
        }
        OutboxCommand::Resolve {
            id,
            action,
            who,
            approver,
            reason,
        } => {
            let till = shop::open_existing(folder)?;
            let session = shop::sign_in_as(&till, who, input)?;
            let approval = shop::approval(&till, approver, reason, input)?;
            let action = match action {
                Action::SendNow => OutboxAction::SendNow,
                Action::TryAgain => OutboxAction::TryAgain,
                Action::PayLink => OutboxAction::PayLink,
                Action::TakeCash => OutboxAction::TakeCash,
                Action::WriteOff => OutboxAction::WriteOff,
                Action::TakeOffReader => OutboxAction::TakeOffReader,
                Action::GiveCash => OutboxAction::GiveCash,
                Action::Settled => OutboxAction::Settled,
            };
            let entry = till.outbox_decide(&session, id, action, approval.as_ref())?;
            let text = detail(&entry);
            Answer::new(&entry, text)
        }
    }
}

fn send(folder: &Path, until_quiet: bool, key: &KeyArgs, input: &Input) -> Done {
    let net = Net::open(folder, key, input)?;
    let till = &net.till;
    if till.stripe_setting()?.is_none() {
        return Err(ErrorCode::StripeNotConnected.into());
    }
    till.outbox_send_now()?;
    let mut requests = 0;
    let mut moved = Instant::now();
    let ended = loop {
        let sent = net.send()?;
        requests += sent.requests;
        if sent.requests > 0 {
            moved = Instant::now();
        }
        let waiting = till.connection()?.waiting;
        match sent.why {
            Some(why) => break Some(why),
            None if waiting == 0 || !until_quiet => break None,
            None if moved.elapsed() > STANDSTILL => break Some(ErrorCode::Offline),
            None => {
                let ms = u64::try_from(sent.next_ms.unwrap_or(1_000)).unwrap_or(0);
                std::thread::sleep(Duration::from_millis(ms.clamp(100, 2_000)));
            }
        }
    };
    if ended.is_none() {
        net.send_card_tasks()?;
    }
    let outbox = till.outbox()?;
    let mut text = format!("{requests} requests sent.\n{}", list(&outbox));
    if let Some(why) = ended {
        text = format!("{}\n{text}", why.sentence());
    }
    let mut answer = Answer::new(
        json!({
            "requests": requests,
            "ended": ended.map(word),
            "outbox": outbox,
        }),
        text,
    )?;
    answer.exit = match ended {
        None => exit::DONE,
        Some(ErrorCode::Offline | ErrorCode::KeyringMissing) => exit::OUTSIDE,
        Some(_) => exit::REFUSED,
    };
    Ok(answer)
}

fn line(entry: &OutboxEntryView) -> String {
    let mut line = format!(
        "  {}  {:<10} {:>12}  {} · {}  {}",
        entry.id,
        entry.receipt.as_deref().unwrap_or("open sale"),
        spoken_view(&entry.amount),
        entry.who,
        entry.says,
        entry.at
    );
    if let Some(at) = &entry.retry_at {
        line.push_str(&format!("  next {at}"));
    }
    line
}

fn list(outbox: &OutboxView) -> String {
    let mut text = String::new();
    let more = outbox.more;
    for (title, entries, more) in [
        ("Waiting for Stripe", &outbox.waiting, more.waiting),
        (
            "For a person to decide",
            &outbox.need_a_person,
            more.need_a_person,
        ),
        ("Settled in this shift", &outbox.settled, more.settled),
    ] {
        if !entries.is_empty() {
            text.push_str(&format!("{title}\n"));
            for entry in entries {
                text.push_str(&line(entry));
                text.push('\n');
            }
        }
        if more > 0 {
            text.push_str(&format!("  and {more} more\n"));
        }
    }
    if text.is_empty() {
        text.push_str("Nothing waits, and nothing needs a person.\n");
    }
    if let Some(books) = &outbox.books {
        text.push_str(&format!("{}.\n", books.says));
        for difference in &books.differences {
            text.push_str(&format!("  {difference}\n"));
        }
    }
    text.push_str(&format!(
        "At the shop's risk: {} of {}.",
        spoken_view(&outbox.at_risk),
        spoken_view(&outbox.limit)
    ));
    text
}

fn detail(detail: &OutboxDetailView) -> String {
    let mut text = format!(
        "{}\n{} {}\n",
        line(&detail.entry).trim(),
        detail.verdict,
        detail.advice
    );
    for (what, known) in [
        ("why", &detail.entry.reason),
        ("contact", &detail.entry.contact),
    ] {
        if let Some(known) = known {
            text.push_str(&format!("  {what}: {known}\n"));
        }
    }
    for step in &detail.history {
        text.push_str(&format!("  {}  {}\n", step.at, step.says));
    }
    for action in &detail.actions {
        let name = match action.action {
            OutboxAction::SendNow => "send-now",
            OutboxAction::TryAgain => "try-again",
            OutboxAction::TakeCash => "take-cash",
            OutboxAction::PayLink => "pay-link",
            OutboxAction::WriteOff => "write-off",
            OutboxAction::TakeOffReader => "take-off-reader",
            OutboxAction::GiveCash => "give-cash",
            OutboxAction::Settled => "settled",
        };
        match &action.why_not {
            None => text.push_str(&format!("  may be decided: {name}\n")),
            Some(why) => text.push_str(&format!("  not now: {name}. {why}\n")),
        }
    }
    text
}
