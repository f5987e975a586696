//! The table of lines: columns, heads and rows, the same on the first page and in the list.

use super::pen::{Pen, Style, centred};
use super::wrap::{Fitted, shrink};
use crate::render::draw::{Column, Field};
use crate::render::face::{Face, FaceLine, yuan};
use crate::render::font::Fonts;

/// Em of a value in the table, and the smallest that a long figure may shrink to.
const SIZE: i32 = 2_800;
const SMALLEST: i32 = 1_900;
/// Free space left and right of a cell's text.
const PADDING: i32 = 700;
/// Free space above and below a row's text, together.
const LEADING: i32 = 900;

/// Where a cell's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    /// Names and specifications.
    Left,
    /// Units, rates, row numbers.
    Centre,
    /// Figures.
    Right,
}

/// One column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// What its cells show.
    column: Column,
    /// Head.
    pub head: &'static str,
    /// Width.
    pub width: i32,
    /// Alignment of its cells.
    pub align: Align,
    /// Text of a line's cell.
    cell: fn(&FaceLine) -> String,
    style: Style,
    /// Figures shrink before they break; texts break at once.
    smallest: i32,
}

const fn text(column: Column, head: &'static str, width: i32, align: Align, cell: fn(&FaceLine) -> String) -> Plan {
    Plan { column, head, width, align, cell, style: Style::value(SIZE), smallest: SIZE }
}

const fn figure(column: Column, head: &'static str, width: i32, align: Align, cell: fn(&FaceLine) -> String) -> Plan {
    Plan { column, head, width, align, cell, style: Style::figure(SIZE), smallest: SMALLEST }
}

const SPECIFICATION: &str = "规格型号";

/// Columns of the first page; together [`super::TABLE_WIDTH`].
pub(super) const FIRST_PAGE: [Plan; 8] = [
    text(Column::Name, "货物或应税劳务、服务名称", 51_000, Align::Left, |l| l.name.clone()),
    text(Column::Specification, SPECIFICATION, 23_000, Align::Left, |l| l.specification.clone()),
    text(Column::Unit, "单位", 12_000, Align::Centre, |l| l.unit.clone()),
    figure(Column::Quantity, "数量", 22_000, Align::Right, |l| l.quantity.clone()),
    figure(Column::Price, "单价", 24_000, Align::Right, |l| l.price.clone()),
    figure(Column::Amount, "金额", 27_000, Align::Right, |l| yuan(l.amount_fen)),
    figure(Column::Rate, "税率", 13_000, Align::Centre, |l| l.rate.clone()),
    figure(Column::Tax, "税额", 26_000, Align::Right, |l| l.tax_text.clone()),
];

/// Width of the list's leading column of row numbers.
pub(super) const ORDINAL_WIDTH: i32 = 10_000;

/// Columns of the list, right of the row number; together with it [`super::TABLE_WIDTH`].
pub(super) const LIST: [Plan; 8] = [
    text(Column::Name, "货物或应税劳务、服务名称", 46_000, Align::Left, |l| l.name.clone()),
    text(Column::Specification, SPECIFICATION, 22_000, Align::Left, |l| l.specification.clone()),
    text(Column::Unit, "单位", 11_000, Align::Centre, |l| l.unit.clone()),
    figure(Column::Quantity, "数量", 21_000, Align::Right, |l| l.quantity.clone()),
    figure(Column::Price, "单价", 23_000, Align::Right, |l| l.price.clone()),
    figure(Column::Amount, "金额", 27_000, Align::Right, |l| yuan(l.amount_fen)),
    figure(Column::Rate, "税率", 12_000, Align::Centre, |l| l.rate.clone()),
    figure(Column::Tax, "税额", 26_000, Align::Right, |l| l.tax_text.clone()),
];

/// A line broken into cells.
#[derive(Debug, Clone)]
pub(super) struct Row {
    cells: Vec<Fitted>,
    /// Height with free space.
    pub height: i32,
}

/// Breaks a line into the cells of the columns.
pub(super) fn row(fonts: &Fonts, columns: &[Plan], line: &FaceLine) -> Row {
    let cells: Vec<Fitted> =
        columns.iter().map(|c| shrink(fonts, c.style, c.smallest, c.width - 2 * PADDING, &(c.cell)(line))).collect();
    let tallest = cells.iter().map(Fitted::height).max().unwrap_or_default();
    Row { height: tallest.max(super::wrap::pitch(SIZE)) + LEADING, cells }
}

/// The rows of all lines.
pub(super) fn rows(fonts: &Fonts, columns: &[Plan], face: &Face) -> Vec<Row> {
    face.lines.iter().map(|line| row(fonts, columns, line)).collect()
}

/// Writes a row with its top left corner at `(x, y)`.
pub(super) fn draw_row(
    pen: &mut Pen<'_>,
    columns: &[Plan],
    row: &Row,
    (x, y): (i32, i32),
    field: impl Fn(Column) -> Field,
) {
    let first_line = super::wrap::pitch(SIZE);
    let mut left = x;
    for (column, cell) in columns.iter().zip(&row.cells) {
        pen.show(field(column.column));
        let mut baseline = centred(y + LEADING / 2, first_line, cell.size.min(SIZE));
        for line in &cell.lines {
            aligned(pen, column.align, (left, column.width), baseline, column.style.at(cell.size), line);
            baseline += cell.pitch();
        }
        left += column.width;
    }
}

/// Writes one text into a column's width.
pub(super) fn aligned(
    pen: &mut Pen<'_>,
    align: Align,
    (left, width): (i32, i32),
    baseline: i32,
    style: Style,
    content: &str,
) {
    match align {
        Align::Left => pen.left(left + PADDING, baseline, style, content),
        Align::Centre => pen.centre(left + width / 2, baseline, style, content),
        Align::Right => pen.right(left + width - PADDING, baseline, style, content),
    }
}

/// Writes a sum into a column, smaller when it must be.
pub(super) fn draw_sum(pen: &mut Pen<'_>, (left, width): (i32, i32), top: i32, height: i32, field: Field, sum: &str) {
    pen.show(field);
    let fitted = shrink(pen.fonts, Style::figure(SIZE), SMALLEST, width - 2 * PADDING, sum);
    for line in &fitted.lines {
        let baseline = centred(top, height, fitted.size);
        aligned(pen, Align::Right, (left, width), baseline, Style::figure(fitted.size), line);
    }
}

/// Draws the rules between the columns, which run down to `bottom`.
pub(super) fn draw_rules(pen: &mut Pen<'_>, columns: &[Plan], (x, top): (i32, i32), bottom: i32) {
    let mut left = x;
    for (position, column) in columns.iter().enumerate() {
        if position > 0 {
            pen.rule((left, top), (left, bottom));
        }
        left += column.width;
    }
}

/// Writes the heads.
pub(super) fn draw_heads(pen: &mut Pen<'_>, columns: &[Plan], (x, top): (i32, i32), head: i32) {
    let mut left = x;
    for column in columns {
        let style = Style::label(SIZE);
        pen.centre(left + column.width / 2, centred(top, head, style.size), style, column.head);
        left += column.width;
    }
}

/// Left edge and width of the column with a head.
pub(super) fn span(columns: &[Plan], x: i32, head: &str) -> (i32, i32) {
    let mut left = x;
    for column in columns {
        if column.head == head {
            return (left, column.width);
        }
        left += column.width;
    }
    (left, 0)
}

#[cfg(test)]
mod tests {
    use super::super::TABLE_WIDTH;
    use super::*;

    #[test]
    fn columns_fill_the_table() {
        assert_eq!(FIRST_PAGE.iter().map(|c| c.width).sum::<i32>(), TABLE_WIDTH);
        assert_eq!(LIST.iter().map(|c| c.width).sum::<i32>() + ORDINAL_WIDTH, TABLE_WIDTH);
    }

    #[test]
    fn the_largest_amount_fits_its_column_on_one_line() {
        let fonts = Fonts::load().unwrap();
        let line = FaceLine { amount_fen: -crate::base::limits::AMOUNT_FEN_MAX, ..FaceLine::default() };
        let row = row(&fonts, &LIST, &line);
        assert_eq!(row.cells[5].lines, ["-100000000000.00"]);
    }

    #[test]
    fn a_long_name_makes_its_row_taller() {
        let fonts = Fonts::load().unwrap();
        let short = FaceLine { name: "*餐饮服务*餐费".to_owned(), ..FaceLine::default() };
        let long = FaceLine { name: "*餐饮服务*".to_owned() + &"餐费".repeat(20), ..FaceLine::default() };
        assert!(row(&fonts, &LIST, &long).height > row(&fonts, &LIST, &short).height);
    }
}
