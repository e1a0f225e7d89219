//! GS1 element strings: application identifiers and their values, as they come out of
//! GS1-128, GS1 DataMatrix and GS1 QR Code, printed in brackets under a symbol, or as
//! a GS1 Digital Link.
//!
//! Invariants:
//! - what an identifier may hold is in `data/gs1_application_identifiers.txt` and
//!   nowhere else;
//! - a string is read whole or refused: no element is skipped;
//! - an error names the identifier, and never repeats what stood behind it.

use std::collections::HashMap;
use std::fmt;
use std::fmt::Write as _;
use std::sync::LazyLock;

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::check_digit;
use crate::money::Currency;

/// What stands for FNC1 between two elements: the ASCII group separator (General
/// Specifications 7.8.6).
pub const SEPARATOR: char = '\u{1D}';

/// The year that two digits mean in a given year: from 49 years back to 50 ahead
/// (General Specifications 7.12).
const fn full_year(two_digits: i16, this_year: i16) -> i16 {
    let century = this_year - this_year % 100;
    match two_digits - this_year % 100 {
        51..=99 => century - 100 + two_digits,
        -99..=-50 => century + 100 + two_digits,
        _ => century + two_digits,
    }
}

/// One identifier and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// Two to four digits, such as `3103`.
    pub ai: &'static str,
    /// GS1's title of it, such as "NET WEIGHT (kg)".
    pub title: &'static str,
    /// The value as a person or a script reads it: decimals applied, dates as ISO 8601.
    pub value: String,
    /// The measure or amount, where it is one.
    pub number: Option<Decimal>,
    /// The currency that an amount names.
    pub currency: Option<Currency>,
    /// The first or only day, where it is one.
    pub date: Option<Date>,
    /// A check digit was in it, and right.
    pub checked: bool,
}

/// Why an element string is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Gs1Error {
    /// No such application identifier.
    #[error("`{ai}` begins no GS1 application identifier")]
    UnknownAi {
        /// Up to four characters where one should be.
        ai: String,
    },
    /// An element is not what its identifier says.
    #[error("({ai}) {title}: {fault}")]
    Element {
        /// The identifier.
        ai: &'static str,
        /// GS1's title of it.
        title: &'static str,
        /// What is wrong.
        fault: Fault,
    },
    /// A separator with nothing before it, or nothing at all.
    #[error("a separator where an element should be")]
    Separator,
    /// A web address without a GS1 key in it.
    #[error("a web address without a GS1 key")]
    Link,
}

/// What is wrong with the value of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Ends too soon.
    #[error("cut short, {found} characters of at least {least}")]
    Truncated {
        /// Characters there.
        found: usize,
        /// Characters that must be there.
        least: usize,
    },
    /// Does not end where it must.
    #[error("longer than {most} characters")]
    TooLong {
        /// As many as it may have.
        most: usize,
    },
    /// A character outside its set.
    #[error("a character outside its set")]
    Characters,
    /// Misread.
    #[error("wrong check digit")]
    CheckDigit,
    /// No such day or time.
    #[error("no such date")]
    Date,
    /// Not what the identifier stands for.
    #[error("not a value of this kind")]
    Content,
    /// Twice, and not the same.
    #[error("said twice and not the same")]
    Repeated,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    Digits,
    Cset82,
    Cset39,
    Base64,
}

impl Set {
    /// General Specifications 7.11.
    const fn has(self, byte: u8) -> bool {
        match self {
            Self::Digits => byte.is_ascii_digit(),
            Self::Cset82 => {
                byte.is_ascii_alphanumeric()
                    || matches!(byte, b'!' | b'"' | b'%'..=b'/' | b':'..=b'?' | b'_')
            }
            Self::Cset39 => {
                byte.is_ascii_digit()
                    || byte.is_ascii_uppercase()
                    || matches!(byte, b'#' | b'-' | b'/')
            }
            Self::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'='),
        }
    }
}

/// What the content of a part must be, by the names of GS1's syntax dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    None,
    Csum,
    CsumAlpha,
    Currency,
    Date { last_day: bool },
    FullDate,
    Decimal,
    Hour,
    HourMinute,
    Hyphen,
    Iban,
    Key,
    Latitude,
    Longitude,
    MinuteOrSecond,
    NoZeroPrefix,
    NonZero,
    OneOf(&'static str),
    PercentEncoded,
    PieceOfTotal,
    PlaceOfTotal,
    Zero,
}

#[derive(Debug)]
struct Part {
    set: Set,
    least: usize,
    most: usize,
    optional: bool,
    check: Check,
}

#[derive(Debug)]
struct Row {
    title: &'static str,
    predefined: bool,
    parts: Vec<Part>,
}

static TABLE: LazyLock<HashMap<String, Row>> = LazyLock::new(|| {
    include_str!("../../data/gs1_application_identifiers.txt")
        .lines()
        .filter_map(rows)
        .flatten()
        .collect()
});

/// The rows of a line of the table, one for each identifier of its range.
fn rows(line: &'static str) -> Option<Vec<(String, Row)>> {
    let (facts, title) = line.split_once('#')?;
    let mut facts = facts.split_whitespace();
    let range = facts.next()?;
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let digits = first.len();
    let facts: Vec<&str> = facts.collect();
    (first.parse::<u16>().ok()?..=last.parse().ok()?)
        .map(|ai| {
            let row = Row {
                title: title.trim(),
                predefined: facts.contains(&"*"),
                parts: facts
                    .iter()
                    .filter(|fact| **fact != "*")
                    .map(|fact| part(fact))
                    .collect::<Option<_>>()?,
            };
            Some((format!("{ai:0digits$}"), row))
        })
        .collect()
}

fn part(text: &str) -> Option<Part> {
    let (shape, check) = text.split_once(',').unwrap_or((text, ""));
    let bare = shape.strip_prefix('[').and_then(|s| s.strip_suffix(']'));
    let (set, length) = bare.unwrap_or(shape).split_at_checked(1)?;
    let most: usize = length.trim_start_matches('.').parse().ok()?;
    Some(Part {
        set: match set {
            "N" => Set::Digits,
            "X" => Set::Cset82,
            "Y" => Set::Cset39,
            "Z" => Set::Base64,
            _ => return None,
        },
        least: if length.starts_with("..") { 1 } else { most },
        most,
        optional: bare.is_some(),
        check: match check {
            "" => Check::None,
            "csum" => Check::Csum,
            "csumalpha" => Check::CsumAlpha,
            "decimal" => Check::Decimal,
            "hh" => Check::Hour,
            "hhmi" => Check::HourMinute,
            "hyphen" => Check::Hyphen,
            "iban" => Check::Iban,
            "iso4217" => Check::Currency,
            "iso5218" => Check::OneOf("0129"),
            "key" => Check::Key,
            "latitude" => Check::Latitude,
            "longitude" => Check::Longitude,
            "mi" | "ss" => Check::MinuteOrSecond,
            "nonzero" => Check::NonZero,
            "nozeroprefix" => Check::NoZeroPrefix,
            "pcenc" => Check::PercentEncoded,
            "pieceoftotal" => Check::PieceOfTotal,
            "posinseqslash" => Check::PlaceOfTotal,
            "winding" => Check::OneOf("019"),
            "yesno" => Check::OneOf("01"),
            "yymmd0" => Check::Date { last_day: true },
            "yymmdd" => Check::Date { last_day: false },
            "yyyymmdd" => Check::FullDate,
            "zero" => Check::Zero,
            _ => return None,
        },
    })
}

impl Row {
    fn least(&self) -> usize {
        let must = self.parts.iter().filter(|p| !p.optional);
        must.map(|p| p.least).sum()
    }

    fn most(&self) -> usize {
        self.parts.iter().map(|p| p.most).sum()
    }

    fn error(&self, ai: &'static str, fault: Fault) -> Gs1Error {
        Gs1Error::Element {
            ai,
            title: self.title,
            fault,
        }
    }

    /// Reads the value of one element.
    fn element(&self, ai: &'static str, value: &str, this_year: i16) -> Result<Element, Gs1Error> {
        let (found, least, most) = (value.len(), self.least(), self.most());
        let mut element = Element {
            ai,
            title: self.title,
            value: String::with_capacity(found + 4),
            number: None,
            currency: None,
            date: None,
            checked: false,
        };
        let mut rest = value;
        for part in &self.parts {
            if rest.is_empty() && part.optional {
                break;
            }
            let (text, left) = rest
                .split_at_checked(part.most.min(rest.len()))
                .ok_or_else(|| self.error(ai, Fault::Characters))?;
            rest = left;
            if !text.bytes().all(|b| part.set.has(b)) {
                return Err(self.error(ai, Fault::Characters));
            }
            if text.len() < part.least {
                let least = least.max(found - text.len() + part.least);
                return Err(self.error(ai, Fault::Truncated { found, least }));
            }
            part.take(text, this_year, &mut element)
                .map_err(|fault| self.error(ai, fault))?;
        }
        if !rest.is_empty() {
            return Err(self.error(ai, Fault::TooLong { most }));
        }
        if let (Some(number), Some(currency)) = (element.number, element.currency) {
            element.value = format!("{number} {currency}");
        }
        Ok(element)
    }
}

impl Part {
    /// Checks the text of a part and adds what it says.
    fn take(&self, text: &str, this_year: i16, element: &mut Element) -> Result<(), Fault> {
        let number = || text.parse::<i64>().map_err(|_| Fault::Characters);
        let content = |right: bool| right.then_some(()).ok_or(Fault::Content);
        match self.check {
            Check::None => {}
            Check::Csum => {
                let (body, last) = text
                    .split_at_checked(text.len() - 1)
                    .ok_or(Fault::CheckDigit)?;
                let right = check_digit(body).and_then(|d| char::from_digit(d, 10));
                if right != last.chars().next() {
                    return Err(Fault::CheckDigit);
                }
                element.checked = true;
            }
            Check::CsumAlpha => {
                if !check_pair_is_right(text) {
                    return Err(Fault::CheckDigit);
                }
                element.checked = true;
            }
            Check::Currency => {
                let code = u16::try_from(number()?).map_err(|_| Fault::Content)?;
                let currency = Currency::from_numeric(code).ok_or(Fault::Content)?;
                element.currency = Some(currency);
                return Ok(());
            }
            Check::Decimal => {
                let places = element.ai.chars().last().and_then(|c| c.to_digit(10));
                let number =
                    Decimal::try_new(number()?, places.unwrap_or(0)).map_err(|_| Fault::Content)?;
                element.number = Some(number);
                element.value = number.to_string();
                return Ok(());
            }
            Check::Date { last_day } => {
                let number = number()?;
                let year = i16::try_from(number / 10_000).map_err(|_| Fault::Date)?;
                let year = full_year(year, this_year);
                element.day(year, number, last_day)?;
                return Ok(());
            }
            Check::FullDate => {
                let number = number()?;
                let year = i16::try_from(number / 10_000).map_err(|_| Fault::Date)?;
                element.day(year, number, false)?;
                return Ok(());
            }
            Check::Hour => {
                let hour = number()?;
                return element.time(hour < 24, format_args!("T{hour:02}"));
            }
            Check::HourMinute => {
                let (hour, minute) = (number()? / 100, number()? % 100);
                return element.time(
                    hour < 24 && minute < 60,
                    format_args!("T{hour:02}:{minute:02}"),
                );
            }
            Check::MinuteOrSecond => {
                let number = number()?;
                return element.time(number < 60, format_args!(":{number:02}"));
            }
            Check::Hyphen => content(text == "-")?,
            Check::Iban => content(iban_is_right(text))?,
            // GS1 company prefixes have four digits at least.
            Check::Key => {
                content(text.len() >= 4 && text.bytes().take(4).all(|b| b.is_ascii_digit()))?
            }
            Check::Latitude => content(number()? <= 1_800_000_000)?,
            Check::Longitude => content(number()? <= 3_600_000_000)?,
            Check::NoZeroPrefix => content(text == "0" || !text.starts_with('0'))?,
            Check::NonZero => content(number()? != 0)?,
            Check::OneOf(values) => content(values.contains(text))?,
            Check::PercentEncoded => content(percent_decoded(text).is_some())?,
            Check::PieceOfTotal => {
                let (piece, total) = (number()? / 100, number()? % 100);
                content(piece != 0 && piece <= total)?;
            }
            Check::PlaceOfTotal => {
                let (place, total) = text.split_once('/').ok_or(Fault::Content)?;
                let digit = |t: &str| t.parse::<u8>().ok().filter(|d| *d != 0);
                content(digit(place).is_some() && digit(place) <= digit(total))?;
            }
            Check::Zero => content(number()? == 0)?,
        }
        element.value.push_str(text);
        Ok(())
    }
}

impl Element {
    /// Adds a day given as `…MMDD`; a second one makes it a range.
    fn day(&mut self, year: i16, number: i64, last_day: bool) -> Result<(), Fault> {
        let part = |number: i64| i8::try_from(number % 100).map_err(|_| Fault::Date);
        let date = |day| Date::new(year, part(number / 100)?, day).map_err(|_| Fault::Date);
        let date = match part(number)? {
            0 if last_day => date(1)?.last_of_month(),
            day => date(day)?,
        };
        if year == 0 {
            return Err(Fault::Date);
        }
        if self.date.is_some() {
            self.value.push('/');
        } else {
            self.date = Some(date);
        }
        self.value.push_str(&date.to_string());
        Ok(())
    }

    fn time(&mut self, there_is: bool, text: fmt::Arguments<'_>) -> Result<(), Fault> {
        if !there_is {
            return Err(Fault::Date);
        }
        self.value.write_fmt(text).map_err(|_| Fault::Date)
    }
}

/// The check character pair of a global model number (General Specifications 7.9.5).
fn check_pair_is_right(text: &str) -> bool {
    const CSET82: &str =
        "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
    const CSET32: &str = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    const PRIMES: [usize; 23] = [
        2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83,
    ];
    let Some((body, pair)) = text
        .len()
        .checked_sub(2)
        .and_then(|at| text.split_at_checked(at))
    else {
        return false;
    };
    let sum: usize = body
        .chars()
        .rev()
        .zip(PRIMES)
        .map(|(c, prime)| CSET82.find(c).unwrap_or(0) * prime)
        .sum();
    let check = sum % 1021;
    [check / 32, check % 32]
        .iter()
        .map(|n| CSET32.chars().nth(*n))
        .eq(pair.chars().map(Some))
}

/// ISO 13616: the first four characters moved behind, letters as two digits, modulo 97.
fn iban_is_right(text: &str) -> bool {
    let Some((head, tail)) = text.split_at_checked(4) else {
        return false;
    };
    let mut remainder = 0;
    for c in tail.chars().chain(head.chars()) {
        match c.to_digit(36) {
            Some(d) if d < 10 => remainder = (remainder * 10 + d) % 97,
            Some(d) if c.is_ascii_uppercase() => remainder = (remainder * 100 + d) % 97,
            _ => return false,
        }
    }
    remainder == 1
}

/// The identifier that a text begins with.
fn identifier(text: &str) -> Result<(&'static str, &'static Row), Gs1Error> {
    (2..=4)
        .filter_map(|digits| text.get(..digits))
        .find_map(|ai| TABLE.get_key_value(ai))
        .map(|(ai, row)| (ai.as_str(), row))
        .ok_or_else(|| Gs1Error::UnknownAi {
            ai: text
                .chars()
                .take_while(|c| *c != SEPARATOR)
                .take(4)
                .collect(),
        })
}

/// Elements in the order in which they stand, each identifier once.
#[derive(Default)]
struct Elements(Vec<Element>);

impl Elements {
    fn add(&mut self, element: Element, row: &Row) -> Result<(), Gs1Error> {
        // The fourth digit of a measure or amount is its places: two of them are
        // two measures (General Specifications 4.13).
        let same = |other: &&Element| match (other.number, element.number) {
            (Some(_), Some(_)) => other.ai.get(..3) == element.ai.get(..3),
            _ => other.ai == element.ai,
        };
        match self.0.iter().find(same) {
            None => self.0.push(element),
            Some(other) if *other == element => {}
            Some(_) => return Err(row.error(element.ai, Fault::Repeated)),
        }
        Ok(())
    }

    fn done(self) -> Result<Vec<Element>, Gs1Error> {
        if self.0.is_empty() {
            return Err(Gs1Error::Separator);
        }
        Ok(self.0)
    }
}

/// Reads what a scanner sends: identifiers and values in a row, [`SEPARATOR`] behind
/// each value whose length is not predefined, but for the last.
pub(super) fn read(text: &str, this_year: i16) -> Result<Vec<Element>, Gs1Error> {
    // Some scanners send the FNC1 that begins every symbol, some one at the end.
    let text = text.strip_prefix(SEPARATOR).unwrap_or(text);
    let mut rest = text.strip_suffix(SEPARATOR).unwrap_or(text);
    let mut elements = Elements::default();
    while !rest.is_empty() {
        if rest.starts_with(SEPARATOR) {
            return Err(Gs1Error::Separator);
        }
        let (ai, row) = identifier(rest)?;
        let after = rest.get(ai.len()..).unwrap_or_default();
        let stop = after.find(SEPARATOR).unwrap_or(after.len());
        let end = if row.predefined {
            stop.min(row.most())
        } else {
            stop
        };
        let (value, left) = after
            .split_at_checked(end)
            .ok_or_else(|| row.error(ai, Fault::Characters))?;
        elements.add(row.element(ai, value, this_year)?, row)?;
        // Behind a predefined length a separator is needless, and allowed.
        rest = left.strip_prefix(SEPARATOR).unwrap_or(left);
    }
    elements.done()
}

/// The length of `(01)` at the beginning of a text.
fn bracket(text: &str) -> Option<usize> {
    let (ai, _) = text.strip_prefix('(')?.split_once(')')?;
    let is_one = (2..=4).contains(&ai.len()) && ai.bytes().all(|b| b.is_ascii_digit());
    is_one.then_some(ai.len() + 2)
}

/// True for a text that begins as people read one: `(01)…`.
pub(super) fn is_bracketed(text: &str) -> bool {
    bracket(text).is_some()
}

/// Reads what is printed under a symbol: `(01)09501101530003(3103)001750`. Spaces are
/// for the eye: no value has one. Two to four digits in brackets are always an
/// identifier, also where they might be part of a value: such a value must be scanned.
pub(super) fn read_bracketed(text: &str, this_year: i16) -> Result<Vec<Element>, Gs1Error> {
    let text = text.replace(' ', "");
    let mut rest = text.as_str();
    let mut elements = Elements::default();
    while let Some(length) = bracket(rest) {
        let name = rest.get(1..length - 1).unwrap_or_default();
        let (ai, row) = TABLE
            .get_key_value(name)
            .ok_or_else(|| Gs1Error::UnknownAi {
                ai: name.to_owned(),
            })?;
        let after = rest.get(length..).unwrap_or_default();
        let next = after
            .match_indices('(')
            .map(|(at, _)| at)
            .find(|at| after.get(*at..).and_then(bracket).is_some());
        let (value, left) = after
            .split_at_checked(next.unwrap_or(after.len()))
            .ok_or_else(|| row.error(ai, Fault::Characters))?;
        elements.add(row.element(ai, value, this_year)?, row)?;
        rest = left;
    }
    elements.done()
}

/// The keys that a Digital Link can lead with (GS1 Digital Link URI syntax 1.3, 4.3).
const LINK_KEYS: [&str; 16] = [
    "00", "01", "253", "255", "401", "402", "414", "415", "417", "8003", "8004", "8006", "8010",
    "8013", "8017", "8018",
];

/// Reads a GS1 Digital Link: `https://example.com/01/09506000134352/10/AB-1?17=270228`.
/// A compressed one is refused: it needs a resolver.
pub(super) fn read_link(url: &str, this_year: i16) -> Result<Vec<Element>, Gs1Error> {
    let (_, address) = url.split_once("://").ok_or(Gs1Error::Link)?;
    let address = address.split('#').next().unwrap_or_default();
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let parts: Vec<&str> = path.trim_end_matches('/').split('/').skip(1).collect();
    let key = parts
        .iter()
        .position(|p| LINK_KEYS.contains(p))
        .ok_or(Gs1Error::Link)?;
    let pairs = parts.get(key..).unwrap_or_default().chunks(2);
    let pairs = pairs.map(|pair| (pair.first().copied(), pair.get(1).copied()));
    // What is no number in the query is the web site's own.
    let query = query
        .split(['&', ';'])
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit()))
        .map(|(name, value)| (Some(name), Some(value)));
    let mut elements = Elements::default();
    for (name, value) in pairs.chain(query) {
        let (Some(name), Some(value)) = (name, value) else {
            return Err(Gs1Error::Link);
        };
        let (ai, row) = TABLE
            .get_key_value(name)
            .ok_or_else(|| Gs1Error::UnknownAi {
                ai: name.chars().take(4).collect(),
            })?;
        let mut value = percent_decoded(value).ok_or_else(|| row.error(ai, Fault::Characters))?;
        // A shorter GTIN may stand as it is.
        if ai == "01" && matches!(value.len(), 8 | 12 | 13) {
            value = format!("{value:0>14}");
        }
        elements.add(row.element(ai, &value, this_year)?, row)?;
    }
    elements.done()
}

/// `%2F` → `/`; none where an escape is not whole or not ASCII text.
fn percent_decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut decoded = parts.next()?.to_owned();
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        if !code.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        decoded.push(char::from(u8::from_str_radix(code, 16).ok()?));
        decoded.push_str(rest);
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_table_is_whole() {
        let rows = include_str!("../../data/gs1_application_identifiers.txt")
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
        for line in rows.clone() {
            assert!(super::rows(line).is_some(), "{line}");
        }
        assert_eq!(rows.count(), 206);
        assert_eq!(TABLE.len(), 541);
        for (ai, row) in TABLE.iter() {
            // No identifier begins another: the first two digits tell the length.
            for other in (2..ai.len()).filter_map(|n| ai.get(..n)) {
                assert!(!TABLE.contains_key(other), "{other} begins {ai}");
            }
            // General Specifications 7.8.5: these, and no others, need no separator.
            let predefined = matches!(
                ai.get(..2),
                Some(
                    "00" | "01"
                        | "02"
                        | "03"
                        | "04"
                        | "11"
                        | "12"
                        | "13"
                        | "14"
                        | "15"
                        | "16"
                        | "17"
                        | "18"
                        | "19"
                        | "20"
                        | "31"
                        | "32"
                        | "33"
                        | "34"
                        | "35"
                        | "36"
                        | "41"
                )
            );
            assert_eq!(row.predefined, predefined, "{ai}");
            assert!(!predefined || row.least() == row.most(), "{ai}");
            assert!(!row.title.is_empty(), "{ai}");
        }
    }

    /// A value that a part may have, made from a seed.
    fn some_value(part: &Part, seed: &mut u64) -> String {
        let mut next = |below: usize| {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(*seed >> 33).unwrap() % below
        };
        match part.check {
            Check::Csum => {
                let body: String = (1..part.most).map(|_| next(10).to_string()).collect();
                let digit = check_digit(&body).unwrap();
                format!("{body}{digit}")
            }
            Check::CsumAlpha => "1987654Ad4X4bL5ttr2310c2K".to_owned(),
            Check::Currency => "978".to_owned(),
            Check::Date { .. } => format!("{:02}{:02}{:02}", next(100), 1 + next(12), 1 + next(28)),
            Check::FullDate => {
                format!("{}{:02}{:02}", 1900 + next(200), 1 + next(12), 1 + next(28))
            }
            Check::Hour => format!("{:02}", next(24)),
            Check::HourMinute => format!("{:02}{:02}", next(24), next(60)),
            Check::MinuteOrSecond => format!("{:02}", next(60)),
            Check::Hyphen => "-".to_owned(),
            Check::Iban => "GB82WEST12345698765432".to_owned(),
            Check::Latitude | Check::Longitude => format!("{:010}", next(1_800_000_000)),
            Check::OneOf(values) => values.chars().nth(next(values.len())).unwrap().to_string(),
            Check::PieceOfTotal => format!("{:02}99", 1 + next(99)),
            Check::PlaceOfTotal => format!("{}/9", 1 + next(9)),
            Check::Zero => "0".repeat(part.most),
            Check::None
            | Check::Decimal
            | Check::Key
            | Check::NoZeroPrefix
            | Check::NonZero
            | Check::PercentEncoded => {
                let letters: &str = match (part.check, part.set) {
                    (_, Set::Digits) | (Check::Key, _) => "123456789",
                    (Check::PercentEncoded, _) => "abcXYZ.-_19",
                    (_, Set::Cset82) => "!\"%&'()*+,-./09:;<=>?AZ_az",
                    (_, Set::Cset39) => "#-/09AZ",
                    (_, Set::Base64) => "-_09AZaz=",
                };
                let least = if part.check == Check::Key {
                    4
                } else {
                    part.least
                };
                let length = least + next(part.most - least + 1);
                let length = if part.least == part.most {
                    part.most
                } else {
                    length
                };
                (0..length)
                    .map(|_| letters.chars().nth(next(letters.len())).unwrap())
                    .collect()
            }
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_read_back(
            picks in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>()), 1..8),
        ) {
            let mut ais: Vec<&String> = TABLE.keys().collect();
            ais.sort();
            let mut said: Vec<(&str, String)> = Vec::new();
            for (pick, mut seed) in picks {
                let ai = ais[pick.index(ais.len())].as_str();
                // One of each measure: two would contradict each other.
                if said.iter().any(|(other, _)| other.get(..3) == ai.get(..3)) {
                    continue;
                }
                let parts = &TABLE[ai].parts;
                let value = parts.iter().map(|part| some_value(part, &mut seed)).collect();
                said.push((ai, value));
            }
            let mut raw = String::new();
            let mut bracketed = String::new();
            for (n, (ai, value)) in said.iter().enumerate() {
                raw.push_str(ai);
                raw.push_str(value);
                if !TABLE[*ai].predefined && n + 1 < said.len() {
                    raw.push(SEPARATOR);
                }
                bracketed.push_str(&format!("({ai}){value}"));
            }
            let read = read(&raw, 2026);
            let back = read.as_ref().map(|elements| {
                elements.iter().map(|e| e.ai).collect::<Vec<_>>()
            });
            let ais: Vec<&str> = said.iter().map(|(ai, _)| *ai).collect();
            prop_assert_eq!(back, Ok(ais), "{}", raw);
            // What people read says the same, but for values with brackets in them.
            if !said.iter().any(|(_, value)| value.contains('(')) {
                prop_assert_eq!(&read_bracketed(&bracketed, 2026), &read, "{}", bracketed);
            }
            for ((_, value), element) in said.iter().zip(read.unwrap()) {
                let digits = |text: &str| -> String {
                    text.chars().filter(char::is_ascii_digit).collect()
                };
                match (element.number, element.date) {
                    (None, None) => prop_assert_eq!(&element.value, value),
                    (Some(number), _) => {
                        let mantissa = number.mantissa().to_string();
                        prop_assert!(value.ends_with(&mantissa), "{value} {number}");
                    }
                    // Four digits of the year for two, and nothing else.
                    (None, Some(_)) => prop_assert!(
                        digits(&element.value).ends_with(value.get(2..6).unwrap())
                            || digits(&element.value).contains(value.get(2..6).unwrap()),
                        "{} {}", value, element.value
                    ),
                }
            }
        }
    }
}
