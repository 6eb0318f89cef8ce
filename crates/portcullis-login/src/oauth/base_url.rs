//! Where the service is.

use std::{fmt, str::FromStr};

use super::redirect;

/// The address of the service as browsers and clients see it, which is its issuer identifier.
///
/// # Syntax
/// `https://host` or `https://host:port`, with a host in lower case and nothing behind it but one
/// slash, which is dropped; `http://` for `localhost`, `127.0.0.1` and `[::1]` alone. The port is left
/// out if it is the usual one, and an address is written as browsers write it: it is compared with
/// what they call the origin of a form.
///
/// # Examples
/// ```
/// use portcullis_login::BaseUrl;
///
/// let base: BaseUrl = "https://api.example.com/".parse()?;
/// assert_eq!(base.as_str(), "https://api.example.com");
/// assert!("http://api.example.com".parse::<BaseUrl>().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BaseUrl(String);

/// A text that is not the base URL of a service.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "a base URL is `https://host[:port]`, or `http://` with a loopback host, without a path and \
     without the usual port"
)]
pub struct ParseBaseUrlError;

impl BaseUrl {
    /// The text, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address of a path, which begins with a slash.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Whether a `resource` (RFC 8707) names this service.
    #[must_use]
    pub fn is_resource(&self, resource: &str) -> bool {
        resource.strip_suffix('/').unwrap_or(resource) == self.0
    }
}

impl FromStr for BaseUrl {
    type Err = ParseBaseUrlError;

    fn from_str(text: &str) -> Result<Self, ParseBaseUrlError> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let parts = redirect::Parts::of(text).map_err(|_| ParseBaseUrlError)?;
        // Browsers leave the usual port out of an origin, and origins are compared with this.
        let is_usual = matches!(
            (parts.scheme, parts.port),
            ("https", Some(443)) | ("http", Some(80))
        );
        if !parts.rest.is_empty() || is_usual {
            return Err(ParseBaseUrlError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
