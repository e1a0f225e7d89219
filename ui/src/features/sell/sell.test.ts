import { beforeEach, expect, it } from "vitest";
import { Till } from "../../app.svelte";
import { FakeTill } from "../../ipc/fake";
import { SellState } from "./sell.svelte";

let fake: FakeTill;
let till: Till;
let sell: SellState;

beforeEach(async () => {
  fake = new FakeTill("empty");
  till = new Till(fake.commands());
  await till.start();
  sell = new SellState(till);
  await sell.load();
});

it("keys faster than the till's answers all count", async () => {
  fake.delayMs = 10;
  await Promise.all([sell.scan("8400000010016"), sell.step(1), sell.step(1), sell.step(1)]);
  expect(till.sale?.lines.map((line) => line.quantity)).toEqual(["4"]);
});

it("three of the next product, scanned or touched", async () => {
  sell.find("3");
  expect(sell.multiply()).toBe(true);
  await sell.scan("8400000010016");
  expect(sell.line?.quantity).toBe("3");
  sell.find("2");
  sell.multiply();
  const milk = sell.products.find((product) => product.name.startsWith("Leche"));
  if (milk) await sell.add(milk);
  expect(sell.line?.quantity).toBe("2");
  expect(sell.times).toBeNull();
});

it("weighed goods wait for their weight", async () => {
  const tomatoes = sell.products.find((product) => product.weighed);
  if (tomatoes) await sell.add(tomatoes);
  expect(till.sale).toBeNull();
  await sell.weigh("0.412");
  expect(sell.line?.quantity).toBe("0.412");
});

it("a voided line can be taken back, and the line before it is chosen meanwhile", async () => {
  await sell.scan("8400000010016");
  await sell.scan("8400000010023");
  await sell.void();
  expect(sell.line?.name).toBe("Pan de masa madre");
  expect(sell.lines).toHaveLength(2);
  await sell.undo();
  expect(sell.line?.name).toBe("Leche entera 1 L");
  expect(sell.sold).toBe(2);
});

it("a refused scan says so and changes nothing", async () => {
  await sell.scan("8400000010016");
  await sell.scan("8499999999999");
  expect(till.notice?.code).toBe("barcode_unknown");
  expect(sell.sold).toBe(1);
});

it("a word that is no product may be a coupon", async () => {
  sell.find("Turr");
  await sell.enter();
  const before = till.sale?.total.minor ?? 0;
  sell.find("aguinaldo");
  await sell.enter();
  expect(till.sale?.coupons).toMatchObject([{ code: "AGUINALDO", used: true }]);
  expect(till.sale?.total.minor).toBe(before - 65);
  expect(sell.line?.promotions[0]?.name).toBe("Christmas coupon");
  expect(sell.query).toBe("");
  await sell.removeCoupon("AGUINALDO");
  expect(till.sale?.total.minor).toBe(before);

  sell.find("gratis");
  await sell.enter();
  expect(till.sale?.coupons).toEqual([]);
  expect(till.notice?.text).toContain("Nothing here is called");
});
