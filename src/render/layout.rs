//! From a face to its pages: one first page, and list pages when lines or long texts do not fit on it.

use super::draw::{Ink, Pen, Sheet, Style};
use super::face::Face;
use super::font::Fonts;
use super::{first_page, list_pages};

/// Left edge of the table on every page.
pub(super) const LEFT: i32 = 6_000;
/// Width of the table on every page.
pub(super) const TABLE_WIDTH: i32 = 198_000;
/// Right edge of the table.
pub(super) const RIGHT: i32 = LEFT + TABLE_WIDTH;

/// A text that did not fit its place: printed in full at the end of the list, with a pointer in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    /// Which field it is.
    pub label: String,
    /// The whole text.
    pub text: String,
}

/// Stands where a text did not fit.
pub(super) const SEE_NOTE: &str = "（详见附注）";

/// The pages of an invoice.
pub(super) fn pages(face: &Face, fonts: &Fonts) -> Result<Vec<Sheet>, crate::base::Fault> {
    let (first, listed, notes) = first_page::draw(face, fonts)?;
    let mut sheets = vec![first];
    if listed || !notes.is_empty() {
        sheets.extend(list_pages::draw(face, fonts, listed, notes));
    }
    if sheets.len() > 1 {
        number(fonts, &mut sheets);
    }
    Ok(sheets)
}

/// Writes `第 x 页 共 y 页` into the lower right corner of each page.
fn number(fonts: &Fonts, sheets: &mut [Sheet]) {
    let count = sheets.len();
    for (position, sheet) in (1..).zip(sheets.iter_mut()) {
        let mut pen = Pen { fonts, sheet: std::mem::replace(sheet, Sheet { width: 0, height: 0, marks: Vec::new() }) };
        let bottom = pen.sheet.height - 2_800;
        pen.right(RIGHT, bottom, Style::label(2_600).ink(Ink::Quiet), &format!("第 {position} 页 共 {count} 页"));
        *sheet = pen.sheet;
    }
}

/// The sample mark, large and light, behind everything else; nothing on production chains.
pub(super) fn sample_mark(pen: &mut Pen<'_>, face: &Face) {
    if !face.sandbox {
        return;
    }
    let portrait = pen.sheet.height > pen.sheet.width;
    let (x, y, size, turn) = if portrait { (45_000, 225_000, 27_000, 50) } else { (40_000, 112_000, 26_000, 27) };
    pen.turned(x, y, Style::label(size).ink(Ink::Faint), "样票 SAMPLE", turn);
}

/// `¥` before a sum of money, nothing before `***`.
pub(super) fn with_yuan_sign(text: &str) -> String {
    if text.contains(|c: char| c.is_ascii_digit()) { format!("¥{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::draw::{Mark, Text};
    use super::super::face::{FaceLine, FaceParty};
    use super::super::font::{Place, Typeface};
    use super::*;
    use crate::base::LegalDate;

    /// A face that needs every label: list, notes, sample mark.
    fn full() -> Face {
        let party = || FaceParty { name: "某".repeat(1_000), ..FaceParty::default() };
        Face {
            title: "深圳电子普通发票".to_owned(),
            title_note: "红字（负数）".to_owned(),
            code: "144032609110".to_owned(),
            number: "00000001".to_owned(),
            date: LegalDate::parse("2026-11-22").unwrap(),
            check_code: "00000".to_owned(),
            hash: "0".repeat(66),
            payment_id: String::new(),
            buyer: FaceParty { bank_account: "某".to_owned(), ..party() },
            seller: party(),
            lines: vec![FaceLine::default(); 100],
            amount_fen: 0,
            tax_text: "0.00".to_owned(),
            total_fen: 0,
            capital: "零圆整".to_owned(),
            remark: "某".repeat(5_000),
            payee: "某".repeat(500),
            reviewer: String::new(),
            drawer: String::new(),
            qr_text: "x".to_owned(),
            sandbox: true,
            chain: "shenzhen-sandbox".to_owned(),
            block_height: 0,
            entry_index: 0,
        }
    }

    fn texts(sheets: &[Sheet]) -> Vec<&Text> {
        let marks = sheets.iter().flat_map(|sheet| &sheet.marks);
        marks.filter_map(|mark| if let Mark::Text(text) = mark { Some(text) } else { None }).collect()
    }

    #[test]
    fn kai_has_every_character_of_the_labels() {
        let fonts = Fonts::load().unwrap();
        let sheets = pages(&full(), &fonts).unwrap();
        for text in texts(&sheets).iter().filter(|text| text.typeface == Typeface::Kai) {
            for character in text.content.chars() {
                let place = fonts.place(Typeface::Kai, character);
                assert!(matches!(place, Place::Found(Typeface::Kai, _)), "{character} of {}", text.content);
            }
        }
    }

    #[test]
    fn nothing_is_written_beyond_the_edges() {
        let fonts = Fonts::load().unwrap();
        for sheet in pages(&full(), &fonts).unwrap() {
            for text in texts(std::slice::from_ref(&sheet)).iter().filter(|text| text.turn == 0) {
                let right = text.x + fonts.width(text.typeface, text.size, &text.content);
                assert!(text.x >= LEFT && right <= RIGHT, "{}", text.content);
                assert!(text.y > text.size && text.y < sheet.height - 1_000, "{}", text.content);
            }
        }
    }

    #[test]
    fn stars_have_no_yuan_sign() {
        assert_eq!(with_yuan_sign("***"), "***");
        assert_eq!(with_yuan_sign("-0.05"), "¥-0.05");
    }
}
