//! Calendar months, in UTC.

use portcullis_core::Timestamp;
use time::{Date, Month, OffsetDateTime};

/// When the last month ends.
pub(super) const NEVER: Timestamp = Timestamp::from_unix_micros(i64::MAX);

/// Where the month that has an instant in it begins and ends, of those that begin at an anchor.
///
/// A month begins at the anchor's time of the anchor's day, or of its last day if it has no such
/// day: after 31 January come 28 February and 31 March. There are such months before the anchor too:
/// it may have been that of a clock that was ahead. Beyond the year 9999 months never end.
pub(super) fn month_of(anchor: Timestamp, now: Timestamp) -> (Timestamp, Timestamp) {
    let (Some(first), Some(instant)) = (utc(anchor), utc(now)) else {
        return (now, NEVER);
    };
    let mut months = month_number(instant) - month_number(first);
    if begin(first, months).is_none_or(|begin| begin > instant) {
        months -= 1;
    }
    let at = |months| begin(first, months).and_then(timestamp);
    let until = at(months + 1).unwrap_or(NEVER);
    (at(months).unwrap_or(now), until)
}

/// The begin of the month that is so many after that of the anchor.
fn begin(anchor: OffsetDateTime, months: i32) -> Option<OffsetDateTime> {
    let number = month_number(anchor).checked_add(months)?;
    let year = number.div_euclid(12);
    let month = u8::try_from(number.rem_euclid(12) + 1).ok()?;
    let month = Month::try_from(month).ok()?;
    let day = anchor.day().min(month.length(year));
    Some(anchor.replace_date(Date::from_calendar_date(year, month, day).ok()?))
}

/// Months since the year 0.
fn month_number(instant: OffsetDateTime) -> i32 {
    instant.year() * 12 + i32::from(u8::from(instant.month())) - 1
}

fn utc(instant: Timestamp) -> Option<OffsetDateTime> {
    let nanos = i128::from(instant.unix_micros()) * 1_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()
}

fn timestamp(instant: OffsetDateTime) -> Option<Timestamp> {
    let micros = i64::try_from(instant.unix_timestamp_nanos().div_euclid(1_000));
    micros.ok().map(Timestamp::from_unix_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The month of an instant, as texts.
    fn month(anchor: &str, now: &str) -> (String, String) {
        let (from, until) = month_of(anchor.parse().unwrap(), now.parse().unwrap());
        (from.to_string(), until.to_string())
    }

    /// By hand, from the calendar.
    #[test]
    fn months_begin_on_the_day_of_the_anchor_or_on_their_last() {
        let table = [
            // Anchor, instant, begin, end.
            (
                "2026-01-15T10:00:00Z",
                "2026-01-15T10:00:00Z",
                "2026-01-15T10:00:00Z",
                "2026-02-15T10:00:00Z",
            ),
            (
                "2026-01-15T10:00:00Z",
                "2026-02-15T09:59:59Z",
                "2026-01-15T10:00:00Z",
                "2026-02-15T10:00:00Z",
            ),
            (
                "2026-01-15T10:00:00Z",
                "2026-02-15T10:00:00Z",
                "2026-02-15T10:00:00Z",
                "2026-03-15T10:00:00Z",
            ),
            // 31 January.
            (
                "2026-01-31T00:00:00Z",
                "2026-02-27T23:59:59Z",
                "2026-01-31T00:00:00Z",
                "2026-02-28T00:00:00Z",
            ),
            (
                "2026-01-31T00:00:00Z",
                "2026-02-28T00:00:00Z",
                "2026-02-28T00:00:00Z",
                "2026-03-31T00:00:00Z",
            ),
            (
                "2026-01-31T00:00:00Z",
                "2026-03-30T23:59:59Z",
                "2026-02-28T00:00:00Z",
                "2026-03-31T00:00:00Z",
            ),
            (
                "2026-01-31T00:00:00Z",
                "2026-04-30T12:00:00Z",
                "2026-04-30T00:00:00Z",
                "2026-05-31T00:00:00Z",
            ),
            (
                "2026-01-30T00:00:00Z",
                "2026-03-01T00:00:00Z",
                "2026-02-28T00:00:00Z",
                "2026-03-30T00:00:00Z",
            ),
            // Leap years: 2028, 2000, and not 2100.
            (
                "2028-01-31T00:00:00Z",
                "2028-02-29T00:00:00Z",
                "2028-02-29T00:00:00Z",
                "2028-03-31T00:00:00Z",
            ),
            (
                "2028-02-29T08:30:00Z",
                "2029-02-28T08:30:00Z",
                "2029-02-28T08:30:00Z",
                "2029-03-29T08:30:00Z",
            ),
            (
                "2028-02-29T08:30:00Z",
                "2032-02-29T08:29:59Z",
                "2032-01-29T08:30:00Z",
                "2032-02-29T08:30:00Z",
            ),
            (
                "2000-01-31T00:00:00Z",
                "2000-02-28T23:59:59Z",
                "2000-01-31T00:00:00Z",
                "2000-02-29T00:00:00Z",
            ),
            (
                "2100-01-31T00:00:00Z",
                "2100-02-28T00:00:00Z",
                "2100-02-28T00:00:00Z",
                "2100-03-31T00:00:00Z",
            ),
            // The end of the year.
            (
                "2026-12-31T23:59:59Z",
                "2027-01-31T23:59:58Z",
                "2026-12-31T23:59:59Z",
                "2027-01-31T23:59:59Z",
            ),
            (
                "2026-11-30T00:00:00Z",
                "2027-01-01T00:00:00Z",
                "2026-12-30T00:00:00Z",
                "2027-01-30T00:00:00Z",
            ),
            // Years in which nobody looked.
            (
                "2026-01-15T00:00:00Z",
                "2029-07-20T00:00:00Z",
                "2029-07-15T00:00:00Z",
                "2029-08-15T00:00:00Z",
            ),
            // Before the anchor, and before 1970.
            (
                "2026-01-15T00:00:00Z",
                "2026-01-14T23:59:59Z",
                "2025-12-15T00:00:00Z",
                "2026-01-15T00:00:00Z",
            ),
            (
                "2026-03-31T00:00:00Z",
                "2020-02-29T00:00:00Z",
                "2020-02-29T00:00:00Z",
                "2020-03-31T00:00:00Z",
            ),
            (
                "1969-12-31T00:00:00Z",
                "1970-01-30T23:59:59Z",
                "1969-12-31T00:00:00Z",
                "1970-01-31T00:00:00Z",
            ),
        ];
        for (anchor, now, from, until) in table {
            let expected = (from.to_owned(), until.to_owned());
            assert_eq!(month(anchor, now), expected, "{anchor}, at {now}");
        }
    }

    #[test]
    fn microseconds_are_kept() {
        let anchor = Timestamp::from_unix_micros(1);
        let february = 31 * 86_400_000_000;
        let end = Timestamp::from_unix_micros(february + 1);
        assert_eq!(
            month_of(anchor, Timestamp::from_unix_micros(february)),
            (anchor, end)
        );
        assert_eq!(month_of(anchor, end).0, end);
    }

    #[test]
    fn the_ends_of_time_have_months_too() {
        let (first, last) = (i64::MIN, i64::MAX);
        for anchor in [first, -1, 0, 1, last] {
            for now in [first, -1, 0, 1, last] {
                let at = Timestamp::from_unix_micros;
                let (from, until) = month_of(at(anchor), at(now));
                let now = at(now);
                assert!(from <= now && (now < until || until == NEVER));
            }
        }
        let december = "9999-12-15T00:00:00Z".parse().unwrap();
        assert_eq!(
            month_of(december, december),
            (december, Timestamp::from_unix_micros(last))
        );
    }
}
