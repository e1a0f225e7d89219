// What the window knows, and how it asks for changes.
//
// Always true:
// - it holds views and never changes one: every change is a command, and its answer replaces the view;
// - a refusal is shown in the till's own words and stays until it has been read;
// - nothing here adds, subtracts or rounds money.

import { getContext, setContext } from "svelte";
import { isCommandError, type Commands } from "./ipc/commands";
import type { ApprovalInput } from "./ipc/gen/ApprovalInput";
import type { BootView } from "./ipc/gen/BootView";
import type { CommandError } from "./ipc/gen/CommandError";
import type { ConnectionView } from "./ipc/gen/ConnectionView";
import type { DoneView } from "./ipc/gen/DoneView";
import type { ErrorCode } from "./ipc/gen/ErrorCode";
import type { MoneyView } from "./ipc/gen/MoneyView";
import type { SaleView } from "./ipc/gen/SaleView";
import { Keys } from "./lib/keys";
import { formatMoney } from "./lib/money";

export type Screen = "sell" | "tender" | "done" | "refund" | "outbox" | "sales" | "reports" | "close";
export type Overlay = "menu" | "keys" | "stripe" | "readers" | "paid_in" | "paid_out" | "no_sale" | null;

/** Words that stay on the screen until they have been read. */
export interface Notice {
  tone: "stop" | "risk" | "go" | "plain";
  text: string;
  code?: ErrorCode;
}

/** What a manager is asked to allow. */
export interface Ask {
  title: string;
  sub: string;
  /** "Nothing has been refunded." */
  nothing: string;
  /** "Do not refund" */
  decline: string;
  /** The reason that is known already; otherwise one is asked for. */
  reason?: string;
  reasons?: string[];
}

export class Approving {
  readonly ask: Ask;
  #run: (approval: ApprovalInput) => Promise<void>;
  #done: (approved: boolean) => void;
  busy = $state(false);
  error = $state<CommandError | null>(null);

  constructor(ask: Ask, run: (approval: ApprovalInput) => Promise<void>, done: (approved: boolean) => void) {
    this.ask = ask;
    this.#run = run;
    this.#done = done;
  }

  async approve(approval: ApprovalInput): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.error = null;
    try {
      await this.#run(approval);
      this.#done(true);
    } catch (error) {
      this.error = asCommandError(error);
    } finally {
      this.busy = false;
    }
  }

  decline(): void {
    if (!this.busy) this.#done(false);
  }
}

export function asCommandError(error: unknown): CommandError {
  if (isCommandError(error)) return error;
  console.error(error);
  return {
    code: "internal",
    message: "The till did not answer. What was complete is safe. Close this window and open it again.",
    tries_left: null,
    locked_until: null,
  };
}

export class Till {
  readonly commands: Commands;
  readonly keys = new Keys();

  boot = $state<BootView | null>(null);
  failed = $state<CommandError | null>(null);
  connection = $state<ConnectionView | null>(null);
  sale = $state<SaleView | null>(null);
  done = $state<DoneView | null>(null);
  screen = $state<Screen>("sell");
  overlay = $state<Overlay>(null);
  notice = $state<Notice | null>(null);
  approving = $state<Approving | null>(null);
  busy = $state(false);
  now = $state(new Date());
  /** Counts the shell's `till-changed`, so that a screen can follow it. */
  changes = $state(0);
  /** A receipt to refund from, handed from one screen to the next. */
  refundReceipt = $state<string | null>(null);
  #cameFrom: Screen = "sell";
  #tail: Promise<unknown> = Promise.resolve();

  constructor(commands: Commands) {
    this.commands = commands;
    this.keys.onrefused = () =>
      this.say("plain", "This screen cannot take a scan. Nothing was added. Finish here first.");
  }

  get locale(): string {
    return this.boot?.shop?.locale ?? "en";
  }
  get currency(): { currency: string; exponent: number } {
    const at = this.boot?.shop?.refund_threshold;
    return { currency: at?.currency ?? this.boot?.shop?.currency ?? "EUR", exponent: at?.exponent ?? 2 };
  }
  money = (money: MoneyView): string => formatMoney(money, this.locale);

  async start(): Promise<() => void> {
    const stop = this.commands.onTillChanged((connection) => void this.heard(connection));
    try {
      await this.take(await this.commands.boot());
    } catch (error) {
      this.failed = asCommandError(error);
    }
    return stop;
  }

  /** Takes a fresh boot view, and the sale that was open, if one was. */
  async take(boot: BootView): Promise<void> {
    this.boot = boot;
    this.connection = boot.connection;
    if (boot.session && boot.shift) {
      this.sale = await this.commands.saleCurrent();
      if (this.sale && this.sale.tenders.length > 0 && this.screen === "sell") this.screen = "tender";
    } else {
      this.sale = null;
      this.done = null;
      if (this.screen === "tender" || this.screen === "done" || this.screen === "refund")
        this.screen = "sell";
    }
  }

  async reboot(): Promise<void> {
    await this.take(await this.commands.boot());
  }

  /** The shell says something changed: fetch what is on screen again. */
  async heard(connection: ConnectionView): Promise<void> {
    this.connection = connection;
    if (this.boot?.session && this.boot.shift && this.screen !== "done") {
      try {
        await this.#inTurn(async () => {
          const sale = await this.commands.saleCurrent();
          // The screen may have moved on while this waited for its turn.
          if ((this.screen as Screen) !== "done") this.sale = sale;
        });
      } catch (error) {
        this.refuse(error);
      }
    }
    this.changes += 1;
  }

  go(screen: Screen): void {
    if (screen !== this.screen) this.#cameFrom = this.screen;
    this.overlay = null;
    this.notice = null;
    this.screen = screen;
  }

  /** One step back; nothing is lost. */
  back(): void {
    const from = this.#cameFrom;
    const target = from === this.screen || from === "done" || from === "close" ? "sell" : from;
    this.#cameFrom = "sell";
    this.notice = null;
    this.screen = target === "tender" && !this.sale ? "sell" : target;
  }

  say(tone: Notice["tone"], text: string): void {
    this.notice = { tone, text };
  }

  refuse(error: unknown): void {
    const known = asCommandError(error);
    const tries = known.tries_left === null ? "" : ` ${triesLeft(known.tries_left)}`;
    this.notice = { tone: "stop", text: known.message + tries, code: known.code };
    if (known.code === "not_signed_in") void this.reboot().catch(() => {});
  }

  /** Runs commands one after the other, none is dropped; a refusal is shown and `undefined` comes back. */
  async run<T>(work: () => Promise<T>): Promise<T | undefined> {
    return await this.#inTurn(async () => {
      this.busy = true;
      try {
        const result = await work();
        this.notice = null;
        return result;
      } catch (error) {
        this.refuse(error);
        return undefined;
      } finally {
        this.busy = false;
      }
    });
  }

  // What a command answers is taken within its turn, so that the next one sees it and an older answer
  // never covers a newer one.
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(work);
    this.#tail = turn.catch(() => undefined);
    return await turn;
  }

  /** Fetches what is shown; keeps a notice that has not been read. */
  async fetch<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.refuse(error);
      return undefined;
    }
  }

  /** A change to the sale: its answer is the sale. */
  async change(work: () => Promise<SaleView | null>): Promise<boolean> {
    const changed = await this.run(async () => {
      this.sale = await work();
      return true;
    });
    return changed === true;
  }

  /** Takes the sale that a command answers. */
  async keep(answer: Promise<SaleView>): Promise<SaleView> {
    const sale = await answer;
    this.sale = sale;
    return sale;
  }

  /**
   * Runs `work` as the person signed in; where that needs a manager, asks for a PIN and runs it again.
   * `at_once` asks first, where the till has said already that it is needed.
   */
  async allowed<T>(
    ask: Ask,
    work: (approval: ApprovalInput | null) => Promise<T>,
    at_once = false,
  ): Promise<T | undefined> {
    if (this.approving) return undefined;
    if (!at_once) {
      const first = await this.run(async (): Promise<{ result: T } | "ask"> => {
        try {
          return { result: await work(null) };
        } catch (error) {
          const { code } = asCommandError(error);
          if (code === "needs_manager" || code === "over_limit") return "ask";
          throw error;
        }
      });
      if (first !== "ask") return first?.result;
    }
    return await new Promise<T | undefined>((resolve) => {
      let result: T | undefined;
      this.approving = new Approving(
        ask,
        async (approval) => {
          result = await work(approval);
        },
        (approved) => {
          this.approving = null;
          if (approved) this.notice = null;
          resolve(approved ? result : undefined);
        },
      );
    });
  }
}

export function triesLeft(n: number): string {
  return n === 1 ? "1 try left." : `${n} tries left.`;
}

const KEY = Symbol("till");
export const provideTill = (till: Till): Till => setContext(KEY, till);
export const useTill = (): Till => getContext<Till>(KEY);
