//! Country profiles: what the law and custom of a country ask of a till, as data.
//!
//! A profile is a TOML file, read when a shop is made and never after: the shop
//! keeps a copy of its own and may change any of it.
//!
//! Invariants:
//! - a file is read whole and right, or refused with its line, column and field;
//! - every rule says where it stands (`source`) and since when (`date`);
//! - a sum or a rate is a decimal string, never a float;
//! - what names a tax names one that the file has.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use rust_decimal::Decimal;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use till_domain::money::{Currency, RoundingMode, decimal};
use till_domain::quote::TaxRounding;
use toml::Spanned;

use crate::error::{AppError, ErrorCode};

/// A day of the calendar, `2026-11-21`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(jiff::civil::Date);

impl Day {
    /// The day that is written so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // `2026-1-1` and week dates are refused: one day has one spelling.
        let day = text.parse().ok().map(Self)?;
        (day.to_string() == text).then_some(day)
    }
}

impl Day {
    /// The date.
    pub(crate) const fn date(self) -> jiff::civil::Date {
        self.0
    }
}

impl From<jiff::civil::Date> for Day {
    fn from(date: jiff::civil::Date) -> Self {
        Self(date)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom(format!("`{text}` is no day such as 2026-11-21")))
    }
}

/// A decimal string: a float is not read as a sum or a rate.
pub(crate) fn digits<'de, D: Deserializer<'de>>(d: D) -> Result<Decimal, D::Error> {
    let text = String::deserialize(d)?;
    decimal(&text)
        .map_err(|_| D::Error::custom(format!("`{text}` is no decimal string such as \"15.70\"")))
}

pub(crate) fn some_digits<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Decimal>, D::Error> {
    digits(d).map(Some)
}

/// 0 to 100.
fn percent<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Decimal>, D::Error> {
    let rate = digits(d)?;
    if rate < Decimal::ZERO || rate > Decimal::ONE_HUNDRED {
        return Err(D::Error::custom(format!("{rate} % is not from 0 to 100")));
    }
    Ok(Some(rate))
}

/// A rule of a profile, with the four fields that say where it stands.
macro_rules! rule {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
            /// Law or authority.
            pub source: String,
            /// The rule, as written here, has held at least since.
            pub date: Day,
            /// A page that says it.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub url: Option<String>,
            /// What of it was not seen in a published source, where something was not.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub unverified: Option<String>,
        }
    };
}

rule! {
    /// How prices are marked, and where tax is rounded.
    PricingRule {
        /// The marked price is what the customer pays.
        price_includes_tax: bool,
        /// Where tax is rounded.
        tax_rounding: TaxRounding,
        /// What becomes of a fraction of tax.
        tax_rounding_mode: RoundingMode,
    }
}

rule! {
    /// A tax.
    TaxRule {
        /// What a product, a place or an exemption names it by.
        code: Spanned<String>,
        /// Name, in the shop's language.
        name: String,
        /// Beside a line of the receipt and in its tax table.
        letter: Spanned<String>,
        /// Oldest first.
        rates: Spanned<Vec<DatedRate>>,
        /// Later taxes of a line are charged on the price plus this one.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        in_base_of_next: bool,
    }
}

/// A rate and the day it begins; it holds until the next one does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatedRate {
    /// First day.
    pub from: Day,
    /// Per cent.
    #[serde(
        default,
        deserialize_with = "percent",
        skip_serializing_if = "Option::is_none"
    )]
    pub rate: Option<Decimal>,
    /// Or: major units for each piece or kilogram.
    #[serde(
        default,
        deserialize_with = "some_digits",
        skip_serializing_if = "Option::is_none"
    )]
    pub amount: Option<Decimal>,
    /// Where this rate stands, where it is not where the tax stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

rule! {
    /// A place with taxes of its own, or a ground on which a customer is exempt:
    /// for each code a product names, the taxes that are charged instead.
    TaxSetRule {
        /// Such as `CA-QC`; what `--place` names.
        code: Spanned<String>,
        /// Such as `Québec`.
        name: String,
        /// From the code a product names to the taxes on it here, in order.
        taxes: BTreeMap<String, Vec<Spanned<String>>>,
        /// Its time zone, where it is not the country's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timezone: Option<String>,
        /// Its locale, where it is not the country's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        locale: Option<String>,
    }
}

/// Why cash is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// A law says so.
    Law,
    /// There is no smaller coin, and everybody does.
    Practice,
    /// The shop may.
    Voluntary,
}

rule! {
    /// Cash goes to the next coin.
    CashRule {
        /// In the currency.
        #[serde(deserialize_with = "digits")]
        increment: Decimal,
        /// Which way.
        mode: RoundingMode,
        /// Which way for change, where that differs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        change_mode: Option<RoundingMode>,
        /// Why.
        basis: Basis,
        /// Smaller coins are still legal tender: who has the exact sum may pay it.
        exact_accepted: bool,
    }
}

rule! {
    /// For counting the drawer: in minor units, largest first.
    MoneyRule {
        /// Notes.
        notes: Spanned<Vec<i64>>,
        /// Coins.
        coins: Spanned<Vec<i64>>,
    }
}

/// Which measure a price is shown for beside the price of the pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Measure {
    /// A kilogram, a litre, a metre.
    #[serde(rename = "1")]
    One,
    /// A hundred grams or millilitres.
    #[serde(rename = "0.1")]
    Tenth,
    /// A pound.
    #[serde(rename = "lb")]
    Pound,
}

rule! {
    /// The price per measure that the law wants shown.
    MeasureRule {
        /// Loose goods, weighed for the customer.
        loose: Measure,
        /// Packed goods.
        packed: Measure,
    }
}

/// When the customer gets a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Issue {
    /// With every sale.
    Always,
    /// It is offered with every sale.
    Offered,
    /// When they ask.
    OnRequest,
}

rule! {
    /// What a receipt must say.
    ReceiptRule {
        /// Heading of the document.
        title: String,
        /// Heading of the tax column.
        tax_name: String,
        /// Before the shop's tax number.
        tax_number_label: String,
        /// Net, tax and gross per rate must be printed.
        tax_table: bool,
        /// When the customer gets one.
        issue: Issue,
        /// Up to this total the receipt can be a business customer's invoice.
        #[serde(default, deserialize_with = "some_digits", skip_serializing_if = "Option::is_none")]
        simplified_invoice_limit: Option<Decimal>,
        /// Whether that total counts the tax.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit_includes_tax: Option<bool>,
    }
}

/// What the law and custom of a country ask of a till.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// ISO 3166.
    pub code: String,
    /// English name.
    pub name: String,
    /// ISO 4217.
    pub currency: Currency,
    /// BCP 47, for dates and numbers.
    pub locale: String,
    /// IANA zone of the business day.
    pub timezone: Spanned<String>,
    /// The day the file speaks for.
    pub as_of: Day,
    /// Taxes depend on the place: a shop says where it stands.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub place_required: bool,
    /// How prices are marked.
    pub pricing: PricingRule,
    /// The taxes.
    pub taxes: Vec<TaxRule>,
    /// Places with taxes of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<TaxSetRule>,
    /// Customers who are exempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exempt: Vec<TaxSetRule>,
    /// Cash rounding, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cash_rounding: Option<CashRule>,
    /// Notes and coins.
    pub denominations: MoneyRule,
    /// Price per measure, where the law asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<MeasureRule>,
    /// What a receipt must say.
    pub receipt: ReceiptRule,
}

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{place}: {what}{field}")]
pub struct FileError {
    /// Which file.
    pub file: String,
    place: String,
    field: String,
    /// What is wrong.
    pub what: String,
}

impl FileError {
    /// At a byte of the text.
    fn at(file: &str, text: &str, byte: Option<usize>, what: &str) -> Self {
        let Some(byte) = byte else {
            return Self::whole(file, what);
        };
        let before = text.get(..byte).unwrap_or(text);
        let line = before.matches('\n').count().saturating_add(1);
        let column = before
            .rsplit('\n')
            .next()
            .map_or(0, |l| l.chars().count())
            .saturating_add(1);
        let name = field_at(text, byte);
        let field = if name.is_empty() || what.contains(&format!("`{name}`")) {
            String::new()
        } else {
            format!(", in the field `{name}`")
        };
        Self {
            file: file.to_owned(),
            place: format!(", line {line}, column {column}"),
            field,
            what: what.trim().replace('\n', ", "),
        }
    }

    fn whole(file: &str, what: &str) -> Self {
        Self {
            file: file.to_owned(),
            place: String::new(),
            field: String::new(),
            what: what.to_owned(),
        }
    }
}

impl From<FileError> for AppError {
    fn from(error: FileError) -> Self {
        Self::refused(ErrorCode::BadInput, error.to_string())
    }
}

/// The field whose name or value stands at a byte, with its table: `taxes.rate`.
fn field_at(text: &str, byte: usize) -> String {
    let line_start = text
        .get(..byte)
        .and_then(|t| t.rfind('\n'))
        .map_or(0, |at| at.saturating_add(1));
    let table = text
        .get(..line_start)
        .unwrap_or_default()
        .lines()
        .rev()
        .find(|l| l.starts_with('['))
        .map(|l| l.trim_matches(['[', ']', ' ']).to_owned());
    let is_key = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let line = text.get(line_start..).unwrap_or_default();
    let line = line.lines().next().unwrap_or_default();
    if line.starts_with('[') {
        return line.trim_matches(['[', ']', ' ']).to_owned();
    }
    let at = byte.saturating_sub(line_start);
    // The last key that begins at or before the byte.
    let mut key = "";
    let mut seen = 0_usize;
    for part in line.split('=') {
        let word = part.trim_end();
        let start = word
            .rfind(|c| !is_key(c))
            .map_or(0, |i| i.saturating_add(1));
        let more = seen.saturating_add(part.len()) < line.len();
        if more && (key.is_empty() || seen.saturating_add(start) <= at) {
            key = word.get(start..).unwrap_or_default();
        }
        seen = seen.saturating_add(part.len()).saturating_add(1);
    }
    match (table, key) {
        (Some(table), "") => table,
        (Some(table), key) => format!("{table}.{key}"),
        (None, key) => key.to_owned(),
    }
}

/// Reads TOML of a known shape.
pub(crate) fn parse_toml<T: serde::de::DeserializeOwned>(
    file: &str,
    text: &str,
) -> Result<T, FileError> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        FileError::at(file, text, error.span().map(|s| s.start), error.message())
    })
}

impl Profile {
    /// Reads a profile; `file` is its name for the error.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn parse(file: &str, text: &str) -> Result<Self, FileError> {
        let profile: Self = parse_toml(file, text)?;
        profile
            .wrong()
            .map_err(|(byte, what)| FileError::at(file, text, byte, &what))?;
        Ok(profile)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let file = path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|e| FileError::whole(&file, &e.to_string()))?;
        Self::parse(&file, &text)
    }

    /// What one field alone does not show.
    fn wrong(&self) -> Result<(), (Option<usize>, String)> {
        let at = |what: String, span: std::ops::Range<usize>| Err((Some(span.start), what));
        let mut codes = BTreeSet::new();
        if jiff::tz::TimeZone::get(self.timezone.get_ref()).is_err() {
            return at("no time zone of IANA".into(), self.timezone.span());
        }
        for tax in &self.taxes {
            if !codes.insert(tax.code.get_ref().as_str()) {
                return at(
                    format!("the code `{}` is there twice", tax.code.get_ref()),
                    tax.code.span(),
                );
            }
            check_rates(tax.rates.get_ref()).or_else(|what| at(what, tax.rates.span()))?;
        }
        let mut sets = BTreeSet::new();
        for set in self.places.iter().chain(&self.exempt) {
            if !sets.insert(set.code.get_ref().as_str()) {
                return at(
                    format!("the code `{}` is there twice", set.code.get_ref()),
                    set.code.span(),
                );
            }
            for tax in set.taxes.values().flatten() {
                if !codes.contains(tax.get_ref().as_str()) {
                    return at(
                        format!("`{}` is the code of no tax here", tax.get_ref()),
                        tax.span(),
                    );
                }
            }
            if let Some(zone) = &set.timezone
                && jiff::tz::TimeZone::get(zone).is_err()
            {
                return at(format!("`{zone}` is no time zone of IANA"), set.code.span());
            }
        }
        // A receipt tells the taxes of its shop apart; those of another place never
        // stand beside them.
        let general = (!self.place_required).then_some(None);
        for place in general.into_iter().chain(self.places.iter().map(Some)) {
            let mut letters = BTreeSet::new();
            for tax in self.taxes_in(place) {
                if !letters.insert(tax.letter.get_ref().as_str()) {
                    return at(
                        format!("the letter `{}` is there twice", tax.letter.get_ref()),
                        tax.letter.span(),
                    );
                }
            }
        }
        if self.place_required && self.places.is_empty() {
            return Err((None, "`place_required`, and there is no place".into()));
        }
        for list in [&self.denominations.notes, &self.denominations.coins] {
            let falling = list.get_ref().windows(2).all(|w| w.first() > w.last());
            if !falling || list.get_ref().iter().any(|minor| *minor <= 0) {
                return at(
                    "not whole minor units above zero, the largest first".into(),
                    list.span(),
                );
            }
        }
        if let Some(cash) = &self.cash_rounding {
            let places = cash.increment.normalize().scale();
            if cash.increment <= Decimal::ZERO || places > self.currency.exponent() {
                return Err((
                    None,
                    format!(
                        "the increment {} of `cash_rounding` is no sum of {}",
                        cash.increment, self.currency
                    ),
                ));
            }
        }
        if self.receipt.simplified_invoice_limit.is_some()
            != self.receipt.limit_includes_tax.is_some()
        {
            return Err((
                None,
                "`simplified_invoice_limit` and `limit_includes_tax` go together".into(),
            ));
        }
        Ok(())
    }

    /// The taxes a shop in this place needs: those that no place alone has, but for
    /// what the place replaces; its own; and those of customers who are exempt.
    #[must_use]
    pub fn taxes_in(&self, place: Option<&TaxSetRule>) -> Vec<&TaxRule> {
        let values = |set: &TaxSetRule| -> Vec<String> {
            let codes = set.taxes.values().flatten();
            codes.map(|code| code.get_ref().clone()).collect()
        };
        let placed: BTreeSet<String> = self.places.iter().flat_map(values).collect();
        let own: BTreeSet<String> = place
            .into_iter()
            .chain(&self.exempt)
            .flat_map(values)
            .collect();
        self.taxes
            .iter()
            .filter(|tax| {
                let code = tax.code.get_ref();
                let replaced = place.is_some_and(|p| p.taxes.contains_key(code.as_str()));
                own.contains(code) || (!placed.contains(code) && !replaced)
            })
            .collect()
    }

    /// The place of this code.
    #[must_use]
    pub fn place(&self, code: &str) -> Option<&TaxSetRule> {
        self.places
            .iter()
            .find(|p| p.code.get_ref().eq_ignore_ascii_case(code))
    }

    /// What was not seen in a published source, a line each.
    #[must_use]
    pub fn unverified(&self) -> Vec<String> {
        let mut said = Vec::new();
        let mut add = |what: String, unverified: &Option<String>| {
            if let Some(why) = unverified {
                said.push(format!("{what}: {why}"));
            }
        };
        add("pricing".into(), &self.pricing.unverified);
        for tax in &self.taxes {
            add(format!("tax {}", tax.code.get_ref()), &tax.unverified);
        }
        for set in self.places.iter().chain(&self.exempt) {
            add(set.code.get_ref().clone(), &set.unverified);
        }
        if let Some(cash) = &self.cash_rounding {
            add("cash rounding".into(), &cash.unverified);
        }
        add("denominations".into(), &self.denominations.unverified);
        if let Some(measure) = &self.unit_price {
            add("unit price".into(), &measure.unverified);
        }
        add("receipt".into(), &self.receipt.unverified);
        said
    }
}

/// At least one, the oldest first, each a percentage or a sum.
pub(crate) fn check_rates(rates: &[DatedRate]) -> Result<(), String> {
    if rates.is_empty() {
        return Err("there is no rate".into());
    }
    if !rates.windows(2).all(|w| match w {
        [a, b] => a.from < b.from,
        _ => true,
    }) {
        return Err("the rates are not in the order of their days, the oldest first".into());
    }
    if rates.iter().any(|r| r.rate.is_some() == r.amount.is_some()) {
        return Err("each of the rates has either `rate` or `amount`".into());
    }
    Ok(())
}

/// Where profiles are found: a folder of TOML files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profiles {
    folder: PathBuf,
}

/// Of this package, whatever the system calls its folders.
const INSTALLED: [&str; 5] = [
    "profiles",
    "../lib/Evertill/profiles",
    "../lib/evertill/profiles",
    "../Resources/profiles",
    "../share/evertill/profiles",
];

/// Of the sources.
const CHECKOUT: &str = "crates/app/data/profiles";

impl Profiles {
    /// Finds the folder: the one that is named; or that of the checkout a
    /// development build stands in; or the one that was installed with the program.
    ///
    /// The checkout comes before what lies beside the program: there, a build has
    /// left a copy that may be older than the sources.
    ///
    /// # Errors
    /// [`ErrorCode::NoProfiles`], with the folders that were looked in.
    pub fn find(named: Option<&Path>) -> Result<Self, AppError> {
        let places = named.map_or_else(Self::usual, |folder| vec![folder.to_owned()]);
        places
            .iter()
            .find(|folder| has_profiles(folder))
            .map(|folder| Self {
                folder: folder.clone(),
            })
            .ok_or_else(|| {
                let looked: Vec<String> = places.iter().map(|p| p.display().to_string()).collect();
                AppError::refused(
                    ErrorCode::NoProfiles,
                    format!("looked in {}", looked.join(", ")),
                )
            })
    }

    fn usual() -> Vec<PathBuf> {
        let program = std::env::current_exe()
            .and_then(|p| p.canonicalize())
            .unwrap_or_default();
        let mut places: Vec<PathBuf> = program
            .ancestors()
            .skip(1)
            .map(|a| a.join(CHECKOUT))
            .filter(|folder| folder.is_dir())
            .collect();
        if cfg!(debug_assertions) {
            // A build that keeps its output elsewhere.
            places.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("data/profiles"));
        }
        if let Some(beside) = program.parent() {
            places.extend(INSTALLED.iter().map(|folder| beside.join(folder)));
        }
        places
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Every file, by name, read or refused.
    ///
    /// # Errors
    /// [`ErrorCode::NoProfiles`] where the folder cannot be read.
    pub fn all(&self) -> Result<Vec<Result<Profile, FileError>>, AppError> {
        let mut files = toml_files(&self.folder).map_err(|error| {
            AppError::refused(
                ErrorCode::NoProfiles,
                format!("{}: {error}", self.folder.display()),
            )
        })?;
        files.sort();
        Ok(files.iter().map(|file| Profile::read(file)).collect())
    }

    /// The profile of a country.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::BadInput`] with the place in the file
    /// where it cannot be read.
    pub fn load(&self, code: &str) -> Result<Profile, AppError> {
        // A code is the name of a file: nothing that leads elsewhere.
        let code = code.trim().to_ascii_uppercase();
        let plain = !code.is_empty() && code.bytes().all(|b| b.is_ascii_alphanumeric());
        let file = self.folder.join(format!("{code}.toml"));
        if !plain || !file.is_file() {
            return Err(AppError::refused(
                ErrorCode::NotFound,
                format!("no profile {code} in {}", self.folder.display()),
            ));
        }
        let profile = Profile::read(&file)?;
        if profile.code != code {
            return Err(FileError::whole(
                &file.display().to_string(),
                &format!("its `code` is {}", profile.code),
            )
            .into());
        }
        Ok(profile)
    }
}

fn toml_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "toml") {
            files.push(path);
        }
    }
    Ok(files)
}

fn has_profiles(folder: &Path) -> bool {
    toml_files(folder).is_ok_and(|files| !files.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_decimal::dec;
    use till_domain::tax::TaxKind;

    const COUNTRIES: [&str; 21] = [
        "AT", "AU", "BE", "CA", "CH", "DE", "DK", "ES", "FI", "FR", "GB", "GR", "IE", "IT", "JP",
        "NL", "NO", "NZ", "PT", "SE", "US",
    ];

    fn profiles() -> Profiles {
        Profiles::find(None).unwrap()
    }

    #[test]
    fn every_country_is_there_and_every_file_is_right() {
        let mut codes = Vec::new();
        for profile in profiles().all().unwrap() {
            let profile = profile.unwrap_or_else(|e| panic!("{e}"));
            assert!(profile.as_of >= Day::parse("2026-11-21").unwrap());
            codes.push(profile.code);
        }
        assert_eq!(codes, COUNTRIES);
    }

    #[test]
    fn a_shop_of_every_country_and_place_has_a_rate_of_every_tax_on_the_day_of_its_file() {
        for code in COUNTRIES {
            let profile = profiles().load(code).unwrap();
            let mut places: Vec<Option<&str>> = profile
                .places
                .iter()
                .map(|p| Some(p.code.get_ref().as_str()))
                .collect();
            if !profile.place_required {
                places.push(None);
            }
            for place in places {
                let shop = crate::shop::shop_of(&profile, place, "Shop".into()).unwrap();
                for tax in shop.tax_codes() {
                    assert!(
                        shop.taxes_on(tax, profile.as_of).is_some(),
                        "{code} {place:?} {tax}"
                    );
                }
                assert!(shop.tax_codes().contains(&"none"), "{code} {place:?}");
                let falling = shop.denominations.windows(2).all(|w| w[0] > w[1]);
                assert!(falling, "{code} {:?}", shop.denominations);
                for set in &shop.exempt {
                    for tax in set.taxes.values().flatten() {
                        assert!(
                            shop.taxes.iter().any(|t| t.code == *tax),
                            "{code} {place:?} {tax}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_rate_holds_from_its_day_until_the_next() {
        for (country, place, product, day, expected) in [
            (
                "FI",
                None,
                "standard",
                "2024-08-31",
                vec![("standard", dec!(24))],
            ),
            (
                "FI",
                None,
                "standard",
                "2024-09-01",
                vec![("standard", dec!(25.5))],
            ),
            (
                "FI",
                None,
                "reduced",
                "2025-12-31",
                vec![("reduced", dec!(14))],
            ),
            (
                "FI",
                None,
                "reduced",
                "2026-01-01",
                vec![("reduced", dec!(13.5))],
            ),
            (
                "CH",
                None,
                "standard",
                "2023-12-31",
                vec![("standard", dec!(7.7))],
            ),
            (
                "CH",
                None,
                "standard",
                "2024-01-01",
                vec![("standard", dec!(8.1))],
            ),
            ("NZ", None, "gst", "2010-09-30", vec![("gst", dec!(12.5))]),
            ("SE", None, "food", "2026-03-31", vec![("food", dec!(12))]),
            ("SE", None, "food", "2027-12-31", vec![("food", dec!(6))]),
            ("SE", None, "food", "2028-01-01", vec![("food", dec!(12))]),
            ("AT", None, "basic", "2026-06-30", vec![("basic", dec!(10))]),
            (
                "AT",
                None,
                "basic",
                "2026-07-01",
                vec![("basic", dec!(4.9))],
            ),
            (
                "CA",
                Some("CA-NS"),
                "standard",
                "2025-03-31",
                vec![("hst_ns", dec!(15))],
            ),
            (
                "CA",
                Some("CA-NS"),
                "standard",
                "2025-04-01",
                vec![("hst_ns", dec!(14))],
            ),
            (
                "CA",
                Some("CA-QC"),
                "standard",
                "2026-11-21",
                vec![("gst", dec!(5)), ("qst", dec!(9.975))],
            ),
            (
                "CA",
                Some("CA-QC"),
                "federal",
                "2026-11-21",
                vec![("gst", dec!(5))],
            ),
            (
                "CA",
                Some("ca-qc"),
                "zero",
                "2026-11-21",
                vec![("zero", dec!(0))],
            ),
            (
                "US",
                Some("US-NY-NYC"),
                "standard",
                "2026-11-21",
                vec![("nyc", dec!(8.875))],
            ),
            (
                "US",
                Some("US-NY-NYC"),
                "clothing",
                "2026-11-21",
                vec![("exempt", dec!(0))],
            ),
            (
                "PT",
                None,
                "normal",
                "2026-11-21",
                vec![("normal", dec!(23))],
            ),
            (
                "PT",
                Some("PT-20"),
                "normal",
                "2026-11-21",
                vec![("normal_azores", dec!(16))],
            ),
            (
                "PT",
                Some("PT-20"),
                "none",
                "2026-11-21",
                vec![("none", dec!(0))],
            ),
        ] {
            let profile = profiles().load(country).unwrap();
            let shop = crate::shop::shop_of(&profile, place, "Shop".into()).unwrap();
            let taxes = shop.taxes_on(product, Day::parse(day).unwrap()).unwrap();
            let got: Vec<_> = taxes.iter().map(|t| (t.code.as_str(), t.kind)).collect();
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(code, rate)| (code, TaxKind::Percent(rate)))
                .collect();
            assert_eq!(got, expected, "{country} {place:?} {product} {day}");
            assert!(
                taxes
                    .iter()
                    .all(|t| t.price_included == profile.pricing.price_includes_tax)
            );
        }
    }

    #[test]
    fn a_day_before_the_first_rate_and_a_code_the_shop_has_not_are_no_tax() {
        let shop =
            crate::shop::shop_of(&profiles().load("PT").unwrap(), None, "Shop".into()).unwrap();
        assert_eq!(
            shop.taxes_on("normal", Day::parse("1999-12-31").unwrap()),
            None
        );
        let today = Day::parse("2026-11-21").unwrap();
        assert_eq!(
            shop.taxes_on("normal_madeira", today),
            None,
            "of another place"
        );
        assert_eq!(shop.taxes_on("luxury", today), None);
    }

    #[test]
    fn a_country_whose_taxes_depend_on_the_place_asks_for_it_by_name() {
        let profile = profiles().load("CA").unwrap();
        let said = |place| {
            crate::shop::shop_of(&profile, place, "Shop".into())
                .unwrap_err()
                .sentence()
        };
        assert!(said(None).contains("CA-AB, CA-BC"), "{}", said(None));
        let error = crate::shop::shop_of(&profile, Some("CA-XX"), "Shop".into()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the profile of Canada has no place CA-XX"
        );
    }

    /// Line 1 is `code`.
    const NOWHERE: &str = r#"code = "XX"
name = "Nowhere"
currency = "EUR"
locale = "en-XX"
timezone = "Europe/Lisbon"
as_of = "2026-11-21"

[pricing]
price_includes_tax = true
tax_rounding = "per_document"
tax_rounding_mode = "half_up"
source = "a law"
date = "2020-01-01"

[[taxes]]
code = "normal"
name = "Normal"
letter = "A"
rates = [{ from = "2011-01-01", rate = "23" }]
source = "a law"
date = "2011-01-01"

[[taxes]]
code = "low"
name = "Low"
letter = "B"
rates = [
  { from = "2012-04-01", rate = "5" },
  { from = "2024-10-01", rate = "4" },
]
source = "a law"
date = "2024-10-01"

[[taxes]]
code = "island"
name = "Island"
letter = "A"
rates = [{ from = "2011-01-01", rate = "16" }]
source = "a law"
date = "2011-01-01"

[[places]]
code = "XX-1"
name = "Island"
taxes = { normal = ["island"] }
source = "a law"
date = "2020-01-01"

[cash_rounding]
increment = "0.05"
mode = "half_up"
basis = "law"
exact_accepted = true
source = "a law"
date = "2020-01-01"

[denominations]
notes = [1000, 500]
coins = [200, 100]
source = "a bank"
date = "2020-01-01"

[receipt]
title = "Receipt"
tax_name = "Tax"
tax_number_label = "No."
tax_table = true
issue = "always"
simplified_invoice_limit = "100.00"
limit_includes_tax = true
source = "a law"
date = "2020-01-01"
"#;

    #[test]
    fn a_malformed_file_is_refused_with_line_column_and_field() {
        Profile::parse("X", NOWHERE).unwrap();
        for (from, to, expected) in [
            (
                "rate = \"23\"",
                "rate = 23.0",
                "X, line 19, column 40: invalid type: floating point `23.0`, expected a string, in the field `taxes.rate`",
            ),
            (
                "rate = \"23\"",
                "rate = \"230\"",
                "X, line 19, column 40: 230 % is not from 0 to 100, in the field `taxes.rate`",
            ),
            (
                "rate = \"23\"",
                "rate = \"2_3\"",
                "X, line 19, column 40: `2_3` is no decimal string such as \"15.70\", in the field `taxes.rate`",
            ),
            (
                "from = \"2011-01-01\"",
                "from = \"2011-02-29\"",
                "X, line 19, column 19: `2011-02-29` is no day such as 2026-11-21, in the field `taxes.from`",
            ),
            (
                "currency = \"EUR\"",
                "currency = \"EUX\"",
                "X, line 3, column 12: not a currency of ISO 4217, in the field `currency`",
            ),
            (
                "Europe/Lisbon",
                "Europe/Lisbao",
                "X, line 5, column 12: no time zone of IANA, in the field `timezone`",
            ),
            (
                "letter = \"B\"",
                "letter = \"A\"",
                "X, line 26, column 10: the letter `A` is there twice, in the field `taxes.letter`",
            ),
            (
                "code = \"low\"",
                "code = \"normal\"",
                "X, line 24, column 8: the code `normal` is there twice, in the field `taxes.code`",
            ),
            (
                "[\"island\"]",
                "[\"isle\"]",
                "X, line 45, column 21: `isle` is the code of no tax here, in the field `places.normal`",
            ),
            (
                "2024-10-01\", rate",
                "2002-10-01\", rate",
                "X, line 27, column 9: the rates are not in the order of their days, the oldest first, in the field `taxes.rates`",
            ),
            (
                "2024-10-01\", rate = \"4\"",
                "2024-10-01\"",
                "X, line 27, column 9: each of the rates has either `rate` or `amount`, in the field `taxes.rates`",
            ),
            (
                "[200, 100]",
                "[100, 200]",
                "X, line 59, column 9: not whole minor units above zero, the largest first, in the field `denominations.coins`",
            ),
            (
                "increment = \"0.05\"",
                "increment = \"0.005\"",
                "X: the increment 0.005 of `cash_rounding` is no sum of EUR",
            ),
            (
                "basis = \"law\"",
                "basis = \"habit\"",
                "X, line 52, column 9: unknown variant `habit`, expected one of `law`, `practice`, `voluntary`, in the field `cash_rounding.basis`",
            ),
            (
                "tax_table = true",
                "tax_tables = true",
                "X, line 67, column 1: unknown field `tax_tables`, expected one of `title`, `tax_name`, `tax_number_label`, `tax_table`, `issue`, `simplified_invoice_limit`, `limit_includes_tax`, `source`, `date`, `url`, `unverified`, in the field `receipt.tax_tables`",
            ),
            (
                "issue = \"always\"\n",
                "",
                "X, line 63, column 1: missing field `issue`, in the field `receipt`",
            ),
            (
                "limit_includes_tax = true\n",
                "",
                "X: `simplified_invoice_limit` and `limit_includes_tax` go together",
            ),
            (
                "[pricing]",
                "[pricing",
                "X, line 8, column 9: unclosed table, expected `]`, in the field `pricing`",
            ),
        ] {
            assert!(NOWHERE.contains(from), "{from}");
            let changed = NOWHERE.replacen(from, to, 1);
            let error = Profile::parse("X", &changed).unwrap_err();
            assert_eq!(error.to_string(), expected, "{to}");
        }
    }

    #[test]
    fn a_folder_without_profiles_is_refused_by_name_and_a_code_leads_nowhere_else() {
        let empty = tempfile::tempdir().unwrap();
        let error = Profiles::find(Some(empty.path())).unwrap_err();
        assert_eq!(error.code(), ErrorCode::NoProfiles);
        assert_eq!(
            error.to_string(),
            format!("looked in {}", empty.path().display())
        );
        std::fs::copy(
            profiles().folder().join("NL.toml"),
            empty.path().join("XX.toml"),
        )
        .unwrap();
        let named = Profiles::find(Some(empty.path())).unwrap();
        assert!(
            named
                .load("XX")
                .unwrap_err()
                .to_string()
                .ends_with("XX.toml: its `code` is NL")
        );
        for code in ["", "../NL", "N/L", "ZZ"] {
            let error = named.load(code).unwrap_err();
            assert_eq!(error.code(), ErrorCode::NotFound, "{code}");
        }
        assert_eq!(profiles().load(" nl ").unwrap().code, "NL");
    }
}
