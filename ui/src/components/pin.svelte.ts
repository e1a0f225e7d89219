// A PIN as it is typed.
//
// Always true:
// - it is sent once, then forgotten;
// - it goes by itself: at once when its length is known from an earlier sign-in, otherwise when four or
//   more digits are followed by a pause, or by Enter.

const PAUSE_MS = 900;
const SHORTEST = 4;
const LONGEST = 8;

/** How long each person's PIN turned out to be; in memory, while the window is open. */
const lengths = new Map<string, number>();

export class PinState {
  typed = $state("");
  #send: (pin: string) => void;
  #who: () => string | null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(who: () => string | null, send: (pin: string) => void) {
    this.#who = who;
    this.#send = send;
  }

  press(digit: string): void {
    if (!/^\d$/.test(digit) || this.typed.length >= LONGEST) return;
    clearTimeout(this.#timer);
    this.typed += digit;
    const known = lengths.get(this.#who() ?? "");
    if (known === undefined) {
      if (this.typed.length >= SHORTEST) this.#timer = setTimeout(() => this.enter(), PAUSE_MS);
    } else if (this.typed.length === known) this.enter();
  }

  erase(): void {
    clearTimeout(this.#timer);
    this.typed = this.typed.slice(0, -1);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.typed = "";
  }

  enter(): void {
    const pin = this.typed;
    this.clear();
    if (pin.length >= SHORTEST) this.#send(pin);
  }

  /** It was right: its length is remembered. */
  static remember(user: string, pin: string): void {
    lengths.set(user, pin.length);
  }

  static forget(user: string): void {
    lengths.delete(user);
  }

  /** Takes the keys of a PIN. True when taken. */
  key(name: string): boolean {
    if (name === "Backspace") this.erase();
    else if (name === "Delete") this.clear();
    else if (name === "Enter" && this.typed.length > 0) this.enter();
    else return false;
    return true;
  }

  character(character: string): boolean {
    if (!/^\d$/.test(character)) return false;
    this.press(character);
    return true;
  }
}
