//! The shop's own facts, and the sample shop.
//!
//! Invariant: what a profile said when the shop was made is the shop's own from
//! then on. A profile that changes changes no shop.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize};
use till_domain::barcode::{Rule, RuleError, ValueKind};
use till_domain::catalog::{
    Consent, ConsentWay, Customer, KeptCard, Product, Role, SavedCard, User,
};
use till_domain::ids::{CardId, CustomerId, ProductId, Timestamp, UserId};
use till_domain::limits::Limits;
use till_domain::money::{Currency, Money};
use till_domain::sale::Pricing;
use till_domain::settle::{CashRounding, Surplus};
use till_domain::tax::{Tax, TaxKind};
use till_store::Tx;

use crate::error::{AppError, ErrorCode};
use crate::guard::{check_all, check_text};
use crate::profile::{DatedRate, Day, Profile, Profiles, TaxSetRule, digits};
use crate::{Till, catalogue};

/// A tax of the shop's table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredTaxRate")]
pub struct TaxRate {
    /// Code that products, places and exemptions name.
    pub code: String,
    /// Name, in the shop's language.
    pub name: String,
    /// Letter beside a line of the receipt.
    pub letter: String,
    /// Oldest first; the last that has begun holds.
    pub rates: Vec<DatedRate>,
    /// Later taxes of a line are charged on the price plus this one.
    pub in_base_of_next: bool,
}

/// A tax as shops have stored it: the first ones had one rate and no days.
#[derive(Deserialize)]
struct StoredTaxRate {
    code: String,
    name: String,
    letter: String,
    #[serde(default)]
    rate: Option<Decimal>,
    #[serde(default)]
    rates: Vec<DatedRate>,
    #[serde(default)]
    in_base_of_next: bool,
}

impl From<StoredTaxRate> for TaxRate {
    fn from(stored: StoredTaxRate) -> Self {
        let mut rates = stored.rates;
        if rates.is_empty() && stored.rate.is_some() {
            rates.push(DatedRate {
                from: Day::from(jiff::civil::Date::MIN),
                rate: stored.rate,
                amount: None,
                source: None,
            });
        }
        Self {
            code: stored.code,
            name: stored.name,
            letter: stored.letter,
            rates,
            in_base_of_next: stored.in_base_of_next,
        }
    }
}

impl TaxRate {
    /// What is charged on a day; none before the first rate begins.
    #[must_use]
    pub fn on(&self, day: Day) -> Option<TaxKind> {
        let rate = self.rates.iter().rev().find(|r| r.from <= day)?;
        rate.rate
            .map(TaxKind::Percent)
            .or(rate.amount.map(TaxKind::FixedPerUnit))
    }
}

/// Other taxes than those that products name: of the shop's place, or of a
/// customer who is exempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaxSet {
    /// Such as `CA-QC`.
    pub code: String,
    /// Such as `Québec`.
    pub name: String,
    /// From the code that a product names to the taxes charged instead, in order.
    pub taxes: BTreeMap<String, Vec<String>>,
}

/// A deposit that products can carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShopDeposit {
    /// What a file of products names it by.
    pub name: String,
    /// On the receipt.
    pub label: String,
    /// Major units for each piece.
    #[serde(deserialize_with = "digits")]
    pub amount: Decimal,
}

/// Notes of another currency that the till takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignRate {
    /// Which.
    pub currency: Currency,
    /// Major units of the shop's currency for one of it.
    #[serde(deserialize_with = "digits")]
    pub rate: Decimal,
}

/// The shop's facts: the setting `shop`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shop {
    /// Trade name.
    pub name: String,
    /// Printed lines.
    pub address: Vec<String>,
    /// What the tax number is called.
    pub tax_number_label: String,
    /// Empty where there is none.
    pub tax_number: String,
    /// Telephone.
    pub phone: Option<String>,
    /// Printed at the foot.
    pub return_policy: Option<String>,
    /// Printed last.
    pub footer: Option<String>,
    /// Number of this till: the first part of a receipt's number.
    pub till: u16,
    /// BCP 47.
    pub locale: String,
    /// IANA zone of the business day.
    pub timezone: String,
    /// How prices are computed.
    pub pricing: Pricing,
    /// The marked price is what the customer pays.
    pub price_includes_tax: bool,
    /// Tax table.
    pub taxes: Vec<TaxRate>,
    /// What the place of the shop makes of the codes that products name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<TaxSet>,
    /// Other taxes that a customer or a sale can be charged: who is exempt, or buys
    /// for another place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exempt: Vec<TaxSet>,
    /// Deposits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deposits: Vec<ShopDeposit>,
    /// Notes and coins in minor units, the largest first.
    pub denominations: Vec<i64>,
    /// Notes of other currencies that are taken, by the rate that the shop sets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign_cash: Vec<ForeignRate>,
    /// What becomes of what is not needed of a voucher; none: no voucher is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouchers: Option<Surplus>,
    /// Card readers ask the customer for a tip.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reader_tips: bool,
    /// Refunds above this need a manager.
    pub refund_threshold: Money,
    /// How much card money may wait.
    pub limits: Limits,
    /// When a card that was declined for now is tried again by itself: hours after the
    /// decline, rising. Empty: only when a person says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retry_after_hours: Vec<u32>,
    /// Discounts above this many per cent need a manager.
    pub discount_percent_max: Decimal,
    /// Paid-outs above this need a manager.
    pub paid_out_threshold: Money,
    /// Differences at the close above this need a manager.
    pub difference_threshold: Money,
    /// Codes with a price, a weight or a quantity in them, tried in order.
    #[serde(
        default,
        alias = "weight_prefix",
        deserialize_with = "rules_or_weight_prefix"
    )]
    pub barcode_rules: Vec<Rule>,
    /// `none`, `tcp://host:port` or `file:/folder`.
    pub printer: String,
    /// Test money: the stand-in, or a test key.
    pub test_mode: bool,
}

/// EAN-13 with a prefix, an item's number up to the seventh digit, and five digits
/// of grams.
fn weight_rule(prefix: &str) -> Result<Rule, RuleError> {
    Rule::new(format!("{prefix:.<7}{{NNDDD}}."), ValueKind::Weight)
}

/// The rules; a shop of before there were any has the prefix of its scale, or none.
fn rules_or_weight_prefix<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Rule>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Setting {
        Rules(Vec<Rule>),
        WeightPrefix(Option<String>),
    }
    match Setting::deserialize(d)? {
        Setting::Rules(rules) => Ok(rules),
        Setting::WeightPrefix(None) => Ok(Vec::new()),
        Setting::WeightPrefix(Some(prefix)) => {
            let rule = weight_rule(&prefix).map_err(serde::de::Error::custom)?;
            Ok(vec![rule])
        }
    }
}

impl Shop {
    /// The currency.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.pricing.currency
    }

    /// Nothing, in the shop's currency.
    #[must_use]
    pub const fn zero(&self) -> Money {
        Money::zero(self.pricing.currency)
    }

    /// "Till 1".
    #[must_use]
    pub fn till_name(&self) -> String {
        format!("Till {}", self.till)
    }

    /// The taxes on a product of this code on a day, as they go on a line; `None`
    /// where the shop has no such code, or no rate of it yet.
    #[must_use]
    pub fn taxes_on(&self, code: &str, day: Day) -> Option<Vec<Tax>> {
        self.taxes_as(None, code, day)
    }

    /// The same for a sale that is charged one of the shop's other sets; what the set
    /// does not name is taxed as always.
    pub(crate) fn taxes_as(&self, set: Option<&TaxSet>, code: &str, day: Day) -> Option<Vec<Tax>> {
        let sets = set.into_iter().chain(&self.place);
        let named = sets.map(|set| set.taxes.get(code)).find_map(|taxes| taxes);
        let own = [code.to_owned()];
        named
            .map_or(own.as_slice(), Vec::as_slice)
            .iter()
            .map(|code| {
                let tax = self.taxes.iter().find(|t| t.code == *code)?;
                Some(Tax {
                    code: tax.code.clone(),
                    kind: tax.on(day)?,
                    price_included: self.price_includes_tax,
                    in_base_of_next: tax.in_base_of_next,
                    base_affected_by_previous: true,
                })
            })
            .collect()
    }

    /// The taxes of a product on a day.
    pub(crate) fn taxes_of(
        &self,
        set: Option<&TaxSet>,
        product: &Product,
        day: Day,
    ) -> Result<Vec<Tax>, AppError> {
        self.taxes_as(set, &product.tax, day).ok_or_else(|| {
            AppError::refused(
                ErrorCode::NoTax,
                format!("{} of {} on {day}", product.tax, product.name),
            )
        })
    }

    /// The shop's other taxes of this code.
    pub(crate) fn tax_set(&self, code: &str) -> Result<&TaxSet, AppError> {
        let set = self.exempt.iter().find(|set| set.code == code);
        set.ok_or_else(|| {
            let known: Vec<&str> = self.exempt.iter().map(|set| set.code.as_str()).collect();
            AppError::refused(
                ErrorCode::NotFound,
                format!(
                    "the shop has no other taxes called {code:?}; it has {}",
                    if known.is_empty() {
                        "none".to_owned()
                    } else {
                        known.join(", ")
                    }
                ),
            )
        })
    }

    /// The codes a product may name.
    #[must_use]
    pub fn tax_codes(&self) -> Vec<&str> {
        let place = self.place.iter();
        let (named, placed): (Vec<&str>, BTreeSet<&str>) = (
            place
                .clone()
                .flat_map(|p| p.taxes.keys())
                .map(String::as_str)
                .collect(),
            place
                .flat_map(|p| p.taxes.values().flatten())
                .map(String::as_str)
                .collect(),
        );
        let own = self.taxes.iter().map(|t| t.code.as_str());
        let mut codes = named.clone();
        codes.extend(own.filter(|code| !placed.contains(code) && !named.contains(code)));
        codes
    }
}

fn tax_set(rule: &TaxSetRule) -> TaxSet {
    TaxSet {
        code: rule.code.get_ref().clone(),
        name: rule.name.clone(),
        taxes: rule
            .taxes
            .iter()
            .map(|(code, taxes)| {
                let taxes = taxes.iter().map(|t| t.get_ref().clone()).collect();
                (code.clone(), taxes)
            })
            .collect(),
    }
}

/// The shop a profile makes, in one of its places.
pub(crate) fn shop_of(
    profile: &Profile,
    place: Option<&str>,
    name: String,
) -> Result<Shop, AppError> {
    let place = match place {
        Some(code) => Some(profile.place(code).ok_or_else(|| {
            AppError::refused(
                ErrorCode::NotFound,
                format!("the profile of {} has no place {code}", profile.name),
            )
        })?),
        None if profile.place_required => {
            let places: Vec<&str> = profile
                .places
                .iter()
                .map(|p| p.code.get_ref().as_str())
                .collect();
            return Err(AppError::refused(
                ErrorCode::BadInput,
                format!(
                    "The taxes of {} depend on the place; name one of {}",
                    profile.name,
                    places.join(", ")
                ),
            ));
        }
        None => None,
    };
    let currency = profile.currency;
    let whole = |units: i64| {
        Money::from_minor(
            units.saturating_mul(10_i64.pow(currency.exponent())),
            currency,
        )
    };
    let cash_rounding = profile
        .cash_rounding
        .as_ref()
        .map(|c| -> Result<CashRounding, AppError> {
            Ok(CashRounding {
                increment_minor: Money::parse(&c.increment.to_string(), currency)?.minor(),
                mode: c.mode,
                change_mode: c.change_mode,
                exact_accepted: c.exact_accepted,
            })
        })
        .transpose()?;
    let mut denominations = profile.denominations.notes.get_ref().clone();
    denominations.extend(profile.denominations.coins.get_ref());
    // A dollar is a note and a coin: they are counted together.
    denominations.sort_unstable_by(|a, b| b.cmp(a));
    denominations.dedup();
    let taxes = profile
        .taxes_in(place)
        .into_iter()
        .map(|t| TaxRate {
            code: t.code.get_ref().clone(),
            name: t.name.clone(),
            letter: t.letter.get_ref().clone(),
            rates: t.rates.get_ref().clone(),
            in_base_of_next: t.in_base_of_next,
        })
        .collect();
    let of_place = |of: fn(&TaxSetRule) -> Option<&String>| place.and_then(of).cloned();
    Ok(Shop {
        name,
        address: Vec::new(),
        tax_number_label: profile.receipt.tax_number_label.clone(),
        tax_number: String::new(),
        phone: None,
        return_policy: None,
        footer: None,
        till: 1,
        locale: of_place(|p| p.locale.as_ref()).unwrap_or_else(|| profile.locale.clone()),
        timezone: of_place(|p| p.timezone.as_ref())
            .unwrap_or_else(|| profile.timezone.get_ref().clone()),
        pricing: Pricing {
            currency,
            tax_rounding: profile.pricing.tax_rounding,
            tax_rounding_mode: profile.pricing.tax_rounding_mode,
            cash_rounding,
        },
        price_includes_tax: profile.pricing.price_includes_tax,
        taxes,
        place: place.map(tax_set),
        exempt: profile.exempt.iter().map(tax_set).collect(),
        deposits: Vec::new(),
        denominations,
        foreign_cash: Vec::new(),
        reader_tips: false,
        vouchers: None,
        refund_threshold: whole(50),
        limits: Limits {
            per_tender: whole(50),
            per_customer: whole(75),
            on_till: whole(150),
            oldest_hours: 72,
        },
        retry_after_hours: Vec::new(),
        discount_percent_max: Decimal::from(20),
        paid_out_threshold: whole(100),
        difference_threshold: whole(5),
        barcode_rules: Vec::new(),
        printer: "none".into(),
        test_mode: true,
    })
}

#[derive(Deserialize)]
struct Sample {
    shop: SampleShop,
    refund: SampleRefund,
    offline: SampleOffline,
    tenders: SampleTenders,
    deposits: Vec<ShopDeposit>,
    users: Vec<SampleUser>,
    customers: Vec<SampleCustomer>,
}

#[derive(Deserialize)]
struct SampleShop {
    name: String,
    address: Vec<String>,
    tax_number: String,
    phone: Option<String>,
    return_policy: Option<String>,
    footer: Option<String>,
    profile: String,
}

#[derive(Deserialize)]
struct SampleRefund {
    manager_threshold: String,
}

#[derive(Deserialize)]
struct SampleOffline {
    per_tender: String,
    per_customer: String,
    at_risk_total: String,
    oldest_age_hours: u32,
}

#[derive(Deserialize)]
struct SampleTenders {
    vouchers: Surplus,
    foreign_cash: Vec<ForeignRate>,
}

#[derive(Deserialize)]
struct SampleUser {
    name: String,
    role: Role,
    pin: String,
}

#[derive(Deserialize)]
struct SampleCustomer {
    name: String,
    email: Option<String>,
    phone: Option<String>,
    card: Option<SampleCard>,
    #[serde(default)]
    groups: Vec<String>,
}

#[derive(Deserialize)]
struct SampleCard {
    stripe_customer: String,
    payment_method: String,
    behaves_as: String,
    brand: String,
    last4: String,
    exp: String,
    consent_at: String,
}

/// A saved card of the sample shop, for the stand-in that plays Stripe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleSavedCard {
    /// `cus_…`.
    pub customer: String,
    /// `pm_…`.
    pub payment_method: String,
    /// Stripe's test card it behaves as, such as `pm_card_visa`.
    pub behaves_as: String,
}

/// The saved cards of the sample shop.
#[must_use]
pub fn sample_cards() -> Vec<SampleSavedCard> {
    let Ok(sample) = toml::from_str::<Sample>(SAMPLE) else {
        return Vec::new();
    };
    sample
        .customers
        .into_iter()
        .filter_map(|c| c.card)
        .map(|card| SampleSavedCard {
            customer: card.stripe_customer,
            payment_method: card.payment_method,
            behaves_as: card.behaves_as,
        })
        .collect()
}

const SAMPLE: &str = include_str!("../data/sample/shop.toml");

impl Till {
    /// Makes the sample shop in an empty folder.
    ///
    /// # Errors
    /// [`ErrorCode::ShopExists`], and what the store says.
    pub fn setup_sample(&self) -> Result<(), AppError> {
        let bad = |_| AppError::internal("the sample shop cannot be read");
        let sample: Sample = toml::from_str(SAMPLE).map_err(bad)?;
        let profile = self.profiles()?.load(&sample.shop.profile)?;
        let mut shop = shop_of(&profile, None, sample.shop.name.clone())?;
        let currency = shop.currency();
        let money = |text: &str| Money::parse(text, currency);
        shop.address = sample.shop.address;
        shop.tax_number = sample.shop.tax_number;
        shop.phone = sample.shop.phone;
        shop.return_policy = sample.shop.return_policy;
        shop.footer = sample.shop.footer;
        let bad_rule = |_| AppError::internal("the sample shop's weight code is no rule");
        shop.barcode_rules = vec![weight_rule("21").map_err(bad_rule)?];
        shop.vouchers = Some(sample.tenders.vouchers);
        shop.foreign_cash = sample.tenders.foreign_cash;
        shop.refund_threshold = money(&sample.refund.manager_threshold)?;
        shop.deposits.clone_from(&sample.deposits);
        shop.limits = Limits {
            per_tender: money(&sample.offline.per_tender)?,
            per_customer: money(&sample.offline.per_customer)?,
            on_till: money(&sample.offline.at_risk_total)?,
            oldest_hours: sample.offline.oldest_age_hours,
        };
        let users = sample
            .users
            .iter()
            .map(|u| (u.name.clone(), u.role, u.pin.clone()))
            .collect();
        self.make_shop(&shop, users, |till, tx| {
            let products = include_str!("../data/sample/products.csv");
            catalogue::take_in_sample(tx, &shop, products, || ProductId(till.new_id()))?;
            for c in &sample.customers {
                let card = c.card.as_ref();
                let id = CustomerId(till.new_id());
                let cards = card.map(|card| {
                    let agreed = card.consent_at.parse::<jiff::Timestamp>();
                    Ok::<_, AppError>(KeptCard {
                        // Cards have names of their own; this one is the only one.
                        id: CardId(id.0),
                        card: SavedCard {
                            stripe_customer: card.stripe_customer.clone(),
                            payment_method: card.payment_method.clone(),
                            brand: brand_name(&card.brand),
                            last4: card.last4.clone(),
                            expires: card.exp.clone(),
                        },
                        consent: Consent {
                            at: Timestamp(
                                agreed
                                    .map_err(|_| AppError::internal("the sample shop's day"))?
                                    .as_millisecond(),
                            ),
                            by: None,
                            way: ConsentWay::Earlier,
                            words: String::new(),
                        },
                        is_default: true,
                    })
                });
                let customer = Customer {
                    id,
                    name: c.name.clone(),
                    email: c.email.clone(),
                    phone: c.phone.clone(),
                    stripe_customer: card.map(|card| card.stripe_customer.clone()),
                    cards: cards.transpose()?.into_iter().collect(),
                    groups: c.groups.clone(),
                    tax_set: None,
                };
                tx.add_customer(&customer)?;
            }
            for promotion in crate::promotion::sample()? {
                tx.put_promotion(&promotion)?;
            }
            Ok(())
        })
    }

    /// The country profiles.
    ///
    /// # Errors
    /// [`ErrorCode::NoProfiles`].
    pub fn profiles(&self) -> Result<Profiles, AppError> {
        Profiles::find(self.profiles.as_deref())
    }

    /// Makes an empty shop from a country profile, with its first manager.
    ///
    /// # Errors
    /// [`ErrorCode::ShopExists`], an unknown profile or place, a name or PIN that
    /// cannot be.
    pub fn setup_shop(
        &self,
        profile_code: &str,
        place: Option<&str>,
        name: &str,
        manager_name: &str,
        manager_pin: &str,
    ) -> Result<(), AppError> {
        check_text(name, 80)?;
        check_text(manager_name, 80)?;
        let profile = self.profiles()?.load(profile_code)?;
        let mut shop = shop_of(&profile, place, name.trim().to_owned())?;
        shop.test_mode = false;
        let manager = (
            manager_name.trim().to_owned(),
            Role::Owner,
            manager_pin.to_owned(),
        );
        self.make_shop(&shop, vec![manager], |_, _| Ok(()))
    }

    fn make_shop(
        &self,
        shop: &Shop,
        users: Vec<(String, Role, String)>,
        fill: impl FnOnce(&Self, &Tx<'_>) -> Result<(), AppError>,
    ) -> Result<(), AppError> {
        check_all(shop)?;
        // Hashed before the transaction: a PIN's hash is slow on purpose.
        let users = users
            .into_iter()
            .map(|(name, role, pin)| {
                let user = User {
                    id: UserId(self.new_id()),
                    name,
                    role,
                };
                Ok((user, crate::auth::hash_pin(&pin)?))
            })
            .collect::<Result<Vec<_>, AppError>>()?;
        self.store()?.write(|tx| {
            if tx.setting::<Shop>("shop")?.is_some() {
                return Err(AppError::from(ErrorCode::ShopExists));
            }
            tx.set_setting("shop", shop)?;
            for (user, pin_hash) in &users {
                tx.add_user(user, pin_hash)?;
            }
            fill(self, tx)
        })
    }
}

/// "visa" → "Visa", as people write it.
#[must_use]
pub fn brand_name(brand: &str) -> String {
    match brand {
        "visa" => "Visa".into(),
        "mastercard" => "Mastercard".into(),
        "amex" => "American Express".into(),
        "" => "Card".into(),
        other => {
            let mut letters = other.chars();
            letters
                .next()
                .map(|first| first.to_uppercase().chain(letters).collect())
                .unwrap_or_default()
        }
    }
}

/// The folder a program keeps its data in when none is named.
#[must_use]
pub fn default_folder(home: &Path) -> std::path::PathBuf {
    home.join(".local/share/evertill")
}
