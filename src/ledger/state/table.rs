//! Records of one kind, by key: what was read, and what was inserted and updated since.

use std::collections::BTreeMap;
use std::ops::RangeBounds;
use std::sync::Arc;

/// What became of a record since it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// Only read.
    None,
    /// New.
    Insert,
    /// Changed.
    Update,
}

#[derive(Debug)]
struct Slot<T> {
    value: Option<Arc<T>>,
    change: Change,
}

/// One kind of record, by key.
#[derive(Debug)]
pub struct Table<K, T>(BTreeMap<K, Slot<T>>);

impl<K, T> Default for Table<K, T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Clone, T> Table<K, T> {
    pub(super) fn get<E>(&mut self, key: &K, read: impl FnOnce() -> Result<Option<T>, E>) -> Result<Option<Arc<T>>, E> {
        if let Some(slot) = self.0.get(key) {
            return Ok(slot.value.clone());
        }
        let value = read()?.map(Arc::new);
        self.0.insert(key.clone(), Slot { value: value.clone(), change: Change::None });
        Ok(value)
    }

    /// A record, if it has been read or written.
    pub(super) fn at_hand(&self, key: &K) -> Option<Arc<T>> {
        self.0.get(key).and_then(|slot| slot.value.clone())
    }

    /// Takes in a record as it was read.
    pub(super) fn known(&mut self, key: K, value: T) {
        self.0.entry(key).or_insert_with(|| Slot { value: Some(Arc::new(value)), change: Change::None });
    }

    /// The last record whose key lies in a range.
    pub(super) fn last_in(&self, keys: impl RangeBounds<K>) -> Option<Arc<T>> {
        self.0.range(keys).rev().find_map(|(_, slot)| slot.value.clone())
    }

    pub(super) fn put(&mut self, key: K, value: T) {
        let change = match self.0.get(&key) {
            Some(Slot { change: Change::Insert, .. }) | None => Change::Insert,
            Some(Slot { value: None, .. }) => Change::Insert,
            Some(Slot { value: Some(_), change: Change::None | Change::Update }) => Change::Update,
        };
        self.0.insert(key, Slot { value: Some(Arc::new(value)), change });
    }

    /// Every record that is there, in key order.
    pub fn records(&self) -> impl Iterator<Item = &T> {
        self.0.values().filter_map(|slot| slot.value.as_deref())
    }

    /// New records: the store must insert them, and UNIQUE constraints must hold.
    pub fn inserted(&self) -> impl Iterator<Item = &T> {
        self.that(Change::Insert)
    }

    /// Changed records: the store must update exactly one row each.
    pub fn updated(&self) -> impl Iterator<Item = &T> {
        self.that(Change::Update)
    }

    fn that(&self, change: Change) -> impl Iterator<Item = &T> {
        self.0.values().filter(move |slot| slot.change == change).filter_map(|slot| slot.value.as_deref())
    }
}
