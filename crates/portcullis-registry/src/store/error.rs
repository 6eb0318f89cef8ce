//! What a store may fail with.

use std::error::Error;

/// A store could not be read or written.
///
/// `Display` says what was attempted; the cause is the source and belongs in the log alone.
#[derive(Debug, thiserror::Error)]
#[error("{attempt}")]
pub struct StoreError {
    attempt: &'static str,
    transient: bool,
    source: Box<dyn Error + Send + Sync>,
}

impl StoreError {
    /// A failure that may pass: a busy or unreachable store.
    #[must_use]
    pub fn transient(
        attempt: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            attempt,
            transient: true,
            source: source.into(),
        }
    }

    /// A failure that will not pass by itself: a damaged or foreign store.
    #[must_use]
    pub fn permanent(
        attempt: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            attempt,
            transient: false,
            source: source.into(),
        }
    }

    /// Whether trying again may help.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        self.transient
    }
}

/// Why a batch was not written.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A record is not the one that was read: read again and try again. Nothing was written.
    #[error("the record was changed by another writer")]
    Conflict,
    /// A balance does not cover a reservation. Nothing was written.
    #[error("the balance is {balance}")]
    TooFewCredits {
        /// What there is.
        balance: i64,
    },
    /// The store failed; the batch may have been written or not.
    #[error(transparent)]
    Store(#[from] StoreError),
}
