-- Which of the shop's other taxes a customer is charged: who is exempt, for example.
ALTER TABLE customer ADD COLUMN tax_set TEXT
    CHECK (tax_set IS NULL OR length(tax_set) BETWEEN 1 AND 40);
