//! How long a server asks a client to wait.

use std::time::Duration;

use portcullis_core::Timestamp;
use time::{Date, Month, Time};

/// How long an answer asks to wait, by its `Retry-After` or else its `X-RateLimit-Reset`.
///
/// `Retry-After` is a number of seconds or a date in one of the three forms of RFC 9110, section
/// 5.6.7. `X-RateLimit-Reset` is a Unix second; a number below 10⁹ (before September 2001) is
/// taken for seconds from now, as some servers send it. What is neither, or is in the past,
/// asks for nothing. Wrong dates and clocks can ask for very long: a caller does well to set a
/// bound of its own.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use portcullis_core::Timestamp;
/// use portcullis_limit::asked_wait;
///
/// let now = Timestamp::from_unix_seconds(784_111_770);
/// let date = &b"Sun, 06 Nov 1994 08:49:37 GMT"[..];
/// assert_eq!(asked_wait(Some(b"120"), None, now), Some(Duration::from_secs(120)));
/// assert_eq!(asked_wait(Some(date), None, now), Some(Duration::from_secs(7)));
/// assert_eq!(asked_wait(Some(b"soon"), None, now), None);
/// ```
#[must_use]
pub fn asked_wait(
    retry_after: Option<&[u8]>,
    rate_limit_reset: Option<&[u8]>,
    now: Timestamp,
) -> Option<Duration> {
    let after = retry_after.and_then(|value| by_retry_after(value.trim_ascii(), now));
    after.or_else(|| by_reset(rate_limit_reset?.trim_ascii(), now))
}

fn by_retry_after(value: &[u8], now: Timestamp) -> Option<Duration> {
    if let Some(seconds) = digits(value) {
        return Some(Duration::from_secs(seconds));
    }
    let at = http_date(str::from_utf8(value).ok()?, now)?;
    Some(Timestamp::from_unix_seconds(at).saturating_since(now)).filter(|wait| !wait.is_zero())
}

fn by_reset(value: &[u8], now: Timestamp) -> Option<Duration> {
    const EARLIEST: u64 = 1_000_000_000;
    let number = digits(value)?;
    if number < EARLIEST {
        return Some(Duration::from_secs(number));
    }
    let at = Timestamp::from_unix_seconds(i64::try_from(number).unwrap_or(i64::MAX));
    Some(at.saturating_since(now)).filter(|wait| !wait.is_zero())
}

/// Only digits, the largest number if there are too many of them.
fn digits(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let text = str::from_utf8(value).ok()?;
    Some(text.parse().unwrap_or(u64::MAX))
}

/// The Unix second of an HTTP-date (RFC 9110, section 5.6.7). The name of the day is not read.
fn http_date(text: &str, now: Timestamp) -> Option<i64> {
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let mut word = || words.next();
    let weekday = word()?;
    let (date, clock, zone) = if !weekday.ends_with(',') {
        // asctime: `Sun Nov  6 08:49:37 1994`
        let (month, day, clock, year) = (word()?, word()?, word()?, word()?);
        (calendar(day, month, year.parse().ok()?)?, clock, "GMT")
    } else {
        let first = word()?;
        if let Some((day, rest)) = first.split_once('-') {
            // RFC 850: `Sunday, 06-Nov-94 08:49:37 GMT`
            let (month, year) = rest.split_once('-')?;
            let year = full_year(year.parse().ok().filter(|_| year.len() == 2)?, now)?;
            (calendar(day, month, year)?, word()?, word()?)
        } else {
            // IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT`
            let (month, year) = (word()?, word()?);
            (
                calendar(first, month, year.parse().ok()?)?,
                word()?,
                word()?,
            )
        }
    };
    if zone != "GMT" || word().is_some() {
        return None;
    }
    let mut parts = clock.split(':');
    let mut part = || {
        parts
            .next()
            .filter(|part| part.len() == 2)?
            .parse::<u8>()
            .ok()
    };
    let (hour, minute, second) = (part()?, part()?, part()?);
    // A leap second counts as the one before it.
    let second = if second == 60 { 59 } else { second };
    if parts.next().is_some() {
        return None;
    }
    let time = Time::from_hms(hour, minute, second).ok()?;
    Some(date.with_time(time).assume_utc().unix_timestamp())
}

fn calendar(day: &str, month: &str, year: i32) -> Option<Date> {
    const MONTHS: [(&str, Month); 12] = [
        ("Jan", Month::January),
        ("Feb", Month::February),
        ("Mar", Month::March),
        ("Apr", Month::April),
        ("May", Month::May),
        ("Jun", Month::June),
        ("Jul", Month::July),
        ("Aug", Month::August),
        ("Sep", Month::September),
        ("Oct", Month::October),
        ("Nov", Month::November),
        ("Dec", Month::December),
    ];
    let (_, month) = MONTHS.iter().find(|(name, _)| *name == month)?;
    Date::from_calendar_date(year, *month, day.parse().ok()?).ok()
}

/// The year that ends in these two digits and is at most 50 years ahead, as RFC 9110 wants it.
fn full_year(two_digits: i32, now: Timestamp) -> Option<i32> {
    // 146,097 days in 400 years; the year is right but for the days around its turn.
    const SECONDS_PER_YEAR: i64 = 31_556_952;
    let this_year = i32::try_from(1970 + now.unix_seconds() / SECONDS_PER_YEAR).ok()?;
    let same_century = this_year - this_year.rem_euclid(100) + two_digits;
    Some(if same_century > this_year + 50 {
        same_century - 100
    } else {
        same_century
    })
}
