//! Forgeries of receipts and state proofs, one kind each, with the verdict that each must get: made from documents that are valid by
//! code, so that each differs from a valid one in what its name says and in nothing else.

use std::collections::{BTreeMap, BTreeSet};

use piaolian::chain::{Hash, Roster, Verdict, VerdictCode, verify_document_json};
use serde_json::{Value, json};

use crate::golden::golden;
use crate::world::{Chain, World, parsed, text, world};
use crate::{forged_drafts, forged_envelopes, forged_seals, forged_states, forged_texts, forged_trees};

pub struct Forgery {
    pub name: &'static str,
    pub what: &'static str,
    pub document: String,
    /// Spaces before the document, for the one that is too large to be stored.
    pub spaces: usize,
    /// The name of the list of rosters that is trusted.
    pub rosters: &'static str,
    /// The printed hash that is expected.
    pub expected: Option<String>,
    pub verdict: &'static str,
    pub field: String,
}

#[derive(Default)]
pub struct Forged(pub Vec<Forgery>);

impl Forged {
    /// A forgery of these bytes.
    pub fn bytes(
        &mut self,
        name: &'static str,
        what: &'static str,
        document: String,
        verdict: &'static str,
        field: impl Into<String>,
    ) -> &mut Forgery {
        let (rosters, field) = ("four", field.into());
        self.0.push(Forgery { name, what, document, spaces: 0, rosters, expected: None, verdict, field });
        self.0.last_mut().unwrap()
    }

    /// A forgery of this document.
    pub fn add(
        &mut self,
        name: &'static str,
        what: &'static str,
        document: &Value,
        verdict: &'static str,
        field: impl Into<String>,
    ) -> &mut Forgery {
        self.bytes(name, what, written(document), verdict, field)
    }
}

/// A document's JSON, with its members in one order whatever serde_json was built with.
pub fn written(document: &Value) -> String {
    let mut document = document.clone();
    document.sort_all_objects();
    document.to_string()
}

/// The document with something of it changed.
pub fn with(document: &Value, edit: impl FnOnce(&mut Value)) -> Value {
    let mut changed = document.clone();
    edit(&mut changed);
    assert_ne!(changed, *document, "the edit changes nothing");
    changed
}

/// The document with something in one of its texts changed, which is canonical again after that.
pub fn with_text(document: &Value, which: &str, edit: impl FnOnce(&mut Value)) -> Value {
    let inner = with(&parsed(document[which].as_str().unwrap()), edit);
    with(document, |d| d[which] = json!(text(&inner)))
}

/// The document with a part of one of its texts replaced as text, in one place.
pub fn replaced(document: &Value, which: &str, from: &str, to: &str) -> Value {
    let inner = document[which].as_str().unwrap();
    assert!(inner.contains(from), "{which} has no {from}");
    with(document, |d| d[which] = json!(inner.replacen(from, to, 1)))
}

/// The document with its header changed and sealed anew by the whole roster of its height, as only a quorum could.
pub fn resealed(chain: &Chain, document: &Value, edit: impl FnOnce(&mut Value)) -> Value {
    let mut changed = with_text(document, "header", edit);
    changed["seals"] = json!(chain.seals(changed["header"].as_str().unwrap(), 0));
    changed
}

pub fn list(value: &mut Value) -> &mut Vec<Value> {
    value.as_array_mut().unwrap()
}

pub fn verify(document: &[u8], rosters: &[Roster], expected: Option<&str>) -> Verdict {
    // A printed hash is the algorithm's number and the hash.
    let expected: Option<Hash> = expected.map(|printed| printed.split_at(2).1.parse().unwrap());
    verify_document_json(document, rosters, expected.as_ref())
}

/// The lists of rosters of the golden files, read.
pub fn read_rosters(world: &World) -> BTreeMap<&'static str, Vec<Roster>> {
    let read = |texts: Vec<String>| texts.iter().map(|text| Roster::from_text(text).unwrap()).collect();
    world.rosters().into_iter().map(|(name, texts)| (name, read(texts))).collect()
}

fn all(world: &World) -> Vec<Forgery> {
    let mut forged = Forged::default();
    let groups = [
        forged_envelopes::forge,
        forged_texts::forge,
        forged_drafts::forge,
        forged_trees::forge,
        forged_states::forge,
        forged_seals::forge,
    ];
    groups.iter().for_each(|forge| forge(world, &mut forged));
    forged.0
}

#[test]
fn each_forgery_gets_its_verdict() {
    let world = world();
    let rosters = read_rosters(&world);
    let mut wrong = vec![];
    for forgery in all(&world) {
        let bytes = format!("{}{}", " ".repeat(forgery.spaces), forgery.document);
        let verdict = verify(bytes.as_bytes(), &rosters[forgery.rosters], forgery.expected.as_deref());
        if (verdict.code.as_str(), verdict.field.as_str()) != (forgery.verdict, forgery.field.as_str()) {
            let Verdict { code, field, message, .. } = verdict;
            wrong.push(format!("{}: {code} at {field} ({message})", forgery.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn there_are_many_kinds_and_every_verdict_among_them() {
    let forgeries = all(&world());
    let names: BTreeSet<&str> = forgeries.iter().map(|forgery| forgery.name).collect();
    let sentences: BTreeSet<&str> = forgeries.iter().map(|forgery| forgery.what).collect();
    let documents: BTreeSet<(&str, &str, &Option<String>, usize)> = forgeries
        .iter()
        .map(|forgery| (forgery.document.as_str(), forgery.rosters, &forgery.expected, forgery.spaces))
        .collect();
    assert!(names.len() >= 60, "{} kinds", names.len());
    assert_eq!(names.len(), forgeries.len(), "a name stands twice");
    assert_eq!(sentences.len(), forgeries.len(), "a sentence stands twice");
    assert_eq!(documents.len(), forgeries.len(), "a document stands twice");
    let mut shown: BTreeSet<&str> = forgeries.iter().map(|forgery| forgery.verdict).collect();
    shown.insert("VALID");
    assert_eq!(shown, VerdictCode::ALL.iter().map(|code| code.as_str()).collect());
}

#[test]
fn forgeries() {
    let world = world();
    let cases: Vec<Value> = all(&world)
        .into_iter()
        .map(|forgery| {
            let mut row = json!({
                "name": forgery.name, "what": forgery.what, "document": forgery.document, "rosters": forgery.rosters,
                "verdict": forgery.verdict, "field": forgery.field,
            });
            if let Some(expected) = forgery.expected {
                row["expected"] = json!(expected);
            }
            if forgery.spaces > 0 {
                row["spaces"] = json!(forgery.spaces);
            }
            row
        })
        .collect();
    golden("forgeries.json", &json!({"rosters": world.rosters(), "cases": cases}));
}
