//! Headers: read exactly when they are headers by the written rules; one that was read has one text, and does not follow itself.
#![no_main]

use fuzzed::opinion::is_header;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use piaolian::chain::{Header, header_hash};

fuzz_target!(|text: &str| {
    let read = Header::from_text(text);
    assert_eq!(read.is_ok(), is_header(text), "{read:?}");
    let Ok(header) = read else { return };
    assert_eq!(header.to_text().unwrap(), text);
    assert_eq!(header.hash().unwrap(), header_hash(text));
    assert!(header.follows(&header).is_err());
});

fuzz_mutator!(|data: &mut [u8], size: usize, size_max: usize, seed: u32| {
    fuzzed::mutate::json_lines(data, size, size_max, seed)
});
