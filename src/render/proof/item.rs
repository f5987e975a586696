//! What a page paints, one item after the other, as a reader of the page sees it: glyphs, paths, and what is said to programs in place
//! of what is seen.

use super::number::{Point, minus, plus, times};

/// How far apart two places may be that count as one, in millionths of a point: 0.05 pt is less than a printer's dot at 1,200 dpi.
const PLACE_TOLERANCE: i64 = 50_000;

/// The same for parts of colours: less than one of 256 steps.
const COLOUR_TOLERANCE: i64 = 3_000;

fn near(a: i64, b: i64, tolerance: i64) -> bool {
    minus(a, b).abs() <= tolerance
}

fn near_point(a: Point, b: Point) -> bool {
    near(a.x, b.x, PLACE_TOLERANCE) && near(a.y, b.y, PLACE_TOLERANCE)
}

/// A colour, in the parts of its device space, each from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    /// Red, green, blue; grey is three equal parts.
    Rgb([i64; 3]),
    /// Cyan, magenta, yellow, black.
    Cmyk([i64; 4]),
}

impl Colour {
    /// The colour at the beginning of a page.
    pub const BLACK: Self = Self::Rgb([0; 3]);

    fn is(&self, other: &Self) -> bool {
        let parts = |a: &[i64], b: &[i64]| a.iter().zip(b).all(|(a, b)| near(*a, *b, COLOUR_TOLERANCE));
        match (self, other) {
            (Self::Rgb(a), Self::Rgb(b)) => parts(a, b),
            (Self::Cmyk(a), Self::Cmyk(b)) => parts(a, b),
            (Self::Rgb(_), Self::Cmyk(_)) | (Self::Cmyk(_), Self::Rgb(_)) => false,
        }
    }
}

/// How lines are drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pen {
    /// Colour.
    pub colour: Colour,
    /// Where a way of the line's width to the right goes, and one upwards: the pen's tip.
    pub tip: (Point, Point),
    /// Cap, join and miter limit.
    pub ends: [i64; 3],
    /// Dashes, and where they begin; empty for an unbroken line.
    pub dash: Vec<i64>,
}

impl Pen {
    fn is(&self, other: &Self) -> bool {
        self.colour.is(&other.colour)
            && near_point(self.tip.0, other.tip.0)
            && near_point(self.tip.1, other.tip.1)
            && (self.ends, &self.dash) == (other.ends, &other.dash)
    }
}

/// A part of a path, in points of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Begins at a place.
    Move(Point),
    /// A straight line to a place.
    Line(Point),
    /// A Bézier curve: two places that it bends towards, and its end.
    Curve(Point, Point, Point),
    /// Back to where it began.
    Close,
}

impl Step {
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Move(a), Self::Move(b)) | (Self::Line(a), Self::Line(b)) => near_point(*a, *b),
            (Self::Curve(a, b, c), Self::Curve(d, e, f)) => {
                near_point(*a, *d) && near_point(*b, *e) && near_point(*c, *f)
            }
            (Self::Close, Self::Close) => true,
            (Self::Move(_) | Self::Line(_) | Self::Curve(..) | Self::Close, _) => false,
        }
    }

    /// Its places.
    pub fn points(&self) -> Vec<Point> {
        match self {
            Self::Move(place) | Self::Line(place) => vec![*place],
            Self::Curve(a, b, c) => vec![*a, *b, *c],
            Self::Close => Vec::new(),
        }
    }
}

/// A character's outline, wherever it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glyph {
    /// SHA-256 of the outline's data, with what else decides its shape and place.
    pub outline: [u8; 32],
    /// Where an em to the right goes, and one upwards.
    pub em: (Point, Point),
    /// Its origin on the page.
    pub at: Point,
    /// Colour, and how it is painted: filled, stroked, not at all (ISO 32000-1, table 106).
    pub colour: Colour,
    /// See `colour`.
    pub mode: i64,
    /// What it is when it is copied.
    pub text: String,
}

/// A path that is filled, stroked or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    /// Its parts.
    pub steps: Vec<Step>,
    /// Colour that it is filled with.
    pub fill: Option<Colour>,
    /// Whether by the even-odd rule.
    pub even_odd: bool,
    /// How its line is drawn.
    pub pen: Option<Pen>,
}

/// One thing that is painted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// A glyph.
    Glyph(Box<Glyph>),
    /// A path.
    Path(Box<Path>),
    /// What follows is, for programs, this text (ActualText, Alt or E of marked content).
    Says(String),
    /// The end of that.
    Said,
}

impl Item {
    /// Whether two items are the same to every eye and every program.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Glyph(a), Self::Glyph(b)) => {
                a.outline == b.outline
                    && near_point(a.em.0, b.em.0)
                    && near_point(a.em.1, b.em.1)
                    && near_point(a.at, b.at)
                    && a.colour.is(&b.colour)
                    && (a.mode, &a.text) == (b.mode, &b.text)
            }
            (Self::Path(a), Self::Path(b)) => {
                let paint = |a: &Option<Colour>, b: &Option<Colour>| match (a, b) {
                    (Some(a), Some(b)) => a.is(b),
                    (None, None) => true,
                    (Some(_), None) | (None, Some(_)) => false,
                };
                let pens = match (&a.pen, &b.pen) {
                    (Some(a), Some(b)) => a.is(b),
                    (None, None) => true,
                    (Some(_), None) | (None, Some(_)) => false,
                };
                paint(&a.fill, &b.fill)
                    && pens
                    && a.even_odd == b.even_odd
                    && a.steps.len() == b.steps.len()
                    && a.steps.iter().zip(&b.steps).all(|(a, b)| a.is(b))
            }
            (Self::Says(a), Self::Says(b)) => a == b,
            (Self::Said, Self::Said) => true,
            (Self::Glyph(_) | Self::Path(_) | Self::Says(_) | Self::Said, _) => false,
        }
    }

    /// The corners of where it stands, lower left and upper right; of a glyph, about the square that characters are drawn in.
    pub fn area(&self) -> Option<(Point, Point)> {
        let points = match self {
            Self::Glyph(glyph) => {
                let end = Point { x: plus(glyph.at.x, glyph.em.0.x), y: plus(glyph.at.y, glyph.em.0.y) };
                let top = Point { x: plus(glyph.at.x, glyph.em.1.x), y: plus(glyph.at.y, glyph.em.1.y) };
                vec![glyph.at, end, top]
            }
            Self::Path(path) => path.steps.iter().flat_map(Step::points).collect(),
            Self::Says(_) | Self::Said => Vec::new(),
        };
        let first = *points.first()?;
        Some(points.iter().fold((first, first), |(low, high), point| {
            (
                Point { x: low.x.min(point.x), y: low.y.min(point.y) },
                Point { x: high.x.max(point.x), y: high.y.max(point.y) },
            )
        }))
    }
}

/// The tip of a pen of this width under a transformation's two ways.
pub(super) fn tip(width: i64, (right, up): (Point, Point)) -> (Point, Point) {
    let scaled = |way: Point| Point { x: times(way.x, width), y: times(way.y, width) };
    (scaled(right), scaled(up))
}
