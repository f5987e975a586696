//! Documents for the tests of this room: that of a golden entry, and changes of it.

use serde_json::Value;

use super::document::Document;
use super::face::{Face, FaceLine};
use super::xml::invoice_xml;
use crate::chain::receipt::Receipt;

/// The document of the first invoice of the golden entries, in a receipt that nobody verifies here.
pub(super) fn document() -> Document {
    let golden = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let entries = golden(include_str!("../../fixtures/chain/entries.json"));
    let issue = entries["entries"].as_array().unwrap().iter().find(|entry| entry["kind"] == "issue").unwrap();
    let receipts = golden(include_str!("../../fixtures/chain/receipts.json"));
    let receipt = receipts["cases"][0]["receipt"].as_str().unwrap();
    let mut receipt = Receipt::from_json(receipt.as_bytes()).unwrap();
    receipt.entry = issue["text"].as_str().unwrap().to_owned();
    Document::of(&receipt, "https://verify.example").unwrap()
}

/// The same with another face.
pub(super) fn with(change: impl FnOnce(&mut Face)) -> Document {
    let mut document = document();
    change(&mut document.face);
    document.xml = invoice_xml(&document.face).unwrap();
    document
}

/// The same with so many lines.
pub(super) fn with_lines(count: usize) -> Document {
    with(|face| {
        let line = |nth| FaceLine { name: format!("*纸制品*打印纸{nth}型"), ..face.lines[0].clone() };
        face.lines = (1..=count).map(line).collect();
    })
}
