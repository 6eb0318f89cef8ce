//! What may be asked and done while a verified credential is held.

use portcullis_core::Tick;
use portcullis_limit::{Decision, Quota, Usage};
use portcullis_scope::ScopeSet;
use portcullis_token::TokenKind;

use super::{
    entry::{Kept, Live, OwnerQuota},
    windows::{Longest, Windows},
};
use crate::{Owner, Principal, Refusal};

/// A verified credential, held under its lock for the time of one decision.
///
/// Everything that a decision needs is found with it, so a decision looks up once. Hold it briefly:
/// others with the same credential wait.
#[derive(Debug)]
pub struct Visit<'e> {
    live: &'e Live,
    kept: &'e mut Kept,
    place: Place<'e>,
    tick: Tick,
}

/// Where the windows of a credential are.
#[derive(Debug)]
pub(super) struct Place<'e> {
    pub(super) windows: &'e mut Windows,
    /// In a spare place: the windows are those of others too.
    pub(super) longest: Option<&'e mut Longest>,
}

impl<'e> Visit<'e> {
    pub(super) const fn new(
        live: &'e Live,
        kept: &'e mut Kept,
        place: Place<'e>,
        tick: Tick,
    ) -> Self {
        Self {
            live,
            kept,
            place,
            tick,
        }
    }

    /// API key or session.
    #[must_use]
    pub fn kind(&self) -> TokenKind {
        self.live.about.kind
    }

    /// Whom it belongs to.
    #[must_use]
    pub fn owner(&self) -> &Owner {
        &self.live.about.owner
    }

    /// Whether its owner is suspended.
    #[must_use]
    pub const fn is_suspended(&self) -> bool {
        self.live.suspended
    }

    /// What it may do.
    #[must_use]
    pub const fn scopes(&self) -> &ScopeSet {
        &self.live.scopes
    }

    /// The instant of this decision.
    #[must_use]
    pub const fn tick(&self) -> Tick {
        self.tick
    }

    /// Whom it speaks for. One reference count, no allocation.
    #[must_use]
    pub fn principal(&self) -> Principal {
        self.live.principal()
    }

    /// Asks for so many units; a cost of 0 peeks. Nothing if there is no quota at all.
    ///
    /// The credential's own quota goes before that of its owner's plan, and this before `default`.
    /// If the plan has a quota for all of the owner's credentials, both are asked, and charged
    /// together or not at all; the usage is of the one with the least remaining.
    pub fn check_rate(&mut self, default: Option<&Quota>, cost: u32) -> Option<Decision> {
        let own = self.quota(default).copied();
        let own = own.map(|quota| self.place.fit(&quota, self.tick));
        let windows = &mut *self.place.windows;
        match (own, self.live.owner_quota()) {
            (None, None) => None,
            (Some(own), None) => Some(windows.check(&own, self.tick, cost)),
            (None, Some(OwnerQuota { quota, window })) => {
                Some(window.check(quota, self.tick, cost))
            }
            (Some(own), Some(OwnerQuota { quota, window })) => {
                Some(window.check_with(quota, (windows, &own), self.tick, cost))
            }
        }
    }

    /// The limit as it stands: of two the one with the least remaining. Nothing without a quota.
    #[must_use]
    pub fn peek_rate(&self, default: Option<&Quota>) -> Option<Usage> {
        let own = self.quota(default).map(|quota| {
            let quota = self.place.fitted(quota);
            self.place.windows.window.peek(&quota, self.tick)
        });
        let owner = self.live.owner_quota();
        let owner = owner.map(|owner| owner.window.peek(&owner.quota, self.tick));
        // Of equals the credential's, as when both are charged.
        let both = own.into_iter().chain(owner);
        both.min_by_key(|usage| usage.remaining)
    }

    /// Counts a denial in a window of its own, as wide as the credential's quota. Nothing if it has
    /// none.
    pub fn check_denial(&mut self, default: Option<&Quota>) -> Option<Decision> {
        let quota = *self.quota(default)?;
        let quota = self.place.fit(&quota, self.tick);
        Some(self.place.windows.check_denial(&quota, self.tick))
    }

    /// Counts a request that passed.
    pub const fn note_passed(&mut self) {
        self.kept.requests = self.kept.requests.saturating_add(1);
    }

    /// Counts a request that was refused.
    pub fn note_refused(&mut self, refusal: Refusal) {
        self.kept.refuse(refusal);
    }

    /// Notes which scopes a request made use of.
    pub fn note_used(&mut self, scopes: &ScopeSet) {
        self.kept.activity().use_scopes(scopes);
    }

    /// Notes what program a request came from, as it calls itself: at most 120 bytes are kept.
    ///
    /// Allocates only for one that is not among the newest four.
    pub fn note_agent(&mut self, agent: &[u8]) {
        self.kept.activity().see_agent(agent, self.tick);
    }

    fn quota<'q>(&'q self, default: Option<&'q Quota>) -> Option<&'q Quota> {
        self.live.quota().or(default)
    }
}

impl Place<'_> {
    fn fitted(&self, quota: &Quota) -> Quota {
        match &self.longest {
            Some(longest) => longest.fitted(quota),
            None => *quota,
        }
    }

    fn fit(&mut self, quota: &Quota, tick: Tick) -> Quota {
        match &mut self.longest {
            Some(longest) => longest.fit(quota, self.windows.is_fresh(tick)),
            None => *quota,
        }
    }
}
