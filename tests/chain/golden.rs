//! Golden files: made here when blessed, compared byte for byte otherwise.

use piaolian::base::Code;
use piaolian::chain::{
    Address, Hash, Header, IssuerKey, IssuerSignature, Prover, eip191_hash, header_hash, keccak256, leaf_hash,
    parse_canonical, recover, vote_text,
};
use piaolian::ledger::stream::{StreamItem, StreamReader};
use serde_json::{Value, json};

use crate::oracle::{environment, root};
use crate::scene::{chain, draft, issuer, name, scene, seal_key, secret};
use crate::tree::grown;
use crate::world::{ROTATED, nothing, parsed, text, world};

/// Compares with `fixtures/chain/<file>`, or writes it when `GOLDEN_BLESS=1`.
///
/// Sorted, so that the bytes do not hang on whether some other crate turns serde_json's `preserve_order` on.
pub fn golden(file: &str, content: &Value) {
    let mut content = content.clone();
    content.sort_all_objects();
    let text = format!("{}\n", serde_json::to_string_pretty(&content).unwrap());
    let path = root().join("fixtures/chain").join(file);
    if environment("GOLDEN_BLESS").as_deref() == Some("1") {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let line = stored.lines().zip(text.lines()).take_while(|(a, b)| a == b).count() + 1;
    assert!(stored == text, "{} differs from line {line} on; a wanted change is a new format version", path.display());
}

#[test]
fn canonical_texts() {
    let [nested, deepest] = [33, 32].map(|depth| format!("{}1{}", "[".repeat(depth), "]".repeat(depth)));
    let accepted = [
        "{}",
        "[]",
        "\"\"",
        "0",
        "-1",
        "9007199254740991",
        "-9007199254740991",
        "[true,false,\"\"]",
        r#"{"":1,"A":2,"a":3}"#,
        "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\"\u{f6}\":\"o\",\"\u{20ac}\":\"Euro\",\"\u{1f600}\":\"Smiley\",\"\u{fdfa}\":\"Ligature\"}",
        r#""\b\t\n\f\r\"\\/\u0000\u001f""#,
        "\"\u{7f}\u{2028}\u{fffd}\u{1f9fe}\"",
        r#"{"amount":18679,"name":"深圳市国贸旋转餐厅有限公司","quantity":"0.5"}"#,
        &deepest,
    ];
    let refused = [
        r#"{"b":1,"a":2}"#,
        r#"{"a":1,"a":1}"#,
        r#"{"a": 1}"#,
        "[1,]",
        "{} ",
        "{}{}",
        "\u{feff}{}",
        r#""\u0041""#,
        r#""\/""#,
        r#""\u001F""#,
        r#""\u000a""#,
        r#""\ud83d\ude00""#,
        r#""\ud83d""#,
        "{\"\u{fdfa}\":1,\"\u{1f600}\":2}",
        "01",
        "+1",
        "-0",
        "1.0",
        "1.5",
        "1e2",
        "9007199254740992",
        "-9007199254740992",
        "18446744073709551616",
        "null",
        r#"{"a":[1,null]}"#,
        "\"e\u{301}\"",
        "{\"e\u{301}\":1}",
        "\"\u{212b}\"",
        &nested,
        "nul",
        "",
    ];
    let accepted: Vec<Value> = accepted
        .iter()
        .map(|text| {
            parse_canonical(text).unwrap();
            json!({"text": text, "leaf_hash": leaf_hash(text)})
        })
        .collect();
    let refused: Vec<Value> = refused
        .iter()
        .map(|text| {
            let fault = parse_canonical(text).unwrap_err();
            json!({"text": text, "code": fault.code.as_str(), "path": fault.path})
        })
        .collect();
    golden("canonical.json", &json!({"accepted": accepted, "refused": refused}));
}

#[test]
fn trees() {
    let (store, roots) = grown(70);
    let (mut inclusion, mut consistency) = (Vec::new(), Vec::new());
    for size in [1, 2, 3, 5, 7, 8, 13, 64, 70] {
        let prover = Prover::new(&store, size);
        let some: std::collections::BTreeSet<u64> = [0, 1, size / 2, size.saturating_sub(2), size - 1].into();
        for index in some.into_iter().filter(|index| *index < size) {
            inclusion.push(json!({"index": index, "size": size, "proof": prover.inclusion(index).unwrap()}));
        }
        for old in [1, 2, 3, 6, 7, 8, 32, 64, 69, 70].into_iter().filter(|old| *old <= size) {
            consistency.push(json!({"old": old, "new": size, "proof": prover.consistency(old).unwrap()}));
        }
    }
    let mut nodes = Nodes::default();
    let provers: Vec<_> = (1..=70).map(|size| (size, Prover::new(&store, size))).collect();
    let every_inclusion: Vec<Vec<String>> = provers
        .iter()
        .map(|(size, prover)| (0..*size).map(|index| nodes.numbers(&prover.inclusion(index).unwrap())).collect())
        .collect();
    let every_consistency: Vec<Vec<String>> = provers
        .iter()
        .map(|(size, prover)| (1..=*size).map(|old| nodes.numbers(&prover.consistency(old).unwrap())).collect())
        .collect();
    golden(
        "tree.json",
        &json!({
            "leaf_texts": "leaf i is the text of the decimal number i",
            "roots": roots,
            "inclusion": inclusion,
            "consistency": consistency,
            "nodes": nodes.0,
            "every_inclusion": every_inclusion,
            "every_consistency": every_consistency,
        }),
    );
}

/// Hashes that proofs are made of, each once.
#[derive(Default)]
struct Nodes(Vec<Hash>);

impl Nodes {
    /// A proof as numbers of hashes, with spaces between.
    fn numbers(&mut self, proof: &[Hash]) -> String {
        let number = |hash: &Hash| {
            let known = self.0.iter().position(|node| node == hash);
            known.unwrap_or_else(|| {
                self.0.push(*hash);
                self.0.len() - 1
            })
        };
        proof.iter().map(number).map(|number| number.to_string()).collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn issuers() {
    let draft = parse_canonical(&piaolian::chain::to_canonical(&draft()).unwrap()).unwrap();
    let texts = ["{}".to_owned(), piaolian::chain::to_canonical(&draft).unwrap()];
    let mut signed = Vec::new();
    for seed in ["M00000001", "M00000002", "M00000003"] {
        let key = IssuerKey::from_secret(&secret(seed)).unwrap();
        for text in &texts {
            signed.push(json!({
                "secret": hex::encode(secret(seed).expose()),
                "address": key.address(),
                "eip55": key.address().to_eip55(),
                "text": text,
                "eip191_hash": eip191_hash(text),
                "signature": key.sign(text),
            }));
        }
    }
    let IssuerSignature(good) = issuer().sign("{}");
    let change = |edit: fn(&mut [u8; 65])| {
        let mut bytes = good;
        edit(&mut bytes);
        IssuerSignature(bytes)
    };
    let refused: Vec<Value> = [
        ("v is 0 or 1 instead of 27 or 28", change(|bytes| bytes[64] -= 27)),
        ("v is 29", change(|bytes| bytes[64] = 29)),
        ("r is zero", change(|bytes| bytes[..32].fill(0))),
        ("s is zero", change(|bytes| bytes[32..64].fill(0))),
        ("r is not below the order", change(|bytes| bytes[..32].fill(0xff))),
        ("s is high", high_s(good)),
    ]
    .into_iter()
    .map(|(why, signature)| {
        assert_eq!(recover("{}", &signature).unwrap_err().code, Code::ChainSignatureBad, "{why}");
        json!({"why": why, "text": "{}", "signature": signature})
    })
    .collect();
    assert_eq!(Address::parse_eip55(&issuer().address().to_eip55()).unwrap(), issuer().address());
    golden("issuer.json", &json!({"signed": signed, "refused": refused}));
}

/// The other signature of the same key over the same text: s' = n - s, and the other v.
pub fn high_s(low: [u8; 65]) -> IssuerSignature {
    let signature = k256::ecdsa::Signature::from_slice(&low[..64]).unwrap();
    let high = k256::ecdsa::Signature::from_scalars(signature.r(), -*signature.s()).unwrap();
    let mut bytes = [55 - low[64]; 65];
    bytes[..64].copy_from_slice(&high.to_bytes());
    IssuerSignature(bytes)
}

#[test]
fn headers_and_rosters() {
    let scene = scene();
    let hashed = |texts: &[String]| -> Vec<Value> {
        texts.iter().map(|text| json!({"text": text, "hash": header_hash(text)})).collect()
    };
    let rosters: Vec<Value> =
        scene.rosters.iter().map(|roster| json!({"text": roster.text(), "hash": roster.hash()})).collect();
    let changed = world().four.headers;
    for pair in scene.headers.windows(2).chain(changed.windows(2)) {
        Header::from_text(&pair[1]).unwrap().follows(&Header::from_text(&pair[0]).unwrap()).unwrap();
    }
    let pairs: Vec<Value> = broken_pairs(&changed)
        .into_iter()
        .map(|(name, first, second, field)| {
            let fault = Header::from_text(&second).unwrap().follows(&Header::from_text(&first).unwrap()).unwrap_err();
            assert_eq!((fault.code, fault.path.as_str()), (Code::ChainHeaderBroken, field), "{name}");
            json!({"name": name, "first": first, "second": second, "field": field})
        })
        .collect();
    golden(
        "header.json",
        &json!({"headers": hashed(&scene.headers), "changed": hashed(&changed), "rosters": rosters, "pairs": pairs}),
    );
}

/// Pairs of headers, each good by itself, of which the second does not follow the first; and what is wrong.
fn broken_pairs(headers: &[String]) -> Vec<(&'static str, String, String, &'static str)> {
    let after = |height: usize, edit: &dyn Fn(&mut Value)| {
        let mut second = parsed(&headers[height]);
        edit(&mut second);
        (headers[height - 1].clone(), text(&second))
    };
    let earlier = |key: &str, height: usize, by: i64| json!(parsed(&headers[height])[key].as_i64().unwrap() - by);
    let pair = |name, (first, second), field| (name, first, second, field);
    let empty = ROTATED + 1;
    vec![
        pair("another chain", after(4, &|h| h["chain"] = json!("shenzhen-production")), "chain"),
        pair("a height left out", (headers[3].clone(), headers[5].clone()), "height"),
        pair("the same header again", (headers[4].clone(), headers[4].clone()), "height"),
        pair("upside down", (headers[5].clone(), headers[4].clone()), "height"),
        pair("another header before", after(4, &|h| h["prev"] = json!(nothing("header"))), "prev"),
        pair("a time before", after(4, &|h| h["time"] = earlier("time", 3, 1)), "time"),
        pair("a size below", after(4, &|h| h["size"] = earlier("size", 3, 1)), "size"),
        pair("another root, no entry", after(empty, &|h| h["root"] = json!(nothing("root"))), "root"),
        pair("other states, no entry", after(empty, &|h| h["state"] = json!(nothing("states"))), "state"),
        pair("another roster", after(4, &|h| h["members"] = json!(nothing("roster"))), "members"),
        pair(
            "the roster before a rotation",
            after(ROTATED, &|h| h["members"] = parsed(&headers[4])["members"].clone()),
            "members",
        ),
        pair(
            "back to version 1",
            after(4, &|h| {
                h["v"] = json!(1);
                h.as_object_mut().unwrap().remove("state");
            }),
            "v",
        ),
    ]
}

#[test]
fn streams() {
    let four = world().four;
    let mut lines = vec![text(&json!({"stream": 1, "chain": four.id, "roster": four.terms[0].roster.text()}))];
    let mut from = 0;
    for header in &four.headers {
        let size = usize::try_from(parsed(header)["size"].as_u64().unwrap()).unwrap();
        let block = json!({"entries": size - from, "header": header, "seals": four.seals(header, 0)});
        lines.push(text(&block));
        lines.extend_from_slice(&four.entries[from..size]);
        from = size;
    }
    let last = header_hash(four.headers.last().unwrap());
    let stream = format!("{}\n", lines.join("\n"));
    let (mut reader, founding) = StreamReader::open(stream.as_bytes()).unwrap();
    assert_eq!(founding, four.terms[0].roster);
    let (mut blocks, mut entries) = (0, vec![]);
    while let Some(item) = reader.next_item().unwrap() {
        match item {
            StreamItem::Block(block) => {
                assert_eq!(block.header, four.headers[blocks]);
                blocks += 1;
            }
            StreamItem::Entry(bytes, _) => entries.push(String::from_utf8(bytes).unwrap()),
        }
    }
    assert_eq!((blocks, &entries), (four.headers.len(), &four.entries));
    golden("stream.json", &json!({"stream": stream, "rosters": four.roster_texts(), "size": from, "hash": last}));
}

#[test]
fn seals() {
    let header = header_hash(&scene().headers[1]);
    let mut all = Vec::new();
    for member in ["auditor", "kingdee", "tax-bureau", "tencent"] {
        for round in [0, 3] {
            let vote = vote_text(&chain(), 1, round, &header).unwrap();
            let seal = seal_key(member).seal(&name(member), &chain(), 1, round, &header).unwrap();
            all.push(json!({
                "secret": hex::encode(secret(member).expose()),
                "key": seal_key(member).public(),
                "vote": vote,
                "vote_hash": keccak256(&vote),
                "seal": seal,
            }));
        }
    }
    golden("seal.json", &json!({"seals": all}));
}
