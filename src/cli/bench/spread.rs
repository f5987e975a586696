//! A figure over the repeats, and how numbers are printed without floats.

use serde::Serialize;

/// A figure over the repeats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// The middle value.
    pub median: u64,
    /// The smallest.
    pub min: u64,
    /// The largest.
    pub max: u64,
}

impl Spread {
    /// Of these values; of an even number of them the upper middle one; zeros of none.
    pub fn of(values: impl IntoIterator<Item = u64>) -> Self {
        let mut values: Vec<u64> = values.into_iter().collect();
        values.sort_unstable();
        let middle = values.len().checked_div(2).unwrap_or(0);
        let at = |value: Option<&u64>| value.copied().unwrap_or(0);
        Self { median: at(values.get(middle)), min: at(values.first()), max: at(values.last()) }
    }
}

/// `a / b` in hundredths, rounded down; `None` of nothing.
pub fn hundredths(a: u64, b: u64) -> Option<u64> {
    a.saturating_mul(100).checked_div(b)
}

/// Thousandths as a decimal with two digits: microseconds as milliseconds, nanoseconds as microseconds.
pub fn milli(value: u64) -> String {
    let (whole, rest) = (value.checked_div(1000).unwrap_or(0), value.checked_rem(1000).unwrap_or(0));
    format!("{whole}.{:02}", rest.checked_div(10).unwrap_or(0))
}

/// Hundredths as a decimal.
pub fn hundredth(value: u64) -> String {
    format!("{}.{:02}", value.checked_div(100).unwrap_or(0), value.checked_rem(100).unwrap_or(0))
}

/// A ratio with what is asked of it.
#[derive(Debug, Clone, Serialize)]
pub struct Ratio {
    /// Of what to what, and where.
    pub name: String,
    /// The ratio, in hundredths, taken within each repeat.
    pub hundredths: Spread,
    /// What the issue asks for.
    pub wanted: Option<Wanted>,
    /// Whether the median is as wanted.
    pub met: Option<bool>,
}

/// What is asked of a ratio, in hundredths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// No less.
    AtLeast(u64),
    /// More.
    Above(u64),
    /// No more.
    AtMost(u64),
}

impl Ratio {
    /// Of values of each repeat; `None` when there are none.
    pub fn of(name: String, values: impl IntoIterator<Item = u64>, wanted: Option<Wanted>) -> Option<Self> {
        let values: Vec<u64> = values.into_iter().collect();
        if values.is_empty() {
            return None;
        }
        let hundredths = Spread::of(values);
        let met = wanted.map(|wanted| match wanted {
            Wanted::AtLeast(least) => hundredths.median >= least,
            Wanted::Above(bound) => hundredths.median > bound,
            Wanted::AtMost(most) => hundredths.median <= most,
        });
        Some(Self { name, hundredths, wanted, met })
    }

    /// Prints it for people.
    pub fn print(&self) {
        let Spread { median, min, max } = self.hundredths;
        let target = match (self.wanted, self.met) {
            (Some(wanted), Some(met)) => {
                let wanted = match wanted {
                    Wanted::AtLeast(least) => format!("at least {}", hundredth(least)),
                    Wanted::Above(bound) => format!("above {}", hundredth(bound)),
                    Wanted::AtMost(most) => format!("at most {}", hundredth(most)),
                };
                format!("   wanted {wanted}: {}", if met { "met" } else { "NOT MET" })
            }
            (None, _) | (_, None) => String::new(),
        };
        let name = &self.name;
        println!("  {name:<58} {:>8} ({}..{}){target}", hundredth(median), hundredth(min), hundredth(max));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_point_numbers_keep_their_zeros() {
        assert_eq!((milli(12_046), hundredth(305), hundredth(5)), ("12.04".into(), "3.05".into(), "0.05".into()));
        assert_eq!((hundredths(2, 3), hundredths(1, 0)), (Some(66), None));
    }

    #[test]
    fn a_target_is_held_against_the_median() {
        let met =
            |values: &[u64], wanted| Ratio::of(String::new(), values.to_vec(), Some(wanted)).unwrap().met.unwrap();
        assert!(met(&[60, 10, 61], Wanted::AtLeast(60)) && !met(&[59, 10, 61], Wanted::AtLeast(60)));
        assert!(met(&[101], Wanted::Above(100)) && !met(&[100], Wanted::Above(100)));
        assert!(met(&[150], Wanted::AtMost(150)) && !met(&[151], Wanted::AtMost(150)));
        assert!(Ratio::of(String::new(), [], None).is_none());
        assert_eq!(Spread::of([3, 1, 2]), Spread { median: 2, min: 1, max: 3 });
    }
}
