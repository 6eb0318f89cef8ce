//! Why somebody was not logged in.

use std::{error::Error, time::Duration};

use portcullis_limit::QuotaError;
use portcullis_registry::{ChangeError, StoreError};
use portcullis_token::GeneratorError;

use crate::{PasswordError, id::RandomError};

/// Why somebody was not logged in, refreshed or logged out.
///
/// Each says what to answer with over HTTP; what a client is told is no more than that.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// There is no such user, or the password is another: 401 `invalid_credentials`.
    ///
    /// Which of the two is not said, nor whether the user is a member of nothing.
    #[error("the email or the password is wrong")]
    InvalidCredentials,
    /// Too many attempts: 429 `rate_limited` with Retry-After. Nothing was looked at.
    #[error("too many attempts to log in")]
    RateLimited {
        /// How long to wait; attempts that are under way count as failed, so it may be less.
        retry_after: Duration,
    },
    /// The refresh token is wrong, ended, or was used before: 401 `invalid_token`.
    #[error("the refresh token is not accepted: log in again")]
    Rejected,
    /// An API key can't be logged out: 403 `session_required`.
    #[error("a session is needed")]
    SessionRequired,
    /// The session is one that a client was given, and this is for logins of the person: 403
    /// `insufficient_scope`.
    #[error("this is for a login of the person, and not for the session of an app")]
    Limited,
    /// A store, a pepper, memory or random bytes could not be had: 503 `unavailable`.
    ///
    /// It is neither known nor counted whether the credentials were right.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// What login needs was not to be had. The source is for the log.
#[derive(Debug, thiserror::Error)]
#[error("{attempt}")]
pub struct Unavailable {
    attempt: &'static str,
    transient: bool,
    source: Box<dyn Error + Send + Sync>,
}

impl Unavailable {
    /// Whether trying again may help.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        self.transient
    }

    pub(crate) fn permanent(
        attempt: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            attempt,
            transient: false,
            source: source.into(),
        }
    }

    /// The person lost the membership while the session was being made.
    pub(super) fn overtaken() -> Self {
        Self {
            attempt: "the membership ended meanwhile",
            transient: true,
            source: "log in again".into(),
        }
    }
}

impl From<StoreError> for Unavailable {
    fn from(error: StoreError) -> Self {
        Self {
            attempt: "the store is not available",
            transient: error.is_transient(),
            source: error.into(),
        }
    }
}

impl From<RandomError> for Unavailable {
    fn from(error: RandomError) -> Self {
        Self::permanent("there are no random bytes", error)
    }
}

impl From<ChangeError> for Unavailable {
    fn from(error: ChangeError) -> Self {
        Self {
            attempt: "the session could not be changed",
            transient: match &error {
                ChangeError::Contended => true,
                ChangeError::Store(error) => error.is_transient(),
                _ => false,
            },
            source: error.into(),
        }
    }
}

impl From<PasswordError> for Unavailable {
    fn from(error: PasswordError) -> Self {
        Self {
            attempt: "the password could not be checked",
            transient: error.is_transient(),
            source: error.into(),
        }
    }
}

impl From<StoreError> for LoginError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<ChangeError> for LoginError {
    fn from(error: ChangeError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// Why a [`Login`](crate::Login) can't be built.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The roles are of another catalogue than the registry.
    #[error("the roles are of another catalogue than the registry")]
    ForeignRoles,
    /// The generator of the operating system failed.
    #[error(transparent)]
    Generator(#[from] GeneratorError),
    /// A limit is not a quota.
    #[error(transparent)]
    Quota(#[from] QuotaError),
}
