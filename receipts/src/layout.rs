//! One layout for every kind of paper.
//!
//! Invariants:
//! - cells of a row do not overlap, in big type neither;
//! - no cell is wider than the paper;
//! - an amount is in one cell, whole.

use till_domain::money::{Money, MoneyError};

use crate::data::{
    Books, Copy, Document, ForeignRow, Mark, PendingCard, PendingHow, Quantity, ReceiptLine,
    ReceiptTender, RefundReceipt, ReportKind, SaleReceipt, ShiftReport, Shop, Slip, SlipKind,
    Stamp, Tally, TaxRow,
};
use crate::format::{clean, cut, money, money_in_words, width, wrap};

/// Narrower paper is laid out as if it were this wide.
const COLUMNS_MIN: usize = 24;
/// More than a printer's QR command or a scanner at the counter takes.
const QR_MAX_BYTES: usize = 600;
/// Where details of a line begin.
const INDENT: usize = 2;

/// Rows of strings in their places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// What the paper is, for a list of files: `Receipt 1-024812`.
    pub title: String,
    /// Characters of normal type across the paper.
    pub columns: usize,
    /// From the top.
    pub rows: Vec<Row>,
}

/// One row of paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// Text in its places.
    Text {
        /// How it looks.
        style: Style,
        /// From left to right.
        cells: Vec<Cell>,
    },
    /// A line across: the string is `-` in every column.
    Rule,
    /// A QR code in the middle.
    Qr {
        /// What it says.
        data: String,
    },
    /// So many empty rows.
    Feed(u8),
    /// The end of the paper.
    Cut,
}

/// How a row looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As it is.
    Normal,
    /// Bold.
    Bold,
    /// Bold and up to twice as large: its cells fit when each character takes
    /// two columns.
    Big,
    /// White on a black bar across the paper.
    Bar,
}

/// A string and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The string.
    pub text: String,
    /// Its place.
    pub anchor: Anchor,
}

/// The place of a cell, in columns of normal type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Begins in this column.
    Start(usize),
    /// In the middle of the paper.
    Centre,
    /// Ends before this column.
    End(usize),
}

/// Decides every string of a document for paper of so many columns.
#[must_use]
pub fn lay_out(doc: &Document, columns: usize) -> Layout {
    let mut sheet = Sheet {
        columns: columns.max(COLUMNS_MIN),
        rows: Vec::new(),
    };
    let title = match doc {
        Document::Sale(sale) => sheet.sale(sale),
        Document::Refund(refund) => sheet.refund(refund),
        Document::Shift(report) => sheet.shift(report),
        Document::Slip(slip) => sheet.slip(slip),
    };
    sheet.rows.push(Row::Cut);
    Layout {
        title,
        columns: sheet.columns,
        rows: sheet.rows,
    }
}

struct Sheet {
    columns: usize,
    rows: Vec<Row>,
}

/// What to do with a text beside an amount when both do not fit.
#[derive(Clone, Copy)]
enum Short {
    /// A name: cut it.
    Cut,
    /// One of our own words: give it a row of its own.
    Break,
}

impl Sheet {
    // ---- rows ----

    fn row(&mut self, style: Style, cells: Vec<Cell>) {
        let cells: Vec<Cell> = cells.into_iter().filter(|c| !c.text.is_empty()).collect();
        if !cells.is_empty() {
            self.rows.push(Row::Text { style, cells });
        }
    }

    fn rule(&mut self) {
        self.rows.push(Row::Rule);
    }

    fn feed(&mut self) {
        self.rows.push(Row::Feed(1));
    }

    fn qr(&mut self, data: &str) {
        if !data.is_empty() && data.len() <= QR_MAX_BYTES {
            self.rows.push(Row::Qr {
                data: data.to_owned(),
            });
        }
    }

    /// Text in the middle, broken where it is too long.
    fn centred(&mut self, style: Style, text: &str) {
        self.centred_within(style, text, self.columns);
    }

    fn centred_within(&mut self, style: Style, text: &str, columns: usize) {
        for text in wrap(&clean(text), columns.min(self.columns)) {
            let anchor = Anchor::Centre;
            self.row(style, vec![Cell { text, anchor }]);
        }
    }

    /// Big where it fits on one row, otherwise bold.
    fn title(&mut self, text: &str) {
        let text = clean(text);
        if width(&text).saturating_mul(2) <= self.columns {
            self.centred(Style::Big, &text);
        } else {
            self.centred(Style::Bold, &text);
        }
    }

    fn start(&mut self, indent: usize, text: &str) {
        for text in wrap(&clean(text), self.columns.saturating_sub(indent)) {
            let anchor = Anchor::Start(indent);
            self.row(Style::Normal, vec![Cell { text, anchor }]);
        }
    }

    /// A text on the left, and cells on the right that take `right` columns.
    fn beside(
        &mut self,
        style: Style,
        indent: usize,
        left: &str,
        short: Short,
        right: usize,
        cells: Vec<Cell>,
    ) {
        let left = clean(left);
        let room = self
            .columns
            .saturating_sub(indent)
            .saturating_sub(right)
            .saturating_sub(1);
        let anchor = Anchor::Start(indent);
        if width(&left) <= room || (matches!(short, Short::Cut) && room >= 6) {
            let text = cut(&left, room);
            let mut all = vec![Cell { text, anchor }];
            all.extend(cells);
            self.row(style, all);
        } else {
            let text = cut(&left, self.columns.saturating_sub(indent));
            self.row(style, vec![Cell { text, anchor }]);
            self.row(style, cells);
        }
    }

    /// Two texts at the two edges; under each other where they do not fit.
    fn edges(&mut self, left: &str, right: &str) {
        let right = cut(&clean(right), self.columns);
        let taken = width(&right);
        let cells = vec![self.end(right)];
        self.beside(Style::Normal, 0, left, Short::Break, taken, cells);
    }

    fn end(&self, text: String) -> Cell {
        let anchor = Anchor::End(self.columns);
        Cell { text, anchor }
    }

    /// A label and an amount.
    fn amount(&mut self, style: Style, indent: usize, label: &str, amount: Money) {
        let text = money(amount);
        let taken = width(&text);
        let cells = vec![self.end(text)];
        self.beside(style, indent, label, Short::Break, taken, cells);
    }

    /// A name, an amount and the letter of its tax.
    fn item(&mut self, indent: usize, name: &str, amount: Money, letter: &str) {
        let letter = cut(&clean(letter), 3);
        let letter_room = width(&letter).max(1);
        let amount_end = self.columns.saturating_sub(letter_room).saturating_sub(1);
        let text = money(amount);
        let taken = width(&text).saturating_add(letter_room).saturating_add(1);
        let anchor = Anchor::End(amount_end);
        let cells = vec![Cell { text, anchor }, self.end(letter)];
        self.beside(Style::Normal, indent, name, Short::Cut, taken, cells);
    }

    /// A label, how many, and how much.
    fn tally(&mut self, indent: usize, label: &str, short: Short, count: &str, amount: Money) {
        let text = money(amount);
        let count = cut(&clean(count), 10);
        let amount_room = width(&text).max(13);
        let count_end = self.columns.saturating_sub(amount_room).saturating_sub(2);
        let taken = amount_room.saturating_add(2).saturating_add(width(&count));
        if taken > self.columns {
            let count_room = width(&count);
            self.beside(
                Style::Normal,
                indent,
                label,
                short,
                count_room,
                vec![self.end(count)],
            );
            self.row(Style::Normal, vec![self.end(text)]);
            return;
        }
        let anchor = Anchor::End(count_end);
        let cells = vec![
            Cell {
                text: count,
                anchor,
            },
            self.end(text),
        ];
        self.beside(Style::Normal, indent, label, short, taken, cells);
    }

    fn tally_of(&mut self, indent: usize, label: &str, tally: Tally) {
        let count = tally.count.to_string();
        self.tally(indent, label, Short::Break, &count, tally.amount);
    }

    fn count(&mut self, label: &str, count: i64) {
        let text = count.to_string();
        let taken = width(&text).saturating_add(15);
        let anchor = Anchor::End(self.columns.saturating_sub(15));
        let cells = vec![Cell { text, anchor }];
        self.beside(Style::Normal, 0, label, Short::Break, taken, cells);
    }

    /// The sum of the paper, big where it fits.
    fn total(&mut self, label: &str, amount: Money) {
        let text = format!("{} {}", amount.currency(), money(amount));
        let taken = width(&text);
        let cells = vec![self.end(text)];
        let doubled = width(label)
            .saturating_add(taken)
            .saturating_add(1)
            .saturating_mul(2);
        let style = if doubled <= self.columns {
            Style::Big
        } else {
            Style::Bold
        };
        self.beside(style, 0, label, Short::Break, taken, cells);
    }

    // ---- parts every paper shares ----

    fn head(&mut self, shop: &Shop, copy: Copy, mark: Mark) {
        self.title(&shop.name);
        for line in &shop.address {
            self.centred(Style::Normal, line);
        }
        let tax_number = if shop.tax_number.is_empty() {
            String::new()
        } else {
            format!("{} {}", shop.tax_number_label, shop.tax_number)
        };
        let contact = [tax_number.as_str(), shop.phone.as_deref().unwrap_or("")]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" · ");
        self.centred(Style::Normal, &contact);
        self.feed();
        if shop.test_mode {
            self.centred(Style::Bar, "TEST MODE: NO MONEY MOVES");
        }
        match mark {
            Mark::None => {}
            Mark::Training => self.centred(Style::Bar, "TRAINING: NOT A RECEIPT"),
            Mark::Void => self.centred(Style::Bar, "VOID"),
        }
        match copy {
            Copy::Original => {}
            Copy::Duplicate => self.centred(Style::Bar, "DUPLICATE"),
        }
    }

    fn stamp(&mut self, what: &str, stamp: &Stamp) {
        self.edges(what, &stamp.date_time);
        self.edges(
            &format!("{} · Shift {}", stamp.till, stamp.shift),
            &format!("Served by {}", stamp.served_by),
        );
    }

    fn foot(&mut self, shop: &Shop, qr: Option<&str>) {
        if let Some(policy) = &shop.return_policy {
            self.centred(Style::Normal, policy);
        }
        if let Some(data) = qr {
            self.centred(Style::Normal, "Scan to check it is genuine:");
            self.qr(data);
        }
        if let Some(footer) = &shop.footer {
            self.centred(Style::Normal, footer);
        }
    }

    fn quantity(&mut self, quantity: &Quantity, unit_price: Option<Money>) {
        if !quantity.weighed && quantity.amount == "1" {
            return;
        }
        let mut text = quantity.amount.clone();
        if !quantity.unit.is_empty() {
            text.push(' ');
            text.push_str(&quantity.unit);
        }
        if let Some(price) = unit_price {
            text.push_str(" x ");
            text.push_str(&money(price));
            if !quantity.unit.is_empty() {
                text.push('/');
                text.push_str(&quantity.unit);
            }
        }
        self.start(INDENT, &text);
    }

    fn rounding(&mut self, rounding: Money) {
        if !rounding.is_zero() {
            self.amount(Style::Normal, 0, "Cash rounding", rounding);
        }
    }

    fn taxes(&mut self, title: &str, rows: &[TaxRow]) {
        if rows.is_empty() {
            return;
        }
        let mut lines: Vec<TaxLine> = rows.iter().map(TaxLine::of_row).collect();
        // Amounts of two currencies have no sum, so no row of sums.
        if let (true, Ok(sums)) = (rows.len() > 1, tax_sums(rows)) {
            lines.push(sums);
        }
        let room = |at: fn(&TaxLine) -> &str, word: &str| {
            lines
                .iter()
                .map(|l| width(at(l)))
                .fold(width(word), usize::max)
                .saturating_add(2)
                .max(8)
        };
        let gross_end = self.columns;
        let tax_end = gross_end.saturating_sub(room(|l| &l.gross, "gross"));
        let net_end = tax_end.saturating_sub(room(|l| &l.tax, "tax"));
        let label_end = net_end.saturating_sub(room(|l| &l.net, "net"));
        let letter_room = lines
            .iter()
            .filter(|l| !l.rate.is_empty())
            .map(|l| width(&l.letter))
            .fold(1, usize::max);
        let rate_end = lines
            .iter()
            .map(|l| width(&l.rate))
            .fold(4, usize::max)
            .saturating_add(letter_room)
            .saturating_add(2);
        if label_end < rate_end || label_end < width("Total") {
            self.taxes_stacked(title, &lines);
            return;
        }
        let figures = |net: &str, tax: &str, gross: &str| {
            vec![
                cell(net, Anchor::End(net_end)),
                cell(tax, Anchor::End(tax_end)),
                cell(gross, Anchor::End(gross_end)),
            ]
        };
        let taken = self.columns.saturating_sub(label_end);
        let words = figures("net", "tax", "gross");
        self.beside(Style::Normal, 0, title, Short::Break, taken, words);
        for line in &lines {
            let mut cells = vec![
                cell(&line.letter, Anchor::Start(0)),
                cell(&line.rate, Anchor::End(rate_end)),
            ];
            let name_start = rate_end.saturating_add(1);
            let name_room = label_end.saturating_sub(name_start);
            if width(&line.name) <= name_room {
                cells.push(cell(&line.name, Anchor::Start(name_start)));
            }
            cells.extend(figures(&line.net, &line.tax, &line.gross));
            self.row(Style::Normal, cells);
        }
    }

    /// The same where the paper is too narrow for three amounts beside each other.
    fn taxes_stacked(&mut self, title: &str, lines: &[TaxLine]) {
        self.start(0, title);
        for line in lines {
            let label = [&line.letter, &line.rate, &line.name]
                .into_iter()
                .filter(|part| !part.is_empty())
                .cloned()
                .collect::<Vec<_>>()
                .join(" ");
            self.start(0, &label);
            for (word, figure) in [
                ("net", &line.net),
                ("tax", &line.tax),
                ("gross", &line.gross),
            ] {
                let taken = width(figure);
                let cells = vec![self.end(figure.clone())];
                self.beside(Style::Normal, INDENT, word, Short::Break, taken, cells);
            }
        }
    }

    // ---- papers ----

    fn sale(&mut self, sale: &SaleReceipt) -> String {
        self.head(&sale.shop, sale.copy, sale.mark);
        let title = format!("Receipt {}", sale.number);
        self.stamp(&title, &sale.stamp);
        self.rule();
        for line in &sale.lines {
            self.sale_line(line);
        }
        if let Some(subtotal) = sale.subtotal {
            self.rule();
            self.amount(Style::Normal, 0, "Subtotal", subtotal);
        }
        for (label, amount) in sale.sale_discounts.iter().chain(&sale.tax_added) {
            self.amount(Style::Normal, 0, label, *amount);
        }
        self.rule();
        self.total("TOTAL", sale.total);
        self.rule();
        self.rounding(sale.cash_rounding);
        for tender in &sale.tenders {
            self.tender(tender, sale.tenders.len());
        }
        for pending in sale.tenders.iter().filter_map(|t| t.pending.as_ref()) {
            self.feed();
            self.pending(pending);
        }
        if !sale.taxes.is_empty() {
            self.rule();
            self.taxes(&sale.shop.tax_included_title, &sale.taxes);
        }
        if let Some(name) = &sale.taxed_as {
            self.start(0, &format!("Taxed as: {name}"));
        }
        self.rule();
        self.foot(&sale.shop, sale.qr.as_deref());
        title
    }

    fn sale_line(&mut self, line: &ReceiptLine) {
        let indent = if line.is_deposit { INDENT } else { 0 };
        self.item(indent, &line.name, line.gross, &line.tax_letter);
        self.quantity(&line.quantity, Some(line.unit_price));
        for (label, amount) in &line.discounts {
            self.item(INDENT, label, *amount, &line.tax_letter);
        }
    }

    fn tender(&mut self, tender: &ReceiptTender, tenders: usize) {
        match tender.given {
            Some(given) => {
                let label = format!("{} given", tender.label);
                self.amount(Style::Normal, 0, &label, given);
                if tenders > 1 {
                    self.amount(Style::Normal, INDENT, "towards this sale", tender.amount);
                }
            }
            None => self.amount(Style::Normal, 0, &tender.label, tender.amount),
        }
        if let Some(change) = tender.change.filter(|c| !c.is_zero()) {
            self.amount(Style::Normal, INDENT, "Change", change.negated());
        }
        for (label, value) in &tender.details {
            let value = cut(&clean(value), self.columns.saturating_sub(INDENT));
            let taken = width(&value);
            let cells = vec![self.end(value)];
            self.beside(Style::Normal, INDENT, label, Short::Break, taken, cells);
        }
    }

    fn pending(&mut self, pending: &PendingCard) {
        let amount = money_in_words(pending.amount);
        let narrow = self.columns.saturating_sub(6);
        self.centred(Style::Bar, "CARD PAYMENT PENDING");
        self.feed();
        match &pending.how {
            PendingHow::SavedCard { last4, write_to } => {
                let text = format!(
                    "Not charged yet. We will charge {amount} to the card ending {last4} \
                     when this till is back online."
                );
                self.centred_within(Style::Normal, &text, narrow);
                if let Some(address) = write_to {
                    let text = "If your bank declines, we will write to";
                    self.centred(Style::Normal, text);
                    self.centred(Style::Normal, address);
                }
            }
            PendingHow::PayLink { send_to, url } => {
                let text = format!("Not paid yet: {amount} are due.");
                self.centred_within(Style::Normal, &text, narrow);
                match (url, send_to) {
                    (Some(url), _) => {
                        self.centred(Style::Normal, "Scan to pay:");
                        self.qr(url);
                    }
                    (None, Some(address)) => {
                        let text = "When this till is back online, we will send a link to pay to";
                        self.centred_within(Style::Normal, text, narrow);
                        self.centred(Style::Normal, address);
                    }
                    (None, None) => {
                        let text = "The shop will give you a link to pay when this till is \
                                    back online.";
                        self.centred_within(Style::Normal, text, narrow);
                    }
                }
            }
        }
    }

    fn refund(&mut self, refund: &RefundReceipt) -> String {
        self.head(&refund.shop, refund.copy, refund.mark);
        self.title("REFUND");
        let title = format!("Refund {}", refund.number);
        self.stamp(&title, &refund.stamp);
        match refund.original {
            Some(original) => self.edges("For receipt", &original.to_string()),
            None => self.start(0, "Without a receipt"),
        }
        if let Some(name) = &refund.approved_by {
            self.edges("Approved by", name);
        }
        self.rule();
        for line in &refund.lines {
            self.item(0, &line.name, line.value, &line.tax_letter);
            self.quantity(&line.quantity, None);
        }
        if !clean(&refund.reason).is_empty() {
            self.start(0, &format!("Reason: {}", refund.reason));
        }
        self.rule();
        self.total("REFUNDED", refund.total);
        self.rule();
        self.rounding(refund.cash_rounding);
        for tender in &refund.tenders {
            let label = format!("Back to {}", tender.label);
            self.amount(Style::Normal, 0, &label, tender.amount);
            if let Some(note) = &tender.note {
                self.start(INDENT, note);
            }
        }
        if !refund.taxes.is_empty() {
            self.rule();
            self.taxes("Tax refunded", &refund.taxes);
        }
        self.rule();
        self.foot(&refund.shop, refund.qr.as_deref());
        title
    }

    fn shift(&mut self, report: &ShiftReport) -> String {
        self.head(&report.shop, report.copy, report.mark);
        let title = match report.kind {
            ReportKind::X => "X report".to_owned(),
            ReportKind::Z(number) => format!("Z report {number}"),
        };
        self.title(&title.to_uppercase());
        self.shift_head(report);
        self.shift_sales(report);
        self.shift_tenders(report);
        self.shift_cash(report);
        self.shift_counts(report);
        self.shift_journal(report);
        match report.kind {
            ReportKind::X => format!("{title}, shift {}", report.shift),
            ReportKind::Z(_) => title,
        }
    }

    fn shift_head(&mut self, report: &ShiftReport) {
        self.centred(
            Style::Normal,
            &format!("{} · Shift {}", report.till, report.shift),
        );
        self.centred(Style::Normal, &format!("{} to {}", report.from, report.to));
        let people = match &report.closed_by {
            Some(closed_by) => format!("Opened by {} · closed by {closed_by}", report.opened_by),
            None => format!("Opened by {}", report.opened_by),
        };
        self.centred(Style::Normal, &people);
        for (label, number) in [
            ("First receipt", report.first_receipt),
            ("Last receipt", report.last_receipt),
        ] {
            if let Some(number) = number {
                self.edges(label, &number.to_string());
            }
        }
        self.rule();
    }

    fn shift_sales(&mut self, report: &ShiftReport) {
        self.tally_of(0, "Sales before discounts", report.sales_before_discounts);
        for (label, tally) in &report.discounts {
            self.tally_of(0, label, *tally);
        }
        self.amount(Style::Normal, 0, "Sales", report.sales);
        self.tally_of(0, "Refunds", report.refunds);
        self.amount(Style::Bold, 0, "TAKINGS, TAX INCLUDED", report.takings);
        if !report.taxes.is_empty() {
            self.rule();
            self.taxes("Tax", &report.taxes);
        }
        if !report.refunded_taxes.is_empty() {
            self.rule();
            self.taxes("Of it, refunds", &report.refunded_taxes);
        }
        let deposits = [
            ("Deposits charged", report.deposits_charged),
            ("Deposits returned", report.deposits_returned),
        ];
        let some_deposit = deposits.iter().any(|(_, tally)| tally.is_some());
        if some_deposit || !report.cash_rounding.is_zero() {
            self.rule();
            for (label, tally) in deposits {
                if let Some(tally) = tally {
                    self.tally_of(0, label, tally);
                }
            }
            self.rounding(report.cash_rounding);
        }
        if !report.categories.is_empty() {
            self.rule();
            self.start(0, "Categories");
            for row in &report.categories {
                self.tally(0, &row.name, Short::Cut, &row.quantity, row.amount);
            }
        }
        self.rule();
    }

    fn shift_tenders(&mut self, report: &ShiftReport) {
        self.start(0, "Tenders, less refunds");
        for row in &report.tenders {
            self.tally_of(0, &row.label, row.net);
            if let Some(refunds) = row.refunds {
                self.tally_of(INDENT, "of it, refunds", refunds);
            }
        }
        self.amount(Style::Bold, 0, "TENDERS", report.tenders_total);
        if let Some(tips) = report.tips {
            self.tally_of(INDENT, "of it, tips", tips);
        }
        if let Some(lost) = report.vouchers_lost {
            self.tally_of(0, "Vouchers, not given back", lost);
        }
        self.rule();
        if let Some(pending) = &report.pending {
            let noun = if pending.count == 1 {
                "CARD PAYMENT"
            } else {
                "CARD PAYMENTS"
            };
            let text = format!("{} {noun} PENDING {}", pending.count, money(pending.amount));
            self.centred(Style::Bar, &text);
            let text = format!("oldest {} · at the shop's risk", pending.oldest);
            self.centred(Style::Normal, &text);
        }
        for (at, (label, tally)) in report.at_risk.iter().enumerate() {
            self.tally_of(if at == 0 { 0 } else { INDENT }, label, *tally);
        }
        if !report.at_risk_earlier.is_empty() {
            self.start(0, "Cards of earlier shifts");
        }
        for (label, tally) in &report.at_risk_earlier {
            self.tally_of(INDENT, label, *tally);
        }
        if let Some(tally) = report.owed {
            self.tally_of(0, "Owed, to decide", tally);
        }
        for line in &report.stripe {
            self.start(0, line);
        }
        if report.pending.is_some()
            || report.owed.is_some()
            || !report.at_risk.is_empty()
            || !report.at_risk_earlier.is_empty()
            || !report.stripe.is_empty()
        {
            self.rule();
        }
    }

    fn shift_cash(&mut self, report: &ShiftReport) {
        let cash = &report.cash;
        self.amount(Style::Normal, 0, "Float", cash.opening_float);
        self.amount(Style::Normal, 0, "Cash sales", cash.sales);
        self.amount(Style::Normal, 0, "Cash refunds", cash.refunds);
        for (label, movements) in [("Paid-in", &cash.paid_in), ("Paid-out", &cash.paid_out)] {
            self.tally_of(0, label, movements.total);
            for (reason, amount) in &movements.reasons {
                self.amount_of_name(INDENT, reason, *amount);
            }
        }
        if let Some(expected) = cash.expected {
            self.amount(Style::Normal, 0, "Expected", expected);
        }
        if let Some(counted) = cash.counted {
            self.amount(Style::Normal, 0, "Counted", counted);
        }
        if let Some(difference) = cash.difference {
            let word = if difference.is_negative() {
                "SHORT"
            } else if difference.is_positive() {
                "OVER"
            } else {
                "CASH AGREES"
            };
            self.amount(Style::Bold, 0, word, difference);
        }
        if let Some(reason) = &cash.difference_reason {
            self.start(INDENT, reason);
        }
        if let Some(float) = cash.next_float {
            self.amount(Style::Normal, 0, "Next float", float);
        }
        if let Some(bank) = &cash.to_bank {
            let label = match &bank.bag {
                Some(bag) => format!("To the bank, bag {bag}"),
                None => "To the bank".to_owned(),
            };
            self.amount(Style::Normal, 0, &label, bank.amount);
        }
        for foreign in &cash.foreign {
            self.foreign(foreign);
        }
        self.rule();
    }

    fn foreign(&mut self, row: &ForeignRow) {
        let code = &row.code;
        if let Some(taken) = row.taken {
            self.tally_of(0, &format!("{code} notes taken"), taken);
        }
        if let Some(worth) = row.worth {
            self.amount(Style::Normal, INDENT, "worth", worth);
        }
        if let Some(counted) = row.counted {
            self.amount(Style::Normal, 0, &format!("{code} counted"), counted);
        }
        if let Some(difference) = row.difference {
            let word = if difference.is_negative() {
                format!("{code} SHORT")
            } else if difference.is_positive() {
                format!("{code} OVER")
            } else {
                format!("{code} AGREES")
            };
            self.amount(Style::Bold, 0, &word, difference);
        }
    }

    fn amount_of_name(&mut self, indent: usize, name: &str, amount: Money) {
        let text = money(amount);
        let taken = width(&text);
        let cells = vec![self.end(text)];
        self.beside(Style::Normal, indent, name, Short::Cut, taken, cells);
    }

    fn shift_counts(&mut self, report: &ShiftReport) {
        self.tally_of(0, "Voided lines", report.voided_lines);
        self.tally_of(0, "Voided sales", report.voided_sales);
        self.tally_of(0, "Price overrides", report.price_overrides);
        self.count("No-sale", report.no_sale);
        self.count("PIN approvals", report.pin_approvals);
        self.count("PIN refusals", report.pin_refusals);
        self.count("Customers", report.customers);
        if let Some(average) = report.average_basket {
            self.amount(Style::Normal, 0, "Average basket", average);
        }
        if let Some(training) = report.training {
            self.tally_of(0, "Training, not counted", training);
        }
        if let Some(grand) = report.grand_totals {
            self.rule();
            self.start(0, "Grand totals, never reset");
            self.amount(Style::Normal, 0, "GT net", grand.net);
            self.amount(Style::Normal, 0, "GT plus", grand.plus);
            self.amount(Style::Normal, 0, "GT minus", grand.minus);
        }
        self.rule();
    }

    fn shift_journal(&mut self, report: &ShiftReport) {
        let Some(journal) = &report.journal else {
            self.centred(Style::Normal, "Nothing was reset.");
            return;
        };
        let gaps = match journal.gaps {
            0 => "no gaps".to_owned(),
            1 => "1 GAP".to_owned(),
            gaps => format!("{gaps} GAPS"),
        };
        let text = format!("Journal checked: {} entries, {gaps}", journal.entries);
        let style = if journal.gaps == 0 {
            Style::Normal
        } else {
            Style::Bold
        };
        self.centred(style, &text);
        match &journal.books {
            Books::Agree => self.centred(Style::Normal, "Books agree"),
            Books::Disagree(why) => {
                self.centred(Style::Bar, "BOOKS DO NOT AGREE");
                self.centred(Style::Normal, why);
            }
        }
        if let Some(data) = &journal.qr {
            self.qr(data);
        }
        self.centred(Style::Normal, &format!("Head {}", journal.head));
        if let Some(head) = &journal.previous_head {
            self.centred(Style::Normal, &format!("Z before {head}"));
        }
    }

    fn slip(&mut self, slip: &Slip) -> String {
        self.head(&slip.shop, slip.copy, Mark::None);
        let title = match slip.kind {
            SlipKind::PaidIn => "Paid in",
            SlipKind::PaidOut => "Paid out",
            SlipKind::NoSale => "No sale",
        };
        self.title(&title.to_uppercase());
        self.edges(
            &format!("{} · Shift {}", slip.stamp.till, slip.stamp.shift),
            &slip.stamp.date_time,
        );
        self.edges("By", &slip.stamp.served_by);
        if let Some(name) = &slip.approved_by {
            self.edges("Approved by", name);
        }
        self.rule();
        if let Some(amount) = slip.amount {
            self.total("AMOUNT", amount);
        }
        if !clean(&slip.reason).is_empty() {
            self.start(0, &format!("Reason: {}", slip.reason));
        }
        self.rule();
        match slip.kind {
            SlipKind::PaidIn | SlipKind::PaidOut => {
                self.feed();
                self.feed();
                self.start(0, "Signature ................");
            }
            SlipKind::NoSale => {}
        }
        title.to_owned()
    }
}

fn cell(text: &str, anchor: Anchor) -> Cell {
    let text = text.to_owned();
    Cell { text, anchor }
}

/// A row of the tax table, written.
struct TaxLine {
    letter: String,
    rate: String,
    name: String,
    net: String,
    tax: String,
    gross: String,
}

impl TaxLine {
    fn of_row(row: &TaxRow) -> Self {
        Self {
            letter: cut(&clean(&row.letter), 3),
            rate: cut(&clean(&row.rate), 8),
            name: cut(&clean(&row.name), COLUMNS_MIN),
            net: money(row.net),
            tax: money(row.tax),
            gross: money(row.gross),
        }
    }
}

fn tax_sums(rows: &[TaxRow]) -> Result<TaxLine, MoneyError> {
    let sum = |of: fn(&TaxRow) -> Money| {
        let currency = rows.first().map(|r| of(r).currency());
        let currency = currency.ok_or(MoneyError::NotANumber)?;
        Money::sum(rows.iter().map(of), currency).map(money)
    };
    Ok(TaxLine {
        letter: "Total".to_owned(),
        rate: String::new(),
        name: String::new(),
        net: sum(|r| r.net)?,
        tax: sum(|r| r.tax)?,
        gross: sum(|r| r.gross)?,
    })
}
