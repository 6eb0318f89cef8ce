//! How much in how long.

use std::{fmt, str::FromStr, time::Duration};

/// At most so many units of cost in any interval of one length.
///
/// The window is split into `resolution` slots (32 by default, 1 to 32): the more of them, the
/// less the limiter refuses early, see [`Window`](crate::Window).
///
/// # Syntax
///
/// `UNITS/NUMBER UNIT` without the space, where the unit is `ns`, `us`, `ms`, `s`, `m`, `h` or
/// `d`, and then `@RESOLUTION` unless it is the default: `600/60s`, `5/1h`, `10/500ms`,
/// `1/1d@16`. Only ASCII digits, no sign, no space.
///
/// # Examples
///
/// ```
/// use portcullis_limit::{Quota, QuotaError};
///
/// let quota: Quota = "600/60s".parse()?;
/// assert_eq!(quota.units(), 600);
/// assert_eq!("600/0s".parse::<Quota>(), Err(QuotaError::ZeroWindow));
/// # Ok::<(), QuotaError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Quota {
    window_nanos: u64,
    width_nanos: u64,
    units: u32,
    resolution: u8,
}

/// Why a quota can't be built. The text itself is never kept.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum QuotaError {
    /// No unit at all would refuse every request.
    #[error("a quota needs at least one unit")]
    ZeroUnits,
    /// More units than [`u32::MAX`].
    #[error("a quota can have at most 4294967295 units")]
    TooManyUnits,
    /// A window without length.
    #[error("the window of a quota must not be empty")]
    ZeroWindow,
    /// Longer than [`Quota::MAX_WINDOW`].
    #[error("the window of a quota can be at most 3660 days long")]
    WindowTooLong,
    /// Not in 1 to 32.
    #[error("the resolution of a quota is 1 to 32 slots")]
    Resolution,
    /// Not of the form `600/60s`, from this byte on.
    #[error("not a quota such as `600/60s` at byte {at}")]
    Syntax {
        /// The offset of the first byte that doesn't fit, which may be the length of the text.
        at: usize,
    },
}

impl Quota {
    /// The resolution unless said otherwise, and the highest.
    pub const DEFAULT_RESOLUTION: u8 = 32;
    /// The longest window: ten years, so that no instant of a window can overflow.
    pub const MAX_WINDOW: Duration = Duration::from_secs(3_660 * 86_400);

    /// At most `units` (at least 1) in any `window` (1 ns to [`Quota::MAX_WINDOW`]).
    ///
    /// # Errors
    ///
    /// [`QuotaError::ZeroUnits`], [`QuotaError::ZeroWindow`], [`QuotaError::WindowTooLong`].
    pub fn new(units: u32, window: Duration) -> Result<Self, QuotaError> {
        if units == 0 {
            return Err(QuotaError::ZeroUnits);
        }
        if window.is_zero() {
            return Err(QuotaError::ZeroWindow);
        }
        if window > Self::MAX_WINDOW {
            return Err(QuotaError::WindowTooLong);
        }
        let nanos = u64::try_from(window.as_nanos()).map_err(|_| QuotaError::WindowTooLong)?;
        Ok(Self {
            window_nanos: nanos,
            width_nanos: nanos.div_ceil(u64::from(Self::DEFAULT_RESOLUTION)),
            units,
            resolution: Self::DEFAULT_RESOLUTION,
        })
    }

    /// The same quota with 1 to 32 slots.
    ///
    /// At 1 a burst counts for up to two windows; at 32 for up to 3 % longer than one.
    ///
    /// # Errors
    ///
    /// [`QuotaError::Resolution`] outside 1 to 32.
    pub fn with_resolution(self, resolution: u8) -> Result<Self, QuotaError> {
        if !(1..=Self::DEFAULT_RESOLUTION).contains(&resolution) {
            return Err(QuotaError::Resolution);
        }
        Ok(Self {
            width_nanos: self.window_nanos.div_ceil(u64::from(resolution)),
            resolution,
            ..self
        })
    }

    /// The most cost in any window, at least 1.
    #[must_use]
    pub const fn units(&self) -> u32 {
        self.units
    }

    /// The length of the window.
    #[must_use]
    pub const fn window(&self) -> Duration {
        Duration::from_nanos(self.window_nanos)
    }

    /// The number of slots of a window, 1 to 32.
    #[must_use]
    pub const fn resolution(&self) -> u8 {
        self.resolution
    }

    pub(crate) const fn window_nanos(&self) -> u64 {
        self.window_nanos
    }

    /// ⌈window / resolution⌉, at least 1.
    pub(crate) const fn width_nanos(&self) -> u64 {
        self.width_nanos
    }
}

const SECOND: u64 = 1_000_000_000;
/// From the largest to the smallest. A minute is shown in seconds, as people write `600/60s`.
const UNITS: [(&str, u64); 7] = [
    ("d", 86_400 * SECOND),
    ("h", 3_600 * SECOND),
    ("m", 60 * SECOND),
    ("s", SECOND),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |&&(name, nanos): &&(&str, u64)| {
            self.window_nanos.is_multiple_of(nanos) && (name, self.window_nanos) != ("m", nanos)
        };
        let (name, nanos) = UNITS.iter().find(fits).copied().unwrap_or(("ns", 1));
        write!(f, "{}/{}{name}", self.units, self.window_nanos / nanos)?;
        if self.resolution != Self::DEFAULT_RESOLUTION {
            write!(f, "@{}", self.resolution)?;
        }
        Ok(())
    }
}

impl FromStr for Quota {
    type Err = QuotaError;

    fn from_str(text: &str) -> Result<Self, QuotaError> {
        let mut reader = Reader { text, at: 0 };
        let units = reader.number(QuotaError::TooManyUnits)?;
        reader.skip('/')?;
        let count = reader.number(QuotaError::WindowTooLong)?;
        let nanos_each = reader.unit()?;
        let resolution = if reader.rest().is_empty() {
            None
        } else {
            reader.skip('@')?;
            Some(reader.number(QuotaError::Resolution)?)
        };
        if !reader.rest().is_empty() {
            return Err(QuotaError::Syntax { at: reader.at });
        }
        let units = u32::try_from(units).map_err(|_| QuotaError::TooManyUnits)?;
        let nanos = count.checked_mul(nanos_each);
        let window = Duration::from_nanos(nanos.ok_or(QuotaError::WindowTooLong)?);
        let quota = Self::new(units, window)?;
        match resolution {
            None => Ok(quota),
            Some(slots) => {
                let slots = u8::try_from(slots).map_err(|_| QuotaError::Resolution)?;
                quota.with_resolution(slots)
            }
        }
    }
}

/// Reads the text of a quota from the left.
struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Digits; `too_large` if they don't fit 64 bits.
    fn number(&mut self, too_large: QuotaError) -> Result<u64, QuotaError> {
        let rest = self.rest();
        let end = rest.bytes().take_while(u8::is_ascii_digit).count();
        let digits = rest.get(..end).unwrap_or_default();
        if digits.is_empty() {
            return Err(QuotaError::Syntax { at: self.at });
        }
        self.at += end;
        digits.parse().map_err(|_| too_large)
    }

    fn skip(&mut self, wanted: char) -> Result<(), QuotaError> {
        if !self.rest().starts_with(wanted) {
            return Err(QuotaError::Syntax { at: self.at });
        }
        self.at += wanted.len_utf8();
        Ok(())
    }

    fn unit(&mut self) -> Result<u64, QuotaError> {
        let rest = self.rest();
        let end = rest.bytes().take_while(u8::is_ascii_lowercase).count();
        let name = rest.get(..end).unwrap_or_default();
        let found = UNITS.iter().find(|(unit, _)| *unit == name);
        let (_, nanos) = found.ok_or(QuotaError::Syntax { at: self.at })?;
        self.at += end;
        Ok(*nanos)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Quota {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Quota {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Quota;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a quota such as `600/60s`")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Quota, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}
