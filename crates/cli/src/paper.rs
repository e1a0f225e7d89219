//! Receipts again: as text, as the printer's bytes, as a page.

use std::path::Path;

use serde_json::json;
use till_app::error::{AppError, ErrorCode};

use crate::answer::{Answer, Done, Refusal, to_stdout};
use crate::args::{ReceiptArgs, ReceiptFormat, Who};
use crate::input::Input;
use crate::shop;

/// Writes a file, or says that the disk would not.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Refusal> {
    std::fs::write(path, bytes).map_err(|error| {
        Refusal::outside(
            ErrorCode::DiskFull,
            format!(
                "{} cannot be written ({error}). The shop's books are complete.",
                path.display()
            ),
        )
    })
}

/// Bytes of a page that the till wrote: into `out`, or onto standard output.
pub(crate) fn write_out(page: &Path, out: Option<&Path>, title: &str) -> Done {
    let bytes = std::fs::read(page)
        .map_err(|_| Refusal::from(AppError::internal("a page that was written is gone")))?;
    bytes_out(&bytes, out, title)
}

/// Bytes, into `out` or onto standard output.
pub(crate) fn bytes_out(bytes: &[u8], out: Option<&Path>, title: &str) -> Done {
    match out {
        Some(out) => {
            write_file(out, bytes)?;
            Answer::new(
                json!({ "file": out.display().to_string() }),
                format!("{title} is in {}.", out.display()),
            )
        }
        None => {
            let _ = to_stdout(bytes);
            Ok(Answer::none())
        }
    }
}

/// A duplicate.
pub(crate) fn receipt(folder: &Path, args: &ReceiptArgs, input: &Input) -> Done {
    let till = shop::open_existing(folder)?;
    let title = format!("Receipt {}", args.number);
    match args.format {
        ReceiptFormat::Text => {
            let rows = till.receipt_text(&args.number)?;
            if args.out.is_some() {
                let text = rows.join("\n") + "\n";
                return bytes_out(text.as_bytes(), args.out.as_deref(), &title);
            }
            let text = rows.join("\n");
            Answer::new(json!({ "receipt": args.number, "text": rows }), text)
        }
        ReceiptFormat::Escpos => bytes_out(
            &till.receipt_escpos(&args.number)?,
            args.out.as_deref(),
            &title,
        ),
        ReceiptFormat::Pdf => {
            let Some(user) = &args.user else {
                return Err(Refusal::input(
                    "A page is handed out by a person. Nothing was written. Say who, with --user.",
                ));
            };
            let who = Who {
                user: user.clone(),
                pin_file: args.pin_file.clone(),
            };
            let session = shop::sign_in_as(&till, &who, input)?;
            let page = till.receipt_pdf(&session, &args.number)?;
            write_out(&page, args.out.as_deref(), &title)
        }
    }
}
