-- Working state: losing it loses no money.

-- Sales being rung up and suspended ones, whole, after every change.
CREATE TABLE open_sale (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    state       TEXT    NOT NULL CHECK (state IN ('open', 'suspended')),
    changed_at  INTEGER NOT NULL,
    body        TEXT    NOT NULL    -- JSON
) STRICT;

-- One sale is rung up at a time.
CREATE UNIQUE INDEX open_sale_one ON open_sale (state) WHERE state = 'open';

-- What Stripe is to be asked, one row a charge or refund. A work queue, not a
-- record: outcomes are written to the journal.
CREATE TABLE outbox (
    id               BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    subject          TEXT    NOT NULL CHECK (subject IN ('charge', 'refund')),
    state            TEXT    NOT NULL CHECK (length(state) BETWEEN 1 AND 40),
    -- The machine's own bookkeeping, JSON: goal, ids of Stripe's, amounts, tries.
    machine          TEXT    NOT NULL,
    -- The request that may have reached Stripe and has no final answer yet. The
    -- key and the bytes are here before the first send and never change.
    idempotency_key  TEXT    UNIQUE CHECK (length(idempotency_key) BETWEEN 20 AND 255),
    method           TEXT    CHECK (method IN ('GET', 'POST')),
    path             TEXT,
    body             BLOB,
    api_version      TEXT,
    first_sent_at    INTEGER,
    -- A worker has it in hand; cleared by its answer or by a restart.
    in_flight        INTEGER NOT NULL DEFAULT 0 CHECK (in_flight IN (0, 1)),
    waiting          INTEGER NOT NULL CHECK (waiting IN (0, 1)),
    next_at          INTEGER NOT NULL,
    -- What the next request needs and the journal must not hold: where a pay
    -- link goes, and which saved card.
    private          TEXT    NOT NULL,
    CHECK ((method IS NULL) = (path IS NULL)),
    CHECK ((body IS NULL) OR (idempotency_key IS NOT NULL))
) STRICT;

-- The sync loop asks only for entries it can act on.
CREATE INDEX outbox_due ON outbox (next_at) WHERE waiting = 1 AND in_flight = 0;

-- What happened to an entry, for the person who looks.
CREATE TABLE outbox_history (
    outbox      BLOB    NOT NULL CHECK (length(outbox) = 16),
    at          INTEGER NOT NULL,
    what        TEXT    NOT NULL,    -- a word of the machine
    detail      TEXT,
    request_id  TEXT                 -- what Stripe's support asks for
) STRICT;

CREATE INDEX outbox_history_outbox ON outbox_history (outbox);
