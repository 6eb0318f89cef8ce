//! Why the gate denied.

use std::{borrow::Cow, fmt::Write as _, sync::Arc, time::Duration};

use crate::{ErrorCode, InvalidRequest};

/// Why a request was denied, as plain data.
///
/// The order is that of a check: a request that fails in two ways is denied for the earlier one.
///
/// # Examples
/// ```
/// use portcullis_error::{Cause, ErrorCode};
///
/// let cause = Cause::insufficient_scope("posts:write", ["posts:write"], ["posts:write"]);
/// assert_eq!(cause.code(), ErrorCode::InsufficientScope);
/// assert_eq!(cause.message(), "the credential lacks the scope `posts:write`");
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Cause {
    /// The credential can't be read: 400.
    InvalidRequest(InvalidRequest),
    /// No credential: 401, a challenge without `error`.
    Unauthenticated,
    /// A credential that isn't accepted, whatever the reason: 401 with one body for all.
    InvalidToken,
    /// The owner of the credential is suspended: 403.
    BillingSuspended,
    /// An API key where a session is needed: 403.
    SessionRequired,
    /// A session where an API key is needed: 403.
    KeyRequired,
    /// The credential's scopes don't cover what the route needs: 403.
    InsufficientScope {
        /// Every scope that the route needs, space-separated as in the challenge (RFC 6750 §3).
        required: Arc<str>,
        /// The scopes that the credential lacks.
        missing: Box<[Box<str>]>,
        /// One smallest set of scopes that would satisfy the route.
        sufficient: Box<[Box<str>]>,
    },
    /// A credential that would hand on scopes which it lacks: 403.
    ExcessScope {
        /// The scopes that it lacks.
        excess: Box<[Box<str>]>,
    },
    /// Over a limit: 429.
    RateLimited {
        /// The first instant at which the same request could be admitted, from now. `None` for a
        /// cost above the whole quota: it never fits, so there is nothing to wait for.
        retry_after: Option<Duration>,
    },
    /// The owner's balance doesn't cover the price: 402.
    InsufficientCredits,
    /// The store or the limiter is out of reach: 503, never a 401, 403 or 429.
    Unavailable {
        /// When another try makes sense, if that is known.
        retry_after: Option<Duration>,
    },
}

impl Cause {
    /// A credential that lacks scopes, by the names that the route and the credential have.
    #[must_use]
    pub fn insufficient_scope<M, S>(
        required: impl Into<Arc<str>>,
        missing: M,
        sufficient: S,
    ) -> Self
    where
        M: IntoIterator<Item: Into<Box<str>>>,
        S: IntoIterator<Item: Into<Box<str>>>,
    {
        Self::InsufficientScope {
            required: required.into(),
            missing: missing.into_iter().map(Into::into).collect(),
            sufficient: sufficient.into_iter().map(Into::into).collect(),
        }
    }

    /// A credential that would hand on scopes which it lacks.
    #[must_use]
    pub fn excess_scope(excess: impl IntoIterator<Item: Into<Box<str>>>) -> Self {
        Self::ExcessScope {
            excess: excess.into_iter().map(Into::into).collect(),
        }
    }

    /// The code of the answer, and with it the status.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidRequest(_) => ErrorCode::InvalidRequest,
            Self::Unauthenticated => ErrorCode::Unauthorized,
            Self::InvalidToken => ErrorCode::InvalidToken,
            Self::BillingSuspended => ErrorCode::BillingSuspended,
            Self::SessionRequired => ErrorCode::SessionRequired,
            Self::KeyRequired => ErrorCode::KeyRequired,
            Self::InsufficientScope { .. } | Self::ExcessScope { .. } => {
                ErrorCode::InsufficientScope
            }
            Self::RateLimited { .. } => ErrorCode::RateLimited,
            Self::InsufficientCredits => ErrorCode::InsufficientCredits,
            Self::Unavailable { .. } => ErrorCode::Unavailable,
        }
    }

    /// What a client is told. It never says whether a credential exists.
    #[must_use]
    pub fn message(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::InvalidRequest(reason) => return Cow::Owned(reason.to_string()),
            Self::InsufficientScope {
                required,
                missing,
                sufficient,
            } => return Cow::Owned(lacking(required, missing, sufficient)),
            Self::ExcessScope { excess } => {
                let mut text = String::from("a credential can't hand on what it lacks: ");
                push_names(&mut text, excess.iter().map(AsRef::as_ref));
                return Cow::Owned(text);
            }
            Self::Unauthenticated => {
                "this request needs a credential, such as the header `Authorization: Bearer <token>`"
            }
            Self::InvalidToken => {
                "the credential is not accepted, it may be mistyped, expired, revoked or meant for \
                 another environment"
            }
            Self::BillingSuspended => "the account is suspended until its billing is settled",
            Self::SessionRequired => "this needs the session of a signed-in user, not an API key",
            Self::KeyRequired => "this needs an API key, not the session of a signed-in user",
            Self::RateLimited {
                retry_after: Some(_),
            } => "too many requests, try again after the seconds in Retry-After",
            Self::RateLimited { retry_after: None } => {
                "this request costs more than the whole rate limit, so waiting doesn't help"
            }
            Self::InsufficientCredits => "the balance of credits is too low for this request",
            Self::Unavailable { .. } => {
                "the request can't be checked at the moment, try again soon"
            }
        })
    }

    /// How long to wait, where waiting helps.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } | Self::Unavailable { retry_after } => *retry_after,
            _ => None,
        }
    }

    /// The `scope` parameter of the challenge: names, space-separated.
    pub(crate) fn challenge_scope(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::InsufficientScope { required, .. } => Some(Cow::Borrowed(required)),
            Self::ExcessScope { excess } => Some(Cow::Owned(excess.join(" "))),
            _ => None,
        }
    }

    /// Whether the request was denied before a credential had been verified.
    pub(crate) const fn is_before_verification(&self) -> bool {
        matches!(
            self,
            Self::InvalidRequest(_) | Self::Unauthenticated | Self::InvalidToken
        )
    }
}

fn lacking(required: &str, missing: &[Box<str>], sufficient: &[Box<str>]) -> String {
    let mut text = String::from("the credential lacks ");
    match missing.len() {
        0 => {
            text.push_str("what this request needs: ");
            push_names(&mut text, required.split(' '));
            return text;
        }
        1 => text.push_str("the scope "),
        _ => text.push_str("the scopes "),
    }
    push_names(&mut text, missing.iter().map(AsRef::as_ref));
    if !sufficient.is_empty() && sufficient != missing {
        text.push_str("; enough would be ");
        push_names(&mut text, sufficient.iter().map(AsRef::as_ref));
    }
    text
}

/// Appends names in backticks, separated by commas.
fn push_names<'a>(text: &mut String, names: impl Iterator<Item = &'a str>) {
    for (position, name) in names.enumerate() {
        let separator = if position == 0 { "" } else { ", " };
        // Writing to a `String` can't fail.
        let _ = write!(text, "{separator}`{}`", name.escape_debug());
    }
}
