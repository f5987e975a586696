//! Drafts that are not whole, were altered, or are not signed by their issuer.

use k256::ecdsa::{Signature, SigningKey};
use piaolian::chain::{Hash, IssuerKey, eip191_hash, keccak256};
use serde_json::{Value, json};

use crate::forgeries::{Forged, list, with_text};
use crate::golden::high_s;
use crate::scene::secret;
use crate::world::{BEFORE, INVOICE, World, issuer, parsed, text};

/// The order of the curve, as `s` and `r` may not be.
pub const ORDER: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

pub fn forge(world: &World, forged: &mut Forged) {
    let receipt = world.four.receipt(INVOICE, BEFORE, false);
    incomplete(&receipt, forged);
    altered(&receipt, forged);
    foreign(world, &receipt, forged);
    edges(&receipt, forged);
}

fn incomplete(receipt: &Value, forged: &mut Forged) {
    let mut bad = |name, what, field: &str, edit: fn(&mut Value)| {
        forged.add(name, what, &with_text(receipt, "entry", edit), "DRAFT_MALFORMED", field);
    };
    bad("draft is gone", "the entry has issuer and signature, and no draft", "entry.draft", |e| {
        drop(e.as_object_mut().unwrap().remove("draft"));
    });
    bad("draft as a string", "the draft is its text and not the object", "entry.draft", |e| {
        e["draft"] = json!(text(&e["draft"]))
    });
    bad("draft as an array", "the draft is an array", "entry.draft", |e| e["draft"] = json!([]));
    bad("draft version 3", "the draft's v is 3", "entry.draft.v", |e| e["draft"]["v"] = json!(3));
    bad("draft without version", "the draft has no v", "entry.draft.v", |e| {
        drop(e["draft"].as_object_mut().unwrap().remove("v"));
    });
    bad("draft without chain", "the draft names no chain", "entry.draft.chain", |e| {
        drop(e["draft"].as_object_mut().unwrap().remove("chain"));
    });
    bad("issuer is gone", "the entry has draft and signature, and no issuer", "entry.issuer", |e| {
        drop(e.as_object_mut().unwrap().remove("issuer"));
    });
    bad("issuer as in print", "the issuer is written with 0x and capitals", "entry.issuer", |e| {
        e["issuer"] = json!(issuer().address().to_eip55());
    });
    bad("signature is gone", "the entry has draft and issuer, and no signature", "entry.signature", |e| {
        drop(e.as_object_mut().unwrap().remove("signature"));
    });
    bad("signature without v", "the issuer's signature has 64 bytes, like a seal's", "entry.signature", |e| {
        e["signature"] = json!(e["signature"].as_str().unwrap().split_at(128).0);
    });
    bad("signature in capitals", "the issuer's signature is written with capital digits", "entry.signature", |e| {
        e["signature"] = json!(e["signature"].as_str().unwrap().to_uppercase());
    });
}

fn altered(receipt: &Value, forged: &mut Forged) {
    let mut bad = |name, what, edit: fn(&mut Value)| {
        let changed = with_text(receipt, "entry", |entry| edit(&mut entry["draft"]));
        forged.add(name, what, &changed, "ISSUER_SIGNATURE_BAD", "entry.signature");
    };
    bad("total altered", "the draft's total is a cent more", |d| d["total"] = json!(19_801));
    bad("tax altered", "the draft's tax is none", |d| d["tax"] = json!(0));
    bad("line's amount altered", "the amount of the line is ten times as much", |d| {
        d["lines"][0]["amount"] = json!(186_790)
    });
    bad("rate altered", "the tax rate of the line is another", |d| d["lines"][0]["rate"] = json!(300));
    bad("buyer altered", "the buyer is somebody else", |d| d["buyer"]["name"] = json!("其他人"));
    bad("buyer's taxpayer id added", "the buyer has a taxpayer id that the draft does not have", |d| {
        d["buyer"]["taxpayer_id"] = json!("91440300708461136T");
    });
    bad("seller altered", "the seller's name is another", |d| d["seller"]["name"] = json!("深圳市另一家餐厅有限公司"));
    bad("list cut", "the draft's only line is missing", |d| drop(list(&mut d["lines"]).pop()));
    bad("line twice", "the draft's line stands twice", |d| {
        let line = d["lines"][0].clone();
        list(&mut d["lines"]).push(line);
    });
    bad("remark added", "the draft has a remark that was not signed", |d| d["remark"] = json!("已付"));
    bad("draft version altered", "the blue draft says version 2, as red ones do", |d| d["v"] = json!(2));
    bad("letter of another script", "a letter of the seller's taxpayer id is a Greek one of the same look", |d| {
        d["seller"]["taxpayer_id"] = json!(d["seller"]["taxpayer_id"].as_str().unwrap().replacen('A', "\u{391}", 1));
    });
}

fn foreign(world: &World, receipt: &Value, forged: &mut Forged) {
    let draft = text(&parsed(&world.four.entries[INVOICE])["draft"]);
    let stranger = IssuerKey::from_secret(&secret("M00000002")).unwrap();
    let mut bad = |name, what, key: &'static str, value: Value| {
        let changed = with_text(receipt, "entry", |entry| entry[key] = value);
        forged.add(name, what, &changed, "ISSUER_SIGNATURE_BAD", "entry.signature");
    };
    let next = parsed(&world.four.entries[INVOICE + 1])["signature"].clone();
    bad(
        "signature of another draft",
        "the signature is the issuer's, over the draft of the next invoice",
        "signature",
        next,
    );
    bad(
        "signed by another issuer",
        "the draft is signed by another merchant's key",
        "signature",
        json!(stranger.sign(&draft)),
    );
    bad(
        "another issuer named",
        "the entry names another merchant's key as the issuer",
        "issuer",
        json!(stranger.address()),
    );
    let whole = text(&parsed(&world.four.entries[INVOICE]));
    bad(
        "entry signed instead of the draft",
        "the issuer's signature is over the whole entry's text",
        "signature",
        json!(issuer().sign(&whole)),
    );
    bad(
        "draft signed with a line feed",
        "the issuer's signature is over the draft's text and a line feed",
        "signature",
        json!(issuer().sign(&format!("{draft}\n"))),
    );
    let bare = issuer().sign_hash(keccak256(&draft));
    bad(
        "draft signed without prefix",
        "the issuer's signature is over keccak256 of the draft's text, without the prefix of EIP-191",
        "signature",
        json!(bare),
    );
    let twice = issuer().sign_hash(keccak256(eip191_hash(&draft).as_bytes()));
    bad(
        "draft's hash hashed again",
        "the issuer's signature is over the hash of the hash that has to be signed",
        "signature",
        json!(twice),
    );
}

fn edges(receipt: &Value, forged: &mut Forged) {
    let good = parsed(receipt["entry"].as_str().unwrap())["signature"].as_str().unwrap().to_owned();
    let (rs, v) = good.split_at(128);
    let (r, s) = rs.split_at(64);
    let (zero, other_v) = ("0".repeat(64), if v == "1b" { "1c" } else { "1b" });
    let mut bad = |name, what, signature: String| {
        let changed = with_text(receipt, "entry", |entry| entry["signature"] = json!(signature));
        forged.add(name, what, &changed, "ISSUER_SIGNATURE_BAD", "entry.signature");
    };
    let bytes: [u8; 65] = hex::decode(&good).unwrap().try_into().unwrap();
    bad(
        "issuer's high s",
        "s is n - s and v the other one: the same key over the same draft, in a second form",
        high_s(bytes).to_string(),
    );
    bad(
        "issuer's high s, same v",
        "s is n - s, and v as it was",
        format!("{}{v}", high_s(bytes).to_string().split_at(128).0),
    );
    bad("issuer's r is 0", "r of the issuer's signature is 0", format!("{zero}{s}{v}"));
    bad("issuer's s is 0", "s of the issuer's signature is 0", format!("{r}{zero}{v}"));
    bad("issuer's r is n", "r of the issuer's signature is the order", format!("{ORDER}{s}{v}"));
    bad("issuer's s is n", "s of the issuer's signature is the order", format!("{r}{ORDER}{v}"));
    bad(
        "issuer's r is all ones",
        "r of the issuer's signature is above the order and above the field's prime",
        format!("{}{s}{v}", "f".repeat(64)),
    );
    bad("issuer's r is no x", "r of the issuer's signature is not the x of any point", format!("{}{s}{v}", no_point()));
    bad("v is 0 or 1", "v of the issuer's signature is without the 27", format!("{r}{s}{:02x}", bytes[64] - 27));
    bad(
        "v is 29 or 30",
        "v of the issuer's signature says that x of the nonce point is r + n",
        format!("{r}{s}{:02x}", bytes[64] + 2),
    );
    bad("v is the other one", "v of the issuer's signature is 28 for 27, or 27 for 28", format!("{r}{s}{other_v}"));
    bad(
        "v by EIP-155",
        "v of the issuer's signature is that of a transaction on chain 1",
        format!("{r}{s}{:02x}", bytes[64] + 10),
    );
    bad("issuer's s and r exchanged", "r and s of the issuer's signature have changed places", format!("{s}{r}{v}"));
}

/// The smallest number from 5 on that is not the x of a point: 5 is none on this curve.
fn no_point() -> Hash {
    let mut bytes = [0; 32];
    bytes[31] = 5;
    let mut compressed = vec![2];
    compressed.extend(bytes);
    assert!(k256::ecdsa::VerifyingKey::from_sec1_bytes(&compressed).is_err());
    Hash(bytes)
}

/// The signature of a hash by the key of this name, without anything that the program puts before it.
pub fn bare_signature(key: &str, hash: &Hash) -> String {
    use k256::ecdsa::signature::hazmat::PrehashSigner;
    let key = SigningKey::from_slice(secret(key).expose()).unwrap();
    let signature: Signature = key.sign_prehash(hash.as_bytes()).unwrap();
    hex::encode(signature.to_bytes())
}
