//! Texts of entries and headers that are not canonical, or not of their form, and texts that disagree with one another.

use piaolian::chain::Hash;
use serde_json::{Value, json};

use crate::forgeries::{Forged, replaced, resealed, with, with_text};
use crate::world::{BEFORE, INVOICE, NEWEST, World, nothing, text};

pub fn forge(world: &World, forged: &mut Forged) {
    let receipt = world.four.receipt(INVOICE, BEFORE, false);
    entry_texts(&receipt, forged);
    entry_numbers(&receipt, forged);
    entry_forms(&receipt, forged);
    header_texts(&receipt, forged);
    header_forms(&receipt, forged);
    genesis_forms(world, forged);
    disagreements(world, &receipt, forged);
}

fn entry_texts(receipt: &Value, forged: &mut Forged) {
    let entry = receipt["entry"].as_str().unwrap();
    let mut bad = |name, what, document: Value, field: &str| {
        forged.add(name, what, &document, "ENTRY_NOT_CANONICAL", field);
    };
    let part = |from, to| replaced(receipt, "entry", from, to);
    let whole = |changed: String| with(receipt, |d| d["entry"] = json!(changed));
    bad(
        "re-ordered entry",
        "v stands first in the entry",
        whole(entry.replacen(r#","v":2}"#, "}", 1).replacen('{', r#"{"v":2,"#, 1)),
        "entry",
    );
    bad(
        "re-ordered draft",
        "two members of the draft have changed places",
        part(r#""tax":1121,"total":19800,"v":1}"#, r#""total":19800,"tax":1121,"v":1}"#),
        "entry",
    );
    bad("space in the entry", "a space stands behind a colon in the entry", part(r#""kind":"#, r#""kind": "#), "entry");
    bad("line feed behind the entry", "the entry's text ends with a line feed", whole(format!("{entry}\n")), "entry");
    bad(
        "byte order mark in the entry",
        "the entry's text begins with U+FEFF",
        whole(format!("\u{feff}{entry}")),
        "entry",
    );
    bad(
        "entry escaped differently",
        "a letter in the entry is escaped, which stands for the same letter",
        part("\"issue\"", "\"\\u0069ssue\""),
        "entry",
    );
    bad("slash escaped", "a key of the entry with an escaped slash", part("餐饮服务", "餐饮\\/服务"), "entry");
    bad(
        "control character with capital digits",
        "the buyer's name ends with U+001F, escaped with a capital digit",
        part("个人", "个人\\u001F"),
        "entry",
    );
    bad(
        "escaped pair in the entry",
        "the buyer's name ends with a character beyond the BMP, written as two escapes",
        part("个人", "个人\\ud83d\\ude00"),
        "entry",
    );
    bad(
        "lone surrogate in the entry",
        "the buyer's name ends with half of a pair",
        part("个人", "个人\\ud83d"),
        "entry",
    );
    bad(
        "not NFC",
        "the buyer's name ends with e and a combining accent",
        part("个人", "个人e\u{301}"),
        "entry.draft.buyer.name",
    );
    bad(
        "compatibility character",
        "the buyer's name ends with U+212B, which NFC writes as another character",
        part("个人", "个人\u{212b}"),
        "entry.draft.buyer.name",
    );
    bad(
        "key not NFC",
        "a key of the entry is not NFC",
        part(r#""v":2}"#, "\"v\":2,\"ve\u{301}\":1}"),
        "entry.ve\u{301}",
    );
    bad(
        "null in the entry",
        "the unit is null instead of being left out",
        part("\"餐\"", "null"),
        "entry.draft.lines[0].unit",
    );
    bad(
        "member twice in the entry",
        "the entry's kind stands twice, with the same value",
        part(r#""kind":"issue","#, r#""kind":"issue","kind":"issue","#),
        "entry",
    );
    bad(
        "member twice in the draft",
        "the draft's total stands twice, first with another value",
        part(r#""total":19800,"v":1}"#, r#""total":1,"total":19800,"v":1}"#),
        "entry",
    );
    let nested = |levels: usize| format!(r#","z":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    let deep = whole(entry.replacen(r#""v":2}"#, &format!(r#""v":2{}"#, nested(32)), 1));
    bad(
        "depth 33",
        "33 arrays and objects stand within one another in the entry",
        deep,
        &format!("entry.z{}", "[0]".repeat(31)),
    );
    let deeper = whole(entry.replacen(r#""v":2}"#, &format!(r#""v":2{}"#, nested(5_000)), 1));
    bad(
        "depth 5001",
        "so many arrays stand within one another in the entry that a careless reader runs out of stack",
        deeper,
        "entry",
    );
    bad("entry is empty", "the entry's text is empty", whole(String::new()), "entry");
    bad(
        "entry cut off",
        "the last byte of the entry's text is missing",
        whole(entry.strip_suffix('}').unwrap().to_owned()),
        "entry",
    );
    bad("entry twice", "the entry's text stands twice", whole(format!("{entry}{entry}")), "entry");
}

fn entry_numbers(receipt: &Value, forged: &mut Forged) {
    let mut seq = |name, what, number: &str, field| {
        let changed = replaced(receipt, "entry", r#""seq":6"#, &format!(r#""seq":{number}"#));
        forged.add(name, what, &changed, "ENTRY_NOT_CANONICAL", field);
    };
    seq("number 1.0", "a number in the entry has a fraction, though of nothing", "6.0", "entry.seq");
    seq("number 1.5", "a number in the entry has a fraction", "6.5", "entry.seq");
    seq("number 1e2", "a number in the entry has an exponent", "6e0", "entry.seq");
    seq("number -0", "a number in the entry is minus zero", "-0", "entry.seq");
    seq("number with leading zero", "a number in the entry begins with 0", "06", "entry");
    seq("number with plus", "a number in the entry has a plus sign", "+6", "entry");
    seq(
        "number 2^53",
        "a number in the entry is one more than all readers have exactly",
        "9007199254740992",
        "entry.seq",
    );
    seq(
        "number -2^53",
        "a number in the entry is one less than all readers have exactly",
        "-9007199254740992",
        "entry.seq",
    );
    seq("number 2^64", "a number in the entry does not go into 64 bits", "18446744073709551616", "entry.seq");
    seq("number 1e400", "a number in the entry is larger than a double can be", "1e400", "entry");
    seq("Infinity", "a number in the entry is none of JSON's", "Infinity", "entry");
}

fn entry_forms(receipt: &Value, forged: &mut Forged) {
    let mut bad = |name, what, document: Value, field: &str| {
        forged.add(name, what, &document, "ENTRY_MALFORMED", field);
    };
    let set = |key: &'static str, value: Value| with_text(receipt, "entry", |e| e[key] = value);
    let without = |key: &'static str| with_text(receipt, "entry", |e| drop(e.as_object_mut().unwrap().remove(key)));
    bad("entry is an array", "the entry is an empty array", with(receipt, |d| d["entry"] = json!("[]")), "entry");
    bad("entry is a number", "the entry is 0", with(receipt, |d| d["entry"] = json!("0")), "entry");
    bad("entry version 3", "the entry's v is 3", set("v", json!(3)), "entry.v");
    bad("entry version 0", "the entry's v is 0", set("v", json!(0)), "entry.v");
    bad("entry version as a string", "the entry's v is \"2\"", set("v", json!("2")), "entry.v");
    bad("entry without version", "the entry has no v", without("v"), "entry.v");
    bad("entry without kind", "the entry has no kind", without("kind"), "entry.kind");
    bad("kind is a number", "the entry's kind is 1", set("kind", json!(1)), "entry.kind");
    bad("entry without chain", "the entry has no chain", without("chain"), "entry.chain");
    bad(
        "entry's chain begins with a hyphen",
        "the entry's chain is no chain id",
        set("chain", json!("-sandbox")),
        "entry.chain",
    );
    bad("entry without index", "the entry has no index", without("index"), "entry.index");
    bad("entry's index below zero", "the entry's index is -1", set("index", json!(-1)), "entry.index");
    bad("entry's index as a string", "the entry's index is \"5\"", set("index", json!("5")), "entry.index");
    bad("entry without time", "the entry has no time", without("time"), "entry.time");
    bad("entry's time as a string", "the entry's time is a date", set("time", json!("2018-08-10")), "entry.time");
}

fn header_texts(receipt: &Value, forged: &mut Forged) {
    let header = receipt["header"].as_str().unwrap();
    let mut bad = |name, what, document: Value, field: &str| {
        forged.add(name, what, &document, "HEADER_NOT_CANONICAL", field);
    };
    let part = |from, to| replaced(receipt, "header", from, to);
    let whole = |changed: String| with(receipt, |d| d["header"] = json!(changed));
    bad(
        "re-ordered header",
        "v stands first in the header",
        whole(header.replacen(r#","v":2}"#, "}", 1).replacen('{', r#"{"v":2,"#, 1)),
        "header",
    );
    bad(
        "line feed behind the header",
        "the header's text ends with a line feed",
        whole(format!("{header}\n")),
        "header",
    );
    bad(
        "byte order mark in the header",
        "the header's text begins with U+FEFF",
        whole(format!("\u{feff}{header}")),
        "header",
    );
    bad(
        "header escaped differently",
        "a letter of the header's chain is escaped",
        part("\"shenzhen", "\"\\u0073henzhen"),
        "header",
    );
    bad(
        "member twice in the header",
        "the header's height stands twice, with the same value",
        part(r#""height":4,"#, r#""height":4,"height":4,"#),
        "header",
    );
    bad(
        "height 4.0",
        "the header's height has a fraction, though of nothing",
        part(r#""height":4,"#, r#""height":4.0,"#),
        "header.height",
    );
    bad(
        "size 2^53",
        "the header's size is more than all readers have exactly",
        part(r#""size":12,"#, r#""size":9007199254740992,"#),
        "header.size",
    );
    bad(
        "null in the header",
        "the header's proposer is null",
        part(r#""proposer":"auditor""#, r#""proposer":null"#),
        "header.proposer",
    );
    bad("header is empty", "the header's text is empty", whole(String::new()), "header");
}

fn header_forms(receipt: &Value, forged: &mut Forged) {
    let mut bad = |name, what, document: Value, field: &str| {
        forged.add(name, what, &document, "HEADER_MALFORMED", field);
    };
    let set = |key: &'static str, value: Value| with_text(receipt, "header", |h| h[key] = value);
    let without = |key: &'static str| with_text(receipt, "header", |h| drop(h.as_object_mut().unwrap().remove(key)));
    let (empty_tree, some) = (piaolian::chain::keccak256(""), nothing("root"));
    bad("header version 3", "the header's v is 3", set("v", json!(3)), "header");
    bad("header version 0", "the header's v is 0", set("v", json!(0)), "header");
    bad("version 1 header with state", "a header with state says version 1", set("v", json!(1)), "header.state");
    bad("version 2 header without state", "a header without state says version 2", without("state"), "header.state");
    bad("unknown member in the header", "the header has a member note", set("note", json!("true")), "header");
    bad("header without proposer", "the header has no proposer", without("proposer"), "header");
    bad("header without root", "the header has no root", without("root"), "header");
    bad("header is an array", "the header is an empty array", with(receipt, |d| d["header"] = json!("[]")), "header");
    bad("height as a string", "the header's height is \"4\"", set("height", json!("4")), "header");
    bad("height below zero", "the header's height is -4", set("height", json!(-4)), "header");
    bad(
        "root in capitals",
        "the header's root has a capital digit",
        set("root", json!(some.to_string().to_uppercase())),
        "header",
    );
    bad("state is not a hash", "the header's state is empty, as a sibling could be", set("state", json!("")), "header");
    bad("proposer in capitals", "the header's proposer is no name", set("proposer", json!("Auditor")), "header");
    bad("header before 1970", "the header's time is -1", set("time", json!(-1)), "header.time");
    bad(
        "prev zeros",
        "the hash before a header that is not genesis is zeros",
        set("prev", json!(Hash::ZERO)),
        "header.prev",
    );
    bad(
        "size 0 with a root",
        "the header's size is 0, and its root that of a tree with entries",
        set("size", json!(0)),
        "header.root",
    );
    let no_entries = with_text(receipt, "header", |h| (h["size"], h["root"]) = (json!(0), json!(empty_tree)));
    bad("size 0 with states", "the header's tree is empty, and its map is not", no_entries, "header.state");
}

fn genesis_forms(world: &World, forged: &mut Forged) {
    let receipt = with(&world.three.receipt(1, 1, false), |d| {
        d["header"] = json!(world.three.headers[0]);
        d["seals"] = json!(world.three.seals(&world.three.headers[0], 0));
    });
    let mut bad = |name, what, key: &'static str, value: Value, field: &str| {
        let document = with_text(&receipt, "header", |h| h[key] = value);
        forged.add(name, what, &document, "HEADER_MALFORMED", field).rosters = "three";
    };
    bad("genesis with entries", "the size of genesis is 2", "size", json!(2), "header.size");
    bad(
        "genesis that changes the roster",
        "genesis names another roster for the next header",
        "next_members",
        json!(nothing("roster")),
        "header.next_members",
    );
    bad(
        "genesis with a header before it",
        "the hash before genesis is not zeros",
        "prev",
        json!(nothing("header")),
        "header.prev",
    );
    bad(
        "genesis with another root",
        "the root of genesis is not that of the empty tree",
        "root",
        json!(nothing("root")),
        "header.root",
    );
    bad(
        "genesis with states",
        "the state of genesis is not that of the empty map",
        "state",
        json!(Hash::ZERO),
        "header.state",
    );
    let what = "genesis instead of the header: it covers no entries";
    forged.add("genesis as the header", what, &receipt, "INDEX_MISMATCH", "header.size").rosters = "three";
}

fn disagreements(world: &World, receipt: &Value, forged: &mut Forged) {
    let mut bad = |name, what, document: Value, verdict, field: &str| {
        forged.add(name, what, &document, verdict, field);
    };
    let other = json!("shenzhen-production");
    bad(
        "receipt of another chain",
        "the receipt names another chain than entry and header",
        with(receipt, |d| d["chain"] = other.clone()),
        "CHAIN_MISMATCH",
        "entry.chain",
    );
    bad(
        "entry of another chain",
        "the entry names another chain",
        with_text(receipt, "entry", |e| e["chain"] = other.clone()),
        "CHAIN_MISMATCH",
        "entry.chain",
    );
    let relabelled = with(&with_text(receipt, "entry", |e| e["chain"] = other.clone()), |d| d["chain"] = other.clone());
    bad(
        "sandbox as production",
        "receipt and entry name another chain than the header that was sealed",
        relabelled,
        "CHAIN_MISMATCH",
        "header.chain",
    );
    bad(
        "header of another chain",
        "the header names another chain, sealed anew by everybody",
        resealed(&world.four, receipt, |h| h["chain"] = other.clone()),
        "CHAIN_MISMATCH",
        "header.chain",
    );
    bad(
        "draft of another chain",
        "the draft is for another chain, and signed so by its issuer",
        redrafted(receipt, |draft| draft["chain"] = other.clone()),
        "CHAIN_MISMATCH",
        "entry.draft.chain",
    );
    bad(
        "wrong index",
        "the receipt's index is the next one",
        with(receipt, |d| d["index"] = json!(6)),
        "INDEX_MISMATCH",
        "entry.index",
    );
    bad(
        "index 2^64 - 1",
        "the receipt's index is the largest that there is",
        with(receipt, |d| d["index"] = json!(u64::MAX)),
        "INDEX_MISMATCH",
        "entry.index",
    );
    bad(
        "wrong index in the entry",
        "the entry's index is the next one",
        with_text(receipt, "entry", |e| e["index"] = json!(6)),
        "INDEX_MISMATCH",
        "entry.index",
    );
    bad(
        "another entry of the chain",
        "the entry is the next one, an invoice as good",
        with(receipt, |d| d["entry"] = json!(world.four.entries[6])),
        "INDEX_MISMATCH",
        "entry.index",
    );
    let early = with(receipt, |d| d["header"] = json!(world.four.headers[2]));
    bad("earlier header", "the header is that of a block before the entry's", early, "INDEX_MISMATCH", "header.size");
    let short = resealed(&world.four, receipt, |h| h["size"] = json!(INVOICE));
    bad(
        "size up to the entry",
        "the header's size is the entry's index, sealed anew by everybody: the entry is the first that it does not cover",
        short,
        "INDEX_MISMATCH",
        "header.size",
    );
    let later = with_text(receipt, "entry", |e| e["time"] = json!(e["time"].as_i64().unwrap() + 60_000));
    bad(
        "time after the header",
        "the entry is dated a minute later than it was, after its header",
        later,
        "TIME_MISMATCH",
        "entry.time",
    );
    let backdated = resealed(&world.four, receipt, |h| h["time"] = json!(h["time"].as_i64().unwrap() - 60_000));
    bad(
        "header before the entry",
        "the header is dated before the entry, sealed anew by everybody",
        backdated,
        "TIME_MISMATCH",
        "entry.time",
    );
    let expected = |index: usize| Some(world.four.leaf(index).printed());
    let what = "a valid receipt of another invoice than the page's, whose hash is expected";
    forged
        .add("receipt of another invoice", what, &world.four.receipt(6, NEWEST, false), "LEAF_HASH_MISMATCH", "entry")
        .expected = expected(INVOICE);
    let altered = with_text(receipt, "entry", |e| e["date"] = json!("2018-08-11"));
    let what = "the entry's date is the day after, and the hash of the page is expected";
    forged.add("date altered, hash expected", what, &altered, "LEAF_HASH_MISMATCH", "entry").expected =
        expected(INVOICE);
}

/// The receipt with its draft changed and signed anew by its issuer.
fn redrafted(receipt: &Value, edit: impl FnOnce(&mut Value)) -> Value {
    with_text(receipt, "entry", |entry| {
        edit(&mut entry["draft"]);
        entry["signature"] = json!(crate::world::issuer().sign(&text(&entry["draft"])));
    })
}
