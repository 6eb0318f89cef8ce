//! Movements of credits as statements.

use portcullis_core::Timestamp;
use portcullis_registry::{CommitError, CreditOp, Owner, ReservationId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{
    attempt::{Attempt, WRITING},
    cells,
    commit::execute,
    fetch,
};

/// What was reserved.
struct Reservation {
    owner: Owner,
    amount: u32,
    note: String,
}

pub(crate) fn make(connection: &Connection, movement: &CreditOp) -> Result<(), CommitError> {
    match movement {
        CreditOp::Reserve {
            id,
            owner,
            amount,
            at,
            note,
        } => {
            if is_reserved(connection, *id).attempt(WRITING)? {
                return Ok(());
            }
            let balance = fetch::balance(connection, owner)
                .attempt(WRITING)?
                .unwrap_or(0);
            let amount = i64::from(*amount);
            if balance < amount {
                return Err(CommitError::TooFewCredits { balance });
            }
            let statement = "INSERT INTO reservations (id, owner, amount, reserved_at, note) \
                 VALUES (?1, ?2, ?3, ?4, ?5)";
            let row = params![id_cell(*id), owner.as_str(), amount, at.unix_micros(), note];
            execute(connection, statement, row).attempt(WRITING)?;
            add(connection, owner, -amount).attempt(WRITING)?;
        }
        CreditOp::Add {
            owner,
            amount,
            at,
            note,
        } => {
            let added = add(connection, owner, *amount).attempt(WRITING)?;
            note_line(connection, owner, added, *at, note).attempt(WRITING)?;
        }
        CreditOp::Settle { id, amount, at } => {
            settle(connection, *id, *amount, *at).attempt(WRITING)?;
        }
        CreditOp::Release { id } => release(connection, *id).attempt(WRITING)?,
        CreditOp::ReleaseBefore { at, except } => {
            release_before(connection, *at, except).attempt(WRITING)?;
        }
    }
    Ok(())
}

const fn id_cell(id: ReservationId) -> [u8; 16] {
    id.0.to_be_bytes()
}

fn is_reserved(connection: &Connection, id: ReservationId) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM reservations WHERE id = ?1")?
        .exists([id_cell(id)])
}

fn reservation(row: &Row<'_>) -> rusqlite::Result<Reservation> {
    Ok(Reservation {
        owner: cells::text(row, 0)?,
        amount: row.get(1)?,
        note: row.get(2)?,
    })
}

fn take(connection: &Connection, id: ReservationId) -> rusqlite::Result<Option<Reservation>> {
    connection
        .prepare_cached("DELETE FROM reservations WHERE id = ?1 RETURNING owner, amount, note")?
        .query_row([id_cell(id)], reservation)
        .optional()
}

fn release(connection: &Connection, id: ReservationId) -> rusqlite::Result<()> {
    if let Some(held) = take(connection, id)? {
        add(connection, &held.owner, i64::from(held.amount))?;
    }
    Ok(())
}

fn settle(
    connection: &Connection,
    id: ReservationId,
    amount: u32,
    at: Timestamp,
) -> rusqlite::Result<()> {
    let Some(Reservation {
        owner,
        amount: held,
        note,
    }) = take(connection, id)?
    else {
        return Ok(());
    };
    let charge = amount.min(held);
    add(connection, &owner, i64::from(held - charge))?;
    note_line(connection, &owner, -i64::from(charge), at, &note)
}

fn release_before(
    connection: &Connection,
    at: Timestamp,
    except: &[ReservationId],
) -> rusqlite::Result<()> {
    let old: Vec<[u8; 16]> = connection
        .prepare_cached("SELECT id FROM reservations WHERE reserved_at < ?1")?
        .query_map([at.unix_micros()], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for id in old {
        let id = ReservationId(u128::from_be_bytes(id));
        if !except.contains(&id) {
            release(connection, id)?;
        }
    }
    Ok(())
}

/// Adds to a balance, which stays within an `i64`, and returns what was really added.
fn add(connection: &Connection, owner: &Owner, amount: i64) -> rusqlite::Result<i64> {
    let old = fetch::balance(connection, owner)?.unwrap_or(0);
    let new = old.saturating_add(amount);
    let statement = "INSERT INTO balances (owner, balance) VALUES (?1, ?2) \
         ON CONFLICT (owner) DO UPDATE SET balance = excluded.balance";
    execute(connection, statement, params![owner.as_str(), new])?;
    Ok(new.saturating_sub(old))
}

fn note_line(
    connection: &Connection,
    owner: &Owner,
    amount: i64,
    at: Timestamp,
    note: &str,
) -> rusqlite::Result<()> {
    let statement = "INSERT INTO ledger (owner, amount, at, note) VALUES (?1, ?2, ?3, ?4)";
    let row = params![owner.as_str(), amount, at.unix_micros(), note];
    execute(connection, statement, row).map(drop)
}
