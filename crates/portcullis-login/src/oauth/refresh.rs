//! Refreshing the session of a client (RFC 6749, section 6).

use std::net::IpAddr;

use portcullis_core::Secret;
use portcullis_registry::{Actor, RefreshError};
use portcullis_scope::{Grant, ScopeSet};

use super::{
    OAuth, TokenError, Tokens,
    approval::{AskedScope, grant_of},
    issue::refused,
};
use crate::{Unavailable, login::at};

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
        self.known_client(client_id).await?;
        let login = &self.login;
        let wait = |retry_after| TokenError::RateLimited { retry_after };
        login.attempts.check_refresh(ip).map_err(wait)?;
        let nobody = at(Actor::dangerous_system(), ip);
        let verified = login.registry.verify_refresh(&nobody, refresh_token).await;
        let verified = match verified {
            Ok(verified) if verified.name() == client_id => verified,
            Ok(_) | Err(RefreshError::Rejected) => {
                login.attempts.note_refused_refresh(ip);
                return Err(TokenError::InvalidGrant);
            }
            Err(RefreshError::Change(error)) => return Err(error.into()),
            Err(error) => {
                let attempt = "the refresh token could not be checked";
                return Err(Unavailable::permanent(attempt, error).into());
            }
        };
        let catalogue = login.registry.catalogue();
        let ceiling = verified.ceiling().cloned().unwrap_or_default();
        let narrowed = self.narrowed(scope, &catalogue.resolve(&ceiling))?;
        let refreshed = login.refresh_for(client_id, narrowed.as_ref(), refresh_token, ip);
        let refreshed = refreshed.await.map_err(refused)?;
        self.touch(client_id).await;
        Ok(self.tokens(refreshed, &narrowed.unwrap_or(ceiling)))
    }

    /// What a session is to do in place of all that was approved.
    fn narrowed(
        &self,
        scope: Option<&str>,
        ceiling: &ScopeSet,
    ) -> Result<Option<Grant>, TokenError> {
        let catalogue = self.login.registry.catalogue();
        let asked = AskedScope::read(catalogue, scope).map_err(|_| TokenError::InvalidScope)?;
        let AskedScope::Names(names) = asked else {
            return Ok(None);
        };
        let asked = grant_of(catalogue, &names);
        if !catalogue.resolve(&asked).is_subset_of(ceiling) {
            return Err(TokenError::InvalidScope);
        }
        Ok(Some(asked))
    }
}
