// Every screen is drawn at both sizes, keeps to its room, and can be read by everyone.

import { createRequire } from "node:module";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PLACES } from "./screens";
import { launch, Shop } from "./window";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const DARK = [
  "sell",
  "sell-offline",
  "sell-promotion",
  "tender-offline",
  "done",
  "refund",
  "outbox",
  "reports",
  "menu",
  "signin-locked",
];

interface Violation {
  id: string;
  impact: string;
  targets: string[];
}

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
});

async function violations(shop: Shop): Promise<Violation[]> {
  // Run by the test, not by the page: the page's policy allows no script but its own.
  await shop.page.evaluate((await import("node:fs")).readFileSync(AXE, "utf8"));
  return await shop.page.evaluate(async () => {
    const axe = (window as unknown as { axe: { run(options: object): Promise<{ violations: never[] }> } })
      .axe;
    const result = await axe.run({ resultTypes: ["violations"] });
    return (
      result.violations as { id: string; impact: string; nodes: { target: string[]; html: string }[] }[]
    )
      .filter((each) => each.impact === "serious" || each.impact === "critical")
      .map((each) => ({
        id: each.id,
        impact: each.impact,
        targets: each.nodes.map((node) => `${node.target.join(" ")}  ${node.html.slice(0, 120)}`),
      }));
  });
}

/** Controls and text that reach out of the window, and money that is cut. */
async function overflow(shop: Shop): Promise<string[]> {
  return await shop.page.evaluate(() => {
    const found: string[] = [];
    const [w, h] = [innerWidth, innerHeight];
    const root = document.querySelector("dialog[open]") ?? document.body;
    for (const element of root.querySelectorAll<HTMLElement>("button, h1, .money, input, .btn, p")) {
      const box = element.getBoundingClientRect();
      if (box.width === 0 || box.height === 0) continue;
      const scrolled = element.closest(
        ".scrolls, .tiles, .chips, .lines, .options, .paper-well, .key-maps, .tenders, .rlines, .story-room, .countries, .settle, .dens ul, .choose-list, .ap-left, .menu-grid",
      );
      if (!scrolled && (box.right > w + 1 || box.bottom > h + 1 || box.left < -1 || box.top < -1)) {
        found.push(`out of the window: ${element.className} ${element.textContent?.slice(0, 40)}`);
      }
      if (
        element.matches(".money, .btn, kbd") &&
        element.scrollWidth > element.clientWidth + 2 &&
        element.clientWidth > 0 &&
        getComputedStyle(element).display !== "inline"
      ) {
        found.push(`cut: ${element.className} ${element.textContent?.slice(0, 40)}`);
      }
    }
    if (document.documentElement.scrollHeight > h + 1 || document.documentElement.scrollWidth > w + 1) {
      found.push(
        `the page scrolls: ${document.documentElement.scrollWidth}×${document.documentElement.scrollHeight}`,
      );
    }
    return found;
  });
}

describe.each(PLACES)("$name", ({ name, scene, go }) => {
  it.each([
    [1280, 800],
    [1024, 768],
  ])("at %d × %d", async (width, height) => {
    const shop = await Shop.open(browser, scene, { width, height });
    try {
      await go(shop);
      await shop.shot(width === 1280 ? name : `${name}-1024`);
      expect(await overflow(shop)).toEqual([]);
      if (width === 1280) expect(await violations(shop)).toEqual([]);
      expect(shop.complaints).toEqual([]);
    } finally {
      await shop.close();
    }
  });

  it.runIf(DARK.includes(name))("in the dark", async () => {
    const shop = await Shop.open(browser, scene, { dark: true });
    try {
      await go(shop);
      await shop.shot(`${name}-dark`);
      expect(await violations(shop)).toEqual([]);
    } finally {
      await shop.close();
    }
  });
});
