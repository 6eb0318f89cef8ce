//! What the routes for keys do.

use std::time::Duration;

use axum::{
    extract::{Path, Request},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::request::Parts;
use portcullis_core::CredentialId;
use portcullis_error::{Cause, ErrorCode};
use portcullis_gate::Permit;
use portcullis_registry::{
    Actor, ApiKeyInfo, ChangeError, Expiry, KeyChange, NewKey, Owner, PrefixedId, Registry,
};
use portcullis_scope::Grant;
use portcullis_token::TokenKind;
use serde_json::{Map, Value};

use super::{
    bodies::{KeyBody, KeyChangeBody, NewKeyBody, Present, RotationBody},
    query,
};
use crate::{
    ApiError, Created, Data, JsonBody, OptionalJsonBody,
    extract::Refused,
    guarded::peer_of,
    query::{bad, page},
};

pub(super) use crate::extract::AnyPath;

/// The handlers, with what they need.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub(super) registry: Registry,
    actors: Actors,
}

/// Who says who calls.
#[derive(Clone, Copy, Debug)]
enum Actors {
    /// The gate in front.
    Gate,
    /// The application, which has a login of its own.
    Application,
}

impl Keys {
    pub(super) const fn behind_gate(registry: Registry) -> Self {
        Self {
            registry,
            actors: Actors::Gate,
        }
    }

    pub(super) const fn of(registry: Registry) -> Self {
        Self {
            registry,
            actors: Actors::Application,
        }
    }

    pub(super) async fn create(
        self,
        parts: Parts,
        JsonBody(body): JsonBody<NewKeyBody>,
    ) -> Result<Response, Refused> {
        let (actor, owner) = self.actor(&parts)?;
        if body.scopes.is_empty() {
            return Err(bad("`scopes` names at least one scope").into());
        }
        let mut new = NewKey::with_grant(owner, &body.name, grant(&body.scopes)?);
        if let Some(at) = body.expires_at {
            new = new.with_expiry(at);
        }
        let issued = self
            .registry
            .issue_key(&actor, new)
            .await
            .map_err(refused)?;
        Ok(Created(KeyBody::issued(&issued.key, issued.token.expose())).into_response())
    }

    pub(super) async fn list(self, mut parts: Parts) -> Result<Response, Refused> {
        let (actor, owner) = self.actor(&parts)?;
        let listing = query::listing(&mut parts, self.registry.clock().now()).await?;
        let list = self
            .registry
            .keys(&actor, &owner, listing)
            .await
            .map_err(refused)?;
        let keys: Vec<KeyBody<'_>> = list.keys.iter().map(KeyBody::of).collect();
        let mut response = Data(keys).into_response();
        let next = list.next.map(|next| next.to_string());
        page(response.headers_mut(), Some(list.total), next);
        Ok(response)
    }

    pub(super) async fn show(self, parts: Parts, id: AnyPath) -> Result<Response, Refused> {
        let (actor, _) = self.actor(&parts)?;
        let key = self
            .registry
            .key(&actor, read_id(id)?)
            .await
            .map_err(refused)?;
        Ok(shown(&key))
    }

    pub(super) async fn change(
        self,
        parts: Parts,
        id: AnyPath,
        JsonBody(body): JsonBody<KeyChangeBody>,
    ) -> Result<Response, Refused> {
        let (actor, _) = self.actor(&parts)?;
        let mut change = KeyChange::new();
        if let Some(name) = &body.name {
            change = change.rename(name);
        }
        if let Some(scopes) = &body.scopes {
            change = change.regrant(grant(scopes)?);
        }
        change = match body.expires_at {
            Present::Absent => change,
            Present::Null => change.expire(Expiry::Never),
            Present::Value(at) => change.expire(Expiry::At(at)),
        };
        change = match body.enabled {
            None => change,
            Some(true) => change.enable(),
            Some(false) => change.disable(),
        };
        let key = self
            .registry
            .change_key(&actor, read_id(id)?, change)
            .await
            .map_err(refused)?;
        Ok(shown(&key))
    }

    pub(super) async fn revoke(self, parts: Parts, id: AnyPath) -> Result<Response, Refused> {
        let (actor, _) = self.actor(&parts)?;
        let revoked = self
            .registry
            .revoke_key(&actor, read_id(id)?)
            .await
            .map_err(refused)?;
        match revoked {
            portcullis_registry::Revoked::Everywhere => {
                Ok(Data(Map::<String, Value>::new()).into_response())
            }
        }
    }

    pub(super) async fn rotate(
        self,
        parts: Parts,
        id: AnyPath,
        OptionalJsonBody(body): OptionalJsonBody<RotationBody>,
    ) -> Result<Response, Refused> {
        let (actor, _) = self.actor(&parts)?;
        let overlap = Duration::from_secs(body.overlap_seconds.into());
        let rotated = self.registry.rotate_key(&actor, read_id(id)?, overlap);
        let issued = rotated.await.map_err(refused)?;
        Ok(Created(KeyBody::rotated(&issued.key, issued.token.expose())).into_response())
    }

    /// Who acts: the caller behind a gate, else whom the application has put into the extensions.
    pub(super) fn actor(&self, parts: &Parts) -> Result<(Actor, Owner), Refused> {
        let actor = match self.actors {
            Actors::Application => parts.extensions.get::<Actor>().cloned().map(|actor| {
                match (actor.ip(), peer_of(parts)) {
                    (None, Some(peer)) => actor.with_ip(peer),
                    _ => actor,
                }
            }),
            Actors::Gate => parts.extensions.get::<Permit>().map(Permit::actor),
        };
        actor
            .and_then(|actor| actor.owner().cloned().map(|owner| (actor, owner)))
            .ok_or_else(|| Cause::Unauthenticated.into())
    }
}

/// Refuses a request for which the application has named no actor, before its body is read.
pub(super) async fn require_actor(request: Request, next: Next) -> Response {
    match request.extensions().get::<Actor>() {
        Some(_) => next.run(request).await,
        None => Refused::from(Cause::Unauthenticated).into_response(),
    }
}

fn shown(key: &ApiKeyInfo) -> Response {
    Data(KeyBody::of(key)).into_response()
}

/// An id of another form is an id of nothing.
pub(super) fn read_id(id: AnyPath) -> Result<CredentialId, Refused> {
    let id = id
        .ok()
        .and_then(|Path(id)| PrefixedId::read(TokenKind::ApiKey, &id));
    id.ok_or_else(|| ApiError::not_found("key").into())
}

fn grant(scopes: &[String]) -> Result<Grant, Refused> {
    Grant::parse(scopes).map_err(|error| {
        let name = scopes.get(error.index()).map_or("", String::as_str);
        let shown: String = name.escape_debug().take(80).collect();
        let message = format!("`{shown}` is not a scope: {error}");
        ApiError::new(ErrorCode::UnknownScope, message).into()
    })
}

/// What a refused change is to the client. What went wrong inside goes to the log alone.
pub(super) fn refused(error: ChangeError) -> Refused {
    match error {
        ChangeError::NotFound => ApiError::not_found("key").into(),
        ChangeError::Ended => Cause::InvalidToken.into(),
        ChangeError::Suspended => Cause::BillingSuspended.into(),
        ChangeError::Excess(excess) => {
            let excess = excess.iter().map(portcullis_scope::Scope::as_str);
            Cause::excess_scope(excess).into()
        }
        ChangeError::UnknownScope(unknown) => {
            ApiError::new(ErrorCode::UnknownScope, unknown.to_string()).into()
        }
        ChangeError::SessionRequired => Cause::SessionRequired.into(),
        ChangeError::Name
        | ChangeError::PastExpiry { .. }
        | ChangeError::OutlivesMaker { .. }
        | ChangeError::OutsideNetworks { .. } => {
            ApiError::invalid_request(error.to_string()).into()
        }
        ChangeError::TooMany { .. } | ChangeError::Contended | ChangeError::Rotated { .. } => {
            ApiError::conflict(error.to_string()).into()
        }
        ChangeError::Store(error) => ApiError::unavailable(error).into(),
        error => ApiError::internal(error).into(),
    }
}
