//! The sessions of a person, as one of them sees and ends them.

use std::net::IpAddr;

use portcullis_core::CredentialId;
use portcullis_registry::{Actor, ChangeError, Principal, SessionInfo};
use portcullis_token::TokenKind;

use super::{Login, LoginError, service::at};

/// Whether a session is one that a client was given: it has the client's id as name, where a login
/// has none.
///
/// What was approved for a client is what its scopes say, and never what else the person is logged in
/// with: so of those it sees and ends itself alone.
pub(super) fn is_of_client(who: &Principal) -> bool {
    who.kind() == TokenKind::Session && !who.name().is_empty()
}

impl Login {
    /// The sessions of the person whose session asks, with whichever organisation, newest first. One
    /// that a client was given sees itself alone.
    ///
    /// # Errors
    /// [`LoginError`]: `SessionRequired` for an API key, `Rejected` if the session has ended, or
    /// `Unavailable`.
    pub async fn sessions(&self, who: &Principal) -> Result<Vec<SessionInfo>, LoginError> {
        let user = who.user().filter(|_| who.kind() == TokenKind::Session);
        let user = user.ok_or(LoginError::SessionRequired)?;
        let actor = Actor::from_principal(who);
        let mut all = self
            .registry
            .sessions_of(&actor, user)
            .await
            .map_err(refused)?;
        if is_of_client(who) {
            all.retain(|session| Some(session.credential()) == who.credential());
        }
        Ok(all)
    }

    /// Ends one of [them](Self::sessions), and what could refresh it; says whether there was one.
    ///
    /// # Errors
    /// As [`sessions`](Self::sessions).
    pub async fn end_session(
        &self,
        who: &Principal,
        id: CredentialId,
        ip: Option<IpAddr>,
    ) -> Result<bool, LoginError> {
        // The registry would let a person end those of others in the same organisation.
        let own = self.sessions(who).await?;
        if !own.iter().any(|session| session.credential() == id) {
            return Ok(false);
        }
        let actor = at(Actor::from_principal(who), ip);
        match self.registry.end_session_by_id(&actor, id).await {
            Ok(_) => Ok(true),
            Err(ChangeError::NotFound) => Ok(false),
            Err(error) => Err(refused(error)),
        }
    }
}

fn refused(error: ChangeError) -> LoginError {
    match error {
        ChangeError::SessionRequired => LoginError::SessionRequired,
        ChangeError::Ended => LoginError::Rejected,
        error => error.into(),
    }
}
