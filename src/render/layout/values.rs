//! What is printed of a face, field by field.

use std::borrow::Cow;

use crate::render::draw::{Column, Field, PartyField};
use crate::render::face::{Face, FaceLine, FaceParty, yuan};

/// `¥` before a sum of money, nothing before `***`.
pub(super) fn with_yuan_sign(text: &str) -> String {
    if has_digit(text) { format!("¥{text}") } else { text.to_owned() }
}

/// Whether a text is a figure, and not `***` or a word.
pub(super) fn has_digit(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit())
}

/// The text of a field; nothing for what is not one text of the face.
pub(super) fn printed(face: &Face, field: Field) -> Cow<'_, str> {
    let text = match field {
        Field::TitleNote => &face.title_note,
        Field::Code => &face.code,
        Field::Number => &face.number,
        Field::CheckCode => &face.check_code,
        Field::Hash => &face.hash,
        Field::PaymentId => &face.payment_id,
        Field::Buyer(field) => of_party(&face.buyer, field),
        Field::Seller(field) => of_party(&face.seller, field),
        Field::Capital => &face.capital,
        Field::Remark => &face.remark,
        Field::Payee => &face.payee,
        Field::Reviewer => &face.reviewer,
        Field::Drawer => &face.drawer,
        Field::Date => return face.date.to_face_text().into(),
        Field::AmountTotal => return with_yuan_sign(&yuan(face.amount_fen)).into(),
        Field::TaxTotal => return with_yuan_sign(&face.tax_text).into(),
        Field::Total => return with_yuan_sign(&yuan(face.total_fen)).into(),
        Field::Place => {
            return format!("区块链 {}  区块高度 {}  条目序号 {}", face.chain, face.block_height, face.entry_index)
                .into();
        }
        Field::Qr
        | Field::Line { .. }
        | Field::Listed(_)
        | Field::PageAmount
        | Field::PageTax
        | Field::Note(_)
        | Field::PageNumber => "",
    };
    text.into()
}

fn of_party(party: &FaceParty, field: PartyField) -> &str {
    match field {
        PartyField::Name => &party.name,
        PartyField::TaxpayerId => &party.taxpayer_id,
        PartyField::AddressPhone => &party.address_phone,
        PartyField::BankAccount => &party.bank_account,
    }
}

/// The text of a cell. Lines are counted from 0, their running numbers from 1.
pub(super) fn cell(line: &FaceLine, nth: usize, column: Column) -> Cow<'_, str> {
    let text = match column {
        Column::Ordinal => return nth.saturating_add(1).to_string().into(),
        Column::Amount => return yuan(line.amount_fen).into(),
        Column::Name => &line.name,
        Column::Specification => &line.specification,
        Column::Unit => &line.unit,
        Column::Quantity => &line.quantity,
        Column::Price => &line.price,
        Column::Rate => &line.rate,
        Column::Tax => &line.tax_text,
    };
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_have_no_yuan_sign() {
        assert_eq!(with_yuan_sign("***"), "***");
        assert_eq!(with_yuan_sign("-0.05"), "¥-0.05");
    }
}
