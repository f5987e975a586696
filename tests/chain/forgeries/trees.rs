//! Entries that are not in the tree, and proofs that do not lead where they must.

use piaolian::chain::{Hash, header_hash, keccak256, leaf_hash, node_hash};
use serde_json::{Value, json};

use crate::forgeries::{Forged, list, resealed, with, with_text};
use crate::world::{BEFORE, Chain, INVOICE, NEWEST, REVERSED, World, nothing};

pub fn forge(world: &World, forged: &mut Forged) {
    let receipt = world.four.receipt(INVOICE, BEFORE, false);
    paths(world, &receipt, forged);
    entries(&receipt, forged);
    headers(world, &receipt, forged);
    nodes(world, &receipt, forged);
}

fn paths(world: &World, receipt: &Value, forged: &mut Forged) {
    let mut bad = |name, what, edit: &dyn Fn(&mut Vec<Value>)| {
        forged.add(name, what, &with(receipt, |d| edit(list(&mut d["proof"]))), "PROOF_BAD", "proof");
    };
    bad("empty path", "the proof is empty", &Vec::clear);
    bad("extra path", "the proof has a hash more at the end", &|proof| proof.push(json!(nothing("sibling"))));
    bad("extra path of zeros", "the proof has 32 zero bytes more at the end", &|proof| proof.push(json!(Hash::ZERO)));
    bad("leaf in its own path", "the proof begins with the entry's own leaf hash", &|proof| {
        proof.insert(0, json!(world.four.leaf(INVOICE)))
    });
    bad("root in the path", "the proof ends with the root", &|proof| {
        proof.push(crate::world::parsed(&world.four.headers[BEFORE])["root"].clone())
    });
    bad("path without its beginning", "the first hash of the proof is missing", &|proof| drop(proof.remove(0)));
    bad("path without its end", "the last hash of the proof is missing", &|proof| drop(proof.pop()));
    bad("path upside down", "the proof is from the root down", &|proof| proof.reverse());
    bad("two hashes exchanged", "the first two hashes of the proof have changed places", &|proof| proof.swap(0, 1));
    bad("hash twice", "the first hash of the proof stands twice", &|proof| proof.insert(0, proof[0].clone()));
    bad("bit of the path flipped", "one bit of the proof's second hash is another", &|proof| {
        let mut hash: Hash = proof[1].as_str().unwrap().parse().unwrap();
        hash.0[7] ^= 1;
        proof[1] = json!(hash);
    });
    bad("path of 65 hashes", "the proof is filled up to the longest that is allowed", &|proof| {
        proof.resize(65, json!(Hash::ZERO))
    });
    let neighbour = world.four.receipt(INVOICE - 1, BEFORE, false);
    bad("path of the neighbour", "the proof is that of the entry before", &|proof| {
        *proof = neighbour["proof"].as_array().unwrap().clone()
    });
    let later = world.four.receipt(INVOICE, NEWEST, false);
    bad("path of a later tree", "the proof is one under a later header", &|proof| {
        *proof = later["proof"].as_array().unwrap().clone()
    });
}

fn entries(receipt: &Value, forged: &mut Forged) {
    let mut bad = |name, what, edit: fn(&mut Value)| {
        forged.add(name, what, &with_text(receipt, "entry", edit), "PROOF_BAD", "proof");
    };
    bad("number altered", "the invoice's number is another", |e| e["number"] = json!("00000009"));
    bad("code altered", "the invoice's code is that of the next year", |e| e["code"] = json!("144031909110"));
    bad("date altered", "the entry's date is the day after", |e| e["date"] = json!("2018-08-11"));
    bad("time altered", "the entry is dated a second earlier than it was", |e| {
        e["time"] = json!(e["time"].as_i64().unwrap() - 1_000)
    });
    bad("kind altered", "the blue entry says that it is a red one", |e| e["kind"] = json!("reverse"));
    bad("seq altered", "the entry's place in the merchant's journal is another", |e| e["seq"] = json!(7));
    bad("entry version altered", "the entry says version 1", |e| e["v"] = json!(1));
    bad("merchant altered", "the entry is another merchant's", |e| e["merchant"] = json!("M00000002"));
    bad("member added to the entry", "the entry has a member more that no verifier reads", |e| {
        e["note"] = json!("paid")
    });
    bad("member taken from the entry", "the entry has no date", |e| drop(e.as_object_mut().unwrap().remove("date")));
    bad("draft taken out as a whole", "the entry has neither draft nor issuer nor signature any more", |e| {
        for key in ["draft", "issuer", "signature"] {
            e.as_object_mut().unwrap().remove(key);
        }
    });
    let what = "the entry answers another request, under another of the merchant's keys";
    let relabelled =
        with_text(receipt, "entry", |e| (e["request"], e["key"]) = (json!(nothing("request")), json!("order-2")));
    forged.add("entry of another request", what, &relabelled, "PROOF_BAD", "proof");
}

fn headers(world: &World, receipt: &Value, forged: &mut Forged) {
    let mut bad = |name, what, document: Value| {
        forged.add(name, what, &document, "PROOF_BAD", "proof");
    };
    let later = with(receipt, |d| {
        d["header"] = json!(world.four.headers[REVERSED]);
        d["seals"] = json!(world.four.seals(&world.four.headers[REVERSED], 0));
    });
    bad("header swapped", "header and seals are those of a later block, whose tree is larger", later);
    let next = with_text(&with(receipt, |d| d["index"] = json!(6)), "entry", |e| e["index"] = json!(6));
    bad("moved by one", "receipt and entry both say the next index", next);
    let four = &world.four;
    bad(
        "root altered",
        "the header's root is another, sealed anew by everybody",
        resealed(four, receipt, |h| h["root"] = json!(nothing("root"))),
    );
    // A tree of 13 to 16 entries has a path of the same length here, which would lead to the same root: there the seals decide.
    let longer = resealed(four, receipt, |h| h["size"] = json!(17));
    bad("wrong size", "the header's size is five more, sealed anew by everybody", longer);
    bad(
        "size cut to the entry",
        "the header's size ends with the entry, sealed anew by everybody",
        resealed(four, receipt, |h| h["size"] = json!(INVOICE + 1)),
    );
    bad(
        "largest size",
        "the header's size is 2^53 - 1, sealed anew by everybody",
        resealed(four, receipt, |h| h["size"] = json!(9_007_199_254_740_991_u64)),
    );
    let own_root = resealed(four, receipt, |h| h["root"] = json!(world.four.leaf(INVOICE)));
    bad(
        "leaf hash as the root",
        "the header's root is the entry's leaf hash, though the tree has more entries, sealed anew by everybody",
        own_root,
    );
    let bare = alone(four, receipt, &|entry| keccak256(entry));
    bad(
        "entry hashed without first byte",
        "the tree is of this entry alone and its root the bare keccak256 of its text, sealed anew by everybody",
        bare,
    );
    let as_header = alone(four, receipt, &header_hash);
    bad(
        "entry hashed as a header",
        "the tree is of this entry alone, hashed with the first byte of headers, sealed anew by everybody",
        as_header,
    );
}

/// The receipt as that of the only entry of a tree, whose root is made of the entry's text so.
fn alone(chain: &Chain, receipt: &Value, root: &dyn Fn(&str) -> Hash) -> Value {
    let mut first = with_text(receipt, "entry", |e| e["index"] = json!(0));
    (first["index"], first["proof"]) = (json!(0), json!([]));
    let root = root(first["entry"].as_str().unwrap());
    resealed(chain, &first, |h| (h["size"], h["root"]) = (json!(1), json!(root)))
}

fn nodes(world: &World, receipt: &Value, forged: &mut Forged) {
    // The node above the entry and its neighbour: its two hashes as the characters U+0000 to U+00FF, and the rest of the proof.
    let (left, right) = (world.four.leaf(INVOICE - 1), world.four.leaf(INVOICE));
    let children = [*left.as_bytes(), *right.as_bytes()].concat();
    let disguised: String = children.iter().map(|byte| char::from(*byte)).collect();
    let node = with(receipt, |d| {
        d["entry"] = json!(disguised);
        list(&mut d["proof"]).remove(0);
    });
    let what = "the entry is the two hashes of the node above it, and the proof goes on from there";
    forged.add("node passed as leaf", what, &node, "ENTRY_NOT_CANONICAL", "entry");
    assert_ne!(leaf_hash(&disguised), node_hash(&left, &right));
    let quoted = with(receipt, |d| {
        d["entry"] = json!(format!("\"{left}{right}\""));
        list(&mut d["proof"]).remove(0);
    });
    let what = "the entry is a canonical string with the two hashes of the node above it in hex";
    forged.add("node passed as leaf, in hex", what, &quoted, "ENTRY_MALFORMED", "entry");
}
