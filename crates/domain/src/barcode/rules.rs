//! Codes with a price, a weight or a quantity in them, by the shop's own rules.
//!
//! Invariants:
//! - a [`Rule`] that exists can be used: its pattern was read when it was made;
//! - a rule speaks of a whole code, never of a part of it.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::check_digit;

/// What a label carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// The price to pay, in major units of the shop's currency.
    Price,
    /// Kilograms.
    Weight,
    /// Pieces.
    Quantity,
}

impl fmt::Display for ValueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Price => "price",
            Self::Weight => "weight",
            Self::Quantity => "quantity",
        })
    }
}

/// The shape of a code and what its value is, such as `21.....{NNDDD}.` for a weight.
///
/// In a pattern `.` is any digit; `{N…D…}` are the value's digits, those after its
/// decimal point as `D`; every other character stands for itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Rule {
    pattern: String,
    kind: ValueKind,
}

/// A rule as it is written in a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    pattern: String,
    kind: ValueKind,
}

impl TryFrom<Written> for Rule {
    type Error = RuleError;
    fn try_from(rule: Written) -> Result<Self, RuleError> {
        Self::new(rule.pattern, rule.kind)
    }
}

impl From<Rule> for Written {
    fn from(rule: Rule) -> Self {
        Self {
            pattern: rule.pattern,
            kind: rule.kind,
        }
    }
}

/// Why a pattern is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Nothing, more than a code can hold, or characters that no code has.
    #[error("the pattern `{0}` is not 1 to 48 printable ASCII characters")]
    Characters(String),
    /// `{` without `}`, `}` without `{`, or one inside another.
    #[error("the braces of the pattern `{0}` do not match")]
    Braces(String),
    /// None, or more than one.
    #[error("the pattern `{0}` does not have one value such as {{NNNDD}}")]
    Values(String),
    /// Something other than `N`, then `D`, or more digits than a value can have.
    #[error("the value of the pattern `{0}` is not up to 15 N and D, the N first")]
    Value(String),
    /// The value takes the place of the check digit.
    #[error("the value of the pattern `{0}` takes the place of the check digit, its last digit")]
    CheckDigit(String),
}

/// A value as a label carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The pattern of the rule that read it.
    pub rule: String,
    /// The code with the value's digits 0 and the check digit for that.
    pub item_code: String,
    /// The code up to the value, where nothing but the check digit follows it:
    /// scales print an item's number first.
    pub item_prefix: Option<String>,
    /// What the value is.
    pub kind: ValueKind,
    /// The value, with as many places as the pattern says.
    pub amount: Decimal,
}

/// Digits of a value: what a [`Decimal`] holds for certain.
const VALUE_DIGITS_MAX: usize = 15;
const PATTERN_MAX: usize = 48;

/// Codes of these lengths end in a check digit.
const fn has_check_digit(length: usize) -> bool {
    matches!(length, 8 | 12 | 13 | 14)
}

impl Rule {
    /// A rule, if the pattern is one.
    ///
    /// # Errors
    /// [`RuleError`], naming the pattern and what is wrong with it.
    pub fn new(pattern: impl Into<String>, kind: ValueKind) -> Result<Self, RuleError> {
        let pattern = pattern.into();
        match wrong(&pattern) {
            Some(wrong) => Err(wrong(pattern)),
            None => Ok(Self { pattern, kind }),
        }
    }

    /// The pattern as written.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// What the value is.
    #[must_use]
    pub const fn kind(&self) -> ValueKind {
        self.kind
    }

    /// Reads a code of this shape; none where it has another.
    #[must_use]
    pub fn read(&self, code: &str) -> Option<Label> {
        let mut rest = code.chars();
        let mut item_code = String::with_capacity(code.len());
        let (mut mantissa, mut places, mut inside) = (0_i64, 0_u32, false);
        let mut before = 0;
        for p in self.pattern.chars() {
            match p {
                '{' => {
                    inside = true;
                    before = item_code.len();
                }
                '}' => inside = false,
                _ => {
                    let c = rest.next()?;
                    if inside {
                        let digit = i64::from(c.to_digit(10)?);
                        mantissa = mantissa.checked_mul(10)?.checked_add(digit)?;
                        places += u32::from(p == 'D');
                        item_code.push('0');
                    } else if p == c || (p == '.' && c.is_ascii_digit()) {
                        item_code.push(c);
                    } else {
                        return None;
                    }
                }
            }
        }
        if rest.next().is_some() {
            return None;
        }
        let mut item_prefix = None;
        if has_check_digit(item_code.len()) && item_code.bytes().all(|b| b.is_ascii_digit()) {
            item_code.pop();
            let digit = check_digit(&item_code)?;
            item_code.push(char::from_digit(digit, 10)?);
            if self.pattern.ends_with("}.") {
                item_prefix = code.get(..before).map(str::to_owned);
            }
        }
        Some(Label {
            rule: self.pattern.clone(),
            item_code,
            item_prefix,
            kind: self.kind,
            amount: Decimal::try_new(mantissa, places).ok()?,
        })
    }
}

/// What is wrong with a pattern.
fn wrong(pattern: &str) -> Option<fn(String) -> RuleError> {
    let printable = pattern.bytes().all(|b| (0x20..0x7F).contains(&b));
    if pattern.is_empty() || pattern.len() > PATTERN_MAX || !printable {
        return Some(RuleError::Characters);
    }
    let (mut values, mut inside) = (0_u32, false);
    for c in pattern.chars() {
        match (c, inside) {
            ('{', false) => {
                inside = true;
                values += 1;
            }
            ('}', true) => inside = false,
            ('{' | '}', _) => return Some(RuleError::Braces),
            _ => {}
        }
    }
    if inside {
        return Some(RuleError::Braces);
    }
    if values != 1 {
        return Some(RuleError::Values);
    }
    let (_, from) = pattern.split_once('{')?;
    let (value, after) = from.split_once('}')?;
    let fraction = value.trim_start_matches('N');
    let is_value = !value.is_empty() && fraction.bytes().all(|b| b == b'D');
    if !is_value || value.len() > VALUE_DIGITS_MAX {
        return Some(RuleError::Value);
    }
    let all_digits = pattern
        .bytes()
        .all(|b| matches!(b, b'0'..=b'9' | b'.' | b'{' | b'}' | b'N' | b'D'));
    if after.is_empty() && all_digits && has_check_digit(pattern.len() - 2) {
        return Some(RuleError::CheckDigit);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_decimal::dec;

    #[test]
    fn a_label_is_read_by_its_rule() {
        // The first is the contract's example; the others are shapes that GS1
        // member organisations give out for variable-measure goods (General
        // Specifications 2.1.12), such as GS1 Germany's 28 and 29 for weights.
        for (pattern, kind, code, item, amount) in [
            (
                "02.....{NNNDD}.",
                ValueKind::Price,
                "0298765004993",
                "0298765000001",
                dec!(4.99),
            ),
            (
                "21.....{NNDDD}.",
                ValueKind::Weight,
                "2100018004125",
                "2100018000004",
                dec!(0.412),
            ),
            (
                "29.....{NNDDD}.",
                ValueKind::Weight,
                "2912345017502",
                "2912345000004",
                dec!(1.750),
            ),
            (
                "23.....{NNNNN}.",
                ValueKind::Quantity,
                "2312345000125",
                "2312345000002",
                dec!(12),
            ),
            // UPC-A with a price check digit before the price.
            (
                "2......{NNDD}.",
                ValueKind::Price,
                "212345604991",
                "212345600009",
                dec!(4.99),
            ),
            (
                "W-..-{NND}",
                ValueKind::Weight,
                "W-07-125",
                "W-07-000",
                dec!(12.5),
            ),
        ] {
            let rule = Rule::new(pattern, kind).unwrap();
            let label = rule
                .read(code)
                .unwrap_or_else(|| panic!("{pattern} {code}"));
            assert_eq!(
                (label.item_code.as_str(), label.amount, label.kind),
                (item, amount, kind),
                "{pattern}"
            );
            assert_eq!(
                label.amount.to_string(),
                amount.to_string(),
                "{pattern}: places"
            );
        }
        let rule = Rule::new("21.....{NNDDD}.", ValueKind::Weight).unwrap();
        for other in [
            "2200018004125",
            "210001800412",
            "21000180041250",
            "21000x8004125",
            "",
        ] {
            assert_eq!(rule.read(other), None, "{other}");
        }
    }

    #[test]
    fn a_rule_that_cannot_be_is_refused_by_name() {
        for (pattern, wrong) in [
            ("", "1 to 48"),
            ("21é...{NN}.", "1 to 48"),
            ("21.....{NNDDD.", "braces"),
            ("21.....NNDDD}.", "braces"),
            ("21{{NN}}.", "braces"),
            ("21.....NNDDD.", "one value"),
            ("2{NN}..{DD}.", "one value"),
            ("21.....{}.", "N and D"),
            ("21.....{DDN}.", "N and D"),
            ("21.....{NNX}.", "N and D"),
            ("{NNNNNNNNNNNNNNNN}", "N and D"),
            ("21.....{NNNDDD}", "check digit"),
        ] {
            let error = Rule::new(pattern, ValueKind::Price)
                .unwrap_err()
                .to_string();
            assert!(error.contains(wrong), "{pattern}: {error}");
            assert!(error.contains(pattern), "{pattern}: {error}");
        }
        for (json, wrong) in [
            (
                r#"{"pattern":"2{NN}..","kind":"colour"}"#,
                "unknown variant `colour`",
            ),
            (
                r#"{"pattern":"2{NN}..","kind":"price","name":"x"}"#,
                "unknown field `name`",
            ),
            (r#"{"pattern":"2{N}{N}..","kind":"price"}"#, "one value"),
        ] {
            let error = serde_json::from_str::<Rule>(json).unwrap_err().to_string();
            assert!(error.contains(wrong), "{json}: {error}");
        }
        let json = r#"{"pattern":"21.....{NNDDD}.","kind":"weight"}"#;
        let rule: Rule = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&rule).unwrap(), json);
    }
}
