//! Values in words, for text and never for scripts.

use till_app::view::MoneyView;
use till_domain::money::{Currency, Money};

/// An amount out of a view. `None` for what no till of this version writes.
pub(crate) fn money(view: &MoneyView) -> Option<Money> {
    let currency: Currency = view.currency.parse().ok()?;
    Some(Money::from_minor(view.minor, currency))
}

/// "€1,234.50", "−€1.29".
pub(crate) fn spoken(amount: Money) -> String {
    let digits = amount.abs().to_string();
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let mut grouped = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if amount.is_negative() { "−" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!(
        "{sign}{}{grouped}{point}{fraction}",
        amount.currency().symbol()
    )
}

/// [`spoken`] of a view.
pub(crate) fn spoken_view(view: &MoneyView) -> String {
    money(view).map_or_else(|| view.minor.to_string(), spoken)
}
