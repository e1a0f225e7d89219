// Taking money for the sale.
//
// Always true:
// - a way is chosen first and taken by the big button (F9); Enter takes only an amount typed by hand;
// - exact cash is the way by itself only where nothing was taken for the sale yet. After that nobody
//   but the cashier chooses: the second press of a double press would take the rest as cash that
//   nobody handed over, and complete the sale. A rule of time would only make that rarer;
// - while a card is on its way or not known, nothing else is taken for its part of the sum;
// - once the till says the sale can be completed after a tender, it is completed, once.

import type { Till } from "../../app.svelte";
import type { MoneyView } from "../../ipc/gen/MoneyView";
import type { OtherOptionView } from "../../ipc/gen/OtherOptionView";
import type { SaleView } from "../../ipc/gen/SaleView";
import type { TenderKindView } from "../../ipc/gen/TenderKindView";
import type { TenderOptionsView } from "../../ipc/gen/TenderOptionsView";
import type { TenderView } from "../../ipc/gen/TenderView";
import { toDecimal } from "../../lib/money";

export const WAIT_MS = 10_000;
/** Two presses within this are one press of a nervous hand. */
export const DOUBLE_MS = 500;

export class TenderState {
  #till: Till;
  options = $state<TenderOptionsView | null>(null);
  /** None: somebody must choose, or type an amount. */
  way = $state<TenderKindView | null>("cash");
  /** What is the way where nobody chose. */
  rest: "cash" | null = "cash";
  /** Which of the customer's saved cards, where that is the way. */
  card = $state<string | null>(null);
  /** A part of the sum typed for a card; otherwise all that is left, or the most that is allowed. */
  part = $state<MoneyView | null>(null);
  dialog = $state<"cash" | "foreign" | "part" | "external" | "voucher" | "pay_link" | "readers" | null>(null);
  waiting = $state(false);
  #since = new Map<string, Date>();
  #completing = false;
  #taking = false;
  #missed = false;
  #removed = -DOUBLE_MS;
  #loading: Promise<void> = Promise.resolve();
  #waitTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(till: Till) {
    this.#till = till;
    if (till.sale && till.sale.tenders.length > 0) this.#nobodyChose();
  }

  #nobodyChose(): void {
    this.rest = null;
    this.way = null;
    this.part = null;
  }

  get sale(): SaleView | null {
    return this.#till.sale;
  }

  get option(): OtherOptionView | null {
    return this.#offered(this.way, this.card);
  }

  /** The tender that everything waits for. */
  get pending(): TenderView | null {
    return (
      this.sale?.tenders.find(
        (tender) =>
          ["working", "at_reader", "unknown", "needs_customer", "needs_attention"].includes(tender.state) ||
          tender.reader?.can_try_again === true,
      ) ?? null
    );
  }

  get removable(): TenderView | null {
    return this.sale?.tenders.findLast((tender) => tender.can_remove) ?? null;
  }

  /** What the big button takes. */
  get amount(): MoneyView | null {
    const options = this.options;
    if (!options) return null;
    if (this.way === null) return null;
    if (this.way === "cash") return options.cash[0]?.given ?? options.outstanding;
    if (this.part) return this.part;
    const most = this.option?.most;
    return most && most.minor > 0 && most.minor < options.outstanding.minor ? most : options.outstanding;
  }

  /** The way chosen covers only a part, because of a limit. */
  get limited(): boolean {
    const options = this.options;
    const most = this.option?.most;
    return options !== null && most !== null && most !== undefined && most.minor < options.outstanding.minor;
  }

  async load(): Promise<void> {
    this.#loading = this.#load();
    await this.#loading;
  }

  async #load(): Promise<void> {
    const sale = this.sale;
    if (!sale || sale.outstanding.minor === 0) {
      this.options = null;
      return;
    }
    await this.#till.fetch(async () => {
      this.options = await this.#till.commands.tenderOptions();
    });
    // The network went under the finger: exact cash is not what was chosen.
    if (this.way !== "cash" && !this.option?.available) this.way = null;
  }

  /** The sale changed behind the window: a card was answered, or the network came or went. */
  async follow(): Promise<void> {
    const sale = this.sale;
    if (sale?.can_complete && sale.tenders.length > 0) await this.complete();
    else await this.load();
  }

  // A quick hand is faster than the first answer: what it asked for waits for it.

  #offered(kind: TenderKindView | null, card: string | null): OtherOptionView | null {
    const of = this.options?.others.filter((each) => each.kind === kind) ?? [];
    return of.find((each) => each.card === card) ?? of[0] ?? null;
  }

  /** Which saved card the letter means: the next one, where one of them is the way already. */
  nextCard(): string | null {
    const cards = this.options?.others.filter((each) => each.kind === "saved_card") ?? [];
    const at = this.way === "saved_card" ? cards.findIndex((each) => each.card === this.option?.card) : -1;
    return cards[(at + 1) % Math.max(1, cards.length)]?.card ?? null;
  }

  async choose(kind: TenderKindView, card: string | null = null): Promise<void> {
    await this.#loading;
    const option = this.#offered(kind, card);
    if (!option) return;
    if (!option.available) {
      this.#till.say("plain", option.says);
      return;
    }
    this.#till.notice = null;
    this.way = kind;
    this.card = option.card;
    this.part = null;
  }

  /** One of the cash buttons: exact, then the next notes. */
  async cashOption(index: number): Promise<void> {
    await this.#loading;
    const option = this.options?.cash[index];
    if (option && !this.pending) await this.cash(option.given);
  }

  async cash(given: MoneyView): Promise<void> {
    await this.#once(() => {
      this.dialog = null;
      return this.#till.run(() => this.#till.keep(this.#till.commands.tenderCash(toDecimal(given))));
    });
  }

  /** Notes of another currency. */
  async foreign(given: MoneyView): Promise<void> {
    await this.#once(() => {
      this.dialog = null;
      return this.#till.run(() =>
        this.#till.keep(this.#till.commands.tenderForeignCash(given.currency, toDecimal(given))),
      );
    });
  }

  /** The dialog stays open while what was typed is refused. */
  async voucher(number: string, worth: string): Promise<void> {
    await this.#once(async () => {
      const sale = await this.#till.run(() =>
        this.#till.keep(this.#till.commands.tenderVoucher(number, worth)),
      );
      if (sale) this.dialog = null;
      return sale;
    });
  }

  /** The big button. */
  async take(all = false): Promise<void> {
    await this.#loading;
    if (!this.options && this.sale?.can_complete) return await this.complete();
    if (this.pending) return;
    if (this.way === null) {
      this.#till.say("plain", "Nothing was taken just now. Choose how it is paid, or type the cash.");
      return;
    }
    const amount = all ? (this.options?.outstanding ?? null) : this.amount;
    if (!amount) return;
    switch (this.way) {
      case "cash":
        return await this.cash(amount);
      case "pay_link":
        if (all) this.part = amount;
        this.dialog = "pay_link";
        return;
      case "external_terminal":
        this.dialog = "external";
        return;
      case "voucher":
      case "foreign_cash":
        // They have dialogs of their own, and are never the way chosen.
        return;
      case "saved_card":
      case "reader":
      case "simulated_reader": {
        const kind = this.way;
        const card = kind === "saved_card" ? (this.option?.card ?? null) : null;
        const sum = this.#sum(amount);
        const ask = this.#ask(amount);
        const atOnce = (all && this.limited) || (this.option?.most?.minor ?? 1) <= 0;
        await this.#once(() =>
          this.#till.allowed(
            ask,
            (approval) =>
              this.#till.keep(
                card === null
                  ? this.#till.commands.tenderCard(kind, sum, approval)
                  : this.#till.commands.tenderSavedCard(card, sum, approval),
              ),
            atOnce,
          ),
        );
        return;
      }
    }
  }

  async payLink(contact: string): Promise<void> {
    const amount = this.amount;
    if (!amount) return;
    const sum = this.#sum(amount);
    const ask = this.#ask(amount);
    await this.#once(() => {
      this.dialog = null;
      return this.#till.allowed(ask, (approval) =>
        this.#till.keep(this.#till.commands.tenderPayLink(sum, contact, approval)),
      );
    });
  }

  async external(approvalCode: string, last4: string): Promise<void> {
    const amount = this.amount;
    if (!amount) return;
    const sum = this.#sum(amount);
    await this.#once(async () => {
      const sale = await this.#till.run(() =>
        this.#till.keep(this.#till.commands.tenderExternal(sum, approvalCode, last4)),
      );
      if (sale) this.dialog = null;
      return sale;
    });
  }

  async remove(tender = this.removable): Promise<void> {
    if (!tender) return;
    // The next tender moves under the finger as soon as this one is gone.
    if (performance.now() - this.#removed < DOUBLE_MS) return;
    // What is taken back never completes a sale.
    await this.#once(
      () => this.#till.run(() => this.#till.keep(this.#till.commands.tenderRemove(tender.id))),
      () => {
        this.#removed = performance.now();
        return this.load();
      },
    );
  }

  async lookAgain(): Promise<void> {
    const tender = this.pending;
    clearTimeout(this.#waitTimer);
    this.waiting = false;
    if (!tender?.can_look_again) return;
    await this.#once(() =>
      this.#till.run(() => this.#till.keep(this.#till.commands.tenderLookAgain(tender.id))),
    );
  }

  /** A card at a reader once more: at the till's own, or at another. */
  async again(reader: string | null = null): Promise<void> {
    const tender = this.pending;
    this.dialog = null;
    if (!tender?.reader?.can_try_again) return;
    await this.#once(() =>
      this.#till.run(() => this.#till.keep(this.#till.commands.tenderAgain(tender.id, reader))),
    );
  }

  /** When the window first saw the reader wait for this card. */
  since(tender: TenderView): Date {
    let at = this.#since.get(tender.id);
    if (!at) this.#since.set(tender.id, (at = new Date()));
    return at;
  }

  /** Waits a little, then looks again by itself. */
  wait(): void {
    this.waiting = true;
    clearTimeout(this.#waitTimer);
    this.#waitTimer = setTimeout(() => void this.lookAgain(), WAIT_MS);
  }

  leave(): void {
    clearTimeout(this.#waitTimer);
  }

  async complete(): Promise<void> {
    if (this.#completing) return;
    this.#completing = true;
    const done = await this.#till.run(async () => {
      const answer = await this.#till.commands.complete();
      this.#till.done = answer;
      this.#till.sale = null;
      this.#till.screen = "done";
      return answer;
    });
    this.#completing = false;
    if (!done) return;
    if (done.printer) this.#till.say("risk", done.printer);
  }

  /**
   * One taking at a time: a second touch while the first is under way takes nothing. What was typed
   * stays in its dialog.
   */
  async #once(taking: () => Promise<SaleView | undefined>, then = () => this.follow()): Promise<void> {
    if (this.#taking) {
      this.#missed = this.dialog !== null;
      if (this.#missed) this.#sayMissed();
      return;
    }
    this.#taking = true;
    this.#missed = false;
    try {
      const sale = await taking();
      if (!sale) return;
      this.#nobodyChose();
      await then();
    } finally {
      this.#taking = false;
      // The answer to the first took the words away, and they may not have been read.
      if (this.#missed && this.dialog && !this.#till.notice && this.#till.screen === "tender")
        this.#sayMissed();
    }
  }

  #sayMissed(): void {
    this.#till.say(
      "risk",
      "Nothing was taken of this amount: the tender before it was still under way. Look at what is left to pay, then take it.",
    );
  }

  /** All that is left crosses as `null`: the till knows it best. */
  #sum(amount: MoneyView): string | null {
    return amount.minor === this.options?.outstanding.minor ? null : toDecimal(amount);
  }

  #ask(amount: MoneyView) {
    return {
      title: `${this.#till.money(amount)} is over the offline limit: manager PIN`,
      sub: `${this.option?.title ?? ""} · asked by ${this.#till.boot?.session?.name ?? ""}`,
      nothing: "Nothing has been taken.",
      decline: "Do not take it",
      reasons: ["Known customer", "Delivery agreed", "No other way to pay"],
    };
  }
}
