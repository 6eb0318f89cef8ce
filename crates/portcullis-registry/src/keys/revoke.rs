//! Revoking keys.

use std::collections::HashSet;

use portcullis_core::CredentialId;
use portcullis_token::TokenKind;
use serde_json::json;

use crate::{
    Actor, Batch, ChangeError, CredentialRecord, Filter, Of, Query, Registry, State, StoreError,
    change::{TRIES, Try},
};

/// How many records are read or revoked at a time.
const AT_A_TIME: usize = 100;

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
    /// # Errors
    /// [`ChangeError::NotFound`] for one that is unknown, revoked or of another owner;
    /// [`ChangeError::Ended`] for an actor whose own credential has ended;
    /// [`ChangeError::Contended`] and [`ChangeError::Store`], after which some may be revoked: ask
    /// again.
    pub async fn revoke_key(
        &self,
        actor: &Actor,
        id: CredentialId,
    ) -> Result<Revoked, ChangeError> {
        self.standing(actor).await?;
        let Some((record, _)) = self.read(id).await? else {
            return Err(ChangeError::NotFound);
        };
        if record.kind != TokenKind::ApiKey {
            return Err(ChangeError::NotFound);
        }
        Self::authorise(actor, &record.owner)?;
        let was_revoked = record.state == State::Revoked;
        self.revoke_with_descendants(actor, record, "key.revoked")
            .await?;
        if was_revoked {
            Err(ChangeError::NotFound)
        } else {
            Ok(Revoked::Everywhere)
        }
    }

    /// Revokes what can be seen now, the root last; then what a race has let through meanwhile.
    ///
    /// No further credential can be made by a revoked one (`Registry::standing`). Those that were
    /// not seen yet can go on until a round finds them: it ends when the makers are all found. A root
    /// that was revoked already is gone through again, for what it made itself; what a revoked
    /// descendant made is found only while this call remembers that one.
    pub(crate) async fn revoke_with_descendants(
        &self,
        actor: &Actor,
        root: CredentialRecord,
        action: &'static str,
    ) -> Result<(), ChangeError> {
        let mut makers = vec![root.id];
        let mut doomed = self.descendants(makers.clone()).await?;
        doomed.reverse();
        if root.state != State::Revoked {
            doomed.push(root);
        }
        while !doomed.is_empty() {
            makers.extend(doomed.iter().map(|record| record.id));
            self.revoke_all(actor, doomed, action).await?;
            doomed = self.descendants(makers.clone()).await?;
        }
        // Others may have revoked some of these, and not have come to their end.
        Ok(self.follow_changes().await?)
    }

    /// Revokes these records, in as few commits as they fit.
    pub(crate) async fn revoke_all(
        &self,
        actor: &Actor,
        records: Vec<CredentialRecord>,
        action: &'static str,
    ) -> Result<(), ChangeError> {
        for records in records.chunks(AT_A_TIME) {
            self.revoke_together(actor, records.to_vec(), action)
                .await?;
        }
        Ok(())
    }

    async fn revoke_together(
        &self,
        actor: &Actor,
        mut records: Vec<CredentialRecord>,
        action: &'static str,
    ) -> Result<(), ChangeError> {
        for _ in 0..TRIES {
            let now = self.inner.clock.now();
            let mut batch = Batch::default();
            for record in &records {
                let details = json!({ "state": { "after": "revoked" } });
                batch.audit.push(self.audit(actor, action, record, details));
                let mut record = record.clone();
                record.state = State::Revoked;
                record.updated_at = now;
                batch.credentials.push(record);
            }
            if let Try::Done = self.commit(batch).await? {
                return Ok(());
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
                return Ok(());
            }
            records = left;
        }
        Err(ChangeError::Contended)
    }

    /// The live credentials that were made by these, and by those, and so on, whether those are
    /// still live or not.
    pub(super) async fn descendants(
        &self,
        mut makers: Vec<CredentialId>,
    ) -> Result<Vec<CredentialRecord>, StoreError> {
        let mut found: Vec<CredentialRecord> = Vec::new();
        let mut seen: HashSet<CredentialId> = makers.iter().copied().collect();
        while let Some(maker) = makers.pop() {
            for record in self.all(Of::CreatedBy(maker)).await? {
                if seen.insert(record.id) {
                    makers.push(record.id);
                    if record.state != State::Revoked {
                        found.push(record);
                    }
                }
            }
        }
        Ok(found)
    }

    /// A whole list.
    pub(crate) async fn all(&self, of: Of) -> Result<Vec<CredentialRecord>, StoreError> {
        let mut records = Vec::new();
        let mut after = None;
        loop {
            let query = Query {
                of: of.clone(),
                filter: Filter::default(),
                after,
                offset: 0,
                limit: AT_A_TIME,
            };
            let page = self.inner.store.list(query).await?;
            records.extend(page.items.into_iter().map(|(record, _)| record));
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(records),
            }
        }
    }
}
