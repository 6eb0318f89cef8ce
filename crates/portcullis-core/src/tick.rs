//! An instant that never steps back.

use std::time::Duration;

/// An instant of [`Clock::tick`](crate::Clock::tick): nanoseconds since a fixed origin.
///
/// It means nothing outside the process that read it (on Linux: outside the machine's boot). The
/// range is 584 years; arithmetic saturates at both ends.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Tick(u64);

impl Tick {
    /// The latest instant that can be expressed: never reached.
    pub const MAX: Self = Self(u64::MAX);
    /// The origin.
    pub const ZERO: Self = Self(0);

    /// The instant so many nanoseconds after the origin.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the origin.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// The instant so much later, at most [`Tick::MAX`].
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(saturating_nanos(duration)))
    }

    /// The instant so much earlier, at least [`Tick::ZERO`].
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(saturating_nanos(duration)))
    }

    /// How long after `earlier` this is; zero if it isn't.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

fn saturating_nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(Tick::MAX.saturating_add(Duration::from_nanos(1)), Tick::MAX);
        assert_eq!(Tick::from_nanos(5).saturating_add(Duration::MAX), Tick::MAX);
        assert_eq!(
            Tick::ZERO.saturating_sub(Duration::from_nanos(1)),
            Tick::ZERO
        );
        assert_eq!(Tick::ZERO.saturating_since(Tick::MAX), Duration::ZERO);
    }
}
