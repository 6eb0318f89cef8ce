//! The hot table: verified credentials in memory, and the floor that keeps it from lying.
//!
//! REVOCATION.md's rules within a process: a restrictive change is committed first, then the floor
//! of the shard is raised to the change's number and the record dropped (`apply`). A fill is kept
//! only if its snapshot's head has reached the floor (`fill`), so a fill that was in flight during
//! a revoke can't bring the credential back.

mod entry;
mod visit;

use std::{
    collections::HashMap,
    hash::BuildHasher,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use foldhash::fast::RandomState;
use portcullis_core::{Clock, CredentialId, Tick};
use portcullis_token::{AnyToken, PepperRing};

pub(crate) use entry::Filling;
use entry::{Entry, Live};
pub use visit::Visit;

use crate::{Remac, Seq, State, Target, UsageDelta};

const SHARDS: usize = 64;

/// A credential that nobody has presented for so long leaves the table, once its windows are idle.
const IDLE: Duration = Duration::from_secs(15 * 60);

/// What the table says of a presented credential.
#[must_use]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hot<R> {
    /// It verified, and this is what the visit made of it.
    Known(R),
    /// It is known, and is not accepted: wrong secret, revoked, disabled, expired, or of another
    /// environment. Outside, all of these are one answer.
    Rejected,
    /// It is known, under a pepper that this process has not been given.
    UnknownPepper,
    /// It is not in memory.
    Miss,
}

/// Whether a snapshot was new enough to be kept.
#[must_use]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fill {
    Kept,
    Stale,
}

#[derive(Debug)]
pub(crate) struct HotTable {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Shard {
    /// INVARIANT: never lowered. No record from a snapshot older than this is kept.
    floor: Seq,
    entries: HashMap<CredentialId, Entry, RandomState>,
    /// Credentials with uses that are not yet written.
    used: Vec<CredentialId>,
    /// MACs that verified under an old pepper.
    remacs: Vec<Remac>,
}

impl HotTable {
    /// An empty table, with every floor at the store's head.
    pub(crate) fn new(head: Seq) -> Self {
        let shard = |_| {
            Mutex::new(Shard {
                floor: head,
                ..Shard::default()
            })
        };
        Self {
            shards: (0..SHARDS).map(shard).collect(),
            hasher: RandomState::default(),
        }
    }

    #[expect(clippy::indexing_slicing, reason = "six bits are below the 64 shards")]
    fn shard(&self, id: CredentialId) -> MutexGuard<'_, Shard> {
        // Six bits of a hash with another seed than that of the map inside.
        let index = usize::try_from(self.hasher.hash_one(id) >> 58).unwrap_or(0);
        lock(&self.shards[index])
    }

    /// Verifies a credential from memory and, if it is accepted, runs `f` under its lock.
    pub(crate) fn visit<R>(
        &self,
        token: &AnyToken<'_>,
        peppers: &PepperRing,
        clock: &dyn Clock,
        f: impl FnOnce(&mut Visit<'_>) -> R,
    ) -> Hot<R> {
        // The MAC is made before the lock is taken, under the pepper that most records are under.
        let (current, mac) = peppers.mac(token.tail());
        let id = token.id();
        let mut shard = self.shard(id);
        let Shard {
            entries,
            used,
            remacs,
            ..
        } = &mut *shard;
        let Some(Entry {
            live: Some(live),
            kept,
        }) = entries.get_mut(&id)
        else {
            return Hot::Miss;
        };

        if live.pepper == current {
            if live.mac != mac {
                return Hot::Rejected;
            }
        } else {
            let Some(old) = peppers.mac_with(live.pepper, token.tail()) else {
                return Hot::UnknownPepper;
            };
            if live.mac != old {
                return Hot::Rejected;
            }
            let from = std::mem::replace(&mut live.pepper, current);
            live.mac = mac;
            remacs.push(Remac {
                id,
                from,
                to: current,
                mac,
            });
        }
        let tick = clock.tick();
        let same_kind = live.about.kind == token.kind();
        let same_environment = live.about.environment == token.environment();
        let is_enabled = live.state == State::Enabled;
        if !(same_kind && same_environment && is_enabled) || kept.has_expired(live.idle_ttl, tick) {
            return Hot::Rejected;
        }
        kept.see(tick);
        let answer = f(&mut Visit::new(live, kept, tick));
        if kept.list_uses() {
            used.push(id);
        }
        Hot::Known(answer)
    }

    /// Keeps what a snapshot says of a credential, if it is new enough.
    pub(crate) fn fill(&self, filling: Filling) -> Fill {
        let mut shard = self.shard(filling.id());
        if filling.head < shard.floor {
            return Fill::Stale;
        }
        let entry = shard
            .entries
            .entry(filling.id())
            .or_insert_with(|| filling.entry());
        entry.refill(filling);
        Fill::Kept
    }

    /// Applies a committed change: raises the floor, and drops what is known of the target.
    ///
    /// Windows and uses stay: a change of a key is no way to a fresh quota.
    pub(crate) fn apply(&self, target: &Target, seq: Seq) {
        match target {
            Target::Credential(id) => {
                let mut shard = self.shard(*id);
                shard.floor = shard.floor.max(seq);
                if let Some(entry) = shard.entries.get_mut(id) {
                    entry.live = None;
                }
            }
            Target::Owner(owner) => {
                let is_theirs = |live: &Live| live.about.owner == *owner;
                for shard in &self.shards {
                    let mut shard = lock(shard);
                    shard.floor = shard.floor.max(seq);
                    for entry in shard.entries.values_mut() {
                        if entry.live.as_ref().is_some_and(is_theirs) {
                            entry.live = None;
                        }
                    }
                }
            }
        }
    }

    /// Takes out the uses and re-made MACs that have gathered, to be written.
    pub(crate) fn take_gathered(&self, clock: &dyn Clock) -> (Vec<UsageDelta>, Vec<Remac>) {
        let (now, tick) = (clock.now(), clock.tick());
        let (mut deltas, mut remacs) = (Vec::new(), Vec::new());
        for shard in &self.shards {
            let mut shard = lock(shard);
            remacs.append(&mut shard.remacs);
            for id in std::mem::take(&mut shard.used) {
                if let Some(entry) = shard.entries.get_mut(&id) {
                    let (requests, denied) = entry.kept.take_uses();
                    let last_used_at = now.saturating_sub(tick.saturating_since(entry.kept.seen));
                    deltas.push(UsageDelta {
                        id,
                        last_used_at,
                        requests,
                        denied,
                    });
                }
            }
        }
        (deltas, remacs)
    }

    /// Puts back what could not be written.
    pub(crate) fn put_back(&self, deltas: &[UsageDelta], remacs: Vec<Remac>) {
        for delta in deltas {
            let mut shard = self.shard(delta.id);
            let Shard { entries, used, .. } = &mut *shard;
            if let Some(entry) = entries.get_mut(&delta.id)
                && entry.kept.put_back(delta)
            {
                used.push(delta.id);
            }
        }
        for remac in remacs {
            self.shard(remac.id).remacs.push(remac);
        }
    }

    /// Drops the idle entries of one shard; the caller goes round.
    pub(crate) fn sweep(&self, turn: usize, tick: Tick) {
        if let Some(shard) = self.shards.get(turn % SHARDS) {
            lock(shard)
                .entries
                .retain(|_, entry| !entry.kept.is_idle(tick, IDLE));
        }
    }

    /// How many credentials are known.
    pub(crate) fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| lock(shard).entries.len())
            .sum()
    }
}

/// A panic under the lock leaves numbers that are each valid, so the table goes on.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
