//! The files around the pages: what is in the archive, how it hangs together, what it says of the invoice, what is attached.

use super::super::document::Document;
use super::super::face::{Face, yuan};
use super::super::font::{Fonts, Typeface};
use super::super::xml::XmlSheet;
use super::content::{TYPEFACES, mm};
use super::{File, NAMESPACE, font_name, tags};
use crate::base::Fault;
use crate::render::glyphs::decimal;

/// What the package is made of.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    /// The document.
    pub document: &'a Document,
    /// Size of the first page, micrometres.
    pub page_size: (i32, i32),
    /// Ids of the template pages.
    pub templates: Vec<u32>,
    /// Ids of the pages.
    pub pages: Vec<u32>,
    /// The typefaces that are used.
    pub typefaces: Vec<Typeface>,
    /// Whether custom tags are there.
    pub tagged: bool,
    /// The last id that was given.
    pub last_id: u32,
}

/// What the attachments are called, what they are, and where they lie. Those who look for invoice data in an OFD file look for
/// `original_invoice.xml` (domain.md 7.2).
const RECEIPT: [&str; 3] = ["receipt.json", "json", "receipt.json"];
const DATA: [&str; 3] = ["invoice.xml", "xml", "original_invoice.xml"];

/// The files, in their order.
///
/// # Errors
/// [`crate::base::Code::RenderXml`].
pub(super) fn files(plan: &Plan<'_>, fonts: &Fonts) -> Result<Vec<File>, Fault> {
    let Document { face, receipt, xml } = plan.document;
    let attached =
        |[_, _, file]: [&str; 3], content: &str| (format!("Doc_0/Attachs/{file}"), content.as_bytes().to_vec());
    Ok(vec![
        ("OFD.xml".to_owned(), entrance(face)?),
        ("Doc_0/Document.xml".to_owned(), root(plan)?),
        ("Doc_0/PublicRes.xml".to_owned(), resources(&plan.typefaces, fonts)?),
        ("Doc_0/Attachs/Attachments.xml".to_owned(), attachments(plan.document)?),
        attached(DATA, xml),
        attached(RECEIPT, receipt),
    ])
}

/// A page's size.
pub(super) fn area(sheet: &mut XmlSheet, name: &str, (width, height): (i32, i32)) -> Result<(), Fault> {
    let paper = format!("0 0 {} {}", mm(width.into()), mm(height.into()));
    sheet.within(name, &[], |sheet| sheet.text("ofd:PhysicalBox", &[], &paper))
}

/// `OFD.xml`: what the file is. The data by name are those of the bureau's own invoices (domain.md 7.2).
fn entrance(face: &Face) -> Result<Vec<u8>, Fault> {
    let amount = yuan(face.amount_fen);
    let date = face.date.to_face_text();
    let data = [
        ("发票代码", &face.code),
        ("发票号码", &face.number),
        ("开票日期", &date),
        ("校验码", &face.check_code),
        ("合计金额", &amount),
        ("合计税额", &face.tax_text),
        ("购买方纳税人识别号", &face.buyer.taxpayer_id),
        ("销售方纳税人识别号", &face.seller.taxpayer_id),
    ];
    // 32 hex digits, the same each time: of the printed hash, behind its prefix.
    let id: String = face.hash.chars().skip(2).take(32).collect();
    let mut sheet = XmlSheet::new()?;
    sheet.within("ofd:OFD", &[NAMESPACE, ("Version", "1.0"), ("DocType", "OFD")], |sheet| {
        sheet.within("ofd:DocBody", &[], |sheet| {
            sheet.within("ofd:DocInfo", &[], |sheet| {
                sheet.field("ofd:DocID", &id)?;
                sheet.field("ofd:Title", &face.name())?;
                sheet.field("ofd:Author", &face.seller.name)?;
                sheet.field("ofd:CreationDate", &face.date.to_string())?;
                sheet.field("ofd:Creator", "piaolian")?;
                sheet.within("ofd:CustomDatas", &[], |sheet| {
                    let given = data.iter().filter(|(_, value)| !value.is_empty());
                    given
                        .into_iter()
                        .try_for_each(|(name, value)| sheet.text("ofd:CustomData", &[("Name", name)], value))
                })
            })?;
            sheet.field("ofd:DocRoot", "Doc_0/Document.xml")
        })
    })?;
    Ok(sheet.finish()?.into_bytes())
}

/// `Document.xml`: how the parts hang together.
fn root(plan: &Plan<'_>) -> Result<Vec<u8>, Fault> {
    let mut sheet = XmlSheet::new()?;
    let numbered = |ids: &[u32]| (0..).zip(ids.to_vec()).collect::<Vec<(u32, u32)>>();
    sheet.within("ofd:Document", &[NAMESPACE], |sheet| {
        sheet.within("ofd:CommonData", &[], |sheet| {
            sheet.field("ofd:MaxUnitID", &plan.last_id.to_string())?;
            area(sheet, "ofd:PageArea", plan.page_size)?;
            sheet.field("ofd:PublicRes", "PublicRes.xml")?;
            numbered(&plan.templates).into_iter().try_for_each(|(position, id)| {
                let place = format!("Tpls/Tpl_{position}/Content.xml");
                let attributes = [("ID", id.to_string()), ("BaseLoc", place), ("ZOrder", "Background".to_owned())];
                sheet.empty("ofd:TemplatePage", &attributes.each_ref().map(|(name, value)| (*name, value.as_str())))
            })
        })?;
        sheet.within("ofd:Pages", &[], |sheet| {
            numbered(&plan.pages).into_iter().try_for_each(|(position, id)| {
                let place = format!("Pages/Page_{position}/Content.xml");
                sheet.empty("ofd:Page", &[("ID", &id.to_string()), ("BaseLoc", &place)])
            })
        })?;
        sheet.field("ofd:Attachments", "Attachs/Attachments.xml")?;
        sheet.field("ofd:CustomTags", if plan.tagged { tags::LIST } else { "" })
    })?;
    Ok(sheet.finish()?.into_bytes())
}

/// `PublicRes.xml`: the fonts.
fn resources(typefaces: &[Typeface], fonts: &Fonts) -> Result<Vec<u8>, Fault> {
    let mut sheet = XmlSheet::new()?;
    sheet.within("ofd:Res", &[NAMESPACE, ("BaseLoc", "Res")], |sheet| {
        sheet.within("ofd:Fonts", &[], |sheet| {
            let used = TYPEFACES.iter().filter(|(typeface, _)| typefaces.contains(typeface));
            used.into_iter().try_for_each(|(typeface, id)| {
                let (id, name) = (id.to_string(), fonts.file(*typeface).name);
                let attributes = [("ID", id.as_str()), ("FontName", name), ("FamilyName", name)];
                sheet.within("ofd:Font", &attributes, |sheet| sheet.field("ofd:FontFile", &font_name(*typeface)))
            })
        })
    })?;
    Ok(sheet.finish()?.into_bytes())
}

/// `Attachments.xml`: the list of attachments.
fn attachments(document: &Document) -> Result<Vec<u8>, Fault> {
    let mut sheet = XmlSheet::new()?;
    sheet.within("ofd:Attachments", &[NAMESPACE], |sheet| {
        let all = [("data", DATA, &document.xml), ("receipt", RECEIPT, &document.receipt)];
        all.into_iter().try_for_each(|(id, [name, format, file], content)| {
            // The standard wants kilobytes.
            let size = decimal(i64::try_from(content.len()).unwrap_or(i64::MAX), 3);
            let date = document.face.date.to_string();
            let attributes = [
                ("ID", id),
                ("Name", name),
                ("Format", format),
                ("CreationDate", date.as_str()),
                ("Size", size.as_str()),
                ("Visible", "false"),
            ];
            sheet.within("ofd:Attachment", &attributes, |sheet| sheet.field("ofd:FileLoc", file))
        })
    })?;
    Ok(sheet.finish()?.into_bytes())
}
