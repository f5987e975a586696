//! Reads a QR code back from the path that paints it: rectangles into modules, modules into text (ISO/IEC 18004).
//!
//! Nothing is corrected: what is read is written again by the caller, and the two must be equal module by module. So only codes of the
//! level that our writer uses (M) are read.

use super::item::{Item, Path, Step};
use super::number::{Point, minus};

/// Rectangles that the smallest code is painted with, at least.
const RECTANGLES_MIN: usize = 60;

/// Correction words of each block at level M, by version from 1 (ISO/IEC 18004, table 9).
const CORRECTION: [usize; 40] = [
    10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26, 28, 28, 28, 28, 28, 28, 28, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28,
];

/// Blocks at level M, by version from 1.
const BLOCKS: [usize; 40] = [
    1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33,
    35, 37, 38, 40, 43, 45, 47, 49,
];

/// Characters of the alphanumeric mode, by value.
const ALPHANUMERIC: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/// Modules as they are painted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Modules {
    width: usize,
    dark: Vec<bool>,
}

/// The corners of a rectangle along the page's edges: lower left, upper right.
fn rectangle(steps: &[Step]) -> Option<(Point, Point)> {
    let corners: Vec<Point> = steps.iter().flat_map(Step::points).collect();
    let [a, b, c, d] = corners.as_slice() else { return None };
    let upright = a.y == b.y && b.x == c.x && c.y == d.y && d.x == a.x;
    let low = Point { x: a.x.min(c.x), y: a.y.min(c.y) };
    let high = Point { x: a.x.max(c.x), y: a.y.max(c.y) };
    upright.then_some((low, high))
}

/// The rectangles of a filled path; `None` when it has anything else.
fn rectangles(path: &Path) -> Option<Vec<(Point, Point)>> {
    path.fill?;
    let parts = path.steps.chunk_by(|_, next| !matches!(next, Step::Move(_)));
    parts.map(rectangle).collect()
}

/// The paths among the items that look like codes: at least so many rectangles.
pub(super) fn codes(items: &[Item]) -> impl Iterator<Item = Vec<(Point, Point)>> + '_ {
    items.iter().filter_map(|item| match item {
        Item::Path(path) => rectangles(path).filter(|rectangles| rectangles.len() >= RECTANGLES_MIN),
        Item::Glyph(_) | Item::Says(_) | Item::Said => None,
    })
}

impl Modules {
    /// The modules that rectangles cover. `None` when they stand in no grid of a code's size.
    pub fn of(rectangles: &[(Point, Point)]) -> Option<Self> {
        let left = rectangles.iter().map(|(low, _)| low.x).min()?;
        let right = rectangles.iter().map(|(_, high)| high.x).max()?;
        let top = rectangles.iter().map(|(_, high)| high.y).max()?;
        let thin = |(low, high): &(Point, Point)| minus(high.x, low.x).min(minus(high.y, low.y));
        let module = rectangles.iter().map(thin).min().filter(|module| *module > 0)?;
        let side = minus(right, left);
        // To the nearest, like all that follows.
        let nearest = |way: i64, of: i64| {
            usize::try_from((way.saturating_mul(2).saturating_add(of)) / (of.saturating_mul(2))).ok()
        };
        let width = nearest(side, module)?;
        if !(21..=177).contains(&width) || (width - 17) % 4 != 0 {
            return None;
        }
        let count = i64::try_from(width).ok()?;
        let at = |way: i64| nearest(way.saturating_mul(count), side);
        let mut modules = Self { width, dark: vec![false; width * width] };
        for (low, high) in rectangles {
            let columns = at(minus(low.x, left))?..at(minus(high.x, left))?;
            for y in at(minus(top, high.y))?..at(minus(top, low.y))? {
                for x in columns.clone() {
                    *modules.dark.get_mut(y * width + x).filter(|_| x < width)? = true;
                }
            }
        }
        Some(modules)
    }

    /// Whether these are exactly the modules of a code.
    pub fn is(&self, code: &crate::render::qr::QrMatrix) -> bool {
        self.width == code.width()
            && (0..self.width).all(|y| (0..self.width).all(|x| self.is_dark(x, y) == code.is_dark(x, y)))
    }

    fn is_dark(&self, x: usize, y: usize) -> bool {
        self.dark.get(y * self.width + x).copied().unwrap_or(false)
    }

    /// What the code says; `None` when it is no code of level M or says something that is no UTF-8.
    pub fn text(&self) -> Option<String> {
        let version = (self.width - 17) / 4;
        let format: usize =
            (10..15).fold(0, |format, bit| format | usize::from(self.is_dark(14 - bit, 8)) << (bit - 10));
        // The upper five bits of the pattern that formats are masked with. Level M is 00.
        let format = format ^ 0x15;
        if format >> 3 != 0 {
            return None;
        }
        let words = self.words(format & 7, version);
        let (correction, blocks) = (*CORRECTION.get(version - 1)?, *BLOCKS.get(version - 1)?);
        let bytes = deinterleaved(&words, blocks, correction)?;
        String::from_utf8(segments(&mut Bits { bytes: &bytes, at: 0 }, version)?).ok()
    }

    /// The words in the order in which they are placed, unmasked.
    fn words(&self, mask: usize, version: usize) -> Vec<u8> {
        let alignment = alignment(version, self.width);
        let mut bits = Vec::new();
        let mut right = self.width - 1;
        while right >= 1 {
            // The vertical timing pattern takes a column of its own.
            let column = if right <= 6 { right - 1 } else { right };
            for row in 0..self.width {
                let y = if (column + 1) & 2 == 0 { self.width - 1 - row } else { row };
                for x in [column, column.saturating_sub(1)] {
                    if !self.is_function(x, y, version, &alignment) {
                        bits.push(self.is_dark(x, y) != is_masked(mask, x, y));
                    }
                }
            }
            right = right.saturating_sub(2);
        }
        bits.chunks_exact(8).map(|bits| bits.iter().fold(0, |word, bit| word << 1 | u8::from(*bit))).collect()
    }

    fn is_function(&self, x: usize, y: usize, version: usize, alignment: &[usize]) -> bool {
        let far = self.width - 8;
        let corner = (x < 9 && (y < 9 || y >= far)) || (x >= far && y < 9);
        let versions = version >= 7 && ((x + 11 >= self.width && y < 6) || (y + 11 >= self.width && x < 6));
        let centre = |at: usize| alignment.iter().position(|centre| at.abs_diff(*centre) <= 2);
        let last = alignment.len().saturating_sub(1);
        let aligned = centre(x).zip(centre(y)).is_some_and(|(column, row)| {
            // Those three would stand in the corners.
            ![(0, 0), (0, last), (last, 0)].contains(&(column, row))
        });
        corner || versions || x == 6 || y == 6 || aligned
    }
}

/// Centres of the alignment patterns, in both directions.
fn alignment(version: usize, width: usize) -> Vec<usize> {
    if version == 1 {
        return Vec::new();
    }
    let count = version / 7 + 2;
    let step = (version * 8 + count * 3 + 5) / (count * 4 - 4) * 2;
    let mut centres: Vec<usize> = (0..count - 1).map(|nth| width - 7 - nth * step).collect();
    centres.push(6);
    centres.reverse();
    centres
}

fn is_masked(mask: usize, x: usize, y: usize) -> bool {
    let value = match mask {
        0 => (x + y) % 2,
        1 => y % 2,
        2 => x % 3,
        3 => (x + y) % 3,
        4 => (x / 3 + y / 2) % 2,
        5 => x * y % 2 + x * y % 3,
        6 => (x * y % 2 + x * y % 3) % 2,
        _ => ((x + y) % 2 + x * y % 3) % 2,
    };
    value == 0
}

/// The data words in order: they are placed block by block in turn, the shorter blocks first.
fn deinterleaved(words: &[u8], blocks: usize, correction: usize) -> Option<Vec<u8>> {
    let short = (words.len() / blocks).checked_sub(correction)?;
    let longer = words.len() % blocks;
    let mut data = vec![Vec::new(); blocks];
    let mut words = words.iter();
    for nth in 0..=short {
        for (block, data) in data.iter_mut().enumerate() {
            if nth < short || block >= blocks - longer {
                data.push(*words.next()?);
            }
        }
    }
    Some(data.concat())
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn left(&self) -> usize {
        (self.bytes.len() * 8).saturating_sub(self.at)
    }

    fn take(&mut self, count: usize) -> Option<usize> {
        (0..count).try_fold(0, |value, _| {
            let bit = self.bytes.get(self.at / 8)? >> (7 - self.at % 8) & 1;
            self.at += 1;
            Some(value << 1 | usize::from(bit))
        })
    }
}

/// Reads the segments: figures, letters and figures, bytes. Other modes are none of ours.
fn segments(bits: &mut Bits<'_>, version: usize) -> Option<Vec<u8>> {
    let wide = match version {
        ..=9 => 0,
        10..=26 => 1,
        _ => 2,
    };
    let mut text = Vec::new();
    while bits.left() >= 4 {
        match bits.take(4)? {
            0 => break,
            1 => {
                let mut left = bits.take(10 + 2 * wide)?;
                while left > 0 {
                    let digits = left.min(3);
                    let value = bits.take(digits * 3 + 1)?;
                    text.extend(format!("{value:0digits$}").into_bytes());
                    left -= digits;
                }
            }
            2 => {
                let mut left = bits.take(9 + 2 * wide)?;
                while left > 0 {
                    let pair = left >= 2;
                    let value = bits.take(if pair { 11 } else { 6 })?;
                    if pair {
                        text.push(*ALPHANUMERIC.get(value / 45)?);
                    }
                    text.push(*ALPHANUMERIC.get(value % 45)?);
                    left -= if pair { 2 } else { 1 };
                }
            }
            4 => {
                for _ in 0..bits.take(if wide == 0 { 8 } else { 16 })? {
                    text.push(u8::try_from(bits.take(8)?).ok()?);
                }
            }
            _ => return None,
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::super::number::ONE;
    use super::*;
    use crate::render::qr::{QrMatrix, matrix};

    fn painted(code: &QrMatrix, module: i64) -> Vec<(Point, Point)> {
        let at = |modules: usize| i64::try_from(modules).unwrap() * module;
        let runs = code.runs().into_iter();
        runs.map(|run| {
            let low = Point { x: 7 * ONE + at(run.x), y: -at(run.y + 1) };
            (low, Point { x: low.x + at(run.length), y: low.y + module })
        })
        .collect()
    }

    #[test]
    fn codes_of_every_version_are_read_back() {
        let mut versions = std::collections::BTreeSet::new();
        for length in 1..2_300 {
            let text: String = (0..length).map(|at| char::from(b"a1-Z%/7_&?0"[at * 7 % 11])).collect();
            let code = matrix(&text).unwrap();
            // One of each version, and the small ones all.
            if versions.insert(code.width()) || length < 60 {
                let modules = Modules::of(&painted(&code, 333_333)).unwrap();
                assert!(modules.is(&code), "{text}");
                assert_eq!(modules.text().as_deref(), Some(text.as_str()));
            }
        }
        assert_eq!(versions.len(), 40);
    }

    #[test]
    fn figures_and_letters_are_read_back() {
        for text in [
            "0",
            "01",
            "012",
            "144032609110,00000001",
            "A",
            "AB",
            "HTTPS://EXAMPLE.CN/",
            "https://x/?a=1&b=22334455667788",
        ] {
            let modules = Modules::of(&painted(&matrix(text).unwrap(), ONE)).unwrap();
            assert_eq!(modules.text().as_deref(), Some(text));
        }
    }

    #[test]
    fn what_is_no_code_is_not_read() {
        assert_eq!(Modules::of(&[]), None);
        let mut rectangles = painted(&matrix("x").unwrap(), ONE);
        rectangles.push((Point { x: 0, y: 0 }, Point { x: 3, y: 3 }));
        assert_eq!(Modules::of(&rectangles), None);
        rectangles.pop();
        let dark = (Point { x: 0, y: -21 * ONE }, Point { x: 28 * ONE, y: 0 });
        assert_eq!(Modules::of(&[&[dark][..], &rectangles].concat()).and_then(|modules| modules.text()), None);
    }
}
