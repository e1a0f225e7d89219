//! A PDF page as wide as the paper and as long as the receipt.
//!
//! Invariants:
//! - the fonts are embedded and subsetted: what is printed can be read anywhere
//!   and copied out again;
//! - cells stand where the layout put them; a character the font has not is `?`.

use std::sync::OnceLock;

use fast_qr::{ECL, QRBuilder};
use printpdf::{
    Color, FontId, Greyscale, Mm, Op, PaintMode, ParsedFont, PdfDocument, PdfFontHandle, PdfPage,
    PdfSaveOptions, Pt, Rect, TextItem, TextMatrix,
};

use super::{RenderError, rule};
use crate::format::width;
use crate::layout::{Anchor, Cell, Layout, Row, Style};

static REGULAR: &[u8] = include_bytes!("../../fonts/DejaVuSansMono.ttf");
static BOLD: &[u8] = include_bytes!("../../fonts/DejaVuSansMono-Bold.ttf");

/// Widest layout that is meant for 58 mm paper.
const COLUMNS_NARROW_MAX: usize = 36;
/// An advance of DejaVu Sans Mono: 1233 of 2048 units.
const ADVANCE_EM: f32 = 1233.0 / 2048.0;
/// Height of a row, of its type's size.
const LEADING: f32 = 1.42;
/// Big type: as in the mock-up, less than a printer's double size.
const BIG: f32 = 1.45;
/// Foot of a letter over the foot of its row, of the row's height.
const BASELINE: f32 = 0.28;
const MARGIN_MM: f32 = 5.0;
const QR_MM: f32 = 23.0;
/// White around a QR code, without which scanners miss it.
const QR_QUIET_LINES: f32 = 1.5;

struct Fonts {
    regular: ParsedFont,
    bold: ParsedFont,
}

/// Parsing the fonts is most of the time of a receipt: once a process.
fn fonts() -> Result<&'static Fonts, RenderError> {
    static FONTS: OnceLock<Result<Fonts, &'static str>> = OnceLock::new();
    let parse = |bytes, name| ParsedFont::from_bytes(bytes, 0, &mut Vec::new()).ok_or(name);
    FONTS
        .get_or_init(|| {
            Ok(Fonts {
                regular: parse(REGULAR, "DejaVu Sans Mono")?,
                bold: parse(BOLD, "DejaVu Sans Mono Bold")?,
            })
        })
        .as_ref()
        .map_err(|name| RenderError::Font { name })
}

/// Draws one page.
///
/// # Errors
/// [`RenderError::Font`], [`RenderError::Qr`].
pub fn to_pdf(layout: &Layout) -> Result<Vec<u8>, RenderError> {
    let fonts = fonts()?;
    let mut document = PdfDocument::new(&layout.title);
    let regular = document.add_font(&fonts.regular);
    let bold = document.add_font(&fonts.bold);
    let mut page = Page::new(layout, fonts, regular, bold);
    for row in &layout.rows {
        page.row(row)?;
    }
    document.with_pages(vec![page.finish()]);
    Ok(document.save(&PdfSaveOptions::default(), &mut Vec::new()))
}

struct Page<'a> {
    columns: usize,
    fonts: &'a Fonts,
    regular: FontId,
    bold: FontId,
    width: Pt,
    left: f32,
    /// Width of a column.
    column: f32,
    /// Size of normal type.
    size: f32,
    /// How far down the page the next row begins.
    down: f32,
    height: f32,
    ops: Vec<Op>,
}

#[allow(clippy::float_arithmetic, reason = "page geometry, not money")]
impl<'a> Page<'a> {
    fn new(layout: &Layout, fonts: &'a Fonts, regular: FontId, bold: FontId) -> Self {
        let (paper, printed) = if layout.columns <= COLUMNS_NARROW_MAX {
            (Mm(58.0), Mm(50.0))
        } else {
            (Mm(80.0), Mm(72.0))
        };
        let (paper, printed) = (Pt::from(paper), Pt::from(printed));
        let column = printed.0 / columns_f32(layout.columns);
        let size = column / ADVANCE_EM;
        let mut page = Self {
            columns: layout.columns,
            fonts,
            regular,
            bold,
            width: paper,
            left: (paper.0 - printed.0) / 2.0,
            column,
            size,
            down: Pt::from(Mm(MARGIN_MM)).0,
            height: 0.0,
            ops: Vec::new(),
        };
        let rows: f32 = layout.rows.iter().map(|row| page.height_of(row)).sum();
        page.height = rows + 2.0 * page.down;
        page
    }

    fn height_of(&self, row: &Row) -> f32 {
        let line = self.size * LEADING;
        match row {
            Row::Text { style, .. } => match style {
                Style::Normal | Style::Bold => line,
                Style::Big => line * BIG,
                Style::Bar => line * 1.2,
            },
            Row::Rule => line,
            Row::Feed(count) => line * f32::from(*count),
            Row::Qr { .. } => Pt::from(Mm(QR_MM)).0 + line * QR_QUIET_LINES,
            Row::Cut => 0.0,
        }
    }

    fn row(&mut self, row: &Row) -> Result<(), RenderError> {
        let height = self.height_of(row);
        self.down += height;
        let foot = self.height - self.down;
        match row {
            Row::Text { style, cells } => self.text(*style, cells, foot, height),
            Row::Rule => {
                let text = rule(self.columns);
                let anchor = Anchor::Start(0);
                self.text(Style::Normal, &[Cell { text, anchor }], foot, height);
            }
            Row::Qr { data } => self.qr(data, foot, height)?,
            Row::Feed(_) | Row::Cut => {}
        }
        Ok(())
    }

    fn text(&mut self, style: Style, cells: &[Cell], foot: f32, height: f32) {
        let scale = if style == Style::Big { BIG } else { 1.0 };
        let (font, id) = match style {
            Style::Normal => (&self.fonts.regular, self.regular.clone()),
            Style::Bold | Style::Big | Style::Bar => (&self.fonts.bold, self.bold.clone()),
        };
        if style == Style::Bar {
            self.fill(0.0);
            let width = self.column * columns_f32(self.columns);
            self.rectangle(self.left, foot, width, height);
            self.fill(1.0);
        }
        self.ops.push(Op::StartTextSection);
        self.ops.push(Op::SetFont {
            font: PdfFontHandle::External(id),
            size: Pt(self.size * scale),
        });
        for cell in cells {
            let taken = columns_f32(width(&cell.text)) * scale;
            let start = match cell.anchor {
                Anchor::Start(at) => columns_f32(at),
                Anchor::Centre => (columns_f32(self.columns) - taken) / 2.0,
                Anchor::End(at) => columns_f32(at) - taken,
            };
            let text = cell
                .text
                .chars()
                .map(|c| match font.lookup_glyph_index(u32::from(c)) {
                    Some(glyph) if glyph != 0 => c,
                    _ => '?',
                })
                .collect();
            self.ops.push(Op::SetTextMatrix {
                matrix: TextMatrix::Translate(
                    Pt(self.left + start * self.column),
                    Pt(foot + height * BASELINE),
                ),
            });
            self.ops.push(Op::ShowText {
                items: vec![TextItem::Text(text)],
            });
        }
        self.ops.push(Op::EndTextSection);
        if style == Style::Bar {
            self.fill(0.0);
        }
    }

    fn qr(&mut self, data: &str, foot: f32, height: f32) -> Result<(), RenderError> {
        let code = QRBuilder::new(data.as_bytes())
            .ecl(ECL::M)
            .build()
            .map_err(|_| RenderError::Qr { bytes: data.len() })?;
        let side = Pt::from(Mm(QR_MM)).0;
        let module = side / columns_f32(code.size);
        let left = (self.width.0 - side) / 2.0;
        let top = foot + (height + side) / 2.0;
        self.fill(0.0);
        let rows = code.data.chunks(code.size).take(code.size);
        for (line, modules) in rows.enumerate() {
            let y = top - columns_f32(line.saturating_add(1)) * module;
            let mut at = 0;
            // Neighbours as one rectangle: a third of the size, and no hairlines.
            for run in modules.chunk_by(|a, b| a.value() == b.value()) {
                if run.first().is_some_and(|m| m.value()) {
                    let x = left + columns_f32(at) * module;
                    self.rectangle(x, y, columns_f32(run.len()) * module, module);
                }
                at = at.saturating_add(run.len());
            }
        }
        Ok(())
    }

    fn fill(&mut self, percent: f32) {
        self.ops.push(Op::SetFillColor {
            col: Color::Greyscale(Greyscale {
                percent,
                icc_profile: None,
            }),
        });
    }

    fn rectangle(&mut self, x: f32, y: f32, width: f32, height: f32) {
        let mut rectangle = Rect::from_xywh(Pt(x), Pt(y), Pt(width), Pt(height));
        rectangle.mode = Some(PaintMode::Fill);
        self.ops.push(Op::DrawRectangle { rectangle });
    }

    fn finish(self) -> PdfPage {
        PdfPage::new(self.width.into(), Pt(self.height).into(), self.ops)
    }
}

/// Columns of paper and modules of a QR code are few.
fn columns_f32(columns: usize) -> f32 {
    f32::from(u16::try_from(columns).unwrap_or(u16::MAX))
}
