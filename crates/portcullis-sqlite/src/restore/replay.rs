//! Bringing the records of a backup to the state that the journal has of them.

use portcullis_core::CredentialId;
use portcullis_scope::Grant;
use portcullis_token::TokenKind;
use rusqlite::{Connection, named_params, params};

use crate::{
    cells,
    journal::{Entry, Tombstone},
};

/// What a key of another system is called that the backup didn't know, and that stays revoked.
const NAME: &str = "revoked before the restore";

/// Writes an entry into the store and returns how many records it was for.
pub(super) fn replay(connection: &Connection, entry: &Entry) -> rusqlite::Result<usize> {
    match entry {
        Entry::Credential {
            id,
            state,
            grant,
            expires_at,
            networks,
            tombstone,
        } => {
            let changed = connection
                .prepare_cached(
                    "UPDATE credentials SET version = version + 1, state = :state, \
                     grant = :grant, expires_at = :expires_at, networks = :networks WHERE id = :id",
                )?
                .execute(named_params! {
                    ":id": cells::id_cell(*id),
                    ":state": cells::state_cell(*state),
                    ":grant": grant.to_string(),
                    ":expires_at": expires_at.map(|at| at.unix_micros()),
                    ":networks": (!networks.is_any()).then(|| networks.to_string()),
                })?;
            match tombstone {
                Some(tombstone) if changed == 0 => bury(connection, *id, grant, tombstone),
                _ => Ok(changed),
            }
        }
        // One that the backup doesn't know is suspended all the same.
        Entry::Owner {
            owner,
            suspended: true,
        } => connection.execute(
            "INSERT INTO owners (owner, version, suspended) VALUES (?1, 1, TRUE) \
             ON CONFLICT (owner) DO UPDATE SET version = version + 1, suspended = TRUE",
            [owner.as_str()],
        ),
        Entry::Owner {
            owner,
            suspended: false,
        } => connection.execute(
            "UPDATE owners SET version = version + 1, suspended = FALSE WHERE owner = ?1",
            [owner.as_str()],
        ),
    }
}

/// Puts a key of another system back that was imported and revoked after the backup, so that it is
/// there already when it is imported again.
fn bury(
    connection: &Connection,
    id: CredentialId,
    grant: &Grant,
    tombstone: &Tombstone,
) -> rusqlite::Result<usize> {
    let put = connection
        .prepare_cached(
            "INSERT INTO credentials (id, kind, environment, version, pepper, mac, owner, name, \
             grant, state, created_at, updated_at, imported) \
             VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8, 'revoked', ?9, ?10, ?11) \
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            cells::id_cell(id),
            TokenKind::ApiKey.as_str(),
            tombstone.environment.as_str(),
            tombstone.pepper.number(),
            tombstone.mac.as_bytes(),
            tombstone.owner.as_str(),
            NAME,
            grant.to_string(),
            tombstone.created_at.unix_micros(),
            tombstone.updated_at.unix_micros(),
            tombstone.prefix,
        ])?;
    if put > 0 {
        return Ok(put);
    }
    // It is there under another id: it was imported before, and is the same key.
    let same = "UPDATE credentials SET version = version + 1, state = 'revoked' \
         WHERE mac = ?1 AND pepper = ?2 AND imported IS NOT NULL AND state <> 'revoked'";
    let same_key = params![tombstone.mac.as_bytes(), tombstone.pepper.number()];
    connection.execute(same, same_key)
}
