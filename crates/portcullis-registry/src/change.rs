//! How a change is made: read, decide, commit, apply; again if another was faster.

use std::sync::{Mutex, PoisonError};

use portcullis_core::CredentialId;
use serde_json::Value;

use crate::{
    Actor, AuditEntry, Batch, ChangeError, CommitError, CredentialRecord, Found, Key, Owner,
    PrefixedId, Registry, Seq, StoreError, Target, Usage, Verifier, hot::Alias,
};

/// How often a change is tried against others of the same record.
pub(crate) const TRIES: usize = 16;

/// How many changes are read at a time.
const CHANGES_AT_A_TIME: usize = 1_000;

/// Up to where the changes of the store are applied here.
#[derive(Debug, Default)]
pub(crate) struct Followed(Mutex<Seq>);

impl Followed {
    pub(crate) const fn new(head: Seq) -> Self {
        Self(Mutex::new(head))
    }

    fn get(&self) -> Seq {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reach(&self, seq: Seq) {
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *followed = seq.max(*followed);
    }

    /// Own changes are applied already; with nobody else's among them they need not be read back.
    fn note_own(&self, head: Seq, changes: usize) {
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = u64::try_from(changes).ok();
        if own.and_then(|own| followed.0.checked_add(own)) == Some(head.0) {
            *followed = head;
        }
    }
}

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
        let ending = batch.credentials.iter();
        let ending = ending.filter(|record| record.expires_at.is_some());
        let ending: Vec<_> = ending.cloned().collect();
        let made = batch.credentials.iter();
        let made = made.filter(|record| record.version.0 == 0);
        let imported = made.clone().filter(|record| record.imported.is_some());
        let imported: Vec<_> = imported.map(|record| Alias::from(&record.mac)).collect();
        let made: Vec<_> = made.map(|record| record.id).collect();
        // What is told is kept only for those who listen.
        let told = match self.inner.events.has_listeners() {
            true => batch.audit.clone(),
            false => Vec::new(),
        };
        let committed = self.inner.store.commit(batch).await;
        // Also if it failed: whether it was written is not known then.
        self.inner.fills.note_made(&made);
        self.inner.imported_fills.note_made(&imported);
        match committed {
            Ok(head) => {
                for record in &ending {
                    self.inner.deadlines.note(record, &*self.inner.clock);
                }
                for target in &targets {
                    self.inner.hot.apply(target, head);
                }
                drop(unsettled);
                self.inner.followed.note_own(head, targets.len());
                self.inner.events.tell_changes(&told);
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
        Ok(Some((*record, usage)))
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
            action: action.into(),
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

impl Verifier {
    /// Applies the changes that others have committed and perhaps not yet applied here.
    ///
    /// Whoever says "it is so already" calls this first: then it holds for every check that begins
    /// later, whatever became of the call that made it so.
    pub(crate) async fn follow_changes(&self) -> Result<(), StoreError> {
        // What comes after this call began is another's to follow.
        let mut until = None;
        loop {
            let after = self.inner.followed.get();
            let changes = self
                .inner
                .store
                .changes_since(after, CHANGES_AT_A_TIME)
                .await?;
            let Some(last) = changes.changes.last() else {
                return Ok(());
            };
            let last = last.seq;
            for change in &changes.changes {
                self.inner.hot.apply(&change.target, change.seq);
            }
            self.inner.followed.reach(last);
            if last >= *until.get_or_insert(changes.head) {
                return Ok(());
            }
        }
    }
}
