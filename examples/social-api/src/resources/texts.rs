//! Texts and addresses in bodies, checked.

use std::fmt::Display;

use axum::http::Uri;
use portcullis::axum::ApiError;

/// The most characters of a URL.
const MAX_URL: usize = 2_048;

/// A text that says something, of at most so many characters.
pub(super) fn prose(member: impl Display, text: String, most: usize) -> Result<String, ApiError> {
    if text.trim().is_empty() || text.chars().count() > most {
        let message = format!("`{member}`: 1 to {most} characters, not all of them spaces");
        return Err(ApiError::invalid_request(message));
    }
    Ok(text)
}

/// The same in one line, such as a name.
pub(super) fn line(member: impl Display, text: String, most: usize) -> Result<String, ApiError> {
    let text = prose(&member, text, most)?;
    if text.contains(char::is_control) {
        let message =
            format!("`{member}`: no control characters, such as a tab or the end of a line");
        return Err(ApiError::invalid_request(message));
    }
    Ok(text)
}

/// An address of the web, which is kept as it is and never fetched.
pub(super) fn url(member: impl Display, text: String) -> Result<String, ApiError> {
    let is_long = text.chars().count() > MAX_URL;
    let is_web = text.parse::<Uri>().is_ok_and(|uri| {
        let scheme = uri.scheme_str().unwrap_or_default();
        matches!(scheme, "http" | "https") && uri.host().is_some_and(|host| !host.is_empty())
    });
    if is_long || !is_web {
        let message =
            format!("`{member}`: a URL with `http` or `https`, of at most {MAX_URL} characters");
        return Err(ApiError::invalid_request(message));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_of_the_web_and_short() {
        let taken = |text: &str| url("url", text.to_owned()).is_ok();
        for text in [
            "http://example.com",
            "https://example.com:8443/a?b=c#d",
            "HTTPS://EXAMPLE.COM/",
            "http://[::1]/hook",
        ] {
            assert!(taken(text), "{text}");
        }
        for text in [
            "",
            "example.com",
            "/path",
            "ftp://example.com/a",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "http://",
            "http:///a",
            "https:example.com",
            "http://exa mple.com/",
            "http://example.com/a\nb",
            " http://example.com/",
        ] {
            assert!(!taken(text), "{text}");
        }
        let long = |length: usize| format!("http://a/{}", "x".repeat(length - 9));
        assert!(taken(&long(2_048)) && !taken(&long(2_049)));
    }

    #[test]
    fn lines_have_no_end_of_a_line_and_prose_may() {
        assert!(line("name", "a b".to_owned(), 3).is_ok());
        assert!(prose("text", "a\nb".to_owned(), 3).is_ok());
        let refused = line("name", "a\nb".to_owned(), 3).unwrap_err();
        assert!(refused.message().starts_with("`name`: no control"));
        for text in ["", " \t", "abcd"] {
            assert!(prose("text", text.to_owned(), 3).is_err(), "{text}");
        }
    }
}
