//! Loads on a limiter, the same in every run.

use std::time::Duration;

use crate::rivals::{Shape, nanos};

/// xorshift64*, by S. Vigna; good enough for arrivals.
#[derive(Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        // So that seeds next to each other give unlike streams, and none is 0.
        Self(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Below the bound, which is at least 1.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let scaled = u128::from(self.next()) * u128::from(bound);
        u64::try_from(scaled >> 64).unwrap_or(0)
    }

    /// A gap of a Poisson process.
    pub(crate) fn gap(&mut self, mean: Duration) -> Duration {
        let drawn = u32::try_from(self.next() >> 32).map_or(0.0, f64::from);
        // In (0, 1].
        let share = (drawn + 1.0) / (f64::from(u32::MAX) + 1.0);
        mean.mul_f64(-share.ln())
    }
}

/// How calls arrive.
#[derive(Clone, Copy)]
pub(crate) enum Load {
    /// At random, at so much of the limit.
    Poisson(f64),
    /// At exactly the limit, evenly.
    Even,
    /// In bursts of up to half the quota, a call a millisecond, at the limit on average.
    Bursty,
    /// From clients that call again at once: a call a millisecond.
    Hammering,
}

impl Load {
    pub(crate) const ALL: [(&'static str, Self); 5] = [
        ("Poisson, 0.95 of the limit", Self::Poisson(0.95)),
        ("Poisson, 1.2 of the limit", Self::Poisson(1.2)),
        ("even, at the limit", Self::Even),
        ("bursty", Self::Bursty),
        ("hammering", Self::Hammering),
    ];

    /// Calls for ever, from this instant on.
    pub(crate) fn arrivals(self, shape: Shape, start: u64, random: Random) -> Arrivals {
        Arrivals {
            load: self,
            shape,
            random,
            now: start,
            left_of_burst: 0,
        }
    }
}

pub(crate) struct Arrivals {
    load: Load,
    shape: Shape,
    random: Random,
    now: u64,
    left_of_burst: u64,
}

impl Arrivals {
    fn gap(&mut self) -> u64 {
        let apart = Duration::from_nanos(self.shape.apart());
        match self.load {
            Load::Poisson(share) => nanos(self.random.gap(apart.div_f64(share))),
            Load::Even => self.shape.apart(),
            Load::Hammering => nanos(self.random.gap(Duration::from_millis(1))),
            Load::Bursty if self.left_of_burst > 0 => {
                self.left_of_burst -= 1;
                1_000_000
            }
            Load::Bursty => {
                let size = 1 + self.random.below(u64::from(self.shape.units / 2));
                self.left_of_burst = size - 1;
                let mean = self.shape.apart() * size;
                nanos(self.random.gap(Duration::from_nanos(mean)))
            }
        }
    }
}

impl Iterator for Arrivals {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.now += self.gap();
        Some(self.now)
    }
}
