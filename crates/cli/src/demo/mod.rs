//! `till demo`: a whole trading day on the sample shop against the built-in Stripe
//! stand-in, in one thread and on a clock of its own.
//!
//! Invariants:
//! - the same arguments give the same standard output, byte for byte;
//! - the day ends with the books of both sides compared, and exits 3 for a cent.

mod books;
mod day;
mod random;
mod world;

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::time::Instant;

use serde_json::json;
use till_app::error::{AppError, ErrorCode};
use till_app::view::ReportView;

use crate::answer::{Answer, Done, Refusal, exit, note};
use crate::args::DemoArgs;
use crate::words::spoken;
use books::Books;
use day::{Day, Tally};
use world::{Traffic, World};

/// Plays the day.
pub(crate) fn run(args: &DemoArgs, data: Option<&Path>, profiles: Option<&Path>) -> Done {
    let began = Instant::now();
    let temporary = match data {
        Some(_) => None,
        None => Some(tempfile::tempdir().map_err(|error| {
            Refusal::outside(
                ErrorCode::DiskFull,
                format!("No temporary folder can be made ({error}). Name one with --data."),
            )
        })?),
    };
    let folder = match (data, &temporary) {
        (Some(folder), _) => folder.to_owned(),
        (None, Some(folder)) => folder.path().to_owned(),
        (None, None) => return Err(AppError::internal("no folder").into()),
    };
    if folder.join("till.db").exists() {
        return Err(AppError::refused(
            ErrorCode::ShopExists,
            format!(
                "The demo wants an empty folder, and {} holds a shop",
                folder.display()
            ),
        )
        .into());
    }
    let mut world = World::open(&folder, profiles, args.seed, args.faults.0)?;
    let mut day = Day::new(&mut world, args.sales, args.seed)?;
    let (x, z) = play(&mut day, args.sales)?;
    let (story, tallies) = (std::mem::take(&mut day.story), day.tallies);
    let books = books::check(&world)?;
    if let Some(out) = &args.out {
        write_reports(&world, out, &x)?;
    }
    note(&format!(
        "{} sales in {:.1?}{}",
        args.sales,
        began.elapsed(),
        match data {
            Some(folder) => format!("; the shop is in {}", folder.display()),
            None => String::new(),
        }
    ));
    report(args, &story, &tallies, world.traffic, &books, &z)
}

/// The plot: scenes between ordinary customers.
fn play(day: &mut Day<'_>, sales: u32) -> Result<(ReportView, ReportView), Refusal> {
    let mut bar = Bar::new(sales);
    let mut progress = move |done: u32| bar.show(done);
    // Hundredths of the day.
    let at = |hundredth: u32| {
        let part = u64::from(sales).saturating_mul(u64::from(hundredth)) / 100;
        u32::try_from(part).unwrap_or(sales)
    };
    day.open()?;
    day.sell_until(at(10), &mut progress)?;
    day.suspend_and_recall()?;
    day.paid_in()?;
    day.sell_until(at(18), &mut progress)?;
    day.declined_at_the_counter()?;
    day.small_refunds()?;
    day.no_sale()?;
    day.sell_until(at(28), &mut progress)?;
    day.dear_sale()?;
    day.large_refund()?;
    day.sell_until(at(34), &mut progress)?;

    day.lose_the_network()?;
    day.saved_cards_offline()?;
    day.sell_until(at(48), &mut progress)?;
    day.power_cut_mid_sale()?;
    day.refund_of_a_queued_card()?;
    day.sell_until(at(60), &mut progress)?;
    day.over_the_limit()?;

    day.network_back()?;
    day.ways_out()?;
    day.paid_out()?;
    day.sell_until(sales, &mut progress)?;

    day.world.drive_until_quiet()?;
    for (receipt, _) in &day.handful {
        let _ = day
            .world
            .till()?
            .receipt_pdf(day.world.cashier()?, receipt)?;
    }
    let x = day.report_x()?;
    let z = day.close()?;
    day.world.drive_until_quiet()?;
    Ok((x, z))
}

fn unwritten(path: &Path) -> impl Fn(io::Error) -> Refusal + '_ {
    move |error| {
        Refusal::outside(
            ErrorCode::DiskFull,
            format!(
                "{} cannot be written ({error}). The shop's own folder is complete.",
                path.display()
            ),
        )
    }
}

/// Copies the pages to where they are wanted.
fn write_reports(world: &World, out: &Path, x: &ReportView) -> Result<(), Refusal> {
    std::fs::create_dir_all(out).map_err(unwritten(out))?;
    for (kind, prefix) in [("receipts", "receipt-"), ("reports", "")] {
        let from = world.till()?.folder().join(kind);
        let Ok(files) = std::fs::read_dir(&from) else {
            continue;
        };
        for file in files.flatten() {
            let name = file.file_name();
            let to = out.join(format!("{prefix}{}", name.to_string_lossy()));
            std::fs::copy(file.path(), &to).map_err(unwritten(&to))?;
        }
    }
    let to = out.join("x.txt");
    std::fs::write(&to, x.text.join("\n") + "\n").map_err(unwritten(&to))
}

fn row(text: &mut String, label: &str, tally: &Tally) {
    let _ = writeln!(
        text,
        "  {label:<34}{:>6}{:>14}",
        tally.count,
        spoken(tally.amount)
    );
}

fn report(
    args: &DemoArgs,
    story: &[(String, String)],
    t: &day::Tallies,
    traffic: Traffic,
    books: &Books,
    z: &ReportView,
) -> Done {
    let share = |permille: u16| format!("0.{permille:03}");
    let mut text = format!(
        "A day at De Groene Hoek: {} sales, seed {}, {} of requests go wrong\n\n",
        t.sales.count,
        args.seed,
        share(args.faults.0)
    );
    for (at, what) in story {
        let _ = writeln!(text, "  {at}  {what}");
    }
    text.push('\n');
    row(&mut text, "Sales", &t.sales);
    row(&mut text, "Refunds", &t.refunds);
    row(&mut text, "Cash", &t.cash);
    row(&mut text, "Saved card", &t.saved_card);
    row(&mut text, "Test card on a simulated reader", &t.reader);
    row(&mut text, "External terminal", &t.external);
    text.push('\n');
    row(&mut text, "Queued while offline", &t.queued);
    row(&mut text, "  charged since", &t.queued_charged);
    row(
        &mut text,
        "  lowered before it was charged",
        &t.queued_lowered,
    );
    row(&mut text, "  declined", &t.declined);
    row(&mut text, "    paid in cash instead", &t.paid_in_cash);
    row(&mut text, "    written off", &t.written_off);
    let counted = [
        ("Sales paid in more than one way", u64::from(t.split_sales)),
        ("Cards over the offline limit", u64::from(t.over_limit)),
        (
            "Cards taken back at the counter",
            u64::from(t.cards_taken_back),
        ),
        ("Wrong manager PINs", u64::from(t.wrong_pins)),
        ("Power cuts", u64::from(t.power_cuts)),
        ("Requests to Stripe", traffic.sent),
        ("  that went wrong", traffic.went_wrong),
        ("  that found no network", traffic.no_network),
        ("Tenders charged twice", books.charged_twice as u64),
    ];
    text.push('\n');
    for (label, count) in counted {
        let _ = writeln!(text, "  {label:<34}{count:>6}");
    }
    text.push('\n');
    for (label, sum) in [
        ("Charged at Stripe", &books.stripe_charged),
        ("Given back by Stripe", &books.stripe_refunded),
        ("Net at Stripe", &books.stripe_net),
        ("Net by the journal", &books.journal_net),
        ("Difference", &books.difference),
    ] {
        let _ = writeln!(text, "  {label:<34}{sum:>20}");
    }
    let _ = writeln!(
        text,
        "\n  Journal: {} entries, the chain verifies, head {}. {}",
        books.entries,
        books.head,
        if books.projections_differing == 0 {
            "Every projection is a fold of it."
        } else {
            "Projections differ from it."
        }
    );
    let agree = books.differences.is_empty();
    if agree {
        let _ = writeln!(text, "  Books agree.");
    } else {
        for what in &books.differences {
            let _ = writeln!(text, "  Books do not agree: {what}.");
        }
    }
    let tally = |t: &Tally| json!({ "count": t.count, "amount": t.amount.to_string() });
    let mut answer = Answer::new(
        json!({
            "seed": args.seed,
            "faults": share(args.faults.0),
            "story": story
                .iter()
                .map(|(at, what)| json!({ "at": at, "what": what }))
                .collect::<Vec<_>>(),
            "sales": tally(&t.sales),
            "refunds": tally(&t.refunds),
            "tenders": {
                "cash": tally(&t.cash),
                "saved_card": tally(&t.saved_card),
                "simulated_reader": tally(&t.reader),
                "external_terminal": tally(&t.external),
            },
            "queued": {
                "taken": tally(&t.queued),
                "charged": tally(&t.queued_charged),
                "lowered": tally(&t.queued_lowered),
                "declined": tally(&t.declined),
                "paid_in_cash": tally(&t.paid_in_cash),
                "written_off": tally(&t.written_off),
            },
            "split_sales": t.split_sales,
            "over_limit": t.over_limit,
            "cards_taken_back": t.cards_taken_back,
            "wrong_pins": t.wrong_pins,
            "power_cuts": t.power_cuts,
            "requests": {
                "sent": traffic.sent,
                "went_wrong": traffic.went_wrong,
                "no_network": traffic.no_network,
            },
            "books": books,
            "z": { "number": z.number, "verdict": z.verdict, "takings": z.takings },
            "agree": agree,
        }),
        text,
    )?;
    if !agree {
        answer.exit = exit::DIFFERENCE;
    }
    Ok(answer)
}

/// A bar on standard error, where somebody can see it.
struct Bar {
    total: u32,
    shown: Option<u32>,
    on: bool,
}

impl Bar {
    fn new(total: u32) -> Self {
        Self {
            total,
            shown: None,
            on: io::stderr().is_terminal(),
        }
    }

    fn show(&mut self, done: u32) {
        let percent = done
            .saturating_mul(100)
            .checked_div(self.total)
            .unwrap_or(100);
        if !self.on || self.shown == Some(percent) {
            return;
        }
        self.shown = Some(percent);
        let full = usize::try_from(percent / 4).unwrap_or(0).min(25);
        let mut err = io::stderr().lock();
        let _ = write!(
            err,
            "\r[{}{}] {percent:>3} %",
            "#".repeat(full),
            " ".repeat(25 - full)
        );
        let _ = err.flush();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr().lock(), "\r{:40}\r", "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use till_stand_in::{FaultPlan, Request, TEST_KEY};

    /// Charges a euro behind the till's back, for a tender.
    fn charge_behind_its_back(world: &mut World, tender: &str) {
        world.stripe.set_faults(FaultPlan::none());
        let form = format!(
            "amount=100&currency=eur&payment_method=pm_card_visa&confirm=true\
             &allowed_payment_method_types[0]=card&metadata[tender_id]={tender}"
        );
        let request = Request::post("/v1/payment_intents", &form)
            .key(TEST_KEY)
            .header("Stripe-Version", till_stand_in::API_VERSION)
            .idempotency_key("behind-the-back-of-the-till");
        let reply = world.stripe.handle(&request);
        let answer = reply.answer().unwrap();
        assert_eq!(answer.status, 200, "{}", answer.value());
    }

    #[test]
    fn a_charge_that_the_journal_does_not_know_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let mut world = World::open(folder.path(), None, 5, 200).unwrap();
        let mut day = Day::new(&mut world, 20, 5).unwrap();
        play(&mut day, 20).unwrap();
        drop(day);
        let before = books::check(&world).unwrap();
        assert_eq!(before.differences, Vec::<String>::new());
        let charged = world.till().unwrap().card_books().unwrap().charged;
        let tender = charged.keys().next().unwrap().clone();

        charge_behind_its_back(&mut world, &tender);

        let after = books::check(&world).unwrap();
        assert_eq!(
            (after.difference.as_str(), after.charged_twice),
            ("1.00", 1)
        );
        assert!(!after.differences.is_empty());
    }
}
