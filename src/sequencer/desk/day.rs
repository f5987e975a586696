//! The desk for days: closed by the merchant, by the bureau, or by the service itself once they are over.

use futures_util::future::join_all;

use super::{Desk, ON_CLOSE, Recorded, not_reserved};
use crate::base::ids::{IdempotencyKey, MerchantId};
use crate::base::{Code, Faults, LegalDate};
use crate::ledger::command::{CloseDayBody, Command, Keyed, request_hash};
use crate::store::Reader;

/// Days that the service closes at a time: one block's worth that leaves callers their place in it.
const TOGETHER_MAX: usize = 64;

/// The part of the queue that must be free for the service to close days: invoices come first.
const ROOM_PART: usize = 2;

impl Desk {
    /// Closes a merchant's day.
    ///
    /// # Errors
    /// [`Code::LedgerMerchantUnknown`]; [`Code::LedgerDayNotOver`]; [`Code::LedgerDayClosed`]; [`Code::LedgerKeyReserved`].
    pub async fn close_day(
        &self,
        key: IdempotencyKey,
        merchant: MerchantId,
        date: LegalDate,
    ) -> Result<Recorded, Faults> {
        not_reserved(&key)?;
        self.close_day_under(key, merchant, date).await
    }

    async fn close_day_under(
        &self,
        key: IdempotencyKey,
        merchant: MerchantId,
        date: LegalDate,
    ) -> Result<Recorded, Faults> {
        let body = CloseDayBody { merchant, date };
        let request = request_hash(&self.chain, "close_day", &body)?;
        let sealed = self.sequencer.submit(Command::CloseDay(Keyed { key, request, body })).await?;
        self.recorded(sealed).await
    }

    /// Closes every day that is over and is not closed yet; gives how many it closed. Stops early while callers need the queue: what
    /// is left stays for the next time. Doing it twice does no harm: a day is closed once.
    ///
    /// # Errors
    /// When the ledger can't be read, or a day can't be closed for another reason than that it is closed already.
    pub async fn close_finished_days(&self) -> Result<usize, Faults> {
        let today = LegalDate::of(self.clock.now())?;
        let free = self.room();
        let mut closed: usize = 0;
        loop {
            let look = move |reader: &mut Reader<'_>| Ok::<_, Faults>(reader.unclosed_days(today, TOGETHER_MAX)?);
            let due = self.store.read(look).await?;
            if due.is_empty() || self.room() < free.div_euclid(ROOM_PART) {
                return Ok(closed);
            }
            let closing = due.into_iter().map(|(merchant, date)| async move {
                let key = IdempotencyKey::try_from(format!("{ON_CLOSE}{date}"))?;
                self.close_day_under(key, merchant, date).await
            });
            let before = closed;
            for done in join_all(closing).await {
                match done {
                    Ok(_recorded) => closed = closed.saturating_add(1),
                    // Somebody else has closed it meanwhile: it will not be found again.
                    Err(faults) if faults.first().is_some_and(|fault| fault.code == Code::LedgerDayClosed) => {}
                    Err(faults) => return Err(faults),
                }
            }
            if closed == before {
                return Ok(closed);
            }
        }
    }
}
