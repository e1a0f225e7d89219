//! ESC/POS bytes for a thermal printer.
//!
//! Invariants:
//! - only the printer's own commands and printable bytes leave this module;
//! - a row takes the columns the layout gave it: a character that no code page
//!   has is printed as its letter without the accent, or else as `?` over the
//!   same width.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::OnceLock;

use escpos::driver::Driver;
use escpos::printer::Printer;
use escpos::utils::{
    CharacterSet, JustifyMode, PageCode, Protocol, QRCodeCorrectionLevel, QRCodeModel, QRCodeOption,
};
use unicode_normalization::UnicodeNormalization;
use unicode_width::UnicodeWidthChar;

use super::{RenderError, placed, rule};
use crate::format::width;
use crate::layout::{Layout, Row, Style};

/// Dots a module of a QR code: 5 at 203 dpi are 0.6 mm.
const QR_MODULE_DOTS: u8 = 5;

/// The upper halves of the code pages a printer is switched between, in order of
/// preference. Written out here and not taken from the `escpos` crate, whose
/// tables have wrong places (in 0.20 `Ô` prints as `Ò`, and `¿` is missing).
const PAGES: [(PageCode, &str); 7] = [
    (
        PageCode::PC858,
        "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒ\
         áíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐\
         └┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈ€ÍÎÏ┘┌█▄¦Ì▀\
         ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{FFFD}±‗¾¶§÷¸°¨·¹³²■\u{FFFD}",
    ),
    (
        PageCode::WPC1252,
        "€\u{FFFD}‚ƒ„…†‡ˆ‰Š‹Œ\u{FFFD}Ž\u{FFFD}\u{FFFD}‘’“”•–—˜™š›œ\u{FFFD}žŸ\
         \u{FFFD}¡¢£¤¥¦§¨©ª«¬\u{FFFD}®¯°±²³´µ¶·¸¹º»¼½¾¿\
         ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞß\
         àáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ",
    ),
    (
        PageCode::PC737,
        "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩαβγδεζηθ\
         ικλμνξοπρσςτυφχψ░▒▓│┤╡╢╖╕╣║╗╝╜╛┐\
         └┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀\
         ωάέήϊίόύϋώΆΈΉΊΌΎΏ±≥≤ΪΫ÷≈°∙·√ⁿ²■\u{FFFD}",
    ),
    (
        PageCode::PC866,
        "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ\
         абвгдежзийклмноп░▒▓│┤╡╢╖╕╣║╗╝╜╛┐\
         └┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀\
         рстуфхцчшщъыьэюяЁёЄєЇїЎў°∙·√№¤■\u{FFFD}",
    ),
    (
        PageCode::PC852,
        "ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×č\
         áíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐\
         └┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀\
         ÓßÔŃńňŠšŔÚŕŰýÝţ´\u{FFFD}˝˛ˇ˘§÷¸°¨˙űŘř■\u{FFFD}",
    ),
    (
        PageCode::PC857,
        "ÇüéâäàåçêëèïîıÄÅÉæÆôöòûùİÖÜø£ØŞş\
         áíóúñÑĞğ¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐\
         └┴┬├─┼ãÃ╚╔╩╦╠═╬¤ºªÊËÈ\u{FFFD}ÍÎÏ┘┌█▄¦Ì▀\
         ÓßÔÒõÕµ\u{FFFD}×ÚÛÙìÿ¯´\u{FFFD}±\u{FFFD}¾¶§÷¸°¨·¹³²■\u{FFFD}",
    ),
    (
        PageCode::PC869,
        "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}Ά\u{FFFD}·¬¦‘’Έ―ΉΊΪΌ\u{FFFD}\u{FFFD}ΎΫ©Ώ²³ά£έήί\
         ϊΐόύΑΒΓΔΕΖΗ½ΘΙ«»░▒▓│┤ΚΛΜΝ╣║╗╝ΞΟ┐\
         └┴┬├─┼ΠΡ╚╔╩╦╠═╬ΣΤΥΦΧΨΩαβγ┘┌█▄δε▀\
         ζηθικλμνξοπρσςτ΄\u{FFFD}±υφχ§ψ΅°¨ωϋΰώ■\u{FFFD}",
    ),
];

/// Where a page has nothing.
const NOTHING: char = '\u{FFFD}';
const HIGH_HALF: u8 = 0x80;

/// Lays the rows out as bytes, with a cut at the end. The drawer stays shut.
///
/// # Errors
/// [`RenderError::Printer`].
pub fn to_escpos(layout: &Layout) -> Result<Vec<u8>, RenderError> {
    let mut printer = Printer::new(Memory::default(), Protocol::default(), None);
    let mut page = PageCode::PC858;
    printer
        .init()?
        .character_set(CharacterSet::USA)?
        .page_code(page)?;
    for row in &layout.rows {
        match row {
            Row::Text { style, cells } => {
                let scale = if *style == Style::Big { 2 } else { 1 };
                let mut line = placed(cells, layout.columns, scale);
                if *style == Style::Bar {
                    let rest = layout.columns.saturating_sub(width(&line));
                    line.extend(std::iter::repeat_n(' ', rest));
                }
                dress(&mut printer, *style, Dressed::On)?;
                write(&mut printer, &mut page, &line)?;
                dress(&mut printer, *style, Dressed::Off)?;
                printer.feed()?;
            }
            Row::Rule => {
                write(&mut printer, &mut page, &rule(layout.columns))?;
                printer.feed()?;
            }
            Row::Qr { data } => {
                let option = QRCodeOption::new(
                    QRCodeModel::Model2,
                    QR_MODULE_DOTS,
                    QRCodeCorrectionLevel::M,
                );
                // An empty row on each side: scanners want white around it.
                printer
                    .feed()?
                    .justify(JustifyMode::CENTER)?
                    .qrcode_option(data, option)?
                    .justify(JustifyMode::LEFT)?
                    .feed()?;
            }
            Row::Feed(count) => {
                printer.feeds(*count)?;
            }
            Row::Cut => {
                printer.cut()?;
            }
        }
    }
    printer.print()?;
    Ok(printer.driver().0.into_inner())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Dressed {
    On,
    Off,
}

fn dress(printer: &mut Printer<Memory>, style: Style, dressed: Dressed) -> Result<(), RenderError> {
    let on = dressed == Dressed::On;
    match style {
        Style::Normal => {}
        Style::Bold => {
            printer.bold(on)?;
        }
        Style::Big => {
            let size = if on { 2 } else { 1 };
            printer.bold(on)?.size(size, size)?;
        }
        Style::Bar => {
            printer.bold(on)?.reverse(on)?;
        }
    }
    Ok(())
}

/// Writes a line, switching the code page where the current one has no place
/// for a character.
fn write(
    printer: &mut Printer<Memory>,
    page: &mut PageCode,
    line: &str,
) -> Result<(), RenderError> {
    let mut bytes = Vec::with_capacity(line.len());
    for c in line.chars() {
        if let Some(byte) = ascii(c) {
            bytes.push(byte);
            continue;
        }
        let places = places().get(&c).map_or(&[][..], Vec::as_slice);
        let current = u8::from(*page);
        let here = places.iter().find(|(code, _)| u8::from(*code) == current);
        match here.or(places.first()) {
            Some((code, byte)) => {
                if u8::from(*code) != current {
                    printer.custom(&std::mem::take(&mut bytes))?;
                    *page = *code;
                    printer.page_code(*page)?;
                }
                bytes.push(*byte);
            }
            None => match std::iter::once(c).nfd().next().and_then(ascii) {
                Some(letter) => bytes.push(letter),
                None => bytes.extend(std::iter::repeat_n(b'?', c.width().unwrap_or(0))),
            },
        }
    }
    printer.custom(&bytes)?;
    Ok(())
}

fn ascii(c: char) -> Option<u8> {
    u8::try_from(c).ok().filter(|b| matches!(b, 0x20..=0x7E))
}

/// Every character that some page has, with its places in order of preference.
fn places() -> &'static HashMap<char, Vec<(PageCode, u8)>> {
    static PLACES: OnceLock<HashMap<char, Vec<(PageCode, u8)>>> = OnceLock::new();
    PLACES.get_or_init(|| {
        let mut places: HashMap<char, Vec<(PageCode, u8)>> = HashMap::new();
        for (code, upper) in PAGES {
            for (byte, c) in (HIGH_HALF..=u8::MAX).zip(upper.chars()) {
                if c != NOTHING {
                    places.entry(c).or_default().push((code, byte));
                }
            }
        }
        places
    })
}

/// Keeps what would go to the printer.
#[derive(Default)]
struct Memory(RefCell<Vec<u8>>);

impl Driver for Memory {
    fn name(&self) -> String {
        "memory".to_owned()
    }

    fn write(&self, data: &[u8]) -> escpos::errors::Result<()> {
        self.0.borrow_mut().extend_from_slice(data);
        Ok(())
    }

    fn read(&self, _buf: &mut [u8]) -> escpos::errors::Result<usize> {
        Ok(0)
    }

    fn flush(&self) -> escpos::errors::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_its_128_places() {
        for (code, upper) in PAGES {
            assert_eq!(upper.chars().count(), 128, "{code}");
        }
    }

    #[test]
    fn known_characters_have_the_bytes_of_their_page() {
        for (c, code, byte) in [
            ('€', PageCode::PC858, 0xD5),
            ('ñ', PageCode::PC858, 0xA4),
            ('Ô', PageCode::PC858, 0xE2),
            ('¿', PageCode::PC858, 0xA8),
            ('…', PageCode::WPC1252, 0x85),
            ('Φ', PageCode::PC737, 0x94),
            ('К', PageCode::PC866, 0x8A),
            ('ř', PageCode::PC852, 0xFD),
        ] {
            let first = places()[&c][0];
            assert_eq!((u8::from(first.0), first.1), (u8::from(code), byte), "{c}");
        }
    }
}
