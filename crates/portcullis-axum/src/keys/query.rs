//! The parameters of the list of keys.

use std::time::Duration;

use portcullis_core::Timestamp;
use portcullis_registry::{Filter, Listing};

use crate::ApiError;

/// The longest text to look for, in characters.
const MAX_TEXT: usize = 100;

/// Reads the parameters of a list; a refusal names the parameter.
pub(super) fn listing(
    parameters: Vec<(String, String)>,
    now: Timestamp,
) -> Result<Listing, ApiError> {
    let mut listing = Listing::default();
    let mut seen: Vec<&'static str> = Vec::new();
    for (name, value) in parameters {
        let Some(name) = NAMES.into_iter().find(|known| *known == name) else {
            let shown: String = name.escape_debug().take(40).collect();
            return Err(bad(format!("`{shown}` is not a parameter of this list")));
        };
        if seen.contains(&name) {
            return Err(bad(format!("`{name}` stands twice")));
        }
        seen.push(name);
        match name {
            "limit" => match value.parse() {
                Ok(limit @ 1..=100) => listing.limit = limit,
                _ => return Err(bad("`limit` is a whole number from 1 to 100")),
            },
            "offset" => match value.parse() {
                Ok(offset) => listing.offset = offset,
                Err(_) => return Err(bad("`offset` is a whole number")),
            },
            "cursor" => match value.parse() {
                Ok(cursor) => listing.after = Some(cursor),
                Err(_) => return Err(bad("`cursor` is one that `X-Next-Cursor` gave")),
            },
            "olderThan" => match age(&value) {
                Some(age) => listing.filter.created_before = Some(now.saturating_sub(age)),
                None => return Err(bad("`olderThan` is a whole number and s, m, h or d: `90d`")),
            },
            _ => listing.filter = text(listing.filter, value)?,
        }
    }
    Ok(listing)
}

const NAMES: [&str; 5] = ["limit", "offset", "cursor", "olderThan", "q"];

fn text(mut filter: Filter, value: String) -> Result<Filter, ApiError> {
    if value.chars().count() > MAX_TEXT {
        return Err(bad("`q` has at most 100 characters"));
    }
    filter.text = Some(value).filter(|text| !text.is_empty());
    Ok(filter)
}

/// `90d`: a whole number of seconds, minutes, hours or days.
fn age(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = number.parse().ok()?;
    number.checked_mul(seconds).map(Duration::from_secs)
}

fn bad(message: impl Into<std::borrow::Cow<'static, str>>) -> ApiError {
    ApiError::invalid_request(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_whole_number_and_a_unit() {
        let read = |text| age(text).map(|age| age.as_secs());
        assert_eq!(read("90d"), Some(7_776_000));
        assert_eq!(read("0s"), Some(0));
        assert_eq!(read("15m"), Some(900));
        assert_eq!(read("24h"), Some(86_400));
        for text in [
            "", "d", "90", "90D", "90w", "+9d", "-9d", "9.5d", " 9d", "9 d", "9d ", "9é",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read("99999999999999999999d"), None);
        assert_eq!(read("18446744073709551615d"), None);
    }
}
