-- A product names its tax by code; what the code is worth is the shop's to say on
-- the day of a sale. Before, the rate of the day of its import was kept with it.
ALTER TABLE product ADD COLUMN tax TEXT NOT NULL DEFAULT '';
UPDATE product SET tax = ifnull(json_extract(taxes, '$[0].code'), '');
ALTER TABLE product DROP COLUMN taxes;
