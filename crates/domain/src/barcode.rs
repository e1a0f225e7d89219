//! What a scan means: a product code, a code with a weight in it, or nothing.
//!
//! Check digits by GS1 General Specifications §7.9: weights 3 and 1 from the right.

use rust_decimal::Decimal;

/// A code that can be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Barcode {
    /// The code the catalogue knows: the digits as scanned, or the prefix and
    /// item of a code with a weight in it.
    pub lookup: String,
    /// Kilograms, where the code carries them.
    pub weight: Option<Decimal>,
}

/// Why a scan is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BarcodeError {
    /// Not digits, or of no known length.
    #[error("not a code of 4 to 14 digits")]
    Malformed,
    /// Misread.
    #[error("check digit is {found}, expected {expected}")]
    CheckDigit {
        /// As scanned.
        found: u32,
        /// As computed.
        expected: u32,
    },
    /// Looks like a card number: it is not kept.
    #[error("looks like a card number")]
    Card,
}

/// GS1 check digit of the digits before it.
#[must_use]
pub fn check_digit(digits: &str) -> Option<u32> {
    let mut sum = 0_u32;
    for (i, c) in digits.chars().rev().enumerate() {
        let weight = if i % 2 == 0 { 3 } else { 1 };
        sum = sum.checked_add(c.to_digit(10)?.checked_mul(weight)?)?;
    }
    Some((10 - sum % 10) % 10)
}

/// True for what an issuer could have printed on a card: 13 to 19 digits with an
/// issuer's prefix and length and a right Luhn digit (ISO/IEC 7812-1). Spaces and
/// dashes between digits do not hide it.
#[must_use]
pub fn looks_like_card(text: &str) -> bool {
    let mut run = String::new();
    for c in text.chars().chain(std::iter::once('x')) {
        if c.is_ascii_digit() {
            run.push(c);
        } else if !matches!(c, ' ' | '-') {
            if is_card(&run) {
                return true;
            }
            run.clear();
        }
    }
    false
}

fn is_card(digits: &str) -> bool {
    let prefix = |n: usize| -> u32 {
        digits
            .get(..n)
            .and_then(|p| p.parse().ok())
            .unwrap_or_default()
    };
    let issued = match digits.len() {
        15 => matches!(prefix(2), 34 | 37),
        16 => {
            matches!(prefix(1), 4)
                || matches!(prefix(2), 51..=55 | 62 | 65)
                || matches!(prefix(3), 644..=649)
                || matches!(prefix(4), 2221..=2720 | 3528..=3589 | 6011)
        }
        // Thirteen-digit Visa cards are no longer issued, and one EAN-13 in ten
        // passes Luhn: a product's code is never refused.
        19 => matches!(prefix(1), 4) || matches!(prefix(2), 50 | 56..=69),
        _ => false,
    };
    issued && luhn(digits)
}

fn luhn(digits: &str) -> bool {
    let mut sum = 0_u32;
    for (i, c) in digits.chars().rev().enumerate() {
        let Some(d) = c.to_digit(10) else {
            return false;
        };
        sum += match (i % 2 == 1, d) {
            (false, d) => d,
            (true, d) if d > 4 => d * 2 - 9,
            (true, d) => d * 2,
        };
    }
    sum.is_multiple_of(10)
}

impl Barcode {
    /// Reads a scan: EAN-13, EAN-8, UPC-A, or a short code of the shop's own.
    /// `weight_prefix` is the shop's prefix of EAN-13 with five digits of item
    /// and five of grams, such as `21`.
    ///
    /// # Errors
    /// [`BarcodeError`], naming what is wrong.
    pub fn parse(scan: &str, weight_prefix: Option<&str>) -> Result<Self, BarcodeError> {
        let code = scan.trim();
        if looks_like_card(code) {
            return Err(BarcodeError::Card);
        }
        if code.is_empty() || !code.bytes().all(|b| b.is_ascii_digit()) {
            return Err(BarcodeError::Malformed);
        }
        match code.len() {
            8 | 12 | 13 | 14 => {
                let (body, last) = code.split_at(code.len() - 1);
                let found = last.parse().map_err(|_| BarcodeError::Malformed)?;
                let expected = check_digit(body).ok_or(BarcodeError::Malformed)?;
                if found != expected {
                    return Err(BarcodeError::CheckDigit { found, expected });
                }
            }
            // The shop's own short codes carry no check digit.
            4..=7 => {}
            _ => return Err(BarcodeError::Malformed),
        }
        if code.len() == 13
            && let Some(prefix) = weight_prefix
            && code.starts_with(prefix)
            && let (Some(item), Some(grams)) = (code.get(..7), code.get(7..12))
        {
            let grams: i64 = grams.parse().map_err(|_| BarcodeError::Malformed)?;
            return Ok(Self {
                lookup: item.to_owned(),
                weight: Some(Decimal::new(grams, 3)),
            });
        }
        // UPC-A is EAN-13 with a leading zero; the catalogue keeps thirteen digits.
        let lookup = if code.len() == 12 {
            format!("0{code}")
        } else {
            code.to_owned()
        };
        Ok(Self {
            lookup,
            weight: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_decimal::dec;

    #[test]
    fn a_scan_is_read_or_refused_by_name() {
        for (scan, expected) in [
            ("4006381333931", Ok(("4006381333931", None))),
            ("036000291452", Ok(("0036000291452", None))),
            ("96385074", Ok(("96385074", None))),
            ("2100018004125", Ok(("2100018", Some(dec!(0.412))))),
            ("1042", Ok(("1042", None))),
            ("4006381333932", Err("check digit is 2, expected 1")),
            ("400638133393", Err("check digit is 3, expected 0")),
            ("hello", Err("not a code of 4 to 14 digits")),
            ("", Err("not a code of 4 to 14 digits")),
            ("٤٠٠٦٣٨", Err("not a code of 4 to 14 digits")),
            ("4242424242424242", Err("looks like a card number")),
            ("378282246310005", Err("looks like a card number")),
        ] {
            let got = Barcode::parse(scan, Some("21"));
            let got = got
                .as_ref()
                .map(|b| (b.lookup.as_str(), b.weight))
                .map_err(|e| e.to_string());
            assert_eq!(got, expected.map_err(str::to_owned), "{scan}");
        }
    }

    #[test]
    fn a_card_number_is_seen_in_free_text_and_a_product_never_is() {
        assert!(looks_like_card("card 4242 4242-4242 4242 ok"));
        assert!(looks_like_card("5555555555554444"));
        assert!(!looks_like_card("4242424242424241"), "Luhn");
        let mut codes = 0_u32;
        for item in 0..100_000_u32 {
            let body = format!("40063{item:07}");
            let code = format!("{body}{}", check_digit(&body).unwrap());
            assert!(!looks_like_card(&code), "{code}");
            codes += u32::from(luhn(&code));
        }
        assert!(
            codes > 9_000,
            "about one EAN-13 in ten passes Luhn: {codes}"
        );
    }
}
