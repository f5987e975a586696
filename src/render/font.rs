//! The three typefaces of the face, parsed once: which glyph a character has and how wide it is.

use std::collections::{BTreeMap, BTreeSet};

use ttf_parser::GlyphId;

use crate::base::{Code, Fault};

/// Drawn where no typeface has the character. It is U+25A1, so that it is never glyph 0.
pub(super) const BOX: char = '□';

/// Which typeface a text asks for. Characters that it lacks fall back to Song, and then to [`BOX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Typeface {
    /// Labels and title.
    Kai,
    /// Values: names, addresses, remarks.
    Song,
    /// Figures, equally wide, so that amounts align.
    Figure,
}

/// A typeface in memory.
#[derive(Debug)]
pub(super) struct FontFile {
    /// PostScript name without a subset tag.
    pub name: &'static str,
    /// The whole TrueType file.
    pub bytes: &'static [u8],
    /// Units per em.
    pub units_per_em: u16,
    /// Ascent and descent in units.
    pub ascent: i16,
    /// See `ascent`.
    pub descent: i16,
    /// x min, y min, x max, y max in units.
    pub bounds: [i16; 4],
    /// Glyphs of the whole file, glyph 0 among them.
    pub glyph_count: u16,
    /// Character to glyph and advance width, by code point; glyph 0 where there is none. One glyph per character (build.py), so that
    /// copied text gives back what was printed. A table and not a map: every character of every invoice is looked up several times.
    basic: Vec<Glyph>,
    /// The same beyond the basic plane, where few are asked for.
    beyond: BTreeMap<char, Glyph>,
}

/// A character's glyph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Glyph {
    /// Id in the whole file.
    pub id: u16,
    /// Advance width in units.
    pub advance: u16,
}

impl FontFile {
    fn parse(name: &'static str, bytes: &'static [u8]) -> Result<Self, Fault> {
        let broken = |what: &str| Fault::new(Code::RenderFont, "", format!("{name}: {what}"));
        let face = ttf_parser::Face::parse(bytes, 0).map_err(|e| broken(&e.to_string()))?;
        let mut basic = vec![Glyph { id: 0, advance: 0 }; usize::from(u16::MAX) + 1];
        let mut beyond = BTreeMap::new();
        let mut is_empty = true;
        for subtable in face.tables().cmap.into_iter().flat_map(|cmap| cmap.subtables) {
            if !subtable.is_unicode() {
                continue;
            }
            subtable.codepoints(|code| {
                let Some(character) = char::from_u32(code) else { return };
                let Some(GlyphId(id)) = subtable.glyph_index(code).filter(|g| g.0 != 0) else { return };
                let advance = face.glyph_hor_advance(GlyphId(id)).unwrap_or_default();
                is_empty = false;
                match usize::try_from(code).ok().and_then(|code| basic.get_mut(code)) {
                    Some(place) => *place = Glyph { id, advance },
                    None => drop(beyond.insert(character, Glyph { id, advance })),
                }
            });
        }
        if is_empty {
            return Err(broken("no characters"));
        }
        let bounds = face.global_bounding_box();
        Ok(Self {
            name,
            bytes,
            units_per_em: face.units_per_em(),
            ascent: face.ascender(),
            descent: face.descender(),
            bounds: [bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max],
            glyph_count: face.number_of_glyphs(),
            basic,
            beyond,
        })
    }

    /// The glyph of a character.
    pub fn glyph(&self, character: char) -> Option<Glyph> {
        match usize::try_from(u32::from(character)).ok().and_then(|code| self.basic.get(code)) {
            Some(glyph) => Some(*glyph).filter(|glyph| glyph.id != 0),
            None => self.beyond.get(&character).copied(),
        }
    }
}

/// Whether a character is drawn, told without loading the fonts: those that nearly every text is made of. False means nothing.
pub fn surely_drawn(character: char) -> bool {
    matches!(character, ' '..='~' | '\u{3001}'..='\u{3029}' | '\u{4e00}'..='\u{9fef}' | '\u{ff01}'..='\u{ff5e}')
}

/// The typefaces of the face. Load once, share between threads.
#[derive(Debug)]
pub struct Fonts {
    kai: FontFile,
    song: FontFile,
    figure: FontFile,
}

/// Where a character is drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// This typeface has it.
    Found(Typeface, Glyph),
    /// No typeface has it: [`BOX`] of Song is drawn.
    Missing(Glyph),
}

impl Fonts {
    /// Parses the fonts that are built into the program.
    ///
    /// # Errors
    /// [`Code::RenderFont`] when an asset is damaged.
    pub fn load() -> Result<Self, Fault> {
        let fonts = Self {
            kai: FontFile::parse("PiaolianKai", include_bytes!("../../templates/face/fonts/kai.ttf"))?,
            song: FontFile::parse("PiaolianSong", include_bytes!("../../templates/face/fonts/song.ttf"))?,
            figure: FontFile::parse("PiaolianFigure", include_bytes!("../../templates/face/fonts/figure.ttf"))?,
        };
        if fonts.song.glyph(BOX).is_none() {
            return Err(Fault::new(Code::RenderFont, "", "PiaolianSong has no box for missing characters"));
        }
        Ok(fonts)
    }

    /// The file of a typeface.
    pub(super) fn file(&self, typeface: Typeface) -> &FontFile {
        match typeface {
            Typeface::Kai => &self.kai,
            Typeface::Song => &self.song,
            Typeface::Figure => &self.figure,
        }
    }

    /// Where a character is drawn from when `asked` is asked for.
    pub(super) fn place(&self, asked: Typeface, character: char) -> Place {
        let found = |typeface| self.file(typeface).glyph(character).map(|glyph| Place::Found(typeface, glyph));
        let fallback = Glyph { id: 0, advance: self.song.units_per_em };
        found(asked)
            .or_else(|| found(Typeface::Song))
            .unwrap_or_else(|| Place::Missing(self.song.glyph(BOX).unwrap_or(fallback)))
    }

    /// The characters of a text that will be drawn as a box, each once, in order of code points. A line feed is not drawn at all.
    pub fn lacking(&self, text: &str) -> impl Iterator<Item = char> + use<> {
        let lacks = |c: &char| *c != '\n' && matches!(self.place(Typeface::Song, *c), Place::Missing(_));
        text.chars().filter(lacks).collect::<BTreeSet<char>>().into_iter()
    }

    /// Width of a text without line breaks, in the unit of `size`.
    pub(super) fn width(&self, asked: Typeface, size: i32, text: &str) -> i32 {
        text.chars().map(|character| self.advance(asked, size, character)).sum()
    }

    /// Advance width of one character, in the unit of `size`.
    pub(super) fn advance(&self, asked: Typeface, size: i32, character: char) -> i32 {
        let (typeface, glyph) = match self.place(asked, character) {
            Place::Found(typeface, glyph) => (typeface, glyph),
            Place::Missing(glyph) => (Typeface::Song, glyph),
        };
        size * i32::from(glyph.advance) / i32::from(self.file(typeface).units_per_em.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn song_has_rare_characters_of_names_and_places() {
        let fonts = Fonts::load().unwrap();
        // Extension A, the URO's late additions and Extension B: characters of real names (pdf.md 6).
        for character in "䶮㛃䲟㴸𠮷深圳璟煊喆囧镕".chars() {
            assert!(matches!(fonts.place(Typeface::Song, character), Place::Found(Typeface::Song, _)), "{character}");
        }
    }

    #[test]
    fn each_character_has_a_glyph_of_its_own() {
        let fonts = Fonts::load().unwrap();
        for typeface in [Typeface::Kai, Typeface::Song, Typeface::Figure] {
            let file = fonts.file(typeface);
            let glyphs: Vec<Glyph> = ('\0'..=char::MAX).filter_map(|character| file.glyph(character)).collect();
            let ids: std::collections::BTreeSet<u16> = glyphs.iter().map(|glyph| glyph.id).collect();
            assert_eq!(ids.len(), glyphs.len(), "{}", file.name);
            assert!(glyphs.len() > 90 && glyphs.iter().all(|glyph| glyph.id < file.glyph_count), "{}", file.name);
        }
    }

    #[test]
    fn fonts_are_shared_between_threads() {
        fn shared<T: Send + Sync>(_: &T) {}
        shared(&Fonts::load().unwrap());
    }

    #[test]
    fn figures_are_equally_wide() {
        let fonts = Fonts::load().unwrap();
        let widths: std::collections::BTreeSet<i32> =
            "0123456789.-¥*%".chars().map(|c| fonts.advance(Typeface::Figure, 10_000, c)).collect();
        assert_eq!(widths.len(), 1, "{widths:?}");
    }

    #[test]
    fn a_character_in_no_font_is_a_box_and_not_glyph_0() {
        let fonts = Fonts::load().unwrap();
        let Place::Missing(glyph) = fonts.place(Typeface::Figure, '\u{1F35C}') else { panic!("found") };
        assert_ne!(glyph.id, 0);
    }
}
