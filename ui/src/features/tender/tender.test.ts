import { beforeEach, describe, expect, it, vi } from "vitest";
import { Till } from "../../app.svelte";
import { FakeTill } from "../../ipc/fake";
import { DOUBLE_MS, TenderState } from "./tender.svelte";

let fake: FakeTill;
let till: Till;
let tender: TenderState;

async function open(scene: "sale" | "offline"): Promise<void> {
  fake = new FakeTill(scene);
  fake.cardMs = 5;
  till = new Till(fake.commands());
  await till.start();
  till.go("tender");
  tender = new TenderState(till);
  await tender.load();
}

/** The shell's event reaches the screen. */
async function settled(): Promise<void> {
  await vi.waitFor(() => expect(till.sale?.tenders.at(-1)?.state).not.toBe("working"));
  await tender.follow();
}

describe("online", () => {
  beforeEach(() => open("sale"));

  it("the usual way is exact cash, and it completes the sale", async () => {
    expect(tender.way).toBe("cash");
    await tender.take();
    expect(till.screen).toBe("done");
    expect(till.done?.sale.total.minor).toBe(5140);
    expect(till.done?.change.minor).toBe(0);
    expect(till.sale).toBeNull();
  });

  it("cash that does not cover it is a part, and the rest stays to pay", async () => {
    await tender.cash({ minor: 2000, currency: "EUR", exponent: 2 });
    expect(till.screen).toBe("tender");
    expect(till.sale?.outstanding.minor).toBe(3140);
    expect(tender.options?.cash[0]?.given.minor).toBe(3140);
  });

  it("after a part the big button takes nothing until a way is chosen", async () => {
    await tender.cash({ minor: 2000, currency: "EUR", exponent: 2 });
    expect([tender.way, tender.amount]).toEqual([null, null]);
    await tender.take();
    expect(till.notice?.text).toContain("Choose how it is paid");
    expect(till.sale?.tenders).toHaveLength(1);
    await tender.remove();
    expect([till.sale?.tenders.length, tender.way]).toEqual([0, null]);
    await tender.cashOption(0);
    expect(till.screen).toBe("done");
  });

  it("a sale opened again with something taken has no way chosen by itself", async () => {
    await tender.cash({ minor: 2000, currency: "EUR", exponent: 2 });
    expect(new TenderState(till).way).toBeNull();
  });

  it("two takings back at once, or one right after the other, take back one", async () => {
    const ten = { minor: 1000, currency: "EUR", exponent: 2 };
    await tender.cash(ten);
    await tender.cash(ten);
    await tender.cash(ten);
    fake.delayMs = 5;
    await Promise.all([tender.remove(), tender.remove(till.sale?.tenders[0] ?? null)]);
    await tender.remove();
    expect(till.sale?.tenders).toHaveLength(2);
    vi.spyOn(performance, "now").mockReturnValue(performance.now() + DOUBLE_MS);
    await tender.remove();
    vi.restoreAllMocks();
    expect(till.sale?.tenders).toHaveLength(1);
  });

  it("cash typed while another taking is under way stays typed, and the words stay as well", async () => {
    await tender.choose("saved_card");
    fake.delayMs = 5;
    const first = tender.take();
    await Promise.resolve();
    await Promise.resolve();
    tender.dialog = "cash";
    await tender.cash({ minor: 1000, currency: "EUR", exponent: 2 });
    expect(tender.dialog).toBe("cash");
    expect(till.notice?.text).toContain("Nothing was taken of this amount");
    await first;
    expect(till.notice?.text).toContain("Nothing was taken of this amount");
    expect(fake.calls).not.toContain("tender_cash");
  });

  it("a card is on its way at first, and completes once it is certain", async () => {
    await tender.choose("saved_card");
    await tender.take();
    expect(tender.pending?.state).toBe("working");
    expect(till.screen).toBe("tender");
    await settled();
    expect(till.screen).toBe("done");
  });

  it("while a card is not known nothing else is taken", async () => {
    fake.nextCard = "unknown";
    await tender.choose("saved_card");
    await tender.take();
    await settled();
    expect(tender.pending?.state).toBe("unknown");
    await tender.take();
    await tender.cashOption(1);
    expect(till.sale?.tenders).toHaveLength(1);
    fake.nextCard = "certain";
    await tender.lookAgain();
    expect(till.screen).toBe("done");
  });

  it("the sale is completed once, however often it is asked for", async () => {
    await Promise.all([tender.take(), tender.take(), tender.complete()]);
    expect(fake.calls.filter((call) => call === "tender_cash")).toHaveLength(1);
    expect(till.screen).toBe("done");
    expect(till.done?.receipt).toBe("1-024815");
  });

  it("a way that is off says why and is not chosen", async () => {
    till.sale = await till.commands.setCustomer(null);
    await tender.load();
    await tender.choose("saved_card");
    expect(tender.way).toBe("cash");
    expect(till.notice?.text).toContain("Choose a customer");
  });
});

describe("offline", () => {
  beforeEach(() => open("offline"));

  it("over the limit the big button takes what is allowed", async () => {
    await tender.choose("saved_card");
    expect(tender.limited).toBe(true);
    expect(tender.amount?.minor).toBe(5000);
    await tender.take();
    expect(till.sale?.outstanding.minor).toBe(140);
  });

  it("all of it asks for a manager, and a wrong PIN takes nothing", async () => {
    await tender.choose("saved_card");
    const taking = tender.take(true);
    await vi.waitFor(() => expect(till.approving).not.toBeNull());
    await till.approving?.approve({ user: "u5", pin: "0000", reason: "Known customer" });
    expect(till.approving?.error?.code).toBe("pin_wrong");
    expect(till.approving?.error?.tries_left).toBe(4);
    expect(till.sale?.tenders).toHaveLength(0);
    await till.approving?.approve({ user: "u5", pin: "9876", reason: "Known customer" });
    await taking;
    expect(till.done?.at_risk.minor).toBe(5140);
  });

  it("declining the approval leaves everything as it was", async () => {
    await tender.choose("saved_card");
    const taking = tender.take(true);
    await vi.waitFor(() => expect(till.approving).not.toBeNull());
    till.approving?.decline();
    await taking;
    expect(till.sale?.tenders).toHaveLength(0);
    expect(tender.way).toBe("saved_card");
  });
});

describe("a card reader", () => {
  beforeEach(async () => {
    await open("sale");
    fake.addReaders();
    await tender.load();
    await tender.choose("reader");
  });

  async function atReader(): Promise<void> {
    await vi.waitFor(() => expect(till.sale?.tenders.at(-1)?.state).toBe("at_reader"));
  }

  it("is paid once the card is charged, with its tip on top", async () => {
    await tender.take();
    await atReader();
    expect(tender.pending?.reader?.label).toBe("Counter");
    await tender.take();
    expect(till.sale?.tenders).toHaveLength(1);
    fake.atReader("certain", 300);
    await vi.waitFor(() => expect(till.sale?.can_complete).toBe(true));
    await tender.follow();
    expect(till.done?.sale.total.minor).toBe(5140);
    expect(till.done?.sale.tenders[0]?.reader?.tip?.minor).toBe(300);
  });

  it("that was cancelled keeps everything else off until Stripe says so", async () => {
    await tender.take();
    await atReader();
    fake.cardMs = 50;
    await tender.remove();
    expect(tender.pending?.can_remove).toBe(false);
    expect(till.sale?.outstanding.minor).toBe(0);
    await vi.waitFor(() => expect(tender.pending).toBeNull());
    expect(till.sale?.outstanding.minor).toBe(5140);
  });

  it("that is offline is tried again at another, as the same tender", async () => {
    fake.readerSays = "terminal_reader_offline";
    await tender.take();
    await vi.waitFor(() => expect(tender.pending?.reader?.can_try_again).toBe(true));
    expect(tender.pending?.says).toContain("Nothing was charged");
    const id = tender.pending?.id;
    await tender.again("tmr_2");
    await atReader();
    expect([tender.pending?.id, tender.pending?.reader?.label]).toEqual([id, "Back office"]);
  });

  it("offline says why and is not chosen", async () => {
    tender.way = "cash";
    fake.setOnline(false);
    await tender.load();
    await tender.choose("reader");
    expect(tender.way).toBe("cash");
    // Chosen, and the network goes: cash is not what was chosen.
    fake.setOnline(true);
    await tender.load();
    await tender.choose("reader");
    fake.setOnline(false);
    await tender.load();
    expect(tender.way).toBeNull();
    await tender.choose("reader");
    expect(till.notice?.text).toContain("only while Stripe can be reached");
  });
});
