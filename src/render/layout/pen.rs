//! Writing onto a page that is being laid out.

use crate::render::draw::{Field, Ink, Mark, Text};
use crate::render::font::{Fonts, Typeface};

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    /// Typeface asked for.
    pub typeface: Typeface,
    /// Em.
    pub size: i32,
    /// Colour.
    pub ink: Ink,
}

/// Frame and labels: the brown-red of paper invoices.
pub(super) const LABEL_INK: Ink = Ink([140, 51, 31]);
/// Values.
pub(super) const VALUE_INK: Ink = Ink([20, 20, 26]);
/// The sample mark behind the text.
pub(super) const FAINT_INK: Ink = Ink([247, 219, 214]);
/// The sandbox sentence.
pub(super) const WARNING_INK: Ink = Ink([204, 26, 26]);
/// The seal.
pub(super) const SEAL_INK: Ink = Ink([214, 40, 40]);
/// Chain position, page numbers.
pub(super) const QUIET_INK: Ink = Ink([107, 97, 92]);

impl Style {
    /// A label in Kai.
    pub const fn label(size: i32) -> Self {
        Self { typeface: Typeface::Kai, size, ink: LABEL_INK }
    }

    /// A value in Song.
    pub const fn value(size: i32) -> Self {
        Self { typeface: Typeface::Song, size, ink: VALUE_INK }
    }

    /// A figure.
    pub const fn figure(size: i32) -> Self {
        Self { typeface: Typeface::Figure, size, ink: VALUE_INK }
    }

    /// The same at another size.
    pub const fn at(self, size: i32) -> Self {
        Self { size, ..self }
    }

    /// The same in another colour.
    pub const fn ink(self, ink: Ink) -> Self {
        Self { ink, ..self }
    }
}

/// A rectangle on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    /// Left edge.
    pub x: i32,
    /// Top edge.
    pub y: i32,
    /// Width.
    pub width: i32,
    /// Height.
    pub height: i32,
}

/// Frame rules.
pub(super) const RULE: i32 = 180;

/// Writes marks.
pub(super) struct Pen<'a> {
    /// Measures texts.
    pub fonts: &'a Fonts,
    /// The marks so far.
    pub marks: Vec<Mark>,
    /// What the texts that are written now show.
    pub field: Option<Field>,
}

impl<'a> Pen<'a> {
    /// A pen over an empty page.
    pub fn new(fonts: &'a Fonts) -> Self {
        Self { fonts, marks: Vec::new(), field: None }
    }

    /// From now on, texts show this.
    pub fn show(&mut self, field: Field) -> &mut Self {
        self.field = Some(field);
        self
    }

    /// From now on, texts are labels.
    pub fn label(&mut self) -> &mut Self {
        self.field = None;
        self
    }

    /// Writes from `x` to the right.
    pub fn left(&mut self, x: i32, baseline: i32, style: Style, content: &str) {
        self.turned(x, baseline, style, content, 0);
    }

    /// Writes so that the text ends at `x`.
    pub fn right(&mut self, x: i32, baseline: i32, style: Style, content: &str) {
        let width = self.fonts.width(style.typeface, style.size, content);
        self.left(x - width, baseline, style, content);
    }

    /// Writes so that the text's middle is at `x`.
    pub fn centre(&mut self, x: i32, baseline: i32, style: Style, content: &str) {
        let width = self.fonts.width(style.typeface, style.size, content);
        self.left(x - width / 2, baseline, style, content);
    }

    /// Writes upwards to the right, at thousandths of a degree.
    pub fn turned(&mut self, x: i32, baseline: i32, style: Style, content: &str, turn: i32) {
        if content.is_empty() {
            return;
        }
        self.marks.push(Mark::Text(Text {
            x,
            y: baseline,
            size: style.size,
            typeface: style.typeface,
            ink: style.ink,
            content: content.to_owned(),
            turn,
            pitch: None,
            field: self.field,
        }));
    }

    /// Writes with a pitch so that the text's middle is at `x`; it is read as one text.
    pub fn spaced(&mut self, x: i32, baseline: i32, style: Style, pitch: i32, content: &str) {
        let count = i32::try_from(content.chars().count()).unwrap_or_default();
        let text = Text {
            // The last character's free space is not part of the text.
            x: x - (pitch * count - (pitch - style.size)) / 2,
            y: baseline,
            size: style.size,
            typeface: style.typeface,
            ink: style.ink,
            content: content.to_owned(),
            turn: 0,
            pitch: Some(pitch),
            field: self.field,
        };
        self.marks.push(Mark::Span { actual: content.to_owned(), marks: vec![Mark::Text(text)] });
    }

    /// Writes one character under the other, centred in an area; the pitch gives way when the area is low.
    pub fn stacked(&mut self, area: Area, style: Style, content: &str) {
        let count = i32::try_from(content.chars().count()).unwrap_or(1).max(1);
        let pitch = (style.size * 13 / 10).min((area.height - 800) / count);
        let top = area.y + (area.height - pitch * count) / 2;
        let mut text = [0; 4];
        for (row, character) in (0..).zip(content.chars()) {
            let baseline = centred(top + pitch * row, pitch, style.size);
            self.centre(area.x + area.width / 2, baseline, style, character.encode_utf8(&mut text));
        }
    }

    /// Draws a rule of the frame.
    pub fn rule(&mut self, from: (i32, i32), to: (i32, i32)) {
        self.marks.push(Mark::Rule { from, to, width: RULE, ink: LABEL_INK });
    }

    /// Draws the four sides of an area.
    pub fn frame(&mut self, area: Area) {
        let (right, bottom) = (area.x + area.width, area.y + area.height);
        // Half a rule further, so that the corners close.
        let half = RULE / 2;
        self.rule((area.x - half, area.y), (right + half, area.y));
        self.rule((area.x - half, bottom), (right + half, bottom));
        self.rule((area.x, area.y), (area.x, bottom));
        self.rule((right, area.y), (right, bottom));
    }
}

/// Baseline at which a text of an em's `size` stands in the middle of a row.
pub(super) fn centred(top: i32, height: i32, size: i32) -> i32 {
    // Chinese characters reach from 0.88 em above to 0.12 em below the baseline: their middle lies 0.38 em above it.
    top + height / 2 + size * 38 / 100
}
