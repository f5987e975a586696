//! The same work on many things, on all cores, with the results in order.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;

/// Results that may wait for a slow one before them, a worker.
const AHEAD: usize = 64;

/// Does `work` on each item and hands the results to `take` in the order of the items. Stops early when `take` fails.
///
/// # Errors
/// What `take` says.
pub fn in_order<T: Sync, R: Send, E>(
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut take: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get).min(items.len());
    let next = AtomicUsize::new(0);
    let (next, work) = (&next, &work);
    let (send, receive) = sync_channel(workers.saturating_mul(AHEAD));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let send = send.clone();
            scope.spawn(move || {
                loop {
                    let position = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(position) else { break };
                    if send.send((position, work(item))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        let mut early = BTreeMap::new();
        let mut due = 0usize;
        // Dropped before the scope waits for the workers, so that none waits for us.
        for (position, result) in receive {
            early.insert(position, result);
            while let Some(result) = early.remove(&due) {
                take(result)?;
                due = due.saturating_add(1);
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_however_long_each_takes() {
        let items: Vec<u64> = (0..500).collect();
        let slow = |item: &u64| {
            std::thread::sleep(std::time::Duration::from_micros((item * 7919) % 300));
            item * 2
        };
        let mut taken = Vec::new();
        let done: Result<(), ()> = in_order(&items, slow, |result| {
            taken.push(result);
            Ok(())
        });
        assert_eq!((done, taken), (Ok(()), items.iter().map(|item| item * 2).collect()));
        let none: Result<(), ()> = in_order(&[], |item: &u64| *item, |_| Err(()));
        assert_eq!(none, Ok(()));
    }

    #[test]
    fn a_refusal_ends_the_work() {
        let items: Vec<u64> = (0..100_000).collect();
        let done = AtomicUsize::new(0);
        let count = |item: &u64| {
            done.fetch_add(1, Ordering::Relaxed);
            *item
        };
        assert_eq!(in_order(&items, count, |item| if item == 3 { Err("no") } else { Ok(()) }), Err("no"));
        assert!(done.load(Ordering::Relaxed) < items.len());
    }
}
