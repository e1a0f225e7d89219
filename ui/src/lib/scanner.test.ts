import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Keys } from "./keys";
import { GAP_MS, Scanner } from "./scanner.svelte";

let heard: string[];
let scanner: Scanner;
let at: number;

beforeEach(() => {
  vi.useFakeTimers();
  heard = [];
  at = 1000;
  scanner = new Scanner({
    scan: (code) => heard.push(`scan ${code}`),
    type: (character) => heard.push(character),
  });
});
afterEach(() => {
  scanner.flush();
  vi.useRealTimers();
  document.body.replaceChildren();
});

function key(name: string, options: KeyboardEventInit = {}): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key: name, cancelable: true, bubbles: true, ...options });
  Object.defineProperty(event, "timeStamp", { value: at });
  return event;
}

function keys(text: string, gap: number): void {
  for (const character of text) {
    at += gap;
    vi.advanceTimersByTime(gap);
    scanner.onkeydown(key(character));
  }
}

function enter(gap: number): KeyboardEvent {
  at += gap;
  vi.advanceTimersByTime(gap);
  const event = key("Enter");
  scanner.onkeydown(event);
  return event;
}

describe("a scan is told from typing by its speed", () => {
  it("fast characters and Enter are a scan, and nothing is typed", () => {
    keys("8700000010154", 5);
    const end = enter(5);
    vi.advanceTimersByTime(500);
    expect(heard).toEqual(["scan 8700000010154"]);
    expect(end.defaultPrevented).toBe(true);
  });

  it("a receipt's number scans too", () => {
    keys("1-000123", 8);
    enter(8);
    expect(heard).toEqual(["scan 1-000123"]);
  });

  it.each([
    ["the character itself", [["\u001d", {}]]],
    [
      "Ctrl and ]",
      [
        ["Control", { ctrlKey: true }],
        ["]", { ctrlKey: true, code: "BracketRight" }],
      ],
    ],
    ["Ctrl and ] on a keyboard that has it elsewhere", [["+", { ctrlKey: true, code: "BracketRight" }]]],
    ["F8", [["F8", {}]]],
  ] as [string, [string, KeyboardEventInit][]][])(
    "the separator of a GS1 code, typed as %s, is in the scan",
    (_, pressed) => {
      keys("0109501101530003", 5);
      keys("10AB-1", 5);
      for (const [name, options] of pressed) {
        at += 5;
        vi.advanceTimersByTime(5);
        const event = key(name, options);
        const taken = scanner.onkeydown(event);
        expect([taken, event.defaultPrevented]).toEqual(name === "Control" ? [false, false] : [true, true]);
      }
      keys("3103001750", 5);
      enter(5);
      vi.advanceTimersByTime(500);
      expect(heard).toEqual(["scan 010950110153000310AB-1\u001d3103001750"]);
    },
  );

  it("F8 by hand is the till's key, alone and after a character", () => {
    const alone = key("F8");
    expect(scanner.onkeydown(alone)).toBe(false);
    const layers = new Keys();
    layers.push({
      key: (name) => {
        heard.push(name);
        return true;
      },
      character: (character) => {
        heard.push(character);
        return true;
      },
    });
    const stop = layers.listen(window);
    window.dispatchEvent(key("F8"));
    window.dispatchEvent(key("3"));
    at += 10;
    window.dispatchEvent(key("F8"));
    vi.advanceTimersByTime(GAP_MS + 1);
    stop();
    expect(heard).toEqual(["F8", "3", "F8"]);
  });

  it("slow characters are typing, each handed on after a moment", () => {
    keys("8700000010154", 90);
    vi.advanceTimersByTime(GAP_MS + 1);
    enter(90);
    expect(heard.join("")).toBe("8700000010154");
  });

  it("a few fast digits and Enter are a typed amount", () => {
    keys("4150", 10);
    enter(10);
    expect(heard).toEqual(["4", "1", "5", "0"]);
  });

  it("a fast word without a figure is typing", () => {
    keys("croissant", 10);
    enter(10);
    expect(heard.join("")).toBe("croissant");
  });

  it("a burst that Enter does not end is typing, in its order", () => {
    keys("8700000010154", 5);
    vi.advanceTimersByTime(200);
    enter(200);
    expect(heard.join("")).toBe("8700000010154");
  });

  it("nothing overtakes what is held: another key hands it on first", () => {
    keys("ab", 5);
    expect(heard).toEqual([]);
    scanner.onkeydown(key("Backspace"));
    expect(heard).toEqual(["a", "b"]);
  });

  it("a composed character is left to the platform", () => {
    const event = key("Dead");
    expect(scanner.onkeydown(event)).toBe(false);
    expect(event.defaultPrevented).toBe(false);
  });

  it("a scan never lands in the field that has the focus, typing does", () => {
    const field = document.createElement("input");
    document.body.append(field);
    field.focus();
    const window_keys = new Keys();
    const scans: string[] = [];
    window_keys.push({
      scan: (code) => {
        scans.push(code);
        return true;
      },
    });
    const stop = window_keys.listen(window);
    const send = (text: string, gap: number): void => {
      for (const character of text) {
        at += gap;
        vi.advanceTimersByTime(gap);
        field.dispatchEvent(key(character));
      }
    };
    send("8700000010154", 5);
    field.dispatchEvent(key("Enter"));
    expect(scans).toEqual(["8700000010154"]);
    expect(field.value).toBe("");
    send("pan", 90);
    vi.advanceTimersByTime(GAP_MS + 1);
    expect(field.value).toBe("pan");
    stop();
  });
});

describe("who hears a key", () => {
  it("a modal layer hears all and lets none through", () => {
    const layers = new Keys();
    const under: string[] = [];
    layers.push({
      key: (name) => {
        under.push(name);
        return true;
      },
    });
    const pop = layers.push({ modal: true, key: () => false });
    const stop = layers.listen(window);
    window.dispatchEvent(key("F9"));
    expect(under).toEqual([]);
    pop();
    window.dispatchEvent(key("F9"));
    expect(under).toEqual(["F9"]);
    stop();
  });

  it("a held key decides once, and arrows go on", () => {
    const layers = new Keys();
    const heard: string[] = [];
    layers.push({
      key: (name) => {
        heard.push(name);
        return true;
      },
    });
    const stop = layers.listen(window);
    for (const name of ["F9", "Delete", "Enter", "Escape", "ArrowDown", "Backspace"]) {
      window.dispatchEvent(key(name));
      const held = new KeyboardEvent("keydown", { key: name, repeat: true, bubbles: true, cancelable: true });
      window.dispatchEvent(held);
      expect(held.defaultPrevented).toBe(true);
    }
    expect(heard).toEqual([
      "F9",
      "Delete",
      "Enter",
      "Escape",
      "ArrowDown",
      "ArrowDown",
      "Backspace",
      "Backspace",
    ]);
    stop();
  });

  it("Enter on a control that moves money does nothing", () => {
    const layers = new Keys();
    const stop = layers.listen(window);
    const button = document.createElement("button");
    button.dataset.money = "";
    document.body.append(button);
    button.focus();
    const event = key("Enter");
    button.dispatchEvent(event);
    expect(event.defaultPrevented).toBe(true);
    stop();
  });
});
