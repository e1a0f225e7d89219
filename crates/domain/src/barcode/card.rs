//! Card numbers: what must never be kept.
//!
//! By ISO/IEC 7812-1: an issuer's prefix, a length it gives out, a right Luhn digit.
//! Thirteen and fourteen digits are left alone: one EAN-13 in ten passes Luhn, and a
//! product's code is never refused.

use std::borrow::Cow;
use std::ops::Range;

/// True for text that holds what an issuer could have printed on a card: 15, 16 or 19
/// digits, in one piece or in groups as people write them.
#[must_use]
pub fn looks_like_card(text: &str) -> bool {
    find(text).is_some()
}

/// The text with a dot for each digit of what looks like a card number, and for what a
/// swipe says behind it: for errors and logs, which repeat what somebody typed.
#[must_use]
pub fn hide_cards(text: &str) -> Cow<'_, str> {
    let mut hidden = Cow::Borrowed(text);
    while let Some(card) = find(&hidden) {
        let dots = |c: char| if c.is_alphanumeric() { '•' } else { c };
        let all = hidden.char_indices();
        hidden = Cow::Owned(
            all.map(|(at, c)| if card.contains(&at) { dots(c) } else { c })
                .collect(),
        );
    }
    hidden
}

/// Digits that stand together, and what stands between them and the group before.
struct Group {
    at: Range<usize>,
    digits: String,
    /// `None`: something else than one kind of separator.
    joined_by: Option<char>,
}

fn find(text: &str) -> Option<Range<usize>> {
    let groups = groups(text);
    groups.iter().enumerate().find_map(|(i, first)| {
        let mut digits = String::new();
        let mut sizes = Vec::new();
        let mut joined_by = None;
        for group in groups.get(i..).unwrap_or_default() {
            if !digits.is_empty() {
                let same = joined_by.is_none() || joined_by == group.joined_by;
                joined_by = group.joined_by;
                if joined_by.is_none() || !same {
                    return None;
                }
            }
            digits.push_str(&group.digits);
            sizes.push(group.digits.len());
            if digits.len() > 19 {
                return None;
            }
            if as_written(&sizes) && is_card(&digits) {
                return Some(first.at.start..track_end(text, group.at.end));
            }
        }
        None
    })
}

/// Where a swipe ends: expiry, name and the bank's own data stand behind the number, and
/// a question mark behind them (ISO/IEC 7813).
fn track_end(text: &str, card_end: usize) -> usize {
    let rest = text.get(card_end..).unwrap_or_default();
    if rest.starts_with(['=', '^']) {
        card_end + rest.find('?').unwrap_or(rest.len())
    } else {
        card_end
    }
}

/// Nobody writes a card number as a product's code and a size: in several groups, they
/// are of three to six digits, or all alike, or the 6 and 13 of older cards.
fn as_written(sizes: &[usize]) -> bool {
    let alike = |n: usize| n <= 6 && sizes.iter().all(|size| *size == n);
    match sizes {
        [_] | [6, 13] => true,
        [first, ..] => alike(*first) || sizes.iter().all(|n| (3..=6).contains(n)),
        [] => false,
    }
}

fn groups(text: &str) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    // What has been seen since the last digit.
    let (mut apart, mut joined_by) = (true, Some(' '));
    for (at, c) in text.char_indices().filter(|(_, c)| !is_invisible(*c)) {
        let end = at + c.len_utf8();
        let Some(d) = digit(c) else {
            apart = true;
            joined_by = match (joined_by, separator(c)) {
                (Some(' '), new) => new,
                (Some(old), Some(new)) if new == ' ' || new == old => Some(old),
                _ => None,
            };
            continue;
        };
        match groups.last_mut() {
            Some(group) if !apart => {
                group.digits.push(d);
                group.at.end = end;
            }
            _ => groups.push(Group {
                at: at..end,
                digits: d.to_string(),
                joined_by,
            }),
        }
        (apart, joined_by) = (false, Some(' '));
    }
    groups
}

/// What people put between the groups of a card number; spaces and dashes are one.
fn separator(c: char) -> Option<char> {
    match c {
        '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' => Some(' '),
        '.' | '/' | '_' | '|' | '·' => Some(c),
        _ => c.is_whitespace().then_some(' '),
    }
}

/// Pasted along with text, and not seen in it.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}'
    )
}

/// A digit of any script that a keyboard types: Unicode's decimal digits.
fn digit(c: char) -> Option<char> {
    const ZEROS: [char; 19] = [
        '0', '٠', '۰', '߀', '०', '০', '੦', '૦', '୦', '௦', '౦', '೦', '൦', '๐', '໐', '༠', '၀', '០',
        '０',
    ];
    ZEROS.iter().find_map(|zero| {
        let n = u32::from(c).checked_sub(u32::from(*zero))?;
        char::from_digit(n, 10)
    })
}

fn is_card(digits: &str) -> bool {
    let prefix = |n: usize| -> u32 {
        digits
            .get(..n)
            .and_then(|p| p.parse().ok())
            .unwrap_or_default()
    };
    let maestro = matches!(prefix(2), 50 | 56..=69);
    let diners = matches!(prefix(3), 300..=305 | 309) || matches!(prefix(2), 36 | 38 | 39);
    let mir = matches!(prefix(4), 2200..=2205);
    let issued = match digits.len() {
        // American Express.
        15 => matches!(prefix(2), 34 | 37),
        // Visa, Mastercard, JCB, UnionPay and RuPay, Troy, UzCard, Humo; Discover is
        // among Maestro's.
        16 => {
            matches!(prefix(1), 4)
                || matches!(prefix(2), 51..=55 | 81 | 82)
                || matches!(prefix(4), 2221..=2720 | 3528..=3589 | 8600 | 9792 | 9860)
                || maestro
                || diners
                || mir
        }
        19 => matches!(prefix(1), 4) || maestro || diners || mir,
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
    fn a_card_number_is_seen_however_it_is_written() {
        // Numbers for tests, as the networks and Stripe's docs ("Testing") print them.
        for card in [
            "4242424242424242",
            "card 4242 4242-4242 4242 ok",
            "5555555555554444",
            "2223003122003222",
            "378282246310005",
            "3782 822463 10005",
            "6011111111111117",
            "3056930009020004",
            "3566002020360505",
            "6200000000000005",
            "6205500000000000004",
            "6205 5000 0000 0000 004",
            "12 4242 4242 4242 4242",
            "4242 4242 4242 4242 12/28",
            "4242424242424242 123",
            "tel. 06 4242424242424242",
            ";4242424242424242=28121010000012345678?",
            "%B4242424242424242^DOE/JANE^2812101?",
            "4242.4242.4242.4242",
            "4242 / 4242 / 4242 / 4242",
            "4242\u{a0}4242\u{2009}4242\u{2013}4242",
            "4242\n4242\n4242\n4242",
            "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
            "42 42 42 42 42 42 42 42",
            "42\u{200b}424242\u{feff}424242\u{ad}42",
            "４２４２４２４２４２４２４２４２",
            "٤٢٤٢ ٤٢٤٢ ٤٢٤٢ ٤٢٤٢",
            "visa4242424242424242x",
        ] {
            assert!(looks_like_card(card), "{card}");
            let hidden = hide_cards(card);
            assert!(!looks_like_card(&hidden), "{card} is hidden as {hidden}");
            for digits in ["4242424242", "4242 4242", "2812101", "DOE"] {
                assert!(!hidden.contains(digits), "{hidden}");
            }
        }
        assert_eq!(
            hide_cards("pay 4242 4242 4242 4242 on the 12th"),
            "pay •••• •••• •••• •••• on the 12th"
        );
    }

    #[test]
    fn what_is_no_card_number_is_left_alone() {
        for text in [
            "",
            "4242424242424241",
            "4000 0000 0000",
            // IBANs, from the SWIFT registry.
            "DE89 3704 0044 0532 0130 00",
            "NL91ABNA0417164300",
            "GB29 NWBK 6016 1331 9268 19",
            // A phone's IMEI and a SIM's number have a Luhn digit too.
            "IMEI 490154203237518",
            "356938035643809",
            "8931440400000000000",
            "+31 20 123 4567, +31 6 1234 5678",
            "2026-11-21 12:30:45.123456",
            "0198c8f2-4242-7242-8242-424242424242",
            // A code and a size beside it, and prices: sixteen digits that pass Luhn.
            "4006381333931 103",
            "40.63 81.33 93.10 00.07",
        ] {
            assert!(!looks_like_card(text), "{text}");
            assert_eq!(hide_cards(text), text);
        }
    }

    #[test]
    fn a_products_code_is_never_taken_for_a_card() {
        let mut codes = 0_u32;
        for item in 0..100_000_u32 {
            let body = format!("40063{item:07}");
            let code = format!("{body}{}", check_digit(&body).unwrap());
            for said in [
                code.clone(),
                format!("0{code}"),
                format!("tin {code} 250 g"),
                format!("{code} {code}"),
            ] {
                assert!(!looks_like_card(&said), "{said}");
            }
            codes += u32::from(luhn(&code));
        }
        assert!(
            codes > 9_000,
            "about one EAN-13 in ten passes Luhn: {codes}"
        );
    }
}
