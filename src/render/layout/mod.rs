//! From a face to its pages: one first page, and list pages when lines or long texts do not fit on it.
//!
//! Painting order, fixed: the frame, then head (code, title note, figures of the head), buyer, cipher area, lines, totals, seller,
//! remark, foot, place, page number.

mod first_page;
mod list_pages;
mod pen;
mod seal;
mod table;
mod wrap;

use self::pen::{FAINT_INK, Pen, QUIET_INK, Style};
use super::draw::{Field, Frame, FrameId, PageKind, Sheet};
use super::face::{Face, FaceKind};
use super::font::Fonts;
use crate::base::Fault;

/// Left edge of the table on every page.
const LEFT: i32 = 6_000;
/// Width of the table on every page.
const TABLE_WIDTH: i32 = 198_000;
/// Right edge of the table.
const RIGHT: i32 = LEFT + TABLE_WIDTH;

/// A text that did not fit its place: printed in full at the end of the list, with a pointer in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Note {
    /// Which field it is.
    label: String,
    /// The whole text.
    text: String,
}

/// Stands where a text did not fit.
const SEE_NOTE: &str = "（详见附注）";

/// The layouts of all kinds of documents, and the frames that they give. Make it once, share it between threads.
#[derive(Debug)]
pub(super) struct Layouts {
    frames: Vec<Frame>,
}

impl Layouts {
    /// Makes the frames of every kind, page and chain.
    ///
    /// # Errors
    /// None yet.
    pub fn load(fonts: &Fonts) -> Result<Self, Fault> {
        let mut frames = Vec::new();
        for kind in FaceKind::ALL {
            for page in [PageKind::First, PageKind::List, PageKind::Notes] {
                for sample in [false, true] {
                    frames.push(frame(FrameId { kind, page, sample }, fonts));
                }
            }
        }
        Ok(Self { frames })
    }

    /// Every frame, each once.
    #[expect(dead_code, reason = "for writers that prepare frames")]
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// The frame of an id.
    pub fn frame(&self, id: FrameId) -> Option<&Frame> {
        self.frames.iter().find(|frame| frame.id == id)
    }

    /// The pages of an invoice.
    ///
    /// # Errors
    /// [`crate::base::Code::RenderQrTooLong`] when the QR code can't hold its text.
    pub fn sheets(&self, face: &Face, fonts: &Fonts) -> Result<Vec<Sheet>, Fault> {
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
}

fn frame(id: FrameId, fonts: &Fonts) -> Frame {
    let mut pen = Pen::new(fonts);
    let (width, height) = match id.page {
        PageKind::First => (first_page::WIDTH, first_page::HEIGHT),
        PageKind::List | PageKind::Notes => (list_pages::WIDTH, list_pages::HEIGHT),
    };
    sample_mark(&mut pen, id.sample, height > width);
    match id.page {
        PageKind::First => first_page::frame(&mut pen, id),
        PageKind::List => list_pages::frame(&mut pen, id.kind, "销货清单"),
        PageKind::Notes => list_pages::frame(&mut pen, id.kind, "附注"),
    }
    Frame { id, width, height, marks: pen.marks }
}

/// Writes `第 x 页 共 y 页` into the lower right corner of each page.
fn number(fonts: &Fonts, sheets: &mut [Sheet]) {
    let count = sheets.len();
    for (position, sheet) in (1..).zip(sheets.iter_mut()) {
        let mut pen = Pen::new(fonts);
        let style = Style::label(2_600).ink(QUIET_INK);
        let text = format!("第 {position} 页 共 {count} 页");
        pen.show(Field::PageNumber).right(RIGHT, sheet.height - 2_800, style, &text);
        sheet.marks.append(&mut pen.marks);
    }
}

/// The sample mark, large and light, behind everything else; nothing on production chains.
fn sample_mark(pen: &mut Pen<'_>, sample: bool, portrait: bool) {
    if !sample {
        return;
    }
    let (x, y, size, turn) =
        if portrait { (45_000, 225_000, 27_000, 50_000) } else { (40_000, 112_000, 26_000, 27_000) };
    pen.turned(x, y, Style::label(size).ink(FAINT_INK), "样票 SAMPLE", turn);
}

/// `¥` before a sum of money, nothing before `***`.
fn with_yuan_sign(text: &str) -> String {
    if text.contains(|c: char| c.is_ascii_digit()) { format!("¥{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::LegalDate;
    use crate::render::draw::{Mark, Text};
    use crate::render::face::{FaceLine, FaceParty};
    use crate::render::font::{Place, Typeface};

    /// A face that needs every label: list, notes, sample mark.
    fn full() -> Face {
        let party = || FaceParty { name: "某".repeat(1_000), ..FaceParty::default() };
        Face {
            kind: FaceKind::Ordinary,
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

    fn texts(marks: &[Mark]) -> Vec<&Text> {
        let of_mark = |mark| match mark {
            Mark::Text(text) => vec![text],
            Mark::Span { marks, .. } => texts(marks),
            Mark::Rule { .. } | Mark::Ellipse { .. } | Mark::Code { .. } => Vec::new(),
        };
        marks.iter().flat_map(of_mark).collect()
    }

    /// The marks of each page with those of its frame, and the page's height.
    fn painted(face: &Face, fonts: &Fonts) -> Vec<(Vec<Mark>, i32)> {
        let layouts = Layouts::load(fonts).unwrap();
        let whole = |sheet: Sheet| {
            let frame = layouts.frame(sheet.frame).unwrap();
            assert_eq!((frame.width, frame.height), (sheet.width, sheet.height));
            ([frame.marks.clone(), sheet.marks].concat(), sheet.height)
        };
        layouts.sheets(face, fonts).unwrap().into_iter().map(whole).collect()
    }

    #[test]
    fn kai_has_every_character_of_the_labels() {
        let fonts = Fonts::load().unwrap();
        let pages = painted(&full(), &fonts);
        for text in pages.iter().flat_map(|(marks, _)| texts(marks)).filter(|text| text.typeface == Typeface::Kai) {
            for character in text.content.chars() {
                let place = fonts.place(Typeface::Kai, character);
                assert!(matches!(place, Place::Found(Typeface::Kai, _)), "{character} of {}", text.content);
            }
        }
    }

    #[test]
    fn nothing_is_written_beyond_the_edges() {
        let fonts = Fonts::load().unwrap();
        for (marks, height) in painted(&full(), &fonts) {
            for text in texts(&marks).iter().filter(|text| text.turn == 0) {
                let right = text.x + fonts.width(text.typeface, text.size, &text.content);
                assert!(text.x >= LEFT && right <= RIGHT, "{}", text.content);
                assert!(text.y > text.size && text.y < height - 1_000, "{}", text.content);
            }
        }
    }

    #[test]
    fn stars_have_no_yuan_sign() {
        assert_eq!(with_yuan_sign("***"), "***");
        assert_eq!(with_yuan_sign("-0.05"), "¥-0.05");
    }
}
