//! The sandbox twin of an ERP behind Kingdee's open API (domain.md 5.1): takes envelopes `{requestId, businessSystemCode,
//! interfaceCode, data}` and answers `{errorCode, message, data}`; `errorCode` is `"0"` or one of our codes. In memory.
//!
//! Field names are the documented ones. Deviations, since the documented `BILL.PUSH` asks for an invoice and ours reports one:
//! a bill also carries `invoiceCode`, `invoiceNum`, `checkCode`, `invoiceDate`, `totalTaxAmount`, `includeTaxAmount`, `buyerName` and
//! `buyerTaxpayerId`. Money is text in yuan, since numbers with a fraction have no exact form in JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::base::{Code, Fault, LegalDate};
use crate::invoice::{Checked, CheckedLine, InvoiceId, Mark, Pricing};

/// The interface that takes bills.
pub const BILL_PUSH: &str = "BILL.PUSH";
/// The interface that finds invoices.
pub const INVOICE_QUERY: &str = "ALLE.INVOICE.QUERY";
/// What we call ourselves towards the ERP.
pub const SYSTEM: &str = "PIAOLIAN";

/// An issued invoice, as far as an ERP wants to know.
#[derive(Debug, Clone, Copy)]
pub struct InvoiceFacts<'i> {
    /// Code and number; the ERP's bill number.
    pub invoice: InvoiceId,
    /// The legal date.
    pub date: LegalDate,
    /// Last five characters of the printed hash.
    pub check_code: &'i str,
    /// What it says.
    pub checked: &'i Checked,
}

/// How to ask for an invoice; at least one field, all that are given have to fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InvoiceQuery {
    /// Our invoice id, `<code>-<number>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_no: Option<String>,
    /// Invoice number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_num: Option<String>,
    /// The seller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller_taxpayer_id: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Envelope {
    request_id: String,
    business_system_code: String,
    interface_code: String,
    data: Value,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Bill {
    bill_source: String,
    bill_no: String,
    bill_date: String,
    invoice_type: String,
    include_tax_flag: String,
    total_amount: String,
    auto_invoice: String,
    auto_merge: String,
    seller_name: String,
    seller_taxpayer_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seller_bank_and_account: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seller_address_and_tel: Option<String>,
    buyer_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    buyer_taxpayer_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    drawer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payee: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reviewer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remark: Option<String>,
    invoice_code: String,
    invoice_num: String,
    check_code: String,
    invoice_date: String,
    total_tax_amount: String,
    include_tax_amount: String,
    bill_detail: Vec<BillLine>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BillLine {
    line_property: String,
    detail_id: String,
    goods_name: String,
    revenue_code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    specification: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    units: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quantity: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    price: Option<String>,
    amount: String,
    tax_rate: String,
    tax_amount: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zero_tax_rate_flag: Option<String>,
}

impl Bill {
    fn of(facts: &InvoiceFacts<'_>) -> Self {
        let InvoiceFacts { invoice, date, check_code, checked } = *facts;
        let (seller, buyer) = (checked.seller(), checked.buyer());
        Self {
            bill_source: SYSTEM.to_owned(),
            bill_no: invoice.to_string(),
            bill_date: date.to_string(),
            invoice_type: checked.document().as_str().to_owned(),
            include_tax_flag: include_tax_flag(checked.pricing()).to_owned(),
            total_amount: checked.amount().to_yuan(),
            // The invoice is issued already: the ERP is to book it, not to issue or merge anything.
            auto_invoice: "0".to_owned(),
            auto_merge: "0".to_owned(),
            seller_name: seller.name.clone(),
            seller_taxpayer_id: seller.taxpayer_id.clone(),
            seller_bank_and_account: seller.bank_account.clone(),
            seller_address_and_tel: seller.address_phone.clone(),
            buyer_name: buyer.name.clone(),
            buyer_taxpayer_id: buyer.taxpayer_id.clone(),
            drawer: checked.drawer().map(str::to_owned),
            payee: checked.payee().map(str::to_owned),
            reviewer: checked.reviewer().map(str::to_owned),
            remark: checked.remark().map(str::to_owned),
            // As printed: a fully digital invoice has a number of 20 digits and no code.
            invoice_code: invoice.printed_code().unwrap_or_default(),
            invoice_num: invoice.printed_number(),
            check_code: check_code.to_owned(),
            invoice_date: date.to_string(),
            total_tax_amount: checked.tax().to_yuan(),
            include_tax_amount: checked.total().to_yuan(),
            bill_detail: bill_lines(checked.lines()),
        }
    }

    /// What `ALLE.INVOICE.QUERY` answers with.
    fn as_queried(&self) -> Value {
        let lines = self.bill_detail.iter().enumerate().map(|(index, line)| {
            let mut queried = json!(line);
            if let Some(fields) = queried.as_object_mut() {
                fields.remove("detailId");
                fields.insert("seq".to_owned(), json!(index.saturating_add(1)));
            }
            queried
        });
        let mut data = json!({
            "orderNo": self.bill_no, "serialNo": self.bill_no,
            "sellerName": self.seller_name, "sellerTaxpayerId": self.seller_taxpayer_id, "buyerName": self.buyer_name,
            "invoiceDate": self.invoice_date, "invoiceNum": self.invoice_num, "invoiceCode": self.invoice_code,
            "checkCode": self.check_code, "invoiceStatus": "0", "invoiceProperty": "0",
            "includeTaxAmount": self.include_tax_amount, "totalAmount": self.total_amount,
            "totalTaxAmount": self.total_tax_amount,
            "invoiceDetail": lines.collect::<Vec<_>>(),
        });
        if let (Some(id), Some(fields)) = (&self.buyer_taxpayer_id, data.as_object_mut()) {
            fields.insert("buyerTaxpayerId".to_owned(), json!(id));
        }
        data
    }

    fn fits(&self, query: &InvoiceQuery) -> bool {
        let wanted = [
            (&query.serial_no, &self.bill_no),
            (&query.invoice_num, &self.invoice_num),
            (&query.seller_taxpayer_id, &self.seller_taxpayer_id),
        ];
        wanted.into_iter().all(|(wanted, is)| wanted.as_ref().is_none_or(|wanted| wanted == is))
    }
}

/// An ERP in memory.
#[derive(Default)]
pub struct Erp(Mutex<BTreeMap<String, Bill>>);

impl fmt::Debug for Erp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Erp").field("bills", &self.bills().len()).finish()
    }
}

impl Erp {
    fn bills(&self) -> MutexGuard<'_, BTreeMap<String, Bill>> {
        // Every change is one insertion: a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports an issued invoice, through the envelope. The same invoice again changes nothing.
    ///
    /// # Errors
    /// [`Code::ErpBillConflict`] when another invoice is there under the same id.
    pub fn push(&self, request_id: &str, facts: &InvoiceFacts<'_>) -> Result<(), Fault> {
        self.answer(request_id, BILL_PUSH, json!([Bill::of(facts)])).map(|_data| ())
    }

    /// Finds one invoice, through the envelope; gives back `data` with the documented field names.
    ///
    /// # Errors
    /// [`Code::ErpInvoiceMissing`] when none or more than one fits; [`Code::ErpRequestMalformed`] for a query that asks for nothing.
    pub fn query(&self, request_id: &str, query: &InvoiceQuery) -> Result<Value, Fault> {
        self.answer(request_id, INVOICE_QUERY, json!(query))
    }

    /// Takes one envelope and answers as over the wire.
    pub fn call(&self, request: &[u8]) -> Value {
        match self.handle(request) {
            Ok(data) => json!({"errorCode": "0", "message": "", "data": data}),
            Err(fault) => json!({"errorCode": fault.code, "message": fault.message}),
        }
    }

    fn answer(&self, request_id: &str, interface: &str, data: Value) -> Result<Value, Fault> {
        let envelope = Envelope {
            request_id: request_id.to_owned(),
            business_system_code: SYSTEM.to_owned(),
            interface_code: interface.to_owned(),
            data,
        };
        self.handle(json!(envelope).to_string().as_bytes())
    }

    fn handle(&self, request: &[u8]) -> Result<Value, Fault> {
        let envelope: Envelope = serde_json::from_slice(request).map_err(|e| malformed("", &e.to_string()))?;
        if envelope.request_id.is_empty() || envelope.business_system_code.is_empty() {
            return Err(malformed("requestId", "requestId and businessSystemCode must not be empty"));
        }
        match envelope.interface_code.as_str() {
            BILL_PUSH => self.take(envelope.data),
            INVOICE_QUERY => self.find(envelope.data),
            _ => Err(Fault::new(Code::ErpInterfaceUnknown, "interfaceCode", "no such interface")),
        }
    }

    /// All bills of one envelope or none.
    fn take(&self, data: Value) -> Result<Value, Fault> {
        let pushed: Vec<Bill> = serde_json::from_value(data).map_err(|e| malformed("data", &e.to_string()))?;
        let mut bills = self.bills();
        let mut fresh: BTreeMap<String, Bill> = BTreeMap::new();
        for bill in pushed {
            match bills.get(&bill.bill_no).or_else(|| fresh.get(&bill.bill_no)) {
                None => {
                    fresh.insert(bill.bill_no.clone(), bill);
                }
                Some(known) if *known == bill => (),
                Some(known) => {
                    let message = format!("bill {} is there with other content", known.bill_no);
                    return Err(Fault::new(Code::ErpBillConflict, "data", message));
                }
            }
        }
        bills.append(&mut fresh);
        Ok(json!({}))
    }

    fn find(&self, data: Value) -> Result<Value, Fault> {
        let query: InvoiceQuery = serde_json::from_value(data).map_err(|e| malformed("data", &e.to_string()))?;
        if query == InvoiceQuery::default() {
            return Err(malformed("data", "ask by serialNo, invoiceNum or sellerTaxpayerId"));
        }
        let bills = self.bills();
        let mut fitting = bills.values().filter(|bill| bill.fits(&query));
        match (fitting.next(), fitting.next()) {
            (Some(bill), None) => Ok(bill.as_queried()),
            (Some(_), Some(_)) => Err(Fault::new(Code::ErpInvoiceMissing, "data", "more than one invoice fits")),
            (None, _) => Err(Fault::new(Code::ErpInvoiceMissing, "data", "no invoice fits")),
        }
    }
}

fn malformed(path: &str, message: &str) -> Fault {
    Fault::new(Code::ErpRequestMalformed, path, message)
}

fn include_tax_flag(pricing: Pricing) -> &'static str {
    match pricing {
        Pricing::Inclusive => "1",
        Pricing::Exclusive => "0",
    }
}

/// Line properties as with Nuonuo (domain.md 1.8): 0 ordinary, 1 a discount, 2 the line that the next one discounts.
fn bill_lines(lines: &[CheckedLine]) -> Vec<BillLine> {
    let followed_by_discount = lines.iter().skip(1).map(CheckedLine::is_discount).chain([false]);
    let numbered = lines.iter().zip(followed_by_discount).enumerate();
    numbered.map(|(index, (line, discounted))| bill_line(index.saturating_add(1), line, discounted)).collect()
}

fn bill_line(number: usize, line: &CheckedLine, discounted: bool) -> BillLine {
    let property = match (line.is_discount(), discounted) {
        (true, _) => "1",
        (false, true) => "2",
        (false, false) => "0",
    };
    BillLine {
        line_property: property.to_owned(),
        detail_id: number.to_string(),
        goods_name: line.printed_name(),
        revenue_code: line.classification().to_owned(),
        specification: line.specification().map(str::to_owned),
        units: line.unit().map(str::to_owned),
        quantity: line.quantity().map(|quantity| quantity.to_string()),
        price: line.price().map(|price| price.to_string()),
        amount: line.amount().to_yuan(),
        tax_rate: Decimal::from_i128_with_scale(i128::from(line.rate().get()), 4).normalize().to_string(),
        tax_amount: line.tax().to_yuan(),
        zero_tax_rate_flag: line.mark().map(|mark| zero_tax_rate_flag(mark).to_owned()),
    }
}

/// 1 exempt, 2 not taxed, 3 ordinary zero rate (domain.md 1.9); 0 export, which is general knowledge.
fn zero_tax_rate_flag(mark: Mark) -> &'static str {
    match mark {
        Mark::Exempt => "1",
        Mark::NotTaxed => "2",
        Mark::ZeroRated => "3",
        Mark::ExportZeroRated => "0",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{ChainId, MerchantId};
    use crate::invoice::{CheckPolicy, Draft, Fen, Seller, Severity};

    fn checked(amount: i64) -> Checked {
        let draft: Draft = serde_json::from_value(json!({
            "buyer": {"kind": "individual", "name": "个人"}, "pricing": "inclusive",
            "lines": [
                {"category": "餐饮服务", "name": "餐费", "classification": "3070401000000000000", "unit": "餐", "quantity": "1",
                 "price": Fen::new(amount).unwrap().to_yuan().trim_end_matches('0').trim_end_matches('.'), "rate": 600},
                {"category": "谷物", "name": "散装大米", "classification": "1010101000000000000", "amount": 1000, "rate": 0,
                 "mark": "exempt", "discount": 100}
            ]
        }))
        .unwrap();
        let seller = Seller {
            name: "深圳票链样例餐饮有限公司".to_owned(),
            taxpayer_id: "91440300708461136T".to_owned(),
            address_phone: None,
            bank_account: None,
        };
        let policy = CheckPolicy { uscc_check_digit: Severity::Refuse };
        let date = LegalDate::parse("2026-11-22").unwrap();
        let chain = ChainId::try_from("shenzhen-sandbox").unwrap();
        draft.check(&seller, &chain, &MerchantId::nth(1).unwrap(), date, &policy).unwrap().0
    }

    fn facts<'i>(number: &str, checked: &'i Checked) -> InvoiceFacts<'i> {
        InvoiceFacts {
            invoice: InvoiceId::try_from(format!("144032609110-{number}")).unwrap(),
            date: LegalDate::parse("2026-11-22").unwrap(),
            check_code: "c7c7c",
            checked,
        }
    }

    fn by_number(number: &str) -> InvoiceQuery {
        InvoiceQuery { invoice_num: Some(number.to_owned()), ..InvoiceQuery::default() }
    }

    #[test]
    fn a_pushed_invoice_is_found_under_the_documented_names() {
        let erp = Erp::default();
        let checked = checked(49_810);
        erp.push("r1", &facts("00000001", &checked)).unwrap();
        let data = erp.query("r2", &by_number("00000001")).unwrap();
        for (pointer, expected) in [
            ("/serialNo", json!("144032609110-00000001")),
            ("/invoiceCode", json!("144032609110")),
            ("/checkCode", json!("c7c7c")),
            ("/includeTaxAmount", json!("507.10")),
            ("/totalTaxAmount", json!("28.19")),
            ("/invoiceDetail/0/goodsName", json!("*餐饮服务*餐费")),
            ("/invoiceDetail/0/taxRate", json!("0.06")),
            ("/invoiceDetail/0/amount", json!("469.91")),
            ("/invoiceDetail/0/price", json!("498.1")),
            ("/invoiceDetail/0/lineProperty", json!("0")),
            ("/invoiceDetail/1/lineProperty", json!("2")),
            ("/invoiceDetail/1/zeroTaxRateFlag", json!("1")),
            ("/invoiceDetail/2/lineProperty", json!("1")),
            ("/invoiceDetail/2/amount", json!("-1.00")),
            ("/invoiceDetail/2/seq", json!(3)),
        ] {
            assert_eq!(data.pointer(pointer), Some(&expected), "{pointer}");
        }
    }

    #[test]
    fn the_same_invoice_again_is_one_bill() {
        let erp = Erp::default();
        let checked = checked(100);
        erp.push("r1", &facts("00000001", &checked)).unwrap();
        erp.push("r2", &facts("00000001", &checked)).unwrap();
        assert_eq!(erp.bills().len(), 1);
    }

    #[test]
    fn other_content_under_the_same_number_is_refused_and_changes_nothing() {
        let erp = Erp::default();
        let (first, second) = (checked(100), checked(101));
        erp.push("r1", &facts("00000001", &first)).unwrap();
        assert_eq!(erp.push("r2", &facts("00000001", &second)).unwrap_err().code, Code::ErpBillConflict);
        assert_eq!(erp.query("r3", &by_number("00000001")).unwrap()["includeTaxAmount"], json!("10.00"));
    }

    #[test]
    fn a_query_without_one_answer_says_so() {
        let erp = Erp::default();
        let checked = checked(100);
        erp.push("r1", &facts("00000001", &checked)).unwrap();
        erp.push("r2", &facts("00000002", &checked)).unwrap();
        assert_eq!(erp.query("r3", &by_number("00000003")).unwrap_err().code, Code::ErpInvoiceMissing);
        let seller =
            InvoiceQuery { seller_taxpayer_id: Some("91440300708461136T".to_owned()), ..InvoiceQuery::default() };
        assert_eq!(erp.query("r4", &seller).unwrap_err().code, Code::ErpInvoiceMissing);
        assert_eq!(erp.query("r5", &InvoiceQuery::default()).unwrap_err().code, Code::ErpRequestMalformed);
    }

    #[test]
    fn the_wire_answers_with_an_error_code() {
        let erp = Erp::default();
        let envelope = |interface: &str| {
            json!({"requestId": "r", "businessSystemCode": "X", "interfaceCode": interface, "data": []}).to_string()
        };
        assert_eq!(erp.call(envelope(BILL_PUSH).as_bytes())["errorCode"], json!("0"));
        assert_eq!(erp.call(envelope("BILL.PULL").as_bytes())["errorCode"], json!("ERP-INTERFACE-UNKNOWN"));
        assert_eq!(erp.call(b"{}")["errorCode"], json!("ERP-REQUEST-MALFORMED"));
    }
}
