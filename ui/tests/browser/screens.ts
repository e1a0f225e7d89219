// How to get to every screen, from a scene.

import type { Shop } from "./window";

export interface Place {
  name: string;
  scene: string;
  go(shop: Shop): Promise<void>;
}

export const PLACES: Place[] = [
  { name: "setup", scene: "first-run", go: (shop) => shop.sees("screen-setup") },
  {
    name: "setup-filled",
    scene: "first-run",
    go: async (shop) => {
      await shop.at("profile-ES").click();
      await shop.at("setup-name").fill("Ultramarinos Peña");
      await shop.at("setup-manager").fill("Marta Peña");
      await shop.at("setup-pin").fill("864209");
      await shop.at("setup-pin-again").fill("864");
    },
  },
  { name: "signin", scene: "signin", go: (shop) => shop.type("11") },
  {
    name: "signin-wrong",
    scene: "signin",
    go: async (shop) => {
      await shop.type("0000");
      await shop.press("Enter");
      await shop.sees("pin-wrong");
    },
  },
  {
    name: "signin-locked",
    scene: "signin",
    go: async (shop) => {
      for (let i = 0; i < 5; i += 1) {
        await shop.type("0000");
        await shop.press("Enter");
      }
      await shop.sees("locked");
    },
  },
  { name: "open-shift", scene: "no-shift", go: (shop) => shop.type("15000") },
  { name: "sell-empty", scene: "empty", go: (shop) => shop.sees("tiles") },
  { name: "sell", scene: "sale", go: (shop) => shop.sees("line-6") },
  { name: "sell-offline", scene: "offline", go: (shop) => shop.sees("line-6") },
  {
    name: "sell-too-old",
    scene: "offline",
    go: async (shop) => {
      await shop.till("till.ageOldest(74)");
      await shop.sees("oldest");
    },
  },
  { name: "sell-search", scene: "sale", go: (shop) => shop.type("que") },
  {
    name: "sell-category",
    scene: "sale",
    go: async (shop) => {
      await shop.at("category-Pantry").click();
    },
  },
  {
    name: "sell-promotion",
    scene: "sale",
    go: async (shop) => {
      await shop.scan("8400000010184");
      await shop.press("+", "+");
      await shop.type("aguinaldo");
      await shop.press("Enter");
      await shop.sees("coupon-AGUINALDO");
    },
  },
  { name: "sell-void", scene: "sale", go: (shop) => shop.press("Delete") },
  {
    name: "sell-weigh",
    scene: "sale",
    go: async (shop) => {
      await shop.at("tile-1004").click();
      await shop.type("412");
    },
  },
  {
    name: "sell-discount",
    scene: "sale",
    go: async (shop) => {
      await shop.press("F7", "1", "0");
    },
  },
  { name: "sell-customer", scene: "sale", go: (shop) => shop.press("F3") },
  {
    name: "customer-new",
    scene: "sale",
    go: async (shop) => {
      await shop.press("F3");
      await shop.type("Lena");
      await shop.at("new-customer-open").click();
      await shop.sees("customer-name");
    },
  },
  {
    name: "customer-cards",
    scene: "sale",
    go: async (shop) => {
      await shop.till("till.giveAna()");
      await shop.press("F3");
      await shop.at("customer-cards").click();
      await shop.sees("card-1");
      await shop.at("remove-1").click();
    },
  },
  {
    name: "customer-consent",
    scene: "sale",
    go: async (shop) => {
      await shop.press("F3");
      await shop.at("customer-cards").click();
      await shop.at("save-card").click();
      await shop.sees("consent-words");
    },
  },
  {
    name: "customer-saving",
    scene: "sale",
    go: async (shop) => {
      await shop.press("F3");
      await shop.at("customer-cards").click();
      await shop.at("save-card").click();
      await shop.at("agreed").click();
      await shop.sees("qr");
    },
  },
  {
    name: "tender-two-cards",
    scene: "sale",
    go: async (shop) => {
      await shop.till("till.giveAna()");
      await shop.press("F9", "c", "c");
    },
  },
  { name: "sell-suspended", scene: "empty", go: (shop) => shop.press("F5") },
  { name: "sell-no-sale", scene: "empty", go: (shop) => shop.press("F8") },
  {
    name: "sell-notice",
    scene: "sale",
    go: async (shop) => {
      await shop.scan("8499999999999");
      await shop.sees("notice");
    },
  },
  { name: "tender", scene: "sale", go: (shop) => shop.press("F9") },
  {
    name: "tender-offline",
    scene: "offline",
    go: async (shop) => {
      await shop.press("F9", "2", "0", "0", "0", "Enter", "c");
    },
  },
  {
    name: "tender-offline-limit",
    scene: "offline",
    go: async (shop) => {
      await shop.press("F9", "c");
    },
  },
  { name: "tender-keypad", scene: "sale", go: (shop) => shop.press("F9", "4", "1", "5", "0") },
  {
    name: "tender-foreign",
    scene: "sale",
    go: (shop) => shop.press("F9", "n", "ArrowRight", "1", "0", "0", "0", "0"),
  },
  { name: "tender-voucher", scene: "sale", go: (shop) => shop.press("F9", "v", "G", "V") },
  { name: "tender-external", scene: "sale", go: (shop) => shop.press("F9", "t", "F9") },
  {
    name: "tender-paylink",
    scene: "sale",
    go: async (shop) => {
      await shop.press("F9", "l", "F9");
      await shop.type("ana@x");
      await shop.press("Enter");
      await shop.sees("qr");
    },
  },
  {
    name: "tender-working",
    scene: "sale",
    go: async (shop) => {
      await shop.till("till.cardMs = 60000");
      await shop.press("F9", "c", "F9");
      await shop.sees("pending");
    },
  },
  {
    name: "tender-unknown",
    scene: "sale",
    go: async (shop) => {
      await shop.till("till.nextCard = 'unknown'");
      await shop.press("F9", "c", "F9");
      await shop.sees("not-known");
    },
  },
  {
    name: "tender-declined",
    scene: "sale",
    go: async (shop) => {
      await shop.till("till.nextCard = 'declined'");
      await shop.press("F9", "c", "F9");
      await shop.page.locator('[data-state="declined"]').waitFor();
    },
  },
  {
    name: "tender-reader",
    scene: "sale",
    go: async (shop) => {
      await shop.till("till.addReaders()");
      await shop.press("F9", "r");
      await shop.page.getByRole("radio", { name: /Card reader/, checked: true }).waitFor();
    },
  },
  {
    name: "tender-at-reader",
    scene: "sale",
    go: async (shop) => {
      await shop.till("till.addReaders()");
      await shop.press("F9", "r", "F9");
      await shop.sees("at-reader");
    },
  },
  {
    name: "tender-reader-canceling",
    scene: "sale",
    go: async (shop) => {
      await shop.till("till.addReaders()");
      await shop.press("F9", "r", "F9");
      await shop.sees("at-reader");
      await shop.till("till.cardMs = 60000");
      await shop.press("Delete");
      await shop.sees("canceling");
    },
  },
  {
    name: "tender-reader-declined",
    scene: "sale",
    go: async (shop) => {
      await shop.till("till.addReaders()");
      await shop.press("F9", "r", "F9");
      await shop.sees("at-reader");
      await shop.till("till.atReader('declined')");
      await shop.sees("reader-no");
    },
  },
  {
    name: "tender-other-reader",
    scene: "sale",
    go: async (shop) => {
      await shop.till("till.addReaders()");
      await shop.till("till.readerSays = 'terminal_reader_busy'");
      await shop.press("F9", "r", "F9");
      await shop.sees("reader-no");
      await shop.press("o");
      await shop.sees("choose-2");
    },
  },
  {
    name: "readers",
    scene: "manager",
    go: async (shop) => {
      await shop.till("till.addReaders()");
      await shop.press("F10", "0");
      await shop.page.getByTestId("readers-says").getByText("Asked Stripe").waitFor();
    },
  },
  {
    name: "readers-none",
    scene: "empty",
    go: async (shop) => {
      await shop.press("F10", "0");
      await shop.sees("readers-list");
    },
  },
  {
    name: "readers-problem",
    scene: "manager",
    go: async (shop) => {
      await shop.till("till.addReaders()");
      await shop.till(
        "till.registerSays = 'Nothing was changed. Stripe does not know this code: read it off the reader again, it changes.'",
      );
      await shop.press("F10", "0");
      await shop.page.getByTestId("readers-says").getByText("Asked Stripe").waitFor();
      await shop.press("n");
      await shop.at("reader-code").fill("puppies-plug-could");
      await shop.at("reader-label").fill("Window");
      await shop.press("Enter");
      await shop.sees("readers-problem");
    },
  },
  {
    name: "readers-register",
    scene: "manager",
    go: async (shop) => {
      await shop.till("till.addReaders()");
      await shop.press("F10", "0");
      await shop.page.getByTestId("readers-says").getByText("Asked Stripe").waitFor();
      await shop.press("n");
      await shop.at("reader-code").fill("puppies-plug-could");
    },
  },
  {
    name: "readers-place",
    scene: "manager",
    go: async (shop) => {
      await shop.press("F10", "0");
      await shop.page.locator('[data-testid="reader-new"]:enabled').waitFor();
      await shop.press("n");
      await shop.sees("place-country");
    },
  },
  {
    name: "done",
    scene: "offline",
    go: async (shop) => {
      await shop.press("F9", "5", "0", "0", "0", "Enter", "c", "F9");
      await shop.sees("screen-done");
    },
  },
  {
    name: "tender-choose",
    scene: "offline",
    go: async (shop) => {
      await shop.press("F9", "c", "F9");
      await shop.page.getByText("Choose how it is paid").waitFor();
    },
  },
  {
    name: "done-change-queued",
    scene: "offline",
    go: async (shop) => {
      await shop.press("F9", "c", "F9", "F5");
      await shop.sees("screen-done");
    },
  },
  {
    name: "refund-queued",
    scene: "offline",
    go: async (shop) => {
      await shop.press("Delete", "F9", "c", "F9");
      await shop.sees("screen-done");
      const receipt = await shop.text("receipt-number");
      await shop.press("Enter", "F6");
      await shop.scan(receipt);
      await shop.press("+", "1", "F9");
      await shop.sees("screen-refund-done");
    },
  },
  {
    name: "outbox-decided",
    scene: "offline",
    go: async (shop) => {
      await shop.press("F11", "Tab", "t");
      await shop.sees("left-list");
    },
  },
  {
    name: "done-change",
    scene: "sale",
    go: async (shop) => {
      await shop.press("F9", "F7");
      await shop.sees("screen-done");
    },
  },
  {
    name: "done-preview",
    scene: "sale",
    go: async (shop) => {
      await shop.press("F9", "F9");
      await shop.sees("screen-done");
      await shop.press("v");
    },
  },
  { name: "refund-find", scene: "empty", go: (shop) => shop.press("F6") },
  {
    name: "refund",
    scene: "empty",
    go: async (shop) => {
      await shop.press("F6");
      await shop.scan("1-024812");
      await shop.press("+", "+", "r", "ArrowDown", "+", "+", "+", "1");
    },
  },
  {
    name: "refund-approval",
    scene: "empty",
    go: async (shop) => {
      await shop.press("F6");
      await shop.scan("1-024812");
      await shop.press("+", "+", "1", "F9");
      await shop.sees("approval");
      await shop.type("0000");
      await shop.press("Enter");
      await shop.sees("pin-wrong");
      await shop.type("98");
    },
  },
  {
    name: "refund-done",
    scene: "empty",
    go: async (shop) => {
      await shop.press("F6");
      await shop.scan("1-024812");
      await shop.press("ArrowDown", "+", "1", "F9");
      await shop.sees("screen-refund-done");
    },
  },
  {
    name: "outbox",
    scene: "offline",
    go: async (shop) => {
      await shop.press("F11", "ArrowDown");
    },
  },
  {
    name: "outbox-declined",
    scene: "offline",
    go: async (shop) => {
      await shop.press("F11", "Tab");
    },
  },
  {
    name: "outbox-settled",
    scene: "empty",
    go: async (shop) => {
      await shop.press("F11", "Tab", "Tab");
    },
  },
  {
    name: "outbox-write-off",
    scene: "offline",
    go: async (shop) => {
      await shop.press("F11", "Tab", "w");
      await shop.sees("approval");
    },
  },
  { name: "menu", scene: "sale", go: (shop) => shop.press("F10") },
  { name: "keys", scene: "sale", go: (shop) => shop.press("F1") },
  {
    name: "paid-out",
    scene: "empty",
    go: async (shop) => {
      await shop.press("F10", "2", "1", "2", "5", "0");
    },
  },
  {
    name: "why",
    scene: "offline",
    go: async (shop) => {
      await shop.press("?");
      await shop.sees("why-step");
    },
  },
  { name: "recent-sales", scene: "empty", go: (shop) => shop.press("F10", "3") },
  {
    name: "reports",
    scene: "offline",
    go: async (shop) => {
      await shop.press("F10", "4");
      await shop.sees("takings");
    },
  },
  {
    name: "reports-z",
    scene: "empty",
    go: async (shop) => {
      await shop.press("F10", "4");
      await shop.sees("takings");
      await shop.press("ArrowDown", "ArrowDown");
    },
  },
  { name: "stripe", scene: "empty", go: (shop) => shop.press("F10", "8") },
  {
    name: "count",
    scene: "offline",
    go: async (shop) => {
      await shop.press("F10", "7");
      await shop.sees("screen-count");
      await shop.press("Enter", "Enter", "Enter", "6", "Enter", "1", "3", "Enter", "8");
    },
  },
  {
    name: "compare-foreign",
    scene: "empty",
    go: async (shop) => {
      await emptySuspended(shop);
      await shop.scan("8400000010016");
      await shop.press("F9", "n", "ArrowRight", "2", "0", "0", "0", "Enter");
      await shop.sees("screen-done");
      await shop.press("Enter");
      await count(shop, "0 0 0 3 2 0 0 2 0 2 0 0 0 2");
      await shop.press("F9");
      await shop.sees("screen-compare");
    },
  },
  {
    name: "compare",
    scene: "empty",
    go: async (shop) => {
      await emptySuspended(shop);
      await count(shop, "0 0 0 3 2 0 0 2 0 2 0 0 0 2");
      await shop.press("F9");
      await shop.sees("screen-compare");
    },
  },
  {
    name: "z-done",
    scene: "empty",
    go: async (shop) => {
      await emptySuspended(shop);
      await count(shop, "0 0 0 4");
      await shop.press("F9");
      await shop.sees("screen-compare");
      await shop.press("F9");
      await shop.page.locator('[data-testid="approval"], [data-testid="screen-z-done"]').first().waitFor();
      if (await shop.at("approval").isVisible()) {
        await shop.type("9876");
        await shop.press("Enter");
      }
      await shop.sees("screen-z-done");
    },
  },
];

export async function emptySuspended(shop: Shop): Promise<void> {
  for (let i = 0; i < 2; i += 1) {
    await shop.press("F5", "Enter");
    await shop.sees("line-0");
    await shop.press("F10", "6");
    await shop.page.getByTestId("no-lines").or(shop.page.locator(".no-lines")).waitFor();
  }
}

export async function count(shop: Shop, pieces: string): Promise<void> {
  await shop.press("F10", "7");
  await shop.sees("screen-count");
  for (const piece of pieces.split(" ")) {
    await shop.type(piece);
    await shop.press("Enter");
  }
}
