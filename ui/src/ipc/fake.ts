// A little shop in memory, for tests and for drawing: it stands where the till stands.
//
// Always true:
// - it is built into `--mode fake` and into tests alone, never into the window that is sold;
// - it follows the contract's shapes and the till's words closely enough to drive every screen; the
//   rules of money are the till's own and are tested there.

import type { CaseView } from "./gen/CaseView";
import type { CardKind, Commands } from "./commands";
import type { ApprovalInput } from "./gen/ApprovalInput";
import type { BootView } from "./gen/BootView";
import type { CommandError } from "./gen/CommandError";
import type { ConnectionView } from "./gen/ConnectionView";
import type { CountInput } from "./gen/CountInput";
import type { CardView } from "./gen/CardView";
import type { CustomerDetailView } from "./gen/CustomerDetailView";
import type { CustomerView } from "./gen/CustomerView";
import type { DiscountInput } from "./gen/DiscountInput";
import type { DoneView } from "./gen/DoneView";
import type { ErrorCode } from "./gen/ErrorCode";
import type { HistoryView } from "./gen/HistoryView";
import type { ForeignCountInput } from "./gen/ForeignCountInput";
import type { LineView } from "./gen/LineView";
import type { MoneyView } from "./gen/MoneyView";
import type { OtherOptionView } from "./gen/OtherOptionView";
import type { OutboxAction } from "./gen/OutboxAction";
import type { OutboxActionView } from "./gen/OutboxActionView";
import type { OutboxDetailView } from "./gen/OutboxDetailView";
import type { OutboxEntryView } from "./gen/OutboxEntryView";
import type { OutboxView } from "./gen/OutboxView";
import type { ProductView } from "./gen/ProductView";
import type { PlaceInput } from "./gen/PlaceInput";
import type { PromotedView } from "./gen/PromotedView";
import type { ReadersView } from "./gen/ReadersView";
import type { ReaderView } from "./gen/ReaderView";
import type { RefundLineInput } from "./gen/RefundLineInput";
import type { RefundQuoteView } from "./gen/RefundQuoteView";
import type { ReportView } from "./gen/ReportView";
import type { SaleView } from "./gen/SaleView";
import type { SaveCardOn } from "./gen/SaveCardOn";
import type { SavingView } from "./gen/SavingView";
import type { ShiftView } from "./gen/ShiftView";
import type { TenderKindView } from "./gen/TenderKindView";
import type { TenderStateView } from "./gen/TenderStateView";
import type { UserView } from "./gen/UserView";
import type { WhyView } from "./gen/WhyView";

const eur = (minor: number): MoneyView => ({ minor, currency: "EUR", exponent: 2 });
const euros = (minor: number): string =>
  `${minor < 0 ? "\u2212" : ""}€${(Math.abs(minor) / 100).toLocaleString("en", { minimumFractionDigits: 2 })}`;

function refuse(code: ErrorCode, message: string, more: Partial<CommandError> = {}): never {
  throw { code, message, tries_left: null, locked_until: null, ...more } satisfies CommandError;
}

function minor(decimal: string): number {
  if (!/^-?\d+(\.\d{1,2})?$/.test(decimal)) {
    refuse("not_a_number", "That is not a number the till can use. Nothing was changed.");
  }
  return Math.round(Number(decimal) * 100);
}

interface Person extends UserView {
  pin: string;
  wrong: number;
}

interface Line {
  id: string;
  product: ProductView;
  quantity: number;
  price: number;
  percent: number;
  off: number;
  voided: boolean;
}

interface Tender {
  id: string;
  kind: TenderKindView;
  label: string;
  amount: number;
  given: number | null;
  /** Handed over in another currency. */
  notes?: MoneyView;
  state: TenderStateView;
  says: string;
  link: string | null;
  /** Of a card reader. */
  reader?: { label: string; tip: MoneyView | null };
  canceling?: boolean;
}

interface Sale {
  id: string;
  lines: Line[];
  customer: CustomerView | null;
  percent: number;
  off: number;
  coupons: string[];
  tenders: Tender[];
}

interface Sold {
  receipt: string;
  at: string;
  cashier: string;
  sale: SaleView;
  text: string[];
  pending: boolean;
  refunded: number;
  returned: Map<string, number>;
}

interface Entry {
  entry: OutboxEntryView;
  history: HistoryView[];
  link: string | null;
}

type Row = [name: string, category: string, price: number, stock: number, code: string, weighed?: boolean];

const ROWS: Row[] = [
  ["Pan de masa madre", "Bakery", 280, 14, "8400000010016"],
  ["Leche entera 1 L", "Dairy", 115, 48, "8400000010023"],
  ["Huevos camperos, 12", "Dairy", 365, 9, "8400000010030"],
  ["Plátano de Canarias", "Fruit & veg", 235, 38, "2100001", true],
  ["Tomates de rama", "Fruit & veg", 245, 21, "2100002", true],
  ["Aceite de oliva virgen extra 1 L", "Pantry", 995, 22, "8400000010061"],
  ["Queso manchego curado", "Dairy", 2150, 6, "2100003", true],
  ["Jamón ibérico de cebo 100 g", "Deli & fish", 645, 6, "8400000010085"],
  ["Café molido Peñagolosa 250 g", "Pantry", 435, 17, "8400000010092"],
  ["Rioja crianza Viña Albéniz", "Drinks", 875, 31, "8400000010108"],
  ["Agua con gas 1.5 L", "Drinks", 95, 86, "8400000010115"],
  ["Crème fraîche 200 g", "Dairy", 195, 2, "8400000010122"],
  ["Boquerones en vinagre", "Deli & fish", 390, 11, "8400000010139"],
  ["Piña natural", "Fruit & veg", 295, 0, "8400000010146"],
  ["Croissant de mantequilla", "Bakery", 130, 23, "8400000010153"],
  ["Mermelada de higos 340 g", "Pantry", 385, 12, "8400000010160"],
  ["Garbanzos pedrosillanos 1 kg", "Pantry", 260, 35, "8400000010177"],
  ["Jabón de Marsella", "Home", 320, 19, "8400000010184"],
  ["Limón verna", "Fruit & veg", 210, 12, "2100004", true],
  ["Müsli de avena 500 g", "Pantry", 320, 2, "8400000010207"],
  ["Vermú rojo Señorío 1 L", "Drinks", 940, 8, "8400000010214"],
  ["Empanadilla de atún", "Bakery", 180, 16, "8400000010221"],
  ["Yogur griego, 4", "Dairy", 245, 27, "8400000010238"],
  ["Bolsa de papel", "Home", 15, 400, "8400000010245"],
  ["Mejillones en escabeche", "Deli & fish", 345, 14, "8400000010252"],
  ["Ñoras secas 50 g", "Pantry", 160, 21, "8400000010269"],
  ["Aguacate Hass", "Fruit & veg", 490, 9, "2100005", true],
  ["Chorizo de León 250 g", "Deli & fish", 415, 13, "8400000010283"],
  ["Zumo de naranja 1 L", "Drinks", 220, 33, "8400000010290"],
  ["Miel de romero 500 g", "Pantry", 680, 10, "8400000010306"],
  ["Cesta de Navidad Peñafiel", "Pantry", 5450, 4, "8400000010313"],
  ["Turrón de Jijona 300 g", "Pantry", 650, 40, "8400000010320"],
];

const CATEGORIES = ["Fruit & veg", "Bakery", "Dairy", "Deli & fish", "Drinks", "Pantry", "Home"];

const PRODUCTS: (ProductView & { code: string })[] = ROWS.map(
  ([name, category, price, stock, code, weighed], i) => ({
    id: `p${i + 1}`,
    sku: String(1001 + i),
    name,
    category,
    price: eur(price),
    weighed: weighed ?? false,
    deposit: null,
    stock: weighed ? `${stock}.000 kg` : String(stock),
    stock_level: stock === 0 ? "none" : stock <= 2 ? "low" : "enough",
    code,
  }),
);

/** What a hundred cents of another currency are worth in cents. */
const RATES: Record<string, number> = { GBP: 110, USD: 85 };

/** What the one coupon of the shop says. */
const COUPON = "AGUINALDO";

const fold = (text: string): string => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

function savedCard(
  id: string,
  brand: string,
  last4: string,
  expires: string,
  is_default: boolean,
  expired = false,
): CardView {
  return {
    id,
    brand,
    last4,
    expires,
    expired,
    is_default,
    agreed_at: "2026-03-14T10:22:00+01:00",
    agreed_to: "1",
  };
}

function customer(id: string, name: string, contact: string, brand?: string, last4?: string): CustomerView {
  const card = brand && last4 ? savedCard(`card-${id}`, brand, last4, "12/2030", true) : null;
  return { id, name, contact, groups: [], card, cards: card ? [card] : [] };
}

const CUSTOMERS: CustomerView[] = [
  customer("c1", "Ana Ortega", "ana.o*****@correo.example", "Visa", "4242"),
  customer("c2", "Björn Lindqvist", "bjo*****@post.example", "Mastercard", "4444"),
  customer("c3", "Zoë Fernández", "zoe*****@correo.example", "Mastercard", "7719"),
  customer("c4", "Chloé Dubois", "chl*****@courriel.example", "Visa", "5502"),
  customer("c5", "Günther Weiß", "gun*****@brief.example"),
  customer("c6", "Íñigo Larrañaga", "ini*****@correo.example"),
];

const DENOMINATIONS = [50000, 20000, 10000, 5000, 2000, 1000, 500, 200, 100, 50, 20, 10, 5, 2, 1];
const PER_TENDER = 5000;
const PER_CUSTOMER = 7500;
const ON_TILL = 15000;
const REASONS = [
  ["damaged", "Damaged"],
  ["wrong_product", "Wrong product"],
  ["out_of_date", "Out of date"],
  ["unwanted", "Unwanted"],
  ["wrong_price", "Wrong price"],
] as const;

export type Scene = "first-run" | "signin" | "no-shift" | "empty" | "manager" | "sale" | "offline";

export class FakeTill {
  delayMs = 0;
  online = true;
  forcedOffline = false;
  offlineSince: string | null = null;
  #compared = ago(700);
  /** What waits is being sent just now. */
  sending = false;
  #cases: CaseView[] = [
    {
      id: "dp_1",
      kind: "dispute",
      receipt: "1-024702",
      amount: eur(1_690),
      state: "needs_response",
      reason: "fraudulent",
      due_by: ago(-9 * 24 * 60),
      at: ago(120),
      open: true,
      needs_a_person: true,
      says: "The bank took the money back. Send evidence in Stripe's dashboard before the day named.",
    },
  ];
  /** What the next online card does: "certain", "declined" or "unknown". */
  nextCard: TenderStateView = "certain";
  cardMs = 600;
  /** What a reader says when it is given a payment: null, it waits for the card. */
  readerSays: "terminal_reader_busy" | "terminal_reader_offline" | null = null;
  /** What Stripe says of the next pairing code; null: it knows it. */
  registerSays: string | null = null;
  /** Every command called, in order. */
  readonly calls: string[] = [];

  #boot = false;
  #testMode = true;
  #people: Person[] = [];
  #session: Person | null = null;
  #shift: (ShiftView & { float: number; cash: number; in: number; out: number; refunds: number }) | null =
    null;
  #shiftNumber = 213;
  #sale: Sale | null = null;
  #suspended: { sale: Sale; at: string; cashier: string }[] = [];
  #sold: Sold[] = [];
  #entries: Entry[] = [];
  #z: ReportView[] = [];
  #counted = 0;
  #foreign: Record<string, number> = {};
  #countedForeign: Record<string, number> = {};
  #recounted = false;
  #saving: SavingView | null = null;
  #customers = structuredClone(CUSTOMERS);
  #receipt = 24_811;
  #ids = 0;
  #readers: ReaderView[] = [];
  #location: string | null = null;
  #tips = false;
  #readersProblem: string | null = null;
  #readersWorking: string | null = null;
  #listeners = new Set<(connection: ConnectionView) => void>();

  constructor(scene: Scene = "empty") {
    if (scene === "first-run") return;
    this.#openShop("Ultramarinos Peña");
    this.#seedHistory();
    if (scene === "signin") return;
    this.#session = this.#people[scene === "manager" ? 4 : 0] ?? null;
    if (scene === "no-shift") return;
    this.#openShift(15_000);
    this.#seedShift();
    if (scene === "offline") this.setOnline(false, 4 * 60 + 6);
    if (scene === "sale" || scene === "offline") this.#seedSale();
  }

  // What a test does to the world.

  setOnline(online: boolean, minutesAgo = 0): void {
    this.online = online;
    this.offlineSince = online ? null : ago(minutesAgo);
    this.announce();
  }

  /** As if the oldest card had been waiting for so long. */
  ageOldest(hours: number): void {
    const oldest = this.#waiting().at(-1);
    if (oldest) oldest.entry.at = ago(hours * 60);
    this.announce();
  }

  /** The drain sent it, behind whoever looks at it. */
  settleEntry(id: string): void {
    this.#mark(this.#entry(id), "certain", "Charged");
    this.announce();
  }

  /** Somebody refunded in Stripe's dashboard, and it failed. */
  refundElsewhere(): void {
    this.#cases.push({
      id: "re_1",
      kind: "refund",
      receipt: "1-024701",
      amount: eur(450),
      state: "failed",
      reason: null,
      due_by: null,
      at: ago(5),
      open: false,
      needs_a_person: true,
      says: "It was refunded in Stripe's dashboard, and that failed: the customer has nothing back.",
    });
    this.announce();
  }

  /** The evidence is in: the bank has the dispute. */
  answerDispute(): void {
    for (const each of this.#cases) {
      if (each.kind !== "dispute") continue;
      each.state = "under_review";
      each.needs_a_person = false;
      each.says = "The bank is deciding. Nothing to do but wait.";
    }
    this.announce();
  }

  /** The customer gives a card on the page, or at the reader. */
  giveCard(brand = "Mastercard", last4 = "4444"): void {
    const saving = this.#saving;
    const found = this.#customers.find((each) => each.id === saving?.customer);
    if (!saving || !found) return;
    found.cards.push(savedCard(saving.id, brand, last4, "12/2034", found.cards.length === 0));
    this.#sortCards(found);
    saving.state = "saved";
    saving.says = "The card is saved.";
    saving.url = null;
    this.announce();
  }

  /** The customer of the scene has a second card, and it is past its month. */
  giveAna(): void {
    const ana = this.#customers[0];
    ana?.cards.push(savedCard("card-old", "Mastercard", "7719", "10/2026", false, true));
    this.announce();
  }

  #sortCards(of: CustomerView): void {
    of.cards.sort((a, b) => Number(b.is_default) - Number(a.is_default));
    of.card = of.cards[0] ?? null;
  }

  #customerDetail(id: string): CustomerDetailView {
    const found = this.#customers.find((each) => each.id === id);
    if (!found) refuse("not_found", "That is not here any more. Nothing was changed.");
    return {
      customer: found,
      email: found.contact,
      phone: null,
      tax_set: null,
      saving: this.#saving?.customer === id ? { ...this.#saving } : null,
      removing: 0,
    };
  }

  announce(): void {
    const connection = this.#connection();
    for (const heard of this.#listeners) heard(connection);
  }

  settleTender(state: TenderStateView): void {
    const tender = this.#sale?.tenders.at(-1);
    if (!tender) return;
    this.#put(tender, state);
    this.announce();
  }

  /** The customer does something at the reader: `certain` with a tip in cents, or `declined`. */
  atReader(state: "certain" | "declined" | "unknown" | "canceled", tip = 0): void {
    const tender = this.#sale?.tenders.find((each) => each.reader && each.state === "at_reader");
    if (!tender?.reader) return;
    if (tip > 0) tender.reader.tip = eur(tip);
    if (state === "certain") tender.label = "Visa •••• 4242";
    this.#put(tender, state);
    if (state === "declined")
      tender.says = "The bank declined the card: not enough money on it. Nothing was charged.";
    this.announce();
  }

  /** As if these were registered, the first one this till's. */
  addReaders(online = true): void {
    this.#location = "tml_UltramarinosPena";
    this.#readers = [
      { id: "tmr_1", label: "Counter", device: "Stripe S700", online, chosen: true },
      { id: "tmr_2", label: "Back office", device: "WisePOS E", online: true, chosen: false },
      { id: "tmr_3", label: "Terrace", device: "WisePOS E", online: false, chosen: false },
    ];
    this.announce();
  }

  lockUser(name: string, minutes: number): void {
    const person = this.#people.find((each) => each.name === name);
    if (person) person.locked_until = new Date(Date.now() + minutes * 60_000).toISOString();
    this.announce();
  }

  // The contract.

  commands(): Commands {
    const answer = <A extends unknown[], T>(name: string, work: (...args: A) => T) => {
      return async (...args: A): Promise<T> => {
        this.calls.push(name);
        if (this.delayMs > 0) await new Promise((done) => setTimeout(done, this.delayMs));
        const result = work(...args);
        return structuredClone(result);
      };
    };
    const sale = (): SaleView => this.#view(this.#open());
    return {
      boot: answer("boot", () => this.#bootView()),
      setupSample: answer("setup_sample", () => {
        this.#openShop("Ultramarinos Peña");
        this.#seedHistory();
        return this.#bootView();
      }),
      setupShop: answer(
        "setup_shop",
        (_profile: string, _place: string | null, name: string, manager: string, pin: string) => {
          this.#openShop(name);
          this.#people = [person("u1", manager, "owner", pin)];
          this.#testMode = false;
          return this.#bootView();
        },
      ),
      signIn: answer("sign_in", (user: string, pin: string) => {
        this.#session = this.#check(user, pin);
        return this.#bootView();
      }),
      signOut: answer("sign_out", () => {
        this.#session = null;
        return this.#bootView();
      }),
      shiftOpen: answer("shift_open", (float: string) => {
        this.#openShift(minor(float));
        return this.#bootView();
      }),

      categories: answer("categories", () => (this.#boot ? CATEGORIES : [])),
      products: answer("products", (category: string | null) =>
        category === null ? PRODUCTS.slice(0, 16) : PRODUCTS.filter((each) => each.category === category),
      ),
      search: answer("search", (text: string) => {
        const wanted = fold(text.trim());
        return wanted === ""
          ? []
          : PRODUCTS.filter((each) => fold(each.name).includes(wanted) || each.sku === wanted);
      }),

      saleCurrent: answer("sale_current", () => (this.#sale ? this.#view(this.#sale) : null)),
      saleWhy: answer("sale_why", () => this.#why(this.#view(this.#open()))),
      scan: answer("scan", (code: string) => {
        if (code.toUpperCase() === COUPON) return this.#coupon(code);
        const weighed = /^(2\d{6})(\d{5})\d$/.exec(code);
        const found = PRODUCTS.find((each) => each.code === (weighed?.[1] ?? code));
        if (!found) refuse("barcode_unknown", "No product has this code. Nothing was added. Type its name.");
        return this.#add(found.id, weighed ? String(Number(weighed[2]) / 1000) : null);
      }),
      addProduct: answer("add_product", (product: string, quantity: string | null) =>
        this.#add(product, quantity),
      ),
      setQuantity: answer("set_quantity", (line: string, quantity: string) => {
        const found = this.#line(line);
        const wanted = Number(quantity);
        if (!Number.isFinite(wanted) || wanted <= 0) {
          refuse("negative", "The number must not be below zero. Nothing was changed.");
        }
        if (!found.product.weighed && !Number.isInteger(wanted)) {
          refuse(
            "quantity_kind",
            "Goods sold by weight need a weight, others a whole number. Nothing was changed.",
          );
        }
        found.quantity = wanted;
        return sale();
      }),
      overridePrice: answer(
        "override_price",
        (line: string, price: string, approval: ApprovalInput | null) => {
          this.#needsManager(approval);
          this.#line(line).price = minor(price);
          return sale();
        },
      ),
      discountLine: answer(
        "discount_line",
        (line: string, discount: DiscountInput | null, approval: ApprovalInput | null) => {
          const { percent, off } = this.#discount(discount, approval);
          Object.assign(this.#line(line), { percent, off });
          return sale();
        },
      ),
      addCoupon: answer("add_coupon", (code: string) => this.#coupon(code)),
      removeCoupon: answer("remove_coupon", (code: string) => {
        const open = this.#open();
        open.coupons = open.coupons.filter((each) => each !== code);
        return sale();
      }),
      discountSale: answer(
        "discount_sale",
        (discount: DiscountInput | null, approval: ApprovalInput | null) => {
          Object.assign(this.#open(), this.#discount(discount, approval));
          return sale();
        },
      ),
      voidLine: answer("void_line", (line: string) => {
        this.#line(line).voided = true;
        return sale();
      }),
      unvoidLine: answer("unvoid_line", (line: string) => {
        this.#line(line).voided = false;
        return sale();
      }),
      voidSale: answer("void_sale", () => {
        if (this.#sale && this.#sale.tenders.length > 0) {
          refuse("tender_busy", "A tender is on this sale. Nothing was changed. Take it back first.");
        }
        this.#sale = null;
        return null;
      }),
      customers: answer("customers", (text: string) =>
        this.#customers.filter((each) => fold(each.name).includes(fold(text.trim()))),
      ),
      customer: answer("customer", (id: string) => this.#customerDetail(id)),
      addCustomer: answer("add_customer", (name: string, email: string | null, phone: string | null) => {
        if (name.trim() === "") refuse("bad_text", "A word is missing or far too long. Nothing was changed.");
        const added = customer(`c${this.#customers.length + 1}`, name, email ?? phone ?? "");
        this.#customers.push(added);
        return added;
      }),
      editCustomer: answer(
        "edit_customer",
        (id: string, name: string, email: string | null, phone: string | null) => {
          const found = this.#customerDetail(id).customer;
          found.name = name;
          found.contact = email ?? phone;
          return this.#customerDetail(id);
        },
      ),
      cardConsent: answer("card_consent", () => ({
        version: "1",
        words:
          "I agree that Ultramarinos Peña has my card kept by Stripe, its payment service, and charges it " +
          "for what I buy here when I say so, for that sum and no other. When the shop has no connection it " +
          "may be charged up to 72 hours later. The shop sees the brand, the last four digits and the expiry, " +
          "never the number. I can have the card removed here at any time.",
      })),
      saveCard: answer("save_card", (id: string, on: SaveCardOn, agreedTo: string) => {
        if (agreedTo !== "1")
          refuse(
            "consent_missing",
            "No card was saved and nothing was charged. Show the customer the words.",
          );
        this.#saving = {
          id: `card-new-${++this.#ids}`,
          customer: id,
          state: on === "page" ? "page_open" : "at_reader",
          says:
            on === "page"
              ? "The customer gives the card on Stripe's page: here, or on their own phone."
              : "The reader asks the customer for the card.",
          url: on === "page" ? "https://checkout.stripe.com/c/pay/cs_test_a1B2c3D4e5F6g7H8i9J0" : null,
          may_open: on === "page",
        };
        return this.#saving;
      }),
      cancelCardSaving: answer("cancel_card_saving", () => {
        const saving = this.#saving;
        if (!saving) refuse("not_found", "That is not here any more. Nothing was changed.");
        saving.state = "canceled";
        saving.says = "Given up. No card was saved.";
        saving.url = null;
        return saving;
      }),
      openCardPage: answer("open_card_page", () => null),
      setDefaultCard: answer("set_default_card", (id: string, card: string) => {
        const found = this.#customerDetail(id).customer;
        for (const each of found.cards) each.is_default = each.id === card;
        this.#sortCards(found);
        return this.#customerDetail(id);
      }),
      removeCard: answer("remove_card", (id: string, card: string) => {
        const found = this.#customerDetail(id).customer;
        found.cards = found.cards.filter((each) => each.id !== card);
        const first = found.cards[0];
        if (first && !found.cards.some((each) => each.is_default)) first.is_default = true;
        this.#sortCards(found);
        return this.#customerDetail(id);
      }),
      setCustomer: answer("set_customer", (id: string | null) => {
        const open = this.#open();
        open.customer = this.#customers.find((each) => each.id === id) ?? null;
        return this.#view(open);
      }),
      suspend: answer("suspend", () => {
        const open = this.#sale;
        if (!open || open.lines.every((line) => line.voided)) {
          refuse("sale_empty", "There is nothing on the sale. Nothing was taken.");
        }
        this.#suspended.unshift({ sale: open, at: ago(0), cashier: this.#who().name });
        this.#sale = null;
        this.#bookkeep();
        return null;
      }),
      suspended: answer("suspended", () =>
        this.#suspended.map(({ sale: one, at, cashier }) => ({
          id: one.id,
          at,
          cashier,
          lines: one.lines.filter((line) => !line.voided).length,
          total: this.#view(one).total,
          customer: one.customer?.name ?? null,
        })),
      ),
      recall: answer("recall", (id: string) => {
        if (this.#sale && this.#sale.lines.some((line) => !line.voided)) {
          refuse("sales_unfinished", "A sale is open. Nothing was changed. Suspend or finish it first.");
        }
        const found = this.#suspended.find((each) => each.sale.id === id);
        if (!found) refuse("not_found", "That is not here any more. Nothing was changed.");
        this.#suspended = this.#suspended.filter((each) => each !== found);
        this.#sale = found.sale;
        this.#bookkeep();
        return sale();
      }),

      tenderOptions: answer("tender_options", () => this.#options()),
      tenderCash: answer("tender_cash", (given: string) => {
        const cash = minor(given);
        const due = this.#outstanding(this.#open());
        if (cash <= 0) refuse("not_a_number", "That is not a number the till can use. Nothing was changed.");
        this.#tender("cash", "Cash", Math.min(cash, due), "certain", `Taken. ${euros(cash)} given`, cash);
        return sale();
      }),
      tenderForeignCash: answer("tender_foreign_cash", (currency: string, given: string) => {
        const rate = RATES[currency];
        if (!rate)
          refuse("tender_unavailable", "That is not possible now. Nothing was charged. Take another tender.");
        const worth = Math.round((minor(given) * rate) / 100);
        if (worth <= 0) refuse("negative", "The number must not be below zero. Nothing was changed.");
        const due = this.#outstanding(this.#open());
        const tender = this.#tender(
          "foreign_cash",
          `Cash ${currency} ${given}`,
          Math.min(worth, due),
          "certain",
          "Taken.",
          worth,
        );
        tender.notes = { minor: minor(given), currency, exponent: 2 };
        this.#foreign[currency] = (this.#foreign[currency] ?? 0) + minor(given);
        return sale();
      }),
      tenderVoucher: answer("tender_voucher", (number: string, text: string) => {
        const worth = minor(text);
        if (worth <= 0) refuse("negative", "The number must not be below zero. Nothing was changed.");
        const due = this.#outstanding(this.#open());
        if (this.#open().tenders.some((each) => each.label === `Voucher ${number}`))
          refuse("already_done", "That is done already. It was not done twice.");
        this.#tender("voucher", `Voucher ${number}`, Math.min(worth, due), "certain", "Taken.", worth);
        return sale();
      }),
      tenderCard: answer(
        "tender_card",
        (kind: CardKind, amount: string | null, approval: ApprovalInput | null) => {
          const card = this.#open().customer?.card ?? null;
          this.#takeCard(kind, kind === "saved_card" ? card : null, amount, approval);
          return sale();
        },
      ),
      tenderSavedCard: answer(
        "tender_saved_card",
        (id: string, amount: string | null, approval: ApprovalInput | null) => {
          const card = this.#open().customer?.cards.find((each) => each.id === id) ?? null;
          this.#takeCard("saved_card", card, amount, approval);
          return sale();
        },
      ),
      tenderPayLink: answer(
        "tender_pay_link",
        (amount: string | null, contact: string, approval: ApprovalInput | null) => {
          if (contact.trim() === "")
            refuse("bad_text", "A word is missing or far too long. Nothing was changed.");
          const sum = amount === null ? this.#outstanding(this.#open()) : minor(amount);
          if (this.#isOnline()) {
            const tender = this.#tender(
              "pay_link",
              "Pay link",
              sum,
              "needs_customer",
              "Waits for the customer to pay.",
            );
            tender.link = "https://checkout.stripe.example/c/pay/cs_test_a1b2c3d4e5f6";
          } else {
            if (this.#atRisk() + sum > ON_TILL) this.#needsManager(approval, "over_limit");
            this.#tender("pay_link", "Pay link", sum, "queued", "Made when back online");
          }
          return sale();
        },
      ),
      tenderExternal: answer("tender_external", (amount: string | null, code: string, last4: string) => {
        if (!/^\d{4}$/.test(last4) || code.trim() === "") {
          refuse("bad_text", "A word is missing or far too long. Nothing was changed.");
        }
        const sum = amount === null ? this.#outstanding(this.#open()) : minor(amount);
        this.#tender("external_terminal", `External terminal •••• ${last4}`, sum, "certain", `Slip ${code}`);
        return sale();
      }),
      tenderRemove: answer("tender_remove", (id: string) => {
        const open = this.#open();
        const tender = open.tenders.find((each) => each.id === id);
        // What a reader may still charge is free only when Stripe says so.
        if (tender?.reader && tender.state !== "certain" && tender.state !== "canceled") {
          tender.canceling = true;
          tender.says = "Asking Stripe to cancel it. It cannot be charged twice. Wait, or look again.";
          setTimeout(() => {
            if (!tender.canceling) return;
            tender.canceling = false;
            if (tender.state !== "certain") open.tenders = open.tenders.filter((each) => each !== tender);
            this.announce();
          }, this.cardMs * 2);
          return sale();
        }
        open.tenders = open.tenders.filter((each) => each.id !== id);
        return sale();
      }),
      tenderAgain: answer("tender_again", (id: string, reader: string | null) => {
        const tender = this.#open().tenders.find((each) => each.id === id);
        const at = this.#readers.find((each) => (reader === null ? each.chosen : each.id === reader));
        if (!tender?.reader || !at) refuse("not_found", "That is not here any more. Nothing was changed.");
        tender.reader = { label: at.label, tip: null };
        tender.label = `Card reader ${at.label}`;
        this.#process(tender);
        return sale();
      }),
      tenderLookAgain: answer("tender_look_again", (id: string) => {
        const tender = this.#open().tenders.find((each) => each.id === id);
        if (tender?.state === "unknown" && this.nextCard !== "unknown") this.#put(tender, this.nextCard);
        return sale();
      }),
      complete: answer("complete", () => this.#complete()),

      recentSales: answer("recent_sales", () =>
        this.#sold.map((sold) => ({
          receipt: sold.receipt,
          at: sold.at,
          cashier: sold.cashier,
          total: sold.sale.total,
          tenders: sold.sale.tenders.map((tender) => tender.label).join(", "),
          pending: sold.pending,
          refunded: eur(sold.refunded),
        })),
      ),
      receiptText: answer("receipt_text", (receipt: string) => this.#find(receipt).text),
      receiptPrint: answer("receipt_print", (receipt: string) => {
        this.#find(receipt);
        return null;
      }),
      receiptPdf: answer("receipt_pdf", (receipt: string) => `receipts/${this.#find(receipt).receipt}.pdf`),

      refundFind: answer("refund_find", (receipt: string) => {
        const sold = this.#find(receipt);
        return {
          receipt: sold.receipt,
          sold_at: sold.at,
          cashier: sold.cashier,
          total: sold.sale.total,
          tenders: sold.sale.tenders
            .map((tender) => `${tender.label} ${euros(tender.amount.minor)}`)
            .join(" · "),
          lines: sold.sale.lines
            .filter((line) => !line.voided)
            .map((line) => {
              const back = sold.returned.get(line.id) ?? 0;
              const left = Number(line.quantity) - back;
              return {
                id: line.id,
                name: line.name,
                sold: line.quantity,
                returned: line.weighed ? back.toFixed(3) : String(back),
                left: line.weighed ? left.toFixed(3) : String(left),
                weighed: line.weighed,
                paid: line.amount,
                paid_each: eur(Math.round(line.amount.minor / Number(line.quantity))),
                is_deposit: false,
              };
            }),
          reasons: REASONS.map(([code, name]) => ({ code, name })),
        };
      }),
      refundQuote: answer("refund_quote", (receipt: string, lines: RefundLineInput[]) =>
        this.#quote(receipt, lines),
      ),
      refundCommit: answer(
        "refund_commit",
        (receipt: string, lines: RefundLineInput[], reason: string, approval: ApprovalInput | null) => {
          const quote = this.#quote(receipt, lines);
          if (quote.total.minor === 0)
            refuse("nothing_to_refund", "Nothing is chosen. Nothing was refunded.");
          if (reason === "") refuse("bad_text", "A reason is missing. Nothing was refunded.");
          const approver = quote.needs_manager ? this.#needsManager(approval) : null;
          const sold = this.#find(receipt);
          for (const line of lines) {
            sold.returned.set(line.line, (sold.returned.get(line.line) ?? 0) + Number(line.quantity));
          }
          sold.refunded += quote.total.minor;
          if (this.#shift)
            this.#shift.refunds += quote.goes_to.at(-1)?.kind === "cash" ? quote.total.minor : 0;
          const slip = this.#nextReceipt();
          const presented = quote.goes_to.find((part) => part.presented);
          if (presented) {
            this.#entries.unshift({
              entry: {
                id: this.#id(),
                is_refund: true,
                who: presented.label,
                card: presented.label,
                receipt,
                cashier: this.#who().name,
                at: ago(0),
                amount: eur(-presented.amount.minor),
                state: "at_reader",
                says: "Present the card at Counter",
                retry_at: null,
                reason: null,
                contact: null,
              },
              history: [{ at: ago(0), says: "The reader waits for the card.", state: "at_reader" }],
              link: null,
            });
          }
          return {
            receipt: slip,
            total: quote.total,
            goes_to: quote.goes_to,
            approved_by: approver?.name ?? null,
            receipt_text: paper(`REFUND ${slip}`, [
              [`Of receipt ${receipt}`, ""],
              ["GIVEN BACK", (quote.total.minor / 100).toFixed(2)],
            ]),
            printer: null,
            pdf: `receipts/${slip}.pdf`,
          };
        },
      ),

      outbox: answer("outbox", () => this.#outbox()),
      outboxEntry: answer("outbox_entry", (id: string) => this.#detail(id)),
      outboxSendNow: answer("outbox_send_now", () => {
        this.#send();
        return this.#outbox();
      }),
      compareNow: answer("compare_now", () => {
        this.#compared = ago(0);
        return null;
      }),
      outboxDecide: answer(
        "outbox_decide",
        (id: string, action: OutboxAction, approval: ApprovalInput | null) => {
          const found = this.#entry(id);
          const offered = this.#detail(id).actions.find((each) => each.action === action);
          if (!offered?.available) {
            refuse("not_now", "That cannot be decided while the charge is not known. Nothing was changed.");
          }
          if (offered.needs_manager) this.#needsManager(approval);
          if ((action === "write_off" || action === "settled") && !approval?.reason.trim()) {
            refuse("needs_reason", "Nothing was changed. This needs a manager's PIN and a reason: say why.");
          }
          if (action === "send_now") this.#send();
          if (found.entry.is_refund) {
            if (action === "try_again") this.#mark(found, "at_reader", "Present the card at Counter");
            if (action === "take_off_reader") this.#mark(found, "needs_attention", "Present the card");
          } else if (action === "try_again") this.#mark(found, "declined", "The bank declined it once more.");
          if (action === "give_cash") this.#mark(found, "closed", "Given in cash instead.");
          if (action === "settled") this.#mark(found, "closed", "Settled in another way");
          if (action === "take_cash") this.#mark(found, "closed", "Paid in cash instead.");
          if (action === "write_off") this.#mark(found, "closed", `Written off: ${approval?.reason ?? ""}.`);
          if (action === "pay_link") {
            found.link = "https://checkout.stripe.example/c/pay/cs_test_outbox";
            this.#mark(found, "needs_customer", "Pay link sent.");
          }
          this.announce();
          return this.#detail(id);
        },
      ),

      paidIn: answer("paid_in", (amount: string) => {
        if (this.#shift) this.#shift.in += minor(amount);
        return null;
      }),
      paidOut: answer("paid_out", (amount: string, _reason: string, approval: ApprovalInput | null) => {
        if (minor(amount) > 5000) this.#needsManager(approval);
        if (this.#shift) this.#shift.out += minor(amount);
        return null;
      }),
      noSale: answer("no_sale", () => null),
      countView: answer("count_view", () => this.#countView()),
      count: answer("count", (pieces: CountInput[], foreign: ForeignCountInput[]) => {
        this.#countedForeign = Object.fromEntries(foreign.map((each) => [each.currency, minor(each.amount)]));
        if (this.#suspended.length > 0 || this.#sale) {
          refuse(
            "sales_unfinished",
            "The shift stays open and nothing is lost. Finish or void the open and suspended sales first.",
          );
        }
        this.#counted = pieces.reduce((sum, each) => sum + each.denomination_minor * each.pieces, 0);
        return this.#compare();
      }),
      recount: answer("recount", () => {
        this.#recounted = true;
        return this.#countView();
      }),
      close: answer("close", (_note: string, _next: string | null, approval: ApprovalInput | null) => {
        if (this.#compare().needs_manager) this.#needsManager(approval);
        const report = this.#report(this.#shift?.number ?? 0);
        this.#z.unshift(report);
        this.#shift = null;
        this.#recounted = false;
        return report;
      }),
      reportX: answer("report_x", () => this.#report(null)),
      reportPdf: answer("report_pdf", (number: number | null) =>
        number === null ? "reports/x.pdf" : `reports/z-${String(number).padStart(6, "0")}.pdf`,
      ),
      reportZ: answer("report_z", (number: number) => {
        const found = this.#z.find((each) => each.number === number);
        return found ?? refuse("not_found", "That is not here any more. Nothing was changed.");
      }),
      reports: answer("reports", () =>
        this.#z.map((each) => ({
          number: each.number ?? 0,
          closed_at: each.to,
          takings: each.takings,
          difference: each.difference ?? eur(0),
        })),
      ),
      managers: answer("managers", () => this.#people.filter((each) => each.role !== "cashier").map(shown)),

      connection: answer("connection", () => this.#connection()),
      setForcedOffline: answer("set_forced_offline", (offline: boolean) => {
        this.forcedOffline = offline;
        this.offlineSince = offline ? ago(0) : null;
        this.announce();
        return this.#connection();
      }),
      stripeStatus: answer("stripe_status", () => ({
        connected: true,
        account: "acct_1TestUltramarinos",
        livemode: false,
        says: "Test mode. Nothing can be charged for real money.",
      })),

      readers: answer("readers", () => this.#readersView()),
      readersLook: answer("readers_look", () => this.#errand("Asking Stripe for the readers.", () => {})),
      readersPlace: answer("readers_place", (place: PlaceInput) => {
        this.#mustManage();
        if (!/^[a-zA-Z]{2}$/.test(place.country))
          refuse("bad_text", "A word is missing or far too long. Nothing was changed.");
        return this.#errand("Telling Stripe where the shop is.", () => {
          this.#location = "tml_UltramarinosPena";
        });
      }),
      readersAt: answer("readers_at", (location: string) => {
        this.#mustManage();
        this.#location = location;
        return this.#readersView();
      }),
      readersTips: answer("readers_tips", (on: boolean) => {
        this.#mustManage();
        this.#tips = on;
        return this.#readersView();
      }),
      readerRegister: answer("reader_register", (code: string, label: string) => {
        this.#mustManage();
        const says = this.registerSays;
        return this.#errand("Registering the reader at Stripe.", () => {
          this.#readersProblem = says;
          if (says !== null) return;
          const device = code.startsWith("simulated") ? "WisePOS E, simulated" : "Stripe S700";
          const chosen = this.#readers.every((each) => !each.chosen);
          this.#readers.push({ id: this.#id(), label, device, online: true, chosen });
        });
      }),
      readerUse: answer("reader_use", (id: string) => {
        this.#mustManage();
        for (const each of this.#readers) each.chosen = each.id === id;
        return this.#readersView();
      }),
      readerForget: answer("reader_forget", (id: string) => {
        this.#mustManage();
        this.#readers = this.#readers.filter((each) => each.id !== id);
        return this.#readersView();
      }),

      onTillChanged: (heard) => {
        this.#listeners.add(heard);
        return () => this.#listeners.delete(heard);
      },
    };
  }

  // Behind the contract.

  #isOnline(): boolean {
    return this.online && !this.forcedOffline;
  }

  #id(): string {
    this.#ids += 1;
    return `x${this.#ids}`;
  }

  #openShop(name: string): void {
    this.#boot = true;
    this.#name = name;
    this.#people = [
      person("u1", "Inés Núñez", "cashier", "1111"),
      person("u2", "Łukasz Wójcik", "cashier", "2222"),
      person("u3", "Aïcha Benali", "cashier", "3333"),
      person("u4", "Seán Ó Briain", "cashier", "4444"),
      person("u5", "Tomás Agüero", "manager", "9876"),
      person("u6", "Marta Peña", "owner", "864209"),
    ];
  }
  #name = "";

  #openShift(float: number): void {
    this.#shiftNumber += 1;
    this.#shift = {
      number: this.#shiftNumber,
      opened_at: ago(9 * 60 + 40),
      opened_by: this.#who().name,
      suspended: this.#suspended.length,
      float,
      cash: 0,
      in: 0,
      out: 0,
      refunds: 0,
    };
  }

  #who(): Person {
    return (
      this.#session ??
      refuse("not_signed_in", "Nobody is signed in. Nothing was changed. Sign in with a PIN.")
    );
  }

  #bootView(): BootView {
    return {
      shop: this.#boot
        ? {
            name: this.#name,
            till: "Till 1",
            currency: "EUR",
            locale: "en-ES",
            timezone: "Europe/Madrid",
            test_mode: this.#testMode,
            refund_threshold: eur(5000),
          }
        : null,
      users: this.#people.map(shown),
      session: this.#session ? shown(this.#session) : null,
      shift: this.#shift
        ? {
            number: this.#shift.number,
            opened_at: this.#shift.opened_at,
            opened_by: this.#shift.opened_by,
            suspended: this.#suspended.length,
          }
        : null,
      connection: this.#connection(),
      version: "0.1.0",
      profiles: [
        ["BE", "Belgium", "EUR"],
        ["CH", "Switzerland", "CHF"],
        ["DE", "Germany", "EUR"],
        ["ES", "Spain", "EUR"],
        ["FR", "France", "EUR"],
        ["GB", "United Kingdom", "GBP"],
        ["IE", "Ireland", "EUR"],
        ["NL", "Netherlands", "EUR"],
        ["US", "United States", "USD"],
      ].map(([code, name, currency]) => ({
        code: code ?? "",
        name: name ?? "",
        currency: currency ?? "",
        places: code === "US" ? [{ code: "US-NY-NYC", name: "New York City" }] : [],
        place_required: code === "US",
      })),
    };
  }

  #bookkeep(): void {
    if (this.#shift) this.#shift.suspended = this.#suspended.length;
  }

  #check(user: string, pin: string): Person {
    const found = this.#people.find((each) => each.id === user);
    if (!found) refuse("not_found", "That is not here any more. Nothing was changed.");
    if (found.locked_until && new Date(found.locked_until) > new Date()) {
      refuse("pin_locked", "Too many wrong PINs. Nothing was changed. Wait, or ask a manager.", {
        locked_until: found.locked_until,
      });
    }
    if (found.pin !== pin) {
      found.wrong += 1;
      if (found.wrong >= 5) {
        found.wrong = 0;
        found.locked_until = new Date(Date.now() + 15 * 60_000).toISOString();
        refuse("pin_locked", "Too many wrong PINs. Nothing was changed. Wait, or ask a manager.", {
          locked_until: found.locked_until,
        });
      }
      refuse("pin_wrong", "Wrong PIN. Nothing was changed.", { tries_left: 5 - found.wrong });
    }
    found.wrong = 0;
    found.locked_until = null;
    return found;
  }

  #mustManage(): void {
    if (this.#who().role === "cashier")
      refuse("needs_manager", "Nothing was changed. This needs a manager's PIN.");
  }

  #readersView(): ReadersView {
    return {
      readers: this.#readers,
      location: this.#location,
      place: {
        line1: "Calle de la Colegiata 9",
        city: "Madrid",
        postal_code: "28012",
        state: "",
        country: "ES",
      },
      listed_at: this.#readers.length > 0 ? ago(1) : null,
      working: this.#readersWorking,
      problem: this.#readersProblem,
      tips: this.#tips,
    };
  }

  /** Something is asked of Stripe; the answer comes a little later. */
  #errand(words: string, then: () => void): ReadersView {
    if (!this.#isOnline())
      refuse("offline", "The till is offline. Nothing was changed. Try again when it is online.");
    this.#readersWorking = words;
    this.#readersProblem = null;
    setTimeout(() => {
      this.#readersWorking = null;
      then();
      this.announce();
    }, this.cardMs);
    return this.#readersView();
  }

  /** Gives a payment to its reader. */
  #process(tender: Tender): void {
    this.#put(tender, "working");
    const says = this.readerSays;
    this.readerSays = null;
    setTimeout(() => {
      if (tender.state !== "working") return;
      this.#put(tender, says === null ? "at_reader" : "needs_attention");
      if (says === "terminal_reader_busy")
        tender.says =
          "Nothing was charged. The reader is busy with something else. Try again in a moment, or take another tender.";
      if (says === "terminal_reader_offline")
        tender.says =
          "Nothing was charged. The reader has no network. Look at it and try again, or take another tender.";
      this.announce();
    }, this.cardMs);
  }

  #needsManager(approval: ApprovalInput | null, code: ErrorCode = "needs_manager"): Person {
    const who = this.#who();
    if (!approval && who.role !== "cashier") return who;
    if (!approval) {
      refuse(
        code,
        code === "over_limit"
          ? "Over the limit for cards while offline. Nothing was taken. Take the rest in cash, or ask a manager."
          : "Nothing was changed. This needs a manager's PIN.",
      );
    }
    return this.#check(approval.user, approval.pin);
  }

  #discount(
    discount: DiscountInput | null,
    approval: ApprovalInput | null,
  ): { percent: number; off: number } {
    if (!discount) return { percent: 0, off: 0 };
    if ("percent" in discount) {
      const percent = Number(discount.percent);
      if (percent > 100) refuse("percent_over100", "A discount is 100 % at most. Nothing was changed.");
      if (percent > 20) this.#needsManager(approval);
      return { percent, off: 0 };
    }
    return { percent: 0, off: minor(discount.amount) };
  }

  #open(): Sale {
    this.#sale ??= {
      id: this.#id(),
      lines: [],
      customer: null,
      percent: 0,
      off: 0,
      coupons: [],
      tenders: [],
    };
    return this.#sale;
  }

  #line(id: string): Line {
    const found = this.#open().lines.find((line) => line.id === id);
    return found ?? refuse("not_found", "That is not here any more. Nothing was changed.");
  }

  #add(product: string, quantity: string | null): SaleView {
    const found = PRODUCTS.find((each) => each.id === product);
    if (!found) refuse("not_found", "That is not here any more. Nothing was changed.");
    if (found.weighed && quantity === null) {
      refuse(
        "quantity_kind",
        "Goods sold by weight need a weight, others a whole number. Nothing was changed.",
      );
    }
    const open = this.#open();
    const last = open.lines.at(-1);
    const amount = quantity === null ? 1 : Number(quantity);
    if (last && last.product.id === product && !found.weighed && !last.voided) last.quantity += amount;
    else {
      open.lines.push({
        id: this.#id(),
        product: found,
        quantity: amount,
        price: found.price.minor,
        percent: 0,
        off: 0,
        voided: false,
      });
    }
    return this.#view(open);
  }

  #coupon(code: string): SaleView {
    const open = this.#open();
    const known = code.trim().toUpperCase();
    if (known !== COUPON) {
      refuse(
        "coupon_unknown",
        "No offer of the shop is for this coupon now. Nothing was changed. Check the code and its dates.",
      );
    }
    if (!open.coupons.includes(known)) open.coupons.push(known);
    return this.#view(open);
  }

  /** Two offers: 3 for 2 soap, and a tenth off nougat with a coupon. */
  #promotions(line: Line, coupons: string[]): PromotedView[] {
    if (line.price !== line.product.price.minor || line.voided) return [];
    const found = (name: string, amount: number, says: string): PromotedView[] =>
      amount > 0 ? [{ name, amount: eur(amount), says: `${name}: ${says}` }] : [];
    if (line.product.name === "Jabón de Marsella") {
      const free = Math.floor(line.quantity / 3);
      return found("3 for 2 soap", free * line.price, "of every 3, the cheapest is free");
    }
    if (line.product.name.startsWith("Turrón") && coupons.includes(COUPON)) {
      const tenth = Math.round(line.price / 10) * line.quantity;
      return found("Christmas coupon", tenth, "each 10 % less");
    }
    return [];
  }

  #amounts(line: Line, coupons: string[]): { gross: number; discount: number } {
    const gross = Math.round(line.price * line.quantity);
    const left = this.#promotions(line, coupons).reduce((rest, each) => rest - each.amount.minor, gross);
    return {
      gross,
      discount: gross - left + Math.min(left, Math.round((left * line.percent) / 100) + line.off),
    };
  }

  #total(sale: Sale): { gross: number; lines: number; total: number } {
    let gross = 0;
    let lines = 0;
    for (const line of sale.lines.filter((each) => !each.voided)) {
      const amounts = this.#amounts(line, sale.coupons);
      gross += amounts.gross;
      lines += amounts.gross - amounts.discount;
    }
    return { gross, lines, total: Math.max(0, lines - Math.round((lines * sale.percent) / 100) - sale.off) };
  }

  #outstanding(sale: Sale): number {
    const paid = sale.tenders
      .filter((tender) => tender.state !== "canceled" && (tender.state !== "declined" || tender.reader))
      .reduce((sum, tender) => sum + tender.amount, 0);
    return Math.max(0, this.#total(sale).total - paid);
  }

  #why(sale: SaleView): WhyView[] {
    const step = (line: string | null, amount: MoneyView, counts: boolean, says: string): WhyView => ({
      line,
      amount,
      counts,
      says,
    });
    return [
      ...sale.lines
        .filter((line) => !line.voided)
        .flatMap((line) => [
          step(line.id, line.gross, true, `${line.quantity} × ${euros(line.unit_price.minor)}.`),
          ...line.promotions.map((each) => step(line.id, eur(-each.amount.minor), true, `${each.says}.`)),
          ...line.discounts.map((off) =>
            step(line.id, eur(-line.discount.minor), true, `${off} off the line.`),
          ),
          step(line.id, line.amount, false, `The line comes to ${euros(line.amount.minor)}.`),
        ]),
      step(null, sale.total, false, `The sale comes to ${euros(sale.total.minor)}.`),
    ];
  }

  #view(sale: Sale): SaleView {
    const { gross, total } = this.#total(sale);
    const outstanding = this.#outstanding(sale);
    const change = sale.tenders.reduce(
      (sum, tender) => sum + ((tender.given ?? tender.amount) - tender.amount),
      0,
    );
    const busy = sale.tenders.some((tender) => ["working", "at_reader", "unknown"].includes(tender.state));
    const waits = sale.tenders.some(
      (tender) =>
        ["working", "at_reader", "unknown", "needs_customer"].includes(tender.state) ||
        (tender.reader && ["declined", "needs_attention"].includes(tender.state)),
    );
    return {
      id: sale.id,
      lines: sale.lines.map((line): LineView => {
        const { gross: before, discount } = this.#amounts(line, sale.coupons);
        const promotions = this.#promotions(line, sale.coupons);
        const promoted = promotions.reduce((sum, each) => sum + each.amount.minor, 0);
        return {
          id: line.id,
          product: line.product.id,
          name: line.product.name,
          quantity: line.product.weighed ? line.quantity.toFixed(3) : String(line.quantity),
          weighed: line.product.weighed,
          unit_price: eur(line.price),
          list_price: line.price === line.product.price.minor ? null : line.product.price,
          gross: eur(before),
          promotions,
          discount: eur(discount - promoted),
          discounts: [line.percent ? `${line.percent} %` : "", line.off ? euros(line.off) : ""].filter(
            Boolean,
          ),
          amount: eur(before - discount),
          is_deposit: false,
          voided: line.voided,
        };
      }),
      customer: sale.customer,
      gross: eur(gross),
      coupons: sale.coupons.map((code) => ({
        code,
        name: "Christmas coupon",
        used: sale.lines.some((line) =>
          this.#promotions(line, sale.coupons).some((each) => each.name.startsWith("Christmas")),
        ),
      })),
      discount: eur(gross - total),
      sale_discounts: [sale.percent ? `${sale.percent} %` : "", sale.off ? euros(sale.off) : ""].filter(
        Boolean,
      ),
      tax: eur(Math.round(total - total / 1.0845)),
      tax_included: true,
      total: eur(total),
      outstanding: eur(outstanding),
      cash_due: eur(outstanding),
      cash_rounding: eur(0),
      change: eur(change),
      tenders: sale.tenders.map((tender) => ({
        id: tender.id,
        kind: tender.kind,
        label: tender.label,
        amount: eur(tender.amount),
        given: tender.notes ?? (tender.given === null ? null : eur(tender.given)),
        state: tender.state,
        says: tender.says,
        can_remove: tender.reader ? !tender.canceling : !["working", "unknown"].includes(tender.state),
        can_look_again: tender.state === "unknown",
        link: tender.link,
        ...(tender.reader
          ? {
              reader: {
                ...tender.reader,
                can_try_again: !tender.canceling && ["declined", "needs_attention"].includes(tender.state),
              },
            }
          : {}),
      })),
      can_complete: sale.lines.some((line) => !line.voided) && outstanding === 0 && !waits,
      busy,
    };
  }

  #tender(
    kind: TenderKindView,
    label: string,
    amount: number,
    state: TenderStateView,
    says: string,
    given: number | null = null,
  ): Tender {
    const open = this.#open();
    if (open.lines.every((line) => line.voided)) {
      refuse("sale_empty", "There is nothing on the sale. Nothing was taken.");
    }
    const tender: Tender = { id: this.#id(), kind, label, amount, given, state, says, link: null };
    open.tenders.push(tender);
    return tender;
  }

  #put(tender: Tender, state: TenderStateView): void {
    tender.state = state;
    tender.says = {
      certain: "Approved",
      declined: "The card was declined. Nothing was charged. Take another tender.",
      unknown: "Not known yet if the card was charged. It cannot be charged twice.",
      canceled: "Cancelled. Nothing was charged. Take another tender.",
      working: "On its way to the bank.",
      at_reader: "The customer taps, inserts or swipes the card at the reader. Nothing is charged yet.",
      queued: "Queued, not yet charged",
      needs_customer: "Waits for the customer to pay.",
      needs_attention: "A person must look.",
      expired: "Too old.",
      closed: "Closed.",
    }[state];
  }

  #takeAtReader(sum: number): void {
    if (!this.#isOnline())
      refuse(
        "reader_needs_stripe",
        "A card reader works only while Stripe can be reached. Nothing was charged and nothing is queued. Take another tender.",
      );
    const reader =
      this.#readers.find((each) => each.chosen) ??
      refuse(
        "no_reader",
        "No card reader is chosen for this till. Nothing was charged. Take another tender, or ask a manager to choose a reader.",
      );
    const tender = this.#tender("reader", `Card reader ${reader.label}`, sum, "working", "");
    tender.reader = { label: reader.label, tip: null };
    this.#process(tender);
  }

  #takeCard(
    kind: CardKind,
    card: CardView | null,
    amount: string | null,
    approval: ApprovalInput | null,
  ): void {
    const due = this.#outstanding(this.#open());
    const sum = amount === null ? due : minor(amount);
    if (sum > due) refuse("over_due", "A card cannot be charged more than is due. Nothing was charged.");
    if (kind === "saved_card" && !card) {
      refuse("no_saved_card", "This customer has no saved card. Nothing was charged. Take another tender.");
    }
    if (kind === "reader") {
      this.#takeAtReader(sum);
      return;
    }
    const label = card ? `${card.brand} •••• ${card.last4}` : "Test card •••• 4242";
    if (!this.#isOnline()) {
      if (sum > PER_TENDER || this.#atRisk() + sum > ON_TILL) this.#needsManager(approval, "over_limit");
      this.#tender(kind, label, sum, "queued", "Queued, not yet charged");
      return;
    }
    const tender = this.#tender(kind, label, sum, "working", "On its way to the bank.");
    const then = this.nextCard;
    this.nextCard = "certain";
    setTimeout(() => {
      if (tender.state !== "working") return;
      this.#put(tender, then);
      this.announce();
    }, this.cardMs);
  }

  #options() {
    const open = this.#open();
    const due = this.#outstanding(open);
    const offline = !this.#isOnline();
    const risk = this.#atRisk();
    const most = Math.max(0, Math.min(PER_TENDER, ON_TILL - risk));
    const notes = [...new Set([500, 1000, 2000, 5000].map((note) => Math.ceil((due + 1) / note) * note))];
    const sum = (due / 100).toFixed(2);
    const others: OtherOptionView[] = [];
    const cards = open.customer?.cards ?? [];
    for (const card of cards.length > 0 ? cards : [null]) {
      const expired = card?.expired ?? false;
      others.push({
        kind: "saved_card",
        card: card?.id ?? null,
        title: card ? `Saved card · ${card.brand} •••• ${card.last4}` : "Saved card",
        says: card
          ? `${open.customer?.name ?? ""}. ${offline ? "Charged when back online." : "Charged now."}${
              expired ? ` Expired ${card.expires}: the bank may refuse it.` : ""
            }`
          : "Choose a customer with a saved card first (F3 on the sale).",
        available: card !== null && due > 0 && !(offline && expired),
        certain: !offline,
        most: offline ? eur(most) : null,
        needs_manager: offline && due > most,
        receipt_says: offline
          ? [
              `Card  ${card?.brand ?? ""} **** ${card?.last4 ?? ""}`.padEnd(30) + sum.padStart(8),
              "CARD PAYMENT PENDING",
              `Your card will be charged ${sum} EUR`,
              "when this till is back online.",
            ]
          : [`Card  ${card?.brand ?? ""} **** ${card?.last4 ?? ""}`.padEnd(30) + sum.padStart(8)],
      });
    }
    const reader = this.#readers.find((each) => each.chosen);
    if (this.#readers.length > 0) {
      others.push({
        kind: "reader",
        card: null,
        title: reader ? `Card reader · ${reader.label}` : "Card reader",
        says: !reader
          ? "No reader is chosen for this till. A manager chooses one."
          : offline
            ? "Works only while Stripe can be reached."
            : reader.online
              ? "The customer taps, inserts or swipes. Charged now."
              : "Offline when Stripe was asked last. Look at its power and its network.",
        available: reader !== undefined && !offline && due > 0,
        certain: true,
        most: null,
        needs_manager: false,
        receipt_says: [],
      });
    }
    others.push({
      kind: "pay_link",
      card: null,
      title: "Pay link",
      says: offline
        ? "Made when back online; then send it on from the outbox."
        : "The customer scans it and pays by phone.",
      available: due > 0,
      certain: !offline,
      most: offline ? eur(most) : null,
      needs_manager: offline && due > most,
      receipt_says: ["Pay link".padEnd(30) + sum.padStart(8)],
    });
    others.push({
      kind: "external_terminal",
      card: null,
      title: "External terminal",
      says: "Charge on the other machine, type its slip number.",
      available: due > 0,
      certain: true,
      most: null,
      needs_manager: false,
      receipt_says: ["External terminal".padEnd(30) + sum.padStart(8)],
    });
    if (this.#testMode) {
      others.push({
        kind: "simulated_reader",
        card: null,
        title: "Simulated reader",
        says: offline ? "Needs the network. Nothing is taken offline." : "A test card, as if tapped.",
        available: !offline && due > 0,
        certain: true,
        most: null,
        needs_manager: false,
        receipt_says: ["Card  Test **** 4242".padEnd(30) + sum.padStart(8)],
      });
    }
    return {
      outstanding: eur(due),
      cash: [due, ...notes].slice(0, 4).map((given) => ({ given: eur(given), change: eur(given - due) })),
      foreign: Object.entries(RATES).map(([currency, rate]) => ({
        due: { minor: Math.ceil((due * 100) / rate), currency, exponent: 2 },
        says: `1 ${currency} is ${(rate / 100).toFixed(2)} EUR`,
      })),
      voucher: "What is not needed of it is given back in cash.",
      others,
      limits: offline
        ? {
            this_tender: eur(due),
            per_tender: eur(PER_TENDER),
            customer_waiting: eur(0),
            per_customer: eur(PER_CUSTOMER),
            waiting: eur(risk),
            on_till: eur(ON_TILL),
            room: eur(Math.max(0, ON_TILL - risk - due)),
          }
        : null,
    };
  }

  /** A sale of 2 that a Canadian debit card paid at the reader; gives its receipt. */
  sellByInterac(): string {
    const mine = this.#sale;
    this.#sale = null;
    this.#add("p1", "2");
    const sale = this.#open();
    this.#tender("reader", "Interac •••• 1933", this.#outstanding(sale), "certain", "Approved");
    const { receipt } = this.#complete();
    this.#sale = mine;
    return receipt;
  }

  #nextReceipt(): string {
    this.#receipt += 1;
    return `1-${String(this.#receipt).padStart(6, "0")}`;
  }

  #complete(): DoneView {
    const open = this.#open();
    const view = this.#view(open);
    if (!view.can_complete) refuse("underpaid", "The sale is not paid yet. It stays open. Take the rest.");
    const receipt = this.#nextReceipt();
    const queued = open.tenders.filter((tender) => tender.state === "queued");
    for (const tender of queued) {
      this.#entries.unshift({
        entry: {
          id: tender.id,
          is_refund: false,
          who: open.customer?.name ?? tender.label,
          card: tender.label,
          receipt,
          cashier: this.#who().name,
          at: ago(0),
          amount: eur(tender.amount),
          state: "queued",
          says: "Waiting for the network",
          retry_at: null,
          reason: null,
          contact: null,
        },
        history: [{ at: ago(0), says: "Sale complete. On a saved card, at your risk.", state: "certain" }],
        link: null,
      });
    }
    const cash = open.tenders
      .filter((each) => each.kind === "cash")
      .reduce((sum, each) => sum + each.amount, 0);
    if (this.#shift) this.#shift.cash += cash;
    const text = receiptPaper(receipt, view);
    this.#sold.unshift({
      receipt,
      at: ago(0),
      cashier: this.#who().name,
      sale: view,
      text,
      pending: queued.length > 0,
      refunded: 0,
      returned: new Map(),
    });
    this.#sale = null;
    const risk = queued.reduce((sum, tender) => sum + tender.amount, 0);
    const done: DoneView = {
      receipt,
      sale: view,
      change: view.change,
      at_risk: eur(risk),
      receipt_text: text,
      printer: null,
      pdf: `receipts/${receipt}.pdf`,
    };
    queueMicrotask(() => this.announce());
    return done;
  }

  #find(receipt: string): Sold {
    const found = this.#sold.find((each) => each.receipt === receipt.trim());
    return found ?? refuse("not_found", "That is not here any more. Nothing was changed.");
  }

  #quote(receipt: string, lines: RefundLineInput[]): RefundQuoteView {
    const sold = this.#find(receipt);
    const values = lines.map((wanted) => {
      const line = sold.sale.lines.find((each) => each.id === wanted.line);
      if (!line) refuse("not_found", "That is not here any more. Nothing was changed.");
      const left = Number(line.quantity) - (sold.returned.get(line.id) ?? 0);
      if (Number(wanted.quantity) > left + 1e-9) {
        refuse("more_than_sold", "More than was sold and not yet returned. Nothing was refunded.");
      }
      return Math.round((line.amount.minor * Number(wanted.quantity)) / Number(line.quantity));
    });
    const total = values.reduce((sum, value) => sum + value, 0);
    const card = sold.sale.tenders.find((tender) => tender.kind !== "cash");
    const toCard = card ? Math.min(total, card.amount.minor) : 0;
    const goes: RefundQuoteView["goes_to"] = [];
    if (card && toCard > 0) {
      goes.push({
        label: card.label,
        kind: card.kind,
        amount: eur(toCard),
        says:
          card.state === "queued"
            ? "Not charged yet: the charge is lowered by this much."
            : isInterac(card.label)
              ? "Present the card at Counter."
              : `First: the card that paid, up to the ${euros(card.amount.minor)} left on it`,
        presented: isInterac(card.label),
      });
    }
    if (total - toCard > 0) {
      goes.push({
        label: "Cash",
        kind: "cash",
        amount: eur(total - toCard),
        says: card ? "The rest, as part was paid in cash" : "As it was paid",
        presented: false,
      });
    }
    const over = total > 5000;
    return {
      total: eur(total),
      tax: eur(Math.round(total - total / 1.1)),
      cash_rounding: eur(0),
      lines: values.map(eur),
      goes_to: goes,
      needs_manager: over,
      says: over ? "Over €50.00, so a manager approves it with a PIN." : null,
      managers: this.#people.filter((each) => each.role !== "cashier").map(shown),
    };
  }

  #waiting(): Entry[] {
    return this.#entries.filter(({ entry }) =>
      ["queued", "working", "unknown", "needs_customer", "at_reader"].includes(entry.state),
    );
  }

  #atRisk(): number {
    return this.#waiting()
      .filter(({ entry }) => !entry.is_refund)
      .reduce((sum, { entry }) => sum + entry.amount.minor, 0);
  }

  #needy(): Entry[] {
    return this.#entries.filter(
      ({ entry }) => entry.state === "declined" || entry.state === "needs_attention",
    );
  }

  #connection(): ConnectionView {
    const waiting = this.#waiting();
    const oldest = waiting.at(-1)?.entry.at ?? null;
    return {
      online: this.#isOnline(),
      forced_offline: this.forcedOffline,
      offline_since: this.#isOnline() ? null : this.offlineSince,
      waiting: waiting.length,
      at_risk: eur(this.#atRisk()),
      need_a_person: this.#needy().length + this.#cases.filter((each) => each.needs_a_person).length,
      oldest_at: oldest,
      too_old: oldest !== null && Date.now() - new Date(oldest).getTime() > 72 * 3_600_000,
      sending: this.sending,
      paused: null,
    };
  }

  #outbox(): OutboxView {
    return {
      waiting: this.#waiting().map(({ entry }) => entry),
      need_a_person: this.#needy().map(({ entry }) => entry),
      settled: this.#entries
        .filter(({ entry }) => entry.state === "certain" || entry.state === "closed")
        .map(({ entry }) => entry),
      more: { waiting: 0, need_a_person: 0, settled: 0 },
      cases: this.#cases,
      books: {
        at: this.#compared,
        agree: true,
        says: `Books compared with Stripe ${this.#compared.slice(0, 10)} ${this.#compared.slice(11, 16)}: no difference`,
        differences: [],
      },
      at_risk: eur(this.#atRisk()),
      limit: eur(ON_TILL),
      offline_since: this.#isOnline() ? null : this.offlineSince,
      progress: null,
    };
  }

  #entry(id: string): Entry {
    const found = this.#entries.find(({ entry }) => entry.id === id);
    return found ?? refuse("not_found", "That is not here any more. Nothing was changed.");
  }

  #mark(found: Entry, state: TenderStateView, says: string): void {
    found.entry.state = state;
    found.entry.says = says;
    found.history.push({ at: ago(0), says, state });
  }

  #send(): void {
    if (!this.#isOnline()) {
      refuse("offline", "Stripe cannot be reached. Nothing is lost; what waits is sent when it can be.");
    }
    for (const found of this.#waiting()) {
      if (found.entry.state !== "needs_customer") this.#mark(found, "certain", "Charged");
    }
    this.announce();
  }

  #detail(id: string): OutboxDetailView {
    const { entry, history, link } = this.#entry(id);
    if (entry.is_refund) return presented(entry, history);
    const words: Partial<Record<TenderStateView, [string, string]>> = {
      unknown: [
        "Not known yet if the card was charged. It cannot be charged twice.",
        "When back online the same request is repeated. If the card was charged, Stripe says so and nothing is charged again. Nothing to do.",
      ],
      declined: [
        "The card was declined. Nothing was charged.",
        "The goods are gone. You can try the card again, send a pay link, take cash instead, or write it off.",
      ],
      certain: ["Charged. The money is certain.", "Nothing to do."],
      closed: ["Closed. Nothing more is charged.", "Nothing to do."],
      needs_customer: [
        "Waits for the customer to pay. Nothing is charged until then.",
        "Show or send the link again.",
      ],
    };
    const [verdict, advice] = words[entry.state] ?? [
      "Queued, not yet charged. The sale stands.",
      "It is charged when the till is back online. Nothing to do.",
    ];
    return {
      entry,
      verdict,
      advice,
      history,
      actions: this.#actions(entry),
      link,
    };
  }

  /** All of them, as the till lists them: what cannot be decided now says why. */
  #actions(entry: OutboxEntryView): OutboxActionView[] {
    const settled = entry.state === "certain" || entry.state === "closed";
    const refused = entry.state === "declined" || entry.state === "needs_attention";
    const unsent = entry.state === "queued" || entry.state === "needs_customer";
    const why = settled
      ? "It is settled."
      : unsent
        ? "It is not charged yet, and is sent by itself."
        : "Off until it is known: otherwise the customer could pay twice.";
    return [
      offered("send_now", !settled && !refused, "Nothing waits."),
      offered("try_again", refused, why),
      offered("pay_link", refused, why),
      offered("take_cash", refused || unsent, why),
      offered("write_off", refused, why),
    ];
  }

  #expected(): number {
    const shift = this.#shift;
    return shift ? shift.float + shift.cash + shift.in - shift.out - shift.refunds : 0;
  }

  #countView() {
    return {
      denominations: DENOMINATIONS.map(eur),
      foreign: Object.keys(RATES).map((currency) => ({ minor: 0, currency, exponent: 2 })),
      suspended: this.#suspended.length,
      waiting: this.#waiting().length,
      at_risk: eur(this.#atRisk()),
      recounted: this.#recounted,
    };
  }

  #compare() {
    const expected = this.#expected();
    const difference = this.#counted - expected;
    const shift = this.#shift;
    return {
      why: [
        { label: "Float", count: null, amount: eur(shift?.float ?? 0) },
        { label: "Cash sales", count: this.#sold.length, amount: eur(shift?.cash ?? 0) },
        { label: "Cash refunds", count: null, amount: eur(-(shift?.refunds ?? 0)) },
        { label: "Paid-in", count: null, amount: eur(shift?.in ?? 0) },
        { label: "Paid-out", count: null, amount: eur(-(shift?.out ?? 0)) },
      ],
      expected: eur(expected),
      counted: eur(this.#counted),
      difference: eur(difference),
      foreign: Object.entries(this.#foreign).map(([currency, taken]) => {
        const found = this.#countedForeign[currency] ?? 0;
        const of = (minor: number): MoneyView => ({ minor, currency, exponent: 2 });
        return { expected: of(taken), counted: of(found), difference: of(found - taken) };
      }),
      hints:
        Math.abs(difference) === 200
          ? [
              { title: "One €2 coin", says: "A single coin miscounted makes exactly this" },
              { title: "No-sale at 14:10", says: "Łukasz Wójcik, no reason given" },
            ]
          : [],
      can_recount: !this.#recounted && difference !== 0,
      needs_manager: Math.abs(difference) > 500,
      preview: this.#report(shift?.number ?? 0).text,
      z_number: shift?.number ?? 0,
    };
  }

  #report(number: number | null): ReportView {
    const takings = 272_375;
    const expected = this.#expected();
    const hours = Array.from({ length: 24 }, () => 0);
    [9600, 16800, 24200, 31200, 35610, 29900, 14200, 9300, 11900, 25500, 33100, 28900, 16500].forEach(
      (sum, i) => {
        hours[8 + i] = sum;
      },
    );
    const rows: [string, string][] = [
      ["Sales 186", "2,865.70"],
      ["Refunds 3", "-141.95"],
      ["TAKINGS", "2,723.75"],
      ["of which tax", "217.75"],
      ["-", ""],
      ["Cash", "1,022.85"],
      ["Card, settled", "1,400.65"],
      ["External terminal", "184.65"],
      ["Card, NOT YET CHARGED", "115.60"],
      ["-", ""],
      ["4 CARD PAYMENTS PENDING", ""],
      ["-", ""],
      ["Expected", (expected / 100).toFixed(2)],
      ...(number === null ? [] : ([["Counted", (this.#counted / 100).toFixed(2)]] as [string, string][])),
    ];
    return {
      title: number === null ? "X report" : `Z report ${number}`,
      number,
      from: ago(9 * 60 + 40),
      to: ago(0),
      takings: eur(takings),
      sales: 186,
      average: eur(1541),
      tenders: [
        { label: "Card, settled", count: 74, amount: eur(140_065) },
        { label: "Cash", count: 98, amount: eur(102_285) },
        { label: "External terminal", count: 10, amount: eur(18_465) },
        { label: "Card, not yet charged", count: 4, amount: eur(11_560) },
      ],
      taxes: [
        { label: "4 %", count: null, amount: eur(5186) },
        { label: "10 %", count: null, amount: eur(8010) },
        { label: "21 %", count: null, amount: eur(8579) },
      ],
      categories: CATEGORIES.map((label, i) => ({
        label,
        count: 64 - i * 7,
        amount: eur(68_400 - i * 9_130),
      })),
      hours: hours.map(eur),
      pending: { label: "Not yet charged", count: 4, amount: eur(11_560) },
      at_risk: [
        { label: "charged", count: 1, amount: eur(1_999) },
        { label: "waiting", count: 4, amount: eur(11_560) },
      ],
      at_risk_earlier: [
        { label: "charged", count: 1, amount: eur(1_210) },
        { label: "paid in cash", count: 1, amount: eur(990) },
      ],
      owed: { label: "To decide", count: 2, amount: eur(3_630) },
      stripe: number === null ? ["1 dispute, 16.90: answer by Mon 30 Nov 2026 12:00"] : [],
      difference: number === null ? null : eur(this.#counted - expected),
      text: paper(number === null ? "X REPORT" : `Z REPORT ${number}`, rows),
      pdf: number === null ? null : `reports/z-${number}.pdf`,
      printer: null,
      verdict: "Books agree.",
    };
  }

  #seedHistory(): void {
    this.#counted = 0;
    for (const [number, days] of [
      [213, 1],
      [212, 2],
      [211, 3],
    ] as const) {
      const report = this.#report(number);
      const at = ago(days * 24 * 60);
      this.#z.push({
        ...report,
        from: ago(days * 24 * 60 + 720),
        to: at,
        difference: eur(number === 212 ? -200 : 0),
      });
    }
  }

  #seedShift(): void {
    const rows: [string, string, string, number, TenderStateView, string, number][] = [
      ["e1", "Björn Lindqvist", "Mastercard •••• 4444", 3860, "queued", "Waiting for the network", 157],
      ["e2", "Zoë Fernández", "Mastercard •••• 7719", 2715, "unknown", "Sent, no answer yet", 205],
      ["e3", "Íñigo Larrañaga", "Pay link", 1845, "queued", "Pay link, goes out when online", 265],
      ["e4", "Chloé Dubois", "Visa •••• 5502", 2340, "declined", "Declined; tried again by itself", 1500],
      ["e5", "Günther Weiß", "Visa •••• 0341", 1290, "declined", "Declined", 4300],
      ["e6", "Ana Ortega", "Visa •••• 4242", 1999, "certain", "Charged", 300],
    ];
    this.#entries = rows.map(([id, who, card, amount, state, says, minutes], i) => ({
      entry: {
        id,
        is_refund: false,
        who,
        card,
        receipt: `1-0247${89 + i}`,
        cashier: "Inés Núñez",
        at: ago(minutes),
        amount: eur(amount),
        state,
        says,
        // The bank said to try later, and the shop's schedule does.
        retry_at: id === "e4" ? ago(-200) : null,
        reason:
          id === "e4"
            ? "There is not enough money on the account. It may be tried again later."
            : id === "e5"
              ? "The card has expired, or was replaced."
              : null,
        contact: id === "e4" ? "chloe.dubois@courriel.example · 06 0000 0104" : null,
      },
      history: [
        {
          at: ago(minutes),
          says: `Sale complete. ${euros(amount)} on a saved card, at your risk.`,
          state: "certain",
        },
        ...(state === "unknown"
          ? ([
              {
                at: ago(minutes - 22),
                says: "The network came back for a moment. We sent the charge.",
                state: "working",
              },
              {
                at: ago(minutes - 22),
                says: "The line dropped before the answer. It may or may not have been charged.",
                state: "unknown",
              },
            ] as HistoryView[])
          : []),
        ...(state === "declined"
          ? ([{ at: ago(minutes - 90), says: "The bank declined it.", state: "declined" }] as HistoryView[])
          : []),
      ],
      link: null,
    }));
    const basket = (names: [number, number][]): Sale => ({
      id: this.#id(),
      customer: null,
      percent: 0,
      off: 0,
      coupons: [],
      tenders: [],
      lines: names.map(([index, quantity]) => {
        const product = PRODUCTS[index] as ProductView;
        return {
          id: this.#id(),
          product,
          quantity,
          price: product.price.minor,
          percent: 0,
          off: 0,
          voided: false,
        };
      }),
    });
    const sell = (names: [number, number][], cash: number, minutes: number): void => {
      this.#sale = basket(names);
      const due = this.#outstanding(this.#sale);
      if (due > cash) this.#tender("saved_card", "Visa •••• 1881", due - cash, "certain", "Approved");
      this.#tender("cash", "Cash", Math.min(cash, due), "certain", "Taken", Math.min(cash, due));
      this.#complete();
      const sold = this.#sold[0];
      if (sold) sold.at = ago(minutes);
    };
    sell(
      [
        [30, 2],
        [31, 6],
        [9, 2],
        [15, 2],
      ],
      5000,
      7 * 1440,
    );
    sell(
      [
        [0, 1],
        [1, 2],
      ],
      20_000,
      70,
    );
    sell(
      [
        [6, 0.412],
        [14, 4],
      ],
      20_000,
      31,
    );
    this.#suspended = [
      {
        sale: basket([
          [10, 6],
          [22, 1],
        ]),
        at: ago(18),
        cashier: "Inés Núñez",
      },
      { sale: basket([[17, 1]]), at: ago(64), cashier: "Łukasz Wójcik" },
    ];
    this.#sale = null;
  }

  #seedSale(): void {
    for (const [index, quantity] of [
      [0, 2],
      [4, 0.93],
      [6, 0.412],
      [5, 1],
      [8, 1],
      [9, 1],
      [7, 2],
    ] as const) {
      this.#add(`p${index + 1}`, String(quantity));
    }
    const open = this.#open();
    const last = open.lines.at(-1);
    if (last) last.percent = 10;
    open.customer = this.#customers[0] ?? null;
  }
}

const isInterac = (label: string): boolean => label.startsWith("Interac");

function offered(action: OutboxAction, available: boolean, whyNot: string): OutboxActionView {
  const needs_manager = action === "write_off" || action === "settled";
  return { action, available, why_not: available ? null : whyNot, needs_manager };
}

/** A refund whose card is wanted at the reader, or was not presented. */
function presented(entry: OutboxEntryView, history: HistoryView[]): OutboxDetailView {
  const at = entry.state === "at_reader";
  const wait = "Off until it is known: otherwise the customer could get it twice.";
  if (entry.state === "closed") {
    return {
      entry,
      verdict: "It is settled another way.",
      advice: "Nothing to do.",
      history,
      actions: [
        offered("send_now", false, "It is done."),
        offered("give_cash", false, "It was given in cash."),
      ],
      link: null,
    };
  }
  return {
    entry,
    verdict: at
      ? "Nothing is given back yet. It cannot be given twice."
      : "Nothing was given back. The customer is still owed.",
    advice: at
      ? "The customer presents the card that paid at Counter; or take it off the reader."
      : "With the customer and the card there: present the card. A refund of this card works at a reader only. If the card is lost, give it in cash.",
    history,
    actions: [
      ...(at
        ? [offered("send_now", true, ""), offered("take_off_reader", true, "")]
        : [offered("try_again", true, "")]),
      offered("give_cash", !at, wait),
      ...(at ? [] : [offered("settled", true, "")]),
    ],
    link: null,
  };
}

function person(id: string, name: string, role: UserView["role"], pin: string): Person {
  return { id, name, role, pin, wrong: 0, locked_until: null };
}

function shown({ id, name, role, locked_until }: Person): UserView {
  return { id, name, role, locked_until };
}

/** RFC 3339, with this machine's own offset. */
function ago(minutes: number): string {
  const at = new Date(Date.now() - minutes * 60_000);
  const offset = -at.getTimezoneOffset();
  const local = new Date(at.getTime() + offset * 60_000).toISOString().slice(0, 19);
  const two = (n: number): string => String(Math.floor(n)).padStart(2, "0");
  return `${local}${offset < 0 ? "-" : "+"}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`;
}

function paper(title: string, rows: [string, string][]): string[] {
  const width = 42;
  return [
    title.padStart((width + title.length) / 2),
    "-".repeat(width),
    ...rows.map(([left, right]) =>
      left === "-" ? "-".repeat(width) : left.padEnd(width - right.length) + right,
    ),
  ];
}

function receiptPaper(receipt: string, sale: SaleView): string[] {
  const figure = (money: MoneyView): string => (money.minor / 100).toFixed(2);
  return [
    "            ULTRAMARINOS PEÑA             ",
    "           C. de la Cava Alta 14          ",
    ...paper(`Receipt ${receipt}`, [
      ...sale.lines
        .filter((line) => !line.voided)
        .map((line): [string, string] => [line.name, figure(line.amount)]),
      ["-", ""],
      ["TOTAL EUR", figure(sale.total)],
      ["Tax included", figure(sale.tax)],
      ["-", ""],
      ...sale.tenders.map((tender): [string, string] => [tender.label, figure(tender.amount)]),
      ...(sale.tenders.some((tender) => tender.state === "queued")
        ? ([["CARD PAYMENT PENDING", ""]] as [string, string][])
        : []),
    ]),
    "          ¡Gracias, hasta pronto!         ",
  ];
}

/** The fake that the address asks for: `?scene=offline`. Tests reach it as `window.fakeTill`. */
export function fakeFromAddress(): Commands {
  const asked = new URLSearchParams(location.search).get("scene");
  const scenes: Scene[] = ["first-run", "signin", "no-shift", "empty", "manager", "sale", "offline"];
  const till = new FakeTill(scenes.find((scene) => scene === asked) ?? "empty");
  Object.assign(window, { fakeTill: till });
  return till.commands();
}
