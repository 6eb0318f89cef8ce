//! How denials become answers.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{RETRY_AFTER, WWW_AUTHENTICATE},
};
use portcullis_core::RequestId;

use crate::{
    Denial, ErrorBody, ErrorCode, ErrorFormat, RateNames, accept::prefers_problem, body::response,
    challenge::Challenge, rate::retry_after_value,
};

/// How a service renders its denials: names, challenge parameters and bodies.
///
/// # Examples
/// ```
/// use portcullis_error::{Cause, Denial, Rendering};
///
/// let rendering = Rendering::new()
///     .with_realm("social")
///     .with_resource_metadata("https://example.com/.well-known/oauth-protected-resource");
/// let denial = Denial::new(Cause::InvalidToken);
///
/// let response = rendering.response(&denial, Some(b"application/problem+json"));
/// assert_eq!(response.headers()["content-type"], "application/problem+json");
/// assert_eq!(
///     response.headers()["www-authenticate"],
///     "Bearer realm=\"social\", error=\"invalid_token\", \
///      resource_metadata=\"https://example.com/.well-known/oauth-protected-resource\"",
/// );
/// ```
#[derive(Clone, Debug)]
pub struct Rendering {
    realm: Cow<'static, str>,
    resource_metadata: Option<Cow<'static, str>>,
    problem_types: Option<Cow<'static, str>>,
    rate_names: RateNames,
    request_id: Option<HeaderName>,
    format: Option<Arc<dyn ErrorFormat>>,
}

impl Rendering {
    /// The realm of challenges unless another is set.
    pub const DEFAULT_REALM: &'static str = "api";

    /// The defaults: the realm `api`, `X-RateLimit-…` headers, and JSON bodies.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The realm of challenges: what the credentials of this service are for, in a word or two.
    ///
    /// Control characters are written as spaces, here and in the other texts of a challenge.
    #[must_use]
    pub fn with_realm(self, realm: impl Into<Cow<'static, str>>) -> Self {
        Self {
            realm: realm.into(),
            ..self
        }
    }

    /// The URL of the protected resource's metadata (RFC 9728 §5.1), for every challenge.
    #[must_use]
    pub fn with_resource_metadata(self, url: impl Into<Cow<'static, str>>) -> Self {
        Self {
            resource_metadata: Some(url.into()),
            ..self
        }
    }

    /// The start of the URIs that problem documents have as `type`; the code is appended.
    ///
    /// Without it the type is `about:blank`.
    #[must_use]
    pub fn with_problem_types(self, base: impl Into<Cow<'static, str>>) -> Self {
        Self {
            problem_types: Some(base.into()),
            ..self
        }
    }

    /// Other names for the rate headers.
    #[must_use]
    pub fn with_rate_names(self, rate_names: RateNames) -> Self {
        Self { rate_names, ..self }
    }

    /// Another header than `X-Request-Id` for the request's id, or none.
    #[must_use]
    pub fn with_request_id_header(self, name: Option<HeaderName>) -> Self {
        Self {
            request_id: name,
            ..self
        }
    }

    /// Bodies of the application's own.
    #[must_use]
    pub fn with_format(self, format: Arc<dyn ErrorFormat>) -> Self {
        Self {
            format: Some(format),
            ..self
        }
    }

    /// The names of the rate headers, for answers that pass.
    #[must_use]
    pub const fn rate_names(&self) -> &RateNames {
        &self.rate_names
    }

    /// Sets the header for the request's id, in place of one that is there.
    pub fn write_request_id(&self, id: RequestId, headers: &mut HeaderMap) {
        if let Some(name) = &self.request_id
            // INVARIANT: digits are a header value.
            && let Ok(value) = HeaderValue::from_bytes(&id.to_hex())
        {
            headers.insert(name, value);
        }
    }

    /// The value of `WWW-Authenticate` for a denial, if its answer has one.
    #[must_use]
    pub fn challenge(&self, denial: &Denial) -> Option<HeaderValue> {
        denial.challenge_with(&self.realm, self.resource_metadata.as_deref())
    }

    /// The answer to a request with this `Accept` header, if it had one.
    ///
    /// Several lines of `Accept` are joined with commas first. An answer to `HEAD` has the same
    /// headers; that its body is not sent is the server's business.
    #[must_use]
    pub fn response(&self, denial: &Denial, accept: Option<&[u8]>) -> Response<Bytes> {
        let body = ErrorBody {
            code: denial.code(),
            message: &denial.message(),
        };
        let mut response = self.with_body(denial.status(), &body, accept);
        let headers = response.headers_mut();
        if let Some(challenge) = self.challenge(denial) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(wait) = denial.cause.retry_after() {
            headers.insert(RETRY_AFTER, retry_after_value(wait));
        }
        if let Some(rate) = denial.rate
            && !denial.cause.is_before_verification()
        {
            rate.write_to(headers, &self.rate_names);
        }
        if let Some(id) = denial.request_id {
            self.write_request_id(id, headers);
        }
        response
    }

    /// The answer for an application's own error, in the same form as a denial.
    ///
    /// A 401 gets a challenge.
    #[must_use]
    pub fn error(
        &self,
        status: StatusCode,
        error: &ErrorBody<'_>,
        accept: Option<&[u8]>,
    ) -> Response<Bytes> {
        let mut response = self.with_body(status, error, accept);
        let bearer_error = ErrorCode::named(error.code)
            .filter(|code| code.status() == status)
            .and_then(ErrorCode::bearer_error);
        if status == StatusCode::UNAUTHORIZED || bearer_error.is_some() {
            let challenge = Challenge {
                realm: &self.realm,
                error: bearer_error,
                scope: None,
                resource_metadata: self.resource_metadata.as_deref(),
            };
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, challenge.to_header_value());
        }
        response
    }

    fn with_body(
        &self,
        status: StatusCode,
        error: &ErrorBody<'_>,
        accept: Option<&[u8]>,
    ) -> Response<Bytes> {
        let own = self
            .format
            .as_ref()
            .and_then(|format| format.render(status, error, accept));
        let (content_type, body) = own.unwrap_or_else(|| {
            if accept.is_some_and(prefers_problem) {
                let type_uri = self
                    .problem_types
                    .as_ref()
                    .map(|base| format!("{base}{}", error.code));
                (
                    HeaderValue::from_static("application/problem+json"),
                    error.to_problem_json(status, type_uri.as_deref()),
                )
            } else {
                (
                    HeaderValue::from_static("application/json"),
                    error.to_json(),
                )
            }
        });
        response(status, content_type, body)
    }
}

impl Default for Rendering {
    fn default() -> Self {
        Self {
            realm: Cow::Borrowed(Self::DEFAULT_REALM),
            resource_metadata: None,
            problem_types: None,
            rate_names: RateNames::default(),
            request_id: Some(HeaderName::from_static("x-request-id")),
            format: None,
        }
    }
}
