//! The parameters of the audit log.

use std::{borrow::Cow, str::FromStr};

use portcullis_registry::{AuditFilter, AuditQuery};

use crate::ApiError;

/// The longest text to look for, in bytes.
const MAX_TEXT: usize = 200;

const FILTERS: [&str; 5] = ["action", "target", "actor", "from", "to"];
const PAGING: [&str; 3] = ["limit", "offset", "cursor"];

/// Reads the parameters of a list; a refusal names the parameter.
pub(super) fn listing(parameters: Vec<(String, String)>) -> Result<AuditQuery, ApiError> {
    let mut query = AuditQuery::default();
    for (name, value) in known(parameters, &[&PAGING[..], &FILTERS].concat())? {
        match name {
            "limit" => match number(&value) {
                Some(limit @ 1..=100) => query.limit = limit,
                _ => return Err(bad("`limit` is a whole number from 1 to 100")),
            },
            "offset" => match number(&value) {
                Some(offset) => query.offset = offset,
                None => return Err(bad("`offset` is a whole number")),
            },
            "cursor" => match number(&value) {
                Some(cursor) => query.after = Some(cursor),
                None => return Err(bad("`cursor` is one that `X-Next-Cursor` gave")),
            },
            name => add(&mut query.filter, name, value)?,
        }
    }
    Ok(query)
}

/// Reads the parameters of an export, which has no pages.
pub(super) fn filter(parameters: Vec<(String, String)>) -> Result<AuditFilter, ApiError> {
    let mut filter = AuditFilter::default();
    for (name, value) in known(parameters, &FILTERS)? {
        add(&mut filter, name, value)?;
    }
    Ok(filter)
}

/// The parameters by their names, each of which is there once.
fn known(
    parameters: Vec<(String, String)>,
    names: &[&'static str],
) -> Result<Vec<(&'static str, String)>, ApiError> {
    let mut read: Vec<(&'static str, String)> = Vec::new();
    for (name, value) in parameters {
        let Some(name) = names.iter().find(|known| **known == name) else {
            let shown: String = name.escape_debug().take(40).collect();
            return Err(bad(format!(
                "`{shown}` is not a parameter of the audit log"
            )));
        };
        if read.iter().any(|(read, _)| read == name) {
            return Err(bad(format!("`{name}` stands twice")));
        }
        read.push((*name, value));
    }
    Ok(read)
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

/// A whole number, without a sign.
fn number<N: FromStr>(text: &str) -> Option<N> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn bad(message: impl Into<Cow<'static, str>>) -> ApiError {
    ApiError::invalid_request(message)
}
