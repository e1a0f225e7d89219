//! The three renderings of a paper carry the same text, whatever is on it.

use std::process::Command;

use proptest::prelude::*;
use till_domain::money::Money;
use till_receipts::data::*;
use till_receipts::layout::{Anchor, Layout, Row, Style};
use till_receipts::{COLUMNS_80MM, lay_out, to_escpos, to_pdf, to_text};
use unicode_width::UnicodeWidthStr;

use crate::decoder::decode;
use crate::samples;

/// Lines that are not empty, with one space where there are more: a page and a
/// printer's big type place words elsewhere, but print the same ones.
fn words<S: AsRef<str>>(lines: impl IntoIterator<Item = S>) -> Vec<String> {
    lines
        .into_iter()
        .map(|l| {
            let words: Vec<&str> = l.as_ref().split_whitespace().collect();
            words.join(" ")
        })
        .filter(|l| !l.is_empty())
        .collect()
}

fn text_of_pdf(pdf: &[u8]) -> Option<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paper.pdf");
    std::fs::write(&path, pdf).unwrap();
    let output = Command::new("pdftotext")
        .args(["-layout", "-nopgbrk", "-enc", "UTF-8"])
        .arg(&path)
        .arg("-")
        .output()
        .ok()?;
    assert!(output.status.success(), "pdftotext failed");
    let text = String::from_utf8(output.stdout).unwrap();
    Some(words(text.lines()))
}

#[derive(Clone, Copy)]
enum Page {
    Drawn,
    LeftOut,
}

#[track_caller]
fn check_same_text(document: &Document, columns: usize, page: Page) {
    let layout = lay_out(document, columns);
    let text = words(to_text(&layout));
    let printed = decode(&to_escpos(&layout).unwrap());
    assert_eq!(words(&printed.lines), text, "ESC/POS");
    assert_eq!(printed.cuts, 1);
    let codes: Vec<&str> = layout
        .rows
        .iter()
        .filter_map(|row| match row {
            Row::Qr { data } => Some(data.as_str()),
            Row::Text { .. } | Row::Rule | Row::Feed(_) | Row::Cut => None,
        })
        .collect();
    assert_eq!(printed.codes, codes);
    if let Page::Drawn = page {
        match text_of_pdf(&to_pdf(&layout).unwrap()) {
            Some(drawn) => assert_eq!(drawn, text, "PDF"),
            None => println!("pdftotext is not installed: text of the PDF not checked"),
        }
    }
}

/// Where the cells of a row stand in characters of its type.
fn spans(layout: &Layout, row: &Row) -> Vec<(usize, usize)> {
    let Row::Text { style, cells } = row else {
        return Vec::new();
    };
    let scale = if *style == Style::Big { 2 } else { 1 };
    let columns = layout.columns / scale;
    cells
        .iter()
        .map(|cell| {
            let taken = cell.text.width();
            let start = match cell.anchor {
                Anchor::Start(at) => at / scale,
                Anchor::Centre => (columns.checked_sub(taken).unwrap()) / 2,
                Anchor::End(at) => (at / scale).checked_sub(taken).unwrap(),
            };
            assert!(start + taken <= columns, "{cell:?} ends beyond the paper");
            (start, start + taken)
        })
        .collect()
}

#[track_caller]
fn check_layout(layout: &Layout) {
    for row in &layout.rows {
        for pair in spans(layout, row).windows(2) {
            assert!(pair[0].1 < pair[1].0, "cells touch in {row:?}");
        }
    }
    for line in to_text(layout) {
        assert!(line.width() <= layout.columns, "too wide: {line}");
        assert_eq!(line.trim_end(), line);
    }
}

/// The same document with other words and amounts in it.
#[derive(Debug, Clone)]
struct Changes {
    names: Vec<String>,
    amounts: Vec<i64>,
    currency: &'static str,
    document: usize,
    columns: usize,
}

fn changes() -> impl Strategy<Value = Changes> {
    let name = proptest::string::string_regex(
        "[a-zA-Z0-9áéíóúñçÔßøÅ€·¿«'&%(),.\\-ΑΒΓΔαβγδάώЖщяЙЂ-ЂŁłřŠžőĞışİ“”… ]{0,60}",
    )
    .unwrap()
    // Not on any page of a receipt printer; that it becomes `?` is another test.
    .prop_map(|s| s.replace('Ђ', "Я"));
    (
        proptest::collection::vec(name, 1..8),
        proptest::collection::vec(
            prop_oneof![
                -100_000_i64..100_000,
                -99_999_999_999_i64..=99_999_999_999,
                Just(0)
            ],
            1..8,
        ),
        prop_oneof![Just("EUR"), Just("JPY"), Just("BHD")],
        0..samples::all().len(),
        20_usize..60,
    )
        .prop_map(|(names, amounts, currency, document, columns)| Changes {
            names,
            amounts,
            currency,
            document,
            columns,
        })
}

impl Changes {
    fn name(&self, at: usize) -> String {
        self.names[at % self.names.len()].clone()
    }

    fn amount(&self, at: usize) -> Money {
        let minor = self.amounts[at % self.amounts.len()];
        Money::from_minor(minor, self.currency.parse().unwrap())
    }

    fn tally(&self, at: usize) -> Tally {
        Tally {
            count: self.amounts[at % self.amounts.len()] % 10_000,
            amount: self.amount(at + 1),
        }
    }

    fn taxes(&self, taxes: &mut [TaxRow]) {
        for (at, row) in taxes.iter_mut().enumerate() {
            row.name = self.name(at);
            row.net = self.amount(at);
            row.tax = self.amount(at + 1);
            row.gross = self.amount(at + 2);
        }
    }

    fn shop(&self, shop: &mut Shop) {
        shop.name = self.name(0);
        shop.address = self.names.clone();
        shop.phone = self.names.get(1).cloned();
        shop.footer = self.names.get(2).cloned();
        shop.return_policy = self.names.get(3).cloned();
    }

    fn sale(&self, sale: &mut SaleReceipt) {
        self.shop(&mut sale.shop);
        for (at, line) in sale.lines.iter_mut().enumerate() {
            line.name = self.name(at);
            line.gross = self.amount(at);
            line.unit_price = self.amount(at + 1);
            for discount in &mut line.discounts {
                *discount = (self.name(at + 2), self.amount(at + 3));
            }
        }
        sale.total = self.amount(2);
        sale.cash_rounding = self.amount(3);
        sale.sale_discounts = vec![(self.name(5), self.amount(5))];
        for (at, tender) in sale.tenders.iter_mut().enumerate() {
            tender.label = self.name(at + 1);
            tender.amount = self.amount(at);
            tender.details.push((self.name(at), self.name(at + 1)));
        }
        self.taxes(&mut sale.taxes);
    }

    fn refund(&self, refund: &mut RefundReceipt) {
        self.shop(&mut refund.shop);
        refund.reason = self.name(2);
        refund.total = self.amount(1);
        for (at, line) in refund.lines.iter_mut().enumerate() {
            line.name = self.name(at);
            line.value = self.amount(at);
        }
        for (at, tender) in refund.tenders.iter_mut().enumerate() {
            tender.label = self.name(at);
            tender.amount = self.amount(at);
            tender.note = self.names.get(at).cloned();
        }
        self.taxes(&mut refund.taxes);
    }

    fn shift(&self, report: &mut ShiftReport) {
        self.shop(&mut report.shop);
        report.opened_by = self.name(1);
        report.sales_before_discounts = self.tally(0);
        report.discounts = vec![(self.name(0), self.tally(1))];
        report.takings = self.amount(2);
        for (at, row) in report.categories.iter_mut().enumerate() {
            row.name = self.name(at);
            row.quantity = self.name(at + 1);
            row.amount = self.amount(at);
        }
        for (at, row) in report.tenders.iter_mut().enumerate() {
            row.label = self.name(at);
            row.net = self.tally(at);
        }
        if let Some(pending) = &mut report.pending {
            pending.amount = self.amount(0);
        }
        report.cash.paid_out.reasons = vec![(self.name(3), self.amount(3))];
        report.cash.counted = Some(self.amount(4));
        report.voided_lines = self.tally(2);
        report.no_sale = self.tally(3).count;
        self.taxes(&mut report.taxes);
    }

    fn document(&self) -> Document {
        let (_, mut document) = samples::all().swap_remove(self.document);
        match &mut document {
            Document::Sale(sale) => self.sale(sale),
            Document::Refund(refund) => self.refund(refund),
            Document::Shift(report) => self.shift(report),
            Document::Slip(slip) => {
                self.shop(&mut slip.shop);
                slip.reason = self.name(1);
                slip.amount = slip.amount.map(|_| self.amount(1));
            }
        }
        document
    }
}

fn duplicate_of(document: &Document) -> Document {
    let mut document = document.clone();
    match &mut document {
        Document::Sale(sale) => sale.copy = Copy::Duplicate,
        Document::Refund(refund) => refund.copy = Copy::Duplicate,
        Document::Shift(report) => report.copy = Copy::Duplicate,
        Document::Slip(slip) => slip.copy = Copy::Duplicate,
    }
    document
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cells_fit_and_a_printer_says_what_the_text_says(changes in changes()) {
        let document = changes.document();
        check_layout(&lay_out(&document, changes.columns));
        check_same_text(&document, changes.columns, Page::LeftOut);
    }

    #[test]
    fn a_duplicate_is_the_original_with_one_bar_more(changes in changes()) {
        let mut document = changes.document();
        let bar = |row: &Row| matches!(row, Row::Text { style: Style::Bar, cells } if cells[0].text == "DUPLICATE");
        if let Document::Sale(sale) = &mut document {
            sale.copy = Copy::Original;
        }
        let original = lay_out(&document, changes.columns).rows;
        let duplicate = lay_out(&duplicate_of(&document), changes.columns).rows;
        prop_assert_eq!(duplicate.iter().filter(|r| bar(r)).count(), 1);
        let rest: Vec<Row> = duplicate.into_iter().filter(|r| !bar(r)).collect();
        prop_assert_eq!(rest, original);
    }

    #[test]
    fn a_total_is_never_cut(changes in changes()) {
        let document = changes.document();
        let total = match &document {
            Document::Sale(sale) => sale.total,
            Document::Refund(refund) => refund.total,
            Document::Shift(report) => report.takings,
            Document::Slip(_) => return Ok(()),
        };
        let text = to_text(&lay_out(&document, changes.columns)).join("\n").replace(',', "");
        prop_assert!(text.contains(&total.to_string()), "no {total:?} in\n{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_page_says_what_the_text_says(changes in changes()) {
        check_same_text(&changes.document(), changes.columns, Page::Drawn);
    }
}

#[test]
fn the_samples_say_the_same_three_times() {
    for (_, document) in samples::all() {
        for columns in [32, COLUMNS_80MM, 48] {
            check_layout(&lay_out(&document, columns));
            check_same_text(&document, columns, Page::Drawn);
        }
    }
}

fn sale_of(names: Vec<String>) -> Document {
    let mut sale = samples::cash_with_change();
    let line = sale.lines[0].clone();
    sale.lines = names
        .into_iter()
        .map(|name| ReceiptLine {
            name,
            ..line.clone()
        })
        .collect();
    Document::Sale(sale)
}

#[test]
fn no_product_of_the_sample_shop_prints_a_question_mark() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../crates/app/data/sample/products.csv"
    );
    let mut file = csv::Reader::from_path(path).unwrap();
    let headers = file.headers().unwrap().clone();
    let column = headers.iter().position(|h| h == "name").unwrap();
    let names: Vec<String> = file
        .records()
        .map(|r| r.unwrap()[column].to_owned())
        .collect();
    assert!(names.len() > 100);
    let count = names.len();
    let document = sale_of(names);
    let printed = decode(&to_escpos(&lay_out(&document, 60)).unwrap());
    let questions: Vec<&String> = printed.lines.iter().filter(|l| l.contains('?')).collect();
    assert!(questions.is_empty(), "{questions:?} of {count}");
    check_same_text(&document, COLUMNS_80MM, Page::Drawn);
}

#[test]
fn what_no_page_has_keeps_its_letter_or_its_width() {
    for (name, expected) in [
        ("日本茶 100 g", "?????? 100 g                        2.19 A"),
        (
            "Phở bò, Pâté de țară",
            "Pho bò, Pâté de tară                2.19 A",
        ),
    ] {
        let layout = lay_out(&sale_of(vec![name.into()]), COLUMNS_80MM);
        let printed = decode(&to_escpos(&layout).unwrap());
        assert!(printed.lines.iter().any(|l| l == expected), "{printed:?}");
    }
}

#[test]
fn a_product_cannot_command_the_printer() {
    let name = "tea\u{1b}p\0\u{19}\u{fa}\u{1d}V\0\r\n";
    let layout = lay_out(&sale_of(vec![name.into()]), COLUMNS_80MM);
    let printed = decode(&to_escpos(&layout).unwrap());
    assert_eq!(printed.cuts, 1);
    assert!(printed.lines.iter().any(|l| l.starts_with("tea p  ú V ")));
}
