// Tells a scan from typing by its speed.
//
// Always true:
// - a character is held back for a moment (GAP_MS); if more arrive as fast and Enter follows, it was
//   a scan and no field and no screen sees any of it;
// - otherwise the characters are handed on in order, as typed;
// - a key that is not a character hands on what is held first, so nothing overtakes anything.

export const GAP_MS = 40;
export const SHORTEST = 7;

export interface ScannerSink {
  /** A whole code. */
  scan(code: string): void;
  /** One character that was typed by hand. */
  type(character: string, origin: KeyboardEvent): void;
}

interface Held {
  character: string;
  event: KeyboardEvent;
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
    if (!chord && event.key.length === 1 && event.key !== " " && !event.repeat) {
      if (this.#held.length > 0 && event.timeStamp - this.#last > GAP_MS) this.flush();
      this.#held.push({ character: event.key, event });
      this.#last = event.timeStamp;
      event.preventDefault();
      this.#arm();
      return true;
    }
    if (event.key !== "Shift") this.flush();
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
