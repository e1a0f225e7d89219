//! Reads ESC/POS bytes as a printer does, and tells what would be on the paper.

use std::collections::HashMap;

/// What a printer would have printed.
#[derive(Debug, Default)]
pub struct Printed {
    /// Lines of text.
    pub lines: Vec<String>,
    /// What the QR codes say.
    pub codes: Vec<String>,
    /// How often the paper was cut.
    pub cuts: usize,
}

fn pages() -> HashMap<u8, Vec<char>> {
    include_str!("code_pages.txt")
        .lines()
        .filter(|l| !l.starts_with('#'))
        .map(|line| {
            let (number, points) = line.split_once(' ').unwrap();
            let upper: Vec<char> = points
                .split(' ')
                .map(|p| char::from_u32(u32::from_str_radix(p, 16).unwrap()).unwrap())
                .collect();
            assert_eq!(upper.len(), 128, "page {number}");
            (number.parse().unwrap(), upper)
        })
        .collect()
}

/// Panics on any command a receipt has no business sending.
pub fn decode(bytes: &[u8]) -> Printed {
    let pages = pages();
    let mut printed = Printed::default();
    let mut page = 0;
    let mut line = String::new();
    let mut code = String::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        at += match rest {
            [0x1B, b'@', ..] => 2,
            [0x1B, b'R', 0, ..] => 3,
            [0x1B, b't', number, ..] => {
                page = *number;
                3
            }
            [0x1B, b'E', 0 | 1, ..] | [0x1B, b'a', 0..=2, ..] => 3,
            [0x1B, b'd', count, ..] => {
                printed.lines.push(std::mem::take(&mut line));
                printed.lines.extend((1..*count).map(|_| String::new()));
                3
            }
            [0x1D, b'!', 0x00 | 0x11, ..] | [0x1D, b'B', 0 | 1, ..] => 3,
            [0x1D, b'V', b'A', 0, ..] => {
                printed.cuts += 1;
                4
            }
            [0x1D, b'(', b'k', low, high, parameters @ ..] => {
                let length = usize::from(*low) + 256 * usize::from(*high);
                match &parameters[..length] {
                    [b'1', b'P', b'0', data @ ..] => {
                        code = String::from_utf8(data.to_vec()).unwrap();
                    }
                    [b'1', b'Q', b'0'] => printed.codes.push(std::mem::take(&mut code)),
                    [b'1', b'A' | b'C' | b'E', ..] => {}
                    other => panic!("unknown 2D code function {other:?}"),
                }
                5 + length
            }
            [byte @ 0x20..=0x7E, ..] => {
                line.push(char::from(*byte));
                1
            }
            [byte @ 0x80..=0xFF, ..] => {
                line.push(pages[&page][usize::from(*byte) - 128]);
                1
            }
            other => panic!("unknown bytes {:?}", &other[..other.len().min(8)]),
        };
    }
    assert!(line.is_empty(), "the last line was not fed: {line}");
    printed
}
