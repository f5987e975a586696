//! How long answers took, counted in buckets that all clients share: the memory of a run does not grow with its answers.

use std::sync::atomic::{AtomicU64, Ordering};

/// Buckets a power of two: values are told apart to one part in this.
const PARTS: u64 = 64;

/// Powers of two above the exact range: up to 2^37 us, a day and a half.
const POWERS: u64 = 30;

/// Exact buckets below two times [`PARTS`], then [`PARTS`] for each power.
const BUCKETS: u64 = PARTS * (POWERS + 2);

/// Counts by microseconds. Values below 128 us are exact, others are off by 1.6 % at most, upwards.
#[derive(Debug)]
pub struct Histogram(Vec<AtomicU64>);

impl Default for Histogram {
    fn default() -> Self {
        Self((0..BUCKETS).map(|_| AtomicU64::new(0)).collect())
    }
}

/// The bucket of a value.
fn bucket(us: u64) -> u64 {
    let above = us.max(1).ilog2().saturating_sub(PARTS.ilog2());
    let part = us.checked_shr(above).unwrap_or(0);
    u64::from(above).saturating_mul(PARTS).saturating_add(part).min(BUCKETS.saturating_sub(1))
}

/// The largest value of a bucket.
fn top(bucket: u64) -> u64 {
    let above = bucket.checked_div(PARTS).unwrap_or(0).saturating_sub(1);
    let part = bucket.saturating_sub(above.saturating_mul(PARTS)).saturating_add(1);
    let shifted = u32::try_from(above).ok().and_then(|above| part.checked_shl(above));
    shifted.unwrap_or(u64::MAX).saturating_sub(1)
}

impl Histogram {
    /// Counts one value.
    pub fn record(&self, us: u64) {
        if let Some(count) = usize::try_from(bucket(us)).ok().and_then(|at| self.0.get(at)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Forgets everything.
    pub fn clear(&self) {
        for count in &self.0 {
            count.store(0, Ordering::Relaxed);
        }
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// The value that `percent` of all values do not exceed; 0 of nothing.
    pub fn quantile(&self, percent: u64) -> u64 {
        let rank = self.count().saturating_mul(percent).div_ceil(100).max(1);
        let mut seen = 0u64;
        for (at, count) in (0u64..).zip(&self.0) {
            seen = seen.saturating_add(count.load(Ordering::Relaxed));
            if seen >= rank {
                return top(at);
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket_and_none_is_off_by_more_than_a_part() {
        for us in (0..20_000).chain((15..36).flat_map(|power| [(1 << power) - 1, 1 << power, (1 << power) + 12_345])) {
            let found = top(bucket(us));
            assert!(found >= us && found - us <= us / PARTS, "{us} {found}");
            assert!(bucket(us) == 0 || top(bucket(us) - 1) < us, "{us}");
        }
    }

    #[test]
    fn quantiles_are_counted_from_below() {
        let histogram = Histogram::default();
        assert_eq!(histogram.quantile(50), 0);
        for us in 1..=100 {
            histogram.record(us);
        }
        assert_eq!((histogram.quantile(50), histogram.quantile(99), histogram.quantile(100)), (50, 99, 100));
        histogram.clear();
        histogram.record(7);
        assert_eq!((histogram.count(), histogram.quantile(50), histogram.quantile(99)), (1, 7, 7));
    }
}
