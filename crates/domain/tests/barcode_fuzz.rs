//! Scans as no scanner would send them: the corpus, cut, spliced, doubled and garbled.
//!
//! `make fuzz` goes on for an hour and says how many it tried; without `FUZZ_SECONDS` a
//! few seconds' worth is tried. `FUZZ_SEED` begins elsewhere. What breaks a law is
//! printed, to be added to `corpus/barcodes.txt`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::float_arithmetic,
    reason = "tests"
)]

use std::time::{Duration, Instant};

use jiff::civil::{Date, date};
use till_domain::barcode::{Barcode, BarcodeError, Rule, ValueKind, looks_like_card};

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

const PIECES: [&str; 16] = [
    "\u{1D}", "(", ")", "(01)", "(10)", "(3103)", "]C1", "]", "https://", "/01/", "%", "=", "{N}",
    "00", "é", "9",
];

fn mutated(random: &mut Random, corpus: &[Vec<char>]) -> String {
    let mut code = random.of(corpus).clone();
    for _ in 0..=random.below(4) {
        let at = random.below(code.len() + 1);
        match random.below(8) {
            0 => code.truncate(at),
            1 => drop(code.drain(..at)),
            2 => {
                let other = random.of(corpus);
                let from = random.below(other.len());
                code.truncate(at);
                code.extend(&other[from..]);
            }
            3 => code
                .splice(at..at, random.of(&PIECES).chars())
                .for_each(drop),
            4 if at < code.len() => drop(code.remove(at)),
            5 if at < code.len() => code[at] = char::from(u8::try_from(random.below(128)).unwrap()),
            6 if at < code.len() => {
                code[at] = char::from_digit(u32::try_from(random.below(10)).unwrap(), 10).unwrap();
            }
            _ => {
                let piece = code[at..].to_vec();
                code.extend(piece);
            }
        }
    }
    code.truncate(600);
    code.into_iter().collect()
}

/// What must hold of every scan.
fn check(code: &str, rules: &[Rule], today: Date) -> bool {
    let read = Barcode::parse(code, rules, today);
    assert_eq!(
        read,
        Barcode::parse(code, rules, today),
        "the same scan says the same"
    );
    let barcode = match read {
        Ok(barcode) => barcode,
        Err(BarcodeError::Card) => return false,
        Err(error) => {
            let said = error.to_string();
            assert!(!looks_like_card(&said), "{code:?} is repeated: {said}");
            return false;
        }
    };
    let keyed = barcode.check_digit.is_some() || barcode.elements.iter().any(|e| e.checked);
    // A symbology identifier's own digit is no part of what was scanned.
    let scanned = code.trim_start_matches([' ', '\t', '\r', '\n']);
    let said = matches!(scanned.as_bytes(), [b']', b'A'..=b'Z' | b'a'..=b'z', ..]);
    let is_card = looks_like_card(scanned.get(3..).filter(|_| said).unwrap_or(scanned));
    assert!(keyed || !is_card, "a card was read: {code:?}");
    assert!(
        barcode.lookups.iter().all(|l| !looks_like_card(l)),
        "a card would be looked up: {code:?}"
    );
    for amount in [
        barcode.weight(),
        barcode.price().map(|(price, _)| price),
        barcode.quantity(),
    ] {
        assert!(
            amount.is_none_or(|a| !a.is_sign_negative()),
            "below zero: {code:?}"
        );
    }
    // An element string, written as people read one, is read as the same.
    let plain = barcode
        .elements
        .iter()
        .all(|e| e.number.is_none() && e.date.is_none() && !e.value.contains('('));
    if plain && !barcode.elements.is_empty() {
        let elements = barcode.elements.iter();
        let text: String = elements.map(|e| format!("({}){}", e.ai, e.value)).collect();
        let again = Barcode::parse(&text, rules, today);
        assert_eq!(
            again.map(|b| b.elements),
            Ok(barcode.elements),
            "{code:?} {text:?}"
        );
    }
    true
}

#[test]
fn no_garbled_scan_panics_or_breaks_a_law() {
    let seconds = std::env::var("FUZZ_SECONDS")
        .ok()
        .and_then(|s| s.parse().ok());
    let seed = std::env::var("FUZZ_SEED").ok().and_then(|s| s.parse().ok());
    let mut random = Random(seed.unwrap_or(0x9E37_79B9_7F4A_7C15));
    let corpus: Vec<Vec<char>> = include_str!("corpus/barcodes.txt")
        .lines()
        .map(|line| line.replace("<GS>", "\u{1D}").chars().collect())
        .collect();
    let rules = [
        Rule::new("02.....{NNNDD}.", ValueKind::Price).unwrap(),
        Rule::new("21.....{NNDDD}.", ValueKind::Weight).unwrap(),
        Rule::new("4...............{N}", ValueKind::Quantity).unwrap(),
        Rule::new("K-{N}", ValueKind::Quantity).unwrap(),
    ];
    let today = date(2026, 11, 21);
    for code in &corpus {
        check(&code.iter().collect::<String>(), &rules, today);
    }
    let start = Instant::now();
    let (mut tried, mut were_read) = (0_u64, 0_u64);
    loop {
        for _ in 0..10_000 {
            let code = mutated(&mut random, &corpus);
            tried += 1;
            were_read += u64::from(check(&code, &rules, today));
            if random.below(16) == 0 {
                // Patterns are read from files: they are garbled too.
                let _ = Rule::new(code, ValueKind::Weight).map(|rule| rule.read("2100018004125"));
            }
        }
        match seconds {
            Some(seconds) if start.elapsed() < Duration::from_secs(seconds) => {}
            None if tried < 50_000 => {}
            _ => break,
        }
    }
    assert!(
        were_read * 50 > tried,
        "what is tried is too wild: {were_read} of {tried} are codes"
    );
    println!(
        "{tried} scans tried, {were_read} read, {:.0} a second",
        tried as f64 / start.elapsed().as_secs_f64()
    );
}
