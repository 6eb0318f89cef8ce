//! From where accounts have logged in before.

use std::{
    cmp::Reverse,
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use portcullis_core::{Tick, Timestamp};
use portcullis_limit::IpPartition;

use super::attempts::AccountTag;
use crate::KnownNetwork;

/// How many accounts are remembered at least; up to twice as many may be.
const ACCOUNTS: usize = 32_768;
/// For so long what was read of an account stands: other processes may note networks as well.
const READ_STANDS: Duration = Duration::from_secs(60);
/// A network that was noted so long ago is noted anew, so that the one in use is not the oldest.
const NOTE_STANDS: Duration = Duration::from_secs(60 * 60);

/// What the directory says of where accounts have logged in, as far as it was asked.
///
/// What is no account is remembered as well, with no networks: so it takes as much work as one, and
/// neither makes the directory be asked at each attempt.
///
/// Two generations: when the younger is full it becomes the older, whose accounts that were not
/// asked for meanwhile are forgotten, to be read again. So memory is bounded without a search.
#[derive(Debug)]
pub(super) struct Known {
    generations: Mutex<Generations>,
    capacity: usize,
}

/// Whether an account is known to have logged in from a network.
#[must_use]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Recall {
    /// It has.
    Known,
    /// It has not, as far as the directory said a short time ago.
    Stranger,
    /// The directory is to be asked.
    Unread,
}

/// Whether the directory is to be told of a network.
#[must_use]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Note {
    /// It is, and then [`Known::stored`] to be called.
    Due,
    /// It knows.
    Stored,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<AccountTag, Networks>,
    old: HashMap<AccountTag, Networks>,
}

#[derive(Debug, Default)]
struct Networks {
    /// The newest first, as many as a directory keeps.
    held: Vec<Held>,
    read_at: Option<Tick>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    known: KnownNetwork,
    /// Whether the directory has it with this instant.
    is_stored: bool,
}

impl Default for Known {
    fn default() -> Self {
        Self::with_capacity(ACCOUNTS)
    }
}

impl Known {
    fn with_capacity(capacity: usize) -> Self {
        Self {
            generations: Mutex::default(),
            capacity,
        }
    }

    /// Whether the account has logged in from this network.
    pub(super) fn recall(&self, account: AccountTag, network: IpPartition, now: Tick) -> Recall {
        let generations = self.lock();
        let (young, old) = (&generations.young, &generations.old);
        let Some(networks) = young.get(&account).or_else(|| old.get(&account)) else {
            return Recall::Unread;
        };
        if networks.held.iter().any(|held| held.is_of(network)) {
            return Recall::Known;
        }
        match networks.read_at {
            Some(read_at) if now.saturating_since(read_at) < READ_STANDS => Recall::Stranger,
            _ => Recall::Unread,
        }
    }

    /// The directory, asked at `now`, has these networks of the account.
    pub(super) fn learn(&self, account: AccountTag, read: Vec<KnownNetwork>, now: Tick) {
        self.with(account, |networks| {
            networks.read_at = Some(now);
            for known in read {
                networks.learn(known);
            }
            let newest_first = |held: &Held| Reverse(held.known.noted_at);
            networks.held.sort_by_key(newest_first);
            networks.held.truncate(KnownNetwork::MOST);
        });
    }

    /// The account has logged in from this network.
    pub(super) fn note(&self, account: AccountTag, network: IpPartition, now: Timestamp) -> Note {
        self.with(account, |networks| {
            let held = networks.held.iter().find(|held| held.is_of(network));
            let stands = held.is_some_and(|held| {
                held.is_stored && now.saturating_since(held.known.noted_at) < NOTE_STANDS
            });
            if stands {
                return Note::Stored;
            }
            networks.held.retain(|held| !held.is_of(network));
            let noted = Held {
                known: KnownNetwork {
                    network,
                    noted_at: now,
                },
                is_stored: false,
            };
            networks.held.insert(0, noted);
            networks.held.truncate(KnownNetwork::MOST);
            Note::Due
        })
    }

    /// The directory was told of this network.
    pub(super) fn stored(&self, account: AccountTag, known: KnownNetwork) {
        self.with(account, |networks| {
            let mut held = networks.held.iter_mut();
            if let Some(held) = held.find(|held| held.known == known) {
                held.is_stored = true;
            }
        });
    }

    /// Changes what is known of an account, which is thereby among the young.
    fn with<T>(&self, account: AccountTag, change: impl FnOnce(&mut Networks) -> T) -> T {
        let mut generations = self.lock();
        let held = match generations.young.remove(&account) {
            Some(networks) => Some(networks),
            None => generations.old.remove(&account),
        };
        if generations.young.len() >= self.capacity {
            generations.old = std::mem::take(&mut generations.young);
        }
        let young = &mut generations.young;
        change(young.entry(account).or_insert(held.unwrap_or_default()))
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        // A panic in between could only have forgotten an account.
        self.generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Networks {
    fn learn(&mut self, known: KnownNetwork) {
        let read = Held {
            known,
            is_stored: true,
        };
        match self.held.iter_mut().find(|held| held.is_of(known.network)) {
            // Noted meanwhile, or the directory could not be told.
            Some(held) if held.known.noted_at > known.noted_at => {}
            Some(held) => *held = read,
            None => self.held.push(read),
        }
    }
}

impl Held {
    fn is_of(&self, network: IpPartition) -> bool {
        self.known.network == network
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn account(number: u8) -> AccountTag {
        AccountTag([number; 16])
    }

    fn address(last: u8) -> IpPartition {
        IpPartition::from(IpAddr::from(Ipv4Addr::new(203, 0, 113, last)))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    fn tick(seconds: u64) -> Tick {
        Tick::default().saturating_add(Duration::from_secs(seconds))
    }

    fn read(last: u8, seconds: i64) -> KnownNetwork {
        KnownNetwork {
            network: address(last),
            noted_at: at(seconds),
        }
    }

    fn knows(known: &Known, number: u8, last: u8) -> bool {
        known.recall(account(number), address(last), tick(0)) == Recall::Known
    }

    #[test]
    fn the_newest_networks_of_an_account_are_remembered() {
        let known = Known::default();
        for last in 0..9 {
            let note = known.note(account(1), address(last), at(i64::from(last)));
            assert_eq!(note, Note::Due);
        }
        assert!(!knows(&known, 1, 0));
        assert!((1..9).all(|last| knows(&known, 1, last)));
        let _ = known.note(account(1), address(1), at(9));
        let _ = known.note(account(1), address(9), at(10));
        assert!(knows(&known, 1, 1));
        assert!(!knows(&known, 1, 2));
        assert!(!knows(&known, 2, 1));
    }

    #[test]
    fn the_directory_is_asked_once_a_minute_and_at_first() {
        let known = Known::default();
        let recall = |last, seconds| known.recall(account(1), address(last), tick(seconds));
        assert_eq!(recall(1, 0), Recall::Unread);
        // Also what was noted before it was ever asked is no answer for other networks.
        let _ = known.note(account(1), address(1), at(0));
        assert_eq!(recall(1, 0), Recall::Known);
        assert_eq!(recall(2, 0), Recall::Unread);
        known.learn(account(1), vec![], tick(100));
        assert_eq!(recall(1, 100), Recall::Known, "not forgotten");
        assert_eq!(recall(2, 159), Recall::Stranger);
        assert_eq!(recall(2, 160), Recall::Unread);
        assert_eq!(recall(1, 160), Recall::Known);
        known.learn(account(1), vec![read(2, 0)], tick(160));
        assert_eq!(recall(2, 160), Recall::Known);
    }

    #[test]
    fn the_directory_is_told_of_a_network_until_it_knows_and_then_once_an_hour() {
        let known = Known::default();
        let note = |seconds| known.note(account(1), address(1), at(seconds));
        assert_eq!(note(0), Note::Due);
        assert_eq!(note(1), Note::Due, "it could not be told");
        known.stored(account(1), read(1, 0));
        assert_eq!(note(2), Note::Due, "that was the earlier one");
        known.stored(account(1), read(1, 2));
        assert_eq!(note(3_601), Note::Stored);
        assert_eq!(note(3_602), Note::Due);
        known.learn(account(1), vec![read(1, 3_602)], tick(0));
        assert_eq!(note(3_603), Note::Stored);
        known.learn(account(1), vec![read(1, 5)], tick(1));
        assert_eq!(note(3_604), Note::Stored, "read before it was written");
    }

    #[test]
    fn of_what_is_read_and_what_is_held_the_newest_are_kept() {
        let known = Known::default();
        let _ = known.note(account(1), address(100), at(4));
        let eight = (0..8).map(|last| read(last, i64::from(last))).collect();
        known.learn(account(1), eight, tick(0));
        assert!(knows(&known, 1, 100));
        assert!(!knows(&known, 1, 0));
        assert!((1..8).all(|last| knows(&known, 1, last)));
    }

    #[test]
    fn accounts_that_are_not_asked_for_are_forgotten() {
        let known = Known::with_capacity(4);
        for number in 0..8 {
            let _ = known.note(account(number), address(number), at(0));
            let _ = known.note(account(0), address(0), at(0));
        }
        assert!(knows(&known, 0, 0));
        assert!(knows(&known, 7, 7));
        assert!(!knows(&known, 1, 1));
        let generations = known.lock();
        assert!(generations.young.len() + generations.old.len() <= 8);
    }
}
