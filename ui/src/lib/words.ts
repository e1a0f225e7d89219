// Small words that several screens share.

import type { RoleView } from "../ipc/gen/RoleView";
import type { TenderStateView } from "../ipc/gen/TenderStateView";

export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const first = words[0]?.[0] ?? "";
  const last = words.length > 1 ? (words.at(-1)?.[0] ?? "") : "";
  return (first + last).toLocaleUpperCase();
}

export const ROLES: Record<RoleView, string> = { cashier: "Cashier", manager: "Manager", owner: "Owner" };

export function count(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`;
}

/** One colour, one meaning. */
export type Tone = "go" | "risk" | "stop" | "plain";

export const TONES: Record<TenderStateView, Tone> = {
  certain: "go",
  working: "plain",
  at_reader: "plain",
  queued: "risk",
  unknown: "risk",
  declined: "stop",
  needs_customer: "risk",
  needs_attention: "stop",
  canceled: "plain",
  expired: "stop",
  closed: "plain",
};

export const STATE_WORDS: Record<TenderStateView, string> = {
  certain: "Certain",
  working: "On its way",
  at_reader: "At the card reader",
  queued: "Queued, not yet charged",
  unknown: "Not known yet",
  declined: "Declined",
  needs_customer: "Waits for the customer",
  needs_attention: "Needs a person",
  canceled: "Cancelled",
  expired: "Too old",
  closed: "Closed",
};
