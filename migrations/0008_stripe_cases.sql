-- What Stripe told of money that is no request of ours: disputes, and refunds made in
-- its dashboard. Derived from the journal.

CREATE TABLE stripe_case (
    id            TEXT    NOT NULL PRIMARY KEY CHECK (length(id) BETWEEN 4 AND 255),  -- dp_…, re_…
    kind          TEXT    NOT NULL CHECK (kind IN ('dispute', 'refund')),
    tender        BLOB    NOT NULL CHECK (length(tender) = 16),
    amount_minor  INTEGER NOT NULL,
    state         TEXT    NOT NULL CHECK (length(state) BETWEEN 1 AND 40),    -- Stripe's word
    reason        TEXT,
    due_by        INTEGER,          -- until when evidence can be sent
    at            INTEGER NOT NULL,
    moved_at      INTEGER NOT NULL,
    moved_shift   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
