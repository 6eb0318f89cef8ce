//! Retention: what is removed from the log, and the rows that say so.

use portcullis_core::Timestamp;
use portcullis_registry::{AuditErasure, AuditKept, AuditPrefix, AuditRecord, AuditUpkeep, Owner};
use rusqlite::{Connection, params};

use super::{
    add,
    reading::{Conditions, ends, newest_pruned, oldest},
    writing::refused,
};
use crate::{cells, commit::execute, uses};

/// How much there is to do in one commit.
pub(crate) fn due(connection: &Connection, upkeep: &AuditUpkeep) -> rusqlite::Result<AuditKept> {
    let prefix = prefix(connection, upkeep)?.map(|(prefix, _)| prefix);
    let ips = match &upkeep.erase {
        Some(erasure) => {
            // What is removed need not be erased.
            let after = prefix.map_or(0, |prefix| prefix.through.number);
            let (rows, conditions) = erasable(erasure, after, upkeep.most_ips());
            let mut count = connection.prepare(&format!("SELECT count(*) FROM ({rows})"))?;
            let rows = count.query_row(conditions.params(), |row| cells::count(row, 0))?;
            let denied = uses::erasable_ips(connection, erasure, upkeep.most_ips())?;
            rows.saturating_add(denied)
        }
        None => 0,
    };
    Ok(AuditKept {
        rows: prefix.map_or(0, |prefix| prefix.rows),
        ips,
    })
}

/// Removes rows and erases IPs, and adds the rows that say so.
pub(crate) fn keep(connection: &Connection, upkeep: &AuditUpkeep) -> rusqlite::Result<()> {
    prune(connection, upkeep)?;
    let Some(erasure) = &upkeep.erase else {
        return Ok(());
    };
    uses::erase_ips(connection, erasure, upkeep.most_ips())?;
    erase(connection, upkeep, erasure)
}

/// The rows to be removed, and those that were looked at for it.
fn prefix(
    connection: &Connection,
    upkeep: &AuditUpkeep,
) -> rusqlite::Result<Option<(AuditPrefix, Vec<AuditRecord>)>> {
    if upkeep.prune_before.is_none() {
        return Ok(None);
    }
    let oldest = oldest(connection, upkeep.most_rows())?;
    let rows = oldest.iter();
    let prefix = upkeep.prefix(rows.map(|row| (row.head(), row.at, row.action.as_str())));
    Ok(prefix.map(|prefix| (prefix, oldest)))
}

fn prune(connection: &Connection, upkeep: &AuditUpkeep) -> rusqlite::Result<()> {
    let Some((prefix, mut rows)) = prefix(connection, upkeep)? else {
        return Ok(());
    };
    rows.retain(|row| row.number <= prefix.through.number);
    let anchor = ends(connection)?.anchor;
    let said = newest_pruned(connection)?;
    AuditPrefix::check_anchor(anchor, said.as_ref()).map_err(refused)?;
    prefix.check(anchor, rows).map_err(refused)?;
    let number = cells::count_cell(prefix.through.number);
    // The anchor first: up to it rows may be removed.
    let statement = "UPDATE audit_ends SET anchor_number = ?1, anchor_hash = ?2";
    execute(
        connection,
        statement,
        params![number, prefix.through.hash.as_bytes()],
    )?;
    execute(connection, "DELETE FROM audit WHERE number <= ?1", [number])?;
    add(connection, &upkeep.pruned(&prefix))
}

fn erase(
    connection: &Connection,
    upkeep: &AuditUpkeep,
    erasure: &AuditErasure,
) -> rusqlite::Result<()> {
    let (rows, conditions) = erasable(erasure, 0, upkeep.most_ips());
    let statement = format!("UPDATE audit SET ip = NULL, salt = NULL WHERE number IN ({rows})");
    let ips = connection
        .prepare(&statement)?
        .execute(conditions.params())?;
    if ips == 0 {
        return Ok(());
    }
    let through = ends(connection)?.head.number;
    let ips = u64::try_from(ips).unwrap_or(u64::MAX);
    add(connection, &upkeep.erased(erasure, through, ips))
}

/// The numbers of rows after one whose IPs are to be erased, as a statement.
fn erasable(erasure: &AuditErasure, after: u64, limit: usize) -> (String, Conditions) {
    let mut conditions = Conditions::none();
    conditions.add("number >", Some(cells::count_cell(after)));
    let owner = erasure.owner.as_ref().map(Owner::as_str);
    conditions.add("owner =", owner.map(str::to_owned));
    conditions.add("at <", erasure.before.map(Timestamp::unix_micros));
    let index = match owner {
        Some(_) => "audit_owner",
        None => "audit_ips",
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let statement = format!(
        "SELECT number FROM audit INDEXED BY {index}{} AND ip IS NOT NULL LIMIT {limit}",
        conditions.sql
    );
    (statement, conditions)
}
