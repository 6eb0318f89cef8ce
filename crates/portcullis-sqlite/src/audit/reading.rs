//! Parts of the log.

use portcullis_core::Timestamp;
use portcullis_registry::{
    AuditFilter, AuditHash, AuditHead, AuditOrder, AuditPage, AuditPrefix, AuditQuery, AuditRecord,
    Owner,
};
use rusqlite::{
    Connection, OptionalExtension, Params, Row, params_from_iter,
    types::{Value, ValueRef},
};

use crate::cells;

/// Both ends of the log.
#[derive(Default)]
pub(super) struct Ends {
    /// The newest row.
    pub(super) head: AuditHead,
    /// The newest row that was removed.
    pub(super) anchor: AuditHead,
}

pub(super) fn ends(connection: &Connection) -> rusqlite::Result<Ends> {
    let statement = "SELECT number, hash, anchor_number, anchor_hash FROM audit_ends";
    let mut statement = connection.prepare_cached(statement)?;
    let ends = statement.query_row([], |row| {
        Ok(Ends {
            head: head(row, 0)?,
            anchor: head(row, 2)?,
        })
    });
    // Who has removed them has left a log whose rows are not those of its ends.
    Ok(ends.optional()?.unwrap_or_default())
}

/// The newest row that is there.
pub(super) fn newest(connection: &Connection) -> rusqlite::Result<Option<AuditHead>> {
    let statement = "SELECT number, hash FROM audit NOT INDEXED ORDER BY number DESC LIMIT 1";
    let mut statement = connection.prepare_cached(statement)?;
    statement.query_row([], |row| head(row, 0)).optional()
}

/// How many rows there are after one.
pub(super) fn count_after(connection: &Connection, number: u64) -> rusqlite::Result<u64> {
    let statement = "SELECT count(*) FROM audit NOT INDEXED WHERE number > ?1";
    let mut statement = connection.prepare_cached(statement)?;
    statement.query_row([cells::count_cell(number)], |row| cells::count(row, 0))
}

/// The oldest rows, in their order.
pub(super) fn oldest(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<AuditRecord>> {
    let query = AuditQuery {
        order: AuditOrder::OldestFirst,
        limit,
        counted: false,
        ..AuditQuery::default()
    };
    page(connection, &query).map(|page| page.records)
}

/// The newest row that says what was removed.
pub(super) fn newest_pruned(connection: &Connection) -> rusqlite::Result<Option<AuditRecord>> {
    let query = AuditQuery {
        filter: AuditPrefix::filter(),
        limit: 1,
        counted: false,
        ..AuditQuery::default()
    };
    page(connection, &query).map(|page| page.records.into_iter().next())
}

fn head(row: &Row<'_>, first: usize) -> rusqlite::Result<AuditHead> {
    let (number, hash) = (row.get_ref(first)?, row.get_ref(first + 1)?);
    Ok(AuditHead {
        number: count(number).unwrap_or_default(),
        hash: AuditHash::from_bytes(bytes(hash).unwrap_or_default()),
    })
}

fn count(value: ValueRef<'_>) -> Option<u64> {
    value.as_i64().ok()?.try_into().ok()
}

fn bytes<const N: usize>(value: ValueRef<'_>) -> Option<[u8; N]> {
    value.as_blob().ok()?.try_into().ok()
}

fn text(value: ValueRef<'_>) -> Option<String> {
    value.as_str().ok().map(str::to_owned)
}

/// The cells of a row, some of which may not be what this crate writes there: absent, of another
/// type, or not UTF-8.
struct Cells<'r> {
    row: &'r Row<'r>,
    are_sound: bool,
}

impl Cells<'_> {
    fn get<T: Default>(
        &mut self,
        column: usize,
        read: impl FnOnce(ValueRef<'_>) -> Option<T>,
    ) -> rusqlite::Result<T> {
        let found = read(self.row.get_ref(column)?);
        self.are_sound &= found.is_some();
        Ok(found.unwrap_or_default())
    }

    fn optional<T: Default>(
        &mut self,
        column: usize,
        read: impl FnOnce(ValueRef<'_>) -> Option<T>,
    ) -> rusqlite::Result<Option<T>> {
        match self.row.get_ref(column)? {
            ValueRef::Null => Ok(None),
            _ => self.get(column, read).map(Some),
        }
    }
}

const COLUMNS: &str = "number, at, actor, action, target, owner, ip, salt, ip_commitment, details, \
     hash, (SELECT hash FROM audit AS prior WHERE prior.number = audit.number - 1)";

/// Reads a part of the log with its ends.
pub(crate) fn page(connection: &Connection, query: &AuditQuery) -> rusqlite::Result<AuditPage> {
    let ends = ends(connection)?;
    let mut conditions = Conditions::of(&query.filter);
    let from = source(&query.filter);
    let total = match query.counted {
        true => {
            let count = format!("SELECT count(*) FROM {from}{}", conditions.sql);
            let mut count = connection.prepare(&count)?;
            Some(count.query_row(conditions.params(), |row| cells::count(row, 0))?)
        }
        false => None,
    };
    let (after, order) = match query.order {
        AuditOrder::OldestFirst => ("number >", "ASC"),
        AuditOrder::NewestFirst => ("number <", "DESC"),
    };
    conditions.add(after, query.after.map(cells::count_cell));
    // One more than asked for says whether there is a next part.
    let limit = i64::try_from(query.limit.saturating_add(1)).unwrap_or(i64::MAX);
    let statement = format!(
        "SELECT {COLUMNS} FROM {from}{} ORDER BY number {order} LIMIT {limit} OFFSET {}",
        conditions.sql,
        cells::count_cell(query.offset),
    );
    let mut statement = connection.prepare(&statement)?;
    let records = statement.query_map(conditions.params(), |row| record(row, &ends))?;
    Ok(AuditPage {
        total,
        head: ends.head,
        anchor: ends.anchor,
        ..AuditPage::of(query, records.collect::<Result<_, _>>()?)
    })
}

/// The table, by the index that has the rows of a filter in their order: others would do as well,
/// and worse.
fn source(filter: &AuditFilter) -> &'static str {
    match (&filter.target, &filter.owner) {
        (Some(_), _) => "audit INDEXED BY audit_target",
        (None, Some(_)) => "audit INDEXED BY audit_owner",
        (None, None) => "audit NOT INDEXED",
    }
}

/// A row. One with a cell that was not written here has zeros for its hash, which is then not that of
/// what it has, whatever that is.
fn record(row: &Row<'_>, ends: &Ends) -> rusqlite::Result<AuditRecord> {
    let mut cells = Cells {
        row,
        are_sound: true,
    };
    let record = AuditRecord {
        number: cells.get(0, count)?,
        at: Timestamp::from_unix_micros(cells.get(1, |at| at.as_i64().ok())?),
        actor: cells.get(2, text)?,
        action: cells.get(3, text)?,
        target: cells.get(4, text)?,
        owner: cells.optional(5, text)?,
        ip: cells.optional(6, text)?,
        // Another one is not that of the IP, which is told from a row that was changed.
        salt: cells.optional(7, |salt| Some(bytes(salt).unwrap_or_default()))?,
        ip_commitment: cells.optional(8, bytes)?.map(AuditHash::from_bytes),
        details: cells.get(9, text)?,
        hash: AuditHash::from_bytes(cells.get(10, bytes)?),
        previous: match row.get_ref(11)? {
            ValueRef::Null => ends.anchor.hash,
            prior => AuditHash::from_bytes(bytes(prior).unwrap_or_default()),
        },
    };
    Ok(match cells.are_sound {
        true => record,
        false => AuditRecord {
            hash: AuditHash::ZERO,
            ..record
        },
    })
}

/// Conditions and what is bound in them.
pub(super) struct Conditions {
    pub(super) sql: String,
    values: Vec<Value>,
}

impl Conditions {
    pub(super) fn none() -> Self {
        Self {
            sql: String::from(" WHERE 1"),
            values: Vec::new(),
        }
    }

    fn of(filter: &AuditFilter) -> Self {
        let mut conditions = Self::none();
        let owner = filter.owner.as_ref().map(Owner::as_str);
        conditions.add("owner =", owner.map(str::to_owned));
        match filter.action.clone() {
            Some(beginning) if beginning.ends_with('.') => {
                let condition = format!("substr(action, 1, {}) =", beginning.chars().count());
                conditions.add(&condition, Some(beginning));
            }
            action => conditions.add("action =", action),
        }
        conditions.add("target =", filter.target.clone());
        conditions.add("actor =", filter.actor.clone());
        conditions.add("at >=", filter.from.map(Timestamp::unix_micros));
        conditions.add("at <", filter.to.map(Timestamp::unix_micros));
        conditions
    }

    /// Adds a comparison with a value, if there is one.
    pub(super) fn add(&mut self, comparison: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.values.push(value.into());
            self.sql += &format!(" AND {comparison} ?{}", self.values.len());
        }
    }

    pub(super) fn params(&self) -> impl Params {
        params_from_iter(&self.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate;

    #[test]
    fn every_filter_is_read_from_its_index_in_its_order() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate::migrate(&mut connection, 0).unwrap();
        let owner: Option<Owner> = "acme".parse().ok();
        let text = |text: &str| Some(String::from(text));
        for (owner, action, target, index) in [
            (None, None, None, "audit"),
            (None, text("key.issued"), None, "audit"),
            (owner.clone(), None, None, "audit_owner (owner=?"),
            (owner.clone(), text("key."), None, "audit_owner (owner=?"),
            (
                owner.clone(),
                text("key.issued"),
                None,
                "audit_owner (owner=?",
            ),
            (
                owner,
                text("key.issued"),
                text("key_a"),
                "audit_target (target=?",
            ),
            (None, None, text("key_a"), "audit_target (target=?"),
        ] {
            let filter = AuditFilter {
                owner,
                action,
                target,
                ..AuditFilter::default()
            };
            let mut conditions = Conditions::of(&filter);
            conditions.add("number <", Some(9));
            let explain = format!(
                "EXPLAIN QUERY PLAN SELECT {COLUMNS} FROM {}{} ORDER BY number DESC",
                source(&filter),
                conditions.sql
            );
            let mut statement = connection.prepare(&explain).unwrap();
            let rows = statement.query_map(conditions.params(), |row| row.get::<_, String>(3));
            let plan: Vec<_> = rows.unwrap().map(Result::unwrap).collect();
            assert!(plan[0].contains(index), "{plan:?}");
            assert!(
                plan.iter().all(|step| !step.contains("TEMP B-TREE")),
                "{plan:?}"
            );
        }
    }
}
