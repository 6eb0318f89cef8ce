//! Whether owners are suspended, for those whose credentials are not ours.

use std::{
    collections::HashMap,
    hash::BuildHasher,
    sync::{Mutex, MutexGuard, PoisonError},
};

use foldhash::fast::RandomState;

use super::Fill;
use crate::{Owner, Seq, Suspension};

/// How many locks there are.
const SHARDS: usize = 16;
/// How many owners are remembered behind each: then they are read again.
const MOST: usize = 8_192;

/// What is known of owners, under the same rules as credentials: a fill that is older than the
/// floor is not kept.
#[derive(Debug)]
pub(super) struct Standings {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
}

#[derive(Debug)]
struct Shard {
    floor: Seq,
    known: HashMap<Owner, Suspension, RandomState>,
}

impl Standings {
    /// Nothing is known, and every floor is at the store's head.
    pub(super) fn new(head: Seq) -> Self {
        let shard = |_| {
            Mutex::new(Shard {
                floor: head,
                known: HashMap::default(),
            })
        };
        Self {
            shards: std::array::from_fn(shard),
            hasher: RandomState::default(),
        }
    }

    #[expect(clippy::indexing_slicing, reason = "a remainder of their number")]
    fn shard(&self, owner: &Owner) -> MutexGuard<'_, Shard> {
        let hash = usize::try_from(self.hasher.hash_one(owner) >> 32).unwrap_or(0);
        let shard = &self.shards[hash % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, owner: &Owner) -> Option<Suspension> {
        self.shard(owner).known.get(owner).copied()
    }

    /// Keeps what a snapshot says, if it is new enough.
    pub(super) fn fill(&self, head: Seq, owner: &Owner, standing: Suspension) -> Fill {
        let mut shard = self.shard(owner);
        if head < shard.floor {
            return Fill::Stale;
        }
        if shard.known.len() >= MOST {
            shard.known.clear();
        }
        shard.known.insert(owner.clone(), standing);
        Fill::Kept
    }

    /// Raises the floor, and forgets what was known.
    pub(super) fn apply(&self, owner: &Owner, seq: Seq) {
        let mut shard = self.shard(owner);
        shard.floor = shard.floor.max(seq);
        shard.known.remove(owner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fill_that_a_change_has_overtaken_is_not_kept() {
        let standings = Standings::new(Seq(5));
        let acme: Owner = "acme".parse().unwrap();
        let fill = |head| standings.fill(Seq(head), &acme, Suspension::Lifted);
        assert_eq!(fill(4), Fill::Stale);
        assert_eq!(fill(5), Fill::Kept);
        assert_eq!(standings.get(&acme), Some(Suspension::Lifted));
        standings.apply(&acme, Seq(7));
        assert_eq!(standings.get(&acme), None);
        assert_eq!(fill(6), Fill::Stale);
        assert_eq!(standings.get(&acme), None);
        assert_eq!(fill(7), Fill::Kept);
        // A floor is never lowered.
        standings.apply(&acme, Seq(0));
        assert_eq!(fill(6), Fill::Stale);
    }
}
