//! The names of requests.

use std::sync::atomic::{AtomicU64, Ordering};

use portcullis_core::RequestId;

/// Makes ids that no two requests of a gate share: 64 random bits of the gate, which tell it from
/// others, and a number that counts on, stirred so that nobody reads the traffic off it at a glance.
///
/// Charges of credits go by them, so they must not be had again by another process either, ever:
/// two gates would need the same 64 random bits, and to count over the same places of a second 64.
///
/// One atomic addition, no lock and no call of the system.
#[derive(Debug)]
pub(crate) struct RequestIds {
    gate: u64,
    seed: u64,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        use std::hash::{BuildHasher, RandomState};
        // Seeded by the operating system, and not for secrets: the ids are none.
        let random = RandomState::new();
        Self {
            gate: random.hash_one("gate"),
            seed: random.hash_one("seed"),
            next: AtomicU64::new(0),
        }
    }

    pub(crate) fn next(&self) -> RequestId {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let stirred = stir(number.wrapping_add(self.seed));
        RequestId::from_value(u128::from(self.gate) << 64 | u128::from(stirred))
    }
}

/// The finalizer of `SplitMix64` (Steele, Lea and Flood, 2014): one to one, so no two are equal.
const fn stir(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_are_equal_and_gates_differ() {
        let (one, other) = (RequestIds::new(), RequestIds::new());
        let mut seen = HashSet::new();
        for _ in 0..10_000 {
            assert!(seen.insert(one.next()) && seen.insert(other.next()));
        }
    }
}
