-- A refund that failed at Stripe can be given in cash: then it is open no more.
ALTER TABLE refund_part ADD COLUMN paid_in_cash INTEGER NOT NULL DEFAULT 0
    CHECK (paid_in_cash IN (0, 1));

DROP INDEX refund_part_open;
-- Refunds on their way, or refused and still owed.
CREATE INDEX refund_part_open ON refund_part (moved_at)
WHERE paid_in_cash = 0 AND state IN ('queued', 'pending', 'failed', 'needs_attention');
