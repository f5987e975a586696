//! Marks as OFD and SVG write them: a text as the glyphs that draw it, each at its place; a QR code as rectangles on the page.

use super::draw::{Mark, Text};
use super::font::{Fonts, Glyph, Place, Typeface};
use super::qr::{QUIET_MODULES, QrMatrix};

/// One character of a text and the glyph that draws it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    /// The character.
    pub character: char,
    /// Whose glyph it is.
    pub typeface: Typeface,
    /// The glyph; that of [`super::font::BOX`] for a character that no typeface has.
    pub glyph: Glyph,
    /// Where it begins on the baseline, from the text's left end, in thousandths of a micrometre.
    pub begins: i64,
    /// How far from there to the next character, in thousandths of a micrometre.
    pub advance: i64,
}

/// The glyphs of a text, in its order.
pub(super) fn placed(text: &Text, fonts: &Fonts) -> Vec<Placed> {
    let mut begins = 0;
    let place = |character| {
        let (typeface, glyph) = match fonts.place(text.typeface, character) {
            Place::Found(typeface, glyph) => (typeface, glyph),
            Place::Missing(glyph) => (Typeface::Song, glyph),
        };
        let units = i64::from(fonts.file(typeface).units_per_em.max(1));
        let advance = match text.pitch {
            Some(pitch) => i64::from(pitch) * 1_000,
            None => i64::from(text.size) * 1_000 * i64::from(glyph.advance) / units,
        };
        let placed = Placed { character, typeface, glyph, begins, advance };
        begins += advance;
        placed
    };
    text.content.chars().map(place).collect()
}

/// The texts of a mark.
pub(super) fn texts(mark: &Mark) -> Vec<&Text> {
    match mark {
        Mark::Text(text) => vec![text],
        Mark::Span { marks, .. } => marks.iter().flat_map(texts).collect(),
        Mark::Rule { .. } | Mark::Ellipse { .. } | Mark::Code { .. } => Vec::new(),
    }
}

/// A rectangle of dark modules, by its edges in micrometres.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Square {
    pub left: i64,
    pub top: i64,
    pub right: i64,
    pub bottom: i64,
}

/// The dark runs of a QR code that fills a square, quiet zone included. Edges are whole micrometres and the same for neighbours, so that no
/// light shows between them.
pub(super) fn squares(matrix: &QrMatrix, (left, top): (i32, i32), side: i32) -> Vec<Square> {
    let whole = |modules: usize| i64::try_from(modules).unwrap_or_default();
    let modules = whole(matrix.width() + 2 * QUIET_MODULES).max(1);
    let edge = |from: i32, module: usize| i64::from(from) + i64::from(side) * whole(module + QUIET_MODULES) / modules;
    let square = |run: super::qr::DarkRun| Square {
        left: edge(left, run.x),
        top: edge(top, run.y),
        right: edge(left, run.x + run.length),
        bottom: edge(top, run.y + 1),
    };
    matrix.runs().into_iter().map(square).collect()
}

/// A number given in units of `10^-places` as decimal text: the shortest, with a point where it needs one.
pub(super) fn decimal(value: i64, places: u32) -> String {
    let unit = 10u64.saturating_pow(places);
    let (whole, rest) = (value.unsigned_abs() / unit, value.unsigned_abs() % unit);
    let sign = if value < 0 { "-" } else { "" };
    if rest == 0 {
        return format!("{sign}{whole}");
    }
    let width = usize::try_from(places).unwrap_or_default();
    let text = format!("{sign}{whole}.{rest:0width$}");
    text.trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::draw::Ink;

    fn text(content: &str, pitch: Option<i32>) -> Text {
        Text {
            x: 0,
            y: 0,
            size: 2_000,
            typeface: Typeface::Figure,
            ink: Ink([0; 3]),
            content: content.to_owned(),
            turn: 0,
            pitch,
            field: None,
        }
    }

    #[test]
    fn characters_fall_back_and_follow_each_other() {
        let fonts = Fonts::load().unwrap();
        let placed = placed(&text("1深\u{1F35C}2", None), &fonts);
        let typefaces: Vec<Typeface> = placed.iter().map(|one| one.typeface).collect();
        assert_eq!(typefaces, [Typeface::Figure, Typeface::Song, Typeface::Song, Typeface::Figure]);
        assert_eq!(placed[1].advance, 2_000_000, "a Chinese character is as wide as it is high");
        assert!(placed.windows(2).all(|pair| pair[0].begins + pair[0].advance == pair[1].begins));
        assert_ne!(placed[2].glyph.id, 0);
    }

    #[test]
    fn a_pitch_overrules_the_font() {
        let fonts = Fonts::load().unwrap();
        let begins: Vec<i64> = placed(&text("1i深", Some(1_500)), &fonts).iter().map(|one| one.begins).collect();
        assert_eq!(begins, [0, 1_500_000, 3_000_000]);
    }

    #[test]
    fn decimals_are_the_shortest() {
        for (value, places, text) in
            [(0, 3, "0"), (1, 3, "0.001"), (-1_500, 3, "-1.5"), (210_000, 3, "210"), (-7, 0, "-7"), (90, 2, "0.9")]
        {
            assert_eq!(decimal(value, places), text);
        }
    }
}
