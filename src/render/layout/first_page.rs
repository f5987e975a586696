//! The first page, 210 x 140 mm: QR code and title, buyer and cipher area, lines, totals, seller and remark, signatories.

use super::pen::{Area, Pen, QUIET_INK, SEAL_INK, Style, WARNING_INK, centred};
use super::seal::{Arc, Seal, Side};
use super::table::{self, FIRST_PAGE, Row};
use super::wrap::{Fitted, fit, wrap};
use super::{LEFT, Note, RIGHT, SEE_NOTE, TABLE_WIDTH, with_yuan_sign};
use crate::base::Fault;
use crate::render::draw::{Field, FrameId, Mark, PageKind, PartyField, Sheet};
use crate::render::face::{Face, FaceLine, FaceParty, yuan};
use crate::render::font::{Fonts, Typeface};
use crate::render::qr;

pub(super) const WIDTH: i32 = 210_000;
pub(super) const HEIGHT: i32 = 140_000;

/// Tops of the table's bands, from the buyer's block down to the lower edge.
const BUYER: i32 = 29_000;
const HEADS: i32 = 49_000;
const BODY: i32 = 54_200;
const TOTALS: i32 = 97_600;
const CAPITAL: i32 = 103_000;
const SELLER: i32 = 109_500;
const END: i32 = 129_500;

/// Width of the column of a block's upright name.
const STACK: i32 = 6_000;
/// Where the right half of the party blocks begins.
const HALF: i32 = 130_000;
/// Free space above and below the rows of a party's block.
const MARGIN: i32 = 600;
/// Em of labels and of values at their largest.
const LABEL: i32 = 2_800;
/// Sizes that a field's value may take; below the last a person needs a glass, and the text goes into a note.
const FIELD_SIZES: [i32; 6] = [3_000, 2_700, 2_400, 2_100, 1_900, 1_700];

/// Draws the page. Says whether the lines go to list pages, and which texts did not fit.
pub(super) fn draw(face: &Face, fonts: &Fonts) -> Result<(Sheet, bool, Vec<Note>), Fault> {
    let mut page = Page { pen: Pen::new(fonts), notes: Vec::new() };
    page.head(face)?;
    page.party(BUYER, HEADS, "购买方", &party_rows(&face.buyer, Some(&face.payment_id), Field::Buyer));
    page.cipher(face);
    let listed = page.lines(face);
    page.totals(face);
    page.party(SELLER, END, "销售方", &party_rows(&face.seller, None, Field::Seller));
    page.remark(face);
    page.foot(face);
    let frame = FrameId { kind: face.kind, page: PageKind::First, sample: face.sandbox };
    Ok((Sheet { width: WIDTH, height: HEIGHT, frame, marks: page.pen.marks }, listed, page.notes))
}

/// Labels of the head, below one another.
const HEAD: [(&str, Field); 4] = [
    ("发票代码：", Field::Code),
    ("发票号码：", Field::Number),
    ("开票日期：", Field::Date),
    ("校验码：", Field::CheckCode),
];
/// Right end of the head's labels.
const HEAD_RIGHT: i32 = 148_000 + 5 * 3_000;

fn head_baseline(row: i32) -> i32 {
    9_400 + row * 5_200
}

/// Labels of the foot.
const FOOT: [(&str, Field); 3] = [("收款人：", Field::Payee), ("复核：", Field::Reviewer), ("开票人：", Field::Drawer)];

fn foot_left(column: i32) -> i32 {
    LEFT + 4_000 + column * 64_000
}

fn foot_baseline() -> i32 {
    centred(END, 5_600, LABEL + 200)
}

/// Left end of the tax-inclusive total in figures.
const SMALL: i32 = 150_000;

/// Rules and labels.
pub(super) fn frame(pen: &mut Pen<'_>, id: FrameId) {
    let seal = Seal {
        centre: (WIDTH / 2, 15_500),
        outlines: vec![(14_000, 9_000, 350)],
        arcs: vec![
            Arc {
                text: if id.sample { "深圳市税务局样章" } else { "国家税务总局监制" }.to_owned(),
                radii: (10_600, 5_700),
                size: 2_700,
                step: 3_300,
                side: Side::Top,
            },
            Arc {
                text: if id.sample { "仅供测试" } else { "深圳市税务局" }.to_owned(),
                radii: (12_800, 7_900),
                size: 2_700,
                step: 3_000,
                side: Side::Bottom,
            },
        ],
        lines: Vec::new(),
    };
    let seal = seal.drawn(pen, SEAL_INK);
    pen.marks.push(seal);
    pen.spaced(WIDTH / 2, 14_600, Style::label(7_000), 8_000, id.kind.title());
    for y in [17_400, 18_200] {
        pen.rule((70_000, y), (140_000, y));
    }
    if id.sample {
        let style = Style::label(LABEL).ink(WARNING_INK);
        pen.centre(WIDTH / 2, 24_800, style, "样票，仅供测试 SAMPLE - NOT A TAX INVOICE");
    }
    for (row, (label, _)) in (0..).zip(HEAD) {
        pen.right(HEAD_RIGHT, head_baseline(row), Style::label(3_000), label);
    }
    pen.frame(Area { x: LEFT, y: BUYER, width: TABLE_WIDTH, height: END - BUYER });
    for y in [HEADS, TOTALS, CAPITAL, SELLER] {
        pen.rule((LEFT, y), (RIGHT, y));
    }
    for (top, bottom) in [(BUYER, HEADS), (SELLER, END)] {
        for x in [LEFT + STACK, HALF, HALF + STACK] {
            pen.rule((x, top), (x, bottom));
        }
    }
    let style = Style::label(LABEL + 200);
    let stack = |x, y, bottom: i32| Area { x, y, width: STACK, height: bottom - y };
    pen.stacked(stack(LEFT, BUYER, HEADS), style, "购买方");
    pen.stacked(stack(HALF, BUYER, HEADS), style, "密码区");
    pen.stacked(stack(LEFT, SELLER, END), style, "销售方");
    pen.stacked(stack(HALF, SELLER, END), style, "备注");
    table::draw_rules(pen, &FIRST_PAGE, (LEFT, HEADS), CAPITAL);
    table::draw_heads(pen, &FIRST_PAGE, (LEFT, HEADS), BODY - HEADS);
    let name_width = table::span(&FIRST_PAGE, LEFT, "规格型号").0 - LEFT;
    pen.centre(LEFT + name_width / 2, centred(TOTALS, CAPITAL - TOTALS, style.size), style, "合计");
    pen.rule((LEFT + name_width, CAPITAL), (LEFT + name_width, SELLER));
    let baseline = centred(CAPITAL, SELLER - CAPITAL, style.size);
    pen.centre(LEFT + name_width / 2, baseline, style, "价税合计（大写）");
    pen.left(LEFT + name_width + 2_000, baseline, style.at(3_600), "⊗");
    pen.left(SMALL, baseline, style, "（小写）");
    for (column, (label, _)) in (0..).zip(FOOT) {
        pen.left(foot_left(column), foot_baseline(), style, label);
    }
}

/// A label, its value and how that is written.
struct PartyRow<'a> {
    label: &'static str,
    field: Field,
    value: &'a str,
    style: Style,
}

/// The rows of a party's block. The buyer's fourth row is the electronic payment id where other invoices print the bank
/// (domain.md 1.2); a buyer's bank, when there is one, gets a row of its own.
fn party_rows<'a>(
    party: &'a FaceParty,
    payment_id: Option<&'a String>,
    of: impl Fn(PartyField) -> Field,
) -> Vec<PartyRow<'a>> {
    let row = |label, field, value, style| PartyRow { label, field: of(field), value, style };
    let largest = LABEL + 200;
    let mut fields = vec![
        row("名称：", PartyField::Name, party.name.as_str(), Style::value(largest)),
        row("纳税人识别号：", PartyField::TaxpayerId, party.taxpayer_id.as_str(), Style::figure(largest)),
        row("地址、电话：", PartyField::AddressPhone, party.address_phone.as_str(), Style::value(largest)),
    ];
    if payment_id.is_none() || !party.bank_account.is_empty() {
        fields.push(row("开户行及账号：", PartyField::BankAccount, party.bank_account.as_str(), Style::value(largest)));
    }
    if let Some(id) = payment_id {
        let (label, style) = ("电子支付标识：", Style::figure(largest));
        fields.push(PartyRow { label, field: Field::PaymentId, value: id.as_str(), style });
    }
    fields
}

struct Page<'a> {
    pen: Pen<'a>,
    notes: Vec<Note>,
}

impl Page<'_> {
    fn head(&mut self, face: &Face) -> Result<(), Fault> {
        let matrix = qr::matrix(&face.qr_text)?;
        self.pen.marks.push(Mark::Code { x: 4_500, y: 2_300, side: 26_000, matrix });
        let style = Style::label(2_600).ink(WARNING_INK);
        self.pen.show(Field::TitleNote).centre(WIDTH / 2, 22_000, style, &face.title_note);
        let date = face.date.to_face_text();
        let values = [&face.code, &face.number, &date, &face.check_code];
        for (row, ((label, field), value)) in (0..).zip(HEAD.into_iter().zip(values)) {
            let room = (RIGHT - HEAD_RIGHT - 500, label);
            self.pen.show(field);
            self.value((HEAD_RIGHT + 500, head_baseline(row)), Style::figure(3_100), room, value);
        }
        Ok(())
    }

    /// A value on one line from `start` to the right; what does not fit goes into a note.
    fn value(&mut self, start: (i32, i32), style: Style, (width, label): (i32, &str), value: &str) {
        let smaller = FIELD_SIZES.into_iter().filter(|size| *size < style.size);
        let sizes: Vec<i32> = std::iter::once(style.size).chain(smaller).collect();
        let fits = |size: &&i32| !value.contains('\n') && self.pen.fonts.width(style.typeface, **size, value) <= width;
        match sizes.iter().find(fits) {
            Some(&size) => self.pen.left(start.0, start.1, style.at(size), value),
            None => self.note(start, label, value),
        }
    }

    fn note(&mut self, (x, baseline): (i32, i32), label: &str, value: &str) {
        self.pen.left(x, baseline, Style::value(LABEL), SEE_NOTE);
        self.notes.push(Note { label: label.to_owned(), text: value.to_owned() });
    }

    /// A party's block: one size for all its values, the largest at which they fit together.
    fn party(&mut self, top: i32, bottom: i32, name: &'static str, fields: &[PartyRow<'_>]) {
        let label_right = LEFT + STACK + 1_000 + 7 * LABEL;
        let left = label_right + 400;
        let room = (HALF - 700 - left, bottom - top - 2 * MARGIN);
        let values = self.fitted(name, fields, room);
        let used: i32 = values.iter().map(Fitted::height).sum();
        let gap = (room.1 - used) / i32::try_from(fields.len()).unwrap_or(1).max(1);
        let mut line_top = top + MARGIN + gap / 2;
        for (field, value) in fields.iter().zip(&values) {
            let label = LABEL.min(value.size);
            let baseline = centred(line_top, value.pitch(), label);
            self.pen.label().right(label_right, baseline, Style::label(label), field.label);
            self.pen.show(field.field);
            for line in &value.lines {
                self.pen.left(left, centred(line_top, value.pitch(), value.size), field.style.at(value.size), line);
                line_top += value.pitch();
            }
            line_top += gap;
        }
    }

    /// The values of a block, each at least one line; the longest goes into a note until the rest fits.
    fn fitted(&mut self, name: &str, fields: &[PartyRow<'_>], (width, height): (i32, i32)) -> Vec<Fitted> {
        let mut values: Vec<String> = fields.iter().map(|field| field.value.to_owned()).collect();
        loop {
            for size in FIELD_SIZES {
                let broken = |(field, value): (&PartyRow<'_>, &String)| {
                    let mut lines = wrap(self.pen.fonts, field.style.at(size), width, value);
                    lines.resize(lines.len().max(1), String::new());
                    Fitted { size, lines }
                };
                let fitted: Vec<Fitted> = fields.iter().zip(&values).map(broken).collect();
                if fitted.iter().map(Fitted::height).sum::<i32>() <= height {
                    return fitted;
                }
            }
            // Five rows of one line each always fit, so this ends once every long value is a note.
            let longest = fields.iter().zip(values.iter_mut()).max_by_key(|(_, value)| value.chars().count());
            let Some((field, value)) = longest else { return Vec::new() };
            let text = std::mem::replace(value, SEE_NOTE.to_owned());
            self.notes.push(Note { label: format!("{name}{}", field.label), text });
        }
    }

    /// The printed hash on three lines (domain.md 1.2).
    fn cipher(&mut self, face: &Face) {
        self.pen.show(Field::Hash);
        let style = Style::figure(4_300);
        let characters: Vec<char> = face.hash.chars().collect();
        let length = characters.len().div_ceil(3).max(1);
        for (row, part) in (0..).zip(characters.chunks(length)) {
            let line: String = part.iter().collect();
            let baseline = centred(BUYER + 1_600 + row * 5_600, 5_600, style.size);
            self.pen.centre((HALF + STACK + RIGHT) / 2, baseline, style, &line);
        }
    }

    /// Heads and lines; whether the lines go to the list instead.
    fn lines(&mut self, face: &Face) -> bool {
        let rows = table::rows(self.pen.fonts, &FIRST_PAGE, face);
        let height: i64 = rows.iter().map(|row| i64::from(row.height)).sum();
        let listed = height > i64::from(TOTALS - BODY);
        let rows = if listed { vec![self.see_list(face)] } else { rows };
        let mut top = BODY;
        for (nth, row) in rows.iter().enumerate() {
            let field = |column| if listed { Field::Listed(column) } else { Field::Line { nth, column } };
            table::draw_row(&mut self.pen, &FIRST_PAGE, row, (LEFT, top), field);
            top += row.height;
        }
        listed
    }

    /// The one row that stands for all when they are on list pages.
    fn see_list(&self, face: &Face) -> Row {
        let rate = match face.lines.split_first() {
            Some((first, rest)) if rest.iter().all(|line| line.rate == first.rate) => first.rate.clone(),
            Some(_) | None => String::new(),
        };
        let line = FaceLine {
            name: "（详见销货清单）".to_owned(),
            amount_fen: face.amount_fen,
            rate,
            tax_text: face.tax_text.clone(),
            ..FaceLine::default()
        };
        table::row(self.pen.fonts, &FIRST_PAGE, &line)
    }

    fn totals(&mut self, face: &Face) {
        let height = CAPITAL - TOTALS;
        let name_width = table::span(&FIRST_PAGE, LEFT, "规格型号").0 - LEFT;
        let amount = (table::span(&FIRST_PAGE, LEFT, "金额"), Field::AmountTotal, yuan(face.amount_fen));
        let tax = (table::span(&FIRST_PAGE, LEFT, "税额"), Field::TaxTotal, face.tax_text.clone());
        for (span, field, sum) in [amount, tax] {
            table::draw_sum(&mut self.pen, span, TOTALS, height, field, &with_yuan_sign(&sum));
        }
        let baseline = centred(CAPITAL, SELLER - CAPITAL, LABEL + 200);
        let left = LEFT + name_width + 2_000;
        let capital = Style::value(3_400);
        self.pen.show(Field::Capital);
        self.value((left + 4_600, baseline), capital, (SMALL - left - 5_600, "价税合计（大写）"), &face.capital);
        let total = with_yuan_sign(&yuan(face.total_fen));
        self.pen.show(Field::Total);
        self.value((SMALL + 12_000, baseline), Style::figure(3_300), (RIGHT - SMALL - 12_700, "（小写）"), &total);
    }

    fn remark(&mut self, face: &Face) {
        self.pen.show(Field::Remark);
        let left = HALF + STACK + 1_000;
        let room = (RIGHT - 900 - left, END - SELLER - 1_400);
        let style = Style { typeface: Typeface::Song, ..Style::value(LABEL) };
        match fit(self.pen.fonts, style, &[2_800, 2_500, 2_200, 1_900, 1_700], room, &face.remark) {
            Some(fitted) => {
                let mut top = SELLER + 700;
                for line in &fitted.lines {
                    self.pen.left(left, centred(top, fitted.pitch(), fitted.size), style.at(fitted.size), line);
                    top += fitted.pitch();
                }
            }
            None => {
                let start = wrap(self.pen.fonts, style, room.0, &face.remark).into_iter().next().unwrap_or_default();
                self.notes.push(Note { label: "备注：".to_owned(), text: face.remark.clone() });
                self.pen.left(left, centred(SELLER + 700, 3_400, LABEL), style, &start);
                self.pen.left(left, centred(SELLER + 4_100, 3_400, LABEL), style, SEE_NOTE);
            }
        }
    }

    fn foot(&mut self, face: &Face) {
        let values = [&face.payee, &face.reviewer, &face.drawer];
        for (column, ((label, field), value)) in (0..).zip(FOOT.into_iter().zip(values)) {
            let x = foot_left(column);
            let style = Style::label(LABEL + 200);
            let left = x + self.pen.fonts.width(style.typeface, style.size, label) + 400;
            self.pen.show(field);
            self.value((left, foot_baseline()), Style::value(LABEL + 200), (x + 62_000 - left, label), value);
        }
        let place = format!("区块链 {}  区块高度 {}  条目序号 {}", face.chain, face.block_height, face.entry_index);
        let style = Style::label(2_400).ink(QUIET_INK);
        self.pen.show(Field::Place).left(LEFT, HEIGHT - 2_800, style, &place);
    }
}
