//! Who calls, as extractors.

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::request::Parts;
use portcullis_error::{Cause, Denial};
use portcullis_registry::Principal;

use crate::{ApiError, answer::Unrendered};

/// The caller of a guarded route.
///
/// Behind a route without a guard there is none, and the answer is 401.
#[derive(Clone, Debug)]
pub struct Caller(pub Principal);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let principal = parts.extensions.get::<Principal>().cloned();
        principal
            .map(Self)
            .ok_or_else(|| Refusal(Cause::Unauthenticated.into()))
    }
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
