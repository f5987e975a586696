//! Which field stands where on a page, from the display list that the page was painted by: it names what a difference is about.

use super::item::{Glyph, Item};
use super::number::{ONE, Point, minus};
use crate::render::draw::{Mark, Sheet, Text};
use crate::render::font::Fonts;

/// How far a glyph may stand behind or before a text and still be taken for a part of it: some ems.
const BESIDE: i64 = 20 * ONE;
/// How far it may stand above or below the text's line: less than to the next line.
const APART: i64 = 4 * ONE;

/// A field's place on a page, in points from the lower left corner.
#[derive(Debug)]
struct Spot {
    low: Point,
    high: Point,
    baseline: i64,
    field: String,
}

/// The fields of one page.
#[derive(Debug)]
pub(super) struct Spots(Vec<Spot>);

/// Micrometres as millionths of a point.
fn points(micrometres: i32) -> i64 {
    i64::from(micrometres) * 72_000_000 / 25_400
}

impl Spots {
    /// The fields of a page.
    pub fn of(sheet: &Sheet, fonts: &Fonts) -> Self {
        let mut spots = Vec::new();
        collect(&sheet.marks, sheet.height, fonts, &mut spots);
        Self(spots)
    }

    /// The field that an item stands in or covers; `page` for none.
    pub fn field(&self, item: &Item) -> String {
        let found = match item {
            Item::Glyph(glyph) => self.of_glyph(glyph),
            Item::Path(_) => {
                self.0.iter().filter_map(|spot| Some((covered(item, spot)?, spot))).max_by_key(|(area, _)| *area)
            }
            Item::Says(_) | Item::Said => None,
        };
        found.map_or_else(|| "page".to_owned(), |(_, spot)| spot.field.clone())
    }

    /// The spot that a glyph stands in, or the one on its line that it stands behind or before.
    fn of_glyph(&self, glyph: &Glyph) -> Option<(i128, &Spot)> {
        // What is turned is no field's.
        if glyph.em.0.y != 0 {
            return None;
        }
        let beside = |spot: &Spot| minus(spot.low.x, glyph.at.x).max(minus(glyph.at.x, spot.high.x)).max(0);
        let apart = |spot: &Spot| minus(spot.baseline, glyph.at.y).abs();
        let near = self.0.iter().filter(|spot| beside(spot) <= BESIDE && apart(spot) <= APART);
        near.map(|spot| (i128::from(beside(spot)) + i128::from(apart(spot)), spot))
            .min_by_key(|(distance, _)| *distance)
    }
}

/// How much of a spot an item covers.
fn covered(item: &Item, spot: &Spot) -> Option<i128> {
    let (low, high) = item.area()?;
    let width = minus(high.x.min(spot.high.x), low.x.max(spot.low.x));
    let height = minus(high.y.min(spot.high.y), low.y.max(spot.low.y));
    // A line has an area too.
    let thick = |way: i64| i128::from(way.max(1));
    (width >= 0 && height >= 0 && spot.field != "page").then(|| thick(width) * thick(height))
}

fn collect(marks: &[Mark], height: i32, fonts: &Fonts, spots: &mut Vec<Spot>) {
    for mark in marks {
        // A label is a place of its own: what stands there is no field's.
        let field = mark.field().map_or_else(|| "page".to_owned(), |field| field.path());
        match mark {
            Mark::Text(text) => spots.push(spot(text, field, height, fonts)),
            Mark::Code { x, y, side, .. } => spots.push(Spot {
                low: Point { x: points(*x), y: points(height - y - side) },
                high: Point { x: points(x + side), y: points(height - y) },
                baseline: points(height - y - side),
                field,
            }),
            Mark::Span { marks, .. } => collect(marks, height, fonts, spots),
            Mark::Rule { .. } | Mark::Ellipse { .. } => {}
        }
    }
}

fn spot(text: &Text, field: String, height: i32, fonts: &Fonts) -> Spot {
    let count = i32::try_from(text.content.chars().count()).unwrap_or_default();
    let width = match text.pitch {
        Some(pitch) => pitch.saturating_mul(count),
        None => fonts.width(text.typeface, text.size, &text.content),
    };
    let baseline = height - text.y;
    Spot {
        low: Point { x: points(text.x), y: points(baseline - text.size / 8) },
        high: Point { x: points(text.x + width), y: points(baseline + text.size * 7 / 8) },
        baseline: points(baseline),
        field,
    }
}
