// The window in a real browser: open it on a scene, type, look.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import { inject } from "vitest";

const SHOTS = process.env.UI_SHOTS;
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--mute-audio",
    ],
  });
}

export interface Look {
  width?: number;
  height?: number;
  dark?: boolean;
}

export class Shop {
  /** Keys pressed since `forget`. */
  keys = 0;
  readonly complaints: string[] = [];
  readonly page: Page;

  private constructor(page: Page) {
    this.page = page;
  }

  static async open(browser: Browser, scene: string, look: Look = {}): Promise<Shop> {
    const context = await browser.newContext({
      viewport: { width: look.width ?? 1280, height: look.height ?? 800 },
      colorScheme: look.dark ? "dark" : "light",
      reducedMotion: "reduce",
      timezoneId: "Europe/Madrid",
    });
    const page = await context.newPage();
    const shop = new Shop(page);
    page.on("console", (message) => {
      if (message.type() === "error") shop.complaints.push(message.text());
    });
    page.on("pageerror", (error) => shop.complaints.push(String(error)));
    await page.goto(`${inject("address")}/?scene=${scene}`);
    await page.locator("main").waitFor();
    await page.evaluate(() => document.fonts.ready);
    return shop;
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }

  at(testid: string) {
    return this.page.getByTestId(testid);
  }

  async sees(testid: string): Promise<void> {
    await this.at(testid).first().waitFor({ timeout: 5000 });
  }

  async text(testid: string): Promise<string> {
    return ((await this.at(testid).first().textContent()) ?? "").trim();
  }

  /** By hand: a key, then a moment, as fingers do. */
  async press(...keys: string[]): Promise<void> {
    for (const key of keys) {
      await this.page.keyboard.press(key);
      this.keys += 1;
      await this.page.waitForTimeout(70);
    }
  }

  async type(text: string): Promise<void> {
    for (const character of text) await this.press(character);
  }

  /** A scanner: every character at once, then Enter. It counts as no key. */
  async scan(code: string): Promise<void> {
    const cdp = await this.page.context().newCDPSession(this.page);
    const keys = [...code].map((character) => ({ key: character, text: character }));
    // All at once: waiting for each to arrive would be slower than any scanner.
    await Promise.all(
      [...keys, { key: "Enter", text: "\r" }].map((key) =>
        cdp.send("Input.dispatchKeyEvent", { type: "keyDown", ...key }),
      ),
    );
    await cdp.detach();
    await this.page.waitForTimeout(70);
  }

  /** Runs something on the fake till behind the window. */
  async till(script: string): Promise<unknown> {
    return await this.page.evaluate(script.replaceAll("till", "window.fakeTill"));
  }

  async shot(name: string): Promise<void> {
    if (!SHOTS) return;
    mkdirSync(SHOTS, { recursive: true });
    await this.page.waitForTimeout(120);
    await this.page.screenshot({ path: join(SHOTS, `${name}.png`) });
  }
}
