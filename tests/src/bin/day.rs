//! A scripted day in a process of its own, to be killed at any moment.
//!
//! `day FOLDER STRIPE_URL SALES SEED`: rings up sales until the folder holds so
//! many receipts, then drains the outbox and ends. What was said on standard output
//! was complete before it was said.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a script that cannot go on is a failed test"
)]

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use till_adapters::{MemorySecrets, NoPrinter, RandomIds, ReqwestTransport, SystemClock, drive};
use till_app::auth::Session;
use till_app::error::ErrorCode;
use till_app::ports::SecretStore;
use till_app::view::{RefundLineInput, TenderKindView, TenderStateView};
use till_app::{Ports, Till};
use till_stand_in::TEST_KEY;
use tokio::sync::Notify;

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        // xorshift64*: which way the script turns, nothing more.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % n
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

/// Ends the open sale, whatever state a kill left it in.
fn finish(till: &Till, cashier: &Session, wake: &Notify) {
    for _ in 0..4_000 {
        let Some(sale) = till.sale_current().unwrap() else {
            return;
        };
        if sale.lines.iter().all(|l| l.voided) {
            till.void_sale(cashier).unwrap();
            return;
        }
        if sale.can_complete {
            let (done, _) = till.complete(cashier).unwrap();
            say(&format!("sale {} {}", done.receipt, done.sale.total.minor));
            return;
        }
        let stuck = sale.tenders.iter().find(|t| {
            matches!(
                t.state,
                TenderStateView::Declined
                    | TenderStateView::NeedsCustomer
                    | TenderStateView::NeedsAttention
                    | TenderStateView::Expired
            )
        });
        if let Some(tender) = stuck {
            till.tender_remove(cashier, &tender.id).unwrap();
        } else if sale.busy {
            // As a cashier would: go online and look again.
            till.set_forced_offline(false).unwrap();
            till.outbox_send_now().unwrap();
            wake.notify_one();
            std::thread::sleep(Duration::from_millis(5));
        } else {
            let due = &sale.cash_due;
            let given = format!("{}.{:02}", due.minor / 100, due.minor % 100);
            till.tender_cash(cashier, &given).unwrap();
        }
    }
    panic!("the open sale does not end: {:#?}", till.sale_current());
}

fn one_sale(till: &Till, cashier: &Session, wake: &Notify, random: &mut Random) {
    till.set_forced_offline(random.below(3) == 0).unwrap();
    for _ in 0..=random.below(3) {
        let found = till
            .search(["melk", "kaas", "brood"][usize::try_from(random.below(3)).unwrap()])
            .unwrap();
        let product = &found[usize::try_from(random.below(found.len() as u64)).unwrap()];
        let quantity = if product.weighed { "0.250" } else { "1" };
        till.add_product(cashier, &product.id, Some(quantity))
            .unwrap();
    }
    let kind = match random.below(4) {
        0 => None,
        1 => Some(TenderKindView::SimulatedReader),
        _ => Some(TenderKindView::SavedCard),
    };
    if kind == Some(TenderKindView::SavedCard) {
        let customers = till.customers("").unwrap();
        let with_card: Vec<_> = customers.iter().filter(|c| c.card.is_some()).collect();
        let who = with_card[usize::try_from(random.below(with_card.len() as u64)).unwrap()];
        till.set_customer(cashier, Some(&who.id)).unwrap();
    }
    if random.below(3) == 0 {
        till.tender_cash(cashier, "0.50").unwrap();
    }
    if let Some(kind) = kind
        && let Err(error) = till.tender_card(cashier, kind, None, None)
    {
        assert!(
            matches!(
                error.code(),
                ErrorCode::OverLimit | ErrorCode::BelowMinimum | ErrorCode::AlreadyDone
            ),
            "{error:?}"
        );
    }
    wake.notify_one();
    finish(till, cashier, wake);
}

fn one_refund(till: &Till, cashier: &Session, random: &mut Random) {
    let sales = till.recent_sales().unwrap();
    let Some(sale) = sales.get(usize::try_from(random.below(sales.len().max(1) as u64)).unwrap())
    else {
        return;
    };
    let source = till.refund_find(&sale.receipt).unwrap();
    let Some(line) = source
        .lines
        .iter()
        .find(|l| l.left != "0" && l.left != "0.000")
    else {
        return;
    };
    let lines = [RefundLineInput {
        line: line.id.clone(),
        quantity: line.left.clone(),
        restock: true,
    }];
    if let Ok((done, _)) = till.refund_commit(cashier, &sale.receipt, &lines, "unwanted", None) {
        say(&format!("refund {} {}", done.receipt, done.total.minor));
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (folder, url) = (&args[1], &args[2]);
    let sales: usize = args[3].parse().unwrap();
    let mut random = Random(args[4].parse::<u64>().unwrap() | 1);
    let secrets: Arc<dyn SecretStore> = Arc::new(MemorySecrets::with_stripe_key(TEST_KEY));
    let till = Arc::new(
        Till::open(
            std::path::Path::new(folder),
            Ports {
                clock: Arc::new(SystemClock),
                ids: Arc::new(RandomIds::default()),
                printer: Arc::new(NoPrinter),
                secrets: secrets.clone(),
            },
        )
        .unwrap(),
    );
    if !till.has_shop().unwrap() {
        till.setup_sample().unwrap();
    }
    let cashier_id = till.users().unwrap()[0].id.parse().unwrap();
    let cashier = till.sign_in(cashier_id, "1111").unwrap();
    if till.boot(None).unwrap().shift.is_none() {
        till.shift_open(&cashier, "150.00").unwrap();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let transport = Arc::new(ReqwestTransport::new(url, secrets).unwrap());
    let wake = Arc::new(Notify::new());
    till.set_reachable(true);
    runtime.spawn(drive::run(till.clone(), transport, wake.clone(), || {}));
    say("ready");

    finish(&till, &cashier, &wake);
    while till.receipts_so_far().unwrap() < sales {
        one_sale(&till, &cashier, &wake, &mut random);
        if random.below(6) == 0 {
            one_refund(&till, &cashier, &mut random);
        }
    }
    till.set_forced_offline(false).unwrap();
    while till.connection().unwrap().waiting > 0 {
        till.outbox_send_now().unwrap();
        wake.notify_one();
        std::thread::sleep(Duration::from_millis(50));
    }
    say("quiet");
}
