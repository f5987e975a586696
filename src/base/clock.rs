//! Time as an input: unix milliseconds, and the legal date that follows from them in Asia/Shanghai.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::{Date, Month, OffsetDateTime, UtcOffset};

use super::code::{Code, Fault};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMs(pub i64);

impl UnixMs {
    /// The instant in Asia/Shanghai (UTC+8 without daylight saving since 1991; earlier dates do not occur here).
    fn in_shanghai(self) -> Option<OffsetDateTime> {
        let offset = UtcOffset::from_hms(8, 0, 0).ok()?;
        let instant = OffsetDateTime::from_unix_timestamp(self.0.div_euclid(1000)).ok()?;
        instant.checked_to_offset(offset)
    }

    /// `YYYY-MM-DD HH:MM:SS` in Asia/Shanghai, for people; an instant outside the calendar prints its number.
    pub fn to_shanghai_text(self) -> String {
        match self.in_shanghai() {
            Some(t) => format!(
                "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
                t.year(),
                u8::from(t.month()),
                t.day(),
                t.hour(),
                t.minute(),
                t.second()
            ),
            None => self.0.to_string(),
        }
    }
}

/// A legal date, `YYYY-MM-DD`: the day in Asia/Shanghai on which an invoice counts as issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegalDate(Date);

impl LegalDate {
    /// The legal date of an instant.
    ///
    /// # Errors
    /// [`Code::ClockOutOfRange`] when the instant lies outside the years 2018 to 9999.
    pub fn of(at: UnixMs) -> Result<Self, Fault> {
        let out_of_range =
            || Fault::new(Code::ClockOutOfRange, "", format!("{} ms is outside the years 2018 to 9999", at.0));
        let date = at.in_shanghai().ok_or_else(out_of_range)?.date();
        if !(2018..=9999).contains(&date.year()) {
            return Err(out_of_range());
        }
        Ok(Self(date))
    }

    /// Reads `YYYY-MM-DD`; `None` when the text is not a day of the calendar in exactly that form.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        let digits = |part: &str, width: usize| part.len() == width && part.bytes().all(|b| b.is_ascii_digit());
        if !(digits(year, 4) && digits(month, 2) && digits(day, 2)) {
            return None;
        }
        let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
        Some(Self(Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?))
    }

    /// The last two digits of the year, as they stand in an invoice code.
    pub fn year_two_digits(self) -> String {
        format!("{:02}", self.0.year().rem_euclid(100))
    }

    /// The calendar year.
    pub fn year(self) -> i32 {
        self.0.year()
    }

    /// `YYYY-MM`, the month that monthly quotas count in.
    pub fn month(self) -> String {
        format!("{:04}-{:02}", self.0.year(), u8::from(self.0.month()))
    }

    /// `YYYY年MM月DD日`, as printed on the face.
    pub fn to_face_text(self) -> String {
        format!("{:04}年{:02}月{:02}日", self.0.year(), u8::from(self.0.month()), self.0.day())
    }
}

impl fmt::Display for LegalDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), u8::from(self.0.month()), self.0.day())
    }
}

impl Serialize for LegalDate {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LegalDate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a date of the form YYYY-MM-DD"))
    }
}

/// Where a room gets the time from. Execution never sees this: it is given a [`UnixMs`].
pub trait Clock: Send + Sync {
    /// The present instant. MAY go backwards; callers that need order keep the maximum themselves.
    fn now(&self) -> UnixMs;

    /// Time that has passed since a moment that never changes while the process lives. Never goes back, and nobody can set it: what
    /// [`Clock::now`] is held against.
    fn elapsed(&self) -> Duration;
}

/// The machine's clock.
#[cfg(feature = "server")]
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// Goes on while the machine sleeps, as the wall clock does; where there is no such clock, waking up looks like a jump.
#[cfg(all(feature = "server", target_os = "linux"))]
const ELAPSED: rustix::time::ClockId = rustix::time::ClockId::Boottime;
#[cfg(all(feature = "server", not(target_os = "linux")))]
const ELAPSED: rustix::time::ClockId = rustix::time::ClockId::Monotonic;

#[cfg(feature = "server")]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one reader of the system clock")]
    fn now(&self) -> UnixMs {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        UnixMs(since.ok().and_then(|d| i64::try_from(d.as_millis()).ok()).unwrap_or(0))
    }

    fn elapsed(&self) -> Duration {
        let since = rustix::time::clock_gettime(ELAPSED);
        Duration::new(u64::try_from(since.tv_sec).unwrap_or(0), u32::try_from(since.tv_nsec).unwrap_or(0))
    }
}

/// A clock that stands where it is put; for tests and for reproducible demos.
#[derive(Debug)]
pub struct FixedClock {
    wall: AtomicI64,
    elapsed_ms: AtomicI64,
}

impl FixedClock {
    /// A clock that stands at `at`.
    pub fn at(at: UnixMs) -> Self {
        Self { wall: AtomicI64::new(at.0), elapsed_ms: AtomicI64::new(0) }
    }

    /// Lets time pass until `at`. When `at` lies back, nothing passes and the wall clock is put back.
    pub fn set(&self, at: UnixMs) {
        let passed = at.0.saturating_sub(self.now().0).max(0);
        // Before the wall clock: whoever reads both meanwhile, the wall clock first, sees no jump ahead.
        self.elapsed_ms.fetch_add(passed, Ordering::SeqCst);
        self.jump(at);
    }

    /// Puts the wall clock to `at`, forwards or backwards, while no time passes.
    pub fn jump(&self, at: UnixMs) {
        self.wall.store(at.0, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> UnixMs {
        UnixMs(self.wall.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.elapsed_ms.load(Ordering::SeqCst)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legal_date_turns_at_midnight_in_shanghai() {
        // 2026-11-22T15:59:59.999Z is still the 22nd in Shenzhen, one millisecond later it is the 23rd.
        assert_eq!(LegalDate::of(UnixMs(1_795_363_199_999)).unwrap().to_string(), "2026-11-22");
        assert_eq!(LegalDate::of(UnixMs(1_795_363_200_000)).unwrap().to_string(), "2026-11-23");
    }

    #[test]
    fn years_before_the_pilot_are_refused() {
        assert_eq!(LegalDate::of(UnixMs(0)).unwrap_err().code, Code::ClockOutOfRange);
        assert_eq!(LegalDate::of(UnixMs(i64::MAX)).unwrap_err().code, Code::ClockOutOfRange);
    }

    #[test]
    fn a_fixed_clock_lets_time_pass_but_jumps_in_none() {
        let clock = FixedClock::at(UnixMs(1_000));
        let reads = || (clock.now().0, clock.elapsed().as_millis());
        clock.set(UnixMs(1_500));
        assert_eq!(reads(), (1_500, 500));
        clock.jump(UnixMs(9_000));
        assert_eq!(reads(), (9_000, 500));
        clock.set(UnixMs(8_000));
        assert_eq!(reads(), (8_000, 500));
    }

    #[cfg(feature = "server")]
    #[test]
    fn the_machines_elapsed_time_goes_on_and_never_back() {
        let first = SystemClock.elapsed();
        std::thread::sleep(Duration::from_millis(2));
        assert!(SystemClock.elapsed() >= first + Duration::from_millis(2));
    }

    #[test]
    fn dates_parse_only_in_their_own_form() {
        assert_eq!(LegalDate::parse("2026-02-28").unwrap().to_string(), "2026-02-28");
        for bad in ["2026-02-29", "2026-2-28", "26-02-28", "2026-02-28T", "2026-02", "", "+026-02-28"] {
            assert!(LegalDate::parse(bad).is_none(), "{bad}");
        }
    }
}
