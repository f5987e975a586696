//! Documents that are none: broken JSON, and JSON of another form.

use serde_json::{Value, json};

use crate::forgeries::{Forged, list, with, written};
use crate::map::PLACEHOLDER;
use crate::world::{BEFORE, CODE, INVOICE, World, nothing};

const MALFORMED: &str = "RECEIPT_MALFORMED";

pub fn forge(world: &World, forged: &mut Forged) {
    let receipt = world.four.receipt(INVOICE, BEFORE, false);
    bytes(&written(&receipt), forged);
    numbers(&written(&receipt), forged);
    members(&receipt, forged);
    seals(&receipt, forged);
    states(world, forged);
    state_proofs(world, forged);
}

fn bytes(text: &str, forged: &mut Forged) {
    let mut bad = |name, what, document: String| {
        forged.bytes(name, what, document, MALFORMED, "");
    };
    let open = text.strip_suffix('}').unwrap();
    bad("no JSON", "the document is a word", "receipt".to_owned());
    bad("nothing", "the document is empty", String::new());
    bad("cut off", "the last byte is missing", open.to_owned());
    bad("a byte behind", "a letter stands behind the document", format!("{text}x"));
    bad("twice", "the document stands twice, one behind the other", format!("{text}{text}"));
    bad("byte order mark", "U+FEFF stands before the document", format!("\u{feff}{text}"));
    bad(
        "no-break space",
        "U+00A0, which is no white space in JSON, stands before the document",
        format!("\u{a0}{text}"),
    );
    bad("form feed", "U+000C, which is no white space in JSON, stands before the document", format!("\u{c}{text}"));
    bad("trailing comma", "a comma stands before the last brace", format!("{open},}}"));
    bad("comment", "a comment stands behind the document", format!("{text}/* true */"));
    bad("wrapped in an array", "the document is an array with the receipt in it", format!("[{text}]"));
    bad("wrapped in a string", "the document is a string with the receipt in it", json!(text).to_string());
    bad("null", "the document is null", "null".to_owned());
    bad("an empty object", "the document has no members", "{}".to_owned());
    bad(
        "lone surrogate in a string",
        "half of a surrogate pair stands in the entry's string",
        text.replacen(r#""entry":""#, r#""entry":"\ud83d"#, 1),
    );
    bad(
        "surrogates in the wrong order",
        "the second half of a pair stands before the first in the entry's string",
        text.replacen(r#""entry":""#, r#""entry":"\ude00\ud83d"#, 1),
    );
    bad(
        "bare line feed in a string",
        "a line feed stands in the entry's string and is not escaped",
        text.replacen(r#""entry":""#, "\"entry\":\"\n", 1),
    );
    bad(
        "unknown escape",
        "the entry's string has an escape that JSON does not know",
        text.replacen(r#""entry":""#, r#""entry":"\x41"#, 1),
    );
    bad("a key without quotes", "the key v has no quotes", text.replacen(r#""v":1}"#, "v:1}", 1));
    forged
        .bytes(
            "too large",
            "8 MiB and a byte: white space stands before a valid receipt",
            text.to_owned(),
            MALFORMED,
            "",
        )
        .spaces = 8 * 1024 * 1024 + 1 - text.len();
}

fn numbers(text: &str, forged: &mut Forged) {
    let mut index = |name, what, number: &str| {
        let changed = text.replacen(r#""index":5,"#, &format!(r#""index":{number},"#), 1);
        assert_ne!(changed, text);
        forged.bytes(name, what, changed, MALFORMED, "");
    };
    index("index 5.0", "the index has a fraction, though of nothing", "5.0");
    index("index 5e0", "the index has an exponent, though of nothing", "5e0");
    index("index 05", "the index has a leading zero", "05");
    index("index +5", "the index has a plus sign", "+5");
    index("index \"5\"", "the index is a string", "\"5\"");
    index("index -0", "the index is minus zero", "-0");
    index("index -5", "the index is below zero", "-5");
    index("index 2^64", "the index does not go into 64 bits", "18446744073709551616");
    index("index NaN", "the index is no number of JSON", "NaN");
    index("index null", "the index is null", "null");
    index("index true", "the index is a truth value", "true");
}

fn members(receipt: &Value, forged: &mut Forged) {
    let text = written(receipt);
    let mut bad = |name, what, document: String| {
        forged.bytes(name, what, document, MALFORMED, "");
    };
    bad("unknown member", "a member more: paid", text.replacen('{', r#"{"paid":true,"#, 1));
    bad("member twice", "the index stands twice, with the same value", text.replacen('{', r#"{"index":5,"#, 1));
    bad(
        "member twice, escaped",
        "the index stands twice, once with its key escaped",
        text.replacen('{', r#"{"\u0069ndex":5,"#, 1),
    );
    let mut edited = |name, what, edit: fn(&mut Value)| {
        forged.add(name, what, &with(receipt, edit), MALFORMED, "");
    };
    edited("no seals member", "the member seals is missing", |d| drop(d.as_object_mut().unwrap().remove("seals")));
    edited("no proof member", "the member proof is missing", |d| drop(d.as_object_mut().unwrap().remove("proof")));
    edited("entry as an object", "the entry is the object and not its text", |d| {
        d["entry"] = serde_json::from_str(d["entry"].as_str().unwrap()).unwrap();
    });
    edited("receipt version 3", "v is 3", |d| d["v"] = json!(3));
    edited("receipt version as a string", "v is \"1\"", |d| d["v"] = json!("1"));
    edited("chain in capitals", "the chain is no chain id", |d| d["chain"] = json!("Shenzhen-sandbox"));
    edited("chain of 41 characters", "the chain's id is too long", |d| d["chain"] = json!("c".repeat(41)));
    edited("hash in capitals", "a hash of the proof is written with capital digits", |d| {
        d["proof"][0] = json!(d["proof"][0].as_str().unwrap().to_uppercase());
    });
    edited("hash with 0x", "a hash of the proof has 0x before it", |d| {
        d["proof"][0] = json!(format!("0x{}", d["proof"][0].as_str().unwrap()));
    });
    edited("short hash", "a hash of the proof lacks its last digit", |d| {
        d["proof"][0] = json!(d["proof"][0].as_str().unwrap().split_at(63).0);
    });
    edited("empty hash in the proof", "a hash of the proof is the empty string, which stands in siblings only", |d| {
        d["proof"][0] = json!("");
    });
    let many = with(receipt, |d| d["proof"] = json!(vec![nothing("proof"); 66]));
    forged.add("66 hashes", "the proof has 66 hashes, more than any tree needs", &many, MALFORMED, "proof");
    let many = with(receipt, |d| d["seals"] = json!(vec![d["seals"][0].clone(); 65]));
    forged.add("65 seals", "there are 65 seals, more than a roster has members", &many, MALFORMED, "seals");
    let values: Vec<Value> =
        ["v", "chain", "entry", "index", "proof", "header", "seals"].map(|key| receipt[key].clone()).into();
    forged.add("members as an array", "the document is an array of the members' values", &json!(values), MALFORMED, "");
}

fn seals(receipt: &Value, forged: &mut Forged) {
    let mut edited = |name, what, edit: fn(&mut Value)| {
        forged.add(name, what, &with(receipt, |d| edit(&mut d["seals"][1])), MALFORMED, "");
    };
    edited("seal with a member more", "a seal says its power", |seal| seal["power"] = json!(9));
    edited("seal without round", "a seal has no round", |seal| drop(seal.as_object_mut().unwrap().remove("round")));
    edited("seal as an array", "a seal is the array of its members' values", |seal| {
        *seal = json!([seal["member"], seal["round"], seal["signature"]]);
    });
    edited("round 2^32", "a seal's round does not go into 32 bits", |seal| seal["round"] = json!(1_u64 << 32));
    edited("round -1", "a seal's round is below zero", |seal| seal["round"] = json!(-1));
    edited("member in capitals", "a seal's member is no name", |seal| seal["member"] = json!("Kingdee"));
    edited("seal of 65 bytes", "a seal's signature has a byte v like an issuer's", |seal| {
        seal["signature"] = json!(format!("{}1b", seal["signature"].as_str().unwrap()));
    });
}

fn states(world: &World, forged: &mut Forged) {
    let plain = world.four.receipt(INVOICE, BEFORE, false);
    let stated = world.four.receipt(INVOICE, BEFORE, true);
    let mut bad = |name, what, document: Value, field| {
        forged.add(name, what, &document, MALFORMED, field);
    };
    bad("version 1 with state", "a receipt with state says version 1", with(&stated, |d| d["v"] = json!(1)), "state");
    bad(
        "version 2 without state",
        "a receipt without state says version 2",
        with(&plain, |d| d["v"] = json!(2)),
        "state",
    );
    bad("state is null", "a receipt without state has null for it", with(&plain, |d| d["state"] = Value::Null), "");
    let array = with(&stated, |d| d["state"] = json!([d["state"]["siblings"], d["state"]["value"]]));
    bad("state as an array", "the state is the array of its members' values", array, "");
    let no_value = with(&stated, |d| drop(d["state"].as_object_mut().unwrap().remove("value")));
    bad("state without value", "the state in a receipt has no value, as if it were an absence", no_value, "");
    let other = with(&stated, |d| d["state"]["other"] = json!({"key": nothing("key"), "value": nothing("value")}));
    bad("receipt with another leaf", "the state in a receipt has other, which stands in state proofs only", other, "");
    let long = with(&stated, |d| d["state"]["siblings"] = json!(vec![PLACEHOLDER; 257]));
    bad("257 siblings", "the path has more siblings than a key has bits", long, "state.siblings");
    let object =
        with(&stated, |d| d["state"]["value"] = serde_json::from_str(d["state"]["value"].as_str().unwrap()).unwrap());
    bad("value as an object", "the state's value is the object and not its text", object, "");
    let null = with(&stated, |d| d["state"]["siblings"][0] = Value::Null);
    bad("null as a sibling", "a sibling is null and not the empty string", null, "");
    let zero = with(&stated, |d| d["state"]["siblings"][0] = json!("0"));
    bad("a digit as a sibling", "a sibling is neither empty nor a hash", zero, "");
}

fn state_proofs(world: &World, forged: &mut Forged) {
    let present = world.four.state_proof(&world.four.invoices[&INVOICE], BEFORE);
    let mut bad = |name, what, document: Value, field| {
        forged.add(name, what, &document, MALFORMED, field);
    };
    let without_hyphen = with(&present, |d| d["invoice"] = json!(format!("{CODE}00000003")));
    bad("invoice without hyphen", "a state proof names its invoice by 20 digits", without_hyphen, "invoice");
    let letters = with(&present, |d| d["invoice"] = json!("14403180911a-00000003"));
    bad(
        "invoice with a letter",
        "a state proof names its invoice with a hex digit that is no decimal one",
        letters,
        "invoice",
    );
    let moved = with(&present, |d| d["invoice"] = json!("1440318091100-0000003"));
    bad("hyphen a place later", "a state proof's invoice has 13 digits and 7", moved, "invoice");
    let wide = with(&present, |d| d["invoice"] = json!(format!("{CODE}-0000000３")));
    bad("invoice with a full-width digit", "the last digit of a state proof's invoice is U+FF13", wide, "invoice");
    let both = with(&present, |d| d["state"]["other"] = json!({"key": nothing("key"), "value": nothing("value")}));
    bad("value and other leaf", "a state proof says presence and absence", both, "state.other");
    let null = with(&present, |d| d["state"]["value"] = Value::Null);
    bad("value is null", "a state proof's value is null and not left out", null, "");
    let half = with(&present, |d| d["state"] = json!({"siblings": [], "other": {"key": nothing("key")}}));
    bad("half of another leaf", "the other leaf of a state proof has a key only", half, "");
    let second = with(&present, |d| d["v"] = json!(2));
    bad("state proof of version 2", "a state proof says version 2", second, "");
    let with_entry = with(&present, |d| d["entry"] = json!(world.four.entries[INVOICE]));
    bad(
        "state proof with entry",
        "a state proof has an entry too, and so is a receipt, with members unknown and missing",
        with_entry,
        "",
    );
    let long = with(&present, |d| list(&mut d["state"]["siblings"]).resize(257, json!("")));
    bad(
        "state proof with 257 siblings",
        "the path of a state proof has more siblings than a key has bits",
        long,
        "state.siblings",
    );
    let many = with(&present, |d| d["seals"] = json!(vec![d["seals"][0].clone(); 65]));
    bad("state proof with 65 seals", "a state proof has more seals than a roster has members", many, "seals");
}
