// The one door to the till. Nothing else in the window imports @tauri-apps/api.
//
// Always true:
// - every method answers with a fresh view, and a refusal is thrown as a `CommandError`;
// - amounts and quantities that people type cross as decimal strings in major units: "150.00", "0.412".

import { invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import type { ApprovalInput } from "./gen/ApprovalInput";
import type { BootView } from "./gen/BootView";
import type { CardConsentView } from "./gen/CardConsentView";
import type { CommandError } from "./gen/CommandError";
import type { CompareView } from "./gen/CompareView";
import type { ConnectionView } from "./gen/ConnectionView";
import type { CountInput } from "./gen/CountInput";
import type { CountView } from "./gen/CountView";
import type { CustomerDetailView } from "./gen/CustomerDetailView";
import type { CustomerView } from "./gen/CustomerView";
import type { DiscountInput } from "./gen/DiscountInput";
import type { DoneView } from "./gen/DoneView";
import type { ForeignCountInput } from "./gen/ForeignCountInput";
import type { OutboxAction } from "./gen/OutboxAction";
import type { OutboxDetailView } from "./gen/OutboxDetailView";
import type { OutboxView } from "./gen/OutboxView";
import type { PlaceInput } from "./gen/PlaceInput";
import type { ProductView } from "./gen/ProductView";
import type { ReadersView } from "./gen/ReadersView";
import type { RefundDoneView } from "./gen/RefundDoneView";
import type { RefundLineInput } from "./gen/RefundLineInput";
import type { RefundQuoteView } from "./gen/RefundQuoteView";
import type { RefundSourceView } from "./gen/RefundSourceView";
import type { ReportView } from "./gen/ReportView";
import type { SaleSummaryView } from "./gen/SaleSummaryView";
import type { SaleView } from "./gen/SaleView";
import type { SaveCardOn } from "./gen/SaveCardOn";
import type { SavingView } from "./gen/SavingView";
import type { StripeView } from "./gen/StripeView";
import type { SuspendedView } from "./gen/SuspendedView";
import type { TenderOptionsView } from "./gen/TenderOptionsView";
import type { UserView } from "./gen/UserView";
import type { WhyView } from "./gen/WhyView";
import type { ZSummaryView } from "./gen/ZSummaryView";

export type CardKind = "saved_card" | "reader" | "simulated_reader";
type Approval = ApprovalInput | null;

export interface Commands {
  boot(): Promise<BootView>;
  setupSample(): Promise<BootView>;
  /** `place`: one of the profile's, where it has some; `null` for none. */
  setupShop(
    profile: string,
    place: string | null,
    name: string,
    managerName: string,
    managerPin: string,
  ): Promise<BootView>;
  signIn(user: string, pin: string): Promise<BootView>;
  signOut(): Promise<BootView>;
  shiftOpen(float: string): Promise<BootView>;

  categories(): Promise<string[]>;
  /** `null`: the favourites. */
  products(category: string | null): Promise<ProductView[]>;
  search(text: string): Promise<ProductView[]>;

  saleCurrent(): Promise<SaleView | null>;
  /** Why the open sale comes to what it comes to, step by step. */
  saleWhy(): Promise<WhyView[]>;
  scan(code: string): Promise<SaleView>;
  addProduct(product: string, quantity: string | null): Promise<SaleView>;
  setQuantity(line: string, quantity: string): Promise<SaleView>;
  overridePrice(line: string, price: string, approval: Approval): Promise<SaleView>;
  discountLine(line: string, discount: DiscountInput | null, approval: Approval): Promise<SaleView>;
  /** A code that was typed; a scan finds coupons too. */
  addCoupon(code: string): Promise<SaleView>;
  removeCoupon(code: string): Promise<SaleView>;
  discountSale(discount: DiscountInput | null, approval: Approval): Promise<SaleView>;
  voidLine(line: string): Promise<SaleView>;
  unvoidLine(line: string): Promise<SaleView>;
  voidSale(): Promise<SaleView | null>;
  customers(text: string): Promise<CustomerView[]>;
  customer(customer: string): Promise<CustomerDetailView>;
  addCustomer(name: string, email: string | null, phone: string | null): Promise<CustomerView>;
  editCustomer(
    customer: string,
    name: string,
    email: string | null,
    phone: string | null,
  ): Promise<CustomerDetailView>;
  /** The words that a customer agrees to, and their version. */
  cardConsent(): Promise<CardConsentView>;
  /** `agreedTo`: the version of the words that the customer was shown. */
  saveCard(customer: string, on: SaveCardOn, agreedTo: string): Promise<SavingView>;
  cancelCardSaving(saving: string): Promise<SavingView>;
  /** In the system's browser; the till decides which address that is. */
  openCardPage(saving: string): Promise<null>;
  setDefaultCard(customer: string, card: string): Promise<CustomerDetailView>;
  removeCard(customer: string, card: string): Promise<CustomerDetailView>;
  setCustomer(customer: string | null): Promise<SaleView>;
  suspend(): Promise<null>;
  suspended(): Promise<SuspendedView[]>;
  recall(sale: string): Promise<SaleView>;

  tenderOptions(): Promise<TenderOptionsView>;
  tenderCash(given: string): Promise<SaleView>;
  tenderForeignCash(currency: string, given: string): Promise<SaleView>;
  tenderVoucher(number: string, worth: string): Promise<SaleView>;
  tenderCard(kind: CardKind, amount: string | null, approval: Approval): Promise<SaleView>;
  /** One of the customer's cards, by its id. */
  tenderSavedCard(card: string, amount: string | null, approval: Approval): Promise<SaleView>;
  tenderPayLink(amount: string | null, contact: string, approval: Approval): Promise<SaleView>;
  tenderExternal(amount: string | null, approvalCode: string, last4: string): Promise<SaleView>;
  tenderRemove(tender: string): Promise<SaleView>;
  tenderLookAgain(tender: string): Promise<SaleView>;
  /** A card at a reader once more; `null` for the till's own reader. */
  tenderAgain(tender: string, reader: string | null): Promise<SaleView>;
  complete(): Promise<DoneView>;

  recentSales(): Promise<SaleSummaryView[]>;
  receiptText(receipt: string): Promise<string[]>;
  /** The printer's complaint, if it has one. */
  receiptPrint(receipt: string): Promise<string | null>;
  /** Where the file was written. */
  receiptPdf(receipt: string): Promise<string>;

  refundFind(receipt: string): Promise<RefundSourceView>;
  refundQuote(receipt: string, lines: RefundLineInput[]): Promise<RefundQuoteView>;
  refundCommit(
    receipt: string,
    lines: RefundLineInput[],
    reason: string,
    approval: Approval,
  ): Promise<RefundDoneView>;

  outbox(): Promise<OutboxView>;
  outboxEntry(id: string): Promise<OutboxDetailView>;
  outboxSendNow(): Promise<OutboxView>;
  compareNow(): Promise<null>;
  outboxDecide(id: string, action: OutboxAction, approval: Approval): Promise<OutboxDetailView>;

  paidIn(amount: string, reason: string): Promise<null>;
  paidOut(amount: string, reason: string, approval: Approval): Promise<null>;
  noSale(reason: string): Promise<null>;
  countView(): Promise<CountView>;
  count(pieces: CountInput[], foreign: ForeignCountInput[]): Promise<CompareView>;
  recount(): Promise<CountView>;
  close(note: string, nextFloat: string | null, approval: Approval): Promise<ReportView>;
  reportX(): Promise<ReportView>;
  reportZ(number: number): Promise<ReportView>;
  reportPdf(number: number | null): Promise<string>;
  reports(): Promise<ZSummaryView[]>;
  managers(): Promise<UserView[]>;

  connection(): Promise<ConnectionView>;
  setForcedOffline(offline: boolean): Promise<ConnectionView>;
  stripeStatus(): Promise<StripeView>;

  readers(): Promise<ReadersView>;
  /** Asks Stripe which there are; the answer comes with `till-changed`. */
  readersLook(): Promise<ReadersView>;
  readersPlace(place: PlaceInput): Promise<ReadersView>;
  /** Takes a location that Stripe has already for the shop's: `tml_…`. */
  readersAt(location: string): Promise<ReadersView>;
  readersTips(on: boolean): Promise<ReadersView>;
  readerRegister(code: string, label: string): Promise<ReadersView>;
  readerUse(reader: string): Promise<ReadersView>;
  readerForget(reader: string): Promise<ReadersView>;

  /** The connection, the outbox or a tender changed. The answer stops listening. */
  onTillChanged(heard: (connection: ConnectionView) => void): () => void;
}

export function isCommandError(error: unknown): error is CommandError {
  return typeof error === "object" && error !== null && "code" in error && "message" in error;
}

export function tauriCommands(): Commands {
  return {
    boot: () => invoke("boot"),
    setupSample: () => invoke("setup_sample"),
    setupShop: (profile, place, name, managerName, managerPin) =>
      invoke("setup_shop", { profile, place, name, managerName, managerPin }),
    signIn: (user, pin) => invoke("sign_in", { user, pin }),
    signOut: () => invoke("sign_out"),
    shiftOpen: (float) => invoke("shift_open", { float }),

    categories: () => invoke("categories"),
    products: (category) => invoke("products", { category }),
    search: (text) => invoke("search", { text }),

    saleCurrent: () => invoke("sale_current"),
    saleWhy: () => invoke("sale_why"),
    scan: (code) => invoke("scan", { code }),
    addProduct: (product, quantity) => invoke("add_product", { product, quantity }),
    setQuantity: (line, quantity) => invoke("set_quantity", { line, quantity }),
    overridePrice: (line, price, approval) => invoke("override_price", { line, price, approval }),
    discountLine: (line, discount, approval) => invoke("discount_line", { line, discount, approval }),
    addCoupon: (code) => invoke("add_coupon", { code }),
    removeCoupon: (code) => invoke("remove_coupon", { code }),
    discountSale: (discount, approval) => invoke("discount_sale", { discount, approval }),
    voidLine: (line) => invoke("void_line", { line }),
    unvoidLine: (line) => invoke("unvoid_line", { line }),
    voidSale: () => invoke("void_sale"),
    customers: (text) => invoke("customers", { text }),
    customer: (customer) => invoke("customer", { customer }),
    addCustomer: (name, email, phone) => invoke("add_customer", { name, email, phone }),
    editCustomer: (customer, name, email, phone) => invoke("edit_customer", { customer, name, email, phone }),
    cardConsent: () => invoke("card_consent"),
    saveCard: (customer, on, agreedTo) => invoke("save_card", { customer, on, agreedTo }),
    cancelCardSaving: (saving) => invoke("cancel_card_saving", { saving }),
    openCardPage: (saving) => invoke("open_card_page", { saving }),
    setDefaultCard: (customer, card) => invoke("set_default_card", { customer, card }),
    removeCard: (customer, card) => invoke("remove_card", { customer, card }),
    setCustomer: (customer) => invoke("set_customer", { customer }),
    suspend: () => invoke("suspend"),
    suspended: () => invoke("suspended"),
    recall: (sale) => invoke("recall", { sale }),

    tenderOptions: () => invoke("tender_options"),
    tenderCash: (given) => invoke("tender_cash", { given }),
    tenderForeignCash: (currency, given) => invoke("tender_foreign_cash", { currency, given }),
    tenderVoucher: (number, worth) => invoke("tender_voucher", { number, worth }),
    tenderCard: (kind, amount, approval) => invoke("tender_card", { kind, amount, approval }),
    tenderSavedCard: (card, amount, approval) => invoke("tender_saved_card", { card, amount, approval }),
    tenderPayLink: (amount, contact, approval) => invoke("tender_pay_link", { amount, contact, approval }),
    tenderExternal: (amount, approvalCode, last4) =>
      invoke("tender_external", { amount, approvalCode, last4 }),
    tenderRemove: (tender) => invoke("tender_remove", { tender }),
    tenderLookAgain: (tender) => invoke("tender_look_again", { tender }),
    tenderAgain: (tender, reader) => invoke("tender_again", { tender, reader }),
    complete: () => invoke("complete"),

    recentSales: () => invoke("recent_sales"),
    receiptText: (receipt) => invoke("receipt_text", { receipt }),
    receiptPrint: (receipt) => invoke("receipt_print", { receipt }),
    receiptPdf: (receipt) => invoke("receipt_pdf", { receipt }),

    refundFind: (receipt) => invoke("refund_find", { receipt }),
    refundQuote: (receipt, lines) => invoke("refund_quote", { receipt, lines }),
    refundCommit: (receipt, lines, reason, approval) =>
      invoke("refund_commit", { receipt, lines, reason, approval }),

    outbox: () => invoke("outbox"),
    outboxEntry: (id) => invoke("outbox_entry", { id }),
    outboxSendNow: () => invoke("outbox_send_now"),
    compareNow: () => invoke("compare_now"),
    outboxDecide: (id, action, approval) => invoke("outbox_decide", { id, action, approval }),

    paidIn: (amount, reason) => invoke("paid_in", { amount, reason }),
    paidOut: (amount, reason, approval) => invoke("paid_out", { amount, reason, approval }),
    noSale: (reason) => invoke("no_sale", { reason }),
    countView: () => invoke("count_view"),
    count: (pieces, foreign) => invoke("count", { pieces, foreign }),
    recount: () => invoke("recount"),
    close: (note, nextFloat, approval) => invoke("close", { note, nextFloat, approval }),
    reportX: () => invoke("report_x"),
    reportPdf: (number) => invoke("report_pdf", { number }),
    reportZ: (number) => invoke("report_z", { number }),
    reports: () => invoke("reports"),
    managers: () => invoke("managers"),

    connection: () => invoke("connection"),
    setForcedOffline: (offline) => invoke("set_forced_offline", { offline }),
    stripeStatus: () => invoke("stripe_status"),

    readers: () => invoke("readers"),
    readersLook: () => invoke("readers_look"),
    readersPlace: (place) => invoke("readers_place", { place }),
    readersAt: (location) => invoke("readers_at", { location }),
    readersTips: (on) => invoke("readers_tips", { on }),
    readerRegister: (code, label) => invoke("reader_register", { code, label }),
    readerUse: (reader) => invoke("reader_use", { reader }),
    readerForget: (reader) => invoke("reader_forget", { reader }),

    onTillChanged(heard) {
      const listening = listen<ConnectionView>("till-changed", (event) => heard(event.payload));
      return () => void listening.then((stop) => stop());
    },
  };
}
