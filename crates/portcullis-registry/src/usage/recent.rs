//! Denied requests that are not yet written.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use foldhash::fast::RandomState;

use super::Denied;
use crate::{Owner, PrefixedId};

/// How many wait to be written at most: then the owner with the most loses its oldest.
const MOST: usize = 4_096;
/// How many wait of one owner, and of one of its credentials or of all users of the application's
/// own together: a client that hammers pushes out its own.
const MOST_OF_OWNER: usize = 512;
const MOST_OF_ONE: usize = 32;

/// The newest denied requests of this process, until they are written.
#[derive(Debug, Default)]
pub(crate) struct RecentlyDenied(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    of_owner: HashMap<Owner, OfOwner, RandomState>,
    /// INVARIANT: how many there are.
    count: usize,
    next: u64,
}

/// What waits of an owner: oldest first, each with its number in the order of all.
#[derive(Debug, Default)]
struct OfOwner {
    denied: VecDeque<(u64, Denied)>,
    /// INVARIANT: how many there are of each.
    of_one: HashMap<Option<PrefixedId>, usize, RandomState>,
}

impl RecentlyDenied {
    fn locked(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps one more, in the place of the oldest of the same credential or owner if that has its
    /// fill.
    pub(crate) fn note(&self, denied: Denied) {
        self.locked().push(denied);
    }

    /// Takes out all, oldest first, to be written.
    pub(crate) fn take(&self) -> Vec<Denied> {
        self.locked().take()
    }

    /// Puts back what could not be written, before what came since.
    pub(crate) fn put_back(&self, denied: Vec<Denied>) {
        let mut waiting = self.locked();
        let since = waiting.take();
        let all = denied.into_iter().chain(since);
        all.for_each(|denied| waiting.push(denied));
    }

    /// Those that are asked for, newest first.
    pub(crate) fn find(&self, wanted: impl Fn(&Denied) -> bool) -> Vec<Denied> {
        let waiting = self.locked();
        let all = waiting.of_owner.values().flat_map(|owner| &owner.denied);
        let mut found: Vec<_> = all.filter(|(_, denied)| wanted(denied)).collect();
        found.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
        found
            .into_iter()
            .map(|(_, denied)| denied.clone())
            .collect()
    }
}

impl Waiting {
    fn push(&mut self, denied: Denied) {
        let owner = denied.owner.clone();
        self.count += 1;
        let of_owner = self.of_owner.entry(owner).or_default();
        of_owner.push((self.next, denied));
        self.next += 1;
        if of_owner.is_over() {
            of_owner.pop();
            self.count -= 1;
        } else if self.count > MOST {
            let owners = self.of_owner.values_mut();
            if let Some(largest) = owners.max_by_key(|owner| owner.denied.len()) {
                largest.pop();
                self.count -= 1;
            }
        }
    }

    fn take(&mut self) -> Vec<Denied> {
        self.count = 0;
        let of_owner = std::mem::take(&mut self.of_owner);
        let all = of_owner.into_values().flat_map(|owner| owner.denied);
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, denied)| denied).collect()
    }
}

impl OfOwner {
    fn push(&mut self, numbered: (u64, Denied)) {
        *self.of_one.entry(numbered.1.credential).or_default() += 1;
        self.denied.push_back(numbered);
    }

    /// The newest, if there are too many of its credential.
    fn too_many(&self) -> Option<&Denied> {
        let (_, newest) = self.denied.back()?;
        let count = self.of_one.get(&newest.credential)?;
        (*count > MOST_OF_ONE).then_some(newest)
    }

    fn is_over(&self) -> bool {
        self.denied.len() > MOST_OF_OWNER || self.too_many().is_some()
    }

    /// Drops the oldest: of the credential that has too many, or of all.
    fn pop(&mut self) {
        let at = match self.too_many() {
            Some(newest) => {
                let of = newest.credential;
                let is_it = |(_, denied): &(u64, Denied)| denied.credential == of;
                self.denied.iter().position(is_it).unwrap_or(0)
            }
            None => 0,
        };
        let Some((_, gone)) = self.denied.remove(at) else {
            return;
        };
        if let Some(count) = self.of_one.get_mut(&gone.credential) {
            *count -= 1;
            if *count == 0 {
                self.of_one.remove(&gone.credential);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_core::{RequestId, Timestamp};
    use portcullis_token::TokenKind;

    use super::*;
    use crate::Refusal;

    fn denied(number: u128, owner: &str, key: bool) -> Denied {
        let id = "qBhy02hoi8ucTVyA".parse().unwrap();
        Denied {
            request: RequestId::from_value(number),
            at: Timestamp::from_unix_seconds(1),
            owner: owner.parse().unwrap(),
            credential: key.then_some(PrefixedId(TokenKind::ApiKey, id)),
            refusal: Refusal::Scope,
            message: String::new(),
            route: "GET /".into(),
            ip: None,
        }
    }

    fn numbers(denied: &[Denied]) -> Vec<String> {
        let ids = denied.iter().map(|denied| denied.request.to_string());
        ids.map(|id| id.trim_start_matches('0').into()).collect()
    }

    #[test]
    fn one_that_hammers_pushes_out_its_own_and_none_of_others() {
        let recent = RecentlyDenied::default();
        recent.note(denied(0xa, "calm", true));
        for number in 0..1_000 {
            recent.note(denied(0x1000 + number, "loud", true));
        }
        recent.note(denied(0xb, "loud", false));
        let calm = recent.find(|denied| denied.owner.as_str() == "calm");
        assert_eq!(numbers(&calm), ["a"]);
        let loud = recent.find(|denied| denied.owner.as_str() == "loud");
        assert_eq!(loud.len(), MOST_OF_ONE + 1);
        assert_eq!(numbers(&loud[..2]), ["b", "13e7"]);
        assert_eq!(recent.take().len(), MOST_OF_ONE + 2);
        assert!(recent.take().is_empty());
        recent.note(denied(0xc, "loud", true));
        recent.put_back(loud.into_iter().rev().collect());
        let kept = recent.find(|_| true);
        assert_eq!(
            (kept.len(), numbers(&kept[..2])),
            (MOST_OF_ONE + 1, vec!["c".into(), "b".into()])
        );
    }

    #[test]
    fn an_owner_with_many_keys_that_hammer_pushes_out_its_own_alone() {
        let recent = RecentlyDenied::default();
        for number in 0..100 {
            recent.note(denied(number, &format!("calm{number}"), true));
        }
        for number in 0..20_000_u32 {
            let id = portcullis_core::CredentialId::from_value(u128::from(number % 900));
            recent.note(Denied {
                credential: Some(PrefixedId(TokenKind::ApiKey, id.unwrap())),
                ..denied(1_000 + u128::from(number), "loud", true)
            });
        }
        let of = |owner: &str| recent.find(|denied| denied.owner.as_str() == owner);
        assert_eq!(of("loud").len(), MOST_OF_OWNER);
        assert_eq!(of("loud")[0].request, RequestId::from_value(20_999));
        assert_eq!(of("calm7").len(), 1);
        assert_eq!(recent.take().len(), MOST_OF_OWNER + 100);
    }

    #[test]
    fn with_too_many_owners_the_one_with_the_most_loses_its_oldest() {
        let recent = RecentlyDenied::default();
        for number in 0..20 {
            recent.note(denied(number, "many", true));
        }
        for number in 0..4_096 {
            recent.note(denied(100 + number, &format!("o{number}"), true));
        }
        let kept = recent.take();
        assert_eq!(kept.len(), MOST);
        let many = kept.iter().filter(|denied| denied.owner.as_str() == "many");
        assert!(many.count() <= 1);
        assert_eq!(kept[MOST - 1].owner.as_str(), "o4095");
        recent.note(denied(1, "o5000", true));
        assert_eq!(recent.take().len(), 1);
    }
}
