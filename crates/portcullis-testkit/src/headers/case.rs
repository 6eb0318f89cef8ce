//! One case, and how an answer is compared with it.

use std::fmt;

use http::Method;
use serde_json::Value;

/// One way of sending a credential, or none, and what it must be answered with.
#[derive(Clone, Debug)]
pub struct HeaderCase {
    /// What is special about it.
    pub name: String,
    /// GET, unless the method is what is special.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// Names and values, in this order, a name perhaps more than once.
    pub headers: Vec<(String, Vec<u8>)>,
    pub(super) status: u64,
    pub(super) code: Option<String>,
    pub(super) challenge: Option<String>,
}

/// How a case reaches the gate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Over {
    /// As a value, past all that a server would refuse or trim.
    Function,
    /// By HTTP/1.1.
    Http1,
    /// By HTTP/2.
    Http2,
}

/// Who is asked about a credential.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Chain {
    /// The registry alone.
    Own,
    /// An authenticator for JWTs after it.
    WithJwt,
}

impl HeaderCase {
    /// In what an answer differs from what it must be; nothing if it doesn't.
    #[must_use]
    pub fn disagreement(
        &self,
        status: u16,
        challenge: Option<&[u8]>,
        body: &[u8],
    ) -> Option<String> {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let code = body.get("code").and_then(Value::as_str);
        // The answer to a HEAD has no body on the wire (RFC 9110, section 9.3.2).
        let is_told = self.method != Method::HEAD || code.is_some();
        let expected = (
            self.status,
            self.code.as_deref().filter(|_| is_told),
            self.challenge.as_deref().map(str::as_bytes),
        );
        let found = (u64::from(status), code, challenge);
        (found != expected).then(|| {
            let shown = |(status, code, challenge): (u64, Option<&str>, Option<&[u8]>)| {
                let challenge = challenge.map(String::from_utf8_lossy);
                format!(
                    "{status} {} {}",
                    code.unwrap_or("-"),
                    challenge.as_deref().unwrap_or("-")
                )
            };
            format!(
                "{self}\n  expected {}\n  found    {}",
                shown(expected),
                shown(found)
            )
        })
    }

    /// The case as the bytes of an HTTP/1.1 request, after which the connection is closed.
    #[must_use]
    pub fn to_http1(&self) -> Vec<u8> {
        let line = format!("{} {} HTTP/1.1\r\nhost: test\r\n", self.method, self.target);
        let mut request = line.into_bytes();
        for (name, value) in &self.headers {
            request.extend_from_slice(name.as_bytes());
            request.extend_from_slice(b":");
            // A space is usual there, and is not of the value.
            request.extend_from_slice(if value.starts_with(b" ") { b"" } else { b" " });
            request.extend_from_slice(value);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"connection: close\r\n\r\n");
        request
    }

    /// As [`disagreement`](Self::disagreement), for the bytes of an HTTP/1.1 answer.
    #[must_use]
    pub fn http1_disagreement(&self, answer: &[u8]) -> Option<String> {
        let end = answer.windows(4).position(|part| part == b"\r\n\r\n");
        let (head, body) = answer.split_at(end.map_or(answer.len(), |end| end + 4));
        let head = String::from_utf8_lossy(head);
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let challenges = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("www-authenticate")
                .then_some(value.trim())
        });
        // More than one line is more than is expected.
        let challenges = challenges.collect::<Vec<_>>();
        let joined = (!challenges.is_empty()).then(|| challenges.join(", "));
        let challenge = joined.as_deref().map(str::as_bytes);
        self.disagreement(status.unwrap_or(0), challenge, body)
    }
}

impl fmt::Display for HeaderCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
