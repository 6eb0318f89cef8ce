//! A quota is read exactly if its documented text says so.

use std::time::Duration;

use portcullis_limit::{Quota, QuotaError};

use super::bytes::Bytes;

/// The units of time with their nanoseconds.
const UNITS: [(&[u8], u128); 7] = [
    (b"ns", 1),
    (b"us", 1_000),
    (b"ms", 1_000_000),
    (b"s", 1_000_000_000),
    (b"m", 60_000_000_000),
    (b"h", 3_600_000_000_000),
    (b"d", 86_400_000_000_000),
];
const LONGEST: u128 = 3_660 * 86_400_000_000_000;

/// The bytes are a text, and then the numbers of a quota.
///
/// - It is read exactly if the plain reading finds no fault, and then as the same.
/// - What is refused is refused for a fault that it has, at the first byte that doesn't fit.
/// - A quota is read back from its text, which is the shortest of its kind.
///
/// # Panics
/// If one of them doesn't hold.
pub fn quota_parse(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        read_or_refuse(text);
    }
    built_is_read(&mut Bytes::new(data));
}

fn read_or_refuse(text: &str) {
    let (parts, faults) = reference(text.as_bytes());
    match text.parse::<Quota>() {
        Ok(quota) => {
            assert!(faults.is_empty(), "{faults:?}");
            assert_eq!(u128::from(quota.units()), parts.units);
            assert_eq!(quota.window().as_nanos(), parts.nanos);
            assert_eq!(u128::from(quota.resolution()), parts.resolution);
            shown_is_read(quota);
        }
        Err(error) => {
            assert!(faults.contains(&error), "{error:?} of {faults:?}");
            if let QuotaError::Syntax { at } = error {
                assert!(text.is_char_boundary(at));
            }
        }
    }
}

fn shown_is_read(quota: Quota) {
    let shown = quota.to_string();
    assert_eq!(shown.parse(), Ok(quota));
    let (parts, faults) = reference(shown.as_bytes());
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(parts.nanos, quota.window().as_nanos());
    // The largest unit that leaves no rest, but for one minute.
    let largest = UNITS
        .iter()
        .rev()
        .find(|(_, nanos)| parts.nanos % nanos == 0);
    let largest = largest.map_or(b"ns".as_slice(), |(name, _)| name);
    if parts.nanos == 60_000_000_000 {
        assert!(shown.contains("/60s"), "{shown}");
    } else {
        assert_eq!(parts.unit, largest, "{shown}");
    }
    assert_eq!(shown.contains('@'), quota.resolution() != 32);
}

/// A quota from numbers, and why there is none.
fn built_is_read(bytes: &mut Bytes<'_>) {
    let mut numbers = || Some((bytes.any_number()?, bytes.any_number()?, bytes.byte()?));
    let Some((units, nanos, resolution)) = numbers() else {
        return;
    };
    let Ok(units) = u32::try_from(units) else {
        return;
    };
    let is_good = units > 0 && nanos > 0 && u128::from(nanos) <= LONGEST;
    let built = Quota::new(units, Duration::from_nanos(nanos));
    assert_eq!(built.is_ok(), is_good, "{built:?}");
    let Ok(quota) = built else {
        return;
    };
    shown_is_read(quota);
    match quota.with_resolution(resolution) {
        Ok(quota) => {
            assert!((1..=32).contains(&resolution));
            shown_is_read(quota);
        }
        Err(error) => {
            assert!(!(1..=32).contains(&resolution));
            assert_eq!(error, QuotaError::Resolution);
        }
    }
}

#[derive(Default)]
struct Parts<'t> {
    units: u128,
    nanos: u128,
    unit: &'t [u8],
    resolution: u128,
}

/// The parts of a text, and everything that is wrong with it.
///
/// Behind the first byte that doesn't fit nothing more is looked at.
fn reference(text: &[u8]) -> (Parts<'_>, Vec<QuotaError>) {
    let mut parts = Parts::default();
    let mut faults = Vec::new();
    if let Some(rest) = reference_parts(text, &mut parts, &mut faults) {
        let at = text.len() - rest.len();
        faults.push(QuotaError::Syntax { at });
    }
    (parts, faults)
}

/// Where the syntax ends too early, or goes on too long.
fn reference_parts<'t>(
    text: &'t [u8],
    parts: &mut Parts<'t>,
    faults: &mut Vec<QuotaError>,
) -> Option<&'t [u8]> {
    let (units, rest) = digits(text);
    if units.is_empty() {
        return Some(rest);
    }
    parts.units = value(units);
    if parts.units == 0 {
        faults.push(QuotaError::ZeroUnits);
    } else if parts.units > u128::from(u32::MAX) {
        faults.push(QuotaError::TooManyUnits);
    }
    let Some(window) = rest.strip_prefix(b"/") else {
        return Some(rest);
    };
    let (count, rest) = digits(window);
    if count.is_empty() {
        return Some(rest);
    }
    // As long as it may be, whatever the unit.
    if value(count) > u128::from(u64::MAX) {
        faults.push(QuotaError::WindowTooLong);
    }
    let letters = rest.iter().take_while(|byte| byte.is_ascii_lowercase());
    let (unit, behind) = rest.split_at(letters.count());
    let Some((_, each)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Some(rest);
    };
    parts.unit = unit;
    parts.nanos = value(count).saturating_mul(*each);
    if parts.nanos == 0 {
        faults.push(QuotaError::ZeroWindow);
    } else if parts.nanos > LONGEST {
        faults.push(QuotaError::WindowTooLong);
    }
    parts.resolution = 32;
    if behind.is_empty() {
        return None;
    }
    let Some(resolution) = behind.strip_prefix(b"@") else {
        return Some(behind);
    };
    let (resolution, rest) = digits(resolution);
    if resolution.is_empty() {
        return Some(rest);
    }
    parts.resolution = value(resolution);
    if !(1..=32).contains(&parts.resolution) {
        faults.push(QuotaError::Resolution);
    }
    (!rest.is_empty()).then_some(rest)
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

/// The number, or so large a one that nothing takes it.
fn value(digits: &[u8]) -> u128 {
    digits.iter().fold(0, |value: u128, digit| {
        let digit = u128::from(digit - b'0');
        value.saturating_mul(10).saturating_add(digit).min(1 << 100)
    })
}
