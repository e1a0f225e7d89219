//! Goods and the people around them, as the till knows them.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ids::{CardId, CustomerId, ProductId, Timestamp, UserId};
use crate::tax::Tax;

/// How a product is sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Whole pieces.
    Each,
    /// Kilograms, three places.
    Kilogram,
}

/// A deposit charged with a product: not turnover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deposit {
    /// Name on the receipt.
    pub label: String,
    /// Major units for each piece.
    pub amount: Decimal,
}

/// A product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Id.
    pub id: ProductId,
    /// Short code.
    pub sku: String,
    /// Name.
    pub name: String,
    /// Category.
    pub category: String,
    /// Major units for one piece or kilogram.
    pub unit_price: Decimal,
    /// How it is sold.
    pub unit: Unit,
    /// Code of its tax in the shop's table.
    pub tax: String,
    /// The taxes that the code stands for; none until the shop has said which hold.
    pub taxes: Vec<Tax>,
    /// Deposit.
    pub deposit: Option<Deposit>,
}

/// What a member of staff may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sells; refunds up to the threshold.
    Cashier,
    /// Approves.
    Manager,
    /// A manager who owns the shop.
    Owner,
}

impl Role {
    /// May approve what a cashier may not do alone.
    #[must_use]
    pub const fn may_approve(self) -> bool {
        match self {
            Self::Cashier => false,
            Self::Manager | Self::Owner => true,
        }
    }
}

/// A member of staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Id.
    pub id: UserId,
    /// Name.
    pub name: String,
    /// Role.
    pub role: Role,
}

/// A card kept at Stripe with the customer's consent: all that is known here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedCard {
    /// Stripe's customer, `cus_…`.
    pub stripe_customer: String,
    /// Stripe's payment method, `pm_…`.
    pub payment_method: String,
    /// Brand, such as "Visa".
    pub brand: String,
    /// Last four digits.
    pub last4: String,
    /// "12/2030".
    pub expires: String,
}

/// How a customer agreed to have their card kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentWay {
    /// On Stripe's own page, in a browser or on their phone.
    Page,
    /// At a reader.
    Reader,
    /// In a way that is not known: the card was kept before the till asked.
    Earlier,
}

/// That a customer agreed to have their card kept, and charged at their word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// When.
    pub at: Timestamp,
    /// Who showed them the words and heard them agree; none where the till was not there.
    pub by: Option<UserId>,
    /// How.
    pub way: ConsentWay,
    /// Which words, by their version.
    pub words: String,
}

/// A card that a customer has with the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCard {
    /// Our own name of it: the journal knows it by this alone.
    pub id: CardId,
    /// The card.
    pub card: SavedCard,
    /// What the customer agreed to.
    pub consent: Consent,
    /// Charged where no other was chosen.
    pub is_default: bool,
}

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// Id.
    pub id: CustomerId,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone.
    pub phone: Option<String>,
    /// Stripe's customer, `cus_…`, once there was a reason to make one.
    pub stripe_customer: Option<String>,
    /// Saved cards, the default one first.
    pub cards: Vec<KeptCard>,
    /// Groups they belong to, such as `members`.
    pub groups: Vec<String>,
    /// Code of the taxes that they are charged instead of the products' own.
    pub tax_set: Option<String>,
}

impl Customer {
    /// The card that is charged where no other was chosen.
    #[must_use]
    pub fn default_card(&self) -> Option<&KeptCard> {
        let mut cards = self.cards.iter();
        cards.find(|c| c.is_default).or(self.cards.first())
    }
}
