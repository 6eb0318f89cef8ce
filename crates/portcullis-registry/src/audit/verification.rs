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
    /// What is wrong with the number of rows. Why, another fault says better.
    count: Option<AuditFault>,
}

impl AuditVerification {
    /// Nothing read yet. With a witness, the log must have its row.
    #[must_use]
    pub const fn new(witness: Option<AuditHead>) -> Self {
        Self {
            witness,
            chain: None,
            after: 0,
            count: None,
        }
    }

    /// What to read next.
    #[must_use]
    pub fn query(&self) -> AuditQuery {
        AuditQuery {
            order: AuditOrder::OldestFirst,
            after: self.chain.is_some().then_some(self.after),
            limit: AT_A_TIME,
            // Once: a row that is there twice may be between two parts.
            counted: self.chain.is_none(),
            ..AuditQuery::default()
        }
    }

    /// Takes what was read; the outcome, if it was the last.
    ///
    /// # Errors
    /// [`AuditFault`].
    pub fn take(&mut self, page: &AuditPage) -> Result<Option<AuditVerified>, AuditFault> {
        if self.chain.is_some() && page.has_hole_after(self.after) {
            // Retention has removed what was to be read next.
            *self = Self::new(self.witness);
            return Ok(None);
        }
        if let Some(rows) = page.total {
            let expected = page.head.number.saturating_sub(page.anchor.number);
            self.count = (rows != expected).then_some(AuditFault::Count { rows, expected });
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
            (None, Some(chain)) => {
                let verified = chain.end(Some((page.head, page.anchor)))?;
                self.count.map_or(Ok(Some(verified)), Err)
            }
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
