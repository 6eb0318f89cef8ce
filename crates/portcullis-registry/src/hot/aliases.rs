//! Which credentials the imported keys are that are in memory.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use foldhash::fast::RandomState;
use portcullis_core::CredentialId;
use portcullis_token::Mac;

/// How many aliases one turn of the sweep looks at.
const LOOKS_PER_SWEEP: usize = 1_024;

/// What an imported key is called in memory: half of its MAC under the current pepper.
///
/// 128 bits that nobody can choose or guess. The other half is compared with the record.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub(crate) struct Alias(u128);

impl From<&Mac> for Alias {
    fn from(mac: &Mac) -> Self {
        let half = mac.as_bytes().first_chunk();
        // INVARIANT: a MAC has 32 bytes.
        Self(half.map_or(0, |half| u128::from_be_bytes(*half)))
    }
}

impl fmt::Debug for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Alias(..)")
    }
}

/// The ids of imported keys, by alias.
///
/// An alias says nothing that could change: the current pepper is the same as long as the registry
/// is open, records are never deleted, and the record itself is in the table, where every check
/// compares the whole MAC with it. So one may be dropped at any time, for the price of a read.
#[derive(Debug)]
pub(super) struct Aliases {
    parts: Box<[Mutex<Part>]>,
}

#[derive(Debug, Default)]
struct Part {
    most: usize,
    ids: HashMap<Alias, CredentialId, RandomState>,
    /// INVARIANT: the aliases of the ids, each once, oldest first.
    queue: VecDeque<Alias>,
}

impl Aliases {
    /// None yet, and room for so many; the number of parts is a power of two.
    pub(super) fn new(parts: usize, capacity: usize) -> Self {
        let most = (capacity / parts).max(1);
        let part = |_| {
            Mutex::new(Part {
                most,
                ..Part::default()
            })
        };
        Self {
            parts: (0..parts).map(part).collect(),
        }
    }

    #[expect(clippy::indexing_slicing, reason = "masked with the number of parts")]
    fn part(&self, alias: Alias) -> MutexGuard<'_, Part> {
        let index = usize::try_from(alias.0 >> 122).unwrap_or(0);
        lock(&self.parts[index & (self.parts.len() - 1)])
    }

    pub(super) fn find(&self, alias: Alias) -> Option<CredentialId> {
        self.part(alias).ids.get(&alias).copied()
    }

    /// Notes an alias that the store was found to have; the oldest goes if there is no room.
    pub(super) fn note(&self, alias: Alias, id: CredentialId) {
        let mut part = self.part(alias);
        if part.ids.insert(alias, id).is_some() {
            return;
        }
        if part.queue.len() >= part.most
            && let Some(oldest) = part.queue.pop_front()
        {
            part.ids.remove(&oldest);
        }
        part.queue.push_back(alias);
    }

    /// Drops those of one part whose credentials are no longer in memory; the caller goes round.
    pub(super) fn sweep(&self, turn: usize, is_known: impl Fn(CredentialId) -> bool) {
        let Some(part) = self.parts.get(turn % self.parts.len()) else {
            return;
        };
        let mut part = lock(part);
        for _ in 0..LOOKS_PER_SWEEP.min(part.queue.len()) {
            let Some(alias) = part.queue.pop_front() else {
                break;
            };
            if part.ids.get(&alias).is_some_and(|id| is_known(*id)) {
                part.queue.push_back(alias);
            } else {
                part.ids.remove(&alias);
            }
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.parts.iter().map(|part| lock(part).ids.len()).sum()
    }
}

/// A panic under the lock leaves at most an alias too few.
fn lock(part: &Mutex<Part>) -> MutexGuard<'_, Part> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alias(number: u8) -> Alias {
        Alias::from(&Mac::from_bytes([number; 32]))
    }

    fn id(number: u8) -> CredentialId {
        CredentialId::from_value(number.into()).unwrap()
    }

    #[test]
    fn there_are_never_more_than_there_is_room_for_and_the_oldest_goes() {
        let aliases = Aliases::new(1, 3);
        for number in 0..5 {
            aliases.note(alias(number), id(number));
            aliases.note(alias(number), id(number));
        }
        assert_eq!(aliases.len(), 3);
        let found: Vec<_> = (0..5).map(|number| aliases.find(alias(number))).collect();
        let kept = [None, None, Some(id(2)), Some(id(3)), Some(id(4))];
        assert_eq!(found, kept);
    }

    #[test]
    fn those_go_whose_credentials_have_gone() {
        let aliases = Aliases::new(4, 1_000);
        for number in 0..100 {
            aliases.note(alias(number), id(number));
        }
        for turn in 0..4 {
            aliases.sweep(turn, |known| known.value() % 2 == 0);
        }
        assert_eq!(aliases.len(), 50);
        assert_eq!(aliases.find(alias(7)), None);
        assert_eq!(aliases.find(alias(8)), Some(id(8)));
    }
}
