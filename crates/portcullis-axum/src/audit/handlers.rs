//! What the routes for the audit log do.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header, request::Parts};
use portcullis_registry::{AuditOrder, AuditQuery, ChangeError, Registry};

use super::{export::Export, query, row::Row};
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

impl Audit {
    pub(super) const fn of(registry: Registry) -> Self {
        Self { registry }
    }

    pub(super) async fn list(self, mut parts: Parts) -> Result<Response, Refused> {
        let actor = actor(&parts)?;
        let query = query::listing(&mut parts).await?;
        let page = self.registry.audit_log(&actor, query).await;
        let page = page.map_err(refused)?;
        let rows: Vec<Row<'_>> = page.records.iter().map(Row::of).collect();
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
