//! Where the description is mounted.

use std::sync::{Arc, OnceLock};

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{Method, header};
use portcullis_scope::{Catalogue, Entry, Scope};
use serde::Serialize;

use super::openapi;
use crate::{ApiError, Data, Guarded};

/// A description that is written when all routes are mounted.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    title: String,
    version: String,
    written: Arc<OnceLock<Bytes>>,
}

/// A scope, for whoever makes a key.
#[derive(Clone, Debug, Serialize)]
struct ScopeBody {
    scope: Scope,
    /// What it gives access to.
    access: String,
    implies: Vec<Scope>,
}

impl<S: Clone + Send + Sync + 'static> Guarded<S> {
    /// Mounts `/openapi.json`, the description of all routes, also of those that are mounted later
    /// (OpenAPI 3.1), and `/scopes`, the catalogue. Both are for everybody.
    ///
    /// What an operation asks for is written from the [`Access`](portcullis_gate::Access) that
    /// guards it. What its bodies hold is not known here: `docs/HTTP.md` says it of the ready-made
    /// routes.
    #[must_use]
    pub fn with_description(self, title: &str, version: &str) -> Self {
        let scopes = scopes(self.gate().verifier().catalogue());
        let description = Description {
            title: title.to_owned(),
            version: version.to_owned(),
            written: Arc::new(OnceLock::new()),
        };
        let written = Arc::clone(&description.written);
        self.described_by(description)
            .public(Method::GET, "/openapi.json", async move || read(&written))
            .public(Method::GET, "/scopes", async move || Data(scopes))
    }
}

impl Description {
    /// Writes it, once the routes are known.
    pub(crate) fn write<S>(&self, guarded: &Guarded<S>) {
        let verifier = guarded.gate.verifier();
        let document = openapi::document(&self.title, &self.version, verifier, &guarded.routes);
        // There is one router to a description.
        let _is_first = self.written.set(Bytes::from(document.to_string()));
    }
}

fn scopes(catalogue: &Catalogue) -> Vec<ScopeBody> {
    let scopes = catalogue.scopes();
    let body = |Entry {
                    scope,
                    description,
                    implies,
                    ..
                }: Entry<'_>| ScopeBody {
        scope: scope.clone(),
        access: description.to_owned(),
        implies: implies.to_vec(),
    };
    scopes.map(body).collect()
}

fn read(written: &OnceLock<Bytes>) -> Response {
    match written.get() {
        Some(written) => {
            let headers = [
                (header::CONTENT_TYPE, "application/json"),
                (header::CACHE_CONTROL, "public, max-age=300"),
            ];
            (headers, written.clone()).into_response()
        }
        None => ApiError::not_found("description").into_response(),
    }
}
