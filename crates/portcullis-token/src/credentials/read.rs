//! Reading the one credential of a request.

use super::headers::{CredentialHeaders, is_token_character};

/// What a request presents.
#[must_use = "a request whose refusal is dropped passes"]
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Presented<'h> {
    /// No credential of ours: answer 401 with a challenge.
    None,
    /// One, which may be of any format. The text is as it was sent.
    One(&'h [u8], Via),
    /// Headers that can't be read as one credential: answer 400.
    Refused(HeaderError),
}

/// The header that a credential came in.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Via {
    /// The header for API keys.
    ApiKeyHeader,
    /// `Authorization: Bearer`, also if the header for API keys held the same.
    Bearer,
}

/// Why the headers of a request can't be read as one credential. Nothing of them is kept.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum HeaderError {
    /// The header for API keys is empty, or has a byte that is no visible ASCII, or a comma.
    #[error("the API key header has a character at byte {at} that a key may not have")]
    ApiKeyGrammar {
        /// The first byte that may not stand there, or the length if one is missing.
        at: usize,
    },
    /// The two headers hold different credentials.
    #[error("the authorization and the API key header differ")]
    Disagree,
    /// `Authorization` of another scheme than `Bearer`, beside an API key.
    #[error("an authorization of another scheme beside an API key")]
    ForeignScheme,
    /// `Authorization` is not `Bearer` and a token of RFC 6750, or no scheme at all.
    #[error("the authorization header is malformed at byte {at}")]
    Grammar {
        /// The first byte that may not stand there, or the length if one is missing.
        at: usize,
    },
    /// The query has a parameter that is used for credentials.
    #[error("a credential in the query, where logs would keep it")]
    InQuery,
    /// A credential that is longer than is looked at.
    #[error("the credential is too long")]
    TooLong,
    /// More than one header for API keys.
    #[error("more than one API key header")]
    TwoApiKeys,
    /// More than one `Authorization`.
    #[error("more than one authorization header")]
    TwoAuthorization,
}

/// Finds the one credential of a request.
///
/// `authorization` and `api_key` are the values of all lines of the two headers that `headers`
/// names, in any order; a header that it doesn't name is not looked at. `query` is what stands
/// behind the `?`. Nothing is allocated, copied, trimmed or decoded.
///
/// # Matching
/// In this order, the first that applies:
/// 1. A query with a parameter that is used for credentials is refused, whatever else there is
///    (RFC 6750, section 5.3: addresses are logged).
/// 2. Two lines of a header are refused, equal or not: neither is a list (RFC 9110, section 5.3).
/// 3. A `Bearer` credential or an API key beyond the longest length is refused unread.
/// 4. `Authorization` is a scheme, then spaces and what belongs to it (RFC 9110, section 11.4).
///    The scheme `Bearer`, in any case, is followed by one or more spaces and a `b64token`
///    (RFC 6750, section 2.1) to the end. What is not that is refused.
/// 5. The header for API keys has visible ASCII without a comma, since a comma is how lines are
///    joined on the way. What is not that, or empty, is refused.
/// 6. Both headers with the same text are one credential, with different ones they are refused
///    (RFC 6750, section 2: not more than one method in a request).
/// 7. `Authorization` of another scheme is none of ours. Alone it leaves the request without a
///    credential, to be challenged. Beside an API key it is refused: it claims an identity for the
///    same server (RFC 9110, section 11.6.2), and nobody here can tell whether it is the same one.
///    Where a proxy in front authenticates with another scheme, switch
///    [`CredentialHeaders::without_authorization`].
///
/// # Examples
/// ```
/// use portcullis_token::{CredentialHeaders, HeaderError, Presented, Via, read_credentials};
///
/// let headers = CredentialHeaders::default();
/// let none = std::iter::empty;
///
/// let bearer = [b"bearer abc".as_slice()].into_iter();
/// let read = read_credentials(&headers, bearer, none(), None);
/// assert!(matches!(read, Presented::One(b"abc", Via::Bearer)));
///
/// let bearer = [b"Bearer a b".as_slice()].into_iter();
/// let read = read_credentials(&headers, bearer, none(), None);
/// assert_eq!(read, Presented::Refused(HeaderError::Grammar { at: 8 }));
/// ```
pub fn read_credentials<'h>(
    headers: &CredentialHeaders,
    authorization: impl Iterator<Item = &'h [u8]>,
    api_key: impl Iterator<Item = &'h [u8]>,
    query: Option<&[u8]>,
) -> Presented<'h> {
    match read(headers, authorization, api_key, query) {
        Ok(Some((text, via))) => Presented::One(text, via),
        Ok(None) => Presented::None,
        Err(error) => Presented::Refused(error),
    }
}

fn read<'h>(
    headers: &CredentialHeaders,
    authorization: impl Iterator<Item = &'h [u8]>,
    api_key: impl Iterator<Item = &'h [u8]>,
    query: Option<&[u8]>,
) -> Result<Option<(&'h [u8], Via)>, HeaderError> {
    if query.is_some_and(|query| headers.is_in_query(query)) {
        return Err(HeaderError::InQuery);
    }
    let authorization = match headers.authorization_header() {
        Some(_) => only(authorization, HeaderError::TwoAuthorization)?,
        None => None,
    };
    let api_key = match headers.api_key_header() {
        Some(_) => only(api_key, HeaderError::TwoApiKeys)?,
        None => None,
    };
    let max_length = headers.max_length();
    let authorization = authorization
        .map(|value| read_authorization(value, max_length))
        .transpose()?;
    let api_key = api_key
        .map(|value| read_api_key(value, max_length))
        .transpose()?;
    match (authorization, api_key) {
        (None | Some(Authorization::Foreign), None) => Ok(None),
        (None, Some(key)) => Ok(Some((key, Via::ApiKeyHeader))),
        (Some(Authorization::Foreign), Some(_)) => Err(HeaderError::ForeignScheme),
        (Some(Authorization::Bearer(token)), Some(key)) if token != key => {
            Err(HeaderError::Disagree)
        }
        (Some(Authorization::Bearer(token)), _) => Ok(Some((token, Via::Bearer))),
    }
}

enum Authorization<'h> {
    Bearer(&'h [u8]),
    Foreign,
}

fn only<'h>(
    mut lines: impl Iterator<Item = &'h [u8]>,
    several: HeaderError,
) -> Result<Option<&'h [u8]>, HeaderError> {
    let first = lines.next();
    match lines.next() {
        Some(_) => Err(several),
        None => Ok(first),
    }
}

/// `credentials = auth-scheme [ 1*SP ( token68 / #auth-param ) ]` (RFC 9110, section 11.4), of
/// which only the scheme is read if it is a foreign one.
fn read_authorization(value: &[u8], max_length: usize) -> Result<Authorization<'_>, HeaderError> {
    // What nearly all requests have, without a look at every byte of the scheme.
    if let Some((scheme, token)) = value.split_at_checked(b"Bearer ".len())
        && scheme.eq_ignore_ascii_case(b"Bearer ")
        && token.len() <= max_length
        && check_b64token(token).is_ok()
    {
        return Ok(Authorization::Bearer(token));
    }
    // A foreign value may be long, but no more is read of it than of a credential.
    let start = value.get(..max_length).unwrap_or(value);
    let is_of_scheme = |byte: &&u8| is_token_character(**byte);
    let at = start.iter().take_while(is_of_scheme).count();
    let (scheme, rest) = value.split_at_checked(at).unwrap_or_default();
    match rest.first() {
        _ if scheme.is_empty() => return Err(HeaderError::Grammar { at: 0 }),
        None | Some(b' ') => {}
        Some(_) if at == max_length => return Err(HeaderError::TooLong),
        Some(_) => return Err(HeaderError::Grammar { at }),
    }
    if !scheme.eq_ignore_ascii_case(b"Bearer") {
        return Ok(Authorization::Foreign);
    }
    // The length is the credential's; what is longer with its scheme and one space is not read.
    if value.len() > max_length.saturating_add(b"Bearer ".len()) {
        return Err(HeaderError::TooLong);
    }
    let spaces = rest.iter().take_while(|&&byte| byte == b' ').count();
    let token = rest.get(spaces..).unwrap_or_default();
    if token.len() > max_length {
        return Err(HeaderError::TooLong);
    }
    match check_b64token(token) {
        Ok(()) => Ok(Authorization::Bearer(token)),
        Err(in_token) => Err(HeaderError::Grammar {
            at: at + spaces + in_token,
        }),
    }
}

/// What the body of a `b64token` may have: looking it up costs less than comparing.
#[expect(clippy::indexing_slicing, reason = "it is evaluated by the compiler")]
const BODY: [bool; 256] = {
    let mut body = [false; 256];
    let mut byte = 0_u8;
    loop {
        body[byte as usize] =
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
        if byte == u8::MAX {
            break body;
        }
        byte += 1;
    }
};

/// `b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="` (RFC 6750, section
/// 2.1), to the end; otherwise the position of the first byte that is not.
fn check_b64token(text: &[u8]) -> Result<(), usize> {
    let is_body = |byte: u8| BODY.get(usize::from(byte)).copied().unwrap_or(false);
    if !text.is_empty() && all(text, is_body) {
        return Ok(());
    }
    let body = text.iter().take_while(|&&byte| is_body(byte)).count();
    if body == 0 {
        return Err(0);
    }
    let padding = text.iter().skip(body).take_while(|&&byte| byte == b'=');
    let end = body + padding.count();
    if end == text.len() { Ok(()) } else { Err(end) }
}

fn read_api_key(value: &[u8], max_length: usize) -> Result<&[u8], HeaderError> {
    if value.len() > max_length {
        return Err(HeaderError::TooLong);
    }
    let is_allowed = |byte: u8| byte.is_ascii_graphic() & (byte != b',');
    if !value.is_empty() && all(value, is_allowed) {
        return Ok(value);
    }
    let at = value.iter().position(|&byte| !is_allowed(byte));
    Err(HeaderError::ApiKeyGrammar {
        at: at.unwrap_or(0),
    })
}

/// Whether all bytes are allowed, looking at each of them: without branches it vectorises.
fn all(text: &[u8], is_allowed: impl Fn(u8) -> bool) -> bool {
    let mut allowed = true;
    for &byte in text {
        allowed &= is_allowed(byte);
    }
    allowed
}

impl std::fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::One(_, via) => f
                .debug_tuple("One")
                .field(&format_args!(".."))
                .field(via)
                .finish(),
            Self::Refused(error) => f.debug_tuple("Refused").field(error).finish(),
        }
    }
}
