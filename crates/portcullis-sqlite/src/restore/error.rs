//! Why a backup was not restored.

use std::{
    io,
    path::{Path, PathBuf},
};

use portcullis_token::PepperVersion;

use crate::{error::shown, journal::JournalError};

/// Why a backup was not restored. No store was made.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// A file is in the place of the store.
    #[error("{} is there already: move it away first", shown(.0))]
    Exists(PathBuf),
    /// Beside the place of the store lies what SQLite had beside an earlier one: it would be
    /// applied to the restored store, and undo what was restored.
    #[error("{} is left of an earlier store: move it away first", all(.0))]
    Leftovers(Vec<PathBuf>),
    /// It is not a backup of a store.
    #[error("{} is not the backup of a store that this program knows", shown(.0))]
    NotABackup(PathBuf),
    /// What SQLite says of the backup.
    #[error("the backup {} is damaged: {problem}", shown(path))]
    Damaged {
        /// The backup.
        path: PathBuf,
        /// What SQLite says of it.
        problem: String,
    },
    /// There is no journal, or it is not the one of the backup's store.
    #[error(
        "the journal {} can't be used, and without it credentials would come back that were revoked \
         since the backup",
        shown(path)
    )]
    Journal {
        /// The journal.
        path: PathBuf,
        /// What is wrong with it.
        source: JournalError,
    },
    /// Credentials of the backup are under peppers that were not given, so that no service could
    /// open the store.
    #[error(
        "the backup {} needs peppers that are not given: {}; give them, or revoke what is under them",
        shown(path),
        versions(missing)
    )]
    PeppersMissing {
        /// The backup.
        path: PathBuf,
        /// Their versions.
        missing: Vec<PepperVersion>,
    },
    /// Peppers of these versions were given, but other ones.
    #[error(
        "the backup {} was written under other peppers than those given: {}",
        shown(path),
        versions(different)
    )]
    PeppersDiffer {
        /// The backup.
        path: PathBuf,
        /// Their versions.
        different: Vec<PepperVersion>,
    },
    /// The operating system refused.
    #[error("could not read or write {}", shown(path))]
    Io {
        /// The backup or the store.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// SQLite refused.
    #[error("could not restore the backup {}", shown(path))]
    Sqlite {
        /// The backup.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl RestoreError {
    /// An error of SQLite in what was made of a backup.
    pub(super) fn of_sqlite(backup: &Path, error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => Self::NotABackup(backup.to_owned()),
            _ => Self::Sqlite {
                path: backup.to_owned(),
                source: error.into(),
            },
        }
    }
}

fn all(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths.iter().map(|path| shown(path)).collect();
    paths.join(", ")
}

fn versions(versions: &[PepperVersion]) -> String {
    let versions: Vec<_> = versions.iter().map(ToString::to_string).collect();
    versions.join(", ")
}
