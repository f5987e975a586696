//! Documents for the tests of this room: that of a golden receipt, and changes of it.

use serde_json::Value;

use super::document::Document;
use super::face::{Face, FaceLine};
use super::xml::invoice_xml;
use crate::chain::receipt::Receipt;

/// The document of the first golden receipt of an invoice.
pub(super) fn document() -> Document {
    let cases: Value = serde_json::from_str(include_str!("../../fixtures/chain/receipts.json")).unwrap();
    let receipts = cases["cases"].as_array().unwrap().iter().map(|case| case["receipt"].as_str().unwrap());
    let mut documents = receipts.filter_map(|receipt| {
        Document::of(&Receipt::from_json(receipt.as_bytes()).ok()?, "https://verify.example").ok()
    });
    documents.next().unwrap()
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
