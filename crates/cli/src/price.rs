//! `till price`: a basket on standard input, its quote on standard output.
//!
//! Invariants:
//! - nothing is computed here: `till_domain::quote` prices; this reads and writes;
//! - a basket that names none of the optional fields is answered with none.

use std::fmt::Display;

use jiff::civil::DateTime;
use rust_decimal::Decimal;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use till_app::error::{AppError, ErrorCode};
use till_domain::explain::{Step, Why, explain};
use till_domain::measure::{Content, Measure, ShownPlaces, price_per};
use till_domain::money::{Currency, Money, RoundingMode};
use till_domain::promotion::{Item, Promotion, PromotionBook, Shopper};
use till_domain::quote::{
    Basket, BasketLine, Discount, Promoted, Quote, QuoteError, Sums, TaxRounding, quote,
};
use till_domain::settle::{BasketTender, CashRounding, Surplus, TenderQuote};
use till_domain::tax::{Tax, TaxKind};

use crate::answer::{Answer, Done, Refusal};
use crate::input::{Input, Number, parse, refuse_word};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BasketInput {
    currency: Currency,
    #[serde(default = "per_line")]
    tax_rounding: TaxRounding,
    #[serde(default)]
    tax_rounding_mode: RoundingMode,
    #[serde(default)]
    cash_rounding: Option<CashInput>,
    lines: Vec<LineInput>,
    #[serde(default)]
    discounts: Vec<DiscountInput>,
    #[serde(default)]
    tenders: Vec<TenderInput>,
    #[serde(default)]
    promotions: Vec<Promotion>,
    /// The moment that promotions count by, in the shop's local time. There is no
    /// clock here.
    #[serde(default)]
    at: Option<DateTime>,
    /// Groups of the customer.
    #[serde(default)]
    groups: Vec<String>,
    /// Codes of coupons.
    #[serde(default)]
    coupons: Vec<String>,
}

const fn per_line() -> TaxRounding {
    TaxRounding::PerLine
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CashInput {
    increment: Number,
    mode: RoundingMode,
    #[serde(default)]
    change_mode: Option<RoundingMode>,
    #[serde(default)]
    exact_accepted: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineInput {
    #[serde(default)]
    id: Option<String>,
    unit_price: Number,
    quantity: Number,
    #[serde(default)]
    unit: Option<Measure>,
    #[serde(default)]
    discounts: Vec<DiscountInput>,
    #[serde(default)]
    taxes: Vec<TaxInput>,
    #[serde(default)]
    priced_with: Option<Vec<TaxInput>>,
    #[serde(default = "yes")]
    turnover: bool,
    /// Deposits take no part in the sale's discount, unless it is said.
    #[serde(default)]
    discountable: Option<bool>,
    #[serde(default)]
    content: Option<ContentInput>,
    /// What promotions know the line by.
    #[serde(default)]
    product: String,
    #[serde(default)]
    sku: String,
    #[serde(default)]
    category: String,
}

/// What is in a packet, for its price per measure.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContentInput {
    quantity: Number,
    unit: Measure,
    #[serde(default)]
    per: Option<PerInput>,
    #[serde(default)]
    places: ShownPlaces,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PerInput {
    quantity: Number,
    unit: Measure,
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
const TENDERS: [&str; 10] = [
    "cash",
    "card",
    "reader",
    "saved_card",
    "simulated_reader",
    "stored_on_reader",
    "pay_link",
    "external_terminal",
    "gift_card",
    "voucher",
];

/// Kinds that are charged to a card in the customer's hand.
const CARDS: [&str; 4] = ["card", "reader", "simulated_reader", "external_terminal"];

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

/// What becomes of the worth of a voucher that is not needed.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChangeWord {
    Cash,
    None,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TenderFields {
    kind: TenderWord,
    #[serde(default)]
    amount: Option<Number>,
    #[serde(default)]
    currency: Option<Currency>,
    #[serde(default)]
    rate: Option<Number>,
    #[serde(default)]
    change: Option<ChangeWord>,
    #[serde(default)]
    cash_back: Option<Number>,
}

#[derive(Debug)]
struct TenderInput(TenderFields);

impl<'de> Deserialize<'de> for TenderInput {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let fields = TenderFields::deserialize(input)?;
        let kind = fields.kind.0.as_str();
        let misplaced = [
            (
                "currency",
                "cash",
                fields.currency.is_some() && kind != "cash",
            ),
            ("rate", "cash", fields.rate.is_some() && kind != "cash"),
            (
                "change",
                "voucher",
                fields.change.is_some() && kind != "voucher",
            ),
            (
                "cash_back",
                "card, reader, simulated_reader, external_terminal",
                fields.cash_back.is_some() && !CARDS.contains(&kind),
            ),
        ];
        if let Some((field, kinds, _)) = misplaced.iter().find(|(_, _, wrong)| *wrong) {
            return Err(D::Error::custom(format!(
                "`{field}` is only for tenders of kind {kinds}, not {kind}"
            )));
        }
        if fields.rate.is_some() != fields.currency.is_some() {
            return Err(D::Error::custom(
                "cash of another currency has both `currency` and `rate`",
            ));
        }
        if fields.rate.is_some() && fields.amount.is_none() {
            return Err(D::Error::custom(
                "cash of another currency has an `amount` in it",
            ));
        }
        Ok(Self(fields))
    }
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
    #[serde(skip_serializing_if = "Option::is_none")]
    turnover: Option<SumsOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_turnover: Option<SumsOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cash_back: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forfeited: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<Vec<StepOutput>>,
}

#[derive(Debug, Serialize)]
struct SumsOutput {
    net: String,
    tax: String,
    total: String,
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    promotions: Vec<PromotedOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit_price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit_price_shown: Option<ShownOutput>,
}

#[derive(Debug, Serialize)]
struct PromotedOutput {
    promotion: String,
    name: String,
    units: String,
    amount: String,
}

#[derive(Debug, Serialize)]
struct ShownOutput {
    amount: String,
    per: String,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    foreign: Option<ForeignOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cash_back: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forfeited: Option<String>,
}

#[derive(Debug, Serialize)]
struct ForeignOutput {
    currency: Currency,
    amount: String,
    rate: String,
}

#[derive(Debug, Serialize)]
struct StepOutput {
    step: Why,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<String>,
    /// Counted from 1, as lines without an id are.
    #[serde(skip_serializing_if = "Option::is_none")]
    tender: Option<usize>,
    amount: String,
    counts: bool,
    says: String,
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
                exact_accepted: cash.exact_accepted,
            })
        }
    };
    let lines = input
        .lines
        .iter()
        .enumerate()
        .map(|(i, line)| {
            let taxes = |given: &[TaxInput]| given.iter().map(|t| t.0.clone()).collect();
            Ok(BasketLine {
                priced_with: line.priced_with.as_deref().map(taxes),
                unit: line.unit,
                discounts: discounts(&format!("lines[{i}]."), &line.discounts, currency)?,
                discountable: line.discountable.unwrap_or(line.turnover),
                turnover: line.turnover,
                ..BasketLine::new(line.unit_price.0, line.quantity.0, taxes(&line.taxes))
            })
        })
        .collect::<Result<Vec<_>, Refusal>>()?;
    let tenders = input
        .tenders
        .iter()
        .enumerate()
        .map(|(i, tender)| basket_tender(i, &tender.0, currency))
        .collect::<Result<Vec<_>, Refusal>>()?;
    Ok(Basket {
        currency,
        tax_rounding: input.tax_rounding,
        tax_rounding_mode: input.tax_rounding_mode,
        cash_rounding,
        lines,
        discounts: discounts("", &input.discounts, currency)?,
        tenders,
    })
}

fn basket_tender(
    position: usize,
    tender: &TenderFields,
    currency: Currency,
) -> Result<BasketTender, Refusal> {
    let sum = |name: &str, given: Option<Number>, currency: Currency| {
        given
            .map(|a| money(&format!("tenders[{position}].{name}"), a.0, currency))
            .transpose()
    };
    if let (Some(other), Some(rate)) = (tender.currency, tender.rate) {
        let amount = sum("amount", tender.amount, other)?.unwrap_or(Money::zero(other));
        return Ok(BasketTender::ForeignCash {
            amount,
            rate: rate.0,
        });
    }
    let amount = sum("amount", tender.amount, currency)?;
    let cash_back = sum("cash_back", tender.cash_back, currency)?;
    Ok(match (tender.kind.0.as_str(), tender.change, cash_back) {
        ("cash", _, _) => BasketTender::Cash(amount),
        (_, Some(change), _) => BasketTender::Voucher {
            amount,
            surplus: match change {
                ChangeWord::Cash => Surplus::Change,
                ChangeWord::None => Surplus::Forfeited,
            },
        },
        (_, None, Some(cash_back)) => BasketTender::CashBack { amount, cash_back },
        (_, None, None) => BasketTender::Other(amount),
    })
}

/// Puts on the lines what the promotions take off them.
fn promote(input: &BasketInput, basket: &mut Basket) -> Result<(), Refusal> {
    if input.promotions.is_empty() {
        return Ok(());
    }
    let Some(at) = input.at else {
        return Err(Refusal::input(
            "standard input: missing field `at`: promotions count by the moment of the sale, \
             such as \"2026-11-21T17:30\". Nothing was changed.",
        ));
    };
    let refused =
        |error: &dyn Display| Refusal::input(format!("promotions: {error}. Nothing was changed."));
    let book = PromotionBook::new(input.promotions.clone()).map_err(|error| refused(&error))?;
    let items = input
        .lines
        .iter()
        .zip(&basket.lines)
        .map(|(given, line)| {
            Ok(Item {
                product: &given.product,
                sku: &given.sku,
                category: &given.category,
                unit_price: line
                    .charged_unit_price(basket.currency)
                    .map_err(QuoteError::from)?,
                quantity: line.quantity,
                pieces: matches!(line.unit, None | Some(Measure::Each)),
                takes_part: line.turnover,
            })
        })
        .collect::<Result<Vec<_>, QuoteError>>()
        .map_err(AppError::from)?;
    let shopper = Shopper {
        at,
        groups: &input.groups,
        coupons: &input.coupons,
    };
    let granted = match book.apply(basket.currency, &items, &shopper) {
        Ok(granted) => granted,
        Err(error) => {
            // A line that has no price is named better without its promotions.
            priced(input, basket)?;
            return Err(refused(&error));
        }
    };
    for (line, promotions) in basket.lines.iter_mut().zip(granted) {
        line.promotions = promotions;
    }
    Ok(())
}

fn id_of(line: &LineInput, position: usize) -> String {
    line.id
        .clone()
        .unwrap_or_else(|| position.saturating_add(1).to_string())
}

/// Prices, or says which line cannot be.
fn priced(input: &BasketInput, basket: &Basket) -> Result<Quote, Refusal> {
    quote(basket).map_err(|error| {
        let mut alone = Basket {
            lines: Vec::new(),
            discounts: Vec::new(),
            tenders: Vec::new(),
            ..*basket
        };
        let culprit = basket.lines.iter().position(|line| {
            alone.lines = vec![line.clone()];
            quote(&alone).is_err()
        });
        let error = AppError::from(error);
        match culprit.and_then(|i| Some((i, input.lines.get(i)?))) {
            Some((i, line)) => Refusal::about(&error, &format!("Line {:?}", id_of(line, i))),
            None => error.into(),
        }
    })
}

/// An amount that is only told where there is one.
fn some(amount: Money) -> Option<String> {
    (!amount.is_zero()).then(|| amount.to_string())
}

fn sums(sums: Sums) -> SumsOutput {
    SumsOutput {
        net: sums.net.to_string(),
        tax: sums.tax.to_string(),
        total: sums.total.to_string(),
    }
}

/// The price per measure of what is in the packet.
fn shown(
    what: &str,
    content: &ContentInput,
    line: &BasketLine,
    currency: Currency,
) -> Result<ShownOutput, Refusal> {
    let per = content
        .per
        .as_ref()
        .map_or(Content::usual(content.unit), |per| Content {
            quantity: per.quantity.0,
            unit: per.unit,
        });
    let content_ = Content {
        quantity: content.quantity.0,
        unit: content.unit,
    };
    let amount = line
        .charged_unit_price(currency)
        .map_err(|error| Refusal::from(AppError::Quote(error.into())))
        .and_then(|price| {
            price_per(price, content_, per, currency, content.places).map_err(|error| {
                let error = AppError::refused(ErrorCode::Absurd, error.to_string());
                Refusal::about(&error, what)
            })
        })?;
    Ok(ShownOutput {
        amount: amount.to_string(),
        per: per.to_string(),
    })
}

fn promoted(promoted: &Promoted) -> PromotedOutput {
    PromotedOutput {
        promotion: promoted.promotion.clone(),
        name: promoted.name.clone(),
        units: promoted.units.to_string(),
        amount: promoted.amount.to_string(),
    }
}

fn lines(input: &BasketInput, basket: &Basket, quote: &Quote) -> Result<Vec<LineOutput>, Refusal> {
    let given = input.lines.iter().zip(&basket.lines);
    given
        .zip(&quote.lines)
        .enumerate()
        .map(|(i, ((given, source), line))| {
            let unit_price_shown = given
                .content
                .as_ref()
                .map(|c| shown(&format!("lines[{i}].content"), c, source, input.currency))
                .transpose()?;
            let unit_price = match &source.priced_with {
                Some(_) => source.charged_unit_price(input.currency).ok(),
                None => None,
            };
            Ok(LineOutput {
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
                promotions: line.promotions.iter().map(promoted).collect(),
                unit_price: unit_price.map(|p| p.to_string()),
                unit_price_shown,
            })
        })
        .collect()
}

fn tender(given: &TenderFields, tender: &TenderQuote) -> TenderOutput {
    TenderOutput {
        kind: given.kind.0.clone(),
        amount: tender.amount.to_string(),
        foreign: match (given.currency, given.amount, given.rate) {
            (Some(currency), Some(amount), Some(rate)) => Some(ForeignOutput {
                currency,
                amount: amount.0.to_string(),
                rate: rate.0.to_string(),
            }),
            _ => None,
        },
        cash_back: some(tender.cash_back),
        forfeited: some(tender.forfeited),
    }
}

fn step(input: &BasketInput, step: Step) -> StepOutput {
    StepOutput {
        step: step.why,
        line: step.line.and_then(|i| Some(id_of(input.lines.get(i)?, i))),
        tender: step.tender.map(|i| i.saturating_add(1)),
        amount: step.amount.to_string(),
        counts: step.counts,
        says: step.says,
    }
}

fn output(
    input: &BasketInput,
    basket: &Basket,
    quote: &Quote,
    explained: bool,
) -> Result<QuoteOutput, Refusal> {
    let not_all_turnover = basket.lines.iter().any(|l| !l.turnover);
    Ok(QuoteOutput {
        currency: input.currency,
        lines: lines(input, basket, quote)?,
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
            .map(|(given, counted)| tender(&given.0, counted))
            .collect(),
        cash_rounding: quote.cash_rounding.to_string(),
        change: quote.change.to_string(),
        outstanding: quote.outstanding.to_string(),
        turnover: not_all_turnover.then(|| sums(quote.turnover)),
        not_turnover: not_all_turnover.then(|| sums(quote.not_turnover)),
        cash_back: some(quote.cash_back),
        forfeited: some(quote.forfeited),
        explain: if explained {
            let steps = explain(basket, quote).map_err(AppError::from)?;
            Some(steps.into_iter().map(|s| step(input, s)).collect())
        } else {
            None
        },
    })
}

/// The quote of a basket that is read from `text`.
fn answer(text: &str, explained: bool) -> Result<QuoteOutput, Refusal> {
    let given: BasketInput = parse("standard input", text)?;
    let mut basket = basket(&given)?;
    promote(&given, &mut basket)?;
    let quote = priced(&given, &basket)?;
    output(&given, &basket, &quote, explained)
}

/// Reads a basket, writes its quote.
pub(crate) fn run(input: &Input, explained: bool) -> Done {
    let shown = answer(&input.text()?, explained)?;
    // A quote is a document for scripts and for people alike.
    let text = serde_json::to_string_pretty(&shown).unwrap_or_default();
    Answer::new(&shown, text)
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A basket of one line of `price`, with `more` at the top and on the line.
    fn basket_of(price: &str, more: Value, on_the_line: Value) -> Value {
        let mut basket =
            json!({ "currency": "EUR", "lines": [{ "unit_price": price, "quantity": "1" }] });
        for (name, value) in more.as_object().unwrap() {
            basket[name] = value.clone();
        }
        for (name, value) in on_the_line.as_object().unwrap() {
            basket["lines"][0][name] = value.clone();
        }
        basket
    }

    fn asked(basket: &Value, explained: bool) -> Value {
        let quote = answer(&basket.to_string(), explained);
        serde_json::to_value(quote.unwrap_or_else(|r| panic!("{basket}: {r:?}"))).unwrap()
    }

    fn five() -> Value {
        json!({ "increment": "0.05", "mode": "half_up" })
    }

    #[test]
    fn what_a_basket_does_not_ask_for_is_not_answered() {
        let quote = asked(
            &basket_of(
                "1.00",
                json!({ "tenders": [{ "kind": "cash" }] }),
                json!({}),
            ),
            false,
        );
        let names = |v: &Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(
            names(&quote),
            [
                "cash_due",
                "cash_rounding",
                "change",
                "currency",
                "lines",
                "net",
                "outstanding",
                "tax",
                "taxes",
                "tenders",
                "total"
            ]
        );
        assert_eq!(
            names(&quote["lines"][0]),
            [
                "discount",
                "gross",
                "id",
                "net",
                "sale_discount",
                "tax",
                "taxes",
                "total"
            ]
        );
        assert_eq!(names(&quote["tenders"][0]), ["amount", "kind"]);
    }

    #[test]
    fn optional_fields_do_what_they_say() {
        let v21 =
            || json!([{ "code": "V21", "kind": "percent", "rate": "21", "price_included": true }]);
        let v6 =
            || json!([{ "code": "V6", "kind": "percent", "rate": "6", "price_included": true }]);
        let paid = |tenders: Value| json!({ "cash_rounding": five(), "tenders": tenders });
        let rows = [
            (
                "tax that is rounded down",
                basket_of(
                    "0.05",
                    json!({ "tax_rounding_mode": "down" }),
                    json!({ "taxes": v21() }),
                ),
                json!({ "/tax": "0.00", "/net": "0.05" }),
            ),
            (
                "a price set with other taxes",
                basket_of(
                    "1.21",
                    json!({}),
                    json!({ "taxes": v6(), "priced_with": v21() }),
                ),
                json!({ "/total": "1.06", "/tax": "0.06", "/lines/0/unit_price": "1.06" }),
            ),
            (
                "a customer who is exempt",
                basket_of("1.21", json!({}), json!({ "priced_with": v21() })),
                json!({ "/total": "1.00", "/tax": "0.00" }),
            ),
            (
                "a deposit is no turnover and takes no part in the sale's discount",
                json!({
                    "currency": "EUR",
                    "lines": [
                        { "unit_price": "2.00", "quantity": "1", "taxes": v21() },
                        { "unit_price": "0.15", "quantity": "2", "turnover": false },
                    ],
                    "discounts": [{ "percent": "50" }],
                }),
                json!({
                    "/total": "1.30", "/lines/1/sale_discount": "0.00",
                    "/turnover/total": "1.00", "/turnover/tax": "0.17", "/turnover/net": "0.83",
                    "/not_turnover/total": "0.30", "/not_turnover/tax": "0.00",
                }),
            ),
            (
                "a deposit that is discounted all the same",
                basket_of(
                    "0.30",
                    json!({ "discounts": [{ "percent": "50" }] }),
                    json!({ "turnover": false, "discountable": true }),
                ),
                json!({ "/total": "0.15", "/turnover/total": "0.00" }),
            ),
            (
                "a packet",
                basket_of(
                    "1.99",
                    json!({}),
                    json!({ "content": { "quantity": "250", "unit": "g" } }),
                ),
                json!({ "/lines/0/unit_price_shown/amount": "7.96", "/lines/0/unit_price_shown/per": "kg" }),
            ),
            (
                "a packet, by the 100 g and to a tenth of a penny",
                basket_of(
                    "1.25",
                    json!({ "currency": "GBP" }),
                    json!({ "content": {
                        "quantity": "400", "unit": "g",
                        "per": { "quantity": "100", "unit": "g" }, "places": "tenth_below_one",
                    } }),
                ),
                json!({ "/lines/0/unit_price_shown/amount": "0.313", "/lines/0/unit_price_shown/per": "100 g" }),
            ),
            (
                "by the hour",
                basket_of(
                    "45.00",
                    json!({}),
                    json!({ "quantity": "1.5", "unit": "h" }),
                ),
                json!({ "/total": "67.50" }),
            ),
            (
                "exact coins",
                basket_of(
                    "10.03",
                    json!({
                        "cash_rounding": { "increment": "0.05", "mode": "half_up", "exact_accepted": true },
                        "tenders": [{ "kind": "cash", "amount": "10.03" }],
                    }),
                    json!({}),
                ),
                json!({ "/cash_due": "10.05", "/cash_rounding": "0.00", "/change": "0.00", "/outstanding": "0.00" }),
            ),
            (
                "dollars",
                basket_of(
                    "10.03",
                    paid(
                        json!([{ "kind": "cash", "currency": "USD", "amount": "20.00", "rate": "0.92" }]),
                    ),
                    json!({}),
                ),
                json!({
                    "/tenders/0/amount": "18.40", "/tenders/0/foreign/amount": "20.00",
                    "/tenders/0/foreign/currency": "USD", "/tenders/0/foreign/rate": "0.92",
                    "/change": "8.35", "/cash_rounding": "0.02",
                }),
            ),
            (
                "a voucher with change",
                basket_of(
                    "10.03",
                    paid(json!([{ "kind": "voucher", "amount": "20.00", "change": "cash" }])),
                    json!({}),
                ),
                json!({ "/change": "9.95", "/outstanding": "0.00", "/cash_rounding": "0.02" }),
            ),
            (
                "a voucher without",
                basket_of(
                    "10.03",
                    paid(json!([{ "kind": "voucher", "amount": "20.00", "change": "none" }])),
                    json!({}),
                ),
                json!({
                    "/change": "0.00", "/outstanding": "0.00", "/cash_rounding": "0.00",
                    "/forfeited": "9.97", "/tenders/0/forfeited": "9.97",
                }),
            ),
            (
                "cash back",
                basket_of(
                    "10.03",
                    paid(json!([{ "kind": "card", "cash_back": "20.00" }])),
                    json!({}),
                ),
                json!({
                    "/tenders/0/amount": "30.03", "/tenders/0/cash_back": "20.00",
                    "/cash_back": "20.00", "/change": "0.00", "/outstanding": "0.00",
                }),
            ),
            (
                "the third is free",
                json!({
                    "currency": "EUR",
                    "at": "2026-11-21T17:30",
                    "promotions": [{ "id": "tea", "name": "3 for 2", "kind": { "buy_get": { "buy": 2, "get": 1 } },
                                     "goods": { "categories": ["tea"] } }],
                    "lines": [{ "unit_price": "2.00", "quantity": "3", "category": "tea",
                                "discounts": [{ "percent": "10" }] }],
                }),
                json!({
                    "/lines/0/discount": "2.40", "/total": "3.60",
                    "/lines/0/promotions/0/name": "3 for 2", "/lines/0/promotions/0/promotion": "tea",
                    "/lines/0/promotions/0/amount": "2.00",
                }),
            ),
            (
                "yen",
                basket_of(
                    "108.5",
                    json!({ "currency": "JPY" }),
                    json!({ "quantity": "3", "taxes": [{ "code": "10", "kind": "percent", "rate": "10", "price_included": true }] }),
                ),
                json!({ "/total": "326", "/tax": "30" }),
            ),
            (
                "dinars",
                basket_of(
                    "1.2345",
                    json!({ "currency": "BHD", "cash_rounding": { "increment": "0.005", "mode": "half_up" }, "tenders": [{ "kind": "cash" }] }),
                    json!({}),
                ),
                json!({ "/total": "1.235", "/tenders/0/amount": "1.235" }),
            ),
        ];
        for (what, basket, expected) in rows {
            let quote = asked(&basket, false);
            for (place, expected) in expected.as_object().unwrap() {
                assert_eq!(
                    quote.pointer(place),
                    Some(expected),
                    "{what}, {place}: {quote:#}"
                );
            }
        }
    }

    #[test]
    fn the_explanation_names_its_line_and_adds_up() {
        let basket = json!({
            "currency": "EUR",
            "lines": [{
                "id": "tea", "unit_price": "11.80", "quantity": "6", "unit": "each",
                "discounts": [{ "percent": "5" }],
                "taxes": [{ "code": "V21", "kind": "percent", "rate": "21", "price_included": true }],
            }],
            "cash_rounding": five(),
            "tenders": [{ "kind": "cash", "amount": "70.00" }],
        });
        let quote = asked(&basket, true);
        let steps = quote["explain"].as_array().unwrap();
        assert_eq!(
            steps[0],
            json!({
                "step": "price", "line": "tea", "amount": "70.80", "counts": true,
                "says": "6 × €11.80.",
            })
        );
        let sum: Decimal = steps
            .iter()
            .filter(|s| s["counts"] == true)
            .map(|s| s["amount"].as_str().unwrap().parse::<Decimal>().unwrap())
            .sum();
        assert_eq!(sum.to_string(), quote["outstanding"].as_str().unwrap());
        let words: Vec<&str> = steps.iter().map(|s| s["step"].as_str().unwrap()).collect();
        assert_eq!(
            words,
            [
                "price",
                "line_discount",
                "tax_included",
                "line_total",
                "total",
                "cash_rounding",
                "tender",
                "change",
                "outstanding"
            ]
        );
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let line = |field: Value| basket_of("1.00", json!({}), field);
        let tender = |tender: Value| basket_of("1.00", json!({ "tenders": [tender] }), json!({}));
        let many = |field: &str, one: Value, n: usize| line(json!({ field: vec![one; n] }));
        let mut crowd = line(json!({}));
        crowd["lines"] = json!(vec![json!({ "unit_price": "1", "quantity": "1" }); 10_001]);
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        for (basket, part) in [
            (
                line(
                    json!({ "taxes": [{ "code": "T", "kind": "percent", "rate": "-100", "price_included": true }] }),
                ),
                "the included taxes cannot be taken out of a price",
            ),
            (
                line(json!({ "taxes": [{ "code": "T", "kind": "percent", "rate": "1001" }] })),
                "a tax of 1001 % is absurd",
            ),
            (
                line(json!({ "unit_price": "1.0000000000001" })),
                "has more than 12 places",
            ),
            (
                line(json!({ "quantity": "100001" })),
                "quantity 100001 is absurd",
            ),
            (
                line(json!({ "quantity": "1.5", "unit": "each" })),
                "pieces are whole, and 1.5 is not",
            ),
            (
                line(json!({ "unit": "furlong" })),
                "unknown variant `furlong`",
            ),
            (
                line(json!({ "content": { "quantity": "0", "unit": "g" } })),
                "lines[0].content",
            ),
            (
                line(
                    json!({ "content": { "quantity": "1", "unit": "g", "per": { "quantity": "1", "unit": "l" } } }),
                ),
                "g cannot be told in l",
            ),
            (
                line(json!({ "discounts": [{ "percent": "-1" }] })),
                "a discount of -1 % is not between 0 and 100",
            ),
            (
                many("discounts", json!({ "percent": "1" }), 101),
                "more than 100 discounts on a line",
            ),
            (
                many(
                    "taxes",
                    json!({ "code": "T", "kind": "percent", "rate": "1" }),
                    101,
                ),
                "more than 100 taxes on a line",
            ),
            (crowd, "more than 10000 lines"),
            (
                basket_of(
                    "1",
                    json!({ "promotions": [{ "id": "a", "name": "A", "kind": { "each": { "percent_off": "5" } }, "goods": { "all": true } }] }),
                    json!({}),
                ),
                "missing field `at`",
            ),
            (
                basket_of(
                    "1",
                    json!({ "at": "2026-11-21T17:30", "promotions": [{ "id": "a", "name": "A", "kind": { "each": { "percent_off": "101" } }, "goods": { "all": true } }] }),
                    json!({}),
                ),
                "promotions: ",
            ),
            (
                tender(json!({ "kind": "card", "change": "cash" })),
                "`change` is only for tenders of kind voucher, not card",
            ),
            (
                tender(json!({ "kind": "cash", "cash_back": "1.00" })),
                "`cash_back` is only for tenders of kind card",
            ),
            (
                tender(json!({ "kind": "cash", "currency": "USD", "amount": "1" })),
                "both `currency` and `rate`",
            ),
            (
                tender(json!({ "kind": "cash", "currency": "USD", "rate": "1" })),
                "has an `amount`",
            ),
            (
                tender(
                    json!({ "kind": "cash", "currency": "USD", "amount": "1.005", "rate": "1" }),
                ),
                "tenders[0].amount",
            ),
            (
                tender(json!({ "kind": "cash", "currency": "EUR", "amount": "1", "rate": "1" })),
                "1 is not a rate from another currency",
            ),
            (
                tender(json!({ "kind": "voucher", "amount": "2.00" })),
                "1.00 more than is due",
            ),
            (
                tender(json!({ "kind": "card", "amount": "1.00", "cash_back": "2.00" })),
                "is more than the card is charged",
            ),
            (
                json!({ "currency": "EUR", "lines": deep }),
                "expected a sequence",
            ),
        ] {
            let refusal = answer(&basket.to_string(), false).unwrap_err();
            let said = format!("{refusal:?}");
            assert!(said.contains(part), "{part}: {said}");
        }
        let said = format!("{:?}", answer(&deep, false).unwrap_err());
        assert!(said.contains("line 1"), "{said}");
    }
}
