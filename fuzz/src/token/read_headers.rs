//! A request presents one credential, none, or what is refused.

use portcullis_token::{CredentialHeaders, HeaderError, Presented, Via, read_credentials};

const MAX_LENGTH: usize = 64;

/// The lines of the bytes are headers: `a` begins an authorization, `k` an API key, `q` the query.
///
/// - The outcome is that of a plain reading of the rules.
/// - A credential that was read is part of a line, is visible ASCII, and is read again as the same.
/// - A refusal points into the line that it is about, or at its end.
///
/// # Panics
/// If one of them doesn't hold.
pub fn read_headers(data: &[u8]) {
    let of_name = |name: u8| {
        let lines = data.split(|&byte| byte == b'\n');
        lines.filter_map(move |line| line.strip_prefix(&[name]))
    };
    let query = of_name(b'q').next();
    let headers = CredentialHeaders::default().with_max_length(MAX_LENGTH);
    let read = read_credentials(&headers, of_name(b'a'), of_name(b'k'), query);
    let expected = expected(
        &of_name(b'a').collect::<Vec<_>>(),
        &of_name(b'k').collect::<Vec<_>>(),
        query,
    );
    let found = match read {
        Presented::None => Ok(None),
        Presented::One(text, via) => Ok(Some((text, via))),
        Presented::Refused(error) => Err(without_position(error)),
    };
    assert_eq!(found, expected);
    match read {
        Presented::None => {}
        Presented::One(text, _) => again(&headers, text),
        Presented::Refused(error) => {
            let longest = |name| of_name(name).map(<[u8]>::len).max().unwrap_or(0);
            match error {
                HeaderError::Grammar { at } => assert!(at <= longest(b'a')),
                HeaderError::ApiKeyGrammar { at } => assert!(at <= longest(b'k')),
                _ => {}
            }
        }
    }
}

/// What was read once is read from the other header, and from both.
fn again(headers: &CredentialHeaders, text: &[u8]) {
    assert!(
        text.iter()
            .all(|byte| byte.is_ascii_graphic() && *byte != b',')
    );
    let key = || std::iter::once(text);
    let read = read_credentials(headers, std::iter::empty(), key(), None);
    assert_eq!(read, Presented::One(text, Via::ApiKeyHeader));
    let bearer = [b"BEARER  ", text].concat();
    let bearer = || std::iter::once(bearer.as_slice());
    // With its scheme and one space it may be seven bytes longer; here are two spaces.
    let fits = text.len() < MAX_LENGTH;
    for key in [None, Some(text)] {
        let read = read_credentials(headers, bearer(), key.into_iter(), None);
        if fits && is_b64token(text) {
            assert_eq!(read, Presented::One(text, Via::Bearer));
        } else {
            assert!(matches!(read, Presented::Refused(_)));
        }
    }
}

type Expected<'h> = Result<Option<(&'h [u8], Via)>, HeaderError>;

/// The rules of `read_credentials`, one after the other.
fn expected<'h>(
    authorization: &[&'h [u8]],
    api_key: &[&'h [u8]],
    query: Option<&[u8]>,
) -> Expected<'h> {
    let mut parameters = query.unwrap_or_default().split(|&byte| byte == b'&');
    let is_refused = |parameter: &[u8]| {
        let name = parameter.split(|&byte| byte == b'=').next();
        let name = decoded(name.unwrap_or_default());
        ["access_token", "api_key", "token", "key"]
            .map(str::as_bytes)
            .contains(&name.as_slice())
    };
    if parameters.any(is_refused) {
        return Err(HeaderError::InQuery);
    }
    if authorization.len() > 1 {
        return Err(HeaderError::TwoAuthorization);
    }
    if api_key.len() > 1 {
        return Err(HeaderError::TwoApiKeys);
    }
    let authorization = authorization.first().map(|value| authorization_of(value));
    let authorization = authorization.transpose()?;
    if let Some(key) = api_key.first() {
        if key.len() > MAX_LENGTH {
            return Err(HeaderError::TooLong);
        }
        if key.is_empty()
            || key
                .iter()
                .any(|byte| !byte.is_ascii_graphic() || *byte == b',')
        {
            return Err(HeaderError::ApiKeyGrammar { at: 0 });
        }
    }
    match (authorization, api_key.first()) {
        (None | Some(None), None) => Ok(None),
        (None, Some(key)) => Ok(Some((key, Via::ApiKeyHeader))),
        (Some(None), Some(_)) => Err(HeaderError::ForeignScheme),
        (Some(Some(token)), Some(key)) if token != *key => Err(HeaderError::Disagree),
        (Some(Some(token)), _) => Ok(Some((token, Via::Bearer))),
    }
}

/// The token behind `Bearer`, or `None` behind another scheme.
fn authorization_of(value: &[u8]) -> Result<Option<&[u8]>, HeaderError> {
    let mut parts = value.splitn(2, |&byte| byte == b' ');
    let scheme = parts.next().unwrap_or_default();
    let seen = scheme.get(..MAX_LENGTH).unwrap_or(scheme);
    let specials = b"!#$%&'*+-.^_`|~";
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || specials.contains(byte);
    if seen.is_empty() || !seen.iter().all(is_token) {
        return Err(HeaderError::Grammar { at: 0 });
    }
    if scheme.len() > MAX_LENGTH {
        return Err(HeaderError::TooLong);
    }
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Ok(None);
    }
    if value.len() > MAX_LENGTH + 7 {
        return Err(HeaderError::TooLong);
    }
    let rest = parts.next().unwrap_or_default();
    let spaces = rest.iter().take_while(|&&byte| byte == b' ').count();
    let token = rest.split_at(spaces).1;
    if token.len() > MAX_LENGTH {
        return Err(HeaderError::TooLong);
    }
    if is_b64token(token) {
        Ok(Some(token))
    } else {
        Err(HeaderError::Grammar { at: 0 })
    }
}

fn is_b64token(text: &[u8]) -> bool {
    let padding = text.iter().rev().take_while(|&&byte| byte == b'=').count();
    let body = text.split_at(text.len() - padding).0;
    let is_body = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    !body.is_empty() && body.iter().all(is_body)
}

fn decoded(name: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = name;
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let hex = hex.filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let value = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match value {
            Some(value) if first == b'%' => {
                bytes.push(value);
                rest = after.split_at(2).1;
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    bytes
}

fn without_position(error: HeaderError) -> HeaderError {
    match error {
        HeaderError::Grammar { .. } => HeaderError::Grammar { at: 0 },
        HeaderError::ApiKeyGrammar { .. } => HeaderError::ApiKeyGrammar { at: 0 },
        other => other,
    }
}
