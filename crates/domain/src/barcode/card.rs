//! Card numbers: what must never be kept.

/// True for what an issuer could have printed on a card: 15, 16 or 19 digits with an
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::barcode::check_digit;

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
