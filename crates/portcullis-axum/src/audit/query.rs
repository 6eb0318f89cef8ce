//! The parameters of the audit log.

use http::request::Parts;
use portcullis_registry::{AuditFilter, AuditQuery};

use crate::{
    ApiError,
    query::{bad, limit, number, offset, parameters},
};

/// What the parameters are of.
const OF: &str = "the audit log";

/// The longest text to look for, in bytes.
const MAX_TEXT: usize = 200;

const FILTERS: [&str; 5] = ["action", "target", "actor", "from", "to"];
const PAGING: [&str; 3] = ["limit", "offset", "cursor"];

/// Reads the parameters of a list.
pub(super) async fn listing(parts: &mut Parts) -> Result<AuditQuery, ApiError> {
    let mut query = AuditQuery::default();
    for (name, value) in parameters(parts, &[&PAGING[..], &FILTERS].concat(), OF).await? {
        match name {
            "limit" => query.limit = limit(&value)?,
            "offset" => query.offset = offset(&value)?,
            "cursor" => {
                let cursor = number(&value);
                let cursor =
                    cursor.ok_or_else(|| bad("`cursor` is one that `X-Next-Cursor` gave"))?;
                query.after = Some(cursor);
            }
            name => add(&mut query.filter, name, value)?,
        }
    }
    Ok(query)
}

/// Reads the parameters of an export, which has no pages.
pub(super) async fn filter(parts: &mut Parts) -> Result<AuditFilter, ApiError> {
    let mut filter = AuditFilter::default();
    for (name, value) in parameters(parts, &FILTERS, OF).await? {
        add(&mut filter, name, value)?;
    }
    Ok(filter)
}

fn add(filter: &mut AuditFilter, name: &'static str, value: String) -> Result<(), ApiError> {
    let time = |value: &str| {
        let time = value.parse();
        time.map_err(|_| bad(format!("`{name}` is a time such as `2026-01-01T00:00:00Z`")))
    };
    let text = |value: String| match value.len() {
        1..=MAX_TEXT => Ok(value),
        _ => Err(bad(format!("`{name}` has 1 to 200 bytes"))),
    };
    match name {
        "action" => filter.action = Some(text(value)?),
        "target" => filter.target = Some(text(value)?),
        "actor" => filter.actor = Some(text(value)?),
        "from" => filter.from = Some(time(&value)?),
        _ => filter.to = Some(time(&value)?),
    }
    Ok(())
}
