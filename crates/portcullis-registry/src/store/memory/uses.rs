//! Uses and denied requests in memory.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use portcullis_core::{CredentialId, RequestId};

use crate::{
    AuditErasure, Day, DayUsage, Denied, DeniedPage, DeniedQuery, Found, Owner, UsageDelta,
    UsageDetails,
};

/// How credentials were used beyond their counters, and what was denied.
#[derive(Default)]
pub(super) struct Uses {
    details: HashMap<CredentialId, UsageDetails>,
    days: BTreeMap<(Owner, Day, CredentialId), DayUsage>,
    /// The newest day that was counted: with it those go that are no longer kept.
    newest: Option<Day>,
    /// Oldest first.
    denied: HashMap<Owner, VecDeque<Denied>>,
    /// INVARIANT: their ids.
    requests: HashSet<RequestId>,
}

impl Uses {
    pub(super) fn add(&mut self, owner: &Owner, delta: &UsageDelta) {
        self.details.entry(delta.id).or_default().add(delta);
        let (day, denied) = (Day::of(delta.at), delta.refusals.total());
        if delta.requests == 0 && denied == 0 {
            return;
        }
        let counted = self.days.entry((owner.clone(), day, delta.id));
        let counted = counted.or_insert(DayUsage::none(day));
        counted.requests = counted.requests.saturating_add(delta.requests);
        counted.denied = counted.denied.saturating_add(denied);
        if self.newest < Some(day) {
            self.newest = Some(day);
            let first = day.before(DayUsage::KEPT - 1);
            self.days.retain(|(_, day, _), _| *day >= first);
        }
    }

    pub(super) fn of(&self, id: CredentialId) -> Found {
        let days = self.days.iter().rev();
        let days = days.filter(|((_, _, of), _)| *of == id);
        Found::Usage {
            details: Box::new(self.details.get(&id).cloned().unwrap_or_default()),
            days: days.map(|(_, counted)| *counted).collect(),
        }
    }

    pub(super) fn of_owner(&self, owner: &Owner, from: Day, until: Day) -> Found {
        let mut days: Vec<DayUsage> = Vec::new();
        let within = self.days.iter().rev();
        let within = within.filter(|((of, day, _), _)| of == owner && from <= *day && *day < until);
        for (_, counted) in within {
            match days.last_mut().filter(|last| last.day == counted.day) {
                Some(last) => {
                    last.requests = last.requests.saturating_add(counted.requests);
                    last.denied = last.denied.saturating_add(counted.denied);
                }
                None => days.push(*counted),
            }
        }
        Found::Days(days)
    }

    pub(super) fn note_denied(&mut self, denied: Denied) {
        if !self.requests.insert(denied.request) {
            return;
        }
        let of_owner = self.denied.entry(denied.owner.clone()).or_default();
        of_owner.push_back(denied);
        let many = of_owner.len().saturating_sub(DeniedPage::KEPT_BY_OWNER);
        for gone in of_owner.drain(..many) {
            self.requests.remove(&gone.request);
        }
    }

    /// How many addresses of denied requests are to be erased.
    pub(super) fn erasable_ips(&self, erasure: &AuditErasure, limit: usize) -> u64 {
        let all = self.denied.values().flatten();
        let count = all
            .filter(|denied| is_erasable(erasure, denied))
            .take(limit);
        u64::try_from(count.count()).unwrap_or(u64::MAX)
    }

    pub(super) fn erase_ips(&mut self, erasure: &AuditErasure, limit: usize) {
        let all = self.denied.values_mut().flatten();
        let erasable = all.filter(|denied| is_erasable(erasure, denied));
        erasable.take(limit).for_each(|denied| denied.ip = None);
    }

    pub(super) fn denied(&self, query: &DeniedQuery) -> DeniedPage {
        let all = self.denied.values().flatten();
        let mut kept: Vec<_> = all.filter(|denied| query.keeps(denied)).collect();
        kept.sort_by_key(|denied| std::cmp::Reverse((denied.at, denied.request)));
        let total = u64::try_from(kept.len()).unwrap_or(u64::MAX);
        let offset = usize::try_from(query.offset).unwrap_or(usize::MAX);
        let items = kept.into_iter().skip(offset).take(query.limit);
        DeniedPage {
            items: items.cloned().collect(),
            total,
        }
    }
}

fn is_erasable(erasure: &AuditErasure, denied: &Denied) -> bool {
    denied.ip.is_some()
        && erasure.before.is_none_or(|before| denied.at < before)
        && erasure
            .owner
            .as_ref()
            .is_none_or(|owner| *owner == denied.owner)
}
