//! What may be asked and done while a verified credential is held.

use std::sync::Arc;

use portcullis_core::Tick;
use portcullis_limit::{Decision, Quota, Usage, Window};
use portcullis_scope::ScopeSet;
use portcullis_token::TokenKind;

use super::entry::{Kept, Live};
use crate::{Owner, Principal};

/// A verified credential, held under its lock for the time of one decision.
///
/// Everything that a decision needs is found with it, so a decision looks up once. Hold it briefly:
/// others with the same credential wait.
#[derive(Debug)]
pub struct Visit<'e> {
    live: &'e Live,
    kept: &'e mut Kept,
    tick: Tick,
}

impl<'e> Visit<'e> {
    pub(super) const fn new(live: &'e Live, kept: &'e mut Kept, tick: Tick) -> Self {
        Self { live, kept, tick }
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
        Principal::new(Arc::clone(&self.live.about), self.live.scopes)
    }

    /// Asks the credential's window for so many units; a cost of 0 peeks.
    pub fn check_rate(&mut self, quota: &Quota, cost: u32) -> Decision {
        let decision = self.kept.window.check(quota, self.tick, cost);
        if let Decision::Admit(usage) = &decision {
            self.keep_busy(usage);
        }
        decision
    }

    /// The credential's window as it stands.
    #[must_use]
    pub fn peek_rate(&self, quota: &Quota) -> Usage {
        self.kept.window.peek(quota, self.tick)
    }

    /// Counts a denial in a window of its own, as wide as the credential's quota.
    pub fn check_denial(&mut self, quota: &Quota) -> Decision {
        let window = self
            .kept
            .denials
            .get_or_insert_with(|| Box::new(Window::new()));
        let decision = window.check(quota, self.tick, 1);
        if let Decision::Admit(usage) = &decision {
            self.keep_busy(usage);
        }
        decision
    }

    /// Counts a request that passed.
    pub const fn note_passed(&mut self) {
        self.kept.requests = self.kept.requests.saturating_add(1);
    }

    /// Counts a request that was denied.
    pub const fn note_denied(&mut self) {
        self.kept.denied = self.kept.denied.saturating_add(1);
    }

    /// The entry stays at least until its windows are as good as new.
    fn keep_busy(&mut self, usage: &Usage) {
        let fresh_at = self.tick.saturating_add(usage.reset_after);
        self.kept.busy_until = self.kept.busy_until.max(fresh_at);
    }
}
