// Ringing up: what is being looked for, which line is chosen, what may still be undone.

import { asCommandError, type Till } from "../../app.svelte";
import type { LineView } from "../../ipc/gen/LineView";
import type { ProductView } from "../../ipc/gen/ProductView";
import type { SaleView } from "../../ipc/gen/SaleView";

export const UNDO_MS = 4000;
const SEARCH_MS = 60;

export class SellState {
  #till: Till;
  categories = $state<string[]>([]);
  category = $state<string | null>(null);
  products = $state<ProductView[]>([]);
  query = $state("");
  hits = $state<ProductView[]>([]);
  hit = $state(0);
  /** "3 *": three of the next product. */
  times = $state<number | null>(null);
  chosen = $state<string | null>(null);
  /** Weighed goods that wait for their weight. */
  weighing = $state<{ product: ProductView; line: string | null } | null>(null);
  dialog = $state<"discount" | "customer" | "new_customer" | "customer_card" | "suspended" | "why" | null>(
    null,
  );
  /** What a new customer is called, as far as it was typed. */
  newName = $state("");
  /** Lines voided a moment ago. */
  undoable = $state<string[]>([]);
  #searching: Promise<void> = Promise.resolve();
  #searchTimer: ReturnType<typeof setTimeout> | undefined;
  #search = 0;

  constructor(till: Till) {
    this.#till = till;
  }

  get lines(): LineView[] {
    const lines = this.#till.sale?.lines ?? [];
    return lines.filter((line) => !line.voided || this.undoable.includes(line.id));
  }

  /** Lines a person may change: deposits follow theirs. */
  get #editable(): LineView[] {
    return this.lines.filter((line) => !line.voided && !line.is_deposit);
  }

  get line(): LineView | null {
    return this.#editable.find((line) => line.id === this.chosen) ?? this.#editable.at(-1) ?? null;
  }

  get sold(): number {
    return (this.#till.sale?.lines ?? []).filter((line) => !line.voided && !line.is_deposit).length;
  }

  get shown(): ProductView[] {
    return this.query.trim() === "" ? this.products : this.hits;
  }

  async load(): Promise<void> {
    await this.#till.fetch(async () => {
      this.categories = await this.#till.commands.categories();
      this.products = await this.#till.commands.products(this.category);
    });
  }

  async show(category: string | null): Promise<void> {
    this.category = category;
    this.find("");
    await this.#till.fetch(async () => {
      this.products = await this.#till.commands.products(category);
    });
  }

  find(text: string): void {
    this.query = text;
    this.hit = 0;
    clearTimeout(this.#searchTimer);
    this.#search += 1;
    const search = this.#search;
    if (text.trim() === "") {
      this.hits = [];
      return;
    }
    this.#searching = new Promise((found) => {
      this.#searchTimer = setTimeout(() => {
        this.#till.commands
          .search(text)
          .then(
            (hits) => {
              if (search === this.#search) this.hits = hits;
            },
            (error: unknown) => this.#till.refuse(error),
          )
          .finally(found);
      }, SEARCH_MS);
    });
  }

  moveHit(step: number): void {
    this.hit = Math.max(0, Math.min(this.hits.length - 1, this.hit + step));
  }

  /** Enter: the hit that is chosen; a long number that is no name is tried as a code. */
  async enter(): Promise<void> {
    const text = this.query.trim();
    if (text === "") return;
    await this.#searching;
    const hit = this.hits[this.hit];
    if (hit) await this.add(hit);
    else if (/^\d{6,}$/.test(text)) {
      this.find("");
      await this.scan(text);
    } else if (await this.coupon(text)) this.find("");
    else this.#till.say("plain", `Nothing here is called “${text}”. Nothing was added.`);
  }

  /** "3" then "*". True when it was that. */
  multiply(): boolean {
    if (!/^\d{1,3}$/.test(this.query) || Number(this.query) === 0) return false;
    this.times = Number(this.query);
    this.find("");
    return true;
  }

  async scan(code: string): Promise<void> {
    let before: SaleView | null = null;
    const times = this.times;
    this.find("");
    const changed = await this.#till.change(() => {
      before = this.#till.sale;
      return this.#till.commands.scan(code);
    });
    if (!changed) return;
    this.times = null;
    const line = this.#follow(before);
    if (line && times !== null && times > 1 && !line.weighed) {
      // The scan added one; the rest of "three of it" follows.
      const wanted = String(Number(line.quantity) + times - 1);
      await this.#till.change(() => this.#till.commands.setQuantity(line.id, wanted));
    }
  }

  async add(product: ProductView, weight: string | null = null): Promise<void> {
    if (product.weighed && weight === null) {
      this.weighing = { product, line: null };
      return;
    }
    let before: SaleView | null = null;
    const quantity = weight ?? (this.times === null ? null : String(this.times));
    const changed = await this.#till.change(() => {
      before = this.#till.sale;
      return this.#till.commands.addProduct(product.id, quantity);
    });
    if (!changed) return;
    this.times = null;
    this.find("");
    this.#follow(before);
  }

  async weigh(weight: string): Promise<void> {
    const weighing = this.weighing;
    if (!weighing) return;
    this.weighing = null;
    const line = weighing.line;
    if (line === null) await this.add(weighing.product, weight);
    else await this.#till.change(() => this.#till.commands.setQuantity(line, weight));
  }

  async step(by: 1 | -1): Promise<void> {
    await this.#till.change(async () => {
      const line = this.line;
      const wanted = Number(line?.quantity) + by;
      if (!line || line.weighed || wanted < 1) return this.#till.sale;
      return await this.#till.commands.setQuantity(line.id, String(wanted));
    });
  }

  move(step: 1 | -1): void {
    const lines = this.#editable;
    const at = lines.findIndex((line) => line.id === this.line?.id);
    const next = lines[Math.max(0, Math.min(lines.length - 1, at + step))];
    if (next) this.chosen = next.id;
  }

  choose(line: LineView): void {
    if (!line.is_deposit && !line.voided) this.chosen = line.id;
  }

  async void(): Promise<void> {
    let gone: string | undefined;
    await this.#till.change(async () => {
      const line = this.line;
      if (!line) return this.#till.sale;
      const sale = await this.#till.commands.voidLine(line.id);
      gone = line.id;
      return sale;
    });
    const id = gone;
    if (id === undefined) return;
    this.chosen = null;
    this.undoable = [...this.undoable, id];
    setTimeout(() => {
      this.undoable = this.undoable.filter((each) => each !== id);
    }, UNDO_MS);
  }

  async undo(id = this.undoable.at(-1)): Promise<void> {
    if (id === undefined) return;
    if (await this.#till.change(() => this.#till.commands.unvoidLine(id))) {
      this.undoable = this.undoable.filter((each) => each !== id);
      this.chosen = id;
    }
  }

  /** A word that is no product may be a coupon. False when it is none, and nothing was changed. */
  async coupon(code: string): Promise<boolean> {
    let known = true;
    await this.#till.change(async () => {
      try {
        return await this.#till.commands.addCoupon(code);
      } catch (error) {
        if (asCommandError(error).code !== "coupon_unknown") throw error;
        known = false;
        return this.#till.sale;
      }
    });
    return known;
  }

  async removeCoupon(code: string): Promise<void> {
    await this.#till.change(() => this.#till.commands.removeCoupon(code));
  }

  async suspend(): Promise<void> {
    await this.#till.run(async () => {
      if (this.sold === 0) return;
      await this.#till.commands.suspend();
      this.#till.sale = null;
      await this.#till.reboot();
    });
  }

  async recall(sale: string): Promise<void> {
    this.dialog = null;
    if (await this.#till.change(() => this.#till.commands.recall(sale))) {
      this.chosen = null;
      await this.#till.run(() => this.#till.reboot());
    }
  }

  async customer(id: string | null): Promise<void> {
    this.dialog = null;
    await this.#till.change(() => this.#till.commands.setCustomer(id));
  }

  /** Adds a customer and puts them on the sale; the dialog stays open while they are refused. */
  async newCustomer(name: string, email: string, phone: string): Promise<void> {
    const text = (typed: string) => (typed.trim() === "" ? null : typed.trim());
    const added = await this.#till.run(() =>
      this.#till.commands.addCustomer(name.trim(), text(email), text(phone)),
    );
    if (added) await this.customer(added.id);
  }

  /** The line that was just touched becomes the chosen one. */
  #follow(before: SaleView | null): LineView | null {
    const after = this.#till.sale?.lines ?? [];
    const touched = after.findLast((line) => {
      if (line.is_deposit) return false;
      const was = before?.lines.find((each) => each.id === line.id);
      return !was || was.quantity !== line.quantity;
    });
    if (touched) this.chosen = touched.id;
    return touched ?? null;
  }
}
