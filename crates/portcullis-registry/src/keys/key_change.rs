//! What to change of a key.

use portcullis_core::Timestamp;
use portcullis_limit::Quota;
use portcullis_scope::Grant;

use crate::{Meta, Networks, State};

/// When a credential ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expiry {
    /// It doesn't.
    Never,
    /// From this instant on it is refused.
    At(Timestamp),
}

/// What to change of a key; what is not named stays.
#[derive(Clone, Debug, Default)]
pub struct KeyChange {
    pub(super) name: Option<String>,
    pub(super) grant: Option<Grant>,
    pub(super) expiry: Option<Expiry>,
    pub(super) state: Option<State>,
    pub(super) meta: Option<Meta>,
    pub(super) networks: Option<Networks>,
    pub(super) quota: Option<OwnQuota>,
}

/// What limits a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum OwnQuota {
    /// The plan of its owner, or the gate.
    Unset,
    Set(Quota),
}

impl KeyChange {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls the key something else.
    #[must_use]
    pub fn rename(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Replaces what the key may do.
    #[must_use]
    pub fn regrant(mut self, grant: Grant) -> Self {
        self.grant = Some(grant);
        self
    }

    /// Moves the end of the key.
    #[must_use]
    pub const fn expire(mut self, expiry: Expiry) -> Self {
        self.expiry = Some(expiry);
        self
    }

    /// Switches the key on.
    #[must_use]
    pub const fn enable(mut self) -> Self {
        self.state = Some(State::Enabled);
        self
    }

    /// Switches the key off until it is enabled again.
    #[must_use]
    pub const fn disable(mut self) -> Self {
        self.state = Some(State::Disabled);
        self
    }

    /// Replaces the application's own data.
    #[must_use]
    pub fn annotate(mut self, meta: Meta) -> Self {
        self.meta = Some(meta);
        self
    }

    /// Replaces the networks from which the key is accepted.
    #[must_use]
    pub fn accept_from(mut self, networks: Networks) -> Self {
        self.networks = Some(networks);
        self
    }

    /// Gives the key a quota of its own, which goes before that of its owner's plan; the
    /// application alone may. What was used counts against the new one.
    #[must_use]
    pub const fn limit(mut self, quota: Quota) -> Self {
        self.quota = Some(OwnQuota::Set(quota));
        self
    }

    /// Takes the key's own quota away; the application alone may.
    #[must_use]
    pub const fn unlimit(mut self) -> Self {
        self.quota = Some(OwnQuota::Unset);
        self
    }
}
