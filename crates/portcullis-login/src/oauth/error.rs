//! Why a client gets no tokens.

use std::time::Duration;

use portcullis_registry::{ChangeError, StoreError};
use portcullis_token::GeneratorError;

use crate::{Unavailable, id::RandomError};

/// Why a client gets no tokens, or no device code.
///
/// Answer with status 400 and `{"error": code, "error_description": …}` (RFC 6749, section 5.2) but
/// where another status is named.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// A parameter is missing or malformed.
    #[error("{0}")]
    InvalidRequest(&'static str),
    /// There is no such client: 401 if it used an Authorization header, else 400.
    #[error("there is no such client")]
    InvalidClient,
    /// The code or token is wrong, was used, has ended, or is another client's.
    #[error("the code or token is not accepted")]
    InvalidGrant,
    /// The client may not log in this way.
    #[error("this client may not log in this way")]
    UnauthorizedClient,
    /// A scope is unknown, or beyond what was approved.
    #[error("a scope is unknown or beyond what was approved")]
    InvalidScope,
    /// The resource is another than this service (RFC 8707).
    #[error("the resource is not this service")]
    InvalidTarget,
    /// Nobody has decided yet (RFC 8628, section 3.5).
    #[error("nobody has decided yet")]
    AuthorizationPending,
    /// The client asks too often: from now on it waits 5 seconds more.
    #[error("asked too often")]
    SlowDown,
    /// The person has refused, or may give nothing of what was asked for.
    #[error("it was refused")]
    AccessDenied,
    /// Nobody has decided in time.
    #[error("nobody has decided in time")]
    ExpiredToken,
    /// Too many requests: 429 with Retry-After and the error `slow_down`. Nothing was looked at.
    #[error("too many requests")]
    RateLimited {
        /// How long to wait.
        retry_after: Duration,
    },
    /// A store or random bytes could not be had: 503, `temporarily_unavailable`.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl TokenError {
    /// The error as it stands in an answer.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown | Self::RateLimited { .. } => "slow_down",
            Self::AccessDenied => "access_denied",
            Self::ExpiredToken => "expired_token",
            Self::Unavailable(_) => "temporarily_unavailable",
        }
    }
}

impl From<StoreError> for TokenError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<ChangeError> for TokenError {
    fn from(error: ChangeError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<RandomError> for TokenError {
    fn from(error: RandomError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// Why an [`OAuth`](super::OAuth) can't be built.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum OAuthSetupError {
    /// A limit is not a quota.
    #[error(transparent)]
    Quota(#[from] portcullis_limit::QuotaError),
    /// The generator of the operating system failed.
    #[error(transparent)]
    Generator(#[from] GeneratorError),
    /// The client of the older shape is none of the clients, or may not let devices log in.
    #[error("`{0}` is no client that devices log in with")]
    NoSuchClient(String),
}
