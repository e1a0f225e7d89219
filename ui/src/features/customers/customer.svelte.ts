// One customer and their saved cards.
//
// Always true:
// - nothing is saved before somebody has said that the customer agreed to the words on the screen;
// - the page is opened and shown by the saving's id: which address it has, the till says.

import type { Till } from "../../app.svelte";
import type { CardConsentView } from "../../ipc/gen/CardConsentView";
import type { CardView } from "../../ipc/gen/CardView";
import type { CustomerDetailView } from "../../ipc/gen/CustomerDetailView";
import type { ReaderView } from "../../ipc/gen/ReaderView";
import type { SaveCardOn } from "../../ipc/gen/SaveCardOn";
import type { SavingView } from "../../ipc/gen/SavingView";

const UNDER_WAY = ["preparing", "page_open", "at_reader", "canceling"];

export class CustomerState {
  #till: Till;
  readonly id: string;
  detail = $state<CustomerDetailView | null>(null);
  /** The words, while the customer reads them. */
  consent = $state<CardConsentView | null>(null);
  /** The till's own reader, where it has one: a card can be saved at it. */
  reader = $state<ReaderView | null>(null);
  /** A card that is about to be removed. */
  removing = $state<string | null>(null);
  editing = $state(false);
  /** Begun here: how it ended is told. */
  #begun = $state<string | null>(null);

  constructor(till: Till, id: string) {
    this.#till = till;
    this.id = id;
  }

  get cards(): CardView[] {
    return this.detail?.customer.cards ?? [];
  }

  /** A card being saved; or one that was, just now. */
  get saving(): SavingView | null {
    const saving = this.detail?.saving ?? null;
    if (!saving) return null;
    return UNDER_WAY.includes(saving.state) || saving.id === this.#begun ? saving : null;
  }

  get isUnderWay(): boolean {
    return UNDER_WAY.includes(this.detail?.saving?.state ?? "");
  }

  async load(): Promise<void> {
    await this.#till.fetch(async () => {
      this.detail = await this.#till.commands.customer(this.id);
    });
  }

  async edit(name: string, email: string, phone: string): Promise<void> {
    await this.#till.run(async () => {
      const text = (typed: string) => (typed.trim() === "" ? null : typed.trim());
      this.detail = await this.#till.commands.editCustomer(this.id, name.trim(), text(email), text(phone));
      this.editing = false;
      await this.#refresh();
    });
  }

  /** Shows the words. */
  async ask(): Promise<void> {
    await this.#till.run(async () => {
      this.consent = await this.#till.commands.cardConsent();
      const { readers } = await this.#till.commands.readers();
      this.reader = readers.find((each) => each.chosen) ?? null;
      this.#begun = null;
    });
  }

  /** The customer has agreed to the words on the screen. */
  async agreed(on: SaveCardOn): Promise<void> {
    const words = this.consent;
    if (!words) return;
    await this.#till.run(async () => {
      const saving = await this.#till.commands.saveCard(this.id, on, words.version);
      this.consent = null;
      this.#begun = saving.id;
      this.detail = await this.#till.commands.customer(this.id);
    });
  }

  async open(): Promise<void> {
    const saving = this.saving;
    if (saving) await this.#till.run(() => this.#till.commands.openCardPage(saving.id));
  }

  async giveUp(): Promise<void> {
    const saving = this.saving;
    if (!saving) return;
    await this.#till.run(async () => {
      await this.#till.commands.cancelCardSaving(saving.id);
      this.detail = await this.#till.commands.customer(this.id);
    });
  }

  async makeDefault(card: CardView): Promise<void> {
    await this.#till.run(async () => {
      this.detail = await this.#till.commands.setDefaultCard(this.id, card.id);
      await this.#refresh();
    });
  }

  async remove(card: CardView): Promise<void> {
    await this.#till.run(async () => {
      this.detail = await this.#till.commands.removeCard(this.id, card.id);
      await this.#refresh();
    });
    this.removing = null;
  }

  /** The sale shows the customer's card. */
  async #refresh(): Promise<void> {
    this.#till.sale = await this.#till.commands.saleCurrent();
  }
}
