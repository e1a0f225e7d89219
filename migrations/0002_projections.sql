-- Derived state: rebuilt from the journal at will, written by one function.

-- The open shift and the closed ones. What happens between two shifts belongs to
-- the next.
CREATE TABLE shift (
    number       INTEGER NOT NULL PRIMARY KEY CHECK (number >= 1),
    state        TEXT    NOT NULL CHECK (state IN ('open', 'closed')),
    opened_at    INTEGER NOT NULL,
    opened_by    BLOB    NOT NULL CHECK (length(opened_by) = 16),
    float_minor  INTEGER NOT NULL,
    closed_at    INTEGER,
    closed_seq   INTEGER,
    CHECK ((state = 'closed') = (closed_at IS NOT NULL))
) STRICT;

CREATE TABLE sale (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    receipt_number  INTEGER NOT NULL UNIQUE CHECK (receipt_number >= 1),
    seq             INTEGER NOT NULL UNIQUE,    -- its journal entry
    shift           INTEGER NOT NULL,
    at              INTEGER NOT NULL,
    cashier         BLOB    NOT NULL CHECK (length(cashier) = 16),
    customer        BLOB    CHECK (customer IS NULL OR length(customer) = 16),
    total_minor     INTEGER NOT NULL,
    rounding_minor  INTEGER NOT NULL
) STRICT;

-- Recent sales, newest first.
CREATE INDEX sale_at ON sale (at);

CREATE TABLE sale_line (
    sale         BLOB    NOT NULL CHECK (length(sale) = 16),
    position     INTEGER NOT NULL,
    line         BLOB    NOT NULL CHECK (length(line) = 16),
    product      BLOB    CHECK (product IS NULL OR length(product) = 16),
    milli        INTEGER NOT NULL,    -- thousandths of a piece or kilogram
    total_minor  INTEGER NOT NULL,
    PRIMARY KEY (sale, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE tender (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    sale          BLOB    NOT NULL CHECK (length(sale) = 16),
    kind          TEXT    NOT NULL CHECK (kind IN ('cash', 'external_terminal', 'card')),
    amount_minor  INTEGER NOT NULL CHECK (amount_minor >= 0)
) STRICT, WITHOUT ROWID;

-- Card charges, from the moment they are asked for.
CREATE TABLE charge (
    tender        BLOB    NOT NULL PRIMARY KEY CHECK (length(tender) = 16),
    sale          BLOB    NOT NULL CHECK (length(sale) = 16),
    how           TEXT    NOT NULL CHECK (how IN ('simulated_reader', 'saved_card', 'pay_link')),
    customer      BLOB    CHECK (customer IS NULL OR length(customer) = 16),
    shift         INTEGER NOT NULL,
    at            INTEGER NOT NULL,
    at_risk       INTEGER NOT NULL CHECK (at_risk IN (0, 1)),
    amount_minor  INTEGER NOT NULL CHECK (amount_minor >= 0),
    state         TEXT    NOT NULL
        CHECK (state IN ('queued', 'created', 'succeeded', 'declined', 'needs_customer',
                         'needs_attention', 'awaiting_customer', 'canceled', 'expired',
                         'written_off')),
    moved_at      INTEGER NOT NULL,
    moved_shift   INTEGER NOT NULL,
    debt_paid     INTEGER NOT NULL DEFAULT 0 CHECK (debt_paid IN (0, 1)),
    facts         TEXT    NOT NULL    -- JSON: ids of Stripe's, brand, last four, why not
) STRICT;

-- What is at risk now, and the oldest of it.
CREATE INDEX charge_waiting ON charge (at)
WHERE state IN ('queued', 'created', 'awaiting_customer');

-- What a person must decide: goods that left and are not paid.
CREATE INDEX charge_needs_a_person ON charge (moved_at)
WHERE debt_paid = 0 AND amount_minor > 0
  AND (state IN ('declined', 'needs_customer', 'needs_attention', 'expired')
       OR (state = 'canceled' AND at_risk = 1));

-- Settled in a shift.
CREATE INDEX charge_moved_shift ON charge (moved_shift, moved_at);

CREATE TABLE refund (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    receipt_number  INTEGER NOT NULL UNIQUE CHECK (receipt_number >= 1),
    seq             INTEGER NOT NULL UNIQUE,
    sale            BLOB    NOT NULL CHECK (length(sale) = 16),
    shift           INTEGER NOT NULL,
    at              INTEGER NOT NULL,
    total_minor     INTEGER NOT NULL
) STRICT;

-- Everything given back on one sale.
CREATE INDEX refund_sale ON refund (sale);

CREATE TABLE refund_line (
    refund       BLOB    NOT NULL CHECK (length(refund) = 16),
    sale         BLOB    NOT NULL CHECK (length(sale) = 16),
    line         BLOB    NOT NULL CHECK (length(line) = 16),
    milli        INTEGER NOT NULL CHECK (milli > 0),
    total_minor  INTEGER NOT NULL,
    PRIMARY KEY (sale, line, refund)
) STRICT, WITHOUT ROWID;

-- What went back to which tender; `tender` is NULL for cash. Parts of a tender
-- that was taken off an open sale have no refund document.
CREATE TABLE refund_part (
    id             BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    refund         BLOB    CHECK (refund IS NULL OR length(refund) = 16),
    sale           BLOB    NOT NULL CHECK (length(sale) = 16),
    tender         BLOB    CHECK (tender IS NULL OR length(tender) = 16),
    how            TEXT    NOT NULL
        CHECK (how IN ('cash', 'external_terminal', 'stripe_refund', 'lower_charge', 'when_known')),
    amount_minor   INTEGER NOT NULL CHECK (amount_minor > 0),
    state          TEXT    NOT NULL
        CHECK (state IN ('queued', 'pending', 'succeeded', 'failed', 'needs_attention', 'canceled')),
    stripe_refund  TEXT,
    at             INTEGER NOT NULL,
    moved_at       INTEGER NOT NULL,
    moved_shift    INTEGER NOT NULL
) STRICT;

CREATE INDEX refund_part_sale ON refund_part (sale);
CREATE INDEX refund_part_tender ON refund_part (tender) WHERE tender IS NOT NULL;
-- Refunds on their way or refused.
CREATE INDEX refund_part_open ON refund_part (moved_at)
WHERE state IN ('queued', 'pending', 'failed', 'needs_attention');

-- Sold less returned, in thousandths; what is left is the catalogue's stock less this.
CREATE TABLE stock_moved (
    product  BLOB    NOT NULL PRIMARY KEY CHECK (length(product) = 16),
    milli    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
