//! A subset as a TrueType file that stands for itself. Readers of OFD find a glyph by its character, so the subset, which has none, gets a
//! character map; and the table `OS/2`, without which browsers take no font (OpenType 1.9).

use std::collections::BTreeMap;

use super::super::font::{FontFile, Glyph};
use super::super::subset::Subset;
use crate::base::{Code, Fault};

/// Tables of a font, by tag.
type Tables = BTreeMap<[u8; 4], Vec<u8>>;

/// What a whole font file adds up to (OpenType, `head.checksumAdjustment`).
const CHECKSUM: u32 = 0xB1B0_AFBA;

/// Where `checksumAdjustment` stands in `head`.
const ADJUSTMENT: usize = 8;

fn broken(what: &str) -> Fault {
    Fault::new(Code::RenderOfd, "", format!("a font subset: {what}"))
}

/// The font file of a subset.
///
/// # Errors
/// [`Code::RenderOfd`] when the subset is no font.
pub(super) fn font_file(subset: &Subset, whole: &FontFile) -> Result<Vec<u8>, Fault> {
    let mut tables = tables(&subset.bytes)?;
    tables.insert(*b"cmap", character_map(&subset.glyphs));
    tables.insert(*b"OS/2", metrics(&subset.glyphs, whole));
    written(tables)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_be_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    let number = bytes.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)?;
    usize::try_from(number).ok()
}

fn tables(font: &[u8]) -> Result<Tables, Fault> {
    let table = |record: usize| -> Option<([u8; 4], Vec<u8>)> {
        let tag = font.get(record..)?.first_chunk().copied()?;
        let (begin, length) = (u32_at(font, record + 8)?, u32_at(font, record + 12)?);
        Some((tag, font.get(begin..begin.checked_add(length)?)?.to_vec()))
    };
    let count = u16_at(font, 4).map(usize::from).ok_or_else(|| broken("no directory"))?;
    (0..count).map(|nth| table(12 + 16 * nth).ok_or_else(|| broken("a table lies outside"))).collect()
}

/// Writes big-endian numbers one after the other.
#[derive(Debug, Default)]
struct Numbers(Vec<u8>);

impl Numbers {
    fn short(&mut self, number: u16) -> &mut Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn shorts(&mut self, numbers: impl IntoIterator<Item = u16>) -> &mut Self {
        numbers.into_iter().for_each(|number| self.0.extend(number.to_be_bytes()));
        self
    }

    fn signed(&mut self, number: i16) -> &mut Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn long(&mut self, number: u32) -> &mut Self {
        self.0.extend(number.to_be_bytes());
        self
    }
}

fn count(items: usize) -> u32 {
    u32::try_from(items).unwrap_or(u32::MAX)
}

/// A run of characters whose glyphs follow each other too.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: u32,
    last: u32,
    glyph: u16,
}

fn runs(characters: impl Iterator<Item = (u32, u16)>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (character, glyph) in characters {
        match runs.last_mut() {
            Some(run)
                if run.last + 1 == character && u32::from(run.glyph) + (character - run.first) == u32::from(glyph) =>
            {
                run.last = character;
            }
            Some(_) | None => runs.push(Run { first: character, last: character, glyph }),
        }
    }
    runs
}

/// `cmap` with two maps: format 4 for the basic plane, which every reader knows, and format 12 for all characters.
fn character_map(glyphs: &BTreeMap<char, Glyph>) -> Vec<u8> {
    let all = || glyphs.iter().map(|(character, glyph)| (u32::from(*character), glyph.id));
    let basic = basic_plane(&runs(all().filter(|(character, _)| *character < 0xFFFF)));
    let mut full = Numbers::default();
    let groups = runs(all());
    full.short(12).short(0).long(16 + 12 * count(groups.len())).long(0).long(count(groups.len()));
    for run in &groups {
        full.long(run.first).long(run.last).long(run.glyph.into());
    }
    let mut table = Numbers::default();
    // Version 0, three records by platform and encoding; Unicode and Windows share the maps.
    let (begin_basic, begin_full) = (4 + 8 * 3, 4 + 8 * 3 + count(basic.len()));
    table.shorts([0, 3]);
    table.shorts([0, 4]).long(begin_full).shorts([3, 1]).long(begin_basic).shorts([3, 10]).long(begin_full);
    table.0.extend(basic);
    table.0.extend(full.0);
    table.0
}

/// A map of format 4.
fn basic_plane(runs: &[Run]) -> Vec<u8> {
    let low = |character: u32| u16::try_from(character).unwrap_or(u16::MAX);
    // The last segment must be U+FFFF alone, which has no glyph.
    let segments = u16::try_from(runs.len() + 1).unwrap_or(u16::MAX);
    let (range, selector) = search(segments, 2);
    let mut map = Numbers::default();
    map.shorts([4, 16 + 8 * segments, 0, 2 * segments, range, selector, 2 * segments - range]);
    map.shorts(runs.iter().map(|run| low(run.last))).short(0xFFFF).short(0);
    map.shorts(runs.iter().map(|run| low(run.first))).short(0xFFFF);
    // Added to a character modulo 65,536, the delta gives the glyph.
    map.shorts(runs.iter().map(|run| run.glyph.wrapping_sub(low(run.first)))).short(1);
    map.shorts(std::iter::repeat_n(0, usize::from(segments)));
    map.0
}

/// The largest power of two that is not above `entries`, times their size, and its logarithm: what binary searches of old began with.
fn search(entries: u16, size: u16) -> (u16, u16) {
    let selector = entries.max(1).ilog2();
    (size.saturating_mul(1u16 << selector.min(15)), u16::try_from(selector).unwrap_or_default())
}

/// `OS/2`, version 4: weight 400, free to embed.
fn metrics(glyphs: &BTreeMap<char, Glyph>, whole: &FontFile) -> Vec<u8> {
    let low = |character: Option<&char>| character.map_or(0, |c| u16::try_from(u32::from(*c)).unwrap_or(u16::MAX));
    let em = i16::try_from(whole.units_per_em).unwrap_or(i16::MAX);
    let mut table = Numbers::default();
    table.short(4).signed(em).shorts([400, 5, 0]);
    // Sizes and places of subscript, superscript and strike-out, in parts of the em; no family class.
    for (part, whole) in [(13, 20), (3, 5), (0, 1), (3, 20), (13, 20), (3, 5), (0, 1), (1, 2), (1, 20), (3, 10), (0, 1)]
    {
        table.signed(i16::try_from(i32::from(em) * part / whole).unwrap_or_default());
    }
    // PANOSE and Unicode ranges: any.
    table.shorts([0; 5]).shorts([0; 8]);
    table.0.extend(b"PLPL");
    // Regular.
    table.short(0x40).short(low(glyphs.keys().next())).short(low(glyphs.keys().next_back()));
    table.signed(whole.ascent).signed(whole.descent).signed(0);
    table.short(whole.ascent.unsigned_abs()).short(whole.descent.unsigned_abs());
    // Code pages: Latin 1 and simplified Chinese. Heights of small and capital letters.
    table.long(1 | 1 << 18).long(0).signed(em / 2).signed(em / 4 * 3);
    // Default and break character, longest context.
    table.shorts([0, 32, 0]);
    table.0
}

fn checksum(bytes: &[u8]) -> u32 {
    let word = |chunk: &[u8]| {
        let mut word = [0; 4];
        word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
        u32::from_be_bytes(word)
    };
    bytes.chunks(4).fold(0, |sum: u32, chunk| sum.wrapping_add(word(chunk)))
}

/// The tables as a font file. All checksums are of a `head` whose adjustment is 0; the adjustment comes last (OpenType, `head`).
fn written(mut tables: Tables) -> Result<Vec<u8>, Fault> {
    let no_head = || broken("no head");
    let adjustment = |head: &mut [u8], value: u32| -> Option<()> {
        head.get_mut(ADJUSTMENT..)?.first_chunk_mut().map(|place| *place = value.to_be_bytes())
    };
    let head = tables.get_mut(b"head").ok_or_else(no_head)?;
    adjustment(head, 0).ok_or_else(no_head)?;
    let before: usize = tables.range(..*b"head").map(|(_, table)| table.len().next_multiple_of(4)).sum();
    let mut font = laid_out(&tables)?;
    let value = CHECKSUM.wrapping_sub(checksum(&font));
    let head = font.get_mut(12 + 16 * tables.len() + before..).ok_or_else(no_head)?;
    adjustment(head, value).ok_or_else(no_head)?;
    Ok(font)
}

fn laid_out(tables: &Tables) -> Result<Vec<u8>, Fault> {
    let number = u16::try_from(tables.len()).map_err(|e| broken(&e.to_string()))?;
    let (range, selector) = search(number, 16);
    let mut font = Numbers::default();
    font.long(0x0001_0000).shorts([number, range, selector, 16 * number - range]);
    let mut begin = 12 + 16 * count(tables.len());
    for (tag, table) in tables {
        font.0.extend(tag);
        font.long(checksum(table)).long(begin).long(count(table.len()));
        begin += count(table.len().next_multiple_of(4));
    }
    for table in tables.values() {
        font.0.extend(table);
        font.0.resize(font.0.len().next_multiple_of(4), 0);
    }
    Ok(font.0)
}

#[cfg(test)]
mod tests {
    use ttf_parser::GlyphId;

    use super::*;
    use crate::render::font::{Fonts, Place, Typeface};
    use crate::render::subset::subset;

    fn cut(fonts: &Fonts, text: &str) -> (Subset, Vec<u8>) {
        let glyph = |character| match fonts.place(Typeface::Song, character) {
            Place::Found(Typeface::Song, glyph) | Place::Missing(glyph) => glyph,
            Place::Found(other, _) => panic!("{other:?}"),
        };
        let song = fonts.file(Typeface::Song);
        let subset = subset(song, &text.chars().map(|character| (character, glyph(character))).collect()).unwrap();
        let font = font_file(&subset, song).unwrap();
        (subset, font)
    }

    #[test]
    fn every_character_finds_its_glyph_in_every_map() {
        let fonts = Fonts::load().unwrap();
        let text = "深圳abc电子□\u{20BB7}\u{1F35C}发票 （）一丁七";
        let (subset, font) = cut(&fonts, text);
        let face = ttf_parser::Face::parse(&font, 0).unwrap();
        let maps: Vec<_> = face.tables().cmap.unwrap().subtables.into_iter().collect();
        assert_eq!(maps.len(), 3);
        for character in text.chars() {
            let glyph = GlyphId(subset.glyphs[&character].id);
            for map in &maps {
                let in_basic = map.platform_id == ttf_parser::PlatformId::Windows && map.encoding_id == 1;
                if !in_basic || u32::from(character) < 0x10000 {
                    assert_eq!(map.glyph_index(character.into()), Some(glyph), "{character} in {:?}", map.platform_id);
                }
            }
            assert_eq!(face.glyph_hor_advance(glyph), Some(subset.glyphs[&character].advance));
        }
        assert_eq!(face.glyph_index('川'), None);
        assert_eq!(face.glyph_index('\u{1F35C}'), face.glyph_index('□'), "drawn as a box, found as itself");
    }

    #[test]
    fn the_file_adds_up() {
        let fonts = Fonts::load().unwrap();
        let (_, font) = cut(&fonts, "深圳");
        assert_eq!(checksum(&font), CHECKSUM);
        let face = ttf_parser::Face::parse(&font, 0).unwrap();
        assert_eq!(face.weight(), ttf_parser::Weight::Normal);
        assert_eq!(face.tables().os2.unwrap().typographic_ascender(), fonts.file(Typeface::Song).ascent);
    }

    #[test]
    fn what_is_no_font_is_refused() {
        for bytes in [&b""[..], &[0; 4], &[0, 1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0], &[0; 12]] {
            let subset = Subset { bytes: bytes.to_vec(), glyphs: BTreeMap::new() };
            let fonts = Fonts::load().unwrap();
            let fault = font_file(&subset, fonts.file(Typeface::Song)).unwrap_err();
            assert_eq!(fault.code, Code::RenderOfd);
        }
    }
}
