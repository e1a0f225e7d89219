//! `till price`: a basket on standard input, its quote on standard output.
//!
//! Invariant: nothing is computed here. `till_domain::quote` prices; this reads
//! and writes.

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize};
use till_app::error::AppError;
use till_domain::money::{Currency, Money};
use till_domain::quote::{
    Basket, BasketLine, BasketTender, CashMode, CashRounding, Discount, Quote, TaxRounding, quote,
};
use till_domain::tax::{Tax, TaxKind};

use crate::answer::{Answer, Done, Refusal};
use crate::input::{Input, Number, refuse_word};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BasketInput {
    currency: Currency,
    #[serde(default = "per_line")]
    tax_rounding: TaxRounding,
    #[serde(default)]
    cash_rounding: Option<CashInput>,
    lines: Vec<LineInput>,
    #[serde(default)]
    discounts: Vec<DiscountInput>,
    #[serde(default)]
    tenders: Vec<TenderInput>,
}

const fn per_line() -> TaxRounding {
    TaxRounding::PerLine
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CashInput {
    increment: Number,
    mode: CashMode,
    #[serde(default)]
    change_mode: Option<CashMode>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineInput {
    #[serde(default)]
    id: Option<String>,
    unit_price: Number,
    quantity: Number,
    #[serde(default)]
    discounts: Vec<DiscountInput>,
    #[serde(default)]
    taxes: Vec<TaxInput>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DiscountFields {
    percent: Option<Number>,
    amount: Option<Number>,
}

#[derive(Debug)]
enum DiscountInput {
    Percent(Decimal),
    Amount(Decimal),
}

impl<'de> Deserialize<'de> for DiscountInput {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let fields = DiscountFields::deserialize(input)?;
        match (fields.percent, fields.amount) {
            (Some(percent), None) => Ok(Self::Percent(percent.0)),
            (None, Some(amount)) => Ok(Self::Amount(amount.0)),
            (Some(_), Some(_)) | (None, None) => Err(serde::de::Error::custom(
                "a discount has either `percent` or `amount`",
            )),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TaxFields {
    code: String,
    kind: TaxWord,
    rate: Option<Number>,
    amount: Option<Number>,
    #[serde(default)]
    price_included: bool,
    #[serde(default)]
    in_base_of_next: bool,
    #[serde(default = "yes")]
    base_affected_by_previous: bool,
}

const fn yes() -> bool {
    true
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TaxWord {
    Percent,
    FixedPerUnit,
}

#[derive(Debug)]
struct TaxInput(Tax);

impl<'de> Deserialize<'de> for TaxInput {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let fields = TaxFields::deserialize(input)?;
        let kind = match (fields.kind, fields.rate, fields.amount) {
            (TaxWord::Percent, Some(rate), None) => TaxKind::Percent(rate.0),
            (TaxWord::FixedPerUnit, None, Some(amount)) => TaxKind::FixedPerUnit(amount.0),
            (TaxWord::Percent, _, _) => {
                return Err(serde::de::Error::custom(
                    "a tax of kind percent has a `rate` and no `amount`",
                ));
            }
            (TaxWord::FixedPerUnit, _, _) => {
                return Err(serde::de::Error::custom(
                    "a tax of kind fixed_per_unit has an `amount` and no `rate`",
                ));
            }
        };
        Ok(Self(Tax {
            code: fields.code,
            kind,
            price_included: fields.price_included,
            in_base_of_next: fields.in_base_of_next,
            base_affected_by_previous: fields.base_affected_by_previous,
        }))
    }
}

/// Kinds of tender that a basket may name. Only cash is rounded.
const TENDERS: [&str; 9] = [
    "cash",
    "card",
    "reader",
    "saved_card",
    "simulated_reader",
    "stored_on_reader",
    "pay_link",
    "external_terminal",
    "gift_card",
];

#[derive(Debug)]
struct TenderWord(String);

impl<'de> Deserialize<'de> for TenderWord {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let word = String::deserialize(input)?;
        if TENDERS.contains(&word.as_str()) {
            Ok(Self(word))
        } else {
            refuse_word::<D, _>(&word, &TENDERS)
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TenderInput {
    kind: TenderWord,
    #[serde(default)]
    amount: Option<Number>,
}

#[derive(Debug, Serialize)]
struct QuoteOutput {
    currency: Currency,
    lines: Vec<LineOutput>,
    taxes: Vec<TaxOutput>,
    net: String,
    tax: String,
    total: String,
    cash_due: String,
    tenders: Vec<TenderOutput>,
    cash_rounding: String,
    change: String,
    outstanding: String,
}

#[derive(Debug, Serialize)]
struct LineOutput {
    id: String,
    gross: String,
    discount: String,
    sale_discount: String,
    net: String,
    tax: String,
    total: String,
    taxes: Vec<LineTaxOutput>,
}

#[derive(Debug, Serialize)]
struct LineTaxOutput {
    code: String,
    base: String,
    amount: String,
}

#[derive(Debug, Serialize)]
struct TaxOutput {
    code: String,
    rate: Option<String>,
    base: String,
    amount: String,
}

#[derive(Debug, Serialize)]
struct TenderOutput {
    kind: String,
    amount: String,
}

/// Whole minor units, or what is wrong with which field.
fn money(what: &str, amount: Decimal, currency: Currency) -> Result<Money, Refusal> {
    Money::parse(&amount.to_string(), currency)
        .map_err(|error| Refusal::about(&AppError::from(error), what))
}

fn discounts(
    what: &str,
    given: &[DiscountInput],
    currency: Currency,
) -> Result<Vec<Discount>, Refusal> {
    given
        .iter()
        .enumerate()
        .map(|(i, discount)| {
            Ok(match discount {
                DiscountInput::Percent(percent) => Discount::Percent(*percent),
                DiscountInput::Amount(amount) => Discount::Amount(money(
                    &format!("{what}discounts[{i}].amount"),
                    *amount,
                    currency,
                )?),
            })
        })
        .collect()
}

fn basket(input: &BasketInput) -> Result<Basket, Refusal> {
    let currency = input.currency;
    let cash_rounding = match &input.cash_rounding {
        None => None,
        Some(cash) => {
            let increment = money("cash_rounding.increment", cash.increment.0, currency)?;
            if !increment.is_positive() {
                return Err(Refusal::input(
                    "cash_rounding.increment is not above zero. Nothing was changed.",
                ));
            }
            Some(CashRounding {
                increment_minor: increment.minor(),
                mode: cash.mode,
                change_mode: cash.change_mode,
            })
        }
    };
    let lines = input
        .lines
        .iter()
        .enumerate()
        .map(|(i, line)| {
            Ok(BasketLine {
                unit_price: line.unit_price.0,
                quantity: line.quantity.0,
                promotions: Vec::new(),
                discounts: discounts(&format!("lines[{i}]."), &line.discounts, currency)?,
                taxes: line.taxes.iter().map(|t| t.0.clone()).collect(),
                discountable: true,
            })
        })
        .collect::<Result<Vec<_>, Refusal>>()?;
    let tenders = input
        .tenders
        .iter()
        .enumerate()
        .map(|(i, tender)| {
            let amount = tender
                .amount
                .map(|a| money(&format!("tenders[{i}].amount"), a.0, currency))
                .transpose()?;
            Ok(if tender.kind.0 == "cash" {
                BasketTender::Cash(amount)
            } else {
                BasketTender::Other(amount)
            })
        })
        .collect::<Result<Vec<_>, Refusal>>()?;
    Ok(Basket {
        currency,
        tax_rounding: input.tax_rounding,
        cash_rounding,
        lines,
        discounts: discounts("", &input.discounts, currency)?,
        tenders,
    })
}

fn id_of(line: &LineInput, position: usize) -> String {
    line.id
        .clone()
        .unwrap_or_else(|| position.saturating_add(1).to_string())
}

/// Prices, or says which line cannot be.
fn priced(input: &BasketInput, basket: &Basket) -> Result<Quote, Refusal> {
    quote(basket).map_err(|error| {
        let alone = |line: &BasketLine| {
            quote(&Basket {
                lines: vec![line.clone()],
                discounts: Vec::new(),
                tenders: Vec::new(),
                ..basket.clone()
            })
        };
        let culprit = input
            .lines
            .iter()
            .zip(&basket.lines)
            .enumerate()
            .find(|(_, (_, line))| alone(line).is_err());
        let error = AppError::from(error);
        match culprit {
            Some((i, (line, _))) => Refusal::about(&error, &format!("Line {:?}", id_of(line, i))),
            None => error.into(),
        }
    })
}

fn output(input: &BasketInput, quote: &Quote) -> QuoteOutput {
    QuoteOutput {
        currency: input.currency,
        lines: input
            .lines
            .iter()
            .zip(&quote.lines)
            .enumerate()
            .map(|(i, (given, line))| LineOutput {
                id: id_of(given, i),
                gross: line.gross.to_string(),
                discount: line.discount.to_string(),
                sale_discount: line.sale_discount.to_string(),
                net: line.net.to_string(),
                tax: line.tax.to_string(),
                total: line.total.to_string(),
                taxes: line
                    .taxes
                    .iter()
                    .map(|tax| LineTaxOutput {
                        code: tax.code.clone(),
                        base: tax.base.to_string(),
                        amount: tax.amount.to_string(),
                    })
                    .collect(),
            })
            .collect(),
        taxes: quote
            .taxes
            .iter()
            .map(|tax| TaxOutput {
                code: tax.code.clone(),
                rate: tax.rate.map(|r| r.normalize().to_string()),
                base: tax.base.to_string(),
                amount: tax.amount.to_string(),
            })
            .collect(),
        net: quote.net.to_string(),
        tax: quote.tax.to_string(),
        total: quote.total.to_string(),
        cash_due: quote.cash_due.to_string(),
        tenders: input
            .tenders
            .iter()
            .zip(&quote.tenders)
            .map(|(given, tender)| TenderOutput {
                kind: given.kind.0.clone(),
                amount: tender.amount.to_string(),
            })
            .collect(),
        cash_rounding: quote.cash_rounding.to_string(),
        change: quote.change.to_string(),
        outstanding: quote.outstanding.to_string(),
    }
}

/// Reads a basket, writes its quote.
pub(crate) fn run(input: &Input) -> Done {
    let given: BasketInput = input.json()?;
    let basket = basket(&given)?;
    let quote = priced(&given, &basket)?;
    let shown = output(&given, &quote);
    // A quote is a document for scripts and for people alike.
    let text = serde_json::to_string_pretty(&shown).unwrap_or_default();
    Answer::new(&shown, text)
}
