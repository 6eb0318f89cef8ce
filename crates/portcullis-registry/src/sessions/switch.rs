//! Sessions that go on to speak for another owner.

use portcullis_scope::Grant;
use serde_json::json;

use crate::{
    Actor, Batch, ChangeError, CredentialRecord, Of, Owner, Registry, State,
    change::{TRIES, Try},
};

impl Registry {
    /// Makes the session that acts, and all of its login, speak for another owner with this grant:
    /// for a person who is a member of several organisations. The tokens stay the same.
    ///
    /// That the person may speak for that owner, and what the person may do there, is for the
    /// application to know. When this returns, every check that begins later sees the new owner,
    /// and what is refreshed speaks for it. A request that was let in before goes on for the old
    /// one, but makes and changes no credentials there. The log of either owner says that the
    /// session came or went, and not where. Nothing is written if it speaks for that owner already.
    ///
    /// # Atomicity
    /// One commit: of a login no part speaks for another owner than the rest.
    ///
    /// # Errors
    /// [`ChangeError`]: `SessionRequired` unless one of our sessions acts; `Ended` if it has;
    /// `Limited` for one with a ceiling, which was approved for one owner;
    /// `UnknownScope` for the grant; `Contended` and `Store`: ask again.
    pub async fn switch_owner(
        &self,
        actor: &Actor,
        owner: &Owner,
        grant: &Grant,
    ) -> Result<(), ChangeError> {
        let Some(id) = actor.session() else {
            return Err(ChangeError::SessionRequired);
        };
        for _ in 0..TRIES {
            let read = self.read(id).await?;
            let is_live = |record: &CredentialRecord| {
                record.state == State::Enabled && !self.has_ended(record)
            };
            let Some((session, usage)) = read.filter(|(record, _)| is_live(record)) else {
                return Err(ChangeError::Ended);
            };
            if session.ceiling.is_some() {
                return Err(ChangeError::Limited);
            }
            if self.has_idled(&session, &usage) {
                return Err(ChangeError::Ended);
            }
            if session.owner == *owner {
                self.follow_changes().await?;
                return Ok(());
            }
            let batch = self.switched(actor, session, owner, grant).await?;
            if let Try::Done = self.commit(batch).await? {
                return Ok(());
            }
        }
        Err(ChangeError::Contended)
    }

    /// What is written of a login that speaks for another owner.
    async fn switched(
        &self,
        actor: &Actor,
        session: CredentialRecord,
        owner: &Owner,
        grant: &Grant,
    ) -> Result<Batch, ChangeError> {
        let catalogue = &self.inner.catalogue;
        // The application gives it, and may give everything.
        let grant = catalogue.attenuate(&catalogue.all(), grant)?;
        let now = self.inner.clock.now();
        let switch = |record: CredentialRecord| CredentialRecord {
            owner: owner.clone(),
            grant: grant.clone(),
            updated_at: now,
            ..record
        };
        let came = switch(session.clone());
        let line = |action, record| self.audit(actor, action, record, json!({}));
        let mut batch = Batch {
            audit: vec![line("session.left", &session), line("session.came", &came)],
            credentials: vec![came],
            ..Batch::default()
        };
        if let Some(family) = session.family {
            let others = self.all(Of::Family(family)).await?.into_iter();
            let others = others.filter(|other| other.id != session.id);
            batch.credentials.extend(others.map(switch));
        }
        Ok(batch)
    }
}
