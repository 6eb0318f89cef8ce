//! What should be looked at of an owner's keys: old ones, unused ones, those that may do more than
//! they do.

use std::time::Duration;

use portcullis_core::Timestamp;
use portcullis_scope::{LeastPrivilege, Scope};

use crate::{
    Actor, ApiKeyInfo, ChangeError, CredentialRecord, Cursor, Listing, Of, Owner, Registry, Usage,
};

/// From when on something is worth a look.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReviewTerms {
    /// A key that is older than this should be rotated: 90 days, unless said otherwise.
    pub old: Duration,
    /// What a key has not used for so long since it was issued or last changed, and since its uses
    /// are known, it does not need: 30 days.
    pub unused: Duration,
}

impl ReviewTerms {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    /// 90 days, and 30.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            old: Self::DAY.saturating_mul(90),
            unused: Self::DAY.saturating_mul(30),
        }
    }

    /// Whether a key is old enough to be rotated.
    pub(crate) fn is_old(&self, record: &CredentialRecord, now: Timestamp) -> bool {
        now.saturating_since(record.created_at) >= self.old
    }

    /// Whether a key was never used, and could have been.
    pub(crate) fn is_never_used(
        &self,
        record: &CredentialRecord,
        usage: &Usage,
        now: Timestamp,
    ) -> bool {
        let since = record.created_at.max(record.updated_at);
        usage.last_used_at.is_none() && now.saturating_since(since) >= self.unused
    }
}

impl Default for ReviewTerms {
    fn default() -> Self {
        Self::new()
    }
}

/// What should be looked at of a key.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Finding {
    /// It is old: rotate it.
    Old,
    /// It was never used: revoke it.
    NeverUsed,
    /// It has scopes that it never used: take them away, with the suggested grant.
    UnusedScopes(Vec<Scope>),
    /// It was rotated, and has been used since: somebody has not yet changed over.
    OldKeyUsed,
}

impl Finding {
    /// The name by which it is shown.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::NeverUsed => "never_used",
            Self::UnusedScopes(_) => "unused_scopes",
            Self::OldKeyUsed => "old_key_used",
        }
    }
}

/// A key that should be looked at.
#[derive(Clone, Debug)]
pub struct KeyReview {
    /// The key.
    pub key: ApiKeyInfo,
    /// Why; at least one.
    pub findings: Vec<Finding>,
    /// What it has, what of that it used, and what would do.
    pub privilege: LeastPrivilege,
}

/// A part of an owner's keys that should be looked at, newest first.
#[derive(Clone, Debug)]
pub struct Review {
    /// The keys.
    pub keys: Vec<KeyReview>,
    /// Where the next part begins, if there is one.
    pub next: Option<Cursor>,
}

impl Registry {
    /// Goes through a part of an owner's keys and tells what should be looked at.
    ///
    /// The listing says how many keys to look at, so a part may be empty while there are others.
    /// Expired keys are passed over.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`] for another owner than the actor's; [`ChangeError::Store`].
    pub async fn review(
        &self,
        actor: &Actor,
        owner: &Owner,
        terms: ReviewTerms,
        listing: Listing,
    ) -> Result<Review, ChangeError> {
        Self::authorise(actor, owner)?;
        let query = listing.of(Of::Keys(owner.clone()));
        let page = self.inner.store.list(query).await?;
        let mut keys = Vec::new();
        for (record, usage) in page.items {
            if self.has_ended(&record) {
                continue;
            }
            let _written = self.inner.errands.unwritten().await;
            let used = self.usage_of(&record, usage).await?;
            let usage = Usage {
                last_used_at: used.last_used_at,
                requests: used.requests,
                denied: used.denied,
            };
            let since = used.details.since;
            let findings = self.findings(&terms, &record, &usage, since, &used.privilege);
            if !findings.is_empty() {
                keys.push(KeyReview {
                    key: self.info(record, usage),
                    findings,
                    privilege: used.privilege,
                });
            }
        }
        Ok(Review {
            keys,
            next: page.next,
        })
    }

    fn findings(
        &self,
        terms: &ReviewTerms,
        record: &CredentialRecord,
        usage: &Usage,
        observed_since: Option<Timestamp>,
        privilege: &LeastPrivilege,
    ) -> Vec<Finding> {
        let now = self.inner.clock.now();
        // What was changed, perhaps to be more, had no time to be used.
        let settled = observed_since.map(|since| since.max(record.updated_at));
        let has_settled = settled.is_some_and(|at| now.saturating_since(at) >= terms.unused);
        let mut findings = Vec::new();
        // One that was rotated ends by itself.
        if record.successor.is_none() && terms.is_old(record, now) {
            findings.push(Finding::Old);
        }
        if terms.is_never_used(record, usage, now) {
            findings.push(Finding::NeverUsed);
        } else if has_settled && !privilege.unused.is_empty() {
            findings.push(Finding::UnusedScopes(privilege.unused.clone()));
        }
        // A rotation is the last change of its record that has a time.
        let rotated_at = record.successor.map(|_| record.updated_at);
        if rotated_at.is_some_and(|at| usage.last_used_at > Some(at)) {
            findings.push(Finding::OldKeyUsed);
        }
        findings
    }
}
