//! The public value that says why the gate denied.

use std::{borrow::Cow, error::Error, fmt};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};

use portcullis_core::RequestId;

use crate::{Cause, ErrorCode, Rate, Rendering, challenge::Challenge};

/// Why the gate denied a request, and all that its answer needs.
///
/// Equal denials give equal answers, byte for byte.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use portcullis_error::{Cause, Denial, Rate};
///
/// let cause = Cause::RateLimited { retry_after: Some(Duration::from_millis(1_200)) };
/// let rate = Rate { limit: 600, remaining: 0, reset: 1_767_225_660 };
/// let response = Denial::new(cause).with_rate(rate).to_response();
/// assert_eq!(response.status(), 429);
/// assert_eq!(response.headers()["retry-after"], "2");
/// assert_eq!(response.headers()["x-ratelimit-remaining"], "0");
/// ```
#[non_exhaustive]
#[must_use = "a denial that is dropped lets the request pass"]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial {
    /// Why.
    pub cause: Cause,
    /// The rate headers, once a credential is verified; a denial before that never has them.
    pub rate: Option<Rate>,
    /// By what the request is found in logs. It travels in a header, so that equal causes have
    /// equal bodies.
    pub request_id: Option<RequestId>,
}

impl Denial {
    /// A denial without rate headers.
    pub const fn new(cause: Cause) -> Self {
        Self {
            cause,
            rate: None,
            request_id: None,
        }
    }

    /// With rate headers.
    pub fn with_rate(self, rate: Rate) -> Self {
        Self {
            rate: Some(rate),
            ..self
        }
    }

    /// Of this request.
    pub fn with_request_id(self, id: RequestId) -> Self {
        Self {
            request_id: Some(id),
            ..self
        }
    }

    /// The code of the answer as text.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.error_code().as_str()
    }

    /// The code of the answer.
    #[must_use]
    pub const fn error_code(&self) -> ErrorCode {
        self.cause.code()
    }

    /// The status of the answer.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.error_code().status()
    }

    /// What a client is told: lower-case, one line.
    #[must_use]
    pub fn message(&self) -> Cow<'_, str> {
        self.cause.message()
    }

    /// The value of `WWW-Authenticate` (RFC 6750 §3): on every 401, and on a 403 for a scope.
    #[must_use]
    pub fn challenge(&self, realm: &str) -> Option<HeaderValue> {
        self.challenge_with(realm, None)
    }

    /// The answer, in the default [`Rendering`].
    #[must_use]
    pub fn to_response(&self) -> Response<Bytes> {
        Rendering::default().response(self, None)
    }

    pub(crate) fn challenge_with(
        &self,
        realm: &str,
        resource_metadata: Option<&str>,
    ) -> Option<HeaderValue> {
        let error = self.error_code().bearer_error();
        (error.is_some() || self.status() == StatusCode::UNAUTHORIZED).then(|| {
            Challenge {
                realm,
                error,
                scope: self.cause.challenge_scope().as_deref(),
                resource_metadata,
            }
            .to_header_value()
        })
    }
}

impl From<Cause> for Denial {
    fn from(cause: Cause) -> Self {
        Self::new(cause)
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl Error for Denial {}
