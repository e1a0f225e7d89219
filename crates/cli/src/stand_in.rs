//! The Stripe stand-in on its own, for scripts and for other tills.

use std::net::{IpAddr, Ipv4Addr};

use till_app::error::{AppError, ErrorCode};
use till_stand_in::{BindError, ClockSource, Config, FaultPlan, StandIn, TEST_KEY, bind};

use crate::answer::{Answer, Done, Refusal, note, to_stdout};
use crate::args::StandInArgs;

/// Makes a stand-in know the sample shop's customers.
pub(crate) fn add_sample_cards(stripe: &mut StandIn) {
    for card in till_app::sample_cards() {
        if !stripe.add_test_customer(&card.customer, &card.payment_method, &card.behaves_as) {
            tracing::error!(card = card.behaves_as, "the stand-in has no such card");
        }
    }
}

fn clock(text: &str) -> Result<ClockSource, Refusal> {
    if text == "system" {
        return Ok(ClockSource::System);
    }
    text.parse::<jiff::Timestamp>()
        .map(|at| ClockSource::Manual {
            start: at.as_second(),
        })
        .map_err(|_| {
            Refusal::input(format!(
                "{text:?} is not a clock. Nothing was started. Say `system`, or a time such as \
                 2026-11-21T08:30:00Z that stands still until it is moved."
            ))
        })
}

/// Answers until it is interrupted.
pub(crate) fn run(args: &StandInArgs) -> Done {
    if args.listen.ip() != IpAddr::V4(Ipv4Addr::LOCALHOST) {
        return Err(Refusal::input(
            "The stand-in listens on 127.0.0.1 alone. Nothing was started.",
        ));
    }
    let faults = match &args.faults {
        None => FaultPlan::none(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| {
                Refusal::input(format!(
                    "{} cannot be read ({error}). Nothing was started.",
                    path.display()
                ))
            })?;
            FaultPlan::parse(&text).map_err(|error| {
                Refusal::input(format!("{}: {error}. Nothing was started.", path.display()))
            })?
        }
    };
    let mut stripe = StandIn::new(Config {
        seed: args.seed,
        clock: clock(&args.clock)?,
        faults,
        ..Config::default()
    });
    add_sample_cards(&mut stripe);
    let runtime = crate::net::runtime()?;
    runtime.block_on(async {
        let server = bind(stripe, args.listen.port())
            .await
            .map_err(|error| match error {
                BindError::PortTaken { .. } => {
                    AppError::refused(ErrorCode::PortTaken, error.to_string())
                }
                BindError::Io { .. } => {
                    AppError::refused(ErrorCode::BadInput, format!("Nothing was started: {error}"))
                }
            })?;
        // The address is the answer: a script that asked for port 0 waits for it.
        let _ = to_stdout(format!("{}\n", server.url()).as_bytes());
        note(&format!(
            "Its test key is {TEST_KEY}. Interrupt it to stop."
        ));
        let () = std::future::pending().await;
        Ok::<_, Refusal>(())
    })?;
    Ok(Answer::none())
}
