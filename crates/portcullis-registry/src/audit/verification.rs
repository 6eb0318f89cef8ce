//! Verifying the log of a store, in parts, while it goes on.

use super::{AuditChain, AuditFault, AuditHead, AuditOrder, AuditPage, AuditQuery};
use crate::{Found, Key, Store, StoreError};

/// How many rows are read at a time.
const AT_A_TIME: usize = 1_000;

/// A log whose rows are all as they were written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AuditVerified {
    /// The newest row that retention has removed.
    pub anchor: AuditHead,
    /// The newest row: a witness, if it is kept elsewhere.
    pub head: AuditHead,
    /// How many rows there are.
    pub rows: u64,
}

/// Why a log is not verified.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum VerifyAuditError {
    /// Something is wrong with it.
    #[error(transparent)]
    Fault(#[from] AuditFault),
    /// It could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Verifies a log by its pages: read what [`query`](Self::query) asks for, [`take`](Self::take) it,
/// and so on, until that gives an outcome.
///
/// The pages need not be of one snapshot: what is written, removed or erased meanwhile is told from
/// what was tampered with.
#[derive(Clone, Debug)]
pub struct AuditVerification {
    witness: Option<AuditHead>,
    chain: Option<AuditChain>,
    after: u64,
}

impl AuditVerification {
    /// Nothing read yet. With a witness, the log must have its row.
    #[must_use]
    pub const fn new(witness: Option<AuditHead>) -> Self {
        Self {
            witness,
            chain: None,
            after: 0,
        }
    }

    /// What to read next.
    #[must_use]
    pub fn query(&self) -> AuditQuery {
        AuditQuery {
            order: AuditOrder::OldestFirst,
            after: self.chain.is_some().then_some(self.after),
            limit: AT_A_TIME,
            counted: false,
            ..AuditQuery::default()
        }
    }

    /// Takes what was read; the outcome, if it was the last.
    ///
    /// # Errors
    /// [`AuditFault`].
    pub fn take(&mut self, page: &AuditPage) -> Result<Option<AuditVerified>, AuditFault> {
        if self.chain.is_some() && page.anchor.number > self.after {
            // Retention has removed what was to be read next.
            *self = Self::new(self.witness);
            return Ok(None);
        }
        let witness = self.witness;
        let chain = self
            .chain
            .get_or_insert_with(|| AuditChain::new(page.anchor, witness));
        for record in &page.records {
            chain.see(record)?;
            self.after = record.number;
        }
        match (page.next, self.chain.take()) {
            (None, Some(chain)) => chain.end(Some((page.head, page.anchor))).map(Some),
            (_, chain) => {
                self.chain = chain;
                Ok(None)
            }
        }
    }

    /// Verifies the log of a store.
    ///
    /// # Errors
    /// [`VerifyAuditError`].
    pub async fn run(mut self, store: &dyn Store) -> Result<AuditVerified, VerifyAuditError> {
        loop {
            let page = read(store, self.query()).await?;
            if let Some(verified) = self.take(&page)? {
                return Ok(verified);
            }
        }
    }
}

/// Reads a part of the log.
pub(super) async fn read(store: &dyn Store, query: AuditQuery) -> Result<AuditPage, StoreError> {
    match store.get(Key::Audit(Box::new(query))).await?.found {
        Found::Audit(page) => Ok(*page),
        _ => Ok(AuditPage::default()),
    }
}
