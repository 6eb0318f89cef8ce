//! Ending sessions: one, one login, all of a user; and everything of a user or an owner.

use portcullis_core::CredentialId;
use portcullis_token::TokenKind;

use crate::{
    Actor, ChangeError, CredentialRecord, Filter, Of, Owner, Principal, Query, Registry, Revoked,
    State, User, keys::Action,
};

/// How many live sessions a user may have; the oldest end for new ones.
const SESSIONS_PER_USER: u64 = 100;

/// Of a user's credentials, which an actor may end.
enum Reach {
    Everywhere,
    Of(Owner),
}

impl Reach {
    /// People reach all that is theirs, and what others have with the owner that they act for.
    fn of(actor: &Actor, user: &User) -> Result<Self, ChangeError> {
        if actor.key().is_some() {
            return Err(ChangeError::SessionRequired);
        }
        Ok(match actor.owner() {
            Some(owner) if actor.person() != Some(user) => Self::Of(owner.clone()),
            _ => Self::Everywhere,
        })
    }

    fn has(&self, record: &CredentialRecord) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Of(owner) => record.owner == *owner,
        }
    }
}

impl Registry {
    /// Ends a session and what could refresh it. When this returns, no check accepts either.
    ///
    /// # Errors
    /// [`ChangeError::Contended`] or [`ChangeError::Store`]: ask again.
    pub async fn end_session(
        &self,
        actor: &Actor,
        session: &Principal,
    ) -> Result<Revoked, ChangeError> {
        let own = self.read(session.credential()).await?;
        let own = own
            .map(|(record, _)| record)
            .filter(|record| record.state != State::Revoked);
        self.revoke_all(actor, own.into_iter().collect(), Action::ByKind)
            .await?;
        if let Some(family) = session.family() {
            self.end_family(actor, family, Action::ByKind).await?;
        }
        self.follow_changes().await?;
        Ok(Revoked::Everywhere)
    }

    /// Revokes all that came of one login, and what a refresh that raced with it has made.
    ///
    /// A refresh token that is revoked makes nothing more, so each round finds less.
    pub(super) async fn end_family(
        &self,
        actor: &Actor,
        family: CredentialId,
        action: Action,
    ) -> Result<(), ChangeError> {
        loop {
            let records = self.all(Of::Family(family)).await?;
            if records.is_empty() {
                // Others may have ended some of it, and not have come to their end.
                return Ok(self.follow_changes().await?);
            }
            self.revoke_all(actor, records, action).await?;
        }
    }

    /// Ends a user's oldest sessions beyond the cap.
    pub(super) async fn end_oldest(&self, actor: &Actor, user: &User) -> Result<(), ChangeError> {
        let beyond = Query {
            of: Of::Sessions(user.clone()),
            filter: Filter::default(),
            after: None,
            offset: SESSIONS_PER_USER,
            limit: 100,
        };
        for (record, _) in self.inner.store.list(beyond).await?.items {
            match record.family {
                Some(family) => {
                    self.end_family(actor, family, Action::Named("session.displaced"))
                        .await?;
                }
                None => {
                    self.revoke_all(actor, vec![record], Action::Named("session.displaced"))
                        .await?;
                }
            }
        }
        Ok(())
    }

    /// Ends all sessions of a user, and what could refresh them: logs out everywhere.
    ///
    /// The user's own, with whichever owner, if the user or the application itself asks; else those
    /// with the owner that the actor acts for. What is refreshed meanwhile ends too. Returns how many
    /// sessions and refresh tokens were ended.
    ///
    /// # Errors
    /// [`ChangeError::SessionRequired`] for a key; [`ChangeError::Ended`] or
    /// [`ChangeError::Suspended`] for the actor's own session; [`ChangeError::Contended`] or
    /// [`ChangeError::Store`]: ask again.
    pub async fn end_sessions_of(&self, actor: &Actor, user: &User) -> Result<u64, ChangeError> {
        let reach = Reach::of(actor, user)?;
        self.standing(actor).await?;
        let is_session = |record: &CredentialRecord| record.kind != TokenKind::ApiKey;
        self.fell_all(actor, &Of::User(user.clone()), |record| {
            reach.has(record) && is_session(record)
        })
        .await
    }

    /// Ends the sessions of a user with one owner, and what could refresh them: for a person who is no
    /// longer a member. Remove the membership first: what is refreshed meanwhile ends too.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`] for another owner; else as for
    /// [`end_sessions_of`](Self::end_sessions_of).
    pub async fn end_sessions_with(
        &self,
        actor: &Actor,
        user: &User,
        owner: &Owner,
    ) -> Result<u64, ChangeError> {
        Self::authorise(actor, owner)?;
        if actor.key().is_some() {
            return Err(ChangeError::SessionRequired);
        }
        self.standing(actor).await?;
        self.fell_all(actor, &Of::User(user.clone()), |record| {
            record.owner == *owner && record.kind != TokenKind::ApiKey
        })
        .await
    }

    /// Ends all credentials of a user: sessions, refresh tokens, and the keys that the user made
    /// with all below them. Which, as for [`end_sessions_of`](Self::end_sessions_of).
    ///
    /// # Errors
    /// As for [`end_sessions_of`](Self::end_sessions_of).
    pub async fn revoke_user(&self, actor: &Actor, user: &User) -> Result<u64, ChangeError> {
        let reach = Reach::of(actor, user)?;
        self.standing(actor).await?;
        self.fell_all(actor, &Of::User(user.clone()), |record| reach.has(record))
            .await
    }

    /// Ends all credentials of an owner, of any kind. Returns how many.
    ///
    /// What they make meanwhile ends too; what people or the application make later does not:
    /// suspend the owner first.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`] for another owner; else as for
    /// [`end_sessions_of`](Self::end_sessions_of).
    pub async fn revoke_owner(&self, actor: &Actor, owner: &Owner) -> Result<u64, ChangeError> {
        Self::authorise(actor, owner)?;
        self.standing(actor).await?;
        self.fell_all(actor, &Of::Owner(owner.clone()), |_| true)
            .await
    }

    /// Revokes what of a list is to go and all below it, until there is none; returns how many.
    async fn fell_all(
        &self,
        actor: &Actor,
        of: &Of,
        is_to_go: impl Fn(&CredentialRecord) -> bool + Send + Sync,
    ) -> Result<u64, ChangeError> {
        let mut felled = 0_u64;
        loop {
            let mut records = self.all(of.clone()).await?;
            records.retain(|record| is_to_go(record));
            if records.is_empty() {
                self.follow_changes().await?;
                return Ok(felled);
            }
            felled = felled.saturating_add(self.fell(actor, records, Action::ByKind).await?);
        }
    }
}
