// Closing a shift: a blind count, the comparison, the Z report.
//
// Always true:
// - nothing that is expected is on the screen, or in the window at all, while the drawer is counted;
// - the running sum of pieces is only what the hands have typed so far: the till counts it again.

import type { Till } from "../../../app.svelte";
import type { CompareView } from "../../../ipc/gen/CompareView";
import type { CountView } from "../../../ipc/gen/CountView";
import type { MoneyView } from "../../../ipc/gen/MoneyView";
import type { ReportView } from "../../../ipc/gen/ReportView";
import { toDecimal, withMinor } from "../../../lib/money";

export const NOTES = ["Not found", "Wrong change given", "Missing slip", "Other"];

export class CloseState {
  #till: Till;
  view = $state<CountView | null>(null);
  pieces = $state<number[]>([]);
  /** Notes of other currencies, in the till's order. */
  foreign = $state<MoneyView[]>([]);
  at = $state(0);
  compare = $state<CompareView | null>(null);
  note = $state(0);
  words = $state("");
  nextFloat = $state("");
  report = $state<ReportView | null>(null);
  #fresh = true;
  #busy = false;

  constructor(till: Till) {
    this.#till = till;
  }

  get denominations(): MoneyView[] {
    return this.view?.denominations ?? [];
  }

  /** What this many pieces come to. */
  worth(index: number): MoneyView {
    const face = this.denominations[index];
    return face ? withMinor(face, face.minor * (this.pieces[index] ?? 0)) : this.#zero();
  }

  counted(from = 0, to = this.denominations.length): MoneyView {
    let sum = 0;
    for (let i = from; i < to; i += 1) sum += this.worth(i).minor;
    return withMinor(this.#zero(), sum);
  }

  async load(): Promise<void> {
    const view = await this.#till.fetch(() => this.#till.commands.countView());
    if (view) this.#start(view);
  }

  /** Nothing is short or over, of any currency. */
  get agrees(): boolean {
    const compare = this.compare;
    return compare?.difference.minor === 0 && compare.foreign.every((each) => each.difference.minor === 0);
  }

  choose(index: number): void {
    const last = this.denominations.length + this.foreign.length - 1;
    this.at = Math.max(0, Math.min(last, index));
    this.#fresh = true;
  }

  digit(digit: string): void {
    const before = this.#fresh ? "" : String(this.#typed());
    this.#fresh = false;
    this.#set(this.at, Number((before + digit).slice(0, this.#isForeign(this.at) ? 9 : 4)));
  }

  erase(): void {
    this.#set(this.at, Math.floor(this.#typed() / 10));
    this.#fresh = false;
  }

  step(index: number, by: number): void {
    if (this.#isForeign(index)) return;
    this.at = index;
    this.#fresh = true;
    this.#set(index, Math.max(0, (this.pieces[index] ?? 0) + by));
  }

  async finish(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    const pieces = this.denominations.map((face, i) => ({
      denomination_minor: face.minor,
      pieces: this.pieces[i] ?? 0,
    }));
    const foreign = this.foreign.map((each) => ({ currency: each.currency, amount: toDecimal(each) }));
    this.compare = (await this.#till.run(() => this.#till.commands.count(pieces, foreign))) ?? null;
    this.#busy = false;
  }

  async recount(): Promise<void> {
    if (!this.compare?.can_recount || this.#busy) return;
    this.#busy = true;
    const view = await this.#till.run(() => this.#till.commands.recount());
    this.#busy = false;
    if (view) this.#start(view);
  }

  async close(nextFloat: string | null): Promise<void> {
    const compare = this.compare;
    if (!compare || this.#busy) return;
    this.#busy = true;
    const note = this.words.trim() || (this.agrees ? "" : (NOTES[this.note] ?? ""));
    const report = await this.#till.allowed(
      {
        title: `Close with ${this.#till.money(compare.difference)}: manager PIN`,
        sub: `Shift ${compare.z_number} · ${note} · asked by ${this.#till.boot?.session?.name ?? ""}`,
        nothing: "The shift stays open.",
        decline: "Do not close",
        reason: note || "Difference",
      },
      (approval) => this.#till.commands.close(note, nextFloat, approval),
      compare.needs_manager && this.#till.boot?.session?.role === "cashier",
    );
    this.#busy = false;
    if (!report) return;
    this.report = report;
    if (report.printer) this.#till.say("risk", report.printer);
  }

  #isForeign(index: number): boolean {
    return index >= this.denominations.length;
  }

  #typed(): number {
    const foreign = this.foreign[this.at - this.denominations.length];
    return foreign ? foreign.minor : (this.pieces[this.at] ?? 0);
  }

  #set(index: number, pieces: number): void {
    if (this.#isForeign(index)) {
      const at = index - this.denominations.length;
      this.foreign = this.foreign.map((each, i) => (i === at ? withMinor(each, pieces) : each));
      return;
    }
    this.pieces = this.pieces.map((each, i) => (i === index ? Math.min(9999, pieces) : each));
  }

  #start(view: CountView): void {
    this.view = view;
    this.compare = null;
    this.pieces = view.denominations.map(() => 0);
    this.foreign = view.foreign;
    this.choose(0);
  }

  #zero(): MoneyView {
    return { minor: 0, ...this.#till.currency };
  }
}
