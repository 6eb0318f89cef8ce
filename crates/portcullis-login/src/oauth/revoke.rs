//! Revoking (RFC 7009).

use std::net::IpAddr;

use portcullis_core::Secret;

use super::{OAuth, TokenError};

impl OAuth {
    /// Ends the login that an access or refresh token is of. What is no token of ours, or has
    /// ended, is no error (RFC 7009, section 2.2).
    ///
    /// # Errors
    /// [`TokenError`]: `InvalidClient`; `InvalidGrant` for another client's token; `Unavailable`.
    pub async fn revoke(
        &self,
        client_id: &str,
        token: &Secret<String>,
        ip: Option<IpAddr>,
    ) -> Result<(), TokenError> {
        todo!("{client_id} {token:?} {ip:?}")
    }
}
