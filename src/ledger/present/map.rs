//! The map itself: `jmt` over pages.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use jmt::storage::{LeafNode, Node, NodeKey, TreeReader};
use jmt::{JellyfishMerkleTree, KeyHash, OwnedValue, RootHash, SimpleHasher, Version};
use serde::Deserialize;

use super::Pages;
use super::page::{Kept, Page, PagePath, place};
use crate::chain::hash::{self, Hash};
use crate::chain::present::{OtherLeaf, Sibling, StateKey, empty_state_root};

/// The version of what is read, and of what is made of it: nothing older is kept, so these are all there are.
const READ: Version = 0;
const MADE: Version = 1;

/// keccak256, as `jmt` asks for hashes.
pub(super) struct Keccak(hash::Keccak);

impl SimpleHasher for Keccak {
    fn new() -> Self {
        Self(hash::Keccak::default())
    }

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finalize(self) -> [u8; 32] {
        self.0.finish().0
    }
}

/// Why the map could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum MapError<E> {
    /// A page could not be read.
    #[error("a page can't be read: {0}")]
    Unreadable(E),
    /// A page says what no page of this map says.
    #[error("the map of present states is broken: {0}")]
    Broken(String),
}

/// What writing some states made of a map.
#[derive(Debug)]
pub struct Changed {
    /// The new root.
    pub root: Hash,
    /// The pages that changed, whole.
    pub pages: Vec<(PagePath, Page)>,
}

/// How a key stands in the map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Siblings from the bottom up.
    pub siblings: Vec<Sibling>,
    /// Whether there is a state at the key.
    pub present: bool,
    /// Where there is none: the leaf at its place, if there is one.
    pub other: Option<OtherLeaf>,
}

/// The reader that `jmt` sees: pages fetched when they are needed, and remembered.
struct Reading<'a, P: Pages> {
    source: RefCell<&'a mut P>,
    pages: RefCell<BTreeMap<PagePath, Arc<Page>>>,
    failed: RefCell<Option<P::Error>>,
}

impl<'a, P: Pages> Reading<'a, P> {
    fn new(source: &'a mut P) -> Self {
        Self { source: RefCell::new(source), pages: RefCell::default(), failed: RefCell::default() }
    }

    fn kept(&self, path: PagePath, slot: u8) -> anyhow::Result<Option<Kept>> {
        if let Some(page) = self.pages.borrow().get(&path) {
            return Ok(page.node(slot).cloned());
        }
        match self.source.borrow_mut().page(&path) {
            Ok(found) => {
                let page = found.unwrap_or_default();
                let node = page.node(slot).cloned();
                self.pages.borrow_mut().insert(path, page);
                Ok(node)
            }
            Err(error) => {
                self.failed.borrow_mut().replace(error);
                Err(anyhow::anyhow!("a page can't be read"))
            }
        }
    }

    /// The source's own error, if it had one, else what `jmt` said.
    fn error(self, said: &anyhow::Error) -> MapError<P::Error> {
        self.failed.into_inner().map_or_else(|| MapError::Broken(format!("{said:#}")), MapError::Unreadable)
    }
}

impl<P: Pages> TreeReader for Reading<'_, P> {
    fn get_node_option(&self, key: &NodeKey) -> anyhow::Result<Option<Node>> {
        let nibbles: Vec<u8> = key.nibble_path().nibbles().map(u8::from).collect();
        let (path, slot) = place(&nibbles);
        match self.kept(path, slot)? {
            Some(kept) => Ok(Some(kept.node()?)),
            None if nibbles.is_empty() => Ok(Some(Node::Null)),
            None => Ok(None),
        }
    }

    fn get_value_option(&self, _: Version, _: KeyHash) -> anyhow::Result<Option<OwnedValue>> {
        // Proofs are made of hashes; the texts are kept elsewhere.
        Ok(Some(OwnedValue::new()))
    }

    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        Err(anyhow::anyhow!("only restoring a map asks for this"))
    }
}

/// Writes present states into a map: what changes, and the new root. Nothing is written to the source.
///
/// # Errors
/// [`MapError`].
pub fn change<P: Pages>(source: &mut P, states: Vec<(StateKey, String)>) -> Result<Changed, MapError<P::Error>> {
    let reading = Reading::new(source);
    let made = if states.is_empty() {
        JellyfishMerkleTree::<_, Keccak>::new(&reading).get_root_hash(READ).map(|RootHash(root)| (root, Vec::new()))
    } else {
        let values = states.into_iter().map(|(StateKey(key), text)| (KeyHash(key), text.into_bytes())).collect();
        let tree = JellyfishMerkleTree::<_, Keccak>::new(&reading);
        tree.batch_put_value_sets(vec![values], None, MADE).and_then(|(roots, batch)| {
            let RootHash(root) = roots.first().copied().unwrap_or(RootHash(empty_state_root().0));
            let nodes = batch.node_batch.nodes().iter();
            let kept = nodes.map(|(key, node)| {
                let nibbles: Vec<u8> = key.nibble_path().nibbles().map(u8::from).collect();
                Ok((place(&nibbles), Kept::of(node).ok_or_else(|| anyhow::anyhow!("a node of another map"))?))
            });
            Ok((root, kept.collect::<anyhow::Result<Vec<_>>>()?))
        })
    };
    let (root, nodes) = match made {
        Ok(made) => made,
        Err(said) => return Err(reading.error(&said)),
    };
    let mut pages = reading.pages.into_inner();
    let mut changed: BTreeMap<PagePath, Page> = BTreeMap::new();
    for ((path, slot), node) in nodes {
        // A page that was not read is new: every node that is replaced was read before.
        let page =
            changed.entry(path).or_insert_with_key(|path| Arc::unwrap_or_clone(pages.remove(path).unwrap_or_default()));
        page.put(slot, node);
    }
    Ok(Changed { root: Hash(root), pages: changed.into_iter().collect() })
}

/// A sibling as `jmt` tells it in serde.
#[derive(Deserialize)]
enum Told {
    Null,
    Internal { left_child: [u8; 32], right_child: [u8; 32] },
    Leaf { key_hash: [u8; 32], value_hash: [u8; 32] },
}

#[derive(Deserialize)]
struct ToldLeaf {
    key_hash: [u8; 32],
    value_hash: [u8; 32],
}

#[derive(Deserialize)]
struct ToldProof {
    leaf: Option<ToldLeaf>,
    siblings: Vec<Told>,
}

fn hash_of(parts: &[&[u8]]) -> Hash {
    let mut hasher = Keccak::new();
    parts.iter().for_each(|part| SimpleHasher::update(&mut hasher, part));
    Hash(SimpleHasher::finalize(hasher))
}

impl From<Told> for Sibling {
    fn from(told: Told) -> Self {
        match told {
            Told::Null => Self(None),
            Told::Internal { left_child, right_child } => {
                hash_of(&[jmt::proof::INTERNAL_DOMAIN_SEPARATOR, &left_child, &right_child]).into()
            }
            Told::Leaf { key_hash, value_hash } => {
                hash_of(&[jmt::proof::LEAF_DOMAIN_SEPARATOR, &key_hash, &value_hash]).into()
            }
        }
    }
}

/// How a key stands in the map: the way from its place to the root.
///
/// # Errors
/// [`MapError`].
pub fn prove<P: Pages>(source: &mut P, key: &StateKey) -> Result<Path, MapError<P::Error>> {
    let reading = Reading::new(source);
    let found = JellyfishMerkleTree::<_, Keccak>::new(&reading).get_with_proof(KeyHash(key.0), READ);
    // Its fields are private, but not what it tells of itself.
    let told = found.and_then(|(_, proof)| Ok(serde_json::from_value::<ToldProof>(serde_json::to_value(proof)?)?));
    match told {
        Err(said) => Err(reading.error(&said)),
        Ok(ToldProof { leaf, siblings }) => {
            let present = leaf.as_ref().is_some_and(|leaf| leaf.key_hash == key.0);
            let other = leaf.filter(|_| !present);
            let other = other.map(|leaf| OtherLeaf { key: Hash(leaf.key_hash), value: Hash(leaf.value_hash) });
            Ok(Path { siblings: siblings.into_iter().map(Sibling::from).collect(), present, other })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::PresentMap;
    use super::*;
    use crate::chain::present::{verify_absent, verify_present};

    fn key(number: u32) -> StateKey {
        StateKey::of_digits(&format!("144031900111{number:08}")).unwrap()
    }

    fn prove_in(map: &mut PresentMap, key: &StateKey) -> Path {
        match prove(map, key) {
            Ok(path) => path,
            Err(error) => panic!("{error:?}"),
        }
    }

    /// What `jmt` keeps itself, one value after the other, over its own store in memory.
    fn root_one_by_one(states: &[(StateKey, String)]) -> Hash {
        let mut map = PresentMap::default();
        let mut root = empty_state_root();
        for state in states {
            root = map.put(vec![state.clone()]).unwrap();
        }
        root
    }

    #[test]
    fn the_empty_map_has_the_placeholder_for_root() {
        assert_eq!(PresentMap::default().root().unwrap(), empty_state_root());
        let path = prove_in(&mut PresentMap::default(), &key(1));
        assert_eq!(path, Path { siblings: vec![], present: false, other: None });
    }

    #[test]
    fn pages_do_not_tell_how_the_states_came() {
        let states: Vec<_> = (0..257).map(|n| (key(n * 7), format!("state {n}"))).collect();
        let mut at_once = PresentMap::default();
        let root = at_once.put(states.clone()).unwrap();
        let mut backwards = PresentMap::default();
        for some in states.rchunks(10) {
            let old = some.iter().map(|(key, _)| (*key, "older".to_owned())).collect();
            backwards.put(old).unwrap();
        }
        for some in states.chunks(3) {
            backwards.put(some.to_vec()).unwrap();
        }
        assert_eq!(backwards.root().unwrap(), root);
        assert_eq!(backwards.pages, at_once.pages);
        assert_eq!(root_one_by_one(&states), root);
    }

    #[test]
    fn every_key_is_proven_there_or_absent() {
        let mut map = PresentMap::default();
        for count in [1u32, 2, 3, 10, 100, 101, 117] {
            let states: Vec<_> = (0..count).map(|n| (key(n * 3 + 1), format!("state {n} of {count}"))).collect();
            let root = map.put(states.clone()).unwrap();
            for (key, text) in &states {
                let path = prove_in(&mut map, key);
                assert!(path.present && verify_present(&root, key, text, &path.siblings));
                assert!(!verify_present(&root, key, "another", &path.siblings));
            }
            for absent in [0, 2, 3, 500, 99_999_999].map(key) {
                let path = prove_in(&mut map, &absent);
                assert!(!path.present && verify_absent(&root, &absent, path.other.as_ref(), &path.siblings));
            }
        }
    }

    #[test]
    fn a_broken_page_is_an_error_and_no_panic() {
        let mut map = PresentMap::default();
        map.put((0..30).map(|n| (key(n), n.to_string())).collect()).unwrap();
        let paths: Vec<_> = map.pages.keys().cloned().collect();
        for path in paths {
            let mut broken = map.clone();
            broken.pages.remove(&path);
            let root = map.root().unwrap();
            let gone = prove(&mut broken, &key(29)).map(|path| verify_present(&root, &key(29), "29", &path.siblings));
            assert!(!matches!(gone, Ok(true)) || !PagePath::of_key(&key(29).0).any(|other| other == path));
        }
    }
}
