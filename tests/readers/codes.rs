//! The QR code as four readers see it: drawn at its size at several resolutions, turned, blotted; and on the page itself.

use std::collections::BTreeMap;

use piaolian::chain::leaf_hash;
use piaolian::render::{QrMatrix, matrix};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::documents::{PUBLIC_URL, checked, document, draft, files, line, press};
use crate::python::{ask, environment};

/// Sides of the code with its quiet zone. 25 is what the face has at least.
const SIDES_MM: [u32; 2] = [20, 25];
const DPI: [u32; 4] = [100, 150, 200, 300];
const ANGLES: [i32; 5] = [0, 7, 45, 90, 180];

/// One reader's answers of one kind.
#[derive(Debug, Deserialize)]
struct Cell {
    reader: String,
    side: u32,
    dpi: u32,
    damaged: bool,
    read: u32,
    wrong: Vec<String>,
    of: u32,
    missed: Vec<String>,
}

fn number(name: &str, default: u64) -> u64 {
    environment(name).map_or(default, |text| text.parse().unwrap_or_else(|e| panic!("{name}={text}: {e}")))
}

fn seed() -> u64 {
    let seed = number("QR_SEED", 20_261_122);
    println!("QR_SEED={seed}");
    seed
}

fn rows(code: &QrMatrix) -> Vec<String> {
    let row = |y| (0..code.width()).map(|x| if code.is_dark(x, y) { '1' } else { '0' }).collect();
    (0..code.width()).map(row).collect()
}

/// What the code of the nth invoice says, in the form that is printed.
fn url(nth: u64) -> String {
    let hash = leaf_hash(&format!("invoice {nth}")).printed();
    format!(
        "{PUBLIC_URL}/verify/scan?hash={hash}&bill_num={:08}&total_amount={}",
        nth * 7_919 % 100_000_000,
        nth * 104_729 + 1
    )
}

/// The same in the form with commas (domain.md 1.4), without the whole hash: to compare.
fn comma(nth: u64) -> String {
    let hash = leaf_hash(&format!("invoice {nth}")).printed();
    let number = nth * 7_919 % 100_000_000;
    format!("01,10,144032609110,{number:08},{}.10,20261122,,{}", nth * 1_047 + 1, hash.get(61..).unwrap())
}

fn read(codes: impl Iterator<Item = String>, seed: u64) -> Vec<Cell> {
    let codes: Vec<Value> = codes.map(|text| json!({"rows": rows(&matrix(&text).unwrap()), "text": text})).collect();
    let asked = json!({"seed": seed, "codes": codes, "sides_mm": SIDES_MM, "dpi": DPI, "angles": ANGLES});
    serde_json::from_value(ask("codes.py", &[], &asked.to_string())).unwrap()
}

/// What was read, by resolution and whether the code was damaged.
type CellsByPlace<'a> = BTreeMap<(u32, bool), &'a Cell>;

/// Prints the rates in percent: a line per reader and side, a column per resolution and damage.
fn print(title: &str, cells: &[Cell]) {
    println!("{title}: percent read (of), whole / blotted");
    let mut lines: BTreeMap<(&str, u32), CellsByPlace<'_>> = BTreeMap::new();
    for cell in cells {
        lines.entry((&cell.reader, cell.side)).or_default().insert((cell.dpi, cell.damaged), cell);
    }
    for ((reader, side), line) in lines {
        let cells = line.iter().map(|((dpi, damaged), cell)| {
            let (per_mille, mark) = (cell.read * 10_000 / cell.of, if *damaged { "*" } else { "" });
            format!("{dpi}{mark}: {}.{:02} ({})", per_mille / 100, per_mille % 100, cell.of)
        });
        println!("  {reader:7} {side} mm  {}", cells.collect::<Vec<_>>().join("  "));
    }
}

fn assert_none_wrong(cells: &[Cell]) {
    for cell in cells {
        assert!(cell.wrong.is_empty(), "a code was read as something else: {cell:?}");
    }
}

/// Of thousand codes of 25 mm from 150 dpi upward: what each reader must read of whole ones and of blotted ones. Below what was measured
/// on 2,000 codes (6,000 images, QR_SEED=20261122), by what a sample of 40 may be off: wechat 1000 and 999, zbar 1000 and 985, zxing 996
/// and 999 (what it misses is turned by just 45 degrees), opencv 950 and 831; nothing was read wrongly.
const WANTED: [(&str, u32, u32); 5] =
    [("any", 1_000, 1_000), ("wechat", 999, 990), ("zbar", 999, 900), ("zxing", 970, 970), ("opencv", 850, 700)];

fn per_mille(cells: &[Cell], reader: &str, damaged: bool) -> u32 {
    let of_reader = |c: &&Cell| c.reader == reader && c.side == 25 && c.dpi >= 150 && c.damaged == damaged;
    let (read, of) = cells.iter().filter(of_reader).fold((0, 0), |(read, of), cell| (read + cell.read, of + cell.of));
    assert!(of > 0);
    read * 1_000 / of
}

#[test]
fn codes_of_every_size_are_read_and_never_wrongly() {
    let (seed, count) = (seed(), number("QR_CODES", 40));
    let cells = read((0..count).map(|nth| url(seed + nth)), seed);
    print("the URL that is printed", &cells);
    assert_none_wrong(&cells);
    for (reader, whole, blotted) in WANTED {
        let read = (per_mille(&cells, reader, false), per_mille(&cells, reader, true));
        assert!(read.0 >= whole && read.1 >= blotted, "{reader} read {read:?} of 1,000: {cells:#?}");
    }
}

#[test]
fn the_shorter_form_is_read_too() {
    let (seed, count) = (seed(), number("QR_CODES", 40).div_ceil(4));
    let (long, short) = (matrix(&url(1)).unwrap().width(), matrix(&comma(1)).unwrap().width());
    println!("modules: {long} of the URL, {short} of the form with commas");
    let cells = read((0..count).map(|nth| comma(seed + nth)), seed);
    print("the form with commas", &cells);
    assert_none_wrong(&cells);
    assert_eq!((per_mille(&cells, "any", false), per_mille(&cells, "any", true)), (1_000, 1_000), "{cells:#?}");
}

#[test]
fn the_code_on_the_page_is_read() {
    let seed = seed();
    let documents: Vec<_> = (0..number("QR_CODES", 40).div_ceil(20))
        .map(|nth| document(&checked(&draft("个人", &[line("餐费", 4_981 + i64::try_from(nth).unwrap())])), 1))
        .collect();
    let pdfs: Vec<(&str, Vec<u8>)> =
        documents.iter().map(|document| ("page", press().pdf(document).unwrap().bytes)).collect();
    let (_folder, paths) = files(&pdfs);
    let page =
        |(document, pdf): (&piaolian::render::Document, &String)| json!({"text": document.face.qr_text, "pdf": pdf});
    let pages: Vec<Value> = documents.iter().zip(&paths).map(page).collect();
    let asked = json!({"seed": seed, "pages": pages, "dpi": DPI, "angles": ANGLES});
    let cells: Vec<Cell> = serde_json::from_value(ask("codes.py", &[], &asked.to_string())).unwrap();
    print("on the page, upright and turned", &cells);
    assert_none_wrong(&cells);
    // Measured on 100 pages: zbar reads all; zxing all but one of 600; WeChat's detector, which wants the code framed, 91 % of those of
    // a whole page, OpenCV's 82 %.
    for cell in cells.iter().filter(|cell| cell.dpi >= 150) {
        match cell.reader.as_str() {
            "any" | "zbar" => assert!(cell.missed.is_empty(), "{cell:?}"),
            "zxing" => assert!(cell.read * 1_000 / cell.of >= 970, "{cell:?}"),
            _ => {}
        }
    }
}
