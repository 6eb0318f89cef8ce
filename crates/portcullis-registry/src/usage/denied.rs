//! Requests that were denied, by their ids.

use std::net::IpAddr;

use portcullis_core::{CredentialId, RequestId, Timestamp};

use super::Refusal;
use crate::{Owner, PrefixedId};

/// A request that was denied, for those who ask why.
///
/// It is found by the id that the answer had in its header. Requests whose bearer was not known are
/// not kept: they are nobody's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denied {
    /// The id of the request.
    pub request: RequestId,
    /// When.
    pub at: Timestamp,
    /// For whom the bearer would have acted.
    pub owner: Owner,
    /// The credential; nothing if it was none of ours.
    pub credential: Option<PrefixedId>,
    /// Why.
    pub refusal: Refusal,
    /// What the client was told, which may be less.
    pub message: String,
    /// The method and the path of the request, without its query: at most 200 characters of it.
    /// Nothing if it was the handler that refused.
    pub route: String,
    /// From where, if known.
    pub ip: Option<IpAddr>,
}

/// Which denied requests to read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DeniedQuery {
    /// Of this owner alone; of any if absent.
    pub owner: Option<Owner>,
    /// Of this credential alone.
    pub credential: Option<CredentialId>,
    /// The request of this id alone.
    pub request: Option<RequestId>,
    /// How many to pass over.
    pub offset: u64,
    /// How many to return at most.
    pub limit: usize,
}

impl DeniedQuery {
    /// The newest 50 of all.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            owner: None,
            credential: None,
            request: None,
            offset: 0,
            limit: 50,
        }
    }

    /// Whether a request is asked for.
    #[must_use]
    pub fn keeps(&self, denied: &Denied) -> bool {
        let credential = denied.credential.map(|PrefixedId(_, id)| id);
        self.owner
            .as_ref()
            .is_none_or(|owner| *owner == denied.owner)
            && self.credential.is_none_or(|id| credential == Some(id))
            && self.request.is_none_or(|request| request == denied.request)
    }
}

impl Default for DeniedQuery {
    fn default() -> Self {
        Self::new()
    }
}

/// Denied requests, newest first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DeniedPage {
    /// The requests.
    pub items: Vec<Denied>,
    /// How many there are in all, as far as the query keeps them.
    pub total: u64,
}

impl DeniedPage {
    /// How many are kept of each owner: a store drops the oldest.
    pub const KEPT_BY_OWNER: usize = 1_000;
}
