//! Numbers of a page: millionths, as integers, so that two machines place a glyph at one and the same spot. Nothing here overflows: the
//! numbers are an outsider's, and what grows beyond every page stays at the limit.

/// One.
pub(super) const ONE: i64 = 1_000_000;

/// Far beyond every page (a thousand million points): sums and products stop there.
const MOST: i64 = 1_000_000_000 * ONE;

/// A sum.
pub(super) fn plus(a: i64, b: i64) -> i64 {
    a.saturating_add(b).clamp(-MOST, MOST)
}

/// A difference.
pub(super) fn minus(a: i64, b: i64) -> i64 {
    a.saturating_sub(b).clamp(-MOST, MOST)
}

/// A product of two fixed-point numbers, rounded to the nearest.
pub(super) fn times(a: i64, b: i64) -> i64 {
    let (product, one) = (i128::from(a) * i128::from(b), i128::from(ONE));
    let rounded = (product + if product < 0 { -one / 2 } else { one / 2 }) / one;
    i64::try_from(rounded).unwrap_or(if rounded < 0 { -MOST } else { MOST }).clamp(-MOST, MOST)
}

/// Reads a number as a PDF writes it: sign, digits, a dot and digits. `None` for anything else.
pub(super) fn parse(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    let (mut value, mut place, mut fraction, mut any) = (0i64, ONE, false, false);
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                let digit = i64::from(byte - b'0');
                any = true;
                if fraction {
                    place /= 10;
                    value = plus(value, digit * place);
                } else {
                    value = plus(value.saturating_mul(10), digit * ONE);
                }
            }
            b'.' if !fraction => fraction = true,
            _ => return None,
        }
    }
    any.then_some(if negative { -value } else { value })
}

/// A number as people read it, to hundredths: `-12.34`.
pub(super) fn said(value: i64) -> String {
    let hundredths = (value.unsigned_abs() + 5_000) / 10_000;
    format!("{}{}.{:02}", if value < 0 { "-" } else { "" }, hundredths / 100, hundredths % 100)
}

/// A place or a way, in points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Point {
    /// To the right.
    pub x: i64,
    /// Upwards.
    pub y: i64,
}

/// A transformation as a PDF writes it: `[a b c d e f]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Matrix {
    /// Where a step to the right goes.
    pub right: Point,
    /// Where a step upwards goes.
    pub up: Point,
    /// Where the origin goes.
    pub origin: Point,
}

impl Matrix {
    /// Changes nothing.
    pub const IDENTITY: Self =
        Self { right: Point { x: ONE, y: 0 }, up: Point { x: 0, y: ONE }, origin: Point { x: 0, y: 0 } };

    /// Of six numbers.
    pub fn of([a, b, c, d, e, f]: [i64; 6]) -> Self {
        Self { right: Point { x: a, y: b }, up: Point { x: c, y: d }, origin: Point { x: e, y: f } }
    }

    /// A shift.
    pub fn shift(x: i64, y: i64) -> Self {
        Self { origin: Point { x, y }, ..Self::IDENTITY }
    }

    /// Where a way goes: the transformation without its shift.
    pub fn way(&self, way: Point) -> Point {
        Point {
            x: plus(times(way.x, self.right.x), times(way.y, self.up.x)),
            y: plus(times(way.x, self.right.y), times(way.y, self.up.y)),
        }
    }

    /// Where a place goes.
    pub fn place(&self, place: Point) -> Point {
        let way = self.way(place);
        Point { x: plus(way.x, self.origin.x), y: plus(way.y, self.origin.y) }
    }

    /// This transformation, and then the other.
    pub fn then(&self, outer: &Self) -> Self {
        Self { right: outer.way(self.right), up: outer.way(self.up), origin: outer.place(self.origin) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_pdf_writes_them() {
        for (text, value) in [
            ("0", Some(0)),
            ("-1", Some(-ONE)),
            ("+.5", Some(ONE / 2)),
            ("12.", Some(12 * ONE)),
            ("-0.0000019", Some(-1)),
            ("99999999999999999999", Some(MOST)),
            ("1e3", None),
            ("1.2.3", None),
            ("-", None),
            (".", None),
            ("", None),
        ] {
            assert_eq!(parse(text.as_bytes()), value, "{text}");
        }
    }

    #[test]
    fn transformations_follow_one_another() {
        let twice = Matrix::of([2 * ONE, 0, 0, 2 * ONE, 0, 0]);
        let both = Matrix::shift(ONE, 0).then(&twice);
        assert_eq!(both.place(Point { x: ONE, y: ONE }), Point { x: 4 * ONE, y: 2 * ONE });
        assert_eq!(times(MOST, MOST), MOST);
        assert_eq!((times(-1, ONE / 2), times(3, ONE / 2)), (-1, 2));
        assert_eq!((said(-1_234_999), said(5_000)), ("-1.23".to_owned(), "0.01".to_owned()));
    }
}
