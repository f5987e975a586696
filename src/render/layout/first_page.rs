//! The first page: code and title, buyer and cipher area, lines, totals, seller and remark, signatories.

use super::pen::{Pen, Rule, centred};
use super::plan::{Align, CipherPlan, InkName, KindPlan, Label, Lettering, ListPlan, Spot};
use super::table::{self, Table};
use super::values::printed;
use super::wrap::{fit, wrap};
use super::{Note, party};
use crate::base::Fault;
use crate::render::draw::{Column, Field, FrameId, Mark};
use crate::render::face::{Face, FaceLine};
use crate::render::font::Fonts;
use crate::render::qr;

/// A first page without its frame.
pub(super) struct FirstPage {
    /// Over the frame.
    pub marks: Vec<Mark>,
    /// Whether the lines go to list pages.
    pub listed: bool,
    /// Texts that did not fit.
    pub notes: Vec<Note>,
}

/// Seal, title, labels and rules.
pub(super) fn frame(pen: &mut Pen<'_>, plan: &KindPlan, id: FrameId) {
    let variant = if id.sample { &plan.sample } else { &plan.production };
    draw_labels(pen, plan, &variant.behind);
    let seal = variant.seal.drawn(pen.fonts, plan.inks.of(InkName::Seal));
    pen.marks.push(seal);
    let label = Lettering::Label.style(plan.title.size, plan.inks.of(InkName::Label));
    pen.spaced(plan.title.at, label, plan.title.pitch, id.kind.title());
    let rule = Rule { width: plan.rule, ink: label.ink };
    let (left, right, upper, lower) = plan.title.rules;
    for y in [upper, lower] {
        pen.rule((left, y), (right, y), rule);
    }
    for &(x, y, to_x, to_y) in &plan.rules {
        pen.rule((x, y), (to_x, to_y), rule);
    }
    for stack in &plan.stacks {
        pen.stacked(stack.area, label.at(stack.size), &stack.text);
    }
    table::draw_rules(pen, &plan.table, rule, plan.table.bottom + plan.table.sum);
    table::draw_heads(pen, &plan.table, label.at(plan.table.size), |column| column.head.clone());
    draw_labels(pen, plan, &plan.labels);
    for spot in plan.head.iter().chain(&plan.totals).chain(&plan.foot) {
        draw_spot_label(pen, plan, spot);
    }
}

/// Labels of the layout.
pub(super) fn draw_labels(pen: &mut Pen<'_>, plan: &KindPlan, labels: &[Label]) {
    for label in labels {
        let style = Lettering::Label.style(label.size, plan.inks.of(label.ink));
        if label.turn == 0 {
            pen.label().write(label.align, label.at, style, &label.text);
        } else {
            pen.label().turned(label.at, style, &label.text, label.turn);
        }
    }
}

/// The label of a value, which ends left of it.
pub(super) fn draw_spot_label(pen: &mut Pen<'_>, plan: &KindPlan, spot: &Spot) {
    let style = Lettering::Label.style(spot.label_size, plan.inks.of(InkName::Label));
    pen.label().write(Align::Right, (spot.at.0 - party::GAP, spot.at.1), style, &spot.label);
}

/// Draws the page.
pub(super) fn draw(plan: &KindPlan, list: &ListPlan, face: &Face, fonts: &Fonts) -> Result<FirstPage, Fault> {
    let matrix = qr::matrix(&face.qr_text)?;
    let (x, y) = plan.code.at;
    let mut page = Page { plan, list, face, pen: Pen::new(fonts), notes: Vec::new() };
    page.pen.marks.push(Mark::Code { x, y, side: plan.code.side, matrix });
    page.spots(&plan.head);
    page.notes.extend(party::draw(&mut page.pen, &plan.buyer, &plan.inks, face, &list.see_note));
    if let Some(cipher) = &plan.cipher {
        page.cipher(cipher);
    }
    let listed = page.lines();
    page.spots(&plan.totals);
    page.notes.extend(party::draw(&mut page.pen, &plan.seller, &plan.inks, face, &list.see_note));
    page.remark();
    page.spots(&plan.foot);
    page.spots(std::slice::from_ref(&plan.place));
    Ok(FirstPage { marks: page.pen.marks, listed, notes: page.notes })
}

struct Page<'a> {
    plan: &'a KindPlan,
    list: &'a ListPlan,
    face: &'a Face,
    pen: Pen<'a>,
    notes: Vec<Note>,
}

impl Page<'_> {
    /// Values of one line each; what does not fit becomes a note.
    fn spots(&mut self, spots: &[Spot]) {
        for spot in spots {
            let value = printed(self.face, spot.field);
            let style = spot.lettering.style(spot.size, self.plan.inks.of(spot.ink));
            let smaller = self.plan.remark.sizes.iter().copied().filter(|size| *size < spot.size);
            let mut sizes = std::iter::once(spot.size).chain(smaller);
            let fits = |size: &i32| {
                !value.contains(['\n', '\r']) && self.pen.fonts.width(style.typeface, *size, &value) <= spot.width
            };
            self.pen.show(spot.field);
            match sizes.find(fits) {
                Some(size) => self.pen.write(spot.align, spot.at, style.at(size), &value),
                None => {
                    let pointer = Lettering::Value.style(spot.size, style.ink);
                    self.pen.write(spot.align, spot.at, pointer, &self.list.see_note);
                    let called = if spot.called.is_empty() { &spot.label } else { &spot.called };
                    self.notes.push(Note { label: called.clone(), text: value.into_owned() });
                }
            }
        }
    }

    /// The printed hash on lines of one length (domain.md 1.2).
    fn cipher(&mut self, cipher: &CipherPlan) {
        let style = Lettering::Figure.style(cipher.size, self.plan.inks.of(InkName::Value));
        let characters: Vec<char> = self.face.hash.chars().collect();
        let lines = cipher.lines.max(1);
        let pitch = cipher.area.height / i32::try_from(lines).unwrap_or(1);
        self.pen.show(Field::Hash);
        for (row, part) in (0..).zip(characters.chunks(characters.len().div_ceil(lines).max(1))) {
            let line: String = part.iter().collect();
            let baseline = centred(cipher.area.y + row * pitch, pitch, style.size);
            self.pen.write(Align::Centre, (cipher.area.x + cipher.area.width / 2, baseline), style, &line);
        }
    }

    /// Lines and their sums; whether the lines go to the list instead.
    fn lines(&mut self) -> bool {
        let plan = &self.plan.table;
        let (amount, tax) = (printed(self.face, Field::AmountTotal), printed(self.face, Field::TaxTotal));
        let sums = (&*amount, &*tax);
        let mut table = Table::of(plan, &self.plan.inks, self.pen.fonts, &self.face.lines, sums);
        let mut rows = Vec::new();
        let mut height = 0;
        for (nth, line) in self.face.lines.iter().enumerate() {
            let row = table.row(line, nth);
            height += row.height;
            if height > plan.bottom - plan.top - plan.head {
                break;
            }
            rows.push(row);
        }
        let listed = rows.len() < self.face.lines.len();
        if listed {
            let line = self.listed();
            table = Table::of(plan, &self.plan.inks, self.pen.fonts, std::slice::from_ref(&line), sums);
            rows = vec![table.row(&line, 0)];
        }
        let mut top = plan.top + plan.head;
        for (nth, row) in rows.iter().enumerate() {
            let field = |column| if listed { Field::Listed(column) } else { Field::Line { nth, column } };
            table.draw_row(&mut self.pen, row, top, field);
            top += row.height;
        }
        table.draw_sum(self.pen.show(Field::AmountTotal), Column::Amount, plan.bottom, sums.0);
        table.draw_sum(self.pen.show(Field::TaxTotal), Column::Tax, plan.bottom, sums.1);
        listed
    }

    /// The one row that stands for all when they are on list pages.
    fn listed(&self) -> FaceLine {
        let rate = match self.face.lines.split_first() {
            Some((first, rest)) if rest.iter().all(|line| line.rate == first.rate) => first.rate.clone(),
            Some(_) | None => String::new(),
        };
        FaceLine {
            name: self.list.see_list.clone(),
            amount_fen: self.face.amount_fen,
            rate,
            tax_text: self.face.tax_text.clone(),
            ..FaceLine::default()
        }
    }

    fn remark(&mut self) {
        let plan = &self.plan.remark;
        let style = Lettering::Value.style(0, self.plan.inks.of(InkName::Value));
        let text = &self.face.remark;
        let room = (plan.area.width, plan.area.height);
        self.pen.show(Field::Remark);
        let fitted = match fit(self.pen.fonts, style, &plan.sizes, room, text) {
            Some(fitted) => fitted,
            // Its beginning, and where the whole stands.
            None => {
                self.notes.push(Note { label: plan.called.clone(), text: text.clone() });
                let size = plan.sizes.first().copied().unwrap_or_default();
                let mut lines = wrap(self.pen.fonts, style.at(size), room.0, text);
                lines.truncate(1);
                lines.push(self.list.see_note.clone());
                super::wrap::Fitted { size, lines }
            }
        };
        let mut top = plan.area.y;
        for line in &fitted.lines {
            let place = (plan.area.x, centred(top, fitted.pitch(), fitted.size));
            self.pen.write(Align::Left, place, style.at(fitted.size), line);
            top += fitted.pitch();
        }
    }
}
