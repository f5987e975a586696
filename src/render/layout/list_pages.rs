//! The list of lines (销货清单), A4 upright: continued table with a subtotal on every page and the total on the last, and after it
//! the texts that did not fit on the first page.

use super::Note;
use super::first_page::{draw_labels, draw_spot_label};
use super::pen::{Pen, Rule, centred};
use super::plan::{Align, InkName, KindPlan, Lettering, ListPlan};
use super::table::{self, Row, Table};
use super::values::{has_digit, printed, with_yuan_sign};
use super::wrap::{pitch, wrap};
use crate::render::draw::{Column, Field, FrameId, PageKind, Sheet};
use crate::render::face::{Face, FaceLine, yuan};
use crate::render::font::Fonts;

/// Free space between the table's edge and the notes below it.
const INDENT: i32 = 1_000;

/// Draws the pages: the lines when they are `listed`, then the notes.
pub(super) fn draw(
    plan: &KindPlan,
    list: &ListPlan,
    face: &Face,
    fonts: &Fonts,
    listed: bool,
    mut notes: Vec<Note>,
) -> Vec<Sheet> {
    let mut pages = Pages { plan, list, face, fonts, sheets: Vec::new() };
    let (amount, tax) = (printed(face, Field::AmountTotal), printed(face, Field::TaxTotal));
    let lines = if listed { &face.lines[..] } else { &[] };
    let table = Table::of(&list.table, &plan.inks, fonts, lines, (&amount, &tax));
    let chunks = pages.split(pages.rows(&table, lines, &mut notes));
    let last = chunks.len();
    let mut below = None;
    for (position, chunk) in (1..).zip(&chunks) {
        let mut pen = pages.begin();
        let bottom = pages.draw_rows(&mut pen, &table, chunk, position == last);
        if let Some((done, _)) = below.replace((pen, bottom + list.note_gap)) {
            pages.finish(done, PageKind::List);
        }
    }
    pages.notes(below, &notes);
    pages.sheets
}

/// Title, labels of the head and of the columns.
pub(super) fn frame(pen: &mut Pen<'_>, plan: &KindPlan, list: &ListPlan, id: FrameId) {
    if id.sample {
        draw_labels(pen, plan, &list.sample);
    }
    let label = Lettering::Label.style(list.title.size, plan.inks.of(InkName::Label));
    let page = if id.page == PageKind::Notes { &list.title.notes } else { &list.title.list };
    pen.label().write(Align::Centre, list.title.at, label, &format!("{} {page}", id.kind.title()));
    for spot in &plan.list_head {
        draw_spot_label(pen, plan, spot);
    }
    if id.page == PageKind::List {
        // A kind's own words for the columns, where its first page has them.
        table::draw_heads(pen, &list.table, label.at(list.table.size), |column| {
            let own = plan.table.columns.iter().find(|of_kind| of_kind.column == column.column);
            own.unwrap_or(column).head.clone()
        });
    }
}

/// A row with its number and sums.
struct ListRow {
    nth: usize,
    row: Row,
    amount_fen: i64,
    tax_fen: i64,
    taxed: bool,
}

struct Pages<'a> {
    plan: &'a KindPlan,
    list: &'a ListPlan,
    face: &'a Face,
    fonts: &'a Fonts,
    sheets: Vec<Sheet>,
}

impl<'a> Pages<'a> {
    /// The rows of all lines; texts that would fill a page move into notes.
    fn rows(&self, table: &Table<'_>, lines: &[FaceLine], notes: &mut Vec<Note>) -> Vec<ListRow> {
        let mut rows = Vec::with_capacity(lines.len());
        for (nth, line) in lines.iter().enumerate() {
            let mut row = table.row(line, nth);
            if row.height > self.list.row_highest {
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
                    if text.chars().count() > self.list.cell_characters {
                        let text = std::mem::replace(text, self.list.see_note.clone());
                        notes.push(Note { label: format!("清单第 {} 行 {label}：", nth + 1), text });
                    }
                }
                row = table.row(&shorter, nth);
            }
            let taxed = has_digit(&line.tax_text);
            rows.push(ListRow { nth, row, amount_fen: line.amount_fen, tax_fen: line.tax_fen, taxed });
        }
        rows
    }

    /// Splits the rows into pages, so that a subtotal and a total still fit below.
    fn split(&self, rows: Vec<ListRow>) -> Vec<Vec<ListRow>> {
        let table = &self.list.table;
        let room = table.bottom - table.top - table.head - 2 * table.sum;
        let mut pages: Vec<Vec<ListRow>> = Vec::new();
        let mut used = 0;
        for row in rows {
            if used + row.row.height > room {
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

    /// A page with the values of its head.
    fn begin(&self) -> Pen<'a> {
        let mut pen = Pen::new(self.fonts);
        for spot in &self.plan.list_head {
            let style = spot.lettering.style(spot.size, self.plan.inks.of(spot.ink));
            // The whole name stands on the first page or in its note: here as much of it as one line takes.
            let value = printed(self.face, spot.field);
            let line = wrap(self.fonts, style, spot.width, &value).into_iter().next().unwrap_or_default();
            pen.show(spot.field).write(spot.align, spot.at, style, &line);
        }
        pen
    }

    fn finish(&mut self, pen: Pen<'a>, page: PageKind) {
        let frame = FrameId { kind: self.face.kind, page, sample: self.face.sandbox };
        let (width, height) = self.list.page;
        self.sheets.push(Sheet { width, height, frame, marks: pen.marks });
    }

    /// The table of one page; gives its lower edge.
    fn draw_rows(&self, pen: &mut Pen<'_>, table: &Table<'_>, rows: &[ListRow], last: bool) -> i32 {
        let plan = &self.list.table;
        let rule = Rule { width: self.plan.rule, ink: self.plan.inks.of(InkName::Label) };
        let body = plan.top + plan.head;
        let sums = body + rows.iter().map(|r| r.row.height).sum::<i32>();
        let bottom = sums + plan.sum * if last { 2 } else { 1 };
        let right = plan.left + plan.width;
        pen.label().frame(table::outline(plan, bottom), rule);
        let between = if last { vec![body, sums, sums + plan.sum] } else { vec![body, sums] };
        for y in between {
            pen.rule((plan.left, y), (right, y), rule);
        }
        table::draw_rules(pen, plan, rule, bottom);
        let mut top = body;
        for row in rows {
            let nth = row.nth;
            table.draw_row(pen, &row.row, top, |column| Field::Line { nth, column });
            top += row.row.height;
        }
        let amount = rows.iter().map(|r| r.amount_fen).fold(0i64, i64::saturating_add);
        let tax = rows.iter().map(|r| r.tax_fen).fold(0i64, i64::saturating_add);
        // Stars where no line of the page is taxed.
        let tax = if rows.iter().any(|r| r.taxed) { yuan(tax) } else { "***".to_owned() };
        let fields = [(Field::PageAmount, with_yuan_sign(&yuan(amount))), (Field::PageTax, with_yuan_sign(&tax))];
        self.draw_sums(pen, table, sums, &self.list.page_sum, fields);
        if last {
            let of_all = |field| (field, printed(self.face, field).into_owned());
            let fields = [of_all(Field::AmountTotal), of_all(Field::TaxTotal)];
            self.draw_sums(pen, table, sums + plan.sum, &self.list.total_sum, fields);
        }
        bottom
    }

    fn draw_sums(&self, pen: &mut Pen<'_>, table: &Table<'_>, top: i32, label: &str, sums: [(Field, String); 2]) {
        let plan = &self.list.table;
        let (left, width) = plan.span(Column::Name);
        let style = Lettering::Label.style(plan.size, self.plan.inks.of(InkName::Label));
        pen.label().write(Align::Centre, (left + width / 2, centred(top, plan.sum, plan.size)), style, label);
        for (column, (field, sum)) in [Column::Amount, Column::Tax].into_iter().zip(sums) {
            table.draw_sum(pen.show(field), column, top, &sum);
        }
    }

    /// The notes, below the table of the last page and on as many pages as they need.
    fn notes(&mut self, below: Option<(Pen<'a>, i32)>, notes: &[Note]) {
        let (plan, size) = (&self.list.table, self.list.note_size);
        let label = Lettering::Label.style(size, self.plan.inks.of(InkName::Label));
        let value = Lettering::Value.style(size, self.plan.inks.of(InkName::Value));
        let mut at = below;
        let mut page = PageKind::List;
        for (nth, note) in notes.iter().enumerate() {
            let heading = std::iter::once((label, note.label.clone()));
            let text =
                wrap(self.fonts, value, plan.width - 2 * INDENT, &note.text).into_iter().map(|line| (value, line));
            for (style, line) in heading.chain(text) {
                let (mut pen, top) = match at.take() {
                    Some((pen, top)) if top + pitch(size) <= plan.bottom => (pen, top),
                    full => {
                        if let Some((pen, _)) = full {
                            self.finish(pen, page);
                        }
                        page = PageKind::Notes;
                        (self.begin(), plan.top)
                    }
                };
                let place = (plan.left + INDENT, centred(top, pitch(size), size));
                pen.show(Field::Note(nth)).write(Align::Left, place, style, &line);
                at = Some((pen, top + pitch(size)));
            }
            at = at.map(|(pen, top)| (pen, top + self.list.note_gap / 2));
        }
        if let Some((pen, _)) = at {
            self.finish(pen, page);
        }
    }
}
