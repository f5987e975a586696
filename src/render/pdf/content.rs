//! Marks as a content stream, written by hand: the layer of a page that differs from invoice to invoice.
//!
//! Places are hundredths of a point from the lower left corner, printed from whole numbers; codes of characters are in hex. A text is one
//! text object; its colour, font and width of line are written only where they change.

use std::fmt::Write as _;

use super::super::draw::{Ink, Mark, Text};
use super::super::qr::{QUIET_MODULES, QrMatrix};
use super::super::turn::{handle, turn};
use super::embedded::{push_digits, push_hex};
use super::letters::{FontName, Letters, Ready};
use super::points::{hundredths, push_decimal, push_points};

/// The layer of one page.
#[derive(Debug)]
pub(super) struct Layer<'a> {
    ready: &'a Ready<'a>,
    height: i32,
    out: String,
    ink: Option<Ink>,
    line: Option<(Ink, i32)>,
    font: Option<(FontName, i32)>,
}

impl<'a> Layer<'a> {
    /// An empty layer of a page with `ready` fonts.
    pub fn new(ready: &'a Ready<'a>, height: i32) -> Self {
        Self { ready, height, out: String::with_capacity(16 * 1024), ink: None, line: None, font: None }
    }

    /// The content stream.
    pub fn finish(self) -> String {
        self.out
    }

    /// Draws the page's frame, form `name`.
    pub fn form(&mut self, name: &str) {
        let _ = writeln!(self.out, "/{name} Do");
    }

    /// Draws marks in their order.
    pub fn marks(&mut self, marks: &[Mark], letters: &mut Letters<'_>) {
        for mark in marks {
            match mark {
                Mark::Text(text) => self.text(text, letters),
                Mark::Rule { from, to, width, ink } => {
                    self.line(*ink, *width);
                    self.place(*from);
                    self.out.push_str("m ");
                    self.place(*to);
                    self.out.push_str("l S\n");
                }
                Mark::Ellipse { centre, radii, width, ink } => self.ellipse(*centre, *radii, (*width, *ink)),
                Mark::Code { x, y, side, matrix } => self.code(matrix, (*x, *y), *side),
                Mark::Span { actual, marks } => {
                    self.begin_span(actual);
                    self.marks(marks, letters);
                    self.out.push_str("EMC\n");
                }
            }
        }
    }

    fn place(&mut self, (x, y): (i32, i32)) {
        push_points(&mut self.out, x);
        push_points(&mut self.out, self.height.saturating_sub(y));
    }

    fn colour(&mut self, ink: Ink, operator: &str) {
        for part in ink.0 {
            push_decimal(&mut self.out, thousandths(part), 3);
            self.out.push(' ');
        }
        self.out.push_str(operator);
    }

    fn line(&mut self, ink: Ink, width: i32) {
        let before = self.line.replace((ink, width));
        if before.map(|(ink, _)| ink) != Some(ink) {
            self.colour(ink, "RG\n");
        }
        if before.map(|(_, width)| width) != Some(width) {
            push_points(&mut self.out, width);
            self.out.push_str("w\n");
        }
    }

    /// Four quarters, counter-clockwise from the right.
    fn ellipse(&mut self, (x, y): (i32, i32), (across, down): (i32, i32), (width, ink): (i32, Ink)) {
        self.line(ink, width);
        let [left, right] = [x.saturating_sub(across), x.saturating_add(across)];
        let [top, bottom] = [y.saturating_sub(down), y.saturating_add(down)];
        let [over, under] = [handle(down).saturating_neg(), handle(down)].map(|reach| y.saturating_add(reach));
        let [before, after] = [handle(across).saturating_neg(), handle(across)].map(|reach| x.saturating_add(reach));
        self.place((right, y));
        self.out.push_str("m ");
        for quarter in [
            [(right, over), (after, top), (x, top)],
            [(before, top), (left, over), (left, y)],
            [(left, under), (before, bottom), (x, bottom)],
            [(after, bottom), (right, under), (right, y)],
        ] {
            for point in quarter {
                self.place(point);
            }
            self.out.push_str("c ");
        }
        self.out.push_str("s\n");
    }

    fn begin_span(&mut self, actual: &str) {
        let units: Vec<u16> = std::iter::once(0xFEFF).chain(actual.encode_utf16()).collect();
        self.out.push_str("/Span<</ActualText");
        push_hex(&mut self.out, &units);
        self.out.push_str(">>BDC\n");
    }

    fn text(&mut self, text: &Text, letters: &mut Letters<'_>) {
        if self.ink.replace(text.ink) != Some(text.ink) {
            self.colour(text.ink, "rg\n");
        }
        self.out.push_str("BT\n");
        if text.turn == 0 {
            self.place((text.x, text.y));
            self.out.push_str("Td\n");
        } else {
            let (cosine, sine) = turn(text.turn);
            for part in [cosine, sine, sine.saturating_neg(), cosine] {
                push_decimal(&mut self.out, part, 4);
                self.out.push(' ');
            }
            self.place((text.x, text.y));
            self.out.push_str("Tm\n");
        }
        let mut run = Run::default();
        for character in text.content.chars() {
            let letter = letters.letter(self.ready, text.typeface, character);
            if self.font != Some((letter.font, text.size)) {
                run.show(&mut self.out);
                self.font = Some((letter.font, text.size));
                let _ = write!(self.out, "/{} ", letter.font.as_str());
                push_points(&mut self.out, text.size);
                self.out.push_str("Tf\n");
            }
            let step = text.pitch.map_or(0, |pitch| adjustment(pitch, text.size, letter.width));
            match letter.stands_for {
                None => run.add(letter.code, step),
                Some(missing) => {
                    run.show(&mut self.out);
                    self.begin_span(missing.encode_utf8(&mut [0; 4]));
                    run.add(letter.code, step);
                    run.show(&mut self.out);
                    self.out.push_str("EMC\n");
                }
            }
        }
        run.show(&mut self.out);
        self.out.push_str("ET\n");
    }

    /// A QR code as one filled path in module coordinates, on white.
    fn code(&mut self, matrix: &QrMatrix, (left, top): (i32, i32), side: i32) {
        let modules = matrix.width().saturating_add(2 * QUIET_MODULES);
        let count = i64::try_from(modules).unwrap_or(1).max(1);
        // Hundredths of a point over the modules, to a millionth: the last module is less than a hundredth off.
        let scale = hundredths(side).saturating_mul(10_000).div_euclid(count);
        self.out.push_str("q\n");
        push_decimal(&mut self.out, scale, 6);
        self.out.push_str(" 0 0 ");
        push_decimal(&mut self.out, scale, 6);
        self.out.push(' ');
        self.place((left, top));
        // Writing to a String cannot fail.
        let _ = writeln!(self.out, "cm\n1 1 1 rg\n0 -{modules} {modules} {modules} re f\n0 0 0 rg");
        for run in matrix.runs() {
            let x = run.x.saturating_add(QUIET_MODULES);
            let y = run.y.saturating_add(QUIET_MODULES).saturating_add(1);
            let _ = writeln!(self.out, "{x} -{y} {} 1 re", run.length);
        }
        self.out.push_str("f\nQ\n");
    }
}

/// A part of a colour, 0 to 255, in thousandths.
pub(super) fn thousandths(part: u8) -> i64 {
    i64::from(part).saturating_mul(2_000).saturating_add(255).div_euclid(510)
}

/// How far a character's end is moved to the left, so that the next begins at the pitch: thousandths of an em.
pub(super) fn adjustment(pitch: i32, size: i32, width: i16) -> i16 {
    let wanted = i64::from(pitch).saturating_mul(1_000).div_euclid(i64::from(size.max(1)));
    i16::try_from(i64::from(width).saturating_sub(wanted)).unwrap_or_default()
}

/// Characters of one font, waiting to be shown.
#[derive(Debug, Default)]
struct Run {
    /// The codes, in hex, with adjustments between them.
    shown: String,
    is_adjusted: bool,
    is_open: bool,
}

impl Run {
    fn add(&mut self, code: u16, step: i16) {
        if !self.is_open {
            self.shown.push('<');
            self.is_open = true;
        }
        push_digits(&mut self.shown, code);
        if step != 0 {
            let _ = write!(self.shown, ">{step}");
            self.is_open = false;
            self.is_adjusted = true;
        }
    }

    fn show(&mut self, out: &mut String) {
        if self.shown.is_empty() {
            return;
        }
        if self.is_open {
            self.shown.push('>');
        }
        let _ = if self.is_adjusted { writeln!(out, "[{}]TJ", self.shown) } else { writeln!(out, "{}Tj", self.shown) };
        *self = Self::default();
    }
}
