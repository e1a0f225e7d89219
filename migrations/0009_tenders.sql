-- Two more kinds of tender, and one more way to give money back. A closed list is a
-- CHECK, and SQLite changes none in place: the tables are made anew, with their rows.

CREATE TABLE tender_with_vouchers (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    sale          BLOB    NOT NULL CHECK (length(sale) = 16),
    kind          TEXT    NOT NULL
        CHECK (kind IN ('cash', 'foreign_cash', 'voucher', 'external_terminal', 'card')),
    amount_minor  INTEGER NOT NULL CHECK (amount_minor >= 0)    -- in the shop's currency
) STRICT, WITHOUT ROWID;

INSERT INTO tender_with_vouchers (id, sale, kind, amount_minor)
SELECT id, sale, kind, amount_minor FROM tender;
DROP TABLE tender;
ALTER TABLE tender_with_vouchers RENAME TO tender;

CREATE TABLE refund_part_with_vouchers (
    id             BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    refund         BLOB    CHECK (refund IS NULL OR length(refund) = 16),
    sale           BLOB    NOT NULL CHECK (length(sale) = 16),
    tender         BLOB    CHECK (tender IS NULL OR length(tender) = 16),
    how            TEXT    NOT NULL
        CHECK (how IN ('cash', 'external_terminal', 'voucher', 'stripe_refund', 'lower_charge',
                       'when_known')),
    amount_minor   INTEGER NOT NULL CHECK (amount_minor > 0),
    state          TEXT    NOT NULL
        CHECK (state IN ('queued', 'pending', 'succeeded', 'failed', 'needs_attention', 'canceled')),
    stripe_refund  TEXT,
    at             INTEGER NOT NULL,
    moved_at       INTEGER NOT NULL,
    moved_shift    INTEGER NOT NULL
) STRICT;

INSERT INTO refund_part_with_vouchers (id, refund, sale, tender, how, amount_minor, state,
                                       stripe_refund, at, moved_at, moved_shift)
SELECT id, refund, sale, tender, how, amount_minor, state,
       stripe_refund, at, moved_at, moved_shift
FROM refund_part;
DROP TABLE refund_part;
ALTER TABLE refund_part_with_vouchers RENAME TO refund_part;

CREATE INDEX refund_part_sale ON refund_part (sale);
CREATE INDEX refund_part_tender ON refund_part (tender) WHERE tender IS NOT NULL;
-- Refunds on their way or refused.
CREATE INDEX refund_part_open ON refund_part (moved_at)
WHERE state IN ('queued', 'pending', 'failed', 'needs_attention');
