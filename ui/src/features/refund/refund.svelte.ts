// Taking goods back.
//
// Always true:
// - what a refund comes to and where it goes is the till's answer to a quote, never worked out here;
// - never more of a line than is left of it.

import type { Till } from "../../app.svelte";
import type { RefundDoneView } from "../../ipc/gen/RefundDoneView";
import type { RefundLineInput } from "../../ipc/gen/RefundLineInput";
import type { RefundLineView } from "../../ipc/gen/RefundLineView";
import type { RefundQuoteView } from "../../ipc/gen/RefundQuoteView";
import type { RefundSourceView } from "../../ipc/gen/RefundSourceView";
import type { MoneyView } from "../../ipc/gen/MoneyView";
import type { SaleSummaryView } from "../../ipc/gen/SaleSummaryView";

interface Taken {
  quantity: string;
  restock: boolean;
}

export class RefundState {
  #till: Till;
  recent = $state<SaleSummaryView[]>([]);
  recentAt = $state(0);
  source = $state<RefundSourceView | null>(null);
  quote = $state<RefundQuoteView | null>(null);
  taken = $state<Record<string, Taken>>({});
  at = $state(0);
  reason = $state<string | null>(null);
  weighing = $state<RefundLineView | null>(null);
  done = $state<RefundDoneView | null>(null);
  #quotes = 0;
  #finding: Promise<void> = Promise.resolve();
  #quoting: Promise<void> = Promise.resolve();
  #committing = false;

  constructor(till: Till) {
    this.#till = till;
  }

  get line(): RefundLineView | null {
    return this.source?.lines[this.at] ?? null;
  }

  get #inputs(): RefundLineInput[] {
    return (this.source?.lines ?? []).flatMap((line) => {
      const taken = this.taken[line.id];
      return taken && Number(taken.quantity) > 0
        ? [{ line: line.id, quantity: taken.quantity, restock: taken.restock }]
        : [];
    });
  }

  get anything(): boolean {
    return this.#inputs.length > 0;
  }

  get reasonName(): string {
    return this.source?.reasons.find((each) => each.code === this.reason)?.name ?? "";
  }

  quantity(line: RefundLineView): string {
    return this.taken[line.id]?.quantity ?? "0";
  }

  restock(line: RefundLineView): boolean {
    return this.taken[line.id]?.restock ?? false;
  }

  /** The quote's value of a line; nothing while it is not taken back. */
  value(line: RefundLineView): MoneyView | null {
    const at = this.#inputs.findIndex((input) => input.line === line.id);
    return at < 0 ? null : (this.quote?.lines[at] ?? null);
  }

  async load(receipt: string | null): Promise<void> {
    if (receipt !== null) {
      await this.find(receipt);
      return;
    }
    this.recent = (await this.#till.fetch(() => this.#till.commands.recentSales())) ?? [];
  }

  async find(receipt: string): Promise<void> {
    const wanted = receipt.trim();
    if (wanted === "") return;
    this.#finding = (async () => {
      const source = await this.#till.run(() => this.#till.commands.refundFind(wanted));
      if (!source) return;
      this.source = source;
      this.quote = null;
      this.taken = {};
      this.reason = null;
      this.done = null;
      this.at = Math.max(
        0,
        source.lines.findIndex((line) => Number(line.left) > 0 && !line.is_deposit),
      );
    })();
    await this.#finding;
  }

  forget(): void {
    this.source = null;
    this.quote = null;
    this.taken = {};
    this.reason = null;
    void this.load(null);
  }

  move(step: number): void {
    if (!this.source) this.recentAt = Math.max(0, Math.min(this.recent.length - 1, this.recentAt + step));
    else this.at = Math.max(0, Math.min(this.source.lines.length - 1, this.at + step));
  }

  /** One more or one less; weighed goods go whole or not at all, unless a weight is typed. */
  async step(by: 1 | -1, which?: RefundLineView): Promise<void> {
    await this.#finding;
    const line = which ?? this.line;
    if (!line) return;
    const now = Number(this.quantity(line));
    const wanted = line.weighed ? (by > 0 ? Number(line.left) : 0) : now + by;
    if (wanted < 0 || wanted > Number(line.left)) return;
    this.set(line, line.weighed ? (wanted === 0 ? "0" : line.left) : String(wanted));
  }

  set(line: RefundLineView, quantity: string): void {
    const before = this.taken[line.id];
    this.taken = { ...this.taken, [line.id]: { quantity, restock: before?.restock ?? !line.weighed } };
    this.weighing = null;
    this.#quoting = this.#ask();
  }

  toggleRestock(which?: RefundLineView): void {
    const line = which ?? this.line;
    if (!line || Number(this.quantity(line)) === 0) return;
    this.taken = {
      ...this.taken,
      [line.id]: { quantity: this.quantity(line), restock: !this.restock(line) },
    };
  }

  async because(index: number): Promise<void> {
    await this.#finding;
    const reason = this.source?.reasons[index];
    if (reason) this.reason = reason.code;
  }

  async commit(): Promise<void> {
    await this.#finding;
    await this.#quoting;
    const [source, quote, inputs, reason] = [this.source, this.quote, this.#inputs, this.reason];
    if (!source || !quote || inputs.length === 0 || this.#committing) return;
    if (reason === null) {
      this.#till.say("plain", "Say why first: choose a reason. Nothing was refunded.");
      return;
    }
    this.#committing = true;
    const sum = this.#till.money(quote.total);
    const over = this.#till.boot?.shop?.refund_threshold;
    const done = await this.#till.allowed(
      {
        title: over
          ? `Refund ${sum} is over ${this.#till.money(over)}: manager PIN`
          : `Refund ${sum}: manager PIN`,
        sub: `Receipt ${source.receipt} · ${this.reasonName} · asked by ${this.#till.boot?.session?.name ?? ""}`,
        nothing: "Nothing has been refunded.",
        decline: "Do not refund",
        reason: this.reasonName,
      },
      (approval) => this.#till.commands.refundCommit(source.receipt, inputs, reason, approval),
      quote.needs_manager,
    );
    this.#committing = false;
    if (!done) return;
    this.done = done;
    if (done.printer) this.#till.say("risk", done.printer);
  }

  async #ask(): Promise<void> {
    this.#quotes += 1;
    const mine = this.#quotes;
    const source = this.source;
    if (!source) return;
    if (!this.anything) {
      this.quote = null;
      return;
    }
    const quote = await this.#till.fetch(() => this.#till.commands.refundQuote(source.receipt, this.#inputs));
    if (mine === this.#quotes) this.quote = quote ?? null;
  }
}
