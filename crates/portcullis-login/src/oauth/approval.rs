//! What is shown to a person who decides whether a client is let in, and what they may answer.

use std::time::Duration;

use portcullis_registry::{Owner, StoreError};
use portcullis_scope::Scope;

use crate::{Org, Role, Unavailable};

/// A client, as a person is shown it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientShown {
    /// Its id.
    pub id: String,
    /// What it is called. Of one that has registered itself it is its own claim.
    pub name: String,
    /// Whether it has registered itself: nobody vouches for its name then, and the page says so.
    pub is_self_registered: bool,
}

/// A scope, as a person is shown it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ScopeShown {
    /// Its name.
    pub scope: Scope,
    /// What it allows.
    pub description: String,
}

/// An organisation that the client may be let in to, and what it could do there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OrgChoice {
    /// The organisation.
    pub org: Org,
    /// What the person is there.
    pub role: Role,
    /// What the client would get: what it asked for, as far as the role has it; never nothing.
    pub scopes: Vec<ScopeShown>,
}

/// What a person has decided.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decision {
    /// The client is let in, to this organisation.
    Approve(Owner),
    /// It is not.
    Deny,
}

/// Why a device login could not be shown or decided.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum ApprovalError {
    /// No device waits under this code: say that it is wrong or has ended. 404.
    #[error("no device waits under this code")]
    NoSuchCode,
    /// Too many wrong codes: 429 with Retry-After. Nothing was looked at.
    #[error("too many wrong codes")]
    RateLimited {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The person has signed in over an hour ago: ask for the password again.
    #[error("the sign-in is over an hour old")]
    SignInAgain,
    /// The page is out of date: it was decided, it has ended, another person or another sign-in was
    /// shown it, or what it showed is no longer so. Nothing was decided. 409.
    #[error("this request has ended")]
    Ended,
    /// The organisation is none of those that were shown. 400.
    #[error("this organisation was not offered")]
    NoSuchOrg,
    /// A store could not be had: 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<StoreError> for ApprovalError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}
