//! Lists of sessions, and ending one of a list.

use portcullis_core::{CredentialId, Timestamp};
use portcullis_scope::Grant;
use portcullis_token::TokenKind;

use super::end::Reach;
use crate::{
    Actor, ChangeError, CredentialRecord, Cursor, Listing, Of, Owner, PrefixedId, Registry,
    Revoked, State, Usage, User, keys::Action,
};

/// A session, as its user may see it. Nothing in it is secret.
#[derive(Clone, Debug)]
pub struct SessionInfo {
    record: CredentialRecord,
    usage: Usage,
}

/// A part of a user's sessions, newest first.
#[derive(Clone, Debug)]
pub struct SessionList {
    /// The sessions.
    pub sessions: Vec<SessionInfo>,
    /// Where the next part begins, if there is one.
    pub next: Option<Cursor>,
}

impl SessionInfo {
    /// The id as it stands in APIs: `ses_…`.
    #[must_use]
    pub const fn id(&self) -> PrefixedId {
        PrefixedId(self.record.kind, self.record.id)
    }

    /// The id of the session.
    #[must_use]
    pub const fn credential(&self) -> CredentialId {
        self.record.id
    }

    /// For whom the session speaks.
    #[must_use]
    pub const fn owner(&self) -> &Owner {
        &self.record.owner
    }

    /// What it is called: the client that it was made for, say; empty for a login.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.record.name
    }

    /// What it may do.
    #[must_use]
    pub const fn grant(&self) -> &Grant {
        &self.record.grant
    }

    /// When it was started or refreshed.
    #[must_use]
    pub const fn created_at(&self) -> Timestamp {
        self.record.created_at
    }

    /// When it ends at the latest.
    #[must_use]
    pub const fn expires_at(&self) -> Option<Timestamp> {
        self.record.expires_at
    }

    /// How it was used, up to the last flush.
    #[must_use]
    pub const fn usage(&self) -> &Usage {
        &self.usage
    }
}

impl Registry {
    /// Lists the sessions of a user that have not ended, newest first.
    ///
    /// The user's own, with whichever owner, if the user or the application itself asks; else those
    /// with the owner that the actor acts for. A part may have fewer than the listing asks for.
    ///
    /// # Errors
    /// [`ChangeError::SessionRequired`] for a key; [`ChangeError::Store`].
    pub async fn sessions(
        &self,
        actor: &Actor,
        user: &User,
        listing: Listing,
    ) -> Result<SessionList, ChangeError> {
        let reach = Reach::of(actor, user)?;
        let query = listing.of(Of::Sessions(user.clone()));
        let page = self.inner.store.list(query).await?;
        let mut items = page.items;
        items.retain(|(record, usage)| {
            reach.has(record) && !self.has_ended(record) && !self.has_idled(record, usage)
        });
        let sessions = items.into_iter();
        let sessions = sessions.map(|(record, usage)| SessionInfo { record, usage });
        Ok(SessionList {
            sessions: sessions.collect(),
            next: page.next,
        })
    }

    /// All sessions of a user that have not ended, newest first: a user has a hundred at most.
    ///
    /// # Errors
    /// As [`sessions`](Self::sessions).
    pub async fn sessions_of(
        &self,
        actor: &Actor,
        user: &User,
    ) -> Result<Vec<SessionInfo>, ChangeError> {
        let (mut sessions, mut listing) = (Vec::new(), Listing::default());
        loop {
            let part = self.sessions(actor, user, listing.clone()).await?;
            sessions.extend(part.sessions);
            match part.next {
                Some(next) => listing.after = Some(next),
                None => return Ok(sessions),
            }
        }
    }

    /// Ends a session of a list, and what could refresh it. When this returns, no check accepts
    /// either.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`] for one that is unknown, has ended, or is not within the actor's
    /// reach; [`ChangeError::SessionRequired`] for a key; [`ChangeError::Ended`] for
    /// the actor's own session; [`ChangeError::Contended`] or
    /// [`ChangeError::Store`]: ask again.
    pub async fn end_session_by_id(
        &self,
        actor: &Actor,
        id: CredentialId,
    ) -> Result<Revoked, ChangeError> {
        self.check_may_end(actor).await?;
        let found = self.read(id).await?.map(|(record, _)| record);
        let session = found.filter(|record| record.kind == TokenKind::Session);
        let session = session.ok_or(ChangeError::NotFound)?;
        let user = session.user.clone().ok_or(ChangeError::NotFound)?;
        if !Reach::of(actor, &user)?.has(&session) {
            return Err(ChangeError::NotFound);
        }
        let was_over = session.state == State::Revoked;
        match session.family {
            Some(family) => self.end_family(actor, family, Action::ByKind).await?,
            None if was_over => {}
            None => {
                self.revoke_all(actor, vec![session], Action::ByKind)
                    .await?;
            }
        }
        self.follow_changes().await?;
        if was_over {
            Err(ChangeError::NotFound)
        } else {
            Ok(Revoked::Everywhere)
        }
    }
}
