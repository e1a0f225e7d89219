// Tells a scan from typing by its speed.
//
// Always true:
// - a character is held back for a moment (GAP_MS); if more arrive as fast and Enter follows, it was
//   a scan and no field and no screen sees any of it;
// - otherwise the characters are handed on in order, as typed;
// - a key that is not a character hands on what is held first, so nothing overtakes anything;
// - what a scanner types for the group separator between two GS1 elements reaches the code as that.

export const GAP_MS = 40;
export const SHORTEST = 7;

/** Stands for FNC1 between two GS1 elements (General Specifications, 7.8.3). */
export const SEPARATOR = "\u001d";

export interface ScannerSink {
  /** A whole code. */
  scan(code: string): void;
  /** One character that was typed by hand; of a separator, `origin` says by which key. */
  type(character: string, origin: KeyboardEvent): void;
}

interface Held {
  character: string;
  event: KeyboardEvent;
}

/**
 * A keyboard has no key for the separator. Scanners type Ctrl+], as a terminal does, or F8, or the
 * character itself, each by how it is set. F8 is a key of the till as well: it is the separator only
 * in the middle of a burst.
 */
function isSeparator(event: KeyboardEvent, inBurst: boolean): boolean {
  if (event.key === SEPARATOR) return true;
  if (event.ctrlKey && !event.altKey && !event.metaKey)
    return event.key === "]" || event.code === "BracketRight";
  return event.key === "F8" && inBurst;
}

export class Scanner {
  #sink: ScannerSink;
  #held: Held[] = [];
  #last = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(sink: ScannerSink) {
    this.#sink = sink;
  }

  /** True when the key was taken; the caller does nothing more with it. */
  onkeydown(event: KeyboardEvent): boolean {
    if (
      event.isComposing ||
      event.key === "Process" ||
      event.key === "Dead" ||
      event.key === "Unidentified"
    ) {
      this.flush();
      return false;
    }
    const chord = event.ctrlKey || event.altKey || event.metaKey;
    if (event.key === "Enter" && this.#isScan(event)) {
      const code = this.#held.map((held) => held.character).join("");
      this.#forget();
      event.preventDefault();
      this.#sink.scan(code);
      return true;
    }
    if (this.#held.length > 0 && event.timeStamp - this.#last > GAP_MS && event.key !== "Enter") this.flush();
    const separator = isSeparator(event, this.#held.length > 0);
    if ((separator || (!chord && event.key.length === 1 && event.key !== " ")) && !event.repeat) {
      this.#held.push({ character: separator ? SEPARATOR : event.key, event });
      this.#last = event.timeStamp;
      event.preventDefault();
      this.#arm();
      return true;
    }
    // A scanner presses these before the character that they make.
    if (event.key !== "Shift" && event.key !== "Control") this.flush();
    return false;
  }

  /** Hands on what is held, as typing. */
  flush(): void {
    const held = this.#held;
    this.#forget();
    for (const { character, event } of held) this.#sink.type(character, event);
  }

  #isScan(enter: KeyboardEvent): boolean {
    return (
      this.#held.length >= SHORTEST &&
      enter.timeStamp - this.#last <= GAP_MS * 2 &&
      this.#held.some((held) => /\d/.test(held.character))
    );
  }

  // A busy window runs its timers late while the keys still wait in line: give those keys one more turn.
  #arm(late = false): void {
    clearTimeout(this.#timer);
    const due = performance.now() + GAP_MS;
    this.#timer = setTimeout(() => {
      if (!late && performance.now() > due + GAP_MS) this.#arm(true);
      else this.flush();
    }, GAP_MS);
  }

  #forget(): void {
    clearTimeout(this.#timer);
    this.#held = [];
  }
}

/** Puts a character where the cursor is, so that the field's own handlers see it. */
export function insertIntoField(character: string): boolean {
  const field = document.activeElement;
  if (
    !(field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) ||
    field.readOnly ||
    field.disabled
  ) {
    return false;
  }
  if (typeof document.execCommand === "function" && document.execCommand("insertText", false, character))
    return true;
  const start = field.selectionStart ?? field.value.length;
  const end = field.selectionEnd ?? field.value.length;
  field.setRangeText(character, start, end, "end");
  field.dispatchEvent(new InputEvent("input", { bubbles: true, data: character, inputType: "insertText" }));
  return true;
}

/** A short low tone: this screen cannot take a scan. */
export function beepLow(): void {
  try {
    const audio = new AudioContext();
    const tone = audio.createOscillator();
    const gain = audio.createGain();
    tone.type = "square";
    tone.frequency.value = 196;
    gain.gain.value = 0.06;
    tone.connect(gain).connect(audio.destination);
    tone.start();
    tone.stop(audio.currentTime + 0.18);
    tone.onended = () => void audio.close();
  } catch {
    // No sound here; the words on screen say it too.
  }
}
