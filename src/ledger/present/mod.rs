//! Present states of invoices, committed to in every header: what each says, and the map that gives the root and proves them.
//!
//! The map is a sparse Merkle tree kept by `jmt`. Its nodes lie in pages ([`Pages`]), one for each node at an odd depth with its
//! children, so that invoices issued one after another share theirs. Only what is present is kept, and no versions: pages are a function
//! of the states alone, however they came about.

mod map;
mod page;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::life::{Life, LifeState};
use super::record::Invoice;
use super::reversal::Reversal;
use crate::base::{Code, Fault, UnixMs};
use crate::chain::canonical::to_canonical;
use crate::chain::hash::Hash;
use crate::chain::present::{StateKey, StateWord};

pub use map::{Changed, MapError, Path, change, prove};
pub use page::{Page, PagePath};

/// Where pages of the map are read from. MUST give what was committed last.
pub trait Pages {
    /// Why a page could not be read.
    type Error;

    /// A page; `None` where nothing is kept.
    ///
    /// # Errors
    /// That of the source.
    fn page(&mut self, path: &PagePath) -> Result<Option<Arc<Page>>, Self::Error>;
}

/// The map of a ledger in memory: what an audit derives.
#[derive(Debug, Clone, Default)]
pub struct PresentMap {
    /// Its pages.
    pub pages: BTreeMap<PagePath, Arc<Page>>,
}

impl Pages for PresentMap {
    type Error = std::convert::Infallible;

    fn page(&mut self, path: &PagePath) -> Result<Option<Arc<Page>>, Self::Error> {
        Ok(self.pages.get(path).cloned())
    }
}

impl PresentMap {
    /// Writes present states; gives the root.
    ///
    /// # Errors
    /// [`Code::StoreCorrupt`] for pages that are none of this map.
    pub fn put(&mut self, states: Vec<(StateKey, String)>) -> Result<Hash, Fault> {
        match change(self, states) {
            Ok(changed) => {
                self.pages.extend(changed.pages.into_iter().map(|(path, page)| (path, Arc::new(page))));
                Ok(changed.root)
            }
            Err(MapError::Broken(what)) => Err(Fault::new(Code::StoreCorrupt, "state_pages", what)),
            Err(MapError::Unreadable(never)) => match never {},
        }
    }

    /// The root of the map as it is.
    ///
    /// # Errors
    /// As [`PresentMap::put`].
    pub fn root(&mut self) -> Result<Hash, Fault> {
        self.put(Vec::new())
    }
}

/// The text of a state, as it stands in the map.
#[derive(Serialize)]
struct Text<'a> {
    leaf: &'a Hash,
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<i64>,
    state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<UnixMs>,
    v: u8,
}

fn word(state: LifeState) -> StateWord {
    match state {
        LifeState::Open => StateWord::Open,
        LifeState::Locked => StateWord::Locked,
        LifeState::Closed => StateWord::Closed,
        LifeState::Pledged => StateWord::Pledged,
        LifeState::Settled => StateWord::Settled,
        LifeState::SettledLocked => StateWord::SettledLocked,
        LifeState::Reversed => StateWord::Reversed,
    }
}

/// Where an invoice's state stands, and what it says. `leaf` is the leaf hash of its entry; without reversal nothing was taken back,
/// without life nothing has happened.
///
/// # Errors
/// Money that contradicts itself, which execution never writes.
pub fn state_of(
    leaf: &Hash,
    invoice: &Invoice,
    reversal: Option<&Reversal>,
    life: Option<&Life>,
) -> Result<(StateKey, String), Fault> {
    let key = key_of(invoice)?;
    if invoice.blue.is_some() {
        let text = Text { leaf, left: None, state: StateWord::Red.as_str(), until: None, v: 1 };
        return Ok((key, to_canonical(&text)?));
    }
    let taken = reversal.map(|reversal| reversal.money.red_total()).transpose()?;
    let left = match taken {
        Some(taken) => invoice.total.checked_sub(taken)?,
        None => invoice.total,
    };
    let state = word(life.map_or(LifeState::Open, |life| life.state)).as_str();
    let until = life.and_then(|life| life.lease_until);
    Ok((key, to_canonical(&Text { leaf, left: Some(left.get()), state, until, v: 1 })?))
}

/// Where an invoice's state stands in the map.
///
/// # Errors
/// [`Code::Internal`] for a number that has not 20 digits with its code.
pub fn key_of(invoice: &Invoice) -> Result<StateKey, Fault> {
    let name = invoice.id().to_string();
    StateKey::of_invoice(&name).ok_or_else(|| Fault::new(Code::Internal, "", format!("{name} has no place in the map")))
}
