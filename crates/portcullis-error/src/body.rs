//! What an answer that refuses says.

use std::fmt;

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use serde::Serialize;

use crate::Rendering;

/// The code and message of an error, and the two bodies that say them.
///
/// # Examples
/// ```
/// use portcullis_error::ErrorBody;
///
/// let body = ErrorBody { code: "not_found", message: "no such post" };
/// assert_eq!(
///     body.to_json(),
///     r#"{"success":false,"error":"not_found","code":"not_found","message":"no such post"}"#,
/// );
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ErrorBody<'a> {
    /// The code, such as `not_found`.
    pub code: &'a str,
    /// One line for people.
    pub message: &'a str,
}

#[derive(Serialize)]
struct Envelope<'a> {
    success: bool,
    error: &'a str,
    code: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(flatten)]
    extensions: Envelope<'a>,
}

impl ErrorBody<'_> {
    /// The envelope: `{"success":false,"error":CODE,"code":CODE,"message":…}`.
    #[must_use]
    pub fn to_json(&self) -> Bytes {
        to_bytes(&self.envelope())
    }

    /// A problem document (RFC 9457) of the type `about:blank`, or of the type whose URI is given,
    /// with the members of the envelope as extensions.
    #[must_use]
    pub fn to_problem_json(&self, status: StatusCode, type_uri: Option<&str>) -> Bytes {
        to_bytes(&Problem {
            r#type: type_uri.unwrap_or("about:blank"),
            // §4.2.1: the title of `about:blank` is the phrase of the status.
            title: status.canonical_reason().unwrap_or(self.code),
            status: status.as_u16(),
            detail: self.message,
            extensions: self.envelope(),
        })
    }

    const fn envelope(&self) -> Envelope<'_> {
        Envelope {
            success: false,
            error: self.code,
            code: self.code,
            message: self.message,
        }
    }
}

/// A body of the application's own, in place of the two of [`ErrorBody`].
///
/// Status and headers stay as they are; only the content and its type are the application's.
/// Implementers may not assume that the request had an `Accept` header, or a well-formed one.
pub trait ErrorFormat: fmt::Debug + Send + Sync {
    /// The media type and the bytes, or `None` to leave this answer to the built-in bodies.
    fn render(
        &self,
        status: StatusCode,
        error: &ErrorBody<'_>,
        accept: Option<&[u8]>,
    ) -> Option<(HeaderValue, Bytes)>;
}

/// An answer for an application's own error, in the same envelope as a denial.
///
/// The code may be an [`ErrorCode`](crate::ErrorCode) or a word of the application's. A 401 gets
/// the challenge that RFC 9110 §15.5.2 demands. Where the status is that of the code, as it should
/// be, [`ErrorCode::response`](crate::ErrorCode::response) is shorter.
///
/// # Examples
/// ```
/// use http::StatusCode;
/// use portcullis_error::{ErrorCode, error_response};
///
/// let response = error_response(StatusCode::GONE, "post_archived", "the post is archived");
/// assert_eq!(response.status(), 410);
/// assert_eq!(response.headers()["cache-control"], "no-store");
///
/// let response = ErrorCode::InvalidCredentials.response("wrong address or password");
/// assert_eq!(response.headers()["www-authenticate"], r#"Bearer realm="api""#);
/// ```
#[must_use]
pub fn error_response(status: StatusCode, code: impl AsRef<str>, message: &str) -> Response<Bytes> {
    let body = ErrorBody {
        code: code.as_ref(),
        message,
    };
    Rendering::default().error(status, &body, None)
}

/// An answer with the headers that all of them have.
pub(crate) fn response(
    status: StatusCode,
    content_type: HeaderValue,
    body: Bytes,
) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn to_bytes(value: &impl Serialize) -> Bytes {
    // INVARIANT: structs of strings and numbers always serialise.
    serde_json::to_vec(value).unwrap_or_default().into()
}
