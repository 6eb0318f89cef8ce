//! A part of the hot table: what its lock protects.

use std::{
    collections::{HashMap, VecDeque},
    mem,
    time::Duration,
};

use foldhash::fast::RandomState;
use portcullis_core::{CredentialId, Tick, Timestamp};

use super::{
    entry::{Entry, Facts, Kept, Live},
    visit::Place,
    windows::{Longest, Windows},
};
use crate::{Remac, Seq, usage::Uses};

/// How many entries a newcomer looks at to find one that may go.
const LOOKS_FOR_ROOM: usize = 64;
/// How many entries one turn of the sweep looks at.
const LOOKS_PER_SWEEP: usize = 1_024;
/// For how many credentials uses are kept that have no entry, and from how many on they are written
/// before it is time.
const MOST_LEFT: usize = 8_192;
const MANY_LEFT: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Shard {
    /// INVARIANT: never lowered. No record from a snapshot older than this is kept.
    pub(super) floor: Seq,
    most: usize,
    entries: HashMap<CredentialId, Entry, RandomState>,
    /// INVARIANT: the ids of the entries, each once; the next to be looked at is in front.
    queue: VecDeque<CredentialId>,
    spare: Spare,
    /// Credentials with uses that are not yet written.
    pub(super) used: Vec<CredentialId>,
    /// Uses of credentials that have no entry any more.
    left: HashMap<CredentialId, Uses, RandomState>,
    /// Of how many credentials uses were lost, since that was last asked.
    lost: u64,
    /// MACs that verified under an old pepper.
    pub(super) remacs: Vec<Remac>,
}

/// An entry that is visited.
pub(super) struct Visited<'e> {
    pub(super) live: &'e mut Live,
    pub(super) kept: &'e mut Kept,
    pub(super) place: Place<'e>,
    pub(super) used: &'e mut Vec<CredentialId>,
    pub(super) remacs: &'e mut Vec<Remac>,
}

/// The place of those for whom there is no room: one after another.
///
/// All that pass through it share its windows. A credential that gets an entry later takes a copy
/// along, so that the way through here is no way to a fresh quota.
#[derive(Debug, Default)]
struct Spare {
    occupant: Option<(CredentialId, Entry)>,
    windows: Windows,
    longest: Longest,
}

impl Shard {
    /// An empty one, for so many entries.
    pub(super) fn new(floor: Seq, most: usize) -> Self {
        Self {
            floor,
            most: most.max(1),
            ..Self::default()
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len() + usize::from(self.spare.occupant.is_some())
    }

    pub(super) fn has_room(&self) -> bool {
        self.entries.len() < self.most
    }

    pub(super) fn get(&self, id: CredentialId) -> Option<&Entry> {
        let occupant = self.spare.occupant.as_ref().filter(|(of, _)| *of == id);
        self.entries
            .get(&id)
            .or_else(|| occupant.map(|(_, entry)| entry))
    }

    pub(super) fn get_mut(&mut self, id: CredentialId) -> Option<&mut Entry> {
        let occupant = self.spare.occupant.as_mut().filter(|(of, _)| *of == id);
        let occupant = occupant.map(|(_, entry)| entry);
        self.entries.get_mut(&id).or(occupant)
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        let occupant = self.spare.occupant.iter_mut().map(|(_, entry)| entry);
        self.entries.values_mut().chain(occupant)
    }

    /// An entry to be visited, where its windows are, and what is noted of the visit.
    pub(super) fn visited(&mut self, id: CredentialId) -> Option<Visited<'_>> {
        let Self {
            entries,
            spare,
            used,
            remacs,
            ..
        } = self;
        let (entry, shared) = match entries.get_mut(&id) {
            Some(entry) => (entry, None),
            None => {
                let (_, entry) = spare.occupant.as_mut().filter(|(of, _)| *of == id)?;
                (entry, Some((&mut spare.windows, &mut spare.longest)))
            }
        };
        let (windows, longest) = match shared {
            Some((windows, longest)) => (windows, Some(longest)),
            None => (&mut entry.windows, None),
        };
        Some(Visited {
            live: entry.live.as_mut()?,
            kept: &mut entry.kept,
            place: Place { windows, longest },
            used,
            remacs,
        })
    }

    /// Puts a record into the entry of its id, or into the spare place if there is no room for one.
    pub(super) fn put(&mut self, facts: Facts, live: Live) {
        let Facts { id, now, tick, .. } = facts;
        if !self.entries.contains_key(&id) {
            let mut entry = match self.spare.occupant.take_if(|(of, _)| *of == id) {
                Some((_, entry)) => entry,
                None => self.newcomer(facts),
            };
            if self.make_room(tick) {
                if !self.spare.windows.is_fresh(tick) {
                    entry.windows = self.spare.windows.clone();
                }
                self.queue.push_back(id);
                self.entries.insert(id, entry);
            } else if let Some((of, mut gone)) = self.spare.occupant.replace((id, entry))
                && let Some(uses) = gone.kept.take_uses(of, now, tick)
            {
                self.leave(uses);
            }
        }
        if let Some(entry) = self.get_mut(id) {
            entry.kept.note_expiry(&facts);
            entry.live = Some(live);
        }
    }

    /// An entry as a credential has it that has none, with what it left.
    fn newcomer(&mut self, mut facts: Facts) -> Entry {
        let Some(uses) = self.left.remove(&facts.id) else {
            return facts.entry();
        };
        facts.used_at = facts.used_at.max(uses.last_used_at);
        let mut entry = facts.entry();
        if entry.kept.put_back(uses) {
            self.used.push(facts.id);
        }
        entry
    }

    /// Makes room for one more entry by dropping one from which nothing is lost, if there is one
    /// among those that are looked at.
    ///
    /// Those that were seen since the last look are passed over, unless there is none else.
    fn make_room(&mut self, tick: Tick) -> bool {
        if self.has_room() {
            return true;
        }
        let mut recent = None;
        for _ in 0..LOOKS_FOR_ROOM.min(self.queue.len()) {
            let Some(id) = self.queue.pop_front() else {
                break;
            };
            let Some(entry) = self.entries.get_mut(&id) else {
                continue;
            };
            let was_recent = mem::take(&mut entry.kept.is_recent);
            if !entry.may_go(tick) || (was_recent && recent.is_some()) {
                self.queue.push_back(id);
            } else if was_recent {
                recent = Some(id);
            } else {
                self.entries.remove(&id);
                self.queue.extend(recent);
                return true;
            }
        }
        recent.is_some_and(|id| self.entries.remove(&id).is_some())
    }

    /// Drops those that nobody has presented for so long, in a part of the shard.
    pub(super) fn sweep(&mut self, tick: Tick, after: Duration) {
        for _ in 0..LOOKS_PER_SWEEP.min(self.queue.len()) {
            let Some(id) = self.queue.pop_front() else {
                break;
            };
            let is_idle = |entry: &Entry| entry.is_idle(tick, after);
            if self.entries.get(&id).is_none_or(is_idle) {
                self.entries.remove(&id);
            } else {
                self.queue.push_back(id);
            }
        }
        let is_idle = |(_, entry): &mut (_, Entry)| entry.is_idle(tick, after);
        self.spare.occupant.take_if(is_idle);
    }

    /// Takes out the uses that are to be written.
    pub(super) fn take_uses(&mut self, now: Timestamp, tick: Tick, to: &mut Vec<Uses>) {
        to.extend(mem::take(&mut self.left).into_values());
        for id in mem::take(&mut self.used) {
            // One that left, and came back since, is in the list twice.
            to.extend(
                self.get_mut(id)
                    .and_then(|entry| entry.kept.take_uses(id, now, tick)),
            );
        }
    }

    /// What [`take_uses`](Self::take_uses) would take out of one.
    pub(super) fn peek_uses(&self, id: CredentialId, now: Timestamp, tick: Tick) -> Option<Uses> {
        let entry = self
            .get(id)
            .and_then(|entry| entry.kept.peek_uses(id, now, tick));
        let Some(left) = self.left.get(&id).cloned() else {
            return entry;
        };
        let mut uses = left;
        entry.into_iter().for_each(|more| uses.add(more));
        Some(uses)
    }

    /// Puts back uses that could not be written, or adds some.
    pub(super) fn put_back(&mut self, uses: Uses) {
        match self.get_mut(uses.id) {
            Some(entry) => {
                let id = uses.id;
                if entry.kept.put_back(uses) {
                    self.used.push(id);
                }
            }
            None => self.leave(uses),
        }
    }

    /// Keeps the uses of a credential that has no entry. Of too many, they are lost.
    fn leave(&mut self, uses: Uses) {
        let has_room = self.left.len() < MOST_LEFT;
        match self.left.get_mut(&uses.id) {
            Some(left) => left.add(uses),
            None if has_room => {
                self.left.insert(uses.id, uses);
            }
            None => self.lost = self.lost.saturating_add(1),
        }
    }

    /// Whether uses of so many credentials without an entry wait that they should be written.
    pub(super) fn has_many_left(&self) -> bool {
        self.left.len() >= MANY_LEFT
    }

    pub(super) const fn take_lost(&mut self) -> u64 {
        mem::replace(&mut self.lost, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_takes_at_most_200_bytes_without_its_owner_meta_and_windows() {
        let queued = size_of::<CredentialId>();
        let windows = size_of::<Windows>();
        let bytes = size_of::<(CredentialId, Entry)>() - windows + queued;
        assert!(bytes <= 200, "{bytes}");
    }
}
