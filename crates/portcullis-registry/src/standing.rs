//! What an actor may hand on at the time of a change.

use portcullis_core::{CredentialId, Timestamp};
use portcullis_limit::Quota;
use portcullis_scope::{Grant, ScopeSet};

use crate::{
    Actor, Batch, ChangeError, CredentialRecord, Found, Key, Networks, Owner, OwnerRecord,
    Registry, State, Usage, Verifier, Version,
};

/// What an actor may hand on now, and on what that depends.
///
/// The check that let the actor in may be long ago: a body can be slow to come. So the credential
/// is read again, and those that it falls with, and the change is made only if all of them are
/// still as they were when it is committed. So nothing is made below a key once that key is
/// revoked, however many steps are between.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) scopes: ScopeSet,
    /// The acting credential and those that it falls with, if it is one of ours.
    pub(crate) unchanged: Vec<(CredentialId, Version)>,
    /// For whom it acts, as that owner was found not to be suspended.
    owner: Option<(Owner, Version)>,
    /// When what it makes ends at the latest, if it is a key that ends.
    pub(crate) latest: Option<Timestamp>,
    /// Within which networks what it makes is accepted.
    pub(crate) networks: Networks,
    /// What limits it by itself, and so what it makes.
    pub(crate) quota: Option<Quota>,
}

impl Standing {
    fn pin_owner(
        &mut self,
        owner: &Owner,
        record: Option<&OwnerRecord>,
    ) -> Result<(), ChangeError> {
        if record.is_some_and(|record| record.suspended) {
            return Err(ChangeError::Suspended);
        }
        let version = record.map_or(Version(0), |record| record.version);
        self.owner = Some((owner.clone(), version));
        Ok(())
    }

    /// A batch that is refused unless all that this depends on is as it was.
    pub(crate) fn batch(self) -> Batch {
        Batch {
            unchanged: self.unchanged,
            unchanged_owners: self.owner.into_iter().collect(),
            ..Batch::default()
        }
    }

    /// Whether this is the acting credential, or one that it falls with.
    pub(crate) fn depends_on(&self, id: CredentialId) -> bool {
        self.unchanged.iter().any(|(held, _)| *held == id)
    }
}

impl Registry {
    /// What the actor may hand on now, and on what that depends.
    ///
    /// # Errors
    /// [`ChangeError::Ended`] if its credential, or one that it falls with, is revoked, disabled or
    /// expired, or a session that has gone unused for its idle time or
    /// [speaks for another owner](Self::switch_owner) now; [`ChangeError::Suspended`] if the owner
    /// that it acts for is; [`ChangeError::Store`].
    pub(crate) async fn standing(&self, actor: &Actor) -> Result<Standing, ChangeError> {
        let mut standing = self.standing_at_login(actor);
        let Some(id) = actor.credential() else {
            if let Some(owner) = actor.owner() {
                let record = self.owner(owner).await?;
                standing.pin_owner(owner, record.as_ref())?;
            }
            return Ok(standing);
        };
        let snapshot = self.inner.store.get(Key::Credential(id)).await?;
        let Found::Credential {
            record,
            usage,
            owner,
        } = snapshot.found
        else {
            return Err(ChangeError::Ended);
        };
        // A session that speaks for another owner now is not the one that was let in.
        let speaks_for_another = actor.owner().is_some_and(|owner| *owner != record.owner);
        if speaks_for_another || self.has_idled(&record, &usage) {
            return Err(ChangeError::Ended);
        }
        let held = self.inner.catalogue.resolve(&record.grant);
        standing.scopes = standing.scopes.intersect(&held);
        standing.networks = record.networks.clone();
        standing.quota = actor.key().and(record.quota);
        let makers = self.makers(&record).await?;
        for record in std::iter::once(&*record).chain(&makers) {
            if record.state != State::Enabled || self.has_ended(record) {
                return Err(ChangeError::Ended);
            }
            standing.unchanged.push((record.id, record.version));
        }
        if actor.key().is_some() {
            let above = std::iter::once(&*record).chain(&makers);
            standing.latest = above.filter_map(CredentialRecord::latest_below).min();
        }
        standing.pin_owner(&record.owner, owner.as_ref())?;
        Ok(standing)
    }

    /// Whether the actor may end what it reaches: also while its owner is suspended.
    ///
    /// # Errors
    /// As for [`standing`](Self::standing), save `Suspended`.
    pub(crate) async fn check_may_end(&self, actor: &Actor) -> Result<(), ChangeError> {
        match self.standing(actor).await {
            Ok(_) | Err(ChangeError::Suspended) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What somebody may have who is about to get a session: a person with the roles that the
    /// application says. The owner may be suspended: people log in to see why.
    pub(crate) fn standing_at_login(&self, actor: &Actor) -> Standing {
        Standing {
            scopes: actor.scopes(&self.inner.catalogue),
            unchanged: Vec::new(),
            owner: None,
            latest: None,
            networks: Networks::ANY,
            quota: None,
        }
    }

    /// What a standing may hand on of a wish: the one way by which scopes reach a new credential.
    pub(crate) fn attenuated(
        &self,
        standing: &Standing,
        wanted: &Grant,
    ) -> Result<Grant, ChangeError> {
        Ok(self.inner.catalogue.attenuate(&standing.scopes, wanted)?)
    }

    /// Whether a session has gone unused for its idle time.
    pub(crate) fn has_idled(&self, record: &CredentialRecord, usage: &Usage) -> bool {
        let Some(idle_ttl) = record.idle_ttl else {
            return false;
        };
        let inner = &self.inner;
        let idle = inner.hot.idle_for(record.id, inner.clock.tick());
        // Of what is not in memory all uses are written.
        let idle = idle.unwrap_or_else(|| {
            let used = usage.last_used_at.unwrap_or(record.created_at);
            let now = inner.deadlines.unstepped_now(record, &*inner.clock);
            now.saturating_since(used.max(record.created_at))
        });
        idle >= idle_ttl
    }
}

impl Verifier {
    /// Whether a record has ended, whatever the wall clock has done since it was first seen here.
    pub(crate) fn has_ended(&self, record: &CredentialRecord) -> bool {
        let inner = &self.inner;
        inner.deadlines.has_ended(record, &*inner.clock)
    }
}
