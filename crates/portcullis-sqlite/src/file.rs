//! The file on the disk: its folder, its lock, its connections.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};

use crate::{
    OpenError,
    journal::{self, JournalError, JournalWriter},
    migrate::{self, Contents},
    traces,
};

/// How long to wait for a connection of another program, or of the application's own tables.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a file that is written anew waits for those who still read what was in it.
const REWRITE_TIMEOUT: Duration = Duration::from_millis(500);
/// Statements kept per connection; there are about forty.
const STATEMENTS: usize = 64;

/// An open store: one connection to write with, and the lock that keeps other processes out.
pub(crate) struct StoreFile {
    pub(crate) path: PathBuf,
    pub(crate) connection: Connection,
    pub(crate) lock: File,
}

impl StoreFile {
    /// Opens or makes the store, with its tables up to date.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        if path.is_dir() {
            return Err(OpenError::Directory(path.to_owned()));
        }
        make_parent(path)?;
        if let Ok(metadata) = fs::metadata(path) {
            // SQLite takes a file of one byte for an empty one (a workaround of its own).
            if metadata.len() == 1 {
                return Err(OpenError::NotSqlite(path.to_owned()));
            }
            // Before the lock, so that no lock file is left beside what is not a store.
            check(path, &connect(path)?)?;
        }
        let lock = lock(path)?;
        make(path)?;
        let mut connection = connect(path)?;
        let version = match check(path, &connection)? {
            Contents::Store(version) => version,
            Contents::Empty | Contents::Foreign => 0,
        };
        prepare(&mut connection, version).map_err(|error| refused(path, error))?;
        Ok(Self {
            path: path.to_owned(),
            connection,
            lock,
        })
    }

    /// The revocation journal of the store, which may not lie in its folder.
    pub(crate) fn journal(&self, path: &Path) -> Result<JournalWriter, OpenError> {
        self.open_journal(path)
            .map_err(|source| OpenError::Journal {
                path: path.to_owned(),
                source,
            })
    }

    fn open_journal(&self, path: &Path) -> Result<JournalWriter, JournalError> {
        let path = real(path)?;
        check_apart(&path, &self.path)?;
        let noted = journal::noted(&self.connection)?;
        if noted.is_some() && !path.exists() {
            return Err(JournalError::Missing);
        }
        let writer = JournalWriter::open(&path, &self.connection)?;
        // Before anything is acknowledged that is in it.
        journal::note(&self.connection, &path)?;
        Ok(writer)
    }

    /// Refuses to go on without a journal if the store has one.
    pub(crate) fn check_has_no_journal(&self) -> Result<(), OpenError> {
        let noted = journal::noted(&self.connection).map_err(|error| refused(&self.path, error))?;
        match noted {
            None => Ok(()),
            Some(journal) => Err(OpenError::JournalNeeded {
                path: self.path.clone(),
                journal,
            }),
        }
    }

    /// From now on the store has no journal.
    pub(crate) fn forget_journal(&self) -> Result<(), OpenError> {
        journal::forget(&self.connection).map_err(|error| refused(&self.path, error))
    }

    /// Writes the file anew, with nothing in it of what was deleted, wherever SQLite had left it.
    pub(crate) fn rewrite(&self) -> Result<(), OpenError> {
        let done = self.connection.execute_batch("VACUUM");
        let emptied = done.and_then(|()| traces::empty_log(&self.connection, REWRITE_TIMEOUT));
        match emptied.map_err(|error| refused(&self.path, error))? {
            true => Ok(()),
            false => Err(OpenError::BeingRead(self.path.clone())),
        }
    }

    /// One more connection, which only reads.
    pub(crate) fn reader(&self) -> Result<Connection, OpenError> {
        let connection = connect(&self.path)?;
        let only = connection.pragma_update(None, "query_only", true);
        only.map_err(|error| refused(&self.path, error))?;
        Ok(connection)
    }
}

/// A path without symbolic links, of a file that need not be there.
pub(crate) fn real(path: &Path) -> io::Result<PathBuf> {
    // A link to nothing is not followed: what it names may be on a disk that is not there now.
    if fs::symlink_metadata(path).is_ok() {
        return fs::canonicalize(path);
    }
    let folder = fs::canonicalize(parent(path).unwrap_or(Path::new(".")))?;
    Ok(folder.join(path.file_name().unwrap_or_default()))
}

/// Refuses a journal in the folder of a store, or below it. Its path is a real one.
pub(crate) fn check_apart(journal: &Path, store: &Path) -> Result<(), JournalError> {
    let store = real(store)?;
    match store.parent() {
        Some(folder) if journal.starts_with(folder) => Err(JournalError::BesideStore),
        _ => Ok(()),
    }
}

/// The folder of a file; the current one if the path has none.
fn parent(path: &Path) -> Option<&Path> {
    let parent = path.parent()?;
    Some(if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    })
}

fn make_parent(path: &Path) -> Result<(), OpenError> {
    let Some(parent) = parent(path).filter(|parent| !parent.is_dir()) else {
        return Ok(());
    };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(parent).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => failed(path, error),
        _ => OpenError::Parent {
            path: path.to_owned(),
            source: error,
        },
    })
}

/// How often a lock is tried that another has, and how long it waits in between.
const TRIES: u32 = 50;
const WAIT: Duration = Duration::from_millis(4);

/// Takes a lock, with some patience: a process that is just ending still has it, and so has, for a
/// moment, a child that this process is starting, which inherits all files until it is another
/// program.
pub(crate) fn try_lock(file: &File) -> Result<(), TryLockError> {
    for _ in 1..TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(WAIT),
            other => return other,
        }
    }
    file.try_lock()
}

/// Takes the lock file beside the store, which the operating system gives back when the process
/// ends, however it ends.
fn lock(path: &Path) -> Result<File, OpenError> {
    // Beside the file itself, so that a symbolic link to it is no way round the lock.
    let real = fs::canonicalize(path);
    let mut name = OsString::from(real.as_deref().unwrap_or(path));
    name.push(".lock");
    let mut options = private();
    let file = options.create(true).truncate(false).open(name);
    let file = file.map_err(|error| failed(path, error))?;
    match try_lock(&file) {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::AlreadyOpen(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(path, error)),
    }
}

/// Makes the file if there is none, readable by nobody else; SQLite makes its side files alike.
fn make(path: &Path) -> Result<(), OpenError> {
    match private().create_new(true).open(path) {
        Ok(file) => file
            .sync_all()
            .and_then(|()| sync_parent(path))
            .map_err(|e| failed(path, e)),
        // Not opened here if it exists: to close it again would drop the locks that other
        // connections of this process have on it (POSIX, `fcntl`).
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(path, error)),
    }
}

pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// A name beside a file for one that is not yet whole.
pub(crate) fn unfinished(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{}.unfinished", std::process::id()));
    name.into()
}

/// Makes the file of such a name, for its owner's eyes alone from the beginning.
///
/// A process of the same number may have left one, and a journal of SQLite's that would be applied
/// to the new one.
pub(crate) fn make_unfinished(unfinished: &Path) -> io::Result<File> {
    discard(unfinished)?;
    private().create_new(true).open(unfinished)
}

/// Removes such a file and what SQLite has beside it.
pub(crate) fn discard(unfinished: &Path) -> io::Result<()> {
    let beside = side_files(unfinished);
    for path in beside.iter().map(PathBuf::as_path).chain([unfinished]) {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// What SQLite keeps beside a database, and applies to whichever one it finds there.
pub(crate) fn side_files(path: &Path) -> [PathBuf; 3] {
    ["-wal", "-shm", "-journal"].map(|end| {
        let mut name = OsString::from(path);
        name.push(end);
        name.into()
    })
}

/// Gives a whole file its name, which nothing may have, and syncs both.
pub(crate) fn publish(unfinished: &Path, path: &Path) -> io::Result<()> {
    File::open(unfinished)?.sync_all()?;
    // Unlike a rename, a link never takes the place of another file.
    fs::hard_link(unfinished, path)?;
    fs::remove_file(unfinished)?;
    sync_parent(path)
}

/// Makes a new name in the folder outlast a power failure.
#[cfg(unix)]
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    parent(path).map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

#[cfg(not(unix))]
pub(crate) fn sync_parent(_path: &Path) -> io::Result<()> {
    Ok(())
}

fn connect(path: &Path) -> Result<Connection, OpenError> {
    // Without URIs and without making the file; each connection stays on one thread.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connect = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        Ok(connection)
    };
    connect().map_err(|error| refused(path, error))
}

/// What is in the file, if it may be used.
fn check(path: &Path, connection: &Connection) -> Result<Contents, OpenError> {
    let contents = migrate::contents(connection).map_err(|error| refused(path, error))?;
    let known = migrate::known();
    match contents {
        Contents::Foreign => Err(OpenError::Foreign(path.to_owned())),
        Contents::Store(found) if found > known => Err(OpenError::Newer {
            path: path.to_owned(),
            found,
            known,
        }),
        // SQLite falls back to reading alone without a word.
        _ => match connection.is_readonly("main") {
            Ok(true) => Err(read_only(path)),
            Ok(false) => Ok(contents),
            Err(error) => Err(refused(path, error)),
        },
    }
}

fn prepare(connection: &mut Connection, version: u32) -> rusqlite::Result<()> {
    // WAL stays in the file, so that readers need not ask for it.
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    // On macOS an ordinary fsync may stop at the disk's cache.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    // 32 MiB: the indexes are by ids and MACs, so a large batch touches pages all over the file.
    connection.pragma_update(None, "cache_size", -32_768)?;
    // As much is written before it is moved into the file, so that such pages are moved once.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 8_192, |_| Ok(()))?;
    // What is deleted is overwritten, so that an address that was erased is not in an unused page.
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    migrate::migrate(connection, version)
}

fn read_only(path: &Path) -> OpenError {
    // The fallback hides why: a mode that others may change, or a file system that is read-only.
    match fs::metadata(path) {
        Ok(metadata) if !metadata.permissions().readonly() => {
            OpenError::Permission(path.to_owned())
        }
        _ => OpenError::ReadOnly(path.to_owned()),
    }
}

fn failed(path: &Path, error: io::Error) -> OpenError {
    let path = path.to_owned();
    match error.kind() {
        io::ErrorKind::PermissionDenied => OpenError::Permission(path),
        io::ErrorKind::ReadOnlyFilesystem => OpenError::ReadOnly(path),
        _ => OpenError::Failed {
            path,
            source: error.into(),
        },
    }
}

fn refused(path: &Path, error: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotSqlite(path),
        Some(ErrorCode::ReadOnly) => OpenError::ReadOnly(path),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => OpenError::Permission(path),
        _ => OpenError::Failed {
            path,
            source: error.into(),
        },
    }
}
