//! The golden entries: every kind, byte for byte, made from fixed commands without a service. What `fixtures/chain/README.md` section 8
//! says about entries and drafts is what stands in `fixtures/chain/entries.json`; those of version 1, which are written no more, stand
//! in `entries-v1.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use piaolian::base::UnixMs;
use piaolian::chain::canonical::to_canonical;
use piaolian::chain::{Hash, leaf_hash, running_hash};
use piaolian::ledger::kind::Kind;
use piaolian::ledger::{Command, Entry};
use serde_json::{Value, json};

use super::story::{self, AWKWARD_KEY, Story, TIME, Told};

const FILE: &str = "fixtures/chain/entries.json";

const OLD_FILE: &str = "fixtures/chain/entries-v1.json";

#[expect(clippy::disallowed_methods, reason = "tests have no config to read the environment for them")]
fn blessing() -> bool {
    std::env::var("GOLDEN_BLESS").as_deref() == Ok("1")
}

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file)
}

fn stored(file: &str) -> String {
    std::fs::read_to_string(path(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// Compares with the stored file, or writes it when `GOLDEN_BLESS=1`; sorted, as in `tests/chain/golden.rs`.
#[test]
fn entries_are_as_they_ever_were() {
    let entry = |Told { kind, text, leaf, fingerprint, height }: Told| {
        assert_eq!(leaf, leaf_hash(&text));
        let mut entry = json!({"kind": kind, "text": text, "leaf": leaf, "printed": leaf.printed(), "height": height});
        if let Some(fingerprint) = fingerprint {
            entry["fingerprint"] = fingerprint.into();
        }
        entry
    };
    let mut told = story::told();
    let journal = |(merchant, (seq, running))| (merchant, json!({"seq": seq, "running": running}));
    let journals: serde_json::Map<String, Value> = told.journals().into_iter().map(journal).collect();
    let entries: Vec<Value> = told.entries.into_iter().map(entry).collect();
    let mut content = json!({"entries": entries, "journals": journals});
    content.sort_all_objects();
    let text = format!("{}\n", serde_json::to_string_pretty(&content).unwrap());
    if blessing() {
        std::fs::write(path(FILE), text).unwrap();
        return;
    }
    let stored = stored(FILE);
    let line = stored.lines().zip(text.lines()).take_while(|(a, b)| a == b).count() + 1;
    assert!(stored == text, "{FILE} differs from line {line} on; a wanted change is a new format version");
}

#[test]
fn every_kind_is_there() {
    let kinds: BTreeSet<_> = story::told().entries.into_iter().map(|told| told.kind).collect();
    assert_eq!(kinds, Kind::ALL.iter().map(|kind| kind.as_str()).collect());
}

/// Executes what stands in entries on an empty ledger: each must come out as it stands there.
fn replay(entries: &[Told], version: u32) -> Story {
    let mut story = Story::begin(version);
    for told in entries {
        let entry = Entry::parse(&told.text).unwrap();
        let command = entry.command().unwrap();
        if let Some(id) = entry.blue_invoice() {
            let blue = story.entry_of(&id.to_string());
            story.know(blue);
        }
        assert_eq!(entry.v, version);
        let (kind, text, leaf) = story.execute(&command, told.height, entry.time, entry.v);
        assert_eq!((kind, text.as_str(), leaf), (told.kind, told.text.as_str(), told.leaf));
        story.keep(told.clone());
    }
    story
}

#[test]
fn a_read_entry_executes_to_its_own_text() {
    let mut told = story::told();
    let mut again = replay(&told.entries, 2);
    assert_eq!(again.journals(), told.journals());
}

/// Every entry that names a merchant is one more of that merchant, and the running hash goes over all of them.
fn journals_of(entries: &[Told]) -> BTreeMap<String, (u64, Hash)> {
    let mut journals: BTreeMap<String, (u64, Hash)> = BTreeMap::new();
    for told in entries {
        if let Some(merchant) = Entry::parse(&told.text).unwrap().merchant {
            let (seq, running) = journals.entry(merchant.to_string()).or_insert((0, Hash::ZERO));
            (*seq, *running) = (*seq + 1, running_hash(running, &told.leaf));
        }
    }
    journals
}

#[test]
fn a_merchants_entries_are_counted_and_chained() {
    let mut told = story::told();
    assert_eq!(told.journals(), journals_of(&told.entries));
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    for entry in told.entries.iter().map(|told| Entry::parse(&told.text).unwrap()) {
        let next = entry.merchant.map(|merchant| {
            let seq = counted.entry(merchant.to_string()).or_default();
            *seq += 1;
            *seq
        });
        assert_eq!(entry.seq, next, "entry {}", entry.index);
    }
    let closed: Vec<Value> = (told.entries.iter().filter(|told| told.kind == "close_day"))
        .map(|told| serde_json::from_str(&told.text).unwrap())
        .collect();
    for entry in closed {
        let before = usize::try_from(entry["index"].as_u64().unwrap()).unwrap();
        let (seq, running) = journals_of(&told.entries[..before])[entry["merchant"].as_str().unwrap()];
        assert_eq!(entry["body"]["entries"].as_u64(), Some(seq));
        assert_eq!(entry["body"]["running"], running.to_string());
    }
}

/// Entries of version 1 stay as they are for ever, and count in the journals of their merchants though they carry no number.
#[test]
fn entries_of_version_1_execute_to_their_own_text() {
    let golden: Value = serde_json::from_str(&stored(OLD_FILE)).unwrap();
    let told = |entry: &Value| {
        let kind = Kind::ALL.iter().find(|kind| entry["kind"] == kind.as_str()).unwrap().as_str();
        let text = entry["text"].as_str().unwrap().to_owned();
        let leaf = leaf_hash(&text);
        assert_eq!(entry["leaf"], leaf.to_string());
        Told { kind, text, leaf, fingerprint: None, height: 1 }
    };
    let entries: Vec<Told> = golden["entries"].as_array().unwrap().iter().map(told).collect();
    assert_eq!(entries.len(), 9);
    let mut again = replay(&entries, 1);
    let journals = again.journals();
    assert_eq!(journals, journals_of(&entries));
    let counts: Vec<u64> = journals.values().map(|(seq, _)| *seq).collect();
    assert_eq!(counts, [5, 3]);
    // What comes after them goes on counting.
    let next = again.execute(&close_of_day(), 2, UnixMs(TIME.0 + 1), 2).1;
    assert_eq!(Entry::parse(&next).unwrap().seq, Some(6));
}

fn close_of_day() -> Command {
    let body = json!({"merchant": "M00000001", "date": "2026-11-22"});
    let frame = json!({
        "v": 2, "chain": "shenzhen-sandbox", "index": 9, "kind": "close_day", "time": 0, "key": "close",
        "request": Hash::ZERO, "body": body,
    });
    Entry::parse(&frame.to_string()).unwrap().command().unwrap()
}

/// The text of an invoice's entry is put together by hand, so that the draft need not be walked twice.
#[test]
fn texts_are_canonical() {
    for Told { kind, text, .. } in story::told().entries {
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(to_canonical(&value).unwrap(), text, "{kind}");
        assert_eq!(to_canonical(&Entry::parse(&text).unwrap()).unwrap(), text, "{kind}");
    }
}

/// What the issuer signs is the value of `draft`, as it stands in the entry.
#[test]
fn the_signed_text_stands_in_the_entry() {
    let mut signed = 0;
    for Told { text, .. } in story::told().entries {
        let command = Entry::parse(&text).unwrap().command().unwrap();
        let issue = if let Command::Issue(issue) = command {
            *issue
        } else if let Command::Reverse(reverse) = command {
            reverse.red().clone()
        } else {
            continue;
        };
        assert!(text.contains(&format!("\"draft\":{},\"index\":", issue.text())));
        assert_eq!(text.contains(r#""key":"order-\"2\"\\2026/11""#), issue.key().as_str() == AWKWARD_KEY);
        signed += 1;
    }
    assert_eq!(signed, 8);
}

/// Whoever holds an invoice stands on the ledger as a commitment only.
#[test]
fn no_entry_names_a_holder() {
    for Told { text, fingerprint, .. } in story::told().entries {
        for shown in [Some(text), fingerprint].into_iter().flatten() {
            assert!(!shown.contains("openid-1") && !shown.contains("EXAMPL"), "{shown}");
            assert!(!shown.contains("salt"), "{shown}");
        }
    }
}
