//! Unicode normalisation form C: the one form in which a text may stand on an invoice and in canonical text.

/// Whether a text is in Unicode normalisation form C. The answer of `unicode_normalization`, which is asked only about texts with
/// characters outside the ranges that nearly all of ours lie in: its tables cost ten times as much a character.
pub fn is_nfc(text: &str) -> bool {
    text.is_ascii() || text.chars().all(never_changes) || unicode_normalization::is_nfc(text)
}

/// Characters that normalisation leaves alone whatever stands beside them: combining class 0, and neither the second part of a
/// composition nor decomposed themselves. Unicode's stability policy keeps them so; a test asks for each one.
pub fn never_changes(c: char) -> bool {
    matches!(c, '\0'..='\u{2ff}' | '\u{2010}'..='\u{2027}' | '\u{3000}'..='\u{3029}' | '\u{4e00}'..='\u{9fff}' | '\u{ff00}'..='\u{ffef}')
}

#[cfg(test)]
mod tests {
    use unicode_normalization::char::canonical_combining_class;
    use unicode_normalization::{IsNormalized, is_nfc_quick};

    use super::*;

    #[test]
    fn characters_taken_for_unchanging_are_starters_that_pass_the_quick_check() {
        // By UAX 15, a text of such characters only is normalised.
        let mut seen = 0;
        for c in ('\0'..=char::MAX).filter(|&c| never_changes(c)) {
            seen += 1;
            assert_eq!(canonical_combining_class(c), 0, "{}", c.escape_unicode());
            assert_eq!(is_nfc_quick(std::iter::once(c)), IsNormalized::Yes, "{}", c.escape_unicode());
        }
        assert_eq!(seen, 0x300 + 24 + 42 + 0x5200 + 0xf0);
    }

    #[test]
    fn other_texts_are_judged_whole() {
        for (text, normalised) in [
            ("", true),
            ("深圳市Café（样例）", true),
            ("Cafe\u{301}", false),
            ("票\u{301}", true),
            ("\u{212b}", false),
            ("か\u{3099}", false),
            ("한국", true),
            ("\u{1112}\u{1161}", false),
            ("票\u{f900}", false),
        ] {
            assert_eq!(is_nfc(text), normalised, "{}", text.escape_unicode());
        }
    }
}
