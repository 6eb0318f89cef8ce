//! The numbers of the rate-limit headers as text, without allocating.

use std::{fmt, time::Duration};

use portcullis_core::Timestamp;

use crate::Usage;

/// A number in decimal, inline.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Decimal {
    digits: [u8; Self::MOST],
    len: u8,
}

impl Decimal {
    /// The digits of the largest 64-bit number.
    const MOST: usize = 20;

    /// The number without a sign or leading zeros.
    #[must_use]
    pub fn new(number: u64) -> Self {
        let mut digits = [b'0'; Self::MOST];
        let mut rest = number;
        let mut len = 0_u8;
        for place in digits.iter_mut().rev() {
            if rest == 0 && len > 0 {
                break;
            }
            *place = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
            len += 1;
        }
        Self { digits, len }
    }

    /// The digits, 1 to 20 of them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        let start = Self::MOST.saturating_sub(usize::from(self.len));
        self.digits.get(start..).unwrap_or_default()
    }

    /// The digits, 1 to 20 of them.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decimal({self})")
    }
}

impl AsRef<[u8]> for Decimal {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// The values of `X-RateLimit-Limit`, `-Remaining` and `-Reset`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RateText {
    /// The quota's units.
    pub limit: Decimal,
    /// What is left of them.
    pub remaining: Decimal,
    /// The Unix second at which the whole quota is free again if nobody calls, rounded up.
    pub reset: Decimal,
}

impl RateText {
    /// The values for a usage that was read at `now`.
    #[must_use]
    pub fn new(usage: &Usage, now: Timestamp) -> Self {
        Self {
            limit: Decimal::new(usage.limit.into()),
            remaining: Decimal::new(usage.remaining.into()),
            reset: Decimal::new(reset_seconds(now, usage.reset_after)),
        }
    }
}

/// The value of `Retry-After` (RFC 9110, section 10.2.3): whole seconds, rounded up, at least 1.
#[must_use]
pub const fn retry_after_seconds(retry_after: Duration) -> u64 {
    let seconds = round_up(retry_after);
    if seconds == 0 { 1 } else { seconds }
}

/// The value of `X-RateLimit-Reset`: the Unix second so much after `now`, rounded up, at least 0.
#[must_use]
pub fn reset_seconds(now: Timestamp, reset_after: Duration) -> u64 {
    let nanos = u128::try_from(now.unix_micros()).unwrap_or(0) * 1_000 + reset_after.as_nanos();
    u64::try_from(nanos.div_ceil(1_000_000_000)).unwrap_or(u64::MAX)
}

/// Whole seconds, rounded up.
pub(crate) const fn round_up(duration: Duration) -> u64 {
    let started = if duration.subsec_nanos() > 0 { 1 } else { 0 };
    duration.as_secs().saturating_add(started)
}
