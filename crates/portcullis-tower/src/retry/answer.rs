//! What an answer says about trying again.

use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode, header::RETRY_AFTER};
use portcullis_core::Timestamp;
use portcullis_limit::asked_wait;

use super::repeat::When;

const RATE_LIMIT_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Whether the server failed, or refused, for now.
pub(super) const fn is_failure(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// Whether a request for which `when` holds is tried again after such a failure.
pub(super) fn is_retried(failure: StatusCode, when: When) -> bool {
    when == When::MaybeDone || (failure == StatusCode::TOO_MANY_REQUESTS && when == When::NotDone)
}

/// The longest wait that the headers ask for.
///
/// `X-RateLimit-Reset` says when a quota is free again. Behind any other status than 429 that has
/// nothing to do with the failure, and beside a `Retry-After` it is longer than it need be.
pub(super) fn asked(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let longest = |name, wait: fn(&[u8], Timestamp) -> Option<Duration>| {
        let values = headers.get_all(name).iter();
        values.filter_map(|value| wait(value.as_bytes(), now)).max()
    };
    let after = longest(RETRY_AFTER, |value, now| asked_wait(Some(value), None, now));
    if after.is_some() || status != StatusCode::TOO_MANY_REQUESTS {
        return after;
    }
    longest(RATE_LIMIT_RESET, |value, now| {
        asked_wait(None, Some(value), now)
    })
}
