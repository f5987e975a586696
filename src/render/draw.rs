//! What stands on a page, before it becomes PDF: texts, rules and codes at places in micrometres from the top left corner.

use super::font::{Fonts, Typeface};
use super::qr::QrMatrix;

/// Colours of the face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    /// Frame and labels: the brown-red of paper invoices.
    Label,
    /// Values.
    Value,
    /// The sample mark behind the text.
    Faint,
    /// The sandbox sentence.
    Warning,
    /// Chain position, page numbers.
    Quiet,
}

/// One thing on a page.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Mark {
    /// A text on one line.
    Text(Text),
    /// A straight rule.
    Rule {
        /// Start.
        from: (i32, i32),
        /// End.
        to: (i32, i32),
        /// Width.
        width: i32,
    },
    /// A QR code in a square, quiet zone included.
    Code {
        /// Left edge of the quiet zone.
        x: i32,
        /// Top edge of the quiet zone.
        y: i32,
        /// Side, quiet zone included.
        side: i32,
        /// The modules.
        matrix: QrMatrix,
    },
}

/// A text on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    /// Left end.
    pub x: i32,
    /// Baseline.
    pub y: i32,
    /// Em.
    pub size: i32,
    /// Typeface asked for.
    pub typeface: Typeface,
    /// Colour.
    pub ink: Ink,
    /// The characters.
    pub content: String,
    /// Degrees counter-clockwise about the left end of the baseline.
    pub turn: u16,
}

/// One page.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sheet {
    /// Width.
    pub width: i32,
    /// Height.
    pub height: i32,
    /// Marks in drawing order.
    pub marks: Vec<Mark>,
}

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

impl Style {
    /// A label in Kai.
    pub const fn label(size: i32) -> Self {
        Self { typeface: Typeface::Kai, size, ink: Ink::Label }
    }

    /// A value in Song.
    pub const fn value(size: i32) -> Self {
        Self { typeface: Typeface::Song, size, ink: Ink::Value }
    }

    /// A figure.
    pub const fn figure(size: i32) -> Self {
        Self { typeface: Typeface::Figure, size, ink: Ink::Value }
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

/// Writes on a page.
pub(super) struct Pen<'a> {
    /// Measures texts.
    pub fonts: &'a Fonts,
    /// The page so far.
    pub sheet: Sheet,
}

impl<'a> Pen<'a> {
    /// A pen over an empty page.
    pub fn new(fonts: &'a Fonts, width: i32, height: i32) -> Self {
        Self { fonts, sheet: Sheet { width, height, marks: Vec::new() } }
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

    /// Writes upwards to the right.
    pub fn turned(&mut self, x: i32, baseline: i32, style: Style, content: &str, turn: u16) {
        if content.is_empty() {
            return;
        }
        self.sheet.marks.push(Mark::Text(Text {
            x,
            y: baseline,
            size: style.size,
            typeface: style.typeface,
            ink: style.ink,
            content: content.to_owned(),
            turn,
        }));
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
        self.sheet.marks.push(Mark::Rule { from, to, width: RULE });
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
