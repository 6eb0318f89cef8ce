//! The hot table: verified credentials in memory, and the floor that keeps it from lying.
//!
//! REVOCATION.md's rules within a process: a restrictive change is committed first, then the floor
//! of the shard is raised to the change's number and the record dropped (`apply`). A fill is kept
//! only if its snapshot's head has reached the floor (`fill`), so a fill that was in flight during
//! a revoke can't bring the credential back.
//!
//! The table is bounded. A newcomer to a full shard takes the place of a credential whose windows
//! are as good as new, so that no quota is forgotten, or passes through the one spare place.

mod aliases;
mod claim;
mod entry;
mod fills;
mod owners;
mod shard;
mod standings;
mod visit;
mod windows;

#[cfg(all(loom, test))]
mod loom;

#[cfg(not(all(loom, test)))]
use std::sync::{Mutex, MutexGuard};
use std::{hash::BuildHasher, net::IpAddr, sync::PoisonError, time::Duration};

#[cfg(all(loom, test))]
use ::loom::sync::{Mutex, MutexGuard};
use foldhash::fast::RandomState;
use portcullis_core::{Clock, CredentialId, Tick};
use portcullis_token::{Mac, PepperVersion, TokenKind};

pub(crate) use aliases::Alias;
use aliases::Aliases;
pub(crate) use claim::{Claim, claim};
pub(crate) use entry::Filling;
use entry::{Live, Secret};
pub(crate) use fills::{Fills, Reader};
use owners::Owners;
use shard::{Shard, Visited};
use standings::Standings;
pub use visit::Visit;

use crate::{
    Owner, Principal, Refusal, Remac, Seq, Suspension, Target,
    events::{Event, EventKind, Teller},
    usage::Uses,
};

/// As many shards as a table has at most, and the least capacity of a shard.
const SHARDS: usize = 64;
const LEAST_PER_SHARD: usize = 1_024;

/// A credential that nobody has presented for so long leaves the table, once its windows are idle.
const IDLE: Duration = Duration::from_secs(15 * 60);

/// What the table says of a presented credential.
#[must_use]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hot<R> {
    /// It verified, and this is what the visit made of it.
    Known(R),
    /// It is known, and is not accepted: wrong secret, revoked, disabled, expired, of another
    /// environment, or from a network that it is not for. Outside, all of these are one answer.
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
    owners: Owners,
    standings: Standings,
    /// Locked before a shard, never after.
    aliases: Aliases,
    events: Teller,
}

impl HotTable {
    /// An empty table for so many credentials, with every floor at the store's head.
    pub(crate) fn new(head: Seq, capacity: usize, events: Teller) -> Self {
        let shards = (capacity / LEAST_PER_SHARD).clamp(1, SHARDS);
        // A power of two, so that a mask finds the shard.
        let shards = 1 << shards.ilog2();
        let shard = |_| Mutex::new(Shard::new(head, capacity / shards));
        Self {
            shards: (0..shards).map(shard).collect(),
            hasher: RandomState::default(),
            owners: Owners::new(capacity),
            standings: Standings::new(head),
            events,
            aliases: Aliases::new(shards, capacity),
        }
    }

    #[expect(clippy::indexing_slicing, reason = "masked with the number of shards")]
    fn shard(&self, id: CredentialId) -> MutexGuard<'_, Shard> {
        // Bits of a hash with another seed than that of the map inside.
        let index = usize::try_from(self.hasher.hash_one(id) >> 58).unwrap_or(0);
        lock(&self.shards[index & (self.shards.len() - 1)])
    }

    /// Verifies a credential from memory and, if it is accepted, runs `f` under its lock.
    pub(crate) fn visit<R>(
        &self,
        claim: &Claim<impl Fn(PepperVersion) -> Option<Mac>>,
        clock: &dyn Clock,
        f: impl FnOnce(&mut Visit<'_>) -> R,
    ) -> Hot<R> {
        let id = claim.id;
        let mut shard = self.shard(id);
        let Some(Visited {
            live,
            kept,
            place,
            used,
            remacs,
        }) = shard.visited(id)
        else {
            return Hot::Miss;
        };

        let (current, mac) = claim.current;
        match live.check_secret(claim) {
            Secret::Right => {}
            Secret::RightUnderOld => {
                let from = std::mem::replace(&mut live.pepper, current);
                live.mac = mac;
                remacs.push(Remac {
                    id,
                    from,
                    to: current,
                    mac,
                });
            }
            Secret::Wrong => return Hot::Rejected,
            // What has ended has ended, whatever its pepper was.
            Secret::Unknown if live.is_enabled() => return Hot::UnknownPepper,
            Secret::Unknown => return Hot::Rejected,
        }
        let tick = clock.tick();
        if let Some(refusal) = live.refuses(claim).or_else(|| kept.refuses(live, tick)) {
            kept.refuse(refusal);
            if kept.list_uses() {
                used.push(id);
            }
            return Hot::Rejected;
        }
        kept.see(tick);
        let is_first = kept.list_uses();
        if is_first {
            used.push(id);
        }
        let ip = claim.ip;
        let new_network = ip.filter(|ip| kept.activity().see_network(*ip, tick));
        if self.events.has_listeners() {
            self.tell_use(new_network, live, is_first, clock);
        }
        let answer = f(&mut Visit::new(live, kept, place, tick));
        Hot::Known(answer)
    }

    /// As [`visit`](Self::visit), for one that was verified before: its secret is not asked for
    /// again, and this is no use of it.
    pub(crate) fn visit_again<R>(
        &self,
        id: CredentialId,
        ip: Option<IpAddr>,
        clock: &dyn Clock,
        f: impl FnOnce(&mut Visit<'_>) -> R,
    ) -> Hot<R> {
        let mut shard = self.shard(id);
        let Some(Visited {
            live, kept, place, ..
        }) = shard.visited(id)
        else {
            return Hot::Miss;
        };
        let tick = clock.tick();
        if live.refuses_from(ip).is_some() || kept.refuses(live, tick).is_some() {
            return Hot::Rejected;
        }
        Hot::Known(f(&mut Visit::new(live, kept, place, tick)))
    }

    /// Whom a credential in memory speaks for, if it is accepted from anywhere at all. This is no
    /// use of it.
    pub(crate) fn inspect(
        &self,
        claim: &Claim<impl Fn(PepperVersion) -> Option<Mac>>,
        clock: &dyn Clock,
    ) -> Hot<Principal> {
        let shard = self.shard(claim.id);
        let Some((kept, live)) = shard
            .get(claim.id)
            .and_then(|entry| Some((&entry.kept, entry.live.as_ref()?)))
        else {
            return Hot::Miss;
        };
        match live.check_secret(claim) {
            Secret::Right | Secret::RightUnderOld => {}
            Secret::Unknown if live.is_enabled() => return Hot::UnknownPepper,
            Secret::Wrong | Secret::Unknown => return Hot::Rejected,
        }
        let refusal = live.refuses(claim);
        let refusal = refusal.filter(|refusal| *refusal != Refusal::Network);
        let ended = || kept.refuses(live, clock.tick());
        if live.suspended || refusal.or_else(ended).is_some() {
            return Hot::Rejected;
        }
        Hot::Known(live.principal())
    }

    /// Why a credential in memory is rejected whose secret is right, and whom it speaks for.
    pub(crate) fn explain(
        &self,
        claim: &Claim<impl Fn(PepperVersion) -> Option<Mac>>,
        clock: &dyn Clock,
    ) -> Option<(Refusal, Principal)> {
        let shard = self.shard(claim.id);
        let entry = shard.get(claim.id)?;
        let live = entry.live.as_ref()?;
        if !matches!(
            live.check_secret(claim),
            Secret::Right | Secret::RightUnderOld
        ) {
            return None;
        }
        let ended = || entry.kept.refuses(live, clock.tick());
        let refusal = live.refuses(claim).or_else(ended)?;
        Some((refusal, live.principal()))
    }

    /// Tells what a use of a credential has of news.
    fn tell_use(
        &self,
        new_network: Option<IpAddr>,
        live: &Live,
        is_first: bool,
        clock: &dyn Clock,
    ) {
        let tell = |kind| {
            let event = Event::of_use(clock.now(), &live.about, kind);
            self.events.tell(event);
        };
        if let Some(ip) = new_network {
            tell(EventKind::NewNetwork { ip });
        }
        if let (true, TokenKind::ApiKey, Some(successor)) =
            (is_first, live.about.kind, live.about.successor)
        {
            tell(EventKind::OldKeyUsed { successor });
        }
    }

    /// Keeps what a snapshot says of a credential, if it is new enough.
    pub(crate) fn fill(&self, filling: Filling) -> Fill {
        // What it shares with others is looked up before the shard is locked.
        let (head, facts) = (filling.head, filling.facts());
        let live = filling.live(&self.owners);
        let mut shard = self.shard(facts.id);
        if head < shard.floor {
            return Fill::Stale;
        }
        shard.put(facts, live);
        Fill::Kept
    }

    /// Whether an owner is suspended, if that is known.
    pub(crate) fn standing(&self, owner: &Owner) -> Option<Suspension> {
        self.standings.get(owner)
    }

    /// Keeps what a snapshot says of an owner, if it is new enough.
    pub(crate) fn fill_standing(&self, head: Seq, owner: &Owner, standing: Suspension) -> Fill {
        self.standings.fill(head, owner, standing)
    }

    /// The id of an imported key, by its MAC under the current pepper.
    pub(crate) fn find_imported(&self, mac: &Mac) -> Option<CredentialId> {
        self.aliases.find(mac.into())
    }

    /// Notes the id of an imported key that the store was found to have.
    pub(crate) fn note_imported(&self, mac: &Mac, id: CredentialId) {
        self.aliases.note(mac.into(), id);
    }

    /// Applies a committed change: raises the floor, and drops what is known of the target.
    ///
    /// Windows and uses stay: a change of a key is no way to a fresh quota.
    pub(crate) fn apply(&self, target: &Target, seq: Seq) {
        match target {
            Target::Credential(id) => {
                let mut shard = self.shard(*id);
                shard.floor = shard.floor.max(seq);
                if let Some(entry) = shard.get_mut(*id) {
                    entry.live = None;
                }
            }
            Target::Owner(owner) => {
                self.standings.apply(owner, seq);
                let is_theirs = |live: &Live| live.about.owner == *owner;
                for shard in &self.shards {
                    let mut shard = lock(shard);
                    shard.floor = shard.floor.max(seq);
                    for entry in shard.all_mut() {
                        if entry.live.as_ref().is_some_and(is_theirs) {
                            entry.live = None;
                        }
                    }
                }
            }
        }
    }

    /// Takes out the uses and re-made MACs that have gathered, to be written.
    pub(crate) fn take_gathered(&self, clock: &dyn Clock) -> (Vec<Uses>, Vec<Remac>) {
        let (now, tick) = (clock.now(), clock.tick());
        let (mut uses, mut remacs) = (Vec::new(), Vec::new());
        for shard in &self.shards {
            let mut shard = lock(shard);
            remacs.append(&mut shard.remacs);
            shard.take_uses(now, tick, &mut uses);
        }
        (uses, remacs)
    }

    /// Puts back what could not be written.
    pub(crate) fn put_back(&self, uses: Vec<Uses>, remacs: Vec<Remac>) {
        for uses in uses {
            self.add_uses(uses);
        }
        for remac in remacs {
            self.shard(remac.id).remacs.push(remac);
        }
    }

    /// Whether uses should be written before it is time, since there is little room for them.
    pub(crate) fn has_many_left(&self) -> bool {
        self.shards.iter().any(|shard| lock(shard).has_many_left())
    }

    /// Of how many credentials uses were lost for want of room, since that was last asked.
    pub(crate) fn take_lost(&self) -> u64 {
        let lost = self.shards.iter().map(|shard| lock(shard).take_lost());
        lost.fold(0, u64::saturating_add)
    }

    /// Adds to what has gathered of a credential.
    pub(crate) fn add_uses(&self, uses: Uses) {
        self.shard(uses.id).put_back(uses);
    }

    /// What has gathered of a credential and is not yet written.
    pub(crate) fn peek_uses(&self, id: CredentialId, clock: &dyn Clock) -> Option<Uses> {
        let (now, tick) = (clock.now(), clock.tick());
        self.shard(id).peek_uses(id, now, tick)
    }

    /// Drops idle entries of one shard, idle owners, and aliases of what is gone; the caller goes
    /// round.
    pub(crate) fn sweep(&self, turn: usize, tick: Tick) {
        if let Some(shard) = self.shards.get(turn % self.shards.len()) {
            lock(shard).sweep(tick, IDLE);
        }
        self.owners.sweep(tick);
        let is_known = |id| self.shard(id).get(id).is_some();
        self.aliases.sweep(turn, is_known);
    }

    /// For how long a credential has gone unused; nothing if it is not in memory.
    pub(crate) fn idle_for(&self, id: CredentialId, tick: Tick) -> Option<Duration> {
        let shard = self.shard(id);
        shard.get(id).map(|entry| entry.kept.idle_for(tick))
    }

    /// Whether what the record of a credential says is in memory.
    pub(crate) fn is_live(&self, id: CredentialId) -> bool {
        let shard = self.shard(id);
        shard.get(id).is_some_and(|entry| entry.live.is_some())
    }

    /// Whether there is room for a credential without dropping another.
    pub(crate) fn has_room(&self, id: CredentialId) -> bool {
        self.shard(id).has_room()
    }

    /// Whether there is room for none.
    pub(crate) fn is_full(&self) -> bool {
        self.shards.iter().all(|shard| !lock(shard).has_room())
    }

    /// How many credentials are known.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }
}

/// A panic under the lock leaves numbers that are each valid, so the table goes on.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
