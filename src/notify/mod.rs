//! Floor 4: the outbox loop. What a transaction put into the outbox is told to its recipient, at least once, with a plan of
//! retries, until it is delivered or given up.
//!
//! Promises: an item leaves the outbox only after its recipient took it. Recipients MUST be idempotent: a crash between the
//! delivery and the note of it repeats the delivery. One recipient that fails does not hold up the others.
//!
//! *Invariant:* knows no recipient by name; the app hands them in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};
use tokio::sync::{Notify, watch};

use crate::base::step::Step;
use crate::base::{Class, Clock, Code, Faults, UnixMs};
use crate::parties::tencent::sandbox::RETRY_GAPS_S;
use crate::store::{OutboxItem, Store, StoreError};

/// Items taken from the outbox at a time.
const ITEMS_MAX: usize = 64;

/// Deliveries under way at once.
const DELIVERIES_MAX: usize = 8;

/// How long one delivery may take, so that a recipient that hangs holds nobody up.
const DELIVERY_WITHIN: Duration = Duration::from_secs(30);

/// How often to look without being woken: for items whose retry is due.
const IDLE: Duration = Duration::from_secs(1);

/// Somebody to be told about an entry.
pub trait Recipient: Send + Sync {
    /// Tells it. MUST be idempotent a topic and entry. A refusal whose class is `Busy`, `Full`, `Exhausted` or `Internal` is tried again,
    /// any other is final.
    fn deliver(&self, entry: u64) -> BoxFuture<'_, Result<(), Faults>>;
}

/// The loop over the outbox.
pub struct Outbox {
    store: Store,
    clock: Arc<dyn Clock>,
    recipients: BTreeMap<&'static str, Arc<dyn Recipient>>,
    wake: Arc<Notify>,
    on_duty: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Outbox {
    /// A loop for these recipients by topic; `wake` is rung after commits. It pauses while `on_duty` says no: of several processes
    /// on one database, one delivers.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        recipients: BTreeMap<&'static str, Arc<dyn Recipient>>,
        wake: Arc<Notify>,
        on_duty: Arc<dyn Fn() -> bool + Send + Sync>,
    ) -> Self {
        Self { store, clock, recipients, wake, on_duty }
    }

    /// Runs until `stop` says so; what is under way is finished first.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            // Two that believe to be on duty for a moment deliver twice at worst: recipients are idempotent.
            let delivered = if (self.on_duty)() { self.deliver_due().await } else { Ok(0) };
            match delivered {
                Ok(delivered) if delivered >= ITEMS_MAX => continue,
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "the outbox could not be worked on; trying again"),
            }
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep(IDLE) => {}
                changed = stop.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Delivers what is due now; gives the number of items tried.
    ///
    /// # Errors
    /// [`StoreError`] when the outbox can't be read or written.
    pub async fn deliver_due(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let items = self.store.read(move |reader| reader.due(now, ITEMS_MAX)).await?;
        let tried = items.len();
        if tried == 0 {
            return Ok(0);
        }
        let outcomes: Vec<(OutboxItem, Result<(), Faults>)> = stream::iter(items)
            .map(|item| async move {
                let outcome = self.deliver(&item).await;
                (item, outcome)
            })
            .buffer_unordered(DELIVERIES_MAX)
            .collect()
            .await;
        // Dying before this is noted repeats the deliveries; recipients are idempotent.
        let now = self.clock.now();
        self.store
            .write(move |tx| {
                for (item, outcome) in &outcomes {
                    match outcome {
                        Ok(()) => tx.delete_outbox(item.entry, &item.topic)?,
                        Err(faults) => {
                            tx.postpone_outbox(item, next_try(item, faults, now), &faults.to_string())?;
                        }
                    }
                }
                Ok::<_, StoreError>(())
            })
            .await?;
        Ok(tried)
    }

    async fn deliver(&self, item: &OutboxItem) -> Result<(), Faults> {
        let Some(recipient) = self.recipients.get(item.topic.as_str()) else {
            let message = format!("nobody takes topic '{}'", item.topic);
            return Err(crate::base::Fault::new(Code::Internal, "", message).into());
        };
        let entry = u64::try_from(item.entry).unwrap_or_default();
        Step::BeforeOutboxSend.pass();
        let delivery = tokio::time::timeout(DELIVERY_WITHIN, recipient.deliver(entry)).await;
        let outcome = delivery.unwrap_or_else(|_elapsed| {
            let message = format!("the recipient did not answer within {} s", DELIVERY_WITHIN.as_secs());
            Err(crate::base::Fault::new(Code::NotifyTimeout, "", message).into())
        });
        if let Err(faults) = &outcome {
            let code = faults.first().map_or("", |fault| fault.code.as_str());
            tracing::warn!(entry.index = entry, topic = item.topic, code, attempts = item.attempts, "delivery failed");
        }
        outcome
    }
}

/// When to try again; `None` to give it up.
fn next_try(item: &OutboxItem, faults: &Faults, now: UnixMs) -> Option<UnixMs> {
    let again = match faults.first()?.code.class() {
        Class::Busy | Class::Full | Class::Exhausted | Class::Internal => true,
        Class::Malformed
        | Class::Refused
        | Class::Conflict
        | Class::Unauthenticated
        | Class::Forbidden
        | Class::Missing
        | Class::Method
        | Class::Slow
        | Class::MediaType
        | Class::TooLarge
        | Class::Corrupt => false,
    };
    // The plan of WeChat Pay's own notices (domain.md 3.4), a day in all. After the last gap the item is kept as `dead` for a person.
    let gap_s = RETRY_GAPS_S.get(usize::try_from(item.attempts).ok()?).filter(|_| again)?;
    Some(UnixMs(now.0.saturating_add(i64::try_from(*gap_s).ok()?.saturating_mul(1000))))
}
