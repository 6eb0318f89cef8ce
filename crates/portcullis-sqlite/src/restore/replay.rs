//! Bringing the records of a backup to the state that the journal has of them.

use portcullis_core::CredentialId;
use portcullis_scope::Grant;
use portcullis_token::TokenKind;
use rusqlite::{Connection, OptionalExtension, named_params, params};

use crate::{
    cells,
    journal::{Entry, Import},
};

/// What a key of another system is called that the backup didn't know, if the journal has no name.
const NAME: &str = "imported before the restore";

/// Writes an entry into the store and returns how many records it was for.
pub(super) fn replay(connection: &Connection, entry: &Entry) -> rusqlite::Result<usize> {
    match entry {
        Entry::Credential {
            id,
            state,
            grant,
            expires_at,
            networks,
            import,
        } => {
            let bring = |id: [u8; 12]| {
                connection
                    .prepare_cached(
                        "UPDATE credentials SET version = version + 1, state = :state, \
                         grant = :grant, expires_at = :expires_at, networks = :networks \
                         WHERE id = :id",
                    )?
                    .execute(named_params! {
                        ":id": id,
                        ":state": cells::state_cell(*state),
                        ":grant": grant.to_string(),
                        ":expires_at": expires_at.map(|at| at.unix_micros()),
                        ":networks": (!networks.is_any()).then(|| networks.to_string()),
                    })
            };
            match (bring(cells::id_cell(*id))?, import) {
                (0, Some(import)) => match put(connection, *id, grant, import)? {
                    Some(id) => bring(id),
                    None => Ok(0),
                },
                (changed, _) => Ok(changed),
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

/// Puts a key of another system back that was imported after the backup, so that it is there
/// already when it is imported again, and returns its id. It is revoked until it is brought to its
/// state.
fn put(
    connection: &Connection,
    id: CredentialId,
    grant: &Grant,
    import: &Import,
) -> rusqlite::Result<Option<[u8; 12]>> {
    let (by_user, by_credential) = cells::created_by_cells(&import.created_by);
    let put = connection
        .prepare_cached(
            "INSERT INTO credentials (id, kind, environment, version, pepper, mac, owner, user, \
             name, grant, meta, state, created_at, updated_at, created_by_user, \
             created_by_credential, quota, imported) \
             VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'revoked', ?11, ?12, ?13, ?14, \
             ?15, ?16) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            cells::id_cell(id),
            TokenKind::ApiKey.as_str(),
            import.environment.as_str(),
            import.pepper.number(),
            import.mac.as_bytes(),
            import.owner.as_str(),
            import.user.as_ref().map(|user| user.as_str()),
            import.name.as_deref().unwrap_or(NAME),
            grant.to_string(),
            (!import.meta.is_none()).then(|| import.meta.as_json()),
            import.created_at.unix_micros(),
            import.updated_at.unix_micros(),
            by_user,
            by_credential,
            import.quota,
            import.prefix,
        ])?;
    if put > 0 {
        return Ok(Some(cells::id_cell(id)));
    }
    // It is there under another id: it was imported before, and is the same key. What is revoked
    // stays so.
    let same = "SELECT id FROM credentials \
         WHERE mac = ?1 AND pepper = ?2 AND imported IS NOT NULL AND state <> 'revoked'";
    let same_key = params![import.mac.as_bytes(), import.pepper.number()];
    let mut same = connection.prepare_cached(same)?;
    same.query_row(same_key, |row| row.get(0)).optional()
}
