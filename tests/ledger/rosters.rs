//! Ledgers whose roster changes: by commands, with the service at work; and what an audit makes of blocks that were sealed under another
//! roster than the entries say.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use piaolian::base::clock::FixedClock;
use piaolian::base::{Code, Faults};
use piaolian::chain::{
    Change, Edge, Header, MemberName, Receipt, Roster, VerdictCode, header_hash, next_roster, verify_receipt,
};
use piaolian::config::keyring::{Keyring, PROPOSER, add_seal_key};
use piaolian::ledger::audit::Report;
use piaolian::ledger::command::{ChangeRosterBody, Keyed, MerchantBody, PaymentBody, request_hash};
use piaolian::ledger::lookup::keys_of;
use piaolian::ledger::record::RosterRecord;
use piaolian::ledger::state::Nothing;
use piaolian::ledger::{Command, Outcome, Position, State, execute};
use piaolian::sequencer::desk::Recorded;
use piaolian::sequencer::{Engine, LocalEngine, found_chain};
use piaolian::store::{NewBlock, Store, StoreError};
use serde_json::json;

use super::bare::Bare;
use super::lives::change_body;
use super::scene::{self, NOON, block_on, key, make_keys, merchant, own_key, register, registration, start};
use crate::database::{TestDatabase, audited};

fn name(text: &str) -> MemberName {
    text.try_into().unwrap()
}

fn engine(keys: &Path) -> LocalEngine {
    let keyring = Keyring::load(keys).unwrap();
    LocalEngine::new(keyring.seal_keys.into_iter().map(|(_, key)| key), name(PROPOSER))
}

/// Rosters and the commands that change each into the next.
struct Announced {
    rosters: Vec<Roster>,
    /// With the height whose block holds it.
    changes: Vec<(u64, Command)>,
}

/// The founders; from height 3 on with an auditor; from 5 on another key of Tencent's.
fn three_rosters(keys: &Path) -> Announced {
    make_keys(keys);
    let mut announced = Announced { rosters: vec![Keyring::load(keys).unwrap().roster], changes: Vec::new() };
    let key = |member| add_seal_key(keys, &name(member)).unwrap().public();
    let add = Change::Add { member: name("auditor"), key: key("auditor"), power: 1 };
    let rotate = Change::Rotate { member: name("tencent"), key: key("tencent") };
    for (height, change, from) in [(1, add, 3), (3, rotate, 5)] {
        let last = announced.rosters.last().unwrap();
        let body = change_body(keys, last, change.clone(), from);
        let next = next_roster(last, &change, from).unwrap();
        announced.changes.push((height, keyed(&format!("change-{from}"), body, Command::ChangeRoster)));
        announced.rosters.push(next);
    }
    announced
}

fn keyed<T: serde::Serialize>(name: &str, body: T, of: fn(Keyed<T>) -> Command) -> Command {
    let chain = "shenzhen-sandbox".try_into().unwrap();
    let request = request_hash(&chain, "test", &body).unwrap();
    of(Keyed { key: key(name), request, body })
}

/// Blocks up to height 6, some of which hold a change of the roster; `plan` says which roster seals which height, 0 to 7.
fn sealed(keys: &Path, announced: &Announced, plan: [usize; 8]) -> (TestDatabase, Store) {
    let database = TestDatabase::migrated();
    let store = Store::open(&database.url(), 1).unwrap();
    let engine = engine(keys);
    let rosters = &announced.rosters;
    assert!(found_chain(&store, &rosters[0], &engine, NOON).unwrap());
    let mut state = State::<Nothing>::default();
    state.put_roster(RosterRecord { from_height: 0, roster: rosters[0].clone() });
    let mut edge = Edge::empty();
    let mut entries_of = |height: u64, index: u64| {
        let (_, command) = announced.changes.iter().find(|(at, _)| *at == height)?;
        let at = Position { chain: rosters[0].chain(), height, index, time: NOON, version: 2 };
        match execute(&mut state, command, at) {
            Ok(Outcome::Accepted { kind, leaf, text }) => Some((command, (index, kind, leaf, text))),
            other => panic!("{other:?}"),
        }
    };
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
                let held = entries_of(height, prev.size);
                let entries: Vec<_> = held.iter().map(|(_, entry)| entry.clone()).collect();
                let leaves: Vec<_> = entries.iter().map(|(_, _, leaf, _)| *leaf).collect();
                let tiles = if leaves.is_empty() { Vec::new() } else { edge.append(&leaves).tiles };
                let (size, root) = (edge.size(), if leaves.is_empty() { prev.root } else { edge.root() });
                let header = Header { height, prev: before, members, next_members, size, root, ..prev };
                let text = header.to_text().unwrap();
                let hash = header_hash(&text);
                let block =
                    NewBlock { height, hash, prev: before, size, header: &text, entries: &entries, tiles: &tiles };
                tx.insert_block(&block)?;
                if let Some((command, (index, ..))) = &held {
                    let keys: Vec<_> = keys_of(command).into_iter().map(|key| (key, *index)).collect();
                    tx.put_keys(height, &keys, scene::LOOKUP_RUN_KEYS)?;
                }
                let roster = rosters.iter().find(|roster| roster.hash() == members).unwrap();
                tx.insert_seals(height, &engine.seal(roster, &header, &hash).unwrap())?;
                prev = header;
            }
            Ok::<_, StoreError>(())
        })
        .unwrap();
    (database, store)
}

const AS_ANNOUNCED: [usize; 8] = [0, 0, 0, 1, 1, 2, 2, 2];

/// Rows and columns of what was found, of rosters and of headers that name another roster than the entries give; anything else fails.
fn of_rosters(report: &Report) -> Vec<(String, String, String)> {
    let place = |found: &piaolian::ledger::audit::Finding| {
        let whose = match (found.table.as_str(), found.code) {
            ("rosters", Code::AuditRosterBad | Code::AuditProjectionDiffers) => "rosters",
            ("blocks", Code::AuditBlockBad) => "blocks",
            _ => panic!("{:?}", report.findings),
        };
        (whose.to_owned(), found.row.clone(), found.column.clone())
    };
    report.findings.iter().map(place).collect::<BTreeSet<_>>().into_iter().collect()
}

fn places(listed: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    listed.iter().map(|(table, row, column)| ((*table).into(), (*row).into(), (*column).into())).collect()
}

#[test]
fn a_ledger_with_three_rosters_is_clean_for_whoever_trusts_the_first() {
    let keys = tempfile::tempdir().unwrap();
    let announced = three_rosters(keys.path());
    let rosters = &announced.rosters;
    let (_database, store) = sealed(keys.path(), &announced, AS_ANNOUNCED);
    for trusted in [&[][..], &rosters[..1], &rosters[..2], rosters] {
        let report = audited(&store, trusted);
        assert!(report.is_clean(), "{:?}", report.findings);
        // Three founders, then four members: no key that was replaced has sealed, none that was not there yet.
        assert_eq!((report.blocks, report.seals, report.entries), (7, 3 * 3 + 4 * 4, 2));
    }
    let last_only = of_rosters(&audited(&store, &rosters[2..]));
    assert_eq!(last_only, places(&[("rosters", "0", "roster"), ("rosters", "3", "roster")]));
}

#[test]
fn a_roster_that_begins_too_late_or_too_early_is_found() {
    let keys = tempfile::tempdir().unwrap();
    let announced = three_rosters(keys.path());
    let (_late, store) = sealed(keys.path(), &announced, [0, 0, 0, 0, 1, 2, 2, 2]);
    let late = of_rosters(&audited(&store, &[]));
    let wanted = [("blocks", "2", "header"), ("rosters", "3", "from_height"), ("rosters", "3", "roster")];
    assert_eq!(late, places(&wanted));

    let (_early, store) = sealed(keys.path(), &announced, [0, 0, 1, 1, 1, 2, 2, 2]);
    let early = audited(&store, &[]);
    for (table, row) in [("rosters", "3"), ("blocks", "1")] {
        let named = early.findings.iter().any(|f| (f.table.as_str(), f.row.as_str()) == (table, row));
        assert!(named, "{table} {row}: {early:?}");
    }
}

#[test]
fn keys_that_were_replaced_do_not_seal_on() {
    let keys = tempfile::tempdir().unwrap();
    let announced = three_rosters(keys.path());
    let (_database, store) = sealed(keys.path(), &announced, [0, 0, 0, 1, 1, 1, 1, 1]);
    let found = of_rosters(&audited(&store, &[]));
    let named = ["4", "5", "6"].map(|height| ("blocks", height, "header"));
    assert_eq!(found, places(&[&named[..], &[("rosters", "5", "roster")]].concat()), "another one seals");
}

#[test]
fn a_roster_that_nobody_announced_is_found() {
    let keys = tempfile::tempdir().unwrap();
    let announced = three_rosters(keys.path());
    let (_database, store) = sealed(keys.path(), &announced, AS_ANNOUNCED);
    let later = next_roster(&announced.rosters[2], &Change::Remove { member: name("kingdee") }, 90).unwrap();
    store.write_blocking(|tx| tx.insert_roster(&later)).unwrap();
    let found = of_rosters(&audited(&store, &[]));
    assert_eq!(found, places(&[("rosters", "90", ""), ("rosters", "90", "roster")]), "no entry, no header");
}

#[test]
fn the_service_goes_on_under_the_roster_in_force() {
    let keys = tempfile::tempdir().unwrap();
    let announced = three_rosters(keys.path());
    let rosters = &announced.rosters;
    let (database, store) = sealed(keys.path(), &announced, AS_ANNOUNCED);
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
    assert_eq!(verify_receipt(&receipt, rosters, None).code, VerdictCode::Valid);
    assert_eq!(verify_receipt(&receipt, &rosters[..2], None).code, VerdictCode::RosterUnknown);
}

#[test]
fn without_the_keys_of_the_roster_in_force_the_chain_is_not_taken_up() {
    let keys = tempfile::tempdir().unwrap();
    let announced = three_rosters(keys.path());
    let (_database, store) = sealed(keys.path(), &announced, AS_ANNOUNCED);
    std::fs::remove_file(keys.path().join("seal-kingdee.key")).unwrap();
    let founder = &announced.rosters[0];
    assert!(!found_chain(&store, founder, &engine(keys.path()), NOON).unwrap(), "three of four are a quorum");
    std::fs::remove_file(keys.path().join("seal-auditor.key")).unwrap();
    let faults = found_chain(&store, founder, &engine(keys.path()), NOON).unwrap_err();
    assert_eq!(faults.first().unwrap().code, Code::ConfigInvalid);
}

/// A bare sequencer of a new chain with one merchant, who is paid so that there are blocks.
struct Town<'a> {
    bare: Bare,
    keys: &'a Path,
    paid: AtomicU64,
}

impl<'a> Town<'a> {
    async fn open(database: &TestDatabase, keys: &'a Path) -> Self {
        let bare = Bare::start(database, keys, Arc::new(FixedClock::at(NOON)));
        let issuer = own_key(1).address();
        let seller = registration(1, Some(issuer)).seller;
        let body = MerchantBody { seller, mchid: None, issuer, issue_on_payment: false };
        bare.submit(keyed("register", body, Command::RegisterMerchant)).await.unwrap();
        Self { bare, keys, paid: AtomicU64::new(0) }
    }

    async fn pay(&self) -> Recorded {
        let nth = self.paid.fetch_add(1, Ordering::SeqCst);
        let body = json!({
            "provider": "wechat-pay", "transaction": scene::transaction(nth), "merchant": merchant(1),
            "order": format!("order-{nth}"), "paid": 1_000 + nth, "paid_at": NOON,
        });
        let body: PaymentBody = serde_json::from_value(body).unwrap();
        self.bare.submit(Command::RecordPayment(body)).await.unwrap()
    }

    /// Makes a member's new key, durable and at hand, as a member that rotates or joins has it.
    fn new_key(&self, member: &str) -> piaolian::chain::MemberKey {
        let key = add_seal_key(self.keys, &name(member)).unwrap();
        let public = key.public();
        self.bare.engine.add_key(key);
        public
    }

    async fn change(&self, change: Change, from: u64) -> Result<Recorded, Faults> {
        let body = change_body(self.keys, self.bare.rosters().last().unwrap(), change, from);
        self.change_by(body, from).await
    }

    async fn change_by(&self, body: ChangeRosterBody, from: u64) -> Result<Recorded, Faults> {
        self.bare.submit(keyed(&format!("change-{from}"), body, Command::ChangeRoster)).await
    }

    /// Blocks up to and including this height.
    async fn pay_until(&self, height: u64) -> Vec<Recorded> {
        let mut recorded = Vec::new();
        while self.bare.tip().height < height {
            recorded.push(self.pay().await);
        }
        recorded
    }
}

fn members(receipt: &Receipt) -> Vec<String> {
    receipt.seals.iter().map(|seal| seal.member.to_string()).collect()
}

#[test]
fn members_rotate_join_and_leave_and_every_receipt_verifies_with_the_list() {
    let (keys, database) = (tempfile::tempdir().unwrap(), TestDatabase::migrated());
    make_keys(keys.path());
    block_on(async {
        let town = Town::open(&database, keys.path()).await;
        let mut recorded = vec![town.pay().await];
        let tencent = town.new_key("tencent");
        let auditor = town.new_key("auditor");
        for change in [
            Change::Rotate { member: name("tencent"), key: tencent },
            Change::Add { member: name("auditor"), key: auditor, power: 1 },
            Change::Remove { member: name("kingdee") },
        ] {
            let from = town.bare.tip().height + 3;
            recorded.push(town.change(change, from).await.unwrap());
            recorded.extend(town.pay_until(from + 1).await);
        }
        let rosters = town.bare.rosters();
        assert_eq!(rosters.len(), 4);
        let sealed_by: Vec<Vec<String>> = rosters
            .iter()
            .map(|roster| {
                let first = recorded.iter().find(|one| one.height >= roster.from_height()).unwrap();
                members(&first.receipt)
            })
            .collect();
        let founders = ["kingdee", "tax-bureau", "tencent"].map(str::to_owned);
        assert_eq!(sealed_by[0], founders);
        assert_eq!(sealed_by[1], founders);
        assert_eq!(sealed_by[2], ["auditor", "kingdee", "tax-bureau", "tencent"]);
        assert_eq!(sealed_by[3], ["auditor", "tax-bureau", "tencent"]);
        for one in &recorded {
            let verdict = |trusted: &[Roster]| verify_receipt(&one.receipt, trusted, None).code;
            assert_eq!(verdict(&rosters), VerdictCode::Valid, "block {}", one.height);
            // Under the roster of its height, and under no other.
            for (nth, roster) in rosters.iter().enumerate() {
                let until = rosters.get(nth + 1).map_or(u64::MAX, Roster::from_height);
                let own = (roster.from_height()..until).contains(&one.height);
                let wanted = if own { VerdictCode::Valid } else { VerdictCode::RosterUnknown };
                assert_eq!(verdict(std::slice::from_ref(roster)), wanted, "block {}, roster {nth}", one.height);
            }
        }
        town.bare.stop().await;
        let report = database.audited(&rosters[..1]);
        assert!(report.is_clean(), "{:?}", report.findings);

        // Who has left and what was replaced is not needed any more.
        for file in ["seal-kingdee.key", "seal-tencent.key"] {
            std::fs::remove_file(keys.path().join(file)).unwrap();
        }
        let bare = Bare::start(&database, keys.path(), Arc::new(FixedClock::at(NOON)));
        let town = Town { bare, keys: keys.path(), paid: AtomicU64::new(1_000) };
        assert_eq!(members(&town.pay().await.receipt), ["auditor", "tax-bureau", "tencent"]);
        town.bare.stop().await;
    });
    let founding = Keyring::load(keys.path()).unwrap().roster;
    assert!(database.audited(&[founding]).is_clean());
}

#[test]
fn a_roster_that_is_not_in_force_yet_is_clean_and_seals_nothing() {
    let (keys, database) = (tempfile::tempdir().unwrap(), TestDatabase::migrated());
    make_keys(keys.path());
    let founding = Keyring::load(keys.path()).unwrap().roster;
    block_on(async {
        let town = Town::open(&database, keys.path()).await;
        let key = town.new_key("kingdee");
        let from = town.bare.tip().height + 100;
        town.change(Change::Rotate { member: name("kingdee"), key }, from).await.unwrap();
        // Another one behind it: it follows the last that is scheduled, not the one in force.
        let key = town.new_key("auditor");
        town.change(Change::Add { member: name("auditor"), key, power: 2 }, from + 1).await.unwrap();
        let recorded = town.pay().await;
        assert_eq!(verify_receipt(&recorded.receipt, std::slice::from_ref(&founding), None).code, VerdictCode::Valid);
        assert_eq!(town.bare.tip().next_members, founding.hash());
        town.bare.stop().await;
    });
    for trusted in [&[][..], std::slice::from_ref(&founding)] {
        let report = database.audited(trusted);
        assert!(report.is_clean(), "{:?}", report.findings);
    }
    assert_eq!(database.raw().count("rosters"), 3);
}

#[test]
fn a_change_that_comes_too_late_or_is_not_signed_by_all_who_must_is_refused() {
    let (keys, database) = (tempfile::tempdir().unwrap(), TestDatabase::migrated());
    make_keys(keys.path());
    let founding = Keyring::load(keys.path()).unwrap().roster;
    block_on(async {
        let town = Town::open(&database, keys.path()).await;
        let key = town.new_key("kingdee");
        let change = || Change::Rotate { member: name("kingdee"), key };
        let code = |refused: Result<Recorded, Faults>| refused.map(|_| ()).unwrap_err().first().unwrap().code;
        let next = town.bare.tip().height + 1;
        assert_eq!(code(town.change(change(), next).await), Code::LedgerHeightPast, "its own block");
        let whole = change_body(town.keys, &founding, change(), next + 1);
        let without = |key| {
            let mut body = whole.clone();
            body.signatures.retain(|one| one.key != key);
            body
        };
        assert_eq!(whole.signatures.len(), 4, "three founders and the new key");
        let old = founding.member(&name("tencent")).unwrap().key;
        let codes =
            [code(town.change_by(without(key), next + 1).await), code(town.change_by(without(old), next + 1).await)];
        assert_eq!(codes, [Code::ChainChangeNewKeyUnsigned, Code::ChainChangeOldQuorum]);
        assert_eq!(town.bare.tip().height, next - 1, "a refusal makes no block");
        town.change_by(whole, next + 1).await.unwrap();
        town.bare.stop().await;
    });
    assert!(database.audited(&[founding]).is_clean());
}

#[test]
fn twenty_rotations_under_load_lose_nothing() {
    const ROTATIONS: u64 = 20;
    const CLIENTS: usize = 8;
    let (keys, database) = (tempfile::tempdir().unwrap(), TestDatabase::migrated());
    make_keys(keys.path());
    let founding = Keyring::load(keys.path()).unwrap().roster;
    let (rosters, recorded, retries) = block_on(async {
        let town = Town::open(&database, keys.path()).await;
        let over = AtomicBool::new(false);
        let client = async || {
            let mut recorded = Vec::new();
            while !over.load(Ordering::SeqCst) {
                recorded.push(town.pay().await);
            }
            recorded
        };
        let rotate = async {
            let mut retries = 0;
            for nth in 0..ROTATIONS {
                let member = ["kingdee", "tax-bureau", "tencent"][usize::try_from(nth % 3).unwrap()];
                let key = town.new_key(member);
                // The chain grows meanwhile: a height that was to come may be past when the command is executed.
                let from = loop {
                    let from = town.bare.tip().height + 3;
                    match town.change(Change::Rotate { member: name(member), key }, from).await {
                        Ok(_) => break from,
                        Err(faults) => {
                            assert_eq!(faults.first().unwrap().code, Code::LedgerHeightPast, "{faults}");
                            retries += 1;
                        }
                    }
                };
                while town.bare.tip().height < from {
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
            }
            over.store(true, Ordering::SeqCst);
            retries
        };
        let clients = futures_util::future::join_all((0..CLIENTS).map(|_| client()));
        let (retries, recorded) = tokio::join!(rotate, clients);
        let rosters = town.bare.rosters();
        town.bare.stop().await;
        (rosters, recorded.concat(), retries)
    });
    let report = database.audited(&[founding]);
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!(rosters.len(), 21);
    let answered = u64::try_from(recorded.len()).unwrap();
    assert_eq!(database.raw().count("payments"), answered, "every payment that was answered is there");
    assert_eq!(report.entries, 1 + answered + ROTATIONS);
    for one in &recorded {
        let verdict = verify_receipt(&one.receipt, &rosters, None).code;
        assert_eq!(verdict, VerdictCode::Valid, "block {}", one.height);
    }
    let under = |one: &Recorded| Header::from_text(&one.receipt.header).unwrap().members;
    let sealing: BTreeSet<_> = recorded.iter().map(under).collect();
    assert!(sealing.len() >= 20, "payments were sealed under {} of 21 rosters", sealing.len());
    println!(
        "{answered} payments in {} blocks under {} rosters, {retries} changes came too late",
        report.blocks,
        sealing.len()
    );
}
