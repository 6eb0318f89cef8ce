//! What is waited for.

use portcullis_core::Timestamp;
use portcullis_login::{Ticket, TicketKind, TicketMac, TicketPut};
use portcullis_registry::User;
use rusqlite::{Connection, OptionalExtension, Row, params, types::Type};

use crate::{cells, commit::execute};

macro_rules! select {
    ($conditions:literal) => {
        concat!(
            "SELECT kind, mac, second, user, version, expires_at, body FROM tickets WHERE ",
            $conditions
        )
    };
}

fn ticket(row: &Row<'_>) -> rusqlite::Result<Ticket> {
    let kind: String = row.get(0)?;
    let kind = TicketKind::named(&kind).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(0, Type::Text, "no kind of ticket".into())
    })?;
    Ok(Ticket {
        kind,
        mac: TicketMac::from_bytes(row.get(1)?),
        second: row.get::<_, Option<_>>(2)?.map(TicketMac::from_bytes),
        user: cells::optional_text(row, 3)?,
        version: cells::count(row, 4)?,
        expires_at: cells::timestamp(row, 5)?,
        body: row.get(6)?,
    })
}

pub(super) fn by_mac(
    connection: &Connection,
    kind: TicketKind,
    mac: &TicketMac,
) -> rusqlite::Result<Option<Ticket>> {
    let mut statement = connection.prepare_cached(select!("kind = ?1 AND mac = ?2"))?;
    let row = params![kind.as_str(), mac.as_bytes()];
    statement.query_row(row, ticket).optional()
}

pub(super) fn by_second(
    connection: &Connection,
    kind: TicketKind,
    second: &TicketMac,
) -> rusqlite::Result<Option<Ticket>> {
    let mut statement = connection.prepare_cached(select!("kind = ?1 AND second = ?2"))?;
    let row = params![kind.as_str(), second.as_bytes()];
    statement.query_row(row, ticket).optional()
}

pub(super) fn of_user(
    connection: &Connection,
    kind: TicketKind,
    user: &User,
) -> rusqlite::Result<Vec<Ticket>> {
    let statement = select!("kind = ?1 AND user = ?2 ORDER BY expires_at DESC");
    let mut statement = connection.prepare_cached(statement)?;
    let row = params![kind.as_str(), user.as_str()];
    statement.query_map(row, ticket)?.collect()
}

pub(super) fn put(connection: &Connection, ticket: &Ticket) -> rusqlite::Result<TicketPut> {
    // Whose MAC or second MAC is taken is not inserted, and not updated either.
    let statement = match ticket.version {
        0 => {
            "INSERT INTO tickets (kind, mac, second, user, expires_at, body, version) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7 + 1) ON CONFLICT DO NOTHING"
        }
        _ => {
            "UPDATE OR IGNORE tickets SET second = ?3, user = ?4, expires_at = ?5, body = ?6, \
             version = version + 1 WHERE kind = ?1 AND mac = ?2 AND version = ?7"
        }
    };
    let row = params![
        ticket.kind.as_str(),
        ticket.mac.as_bytes(),
        ticket.second.as_ref().map(TicketMac::as_bytes),
        ticket.user.as_ref().map(User::as_str),
        ticket.expires_at.unix_micros(),
        ticket.body,
        cells::count_cell(ticket.version),
    ];
    Ok(match execute(connection, statement, row)? {
        0 => TicketPut::Overtaken,
        _ => TicketPut::Done,
    })
}

pub(super) fn remove(
    connection: &Connection,
    kind: TicketKind,
    mac: &TicketMac,
) -> rusqlite::Result<bool> {
    let statement = "DELETE FROM tickets WHERE kind = ?1 AND mac = ?2";
    let row = params![kind.as_str(), mac.as_bytes()];
    Ok(execute(connection, statement, row)? > 0)
}

pub(super) fn remove_before(
    connection: &Connection,
    before: Timestamp,
    limit: usize,
) -> rusqlite::Result<u64> {
    let statement = "DELETE FROM tickets WHERE (kind, mac) IN \
         (SELECT kind, mac FROM tickets WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let removed = execute(connection, statement, params![before.unix_micros(), limit])?;
    Ok(u64::try_from(removed).unwrap_or(u64::MAX))
}
