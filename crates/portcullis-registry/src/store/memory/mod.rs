//! The store that forgets.

mod audit;
mod credits;
mod uses;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use portcullis_core::{BoxFuture, CredentialId};
use portcullis_token::{PepperVersion, TokenKind};

use audit::AuditLog;
use credits::Credits;
use uses::Uses;

use super::{
    Batch, Change, Changes, CommitError, Cursor, Found, Key, Of, Page, Query, Remac, Snapshot,
    Store, StoreError, Target,
};
use crate::{
    Account, AuditEntry, CreatedBy, CredentialRecord, LedgerLine, Owner, OwnerRecord, PepperRecord,
    Seq, State, Usage, UsageDelta, Version,
};

/// A store in memory: for tests, examples and services whose keys may end with the process.
///
/// It is the reference that other stores are compared with: everything is behind one lock, so each
/// call is one instant. A list reads all credentials, which is fine up to some ten thousand.
#[derive(Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    credentials: BTreeMap<CredentialId, (CredentialRecord, Usage)>,
    /// INVARIANT: each imported one, by what it is found by.
    imported: HashMap<(PepperVersion, [u8; 32]), CredentialId>,
    owners: BTreeMap<Owner, OwnerRecord>,
    peppers: BTreeMap<PepperVersion, PepperRecord>,
    credits: Credits,
    uses: Uses,
    audit: AuditLog,
    /// INVARIANT: the change at index `n` has the number `n + 1`, so the length is the head.
    changes: Vec<Change>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The audit log, oldest first.
    #[must_use]
    pub fn audit(&self) -> Vec<AuditEntry> {
        self.locked().audit.entries()
    }

    /// The ledger of an owner, oldest first.
    #[must_use]
    pub fn ledger(&self, owner: &Owner) -> Vec<LedgerLine> {
        self.locked().credits.lines(owner).cloned().collect()
    }

    fn locked(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

impl Store for MemoryStore {
    fn get(&self, key: Key) -> BoxFuture<'_, Result<Snapshot, StoreError>> {
        Box::pin(async move { Ok(self.locked().snapshot(&key)) })
    }

    fn list(&self, query: Query) -> BoxFuture<'_, Result<Page, StoreError>> {
        Box::pin(async move { Ok(self.locked().page(&query)) })
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Seq, CommitError>> {
        Box::pin(async move { self.locked().apply(batch) })
    }

    fn changes_since(&self, seq: Seq, limit: usize) -> BoxFuture<'_, Result<Changes, StoreError>> {
        Box::pin(async move {
            let tables = self.locked();
            let known = usize::try_from(seq.0).unwrap_or(usize::MAX);
            let changes = tables
                .changes
                .iter()
                .skip(known)
                .take(limit)
                .cloned()
                .collect();
            Ok(Changes {
                head: tables.head(),
                changes,
            })
        })
    }
}

impl Tables {
    fn head(&self) -> Seq {
        Seq(u64::try_from(self.changes.len()).unwrap_or(u64::MAX))
    }

    fn snapshot(&self, key: &Key) -> Snapshot {
        let found = match key {
            Key::Credential(id) => match self.credentials.get(id) {
                Some((record, usage)) => Found::Credential {
                    record: Box::new(record.clone()),
                    usage: *usage,
                    owner: self.owners.get(&record.owner).cloned(),
                },
                None => Found::Nothing,
            },
            Key::Imported(pepper, mac) => match self.imported.get(&(*pepper, *mac.as_bytes())) {
                Some(id) => return self.snapshot(&Key::Credential(*id)),
                None => Found::Nothing,
            },
            Key::Owner(owner) => {
                let record = self.owners.get(owner).cloned();
                let account = self.credits.accounts.get(owner);
                let balance = account.map(Account::balance);
                if record.is_none() && balance.is_none() {
                    Found::Nothing
                } else {
                    let record = record.unwrap_or_else(|| OwnerRecord::new(owner.clone()));
                    Found::Owner {
                        record,
                        balance: balance.unwrap_or(0),
                    }
                }
            }
            Key::Usage(id) => match self.credentials.contains_key(id) {
                true => self.uses.of(*id),
                false => Found::Nothing,
            },
            Key::OwnerUsage { owner, from, until } => self.uses.of_owner(owner, *from, *until),
            Key::Denied(query) => Found::Denied(self.uses.denied(query)),
            Key::Peppers => {
                let imported = self.imported.keys();
                let lost = imported.filter(|(pepper, _)| !self.peppers.contains_key(pepper));
                Found::Peppers {
                    lost_imports: u64::try_from(lost.count()).unwrap_or(u64::MAX),
                    known: self.peppers.values().copied().collect(),
                }
            }
            Key::Account(owner) => match self.credits.accounts.get(owner) {
                Some(account) => Found::Account(account.clone()),
                None => Found::Nothing,
            },
            Key::Ledger(query) => Found::Ledger(Box::new(self.credits.page(query))),
            Key::Audit(query) => Found::Audit(Box::new(self.audit.page(query))),
            Key::AuditUpkeep(upkeep) => {
                let mut due = self.audit.due(upkeep);
                if let Some(erasure) = &upkeep.erase {
                    let denied = self.uses.erasable_ips(erasure, upkeep.limit);
                    due.ips = due.ips.saturating_add(denied);
                }
                Found::AuditUpkeep(due)
            }
        };
        Snapshot {
            head: self.head(),
            found,
        }
    }

    fn page(&self, query: &Query) -> Page {
        let is_of = |(record, _): &&(CredentialRecord, Usage)| is_of(record, &query.of);
        let mut listed: Vec<_> = self.credentials.values().filter(is_of).collect();
        listed.sort_by_key(|(record, _)| std::cmp::Reverse(Cursor::of(record)));
        let mut page = query.page();
        listed.into_iter().cloned().for_each(|item| page.see(item));
        page.end()
    }

    fn apply(&mut self, mut batch: Batch) -> Result<Seq, CommitError> {
        self.check(&batch)?;
        let (credits, rows) = self.credits.stage(&batch.credits)?;
        batch.audit.extend(rows);
        let audit = self.audit.stage(&batch)?;
        // From here on nothing can fail.
        self.credits.take(credits);
        for record in batch.credentials {
            self.put_credential(record);
        }
        for mut record in batch.owners {
            if record.version != Version(0) {
                self.note_change(Target::Owner(record.owner.clone()));
            }
            record.version = next(record.version);
            self.owners.insert(record.owner.clone(), record);
        }
        for pepper in batch.peppers {
            self.peppers.insert(pepper.version, pepper);
        }
        for version in batch.forgotten_peppers {
            self.peppers.remove(&version);
        }
        for delta in batch.usage {
            self.add_usage(&delta);
        }
        for denied in batch.denied {
            self.uses.note_denied(denied);
        }
        for remac in batch.remacs {
            self.remac(&remac);
        }
        self.audit.take(audit);
        if let Some(upkeep) = &batch.audit_upkeep
            && let Some(erasure) = &upkeep.erase
        {
            self.uses.erase_ips(erasure, upkeep.limit);
        }
        Ok(self.head())
    }

    /// Whether every version and fingerprint of the batch, in its order, meets the stored one.
    fn check(&self, batch: &Batch) -> Result<(), CommitError> {
        for (id, read) in &batch.unchanged {
            let stored = self.credentials.get(id).map(|(stored, _)| stored.version);
            if stored.unwrap_or_default() != *read {
                return Err(CommitError::Conflict);
            }
        }
        for (owner, read) in &batch.unchanged_owners {
            let stored = self.owners.get(owner).map(|stored| stored.version);
            if stored.unwrap_or_default() != *read {
                return Err(CommitError::Conflict);
            }
        }
        let mut credentials = HashMap::new();
        let mut imported = HashSet::new();
        for record in &batch.credentials {
            if record.version == Version(0) && record.imported.is_some() {
                let found_by = (record.pepper, *record.mac.as_bytes());
                if self.imported.contains_key(&found_by) || !imported.insert(found_by) {
                    return Err(CommitError::Conflict);
                }
            }
            let stored = self
                .credentials
                .get(&record.id)
                .map(|(stored, _)| stored.version);
            meets(
                credentials.entry(record.id).or_insert(stored),
                record.version,
            )?;
        }
        let mut owners = HashMap::new();
        for record in &batch.owners {
            let stored = self.owners.get(&record.owner).map(|stored| stored.version);
            meets(
                owners.entry(&record.owner).or_insert(stored),
                record.version,
            )?;
        }
        let mut peppers = HashMap::new();
        for pepper in &batch.peppers {
            let stored = self
                .peppers
                .get(&pepper.version)
                .copied()
                .unwrap_or(*pepper);
            if peppers.entry(pepper.version).or_insert(stored) != pepper {
                return Err(CommitError::Conflict);
            }
        }
        self.check_forgotten(batch)
    }

    /// Whether no credential that is not revoked stays under a pepper that is to be forgotten.
    fn check_forgotten(&self, batch: &Batch) -> Result<(), CommitError> {
        let put: HashMap<_, _> = batch
            .credentials
            .iter()
            .map(|record| (record.id, record.state))
            .collect();
        let stored = self.credentials.values().map(|(record, _)| record);
        let is_new = |record: &&CredentialRecord| record.version == Version(0);
        for record in stored.chain(batch.credentials.iter().filter(is_new)) {
            let state = put.get(&record.id).unwrap_or(&record.state);
            if *state != State::Revoked && batch.forgotten_peppers.contains(&record.pepper) {
                return Err(CommitError::Conflict);
            }
        }
        Ok(())
    }

    fn put_credential(&mut self, mut record: CredentialRecord) {
        if record.version != Version(0) {
            self.note_change(Target::Credential(record.id));
        }
        record.version = next(record.version);
        let usage = match self.credentials.get(&record.id) {
            Some((stored, usage)) => {
                // A MAC that was renewed since the record was read stays.
                (record.pepper, record.mac) = (stored.pepper, stored.mac);
                *usage
            }
            None => {
                if record.imported.is_some() {
                    let found_by = (record.pepper, *record.mac.as_bytes());
                    self.imported.insert(found_by, record.id);
                }
                Usage::default()
            }
        };
        self.credentials.insert(record.id, (record, usage));
    }

    fn note_change(&mut self, target: Target) {
        let seq = Seq(self.head().0.saturating_add(1));
        self.changes.push(Change { seq, target });
    }

    fn add_usage(&mut self, delta: &UsageDelta) {
        if let Some((record, usage)) = self.credentials.get_mut(&delta.id) {
            usage.last_used_at = usage.last_used_at.max(delta.last_used_at);
            usage.requests = usage.requests.saturating_add(delta.requests);
            usage.denied = usage.denied.saturating_add(delta.refusals.total());
            self.uses.add(&record.owner, delta);
        }
    }

    fn remac(&mut self, remac: &Remac) {
        if let Some((record, _)) = self.credentials.get_mut(&remac.id)
            && record.pepper == remac.from
        {
            if record.imported.is_some() {
                let to = (remac.to, *remac.mac.as_bytes());
                if self.imported.contains_key(&to) {
                    return;
                }
                self.imported
                    .remove(&(record.pepper, *record.mac.as_bytes()));
                self.imported.insert(to, record.id);
            }
            (record.pepper, record.mac) = (remac.to, remac.mac);
        }
    }
}

fn is_of(record: &CredentialRecord, of: &Of) -> bool {
    if let Of::CreatedBy(id) = of {
        return record.created_by == CreatedBy::Credential(*id);
    }
    record.state != State::Revoked && is_live_of(record, of)
}

fn is_live_of(record: &CredentialRecord, of: &Of) -> bool {
    match of {
        Of::Owner(owner) => record.owner == *owner,
        Of::User(user) => record.user.as_ref() == Some(user),
        Of::Pepper(version) => record.pepper == *version,
        Of::AllKeys => record.kind == TokenKind::ApiKey,
        Of::All => true,
        Of::Keys(owner) => record.kind == TokenKind::ApiKey && record.owner == *owner,
        Of::Sessions(user) => {
            record.kind == TokenKind::Session && record.user.as_ref() == Some(user)
        }
        Of::CreatedBy(id) => record.created_by == CreatedBy::Credential(*id),
        Of::Family(id) => record.family == Some(*id),
    }
}

const fn next(version: Version) -> Version {
    Version(version.0.saturating_add(1))
}

/// Refuses a put that doesn't meet the stored version (0 if there is none), else counts it.
fn meets(stored: &mut Option<Version>, put: Version) -> Result<(), CommitError> {
    if stored.unwrap_or_default() != put {
        return Err(CommitError::Conflict);
    }
    *stored = Some(next(put));
    Ok(())
}
