//! The answers of an application's own handlers, in the envelope of the gate's.

use std::{borrow::Cow, error::Error, fmt, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use portcullis_error::{Denial, ErrorBody, ErrorCode, Rendering};
use serde::Serialize;

/// 200 and `{"success":true,"data":…}`.
///
/// It says `Cache-Control: no-store`, for what a credential is needed to see. Headers are added,
/// or replaced, as with any answer of axum: `([("x-total-count", "7")], Data(list))`.
///
/// # Examples
/// ```
/// use axum::response::IntoResponse;
/// use portcullis_axum::{ApiError, Data};
///
/// async fn length(text: String) -> Result<Data<usize>, ApiError> {
///     if text.is_empty() {
///         return Err(ApiError::not_found("text"));
///     }
///     Ok(Data(text.len()))
/// }
/// # let _ = length("a".into());
/// assert_eq!(Data(7).into_response().status(), 200);
/// assert_eq!(ApiError::not_found("text").into_response().status(), 404);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Data<T>(pub T);

/// 201 and `{"success":true,"data":…}`; else as [`Data`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Created<T>(pub T);

impl<T: Serialize> IntoResponse for Data<T> {
    fn into_response(self) -> Response {
        enveloped(StatusCode::OK, &self.0)
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        enveloped(StatusCode::CREATED, &self.0)
    }
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    success: bool,
    data: &'a T,
}

fn enveloped<T: Serialize>(status: StatusCode, data: &T) -> Response {
    match serde_json::to_vec(&Envelope {
        success: true,
        data,
    }) {
        Ok(body) => {
            let headers = [
                (
                    header::CONTENT_TYPE,
                    HeaderValue::from_static("application/json"),
                ),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ];
            (status, headers, body).into_response()
        }
        Err(error) => ApiError::internal(error).into_response(),
    }
}

/// An application's own refusal: a code, which has one status, and a message.
///
/// The message goes to the client, so it says what to do differently and no secret. It is one line,
/// in lower case, without a full stop; what came from a client stands in it in backticks, escaped.
#[derive(Clone, Debug)]
pub struct ApiError {
    code: ErrorCode,
    message: Cow<'static, str>,
    headers: Option<Box<HeaderMap>>,
}

impl ApiError {
    /// A refusal with any code.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            headers: None,
        }
    }

    /// 400 `invalid_request`: what is wrong with the request, by the name of the member.
    #[must_use]
    pub fn invalid_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidRequest, message)
    }

    /// 404 `not_found`, also for what belongs to somebody else: "no such `what`".
    #[must_use]
    pub fn not_found(what: impl fmt::Display) -> Self {
        Self::new(ErrorCode::NotFound, format!("no such {what}"))
    }

    /// 409 `conflict`: what the request is at odds with.
    #[must_use]
    pub fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::Conflict, message)
    }

    /// 413 `too_large`.
    #[must_use]
    pub fn too_large(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::TooLarge, message)
    }

    /// 415 `unsupported_media_type`.
    #[must_use]
    pub fn unsupported_media_type(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::UnsupportedMediaType, message)
    }

    /// 500 `internal`: the source is logged, the client learns nothing of it.
    #[must_use]
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let source: Box<dyn Error + Send + Sync> = source.into();
        let source: &(dyn Error + 'static) = &*source;
        tracing::error!(error = source, "a request failed");
        Self::new(ErrorCode::Internal, "the server failed; it has been logged")
    }

    /// 503 `unavailable`, to be tried again in a second: the source is logged, the client learns
    /// nothing of it.
    #[must_use]
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let source: Box<dyn Error + Send + Sync> = source.into();
        let source: &(dyn Error + 'static) = &*source;
        tracing::warn!(error = source, "out of reach for a request");
        Self::new(
            ErrorCode::Unavailable,
            "out of reach at the moment, try again",
        )
        .with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
    }

    /// Adds a header to the answer, such as `Retry-After`; one of the same name is replaced.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.get_or_insert_default().insert(name, value);
        self
    }

    /// What programs tell refusals apart by.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// What people read.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ApiError {}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.code.response(&self.message).map(Body::from);
        let (code, message) = (self.code, self.message);
        response
            .extensions_mut()
            .insert(Unrendered::Error { code, message });
        for (name, value) in self.headers.into_iter().flat_map(|headers| *headers) {
            if let Some(name) = name {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// What a refusal says, for whoever knows in which form the client accepts it.
#[derive(Clone, Debug)]
pub(crate) enum Unrendered {
    Denied(Denial),
    Error {
        code: ErrorCode,
        message: Cow<'static, str>,
    },
}

/// Gives the refusals of a router's handlers and fallbacks the form that the client accepts and the
/// rendering says, as the gate's own have it.
///
/// [`Guarded::into_router`](crate::Guarded::into_router) does this for its routes; do it once more
/// for fallbacks and routes that are added to that.
pub fn rendered<S>(router: Router<S>, rendering: &Rendering) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let rendering = Arc::new(rendering.clone());
    router.layer(from_fn_with_state(rendering, render))
}

async fn render(State(rendering): State<Arc<Rendering>>, request: Request, next: Next) -> Response {
    let accept: Vec<HeaderValue> = request
        .headers()
        .get_all(header::ACCEPT)
        .iter()
        .cloned()
        .collect();
    let mut response = next.run(request).await;
    let Some(refusal) = response.extensions_mut().remove::<Unrendered>() else {
        return response;
    };
    // Lines of a list are one list (RFC 9110, section 5.3).
    let accept: Vec<&[u8]> = accept.iter().map(HeaderValue::as_bytes).collect();
    let accept = (!accept.is_empty()).then(|| accept.join(&b", "[..]));
    let rendered = match refusal {
        Unrendered::Denied(denial) => rendering.response(&denial, accept.as_deref()),
        Unrendered::Error { code, message } => {
            let body = ErrorBody {
                code: code.as_str(),
                message: &message,
            };
            rendering.error(code.status(), &body, accept.as_deref())
        }
    };
    // What others have added to the answer stays: rate headers, `Allow`, CORS.
    let (form, body) = rendered.into_parts();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    for (name, value) in &form.headers {
        headers.insert(name, value.clone());
    }
    *response.body_mut() = Body::from(body);
    response
}

/// Answers 404 for a path without a route; for axum's `Router::fallback`.
pub async fn not_found_fallback() -> ApiError {
    ApiError::not_found("route")
}

/// Answers 405 for a route without the method; for axum's `Router::method_not_allowed_fallback`,
/// which adds the `Allow`.
pub async fn method_not_allowed_fallback() -> ApiError {
    ApiError::new(
        ErrorCode::MethodNotAllowed,
        "this route does not have the method",
    )
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    async fn shown(answer: impl IntoResponse) -> (u16, HeaderMap, String) {
        let (parts, body) = answer.into_response().into_parts();
        let body = to_bytes(body, 10_000).await.unwrap();
        (
            parts.status.as_u16(),
            parts.headers,
            String::from_utf8(body.to_vec()).unwrap(),
        )
    }

    #[tokio::test]
    async fn data_stand_in_the_envelope_and_are_not_stored() {
        let (status, headers, body) = shown(Data(["a"])).await;
        assert_eq!(
            (status, body.as_str()),
            (200, r#"{"success":true,"data":["a"]}"#)
        );
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(headers["cache-control"], "no-store");
        let (status, headers, _) = shown(([("x-total-count", "7")], Created(()))).await;
        assert_eq!(
            (status, headers["x-total-count"].as_bytes()),
            (201, b"7".as_slice())
        );
    }

    #[tokio::test]
    async fn refusals_have_the_code_twice_and_their_headers() {
        let (status, _, body) = shown(ApiError::conflict("taken")).await;
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let expected = serde_json::json!({
            "success": false, "error": "conflict", "code": "conflict", "message": "taken",
        });
        assert_eq!((status, body), (409, expected));
        let (status, headers, body) = shown(ApiError::unavailable("disk on fire")).await;
        assert_eq!(
            (status, &headers["retry-after"]),
            (503, &HeaderValue::from_static("1"))
        );
        assert!(!body.contains("fire"));
    }

    #[tokio::test]
    async fn what_failed_inside_is_not_told() {
        let (status, _, body) = shown(ApiError::internal("no table `users`")).await;
        assert_eq!(status, 500);
        assert!(
            body.contains(r#""code":"internal""#) && !body.contains("users"),
            "{body}"
        );
    }

    #[tokio::test]
    async fn values_that_json_cannot_express_are_the_servers_failure() {
        let unnamed = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert_eq!(shown(Data(unnamed)).await.0, 500);
    }

    #[tokio::test]
    async fn fallbacks_answer_in_the_envelope() {
        assert_eq!(shown(not_found_fallback().await).await.0, 404);
        assert_eq!(shown(method_not_allowed_fallback().await).await.0, 405);
    }
}
