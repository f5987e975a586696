//! Canonical text: what is accepted is what another implementation of RFC 8785 would write, and nothing else is accepted.
#![no_main]

use fuzzed::opinion::is_canonical;
use libfuzzer_sys::fuzz_target;
use piaolian::chain::{parse_canonical, to_canonical};

fuzz_target!(|text: &str| {
    let parsed = parse_canonical(text);
    assert_eq!(parsed.is_ok(), is_canonical(text), "{parsed:?}");
    if let Ok(value) = parsed {
        assert_eq!(to_canonical(&value).unwrap(), text);
    } else if let Ok(value) = serde_json::from_str::<serde_json::Value>(text)
        && let Ok(written) = to_canonical(&value)
    {
        assert_eq!(parse_canonical(&written).unwrap(), value);
    }
});
