//! The list of lines (销货清单), A4 upright: continued table with a subtotal on every page and the total on the last, and after it
//! the texts that did not fit on the first page.

use super::pen::{Area, Pen, Style, centred};
use super::table::{self, LIST, ORDINAL_WIDTH, Row};
use super::wrap::{pitch, wrap};
use super::{LEFT, Note, RIGHT, TABLE_WIDTH, with_yuan_sign};
use crate::render::draw::{Column, Field, FrameId, PageKind, PartyField, Sheet};
use crate::render::face::{Face, FaceKind, FaceLine, yuan};
use crate::render::font::Fonts;

pub(super) const WIDTH: i32 = 210_000;
pub(super) const HEIGHT: i32 = 297_000;

/// Top of the table, and the lowest that rows and notes may reach.
const TOP: i32 = 44_000;
const BOTTOM: i32 = 287_000;
/// Heights of the head row and of a sum row.
const HEAD: i32 = 6_000;
const SUM: i32 = 5_600;
/// What rows may take: a subtotal and a total must still fit below.
const BODY: i32 = BOTTOM - TOP - HEAD - 2 * SUM;
/// A row taller than this has a text that goes into a note.
const ROW_HIGHEST: i32 = 60_000;

const LABEL: i32 = 2_800;
const NOTE: Style = Style::value(2_800);

/// Draws the pages: the lines when they are `listed`, then the notes.
pub(super) fn draw(face: &Face, fonts: &Fonts, listed: bool, mut notes: Vec<Note>) -> Vec<Sheet> {
    let rows = if listed { list_rows(face, fonts, &mut notes) } else { Vec::new() };
    let mut pages = Pages { face, fonts, sheets: Vec::new() };
    let chunks = split(rows);
    let last = chunks.len();
    let mut below = None;
    for (position, chunk) in (1..).zip(&chunks) {
        let mut pen = pages.begin();
        let bottom = pages.rows(&mut pen, chunk, position == last);
        if let Some(done) = below.replace((pen, bottom + 4_000)) {
            pages.finish(done.0, PageKind::List);
        }
    }
    pages.notes(below, &notes);
    pages.sheets
}

/// A row with its number and sums.
struct ListRow {
    ordinal: usize,
    row: Row,
    amount_fen: i64,
    tax_fen: i64,
    taxed: bool,
}

/// The rows of all lines; texts that would fill a page move into notes.
fn list_rows(face: &Face, fonts: &Fonts, notes: &mut Vec<Note>) -> Vec<ListRow> {
    let mut rows = Vec::with_capacity(face.lines.len());
    for (ordinal, line) in (1..).zip(&face.lines) {
        let mut row = table::row(fonts, &LIST, line);
        if row.height > ROW_HIGHEST {
            let mut shorter = line.clone();
            let texts = [
                ("名称", &mut shorter.name),
                ("规格型号", &mut shorter.specification),
                ("单位", &mut shorter.unit),
                ("数量", &mut shorter.quantity),
                ("单价", &mut shorter.price),
                ("税率", &mut shorter.rate),
                ("税额", &mut shorter.tax_text),
            ];
            for (label, text) in texts {
                // 40 characters never make a row too high, in any column.
                if text.chars().count() > 40 {
                    let text = std::mem::replace(text, super::SEE_NOTE.to_owned());
                    notes.push(Note { label: format!("清单第 {ordinal} 行 {label}："), text });
                }
            }
            row = table::row(fonts, &LIST, &shorter);
        }
        rows.push(ListRow { ordinal, row, amount_fen: line.amount_fen, tax_fen: line.tax_fen, taxed: is_taxed(line) });
    }
    rows
}

/// Whether a line's tax is a number, and not `***`.
fn is_taxed(line: &FaceLine) -> bool {
    line.tax_text.contains(|c: char| c.is_ascii_digit())
}

/// Splits the rows into pages.
fn split(rows: Vec<ListRow>) -> Vec<Vec<ListRow>> {
    let mut pages: Vec<Vec<ListRow>> = Vec::new();
    let mut used = 0;
    for row in rows {
        if used + row.row.height > BODY {
            used = 0;
        }
        let fresh = used == 0;
        used += row.row.height;
        match pages.last_mut() {
            Some(page) if !fresh => page.push(row),
            Some(_) | None => pages.push(vec![row]),
        }
    }
    pages
}

/// What the head says: left end, baseline, label, value and its style, right end.
const ROWS: [(i32, i32, &str, Field, Style, i32); 6] = [
    (LEFT, 26_000, "购买方名称：", Field::Buyer(PartyField::Name), Style::value(LABEL), 132_000),
    (LEFT, 31_500, "销售方名称：", Field::Seller(PartyField::Name), Style::value(LABEL), 132_000),
    (LEFT, 37_000, "开票日期：", Field::Date, Style::figure(LABEL), 132_000),
    (150_000, 26_000, "发票代码：", Field::Code, Style::figure(LABEL), RIGHT),
    (150_000, 31_500, "发票号码：", Field::Number, Style::figure(LABEL), RIGHT),
    (150_000, 37_000, "校验码：", Field::CheckCode, Style::figure(LABEL), RIGHT),
];

/// Title and labels of the head.
pub(super) fn frame(pen: &mut Pen<'_>, kind: FaceKind, page: &str) {
    pen.centre(WIDTH / 2, 16_500, Style::label(6_400), &format!("{} {page}", kind.title()));
    for (x, baseline, label, ..) in ROWS {
        pen.left(x, baseline, Style::label(LABEL), label);
    }
}

struct Pages<'a> {
    face: &'a Face,
    fonts: &'a Fonts,
    sheets: Vec<Sheet>,
}

impl<'a> Pages<'a> {
    /// A page with the values of its head.
    fn begin(&self) -> Pen<'a> {
        let mut pen = Pen::new(self.fonts);
        let face = self.face;
        let date = face.date.to_face_text();
        let values = [&face.buyer.name, &face.seller.name, &date, &face.code, &face.number, &face.check_code];
        for ((x, baseline, _, field, style, right), value) in ROWS.into_iter().zip(values) {
            let left = x + 6 * LABEL;
            pen.show(field);
            // The whole name stands on the first page or in its note: here as much of it as one line takes.
            let line = wrap(self.fonts, style, right - left, value).into_iter().next().unwrap_or_default();
            pen.left(left, baseline, style, &line);
        }
        pen
    }

    /// The table of one page; gives its lower edge.
    fn rows(&self, pen: &mut Pen<'_>, rows: &[ListRow], last: bool) -> i32 {
        let height: i32 = rows.iter().map(|r| r.row.height).sum();
        let body = TOP + HEAD;
        let sums = body + height;
        let bottom = sums + SUM * if last { 2 } else { 1 };
        let left = LEFT + ORDINAL_WIDTH;
        pen.label().frame(Area { x: LEFT, y: TOP, width: TABLE_WIDTH, height: bottom - TOP });
        pen.rule((LEFT, body), (RIGHT, body));
        pen.rule((LEFT, sums), (RIGHT, sums));
        pen.rule((left, TOP), (left, sums));
        let style = Style::label(LABEL);
        pen.centre(LEFT + ORDINAL_WIDTH / 2, centred(TOP, HEAD, LABEL), style, "序号");
        table::draw_rules(pen, &LIST, (left, TOP), bottom);
        table::draw_heads(pen, &LIST, (left, TOP), HEAD);
        let mut top = body;
        for row in rows {
            let baseline = centred(top + 450, pitch(LABEL), LABEL - 200);
            let nth = row.ordinal - 1;
            pen.show(Field::Line { nth, column: Column::Ordinal });
            pen.centre(LEFT + ORDINAL_WIDTH / 2, baseline, Style::figure(LABEL - 200), &row.ordinal.to_string());
            table::draw_row(pen, &LIST, &row.row, (left, top), |column| Field::Line { nth, column });
            top += row.row.height;
        }
        let amount = rows.iter().map(|r| r.amount_fen).fold(0i64, i64::saturating_add);
        let tax = rows.iter().map(|r| r.tax_fen).fold(0i64, i64::saturating_add);
        let tax_text = if rows.iter().any(|r| r.taxed) { yuan(tax) } else { "***".to_owned() };
        let fields = (Field::PageAmount, Field::PageTax);
        Self::sums(pen, sums, "小计", fields, (amount, &tax_text));
        if last {
            pen.rule((LEFT, sums + SUM), (RIGHT, sums + SUM));
            let fields = (Field::AmountTotal, Field::TaxTotal);
            Self::sums(pen, sums + SUM, "总计", fields, (self.face.amount_fen, &self.face.tax_text));
        }
        bottom
    }

    fn sums(pen: &mut Pen<'_>, top: i32, label: &str, fields: (Field, Field), (amount_fen, tax_text): (i64, &str)) {
        let left = LEFT + ORDINAL_WIDTH;
        let style = Style::label(LABEL);
        let name = table::span(&LIST, left, "货物或应税劳务、服务名称").1;
        pen.label().centre(left + name / 2, centred(top, SUM, LABEL), style, label);
        table::draw_sum(pen, table::span(&LIST, left, "金额"), top, SUM, fields.0, &with_yuan_sign(&yuan(amount_fen)));
        table::draw_sum(pen, table::span(&LIST, left, "税额"), top, SUM, fields.1, &with_yuan_sign(tax_text));
    }

    fn finish(&mut self, pen: Pen<'a>, page: PageKind) {
        let frame = FrameId { kind: self.face.kind, page, sample: self.face.sandbox };
        self.sheets.push(Sheet { width: WIDTH, height: HEIGHT, frame, marks: pen.marks });
    }

    /// The notes, below the table of the last page and on as many pages as they need.
    fn notes(&mut self, below: Option<(Pen<'a>, i32)>, notes: &[Note]) {
        let mut at = below;
        let mut page = PageKind::List;
        for (nth, note) in notes.iter().enumerate() {
            let heading = std::iter::once((Style::label(LABEL), note.label.clone()));
            let text = wrap(self.fonts, NOTE, TABLE_WIDTH - 2_000, &note.text).into_iter().map(|line| (NOTE, line));
            for (style, line) in heading.chain(text) {
                let (mut pen, top) = match at.take() {
                    Some((pen, top)) if top + pitch(LABEL) <= BOTTOM => (pen, top),
                    full => {
                        if let Some((pen, _)) = full {
                            self.finish(pen, page);
                        }
                        page = PageKind::Notes;
                        (self.begin(), TOP)
                    }
                };
                pen.show(Field::Note(nth));
                pen.left(LEFT + 1_000, centred(top, pitch(LABEL), LABEL), style, &line);
                at = Some((pen, top + pitch(LABEL)));
            }
            at = at.map(|(pen, top)| (pen, top + 2_000));
        }
        if let Some((pen, _)) = at {
            self.finish(pen, page);
        }
    }
}
