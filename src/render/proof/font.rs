//! Fonts as a page uses them: how wide a code is, which text it copies as, and a hash of the outline that it paints.
//!
//! One kind is read, the one that our own writer embeds: TrueType by glyph ids, two bytes a character (ISO 32000-1, 9.7.4).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lopdf::{Dictionary, Document, Object};
use sha2::{Digest as _, Sha256};
use ttf_parser::{RawFace, Tag};

use super::file::{Budget, fixed, unreadable};
use super::lexer::{Lexer, Token};
use super::number::ONE;
use crate::base::Fault;

/// Tables that decide a glyph's shape and place, and tables that no reader of a PDF paints from. Any other could: programs in glyphs,
/// pictures, colours.
const TABLES: [&[u8; 4]; 10] =
    [b"head", b"hhea", b"hmtx", b"maxp", b"loca", b"glyf", b"post", b"name", b"OS/2", b"cmap"];

/// Characters that the entry of a character map stands for at most.
const TEXT_UNITS_MAX: usize = 64;

/// A font of a page.
#[derive(Debug)]
pub(super) struct Font {
    widths: HashMap<u16, i64>,
    width: i64,
    texts: HashMap<u16, String>,
    outlines: Vec<[u8; 32]>,
}

/// That a font is not one that can be compared.
fn other(why: impl Into<String>) -> Fault {
    unreadable("font", why)
}

impl Font {
    /// Reads a font's dictionary.
    ///
    /// # Errors
    /// [`Code::VerdictFaceUnreadable`](crate::base::Code::VerdictFaceUnreadable) for every other kind of font, and for a damaged one.
    pub fn read(document: &Document, font: &Dictionary, budget: &mut Budget) -> Result<Self, Fault> {
        let name = |dictionary: &Dictionary, key: &[u8]| {
            let name = dictionary.get_deref(key, document).and_then(Object::as_name);
            name.map(<[u8]>::to_vec).unwrap_or_default()
        };
        if (name(font, b"Subtype").as_slice(), name(font, b"Encoding").as_slice()) != (b"Type0", b"Identity-H") {
            return Err(other("a font is not of the kind that invoices are written with"));
        }
        let descendants = font.get_deref(b"DescendantFonts", document).and_then(Object::as_array);
        let [descendant] = descendants.map(Vec::as_slice).unwrap_or_default() else {
            return Err(other("a font has not exactly one descendant"));
        };
        let damaged = |what: &str| other(format!("a font has no {what} that can be read"));
        let cid = document.dereference(descendant).ok().and_then(|(_, object)| object.as_dict().ok());
        let cid = cid.ok_or_else(|| damaged("descendant"))?;
        let map = cid.get_deref(b"CIDToGIDMap", document).ok();
        if name(cid, b"Subtype") != b"CIDFontType2" || map.is_some_and(|map| !matches!(map.as_name(), Ok(b"Identity")))
        {
            return Err(other("a font is not TrueType by glyph ids"));
        }
        let descriptor = cid.get_deref(b"FontDescriptor", document).and_then(Object::as_dict);
        let file = descriptor.and_then(|descriptor| descriptor.get_deref(b"FontFile2", document));
        let file = file.and_then(Object::as_stream).map_err(|e| other(format!("a font is not embedded: {e}")))?;
        let outlines = outlines(&budget.inflated(file)?)?;
        let texts = match font.get_deref(b"ToUnicode", document).and_then(Object::as_stream) {
            Ok(stream) => {
                let map = budget.inflated(stream)?;
                to_unicode(&map, budget)?
            }
            Err(_) => return Err(damaged("map to text")),
        };
        let width = cid.get_deref(b"DW", document).ok().map_or(Some(1_000 * ONE), fixed);
        let width = width.ok_or_else(|| damaged("default width"))? / 1_000;
        let widths = match cid.get_deref(b"W", document) {
            Ok(widths) => read_widths(document, widths, budget)?.ok_or_else(|| damaged("widths"))?,
            Err(_) => HashMap::new(),
        };
        Ok(Self { widths, width, texts, outlines })
    }

    /// How far the next glyph stands behind this one, in ems.
    pub fn advance(&self, code: u16) -> i64 {
        self.widths.get(&code).copied().unwrap_or(self.width)
    }

    /// What a code copies as; nothing where the map has nothing.
    pub fn text(&self, code: u16) -> &str {
        self.texts.get(&code).map_or("", String::as_str)
    }

    /// The hash of a code's outline; `None` when the font has no such glyph.
    pub fn outline(&self, code: u16) -> Option<[u8; 32]> {
        self.outlines.get(usize::from(code)).copied()
    }
}

/// Widths: `c [w w w]` and `first last w` (9.7.4.3), in thousandths of an em; `None` when they are anything else.
fn read_widths(document: &Document, widths: &Object, budget: &mut Budget) -> Result<Option<HashMap<u16, i64>>, Fault> {
    let code = |object: &Object| u16::try_from(object.as_i64().ok()?).ok();
    let of_thousand = |object: &Object| Some(fixed(object)? / 1_000);
    let mut read = HashMap::new();
    let mut rest = widths.as_array().map_or(&[][..], Vec::as_slice);
    while let [first, next, further @ ..] = rest {
        let Ok((_, next)) = document.dereference(next) else { return Ok(None) };
        let (codes, given, left) = match (code(first), next.as_array(), further) {
            (Some(first), Ok(list), further) => (first..=u16::MAX, list.iter().map(of_thousand).collect(), further),
            (Some(first), Err(_), [width, further @ ..]) => {
                let Some(last) = code(next) else { return Ok(None) };
                (first..=last, vec![of_thousand(width); usize::from(last.saturating_sub(first)) + 1], further)
            }
            (None, ..) | (Some(_), Err(_), []) => return Ok(None),
        };
        for (code, width) in codes.zip(given) {
            budget.word()?;
            let Some(width) = width else { return Ok(None) };
            read.insert(code, width);
        }
        rest = left;
    }
    Ok(rest.is_empty().then_some(read))
}

fn number(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    Some(bytes.get(at..at.checked_add(length)?)?.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

/// The hash of each glyph, by id.
fn outlines(file: &[u8]) -> Result<Vec<[u8; 32]>, Fault> {
    let face = RawFace::parse(file, 0).map_err(|e| other(format!("an embedded font can't be read: {e}")))?;
    let mut tags = BTreeSet::new();
    for record in face.table_records {
        let tag = record.tag.to_bytes();
        if !tags.insert(tag) || !TABLES.contains(&&tag) {
            let tag = String::from_utf8_lossy(&tag).into_owned();
            return Err(other(format!("an embedded font has a table that it should not have: {tag}")));
        }
    }
    let table = |tag: &[u8; 4]| face.table(Tag::from_bytes(tag)).unwrap_or_default();
    hashes(table).ok_or_else(|| other("an embedded font is damaged"))
}

/// Data, units per em and left side bearing of each glyph, hashed. A composite glyph would stand for others by their ids, which no
/// font of ours needs: it is taken for damage.
fn hashes<'a>(table: impl Fn(&[u8; 4]) -> &'a [u8]) -> Option<Vec<[u8; 32]>> {
    let (head, loca, glyf, hmtx) = (table(b"head"), table(b"loca"), table(b"glyf"), table(b"hmtx"));
    let units = number(head, 18, 2)?;
    let long = number(head, 50, 2)? == 1;
    let glyphs = usize::try_from(number(table(b"maxp"), 4, 2)?).ok()?;
    let metrics = usize::try_from(number(table(b"hhea"), 34, 2)?).ok()?;
    let offset = |glyph: usize| {
        let offset = if long { number(loca, glyph * 4, 4)? } else { number(loca, glyph * 2, 2)? * 2 };
        usize::try_from(offset).ok()
    };
    (0..glyphs)
        .map(|glyph| {
            let outline = glyf.get(offset(glyph)?..offset(glyph + 1)?)?;
            if number(outline, 0, 2).is_some_and(|contours| contours > 0x7FFF) {
                return None;
            }
            // Some readers shift an outline so that it begins at its left side bearing.
            let bearing = if glyph < metrics { glyph * 4 + 2 } else { metrics * 4 + (glyph - metrics) * 2 };
            let mut hash = Sha256::new();
            hash.update(units.to_be_bytes());
            hash.update(hmtx.get(bearing..bearing + 2)?);
            hash.update(outline);
            Some(hash.finalize().into())
        })
        .collect()
}

/// Reads a map to text: `bfchar` and `bfrange` (9.10.3).
fn to_unicode(map: &[u8], budget: &mut Budget) -> Result<HashMap<u16, String>, Fault> {
    let broken = || other("a font's map to text can't be read");
    let mut texts = BTreeMap::new();
    let mut lexer = Lexer::new(map);
    let mut given = Vec::new();
    while let Some(token) = lexer.next().map_err(|e| other(e.0))? {
        budget.word()?;
        match token {
            Token::Word(word) => {
                match word.as_slice() {
                    b"endbfchar" => single(&given, &mut texts).ok_or_else(broken)?,
                    b"endbfrange" => ranges(&given, &mut texts, budget)?.ok_or_else(broken)?,
                    b"usecmap" => return Err(broken()),
                    _ => {}
                }
                given.clear();
            }
            Token::Number(_) | Token::Name(_) | Token::Text(_) | Token::List(_) | Token::Dictionary(_) => {
                given.push(token);
            }
        }
    }
    Ok(texts.into_iter().collect())
}

fn code(token: &Token) -> Option<u16> {
    let Token::Text(bytes) = token else { return None };
    Some(u16::from_be_bytes(<[u8; 2]>::try_from(bytes.as_slice()).ok()?))
}

/// UTF-16, the last unit raised by so much.
fn text(token: &Token, raised: u16) -> Option<String> {
    let Token::Text(bytes) = token else { return None };
    let mut units: Vec<u16> =
        bytes.chunks(2).map(|pair| pair.iter().fold(0, |n, byte| n << 8 | u16::from(*byte))).collect();
    if units.len() > TEXT_UNITS_MAX {
        return None;
    }
    *units.last_mut()? = units.last()?.checked_add(raised)?;
    String::from_utf16(&units).ok()
}

fn single(given: &[Token], texts: &mut BTreeMap<u16, String>) -> Option<()> {
    for pair in given.chunks(2) {
        let [from, to] = pair else { return None };
        texts.insert(code(from)?, text(to, 0)?);
    }
    Some(())
}

fn ranges(given: &[Token], texts: &mut BTreeMap<u16, String>, budget: &mut Budget) -> Result<Option<()>, Fault> {
    for range in given.chunks(3) {
        let [first, last, to] = range else { return Ok(None) };
        let Some((first, last)) = code(first).zip(code(last)) else { return Ok(None) };
        for (at, code) in (0u16..).zip(first..=last) {
            budget.word()?;
            let said = match to {
                Token::List(list) => list.get(usize::from(at)).and_then(|one| text(one, 0)),
                Token::Number(_) | Token::Name(_) | Token::Text(_) | Token::Dictionary(_) | Token::Word(_) => {
                    text(to, at)
                }
            };
            let Some(said) = said else { return Ok(None) };
            texts.insert(code, said);
        }
    }
    Ok(Some(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_to_text_are_read_in_all_their_forms() {
        let map = b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap 1 begincodespacerange <0000> <FFFF> \
            endcodespacerange 2 beginbfchar <0001> <6DF1> <0002> <D842DFB7> endbfchar \
            2 beginbfrange <0003> <0005> <0041> <0010> <0011> [<0058> <00590059>] endbfrange endcmap";
        let texts = to_unicode(map, &mut Budget::new()).unwrap();
        let text = |code: u16| texts.get(&code).map(String::as_str);
        assert_eq!((text(1), text(2), text(5)), (Some("深"), Some("\u{20BB7}"), Some("C")));
        assert_eq!((text(0x10), text(0x11), text(6)), (Some("X"), Some("YY"), None));
        assert!(to_unicode(b"1 beginbfchar <0001> endbfchar", &mut Budget::new()).is_err());
        assert!(to_unicode(b"1 beginbfrange <0001> <0003> [<0058>] endbfrange", &mut Budget::new()).is_err());
    }

    #[test]
    fn a_damaged_font_is_refused_and_a_whole_one_has_a_hash_a_glyph() {
        let font = include_bytes!("../../../templates/face/fonts/figure.ttf");
        let hashes = outlines(font).unwrap();
        assert!(hashes.len() > 90);
        assert!(outlines(&font[..font.len() / 2]).is_err());
        let mut hinted = font.to_vec();
        let place = hinted.windows(4).position(|tag| tag == b"OS/2").unwrap();
        hinted[place..place + 4].copy_from_slice(b"fpgm");
        assert_eq!(outlines(&hinted).unwrap_err().path, "font");
    }
}
