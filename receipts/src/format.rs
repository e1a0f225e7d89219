//! Amounts and names as they stand on paper.

use till_domain::money::Money;
use unicode_normalization::UnicodeNormalization;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// `1,234.50`, `-0.05`; places as the currency has them.
pub(crate) fn money(amount: Money) -> String {
    let plain = amount.abs().to_string();
    let (whole, fraction) = match plain.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (plain.as_str(), None),
    };
    let mut text = String::from(if amount.is_negative() { "-" } else { "" });
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && whole.len().saturating_sub(place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// `31.40 EUR`, for a sentence.
pub(crate) fn money_in_words(amount: Money) -> String {
    format!("{} {}", money(amount), amount.currency())
}

/// Columns a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// What a person typed, made safe for a printer: composed, no control
/// characters (a printer obeys them), nothing without a width.
pub(crate) fn clean(text: &str) -> String {
    text.nfc()
        .map(|c| {
            if c.is_control() || c.is_whitespace() {
                ' '
            } else {
                c
            }
        })
        .filter(|c| c.width().is_some_and(|columns| columns > 0))
        .collect::<String>()
        .trim()
        .to_owned()
}

/// At most `columns` wide; what is cut shows as `…`.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(1);
    let mut kept = String::new();
    let mut used: usize = 0;
    for c in text.chars() {
        used = used.saturating_add(c.width().unwrap_or(0));
        if used > room {
            break;
        }
        kept.push(c);
    }
    let mut kept = kept.trim_end().to_owned();
    if columns > 0 {
        kept.push('…');
    }
    kept
}

/// Broken at spaces into lines of at most `columns`; a longer word is broken.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        let gap = usize::from(!line.is_empty());
        if width(&line).saturating_add(gap).saturating_add(width(word)) <= columns {
            if gap == 1 {
                line.push(' ');
            }
            line.push_str(word);
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for c in word.chars() {
            let more = c.width().unwrap_or(0);
            if !line.is_empty() && width(&line).saturating_add(more) > columns {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use till_domain::money::Currency;

    #[test]
    fn amounts_are_grouped_and_keep_the_places_of_their_currency() {
        for (minor, code, expected) in [
            (0, "EUR", "0.00"),
            (-5, "EUR", "-0.05"),
            (123_450, "EUR", "1,234.50"),
            (-100_000_000, "EUR", "-1,000,000.00"),
            (99_900, "EUR", "999.00"),
            (1_234, "JPY", "1,234"),
            (1_234_567, "BHD", "1,234.567"),
        ] {
            let amount = Money::from_minor(minor, code.parse().unwrap());
            assert_eq!(money(amount), expected, "{minor} {code}");
        }
        assert_eq!(
            money_in_words(Money::from_minor(3140, Currency::EUR)),
            "31.40 EUR"
        );
    }

    #[test]
    fn a_name_cannot_command_the_printer() {
        for (typed, expected) in [
            ("tea\u{1b}@\u{1d}V\0 milk", "tea @ V  milk"),
            ("Cafe\u{301}", "Café"),
            ("a\u{202e}b\u{200b}c", "abc"),
            ("two\nlines\t", "two lines"),
        ] {
            assert_eq!(clean(typed), expected, "{typed:?}");
        }
    }

    #[test]
    fn names_are_cut_by_columns_not_by_bytes() {
        for (text, columns, expected) in [
            ("Jamón", 5, "Jamón"),
            ("Jamón ibérico", 7, "Jamón…"),
            ("日本茶", 6, "日本茶"),
            ("日本茶", 5, "日本…"),
            ("日本茶", 4, "日…"),
            ("abc", 0, ""),
        ] {
            assert_eq!(cut(text, columns), expected, "{text} in {columns}");
            assert!(width(&cut(text, columns)) <= columns, "{text} in {columns}");
        }
    }

    #[test]
    fn sentences_are_broken_at_spaces() {
        assert_eq!(wrap("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 5), ["abcde", "fgh", "ij"]);
        assert_eq!(wrap("", 5), Vec::<String>::new());
    }
}
