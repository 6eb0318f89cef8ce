//! The sessions and devices of a person who is signed in to the pages.

use std::net::IpAddr;

use portcullis_core::CredentialId;
use portcullis_registry::{Actor, ChangeError, SessionInfo};

use portcullis_scope::ScopeSet;

use super::{PageUser, Pages};
use crate::{LoginError, Unavailable, login::at};

impl Pages {
    /// The sessions of the person, with whichever organisation, newest first: logins, and the
    /// clients that were let in, which have their id as name.
    ///
    /// # Errors
    /// [`LoginError::Unavailable`].
    pub async fn sessions(&self, user: &PageUser) -> Result<Vec<SessionInfo>, LoginError> {
        let actor = self.actor(user, None).await?;
        let registry = self.login.registry();
        Ok(registry.sessions_of(&actor, &user.account.id).await?)
    }

    /// Ends one of them, and what could refresh it; says whether there was one.
    ///
    /// # Errors
    /// [`LoginError::Unavailable`].
    pub async fn end_session(
        &self,
        user: &PageUser,
        id: CredentialId,
        ip: Option<IpAddr>,
    ) -> Result<bool, LoginError> {
        // The registry would let a person end those of others in the same organisation.
        let own = self.sessions(user).await?;
        if !own.iter().any(|session| session.credential() == id) {
            return Ok(false);
        }
        let actor = self.actor(user, ip).await?;
        match self.login.registry().end_session_by_id(&actor, id).await {
            Ok(_) => Ok(true),
            Err(ChangeError::NotFound) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends all of them and all sign-ins to the pages, this one too.
    ///
    /// # Errors
    /// [`LoginError::Unavailable`].
    pub async fn sign_out_everywhere(
        &self,
        user: &PageUser,
        ip: Option<IpAddr>,
    ) -> Result<u64, LoginError> {
        let actor = self.actor(user, ip).await?;
        self.login.end_everywhere(&actor, &user.account.id).await
    }

    /// The person, as an actor who hands on nothing.
    async fn actor(&self, user: &PageUser, ip: Option<IpAddr>) -> Result<Actor, LoginError> {
        let id = user.account.id.clone();
        let memberships = self.login.directory().memberships(id.clone()).await?;
        let owner = match memberships.into_iter().next() {
            Some(oldest) => oldest.org.id,
            // Of an organisation that nobody has, so that what was the person's is still in reach.
            None => id.as_str().parse().map_err(|error| {
                Unavailable::permanent("the person can't act for anybody", error)
            })?,
        };
        Ok(at(Actor::user(owner, id, ScopeSet::EMPTY), ip))
    }
}
