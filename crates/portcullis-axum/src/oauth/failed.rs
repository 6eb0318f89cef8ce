//! Refusals in the words of OAuth.

use std::{borrow::Cow, time::Duration};

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use portcullis_login::{RegisterError, TokenError, Unavailable};
use serde::Serialize;

use super::answers::json;
use crate::ApiError;

const INVALID_REQUEST: &str = "invalid_request";

/// `{"error":…,"error_description":…}` (RFC 6749, section 5.2; RFC 7591, section 3.2.2).
#[derive(Debug)]
pub(crate) struct Failed {
    status: StatusCode,
    error: &'static str,
    description: Cow<'static, str>,
    retry_after: Option<Duration>,
    challenge: Option<&'static str>,
}

#[derive(Serialize)]
struct FailedBody<'a> {
    error: &'a str,
    error_description: &'a str,
}

impl Failed {
    pub(super) fn new(error: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error,
            description: description.into(),
            retry_after: None,
            challenge: None,
        }
    }

    pub(super) fn invalid_request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(INVALID_REQUEST, description)
    }

    /// The client has shown a secret, and here none has one.
    pub(super) fn not_public() -> Self {
        Self::new(
            "invalid_client",
            "clients have no secret here: send `client_id` in the form, and nothing else of it",
        )
    }

    /// 401, to a client that has shown it in an `Authorization` header of this scheme.
    pub(super) fn with_challenge(self, scheme: &'static str) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            challenge: Some(scheme),
            ..self
        }
    }

    fn rate_limited(retry_after: Duration) -> Self {
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            retry_after: Some(retry_after),
            ..Self::new("slow_down", "too many requests")
        }
    }

    /// The source is logged, and the client learns nothing of it.
    fn unavailable(source: Unavailable) -> Self {
        let logged = ApiError::unavailable(source);
        Self {
            status: logged.code().status(),
            retry_after: Some(Duration::from_secs(1)),
            ..Self::new("temporarily_unavailable", logged.message().to_owned())
        }
    }

    /// The same of a body that is read, with the error of this endpoint.
    pub(super) fn of_body(error: &'static str, body: &ApiError) -> Self {
        Self {
            status: body.code().status(),
            ..Self::new(error, body.message().to_owned())
        }
    }
}

impl From<ApiError> for Failed {
    fn from(error: ApiError) -> Self {
        Self::of_body(INVALID_REQUEST, &error)
    }
}

impl From<TokenError> for Failed {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::RateLimited { retry_after } => Self::rate_limited(retry_after),
            TokenError::Unavailable(error) => Self::unavailable(error),
            error => Self::new(error.code(), error.to_string()),
        }
    }
}

impl From<Unavailable> for Failed {
    fn from(error: Unavailable) -> Self {
        Self::unavailable(error)
    }
}

impl From<RegisterError> for Failed {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::InvalidRedirectUri => {
                Self::new("invalid_redirect_uri", error.to_string())
            }
            RegisterError::RateLimited { retry_after } => Self::rate_limited(retry_after),
            RegisterError::Unavailable(error) => Self::unavailable(error),
            RegisterError::Closed => Self {
                status: StatusCode::NOT_FOUND,
                ..Self::invalid_request(error.to_string())
            },
            error => Self::new("invalid_client_metadata", error.to_string()),
        }
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let Self {
            status,
            error,
            description,
            retry_after,
            challenge,
        } = self;
        let body = FailedBody {
            error,
            error_description: &printable(&description),
        };
        let mut response = json(status, &body);
        let headers = response.headers_mut();
        if let Some(wait) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds(wait).max(1)));
        }
        if let Some(scheme) = challenge {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
        }
        response
    }
}

/// Whole seconds, rounded up.
pub(crate) fn seconds(time: Duration) -> u64 {
    time.as_secs()
        .saturating_add(u64::from(time.subsec_nanos() > 0))
}

/// What may stand in a description (RFC 6749, section 5.2); the rest as `?`.
fn printable(text: &str) -> String {
    let may_stand = |of: char| matches!(of, ' '..='~') && of != '"' && of != '\\';
    let shown = text.chars().map(|of| if may_stand(of) { of } else { '?' });
    shown.collect()
}
