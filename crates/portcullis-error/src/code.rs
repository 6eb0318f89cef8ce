//! The codes of errors, each with its one status.

use std::fmt;

use http::{Response, StatusCode};

use crate::error_response;

/// What went wrong, as clients read it in the members `error` and `code` of a body.
///
/// A code never changes its meaning and has one status, [`ErrorCode::status`]. An application may
/// use codes of its own beside these: see [`error_response`].
///
/// # Examples
/// ```
/// use portcullis_error::ErrorCode;
///
/// assert_eq!(ErrorCode::Conflict.as_str(), "conflict");
/// assert_eq!(ErrorCode::Conflict.status(), 409);
/// assert_eq!(ErrorCode::named("conflict"), Some(ErrorCode::Conflict));
/// assert_eq!(ErrorCode::named("Conflict"), None);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ErrorCode {
    /// The owner's account is suspended: 403.
    BillingSuspended,
    /// What is to be made exists already, or is in another state: 409.
    Conflict,
    /// The owner's balance is too low: 402.
    InsufficientCredits,
    /// The credential lacks a scope, or would hand on one that it lacks: 403.
    InsufficientScope,
    /// A fault of the service: 500.
    Internal,
    /// A wrong password or address at login: 401.
    InvalidCredentials,
    /// A header, a query or a body that can't be understood: 400.
    InvalidRequest,
    /// A credential that was sent and isn't accepted: 401.
    InvalidToken,
    /// A session was sent where an API key is needed: 403.
    KeyRequired,
    /// The path is served, the method isn't: 405.
    MethodNotAllowed,
    /// No such thing, or none of the caller's: 404.
    NotFound,
    /// Over a limit: 429.
    RateLimited,
    /// An API key was sent where a session is needed: 403.
    SessionRequired,
    /// The service takes no new users by itself: 403.
    SignupClosed,
    /// A body over the limit: 413.
    TooLarge,
    /// No credential was sent: 401.
    Unauthorized,
    /// What the service depends on is out of reach: 503.
    Unavailable,
    /// The name of a scope that the catalogue doesn't know: 400.
    UnknownScope,
    /// A body of another media type than the route reads: 415.
    UnsupportedMediaType,
}

impl ErrorCode {
    /// All codes, in alphabetical order.
    pub const ALL: [Self; 19] = [
        Self::BillingSuspended,
        Self::Conflict,
        Self::InsufficientCredits,
        Self::InsufficientScope,
        Self::Internal,
        Self::InvalidCredentials,
        Self::InvalidRequest,
        Self::InvalidToken,
        Self::KeyRequired,
        Self::MethodNotAllowed,
        Self::NotFound,
        Self::RateLimited,
        Self::SessionRequired,
        Self::SignupClosed,
        Self::TooLarge,
        Self::Unauthorized,
        Self::Unavailable,
        Self::UnknownScope,
        Self::UnsupportedMediaType,
    ];

    /// The code as it stands in a body.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BillingSuspended => "billing_suspended",
            Self::Conflict => "conflict",
            Self::InsufficientCredits => "insufficient_credits",
            Self::InsufficientScope => "insufficient_scope",
            Self::Internal => "internal",
            Self::InvalidCredentials => "invalid_credentials",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken => "invalid_token",
            Self::KeyRequired => "key_required",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::NotFound => "not_found",
            Self::RateLimited => "rate_limited",
            Self::SessionRequired => "session_required",
            Self::SignupClosed => "signup_closed",
            Self::TooLarge => "too_large",
            Self::Unauthorized => "unauthorized",
            Self::Unavailable => "unavailable",
            Self::UnknownScope => "unknown_scope",
            Self::UnsupportedMediaType => "unsupported_media_type",
        }
    }

    /// The status of every answer with this code.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest | Self::UnknownScope => StatusCode::BAD_REQUEST,
            Self::InvalidCredentials | Self::InvalidToken | Self::Unauthorized => {
                StatusCode::UNAUTHORIZED
            }
            Self::InsufficientCredits => StatusCode::PAYMENT_REQUIRED,
            Self::BillingSuspended
            | Self::InsufficientScope
            | Self::KeyRequired
            | Self::SessionRequired
            | Self::SignupClosed => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The code with this text, compared exactly.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }

    /// An answer with this code, its status and a message: [`error_response`] in the usual case.
    #[must_use]
    pub fn response(self, message: &str) -> Response<bytes::Bytes> {
        error_response(self.status(), self, message)
    }

    /// The `error` parameter that RFC 6750 §3.1 gives to an answer with this code, if any.
    pub(crate) const fn bearer_error(self) -> Option<&'static str> {
        match self {
            Self::InvalidToken | Self::InsufficientScope => Some(self.as_str()),
            _ => None,
        }
    }
}

impl AsRef<str> for ErrorCode {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
