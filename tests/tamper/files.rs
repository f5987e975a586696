//! Every bit of every file beside the database, turned over: keys, roster, the memory of the chain's end, receipts.

use std::path::{Path, PathBuf};
use std::time::Instant;

use piaolian::base::{Code, Faults, UnixMs};
use piaolian::chain::state_proof::StateProof;
use piaolian::chain::verify::verify_document_json;
use piaolian::chain::{Receipt, keccak256};
use piaolian::config::keyring::{Keyring, PROPOSER};
use piaolian::ledger::projection::Row;
use piaolian::sequencer::{End, LocalEngine, MEMORY_FILE, Memory, found_chain};
use piaolian::store::{InvoiceFilter, Store, StoreError};

use crate::figures::{Figures, dice, every_bit, shared_out};
use crate::town::{Town, town};

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

/// All bits, or some of them.
fn bits_of(bytes: &[u8], some: usize, what: u64) -> Vec<usize> {
    let all = bytes.len() * 8;
    if every_bit() {
        return (0..all).collect();
    }
    let mut dice = dice(what);
    (0..some).map(|_| dice.below(all)).collect()
}

/// A copy of the keys with a sound ledger, in which one file is damaged again and again.
struct Desk {
    folder: tempfile::TempDir,
    store: Store,
    _ledger: crate::database::TestDatabase,
}

impl Desk {
    fn new(town: &Town) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for file in files(town.keys.path()) {
            // With its mode, which a key must have.
            std::fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
        }
        let ledger = town.ledger.copy();
        Self { folder, store: Store::open(&ledger.url(), 1).unwrap(), _ledger: ledger }
    }

    /// As a service starts: the keyring is loaded, and must fit the ledger.
    fn start(&self) -> Result<Keyring, Faults> {
        let keyring = Keyring::load(self.folder.path())?;
        let keys = keyring.seal_keys.iter().map(|(_, key)| key.clone());
        let engine = LocalEngine::new(keys, PROPOSER.try_into().unwrap());
        found_chain(&self.store, &keyring.roster, &engine, UnixMs(0))?;
        Ok(keyring)
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn name(file: &Path) -> String {
    file.file_name().unwrap().to_str().unwrap().to_owned()
}

fn same_keys(a: &Keyring, b: &Keyring) -> bool {
    let public = |keyring: &Keyring| -> Vec<_> {
        keyring.seal_keys.iter().map(|(member, key)| (member.clone(), key.public().to_string())).collect()
    };
    a.roster == b.roster && public(a) == public(b)
}

#[test]
fn every_bit_of_a_key_file_is_told_and_the_file_is_named() {
    let (town, since) = (town(), Instant::now());
    let sound = town.keyring();
    let found: Vec<PathBuf> = files(town.keys.path()).into_iter().filter(|file| name(file) != MEMORY_FILE).collect();
    let names: Vec<String> = found.iter().map(|file| name(file)).collect();
    assert!(names.contains(&"roster.json".to_owned()) && names.contains(&"custody.key".to_owned()), "{names:?}");
    assert!(
        names.iter().filter(|name| name.starts_with("seal-")).count() == 4,
        "three founders, one later key: {names:?}"
    );
    let mut work = Vec::new();
    for (nth, file) in found.iter().enumerate() {
        let bytes = std::fs::read(file).unwrap();
        work.extend(bits_of(&bytes, 12, 40 + u64::try_from(nth).unwrap()).into_iter().map(|bit| (nth, bit)));
    }
    let figures = shared_out(
        "bits of key files",
        work.len(),
        || Desk::new(town),
        |desk, at, figures| {
            let (file, bit) = work[at];
            let (file, before) = (&names[file], std::fs::read(&found[file]).unwrap());
            let place = desk.folder.path().join(file);
            std::fs::write(&place, flipped(&before, bit)).unwrap();
            let shown = || format!("bit {bit} of {file}");
            match desk.start() {
                // What is refused names the file, or says that ledger and roster differ.
                Err(faults) => {
                    let fault = faults.first().unwrap();
                    let names_it = fault.path.ends_with(file.as_str())
                        || (file == "roster.json" && !fault.path.ends_with(".key"))
                        || (file == "roster.json" && fault.message.contains("roster.json"));
                    match names_it {
                        true => figures.told(file, fault.code.as_str()),
                        false => figures.missed(file, || format!("{}: {fault}", shown())),
                    }
                }
                Ok(loaded) if file == "custody.key" => {
                    match loaded.custody.expose() == sound.custody.expose() {
                        true => figures.told(file, "the same key: a letter's case"),
                        // `beside` shows that another key opens nothing.
                        false => figures.told(file, Code::CustodySealBroken.as_str()),
                    }
                }
                Ok(loaded) if same_keys(&loaded, &sound) => figures.told(file, "the same key: a letter's case"),
                Ok(_) => figures.missed(file, shown),
            }
            std::fs::write(&place, &before).unwrap();
        },
    );
    figures.hold("bits of key files", since);
}

/// A bit of one slot leaves the other, which remembers one block less; what was never written is not read; nothing is ever made up.
#[test]
fn every_bit_of_the_memory_is_told_or_changes_nothing() {
    let (town, since) = (town(), Instant::now());
    let (tip, folder) = (town.tip, tempfile::tempdir().unwrap());
    let place = folder.path().join(MEMORY_FILE);
    let before = End { height: tip.height - 1, hash: keccak256("before"), size: tip.size - 1 };
    Memory::make(&place, before).unwrap().remember(tip);
    let bytes = std::fs::read(&place).unwrap();
    let mut figures = Figures::default();
    for bit in bits_of(&bytes, 400, 60) {
        std::fs::write(&place, flipped(&bytes, bit)).unwrap();
        let in_a_slot = [0, 4096].iter().any(|at| (at * 8..(at + 88) * 8).contains(&bit));
        match Memory::find(&place) {
            Err(fault) if fault.code == Code::SeqMemory => figures.told(MEMORY_FILE, fault.code.as_str()),
            Err(fault) => figures.missed(MEMORY_FILE, || format!("bit {bit}: {fault}")),
            Ok(Some(memory)) if in_a_slot && memory.last() == tip => {
                figures.told(MEMORY_FILE, "the older slot is damaged, said in the log");
            }
            Ok(Some(memory)) if in_a_slot && memory.last() == before => {
                figures.told(MEMORY_FILE, "the newer slot is damaged, said in the log: the block before is remembered");
            }
            Ok(Some(memory)) if memory.last() == tip => {
                figures.told(MEMORY_FILE, "between the slots: nothing reads it")
            }
            Ok(other) => figures.missed(MEMORY_FILE, || format!("bit {bit}: {:?}", other.map(|memory| memory.last()))),
        }
    }
    figures.hold("bits of the memory", since);
}

/// What is handed out, and what it says, if it can be read.
struct Document {
    name: &'static str,
    text: String,
    read: fn(&[u8]) -> Option<String>,
}

fn receipt_said(json: &[u8]) -> Option<String> {
    Receipt::from_json(json).ok()?.to_json().ok()
}

fn state_said(json: &[u8]) -> Option<String> {
    StateProof::from_json(json).ok()?.to_json().ok()
}

/// Receipts of both versions, and state proofs of a number that was issued and of one that was not.
fn documents(town: &Town, store: &Store) -> Vec<Document> {
    // Every kind of entry has a receipt; those with a signed draft come first.
    let mut receipts: Vec<&Receipt> = town.receipts.iter().collect();
    receipts.sort_by_key(|receipt| !receipt.entry.contains("\"draft\""));
    let receipts = receipts.into_iter().take(5);
    let mut documents: Vec<Document> = receipts
        .map(|receipt| Document { name: "receipt", text: receipt.to_json().unwrap(), read: receipt_said })
        .collect();
    let present = store.read_blocking(|reader| {
        let invoice = reader.invoices(&InvoiceFilter { limit: 1, ..InvoiceFilter::default() })?.remove(0);
        let entry = reader.entry(invoice.entry)?.unwrap();
        let receipt = reader.present_receipt(&invoice, &entry)?.unwrap();
        let there = reader.state_proof(&invoice.id())?.unwrap().proof;
        let absent = format!("{}-87654321", invoice.code).as_str().try_into().unwrap();
        let absent = reader.state_proof(&absent)?.unwrap().proof;
        Ok::<_, StoreError>((receipt, there, absent))
    });
    let (receipt, there, absent) = present.unwrap();
    assert!(absent.state.value.is_none());
    documents.push(Document { name: "receipt with state", text: receipt.to_json().unwrap(), read: receipt_said });
    documents.push(Document { name: "state proof", text: there.to_json().unwrap(), read: state_said });
    documents.push(Document { name: "state proof of absence", text: absent.to_json().unwrap(), read: state_said });
    documents
}

/// Whether this is the proof that another number was not issued either, which is true.
fn absent_too(json: &[u8], town: &Town) -> bool {
    let proof = StateProof::from_json(json).unwrap();
    let issued = |row: &std::sync::Arc<Row>| {
        let part = |nth: usize| String::from_utf8(row[nth].clone().unwrap()).unwrap();
        format!("{}-{}", part(1), part(2)) == proof.invoice
    };
    proof.state.value.is_none() && !town.held.rows("invoices").iter().any(issued)
}

/// A receipt or a state proof with a bit turned over is not valid, or says the very same, or another thing that is true.
#[test]
fn every_bit_of_a_receipt_is_told() {
    let (town, since) = (town(), Instant::now());
    let ledger = town.ledger.copy();
    let store = Store::open(&ledger.url(), 1).unwrap();
    let rosters = store.read_blocking(|reader| reader.rosters()).unwrap();
    let documents = documents(town, &store);
    let mut work = Vec::new();
    for (nth, document) in documents.iter().enumerate() {
        let bytes = document.text.as_bytes();
        assert!(verify_document_json(bytes, &rosters, None).is_valid(), "{}", document.name);
        assert_eq!((document.read)(bytes).as_ref(), Some(&document.text));
        work.extend(bits_of(bytes, 60, 80 + u64::try_from(nth).unwrap()).into_iter().map(|bit| (nth, bit)));
    }
    let figures = shared_out(
        "bits of receipts",
        work.len(),
        || (),
        |(), at, figures| {
            let (nth, bit) = work[at];
            let Document { name, text, read } = &documents[nth];
            let bytes = flipped(text.as_bytes(), bit);
            let verdict = verify_document_json(&bytes, &rosters, None);
            if !verdict.is_valid() {
                figures.told(name, verdict.code.as_str());
            } else if read(&bytes).as_ref() == Some(text) {
                figures.told(name, "VALID, and it says the same");
            } else if name.ends_with("absence") && absent_too(&bytes, town) {
                figures.told(name, "VALID, of another number that was not issued");
            } else {
                figures.missed(name, || format!("bit {bit} of {text}"));
            }
        },
    );
    figures.hold("bits of receipts", since);
}
