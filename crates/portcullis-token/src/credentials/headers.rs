//! Where credentials are looked for.

use std::borrow::Cow;

use crate::hex;

/// The longest credential that is looked at, unless another length is set.
const MAX_LENGTH: usize = 512;

/// Where credentials are looked for: the names of the headers, and the parameters of a query that
/// may not hold one.
///
/// By default `Authorization: Bearer` and `x-api-key`, a credential of at most 512 bytes in each,
/// and a query may not have `access_token`, `api_key`, `token` or `key`.
///
/// # Examples
/// ```
/// use portcullis_token::CredentialHeaders;
///
/// let headers = CredentialHeaders::default().with_api_key_header("X-Acme-Key")?;
/// assert_eq!(headers.api_key_header(), Some("x-acme-key"));
/// assert!(headers.with_api_key_header("cookie").is_err());
/// # Ok::<(), portcullis_token::HeaderNameError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CredentialHeaders {
    authorization: Option<Cow<'static, str>>,
    api_key: Option<Cow<'static, str>>,
    query_parameters: Cow<'static, [Cow<'static, str>]>,
    max_length: usize,
}

/// Why a name can't be that of a header with a credential.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum HeaderNameError {
    /// A byte that the name of a header may not have (RFC 9110, section 5.6.2).
    #[error("a character at byte {at} that the name of a header may not have")]
    Character {
        /// Its position, from 0.
        at: usize,
    },
    /// No name at all.
    #[error("the name of a header is empty")]
    Empty,
    /// A header that means something else, or that another setting reads already.
    #[error("the header is read for something else")]
    Taken,
}

impl CredentialHeaders {
    /// Looks for an API key in this header in place of `x-api-key`.
    ///
    /// # Errors
    /// [`HeaderNameError`] if it is no name of a header, or one that means something else, such as
    /// `cookie`.
    pub fn with_api_key_header(mut self, name: &str) -> Result<Self, HeaderNameError> {
        let name = check_name(name, self.authorization.as_deref())?;
        self.api_key = Some(name);
        Ok(self)
    }

    /// Looks for `Bearer` credentials in this header in place of `authorization`, for a service
    /// behind a proxy that uses that one for itself.
    ///
    /// # Errors
    /// [`HeaderNameError`] as for [`CredentialHeaders::with_api_key_header`].
    pub fn with_authorization_header(mut self, name: &str) -> Result<Self, HeaderNameError> {
        let name = check_name(name, self.api_key.as_deref())?;
        self.authorization = Some(name);
        Ok(self)
    }

    /// Takes API keys from `Authorization: Bearer` alone.
    #[must_use]
    pub fn without_api_key_header(mut self) -> Self {
        self.api_key = None;
        self
    }

    /// Takes credentials from the header for API keys alone.
    #[must_use]
    pub fn without_authorization(mut self) -> Self {
        self.authorization = None;
        self
    }

    /// Refuses queries with these parameters in place of the default ones. None: refuses no query.
    #[must_use]
    pub fn with_query_parameters<N: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = N>,
    ) -> Self {
        let names = names.into_iter().map(|name| Cow::Owned(name.into()));
        self.query_parameters = Cow::Owned(names.collect());
        self
    }

    /// Looks at credentials of at most so many bytes in place of 512, from 64 to 16,384: less is
    /// taken for 64, more for 16,384. More is needed where another authenticator, of JWTs for
    /// example, is asked about what is read here.
    #[must_use]
    pub fn with_max_length(mut self, bytes: usize) -> Self {
        self.max_length = bytes.clamp(64, 16_384);
        self
    }

    /// The name of the header with `Bearer` credentials in lower case, if there is one.
    #[must_use]
    pub fn authorization_header(&self) -> Option<&str> {
        self.authorization.as_deref()
    }

    /// The name of the header with an API key in lower case, if there is one.
    #[must_use]
    pub fn api_key_header(&self) -> Option<&str> {
        self.api_key.as_deref()
    }

    /// The most bytes of a credential that is looked at.
    #[must_use]
    pub const fn max_length(&self) -> usize {
        self.max_length
    }

    /// Whether a query has one of the parameters that may not hold a credential.
    ///
    /// Names are compared as bytes once `%` is decoded, so `api%5Fkey` is `api_key` and `API_KEY`
    /// is not. A parameter without a value counts.
    pub(super) fn is_in_query(&self, query: &[u8]) -> bool {
        let parameters = query.split(|&byte| byte == b'&');
        let mut names = parameters.map(|parameter| {
            let end = memchr::memchr(b'=', parameter).unwrap_or(parameter.len());
            parameter.get(..end).unwrap_or_default()
        });
        names.any(|name| {
            let mut refused = self.query_parameters.iter();
            let is_encoded = memchr::memchr(b'%', name).is_some();
            refused.any(|refused| {
                name == refused.as_bytes() || (is_encoded && decoded(name).eq(refused.bytes()))
            })
        })
    }
}

impl Default for CredentialHeaders {
    fn default() -> Self {
        const QUERY: &[Cow<'static, str>] = &[
            Cow::Borrowed("access_token"),
            Cow::Borrowed("api_key"),
            Cow::Borrowed("token"),
            Cow::Borrowed("key"),
        ];
        Self {
            authorization: Some(Cow::Borrowed("authorization")),
            api_key: Some(Cow::Borrowed("x-api-key")),
            query_parameters: Cow::Borrowed(QUERY),
            max_length: MAX_LENGTH,
        }
    }
}

/// Whether a byte may stand in a token (RFC 9110, section 5.6.2), as names and schemes are.
pub(super) const fn is_token_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

fn check_name(name: &str, other: Option<&str>) -> Result<Cow<'static, str>, HeaderNameError> {
    // Headers that carry credentials of another meaning, or frame the message.
    const TAKEN: [&str; 8] = [
        "connection",
        "content-length",
        "cookie",
        "host",
        "proxy-authorization",
        "set-cookie",
        "transfer-encoding",
        "www-authenticate",
    ];
    if name.is_empty() {
        return Err(HeaderNameError::Empty);
    }
    if let Some(at) = name.bytes().position(|byte| !is_token_character(byte)) {
        return Err(HeaderNameError::Character { at });
    }
    let name = name.to_ascii_lowercase();
    if TAKEN.contains(&name.as_str()) || other == Some(name.as_str()) {
        return Err(HeaderNameError::Taken);
    }
    Ok(Cow::Owned(name))
}

/// The bytes of a name of a query, `%XX` decoded; a `%` without two digits stands for itself.
fn decoded(name: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = name;
    std::iter::from_fn(move || {
        let (&first, after) = rest.split_first()?;
        rest = after;
        if let (b'%', [high, low, after @ ..]) = (first, rest)
            && let (Some(high), Some(low)) = (hex::digit(*high), hex::digit(*low))
        {
            rest = after;
            return Some(high << 4 | low);
        }
        Some(first)
    })
}
