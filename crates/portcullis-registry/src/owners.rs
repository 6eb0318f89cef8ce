//! Owners: noted, suspended, given a plan.

use serde_json::{Value, json};

use crate::{
    Actor, AuditEntry, Batch, ChangeError, CommitError, CreditOp, Found, Key, Owner, OwnerRecord,
    Plan, Registry, StoreError, Terms, Version,
    change::{TRIES, Try},
};

/// Whether an owner is served.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Suspension {
    /// As usual.
    Lifted,
    /// Every request of its credentials is answered with 403 `billing_suspended`.
    Suspended,
}

impl Registry {
    /// Notes an owner with its first credits; does nothing if it is known already.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be written.
    pub async fn ensure_owner(&self, owner: &Owner, credits: u32) -> Result<(), StoreError> {
        let first = CreditOp::Add {
            owner: owner.clone(),
            amount: credits.into(),
            at: self.inner.clock.now(),
            note: "first credits".into(),
        };
        let system = Actor::dangerous_system();
        let details = json!({ "credits": credits });
        let audit = self.audit_owner(&system, owner, "owner.added", details);
        let batch = Batch {
            owners: vec![OwnerRecord::new(owner.clone())],
            credits: vec![first],
            audit: vec![audit.clone()],
            ..Batch::default()
        };
        match self.inner.store.commit(batch).await {
            Ok(_) => {
                self.inner.events.tell_changes(&[audit]);
                Ok(())
            }
            Err(CommitError::Conflict | CommitError::TooFewCredits { .. }) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// An owner as it is stored: nothing of one that was never noted.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read.
    pub async fn owner(&self, owner: &Owner) -> Result<Option<OwnerRecord>, StoreError> {
        let snapshot = self.inner.store.get(Key::Owner(owner.clone())).await?;
        Ok(match snapshot.found {
            // Without a version there is but a balance.
            Found::Owner { record, .. } if record.version > Version(0) => Some(record),
            _ => None,
        })
    }

    /// Suspends an owner, or lifts the suspension. Its credentials stay as they are.
    ///
    /// When this returns, no check that begins later passes for a suspended owner, and no
    /// credential of it makes or changes another.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`] for an owner that was never noted; [`ChangeError::Reserved`] unless
    /// the application itself asks; [`ChangeError::Contended`] and [`ChangeError::Store`]: ask
    /// again.
    pub async fn set_suspended(
        &self,
        actor: &Actor,
        owner: &Owner,
        suspension: Suspension,
    ) -> Result<(), ChangeError> {
        let suspended = suspension == Suspension::Suspended;
        let changed = self.change_owner(actor, owner, "owner.suspension", Vec::new, |record| {
            let before = std::mem::replace(&mut record.suspended, suspended);
            json!({ "suspended": { "before": before, "after": suspended } })
        });
        changed.await
    }

    /// Puts a plan on an owner, or takes it away.
    ///
    /// When this returns, every check that begins later is under the new quotas. What was used of
    /// the old ones counts against the new.
    ///
    /// A first allowance is given now, and its months begin. Each ends on that day of the next
    /// calendar month (UTC), or on its last if it has no such day: what is left lapses, and a new one
    /// is given as soon as anybody looks. A plan that is changed within a month adds the difference
    /// to the most that was given for it, so nothing is gained by going back and forth; a smaller
    /// allowance, or none, takes nothing back, and holds from the next month on.
    ///
    /// # Errors
    /// As [`set_suspended`](Self::set_suspended).
    pub async fn set_plan(
        &self,
        actor: &Actor,
        owner: &Owner,
        plan: Option<Plan>,
    ) -> Result<(), ChangeError> {
        let shown = |plan: &Option<Plan>| -> Value {
            let text = plan.as_ref().map(Plan::to_json);
            text.and_then(|text| serde_json::from_str(&text).ok())
                .unwrap_or_default()
        };
        let terms = || {
            vec![CreditOp::SetTerms {
                owner: owner.clone(),
                terms: plan.as_ref().map(Terms::from).unwrap_or_default(),
                at: self.inner.clock.now(),
            }]
        };
        let changed = self.change_owner(actor, owner, "owner.plan", terms, |record| {
            let before = std::mem::replace(&mut record.plan, plan.clone());
            json!({ "plan": { "before": shown(&before), "after": shown(&plan) } })
        });
        changed.await
    }

    async fn change_owner(
        &self,
        actor: &Actor,
        owner: &Owner,
        action: &'static str,
        credits: impl Fn() -> Vec<CreditOp> + Send + Sync,
        change: impl Fn(&mut OwnerRecord) -> Value + Send + Sync,
    ) -> Result<(), ChangeError> {
        if !actor.is_system() {
            return Err(ChangeError::Reserved);
        }
        for _ in 0..TRIES {
            let mut record = self.owner(owner).await?.ok_or(ChangeError::NotFound)?;
            let details = change(&mut record);
            let batch = Batch {
                owners: vec![record],
                credits: credits(),
                audit: vec![self.audit_owner(actor, owner, action, details)],
                ..Batch::default()
            };
            if let Try::Done = self.commit(batch).await? {
                return Ok(());
            }
        }
        Err(ChangeError::Contended)
    }

    pub(crate) fn audit_owner(
        &self,
        actor: &Actor,
        owner: &Owner,
        action: &'static str,
        details: Value,
    ) -> AuditEntry {
        AuditEntry {
            at: self.inner.clock.now(),
            actor: actor.audit_name(),
            action: action.into(),
            target: owner.to_string(),
            owner: Some(owner.clone()),
            ip: actor.ip(),
            details,
        }
    }
}
