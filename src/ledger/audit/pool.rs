//! Work that is done ahead on other threads. Whoever waits for a piece of it does other pieces meanwhile, so the caller's core is not
//! idle, and without other threads everything is done at the moment when it is needed.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A piece of work; what comes of it goes into a [`Slot`].
type Job = Box<dyn FnOnce() + Send>;

/// Where the outcome of a piece of work will be.
pub(super) struct Slot<T>(Arc<Mutex<Option<T>>>);

impl<T> Slot<T> {
    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
    /// Whether a thread has died over a job, whose outcome will never come.
    lost: bool,
}

/// A queue of work that threads take from.
#[derive(Default)]
pub(super) struct Pool {
    queue: Mutex<Queue>,
    /// There is work, or there will be none.
    work: Condvar,
    /// Something is done.
    done: Condvar,
}

/// Sends the threads home when it is dropped, on every way out.
pub(super) struct Closing<'p>(&'p Pool);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.closed = true;
        queue.jobs.clear();
        self.0.work.notify_all();
    }
}

/// Tells the caller that a thread died, so that it does not wait for ever.
struct Dying<'p>(&'p Pool);

impl Drop for Dying<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().lost = true;
            self.0.done.notify_all();
        }
    }
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the pool when what it gives is dropped.
    pub fn closing(&self) -> Closing<'_> {
        Closing(self)
    }

    /// Queues a piece of work.
    pub fn submit<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Slot<T> {
        let slot = Slot(Arc::new(Mutex::new(None)));
        let own = Slot(Arc::clone(&slot.0));
        self.lock().jobs.push_back(Box::new(move || {
            let outcome = work();
            *own.lock() = Some(outcome);
        }));
        self.work.notify_one();
        slot
    }

    /// The outcome of a piece of work, once it is there. `None` when the thread that had it died: joining it passes its panic on.
    pub fn take<T>(&self, slot: &Slot<T>) -> Option<T> {
        let mut queue = self.lock();
        loop {
            if let Some(outcome) = slot.lock().take() {
                return Some(outcome);
            }
            if queue.lost {
                return None;
            }
            queue = match queue.jobs.pop_front() {
                Some(job) => {
                    drop(queue);
                    job();
                    self.lock()
                }
                None => self.done.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// What a thread does until the pool is closed.
    pub fn work(&self) {
        let _dying = Dying(self);
        let mut queue = self.lock();
        loop {
            queue = match queue.jobs.pop_front() {
                Some(job) => {
                    drop(queue);
                    job();
                    let queue = self.lock();
                    self.done.notify_all();
                    queue
                }
                None if queue.closed => return,
                None => self.work.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(threads: usize) -> Vec<u64> {
        let pool = Pool::default();
        std::thread::scope(|scope| {
            let _closing = pool.closing();
            (0..threads).for_each(|_| drop(scope.spawn(|| pool.work())));
            let slots: Vec<Slot<u64>> = (0..200u64).map(|nth| pool.submit(move || (0..nth * 50).sum())).collect();
            slots.iter().map(|slot| pool.take(slot).unwrap()).collect()
        })
    }

    #[test]
    fn outcomes_come_in_order_whoever_made_them() {
        assert_eq!(sums(0), sums(3));
        assert_eq!(sums(0).len(), 200);
    }

    #[test]
    fn a_thread_that_dies_is_not_waited_for() {
        let pool = Pool::default();
        let dead = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            std::thread::scope(|scope| {
                let _closing = pool.closing();
                let slot = pool.submit(|| -> u64 { panic!("on purpose") });
                drop(scope.spawn(|| pool.work()).join());
                assert_eq!(pool.take(&slot), None);
            });
        }));
        assert!(dead.is_ok(), "it was joined here");
    }
}
