//! A candidate block: commands executed inside an open transaction, header known, nothing durable yet. Committing writes it;
//! dropping it, with the transaction rolled back, leaves no trace.

use std::collections::HashMap;
use std::sync::Arc;

use super::Submission;
use super::engine::roster_after;
use super::resident::Resident;
use crate::base::ids::ChainId;
use crate::base::stages::Stage;
use crate::base::step::Step;
use crate::base::{Fault, Faults, Secret, UnixMs};
use crate::chain::canonical::Edition;
use crate::chain::hash::{Hash, header_hash};
use crate::chain::header::Header;
use crate::chain::merkle::{Appended, Edge};
use crate::chain::present::empty_state_root;
use crate::chain::roster::{MemberName, Roster};
use crate::chain::seal::Seal;
use crate::ledger::entry::{ENTRY_VERSION, Kind};
use crate::ledger::life::LifeState;
use crate::ledger::lookup::{Fingerprint, keys_of};
use crate::ledger::present::{Changed, MapError, Page, PagePath, change, state_of};
use crate::ledger::record::{Invoice, RosterRecord};
use crate::ledger::state::{Tables, Touched};
use crate::ledger::{Command, Failure, Outcome, Position, Reader, State, execute};
use crate::store::{NewBlock, StoreError, Tx};

/// Outbox topic: a payment whose order may be known; issue if so.
pub const TOPIC_BILL: &str = "bill";
/// Outbox topic: an order came after its payment; issue.
pub const TOPIC_BILL_ORDER: &str = "bill-order";
/// Outbox topic: bring the invoice into the payer's card wallet.
pub const TOPIC_WALLET: &str = "wallet";
/// Outbox topic: take the invoice that was reversed in full out of the payer's card wallet.
pub const TOPIC_WALLET_REMOVE: &str = "wallet-remove";
/// Outbox topic: bring the invoice to the merchant's ERP.
pub const TOPIC_ERP: &str = "erp";

/// The end of the chain, as the sequencer keeps it in memory.
#[derive(Debug, Clone)]
pub(super) struct Tip {
    pub header: Header,
    pub hash: Hash,
    pub edge: Edge,
    /// The roster under which the next block is sealed: the header names it as `next_members`.
    pub roster: Arc<Roster>,
    /// Every roster that has been recorded, those to come among them, by the height from which they seal.
    pub rosters: Arc<Vec<RosterRecord>>,
}

impl Tip {
    /// Reads the tip from the store.
    pub fn load(tx: &mut crate::store::Reader<'_>) -> Result<Self, Faults> {
        let block = tx.checkpoint()?.ok_or_else(|| StoreError::Corrupt {
            table: "blocks",
            key: "0".to_owned(),
            what: "there is no genesis block".to_owned(),
        })?;
        let header = Header::from_text(&block.header)?;
        let edge = tx.edge(header.size)?;
        if edge.root() != header.root {
            let what = format!("the tiles give another root than block {}", header.height);
            return Err(StoreError::Corrupt { table: "tiles", key: String::new(), what }.into());
        }
        let stored = tx.rosters()?;
        let record = |roster: &Roster| RosterRecord { from_height: roster.from_height(), roster: roster.clone() };
        let rosters = Arc::new(stored.iter().map(record).collect());
        let roster = Arc::new(roster_after(&header, stored)?);
        Ok(Self { hash: block.hash, header, edge, roster, rosters })
    }
}

/// A block that has been sealed and committed.
#[derive(Debug)]
pub struct SealedBlock {
    /// The chain.
    pub chain: ChainId,
    /// Its height.
    pub height: u64,
    /// Hash of its header.
    pub hash: Hash,
    /// Canonical text of its header.
    pub header: String,
    /// Its seals.
    pub seals: Vec<Seal>,
}

/// What came of one command of the batch.
pub(super) enum Verdict {
    /// Its entry, by position in `Candidate::entries`.
    Entry(usize),
    /// Said before.
    Before(u64),
    /// Refused.
    Refused(Faults),
}

/// A block that is not durable yet.
pub(super) struct Candidate {
    pub verdicts: Vec<Verdict>,
    pub entries: Vec<(u64, Kind, Hash, String)>,
    pub appended: Arc<Appended>,
    pub tip: Tip,
    pub changes: Tables,
    pub pages: Vec<(PagePath, Page)>,
    text: String,
    keys: Vec<(Fingerprint, u64)>,
    outbox: Vec<(u64, &'static str)>,
    payers: Vec<(u64, Secret<String>)>,
}

/// Why no candidate could be prepared.
pub(super) enum PrepareError {
    /// A record could not be read.
    Store(StoreError),
    /// The header could not be made.
    Faults(Faults),
}

impl From<StoreError> for PrepareError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Fault> for PrepareError {
    fn from(fault: Fault) -> Self {
        Self::Faults(fault.into())
    }
}

/// What executing a batch gave, before it is hashed.
struct Executed {
    verdicts: Vec<Verdict>,
    entries: Vec<(u64, Kind, Hash, String)>,
    keys: Vec<(Fingerprint, u64)>,
    outbox: Vec<(u64, &'static str)>,
    payers: Vec<(u64, Secret<String>)>,
    changes: Tables,
    touched: Vec<Touched>,
}

/// Executes commands at a time, on top of the tip. `None` when nothing was accepted: then there is no block to make.
pub(super) fn prepare(
    tx: &mut Tx<'_>,
    resident: &mut Resident,
    tip: &Tip,
    proposer: &MemberName,
    batch: &[Submission],
    time: UnixMs,
) -> Result<(Option<Candidate>, Vec<Verdict>), PrepareError> {
    Step::BeforeExecute.pass();
    let executed = Stage::Execute.measure(|| execute_all(tx, resident, tip, batch, time))?;
    Step::AfterExecute.pass();
    if executed.entries.is_empty() {
        return Ok((None, executed.verdicts));
    }
    let present = Stage::Hash.measure(|| present_states(tx, resident, tip, &executed))?;
    let candidate = Stage::Hash.measure(|| append(executed, present, tip, proposer, time))?;
    Ok((Some(candidate), Vec::new()))
}

fn execute_all(
    tx: &mut Tx<'_>,
    resident: &mut Resident,
    tip: &Tip,
    batch: &[Submission],
    time: UnixMs,
) -> Result<Executed, StoreError> {
    let mut verdicts = Vec::with_capacity(batch.len());
    let mut entries: Vec<(u64, Kind, Hash, String)> = Vec::with_capacity(batch.len());
    let (mut keys, mut outbox, mut payers) = (Vec::with_capacity(batch.len()), Vec::new(), Vec::new());
    let mut index = tip.header.size;
    let height = tip.header.height.saturating_add(1);
    let commands: Vec<&Command> = batch.iter().map(|submission| &submission.command).collect();
    let mut state = State::over(resident.over(tx, &commands)?);
    for Submission { command, payer, .. } in batch {
        let at = Position { chain: &tip.header.chain, height, index, time, version: ENTRY_VERSION };
        match execute(&mut state, command, at) {
            Ok(Outcome::Accepted { kind, leaf, text }) => {
                topics(&mut state, command, index, &mut outbox)?;
                keys.extend(keys_of(command).into_iter().map(|key| (key, index)));
                payers.extend(payer.clone().map(|payer| (index, payer)));
                verdicts.push(Verdict::Entry(entries.len()));
                entries.push((index, kind, leaf, text));
                index = index.saturating_add(1);
            }
            Ok(Outcome::Replayed { entry }) => verdicts.push(Verdict::Before(entry)),
            Err(Failure::Refused(faults)) => verdicts.push(Verdict::Refused(faults)),
            Err(Failure::Unreadable(error)) => return Err(error),
        }
    }
    let touched = state.take_touched(tip.header.size)?;
    Ok(Executed { verdicts, entries, keys, outbox, payers, changes: state.into_tables(), touched })
}

/// The map of present states after the batch: its root, and the pages that changed.
fn present_states(
    tx: &mut Tx<'_>,
    resident: &mut Resident,
    tip: &Tip,
    executed: &Executed,
) -> Result<Changed, PrepareError> {
    if resident.is_stateless() {
        let root = tip.header.state.unwrap_or_else(empty_state_root);
        return Ok(Changed { root, pages: Vec::new() });
    }
    let new: HashMap<u64, &Hash> = executed.entries.iter().map(|(index, _, leaf, _)| (*index, leaf)).collect();
    let issued = executed.changes.invoices.inserted().map(|invoice| (invoice.entry, invoice));
    let issued: HashMap<u64, &Invoice> = issued.collect();
    let old: Vec<u64> = executed.touched.iter().map(|it| it.entry).filter(|entry| !new.contains_key(entry)).collect();
    let read = if old.is_empty() { Vec::new() } else { tx.invoices_with_leaves(&old)? };
    let read: HashMap<u64, (Invoice, Hash)> = read.into_iter().map(|found| (found.0.entry, found)).collect();
    let mut states = Vec::with_capacity(executed.touched.len());
    for Touched { entry, reversal, life } in &executed.touched {
        let here = issued.get(entry).copied().zip(new.get(entry).copied());
        let (invoice, leaf) =
            here.or_else(|| read.get(entry).map(|(invoice, leaf)| (invoice, leaf))).ok_or_else(|| {
                let what = "there is no invoice of it, though its state changed".to_owned();
                StoreError::Corrupt { table: "invoices", key: entry.to_string(), what }
            })?;
        states.push(state_of(leaf, invoice, reversal.as_deref(), life.as_deref())?);
    }
    let mut pages = resident.map(tx, tip.header.state, states.iter().map(|(key, _)| *key))?;
    change(&mut pages, states).map_err(|error| match error {
        MapError::Unreadable(error) => PrepareError::Store(error),
        MapError::Broken(what) => {
            PrepareError::Store(StoreError::Corrupt { table: "state_pages", key: String::new(), what })
        }
    })
}

/// Appends the entries to the tree and makes the header.
fn append(
    executed: Executed,
    present: Changed,
    tip: &Tip,
    proposer: &MemberName,
    time: UnixMs,
) -> Result<Candidate, PrepareError> {
    let Executed { verdicts, entries, keys, outbox, payers, changes, touched: _ } = executed;
    let height = tip.header.height.saturating_add(1);
    let (next, rosters) = next_roster(tip, &changes, height.saturating_add(1));
    let mut edge = tip.edge.clone();
    let leaves: Vec<Hash> = entries.iter().map(|(_, _, leaf, _)| *leaf).collect();
    let appended = Arc::new(edge.append(&leaves));
    let header = Header {
        v: Edition::Second,
        state: Some(present.root),
        chain: tip.header.chain.clone(),
        height,
        prev: tip.hash,
        size: edge.size(),
        root: edge.root(),
        time,
        members: tip.header.next_members,
        next_members: next.hash(),
        proposer: proposer.clone(),
    };
    header.follows(&tip.header)?;
    let text = header.to_text()?;
    let tip = Tip { header, hash: header_hash(&text), edge, roster: next, rosters };
    let pages = present.pages;
    Ok(Candidate { verdicts, entries, appended, tip, changes, pages, text, keys, outbox, payers })
}

/// The roster that seals a height, and all rosters, once these changes are made.
fn next_roster(tip: &Tip, changes: &Tables, height: u64) -> (Arc<Roster>, Arc<Vec<RosterRecord>>) {
    let mut rosters = Arc::clone(&tip.rosters);
    let new: Vec<RosterRecord> = changes.rosters.inserted().cloned().collect();
    if !new.is_empty() {
        Arc::make_mut(&mut rosters).extend(new);
    }
    let due = rosters.iter().filter(|record| record.from_height <= height).max_by_key(|record| record.from_height);
    let next = match due {
        Some(record) if record.roster.hash() != tip.roster.hash() => Arc::new(record.roster.clone()),
        Some(_) | None => Arc::clone(&tip.roster),
    };
    (next, rosters)
}

/// Whom an accepted command is to be told to.
fn topics<R: Reader>(
    state: &mut State<R>,
    command: &Command,
    index: u64,
    outbox: &mut Vec<(u64, &'static str)>,
) -> Result<(), R::Error> {
    if let Command::RecordPayment(body) = command
        && state.merchant(&body.merchant)?.is_some_and(|merchant| merchant.issue_on_payment)
    {
        outbox.push((index, TOPIC_BILL));
    }
    if let Some(draft) = command.draft() {
        // A red letter is told to the ERP as the blue one was; the wallet only ever gets blue ones.
        if draft.payment().is_some() && draft.red().is_none() {
            outbox.push((index, TOPIC_WALLET));
        }
        if let Some(red) = draft.red().filter(|_| draft.payment().is_some())
            && let Some(blue) = state.invoice(&red.of())?
            && state.life(blue.entry)?.state == LifeState::Reversed
        {
            outbox.push((index, TOPIC_WALLET_REMOVE));
        }
        if state.merchant(draft.merchant())?.is_some_and(|merchant| merchant.issue_on_payment) {
            outbox.push((index, TOPIC_ERP));
        }
    }
    Ok(())
}

impl Candidate {
    /// Writes block, entries, tiles, projections, saved answers and outbox into the open transaction; the seals come after.
    /// `run` is how many keys gather before they are brought into the table of look-ups.
    pub fn write(&self, tx: &mut Tx<'_>, run: usize) -> Result<(), StoreError> {
        tx.insert_block(&NewBlock {
            height: self.tip.header.height,
            hash: self.tip.hash,
            prev: self.tip.header.prev,
            size: self.tip.header.size,
            header: &self.text,
            entries: &self.entries,
            tiles: &self.appended.tiles,
        })?;
        tx.put_changes(&self.changes)?;
        tx.put_state_pages(&self.pages)?;
        tx.put_keys(self.tip.header.height, &self.keys, run)?;
        for (entry, payer) in &self.payers {
            tx.insert_payer(*entry, payer)?;
        }
        tx.insert_outbox_of_block(&self.outbox, self.tip.header.time)
    }

    /// The block, once it is durable.
    pub fn sealed_block(&self, seals: Vec<Seal>) -> Arc<SealedBlock> {
        Arc::new(SealedBlock {
            chain: self.tip.header.chain.clone(),
            height: self.tip.header.height,
            hash: self.tip.hash,
            header: self.text.clone(),
            seals,
        })
    }

    /// Whether there is something to tell anybody.
    pub fn has_outbox(&self) -> bool {
        !self.outbox.is_empty()
    }
}
