//! keccak256 and the curve against @noble/hashes and @noble/curves; and how long a signature takes.

use crate::dice::number;
use crate::node::{MODULES, run, script};

#[test]
fn hashes_and_signatures_are_those_of_noble() {
    let seed = number("VERIFIER_SEED", 20_261_123).to_string();
    println!("VERIFIER_SEED={seed}");
    let printed = run(script("library.mjs").arg(&*MODULES).arg(seed));
    let counts: serde_json::Value = serde_json::from_str(&printed).unwrap();
    println!("{counts:#}");
    let of = |kind: &str| counts[kind].as_u64().unwrap_or(0);
    assert_eq!((of("keccak256"), of("signature, good")), (908, 150));
    assert_eq!(of("x above n, good"), 5);
    for kind in
        ["high s, bad", "infinity, bad", "recovered to infinity, none", "recovered, a key", "key, a point", "key, none"]
    {
        assert!(of(kind) >= 20, "{kind}: {}", of(kind));
    }
}
