//! The oval supervision seal: an ellipse, texts along it, texts across it.

use serde::Deserialize;

use super::pen::Pen;
use super::plan::{Align, Lettering};
use crate::render::draw::{Ink, Mark, Text};
use crate::render::font::Fonts;

/// A seal. Places are micrometres from the page's top left corner.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seal {
    /// Middle.
    pub centre: (i32, i32),
    /// Half of the width and of the height of each outline, and its width.
    pub outlines: Vec<(i32, i32, i32)>,
    /// Texts along an ellipse.
    pub arcs: Vec<Arc>,
    /// Texts across.
    pub lines: Vec<Line>,
}

/// A text along an ellipse.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Arc {
    /// The characters.
    pub text: String,
    /// Half of the width and of the height of the ellipse on which their baseline lies.
    pub radii: (i32, i32),
    /// Em.
    pub size: i32,
    /// From the middle of a character to that of the next, along the ellipse.
    pub step: i32,
    /// Which side: on the upper one heads point outward, on the lower one inward.
    pub side: Side,
}

/// A side of the ellipse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Side {
    /// The upper half.
    Top,
    /// The lower half.
    Bottom,
}

/// A text across the seal, centred.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    /// The characters.
    pub text: String,
    /// Baseline, below the seal's middle.
    pub below: i32,
    /// Em.
    pub size: i32,
}

impl Seal {
    /// The seal as one text: what stands along it and across it, in the order of the layout.
    pub fn drawn(&self, fonts: &Fonts, ink: Ink) -> Mark {
        let mut inner = Pen::new(fonts);
        for &(across, down, width) in &self.outlines {
            inner.marks.push(Mark::Ellipse { centre: self.centre, radii: (across, down), width, ink });
        }
        for arc in &self.arcs {
            self.write(&mut inner, arc, ink);
        }
        for line in &self.lines {
            let place = (self.centre.0, self.centre.1 + line.below);
            inner.write(Align::Centre, place, Lettering::Label.style(line.size, ink), &line.text);
        }
        let texts: Vec<&str> =
            self.arcs.iter().map(|arc| &*arc.text).chain(self.lines.iter().map(|l| &*l.text)).collect();
        Mark::Span { actual: texts.join(" "), marks: inner.marks }
    }

    fn write(&self, pen: &mut Pen<'_>, arc: &Arc, ink: Ink) {
        let style = Lettering::Label.style(arc.size, ink);
        let count = i32::try_from(arc.text.chars().count()).unwrap_or_default();
        for (nth, character) in (0..).zip(arc.text.chars()) {
            let distance = (2 * nth - (count - 1)) * arc.step / 2;
            let (x, y, turn) = along(arc.radii, arc.side, distance);
            let half = i64::from(pen.fonts.advance(style.typeface, style.size, character) / 2);
            let (back_x, back_y) = (half * cosine(turn) / ONE, half * sine(turn) / ONE);
            pen.marks.push(Mark::Text(Text {
                x: self.centre.0 + x - small(back_x),
                y: self.centre.1 - y + small(back_y),
                size: style.size,
                typeface: style.typeface,
                ink,
                content: character.to_string(),
                turn,
                pitch: None,
                field: None,
            }));
        }
    }
}

/// The place at a distance along an ellipse, counted to the right from its highest or lowest point, relative to its middle with y
/// upward; and the direction of the ellipse there.
fn along(radii: (i32, i32), side: Side, distance: i32) -> (i32, i32, i32) {
    // Nanometres: rounded to micrometres, thousands of short steps would add up to a degree.
    let (across, down) = (i64::from(radii.0) * 1_000, i64::from(radii.1) * 1_000);
    let (begin, clockwise) = match side {
        Side::Top => (90_000, 1),
        Side::Bottom => (270_000, -1),
    };
    let place = |turn: i32| (across * cosine(turn) / ONE, down * sine(turn) / ONE);
    // Walked in steps of a tenth of a degree: some 30 micrometres on a seal.
    let step = if distance < 0 { 100 } else { -100 } * clockwise;
    let (mut at, mut walked): (i32, i64) = (begin, 0);
    while walked < i64::from(distance.abs()) * 1_000 && (at - begin).abs() < 120_000 {
        let (from, to) = (place(at), place(at + step));
        let (x, y) = (to.0 - from.0, to.1 - from.1);
        walked += x.saturating_mul(x).saturating_add(y.saturating_mul(y)).isqrt();
        at += step;
    }
    let (x, y) = place(at);
    let side = i64::from(clockwise);
    let direction = (side * across * sine(at) / ONE, -side * down * cosine(at) / ONE);
    (small(x / 1_000), small(y / 1_000), angle(direction))
}

/// What sines and cosines are counted in.
const ONE: i64 = 1_000_000_000;

/// Sine of thousandths of a degree, in thousand-millionths: its series, exact to a few of them.
fn sine(turn: i32) -> i64 {
    let turn = i64::from(turn).rem_euclid(360_000);
    // Into the quarter around 0, where the series is short.
    let folded = match turn {
        0..=90_000 => turn,
        90_001..=270_000 => 180_000 - turn,
        _ => turn - 360_000,
    };
    // Pi times a thousand million.
    let x = folded * 3_141_592_654 / 180_000;
    let square = x * x / ONE;
    let mut term = x;
    let mut sum = x;
    for n in [2 * 3, 4 * 5, 6 * 7, 8 * 9, 10 * 11, 12 * 13] {
        term = -term * square / ONE / n;
        sum += term;
    }
    sum
}

fn cosine(turn: i32) -> i64 {
    sine(turn + 90_000)
}

/// The angle of a direction to the right, between -90 and 90 degrees, found by halving.
fn angle((x, y): (i64, i64)) -> i32 {
    let (mut low, mut high) = (-90_000, 90_000);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if y * cosine(middle) >= x * sine(middle) { low = middle } else { high = middle }
    }
    low
}

/// Micrometres on a page always fit.
fn small(micrometres: i64) -> i32 {
    i32::try_from(micrometres).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sines_are_exact_to_a_millionth() {
        for (turn, expected) in
            [(0, 0), (30_000, 500_000_000), (90_000, ONE), (210_000, -500_000_000), (-45_000, -707_106_781)]
        {
            assert!((sine(turn) - expected).abs() < 1_000, "{turn}: {}", sine(turn));
        }
        assert!((cosine(60_000) - ONE / 2).abs() < 1_000);
    }

    #[test]
    fn angles_are_found_again() {
        for turn in [-80_000, -1, 0, 12_345, 89_000] {
            let found = angle((cosine(turn), sine(turn)));
            assert!((found - turn).abs() <= 1, "{turn}: {found}");
        }
    }

    #[test]
    fn a_circle_is_walked_evenly_and_both_ways() {
        // A quarter of a circle of 10 mm is 15.708 mm.
        let (x, y, turn) = along((10_000, 10_000), Side::Top, 7_854);
        assert!((x - 7_071).abs() < 30 && (y - 7_071).abs() < 30 && (turn + 45_000).abs() < 200, "{x} {y} {turn}");
        let (x, y, turn) = along((10_000, 10_000), Side::Bottom, 7_854);
        assert!((x - 7_071).abs() < 30 && (y + 7_071).abs() < 30 && (turn - 45_000).abs() < 200, "{x} {y} {turn}");
        let (x, y, turn) = along((10_000, 10_000), Side::Top, -7_854);
        assert!((x + 7_071).abs() < 30 && (y - 7_071).abs() < 30 && (turn - 45_000).abs() < 200, "{x} {y} {turn}");
    }
}
