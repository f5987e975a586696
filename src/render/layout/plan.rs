//! What `templates/face/*.json` says: which text stands where, in which size and colour. All lengths are micrometres from the page's
//! top left corner. An unknown name anywhere is refused; whether the numbers fit is asked in `check`.

use serde::Deserialize;

use super::pen::{Area, Style};
use super::seal::Seal;
use crate::render::draw::{Column, Field, Ink};
use crate::render::font::Typeface;

/// The layout of one kind of document (`ordinary.json`, `digital.json`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KindPlan {
    /// Width and height of the first page.
    pub page: (i32, i32),
    /// Colours.
    pub inks: Inks,
    /// Width of the frame's rules.
    pub rule: i32,
    /// The title of the kind, set wide.
    pub title: TitlePlan,
    /// The QR code.
    pub code: CodePlan,
    /// What differs between samples and production.
    pub sample: VariantPlan,
    /// See `sample`.
    pub production: VariantPlan,
    /// Labels that are not those of a value.
    pub labels: Vec<Label>,
    /// Labels written downwards.
    pub stacks: Vec<Stack>,
    /// Rules of the frame: from x, from y, to x, to y.
    pub rules: Vec<(i32, i32, i32, i32)>,
    /// Values of the head, in painting order.
    pub head: Vec<Spot>,
    /// The buyer's block.
    pub buyer: PartyPlan,
    /// The cipher area with the hash, where the kind has one.
    pub cipher: Option<CipherPlan>,
    /// The lines.
    pub table: TablePlan,
    /// The tax-inclusive total, in words and in figures.
    pub totals: Vec<Spot>,
    /// The seller's block.
    pub seller: PartyPlan,
    /// The remark.
    pub remark: RemarkPlan,
    /// Signatories.
    pub foot: Vec<Spot>,
    /// Where in the chain it stands.
    pub place: Spot,
    /// `第 1 页 共 2 页`.
    pub page_number: NumberPlan,
    /// Values of the head of a list page.
    pub list_head: Vec<Spot>,
}

/// The layout of the pages after the first (`list.json`); labels of columns and colours are those of the kind.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListPlan {
    /// Width and height.
    pub page: (i32, i32),
    /// Middle and baseline of the title, and its em.
    pub title: HeadingPlan,
    /// What stands behind everything on samples.
    pub sample: Vec<Label>,
    /// The lines. Its bottom is the lowest that rows, sums and notes may reach.
    pub table: TablePlan,
    /// A row taller than this has a text that goes into a note.
    pub row_highest: i32,
    /// A text longer than this is what makes a row too tall, characters.
    pub cell_characters: usize,
    /// Words of the sum of a page.
    pub page_sum: String,
    /// Words of the sum of all.
    pub total_sum: String,
    /// Em of the notes.
    pub note_size: i32,
    /// Distance between the table and the notes.
    pub note_gap: i32,
    /// Stands on the first page for lines that are listed.
    pub see_list: String,
    /// Stands in the place of a text that is a note.
    pub see_note: String,
    /// `第 1 页 共 2 页`.
    pub page_number: NumberPlan,
}

/// Colours.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Inks {
    // See `InkName`.
    label: Ink,
    value: Ink,
    seal: Ink,
    faint: Ink,
    warning: Ink,
    quiet: Ink,
}

/// A colour by what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum InkName {
    /// Frame and labels.
    #[default]
    Label,
    /// Values.
    Value,
    /// The seal.
    Seal,
    /// The sample mark behind the text.
    Faint,
    /// That it is no invoice, or a red letter.
    Warning,
    /// Chain position, page numbers.
    Quiet,
}

impl Inks {
    /// The colour of a name.
    pub fn of(&self, name: InkName) -> Ink {
        match name {
            InkName::Label => self.label,
            InkName::Value => self.value,
            InkName::Seal => self.seal,
            InkName::Faint => self.faint,
            InkName::Warning => self.warning,
            InkName::Quiet => self.quiet,
        }
    }
}

/// Which typeface a value is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Lettering {
    /// Kai.
    Label,
    /// Song.
    Value,
    /// Courier, equally wide.
    Figure,
}

impl Lettering {
    /// At a size in a colour.
    pub fn style(self, size: i32, ink: Ink) -> Style {
        let typeface = match self {
            Self::Label => Typeface::Kai,
            Self::Value => Typeface::Song,
            Self::Figure => Typeface::Figure,
        };
        Style { typeface, size, ink }
    }
}

/// Where a text stands in relation to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Align {
    /// Begins there.
    #[default]
    Left,
    /// Has its middle there.
    Centre,
    /// Ends there.
    Right,
}

/// A label in Kai.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Label {
    /// The characters.
    pub text: String,
    /// Place of the baseline.
    pub at: (i32, i32),
    /// Em.
    pub size: i32,
    /// What of the text stands at the place.
    #[serde(default)]
    pub align: Align,
    /// Colour.
    #[serde(default)]
    pub ink: InkName,
    /// Thousandths of a degree counter-clockwise; only with `left`.
    #[serde(default)]
    pub turn: i32,
}

/// A label written downwards in the middle of an area.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stack {
    /// The characters.
    pub text: String,
    /// Where.
    pub area: Area,
    /// Em.
    pub size: i32,
}

/// One line of a value, with its label to the left.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spot {
    /// What it shows.
    pub field: Field,
    /// Ends left of the value.
    #[serde(default)]
    pub label: String,
    /// Em of the label; 0 when there is none.
    #[serde(default)]
    pub label_size: i32,
    /// What a note calls the value where that is not the label.
    #[serde(default)]
    pub called: String,
    /// Place of the value's baseline.
    pub at: (i32, i32),
    /// What it may take; a longer value is written smaller, and goes into a note when it must be too small.
    pub width: i32,
    /// Typeface.
    pub lettering: Lettering,
    /// Em at its largest.
    pub size: i32,
    /// What of the value stands at the place.
    #[serde(default)]
    pub align: Align,
    /// Colour.
    pub ink: InkName,
}

/// The title.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TitlePlan {
    /// Middle, baseline.
    pub at: (i32, i32),
    /// Em.
    pub size: i32,
    /// From one character to the next.
    pub pitch: i32,
    /// The double rule below: left end, right end, and the two heights.
    pub rules: (i32, i32, i32, i32),
}

/// The title of a list page.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeadingPlan {
    /// Middle, baseline.
    pub at: (i32, i32),
    /// Em.
    pub size: i32,
    /// Behind the kind's title on pages of lines.
    pub list: String,
    /// Behind it on pages of notes.
    pub notes: String,
}

/// The QR code's square, quiet zone included.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodePlan {
    /// Upper left corner.
    pub at: (i32, i32),
    /// Side.
    pub side: i32,
}

/// The seal, and what stands behind everything.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VariantPlan {
    /// Labels behind everything else.
    pub behind: Vec<Label>,
    /// The supervision seal.
    pub seal: Seal,
}

/// A party's block. The rows share its height; one size for all.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartyPlan {
    /// What a note calls the party.
    pub called: String,
    /// Labels and values.
    pub area: Area,
    /// Where labels end.
    pub labels_end: i32,
    /// Em of labels at their largest.
    pub label_size: i32,
    /// Sizes that values may take, the largest first; below the last a person needs a glass.
    pub sizes: Vec<i32>,
    /// From the top.
    pub rows: Vec<PartyRow>,
}

/// A row of a party's block.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartyRow {
    /// What it shows.
    pub field: Field,
    /// Ends left of the value.
    pub label: String,
    /// Typeface of the value.
    pub lettering: Lettering,
    /// Left out where the face has no value.
    #[serde(default)]
    pub optional: bool,
}

/// The cipher area: a text on lines of one length.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CipherPlan {
    /// Where.
    pub area: Area,
    /// Em.
    pub size: i32,
    /// How many lines of one length.
    pub lines: usize,
}

/// The table of lines.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TablePlan {
    /// Left edge.
    pub left: i32,
    /// Width of all columns.
    pub width: i32,
    /// Top of the head.
    pub top: i32,
    /// Height of the head.
    pub head: i32,
    /// Lower edge of the rows.
    pub bottom: i32,
    /// Height of a row of sums.
    pub sum: i32,
    /// Whether rules stand between the columns, down to the sums' lower edge.
    pub column_rules: bool,
    /// Em of heads and cells.
    pub size: i32,
    /// To which a column of figures may shrink.
    pub smallest: i32,
    /// Free space left and right of a cell's text.
    pub padding: i32,
    /// Free space above and below a row's text, together.
    pub leading: i32,
    /// From the left.
    pub columns: Vec<ColumnPlan>,
}

/// A column.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnPlan {
    /// What its cells show.
    pub column: Column,
    /// Its head.
    pub head: String,
    /// Width.
    pub width: i32,
    /// Where its texts stand. Figures on the right stand with their decimal points under one another.
    pub align: Align,
    /// Typeface of its cells.
    pub lettering: Lettering,
}

impl TablePlan {
    /// Left edge and width of a column; nothing at the table's right edge when it has none such.
    pub fn span(&self, column: Column) -> (i32, i32) {
        let mut left = self.left;
        for plan in &self.columns {
            if plan.column == column {
                return (left, plan.width);
            }
            left += plan.width;
        }
        (left, 0)
    }
}

/// The remark.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RemarkPlan {
    /// Where.
    pub area: Area,
    /// What a note calls it.
    pub called: String,
    /// The largest first.
    pub sizes: Vec<i32>,
}

/// The page number; ends at its place.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NumberPlan {
    /// Place of its right end.
    pub at: (i32, i32),
    /// Em.
    pub size: i32,
}
