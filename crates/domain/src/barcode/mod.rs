//! What a scan means: which goods, and what the code says of them.
//!
//! Invariants:
//! - a code with a check digit is read only if the digit is right;
//! - a misread is refused by name, never read as something else that fits;
//! - what looks like a card number is refused, and no error repeats it; a product's
//!   code is never taken for one.
//!
//! By the GS1 General Specifications: symbologies section 5, check digits 7.9,
//! symbology identifiers 5.1.3, element strings section 3 and 7.8.

mod card;
mod gs1;
mod rules;

use jiff::civil::Date;
use rust_decimal::Decimal;

pub use card::{hide_cards, looks_like_card};
pub use gs1::{Element, Fault, Gs1Error, SEPARATOR};
pub use rules::{Label, Rule, RuleError, ValueKind};

use crate::money::Currency;

/// Which kind of symbol a code is from, as far as it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Symbology {
    /// EAN-13.
    Ean13,
    /// EAN-8.
    Ean8,
    /// UPC-A.
    UpcA,
    /// UPC-E.
    UpcE,
    /// ITF-14, or any other carrier of fourteen digits.
    Itf14,
    /// Code 128, or any other text: codes of the shop's own.
    Code128,
    /// GS1-128.
    Gs1128,
    /// GS1 `DataBar`.
    Gs1DataBar,
    /// GS1 `DataMatrix`.
    Gs1DataMatrix,
    /// GS1 QR Code.
    Gs1Qr,
    /// A GS1 element string; the scanner did not say from which symbol.
    Gs1,
    /// A GS1 Digital Link.
    Gs1DigitalLink,
}

impl Symbology {
    /// The name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ean13 => "ean13",
            Self::Ean8 => "ean8",
            Self::UpcA => "upca",
            Self::UpcE => "upce",
            Self::Itf14 => "itf14",
            Self::Code128 => "code128",
            Self::Gs1128 => "gs1_128",
            Self::Gs1DataBar => "gs1_databar",
            Self::Gs1DataMatrix => "gs1_datamatrix",
            Self::Gs1Qr => "gs1_qr",
            Self::Gs1 => "gs1",
            Self::Gs1DigitalLink => "gs1_digital_link",
        }
    }
}

/// A code that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Barcode {
    /// Which kind of symbol it is from.
    pub symbology: Symbology,
    /// Its check digit, where the code as a whole has one.
    pub check_digit: Option<u32>,
    /// Under what the catalogue may know it, the likeliest first: the same GTIN is
    /// written with 8, 12, 13 or 14 digits.
    pub lookups: Vec<String>,
    /// The value that a rule of the shop found in it.
    pub label: Option<Label>,
    /// The elements of a GS1 element string; empty for every other code.
    pub elements: Vec<Element>,
}

/// Why a scan is no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BarcodeError {
    /// Nothing.
    #[error("nothing was scanned")]
    Empty,
    /// Digits, and no product's code has so many.
    #[error("no code has {digits} digits")]
    Length {
        /// How many.
        digits: usize,
    },
    /// More than a symbol holds.
    #[error("longer than {TEXT_MAX} characters")]
    TooLong,
    /// Something other than printable ASCII.
    #[error("a character that no code has")]
    Characters,
    /// Misread.
    #[error("check digit is {found}, expected {expected}")]
    CheckDigit {
        /// As scanned.
        found: u32,
        /// As computed.
        expected: u32,
    },
    /// Looks like a card number: it is not kept.
    #[error("looks like a card number")]
    Card,
    /// A GS1 element string that cannot be read.
    #[error(transparent)]
    Gs1(#[from] Gs1Error),
}

/// More than the largest GS1 symbol at a counter holds, FNC1 and links included.
const TEXT_MAX: usize = 512;

/// GS1 check digit of the digits before it: weights 3 and 1 from the right (General
/// Specifications 7.9.1).
#[must_use]
pub fn check_digit(digits: &str) -> Option<u32> {
    let mut sum = 0_u32;
    for (i, c) in digits.chars().rev().enumerate() {
        let weight = if i % 2 == 0 { 3 } else { 1 };
        sum = sum.checked_add(c.to_digit(10)?.checked_mul(weight)?)?;
    }
    Some((10 - sum % 10) % 10)
}

/// The UPC-A behind the eight digits of a UPC-E: the zeros that it leaves out, put
/// back (General Specifications 5.2.2.4.2). Its check digit is that of the UPC-A.
#[must_use]
pub fn expand_upc_e(code: &str) -> Option<String> {
    if code.len() != 8 || !all_digits(code) || !code.starts_with(['0', '1']) {
        return None;
    }
    let (system, check) = (code.get(..1)?, code.get(7..)?);
    let (ab, c, d, e, last) = (
        code.get(1..3)?,
        code.get(3..4)?,
        code.get(4..5)?,
        code.get(5..6)?,
        code.get(6..7)?,
    );
    Some(match last {
        "0" | "1" | "2" => format!("{system}{ab}{last}0000{c}{d}{e}{check}"),
        "3" => format!("{system}{ab}{c}00000{d}{e}{check}"),
        "4" => format!("{system}{ab}{c}{d}00000{e}{check}"),
        _ => format!("{system}{ab}{c}{d}{e}0000{last}{check}"),
    })
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The last digit against the ones before it.
fn checked(digits: &str) -> Result<u32, BarcodeError> {
    let body = digits.get(..digits.len() - 1).unwrap_or_default();
    let found = digits.chars().last().and_then(|c| c.to_digit(10));
    match (found, check_digit(body)) {
        (Some(found), Some(expected)) if found == expected => Ok(found),
        (Some(found), Some(expected)) => Err(BarcodeError::CheckDigit { found, expected }),
        _ => Err(BarcodeError::Characters),
    }
}

/// The ways to write a GTIN. Catalogues keep UPC-A as thirteen digits more often than
/// as twelve.
fn ways_to_write(gtin: &str) -> Vec<String> {
    let gtin14 = format!("{gtin:0>14}");
    let zeros = gtin14.bytes().take_while(|b| *b == b'0').count();
    let mut ways = Vec::with_capacity(3);
    for digits in [8, 13, 12, 14] {
        if zeros + digits >= 14
            && let Some(way) = gtin14.get(14 - digits..)
        {
            ways.push(way.to_owned());
        }
    }
    ways
}

/// How a code of the catalogue can be written: a GTIN in each of its lengths, the
/// longest last; any other code as it is.
#[must_use]
pub fn spellings(code: &str) -> Vec<String> {
    if all_digits(code) && matches!(code.len(), 8 | 12..=14) {
        ways_to_write(code)
    } else {
        vec![code.to_owned()]
    }
}

/// What a symbology identifier says: `]`, a letter, a modifier (ISO/IEC 15424;
/// General Specifications 5.1.3).
enum Said {
    /// EAN-8.
    Ean8,
    /// EAN-13, UPC-A or UPC-E, with as many digits of an add-on behind it.
    Ean { add_on: bool },
    /// An ITF of some length.
    Itf,
    /// A GS1 element string.
    Gs1(Symbology),
    /// Text.
    Text,
    /// Nothing: the scanner sends none, or somebody typed.
    Nothing,
}

fn symbology_identifier(scan: &str) -> (Said, &str) {
    let Some((head, rest)) = scan
        .split_at_checked(3)
        .filter(|(head, _)| head.starts_with(']'))
    else {
        return (Said::Nothing, scan);
    };
    let said = match head {
        "]C1" => Said::Gs1(Symbology::Gs1128),
        "]e0" | "]e1" | "]e2" => Said::Gs1(Symbology::Gs1DataBar),
        "]d2" => Said::Gs1(Symbology::Gs1DataMatrix),
        "]Q3" => Said::Gs1(Symbology::Gs1Qr),
        "]J1" => Said::Gs1(Symbology::Gs1),
        "]E0" => Said::Ean { add_on: false },
        "]E3" => Said::Ean { add_on: true },
        "]E4" => Said::Ean8,
        "]I0" | "]I1" | "]I3" => Said::Itf,
        _ => match head.as_bytes() {
            [_, letter, modifier]
                if letter.is_ascii_alphabetic() && modifier.is_ascii_alphanumeric() =>
            {
                Said::Text
            }
            _ => return (Said::Nothing, scan),
        },
    };
    (said, rest)
}

impl Barcode {
    /// Reads a scan, or what somebody typed. The first rule of the shop that has the
    /// code's shape finds the value in it. Two digits of a year mean one near `today`.
    ///
    /// # Errors
    /// [`BarcodeError`], naming what is wrong.
    pub fn parse(scan: &str, rules: &[Rule], today: Date) -> Result<Self, BarcodeError> {
        let scan = scan.trim_matches([' ', '\t', '\r', '\n']);
        let (said, code) = symbology_identifier(scan);
        let read = Self::read(&said, code, rules, today);
        // A right check digit where one must be says that it is goods: a serial number
        // may have sixteen digits, and a magazine has fifteen with its issue behind it.
        // Nothing else is trusted: 410 and a place's number are sixteen digits, and so
        // is a Visa that begins with 410. Where no scanner says GS1, goods have a key.
        let gs1 = matches!(said, Said::Gs1(_));
        let goods = |e: &Element| e.checked && (gs1 || matches!(e.ai, "00" | "01" | "02" | "03"));
        if let Ok(barcode) = &read
            && (barcode.check_digit.is_some() || barcode.elements.iter().any(goods))
        {
            return read;
        }
        let mut elements = read.iter().flat_map(|barcode| &barcode.elements);
        // What looks like a symbology identifier may have been typed.
        let typed = matches!(said, Said::Text) && looks_like_card(scan);
        if typed || looks_like_card(code) || elements.any(|e| looks_like_card(&e.value)) {
            return Err(BarcodeError::Card);
        }
        read
    }

    fn read(said: &Said, code: &str, rules: &[Rule], today: Date) -> Result<Self, BarcodeError> {
        if code.is_empty() {
            return Err(BarcodeError::Empty);
        }
        if code.len() > TEXT_MAX {
            return Err(BarcodeError::TooLong);
        }
        if !code
            .chars()
            .all(|c| c == SEPARATOR || matches!(c, ' '..='~'))
        {
            return Err(BarcodeError::Characters);
        }
        match *said {
            Said::Gs1(symbology) => Self::elements(symbology, gs1::read(code, today.year())),
            Said::Ean { add_on: true } => match code.len() {
                15 | 18 => Self::digits(code.get(..13).unwrap_or_default(), rules),
                digits => Err(BarcodeError::Length { digits }),
            },
            Said::Ean8 if code.len() == 8 && all_digits(code) => {
                Ok(Self::gtin(Symbology::Ean8, code, checked(code)?))
            }
            Said::Ean8 | Said::Ean { add_on: false } | Said::Itf => Self::digits(code, rules),
            Said::Text => Self::text(code, rules, today),
            Said::Nothing => Self::unsaid(code, rules, today),
        }
    }

    /// A code of which nobody said what it is.
    fn unsaid(code: &str, rules: &[Rule], today: Date) -> Result<Self, BarcodeError> {
        if code.contains(SEPARATOR) {
            return Self::elements(Symbology::Gs1, gs1::read(code, today.year()));
        }
        if !all_digits(code) || code.len() > 14 {
            // A key of a known length in front is no chance: what is wrong behind it
            // is wrong. Otherwise it must be right from end to end, with a check digit.
            let begins_with_key =
                code.starts_with("00") || matches!(code.get(..2), Some("01" | "02" | "03"));
            let certain = begins_with_key && code.get(..16).is_some_and(all_digits);
            let elements = gs1::read(code, today.year());
            if certain || elements.iter().flatten().any(|e| e.checked) {
                return Self::elements(Symbology::Gs1, elements);
            }
        }
        if all_digits(code) {
            return Self::digits(code, rules);
        }
        Self::text(code, rules, today)
    }

    fn elements(
        symbology: Symbology,
        elements: Result<Vec<Element>, Gs1Error>,
    ) -> Result<Self, BarcodeError> {
        let elements = elements?;
        let gtin = elements.iter().find(|e| matches!(e.ai, "01" | "03"));
        Ok(Self {
            symbology,
            check_digit: None,
            lookups: gtin.map(|e| ways_to_write(&e.value)).unwrap_or_default(),
            label: None,
            elements,
        })
    }

    /// Text: a code of the shop's own, or an element string as people read one.
    fn text(code: &str, rules: &[Rule], today: Date) -> Result<Self, BarcodeError> {
        if gs1::is_bracketed(code) {
            return Self::elements(Symbology::Gs1, gs1::read_bracketed(code, today.year()));
        }
        // QR codes are smaller in capitals.
        let begins = |scheme: &str| {
            let head = code.get(..scheme.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(scheme))
        };
        if begins("https://") || begins("http://") {
            return Self::elements(
                Symbology::Gs1DigitalLink,
                gs1::read_link(code, today.year()),
            );
        }
        if code.contains(SEPARATOR) {
            return Err(BarcodeError::Characters);
        }
        Ok(Self::in_store(code).with_rules(code, rules))
    }

    /// A code of the shop's own: it means what the catalogue says, to the letter.
    #[must_use]
    pub fn in_store(code: &str) -> Self {
        Self {
            symbology: Symbology::Code128,
            check_digit: None,
            lookups: vec![code.to_owned()],
            label: None,
            elements: Vec::new(),
        }
    }

    fn digits(code: &str, rules: &[Rule]) -> Result<Self, BarcodeError> {
        if !all_digits(code) {
            return Err(BarcodeError::Characters);
        }
        let (symbology, check) = match code.len() {
            8 => return Self::eight_digits(code, rules),
            12 => (Symbology::UpcA, checked(code)?),
            13 => (Symbology::Ean13, checked(code)?),
            14 => (Symbology::Itf14, checked(code)?),
            digits => {
                // The shop's own short codes carry no check digit; longer ones are
                // what a rule says, or part of something.
                let own = Self::in_store(code).with_rules(code, rules);
                if own.label.is_none() && !(4..=7).contains(&digits) {
                    return Err(BarcodeError::Length { digits });
                }
                return Ok(own);
            }
        };
        Ok(Self::gtin(symbology, code, check).with_rules(code, rules))
    }

    /// EAN-8 or UPC-E: nothing but the check digits tells them apart. GS1 gives out no
    /// EAN-8 that begins with 0 (General Specifications 1.4.3), so UPC-E goes first
    /// there; UPC-E that begin with 1 are rare, so EAN-8 goes first there.
    fn eight_digits(code: &str, rules: &[Rule]) -> Result<Self, BarcodeError> {
        let upc_e = || -> Option<Self> {
            let upc_a = expand_upc_e(code)?;
            let check = checked(&upc_a).ok()?;
            let mut barcode = Self::gtin(Symbology::UpcE, &upc_a, check);
            barcode.lookups.push(code.to_owned());
            Some(barcode)
        };
        let ean_8 = checked(code).map(|check| Self::gtin(Symbology::Ean8, code, check));
        let read = if code.starts_with('0') {
            upc_e().map_or(ean_8, Ok)
        } else {
            ean_8.or_else(|error| upc_e().ok_or(error))
        };
        Ok(read?.with_rules(code, rules))
    }

    fn gtin(symbology: Symbology, gtin: &str, check_digit: u32) -> Self {
        Self {
            symbology,
            check_digit: Some(check_digit),
            lookups: ways_to_write(gtin),
            label: None,
            elements: Vec::new(),
        }
    }

    /// Looks for a value by the shop's rules. Scanners send a UPC-A with or without
    /// the zero that makes it an EAN-13, so a rule may be written for either: one for
    /// the code as it was sent goes first.
    fn with_rules(mut self, code: &str, rules: &[Rule]) -> Self {
        let other = match code.len() {
            12 => Some(format!("0{code}")),
            13 => code.strip_prefix('0').map(str::to_owned),
            _ => None,
        };
        let by_rules = |code: &str| rules.iter().find_map(|rule| rule.read(code));
        self.label = by_rules(code).or_else(|| by_rules(other.as_deref()?));
        if let Some(label) = &self.label {
            self.lookups = lookups_of(label);
        }
        self
    }

    /// Kilograms, where the code says so.
    #[must_use]
    pub fn weight(&self) -> Option<Decimal> {
        self.label_value(ValueKind::Weight)
            .or_else(|| self.number("310"))
    }

    /// The price to pay, where the code says so, and its currency where it says that.
    #[must_use]
    pub fn price(&self) -> Option<(Decimal, Option<Currency>)> {
        let with_currency = || {
            let element = self.elements.iter().find(|e| e.ai.starts_with("393"))?;
            Some((element.number?, element.currency))
        };
        self.label_value(ValueKind::Price)
            .or_else(|| self.number("392"))
            .map(|price| (price, None))
            .or_else(with_currency)
    }

    /// Pieces, where the code says so.
    #[must_use]
    pub fn quantity(&self) -> Option<Decimal> {
        let count = || self.element("30")?.value.parse().ok();
        self.label_value(ValueKind::Quantity).or_else(count)
    }

    /// The last day on which it may be sold: the earliest of expiry, sell-by and
    /// best-before.
    #[must_use]
    pub fn sell_until(&self) -> Option<Date> {
        ["15", "16", "17", "7003"]
            .iter()
            .filter_map(|ai| self.element(ai)?.date)
            .min()
    }

    fn element(&self, ai: &str) -> Option<&Element> {
        self.elements.iter().find(|e| e.ai == ai)
    }

    fn number(&self, ai: &str) -> Option<Decimal> {
        self.elements
            .iter()
            .find(|e| e.ai.len() == 4 && e.ai.starts_with(ai))?
            .number
    }

    fn label_value(&self, kind: ValueKind) -> Option<Decimal> {
        let label = self.label.as_ref()?;
        (label.kind == kind).then_some(label.amount)
    }
}

/// What the catalogue may know a label by: the item's number as the scale prints it,
/// or the whole code without its value.
fn lookups_of(label: &Label) -> Vec<String> {
    let mut lookups: Vec<String> = label.item_prefix.clone().into_iter().collect();
    lookups.retain(|prefix| prefix.len() >= 4);
    lookups.extend(spellings(&label.item_code));
    lookups
}
