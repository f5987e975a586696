//! Inclusion and consistency proofs, of trees of any size: yes exactly when the proof, followed from the root down by the RFC's own
//! definition, leads to the roots that were given.
//!
//! Input: flags, two shifts, two numbers of eight bytes (sizes or index, shifted right), then one byte for each hash of the proof.
#![no_main]

use fuzzed::opinion::{continued_roots, included_root};
use libfuzzer_sys::fuzz_target;
use piaolian::chain::{Hash, verify_consistency, verify_inclusion};

fn same_inclusion(index: u64, size: u64, proof: &[Hash], wrong_root: bool) {
    let leaf = Hash([0xfe; 32]);
    let led_to = included_root(&leaf, index, size, proof);
    let root = if wrong_root { Hash([0xfd; 32]) } else { led_to.unwrap_or(Hash::ZERO) };
    assert_eq!(verify_inclusion(&leaf, index, size, proof, &root), led_to == Some(root), "{index} of {size}");
}

fn same_consistency(old: u64, new: u64, proof: &[Hash], wrong_old: bool, wrong_new: bool) {
    let given = Hash([0xfe; 32]);
    let led_to = continued_roots(old, new, &given, &given, proof);
    let (old_root, new_root) = led_to.unwrap_or((given, given));
    let old_root = if wrong_old { Hash([0xfd; 32]) } else { old_root };
    let new_root = if wrong_new { Hash([0xfc; 32]) } else { new_root };
    let expected = continued_roots(old, new, &old_root, &new_root, proof) == Some((old_root, new_root));
    assert_eq!(verify_consistency(old, new, &old_root, &new_root, proof), expected, "{old} to {new}");
}

fuzz_target!(|input: (u8, u8, u8, u64, u64, &[u8])| {
    let (flags, shift_first, shift_second, first, second, proof) = input;
    let (first, second) = (first >> (shift_first % 64), second >> (shift_second % 64));
    let proof: Vec<Hash> = proof.iter().map(|&byte| Hash([byte; 32])).collect();
    let set = |bit: u8| flags & (1 << bit) != 0;
    if set(0) {
        same_inclusion(first, second, &proof, set(1));
    } else {
        same_consistency(first, second, &proof, set(1), set(2));
    }
});
