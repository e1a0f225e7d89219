import { describe, expect, it } from "vitest";
import { isCommandError, type Commands } from "./commands";
import { FakeTill } from "./fake";

async function refusal(work: () => Promise<unknown>) {
  try {
    await work();
  } catch (error) {
    if (isCommandError(error)) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

describe("the fake stands where the till stands", () => {
  it("answers every command of the contract", async () => {
    const contract = new Set(Object.keys(new FakeTill("empty").commands()));
    const { tauriCommands } = await import("./commands");
    expect(contract).toEqual(new Set(Object.keys(tauriCommands())));
  });

  it("sells, takes cash and writes a receipt", async () => {
    const till = new FakeTill("empty").commands();
    await till.scan("8400000010016");
    await till.addProduct("p4", "0.5");
    const sale = await till.tenderCash("5.00");
    expect(sale.can_complete).toBe(true);
    const done = await till.complete();
    expect(done.change.minor).toBe(500 - 280 - 118);
    expect(await till.saleCurrent()).toBeNull();
    expect((await till.receiptText(done.receipt)).join("\n")).toContain("Pan de masa madre");
  });

  it("refuses with a code and a sentence", async () => {
    const till = new FakeTill("empty").commands();
    const error = await refusal(() => till.scan("8499999999999"));
    expect(error.code).toBe("barcode_unknown");
    expect(error.message).toContain("Nothing was added");
  });

  it("locks a PIN after five wrong ones", async () => {
    const till: Commands = new FakeTill("signin").commands();
    for (let left = 4; left >= 1; left -= 1) {
      expect((await refusal(() => till.signIn("u1", "0000"))).tries_left).toBe(left);
    }
    expect((await refusal(() => till.signIn("u1", "0000"))).code).toBe("pin_locked");
    expect((await refusal(() => till.signIn("u1", "1111"))).code).toBe("pin_locked");
  });

  it("hands out copies: nobody changes the shop from outside", async () => {
    const till = new FakeTill("sale").commands();
    const sale = await till.saleCurrent();
    if (sale) sale.total.minor = 1;
    expect((await till.saleCurrent())?.total.minor).toBe(5140);
  });

  it("a sale of the drawings comes to €51.40", async () => {
    const sale = await new FakeTill("sale").commands().saleCurrent();
    expect(sale?.total.minor).toBe(5140);
    expect(sale?.lines).toHaveLength(7);
  });
});
