//! The windows of all partitions of one limit, in shards.
//!
//! Rule 7: at most `capacity` windows. A shard is small, and its windows never move as it grows, so
//! that no call waits long; idle windows are swept a few at a time by the calls themselves.

mod row;
mod shard;

use std::{
    borrow::Borrow,
    fmt,
    hash::{BuildHasher, Hash},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use foldhash::fast::RandomState;
use portcullis_core::{Clock, Tick};

pub(crate) use self::shard::State;
use crate::{Quota, Window};

/// How many windows a shard holds when the table is full, on average: few in a small table, for the
/// sake of threads; no more than are visited in some microseconds in a large one.
const FEW_PER_SHARD: usize = 256;
const PER_SHARD: usize = 1_024;
const SHARDS_FOR_THREADS: usize = 128;
/// 8 MiB of them, for a hundred million windows in shards of 1,500.
const MOST_SHARDS: usize = 65_536;
/// What a newcomer may look at to find room in a full table, and the most that it drops of a shard,
/// which costs more than a look.
const SHARDS_PER_SEARCH: usize = 4;
const LOOKS_PER_SEARCH: usize = 256;
const MOST_PER_SEARCH: usize = 16;

/// Apart from each other in memory, so that threads on different shards don't slow one another.
#[repr(align(128))]
struct Shard<P>(Mutex<State<P>>);

pub(crate) struct Table<P> {
    shards: Box<[Shard<P>]>,
    hasher: RandomState,
    capacity: usize,
    len: AtomicUsize,
    /// Shared by newcomers while the table is full.
    overflow: Mutex<Window>,
    /// When the overflow window is fresh, so that a new window need not be its copy.
    overflow_fresh_from: AtomicU64,
    /// The next shard to search for room.
    search_at: AtomicUsize,
    quota: Mutex<Quota>,
}

/// The window of a partition, or what stands for it.
pub(crate) enum Place<'t> {
    /// Its own, at this index of the shard.
    Own(usize),
    /// The overflow window, since the table is full.
    Overflow(MutexGuard<'t, Window>),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No call leaves a state half changed, so one that panicked in the partition's own `Eq` or
    // `Clone` has harmed nothing.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<P> Table<P> {
    pub(crate) fn new(quota: Quota, capacity: usize) -> Self {
        let capacity = capacity.max(1);
        let for_threads = (capacity / FEW_PER_SHARD).clamp(1, SHARDS_FOR_THREADS);
        let count = (capacity / PER_SHARD)
            .clamp(for_threads, MOST_SHARDS)
            .next_power_of_two();
        let shard = |_| Shard(Mutex::new(State::new(quota)));
        Self {
            shards: (0..count).map(shard).collect(),
            hasher: RandomState::default(),
            capacity,
            len: AtomicUsize::new(0),
            overflow: Mutex::new(Window::new()),
            overflow_fresh_from: AtomicU64::new(0),
            search_at: AtomicUsize::new(0),
            quota: Mutex::new(quota),
        }
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    pub(crate) fn quota(&self) -> Quota {
        *lock(&self.quota)
    }

    /// Shard by shard: each decision is under the old quota or under the new.
    pub(crate) fn set_quota(&self, quota: Quota) {
        let mut current = lock(&self.quota);
        *current = quota;
        for shard in &self.shards {
            lock(&shard.0).set_quota(quota);
        }
        self.note_overflow(&lock(&self.overflow), &quota);
    }

    fn is_full(&self) -> bool {
        self.len() >= self.capacity
    }

    /// Takes room for one more window.
    fn reserve(&self) -> bool {
        let grown = |len| (len < self.capacity).then_some(len + 1);
        let reserved = self
            .len
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown);
        reserved.is_ok()
    }

    fn release(&self, count: usize) {
        self.len.fetch_sub(count, Ordering::Relaxed);
    }

    /// Says when the overflow window, as it now is, will be fresh.
    ///
    /// A partition is charged there, and gets a window of its own, under its shard's lock, which
    /// orders the two; other partitions need no order.
    pub(crate) fn note_overflow(&self, overflow: &Window, quota: &Quota) {
        let fresh_from = overflow.fresh_from(quota).nanos();
        self.overflow_fresh_from
            .store(fresh_from, Ordering::Relaxed);
    }

    /// A window as a partition has it that has none yet.
    pub(crate) fn newcomer(&self, now: Tick) -> Window {
        if now.nanos() >= self.overflow_fresh_from.load(Ordering::Relaxed) {
            Window::new()
        } else {
            lock(&self.overflow).clone()
        }
    }
}

impl<P: Eq + Hash> Table<P> {
    pub(crate) fn hash<Q: Hash + ?Sized>(&self, partition: &Q) -> u64 {
        self.hasher.hash_one(partition)
    }

    /// Locks the shard of a partition, reads the clock and sweeps a little now and then.
    #[inline]
    pub(crate) fn lock(&self, hash: u64, clock: &dyn Clock) -> (MutexGuard<'_, State<P>>, Tick) {
        let mut state = self.lock_alone(hash);
        let now = state.read(clock);
        self.tidy(&mut state, now);
        (state, now)
    }

    /// Locks the shard of a partition.
    #[inline]
    pub(crate) fn lock_alone(&self, hash: u64) -> MutexGuard<'_, State<P>> {
        // The upper half: the lower one finds the bucket.
        let at = usize::try_from(hash >> 32).unwrap_or(0) & (self.shards.len() - 1);
        lock(&self.shard(at).0)
    }

    /// Sweeps a little now and then.
    #[inline]
    pub(crate) fn tidy(&self, state: &mut State<P>, now: Tick) {
        let swept = state.tidy(now);
        if swept > 0 {
            self.release(swept);
        }
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the caller masks with the number of shards"
    )]
    fn shard(&self, at: usize) -> &Shard<P> {
        &self.shards[at]
    }

    /// The window of a partition, made if there is room.
    pub(crate) fn place<'t, Q>(
        &'t self,
        state: &mut State<P>,
        hash: u64,
        partition: &Q,
        now: Tick,
    ) -> Place<'t>
    where
        P: Borrow<Q>,
        Q: Eq + ToOwned<Owned = P> + ?Sized,
    {
        if let Some(at) = state.find(hash, partition) {
            return Place::Own(at);
        }
        let swept = state.sweep(now, shard::LOOKS_PER_INSERT, shard::LOOKS_PER_INSERT);
        if swept > 0 {
            self.release(swept);
        }
        if !self.reserve() {
            return Place::Overflow(lock(&self.overflow));
        }
        let window = self.newcomer(now);
        Place::Own(state.insert(hash, partition.to_owned(), window))
    }

    /// Drops idle windows of a full table, in a bounded part of it, without holding a lock before.
    #[cold]
    pub(crate) fn make_room(&self, clock: &dyn Clock) {
        for _ in 0..self.shards.len().min(SHARDS_PER_SEARCH) {
            if !self.is_full() {
                return;
            }
            let at = self.search_at.fetch_add(1, Ordering::Relaxed) & (self.shards.len() - 1);
            let mut state = lock(&self.shard(at).0);
            let now = state.read(clock);
            self.release(state.sweep(now, LOOKS_PER_SEARCH, MOST_PER_SEARCH));
        }
    }
}

impl<P> fmt::Debug for Table<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("capacity", &self.capacity)
            .field("len", &self.len())
            .field("quota", &self.quota())
            .finish_non_exhaustive()
    }
}
