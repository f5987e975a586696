//! Documents of several kinds, made of a receipt of `fixtures/chain` whose draft is changed. (Nobody verifies it here.)

use std::path::PathBuf;
use std::sync::OnceLock;

use piaolian::base::LegalDate;
use piaolian::base::ids::{ChainId, MerchantId};
use piaolian::chain::receipt::Receipt;
use piaolian::invoice::{CheckPolicy, Checked, Draft, InvoiceId, Reason, ReversalAsked, Seller, Severity};
use piaolian::render::{Document, Press};
use serde_json::{Value, json};

pub const PUBLIC_URL: &str = "https://piaolian.example.cn";

pub fn press() -> &'static Press {
    static PRESS: OnceLock<Press> = OnceLock::new();
    PRESS.get_or_init(|| Press::set_up().unwrap())
}

fn fixture(path: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/chain").join(path);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub fn line(name: &str, fen: i64) -> Value {
    // A decimal in its shortest form.
    let price = format!("{}.{:02}", fen / 100, fen % 100);
    let price = price.trim_end_matches('0').trim_end_matches('.');
    json!({"category": "餐饮服务", "name": name, "classification": "3070401000000000000", "amount": fen, "rate": 600,
           "unit": "餐", "quantity": "1", "price": price})
}

pub fn draft(buyer: &str, lines: &[Value]) -> Value {
    json!({"buyer": {"kind": "organisation", "name": buyer, "taxpayer_id": "91440300708461136T",
                     "address_phone": "深圳市南山区科技园科苑路15号 0755-86013388", "bank_account": "招商银行深圳分行 755912345610802"},
           "pricing": "inclusive", "lines": lines, "remark": "桌号12，四人用餐。", "payee": "王小明", "reviewer": "李芳", "drawer": "陈伟"})
}

pub fn checked(draft: &Value) -> Checked {
    let draft: Draft = serde_json::from_value(draft.clone()).unwrap();
    let seller: Seller = serde_json::from_value(json!({
        "name": "深圳市福田区老街坊餐饮店", "taxpayer_id": "91440300319331004W",
        "address_phone": "深圳市福田区福华一路88号 0755-82001234", "bank_account": "招商银行深圳福田支行 755912345610802"}))
    .unwrap();
    let chain = ChainId::try_from("shenzhen-sandbox".to_owned()).unwrap();
    let (merchant, date) = (MerchantId::nth(1).unwrap(), LegalDate::parse("2026-11-22").unwrap());
    draft.check(&seller, &chain, &merchant, date, &CheckPolicy { uscc_check_digit: Severity::Warn }).unwrap().0
}

/// The document of an invoice with this draft.
pub fn document(draft: &Checked, number: u32) -> Document {
    let mut receipt: Value =
        serde_json::from_str(fixture("receipts.json")["cases"][0]["receipt"].as_str().unwrap()).unwrap();
    let mut entry: Value = serde_json::from_str(receipt["entry"].as_str().unwrap()).unwrap();
    entry["code"] = json!("144032609110");
    entry["date"] = json!("2026-11-22");
    entry["draft"] = serde_json::to_value(draft).unwrap();
    entry["number"] = json!(format!("{number:08}"));
    receipt["entry"] = json!(entry.to_string());
    Document::of(&Receipt::from_json(receipt.to_string().as_bytes()).unwrap(), PUBLIC_URL).unwrap()
}

fn red(blue: &Checked) -> Checked {
    let asked = ReversalAsked { reason: Reason::SalesReturn, lines: Vec::new() };
    blue.reverse(InvoiceId::try_from("144032609110-00000001").unwrap(), &blue.shares().unwrap(), &asked).unwrap()
}

/// A document of each kind that differs in what the file has to hold.
pub fn kinds() -> Vec<(&'static str, Document)> {
    let one = checked(&draft("深圳市样例科技有限公司", &[line("餐费", 49_810)]));
    let ten: Vec<Value> = (1..=10).map(|n| line(&format!("招牌菜第{n}号"), 1_308_570 + n)).collect();
    let many: Vec<Value> = (1..=120).map(|n| line(&format!("打印纸{n}型"), 10_000 + n)).collect();
    let mut exempt = line("有机菠菜", 46_991);
    exempt["rate"] = json!(0);
    exempt["mark"] = json!("exempt");
    exempt["discount"] = json!(991);
    let mut digital = draft("深圳市样例科技有限公司", &[line("餐费", 49_810)]);
    digital["document"] = json!("fully-digital");
    vec![
        ("one line", document(&one, 1)),
        ("ten lines", document(&checked(&draft("深圳市样例科技有限公司", &ten)), 2)),
        ("list pages", document(&checked(&draft("深圳市样例科技有限公司", &many)), 3)),
        ("rare characters", document(&checked(&draft("䶮㛃䲟㴸𠮷𠅤𬭎𬸚𫖯𬀩𨱔商行", &[line("鿫鿬鿭鿮鿯", 100)])), 4)),
        ("a box", document(&checked(&draft("深圳🍜面馆", &[line("Ünïcödé 7½ №", 100)])), 5)),
        ("red", document(&red(&one), 6)),
        ("fully digital", document(&checked(&digital), 8)),
        ("exempt with a discount", document(&checked(&draft("个人", &[exempt])), 7)),
    ]
}

/// Files in a folder that goes when the test ends, in the order of [`kinds`].
pub fn files(pdfs: &[(&str, Vec<u8>)]) -> (tempfile::TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let paths = pdfs.iter().enumerate().map(|(nth, (_, bytes))| {
        let path = folder.path().join(format!("{nth}.pdf"));
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    });
    let paths = paths.collect();
    (folder, paths)
}
