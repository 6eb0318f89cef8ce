//! What the routes for the audit log do.

use axum::{
    extract::{FromRequestParts, Query},
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, header, request::Parts};
use portcullis_core::Timestamp;
use portcullis_error::Cause;
use portcullis_gate::Permit;
use portcullis_registry::{Actor, AuditOrder, AuditQuery, AuditRecord, ChangeError, Registry};
use serde::Serialize;
use serde_json::Value;

use super::{export::Export, query};
use crate::{ApiError, Data, extract::Refused};

const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");
const NEXT_CURSOR: HeaderName = HeaderName::from_static("x-next-cursor");
const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// The handlers, with what they need.
#[derive(Clone, Debug)]
pub(super) struct Audit {
    registry: Registry,
}

/// A row as it is shown.
#[derive(Debug, Serialize)]
struct RowBody<'a> {
    at: Timestamp,
    actor: &'a str,
    action: &'a str,
    target: &'a str,
    ip: Option<&'a str>,
    details: Value,
}

impl<'a> RowBody<'a> {
    fn of(record: &'a AuditRecord) -> Self {
        Self {
            at: record.at,
            actor: &record.actor,
            action: &record.action,
            target: &record.target,
            ip: record.ip.as_deref(),
            // It is an object, unless somebody else has written into the store.
            details: serde_json::from_str(&record.details).unwrap_or_default(),
        }
    }
}

impl Audit {
    pub(super) const fn of(registry: Registry) -> Self {
        Self { registry }
    }

    pub(super) async fn list(self, mut parts: Parts) -> Result<Response, Refused> {
        let actor = actor(&parts)?;
        let query = query::listing(parameters(&mut parts).await?)?;
        let page = self.registry.audit_log(&actor, query).await;
        let page = page.map_err(refused)?;
        let rows: Vec<RowBody<'_>> = page.records.iter().map(RowBody::of).collect();
        let mut response = Data(rows).into_response();
        let headers = response.headers_mut();
        if let Some(total) = page.total {
            headers.insert(TOTAL_COUNT, HeaderValue::from(total));
        }
        if let Some(next) = page.next {
            headers.insert(NEXT_CURSOR, HeaderValue::from(next));
        }
        Ok(response)
    }

    pub(super) async fn export(self, mut parts: Parts) -> Result<Response, Refused> {
        let actor = actor(&parts)?;
        let query = AuditQuery {
            filter: query::filter(parameters(&mut parts).await?)?,
            order: AuditOrder::OldestFirst,
            limit: Export::AT_A_TIME,
            counted: false,
            ..AuditQuery::default()
        };
        // What goes wrong before the first row is answered as anywhere else.
        let first = self.registry.audit_log(&actor, query.clone()).await;
        let export = Export::new(self.registry, actor, query, first.map_err(refused)?);
        let headers = [
            (header::CONTENT_TYPE, NDJSON),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        Ok((headers, axum::body::Body::new(export)).into_response())
    }
}

async fn parameters(parts: &mut Parts) -> Result<Vec<(String, String)>, ApiError> {
    let parameters = Query::<Vec<(String, String)>>::from_request_parts(parts, &()).await;
    let Query(parameters) =
        parameters.map_err(|_| ApiError::invalid_request("the query can't be read"))?;
    Ok(parameters)
}

/// The caller behind the gate, with the owner that it acts for.
fn actor(parts: &Parts) -> Result<Actor, Refused> {
    let actor = parts.extensions.get::<Permit>().map(Permit::actor);
    // Without an owner it would see all.
    let actor = actor.filter(|actor| actor.owner().is_some());
    actor.ok_or_else(|| Cause::Unauthenticated.into())
}

fn refused(error: ChangeError) -> Refused {
    match error {
        ChangeError::NotFound => ApiError::not_found("row").into(),
        ChangeError::Store(error) => ApiError::unavailable(error).into(),
        error => ApiError::internal(error).into(),
    }
}
