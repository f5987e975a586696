//! The tax rates that the law has known since the chain began, with the days on which they were in force.

use super::money::TaxRate;
use crate::base::{Code, Fault, LegalDate};

/// One span of days on which a rate was in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateInForce {
    /// The rate x10^4.
    pub rate: u16,
    /// First day, `YYYY-MM-DD`.
    pub from: &'static str,
    /// Last day, `YYYY-MM-DD`; none while it is in force.
    pub until: Option<&'static str>,
    /// The law or notice. domain.md 1.9 has the rates as general knowledge; so are these references (domain.md 8, item 7).
    pub source: &'static str,
}

const fn open(rate: u16, from: &'static str, source: &'static str) -> RateInForce {
    RateInForce { rate, from, until: None, source }
}

const fn closed(rate: u16, from: &'static str, until: &'static str, source: &'static str) -> RateInForce {
    RateInForce { rate, from, until: Some(until), source }
}

/// Every rate. The 1 % levy rate is a relief that has been prolonged time and again (at present to the end of 2027); it stands open
/// here, and the bureau takes it away with its issuing rules should it run out.
pub const RATES: &[RateInForce] = &[
    open(0, "1994-01-01", "State Council Order 134 (VAT regulations): zero rate and exemptions"),
    open(100, "2020-03-01", "MoF/STA Announcement 2020 No. 13, prolonged by 2023 No. 19: small-scale taxpayers"),
    open(150, "2016-05-01", "STA Announcement 2016 No. 16: individuals letting housing, 5 % reduced to 1.5 %"),
    open(300, "2009-01-01", "State Council Order 538 (VAT regulations), article 12: levy rate"),
    open(500, "2016-05-01", "Caishui [2016] 36: levy rate on real estate and labour dispatch"),
    open(600, "2012-01-01", "Caishui [2011] 111, then [2016] 36: services and intangibles"),
    open(900, "2019-04-01", "MoF/STA/Customs Announcement 2019 No. 39"),
    open(1300, "2019-04-01", "MoF/STA/Customs Announcement 2019 No. 39"),
    closed(1000, "2018-05-01", "2019-03-31", "Caishui [2018] 32, ended by Announcement 2019 No. 39"),
    closed(1600, "2018-05-01", "2019-03-31", "Caishui [2018] 32, ended by Announcement 2019 No. 39"),
    closed(1100, "2012-01-01", "2018-04-30", "Caishui [2011] 111, ended by Caishui [2018] 32"),
    closed(1700, "1994-01-01", "2018-04-30", "State Council Order 134, ended by Caishui [2018] 32"),
];

/// Whether the law has known the rate at any time.
pub fn is_known(rate: TaxRate) -> bool {
    RATES.iter().any(|span| span.rate == rate.get())
}

/// Checks that the rate was in force on the legal date.
///
/// # Errors
/// [`Code::InvRateUnknown`], [`Code::InvRateExpired`] or [`Code::InvRateNotYet`], without a path.
pub fn check(rate: TaxRate, date: LegalDate) -> Result<(), Fault> {
    check_on(rate, &date.to_string())
}

/// The same for a day written `YYYY-MM-DD`: the lines of a draft share it.
pub(super) fn check_on(rate: TaxRate, day: &str) -> Result<(), Fault> {
    let mut spans = RATES.iter().filter(|span| span.rate == rate.get()).peekable();
    if spans.peek().is_none() {
        return Err(Fault::new(Code::InvRateUnknown, "", format!("there is no tax rate of {}", rate.to_percent())));
    }
    // ISO dates sort as text.
    let mut started = false;
    for span in spans {
        let begun = span.from <= day;
        if begun && span.until.is_none_or(|until| day <= until) {
            return Ok(());
        }
        started |= begun;
    }
    let (code, word) = if started { (Code::InvRateExpired, "no longer") } else { (Code::InvRateNotYet, "not yet") };
    Err(Fault::new(code, "", format!("the tax rate of {} was {word} in force on {day}", rate.to_percent())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(rate: u16, day: &str) -> Option<Code> {
        check(TaxRate::new(rate).unwrap(), LegalDate::parse(day).unwrap()).err().map(|f| f.code)
    }

    #[test]
    fn rates_of_today_are_in_force() {
        for rate in [0, 100, 150, 300, 500, 600, 900, 1300] {
            assert_eq!(code(rate, "2026-11-22"), None, "{rate}");
        }
    }

    #[test]
    fn rates_end_on_their_last_day() {
        for (rate, last, after) in [
            (1700, "2018-04-30", "2018-05-01"),
            (1100, "2018-04-30", "2018-05-01"),
            (1600, "2019-03-31", "2019-04-01"),
            (1000, "2019-03-31", "2019-04-01"),
        ] {
            assert_eq!(code(rate, last), None);
            assert_eq!(code(rate, after), Some(Code::InvRateExpired));
        }
    }

    #[test]
    fn rates_begin_on_their_first_day() {
        for (rate, before, first) in [(1300, "2019-03-31", "2019-04-01"), (1600, "2018-04-30", "2018-05-01")] {
            assert_eq!(code(rate, before), Some(Code::InvRateNotYet));
            assert_eq!(code(rate, first), None);
        }
    }

    #[test]
    fn other_rates_are_unknown() {
        for rate in [1, 200, 700, 1301, 10_000] {
            assert_eq!(code(rate, "2026-11-22"), Some(Code::InvRateUnknown), "{rate}");
        }
    }

    #[test]
    fn the_table_holds_days_of_the_calendar() {
        for span in RATES {
            assert!(TaxRate::new(span.rate).is_ok());
            assert!(LegalDate::parse(span.from).is_some_and(|from| {
                span.until.is_none_or(|until| LegalDate::parse(until).is_some_and(|until| from <= until))
            }));
        }
    }
}
