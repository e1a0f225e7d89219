//! Baskets as no till would send them: those of `tests/corpus/price`, with fields
//! gone, doubled, swapped, nested and filled with nonsense, and as broken text.
//!
//! `FUZZ_SECONDS=3600 cargo test -p till-cli fuzz -- --nocapture` goes on for an
//! hour and says how many it read; without it a few thousand are tried.
//! `FUZZ_SEED` begins elsewhere. A basket that gets an answer of a kind not seen
//! before is mutated further. What breaks a law is printed, to be added to the
//! corpus.

use std::collections::HashSet;
use std::panic::catch_unwind;
use std::path::Path;
use std::time::{Duration, Instant};

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::answer;

struct Random(u64);

impl Random {
    /// Xorshift: below `n`.
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(n.max(1)).unwrap()).unwrap()
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// Strings that have been wrong somewhere, and the words of the contract.
const WORDS: [&str; 64] = [
    "",
    "0",
    "-0",
    "0.00",
    "-0.01",
    "1",
    "-1",
    "0.5",
    "0.005",
    "2.5",
    "100",
    "100.01",
    "-100",
    "1000",
    "1001",
    "99999.999",
    "100000",
    "100001",
    "0.0001",
    "0.000000000001",
    "0.0000000000000000000000000001",
    "999999999.99",
    "1000000000",
    "99999999999",
    "79228162514264337593543950335",
    "-79228162514264337593543950335",
    "7.9228162514264337593543950335",
    "79228162514264337593543950336",
    "1e3",
    "1_000",
    "NaN",
    "inf",
    ".5",
    "5.",
    "+5",
    " 5",
    "٥",
    "é",
    "\u{0}",
    "\u{FEFF}",
    "EUR",
    "USD",
    "JPY",
    "BHD",
    "XXX",
    "eur",
    "CLF",
    "percent",
    "fixed_per_unit",
    "per_line",
    "per_document",
    "half_up",
    "half_even",
    "up",
    "cash",
    "card",
    "voucher",
    "gift_card",
    "none",
    "kg",
    "each",
    "h",
    "tenth_below_one",
    "4111111111111111",
];

/// Names of fields.
const NAMES: [&str; 38] = [
    "currency",
    "tax_rounding",
    "tax_rounding_mode",
    "cash_rounding",
    "increment",
    "mode",
    "change_mode",
    "exact_accepted",
    "lines",
    "discounts",
    "tenders",
    "id",
    "unit_price",
    "quantity",
    "unit",
    "taxes",
    "priced_with",
    "turnover",
    "discountable",
    "content",
    "per",
    "places",
    "percent",
    "amount",
    "code",
    "kind",
    "rate",
    "price_included",
    "in_base_of_next",
    "base_affected_by_previous",
    "change",
    "cash_back",
    "colour",
    "promotions",
    "at",
    "groups",
    "coupons",
    "category",
];

fn scalar(random: &mut Random) -> Value {
    match random.below(12) {
        0 => Value::Null,
        1 => Value::Bool(random.below(2) == 0),
        2 => Value::from(i64::MAX),
        3 => Value::from(1.5),
        4 => Value::String("9".repeat(random.below(2_000))),
        5 => {
            let places = u32::try_from(random.below(12)).unwrap();
            let digits = i64::try_from(random.below(1_000_000)).unwrap();
            Value::String(Decimal::new(digits, places).to_string())
        }
        _ => Value::String((*random.of(&WORDS)).to_owned()),
    }
}

/// A value somewhere in the tree, each level as likely as the one above.
fn somewhere<'v>(random: &mut Random, value: &'v mut Value) -> &'v mut Value {
    let children = match &*value {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    };
    if children == 0 || random.below(4) == 0 {
        return value;
    }
    let at = random.below(children);
    let child = match value {
        Value::Array(items) => items.get_mut(at),
        Value::Object(fields) => fields.values_mut().nth(at),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    };
    somewhere(random, child.unwrap())
}

/// Where the values are that hold no others.
fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                leaves(item, &format!("{at}/{i}"), found);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                leaves(field, &format!("{at}/{name}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            found.push(at.to_owned());
        }
    }
}

/// A number as a till might be given it.
fn number(random: &mut Random) -> String {
    let digits = [10, 100, 10_000, 1_000_000][random.below(4)];
    let places = [0, 0, 2, 2, 3, 4][random.below(6)];
    let digits = i64::try_from(random.below(digits)).unwrap();
    Decimal::new(digits, places).to_string()
}

/// Changes what leaves a basket a basket: numbers, marks, and what there is of each.
fn vary(random: &mut Random, basket: &mut Value, others: &[Value]) {
    let mut found = Vec::new();
    leaves(basket, "", &mut found);
    match random.below(8) {
        0..=3 if !found.is_empty() => {
            let leaf = basket.pointer_mut(random.of::<String>(&found)).unwrap();
            match leaf {
                Value::Bool(mark) => *mark = !*mark,
                Value::String(text) if text.parse::<Decimal>().is_ok() => {
                    let sign = if text.starts_with('-') && random.below(2) == 0 {
                        "-"
                    } else {
                        ""
                    };
                    *text = format!("{sign}{}", number(random));
                }
                Value::Null
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_)
                | Value::Object(_) => {}
            }
        }
        4 | 5 => {
            // One more of something, from here or from another basket.
            let list = *random.of(&["/lines", "/lines/0/taxes", "/lines/0/discounts", "/tenders"]);
            let from = random.of(others).pointer(list).and_then(Value::as_array);
            let more = from.filter(|f| !f.is_empty()).map(|f| random.of(f).clone());
            if let (Some(Value::Array(items)), Some(more)) = (basket.pointer_mut(list), more) {
                items.push(more);
            }
        }
        6 => {
            let place = somewhere(random, basket);
            if let Value::Array(items) = place
                && !items.is_empty()
            {
                items.remove(random.below(items.len()));
            }
        }
        _ => {
            let fields: [(&str, &[&str]); 3] = [
                ("tax_rounding", &["per_line", "per_document"]),
                (
                    "tax_rounding_mode",
                    &["half_up", "half_down", "half_even", "up", "down"],
                ),
                ("currency", &["EUR", "JPY", "BHD", "CLF"]),
            ];
            let (name, words) = *random.of(&fields);
            basket[name] = Value::from(*random.of(words));
        }
    }
}

fn mutate(random: &mut Random, basket: &mut Value, others: &[Value]) {
    let choice = random.below(10);
    let mut other = random.of(others).clone();
    let place = somewhere(random, basket);
    match (choice, place) {
        (0 | 1, place) => *place = scalar(random),
        (2, place) => *place = somewhere(random, &mut other).clone(),
        (3, Value::Array(items)) if !items.is_empty() => {
            let copies = [1, 2, 7, 120][random.below(4)];
            let item = items[random.below(items.len())].clone();
            items.extend(vec![item; copies]);
        }
        (4, Value::Array(items)) if !items.is_empty() => {
            let at = random.below(items.len());
            items.remove(at);
        }
        (3 | 4, Value::Object(fields)) if !fields.is_empty() => {
            let name = fields
                .keys()
                .nth(random.below(fields.len()))
                .unwrap()
                .clone();
            fields.remove(&name);
        }
        (5 | 6, Value::Object(fields)) => {
            let name = (*random.of(&NAMES)).to_owned();
            fields.insert(name, scalar(random));
        }
        (7, Value::Object(fields)) => {
            let name = (*random.of(&NAMES)).to_owned();
            fields.insert(name, somewhere(random, &mut other).clone());
        }
        (8, place) => {
            for _ in 0..random.below(200) {
                *place = Value::Array(vec![place.take()]);
            }
        }
        (9, place) => {
            let name = (*random.of(&NAMES)).to_owned();
            *place = Value::Object(Map::from_iter([(name, place.take())]));
        }
        (_, place) => *place = scalar(random),
    }
}

/// The same as text, and at times not JSON any more.
fn garbled(random: &mut Random, basket: &Value) -> String {
    let text = basket.to_string();
    if random.below(5) != 0 || text.is_empty() {
        return text;
    }
    let mut bytes = text.into_bytes();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(5) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, u8::try_from(random.below(256)).unwrap()),
            2 if at < bytes.len() => bytes[at] = u8::try_from(random.below(128)).unwrap(),
            3 if at < bytes.len() => drop(bytes.remove(at)),
            _ => {
                let to = (at + random.below(30)).min(bytes.len());
                let piece = bytes[at..to].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn amount(value: &Value, name: &str) -> Decimal {
    value[name].as_str().unwrap().parse().unwrap()
}

/// What must hold of every answer; gives the kind of it.
fn check(text: &str, explained: bool) -> String {
    let quote = match answer(text, explained) {
        Ok(quote) => serde_json::to_value(quote).unwrap(),
        Err(refusal) => {
            let said = format!("{refusal:?}");
            assert!(!said.contains("\"internal\""), "{said}");
            assert!(said.contains("Nothing was"), "{said}");
            let shape = said.chars().filter(|c| !c.is_ascii_digit());
            return shape.take(160).collect();
        }
    };
    let lines = quote["lines"].as_array().unwrap();
    for sum in ["net", "tax", "total"] {
        let parts: Decimal = lines.iter().map(|l| amount(l, sum)).sum();
        assert_eq!(parts, amount(&quote, sum), "{sum}");
    }
    let total = amount(&quote, "total");
    assert_eq!(amount(&quote, "net") + amount(&quote, "tax"), total);
    let optional = |value: &Value, name: &str| match value.get(name) {
        Some(_) => amount(value, name),
        None => Decimal::ZERO,
    };
    let tenders = quote["tenders"].as_array().unwrap();
    let given: Decimal = tenders.iter().map(|t| amount(t, "amount")).sum();
    let back =
        amount(&quote, "change") + optional(&quote, "cash_back") + optional(&quote, "forfeited");
    assert_eq!(
        given - back + amount(&quote, "outstanding"),
        total + amount(&quote, "cash_rounding")
    );
    if explained {
        let steps = quote["explain"].as_array().unwrap();
        let counts = steps.iter().filter(|s| s["counts"] == true);
        let sum: Decimal = counts.map(|s| amount(s, "amount")).sum();
        assert_eq!(sum, amount(&quote, "outstanding"));
    }
    let mut kind: Vec<&str> = Vec::new();
    for step in quote["explain"].as_array().into_iter().flatten() {
        kind.extend(step["step"].as_str());
    }
    kind.sort_unstable();
    kind.dedup();
    format!("{} lines, {}", lines.len().min(3), kind.join(" "))
}

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn fuzz() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/price");
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    let mut corpus: Vec<Value> = Vec::new();
    for name in names {
        let text = std::fs::read_to_string(&name).unwrap();
        corpus.push(serde_json::from_str(&text).unwrap());
        // What is in the corpus is a basket, or was once refused by a panic.
        check(&text, true);
    }
    let mut random = Random(from_env("FUZZ_SEED").unwrap_or(1).max(1));
    let end = from_env("FUZZ_SECONDS").map(|s| Instant::now() + Duration::from_secs(s));
    let (mut tried, mut priced) = (0_u64, 0_u64);
    let mut seen = HashSet::new();
    let kept = corpus.len() + 400;
    while end.map_or(tried < 5_000, |end| Instant::now() < end) {
        let mut basket = random.of(&corpus).clone();
        for _ in 0..=random.below(5) {
            if basket.is_object() {
                vary(&mut random, &mut basket, &corpus);
            }
        }
        // Two in three stay what somebody could have meant.
        let broken = random.below(3) == 0;
        let mut text = basket.to_string();
        if broken {
            for _ in 0..=random.below(3) {
                mutate(&mut random, &mut basket, &corpus);
            }
            text = garbled(&mut random, &basket);
        }
        let explained = random.below(2) == 0;
        let kind = catch_unwind(|| check(&text, explained)).unwrap_or_else(|_| {
            panic!("basket {tried} of this seed breaks a law:\n{text}");
        });
        tried += 1;
        let is_basket = kind.contains(" lines, ");
        priced += u64::from(is_basket);
        let new = seen.insert(kind);
        if new && is_basket && text.len() < 6_000 && corpus.len() < kept {
            corpus.push(basket);
        }
    }
    assert!(
        priced > tried / 20,
        "{priced} of {tried} were baskets at all"
    );
    println!(
        "{tried} baskets, {priced} of them priced, {} kinds of answer",
        seen.len()
    );
}
