//! A candidate block: commands executed inside an open transaction, header known, nothing durable yet. Committing writes it;
//! dropping it, with the transaction rolled back, leaves no trace.

use std::sync::Arc;

use crate::base::ids::ChainId;
use crate::base::{Fault, Faults, UnixMs};
use crate::chain::canonical::FormatVersion;
use crate::chain::hash::{Hash, header_hash, leaf_hash};
use crate::chain::header::Header;
use crate::chain::merkle::{Appended, Edge};
use crate::chain::roster::MemberName;
use crate::chain::seal::Seal;
use crate::ledger::entry::Kind;
use crate::ledger::state::Nothing;
use crate::ledger::{Command, Failure, Outcome, Position, State, execute};
use crate::store::{NewBlock, StoreError, Tx};

/// Outbox topic: a payment whose order may be known; issue if so.
pub const TOPIC_BILL: &str = "bill";
/// Outbox topic: an order came after its payment; issue.
pub const TOPIC_BILL_ORDER: &str = "bill-order";
/// Outbox topic: bring the invoice into the payer's card wallet.
pub const TOPIC_WALLET: &str = "wallet";
/// Outbox topic: bring the invoice to the merchant's ERP.
pub const TOPIC_ERP: &str = "erp";

/// The end of the chain, as the sequencer keeps it in memory.
#[derive(Debug, Clone)]
pub(super) struct Tip {
    pub header: Header,
    pub hash: Hash,
    pub edge: Edge,
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
        Ok(Self { hash: block.hash, header, edge })
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
    pub appended: Appended,
    pub tip: Tip,
    text: String,
    state: State<Nothing>,
    outbox: Vec<(u64, &'static str)>,
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

/// Executes commands at a time, on top of the tip. `None` when nothing was accepted: then there is no block to make.
pub(super) fn prepare(
    tx: &mut Tx<'_>,
    tip: &Tip,
    proposer: &MemberName,
    commands: &[&Command],
    time: UnixMs,
) -> Result<(Option<Candidate>, Vec<Verdict>), PrepareError> {
    let chain = tip.header.chain.clone();
    let mut verdicts = Vec::with_capacity(commands.len());
    let mut entries: Vec<(u64, Kind, Hash, String)> = Vec::with_capacity(commands.len());
    let mut outbox = Vec::new();
    let mut index = tip.header.size;
    let mut state = State::over(&mut **tx);
    for command in commands {
        let at = Position { chain: &chain, index, time };
        match execute(&mut state, command, at) {
            Ok(Outcome::Accepted { kind, text }) => {
                topics(&mut state, command, index, &mut outbox)?;
                verdicts.push(Verdict::Entry(entries.len()));
                entries.push((index, kind, leaf_hash(&text), text));
                index = index.saturating_add(1);
            }
            Ok(Outcome::Replayed { entry }) => verdicts.push(Verdict::Before(entry)),
            Err(Failure::Refused(faults)) => verdicts.push(Verdict::Refused(faults)),
            Err(Failure::Unreadable(error)) => return Err(error.into()),
        }
    }
    if entries.is_empty() {
        return Ok((None, verdicts));
    }
    let state = state.detach();
    let mut edge = tip.edge.clone();
    let leaves: Vec<Hash> = entries.iter().map(|(_, _, leaf, _)| *leaf).collect();
    let appended = edge.append(&leaves);
    let header = Header {
        v: FormatVersion,
        chain,
        height: tip.header.height.saturating_add(1),
        prev: tip.hash,
        size: edge.size(),
        root: edge.root(),
        time,
        members: tip.header.next_members,
        next_members: tip.header.next_members,
        proposer: proposer.clone(),
    };
    header.follows(&tip.header)?;
    let text = header.to_text()?;
    let tip = Tip { header, hash: header_hash(&text), edge };
    Ok((Some(Candidate { verdicts, entries, appended, tip, text, state, outbox }), Vec::new()))
}

/// Whom an accepted command is to be told to.
fn topics(
    state: &mut State<&mut crate::store::Reader<'_>>,
    command: &Command,
    index: u64,
    outbox: &mut Vec<(u64, &'static str)>,
) -> Result<(), StoreError> {
    match command {
        Command::RecordPayment(body) => {
            if state.merchant(&body.merchant)?.is_some_and(|merchant| merchant.issue_on_payment) {
                outbox.push((index, TOPIC_BILL));
            }
        }
        Command::Issue(issue) => {
            if issue.draft().payment().is_some() {
                outbox.push((index, TOPIC_WALLET));
            }
            if state.merchant(issue.draft().merchant())?.is_some_and(|merchant| merchant.issue_on_payment) {
                outbox.push((index, TOPIC_ERP));
            }
        }
        Command::RegisterMerchant(_) | Command::SetRules(_) | Command::RecordRefund(_) => {}
    }
    Ok(())
}

impl Candidate {
    /// Writes block, entries, tiles, projections, saved answers and outbox into the open transaction; the seals come after.
    pub fn write(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        tx.insert_block(&NewBlock {
            height: self.tip.header.height,
            hash: self.tip.hash,
            prev: self.tip.header.prev,
            size: self.tip.header.size,
            header: &self.text,
            entries: &self.entries,
            tiles: &self.appended.tiles,
        })?;
        tx.put_changes(&self.state)?;
        for (entry, topic) in &self.outbox {
            tx.insert_outbox(*entry, topic, self.tip.header.time)?;
        }
        Ok(())
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
