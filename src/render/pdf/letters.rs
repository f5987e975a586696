//! From characters to fonts and codes: what is prepared where it has the character, else a font that is cut for the document.

use std::collections::{BTreeMap, BTreeSet};

use super::super::font::{BOX, Fonts, Place, Typeface};
use super::alphabet::Alphabet;
use super::deflate::Effort;
use super::embedded::{EmbeddedFont, thousandths};
use crate::base::Fault;

/// A font that is prepared: what it has, and its objects.
#[derive(Debug, Clone)]
pub(super) struct PreparedFont {
    pub alphabet: Alphabet,
    pub font: EmbeddedFont,
}

impl PreparedFont {
    /// Cuts and compresses a font for good.
    pub fn of(fonts: &Fonts, typeface: Typeface, alphabet: Alphabet) -> Result<Self, Fault> {
        let font = EmbeddedFont::of(fonts.file(typeface), &alphabet, Effort::Thorough)?;
        Ok(Self { alphabet, font })
    }
}

/// A font of a document, as its pages name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FontName {
    /// Prepared, with the frame of the page or for all documents.
    Prepared(Typeface),
    /// Cut for the document.
    Own(Typeface),
}

impl FontName {
    /// The resource's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prepared(Typeface::Kai) => "k",
            Self::Prepared(Typeface::Song) => "s",
            Self::Prepared(Typeface::Figure) => "d",
            Self::Own(Typeface::Kai) => "K",
            Self::Own(Typeface::Song) => "S",
            Self::Own(Typeface::Figure) => "D",
        }
    }
}

/// One character as it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Letter {
    pub font: FontName,
    pub code: u16,
    /// Advance width as the font's objects say it, thousandths of an em.
    pub width: i16,
    /// The character that the box stands for.
    pub stands_for: Option<char>,
}

/// The fonts that a page may use without cutting one.
pub(super) type Ready<'a> = BTreeMap<Typeface, &'a PreparedFont>;

/// What a document's texts use besides what is prepared.
#[derive(Debug)]
pub(super) struct Letters<'a> {
    fonts: &'a Fonts,
    /// Fonts to cut for the document.
    pub own: BTreeMap<Typeface, Alphabet>,
    /// Characters that no font has.
    pub missing: BTreeSet<char>,
}

impl<'a> Letters<'a> {
    /// Nothing yet.
    pub fn new(fonts: &'a Fonts) -> Self {
        Self { fonts, own: BTreeMap::new(), missing: BTreeSet::new() }
    }

    /// How a character is drawn where `asked` is asked for, `ready` being what the page has.
    pub fn letter(&mut self, ready: &Ready<'_>, asked: Typeface, character: char) -> Letter {
        let (typeface, drawn, glyph, stands_for) = match self.fonts.place(asked, character) {
            Place::Found(typeface, glyph) => (typeface, character, glyph, None),
            Place::Missing(glyph) => {
                self.missing.insert(character);
                (Typeface::Song, BOX, glyph, Some(character))
            }
        };
        let prepared = ready.get(&typeface).and_then(|prepared| prepared.alphabet.code(glyph));
        let (font, code) = match prepared {
            Some(code) => (FontName::Prepared(typeface), code),
            None => {
                let own = self.own.entry(typeface).or_default();
                (FontName::Own(typeface), own.take(self.fonts.file(typeface), drawn, glyph))
            }
        };
        let width = thousandths(i32::from(glyph.advance), self.fonts.file(typeface).units_per_em);
        Letter { font, code, width, stands_for }
    }
}
