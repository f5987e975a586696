//! Cutting a typeface down to the characters of one document.

use std::collections::BTreeMap;

use subsetter::GlyphRemapper;

use super::font::{FontFile, Glyph};
use crate::base::{Code, Fault};

/// Cuts `font` down to `characters` (with their glyph ids in the whole file), which become glyphs 1, 2, 3 and so on in their order. No glyph
/// may stand twice. Gives the TrueType file, which has no character map, and its name with the six-letter tag that marks a subset
/// (ISO 32000-1, 9.6.4).
///
/// # Errors
/// [`Code::RenderPdf`].
pub(super) fn cut(font: &FontFile, characters: &[(char, Glyph)]) -> Result<(Vec<u8>, String), Fault> {
    let mut remapper = GlyphRemapper::new();
    for (_, glyph) in characters {
        remapper.remap(glyph.id);
    }
    let bytes = only(font, &remapper)?;
    Ok((bytes, format!("{}+{}", tag(characters.iter().map(|(character, _)| character)), font.name)))
}

/// A typeface that holds only what a document uses.
#[derive(Debug)]
pub(super) struct Subset {
    /// TrueType file without character map.
    pub bytes: Vec<u8>,
    /// Character to new glyph id and advance width.
    pub glyphs: BTreeMap<char, Glyph>,
}

/// Cuts `font` down to `characters` and gives the new glyphs by them. Two characters may share a glyph.
///
/// # Errors
/// [`Code::RenderPdf`].
pub(super) fn subset(font: &FontFile, characters: &BTreeMap<char, Glyph>) -> Result<Subset, Fault> {
    let mut remapper = GlyphRemapper::new();
    let new = |(character, glyph): (&char, &Glyph)| (*character, Glyph { id: remapper.remap(glyph.id), ..*glyph });
    let glyphs = characters.iter().map(new).collect();
    Ok(Subset { bytes: only(font, &remapper)?, glyphs })
}

fn only(font: &FontFile, remapper: &GlyphRemapper) -> Result<Vec<u8>, Fault> {
    let failed = |e: subsetter::Error| Fault::new(Code::RenderPdf, "", format!("subset of {}: {e}", font.name));
    subsetter::subset(font.bytes, 0, remapper).map_err(failed)
}

/// Six capital letters that follow from the characters (FNV-1a), so that the same document has the same tag each time.
fn tag<'a>(characters: impl Iterator<Item = &'a char>) -> String {
    let mut hash = characters.fold(0xCBF2_9CE4_8422_2325u64, |hash, character| {
        (hash ^ u64::from(u32::from(*character))).wrapping_mul(0x0100_0000_01B3)
    });
    let mut letters = String::new();
    for _ in 0..6 {
        letters.push(char::from(b'A' + u8::try_from(hash % 26).unwrap_or_default()));
        hash /= 26;
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_six_capitals_and_follow_the_characters() {
        let tag_of = |text: &str| tag(text.chars().collect::<Vec<_>>().iter());
        assert_eq!(tag_of("深圳").len(), 6);
        assert!(tag_of("深圳").bytes().all(|b| b.is_ascii_uppercase()));
        assert_eq!(tag_of("深圳"), tag_of("深圳"));
        assert_ne!(tag_of("深圳"), tag_of("深川"));
    }
}
