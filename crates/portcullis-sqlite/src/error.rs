//! Why a file can't be opened as a store.

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
};

use crate::journal::JournalError;

/// Why a file can't be opened as a store. Each is one line that names the file.
///
/// Nothing was written to the file in any case but [`OpenError::Failed`], where a migration that
/// failed has left it as it was, and [`OpenError::Journal`] and [`OpenError::JournalNeeded`], by
/// which its tables are up to date.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open, or this one a second time.
    #[error("the store {} is already open", shown(.0))]
    AlreadyOpen(PathBuf),
    /// A connection of another program reads the file, so that what was erased is still in its `-wal`.
    #[error("another program reads the store {}: its `-wal` still has what was erased", shown(.0))]
    BeingRead(PathBuf),
    /// A directory is in the place of the file.
    #[error("{} is a directory, not a store", shown(.0))]
    Directory(PathBuf),
    /// SQLite or the operating system failed in another way; the source says how.
    #[error("could not open the store {}", shown(path))]
    Failed {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A SQLite database, but of another program.
    #[error("{} is the database of another program", shown(.0))]
    Foreign(PathBuf),
    /// The revocation journal can't be used.
    #[error("the journal {} can't be used", shown(path))]
    Journal {
        /// The journal.
        path: PathBuf,
        /// What is wrong with it.
        source: JournalError,
    },
    /// The store has a revocation journal, and was to be opened without it: what is revoked then
    /// would come back with a restore. Open it with the journal; to have none any more,
    /// [`SqliteStore::dangerous_forget_journal`](crate::SqliteStore::dangerous_forget_journal).
    #[error(
        "the store {} has a revocation journal, last at {}: open it with that, or what is revoked \
         without it comes back with a restore",
        shown(path),
        shown(journal)
    )]
    JournalNeeded {
        /// The store.
        path: PathBuf,
        /// Where the journal was when the store was last opened.
        journal: PathBuf,
    },
    /// Written by a later version of this crate.
    #[error(
        "the store {} is of version {found}, this program knows up to {known}",
        shown(path)
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that is known here.
        known: u32,
    },
    /// Not a SQLite database at all.
    #[error("{} is not an SQLite database", shown(.0))]
    NotSqlite(PathBuf),
    /// The folder can't be made: something else is in its place.
    #[error("the folder of the store {} can't be made", shown(path))]
    Parent {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file or its folder can't be read and written by this user.
    #[error("no permission to read and write the store {} and its folder", shown(.0))]
    Permission(PathBuf),
    /// The file or its file system is read-only.
    #[error("the store {} is read-only", shown(.0))]
    ReadOnly(PathBuf),
}

/// A path in backticks, with control characters escaped.
pub(crate) fn shown(path: &Path) -> String {
    format!("`{}`", path.to_string_lossy().escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_whatever_the_path() {
        let error = OpenError::Foreign("a\nb.db".into());
        assert_eq!(
            error.to_string(),
            r"`a\nb.db` is the database of another program"
        );
    }
}
