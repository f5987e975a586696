//! How an invoice stands at present: what the registry, the wallet and red letters have made of it since it was issued.
//!
//! As of now that is the word of this service. What it was as of the newest block can be proven: every header commits to it.

use super::Desk;
use crate::base::{Code, Fault, Faults, UnixMs};
use crate::chain::hash::Hash;
use crate::chain::header::Header;
use crate::chain::receipt::Receipt;
use crate::chain::state_proof::StateProof;
use crate::invoice::InvoiceId;
use crate::ledger::entry::IssuedOutline;
use crate::ledger::life::{Life, LifeState};
use crate::ledger::record::Invoice;
use crate::ledger::state::Reader as _;
use crate::store::{Proven, Reader, StoredEntry};

/// How much of an invoice red letters have taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reversed {
    /// Nothing.
    Nothing,
    /// A part.
    Part,
    /// All of it.
    All,
}

/// How an invoice stands.
#[derive(Debug, Clone)]
pub struct Present {
    /// When: the earliest time that a block made now could have.
    pub time: UnixMs,
    /// Its life at that time; a lock whose lease has ended is gone.
    pub life: Life,
    /// What red letters have taken.
    pub reversed: Reversed,
    /// The confirmation sheet that waits for an answer or for its red letter: the entry that opened it.
    pub confirmation: Option<u64>,
    /// The blue invoice, of a red one; a red one has no life of its own.
    pub blue: Option<InvoiceId>,
}

/// An invoice with how it stands, all of one snapshot.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Its entry.
    pub entry: StoredEntry,
    /// How it stands.
    pub present: Present,
}

impl Desk {
    /// An invoice as it stands now, if it is there and `may_see` says so of it and its leaf hash.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn standing(
        &self,
        id: InvoiceId,
        may_see: impl FnOnce(&Invoice, &Hash) -> bool + Send + 'static,
    ) -> Result<Option<Standing>, Faults> {
        let now = self.clock.now();
        self.store
            .view(move |reader| {
                let Some(invoice) = reader.invoice(&id)? else { return Ok::<_, Faults>(None) };
                let entry = entry_of(reader, invoice.entry)?;
                if !may_see(&invoice, &entry.leaf) {
                    return Ok(None);
                }
                let present = present(reader, &invoice, now)?;
                Ok(Some(Standing { entry, present }))
            })
            .await
    }
}

impl Desk {
    /// The receipt of an invoice against the newest block, with its present state, if it is there and `may_see` says so of it.
    ///
    /// # Errors
    /// [`Code::LedgerStatesUncommitted`]; when the store can't be read.
    pub async fn present_receipt(
        &self,
        id: InvoiceId,
        may_see: impl FnOnce(&Invoice) -> bool + Send + 'static,
    ) -> Result<Option<Receipt>, Faults> {
        self.store
            .view(move |reader| {
                let Some(invoice) = reader.invoice(&id)?.filter(may_see) else { return Ok::<_, Faults>(None) };
                let entry = entry_of(reader, invoice.entry)?;
                Ok(Some(reader.present_receipt(&invoice, &entry)?.ok_or_else(uncommitted)?))
            })
            .await
    }

    /// The proof of a number's present state to whoever knows the leaf hash of its entry, or, to anybody, that the number was never
    /// issued. `None` for an invoice whose hash is another, or was not given.
    ///
    /// # Errors
    /// [`Code::LedgerStatesUncommitted`]; when the store can't be read.
    pub async fn state_proof(&self, id: InvoiceId, hash: Option<Hash>) -> Result<Option<StateProof>, Faults> {
        self.store
            .view(move |reader| {
                let Proven { proof, leaf } = reader.state_proof(&id)?.ok_or_else(uncommitted)?;
                Ok::<_, Faults>(Some(proof).filter(|_| leaf.is_none() || leaf == hash))
            })
            .await
    }
}

fn uncommitted() -> Fault {
    Fault::new(Code::LedgerStatesUncommitted, "", "the newest block is of version 1; ask again once there is another")
}

fn entry_of(reader: &mut Reader<'_>, index: u64) -> Result<StoredEntry, Faults> {
    let found = reader.entry(index)?;
    found.ok_or_else(|| Fault::new(Code::StoreCorrupt, "", format!("entry {index} is missing")).into())
}

/// How an invoice stands in a snapshot.
pub(super) fn present(reader: &mut Reader<'_>, invoice: &Invoice, now: UnixMs) -> Result<Present, Faults> {
    // Block time never decreases: with a clock that lags, the next block would have the newest one's time.
    let newest = reader.checkpoint()?.map(|block| Header::from_text(&block.header)).transpose()?;
    let time = newest.map_or(now, |header| header.time.max(now));
    let life = reader.life(invoice.entry)?.unwrap_or_else(|| Life::new(invoice.entry)).at(time);
    let reversed = match life.state {
        LifeState::Reversed => Reversed::All,
        LifeState::Open
        | LifeState::Locked
        | LifeState::Closed
        | LifeState::Pledged
        | LifeState::Settled
        | LifeState::SettledLocked => reader.reversal(invoice.entry)?.map_or(Reversed::Nothing, |_some| Reversed::Part),
    };
    let sheet = match life.confirmation {
        Some(entry) => reader.confirmation(entry)?.filter(|sheet| sheet.is_live_at(time)),
        None => None,
    };
    let blue = match invoice.blue {
        Some(entry) => Some(IssuedOutline::read(&entry_of(reader, entry)?.text)?.id()),
        None => None,
    };
    Ok(Present { time, life, reversed, confirmation: sheet.map(|sheet| sheet.entry), blue })
}
