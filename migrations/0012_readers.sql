-- One more way to charge a card: a smart reader. A closed list is a CHECK, and SQLite
-- changes none in place: the table is made anew, with its rows.

CREATE TABLE charge_with_readers (
    tender        BLOB    NOT NULL PRIMARY KEY CHECK (length(tender) = 16),
    sale          BLOB    NOT NULL CHECK (length(sale) = 16),
    how           TEXT    NOT NULL
        CHECK (how IN ('simulated_reader', 'saved_card', 'pay_link', 'reader')),
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
    facts         TEXT    NOT NULL    -- JSON: ids of Stripe's, brand, last four, tip, slip, why not
) STRICT;

INSERT INTO charge_with_readers (tender, sale, how, customer, shift, at, at_risk, amount_minor,
                                 state, moved_at, moved_shift, debt_paid, facts)
SELECT tender, sale, how, customer, shift, at, at_risk, amount_minor,
       state, moved_at, moved_shift, debt_paid, facts
FROM charge;
DROP TABLE charge;
ALTER TABLE charge_with_readers RENAME TO charge;

CREATE INDEX charge_waiting ON charge (at)
WHERE state IN ('queued', 'created', 'awaiting_customer');
CREATE INDEX charge_needs_a_person ON charge (moved_at)
WHERE debt_paid = 0 AND amount_minor > 0
  AND (state IN ('declined', 'needs_customer', 'needs_attention', 'expired')
       OR (state = 'canceled' AND at_risk = 1));
CREATE INDEX charge_moved_shift ON charge (moved_shift, moved_at);
