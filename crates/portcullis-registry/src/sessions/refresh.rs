//! Refreshing sessions: each refresh token works once, and a second use is noticed.

use std::time::Duration;

use portcullis_core::{CredentialId, Secret, Timestamp};
use portcullis_scope::Grant;
use portcullis_token::{Refresh, Verified};
use serde_json::json;

use super::start::{IssuedSession, Pair, SessionTerms};
use crate::{
    Actor, ChangeError, CreatedBy, CredentialRecord, Of, Owner, Registry, Revoked, State,
    StoreError, User,
    change::{TRIES, Try},
    keys::Action,
};

/// For so long the loser of a race between two uses of one refresh token is forgiven.
const GRACE: Duration = Duration::from_secs(30);

/// Why a session was not refreshed.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The refresh token is wrong, ended, or was used before. Outside, all are one answer.
    #[error("the refresh token is not accepted: log in again")]
    Rejected,
    /// The stored token is under a pepper that this process has not been given.
    #[error("the refresh token can't be verified now: a pepper is missing")]
    UnknownPepper,
    /// The change could not be made: try again.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for RefreshError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

/// A refresh token that verified: whose login it came of.
#[derive(Clone, Debug)]
pub struct Refreshable {
    id: CredentialId,
    owner: Owner,
    user: User,
    family: CredentialId,
    /// What the login could do when it verified.
    grant: Grant,
    ceiling: Option<Grant>,
    name: String,
}

impl Refreshable {
    /// For whom the login speaks.
    #[must_use]
    pub const fn owner(&self) -> &Owner {
        &self.owner
    }

    /// What the login is limited to, if it is to do less than its user.
    #[must_use]
    pub const fn ceiling(&self) -> Option<&Grant> {
        self.ceiling.as_ref()
    }

    /// What the session is called: the client that it was made for, say.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whose login it is.
    #[must_use]
    pub const fn user(&self) -> &User {
        &self.user
    }
}

impl Registry {
    /// Verifies a refresh token, and uses nothing up: look up what its user may do now, and then
    /// [`refresh`](Self::refresh), or [`end_login`](Self::end_login) if that is nothing.
    ///
    /// A token that was replaced or revoked ends its family, since somebody still has it.
    ///
    /// # Errors
    /// [`RefreshError`].
    pub async fn verify_refresh(
        &self,
        actor: &Actor,
        token: &Secret<String>,
    ) -> Result<Refreshable, RefreshError> {
        let parsed = self
            .inner
            .format
            .parse::<Refresh>(token.expose().as_bytes());
        let token = parsed.map_err(|_| RefreshError::Rejected)?;
        let found = {
            let _turn = self.cold_read().await;
            self.read(token.id()).await?
        };
        let Some((record, _)) = found else {
            return Err(RefreshError::Rejected);
        };
        match self
            .inner
            .peppers
            .verify(token.tail(), record.pepper, &record.mac)
        {
            Verified::Match | Verified::MatchOld => {}
            Verified::Mismatch => return Err(RefreshError::Rejected),
            // Whatever its pepper was, it has ended.
            Verified::UnknownPepper if record.state != State::Enabled => {
                return Err(RefreshError::Rejected);
            }
            Verified::UnknownPepper => return Err(RefreshError::UnknownPepper),
        }
        let family = record.family.unwrap_or(record.id);
        let Some(user) = record.user.clone() else {
            return Err(RefreshError::Rejected);
        };
        if record.environment != token.environment() || self.has_ended(&record) {
            return Err(RefreshError::Rejected);
        }
        if record.state != State::Enabled {
            self.end_family(actor, family, Action::Named("refresh.reused"))
                .await?;
            return Err(RefreshError::Rejected);
        }
        Ok(Refreshable {
            id: record.id,
            owner: record.owner,
            user,
            family,
            grant: record.grant,
            ceiling: record.ceiling,
            name: record.name,
        })
    }

    /// Uses a refresh token up for a new session with this grant, and the next refresh token. Of the
    /// grant it gets what is within the ceiling that the login began with.
    ///
    /// A token that was used before ends its whole family, since somebody else must have it; but
    /// if its immediate successor is unused and under 30 seconds old, two requests of one client
    /// have raced: that successor ends instead and another takes its place.
    ///
    /// # Atomicity
    /// The use of the token and the issue of the next are one commit.
    ///
    /// # Errors
    /// [`RefreshError`]. After `Rejected` for a reuse the family is ended; else nothing changed.
    /// `Contended` also if [`change_sessions`](Self::change_sessions) or
    /// [`switch_owner`](Self::switch_owner) came in between: verify the token again, and look up
    /// again what the user may do.
    pub async fn refresh(
        &self,
        actor: &Actor,
        token: Refreshable,
        grant: &Grant,
        terms: &SessionTerms,
    ) -> Result<IssuedSession, RefreshError> {
        self.refresh_within(actor, token, grant, None, terms).await
    }

    /// As [`refresh`](Self::refresh), for a session that is to do less than its login: it gets what
    /// is within `ceiling` as well, also when the role changes. The next refresh token is for all
    /// that the login began with (RFC 6749, section 6).
    ///
    /// # Errors
    /// As [`refresh`](Self::refresh); [`ChangeError::UnknownScope`] for the ceiling.
    pub async fn refresh_within(
        &self,
        actor: &Actor,
        token: Refreshable,
        grant: &Grant,
        ceiling: Option<&Grant>,
        terms: &SessionTerms,
    ) -> Result<IssuedSession, RefreshError> {
        Self::authorise(actor, &token.owner)?;
        if actor.credential().is_some() || actor.person().is_some_and(|who| *who != token.user) {
            return Err(RefreshError::Rejected);
        }
        for _ in 0..TRIES {
            let standing = self.standing_at_login(actor);
            let found = self.read(token.id).await?.map(|(record, _)| record);
            let is_live = |record: &CredentialRecord| {
                record.state == State::Enabled && !self.has_ended(record)
            };
            let record = found.filter(is_live).ok_or(RefreshError::Rejected)?;
            if record.grant != token.grant || record.owner != token.owner {
                return Err(ChangeError::Contended.into());
            }
            let grant = self.within(record.ceiling.as_ref(), grant)?;
            let grant = self.attenuated(&standing, &grant)?;
            let mut batch = standing.batch();
            if let Some(successor) = record.successor {
                let successor = self.read(successor).await?.map(|(record, _)| record);
                let Some(raced) = successor.filter(|next| self.is_unused_and_young(next)) else {
                    // Others may have raced as well and moved on to yet another successor.
                    let now_read = self.read(token.id).await?;
                    if now_read.is_some_and(|(now, _)| now.version != record.version) {
                        continue;
                    }
                    self.end_family(actor, token.family, Action::Named("refresh.reused"))
                        .await?;
                    return Err(RefreshError::Rejected);
                };
                // The session that came with the successor goes with it.
                let now = self.inner.clock.now();
                let mut replaced = self.all(Of::CreatedBy(record.id)).await?;
                replaced.retain(|made| made.state != State::Revoked);
                if !replaced.iter().any(|other| other.id == raced.id) {
                    replaced.push(raced);
                }
                let replaced = replaced.into_iter().map(|record| revoked(record, now));
                batch.credentials.extend(replaced);
            }
            let next = self
                .inner
                .format
                .mint::<Refresh>()
                .map_err(ChangeError::from)?;
            let mut used = record.clone();
            used.successor = Some(next.id());
            used.updated_at = self.inner.clock.now();
            let pair = Pair {
                owner: token.owner.clone(),
                user: token.user.clone(),
                grant,
                ceiling: record.ceiling.clone(),
                name: record.name.clone(),
                family: token.family,
            };
            let made_by = CreatedBy::Credential(record.id);
            let (issued, mut records) = self.pair(pair, next, made_by, terms)?;
            if let (Some(ceiling), [session, _]) = (ceiling, &mut records) {
                session.grant = self.within(Some(&session.grant), ceiling)?;
                session.ceiling = Some(self.within(session.ceiling.as_ref(), ceiling)?);
            }
            batch
                .audit
                .push(self.audit(actor, "session.refreshed", &record, json!({})));
            batch.credentials.push(used);
            batch.credentials.extend(records);
            if let Try::Done = self.commit(batch).await? {
                self.end_beyond_cap(actor, &issued.user).await;
                return Ok(issued);
            }
        }
        Err(ChangeError::Contended.into())
    }

    /// Ends the login that a refresh token came of: its sessions and all its refresh tokens.
    ///
    /// # Errors
    /// [`ChangeError::Contended`] or [`ChangeError::Store`]: ask again.
    pub async fn end_login(
        &self,
        actor: &Actor,
        token: &Refreshable,
    ) -> Result<Revoked, ChangeError> {
        Self::authorise(actor, &token.owner)?;
        self.end_family(actor, token.family, Action::ByKind).await?;
        self.follow_changes().await?;
        Ok(Revoked::Everywhere)
    }

    /// By the time that has passed here, whatever the wall clock says.
    fn is_unused_and_young(&self, successor: &CredentialRecord) -> bool {
        let inner = &self.inner;
        let now = inner.deadlines.unstepped_now(successor, &*inner.clock);
        let age = now.saturating_since(successor.created_at);
        successor.state == State::Enabled && successor.successor.is_none() && age < GRACE
    }
}

fn revoked(mut record: CredentialRecord, now: Timestamp) -> CredentialRecord {
    record.state = State::Revoked;
    record.updated_at = now;
    record
}
