//! Where the routes for programs are mounted.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{Method, request::Parts};
use portcullis_gate::Access;
use portcullis_login::OAuth;
use serde::Serialize;

use super::{answers::published, endpoint::Endpoint};
use crate::{ApiError, Guarded};

impl<S: Clone + Send + Sync + 'static> Guarded<S> {
    /// Mounts `/oauth/device_authorization`, `/oauth/token`, `/oauth/revoke`, `/oauth/introspect`
    /// for callers with this access, `/.well-known/oauth-authorization-server` and
    /// `/.well-known/oauth-protected-resource`, as `docs/HTTP.md` describes them; `/oauth/register`
    /// if clients may register themselves
    /// ([`OAuth::with_registration`](portcullis_login::OAuth::with_registration)), and
    /// `/auth/cli/device-code` and `/auth/cli/poll` if there is a client for them
    /// ([`OAuth::with_older_client`](portcullis_login::OAuth::with_older_client)). What is not
    /// mounted is a 404.
    ///
    /// Challenges name the metadata of the service from then on (RFC 9728, section 5.1): those of
    /// routes that are mounted later, so mount this first.
    ///
    /// The pages on which people decide are not among these: `/device` and `/oauth/authorize`.
    #[must_use]
    pub fn with_oauth(self, oauth: OAuth, introspect: impl Into<Access>) -> Self {
        let before = self.routes().len();
        let guarded = self.with_resource_metadata(oauth.resource_metadata_url());
        let (server, resource) = (
            written(&oauth.metadata()),
            written(&oauth.resource_metadata()),
        );
        let endpoint = Endpoint {
            gate: guarded.gate().clone(),
            oauth,
        };
        let guarded = guarded
            .public(
                Method::GET,
                "/.well-known/oauth-authorization-server",
                async move || read(server),
            )
            .public(
                Method::GET,
                "/.well-known/oauth-protected-resource",
                async move || read(resource),
            );
        let guarded = optional(guarded, &endpoint);
        let (token, revoke, look_up) = (endpoint.clone(), endpoint.clone(), endpoint.clone());
        guarded
            .public(
                Method::POST,
                "/oauth/device_authorization",
                async move |parts: Parts, form| endpoint.device_authorization(&parts, form).await,
            )
            .public(
                Method::POST,
                "/oauth/token",
                async move |parts: Parts, form| token.token(&parts, form).await,
            )
            .public(
                Method::POST,
                "/oauth/revoke",
                async move |parts: Parts, form| revoke.revoke(&parts, form).await,
            )
            .post("/oauth/introspect", introspect, async move |who, form| {
                look_up.introspect(who, form).await
            })
            .refusing_in_own_words_after(before)
    }
}

/// What a service may be without.
fn optional<S>(guarded: Guarded<S>, endpoint: &Endpoint) -> Guarded<S>
where
    S: Clone + Send + Sync + 'static,
{
    let guarded = if endpoint.oauth.registers() {
        let register = endpoint.clone();
        guarded.public(
            Method::POST,
            "/oauth/register",
            async move |parts: Parts, metadata| register.register(&parts, metadata).await,
        )
    } else {
        guarded
    };
    if !endpoint.oauth.has_older_client() {
        return guarded;
    }
    let (start, poll) = (endpoint.clone(), endpoint.clone());
    guarded
        .public(
            Method::POST,
            "/auth/cli/device-code",
            async move |parts: Parts| start.cli_device_code(&parts).await,
        )
        .public(Method::GET, "/auth/cli/poll", async move |parts: Parts| {
            poll.cli_poll(&parts).await
        })
}

/// Written once: it doesn't change while the service runs.
fn written<T: Serialize>(metadata: &T) -> Result<Bytes, ApiError> {
    let written = serde_json::to_vec(metadata);
    written.map(Bytes::from).map_err(ApiError::internal)
}

fn read(written: Result<Bytes, ApiError>) -> Response {
    match written {
        Ok(written) => published(written),
        Err(error) => error.into_response(),
    }
}
