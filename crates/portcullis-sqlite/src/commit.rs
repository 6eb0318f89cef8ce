//! A batch as statements. All of it runs in one savepoint: an error undoes what was done before.

use portcullis_core::CredentialId;
use portcullis_registry::{
    Batch, CommitError, CredentialRecord, Owner, OwnerRecord, PepperRecord, Plan, Remac, Seq,
    Version, apply_movement,
};
use portcullis_token::PepperVersion;
use rusqlite::{CachedStatement, Connection, Params, params};

use crate::{
    attempt::{Attempt, WRITING},
    audit,
    cells::{self, columns},
    credits::Books,
    fetch, uses,
    writer::Until,
};

/// Up to where a batch must have come when it is acknowledged.
///
/// A change must be in the journal. So must what came before a pepper is forgotten: that it has no
/// credentials may be due to those that were revoked just now.
pub(crate) fn until(batch: &Batch) -> Until {
    let mut credentials = batch.credentials.iter();
    let mut owners = batch.owners.iter();
    let is_change = credentials.any(|record| record.version > Version(0))
        || owners.any(|record| record.version > Version(0))
        || !batch.forgotten_peppers.is_empty();
    match is_change {
        true => Until::InJournal,
        false => Until::Committed,
    }
}

/// Writes a batch in the order of its fields and returns the head after it.
pub(crate) fn apply(connection: &Connection, batch: &Batch) -> Result<Seq, CommitError> {
    for (id, version) in &batch.unchanged {
        meets(connection, *id, *version)?;
    }
    for (owner, version) in &batch.unchanged_owners {
        owner_meets(connection, owner, *version)?;
    }
    for record in &batch.credentials {
        put_credential(connection, record)?;
    }
    for record in &batch.owners {
        put_owner(connection, record)?;
    }
    for pepper in &batch.peppers {
        note_pepper(connection, pepper)?;
    }
    for version in &batch.forgotten_peppers {
        forget_pepper(connection, *version)?;
    }
    let mut audit = batch.audit.clone();
    for movement in &batch.credits {
        audit.extend(apply_movement(&mut Books(connection), movement)?);
    }
    for delta in &batch.usage {
        uses::add(connection, delta).attempt(WRITING)?;
    }
    uses::note_all_denied(connection, &batch.denied).attempt(WRITING)?;
    for remac in &batch.remacs {
        put_mac(connection, remac).attempt(WRITING)?;
    }
    audit::add_all(connection, &audit).attempt(WRITING)?;
    if let Some(upkeep) = &batch.audit_upkeep {
        audit::keep(connection, upkeep).attempt(WRITING)?;
    }
    Ok(fetch::head(connection).attempt(WRITING)?)
}

/// Runs a statement and returns the number of rows it wrote.
pub(crate) fn execute(
    connection: &Connection,
    statement: &'static str,
    params: impl Params,
) -> rusqlite::Result<usize> {
    prepared(connection, statement)?.execute(params)
}

fn prepared<'c>(
    connection: &'c Connection,
    statement: &'static str,
) -> rusqlite::Result<CachedStatement<'c>> {
    connection.prepare_cached(statement)
}

/// A versioned put has written its row, or the version was another.
fn one(rows: rusqlite::Result<usize>) -> Result<(), CommitError> {
    if rows.attempt(WRITING)? == 1 {
        Ok(())
    } else {
        Err(CommitError::Conflict)
    }
}

/// The credential is still at the version that was read; 0 if it was not there.
fn meets(connection: &Connection, id: CredentialId, read: Version) -> Result<(), CommitError> {
    let stored = fetch::version(connection, id).attempt(WRITING)?;
    if stored == read {
        Ok(())
    } else {
        Err(CommitError::Conflict)
    }
}

/// The owner is still at the version that was read; 0 if it was not noted.
fn owner_meets(connection: &Connection, owner: &Owner, read: Version) -> Result<(), CommitError> {
    let statement = "SELECT coalesce(max(version), 0) FROM owners WHERE owner = ?1";
    let stored = prepared(connection, statement)
        .and_then(|mut stored| stored.query_row([owner.as_str()], |row| cells::count(row, 0)));
    if stored.attempt(WRITING)? == read.0 {
        Ok(())
    } else {
        Err(CommitError::Conflict)
    }
}

fn put_credential(connection: &Connection, record: &CredentialRecord) -> Result<(), CommitError> {
    if record.version == Version(0) {
        return one(insert_credential(connection, record));
    }
    note_change(connection, Some(record.id), None).attempt(WRITING)?;
    one(update_credential(connection, record))
}

fn insert_credential(
    connection: &Connection,
    record: &CredentialRecord,
) -> rusqlite::Result<usize> {
    const STATEMENT: &str = concat!(
        "INSERT INTO credentials (",
        columns!(),
        ") VALUES \
         (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, \
         ?21, ?22, ?23) ON CONFLICT DO NOTHING"
    );
    let (by_user, by_credential) = cells::created_by_cells(&record.created_by);
    execute(
        connection,
        STATEMENT,
        params![
            cells::id_cell(record.id),
            record.kind.as_str(),
            record.environment.as_str(),
            record.pepper.number(),
            record.mac.as_bytes(),
            record.owner.as_str(),
            record.user.as_ref().map(|user| user.as_str()),
            record.name,
            record.grant.to_string(),
            (!record.meta.is_none()).then(|| record.meta.as_json()),
            cells::state_cell(record.state),
            record.created_at.unix_micros(),
            record.updated_at.unix_micros(),
            record.expires_at.map(|at| at.unix_micros()),
            record.idle_ttl.map(cells::duration_cell),
            by_user,
            by_credential,
            record.family.map(cells::id_cell),
            record.successor.map(cells::id_cell),
            (!record.networks.is_any()).then(|| record.networks.to_string()),
            record.quota.map(|quota| quota.to_string()),
            record.imported,
            record.ceiling.as_ref().map(ToString::to_string),
        ],
    )
}

/// The MAC and its pepper stay: only a re-MAC changes them, and one may have come in between.
fn update_credential(
    connection: &Connection,
    record: &CredentialRecord,
) -> rusqlite::Result<usize> {
    const STATEMENT: &str = "UPDATE credentials SET version = version + 1, \
         kind = ?3, environment = ?4, owner = ?5, user = ?6, name = ?7, grant = ?8, meta = ?9, \
         state = ?10, created_at = ?11, updated_at = ?12, expires_at = ?13, idle_ttl = ?14, \
         created_by_user = ?15, created_by_credential = ?16, family = ?17, successor = ?18, \
         networks = ?19, quota = ?20, imported = ?21, ceiling = ?22 \
         WHERE id = ?1 AND version = ?2";
    let (by_user, by_credential) = cells::created_by_cells(&record.created_by);
    execute(
        connection,
        STATEMENT,
        params![
            cells::id_cell(record.id),
            cells::count_cell(record.version.0),
            record.kind.as_str(),
            record.environment.as_str(),
            record.owner.as_str(),
            record.user.as_ref().map(|user| user.as_str()),
            record.name,
            record.grant.to_string(),
            (!record.meta.is_none()).then(|| record.meta.as_json()),
            cells::state_cell(record.state),
            record.created_at.unix_micros(),
            record.updated_at.unix_micros(),
            record.expires_at.map(|at| at.unix_micros()),
            record.idle_ttl.map(cells::duration_cell),
            by_user,
            by_credential,
            record.family.map(cells::id_cell),
            record.successor.map(cells::id_cell),
            (!record.networks.is_any()).then(|| record.networks.to_string()),
            record.quota.map(|quota| quota.to_string()),
            record.imported,
            record.ceiling.as_ref().map(ToString::to_string),
        ],
    )
}

/// Takes the next number for a change. Before the write itself, so that the row of the head is
/// held until the commit.
fn note_change(
    connection: &Connection,
    credential: Option<CredentialId>,
    owner: Option<&Owner>,
) -> rusqlite::Result<()> {
    let next = "UPDATE head SET seq = seq + 1 RETURNING seq";
    let seq: i64 = prepared(connection, next)?.query_row([], |row| row.get(0))?;
    let (credential, owner) = (credential.map(cells::id_cell), owner.map(Owner::as_str));
    let statement = "INSERT INTO changes (seq, nonce, credential, owner) \
         VALUES (?1, randomblob(8), ?2, ?3)";
    execute(connection, statement, params![seq, credential, owner]).map(drop)
}

fn put_owner(connection: &Connection, record: &OwnerRecord) -> Result<(), CommitError> {
    let owner = record.owner.as_str();
    let plan = record.plan.as_ref().map(Plan::to_json);
    if record.version == Version(0) {
        let statement = "INSERT INTO owners (owner, version, suspended, plan) VALUES (?1, 1, ?2, ?3) \
             ON CONFLICT (owner) DO NOTHING";
        return one(execute(
            connection,
            statement,
            params![owner, record.suspended, plan],
        ));
    }
    note_change(connection, None, Some(&record.owner)).attempt(WRITING)?;
    let statement = "UPDATE owners SET version = version + 1, suspended = ?3, plan = ?4 \
         WHERE owner = ?1 AND version = ?2";
    let version = cells::count_cell(record.version.0);
    one(execute(
        connection,
        statement,
        params![owner, version, record.suspended, plan],
    ))
}

/// The update of the same fingerprint writes nothing new, but counts as a row.
fn note_pepper(connection: &Connection, pepper: &PepperRecord) -> Result<(), CommitError> {
    let statement = "INSERT INTO peppers (version, fingerprint) VALUES (?1, ?2) \
         ON CONFLICT (version) DO UPDATE SET fingerprint = excluded.fingerprint \
         WHERE fingerprint = excluded.fingerprint";
    one(execute(
        connection,
        statement,
        params![pepper.version.number(), pepper.fingerprint],
    ))
}

fn forget_pepper(connection: &Connection, version: PepperVersion) -> Result<(), CommitError> {
    let used = "SELECT EXISTS (SELECT 1 FROM credentials WHERE pepper = ?1 AND state <> 'revoked')";
    let used = prepared(connection, used)
        .and_then(|mut used| used.query_row([version.number()], |row| row.get::<_, bool>(0)));
    if used.attempt(WRITING)? {
        return Err(CommitError::Conflict);
    }
    let statement = "DELETE FROM peppers WHERE version = ?1";
    execute(connection, statement, [version.number()]).attempt(WRITING)?;
    Ok(())
}

fn put_mac(connection: &Connection, remac: &Remac) -> rusqlite::Result<()> {
    // An imported key that is there under the new pepper already stays as it is.
    let statement =
        "UPDATE OR IGNORE credentials SET pepper = ?3, mac = ?4 WHERE id = ?1 AND pepper = ?2";
    let id = cells::id_cell(remac.id);
    let (from, to) = (remac.from.number(), remac.to.number());
    execute(
        connection,
        statement,
        params![id, from, to, remac.mac.as_bytes()],
    )
    .map(drop)
}
