//! What must hold: the eight invariants of the specification, section 5, and that
//! what is sent is on disk first (section 2).
//!
//! The oracle reads the database with a connection of its own, folds the journal in
//! its own way, and asks Stripe what it did. It shares no rule with the core.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use memchr::memmem;
use rusqlite::{Connection, OpenFlags};
use till_domain::charge::{ChargeState, RefundState};
use till_domain::ids::Uuid;
use till_domain::journal::{ChargeKind, JournalEvent};
use till_domain::refund::GiveBack;
use till_domain::sale::TenderKind;
use till_stand_in::{Ledger, StandIn, TEST_KEY, TenderLine};
use till_store::{ChainHead, JournalLine, StoredRequest};

use super::disk::{CASHIER_PIN, MANAGER_PIN};
use super::{Broken, Tally};

/// A card number that people type where they should not.
pub(crate) const CARD_NUMBER: &str = "4242424242424242";

/// What may be nowhere.
const SECRETS: [&str; 4] = [TEST_KEY, MANAGER_PIN, CASHIER_PIN, CARD_NUMBER];

pub(crate) const ONCE: &str = "1 charged once, the right sum";
const NONE_LOST: &str = "2 no tender disappears";
const BOOKS: &str = "3 Stripe's money is the journal's";
pub(crate) const SURVIVES: &str = "4 what was complete survives";
const CHAIN: &str = "5 the chain verifies, the projections follow";
const NEVER_BACK: &str = "6 paid stays paid";
const REFUNDS: &str = "7 refunds within what was charged";
const SECRET: &str = "8 no secret anywhere";
const DISK_FIRST: &str = "0 on disk before it is sent";
const ASKED: &str = "1 the PaymentIntent says what a reader did";
pub(crate) const QUIET: &str = "the queue becomes quiet";
const WAY_OUT: &str = "2 every case has a way out";

/// A charge, as the journal tells it.
#[derive(Debug, Clone)]
pub(crate) struct Charge {
    pub(crate) tender: Uuid,
    sale: Uuid,
    asked: i64,
    amount: i64,
    pub(crate) state: ChargeState,
    debt_paid: Option<i64>,
    intent: Option<String>,
    /// Taken on a reader.
    reader: bool,
    /// What the customer added there, as the journal has it.
    tip: i64,
}

/// What a customer adds where the reader asks.
pub(crate) const TIP: i64 = 75;

impl Charge {
    pub(crate) fn intent(&self) -> Option<&str> {
        self.intent.as_deref()
    }

    /// Paid another way, given up or ended: nothing at Stripe may be able to charge it.
    fn is_over(&self) -> bool {
        self.debt_paid.is_some()
            || matches!(
                self.state,
                ChargeState::Canceled | ChargeState::WrittenOff | ChargeState::Expired
            )
    }

    /// It must never be charged. On a reader a declined one is taken by the next card,
    /// as long as it is on the sale.
    fn is_free(&self) -> bool {
        self.debt_paid.is_some()
            || matches!(self.state, ChargeState::Canceled | ChargeState::WrittenOff)
            || (self.state == ChargeState::Declined && !self.reader)
    }
}

#[derive(Debug, Clone)]
struct Part {
    tender: Option<Uuid>,
    sale: Option<Uuid>,
    how: GiveBack,
    amount: i64,
    state: RefundState,
    /// Given out of the drawer, as Stripe could not.
    paid: bool,
}

impl Part {
    fn of_stripe(&self) -> bool {
        matches!(self.how, GiveBack::StripeRefund | GiveBack::WhenKnown)
    }
}

#[derive(Debug, Clone)]
struct Sale {
    receipt: i64,
    total: i64,
    rounding: i64,
    cash: i64,
    slips: i64,
    cards: Vec<(Uuid, i64, bool)>,
    /// Line, sold thousandths, returned thousandths.
    lines: BTreeMap<Uuid, (i64, i64)>,
    refunded: i64,
    refund_rounding: i64,
}

/// The judge.
pub(crate) struct Oracle {
    db: Connection,
    version: i64,
    head: ChainHead,
    receipts: i64,
    charges: BTreeMap<Uuid, Charge>,
    /// Tenders in the order they were taken.
    order: Vec<Uuid>,
    parts: BTreeMap<Uuid, Part>,
    sales: BTreeMap<Uuid, Sale>,
    /// Receipts of sales, in order.
    sold: Vec<i64>,
    /// What people were shown to be complete.
    shown: BTreeMap<i64, i64>,
    refunds: u64,
    settled: u64,
    /// PaymentIntents and pay links that the journal has named.
    known: BTreeSet<String>,
    /// Tenders of sales that are being rung up or are put aside.
    held: BTreeSet<Uuid>,
    /// What was asked last about each charge and refund: the path.
    asked: BTreeMap<Uuid, String>,
    /// What Stripe had done at the last look.
    ledger: Ledger,
    /// The end of the journal, and what Stripe had done, when all was quiet last.
    quiet_at: Option<(ChainHead, Ledger)>,
    /// Something was declined: what is tried again by itself.
    declined: bool,
    searches: Vec<memmem::Finder<'static>>,
}

/// Key, path, body and first sending of a request.
type Sent = (Option<String>, Option<String>, Option<Vec<u8>>, Option<i64>);

fn uuid(bytes: [u8; 16]) -> Uuid {
    Uuid::from_bytes(bytes)
}

fn open(path: &Path) -> Connection {
    let db = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .unwrap();
    db.set_prepared_statement_cache_capacity(32);
    db
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, b| {
        let _ = write!(text, "{b:02x}");
        text
    })
}

fn milli(quantity: rust_decimal::Decimal) -> i64 {
    (quantity * rust_decimal::Decimal::ONE_THOUSAND)
        .try_into()
        .unwrap()
}

impl Oracle {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            db: open(path),
            version: -1,
            head: ChainHead::GENESIS,
            receipts: 0,
            charges: BTreeMap::new(),
            order: Vec::new(),
            parts: BTreeMap::new(),
            sales: BTreeMap::new(),
            sold: Vec::new(),
            shown: BTreeMap::new(),
            refunds: 0,
            settled: 0,
            known: BTreeSet::new(),
            held: BTreeSet::new(),
            asked: BTreeMap::new(),
            ledger: Ledger::default(),
            quiet_at: None,
            declined: false,
            searches: SECRETS
                .iter()
                .map(|s| memmem::Finder::new(s.as_bytes()))
                .collect(),
        }
    }

    /// Receipts of sales in the journal, the newest last.
    pub(crate) fn receipts(&self) -> &[i64] {
        &self.sold
    }

    /// The charge of the tender that was taken `which` ago.
    pub(crate) fn charge(&self, which: u8) -> Option<&Charge> {
        let at = usize::from(which) % self.order.len().max(1);
        let tender = self.order.iter().rev().nth(at)?;
        self.charges.get(tender)
    }

    /// Something was declined, and may be tried again by itself.
    pub(crate) fn was_declined(&self) -> bool {
        self.declined
    }

    /// Everything that a person must decide about.
    pub(crate) fn cases(&self) -> Vec<Uuid> {
        self.charges
            .values()
            .filter(|c| self.owes(c))
            .map(|c| c.tender)
            .collect()
    }

    /// Goods left, and nothing has come for them nor will by itself.
    fn owes(&self, charge: &Charge) -> bool {
        self.is_sold(charge)
            && charge.amount > 0
            && charge.debt_paid.is_none()
            && (charge.state.needs_a_person() || charge.state == ChargeState::Canceled)
    }

    /// It is on a completed sale; what was taken off before is not.
    fn is_sold(&self, charge: &Charge) -> bool {
        self.sales
            .get(&charge.sale)
            .is_some_and(|s| s.cards.iter().any(|(id, ..)| *id == charge.tender))
    }

    /// The shop has let go of it: decided about, or taken off its sale.
    fn is_let_go(&self, charge: &Charge) -> bool {
        charge.is_free() || !(self.is_sold(charge) || self.held.contains(&charge.tender))
    }

    /// Something that the journal has named can still be charged at Stripe. One that
    /// nobody here has ever heard of is told by nobody to charge.
    fn could_be_charged(&self, line: &TenderLine) -> bool {
        line.chargeable.iter().any(|id| self.known.contains(id))
    }

    pub(crate) fn tally(&self, tally: &mut Tally) {
        tally.sales = self.sales.len() as u64;
        tally.refunds = self.refunds;
        tally.settled = self.settled;
        tally.charged = self
            .charges
            .values()
            .filter(|c| c.state == ChargeState::Succeeded)
            .count() as u64;
        let [a, b, c, d, e, f, g, h, ..] = self.head.hash;
        tally.digest = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    }

    /// Nothing waits but pay links that are with the customer, and what waits to know
    /// what becomes of one.
    pub(crate) fn links_alone_wait(&self) -> bool {
        let (links, others): (i64, i64) = self
            .db
            .prepare_cached(
                "SELECT count(*) FILTER (WHERE state = 'awaiting_customer'),
                        count(*) FILTER (WHERE state NOT IN ('awaiting_customer', 'queued'))
                 FROM outbox WHERE waiting = 1",
            )
            .unwrap()
            .query_row([], |r| Ok((r.get(0)?, r.get(1)?)))
            .unwrap();
        links > 0 && others == 0
    }

    /// Something complete was shown to a person.
    pub(crate) fn show(&mut self, receipt: &str, minor: i64) {
        let number = receipt.split('-').nth(1).unwrap().parse().unwrap();
        self.shown.insert(number, minor);
    }

    /// Looks for what must be nowhere.
    pub(crate) fn no_secret(&self, what: &str, bytes: &[u8]) -> Result<(), Broken> {
        for (secret, search) in SECRETS.iter().zip(&self.searches) {
            if search.find(bytes).is_some() {
                return Err(Broken::new(SECRET, format!("{what} holds {secret}")));
            }
        }
        Ok(())
    }

    /// A request leaves: it must be on disk as it is sent.
    pub(crate) fn leaves(&mut self, id: Uuid, request: &StoredRequest) -> Result<(), Broken> {
        let stored: Option<Sent> = self
            .db
            .prepare_cached(
                "SELECT idempotency_key, path, body, first_sent_at FROM outbox WHERE id = ?1",
            )
            .unwrap()
            .query_row([id.as_bytes()], |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))
            })
            .ok();
        let sent = (
            request.idempotency_key.clone(),
            Some(request.path.clone()),
            request.body.clone(),
            request.first_sent_at.map(|t| t.0),
        );
        if stored.as_ref() != Some(&sent) {
            return Err(Broken::new(
                DISK_FIRST,
                format!("{} is sent, and on disk is {stored:?}", request.path),
            ));
        }
        if request.method == "POST" && request.idempotency_key.is_none() {
            return Err(Broken::new(DISK_FIRST, "sent without a key"));
        }
        self.asked.insert(id, request.path.clone());
        Ok(())
    }

    /// The till started again on what a power cut left.
    pub(crate) fn restarted(&mut self, path: &Path) -> Result<(), Broken> {
        self.db = open(path);
        self.version = -1;
        if self.head.seq == 0 {
            return Ok(());
        }
        let hash: Option<Vec<u8>> = self
            .db
            .query_row(
                "SELECT hash FROM journal WHERE seq = ?1",
                [self.head.seq],
                |r| r.get(0),
            )
            .ok();
        if hash.as_deref() != Some(self.head.hash.as_slice()) {
            let seq = self.head.seq;
            return Err(Broken::new(
                SURVIVES,
                format!("entry {seq} was written, and is gone or another"),
            ));
        }
        Ok(())
    }

    /// What must hold after every step.
    pub(crate) fn look(&mut self, stripe: &StandIn, stripe_acted: bool) -> Result<(), Broken> {
        let version: i64 = self
            .db
            .prepare_cached("PRAGMA data_version")
            .unwrap()
            .query_row([], |r| r.get(0))
            .unwrap();
        let changed = version != self.version;
        self.version = version;
        if changed {
            // One state of the file, and its lock taken once.
            self.db.execute_batch("BEGIN").unwrap();
            self.fold_new()?;
            self.held = self.tenders_held();
            self.projections()?;
            self.outbox()?;
            self.db.execute_batch("COMMIT").unwrap();
            for (receipt, minor) in &self.shown {
                if *receipt > self.receipts {
                    return Err(Broken::new(
                        SURVIVES,
                        format!("receipt {receipt} of {minor} was shown, and is gone"),
                    ));
                }
            }
        }
        let ledger = stripe_acted.then(|| stripe.ledger());
        let acted = ledger.is_some_and(|ledger| {
            let before = std::mem::replace(&mut self.ledger, ledger);
            before != self.ledger
        });
        if changed || acted {
            self.stripe()?;
        }
        Ok(())
    }

    // ---- the journal ----

    fn fold_new(&mut self) -> Result<(), Broken> {
        let lines: Vec<JournalLine> = self
            .db
            .prepare_cached(
                "SELECT seq, epoch, at, shift, kind, version, body, prev_hash, hash
                 FROM journal WHERE seq > ?1 ORDER BY seq",
            )
            .unwrap()
            .query_map([self.head.seq], |r| {
                Ok(JournalLine {
                    seq: r.get(0)?,
                    epoch: r.get(1)?,
                    at: r.get(2)?,
                    shift: r.get(3)?,
                    kind: r.get(4)?,
                    version: r.get(5)?,
                    body: String::from_utf8(r.get(6)?).unwrap(),
                    prev_hash: hex(&r.get::<_, Vec<u8>>(7)?),
                    hash: hex(&r.get::<_, Vec<u8>>(8)?),
                })
            })
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        for line in lines {
            self.head = line
                .follows(&self.head)
                .map_err(|error| Broken::new(CHAIN, error.to_string()))?;
            self.no_secret("the journal", line.body.as_bytes())?;
            let event = line
                .event()
                .map_err(|error| Broken::new(CHAIN, error.to_string()))?;
            self.fold(event)?;
        }
        Ok(())
    }

    fn next_receipt(&mut self, number: i64, minor: i64) -> Result<(), Broken> {
        self.receipts += 1;
        if number != self.receipts {
            return Err(Broken::new(
                SURVIVES,
                format!("receipt {number} comes after {}", self.receipts - 1),
            ));
        }
        match self.shown.get(&number) {
            Some(shown) if *shown != minor => Err(Broken::new(
                SURVIVES,
                format!("receipt {number} was shown with {shown}, and is of {minor}"),
            )),
            Some(_) | None => Ok(()),
        }
    }

    fn fold(&mut self, event: JournalEvent) -> Result<(), Broken> {
        match event {
            JournalEvent::ChargeRequested {
                tender,
                sale,
                how,
                amount,
                ..
            } => {
                let charge = Charge {
                    tender: tender.0,
                    sale: sale.0,
                    asked: amount.minor(),
                    amount: amount.minor(),
                    state: ChargeState::Queued,
                    debt_paid: None,
                    intent: None,
                    reader: how == ChargeKind::Reader,
                    tip: 0,
                };
                self.order.push(tender.0);
                if self.charges.insert(tender.0, charge).is_some() {
                    return Err(Broken::new(ONCE, "a tender was asked for twice"));
                }
            }
            JournalEvent::ChargeMoved {
                tender, to, facts, ..
            } => {
                let charge = self.charges.get_mut(&tender.0).unwrap();
                if charge.state == ChargeState::Succeeded && to != ChargeState::Succeeded {
                    return Err(Broken::new(
                        NEVER_BACK,
                        format!("tender {tender} was charged, and is now {}", to.word()),
                    ));
                }
                if charge.debt_paid.is_some() && to == ChargeState::Succeeded {
                    return Err(Broken::new(
                        ONCE,
                        format!("tender {tender} was paid in cash, and is charged"),
                    ));
                }
                if facts.decline_code.as_deref() == Some("idempotency_error") {
                    return Err(Broken::new(
                        DISK_FIRST,
                        "a key was used for another request",
                    ));
                }
                // A reader loses the bank's answer, and forgets a tip.
                let decided = matches!(to, ChargeState::Succeeded | ChargeState::Declined);
                let asked = self.asked.get(&tender.0);
                if decided && asked.is_some_and(|path| path.starts_with("/v1/terminal/")) {
                    return Err(Broken::new(
                        ASKED,
                        format!("tender {tender} is {} by a reader's word", to.word()),
                    ));
                }
                if to == ChargeState::WrittenOff {
                    self.settled += 1;
                }
                self.declined |= to == ChargeState::Declined;
                charge.state = to;
                if to == ChargeState::Succeeded {
                    charge.tip = facts.tip.map_or(0, till_domain::money::Money::minor);
                }
                self.known.extend(facts.intent.clone());
                self.known.extend(facts.session.clone());
                charge.intent = facts.intent.or(charge.intent.take());
            }
            JournalEvent::ChargeLowered { tender, by } => {
                self.charges.get_mut(&tender.0).unwrap().amount -= by.minor();
            }
            JournalEvent::DebtPaid { tender, amount, .. } => {
                self.settled += 1;
                let sold = self.is_sold(&self.charges[&tender.0]);
                let charge = self.charges.get_mut(&tender.0).unwrap();
                if charge.debt_paid.is_some() || charge.state == ChargeState::Succeeded || !sold {
                    return Err(Broken::new(
                        ONCE,
                        format!("tender {tender} is paid in cash, and was paid or never sold"),
                    ));
                }
                charge.debt_paid = Some(amount.minor());
            }
            JournalEvent::SaleCommitted { receipt, sale } => {
                self.next_receipt(receipt.number, sale.total.minor())?;
                self.sold.push(receipt.number);
                let mut folded = Sale {
                    receipt: receipt.number,
                    total: sale.total.minor(),
                    rounding: sale.cash_rounding.minor(),
                    cash: -sale.change.minor(),
                    slips: 0,
                    cards: Vec::new(),
                    lines: BTreeMap::new(),
                    refunded: 0,
                    refund_rounding: 0,
                };
                for tender in &sale.tenders {
                    match tender.kind {
                        TenderKind::Cash | TenderKind::ForeignCash { .. } => {
                            folded.cash += tender.amount.minor();
                        }
                        TenderKind::ExternalTerminal { .. } | TenderKind::Voucher { .. } => {
                            folded.slips += tender.amount.minor();
                        }
                        TenderKind::Card { at_risk, .. } => {
                            let card = (tender.id.0, tender.amount.minor(), at_risk);
                            folded.cards.push(card);
                        }
                    }
                }
                for line in &sale.lines {
                    let sold = milli(line.line.quantity);
                    folded.lines.insert(line.line.id.0, (sold, 0));
                }
                for (card, amount, at_risk) in &folded.cards {
                    let good = self.charges.get(card).is_some_and(|c| {
                        c.asked == *amount && (*at_risk || c.state == ChargeState::Succeeded)
                    });
                    if !good {
                        return Err(Broken::new(
                            NONE_LOST,
                            format!("a sale is complete, and its tender {card} is not asked for"),
                        ));
                    }
                }
                if self.sales.insert(sale.id.0, folded).is_some() {
                    return Err(Broken::new(SURVIVES, "a sale was completed twice"));
                }
            }
            JournalEvent::RefundCommitted { receipt, refund } => {
                self.refunds += 1;
                let given = refund.total.minor() + refund.cash_rounding.minor();
                self.next_receipt(receipt.number, given)?;
                let sale = self.sales.get_mut(&refund.sale.0).unwrap();
                for line in &refund.lines {
                    let (sold, returned) = sale.lines.get_mut(&line.line.0).unwrap();
                    *returned += milli(line.quantity);
                    if returned > sold {
                        return Err(Broken::new(REFUNDS, "more of a line than was sold"));
                    }
                }
                sale.refunded += refund.total.minor();
                sale.refund_rounding += refund.cash_rounding.minor();
                if sale.refunded > sale.total {
                    return Err(Broken::new(REFUNDS, "more of a sale than it came to"));
                }
                for part in &refund.parts {
                    let done = match part.how {
                        GiveBack::Cash
                        | GiveBack::ExternalTerminal
                        | GiveBack::Voucher
                        | GiveBack::LowerCharge => RefundState::Succeeded,
                        GiveBack::StripeRefund | GiveBack::WhenKnown => RefundState::Queued,
                    };
                    self.parts.insert(
                        part.id.0,
                        Part {
                            tender: part.tender.map(|t| t.0),
                            sale: Some(refund.sale.0),
                            how: part.how,
                            amount: part.amount.minor(),
                            state: done,
                            paid: false,
                        },
                    );
                    if let (GiveBack::LowerCharge, Some(tender)) = (part.how, part.tender) {
                        self.charges.get_mut(&tender.0).unwrap().amount -= part.amount.minor();
                    }
                }
            }
            JournalEvent::TenderReturned {
                tender,
                part,
                amount,
                ..
            } => {
                self.parts.insert(
                    part.0,
                    Part {
                        tender: Some(tender.0),
                        sale: None,
                        how: GiveBack::StripeRefund,
                        amount: amount.minor(),
                        state: RefundState::Queued,
                        paid: false,
                    },
                );
            }
            JournalEvent::RefundMoved {
                part, to, reason, ..
            } => {
                if reason.as_deref() == Some("idempotency_error") {
                    return Err(Broken::new(
                        DISK_FIRST,
                        "a key was used for another request",
                    ));
                }
                let Some(part) = self.parts.get_mut(&part.0) else {
                    return Err(Broken::new(REFUNDS, "a refund that nobody asked for moves"));
                };
                if part.paid {
                    return Err(Broken::new(
                        REFUNDS,
                        format!("a part that was paid in cash is {}", to.word()),
                    ));
                }
                part.state = to;
            }
            JournalEvent::RefundPaid { part, amount, .. } => {
                self.settled += 1;
                let paid = self.parts.get_mut(&part.0).unwrap();
                let refused = matches!(
                    paid.state,
                    RefundState::Failed | RefundState::NeedsAttention
                );
                if paid.paid || !refused || amount.minor() != paid.amount {
                    return Err(Broken::new(
                        REFUNDS,
                        format!(
                            "part {part} of {} is {}, and {} is paid in cash",
                            paid.amount,
                            paid.state.word(),
                            amount.minor()
                        ),
                    ));
                }
                paid.paid = true;
            }
            // Moves no money of a sale or a card.
            _ => {}
        }
        self.within_tenders()
    }

    /// No tender gives back more than it paid, and no charge is below nothing.
    fn within_tenders(&self) -> Result<(), Broken> {
        for charge in self.charges.values() {
            let back: i64 = self
                .parts
                .values()
                .filter(|p| {
                    p.tender == Some(charge.tender) && p.state != RefundState::Failed && !p.paid
                })
                .map(|p| p.amount)
                .sum();
            if back > charge.asked + charge.tip || charge.amount < 0 {
                return Err(Broken::new(
                    REFUNDS,
                    format!(
                        "{back} goes back to tender {}, which paid {} (left {})",
                        charge.tender, charge.asked, charge.amount
                    ),
                ));
            }
        }
        Ok(())
    }

    // ---- the database ----

    fn projections(&self) -> Result<(), Broken> {
        let differs = |what: &str, stored: String, folded: String| {
            Err(Broken::new(
                CHAIN,
                format!("{what}: stored {stored}, by the journal {folded}"),
            ))
        };
        let stored: Vec<(Uuid, i64, String, bool)> = self
            .db
            .prepare_cached(
                "SELECT tender, amount_minor, state, debt_paid FROM charge ORDER BY tender",
            )
            .unwrap()
            .query_map([], |r| {
                Ok((uuid(r.get(0)?), r.get(1)?, r.get(2)?, r.get(3)?))
            })
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let folded: Vec<(Uuid, i64, String, bool)> = self
            .charges
            .values()
            .map(|c| {
                let state = c.state.word().to_owned();
                (c.tender, c.amount, state, c.debt_paid.is_some())
            })
            .collect();
        if stored != folded {
            return differs("charges", format!("{stored:?}"), format!("{folded:?}"));
        }
        let stored: Vec<(Uuid, i64, String, bool)> = self
            .db
            .prepare_cached(
                "SELECT id, amount_minor, state, paid_in_cash FROM refund_part ORDER BY id",
            )
            .unwrap()
            .query_map([], |r| {
                Ok((uuid(r.get(0)?), r.get(1)?, r.get(2)?, r.get(3)?))
            })
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let folded: Vec<(Uuid, i64, String, bool)> = self
            .parts
            .iter()
            .map(|(id, p)| (*id, p.amount, p.state.word().to_owned(), p.paid))
            .collect();
        if stored != folded {
            return differs("parts", format!("{stored:?}"), format!("{folded:?}"));
        }
        let stored: Vec<(Uuid, i64, i64)> = self
            .db
            .prepare_cached("SELECT id, receipt_number, total_minor FROM sale ORDER BY id")
            .unwrap()
            .query_map([], |r| Ok((uuid(r.get(0)?), r.get(1)?, r.get(2)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let folded: Vec<(Uuid, i64, i64)> = self
            .sales
            .iter()
            .map(|(id, s)| (*id, s.receipt, s.total))
            .collect();
        if stored != folded {
            return differs("sales", format!("{stored:?}"), format!("{folded:?}"));
        }
        Ok(())
    }

    /// What waits by the journal is in the outbox, and moves.
    fn outbox(&self) -> Result<(), Broken> {
        let rows: BTreeMap<Uuid, (String, bool)> = self
            .db
            .prepare_cached("SELECT id, state, waiting FROM outbox")
            .unwrap()
            .query_map([], |r| Ok((uuid(r.get(0)?), (r.get(1)?, r.get(2)?))))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let check = |id: &Uuid, waits: bool, word: &str| match rows.get(id) {
            None => Err(Broken::new(
                NONE_LOST,
                format!("{id} is {word}, and is not in the outbox"),
            )),
            // Cancelled at Stripe's: the journal's state stands until that is done.
            Some((state, waiting)) if waits && !*waiting => Err(Broken::new(
                NONE_LOST,
                format!("{id} is {word}, and its entry rests as {state}"),
            )),
            Some((state, waiting)) if !*waiting && state != word => Err(Broken::new(
                NONE_LOST,
                format!("{id} is {word}, and its entry says {state}"),
            )),
            Some(_) => Ok(()),
        };
        for charge in self.charges.values() {
            let waits = charge.state.is_waiting();
            check(&charge.tender, waits, charge.state.word())?;
        }
        for (id, part) in self.parts.iter().filter(|(_, p)| p.of_stripe()) {
            check(id, part.state.is_waiting(), part.state.word())?;
        }
        Ok(())
    }

    fn tenders_held(&self) -> BTreeSet<Uuid> {
        let bodies: Vec<String> = self
            .db
            .prepare_cached("SELECT body FROM open_sale")
            .unwrap()
            .query_map([], |r| r.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let mut held = BTreeSet::new();
        for body in bodies {
            let sale: serde_json::Value = serde_json::from_str(&body).unwrap();
            let tenders = sale["tenders"].as_array().unwrap();
            held.extend(
                tenders
                    .iter()
                    .map(|t| -> Uuid { t["id"].as_str().unwrap().parse().unwrap() }),
            );
        }
        held
    }

    // ---- Stripe ----

    fn stripe(&self) -> Result<(), Broken> {
        for (tender, line) in &self.ledger.tenders {
            let id: Option<Uuid> = tender.parse().ok();
            let Some(charge) = id.and_then(|id| self.charges.get(&id)) else {
                return Err(Broken::new(
                    BOOKS,
                    format!("{tender} is at Stripe, and not in the journal"),
                ));
            };
            if line.charges.len() > 1 {
                return Err(Broken::new(
                    ONCE,
                    format!("tender {tender} was charged {} times", line.charges.len()),
                ));
            }
            if let Some(charged) = line.charges.first() {
                let most = charge.asked + if charge.reader { TIP } else { 0 };
                if charged.currency != "eur" || charged.amount > most {
                    return Err(Broken::new(
                        ONCE,
                        format!(
                            "tender {tender} of {} was charged {} {}",
                            charge.asked, charged.amount, charged.currency
                        ),
                    ));
                }
                if charge.is_free() {
                    let how = if charge.debt_paid.is_some() {
                        "paid in cash"
                    } else {
                        charge.state.word()
                    };
                    return Err(Broken::new(
                        ONCE,
                        format!("tender {tender} is {how}, and is charged"),
                    ));
                }
            }
            // Only what Stripe cannot charge any more is let go of: a request may be late
            // and a card be held to a reader at any moment from here on.
            if self.is_let_go(charge) && self.could_be_charged(line) {
                return Err(Broken::new(
                    ONCE,
                    format!(
                        "tender {tender} is {}, and let go of, and Stripe can charge it still",
                        charge.state.word()
                    ),
                ));
            }
            if line.refunded > line.charged {
                return Err(Broken::new(REFUNDS, "more went back than was charged"));
            }
            let mut seen = BTreeSet::new();
            for refund in line.refunds.iter().filter(|r| r.status != "failed") {
                let part = refund.refund_id.as_ref().and_then(|id| id.parse().ok());
                let Some(part) = part.and_then(|id: Uuid| self.parts.get(&id)) else {
                    return Err(Broken::new(REFUNDS, "a refund that nobody asked for"));
                };
                if !seen.insert(refund.refund_id.clone()) || refund.amount != part.amount {
                    return Err(Broken::new(
                        REFUNDS,
                        format!(
                            "part {:?} of {} was given back twice, or as {}",
                            refund.refund_id, part.amount, refund.amount
                        ),
                    ));
                }
                if part.paid {
                    return Err(Broken::new(
                        REFUNDS,
                        format!(
                            "part {:?} was paid in cash, and is {} at Stripe",
                            refund.refund_id, refund.status
                        ),
                    ));
                }
            }
        }
        Ok(())
    }

    /// What must hold once the line is back and nothing waits any more. Where neither
    /// the journal nor Stripe moved since it held last, it holds.
    pub(crate) fn quiet(&mut self, till: &till_app::Till) -> Result<(), Broken> {
        let now = (self.head.clone(), self.ledger.clone());
        if self.quiet_at.as_ref() == Some(&now) {
            return Ok(());
        }
        self.is_quiet(till)?;
        self.quiet_at = Some(now);
        Ok(())
    }

    fn is_quiet(&self, till: &till_app::Till) -> Result<(), Broken> {
        let ledger = &self.ledger;
        let books = till
            .card_books()
            .map_err(|error| Broken::new(BOOKS, error.to_string()))?;
        for charge in self.charges.values() {
            let tender = charge.tender.to_string();
            let line = ledger.tenders.get(&tender);
            let net = line.map_or(0, |l| l.net);
            let charged = books.charged.get(&tender).copied().unwrap_or(0);
            let refunded = books.refunded.get(&tender).copied().unwrap_or(0);
            if net != charged - refunded {
                return Err(Broken::new(
                    BOOKS,
                    format!(
                        "tender {tender}, {}: {net} at Stripe, {charged} less {refunded} in the journal",
                        charge.state.word()
                    ),
                ));
            }
            if charge.state == ChargeState::Succeeded
                && line.map_or(0, |l| l.charged) != charge.amount + charge.tip
            {
                return Err(Broken::new(
                    ONCE,
                    format!("tender {tender} is of {}, and {line:?}", charge.amount),
                ));
            }
            // Taken off the sale, it went back.
            let back = self.parts.values().any(|p| p.tender == Some(charge.tender));
            let ended = self.sales.contains_key(&charge.sale);
            if charge.state == ChargeState::Succeeded && ended && !self.is_sold(charge) && !back {
                return Err(Broken::new(
                    NONE_LOST,
                    format!("tender {tender} was charged, and is on no sale"),
                ));
            }
            if charge.is_over() && line.is_some_and(|l| self.could_be_charged(l)) {
                return Err(Broken::new(
                    ONCE,
                    format!(
                        "tender {tender} is {}, and Stripe can charge it still",
                        charge.state.word()
                    ),
                ));
            }
            // A pay link that nobody pays ends by itself; nothing else waits.
            if charge.state.is_waiting() {
                return Err(Broken::new(
                    NONE_LOST,
                    format!("tender {tender} is {} for ever", charge.state.word()),
                ));
            }
        }
        let needs: BTreeSet<String> = till
            .outbox()
            .map_err(|error| Broken::new(NONE_LOST, error.to_string()))?
            .need_a_person
            .into_iter()
            .map(|e| e.id)
            .collect();
        for case in self.cases() {
            if !needs.contains(&case.to_string()) {
                return Err(Broken::new(
                    NONE_LOST,
                    format!("tender {case} is owed, and nobody is told"),
                ));
            }
        }
        for (id, part) in self.parts.iter().filter(|(_, p)| p.of_stripe()) {
            if part.state.is_waiting() {
                return Err(Broken::new(
                    NONE_LOST,
                    format!("part {id} is {} for ever", part.state.word()),
                ));
            }
            let open = matches!(
                part.state,
                RefundState::Failed | RefundState::NeedsAttention
            );
            if open && !part.paid && !needs.contains(&id.to_string()) {
                return Err(Broken::new(
                    NONE_LOST,
                    format!("part {id} is owed to a customer, and nobody is told"),
                ));
            }
            if part.paid && needs.contains(&id.to_string()) {
                return Err(Broken::new(
                    WAY_OUT,
                    format!("part {id} was paid in cash, and somebody is to decide"),
                ));
            }
        }
        for sale in self.sales.values() {
            self.adds_up(sale, ledger)?;
        }
        let verified = till
            .journal_verify()
            .map_err(|error| Broken::new(CHAIN, error.to_string()))?;
        let rebuilt = till
            .journal_rebuild()
            .map_err(|error| Broken::new(CHAIN, error.to_string()))?;
        if !rebuilt.differing.is_empty() || rebuilt.entries != self.head.seq {
            return Err(Broken::new(CHAIN, format!("{rebuilt:?}, {verified:?}")));
        }
        Ok(())
    }

    /// What came for a sale, and what is still owed for it, is what the goods that
    /// the customer kept are worth: no debt is lost, on either side.
    fn adds_up(&self, sale: &Sale, ledger: &Ledger) -> Result<(), Broken> {
        let id = self
            .sales
            .iter()
            .find(|(_, s)| s.receipt == sale.receipt)
            .map(|(id, _)| *id);
        let worth = sale.total + sale.rounding - sale.refunded - sale.refund_rounding;
        let parts: Vec<&Part> = self.parts.values().filter(|p| p.sale == id).collect();
        let given = |how: GiveBack| -> i64 {
            parts
                .iter()
                .filter(|p| p.how == how)
                .map(|p| p.amount)
                .sum()
        };
        let by_hand = [
            GiveBack::Cash,
            GiveBack::ExternalTerminal,
            GiveBack::Voucher,
        ];
        let mut has = sale.cash + sale.slips - by_hand.map(given).iter().sum::<i64>();
        // In cash, as Stripe could not: it is owed no more.
        has -= parts
            .iter()
            .filter(|p| p.paid)
            .map(|p| p.amount)
            .sum::<i64>();
        for (card, ..) in &sale.cards {
            let charge = &self.charges[card];
            // The tip is not for the goods.
            has += ledger.net_of(&card.to_string()) - charge.tip;
            has += charge.debt_paid.unwrap_or(0);
            if charge.debt_paid.is_none() && charge.state != ChargeState::Succeeded {
                // Owed by the customer, or given up.
                has += charge.amount;
            }
        }
        // Owed to the customer: Stripe's refund failed, or was refused.
        let owed: i64 = parts
            .iter()
            .filter(|p| p.of_stripe() && !p.paid)
            .filter(|p| {
                matches!(p.state, RefundState::Failed)
                    || (p.state == RefundState::NeedsAttention && !self.reserved(p, ledger))
            })
            .map(|p| p.amount)
            .sum();
        if has - owed != worth {
            return Err(Broken::new(
                NONE_LOST,
                format!(
                    "receipt {}: the customer has goods for {worth}, and paid or owes {has}, less {owed} owed back",
                    sale.receipt
                ),
            ));
        }
        Ok(())
    }

    /// Stripe has the refund, and waits for somebody to act.
    fn reserved(&self, part: &Part, ledger: &Ledger) -> bool {
        let id = self
            .parts
            .iter()
            .find(|(_, p)| std::ptr::eq(*p, part))
            .map(|(id, _)| id.to_string());
        part.tender
            .and_then(|t| ledger.tenders.get(&t.to_string()))
            .is_some_and(|line| {
                line.refunds
                    .iter()
                    .any(|r| r.refund_id == id && r.status != "failed")
            })
    }

    /// Refunds that failed, or that Stripe refused, and that are owed to a customer.
    pub(crate) fn owed_back(&self) -> Vec<Uuid> {
        let open = |p: &Part| {
            p.of_stripe()
                && !p.paid
                && matches!(p.state, RefundState::Failed | RefundState::NeedsAttention)
        };
        (self.parts.iter())
            .filter(|(_, p)| open(p))
            .map(|(id, _)| *id)
            .collect()
    }

    /// A refund at Stripe of the tender that was taken `which` ago, however it stands.
    pub(crate) fn refund_of(&self, which: u8) -> Option<Uuid> {
        let tender = self.charge(which)?.tender;
        let mut parts = self.parts.iter().filter(|(_, p)| p.of_stripe());
        parts
            .find(|(_, p)| p.tender == Some(tender) && !p.paid)
            .map(|(id, _)| *id)
    }

    /// After the manager went through the cases none is left.
    pub(crate) fn all_settled(&self) -> Result<(), Broken> {
        // What Stripe only refused may have been given back by somebody there.
        let failed = |id: &&Uuid| self.parts[*id].state == RefundState::Failed;
        if let Some(part) = self.owed_back().iter().find(failed) {
            return Err(Broken::new(
                WAY_OUT,
                format!("part {part} failed, and cannot be paid in cash"),
            ));
        }
        match self.cases().first() {
            None => Ok(()),
            Some(case) => Err(Broken::new(
                WAY_OUT,
                format!(
                    "tender {case} stays {} whatever is decided",
                    self.charges[case].state.word()
                ),
            )),
        }
    }
}
