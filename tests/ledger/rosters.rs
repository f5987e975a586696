//! Ledgers whose roster changes: who seals, and what an audit makes of it. The blocks here are made by hand, without entries.

use std::path::Path;
use std::sync::Arc;

use piaolian::base::Code;
use piaolian::base::clock::FixedClock;
use piaolian::chain::{
    Change, Header, MemberName, Receipt, Roster, VerdictCode, header_hash, next_roster, verify_receipt,
};
use piaolian::config::keyring::{Keyring, PROPOSER, add_seal_key};
use piaolian::ledger::audit::Report;
use piaolian::sequencer::{Engine, LocalEngine, found_chain};
use piaolian::store::{NewBlock, Store};

use super::scene::{NOON, block_on, make_keys, register, start};
use crate::database::{TestDatabase, audited};

fn name(text: &str) -> MemberName {
    text.try_into().unwrap()
}

fn engine(keys: &Path) -> LocalEngine {
    let keyring = Keyring::load(keys).unwrap();
    LocalEngine::new(keyring.seal_keys.into_iter().map(|(_, key)| key), name(PROPOSER))
}

/// The founders; from height 3 on with an auditor; from 5 on another key of Tencent's.
fn three_rosters(keys: &Path) -> [Roster; 3] {
    make_keys(keys);
    let first = Keyring::load(keys).unwrap().roster;
    let key = |member| add_seal_key(keys, &name(member)).unwrap().public();
    let add = Change::Add { member: name("auditor"), key: key("auditor"), power: 1 };
    let second = next_roster(&first, &add, 3).unwrap();
    let rotate = Change::Rotate { member: name("tencent"), key: key("tencent") };
    let third = next_roster(&second, &rotate, 5).unwrap();
    [first, second, third]
}

/// Blocks without entries up to height 6; `plan` says which roster seals which height, 0 to 7.
fn sealed(keys: &Path, rosters: &[Roster], plan: [usize; 8]) -> (TestDatabase, Store) {
    let database = TestDatabase::migrated();
    let store = Store::open(&database.url(), 1).unwrap();
    let engine = engine(keys);
    assert!(found_chain(&store, &rosters[0], &engine, NOON).unwrap());
    store
        .write_blocking(|tx| {
            for roster in &rosters[1..] {
                tx.insert_roster(roster)?;
            }
            let mut prev = Header::from_text(&tx.checkpoint()?.unwrap().header).unwrap();
            for height in 1..=6_usize {
                let members = rosters[plan[height]].hash();
                let next_members = rosters[plan[height + 1]].hash();
                let (height, before) = (prev.height + 1, prev.hash().unwrap());
                let header = Header { height, prev: before, members, next_members, ..prev };
                let text = header.to_text().unwrap();
                let hash = header_hash(&text);
                let (prev_hash, size) = (header.prev, header.size);
                let block = NewBlock { height, hash, prev: prev_hash, size, header: &text, entries: &[], tiles: &[] };
                tx.insert_block(&block)?;
                let roster = rosters.iter().find(|roster| roster.hash() == members).unwrap();
                tx.insert_seals(height, &engine.seal(roster, &header, &hash).unwrap())?;
                prev = header;
            }
            Ok::<_, piaolian::store::StoreError>(())
        })
        .unwrap();
    (database, store)
}

const AS_ANNOUNCED: [usize; 8] = [0, 0, 0, 1, 1, 2, 2, 2];

/// Codes, rows and columns of what was found in the table of rosters; anything else that was found fails.
fn of_rosters(report: &Report) -> Vec<(String, String)> {
    let found = &report.findings;
    assert!(found.iter().all(|f| f.table == "rosters" && f.code == Code::AuditRosterBad), "{found:?}");
    found.iter().map(|finding| (finding.row.clone(), finding.column.clone())).collect()
}

fn place(row: &str, column: &str) -> (String, String) {
    (row.to_owned(), column.to_owned())
}

#[test]
fn a_ledger_with_three_rosters_is_clean_for_whoever_trusts_the_first() {
    let keys = tempfile::tempdir().unwrap();
    let rosters = three_rosters(keys.path());
    let (_database, store) = sealed(keys.path(), &rosters, AS_ANNOUNCED);
    for trusted in [&[][..], &rosters[..1], &rosters[..2], &rosters] {
        let report = audited(&store, trusted);
        assert!(report.is_clean(), "{:?}", report.findings);
        // Three founders, then four members: no key that was replaced has sealed, none that was not there yet.
        assert_eq!((report.blocks, report.seals), (7, 3 * 3 + 4 * 4));
    }
    let last_only = audited(&store, &rosters[2..]);
    assert_eq!(of_rosters(&last_only), [place("0", "roster"), place("3", "roster")]);
}

#[test]
fn a_roster_that_begins_too_late_or_too_early_is_found() {
    let keys = tempfile::tempdir().unwrap();
    let rosters = three_rosters(keys.path());
    let (_late, store) = sealed(keys.path(), &rosters, [0, 0, 0, 0, 1, 2, 2, 2]);
    let late = of_rosters(&audited(&store, &[]));
    assert_eq!(late, [place("3", "roster"), place("3", "from_height")]);

    let (_early, store) = sealed(keys.path(), &rosters, [0, 0, 1, 1, 1, 2, 2, 2]);
    let early = audited(&store, &[]);
    assert!(early.findings.iter().any(|f| (f.table.as_str(), f.row.as_str()) == ("rosters", "3")), "{early:?}");
}

#[test]
fn keys_that_were_replaced_do_not_seal_on() {
    let keys = tempfile::tempdir().unwrap();
    let rosters = three_rosters(keys.path());
    let (_database, store) = sealed(keys.path(), &rosters, [0, 0, 0, 1, 1, 1, 1, 1]);
    let found = of_rosters(&audited(&store, &[]));
    assert_eq!(found, [place("5", "roster"), place("5", "roster")], "another one seals, and no header names it");
}

#[test]
fn a_roster_that_nobody_announced_is_found() {
    let keys = tempfile::tempdir().unwrap();
    let rosters = three_rosters(keys.path());
    let (_database, store) = sealed(keys.path(), &rosters, AS_ANNOUNCED);
    let later = next_roster(&rosters[2], &Change::Remove { member: name("kingdee") }, 90).unwrap();
    store.write_blocking(|tx| tx.insert_roster(&later)).unwrap();
    assert_eq!(of_rosters(&audited(&store, &[])), [place("90", "roster")]);
}

#[test]
fn the_service_goes_on_under_the_roster_in_force() {
    let keys = tempfile::tempdir().unwrap();
    let rosters = three_rosters(keys.path());
    let (database, store) = sealed(keys.path(), &rosters, AS_ANNOUNCED);
    drop(store);
    let recorded = block_on(async {
        let service = start(&database, keys.path(), Arc::new(FixedClock::at(NOON))).await;
        let recorded = register(service.desk(), 1, None).await;
        service.stop().await;
        recorded
    });
    let store = Store::open(&database.url(), 1).unwrap();
    let block = store.read_blocking(|reader| reader.checkpoint()).unwrap().unwrap();
    let header = Header::from_text(&block.header).unwrap();
    assert_eq!((header.height, header.members, header.next_members), (7, rosters[2].hash(), rosters[2].hash()));
    assert!(audited(&store, &rosters[..1]).is_clean());
    let receipt: Receipt = recorded.receipt;
    assert_eq!(verify_receipt(&receipt, &rosters, None).code, VerdictCode::Valid);
    assert_eq!(verify_receipt(&receipt, &rosters[..2], None).code, VerdictCode::RosterUnknown);
}

#[test]
fn without_the_keys_of_the_roster_in_force_the_chain_is_not_taken_up() {
    let keys = tempfile::tempdir().unwrap();
    let rosters = three_rosters(keys.path());
    let (_database, store) = sealed(keys.path(), &rosters, AS_ANNOUNCED);
    std::fs::remove_file(keys.path().join("seal-kingdee.key")).unwrap();
    assert!(!found_chain(&store, &rosters[0], &engine(keys.path()), NOON).unwrap(), "three of four are a quorum");
    std::fs::remove_file(keys.path().join("seal-auditor.key")).unwrap();
    let faults = found_chain(&store, &rosters[0], &engine(keys.path()), NOON).unwrap_err();
    assert_eq!(faults.first().unwrap().code, Code::ConfigInvalid);
}
