//! Writing onto a page that is being laid out.

use serde::Deserialize;

use super::plan::Align;
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

impl Style {
    /// The same at another size.
    pub const fn at(self, size: i32) -> Self {
        Self { size, ..self }
    }
}

/// A rectangle on a page; in layouts `[x, y, width, height]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(from = "(i32, i32, i32, i32)")]
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

impl From<(i32, i32, i32, i32)> for Area {
    fn from((x, y, width, height): (i32, i32, i32, i32)) -> Self {
        Self { x, y, width, height }
    }
}

impl Area {
    /// Right edge.
    pub fn right(self) -> i32 {
        self.x + self.width
    }

    /// Lower edge.
    pub fn bottom(self) -> i32 {
        self.y + self.height
    }
}

/// Writes marks.
pub(super) struct Pen<'a> {
    /// Measures texts.
    pub fonts: &'a Fonts,
    /// The marks so far.
    pub marks: Vec<Mark>,
    /// What the texts that are written now show.
    field: Option<Field>,
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

    /// Writes so that the text begins, has its middle or ends at a place.
    pub fn write(&mut self, align: Align, (x, baseline): (i32, i32), style: Style, content: &str) {
        let width = || self.fonts.width(style.typeface, style.size, content);
        let left = match align {
            Align::Left => x,
            Align::Centre => x - width() / 2,
            Align::Right => x - width(),
        };
        self.turned((left, baseline), style, content, 0);
    }

    /// Writes upwards to the right, at thousandths of a degree.
    pub fn turned(&mut self, (x, y): (i32, i32), style: Style, content: &str, turn: i32) {
        if content.is_empty() {
            return;
        }
        self.marks.push(Mark::Text(Text {
            x,
            y,
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
    pub fn spaced(&mut self, (x, y): (i32, i32), style: Style, pitch: i32, content: &str) {
        let count = i32::try_from(content.chars().count()).unwrap_or_default();
        let text = Text {
            // The last character's free space is not part of the text.
            x: x - (pitch * count - (pitch - style.size)) / 2,
            y,
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
            let place = (area.x + area.width / 2, centred(top + pitch * row, pitch, style.size));
            self.write(Align::Centre, place, style, character.encode_utf8(&mut text));
        }
    }

    /// Draws a rule.
    pub fn rule(&mut self, from: (i32, i32), to: (i32, i32), rule: Rule) {
        self.marks.push(Mark::Rule { from, to, width: rule.width, ink: rule.ink });
    }

    /// Draws the four sides of an area.
    pub fn frame(&mut self, area: Area, rule: Rule) {
        let (right, bottom) = (area.right(), area.bottom());
        // Half a rule further, so that the corners close.
        let half = rule.width / 2;
        self.rule((area.x - half, area.y), (right + half, area.y), rule);
        self.rule((area.x - half, bottom), (right + half, bottom), rule);
        self.rule((area.x, area.y), (area.x, bottom), rule);
        self.rule((right, area.y), (right, bottom), rule);
    }
}

/// How rules are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    /// Width.
    pub width: i32,
    /// Colour.
    pub ink: Ink,
}

/// Baseline at which a text of an em's `size` stands in the middle of a row.
pub(super) fn centred(top: i32, height: i32, size: i32) -> i32 {
    // Chinese characters reach from 0.88 em above to 0.12 em below the baseline: their middle lies 0.38 em above it.
    top + height / 2 + size * 38 / 100
}
