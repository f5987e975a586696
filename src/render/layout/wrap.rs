//! Breaking texts into lines, and finding the size at which a text fits.

use super::pen::Style;
use crate::render::font::Fonts;

/// A text broken into lines at a size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fitted {
    /// Em at which it fits.
    pub size: i32,
    /// The lines.
    pub lines: Vec<String>,
}

impl Fitted {
    /// Distance between baselines.
    pub fn pitch(&self) -> i32 {
        pitch(self.size)
    }

    /// Height of all lines.
    pub fn height(&self) -> i32 {
        self.pitch() * i32::try_from(self.lines.len()).unwrap_or(i32::MAX / 10_000)
    }
}

/// Distance between baselines for an em.
pub(super) fn pitch(size: i32) -> i32 {
    size * 118 / 100
}

/// Must not begin a line (GB/T 15834).
const NOT_FIRST: &str = "，。、；：？！）》〉」』】〕”’％%,.;:?!)]}";

/// Breaks a text into lines no wider than `width`: at its own line breaks, between Chinese characters, and in other scripts at
/// blanks and slashes, or anywhere when one word is wider than the line. Nothing is left out but blanks at the place of a break.
pub(super) fn wrap(fonts: &Fonts, style: Style, width: i32, text: &str) -> Vec<String> {
    // Nearly every text takes one line.
    let is_one = !text.contains(['\n', '\r', '\t']) && fonts.width(style.typeface, style.size, text) <= width;
    if is_one && !text.trim().is_empty() {
        return vec![text.trim_end().to_owned()];
    }
    let mut lines = Vec::new();
    for paragraph in text.split(['\n', '\r']).filter(|p| !p.is_empty()) {
        let mut line = String::new();
        let mut used = 0;
        for piece in pieces(paragraph) {
            let needed = fonts.width(style.typeface, style.size, &piece);
            if used + fonts.width(style.typeface, style.size, piece.trim_end()) <= width {
                used += needed;
                line.push_str(&piece);
                continue;
            }
            if !line.trim().is_empty() {
                lines.push(line.trim_end().to_owned());
            }
            line.clear();
            used = 0;
            // Wider than a whole line: character by character.
            for character in piece.chars() {
                let advance = fonts.advance(style.typeface, style.size, character);
                if used + advance > width && !line.is_empty() {
                    lines.push(std::mem::take(&mut line));
                    used = 0;
                }
                line.push(character);
                used += advance;
            }
        }
        if !line.trim().is_empty() {
            lines.push(line.trim_end().to_owned());
        }
    }
    lines
}

/// The parts that are not broken: a word with its blanks, or one Chinese character with the punctuation that must follow it.
fn pieces(paragraph: &str) -> Vec<String> {
    let is_word = |c: char| (c.is_ascii() || c.is_alphabetic() && u32::from(c) < 0x0500) && c != '*';
    let mut pieces: Vec<String> = Vec::new();
    let mut last: Option<char> = None;
    for character in paragraph.chars().map(|c| if c == '\t' { ' ' } else { c }) {
        let glued = match last {
            None => false,
            Some(' ') => character == ' ',
            Some(_) if character == ' ' || NOT_FIRST.contains(character) => true,
            Some('/') => false,
            Some(before) => is_word(before) && is_word(character),
        };
        match pieces.last_mut() {
            Some(piece) if glued => piece.push(character),
            Some(_) | None => pieces.push(character.to_string()),
        }
        last = Some(character);
    }
    pieces
}

/// The largest of the sizes at which a text fits an area; `None` when it fits at none.
pub(super) fn fit(fonts: &Fonts, style: Style, sizes: &[i32], area: (i32, i32), text: &str) -> Option<Fitted> {
    let (width, height) = area;
    sizes.iter().find_map(|&size| {
        let fitted = Fitted { size, lines: wrap(fonts, style.at(size), width, text) };
        (fitted.height() <= height).then_some(fitted)
    })
}

/// A text on one line, smaller when it must be but not below `smallest`; then broken into lines.
pub(super) fn shrink(fonts: &Fonts, style: Style, smallest: i32, width: i32, text: &str) -> Fitted {
    let natural = fonts.width(style.typeface, style.size, text).max(1);
    let size = if natural <= width {
        style.size
    } else {
        // Rounded down, then one per cent less: advance widths are rounded per character.
        let scaled = i64::from(style.size) * i64::from(width) / i64::from(natural) * 99 / 100;
        i32::try_from(scaled).unwrap_or(smallest).max(smallest)
    };
    Fitted { size, lines: wrap(fonts, style.at(size), width, text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: Style =
        Style { typeface: crate::render::font::Typeface::Song, size: 1_000, ink: crate::render::draw::Ink([0; 3]) };

    fn lines(width: i32, text: &str) -> Vec<String> {
        wrap(&Fonts::load().unwrap(), STYLE, width, text)
    }

    #[test]
    fn chinese_breaks_between_characters() {
        assert_eq!(lines(3_000, "深圳市市民中心"), ["深圳市", "市民中", "心"]);
    }

    #[test]
    fn closing_punctuation_never_begins_a_line() {
        assert_eq!(lines(3_000, "深圳市，市民"), ["深圳", "市，市", "民"]);
    }

    #[test]
    fn words_stay_whole_and_the_blank_at_the_break_goes() {
        assert_eq!(lines(5_000, "Shenzhen Metro"), ["Shenzhen", "Metro"]);
    }

    #[test]
    fn a_word_wider_than_the_line_is_broken_without_loss() {
        let text = "x".repeat(100);
        let broken = lines(5_000, &text);
        assert!(broken.len() > 1);
        assert_eq!(broken.concat(), text);
    }

    #[test]
    fn own_line_breaks_are_kept() {
        assert_eq!(lines(9_000, "一\n二\r\n三"), ["一", "二", "三"]);
    }

    #[test]
    fn no_line_is_wider_than_asked() {
        let fonts = Fonts::load().unwrap();
        let text = "深圳市 ABC-Company（2026）有限公司 18 floor, 腾讯大厦。𠮷野家🍜".repeat(5);
        for width in [2_100, 5_000, 9_999] {
            for line in wrap(&fonts, STYLE, width, &text) {
                assert!(fonts.width(STYLE.typeface, STYLE.size, &line) <= width, "{line}");
            }
        }
    }

    #[test]
    fn shrinking_keeps_figures_on_one_line() {
        let fonts = Fonts::load().unwrap();
        let fitted = shrink(
            &fonts,
            Style { typeface: crate::render::font::Typeface::Figure, size: 2_800, ..STYLE },
            1_500,
            20_000,
            "-100000000000.00",
        );
        assert_eq!(fitted.lines, ["-100000000000.00"]);
        assert!(fitted.size < 2_800);
    }
}
