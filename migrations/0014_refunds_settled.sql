-- How much of a refund that failed went out of the drawer: less than all of it where part
-- of the charge was given back at Stripe meanwhile.
ALTER TABLE refund_part ADD COLUMN cash_minor INTEGER NOT NULL DEFAULT 0
    CHECK (cash_minor BETWEEN 0 AND amount_minor);
UPDATE refund_part SET cash_minor = amount_minor WHERE paid_in_cash = 1;

-- A manager found it settled in another way, in Stripe's dashboard say: it is open no more.
ALTER TABLE refund_part ADD COLUMN settled_elsewhere INTEGER NOT NULL DEFAULT 0
    CHECK (settled_elsewhere IN (0, 1));

DROP INDEX refund_part_open;
-- Refunds on their way, or refused and still owed.
CREATE INDEX refund_part_open ON refund_part (moved_at)
WHERE paid_in_cash = 0 AND settled_elsewhere = 0
  AND state IN ('queued', 'pending', 'failed', 'needs_attention');
