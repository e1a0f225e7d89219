//! `till`: the till without a window.
//!
//! Invariants:
//! - standard output carries the answer, standard error everything else;
//! - every refusal has an exit code of CLI.md and a sentence;
//! - no secret is taken from an argument or the environment.

mod answer;
mod args;
mod barcode;
mod cases;
mod customers;
mod demo;
mod doctor;
mod input;
mod journal;
mod net;
mod outbox;
mod paper;
mod price;
mod products;
mod profiles;
mod promotions;
mod readers;
mod reconcile;
mod refund;
mod sell;
mod settings;
mod shift;
mod shop;
mod stand_in;
mod stripe;
mod users;
mod words;

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};
use secrecy::ExposeSecret as _;
use till_app::error::{AppError, ErrorCode};
use till_domain::barcode::{hide_cards, looks_like_card};
use tracing_subscriber::EnvFilter;

use crate::answer::{Answer, Done, Refusal, to_stdout};
use crate::args::{Cli, Command, InitArgs};
use crate::input::Input;

fn main() -> ExitCode {
    let _ = tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_from_env("TILL_LOG").unwrap_or_else(|_| EnvFilter::new("error")),
        )
        .with_writer(|| LogLine)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    match run(&cli) {
        Ok(answer) => answer.say(cli.json),
        Err(refusal) => refusal.say(cli.json),
    }
}

/// Help and versions are answers; anything else is a mistake in the arguments.
fn usage(error: &clap::Error) -> ExitCode {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    // What could not be parsed cannot say whether it wanted JSON.
    if std::env::args_os().any(|arg| arg == "--json") {
        return Refusal::input(error.to_string().trim()).say(true);
    }
    if looks_like_card(&error.to_string()) {
        answer::note(error.to_string().trim());
    } else {
        let _ = error.print();
    }
    ExitCode::from(answer::exit::INPUT)
}

/// The log, on standard error: a line at a time, and no card number in any.
struct LogLine;

impl io::Write for LogLine {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        io::stderr().write_all(hide_cards(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

fn run(cli: &Cli) -> Done {
    let input = Input;
    let folder = || shop::folder(cli.data.as_deref());
    match &cli.command {
        // These need no folder.
        Command::Price { explain } => price::run(&input, *explain),
        Command::Barcode(args) => barcode::run(args, cli.data.as_deref(), &input),
        Command::Demo(args) => demo::run(args, cli.data.as_deref(), cli.profiles.as_deref()),
        Command::StandIn(args) => stand_in::run(args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "till", &mut script);
            said(&script)
        }
        Command::Man => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command())
                .render(&mut page)
                .map_err(|_| Refusal::from(AppError::internal("the page was not rendered")))?;
            said(&page)
        }
        Command::Journal(args::JournalCommand::Verify { from: Some(file) }) => {
            journal::verify_file(file)
        }
        Command::Profiles(command) => profiles::run(command, cli.profiles.as_deref()),
        Command::Init(args) => init(args, &folder()?, cli.profiles.as_deref(), &input),
        Command::Sell(args) => sell::run(&folder()?, args, &input),
        Command::Refund => refund::run(&folder()?, &input),
        Command::Suspend(who) => sell::suspend(&folder()?, who, &input),
        Command::Recall(args) => sell::recall(&folder()?, args, &input),
        Command::Void(who) => sell::void(&folder()?, who, &input),
        Command::Outbox(command) => outbox::run(&folder()?, command, &input),
        Command::Cases(args) => cases::run(&folder()?, args, &input),
        Command::Readers(command) => readers::run(&folder()?, command, &input),
        Command::Reconcile(args) => reconcile::run(&folder()?, args, &input),
        Command::Shift(command) => shift::run(&folder()?, command, &input),
        Command::Report(command) => shift::report(&folder()?, command, &input),
        Command::Receipt(args) => paper::receipt(&folder()?, args, &input),
        Command::Journal(command) => journal::run(&folder()?, command),
        Command::Stripe(command) => stripe::run(&folder()?, command, &input),
        Command::Promotions(command) => promotions::run(&folder()?, command, &input),
        Command::Customers(command) => customers::run(&folder()?, command, &input),
        Command::Settings(command) => settings::run(&folder()?, command, &input),
        Command::Users(command) => users::run(&folder()?, command, &input),
        Command::Products(command) => products::run(&folder()?, command, &input),
        Command::Doctor => doctor::run(&folder()?),
    }
}

/// Bytes that are the answer as they are.
fn said(bytes: &[u8]) -> Done {
    to_stdout(bytes).map_err(|error| {
        Refusal::outside(
            ErrorCode::Internal,
            format!("Standard output does not take it ({error})."),
        )
    })?;
    Ok(Answer::none())
}

fn init(
    args: &InitArgs,
    folder: &std::path::Path,
    profiles: Option<&std::path::Path>,
    input: &Input,
) -> Done {
    let till = shop::open(folder)?.with_profiles(profiles.map(std::path::Path::to_owned));
    match (&args.profile, &args.name) {
        (Some(profile), Some(name)) => {
            let (country, currency) = {
                let profile = till.profiles()?.load(profile)?;
                (profile.name, profile.currency.code())
            };
            if let Some(wanted) = &args.currency
                && !wanted.eq_ignore_ascii_case(currency)
            {
                return Err(AppError::refused(
                    ErrorCode::BadInput,
                    format!("The profile of {country} has {currency}, not {wanted}"),
                )
                .into());
            }
            if till.has_shop()? {
                return Err(ErrorCode::ShopExists.into());
            }
            let pin = input.secret(
                &format!("PIN of {}", args.manager),
                args.pin_file.as_deref(),
            )?;
            till.setup_shop(
                profile,
                args.place.as_deref(),
                name,
                &args.manager,
                pin.expose_secret(),
            )?;
        }
        _ => till.setup_sample()?,
    }
    let facts = till.shop()?;
    let users = till.users()?;
    Answer::new(
        serde_json::json!({
            "shop": facts.name,
            "currency": facts.currency().code(),
            "till": facts.till_name(),
            "test_mode": facts.test_mode,
            "users": users,
        }),
        format!(
            "{} is ready, in {}. {} can sign in. Open a shift with: till shift open FLOAT --user NAME",
            facts.name,
            facts.currency().code(),
            users
                .iter()
                .map(|u| u.name.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        ),
    )
}
