//! From where accounts have logged in before.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use portcullis_limit::IpPartition;

use super::attempts::AccountTag;

/// How many accounts are remembered at least; up to twice as many may be.
const ACCOUNTS: usize = 32_768;
/// How many addresses of an account: the newest.
const ADDRESSES: usize = 8;

/// The newest address first.
type Addresses = [Option<IpPartition>; ADDRESSES];

/// From where accounts have logged in before, as far as is remembered.
///
/// Two generations: when the younger is full it becomes the older, whose accounts that did not log
/// in meanwhile are forgotten. So memory is bounded without a search, and a stranger makes nothing
/// be forgotten without logging in to as many accounts.
#[derive(Debug)]
pub(super) struct Known {
    generations: Mutex<Generations>,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<AccountTag, Addresses>,
    old: HashMap<AccountTag, Addresses>,
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

    /// Whether the account has logged in from this address.
    pub(super) fn contains(&self, account: AccountTag, address: IpPartition) -> bool {
        let generations = self.lock();
        let (young, old) = (&generations.young, &generations.old);
        let addresses = young.get(&account).or_else(|| old.get(&account));
        addresses.is_some_and(|addresses| addresses.contains(&Some(address)))
    }

    /// The account has logged in from this address.
    pub(super) fn note(&self, account: AccountTag, address: IpPartition) {
        let mut generations = self.lock();
        let held = match generations.young.remove(&account) {
            Some(addresses) => addresses,
            None => generations.old.remove(&account).unwrap_or_default(),
        };
        if generations.young.len() >= self.capacity {
            generations.old = std::mem::take(&mut generations.young);
        }
        let others = held.into_iter().filter(|other| *other != Some(address));
        let mut newest = Addresses::default();
        let places = newest.iter_mut();
        for (place, held) in places.zip([Some(address)].into_iter().chain(others)) {
            *place = held;
        }
        generations.young.insert(account, newest);
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        // A panic in between could only have forgotten an account.
        self.generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn account(number: u8) -> AccountTag {
        AccountTag([number; 16])
    }

    fn address(last: u8) -> IpPartition {
        IpPartition::from(std::net::IpAddr::from(Ipv4Addr::new(203, 0, 113, last)))
    }

    #[test]
    fn the_newest_addresses_of_an_account_are_remembered() {
        let known = Known::default();
        for last in 0..9 {
            known.note(account(1), address(last));
        }
        assert!(!known.contains(account(1), address(0)));
        assert!((1..9).all(|last| known.contains(account(1), address(last))));
        known.note(account(1), address(1));
        known.note(account(1), address(9));
        assert!(known.contains(account(1), address(1)));
        assert!(!known.contains(account(1), address(2)));
        assert!(!known.contains(account(2), address(1)));
    }

    #[test]
    fn accounts_that_no_longer_log_in_are_forgotten() {
        let known = Known::with_capacity(4);
        for number in 0..8 {
            known.note(account(number), address(number));
            known.note(account(0), address(0));
        }
        assert!(known.contains(account(0), address(0)));
        assert!(known.contains(account(7), address(7)));
        assert!(!known.contains(account(1), address(1)));
        let generations = known.lock();
        assert!(generations.young.len() + generations.old.len() <= 8);
    }
}
