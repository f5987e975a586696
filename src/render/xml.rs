//! An invoice's data as XML, for programs that book it: the attachment `invoice.xml` and `face.xml` of the API.
//!
//! The blockchain ordinary invoice takes the names of the `eInvoice` of 2019 (domain.md 7.2), which OFD invoices carry as
//! `original_invoice.xml`. As there, the root stands in no namespace and its children in `http://www.edrm.org.cn/schema/e-invoice/2019`
//! under the prefix `fp`: readers look for that very prefix. Of those names:
//!
//! - `TypeCode` is 0, or 1 for a red letter;
//! - `TaxControlCode`, the cipher area, is the printed hash (domain.md 1.2);
//! - `MachineNo` stays out: no tax-control machine issued the invoice;
//! - `TaxScheme` is the rate as printed, `TaxAmount` always a figure, also where the face prints stars.
//!
//! The fully digital invoice takes those of the `EInvoice` (domain.md 7.2), in no namespace: `TaxRate` is a fraction (`0.06`), or the word
//! on the face where no tax is charged. A party's address and telephone stand together in `..Addr`, bank and account in `..BankName`,
//! as the ledger has them: where one ends and the other begins would be guessed.
//!
//! What the ledger knows besides stands in one element of our own namespace, [`LEDGER_NAMESPACE`]. Money is yuan with two decimals;
//! what an invoice does not have is left out.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::face::{Face, FaceKind, FaceLine, FaceParty, yuan};
use crate::base::{Code, Fault};

/// Namespace of `eInvoice`.
pub const INVOICE_NAMESPACE: &str = "http://www.edrm.org.cn/schema/e-invoice/2019";

/// Namespace of the element `Ledger`.
pub const LEDGER_NAMESPACE: &str = "urn:piaolian:ledger:1";

/// The invoice's data as an XML document: UTF-8, one line, the same bytes each time.
///
/// # Errors
/// [`Code::RenderXml`] for a character that XML can't carry; an issued invoice has none.
pub fn invoice_xml(face: &Face) -> Result<String, Fault> {
    let mut sheet = XmlSheet::new()?;
    match face.kind {
        FaceKind::Ordinary => {
            let attributes = [("xmlns:fp", INVOICE_NAMESPACE), ("Version", "1.0")];
            sheet.within("eInvoice", &attributes, |sheet| ordinary(sheet, face))?;
        }
        FaceKind::Digital => sheet.within("EInvoice", &[], |sheet| digital(sheet, face))?,
    }
    sheet.finish()
}

/// The sum of the taxes as a figure. The face prints stars in its place only where no tax is charged at all.
fn tax(face: &Face) -> &str {
    if face.tax_text.starts_with('*') { "0.00" } else { &face.tax_text }
}

fn ordinary(sheet: &mut XmlSheet, face: &Face) -> Result<(), Fault> {
    sheet.field("fp:InvoiceCode", &face.code)?;
    sheet.field("fp:InvoiceNo", &face.number)?;
    sheet.field("fp:TypeCode", if face.total_fen < 0 { "1" } else { "0" })?;
    sheet.field("fp:IssueDate", &face.date.to_face_text())?;
    sheet.field("fp:InvoiceCheckCode", &face.check_code)?;
    sheet.field("fp:TaxControlCode", &face.hash)?;
    sheet.within("fp:Buyer", &[], |sheet| {
        let names = ["fp:BuyerName", "fp:BuyerTaxID", "fp:BuyerAddrTel", "fp:BuyerFinancialAccount"];
        party(sheet, names, &face.buyer)
    })?;
    sheet.within("fp:Seller", &[], |sheet| {
        let names = ["fp:SellerName", "fp:SellerTaxID", "fp:SellerAddrTel", "fp:SellerFinancialAccount"];
        party(sheet, names, &face.seller)
    })?;
    sheet.field("fp:TaxExclusiveTotalAmount", &yuan(face.amount_fen))?;
    sheet.field("fp:TaxTotalAmount", tax(face))?;
    sheet.field("fp:TaxInclusiveTotalAmount", &yuan(face.total_fen))?;
    sheet.field("fp:Payee", &face.payee)?;
    sheet.field("fp:Checker", &face.reviewer)?;
    sheet.field("fp:InvoiceClerk", &face.drawer)?;
    sheet.field("fp:Note", &face.remark)?;
    sheet.within("fp:GoodsInfos", &[], |sheet| {
        face.lines.iter().try_for_each(|line| sheet.within("fp:GoodsInfo", &[], |sheet| goods(sheet, line)))
    })?;
    sheet.within("pl:Ledger", &[("xmlns:pl", LEDGER_NAMESPACE)], |sheet| ledger(sheet, face))
}

fn digital(sheet: &mut XmlSheet, face: &Face) -> Result<(), Fault> {
    sheet.within("Header", &[], |sheet| sheet.field("EIid", &face.number))?;
    sheet.within("EInvoiceData", &[], |sheet| {
        sheet.within("SellerInformation", &[], |sheet| {
            party(sheet, ["SellerName", "SellerIdNum", "SellerAddr", "SellerBankName"], &face.seller)
        })?;
        sheet.within("BuyerInformation", &[], |sheet| {
            party(sheet, ["BuyerName", "BuyerIdNum", "BuyerAddr", "BuyerBankName"], &face.buyer)
        })?;
        sheet.within("BasicInformation", &[], |sheet| {
            sheet.field("TotalAmWithoutTax", &yuan(face.amount_fen))?;
            sheet.field("TotalTaxAm", tax(face))?;
            sheet.field("TotalTax-includedAmount", &yuan(face.total_fen))?;
            sheet.field("TotalTax-includedAmountInChinese", &face.capital)?;
            sheet.field("Drawer", &face.drawer)
        })?;
        face.lines.iter().try_for_each(|line| sheet.within("IssuItemInformation", &[], |sheet| item(sheet, line)))?;
        match face.remark.as_str() {
            "" => Ok(()),
            remark => sheet.within("AdditionalInformation", &[], |sheet| sheet.field("Remark", remark)),
        }
    })?;
    sheet.within("TaxSupervisionInfo", &[], |sheet| {
        sheet.field("InvoiceNumber", &face.number)?;
        sheet.field("IssueTime", &face.date.to_string())
    })?;
    sheet.within("pl:Ledger", &[("xmlns:pl", LEDGER_NAMESPACE)], |sheet| ledger(sheet, face))
}

fn item(sheet: &mut XmlSheet, line: &FaceLine) -> Result<(), Fault> {
    sheet.field("ItemName", &line.name)?;
    sheet.field("SpecMod", &line.specification)?;
    sheet.field("MeaUnits", &line.unit)?;
    sheet.field("Quantity", &line.quantity)?;
    sheet.field("UnPrice", &line.price)?;
    sheet.field("Amount", &yuan(line.amount_fen))?;
    sheet.field("TaxRate", &fraction(&line.rate))?;
    sheet.field("ComTaxAm", &yuan(line.tax_fen))
}

/// A rate in percent as a fraction: `6%` is `0.06`. Whatever is no rate in percent stays as it is.
fn fraction(rate: &str) -> String {
    let Some(percent) = rate.strip_suffix('%') else { return rate.to_owned() };
    let (whole, rest) = percent.split_once('.').unwrap_or((percent, ""));
    let whole = format!("{whole:0>3}");
    match whole.split_at_checked(whole.len().saturating_sub(2)) {
        Some((ones, hundredths)) => format!("{ones}.{hundredths}{rest}"),
        None => rate.to_owned(),
    }
}

fn party(sheet: &mut XmlSheet, names: [&str; 4], party: &FaceParty) -> Result<(), Fault> {
    let FaceParty { name, taxpayer_id, address_phone, bank_account } = party;
    let texts = [name, taxpayer_id, address_phone, bank_account];
    names.iter().zip(texts).try_for_each(|(name, text)| sheet.field(name, text))
}

fn goods(sheet: &mut XmlSheet, line: &FaceLine) -> Result<(), Fault> {
    sheet.field("fp:Item", &line.name)?;
    sheet.field("fp:Specification", &line.specification)?;
    sheet.field("fp:MeasurementDimension", &line.unit)?;
    sheet.field("fp:Quantity", &line.quantity)?;
    sheet.field("fp:Price", &line.price)?;
    sheet.field("fp:Amount", &yuan(line.amount_fen))?;
    sheet.field("fp:TaxScheme", &line.rate)?;
    sheet.field("fp:TaxAmount", &yuan(line.tax_fen))
}

/// Where the invoice stands on its chain, and what the schemas of others have no name for.
fn ledger(sheet: &mut XmlSheet, face: &Face) -> Result<(), Fault> {
    sheet.field("pl:Chain", &face.chain)?;
    sheet.field("pl:Sample", if face.sandbox { "true" } else { "false" })?;
    sheet.field("pl:EntryIndex", &face.entry_index.to_string())?;
    sheet.field("pl:BlockHeight", &face.block_height.to_string())?;
    sheet.field("pl:LeafHash", face.hash.strip_prefix("01").unwrap_or(&face.hash))?;
    sheet.field("pl:CheckCode", &face.check_code)?;
    sheet.field("pl:PaymentId", &face.payment_id)?;
    sheet.field("pl:VerifyUrl", &face.qr_text)
}

/// An XML document being written.
pub(super) struct XmlSheet {
    writer: Writer<Vec<u8>>,
}

fn failed(error: &dyn std::fmt::Display) -> Fault {
    Fault::new(Code::RenderXml, "", error.to_string())
}

/// XML 1.0, production 2: the characters that a document may hold, in any spelling.
fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn carried(text: &str) -> Result<&str, Fault> {
    match text.chars().find(|&character| !is_xml(character)) {
        Some(character) => Err(failed(&format!("XML has no U+{:04X}", u32::from(character)))),
        None => Ok(text),
    }
}

impl XmlSheet {
    /// A document that says it is UTF-8.
    ///
    /// # Errors
    /// [`Code::RenderXml`], as everything here.
    pub fn new() -> Result<Self, Fault> {
        let mut writer = Writer::new(Vec::new());
        writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None))).map_err(|e| failed(&e))?;
        Ok(Self { writer })
    }

    /// An element of this name with what `inside` writes.
    pub fn within(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        inside: impl FnOnce(&mut Self) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.write(Event::Start(self.start(name, attributes)?))?;
        inside(self)?;
        self.write(Event::End(BytesEnd::new(name)))
    }

    /// An element that holds nothing.
    pub fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) -> Result<(), Fault> {
        self.write(Event::Empty(self.start(name, attributes)?))
    }

    /// An element that holds a text.
    pub fn text(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) -> Result<(), Fault> {
        self.write(Event::Start(self.start(name, attributes)?))?;
        self.write(Event::Text(BytesText::new(carried(text)?)))?;
        self.write(Event::End(BytesEnd::new(name)))
    }

    /// An element that holds a text; none for the empty text.
    pub fn field(&mut self, name: &str, text: &str) -> Result<(), Fault> {
        if text.is_empty() { Ok(()) } else { self.text(name, &[], text) }
    }

    fn start<'a>(&self, name: &'a str, attributes: &[(&str, &str)]) -> Result<BytesStart<'a>, Fault> {
        let mut start = BytesStart::new(name);
        for (name, value) in attributes {
            start.push_attribute((*name, carried(value)?));
        }
        Ok(start)
    }

    fn write(&mut self, event: Event<'_>) -> Result<(), Fault> {
        self.writer.write_event(event).map_err(|e| failed(&e))
    }

    /// The finished document.
    pub fn finish(self) -> Result<String, Fault> {
        String::from_utf8(self.writer.into_inner()).map_err(|e| failed(&e))
    }
}

#[cfg(test)]
mod tests {
    use quick_xml::Reader;

    use super::*;
    use crate::render::sample::document;

    fn golden() -> Face {
        document().face
    }

    /// What an XML reader finds: each element that holds a text, by its path.
    fn read(xml: &str) -> Vec<(String, String)> {
        let mut reader = Reader::from_str(xml);
        let (mut path, mut found): (Vec<String>, Vec<(String, String)>) = (Vec::new(), Vec::new());
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) => path.push(start.name().as_ref().to_owned()),
                Event::Text(text) => {
                    let name = path.join("/");
                    found.push((name, text.xml10_content().into_owned()));
                }
                Event::GeneralRef(reference) => {
                    let text = format!("&{};", reference.xml10_content());
                    let plain = quick_xml::escape::unescape(&text).unwrap().into_owned();
                    found.push((path.join("/"), plain));
                }
                Event::End(_) => drop(path.pop()),
                Event::Eof => return joined(found),
                Event::Decl(_) | Event::Empty(_) => {}
                other @ (Event::CData(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_)) => panic!("{other:?}"),
            }
        }
    }

    /// A text that holds references comes in pieces.
    fn joined(pieces: Vec<(String, String)>) -> Vec<(String, String)> {
        let mut texts: Vec<(String, String)> = Vec::new();
        for (path, piece) in pieces {
            match texts.last_mut().filter(|(last, _)| *last == path) {
                Some((_, text)) => text.push_str(&piece),
                None => texts.push((path, piece)),
            }
        }
        texts
    }

    fn text_at<'a>(texts: &'a [(String, String)], path: &str) -> Vec<&'a str> {
        texts.iter().filter(|(found, _)| found == path).map(|(_, text)| text.as_str()).collect()
    }

    #[test]
    fn an_ordinary_invoice_takes_the_names_of_2019() {
        let face = golden();
        let xml = invoice_xml(&face).unwrap();
        assert!(xml.starts_with(concat!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
            "<eInvoice xmlns:fp=\"http://www.edrm.org.cn/schema/e-invoice/2019\" Version=\"1.0\">",
            "<fp:InvoiceCode>144032609110</fp:InvoiceCode><fp:InvoiceNo>00000001</fp:InvoiceNo><fp:TypeCode>0</fp:TypeCode>",
            "<fp:IssueDate>2026年11月22日</fp:IssueDate>"
        )));
        let texts = read(&xml);
        for (path, expected) in [
            ("eInvoice/fp:TaxControlCode", face.hash.as_str()),
            ("eInvoice/fp:Buyer/fp:BuyerName", &face.buyer.name),
            ("eInvoice/fp:Buyer/fp:BuyerTaxID", &face.buyer.taxpayer_id),
            ("eInvoice/fp:Seller/fp:SellerFinancialAccount", &face.seller.bank_account),
            ("eInvoice/fp:TaxExclusiveTotalAmount", "472.48"),
            ("eInvoice/fp:TaxTotalAmount", "27.62"),
            ("eInvoice/fp:TaxInclusiveTotalAmount", "500.10"),
            ("eInvoice/pl:Ledger/pl:Chain", "shenzhen-sandbox"),
            ("eInvoice/pl:Ledger/pl:Sample", "true"),
            ("eInvoice/pl:Ledger/pl:LeafHash", "afd0751be18e247073a20be411867d5c6ef806cc8175f5670caea0ec88b8998b"),
            ("eInvoice/pl:Ledger/pl:CheckCode", "8998b"),
        ] {
            assert_eq!(text_at(&texts, path), [expected], "{path}");
        }
        let names: Vec<&str> = face.lines.iter().map(|line| line.name.as_str()).collect();
        assert_eq!(text_at(&texts, "eInvoice/fp:GoodsInfos/fp:GoodsInfo/fp:Item"), names);
    }

    #[test]
    fn a_digital_invoice_takes_the_names_of_its_own() {
        let face = Face { kind: FaceKind::Digital, number: "26442000000000000001".to_owned(), ..golden() };
        let texts = read(&invoice_xml(&face).unwrap());
        for (path, expected) in [
            ("EInvoice/Header/EIid", "26442000000000000001"),
            ("EInvoice/EInvoiceData/BuyerInformation/BuyerName", &face.buyer.name),
            ("EInvoice/EInvoiceData/BasicInformation/TotalTax-includedAmount", "500.10"),
            ("EInvoice/TaxSupervisionInfo/IssueTime", "2026-11-22"),
            ("EInvoice/pl:Ledger/pl:EntryIndex", &face.entry_index.to_string()),
        ] {
            assert_eq!(text_at(&texts, path), [expected], "{path}");
        }
        assert_eq!(text_at(&texts, "EInvoice/EInvoiceData/IssuItemInformation/ItemName").len(), face.lines.len());
    }

    #[test]
    fn percent_become_fractions() {
        for (rate, text) in [("6%", "0.06"), ("13%", "0.13"), ("0.5%", "0.005"), ("100%", "1.00"), ("免税", "免税")]
        {
            assert_eq!(fraction(rate), text);
        }
    }

    #[test]
    fn whatever_a_text_says_it_stays_a_text() {
        let mut face = golden();
        face.buyer.name = "]]></fp:BuyerName><x y='1'/>&lt; 𠮷\r".to_owned();
        face.remark = "第一行\n  第二行 ".to_owned();
        let texts = read(&invoice_xml(&face).unwrap());
        assert_eq!(text_at(&texts, "eInvoice/fp:Buyer/fp:BuyerName"), [face.buyer.name]);
        assert_eq!(text_at(&texts, "eInvoice/fp:Note"), [face.remark]);
    }

    #[test]
    fn a_red_letter_is_of_type_1_and_an_exempt_one_has_a_tax_of_nothing() {
        let mut face = golden();
        face.total_fen = -face.total_fen;
        face.tax_text = "***".to_owned();
        let texts = read(&invoice_xml(&face).unwrap());
        assert_eq!(text_at(&texts, "eInvoice/fp:TypeCode"), ["1"]);
        assert_eq!(text_at(&texts, "eInvoice/fp:TaxTotalAmount"), ["0.00"]);
        assert_eq!(text_at(&texts, "eInvoice/fp:TaxInclusiveTotalAmount"), ["-500.10"]);
    }

    #[test]
    fn what_xml_can_not_carry_is_refused() {
        for character in ['\0', '\u{b}', '\u{ffff}'] {
            let mut face = golden();
            face.drawer.push(character);
            assert_eq!(invoice_xml(&face).unwrap_err().code, Code::RenderXml);
        }
    }
}
