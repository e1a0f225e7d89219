// Who hears a key: the layer opened last, then the ones under it, then the window's own keys.
//
// Always true:
// - a layer that is `modal` hears every key and lets none through to the screen under it;
// - a character typed into a field belongs to the field, unless the layer takes it first;
// - what a key opens is open before the next key is heard, however fast the hand;
// - Enter on a control marked `data-money` does nothing: a scanner ends every scan with it;
// - a key that decides something acts once each time it is pressed, however long it is held.

import { flushSync } from "svelte";
import { beepLow, insertIntoField, Scanner, SEPARATOR } from "./scanner.svelte";

/** What moves money or leaves a screen. Arrows, Backspace and the like go on while they are held. */
const ONCE = /^(F\d+|Enter|Delete|Escape)$/;

export interface Layer {
  /** Named keys: "F9", "Escape", "ArrowUp", "Delete", "Enter", "Tab"… True when taken. */
  key?(name: string, event: KeyboardEvent): boolean;
  /** One character typed by hand. True when taken. */
  character?(character: string, field: boolean): boolean;
  /** A scan. True when taken. */
  scan?(code: string): boolean;
  modal?: boolean;
}

export class Keys {
  #layers: Layer[] = [];
  #scanner: Scanner;
  /** Told when no layer can take a scan. */
  onrefused: (code: string) => void = () => {};

  constructor() {
    this.#scanner = new Scanner({
      scan: (code) => this.#scan(code),
      type: (character, origin) => {
        if (character !== SEPARATOR) this.#type(character);
        else if (origin.key === "F8") this.#named(origin.key, origin);
      },
    });
  }

  /** Adds a layer on top; the answer takes it away. */
  push(layer: Layer): () => void {
    this.#layers.push(layer);
    return () => {
      this.#layers = this.#layers.filter((other) => other !== layer);
    };
  }

  listen(target: Window): () => void {
    const down = (event: KeyboardEvent) => this.#down(event);
    target.addEventListener("keydown", down, { capture: true });
    return () => target.removeEventListener("keydown", down, { capture: true });
  }

  #down(event: KeyboardEvent): void {
    if (this.#scanner.onkeydown(event)) return;
    // A held key would go through the next screen as well, and pay there. In a field Delete is the field's.
    if (event.repeat && ONCE.test(event.key)) {
      if (event.key === "Delete" && isField(document.activeElement)) return;
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (event.key.length === 1 && event.key !== " " && event.ctrlKey && event.key.toLowerCase() !== "z")
      return;
    if (event.key === "Enter" && isMoney(document.activeElement)) {
      event.preventDefault();
      if (!this.#named("Enter", event)) event.stopPropagation();
      return;
    }
    const name = event.ctrlKey && event.key.toLowerCase() === "z" ? "Undo" : event.key;
    if (this.#named(name, event)) {
      event.preventDefault();
      event.stopPropagation();
    } else if (/^F\d+$/.test(event.key)) {
      event.preventDefault();
    }
  }

  #named(name: string, event: KeyboardEvent): boolean {
    for (const layer of this.#top()) {
      if (layer.key?.(name, event)) {
        flushSync();
        return true;
      }
      if (layer.modal) return false;
    }
    return false;
  }

  #type(character: string): void {
    const field = isField(document.activeElement);
    for (const layer of this.#top()) {
      if (layer.character?.(character, field)) {
        flushSync();
        return;
      }
      if (layer.modal) break;
    }
    if (field) {
      insertIntoField(character);
      flushSync();
    }
  }

  #scan(code: string): void {
    for (const layer of this.#top()) {
      if (layer.scan?.(code)) {
        flushSync();
        return;
      }
      if (layer.modal) break;
    }
    beepLow();
    this.onrefused(code);
  }

  #top(): Layer[] {
    return [...this.#layers].reverse();
  }
}

export function isField(element: Element | null): boolean {
  return (
    element instanceof HTMLTextAreaElement ||
    (element instanceof HTMLInputElement && !["checkbox", "radio", "button"].includes(element.type))
  );
}

function isMoney(element: Element | null): boolean {
  return element instanceof HTMLElement && element.closest("[data-money]") !== null;
}
