//! The parameters of lists, and the headers by which lists are paged.

use std::{borrow::Cow, time::Duration};

use axum::extract::{FromRequestParts, Query};
use http::{HeaderMap, HeaderName, HeaderValue, request::Parts};

use crate::ApiError;

const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");
const NEXT_CURSOR: HeaderName = HeaderName::from_static("x-next-cursor");

/// Reads parameters of these names, each of which may be there once; a refusal names the parameter.
/// `what` is what they are of: "this list".
pub(crate) async fn parameters(
    parts: &mut Parts,
    names: &[&'static str],
    what: &'static str,
) -> Result<Vec<(&'static str, String)>, ApiError> {
    let given = Query::<Vec<(String, String)>>::from_request_parts(parts, &()).await;
    let Query(given) = given.map_err(|_| bad("the query can't be read"))?;
    let mut read: Vec<(&'static str, String)> = Vec::new();
    for (name, value) in given {
        let Some(name) = names.iter().find(|known| **known == name) else {
            let shown: String = name.escape_debug().take(40).collect();
            return Err(bad(format!("`{shown}` is not a parameter of {what}")));
        };
        if read.iter().any(|(read, _)| read == name) {
            return Err(bad(format!("`{name}` stands twice")));
        }
        read.push((*name, value));
    }
    Ok(read)
}

/// 1 to 100.
pub(crate) fn limit(value: &str) -> Result<usize, ApiError> {
    match number(value).and_then(|limit| usize::try_from(limit).ok()) {
        Some(limit @ 1..=100) => Ok(limit),
        _ => Err(bad("`limit` is a whole number from 1 to 100")),
    }
}

pub(crate) fn offset(value: &str) -> Result<u64, ApiError> {
    number(value).ok_or_else(|| bad("`offset` is a whole number"))
}

/// A whole number, as digits alone.
pub(crate) fn number(value: &str) -> Option<u64> {
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse().ok().filter(|_| is_number)
}

/// `90d`: a whole number of seconds, minutes, hours or days.
pub(crate) fn age(name: &'static str, value: &str) -> Result<Duration, ApiError> {
    read_age(value).ok_or_else(|| {
        bad(format!(
            "`{name}` is a whole number and s, m, h or d: `90d`"
        ))
    })
}

fn read_age(text: &str) -> Option<Duration> {
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    number(count)?.checked_mul(seconds).map(Duration::from_secs)
}

pub(crate) fn bad(message: impl Into<Cow<'static, str>>) -> ApiError {
    ApiError::invalid_request(message)
}

/// Says how many there are in all, and where the next part begins.
pub(crate) fn page(headers: &mut HeaderMap, total: Option<u64>, next: Option<String>) {
    if let Some(total) = total {
        headers.insert(TOTAL_COUNT, HeaderValue::from(total));
    }
    if let Some(Ok(next)) = next.map(HeaderValue::try_from) {
        headers.insert(NEXT_CURSOR, next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_whole_number_and_a_unit() {
        let read = |text| read_age(text).map(|age| age.as_secs());
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
