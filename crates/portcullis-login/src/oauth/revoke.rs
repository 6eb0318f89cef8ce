//! Revoking (RFC 7009).

use std::net::IpAddr;

use portcullis_core::Secret;
use portcullis_registry::{Actor, ChangeError, RefreshError, Revoked};
use portcullis_token::TokenKind;

use super::{OAuth, TokenError};
use crate::{Unavailable, login::at};

impl OAuth {
    /// Ends the login that an access or refresh token is of. What is no token of ours, or has
    /// ended, is no error (RFC 7009, section 2.2). No limit refuses it: whoever has to end a login has
    /// to be able to, and tokens are too long to be guessed.
    ///
    /// # Errors
    /// [`TokenError`]: `InvalidClient`; `InvalidGrant` for another client's token; `Unavailable`.
    pub async fn revoke(
        &self,
        client_id: &str,
        token: &Secret<String>,
        ip: Option<IpAddr>,
    ) -> Result<(), TokenError> {
        self.known_client(client_id).await?;
        let registry = self.login.registry();
        let Ok(recognized) = registry.format().recognize(token.expose().as_bytes()) else {
            return Ok(());
        };
        match recognized.kind() {
            TokenKind::Session => self.revoke_session(client_id, token, ip).await,
            TokenKind::Refresh => self.revoke_refresh(client_id, token, ip).await,
            // A key is not of a login: it is revoked where keys are.
            TokenKind::ApiKey | TokenKind::Device => Ok(()),
        }
    }

    async fn revoke_session(
        &self,
        client_id: &str,
        token: &Secret<String>,
        ip: Option<IpAddr>,
    ) -> Result<(), TokenError> {
        let Some(principal) = self.bearer(token).await? else {
            return Ok(());
        };
        check(client_id, principal.name())?;
        let actor = at(Actor::from_principal(&principal), ip);
        let registry = self.login.registry();
        match registry.end_session(&actor, &principal).await {
            Ok(_) | Err(ChangeError::NotFound) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn revoke_refresh(
        &self,
        client_id: &str,
        token: &Secret<String>,
        ip: Option<IpAddr>,
    ) -> Result<(), TokenError> {
        let nobody = at(Actor::dangerous_system(), ip);
        let registry = self.login.registry();
        // One that was used before ends its login by being seen.
        let verified = match registry.verify_refresh(&nobody, token).await {
            Ok(verified) => verified,
            Err(RefreshError::Rejected) => return Ok(()),
            Err(RefreshError::Change(error)) => return Err(error.into()),
            Err(error) => {
                let attempt = "the refresh token could not be checked";
                return Err(Unavailable::permanent(attempt, error).into());
            }
        };
        check(client_id, verified.name())?;
        let Revoked::Everywhere = registry.end_login(&nobody, &verified).await?;
        Ok(())
    }
}

/// A login by password is no client's: whoever has its token may end it.
fn check(client_id: &str, name: &str) -> Result<(), TokenError> {
    match name {
        "" => Ok(()),
        name if name == client_id => Ok(()),
        _ => Err(TokenError::InvalidGrant),
    }
}
