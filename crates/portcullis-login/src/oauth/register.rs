//! Clients that register themselves (RFC 7591).

use std::{net::IpAddr, time::Duration};

use portcullis_registry::StoreError;
use serde::{Deserialize, Serialize};

use super::OAuth;
use crate::{Unavailable, id::RandomError};

/// What a client says of itself. Members that are not here are ignored (RFC 7591, section 2).
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
pub struct ClientMetadata {
    /// What it is called, 1 to 100 characters that can be seen. Needed.
    pub client_name: Option<String>,
    /// Where it gets codes, at most 10.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// `authorization_code`, `refresh_token` and the one of device logins. Without any it is
    /// `authorization_code`.
    pub grant_types: Option<Vec<String>>,
    /// `code`.
    pub response_types: Option<Vec<String>>,
    /// `none`, which is also what it gets without one.
    pub token_endpoint_auth_method: Option<String>,
}

/// A client that has registered itself, as JSON to be answered with 201 and `no-store`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Registered {
    /// Its id: `dyn-` and 32 characters.
    pub client_id: String,
    /// When it did, in seconds since 1970.
    pub client_id_issued_at: i64,
    /// What it is called.
    pub client_name: String,
    /// Where it gets codes.
    pub redirect_uris: Vec<String>,
    /// How it may log people in.
    pub grant_types: Vec<String>,
    /// `code`, if it gets codes.
    pub response_types: Vec<String>,
    /// `none`.
    pub token_endpoint_auth_method: &'static str,
}

/// Why a client was not registered.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Clients don't register themselves here: 404.
    #[error("clients don't register themselves here")]
    Closed,
    /// 400 `invalid_redirect_uri`.
    #[error("a redirect URI is missing, none, or one too many")]
    InvalidRedirectUri,
    /// 400 `invalid_client_metadata`.
    #[error("{0}")]
    InvalidMetadata(&'static str),
    /// Over 10 in an hour from one address: 429 with Retry-After.
    #[error("too many registrations")]
    RateLimited {
        /// How long to wait.
        retry_after: Duration,
    },
    /// 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<StoreError> for RegisterError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<RandomError> for RegisterError {
    fn from(error: RandomError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl OAuth {
    /// Registers a client, which is forgotten when it was not used for 90 days.
    ///
    /// # Errors
    /// [`RegisterError`]: `Closed` unless [`with_registration`](Self::with_registration) was said.
    pub async fn register(
        &self,
        metadata: &ClientMetadata,
        ip: Option<IpAddr>,
    ) -> Result<Registered, RegisterError> {
        todo!("{metadata:?} {ip:?}")
    }
}
