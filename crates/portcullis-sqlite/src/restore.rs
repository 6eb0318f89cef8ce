//! Making a store of a backup, without what was revoked since.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use portcullis_core::{Clock, SystemClock};
use rusqlite::{Connection, named_params, params};

use crate::{
    backup::check_integrity,
    cells,
    error::shown,
    fetch, file,
    journal::{self, Entry, Journal, JournalError},
    migrate::{self, Contents},
};

/// What was done to a backup to make a store of it.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Restored {
    /// How many records of the backup were brought to their newest state by the journal.
    pub changes: u64,
    /// How many sessions and refresh tokens were ended.
    pub sessions: u64,
}

/// Why a backup was not restored. No store was made.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// A file is in the place of the store.
    #[error("{} is there already: move it away first", shown(.0))]
    Exists(PathBuf),
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
    /// The operating system refused.
    #[error("could not write {}", shown(path))]
    Io {
        /// The store.
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

/// Makes a store of a backup, with every change of an existing record since, as the journal has it.
///
/// So nothing comes back that was revoked, disabled, narrowed, shortened or suspended after the
/// backup was made. What was made after it is not known any more. Sessions and refresh tokens end,
/// since what was refreshed after the backup can't be told from what was stolen. Credits are as they
/// were in the backup.
///
/// The journal goes on with the restored store. The backup stays as it is.
///
/// # Errors
/// [`RestoreError`]; no store was made then.
pub fn restore(backup: &Path, journal: &Path, to: &Path) -> Result<Restored, RestoreError> {
    if to.exists() {
        return Err(RestoreError::Exists(to.to_owned()));
    }
    let read = Journal::read(journal).map_err(|source| RestoreError::Journal {
        path: journal.to_owned(),
        source,
    })?;
    let unfinished = file::unfinished(to);
    let io = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => RestoreError::Exists(to.to_owned()),
        _ => RestoreError::Io {
            path: to.to_owned(),
            source,
        },
    };
    let restored = fs::copy(backup, &unfinished)
        .and_then(|_| file::make_private(&unfinished))
        .map_err(io)
        .and_then(|()| apply(backup, journal, &read, &unfinished))
        .and_then(|restored| {
            file::publish(&unfinished, to).map_err(io)?;
            Ok(restored)
        });
    if restored.is_err() {
        // Best effort: it has a name that no store has.
        let _ = fs::remove_file(&unfinished);
    }
    restored
}

fn apply(
    backup: &Path,
    journal: &Path,
    read: &Journal,
    copy: &Path,
) -> Result<Restored, RestoreError> {
    let sqlite = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => RestoreError::NotABackup(backup.to_owned()),
        _ => RestoreError::Sqlite {
            path: backup.to_owned(),
            source: error.into(),
        },
    };
    let refused = |source| RestoreError::Journal {
        path: journal.to_owned(),
        source,
    };
    let mut connection = Connection::open(copy).map_err(sqlite)?;
    let version = match migrate::contents(&connection).map_err(sqlite)? {
        Contents::Store(version) if version <= migrate::known() => version,
        _ => return Err(RestoreError::NotABackup(backup.to_owned())),
    };
    check_integrity(&connection)
        .map_err(sqlite)?
        .map_err(|problem| RestoreError::Damaged {
            path: backup.to_owned(),
            problem,
        })?;
    migrate::migrate(&mut connection, version).map_err(sqlite)?;
    if journal::identity(&connection).map_err(sqlite)? != read.store {
        return Err(refused(JournalError::OtherStore));
    }
    let head = fetch::head(&connection).map_err(sqlite)?;
    if read.from > head {
        return Err(refused(JournalError::Gap {
            from: head.0,
            to: read.from.0,
        }));
    }
    if read.last < head {
        // It was synced before any of these was acknowledged, so this is an old copy of it.
        return Err(refused(JournalError::Gap {
            from: read.last.0,
            to: head.0,
        }));
    }
    let restored = replay(&mut connection, read, head.0).map_err(sqlite)?;
    // All of it into the one file, which is synced when it is published.
    connection
        .pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))
        .map_err(sqlite)?;
    Ok(restored)
}

fn replay(connection: &mut Connection, read: &Journal, head: u64) -> rusqlite::Result<Restored> {
    let transaction = connection.transaction()?;
    let mut changes = 0;
    let newer = read.entries.values().filter(|(seq, _)| seq.0 > head);
    for (_, entry) in newer {
        changes += match entry {
            Entry::Credential {
                id,
                state,
                grant,
                expires_at,
                networks,
            } => transaction.execute(
                "UPDATE credentials SET version = version + 1, state = :state, grant = :grant, \
                 expires_at = :expires_at, networks = :networks WHERE id = :id",
                named_params! {
                    ":id": cells::id_cell(*id),
                    ":state": cells::state_cell(*state),
                    ":grant": grant.to_string(),
                    ":expires_at": expires_at.map(|at| at.unix_micros()),
                    ":networks": (!networks.is_any()).then(|| networks.to_string()),
                },
            )?,
            Entry::Owner { owner, suspended } => transaction.execute(
                "UPDATE owners SET version = version + 1, suspended = ?2 WHERE owner = ?1",
                params![owner.as_str(), suspended],
            )?,
        };
    }
    let sessions = transaction.execute(
        "UPDATE credentials SET version = version + 1, state = 'revoked' \
         WHERE kind <> 'api_key' AND state <> 'revoked'",
        [],
    )?;
    // The journal goes on from here: no number is given twice.
    transaction.execute(
        "UPDATE head SET seq = max(seq, ?1)",
        [cells::count_cell(read.last.0)],
    )?;
    let details = serde_json::json!({ "changes": changes, "sessions": sessions });
    transaction.execute(
        "INSERT INTO audit (at, actor, action, target, details) \
         VALUES (?1, 'system', 'store.restored', 'store', ?2)",
        params![SystemClock::new().now().unix_micros(), details.to_string()],
    )?;
    transaction.commit()?;
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Ok(Restored {
        changes: count(changes),
        sessions: count(sessions),
    })
}
