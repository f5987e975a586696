//! Which of several processes on one database sequences: a lease with fencing ([`crate::store::Lease`]), watched by one thread.
//!
//! Promises: a free lease is taken at once, before [`Leadership::start`] returns, so that a single process does not feel it. A leader
//! that is killed is followed within a second: its sign of life ([`crate::store::Hold`]) goes with it. One that is stopped, or can't
//! be seen, is followed once its lease has stood still for [`DEAD_AFTER`] by the watcher's own monotonic clock.
//!
//! *Invariant:* no clock decides who may commit. A leader that was followed without knowing it is fenced by its token in the database;
//! what this thread believes only decides who tries.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::base::{Code, Fault, Faults, random};
use crate::store::{Hold, Lease, Store, StoreError};

/// How often a leader shows that it lives.
const BEAT_EVERY: Duration = Duration::from_millis(500);

/// How often a follower looks.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How soon after a failure to try again.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// A lease that stood still for so long under a follower's eyes has lost its holder: five beats.
const DEAD_AFTER: Duration = Duration::from_millis(2_500);

/// Looks in a row that must find the holder's sign of life gone: longer than the holder takes to give it again, when only its
/// connection was cut.
const GONE_LOOKS: u8 = 3;

/// Two looks that lie further apart have not watched what was between them.
const WATCHED_WITHIN: Duration = Duration::from_secs(1);

/// What this process does now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// It sequences, under this token. Every batch MUST be fenced by it.
    Leading {
        /// The lease's token.
        token: u64,
    },
    /// Another process does, or none yet.
    Following {
        /// Where the leader is reached, if it is known.
        address: Option<String>,
    },
}

/// What the thread is told.
enum Nudge {
    Look,
    Stop,
}

/// What this process does, for whoever needs to know. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Leadership {
    roles: Arc<watch::Sender<Role>>,
    nudge: mpsc::Sender<Nudge>,
}

/// The thread that holds or watches the lease. It ends when it is stopped or the last [`Leadership`] is gone.
#[derive(Debug)]
pub struct LeadershipThread {
    nudge: mpsc::Sender<Nudge>,
    thread: std::thread::JoinHandle<()>,
}

impl Leadership {
    /// Looks at the lease once, takes it if nobody holds it, and goes on in a thread. `address` is where other processes reach
    /// this one; empty when nowhere.
    ///
    /// # Errors
    /// When the lease can't be read or taken; [`Code::Internal`] without randomness or a thread.
    pub fn start(store: Store, address: String) -> Result<(Self, LeadershipThread), Faults> {
        let hold = store.hold(hex::encode(random::bytes::<8>()?));
        let roles = Arc::new(watch::Sender::new(Role::Following { address: None }));
        let mut watcher = Watcher {
            store,
            hold,
            address,
            roles: Arc::clone(&roles),
            still: Stillness::default(),
            gone_looks: GONE_LOOKS,
        };
        watcher.look()?;
        let (nudge, nudges) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("leadership".to_owned())
            .spawn(move || watcher.run(&nudges))
            .map_err(|e| Fault::new(Code::Internal, "", format!("no thread for the lease: {e}")))?;
        Ok((Self { roles, nudge: nudge.clone() }, LeadershipThread { nudge, thread }))
    }

    /// What this process does now.
    pub fn role(&self) -> Role {
        self.roles.borrow().clone()
    }

    /// Whether this process leads.
    pub fn is_leading(&self) -> bool {
        matches!(*self.roles.borrow(), Role::Leading { .. })
    }

    /// The role as it changes.
    pub fn watch(&self) -> watch::Receiver<Role> {
        self.roles.subscribe()
    }

    /// A batch was fenced: whoever led under this token leads no more.
    pub fn deposed(&self, token: u64) {
        if depose(&self.roles, token) && self.nudge.send(Nudge::Look).is_err() {
            tracing::debug!("the lease is not watched any more");
        }
    }
}

/// Follows, if this token is what it led by. Says whether it did.
fn depose(roles: &watch::Sender<Role>, token: u64) -> bool {
    let deposed = become_role(roles, |role| *role == Role::Leading { token }, Role::Following { address: None });
    if deposed {
        tracing::warn!(lease.token = token, "deposed: another process has taken the lease");
    }
    deposed
}

fn become_role(roles: &watch::Sender<Role>, only_if: impl Fn(&Role) -> bool, new: Role) -> bool {
    roles.send_if_modified(|role| {
        let change = only_if(role) && *role != new;
        if change {
            *role = new;
        }
        change
    })
}

impl LeadershipThread {
    /// Gives the lease back, if this process holds it, and waits until that is done. MUST come after the sequencer's end: batches
    /// that come later are fenced.
    pub fn stop(self) {
        if self.nudge.send(Nudge::Stop).is_err() {
            tracing::debug!("the lease's thread has ended already");
        }
        if self.thread.join().is_err() {
            tracing::error!("the lease's thread panicked");
        }
    }
}

/// For how long a lease has been the same.
#[derive(Debug, Default)]
struct Stillness {
    /// Token and beat, since when, and when last seen.
    seen: Option<((u64, u64), Instant, Instant)>,
}

impl Stillness {
    /// What was not watched does not count.
    fn forget(&mut self) {
        self.seen = None;
    }

    /// Notes what is seen now, and says for how long it has been so.
    fn note(&mut self, lease: &Lease, now: Instant) -> Duration {
        let what = (lease.token, lease.beat);
        let since = match self.seen {
            Some((before, since, last)) if before == what && now.saturating_duration_since(last) <= WATCHED_WITHIN => {
                since
            }
            Some(_) | None => now,
        };
        self.seen = Some((what, since, now));
        now.saturating_duration_since(since)
    }
}

/// The thread's state.
struct Watcher {
    store: Store,
    hold: Hold,
    address: String,
    roles: Arc<watch::Sender<Role>>,
    still: Stillness,
    /// At how many looks in a row the holder's sign of life was gone. A server that has just restarted has dropped the signs of the
    /// living: they get [`GONE_LOOKS`] to give them again. Enough at the start, when there is nobody to wait for.
    gone_looks: u8,
}

impl Watcher {
    fn run(mut self, nudges: &Receiver<Nudge>) {
        loop {
            let pause = self.step();
            match nudges.recv_timeout(pause) {
                Ok(Nudge::Look) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Nudge::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.release();
    }

    /// One look or one beat; gives the pause until the next.
    fn step(&mut self) -> Duration {
        let role = self.roles.borrow().clone();
        let (done, pause) = match role {
            Role::Leading { token } => (self.beat(token), BEAT_EVERY),
            Role::Following { .. } => (self.look(), LOOK_EVERY),
        };
        match done {
            Ok(()) => pause,
            Err(error) => {
                tracing::warn!(%error, "the lease could not be looked after; trying again");
                // Nor could it be watched, and whoever holds it may have the same trouble.
                self.still.forget();
                self.gone_looks = 0;
                AGAIN_AFTER
            }
        }
    }

    fn beat(&mut self, token: u64) -> Result<(), StoreError> {
        self.hold.keep()?;
        let holds = match self.hold.is_proof() {
            true => self.store.read_blocking(|reader| reader.lease())?.token == token,
            false => self.store.write_blocking(|tx| tx.beat_lease(token))?,
        };
        if !holds {
            depose(&self.roles, token);
            self.hold.let_go();
        }
        Ok(())
    }

    fn look(&mut self) -> Result<(), StoreError> {
        let lease = self.store.read_blocking(|reader| reader.lease())?;
        let stood = self.still.note(&lease, Instant::now());
        if lease.holder == self.hold.holder() {
            // Taken, though its commit seemed to fail.
            self.lead(lease.token);
            return Ok(());
        }
        if lease.is_free() {
            return self.take(&lease);
        }
        let gone = self.hold.is_gone(&lease.holder)?;
        self.gone_looks = if gone { self.gone_looks.saturating_add(1) } else { 0 };
        let dead = self.gone_looks >= GONE_LOOKS;
        if dead || (!self.hold.is_proof() && stood >= DEAD_AFTER) {
            tracing::warn!(lease.token, leader = lease.address, gone, "the leader is believed dead; taking its lease");
            return self.take(&lease);
        }
        self.follow(&lease);
        Ok(())
    }

    fn take(&mut self, seen: &Lease) -> Result<(), StoreError> {
        // The sign of life comes first: a lease without it would be taken from us at the next look of another.
        if !self.hold.keep()? && self.hold.is_proof() {
            self.follow(seen);
            return Ok(());
        }
        let holder = self.hold.holder().to_owned();
        // If the answer is lost, the next look finds whether the lease is ours; dying here leaves it with the sign of life gone.
        match self.store.write_blocking(|tx| tx.take_lease(&holder, &self.address, seen))? {
            Some(token) => self.lead(token),
            None => self.hold.let_go(),
        }
        Ok(())
    }

    fn lead(&mut self, token: u64) {
        self.gone_looks = 0;
        if become_role(&self.roles, |_| true, Role::Leading { token }) {
            tracing::info!(lease.token = token, "leading");
        }
    }

    fn follow(&self, lease: &Lease) {
        let address = (!lease.address.is_empty()).then(|| lease.address.clone());
        if become_role(&self.roles, |_| true, Role::Following { address }) {
            tracing::info!(lease.token, leader = lease.address, "following");
        }
    }

    fn release(mut self) {
        let role = self.roles.send_replace(Role::Following { address: None });
        if let Role::Leading { token } = role
            && let Err(error) = self.store.write_blocking(|tx| tx.release_lease(token))
        {
            // The sign of life goes now, so that somebody else sees it all the same.
            tracing::warn!(%error, "the lease could not be given back");
        }
        self.hold.let_go();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::DatabaseUrl;

    fn store_in(folder: &tempfile::TempDir) -> Store {
        let url = DatabaseUrl::Sqlite(folder.path().join("ledger.db"));
        Store::migrate(&url).unwrap();
        Store::open(&url, 2).unwrap()
    }

    fn start(store: &Store, address: &str) -> (Leadership, LeadershipThread) {
        Leadership::start(store.clone(), address.to_owned()).unwrap()
    }

    fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
        let started = Instant::now();
        while !is_so() {
            assert!(started.elapsed() < Duration::from_secs(10), "waited in vain for {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn lease(token: u64, beat: u64) -> Lease {
        Lease { holder: "x".to_owned(), address: String::new(), token, beat }
    }

    #[test]
    fn one_leads_from_the_start_and_the_other_follows_until_the_first_stops() {
        let folder = tempfile::tempdir().unwrap();
        let store = store_in(&folder);
        let (first, first_thread) = start(&store, "http://first");
        assert_eq!(first.role(), Role::Leading { token: 1 });
        let (second, second_thread) = start(&store, "");
        assert_eq!(second.role(), Role::Following { address: Some("http://first".to_owned()) });
        first_thread.stop();
        assert_eq!(first.role(), Role::Following { address: None });
        eventually("the second to lead", || second.is_leading());
        assert_eq!(second.role(), Role::Leading { token: 3 });
        second_thread.stop();
        // Given back as well: the next one leads before `start` returns.
        let (third, _thread) = start(&store, "");
        assert!(third.is_leading());
    }

    #[test]
    fn a_lease_whose_holder_has_died_is_taken_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let store = store_in(&folder);
        let free = store.read_blocking(|reader| reader.lease()).unwrap();
        store.write_blocking(|tx| tx.take_lease("00000000000000dd", "http://dead", &free)).unwrap();
        let (next, _thread) = start(&store, "");
        assert_eq!(next.role(), Role::Leading { token: 2 });
    }

    #[test]
    fn whoever_was_deposed_follows_and_looks_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = store_in(&folder);
        let (leadership, _thread) = start(&store, "");
        // As if another process had not believed in the sign of life.
        let seen = store.read_blocking(|reader| reader.lease()).unwrap();
        store.write_blocking(|tx| tx.take_lease("00000000000000aa", "http://other", &seen)).unwrap();
        leadership.deposed(7);
        assert_eq!(leadership.role(), Role::Leading { token: 1 }, "another token's news");
        leadership.deposed(1);
        // The watcher may have looked already and know whom it follows.
        assert!(matches!(leadership.role(), Role::Following { .. }));
        eventually("it to lead again, the other being dead", || leadership.role() == Role::Leading { token: 3 });
    }

    #[test]
    fn the_thread_ends_with_the_last_handle_and_gives_the_lease_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = store_in(&folder);
        let (leadership, LeadershipThread { nudge, thread }) = start(&store, "");
        drop((leadership, nudge));
        thread.join().unwrap();
        assert!(store.read_blocking(|reader| reader.lease()).unwrap().is_free());
    }

    #[test]
    fn only_what_was_watched_all_the_time_has_stood_still() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut still = Stillness::default();
        let mut stood = |token, beat, ms| still.note(&lease(token, beat), at(ms)).as_millis();
        assert_eq!(stood(1, 1, 0), 0);
        assert_eq!(stood(1, 1, 500), 500);
        assert_eq!(stood(1, 1, 1_000), 1_000);
        assert_eq!(stood(1, 2, 1_500), 0, "it beat");
        assert_eq!(stood(1, 2, 2_000), 500);
        assert_eq!(stood(2, 2, 2_500), 0, "it changed hands");
        assert_eq!(stood(2, 2, 3_000), 500);
        assert_eq!(stood(2, 2, 9_000), 0, "nobody looked");
        assert_eq!(stood(2, 2, 9_500), 500);
        still.forget();
        assert_eq!(still.note(&lease(2, 2), at(9_600)).as_millis(), 0, "it could not be read");
    }
}
