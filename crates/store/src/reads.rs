//! What the screens and the reports ask of the projections.

use rusqlite::{OptionalExtension, Row};
use rust_decimal::Decimal;
use till_domain::charge::{ChargeState, RefundState};
use till_domain::ids::{
    CustomerId, LineId, RefundId, RefundPartId, SaleId, ShiftNumber, TenderId, Timestamp, UserId,
};
use till_domain::journal::{ChargeFacts, ChargeKind};
use till_domain::money::{Currency, Money};
use till_domain::refund::{GiveBack, ReturnedLine};
use till_domain::sale::Tender;

use crate::error::{Result, StoreError};
use crate::projection::{charge_word, give_back_word};
use crate::{Tx, blob};

/// A shift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShiftRow {
    /// Its number.
    pub number: ShiftNumber,
    /// When it opened.
    pub opened_at: Timestamp,
    /// Who opened it.
    pub opened_by: UserId,
    /// When it closed, and its closing entry.
    pub closed: Option<(Timestamp, i64)>,
}

/// A sale, as far as lists need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleRow {
    /// Id.
    pub id: SaleId,
    /// Number of its receipt.
    pub receipt_number: i64,
    /// Its journal entry.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Given back so far, in minor units.
    pub refunded_minor: i64,
    /// Card money of it still waits.
    pub pending: bool,
}

/// A charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeRow {
    /// Tender.
    pub tender: TenderId,
    /// Sale.
    pub sale: SaleId,
    /// How.
    pub how: ChargeKind,
    /// Whose card.
    pub customer: Option<CustomerId>,
    /// Shift that took it.
    pub shift: ShiftNumber,
    /// When it was taken.
    pub at: Timestamp,
    /// Accepted before it was charged.
    pub at_risk: bool,
    /// How much, lowerings off.
    pub amount_minor: i64,
    /// As the journal knows it.
    pub state: ChargeState,
    /// When it last moved.
    pub moved_at: Timestamp,
    /// It failed, and was paid in cash instead.
    pub debt_paid: bool,
    /// What Stripe said.
    pub facts: ChargeFacts,
}

/// A refund document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundRow {
    /// Id.
    pub id: RefundId,
    /// Its journal entry.
    pub seq: i64,
    /// Worth, in minor units.
    pub total_minor: i64,
}

/// A part of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartRow {
    /// Id.
    pub id: RefundPartId,
    /// Sale.
    pub sale: SaleId,
    /// Tender; `None` for cash.
    pub tender: Option<TenderId>,
    /// How.
    pub how: GiveBack,
    /// How much.
    pub amount_minor: i64,
    /// Where it stands.
    pub state: RefundState,
    /// When it was asked for.
    pub at: Timestamp,
    /// `re_…`.
    pub stripe_refund: Option<String>,
    /// It failed, and was given in cash.
    pub paid_in_cash: bool,
    /// How much of it was given in cash.
    pub cash_minor: i64,
    /// A manager found it settled in another way.
    pub settled_elsewhere: bool,
    /// Of a refund with a receipt; none of a tender that was taken off its sale.
    pub of_refund: bool,
}

impl PartRow {
    /// A person has settled it: it is owed no more, whatever Stripe says of it.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.paid_in_cash || self.settled_elsewhere
    }
}

/// What was sold on a sale, for a list of its tenders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoldRow {
    /// Number of its receipt.
    pub receipt_number: i64,
    /// Who sold.
    pub cashier: UserId,
    /// Its tenders.
    pub tenders: Vec<Tender>,
}

/// The condition of the index `charge_waiting`, word for word.
pub(crate) const WAITING: &str = "state IN ('queued', 'created', 'awaiting_customer')";

/// The condition of the index `charge_needs_a_person`, word for word.
pub(crate) const NEEDS_A_PERSON: &str = "debt_paid = 0 AND amount_minor > 0
  AND (state IN ('declined', 'needs_customer', 'needs_attention', 'expired')
       OR (state = 'canceled' AND at_risk = 1))";

/// The condition of the index `refund_part_open`, word for word, and half of it.
const fn open_part(waits: bool) -> &'static str {
    if waits {
        "paid_in_cash = 0 AND settled_elsewhere = 0
  AND state IN ('queued', 'pending', 'failed', 'needs_attention')
         AND state IN ('queued', 'pending')"
    } else {
        "paid_in_cash = 0 AND settled_elsewhere = 0
  AND state IN ('queued', 'pending', 'failed', 'needs_attention')
         AND state IN ('failed', 'needs_attention')"
    }
}

const CHARGE: &str = "tender, sale, how, customer, shift, at, at_risk, amount_minor, state, \
     moved_at, facts, debt_paid";

fn charge(r: &Row<'_>) -> rusqlite::Result<(ChargeRow, String, String, String)> {
    Ok((
        ChargeRow {
            tender: TenderId(blob::get(r, 0)?),
            sale: SaleId(blob::get(r, 1)?),
            how: ChargeKind::SavedCard,
            customer: blob::get_opt(r, 3)?.map(CustomerId),
            shift: ShiftNumber(r.get(4)?),
            at: Timestamp(r.get(5)?),
            at_risk: r.get(6)?,
            amount_minor: r.get(7)?,
            state: ChargeState::Queued,
            moved_at: Timestamp(r.get(9)?),
            debt_paid: r.get(11)?,
            facts: ChargeFacts::default(),
        },
        r.get(2)?,
        r.get(8)?,
        r.get(10)?,
    ))
}

fn read_charge((row, how, state, facts): (ChargeRow, String, String, String)) -> Result<ChargeRow> {
    Ok(ChargeRow {
        how: [
            ChargeKind::SimulatedReader,
            ChargeKind::SavedCard,
            ChargeKind::PayLink,
            ChargeKind::Reader,
        ]
        .into_iter()
        .find(|h| charge_word(*h) == how)
        .ok_or(StoreError::corrupt("charge"))?,
        state: ChargeState::from_word(&state).ok_or(StoreError::corrupt("charge"))?,
        facts: if facts == "{}" {
            ChargeFacts::default()
        } else {
            serde_json::from_str(&facts).map_err(|_| StoreError::corrupt("charge"))?
        },
        ..row
    })
}

const PART: &str = "id, sale, tender, how, amount_minor, state, at, stripe_refund, \
     paid_in_cash, refund IS NOT NULL, cash_minor, settled_elsewhere";

fn part(r: &Row<'_>) -> rusqlite::Result<(PartRow, String, String)> {
    Ok((
        PartRow {
            id: RefundPartId(blob::get(r, 0)?),
            sale: SaleId(blob::get(r, 1)?),
            tender: blob::get_opt(r, 2)?.map(TenderId),
            how: GiveBack::Cash,
            amount_minor: r.get(4)?,
            state: RefundState::Queued,
            at: Timestamp(r.get(6)?),
            stripe_refund: r.get(7)?,
            paid_in_cash: r.get(8)?,
            of_refund: r.get(9)?,
            cash_minor: r.get(10)?,
            settled_elsewhere: r.get(11)?,
        },
        r.get(3)?,
        r.get(5)?,
    ))
}

fn read_part((row, how, state): (PartRow, String, String)) -> Result<PartRow> {
    Ok(PartRow {
        how: [
            GiveBack::Cash,
            GiveBack::ExternalTerminal,
            GiveBack::Voucher,
            GiveBack::StripeRefund,
            GiveBack::LowerCharge,
            GiveBack::WhenKnown,
        ]
        .into_iter()
        .find(|h| give_back_word(*h) == how)
        .ok_or(StoreError::corrupt("refund part"))?,
        state: RefundState::from_word(&state).ok_or(StoreError::corrupt("refund part"))?,
        ..row
    })
}

fn shift(r: &Row<'_>) -> rusqlite::Result<ShiftRow> {
    let closed_at: Option<i64> = r.get(3)?;
    let closed_seq: Option<i64> = r.get(4)?;
    Ok(ShiftRow {
        number: ShiftNumber(r.get(0)?),
        opened_at: Timestamp(r.get(1)?),
        opened_by: UserId(blob::get(r, 2)?),
        closed: closed_at
            .zip(closed_seq)
            .map(|(at, seq)| (Timestamp(at), seq)),
    })
}

const SHIFT: &str = "number, opened_at, opened_by, closed_at, closed_seq";
const SALE: &str = "s.id, s.receipt_number, s.seq, s.at, \
     ifnull((SELECT sum(r.total_minor) FROM refund r WHERE r.sale = s.id), 0), \
     EXISTS (SELECT 1 FROM tender t JOIN charge c ON c.tender = t.id \
             WHERE t.sale = s.id AND t.kind = 'card' \
               AND c.state NOT IN ('succeeded', 'canceled', 'written_off'))";

fn sale(r: &Row<'_>) -> rusqlite::Result<SaleRow> {
    Ok(SaleRow {
        id: SaleId(blob::get(r, 0)?),
        receipt_number: r.get(1)?,
        seq: r.get(2)?,
        at: Timestamp(r.get(3)?),
        refunded_minor: r.get(4)?,
        pending: r.get(5)?,
    })
}

impl Tx<'_> {
    /// The shift that what happens now belongs to: the open one, or the next.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn current_shift(&self) -> Result<ShiftNumber> {
        let (number, closed): (i64, bool) = self
            .conn
            .prepare_cached(
                "SELECT number, state = 'closed' FROM shift ORDER BY number DESC LIMIT 1",
            )?
            .query_row([], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?
            .unwrap_or((0, true));
        Ok(ShiftNumber(if closed { number + 1 } else { number }))
    }

    /// The open shift.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open_shift(&self) -> Result<Option<ShiftRow>> {
        Ok(self
            .conn
            .prepare_cached(&format!("SELECT {SHIFT} FROM shift WHERE state = 'open'"))?
            .query_row([], shift)
            .optional()?)
    }

    /// A shift.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn shift(&self, number: ShiftNumber) -> Result<Option<ShiftRow>> {
        Ok(self
            .conn
            .prepare_cached(&format!("SELECT {SHIFT} FROM shift WHERE number = ?1"))?
            .query_row([number.0], shift)
            .optional()?)
    }

    /// Closed shifts, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn closed_shifts(&self, limit: u32) -> Result<Vec<ShiftRow>> {
        Ok(self
            .conn
            .prepare_cached(&format!(
                "SELECT {SHIFT} FROM shift WHERE state = 'closed' ORDER BY number DESC LIMIT ?1"
            ))?
            .query_map([limit], shift)?
            .collect::<rusqlite::Result<_>>()?)
    }

    /// The number the next receipt has.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn next_receipt_number(&self) -> Result<i64> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT 1 + max(ifnull((SELECT max(receipt_number) FROM sale), 0),
                                ifnull((SELECT max(receipt_number) FROM refund), 0))",
            )?
            .query_row([], |r| r.get(0))?)
    }

    /// A sale by its receipt's number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn sale_by_receipt(&self, number: i64) -> Result<Option<SaleRow>> {
        Ok(self
            .conn
            .prepare_cached(&format!(
                "SELECT {SALE} FROM sale s WHERE s.receipt_number = ?1"
            ))?
            .query_row([number], sale)
            .optional()?)
    }

    /// A sale by its id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn sale(&self, id: SaleId) -> Result<Option<SaleRow>> {
        Ok(self
            .conn
            .prepare_cached(&format!("SELECT {SALE} FROM sale s WHERE s.id = ?1"))?
            .query_row([blob::of(id.0)], sale)
            .optional()?)
    }

    /// The newest sales first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn recent_sales(&self, limit: u32) -> Result<Vec<SaleRow>> {
        Ok(self
            .conn
            .prepare_cached(&format!(
                "SELECT {SALE} FROM sale s ORDER BY s.receipt_number DESC LIMIT ?1"
            ))?
            .query_map([limit], sale)?
            .collect::<rusqlite::Result<_>>()?)
    }

    /// A refund by its receipt's number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn refund_by_receipt(&self, number: i64) -> Result<Option<RefundRow>> {
        Ok(self
            .conn
            .prepare_cached("SELECT id, seq, total_minor FROM refund WHERE receipt_number = ?1")?
            .query_row([number], |r| {
                Ok(RefundRow {
                    id: RefundId(blob::get(r, 0)?),
                    seq: r.get(1)?,
                    total_minor: r.get(2)?,
                })
            })
            .optional()?)
    }

    /// What was taken back of each line of a sale.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn returned_lines(&self, sale: SaleId) -> Result<Vec<ReturnedLine>> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT line, sum(milli) FROM refund_line WHERE sale = ?1 GROUP BY line",
            )?
            .query_map([blob::of(sale.0)], |r| {
                Ok(ReturnedLine {
                    line: LineId(blob::get(r, 0)?),
                    quantity: Decimal::new(r.get(1)?, 3).normalize(),
                })
            })?
            .collect::<rusqlite::Result<_>>()?)
    }

    /// Every part of every refund of a sale.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn parts_of_sale(&self, sale: SaleId) -> Result<Vec<PartRow>> {
        let rows: Vec<_> = self
            .conn
            .prepare_cached(&format!(
                "SELECT {PART} FROM refund_part WHERE sale = ?1 ORDER BY at, id"
            ))?
            .query_map([blob::of(sale.0)], part)?
            .collect::<rusqlite::Result<_>>()?;
        rows.into_iter().map(read_part).collect()
    }

    /// A part of a refund.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn part(&self, id: RefundPartId) -> Result<Option<PartRow>> {
        self.conn
            .prepare_cached(&format!("SELECT {PART} FROM refund_part WHERE id = ?1"))?
            .query_row([blob::of(id.0)], part)
            .optional()?
            .map(read_part)
            .transpose()
    }

    /// The first `limit` refunds at Stripe that wait, or that were refused: the oldest
    /// first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open_parts(&self, waits: bool, limit: u32) -> Result<Vec<PartRow>> {
        let rows: Vec<_> = self
            .conn
            .prepare_cached(&format!(
                "SELECT {PART} FROM refund_part WHERE {} ORDER BY moved_at, id LIMIT ?1",
                open_part(waits)
            ))?
            .query_map([limit], part)?
            .collect::<rusqlite::Result<_>>()?;
        rows.into_iter().map(read_part).collect()
    }

    /// How many refunds at Stripe wait, or were refused.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open_parts_count(&self, waits: bool) -> Result<u32> {
        let sql = format!(
            "SELECT count(*) FROM refund_part WHERE {}",
            open_part(waits)
        );
        Ok(self
            .conn
            .prepare_cached(&sql)?
            .query_row([], |r| r.get(0))?)
    }

    /// What was sold on a sale that is complete, as far as a list of its tenders needs
    /// it: read from its entry, without its lines.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn sold(&self, sale: SaleId) -> Result<Option<SoldRow>> {
        #[derive(serde::Deserialize)]
        struct Entry {
            sale: Sale,
        }
        #[derive(serde::Deserialize)]
        struct Sale {
            tenders: Vec<Tender>,
        }
        let found = self
            .conn
            .prepare_cached(
                "SELECT s.receipt_number, s.cashier, j.body
                 FROM sale s JOIN journal j ON j.seq = s.seq WHERE s.id = ?1",
            )?
            .query_row([blob::of(sale.0)], |r| {
                Ok((
                    r.get(0)?,
                    UserId(blob::get(r, 1)?),
                    r.get_ref(2)?.as_bytes()?.to_vec(),
                ))
            })
            .optional()?;
        found
            .map(|(receipt_number, cashier, body)| {
                let entry: Entry = serde_json::from_slice(&body)
                    .map_err(|_| StoreError::corrupt("a sale's entry"))?;
                Ok(SoldRow {
                    receipt_number,
                    cashier,
                    tenders: entry.sale.tenders,
                })
            })
            .transpose()
    }

    fn charges(&self, tail: &str, params: impl rusqlite::Params) -> Result<Vec<ChargeRow>> {
        let rows: Vec<_> = self
            .conn
            .prepare_cached(&format!("SELECT {CHARGE} FROM charge WHERE {tail}"))?
            .query_map(params, charge)?
            .collect::<rusqlite::Result<_>>()?;
        rows.into_iter().map(read_charge).collect()
    }

    /// A charge.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn charge(&self, tender: TenderId) -> Result<Option<ChargeRow>> {
        Ok(self.charges("tender = ?1", [blob::of(tender.0)])?.pop())
    }

    /// The first `limit` charges that wait for Stripe, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn charges_waiting(&self, limit: u32) -> Result<Vec<ChargeRow>> {
        self.charges(&format!("{WAITING} ORDER BY at, tender LIMIT ?1"), [limit])
    }

    /// The first `limit` charges that a person must decide, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn charges_that_need_a_person(&self, limit: u32) -> Result<Vec<ChargeRow>> {
        let tail = format!("{NEEDS_A_PERSON} ORDER BY moved_at, tender LIMIT ?1");
        self.charges(&tail, [limit])
    }

    /// How many charges wait for Stripe, and how many a person must decide.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn charges_open_count(&self) -> Result<(u32, u32)> {
        let count = |which: &str| {
            self.conn
                .prepare_cached(&format!("SELECT count(*) FROM charge WHERE {which}"))?
                .query_row([], |r| r.get(0))
        };
        Ok((count(WAITING)?, count(NEEDS_A_PERSON)?))
    }

    /// What was accepted at the shop's risk and waits: how many charges, what they come
    /// to in minor units, and when the oldest was taken.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn waiting_at_risk(&self) -> Result<(u32, i64, Option<Timestamp>)> {
        let sql = format!(
            "SELECT count(*), ifnull(sum(amount_minor), 0), min(at) FROM charge
             WHERE {WAITING} AND at_risk = 1"
        );
        Ok(self.conn.prepare_cached(&sql)?.query_row([], |r| {
            Ok((
                r.get(0)?,
                r.get(1)?,
                r.get::<_, Option<i64>>(2)?.map(Timestamp),
            ))
        })?)
    }

    /// A card of this customer is not settled.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn has_open_charge(&self, customer: CustomerId) -> Result<bool> {
        for which in [WAITING, NEEDS_A_PERSON] {
            let sql = format!("SELECT count(*) FROM charge WHERE {which} AND customer = ?1");
            let open: u32 = self
                .conn
                .prepare_cached(&sql)?
                .query_row([blob::of(customer.0)], |r| r.get(0))?;
            if open > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// How many charges were settled in a shift.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn charges_settled_count(&self, shift: ShiftNumber) -> Result<u32> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT count(*) FROM charge WHERE moved_shift = ?1 AND state = 'succeeded'",
            )?
            .query_row([shift.0], |r| r.get(0))?)
    }

    /// Charges settled in a shift, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn charges_settled_in(&self, shift: ShiftNumber, limit: u32) -> Result<Vec<ChargeRow>> {
        self.charges(
            "moved_shift = ?1 AND state = 'succeeded' ORDER BY moved_at DESC, tender LIMIT ?2",
            (shift.0, limit),
        )
    }

    /// Every charge, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn all_charges(&self) -> Result<Vec<ChargeRow>> {
        self.charges("1 ORDER BY at, tender", [])
    }

    /// Every refund part that goes back over Stripe, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn all_stripe_parts(&self) -> Result<Vec<PartRow>> {
        let rows: Vec<_> = self
            .conn
            .prepare_cached(&format!(
                "SELECT {PART} FROM refund_part
                 WHERE how IN ('stripe_refund', 'when_known') ORDER BY at, id"
            ))?
            .query_map([], part)?
            .collect::<rusqlite::Result<_>>()?;
        rows.into_iter().map(read_part).collect()
    }

    /// What one customer's waiting charges come to.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn waiting_of_customer(&self, customer: CustomerId, currency: Currency) -> Result<Money> {
        let minor: i64 = self
            .conn
            .prepare_cached(
                "SELECT ifnull(sum(amount_minor), 0) FROM charge
                 WHERE customer = ?1 AND at_risk = 1
                   AND state IN ('queued', 'created', 'awaiting_customer')",
            )?
            .query_row([blob::of(customer.0)], |r| r.get(0))?;
        Ok(Money::from_minor(minor, currency))
    }
}
