//! Unix time.

use std::time::Duration;

/// An instant of Unix time in microseconds, before or after 1970, without leap seconds.
///
/// Arithmetic saturates. With the feature `rfc3339` its text is RFC 3339 in UTC, to the second
/// (`2026-01-01T00:00:00Z`), and with `serde` as well it is serialised as that text.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self(0);

    /// So many seconds after (or before, if negative) 1970, saturating.
    #[must_use]
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// So many microseconds after (or before, if negative) 1970.
    #[must_use]
    pub const fn from_unix_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Whole seconds since 1970, rounded down.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Microseconds since 1970.
    #[must_use]
    pub const fn unix_micros(self) -> i64 {
        self.0
    }

    /// The instant so much later.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(saturating_micros(duration)))
    }

    /// The instant so much earlier.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(saturating_micros(duration)))
    }

    /// How long after `earlier` this is; zero if it isn't.
    #[must_use]
    pub fn saturating_since(self, earlier: Self) -> Duration {
        let micros = self.0.saturating_sub(earlier.0);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }
}

fn saturating_micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(feature = "rfc3339")]
pub use text::ParseTimestampError;

#[cfg(feature = "rfc3339")]
mod text {
    use std::{fmt, str::FromStr};

    use time::{OffsetDateTime, format_description::well_known::Rfc3339};

    use super::Timestamp;

    /// Why a text is not an instant of RFC 3339 that can be expressed.
    #[non_exhaustive]
    #[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
    pub enum ParseTimestampError {
        /// Not the grammar of RFC 3339, section 5.6, or no such day or hour.
        #[error("not a time of RFC 3339 such as `2026-01-01T00:00:00Z`")]
        Syntax,
    }

    /// RFC 3339 in UTC, to the second, rounded down.
    ///
    /// Years outside 0 to 9999, which RFC 3339 can't express, are shown as the nearest that can.
    impl fmt::Display for Timestamp {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            const FIRST: i64 = -62_167_219_200;
            const LAST: i64 = 253_402_300_799;
            let seconds = self.unix_seconds().clamp(FIRST, LAST);
            let utc = OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| fmt::Error)?;
            write!(
                f,
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
                utc.year(),
                u8::from(utc.month()),
                utc.day(),
                utc.hour(),
                utc.minute(),
                utc.second()
            )
        }
    }

    /// Any offset and any number of decimals are read; what is finer than a microsecond is dropped.
    impl FromStr for Timestamp {
        type Err = ParseTimestampError;

        fn from_str(text: &str) -> Result<Self, Self::Err> {
            let parsed = OffsetDateTime::parse(text, &Rfc3339);
            let nanos = parsed
                .map_err(|_| ParseTimestampError::Syntax)?
                .unix_timestamp_nanos();
            let micros = i64::try_from(nanos.div_euclid(1_000));
            micros
                .map(Self::from_unix_micros)
                .map_err(|_| ParseTimestampError::Syntax)
        }
    }

    #[cfg(feature = "serde")]
    impl serde::Serialize for Timestamp {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }

    #[cfg(feature = "serde")]
    impl<'de> serde::Deserialize<'de> for Timestamp {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl serde::de::Visitor<'_> for Visitor {
                type Value = Timestamp;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a time of RFC 3339 such as `2026-01-01T00:00:00Z`")
                }

                fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Timestamp, E> {
                    text.parse().map_err(E::custom)
                }
            }
            deserializer.deserialize_str(Visitor)
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn text_is_rfc_3339_in_utc() {
            assert_eq!(
                Timestamp::from_unix_seconds(1_767_225_600).to_string(),
                "2026-01-01T00:00:00Z"
            );
            assert_eq!(
                Timestamp::from_unix_seconds(-1).to_string(),
                "1969-12-31T23:59:59Z"
            );
            assert_eq!(
                "2026-01-01T02:00:00+02:00".parse(),
                Ok(Timestamp::from_unix_seconds(1_767_225_600))
            );
            assert_eq!(
                "2026-01-01T00:00:00.5Z".parse(),
                Ok(Timestamp::from_unix_micros(1_767_225_600_500_000))
            );
        }

        #[test]
        fn instants_beyond_rfc_3339_are_shown_as_the_nearest() {
            assert_eq!(
                Timestamp::from_unix_micros(i64::MAX).to_string(),
                "9999-12-31T23:59:59Z"
            );
            assert_eq!(
                Timestamp::from_unix_micros(i64::MIN).to_string(),
                "0000-01-01T00:00:00Z"
            );
        }

        #[test]
        fn what_is_not_a_time_is_refused() {
            for text in [
                "",
                "2026-01-01",
                "2026-02-30T00:00:00Z",
                "2026-01-01T00:00:00",
                "tomorrow",
            ] {
                assert_eq!(
                    text.parse::<Timestamp>(),
                    Err(ParseTimestampError::Syntax),
                    "{text}"
                );
            }
        }
    }
}
