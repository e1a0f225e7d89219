// A small WebDriver client for the real window, and what starts and ends it.
//
// Always true:
// - a picture is taken after two animation frames: one taken sooner can be stale;
// - every process that was started here is ended here, with all that it started.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
export const APP = process.env.EVERTILL_APP ?? join(ROOT, "target/debug/evertill");
const PICTURES = join(ROOT, "test-output/window");
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

/** What a person waits at most; a loaded machine is slower than a till. */
const PATIENCE_MS = 60_000;

const KEYS = { Enter: "\uE007", Escape: "\uE00C", Tab: "\uE004", Delete: "\uE017", Backspace: "\uE003" };
["ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"].forEach((name, i) => {
  KEYS[name] = String.fromCharCode(0xe012 + i);
});
for (let i = 1; i <= 12; i += 1) KEYS[`F${i}`] = String.fromCharCode(0xe030 + i);

function freePort() {
  return new Promise((found, failed) => {
    const server = createServer().once("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => found(port));
    });
  });
}

/** Starts a program that is ended, with its children, by `end`. */
export function start(program, args, env = process.env) {
  const child = spawn(program, args, { detached: true, env, stdio: ["ignore", "pipe", "pipe"] });
  const said = { out: "", err: "" };
  child.stdout.on("data", (bytes) => (said.out += bytes));
  child.stderr.on("data", (bytes) => (said.err += bytes));
  const ended = new Promise((done) => {
    child.once("error", (error) => done({ error }));
    child.once("exit", (code, signal) => done({ code, signal }));
  });
  const end = async () => {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await ended;
  };
  return { child, said, ended, end };
}

export function scratch() {
  const folder = mkdtempSync(join(tmpdir(), "evertill-window-"));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export async function until(what, look, patience = PATIENCE_MS) {
  const last = Date.now() + patience;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > last) throw new Error(`not within ${patience} ms: ${what}`);
    await pause(40);
  }
}

export class Window {
  #driver;
  #base;
  #session;
  #size;

  /** Opens the application on a folder, at a size such as "1280x800". */
  static async open(folder, size) {
    const window = new Window();
    window.#size = size;
    const [port, native] = [await freePort(), await freePort()];
    window.#driver = start("tauri-driver", ["--port", String(port), "--native-port", String(native)]);
    window.#base = `http://127.0.0.1:${port}`;
    try {
      await until("tauri-driver answers", async () => {
        const { error } = await Promise.race([window.#driver.ended, pause(0, {})]);
        if (error) throw error;
        return fetch(`${window.#base}/status`).then((answer) => answer.ok, () => false);
      });
      const asked = { application: APP, args: ["--sample", "--data", folder, "--size", size] };
      const { sessionId } = await window.#send("POST", "/session", {
        capabilities: { alwaysMatch: { browserName: "wry", "tauri:options": asked } },
      });
      window.#session = `/session/${sessionId}`;
      await window.run(`
        window.complaints = [];
        const note = (what) => window.complaints.push(String(what));
        addEventListener("error", (e) => note(e.message));
        addEventListener("unhandledrejection", (e) => note(e.reason?.message ?? e.reason));
        addEventListener("securitypolicyviolation", (e) => note(e.violatedDirective + " " + e.blockedURI));
        const log = console.error;
        console.error = (...words) => { note(words.join(" ")); log(...words); };
      `);
    } catch (error) {
      await window.close();
      throw new Error(`the window did not open: ${error.message}\n${window.#driver.said.err}`);
    }
    return window;
  }

  /** Closes the window as a person does, then ends what is left. */
  async close() {
    if (this.#session) await this.#send("DELETE", this.#session).catch(() => {});
    this.#session = undefined;
    await this.#driver.end();
  }

  async #send(method, path, body) {
    const answer = await fetch(this.#base + path, {
      method,
      body: body && JSON.stringify(body),
      headers: { "content-type": "application/json" },
      signal: AbortSignal.timeout(60_000),
    });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path}: ${value?.error}: ${value?.message}`);
    return value;
  }

  /** Runs the body of a function in the page. */
  run(script, ...args) {
    return this.#send("POST", `${this.#session}/execute/sync`, { script, args });
  }

  /** The same for a body that calls `done`. */
  wait(script, ...args) {
    const body = `const done = arguments[arguments.length - 1]; ${script}`;
    return this.#send("POST", `${this.#session}/execute/async`, { script: body, args });
  }

  /** What a command of the till, or of anything else, answers this page. */
  async invoke(command, args = {}) {
    return this.wait(
      `window.__TAURI_INTERNALS__.invoke(arguments[0], arguments[1])
         .then((value) => done({ value }), (refused) => done({ refused }));`,
      command,
      args,
    );
  }

  has(testid) {
    return this.run("return document.querySelector(`[data-testid='${arguments[0]}']`) !== null", testid);
  }

  async sees(testid) {
    await until(`${testid} is shown`, () => this.has(testid)).catch((error) => this.#alsoSay(error));
  }

  async text(testid) {
    await this.sees(testid);
    const text = await this.run(
      "return document.querySelector(`[data-testid='${arguments[0]}']`).textContent",
      testid,
    );
    return text.replace(/\s+/g, " ").trim();
  }

  async reads(testid, expected) {
    const matches = (text) => (expected instanceof RegExp ? expected.test(text) : text === expected);
    let text;
    await until(`${testid} reads ${expected}`, async () => matches((text = await this.text(testid)))).catch(
      (error) => this.#alsoSay(new Error(`${error.message}, but ${JSON.stringify(text)}`)),
    );
    return text;
  }

  async attribute(testid, name, expected) {
    let found;
    await until(`${testid} has ${name}=${expected}`, async () => {
      found = await this.run(
        "return document.querySelector(`[data-testid='${arguments[0]}']`)?.getAttribute(arguments[1]) ?? null",
        testid,
        name,
      );
      return found === expected;
    }).catch((error) => this.#alsoSay(new Error(`${error.message}, but ${JSON.stringify(found)}`)));
  }

  async #alsoSay(error) {
    await this.picture("failed").catch(() => {});
    const page = await this.run("return document.body.innerText").catch(() => "");
    error.message += `\non the screen: ${page.slice(0, 1500)}`;
    throw error;
  }

  async click(testid) {
    await this.sees(testid);
    const found = await this.#send("POST", `${this.#session}/element`, {
      using: "css selector",
      value: `[data-testid="${testid}"]`,
    });
    await this.#send("POST", `${this.#session}/element/${found[ELEMENT]}/click`, {});
  }

  /** By hand: a key, then a moment, as fingers do. */
  async press(...keys) {
    const actions = keys.flatMap((key) => {
      const value = KEYS[key] ?? key;
      return [
        { type: "keyDown", value },
        { type: "keyUp", value },
        { type: "pause", duration: 90 },
      ];
    });
    await this.#send("POST", `${this.#session}/actions`, { actions: [{ type: "key", id: "hands", actions }] });
  }

  type(text) {
    return this.press(...text);
  }

  /** As a scanner: every character at once, then Enter. */
  async scan(code) {
    await this.run(
      `for (const key of [...arguments[0], "Enter"]) {
         const target = document.activeElement ?? document.body;
         target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
         target.dispatchEvent(new KeyboardEvent("keyup", { key, bubbles: true, cancelable: true }));
       }`,
      code,
    );
  }

  /** The page as a PNG. */
  async png() {
    await this.wait("document.fonts.ready.then(() => requestAnimationFrame(() => requestAnimationFrame(done)))");
    return Buffer.from(await this.#send("GET", `${this.#session}/screenshot`), "base64");
  }

  /** Keeps a picture of the page; answers its size. */
  async picture(name) {
    const png = await this.png();
    mkdirSync(PICTURES, { recursive: true });
    writeFileSync(join(PICTURES, `${name}-${this.#size}.png`), png);
    return { width: png.readUInt32BE(16), height: png.readUInt32BE(20) };
  }

  /** What went wrong in the page and was shown to nobody. */
  complaints() {
    return this.run("return window.complaints");
  }
}
