//! What an audit can't see by itself: a ledger whose newest blocks were cut off, whole and in every table, and one whose past was sealed anew
//! by whoever has the members' keys. Both are sound ledgers. Whoever remembers one sealed header sees through either.

use std::path::Path;
use std::sync::Arc;

use piaolian::base::clock::FixedClock;
use piaolian::base::{Code, UnixMs};
use piaolian::chain::{Header, Receipt, Roster, verify_consistency, verify_receipt};
use piaolian::ledger::Command;
use piaolian::ledger::audit::{Checkpoint, Limits, Report, Trust, audit, audit_stream};
use piaolian::ledger::command::{Keyed, MerchantBody, request_hash};
use piaolian::ledger::stream::InMemory;
use piaolian::sequencer::{MEMORY_FILE, Memory};
use piaolian::store::{Block, Reader, Store, StoreError};
use serde_json::json;

use crate::bare::Bare;
use crate::database::TestDatabase;
use crate::scene::{self, key, merchant, own_key, registration};
use crate::streams::lines_of;

/// Blocks behind the genesis block, one payment each but the first.
const BLOCKS: u64 = 12;

/// The one that is lost or rewritten first.
const FROM: u64 = 8;

/// A chain with its keys.
struct Chain {
    database: TestDatabase,
    trusted: Vec<Roster>,
}

/// Makes blocks up to a height: what is paid in each is `paid` of its height. The same keys and payments give the same bytes.
async fn sealed(database: &TestDatabase, keys: &Path, upto: u64, paid: fn(u64) -> i64) -> Vec<Roster> {
    let clock = Arc::new(FixedClock::at(scene::NOON));
    let bare = Bare::start(database, keys, Arc::<FixedClock>::clone(&clock));
    for height in bare.tip().height + 1..=upto {
        clock.set(UnixMs(scene::NOON.0 + i64::try_from(height).unwrap() * 1_000));
        bare.submit(command(&bare, height, paid(height))).await.unwrap();
    }
    let trusted = bare.rosters();
    bare.stop().await;
    trusted
}

fn command(bare: &Bare, height: u64, paid: i64) -> Command {
    if height > 1 {
        let body = json!({
            "provider": "wechat-pay", "transaction": scene::transaction(height), "merchant": merchant(1),
            "order": format!("order-{height}"), "paid": paid, "paid_at": scene::NOON,
        });
        return Command::RecordPayment(serde_json::from_value(body).unwrap());
    }
    let issuer = own_key(1).address();
    let asked = registration(1, Some(issuer));
    let body = MerchantBody { seller: asked.seller, mchid: asked.mchid, issuer, issue_on_payment: false };
    let request = request_hash(&bare.chain, "tail", &body).unwrap();
    Command::RegisterMerchant(Keyed { key: key("tail"), request, body })
}

fn honest(_height: u64) -> i64 {
    10_000
}

fn forged(height: u64) -> i64 {
    if height == FROM { 10_001 } else { 10_000 }
}

impl Chain {
    fn read<T>(&self, work: impl FnOnce(&mut Reader<'_>) -> Result<T, StoreError>) -> T {
        Store::open(&self.database.url(), 1).unwrap().read_blocking(work).unwrap()
    }

    fn block(&self, height: u64) -> Block {
        self.read(|reader| reader.block(height)).unwrap()
    }

    fn tip(&self) -> Block {
        self.read(|reader| reader.checkpoint()).unwrap()
    }

    /// The receipt of the payment in a block.
    fn receipt(&self, height: u64) -> Receipt {
        self.read(|reader| reader.receipt(height - 1)).unwrap().0
    }

    /// With what somebody remembers, if they do: the tables, and the stream alone, which must say the same.
    fn audited(&self, remembered: Option<&str>) -> Report {
        let checkpoint = remembered.map(|header| Checkpoint::of(header).unwrap());
        let trust = Trust { rosters: &self.trusted[..1], checkpoint: checkpoint.as_ref() };
        let report = self.read(|reader| audit(reader, &trust, Limits::default(), &mut |_, _| {}));
        let stream = lines_of(&Store::open(&self.database.url(), 1).unwrap()).concat();
        let streamed = audit_stream(&stream[..], InMemory::default(), &trust, Limits::default(), &mut |_| {}).unwrap();
        let places = |report: &Report| -> Vec<_> {
            report.findings.iter().map(|finding| (finding.code, finding.row.clone(), finding.column.clone())).collect()
        };
        assert_eq!(places(&report), places(&streamed));
        report
    }

    /// Whoever remembers this header finds the ledger wrong, at its height.
    fn is_seen_through_by(&self, header: &str) {
        let report = self.audited(Some(header));
        let height = Header::from_text(header).unwrap().height.to_string();
        let named = |code, table: &str, row: &String| {
            code == Code::AuditCheckpointDiffers && table == "blocks" && *row == height
        };
        assert!(
            report.findings.iter().any(|finding| named(finding.code, &finding.table, &finding.row)),
            "{height}: {:?}",
            report.findings
        );
    }

    /// A process that has the memory seals nothing on top of it.
    async fn is_held_back(&self, keys: &Path, why: &str) {
        let bare = Bare::start(&self.database, keys, Arc::new(FixedClock::at(UnixMs(scene::NOON.0 + 60_000))));
        let command = command(&bare, 100, 5_000);
        let fault = bare.submit(command).await.unwrap_err().first().unwrap().clone();
        assert_eq!(fault.code, Code::SeqRestored);
        assert!(fault.message.contains(why), "{fault}");
        bare.stop().await;
    }
}

async fn cut(keys: &Path) -> (Chain, Chain) {
    scene::make_keys(keys);
    let database = TestDatabase::migrated();
    sealed(&database, keys, FROM - 1, honest).await;
    let backup = database.duplicate();
    let trusted = sealed(&database, keys, BLOCKS, honest).await;
    (Chain { database, trusted: trusted.clone() }, Chain { database: backup, trusted })
}

#[test]
fn a_tail_cut_off_shows_to_whoever_remembers_any_block_of_it() {
    let keys = tempfile::tempdir().unwrap();
    scene::block_on(async {
        let (whole, short) = cut(keys.path()).await;
        assert_eq!((whole.tip().height, short.tip().height), (BLOCKS, FROM - 1));
        // By itself it is a sound ledger, and so it is to who remembers a block that is still there.
        assert!(short.audited(None).is_clean());
        for height in 0..FROM {
            assert!(short.audited(Some(&whole.block(height).header)).is_clean());
        }
        for height in FROM..=BLOCKS {
            short.is_seen_through_by(&whole.block(height).header);
            // A receipt carries such a header, with seals that anybody can check.
            let receipt = whole.receipt(height);
            assert!(verify_receipt(&receipt, &short.trusted, None).is_valid());
            short.is_seen_through_by(&receipt.header);
            assert!(whole.audited(Some(&receipt.header)).is_clean());
        }
        // The memory beside the keys.
        let memory = Memory::find(&keys.path().join(MEMORY_FILE)).unwrap().unwrap();
        assert_eq!(memory.last().height, BLOCKS);
        assert!(memory.check((&short.tip()).into(), None).is_err());
        short.is_held_back(keys.path(), "an older backup was restored").await;
    });
}

#[test]
fn a_past_sealed_anew_shows_to_whoever_remembers_any_block_from_there_on() {
    let keys = tempfile::tempdir().unwrap();
    let keys = keys.path();
    scene::block_on(async {
        scene::make_keys(keys);
        let [true_one, other] = [TestDatabase::migrated(), TestDatabase::migrated()];
        let trusted = sealed(&true_one, keys, BLOCKS, honest).await;
        let memory = std::fs::read(keys.join(MEMORY_FILE)).unwrap();
        // The operator has all members' keys, and no memory: one payment is another, and all behind it is executed and sealed anew.
        scene::forget(keys);
        sealed(&other, keys, BLOCKS, forged).await;
        std::fs::write(keys.join(MEMORY_FILE), memory).unwrap();
        let whole = Chain { database: true_one, trusted: trusted.clone() };
        let forged = Chain { database: other, trusted };

        assert_eq!(whole.block(FROM - 1).hash, forged.block(FROM - 1).hash, "what came before is the same");
        assert!(forged.audited(None).is_clean(), "an audit alone sees nothing");
        assert!(forged.audited(Some(&whole.block(FROM - 1).header)).is_clean());
        for height in FROM..=BLOCKS {
            let (theirs, remembered) = (forged.block(height), whole.block(height));
            assert_ne!(theirs.hash, remembered.hash);
            forged.is_seen_through_by(&remembered.header);
            let receipt = whole.receipt(height);
            assert!(
                verify_receipt(&receipt, &forged.trusted, None).is_valid(),
                "two sealed histories: the keys did it"
            );
            forged.is_seen_through_by(&receipt.header);
            is_not_continued(&forged, &remembered);
        }
        forged.is_held_back(keys, "this is another history").await;
    });
}

/// The consistency proofs that the forged ledger can give do not lead from a remembered block to its newest one.
fn is_not_continued(forged: &Chain, remembered: &Block) {
    let (tip, old) = (Header::from_text(&forged.tip().header).unwrap(), Header::from_text(&remembered.header).unwrap());
    let proof = forged.read(|reader| reader.consistency(old.size, tip.size));
    assert!(!verify_consistency(old.size, tip.size, &old.root, &tip.root, &proof), "block {}", old.height);
    let own = Header::from_text(&forged.block(old.height).header).unwrap();
    assert!(verify_consistency(own.size, tip.size, &own.root, &tip.root, &proof), "with its own it does");
}
