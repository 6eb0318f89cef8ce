//! One credential in the hot table.

use std::{sync::Arc, time::Duration};

use portcullis_core::{CredentialId, Tick, Timestamp};
use portcullis_limit::Window;
use portcullis_scope::ScopeSet;
use portcullis_token::{Mac, PepperVersion};

use crate::{CredentialRecord, Seq, State, Usage, UsageDelta, principal::About};

/// A credential in the table.
#[derive(Debug)]
pub(super) struct Entry {
    /// What its record says. Nothing after a change, until the record is read again.
    pub(super) live: Option<Live>,
    /// What outlives a change of the record.
    pub(super) kept: Kept,
}

#[derive(Debug)]
pub(super) struct Kept {
    /// The expiry as it was first read, on both clocks: a step of the wall clock moves neither.
    deadline: Option<(Timestamp, Tick)>,
    /// The newest successful verification here, or the instant of the first fill.
    pub(super) seen: Tick,
    /// For how long it had gone unused at the first fill: nothing once it is seen here.
    idle_before: Duration,
    pub(super) window: Window,
    /// Made when the credential is first denied.
    pub(super) denials: Option<Box<Window>>,
    /// When both windows are as good as new, if nobody calls.
    pub(super) busy_until: Tick,
    pub(super) requests: u32,
    pub(super) denied: u32,
    /// Whether the uses are already listed to be written.
    listed: bool,
}

/// What a record says, in the form that a check needs.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) mac: Mac,
    pub(super) pepper: PepperVersion,
    pub(super) state: State,
    pub(super) suspended: bool,
    pub(super) idle_ttl: Option<Duration>,
    pub(super) scopes: ScopeSet,
    pub(super) about: Arc<About>,
}

/// A record on its way into the table.
#[derive(Debug)]
pub(crate) struct Filling {
    pub(crate) head: Seq,
    pub(crate) record: CredentialRecord,
    pub(crate) usage: Usage,
    pub(crate) suspended: bool,
    pub(crate) scopes: ScopeSet,
    pub(crate) now: Timestamp,
    pub(crate) tick: Tick,
}

impl Filling {
    pub(super) const fn id(&self) -> CredentialId {
        self.record.id
    }

    /// A new entry; its newest use is the one that the store knows of.
    pub(super) fn entry(&self) -> Entry {
        let used = self.usage.last_used_at.unwrap_or(self.record.created_at);
        let kept = Kept {
            deadline: None,
            seen: self.tick,
            idle_before: self.now.saturating_since(used),
            window: Window::new(),
            denials: None,
            busy_until: Tick::ZERO,
            requests: 0,
            denied: 0,
            listed: false,
        };
        Entry { live: None, kept }
    }
}

impl Entry {
    pub(super) fn refill(&mut self, filling: Filling) {
        let Filling {
            record, now, tick, ..
        } = filling;
        if self.kept.deadline.map(|(at, _)| at) != record.expires_at {
            let deadline = |at: Timestamp| (at, tick.saturating_add(at.saturating_since(now)));
            self.kept.deadline = record.expires_at.map(deadline);
        }
        self.live = Some(Live {
            mac: record.mac,
            pepper: record.pepper,
            state: record.state,
            suspended: filling.suspended,
            idle_ttl: record.idle_ttl,
            scopes: filling.scopes,
            about: Arc::new(About {
                id: record.id,
                kind: record.kind,
                environment: record.environment,
                owner: record.owner,
                user: record.user,
                name: record.name,
                meta: record.meta,
                family: record.family,
                expires_at: record.expires_at,
            }),
        });
    }
}

impl Kept {
    /// From the very instant of its expiry on, and once unused for its idle time.
    pub(super) fn has_expired(&self, idle_ttl: Option<Duration>, tick: Tick) -> bool {
        self.deadline.is_some_and(|(_, deadline)| tick >= deadline)
            || idle_ttl.is_some_and(|ttl| self.idle_for(tick) >= ttl)
    }

    /// For how long it has gone unused, also before this process knew of it.
    const fn idle_for(&self, tick: Tick) -> Duration {
        tick.saturating_since(self.seen)
            .saturating_add(self.idle_before)
    }

    pub(super) fn see(&mut self, tick: Tick) {
        self.seen = self.seen.max(tick);
        self.idle_before = Duration::ZERO;
    }

    /// Whether there are uses that are not yet listed to be written; lists them.
    pub(super) const fn list_uses(&mut self) -> bool {
        !std::mem::replace(&mut self.listed, true)
    }

    pub(super) fn take_uses(&mut self) -> (u64, u64) {
        self.listed = false;
        let requests = std::mem::take(&mut self.requests);
        let denied = std::mem::take(&mut self.denied);
        (requests.into(), denied.into())
    }

    pub(super) fn put_back(&mut self, delta: &UsageDelta) -> bool {
        let add = |to: u32, from: u64| to.saturating_add(u32::try_from(from).unwrap_or(u32::MAX));
        self.requests = add(self.requests, delta.requests);
        self.denied = add(self.denied, delta.denied);
        self.list_uses()
    }

    pub(super) fn is_idle(&self, tick: Tick, after: Duration) -> bool {
        !self.listed && tick >= self.busy_until && tick.saturating_since(self.seen) >= after
    }
}
