//! One shard: a chained hash table whose entries lie in one row, so that a sweep can stop and
//! go on.

use std::borrow::Borrow;

use portcullis_core::{Clock, Tick};

use crate::{Quota, Window};

/// No entry.
const NONE: u32 = u32::MAX;
/// How many calls to a shard pay for one look at an idle window.
const CALLS_PER_LOOK: u32 = 16;
/// How many windows are looked at when one is made.
pub(super) const LOOKS_PER_INSERT: usize = 2;

struct Entry<P> {
    window: Window,
    partition: P,
    /// The lower half of the partition's hash.
    hash: u32,
    next: u32,
}

pub(crate) struct State<P> {
    /// The heads of the chains; a power of two of them, or none.
    buckets: Vec<u32>,
    entries: Vec<Entry<P>>,
    quota: Quota,
    /// The latest reading, so that time doesn't run backwards for a window that was dropped and
    /// made again.
    latest: Tick,
    calls: u32,
    /// Where the sweep goes on.
    cursor: usize,
    /// Before this instant no window here is fresh, as the last whole pass of the sweep found.
    fresh_from: Tick,
    /// The same of the pass under way.
    pass_fresh_from: Tick,
}

impl<P> State<P> {
    pub(super) const fn new(quota: Quota) -> Self {
        Self {
            buckets: Vec::new(),
            entries: Vec::new(),
            quota,
            latest: Tick::ZERO,
            calls: 0,
            cursor: 0,
            fresh_from: Tick::ZERO,
            pass_fresh_from: Tick::MAX,
        }
    }

    pub(super) fn read(&mut self, clock: &dyn Clock) -> Tick {
        self.latest = self.latest.max(clock.tick());
        self.latest
    }

    pub(crate) const fn quota(&self) -> Quota {
        self.quota
    }

    pub(super) fn set_quota(&mut self, quota: Quota) {
        self.quota = quota;
        self.note_freshness();
    }

    /// Says that a window may have become fresh other than by time.
    pub(crate) const fn note_freshness(&mut self) {
        self.fresh_from = Tick::ZERO;
        self.pass_fresh_from = Tick::ZERO;
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the index was found under the same lock, and nothing was removed since"
    )]
    pub(crate) fn window(&mut self, at: usize) -> &mut Window {
        &mut self.entries[at].window
    }

    /// Looks at an idle window now and then; returns how many were dropped.
    pub(super) fn tidy(&mut self, now: Tick) -> usize {
        self.calls = self.calls.wrapping_add(1);
        if self.calls.is_multiple_of(CALLS_PER_LOOK) {
            self.sweep(now, 1)
        } else {
            0
        }
    }

    /// Drops the fresh ones of so many windows; returns how many.
    pub(super) fn sweep(&mut self, now: Tick, looks: usize) -> usize {
        let mut dropped = 0;
        for _ in 0..looks {
            if now < self.fresh_from {
                break;
            }
            let Some(entry) = self.entries.get(self.cursor) else {
                self.fresh_from = self.pass_fresh_from;
                self.pass_fresh_from = Tick::MAX;
                self.cursor = 0;
                if self.entries.is_empty() {
                    break;
                }
                continue;
            };
            let fresh_from = entry.window.fresh_from(&self.quota);
            if fresh_from <= now {
                self.remove(self.cursor);
                dropped += 1;
            } else {
                self.pass_fresh_from = self.pass_fresh_from.min(fresh_from);
                self.cursor += 1;
            }
        }
        dropped
    }

    fn bucket(&self, hash: u32) -> usize {
        usize::try_from(hash).unwrap_or(0) & self.buckets.len().wrapping_sub(1)
    }

    /// The link that leads to an entry: of its bucket or of another entry.
    fn link_to(&mut self, hash: u32, wanted: u32) -> Option<&mut u32> {
        let bucket = self.bucket(hash);
        let mut at = *self.buckets.get(bucket)?;
        if at == wanted {
            return self.buckets.get_mut(bucket);
        }
        loop {
            let next = self.entries.get(index(at))?.next;
            if next == wanted {
                return self.entries.get_mut(index(at)).map(|entry| &mut entry.next);
            }
            at = next;
        }
    }

    pub(super) fn insert(&mut self, hash: u64, partition: P, window: Window) -> usize {
        let at = self.entries.len();
        if at >= self.buckets.len() {
            self.grow();
        }
        let fresh_from = window.fresh_from(&self.quota);
        self.fresh_from = self.fresh_from.min(fresh_from);
        self.pass_fresh_from = self.pass_fresh_from.min(fresh_from);
        let hash = low(hash);
        let bucket = self.bucket(hash);
        let mut next = NONE;
        if let Some(head) = self.buckets.get_mut(bucket) {
            next = *head;
            *head = link(at);
        }
        if at == self.entries.capacity() {
            // By an eighth rather than twofold: less memory that is not used, shorter copies.
            self.entries.reserve_exact(at / 8 + 4);
        }
        self.entries.push(Entry {
            window,
            partition,
            hash,
            next,
        });
        at
    }

    /// As many buckets as entries and one more, rounded up.
    #[cold]
    fn grow(&mut self) {
        let count = (self.entries.len() + 1).next_power_of_two().max(4);
        self.buckets.clear();
        self.buckets.resize(count, NONE);
        let mask = count - 1;
        for (at, entry) in self.entries.iter_mut().enumerate() {
            let bucket = usize::try_from(entry.hash).unwrap_or(0) & mask;
            if let Some(head) = self.buckets.get_mut(bucket) {
                entry.next = *head;
                *head = link(at);
            }
        }
    }

    fn remove(&mut self, at: usize) {
        let Some(entry) = self.entries.get(at) else {
            return;
        };
        let (hash, next) = (entry.hash, entry.next);
        if let Some(to) = self.link_to(hash, link(at)) {
            *to = next;
        }
        let last = self.entries.len() - 1;
        if at != last
            && let Some(moved) = self.entries.get(last)
        {
            let hash = moved.hash;
            if let Some(to) = self.link_to(hash, link(last)) {
                *to = link(at);
            }
        }
        self.entries.swap_remove(at);
        if self.entries.capacity() > 64 && self.entries.len() < self.entries.capacity() / 4 {
            self.entries.shrink_to(self.entries.len() * 2);
            self.grow();
        }
    }
}

impl<P: Eq> State<P> {
    pub(crate) fn find<Q>(&self, hash: u64, partition: &Q) -> Option<usize>
    where
        P: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let hash = low(hash);
        let mut at = *self.buckets.get(self.bucket(hash))?;
        while let Some(entry) = self.entries.get(index(at)) {
            if entry.hash == hash && entry.partition.borrow() == partition {
                return Some(index(at));
            }
            at = entry.next;
        }
        None
    }
}

fn low(hash: u64) -> u32 {
    u32::try_from(hash & u64::from(u32::MAX)).unwrap_or(0)
}

fn index(link: u32) -> usize {
    usize::try_from(link).unwrap_or(usize::MAX)
}

// INVARIANT: a shard has far fewer than 2³² − 1 entries, since memory ends before.
fn link(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(NONE)
}
