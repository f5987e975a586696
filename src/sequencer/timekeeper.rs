//! Which time a block gets: the wall clock's, as long as it can be believed.
//!
//! Promises: block time never decreases. A wall clock that is a little behind the newest block (up to [`CLOCK_JUMP_MS_MAX`]) does not
//! stop anything: the block gets the newest block's time again. A clock that is further behind, that has jumped ahead of the time that
//! really passed, or that finds the newest block too old at the start, is refused, and believed again as soon as it is right. So a
//! wrong year in a clock dates no invoice.
//!
//! What has really passed is told by [`Clock::elapsed`], which nobody can set.

use std::time::Duration;

use crate::base::limits::CLOCK_JUMP_MS_MAX;
use crate::base::{Clock, Code, Fault, UnixMs};

const DAY_MS: i64 = 86_400_000;

/// A clock may gain this part of the time that passes, and is still believed: far more than any quartz does.
const DRIFT_PART: i64 = 100;

/// Both clocks at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// What the wall clock shows.
    pub wall: UnixMs,
    /// What [`Clock::elapsed`] shows.
    pub elapsed: Duration,
}

impl Reading {
    /// Reads a clock, the wall clock first: waiting in between looks like a clock that is behind, never like one that is ahead.
    pub fn of(clock: &dyn Clock) -> Self {
        let wall = clock.now();
        Self { wall, elapsed: clock.elapsed() }
    }

    /// What the wall clock showed when nothing had passed, unix ms: the same for all readings of two clocks that agree.
    fn origin(&self) -> i64 {
        self.wall.0.saturating_sub(i64::try_from(self.elapsed.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Gives blocks their time.
#[derive(Debug)]
pub struct Timekeeper {
    gap_max_days: u32,
    started: Reading,
    /// The origin of the wall clock as it was believed, the latest there was, and when that was. A clock that is put back a little and then
    /// put right again has not jumped ahead. It rises no faster than clocks drift: many small jumps are a large one.
    believed: Option<(i64, Duration)>,
}

impl Timekeeper {
    /// A timekeeper of a process that starts now. `gap_max_days`: how old it may find the newest block.
    pub fn new(started: Reading, gap_max_days: u32) -> Self {
        Self { gap_max_days, started, believed: None }
    }

    /// The time of a block made now after one of the time `tip`; the clock is believed from here on.
    ///
    /// # Errors
    /// As [`Timekeeper::check`].
    pub fn take(&mut self, now: Reading, tip: UnixMs) -> Result<UnixMs, Fault> {
        let time = self.check(now, tip)?;
        let origin = now.origin();
        let believed = self.believed.map_or(origin, |(believed, since)| {
            let passed = i64::try_from(now.elapsed.saturating_sub(since).as_millis()).unwrap_or(i64::MAX);
            believed.max(origin.min(believed.saturating_add(passed / DRIFT_PART)))
        });
        self.believed = Some((believed, now.elapsed));
        Ok(time)
    }

    /// The time that a block made now would get.
    ///
    /// # Errors
    /// [`Code::SeqClockBehind`]; [`Code::SeqClockAhead`].
    pub fn check(&self, now: Reading, tip: UnixMs) -> Result<UnixMs, Fault> {
        if now.wall.0 < tip.0.saturating_sub(CLOCK_JUMP_MS_MAX) {
            return Err(behind(now.wall, tip));
        }
        match self.believed {
            Some((believed, _)) if now.origin() > believed.saturating_add(CLOCK_JUMP_MS_MAX) => {
                let expected = now.wall.0.saturating_sub(now.origin().saturating_sub(believed));
                Err(jumped(now.wall, UnixMs(expected)))
            }
            None if self.finds_too_old(now, tip) => Err(self.too_old(now.wall, tip)),
            Some(_) | None => Ok(now.wall.max(tip)),
        }
    }

    /// Whether the newest block is too old for a first look. What has passed since the start counts for nothing as long as the clock
    /// has gone evenly: a service may idle as long as it likes before its first command.
    fn finds_too_old(&self, now: Reading, tip: UnixMs) -> bool {
        let even = now.origin() <= self.started.origin().saturating_add(CLOCK_JUMP_MS_MAX);
        let seen = if even { self.started.wall.min(now.wall) } else { now.wall };
        seen.0.saturating_sub(tip.0) > i64::from(self.gap_max_days).saturating_mul(DAY_MS)
    }

    fn too_old(&self, wall: UnixMs, tip: UnixMs) -> Fault {
        let (clock, block, days) = (wall.to_shanghai_text(), tip.to_shanghai_text(), self.gap_max_days);
        let message = format!(
            "the clock shows {clock}, and the newest block is of {block} (Asia/Shanghai), more than {days} days before; nothing was \
             done; put the clock right, or if it is right, start the service once with a larger clock_gap_max_days"
        );
        Fault::new(Code::SeqClockAhead, "", message)
    }
}

fn behind(wall: UnixMs, tip: UnixMs) -> Fault {
    let (clock, block) = (wall.to_shanghai_text(), tip.to_shanghai_text());
    let message = format!(
        "the clock shows {clock}, but the newest block is of {block} (Asia/Shanghai); nothing was done; put the clock right: commands \
         are taken again when it is at most 10 minutes behind"
    );
    Fault::new(Code::SeqClockBehind, "", message)
}

fn jumped(wall: UnixMs, expected: UnixMs) -> Fault {
    let (clock, expected) = (wall.to_shanghai_text(), expected.to_shanghai_text());
    let message = format!(
        "the clock shows {clock}, but by the time that has passed it should show {expected} (Asia/Shanghai); nothing was done; put the \
         clock right, or if it is right, restart the service"
    );
    Fault::new(Code::SeqClockAhead, "", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    /// Noon of some day, and a timekeeper that has believed it after an hour.
    const NOON: i64 = 1_795_320_000_000;

    fn reading(wall: i64, elapsed: i64) -> Reading {
        Reading { wall: UnixMs(wall), elapsed: Duration::from_millis(u64::try_from(elapsed).unwrap()) }
    }

    fn code(result: Result<UnixMs, Fault>) -> Code {
        result.unwrap_err().code
    }

    #[test]
    fn a_clock_a_little_behind_keeps_the_newest_blocks_time() {
        let mut keeper = Timekeeper::new(reading(NOON, 0), 31);
        let tip = UnixMs(NOON);
        assert_eq!(keeper.take(reading(NOON + 5, 5), tip), Ok(UnixMs(NOON + 5)));
        for back in [1, 1_000, 10 * MINUTE] {
            assert_eq!(keeper.take(reading(NOON - back, 10), tip), Ok(tip), "{back} ms back");
        }
        assert_eq!(code(keeper.take(reading(NOON - 10 * MINUTE - 1, 10), tip)), Code::SeqClockBehind);
        // And right again: not ahead of what was believed before.
        assert_eq!(keeper.take(reading(NOON + 20, 20), tip), Ok(UnixMs(NOON + 20)));
    }

    #[test]
    fn a_clock_that_jumps_ahead_is_refused_until_it_is_right() {
        let mut keeper = Timekeeper::new(reading(NOON, 0), 31);
        let tip = UnixMs(NOON);
        keeper.take(reading(NOON, 0), tip).unwrap();
        assert_eq!(keeper.take(reading(NOON + MINUTE + 10 * MINUTE, MINUTE), tip), Ok(UnixMs(NOON + 11 * MINUTE)));
        for ahead in [10 * MINUTE + 1, DAY_MS, 3_650 * DAY_MS] {
            let refused = keeper.take(reading(NOON + 12 * MINUTE + ahead, 2 * MINUTE), tip).unwrap_err();
            assert_eq!(refused.code, Code::SeqClockAhead, "{ahead} ms ahead");
            assert!(refused.message.contains("2026-11-22 12:02:00"), "{}", refused.message);
        }
        assert_eq!(keeper.take(reading(NOON + 3 * MINUTE, 3 * MINUTE), tip), Ok(UnixMs(NOON + 3 * MINUTE)));
    }

    #[test]
    fn many_small_jumps_are_one_large_one() {
        let mut keeper = Timekeeper::new(reading(NOON, 0), 31);
        let tip = UnixMs(NOON);
        keeper.take(reading(NOON, 0), tip).unwrap();
        let ahead = |steps: i64| reading(NOON + steps * (9 * MINUTE + 1_000), steps * 1_000);
        assert!(keeper.take(ahead(1), tip).is_ok());
        assert_eq!(code(keeper.take(ahead(2), tip)), Code::SeqClockAhead);
        // A clock that only gains a little is followed for ever.
        let mut keeper = Timekeeper::new(reading(NOON, 0), 31);
        for hour in 0..2_000 {
            let now = reading(NOON + hour * (60 * MINUTE + 500), hour * 60 * MINUTE);
            assert_eq!(keeper.take(now, tip), Ok(now.wall), "after {hour} hours");
        }
    }

    #[test]
    fn time_that_really_passes_is_no_jump() {
        let mut keeper = Timekeeper::new(reading(NOON, 0), 31);
        keeper.take(reading(NOON, 0), UnixMs(NOON)).unwrap();
        let later = 400 * DAY_MS;
        assert_eq!(keeper.take(reading(NOON + later, later), UnixMs(NOON)), Ok(UnixMs(NOON + later)));
    }

    #[test]
    fn the_newest_block_may_be_old_at_the_start_but_not_too_old() {
        let tip = UnixMs(NOON);
        let first = |days: i64, max| {
            let now = reading(NOON + days * DAY_MS, 7);
            Timekeeper::new(now, max).take(now, tip)
        };
        assert!(first(31, 31).is_ok());
        assert_eq!(code(first(32, 31)), Code::SeqClockAhead);
        assert!(first(32, 32).is_ok());
        assert_eq!(code(first(3_650, 32)), Code::SeqClockAhead);
    }

    #[test]
    fn idling_before_the_first_command_is_no_gap_but_a_jump_meanwhile_is() {
        let tip = UnixMs(NOON);
        let idle = 90 * DAY_MS;
        let mut keeper = Timekeeper::new(reading(NOON, 0), 31);
        assert_eq!(code(keeper.take(reading(NOON + idle + DAY_MS, idle), tip)), Code::SeqClockAhead);
        assert_eq!(keeper.take(reading(NOON + idle, idle), tip), Ok(UnixMs(NOON + idle)));
        // Wrong at the start and right at the first command: right is what counts.
        let mut keeper = Timekeeper::new(reading(NOON + 3_650 * DAY_MS, 0), 31);
        assert_eq!(keeper.take(reading(NOON + 5, 5), tip), Ok(UnixMs(NOON + 5)));
    }
}
