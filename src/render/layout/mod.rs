//! From a face to its pages, as `templates/face/*.json` say: one first page, and list pages when lines or long texts do not fit on it.
//!
//! Painting order, fixed: the frame, then of the first page code and head, buyer, cipher area, lines row by row, their sums, totals,
//! seller, remark, foot, place; of a list page head, rules, lines row by row, subtotal, total, notes; the page number last, where there
//! is more than one page. Within a block texts are painted from the top, a label before its value.
//!
//! *Invariant:* the same face gives the same marks; nothing of a face is left out but what no layout has a place for.

mod check;
mod first_page;
mod list_pages;
mod party;
mod pen;
mod plan;
mod seal;
mod table;
mod values;
mod wrap;

use self::pen::Pen;
use self::plan::{Align, InkName, KindPlan, Lettering, ListPlan, NumberPlan};
use super::draw::{Field, Frame, FrameId, PageKind, Sheet};
use super::face::{Face, FaceKind};
use super::font::Fonts;
use crate::base::{Code, Fault};

/// A text that did not fit its place: printed in full at the end of the list, with a pointer in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Note {
    /// Which field it is.
    label: String,
    /// The whole text.
    text: String,
}

/// The layouts of all kinds of documents, and the frames that they give. Make it once, share it between threads.
#[derive(Debug)]
pub(super) struct Layouts {
    ordinary: KindPlan,
    digital: KindPlan,
    list: ListPlan,
    frames: Vec<Frame>,
}

impl Layouts {
    /// Reads the layouts that are built into the program, and makes the frames of every kind, page and chain.
    ///
    /// # Errors
    /// [`Code::RenderLayout`] when one is damaged, something in it lies outside its page, or a field has no place or two.
    pub fn load(fonts: &Fonts) -> Result<Self, Fault> {
        let mut layouts = Self {
            ordinary: read("ordinary.json", include_str!("../../../templates/face/ordinary.json"))?,
            digital: read("digital.json", include_str!("../../../templates/face/digital.json"))?,
            list: read("list.json", include_str!("../../../templates/face/list.json"))?,
            frames: Vec::new(),
        };
        for kind in FaceKind::ALL {
            check::kind(kind, layouts.plan(kind))?;
        }
        check::list(&layouts.list)?;
        for kind in FaceKind::ALL {
            for page in [PageKind::First, PageKind::List, PageKind::Notes] {
                for sample in [false, true] {
                    let frame = layouts.make(FrameId { kind, page, sample }, fonts);
                    check::frame(&frame, fonts)?;
                    layouts.frames.push(frame);
                }
            }
        }
        Ok(layouts)
    }

    /// Every frame, each once.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// The frame of an id.
    pub fn frame(&self, id: FrameId) -> Option<&Frame> {
        self.frames.iter().find(|frame| frame.id == id)
    }

    fn plan(&self, kind: FaceKind) -> &KindPlan {
        match kind {
            FaceKind::Ordinary => &self.ordinary,
            FaceKind::Digital => &self.digital,
        }
    }

    fn make(&self, id: FrameId, fonts: &Fonts) -> Frame {
        let plan = self.plan(id.kind);
        let mut pen = Pen::new(fonts);
        let (width, height) = match id.page {
            PageKind::First => {
                first_page::frame(&mut pen, plan, id);
                plan.page
            }
            PageKind::List | PageKind::Notes => {
                list_pages::frame(&mut pen, plan, &self.list, id);
                self.list.page
            }
        };
        Frame { id, width, height, marks: pen.marks }
    }

    /// The pages of an invoice.
    ///
    /// # Errors
    /// [`Code::RenderQrTooLong`] when the QR code can't hold its text.
    pub fn sheets(&self, face: &Face, fonts: &Fonts) -> Result<Vec<Sheet>, Fault> {
        let plan = self.plan(face.kind);
        let first = first_page::draw(plan, &self.list, face, fonts)?;
        let frame = FrameId { kind: face.kind, page: PageKind::First, sample: face.sandbox };
        let (width, height) = plan.page;
        let mut sheets = vec![Sheet { width, height, frame, marks: first.marks }];
        if first.listed || !first.notes.is_empty() {
            sheets.extend(list_pages::draw(plan, &self.list, face, fonts, first.listed, first.notes));
        }
        if sheets.len() > 1 {
            number(plan, &self.list, fonts, &mut sheets);
        }
        Ok(sheets)
    }
}

/// Reads one layout.
fn read<'a, Plan: serde::Deserialize<'a>>(name: &str, text: &'a str) -> Result<Plan, Fault> {
    serde_json::from_str(text).map_err(|e| Fault::new(Code::RenderLayout, "", format!("{name}: {e}")))
}

/// Writes `第 x 页 共 y 页` on each page.
fn number(plan: &KindPlan, list: &ListPlan, fonts: &Fonts, sheets: &mut [Sheet]) {
    let count = sheets.len();
    for (position, sheet) in (1..).zip(sheets.iter_mut()) {
        let NumberPlan { at, size } = if position == 1 { plan.page_number } else { list.page_number };
        let style = Lettering::Label.style(size, plan.inks.of(InkName::Quiet));
        let mut pen = Pen::new(fonts);
        let text = format!("第 {position} 页 共 {count} 页");
        pen.show(Field::PageNumber).write(Align::Right, at, style, &text);
        sheet.marks.append(&mut pen.marks);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::base::LegalDate;
    use crate::render::draw::{Column, Mark, Text};
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

    fn texts<'a>(marks: &'a [Mark]) -> Vec<&'a Text> {
        let of_mark = |mark: &'a Mark| match mark {
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

    fn fonts() -> Fonts {
        Fonts::load().unwrap()
    }

    #[test]
    fn kai_has_every_character_of_what_is_written_in_it() {
        let fonts = fonts();
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
        let fonts = fonts();
        for kind in FaceKind::ALL {
            for (marks, height) in painted(&Face { kind, ..full() }, &fonts) {
                for text in texts(&marks).iter().filter(|text| text.turn == 0) {
                    let right = text.x + fonts.width(text.typeface, text.size, &text.content);
                    assert!(text.x >= 6_000 && right <= 204_000, "{}", text.content);
                    assert!(text.y > text.size && text.y < height - 1_000, "{}", text.content);
                }
            }
        }
    }

    /// Contents of the texts that show a field.
    fn shown(face: &Face, field: Field) -> Vec<String> {
        let pages = painted(face, &fonts());
        let texts = pages.iter().flat_map(|(marks, _)| texts(marks)).filter(|text| text.field == Some(field));
        texts.map(|text| text.content.clone()).collect()
    }

    #[test]
    fn the_largest_amounts_stand_on_one_line() {
        let largest = -crate::base::limits::AMOUNT_FEN_MAX;
        let line = FaceLine { amount_fen: largest, tax_text: "-100000000000.00".to_owned(), ..FaceLine::default() };
        for count in [1, 100] {
            let lines = vec![line.clone(); count];
            let face = Face { lines, amount_fen: largest, tax_text: line.tax_text.clone(), ..full() };
            for column in [Column::Amount, Column::Tax] {
                assert_eq!(shown(&face, Field::Line { nth: count - 1, column }), ["-100000000000.00"], "{column:?}");
            }
            let everywhere = shown(&face, Field::AmountTotal);
            assert!(everywhere.iter().all(|sum| sum == "¥-100000000000.00"), "{everywhere:?}");
        }
    }

    #[test]
    fn figures_that_leave_no_room_for_points_below_points_stand_right() {
        let with_quantity = |quantity: &str| FaceLine { quantity: quantity.to_owned(), ..FaceLine::default() };
        let lines = vec![with_quantity("1234567890123.5"), with_quantity("0.1234567890123")];
        let face = Face { lines, remark: String::new(), ..full() };
        for nth in [0, 1] {
            let shown = shown(&face, Field::Line { nth, column: Column::Quantity });
            assert_eq!(shown, [face.lines[nth].quantity.clone()]);
        }
    }

    #[test]
    fn every_frame_is_made_once() {
        let fonts = fonts();
        let layouts = Layouts::load(&fonts).unwrap();
        let ids: std::collections::BTreeSet<FrameId> = layouts.frames.iter().map(|frame| frame.id).collect();
        assert_eq!((ids.len(), layouts.frames.len()), (12, 12));
    }

    /// The layout with another value at a JSON pointer, read and checked.
    fn changed(pointer: &str, value: Value) -> Result<(), Fault> {
        let mut layout: Value = serde_json::from_str(include_str!("../../../templates/face/ordinary.json")).unwrap();
        *layout.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value;
        check::kind(FaceKind::Ordinary, &read("ordinary.json", &layout.to_string())?)
    }

    #[test]
    fn a_layout_that_does_not_fit_is_refused() {
        for (pointer, value) in [
            ("/inks/label", json!("red")),
            ("/inks/label", json!("#8c331")),
            ("/rule", json!(1.5)),
            ("/rule", json!(0)),
            ("/title/at", json!([105_000, 140_001])),
            ("/code/side", json!(24_999)),
            ("/code/at", json!([-1, 0])),
            ("/head/0/field", json!("nothing")),
            ("/head/0/field", json!("number")),
            ("/head/1/width", json!(100_000)),
            ("/head/0/size", json!(0)),
            ("/foot", json!([])),
            ("/cipher", Value::Null),
            ("/buyer/sizes", json!([])),
            ("/buyer/area", json!([12_000, 29_000, 117_000, 5_000])),
            ("/table/columns/0/width", json!(51_001)),
            ("/table/columns/0/column", json!("tax")),
            ("/table/columns", json!([])),
            ("/rules/0", json!([0, 0, 0, 140_001])),
            ("/sample/seal/arcs/0/size", json!(i32::MAX)),
        ] {
            let refused = changed(pointer, value.clone()).map_err(|fault| fault.code);
            assert_eq!(refused, Err(Code::RenderLayout), "{pointer} {value}");
        }
        changed("/rule", json!(200)).unwrap();
    }

    #[test]
    fn a_label_that_kai_lacks_is_refused() {
        let fonts = fonts();
        let mut layouts = Layouts::load(&fonts).unwrap();
        layouts.ordinary.labels[0].text.push('鑫');
        let id = FrameId { kind: FaceKind::Ordinary, page: PageKind::First, sample: false };
        assert_eq!(check::frame(&layouts.make(id, &fonts), &fonts).unwrap_err().code, Code::RenderLayout);
    }
}
