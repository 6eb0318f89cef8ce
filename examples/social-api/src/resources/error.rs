//! Why a resource did not answer.

use std::io;

use axum::response::{IntoResponse, Response};
use portcullis::axum::ApiError;
use rusqlite::ErrorCode;

/// Why a resource did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResourceError {
    /// The caller is told why.
    #[error(transparent)]
    Refused(#[from] ApiError),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] rusqlite::Error),
    /// What the database holds can't be read, or what it should hold can't be written.
    #[error("a record is not what it should be")]
    Record(#[from] serde_json::Error),
    /// The file of an upload can't be read or written.
    #[error("the file of an upload failed")]
    File(#[from] io::Error),
    /// The operating system gave no randomness.
    #[error("no randomness")]
    Generator(#[from] getrandom::Error),
    /// The work was broken off.
    #[error("the work was broken off")]
    Broken(#[from] tokio::task::JoinError),
}

impl ResourceError {
    /// Whether trying again may help: the database is busy or its disk out of reach.
    fn is_transient(&self) -> bool {
        let error = match self {
            Self::Database(error) => error,
            Self::File(error) => return error.kind() == io::ErrorKind::StorageFull,
            _ => return false,
        };
        matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::DiskFull
                    | ErrorCode::SystemIoFailure
            )
        )
    }
}

impl IntoResponse for ResourceError {
    fn into_response(self) -> Response {
        let refusal = match self {
            Self::Refused(refusal) => refusal,
            failed if failed.is_transient() => ApiError::unavailable(failed),
            failed => ApiError::internal(failed),
        };
        refusal.into_response()
    }
}
