//! Where credentials persist.

mod batch;
mod error;
mod memory;
mod query;

use std::{fmt, sync::Arc};

use portcullis_core::{BoxFuture, CredentialId};
use portcullis_token::{Mac, PepperVersion};

pub use batch::{Batch, CreditOp, Remac};
pub use error::{CommitError, StoreError};
pub use memory::MemoryStore;
pub use query::{Cursor, Filter, Of, Page, Paging, ParseCursorError, Query};

use crate::{
    Account, AuditKept, AuditPage, AuditQuery, AuditUpkeep, CredentialRecord, Day, DayUsage,
    DeniedPage, DeniedQuery, LedgerPage, LedgerQuery, Owner, OwnerRecord, PepperRecord, Seq, Usage,
    UsageDetails,
};

/// A durable home for credentials, owners, credits and the audit log.
///
/// Object-safe and small on purpose. Implementers may not assume that one node is the only writer,
/// that ids are random, or that a future is polled to its end: a commit whose future was dropped
/// has happened whole or not at all. The testkit's conformance suite is part of this contract.
pub trait Store: fmt::Debug + Send + Sync {
    /// Reads one thing together with the head, in one snapshot.
    ///
    /// Every change up to the returned head is in what was read, and none after it.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read.
    fn get(&self, key: Key) -> BoxFuture<'_, Result<Snapshot, StoreError>>;

    /// Lists credentials that are not revoked (save for [`Of::CreatedBy`]), newest first.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read.
    fn list(&self, query: Query) -> BoxFuture<'_, Result<Page, StoreError>>;

    /// Writes everything in the batch or nothing, durably, and returns the head after it.
    ///
    /// # Errors
    /// - [`CommitError::Conflict`]: a put's version, or one that was to be unchanged, is not the
    ///   stored one; nothing was written.
    /// - [`CommitError::TooFewCredits`]: a reservation is not covered; nothing was written.
    /// - [`CommitError::Store`]: the store failed. Whether the batch was written is not known.
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Seq, CommitError>>;

    /// The changes after `seq`, oldest first, at most `limit` of them.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be read.
    fn changes_since(&self, seq: Seq, limit: usize) -> BoxFuture<'_, Result<Changes, StoreError>>;
}

impl<S: Store + ?Sized> Store for Arc<S> {
    fn get(&self, key: Key) -> BoxFuture<'_, Result<Snapshot, StoreError>> {
        (**self).get(key)
    }

    fn list(&self, query: Query) -> BoxFuture<'_, Result<Page, StoreError>> {
        (**self).list(query)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Seq, CommitError>> {
        (**self).commit(batch)
    }

    fn changes_since(&self, seq: Seq, limit: usize) -> BoxFuture<'_, Result<Changes, StoreError>> {
        (**self).changes_since(seq, limit)
    }
}

/// What can be read by its name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Key {
    /// A credential by its id, revoked ones too.
    Credential(CredentialId),
    /// An imported credential by the MAC of its digest, under the pepper of this version; revoked
    /// ones too.
    Imported(PepperVersion, Mac),
    /// An owner and its balance of credits.
    Owner(Owner),
    /// All peppers that the store knows.
    Peppers,
    /// How a credential was used, beyond its counters; of revoked ones too.
    Usage(CredentialId),
    /// How all credentials of an owner were used, revoked ones too, by the day.
    OwnerUsage {
        /// Whose.
        owner: Owner,
        /// The first day.
        from: Day,
        /// The day after the last.
        until: Day,
    },
    /// Requests that were denied.
    Denied(DeniedQuery),
    /// The credits of an owner.
    Account(Owner),
    /// A part of an owner's ledger, with what it has to add up to.
    Ledger(LedgerQuery),
    /// A part of the audit log, with its ends.
    Audit(Box<AuditQuery>),
    /// How much of an upkeep of the audit log there is to do in one commit.
    AuditUpkeep(Box<AuditUpkeep>),
}

/// One consistent read.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The newest change that this read has seen.
    pub head: Seq,
    /// What was found.
    pub found: Found,
}

/// What a read found.
#[derive(Clone, Debug)]
pub enum Found {
    /// Nothing of that name.
    Nothing,
    /// A credential, how it was used, and its owner if there is a record of it.
    Credential {
        /// The record.
        record: Box<CredentialRecord>,
        /// How it was used.
        usage: Usage,
        /// Its owner.
        owner: Option<OwnerRecord>,
    },
    /// An owner.
    Owner {
        /// The record.
        record: OwnerRecord,
        /// Its balance, reservations taken off, as it was when it was last written.
        balance: i64,
    },
    /// The peppers.
    Peppers {
        /// Those that the store knows, in the order of their versions.
        known: Vec<PepperRecord>,
        /// How many imported keys, revoked ones too, are under others: those were retired.
        lost_imports: u64,
    },
    /// How a credential was used.
    Usage {
        /// Why it was refused, its scopes, from where and by what.
        details: Box<UsageDetails>,
        /// Its days, newest first: those on which it was used, of the newest [`DayUsage::KEPT`].
        days: Vec<DayUsage>,
    },
    /// The days on which an owner's credentials were used, newest first.
    Days(Vec<DayUsage>),
    /// Requests that were denied, newest first.
    Denied(DeniedPage),
    /// The credits of an owner, as they were when they were last written.
    Account(Account),
    /// A part of an owner's ledger; of one that is not known there are no lines.
    Ledger(Box<LedgerPage>),
    /// A part of the audit log.
    Audit(Box<AuditPage>),
    /// How much there is to do.
    AuditUpkeep(AuditKept),
}

/// What changed after some number.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The newest change of the store, which may be beyond those listed.
    pub head: Seq,
    /// Oldest first.
    pub changes: Vec<Change>,
}

/// One change of an existing record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// Its number.
    pub seq: Seq,
    /// What was changed.
    pub target: Target,
}

/// What a change was made to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// One credential.
    Credential(CredentialId),
    /// An owner, and with it all its credentials.
    Owner(Owner),
}

impl Snapshot {
    /// The peppers that were found; none if something else was asked for.
    #[must_use]
    pub fn peppers(&self) -> &[PepperRecord] {
        match &self.found {
            Found::Peppers { known, .. } => known,
            _ => &[],
        }
    }

    /// The fingerprint of one pepper.
    #[must_use]
    pub fn fingerprint(&self, version: PepperVersion) -> Option<[u8; 8]> {
        let found = self
            .peppers()
            .iter()
            .find(|pepper| pepper.version == version);
        found.map(|pepper| pepper.fingerprint)
    }
}
