//! Rows that are added.

use std::{error::Error, slice};

use portcullis_core::{Clock, SystemClock};
use portcullis_registry::{AuditEntry, AuditFault, AuditHash, AuditHead, AuditRecord};
use rusqlite::{Connection, Row, params};
use serde_json::Value;

use super::reading::{self, Ends};
use crate::{cells, commit::execute};

/// The version of the tables from which on the log is a chain.
pub(crate) const CHAINED_SINCE: u32 = 5;

/// Adds the next row.
pub(crate) fn add(connection: &Connection, entry: &AuditEntry) -> rusqlite::Result<()> {
    add_all(connection, slice::from_ref(entry))
}

/// The log has not taken a row, or not in its place.
#[derive(Debug, thiserror::Error)]
#[error("the audit log has not taken all rows up to {0}: what it is made of was changed")]
struct NotTaken(u64);

/// Adds the next rows, in their order. Nothing is built upon a head that is not that of the last row,
/// nor is a row believed to be there that a trigger of somebody else's has kept out.
pub(crate) fn add_all(connection: &Connection, entries: &[AuditEntry]) -> rusqlite::Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let before = head(connection)?;
    let mut last = before;
    for entry in entries {
        let record = AuditRecord::seal(&last, entry).map_err(refused)?;
        last = record.head();
        insert(connection, &record)?;
    }
    let taken = reading::count_after(connection, before.number)?;
    match taken == last.number - before.number && head(connection)? == last {
        true => Ok(()),
        false => Err(refused(NotTaken(last.number))),
    }
}

/// The head, which both the rows and what is beside them have.
fn head(connection: &Connection) -> rusqlite::Result<AuditHead> {
    let Ends { head, anchor } = reading::ends(connection)?;
    let newest = reading::newest(connection)?.unwrap_or(anchor);
    match newest == head {
        true => Ok(head),
        false => Err(refused(AuditFault::Head {
            number: newest.number,
        })),
    }
}

/// Inserts a row. The head of the store moves with it, by a trigger.
fn insert(connection: &Connection, record: &AuditRecord) -> rusqlite::Result<()> {
    let statement = "INSERT INTO audit \
         (number, at, actor, action, target, owner, ip, salt, ip_commitment, details, hash) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let commitment = record.ip_commitment.as_ref();
    let params = params![
        cells::count_cell(record.number),
        record.at.unix_micros(),
        record.actor,
        record.action,
        record.target,
        record.owner,
        record.ip,
        record.salt,
        commitment.map(AuditHash::as_bytes),
        record.details,
        record.hash.as_bytes(),
    ];
    match execute(connection, statement, params)? {
        1 => Ok(()),
        _ => Err(refused(NotTaken(record.number))),
    }
}

/// Why nothing is written, which is not for SQLite to say.
pub(super) fn refused(error: impl Into<Box<dyn Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(error.into())
}

/// Something that was done to the store as a whole, now.
pub(crate) fn of_store(action: &'static str, details: Value) -> AuditEntry {
    AuditEntry {
        at: SystemClock::new().now(),
        actor: "system".into(),
        action: action.into(),
        target: "store".into(),
        owner: None,
        ip: None,
        details,
    }
}

/// Chains the rows that are there from before the log was a chain.
pub(crate) fn chain(connection: &Connection) -> rusqlite::Result<()> {
    {
        let statement = "SELECT at, actor, action, target, owner, ip, details \
             FROM audit_unchained ORDER BY id";
        let mut rows = connection.prepare(statement)?;
        let mut rows = rows.query([])?;
        let mut head = AuditHead::START;
        while let Some(row) = rows.next()? {
            let record = unchained(row)?.placed(&head).map_err(refused)?;
            head = record.head();
            insert(connection, &record)?;
        }
        if head.number > 0 {
            // What was done to them before can't show.
            let details = serde_json::json!({ "rows": head.number });
            add(connection, &of_store("audit.chained", details))?;
        }
    }
    connection.execute_batch("DROP TABLE audit_unchained")
}

/// Such a row, with its texts as they are.
fn unchained(row: &Row<'_>) -> rusqlite::Result<AuditRecord> {
    Ok(AuditRecord {
        number: 0,
        at: cells::timestamp(row, 0)?,
        actor: row.get(1)?,
        action: row.get(2)?,
        target: row.get(3)?,
        owner: row.get(4)?,
        ip: row.get(5)?,
        salt: None,
        ip_commitment: None,
        details: row.get(6)?,
        previous: AuditHash::ZERO,
        hash: AuditHash::ZERO,
    })
}
