//! What became of a transaction that many shared.

use std::{error::Error, sync::Arc};

use portcullis_registry::StoreError;

use crate::{
    attempt::{self, WRITING},
    journal::JournalError,
};

/// Why a transaction was not committed, or not in the journal, for each of those who shared it.
#[derive(Clone, Debug)]
pub(crate) struct Lost {
    transient: bool,
    source: Arc<dyn Error + Send + Sync>,
}

impl Lost {
    /// On a full disk and the like SQLite undoes a whole transaction by itself.
    pub(crate) fn undone() -> Self {
        let source = "the transaction was undone by another task's failure";
        Self {
            transient: true,
            source: Arc::from(Box::from(source)),
        }
    }
}

impl From<rusqlite::Error> for Lost {
    fn from(error: rusqlite::Error) -> Self {
        Self {
            transient: attempt::is_transient(&error),
            source: Arc::new(error),
        }
    }
}

impl From<JournalError> for Lost {
    /// It is committed and not in the journal, which the next group tries again: not to be relied
    /// on, and not to be made again before it was looked at.
    fn from(error: JournalError) -> Self {
        Self {
            transient: true,
            source: Arc::new(error),
        }
    }
}

impl From<Lost> for StoreError {
    fn from(lost: Lost) -> Self {
        if lost.transient {
            Self::transient(WRITING, lost.source)
        } else {
            Self::permanent(WRITING, lost.source)
        }
    }
}
