//! The two readings of time.

use std::fmt;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
use std::sync::Arc;

use crate::{Tick, Timestamp};

/// Where a component takes its time from.
///
/// Implementers may not assume that callers cache a reading: every decision reads the clock anew.
/// `tick` should never step back; callers guard against one that does.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Unix time, for records and headers. It may step in both directions.
    fn now(&self) -> Timestamp;

    /// Time since some fixed instant (on Linux the boot), counting suspended time.
    fn tick(&self) -> Tick;
}

/// The clock of the operating system.
///
/// `tick` reads `CLOCK_BOOTTIME` on Linux and Android and the nearest thing elsewhere: `Instant`,
/// which may not count the time for which the machine was suspended.
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
#[derive(Debug)]
pub struct SystemClock {
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    origin: std::time::Instant,
}

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
impl SystemClock {
    /// A clock, ready to be shared.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where `Clock` takes time from the system"
    )]
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            origin: std::time::Instant::now(),
        })
    }

    /// A clock, ready to be shared.
    #[must_use]
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {})
    }
}

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where `Clock` takes time from the system"
    )]
    fn now(&self) -> Timestamp {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        match since_epoch {
            Ok(after) => Timestamp::UNIX_EPOCH.saturating_add(after),
            Err(before) => Timestamp::UNIX_EPOCH.saturating_sub(before.duration()),
        }
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn tick(&self) -> Tick {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
        Tick::from_nanos(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn tick(&self) -> Tick {
        Tick::from_nanos(u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;

    #[test]
    fn ticks_do_not_step_back() {
        let clock = SystemClock::new();
        let ticks: Vec<Tick> = (0..1_000).map(|_| clock.tick()).collect();
        assert!(ticks.is_sorted());
    }

    #[test]
    fn unix_time_is_after_this_was_written() {
        assert!(SystemClock::new().now() > Timestamp::from_unix_seconds(1_767_225_600));
    }
}
