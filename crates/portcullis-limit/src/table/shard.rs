//! One shard: a chained hash table whose entries lie in one row, so that a sweep can stop and
//! go on.

use std::borrow::Borrow;

use portcullis_core::{Clock, Tick};

use super::row::Row;
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
    entries: Row<Entry<P>>,
    quota: Quota,
    /// The latest reading, so that time doesn't run backwards for a window that was dropped and
    /// made again.
    latest: Tick,
    /// Up to this instant a shorter quota may have forgotten what was admitted.
    forgotten: Option<Tick>,
    calls: u32,
    /// Where the sweep goes on: after the window that is next.
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
            entries: Row::new(),
            quota,
            latest: Tick::ZERO,
            forgotten: None,
            calls: 0,
            cursor: 0,
            fresh_from: Tick::ZERO,
            pass_fresh_from: Tick::MAX,
        }
    }

    #[inline]
    pub(super) fn read(&mut self, clock: &dyn Clock) -> Tick {
        self.see(clock.tick())
    }

    /// Takes a reading; returns the latest so far.
    #[inline]
    pub(crate) fn see(&mut self, reading: Tick) -> Tick {
        self.latest = self.latest.max(reading);
        self.latest
    }

    pub(crate) const fn quota(&self) -> Quota {
        self.quota
    }

    pub(super) fn set_quota(&mut self, quota: Quota) {
        let old = self.quota.window_nanos();
        if quota.window_nanos() > old
            && let Some(until) = self.latest.nanos().checked_sub(old)
        {
            self.forgotten = self.forgotten.max(Some(Tick::from_nanos(until)));
        }
        self.quota = quota;
        self.note_freshness();
    }

    /// Says that a window may have become fresh other than by time.
    pub(crate) const fn note_freshness(&mut self) {
        self.fresh_from = Tick::ZERO;
        self.pass_fresh_from = Tick::ZERO;
    }

    #[inline]
    #[expect(
        clippy::expect_used,
        reason = "the index was found under the same lock, and nothing was removed since"
    )]
    pub(crate) fn window(&mut self, at: usize) -> &mut Window {
        let found = self.entries.get_mut(at);
        &mut found.expect("a window that was found is there").window
    }

    /// Gives back what a window was charged at an instant, unless a shorter quota has forgotten it
    /// already: else it would take back what another call was charged.
    pub(crate) fn refund(&mut self, place: usize, at: Tick, cost: u32) {
        if self.forgotten.is_some_and(|until| at <= until) {
            return;
        }
        let quota = self.quota;
        self.window(place).refund(&quota, at, cost);
        self.note_freshness();
    }

    /// Looks at an idle window now and then; returns how many were dropped.
    pub(super) fn tidy(&mut self, now: Tick) -> usize {
        self.calls = self.calls.wrapping_add(1);
        if self.calls.is_multiple_of(CALLS_PER_LOOK) {
            self.sweep(now, 1, 1)
        } else {
            0
        }
    }

    /// Drops the fresh ones of so many windows, at most `most` of them; returns how many.
    ///
    /// From the last to the first: the last fills the gap that a dropped one leaves, so that upwards
    /// the sweep would meet every newcomer anew and an old one only as often as a newcomer arrives.
    pub(super) fn sweep(&mut self, now: Tick, looks: usize, most: usize) -> usize {
        let mut dropped = 0;
        for _ in 0..looks {
            if now < self.fresh_from || dropped >= most {
                break;
            }
            let next = self.cursor.checked_sub(1);
            let Some(entry) = next.and_then(|at| self.entries.get(at)) else {
                self.fresh_from = self.pass_fresh_from;
                self.pass_fresh_from = Tick::MAX;
                self.cursor = self.entries.len();
                if self.cursor == 0 {
                    break;
                }
                continue;
            };
            self.cursor -= 1;
            let fresh_from = entry.window.fresh_from(&self.quota);
            if fresh_from <= now {
                self.remove(self.cursor);
                dropped += 1;
            } else {
                self.pass_fresh_from = self.pass_fresh_from.min(fresh_from);
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
        self.entries.push(Entry {
            window,
            partition,
            hash,
            next,
        });
        at
    }

    /// As many buckets as entries and one more, rounded up.
    ///
    /// It visits every entry, of which a shard has few.
    #[cold]
    fn grow(&mut self) {
        let count = (self.entries.len() + 1).next_power_of_two().max(4);
        self.buckets = vec![NONE; count];
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

#[cfg(test)]
mod tests {
    use super::*;

    fn charged(quota: &Quota, now: Tick) -> Window {
        let mut window = Window::new();
        assert!(window.check(quota, now, 1).is_admitted());
        window
    }

    #[test]
    fn a_sweep_drops_two_idle_windows_for_each_newcomer() {
        let quota: Quota = "5/1s".parse().unwrap();
        let mut state = State::new(quota);
        let (before, after) = (Tick::from_nanos(1), Tick::from_nanos(3_000_000_000));
        for partition in 0..1_000_u64 {
            state.insert(partition, partition, charged(&quota, before));
        }
        for newcomer in 1_000..1_501 {
            state.sweep(after, LOOKS_PER_INSERT, LOOKS_PER_INSERT);
            state.insert(newcomer, newcomer, charged(&quota, after));
        }
        // The first look of a pass finds its end.
        assert_eq!(state.entries.len(), 501);
        for partition in 0..1_501 {
            let found = state.find(partition, &partition).is_some();
            assert_eq!(found, partition >= 1_000, "{partition}");
        }
    }

    #[test]
    fn a_sweep_stops_at_the_most_and_goes_on_from_there() {
        let quota: Quota = "5/1s".parse().unwrap();
        let mut state = State::new(quota);
        let (before, after) = (Tick::from_nanos(1), Tick::from_nanos(3_000_000_000));
        for partition in 0..1_000_u64 {
            state.insert(partition, partition, charged(&quota, before));
        }
        assert_eq!(state.sweep(after, 1_001, 10), 10);
        assert_eq!(state.sweep(after, 1_001, 1_000), 990);
        assert_eq!((state.entries.len(), state.sweep(after, 9, 9)), (0, 0));
    }
}
