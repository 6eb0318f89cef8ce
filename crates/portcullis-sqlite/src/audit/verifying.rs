//! Verifying the log of a file: its rows, and what could hide some.

use std::{collections::BTreeMap, path::Path};

use portcullis_registry::{AuditFault, AuditHead, AuditVerification, AuditVerified};
use rusqlite::Connection;

use crate::{
    LookError,
    look::{look_at_audit, look_at_log},
    migrate,
};

/// Why the audit log of a store is not verified.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Something is wrong with its rows.
    #[error(transparent)]
    Fault(#[from] AuditFault),
    /// A table, index or trigger of the log was added, removed or changed.
    #[error("the schema of the log was changed: {kind} `{}`", name.escape_debug())]
    Schema {
        /// What it is.
        kind: String,
        /// Its name.
        name: String,
    },
    /// The rows are as they were written, and an index doesn't have them all, say.
    #[error("the tables of the log are damaged: {}", .0.escape_debug())]
    Damaged(String),
    /// The store could not be looked at.
    #[error(transparent)]
    Look(#[from] LookError),
}

/// Verifies the audit log of a store, also of one that a service has open: that its rows are as they
/// were written, and that nothing keeps rows out of it or out of what is read of it. With a witness,
/// the log must have its row. It blocks the thread.
///
/// What [`Registry::verify_audit`](portcullis_registry::Registry::verify_audit) verifies are the rows
/// alone.
///
/// # Errors
/// [`VerifyError`].
pub fn verify_audit(
    store: &Path,
    witness: Option<AuditHead>,
) -> Result<AuditVerified, VerifyError> {
    let rows = verify_rows(store, witness);
    if let Err(fault @ VerifyError::Fault(_)) = rows {
        return Err(fault);
    }
    // Rows that can't be read at all may have another table.
    check_schema(store)?;
    let verified = rows?;
    let damage = look_at_log(store, damage)?;
    damage.map_or(Ok(verified), |damage| Err(VerifyError::Damaged(damage)))
}

fn verify_rows(store: &Path, witness: Option<AuditHead>) -> Result<AuditVerified, VerifyError> {
    let mut verification = AuditVerification::new(witness);
    loop {
        let page = look_at_audit(store, &verification.query())?;
        if let Some(verified) = verification.take(&page)? {
            return Ok(verified);
        }
    }
}

/// Compares what the log is made of with what the migrations make.
fn check_schema(store: &Path) -> Result<(), VerifyError> {
    let (found, made) = look_at_log(store, |connection| {
        let mut new = Connection::open_in_memory()?;
        migrate::migrate(&mut new, 0)?;
        Ok((parts(connection)?, parts(&new)?))
    })?;
    let mut all = found.keys().chain(made.keys());
    match all.find(|part| found.get(*part) != made.get(*part)) {
        None => Ok(()),
        Some((kind, name)) => Err(VerifyError::Schema {
            kind: kind.clone(),
            name: name.clone(),
        }),
    }
}

/// The statements of all that belongs to the tables of the log, by kind and name.
fn parts(connection: &Connection) -> rusqlite::Result<BTreeMap<(String, String), String>> {
    let statement = "SELECT type, name, coalesce(sql, '') FROM sqlite_schema \
         WHERE lower(tbl_name) IN ('audit', 'audit_ends')";
    let mut statement = connection.prepare(statement)?;
    let parts = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
    parts.collect()
}

/// What SQLite finds wrong with the tables of the log and their indexes, if anything.
fn damage(connection: &Connection) -> rusqlite::Result<Option<String>> {
    for check in [
        "PRAGMA integrity_check(audit)",
        "PRAGMA integrity_check(audit_ends)",
    ] {
        let found: String = connection.query_row(check, [], |row| row.get(0))?;
        if found != "ok" {
            return Ok(Some(found));
        }
    }
    // An empty log without its ends looks as it should, but takes no row; of two only one is read.
    let ends = "SELECT count(*) FROM audit_ends";
    let ends: i64 = connection.query_row(ends, [], |row| row.get(0))?;
    Ok((ends != 1).then(|| format!("audit_ends has {ends} rows")))
}
