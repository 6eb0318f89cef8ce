//! Ending sessions: one, one login, all of a user; and everything of a user or an owner.

use std::collections::HashSet;

use portcullis_core::CredentialId;
use portcullis_token::TokenKind;

use crate::{
    Actor, ChangeError, CredentialRecord, Filter, Of, Owner, Principal, Query, Registry, Revoked,
    State, User, keys::Action,
};

/// How many live sessions a user may have; see [`Registry::end_oldest`] for which stay.
const SESSIONS_PER_USER: u64 = 100;

/// Of a user's credentials, which an actor may end.
pub(super) enum Reach {
    Everywhere,
    Of(Owner),
}

impl Reach {
    /// People reach all that is theirs, and what others have with the owner that they act for.
    pub(super) fn of(actor: &Actor, user: &User) -> Result<Self, ChangeError> {
        if actor.key().is_some() {
            return Err(ChangeError::SessionRequired);
        }
        Ok(match actor.owner() {
            Some(owner) if !actor.is_user(user) => Self::Of(owner.clone()),
            _ => Self::Everywhere,
        })
    }

    pub(super) fn has(&self, record: &CredentialRecord) -> bool {
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
    /// [`ChangeError::SessionRequired`] if it is a key, or a key asks; [`ChangeError::NotFound`] for
    /// one of another owner, or of the application's own; [`ChangeError::Contended`] or
    /// [`ChangeError::Store`]: ask again.
    pub async fn end_session(
        &self,
        actor: &Actor,
        session: &Principal,
    ) -> Result<Revoked, ChangeError> {
        if actor.key().is_some() || session.kind() != TokenKind::Session {
            return Err(ChangeError::SessionRequired);
        }
        Self::authorise(actor, session.owner())?;
        let Some(id) = session.credential() else {
            return Err(ChangeError::NotFound);
        };
        let own = self.read(id).await?;
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
    pub(crate) async fn end_family(
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

    /// Keeps a user within the cap; what can't be done now is done at the next login or refresh.
    pub(super) async fn end_beyond_cap(&self, actor: &Actor, user: &User) {
        if let Err(error) = self.end_oldest(actor, user).await {
            tracing::warn!(error = %error, user = %user, "sessions beyond the cap stay for now");
        }
    }

    /// Ends a user's oldest sessions beyond the cap, and forgets those that have ended by
    /// themselves.
    ///
    /// Beyond the cap of each login the newest session stays, and then the newest logins.
    async fn end_oldest(&self, actor: &Actor, user: &User) -> Result<(), ChangeError> {
        const DISPLACED: Action = Action::Named("session.displaced");
        let any_beyond = Query {
            of: Of::Sessions(user.clone()),
            filter: Filter::default(),
            after: None,
            offset: SESSIONS_PER_USER,
            limit: 1,
        };
        if self.inner.store.list(any_beyond).await?.items.is_empty() {
            return Ok(());
        }
        let most = usize::try_from(SESSIONS_PER_USER).unwrap_or(usize::MAX);
        let sessions = self.all(Of::Sessions(user.clone())).await?;
        let (ended, mut live): (Vec<_>, Vec<_>) = sessions
            .into_iter()
            .partition(|session| self.has_ended(session));
        let mut alone = ended;
        if live.len() > most {
            // Of each login the newest: whoever refreshes much displaces nobody but itself.
            let mut seen = HashSet::new();
            let is_newest = |session: &CredentialRecord| {
                session.family.is_none_or(|family| seen.insert(family))
            };
            let (newest, older): (Vec<_>, Vec<_>) = live.into_iter().partition(is_newest);
            alone.extend(older);
            live = newest;
        }
        let beyond = live.split_off(live.len().min(most));
        let mut families = HashSet::new();
        for session in beyond {
            match session.family {
                Some(family) => {
                    families.insert(family);
                }
                None => alone.push(session),
            }
        }
        self.revoke_all(actor, alone, DISPLACED).await?;
        for family in families {
            self.end_family(actor, family, DISPLACED).await?;
        }
        Ok(())
    }

    /// Ends all sessions of a user, and what could refresh them: logs out everywhere.
    ///
    /// The user's own, with whichever owner, if the user or the application itself asks; else those
    /// with the owner that the actor acts for. What is refreshed meanwhile ends too. Returns how
    /// many sessions and refresh tokens were ended.
    ///
    /// # Errors
    /// [`ChangeError::SessionRequired`] for a key; [`ChangeError::Ended`] for
    /// the actor's own session; [`ChangeError::Contended`] or
    /// [`ChangeError::Store`]: ask again.
    pub async fn end_sessions_of(&self, actor: &Actor, user: &User) -> Result<u64, ChangeError> {
        let reach = Reach::of(actor, user)?;
        self.check_may_end(actor).await?;
        let is_session = |record: &CredentialRecord| record.kind != TokenKind::ApiKey;
        self.fell_all(actor, &Of::User(user.clone()), |record| {
            reach.has(record) && is_session(record)
        })
        .await
    }

    /// Ends the sessions of a user with one owner, and what could refresh them: for a person who is
    /// no longer a member. Remove the membership first: what is refreshed meanwhile ends too.
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
        self.check_may_end(actor).await?;
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
        self.check_may_end(actor).await?;
        self.fell_all(actor, &Of::User(user.clone()), |record| reach.has(record))
            .await
    }

    /// Ends all credentials of an owner, of any kind. Returns how many.
    ///
    /// What they make meanwhile ends too; what people or the application make later does not:
    /// suspend the owner first, whose people then make no keys, and their sessions do nothing.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`] for another owner; else as for
    /// [`end_sessions_of`](Self::end_sessions_of).
    pub async fn revoke_owner(&self, actor: &Actor, owner: &Owner) -> Result<u64, ChangeError> {
        Self::authorise(actor, owner)?;
        self.check_may_end(actor).await?;
        let mut revoked = 0_u64;
        loop {
            // What these have made is the owner's as well, and so among them.
            let records = self.all(Of::Owner(owner.clone())).await?;
            if records.is_empty() {
                self.follow_changes().await?;
                return Ok(revoked);
            }
            let all = self.revoke_all(actor, records, Action::ByKind).await?;
            revoked = revoked.saturating_add(all);
        }
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
