//! What the routes for the audit log do.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header, request::Parts};
use portcullis_core::Timestamp;
use portcullis_registry::{AuditOrder, AuditQuery, AuditRecord, ChangeError, Registry};
use serde::Serialize;
use serde_json::Value;

use super::{export::Export, query};
use crate::{
    ApiError, Data,
    extract::{Refused, actor},
    query::page as paged,
};

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
        let query = query::listing(&mut parts).await?;
        let page = self.registry.audit_log(&actor, query).await;
        let page = page.map_err(refused)?;
        let rows: Vec<RowBody<'_>> = page.records.iter().map(RowBody::of).collect();
        let mut response = Data(rows).into_response();
        let next = page.next.map(|next| next.to_string());
        paged(response.headers_mut(), page.total, next);
        Ok(response)
    }

    pub(super) async fn export(self, mut parts: Parts) -> Result<Response, Refused> {
        let actor = actor(&parts)?;
        let query = AuditQuery {
            filter: query::filter(&mut parts).await?,
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

fn refused(error: ChangeError) -> Refused {
    match error {
        ChangeError::NotFound => ApiError::not_found("row").into(),
        ChangeError::Store(error) => ApiError::unavailable(error).into(),
        error => ApiError::internal(error).into(),
    }
}
