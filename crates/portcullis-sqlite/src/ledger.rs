//! Reading the ledger.

use portcullis_registry::{LedgerCheck, LedgerLine, LedgerPage, LedgerQuery, LineNumber};
use rusqlite::{Connection, Row, named_params};

use crate::{
    cells::{self, damaged},
    credits,
};

/// Newest first, from the index of numbers: as many lines are read as are asked for.
const LINES: &str = "SELECT id, at, kind, amount, request, note FROM ledger \
     WHERE owner = :owner AND id < :after AND (:until IS NULL OR at < :until) \
     ORDER BY id DESC LIMIT :limit";

/// Those of a time and later, from the index of times: what is older is not read. Only numbers are
/// put in order, and then so many lines read as are asked for.
const LINES_FROM: &str = "SELECT id, at, kind, amount, request, note FROM ledger \
     WHERE id IN (SELECT id FROM ledger INDEXED BY ledger_time \
     WHERE owner = :owner AND at >= :from AND id < :after AND (:until IS NULL OR at < :until) \
     ORDER BY id DESC LIMIT :limit) ORDER BY id DESC";

/// What charges in a range of time have taken.
const CHARGED: &str = "SELECT coalesce(sum(-amount), 0) FROM ledger \
     WHERE owner = :owner AND at >= :from AND (:until IS NULL OR at < :until) AND kind = 'charge'";

/// The sum of an owner's lines in two halves, since on its way it may be too large for an integer.
const SUM: &str = "SELECT coalesce(sum(amount >> 32), 0), coalesce(sum(amount & 4294967295), 0) \
     FROM ledger WHERE owner = :owner";

pub(crate) fn page(connection: &Connection, query: &LedgerQuery) -> rusqlite::Result<LedgerPage> {
    let owner = query.owner.as_str();
    let from = query.from.map(|at| at.unix_micros());
    let until = query.until.map(|at| at.unix_micros());
    let after = query
        .after
        .map_or(i64::MAX, |after| cells::count_cell(after.0));
    // One more than asked for says whether there is a next part.
    let limit = i64::try_from(query.limit.saturating_add(1)).unwrap_or(i64::MAX);
    let mut lines: Vec<_> = match from {
        None => connection
            .prepare_cached(LINES)?
            .query_map(
                named_params! {
                    ":owner": owner, ":until": until, ":after": after, ":limit": limit,
                },
                line,
            )?
            .collect::<Result<_, _>>()?,
        Some(from) => connection
            .prepare_cached(LINES_FROM)?
            .query_map(
                named_params! {
                    ":owner": owner, ":from": from, ":until": until, ":after": after,
                    ":limit": limit,
                },
                line,
            )?
            .collect::<Result<_, _>>()?,
    };
    let more = lines.len() > query.limit;
    lines.truncate(query.limit);
    let next = lines.last().filter(|_| more).map(|line| line.number);

    let mut charged = connection.prepare_cached(CHARGED)?;
    let from = from.unwrap_or(i64::MIN);
    let range = named_params! { ":owner": owner, ":from": from, ":until": until };
    let charged = charged.query_row(range, |row| cells::count(row, 0))?;
    Ok(LedgerPage {
        lines,
        next,
        charged,
        sum: match query.check {
            LedgerCheck::AddedUp => Some(sum(connection, owner)?),
            LedgerCheck::Skipped => None,
        },
        account: credits::account(connection, &query.owner)?.unwrap_or_default(),
    })
}

fn sum(connection: &Connection, owner: &str) -> rusqlite::Result<i64> {
    let mut sums = connection.prepare_cached(SUM)?;
    sums.query_row(named_params! { ":owner": owner }, |row| {
        let (high, low): (i64, i64) = (row.get(0)?, row.get(1)?);
        let sum = i64::try_from((i128::from(high) << 32) + i128::from(low));
        sum.map_err(|_| damaged(0))
    })
}

fn line(row: &Row<'_>) -> rusqlite::Result<LedgerLine> {
    Ok(LedgerLine {
        number: LineNumber(cells::count(row, 0)?),
        at: cells::timestamp(row, 1)?,
        kind: cells::text(row, 2)?,
        amount: row.get(3)?,
        request: match row.get_ref(4)?.as_blob_or_null()? {
            Some(_) => Some(cells::request(row, 4)?),
            None => None,
        },
        note: row.get(5)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate;

    #[test]
    fn the_ledger_is_read_from_its_indexes_and_never_whole() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate::migrate(&mut connection, 0).unwrap();
        let by_time = "USING COVERING INDEX ledger_time (owner=? AND at>?";
        for (statement, expected) in [
            (
                LINES,
                &["SEARCH ledger USING INDEX ledger_owner (owner=? AND id<?)"][..],
            ),
            (
                LINES_FROM,
                &[
                    "SEARCH ledger USING INTEGER PRIMARY KEY (rowid=?)",
                    "LIST SUBQUERY 1",
                    &format!("SEARCH ledger {by_time})"),
                    "USE TEMP B-TREE FOR ORDER BY",
                ],
            ),
            (CHARGED, &[&format!("SEARCH ledger {by_time})")]),
            (
                SUM,
                &["SEARCH ledger USING COVERING INDEX ledger_time (owner=?)"],
            ),
            (
                credits::WAS_GIVEN,
                &[
                    "SCAN CONSTANT ROW",
                    "SCALAR SUBQUERY 1",
                    &format!("SEARCH ledger {by_time} AND at<?)"),
                ],
            ),
        ] {
            let explain = format!("EXPLAIN QUERY PLAN {statement}");
            let mut statement = connection.prepare(&explain).unwrap();
            let mut rows = statement.raw_query();
            let mut plan = Vec::new();
            while let Some(row) = rows.next().unwrap() {
                plan.push(row.get::<_, String>(3).unwrap());
            }
            assert_eq!(plan, expected);
        }
    }
}
