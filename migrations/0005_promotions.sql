-- What the shop offers: reference data, edited in place. What a sale got of it is
-- copied into its journal entry.

CREATE TABLE promotion (
    id       TEXT    NOT NULL PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 80),
    version  INTEGER NOT NULL CHECK (version >= 1),    -- of the form of its body
    body     TEXT    NOT NULL                          -- JSON
) STRICT, WITHOUT ROWID;

-- Groups that a customer belongs to; a promotion can be for one of them. Erasing a
-- customer deletes their rows.
CREATE TABLE customer_group (
    customer  BLOB NOT NULL CHECK (length(customer) = 16),
    name      TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    PRIMARY KEY (customer, name)
) STRICT, WITHOUT ROWID;
