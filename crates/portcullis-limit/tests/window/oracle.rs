//! An exact log of admissions, written apart from the window.

use std::time::Duration;

use portcullis_core::Tick;

/// Every admission that was ever made, in the order of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExactLog {
    entries: Vec<(u64, u64)>,
}

impl ExactLog {
    pub(crate) fn admit(&mut self, at: Tick, cost: u32) {
        self.entries.push((at.nanos(), u64::from(cost)));
    }

    /// The cost in the half-open interval (now − length, now].
    pub(crate) fn used(&self, now: Tick, length: Duration) -> u64 {
        self.used_after(now, length, 0)
    }

    /// The same, without what was admitted at or before `forgotten` nanoseconds.
    pub(crate) fn used_after(&self, now: Tick, length: Duration, forgotten: u64) -> u64 {
        let counts = |at: u64| {
            u128::from(at) + length.as_nanos() > u128::from(now.nanos())
                && at <= now.nanos()
                && (forgotten == 0 || at > forgotten)
        };
        let not_later = self
            .entries
            .iter()
            .rev()
            .skip_while(|(at, _)| *at > now.nanos());
        let counting = not_later.take_while(|(at, _)| counts(*at));
        counting.map(|(_, cost)| cost).sum()
    }

    /// The cost in the open interval (now − window · (1 + 1 / resolution), now].
    pub(crate) fn used_in_slightly_longer(
        &self,
        now: Tick,
        window: Duration,
        resolution: u8,
    ) -> u64 {
        let slots = u128::from(resolution);
        let reach = window.as_nanos() * (slots + 1);
        let counts = |at: u64| (u128::from(now.nanos()) - u128::from(at)) * slots < reach;
        let counting = self.entries.iter().filter(|(at, _)| counts(*at));
        counting.map(|(_, cost)| cost).sum()
    }

    /// The most cost in any half-open interval of this length.
    pub(crate) fn most_in_any(&self, length: Duration) -> u64 {
        assert!(self.entries.is_sorted_by_key(|(at, _)| *at));
        let (mut most, mut inside, mut first) = (0, 0, 0);
        for (end, cost) in &self.entries {
            inside += cost;
            while u128::from(self.entries[first].0) + length.as_nanos() <= u128::from(*end) {
                inside -= self.entries[first].1;
                first += 1;
            }
            most = most.max(inside);
        }
        most
    }

    /// When one unit more would have room, for a log of single units in the order of time.
    pub(crate) fn next_from(&self, now: Tick, window: Duration, units: u32) -> Tick {
        let units = usize::try_from(units).unwrap();
        let Some(blocking) = self.entries.len().checked_sub(units) else {
            return now;
        };
        now.max(Tick::from_nanos(self.entries[blocking].0).saturating_add(window))
    }
}
