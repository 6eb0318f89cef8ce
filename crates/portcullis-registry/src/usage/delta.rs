//! What is written of the uses of a credential.

use portcullis_core::{CredentialId, Timestamp};
use portcullis_scope::Grant;

use super::{Network, Refusals};

/// Uses of a credential since the last write.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UsageDelta {
    /// The credential.
    pub id: CredentialId,
    /// When they were gathered: the day that they are counted under.
    pub at: Timestamp,
    /// The newest use, if there was one; an older one than what is stored is passed over.
    pub last_used_at: Option<Timestamp>,
    /// Requests passed, to be added.
    pub requests: u64,
    /// Requests denied, to be added.
    pub refusals: Refusals,
    /// Scopes used, to be joined.
    pub scopes: Grant,
    /// From where it was used, and when last from there.
    pub networks: Vec<(Network, Timestamp)>,
    /// By which programs, as they call themselves, and when last by these.
    pub agents: Vec<(String, Timestamp)>,
}

impl UsageDelta {
    /// No use yet.
    #[must_use]
    pub fn new(id: CredentialId, at: Timestamp) -> Self {
        Self {
            id,
            at,
            last_used_at: None,
            requests: 0,
            refusals: Refusals::default(),
            scopes: Grant::default(),
            networks: Vec::new(),
            agents: Vec::new(),
        }
    }
}
