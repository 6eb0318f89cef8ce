//! Ready-made routes by which the holders of an application find out why a request was denied.

use std::net::IpAddr;

use axum::response::{IntoResponse, Response};
use http::request::Parts;
use portcullis_core::{CredentialId, Timestamp};
use portcullis_gate::Access;
use portcullis_registry::{Denied, DeniedQuery, PrefixedId, Registry, StoreError};
use portcullis_token::TokenKind;
use serde::Serialize;

use crate::{
    ApiError, Data, Guarded,
    extract::{AnyPath, Refused, actor},
    query::{bad, limit, offset, page, parameters},
};

/// A request that was denied, as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DeniedBody<'a> {
    request_id: String,
    at: Timestamp,
    credential: Option<String>,
    cause: &'static str,
    message: &'a str,
    route: &'a str,
    ip: Option<IpAddr>,
}

impl<'a> DeniedBody<'a> {
    fn of(denied: &'a Denied) -> Self {
        Self {
            request_id: denied.request.to_string(),
            at: denied.at,
            credential: denied.credential.map(|id| id.to_string()),
            cause: denied.refusal.as_str(),
            message: &denied.message,
            route: &denied.route,
            ip: denied.ip,
        }
    }
}

impl<S: Clone + Send + Sync + 'static> Guarded<S> {
    /// Mounts the requests that were denied lately at `path` (`/denials`, say) and one of them at
    /// `path/{requestId}`, as `docs/HTTP.md` describes them.
    ///
    /// A caller sees those of its owner alone. A gate at an edge has none:
    /// [`GuardedError::AtEdge`](crate::GuardedError::AtEdge).
    #[must_use]
    pub fn with_denials(self, path: &str, access: impl Into<Access>) -> Self {
        let access = access.into();
        let Some(registry) = self.gate().registry().cloned() else {
            return self.at_edge(path);
        };
        let one = format!("{path}/{{id}}");
        let also = registry.clone();
        self.get(path, access.clone(), async move |parts: Parts| {
            list(registry, parts).await
        })
        .get(&one, access, async move |parts: Parts, id: AnyPath| {
            show(also, &parts, id).await
        })
    }
}

async fn list(registry: Registry, mut parts: Parts) -> Result<Response, Refused> {
    let actor = actor(&parts)?;
    let mut query = DeniedQuery::new();
    let names = ["limit", "offset", "credential"];
    for (name, value) in parameters(&mut parts, &names, "this list").await? {
        match name {
            "limit" => query.limit = limit(&value)?,
            "offset" => query.offset = offset(&value)?,
            _ => query.credential = Some(credential(&value)?),
        }
    }
    let denied = registry.denied(&actor, query).await.map_err(unavailable)?;
    let bodies: Vec<_> = denied.items.iter().map(DeniedBody::of).collect();
    let mut response = Data(bodies).into_response();
    page(response.headers_mut(), Some(denied.total), None);
    Ok(response)
}

async fn show(registry: Registry, parts: &Parts, id: AnyPath) -> Result<Response, Refused> {
    let actor = actor(parts)?;
    let missing = || Refused::from(ApiError::not_found("denied request"));
    let request = id.ok().and_then(|axum::extract::Path(id)| id.parse().ok());
    let query = DeniedQuery {
        request: Some(request.ok_or_else(missing)?),
        ..DeniedQuery::new()
    };
    let denied = registry.denied(&actor, query).await.map_err(unavailable)?;
    let denied = denied.items.first().ok_or_else(missing)?;
    Ok(Data(DeniedBody::of(denied)).into_response())
}

fn credential(text: &str) -> Result<CredentialId, ApiError> {
    let kinds = [TokenKind::ApiKey, TokenKind::Session];
    let mut ids = kinds
        .into_iter()
        .filter_map(|kind| PrefixedId::read(kind, text));
    ids.next()
        .ok_or_else(|| bad("`credential` is the id of a key or a session: `key_…`"))
}

fn unavailable(error: StoreError) -> Refused {
    ApiError::unavailable(error).into()
}
