// Every icon of the window, by what it stands for. No icon without a word, but for +, − and menu.

import ArrowLeft from "@lucide/svelte/icons/arrow-left";
import ArrowLeftRight from "@lucide/svelte/icons/arrow-left-right";
import ArrowRight from "@lucide/svelte/icons/arrow-right";
import Banknote from "@lucide/svelte/icons/banknote";
import Barcode from "@lucide/svelte/icons/scan-barcode";
import ChartColumn from "@lucide/svelte/icons/chart-column";
import Check from "@lucide/svelte/icons/check";
import CircleCheck from "@lucide/svelte/icons/circle-check";
import CircleHelp from "@lucide/svelte/icons/circle-question-mark";
import CircleX from "@lucide/svelte/icons/circle-x";
import Clock from "@lucide/svelte/icons/clock";
import CloudCheck from "@lucide/svelte/icons/cloud-check";
import CloudOff from "@lucide/svelte/icons/cloud-off";
import CreditCard from "@lucide/svelte/icons/credit-card";
import Delete from "@lucide/svelte/icons/delete";
import EyeOff from "@lucide/svelte/icons/eye-off";
import FileText from "@lucide/svelte/icons/file-text";
import FlaskConical from "@lucide/svelte/icons/flask-conical";
import Globe from "@lucide/svelte/icons/globe";
import HandCoins from "@lucide/svelte/icons/hand-coins";
import History from "@lucide/svelte/icons/history";
import Hourglass from "@lucide/svelte/icons/hourglass";
import Inbox from "@lucide/svelte/icons/inbox";
import Info from "@lucide/svelte/icons/info";
import KeyRound from "@lucide/svelte/icons/key-round";
import Keyboard from "@lucide/svelte/icons/keyboard";
import Link from "@lucide/svelte/icons/link-2";
import ListX from "@lucide/svelte/icons/list-x";
import Lock from "@lucide/svelte/icons/lock";
import LogOut from "@lucide/svelte/icons/log-out";
import Menu from "@lucide/svelte/icons/menu";
import Minus from "@lucide/svelte/icons/minus";
import Nfc from "@lucide/svelte/icons/nfc";
import Package from "@lucide/svelte/icons/package";
import Pause from "@lucide/svelte/icons/square-pause";
import Percent from "@lucide/svelte/icons/percent";
import Plus from "@lucide/svelte/icons/plus";
import Printer from "@lucide/svelte/icons/printer";
import QrCode from "@lucide/svelte/icons/qr-code";
import Receipt from "@lucide/svelte/icons/receipt-text";
import RefreshCw from "@lucide/svelte/icons/refresh-cw";
import Scale from "@lucide/svelte/icons/scale";
import Send from "@lucide/svelte/icons/send";
import ShieldCheck from "@lucide/svelte/icons/shield-check";
import Store from "@lucide/svelte/icons/store";
import Tag from "@lucide/svelte/icons/tag";
import Terminal from "@lucide/svelte/icons/calculator";
import Ticket from "@lucide/svelte/icons/ticket";
import TriangleAlert from "@lucide/svelte/icons/triangle-alert";
import Undo from "@lucide/svelte/icons/undo-2";
import User from "@lucide/svelte/icons/user";
import X from "@lucide/svelte/icons/x";

export const ICONS = {
  back: ArrowLeft,
  swap: ArrowLeftRight,
  next: ArrowRight,
  cash: Banknote,
  scan: Barcode,
  chart: ChartColumn,
  check: Check,
  certain: CircleCheck,
  unknown: CircleHelp,
  refused: CircleX,
  clock: Clock,
  online: CloudCheck,
  offline: CloudOff,
  card: CreditCard,
  erase: Delete,
  hidden: EyeOff,
  file: FileText,
  test: FlaskConical,
  globe: Globe,
  change: HandCoins,
  history: History,
  waiting: Hourglass,
  drawer: Inbox,
  info: Info,
  key: KeyRound,
  keyboard: Keyboard,
  link: Link,
  void: ListX,
  lock: Lock,
  signout: LogOut,
  menu: Menu,
  minus: Minus,
  reader: Nfc,
  stock: Package,
  suspend: Pause,
  discount: Percent,
  plus: Plus,
  print: Printer,
  promotion: Tag,
  qr: QrCode,
  receipt: Receipt,
  again: RefreshCw,
  weigh: Scale,
  send: Send,
  genuine: ShieldCheck,
  shop: Store,
  terminal: Terminal,
  voucher: Ticket,
  warning: TriangleAlert,
  undo: Undo,
  person: User,
  close: X,
} as const;

export type IconName = keyof typeof ICONS;
