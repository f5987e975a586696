//! Ledger streams: what was read is what stands there, byte for byte, and the audit of a stream alone comes to an end with a report, which is
//! clean only when the golden members sealed every block.
#![no_main]

use fuzzed::golden::{is_sealed, trusted};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use piaolian::chain::Roster;
use piaolian::ledger::audit::{Limits, Trust, audit_stream};
use piaolian::ledger::stream::{InMemory, StreamBlock, StreamHead, StreamItem, StreamReader};

/// The blocks of a stream that can be read to its end.
fn read(stream: &[u8]) -> Option<(Roster, Vec<StreamBlock>)> {
    let (mut reader, founding) = StreamReader::open(stream).ok()?;
    let mut again = StreamHead::of(&founding).to_line().unwrap().into_bytes();
    let mut blocks = Vec::new();
    while let Some(item) = reader.next_item().ok()? {
        again.push(b'\n');
        match item {
            StreamItem::Block(block) => {
                again.extend(block.to_line().unwrap().into_bytes());
                blocks.push(block);
            }
            StreamItem::Entry(text, begins) => {
                assert_eq!(usize::try_from(begins).unwrap(), again.len());
                again.extend(text);
            }
        }
    }
    again.push(b'\n');
    assert_eq!(again, stream);
    Some((founding, blocks))
}

fn audit(stream: &[u8]) {
    let blocks = read(stream);
    let first = blocks.as_ref().and_then(|(_, blocks)| blocks.first()).map(|block| block.header.as_str());
    let rosters = trusted(first.unwrap_or_default())[0];
    let trust = Trust { rosters, checkpoint: None };
    let report = audit_stream(stream, InMemory::default(), &trust, Limits::default(), &mut |_| ()).unwrap();
    if report.is_clean() {
        let (founding, blocks) = blocks.expect("what is clean can be read");
        assert!(rosters.contains(&founding) && !blocks.is_empty());
        assert!(blocks.iter().all(|block| is_sealed(&block.header, &block.seals)), "a forged seal");
    }
}

fuzz_target!(|stream: &[u8]| {
    audit(stream);
    // What is mutated as JSON has lost the end of its last line.
    if !stream.ends_with(b"\n") {
        audit(&[stream, b"\n"].concat());
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, size_max: usize, seed: u32| {
    fuzzed::mutate::json_lines(data, size, size_max, seed)
});
