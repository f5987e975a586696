//! Reads that may lag: from a replica where there is one, else from the primary. Each notes the block that its snapshot stands at.
//!
//! A replica that can't be reached costs nobody more than [`REPLICA_WAIT`]: views go to the primary until a look from the side has found
//! it again.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::dsl::max;
use diesel::prelude::*;
use tokio::sync::Semaphore;

use super::connection::{Conn, DatabaseUrl, Purpose, ReaderManager, begin_read};
use super::error::StoreError;
use super::reader::Reader;
use super::rows::{hash, unsigned};
use super::schema::blocks;
use super::young::Young;
use super::{READ_WAIT, Store, roll_back};
use crate::chain::hash::Hash;

/// How long a view waits for a connection to the replica before it goes to the primary.
const REPLICA_WAIT: Duration = Duration::from_secs(1);

/// How often to look whether a replica that was lost is back.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// How often to say that it is lost.
const SAY_AGAIN: Duration = Duration::from_secs(60);

/// The block that a snapshot stands at: nothing later is in what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Its height.
    pub height: u64,
    /// Entries up to and including it.
    pub size: u64,
    /// Hash of its header.
    pub hash: Hash,
}

tokio::task_local! {
    static NOTED: RefCell<Option<Standing>>;
}

/// Runs something that may use [`Store::view`], and gives with its outcome the standing of its last view.
pub async fn with_standing<T>(work: impl Future<Output = T>) -> (T, Option<Standing>) {
    let noting = async {
        let done = work.await;
        (done, NOTED.with(|noted| noted.take()))
    };
    NOTED.scope(RefCell::new(None), noting).await
}

impl Reader<'_> {
    /// The block that this snapshot stands at; `None` before the genesis block is there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn standing(&mut self) -> Result<Option<Standing>, StoreError> {
        let top: Option<i64> = blocks::table.select(max(blocks::height)).get_result(self.conn)?;
        let Some(top) = top else { return Ok(None) };
        let row = blocks::table.find(top).select((blocks::size, blocks::hash));
        let (size, bytes): (i64, Vec<u8>) = row.get_result(self.conn)?;
        Ok(Some(Standing {
            height: unsigned("blocks", top, top)?,
            size: unsigned("blocks", top, size)?,
            hash: hash("blocks", top, &bytes)?,
        }))
    }
}

/// A database that follows the primary.
pub(super) struct Replica {
    url: DatabaseUrl,
    readers: r2d2::Pool<ReaderManager>,
    permits: Arc<Semaphore>,
    /// Keys that have not reached its table of look-ups: of its own, since it lags.
    young: Young,
    /// Views go to the primary while it is lost.
    lost: AtomicBool,
    looking: Mutex<Looking>,
}

/// When a lost replica was last looked for, and when that was last said.
#[derive(Default)]
struct Looking {
    looked: Option<Instant>,
    said: Option<Instant>,
}

/// Whether so much time has passed; never done counts as long ago. Notes that it is done now.
fn is_due(last: &mut Option<Instant>, every: Duration) -> bool {
    let due = last.is_none_or(|last| last.elapsed() >= every);
    if due {
        *last = Some(Instant::now());
    }
    due
}

impl Replica {
    fn say_lost(&self, why: &StoreError) {
        self.lost.store(true, Ordering::Relaxed);
        let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        looking.looked = Some(Instant::now());
        if is_due(&mut looking.said, SAY_AGAIN) {
            tracing::warn!(replica = %self.url, %why, "the replica can't be read; reading from the primary");
        }
    }

    /// Whether it may be read now. If it is lost and nobody has looked for a while, somebody is to look.
    fn is_there(self: &Arc<Self>) -> bool {
        if !self.lost.load(Ordering::Relaxed) {
            return true;
        }
        let due = is_due(&mut self.looking.lock().unwrap_or_else(PoisonError::into_inner).looked, LOOK_AGAIN);
        if due {
            let replica = Arc::clone(self);
            let look = move || match replica.url.connect(Purpose::Read, false) {
                Ok(_connection) => {
                    tracing::info!(replica = %replica.url, "the replica is back");
                    replica.lost.store(false, Ordering::Relaxed);
                }
                Err(error) => replica.say_lost(&error),
            };
            // From the side: no view waits for it.
            drop(std::thread::Builder::new().name("replica".to_owned()).spawn(look));
        }
        false
    }

    /// A snapshot with its standing, or why there is none. Whatever fails here has cost only time.
    fn open(&self) -> Result<(r2d2::PooledConnection<ReaderManager>, Option<Standing>), StoreError> {
        let lost = |e: r2d2::Error| StoreError::Unreachable(e.to_string());
        let mut conn = self.readers.get_timeout(REPLICA_WAIT).map_err(lost)?;
        let standing = open_snapshot(&mut conn)?;
        Ok((conn, standing))
    }
}

fn open_snapshot(conn: &mut Conn) -> Result<Option<Standing>, StoreError> {
    begin_read(conn)?;
    Reader::new(conn, &Young::default()).standing().inspect_err(|_unreadable| roll_back(conn))
}

impl Store {
    /// Lets [`Store::view`] read from a replica of this database. One that can't be reached now is looked for again later.
    ///
    /// # Errors
    /// [`StoreError::Url`] when it holds another chain, or the URL can't be used.
    pub fn with_replica(mut self, url: &DatabaseUrl, reader_connections: u32) -> Result<Self, StoreError> {
        let connections = reader_connections.max(1);
        let readers = r2d2::Pool::builder()
            .max_size(connections)
            .min_idle(Some(0))
            .connection_timeout(REPLICA_WAIT)
            .test_on_check_out(matches!(url, DatabaseUrl::Postgres(_)))
            .build_unchecked(ReaderManager(url.clone()));
        let replica = Replica {
            url: url.clone(),
            readers,
            permits: Arc::new(Semaphore::new(usize::try_from(connections).unwrap_or(1))),
            young: Young::default(),
            lost: AtomicBool::new(false),
            looking: Mutex::default(),
        };
        let theirs =
            url.connect(Purpose::Read, false).and_then(|mut conn| Reader::new(&mut conn, &Young::default()).block(0));
        match theirs {
            Ok(Some(theirs)) => {
                let ours = self.read_blocking(|reader| reader.block(0))?;
                if ours.is_none_or(|ours| ours.hash != theirs.hash) {
                    return Err(StoreError::Url(format!("{url} holds another chain than the database")));
                }
            }
            // Not there yet: it lags behind the very beginning.
            Ok(None) => {}
            Err(error @ StoreError::Url(_)) => return Err(error),
            Err(error) => replica.say_lost(&error),
        }
        self.replica = Some(Arc::new(replica));
        Ok(self)
    }

    /// [`Store::read`], but from the replica if there is one: what is read may lag, and [`with_standing`] tells by where it stands.
    ///
    /// # Errors
    /// The closure's own, or a [`StoreError`] as the caller's error.
    pub async fn view<T, E>(&self, work: impl FnOnce(&mut Reader<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let replica = self.replica.as_ref().filter(|replica| replica.is_there());
        let permits = replica.map_or(&self.permits, |replica| &replica.permits);
        let waiting = tokio::time::timeout(READ_WAIT, Arc::clone(permits).acquire_owned()).await;
        let Ok(Ok(permit)) = waiting else {
            return Err(StoreError::Busy.into());
        };
        let (store, replica) = (self.clone(), replica.cloned());
        let done = tokio::task::spawn_blocking(move || {
            let result = store.view_blocking(replica.as_ref(), work);
            drop(permit);
            result
        });
        let (result, standing) = done.await.unwrap_or_else(|e| (Err(StoreError::Worker(e.to_string()).into()), None));
        match NOTED.try_with(|noted| noted.replace(standing)) {
            Ok(_before) => {}
            Err(_outside_of_with_standing) => {}
        }
        result
    }

    fn view_blocking<T, E: From<StoreError>>(
        &self,
        replica: Option<&Arc<Replica>>,
        work: impl FnOnce(&mut Reader<'_>) -> Result<T, E>,
    ) -> (Result<T, E>, Option<Standing>) {
        if let Some(replica) = replica {
            match replica.open() {
                Ok((mut conn, standing)) => {
                    let result = work(&mut Reader::new(&mut conn, &replica.young));
                    roll_back(&mut conn);
                    return (result, standing);
                }
                Err(error) => replica.say_lost(&error),
            }
        }
        let mut standing = None;
        let result = self.read_blocking(|reader| {
            standing = reader.standing()?;
            work(reader)
        });
        (result, standing)
    }
}
