//! The keys of recent blocks, in memory: what look-ups by random keys need until it has reached the table `lookups`.
//!
//! Keys wait here (and, durable, in `young_keys`, one row a block) until a run of them has gathered. The run is frozen, sorted, and
//! written to `lookups` piece by piece, in the transactions of later batches: neighbours in the table are written together, so that
//! a key costs a fraction of a page however large the table is. When a run is through, the watermark moves and its blocks' rows go.
//!
//! Everything here can be read again from the database at any time: [`Young::forget`] is always right.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use crate::ledger::lookup::{Fingerprint, KEY_BYTES};

/// A key: fingerprint and entry.
pub(super) type Key = (i64, i64);

/// Keys kept at most before what others have drained meanwhile is dropped.
const KEPT_MAX: usize = 1_000_000;

/// A state of the memory: how often everything was forgotten, and up to which block's keys need not be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    forgotten: u64,
    pub upto: i64,
}

impl Known {
    /// Whether nothing was forgotten between the two.
    pub fn is_same_memory(self, other: Self) -> bool {
        self.forgotten == other.forgotten
    }
}

#[derive(Debug, Default)]
struct Keys {
    /// How often everything was forgotten: what was read before that must not be taken in after it, for it is not all.
    forgotten: u64,
    /// Highest block whose keys are here, or were here and are in the table.
    upto: i64,
    /// Not frozen yet.
    fresh: BTreeSet<Key>,
    /// A run on its way into the table, sorted.
    run: Arc<Vec<Key>>,
    /// Highest block of the run.
    run_upto: i64,
    /// How many keys of the run are in the table.
    drained: usize,
    /// The run before: all in the table, kept for readers whose snapshot is older than its last piece.
    before: Arc<Vec<Key>>,
}

/// The next piece of a run.
#[derive(Debug)]
pub(super) struct Piece {
    run: Arc<Vec<Key>>,
    from: usize,
    to: usize,
    /// The block up to which everything is in the table once this piece is, if it is the run's last.
    pub completes: Option<i64>,
}

impl Piece {
    /// How many bytes of `young_keys` the whole run took.
    pub fn bytes(&self) -> u64 {
        u64::try_from(self.run.len().saturating_mul(KEY_BYTES)).unwrap_or(u64::MAX)
    }

    /// Its keys, sorted.
    pub fn keys(&self) -> &[Key] {
        self.run.get(self.from..self.to).unwrap_or_default()
    }
}

/// What a transaction has written, to be noted here once it is committed.
#[derive(Debug)]
pub(super) struct Written {
    /// The memory that the transaction built on.
    pub known: Known,
    pub height: i64,
    pub keys: Vec<Key>,
    pub piece: Option<Piece>,
}

/// Shared by all connections of a store.
#[derive(Debug, Default)]
pub(super) struct Young(RwLock<Keys>);

fn of<'a>(run: &'a [Key], fingerprint: i64) -> impl Iterator<Item = i64> + 'a {
    let first = run.partition_point(|(other, _)| *other < fingerprint);
    run.iter().skip(first).take_while(move |(other, _)| *other == fingerprint).map(|(_, entry)| *entry)
}

impl Young {
    fn read(&self) -> std::sync::RwLockReadGuard<'_, Keys> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Keys> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Entries under a fingerprint, as far as they are here.
    pub fn find(&self, fingerprint: Fingerprint) -> Vec<i64> {
        let (keys, wanted) = (self.read(), fingerprint.0);
        let fresh = keys.fresh.range((wanted, i64::MIN)..=(wanted, i64::MAX)).map(|(_, entry)| *entry);
        fresh.chain(of(&keys.run, wanted)).chain(of(&keys.before, wanted)).collect()
    }

    /// What is known now.
    pub fn known(&self) -> Known {
        let keys = self.read();
        Known { forgotten: keys.forgotten, upto: keys.upto }
    }

    /// Takes in the keys of all blocks above what was `known`, in order of height; what is here already is left. Says whether that
    /// could be done: not if everything was forgotten since, for then more must be read.
    pub fn extend(&self, known: Known, blocks: impl IntoIterator<Item = (i64, Vec<Key>)>) -> bool {
        let mut keys = self.write();
        if keys.forgotten != known.forgotten {
            return false;
        }
        for (height, block) in blocks {
            keys.fresh.extend(block);
            keys.upto = keys.upto.max(height);
        }
        true
    }

    /// Whether more is kept than a drain ever leaves: another process drains, and what it has drained can be dropped.
    pub fn is_overfull(&self) -> bool {
        self.read().fresh.len() > KEPT_MAX
    }

    /// Forgets everything: it will be read again.
    pub fn forget(&self) {
        let mut keys = self.write();
        let forgotten = keys.forgotten.wrapping_add(1);
        *keys = Keys { forgotten, ..Keys::default() };
    }

    /// The next piece to be written to the table, of at most `most` keys. When nothing is on its way and at least `run` keys have
    /// gathered, they are the next run.
    pub fn next_piece(&self, most: usize, run: usize) -> Option<Piece> {
        let mut keys = self.write();
        if keys.drained >= keys.run.len() {
            if keys.fresh.len() < run {
                return None;
            }
            keys.before = Arc::clone(&keys.run);
            keys.run = Arc::new(std::mem::take(&mut keys.fresh).into_iter().collect());
            (keys.run_upto, keys.drained) = (keys.upto, 0);
        }
        let to = keys.drained.saturating_add(most).min(keys.run.len());
        let completes = (to == keys.run.len()).then_some(keys.run_upto);
        let run = Arc::clone(&keys.run);
        Some(Piece { run, from: keys.drained, to, completes })
    }

    /// Notes what has been committed.
    pub fn committed(&self, written: Written) {
        let mut keys = self.write();
        if keys.forgotten != written.known.forgotten {
            // What came before it is not here any more: the next refresh reads all of it from the table.
            return;
        }
        keys.upto = keys.upto.max(written.height);
        keys.fresh.extend(written.keys);
        if let Some(piece) = written.piece
            && Arc::ptr_eq(&piece.run, &keys.run)
        {
            keys.drained = keys.drained.max(piece.to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(young: &Young, print: i64) -> Vec<i64> {
        young.find(Fingerprint(print))
    }

    fn commit(young: &Young, height: i64, keys: &[Key], most: usize, run: usize) -> Option<i64> {
        let piece = young.next_piece(most, run);
        let completes = piece.as_ref().and_then(|piece| piece.completes);
        young.committed(Written { known: young.known(), height, keys: keys.to_vec(), piece });
        completes
    }

    #[test]
    fn keys_are_found_wherever_they_are_on_their_way() {
        let young = Young::default();
        assert_eq!(commit(&young, 1, &[(7, 0), (-3, 1), (7, 2)], 2, 3), None);
        assert_eq!(found(&young, 7), [0, 2]);
        // Three have gathered: they become a run, drained in two pieces while block 2 and 3 come in.
        assert_eq!(commit(&young, 2, &[(7, 3)], 2, 3), None);
        assert_eq!(found(&young, 7), [3, 0, 2]);
        assert_eq!(commit(&young, 3, &[], 2, 3), Some(1));
        assert_eq!((found(&young, -3), found(&young, 8)), (vec![1], vec![]));
    }

    #[test]
    fn a_piece_is_given_again_when_its_transaction_did_not_stand() {
        let young = Young::default();
        let known = young.known();
        assert!(young.extend(known, [(4, vec![(1, 1), (2, 2)])]));
        let first = young.next_piece(1, 2).unwrap();
        let again = young.next_piece(1, 2).unwrap();
        assert_eq!((first.keys(), again.keys()), (&[(1, 1)][..], &[(1, 1)][..]));
        young.forget();
        // What was in flight belongs to a run that is forgotten.
        young.committed(Written { known, height: 5, keys: Vec::new(), piece: Some(first) });
        assert!(young.next_piece(1, 1).is_none());
    }

    #[test]
    fn what_was_read_before_everything_was_forgotten_leaves_no_hole() {
        let young = Young::default();
        assert!(young.extend(young.known(), [(1, vec![(1, 1)]), (2, vec![(2, 2)])]));
        let known = young.known();
        assert_eq!(known.upto, 2);
        young.forget();
        // A reader that knew blocks 1 and 2 brings block 3, a batch that built on them block 4: neither is all there is.
        assert!(!young.extend(known, [(3, vec![(3, 3)])]));
        young.committed(Written { known, height: 4, keys: vec![(4, 4)], piece: None });
        assert_eq!((young.known().upto, found(&young, 3), found(&young, 4)), (0, vec![], vec![]));
    }
}
