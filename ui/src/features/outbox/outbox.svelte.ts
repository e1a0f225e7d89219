// What waits for Stripe, what needs a person, what is settled.
//
// Always true:
// - what is shown stays until a person chooses another: a list that changes under the finger never
//   puts another customer's money under it;
// - a decision is about what was shown when the key was pressed, and one is made at a time.

import type { Till } from "../../app.svelte";
import type { OutboxAction } from "../../ipc/gen/OutboxAction";
import type { OutboxActionView } from "../../ipc/gen/OutboxActionView";
import type { OutboxDetailView } from "../../ipc/gen/OutboxDetailView";
import type { OutboxEntryView } from "../../ipc/gen/OutboxEntryView";
import type { OutboxView } from "../../ipc/gen/OutboxView";

export type List = "waiting" | "need_a_person" | "settled";
export const LISTS: List[] = ["waiting", "need_a_person", "settled"];

export class OutboxState {
  #till: Till;
  outbox = $state<OutboxView | null>(null);
  list = $state<List>("waiting");
  chosen = $state<string | null>(null);
  detail = $state<OutboxDetailView | null>(null);
  #asked = 0;
  #at = 0;
  #deciding = false;
  #loading: Promise<void> = Promise.resolve();

  constructor(till: Till) {
    this.#till = till;
  }

  get entries(): OutboxEntryView[] {
    return this.outbox?.[this.list] ?? [];
  }

  get entry(): OutboxEntryView | null {
    return this.entries.find((each) => each.id === this.chosen) ?? null;
  }

  /** What is shown was decided or sent, and is not in this list any more. */
  get left(): boolean {
    return this.detail !== null && this.detail.entry.id === this.chosen && this.entry === null;
  }

  action(action: OutboxAction): OutboxActionView | null {
    return this.detail?.actions.find((each) => each.action === action) ?? null;
  }

  /** How many the list has; what is shown beside the entries counts where somebody must do something. */
  count(list: List): number {
    const outbox = this.outbox;
    if (!outbox) return 0;
    const cases = list === "need_a_person" ? outbox.cases.filter((each) => each.needs_a_person).length : 0;
    return outbox[list].length + outbox.more[list] + cases;
  }

  /** Opens on the list that wants somebody. */
  async open(): Promise<void> {
    await this.load();
    if (this.count("waiting") === 0 && this.count("need_a_person") > 0) await this.show("need_a_person");
  }

  async load(): Promise<void> {
    this.#loading = (async () => {
      const outbox = await this.#till.fetch(() => this.#till.commands.outbox());
      if (!outbox) return;
      this.outbox = outbox;
      await this.#look();
    })();
    await this.#loading;
  }

  async #shown(): Promise<void> {
    this.#loading = this.#look();
    await this.#loading;
  }

  async show(list: List): Promise<void> {
    this.list = list;
    this.chosen = null;
    await this.#shown();
  }

  async next(): Promise<void> {
    await this.show(LISTS[(LISTS.indexOf(this.list) + 1) % LISTS.length] ?? "waiting");
  }

  async choose(id: string): Promise<void> {
    this.chosen = id;
    await this.#shown();
  }

  async move(step: number): Promise<void> {
    // The one after what left the list stands in its place now.
    const at = this.entry ? this.entries.indexOf(this.entry) : step > 0 ? this.#at - 1 : this.#at;
    const next = this.entries[Math.max(0, Math.min(this.entries.length - 1, at + step))];
    if (next) await this.choose(next.id);
  }

  async sendNow(): Promise<void> {
    await this.#loading;
    const outbox = await this.#till.run(() => this.#till.commands.outboxSendNow());
    if (!outbox) return;
    this.outbox = outbox;
    await this.#look();
  }

  /** The answer comes with the next change. */
  async compareNow(): Promise<void> {
    await this.#loading;
    const asked = await this.#till.run(() => this.#till.commands.compareNow());
    if (asked === undefined) return;
    this.#till.say("plain", "Stripe is being asked. What is found is shown here.");
    await this.load();
  }

  /** S: try the card once more where a person decides, and say why where that is off; else send everything. */
  async primary(): Promise<void> {
    const pressed = this.chosen;
    await this.#loading;
    // To send what waits is about no entry.
    if (this.left && this.list !== "need_a_person") return await this.sendNow();
    const again = this.action("try_again");
    if (again && (again.available || this.list === "need_a_person")) await this.decide("try_again", pressed);
    else await this.sendNow();
  }

  async decide(action: OutboxAction, pressed = this.chosen): Promise<void> {
    if (this.#deciding) return;
    this.#deciding = true;
    try {
      await this.#decide(action, pressed);
    } finally {
      this.#deciding = false;
    }
  }

  async #decide(action: OutboxAction, pressed: string | null): Promise<void> {
    await this.#loading;
    const offered = this.action(action);
    const entry = this.detail?.entry;
    if (!offered || !entry || entry.id !== pressed || this.chosen !== pressed) return;
    if (this.left) {
      this.#till.say(
        "plain",
        "Nothing was done: this one is not in the list any more. Choose another first.",
      );
      return;
    }
    if (!offered.available) {
      if (offered.why_not) this.#till.say("plain", offered.why_not);
      return;
    }
    if (action === "send_now") return await this.sendNow();
    const off = action === "write_off";
    const settled = action === "settled";
    const detail = await this.#till.allowed(
      {
        title: off
          ? `Write off ${this.#till.money(entry.amount)}: manager PIN`
          : `${this.#till.money(entry.amount)}: manager PIN`,
        sub: `${entry.who} · ${entry.card} · asked by ${this.#till.boot?.session?.name ?? ""}`,
        nothing: off ? "Nothing has been written off." : "Nothing was changed.",
        decline: off ? "Do not write off" : "Leave it",
        reasons: settled
          ? ["Given back in Stripe's dashboard", "Given back another way", "Nothing is owed"]
          : ["Cannot be reached", "Not worth the trouble", "Our mistake"],
      },
      (approval) => this.#till.commands.outboxDecide(entry.id, action, approval),
      offered.needs_manager,
    );
    if (!detail) return;
    if (this.chosen === pressed) this.detail = detail;
    await this.load();
  }

  async #look(): Promise<void> {
    this.#asked += 1;
    const mine = this.#asked;
    this.chosen ??= this.entries[0]?.id ?? null;
    const id = this.chosen;
    if (id === null) {
      this.detail = null;
      return;
    }
    const of = this.entry;
    if (of) this.#at = this.entries.indexOf(of);
    const ask = () => this.#till.commands.outboxEntry(id);
    // What left the list may be gone altogether: then what was known of it last stays, without a refusal.
    const detail = of ? await this.#till.fetch(ask) : await ask().catch(() => this.detail);
    if (mine === this.#asked) this.detail = detail?.entry.id === id ? detail : null;
  }
}
