//! One credential in the hot table.

use std::{net::IpAddr, sync::Arc, time::Duration};

use portcullis_core::{CredentialId, Tick, Timestamp};
use portcullis_limit::Quota;
use portcullis_scope::ScopeSet;
use portcullis_token::{Mac, PepperVersion};

use super::{
    Claim,
    owners::{OwnerWindow, Owners},
    windows::Windows,
};
use crate::{
    CredentialRecord, OwnerRecord, Plan, Principal, Refusal, Seq, State, Usage,
    principal::About,
    usage::{Activity, Uses},
};

/// A credential in the table.
#[derive(Debug)]
pub(super) struct Entry {
    /// What its record says. Nothing after a change, until the record is read again.
    pub(super) live: Option<Live>,
    /// What outlives a change of the record.
    pub(super) kept: Kept,
    /// Outlive it too.
    pub(super) windows: Windows,
}

#[derive(Debug)]
pub(super) struct Kept {
    /// The expiry as it was first read, on both clocks: a step of the wall clock moves neither.
    deadline: Option<(Timestamp, Tick)>,
    /// The newest successful verification here, or the instant of the first fill.
    seen: Tick,
    /// For how long it had gone unused at the first fill: nothing once it is seen here.
    idle_before: Duration,
    pub(super) requests: u32,
    /// Made at the first use, and then kept for as long as the entry: no use of it allocates again.
    activity: Option<Box<Activity>>,
    /// Whether it was used since the uses were last written.
    is_used: bool,
    /// Whether the uses are already listed to be written.
    is_listed: bool,
    /// Whether it was seen since room was last looked for here.
    pub(super) is_recent: bool,
}

/// What a record says, in the form that a check needs.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) mac: Mac,
    pub(super) pepper: PepperVersion,
    state: State,
    pub(super) suspended: bool,
    pub(super) scopes: ScopeSet,
    /// Boxed, since most credentials have none of their own.
    quotas: Option<Box<Quotas>>,
    pub(super) about: Arc<About>,
}

/// The quotas of a credential that the gate doesn't know.
#[derive(Debug)]
struct Quotas {
    /// Its own, or that of its owner's plan.
    own: Option<Quota>,
    owner: Option<OwnerQuota>,
}

/// What all credentials of an owner may use together.
#[derive(Debug)]
pub(super) struct OwnerQuota {
    pub(super) quota: Quota,
    pub(super) window: Arc<OwnerWindow>,
}

/// A record on its way into the table.
#[derive(Debug)]
pub(crate) struct Filling {
    pub(crate) head: Seq,
    pub(crate) record: CredentialRecord,
    pub(crate) usage: Usage,
    pub(crate) owner: Option<OwnerRecord>,
    pub(crate) scopes: ScopeSet,
    pub(crate) now: Timestamp,
    pub(crate) tick: Tick,
}

/// What an entry has to know of a record, beside what the record [says](Live).
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    pub(super) id: CredentialId,
    /// The newest use that the store knows of.
    pub(super) used_at: Option<Timestamp>,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    pub(super) now: Timestamp,
    pub(super) tick: Tick,
}

impl Facts {
    /// A new entry.
    pub(super) fn entry(&self) -> Entry {
        let used = self.used_at.unwrap_or(self.created_at);
        let kept = Kept {
            deadline: None,
            seen: self.tick,
            idle_before: self.now.saturating_since(used),
            requests: 0,
            activity: None,
            is_used: false,
            is_listed: false,
            is_recent: false,
        };
        Entry {
            live: None,
            kept,
            windows: Windows::default(),
        }
    }
}

impl Filling {
    pub(super) const fn facts(&self) -> Facts {
        Facts {
            id: self.record.id,
            used_at: self.usage.last_used_at,
            created_at: self.record.created_at,
            expires_at: self.record.expires_at,
            now: self.now,
            tick: self.tick,
        }
    }

    /// What the record says.
    pub(super) fn live(self, owners: &Owners) -> Live {
        let Self { record, tick, .. } = self;
        let suspended = self.owner.as_ref().is_some_and(|owner| owner.suspended);
        let plan = self.owner.and_then(|owner| owner.plan);
        let window = |quota| OwnerQuota {
            quota,
            window: owners.window(&record.owner, tick),
        };
        let own = record.quota.or(plan.as_ref().and_then(Plan::quota));
        let owner = plan.as_ref().and_then(Plan::owner_quota).map(window);
        let has_some = own.is_some() || owner.is_some();
        Live {
            mac: record.mac,
            pepper: record.pepper,
            state: record.state,
            suspended,
            scopes: self.scopes,
            quotas: has_some.then(|| Box::new(Quotas { own, owner })),
            about: Arc::new(About {
                id: record.id,
                kind: record.kind,
                environment: record.environment,
                owner: record.owner,
                user: record.user,
                plan: plan.map(|plan| plan.name().clone()),
                name: record.name,
                meta: record.meta,
                networks: record.networks,
                family: record.family,
                successor: record.successor,
                expires_at: record.expires_at,
                idle_ttl: record.idle_ttl,
            }),
        }
    }
}

impl Entry {
    pub(super) fn is_idle(&self, tick: Tick, after: Duration) -> bool {
        self.may_go(tick) && tick.saturating_since(self.kept.seen) >= after
    }

    /// Whether nothing is lost that a read of the store wouldn't bring back.
    pub(super) const fn may_go(&self, tick: Tick) -> bool {
        !self.kept.is_listed && self.windows.is_fresh(tick)
    }
}

/// What is known of a secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Secret {
    Right,
    /// Under the pepper that the record is still under, which is not the current one.
    RightUnderOld,
    Wrong,
    /// The record is under a pepper that this process has not been given.
    Unknown,
}

impl Live {
    /// Whether the bearer knows the secret; compared in constant time.
    pub(super) fn check_secret(
        &self,
        claim: &Claim<impl Fn(PepperVersion) -> Option<Mac>>,
    ) -> Secret {
        let (current, mac) = claim.current;
        if self.pepper == current {
            return if self.mac == mac {
                Secret::Right
            } else {
                Secret::Wrong
            };
        }
        match (claim.mac_under)(self.pepper) {
            None => Secret::Unknown,
            Some(old) if self.mac == old => Secret::RightUnderOld,
            Some(_) => Secret::Wrong,
        }
    }

    pub(super) fn principal(&self) -> Principal {
        Principal::new(Arc::clone(&self.about), self.scopes)
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.state == State::Enabled
    }

    /// Why a claim whose secret is right is not accepted, time apart.
    pub(super) fn refuses<M>(&self, claim: &Claim<M>) -> Option<Refusal> {
        let about = &self.about;
        let is_its_environment = |environment| environment == about.environment;
        if about.kind != claim.kind || !claim.environment.is_none_or(is_its_environment) {
            return Some(Refusal::Environment);
        }
        self.refuses_from(claim.ip)
    }

    /// Why a bearer who has shown the secret is not accepted, time apart.
    pub(super) fn refuses_from(&self, ip: Option<IpAddr>) -> Option<Refusal> {
        match self.state {
            State::Revoked => Some(Refusal::Revoked),
            State::Disabled => Some(Refusal::Disabled),
            State::Enabled if self.about.networks.allows(ip) => None,
            State::Enabled => Some(Refusal::Network),
        }
    }

    pub(super) fn quota(&self) -> Option<&Quota> {
        self.quotas.as_ref()?.own.as_ref()
    }

    pub(super) fn owner_quota(&self) -> Option<&OwnerQuota> {
        self.quotas.as_ref()?.owner.as_ref()
    }
}

impl Kept {
    /// Takes the expiry from the record, unless it is known.
    pub(super) fn note_expiry(&mut self, facts: &Facts) {
        if self.deadline.map(|(at, _)| at) != facts.expires_at {
            let left = |at: Timestamp| at.saturating_since(facts.now);
            let deadline = |at| (at, facts.tick.saturating_add(left(at)));
            self.deadline = facts.expires_at.map(deadline);
        }
    }

    /// From the very instant of its expiry on, and once unused for its idle time.
    pub(super) fn has_expired(&self, idle_ttl: Option<Duration>, tick: Tick) -> bool {
        self.deadline.is_some_and(|(_, deadline)| tick >= deadline)
            || idle_ttl.is_some_and(|ttl| self.idle_for(tick) >= ttl)
    }

    /// Whether its time is over.
    pub(super) fn refuses(&self, live: &Live, tick: Tick) -> Option<Refusal> {
        let has_expired = self.has_expired(live.about.idle_ttl, tick);
        has_expired.then_some(Refusal::Expired)
    }

    /// For how long it has gone unused, also before this process knew of it.
    pub(super) const fn idle_for(&self, tick: Tick) -> Duration {
        tick.saturating_since(self.seen)
            .saturating_add(self.idle_before)
    }

    pub(super) fn see(&mut self, tick: Tick) {
        self.seen = self.seen.max(tick);
        self.idle_before = Duration::ZERO;
        self.is_used = true;
        self.is_recent = true;
    }

    /// What it did beside its requests.
    pub(super) fn activity(&mut self) -> &mut Activity {
        self.activity.get_or_insert_default()
    }

    /// Counts a request that was refused.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.activity().refusals_mut().count(refusal);
    }

    /// Whether there are uses that are not yet listed to be written; lists them.
    pub(super) const fn list_uses(&mut self) -> bool {
        !std::mem::replace(&mut self.is_listed, true)
    }

    /// The wall clock as it would be had it not stepped since the end of the record was first seen:
    /// idle times are told by it, here and after the record was read again.
    fn unstepped(&self, now: Timestamp, tick: Tick) -> Timestamp {
        match self.deadline {
            Some((at, deadline)) if deadline > tick => {
                at.saturating_sub(deadline.saturating_since(tick))
            }
            _ => now,
        }
    }

    /// Takes out the uses that are listed to be written.
    pub(super) fn take_uses(
        &mut self,
        id: CredentialId,
        now: Timestamp,
        tick: Tick,
    ) -> Option<Uses> {
        if !std::mem::take(&mut self.is_listed) {
            return None;
        }
        let uses = self.counted(id, now, tick);
        self.requests = 0;
        self.is_used = false;
        Some(uses.take(self.activity.as_deref_mut(), tick))
    }

    /// What [`take_uses`](Self::take_uses) would take out.
    pub(super) fn peek_uses(&self, id: CredentialId, now: Timestamp, tick: Tick) -> Option<Uses> {
        let activity = self.activity.as_deref();
        self.is_listed
            .then(|| self.counted(id, now, tick).peek(activity, tick))
    }

    fn counted(&self, id: CredentialId, now: Timestamp, tick: Tick) -> Uses {
        let now = self.unstepped(now, tick);
        let mut uses = Uses::new(id, now);
        uses.requests = self.requests.into();
        let last = now.saturating_sub(tick.saturating_since(self.seen));
        uses.last_used_at = self.is_used.then_some(last);
        uses
    }

    pub(super) fn put_back(&mut self, uses: Uses) -> bool {
        self.activity().put_back(uses);
        self.list_uses()
    }
}
