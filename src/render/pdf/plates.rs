//! What every PDF shares, made once when the service starts: frames, label fonts, the figures' font, the colour profile.

use std::collections::BTreeMap;

use super::super::draw::{Frame, FrameId, Mark, Sheet};
use super::super::font::{Fonts, Glyph, Place, Typeface};
use super::super::glyphs::texts;
use super::alphabet::Alphabet;
use super::deflate::{Effort, deflate};
use super::frame;
use super::icc::srgb;
use super::letters::{PreparedFont, Ready};
use crate::base::Fault;

/// Characters that the figures' font has on every invoice: amounts, dates, codes, hashes, taxpayer ids.
const FIGURES: &str = "0123456789 -.,:/%*¥+ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef";

/// A frame, ready to be written.
#[derive(Debug)]
pub(in super::super) struct Plate {
    /// Its content stream, compressed.
    pub(super) content: Vec<u8>,
    /// The fonts of its labels.
    pub(super) fonts: BTreeMap<Typeface, PreparedFont>,
}

/// All that is prepared.
#[derive(Debug)]
pub(in super::super) struct Plates {
    /// By name.
    pub(super) frames: BTreeMap<FrameId, Plate>,
    /// The font of figures.
    pub(super) figure: PreparedFont,
    /// The colour profile, compressed.
    pub(super) profile: Vec<u8>,
}

impl Plates {
    /// Prepares the frames, and with the fonts of each the labels that usually stand over it, as the pages `usual` have them.
    ///
    /// # Errors
    /// [`Code::RenderFont`](crate::base::Code::RenderFont) when a label has a character that no font has,
    /// [`Code::RenderPdf`](crate::base::Code::RenderPdf).
    pub fn prepare(frames: &[Frame], usual: &[Sheet], fonts: &Fonts) -> Result<Self, Fault> {
        let mut figures = Alphabet::default();
        let labels = frames.iter().flat_map(|frame| letters(fonts, &frame.marks));
        for (typeface, character, glyph) in drawn(fonts, FIGURES, Typeface::Figure).chain(labels) {
            if typeface == Typeface::Figure {
                figures.take(fonts.file(typeface), character, glyph);
            }
        }
        let figure = PreparedFont::of(fonts, Typeface::Figure, figures)?;
        let mut plates = BTreeMap::new();
        for frame in frames {
            plates.insert(frame.id, plate(frame, usual, &figure, fonts)?);
        }
        Ok(Self { frames: plates, figure, profile: deflate(&srgb(), Effort::Thorough)? })
    }

    /// The fonts that a page on a frame has at hand.
    pub(super) fn ready<'a>(&'a self, plate: &'a Plate) -> Ready<'a> {
        ready(&self.figure, &plate.fonts)
    }
}

fn ready<'a>(figure: &'a PreparedFont, own: &'a BTreeMap<Typeface, PreparedFont>) -> Ready<'a> {
    own.iter().map(|(typeface, font)| (*typeface, font)).chain([(Typeface::Figure, figure)]).collect()
}

fn plate(frame: &Frame, usual: &[Sheet], figure: &PreparedFont, fonts: &Fonts) -> Result<Plate, Fault> {
    let mut alphabets: BTreeMap<Typeface, Alphabet> = BTreeMap::new();
    let over = usual.iter().filter(|sheet| sheet.frame == frame.id).flat_map(|sheet| letters(fonts, &sheet.marks));
    let labels = over.filter(|(typeface, ..)| *typeface == Typeface::Kai);
    for (typeface, character, glyph) in letters(fonts, &frame.marks).chain(labels) {
        if typeface != Typeface::Figure {
            alphabets.entry(typeface).or_default().take(fonts.file(typeface), character, glyph);
        }
    }
    let prepared = alphabets
        .into_iter()
        .map(|(typeface, alphabet)| PreparedFont::of(fonts, typeface, alphabet).map(|prepared| (typeface, prepared)));
    let prepared: BTreeMap<Typeface, PreparedFont> = prepared.collect::<Result<_, Fault>>()?;
    let content = frame::draw(frame, &ready(figure, &prepared), fonts)?;
    Ok(Plate { content: deflate(&content, Effort::Thorough)?, fonts: prepared })
}

/// The characters of all texts among marks, also within spans, and what draws them.
fn letters<'a>(fonts: &'a Fonts, marks: &'a [Mark]) -> impl Iterator<Item = (Typeface, char, Glyph)> + 'a {
    marks.iter().flat_map(texts).flat_map(|text| drawn(fonts, &text.content, text.typeface))
}

/// The characters of a text, and what draws them. What no font has is passed over: `frame` refuses it.
fn drawn<'a>(fonts: &'a Fonts, text: &'a str, asked: Typeface) -> impl Iterator<Item = (Typeface, char, Glyph)> + 'a {
    text.chars().filter_map(move |character| match fonts.place(asked, character) {
        Place::Found(typeface, glyph) => Some((typeface, character, glyph)),
        Place::Missing(_) => None,
    })
}
