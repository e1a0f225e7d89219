import { describe, expect, it } from "vitest";
import type { MoneyView } from "../ipc/gen/MoneyView";
import { formatFace, formatMoney, fromDigits, moneyParts, share, toDecimal, weightFromDigits } from "./money";

const money = (minor: number, currency = "EUR", exponent = 2): MoneyView => ({ minor, currency, exponent });

describe("money is written as the voice says", () => {
  it.each([
    [money(123_450), "en", "€1,234.50"],
    [money(-129), "en", "\u2212€1.29"],
    [money(0), "en", "€0.00"],
    [money(5), "en", "€0.05"],
    [money(100_000_000), "en", "€1,000,000.00"],
    [money(123_450), "en-NL", "€1,234.50"],
    [money(123_450), "en-GB", "€1,234.50"],
    [money(123_450), "de-DE", "€1.234,50"],
    [money(123_450), "not a tag", "€1,234.50"],
    [money(999, "GBP"), "en", "£9.99"],
    [money(1234, "JPY", 0), "en", "¥1,234"],
    [money(1_234_567, "KWD", 3), "en", "KWD\u00a01,234.567"],
    [money(1200, "CHF"), "en", "CHF\u00a012.00"],
  ])("%j in %s is %s", (amount, locale, written) => {
    expect(formatMoney(amount, locale)).toBe(written);
  });

  it("keeps sign, currency and figures apart, so that they can be set apart", () => {
    expect(moneyParts(money(-129))).toEqual({ sign: "\u2212", currency: "€", number: "1.29" });
  });

  it("holds the largest whole amount exactly", () => {
    expect(formatMoney(money(Number.MAX_SAFE_INTEGER))).toBe("€90,071,992,547,409.91");
  });

  it("refuses a fraction of a cent", () => {
    expect(() => formatMoney(money(0.5))).toThrow(RangeError);
  });
});

it.each([
  [5000, "€50"],
  [200, "€2"],
  [50, "50 c"],
  [1, "1 c"],
])("the face of %d cents is %s", (minor, face) => {
  expect(formatFace(money(minor))).toBe(face);
});

it.each([
  [money(4150), "41.50"],
  [money(5), "0.05"],
  [money(-129), "-1.29"],
  [money(1234, "JPY", 0), "1234"],
])("%j crosses as %s", (amount, decimal) => {
  expect(toDecimal(amount)).toBe(decimal);
});

it.each([
  ["4150", 4150],
  ["", 0],
  ["007", 7],
])("the digits %s are %d cents", (typed, minor) => {
  expect(fromDigits(typed, "EUR", 2)).toEqual(money(minor));
});

it.each([
  ["412", "0.412"],
  ["", "0.000"],
  ["12500", "12.500"],
])("the grams %s are %s kg", (typed, weight) => {
  expect(weightFromDigits(typed)).toBe(weight);
});

it("a bar is never longer than its room", () => {
  expect(share(money(200), money(100))).toBe(100);
  expect(share(money(-5), money(100))).toBe(0);
  expect(share(money(5), money(0))).toBe(0);
});
