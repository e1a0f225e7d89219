//! Published examples: what tax offices, central banks and GS1 have printed, run
//! through the engine. `tests/published/README.md` says how a row reads.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use till_app::profile::Profiles;
use till_domain::barcode::{Barcode, SEPARATOR, check_digit, expand_upc_e};
use till_domain::money::{Currency, Money, RoundingMode, decimal};
use till_domain::quote::{Basket, BasketLine, Quote, TaxRounding, quote};
use till_domain::settle::{BasketTender, CashRounding};
use till_domain::tax::{Tax, TaxKind};

const EXAMPLES: &str = include_str!("../published/examples.csv");

const HEADER: [&str; 10] = [
    "id", "country", "subject", "kind", "given", "expected", "source", "url", "as_of", "note",
];

struct Row(BTreeMap<String, String>);

impl Row {
    fn get(&self, column: &str) -> &str {
        &self.0[column]
    }
}

fn rows() -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(EXAMPLES.as_bytes());
    assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), HEADER);
    reader.deserialize().map(|row| Row(row.unwrap())).collect()
}

/// What a country's profile says, as far as an example needs it.
struct Rules {
    currency: Currency,
    tax_rounding: TaxRounding,
    tax_rounding_mode: RoundingMode,
    cash_rounding: Option<CashRounding>,
}

fn rules(country: &str) -> Rules {
    let profile = Profiles::find(None).unwrap().load(country).unwrap();
    let currency = profile.currency;
    Rules {
        currency,
        tax_rounding: profile.pricing.tax_rounding,
        tax_rounding_mode: profile.pricing.tax_rounding_mode,
        cash_rounding: profile.cash_rounding.map(|cash| CashRounding {
            increment_minor: Money::parse(&cash.increment.to_string(), currency)
                .unwrap()
                .minor(),
            mode: cash.mode,
            change_mode: cash.change_mode,
            exact_accepted: cash.exact_accepted,
        }),
    }
}

fn number(text: &str) -> Result<Decimal, String> {
    decimal(text).map_err(|_| format!("{text:?} is no number"))
}

/// "19 % included" or "0.10 each added".
fn tax(words: &str, place: usize) -> Result<Tax, String> {
    let (amount, price_included) = match words.rsplit_once(' ') {
        Some((amount, "included")) => (amount, true),
        Some((amount, "added")) => (amount, false),
        Some(_) | None => return Err(format!("{words:?} is neither included nor added")),
    };
    let rate = number(amount.strip_suffix(" %").ok_or("a rate is in per cent")?)?;
    Ok(Tax {
        // Named by rate and place: two taxes of one line are two groups.
        code: format!("{place}:{rate}"),
        kind: TaxKind::Percent(rate),
        price_included,
        in_base_of_next: false,
        base_affected_by_previous: true,
    })
}

/// "1.83 + 2.86 at 5 % added | 3.00; once; down; paid 5.00; by card".
fn basket(given: &str, rules: Rules) -> Result<Basket, String> {
    let mut parts = given.split("; ");
    let mut lines = Vec::new();
    for group in parts.next().unwrap_or_default().split(" | ") {
        let (goods, taxes) = group.split_once(" at ").unwrap_or((group, ""));
        let taxes = taxes
            .split(" and ")
            .filter(|t| !t.is_empty())
            .enumerate()
            .map(|(place, words)| tax(words, place))
            .collect::<Result<Vec<_>, _>>()?;
        for item in goods.split(" + ") {
            let (price, quantity) = item.split_once(" x ").unwrap_or((item, "1"));
            lines.push(BasketLine::new(
                number(price)?,
                number(quantity)?,
                taxes.clone(),
            ));
        }
    }
    let mut basket = Basket {
        currency: rules.currency,
        tax_rounding: rules.tax_rounding,
        tax_rounding_mode: rules.tax_rounding_mode,
        cash_rounding: rules.cash_rounding,
        lines,
        discounts: Vec::new(),
        tenders: Vec::new(),
    };
    for part in parts {
        match part.split_once(' ') {
            None if part == "once" => basket.tax_rounding = TaxRounding::PerDocument,
            None if part == "down" => basket.tax_rounding_mode = RoundingMode::Down,
            Some(("per", "line")) => basket.tax_rounding = TaxRounding::PerLine,
            Some(("by", "card")) => basket.tenders.push(BasketTender::Other(None)),
            Some(("paid", sum)) => {
                let sum = Money::parse(sum, rules.currency).map_err(|e| e.to_string())?;
                basket.tenders.push(BasketTender::Cash(Some(sum)));
            }
            None | Some(_) => return Err(format!("{part:?} means nothing here")),
        }
    }
    Ok(basket)
}

/// Every figure that is expected, as the engine has it.
fn held(quote: &Quote, figure: &str) -> Result<String, String> {
    let taxes = || -> Vec<String> { quote.taxes.iter().map(|t| t.amount.to_string()).collect() };
    Ok(match figure {
        "net" => quote.net.to_string(),
        "total" => quote.total.to_string(),
        "cash" => quote.cash_due.to_string(),
        "change" => quote.change.to_string(),
        "rounding" => quote.cash_rounding.to_string(),
        "outstanding" => quote.outstanding.to_string(),
        "tax" => taxes().join(" and "),
        _ => return Err(format!("{figure:?} is no figure of a sale")),
    })
}

fn check(row: &Row) -> Result<(), String> {
    let (given, expected) = (row.get("given"), row.get("expected"));
    let got = match row.get("subject") {
        "check digit" => check_digit(given)
            .map(|d| d.to_string())
            .unwrap_or_default(),
        "upc-e" => expand_upc_e(given).unwrap_or_default(),
        "element string" => {
            let scan = given.replace("<GS>", &SEPARATOR.to_string());
            let today = jiff::civil::date(2024, 1, 1);
            let read = Barcode::parse(&scan, &[], today).map_err(|e| e.to_string())?;
            let elements: Vec<String> = read
                .elements
                .iter()
                .map(|e| format!("{} {}", e.ai, e.value))
                .collect();
            elements.join("; ")
        }
        "exponent" => given
            .parse::<Currency>()
            .map_err(|e| e.to_string())?
            .exponent()
            .to_string(),
        "cash" | "tax" => {
            let basket = basket(given, rules(row.get("country")))?;
            let quote = quote(&basket).map_err(|e| e.to_string())?;
            let mut got = Vec::new();
            for part in expected.split("; ") {
                let (figure, _) = part.split_once(' ').ok_or("a figure and its amount")?;
                got.push(format!("{figure} {}", held(&quote, figure)?));
            }
            got.join("; ")
        }
        other => return Err(format!("{other:?} is no subject")),
    };
    if got == expected {
        Ok(())
    } else {
        Err(format!("{given}: expected {expected}, got {got}"))
    }
}

#[test]
fn every_published_example_comes_out_as_it_was_printed() {
    let wrong: Vec<String> = rows()
        .iter()
        .filter_map(|row| {
            check(row)
                .err()
                .map(|why| format!("{}: {why} ({})", row.get("id"), row.get("source")))
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_example_says_where_it_is_from_and_enough_are_printed_figures() {
    let rows = rows();
    let mut ids = std::collections::BTreeSet::new();
    let mut printed = 0;
    for row in &rows {
        let id = row.get("id");
        assert!(ids.insert(id.to_owned()), "{id} is there twice");
        assert!(!row.get("source").is_empty(), "{id}");
        assert!(row.get("url").starts_with("http"), "{id}");
        assert!(
            till_app::profile::Day::parse(row.get("as_of")).is_some(),
            "{id}"
        );
        match row.get("kind") {
            "published" => printed += 1,
            "rule" => {}
            other => panic!("{id}: {other:?} is no kind"),
        }
    }
    assert!(printed >= 60, "{printed} of {} are printed", rows.len());
}

#[test]
fn a_wrong_figure_is_found_by_the_id_of_its_row() {
    let mut row = rows()
        .into_iter()
        .find(|r| r.get("id") == "de-ustae-19")
        .unwrap();
    row.0
        .insert("expected".into(), "net 126.01; tax 23.95".into());
    assert_eq!(
        check(&row),
        Err(
            "149.95 at 19 % included: expected net 126.01; tax 23.95, got net 126.01; tax 23.94"
                .into()
        )
    );
    row.0.insert("given".into(), "149.95 at 19 %".into());
    assert!(check(&row).is_err());
}
