//! The headers that say how much of a quota is left.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use portcullis_core::Timestamp;

/// What the rate headers of an answer say, of the limit with the least remaining.
///
/// # Examples
/// ```
/// use http::HeaderMap;
/// use portcullis_error::{Rate, RateNames};
///
/// let mut headers = HeaderMap::new();
/// let rate = Rate { limit: 600, remaining: 597, reset: 1_767_225_660 };
/// rate.write_to(&mut headers, &RateNames::default());
/// assert_eq!(headers["X-RateLimit-Limit"], "600");
/// assert_eq!(headers["X-RateLimit-Remaining"], "597");
/// assert_eq!(headers["X-RateLimit-Reset"], "1767225660");
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Rate {
    /// The units of the whole quota.
    pub limit: u32,
    /// The units that are left now.
    pub remaining: u32,
    /// Unix seconds at which the whole quota is free again if nobody calls.
    pub reset: u64,
}

impl Rate {
    /// A quota whose whole is free again in `reset_after` from `now`, rounded up to a second.
    ///
    /// A `now` before 1970 counts as 1970.
    #[must_use]
    pub fn new(limit: u32, remaining: u32, now: Timestamp, reset_after: Duration) -> Self {
        let micros = now.saturating_add(reset_after).unix_micros();
        Self {
            limit,
            remaining,
            reset: u64::try_from(micros).unwrap_or(0).div_ceil(1_000_000),
        }
    }

    /// Sets the three headers, in place of any that are there.
    pub fn write_to(&self, headers: &mut HeaderMap, names: &RateNames) {
        // One buffer for the three values: the numbers have at most 10, 10 and 20 digits.
        let mut text = [0; 40];
        let mut end = 0;
        let mut ends = [0; 3];
        let mut digits = itoa::Buffer::new();
        let numbers = [self.limit.into(), self.remaining.into(), self.reset];
        for (number, at) in numbers.into_iter().zip(&mut ends) {
            let digits = digits.format(number).as_bytes();
            if let Some(place) = text.get_mut(end..end + digits.len()) {
                place.copy_from_slice(digits);
            }
            end += digits.len();
            *at = end;
        }
        let text = Bytes::copy_from_slice(text.get(..end).unwrap_or_default());
        let mut start = 0;
        for (name, end) in [&names.limit, &names.remaining, &names.reset]
            .into_iter()
            .zip(ends)
        {
            // INVARIANT: digits are a header value.
            if let Ok(value) = HeaderValue::from_maybe_shared(text.slice(start..end)) {
                headers.insert(name, value);
            }
            start = end;
        }
    }
}

/// The names of the rate headers: by default `X-RateLimit-Limit`, `-Remaining` and `-Reset`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RateNames {
    limit: HeaderName,
    remaining: HeaderName,
    reset: HeaderName,
}

impl RateNames {
    /// Another name for `X-RateLimit-Limit`.
    #[must_use]
    pub fn with_limit(self, limit: HeaderName) -> Self {
        Self { limit, ..self }
    }

    /// Another name for `X-RateLimit-Remaining`.
    #[must_use]
    pub fn with_remaining(self, remaining: HeaderName) -> Self {
        Self { remaining, ..self }
    }

    /// Another name for `X-RateLimit-Reset`.
    #[must_use]
    pub fn with_reset(self, reset: HeaderName) -> Self {
        Self { reset, ..self }
    }

    /// The three names, for the headers that a cross-origin answer exposes.
    #[must_use]
    pub const fn all(&self) -> [&HeaderName; 3] {
        [&self.limit, &self.remaining, &self.reset]
    }
}

impl Default for RateNames {
    fn default() -> Self {
        Self {
            limit: HeaderName::from_static("x-ratelimit-limit"),
            remaining: HeaderName::from_static("x-ratelimit-remaining"),
            reset: HeaderName::from_static("x-ratelimit-reset"),
        }
    }
}

/// The value of `Retry-After` (RFC 9110 §10.2.3): whole seconds, rounded up, at least 1.
pub(crate) fn retry_after_value(wait: Duration) -> HeaderValue {
    let seconds = wait
        .as_secs()
        .saturating_add(u64::from(wait.subsec_nanos() > 0))
        .max(1);
    HeaderValue::from(seconds)
}
