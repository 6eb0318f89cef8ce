//! Who calls, as extractors.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts, Path, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use http::request::Parts;
use portcullis_error::{Cause, Denial};
use portcullis_gate::Permit;
use portcullis_registry::{Actor, Principal};

use crate::{ApiError, answer::Unrendered};

/// The caller of a guarded route.
///
/// Behind a route without a guard there is none, and the answer is 401; `Option<Caller>` is nothing
/// then, for a handler that also serves people whom the application has signed in.
#[derive(Clone, Debug)]
pub struct Caller(pub Principal);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let Permitted(permit) = permitted(parts)?;
        Ok(Self(permit.principal().clone()))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        let permit = parts.extensions.get::<Permit>();
        Ok(permit.map(|permit| Self(permit.principal().clone())))
    }
}

/// What a handler of a guarded route has of the request that was let through: who calls, what more
/// may be asked about them, and whether they would still be let through.
///
/// Behind a route without a guard there is none, and the answer is 401.
///
/// # Examples
/// ```
/// use portcullis_axum::{Permitted, Refusal};
/// # use portcullis_scope::Scope;
/// # const POSTS_ADMIN: Scope = Scope::from_static("posts:admin");
///
/// async fn purge(Permitted(permit): Permitted) -> Result<&'static str, Refusal> {
///     permit.require(POSTS_ADMIN)?;
///     Ok("gone")
/// }
/// # let _ = purge;
/// ```
#[derive(Clone, Debug)]
pub struct Permitted(pub Permit);

impl<S: Sync> FromRequestParts<S> for Permitted {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        permitted(parts)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Permitted {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get::<Permit>().cloned().map(Self))
    }
}

fn permitted(parts: &Parts) -> Result<Permitted, Refusal> {
    let permit = parts.extensions.get::<Permit>().cloned();
    permit
        .map(Permitted)
        .ok_or_else(|| Refusal(Cause::Unauthenticated.into()))
}

/// A denial, as an answer of axum.
#[derive(Debug)]
pub struct Refusal(pub Denial);

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self(denial)
    }
}

impl From<Cause> for Refusal {
    fn from(cause: Cause) -> Self {
        Self(cause.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.0.to_response().map(axum::body::Body::from);
        response.extensions_mut().insert(Unrendered::Denied(self.0));
        response
    }
}

/// Why one of the ready-made routes refuses: as the gate would, or in its own words.
#[derive(Debug)]
pub(crate) enum Refused {
    Denied(Denial),
    Failed(ApiError),
}

impl From<Cause> for Refused {
    fn from(cause: Cause) -> Self {
        Self::Denied(cause.into())
    }
}

impl From<Denial> for Refused {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Denied(denial) => Refusal(denial).into_response(),
            Self::Failed(error) => error.into_response(),
        }
    }
}

/// The one part of the path that varies.
pub(crate) type AnyPath = Result<Path<String>, PathRejection>;

/// The caller behind the gate, with the owner that it acts for: without one it would see all.
pub(crate) fn actor(parts: &Parts) -> Result<Actor, Refused> {
    let actor = parts.extensions.get::<Permit>().map(Permit::actor);
    let actor = actor.filter(|actor| actor.owner().is_some());
    actor.ok_or_else(|| Cause::Unauthenticated.into())
}
