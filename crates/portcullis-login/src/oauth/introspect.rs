//! Looking up whether a token is active (RFC 7662).

use portcullis_core::Secret;
use portcullis_registry::Principal;
use serde::Serialize;

use super::OAuth;
use crate::Unavailable;

/// What a token is, as JSON to be answered as it is, with `Cache-Control: no-store`.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Introspection {
    /// Whether it is accepted. If not, nothing else is said.
    pub active: bool,
    /// What it may do: every scope by name, with spaces between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The client that it was made for, if it is of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// `Bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_type: Option<&'static str>,
    /// When it ends, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    /// The person: whose session it is, or who made the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// The service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// The id of the key or session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The organisation that it speaks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org_id: Option<String>,
}

impl OAuth {
    /// What a token is, to a caller of the same organisation; to others, and of refresh tokens, it
    /// is not active.
    ///
    /// Whether the caller may ask at all is for the route to say.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn introspect(
        &self,
        caller: &Principal,
        token: &Secret<String>,
    ) -> Result<Introspection, Unavailable> {
        todo!("{caller:?} {token:?}")
    }
}
