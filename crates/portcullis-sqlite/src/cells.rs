//! Values of the library as cells of a table, and back.

use std::time::Duration;

use portcullis_core::{CredentialId, RequestId, Timestamp};
use portcullis_registry::{CreatedBy, CredentialRecord, Meta, Refusal, State, Usage, Version};
use portcullis_token::{Environment, Mac, PepperVersion, TokenKind};
use rusqlite::{
    Row,
    types::{Type, ValueRef},
};

/// The columns of a credential in the order of [`credential`], for a `SELECT` and an `INSERT`.
macro_rules! columns {
    () => {
        "id, kind, environment, version, pepper, mac, owner, user, name, grant, meta, state, \
         created_at, updated_at, expires_at, idle_ttl, created_by_user, created_by_credential, \
         family, successor, networks, quota, imported, ceiling"
    };
}
pub(crate) use columns;

/// How many columns those are.
pub(crate) const COLUMNS: usize = 24;

/// A stored value that this crate can't have written.
#[derive(Debug, thiserror::Error)]
#[error("the value is damaged")]
struct Damaged;

pub(crate) fn damaged(column: usize) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Null, Box::new(Damaged))
}

/// An id as 12 bytes, most significant first.
pub(crate) const fn id_cell(id: CredentialId) -> [u8; 12] {
    // An id has 95 bits.
    let [_, _, _, _, cell @ ..] = id.value().to_be_bytes();
    cell
}

pub(crate) fn id(row: &Row<'_>, column: usize) -> rusqlite::Result<CredentialId> {
    optional_id(row, column)?.ok_or_else(|| damaged(column))
}

pub(crate) fn optional_id(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<CredentialId>> {
    let Some(cell) = row.get::<_, Option<[u8; 12]>>(column)? else {
        return Ok(None);
    };
    let value = cell
        .iter()
        .fold(0, |value, byte| (value << 8) | u128::from(*byte));
    CredentialId::from_value(value)
        .map(Some)
        .ok_or_else(|| damaged(column))
}

/// The id of a request as 16 bytes, most significant first.
pub(crate) const fn request_cell(id: RequestId) -> [u8; 16] {
    id.value().to_be_bytes()
}

pub(crate) fn request(row: &Row<'_>, column: usize) -> rusqlite::Result<RequestId> {
    let cell = row.get(column).map(u128::from_be_bytes);
    cell.map(RequestId::from_value)
}

/// A count as SQLite has it: at most `i64::MAX`.
pub(crate) fn count_cell(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(crate) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column)?
        .try_into()
        .map_err(|_| damaged(column))
}

/// A text that is read by its type's own parser.
pub(crate) fn text<T: std::str::FromStr>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|_| damaged(column))
}

pub(crate) fn optional_text<T: std::str::FromStr>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<Option<T>> {
    let text = row.get_ref(column)?.as_str_or_null()?;
    text.map(|text| text.parse().map_err(|_| damaged(column)))
        .transpose()
}

pub(crate) fn timestamp(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_unix_micros)
}

/// A duration in microseconds; a finer part is dropped.
pub(crate) fn duration_cell(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

pub(crate) fn pepper(row: &Row<'_>, column: usize) -> rusqlite::Result<PepperVersion> {
    PepperVersion::new(row.get(column)?).ok_or_else(|| damaged(column))
}

pub(crate) fn refusal(row: &Row<'_>, column: usize) -> rusqlite::Result<Refusal> {
    let refusal = Refusal::from_name(row.get_ref(column)?.as_str()?);
    refusal.ok_or_else(|| damaged(column))
}

pub(crate) const fn state_cell(state: State) -> &'static str {
    match state {
        State::Enabled => "enabled",
        State::Disabled => "disabled",
        State::Revoked => "revoked",
    }
}

pub(crate) fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<State> {
    state_of(row.get_ref(column)?.as_str()?).ok_or_else(|| damaged(column))
}

/// The state of a cell's text.
pub(crate) fn state_of(text: &str) -> Option<State> {
    let states = [State::Enabled, State::Disabled, State::Revoked];
    states.into_iter().find(|state| state_cell(*state) == text)
}

pub(crate) fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<TokenKind> {
    let text = row.get_ref(column)?.as_str()?;
    TokenKind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or_else(|| damaged(column))
}

fn environment(row: &Row<'_>, column: usize) -> rusqlite::Result<Environment> {
    environment_of(row.get_ref(column)?.as_str()?).ok_or_else(|| damaged(column))
}

/// The environment of a cell's text.
pub(crate) fn environment_of(text: &str) -> Option<Environment> {
    let environments = [Environment::Live, Environment::Test];
    environments.into_iter().find(|one| one.as_str() == text)
}

pub(crate) fn optional_timestamp(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<Option<Timestamp>> {
    let micros: Option<i64> = row.get(column)?;
    Ok(micros.map(Timestamp::from_unix_micros))
}

/// Who made a credential, as its two columns.
pub(crate) fn created_by_cells(created_by: &CreatedBy) -> (Option<&str>, Option<[u8; 12]>) {
    match created_by {
        CreatedBy::System => (None, None),
        CreatedBy::User(user) => (Some(user.as_str()), None),
        CreatedBy::Credential(id) => (None, Some(id_cell(*id))),
    }
}

fn created_by(row: &Row<'_>, user: usize, credential: usize) -> rusqlite::Result<CreatedBy> {
    if let Some(user) = optional_text(row, user)? {
        return Ok(CreatedBy::User(user));
    }
    Ok(optional_id(row, credential)?.map_or(CreatedBy::System, CreatedBy::Credential))
}

fn meta(row: &Row<'_>, column: usize) -> rusqlite::Result<Meta> {
    match row.get_ref(column)?.as_str_or_null()? {
        Some(json) => Meta::new(json).map_err(|_| damaged(column)),
        None => Ok(Meta::NONE),
    }
}

/// Reads a row that begins with the columns of a credential.
pub(crate) fn credential(row: &Row<'_>) -> rusqlite::Result<CredentialRecord> {
    Ok(CredentialRecord {
        id: id(row, 0)?,
        kind: kind(row, 1)?,
        environment: environment(row, 2)?,
        version: Version(count(row, 3)?),
        pepper: pepper(row, 4)?,
        mac: Mac::from_bytes(row.get(5)?),
        owner: text(row, 6)?,
        user: optional_text(row, 7)?,
        name: row.get(8)?,
        grant: text(row, 9)?,
        meta: meta(row, 10)?,
        state: state(row, 11)?,
        created_at: timestamp(row, 12)?,
        updated_at: timestamp(row, 13)?,
        expires_at: optional_timestamp(row, 14)?,
        idle_ttl: match row.get::<_, Option<i64>>(15)? {
            Some(_) => Some(Duration::from_micros(count(row, 15)?)),
            None => None,
        },
        created_by: created_by(row, 16, 17)?,
        family: optional_id(row, 18)?,
        successor: optional_id(row, 19)?,
        networks: optional_text(row, 20)?.unwrap_or_default(),
        quota: optional_text(row, 21)?,
        imported: row.get(22)?,
        ceiling: optional_text(row, 23)?,
    })
}

/// Reads three columns of the table `usage`, which are absent if there was no use.
pub(crate) fn usage(row: &Row<'_>, first: usize) -> rusqlite::Result<Usage> {
    if row.get_ref(first + 1)? == ValueRef::Null {
        return Ok(Usage::default());
    }
    Ok(Usage {
        last_used_at: optional_timestamp(row, first)?,
        requests: count(row, first + 1)?,
        denied: count(row, first + 2)?,
    })
}
