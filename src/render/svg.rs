//! A page as SVG, for previews: glyphs are outlines, so that it looks the same wherever it is shown, and no font goes along. What is
//! drawn can be heard: each text says itself in an `aria-label`.
//!
//! One unit is a micrometre. A glyph is drawn once in `defs`, in its font's units, and used where it is needed.

use std::collections::{BTreeMap, BTreeSet};

use super::document::Document;
use super::draw::{Ink, Mark, Sheet, Text};
use super::font::{Fonts, Typeface};
use super::glyphs::{Placed, Square, decimal, placed, squares, texts};
use super::outline::Outlines;
use super::press::Press;
use super::qr::QrMatrix;
use super::xml::XmlSheet;
use crate::base::{Code, Fault};

impl Press {
    /// A page of a document as an SVG image, counted from 1: the same bytes each time.
    ///
    /// # Errors
    /// [`Code::RenderNoPage`] when the document has no such page; those of [`Press::pages`]; [`Code::RenderXml`].
    pub fn page_svg(&self, document: &Document, page: usize) -> Result<String, Fault> {
        let sheets = self.sheets(&document.face)?;
        let sheet = page.checked_sub(1).and_then(|index| sheets.get(index));
        let absent = || Fault::new(Code::RenderNoPage, "page", format!("the document has {} pages", sheets.len()));
        let sheet = sheet.ok_or_else(absent)?;
        let title = format!("{} {page}/{}", document.face.name(), sheets.len());
        draw(self, sheet, &title)
    }
}

/// Whether a text says itself: one inside a span does not, the span speaks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Yes,
    No,
}

fn draw(press: &Press, sheet: &Sheet, title: &str) -> Result<String, Fault> {
    let (fonts, frame) = (press.fonts(), press.frame_marks(sheet));
    let marks = || frame.iter().chain(&sheet.marks);
    let [width, height] = [sheet.width, sheet.height].map(|side| format!("{}mm", decimal(side.into(), 3)));
    let view = format!("0 0 {} {}", sheet.width, sheet.height);
    let attributes = [
        ("xmlns", "http://www.w3.org/2000/svg"),
        ("viewBox", view.as_str()),
        ("width", width.as_str()),
        ("height", height.as_str()),
        ("role", "document"),
        ("aria-label", title),
    ];
    let mut svg = XmlSheet::new()?;
    svg.within("svg", &attributes, |svg| {
        svg.field("title", title)?;
        define(svg, fonts, marks())?;
        svg.empty("path", &[("fill", "#fff"), ("d", &format!("M0 0H{}V{}H0z", sheet.width, sheet.height))])?;
        marks().try_for_each(|mark| paint(svg, fonts, mark, Heard::Yes))
    })?;
    svg.finish()
}

/// The name of a glyph within the image.
fn name(typeface: Typeface, glyph: u16) -> String {
    let letter = match typeface {
        Typeface::Kai => 'k',
        Typeface::Song => 's',
        Typeface::Figure => 'f',
    };
    format!("{letter}{glyph}")
}

/// Draws each glyph of the page once, under its name.
fn define<'a>(svg: &mut XmlSheet, fonts: &Fonts, marks: impl Iterator<Item = &'a Mark>) -> Result<(), Fault> {
    let mut used: BTreeMap<Typeface, BTreeSet<u16>> = BTreeMap::new();
    for text in marks.flat_map(texts) {
        for one in placed(text, fonts) {
            used.entry(one.typeface).or_default().insert(one.glyph.id);
        }
    }
    svg.within("defs", &[], |svg| {
        used.iter().try_for_each(|(typeface, glyphs)| {
            let outlines = Outlines::of(fonts.file(*typeface))?;
            glyphs.iter().try_for_each(|glyph| {
                svg.empty("path", &[("id", &name(*typeface, *glyph)), ("d", &outlines.path(*glyph))])
            })
        })
    })
}

fn paint(svg: &mut XmlSheet, fonts: &Fonts, mark: &Mark, heard: Heard) -> Result<(), Fault> {
    match mark {
        Mark::Text(text) => write(svg, fonts, text, heard),
        Mark::Rule { from: (x1, y1), to: (x2, y2), width, ink } => {
            let attributes =
                [("stroke", hex(*ink)), ("stroke-width", width.to_string()), ("d", format!("M{x1} {y1}L{x2} {y2}"))];
            svg.empty("path", &attributes.each_ref().map(|(name, value)| (*name, value.as_str())))
        }
        Mark::Ellipse { centre: (x, y), radii: (across, down), width, ink } => {
            let attributes = [
                ("fill", "none".to_owned()),
                ("stroke", hex(*ink)),
                ("stroke-width", width.to_string()),
                ("cx", x.to_string()),
                ("cy", y.to_string()),
                ("rx", across.to_string()),
                ("ry", down.to_string()),
            ];
            svg.empty("ellipse", &attributes.each_ref().map(|(name, value)| (*name, value.as_str())))
        }
        Mark::Code { x, y, side, matrix } => code(svg, matrix, (*x, *y), *side),
        Mark::Span { actual, marks } => svg.within("g", &[("role", "img"), ("aria-label", actual)], |svg| {
            marks.iter().try_for_each(|mark| paint(svg, fonts, mark, Heard::No))
        }),
    }
}

/// Writes a text: one group for what one typeface draws without a gap in between.
fn write(svg: &mut XmlSheet, fonts: &Fonts, text: &Text, heard: Heard) -> Result<(), Fault> {
    let turn = match text.turn {
        0 => String::new(),
        // Turned counter-clockwise here, clockwise in SVG.
        turn => format!(" rotate({})", decimal(-i64::from(turn), 3)),
    };
    let place = format!("translate({} {}){turn}", text.x, text.y);
    let ink = hex(text.ink);
    let mut attributes = vec![("fill", ink.as_str()), ("transform", place.as_str())];
    if heard == Heard::Yes {
        attributes.extend([("role", "img"), ("aria-label", text.content.as_str())]);
    }
    let glyphs = placed(text, fonts);
    svg.within("g", &attributes, |svg| {
        glyphs.chunk_by(|a, b| a.typeface == b.typeface).try_for_each(|run| set(svg, fonts, text.size, run))
    })
}

fn set(svg: &mut XmlSheet, fonts: &Fonts, size: i32, run: &[Placed]) -> Result<(), Fault> {
    let Some(Placed { typeface, .. }) = run.first() else { return Ok(()) };
    let units = i64::from(fonts.file(*typeface).units_per_em.max(1));
    let scale = decimal(i64::from(size) * 1_000_000 / units, 6);
    svg.within("g", &[("transform", &format!("scale({scale} -{scale})"))], |svg| {
        run.iter().try_for_each(|one| {
            // To a hundredth of a unit: glyphs follow each other as closely as the font wants it.
            let x = one.begins * units / (i64::from(size.max(1)) * 10);
            svg.empty("use", &[("href", &format!("#{}", name(one.typeface, one.glyph.id))), ("x", &decimal(x, 2))])
        })
    })
}

/// A QR code: a white square, and its dark runs as one path whose corners lie on whole micrometres, so that none leaves a gap.
fn code(svg: &mut XmlSheet, matrix: &QrMatrix, (left, top): (i32, i32), side: i32) -> Result<(), Fault> {
    svg.empty("path", &[("fill", "#fff"), ("d", &format!("M{left} {top}h{side}v{side}h-{side}z"))])?;
    let path: String = squares(matrix, (left, top), side)
        .into_iter()
        .map(|Square { left, top, right, bottom }| format!("M{left} {top}H{right}V{bottom}H{left}z"))
        .collect();
    svg.empty("path", &[("shape-rendering", "crispEdges"), ("d", &path)])
}

fn hex(ink: Ink) -> String {
    let Ink([red, green, blue]) = ink;
    format!("#{red:02x}{green:02x}{blue:02x}")
}

#[cfg(test)]
mod tests {
    use quick_xml::Reader;
    use quick_xml::events::Event;

    use super::*;
    use crate::render::sample::{document, with, with_lines};

    /// Every element: its name, its attributes.
    fn elements(svg: &str) -> Vec<(String, BTreeMap<String, String>)> {
        let mut reader = Reader::from_str(svg);
        let mut elements = Vec::new();
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) | Event::Empty(start) => {
                    let attribute = |attribute: quick_xml::events::attributes::Attribute<'_>| {
                        let value = quick_xml::escape::unescape(&attribute.value).unwrap().into_owned();
                        (attribute.key.as_ref().to_owned(), value)
                    };
                    let attributes = start.attributes().map(|found| attribute(found.unwrap())).collect();
                    elements.push((start.name().as_ref().to_owned(), attributes));
                }
                Event::Eof => return elements,
                Event::End(_)
                | Event::Text(_)
                | Event::CData(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::DocType(_)
                | Event::GeneralRef(_) => {}
            }
        }
    }

    #[test]
    fn every_glyph_that_is_used_is_there_and_every_text_says_itself() {
        let press = Press::set_up().unwrap();
        let document = with(|face| face.buyer.name = "\"䶮\" <🍜> & 𠮷".to_owned());
        let elements = elements(&press.page_svg(&document, 1).unwrap());
        let of = |name: &str| {
            elements.iter().filter(|(found, _)| found == name).map(|(_, attributes)| attributes).collect::<Vec<_>>()
        };
        let known: BTreeSet<&String> = of("path").iter().filter_map(|path| path.get("id")).collect();
        let used: BTreeSet<&str> = of("use").iter().map(|used| used["href"].strip_prefix('#').unwrap()).collect();
        assert_eq!(known.iter().map(|id| id.as_str()).collect::<BTreeSet<_>>(), used);
        let said: Vec<&str> = of("g").iter().filter_map(|group| group.get("aria-label")).map(String::as_str).collect();
        for text in [&document.face.buyer.name, &document.face.number, &document.face.seller.taxpayer_id] {
            assert!(said.contains(&text.as_str()), "{text} is not in {said:?}");
        }
        let ellipses = of("ellipse").len();
        assert!(ellipses > 0, "the seal");
    }

    #[test]
    fn the_same_page_is_the_same_bytes_and_a_page_too_many_is_none() {
        let press = Press::set_up().unwrap();
        let long = with_lines(40);
        let pages = press.pages(&long).unwrap();
        assert!(pages > 1 && press.pages(&document()).unwrap() == 1);
        for page in 1..=pages {
            assert_eq!(press.page_svg(&long, page).unwrap(), press.page_svg(&long, page).unwrap());
        }
        assert_ne!(press.page_svg(&long, 1).unwrap(), press.page_svg(&long, 2).unwrap());
        for page in [0, pages + 1] {
            assert_eq!(press.page_svg(&long, page).unwrap_err().code, Code::RenderNoPage);
        }
        let too_long = with_lines(2_001);
        assert_eq!(press.page_svg(&too_long, 1).unwrap_err().code, Code::RenderLinesTooMany);
    }
}
