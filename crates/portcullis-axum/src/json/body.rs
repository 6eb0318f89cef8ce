//! The extractors of a JSON body.

use std::error::Error;

use axum::{
    RequestExt,
    body::HttpBody,
    extract::{FromRequest, Request},
};
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::{ApiError, json::strict};

/// The most bytes that a JSON body may have: 1 MiB, or what axum's `DefaultBodyLimit` says if that
/// is less.
pub const MAX_JSON_BYTES: usize = 1024 * 1024;

/// The JSON body of a request, read strictly.
///
/// Unknown members are refused for a type that says `#[serde(deny_unknown_fields)]`. A member that
/// stands twice, and an array in the place of an object, are refused for every type.
///
/// # Errors
/// The rejection is an [`ApiError`]:
/// - 415 `unsupported_media_type` unless the media type is `application/json` or ends in `+json`,
///   and for a body with a content coding;
/// - 413 `too_large` over [`MAX_JSON_BYTES`];
/// - 400 `invalid_request` for JSON nested deeper than 64 levels, for malformed JSON, with line and column, and for a member that is
///   unknown, missing or of the wrong type, by its path (`platforms[0]`).
///
/// Of what was sent only names of members come back, escaped and cut. What a hand-written
/// `Deserialize` says through `Error::custom` comes back too, so it may not hold the value.
///
/// # Examples
/// ```
/// use portcullis_axum::{ApiError, Created, JsonBody};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Deserialize, Serialize)]
/// #[serde(deny_unknown_fields)]
/// struct Note {
///     text: String,
/// }
///
/// async fn create(JsonBody(note): JsonBody<Note>) -> Result<Created<Note>, ApiError> {
///     if note.text.is_empty() {
///         return Err(ApiError::invalid_request("`text`: at least one character"));
///     }
///     Ok(Created(note))
/// }
/// # let _: axum::Router = axum::Router::new().route("/notes", axum::routing::post(create));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct JsonBody<T>(pub T);

impl<T, S> FromRequest<S> for JsonBody<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            let absent = !request.headers().contains_key(header::CONTENT_TYPE);
            return Err(if absent && request.body().is_end_stream() {
                ApiError::invalid_request("a JSON body is needed")
            } else {
                unsupported()
            });
        }
        parse(&read(request, MAX_JSON_BYTES).await?).map(Self)
    }
}

/// As [`JsonBody`], for a body whose members are all optional: an empty one, of any media type,
/// gives the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct OptionalJsonBody<T>(pub T);

impl<T, S> FromRequest<S> for OptionalJsonBody<T>
where
    T: DeserializeOwned + Default,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        let json = is_json(request.headers());
        let body = read(request, MAX_JSON_BYTES).await?;
        match (body.is_empty(), json) {
            (true, _) => Ok(Self(T::default())),
            (false, true) => parse(&body).map(Self),
            (false, false) => Err(unsupported()),
        }
    }
}

pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    strict::from_slice(body).map_err(|problem| ApiError::invalid_request(problem.to_string()))
}

fn unsupported() -> ApiError {
    ApiError::unsupported_media_type("the body has to be `application/json`, without a coding")
}

/// Whether the one `Content-Type` is JSON and no coding hides it.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    essence(headers).is_some_and(is_json_type)
}

/// The one media type without its parameters, if no coding hides it (RFC 9110, sections 8.3 and 8.4).
pub(crate) fn essence(headers: &HeaderMap) -> Option<&str> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(first), None) = (types.next(), types.next()) else {
        return None;
    };
    let coded = headers.get_all(header::CONTENT_ENCODING).iter();
    let mut coded = coded.filter(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if coded.next().is_some() {
        return None;
    }
    let essence = first.to_str().ok()?.split(';').next()?;
    Some(essence.trim())
}

fn is_json_type(essence: &str) -> bool {
    let Some((kind, subtype)) = essence.split_once('/') else {
        return false;
    };
    let subtype = subtype.to_ascii_lowercase();
    let structured = subtype
        .strip_suffix("+json")
        .is_some_and(|name| !name.is_empty());
    kind.eq_ignore_ascii_case("application") && (subtype == "json" || structured)
}

/// The body of a request, of so many bytes at most.
pub(crate) async fn read(request: Request, most_bytes: usize) -> Result<Bytes, ApiError> {
    let body = request.with_limited_body().into_body();
    // A length that is announced is refused before anything is read.
    if body.size_hint().lower() > u64::try_from(most_bytes).unwrap_or(u64::MAX) {
        return Err(too_large());
    }
    match Limited::new(body, most_bytes).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if is_over_limit(error.as_ref()) => Err(too_large()),
        Err(_) => Err(ApiError::invalid_request("the body broke off")),
    }
}

fn too_large() -> ApiError {
    ApiError::too_large("the body is larger than this route takes")
}

fn is_over_limit(error: &(dyn Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |&cause| cause.source());
    causes.any(|cause| cause.is::<LengthLimitError>())
}
