//! Changes of a roster: the statement in the first line, its signatures as JSON in the second. One that counts is one that the golden
//! members have signed; no other can be.
#![no_main]

use fuzzed::golden::{REPLACED, SIGNATURES};
use fuzzed::opinion::is_enough;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use piaolian::chain::{ChangeStatement, MemberSignature, Roster, change_text, check_change, next_roster};

fuzz_target!(|text: &str| {
    let (statement, signatures) = text.split_once('\n').unwrap_or((text, "[]"));
    let Ok(read) = ChangeStatement::from_text(statement) else { return };
    assert_eq!(read.to_text().unwrap(), statement);
    let signatures = serde_json::from_str::<Vec<MemberSignature>>(signatures).unwrap_or_default();
    for prev in REPLACED.iter() {
        let Ok(next) = next_roster(prev, &read.change, read.from) else { continue };
        assert!(next.from_height() > prev.from_height());
        assert_eq!(Roster::from_text(next.text()).unwrap(), next);
        let meant = change_text(prev, &next, &read.change).unwrap() == statement;
        if check_change(prev, &next, statement, &signatures).is_err() {
            continue;
        }
        let signed: Vec<String> = signatures.iter().map(|one| one.key.to_string()).collect();
        assert!(meant && is_enough(prev, &next, &signed), "a change that does not count");
        let known = |one: &MemberSignature| SIGNATURES.contains(&(statement.to_owned(), one.signature.to_string()));
        assert!(signatures.iter().all(known), "a forged signature");
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, size_max: usize, seed: u32| {
    fuzzed::mutate::json_lines(data, size, size_max, seed)
});
