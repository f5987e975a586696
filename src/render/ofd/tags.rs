//! Custom tags: which object of which page shows which value of the invoice, under the names of `eInvoice` (domain.md 7.2). Programs that
//! book invoices read values through them instead of guessing from places. The fully digital invoice has none here: the names of its tags
//! are not public.

use std::collections::BTreeMap;

use super::super::draw::{Column, Field, PartyField};
use super::super::face::FaceKind;
use super::super::xml::{INVOICE_NAMESPACE, XmlSheet};
use super::{File, NAMESPACE};
use crate::base::Fault;

/// The list of tags, as `Document.xml` names it.
pub(super) const LIST: &str = "Tags/CustomTags.xml";

/// What an object shows: the field, the id of the page, the id of the object.
type Shown = (Field, u32, u32);

/// Elements under the root, in the order of the data's own file; those of parties stand in an element of their own.
const ELEMENTS: [(&str, Field); 13] = [
    ("fp:InvoiceCode", Field::Code),
    ("fp:InvoiceNo", Field::Number),
    ("fp:IssueDate", Field::Date),
    ("fp:InvoiceCheckCode", Field::CheckCode),
    ("fp:TaxControlCode", Field::Hash),
    ("fp:TaxExclusiveTotalAmount", Field::AmountTotal),
    ("fp:TaxTotalAmount", Field::TaxTotal),
    ("fp:TaxInclusiveTotalAmount", Field::Total),
    ("fp:Payee", Field::Payee),
    ("fp:Checker", Field::Reviewer),
    ("fp:InvoiceClerk", Field::Drawer),
    ("fp:Note", Field::Remark),
    ("fp:GraphCode", Field::Qr),
];

const BUYER: [(&str, Field); 4] = [
    ("fp:BuyerName", Field::Buyer(PartyField::Name)),
    ("fp:BuyerTaxID", Field::Buyer(PartyField::TaxpayerId)),
    ("fp:BuyerAddrTel", Field::Buyer(PartyField::AddressPhone)),
    ("fp:BuyerFinancialAccount", Field::Buyer(PartyField::BankAccount)),
];

const SELLER: [(&str, Field); 4] = [
    ("fp:SellerName", Field::Seller(PartyField::Name)),
    ("fp:SellerTaxID", Field::Seller(PartyField::TaxpayerId)),
    ("fp:SellerAddrTel", Field::Seller(PartyField::AddressPhone)),
    ("fp:SellerFinancialAccount", Field::Seller(PartyField::BankAccount)),
];

const COLUMNS: [(&str, Column); 8] = [
    ("fp:Item", Column::Name),
    ("fp:Specification", Column::Specification),
    ("fp:MeasurementDimension", Column::Unit),
    ("fp:Quantity", Column::Quantity),
    ("fp:Price", Column::Price),
    ("fp:Amount", Column::Amount),
    ("fp:TaxScheme", Column::Rate),
    ("fp:TaxAmount", Column::Tax),
];

/// The tag files; none for a kind without tags.
///
/// # Errors
/// [`crate::base::Code::RenderXml`].
pub(super) fn files(shown: &[Shown], kind: FaceKind) -> Result<Vec<File>, Fault> {
    match kind {
        FaceKind::Ordinary => {}
        FaceKind::Digital => return Ok(Vec::new()),
    }
    let mut list = XmlSheet::new()?;
    list.within("ofd:CustomTags", &[NAMESPACE], |list| {
        let attributes = [("TypeID", "0"), ("NameSpace", INVOICE_NAMESPACE)];
        list.within("ofd:CustomTag", &attributes, |list| list.field("ofd:FileLoc", "CustomTag.xml"))
    })?;
    Ok(vec![
        (format!("Doc_0/{LIST}"), list.finish()?.into_bytes()),
        ("Doc_0/Tags/CustomTag.xml".to_owned(), tag(shown)?.into_bytes()),
    ])
}

fn tag(shown: &[Shown]) -> Result<String, Fault> {
    let mut sheet = XmlSheet::new()?;
    let mut lines: BTreeMap<usize, Vec<(Column, Shown)>> = BTreeMap::new();
    for one in shown {
        if let (Field::Line { nth, column }, _, _) = one {
            lines.entry(*nth).or_default().push((*column, *one));
        }
    }
    sheet.within("eInvoice", &[("xmlns:fp", INVOICE_NAMESPACE), NAMESPACE], |sheet| {
        let of = |field: Field| shown.iter().filter(move |(found, _, _)| *found == field);
        ELEMENTS.iter().try_for_each(|(name, field)| refer(sheet, name, of(*field)))?;
        for (name, fields) in [("fp:Buyer", BUYER), ("fp:Seller", SELLER)] {
            sheet.within(name, &[], |sheet| {
                fields.iter().try_for_each(|(name, field)| refer(sheet, name, of(*field)))
            })?;
        }
        sheet.within("fp:GoodsInfos", &[], |sheet| {
            lines.values().try_for_each(|cells| {
                sheet.within("fp:GoodsInfo", &[], |sheet| {
                    COLUMNS.iter().try_for_each(|(name, column)| {
                        let cells = cells.iter().filter(|(found, _)| found == column);
                        refer(sheet, name, cells.map(|(_, shown)| shown))
                    })
                })
            })
        })
    })?;
    sheet.finish()
}

/// An element that refers to the objects which show a value; none when nothing shows it.
fn refer<'a>(sheet: &mut XmlSheet, name: &str, shown: impl Iterator<Item = &'a Shown>) -> Result<(), Fault> {
    let mut shown = shown.peekable();
    if shown.peek().is_none() {
        return Ok(());
    }
    sheet.within(name, &[], |sheet| {
        shown.into_iter().try_for_each(|(_, page, object)| {
            sheet.text("ofd:ObjectRef", &[("PageRef", &page.to_string())], &object.to_string())
        })
    })
}
