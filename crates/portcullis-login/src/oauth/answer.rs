//! The answer to a request for a code: an address to send the browser to.

use portcullis_core::Secret;

use super::redirect::Parts;

/// Where an answer goes, and what stands in each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer<'r> {
    pub(super) redirect_uri: &'r str,
    pub(super) state: Option<&'r str>,
    pub(super) issuer: &'r str,
}

impl Answer<'_> {
    pub(super) fn code(&self, code: &str) -> Secret<String> {
        self.with(("code", code))
    }

    pub(super) fn error(&self, error: &str) -> Secret<String> {
        self.with(("error", error))
    }

    /// With the state of the request, and the issuer, so that a client of several servers isn't
    /// mixed up (RFC 9207).
    fn with(&self, first: (&str, &str)) -> Secret<String> {
        let state = self.state.map(|state| ("state", state));
        let all = [Some(first), state, Some(("iss", self.issuer))];
        let all = all.into_iter().flatten();
        // Sized once, so that no copy of the code is left behind: a byte is at most three.
        let length: usize = all
            .clone()
            .map(|(name, value)| name.len() + 2 + 3 * value.len())
            .sum();
        let mut to = String::with_capacity(self.redirect_uri.len() + length);
        to.push_str(self.redirect_uri);
        let mut separator = if self.redirect_uri.contains('?') {
            '&'
        } else {
            '?'
        };
        for (name, value) in all {
            to.push(separator);
            to.push_str(name);
            to.push('=');
            encode(&mut to, value);
            separator = '&';
        }
        Secret::new(to)
    }
}

/// All but the unreserved characters as `%XX` (RFC 3986, section 2).
fn encode(to: &mut String, value: &str) {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or('0');
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            to.push(char::from(byte));
        } else {
            to.push('%');
            to.push(digit(byte >> 4));
            to.push(digit(byte & 15));
        }
    }
}

/// The scheme, host and port of an address.
pub(super) fn origin(redirect_uri: &str) -> String {
    let Ok(parts) = Parts::of(redirect_uri) else {
        return String::new();
    };
    let port = parts.port.map(|port| format!(":{port}"));
    format!(
        "{}://{}{}",
        parts.scheme,
        parts.host,
        port.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_appended_and_encoded() {
        let answer = Answer {
            redirect_uri: "https://app.example/cb?a=1",
            state: Some("x y&code=evil#ü"),
            issuer: "https://api.example",
        };
        assert_eq!(
            answer.code("a-b").expose(),
            "https://app.example/cb?a=1&code=a-b&state=x%20y%26code%3Devil%23%C3%BC\
             &iss=https%3A%2F%2Fapi.example"
        );
        let answer = Answer {
            redirect_uri: "http://127.0.0.1:5000",
            state: None,
            ..answer
        };
        assert_eq!(
            answer.error("access_denied").expose(),
            "http://127.0.0.1:5000?error=access_denied&iss=https%3A%2F%2Fapi.example"
        );
    }

    #[test]
    fn an_origin_ends_before_the_path() {
        assert_eq!(origin("http://[::1]:5000/a/b?c"), "http://[::1]:5000");
        assert_eq!(origin("https://app.example?c"), "https://app.example");
    }
}
