// Digits as they are typed; from the smallest unit, so no point is needed.

export class AmountState {
  digits = $state("");
  #most: number;

  constructor(start = "", most = 9) {
    this.digits = start;
    this.#most = most;
  }

  get touched(): boolean {
    return this.digits !== "";
  }

  press(digits: string): void {
    const next = (this.digits + digits).replace(/^0+(?=\d)/, "");
    if (next.length <= this.#most) this.digits = next;
  }

  erase(): void {
    this.digits = this.digits.slice(0, -1);
  }

  clear(): void {
    this.digits = "";
  }

  /** True when it was a digit. A point or a comma is passed over: digits fill from the cents. */
  character(character: string): boolean {
    if (/^\d$/.test(character)) this.press(character);
    else if (character !== "." && character !== ",") return false;
    return true;
  }
}
