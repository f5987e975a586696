//! Whether a layout fits its page and has a place for what must be printed. What passes here can't make the drawing overflow.

use super::pen::Area;
use super::plan::{
    Align, CodePlan, ColumnPlan, KindPlan, Label, ListPlan, NumberPlan, PartyPlan, Spot, TablePlan, TitlePlan,
};
use super::seal::Seal;
use super::wrap::pitch;
use crate::base::{Code, Fault};
use crate::render::draw::{Column, Field, Frame, Mark, PartyField};
use crate::render::face::FaceKind;
use crate::render::font::{Fonts, Place, Typeface};

/// Ems from half a millimetre to 6 cm.
const SIZES: std::ops::RangeInclusive<i32> = 500..=60_000;
/// The largest page side: two metres, far from where 32 bits end.
const PAGE_MAX: i32 = 2_000_000;
/// A QR code below this side is not scanned in every case (pdf.md 7).
const CODE_SIDE_MIN: i32 = 25_000;

type Checked = Result<(), Fault>;

fn ask(holds: bool, path: &str, what: &str) -> Checked {
    if holds { Ok(()) } else { Err(Fault::new(Code::RenderLayout, path, format!("layout: {path}: {what}"))) }
}

/// A page on which things stand.
#[derive(Clone, Copy)]
struct Page {
    width: i32,
    height: i32,
}

impl Page {
    fn of((width, height): (i32, i32)) -> Result<Self, Fault> {
        ask((1..=PAGE_MAX).contains(&width) && (1..=PAGE_MAX).contains(&height), "page", "no size of a page")?;
        Ok(Self { width, height })
    }

    fn point(self, (x, y): (i32, i32), path: &str) -> Checked {
        ask((0..=self.width).contains(&x) && (0..=self.height).contains(&y), path, "outside the page")
    }

    fn area(self, area: Area, path: &str) -> Checked {
        ask(area.width > 0 && area.height > 0, path, "an area without room")?;
        self.point((area.x, area.y), path)?;
        self.point((area.x.saturating_add(area.width), area.y.saturating_add(area.height)), path)
    }

    fn label(self, label: &Label) -> Checked {
        let path = format!("label {}", label.text);
        size(label.size, &path)?;
        ask(label.turn == 0 || label.align == Align::Left, &path, "turned, and not written from its left end")?;
        ask((-360_000..=360_000).contains(&label.turn), &path, "turned by more than a circle")?;
        self.point(label.at, &path)
    }

    fn spot(self, spot: &Spot) -> Checked {
        let path = spot.field.path();
        size(spot.size, &path)?;
        ask(spot.label.is_empty() || SIZES.contains(&spot.label_size), &path, "no size for its label")?;
        self.point(spot.at, &path)?;
        let (x, half) = (spot.at.0, spot.width / 2);
        let (left, right) = match spot.align {
            Align::Left => (x, x.saturating_add(spot.width)),
            Align::Centre => (x.saturating_sub(half), x.saturating_add(half)),
            Align::Right => (x.saturating_sub(spot.width), x),
        };
        ask(spot.width > 0, &path, "no room")?;
        self.point((left, spot.at.1), &path)?;
        self.point((right, spot.at.1), &path)
    }

    fn number(self, number: NumberPlan) -> Checked {
        size(number.size, "page_number")?;
        self.point(number.at, "page_number")
    }
}

fn size(size: i32, path: &str) -> Checked {
    ask(SIZES.contains(&size), path, "no size of a text")
}

fn sizes(sizes: &[i32], path: &str) -> Checked {
    ask(!sizes.is_empty() && sizes.is_sorted_by(|a, b| a > b), path, "sizes are not from the largest down")?;
    sizes.iter().try_for_each(|one| size(*one, path))
}

/// Whether the layout of a kind fits.
pub(super) fn kind(kind: FaceKind, plan: &KindPlan) -> Checked {
    let page = Page::of(plan.page)?;
    ask((1..=5_000).contains(&plan.rule), "rule", "no width of a rule")?;
    title(page, plan.title)?;
    code(page, plan.code)?;
    for variant in [&plan.sample, &plan.production] {
        variant.behind.iter().try_for_each(|label| page.label(label))?;
        seal(page, &variant.seal)?;
    }
    plan.labels.iter().try_for_each(|label| page.label(label))?;
    for stack in &plan.stacks {
        let path = format!("stack {}", stack.text);
        size(stack.size, &path)?;
        page.area(stack.area, &path)?;
    }
    for &(x, y, to_x, to_y) in &plan.rules {
        page.point((x, y), "rules")?;
        page.point((to_x, to_y), "rules")?;
    }
    let spots = plan.head.iter().chain(&plan.totals).chain(&plan.foot).chain([&plan.place]);
    spots.chain(&plan.list_head).try_for_each(|spot| page.spot(spot))?;
    party(page, &plan.buyer)?;
    party(page, &plan.seller)?;
    if let Some(cipher) = plan.cipher {
        size(cipher.size, "cipher")?;
        page.area(cipher.area, "cipher")?;
        ask((1..=20).contains(&cipher.lines), "cipher", "no number of lines")?;
    }
    table(page, &plan.table)?;
    page.area(plan.remark.area, "remark")?;
    sizes(&plan.remark.sizes, "remark")?;
    page.number(plan.page_number)?;
    fields(kind, plan)
}

/// Whether the layout of list pages fits.
pub(super) fn list(plan: &ListPlan) -> Checked {
    let page = Page::of(plan.page)?;
    size(plan.title.size, "title")?;
    page.point(plan.title.at, "title")?;
    plan.sample.iter().try_for_each(|label| page.label(label))?;
    table(page, &plan.table)?;
    size(plan.note_size, "note_size")?;
    ask((0..=50_000).contains(&plan.note_gap), "note_gap", "out of range")?;
    let room = plan.table.bottom - plan.table.top - plan.table.head - 2 * plan.table.sum;
    ask((1..=room).contains(&plan.row_highest), "row_highest", "higher than a page has room")?;
    page.number(plan.page_number)
}

fn title(page: Page, title: TitlePlan) -> Checked {
    size(title.size, "title")?;
    ask((title.size..=60_000).contains(&title.pitch), "title", "characters over one another")?;
    page.point(title.at, "title")?;
    let (left, right, upper, lower) = title.rules;
    page.point((left, upper), "title")?;
    page.point((right, lower), "title")
}

fn code(page: Page, code: CodePlan) -> Checked {
    ask(code.side >= CODE_SIDE_MIN, "code", "too small to be scanned")?;
    page.area(Area { x: code.at.0, y: code.at.1, width: code.side, height: code.side }, "code")
}

fn seal(page: Page, seal: &Seal) -> Checked {
    for &(across, down, width) in &seal.outlines {
        ask((1..=5_000).contains(&width), "seal", "no width of an outline")?;
        let (x, y) = (seal.centre.0.saturating_sub(across), seal.centre.1.saturating_sub(down));
        let area = Area { x, y, width: across.saturating_mul(2), height: down.saturating_mul(2) };
        page.area(area, "seal")?;
    }
    for arc in &seal.arcs {
        size(arc.size, "seal")?;
        ask((1..=60_000).contains(&arc.step), "seal", "no step")?;
        let inside = (1..=100_000).contains(&arc.radii.0) && (1..=100_000).contains(&arc.radii.1);
        ask(inside && arc.text.chars().count() <= 40, "seal", "no text along an ellipse")?;
    }
    for line in &seal.lines {
        size(line.size, "seal")?;
        page.point((seal.centre.0, seal.centre.1.saturating_add(line.below)), "seal")?;
    }
    page.point(seal.centre, "seal")
}

fn party(page: Page, plan: &PartyPlan) -> Checked {
    let path = plan.called.as_str();
    page.area(plan.area, path)?;
    sizes(&plan.sizes, path)?;
    size(plan.label_size, path)?;
    ask((plan.area.x..plan.area.right() - 5_000).contains(&plan.labels_end), path, "no room for values")?;
    let rows = i32::try_from(plan.rows.len()).unwrap_or(i32::MAX);
    let smallest = plan.sizes.last().copied().unwrap_or_default();
    ask((1..=20).contains(&rows), path, "no rows")?;
    ask(rows * pitch(smallest) <= plan.area.height, path, "too low for its rows")
}

fn table(page: Page, plan: &TablePlan) -> Checked {
    let path = "table";
    ask(plan.head > 0 && plan.sum > 0, path, "a row without height")?;
    ask(plan.bottom > plan.top.saturating_add(plan.head), path, "no room for rows")?;
    let height = plan.bottom.saturating_add(plan.sum).saturating_sub(plan.top);
    page.area(Area { x: plan.left, y: plan.top, width: plan.width, height }, path)?;
    size(plan.size, path)?;
    size(plan.smallest, path)?;
    ask(plan.smallest <= plan.size, path, "smallest is not the smallest")?;
    ask((0..=20_000).contains(&plan.leading) && (0..=20_000).contains(&plan.padding), path, "free space out of range")?;
    let too_narrow = |column: &ColumnPlan| column.width <= (2 * plan.padding).saturating_add(plan.size);
    ask(!plan.columns.iter().any(too_narrow), path, "a column narrower than a character")?;
    let widths = plan.columns.iter().map(|column| column.width).fold(0, i32::saturating_add);
    ask(widths == plan.width, path, "columns do not fill it")?;
    for column in [
        Column::Name,
        Column::Specification,
        Column::Unit,
        Column::Quantity,
        Column::Price,
        Column::Amount,
        Column::Rate,
        Column::Tax,
    ] {
        let count = plan.columns.iter().filter(|plan| plan.column == column).count();
        ask(count == 1, path, &format!("{} columns {}", count, column.name()))?;
    }
    Ok(())
}

/// What every kind prints.
const ALWAYS: [Field; 16] = [
    Field::TitleNote,
    Field::Number,
    Field::Date,
    Field::Buyer(PartyField::Name),
    Field::Buyer(PartyField::TaxpayerId),
    Field::Buyer(PartyField::AddressPhone),
    Field::Buyer(PartyField::BankAccount),
    Field::Seller(PartyField::Name),
    Field::Seller(PartyField::TaxpayerId),
    Field::Seller(PartyField::AddressPhone),
    Field::Seller(PartyField::BankAccount),
    Field::Total,
    Field::Capital,
    Field::Remark,
    Field::Drawer,
    Field::Place,
];

/// What the blockchain invoice prints besides (domain.md 1.2).
const ORDINARY: [Field; 6] =
    [Field::Code, Field::CheckCode, Field::Hash, Field::PaymentId, Field::Payee, Field::Reviewer];

/// Every field of the kind has one place, and no field of another kind has one.
fn fields(kind: FaceKind, plan: &KindPlan) -> Checked {
    let spots = plan.head.iter().chain(&plan.totals).chain(&plan.foot).chain([&plan.place]).map(|spot| spot.field);
    let rows = plan.buyer.rows.iter().chain(&plan.seller.rows).map(|row| row.field);
    let cipher = plan.cipher.map(|_| Field::Hash);
    let placed: Vec<Field> = spots.chain(rows).chain(cipher).chain([Field::Remark]).collect();
    let own: &[Field] = match kind {
        FaceKind::Ordinary => &ORDINARY,
        FaceKind::Digital => &[],
    };
    for field in Field::PLACED {
        let count = placed.iter().filter(|one| **one == field).count();
        let expected = usize::from(ALWAYS.contains(&field) || own.contains(&field));
        ask(count == expected, &field.path(), &format!("{count} places, not {expected}"))?;
    }
    Ok(())
}

/// Whether a frame lies on its page and Kai has every character of it: a label in another typeface would be an accident.
pub(super) fn frame(frame: &Frame, fonts: &Fonts) -> Checked {
    let page = Page { width: frame.width, height: frame.height };
    frame.marks.iter().try_for_each(|mark| painted(mark, page, fonts))
}

fn painted(mark: &Mark, page: Page, fonts: &Fonts) -> Checked {
    match mark {
        Mark::Text(text) => {
            let lacking = |character: &char| !matches!(fonts.place(text.typeface, *character), Place::Found(found, _) if found == Typeface::Kai);
            let lacks = text.content.chars().find(lacking);
            ask(lacks.is_none(), &text.content, "a character that Kai lacks")?;
            page.point((text.x, text.y), &text.content)?;
            // A turned text is long in both directions; whether it is seen whole is for the eye.
            let width = if text.turn == 0 { fonts.width(text.typeface, text.size, &text.content) } else { 0 };
            page.point((text.x.saturating_add(width), text.y), &text.content)
        }
        Mark::Span { marks, .. } => marks.iter().try_for_each(|mark| painted(mark, page, fonts)),
        Mark::Rule { from, to, .. } => page.point(*from, "rule").and(page.point(*to, "rule")),
        Mark::Ellipse { centre, .. } => page.point(*centre, "seal"),
        Mark::Code { .. } => ask(false, "code", "a code in a frame"),
    }
}
