//! Faces that show which labels invoices usually have beside those of their frame: names of fields that move with what they name, chain
//! and place. The fonts that are prepared hold these too.

use super::face::{Face, FaceKind, FaceLine, FaceParty};
use crate::base::LegalDate;

/// Lines that do not fit on a first page.
const LINES: usize = 60;

/// A short and a long invoice of every kind, on a sandbox and in production.
pub(super) fn specimens() -> Vec<Face> {
    let Some(date) = LegalDate::parse("2026-01-01") else { return Vec::new() };
    let mut faces = Vec::new();
    for kind in FaceKind::ALL {
        for sandbox in [false, true] {
            for lines in [1, LINES] {
                faces.push(specimen(kind, sandbox, lines, date));
            }
        }
    }
    faces
}

/// Every field has something in it; where there are many lines, the remark does not fit its place either.
fn specimen(kind: FaceKind, sandbox: bool, lines: usize, date: LegalDate) -> Face {
    let text = || "1".to_owned();
    let party = || FaceParty { name: text(), taxpayer_id: text(), address_phone: text(), bank_account: text() };
    let line = FaceLine { name: text(), ..FaceLine::default() };
    Face {
        kind,
        title_note: String::new(),
        code: text(),
        number: text(),
        date,
        check_code: text(),
        hash: text(),
        payment_id: text(),
        buyer: party(),
        seller: party(),
        lines: vec![line; lines],
        amount_fen: 0,
        tax_text: text(),
        total_fen: 0,
        capital: text(),
        remark: "1".repeat(lines.saturating_mul(lines)),
        payee: text(),
        reviewer: text(),
        drawer: text(),
        qr_text: text(),
        sandbox,
        chain: if sandbox { "shenzhen-sandbox" } else { "shenzhen-production" }.to_owned(),
        block_height: 1_234_567_890,
        entry_index: 0,
    }
}
