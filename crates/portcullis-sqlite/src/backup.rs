//! Copying a store while it is in use.

use std::{
    io,
    path::{Path, PathBuf},
};

use portcullis_registry::Seq;
use rusqlite::Connection;

use crate::{
    error::shown,
    fetch, file, look,
    migrate::{self, Contents},
};

/// A copy that was made.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Backup {
    /// The newest change that is in it.
    pub head: Seq,
}

/// Why there is no copy. Nothing of it was left, and the store is as it was.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is no store.
    #[error("there is no store {}", shown(.0))]
    Missing(PathBuf),
    /// The database of another program, or of a version that this one doesn't know.
    #[error("{} is not a store that this program knows", shown(.0))]
    NotAStore(PathBuf),
    /// A file is in the place of the copy.
    #[error("{} is there already", shown(.0))]
    Exists(PathBuf),
    /// What was copied is damaged.
    #[error("the copy of {} is damaged: {problem}", shown(path))]
    Damaged {
        /// The store.
        path: PathBuf,
        /// What SQLite says of it.
        problem: String,
    },
    /// The operating system refused.
    #[error("could not write {}", shown(path))]
    Io {
        /// The copy.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// SQLite refused.
    #[error("could not copy the store {}", shown(path))]
    Sqlite {
        /// The store.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Copies a store, also one that a service has open, which goes on meanwhile.
///
/// The copy is one state of all tables. It is checked and synced before it gets its name, and has
/// mode 0600. The peppers are not in it, nor is the journal that [`restore`](crate::restore) needs.
/// It blocks the thread; the store's writes go on, and the file of what was written meanwhile
/// (`-wal`) grows until it is done.
///
/// # Errors
/// [`BackupError`]; no copy is left then. A path that is not UTF-8 is refused.
pub fn backup(store: &Path, to: &Path) -> Result<Backup, BackupError> {
    if !store.is_file() {
        return Err(BackupError::Missing(store.to_owned()));
    }
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let unfinished = file::unfinished(to);
    let backup = copy(store, &unfinished).and_then(|backup| {
        file::publish(&unfinished, to).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
            _ => BackupError::Io {
                path: to.to_owned(),
                source,
            },
        })?;
        Ok(backup)
    });
    if backup.is_err() {
        // Best effort: it has a name that no other copy has.
        let _ = file::discard(&unfinished);
    }
    backup
}

fn copy(store: &Path, to: &Path) -> Result<Backup, BackupError> {
    let sqlite = |error: rusqlite::Error| BackupError::Sqlite {
        path: store.to_owned(),
        source: error.into(),
    };
    let io = |source| BackupError::Io {
        path: to.to_owned(),
        source,
    };
    let name = to.to_str().ok_or_else(|| {
        io(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the path is not UTF-8",
        ))
    })?;
    look::read(store, sqlite, |source| {
        match migrate::contents(source).map_err(sqlite)? {
            Contents::Store(version) if version <= migrate::known() => {}
            _ => return Err(BackupError::NotAStore(store.to_owned())),
        }
        // SQLite writes into an empty file, and keeps its mode.
        let made = file::make_unfinished(to).map_err(io)?;
        source.execute("VACUUM INTO ?1", [name]).map_err(sqlite)?;
        made.sync_all().map_err(io)
    })?;
    let copied = look::connect(to).map_err(sqlite)?;
    check_integrity(&copied)
        .map_err(sqlite)?
        .map_err(|problem| BackupError::Damaged {
            path: store.to_owned(),
            problem,
        })?;
    let head = fetch::head(&copied).map_err(sqlite)?;
    Ok(Backup { head })
}

/// What SQLite finds wrong with a whole database, if anything.
pub(crate) fn check_integrity(connection: &Connection) -> rusqlite::Result<Result<(), String>> {
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    Ok(if found == "ok" { Ok(()) } else { Err(found) })
}
