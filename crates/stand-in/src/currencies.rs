//! Stripe's own table of currencies: which it takes, in what unit, how little
//! and how much. It differs from ISO 4217 in places, on purpose.
//! Source: "Supported currencies" in Stripe's documentation.

use crate::wire::Refusal;

const KNOWN: &str = "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd \
    bob brl bsd bwp byn bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd \
    fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf \
    krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad \
    ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd \
    shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd \
    xcg xof xpf yer zar zmw";

const ZERO_DECIMAL: &str = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf";

const THREE_DECIMAL: &str = "bhd jod kwd omr tnd";

fn listed(list: &str, currency: &str) -> bool {
    list.split_ascii_whitespace().any(|c| c == currency)
}

/// The least amount of a charge, in the currency's smallest unit at Stripe.
fn minimum(currency: &str) -> i64 {
    match currency {
        "usd" | "eur" | "cad" | "aud" | "nzd" | "brl" | "chf" | "inr" | "sgd" | "jpy" => 50,
        "gbp" => 30,
        "bgn" => 100,
        "aed" | "myr" | "pln" | "ron" => 200,
        "dkk" => 250,
        "nok" | "sek" => 300,
        "hkd" => 400,
        "mxn" | "thb" => 1_000,
        "czk" => 1_500,
        "huf" => 17_500,
        _ => 1,
    }
}

/// An amount as Stripe's messages write it.
pub(crate) fn shown(amount: i64, currency: &str) -> String {
    let decimals: usize = if listed(ZERO_DECIMAL, currency) {
        0
    } else if listed(THREE_DECIMAL, currency) {
        3
    } else {
        2
    };
    if decimals == 0 {
        return format!("{amount} {currency}");
    }
    let digits = format!("{amount:0>width$}", width = decimals + 1);
    let (whole, part) = digits.split_at(digits.len().saturating_sub(decimals));
    format!("{whole}.{part} {currency}")
}

/// The currency in lower case, if Stripe takes it.
pub(crate) fn currency(given: &str) -> Result<String, Box<Refusal>> {
    let lower = given.to_ascii_lowercase();
    if listed(KNOWN, &lower) {
        return Ok(lower);
    }
    Err(Refusal::invalid(format!(
        "Invalid currency: {lower}. Stripe currently supports these currencies: {}",
        KNOWN
            .split_ascii_whitespace()
            .collect::<Vec<_>>()
            .join(", ")
    ))
    .param("currency"))
}

/// Refuses an amount that cannot be charged.
pub(crate) fn chargeable(amount: i64, currency: &str) -> Result<(), Box<Refusal>> {
    positive(amount)?;
    let maximum = if currency == "idr" {
        999_999_999_999
    } else {
        99_999_999
    };
    if amount > maximum {
        return Err(Refusal::invalid(format!(
            "Amount must be no more than {}",
            shown(maximum, currency)
        ))
        .code("amount_too_large")
        .param("amount"));
    }
    // Two-decimal in form only: the last two digits must be zero.
    let hundreds = matches!(currency, "isk" | "ugx") && amount % 100 != 0;
    let tens = listed(THREE_DECIMAL, currency) && amount % 10 != 0;
    if hundreds || tens {
        return Err(Refusal::invalid(format!(
            "Invalid amount: {amount} cannot be charged in {currency}; the last digits must be 0."
        ))
        .code("parameter_invalid_integer")
        .param("amount"));
    }
    let least = minimum(currency);
    if amount < least {
        return Err(Refusal::invalid(format!(
            "Amount must be at least {}",
            shown(least, currency)
        ))
        .code("amount_too_small")
        .param("amount"));
    }
    Ok(())
}

/// Refuses zero and less.
pub(crate) fn positive(amount: i64) -> Result<(), Box<Refusal>> {
    if amount < 1 {
        return Err(
            Refusal::invalid("This value must be greater than or equal to 1.")
                .code("parameter_invalid_integer")
                .param("amount"),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(amount: i64, code: &str, expected: &str) {
        let found = match currency(code).and_then(|c| chargeable(amount, &c)) {
            Ok(()) => "ok".to_owned(),
            Err(why) => why.code.clone().unwrap_or_else(|| "refused".to_owned()),
        };
        assert_eq!(found, expected, "{amount} {code}");
    }

    #[test]
    fn an_amount_is_taken_within_stripes_limits_and_refused_outside() {
        check(50, "usd", "ok");
        check(49, "usd", "amount_too_small");
        check(30, "GBP", "ok");
        check(29, "gbp", "amount_too_small");
        check(50, "jpy", "ok");
        check(999, "mxn", "amount_too_small");
        check(299, "sek", "amount_too_small");
        check(249, "dkk", "amount_too_small");
        check(399, "hkd", "amount_too_small");
        check(0, "usd", "parameter_invalid_integer");
        check(-5, "usd", "parameter_invalid_integer");
        check(99_999_999, "eur", "ok");
        check(100_000_000, "eur", "amount_too_large");
        check(100_000_000, "idr", "ok");
        check(500, "isk", "ok");
        check(550, "isk", "parameter_invalid_integer");
        check(1_230, "kwd", "ok");
        check(1_234, "kwd", "parameter_invalid_integer");
        check(1_000, "xyz", "refused");
    }

    #[test]
    fn an_amount_is_shown_in_its_own_decimals() {
        for (amount, code, expected) in [
            (50, "usd", "0.50 usd"),
            (5, "usd", "0.05 usd"),
            (50, "jpy", "50 jpy"),
            (1_230, "kwd", "1.230 kwd"),
        ] {
            assert_eq!(shown(amount, code), expected, "{amount} {code}");
        }
    }
}
