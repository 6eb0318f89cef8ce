//! The names of the headers with credentials, read once.

use http::{HeaderMap, HeaderName, HeaderValue};
use portcullis_token::CredentialHeaders;

/// As [`CredentialHeaders`] has them, in the form in which headers are found: to read a name costs
/// more than to find it.
#[derive(Clone, Debug)]
pub(crate) struct CredentialNames {
    pub(crate) authorization: Option<HeaderName>,
    pub(crate) api_key: Option<HeaderName>,
}

impl CredentialNames {
    pub(crate) fn of(headers: &CredentialHeaders) -> Self {
        // INVARIANT: what those accept are names of headers.
        let name = |name: Option<&str>| name.and_then(|name| HeaderName::try_from(name).ok());
        Self {
            authorization: name(headers.authorization_header()),
            api_key: name(headers.api_key_header()),
        }
    }
}

/// The values of all lines of a header.
pub(crate) fn lines<'h>(
    headers: &'h HeaderMap,
    name: Option<&HeaderName>,
) -> impl Iterator<Item = &'h [u8]> {
    let lines = name.map(|name| headers.get_all(name).iter());
    lines.into_iter().flatten().map(HeaderValue::as_bytes)
}
