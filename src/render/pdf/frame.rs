//! The frame of a page as printpdf draws it: once, when the service starts.
//!
//! Our user asked for printpdf as the drawing library. A whole invoice through it costs 5.5 ms with fonts cut beforehand, 1.07 ms at best
//! when everything but its drawing is replaced, and it writes neither metadata nor attachments nor output intents (pdf.md 2 and 3); asked
//! for are 1.0 ms for a PDF/A-3. So it draws what is the same on all invoices of a kind: rules, labels, seal and sample mark. Its
//! content stream becomes a form that every page shows; what differs from invoice to invoice is written by `content`, and the file by pdf-writer.
#![expect(clippy::float_arithmetic, clippy::disallowed_types, reason = "printpdf takes points as floats")]

use std::collections::BTreeMap;

use printpdf::{
    Color, DictItem, FontId, FontMetrics, FontType, Mm, Op, ParsedFont, PdfDocument, PdfFont, PdfFontHandle,
    PdfFontMetricsStub, PdfPage, PdfSaveOptions, Pt, Rgb, TextItem, TextMatrix,
};

use super::super::draw::{Frame, Ink, Mark, Text};
use super::super::font::{Fonts, Typeface};
use super::super::turn::{handle, turn};
use super::content::{adjustment, thousandths};
use super::letters::{FontName, Letter, Letters, Ready};
use super::points::points;
use crate::base::{Code, Fault};

fn failed(what: String) -> Fault {
    Fault::new(Code::RenderPdf, "", format!("frame: {what}"))
}

/// The content stream of a frame whose fonts are `ready`.
///
/// # Errors
/// [`Code::RenderFont`] for a label with a character that no font has; [`Code::RenderPdf`] when printpdf has something to say.
pub(super) fn draw(frame: &Frame, ready: &Ready<'_>, fonts: &Fonts) -> Result<Vec<u8>, Fault> {
    let mut drawing =
        Drawing { height: frame.height, ready, letters: Letters::new(fonts), ops: Vec::new(), font: None };
    drawing.marks(&frame.marks);
    let Drawing { letters, ops, .. } = drawing;
    if !letters.own.is_empty() || !letters.missing.is_empty() {
        let what = format!("a label needs {:?}, and no font has {:?}", letters.own.keys(), letters.missing);
        return Err(Fault::new(Code::RenderFont, "", what));
    }
    let mut document = PdfDocument::new("");
    document.with_pages(vec![PdfPage::new(Mm(0.0), Mm(0.0), ops)]);
    for (typeface, prepared) in ready {
        let file = fonts.file(*typeface);
        // Where a code stands for a character here, printpdf takes it for a glyph's number.
        let characters = prepared.alphabet.characters().iter().zip(1u16..);
        let font = ParsedFont {
            // The file that printpdf puts together is thrown away, its fonts with it; it only has to find some.
            original_bytes: vec![0],
            font_index: 0,
            font_name: None,
            codepoint_to_glyph: characters
                .clone()
                .map(|((character, _), code)| (u32::from(*character), code))
                .collect(),
            glyph_widths: characters.map(|((_, glyph), code)| (code, glyph.advance)).collect(),
            units_per_em: file.units_per_em,
            font_metrics: FontMetrics { ascent: file.ascent, descent: file.descent },
            font_type: FontType::TrueType,
            pdf_font_metrics: PdfFontMetricsStub::default(),
        };
        document.resources.fonts.map.insert(font_id(*typeface), PdfFont::new(font));
    }
    content(&document)
}

/// The content stream of the one page, and nothing else of the file.
fn content(document: &PdfDocument) -> Result<Vec<u8>, Fault> {
    let options = PdfSaveOptions { optimize: false, subset_fonts: false, secure: false, image_optimization: None };
    let mut warnings = Vec::new();
    let file = document.to_lopdf_document(&options, &mut warnings);
    if let Some(warning) = warnings.first() {
        return Err(failed(format!("{warning:?}")));
    }
    let page = file.get_pages().into_values().next().ok_or_else(|| failed("no page".to_owned()))?;
    Ok(file.get_page_content(page))
}

fn font_id(typeface: Typeface) -> FontId {
    FontId(FontName::Prepared(typeface).as_str().to_owned())
}

fn colour(ink: Ink) -> Color {
    let [r, g, b] = ink.0.map(|part| f32::from(i16::try_from(thousandths(part)).unwrap_or_default()) / 1_000.0);
    Color::Rgb(Rgb { r, g, b, icc_profile: None })
}

fn raw(key: &str, value: Vec<DictItem>) -> Op {
    Op::Unknown { key: key.to_owned(), value }
}

struct Drawing<'a> {
    height: i32,
    ready: &'a Ready<'a>,
    letters: Letters<'a>,
    ops: Vec<Op>,
    font: Option<(FontName, i32)>,
}

impl Drawing<'_> {
    fn marks(&mut self, marks: &[Mark]) {
        for mark in marks {
            match mark {
                Mark::Text(text) => self.text(text),
                Mark::Rule { from, to, width, ink } => {
                    self.line(*ink, *width);
                    let (from, to) = (self.place(*from), self.place(*to));
                    self.ops.extend([raw("m", from), raw("l", to), raw("S", Vec::new())]);
                }
                Mark::Ellipse { centre, radii, width, ink } => self.ellipse(*centre, *radii, (*width, *ink)),
                // A frame has none: it is the same for all invoices (`draw`).
                Mark::Code { .. } => {}
                Mark::Span { actual, marks } => {
                    self.ops.push(Op::BeginMarkedContentWithProperties {
                        tag: "Span".to_owned(),
                        properties: actual_text(actual),
                    });
                    self.marks(marks);
                    self.ops.push(Op::EndMarkedContent);
                }
            }
        }
    }

    fn place(&self, (x, y): (i32, i32)) -> Vec<DictItem> {
        [x, self.height.saturating_sub(y)].map(|at| DictItem::Real(points(at))).into()
    }

    fn line(&mut self, ink: Ink, width: i32) {
        self.ops.push(Op::SetOutlineColor { col: colour(ink) });
        self.ops.push(Op::SetOutlineThickness { pt: Pt(points(width)) });
    }

    /// Four quarters, counter-clockwise from the right.
    fn ellipse(&mut self, (x, y): (i32, i32), (across, down): (i32, i32), (width, ink): (i32, Ink)) {
        self.line(ink, width);
        let (over, after) = (handle(down), handle(across));
        let start = self.place((x + across, y));
        self.ops.push(raw("m", start));
        for quarter in [
            [(across, -over), (after, -down), (0, -down)],
            [(-after, -down), (-across, -over), (-across, 0)],
            [(-across, over), (-after, down), (0, down)],
            [(after, down), (across, over), (across, 0)],
        ] {
            let points = quarter.into_iter().flat_map(|(right, under)| self.place((x + right, y + under))).collect();
            self.ops.push(raw("c", points));
        }
        self.ops.push(raw("s", Vec::new()));
    }

    fn text(&mut self, text: &Text) {
        self.ops.push(Op::SetFillColor { col: colour(text.ink) });
        self.ops.push(Op::StartTextSection);
        let (cosine, sine) = turn(text.turn);
        let [cosine, sine] = [cosine, sine].map(|part| f32::from(i16::try_from(part).unwrap_or_default()) / 10_000.0);
        let (x, y) = (points(text.x), points(self.height.saturating_sub(text.y)));
        self.ops.push(Op::SetTextMatrix { matrix: TextMatrix::Raw([cosine, sine, -sine, cosine, x, y]) });
        for character in text.content.chars() {
            let letter = self.letters.letter(self.ready, text.typeface, character);
            self.letter(text, character, letter);
        }
        self.ops.push(Op::EndTextSection);
    }

    fn letter(&mut self, text: &Text, character: char, letter: Letter) {
        if self.font.replace((letter.font, text.size)) != Some((letter.font, text.size)) {
            let font = match letter.font {
                FontName::Prepared(typeface) | FontName::Own(typeface) => font_id(typeface),
            };
            self.ops.push(Op::SetFont { font: PdfFontHandle::External(font), size: Pt(points(text.size)) });
        }
        let step = text.pitch.map_or(0, |pitch| adjustment(pitch, text.size, letter.width));
        // Characters that follow one another are shown together.
        let mut items = match self.ops.pop() {
            Some(Op::ShowText { items }) => items,
            Some(other) => {
                self.ops.push(other);
                Vec::new()
            }
            None => Vec::new(),
        };
        match items.last_mut() {
            Some(TextItem::Text(shown)) => shown.push(character),
            Some(_) | None => items.push(TextItem::Text(character.to_string())),
        }
        if step != 0 {
            items.push(TextItem::Offset(f32::from(step)));
        }
        self.ops.push(Op::ShowText { items });
    }
}

/// What copies in place of what is drawn (ISO 32000-1, 14.9.4): UTF-16 with byte order mark.
fn actual_text(text: &str) -> DictItem {
    let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
    let data = units.flat_map(u16::to_be_bytes).collect();
    DictItem::Dict { map: BTreeMap::from([("ActualText".to_owned(), DictItem::String { data, literal: false })]) }
}
