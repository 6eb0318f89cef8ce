//! Refreshing the session of a client (RFC 6749, section 6).

use std::net::IpAddr;

use portcullis_core::Secret;

use super::{OAuth, TokenError, Tokens};

impl OAuth {
    /// Takes a refresh token of this client's and gives a new session and the next refresh token.
    ///
    /// With `scope` the session gets that alone, which has to be within what was approved; the next
    /// refresh token is for all of that again. Of a token that comes twice, see
    /// [`Registry::refresh`](portcullis_registry::Registry::refresh).
    ///
    /// # Errors
    /// [`TokenError`]: `InvalidClient`; `InvalidGrant`, also for another client's token and if the
    /// person is no longer a member; `InvalidScope`, `RateLimited`, `Unavailable`.
    pub async fn refresh_token(
        &self,
        client_id: &str,
        refresh_token: &Secret<String>,
        scope: Option<&str>,
        ip: Option<IpAddr>,
    ) -> Result<Tokens, TokenError> {
        todo!("{client_id} {refresh_token:?} {scope:?} {ip:?}")
    }
}
