//! What was erased, in the log of writes (`-wal`).

use std::time::Duration;

use rusqlite::Connection;

use crate::file::BUSY_TIMEOUT;

/// For how long a commit waits for those who read what is in the log. It is some short reads; a
/// longer one is not waited for.
const PATIENCE: Duration = Duration::from_millis(5);

/// Whether the log of writes may have pages from before something was erased.
#[derive(Debug)]
pub(crate) struct Traces {
    are_left: bool,
}

impl Traces {
    /// A process that was killed may have left some.
    pub(crate) const fn unknown() -> Self {
        Self { are_left: true }
    }

    /// Something was erased.
    pub(crate) const fn note(&mut self) {
        self.are_left = true;
    }

    /// Empties the log if there may be traces in it. Where somebody reads what is there, or the disk
    /// is full, it is tried again with each commit until it is done.
    pub(crate) fn remove(&mut self, connection: &Connection) {
        if self.are_left {
            self.are_left = !empty_log(connection, PATIENCE).unwrap_or(false);
        }
    }
}

/// Moves what was written into the file and makes the log empty; whether nobody was in the way.
pub(crate) fn empty_log(connection: &Connection, patience: Duration) -> rusqlite::Result<bool> {
    connection.busy_timeout(patience)?;
    let statement = "PRAGMA wal_checkpoint(TRUNCATE)";
    let is_busy = connection.query_row(statement, [], |row| row.get::<_, bool>(0));
    connection.busy_timeout(BUSY_TIMEOUT)?;
    is_busy.map(|is_busy| !is_busy)
}
