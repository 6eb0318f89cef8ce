//! Uses by the day.

use std::{fmt, str::FromStr};

use portcullis_core::Timestamp;

/// A day in UTC.
///
/// # Syntax
/// `2026-01-31`.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Day(i32);

/// The text is not a day.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a day, such as `2026-01-31`")]
pub struct ParseDayError;

const MICROS: i64 = 24 * 60 * 60 * 1_000_000;

impl Day {
    /// The day of an instant.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        // A day of microseconds goes 106,751,991 times into an `i64`.
        Self(i32::try_from(at.unix_micros().div_euclid(MICROS)).unwrap_or(i32::MAX))
    }

    /// The day so many after 1 January 1970.
    #[must_use]
    pub const fn from_number(number: i32) -> Self {
        Self(number)
    }

    /// How many days it is after 1 January 1970.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0
    }

    /// Its first instant.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp::from_unix_micros(i64::from(self.0).saturating_mul(MICROS))
    }

    /// The day so many days before.
    #[must_use]
    pub const fn before(self, days: u32) -> Self {
        Self(self.0.saturating_sub_unsigned(days))
    }

    /// The day after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = self.start().to_string();
        f.pad(instant.split('T').next().unwrap_or_default())
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Day({self})")
    }
}

impl FromStr for Day {
    type Err = ParseDayError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let start: Result<Timestamp, _> = format!("{text}T00:00:00Z").parse();
        start.map(Self::of).map_err(|_| ParseDayError)
    }
}

/// What was used on one day.
///
/// Uses are written once a minute, under the day on which they were gathered: up to a minute of one
/// day may be counted with the next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DayUsage {
    /// The day.
    pub day: Day,
    /// Requests that passed the gate.
    pub requests: u64,
    /// Requests that it denied.
    pub denied: u64,
}

impl DayUsage {
    /// For how many days uses are kept by the day: 400.
    pub const KEPT: u32 = 400;

    /// Nothing, on this day.
    #[must_use]
    pub const fn none(day: Day) -> Self {
        Self {
            day,
            requests: 0,
            denied: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_one_of_utc_and_is_read_back_from_its_text() {
        let new_year: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let day = Day::of(new_year);
        assert_eq!(
            (day.to_string().as_str(), day.number()),
            ("2026-01-01", 20_454)
        );
        assert_eq!(day.start(), new_year);
        let eve = Day::of(Timestamp::from_unix_micros(new_year.unix_micros() - 1));
        assert_eq!((eve.to_string().as_str(), eve.next()), ("2025-12-31", day));
        assert_eq!(day.before(1), eve);
        assert_eq!("2026-01-01".parse(), Ok(day));
        assert_eq!(
            Day::of(Timestamp::from_unix_micros(-1)).to_string(),
            "1969-12-31"
        );
        for text in ["", "2026-02-30", "2026-1-1", "2026-01-01T00:00:00Z"] {
            assert_eq!(text.parse::<Day>(), Err(ParseDayError), "{text}");
        }
    }
}
