//! Parts of the log.

use portcullis_core::Timestamp;
use portcullis_registry::{
    AuditFilter, AuditHash, AuditHead, AuditOrder, AuditPage, AuditQuery, AuditRecord, Owner,
};
use rusqlite::{
    Connection, Params, Row, params_from_iter,
    types::{Value, ValueRef},
};

use crate::cells;

/// Both ends of the log.
pub(super) struct Ends {
    /// The newest row.
    pub(super) head: AuditHead,
    /// The newest row that was removed.
    pub(super) anchor: AuditHead,
}

pub(super) fn ends(connection: &Connection) -> rusqlite::Result<Ends> {
    let statement = "SELECT number, hash, anchor_number, anchor_hash FROM audit_ends";
    let mut statement = connection.prepare_cached(statement)?;
    statement.query_row([], |row| {
        Ok(Ends {
            head: head(row, 0)?,
            anchor: head(row, 2)?,
        })
    })
}

fn head(row: &Row<'_>, first: usize) -> rusqlite::Result<AuditHead> {
    Ok(AuditHead {
        number: cells::count(row, first)?,
        hash: hash(row, first + 1)?.unwrap_or(AuditHash::ZERO),
    })
}

/// A hash, or zeros in the place of what is none: then it is not that of its row, which shows.
fn hash(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<AuditHash>> {
    let bytes = row.get_ref(column)?.as_blob_or_null()?;
    let bytes = bytes.map(|bytes| bytes.try_into().unwrap_or_default());
    Ok(bytes.map(AuditHash::from_bytes))
}

/// A text as it is stored. One that is not UTF-8 was not written here: it has U+FFFD in the place of
/// what can't be read, and so differs from what was hashed, unless that had one there too.
fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    match row.get_ref(column)? {
        ValueRef::Text(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned()),
        other => Ok(other.as_str()?.to_owned()),
    }
}

fn optional_text(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<String>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        _ => text(row, column).map(Some),
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
    let records = statement.query_map(conditions.params(), |row| record(row, &ends.anchor))?;
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

fn record(row: &Row<'_>, anchor: &AuditHead) -> rusqlite::Result<AuditRecord> {
    let salt = row.get_ref(7)?.as_blob_or_null()?;
    Ok(AuditRecord {
        number: cells::count(row, 0)?,
        at: cells::timestamp(row, 1)?,
        actor: text(row, 2)?,
        action: text(row, 3)?,
        target: text(row, 4)?,
        owner: optional_text(row, 5)?,
        ip: optional_text(row, 6)?,
        // Of another length it is not the one that was hashed either.
        salt: salt.map(|salt| salt.try_into().unwrap_or_default()),
        ip_commitment: hash(row, 8)?,
        details: text(row, 9)?,
        previous: hash(row, 11)?.unwrap_or(anchor.hash),
        hash: hash(row, 10)?.unwrap_or(AuditHash::ZERO),
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
