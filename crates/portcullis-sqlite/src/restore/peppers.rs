//! Whether today's peppers are those of a backup, and what becomes of it if they are not.

use std::{collections::BTreeMap, path::Path};

use portcullis_registry::Seq;
use portcullis_token::{PepperRing, PepperVersion};
use rusqlite::Connection;

use super::RestoreError;
use crate::{cells, look};

/// What becomes of a backup that was written under peppers which are not given: they were retired
/// after it was made, say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MissingPeppers {
    /// It is not restored.
    Refuse,
    /// The credentials under them are revoked, with the keys that those have made, and the peppers
    /// forgotten. Passwords under them can't be used any more.
    Revoke,
}

/// The peppers of a backup that are not given, if it may be restored without them.
pub(super) fn check(
    connection: &Connection,
    ring: &PepperRing,
    missing: MissingPeppers,
    backup: &Path,
) -> Result<Vec<PepperVersion>, RestoreError> {
    let known = known(connection).map_err(|error| RestoreError::of_sqlite(backup, error))?;
    let (mut absent, mut different) = (Vec::new(), Vec::new());
    for (version, fingerprint) in known {
        match (ring.fingerprint(version), fingerprint) {
            (None, _) => absent.push(version),
            (Some(given), Some(stored)) if given != stored => different.push(version),
            (Some(_), _) => {}
        }
    }
    let path = backup.to_owned();
    // A wrong file of peppers revokes nothing, whatever was said.
    if !different.is_empty() {
        return Err(RestoreError::PeppersDiffer { path, different });
    }
    if missing == MissingPeppers::Refuse && !absent.is_empty() {
        return Err(RestoreError::PeppersMissing {
            path,
            missing: absent,
        });
    }
    Ok(absent)
}

/// What the backup has noted, and whatever else its credentials are under.
fn known(connection: &Connection) -> rusqlite::Result<BTreeMap<PepperVersion, Option<[u8; 8]>>> {
    let statement = "SELECT version, max(fingerprint) FROM ( \
             SELECT version, fingerprint FROM peppers UNION ALL \
             SELECT DISTINCT pepper, NULL FROM credentials WHERE state <> 'revoked') \
         GROUP BY version";
    let mut statement = connection.prepare(statement)?;
    let known = statement.query_map([], |row| Ok((cells::pepper(row, 0)?, row.get(1)?)))?;
    known.collect()
}

/// What the credentials of a store are under.
pub(super) fn used(connection: &Connection) -> rusqlite::Result<Vec<PepperVersion>> {
    let statement = "SELECT DISTINCT pepper FROM credentials WHERE state <> 'revoked' ORDER BY 1";
    let mut statement = connection.prepare(statement)?;
    let used = statement.query_map([], |row| cells::pepper(row, 0))?;
    used.collect()
}

/// What was lost with a pepper.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lost {
    pub(super) credentials: u64,
    pub(super) passwords: u64,
}

/// Revokes what is under a pepper, each as a change that the journal will have, and forgets it.
pub(super) fn revoke(
    connection: &Connection,
    version: PepperVersion,
    head: &mut Seq,
) -> rusqlite::Result<Lost> {
    // As the library does it: what a key has made falls with it.
    let found = "WITH RECURSIVE lost (id) AS ( \
             SELECT id FROM credentials WHERE pepper = ?1 AND state <> 'revoked' \
             UNION SELECT made.id FROM credentials AS made JOIN lost \
             ON made.created_by_credential = lost.id) \
         SELECT id FROM credentials JOIN lost USING (id) WHERE state <> 'revoked' ORDER BY id";
    let ids = connection
        .prepare_cached(found)?
        .query_map([version.number()], |row| row.get(0))?
        .collect::<Result<Vec<[u8; 12]>, _>>()?;
    for id in &ids {
        head.0 += 1;
        let change = "INSERT INTO changes (seq, nonce, credential) VALUES (?1, randomblob(8), ?2)";
        let mut change = connection.prepare_cached(change)?;
        change.execute((cells::count_cell(head.0), id))?;
        let revoked =
            "UPDATE credentials SET version = version + 1, state = 'revoked' WHERE id = ?1";
        connection.prepare_cached(revoked)?.execute([id])?;
    }
    let forget = "DELETE FROM peppers WHERE version = ?1";
    connection.execute(forget, [version.number()])?;
    Ok(Lost {
        credentials: u64::try_from(ids.len()).unwrap_or(u64::MAX),
        passwords: look::passwords_under(connection, version)?,
    })
}
