//! The shop's own facts, the country profiles, and the sample shop.

use std::path::Path;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use till_domain::catalog::{Customer, Deposit, Product, Role, SavedCard, Unit, User};
use till_domain::ids::{CustomerId, ProductId, UserId};
use till_domain::limits::Limits;
use till_domain::money::{Currency, Money};
use till_domain::quote::{CashMode, CashRounding, TaxRounding};
use till_domain::sale::Pricing;
use till_domain::tax::{Tax, TaxKind};
use till_store::{ProductImport, Tx};

use crate::Till;
use crate::error::{AppError, ErrorCode};

/// A rate of the shop's tax table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRate {
    /// Code that products name.
    pub code: String,
    /// Name, in the shop's language.
    pub name: String,
    /// Letter beside a line of the receipt.
    pub letter: String,
    /// Per cent.
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
    /// Notes and coins in minor units, the largest first.
    pub denominations: Vec<i64>,
    /// Refunds above this need a manager.
    pub refund_threshold: Money,
    /// How much card money may wait.
    pub limits: Limits,
    /// Discounts above this many per cent need a manager.
    pub discount_percent_max: Decimal,
    /// Paid-outs above this need a manager.
    pub paid_out_threshold: Money,
    /// Differences at the close above this need a manager.
    pub difference_threshold: Money,
    /// Prefix of EAN-13 with a weight in it.
    pub weight_prefix: Option<String>,
    /// `none`, `tcp://host:port` or `file:/folder`.
    pub printer: String,
    /// Test money: the stand-in, or a test key.
    pub test_mode: bool,
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

    /// The tax that a code names, as it goes on a line.
    fn tax(&self, code: &str) -> Option<Vec<Tax>> {
        let rate = self.taxes.iter().find(|t| t.code == code)?;
        Some(vec![Tax {
            code: rate.code.clone(),
            kind: TaxKind::Percent(rate.rate),
            price_included: self.price_includes_tax,
            in_base_of_next: false,
            base_affected_by_previous: true,
        }])
    }
}

#[derive(Deserialize)]
struct Profile {
    code: String,
    name: String,
    currency: String,
    locale: String,
    timezone: String,
    pricing: ProfilePricing,
    taxes: Vec<TaxRate>,
    cash_rounding: Option<ProfileCash>,
    denominations: Denominations,
    receipt: ProfileReceipt,
}

#[derive(Deserialize)]
struct ProfilePricing {
    price_includes_tax: bool,
    tax_rounding: TaxRounding,
    #[serde(default)]
    tax_rounding_mode: CashMode,
}

#[derive(Deserialize)]
struct ProfileCash {
    increment: Decimal,
    mode: CashMode,
    change_mode: Option<CashMode>,
    #[serde(default)]
    exact_accepted: bool,
}

#[derive(Deserialize)]
struct Denominations {
    notes: Vec<i64>,
    coins: Vec<i64>,
}

#[derive(Deserialize)]
struct ProfileReceipt {
    tax_number_label: String,
}

/// The profiles that come with the program: data, a file each.
const PROFILES: [&str; 9] = [
    include_str!("../data/profiles/NL.toml"),
    include_str!("../data/profiles/BE.toml"),
    include_str!("../data/profiles/CH.toml"),
    include_str!("../data/profiles/DE.toml"),
    include_str!("../data/profiles/ES.toml"),
    include_str!("../data/profiles/FR.toml"),
    include_str!("../data/profiles/GB.toml"),
    include_str!("../data/profiles/IE.toml"),
    include_str!("../data/profiles/US.toml"),
];

fn profiles() -> impl Iterator<Item = Profile> {
    PROFILES.iter().filter_map(|text| toml::from_str(text).ok())
}

/// Code, name and currency of every profile.
#[must_use]
pub fn profile_list() -> Vec<(String, String, String)> {
    profiles().map(|p| (p.code, p.name, p.currency)).collect()
}

fn profile(code: &str) -> Result<Profile, AppError> {
    profiles()
        .find(|p| p.code == code)
        .ok_or_else(|| AppError::refused(ErrorCode::NotFound, format!("no profile {code}")))
}

fn shop_of(profile: Profile, name: String) -> Result<Shop, AppError> {
    let currency: Currency = profile.currency.parse()?;
    let major = |text: &str| Money::parse(text, currency);
    let whole = |units: i64| {
        Money::from_minor(
            units.saturating_mul(10_i64.pow(currency.exponent())),
            currency,
        )
    };
    let cash_rounding = profile
        .cash_rounding
        .map(|c| -> Result<CashRounding, AppError> {
            Ok(CashRounding {
                increment_minor: major(&c.increment.to_string())?.minor(),
                mode: c.mode,
                change_mode: c.change_mode,
                exact_accepted: c.exact_accepted,
            })
        })
        .transpose()?;
    let mut denominations = profile.denominations.notes;
    denominations.extend(profile.denominations.coins);
    Ok(Shop {
        name,
        address: Vec::new(),
        tax_number_label: profile.receipt.tax_number_label,
        tax_number: String::new(),
        phone: None,
        return_policy: None,
        footer: None,
        till: 1,
        locale: profile.locale,
        timezone: profile.timezone,
        pricing: Pricing {
            currency,
            tax_rounding: profile.pricing.tax_rounding,
            tax_rounding_mode: profile.pricing.tax_rounding_mode,
            cash_rounding,
        },
        price_includes_tax: profile.pricing.price_includes_tax,
        taxes: profile.taxes,
        denominations,
        refund_threshold: whole(50),
        limits: Limits {
            per_tender: whole(50),
            per_customer: whole(75),
            on_till: whole(150),
            oldest_hours: 72,
        },
        discount_percent_max: Decimal::from(20),
        paid_out_threshold: whole(100),
        difference_threshold: whole(5),
        weight_prefix: None,
        printer: "none".into(),
        test_mode: true,
    })
}

#[derive(Deserialize)]
struct Sample {
    shop: SampleShop,
    refund: SampleRefund,
    offline: SampleOffline,
    deposits: Vec<SampleDeposit>,
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
struct SampleDeposit {
    name: String,
    label: String,
    amount: Decimal,
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

/// A row of a product file.
#[derive(Debug, Deserialize)]
struct ProductRecord {
    sku: String,
    name: String,
    category: String,
    price: Decimal,
    price_unit: String,
    tax: String,
    barcodes: String,
    deposit: String,
    favourite: Option<i64>,
    stock: Decimal,
}

impl Till {
    /// Makes the sample shop in an empty folder.
    ///
    /// # Errors
    /// [`ErrorCode::ShopExists`], and what the store says.
    pub fn setup_sample(&self) -> Result<(), AppError> {
        let bad = |_| AppError::internal("the sample shop cannot be read");
        let sample: Sample = toml::from_str(SAMPLE).map_err(bad)?;
        let mut shop = shop_of(profile(&sample.shop.profile)?, sample.shop.name.clone())?;
        let currency = shop.currency();
        let money = |text: &str| Money::parse(text, currency);
        shop.address = sample.shop.address;
        shop.tax_number = sample.shop.tax_number;
        shop.phone = sample.shop.phone;
        shop.return_policy = sample.shop.return_policy;
        shop.footer = sample.shop.footer;
        shop.weight_prefix = Some("21".into());
        shop.refund_threshold = money(&sample.refund.manager_threshold)?;
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
        let products =
            csv::Reader::from_reader(include_bytes!("../data/sample/products.csv").as_slice())
                .deserialize::<ProductRecord>()
                .map(|record| {
                    record.map_err(|_| AppError::internal("the sample products cannot be read"))
                })
                .collect::<Result<Vec<_>, _>>()?;
        self.make_shop(&shop, users, |till, tx| {
            for record in products {
                let deposit = sample.deposits.iter().find(|d| d.name == record.deposit);
                tx.add_product(&till.product_import(&shop, record, deposit)?)?;
            }
            for c in &sample.customers {
                let card = c.card.as_ref();
                let customer = Customer {
                    id: CustomerId(till.new_id()),
                    name: c.name.clone(),
                    email: c.email.clone(),
                    phone: c.phone.clone(),
                    card: card.map(|card| SavedCard {
                        stripe_customer: card.stripe_customer.clone(),
                        payment_method: card.payment_method.clone(),
                        brand: brand_name(&card.brand),
                        last4: card.last4.clone(),
                        expires: card.exp.clone(),
                    }),
                };
                tx.add_customer(&customer, card.map(|c| c.consent_at.as_str()))?;
            }
            Ok(())
        })
    }

    /// Makes an empty shop from a country profile, with its first manager.
    ///
    /// # Errors
    /// [`ErrorCode::ShopExists`], an unknown profile, a name or PIN that cannot be.
    pub fn setup_shop(
        &self,
        profile_code: &str,
        name: &str,
        manager_name: &str,
        manager_pin: &str,
    ) -> Result<(), AppError> {
        crate::check_text(name, 80)?;
        crate::check_text(manager_name, 80)?;
        let mut shop = shop_of(profile(profile_code)?, name.trim().to_owned())?;
        shop.test_mode = false;
        let manager = (
            manager_name.trim().to_owned(),
            Role::Owner,
            manager_pin.to_owned(),
        );
        self.make_shop(&shop, vec![manager], |_, _| Ok(()))
    }

    fn product_import(
        &self,
        shop: &Shop,
        record: ProductRecord,
        deposit: Option<&SampleDeposit>,
    ) -> Result<ProductImport, AppError> {
        Ok(ProductImport {
            product: Product {
                id: ProductId(self.new_id()),
                taxes: shop
                    .tax(&record.tax)
                    .ok_or_else(|| AppError::internal("a product names no tax of the shop"))?,
                sku: record.sku,
                name: record.name,
                category: record.category,
                unit_price: record.price,
                unit: if record.price_unit == "kg" {
                    Unit::Kilogram
                } else {
                    Unit::Each
                },
                deposit: deposit.map(|d| Deposit {
                    label: d.label.clone(),
                    amount: d.amount,
                }),
            },
            codes: record
                .barcodes
                .split(';')
                .filter(|c| !c.is_empty())
                .map(str::to_owned)
                .collect(),
            stock: record.stock,
            favourite: record.favourite,
        })
    }

    fn make_shop(
        &self,
        shop: &Shop,
        users: Vec<(String, Role, String)>,
        fill: impl FnOnce(&Self, &Tx<'_>) -> Result<(), AppError>,
    ) -> Result<(), AppError> {
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
