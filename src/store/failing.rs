//! What is to happen when the disk fails under an embedded database.
//!
//! After a write or fsync that failed, nobody knows what is on the disk: the system may have dropped the pages and call the next
//! fsync a success. Only reading everything again tells, which is what a new process does. So the one that met the failure must
//! answer and write nothing more.
//!
//! *Invariant:* this room ends no process. Whoever runs one says how it ends, once.

use std::sync::OnceLock;

static AT_FAILURE: OnceLock<fn(&str)> = OnceLock::new();

/// Says what is to be done, at once and in the thread that met it, when the disk fails; given what the database said. A service MUST
/// end its process there. The first to say it is heard; a command line that ends with its error needs none of it.
pub fn at_disk_failure(act: fn(&str)) {
    AT_FAILURE.get_or_init(|| act);
}

pub(super) fn met(said: &str) {
    if let Some(act) = AT_FAILURE.get() {
        act(said);
    }
}
