//! The chain room against itself, against other implementations (ct-merkle, serde_json_canonicalizer, Python), and against the
//! golden files in `fixtures/chain`.
//!
//! Golden files are made with `GOLDEN_BLESS=1` and compared byte for byte otherwise. The Python that runs `tests/oracle` is the one
//! that `ORACLE_PYTHON` names, else `python3`; it needs `tests/oracle/requirements.txt`. A missing oracle is a failure, not a skip.

#[cfg(test)]
#[path = "chain/canonical.rs"]
mod canonical;
#[cfg(test)]
#[path = "chain/evidence.rs"]
mod evidence;
#[cfg(test)]
#[path = "chain/forgeries/drafts.rs"]
mod forged_drafts;
#[cfg(test)]
#[path = "chain/forgeries/envelope.rs"]
mod forged_envelopes;
#[cfg(test)]
#[path = "chain/forgeries/seals.rs"]
mod forged_seals;
#[cfg(test)]
#[path = "chain/forgeries/states.rs"]
mod forged_states;
#[cfg(test)]
#[path = "chain/forgeries/texts.rs"]
mod forged_texts;
#[cfg(test)]
#[path = "chain/forgeries/trees.rs"]
mod forged_trees;
#[cfg(test)]
#[path = "chain/forgeries.rs"]
mod forgeries;
#[cfg(test)]
#[path = "chain/golden.rs"]
mod golden;
#[cfg(test)]
#[path = "chain/map.rs"]
mod map;
#[cfg(test)]
#[path = "chain/oracle.rs"]
mod oracle;
#[cfg(test)]
#[path = "chain/receipts.rs"]
mod receipts;
#[cfg(test)]
#[path = "chain/rotation.rs"]
mod rotation;
#[cfg(test)]
#[path = "chain/scene.rs"]
mod scene;
#[cfg(test)]
#[path = "chain/tree.rs"]
mod tree;
#[cfg(test)]
#[path = "chain/valid.rs"]
mod valid;
#[cfg(test)]
#[path = "chain/world.rs"]
mod world;
