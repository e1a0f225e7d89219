-- When a declined card is tried again by itself, where the shop's schedule says so. It
-- is of the outbox alone: whatever else happens to an entry writes the row, and that
-- ends its schedule.
ALTER TABLE outbox ADD COLUMN retry_at INTEGER;

CREATE INDEX outbox_retry ON outbox (retry_at) WHERE retry_at IS NOT NULL;
