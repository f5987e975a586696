//! The display list: what stands on a page, before it becomes PDF, OFD or SVG. Places and sizes are micrometres from the top left
//! corner, angles are thousandths of a degree: no floats, so that every writer starts from the same numbers.
//!
//! A page is its frame and then its own marks, each in painting order. What a frame shows is the same on every document of a kind, so
//! that a writer can prepare it once; what stands in the marks is a function of the face.

use serde::Deserialize;

use super::face::FaceKind;
use super::font::Typeface;
use super::qr::QrMatrix;

/// A colour: red, green, blue. In layouts `#8c331f`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Ink(pub [u8; 3]);

impl TryFrom<String> for Ink {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut parts = [0; 3];
        let digits = text.strip_prefix('#').ok_or_else(|| format!("{text} does not begin with #"))?;
        hex::decode_to_slice(digits, &mut parts).map_err(|e| format!("{text} is no colour: {e}"))?;
        Ok(Self(parts))
    }
}

/// One thing on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mark {
    /// A text on one line.
    Text(Text),
    /// A straight rule.
    Rule {
        /// Start.
        from: (i32, i32),
        /// End.
        to: (i32, i32),
        /// Width.
        width: i32,
        /// Colour.
        ink: Ink,
    },
    /// The outline of an ellipse whose axes lie along the page's edges.
    Ellipse {
        /// Middle.
        centre: (i32, i32),
        /// Half of the width, half of the height.
        radii: (i32, i32),
        /// Width of the outline.
        width: i32,
        /// Colour.
        ink: Ink,
    },
    /// The QR code ([`Field::Qr`]), black on white, in a square, quiet zone included.
    Code {
        /// Left edge of the quiet zone.
        x: i32,
        /// Top edge of the quiet zone.
        y: i32,
        /// Side, quiet zone included.
        side: i32,
        /// The modules.
        matrix: QrMatrix,
    },
    /// Marks that are read as one text: a seal, a title set wide. Never holds another span or a code.
    Span {
        /// The text that stands for them when they are copied or read aloud.
        actual: String,
        /// What is drawn.
        marks: Vec<Mark>,
    },
}

/// A text on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    /// Left end.
    pub x: i32,
    /// Baseline.
    pub y: i32,
    /// Em.
    pub size: i32,
    /// Typeface asked for.
    pub typeface: Typeface,
    /// Colour.
    pub ink: Ink,
    /// The characters.
    pub content: String,
    /// Thousandths of a degree counter-clockwise about the left end of the baseline.
    pub turn: i32,
    /// Distance from the beginning of a character to that of the next; `None`: as wide as the font makes them.
    pub pitch: Option<i32>,
    /// What of the face it shows; `None` for labels.
    pub field: Option<Field>,
}

/// What of a face a text shows. In layouts by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum Field {
    /// The QR code.
    Qr,
    /// That it is a red letter.
    TitleNote,
    /// Invoice code.
    Code,
    /// Invoice number.
    Number,
    /// Day of issue.
    Date,
    /// Check code.
    CheckCode,
    /// Hash in the cipher area.
    Hash,
    /// Electronic payment id.
    PaymentId,
    /// Of the buyer.
    Buyer(PartyField),
    /// Of the seller.
    Seller(PartyField),
    /// A cell of a line.
    Line {
        /// Which line, from 0.
        nth: usize,
        /// Which cell.
        column: Column,
    },
    /// A cell of the row that stands for all lines when they are on list pages.
    Listed(Column),
    /// Sum of the ex-tax amounts.
    AmountTotal,
    /// Sum of the taxes.
    TaxTotal,
    /// Sum of the ex-tax amounts on one list page.
    PageAmount,
    /// Sum of the taxes on one list page.
    PageTax,
    /// Tax-inclusive total.
    Total,
    /// The same in capital numerals.
    Capital,
    /// Remark.
    Remark,
    /// Payee.
    Payee,
    /// Reviewer.
    Reviewer,
    /// Drawer.
    Drawer,
    /// Chain, block height and index of the entry.
    Place,
    /// A text that did not fit its place, with the label that says whose it is; counted from 0.
    Note(usize),
    /// `第 1 页 共 2 页`.
    PageNumber,
}

/// What is printed of a party.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PartyField {
    /// Name.
    Name,
    /// Taxpayer id.
    TaxpayerId,
    /// Address and telephone.
    AddressPhone,
    /// Bank and account.
    BankAccount,
}

/// What is printed of a line. In layouts by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Column {
    /// Running number on list pages, from 1.
    Ordinal,
    /// `*category*name`.
    Name,
    /// Specification.
    Specification,
    /// Unit.
    Unit,
    /// Quantity.
    Quantity,
    /// Unit price.
    Price,
    /// Ex-tax amount.
    Amount,
    /// Rate.
    Rate,
    /// Tax.
    Tax,
}

impl PartyField {
    fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::TaxpayerId => "taxpayer_id",
            Self::AddressPhone => "address_phone",
            Self::BankAccount => "bank_account",
        }
    }
}

impl Column {
    /// Stable name of the column.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ordinal => "ordinal",
            Self::Name => "name",
            Self::Specification => "specification",
            Self::Unit => "unit",
            Self::Quantity => "quantity",
            Self::Price => "price",
            Self::Amount => "amount",
            Self::Rate => "rate",
            Self::Tax => "tax",
        }
    }
}

impl Mark {
    /// What of the face it shows; `None` for rules, labels and spans.
    pub fn field(&self) -> Option<Field> {
        match self {
            Self::Text(text) => text.field,
            Self::Code { .. } => Some(Field::Qr),
            Self::Rule { .. } | Self::Ellipse { .. } | Self::Span { .. } => None,
        }
    }
}

impl TryFrom<String> for Field {
    type Error = String;

    fn try_from(path: String) -> Result<Self, Self::Error> {
        Self::PLACED.into_iter().find(|field| field.path() == path).ok_or_else(|| format!("no field {path}"))
    }
}

impl Field {
    /// What a layout gives a place to by name. The rest follows from the kind of thing that it is: lines, notes, code, page numbers.
    pub const PLACED: [Self; 22] = [
        Self::TitleNote,
        Self::Code,
        Self::Number,
        Self::Date,
        Self::CheckCode,
        Self::Hash,
        Self::PaymentId,
        Self::Buyer(PartyField::Name),
        Self::Buyer(PartyField::TaxpayerId),
        Self::Buyer(PartyField::AddressPhone),
        Self::Buyer(PartyField::BankAccount),
        Self::Seller(PartyField::Name),
        Self::Seller(PartyField::TaxpayerId),
        Self::Seller(PartyField::AddressPhone),
        Self::Seller(PartyField::BankAccount),
        Self::Total,
        Self::Capital,
        Self::Remark,
        Self::Payee,
        Self::Reviewer,
        Self::Drawer,
        Self::Place,
    ];

    /// Stable name: `number`, `buyer.name`, `lines[3].amount`. What a verdict on the face names.
    pub fn path(&self) -> String {
        let name = match self {
            Self::Buyer(field) => return format!("buyer.{}", field.name()),
            Self::Seller(field) => return format!("seller.{}", field.name()),
            Self::Line { nth, column } => return format!("lines[{nth}].{}", column.name()),
            Self::Listed(column) => return format!("lines.{}", column.name()),
            Self::Note(nth) => return format!("notes[{nth}]"),
            Self::Qr => "qr",
            Self::TitleNote => "title_note",
            Self::Code => "code",
            Self::Number => "number",
            Self::Date => "date",
            Self::CheckCode => "check_code",
            Self::Hash => "hash",
            Self::PaymentId => "payment_id",
            Self::AmountTotal => "amount",
            Self::TaxTotal => "tax",
            Self::PageAmount => "page.amount",
            Self::PageTax => "page.tax",
            Self::Total => "total",
            Self::Capital => "capital",
            Self::Remark => "remark",
            Self::Payee => "payee",
            Self::Reviewer => "reviewer",
            Self::Drawer => "drawer",
            Self::Place => "place",
            Self::PageNumber => "page_number",
        };
        name.to_owned()
    }
}

/// Which page of a document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum PageKind {
    /// The invoice itself.
    First,
    /// Lines that did not fit on it (清单).
    List,
    /// Texts that did not fit their place (附注).
    Notes,
}

/// Names a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FrameId {
    /// Kind of document.
    pub kind: FaceKind,
    /// Kind of page.
    pub page: PageKind,
    /// Whether it carries the sample mark.
    pub sample: bool,
}

/// What is the same on every page of an id: rules, labels, seal, sample mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    /// Its name.
    pub id: FrameId,
    /// Width.
    pub width: i32,
    /// Height.
    pub height: i32,
    /// In painting order. No text shows a field, and there is no code.
    pub marks: Vec<Mark>,
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sheet {
    /// Width.
    pub width: i32,
    /// Height.
    pub height: i32,
    /// What is painted before the marks.
    pub frame: FrameId,
    /// In painting order, over the frame.
    pub marks: Vec<Mark>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_stable_names() {
        assert_eq!(Field::Line { nth: 3, column: Column::Amount }.path(), "lines[3].amount");
        assert_eq!(Field::Buyer(PartyField::TaxpayerId).path(), "buyer.taxpayer_id");
        assert_eq!(Field::Note(0).path(), "notes[0]");
        assert_eq!(Field::Number.path(), "number");
    }
}
