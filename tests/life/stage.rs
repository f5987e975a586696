//! A ledger on a real database with the real sequencer before it, and nothing else: no desks, no HTTP.

use std::sync::Arc;

use piaolian::base::clock::FixedClock;
use piaolian::base::{Clock, UnixMs};
use piaolian::chain::{MemberName, Roster};
use piaolian::config::keyring::{self, Keyring, PROPOSER};
use piaolian::sequencer::{
    Config, Engine, Guard, Leadership, LeadershipThread, LocalEngine, MEMORY_FILE, Memory, Sequencer, SequencerMetrics,
    SequencerThread, found_chain,
};
use piaolian::store::Store;
use prometheus::Registry;

use super::seed;
use super::town::{self, START};
use crate::database::TestDatabase;

/// Commands waiting at most: more than all sequences in flight can say at once.
const QUEUE: usize = 32_768;

/// Sequences in flight.
pub const IN_FLIGHT: usize = 512;

/// How many sequences a race has.
pub fn sequences() -> u64 {
    seed::cases("LIFE_RACES")
}

pub struct Stage {
    pub database: TestDatabase,
    pub clock: Arc<FixedClock>,
    pub sequencer: Sequencer,
    pub store: Store,
    roster: Roster,
    thread: SequencerThread,
    lease: LeadershipThread,
    keys: tempfile::TempDir,
}

impl Stage {
    /// An empty ledger with one merchant.
    pub async fn set() -> Self {
        let (keys, database) = (tempfile::tempdir().unwrap(), TestDatabase::empty());
        keyring::make(keys.path(), &town::chain()).unwrap();
        Store::migrate(&database.url()).unwrap();
        let store = Store::open(&database.url(), 4).unwrap();
        let Keyring { roster, seal_keys, .. } = Keyring::load(keys.path()).unwrap();
        let proposer = MemberName::try_from(PROPOSER).unwrap();
        let engine: Arc<dyn Engine> = Arc::new(LocalEngine::new(seal_keys.into_iter().map(|(_, key)| key), proposer));
        let clock = Arc::new(FixedClock::at(UnixMs(START)));
        assert!(found_chain(&store, &roster, engine.as_ref(), clock.now()).unwrap());
        let end = store.read_blocking(|reader| reader.checkpoint()).unwrap().unwrap();
        let memory = Memory::make(&keys.path().join(MEMORY_FILE), (&end).into()).unwrap();
        let time: Arc<dyn Clock> = Arc::<FixedClock>::clone(&clock);
        let guard = Arc::new(Guard::new(time, 31, memory));
        let (leadership, lease) = Leadership::start(store.clone(), String::new()).unwrap();
        let metrics = Arc::new(SequencerMetrics::register(&Registry::new()).unwrap());
        let config = Config { queue_commands_max: QUEUE, ..Config::default() };
        let (sequencer, thread) =
            Sequencer::start(config, store.clone(), guard, engine, metrics, leadership, Arc::new(|| {})).unwrap();
        let stage = Self { database, clock, sequencer, store, roster, thread, lease, keys };
        stage.sequencer.submit(town::registration(1).command).await.unwrap();
        stage
    }

    /// Stops the sequencer and audits what it has written: everything must hold.
    pub fn strike(self) -> TestDatabase {
        let Self { database, sequencer, store, roster, thread, lease, keys, .. } = self;
        drop(sequencer);
        thread.join();
        lease.stop();
        drop((store, keys));
        let report = database.audited(&[roster]);
        assert!(report.is_clean(), "{:#?}", report.findings);
        println!(
            "AUDIT CLEAN: {} entries in {} blocks, {} invoices, {} signatures",
            report.entries, report.blocks, report.invoices, report.signatures
        );
        database
    }
}

/// A runtime whose callers run on several threads.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap().block_on(work)
}
