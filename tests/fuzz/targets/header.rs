//! Headers: one that was read has one text, the one that it was read from, and does not follow itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use piaolian::chain::{Header, header_hash};

fuzz_target!(|text: &str| {
    let Ok(header) = Header::from_text(text) else { return };
    assert_eq!(header.to_text().unwrap(), text);
    assert_eq!(header.hash().unwrap(), header_hash(text));
    assert!(header.follows(&header).is_err());
});
