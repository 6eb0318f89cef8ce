//! The app's tables, in one SQLite file.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::Connection;
use tokio::task::spawn_blocking;

use crate::error::AppError;

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA foreign_keys = ON;
    CREATE TABLE IF NOT EXISTS teams (
        id     TEXT PRIMARY KEY,
        name   TEXT NOT NULL,
        invite TEXT NOT NULL UNIQUE
    ) STRICT;
    CREATE TABLE IF NOT EXISTS users (
        id       TEXT PRIMARY KEY,
        email    TEXT NOT NULL UNIQUE COLLATE NOCASE,
        password TEXT NOT NULL,
        team     TEXT NOT NULL REFERENCES teams
    ) STRICT;
    CREATE TABLE IF NOT EXISTS sessions (
        token      BLOB PRIMARY KEY, -- its SHA-256: a stolen table signs nobody in
        user       TEXT NOT NULL REFERENCES users,
        expires_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS notes (
        id         INTEGER PRIMARY KEY,
        team       TEXT NOT NULL REFERENCES teams,
        text       TEXT NOT NULL,
        created_at INTEGER NOT NULL DEFAULT (unixepoch())
    ) STRICT;
    CREATE INDEX IF NOT EXISTS notes_of_team ON notes (team, id);
";

/// The one connection to the database.
#[derive(Clone, Debug)]
pub(crate) struct Db(Arc<Mutex<Connection>>);

impl Db {
    pub(crate) fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Does some work on a thread that may wait for the disk, in one transaction.
    pub(crate) async fn run<T, W>(&self, work: W) -> Result<T, AppError>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T, AppError> + Send + 'static,
    {
        let connection = Arc::clone(&self.0);
        let done = spawn_blocking(move || {
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = connection.transaction()?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        });
        done.await?
    }
}
