//! Times of calls, counted in buckets.

/// Sixteen buckets for each doubling, so that a time is known to 6 %; the longest is kept exactly.
pub(super) struct Histogram {
    counts: Vec<u64>,
    max: u64,
}

const BITS: u32 = 4;
const STEPS: u64 = 1 << BITS;

impl Histogram {
    pub(super) fn new() -> Self {
        Self {
            counts: vec![0; 64 << BITS],
            max: 0,
        }
    }

    pub(super) fn add(&mut self, nanos: u64) {
        if let Some(count) = self.counts.get_mut(bucket(nanos)) {
            *count += 1;
        }
        self.max = self.max.max(nanos);
    }

    pub(super) fn calls(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub(super) fn max(&self) -> u64 {
        self.max
    }

    /// The time within which all calls but so many of a million were done.
    pub(super) fn all_but(&self, per_million: u64) -> u64 {
        let beyond = self.calls() * per_million / 1_000_000;
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate().rev() {
            seen += count;
            if seen > beyond {
                return longest(at).min(self.max);
            }
        }
        0
    }
}

fn bucket(nanos: u64) -> usize {
    let doublings = (nanos | STEPS).ilog2() - BITS;
    let at = u64::from(doublings) * STEPS + (nanos >> doublings);
    usize::try_from(at).unwrap_or(0)
}

/// The longest time of a bucket.
fn longest(bucket: usize) -> u64 {
    let bucket = u64::try_from(bucket).unwrap_or(0);
    let doublings = (bucket / STEPS).saturating_sub(1);
    let kept = bucket - doublings * STEPS;
    ((kept + 1) << doublings) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_the_bucket_that_ends_at_or_after_it() {
        for nanos in (0..2_000).chain([1_000_000, 1_000_001, 123_456_789]) {
            let end = longest(bucket(nanos));
            assert!(end >= nanos && end <= nanos + nanos / 16, "{nanos} {end}");
            assert_eq!(bucket(end), bucket(nanos));
            assert_eq!(bucket(end + 1), bucket(nanos) + 1);
        }
    }

    #[test]
    fn half_of_the_calls_are_within_the_median() {
        let mut histogram = Histogram::new();
        for nanos in 1..=15 {
            histogram.add(nanos);
        }
        assert_eq!(histogram.all_but(500_000), 8);
        assert_eq!((histogram.all_but(0), histogram.max()), (15, 15));
    }
}
