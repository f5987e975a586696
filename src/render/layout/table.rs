//! The table of lines: columns, heads and rows, the same on the first page and in the list.

use super::pen::{Area, Pen, Rule, Style, centred};
use super::plan::{Align, ColumnPlan, InkName, Inks, Lettering, TablePlan};
use super::values::{cell, has_digit};
use super::wrap::{Fitted, pitch, shrink};
use crate::render::draw::{Column, Field};
use crate::render::face::FaceLine;
use crate::render::font::Fonts;

/// A table whose columns of figures have found their size: one for all rows and the sum below, so that digits stand under digits.
pub(super) struct Table<'a> {
    plan: &'a TablePlan,
    fonts: &'a Fonts,
    inks: &'a Inks,
    fits: Vec<Fit>,
}

/// How a column's texts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fit {
    size: i32,
    /// Width of the longest part from the decimal point on; `None` when points don't align because there is no room for it.
    after_point: Option<i32>,
}

/// A line broken into cells.
#[derive(Debug, Clone)]
pub(super) struct Row {
    cells: Vec<Fitted>,
    /// Height with free space.
    pub height: i32,
}

impl<'a> Table<'a> {
    /// A table for these lines, with sums of amount and tax below.
    pub fn of(plan: &'a TablePlan, inks: &'a Inks, fonts: &'a Fonts, lines: &[FaceLine], sums: (&str, &str)) -> Self {
        let mut table = Self { plan, fonts, inks, fits: Vec::new() };
        for column in &plan.columns {
            let sum = match column.column {
                Column::Amount => sums.0,
                Column::Tax => sums.1,
                Column::Ordinal
                | Column::Name
                | Column::Specification
                | Column::Unit
                | Column::Quantity
                | Column::Price
                | Column::Rate => "",
            };
            let fit = table.fit(column, lines, sum);
            table.fits.push(fit);
        }
        table
    }

    fn fit(&self, column: &ColumnPlan, lines: &[FaceLine], sum: &str) -> Fit {
        let nominal = Fit { size: self.plan.size, after_point: None };
        if !is_aligned(column) {
            return nominal;
        }
        let style = self.style(column);
        let width = |text: &str| self.fonts.width(style.typeface, style.size, text);
        let (mut before, mut after, mut whole) = (0, 0, 0);
        let mut measure = |text: &str| {
            let (integer, fraction) = at_point(text);
            let fraction = width(fraction);
            let all = width(integer) + fraction;
            whole = all.max(whole);
            if has_digit(text) {
                before = before.max(all - fraction);
                after = after.max(fraction);
            }
        };
        for (nth, line) in lines.iter().enumerate() {
            measure(&cell(line, nth, column.column));
        }
        measure(sum);
        let room = column.width - 2 * self.plan.padding;
        let sized = |needed: i32| scaled(style.size, room, needed).filter(|size| *size >= self.plan.smallest);
        if let Some(size) = sized(whole.max(before + after)) {
            // One part of a thousand for rounding, which would else add up over the characters.
            let after = i64::from(after) * i64::from(size) / i64::from(style.size.max(1));
            return Fit { size, after_point: Some(i32::try_from(after).unwrap_or_default()) };
        }
        Fit { size: sized(whole).unwrap_or(self.plan.smallest), after_point: None }
    }

    fn style(&self, column: &ColumnPlan) -> Style {
        column.lettering.style(self.plan.size, self.inks.of(InkName::Value))
    }

    /// Breaks a line into cells.
    pub fn row(&self, line: &FaceLine, nth: usize) -> Row {
        let mut cells = Vec::with_capacity(self.fits.len());
        for (column, fit) in self.plan.columns.iter().zip(&self.fits) {
            let style = self.style(column).at(fit.size);
            let smallest = match column.lettering {
                Lettering::Figure => self.plan.smallest.min(fit.size),
                Lettering::Label | Lettering::Value => fit.size,
            };
            let room = column.width - 2 * self.plan.padding;
            cells.push(shrink(self.fonts, style, smallest, room, &cell(line, nth, column.column)));
        }
        let tallest = cells.iter().map(Fitted::height).max().unwrap_or_default();
        Row { height: tallest.max(pitch(self.plan.size)) + self.plan.leading, cells }
    }

    /// Writes a row with its upper edge at `top`.
    pub fn draw_row(&self, pen: &mut Pen<'_>, row: &Row, top: i32, field: impl Fn(Column) -> Field) {
        let first = centred(top + self.plan.leading / 2, pitch(self.plan.size), self.plan.size);
        for (nth, cell) in row.cells.iter().enumerate() {
            let Some(column) = self.plan.columns.get(nth) else { continue };
            pen.show(field(column.column));
            for (baseline, line) in (0..).map(|row: i32| first + row * cell.pitch()).zip(&cell.lines) {
                self.draw_cell(pen, nth, (baseline, cell.size), line);
            }
        }
    }

    /// Writes a sum into a column, in the middle of a row of sums.
    pub fn draw_sum(&self, pen: &mut Pen<'_>, column: Column, top: i32, sum: &str) {
        let found = self.plan.columns.iter().position(|plan| plan.column == column);
        let Some((nth, fit)) = found.and_then(|nth| Some((nth, self.fits.get(nth)?))) else { return };
        self.draw_cell(pen, nth, (centred(top, self.plan.sum, self.plan.size), fit.size), sum);
    }

    fn draw_cell(&self, pen: &mut Pen<'_>, nth: usize, (baseline, size): (i32, i32), text: &str) {
        let (Some(column), Some(fit)) = (self.plan.columns.get(nth), self.fits.get(nth)) else { return };
        let (left, width) = self.plan.span(column.column);
        let style = self.style(column).at(size);
        let x = match column.align {
            Align::Left => left + self.plan.padding,
            Align::Centre => left + width / 2,
            Align::Right => left + width - self.plan.padding,
        };
        // Stars and words end where the longest figure ends.
        let short = match fit.after_point.filter(|_| has_digit(text)) {
            Some(after) => after - self.fonts.width(style.typeface, style.size, at_point(text).1),
            None => 0,
        };
        pen.write(column.align, (x - short, baseline), style, text);
    }
}

/// Whether a column's figures stand with their decimal points under one another.
fn is_aligned(column: &ColumnPlan) -> bool {
    column.align == Align::Right && column.lettering == Lettering::Figure
}

/// A figure's integer part, and the rest with the point.
fn at_point(text: &str) -> (&str, &str) {
    text.find('.').and_then(|point| text.split_at_checked(point)).unwrap_or((text, ""))
}

/// The size at which what needs `needed` at `size` fits `room`, in steps that can be told apart.
fn scaled(size: i32, room: i32, needed: i32) -> Option<i32> {
    if needed <= room {
        return Some(size);
    }
    let exact = i64::from(size) * i64::from(room) / i64::from(needed.max(1));
    i32::try_from(exact / 25 * 25).ok()
}

/// Draws the rules between the columns, which run down to `bottom`.
pub(super) fn draw_rules(pen: &mut Pen<'_>, plan: &TablePlan, rule: Rule, bottom: i32) {
    let mut left = plan.left;
    for column in &plan.columns {
        if left > plan.left && plan.column_rules {
            pen.rule((left, plan.top), (left, bottom), rule);
        }
        left += column.width;
    }
}

/// Writes the heads.
pub(super) fn draw_heads(pen: &mut Pen<'_>, plan: &TablePlan, style: Style, head: impl Fn(&ColumnPlan) -> String) {
    let mut left = plan.left;
    for column in &plan.columns {
        let place = (left + column.width / 2, centred(plan.top, plan.head, style.size));
        pen.write(Align::Centre, place, style, &head(column));
        left += column.width;
    }
}

/// The outline of a table that ends at `bottom`.
pub(super) fn outline(plan: &TablePlan, bottom: i32) -> Area {
    Area { x: plan.left, y: plan.top, width: plan.width, height: bottom - plan.top }
}
