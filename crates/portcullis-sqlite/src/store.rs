//! The store itself: its threads and what they are asked.

use std::{
    fmt,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use portcullis_core::BoxFuture;
use portcullis_registry::{
    Batch, Changes, CommitError, Key, Page, Query, Seq, Snapshot, Store, StoreError,
};
use rusqlite::Connection;

use crate::{
    OpenError,
    attempt::{Attempt, READING},
    commit, fetch,
    file::StoreFile,
    journal::JournalWriter,
    reader::Readers,
    writer::{Until, Writer},
};

/// How many threads read.
const READERS: usize = 2;

/// A store in one SQLite file.
///
/// One thread writes and two read, so no call blocks the caller's thread. A commit is durable when
/// its future is ready (WAL, `synchronous=FULL`); commits that arrive together share one wait for
/// the disk. Only one process has a store open; a lock file beside it (`<path>.lock`) sees to that.
/// Other connections may use the file for tables of their own, in short transactions: a commit
/// waits for them for 5 s, then fails as transient.
///
/// Dropping a store waits until what was handed to it is written.
///
/// # Examples
/// ```
/// use portcullis_sqlite::{OpenError, SqliteStore};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("portcullis.db");
/// let store = SqliteStore::open(&path)?;
/// assert!(matches!(SqliteStore::open(&path), Err(OpenError::AlreadyOpen(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SqliteStore {
    path: PathBuf,
    // In this order, so that the connection that writes is the last one and tidies the file.
    readers: Readers,
    writer: Writer,
    /// Held until the threads have ended.
    _lock: File,
}

impl SqliteStore {
    /// Opens the store in a file, or makes it there.
    ///
    /// A missing folder is made with mode 0700, a missing file with mode 0600. An older store is
    /// brought up to date. It reads and writes the disk before it returns, so an async program
    /// calls it while it starts.
    ///
    /// # Errors
    /// [`OpenError`]: what is there is not a store, is not to be written, or is in use; and
    /// [`OpenError::JournalNeeded`] if it was ever opened
    /// [with a journal](Self::open_with_journal).
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let file = StoreFile::open(path.as_ref())?;
        file.check_has_no_journal()?;
        Self::start(file, None)
    }

    /// Opens the store as [`open`](Self::open) does, with a revocation journal, which is made if
    /// the store has none yet.
    ///
    /// Every change of an existing key or owner is written to it and synced before the change is
    /// acknowledged. It belongs outside the folder of the store, on another disk at best:
    /// [`restore`](crate::restore) asks for it, so that a backup does not bring back what was
    /// revoked after it. From then on the store is not opened without a journal.
    ///
    /// It grows by some 200 bytes with every change, and is written anew, with one line for each
    /// record that was ever changed, when it is longer than twice that and 1 MiB. Writes wait
    /// meanwhile: some milliseconds, and about a second for every 200,000 of those lines.
    ///
    /// # Errors
    /// As [`open`](Self::open); and [`OpenError::Journal`] if the journal is another store's, is in
    /// the store's folder, is damaged, is open elsewhere, is not there though the store has one, or
    /// knows changes that the store does not (then the store was put back to an older state in
    /// another way).
    pub fn open_with_journal(
        path: impl AsRef<Path>,
        journal: impl AsRef<Path>,
    ) -> Result<Self, OpenError> {
        let file = StoreFile::open(path.as_ref())?;
        let journal = file.journal(journal.as_ref())?;
        Self::start(file, Some(journal))
    }

    /// Gives up the revocation journal of a store that nothing has open: it may then be opened
    /// without one, or with a new one.
    ///
    /// What is revoked while there is none comes back with a backup from before. After a new one
    /// has begun, backups from before that can't be restored: make one at once.
    ///
    /// # Errors
    /// As [`open`](Self::open), but for the journal.
    pub fn dangerous_forget_journal(path: impl AsRef<Path>) -> Result<(), OpenError> {
        StoreFile::open(path.as_ref())?.forget_journal()
    }

    /// Writes the file of a store that nothing has open anew, so that it has nothing of what was
    /// erased.
    ///
    /// What a store deletes it overwrites, but SQLite has moved rows about in its file before, and
    /// leaves copies of them in what is unused of its pages. It needs as much space again for a while,
    /// in the folder of temporary files and in that of the store, and takes some seconds for each
    /// gigabyte.
    ///
    /// # Errors
    /// As [`open`](Self::open), but for the journal; and [`OpenError::BeingRead`].
    pub fn rewrite(path: impl AsRef<Path>) -> Result<(), OpenError> {
        StoreFile::open(path.as_ref())?.rewrite()
    }

    fn start(file: StoreFile, journal: Option<JournalWriter>) -> Result<Self, OpenError> {
        let readers = (0..READERS)
            .map(|_| file.reader())
            .collect::<Result<Vec<_>, _>>()?;
        let StoreFile {
            path,
            connection,
            lock,
        } = file;
        let failed = |error: io::Error| OpenError::Failed {
            path: path.clone(),
            source: error.into(),
        };
        let writer = Writer::start(connection, journal).map_err(failed)?;
        let readers = Readers::start(readers).map_err(failed)?;
        Ok(Self {
            path,
            readers,
            writer,
            _lock: lock,
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` on the writing thread, all of it or nothing, within the commit that others
    /// share. See [`Writer::run`].
    #[cfg(feature = "login")]
    pub(crate) async fn write<T, E>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.writer.run(Until::Committed, work).await
    }

    /// Runs `work` in one snapshot on a reading thread. See [`Readers::run`].
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.run(work).await
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Store for SqliteStore {
    fn get(&self, key: Key) -> BoxFuture<'_, Result<Snapshot, StoreError>> {
        Box::pin(self.read(move |connection| fetch::snapshot(connection, &key)))
    }

    fn list(&self, query: Query) -> BoxFuture<'_, Result<Page, StoreError>> {
        Box::pin(self.read(move |connection| fetch::page(connection, &query)))
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Seq, CommitError>> {
        let until = commit::until(&batch);
        let erases = batch.audit_upkeep.is_some();
        let work = move |connection: &Connection| commit::apply(connection, &batch);
        match erases {
            true => Box::pin(self.writer.erase(until, work)),
            false => Box::pin(self.writer.run(until, work)),
        }
    }

    /// Whoever asks this is about to say that something "is so already", so it must be in the
    /// journal too.
    fn changes_since(&self, seq: Seq, limit: usize) -> BoxFuture<'_, Result<Changes, StoreError>> {
        Box::pin(async move {
            let read = move |connection: &Connection| fetch::changes(connection, seq, limit);
            let changes = self.read(read).await?;
            // Looked at after the read: what that has seen was committed before.
            if !self.writer.journal_is_behind() {
                return Ok(changes);
            }
            let again = move |connection: &Connection| read(connection).attempt(READING);
            self.writer.run(Until::InJournal, again).await
        })
    }
}
