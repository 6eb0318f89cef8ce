//! Looking at a store without changing it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use portcullis_registry::{AuditPage, AuditQuery};
use portcullis_token::PepperVersion;
use rusqlite::{Connection, OpenFlags, Row, params};

use crate::{
    audit, cells,
    error::shown,
    file,
    migrate::{self, Contents},
};

/// A pepper that a store knows, and what is under it.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StoredPepper {
    /// Its version.
    pub version: PepperVersion,
    /// What tells a wrong pepper of the same version.
    pub fingerprint: [u8; 8],
    /// How many credentials are under it that are not revoked, expired ones too.
    pub credentials: u64,
    /// How many passwords are under it.
    pub passwords: u64,
}

/// Why a store could not be looked at.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// There is no store.
    #[error("there is no store {}", shown(.0))]
    Missing(PathBuf),
    /// The database of another program, or of a version that this one doesn't know.
    #[error("{} is not a store that this program knows", shown(.0))]
    NotAStore(PathBuf),
    /// A store of a version before the log was a chain; whatever opens it to write brings it up to
    /// date.
    #[error(
        "the store {} is of version {found}: open it once with this version",
        shown(path)
    )]
    Older {
        /// The store.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// SQLite refused.
    #[error("could not read the store {}", shown(path))]
    Sqlite {
        /// The store.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The peppers that a store knows, in the order of their versions, also of one that a service has
/// open. It blocks the thread.
///
/// # Errors
/// [`LookError`]. The store is as it was in any case.
pub fn look_at_peppers(store: &Path) -> Result<Vec<StoredPepper>, LookError> {
    look(store, |connection, _| peppers(connection))
}

/// A part of the audit log of a store, also of one that a service has open. It blocks the thread.
///
/// # Errors
/// [`LookError`]. The store is as it was in any case.
pub fn look_at_audit(store: &Path, query: &AuditQuery) -> Result<AuditPage, LookError> {
    look_at_log(store, |connection| audit::page(connection, query))
}

/// Runs `work` in one snapshot of a store whose audit log is a chain.
pub(crate) fn look_at_log<T>(
    store: &Path,
    work: impl Fn(&Connection) -> rusqlite::Result<T>,
) -> Result<T, LookError> {
    look(store, |connection, version| {
        match version < audit::CHAINED_SINCE {
            true => Ok(Err(LookError::Older {
                path: store.to_owned(),
                found: version,
            })),
            false => {
                let snapshot = connection.unchecked_transaction()?;
                work(&snapshot).map(Ok)
            }
        }
    })?
}

/// Runs `work` on a store, with its version.
fn look<T>(
    store: &Path,
    work: impl Fn(&Connection, u32) -> rusqlite::Result<T>,
) -> Result<T, LookError> {
    let sqlite = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => LookError::NotAStore(store.to_owned()),
        _ => LookError::Sqlite {
            path: store.to_owned(),
            source: error.into(),
        },
    };
    if !store.is_file() {
        return Err(LookError::Missing(store.to_owned()));
    }
    read(store, sqlite, |connection| {
        match migrate::contents(connection).map_err(sqlite)? {
            Contents::Store(version) if version <= migrate::known() => {
                work(connection, version).map_err(sqlite)
            }
            _ => Err(LookError::NotAStore(store.to_owned())),
        }
    })
}

/// Runs `work` on a connection that only reads, and that leaves nothing beside the store.
///
/// An ordinary one makes the side files of a store in WAL mode and can't remove them. So a store
/// that nothing has open is read as a file that doesn't change; if it did meanwhile, `work` runs
/// once more, on an ordinary connection, beside what then has it open.
pub(crate) fn read<T, E>(
    store: &Path,
    sqlite: impl Fn(rusqlite::Error) -> E,
    work: impl Fn(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    // SQLite has them beside the file itself, not beside a link to it.
    let real = fs::canonicalize(store);
    let real = real.as_deref().unwrap_or(store);
    if let Some(before) = at_rest(real) {
        let done = connect_at_rest(real)
            .map_err(&sqlite)
            .and_then(|connection| work(&connection));
        if at_rest(real) == Some(before) {
            return done;
        }
    }
    work(&connect(store).map_err(sqlite)?)
}

/// The length and the time of a store beside which there is nothing that belongs to it.
fn at_rest(store: &Path) -> Option<(u64, SystemTime)> {
    let [log, _, journal] = file::side_files(store);
    let metadata = store.metadata().ok()?;
    let is_alone = !log.exists() && !journal.exists();
    is_alone.then_some((metadata.len(), metadata.modified().ok()?))
}

fn connect_at_rest(store: &Path) -> rusqlite::Result<Connection> {
    let mut uri = String::from("file:");
    for byte in store.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                uri.push(char::from(*byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(uri, flags)
}

/// An ordinary connection that only reads.
pub(crate) fn connect(store: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(store, flags)?;
    connection.busy_timeout(file::BUSY_TIMEOUT)?;
    Ok(connection)
}

fn peppers(connection: &Connection) -> rusqlite::Result<Vec<StoredPepper>> {
    let snapshot = connection.unchecked_transaction()?;
    let statement = "SELECT version, fingerprint, \
         (SELECT count(*) FROM credentials WHERE pepper = peppers.version AND state <> 'revoked') \
         FROM peppers ORDER BY version";
    let mut statement = snapshot.prepare(statement)?;
    let read = |row: &Row<'_>| {
        let version = cells::pepper(row, 0)?;
        Ok(StoredPepper {
            version,
            fingerprint: row.get(1)?,
            credentials: cells::count(row, 2)?,
            passwords: passwords_under(&snapshot, version)?,
        })
    };
    statement.query_map([], read)?.collect()
}

/// How many passwords are under a pepper; all of the table is read.
pub(crate) fn passwords_under(
    connection: &Connection,
    pepper: PepperVersion,
) -> rusqlite::Result<u64> {
    // The first version had no users.
    if !connection.table_exists(None, "users")? {
        return Ok(0);
    }
    // The text begins with the version and a `$`.
    let statement = "SELECT count(*) FROM users WHERE substr(password, 1, ?2) = ?1";
    let mut statement = connection.prepare_cached(statement)?;
    let beginning = format!("{pepper}$");
    let length = i64::try_from(beginning.len()).unwrap_or(i64::MAX);
    statement.query_row(params![beginning, length], |row| cells::count(row, 0))
}
