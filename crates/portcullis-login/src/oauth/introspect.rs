//! Looking up whether a token is active (RFC 7662).

use portcullis_core::Secret;
use portcullis_registry::{Hot, Principal};
use portcullis_token::TokenKind;
use serde::Serialize;

use super::{OAuth, approval::names_of};
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
        let found = self.bearer(token).await?;
        let Some(found) = found.filter(|found| found.owner() == caller.owner()) else {
            return Ok(Introspection::default());
        };
        let catalogue = self.login.registry().catalogue();
        let is_session = found.kind() == TokenKind::Session;
        let client = Some(found.name()).filter(|name| is_session && !name.is_empty());
        Ok(Introspection {
            active: true,
            scope: Some(names_of(catalogue, found.scopes()).join(" ")),
            client_id: client.map(Into::into),
            token_type: Some("Bearer"),
            exp: found.expires_at().map(|at| at.unix_seconds()),
            sub: found.user().map(ToString::to_string),
            iss: Some(self.base.to_string()),
            jti: found.id().map(|id| id.to_string()),
            org_id: Some(found.owner().to_string()),
        })
    }

    /// Whom a key or an access token speaks for, if it is accepted. This is no use of it.
    pub(super) async fn bearer(
        &self,
        token: &Secret<String>,
    ) -> Result<Option<Principal>, Unavailable> {
        /// How often a credential that memory has let go is read again.
        const TRIES: usize = 4;
        let registry = self.login.registry();
        let Ok(token) = registry.format().recognize(token.expose().as_bytes()) else {
            return Ok(None);
        };
        if !matches!(token.kind(), TokenKind::ApiKey | TokenKind::Session) {
            return Ok(None);
        }
        if !token.checksum_holds() {
            return Ok(None);
        }
        for _ in 0..TRIES {
            match registry.inspect(&token) {
                Hot::Known(principal) => return Ok(Some(principal)),
                Hot::Rejected => return Ok(None),
                Hot::Miss => {
                    if !registry.load(token.id()).await? {
                        return Ok(None);
                    }
                }
                Hot::UnknownPepper => {
                    let attempt = "the token could not be checked";
                    return Err(Unavailable::permanent(attempt, "its pepper was not given"));
                }
            }
        }
        Err(crate::tickets::contended())
    }
}
