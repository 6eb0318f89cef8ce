//! Where a code may be sent.

use std::{fmt, str::FromStr};

/// The address that a client gets its codes at.
///
/// # Syntax
/// `https://` with a host in lower case, or `http://` with `127.0.0.1`, `[::1]` or `localhost`; a
/// port, a path and a query may follow. ASCII of RFC 3986 alone, at most 2,000 bytes; no user
/// information, no fragment, and no `.` or `..` among the parts of the path. Nothing is normalised.
///
/// # Matching
/// As exact text (RFC 9700, section 4.1.3). But of one that is registered with `127.0.0.1` or
/// `[::1]` the port may be any (RFC 8252, section 7.3); of `localhost` it may not.
///
/// # Examples
/// ```
/// use portcullis_login::RedirectUri;
///
/// let registered: RedirectUri = "http://127.0.0.1/callback".parse()?;
/// assert!(registered.accepts("http://127.0.0.1:51004/callback"));
/// assert!(!registered.accepts("http://127.0.0.1:51004/callback/"));
/// assert!("https://user@example.com/".parse::<RedirectUri>().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RedirectUri(String);

/// A text that is not an address for codes. The text itself is never kept.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseRedirectError {
    /// Over 2,000 bytes.
    #[error("a redirect URI has at most 2000 bytes")]
    TooLong,
    /// A character that may not stand there: one beyond ASCII, a `#`, an `@` before the path.
    #[error("a character that may not stand there at byte {at}")]
    Character {
        /// Its position, from 0.
        at: usize,
    },
    /// The scheme is neither `https`, nor `http` with a loopback host.
    #[error("a redirect URI is of `https`, or of `http` with a loopback host")]
    Scheme,
    /// The host is none, or not in lower case.
    #[error("the host is not one in lower case")]
    Host,
    /// The port is not 1 to 65,535.
    #[error("the port is not 1 to 65535")]
    Port,
    /// The path has a part of one or two dots.
    #[error("the path has a part of dots alone")]
    Dots,
}

/// The parts of an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Parts<'t> {
    pub(super) scheme: &'t str,
    pub(super) host: &'t str,
    pub(super) port: Option<u16>,
    /// The path and the query.
    pub(super) rest: &'t str,
}

impl RedirectUri {
    /// The most bytes of one.
    pub const MAX_BYTES: usize = 2_000;

    /// The text, as it was registered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a code may be sent to an address that a client has asked for.
    #[must_use]
    pub fn accepts(&self, asked: &str) -> bool {
        if self.0 == asked {
            return true;
        }
        let (Ok(own), Ok(asked)) = (Parts::of(&self.0), Parts::of(asked)) else {
            return false;
        };
        let is_loopback_ip = own.scheme == "http" && matches!(own.host, "127.0.0.1" | "[::1]");
        is_loopback_ip && (own.scheme, own.host, own.rest) == (asked.scheme, asked.host, asked.rest)
    }
}

impl RedirectUri {
    /// Whether its query has a parameter that stands in answers: a client that reads the first of two
    /// would take it for ours.
    pub(super) fn has_parameter_of_answer(&self) -> bool {
        let query = self.0.split_once('?').map(|(_, query)| query);
        let mut names = query
            .into_iter()
            .flat_map(|query| query.split('&'))
            .map(|pair| decoded(pair.split('=').next().unwrap_or_default()));
        names.any(|name| [&b"code"[..], b"state", b"iss", b"error"].contains(&&*name))
    }
}

/// A name of a query, as who reads it takes it.
fn decoded(name: &str) -> Vec<u8> {
    let mut parts = name.split('%');
    let mut read = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).map(|digits| u8::from_str_radix(digits, 16));
        match (digits, part.get(2..)) {
            (Some(Ok(byte)), Some(rest)) => {
                read.push(byte);
                read.extend(rest.bytes());
            }
            _ => {
                read.push(b'%');
                read.extend(part.bytes());
            }
        }
    }
    read
}

impl<'t> Parts<'t> {
    /// Reads an address without changing anything of it.
    pub(super) fn of(text: &'t str) -> Result<Self, ParseRedirectError> {
        if text.len() > RedirectUri::MAX_BYTES {
            return Err(ParseRedirectError::TooLong);
        }
        // The unreserved, the reserved but `#`, and `%` of RFC 3986, section 2.
        let is_fine =
            |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%".contains(&byte);
        if let Some(at) = text.bytes().position(|byte| !is_fine(byte)) {
            return Err(ParseRedirectError::Character { at });
        }
        let (scheme, behind) = text.split_once("://").ok_or(ParseRedirectError::Scheme)?;
        let end = behind.find(['/', '?']).unwrap_or(behind.len());
        let (authority, rest) = behind
            .split_at_checked(end)
            .ok_or(ParseRedirectError::Host)?;
        if let Some(at) = authority.find('@') {
            let at = scheme.len() + 3 + at;
            return Err(ParseRedirectError::Character { at });
        }
        let (host, port) = split_port(authority)?;
        if !is_host(host) {
            return Err(ParseRedirectError::Host);
        }
        let is_loopback = matches!(host, "127.0.0.1" | "[::1]" | "localhost");
        if scheme != "https" && !(scheme == "http" && is_loopback) {
            return Err(ParseRedirectError::Scheme);
        }
        let path = rest.split('?').next().unwrap_or_default();
        let is_dots = |part: &str| {
            let part = part.to_ascii_lowercase().replace("%2e", ".");
            part == "." || part == ".."
        };
        if path.split('/').any(is_dots) {
            return Err(ParseRedirectError::Dots);
        }
        Ok(Self {
            scheme,
            host,
            port,
            rest,
        })
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), ParseRedirectError> {
    // The colons of an address of IPv6 stand before its bracket.
    let behind = authority.rfind(']').map_or(0, |at| at + 1);
    let colon = authority.bytes().skip(behind).position(|byte| byte == b':');
    let Some(colon) = colon else {
        return Ok((authority, None));
    };
    let (host, port) = authority
        .split_at_checked(behind + colon)
        .ok_or(ParseRedirectError::Port)?;
    let port = port.strip_prefix(':').unwrap_or_default();
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0');
    let port = port.parse().ok().filter(|_| is_number);
    Ok((host, Some(port.ok_or(ParseRedirectError::Port)?)))
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').unwrap_or_default();
        return address
            .parse::<std::net::Ipv6Addr>()
            // One of IPv4 in it is written in two ways.
            .is_ok_and(|parsed| parsed.to_string() == address && !address.contains('.'));
    }
    // What ends like a number browsers take for an address of IPv4, in whatever form.
    let last = host.rsplit('.').next().unwrap_or_default();
    if is_number(last) {
        return host
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|parsed| parsed.to_string() == host);
    }
    let is_label = |label: &str| {
        let is_fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(is_fine)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

/// Of digits alone, or hexadecimal after `0x`.
fn is_number(label: &str) -> bool {
    match label.strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

impl FromStr for RedirectUri {
    type Err = ParseRedirectError;

    fn from_str(text: &str) -> Result<Self, ParseRedirectError> {
        Parts::of(text)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
