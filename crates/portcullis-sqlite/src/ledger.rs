//! Reading the ledger.

use portcullis_registry::{LedgerLine, LedgerPage, LedgerQuery, LineNumber};
use rusqlite::{Connection, Row, named_params};

use crate::{
    cells::{self, damaged},
    credits,
};

const LINES: &str = "SELECT id, at, kind, amount, request, note FROM ledger \
     WHERE owner = :owner AND id < :after \
     AND (:from IS NULL OR at >= :from) AND (:until IS NULL OR at < :until) \
     ORDER BY id DESC LIMIT :limit";

/// The sum of an owner's lines in two halves, since on its way it may be too large for an integer;
/// and what its charges in the range of time have taken.
const SUMS: &str = "SELECT coalesce(sum(amount >> 32), 0), coalesce(sum(amount & 4294967295), 0), \
     coalesce(sum(-amount) FILTER (WHERE kind = 'charge' \
     AND (:from IS NULL OR at >= :from) AND (:until IS NULL OR at < :until)), 0) \
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
    let mut lines = connection.prepare_cached(LINES)?;
    let range = named_params! {
        ":owner": owner, ":from": from, ":until": until, ":after": after, ":limit": limit,
    };
    let mut lines: Vec<_> = lines.query_map(range, line)?.collect::<Result<_, _>>()?;
    let more = lines.len() > query.limit;
    lines.truncate(query.limit);
    let next = lines.last().filter(|_| more).map(|line| line.number);

    let mut sums = connection.prepare_cached(SUMS)?;
    let range = named_params! { ":owner": owner, ":from": from, ":until": until };
    let (sum, charged) = sums.query_row(range, |row| {
        let (high, low): (i64, i64) = (row.get(0)?, row.get(1)?);
        let sum = i64::try_from((i128::from(high) << 32) + i128::from(low));
        Ok((sum.map_err(|_| damaged(0))?, cells::count(row, 2)?))
    })?;
    Ok(LedgerPage {
        lines,
        next,
        charged,
        sum,
        account: credits::account(connection, &query.owner)?.unwrap_or_default(),
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
    fn the_ledger_is_read_from_its_index() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate::migrate(&mut connection, 0).unwrap();
        for (statement, expected) in [
            (
                LINES,
                "SEARCH ledger USING INDEX ledger_owner (owner=? AND id<?)",
            ),
            (
                SUMS,
                "SEARCH ledger USING COVERING INDEX ledger_owner (owner=?)",
            ),
        ] {
            let explain = format!("EXPLAIN QUERY PLAN {statement}");
            let mut statement = connection.prepare(&explain).unwrap();
            let mut rows = statement.raw_query();
            let mut plan = Vec::new();
            while let Some(row) = rows.next().unwrap() {
                plan.push(row.get::<_, String>(3).unwrap());
            }
            assert_eq!(plan, [expected]);
        }
    }
}
