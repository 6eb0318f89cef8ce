//! Several named quotas, each over partitions of its own, checked as one.

use std::{
    borrow::Borrow,
    fmt,
    hash::Hash,
    sync::{Arc, MutexGuard},
};

use portcullis_core::{Clock, Tick};

use crate::{
    Decision, Joint, LimitName, LimitNameError, Mode, Part, Quota, Usage, Window, check_all,
    table::{Place, State, Table},
};

/// A quota with its name, and whether it refuses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NamedQuota {
    name: LimitName,
    quota: Quota,
    mode: Mode,
}

impl NamedQuota {
    /// A quota that refuses.
    ///
    /// # Errors
    ///
    /// See [`LimitNameError`].
    pub fn new(name: &str, quota: Quota) -> Result<Self, LimitNameError> {
        Ok(Self {
            name: LimitName::new(name)?,
            quota,
            mode: Mode::Enforce,
        })
    }

    /// The same quota, which enforces or only says what it would do.
    #[must_use]
    pub fn with_mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }
}

/// What one of the limits is asked for: its partition and the cost (0 only peeks).
#[derive(Debug)]
pub struct Charge<'p, Q: ?Sized> {
    /// What is counted apart under this limit.
    pub partition: &'p Q,
    /// The cost.
    pub cost: u32,
}

impl<'p, Q: ?Sized> Charge<'p, Q> {
    /// A cost on a partition.
    #[must_use]
    pub const fn new(partition: &'p Q, cost: u32) -> Self {
        Self { partition, cost }
    }
}

impl<Q: ?Sized> Clone for Charge<'_, Q> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Q: ?Sized> Copy for Charge<'_, Q> {}

/// `N` limits that are checked together and charged all or none.
///
/// Share it behind an `Arc`. Each limit has partitions of its own, as many as the capacity says,
/// under the same rules as a [`Limiter`](crate::Limiter).
///
/// # Atomicity
///
/// A check holds the locks of all its partitions, taken in the order of the limits, decides at one
/// instant, and charges every limit or none. Without contention it allocates nothing on partitions
/// that exist.
///
/// # Examples
///
/// ```
/// use portcullis_core::SystemClock;
/// use portcullis_limit::{Charge, Limits, NamedQuota};
///
/// let limits: Limits<String, 2> = Limits::new(
///     [
///         NamedQuota::new("key", "2/60s".parse()?)?,
///         NamedQuota::new("owner", "3/60s".parse()?)?,
///     ],
///     SystemClock::new(),
/// );
/// let ask = |key, cost| limits.check([Charge::new(key, cost), Charge::new("owner", cost)]);
/// assert!(ask("a", 2).decision.is_admitted());
/// let refused = ask("b", 2);
/// assert!(!refused.decision.is_admitted());
/// assert_eq!(refused.binding, 1);
/// assert!(ask("b", 1).decision.is_admitted());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Limits<P, const N: usize> {
    limits: [Limit<P>; N],
    clock: Arc<dyn Clock>,
}

struct Limit<P> {
    name: LimitName,
    mode: Mode,
    table: Table<P>,
}

impl<P, const N: usize> Limits<P, N> {
    /// Limits without any partition yet, each for at most
    /// [`DEFAULT_CAPACITY`](crate::Limiter::DEFAULT_CAPACITY) of them.
    #[must_use]
    pub fn new(quotas: [NamedQuota; N], clock: Arc<dyn Clock>) -> Self {
        let limit = |named: NamedQuota| Limit {
            table: Table::new(named.quota, crate::Limiter::<P>::DEFAULT_CAPACITY),
            name: named.name,
            mode: named.mode,
        };
        Self {
            limits: quotas.map(limit),
            clock,
        }
    }

    /// The same limits, empty, each for at most so many partitions at once (at least 1).
    #[must_use]
    pub fn with_capacity(self, partitions: usize) -> Self {
        let resized = |limit: Limit<P>| Limit {
            table: Table::new(limit.table.quota(), partitions),
            ..limit
        };
        Self {
            limits: self.limits.map(resized),
            clock: self.clock,
        }
    }

    /// The name of each limit, in their order.
    #[must_use]
    pub fn names(&self) -> [&LimitName; N] {
        self.limits.each_ref().map(|limit| &limit.name)
    }

    /// The quota of each limit, in their order.
    #[must_use]
    pub fn quotas(&self) -> [Quota; N] {
        self.limits.each_ref().map(|limit| limit.table.quota())
    }

    /// Changes the quota of the limit of this name; what was used stays used. Says whether there is
    /// one.
    pub fn set_quota(&self, name: &str, quota: Quota) -> bool {
        let found = self.limits.iter().find(|limit| limit.name.as_str() == name);
        if let Some(limit) = found {
            limit.table.set_quota(quota);
        }
        found.is_some()
    }
}

impl<P: Eq + Hash, const N: usize> Limits<P, N> {
    /// Charges each cost to its partition if there is room for all of them.
    pub fn check<Q>(&self, charges: [Charge<'_, Q>; N]) -> Joint
    where
        P: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = P> + ?Sized,
    {
        let mut held = self.hold(charges);
        if held.iter().any(Held::is_crowded) {
            drop(held);
            return self.check_crowded(charges);
        }
        Held::check(&mut held)
    }

    #[cold]
    fn check_crowded<Q>(&self, charges: [Charge<'_, Q>; N]) -> Joint
    where
        P: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = P> + ?Sized,
    {
        for limit in &self.limits {
            limit.table.make_room(&*self.clock);
        }
        let mut held = self.hold(charges);
        let joint = Held::check(&mut held);
        for held in &held {
            held.note_overflow();
        }
        joint
    }

    /// The state of each partition, charging nothing and making no window.
    #[must_use]
    pub fn peek<Q>(&self, partitions: [&Q; N]) -> [Usage; N]
    where
        P: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = P> + ?Sized,
    {
        let held = self.hold(partitions.map(|partition| Charge::new(partition, 0)));
        held.map(|mut held| {
            let now = held.now;
            let part = held.part();
            part.window.peek(&part.quota, now)
        })
    }

    /// Gives back what a check has charged, at most once. What was charged to an overflow window is
    /// not given back.
    pub fn refund<Q>(&self, joint: &Joint, charges: [Charge<'_, Q>; N])
    where
        P: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let Decision::Admit(Usage { at, .. }) = joint.decision else {
            return;
        };
        for (index, (limit, charge)) in self.limits.iter().zip(charges).enumerate() {
            if charge.cost > 0 && !joint.shadowed.contains(index) {
                limit.with_window(charge.partition, &*self.clock, |state, place| {
                    state.refund(place, at, charge.cost);
                });
            }
        }
    }

    /// Forgets what the partitions have used, each under its limit.
    pub fn reset<Q>(&self, partitions: [&Q; N])
    where
        P: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        for (limit, partition) in self.limits.iter().zip(partitions) {
            limit.with_window(partition, &*self.clock, |state, place| {
                state.window(place).reset();
                state.note_freshness();
            });
        }
    }

    /// Locks the shards of all partitions in the order of the limits, which keeps two checks from
    /// waiting for each other, and reads the clock once under all of the locks.
    fn hold<Q>(&self, charges: [Charge<'_, Q>; N]) -> [Held<'_, P>; N]
    where
        P: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = P> + ?Sized,
    {
        let mut left = charges.iter();
        let limits = self.limits.each_ref();
        let mut held = limits.map(|limit| limit.lock(left.next()));
        let mut now = self.clock.tick();
        for held in &mut held {
            now = held.state.see(now);
        }
        for (held, charge) in held.iter_mut().zip(charges) {
            held.settle(charge, now);
        }
        held
    }
}

impl<P: Eq + Hash> Limit<P> {
    /// Locks the shard of a partition; its window is found once the clock is read.
    #[inline]
    fn lock<Q>(&self, charge: Option<&Charge<'_, Q>>) -> Held<'_, P>
    where
        P: Borrow<Q>,
        Q: Hash + ?Sized,
    {
        let hash = charge.map_or(0, |charge| self.table.hash(charge.partition));
        Held {
            limit: self,
            state: self.table.lock_alone(hash),
            hash,
            stand: Stand::Own(usize::MAX),
            cost: 0,
            now: Tick::ZERO,
        }
    }

    fn with_window<Q>(
        &self,
        partition: &Q,
        clock: &dyn Clock,
        change: impl FnOnce(&mut State<P>, usize),
    ) where
        P: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let hash = self.table.hash(partition);
        let (mut state, _) = self.table.lock(hash, clock);
        if let Some(at) = state.find(hash, partition) {
            change(&mut state, at);
        }
    }
}

/// One limit's part in a check, under the lock of its shard.
///
/// INVARIANT: `settle` is called before `part`; until then `stand` is of no window.
struct Held<'l, P> {
    limit: &'l Limit<P>,
    state: MutexGuard<'l, State<P>>,
    hash: u64,
    stand: Stand<'l>,
    cost: u32,
    now: Tick,
}

/// Where the window is.
enum Stand<'l> {
    Own(usize),
    Overflow(MutexGuard<'l, Window>),
    /// Nothing will be charged, so the partition gets no window for it.
    Spare(Box<Window>),
}

impl<P: Eq + Hash> Held<'_, P> {
    /// Finds the window, or makes it if something may be charged to it.
    #[inline]
    fn settle<Q>(&mut self, charge: Charge<'_, Q>, now: Tick)
    where
        P: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = P> + ?Sized,
    {
        let table = &self.limit.table;
        // The instant may be of another shard. What is dropped at it must not be made anew earlier.
        let now = self.state.see(now);
        table.tidy(&mut self.state, now);
        self.cost = charge.cost;
        self.now = now;
        self.stand = match self.state.find(self.hash, charge.partition) {
            Some(at) => Stand::Own(at),
            None if charge.cost == 0 || charge.cost > self.state.quota().units() => {
                Stand::Spare(Box::new(table.newcomer(now)))
            }
            None => match table.place(&mut self.state, self.hash, charge.partition, now) {
                Place::Own(at) => Stand::Own(at),
                Place::Overflow(window) => Stand::Overflow(window),
            },
        };
    }
}

impl<P> Held<'_, P> {
    fn check<const N: usize>(held: &mut [Self; N]) -> Joint {
        let now = held.first().map_or(Tick::ZERO, |held| held.now);
        check_all(now, &mut held.each_mut().map(Self::part))
    }

    const fn is_crowded(&self) -> bool {
        matches!(self.stand, Stand::Overflow(_))
    }

    fn part(&mut self) -> Part<'_> {
        Part {
            quota: self.state.quota(),
            window: match &mut self.stand {
                Stand::Own(at) => self.state.window(*at),
                Stand::Overflow(window) => window,
                Stand::Spare(window) => window,
            },
            cost: self.cost,
            mode: self.limit.mode,
        }
    }

    fn note_overflow(&self) {
        if let Stand::Overflow(window) = &self.stand {
            self.limit.table.note_overflow(window, &self.state.quota());
        }
    }
}

impl<P, const N: usize> fmt::Debug for Limits<P, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quotas = self.limits.iter().map(|limit| (&limit.name, &limit.table));
        f.debug_map().entries(quotas).finish()
    }
}
