//! A party's block: labels and values in rows that share its height.

use super::Note;
use super::pen::{Pen, Style, centred};
use super::plan::{Align, InkName, Inks, PartyPlan, PartyRow};
use super::values::printed;
use super::wrap::{Fitted, wrap};
use crate::render::face::Face;
use crate::render::font::Fonts;

/// Free space between a label and its value.
pub(super) const GAP: i32 = 400;

/// Writes the block: one size for all its values, the largest at which they fit together. What does not fit is a note, and
/// `see_note` stands in its place.
pub(super) fn draw(pen: &mut Pen<'_>, plan: &PartyPlan, inks: &Inks, face: &Face, see_note: &str) -> Vec<Note> {
    let shown = |row: &&PartyRow| !row.optional || !printed(face, row.field).is_empty();
    let rows: Vec<&PartyRow> = plan.rows.iter().filter(shown).collect();
    let (values, notes) = fitted(pen.fonts, plan, inks, &rows, face, see_note);
    let used: i32 = values.iter().map(Fitted::height).sum();
    let gap = (plan.area.height - used) / i32::try_from(rows.len()).unwrap_or(1).max(1);
    let mut top = plan.area.y + gap / 2;
    for (row, value) in rows.iter().zip(&values) {
        let size = plan.label_size.min(value.size);
        let label = Style { size, ..super::plan::Lettering::Label.style(size, inks.of(InkName::Label)) };
        pen.label().write(Align::Right, (plan.labels_end, centred(top, value.pitch(), size)), label, &row.label);
        pen.show(row.field);
        for line in &value.lines {
            let place = (plan.labels_end + GAP, centred(top, value.pitch(), value.size));
            pen.write(Align::Left, place, style(row, inks, value.size), line);
            top += value.pitch();
        }
        top += gap;
    }
    notes
}

fn style(row: &PartyRow, inks: &Inks, size: i32) -> Style {
    row.lettering.style(size, inks.of(InkName::Value))
}

/// The values of the rows, each at least one line; the longest becomes a note until the rest fits.
fn fitted(
    fonts: &Fonts,
    plan: &PartyPlan,
    inks: &Inks,
    rows: &[&PartyRow],
    face: &Face,
    see_note: &str,
) -> (Vec<Fitted>, Vec<Note>) {
    let mut values: Vec<String> = rows.iter().map(|row| printed(face, row.field).into_owned()).collect();
    let mut notes = Vec::new();
    let width = plan.area.right() - plan.labels_end - GAP;
    loop {
        for &size in &plan.sizes {
            let broken = |(row, value): (&&PartyRow, &String)| {
                let mut lines = wrap(fonts, style(row, inks, size), width, value);
                lines.resize(lines.len().max(1), String::new());
                Fitted { size, lines }
            };
            let fitted: Vec<Fitted> = rows.iter().zip(&values).map(broken).collect();
            if fitted.iter().map(Fitted::height).sum::<i32>() <= plan.area.height {
                return (fitted, notes);
            }
        }
        // Rows of one line each fit at the smallest size (asked in `check`), so this ends once every long value is a note.
        let longest = rows.iter().zip(values.iter_mut()).max_by_key(|(_, value)| value.chars().count());
        let Some((row, value)) = longest else { return (Vec::new(), notes) };
        let text = std::mem::replace(value, see_note.to_owned());
        notes.push(Note { label: format!("{}{}", plan.called, row.label), text });
    }
}
