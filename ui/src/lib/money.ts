// Writes amounts; never computes one.
//
// Always true:
// - an amount arrives as whole minor units and leaves as text, digit by digit, never through a float;
// - the sign comes before the currency, and it is a real minus: −€1.29;
// - what a person types crosses as a decimal string in major units: "41.50".

import type { MoneyView } from "../ipc/gen/MoneyView";

export const MINUS = "\u2212";

/** The parts of a written amount, so that the sign and the currency can be set smaller. */
export interface MoneyParts {
  sign: string;
  currency: string;
  number: string;
}

interface Marks {
  group: string;
  decimal: string;
}

const marksByLocale = new Map<string, Marks>();

// The window speaks English, and so do the till's sentences: an English tag writes 1,234.50 whatever
// its region, so that a sum never looks two ways on one screen.
function marks(locale: string): Marks {
  const tag = /^en(-|$)/i.test(locale) ? "en" : locale;
  let found = marksByLocale.get(tag);
  if (!found) {
    found = { group: ",", decimal: "." };
    try {
      for (const part of new Intl.NumberFormat(tag, { useGrouping: "always" }).formatToParts(12345.5)) {
        if (part.type === "group") found.group = part.value;
        if (part.type === "decimal") found.decimal = part.value;
      }
    } catch {
      // An unknown tag: the voice's own marks stand.
    }
    marksByLocale.set(tag, found);
  }
  return found;
}

const symbols = new Map<string, string>();

export function currencySymbol(code: string): string {
  let symbol = symbols.get(code);
  if (symbol === undefined) {
    symbol = code;
    try {
      const parts = new Intl.NumberFormat("en", {
        style: "currency",
        currency: code,
        currencyDisplay: "narrowSymbol",
      }).formatToParts(0);
      symbol = parts.find((part) => part.type === "currency")?.value ?? code;
    } catch {
      // Not a currency the platform knows: its code is its name.
    }
    // A name of letters needs room before the figures: "CHF 12.00".
    if (/\p{L}$/u.test(symbol)) symbol += "\u00a0";
    symbols.set(code, symbol);
  }
  return symbol;
}

function digits(minor: number, exponent: number): { whole: string; fraction: string } {
  if (!Number.isSafeInteger(minor)) throw new RangeError(`not a whole amount: ${minor}`);
  const text = String(Math.abs(minor)).padStart(exponent + 1, "0");
  const cut = text.length - exponent;
  return { whole: text.slice(0, cut), fraction: text.slice(cut) };
}

export function moneyParts(money: MoneyView, locale = "en"): MoneyParts {
  const { group, decimal } = marks(locale);
  const { whole, fraction } = digits(money.minor, money.exponent);
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, group);
  return {
    sign: money.minor < 0 ? MINUS : "",
    currency: currencySymbol(money.currency),
    number: fraction ? grouped + decimal + fraction : grouped,
  };
}

export function formatMoney(money: MoneyView, locale = "en"): string {
  const { sign, currency, number } = moneyParts(money, locale);
  return sign + currency + number;
}

/** The face of a note or a coin: "€50", "20 c". */
export function formatFace(money: MoneyView, locale = "en"): string {
  const { whole, fraction } = digits(money.minor, money.exponent);
  if (money.exponent === 2 && whole === "0") return `${Number(fraction)} c`;
  if (/^0*$/.test(fraction)) {
    const { currency } = moneyParts(money, locale);
    return currency + whole.replace(/\B(?=(\d{3})+$)/g, marks(locale).group);
  }
  return formatMoney(money, locale);
}

/** What crosses to the till: "1234.50", "-1.29". */
export function toDecimal(money: MoneyView): string {
  const { whole, fraction } = digits(money.minor, money.exponent);
  return (money.minor < 0 ? "-" : "") + whole + (fraction ? `.${fraction}` : "");
}

/** Digits typed from the smallest unit: 4 1 5 0 is 41.50. */
export function fromDigits(typed: string, currency: string, exponent: number): MoneyView {
  const clean = typed.replace(/\D/g, "").slice(0, 11);
  return { minor: clean ? Number(clean) : 0, currency, exponent };
}

export function isZero(money: MoneyView): boolean {
  return money.minor === 0;
}

/** The same sum without its sign, for a line that already says "short" or "discount". */
export function unsigned(money: MoneyView): MoneyView {
  return money.minor < 0 ? { ...money, minor: -money.minor } : money;
}

export function withMinor(money: MoneyView, minor: number): MoneyView {
  return { ...money, minor };
}

/** A share of a bar's length, for drawing only. */
export function share(part: MoneyView, whole: MoneyView): number {
  if (whole.minor <= 0 || part.minor <= 0) return 0;
  return Math.min(100, (part.minor / whole.minor) * 100);
}

/** "0.412 kg", "3". */
export function formatQuantity(quantity: string, weighed: boolean): string {
  return weighed ? `${quantity} kg` : quantity;
}

/** Grams typed: 4 1 2 is 0.412. */
export function weightFromDigits(typed: string): string {
  const text = typed.replace(/\D/g, "").slice(0, 7).padStart(4, "0");
  return `${String(Number(text.slice(0, -3)))}.${text.slice(-3)}`;
}
