//! The drawer's day, and its reports.

use std::path::Path;

use serde_json::json;
use till_app::Till;
use till_app::error::{AppError, ErrorCode};
use till_app::view::{CountInput, ForeignCountInput, ReportView};
use till_domain::money::Money;

use crate::answer::{Answer, Done, Refusal, to_stdout};
use crate::args::{ReportCommand, ReportFormat, ShiftCommand};
use crate::input::Input;
use crate::paper::{bytes_out, write_out};
use crate::shop;
use crate::words::spoken_view;

/// One of the commands.
pub(crate) fn run(folder: &Path, command: &ShiftCommand, input: &Input) -> Done {
    let till = shop::open_existing(folder)?;
    match command {
        ShiftCommand::Open { float, who } => {
            let session = shop::sign_in_as(&till, who, input)?;
            till.shift_open(&session, float)?;
            let shift = till.boot(Some(&session))?.shift;
            let number = shift.as_ref().map_or(0, |s| s.number);
            Answer::new(
                &shift,
                format!("Shift {number} is open with a float of {float}."),
            )
        }
        ShiftCommand::PaidIn {
            amount,
            reason,
            who,
        } => {
            let session = shop::sign_in_as(&till, who, input)?;
            let effects = till.paid_in(&session, amount, reason)?;
            shop::print_or_note(&till, &effects)?;
            Answer::new(
                json!({ "paid_in": amount, "reason": reason }),
                format!("Paid in: {amount}, {reason}."),
            )
        }
        ShiftCommand::PaidOut {
            amount,
            reason,
            who,
            approver,
        } => {
            let session = shop::sign_in_as(&till, who, input)?;
            let approval = shop::approval(&till, approver, reason, input)?;
            let effects = till.paid_out(&session, amount, reason, approval.as_ref())?;
            shop::print_or_note(&till, &effects)?;
            Answer::new(
                json!({ "paid_out": amount, "reason": reason }),
                format!("Paid out: {amount}, {reason}."),
            )
        }
        ShiftCommand::NoSale { reason, who } => {
            let session = shop::sign_in_as(&till, who, input)?;
            let effects = till.no_sale(&session, reason)?;
            shop::print_or_note(&till, &effects)?;
            Answer::new(
                json!({ "no_sale": reason }),
                format!("The drawer was opened for no sale: {reason}."),
            )
        }
        ShiftCommand::Count {
            pieces,
            foreign,
            who,
        } => {
            let session = shop::sign_in_as(&till, who, input)?;
            let pieces = counted(&till, pieces)?;
            let foreign = counted_foreign(foreign)?;
            let compare = till.count(&session, &pieces, &foreign)?;
            let mut text = format!(
                "Counted {}, expected {}, difference {}.",
                spoken_view(&compare.counted),
                spoken_view(&compare.expected),
                spoken_view(&compare.difference)
            );
            for foreign in &compare.foreign {
                text.push_str(&format!(
                    "\nCounted {}, expected {}, difference {}.",
                    spoken_view(&foreign.counted),
                    spoken_view(&foreign.expected),
                    spoken_view(&foreign.difference)
                ));
            }
            for hint in &compare.hints {
                text.push_str(&format!("\n{}: {}", hint.title, hint.says));
            }
            if compare.can_recount {
                text.push_str("\nOne recount is allowed.");
            }
            Answer::new(&compare, text)
        }
        ShiftCommand::Close {
            who,
            approver,
            note,
            next_float,
        } => {
            let session = shop::sign_in_as(&till, who, input)?;
            let approval = shop::approval(&till, approver, note, input)?;
            let (mut report, effects) =
                till.close(&session, note, next_float.as_deref(), approval.as_ref())?;
            report.printer = shop::print(&till, &effects)?;
            let text = report.text.join("\n");
            Answer::new(&report, text)
        }
    }
}

/// "50.00=3": three fifties.
fn counted(till: &Till, pieces: &[String]) -> Result<Vec<CountInput>, Refusal> {
    let currency = till.shop()?.currency();
    pieces
        .iter()
        .map(|text| {
            let bad = || {
                Refusal::input(format!(
                    "{text:?} is not a note or coin and how many, such as 50.00=3. Nothing was \
                     counted."
                ))
            };
            let (note, count) = text.split_once('=').ok_or_else(bad)?;
            let note = Money::parse(note.trim(), currency).map_err(|_| bad())?;
            Ok(CountInput {
                denomination_minor: note.minor(),
                pieces: count.trim().parse().map_err(|_| bad())?,
            })
        })
        .collect()
}

/// "USD=40.00": forty dollars.
fn counted_foreign(amounts: &[String]) -> Result<Vec<ForeignCountInput>, Refusal> {
    amounts
        .iter()
        .map(|text| {
            let (currency, amount) = text.split_once('=').ok_or_else(|| {
                Refusal::input(format!(
                    "{text:?} is not a currency and how much, such as USD=40.00. Nothing was \
                     counted."
                ))
            })?;
            Ok(ForeignCountInput {
                currency: currency.to_owned(),
                amount: amount.to_owned(),
            })
        })
        .collect()
}

/// X and Z.
pub(crate) fn report(folder: &Path, command: &ReportCommand, input: &Input) -> Done {
    let till = shop::open_existing(folder)?;
    match command {
        ReportCommand::X { who, format, out } => {
            let session = shop::sign_in_as(&till, who, input)?;
            if *format == ReportFormat::Pdf {
                return write_out(
                    &till.report_x_pdf(&session)?,
                    out.as_deref(),
                    "The X report",
                );
            }
            written(&till.report_x(&session)?, *format, out.as_deref())
        }
        ReportCommand::Z {
            number,
            format,
            out,
        } => {
            let number = match number {
                Some(number) => *number,
                None => till.reports()?.first().map(|z| z.number).ok_or_else(|| {
                    Refusal::from(AppError::refused(
                        ErrorCode::NotFound,
                        "no shift has been closed",
                    ))
                })?,
            };
            if *format == ReportFormat::Pdf {
                let report = till.report_z(number)?;
                let page = till.report_pdf(number)?;
                return write_out(&page, out.as_deref(), &report.title);
            }
            written(&till.report_z(number)?, *format, out.as_deref())
        }
    }
}

/// As asked: on the screen, or into a file.
fn written(report: &ReportView, format: ReportFormat, out: Option<&Path>) -> Done {
    match (format, out) {
        (ReportFormat::Json, None) => {
            let shown = Answer::new(report, "")?;
            let _ = to_stdout(format!("{:#}\n", shown.json).as_bytes());
            Ok(Answer::none())
        }
        (ReportFormat::Json, Some(_)) => {
            let shown = Answer::new(report, "")?;
            bytes_out(format!("{:#}\n", shown.json).as_bytes(), out, &report.title)
        }
        (ReportFormat::Text | ReportFormat::Pdf, Some(_)) => {
            let text = report.text.join("\n") + "\n";
            bytes_out(text.as_bytes(), out, &report.title)
        }
        (ReportFormat::Text | ReportFormat::Pdf, None) => {
            Answer::new(report, report.text.join("\n"))
        }
    }
}
