//! Outlines of glyphs as SVG path data. ttf-parser gives them as floats, which are written down as they come: nothing is computed.
#![expect(clippy::disallowed_types, reason = "ttf-parser tells outlines in floats")]

use std::fmt::Write as _;

use ttf_parser::{GlyphId, OutlineBuilder};

use super::font::FontFile;
use crate::base::{Code, Fault};

/// Path data in the font's units, y upwards.
#[derive(Debug, Default)]
struct Path(String);

// Writing to a String can not fail.
impl OutlineBuilder for Path {
    fn move_to(&mut self, x: f32, y: f32) {
        let _ = write!(self.0, "M{x} {y}");
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let _ = write!(self.0, "L{x} {y}");
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let _ = write!(self.0, "Q{x1} {y1} {x} {y}");
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let _ = write!(self.0, "C{x1} {y1} {x2} {y2} {x} {y}");
    }

    fn close(&mut self) {
        self.0.push('z');
    }
}

/// Tells the outlines of one font's glyphs.
pub(super) struct Outlines<'a>(ttf_parser::Face<'a>);

impl<'a> Outlines<'a> {
    /// Of a typeface in memory.
    ///
    /// # Errors
    /// [`Code::RenderFont`].
    pub fn of(file: &'a FontFile) -> Result<Self, Fault> {
        let broken = |e: ttf_parser::FaceParsingError| Fault::new(Code::RenderFont, "", format!("{}: {e}", file.name));
        Ok(Self(ttf_parser::Face::parse(file.bytes, 0).map_err(broken)?))
    }

    /// The path data of a glyph; empty for a blank.
    pub fn path(&self, glyph: u16) -> String {
        let mut path = Path::default();
        // No outline: a blank.
        let _ = self.0.outline_glyph(GlyphId(glyph), &mut path);
        path.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::font::{Fonts, Place, Typeface};

    #[test]
    fn a_character_has_an_outline_and_a_blank_has_none() {
        let fonts = Fonts::load().unwrap();
        let outlines = Outlines::of(fonts.file(Typeface::Figure)).unwrap();
        let path = |character| match fonts.place(Typeface::Figure, character) {
            Place::Found(Typeface::Figure, glyph) => outlines.path(glyph.id),
            other @ (Place::Found(..) | Place::Missing(_)) => panic!("{other:?}"),
        };
        let zero = path('0');
        assert!(zero.starts_with('M') && zero.ends_with('z') && zero.matches('M').count() >= 2, "{zero}");
        assert_eq!(path(' '), "");
    }
}
