//! Changing what the sessions of a user may do, while they last.

use portcullis_scope::Grant;
use portcullis_token::TokenKind;
use serde_json::json;

use crate::{
    Actor, ChangeError, CredentialRecord, Of, Owner, Registry, User,
    change::{TRIES, Try},
    lineage::AT_A_TIME,
};

impl Registry {
    /// Gives all sessions of a user with an owner another grant: for a role that has changed. One
    /// with a ceiling gets what is within that.
    ///
    /// When this returns, every check that begins later sees the new grant. Change the role first:
    /// a refresh that has looked it up before is refused (`Contended`), and looks again. Whoever
    /// widens must hold every scope of the session, before and after. Returns how many sessions and
    /// refresh tokens were changed.
    ///
    /// # Errors
    /// [`ChangeError`]: `NotFound` for another owner, `SessionRequired` for a key, `Excess` and
    /// `UnknownScope` for the grant; `Contended` and `Store`: some may be changed, ask again.
    pub async fn change_sessions(
        &self,
        actor: &Actor,
        user: &User,
        owner: &Owner,
        grant: &Grant,
    ) -> Result<u64, ChangeError> {
        Self::authorise(actor, owner)?;
        if actor.key().is_some() {
            return Err(ChangeError::SessionRequired);
        }
        let (mut changed, mut overtaken) = (0_u64, 0);
        while overtaken < TRIES {
            let standing = self.standing(actor).await?;
            let giver = standing.scopes;
            let mut batch = standing.batch();
            for before in self.all(Of::User(user.clone())).await? {
                if before.kind == TokenKind::ApiKey || before.owner != *owner {
                    continue;
                }
                let grant = self.within(before.ceiling.as_ref(), grant)?;
                let after = self.regranted(&giver, &before, &grant)?;
                if after.grant == before.grant {
                    continue;
                }
                let names = |record: &CredentialRecord| -> Vec<String> {
                    record.grant.names().map(Into::into).collect()
                };
                let details = json!({"scopes": {"before": names(&before), "after": names(&after)}});
                let line = self.audit(actor, "session.changed", &after, details);
                batch.audit.push(line);
                batch.credentials.push(after);
                if batch.credentials.len() >= AT_A_TIME {
                    break;
                }
            }
            let written = u64::try_from(batch.credentials.len()).unwrap_or(u64::MAX);
            if written == 0 {
                self.follow_changes().await?;
                return Ok(changed);
            }
            match self.commit(batch).await? {
                Try::Done => changed = changed.saturating_add(written),
                Try::Overtaken => overtaken += 1,
            }
        }
        Err(ChangeError::Contended)
    }

    fn regranted(
        &self,
        giver: &portcullis_scope::ScopeSet,
        before: &CredentialRecord,
        wanted: &Grant,
    ) -> Result<CredentialRecord, ChangeError> {
        let catalogue = &self.inner.catalogue;
        let held = catalogue.resolve(&before.grant);
        let widens = !catalogue.resolve(wanted).is_subset_of(&held);
        // What is within the session already is handed on by nobody, whoever asks.
        let giver = if widens { *giver } else { catalogue.all() };
        let mut after = before.clone();
        after.grant = catalogue.rewrite(&giver, &before.grant, wanted)?;
        after.updated_at = self.inner.clock.now();
        Ok(after)
    }
}
