//! Pages into PDF bytes: the one place with floats, which are PDF points.
//!
//! printpdf writes pages and font objects; its random ids and dates are replaced afterwards, so that the same face gives the same bytes.
#![expect(clippy::float_arithmetic, clippy::disallowed_types, reason = "PDF coordinates are points in floating point")]

use std::collections::{BTreeMap, BTreeSet};

use printpdf::{
    Color, CurTransMat, DictItem, FontId, FontMetrics, FontType, Mm, Op, ParsedFont, PdfDocument, PdfFont,
    PdfFontHandle, PdfFontMetricsStub, PdfPage, PdfSaveOptions, Pt, Rgb, TextItem, TextMatrix,
};

use super::draw::{Ink, Mark, Sheet, Text};
use super::face::Face;
use super::font::{BOX, Fonts, Glyph, Place, Typeface};
use super::layout;
use super::qr::{QUIET_MODULES, QrMatrix};
use super::subset::{Subset, subset};
use crate::base::limits::LINES_PER_INVOICE_MAX;
use crate::base::{Code, Fault};

/// A finished PDF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The file.
    pub bytes: Vec<u8>,
    /// Characters that no font has, in code point order: each was drawn as a box, and copies as itself.
    pub missing: Vec<char>,
}

/// The PDF of an invoice: a first page of 210 x 140 mm, and list pages when its lines do not fit there.
///
/// # Errors
/// [`Code::RenderLinesTooMany`], [`Code::RenderQrTooLong`] when the face can't be printed; [`Code::RenderPdf`] when the file could not
/// be put together.
pub fn invoice_pdf(face: &Face, fonts: &Fonts) -> Result<Rendered, Fault> {
    if face.lines.len() > LINES_PER_INVOICE_MAX {
        let message = format!("{} lines, at most {LINES_PER_INVOICE_MAX}", face.lines.len());
        return Err(Fault::new(Code::RenderLinesTooMany, "lines", message));
    }
    let sheets = layout::pages(face, fonts)?;
    let mut used = Used::default();
    let pages = sheets.iter().map(|sheet| page(sheet, fonts, &mut used)).collect();
    let mut document = PdfDocument::new("");
    document.with_pages(pages);
    for (typeface, characters) in &used.characters {
        let font = PdfFont::new(embedded(fonts, *typeface, subset(fonts.file(*typeface), characters)?));
        document.resources.fonts.map.insert(font_id(*typeface), font);
    }
    Ok(Rendered { bytes: finished(&document, face)?, missing: used.missing.into_iter().collect() })
}

/// What the pages use of the fonts.
#[derive(Debug, Default)]
struct Used {
    characters: BTreeMap<Typeface, BTreeMap<char, Glyph>>,
    missing: BTreeSet<char>,
}

fn font_id(typeface: Typeface) -> FontId {
    let name = match typeface {
        Typeface::Kai => "K",
        Typeface::Song => "S",
        Typeface::Figure => "D",
    };
    FontId(name.to_owned())
}

/// A subset in the form that printpdf embeds as it stands (pdf.md 3).
fn embedded(fonts: &Fonts, typeface: Typeface, subset: Subset) -> ParsedFont {
    let file = fonts.file(typeface);
    let [x_min, y_min, x_max, y_max] = file.bounds;
    ParsedFont {
        original_bytes: subset.bytes,
        font_index: 0,
        font_name: Some(subset.name),
        codepoint_to_glyph: subset.glyphs.iter().map(|(character, glyph)| (u32::from(*character), glyph.id)).collect(),
        glyph_widths: subset.glyphs.values().map(|glyph| (glyph.id, glyph.advance)).collect(),
        units_per_em: file.units_per_em,
        font_metrics: FontMetrics { ascent: file.ascent, descent: file.descent },
        font_type: FontType::TrueType,
        pdf_font_metrics: PdfFontMetricsStub {
            units_per_em: file.units_per_em,
            x_min,
            y_min,
            x_max,
            y_max,
            us_weight_class: 400,
            ..PdfFontMetricsStub::default()
        },
    }
}

/// Micrometres in PDF points, to a hundredth: 3.5 micrometres, far below what a printer can place.
fn points(micrometres: i32) -> f32 {
    let hundredths = i64::from(micrometres) * 7_200 / 25_400;
    let whole = i16::try_from(hundredths / 100).unwrap_or(i16::MAX);
    let rest = i16::try_from(hundredths % 100).unwrap_or_default();
    f32::from(whole) + f32::from(rest) / 100.0
}

fn millimetres(micrometres: i32) -> Mm {
    Mm(f32::from(i16::try_from(micrometres / 1_000).unwrap_or(i16::MAX)))
}

fn colour(ink: Ink) -> Color {
    let (r, g, b) = match ink {
        Ink::Label => (0.55, 0.20, 0.12),
        Ink::Value => (0.08, 0.08, 0.10),
        Ink::Faint => (0.97, 0.86, 0.84),
        Ink::Warning => (0.80, 0.10, 0.10),
        Ink::Quiet => (0.42, 0.38, 0.36),
    };
    Color::Rgb(Rgb { r, g, b, icc_profile: None })
}

fn page(sheet: &Sheet, fonts: &Fonts, used: &mut Used) -> PdfPage {
    let mut ops = vec![Op::SetOutlineColor { col: colour(Ink::Label) }];
    let mut rule_width = None;
    let mut state = TextState::default();
    for mark in &sheet.marks {
        match mark {
            Mark::Text(text) => show(text, sheet.height, fonts, used, &mut state, &mut ops),
            Mark::Rule { from, to, width } => {
                if rule_width.replace(*width) != Some(*width) {
                    ops.push(Op::SetOutlineThickness { pt: Pt(points(*width)) });
                }
                let place = |(x, y): (i32, i32)| [real(points(x)), real(points(sheet.height - y))];
                ops.push(raw("m", place(*from).into()));
                ops.push(raw("l", place(*to).into()));
                ops.push(raw("S", Vec::new()));
            }
            Mark::Code { x, y, side, matrix } => {
                code(matrix, (*x, sheet.height - *y), *side, &mut ops);
                state = TextState::default();
            }
        }
    }
    PdfPage::new(millimetres(sheet.width), millimetres(sheet.height), ops)
}

fn raw(key: &str, value: Vec<DictItem>) -> Op {
    Op::Unknown { key: key.to_owned(), value }
}

fn real(value: f32) -> DictItem {
    DictItem::Real(value)
}

/// Colour and font that are set already.
#[derive(Debug, Default, PartialEq)]
struct TextState {
    ink: Option<Ink>,
    font: Option<(Typeface, i32)>,
}

/// A part of a text that one font draws.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    typeface: Typeface,
    content: String,
    /// The character that the box stands for.
    stands_for: Option<char>,
}

/// Splits a text by the fonts that draw it, and notes what is used.
fn parts(text: &Text, fonts: &Fonts, used: &mut Used) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for character in text.content.chars() {
        let (typeface, drawn, glyph, stands_for) = match fonts.place(text.typeface, character) {
            Place::Found(typeface, glyph) => (typeface, character, glyph, None),
            Place::Missing(glyph) => {
                used.missing.insert(character);
                (Typeface::Song, BOX, glyph, Some(character))
            }
        };
        used.characters.entry(typeface).or_default().insert(drawn, glyph);
        match parts.last_mut() {
            Some(part) if part.typeface == typeface && part.stands_for.is_none() && stands_for.is_none() => {
                part.content.push(drawn);
            }
            Some(_) | None => parts.push(Part { typeface, content: drawn.to_string(), stands_for }),
        }
    }
    parts
}

fn show(text: &Text, height: i32, fonts: &Fonts, used: &mut Used, state: &mut TextState, ops: &mut Vec<Op>) {
    if state.ink.replace(text.ink) != Some(text.ink) {
        ops.push(Op::SetFillColor { col: colour(text.ink) });
    }
    ops.push(Op::StartTextSection);
    let (x, y) = (points(text.x), points(height - text.y));
    let matrix = if text.turn == 0 {
        [1.0, 0.0, 0.0, 1.0, x, y]
    } else {
        let (sin, cos) = f32::from(text.turn).to_radians().sin_cos();
        // Four digits: the platform's sine may differ in the last bit, the file must not.
        let short = |value: f32| (value * 10_000.0).round() / 10_000.0;
        [short(cos), short(sin), -short(sin), short(cos), x, y]
    };
    ops.push(Op::SetTextMatrix { matrix: TextMatrix::Raw(matrix) });
    for part in parts(text, fonts, used) {
        if state.font.replace((part.typeface, text.size)) != Some((part.typeface, text.size)) {
            let font = PdfFontHandle::External(font_id(part.typeface));
            ops.push(Op::SetFont { font, size: Pt(points(text.size)) });
        }
        if let Some(character) = part.stands_for {
            ops.push(Op::BeginMarkedContentWithProperties {
                tag: "Span".to_owned(),
                properties: actual_text(character),
            });
        }
        ops.push(Op::ShowText { items: vec![TextItem::Text(part.content)] });
        if part.stands_for.is_some() {
            ops.push(Op::EndMarkedContent);
        }
    }
    ops.push(Op::EndTextSection);
}

/// What copies in place of a box: the character itself (ISO 32000-1, 14.9.4), UTF-16 with byte order mark.
fn actual_text(character: char) -> DictItem {
    let mut units = [0; 2];
    let mut data = vec![0xFE, 0xFF];
    data.extend(character.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
    DictItem::Dict { map: BTreeMap::from([("ActualText".to_owned(), DictItem::String { data, literal: false })]) }
}

/// A QR code as one filled path in module coordinates, on white.
fn code(matrix: &QrMatrix, (left, top): (i32, i32), side: i32, ops: &mut Vec<Op>) {
    let modules = i32::try_from(matrix.width() + 2 * QUIET_MODULES).unwrap_or(1).max(1);
    let count = i16::try_from(modules).unwrap_or(1);
    let module = points(side) / f32::from(count);
    let scale = (module * 10_000.0).round() / 10_000.0;
    let rectangle = |x: usize, y: i64, width: usize, height: i64| {
        let int = |value: usize| DictItem::Int(i64::try_from(value).unwrap_or_default());
        raw("re", vec![int(x), DictItem::Int(y), int(width), DictItem::Int(height)])
    };
    ops.push(Op::SaveGraphicsState);
    let origin = [scale, 0.0, 0.0, scale, points(left), points(top)];
    ops.push(Op::SetTransformationMatrix { matrix: CurTransMat::Raw(origin) });
    let white = Color::Rgb(Rgb { r: 1.0, g: 1.0, b: 1.0, icc_profile: None });
    ops.push(Op::SetFillColor { col: white });
    let side = i64::from(modules);
    ops.push(rectangle(0, -side, matrix.width() + 2 * QUIET_MODULES, side));
    ops.push(raw("f", Vec::new()));
    ops.push(Op::SetFillColor { col: Color::Rgb(Rgb { r: 0.0, g: 0.0, b: 0.0, icc_profile: None }) });
    for run in matrix.runs() {
        let y = i64::try_from(run.y + QUIET_MODULES + 1).unwrap_or_default();
        ops.push(rectangle(run.x + QUIET_MODULES, -y, run.length, 1));
    }
    ops.push(raw("f", Vec::new()));
    ops.push(Op::RestoreGraphicsState);
}

/// Serialises without anything random: own Info, own ID.
fn finished(document: &PdfDocument, face: &Face) -> Result<Vec<u8>, Fault> {
    let options = PdfSaveOptions { optimize: false, subset_fonts: false, secure: false, image_optimization: None };
    let mut warnings = Vec::new();
    let mut file = document.to_lopdf_document(&options, &mut warnings);
    let failed = |what: String| Fault::new(Code::RenderPdf, "", what);
    if let Some(warning) = warnings.first() {
        return Err(failed(format!("{warning:?}")));
    }
    let utf16 = |text: &str| {
        let mut bytes = vec![0xFE, 0xFF];
        bytes.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
        lopdf::Object::String(bytes, lopdf::StringFormat::Hexadecimal)
    };
    // Midnight of the legal date in Shenzhen: the face knows no time of day.
    let date = format!("D:{}000000+08'00'", face.date.to_string().replace('-', ""));
    let date = lopdf::Object::String(date.into_bytes(), lopdf::StringFormat::Literal);
    let info = lopdf::Dictionary::from_iter([
        ("Title", utf16(&format!("{} {} {}", face.title, face.code, face.number))),
        ("Author", utf16(&face.seller.name)),
        ("Producer", utf16("piaolian")),
        ("CreationDate", date.clone()),
        ("ModDate", date),
    ]);
    let info_id = file.trailer.get(b"Info").and_then(lopdf::Object::as_reference);
    let info_id = info_id.map_err(|e| failed(e.to_string()))?;
    file.objects.insert(info_id, lopdf::Object::Dictionary(info));
    let id = lopdf::Object::String(face.hash.clone().into_bytes(), lopdf::StringFormat::Literal);
    file.trailer.set("ID", lopdf::Object::Array(vec![id.clone(), id]));
    file.version = "1.7".to_owned();
    file.compress();
    let mut bytes = Vec::new();
    file.save_to(&mut bytes).map_err(|e| failed(e.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn micrometres_become_points() {
        assert_eq!(points(25_400), 72.0);
        assert_eq!(points(210_000), 595.27);
        assert_eq!(points(-25_400), -72.0);
    }

    #[test]
    fn a_character_beyond_the_bmp_is_two_units_of_actual_text() {
        let DictItem::Dict { map } = actual_text('\u{20BB7}') else { panic!("no dictionary") };
        let expected = DictItem::String { data: vec![0xFE, 0xFF, 0xD8, 0x42, 0xDF, 0xB7], literal: false };
        assert_eq!(map["ActualText"], expected);
    }
}
