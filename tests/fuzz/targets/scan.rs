//! What a QR code says, as the verify page reads it, and amounts as people type them: what is read is what would be printed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use piaolian::invoice::Fen;
use piaolian::ledger::claimed::{Claimed, fen_of};
use serde::Deserialize;

/// The page's own, which is actix-web's to read.
#[derive(Deserialize)]
struct ScanQuery {
    hash: String,
    bill_num: String,
    total_amount: String,
}

fn scan(text: &str) {
    let query = text.split_once('?').map_or(text, |(_, query)| query);
    let Ok(ScanQuery { hash, bill_num, total_amount }) = serde_urlencoded::from_str(query) else { return };
    let Ok(claimed) = Claimed::read(&hash, &bill_num, &total_amount) else { return };
    let Claimed { hash: leaf, code, number, total } = claimed;
    // A fully digital invoice's number may be given whole; its first twelve digits are the code then.
    let printed = format!("{}{number}", code.map(|code| code.to_string()).unwrap_or_default());
    assert_eq!((leaf.printed(), &printed), (hash, &bill_num));
    let again = Claimed::read(&leaf.printed(), &printed, &total.get().to_string()).unwrap();
    assert_eq!(again, claimed);
}

fn type_in(text: &str) {
    let Some(fen) = fen_of(text) else { return };
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let decimals = text.trim().split_once('.').map_or(0, |(_, part)| part.len());
    let shown: i128 = format!("{digits}{}", &"00"[decimals..]).parse().unwrap();
    let fen: i64 = fen.parse().unwrap();
    assert_eq!(i128::from(fen).abs(), shown);
    assert!(fen == 0 || text.contains('-') == (fen < 0));
    if let Ok(fen) = Fen::new(fen) {
        assert_eq!(fen_of(&fen.to_yuan()), Some(fen.get().to_string()));
    }
}

fuzz_target!(|text: &str| {
    scan(text);
    type_in(text);
});
