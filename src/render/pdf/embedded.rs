//! A cut font as the objects of a PDF: the composite font, its description, its file and what its codes mean (ISO 32000-1, 9.7).

use std::fmt::Write as _;

use pdf_writer::types::{CidFontType, FontFlags, SystemInfo};
use pdf_writer::{Chunk, Filter, Name, Rect, Ref, Str};

use super::super::font::FontFile;
use super::super::subset::cut;
use super::alphabet::Alphabet;
use super::deflate::{Effort, deflate};
use crate::base::{Code, Fault};

/// Codes and glyphs are the same; nothing more is to be known of the collection.
const COLLECTION: SystemInfo<'_> = SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// Width of the characters that no width is written for, thousandths of an em: that of Chinese ones.
const WIDTH_DEFAULT: i16 = 1_000;

/// Pairs of one block of a character map, at most (ISO 32000-1, 9.10.3 by way of the CMap specification).
const PAIRS_MAX: usize = 100;

/// A font cut to an alphabet, ready to be written.
#[derive(Debug, Clone)]
pub(super) struct EmbeddedFont {
    name: String,
    program: Vec<u8>,
    program_length: i32,
    unicode: Vec<u8>,
    /// By code, from 0; thousandths of an em.
    widths: Vec<i16>,
    bounds: [i16; 4],
    ascent: i16,
    descent: i16,
}

impl EmbeddedFont {
    /// Cuts `file` to `alphabet`.
    ///
    /// # Errors
    /// [`Code::RenderPdf`].
    pub fn of(file: &FontFile, alphabet: &Alphabet, effort: Effort) -> Result<Self, Fault> {
        let (bytes, name) = cut(file, alphabet.characters())?;
        let program_length = i32::try_from(bytes.len())
            .map_err(|e| Fault::new(Code::RenderPdf, "", format!("{name} is too large: {e}")))?;
        let thousandths = |units: i16| thousandths(i32::from(units), file.units_per_em);
        let advances = alphabet.characters().iter().map(|(_, glyph)| i32::from(glyph.advance));
        let widths = advances.map(|advance| self::thousandths(advance, file.units_per_em));
        Ok(Self {
            program: deflate(&bytes, effort)?,
            program_length,
            unicode: deflate(unicode_map(alphabet).as_bytes(), effort)?,
            // Glyph 0 is in no text.
            widths: std::iter::once(WIDTH_DEFAULT).chain(widths).collect(),
            bounds: file.bounds.map(thousandths),
            ascent: thousandths(file.ascent),
            descent: thousandths(file.descent),
            name,
        })
    }

    /// Writes the font's objects from `next` on, and gives the font itself.
    pub fn write(&self, pdf: &mut Chunk, next: &mut Ref) -> Ref {
        let [font, descendant, descriptor, program, unicode] = [(); 5].map(|()| next.bump());
        let name = Name(self.name.as_bytes());
        let mut composite = pdf.type0_font(font);
        composite.base_font(name).encoding_predefined(Name(b"Identity-H"));
        composite.descendant_font(descendant).to_unicode(unicode);
        drop(composite);
        self.write_descendant(pdf, descendant, descriptor);
        let mut description = pdf.font_descriptor(descriptor);
        let [left, bottom, right, top] = self.bounds.map(Into::into);
        description.name(name).flags(FontFlags::SYMBOLIC).bbox(Rect::new(left, bottom, right, top));
        description.italic_angle(0.0).ascent(self.ascent.into()).descent(self.descent.into());
        // No font of the three says how high its capitals and how thick its stems are; readers that have the file don't ask.
        description.cap_height(700.0).stem_v(80.0).font_file2(program);
        drop(description);
        let mut stream = pdf.stream(program, &self.program);
        stream.filter(Filter::FlateDecode);
        stream.pair(Name(b"Length1"), self.program_length);
        drop(stream);
        pdf.stream(unicode, &self.unicode).filter(Filter::FlateDecode);
        font
    }

    fn write_descendant(&self, pdf: &mut Chunk, id: Ref, descriptor: Ref) {
        let mut font = pdf.cid_font(id);
        font.subtype(CidFontType::Type2).base_font(Name(self.name.as_bytes())).system_info(COLLECTION);
        font.font_descriptor(descriptor).default_width(WIDTH_DEFAULT.into());
        font.cid_to_gid_map_predefined(Name(b"Identity"));
        let mut widths = font.widths();
        let mut first = 0u16;
        for run in self.widths.chunk_by(|a, b| (*a == WIDTH_DEFAULT) == (*b == WIDTH_DEFAULT)) {
            if run.first() != Some(&WIDTH_DEFAULT) {
                widths.consecutive(first, run.iter().map(|width| (*width).into()));
            }
            first = first.saturating_add(u16::try_from(run.len()).unwrap_or(u16::MAX));
        }
    }
}

/// Units of a font in thousandths of an em, to the nearest: within half of what PDF/A allows widths to be off.
pub(super) fn thousandths(units: i32, units_per_em: u16) -> i16 {
    let em = i32::from(units_per_em.max(1));
    let doubled = units.saturating_mul(2_000).saturating_add(em);
    i16::try_from(doubled.div_euclid(em.saturating_mul(2))).unwrap_or(i16::MAX)
}

/// What codes mean as text: UTF-16, with surrogates beyond the basic plane.
fn unicode_map(alphabet: &Alphabet) -> String {
    let mut map = "/CIDInit/ProcSet findresource begin\n12 dict begin\nbegincmap\n\
         /CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def\n\
         /CMapName/Adobe-Identity-UCS def\n/CMapType 2 def\n\
         1 begincodespacerange\n<0000><FFFF>\nendcodespacerange\n"
        .to_owned();
    let mut units = [0; 2];
    let mut code = 0usize;
    // Writing to a String cannot fail.
    for block in alphabet.characters().chunks(PAIRS_MAX) {
        let _ = writeln!(map, "{} beginbfchar", block.len());
        for (character, _) in block {
            code = code.saturating_add(1);
            push_hex(&mut map, &[u16::try_from(code).unwrap_or_default()]);
            push_hex(&mut map, character.encode_utf16(&mut units));
            map.push('\n');
        }
        map.push_str("endbfchar\n");
    }
    map.push_str("endcmap\nCMapName currentdict/CMap defineresource pop\nend\nend\n");
    map
}

/// Writes numbers of 16 bits as a string in hex.
pub(super) fn push_hex(out: &mut String, units: &[u16]) {
    out.push('<');
    for unit in units {
        push_digits(out, *unit);
    }
    out.push('>');
}

/// Writes the four hex digits of a number.
pub(super) fn push_digits(out: &mut String, unit: u16) {
    for shift in [12, 8, 4, 0] {
        let digit = u32::from(unit >> shift & 0xF);
        out.push(char::from_digit(digit, 16).unwrap_or('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::font::{Fonts, Place, Typeface};
    use super::*;

    #[test]
    fn codes_mean_their_characters_also_beyond_the_bmp() {
        let fonts = Fonts::load().unwrap();
        let mut alphabet = Alphabet::default();
        for character in "深𠮷深".chars() {
            let Place::Found(Typeface::Song, glyph) = fonts.place(Typeface::Song, character) else { panic!() };
            alphabet.take(fonts.file(Typeface::Song), character, glyph);
        }
        assert!(unicode_map(&alphabet).contains("2 beginbfchar\n<0001><6df1>\n<0002><d842dfb7>\nendbfchar"));
    }

    #[test]
    fn units_become_the_nearest_thousandths() {
        for (units, em, thousandths) in
            [(256, 256, 1_000), (128, 512, 250), (-31, 256, -121), (85, 256, 332), (0, 256, 0)]
        {
            assert_eq!(super::thousandths(units, em), thousandths, "{units} of {em}");
        }
    }
}
