//! The page of `page.json` drawn with krilla over and over: `peer-document SECONDS [OUT.pdf]`. PDF/A-3u with the receipt attached; glyphs
//! are given, fonts parsed once. Prints processor time and size as `peers.py` does.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use krilla::color::rgb;
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::embed::{AssociationKind, EmbeddedFile, MimeType};
use krilla::geom::{PathBuilder, Point, Rect, Transform};
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, Stroke};
use krilla::surface::Surface;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use krilla::{Document, SerializeSettings};
use serde::Deserialize;

const MM: f32 = 72.0 / 25.4;

#[derive(Deserialize)]
struct Page {
    width: f32,
    height: f32,
    texts: Vec<Text>,
    lines: Vec<(f32, f32, f32, f32, f32, String)>,
    boxes: Vec<[f32; 4]>,
    rings: Vec<(f32, f32, f32, f32, f32, String)>,
    receipt: String,
}

#[derive(Deserialize)]
struct Text {
    x: f32,
    y: f32,
    size: f32,
    font: String,
    colour: String,
    turn: f32,
    text: String,
}

struct Face {
    font: Font,
    glyphs: HashMap<char, (u32, f32)>,
}

fn face(path: &Path) -> Face {
    let bytes = std::fs::read(path).expect("the font is there");
    let parsed = ttf_parser::Face::parse(&bytes, 0).expect("the font can be read");
    let em = f32::from(parsed.units_per_em());
    let mut glyphs = HashMap::new();
    for subtable in parsed.tables().cmap.expect("a cmap").subtables {
        subtable.codepoints(|code| {
            if let (Some(c), Some(id)) = (char::from_u32(code), subtable.glyph_index(code)) {
                let advance = f32::from(parsed.glyph_hor_advance(id).unwrap_or_default()) / em;
                glyphs.insert(c, (u32::from(id.0), advance));
            }
        });
    }
    Face { font: Font::new(Arc::new(bytes).into(), 0).expect("krilla takes the font"), glyphs }
}

fn colour(text: &str) -> rgb::Color {
    let part = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("a colour");
    rgb::Color::new(part(1), part(3), part(5))
}

fn fill(text: &str) -> Option<Fill> {
    Some(Fill { paint: colour(text).into(), opacity: NormalizedF32::ONE, rule: Default::default() })
}

fn stroke(text: &str, width: f32) -> Option<Stroke> {
    Some(Stroke { paint: colour(text).into(), width: width * MM, ..Default::default() })
}

fn marks(page: &Page, faces: &HashMap<String, Face>, number: usize, nth: u32, surface: &mut Surface<'_>) {
    surface.set_fill(None);
    for (x1, y1, x2, y2, width, ink) in &page.lines {
        surface.set_stroke(stroke(ink, *width));
        let mut path = PathBuilder::new();
        path.move_to(x1 * MM, y1 * MM);
        path.line_to(x2 * MM, y2 * MM);
        surface.draw_path(&path.finish().expect("a path"));
    }
    for (x, y, w, h, width, ink) in &page.rings {
        surface.set_stroke(stroke(ink, *width));
        let (cx, cy, rx, ry) = ((x + w / 2.0) * MM, (y + h / 2.0) * MM, w / 2.0 * MM, h / 2.0 * MM);
        let (kx, ky) = (rx * 0.5523, ry * 0.5523);
        let mut path = PathBuilder::new();
        path.move_to(cx + rx, cy);
        path.cubic_to(cx + rx, cy + ky, cx + kx, cy + ry, cx, cy + ry);
        path.cubic_to(cx - kx, cy + ry, cx - rx, cy + ky, cx - rx, cy);
        path.cubic_to(cx - rx, cy - ky, cx - kx, cy - ry, cx, cy - ry);
        path.cubic_to(cx + kx, cy - ry, cx + rx, cy - ky, cx + rx, cy);
        path.close();
        surface.draw_path(&path.finish().expect("a path"));
    }
    surface.set_stroke(None);
    surface.set_fill(fill("#000000"));
    let mut path = PathBuilder::new();
    for [x, y, w, h] in &page.boxes {
        path.push_rect(Rect::from_xywh(x * MM, y * MM, w * MM, h * MM).expect("a rectangle"));
    }
    surface.draw_path(&path.finish().expect("a path"));
    for (n, text) in page.texts.iter().enumerate() {
        let face = &faces[&text.font];
        let content = if n == number { format!("{nth:08}") } else { text.text.clone() };
        let glyphs: Vec<KrillaGlyph> = content
            .char_indices()
            .map(|(at, c)| {
                let (id, advance) = face.glyphs[&c];
                KrillaGlyph::new(GlyphId::new(id), advance, 0.0, 0.0, 0.0, at..at + c.len_utf8(), None)
            })
            .collect();
        surface.set_fill(fill(&text.colour));
        let place = Point::from_xy(text.x * MM, text.y * MM);
        if text.turn != 0.0 {
            surface.push_transform(&Transform::from_rotate_at(-text.turn, text.x * MM, text.y * MM));
        }
        surface.draw_glyphs(place, &glyphs, face.font.clone(), &content, text.size, false);
        if text.turn != 0.0 {
            surface.pop();
        }
    }
}

fn draw(page: &Page, faces: &HashMap<String, Face>, number: usize, nth: u32) -> Vec<u8> {
    let configuration =
        ConfigurationBuilder::new().with_archival_validator(Archival::A3_U).finish().expect("PDF/A-3u is known");
    let mut document = Document::new_with(SerializeSettings { configuration, enable_tagging: false, ..Default::default() });
    let settings = PageSettings::from_wh(page.width * MM, page.height * MM).expect("a size");
    let mut drawn = document.start_page_with(settings);
    let mut surface = drawn.surface();
    marks(page, faces, number, nth, &mut surface);
    surface.finish();
    drawn.finish();
    let date = DateTime::new(2026).month(11).day(22);
    document.set_metadata(
        Metadata::new()
            .title("深圳电子普通发票".to_owned())
            .language("zh-CN".to_owned())
            .creation_date(date),
    );
    document.embed_file(EmbeddedFile {
        path: "receipt.json".to_owned(),
        mime_type: MimeType::new("application/json"),
        description: Some("receipt".to_owned()),
        association_kind: AssociationKind::Data,
        data: page.receipt.clone().into_bytes().into(),
        modification_date: Some(date),
        compress: None,
        location: None,
    });
    document.finish().expect("krilla finds nothing against PDF/A-3u")
}

/// Nanoseconds of processor time of this thread (proc(5)).
fn processor_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    text.split(' ').next().and_then(|ns| ns.parse().ok()).expect("nanoseconds")
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let seconds: u64 = arguments[1].parse().expect("seconds");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(here.join("page.json")).expect("page.json");
    let page: Page = serde_json::from_str(&text).expect("page.json can be read");
    let fonts = here.join("../../../templates/face/fonts");
    let faces: HashMap<String, Face> = [("Kai", "kai.ttf"), ("Song", "song.ttf"), ("Figure", "figure.ttf")]
        .into_iter()
        .map(|(name, file)| (name.to_owned(), face(&fonts.join(file))))
        .collect();
    let is_number = |text: &Text| text.text.len() == 8 && text.text.bytes().all(|b| b.is_ascii_digit());
    let number = page.texts.iter().position(is_number).expect("an invoice number");
    let one = draw(&page, &faces, number, 0);
    if let Some(path) = arguments.get(2) {
        std::fs::write(path, one).expect("written");
    }
    let (begun, mut count, mut bytes) = (processor_ns(), 0_u32, 0);
    while count < 3 || processor_ns() - begun < seconds * 1_000_000_000 {
        count += 1;
        bytes += draw(&page, &faces, number, count).len();
    }
    let ms = (processor_ns() - begun) as f64 / 1e6 / f64::from(count);
    println!(
        "{{\"peer\": \"krilla\", \"version\": \"0.8.2\", \"cpu_ms\": {ms:.3}, \"bytes\": {}, \"count\": {count}, \"archive\": true}}",
        bytes / count as usize
    );
}
