//! What a credential in memory did since its uses were last written.

use std::net::IpAddr;

use portcullis_core::{CredentialId, Tick, Timestamp};
use portcullis_scope::ScopeSet;

use super::{Network, Refusal, Refusals, UsageDelta};
use crate::Verifier;

/// How many networks and programs are remembered of a credential in memory.
const REMEMBERED: usize = 4;
/// How many new programs a credential may name between two writes: naming others costs it nothing
/// and us an allocation each.
const NEW_AGENTS: u8 = 8;
/// How often a credential's new networks are news between two writes.
const NEW_NETWORKS: u8 = 4;
/// As much of a program's name as is kept, in bytes.
const AGENT_BYTES: usize = 120;

/// What a credential did, beside the number of requests. Made at its first use.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    refusals: Refusals,
    used: ScopeSet,
    networks: Newest<Network>,
    agents: Newest<Box<[u8]>>,
    new_agents: u8,
    new_networks: u8,
    /// Up to when what was seen is written.
    written: Option<Tick>,
    /// What could not be written, or was counted elsewhere.
    carried: Option<Box<Uses>>,
}

/// The newest few, each with the last time that it was seen; the newest is in front.
#[derive(Debug)]
struct Newest<T>([Option<(T, Tick)>; REMEMBERED]);

impl<T> Default for Newest<T> {
    fn default() -> Self {
        Self([const { None }; REMEMBERED])
    }
}

impl<T> Newest<T> {
    /// Brings what is known to the front; whether it was.
    fn see(&mut self, is_it: impl Fn(&T) -> bool, tick: Tick) -> bool {
        let Self(seen) = self;
        let matches = |seen: &Option<(T, Tick)>| seen.as_ref().is_some_and(|(one, _)| is_it(one));
        let Some(place) = seen.iter().position(matches) else {
            return false;
        };
        if let Some(ahead) = seen.get_mut(..=place) {
            ahead.rotate_right(1);
        }
        if let Some(Some((_, last))) = seen.first_mut() {
            *last = tick.max(*last);
        }
        true
    }

    fn push(&mut self, new: T, tick: Tick) {
        let Self(seen) = self;
        seen.rotate_right(1);
        if let Some(first) = seen.first_mut() {
            *first = Some((new, tick));
        }
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Those seen after an instant.
    fn since(&self, written: Option<Tick>) -> impl Iterator<Item = (&T, Tick)> {
        let all = self.0.iter().flatten().map(|(one, tick)| (one, *tick));
        all.filter(move |(_, tick)| written.is_none_or(|written| *tick > written))
    }
}

impl Activity {
    pub(crate) const fn refusals_mut(&mut self) -> &mut Refusals {
        &mut self.refusals
    }

    /// Notes from where a request came; whether that is news. The first is none.
    pub(crate) fn see_network(&mut self, ip: IpAddr, tick: Tick) -> bool {
        let network = Network::of(ip);
        if self.networks.see(|known| *known == network, tick) {
            return false;
        }
        let is_news = !self.networks.is_empty() && self.new_networks < NEW_NETWORKS;
        self.new_networks += u8::from(is_news);
        self.networks.push(network, tick);
        is_news
    }

    /// Notes by what a request was made. Allocates only for what is new.
    pub(crate) fn see_agent(&mut self, agent: &[u8], tick: Tick) {
        let kept = cut(agent);
        if kept.is_empty()
            || self.agents.see(|known| **known == *kept, tick)
            || self.new_agents >= NEW_AGENTS
        {
            return;
        }
        self.new_agents += 1;
        self.agents.push(kept.into(), tick);
    }

    /// Notes which scopes a request made use of.
    pub(crate) const fn use_scopes(&mut self, used: &ScopeSet) {
        self.used = self.used.union(used);
    }

    /// Adds what it did to what was counted, and counts anew.
    fn take(&mut self, uses: &mut Uses, now: Timestamp, tick: Tick) {
        self.tell(uses, now, tick);
        self.refusals = Refusals::default();
        self.used = ScopeSet::EMPTY;
        (self.new_agents, self.new_networks) = (0, 0);
        self.written = Some(tick);
        self.carried = None;
    }

    fn tell(&self, uses: &mut Uses, now: Timestamp, tick: Tick) {
        let at = |seen: Tick| now.saturating_sub(tick.saturating_since(seen));
        uses.refusals = self.refusals;
        uses.used = self.used;
        let networks = self.networks.since(self.written);
        uses.networks = networks
            .map(|(network, seen)| (*network, at(seen)))
            .collect();
        let agents = self.agents.since(self.written);
        uses.agents = agents
            .map(|(agent, seen)| (agent.clone(), at(seen)))
            .collect();
        if let Some(carried) = &self.carried {
            uses.add((**carried).clone());
        }
    }

    /// Takes back what could not be written, or takes what was counted elsewhere.
    pub(crate) fn put_back(&mut self, uses: Uses) {
        match &mut self.carried {
            Some(carried) => carried.add(uses),
            None => self.carried = Some(Box::new(uses)),
        }
    }
}

/// What a credential did since its uses were last written, as it is taken out of the table.
#[derive(Clone, Debug)]
pub(crate) struct Uses {
    pub(crate) id: CredentialId,
    at: Timestamp,
    pub(crate) last_used_at: Option<Timestamp>,
    pub(crate) requests: u64,
    refusals: Refusals,
    used: ScopeSet,
    networks: Vec<(Network, Timestamp)>,
    agents: Vec<(Box<[u8]>, Timestamp)>,
}

impl Uses {
    pub(crate) const fn new(id: CredentialId, at: Timestamp) -> Self {
        Self {
            id,
            at,
            last_used_at: None,
            requests: 0,
            refusals: Refusals::NONE,
            used: ScopeSet::EMPTY,
            networks: Vec::new(),
            agents: Vec::new(),
        }
    }

    /// Only that these scopes were used.
    pub(crate) const fn of_scopes(id: CredentialId, at: Timestamp, used: ScopeSet) -> Self {
        let mut uses = Self::new(id, at);
        uses.used = used;
        uses
    }

    /// With what the credential did beside its requests, which is counted anew from now on.
    pub(crate) fn take(mut self, activity: Option<&mut Activity>, tick: Tick) -> Self {
        if let Some(activity) = activity {
            let now = self.at;
            activity.take(&mut self, now, tick);
        }
        self
    }

    /// With what the credential did beside its requests.
    pub(crate) fn peek(mut self, activity: Option<&Activity>, tick: Tick) -> Self {
        if let Some(activity) = activity {
            let now = self.at;
            activity.tell(&mut self, now, tick);
        }
        self
    }

    /// Counts a request that was refused.
    pub(crate) fn count(&mut self, refusal: Refusal) {
        self.refusals.count(refusal);
    }

    /// Joins others of the same credential.
    pub(crate) fn add(&mut self, other: Self) {
        self.at = self.at.max(other.at);
        self.last_used_at = self.last_used_at.max(other.last_used_at);
        self.requests = self.requests.saturating_add(other.requests);
        self.refusals.add(&other.refusals);
        self.used = self.used.union(&other.used);
        newest(&mut self.networks, other.networks);
        newest(&mut self.agents, other.agents);
    }

    /// As a store takes it. Scopes stand by all their names, so that they are still these when
    /// another release declares what implies what in another way.
    pub(crate) fn delta(&self, verifier: &Verifier) -> UsageDelta {
        let agents = self.agents.iter();
        UsageDelta {
            last_used_at: self.last_used_at,
            requests: self.requests,
            refusals: self.refusals,
            scopes: verifier.catalogue().names(&self.used).cloned().collect(),
            networks: self.networks.clone(),
            agents: agents
                .map(|(agent, at)| (verifier.redacted(agent), *at))
                .collect(),
            ..UsageDelta::new(self.id, self.at)
        }
    }
}

/// As much of a program's name as is kept: no half of a word that may be a credential.
fn cut(agent: &[u8]) -> &[u8] {
    let Some((kept, rest)) = agent.split_at_checked(AGENT_BYTES) else {
        return agent;
    };
    let is_cut = rest.first().is_some_and(|byte| !byte.is_ascii_whitespace());
    let word = kept.iter().rposition(u8::is_ascii_whitespace);
    match word {
        // A name that is one word: what is kept is long enough to be seen for what it is.
        None => kept,
        Some(end) if is_cut => kept.get(..end).unwrap_or(kept),
        Some(_) => kept,
    }
}

/// Each once, the newest few of them.
fn newest<T: PartialEq>(seen: &mut Vec<(T, Timestamp)>, more: Vec<(T, Timestamp)>) {
    for (what, at) in more {
        match seen.iter_mut().find(|(known, _)| *known == what) {
            Some((_, last)) => *last = at.max(*last),
            None => seen.push((what, at)),
        }
    }
    seen.sort_by_key(|(_, at)| std::cmp::Reverse(*at));
    seen.truncate(REMEMBERED);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(nanos: u64) -> Tick {
        Tick::from_nanos(nanos)
    }

    fn ip(number: u8) -> IpAddr {
        [10, 0, number, 7].into()
    }

    fn taken(activity: &mut Activity, nanos: u64) -> Uses {
        let id = "qBhy02hoi8ucTVyA".parse().unwrap();
        Uses::new(id, Timestamp::from_unix_seconds(1_000)).take(Some(activity), tick(nanos))
    }

    #[test]
    fn the_newest_four_are_remembered_and_what_is_written_is_not_written_again() {
        let mut activity = Activity::default();
        assert!(!activity.see_network(ip(0), tick(1)));
        for number in 1..6 {
            activity.see_network(ip(number), tick(1));
        }
        assert!(!activity.see_network(ip(3), tick(1)));
        let uses = taken(&mut activity, 2);
        let networks = uses.networks.iter().map(|(network, _)| network.to_string());
        let expected = ["10.0.3.0/24", "10.0.5.0/24", "10.0.4.0/24", "10.0.2.0/24"];
        assert_eq!(networks.collect::<Vec<_>>(), expected);
        assert!(taken(&mut activity, 3).networks.is_empty());
        assert!(activity.see_network(ip(0), tick(4)), "it was pushed out");
        assert!(!activity.see_network(ip(5), tick(4)));
        assert_eq!(taken(&mut activity, 5).networks.len(), 2);
        activity.put_back(uses);
        assert_eq!(taken(&mut activity, 6).networks.len(), 4);
    }

    #[test]
    fn many_names_of_programs_cost_eight_allocations_between_two_writes() {
        let mut activity = Activity::default();
        for number in 0..100 {
            activity.see_agent(format!("agent/{number}").as_bytes(), tick(number + 1));
        }
        let agents = taken(&mut activity, 1_000).agents;
        let agents: Vec<_> = agents.iter().map(|(agent, _)| &**agent).collect();
        assert_eq!(agents, [b"agent/7", b"agent/6", b"agent/5", b"agent/4"]);
        activity.see_agent(b"agent/100", tick(1_001));
        assert_eq!(taken(&mut activity, 1_002).agents.len(), 1);
        activity.see_agent(b"", tick(1_003));
        activity.see_agent(&[b'a'; 1_000], tick(1_004));
        let agents = taken(&mut activity, 1_005).agents;
        assert_eq!((agents.len(), agents[0].0.len()), (1, AGENT_BYTES));
    }

    #[test]
    fn no_half_of_a_credential_is_kept_of_a_name_that_is_too_long() {
        let token = "ap_test_qBhy02hoi8ucTVyAmSRnraF4pk0bZu3y9eSIu1mojYwMbG44K4V9zLN";
        for start in 0..=AGENT_BYTES {
            let agent = format!("{} {token} and more and more", "a".repeat(start));
            let mut activity = Activity::default();
            activity.see_agent(agent.as_bytes(), tick(1));
            let agents = taken(&mut activity, 2).agents;
            let kept = agents
                .iter()
                .map(|(agent, _)| String::from_utf8_lossy(agent));
            let kept = kept.collect::<String>();
            assert!(!kept.contains("qBhy") || kept.contains(token), "{kept:?}");
        }
    }

    #[test]
    fn a_program_with_a_long_name_is_remembered_too() {
        let words = "Mozilla/5.0 (like others) ".repeat(9);
        for name in [vec![b'a'; 300], words.into_bytes()] {
            let mut activity = Activity::default();
            for nanos in 1..100 {
                activity.see_agent(&name, tick(nanos));
            }
            assert_eq!(activity.new_agents, 1);
        }
    }

    #[test]
    fn news_of_networks_is_told_four_times_between_two_writes() {
        let mut activity = Activity::default();
        let news = (0..100_u8).filter(|number| activity.see_network(ip(*number), tick(1)));
        assert_eq!(news.count(), 4);
        let _ = taken(&mut activity, 2);
        assert!(activity.see_network(ip(200), tick(3)));
    }
}
