//! Refreshing sessions: each refresh token works once, and a second use is noticed.

use std::time::Duration;

use portcullis_core::{Secret, Timestamp};
use portcullis_token::{Refresh, Token, Verified};
use serde_json::json;

use super::start::{IssuedSession, Pair, SessionTerms};
use crate::{
    Actor, Batch, ChangeError, CreatedBy, CredentialRecord, Of, Registry, State, StoreError,
    change::{TRIES, Try},
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

impl Registry {
    /// Takes a refresh token and gives a new session and the next refresh token.
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
    pub async fn refresh(
        &self,
        actor: &Actor,
        token: &Secret<String>,
        terms: &SessionTerms,
    ) -> Result<IssuedSession, RefreshError> {
        let parsed = self
            .inner
            .format
            .parse::<Refresh>(token.expose().as_bytes());
        let token = parsed.map_err(|_| RefreshError::Rejected)?;
        for _ in 0..TRIES {
            let record = self.verified_refresh(&token).await?;
            let mut batch = Batch::default();
            if let Some(successor) = record.successor {
                let successor = self.read(successor).await?.map(|(record, _)| record);
                let raced = successor.filter(|next| self.is_unused_and_young(next));
                let Some(raced) = raced else {
                    self.end_family(actor, &record).await?;
                    return Err(RefreshError::Rejected);
                };
                // The session that came with the successor goes with it.
                let now = self.inner.clock.now();
                let mut replaced = self.all(Of::CreatedBy(record.id)).await?;
                if !replaced.iter().any(|other| other.id == raced.id) {
                    replaced.push(raced);
                }
                batch
                    .credentials
                    .extend(replaced.into_iter().map(|record| revoked(record, now)));
            }
            let next = self
                .inner
                .format
                .mint::<Refresh>()
                .map_err(ChangeError::from)?;
            let mut used = record.clone();
            used.successor = Some(next.id());
            used.updated_at = self.inner.clock.now();
            let Some(user) = record.user.clone() else {
                return Err(RefreshError::Rejected);
            };
            let pair = Pair {
                owner: record.owner.clone(),
                user,
                grant: record.grant.clone(),
                family: record.family.unwrap_or(record.id),
            };
            let (issued, records) =
                self.pair(pair, next, CreatedBy::Credential(record.id), terms)?;
            batch
                .audit
                .push(self.audit(actor, "session.refreshed", &record, json!({})));
            batch.credentials.push(used);
            batch.credentials.extend(records);
            if let Try::Done = self.commit(batch).await? {
                return Ok(issued);
            }
        }
        Err(ChangeError::Contended.into())
    }

    async fn verified_refresh(
        &self,
        token: &Token<'_, Refresh>,
    ) -> Result<CredentialRecord, RefreshError> {
        let Some((record, _)) = self.read(token.id()).await? else {
            return Err(RefreshError::Rejected);
        };
        match self
            .inner
            .peppers
            .verify(token.tail(), record.pepper, &record.mac)
        {
            Verified::Match | Verified::MatchOld => {}
            Verified::Mismatch => return Err(RefreshError::Rejected),
            Verified::UnknownPepper => return Err(RefreshError::UnknownPepper),
        }
        let now = self.inner.clock.now();
        let is_live = record.state == State::Enabled
            && record.environment == token.environment()
            && record.expires_at.is_none_or(|end| now < end);
        if is_live {
            Ok(record)
        } else {
            Err(RefreshError::Rejected)
        }
    }

    fn is_unused_and_young(&self, successor: &CredentialRecord) -> bool {
        let age = self
            .inner
            .clock
            .now()
            .saturating_since(successor.created_at);
        successor.state == State::Enabled && successor.successor.is_none() && age < GRACE
    }

    async fn end_family(
        &self,
        actor: &Actor,
        record: &CredentialRecord,
    ) -> Result<(), ChangeError> {
        let family = record.family.unwrap_or(record.id);
        let records = self.all(Of::Family(family)).await?;
        self.revoke_all(actor, records, "refresh.reused").await
    }
}

fn revoked(mut record: CredentialRecord, now: Timestamp) -> CredentialRecord {
    record.state = State::Revoked;
    record.updated_at = now;
    record
}
