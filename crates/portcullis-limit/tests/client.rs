//! What clients of a limited service do.

#![cfg(test)]

use std::time::Duration;

use portcullis_core::Timestamp;
use portcullis_limit::{Backoff, asked_wait};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);
/// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110, section 5.6.7.
const EXAMPLE: i64 = 784_111_777;

fn asked(retry_after: &str, now: i64) -> Option<Duration> {
    asked_wait(
        Some(retry_after.as_bytes()),
        None,
        Timestamp::from_unix_seconds(now),
    )
}

#[test]
fn waits_start_at_1_s_double_and_stop_at_60_s() {
    let bare: Vec<u64> = (0..10)
        .map(|attempt| Backoff::wait(attempt, None, 0).as_secs())
        .collect();
    assert_eq!(bare, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
    assert_eq!(Backoff::wait(u32::MAX, None, 0), Backoff::CAP);
}

#[test]
fn a_longer_retry_after_wins_and_a_shorter_one_does_not() {
    assert_eq!(Backoff::wait(0, Some(SECOND * 90), 0), SECOND * 90);
    assert_eq!(Backoff::wait(3, Some(SECOND * 2), 0), SECOND * 8);
    assert_eq!(
        Backoff::wait(3, Some(Duration::MAX), u32::MAX),
        Duration::MAX
    );
    let mut backoff = Backoff::new();
    assert!(backoff.after(Some(SECOND * 90)) >= SECOND * 90);
    assert!(backoff.after(None) >= SECOND * 2);
    backoff.reset();
    assert!(backoff.next().unwrap() < SECOND * 2);
}

#[test]
fn equal_seeds_wait_equally_and_others_do_not() {
    let waits = |seed| Backoff::with_seed(seed).take(8).collect::<Vec<_>>();
    assert_eq!(waits(1), waits(1));
    assert_ne!(waits(1), waits(2));
    let own: Vec<Duration> = Backoff::default().take(8).collect();
    assert_ne!(own, Backoff::default().take(8).collect::<Vec<_>>());
}

#[test]
fn retry_after_is_seconds_or_a_date_in_any_of_three_forms() {
    assert_eq!(asked("120", 0), Some(SECOND * 120));
    assert_eq!(asked(" 0 ", 0), Some(Duration::ZERO));
    assert_eq!(
        asked("99999999999999999999999", 0),
        Some(Duration::from_secs(u64::MAX))
    );
    for date in [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ] {
        assert_eq!(asked(date, EXAMPLE - 90), Some(SECOND * 90), "{date}");
        assert_eq!(asked(date, EXAMPLE), None, "{date}");
        assert_eq!(asked(date, EXAMPLE + 1), None, "{date}");
    }
    assert_eq!(
        asked("Thu, 29 Feb 2024 23:59:60 GMT", 1_709_251_190),
        Some(SECOND * 9)
    );
}

#[test]
fn two_digits_are_a_year_at_most_50_years_ahead() {
    // In November 2026, `76` is 2076 and `77` is 1977.
    let now = 1_793_500_000;
    let far = asked("Friday, 06-Nov-76 08:49:37 GMT", now).unwrap();
    assert!(far > SECOND * 49 * 31_556_952 && far < SECOND * 51 * 31_556_952);
    assert_eq!(asked("Sunday, 06-Nov-77 08:49:37 GMT", now), None);
}

#[test]
fn what_asks_for_nothing_sensible_is_not_heeded() {
    for value in [
        "",
        "soon",
        "-1",
        "1.5",
        "1 s",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
    ] {
        assert_eq!(asked(value, 0), None, "{value}");
    }
}

#[test]
fn the_reset_header_counts_only_without_retry_after() {
    let now = Timestamp::from_unix_seconds(1_767_225_600);
    let wait = |after: Option<&str>, reset: &str| {
        asked_wait(after.map(str::as_bytes), Some(reset.as_bytes()), now)
    };
    assert_eq!(wait(None, "1767225642"), Some(SECOND * 42));
    assert_eq!(wait(None, "1767225600"), None);
    assert_eq!(wait(None, "42"), Some(SECOND * 42));
    assert_eq!(wait(Some("7"), "1767225642"), Some(SECOND * 7));
    assert_eq!(wait(Some("soon"), "1767225642"), Some(SECOND * 42));
    assert_eq!(wait(None, "soon"), None);
}

proptest! {
    #[test]
    fn jitter_only_lengthens_and_by_a_quarter_at_most(
        attempt in 0_u32..200,
        asked in prop::option::of(0_u64..10_000),
        jitter in any::<u32>(),
    ) {
        let asked = asked.map(Duration::from_secs);
        let bare = Backoff::wait(attempt, asked, 0);
        let wait = Backoff::wait(attempt, asked, jitter);
        prop_assert!(wait >= bare);
        prop_assert!(wait <= bare + Backoff::CAP / 4);
        prop_assert!(wait - bare <= bare / 4);
        prop_assert!(asked.is_none_or(|asked| wait >= asked));
    }

    #[test]
    fn any_header_is_read_or_ignored(
        after in prop::collection::vec(any::<u8>(), 0..40),
        seconds in any::<i64>(),
    ) {
        let now = Timestamp::from_unix_seconds(seconds);
        let _ = asked_wait(Some(&after), Some(&after), now);
        let text = String::from_utf8_lossy(&after).into_owned();
        let _ = asked_wait(Some(format!("Sun, {text} GMT").as_bytes()), None, now);
    }
}
