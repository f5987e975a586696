//! The map of present states as it is stored: its pages, what goes into it, and making it anew.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::dsl::exists;
use diesel::prelude::*;

use super::connection::Conn;
use super::error::StoreError;
use super::reader::{Block, Reader, StoredEntry};
use super::rows::{InvoiceRow, column, corrupt, hash};
use super::schema::{entries, invoices, state_pages};
use super::tx::Tx;
use crate::chain::canonical::{Edition, FormatVersion};
use crate::chain::hash::Hash;
use crate::chain::header::Header;
use crate::chain::present::{StateKey, verify_absent, verify_present};
use crate::chain::receipt::{Receipt, ReceiptState};
use crate::chain::state_proof::{ProvenState, StateProof};
use crate::invoice::InvoiceId;
use crate::ledger::present::{MapError, Page, PagePath, Pages, Path, PresentMap, prove, state_of};
use crate::ledger::record::Invoice;
use crate::ledger::state;

/// Invoices put into the map at a time when it is made anew.
const REBUILD_INVOICES: i64 = 10_000;

/// Pages read in one query on PostgreSQL.
const PIECE_PAGES: usize = 10_000;

/// Whether the ledger is older than its map of present states, or making it was cut short: no SQL can compute it.
pub(super) fn state_pages_missing(conn: &mut Conn) -> Result<bool, StoreError> {
    let any_page: bool = diesel::select(exists(state_pages::table.select(state_pages::path))).get_result(conn)?;
    Ok(!any_page && diesel::select(exists(invoices::table.select(invoices::entry))).get_result(conn)?)
}

fn parse(path: &str, bytes: &[u8]) -> Result<Page, StoreError> {
    Page::from_bytes(bytes).ok_or_else(|| corrupt("state_pages", path, "not a page of the map of present states"))
}

impl Reader<'_> {
    /// Pages of the map, those that are there. One query on PostgreSQL.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn state_pages(&mut self, paths: &[PagePath]) -> Result<HashMap<PagePath, Page>, StoreError> {
        let rows: Vec<(String, Vec<u8>)> = match &mut *self.conn {
            Conn::Sqlite(sqlite) => {
                let found = paths.iter().map(|path| {
                    let row = state_pages::table.find(&path.0).select(state_pages::nodes).get_result(sqlite);
                    Ok::<_, StoreError>(row.optional()?.map(|bytes: Vec<u8>| (path.0.clone(), bytes)))
                });
                found.filter_map(Result::transpose).collect::<Result<_, _>>()?
            }
            Conn::Postgres(postgres) => {
                let mut rows = Vec::new();
                for piece in paths.chunks(PIECE_PAGES) {
                    let wanted: Vec<&str> = piece.iter().map(|path| path.0.as_str()).collect();
                    let found = state_pages::table.filter(state_pages::path.eq_any(wanted));
                    rows.extend(found.load::<(String, Vec<u8>)>(postgres)?);
                }
                rows
            }
        };
        rows.into_iter().map(|(path, bytes)| Ok((PagePath(path.clone()), parse(&path, &bytes)?))).collect()
    }

    /// Invoices by their entries, with the leaf hashes of these; those that are there, in no order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn invoices_with_leaves(&mut self, of: &[u64]) -> Result<Vec<(Invoice, Hash)>, StoreError> {
        let of: Vec<i64> = of.iter().map(|entry| column(*entry)).collect();
        let leaves: Vec<(i64, Vec<u8>)> =
            entries::table.filter(entries::idx.eq_any(&of)).select((entries::idx, entries::leaf)).load(self.conn)?;
        let leaves: HashMap<i64, Vec<u8>> = leaves.into_iter().collect();
        let rows: Vec<InvoiceRow> = invoices::table.filter(invoices::entry.eq_any(&of)).load(self.conn)?;
        rows.into_iter().map(|row| with_leaf(row, &leaves)).collect()
    }
}

fn with_leaf(row: InvoiceRow, leaves: &HashMap<i64, Vec<u8>>) -> Result<(Invoice, Hash), StoreError> {
    let entry = row.entry;
    let leaf =
        leaves.get(&entry).ok_or_else(|| corrupt("entries", entry, "missing, though there is an invoice of it"))?;
    Ok((Invoice::try_from(row)?, hash("entries", entry, leaf)?))
}

/// What is proven of a number: its present state, or that it was never issued.
#[derive(Debug)]
pub struct Proven {
    /// The proof, against the newest header.
    pub proof: StateProof,
    /// Leaf hash of the invoice's entry; `None` where there is no invoice.
    pub leaf: Option<Hash>,
}

impl Reader<'_> {
    /// The newest block, if it commits to present states: with its header, and the root.
    fn committed(&mut self) -> Result<Option<(Block, Header, Hash)>, StoreError> {
        let Some(block) = self.checkpoint()? else { return Ok(None) };
        let header = Header::from_text(&block.header).map_err(|e| corrupt("blocks", block.height, e))?;
        Ok(header.state.map(|root| (block, header, root)))
    }

    fn path(&mut self, key: &StateKey) -> Result<Path, StoreError> {
        prove(self, key).map_err(|error| match error {
            MapError::Unreadable(error) => error,
            MapError::Broken(what) => corrupt("state_pages", format!("{key:?}"), what),
        })
    }

    /// The text of an invoice's present state, and its path to a root, which it must lead to.
    fn state(&mut self, invoice: &Invoice, leaf: &Hash, root: &Hash) -> Result<ReceiptState, StoreError> {
        let reversal = state::Reader::reversal(self, invoice.entry)?;
        let life = state::Reader::life(self, invoice.entry)?;
        let (key, value) = state_of(leaf, invoice, reversal.as_ref(), life.as_ref()).map_err(broken)?;
        let Path { siblings, .. } = self.path(&key)?;
        if verify_present(root, &key, &value, &siblings) {
            return Ok(ReceiptState { siblings, value });
        }
        Err(corrupt("state_pages", invoice.id(), "does not prove what the invoice's rows say"))
    }

    /// The receipt of an invoice against the newest header, with its present state; `None` while no header commits to states.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn present_receipt(&mut self, invoice: &Invoice, entry: &StoredEntry) -> Result<Option<Receipt>, StoreError> {
        let Some((block, _, root)) = self.committed()? else { return Ok(None) };
        let state = self.state(invoice, &entry.leaf, &root)?;
        let receipt = self.receipt_at(entry, &block)?;
        Ok(Some(Receipt { v: Edition::Second, state: Some(state), ..receipt }))
    }

    /// What the newest header proves of a number; `None` while no header commits to states.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn state_proof(&mut self, id: &InvoiceId) -> Result<Option<Proven>, StoreError> {
        let Some((block, header, root)) = self.committed()? else { return Ok(None) };
        let (state, leaf) = match state::Reader::invoice(self, id)? {
            Some(invoice) => {
                let entry = self.entry(invoice.entry)?;
                let leaf = entry.ok_or_else(|| corrupt("entries", invoice.entry, "missing"))?.leaf;
                let ReceiptState { siblings, value } = self.state(&invoice, &leaf, &root)?;
                (ProvenState { siblings, value: Some(value), other: None }, Some(leaf))
            }
            None => {
                let name = id.to_string();
                let key = StateKey::of_invoice(&name).ok_or_else(|| corrupt("state_pages", &name, "has no place"))?;
                let Path { siblings, other, .. } = self.path(&key)?;
                if !verify_absent(&root, &key, other.as_ref(), &siblings) {
                    return Err(corrupt("state_pages", name, "does not prove that there is no such invoice"));
                }
                (ProvenState { siblings, value: None, other }, None)
            }
        };
        let (chain, invoice) = (header.chain, id.to_string());
        let proof = StateProof { v: FormatVersion, chain, invoice, header: block.header, seals: block.seals, state };
        Ok(Some(Proven { proof, leaf }))
    }
}

/// One page at a time, for proofs.
impl Pages for Reader<'_> {
    type Error = StoreError;

    fn page(&mut self, path: &PagePath) -> Result<Option<Arc<Page>>, StoreError> {
        Ok(self.state_pages(std::slice::from_ref(path))?.remove(path).map(Arc::new))
    }
}

impl Tx<'_> {
    /// Makes the map of present states anew from the invoices that are there; holds all of it in memory meanwhile. MUST NOT be called
    /// while a sequencer is at work on the ledger.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn rebuild_state_pages(&mut self) -> Result<(), StoreError> {
        self.take_your_time()?;
        diesel::delete(state_pages::table).execute(self.conn)?;
        let mut map = PresentMap::default();
        let mut next = 0i64;
        loop {
            let rows: Vec<InvoiceRow> = invoices::table
                .filter(invoices::entry.ge(next))
                .order(invoices::entry)
                .limit(REBUILD_INVOICES)
                .load(self.conn)?;
            let Some(last) = rows.last().map(|row| row.entry) else { break };
            let leaves: Vec<(i64, Vec<u8>)> = entries::table
                .filter(entries::idx.between(next, last))
                .select((entries::idx, entries::leaf))
                .load(self.conn)?;
            let leaves: HashMap<i64, Vec<u8>> = leaves.into_iter().collect();
            let mut states = Vec::with_capacity(rows.len());
            for row in rows {
                let (invoice, leaf) = with_leaf(row, &leaves)?;
                let reversal = state::Reader::reversal(&mut **self, invoice.entry)?;
                let life = state::Reader::life(&mut **self, invoice.entry)?;
                states.push(state_of(&leaf, &invoice, reversal.as_ref(), life.as_ref()).map_err(broken)?);
            }
            map.put(states).map_err(broken)?;
            next = last.saturating_add(1);
        }
        let pages = map.pages.into_iter().map(|(path, page)| (path, Arc::unwrap_or_clone(page)));
        let pages: Vec<(PagePath, Page)> = pages.collect();
        self.put_state_pages(&pages)
    }
}

fn broken(fault: crate::base::Fault) -> StoreError {
    corrupt("state_pages", "", fault)
}
