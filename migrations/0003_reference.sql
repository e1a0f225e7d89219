-- Reference data: edited in place. What mattered to a sale is copied into its
-- journal entry.

CREATE TABLE setting (
    name   TEXT NOT NULL PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 60),
    value  TEXT NOT NULL    -- JSON
) STRICT;

CREATE TABLE user (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name          TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    role          TEXT    NOT NULL CHECK (role IN ('cashier', 'manager', 'owner')),
    pin_hash      TEXT    NOT NULL,    -- argon2id, with its own salt
    wrong_pins    INTEGER NOT NULL DEFAULT 0 CHECK (wrong_pins >= 0),
    locked_until  INTEGER,
    disabled      INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    position      INTEGER NOT NULL
) STRICT;

-- The only table with personal data of customers. Erasing one empties its row;
-- the journal knows ids alone.
CREATE TABLE customer (
    id               BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name             TEXT,
    email            TEXT,
    phone            TEXT,
    stripe_customer  TEXT,
    payment_method   TEXT,
    brand            TEXT,
    last4            TEXT CHECK (last4 IS NULL OR length(last4) = 4),
    expires          TEXT,
    consent_at       TEXT,
    CHECK (payment_method IS NULL OR consent_at IS NOT NULL)
) STRICT;

CREATE INDEX customer_name ON customer (name COLLATE NOCASE);

CREATE TABLE product (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    sku          TEXT    NOT NULL UNIQUE,
    name         TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    category     TEXT    NOT NULL,
    unit_price   TEXT    NOT NULL,    -- decimal, major units
    unit         TEXT    NOT NULL CHECK (unit IN ('each', 'kilogram')),
    taxes        TEXT    NOT NULL,    -- JSON
    deposit      TEXT,                -- JSON
    stock_milli  INTEGER NOT NULL DEFAULT 0,
    favourite    INTEGER
) STRICT;

-- The tiles of a category, and the favourites in their order.
CREATE INDEX product_category ON product (category, name);
CREATE INDEX product_favourite ON product (favourite) WHERE favourite IS NOT NULL;

CREATE TABLE product_code (
    code     TEXT NOT NULL PRIMARY KEY,
    product  BLOB NOT NULL CHECK (length(product) = 16)
) STRICT, WITHOUT ROWID;

CREATE INDEX product_code_product ON product_code (product);

-- Names, with accents folded: "brulee" finds "Crème brûlée".
CREATE VIRTUAL TABLE product_name USING fts5 (
    name, sku, product UNINDEXED, tokenize = "trigram remove_diacritics 1"
);
