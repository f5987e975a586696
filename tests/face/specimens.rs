//! Invoices of every kind that looks its own way, made by the rules that make real ones: drafts are checked, red letters are reversed.

use piaolian::base::LegalDate;
use piaolian::base::ids::{ChainId, MerchantId};
use piaolian::chain::hash::leaf_hash;
use piaolian::invoice::{CheckPolicy, Checked, Document, Draft, InvoiceId, ReversalAsked, Seller, Severity};
use piaolian::ledger::entry::Entry;
use piaolian::render::Face;
use serde_json::{Value, json};

/// A kind of invoice, and how many pages of it are looked at.
pub struct Specimen {
    pub name: &'static str,
    pub pages: usize,
    pub face: Face,
}

/// All of them.
pub fn specimens() -> Vec<Specimen> {
    let one = |name, face| Specimen { name, pages: 1, face };
    vec![
        one("one_line", face(&checked(restaurant()))),
        one("ten_lines", face(&checked(ten_lines()))),
        Specimen { name: "list", pages: 2, face: face(&checked(many_lines(300))) },
        one("red_full", face(&reversed(&checked(with_discount()), json!({"reason": "SALES_RETURN"})))),
        one(
            "red_partial",
            face(&reversed(
                &checked(ten_lines()),
                json!({"reason": "ISSUE_ERROR", "lines": [
                    {"line": 2}, {"line": 4, "quantity": "1"}, {"line": 7, "total": 5_000},
                ]}),
            )),
        ),
        one("exempt", face(&checked(exempt()))),
        one("zero_rated", face(&checked(zero_rated()))),
        one("discounts", face(&checked(with_discount()))),
        one("long_names", face(&checked(long_names()))),
        one("rare_names", face(&checked(rare_names()))),
        one("foreign_names", face(&checked(foreign_names()))),
        one("digital", face(&checked(digital()))),
        one("digital_red", face(&reversed(&checked(digital()), json!({"reason": "SALES_RETURN"})))),
        one("production", on_chain(&checked_on(restaurant(), "shenzhen-production"), "shenzhen-production")),
        one("largest", face(&checked(largest()))),
        Specimen { name: "notes", pages: 2, face: notes() },
    ]
}

fn line(category: &str, name: &str, unit: &str, quantity: &str, price: &str, rate: u32) -> Value {
    // Decimals are asked for in their shortest form.
    let price = if price.contains('.') { price.trim_end_matches('0').trim_end_matches('.') } else { price };
    json!({"category": category, "name": name, "classification": "3070401000000000000",
        "unit": unit, "quantity": quantity, "price": price, "rate": rate})
}

/// The restaurant bill of domain.md 1.3, with parties of our own.
pub fn restaurant() -> Value {
    json!({
        "payment": {"provider": "wechat-pay", "transaction": "4200001234202611221234567890"},
        "buyer": {"kind": "organisation", "name": "深圳市样例科技有限公司", "taxpayer_id": "91440300708461136T",
            "address_phone": "深圳市南山区科技园科苑路15号 0755-00000013"},
        "pricing": "inclusive",
        "lines": [line("餐饮服务", "餐费", "餐", "1", "498.10", 600)],
        "remark": "桌号12，四人用餐。", "payee": "王小明", "reviewer": "李芳", "drawer": "陈伟",
    })
}

fn with(mut draft: Value, field: &str, value: Value) -> Value {
    draft[field] = value;
    draft
}

fn with_lines(lines: Vec<Value>) -> Value {
    with(restaurant(), "lines", Value::Array(lines))
}

/// Quantities and prices of every length, so that it shows whether digits stand under digits.
fn ten_lines() -> Value {
    with_lines(vec![
        line("餐饮服务", "工作午餐", "份", "12", "28", 600),
        line("餐饮服务", "商务套餐（含茶位）", "套", "3", "168.5", 600),
        line("饮料", "瓶装矿泉水", "箱", "2.5", "36", 1300),
        line("纸制品", "A4 复印纸 80g", "包", "120", "21.35", 1300),
        line("物流辅助服务", "同城配送", "次", "7", "12", 600),
        line("信息技术服务", "短信通知服务", "条", "15800", "0.0375", 600),
        line("现代服务", "会议室租用", "小时", "4.5", "99.99", 600),
        line("印刷品", "宣传册", "本", "500", "3.2", 900),
        line("住宿服务", "标准间", "晚", "2", "458", 600),
        line("运输服务", "接送机", "趟", "1", "1280.05", 900),
    ])
}

pub fn many_lines(count: usize) -> Value {
    let priced = |nth: usize| format!("{}.{:02}", 3 + nth * 37 % 1_000, nth * 7 % 100);
    let name = |nth: usize| {
        format!("打印纸{nth}型{}", if nth.is_multiple_of(9) { "（加厚，适用于票据与合同归档）" } else { "" })
    };
    let one = |nth| {
        let mut one = line("纸制品", &name(nth), "包", &(1 + nth % 24).to_string(), &priced(nth), 1300);
        one["specification"] = json!(format!("A4/{}g", 60 + nth % 50));
        one
    };
    with_lines((1..=count).map(one).collect())
}

fn exempt() -> Value {
    let mut spinach = line("蔬菜", "有机菠菜", "千克", "12.5", "9.6", 0);
    spinach["mark"] = json!("exempt");
    let mut deposit = line("预付卡销售", "储值卡充值", "张", "1", "500", 0);
    deposit["mark"] = json!("not_taxed");
    let mut face = with_lines(vec![spinach, deposit]);
    face["buyer"] = json!({"kind": "individual", "name": "张三"});
    face
}

fn zero_rated() -> Value {
    let mut research = line("研发和技术服务", "离岸研发服务", "项", "1", "125000", 0);
    research["mark"] = json!("export_zero_rated");
    with_lines(vec![research, line("餐饮服务", "餐费", "餐", "1", "498.10", 600)])
}

fn with_discount() -> Value {
    let mut set = line("餐饮服务", "双人套餐", "套", "2", "249.05", 600);
    set["discount"] = json!(4_981);
    let mut tea = line("餐饮服务", "茶位费", "位", "4", "8", 600);
    tea["discount"] = json!(3_200);
    with_lines(vec![set, tea, line("饮料", "柠檬茶", "杯", "4", "18", 1300)])
}

fn long_names() -> Value {
    let mut operation = line(
        "信息技术服务",
        "区块链电子发票平台年度运维与技术支持服务（含现场驻点、二线支持与应急演练）",
        "项",
        "1.23456789",
        "987654.32109876",
        600,
    );
    operation["specification"] = json!("PL-2026/Enterprise Plus Annual Subscription");
    let mut draft = with_lines(vec![operation, line("餐饮服务", "餐费", "餐", "1", "498.10", 600)]);
    draft["buyer"] = json!({"kind": "organisation", "taxpayer_id": "91440300708461136T",
        "name": "深圳市前海某某某某某某国际供应链管理与信息技术服务（集团）股份有限公司南山科技园第二分公司",
        "address_phone": "广东省深圳市前海深港合作区南山街道梦海大道5033号样例金融中心（一期）8号楼1201至1216单元 0755-00000099 转 8001",
        "bank_account": "中国样例银行股份有限公司深圳前海分行营业部 4000023319200000000"});
    draft["remark"] = json!(
        "合同编号：PL-HT-2026-000123；项目名称：区块链电子发票平台二期建设与运维。\n\
         对应订单 20261122-0001、20261122-0002、20261122-0003，请在三十日内付款。"
    );
    draft
}

/// The last character of the buyer's name is in no font: a box.
fn rare_names() -> Value {
    let mut draft = with_lines(vec![line("餐饮服务", "䲟鱼煲、𬶍鱼汤", "份", "2", "88", 600)]);
    draft["buyer"]["name"] = json!("䶮㛃㴸𠮷野家𠅤（深圳）餐饮有限公司🍜");
    draft["payee"] = json!("刘䶮");
    draft["reviewer"] = json!("王𬭎");
    draft["drawer"] = json!("陈𬸚𫖯𬀩𨱔");
    draft
}

fn foreign_names() -> Value {
    let mut draft = with_lines(vec![
        line("软件", "Søren & Åse “Ledger” édition spéciale", "licence", "3", "1999", 1300),
        line("咨询服务", "Консультационные услуги по налогам", "час", "8", "450.5", 600),
        line("动漫", "株式会社さくらの電子書籍パック", "セット", "1", "3200", 600),
    ]);
    draft["buyer"]["name"] = json!("Müller & Söhne Handelsgesellschaft mbH, Niederlassung Shenzhen");
    draft["buyer"]["address_phone"] = json!("Rue de l’Évêché 15, Ōsaka Tower 8F, Futian, Shenzhen +86 755 0000 0013");
    draft["drawer"] = json!("José Núñez");
    draft["payee"] = json!("Иван Петров");
    draft["remark"] = json!("Invoice for PO-2026/0815. Größe, façade, señal. Спасибо! ありがとうございました。");
    draft
}

fn largest() -> Value {
    with_lines(vec![
        json!({"category": "不动产", "name": "写字楼", "classification": "5000000000000000000", "rate": 900,
            "unit": "栋", "amount": 9_999_999_999_998_i64}),
        line("餐饮服务", "餐费", "餐", "1", "0.01", 600),
    ])
}

/// What does not fit its place stands whole on a page of notes.
fn notes() -> Face {
    let mut draft = restaurant();
    draft["remark"] = json!("本项目验收与付款见合同。\n".repeat(19).trim_end());
    face(&checked(draft))
}

/// A fully digital invoice with the lines of `ten_lines`.
fn digital() -> Value {
    let mut draft = with(ten_lines(), "document", json!("fully-digital"));
    draft["buyer"] =
        json!({"kind": "organisation", "name": "深圳市样例科技有限公司", "taxpayer_id": "91440300708461136T"});
    draft
}

fn date() -> LegalDate {
    LegalDate::parse("2026-11-22").unwrap()
}

pub fn checked(draft: Value) -> Checked {
    checked_on(draft, "shenzhen-sandbox")
}

fn checked_on(draft: Value, chain: &str) -> Checked {
    let draft: Draft = serde_json::from_value(draft).unwrap();
    let seller = Seller {
        name: "深圳市福田区老街坊餐饮店".to_owned(),
        taxpayer_id: "91440300319331004W".to_owned(),
        address_phone: Some("深圳市福田区福华一路88号 0755-00000012".to_owned()),
        bank_account: Some("票链样例银行深圳福田支行 0000000000000012".to_owned()),
    };
    let (chain, merchant) = (ChainId::try_from(chain).unwrap(), MerchantId::try_from("M00000001").unwrap());
    let policy = CheckPolicy { uscc_check_digit: Severity::Refuse };
    draft.check(&seller, &chain, &merchant, date(), &policy).unwrap().0
}

fn reversed(blue: &Checked, asked: Value) -> Checked {
    let asked: ReversalAsked = serde_json::from_value(asked).unwrap();
    let id = match blue.document() {
        Document::BlockchainOrdinary => "144032609110-08520001",
        Document::FullyDigital => "269520000000-28787001",
    };
    let id = InvoiceId::try_from(id).unwrap();
    blue.reverse(id, &blue.shares().unwrap(), &asked).unwrap()
}

pub fn face(checked: &Checked) -> Face {
    on_chain(checked, "shenzhen-sandbox")
}

/// The face of the invoice as the ledger would issue it: the first issuing entry of the golden ones with another draft.
fn on_chain(checked: &Checked, chain: &str) -> Face {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/chain/entries.json");
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(golden).unwrap()).unwrap();
    let entry = golden["entries"].as_array().unwrap().iter().find(|entry| entry["kind"] == "issue").unwrap();
    let mut entry: Value = serde_json::from_str(entry["text"].as_str().unwrap()).unwrap();
    entry["draft"] = serde_json::to_value(checked).unwrap();
    entry["chain"] = json!(chain);
    let (code, number) = match checked.document() {
        Document::BlockchainOrdinary => ("144032609110", "08527037"),
        Document::FullyDigital => ("269520000000", "28787793"),
    };
    entry["code"] = json!(code);
    entry["number"] = json!(number);
    entry["index"] = json!(4_711);
    let entry = Entry::parse(&entry.to_string()).unwrap();
    Face::of(&entry, &leaf_hash("specimen"), 128, "https://piaolian.example.cn").unwrap()
}
