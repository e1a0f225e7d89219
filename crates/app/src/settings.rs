//! The shop's settings as a file: shown whole, set whole or in part.
//!
//! Invariants:
//! - what is set is checked whole before any of it is kept;
//! - what changed is journalled: which setting, from what to what;
//! - a tax that a product, the place or an exemption names stays, and so does an
//!   exemption that a customer has.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use till_domain::barcode::Rule;
use till_domain::journal::{JournalEvent, SettingChange};
use till_domain::money::{Money, RoundingMode};
use till_domain::quote::TaxRounding;
use till_domain::settle::{CashRounding, Surplus, worth};
use till_store::Tx;
use till_sync::retry;

use crate::auth::Session;
use crate::error::{AppError, ErrorCode};
use crate::guard::{check_all, check_text};
use crate::profile::{DatedRate, check_rates, parse_toml, some_digits};
use crate::shop::{ForeignRate, Shop, ShopDeposit, TaxRate, TaxSet};
use crate::{Till, shop};

/// All settings where they are shown. Where they are set, what is absent stays; an
/// empty text, an increment of 0 and a place with no code take away what was there.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    name: Option<String>,
    currency: Option<String>,
    address: Option<Vec<String>>,
    phone: Option<String>,
    tax_number_label: Option<String>,
    tax_number: Option<String>,
    return_policy: Option<String>,
    footer: Option<String>,
    till: Option<u16>,
    locale: Option<String>,
    timezone: Option<String>,
    printer: Option<String>,
    denominations: Option<Vec<i64>>,
    /// `change`, `forfeited`, or empty where no voucher is taken.
    vouchers: Option<String>,
    /// Card readers ask the customer for a tip.
    reader_tips: Option<bool>,
    needs_manager: Option<NeedsManager>,
    offline: Option<Offline>,
    pricing: Option<Prices>,
    cash_rounding: Option<Cash>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    taxes: Vec<TaxSetting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<TaxSet>,
    exempt: Option<Vec<TaxSet>>,
    deposits: Option<Vec<ShopDeposit>>,
    barcode_rules: Option<Vec<Rule>>,
    foreign_cash: Option<Vec<ForeignRate>>,
}

/// What a cashier may not do alone.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct NeedsManager {
    #[serde(deserialize_with = "some_digits")]
    refund_over: Option<Decimal>,
    #[serde(deserialize_with = "some_digits")]
    paid_out_over: Option<Decimal>,
    #[serde(deserialize_with = "some_digits")]
    difference_over: Option<Decimal>,
    #[serde(deserialize_with = "some_digits")]
    discount_percent_over: Option<Decimal>,
}

/// How much card money may wait.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Offline {
    #[serde(deserialize_with = "some_digits")]
    per_tender: Option<Decimal>,
    #[serde(deserialize_with = "some_digits")]
    per_customer: Option<Decimal>,
    #[serde(deserialize_with = "some_digits")]
    on_till: Option<Decimal>,
    oldest_hours: Option<u32>,
    retry_after_hours: Option<Vec<u32>>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Prices {
    price_includes_tax: Option<bool>,
    tax_rounding: Option<TaxRounding>,
    tax_rounding_mode: Option<RoundingMode>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Cash {
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "some_digits"
    )]
    increment: Option<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<RoundingMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change_mode: Option<RoundingMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exact_accepted: Option<bool>,
}

/// A tax of the shop's table, known by its code.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TaxSetting {
    code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    letter: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rates: Option<Vec<DatedRate>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    in_base_of_next: Option<bool>,
    /// Takes the tax off the table.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    remove: bool,
}

impl Settings {
    fn of(shop: &Shop) -> Self {
        let money = |amount: Money| Some(amount.to_decimal());
        let text = |text: &Option<String>| Some(text.clone().unwrap_or_default());
        Self {
            name: Some(shop.name.clone()),
            currency: Some(shop.currency().code().to_owned()),
            address: Some(shop.address.clone()),
            phone: text(&shop.phone),
            tax_number_label: Some(shop.tax_number_label.clone()),
            tax_number: Some(shop.tax_number.clone()),
            return_policy: text(&shop.return_policy),
            footer: text(&shop.footer),
            till: Some(shop.till),
            locale: Some(shop.locale.clone()),
            timezone: Some(shop.timezone.clone()),
            printer: Some(shop.printer.clone()),
            denominations: Some(shop.denominations.clone()),
            vouchers: Some(
                match shop.vouchers {
                    None => "",
                    Some(Surplus::Change) => "change",
                    Some(Surplus::Forfeited) => "forfeited",
                }
                .to_owned(),
            ),
            reader_tips: Some(shop.reader_tips),
            needs_manager: Some(NeedsManager {
                refund_over: money(shop.refund_threshold),
                paid_out_over: money(shop.paid_out_threshold),
                difference_over: money(shop.difference_threshold),
                discount_percent_over: Some(shop.discount_percent_max),
            }),
            offline: Some(Offline {
                per_tender: money(shop.limits.per_tender),
                per_customer: money(shop.limits.per_customer),
                on_till: money(shop.limits.on_till),
                oldest_hours: Some(shop.limits.oldest_hours),
                retry_after_hours: Some(shop.retry_after_hours.clone()),
            }),
            pricing: Some(Prices {
                price_includes_tax: Some(shop.price_includes_tax),
                tax_rounding: Some(shop.pricing.tax_rounding),
                tax_rounding_mode: Some(shop.pricing.tax_rounding_mode),
            }),
            cash_rounding: Some(shop.pricing.cash_rounding.map_or_else(
                || Cash {
                    increment: Some(Decimal::ZERO),
                    ..Cash::default()
                },
                |cash| Cash {
                    increment: money(Money::from_minor(cash.increment_minor, shop.currency())),
                    mode: Some(cash.mode),
                    change_mode: cash.change_mode,
                    exact_accepted: Some(cash.exact_accepted),
                },
            )),
            taxes: shop
                .taxes
                .iter()
                .map(|tax| TaxSetting {
                    code: tax.code.clone(),
                    name: Some(tax.name.clone()),
                    letter: Some(tax.letter.clone()),
                    rates: Some(tax.rates.clone()),
                    in_base_of_next: Some(tax.in_base_of_next),
                    remove: false,
                })
                .collect(),
            place: shop.place.clone(),
            exempt: Some(shop.exempt.clone()),
            deposits: Some(shop.deposits.clone()),
            barcode_rules: Some(shop.barcode_rules.clone()),
            foreign_cash: Some(shop.foreign_cash.clone()),
        }
    }

    /// Puts what is set into the shop's facts.
    fn put_into(self, shop: &mut Shop) -> Result<(), AppError> {
        if let Some(currency) = self.currency
            && currency != shop.currency().code()
        {
            return Err(wrong(
                "currency",
                format!(
                    "a shop keeps its currency; this one has {}",
                    shop.currency()
                ),
            ));
        }
        put_words(&mut shop.name, self.name, "name", 80)?;
        put_words(&mut shop.locale, self.locale, "locale", 35)?;
        put_free(
            &mut shop.tax_number_label,
            self.tax_number_label,
            "tax_number_label",
            40,
        )?;
        put_free(&mut shop.tax_number, self.tax_number, "tax_number", 40)?;
        put_optional(&mut shop.phone, self.phone, "phone", 40)?;
        put_optional(
            &mut shop.return_policy,
            self.return_policy,
            "return_policy",
            400,
        )?;
        put_optional(&mut shop.footer, self.footer, "footer", 400)?;
        if let Some(lines) = self.address {
            if lines.len() > 8 {
                return Err(wrong("address", "more than 8 lines"));
            }
            for line in &lines {
                check_text(line, 80)
                    .map_err(|_| wrong("address", "a line is empty or too long"))?;
            }
            shop.address = lines;
        }
        if let Some(till) = self.till {
            if !(1..=999).contains(&till) {
                return Err(wrong("till", "not a number from 1 to 999"));
            }
            shop.till = till;
        }
        if let Some(zone) = self.timezone {
            if jiff::tz::TimeZone::get(&zone).is_err() {
                return Err(wrong(
                    "timezone",
                    format!("`{zone}` is no time zone of IANA"),
                ));
            }
            shop.timezone = zone;
        }
        if let Some(printer) = self.printer {
            let known =
                printer == "none" || printer.starts_with("tcp://") || printer.starts_with("file:");
            if !known {
                return Err(wrong(
                    "printer",
                    format!("`{printer}` is not none, tcp://host:port or file:/folder"),
                ));
            }
            shop.printer = printer;
        }
        if let Some(mut list) = self.denominations {
            list.dedup();
            let falling = list.windows(2).all(|w| w.first() > w.last());
            if list.is_empty() || !falling || list.iter().any(|minor| *minor <= 0) {
                return Err(wrong(
                    "denominations",
                    "not whole minor units above zero, the largest first",
                ));
            }
            shop.denominations = list;
        }
        if let Some(vouchers) = self.vouchers {
            shop.vouchers = match vouchers.trim() {
                "" => None,
                "change" => Some(Surplus::Change),
                "forfeited" => Some(Surplus::Forfeited),
                other => {
                    return Err(wrong(
                        "vouchers",
                        format!("`{other}` is not change, forfeited or empty"),
                    ));
                }
            };
        }
        shop.reader_tips = self.reader_tips.unwrap_or(shop.reader_tips);
        if let Some(rates) = self.foreign_cash {
            check_foreign(&rates, shop)?;
            shop.foreign_cash = rates;
        }
        if let Some(needs) = self.needs_manager {
            needs.put_into(shop)?;
        }
        if let Some(offline) = self.offline {
            offline.put_into(shop)?;
        }
        if let Some(pricing) = self.pricing {
            let set = &mut shop.pricing;
            shop.price_includes_tax = pricing
                .price_includes_tax
                .unwrap_or(shop.price_includes_tax);
            set.tax_rounding = pricing.tax_rounding.unwrap_or(set.tax_rounding);
            set.tax_rounding_mode = pricing.tax_rounding_mode.unwrap_or(set.tax_rounding_mode);
        }
        if let Some(cash) = self.cash_rounding {
            cash.put_into(shop)?;
        }
        for tax in self.taxes {
            tax.put_into(shop)?;
        }
        if let Some(place) = self.place {
            shop.place = Some(place).filter(|p| !p.code.is_empty());
        }
        if let Some(exempt) = self.exempt {
            shop.exempt = exempt;
        }
        if let Some(deposits) = self.deposits {
            check_deposits(&deposits)?;
            shop.deposits = deposits;
        }
        if let Some(rules) = self.barcode_rules {
            shop.barcode_rules = rules;
        }
        check_taxes(shop)
    }
}

fn wrong(setting: &str, what: impl std::fmt::Display) -> AppError {
    AppError::refused(
        ErrorCode::BadInput,
        format!("The setting `{setting}`: {what}"),
    )
}

/// Words that must be there.
fn put_words(
    place: &mut String,
    words: Option<String>,
    setting: &str,
    longest: usize,
) -> Result<(), AppError> {
    if let Some(words) = words {
        check_text(&words, longest)
            .map_err(|_| wrong(setting, "empty, too long, or a card number"))?;
        *place = words.trim().to_owned();
    }
    Ok(())
}

/// Words that may be empty.
fn put_free(
    place: &mut String,
    words: Option<String>,
    setting: &str,
    longest: usize,
) -> Result<(), AppError> {
    match words {
        Some(words) if words.trim().is_empty() => {
            place.clear();
            Ok(())
        }
        words => put_words(place, words, setting, longest),
    }
}

/// Words that an empty text takes away.
fn put_optional(
    place: &mut Option<String>,
    words: Option<String>,
    setting: &str,
    longest: usize,
) -> Result<(), AppError> {
    let mut text = place.take().unwrap_or_default();
    let done = put_free(&mut text, words, setting, longest);
    *place = Some(text).filter(|t| !t.is_empty());
    done
}

/// A sum of the shop's currency, from zero on.
fn put_money(place: &mut Money, amount: Option<Decimal>, setting: &str) -> Result<(), AppError> {
    if let Some(amount) = amount {
        let sum = Money::parse(&amount.to_string(), place.currency())
            .map_err(|error| wrong(setting, error))?;
        if sum.is_negative() {
            return Err(wrong(setting, "below zero"));
        }
        *place = sum;
    }
    Ok(())
}

impl NeedsManager {
    fn put_into(self, shop: &mut Shop) -> Result<(), AppError> {
        put_money(
            &mut shop.refund_threshold,
            self.refund_over,
            "needs_manager.refund_over",
        )?;
        put_money(
            &mut shop.paid_out_threshold,
            self.paid_out_over,
            "needs_manager.paid_out_over",
        )?;
        put_money(
            &mut shop.difference_threshold,
            self.difference_over,
            "needs_manager.difference_over",
        )?;
        if let Some(percent) = self.discount_percent_over {
            if percent < Decimal::ZERO || percent > Decimal::ONE_HUNDRED {
                return Err(wrong(
                    "needs_manager.discount_percent_over",
                    format!("{percent} is not from 0 to 100"),
                ));
            }
            shop.discount_percent_max = percent;
        }
        Ok(())
    }
}

impl Offline {
    fn put_into(self, shop: &mut Shop) -> Result<(), AppError> {
        let limits = &mut shop.limits;
        put_money(
            &mut limits.per_tender,
            self.per_tender,
            "offline.per_tender",
        )?;
        put_money(
            &mut limits.per_customer,
            self.per_customer,
            "offline.per_customer",
        )?;
        put_money(&mut limits.on_till, self.on_till, "offline.on_till")?;
        limits.oldest_hours = self.oldest_hours.unwrap_or(limits.oldest_hours);
        if let Some(hours) = self.retry_after_hours {
            if !retry::is_schedule(&hours) {
                return Err(wrong(
                    "offline.retry_after_hours",
                    format!(
                        "not up to {} rising hours from 1 to {}",
                        retry::TIMES_MAX,
                        retry::HOURS_MAX
                    ),
                ));
            }
            shop.retry_after_hours = hours;
        }
        Ok(())
    }
}

impl Cash {
    fn put_into(self, shop: &mut Shop) -> Result<(), AppError> {
        let currency = shop.currency();
        let mut increment = shop
            .pricing
            .cash_rounding
            .map_or(Money::zero(currency), |c| {
                Money::from_minor(c.increment_minor, currency)
            });
        put_money(&mut increment, self.increment, "cash_rounding.increment")?;
        if increment.is_zero() {
            shop.pricing.cash_rounding = None;
            return Ok(());
        }
        let was = shop.pricing.cash_rounding.unwrap_or(CashRounding {
            increment_minor: 0,
            mode: RoundingMode::HalfUp,
            change_mode: None,
            exact_accepted: false,
        });
        shop.pricing.cash_rounding = Some(CashRounding {
            increment_minor: increment.minor(),
            mode: self.mode.unwrap_or(was.mode),
            change_mode: self.change_mode.or(was.change_mode),
            exact_accepted: self.exact_accepted.unwrap_or(was.exact_accepted),
        });
        Ok(())
    }
}

impl TaxSetting {
    fn put_into(self, shop: &mut Shop) -> Result<(), AppError> {
        let setting = format!("taxes.{}", self.code);
        check_text(&self.code, 40).map_err(|_| wrong("taxes", "a code is empty or too long"))?;
        let at = shop.taxes.iter().position(|t| t.code == self.code);
        if self.remove {
            if let Some(at) = at {
                shop.taxes.remove(at);
            }
            return Ok(());
        }
        if let Some(rates) = &self.rates {
            check_rates(rates).map_err(|what| wrong(&setting, what))?;
        }
        match at.and_then(|at| shop.taxes.get_mut(at)) {
            Some(tax) => {
                put_words(&mut tax.name, self.name, &setting, 60)?;
                put_words(&mut tax.letter, self.letter, &setting, 2)?;
                tax.rates = self.rates.unwrap_or_else(|| tax.rates.clone());
                tax.in_base_of_next = self.in_base_of_next.unwrap_or(tax.in_base_of_next);
            }
            None => {
                let need = |what| wrong(&setting, format!("a new tax has a `{what}`"));
                let mut tax = TaxRate {
                    code: self.code,
                    name: String::new(),
                    letter: String::new(),
                    rates: self.rates.ok_or_else(|| need("rates"))?,
                    in_base_of_next: self.in_base_of_next.unwrap_or(false),
                };
                let name = self.name.ok_or_else(|| need("name"))?;
                let letter = self.letter.ok_or_else(|| need("letter"))?;
                put_words(&mut tax.name, Some(name), &setting, 60)?;
                put_words(&mut tax.letter, Some(letter), &setting, 2)?;
                shop.taxes.push(tax);
            }
        }
        Ok(())
    }
}

fn check_deposits(deposits: &[ShopDeposit]) -> Result<(), AppError> {
    let mut names = BTreeSet::new();
    for deposit in deposits {
        let named = check_text(&deposit.name, 40).and_then(|()| check_text(&deposit.label, 40));
        if named.is_err() || !names.insert(deposit.name.as_str()) {
            return Err(wrong(
                "deposits",
                "a name or label is empty or too long, or a name is there twice",
            ));
        }
        if deposit.amount.is_sign_negative() || deposit.amount.normalize().scale() > 4 {
            return Err(wrong(
                "deposits",
                format!("{} is no deposit", deposit.amount),
            ));
        }
    }
    Ok(())
}

/// Each currency once, and none whose rate makes no money of a unit of it.
fn check_foreign(rates: &[ForeignRate], shop: &Shop) -> Result<(), AppError> {
    for (at, foreign) in rates.iter().enumerate() {
        let currency = foreign.currency;
        if rates.iter().take(at).any(|r| r.currency == currency) {
            return Err(wrong("foreign_cash", format!("{currency} is there twice")));
        }
        let one = Money::from_minor(10_i64.pow(currency.exponent()), currency);
        worth(one, foreign.rate, shop.currency()).map_err(|error| wrong("foreign_cash", error))?;
    }
    Ok(())
}

/// The table against the place and the exemptions that name it.
fn check_taxes(shop: &Shop) -> Result<(), AppError> {
    let codes: BTreeSet<&str> = shop.taxes.iter().map(|t| t.code.as_str()).collect();
    let mut letters = BTreeMap::new();
    for tax in &shop.taxes {
        if let Some(other) = letters.insert(tax.letter.as_str(), &tax.code) {
            return Err(wrong(
                "taxes",
                format!(
                    "`{other}` and `{}` have one letter, `{}`",
                    tax.code, tax.letter
                ),
            ));
        }
    }
    let mut sets = BTreeSet::new();
    for set in &shop.exempt {
        let named = check_text(&set.code, 40).and_then(|()| check_text(&set.name, 80));
        if named.is_err() || !sets.insert(set.code.as_str()) {
            return Err(wrong(
                "exempt",
                "a code or name is empty or too long, or a code is there twice",
            ));
        }
    }
    let place = shop.place.iter().map(|set| ("place", set));
    for (setting, set) in place.chain(shop.exempt.iter().map(|set| ("exempt", set))) {
        for code in set.taxes.values().flatten() {
            if !codes.contains(code.as_str()) {
                return Err(wrong(setting, format!("the shop has no tax `{code}`")));
            }
        }
    }
    Ok(())
}

/// Every setting as one text, by its path.
fn flat(shop: &Shop) -> Result<BTreeMap<String, String>, AppError> {
    let value = serde_json::to_value(Settings::of(shop))
        .map_err(|_| AppError::internal("the settings could not be written"))?;
    let mut all = BTreeMap::new();
    flatten(&value, String::new(), &mut all);
    Ok(all)
}

fn flatten(value: &Value, path: String, all: &mut BTreeMap<String, String>) {
    let join = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                flatten(field, join(name), all);
            }
        }
        // A list of things with codes is told by code, any other list whole.
        Value::Array(items) if items.iter().any(|i| i.get("code").is_some()) => {
            for item in items {
                let code = item.get("code").and_then(Value::as_str).unwrap_or_default();
                flatten(item, join(code), all);
            }
        }
        Value::String(text) => {
            all.insert(path, text.clone());
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            all.insert(path, value.to_string());
        }
    }
}

/// What could be somebody's own address or number is not in the journal.
const PRIVATE: [&str; 4] = ["name", "address", "phone", "tax_number"];

fn changes(before: &Shop, after: &Shop) -> Result<Vec<SettingChange>, AppError> {
    let (before, after) = (flat(before)?, flat(after)?);
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    Ok(names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| {
            let said = |all: &BTreeMap<String, String>| {
                all.get(name)
                    .filter(|_| !PRIVATE.contains(&name.as_str()))
                    .cloned()
            };
            SettingChange {
                setting: name.clone(),
                from: said(&before),
                to: said(&after),
            }
        })
        .collect())
}

/// A tax that products name is not taken away, nor an exemption that customers have.
fn check_named(tx: &Tx<'_>, before: &Shop, after: &Shop) -> Result<(), AppError> {
    let left: BTreeSet<&str> = after.tax_codes().into_iter().collect();
    for code in before.tax_codes() {
        if !left.contains(code) {
            let products = tx.products_taxed(code)?;
            if products > 0 {
                return Err(wrong(
                    &format!("taxes.{code}"),
                    format!("{products} products name it"),
                ));
            }
        }
    }
    for set in &before.exempt {
        if after.exempt.iter().all(|kept| kept.code != set.code) {
            let customers = tx.customers_taxed(&set.code)?;
            if customers > 0 {
                return Err(wrong(
                    "exempt",
                    format!("{customers} customers have `{}`", set.code),
                ));
            }
        }
    }
    Ok(())
}

impl Till {
    /// The settings, as the text of a file that [`Till::set_settings`] takes.
    ///
    /// # Errors
    /// [`ErrorCode::NoShop`].
    pub fn settings_text(&self) -> Result<String, AppError> {
        toml::to_string(&Settings::of(&self.shop()?))
            .map_err(|_| AppError::internal("the settings could not be written"))
    }

    /// The settings as JSON, for a script.
    ///
    /// # Errors
    /// [`ErrorCode::NoShop`].
    pub fn settings_json(&self) -> Result<Value, AppError> {
        serde_json::to_value(Settings::of(&self.shop()?))
            .map_err(|_| AppError::internal("the settings could not be written"))
    }

    /// Sets what a file says, whole or in part; gives what changed. `file` is its
    /// name for the error.
    ///
    /// # Errors
    /// [`ErrorCode::NeedsManager`]; [`ErrorCode::BadInput`] with the line, or with
    /// the setting that cannot be.
    pub fn set_settings(
        &self,
        session: &Session,
        file: &str,
        text: &str,
    ) -> Result<Vec<SettingChange>, AppError> {
        session.must_manage()?;
        let set: Settings = parse_toml(file, text)?;
        let now = self.now();
        self.store()?.write(|tx| {
            let before = shop(tx)?;
            let mut after = before.clone();
            set.put_into(&mut after)?;
            check_named(tx, &before, &after)?;
            let changes = changes(&before, &after)?;
            if !changes.is_empty() {
                check_all(&after)?;
                tx.set_setting("shop", &after)?;
                tx.append(
                    JournalEvent::SettingsChanged {
                        changes: changes.clone(),
                        by: session.user().id,
                    },
                    now,
                )?;
            }
            Ok(changes)
        })
    }
}
