//! Disputes, and refunds that somebody made in Stripe's dashboard.

use std::path::Path;

use serde_json::json;
use till_app::CaseView;

use crate::answer::{Answer, Done};
use crate::args::CasesArgs;
use crate::input::Input;
use crate::net::Net;
use crate::shop;
use crate::words::spoken_view;

/// Lists them; asks Stripe for news first where that is wanted.
pub(crate) fn run(folder: &Path, args: &CasesArgs, input: &Input) -> Done {
    let cases = if args.look {
        let net = Net::open(folder, &args.key, input)?;
        net.look_around()?;
        net.till.cases()?
    } else {
        shop::open_existing(folder)?.cases()?
    };
    let text = list(&cases);
    Answer::new(json!({ "cases": cases }), text)
}

/// As text; empty where there are none.
pub(crate) fn list(cases: &[CaseView]) -> String {
    if cases.is_empty() {
        return "No dispute, and no refund made elsewhere.".to_owned();
    }
    let mut text = String::new();
    for case in cases {
        let receipt = case.receipt.as_deref().unwrap_or("open sale");
        let amount = spoken_view(&case.amount);
        text.push_str(&format!(
            "{}  {receipt:<10} {amount:>12}  {}",
            case.id, case.state
        ));
        if let Some(due_by) = case.due_by.as_deref().filter(|_| case.open) {
            text.push_str(&format!("  answer by {due_by}"));
        }
        text.push_str(&format!("\n  {}\n", case.says));
    }
    text
}
