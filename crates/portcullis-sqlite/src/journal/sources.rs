//! What the journal is written from, and what the store says of its journal.

use std::path::{Path, PathBuf};

use portcullis_core::CredentialId;
use portcullis_registry::{Owner, Seq};
use portcullis_token::TokenKind;
use rusqlite::{Connection, OptionalExtension, Row};

use super::Entry;
use crate::cells::{self, columns};

/// What tells stores apart, and a backup from that of another.
pub(crate) fn identity(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("SELECT lower(hex(id)) FROM identity", [], |row| row.get(0))
}

/// Makes another store of a copy, by an identity of its own.
pub(crate) fn renew_identity(connection: &Connection) -> rusqlite::Result<()> {
    let statement = "UPDATE identity SET id = randomblob(16)";
    connection.execute(statement, []).map(drop)
}

/// Where the journal of the store was when it was last opened, if it has one.
pub(crate) fn noted(connection: &Connection) -> rusqlite::Result<Option<PathBuf>> {
    let statement = "SELECT path FROM portcullis_journal";
    let path = connection.query_row(statement, [], |row| row.get::<_, String>(0));
    Ok(path.optional()?.map(PathBuf::from))
}

/// Notes that the store has a journal, so that it is not opened without one.
pub(crate) fn note(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    let statement = "INSERT INTO portcullis_journal (one, path) VALUES (1, ?1) \
         ON CONFLICT (one) DO UPDATE SET path = excluded.path WHERE path <> excluded.path";
    connection
        .execute(statement, [path.to_string_lossy()])
        .map(drop)
}

/// The store has no journal any more.
pub(crate) fn forget(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .execute("DELETE FROM portcullis_journal", [])
        .map(drop)
}

/// Calls `each` with every change after one, and the state of its target now, if that is for the
/// journal.
pub(super) fn changes_after(
    connection: &Connection,
    after: Seq,
    mut each: impl FnMut(Seq, Option<Entry>),
) -> rusqlite::Result<()> {
    let statement = "SELECT seq, credential, owner FROM changes WHERE seq > ?1 ORDER BY seq";
    let mut statement = connection.prepare_cached(statement)?;
    let mut rows = statement.query([cells::count_cell(after.0)])?;
    while let Some(row) = rows.next()? {
        let entry = match cells::optional_id(row, 1)? {
            Some(id) => credential(connection, id)?,
            None => owner(connection, cells::text(row, 2)?)?,
        };
        each(Seq(cells::count(row, 0)?), entry);
    }
    Ok(())
}

/// A key as it is now; nothing of sessions and what refreshes them.
pub(super) fn credential(
    connection: &Connection,
    id: CredentialId,
) -> rusqlite::Result<Option<Entry>> {
    const STATEMENT: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM credentials WHERE id = ?1 AND kind = ?2"
    );
    let mut statement = connection.prepare_cached(STATEMENT)?;
    let read = |row: &Row<'_>| Ok(Entry::of_record(cells::credential(row)?));
    let kind = TokenKind::ApiKey.as_str();
    let found = statement.query_row((cells::id_cell(id), kind), read);
    found.optional()
}

fn owner(connection: &Connection, owner: Owner) -> rusqlite::Result<Option<Entry>> {
    let statement = "SELECT suspended FROM owners WHERE owner = ?1";
    let mut statement = connection.prepare_cached(statement)?;
    let suspended = statement.query_row([owner.as_str()], |row| row.get(0));
    let suspended = suspended.optional()?;
    Ok(suspended.map(|suspended| Entry::Owner { owner, suspended }))
}
