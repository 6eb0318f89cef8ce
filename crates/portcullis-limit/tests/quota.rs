//! The text of quotas, and what they refuse.

#![cfg(test)]

use std::time::Duration;

use portcullis_limit::{Quota, QuotaError};
use proptest::prelude::*;

#[test]
fn the_documented_texts_are_read() {
    for (text, units, millis, shown) in [
        ("600/60s", 600, 60_000, "600/60s"),
        ("5/1h", 5, 3_600_000, "5/1h"),
        ("100/1m", 100, 60_000, "100/60s"),
        ("5/15m", 5, 900_000, "5/15m"),
        ("1/1d", 1, 86_400_000, "1/1d"),
        ("10/500ms", 10, 500, "10/500ms"),
        ("20/90s@8", 20, 90_000, "20/90s@8"),
        ("007/1s@32", 7, 1_000, "7/1s"),
    ] {
        let quota: Quota = text.parse().unwrap();
        assert_eq!(quota.units(), units, "{text}");
        assert_eq!(quota.window(), Duration::from_millis(millis), "{text}");
        assert_eq!(quota.to_string(), shown);
    }
    assert_eq!(
        "3/1us".parse::<Quota>().unwrap().window(),
        Duration::from_micros(1)
    );
    assert_eq!("3/7ns".parse::<Quota>().unwrap().to_string(), "3/7ns");
}

#[test]
fn bad_texts_are_refused_at_their_first_bad_byte() {
    for (text, at) in [
        ("", 0),
        ("/60s", 0),
        ("-1/60s", 0),
        (" 1/60s", 0),
        ("1 /60s", 1),
        ("600", 3),
        ("600/", 4),
        ("600/s", 4),
        ("600/60", 6),
        ("600/60S", 6),
        ("600/60sec", 6),
        ("600/60s ", 7),
        ("600/60s@", 8),
        ("600/60s@8x", 9),
        ("٣/60s", 0),
        ("600/60µs", 6),
    ] {
        assert_eq!(
            text.parse::<Quota>(),
            Err(QuotaError::Syntax { at }),
            "{text}"
        );
    }
}

#[test]
fn bad_quotas_are_refused_when_built() {
    for (text, error) in [
        ("0/60s", QuotaError::ZeroUnits),
        ("1/0s", QuotaError::ZeroWindow),
        ("4294967296/1s", QuotaError::TooManyUnits),
        ("99999999999999999999999/1s", QuotaError::TooManyUnits),
        ("1/3661d", QuotaError::WindowTooLong),
        ("1/18446744073709551615d", QuotaError::WindowTooLong),
        ("1/99999999999999999999999s", QuotaError::WindowTooLong),
        ("1/1s@0", QuotaError::Resolution),
        ("1/1s@33", QuotaError::Resolution),
        ("1/1s@300", QuotaError::Resolution),
    ] {
        assert_eq!(text.parse::<Quota>(), Err(error), "{text}");
    }
    assert_eq!(Quota::new(1, Duration::MAX), Err(QuotaError::WindowTooLong));
    assert!(Quota::new(u32::MAX, Quota::MAX_WINDOW).is_ok());
}

proptest! {
    #[test]
    fn a_quota_survives_its_text(
        units in 1..=u32::MAX,
        nanos in 1_u64..10_000_000_000,
        scale in prop::sample::select(vec![1_u64, 1_000, 1_000_000]),
        resolution in 1_u8..=32,
    ) {
        let quota = Quota::new(units, Duration::from_nanos(nanos * scale)).unwrap();
        let quota = quota.with_resolution(resolution).unwrap();
        prop_assert_eq!(quota.to_string().parse(), Ok(quota));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,12}") {
        let _ = text.parse::<Quota>();
    }
}

#[cfg(feature = "serde")]
#[test]
fn a_quota_is_serialised_as_its_text() {
    let quota: Quota = serde_json::from_str("\"600/60s\"").unwrap();
    assert_eq!(serde_json::to_string(&quota).unwrap(), "\"600/60s\"");
    assert!(serde_json::from_str::<Quota>("\"600\"").is_err());
    assert!(serde_json::from_str::<Quota>("600").is_err());
}
