//! Papers that are looked at: the ones of the mock-up and their kin.

use till_domain::ids::ReceiptNumber;
use till_domain::money::{Currency, Money};
use till_receipts::data::*;

pub fn eur(minor: i64) -> Money {
    Money::from_minor(minor, Currency::EUR)
}

fn tally(count: i64, minor: i64) -> Tally {
    Tally {
        count,
        amount: eur(minor),
    }
}

fn number(number: i64) -> ReceiptNumber {
    ReceiptNumber { till: 1, number }
}

pub fn shop() -> Shop {
    Shop {
        name: "ULTRAMARINOS PEÑA".into(),
        address: vec!["C. de la Cava Alta 14 · 28005 Madrid".into()],
        tax_number_label: "NIF".into(),
        tax_number: "B00000000".into(),
        phone: Some("910 000 014".into()),
        return_policy: Some("Returns within 15 days with this receipt.".into()),
        footer: Some("¡Gracias y hasta pronto!".into()),
        test_mode: false,
        tax_included_title: "Tax included".into(),
    }
}

pub fn stamp() -> Stamp {
    Stamp {
        date_time: "Sat 21 Nov 2026 17:44".into(),
        till: "Till 1".into(),
        shift: 214,
        served_by: "Inés".into(),
    }
}

fn pieces(amount: &str) -> Quantity {
    Quantity {
        amount: amount.into(),
        weighed: false,
        unit: String::new(),
    }
}

fn weighed(amount: &str) -> Quantity {
    Quantity {
        amount: amount.into(),
        weighed: true,
        unit: "kg".into(),
    }
}

fn line(name: &str, quantity: Quantity, price: i64, gross: i64, letter: &str) -> ReceiptLine {
    ReceiptLine {
        name: name.into(),
        quantity,
        unit_price: eur(price),
        gross: eur(gross),
        discounts: vec![],
        tax_letter: letter.into(),
        is_deposit: false,
    }
}

fn tax(letter: &str, rate: &str, net: i64, tax: i64, gross: i64) -> TaxRow {
    TaxRow {
        letter: letter.into(),
        name: String::new(),
        rate: rate.into(),
        net: eur(net),
        tax: eur(tax),
        gross: eur(gross),
    }
}

fn tender(label: &str, amount: i64) -> ReceiptTender {
    ReceiptTender {
        label: label.into(),
        amount: eur(amount),
        given: None,
        change: None,
        pending: None,
        details: vec![],
    }
}

/// The sale of the mock-up: part cash, the rest on a saved card while offline.
pub fn split_with_queued_card() -> SaleReceipt {
    SaleReceipt {
        shop: shop(),
        stamp: stamp(),
        number: number(24_812),
        lines: vec![
            line("Pan de masa madre", pieces("2"), 280, 560, "A"),
            line("Tomates de rama", weighed("0.930"), 245, 228, "A"),
            line("Queso manchego curado", weighed("0.412"), 2150, 886, "A"),
            line(
                "Aceite de oliva virgen extra 1 L",
                pieces("1"),
                995,
                995,
                "A",
            ),
            line("Café molido Peñagolosa 250 g", pieces("1"), 435, 435, "B"),
            line("Rioja crianza Viña Albéniz", pieces("1"), 875, 875, "C"),
            ReceiptLine {
                discounts: vec![("Discount 10%".into(), eur(-129))],
                ..line("Jamón ibérico de cebo 100 g", pieces("2"), 645, 1290, "B")
            },
        ],
        subtotal: None,
        sale_discounts: vec![],
        tax_added: vec![],
        total: eur(5140),
        cash_rounding: eur(0),
        tenders: vec![
            ReceiptTender {
                given: Some(eur(5000)),
                change: Some(eur(3000)),
                ..tender("Cash", 2000)
            },
            ReceiptTender {
                pending: Some(PendingCard {
                    how: PendingHow::SavedCard {
                        last4: "4242".into(),
                        write_to: Some("ana.o*****@correo.example".into()),
                    },
                    amount: eur(3140),
                }),
                ..tender("Card  Visa **** 4242", 3140)
            },
        ],
        taxes: vec![
            tax("A", "4 %", 2566, 103, 2669),
            tax("B", "10 %", 1451, 145, 1596),
            tax("C", "21 %", 723, 152, 875),
        ],
        taxed_as: None,
        copy: Copy::Original,
        mark: Mark::None,
        qr: Some("https://evertill.example/r/1-024812?h=5C0E77B1D24A".into()),
    }
}

pub fn cash_with_change() -> SaleReceipt {
    SaleReceipt {
        number: number(24_813),
        lines: vec![
            line("Кефир (kefir) 500 ml", pieces("1"), 219, 219, "A"),
            line("Φέτα ΠΟΠ (feta) 200 g", pieces("3"), 445, 1335, "B"),
            line(
                "Agua con gas, caja de 6 botellas de 1,5 L",
                pieces("1"),
                474,
                474,
                "B",
            ),
            ReceiptLine {
                is_deposit: true,
                ..line("Deposit 6 x 0.25", pieces("1"), 150, 150, "")
            },
        ],
        subtotal: Some(eur(2178)),
        sale_discounts: vec![("Staff discount 5%".into(), eur(-101))],
        total: eur(2077),
        cash_rounding: eur(-2),
        tenders: vec![ReceiptTender {
            given: Some(eur(5000)),
            change: Some(eur(2925)),
            ..tender("Cash", 2075)
        }],
        taxes: vec![
            tax("A", "4 %", 200, 8, 208),
            tax("B", "10 %", 1563, 156, 1719),
        ],
        ..split_with_queued_card()
    }
}

pub fn pay_link_in_test_mode() -> SaleReceipt {
    SaleReceipt {
        shop: Shop {
            test_mode: true,
            ..shop()
        },
        number: number(24_814),
        tenders: vec![ReceiptTender {
            pending: Some(PendingCard {
                how: PendingHow::PayLink {
                    send_to: Some("ana.o*****@correo.example".into()),
                    url: None,
                },
                amount: eur(5140),
            }),
            ..tender("Card, by link", 5140)
        }],
        mark: Mark::Training,
        ..split_with_queued_card()
    }
}

/// A shop whose prices are without tax, and whose name is longer than a row of big type.
pub fn tax_on_top() -> SaleReceipt {
    let usd = |minor| Money::from_minor(minor, "USD".parse().unwrap());
    let item = |name: &str, minor: i64| ReceiptLine {
        unit_price: usd(minor),
        gross: usd(minor),
        ..line(name, pieces("1"), 0, 0, "T")
    };
    SaleReceipt {
        shop: Shop {
            name: "The Corner Hardware & Grocery Store".into(),
            address: vec!["12 Main Street".into(), "Springfield, IL 62701".into()],
            tax_number: String::new(),
            tax_included_title: "Sales tax".into(),
            ..shop()
        },
        lines: vec![item("Claw hammer 16 oz", 2499), item("Nails 1 lb", 599)],
        subtotal: Some(usd(3098)),
        tax_added: vec![("IL + Sangamon 8.25 %".into(), usd(256))],
        total: usd(3354),
        cash_rounding: usd(0),
        tenders: vec![ReceiptTender {
            amount: usd(3354),
            ..tender("Card  Visa **** 4242", 0)
        }],
        taxes: vec![TaxRow {
            name: "IL + Sangamon".into(),
            net: usd(3098),
            tax: usd(256),
            gross: usd(3354),
            ..tax("T", "8.25 %", 0, 0, 0)
        }],
        ..split_with_queued_card()
    }
}

pub fn card_settled() -> SaleReceipt {
    SaleReceipt {
        number: number(24_815),
        tenders: vec![ReceiptTender {
            details: vec![
                ("Approval code".into(), "483920".into()),
                ("AID".into(), "A0000000031010".into()),
                ("Application".into(), "Visa Débito".into()),
            ],
            ..tender("Card  Visa **** 4242", 5140)
        }],
        ..split_with_queued_card()
    }
}

pub fn refund() -> RefundReceipt {
    RefundReceipt {
        shop: shop(),
        stamp: stamp(),
        number: number(24_816),
        original: Some(number(24_812)),
        lines: vec![
            RefundLine {
                name: "Pan de masa madre".into(),
                quantity: pieces("1"),
                value: eur(280),
                tax_letter: "A".into(),
            },
            RefundLine {
                name: "Queso manchego curado".into(),
                quantity: weighed("0.412"),
                value: eur(886),
                tax_letter: "A".into(),
            },
        ],
        reason: "Damaged when it was opened at home".into(),
        total: eur(1166),
        cash_rounding: eur(-1),
        tenders: vec![
            RefundTender {
                label: "Cash".into(),
                amount: eur(465),
                note: None,
            },
            RefundTender {
                label: "Card  Visa **** 4242".into(),
                amount: eur(700),
                note: Some("Not charged yet: it will be charged 24.40 EUR instead.".into()),
            },
        ],
        taxes: vec![tax("A", "4 %", 1121, 45, 1166)],
        approved_by: Some("Marta Peña".into()),
        copy: Copy::Original,
        mark: Mark::None,
        qr: None,
    }
}

/// The Z report of the mock-up, with every line there is.
pub fn z_report() -> ShiftReport {
    ShiftReport {
        shop: shop(),
        kind: ReportKind::Z(214),
        copy: Copy::Original,
        mark: Mark::None,
        till: "Till 1".into(),
        shift: 214,
        from: "Sat 21 Nov 2026 08:02".into(),
        to: "20:36".into(),
        opened_by: "Inés".into(),
        closed_by: Some("Marta Peña".into()),
        first_receipt: Some(number(24_678)),
        last_receipt: Some(number(24_863)),
        sales_before_discounts: tally(186, 292_725),
        discounts: vec![
            ("Discounts on lines".into(), tally(21, -5_155)),
            ("Discounts on sales".into(), tally(2, -1_000)),
        ],
        sales: eur(286_570),
        refunds: tally(3, -14_195),
        takings: eur(272_375),
        taxes: vec![
            tax("A", "4 %", 129_650, 5_186, 134_836),
            tax("B", "10 %", 80_100, 8_010, 88_110),
            tax("C", "21 %", 40_850, 8_579, 49_429),
        ],
        refunded_taxes: vec![
            tax("A", "4 %", -2_000, -80, -2_080),
            tax("C", "21 %", -10_012, -2_103, -12_115),
        ],
        deposits_charged: Some(tally(14, 350)),
        deposits_returned: Some(tally(4, -100)),
        cash_rounding: eur(-7),
        categories: vec![
            CategoryRow {
                name: "Fruit & veg".into(),
                quantity: "84.120 kg".into(),
                amount: eur(61_240),
            },
            CategoryRow {
                name: "Delicatessen, cheese and cooked dishes".into(),
                quantity: "112".into(),
                amount: eur(211_135),
            },
        ],
        tenders: vec![
            TenderRow {
                label: "Cash".into(),
                net: tally(121, 102_285),
                refunds: Some(tally(2, -2_075)),
            },
            TenderRow {
                label: "Card, settled".into(),
                net: tally(52, 140_065),
                refunds: Some(tally(1, -12_120)),
            },
            TenderRow {
                label: "External terminal".into(),
                net: tally(7, 13_465),
                refunds: None,
            },
            TenderRow {
                label: "Gift card".into(),
                net: tally(2, 5_000),
                refunds: None,
            },
            TenderRow {
                label: "Card, NOT YET CHARGED".into(),
                net: tally(4, 11_560),
                refunds: None,
            },
        ],
        tips: None,
        tenders_total: eur(272_375),
        vouchers_lost: None,
        pending: Some(PendingCards {
            count: 4,
            amount: eur(11_560),
            oldest: "6 h 56 min".into(),
        }),
        at_risk: vec![
            ("Cards at risk".into(), tally(6, 14_000)),
            ("charged".into(), tally(1, 1_230)),
            ("to decide".into(), tally(1, 1_210)),
            ("waiting".into(), tally(4, 11_560)),
        ],
        at_risk_earlier: vec![
            ("charged".into(), tally(1, 1_210)),
            ("paid in cash".into(), tally(1, 990)),
            ("written off".into(), tally(1, 400)),
        ],
        owed: Some(tally(3, 4_840)),
        stripe: Vec::new(),
        cash: CashUp {
            opening_float: eur(15_000),
            sales: eur(104_360),
            refunds: eur(-2_075),
            paid_in: Movements {
                total: tally(1, 4_000),
                reasons: vec![("Coins from the bank".into(), eur(4_000))],
            },
            paid_out: Movements {
                total: tally(2, -46_250),
                reasons: vec![
                    (
                        "Bakery, delivery note 8812 of this morning".into(),
                        eur(-21_250),
                    ),
                    ("Safe".into(), eur(-25_000)),
                ],
            },
            expected: Some(eur(75_035)),
            counted: Some(eur(74_835)),
            difference: Some(eur(-200)),
            difference_reason: Some("Wrong change at noon".into()),
            next_float: Some(eur(15_000)),
            to_bank: Some(ToBank {
                bag: Some("0387".into()),
                amount: eur(59_835),
            }),
            foreign: Vec::new(),
        },
        voided_lines: tally(11, 5_820),
        voided_sales: tally(1, 1_435),
        price_overrides: tally(2, -310),
        no_sale: 3,
        pin_approvals: 4,
        pin_refusals: 1,
        customers: 186,
        average_basket: Some(eur(1_541)),
        training: Some(tally(1, 1_200)),
        grand_totals: Some(GrandTotals {
            net: eur(48_210_775),
            plus: eur(49_001_230),
            minus: eur(-790_455),
        }),
        journal: Some(JournalCheck {
            entries: 412,
            gaps: 0,
            books: Books::Agree,
            head: "5C0E-77B1-D24A".into(),
            previous_head: Some("91FA-03D8-6E2B".into()),
            qr: Some("evertill:z:214:5c0e77b1d24a".into()),
        }),
    }
}

/// What must not be overlooked.
pub fn z_report_that_disagrees() -> ShiftReport {
    let z = z_report();
    ShiftReport {
        pending: Some(PendingCards {
            count: 1,
            amount: eur(1_210),
            oldest: "3 d 2 h".into(),
        }),
        cash: CashUp {
            difference: Some(eur(0)),
            difference_reason: None,
            ..z.cash
        },
        journal: z.journal.map(|journal| JournalCheck {
            gaps: 2,
            books: Books::Disagree("Sales are 12.00 more in the journal.".into()),
            ..journal
        }),
        ..z_report()
    }
}

/// In the middle of the shift, before a blind count.
pub fn x_report() -> ShiftReport {
    let z = z_report();
    ShiftReport {
        kind: ReportKind::X,
        closed_by: None,
        pending: None,
        at_risk: Vec::new(),
        at_risk_earlier: Vec::new(),
        owed: None,
        stripe: vec![
            "1 dispute, 16.90: answer by Mon 30 Nov 2026".into(),
            "Books compared with Stripe Sat 21 Nov 2026 06:00: no difference".into(),
        ],
        training: None,
        grand_totals: None,
        journal: None,
        cash: CashUp {
            expected: None,
            counted: None,
            difference: None,
            difference_reason: None,
            next_float: None,
            to_bank: None,
            ..z.cash
        },
        ..z
    }
}

pub fn paid_out() -> Slip {
    Slip {
        shop: shop(),
        stamp: stamp(),
        kind: SlipKind::PaidOut,
        amount: Some(eur(21_250)),
        reason: "Bakery, delivery note 8812".into(),
        approved_by: Some("Marta Peña".into()),
        copy: Copy::Original,
    }
}

/// Every sample with the name of its golden file.
pub fn all() -> Vec<(&'static str, Document)> {
    vec![
        ("sale_cash_with_change", Document::Sale(cash_with_change())),
        (
            "sale_split_queued_card",
            Document::Sale(split_with_queued_card()),
        ),
        (
            "sale_duplicate",
            Document::Sale(SaleReceipt {
                copy: Copy::Duplicate,
                ..split_with_queued_card()
            }),
        ),
        (
            "sale_pay_link_test_training",
            Document::Sale(pay_link_in_test_mode()),
        ),
        ("sale_card_settled", Document::Sale(card_settled())),
        ("sale_tax_on_top", Document::Sale(tax_on_top())),
        ("refund", Document::Refund(refund())),
        ("x_report", Document::Shift(Box::new(x_report()))),
        (
            "z_report_pending_cards",
            Document::Shift(Box::new(z_report())),
        ),
        (
            "z_report_books_disagree",
            Document::Shift(Box::new(z_report_that_disagrees())),
        ),
        ("slip_paid_out", Document::Slip(paid_out())),
        (
            "slip_no_sale",
            Document::Slip(Slip {
                kind: SlipKind::NoSale,
                amount: None,
                reason: "Change for a note".into(),
                approved_by: None,
                ..paid_out()
            }),
        ),
    ]
}
