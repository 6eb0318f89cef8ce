//! The clock that tests move by hand.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{Clock, Tick, Timestamp};

/// A clock that stands still until it is moved.
///
/// It starts at 2026-01-01T00:00:00Z and at a tick of one day, so that there is room to step back.
#[derive(Debug)]
pub struct ManualClock {
    now: AtomicI64,
    tick: AtomicU64,
}

impl ManualClock {
    /// A clock at its start.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            now: AtomicI64::new(1_767_225_600_000_000),
            tick: AtomicU64::new(86_400_000_000_000),
        })
    }

    /// Lets time pass: both readings move.
    pub fn advance(&self, duration: Duration) {
        self.set_now(self.now().saturating_add(duration));
        self.set_tick(self.tick().saturating_add(duration));
    }

    /// Steps the wall clock alone, as an operator or NTP would.
    pub fn set_now(&self, now: Timestamp) {
        self.now.store(now.unix_micros(), Ordering::SeqCst);
    }

    /// Sets the tick alone, also backwards, to play a clock that breaks its promise.
    pub fn set_tick(&self, tick: Tick) {
        self.tick.store(tick.nanos(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_micros(self.now.load(Ordering::SeqCst))
    }

    fn tick(&self) -> Tick {
        Tick::from_nanos(self.tick.load(Ordering::SeqCst))
    }
}
