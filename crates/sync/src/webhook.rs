//! Whether a webhook is Stripe's: the signature in its header.
//!
//! Invariants:
//! - nothing of a body is read before its signature is right;
//! - signatures are compared in constant time, and an error says nothing of them.
//!
//! Source: Stripe docs, "Verify webhook signatures manually": the header
//! `Stripe-Signature: t=…,v1=…`, HMAC-SHA256 with the endpoint's secret over the
//! timestamp, a dot and the body as it came; a `v1` for each secret while one is
//! being replaced; other schemes are ignored. Stripe's libraries allow 300 seconds.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use till_domain::ids::Timestamp;

/// How far the header's time may be from ours, either way, in seconds. An old one is a
/// replay, and one from the future is a clock that cannot tell.
pub const TOLERANCE_S: i64 = 300;

/// Why a webhook is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotStripes {
    /// The header is not one time and at least one signature.
    Header,
    /// Its time is too far from ours.
    Time,
    /// No signature is right.
    Signature,
}

/// Believes a body that one of the secrets signed.
///
/// # Errors
/// [`NotStripes`].
pub fn verify(
    secrets: &[&str],
    header: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<(), NotStripes> {
    let mut time = None;
    let mut signatures = Vec::new();
    for part in header.split(',') {
        let (name, value) = part.trim().split_once('=').ok_or(NotStripes::Header)?;
        match name {
            // Two times would leave open which was signed.
            "t" if time.is_some() => return Err(NotStripes::Header),
            "t" => time = Some(value),
            // One that cannot be read is wrong, and another may be right.
            "v1" => signatures.extend(hex::decode(value)),
            _ => {}
        }
    }
    let time = time.ok_or(NotStripes::Header)?;
    let digits = time.bytes().all(|b| b.is_ascii_digit());
    let signed_at: i64 = time
        .parse()
        .ok()
        .filter(|_| digits)
        .ok_or(NotStripes::Header)?;
    if !header.contains("v1=") {
        return Err(NotStripes::Header);
    }
    let signed = |secret: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(body);
        Some(mac)
    };
    let right = secrets
        .iter()
        .filter(|secret| !secret.is_empty())
        .filter_map(|secret| signed(secret))
        .any(|mac| {
            (signatures.iter()).any(|signature| mac.clone().verify_slice(signature).is_ok())
        });
    if !right {
        return Err(NotStripes::Signature);
    }
    // After the signature, so that nobody learns our clock from what they made up.
    if now.0.div_euclid(1_000).abs_diff(signed_at) > TOLERANCE_S.unsigned_abs() {
        return Err(NotStripes::Time);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_of_the_shop";
    const BODY: &[u8] = br#"{"id":"evt_1","object":"event"}"#;
    const AT: i64 = 1_795_258_800;
    /// Computed apart from this code:
    /// `printf '1795258800.{"id":"evt_1","object":"event"}' | openssl dgst -sha256 -hmac whsec_of_the_shop`.
    const RIGHT: &str = "4792d72efc3ce9d486062cdf55a8a7b90279ae92b8be1973c2864b9feef6636a";

    #[test]
    fn a_header_is_believed_or_named() {
        let wrong = "0".repeat(64);
        let ok = format!("t={AT},v1={RIGHT}");
        for (name, header, seconds_later, expected) in [
            ("right", ok.clone(), 0, Ok(())),
            ("five minutes old", ok.clone(), 300, Ok(())),
            ("older", ok.clone(), 301, Err(NotStripes::Time)),
            ("five minutes ahead", ok.clone(), -300, Ok(())),
            ("further ahead", ok.clone(), -301, Err(NotStripes::Time)),
            (
                "two secrets",
                format!("t={AT},v1={wrong},v1={RIGHT}"),
                0,
                Ok(()),
            ),
            (
                "another scheme beside it",
                format!("t={AT},v0={wrong},v1={RIGHT}"),
                0,
                Ok(()),
            ),
            ("spaces", format!("t={AT}, v1={RIGHT}"), 0, Ok(())),
            (
                "the other scheme alone",
                format!("t={AT},v0={RIGHT}"),
                0,
                Err(NotStripes::Header),
            ),
            (
                "wrong",
                format!("t={AT},v1={wrong}"),
                0,
                Err(NotStripes::Signature),
            ),
            (
                "another time",
                format!("t={},v1={RIGHT}", AT + 1),
                0,
                Err(NotStripes::Signature),
            ),
            (
                "the same time, written otherwise",
                format!("t=0{AT},v1={RIGHT}"),
                0,
                Err(NotStripes::Signature),
            ),
            (
                "cut short",
                format!("t={AT},v1={}", &RIGHT[..62]),
                0,
                Err(NotStripes::Signature),
            ),
            (
                "no hexadecimal",
                format!("t={AT},v1=zz"),
                0,
                Err(NotStripes::Signature),
            ),
            (
                "an empty signature",
                format!("t={AT},v1="),
                0,
                Err(NotStripes::Signature),
            ),
            ("no time", format!("v1={RIGHT}"), 0, Err(NotStripes::Header)),
            (
                "two times",
                format!("t={AT},t={AT},v1={RIGHT}"),
                0,
                Err(NotStripes::Header),
            ),
            (
                "a time that is none",
                format!("t=+{AT},v1={RIGHT}"),
                0,
                Err(NotStripes::Header),
            ),
            (
                "a time past all clocks",
                format!("t=99999999999999999999,v1={RIGHT}"),
                0,
                Err(NotStripes::Header),
            ),
            ("nothing", String::new(), 0, Err(NotStripes::Header)),
            ("no pairs", "hello".into(), 0, Err(NotStripes::Header)),
            ("a comma", format!("{ok},"), 0, Err(NotStripes::Header)),
        ] {
            let now = Timestamp((AT + seconds_later) * 1_000);
            assert_eq!(verify(&[SECRET], &header, BODY, now), expected, "{name}");
        }
    }

    #[test]
    fn another_body_and_another_secret_are_not_believed() {
        let header = format!("t={AT},v1={RIGHT}");
        let now = Timestamp(AT * 1_000);
        let wrong = Err(NotStripes::Signature);
        assert_eq!(verify(&[SECRET], &header, b"{}", now), wrong);
        assert_eq!(verify(&["whsec_other"], &header, BODY, now), wrong);
        assert_eq!(verify(&[], &header, BODY, now), wrong);
        assert_eq!(verify(&[""], &header, BODY, now), wrong);
        assert_eq!(
            verify(&["whsec_other", SECRET], &header, BODY, now),
            Ok(()),
            "while a secret is replaced"
        );
    }
}
