-- The journal: what happened, in order. Appended, never changed. Everything
-- in the tables of 0002 can be made again from it.
CREATE TABLE journal (
    seq        INTEGER NOT NULL PRIMARY KEY CHECK (seq >= 1),
    -- A restore or a copied folder starts a new epoch, so that no
    -- (till, epoch, seq) is used twice.
    epoch      INTEGER NOT NULL CHECK (epoch >= 1),
    at         INTEGER NOT NULL,    -- ms since the Unix epoch
    shift      INTEGER NOT NULL CHECK (shift >= 1),
    kind       TEXT    NOT NULL CHECK (length(kind) BETWEEN 1 AND 40),
    version    INTEGER NOT NULL CHECK (version >= 1),
    body       BLOB    NOT NULL,    -- the event, hashed byte for byte
    prev_hash  BLOB    NOT NULL CHECK (length(prev_hash) = 32),
    hash       BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- All entries of a shift, for its reports.
CREATE INDEX journal_shift ON journal (shift, seq);

CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is never changed'); END;

CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is never deleted from'); END;

CREATE TRIGGER journal_no_gap BEFORE INSERT ON journal
WHEN NEW.seq <> (SELECT ifnull(max(seq), 0) + 1 FROM journal)
BEGIN SELECT RAISE(ABORT, 'the journal has no gaps'); END;
