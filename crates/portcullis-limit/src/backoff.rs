//! How long a client waits before it tries again.

use std::{hash::BuildHasher, time::Duration};

/// The waits between tries: 1 s, doubled each time, at most 60 s, and a jitter on top.
///
/// The jitter is up to a quarter of the wait and only lengthens it. When the server said how long
/// to wait ([`asked_wait`](crate::asked_wait)), the longer of the two counts. It iterates without end; how many tries make sense is
/// the caller's to say.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use portcullis_limit::Backoff;
///
/// let mut backoff = Backoff::new();
/// assert!(backoff.next() >= Some(Duration::from_secs(1)));
/// assert!(backoff.next() >= Some(Duration::from_secs(2)));
/// assert!(backoff.after(Some(Duration::from_secs(30))) >= Duration::from_secs(30));
/// ```
#[derive(Clone, Debug)]
pub struct Backoff {
    attempt: u32,
    random: u64,
}

impl Backoff {
    /// The first wait.
    pub const FIRST: Duration = Duration::from_secs(1);
    /// The longest wait before jitter, unless the server asks for more.
    pub const CAP: Duration = Duration::from_secs(60);

    /// Waits from the first on, with a jitter of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::with_seed(foldhash::fast::RandomState::default().hash_one(0_u8))
    }

    /// Waits whose jitter follows from the seed, for simulations.
    #[must_use]
    pub const fn with_seed(seed: u64) -> Self {
        Self {
            attempt: 0,
            random: seed,
        }
    }

    /// The wait after the `attempt`-th failure (from 0), with a jitter of `jitter` / 2³² of the
    /// most.
    #[must_use]
    pub fn wait(attempt: u32, asked: Option<Duration>, jitter: u32) -> Duration {
        let doubled = Self::FIRST.saturating_mul(1_u32.checked_shl(attempt).unwrap_or(u32::MAX));
        let base = doubled.min(Self::CAP);
        let most = u64::try_from(base.as_nanos() / 4).unwrap_or(0);
        let extra = (u128::from(most) * u128::from(jitter)) >> 32;
        let extra = Duration::from_nanos(u64::try_from(extra).unwrap_or(0));
        base.max(asked.unwrap_or_default()).saturating_add(extra)
    }

    /// The next wait, at least as long as the server asked for.
    pub fn after(&mut self, asked: Option<Duration>) -> Duration {
        let wait = Self::wait(self.attempt, asked, self.jitter());
        self.attempt = self.attempt.saturating_add(1);
        wait
    }

    /// Begins again with the first wait, after a success.
    pub const fn reset(&mut self) {
        self.attempt = 0;
    }

    /// The upper half of the next number of `SplitMix64` (Steele, Lea and Flood 2014).
    fn jitter(&mut self) -> u32 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(0)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

impl Iterator for Backoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(self.after(None))
    }
}
