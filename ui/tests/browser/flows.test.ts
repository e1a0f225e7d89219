// The flows of a day, by keyboard alone, each within its budget of keys (scans are not counted).

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { count, emptySuspended } from "./screens";
import { launch, Shop } from "./window";

let browser: Browser;
let shop: Shop;
beforeAll(async () => {
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
});
afterEach(async () => {
  expect(shop.complaints).toEqual([]);
  await shop.close();
});

const BREAD = "8400000010016";
const HAM = "8400000010085";

async function within(budget: number, flow: () => Promise<void>): Promise<void> {
  shop.keys = 0;
  await flow();
  expect(shop.keys).toBeLessThanOrEqual(budget);
}

describe("with a sale of €51.40, online", () => {
  beforeEach(async () => {
    shop = await Shop.open(browser, "sale");
  });

  it("exact cash: 2", async () => {
    await within(2, async () => {
      await shop.press("F9", "F9");
      await shop.sees("screen-done");
    });
    expect(await shop.text("paid")).toBe("€51.40");
  });

  it("cash, the next note: 2", async () => {
    await within(2, async () => {
      await shop.press("F9", "F7");
      await shop.sees("screen-done");
    });
    expect(await shop.text("change")).toBe("€48.60");
  });

  it("cash, typed €61.50: 6", async () => {
    await within(6, async () => {
      await shop.press("F9", "6", "1", "5", "0", "Enter");
      await shop.sees("screen-done");
    });
    expect(await shop.text("change")).toBe("€10.10");
  });

  it("$100 in notes, change in euros: 9", async () => {
    await within(9, async () => {
      await shop.press("F9", "n", "ArrowRight", "1", "0", "0", "0", "0", "Enter");
      await shop.sees("screen-done");
    });
    expect(await shop.text("change")).toBe("€33.60");
  });

  it("a voucher of €20.00, its number scanned, and the rest in cash", async () => {
    await shop.press("F9", "v");
    await shop.sees("voucher");
    await shop.scan("GV-0017");
    await shop.type("20,00");
    await shop.press("Enter");
    await shop.sees("tender-0");
    expect(await shop.text("outstanding")).toBe("€31.40");
    await shop.press("e");
    await shop.sees("screen-done");
  });

  it("next sale: 0, a scan starts it", async () => {
    await shop.press("F9", "F9");
    await shop.sees("screen-done");
    await within(0, async () => {
      await shop.scan(BREAD);
      await shop.sees("screen-sell");
      await shop.sees("line-0");
    });
    expect(await shop.text("line-0")).toContain("Pan de masa madre");
  });

  it("three of the next product: 2", async () => {
    await within(2, async () => {
      await shop.press("3", "*");
      await shop.scan(BREAD);
      await shop.page.getByText("3 × €2.80").waitFor();
    });
  });

  it("void the last line: 1, and Undo brings it back", async () => {
    await within(1, async () => {
      await shop.press("Delete");
      await shop.sees("undo");
    });
    expect(await shop.text("total")).toBe("€39.79");
    await shop.press("Control+z");
    await shop.page.getByTestId("total").getByText("51.40").waitFor();
  });

  it("10 % off the line: 4", async () => {
    await shop.scan(HAM);
    await within(4, async () => {
      await shop.press("F7", "1", "0", "Enter");
      await shop.page.getByTestId("discount-dialog").waitFor({ state: "detached" });
    });
  });

  it("a large discount asks for a manager; a wrong PIN changes nothing", async () => {
    await shop.press("F7", "3", "0", "Enter");
    await shop.sees("approval");
    await shop.type("0000");
    await shop.press("Enter");
    await shop.sees("pin-wrong");
    expect(await shop.text("pin-wrong")).toContain("4 tries left");
    await shop.press("Escape");
    expect(await shop.text("total")).toBe("€51.40");
  });

  it("suspend 1, recall the newest 2", async () => {
    await within(1, async () => {
      await shop.press("F4");
      await shop.page.getByText("Scan the first product").waitFor();
    });
    await within(2, async () => {
      await shop.press("F5", "Enter");
      await shop.sees("line-6");
    });
    expect(await shop.text("total")).toBe("€51.40");
  });

  it("no-sale with its reason: 2", async () => {
    await within(2, async () => {
      await shop.press("F8", "1");
      await shop.sees("notice");
    });
  });

  it("arrows choose the line, + and − its quantity", async () => {
    await shop.press("ArrowUp", "+");
    await shop.page.getByText("2 × €8.75").waitFor();
    await shop.press("-");
    await shop.page.getByText("1 × €8.75").waitFor();
  });

  it("typing finds, Enter adds the first", async () => {
    await shop.type("croi");
    await shop.press("Enter");
    await shop.page.getByText("1 × €1.30").waitFor();
    expect(await shop.at("search").inputValue()).toBe("");
  });

  it("a coupon is typed like a product, says what it takes off, and goes again", async () => {
    await shop.type("turron");
    await shop.press("Enter");
    await shop.sees("line-7");
    const before = await shop.text("total");
    await shop.type("aguinaldo");
    await shop.press("Enter");
    await shop.sees("coupon-AGUINALDO");
    expect(await shop.text("promotion-7")).toContain("Christmas coupon −€");
    const with_coupon = await shop.text("total");
    expect(with_coupon).not.toBe(before);
    await shop.at("coupon-remove-AGUINALDO").click();
    await shop.page.getByTestId("coupon-AGUINALDO").waitFor({ state: "detached" });
    expect(await shop.text("total")).toBe(before);
  });

  it("a scanned coupon that takes nothing off says so", async () => {
    await shop.scan("AGUINALDO");
    await shop.sees("coupon-AGUINALDO");
    expect(await shop.text("coupon-AGUINALDO")).toContain("takes nothing off yet");
    expect(await shop.text("total")).toBe("€51.40");
  });

  it("Enter alone takes no money, wherever the focus is", async () => {
    await shop.press("F9", "Enter", "Enter");
    await shop.at("take").focus();
    await shop.press("Enter");
    await shop.at("cash-1").focus();
    await shop.press("Enter");
    await shop.sees("screen-tender");
    expect(await shop.page.getByTestId("tender-0").count()).toBe(0);
  });

  it("a scan while paying takes no money, types nothing and says so", async () => {
    await shop.press("F9");
    await shop.scan(BREAD);
    await shop.sees("notice");
    await shop.sees("screen-tender");
    expect(await shop.page.getByTestId("cash-given").count()).toBe(0);
  });

  it("a scan never lands in a field", async () => {
    await shop.press("F2");
    await shop.scan(BREAD);
    await shop.page.getByText("1 × €2.80").waitFor();
    expect(await shop.at("search").inputValue()).toBe("");
  });

  it("a card online completes by itself when it is approved", async () => {
    await within(3, async () => {
      await shop.press("F9", "c", "F9");
      await shop.sees("screen-done");
    });
  });

  it("a card is saved once the customer agreed, and is charged instead of the other", async () => {
    await shop.press("F3");
    await shop.at("customer-cards").click();
    await shop.sees("card-0");
    await shop.at("save-card").click();
    await shop.sees("consent-words");
    expect(await shop.till("till.calls.includes('save_card')")).toBe(false);
    await shop.at("agreed").click();
    await shop.sees("qr");
    await shop.at("open-page").click();
    await shop.till("till.giveCard()");
    await shop.sees("card-1");
    expect(await shop.text("saving")).toContain("The card is saved.");
    await shop.press("Escape", "F9", "c", "c", "F9");
    await shop.sees("screen-done");
    expect(await shop.till("till.calls.includes('tender_saved_card')")).toBe(true);
  });

  it("a card is saved at the reader that is on the counter, and needs no page", async () => {
    await shop.till("till.addReaders()");
    await shop.press("F3");
    await shop.at("customer-cards").click();
    await shop.at("save-card").click();
    expect(await shop.text("agreed-reader")).toContain("They agree: at Counter");
    await shop.at("agreed-reader").click();
    await shop.sees("give-up");
    expect(await shop.text("saving")).toContain("The reader asks the customer for the card.");
    expect(await shop.page.getByTestId("qr").count()).toBe(0);
    await shop.till("till.giveCard()");
    await shop.sees("card-1");
    expect(await shop.text("saving")).toContain("The card is saved.");
  });

  it("they do not agree: nothing is saved", async () => {
    await shop.press("F3");
    await shop.at("customer-cards").click();
    await shop.at("save-card").click();
    await shop.at("not-agreed").click();
    await shop.sees("card-0");
    expect(await shop.till("till.calls.includes('save_card')")).toBe(false);
  });

  it("a card is removed by a second touch, not by one", async () => {
    await shop.press("F3");
    await shop.at("customer-cards").click();
    await shop.at("remove-0").click();
    expect(await shop.till("till.calls.includes('remove_card')")).toBe(false);
    await shop.at("remove-sure-0").click();
    await shop.at("card-0").waitFor({ state: "detached" });
    await shop.press("Escape");
    expect(await shop.text("customer")).toContain("No saved card");
  });

  it("a new customer is added by name and put on the sale", async () => {
    await shop.press("F3");
    await shop.type("Lena");
    await shop.at("new-customer-open").click();
    await shop.at("customer-name").fill("Lena Brandt");
    await shop.at("customer-email").fill("lena@post.example");
    await shop.press("Enter");
    await shop.page.getByTestId("new-customer").waitFor({ state: "detached" });
    expect(await shop.text("customer")).toContain("Lena Brandt");
  });

  it("a declined card leaves the sale, another tender takes it", async () => {
    await shop.till("till.nextCard = 'declined'");
    await shop.press("F9", "c", "F9");
    await shop.page.locator('[data-testid="tender-0"][data-state="declined"]').waitFor();
    await shop.press("F9");
    expect(await shop.text("notice")).toContain("Choose how it is paid");
    await shop.press("e");
    await shop.sees("screen-done");
  });

  it("a card that is not known yet holds the sale until it is", async () => {
    await shop.till("till.nextCard = 'unknown'");
    await shop.press("F9", "c", "F9");
    await shop.sees("not-known");
    await shop.press("F7", "5", "Enter", "Escape");
    await shop.sees("screen-tender");
    expect(await shop.page.getByTestId("tender-1").count()).toBe(0);
    expect(await shop.at("another-tender").isDisabled()).toBe(true);
    await shop.press("F9");
    await shop.sees("screen-done");
  });

  it("a card at the reader: 3 keys, and the sale is paid when the card was charged and not before", async () => {
    await shop.till("till.addReaders()");
    await within(3, () => shop.press("F9", "r", "F9"));
    await shop.sees("at-reader");
    expect(await shop.text("at-reader")).toContain("Waiting for the card at Counter.");
    expect(await shop.text("at-reader")).toContain("€51.40");
    await shop.press("F9", "Enter", "e", "F5");
    await shop.sees("at-reader");
    await shop.till("till.atReader('certain', 500)");
    await shop.sees("screen-done");
    expect(await shop.text("tip")).toContain("€5.00");
  });

  it("a card cancelled at the reader frees nothing before Stripe says so", async () => {
    await shop.till("till.addReaders()");
    await shop.press("F9", "r", "F9");
    await shop.sees("at-reader");
    await shop.press("Delete");
    await shop.sees("canceling");
    expect(await shop.text("canceling")).toContain("the card can still be charged");
    await shop.press("e", "F9", "Delete");
    expect(await shop.at("screen-done").count()).toBe(0);
    await shop.sees("way-reader");
    await shop.press("F9");
    expect(await shop.at("screen-done").count()).toBe(0);
    await shop.press("e");
    await shop.sees("screen-done");
  });

  it("a card presented while it was being cancelled pays the sale", async () => {
    await shop.till("till.addReaders()");
    await shop.press("F9", "r", "F9");
    await shop.sees("at-reader");
    await shop.till("till.cardMs = 60000");
    await shop.press("Delete");
    await shop.sees("canceling");
    await shop.till("till.atReader('certain')");
    await shop.sees("screen-done");
  });

  it("a busy reader: the card goes to another, is declined there, and is tried again", async () => {
    await shop.till("till.addReaders()");
    await shop.till("till.readerSays = 'terminal_reader_busy'");
    await shop.press("F9", "r", "F9");
    await shop.sees("reader-no");
    expect(await shop.text("reader-no")).toContain("busy");
    await shop.press("o");
    await shop.sees("choose-2");
    expect(await shop.text("choose-2")).toContain("Offline");
    await shop.press("ArrowDown", "Enter");
    await shop.page.getByText("Waiting for the card at Back office.").waitFor();
    await shop.till("till.atReader('declined')");
    await shop.sees("reader-no");
    expect(await shop.text("reader-no")).toContain("not enough money");
    expect(await shop.text("again")).toContain("Try again");
    await shop.press("F9");
    await shop.sees("at-reader");
    await shop.till("till.atReader('certain')");
    await shop.sees("screen-done");
  });

  it("a card that was cancelled frees the sale for another tender", async () => {
    await shop.till("till.nextCard = 'unknown'");
    await shop.press("F9", "c", "F9");
    await shop.sees("not-known");
    await shop.till("till.settleTender('canceled')");
    await shop.press("e");
    await shop.sees("screen-done");
  });

  it("a pay link shows its code and finishes when it is paid", async () => {
    await shop.press("F9", "l", "F9");
    await shop.type("ana@x");
    await shop.press("Enter");
    await shop.sees("qr");
    await shop.till("till.settleTender('certain')");
    await shop.sees("screen-done");
  });

  it("an external terminal wants its slip", async () => {
    await shop.press("F9", "t", "F9");
    await shop.type("A1B2");
    await shop.press("Tab");
    await shop.type("4242");
    await shop.press("Enter");
    await shop.sees("screen-done");
  });

  it("a tender can be taken back", async () => {
    await shop.press("F9", "1", "0", "0", "0", "Enter");
    await shop.sees("tender-0");
    expect(await shop.text("outstanding")).toBe("€41.40");
    await shop.press("Delete");
    await shop.page.getByTestId("outstanding").getByText("51.40").waitFor();
  });

  it("a double touch takes once", async () => {
    await shop.till("till.delayMs = 150");
    await shop.press("F9");
    await shop.sees("cash-0");
    await shop.at("part").count();
    await shop.press("1", "0", "0", "0");
    await shop
      .at("amount-take")
      .dblclick({ timeout: 3000 })
      .catch(() => undefined);
    await shop.sees("tender-0");
    expect(await shop.page.getByTestId("tender-1").count()).toBe(0);
  });

  it("a key that is held opens the screen and pays nothing there", async () => {
    await shop.page.keyboard.down("F9");
    await shop.sees("cash-0");
    for (let i = 0; i < 5; i += 1) await shop.page.keyboard.down("F9");
    await shop.page.keyboard.up("F9");
    await shop.sees("screen-tender");
    expect(await shop.till("till.calls.includes('tender_cash')")).toBe(false);
    await shop.press("F9");
    await shop.sees("screen-done");
  });

  it("after a part in cash a second F9 takes nothing that nobody handed over", async () => {
    await shop.press("F9", "2", "0", "0", "0", "F9", "F9", "F9");
    await shop.sees("tender-0");
    expect(await shop.text("outstanding")).toBe("€31.40");
    expect(await shop.text("take")).toContain("Choose how it is paid");
    expect(await shop.at("take").isDisabled()).toBe(true);
    await shop.sees("notice");
    await shop.press("Escape");
    await shop.shot("tender-part-taken");
    // The sale left and opened again is the same sale.
    await shop.press("Escape", "F9", "F9");
    await shop.sees("notice");
    expect(await shop.page.getByTestId("tender-1").count()).toBe(0);
    await shop.press("e");
    await shop.sees("screen-done");
  });

  it("a tender is taken back once, however fast Del is pressed", async () => {
    await shop.press("F9", "1", "0", "0", "0", "Enter");
    await shop.sees("tender-0");
    await shop.press("1", "0", "0", "0", "Enter");
    await shop.sees("tender-1");
    await shop.press("Delete", "Delete");
    await shop.page.getByTestId("outstanding").getByText("41.40").waitFor();
    await shop.page.waitForTimeout(600);
    expect(await shop.text("outstanding")).toBe("€41.40");
    // A second press that is meant takes back the second.
    await shop.press("Delete");
    await shop.page.getByTestId("outstanding").getByText("51.40").waitFor();
  });

  it("cash typed while a tender is under way stays in its dialog, and the till says so", async () => {
    await shop.press("F9", "c");
    await shop.till("till.nextCard = 'declined'");
    await shop.till("till.delayMs = 1500");
    await shop.press("F9", "1", "0", "0", "0", "Enter");
    await shop.sees("notice");
    expect(await shop.text("notice")).toContain("Nothing was taken of this amount");
    await shop.shot("tender-cash-missed");
    await shop.sees("cash-given");
    await shop.till("till.delayMs = 0");
    await shop.page.locator('[data-testid="tender-0"][data-state="declined"]').waitFor();
    expect(await shop.text("notice")).toContain("Nothing was taken of this amount");
    expect(await shop.text("amount-shown")).toBe("€10.00");
    expect(await shop.till("till.calls.includes('tender_cash')")).toBe(false);
    await shop.press("Enter");
    await shop.page.getByTestId("outstanding").getByText("41.40").waitFor();
  });

  it("the keys are shown on F1 and Esc goes back", async () => {
    await shop.press("F1");
    await shop.sees("keys");
    await shop.press("Escape");
    expect(await shop.page.getByTestId("keys").count()).toBe(0);
    expect(await shop.text("total")).toBe("€51.40");
  });

  it("going offline on purpose shows at once", async () => {
    await shop.press("F10", "o", "Escape");
    await shop.page.locator('[data-testid="pill"][data-online="false"]').waitFor();
  });
});

describe("with a sale of €51.40, offline", () => {
  beforeEach(async () => {
    shop = await Shop.open(browser, "offline");
  });

  it("a card that waits too long is an alarm on every screen", async () => {
    expect(await shop.text("pill")).toContain("oldest 4 h");
    await shop.till("till.ageOldest(74)");
    await shop.page.locator('[data-testid="oldest"]', { hasText: "too old: 3 days" }).waitFor();
  });

  it("saved card within the limit: 3", async () => {
    await shop.press("Delete");
    await within(3, async () => {
      await shop.press("F9", "c", "F9");
      await shop.sees("screen-done");
    });
    await shop.sees("not-charged");
    // Nothing of it is certain, and nothing is called paid.
    expect(await shop.text("queued-sum")).toBe("€39.79");
    expect(await shop.at("paid").count()).toBe(0);
    expect((await shop.text("screen-done")).toLowerCase()).not.toContain("paid");
    await shop.press("v");
    expect(await shop.text("receipt-text")).toContain("CARD PAYMENT PENDING");
  });

  it("what the limit leaves of a card is not taken as cash by a second press", async () => {
    await shop.press("F9", "c", "F9", "F9");
    await shop.sees("tender-0");
    expect(await shop.text("outstanding")).toBe("€1.40");
    // The drawer gives change for what was handed over, and the card is still not paid.
    await shop.press("5", "0", "0", "Enter");
    await shop.sees("screen-done");
    expect(await shop.text("change")).toBe("€3.60");
    expect(await shop.text("queued-sum")).toBe("€50.00 queued, not yet charged");
  });

  it("a double touch on the big button takes the card's part alone", async () => {
    await shop.press("F9", "c");
    const take = await shop.at("take").boundingBox();
    if (!take) throw new Error("no big button");
    for (let i = 0; i < 2; i += 1) {
      await shop.page.mouse.click(take.x + take.width / 2, take.y + take.height - 20);
      await shop.page.waitForTimeout(150);
    }
    await shop.sees("tender-0");
    expect(await shop.text("outstanding")).toBe("€1.40");
  });

  it("a refund of a card that is only queued is not called given back", async () => {
    await shop.press("Delete", "F9", "c", "F9");
    await shop.sees("screen-done");
    const receipt = await shop.text("receipt-number");
    await shop.press("Enter", "F6");
    await shop.scan(receipt);
    await shop.press("+", "1", "F9");
    await shop.sees("screen-refund-done");
    await shop.page.getByText("Refund recorded").waitFor();
    await shop.page.getByRole("heading", { name: "To give back" }).waitFor();
    const words = await shop.text("screen-refund-done");
    expect(words).toContain("Not charged yet");
    expect(words).not.toContain("Refund complete");
    expect(words).not.toContain("Given back");
    await shop.at("to-outbox").click();
    await shop.sees("screen-outbox");
  });

  it("split, €20 cash and the rest on the saved card: 8", async () => {
    await within(8, async () => {
      await shop.press("F9", "2", "0", "0", "0", "Enter", "c", "F9");
      await shop.sees("screen-done");
    });
    expect(await shop.text("not-charged")).toContain("€31.40");
    expect(await shop.text("queued-sum")).toBe("€31.40");
    expect(await shop.text("certain-sum")).toContain("Paid: €20.00 Cash.");
    expect(await shop.text("pill")).toContain("4 cards waiting");
  });

  it("over the limit: the part that is allowed, or all of it with a manager", async () => {
    await shop.press("F9", "c");
    await shop.sees("limit-note");
    expect(await shop.text("take")).toContain("Take €50.00 at your risk");
    await shop.press("m");
    await shop.sees("approval");
    await shop.type("9876");
    await shop.press("Enter");
    await shop.sees("screen-done");
    expect(await shop.text("not-charged")).toContain("€51.40");
  });

  it("sending while offline says what holds", async () => {
    await within(2, async () => {
      await shop.press("F11", "s");
      await shop.sees("notice");
    });
    expect(await shop.text("notice")).toContain("Nothing is lost");
  });

  it("while it is sent the oldest card is still shown with its age, and the alarm as well", async () => {
    await shop.till("till.sending = true; till.announce()");
    await shop.page.getByText("sending 3").waitFor();
    expect(await shop.text("pill")).toContain("oldest 4 h");
    await shop.till("till.ageOldest(74)");
    await shop.page.locator('.pill-alarm [data-testid="oldest"]', { hasText: "too old: 3 days" }).waitFor();
  });

  it("S and F9 try a declined card once more", async () => {
    await shop.press("F11", "Tab", "s");
    await shop.page.getByText("The bank declined it once more.").first().waitFor();
    await shop.press("F9");
    await shop.page.locator(".story li", { hasText: "once more" }).nth(1).waitFor();
  });

  it("the outbox opens on waiting, Tab goes to what needs a person, a write-off wants a PIN", async () => {
    await shop.press("F11", "Tab");
    await shop.page.getByText("The card was declined. Nothing was charged.").waitFor();
    expect(await shop.text("reason")).toContain("not enough money");
    expect(await shop.text("contact")).toContain("06 0000 0104");
    await shop.press("w");
    await shop.sees("approval");
    await shop.type("9876");
    await shop.press("Enter");
    await shop.page.getByTestId("approval").waitFor({ state: "detached" });
    // The other declined card, and the dispute.
    expect(await shop.text("outbox-need_a_person")).toContain("2");
    // What was decided stays until another is chosen.
    await shop.page.getByRole("heading", { name: "Chloé Dubois" }).waitFor();
  });

  it("a second press decides nothing about the next customer", async () => {
    await shop.press("F11", "Tab");
    await shop.page.getByRole("heading", { name: "Chloé Dubois" }).waitFor();
    await shop.press("t", "t", "F9", "w");
    await shop.page.getByText("Closed. Nothing more is charged.").waitFor();
    expect(await shop.text("left-list")).toContain("Choose the next");
    expect(await shop.text("notice")).toContain("Nothing was done");
    expect(await shop.page.locator('[data-testid^="act-"]').count()).toBe(0);
    expect(await shop.text("outbox-need_a_person")).toContain("2");
    // The next one is chosen, and then decided.
    await shop.press("Escape", "ArrowDown");
    await shop.page.getByRole("heading", { name: "Günther Weiß" }).waitFor();
    await shop.press("t");
    await shop.page.getByText("Closed. Nothing more is charged.").waitFor();
    expect(await shop.text("outbox-need_a_person")).toContain("1");
    expect(await shop.till("till.calls.filter((call) => call === 'outbox_decide').length")).toBe(2);
  });

  it("a double touch decides once", async () => {
    await shop.press("F11", "Tab");
    await shop.page.getByRole("heading", { name: "Chloé Dubois" }).waitFor();
    await shop.at("act-take_cash").dblclick();
    await shop.sees("left-list");
    await shop.page.waitForTimeout(200);
    expect(await shop.till("till.calls.filter((call) => call === 'outbox_decide').length")).toBe(1);
  });

  it("what is sent meanwhile leaves its list and is not swapped for another", async () => {
    await shop.press("F11");
    await shop.page.getByRole("heading", { name: "Björn Lindqvist" }).waitFor();
    await shop.till("till.settleEntry('e1')");
    await shop.page.getByText("Charged. The money is certain.").waitFor();
    await shop.press("t");
    expect(await shop.till("till.calls.includes('outbox_decide')")).toBe(false);
    await shop.page.getByRole("heading", { name: "Björn Lindqvist" }).waitFor();
  });

  it("an unknown charge offers nothing that could charge twice", async () => {
    await shop.press("F11", "ArrowDown");
    await shop.page.getByText("It cannot be charged twice").waitFor();
    expect(await shop.at("act-take_cash").isDisabled()).toBe(true);
    expect(await shop.at("act-pay_link").isDisabled()).toBe(true);
  });
});

describe("the rest of the day", () => {
  it("send the outbox: 2", async () => {
    shop = await Shop.open(browser, "empty");
    await within(2, async () => {
      await shop.press("F11", "s");
      await shop.page.getByText("Nothing waits.").waitFor();
    });
    expect(await shop.text("at-risk")).toBe("€0.00");
  });

  it("a dispute wants somebody: the pill counts it, and the outbox opens where it is", async () => {
    shop = await Shop.open(browser, "empty");
    await shop.press("F11", "s");
    await shop.page.getByText("Nothing waits.").waitFor();
    const count = async (): Promise<number> =>
      parseInt(await shop.text("outbox-need_a_person").then((text) => text.replace(/\D/g, "")), 10);
    const entries = (await count()) - 1;
    // What is declined is settled, so that the dispute alone wants somebody.
    await shop.press("Tab");
    for (let i = 0; i < entries; i += 1) {
      await shop.press("t");
      await shop.sees("left-list");
      await shop.press("ArrowDown");
    }
    await shop.press("Escape", "F11");
    await shop.sees("case-dispute");
    expect(await shop.text("case-dispute")).toContain("Answer by");
    expect(await count()).toBe(1);
    expect(await shop.text("need-a-person")).toContain("1");
    await shop.till("till.refundElsewhere()");
    await shop.sees("case-refund");
    expect(await shop.text("case-refund")).toContain("the customer has nothing back");
    await shop.shot("outbox-cases");
    expect(await count()).toBe(2);
    // The evidence is in: it is shown, and nobody is wanted for it.
    await shop.till("till.answerDispute()");
    await shop.page.locator('[data-testid="case-dispute"][data-wants="false"]').waitFor();
    expect(await count()).toBe(1);
    expect(await shop.text("need-a-person")).toContain("1");
  });

  it("refund one unit of a scanned receipt: 4", async () => {
    shop = await Shop.open(browser, "empty");
    await within(4, async () => {
      await shop.press("F6");
      await shop.scan("1-024813");
      await shop.press("+", "1", "F9");
      await shop.sees("screen-refund-done");
    });
    expect(await shop.text("refunded")).toBe("€2.80");
  });

  it("a refund of an Interac card says where the card is wanted, is taken off the reader, and asked again", async () => {
    shop = await Shop.open(browser, "empty");
    const receipt = await shop.page.evaluate(() =>
      (window as unknown as { fakeTill: { sellByInterac(): string } }).fakeTill.sellByInterac(),
    );
    await shop.press("F6");
    await shop.scan(receipt);
    await shop.press("+", "1", "F9");
    await shop.sees("screen-refund-done");
    await shop.page.getByText("Refund waits for the card").waitFor();
    await shop.page.getByText("Present the card at Counter.").waitFor();
    await shop.shot("refund-interac");
    await shop.press("F11");
    await shop.page.getByText("Nothing is given back yet").waitFor();
    await shop.shot("outbox-interac");
    await shop.press("o");
    await shop.press("Tab");
    await shop.page.getByText("The customer is still owed").waitFor();
    expect(await shop.text("act-try_again")).toContain("Present the card");
    await shop.shot("outbox-interac-case");
    await shop.press("s");
    await shop.press("ArrowLeft");
    await shop.page.getByText("Nothing is given back yet").waitFor();
    // Off the reader once more: the card is lost, and the customer has the money in cash.
    await shop.page.getByText("could get it twice").waitFor();
    await shop.press("o");
    await shop.press("Tab");
    expect(await shop.text("act-give_cash")).toContain("Give cash");
    await shop.shot("outbox-give-cash");
    await shop.press("g");
    await shop.page.getByText("It is settled another way.").waitFor();
    expect(await shop.text("outbox-need_a_person")).toContain("3");
    await shop.shot("outbox-given-in-cash");
  });

  it("a refund over the limit: a wrong PIN refunds nothing, the right one does", async () => {
    shop = await Shop.open(browser, "empty");
    await shop.press("F6");
    await shop.scan("1-024812");
    await shop.press("+", "1", "F9");
    await shop.sees("approval");
    await shop.type("1234");
    await shop.press("Enter");
    await shop.sees("pin-wrong");
    expect(await shop.text("pin-wrong")).toContain("Wrong PIN. Nothing has been refunded.");
    await within(4, async () => {
      await shop.type("9876");
      await shop.sees("screen-refund-done");
    });
    expect(await shop.text("approved-by")).toContain("Tomás Agüero");
  });

  it("sign in: → and the PIN, 4 to 6", async () => {
    shop = await Shop.open(browser, "no-shift");
    await shop.press("F10", "9");
    await shop.sees("screen-signin");
    await within(6, async () => {
      await shop.press("ArrowRight");
      await shop.type("2222");
      await shop.sees("screen-open-shift");
    });
    expect(await shop.text("who")).toContain("Łukasz Wójcik");
  });

  it("five wrong PINs lock, and say until when", async () => {
    shop = await Shop.open(browser, "signin");
    for (let i = 0; i < 5; i += 1) {
      await shop.type("0000");
      await shop.press("Enter");
    }
    await shop.sees("locked");
    await shop.press("Escape");
    await shop.type("2222");
    await shop.press("Enter");
    await shop.sees("screen-open-shift");
  });

  it("a shop of one's own, from nothing to the first sale", async () => {
    shop = await Shop.open(browser, "first-run");
    await shop.at("profile-NL").click();
    await shop.at("setup-name").fill("Kleine Winkel");
    await shop.at("setup-manager").fill("Joost");
    await shop.at("setup-pin").fill("864209");
    await shop.at("setup-pin-again").fill("864209");
    await shop.press("F9");
    await shop.sees("screen-signin");
    await shop.type("864209");
    await shop.press("Enter");
    await shop.sees("screen-open-shift");
    await shop.type("10000");
    await shop.press("Enter");
    await shop.sees("screen-sell");
  });

  it("the sample shop opens with one key", async () => {
    shop = await Shop.open(browser, "first-run");
    await shop.press("F4");
    await shop.sees("screen-signin");
  });

  it("a shift closes: count blind, compare, recount once, Z report", async () => {
    shop = await Shop.open(browser, "empty");
    await emptySuspended(shop);
    await count(shop, "0 0 0 4");
    expect(await shop.page.getByTestId("expected").count()).toBe(0);
    await shop.press("F9");
    await shop.sees("screen-compare");
    expect(await shop.text("difference")).toBe("€19.16");
    await shop.press("r");
    await shop.sees("screen-count");
    await shop.type("0");
    for (const piece of ["0", "0", "4", "0", "1", "1", "2", "0", "0", "0", "1", "1", "0", "1"]) {
      await shop.press("Enter");
      await shop.type(piece);
    }
    await shop.press("F9");
    await shop.sees("screen-compare");
    expect(await shop.page.getByTestId("recount").count()).toBe(0);
    await shop.press("F9");
    await shop.sees("screen-z-done");
    expect(await shop.text("z-pdf")).toContain("z-214.pdf");
    await shop.press("F9");
    await shop.sees("screen-open-shift");
  });

  it("dollars are counted apart, and what is missing is said", async () => {
    shop = await Shop.open(browser, "empty");
    await emptySuspended(shop);
    await shop.scan(BREAD);
    await shop.press("F9", "n", "ArrowRight", "2", "0", "0", "0", "Enter");
    await shop.sees("screen-done");
    await shop.press("Enter");
    await count(shop, "0 0 0 4");
    await shop.at("count-USD").click();
    await shop.type("1000");
    expect(await shop.text("count-USD")).toContain("10.00");
    await shop.press("F9");
    await shop.sees("screen-compare");
    expect(await shop.text("foreign-USD")).toContain("short $10.00");
  });

  it("one key says why the line costs what it costs", async () => {
    shop = await Shop.open(browser, "empty");
    await shop.scan(BREAD);
    await shop.sees("total");
    await shop.press("?");
    await shop.sees("why");
    await shop.sees("why-step");
    expect(await shop.page.getByTestId("why-step").first().textContent()).toContain("1 ×");
    await shop.press("Escape");
    expect(await shop.page.getByTestId("why").count()).toBe(0);
  });

  it("an open shift's report is a page too, and a closed one's", async () => {
    shop = await Shop.open(browser, "offline");
    await shop.press("F10", "4");
    await shop.sees("takings");
    await shop.press("d");
    expect(await shop.text("notice")).toContain("reports/x.pdf");
    await shop.press("Escape", "ArrowDown", "d");
    await shop.sees("notice");
    expect(await shop.text("notice")).toContain("reports/z-0");
  });

  it("by touch: scan and exact cash is 2, saved card 3", async () => {
    shop = await Shop.open(browser, "empty");
    await shop.scan(BREAD);
    await shop.sees("total");
    await shop.at("pay").click();
    await shop.at("take").click();
    await shop.sees("screen-done");
    await shop.scan(BREAD);
    await shop.press("F3", "Enter");
    await shop.at("pay").click();
    await shop.at("way-saved_card").click();
    await shop.at("take").click();
    await shop.sees("screen-done");
  });
});

describe("card readers, by a manager", () => {
  beforeEach(async () => {
    shop = await Shop.open(browser, "manager");
  });

  it("Stripe is told where the shop is, then a reader is registered by its code and is this till's", async () => {
    await shop.press("F10", "0");
    await shop.page.locator('[data-testid="reader-new"]:enabled').waitFor();
    await shop.press("n");
    await shop.sees("place-tell");
    expect(await shop.at("place-country").inputValue()).toBe("ES");
    await shop.press("Enter");
    await shop.page.locator('[data-testid="reader-new"]:enabled').waitFor();
    await shop.press("n");
    await shop.type("simulated-wpe");
    await shop.press("Tab");
    await shop.type("Counter");
    await shop.press("Enter");
    await shop.sees("reader-0");
    expect(await shop.text("reader-0")).toContain("this till's");
    await shop.press("Escape");
    await shop.scan(BREAD);
    await shop.press("F9", "r", "F9");
    await shop.sees("at-reader");
  });

  it("another reader is chosen, tips are asked for, and one is forgotten", async () => {
    await shop.till("till.addReaders()");
    await shop.press("F10", "0");
    await shop.sees("reader-2");
    await shop.press("2", "t");
    await shop.page.locator('[data-testid="reader-1"][data-chosen="true"]').waitFor();
    await shop.page.locator('[data-testid="readers-tips"][aria-checked="true"]').waitFor();
    await shop.at("reader-forget-2").click();
    await shop.at("reader-2").waitFor({ state: "detached" });
  });

  it("offline says what a reader needs, and nothing can be asked", async () => {
    await shop.till("till.addReaders()");
    await shop.till("till.setOnline(false)");
    await shop.press("F10", "0");
    await shop.sees("readers-offline");
    expect(await shop.at("reader-new").isDisabled()).toBe(true);
    await shop.press("Escape");
    await shop.scan(BREAD);
    await shop.press("F9", "r");
    await shop.sees("notice");
    expect(await shop.text("notice")).toContain("only while Stripe can be reached");
  });
});

describe("card readers, by a cashier", () => {
  beforeEach(async () => {
    shop = await Shop.open(browser, "empty");
  });

  it("are looked at and not changed", async () => {
    await shop.till("till.addReaders()");
    await shop.press("F10", "0");
    await shop.sees("reader-1");
    expect(await shop.at("reader-use-1").count()).toBe(0);
    await shop.press("2", "n", "t");
    await shop.page.locator('[data-testid="reader-0"][data-chosen="true"]').waitFor();
    expect(await shop.at("reader-code").count()).toBe(0);
  });
});
