//! What clients are answered.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use portcullis_login::{DeviceStarted, Tokens};
use serde::Serialize;

use super::failed::seconds;
use crate::ApiError;

/// RFC 8628, section 3.2.
#[derive(Serialize)]
struct DeviceBody<'a> {
    device_code: &'a str,
    user_code: &'a str,
    verification_uri: &'a str,
    expires_in: u64,
    interval: u64,
}

/// RFC 6749, section 5.1.
#[derive(Serialize)]
struct TokenBody<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    refresh_token: &'a str,
    scope: &'a str,
}

/// An answer that nobody may store (RFC 6749, section 5.1).
pub(super) fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => (status, not_stored(), body).into_response(),
        Err(error) => ApiError::internal(error).into_response(),
    }
}

/// The headers of [`json`].
fn not_stored() -> [(http::HeaderName, HeaderValue); 3] {
    let json = HeaderValue::from_static("application/json");
    [
        (header::CONTENT_TYPE, json),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::PRAGMA, HeaderValue::from_static("no-cache")),
    ]
}

/// What has been written once, and everybody may see.
pub(super) fn published(body: Bytes) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "public, max-age=300"),
    ];
    (headers, body).into_response()
}

pub(super) fn device(started: &DeviceStarted) -> Response {
    let user_code = started.user_code.shown();
    let body = DeviceBody {
        device_code: started.device_code.expose(),
        user_code: user_code.expose(),
        verification_uri: &started.verification_uri,
        expires_in: started.expires_in.as_secs(),
        interval: seconds(started.interval),
    };
    json(StatusCode::OK, &body)
}

pub(super) fn tokens(tokens: &Tokens) -> Response {
    let body = TokenBody {
        access_token: tokens.issued.token.expose(),
        token_type: "Bearer",
        expires_in: tokens.expires_in.as_secs(),
        refresh_token: tokens.issued.refresh.expose(),
        scope: &tokens.scope,
    };
    json(StatusCode::OK, &body)
}
