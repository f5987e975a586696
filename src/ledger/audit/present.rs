//! The map of present states, derived block by block, against the root in each header and the pages that are stored.

use super::{Audit, Source};
use crate::base::Code;
use crate::chain::hash::Hash;
use crate::chain::header::Header;
use crate::invoice::InvoiceId;
use crate::ledger::present::{PresentMap, state_of};
use crate::ledger::projection::{BLOCKS, LedgerTable, Rows, STATE_PAGES};
use crate::ledger::state::Touched;

/// The map so far, and what it is made of.
#[derive(Default)]
pub(super) struct Present {
    map: PresentMap,
    /// Every invoice by its entry, ascending, with the entry's leaf hash.
    invoices: Vec<(u64, InvoiceId, Hash)>,
}

impl Present {
    /// Notes the invoice of an entry.
    pub fn note(&mut self, entry: u64, id: InvoiceId, leaf: Hash) {
        self.invoices.push((entry, id, leaf));
    }

    fn invoice(&self, entry: u64) -> Option<(InvoiceId, Hash)> {
        let at = self.invoices.binary_search_by_key(&entry, |(entry, ..)| *entry).ok()?;
        self.invoices.get(at).map(|(_, id, leaf)| (*id, *leaf))
    }
}

impl Audit<'_> {
    /// The root of present states in a header must be what the entries so far give.
    pub(super) fn present_states(&mut self, header: &Header) {
        let Some(claimed) = header.state else { return };
        if let Some(root) = self.put_touched(&BLOCKS, header.height)
            && root != claimed
        {
            let message = format!("the entries give other present states, {root}");
            self.report.add(Code::AuditStateDiffers, &BLOCKS, header.height, "header", message);
        }
    }

    /// Brings what has changed since the last time into the map; its root. `None` behind an entry that could not be executed.
    fn put_touched(&mut self, table: &LedgerTable, row: u64) -> Option<Hash> {
        if !self.replayable {
            return None;
        }
        let Ok(touched) = self.state.take_touched(0);
        let mut states = Vec::with_capacity(touched.len());
        for Touched { entry, reversal, life } in touched {
            let Some((id, leaf)) = self.present.invoice(entry) else { continue };
            let Ok(invoice) = self.state.invoice(&id);
            let Some(invoice) = invoice else { continue };
            match state_of(&leaf, &invoice, reversal.as_deref(), life.as_deref()) {
                Ok(state) => states.push(state),
                Err(fault) => self.report.add(Code::AuditStateDiffers, table, row, "", fault.to_string()),
            }
        }
        match self.present.map.put(states) {
            Ok(root) => Some(root),
            Err(fault) => {
                self.report.add(Code::AuditStateDiffers, table, row, "", fault.to_string());
                None
            }
        }
    }

    /// The stored pages of the map against those that the entries give.
    pub(super) fn compare_state_pages<S: Source>(&mut self, source: &mut S) -> Result<(), S::Error> {
        // Headers of version 1 asked for no root: what they left is brought in now.
        if self.put_touched(&STATE_PAGES, 0).is_none() {
            return Ok(());
        }
        let stored = source.all(&STATE_PAGES)?;
        let pages = std::mem::take(&mut self.present.map.pages);
        let row = |path: String, bytes: Vec<u8>| {
            let key = vec![Some(path.into_bytes())];
            (key.clone(), key.into_iter().chain([Some(bytes)]).collect())
        };
        let expected: Rows = pages.into_iter().map(|(path, page)| row(path.0, page.to_bytes())).collect();
        self.compare(&STATE_PAGES, expected, stored, Code::AuditProjectionDiffers);
        Ok(())
    }
}
