//! How credentials are used, and what was denied, as statements.

use std::collections::BTreeSet;

use portcullis_core::{CredentialId, RequestId};
use portcullis_registry::{
    AuditErasure, Day, DayUsage, Denied, DeniedPage, DeniedQuery, Found, Owner, PrefixedId,
    UsageDelta, UsageDetails,
};
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use crate::{cells, commit::execute, fetch};

/// Adds to the counters of a credential and to its day; of an unknown one nothing is kept.
pub(crate) fn add(connection: &Connection, delta: &UsageDelta) -> rusqlite::Result<()> {
    let id = cells::id_cell(delta.id);
    let owner = "SELECT owner FROM credentials WHERE id = ?1";
    let owner: Option<String> = connection
        .prepare_cached(owner)?
        .query_row([id], |row| row.get(0))
        .optional()?;
    let Some(owner) = owner else {
        return Ok(());
    };
    let mut details = details(connection, delta.id)?.unwrap_or_default();
    details.add(delta);
    // A sum that an integer can't hold would become a float, which a strict table refuses.
    let statement = "INSERT INTO usage (credential, last_used_at, requests, denied, details) \
         VALUES (:id, :at, :requests, :denied, :details) \
         ON CONFLICT (credential) DO UPDATE SET \
         last_used_at = coalesce(max(last_used_at, :at), last_used_at, :at), \
         requests = requests + min(:requests, 9223372036854775807 - requests), \
         denied = denied + min(:denied, 9223372036854775807 - denied), \
         details = :details";
    let denied = delta.refusals.total();
    let params = named_params! {
        ":id": id,
        ":at": delta.last_used_at.map(|at| at.unix_micros()),
        ":requests": cells::count_cell(delta.requests),
        ":denied": cells::count_cell(denied),
        ":details": details.to_string(),
    };
    execute(connection, statement, params)?;
    if delta.requests == 0 && denied == 0 {
        return Ok(());
    }
    let day = Day::of(delta.at);
    let statement = "INSERT INTO usage_days (owner, day, credential, requests, denied) \
         VALUES (:owner, :day, :id, :requests, :denied) \
         ON CONFLICT (owner, day, credential) DO UPDATE SET \
         requests = requests + min(:requests, 9223372036854775807 - requests), \
         denied = denied + min(:denied, 9223372036854775807 - denied)";
    let params = named_params! {
        ":owner": owner,
        ":day": day.number(),
        ":id": id,
        ":requests": cells::count_cell(delta.requests),
        ":denied": cells::count_cell(denied),
    };
    execute(connection, statement, params)?;
    let statement = "DELETE FROM usage_days WHERE day < ?1";
    let first = day.before(DayUsage::KEPT - 1);
    execute(connection, statement, [first.number()]).map(drop)
}

fn details(connection: &Connection, id: CredentialId) -> rusqlite::Result<Option<UsageDetails>> {
    let statement = "SELECT details FROM usage WHERE credential = ?1";
    let mut statement = connection.prepare_cached(statement)?;
    let read = |row: &Row<'_>| row.get::<_, Option<String>>(0);
    let found = statement.query_row([cells::id_cell(id)], read).optional()?;
    // What can't be read is begun anew: it must not keep the uses of all others from being written.
    Ok(found.flatten().and_then(|text| text.parse().ok()))
}

/// How a credential was used.
pub(crate) fn of_credential(connection: &Connection, id: CredentialId) -> rusqlite::Result<Found> {
    if fetch::version(connection, id)?.0 == 0 {
        return Ok(Found::Nothing);
    }
    let statement = "SELECT day, requests, denied FROM usage_days INDEXED BY usage_days_credential \
         WHERE credential = ?1 ORDER BY day DESC";
    let days = connection
        .prepare_cached(statement)?
        .query_map([cells::id_cell(id)], day)?
        .collect::<Result<_, _>>()?;
    Ok(Found::Usage {
        details: Box::new(details(connection, id)?.unwrap_or_default()),
        days,
    })
}

/// The days on which an owner's credentials were used.
pub(crate) fn of_owner(
    connection: &Connection,
    owner: &Owner,
    from: Day,
    until: Day,
) -> rusqlite::Result<Found> {
    // A sum of integers that overflows is an error; of floats it is near enough there.
    let statement = "SELECT day, \
         CASE WHEN total(requests) < 9e18 THEN sum(requests) ELSE 9223372036854775807 END, \
         CASE WHEN total(denied) < 9e18 THEN sum(denied) ELSE 9223372036854775807 END \
         FROM usage_days WHERE owner = ?1 AND day >= ?2 AND day < ?3 \
         GROUP BY day ORDER BY day DESC";
    let params = params![owner.as_str(), from.number(), until.number()];
    let days = connection
        .prepare_cached(statement)?
        .query_map(params, day)?
        .collect::<Result<_, _>>()?;
    Ok(Found::Days(days))
}

fn day(row: &Row<'_>) -> rusqlite::Result<DayUsage> {
    Ok(DayUsage {
        requests: cells::count(row, 1)?,
        denied: cells::count(row, 2)?,
        ..DayUsage::none(Day::from_number(row.get(0)?))
    })
}

/// Keeps denied requests, and of their owners the newest alone.
pub(crate) fn note_all_denied(connection: &Connection, all: &[Denied]) -> rusqlite::Result<()> {
    for denied in all {
        note_denied(connection, denied)?;
    }
    let owners: BTreeSet<&Owner> = all.iter().map(|denied| &denied.owner).collect();
    let statement = "DELETE FROM denied WHERE request IN (SELECT request FROM denied \
         INDEXED BY denied_owner WHERE owner = ?1 ORDER BY at DESC, request DESC LIMIT -1 OFFSET ?2)";
    let kept = i64::try_from(DeniedPage::KEPT_BY_OWNER).unwrap_or(i64::MAX);
    for owner in owners {
        execute(connection, statement, params![owner.as_str(), kept])?;
    }
    Ok(())
}

fn note_denied(connection: &Connection, denied: &Denied) -> rusqlite::Result<()> {
    let statement = "INSERT INTO denied \
         (request, at, owner, kind, credential, refusal, message, route, ip) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (request) DO NOTHING";
    let params = params![
        denied.request.to_bytes(),
        denied.at.unix_micros(),
        denied.owner.as_str(),
        denied.credential.map(|PrefixedId(kind, _)| kind.as_str()),
        denied
            .credential
            .map(|PrefixedId(_, id)| cells::id_cell(id)),
        denied.refusal.as_str(),
        denied.message,
        denied.route,
        denied.ip.map(|ip| ip.to_string()),
    ];
    execute(connection, statement, params).map(drop)
}

/// The denied requests that are asked for, newest first.
pub(crate) fn denied(connection: &Connection, query: &DeniedQuery) -> rusqlite::Result<DeniedPage> {
    macro_rules! denied {
        ($index:literal, $condition:literal) => {
            concat!(
                "SELECT request, at, owner, kind, credential, refusal, message, route, ip \
                 FROM denied INDEXED BY ",
                $index,
                " WHERE ",
                $condition,
                " ORDER BY at DESC, request DESC"
            )
        };
    }
    let mut page = DeniedPage::default();
    let mut see = |row: Denied| {
        if !query.keeps(&row) {
            return;
        }
        let is_passed = page.total < query.offset;
        page.total = page.total.saturating_add(1);
        if !is_passed && page.items.len() < query.limit {
            page.items.push(row);
        }
    };
    if let Some(request) = query.request {
        let statement = "SELECT request, at, owner, kind, credential, refusal, message, route, ip \
             FROM denied WHERE request = ?1";
        let mut statement = connection.prepare_cached(statement)?;
        for row in statement.query_map([request.to_bytes()], denied_row)? {
            see(row?);
        }
    } else if let Some(owner) = &query.owner {
        let mut statement = connection.prepare_cached(denied!("denied_owner", "owner = ?1"))?;
        for row in statement.query_map([owner.as_str()], denied_row)? {
            see(row?);
        }
    } else {
        let mut statement = connection.prepare_cached(denied!("denied_at", "TRUE"))?;
        for row in statement.query_map([], denied_row)? {
            see(row?);
        }
    }
    Ok(page)
}

fn denied_row(row: &Row<'_>) -> rusqlite::Result<Denied> {
    let credential = match cells::optional_id(row, 4)? {
        Some(id) => Some(PrefixedId(cells::kind(row, 3)?, id)),
        None => None,
    };
    Ok(Denied {
        request: RequestId::from_bytes(row.get(0)?),
        at: cells::timestamp(row, 1)?,
        owner: cells::text(row, 2)?,
        credential,
        refusal: cells::refusal(row, 5)?,
        message: row.get(6)?,
        route: row.get(7)?,
        ip: cells::optional_text(row, 8)?,
    })
}

/// The denied requests of an erasure that still have an address.
const WITH_IPS: &str = "SELECT request FROM denied INDEXED BY denied_ips WHERE ip IS NOT NULL \
     AND at < :before AND (:owner IS NULL OR owner = :owner) LIMIT :limit";

/// How many addresses of denied requests are to be erased, so many at most.
pub(crate) fn erasable_ips(
    connection: &Connection,
    erasure: &AuditErasure,
    limit: usize,
) -> rusqlite::Result<u64> {
    let statement = format!("SELECT count(*) FROM ({WITH_IPS})");
    connection.prepare_cached(&statement)?.query_row(
        named_params! {
            ":before": before(erasure),
            ":owner": erasure.owner.as_ref().map(Owner::as_str),
            ":limit": i64::try_from(limit).unwrap_or(i64::MAX),
        },
        |row| cells::count(row, 0),
    )
}

/// Erases so many of them.
pub(crate) fn erase_ips(
    connection: &Connection,
    erasure: &AuditErasure,
    limit: usize,
) -> rusqlite::Result<()> {
    let statement = format!("UPDATE denied SET ip = NULL WHERE request IN ({WITH_IPS})");
    connection
        .prepare_cached(&statement)?
        .execute(named_params! {
            ":before": before(erasure),
            ":owner": erasure.owner.as_ref().map(Owner::as_str),
            ":limit": i64::try_from(limit).unwrap_or(i64::MAX),
        })
        .map(drop)
}

/// Of any time, if the erasure says none.
fn before(erasure: &AuditErasure) -> i64 {
    erasure
        .before
        .map_or(i64::MAX, |before| before.unix_micros())
}
