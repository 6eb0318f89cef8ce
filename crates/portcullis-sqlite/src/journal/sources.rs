//! What the journal is written from, and what the store says of its journal.

use std::path::{Path, PathBuf};

use portcullis_core::CredentialId;
use portcullis_registry::{Owner, State};
use portcullis_token::{Mac, TokenKind};
use rusqlite::{Connection, OptionalExtension, Row};

use super::{Entry, Tombstone};
use crate::cells;

/// What tells stores apart, and a backup from that of another.
pub(crate) fn identity(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("SELECT lower(hex(id)) FROM identity", [], |row| row.get(0))
}

/// Where the journal of the store was when it was last opened, if it has one.
pub(crate) fn noted(connection: &Connection) -> rusqlite::Result<Option<PathBuf>> {
    let statement = "SELECT path FROM journal";
    let path = connection.query_row(statement, [], |row| row.get::<_, String>(0));
    Ok(path.optional()?.map(PathBuf::from))
}

/// Notes that the store has a journal, so that it is not opened without one.
pub(crate) fn note(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    let statement = "INSERT INTO journal (one, path) VALUES (1, ?1) \
         ON CONFLICT (one) DO UPDATE SET path = excluded.path WHERE path <> excluded.path";
    connection
        .execute(statement, [path.to_string_lossy()])
        .map(drop)
}

/// The store has no journal any more.
pub(crate) fn forget(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM journal", []).map(drop)
}

/// A key as it is now; nothing of sessions and what refreshes them.
pub(super) fn credential(
    connection: &Connection,
    id: CredentialId,
) -> rusqlite::Result<Option<Entry>> {
    let statement = "SELECT state, grant, expires_at, networks, imported, mac, pepper, environment, \
         owner, created_at, updated_at FROM credentials WHERE id = ?1 AND kind = ?2";
    let mut statement = connection.prepare_cached(statement)?;
    let read = |row: &Row<'_>| {
        let state = cells::state(row, 0)?;
        let prefix = match state {
            State::Revoked => row.get::<_, Option<String>>(4)?,
            State::Enabled | State::Disabled => None,
        };
        Ok(Entry::Credential {
            id,
            state,
            grant: cells::text(row, 1)?,
            expires_at: cells::optional_timestamp(row, 2)?,
            networks: cells::optional_text(row, 3)?.unwrap_or_default(),
            tombstone: prefix.map(|prefix| tombstone(row, prefix)).transpose()?,
        })
    };
    let kind = TokenKind::ApiKey.as_str();
    let found = statement.query_row((cells::id_cell(id), kind), read);
    found.optional()
}

fn tombstone(row: &Row<'_>, prefix: String) -> rusqlite::Result<Tombstone> {
    Ok(Tombstone {
        prefix,
        mac: Mac::from_bytes(row.get(5)?),
        pepper: cells::pepper(row, 6)?,
        environment: cells::environment(row, 7)?,
        owner: cells::text(row, 8)?,
        created_at: cells::timestamp(row, 9)?,
        updated_at: cells::timestamp(row, 10)?,
    })
}

pub(super) fn owner(connection: &Connection, owner: Owner) -> rusqlite::Result<Option<Entry>> {
    let statement = "SELECT suspended FROM owners WHERE owner = ?1";
    let mut statement = connection.prepare_cached(statement)?;
    let suspended = statement.query_row([owner.as_str()], |row| row.get(0));
    let suspended = suspended.optional()?;
    Ok(suspended.map(|suspended| Entry::Owner { owner, suspended }))
}
