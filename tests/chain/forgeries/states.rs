//! Present states that are not so, in receipts and in state proofs, and absences of what is there.

use piaolian::chain::{Hash, keccak256};
use serde_json::{Value, json};

use crate::forgeries::{Forged, list, replaced, resealed, with};
use crate::map::{Node, PLACEHOLDER, bit, key_of};
use crate::world::{BEFORE, CODE, INVOICE, NEWEST, REVERSED, ROTATED, World, nothing, parsed, text};

pub fn forge(world: &World, forged: &mut Forged) {
    let stated = world.four.receipt(INVOICE, BEFORE, true);
    uncommitted(world, forged);
    malformed(world, &stated, forged);
    values(world, &stated, forged);
    paths(&stated, forged);
    stale(world, &stated, forged);
    proofs(world, forged);
    absences(world, forged);
}

/// The document with its state's value changed.
fn valued(document: &Value, edit: impl FnOnce(&mut Value)) -> Value {
    let mut value = parsed(document["state"]["value"].as_str().unwrap());
    edit(&mut value);
    with(document, |d| d["state"]["value"] = json!(text(&value)))
}

fn uncommitted(world: &World, forged: &mut Forged) {
    let what = "a receipt with state under a header of version 1, which commits to none";
    forged.add(
        "state under a version 1 header",
        what,
        &world.four.receipt(2, 1, true),
        "STATE_UNCOMMITTED",
        "header.state",
    );
    let proof = world.four.state_proof(&world.four.invoices[&2], 2);
    let what = "a state proof under a header of version 1, which commits to none";
    forged.add("state proof under a version 1 header", what, &proof, "STATE_UNCOMMITTED", "header.state");
    let absent = world.four.state_proof(&format!("{CODE}-00000099"), 2);
    let what = "an absence under a header of version 1, which commits to none";
    forged.add("absence under a version 1 header", what, &absent, "STATE_UNCOMMITTED", "header.state");
}

fn malformed(world: &World, stated: &Value, forged: &mut Forged) {
    let value = stated["state"]["value"].as_str().unwrap();
    let mut bad = |name, what, document: Value, field: &str| {
        forged.add(name, what, &document, "STATE_MALFORMED", field);
    };
    let whole = |changed: &str| with(stated, |d| d["state"]["value"] = json!(changed));
    let part = |from: &str, to: &str| {
        let state = replaced(&stated["state"], "value", from, to);
        with(stated, |d| d["state"] = state)
    };
    bad("space in the value", "a space stands behind a comma in the value", part(",\"v\"", ", \"v\""), "state.value");
    bad("line feed behind the value", "the value ends with a line feed", whole(&format!("{value}\n")), "state.value");
    bad(
        "value re-ordered",
        "v stands first in the value",
        whole(&value.replace(",\"v\":1}", "}").replacen('{', "{\"v\":1,", 1)),
        "state.value",
    );
    bad("value is empty", "the value's text is empty", whole(""), "state.value");
    bad("value is an array", "the value is an empty array", whole("[]"), "state.value");
    bad("value is a word", "the value is the word alone, as a string", whole("\"open\""), "state.value");
    bad("null in the value", "the value's left is null", part("\"left\":19800", "\"left\":null"), "state.value");
    bad("until 1.5", "the end of the lease has a fraction", part("\"until\":15", "\"until\":1.5"), "state.value");
    bad("value version 2", "the value says version 2", valued(stated, |v| v["v"] = json!(2)), "state.value.v");
    bad(
        "value without version",
        "the value has no v",
        valued(stated, |v| drop(v.as_object_mut().unwrap().remove("v"))),
        "state.value.v",
    );
    bad(
        "value without leaf",
        "the value has no leaf",
        valued(stated, |v| drop(v.as_object_mut().unwrap().remove("leaf"))),
        "state.value.leaf",
    );
    bad(
        "leaf as printed",
        "the value's leaf is the printed hash, of 66 digits",
        valued(stated, |v| v["leaf"] = json!(format!("01{}", v["leaf"].as_str().unwrap()))),
        "state.value.leaf",
    );
    bad(
        "leaf in capitals",
        "the value's leaf is written with capital digits",
        valued(stated, |v| v["leaf"] = json!(v["leaf"].as_str().unwrap().to_uppercase())),
        "state.value.leaf",
    );
    bad(
        "word unknown",
        "the value's state is none of the eight words",
        valued(stated, |v| v["state"] = json!("paid")),
        "state.value.state",
    );
    bad(
        "word in capitals",
        "the value's state is a word in capitals",
        valued(stated, |v| v["state"] = json!("OPEN")),
        "state.value.state",
    );
    bad(
        "word is absent",
        "the value's state is the word that verdicts have for absence",
        valued(stated, |v| v["state"] = json!("absent")),
        "state.value.state",
    );
    bad(
        "value without word",
        "the value has no state",
        valued(stated, |v| drop(v.as_object_mut().unwrap().remove("state"))),
        "state.value.state",
    );
    bad(
        "until as a string",
        "the end of the lease is a string",
        valued(stated, |v| v["until"] = json!("2018-08-10")),
        "state.value.until",
    );
    bad(
        "until is true",
        "the end of the lease is a truth value",
        valued(stated, |v| v["until"] = json!(true)),
        "state.value.until",
    );
    let mut payment = world.four.receipt(4, BEFORE, false);
    (payment["v"], payment["state"]) = (json!(2), stated["state"].clone());
    bad(
        "state beside a payment",
        "the entry is a payment, which has no number, with the state of an invoice",
        payment,
        "entry.number",
    );
    let proof = world.four.state_proof(&world.four.invoices[&INVOICE], BEFORE);
    let unknown = valued(&proof, |v| v["state"] = json!("void"));
    bad(
        "word unknown in a state proof",
        "the state of a state proof is none of the eight words",
        unknown,
        "state.value.state",
    );
}

fn values(world: &World, stated: &Value, forged: &mut Forged) {
    let other = world.four.receipt(INVOICE + 2, BEFORE, true);
    let what = "state and path are those of another invoice under the same header";
    let borrowed = with(stated, |d| d["state"] = other["state"].clone());
    forged.add("state of another invoice", what, &borrowed, "STATE_LEAF_MISMATCH", "state.value.leaf");
    let what = "the value's leaf is that of another invoice";
    let leaf = valued(stated, |v| v["leaf"] = json!(world.four.leaf(INVOICE + 2)));
    forged.add("leaf altered", what, &leaf, "STATE_LEAF_MISMATCH", "state.value.leaf");
    let what = "state and path are those of another invoice, and the value says this one's leaf";
    let claimed = valued(&borrowed, |v| v["leaf"] = json!(world.four.leaf(INVOICE)));
    forged.add("state of another invoice, leaf altered", what, &claimed, "STATE_PROOF_BAD", "state.siblings");
    let mut bad = |name, what, edit: fn(&mut Value)| {
        forged.add(name, what, &valued(stated, edit), "STATE_PROOF_BAD", "state.siblings");
    };
    bad("locked as open", "the value of a locked invoice says open", |v| v["state"] = json!("open"));
    bad("locked as closed", "the value of a locked invoice says closed", |v| v["state"] = json!("closed"));
    bad("lease cut short", "the lease in the value ends an hour earlier", |v| {
        v["until"] = json!(v["until"].as_i64().unwrap() - 3_600_000)
    });
    bad("lease without end", "the value of a locked invoice has no until", |v| {
        drop(v.as_object_mut().unwrap().remove("until"))
    });
    bad("left altered", "the value says a cent less", |v| v["left"] = json!(19_799));
    bad("left taken out", "the value says nothing of what is left", |v| {
        drop(v.as_object_mut().unwrap().remove("left"))
    });
    bad("red with left", "the value says that the invoice is red, and what is left of it", |v| {
        v["state"] = json!("red")
    });
    bad("member added to the value", "the value has a member more that no verifier reads", |v| {
        v["note"] = json!("paid")
    });
}

fn paths(stated: &Value, forged: &mut Forged) {
    let mut bad = |name, what, edit: &dyn Fn(&mut Vec<Value>)| {
        let changed = with(stated, |d| edit(list(&mut d["state"]["siblings"])));
        forged.add(name, what, &changed, "STATE_PROOF_BAD", "state.siblings");
    };
    let hash_at = |siblings: &[Value]| siblings.iter().position(|sibling| sibling != "").unwrap();
    bad("no siblings", "the path is empty", &Vec::clear);
    bad("siblings reversed", "the path is from the root down", &|siblings| siblings.reverse());
    bad("siblings cut below", "the lowest sibling is missing", &|siblings| drop(siblings.remove(0)));
    bad("siblings cut above", "the uppermost sibling is missing", &|siblings| drop(siblings.pop()));
    bad("sibling more below", "an empty sibling more stands at the lower end", &|siblings| {
        siblings.insert(0, json!(""))
    });
    bad("sibling more above", "an empty sibling more stands at the upper end", &|siblings| siblings.push(json!("")));
    bad("hash more above", "a hash more stands at the upper end", &|siblings| siblings.push(json!(nothing("sibling"))));
    bad("256 siblings", "the path is filled up to the longest that is allowed", &|siblings| {
        siblings.resize(256, json!(""))
    });
    bad("hash left out", "a sibling is empty instead of the hash that stands there", &|siblings| {
        let place = hash_at(siblings);
        siblings[place] = json!("");
    });
    bad("hash put in", "a sibling is a hash where nothing stands", &|siblings| {
        let place = siblings.iter().rposition(|sibling| sibling == "").unwrap();
        siblings[place] = json!(nothing("sibling"));
    });
    bad("sibling of zeros", "an empty sibling is 32 zero bytes and not the placeholder", &|siblings| {
        let place = siblings.iter().rposition(|sibling| sibling == "").unwrap();
        siblings[place] = json!(Hash::ZERO);
    });
    bad("siblings exchanged", "a hash and the empty sibling beside it have changed places", &|siblings| {
        let place = siblings.windows(2).position(|two| two[0] != two[1]).unwrap();
        siblings.swap(place, place + 1);
    });
    bad("bit of a sibling flipped", "one bit of a sibling is another", &|siblings| {
        let place = hash_at(siblings);
        let mut hash: Hash = siblings[place].as_str().unwrap().parse().unwrap();
        hash.0[31] ^= 1;
        siblings[place] = json!(hash);
    });
}

fn stale(world: &World, stated: &Value, forged: &mut Forged) {
    let four = &world.four;
    let mut bad = |name, what, document: Value| {
        forged.add(name, what, &document, "STATE_PROOF_BAD", "state.siblings");
    };
    let reversed = four.receipt(INVOICE, REVERSED, true);
    let old = with(&reversed, |d| d["state"] = stated["state"].clone());
    bad(
        "stale state under a new header",
        "the invoice was reversed in this block, and state and path are those of an earlier one",
        old,
    );
    let early = with(stated, |d| d["state"] = reversed["state"].clone());
    bad("later state under an old header", "state and path are those of a later block", early);
    let value = with(&reversed, |d| d["state"]["value"] = stated["state"]["value"].clone());
    bad("stale value on the present path", "the path is right, and the value that of an earlier block", value);
    let pledged = four.receipt(INVOICE + 3, ROTATED, true);
    let before = with(&pledged, |d| d["state"] = four.receipt(INVOICE + 3, BEFORE, true)["state"].clone());
    bad(
        "open as before the pledge",
        "the invoice was pledged in this block, and state and path are those of the block before",
        before,
    );
    let other_root = resealed(four, stated, |h| h["state"] = json!(nothing("states")));
    bad("state root altered", "the header commits to other states, sealed anew by everybody", other_root);
    let own_leaf = resealed(four, stated, |h| h["state"] = h["root"].clone());
    bad("tree's root as the state", "the header's state is the root of its tree, sealed anew by everybody", own_leaf);
    let empty = resealed(four, stated, |h| h["state"] = json!(PLACEHOLDER));
    bad("state of the empty map", "the header says that there is no invoice at all, sealed anew by everybody", empty);
    let hashed = with(stated, |d| d["state"]["siblings"] = json!([]));
    let value_hash = keccak256(stated["state"]["value"].as_str().unwrap());
    bad(
        "value's hash as the root",
        "the header's state is keccak256 of the value, and the path empty, sealed anew by everybody",
        resealed(four, &hashed, |h| h["state"] = json!(value_hash)),
    );
}

fn proofs(world: &World, forged: &mut Forged) {
    let four = &world.four;
    let present = four.state_proof(&four.invoices[&INVOICE], BEFORE);
    let other = four.state_proof(&four.invoices[&(INVOICE + 2)], BEFORE);
    let mut bad = |name, what, document: Value, verdict, field: &str| {
        forged.add(name, what, &document, verdict, field);
    };
    let renamed = with(&present, |d| d["invoice"] = other["invoice"].clone());
    bad(
        "state proof renamed",
        "a state proof names another invoice, which is there too",
        renamed,
        "STATE_PROOF_BAD",
        "state.siblings",
    );
    let invented = with(&present, |d| d["invoice"] = json!(format!("{CODE}-00000099")));
    bad(
        "state proof of an invoice that is not",
        "a state proof names a number that was never issued",
        invented,
        "STATE_PROOF_BAD",
        "state.siblings",
    );
    let open = valued(&present, |v| v["state"] = json!("open"));
    bad(
        "locked as open in a state proof",
        "the value in a state proof of a locked invoice says open",
        open,
        "STATE_PROOF_BAD",
        "state.siblings",
    );
    let stale = with(&four.state_proof(&four.invoices[&INVOICE], REVERSED), |d| d["state"] = present["state"].clone());
    bad(
        "stale state proof",
        "state and path of a state proof are those of an earlier block than its header",
        stale,
        "STATE_PROOF_BAD",
        "state.siblings",
    );
    let chain = with(&present, |d| d["chain"] = json!("shenzhen-production"));
    bad(
        "state proof of another chain",
        "a state proof names another chain than its header",
        chain,
        "CHAIN_MISMATCH",
        "header.chain",
    );
    let header = with(&present, |d| d["header"] = json!(format!("{} ", d["header"].as_str().unwrap())));
    bad(
        "space behind a state proof's header",
        "the header of a state proof ends with a space",
        header,
        "HEADER_NOT_CANONICAL",
        "header",
    );
    let version = crate::forgeries::with_text(&present, "header", |h| h["v"] = json!(3));
    bad(
        "state proof under header version 3",
        "the header of a state proof says version 3",
        version,
        "HEADER_MALFORMED",
        "header",
    );
    let sealed = with(&present, |d| d["seals"] = json!(four.seals(&four.headers[BEFORE - 1], 0)));
    bad(
        "state proof with seals of another header",
        "the seals of a state proof are those of the header before",
        sealed,
        "SEAL_BAD",
        "seals[0].signature",
    );
    let what = "a valid state proof, and another invoice's hash is expected";
    forged.add("state proof of another hash", what, &present, "LEAF_HASH_MISMATCH", "state.value.leaf").expected =
        Some(four.leaf(INVOICE + 2).printed());
}

fn absences(world: &World, forged: &mut Forged) {
    let four = &world.four;
    let own = &four.invoices[&INVOICE];
    let present = four.state_proof(own, BEFORE);
    let absent = four.state_proof(&format!("{CODE}-00000099"), BEFORE);
    let beside = four.state_proof(&format!("{CODE}-00000000"), BEFORE);
    assert!(absent["state"].get("other").is_none() && absent["state"].get("value").is_none(), "nothing stands there");
    assert!(beside["state"].get("other").is_some(), "another leaf stands there");
    let mut bad = |name, what, document: Value, field: &str| {
        forged.add(name, what, &document, "STATE_PROOF_BAD", field);
    };
    let hidden = with(&present, |d| drop(d["state"].as_object_mut().unwrap().remove("value")));
    bad(
        "present as absent",
        "an invoice that is there is said to be absent: its path without its value",
        hidden.clone(),
        "state.siblings",
    );
    let value_hash = keccak256(present["state"]["value"].as_str().unwrap());
    let itself = with(&hidden, |d| d["state"]["other"] = json!({"key": Hash(key_of(own)), "value": value_hash}));
    bad(
        "absent because of itself",
        "an invoice is said to be absent because its own leaf stands at its place",
        itself,
        "state.other",
    );
    let moved = with(&absent, |d| d["invoice"] = json!(own));
    bad(
        "absence for a present number",
        "the path of an absent number, for an invoice that is there",
        moved,
        "state.siblings",
    );
    let moved = with(&beside, |d| d["invoice"] = json!(own));
    bad(
        "absence beside another for a present number",
        "the path of an absent number to the leaf at its place, for an invoice that is there and elsewhere",
        moved,
        "state.other",
    );
    let (_, siblings) = four.maps[BEFORE].way(&key_of(own));
    let Some(Node::Leaf(key, value)) = siblings.first().copied() else { panic!("a leaf beside the invoice") };
    let sister = json!({"key": Hash(key), "value": value});
    let wrong = with(&hidden, |d| d["state"]["other"] = sister.clone());
    bad(
        "wrong neighbour",
        "an invoice is said to be absent because of the leaf that stands beside its place",
        wrong,
        "state.other",
    );
    let cut = with(&hidden, |d| {
        list(&mut d["state"]["siblings"]).remove(0);
        d["state"]["other"] = sister;
    });
    bad(
        "neighbour a level up",
        "the leaf beside an invoice is said to stand where both of them are told apart",
        cut,
        "state.siblings",
    );
    let mut key = key_of(own);
    key[31] = 1;
    assert!(!bit(&key, 254) && bit(&key, 255));
    let invented = with(&hidden, |d| d["state"]["other"] = json!({"key": Hash(key), "value": value_hash}));
    bad(
        "invented leaf",
        "an invoice is said to be absent because of a leaf whose key differs in its last bit, and which is not there",
        invented,
        "state.siblings",
    );
    let emptied = with(&beside, |d| drop(d["state"].as_object_mut().unwrap().remove("other")));
    bad(
        "other leaf left out",
        "at the place of an absent number another leaf stands, and the proof says that nothing does",
        emptied,
        "state.siblings",
    );
    let altered = with(&beside, |d| d["state"]["other"]["value"] = json!(nothing("value")));
    bad(
        "other leaf's value altered",
        "the value's hash of the leaf at an absent number's place is another",
        altered,
        "state.siblings",
    );
    let shorter = with(&absent, |d| drop(list(&mut d["state"]["siblings"]).remove(0)));
    bad("absence a level up", "the lowest sibling of an absent number's path is missing", shorter, "state.siblings");
    let all = with(&absent, |d| list(&mut d["state"]["siblings"]).clear());
    bad("absence of everything", "an absence with an empty path: true only of the empty map", all, "state.siblings");
    let later = with(&four.state_proof(&four.invoices[&20], NEWEST), |d| {
        d["state"] = four.state_proof(&four.invoices[&20], BEFORE)["state"].clone();
    });
    bad(
        "absence from before the issue",
        "state and path are those of a block in which the number was not yet issued",
        later,
        "state.siblings",
    );
    let what = "a valid absence, though the caller has a hash of that number in hand";
    forged.add("absence of what is expected", what, &absent, "LEAF_HASH_MISMATCH", "state").expected =
        Some(nothing("page").printed());
}
