//! One quota for each of many partitions.

use std::{
    borrow::Borrow,
    fmt,
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use portcullis_core::{Clock, Tick};

use crate::{
    Decision, Mode, Quota, Usage,
    table::{Place, Table},
};

/// One quota, counted apart for each partition: a key, an owner, an address.
///
/// Share it behind an `Arc`. Every call takes the lock of a shard, reads the clock under it and
/// decides; nothing waits longer than such a decision takes. There is no background task.
///
/// # Memory
///
/// At most as many windows are held as the capacity says. Idle ones are dropped by the calls
/// themselves, a few at a time. When the limiter is full, only windows that equal a fresh one are
/// dropped; a newcomer that finds none (in a bounded search) shares one overflow window with all
/// others like it, and a window that is made later starts as its copy, so that the quota holds for
/// each partition whatever happens. Memory of dropped windows is kept for later ones.
///
/// # Examples
///
/// ```
/// use portcullis_core::SystemClock;
/// use portcullis_limit::{Decision, Limiter, QuotaError};
///
/// let limiter: Limiter<String> = Limiter::new("2/60s".parse()?, SystemClock::new());
/// assert!(limiter.check("a", 2).is_admitted());
/// assert!(limiter.check("b", 1).is_admitted());
/// match limiter.check("a", 1) {
///     Decision::Refuse { retry_after, .. } => assert!(retry_after.as_secs() >= 59),
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), QuotaError>(())
/// ```
pub struct Limiter<P> {
    table: Table<P>,
    clock: Arc<dyn Clock>,
    mode: Mode,
    shadowed: AtomicU64,
}

impl<P> Limiter<P> {
    /// How many partitions are held at once unless said otherwise.
    pub const DEFAULT_CAPACITY: usize = 100_000;

    /// A limiter without any partition yet.
    #[must_use]
    pub fn new(quota: Quota, clock: Arc<dyn Clock>) -> Self {
        Self {
            table: Table::new(quota, Self::DEFAULT_CAPACITY),
            clock,
            mode: Mode::Enforce,
            shadowed: AtomicU64::new(0),
        }
    }

    /// The same limiter, empty, for at most so many partitions at once (at least 1).
    #[must_use]
    pub fn with_capacity(self, partitions: usize) -> Self {
        Self {
            table: Table::new(self.quota(), partitions),
            ..self
        }
    }

    /// The same limiter, which enforces its quota or only says what it would do.
    #[must_use]
    pub fn with_mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// The quota of every partition.
    #[must_use]
    pub fn quota(&self) -> Quota {
        self.table.quota()
    }

    /// Changes the quota of every partition; what was used stays used.
    pub fn set_quota(&self, quota: Quota) {
        self.table.set_quota(quota);
    }

    /// How many partitions are held, idle ones that were not yet swept included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether no partition is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The most partitions that are held at once.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.table.capacity()
    }

    /// How many refusals [`Mode::Shadow`] has turned into admissions.
    #[must_use]
    pub fn shadowed(&self) -> u64 {
        self.shadowed.load(Ordering::Relaxed)
    }
}

impl<P: Eq + Hash> Limiter<P> {
    /// Charges the cost to the partition if there is room for it; a cost of 0 only peeks.
    ///
    /// In [`Mode::Shadow`] the answer is always `Admit`, with the usage as it is; what would have
    /// been refused is counted and charges nothing.
    pub fn check<Q>(&self, partition: &Q, cost: u32) -> Decision
    where
        P: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = P> + ?Sized,
    {
        let decision = self.decide(partition, cost);
        match self.mode {
            Mode::Enforce => decision,
            Mode::Shadow => self.admit_anyway(partition, decision),
        }
    }

    /// The state of a partition, charging nothing and making no window.
    #[must_use]
    pub fn peek<Q>(&self, partition: &Q) -> Usage
    where
        P: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.table.hash(partition);
        let (mut state, now) = self.table.lock(hash, &*self.clock);
        let quota = state.quota();
        match state.find(hash, partition) {
            Some(at) => state.window(at).peek(&quota, now),
            None => self.table.newcomer(now).peek(&quota, now),
        }
    }

    /// Gives back a cost that was admitted at `at` (as [`Usage::at`] said), at most once.
    ///
    /// What was charged to the overflow window is not given back.
    pub fn refund<Q>(&self, partition: &Q, at: Tick, cost: u32)
    where
        P: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.table.hash(partition);
        let (mut state, _) = self.table.lock(hash, &*self.clock);
        if let Some(place) = state.find(hash, partition) {
            state.refund(place, at, cost);
        }
    }

    /// Forgets what a partition has used, unless that is in the overflow window.
    pub fn reset<Q>(&self, partition: &Q)
    where
        P: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.table.hash(partition);
        let (mut state, _) = self.table.lock(hash, &*self.clock);
        if let Some(at) = state.find(hash, partition) {
            state.window(at).reset();
            state.note_freshness();
        }
    }

    #[inline]
    fn decide<Q>(&self, partition: &Q, cost: u32) -> Decision
    where
        P: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = P> + ?Sized,
    {
        let hash = self.table.hash(partition);
        let (mut state, now) = self.table.lock(hash, &*self.clock);
        let quota = state.quota();
        match state.find(hash, partition) {
            Some(at) => state.window(at).check(&quota, now, cost),
            None if cost == 0 => Decision::Admit(self.table.newcomer(now).peek(&quota, now)),
            None if cost > quota.units() => Decision::NeverFits {
                limit: quota.units(),
            },
            None => {
                drop(state);
                self.check_newcomer(hash, partition, cost)
            }
        }
    }

    #[cold]
    fn check_newcomer<Q>(&self, hash: u64, partition: &Q, cost: u32) -> Decision
    where
        P: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = P> + ?Sized,
    {
        if self.table.len() >= self.table.capacity() {
            self.table.make_room(&*self.clock);
        }
        let (mut state, now) = self.table.lock(hash, &*self.clock);
        let quota = state.quota();
        match self.table.place(&mut state, hash, partition, now) {
            Place::Own(at) => state.window(at).check(&quota, now, cost),
            Place::Overflow(mut window) => {
                let decision = window.check(&quota, now, cost);
                self.table.note_overflow(&window, &quota);
                decision
            }
        }
    }

    #[cold]
    fn admit_anyway<Q>(&self, partition: &Q, decision: Decision) -> Decision
    where
        P: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let usage = match decision {
            Decision::Admit(_) => return decision,
            Decision::Refuse { usage, .. } => usage,
            Decision::NeverFits { .. } => self.peek(partition),
        };
        self.shadowed.fetch_add(1, Ordering::Relaxed);
        Decision::Admit(usage)
    }
}

impl<P> fmt::Debug for Limiter<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter")
            .field("table", &self.table)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}
