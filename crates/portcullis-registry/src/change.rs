//! How a change is made: read, decide, commit, apply; again if another was faster.

use portcullis_core::CredentialId;
use portcullis_scope::Grant;
use serde_json::Value;

use crate::{
    Actor, AuditEntry, Batch, ChangeError, CommitError, CredentialRecord, Found, Key, Owner,
    PrefixedId, Registry, Seq, StoreError, Target, Usage,
};

/// How often a change is tried against others of the same record.
pub(crate) const TRIES: usize = 16;

/// What came of one try.
pub(crate) enum Try {
    Done,
    Overtaken,
}

/// Forgets what is known of its targets when dropped before the commit was seen to the end.
///
/// A caller that goes away in the middle of a revoke leaves a commit that may yet happen: the next
/// check then reads the store again, and the driver applies the change when it sees it.
struct Unsettled<'a> {
    registry: &'a Registry,
    targets: &'a [Target],
}

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        for target in self.targets {
            self.registry.inner.hot.apply(target, Seq(0));
        }
    }
}

impl Registry {
    /// Commits, then raises the floors and drops the records that changed, then returns.
    pub(crate) async fn commit(&self, batch: Batch) -> Result<Try, StoreError> {
        let credentials = batch
            .credentials
            .iter()
            .filter(|record| record.version.0 > 0);
        let owners = batch.owners.iter().filter(|record| record.version.0 > 0);
        let targets: Vec<Target> = credentials
            .map(|record| Target::Credential(record.id))
            .chain(owners.map(|record| Target::Owner(record.owner.clone())))
            .collect();
        let unsettled = Unsettled {
            registry: self,
            targets: &targets,
        };
        match self.inner.store.commit(batch).await {
            Ok(head) => {
                for target in &targets {
                    self.inner.hot.apply(target, head);
                }
                drop(unsettled);
                Ok(Try::Done)
            }
            Err(CommitError::Store(error)) => Err(error),
            Err(CommitError::Conflict | CommitError::TooFewCredits { .. }) => Ok(Try::Overtaken),
        }
    }

    /// Reads a credential as it is stored.
    pub(crate) async fn read(
        &self,
        id: CredentialId,
    ) -> Result<Option<(CredentialRecord, Usage)>, StoreError> {
        let snapshot = self.inner.store.get(Key::Credential(id)).await?;
        let Found::Credential { record, usage, .. } = snapshot.found else {
            return Ok(None);
        };
        if record.state == crate::State::Revoked {
            // "It is revoked already" is said only once it holds here as well.
            self.inner.hot.apply(&Target::Credential(id), snapshot.head);
        }
        Ok(Some((*record, usage)))
    }

    /// What the actor may hand on of a wish: the one way by which scopes reach a new credential.
    pub(crate) fn attenuated(&self, actor: &Actor, wanted: &Grant) -> Result<Grant, ChangeError> {
        let catalogue = &self.inner.catalogue;
        Ok(catalogue.attenuate(&actor.scopes(catalogue), wanted)?)
    }

    pub(crate) fn audit(
        &self,
        actor: &Actor,
        action: &'static str,
        record: &CredentialRecord,
        details: Value,
    ) -> AuditEntry {
        AuditEntry {
            at: self.inner.clock.now(),
            actor: actor.audit_name(),
            action,
            target: PrefixedId(record.kind, record.id).to_string(),
            owner: Some(record.owner.clone()),
            ip: actor.ip(),
            details,
        }
    }

    /// The owner that a change is for: the actor's own, or any if it is the application.
    pub(crate) fn authorise(actor: &Actor, owner: &Owner) -> Result<(), ChangeError> {
        if actor.may_act_for(owner) {
            Ok(())
        } else {
            Err(ChangeError::NotFound)
        }
    }
}
