import { beforeEach, describe, expect, it, vi } from "vitest";
import { Till } from "../../app.svelte";
import { FakeTill } from "../../ipc/fake";
import { OutboxState } from "./outbox.svelte";

let fake: FakeTill;
let till: Till;
let box: OutboxState;

const decisions = (): number => fake.calls.filter((call) => call === "outbox_decide").length;

beforeEach(async () => {
  fake = new FakeTill("offline");
  till = new Till(fake.commands());
  await till.start();
  till.go("outbox");
  box = new OutboxState(till);
  await box.open();
});

describe("what is shown", () => {
  it("is the first at the opening, and stays while the list changes", async () => {
    expect(box.chosen).toBe("e1");
    fake.settleEntry("e1");
    await box.load();
    expect(box.entries[0]?.id).toBe("e2");
    expect([box.detail?.entry.id, box.detail?.entry.state, box.left]).toEqual(["e1", "certain", true]);
  });

  it("stays as it was known last where the till knows it no more", async () => {
    fake.settleEntry("e1");
    till.commands.outboxEntry = () => Promise.reject(new Error("gone"));
    await box.load();
    expect([box.detail?.entry.id, box.left, till.notice]).toEqual(["e1", true, null]);
  });

  it("moves on to the one that stands in its place now, or to the one before", async () => {
    await box.move(1);
    expect(box.chosen).toBe("e2");
    fake.settleEntry("e2");
    await box.load();
    await box.move(1);
    expect(box.chosen).toBe("e3");
    fake.settleEntry("e3");
    await box.load();
    await box.move(-1);
    expect(box.chosen).toBe("e1");
  });
});

describe("a decision", () => {
  beforeEach(() => box.show("need_a_person"));

  it("is made once, about what was shown at the press", async () => {
    fake.delayMs = 5;
    await Promise.all([box.decide("take_cash"), box.decide("take_cash")]);
    await box.decide("take_cash");
    expect(decisions()).toBe(1);
    expect([box.detail?.entry.id, box.detail?.entry.state]).toEqual(["e4", "closed"]);
    expect(box.entries.map((each) => each.id)).toEqual(["e5"]);
  });

  it("sends nothing where S is pressed once more", async () => {
    fake.setOnline(true);
    await box.decide("take_cash");
    await box.primary();
    expect(fake.calls).not.toContain("outbox_send_now");
    expect(decisions()).toBe(1);
  });

  it("is about nothing where another is shown by the time it is heard", async () => {
    fake.delayMs = 5;
    const load = box.load();
    const press = box.decide("take_cash");
    box.chosen = "e5";
    await Promise.all([load, press]);
    expect(decisions()).toBe(0);
  });

  it("may be made about the next once it is chosen", async () => {
    await box.decide("take_cash");
    await box.move(1);
    await vi.waitFor(() => expect(box.detail?.entry.id).toBe("e5"));
    await box.decide("take_cash");
    expect(decisions()).toBe(2);
    expect(box.entries).toEqual([]);
  });
});
