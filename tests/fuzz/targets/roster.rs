//! Rosters: one that was read is what its members make, in whatever order they come, and has a quorum.
#![no_main]

use fuzzed::opinion::has_form_of_roster;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use piaolian::chain::{Roster, roster_hash};

fuzz_target!(|text: &str| {
    let Ok(roster) = Roster::from_text(text) else { return };
    assert!(has_form_of_roster(text), "no roster by the rules");
    assert_eq!((roster.text(), roster.hash()), (text, roster_hash(text)));
    let members: Vec<_> = roster.members().iter().rev().cloned().collect();
    let again = Roster::new(roster.chain().clone(), roster.from_height(), members).unwrap();
    assert_eq!(again, roster);
    let total = roster.total_power();
    assert!(roster.quorum_reached(total) && !roster.quorum_reached(total * 2 / 3));
    assert!(roster.members().iter().all(|member| roster.member(&member.name) == Some(member)));
});

fuzz_mutator!(|data: &mut [u8], size: usize, size_max: usize, seed: u32| {
    fuzzed::mutate::json_lines(data, size, size_max, seed)
});
