//! Revoking keys.

use portcullis_core::CredentialId;
use portcullis_token::TokenKind;
use serde_json::json;

use crate::{
    Actor, Batch, ChangeError, CredentialRecord, Filter, Of, Owner, Registry, State, StoreError,
    change::{TRIES, Try},
    lineage::AT_A_TIME,
};

/// After so many conflicts in a row the records of a revoke are written one by one.
pub(super) const PATIENCE: usize = 4;

/// How far a revoke reaches when its call returns.
#[must_use]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Revoked {
    /// No check that begins later, on any node, accepts the credential.
    Everywhere,
}

impl Registry {
    /// Revokes a key, and every key that was made by it, for ever.
    ///
    /// The key falls first, and in the same commit as many of those below it as fit and are near;
    /// the others are looked for after that. From then on nothing can be made below it. The
    /// successor of a rotated key stays, and with it what it was given by the rotation.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`] for one that is unknown or of another owner, and for one that was
    /// revoked already: then what an earlier call may have left is revoked now.
    /// [`ChangeError::Ended`] for the actor's own credential.
    /// [`ChangeError::Contended`] and [`ChangeError::Store`], after which some may be revoked: ask
    /// again. The same goes for a call that was dropped.
    pub async fn revoke_key(
        &self,
        actor: &Actor,
        id: CredentialId,
    ) -> Result<Revoked, ChangeError> {
        self.check_may_end(actor).await?;
        let Some((record, _)) = self.read(id).await? else {
            return Err(ChangeError::NotFound);
        };
        if record.kind != TokenKind::ApiKey {
            return Err(ChangeError::NotFound);
        }
        Self::authorise(actor, &record.owner)?;
        let was_revoked = record.state == State::Revoked;
        self.fell(actor, vec![record], Action::ByKind).await?;
        if was_revoked {
            Err(ChangeError::NotFound)
        } else {
            Ok(Revoked::Everywhere)
        }
    }

    /// Revokes those keys of an owner that a filter keeps, and every key that was made by them.
    ///
    /// What is made meanwhile and kept by the filter is revoked too. Returns how many were revoked.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`] for another owner; else as [`revoke_key`](Self::revoke_key): asked
    /// again with the same or another filter, it completes what a call before has left.
    pub async fn revoke_matching(
        &self,
        actor: &Actor,
        owner: &Owner,
        filter: &Filter,
    ) -> Result<u64, ChangeError> {
        Self::authorise(actor, owner)?;
        self.check_may_end(actor).await?;
        let mut revoked = 0_u64;
        loop {
            let mut roots = self
                .all_that(Of::Keys(owner.clone()), filter.clone())
                .await?;
            if roots.is_empty() {
                roots = self.orphans(owner).await?;
            }
            if roots.is_empty() {
                self.follow_changes().await?;
                return Ok(revoked);
            }
            revoked = revoked.saturating_add(self.fell(actor, roots, Action::ByKind).await?);
        }
    }

    /// The live keys of an owner above which one is revoked: somebody's revoke was cut off.
    async fn orphans(&self, owner: &Owner) -> Result<Vec<CredentialRecord>, StoreError> {
        let mut orphans = Vec::new();
        for key in self.all(Of::Keys(owner.clone())).await? {
            let makers = self.makers(&key).await?;
            if makers.iter().any(|maker| maker.state == State::Revoked) {
                orphans.push(key);
            }
        }
        Ok(orphans)
    }

    /// Revokes these and all below them, what is above before what is below; returns how many.
    ///
    /// No further credential can be made below a revoked one (`Registry::standing`), so this ends.
    pub(crate) async fn fell(
        &self,
        actor: &Actor,
        mut roots: Vec<CredentialRecord>,
        action: Action,
    ) -> Result<u64, ChangeError> {
        let (mut felled, mut overtaken) = (0_u64, 0);
        loop {
            let live = roots.iter().filter(|root| root.state != State::Revoked);
            let mut doomed: Vec<_> = live.cloned().collect();
            let below = if doomed.is_empty() {
                self.descendants(&roots).await?
            } else {
                // Whoever has made very many below them must not keep the roots alive meanwhile.
                self.near_descendants(&roots).await?
            };
            doomed.extend(below.into_iter().map(|below| below.record));
            if doomed.is_empty() {
                // Others may have revoked some of these, and not have come to their end.
                self.follow_changes().await?;
                return Ok(felled);
            }
            // Whoever keeps changing one of those below must not keep the root alive.
            let at_a_time = if overtaken < PATIENCE { AT_A_TIME } else { 1 };
            for records in doomed.chunks(at_a_time) {
                match self.revoke_once(actor, records, action).await? {
                    Try::Done => {
                        felled = felled.saturating_add(count(records));
                        overtaken = overtaken.min(PATIENCE);
                    }
                    Try::Overtaken if overtaken < PATIENCE + TRIES => {
                        overtaken += 1;
                        break;
                    }
                    Try::Overtaken => return Err(ChangeError::Contended),
                }
            }
            // One may have been rotated meanwhile: what it made is no longer its own then.
            for root in &mut roots {
                if let Some((read, _)) = self.read(root.id).await? {
                    *root = read;
                }
            }
        }
    }

    /// Revokes these records alone, in as few commits as they fit; returns how many.
    pub(crate) async fn revoke_all(
        &self,
        actor: &Actor,
        records: Vec<CredentialRecord>,
        action: Action,
    ) -> Result<u64, ChangeError> {
        let mut revoked = 0_u64;
        for records in records.chunks(AT_A_TIME) {
            let together = self.revoke_together(actor, records.to_vec(), action);
            revoked = revoked.saturating_add(together.await?);
        }
        Ok(revoked)
    }

    async fn revoke_together(
        &self,
        actor: &Actor,
        mut records: Vec<CredentialRecord>,
        action: Action,
    ) -> Result<u64, ChangeError> {
        for _ in 0..TRIES {
            if let Try::Done = self.revoke_once(actor, &records, action).await? {
                return Ok(count(&records));
            }
            // Another writer was faster with one of them: read all again.
            let mut left = Vec::with_capacity(records.len());
            for record in &records {
                let found = self.read(record.id).await?;
                left.extend(
                    found
                        .map(|(record, _)| record)
                        .filter(|record| record.state != State::Revoked),
                );
            }
            if left.is_empty() {
                return Ok(0);
            }
            records = left;
        }
        Err(ChangeError::Contended)
    }

    async fn revoke_once(
        &self,
        actor: &Actor,
        records: &[CredentialRecord],
        action: Action,
    ) -> Result<Try, StoreError> {
        let now = self.inner.clock.now();
        let mut batch = Batch::default();
        for record in records {
            let before = match record.state {
                State::Enabled => "enabled",
                State::Disabled => "disabled",
                State::Revoked => "revoked",
            };
            let details = json!({ "state": { "before": before, "after": "revoked" } });
            batch
                .audit
                .push(self.audit(actor, action.of(record), record, details));
            let mut record = record.clone();
            record.state = State::Revoked;
            record.updated_at = now;
            batch.credentials.push(record);
        }
        self.commit(batch).await
    }
}

/// What the audit log calls the end of a credential.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    /// By its kind: somebody ends it on purpose.
    ByKind,
    Named(&'static str),
}

impl Action {
    const fn of(self, record: &CredentialRecord) -> &'static str {
        match (self, record.kind) {
            (Self::Named(name), _) => name,
            (Self::ByKind, TokenKind::ApiKey) => "key.revoked",
            (Self::ByKind, _) => "session.ended",
        }
    }
}

fn count(records: &[CredentialRecord]) -> u64 {
    u64::try_from(records.len()).unwrap_or(u64::MAX)
}
