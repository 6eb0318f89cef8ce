//! What is read, each call within one snapshot.

use portcullis_core::CredentialId;
use portcullis_registry::{
    Change, Changes, CredentialRecord, Cursor, Found, Key, Of, Owner, OwnerRecord, Page,
    PepperRecord, Query, Seq, Snapshot, Target, Usage, Version,
};
use portcullis_token::{Mac, PepperVersion};
use rusqlite::{
    Connection, OptionalExtension, Row, ToSql, named_params, params, types::ToSqlOutput,
};

use crate::{
    audit,
    cells::{self, COLUMNS, columns},
    credits, ledger, uses,
};

pub(crate) fn snapshot(connection: &Connection, key: &Key) -> rusqlite::Result<Snapshot> {
    let head = head(connection)?;
    let found = match key {
        Key::Credential(id) => credential(connection, *id)?,
        Key::Imported(pepper, mac) => match imported(connection, *pepper, mac)? {
            Some(id) => credential(connection, id)?,
            None => Found::Nothing,
        },
        Key::Owner(owner) => {
            let record = owner_record(connection, owner)?;
            let account = credits::account(connection, owner)?;
            let balance = account.map(|account| account.balance());
            if record.is_none() && balance.is_none() {
                Found::Nothing
            } else {
                let record = record.unwrap_or_else(|| OwnerRecord::new(owner.clone()));
                Found::Owner {
                    record,
                    balance: balance.unwrap_or(0),
                }
            }
        }
        Key::Usage(id) => uses::of_credential(connection, *id)?,
        Key::OwnerUsage { owner, from, until } => uses::of_owner(connection, owner, *from, *until)?,
        Key::Denied(query) => Found::Denied(uses::denied(connection, query)?),
        Key::Peppers => Found::Peppers {
            known: peppers(connection)?,
            lost_imports: lost_imports(connection)?,
        },
        Key::Account(owner) => match credits::account(connection, owner)? {
            Some(account) => Found::Account(account),
            None => Found::Nothing,
        },
        Key::Ledger(query) => Found::Ledger(Box::new(ledger::page(connection, query)?)),
        Key::Audit(query) => Found::Audit(Box::new(audit::page(connection, query)?)),
        Key::AuditUpkeep(upkeep) => Found::AuditUpkeep(audit::due(connection, upkeep)?),
    };
    Ok(Snapshot { head, found })
}

pub(crate) fn head(connection: &Connection) -> rusqlite::Result<Seq> {
    let mut statement = connection.prepare_cached("SELECT seq FROM head")?;
    statement.query_row([], |row| cells::count(row, 0)).map(Seq)
}

fn credential(connection: &Connection, id: CredentialId) -> rusqlite::Result<Found> {
    const STATEMENT: &str = concat!(
        "SELECT ",
        columns!(),
        ", last_used_at, requests, denied FROM credentials \
         LEFT JOIN usage ON credential = id WHERE id = ?1"
    );
    let mut statement = connection.prepare_cached(STATEMENT)?;
    let read = statement
        .query_row([cells::id_cell(id)], used_credential)
        .optional()?;
    let Some((record, usage)) = read else {
        return Ok(Found::Nothing);
    };
    let owner = owner_record(connection, &record.owner)?;
    Ok(Found::Credential {
        record: Box::new(record),
        usage,
        owner,
    })
}

fn imported(
    connection: &Connection,
    pepper: PepperVersion,
    mac: &Mac,
) -> rusqlite::Result<Option<CredentialId>> {
    let statement =
        "SELECT id FROM credentials WHERE mac = ?1 AND pepper = ?2 AND imported IS NOT NULL";
    let mut statement = connection.prepare_cached(statement)?;
    let found = statement.query_row(params![mac.as_bytes(), pepper.number()], |row| {
        cells::id(row, 0)
    });
    found.optional()
}

/// The version of a credential; 0 if there is none.
pub(crate) fn version(connection: &Connection, id: CredentialId) -> rusqlite::Result<Version> {
    let mut statement =
        connection.prepare_cached("SELECT version FROM credentials WHERE id = ?1")?;
    let version = statement.query_row([cells::id_cell(id)], |row| cells::count(row, 0));
    Ok(Version(version.optional()?.unwrap_or(0)))
}

fn used_credential(row: &Row<'_>) -> rusqlite::Result<(CredentialRecord, Usage)> {
    Ok((cells::credential(row)?, cells::usage(row, COLUMNS)?))
}

fn owner_record(connection: &Connection, owner: &Owner) -> rusqlite::Result<Option<OwnerRecord>> {
    let statement = "SELECT version, suspended, plan FROM owners WHERE owner = ?1";
    let mut statement = connection.prepare_cached(statement)?;
    let read = |row: &Row<'_>| {
        Ok(OwnerRecord {
            owner: owner.clone(),
            version: Version(cells::count(row, 0)?),
            suspended: row.get(1)?,
            plan: cells::optional_text(row, 2)?,
        })
    };
    statement.query_row([owner.as_str()], read).optional()
}

fn peppers(connection: &Connection) -> rusqlite::Result<Vec<PepperRecord>> {
    let statement = "SELECT version, fingerprint FROM peppers ORDER BY version";
    let mut statement = connection.prepare_cached(statement)?;
    let read = |row: &Row<'_>| {
        Ok(PepperRecord {
            version: cells::pepper(row, 0)?,
            fingerprint: row.get(1)?,
        })
    };
    statement.query_map([], read)?.collect()
}

/// How many imported keys are under peppers that were retired.
fn lost_imports(connection: &Connection) -> rusqlite::Result<u64> {
    let statement = "SELECT count(*) FROM credentials \
         WHERE imported IS NOT NULL AND pepper NOT IN (SELECT version FROM peppers)";
    let mut statement = connection.prepare_cached(statement)?;
    statement.query_row([], |row| cells::count(row, 0))
}

pub(crate) fn changes(
    connection: &Connection,
    seq: Seq,
    limit: usize,
) -> rusqlite::Result<Changes> {
    let head = head(connection)?;
    let statement =
        "SELECT seq, credential, owner FROM changes WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let mut statement = connection.prepare_cached(statement)?;
    let read = |row: &Row<'_>| {
        let target = match cells::optional_id(row, 1)? {
            Some(id) => Target::Credential(id),
            None => Target::Owner(cells::text(row, 2)?),
        };
        Ok(Change {
            seq: Seq(cells::count(row, 0)?),
            target,
        })
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let changes = statement.query_map([cells::count_cell(seq.0), limit], read)?;
    Ok(Changes {
        head,
        changes: changes.collect::<Result<_, _>>()?,
    })
}

/// The statements of one kind of list. Their conditions are those of its index, which is named
/// since others would do as well, and worse.
struct List {
    total: &'static str,
    first: &'static str,
    after: &'static str,
}

macro_rules! list {
    ($index:literal, $condition:literal) => {
        List {
            total: concat!(
                "SELECT count(*) FROM credentials INDEXED BY ",
                $index,
                " WHERE ",
                $condition
            ),
            first: concat!(
                "SELECT ",
                columns!(),
                ", last_used_at, requests, denied FROM credentials INDEXED BY ",
                $index,
                " LEFT JOIN usage ON credential = id WHERE ",
                $condition,
                " ORDER BY created_at DESC, id DESC LIMIT :limit OFFSET :offset"
            ),
            after: concat!(
                "SELECT ",
                columns!(),
                ", last_used_at, requests, denied FROM credentials INDEXED BY ",
                $index,
                " LEFT JOIN usage ON credential = id WHERE ",
                $condition,
                " AND (created_at, id) < (:created_at, :id) \
                 ORDER BY created_at DESC, id DESC LIMIT :limit OFFSET :offset"
            ),
        }
    };
}

const KEYS: List = list!(
    "credentials_keys",
    "kind = 'api_key' AND state <> 'revoked' AND owner = :of"
);
const SESSIONS: List = list!(
    "credentials_sessions",
    "kind = 'session' AND state <> 'revoked' AND user = :of"
);
const CREATED_BY: List = list!("credentials_created_by", "created_by_credential = :of");
const FAMILY: List = list!("credentials_family", "state <> 'revoked' AND family = :of");
const OWNER: List = list!("credentials_owner", "state <> 'revoked' AND owner = :of");
const USER: List = list!("credentials_user", "state <> 'revoked' AND user = :of");
const PEPPER: List = list!("credentials_pepper", "state <> 'revoked' AND pepper = :of");
const ALL_KEYS: List = list!(
    "credentials_all_keys",
    "kind = 'api_key' AND state <> 'revoked' AND :of IS NULL"
);
const ALL: List = list!(
    "credentials_created_at",
    "state <> 'revoked' AND :of IS NULL"
);

/// What a list is of, as a cell.
enum OfCell<'a> {
    Name(&'a str),
    Id([u8; 12]),
    Number(u16),
    Nothing,
}

impl ToSql for OfCell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Name(name) => name.to_sql(),
            Self::Id(id) => id.to_sql(),
            Self::Number(number) => number.to_sql(),
            Self::Nothing => Ok(ToSqlOutput::from(rusqlite::types::Null)),
        }
    }
}

pub(crate) fn page(connection: &Connection, query: &Query) -> rusqlite::Result<Page> {
    let (list, of) = match &query.of {
        Of::Keys(owner) => (KEYS, OfCell::Name(owner.as_str())),
        Of::Sessions(user) => (SESSIONS, OfCell::Name(user.as_str())),
        Of::CreatedBy(id) => (CREATED_BY, OfCell::Id(cells::id_cell(*id))),
        Of::Family(id) => (FAMILY, OfCell::Id(cells::id_cell(*id))),
        Of::Owner(owner) => (OWNER, OfCell::Name(owner.as_str())),
        Of::User(user) => (USER, OfCell::Name(user.as_str())),
        Of::Pepper(version) => (PEPPER, OfCell::Number(version.number())),
        Of::AllKeys => (ALL_KEYS, OfCell::Nothing),
        Of::All => (ALL, OfCell::Nothing),
    };
    if !query.filter.is_empty() {
        return filtered(connection, &list, &of, query);
    }
    let mut total = connection.prepare_cached(list.total)?;
    let total = total.query_row(named_params! { ":of": of }, |row| cells::count(row, 0))?;
    // One more than asked for says whether there is a next part.
    let limit = i64::try_from(query.limit.saturating_add(1)).unwrap_or(i64::MAX);
    let offset = cells::count_cell(query.offset);
    let mut items: Vec<_> = match query.after {
        Some(Cursor { created_at, id }) => {
            let (created_at, id) = (created_at.unix_micros(), cells::id_cell(id));
            connection
                .prepare_cached(list.after)?
                .query_map(
                    named_params! {
                        ":of": of, ":limit": limit, ":offset": offset,
                        ":created_at": created_at, ":id": id,
                    },
                    used_credential,
                )?
                .collect::<Result<_, _>>()?
        }
        None => connection
            .prepare_cached(list.first)?
            .query_map(
                named_params! { ":of": of, ":limit": limit, ":offset": offset },
                used_credential,
            )?
            .collect::<Result<_, _>>()?,
    };
    let more = items.len() > query.limit;
    items.truncate(query.limit);
    let next = items.last().filter(|_| more);
    let next = next.map(|(record, _)| Cursor::of(record));
    Ok(Page { items, next, total })
}

/// A list of which not all is kept is read to its end: what is kept is for the library to say.
fn filtered(
    connection: &Connection,
    list: &List,
    of: &OfCell<'_>,
    query: &Query,
) -> rusqlite::Result<Page> {
    let mut statement = connection.prepare_cached(list.first)?;
    let everything = named_params! { ":of": of, ":limit": -1, ":offset": 0 };
    let mut page = query.page();
    for row in statement.query_map(everything, used_credential)? {
        page.see(row?);
    }
    Ok(page.end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate;

    #[test]
    fn every_list_is_read_from_its_index_in_its_order() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate::migrate(&mut connection, 0).unwrap();
        let lists = [
            ("credentials_keys", KEYS),
            ("credentials_sessions", SESSIONS),
            ("credentials_created_by", CREATED_BY),
            ("credentials_family", FAMILY),
            ("credentials_owner", OWNER),
            ("credentials_user", USER),
            ("credentials_pepper", PEPPER),
            ("credentials_all_keys", ALL_KEYS),
            ("credentials_created_at", ALL),
        ];
        for (index, list) in lists {
            for statement in [list.total, list.first, list.after] {
                let explain = format!("EXPLAIN QUERY PLAN {statement}");
                let mut statement = connection.prepare(&explain).unwrap();
                let mut rows = statement.raw_query();
                let mut plan = String::new();
                while let Some(row) = rows.next().unwrap() {
                    plan += &row.get::<_, String>(3).unwrap();
                }
                assert!(plan.contains(index), "{plan}");
                assert!(!plan.contains("TEMP B-TREE"), "{plan}");
            }
        }
    }
}
