//! The projections: what follows from the journal, one event at a time.
//!
//! [`apply`] is their only writer, so that a rebuild from the first entry gives
//! the very same tables.

use sha2::{Digest, Sha256};
use till_domain::ids::{TenderId, Timestamp};
use till_domain::journal::{ChargeKind, Entry, JournalEvent};
use till_domain::refund::GiveBack;
use till_domain::sale::TenderKind;

use crate::cases::CaseKind;
use crate::error::{Result, StoreError};
use crate::{Tx, blob, milli};

/// Tables that hold projections, in an order that they can be compared in.
const TABLES: [&str; 10] = [
    "shift",
    "sale",
    "sale_line",
    "tender",
    "charge",
    "refund",
    "refund_line",
    "refund_part",
    "stock_moved",
    "stripe_case",
];

/// What a rebuild found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// Entries folded.
    pub entries: i64,
    /// Tables whose rows were not what the journal says.
    pub differing: Vec<&'static str>,
}

pub(crate) const fn charge_word(how: ChargeKind) -> &'static str {
    match how {
        ChargeKind::SimulatedReader => "simulated_reader",
        ChargeKind::SavedCard => "saved_card",
        ChargeKind::PayLink => "pay_link",
        ChargeKind::Reader => "reader",
    }
}

pub(crate) const fn give_back_word(how: GiveBack) -> &'static str {
    match how {
        GiveBack::Cash => "cash",
        GiveBack::ExternalTerminal => "external_terminal",
        GiveBack::Voucher => "voucher",
        GiveBack::StripeRefund => "stripe_refund",
        GiveBack::LowerCharge => "lower_charge",
        GiveBack::WhenKnown => "when_known",
    }
}

pub(crate) fn apply(tx: &Tx<'_>, entry: &Entry) -> Result<()> {
    let conn = tx.conn;
    let at = entry.at.0;
    let shift = entry.shift.0;
    match &entry.event {
        JournalEvent::ShiftOpened { float, by } => {
            conn.prepare_cached(
                "INSERT INTO shift (number, state, opened_at, opened_by, float_minor)
                 VALUES (?1, 'open', ?2, ?3, ?4)",
            )?
            .execute((shift, at, blob::of(by.0), float.minor()))?;
        }
        JournalEvent::ShiftClosed { .. } => {
            conn.prepare_cached(
                "UPDATE shift SET state = 'closed', closed_at = ?2, closed_seq = ?3
                 WHERE number = ?1",
            )?
            .execute((shift, at, entry.seq))?;
        }
        JournalEvent::SaleCommitted { receipt, sale } => {
            let id = blob::of(sale.id.0);
            conn.prepare_cached(
                "INSERT INTO sale (id, receipt_number, seq, shift, at, cashier, customer,
                                   total_minor, rounding_minor)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute((
                id,
                receipt.number,
                entry.seq,
                shift,
                at,
                blob::of(sale.cashier.0),
                sale.customer.map(|c| blob::of(c.0)),
                sale.total.minor(),
                sale.cash_rounding.minor(),
            ))?;
            let mut insert = conn.prepare_cached(
                "INSERT INTO sale_line (sale, position, line, product, milli, total_minor)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            for (position, sold) in (0_i64..).zip(&sale.lines) {
                let quantity = milli(sold.line.quantity)?;
                insert.execute((
                    id,
                    position,
                    blob::of(sold.line.id.0),
                    sold.line.product.map(|p| blob::of(p.0)),
                    quantity,
                    sold.figures.total.minor(),
                ))?;
                if let Some(product) = sold.line.product {
                    move_stock(tx, blob::of(product.0), quantity)?;
                }
            }
            let mut insert = conn.prepare_cached(
                "INSERT INTO tender (id, sale, kind, amount_minor) VALUES (?1, ?2, ?3, ?4)",
            )?;
            for tender in &sale.tenders {
                let kind = match tender.kind {
                    TenderKind::Cash => "cash",
                    TenderKind::ForeignCash { .. } => "foreign_cash",
                    TenderKind::Voucher { .. } => "voucher",
                    TenderKind::ExternalTerminal { .. } => "external_terminal",
                    TenderKind::Card { .. } => "card",
                };
                insert.execute((blob::of(tender.id.0), id, kind, tender.amount.minor()))?;
            }
        }
        JournalEvent::ChargeRequested {
            tender,
            sale,
            how,
            amount,
            customer,
            at_risk,
            approval: _,
        } => {
            conn.prepare_cached(
                "INSERT INTO charge (tender, sale, how, customer, shift, at, at_risk, amount_minor,
                                     state, moved_at, moved_shift, facts)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'queued', ?6, ?5, '{}')",
            )?
            .execute((
                blob::of(tender.0),
                blob::of(sale.0),
                charge_word(*how),
                customer.map(|c| blob::of(c.0)),
                shift,
                at,
                *at_risk,
                amount.minor(),
            ))?;
        }
        JournalEvent::ChargeMoved {
            tender, to, facts, ..
        } => {
            let facts =
                serde_json::to_string(facts).map_err(|_| StoreError::Corrupt { what: "facts" })?;
            conn.prepare_cached(
                "UPDATE charge SET state = ?2, moved_at = ?3, moved_shift = ?4, facts = ?5
                 WHERE tender = ?1",
            )?
            .execute((blob::of(tender.0), to.word(), at, shift, facts))?;
        }
        JournalEvent::ChargeLowered { tender, by } => lower(tx, *tender, by.minor())?,
        JournalEvent::DebtPaid { tender, .. } => {
            conn.prepare_cached("UPDATE charge SET debt_paid = 1 WHERE tender = ?1")?
                .execute([blob::of(tender.0)])?;
        }
        JournalEvent::TenderReturned {
            tender,
            part,
            amount,
            by: _,
        } => {
            conn.prepare_cached(
                "INSERT INTO refund_part (id, refund, sale, tender, how, amount_minor, state, at,
                                          moved_at, moved_shift)
                 SELECT ?1, NULL, sale, tender, 'stripe_refund', ?3, 'queued', ?4, ?4, ?5
                 FROM charge WHERE tender = ?2",
            )?
            .execute((
                blob::of(part.0),
                blob::of(tender.0),
                amount.minor(),
                at,
                shift,
            ))?;
        }
        JournalEvent::RefundCommitted { receipt, refund } => {
            let id = blob::of(refund.id.0);
            let sale = blob::of(refund.sale.0);
            conn.prepare_cached(
                "INSERT INTO refund (id, receipt_number, seq, sale, shift, at, total_minor)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute((
                id,
                receipt.number,
                entry.seq,
                sale,
                shift,
                at,
                refund.total.minor(),
            ))?;
            for line in &refund.lines {
                let quantity = milli(line.quantity)?;
                let line_id = blob::of(line.line.0);
                conn.prepare_cached(
                    "INSERT INTO refund_line (refund, sale, line, milli, total_minor)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute((id, sale, line_id, quantity, line.total.minor()))?;
                if line.restock {
                    conn.prepare_cached(
                        "UPDATE stock_moved SET milli = milli - ?3 WHERE product =
                            (SELECT product FROM sale_line WHERE sale = ?1 AND line = ?2)",
                    )?
                    .execute((sale, line_id, quantity))?;
                }
            }
            for part in &refund.parts {
                let state = match part.how {
                    GiveBack::Cash | GiveBack::ExternalTerminal | GiveBack::Voucher => "succeeded",
                    // The charge itself was lowered: nothing waits.
                    GiveBack::LowerCharge => "succeeded",
                    GiveBack::StripeRefund | GiveBack::WhenKnown => "queued",
                };
                conn.prepare_cached(
                    "INSERT INTO refund_part (id, refund, sale, tender, how, amount_minor, state,
                                              at, moved_at, moved_shift)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9)",
                )?
                .execute((
                    blob::of(part.id.0),
                    id,
                    sale,
                    part.tender.map(|t| blob::of(t.0)),
                    give_back_word(part.how),
                    part.amount.minor(),
                    state,
                    at,
                    shift,
                ))?;
                if let (GiveBack::LowerCharge, Some(tender)) = (part.how, part.tender) {
                    lower(tx, tender, part.amount.minor())?;
                }
            }
        }
        JournalEvent::RefundMoved {
            part,
            to,
            stripe_refund,
            reason: _,
            by: _,
        } => {
            conn.prepare_cached(
                "UPDATE refund_part SET state = ?2, moved_at = ?3, moved_shift = ?4,
                        stripe_refund = ifnull(?5, stripe_refund)
                 WHERE id = ?1",
            )?
            .execute((
                blob::of(part.0),
                to.word(),
                at,
                shift,
                stripe_refund.as_deref(),
            ))?;
        }
        JournalEvent::RefundPaid { part, amount, .. } => {
            conn.prepare_cached(
                "UPDATE refund_part SET paid_in_cash = 1, cash_minor = ?2 WHERE id = ?1",
            )?
            .execute((blob::of(part.0), amount.minor()))?;
        }
        JournalEvent::RefundSettled {
            part, elsewhere, ..
        } => {
            conn.prepare_cached(
                "UPDATE refund_part SET settled_elsewhere = 1, cash_minor = amount_minor - ?2
                 WHERE id = ?1",
            )?
            .execute((blob::of(part.0), elsewhere.map_or(0, |gave| gave.minor())))?;
        }
        JournalEvent::DisputeMoved {
            dispute,
            tender,
            amount,
            status,
            reason,
            due_by,
        } => put_case(
            tx,
            entry,
            (dispute, CaseKind::Dispute, *tender, amount.minor(), status),
            (Some(reason.as_str()), *due_by),
        )?,
        JournalEvent::RefundElsewhere {
            refund,
            tender,
            amount,
            status,
        } => put_case(
            tx,
            entry,
            (refund, CaseKind::Refund, *tender, amount.minor(), status),
            (None, None),
        )?,
        JournalEvent::SaleVoided { .. }
        | JournalEvent::PaidIn { .. }
        | JournalEvent::PaidOut { .. }
        | JournalEvent::NoSale { .. }
        | JournalEvent::PinRefused { .. }
        | JournalEvent::DrawerCounted { .. }
        | JournalEvent::Reprinted { .. }
        | JournalEvent::CustomerErased { .. }
        | JournalEvent::CustomerChanged { .. }
        | JournalEvent::CardSaved { .. }
        | JournalEvent::CardRemoved { .. }
        | JournalEvent::SettingsChanged { .. }
        | JournalEvent::StaffChanged { .. }
        | JournalEvent::CatalogueImported { .. }
        | JournalEvent::PromotionsImported { .. }
        | JournalEvent::StripeConnected { .. } => {}
    }
    Ok(())
}

fn put_case(
    tx: &Tx<'_>,
    entry: &Entry,
    (id, kind, tender, amount_minor, state): (&str, CaseKind, TenderId, i64, &str),
    (reason, due_by): (Option<&str>, Option<Timestamp>),
) -> Result<()> {
    tx.conn
        .prepare_cached(
            "INSERT INTO stripe_case (id, kind, tender, amount_minor, state, reason, due_by, at,
                                      moved_at, moved_shift)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9)
             ON CONFLICT (id) DO UPDATE SET amount_minor = excluded.amount_minor,
                    state = excluded.state, reason = excluded.reason, due_by = excluded.due_by,
                    moved_at = excluded.moved_at, moved_shift = excluded.moved_shift",
        )?
        .execute((
            id,
            kind.word(),
            blob::of(tender.0),
            amount_minor,
            state,
            reason,
            due_by.map(|at| at.0),
            entry.at.0,
            entry.shift.0,
        ))?;
    Ok(())
}

fn lower(tx: &Tx<'_>, tender: TenderId, by_minor: i64) -> Result<()> {
    tx.conn
        .prepare_cached("UPDATE charge SET amount_minor = amount_minor - ?2 WHERE tender = ?1")?
        .execute((blob::of(tender.0), by_minor))?;
    Ok(())
}

fn move_stock(tx: &Tx<'_>, product: [u8; 16], quantity: i64) -> Result<()> {
    tx.conn
        .prepare_cached(
            "INSERT INTO stock_moved (product, milli) VALUES (?1, ?2)
             ON CONFLICT (product) DO UPDATE SET milli = milli + excluded.milli",
        )?
        .execute((product, quantity))?;
    Ok(())
}

impl Tx<'_> {
    /// A digest of every projection table's rows, in the order of their keys.
    fn digests(&self) -> Result<Vec<[u8; 32]>> {
        TABLES
            .iter()
            .map(|table| {
                let columns = self
                    .conn
                    .prepare(&format!("SELECT * FROM {table}"))?
                    .column_count();
                let order: Vec<String> = (1..=columns).map(|c| c.to_string()).collect();
                let mut statement = self.conn.prepare(&format!(
                    "SELECT * FROM {table} ORDER BY {}",
                    order.join(", ")
                ))?;
                let mut rows = statement.query([])?;
                let mut hash = Sha256::new();
                while let Some(row) = rows.next()? {
                    for column in 0..columns {
                        hash.update(format!("{:?};", row.get_ref(column)?));
                    }
                }
                Ok(hash.finalize().into())
            })
            .collect()
    }

    /// Makes every projection again from the journal and names the tables that
    /// were not what the journal says. Run in a write transaction, it mends them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn rebuild(&self) -> Result<Rebuilt> {
        let before = self.digests()?;
        for table in TABLES {
            self.conn.execute_batch(&format!("DELETE FROM {table}"))?;
        }
        let entries = self.entries_after(0)?;
        for entry in &entries {
            apply(self, entry)?;
        }
        let after = self.digests()?;
        let differing = TABLES
            .into_iter()
            .zip(before.iter().zip(&after))
            .filter(|(_, (b, a))| b != a)
            .map(|(table, _)| table)
            .collect();
        Ok(Rebuilt {
            entries: i64::try_from(entries.len()).unwrap_or(i64::MAX),
            differing,
        })
    }
}
