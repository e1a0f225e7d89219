-- Cards that customers have at Stripe, with what they agreed to. All that is ever
-- kept of a card; erasing a customer deletes their rows.
CREATE TABLE customer_card (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    customer        BLOB    NOT NULL CHECK (length(customer) = 16),
    payment_method  TEXT    NOT NULL UNIQUE,    -- Stripe's, pm_…
    brand           TEXT    NOT NULL,
    last4           TEXT    NOT NULL CHECK (length(last4) = 4),
    expires         TEXT    NOT NULL,           -- 12/2030
    consent_at      INTEGER NOT NULL,
    consent_by      BLOB    CHECK (consent_by IS NULL OR length(consent_by) = 16),
    consent_way     TEXT    NOT NULL CHECK (consent_way IN ('page', 'reader', 'earlier')),
    consent_words   TEXT    NOT NULL,           -- their version
    is_default      INTEGER NOT NULL CHECK (is_default IN (0, 1))
) STRICT;

-- A customer's cards; and no more than one of them is the default.
CREATE INDEX customer_card_customer ON customer_card (customer);
CREATE UNIQUE INDEX customer_card_default ON customer_card (customer) WHERE is_default = 1;

INSERT INTO customer_card (id, customer, payment_method, brand, last4, expires, consent_at,
                           consent_by, consent_way, consent_words, is_default)
SELECT randomblob(16), id, payment_method, brand, last4, expires,
       ifnull(unixepoch(consent_at), 0) * 1000, NULL, 'earlier', '', 1
FROM customer
WHERE payment_method IS NOT NULL AND brand IS NOT NULL AND last4 IS NOT NULL
  AND expires IS NOT NULL;

-- The same customers, without the one card that each could have. A column that a
-- CHECK names cannot be dropped.
CREATE TABLE customer_now (
    id               BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name             TEXT,
    email            TEXT,
    phone            TEXT,
    stripe_customer  TEXT,
    tax_set          TEXT CHECK (tax_set IS NULL OR length(tax_set) BETWEEN 1 AND 40)
) STRICT;

INSERT INTO customer_now (id, name, email, phone, stripe_customer, tax_set)
SELECT id, name, email, phone, stripe_customer, tax_set FROM customer;

DROP TABLE customer;
ALTER TABLE customer_now RENAME TO customer;
CREATE INDEX customer_name ON customer (name COLLATE NOCASE);

-- Cards being saved or removed at Stripe: what is under way survives a restart.
CREATE TABLE card_task (
    id               BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    customer         BLOB    NOT NULL CHECK (length(customer) = 16),
    -- The machine's own bookkeeping, JSON: the page, the consent, Stripe's ids.
    machine          TEXT    NOT NULL,
    -- The request that may have reached Stripe and has no final answer yet. The
    -- key and the bytes are here before the first send and never change.
    idempotency_key  TEXT    UNIQUE CHECK (length(idempotency_key) BETWEEN 20 AND 255),
    path             TEXT,
    body             BLOB,
    api_version      TEXT,
    first_sent_at    INTEGER,
    waiting          INTEGER NOT NULL CHECK (waiting IN (0, 1)),
    next_at          INTEGER NOT NULL,
    changed_at       INTEGER NOT NULL,
    CHECK ((idempotency_key IS NULL) = (body IS NULL))
) STRICT;

-- What is to be asked of Stripe next.
CREATE INDEX card_task_due ON card_task (next_at) WHERE waiting = 1;
