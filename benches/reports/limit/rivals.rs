//! What is compared: ours, an exact log, and the limiters that others use, each in its simplest
//! form.

use std::{collections::VecDeque, num::NonZeroU32, time::Duration};

use governor::{
    RateLimiter,
    clock::{Clock, FakeRelativeClock},
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};
use portcullis_core::Tick;
use portcullis_limit::{Decision, Quota, Window};

use crate::Failure;

/// A limiter of one partition, asked for one unit at a time; instants are in nanoseconds and don't
/// step back.
pub(crate) trait Rival {
    /// Admits, or says after how many nanoseconds to ask again.
    fn ask(&mut self, now: u64) -> Result<(), u64>;
}

/// The shape of the quota, as the simple limiters want it.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) units: u32,
    pub(crate) window_nanos: u64,
}

impl Shape {
    pub(crate) fn of(quota: Quota) -> Result<Self, Failure> {
        Ok(Self {
            units: quota.units(),
            window_nanos: u64::try_from(quota.window().as_nanos())?,
        })
    }

    /// Between two calls at exactly the limit.
    pub(crate) fn apart(self) -> u64 {
        self.window_nanos / u64::from(self.units)
    }
}

pub(crate) struct Ours {
    quota: Quota,
    window: Window,
}

impl Ours {
    pub(crate) fn new(quota: Quota) -> Self {
        Self {
            quota,
            window: Window::new(),
        }
    }
}

impl Rival for Ours {
    fn ask(&mut self, now: u64) -> Result<(), u64> {
        match self.window.check(&self.quota, Tick::from_nanos(now), 1) {
            Decision::Admit(_) => Ok(()),
            Decision::Refuse { retry_after, .. } => Err(nanos(retry_after)),
            Decision::NeverFits { .. } => Err(u64::MAX),
        }
    }
}

/// Remembers the instant of every admission that still counts.
pub(crate) struct ExactLog {
    shape: Shape,
    admitted: VecDeque<u64>,
}

impl ExactLog {
    pub(crate) fn new(shape: Shape) -> Self {
        let admitted = VecDeque::new();
        Self { shape, admitted }
    }
}

impl Rival for ExactLog {
    fn ask(&mut self, now: u64) -> Result<(), u64> {
        let counts_until = |at: &u64| at + self.shape.window_nanos;
        while let Some(oldest) = self.admitted.front()
            && counts_until(oldest) <= now
        {
            self.admitted.pop_front();
        }
        match self.admitted.front() {
            Some(oldest) if self.admitted.len() >= index(self.shape.units) => {
                Err(counts_until(oldest) - now)
            }
            _ => {
                self.admitted.push_back(now);
                Ok(())
            }
        }
    }
}

/// Counts from one multiple of the window to the next.
pub(crate) struct FixedWindow {
    shape: Shape,
    number: u64,
    used: u32,
}

impl FixedWindow {
    pub(crate) fn new(shape: Shape) -> Self {
        Self {
            shape,
            number: 0,
            used: 0,
        }
    }
}

impl Rival for FixedWindow {
    fn ask(&mut self, now: u64) -> Result<(), u64> {
        let number = now / self.shape.window_nanos;
        if number != self.number {
            (self.number, self.used) = (number, 0);
        }
        if self.used < self.shape.units {
            self.used += 1;
            Ok(())
        } else {
            Err((number + 1) * self.shape.window_nanos - now)
        }
    }
}

/// The "sliding window" of many gateways: the count of this fixed window, and of the one before as
/// much as still lies within a window's reach.
pub(crate) struct TwoCounters {
    shape: Shape,
    number: u64,
    used: u32,
    before: u32,
}

impl TwoCounters {
    pub(crate) fn new(shape: Shape) -> Self {
        Self {
            shape,
            number: 0,
            used: 0,
            before: 0,
        }
    }
}

impl Rival for TwoCounters {
    fn ask(&mut self, now: u64) -> Result<(), u64> {
        let Shape {
            units,
            window_nanos,
        } = self.shape;
        let number = now / window_nanos;
        if number != self.number {
            let follows = number == self.number + 1;
            self.before = if follows { self.used } else { 0 };
            (self.number, self.used) = (number, 0);
        }
        let left = window_nanos - now % window_nanos;
        if self.used >= units {
            return Err(left);
        }
        // before · left / window + used + 1 ≤ units, without rounding.
        let room = u128::from(units - self.used - 1) * u128::from(window_nanos);
        let held = u128::from(self.before) * u128::from(left);
        if held <= room {
            self.used += 1;
            return Ok(());
        }
        let fits_with = room / u128::from(self.before);
        Err(left - u64::try_from(fits_with).unwrap_or(left))
    }
}

/// The generic cell rate algorithm with a burst of the whole quota.
pub(crate) struct Gcra {
    shape: Shape,
    /// When all that was admitted would have arrived at an even pace.
    arrival: u64,
}

impl Gcra {
    pub(crate) fn new(shape: Shape) -> Self {
        Self { shape, arrival: 0 }
    }
}

impl Rival for Gcra {
    fn ask(&mut self, now: u64) -> Result<(), u64> {
        let arrival = self.arrival.max(now) + self.shape.apart();
        let ahead = arrival - now;
        if ahead <= self.shape.window_nanos {
            self.arrival = arrival;
            Ok(())
        } else {
            Err(ahead - self.shape.window_nanos)
        }
    }
}

/// The crate itself, with its own quota of so many per minute.
pub(crate) struct Governor {
    limiter: RateLimiter<NotKeyed, InMemoryState, FakeRelativeClock, NoOpMiddleware<Nanos>>,
    clock: FakeRelativeClock,
    now: u64,
}

impl Governor {
    pub(crate) fn per_minute(units: NonZeroU32, now: u64) -> Self {
        let clock = FakeRelativeClock::default();
        let quota = governor::Quota::per_minute(units);
        Self {
            limiter: RateLimiter::direct_with_clock(quota, clock.clone()),
            clock,
            now,
        }
    }
}

impl Rival for Governor {
    fn ask(&mut self, now: u64) -> Result<(), u64> {
        self.clock.advance(Duration::from_nanos(now - self.now));
        self.now = now;
        let refused =
            |until: governor::NotUntil<Nanos>| nanos(until.wait_time_from(self.clock.now()));
        self.limiter.check().map_err(refused)
    }
}

/// What one limiter has admitted.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) admitted: u32,
    /// The most in any window.
    pub(crate) most: usize,
    recent: VecDeque<u64>,
}

impl Tally {
    pub(crate) fn admit(&mut self, now: u64, window_nanos: u64) {
        self.recent.push_back(now);
        self.admitted += 1;
        self.most = self.most.max(self.in_window(now, window_nanos));
    }

    /// What was admitted in (now − window, now].
    pub(crate) fn in_window(&mut self, now: u64, window_nanos: u64) -> usize {
        while let Some(oldest) = self.recent.front()
            && oldest + window_nanos <= now
        {
            self.recent.pop_front();
        }
        self.recent.len()
    }

    /// The most in any window beyond the units, in % of them.
    pub(crate) fn over(&self, units: u32) -> f64 {
        let over = self.most.saturating_sub(index(units));
        100.0 * u32::try_from(over).map_or(f64::INFINITY, f64::from) / f64::from(units)
    }
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

pub(crate) fn index(units: u32) -> usize {
    usize::try_from(units).unwrap_or(usize::MAX)
}
