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
use super::layout::Layouts;
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
    let layouts = Layouts::load(fonts)?;
    let sheets = layouts.sheets(face, fonts)?;
    let mut used = Used::default();
    let pages = sheets.iter().map(|sheet| page(sheet, &layouts, fonts, &mut used)).collect();
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
    let [r, g, b] = ink.0.map(|part| f32::from(part) / 255.0);
    Color::Rgb(Rgb { r, g, b, icc_profile: None })
}

fn page(sheet: &Sheet, layouts: &Layouts, fonts: &Fonts, used: &mut Used) -> PdfPage {
    let mut ops = Vec::new();
    let mut state = State::default();
    let frame = layouts.frame(sheet.frame).map_or(&[][..], |frame| &frame.marks);
    for mark in frame.iter().chain(&sheet.marks) {
        paint(mark, sheet.height, fonts, used, &mut state, &mut ops);
    }
    PdfPage::new(millimetres(sheet.width), millimetres(sheet.height), ops)
}

fn paint(mark: &Mark, height: i32, fonts: &Fonts, used: &mut Used, state: &mut State, ops: &mut Vec<Op>) {
    let place = |(x, y): (i32, i32)| [real(points(x)), real(points(height - y))];
    match mark {
        Mark::Text(text) => show(text, height, fonts, used, state, ops),
        Mark::Rule { from, to, width, ink } => {
            outline(*width, *ink, state, ops);
            ops.push(raw("m", place(*from).into()));
            ops.push(raw("l", place(*to).into()));
            ops.push(raw("S", Vec::new()));
        }
        Mark::Ellipse { centre: (x, y), radii: (across, down), width, ink } => {
            outline(*width, *ink, state, ops);
            // Four curves; the handles are 0.5523 of a radius long.
            let (handle_x, handle_y) = (*across * 5_523 / 10_000, *down * 5_523 / 10_000);
            let at = |(to_x, to_y): (i32, i32)| place((x + to_x, y + to_y));
            let curve = |a, b, c| raw("c", [at(a), at(b), at(c)].concat());
            ops.push(raw("m", at((*across, 0)).into()));
            ops.push(curve((*across, -handle_y), (handle_x, -*down), (0, -*down)));
            ops.push(curve((-handle_x, -*down), (-*across, -handle_y), (-*across, 0)));
            ops.push(curve((-*across, handle_y), (-handle_x, *down), (0, *down)));
            ops.push(curve((handle_x, *down), (*across, handle_y), (*across, 0)));
            ops.push(raw("s", Vec::new()));
        }
        Mark::Code { x, y, side, matrix } => {
            code(matrix, (*x, height - *y), *side, ops);
            *state = State::default();
        }
        Mark::Span { actual, marks } => {
            ops.push(Op::BeginMarkedContentWithProperties { tag: "Span".to_owned(), properties: actual_text(actual) });
            for mark in marks {
                paint(mark, height, fonts, used, state, ops);
            }
            ops.push(Op::EndMarkedContent);
        }
    }
}

fn outline(width: i32, ink: Ink, state: &mut State, ops: &mut Vec<Op>) {
    if state.outline.replace((width, ink)) != Some((width, ink)) {
        ops.push(Op::SetOutlineColor { col: colour(ink) });
        ops.push(Op::SetOutlineThickness { pt: Pt(points(width)) });
    }
}

fn raw(key: &str, value: Vec<DictItem>) -> Op {
    Op::Unknown { key: key.to_owned(), value }
}

fn real(value: f32) -> DictItem {
    DictItem::Real(value)
}

/// Colours, width and font that are set already.
#[derive(Debug, Default, PartialEq)]
struct State {
    ink: Option<Ink>,
    font: Option<(Typeface, i32)>,
    outline: Option<(i32, Ink)>,
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
fn parts(asked: Typeface, content: &str, fonts: &Fonts, used: &mut Used) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for character in content.chars() {
        let (typeface, drawn, glyph, stands_for) = match fonts.place(asked, character) {
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

fn show(text: &Text, height: i32, fonts: &Fonts, used: &mut Used, state: &mut State, ops: &mut Vec<Op>) {
    if state.ink.replace(text.ink) != Some(text.ink) {
        ops.push(Op::SetFillColor { col: colour(text.ink) });
    }
    ops.push(Op::StartTextSection);
    match text.pitch {
        None => {
            ops.push(placed(text.x, text.y, height, text.turn));
            show_parts(text, &text.content, fonts, used, state, ops);
        }
        // Character by character: texts with a pitch are short, and are not turned.
        Some(pitch) => {
            let mut one = [0; 4];
            for (nth, character) in (0..).zip(text.content.chars()) {
                ops.push(placed(text.x + nth * pitch, text.y, height, 0));
                show_parts(text, character.encode_utf8(&mut one), fonts, used, state, ops);
            }
        }
    }
    ops.push(Op::EndTextSection);
}

/// Where the next text begins, and how it is turned.
fn placed(x: i32, y: i32, height: i32, turn: i32) -> Op {
    let (x, y) = (points(x), points(height - y));
    let matrix = if turn == 0 {
        [1.0, 0.0, 0.0, 1.0, x, y]
    } else {
        let part = |value: i32| f32::from(i16::try_from(value).unwrap_or_default());
        let (sin, cos) = (part(turn / 1_000) + part(turn % 1_000) / 1_000.0).to_radians().sin_cos();
        // Four digits: the platform's sine may differ in the last bit, the file must not.
        let short = |value: f32| (value * 10_000.0).round() / 10_000.0;
        [short(cos), short(sin), -short(sin), short(cos), x, y]
    };
    Op::SetTextMatrix { matrix: TextMatrix::Raw(matrix) }
}

fn show_parts(text: &Text, content: &str, fonts: &Fonts, used: &mut Used, state: &mut State, ops: &mut Vec<Op>) {
    for part in parts(text.typeface, content, fonts, used) {
        if state.font.replace((part.typeface, text.size)) != Some((part.typeface, text.size)) {
            let font = PdfFontHandle::External(font_id(part.typeface));
            ops.push(Op::SetFont { font, size: Pt(points(text.size)) });
        }
        if let Some(character) = part.stands_for {
            ops.push(Op::BeginMarkedContentWithProperties {
                tag: "Span".to_owned(),
                properties: actual_text(&character.to_string()),
            });
        }
        ops.push(Op::ShowText { items: vec![TextItem::Text(part.content)] });
        if part.stands_for.is_some() {
            ops.push(Op::EndMarkedContent);
        }
    }
}

/// What copies in place of what is drawn (ISO 32000-1, 14.9.4), UTF-16 with byte order mark.
fn actual_text(text: &str) -> DictItem {
    let mut data = vec![0xFE, 0xFF];
    data.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
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
        ("Title", utf16(&format!("{} {} {}", face.kind.title(), face.code, face.number))),
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
        let DictItem::Dict { map } = actual_text("\u{20BB7}") else { panic!("no dictionary") };
        let expected = DictItem::String { data: vec![0xFE, 0xFF, 0xD8, 0x42, 0xDF, 0xB7], literal: false };
        assert_eq!(map["ActualText"], expected);
    }
}
