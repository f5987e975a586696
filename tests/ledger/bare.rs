//! A sequencer without desks: commands go straight in, as the ledger knows them. For what no desk would ask for, and for stories that must
//! not depend on how the desks ask.

use std::path::Path;
use std::sync::Arc;

use piaolian::base::ids::ChainId;
use piaolian::base::{Clock, Faults};
use piaolian::chain::{Header, Roster, SealKey};
use piaolian::config::keyring::{Keyring, PROPOSER};
use piaolian::ledger::Command;
use piaolian::sequencer::desk::Recorded;
use piaolian::sequencer::{
    Config, End, Guard, Leadership, LeadershipThread, LocalEngine, MEMORY_FILE, Memory, Sealed, Sequencer,
    SequencerMetrics, SequencerThread, found_chain,
};
use piaolian::store::Store;

use super::scene::LOOKUP_RUN_KEYS;
use crate::database::TestDatabase;

/// A sequencer over a database, with the keys of a folder.
pub struct Bare {
    pub sequencer: Sequencer,
    pub store: Store,
    pub chain: ChainId,
    pub engine: Arc<LocalEngine>,
    thread: SequencerThread,
    lease: LeadershipThread,
}

impl Bare {
    /// Founds the chain if there is none. The database must be migrated.
    pub fn start(database: &TestDatabase, keys: &Path, clock: Arc<dyn Clock>) -> Self {
        let store = Store::open(&database.url(), 4).unwrap();
        let Keyring { roster, seal_keys, .. } = Keyring::load(keys).unwrap();
        let keys_at_hand = seal_keys.into_iter().map(|(_, key)| key);
        let engine = Arc::new(LocalEngine::new(keys_at_hand, PROPOSER.try_into().unwrap()));
        found_chain(&store, &roster, engine.as_ref(), clock.now()).unwrap();
        let file = keys.join(MEMORY_FILE);
        let memory = Memory::find(&file).unwrap().unwrap_or_else(|| {
            let tip = store.read_blocking(|reader| reader.checkpoint()).unwrap().unwrap();
            Memory::make(&file, End::from(&tip)).unwrap()
        });
        let config = Config { lookup_run_keys: LOOKUP_RUN_KEYS, ..Config::default() };
        let guard = Arc::new(Guard::new(clock, config.clock_gap_max_days, memory));
        let (leadership, lease) = Leadership::start(store.clone(), String::new()).unwrap();
        let metrics = Arc::new(SequencerMetrics::register(&prometheus::Registry::new()).unwrap());
        let sealing = Arc::<LocalEngine>::clone(&engine);
        let started = Sequencer::start(config, store.clone(), guard, sealing, metrics, leadership, Arc::new(|| ()));
        let (sequencer, thread) = started.unwrap();
        Self { sequencer, store, chain: roster.chain().clone(), engine, thread, lease }
    }

    /// Has a command sealed; it must be a new one.
    pub async fn submit(&self, command: Command) -> Result<Recorded, Faults> {
        match self.sequencer.submit(command).await? {
            Sealed::New(entry) => {
                let (leaf, height) = (entry.leaf, entry.block.height);
                Ok(Recorded { new: true, leaf, height, receipt: entry.into_receipt() })
            }
            Sealed::Before(entry) => panic!("entry {entry} is the answer already"),
        }
    }

    /// The header of the newest block.
    pub fn tip(&self) -> Header {
        let block = self.store.read_blocking(|reader| reader.checkpoint()).unwrap().unwrap();
        Header::from_text(&block.header).unwrap()
    }

    /// Every roster that is recorded, by the height from which it seals.
    pub fn rosters(&self) -> Vec<Roster> {
        let mut rosters = self.store.read_blocking(|reader| reader.rosters()).unwrap();
        rosters.sort_by_key(Roster::from_height);
        rosters
    }

    /// Finishes what waits, and gives the lease back.
    pub async fn stop(self) {
        let Self { sequencer, thread, lease, .. } = self;
        drop(sequencer);
        tokio::task::spawn_blocking(move || {
            thread.join();
            lease.stop();
        })
        .await
        .unwrap();
    }
}

/// The seal keys in a folder.
pub fn seal_keys(keys: &Path) -> Vec<SealKey> {
    Keyring::load(keys).unwrap().seal_keys.into_iter().map(|(_, key)| key).collect()
}
