//! Failures of SQLite as failures of the store.

use portcullis_registry::StoreError;
use rusqlite::ErrorCode;

pub(crate) const READING: &str = "could not read from the store";
pub(crate) const WRITING: &str = "could not write to the store";

/// Says what was attempted when SQLite failed.
pub(crate) trait Attempt<T> {
    /// The result with the failure as the store's own.
    fn attempt(self, what: &'static str) -> Result<T, StoreError>;
}

impl<T> Attempt<T> for rusqlite::Result<T> {
    fn attempt(self, what: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| {
            if is_transient(&error) {
                StoreError::transient(what, error)
            } else {
                StoreError::permanent(what, error)
            }
        })
    }
}

/// Whether another connection was in the way, or the disk was full.
pub(crate) fn is_transient(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::OutOfMemory
                | ErrorCode::OperationInterrupted
        )
    )
}

/// The store's threads have ended, which they do only when they panicked.
pub(crate) fn ended(what: &'static str) -> StoreError {
    StoreError::permanent(what, "the thread of the store has ended")
}
