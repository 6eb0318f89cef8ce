//! The headers that say how much of a quota is left.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
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
        let mut buffer = BytesMut::with_capacity(40);
        let limit = decimal(&mut buffer, self.limit.into());
        let remaining = decimal(&mut buffer, self.remaining.into());
        let reset = decimal(&mut buffer, self.reset);
        for (name, value) in [
            (&names.limit, limit),
            (&names.remaining, remaining),
            (&names.reset, reset),
        ] {
            // INVARIANT: digits are a header value.
            if let Ok(value) = HeaderValue::from_maybe_shared(value) {
                headers.insert(name, value);
            }
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

/// Appends the digits of a number to the buffer and splits them off as a shared slice.
fn decimal(buffer: &mut BytesMut, mut number: u64) -> Bytes {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    for digit in digits.iter_mut().rev() {
        // A remainder of ten fits; there is no cast that says so.
        *digit += u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        first -= 1;
        if number == 0 {
            break;
        }
    }
    buffer.extend_from_slice(digits.get(first..).unwrap_or_default());
    buffer.split().freeze()
}

/// The value of `Retry-After` (RFC 9110 §10.2.3): whole seconds, rounded up, at least 1.
pub(crate) fn retry_after_value(wait: Duration) -> HeaderValue {
    let seconds = wait
        .as_secs()
        .saturating_add(u64::from(wait.subsec_nanos() > 0))
        .max(1);
    HeaderValue::from(seconds)
}
