//! Changes of a roster: the statement in the first line, its signatures as JSON in the second. One that counts is one that the golden
//! members have signed; no other can be.
#![no_main]

use fuzzed::golden::{CHANGES, REPLACED};
use libfuzzer_sys::fuzz_target;
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
        let counts = check_change(prev, &next, statement, &signatures).is_ok();
        assert!(!counts || (meant && CHANGES.contains(statement)), "a forged change");
    }
});
