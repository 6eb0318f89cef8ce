//! Denied requests that are not yet written.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use foldhash::fast::RandomState;

use super::Denied;
use crate::{Owner, PrefixedId};

/// How many wait to be written at most; what comes then is not kept.
const MOST: usize = 4_096;
/// How many wait of one credential, or of users of the application's own with one owner, and how
/// many once there is little room: a client that hammers pushes out its own.
const MOST_OF_ONE: usize = 32;
const FEW_OF_ONE: usize = 4;

/// The newest denied requests of this process, until they are written.
#[derive(Debug, Default)]
pub(crate) struct RecentlyDenied(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    /// Of each the newest, oldest first, with their numbers in the order of all.
    of_each: HashMap<Of, VecDeque<(u64, Denied)>, RandomState>,
    /// INVARIANT: how many there are.
    count: usize,
    next: u64,
}

type Of = (Owner, Option<PrefixedId>);

impl RecentlyDenied {
    fn locked(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps one more, in the place of the oldest of the same credential if that has its fill.
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
        let all = waiting.of_each.values().flatten();
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
        let most = match self.count < MOST / 2 {
            true => MOST_OF_ONE,
            false => FEW_OF_ONE,
        };
        let of = (denied.owner.clone(), denied.credential);
        let of_one = self.of_each.entry(of).or_default();
        if of_one.len() >= most {
            of_one.pop_front();
        } else if self.count < MOST {
            self.count += 1;
        } else {
            return;
        }
        of_one.push_back((self.next, denied));
        self.next += 1;
    }

    fn take(&mut self) -> Vec<Denied> {
        self.count = 0;
        let of_each = std::mem::take(&mut self.of_each);
        let mut all: Vec<_> = of_each.into_values().flatten().collect();
        all.sort_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, denied)| denied).collect()
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
    fn of_too_many_the_first_of_each_stay() {
        let recent = RecentlyDenied::default();
        for number in 0..5_000 {
            recent.note(denied(number, &format!("o{number}"), true));
        }
        recent.note(denied(0xffff, "o7", true));
        assert_eq!(
            numbers(&recent.find(|denied| denied.owner.as_str() == "o7")),
            ["7"]
        );
        let kept = recent.take();
        assert_eq!((kept.len(), kept[4_095].owner.as_str()), (MOST, "o4095"));
        recent.note(denied(1, "o5000", true));
        assert_eq!(recent.take().len(), 1);
    }
}
