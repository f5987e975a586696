//! The face as other programs see it: poppler reads its text and draws it, qpdf checks its structure, zbar scans its code.
//!
//! Needs the Debian packages poppler-utils, qpdf and zbar-tools; without them these tests fail.
#![expect(clippy::unwrap_used, reason = "the allowance for tests does not reach what several tests share")]

#[cfg(test)]
#[path = "render/archive.rs"]
mod archive;
#[cfg(test)]
#[path = "render/signature.rs"]
mod signature;

use std::path::{Path, PathBuf};
use std::process::Command;

use piaolian::base::{Code, LegalDate};
use piaolian::chain::hash::leaf_hash;
use piaolian::invoice::{Checked, InvoiceId, Reason, ReversalAsked};
use piaolian::ledger::entry::Entry;
use piaolian::render::{Face, FaceKind, FaceLine, FaceParty, Press, Rendered, png};
use serde_json::Value;

const HASH: &str = "01645d47765dd7aec052188019747d2b9ff4a734a5a7c45ffec86832c070910a19";

fn line(name: &str, amount_fen: i64, tax_fen: i64) -> FaceLine {
    let yuan = |fen: i64| format!("{}.{:02}", fen / 100, fen % 100);
    FaceLine {
        name: name.to_owned(),
        specification: String::new(),
        unit: "餐".to_owned(),
        quantity: "1".to_owned(),
        price: yuan(amount_fen),
        amount_fen,
        rate: "6%".to_owned(),
        tax_fen,
        tax_text: yuan(tax_fen),
    }
}

/// The restaurant bill of domain.md 1.3, with parties of our own.
fn restaurant() -> Face {
    Face {
        kind: FaceKind::Ordinary,
        title_note: String::new(),
        code: "144032609110".to_owned(),
        number: "08527037".to_owned(),
        date: LegalDate::parse("2026-11-22").unwrap(),
        check_code: "10a19".to_owned(),
        hash: HASH.to_owned(),
        payment_id: "4200001234202611221234567890".to_owned(),
        buyer: FaceParty {
            name: "深圳市样例科技有限公司".to_owned(),
            taxpayer_id: "91440300708461136T".to_owned(),
            address_phone: "深圳市南山区科技园科苑路15号 0755-86013388".to_owned(),
            bank_account: String::new(),
        },
        seller: FaceParty {
            name: "深圳市福田区老街坊餐饮店".to_owned(),
            taxpayer_id: "91440300319331004W".to_owned(),
            address_phone: "深圳市福田区福华一路88号 0755-82001234".to_owned(),
            bank_account: "招商银行深圳福田支行 755912345610802".to_owned(),
        },
        lines: vec![line("*餐饮服务*餐费", 46_991, 2_819)],
        amount_fen: 46_991,
        tax_text: "28.19".to_owned(),
        total_fen: 49_810,
        capital: "肆佰玖拾捌圆壹角整".to_owned(),
        remark: "桌号12，四人用餐。".to_owned(),
        payee: "王小明".to_owned(),
        reviewer: "李芳".to_owned(),
        drawer: "陈伟".to_owned(),
        qr_text: format!("https://piaolian.example.cn/verify/scan?hash={HASH}&bill_num=08527037&total_amount=49810"),
        sandbox: true,
        chain: "shenzhen-sandbox".to_owned(),
        block_height: 128,
        entry_index: 4_711,
    }
}

fn with_lines(lines: Vec<FaceLine>) -> Face {
    let amount_fen = lines.iter().map(|l| l.amount_fen).sum();
    let tax_fen: i64 = lines.iter().map(|l| l.tax_fen).sum();
    let tax_text = format!("{}.{:02}", tax_fen / 100, tax_fen % 100);
    Face { amount_fen, tax_text, total_fen: amount_fen + tax_fen, lines, ..restaurant() }
}

fn ten_lines() -> Face {
    with_lines((1..=10).map(|n| line(&format!("*餐饮服务*招牌菜第{n}号"), 1_234_500 + n, 74_070)).collect())
}

fn many_lines(count: i64) -> Face {
    with_lines((1..=count).map(|n| line(&format!("*纸制品*打印纸{n}型"), 10_000 + n, 600)).collect())
}

fn exempt() -> Face {
    let free =
        FaceLine { rate: "免税".to_owned(), tax_text: "***".to_owned(), ..line("*蔬菜*有机菠菜", 46_991, 0) };
    Face { tax_text: "***".to_owned(), total_fen: 46_991, lines: vec![free], ..restaurant() }
}

fn long_names() -> Face {
    let mut face = restaurant();
    face.buyer.name =
        "深圳市前海某某某某某某国际供应链管理与信息技术服务（集团）股份有限公司南山科技园第二分公司".to_owned();
    face.buyer.address_phone = "广东省深圳市前海深港合作区南山街道梦海大道5033号前海卓越金融中心（一期）8号楼1201至1216单元 0755-88889999 转 8001".to_owned();
    face.buyer.bank_account = "中国工商银行股份有限公司深圳前海分行营业部 4000023319200000000".to_owned();
    face.lines = vec![
        FaceLine {
            name: "*信息技术服务*区块链电子发票平台年度运维与技术支持服务（含现场驻点、二线支持与应急演练）".to_owned(),
            specification: "PL-2026/Enterprise Plus Annual Subscription".to_owned(),
            unit: "项".to_owned(),
            quantity: "1234567.12345678".to_owned(),
            price: "9876543.87654321".to_owned(),
            ..line("", 1_000_000_000_000, 60_000_000_000)
        },
        line("*餐饮服务*餐费", 46_991, 2_819),
    ];
    face.remark = "合同编号：PL-HT-2026-000123；项目名称：区块链电子发票平台二期建设与运维。\n对应订单 20261122-0001、20261122-0002、20261122-0003，请在三十日内付款。".to_owned();
    face
}

fn rare_characters() -> Face {
    let mut face = restaurant();
    face.buyer.name = "䶮㛃䲟㴸𠮷野家（深圳）".to_owned();
    face.payee = "刘䶮".to_owned();
    face
}

fn press() -> &'static Press {
    static PRESS: std::sync::OnceLock<Press> = std::sync::OnceLock::new();
    PRESS.get_or_init(|| Press::set_up().unwrap())
}

fn rendered(face: &Face) -> Rendered {
    press().face_pdf(face).unwrap()
}

/// A PDF on disk, in a folder that goes when the test ends.
struct File {
    folder: tempfile::TempDir,
    pdf: PathBuf,
}

fn file(face: &Face) -> File {
    let folder = tempfile::tempdir().unwrap();
    let pdf = folder.path().join("invoice.pdf");
    std::fs::write(&pdf, rendered(face).bytes).unwrap();
    File { folder, pdf }
}

/// Output of a tool; fails when the tool is missing or not content.
fn run(tool: &str, arguments: &[&str]) -> String {
    let output =
        Command::new(tool).args(arguments).output().unwrap_or_else(|e| panic!("{tool} must be installed: {e}"));
    assert!(output.status.success(), "{tool} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The document's text in writing order, without blanks and line breaks: what was broken into lines stands together again.
fn text(face: &Face) -> String {
    let file = file(face);
    run("pdftotext", &["-raw", "-enc", "UTF-8", path(&file.pdf), "-"]).split_whitespace().collect()
}

fn assert_holds(text: &str, value: &str) {
    let value: String = value.split_whitespace().collect();
    assert!(text.contains(&value), "{value} is not in {text}");
}

fn assert_holds_all(face: &Face) {
    let text = text(face);
    for party in [&face.buyer, &face.seller] {
        for value in [&party.name, &party.taxpayer_id, &party.address_phone, &party.bank_account] {
            assert_holds(&text, value);
        }
    }
    for line in &face.lines {
        for value in [&line.name, &line.specification, &line.quantity, &line.price, &line.rate, &line.tax_text] {
            assert_holds(&text, value);
        }
    }
    let date = face.date.to_face_text();
    for value in [
        face.kind.title(),
        &face.code,
        &face.number,
        &date,
        &face.check_code,
        &face.hash,
        &face.payment_id,
        &face.tax_text,
        &face.capital,
        &face.remark,
        &face.payee,
        &face.reviewer,
        &face.drawer,
        &face.chain,
    ] {
        assert_holds(&text, value);
    }
}

fn page_count(file: &File) -> usize {
    run("qpdf", &["--show-npages", path(&file.pdf)]).trim().parse().unwrap()
}

#[test]
fn every_string_of_a_restaurant_bill_can_be_copied() {
    assert_holds_all(&restaurant());
}

#[test]
fn every_string_of_ten_lines_can_be_copied_and_they_fit_one_page() {
    assert_holds_all(&ten_lines());
    assert_eq!(page_count(&file(&ten_lines())), 1);
}

#[test]
fn every_string_of_an_exempt_bill_can_be_copied() {
    assert_holds_all(&exempt());
}

#[test]
fn long_names_wrap_without_loss() {
    assert_holds_all(&long_names());
    assert_eq!(page_count(&file(&long_names())), 1);
}

#[test]
fn rare_characters_are_copied_also_beyond_the_bmp() {
    assert_holds_all(&rare_characters());
    assert_eq!(rendered(&rare_characters()).missing, Vec::<char>::new());
}

#[test]
fn a_character_in_no_font_is_named_and_still_copies_as_itself() {
    let mut face = restaurant();
    face.buyer.name = "深圳🍜面馆\u{E000}".to_owned();
    assert_eq!(rendered(&face).missing, ['\u{E000}', '🍜']);
    assert_holds(&text(&face), "深圳🍜面馆\u{E000}");
}

#[test]
fn a_red_letter_prints_below_zero_with_its_note_and_the_invoice_that_it_reverses() {
    // The first invoice of the golden entries, and what takes all of it back.
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/chain/entries.json");
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(golden).unwrap()).unwrap();
    let entry = golden["entries"].as_array().unwrap().iter().find(|entry| entry["kind"] == "issue").unwrap();
    let mut entry: Value = serde_json::from_str(entry["text"].as_str().unwrap()).unwrap();
    let face = |entry: &Value| {
        let entry = Entry::parse(&entry.to_string()).unwrap();
        Face::of(&entry, &leaf_hash("any"), 1, "https://piaolian.example.cn").unwrap()
    };
    let blue_face = face(&entry);
    let blue: Checked = serde_json::from_value(entry["draft"].clone()).unwrap();
    let asked = ReversalAsked { reason: Reason::SalesReturn, lines: Vec::new() };
    let id = InvoiceId::try_from("144032609110-00000001").unwrap();
    let reversed = blue.reverse(id, &blue.shares().unwrap(), &asked).unwrap();
    entry["draft"] = serde_json::to_value(reversed).unwrap();
    let red = face(&entry);
    assert_holds_all(&red);
    let text = text(&red);
    for value in ["红字（负数）", "（负数）伍佰圆零壹角整", "¥-500.10", "¥-472.48", "¥-27.62", "-460.48", "-2"]
    {
        assert_holds(&text, value);
    }
    assert_holds(&text, "对应正数发票代码:144032609110号码:00000001");
    assert!(!self::text(&blue_face).contains("红字"));
    assert_eq!(rendered(&red).missing, Vec::<char>::new());
}

#[test]
fn the_same_face_gives_the_same_bytes() {
    for face in [restaurant(), long_names(), many_lines(100)] {
        assert!(rendered(&face) == rendered(&face), "bytes differ");
        let fresh = Press::set_up().unwrap().face_pdf(&face).unwrap();
        assert!(fresh == rendered(&face), "bytes differ with everything prepared again");
    }
}

#[test]
fn another_face_gives_other_bytes() {
    let mut other = restaurant();
    other.remark.push('。');
    assert!(rendered(&other).bytes != rendered(&restaurant()).bytes);
}

#[test]
fn qpdf_finds_nothing_wrong() {
    for face in [restaurant(), ten_lines(), many_lines(100), rare_characters(), long_names()] {
        let file = file(&face);
        assert!(run("qpdf", &["--check", path(&file.pdf)]).contains("No syntax or stream encoding errors found"));
    }
}

#[test]
fn every_font_is_embedded_cut_down_and_has_a_unicode_map() {
    let file = file(&rare_characters());
    let fonts = run("pdffonts", &[path(&file.pdf)]);
    let rows: Vec<&str> = fonts.lines().skip(2).collect();
    assert_eq!(rows.len(), 3, "{fonts}");
    for row in rows {
        let columns: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(columns[0].find('+'), Some(6), "{row}");
        assert_eq!(columns[columns.len() - 5..columns.len() - 2], ["yes", "yes", "yes"], "{row}");
    }
}

/// Scans the first page as drawn at `dpi`.
fn scanned(face: &Face, dpi: &str) -> String {
    let file = file(face);
    let image = file.folder.path().join("page");
    run("pdftoppm", &["-png", "-r", dpi, "-f", "1", "-l", "1", "-singlefile", path(&file.pdf), path(&image)]);
    run("zbarimg", &["--quiet", "--raw", path(&image.with_extension("png"))]).trim_end().to_owned()
}

#[test]
fn the_code_on_the_page_scans_at_150_dpi() {
    let comma = "01,10,144032609110,08527037,91440300319331004W,469.91,20261122,".to_owned() + HASH;
    for qr_text in [restaurant().qr_text, comma] {
        let face = Face { qr_text, ..restaurant() };
        assert_eq!(scanned(&face, "150"), face.qr_text);
    }
}

#[test]
fn the_png_code_scans() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("code.png");
    let text = restaurant().qr_text;
    std::fs::write(&image, png(&text, 4).unwrap()).unwrap();
    assert_eq!(run("zbarimg", &["--quiet", "--raw", path(&image)]).trim_end(), text);
}

#[test]
fn lines_beyond_the_first_page_are_all_on_list_pages_with_sums() {
    let face = many_lines(1_999);
    let file = file(&face);
    let pages = page_count(&file);
    let first: String = run("pdftotext", &["-raw", "-l", "1", path(&file.pdf), "-"]).split_whitespace().collect();
    assert_holds(&first, "（详见销货清单）");
    assert!(!first.contains("打印纸1型"));
    assert_holds(&first, &format!("第 1 页 共 {pages} 页"));
    let whole = text(&face);
    for line in &face.lines {
        assert_holds(&whole, &line.name);
    }
    assert_eq!(whole.matches("小计").count(), pages - 1, "a subtotal on every list page");
    assert_eq!(whole.matches("总计").count(), 1);
    assert_holds(&whole, &format!("第 {pages} 页 共 {pages} 页"));
}

#[test]
fn subtotals_add_up_to_the_total() {
    let face = many_lines(300);
    let file = file(&face);
    let mut sum = 0;
    for page in 2..=page_count(&file) {
        let page = page.to_string();
        let text = run("pdftotext", &["-raw", "-f", &page, "-l", &page, path(&file.pdf), "-"]);
        let text: String = text.split_whitespace().collect();
        let amount = text.split("小计¥").nth(1).unwrap().split('¥').next().unwrap();
        sum += amount.replace('.', "").parse::<i64>().unwrap();
    }
    assert_eq!(sum, face.amount_fen);
}

#[test]
fn a_text_too_long_for_its_place_is_printed_in_full_on_a_later_page() {
    let mut face = restaurant();
    face.remark = "备注很长，须在附注中全文列出。".repeat(100);
    face.buyer.name = "某某".repeat(400);
    face.lines[0].specification = "规格".repeat(3_000);
    let text = text(&face);
    // Page numbers stand between the pages of a long note: characters are counted, in words that stand nowhere else.
    assert!(text.matches('须').count() >= 100);
    assert_holds(&text, "（详见附注）");
    assert_holds(&text, &"某某".repeat(400));
    assert_eq!(text.matches("规格").count(), 3_000 + text.matches("规格型号").count());
}

#[test]
fn only_a_sandbox_carries_the_sample_mark() {
    assert_holds(&text(&restaurant()), "样票SAMPLE");
    let production = Face { sandbox: false, chain: "shenzhen-production".to_owned(), ..restaurant() };
    assert!(!text(&production).contains("样票"));
}

#[test]
fn more_lines_than_an_invoice_can_have_are_refused() {
    assert_eq!(press().face_pdf(&many_lines(2_001)).unwrap_err().code, Code::RenderLinesTooMany);
    assert!(press().face_pdf(&many_lines(2_000)).is_ok());
}

#[test]
fn one_page_is_under_100_kilobytes() {
    for face in [restaurant(), ten_lines(), long_names()] {
        let size = rendered(&face).bytes.len();
        assert!(size < 100_000, "{size} bytes");
    }
}
