//! Why a request is refused, or failed.

use std::error::Error;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

/// What a handler answers in place of its data.
#[derive(Debug)]
pub(crate) enum AppError {
    Refused(StatusCode, &'static str),
    /// It is logged, and the client learns nothing of it.
    Failed(Box<dyn Error + Send + Sync>),
}

impl AppError {
    pub(crate) const SIGN_IN: Self = Self::Refused(StatusCode::UNAUTHORIZED, "sign in first");

    pub(crate) const fn bad(what: &'static str) -> Self {
        Self::Refused(StatusCode::BAD_REQUEST, what)
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for AppError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let (status, what) = match self {
            Self::Refused(status, what) => (status, what),
            Self::Failed(error) => {
                tracing::error!(%error, "a request failed");
                (StatusCode::INTERNAL_SERVER_ERROR, "something went wrong")
            }
        };
        (status, Json(json!({ "error": what }))).into_response()
    }
}
