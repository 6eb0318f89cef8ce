//! Retention: what is removed from the log, and the rows that say so.

use portcullis_core::Timestamp;
use serde_json::{Value, json};

use super::{AuditChain, AuditEntry, AuditFault, AuditFilter, AuditHash, AuditHead, AuditRecord};
use crate::{Batch, CommitError, Found, Key, Owner, Store, StoreError};

const PRUNED: &str = "audit.pruned";
const ERASED: &str = "audit.ips_erased";
/// What both are done to.
const LOG: &str = "audit";

/// Rows to remove from the log, and IPs to erase in it, as a part of a [`Batch`].
///
/// Only the oldest rows are removed, so that what is left is one chain. A store then adds the row
/// `audit.pruned`, without which verification takes them for lost; and `audit.ips_erased` when it
/// has erased IPs of rows. It adds neither when there was nothing to do. The IPs of denied requests
/// that an erasure is of go with it; they are in no chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuditUpkeep {
    /// When, for the rows that say so.
    pub at: Timestamp,
    /// Who, for these rows.
    pub actor: String,
    /// The oldest rows go, up to the first that is not from before this instant.
    pub prune_before: Option<Timestamp>,
    /// Which IPs go, with their salts.
    pub erase: Option<AuditErasure>,
    /// How many rows are removed at most in one commit, and how many IPs are erased. Less than
    /// [two](Self::most_rows) and [one](Self::most_ips) is taken as that.
    pub limit: usize,
}

/// Which IPs to erase.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AuditErasure {
    /// Those of rows from before this instant; of any time, if absent.
    pub before: Option<Timestamp>,
    /// Those of rows of this owner; of any, if absent.
    pub owner: Option<Owner>,
}

impl AuditErasure {
    /// Whether the IP of a row is to be erased.
    #[must_use]
    pub fn is_of(&self, record: &AuditRecord) -> bool {
        let owner = self.owner.as_ref().map(Owner::as_str);
        record.ip.is_some()
            && self.before.is_none_or(|before| record.at < before)
            && (owner.is_none() || record.owner.as_deref() == owner)
    }
}

/// The oldest rows of a log, which are to be removed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AuditPrefix {
    /// The last of them: the new anchor.
    pub through: AuditHead,
    /// How many they are.
    pub rows: u64,
}

impl AuditPrefix {
    /// The rows that say what was removed.
    #[must_use]
    pub fn filter() -> AuditFilter {
        AuditFilter {
            action: Some(PRUNED.into()),
            target: Some(LOG.into()),
            ..AuditFilter::default()
        }
    }

    /// That rows were removed up to the anchor by retention, as the newest of the rows that say
    /// [so](Self::filter) has it: for stores, before they remove more. The row that is added then
    /// would speak for those too.
    ///
    /// # Errors
    /// [`AuditFault::Unannounced`].
    pub fn check_anchor(anchor: AuditHead, newest: Option<&AuditRecord>) -> Result<(), AuditFault> {
        let said = newest.and_then(pruned_by).map(|prefix| prefix.through);
        match said.unwrap_or(AuditHead::START) == anchor {
            true => Ok(()),
            false => Err(AuditFault::Unannounced {
                through: anchor.number,
            }),
        }
    }

    /// That these rows are as they were written, by the row that they follow: for stores, before
    /// they are removed. What was done to them could not be told any more.
    ///
    /// Whether an erased IP is accounted for is not looked at, since a later row says so.
    ///
    /// # Errors
    /// [`AuditFault`]: they are not to be removed.
    pub fn check(
        &self,
        anchor: AuditHead,
        rows: impl IntoIterator<Item = AuditRecord>,
    ) -> Result<(), AuditFault> {
        let mut chain = AuditChain::new(anchor, None);
        for row in rows {
            chain.see(&row)?;
        }
        chain.reaches(self.through)
    }
}

/// How much an upkeep did, or has to do.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct AuditKept {
    /// Rows that are removed.
    pub rows: u64,
    /// IPs that are erased, those of denied requests among them.
    pub ips: u64,
}

impl AuditUpkeep {
    /// How many rows are removed in one commit at most unless said otherwise: it takes some
    /// milliseconds, for which other commits wait.
    pub const LIMIT: usize = 1_000;

    /// Nothing yet; the application itself does it.
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        Self {
            at,
            actor: "system".into(),
            prune_before: None,
            erase: None,
            limit: Self::LIMIT,
        }
    }

    /// How many rows are removed at most in one commit: for stores.
    #[must_use]
    pub fn most_rows(&self) -> usize {
        // One at a time would remove the row that says so, and add another, for ever.
        self.limit.max(2)
    }

    /// How many IPs are erased at most in one commit: for stores.
    #[must_use]
    pub fn most_ips(&self) -> usize {
        self.limit.max(1)
    }

    /// Which rows are to be removed of the oldest (place, time, action): for stores.
    ///
    /// Rows that only say what was removed are not removed by themselves, or every removal would
    /// make the next one.
    pub fn prefix<A: AsRef<str>>(
        &self,
        oldest: impl IntoIterator<Item = (AuditHead, Timestamp, A)>,
    ) -> Option<AuditPrefix> {
        let before = self.prune_before?;
        let limit = self.most_rows();
        let mut found: Option<AuditPrefix> = None;
        let mut worth = false;
        let mut rows: usize = 0;
        for (through, at, action) in oldest.into_iter().take(limit) {
            if at >= before {
                break;
            }
            rows = rows.saturating_add(1);
            worth |= ![PRUNED, ERASED].contains(&action.as_ref());
            found = Some(AuditPrefix {
                through,
                rows: u64::try_from(rows).unwrap_or(u64::MAX),
            });
        }
        found.filter(|_| worth || rows == limit)
    }

    /// The row that says what was removed: for stores.
    #[must_use]
    pub fn pruned(&self, prefix: &AuditPrefix) -> AuditEntry {
        let details = json!({
            "through": prefix.through.number,
            "hash": prefix.through.hash.to_string(),
            "rows": prefix.rows,
        });
        self.entry(PRUNED, None, details)
    }

    /// The row that says that so many IPs of the rows up to a number were erased: for stores.
    #[must_use]
    pub fn erased(&self, erasure: &AuditErasure, through: u64, ips: u64) -> AuditEntry {
        let details = json!({
            "through": through,
            "before": erasure.before.map(exact),
            "owner": erasure.owner.as_ref().map(Owner::as_str),
            "rows": ips,
        });
        self.entry(ERASED, erasure.owner.clone(), details)
    }

    fn entry(&self, action: &'static str, owner: Option<Owner>, details: Value) -> AuditEntry {
        AuditEntry {
            at: self.at,
            actor: self.actor.clone(),
            action: action.into(),
            target: LOG.into(),
            owner,
            // Or erasing all of them would always leave one.
            ip: None,
            details,
        }
    }

    /// Does all of it in a store, in commits of at most [`limit`](Self::limit) rows.
    ///
    /// # Errors
    /// [`StoreError`]; what was done before stays done.
    pub async fn run(self, store: &dyn Store) -> Result<AuditKept, StoreError> {
        let mut done = AuditKept::default();
        loop {
            let step = self.step(store).await?;
            if step == AuditKept::default() {
                return Ok(done);
            }
            done.rows = done.rows.saturating_add(step.rows);
            done.ips = done.ips.saturating_add(step.ips);
        }
    }

    /// One commit of it; without anything to do, none.
    pub(crate) async fn step(&self, store: &dyn Store) -> Result<AuditKept, StoreError> {
        let key = Key::AuditUpkeep(Box::new(self.clone()));
        let Found::AuditUpkeep(due) = store.get(key).await?.found else {
            return Ok(AuditKept::default());
        };
        if due == AuditKept::default() {
            return Ok(due);
        }
        let batch = Batch {
            audit_upkeep: Some(self.clone()),
            ..Batch::default()
        };
        match store.commit(batch).await {
            Ok(_) => Ok(due),
            Err(CommitError::Store(error)) => Err(error),
            Err(error) => Err(StoreError::permanent("the store refused a batch", error)),
        }
    }
}

/// RFC 3339 to the microsecond, so that it is read back as it was.
fn exact(at: Timestamp) -> String {
    let second = at.to_string();
    match at.unix_micros().rem_euclid(1_000_000) {
        0 => second,
        micros => format!("{}.{micros:06}Z", second.trim_end_matches('Z')),
    }
}

/// Which rows a row says that were removed.
pub(super) fn pruned_by(record: &AuditRecord) -> Option<AuditPrefix> {
    let details = details(record, PRUNED)?;
    Some(AuditPrefix {
        through: AuditHead {
            number: details.get("through")?.as_u64()?,
            hash: AuditHash::read(details.get("hash")?.as_str()?)?,
        },
        rows: details.get("rows")?.as_u64()?,
    })
}

/// Which IPs a row says that were erased.
pub(super) struct Erased {
    pub(super) through: u64,
    pub(super) before: Option<Timestamp>,
    pub(super) owner: Option<String>,
}

pub(super) fn erased_by(record: &AuditRecord) -> Option<Erased> {
    let details = details(record, ERASED)?;
    // What can't be read says nothing, not everything.
    let text = |name| match details.get(name)? {
        Value::Null => Some(None),
        Value::String(text) => Some(Some(text.clone())),
        _ => None,
    };
    let before = match text("before")? {
        None => None,
        Some(text) => Some(text.parse().ok()?),
    };
    Some(Erased {
        through: details.get("through")?.as_u64()?,
        before,
        owner: text("owner")?,
    })
}

fn details(record: &AuditRecord, action: &str) -> Option<Value> {
    let is_it = record.action == action && record.target == LOG;
    is_it
        .then(|| serde_json::from_str(&record.details).ok())
        .flatten()
}
