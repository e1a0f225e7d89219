-- Of a refund that a manager settled, `cash_minor` is what did not go back in Stripe's
-- dashboard but in another way. Before this nothing of it was taken to.
UPDATE refund_part SET cash_minor = amount_minor WHERE settled_elsewhere = 1;
