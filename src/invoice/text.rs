//! What a text on an invoice may hold.

use super::findings::Findings;
use crate::base::Code;
use crate::base::nfc::is_nfc;

/// How many characters each text takes. WeChat Pay's limits (domain.md 3.2) where it has one: name 256, address 128 and
/// telephone 32, bank 128 and account 32 (each pair on one line with a space between). For the others no public limit was
/// found; these are ours, chosen above what the invoicing platforms of domain.md 5 take.
pub mod limits {
    /// 名称 of buyer and seller.
    pub const PARTY_NAME_MAX: usize = 256;
    /// 地址、电话.
    pub const ADDRESS_PHONE_MAX: usize = 161;
    /// 开户行及账号.
    pub const BANK_ACCOUNT_MAX: usize = 161;
    /// Short name of a tax category.
    pub const CATEGORY_MAX: usize = 64;
    /// Name of goods or service.
    pub const LINE_NAME_MAX: usize = 128;
    /// 规格型号.
    pub const SPECIFICATION_MAX: usize = 64;
    /// 单位.
    pub const UNIT_MAX: usize = 32;
    /// 备注.
    pub const REMARK_MAX: usize = 256;
    /// 收款人, 复核, 开票人.
    pub const PERSON_MAX: usize = 32;
}

/// Whether a text may go over more than one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Feeds {
    Allowed,
    Refused,
}

/// Finds everything that is wrong with the text of one field: at most one finding of each kind.
pub(super) fn check(text: &str, path: &str, longest: usize, feeds: Feeds, found: &mut Findings) {
    if text.trim().is_empty() {
        found.refuse(Code::InvTextEmpty, path, "leave the field out instead of sending a blank text");
    }
    let length = text.chars().count();
    if length > longest {
        found.refuse(Code::InvTextTooLong, path, format!("{length} characters, at most {longest} fit"));
    }
    if text.chars().all(is_everyday) {
        return;
    }
    if !is_nfc(text) {
        found.refuse(Code::InvTextNotNfc, path, "the text must be in Unicode normalisation form C");
    }
    let feed_is_fine = feeds == Feeds::Allowed;
    if let Some(c) = text.chars().find(|&c| steers(c) && !(feed_is_fine && c == '\n')) {
        found.refuse(Code::InvTextControl, path, format!("the character U+{:04X} may not stand here", u32::from(c)));
    }
    if let Some(c) = text.chars().find(|&c| has_no_meaning(c)) {
        found.refuse(
            Code::InvTextPrivateUse,
            path,
            format!("the character U+{:04X} has no public meaning", u32::from(c)),
        );
    }
}

/// Characters that nearly every text is made of and that nothing is ever wrong with, whatever stands beside them.
fn is_everyday(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{3001}'..='\u{3029}' | '\u{4e00}'..='\u{9fff}' | '\u{ff01}'..='\u{ff5e}')
}

/// The same for a field that may be left out.
pub(super) fn check_optional(text: Option<&str>, path: &str, longest: usize, feeds: Feeds, found: &mut Findings) {
    if let Some(text) = text {
        check(text, path, longest, feeds, found);
    }
}

/// Characters that steer the display instead of being shown: controls, line and paragraph separators, the byte order mark, and the
/// direction controls of UAX 9, with which a printed name can be made to read differently from the signed one.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Private-use characters and noncharacters: everybody may see something else, or nothing (RFC 7493 forbids the latter in JSON).
fn has_no_meaning(c: char) -> bool {
    let in_plane = u32::from(c) & 0xffff;
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' | '\u{fdd0}'..='\u{fdef}') || in_plane >= 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::nfc::never_changes;

    fn codes(text: &str, feeds: Feeds) -> Vec<Code> {
        let mut found = Findings::default();
        check(text, "remark", 8, feeds, &mut found);
        found.into_result().err().map(|f| f.0.into_iter().map(|f| f.code).collect()).unwrap_or_default()
    }

    #[test]
    fn nothing_is_wrong_with_an_everyday_character() {
        for c in ('\0'..=char::MAX).filter(|&c| is_everyday(c)) {
            assert!(never_changes(c) && !steers(c) && !has_no_meaning(c), "{}", c.escape_unicode());
        }
    }

    #[test]
    fn characters_are_counted_not_bytes() {
        assert_eq!(codes("深圳市某某餐饮店", Feeds::Refused), []);
        assert_eq!(codes("深圳市某某餐饮店铺", Feeds::Refused), [Code::InvTextTooLong]);
    }

    #[test]
    fn line_feeds_pass_only_where_allowed() {
        assert_eq!(codes("a\nb", Feeds::Allowed), []);
        assert_eq!(codes("a\nb", Feeds::Refused), [Code::InvTextControl]);
        assert_eq!(codes("a\r\nb", Feeds::Allowed), [Code::InvTextControl]);
    }

    #[test]
    fn steering_characters_are_refused() {
        for c in ["\0", "\t", "\u{7f}", "\u{85}", "\u{2028}", "\u{202e}", "\u{2066}", "\u{feff}"] {
            assert_eq!(codes(&format!("a{c}b"), Feeds::Allowed), [Code::InvTextControl], "{}", c.escape_unicode());
        }
    }

    #[test]
    fn characters_without_public_meaning_are_refused() {
        for c in ["\u{e000}", "\u{f8ff}", "\u{f0000}", "\u{10fffd}", "\u{ffff}", "\u{1fffe}", "\u{fdd0}"] {
            assert_eq!(codes(&format!("a{c}b"), Feeds::Allowed), [Code::InvTextPrivateUse], "{}", c.escape_unicode());
        }
        assert_eq!(codes("𠮷野家", Feeds::Refused), []);
    }

    #[test]
    fn decomposed_and_blank_texts_are_refused() {
        assert_eq!(codes("Cafe\u{301}", Feeds::Refused), [Code::InvTextNotNfc]);
        assert_eq!(codes("Café", Feeds::Refused), []);
        assert_eq!(codes("", Feeds::Refused), [Code::InvTextEmpty]);
        assert_eq!(codes("\u{3000} ", Feeds::Refused), [Code::InvTextEmpty]);
    }
}
