//! Which field stands where on a page, from the display list that the page was painted by: it names what a difference is about.

use super::item::Item;
use super::number::{ONE, Point, minus};
use crate::render::draw::{Field, Mark, Sheet, Text};
use crate::render::font::Fonts;

/// How far from its spot a glyph still counts as standing in it: a fifth of a small em.
const SLACK: i64 = ONE;

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
            Item::Glyph(glyph) => {
                let holds = |spot: &&Spot| {
                    glyph.at.x >= spot.low.x - SLACK
                        && glyph.at.x <= spot.high.x + SLACK
                        && glyph.at.y >= spot.low.y - SLACK
                        && glyph.at.y <= spot.high.y + SLACK
                };
                self.0.iter().filter(holds).min_by_key(|spot| minus(spot.baseline, glyph.at.y).abs())
            }
            Item::Path(_) => {
                let covered = |spot: &Spot| {
                    let (low, high) = item.area()?;
                    let width = minus(high.x.min(spot.high.x), low.x.max(spot.low.x));
                    let height = minus(high.y.min(spot.high.y), low.y.max(spot.low.y));
                    (width > 0 && height > 0).then(|| i128::from(width) * i128::from(height))
                };
                let covered = self.0.iter().filter_map(|spot| Some((covered(spot)?, spot)));
                covered.max_by_key(|(area, _)| *area).map(|(_, spot)| spot)
            }
            Item::Says(_) | Item::Said => None,
        };
        found.map_or_else(|| "page".to_owned(), |spot| spot.field.clone())
    }
}

fn collect(marks: &[Mark], height: i32, fonts: &Fonts, spots: &mut Vec<Spot>) {
    for mark in marks {
        let field = mark.field();
        match mark {
            Mark::Text(text) => spots.extend(field.map(|field| spot(text, field, height, fonts))),
            Mark::Code { x, y, side, .. } => spots.extend(field.map(|field| Spot {
                low: Point { x: points(*x), y: points(height - y - side) },
                high: Point { x: points(x + side), y: points(height - y) },
                baseline: points(height - y - side),
                field: field.path(),
            })),
            Mark::Span { marks, .. } => collect(marks, height, fonts, spots),
            Mark::Rule { .. } | Mark::Ellipse { .. } => {}
        }
    }
}

fn spot(text: &Text, field: Field, height: i32, fonts: &Fonts) -> Spot {
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
        field: field.path(),
    }
}
