//! The built program under faults: killed at any moment and at each named step, answers that are lost, a disk that is full or fails.
//! Concurrent callers write down what they asked and were told; the history is held against the ledger afterwards.
//!
//! Needs the feature `faults` (see `base::step`) and `cc`; `tests/run.sh` has both. Each test prints its seed. `FAULTS_SEED` repeats one,
//! `FAULTS_ROUNDS` is the number of kills at random moments (100), `FAULTS_TIMES` that of kills at each step (5), `FAULTS_CYCLES` how
//! often the disk is full and freed (10), `LATE_ROUNDS` the lives of holders that come too late (20); `RACERS_SEED` and `RACERS_ROUNDS`
//! (200) are those of the races for one lock. `TEST_PIAOLIAN` names another build of the program. One test at a time: they measure time.
#![cfg(feature = "faults")]

#[cfg(test)]
#[path = "faults/callers.rs"]
mod callers;
#[cfg(test)]
#[path = "faults/choices.rs"]
mod choices;
#[cfg(test)]
#[path = "town/client.rs"]
mod client;
#[cfg(test)]
#[path = "town/company.rs"]
mod company;
#[cfg(test)]
#[path = "faults/disk.rs"]
mod disk;
#[cfg(test)]
#[path = "faults/history.rs"]
mod history;
#[cfg(test)]
#[path = "faults/kills.rs"]
mod kills;
#[cfg(test)]
#[path = "faults/late.rs"]
mod late;
#[cfg(test)]
#[path = "faults/ledger.rs"]
mod ledger;
#[cfg(test)]
#[path = "faults/lives.rs"]
mod lives;
#[cfg(test)]
#[path = "faults/operation/mod.rs"]
mod operation;
#[cfg(test)]
#[path = "faults/racers.rs"]
mod racers;
#[cfg(test)]
#[path = "town/run.rs"]
mod run;
#[cfg(test)]
#[path = "faults/scene.rs"]
mod scene;
#[cfg(test)]
#[path = "faults/shim.rs"]
mod shim;
#[cfg(test)]
#[path = "faults/steps.rs"]
mod steps;
#[cfg(test)]
#[path = "town/town.rs"]
mod town;
#[cfg(test)]
#[path = "town/wire.rs"]
mod wire;
