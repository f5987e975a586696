//! Characters that a document's font must have, and the codes they have in its texts.

use super::super::font::{FontFile, Glyph};

/// The characters of one font of a document, numbered 1, 2, 3 in order of first use: the number is the character's code in texts and its
/// glyph in the font that is cut to them (`Identity-H`, `CIDToGIDMap` `Identity`).
#[derive(Debug, Clone, Default)]
pub(super) struct Alphabet {
    /// Code by glyph of the whole file; 0 where there is none. A table, since every character of every text is looked up.
    codes: Vec<u16>,
    characters: Vec<(char, Glyph)>,
}

impl Alphabet {
    /// The characters in order of their codes, from 1.
    pub fn characters(&self) -> &[(char, Glyph)] {
        &self.characters
    }

    /// The code of a glyph, if it is there.
    pub fn code(&self, glyph: Glyph) -> Option<u16> {
        self.codes.get(usize::from(glyph.id)).copied().filter(|code| *code != 0)
    }

    /// The code of a character; it is taken in if it was not there. `glyph` is its glyph in `file`.
    pub fn take(&mut self, file: &FontFile, character: char, glyph: Glyph) -> u16 {
        if self.codes.is_empty() {
            self.codes = vec![0; usize::from(file.glyph_count)];
        }
        // Glyph 0 of a font is the one for characters that it lacks; nobody asks for it, and as code 0 it would show just that.
        let Some(code) = self.codes.get_mut(usize::from(glyph.id)) else { return 0 };
        if *code == 0 {
            self.characters.push((character, glyph));
            // A font has at most 65,535 glyphs, so there are not more codes.
            *code = u16::try_from(self.characters.len()).unwrap_or_default();
        }
        *code
    }
}
