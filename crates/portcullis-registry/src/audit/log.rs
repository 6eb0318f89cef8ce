//! What a registry does with the log.

use portcullis_core::Timestamp;

use super::{
    AuditErasure, AuditHead, AuditKept, AuditPage, AuditQuery, AuditUpkeep, AuditVerification,
    AuditVerified, VerifyAuditError, verification::read,
};
use crate::{Actor, AuditEntry, Batch, ChangeError, Registry, StoreError, change::Try};

/// How many rows are read at a time at most.
const MOST: usize = 1_000;

impl Registry {
    /// Reads a part of the audit log: for an actor with an owner, of the rows of that owner alone.
    ///
    /// Whether the actor may read it at all is for the route to ask (`audit:read`, say). `limit` is
    /// taken as the nearest of 1 to 1,000. Numbers are those of the whole log, so they have gaps for
    /// an owner.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`] for another owner; [`ChangeError::Store`].
    pub async fn audit_log(
        &self,
        actor: &Actor,
        mut query: AuditQuery,
    ) -> Result<AuditPage, ChangeError> {
        if let Some(owner) = actor.owner() {
            let asked = query.filter.owner.replace(owner.clone());
            if asked.is_some_and(|asked| asked != *owner) {
                return Err(ChangeError::NotFound);
            }
        }
        query.limit = query.limit.clamp(1, MOST);
        Ok(read(&*self.inner.store, query).await?)
    }

    /// Adds a line of the application's own to the audit log, for what it changes itself. It is
    /// durable when this returns.
    ///
    /// Without secrets, and with actions that no row of a registry has: `post.deleted`, say.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be written; whether it was is not known then.
    pub async fn note_audit(&self, entry: AuditEntry) -> Result<(), StoreError> {
        let batch = Batch {
            audit: vec![entry],
            ..Batch::default()
        };
        match self.commit(batch).await? {
            Try::Done => Ok(()),
            // INVARIANT: a line alone is at odds with nothing.
            Try::Overtaken => Err(StoreError::permanent(
                "the store refused a line",
                "overtaken",
            )),
        }
    }

    /// The newest row of the audit log: a witness, if it is kept elsewhere.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read.
    pub async fn audit_head(&self) -> Result<AuditHead, StoreError> {
        let query = AuditQuery {
            limit: 1,
            counted: false,
            ..AuditQuery::default()
        };
        Ok(read(&*self.inner.store, query).await?.head)
    }

    /// Verifies the whole audit log, and that it has the row of a witness.
    ///
    /// It reads all rows, a thousand at a time, and takes some microseconds for each.
    ///
    /// # What it can't show
    /// The chain has no key. Whoever may write the whole database can write another chain, of which
    /// all is as it should be: a witness that was kept elsewhere before shows it, up to its row. So
    /// keep one ([`audit_head`](Self::audit_head)), and often. What was done to a database beside its
    /// rows, a trigger or an index, is for a verification by its own crate to show.
    ///
    /// # Errors
    /// [`VerifyAuditError`]: what is wrong, and with which row; or the store could not be read.
    pub async fn verify_audit(
        &self,
        witness: Option<AuditHead>,
    ) -> Result<AuditVerified, VerifyAuditError> {
        let verification = AuditVerification::new(witness);
        verification.run(&*self.inner.store).await
    }

    /// Removes the oldest rows of the audit log, up to the first that is not from before `before`.
    ///
    /// What is left is verified as before; a row says what was removed. A store that others may write
    /// to refuses to remove rows that are not as they were written.
    ///
    /// # Errors
    /// [`ChangeError::Reserved`] unless the application itself asks; [`ChangeError::Store`]: ask
    /// again, a part may be done.
    pub async fn prune_audit(
        &self,
        actor: &Actor,
        before: Timestamp,
    ) -> Result<AuditKept, ChangeError> {
        let mut upkeep = self.upkeep_by(actor)?;
        upkeep.prune_before = Some(before);
        Ok(upkeep.run(&*self.inner.store).await?)
    }

    /// Erases IPs from the audit log: of all rows before an instant, or of an owner.
    ///
    /// The rows stay, and the chain is verified as before; a row says what was erased. Copies of the
    /// database, its backups among them, have them still. What a store can do about traces in its own
    /// files is for it to say.
    ///
    /// # Errors
    /// As [`prune_audit`](Self::prune_audit).
    pub async fn erase_audit_ips(
        &self,
        actor: &Actor,
        erasure: AuditErasure,
    ) -> Result<AuditKept, ChangeError> {
        let mut upkeep = self.upkeep_by(actor)?;
        upkeep.erase = Some(erasure);
        Ok(upkeep.run(&*self.inner.store).await?)
    }

    fn upkeep_by(&self, actor: &Actor) -> Result<AuditUpkeep, ChangeError> {
        if !actor.is_system() {
            return Err(ChangeError::Reserved);
        }
        Ok(AuditUpkeep {
            actor: actor.audit_name(),
            ..AuditUpkeep::new(self.inner.clock.now())
        })
    }
}
